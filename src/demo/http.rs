//! As much of an HTTP/1.1 server (RFC 9112) as the demo needs.

use std::io;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::model::timestamp::Timestamp;

/// Bytes of the largest head and the largest body, and the number of fields, that are read.
const LARGEST_HEAD: usize = 16 * 1024;
const LARGEST_BODY: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter in the query, as it was sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut parameters = query.split('&').filter_map(|one| one.split_once('='));
        parameters.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Whether a header holds this word in its list separated by commas, whatever its case and on
    /// whichever of its lines (RFC 9110 §5.3).
    pub fn header_lists(&self, name: &str, word: &str) -> bool {
        let headers = self.headers.iter();
        let mut lines = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        lines.any(|(_, value)| {
            let mut parts = value.split(',');
            parts.any(|part| part.trim().eq_ignore_ascii_case(word))
        })
    }
}

/// What came on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    Request(Request),
    /// Something other than a request, or a request that is too large.
    Bad,
    /// End of stream between two requests.
    End,
}

/// Reads requests from a stream, one after the other.
#[derive(Default)]
pub struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads the next request. Says nothing before a line has ended: that is how Go's server and
    /// nginx wait.
    ///
    /// # Errors
    /// The stream's.
    pub async fn next<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Incoming> {
        let (mut request, length) = loop {
            match head(&self.buffer) {
                Head::Whole(request, length) => break (request, length),
                Head::Bad => return Ok(Incoming::Bad),
                Head::Partial if self.buffer.len() > LARGEST_HEAD => return Ok(Incoming::Bad),
                Head::Partial => {}
            }
            if !self.read_more(stream).await? {
                return Ok(Incoming::End);
            }
        };
        self.buffer.drain(..length);
        let body = match request.header("Content-Length").map(str::parse::<usize>) {
            None => 0,
            Some(Ok(body)) if body <= LARGEST_BODY => body,
            Some(_) => return Ok(Incoming::Bad),
        };
        while self.buffer.len() < body {
            if !self.read_more(stream).await? {
                return Ok(Incoming::End);
            }
        }
        request.body = self.buffer.drain(..body).collect();
        Ok(Incoming::Request(request))
    }

    /// What has been read and belongs to no request.
    pub fn into_rest(self) -> Vec<u8> {
        self.buffer
    }

    /// `false` at the end of the stream.
    async fn read_more<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).await?;
        self.buffer.extend_from_slice(&chunk[..length]);
        Ok(length > 0)
    }
}

enum Head {
    /// And how many bytes it has.
    Whole(Request, usize),
    Partial,
    Bad,
}

fn head(bytes: &[u8]) -> Head {
    let Some(line_end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return Head::Partial;
    };
    let line = &bytes[..line_end];
    if !line.windows(6).any(|window| window == b"HTTP/1") {
        return Head::Bad;
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let request = Request {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                headers: request
                    .headers
                    .iter()
                    .map(|header| (header.name.to_owned(), text(header.value)))
                    .collect(),
                body: Vec::new(),
            };
            Head::Whole(request, length)
        }
        Ok(httparse::Status::Partial) => Head::Partial,
        Err(_) => Head::Bad,
    }
}

/// One response.
pub struct Response {
    /// Status code and reason phrase.
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    /// Sends the response, with its length.
    ///
    /// # Errors
    /// The stream's.
    pub async fn send<S: AsyncWrite + Unpin>(&self, stream: &mut S) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        text.push_str(&self.body);
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await
    }
}

/// A point in time as the `Date` header writes it (RFC 9110 §5.6.7).
pub fn date(time: Timestamp) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    OffsetDateTime::from_unix_timestamp(time.unix_seconds())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&format)
        .expect("every part of this format is a part of every date")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Vec<Incoming> {
        let mut stream = bytes;
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for _ in 0..8 {
            let incoming = reader.next(&mut stream).await.unwrap();
            let last = !matches!(incoming, Incoming::Request(_));
            all.push(incoming);
            if last {
                break;
            }
        }
        all
    }

    #[test]
    fn a_date_is_written_as_http_does() {
        let time = Timestamp::from_unix_seconds(784_111_777);
        assert_eq!(date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[tokio::test]
    async fn two_requests_on_one_connection_are_read_one_after_the_other() {
        let bytes = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /b?c HTTP/1.1\r\n\r\n";
        let all = read(bytes).await;
        let [Incoming::Request(a), Incoming::Request(b), Incoming::End] = all.as_slice() else {
            panic!("{all:?}");
        };
        assert_eq!((a.method.as_str(), a.path()), ("POST", "/a"));
        assert_eq!((b.target.as_str(), b.path()), ("/b?c", "/b"));
    }

    #[tokio::test]
    async fn bytes_without_a_line_end_are_waited_on() {
        assert_eq!(read(b"\x00\x01\x00\x00\x21\x12").await, [Incoming::End]);
        assert_eq!(read(b"\x00\x01\x00\x00\x21\x12\n").await, [Incoming::Bad]);
    }

    #[tokio::test]
    async fn a_head_or_body_beyond_the_limits_is_refused() {
        let endless = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 20_000]].concat();
        assert_eq!(read(&endless).await, [Incoming::Bad]);
        let huge = b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n";
        assert_eq!(read(huge).await, [Incoming::Bad]);
    }
}
