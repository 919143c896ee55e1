//! A message to a server of the operator: one POST over HTTP/1.1.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::roots::Roots;
use crate::model::url::Url;
use crate::proto::http::{HEAD_LIMIT, HeadRead, read_head};

/// The time of a message, with name, connection and answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Sends messages. Certificates of servers are verified with the roots of this machine.
pub struct HookSender {
    tls: TlsConnector,
}

/// A message.
pub struct HookMessage<'a> {
    pub url: &'a Url,
    /// Fields of the head beside those that every request has; without line breaks.
    pub fields: &'a [(&'static str, String)],
    /// JSON.
    pub body: &'a [u8],
}

impl HookSender {
    /// Reads the roots of this machine.
    pub fn new() -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has suites for TLS 1.2 and 1.3")
            .with_root_certificates(Roots::system().all())
            .with_no_client_auth();
        Self { tls: TlsConnector::from(Arc::new(config)) }
    }

    /// Sends a message. Returns the status of the answer; a redirect is not followed.
    ///
    /// # Errors
    /// If the server does not answer with HTTP within 5 seconds.
    pub async fn post(&self, message: &HookMessage<'_>) -> io::Result<u16> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 seconds");
        timeout(LONGEST, self.exchange(message)).await.map_err(late)?
    }

    async fn exchange(&self, message: &HookMessage<'_>) -> io::Result<u16> {
        let host = message.url.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        #[expect(clippy::disallowed_methods, reason = "a server that the operator named")]
        let stream = TcpStream::connect((host.as_str(), message.url.port)).await?;
        let request = request(message);
        if message.url.scheme != "https" {
            return answer(stream, &request).await;
        }
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        answer(self.tls.connect(name, stream).await?, &request).await
    }
}

impl Default for HookSender {
    fn default() -> Self {
        Self::new()
    }
}

fn request(message: &HookMessage<'_>) -> Vec<u8> {
    let HookMessage { url, fields, body } = message;
    let query = url.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let authority = url.origin().split_once("://").map_or_else(String::new, |it| it.1.to_owned());
    let mut head = format!(
        "POST {}{query} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: ovcheck/{}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
        url.path,
        env!("CARGO_PKG_VERSION"),
        body.len()
    );
    for (name, value) in *fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends a request, and reads the head of its answer.
async fn answer<S>(mut stream: S, request: &[u8]) -> io::Result<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    loop {
        let length = stream.read(&mut part).await?;
        head.extend_from_slice(&part[..length]);
        match read_head(&head) {
            HeadRead::Head(head) => return Ok(head.status),
            HeadRead::Partial if length > 0 && head.len() < HEAD_LIMIT => {}
            HeadRead::Partial | HeadRead::TooLong | HeadRead::NotHttp => {
                return Err(io::Error::other("the answer is not HTTP"));
            }
        }
    }
}
