//! Handshakes of SSL 3.0, TLS 1.0 and TLS 1.1, until the server has shown that it supports them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Network, tls};
use crate::model::facts::{Handshake, ServerText, TlsSession, TlsVersion};
use crate::model::probe::Sni;
use crate::proto::client_hello::{self, Reply, ServerHello};
use crate::proto::{first_bytes, tls_alert};

/// More than the certificate chain of any honest server needs.
const READ_LIMIT: usize = 64 * 1024;

/// Long enough for a segment to be read before the next one is there.
const BETWEEN_SEGMENTS: Duration = Duration::from_millis(80);

/// Offers only `version`, which is TLS 1.1 or older, and waits for the timeout and at most until
/// `deadline`. `Completed` means that the server agreed and sent everything up to ServerHelloDone.
pub async fn handshake(
    net: &Network,
    mut stream: TcpStream,
    sni: &Sni,
    version: TlsVersion,
    deadline: Instant,
) -> Handshake {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let name = match sni {
        Sni::Name(name) => Some(name.as_str()),
        Sni::Absent => None,
    };
    let hello = client_hello::build(version, name, rand::random());
    match answer_to(&mut stream, &[hello], client_hello::read, deadline).await {
        Ok(hello) => accepted(hello, version),
        Err(ended) => ended,
    }
}

/// Sends a ClientHello that was built by hand, one segment after the other, and waits until `read`
/// finds in the answer what it looks for. `Err`: how it ended instead.
pub(super) async fn answer_to(
    stream: &mut TcpStream,
    segments: &[Vec<u8>],
    read: fn(&[u8]) -> Reply,
    deadline: Instant,
) -> Result<ServerHello, Handshake> {
    for (place, segment) in segments.iter().enumerate() {
        if place > 0 {
            tokio::time::sleep(BETWEEN_SEGMENTS).await;
        }
        match timeout_at(deadline, stream.write_all(segment)).await {
            Err(_) => return Err(Handshake::Silent),
            Ok(Err(error)) => return Err(tls::how_it_ended(&error)),
            Ok(Ok(())) => {}
        }
    }
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match read(&answer) {
            Reply::Partial => {}
            Reply::Accepted(hello) => return Ok(hello),
            Reply::Alert(code) => {
                return Err(Handshake::Alert { code, name: tls_alert::name(code).to_owned() });
            }
            Reply::NotTls => {
                // Further bytes show what it is.
                let soon = deadline.min(Instant::now() + tls::NAMING_WAIT);
                if let Ok(Ok(length)) = timeout_at(soon, stream.read(&mut chunk)).await {
                    answer.extend_from_slice(&chunk[..length]);
                }
                return Err(Handshake::NotTls(first_bytes::recognise(&answer)));
            }
            Reply::Broken(words) => return Err(Handshake::Broken(ServerText::new(words))),
        }
        if answer.len() > READ_LIMIT {
            return Err(Handshake::Broken(ServerText::new("the handshake does not end")));
        }
        match timeout_at(deadline, stream.read(&mut chunk)).await {
            Err(_) => return Err(Handshake::Silent),
            Ok(Ok(0)) => return Err(Handshake::Closed),
            Ok(Ok(length)) => answer.extend_from_slice(&chunk[..length]),
            Ok(Err(error)) => return Err(tls::how_it_ended(&error)),
        }
    }
}

fn accepted(hello: ServerHello, version: TlsVersion) -> Handshake {
    if !hello.is(version) {
        let [major, minor] = hello.version;
        let words = format!("the server chose version {major}.{minor}, which was not offered");
        return Handshake::Broken(ServerText::new(&words));
    }
    answered(hello, version)
}

/// What a ServerHello alone shows.
pub(super) fn answered(hello: ServerHello, version: TlsVersion) -> Handshake {
    Handshake::Completed(Box::new(TlsSession {
        version,
        cipher: format!("{:#06x}", hello.cipher),
        alpn: None,
        certificate: None,
        client_certificate_wanted: false,
    }))
}
