//! The first messages of browsers, and the first requests over HTTP/2.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::http::is_reset;
use super::{Network, legacy_tls};
use crate::model::facts::{Handshake, HelloShape, Http2Answer, Http2Facts, TlsVersion};
use crate::model::probe::Sni;
use crate::proto::web_http2::{self, REQUEST, Received, WEBSOCKET};
use crate::proto::{browser_hello, client_hello};

/// More than two short answers need, with settings of every kind.
const READ_LIMIT: usize = 32 * 1024;

/// A ClientHello to send.
#[derive(Debug, Clone)]
pub struct Hello {
    pub shape: HelloShape,
    pub sni: Sni,
    /// Whether it offers HTTP in ALPN.
    pub speaks_http: bool,
}

/// Sends a ClientHello and waits for the timeout and at most until `deadline`.
/// `Completed` means that the server answered with a ServerHello.
pub async fn hello(
    net: &Network,
    mut stream: TcpStream,
    hello: &Hello,
    deadline: Instant,
) -> Handshake {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let name = match &hello.sni {
        Sni::Name(name) => Some(name.as_str()),
        Sni::Absent => None,
    };
    let mut random = |bytes: &mut [u8]| rand::fill(bytes);
    let segments = browser_hello::segments(hello.shape, name, hello.speaks_http, &mut random);
    // Otherwise the kernel would join what is to go in segments of its own.
    let is_cut = stream.set_nodelay(true).is_ok();
    debug_assert!(is_cut, "TCP_NODELAY can be set on every TCP socket");
    match legacy_tls::answer_to(&mut stream, &segments, client_hello::read_first, deadline).await {
        Ok(hello) => legacy_tls::answered(hello, hello.chosen().unwrap_or(TlsVersion::Tls12)),
        Err(ended) => ended,
    }
}

/// Asks for `path` over HTTP/2, and for a WebSocket at `websocket` where the server takes them.
pub async fn http2<S>(
    net: &Network,
    stream: &mut S,
    host: &str,
    [path, websocket]: [&str; 2],
    deadline: Instant,
) -> Http2Facts
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let mut bytes = Vec::new();
    let mut asks_websocket = false;
    let mut to_send = web_http2::opening(path, host);
    let over = loop {
        if !to_send.is_empty() {
            match timeout_at(deadline, send(stream, &to_send)).await {
                Err(_) => break Http2Answer::Silent,
                // What came before says why.
                Ok(_) => to_send.clear(),
            }
        }
        let received = web_http2::read(&bytes, false);
        if received.takes_websockets.is_some() && !asks_websocket {
            asks_websocket = true;
            to_send.extend(web_http2::acknowledgement());
            if received.takes_websockets == Some(true) {
                to_send.extend(web_http2::websocket(websocket, host));
            }
            continue;
        }
        if is_done(&received) || bytes.len() > READ_LIMIT {
            break Http2Answer::Silent;
        }
        let mut chunk = [0; 4096];
        match timeout_at(deadline, stream.read(&mut chunk)).await {
            Err(_) => break Http2Answer::Silent,
            Ok(Ok(0)) => break Http2Answer::Closed,
            Ok(Ok(length)) => bytes.extend_from_slice(&chunk[..length]),
            Ok(Err(error)) if is_reset(&error) => break Http2Answer::Reset,
            Ok(Err(_)) => break Http2Answer::Closed,
        }
    };
    let received = web_http2::read(&bytes, true);
    let answer = |stream| received.answer(stream).unwrap_or(&over).clone();
    Http2Facts {
        request: answer(REQUEST),
        websocket: (received.takes_websockets == Some(true)).then(|| answer(WEBSOCKET)),
    }
}

fn is_done(received: &Received) -> bool {
    let wants_websocket = received.takes_websockets == Some(true);
    received.answer(REQUEST).is_some() && (!wants_websocket || received.answer(WEBSOCKET).is_some())
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
