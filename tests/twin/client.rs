//! Makes a connection for real, and says where it ended.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ovcheck::model::configuration::{Connection, Opening};
use ovcheck::model::target::Family;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::world::{Arrived, World};

/// Where a real connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    Arrived(Arrived),
    Refused,
    Alert,
    /// The other side does not speak TLS.
    NotTls,
    Closed,
    Silent,
    Redirect {
        status: u16,
        location: String,
    },
    Answer(u16),
    /// Bytes that are no HTTP.
    Text,
}

pub fn observe(world: &World, asked: &Connection) -> Observed {
    world.take_arrived();
    let seen = connect(asked);
    // What a backend says of it counts more than what its answer became on the way back.
    match world.take_arrived() {
        Some(arrived) => Observed::Arrived(arrived),
        None => seen,
    }
}

fn connect(asked: &Connection) -> Observed {
    let address = SocketAddr::new(World::proxy(asked.family == Family::V6), asked.port.number());
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) else {
        return Observed::Refused;
    };
    drop(stream.set_read_timeout(Some(Duration::from_secs(3))));
    let opening = opening_bytes(asked, &address);
    if !asked.opening.is_over_tls() {
        return talk(stream, &opening);
    }
    let name = match &asked.name {
        Some(name) => ServerName::try_from(name.as_str().to_owned()).unwrap(),
        None => ServerName::IpAddress(address.ip().into()),
    };
    let tls = ClientConnection::new(config(), name).unwrap();
    let mut stream = StreamOwned::new(tls, stream);
    while stream.conn.is_handshaking() {
        if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
            return failed(&error);
        }
    }
    talk(stream, &opening)
}

fn failed(error: &io::Error) -> Observed {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::AlertReceived(_)), _) => Observed::Alert,
        (Some(_), _) => Observed::NotTls,
        (None, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Observed::Silent,
        (None, _) => Observed::Closed,
    }
}

fn talk(mut stream: impl Read + Write, opening: &[u8]) -> Observed {
    if let Err(error) = stream.write_all(opening).and_then(|()| stream.flush()) {
        return failed(&error);
    }
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    let text = loop {
        match stream.read(&mut chunk) {
            Ok(0) => break String::from_utf8_lossy(&answer).into_owned(),
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            Err(error) if answer.is_empty() => return failed(&error),
            Err(_) => break String::from_utf8_lossy(&answer).into_owned(),
        }
        if answer.windows(4).any(|end| end == b"\r\n\r\n") {
            break String::from_utf8_lossy(&answer).into_owned();
        }
    };
    if text.is_empty() {
        return Observed::Closed;
    }
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let fields = text.lines().filter_map(|line| line.split_once(": "));
    let mut locations = fields.filter(|(name, _)| name.eq_ignore_ascii_case("location"));
    let location = locations.next().map(|(_, value)| value);
    match (status, location) {
        (Some(status @ 300..400), Some(location)) => {
            Observed::Redirect { status, location: location.trim().to_owned() }
        }
        (Some(status), _) => Observed::Answer(status),
        (None, _) => Observed::Text,
    }
}

/// The `Host` header of a client that has no name.
pub fn host_of(address: &SocketAddr) -> String {
    match address.ip() {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn opening_bytes(asked: &Connection, address: &SocketAddr) -> Vec<u8> {
    let host = asked.name.as_ref().map_or_else(|| host_of(address), ToString::to_string);
    match asked.opening {
        Opening::WebSocket => format!(
            "GET /rtc HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .into_bytes(),
        Opening::PlainHttp => format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes(),
        Opening::AcmeChallenge => {
            format!("GET /.well-known/acme-challenge/ovcheck HTTP/1.1\r\nHost: {host}\r\n\r\n")
                .into_bytes()
        }
        Opening::Stun => [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat(),
        Opening::Rtmp | Opening::PlainRtmp => {
            // As in a real one, most of it looks random.
            let random: Vec<u8> = (0..1528_usize).map(|index| (index * 37 + 11) as u8).collect();
            [&[3][..], &[0; 8], &random].concat()
        }
    }
}

fn config() -> Arc<ClientConfig> {
    let config =
        ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAny))
            .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct TakesAny;

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
