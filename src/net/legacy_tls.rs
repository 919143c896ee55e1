//! Handshakes of SSL 3.0, TLS 1.0 and TLS 1.1, until the server has shown that it supports them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Network, tls};
use crate::model::facts::{Handshake, ServerText, TlsSession, TlsVersion};
use crate::model::probe::Sni;
use crate::proto::client_hello::{self, Reply};
use crate::proto::{first_bytes, tls_alert};

/// More than the certificate chain of any honest server needs.
const READ_LIMIT: usize = 64 * 1024;

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
    match timeout_at(deadline, stream.write_all(&hello)).await {
        Err(_) => return Handshake::Silent,
        Ok(Err(error)) => return tls::how_it_ended(&error),
        Ok(Ok(())) => {}
    }
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match client_hello::read(&answer) {
            Reply::Partial => {}
            Reply::Accepted(hello) => return accepted(hello, version),
            Reply::Alert(code) => {
                return Handshake::Alert { code, name: tls_alert::name(code).to_owned() };
            }
            Reply::NotTls => {
                // Further bytes show what it is.
                let soon = deadline.min(Instant::now() + tls::NAMING_WAIT);
                if let Ok(Ok(length)) = timeout_at(soon, stream.read(&mut chunk)).await {
                    answer.extend_from_slice(&chunk[..length]);
                }
                return Handshake::NotTls(first_bytes::recognise(&answer));
            }
            Reply::Broken(words) => return Handshake::Broken(ServerText::new(words)),
        }
        if answer.len() > READ_LIMIT {
            return Handshake::Broken(ServerText::new("the handshake does not end"));
        }
        match timeout_at(deadline, stream.read(&mut chunk)).await {
            Err(_) => return Handshake::Silent,
            Ok(Ok(0)) => return Handshake::Closed,
            Ok(Ok(length)) => answer.extend_from_slice(&chunk[..length]),
            Ok(Err(error)) => return tls::how_it_ended(&error),
        }
    }
}

fn accepted(hello: client_hello::ServerHello, version: TlsVersion) -> Handshake {
    if !hello.is(version) {
        let [major, minor] = hello.version;
        let words = format!("the server chose version {major}.{minor}, which was not offered");
        return Handshake::Broken(ServerText::new(&words));
    }
    Handshake::Completed(Box::new(TlsSession {
        version,
        cipher: format!("{:#06x}", hello.cipher),
        alpn: None,
        certificate: None,
        client_certificate_wanted: false,
    }))
}
