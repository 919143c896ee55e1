//! Peers on loopback for the tests of the probes, and what the probes need themselves.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::IcmpError;
use ovcheck::model::port::Port;
use ovcheck::model::probe::{Carrier, Sni};
use ovcheck::model::target::Endpoint;
use ovcheck::net::Network;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use turn::auth::AuthHandler;
use turn::relay::relay_static::RelayAddressGeneratorStatic;
use turn::server::Server;
use turn::server::config::{ConnConfig, ServerConfig};
use webrtc_util::vnet::net::Net;

use crate::support::facts::unreachable_from;
use crate::support::networks;

/// A network without detours, whose silence lasts 1.3 s.
pub fn network() -> Network {
    network_with(DialMap::default())
}

pub fn network_with(dial: DialMap) -> Network {
    Network { dial: Arc::new(dial), ..networks::network(Duration::from_millis(1300)) }
}

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { address: address.ip(), port: port(address.port()) }
}

pub fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

/// What a Linux host at `from` says about a UDP port on which no process listens.
pub fn port_unreachable(from: &str) -> IcmpError {
    unreachable_from(from.parse().unwrap())
}

/// A UDP socket on a free port that says nothing.
pub async fn silent_udp(address: &str) -> UdpSocket {
    UdpSocket::bind((address, 0)).await.unwrap()
}

/// A UDP port that nobody listens on: one that was free a moment ago, and is not among those that
/// Linux gives out by itself to the other tests.
pub async fn closed_udp(address: &str) -> SocketAddr {
    for _ in 0..100 {
        let port = rand::random_range(12_000..20_000);
        if let Ok(socket) = UdpSocket::bind((address, port)).await {
            return socket.local_addr().unwrap();
        }
    }
    panic!("no port of {address} is free");
}

/// A UDP peer that answers each datagram with what `reply` makes of it.
pub async fn udp_peer<F>(address: &str, reply: F) -> SocketAddr
where
    F: Fn(&[u8]) -> Vec<u8> + Send + 'static,
{
    let socket = silent_udp(address).await;
    let here = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let answer = reply(&buffer[..count]);
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    here
}

/// A TURN server of the webrtc-rs family on UDP, realm `test.example`; it ends with what is
/// returned.
pub async fn turn_server(address: &str) -> (SocketAddr, Server) {
    struct Nobody;
    impl AuthHandler for Nobody {
        fn auth_handle(&self, _: &str, _: &str, _: SocketAddr) -> Result<Vec<u8>, turn::Error> {
            Err(turn::Error::ErrNilConn)
        }
    }
    let socket = silent_udp(address).await;
    let here = socket.local_addr().unwrap();
    let relay = RelayAddressGeneratorStatic {
        relay_address: address.parse::<IpAddr>().unwrap(),
        address: address.to_owned(),
        net: Arc::new(Net::new(None)),
    };
    let server = Server::new(ServerConfig {
        conn_configs: vec![ConnConfig {
            conn: Arc::new(socket),
            relay_addr_generator: Box::new(relay),
        }],
        realm: "test.example".to_owned(),
        auth_handler: Arc::new(Nobody),
        channel_bind_timeout: Duration::ZERO,
        alloc_close_notify: None,
    });
    (here, server.await.unwrap())
}

/// A TCP peer that treats each connection, counted from 0, as `serve` does.
pub async fn tcp_peer<F, Served>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream, usize) -> Served + Send + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, count));
            count += 1;
        }
    });
    here
}

/// Carries STUN messages between `stream` and the UDP server at `server`.
pub async fn carry<S>(stream: S, server: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let socket = Arc::new(silent_udp("127.0.0.1").await);
    socket.connect(server).await.unwrap();
    let (mut from_client, mut to_client) = tokio::io::split(stream);
    let back = Arc::clone(&socket);
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok(count) = back.recv(&mut buffer).await {
            if to_client.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    let mut message = vec![0; 20];
    while from_client.read_exact(&mut message[..20]).await.is_ok() {
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        message.resize(20 + length, 0);
        from_client.read_exact(&mut message[20..]).await.unwrap();
        socket.send(&message).await.unwrap();
    }
}

/// Reads once, and says nothing until the peer goes.
pub async fn hold<S: AsyncRead + Unpin>(mut stream: S) {
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
    }
}

/// TLS with a certificate for `turn.example.io` that nobody signed.
pub fn tls_acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["turn.example.io".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Over TLS, with the name of that certificate.
pub fn tls() -> Carrier {
    Carrier::Tls(Sni::Name("turn.example.io".parse().unwrap()))
}

/// Reads a request as far as it comes at once.
pub async fn read_some<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let count = stream.read(&mut buffer).await.unwrap_or(0);
    buffer.truncate(count);
    buffer
}
