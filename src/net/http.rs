//! One HTTP/1.1 request on a stream that is already there, and what came back.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::Network;
use crate::model::facts::{FirstBytes, HttpAnswer, HttpResponse, ServerText};
use crate::model::secret::Secret;
use crate::proto::first_bytes;
use crate::proto::http::{Head, HeadRead, read_body, read_head};
use crate::proto::livekit::mask::mask;

/// The longest head that is read, interim responses included.
pub(super) const HEAD_LIMIT: usize = 16 * 1024;

/// As many bytes of a body as can hold the characters that are kept.
const BODY_LIMIT: usize = ServerText::LIMIT * 4;

/// How long the beginning of a body is waited for behind its head.
const BODY_WAIT: Duration = Duration::from_millis(300);

/// The most bytes of a body that are read, framing included: chunks can swell it.
const FRAMED_BODY_LIMIT: usize = 8 * 1024;

/// A request that carries a token, which is masked in whatever answers it.
pub struct TokenRequest {
    pub bytes: Vec<u8>,
    pub token: Secret,
}

/// A response of which the head was read, and the bytes that came behind it.
pub(super) struct BegunResponse {
    pub head: Head,
    pub behind: Vec<u8>,
}

/// Sends `request` as it is and reads one response, the head (16 KiB at most) and the first bytes
/// of the body, for as long as the time-out, and until `deadline` at most.
pub async fn exchange<S>(
    net: &Network,
    stream: &mut S,
    request: &[u8],
    deadline: Instant,
) -> HttpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    answer_to(net, stream, request, Enough::Characters, deadline).await
}

/// The same for a request that carries a token.
pub async fn exchange_masked<S>(
    net: &Network,
    stream: &mut S,
    request: &TokenRequest,
    deadline: Instant,
) -> HttpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    answer_to(net, stream, &request.bytes, Enough::WithoutToken(&request.token), deadline).await
}

async fn answer_to<S>(
    net: &Network,
    stream: &mut S,
    request: &[u8],
    enough: Enough<'_>,
    deadline: Instant,
) -> HttpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    match ask(stream, request, deadline).await {
        Ok(response) => finish(net, stream, response, enough, deadline).await,
        Err(answer) => without(answer, enough),
    }
}

/// Sends an upgrade request (RFC 9110 §7.8). `Ok`: it was granted, and these bytes came behind the
/// head.
///
/// # Errors
/// Every answer but 101, with the token masked.
pub async fn upgrade<S>(
    net: &Network,
    stream: &mut S,
    request: &TokenRequest,
    deadline: Instant,
) -> Result<Vec<u8>, HttpAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let enough = Enough::WithoutToken(&request.token);
    let response =
        ask(stream, &request.bytes, deadline).await.map_err(|answer| without(answer, enough))?;
    if response.head.status == SWITCHING_PROTOCOLS {
        return Ok(response.behind);
    }
    Err(finish(net, stream, response, enough, deadline).await)
}

/// The same answer, with the token masked. A peer that repeats the request may not be an HTTP server.
fn without(answer: HttpAnswer, enough: Enough<'_>) -> HttpAnswer {
    match answer {
        HttpAnswer::NotHttp(FirstBytes::Http(line)) => {
            HttpAnswer::NotHttp(FirstBytes::Http(enough.cleared(line)))
        }
        HttpAnswer::NotHttp(FirstBytes::Ssh(line)) => {
            HttpAnswer::NotHttp(FirstBytes::Ssh(enough.cleared(line)))
        }
        HttpAnswer::NotHttp(FirstBytes::Text(line)) => {
            HttpAnswer::NotHttp(FirstBytes::Text(enough.cleared(line)))
        }
        answer => answer,
    }
}

/// Sends a request, and reads the head of its response and what came behind it.
async fn ask<S>(
    stream: &mut S,
    request: &[u8],
    deadline: Instant,
) -> Result<BegunResponse, HttpAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server that answers before it has read the whole request may interrupt the writing. Its answer
    // decides.
    let written = timeout_at(deadline, send(stream, request)).await;
    let was_reset = matches!(&written, Ok(Err(error)) if is_reset(error));
    read_whole_head(stream, deadline).await.map_err(|answer| match answer {
        HttpAnswer::Closed | HttpAnswer::Silent if was_reset => HttpAnswer::Reset,
        answer => answer,
    })
}

/// RFC 9110 §15.2.2.
const SWITCHING_PROTOCOLS: u16 = 101;

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> io::Result<()> {
    stream.write_all(request).await?;
    stream.flush().await
}

/// Whether the peer broke the connection off, rather than ending it.
pub fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// What one wait for bytes ended with.
enum Bytes {
    Some,
    End,
    Reset,
    TimeOut,
}

async fn read_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    deadline: Instant,
) -> Bytes {
    let mut chunk = [0; 4096];
    match timeout_at(deadline, stream.read(&mut chunk)).await {
        Err(_) => Bytes::TimeOut,
        Ok(Ok(0)) => Bytes::End,
        Ok(Ok(length)) => {
            buffer.extend_from_slice(&chunk[..length]);
            Bytes::Some
        }
        Ok(Err(error)) if is_reset(&error) => Bytes::Reset,
        // Over TLS: an alert, or an end without close_notify (RFC 8446 §6.1).
        Ok(Err(_)) => Bytes::End,
    }
}

/// Reads up to the end of a head, and gives what came behind it too.
async fn read_whole_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    deadline: Instant,
) -> Result<BegunResponse, HttpAnswer> {
    let mut buffer = Vec::new();
    let mut received = 0;
    loop {
        let before = buffer.len();
        let came = read_more(stream, &mut buffer, deadline).await;
        received += buffer.len() - before;
        match (came, received) {
            (Bytes::Some, _) => {}
            (Bytes::End, 0) => return Err(HttpAnswer::Closed),
            (Bytes::Reset, 0) => return Err(HttpAnswer::Reset),
            (Bytes::TimeOut, 0) => return Err(HttpAnswer::Silent),
            (Bytes::End | Bytes::Reset | Bytes::TimeOut, _) => {
                return Err(broken_off(&buffer, received));
            }
        }
        let head = match read_final_head(&mut buffer) {
            HeadRead::Partial if received <= HEAD_LIMIT => continue,
            HeadRead::Partial | HeadRead::TooLong => {
                return Err(HttpAnswer::Unfinished { bytes: received });
            }
            HeadRead::NotHttp => return Err(HttpAnswer::NotHttp(first_bytes::recognise(&buffer))),
            HeadRead::Head(head) => head,
        };
        let behind = buffer.split_off(head.bytes.min(buffer.len()));
        return Ok(BegunResponse { head, behind });
    }
}

/// Reads a head, and drops those of interim responses before it (RFC 9110 §15.2).
fn read_final_head(buffer: &mut Vec<u8>) -> HeadRead {
    loop {
        let read = read_head(buffer);
        let interim = match &read {
            HeadRead::Head(head) if matches!(head.status, 100 | 102..=199) => head.bytes,
            HeadRead::Head(_) | HeadRead::Partial | HeadRead::TooLong | HeadRead::NotHttp => {
                return read;
            }
        };
        buffer.drain(..interim.min(buffer.len()));
        if buffer.is_empty() {
            return HeadRead::Partial;
        }
    }
}

/// What bytes mean behind which nothing comes any more.
pub(super) fn broken_off(buffer: &[u8], bytes: usize) -> HttpAnswer {
    if buffer.starts_with(&b"HTTP/1."[..buffer.len().min(7)]) {
        HttpAnswer::Unfinished { bytes }
    } else {
        HttpAnswer::NotHttp(first_bytes::recognise(buffer))
    }
}

/// Reads the beginning of the body, and puts the answer together.
pub(super) async fn finish<S: AsyncRead + Unpin>(
    net: &Network,
    stream: &mut S,
    response: BegunResponse,
    enough: Enough<'_>,
    deadline: Instant,
) -> HttpAnswer {
    let BegunResponse { head, mut behind } = response;
    let now = net.clock.now();
    let deadline = deadline.min(Instant::now() + BODY_WAIT);
    let body = loop {
        let body = read_body(head.framing, &behind);
        if body.complete || behind.len() >= FRAMED_BODY_LIMIT || enough.is_in(&body.bytes) {
            break body;
        }
        match read_more(stream, &mut behind, deadline).await {
            Bytes::Some => {}
            Bytes::End | Bytes::Reset | Bytes::TimeOut => break body,
        }
    };
    let field = |text: ServerText| enough.cleared(text);
    HttpAnswer::Response(HttpResponse {
        status: head.status,
        server: head.server.map(field),
        location: head.location.map(field),
        content_type: head.content_type.map(field),
        amz_request_id: head.amz_request_id.map(field),
        date_ahead_s: head.date.map(|date| date.seconds_since(now)),
        body: match enough {
            Enough::Characters => ServerText::from_bytes(&body.bytes),
            // Masked before anything is cut.
            Enough::WithoutToken(token) => {
                ServerText::new(&mask(&String::from_utf8_lossy(&body.bytes), token))
            }
        },
    })
}

/// How much of a body is read.
#[derive(Clone, Copy)]
pub(super) enum Enough<'a> {
    /// As many characters as are kept.
    Characters,
    /// Up to the size limit: this token has to be masked before anything is cut.
    WithoutToken(&'a Secret),
}

impl Enough<'_> {
    /// A text of the answer, as it may be told.
    fn cleared(self, text: ServerText) -> ServerText {
        match self {
            Self::Characters => text,
            Self::WithoutToken(token) => ServerText::new(&mask(text.as_str(), token)),
        }
    }

    fn is_in(self, body: &[u8]) -> bool {
        match self {
            Self::Characters => body.len() >= BODY_LIMIT || has_all_characters(body),
            Self::WithoutToken(_) => false,
        }
    }
}

fn has_all_characters(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).chars().count() > ServerText::LIMIT
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::DuplexStream;

    use super::*;
    use crate::model::facts::FirstBytes;
    use crate::net::{Limits, clock, tls};

    fn network() -> Network {
        Network {
            dial: Arc::default(),
            limits: Limits::with_timeout(Duration::from_millis(400)),
            clock: clock::Clock::start(),
            dns_servers: Arc::new([]),
            credentials: None,
            http_proxy: None,
            farewells: Default::default(),
            roots: Arc::new(tls::Roots::empty()),
        }
    }

    /// What is made of a server that sends `pieces` and then ends.
    async fn answer(pieces: &'static [&'static [u8]]) -> HttpAnswer {
        let (mut ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 16);
        let (mut reader, mut writer) = tokio::io::split(theirs);
        tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
        tokio::spawn(async move {
            for piece in pieces {
                writer.write_all(piece).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            writer.shutdown().await.unwrap();
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        exchange(&network(), &mut ours, b"GET / HTTP/1.1\r\n\r\n", deadline).await
    }

    fn response(answer: HttpAnswer) -> (u16, String) {
        let HttpAnswer::Response(response) = answer else {
            panic!("{answer:?}");
        };
        (response.status, response.body.to_string())
    }

    #[tokio::test]
    async fn a_response_in_pieces_is_put_together() {
        let pieces: &[&[u8]] = &[
            b"HTTP/1.1 401 Unau",
            b"thorized\r\nContent-Length: 5\r",
            b"\n\r\nhe",
            b"llo and more",
        ];
        assert_eq!(response(answer(pieces).await), (401, "hello".to_owned()));
    }

    #[tokio::test]
    async fn interim_responses_are_passed_over() {
        let pieces: &[&[u8]] = &[
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        ];
        assert_eq!(response(answer(pieces).await), (200, "OK".to_owned()));
    }

    #[tokio::test]
    async fn an_end_without_a_byte_is_closed() {
        assert_eq!(answer(&[]).await, HttpAnswer::Closed);
    }

    #[tokio::test]
    async fn half_a_head_is_unfinished() {
        let half = answer(&[b"HTTP/1.1 200 OK\r\nServer: x"]).await;
        assert_eq!(half, HttpAnswer::Unfinished { bytes: 26 });
    }

    #[tokio::test]
    async fn another_protocol_is_named() {
        let alert = answer(&[&[0x15, 3, 3, 0, 2, 2, 10]]).await;
        assert_eq!(alert, HttpAnswer::NotHttp(FirstBytes::Tls));
        let short = answer(&[&[3]]).await;
        assert_eq!(short, HttpAnswer::NotHttp(FirstBytes::Binary("03".into())));
    }

    #[tokio::test]
    async fn the_date_is_compared_with_our_clock() {
        let pieces: &[&[u8]] =
            &[b"HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 1970 00:01:00 GMT\r\n\r\n"];
        let HttpAnswer::Response(response) = answer(pieces).await else {
            panic!("a response");
        };
        let now = network().clock.now().unix_seconds();
        let ahead = response.date_ahead_s.unwrap();
        assert!((60 - now - ahead).abs() <= 5, "{ahead}");
    }
}
