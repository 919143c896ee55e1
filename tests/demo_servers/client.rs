//! Plain clients.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use ovcheck::demo::Demo;
use ovcheck::model::port::Port;
use ovcheck::model::target::Endpoint;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const DOMAIN: &str = "openvidu.example.io";
pub const TURN_DOMAIN: &str = "turn.example.io";
pub const PROXY: &str = "203.0.113.10";
pub const OPENVIDU: &str = "203.0.113.20";

/// For answers that have to come.
pub const LONG: Duration = Duration::from_secs(20);

/// For answers that must not come.
pub const SHORT: Duration = Duration::from_millis(300);

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

/// Where a port of the demo really is.
pub fn place(demo: &Demo, address: &str, port: u16) -> SocketAddr {
    demo.dial()
        .dialled(Endpoint { address: address.parse().unwrap(), port: Port::new(port).unwrap() })
}

pub async fn tcp(demo: &Demo, address: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(place(demo, address, port)).await
}

/// A handshake with the proxy that judges its certificate by the demo's root.
pub async fn tls(demo: &Demo, port: u16, sni: &str) -> Result<TlsStream<TcpStream>, rustls::Error> {
    tls_with(demo, port, Some(sni), BOTH).await
}

pub async fn tls_with(
    demo: &Demo,
    port: u16,
    sni: Option<&str>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsStream<TcpStream>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(demo.ca_pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_sni = sni.is_some();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(sni.unwrap_or(DOMAIN).to_owned()).unwrap();
    let stream = tcp(demo, PROXY, port).await.unwrap();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(LONG, handshake).await.unwrap().map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        rustls::Error::clone(inner.unwrap_or_else(|| panic!("no TLS error: {error}")))
    })
}

/// Sends bytes and reads what comes until the stream ends.
pub async fn exchange<S>(mut stream: S, bytes: &[u8]) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// An HTTP request to the domain; `headers`: more header lines, each with its line end.
pub async fn request<S>(stream: S, line: &str, headers: &str, body: &str) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: {length}\r\nConnection: close\r\n\
         {headers}\r\n{body}"
    );
    exchange(stream, text.as_bytes()).await
}

/// Sends bytes and expects that nothing comes and nothing ends.
pub async fn expect_silence<S>(stream: &mut S, bytes: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(bytes).await.unwrap();
    let answer = timeout(SHORT, stream.read_u8()).await;
    assert!(answer.is_err(), "not silent: {answer:?}");
}

// --- STUN, by hand (RFC 8489 §5) ---------------------------------------------------------------

const TRANSACTION: &[u8; 12] = b"transaction!";
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub fn binding() -> Vec<u8> {
    [&[0, 1, 0, 0], COOKIE.as_slice(), TRANSACTION].concat()
}

/// With REQUESTED-TRANSPORT UDP (RFC 8656 §18.8).
pub fn allocate() -> Vec<u8> {
    let transport = [0x00, 0x19, 0, 4, 17, 0, 0, 0];
    [&[0, 3, 0, 8], COOKIE.as_slice(), TRANSACTION, &transport].concat()
}

/// One STUN message from a stream.
pub async fn read_stun<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let read = async {
        let mut message = vec![0; 20];
        stream.read_exact(&mut message).await.unwrap();
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        message.resize(20 + length, 0);
        stream.read_exact(&mut message[20..]).await.unwrap();
        message
    };
    timeout(LONG, read).await.unwrap()
}

/// The value of an attribute.
pub fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    assert_eq!(&message[8..20], TRANSACTION);
    let mut rest = &message[20..];
    while let Some((head, body)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if u16::from_be_bytes([head[0], head[1]]) == wanted {
            return Some(&body[..length]);
        }
        rest = &body[length.next_multiple_of(4)..];
    }
    None
}

/// The IPv4 address in XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
pub fn mapped_address(message: &[u8]) -> IpAddr {
    let value = attribute(message, 0x0020).unwrap();
    let mut address = [0; 4];
    for (byte, (xored, key)) in address.iter_mut().zip(value[4..8].iter().zip(COOKIE)) {
        *byte = xored ^ key;
    }
    address.into()
}

/// That an answer to Allocate without credentials asks for them, as LiveKit does.
pub fn assert_challenge(message: &[u8]) {
    assert_eq!(message[..2], [0x01, 0x13]);
    assert_eq!(attribute(message, 0x0009), Some([0, 0, 4, 1].as_slice()));
    assert_eq!(attribute(message, 0x0014), Some(b"livekit".as_slice()));
    assert!(!attribute(message, 0x0015).unwrap().is_empty());
}

// --- UDP ---------------------------------------------------------------------------------------

/// What comes back for a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Udp {
    Answer(Vec<u8>),
    PortUnreachable,
}

/// Sends a datagram and waits for what has to come back.
pub async fn udp(to: SocketAddr, datagram: &[u8]) -> Udp {
    let back = udp_within(LONG, to, datagram).await;
    back.unwrap_or_else(|| panic!("UDP {to} is silent"))
}

/// Sends a Binding request and expects that nothing comes back.
pub async fn expect_udp_silence(to: SocketAddr) {
    assert_eq!(udp_within(SHORT, to, &binding()).await, None, "{to}");
}

async fn udp_within(limit: Duration, to: SocketAddr, datagram: &[u8]) -> Option<Udp> {
    let here = if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(here).await.unwrap();
    socket.connect(to).await.unwrap();
    socket.send(datagram).await.unwrap();
    let mut answer = vec![0; 1500];
    let back = match timeout(limit, socket.recv(&mut answer)).await.ok()? {
        Ok(length) => Udp::Answer(answer[..length].to_vec()),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            Udp::PortUnreachable
        }
    };
    Some(back)
}

// --- DNS ---------------------------------------------------------------------------------------

fn question(name: &str, record: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record));
    message.to_vec().unwrap()
}

fn addresses(answer: &[u8]) -> Result<Vec<String>, ResponseCode> {
    let answer = Message::from_vec(answer).unwrap();
    if answer.metadata.response_code != ResponseCode::NoError {
        return Err(answer.metadata.response_code);
    }
    let records = answer.answers.iter();
    Ok(records.map(|record| record.data.to_string()).collect())
}

/// What the demo's resolver says over UDP.
pub async fn resolve(
    demo: &Demo,
    name: &str,
    record: RecordType,
) -> Result<Vec<String>, ResponseCode> {
    let Udp::Answer(answer) = udp(demo.dns_server(), &question(name, record)).await else {
        panic!("nobody is at the resolver's port");
    };
    addresses(&answer)
}

/// What the demo's resolver says over TCP.
pub async fn resolve_over_tcp(
    demo: &Demo,
    name: &str,
    record: RecordType,
) -> Result<Vec<String>, ResponseCode> {
    let mut stream = TcpStream::connect(demo.dns_server()).await.unwrap();
    let question = question(name, record);
    let length = u16::try_from(question.len()).unwrap().to_be_bytes();
    stream.write_all(&[length.as_slice(), &question].concat()).await.unwrap();
    let length = stream.read_u16().await.unwrap();
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.unwrap();
    addresses(&answer)
}

// --- old TLS -----------------------------------------------------------------------------------

/// The first record that the proxy answers to a ClientHello of this version: its type and body.
pub async fn old_client_hello(demo: &Demo, version: [u8; 2]) -> (u8, Vec<u8>) {
    let hello = [
        version.as_slice(),
        &[7; 32],
        // No session id; two suites; no compression; no extensions.
        &[0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0],
    ]
    .concat();
    let length = u8::try_from(hello.len()).unwrap();
    let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], hello.as_slice()].concat();
    let mut stream = tcp(demo, PROXY, 443).await.unwrap();
    stream.write_all(&record).await.unwrap();
    let read = async {
        let kind = stream.read_u8().await.unwrap();
        stream.read_u16().await.unwrap();
        let mut body = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        (kind, body)
    };
    timeout(LONG, read).await.unwrap()
}
