//! One HTTP/1.1 request on a stream that is already there, and what came back.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::Network;
use crate::model::facts::{BodyEnd, FirstBytes, HttpAnswer, HttpResponse, ServerText, UpgradeFlaw};
use crate::model::secret::Secret;
use crate::proto::first_bytes;
use crate::proto::html;
use crate::proto::http::{
    Framing, HEAD_LIMIT, Head, HeadRead, is_accept_right, read_body, read_head, upgrade_flaw,
};
use crate::proto::inflate::{self, Packing};
use crate::proto::livekit::mask::mask;

/// As many bytes of a body as can hold the characters that are kept.
const BODY_LIMIT: usize = ServerText::LIMIT * 4;

/// As many bytes of a page as hold its first words, when its title is known.
const PAGE_LIMIT: usize = 4 * 1024;

/// How long more is waited for of a body that ends with its connection. One whose end is announced
/// is waited for like a head: a filter may hold it back while it looks at it.
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
    pub head: Box<Head>,
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

/// An upgrade that was granted.
pub struct Granted {
    /// What came behind the head.
    pub behind: Vec<u8>,
    /// Why clients refuse it nevertheless.
    pub flaw: Option<UpgradeFlaw>,
}

/// Sends an upgrade request (RFC 9110 §7.8).
///
/// # Errors
/// Every answer but 101, with the token masked.
pub async fn upgrade<S>(
    net: &Network,
    stream: &mut S,
    request: &TokenRequest,
    deadline: Instant,
) -> Result<Granted, HttpAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let enough = Enough::WithoutToken(&request.token);
    let response =
        ask(stream, &request.bytes, deadline).await.map_err(|answer| without(answer, enough))?;
    if response.head.status == SWITCHING_PROTOCOLS {
        let flaw = upgrade_flaw(&request.bytes, &response.head);
        return Ok(Granted { behind: response.behind, flaw });
    }
    Err(finish(net, stream, response, enough, deadline).await)
}

/// The same answer, with the token masked. A peer that repeats the request may not be an HTTP server.
fn without(mut answer: HttpAnswer, enough: Enough<'_>) -> HttpAnswer {
    if let HttpAnswer::NotHttp(
        FirstBytes::Http(line) | FirstBytes::Ssh(line) | FirstBytes::Text(line),
    ) = &mut answer
    {
        enough.clear(line);
    }
    answer
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
    let mut begun = read_whole_head(stream, deadline).await.map_err(|answer| match answer {
        HttpAnswer::Closed | HttpAnswer::Silent if was_reset => HttpAnswer::Reset,
        answer => answer,
    })?;
    begun.head.marks.is_accept_right = is_accept_right(request, &begun.head);
    Ok(begun)
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
    let now = net.clock.now();
    let BegunResponse { head, behind } = response;
    let (body, body_end) = read_beginning(stream, &head, behind, enough, deadline).await;
    let (body, body_end) = unpacked(head.marks.encoding.as_ref(), body, body_end);
    let text = enough.cleared(&String::from_utf8_lossy(&body));
    let page = html::read(&text, head.content_type.as_ref().map(ServerText::unquoted));
    let mut response = HttpResponse {
        status: head.status,
        server: head.server,
        location: head.location,
        content_type: head.content_type,
        amz_request_id: head.amz_request_id,
        date_ahead_s: head.date.map(|date| date.seconds_since(now)),
        body: ServerText::new(&text),
        body_end,
        page: page.map(Box::new),
        marks: Box::new(head.marks),
    };
    response.each_text(&mut |text| enough.clear(text));
    HttpAnswer::Response(response)
}

/// The beginning of the body behind a head, out of its framing.
async fn read_beginning<S: AsyncRead + Unpin>(
    stream: &mut S,
    head: &Head,
    mut behind: Vec<u8>,
    enough: Enough<'_>,
    deadline: Instant,
) -> (Vec<u8>, BodyEnd) {
    loop {
        let body = read_body(head.framing, &behind);
        if body.complete {
            return (body.bytes, BodyEnd::Whole);
        }
        let is_enough = head.marks.encoding.is_none() && enough.is_in(&body.bytes);
        if behind.len() >= FRAMED_BODY_LIMIT || is_enough {
            return (body.bytes, BodyEnd::Beginning);
        }
        let is_announced = head.framing != Framing::UntilClose || behind.is_empty();
        let until = if is_announced { deadline } else { deadline.min(Instant::now() + BODY_WAIT) };
        match (read_more(stream, &mut behind, until).await, head.framing) {
            (Bytes::Some, _) => {}
            (Bytes::End, Framing::UntilClose) => return (body.bytes, BodyEnd::Whole),
            (Bytes::TimeOut, _) if !is_announced => return (body.bytes, BodyEnd::Beginning),
            (Bytes::End | Bytes::Reset | Bytes::TimeOut, _) => {
                return (body.bytes, BodyEnd::Unfinished);
            }
        }
    }
}

/// A body as it was before somebody packed it. Some fronts pack everything, whatever was asked for.
fn unpacked(encoding: Option<&ServerText>, body: Vec<u8>, end: BodyEnd) -> (Vec<u8>, BodyEnd) {
    let encoding = encoding.map_or("", ServerText::unquoted);
    if body.is_empty() || matches!(encoding, "" | "identity") {
        return (body, end);
    }
    let packing = Packing::named(encoding);
    match packing.and_then(|packing| inflate::unpack(packing, &body, FRAMED_BODY_LIMIT)) {
        Some(unpacked) => (unpacked, end),
        None => (Vec::new(), BodyEnd::Packed),
    }
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
    /// Leaves of a text of the answer what may be told.
    fn clear(self, text: &mut ServerText) {
        if let Self::WithoutToken(_) = self {
            *text = ServerText::new(&self.cleared(text.unquoted()));
        }
    }

    /// The same of a text of which nothing was cut yet.
    fn cleared(self, text: &str) -> String {
        match self {
            Self::Characters => text.to_owned(),
            Self::WithoutToken(token) => mask(text, token),
        }
    }

    fn is_in(self, body: &[u8]) -> bool {
        match self {
            // The title of a page may stand behind a long head.
            Self::Characters if body.trim_ascii_start().starts_with(b"<") => {
                body.len() >= PAGE_LIMIT && contains(body, b"</title>")
            }
            Self::Characters => body.len() >= BODY_LIMIT || has_all_characters(body),
            Self::WithoutToken(_) => false,
        }
    }
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words))
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
            configurations: crate::net::Configurations::default(),
            dial: Arc::default(),
            limits: Limits::with_timeout(Duration::from_millis(400)),
            clock: clock::Clock::start(),
            dns_servers: Arc::new([]),
            credentials: None,
            http_proxy: None,
            responders: Default::default(),
            farewells: Default::default(),
            sweeps: crate::net::sweeps::Sweeps::new(crate::model::probe::UdpRate::DEFAULT, []),
            roots: Arc::new(tls::Roots::empty()),
        }
    }

    /// What is made of a server that sends `pieces` and then ends.
    async fn answer(pieces: &'static [&'static [u8]]) -> HttpAnswer {
        let timeout = network().limits.timeout;
        answer_of(pieces, Duration::from_millis(5), End::Close, timeout).await
    }

    /// How a server goes on behind its last piece.
    #[derive(PartialEq)]
    enum End {
        Close,
        Never,
    }

    /// What is made of one that sends `pieces` with a pause behind each.
    async fn answer_of(
        pieces: &'static [&'static [u8]],
        pause: Duration,
        end: End,
        timeout: Duration,
    ) -> HttpAnswer {
        let net = Network { limits: Limits::with_timeout(timeout), ..network() };
        let (mut ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 16);
        let (mut reader, mut writer) = tokio::io::split(theirs);
        tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
        tokio::spawn(async move {
            for piece in pieces {
                writer.write_all(piece).await.unwrap();
                tokio::time::sleep(pause).await;
            }
            if end == End::Never {
                std::future::pending::<()>().await;
            }
            writer.shutdown().await.unwrap();
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        exchange(&net, &mut ours, b"GET / HTTP/1.1\r\n\r\n", deadline).await
    }

    fn response(answer: HttpAnswer) -> (u16, String) {
        let HttpAnswer::Response(response) = answer else {
            panic!("{answer:?}");
        };
        (response.status, response.body.unquoted().to_owned())
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

    fn body(answer: HttpAnswer) -> (String, BodyEnd) {
        let HttpAnswer::Response(response) = answer else {
            panic!("{answer:?}");
        };
        (response.body.unquoted().to_owned(), response.body_end)
    }

    #[tokio::test]
    async fn a_body_that_is_announced_is_waited_for_and_then_unfinished() {
        // Longer than is waited for a body that ends with its connection.
        let pause = BODY_WAIT + Duration::from_millis(50);
        let [long, short] = [5000, 50].map(Duration::from_millis);
        let late: &[&[u8]] = &[b"HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\n", b"hello"];
        let answer = answer_of(late, pause, End::Never, long).await;
        assert_eq!(body(answer), ("hello".to_owned(), BodyEnd::Whole));
        let never: &[&[u8]] = &[b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n"];
        let answer = answer_of(never, pause, End::Never, short).await;
        assert_eq!(body(answer), (String::new(), BodyEnd::Unfinished));
        let cut: &[&[u8]] = &[b"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nhel"];
        let answer = answer_of(cut, Duration::ZERO, End::Close, long).await;
        assert_eq!(body(answer), ("hel".to_owned(), BodyEnd::Unfinished));
        let until_close: &[&[u8]] = &[b"HTTP/1.1 401 No\r\n\r\nhello"];
        let answer = answer_of(until_close, pause, End::Never, long).await;
        assert_eq!(body(answer), ("hello".to_owned(), BodyEnd::Beginning));
    }

    #[tokio::test]
    async fn a_packed_body_is_unpacked_or_known_as_that() {
        // "OK", in a stored block.
        let gzip: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x02\0\xfd\xffOK",
            b"\0\0\0\0\0\0\0\0",
        ];
        assert_eq!(body(answer(gzip).await), ("OK".to_owned(), BodyEnd::Whole));
        let brotli: &[&[u8]] =
            &[b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nxx"];
        assert_eq!(body(answer(brotli).await), (String::new(), BodyEnd::Packed));
    }

    #[tokio::test]
    async fn who_speaks_is_kept() {
        let pieces: &[&[u8]] = &[
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"Staff only\", x=y\r\n\
              Retry-After: 120\r\nVia: 1.1 squid\r\nCF-RAY: 1-FRA\r\nSet-Cookie: sid=secret; x\r\n\
              Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Origin: https://a\r\n\
              Vary: Origin\r\n\r\n<html><title>Who are you?</title>",
        ];
        let HttpAnswer::Response(response) = answer(pieces).await else {
            panic!("a response");
        };
        let marks = *response.marks;
        let challenge = marks.challenge.unwrap();
        assert_eq!(challenge.scheme.unquoted(), "Basic");
        assert_eq!(challenge.realm.unwrap().unquoted(), "Staff only");
        let texts = [marks.retry_after, marks.via].map(|text| text.unwrap().unquoted().to_owned());
        assert_eq!(texts, ["120", "1.1 squid"]);
        let origins: Vec<_> = marks.allowed_origins.iter().map(ServerText::unquoted).collect();
        assert_eq!(origins, ["*", "https://a"]);
        let fields: Vec<_> = marks
            .fields
            .iter()
            .map(|field| (field.name.unquoted(), field.value.unquoted()))
            .collect();
        assert_eq!(fields, [("cf-ray", "1-FRA"), ("set-cookie", "sid")]);
        assert_eq!(response.page.unwrap().title.unwrap().unquoted(), "Who are you?");
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
