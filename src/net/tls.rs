//! TLS handshakes that accept any certificate and record what is wrong with it.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use super::roots::{Roots, RootsError};
use super::verifier::RecordingVerifier;
use super::{Network, Stream, http};
use crate::model::facts::{Handshake, ServerText, TlsSession, TlsVersion};
use crate::model::probe::Sni;
use crate::proto::{client_hello, first_bytes, tls_alert};

/// How long to wait for the rest of an answer that is known not to be TLS.
pub(super) const NAMING_WAIT: Duration = Duration::from_millis(50);

/// Application protocols to offer (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    None,
    /// `http/1.1`, for the requests of this program.
    Http11,
    /// `h2` and `http/1.1`, like browsers.
    Web,
}

/// TLS versions to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and 1.3.
    Both,
    /// Only TLS 1.2.
    Tls12,
    /// Only TLS 1.3.
    Tls13,
}

/// What a ClientHello offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    pub sni: &'a Sni,
    pub versions: Versions,
    pub alpn: Alpn,
    /// Whether signature algorithms are offered that only few clients know.
    pub more_signatures: bool,
}

impl<'a> Offer<'a> {
    /// An offer of TLS 1.2 and 1.3.
    pub fn new(sni: &'a Sni, alpn: Alpn) -> Self {
        Self { sni, versions: Versions::Both, alpn, more_signatures: false }
    }
}

/// Makes a TLS 1.2 or 1.3 handshake on `stream` with any certificate, waiting for the timeout and at
/// most until `deadline`.
///
/// `Ok` contains the stream and the negotiated parameters, with the record of the certificate chain.
/// `Err` contains every [`Handshake`] except `Completed`.
pub async fn handshake(
    net: &Network,
    stream: TcpStream,
    offer: Offer<'_>,
    deadline: Instant,
) -> Result<(TlsStream<TcpStream>, TlsSession), Handshake> {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let name = server_name(offer.sni)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(RecordingVerifier::new(
        Arc::clone(&net.roots),
        &provider,
        net.clock.now(),
        offer.sni,
        offer.more_signatures,
    ));
    let demand = Arc::new(ClientCertificateDemand::default());
    let mut config = config(provider, Arc::clone(&verifier), Arc::clone(&demand), offer.versions);
    config.enable_sni = matches!(offer.sni, Sni::Name(_));
    config.alpn_protocols = match offer.alpn {
        Alpn::None => Vec::new(),
        Alpn::Http11 => vec![b"http/1.1".to_vec()],
        Alpn::Web => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    // The ClientHello is sent here and not by the library, so that the answer can be inspected before
    // the library consumes it.
    let mut hello = Vec::new();
    let mut taken = Ok(0);
    let connect = TlsConnector::from(Arc::new(config)).connect_with(name, stream, |session| {
        taken = session.write_tls(&mut hello);
    });
    let Some(tcp) = connect.get_ref() else {
        return Err(Handshake::Broken(ServerText::new("no handshake was started")));
    };
    if let Err(error) = taken {
        return Err(how_it_ended(&error));
    }
    let answer = timeout_at(deadline, first_answer(tcp, &hello)).await;
    match answer.unwrap_or(Err(Handshake::Silent)) {
        Ok(()) => {}
        Err(ended) => return Err(ended),
    }
    let stream = match timeout_at(deadline, connect).await {
        Err(_) => return Err(Handshake::Silent),
        Ok(Err(error)) => return Err(how_it_ended(&error)),
        Ok(Ok(stream)) => stream,
    };
    let session = session(&stream, &verifier, &demand);
    Ok((stream, session))
}

fn server_name(sni: &Sni) -> Result<ServerName<'static>, Handshake> {
    match sni {
        Sni::Name(name) => ServerName::try_from(name.as_str().to_owned())
            .map_err(|error| Handshake::Broken(ServerText::new(&format!("SNI {name}: {error}")))),
        // The library requires a name, but never sends an address.
        Sni::Absent => Ok(ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<RecordingVerifier>,
    demand: Arc<ClientCertificateDemand>,
    versions: Versions,
) -> ClientConfig {
    let versions: &[&SupportedProtocolVersion] = match versions {
        Versions::Both => &[&TLS12, &TLS13],
        Versions::Tls12 => &[&TLS12],
        Versions::Tls13 => &[&TLS13],
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring has suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(demand);
    // A resumed session would contain no certificate.
    config.resumption = Resumption::disabled();
    config
}

/// Whether TLS answers to a ClientHello on `stream`, whatever it says to an old version.
pub async fn is_answered_by_tls(
    net: &Network,
    mut stream: Box<dyn Stream>,
    deadline: Instant,
) -> bool {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let hello = client_hello::build(TlsVersion::Tls11, None, rand::random());
    let mut answer = [0; 16];
    let asking = async {
        stream.write_all(&hello).await?;
        stream.flush().await?;
        stream.read(&mut answer).await
    };
    match timeout_at(deadline, asking).await {
        Ok(Ok(length)) => first_bytes::is_tls(&answer[..length]),
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Sends `hello` and waits for the first bytes of an answer, without consuming them. `Err` if the answer
/// is not TLS.
async fn first_answer(tcp: &TcpStream, hello: &[u8]) -> Result<(), Handshake> {
    send(tcp, hello).await.map_err(|error| how_it_ended(&error))?;
    let mut bytes = [0; 256];
    let mut length = peek(tcp, &mut bytes).await?;
    if length < 3 || !first_bytes::is_tls(&bytes[..length]) {
        // Further bytes show what it is, or that it is TLS after all. If the connection breaks
        // meanwhile, the bytes so far are used.
        tokio::time::sleep(NAMING_WAIT).await;
        length = peek(tcp, &mut bytes).await.unwrap_or(length);
    }
    let answer = &bytes[..length];
    let may_be_tls = length < 3 && matches!(answer, [20..=23] | [20..=23, 3]);
    if may_be_tls || first_bytes::is_tls(answer) {
        return Ok(());
    }
    Err(Handshake::NotTls(first_bytes::recognise(answer)))
}

async fn peek(tcp: &TcpStream, bytes: &mut [u8]) -> Result<usize, Handshake> {
    match tcp.peek(bytes).await {
        Ok(0) => Err(Handshake::Closed),
        Ok(length) => Ok(length),
        Err(error) => Err(how_it_ended(&error)),
    }
}

/// Writes all of `bytes` to a borrowed stream.
async fn send(tcp: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        tcp.writable().await?;
        match tcp.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The meaning of an error in the middle of a handshake.
pub(super) fn how_it_ended(error: &io::Error) -> Handshake {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(description)) => {
            let code = u8::from(*description);
            Handshake::Alert { code, name: tls_alert::name(code).to_owned() }
        }
        Some(error) => Handshake::Broken(ServerText::new(&error.to_string())),
        None if http::is_reset(error) => Handshake::Reset,
        None if error.kind() == io::ErrorKind::UnexpectedEof => Handshake::Closed,
        // The connection broke before any answer.
        None if error.kind() == io::ErrorKind::TimedOut => Handshake::Silent,
        None => Handshake::Broken(ServerText::new(&error.to_string())),
    }
}

fn session(
    stream: &TlsStream<TcpStream>,
    verifier: &RecordingVerifier,
    demand: &ClientCertificateDemand,
) -> TlsSession {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
        // The library supports no other version.
        _ => TlsVersion::Tls12,
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_"))
        .expect("a finished handshake has a cipher suite");
    TlsSession {
        version,
        cipher,
        alpn: connection.alpn_protocol().map(ServerText::from_bytes),
        certificate: verifier.recorded(),
        client_certificate_wanted: demand.0.load(Ordering::Relaxed),
    }
}

/// Records that the server asks for a client's certificate, and has none to give.
#[derive(Debug, Default)]
struct ClientCertificateDemand(AtomicBool);

impl ResolvesClientCert for ClientCertificateDemand {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
