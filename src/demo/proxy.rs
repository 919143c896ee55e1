//! The external proxy: ends TLS and sends the bytes on, as nginx's `stream` does in the guide.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::Acceptor;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, join};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::certificates::Identity;
use super::connections::close_gently;
use super::legacy_tls::{self, HANDSHAKE_RECORD, HELLO_START, Offer};
use super::place::connect;

/// One port of the proxy.
pub struct Proxy {
    /// Where the names of ClientHellos lead.
    pub names: Vec<(String, Route)>,
    /// Where other names lead, and ClientHellos without one; `None`: they are refused.
    pub otherwise: Option<Route>,
    pub old_tls: OldTls,
}

/// A certificate to show, and where the bytes inside go.
#[derive(Clone)]
pub struct Route {
    pub tls: Arc<ServerConfig>,
    /// The certificates once more, in DER.
    pub chain: Arc<[Vec<u8>]>,
    pub backend: SocketAddr,
}

/// What becomes of a ClientHello that offers less than TLS 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTls {
    Refused,
    /// TLS 1.1 is taken, what is older is not.
    Tls11Accepted,
}

/// The versions that the proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    Tls12And13,
    Tls12Only,
}

impl Route {
    /// A route that presents `identity` and forwards to `backend`.
    ///
    /// # Errors
    /// rustls's, when key and certificate do not fit.
    pub fn new(
        identity: &Identity,
        versions: Versions,
        backend: SocketAddr,
    ) -> Result<Self, rustls::Error> {
        let versions: &[_] = match versions {
            Versions::Tls12And13 => &[&TLS12, &TLS13],
            Versions::Tls12Only => &[&TLS12],
        };
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
        Ok(Self {
            tls: Arc::new(tls),
            chain: identity.chain.iter().map(|der| der.to_vec()).collect(),
            backend,
        })
    }
}

impl Proxy {
    fn route(&self, name: Option<&str>) -> Option<&Route> {
        let named = name.and_then(|name| {
            let mut names = self.names.iter();
            names.find(|(known, _)| known.eq_ignore_ascii_case(name))
        });
        named.map(|(_, route)| route).or(self.otherwise.as_ref())
    }

    /// Serves one connection.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        let mut start = [0; HELLO_START];
        start[0] = stream.read_u8().await?;
        if start[0] != HANDSHAKE_RECORD {
            // Not TLS: nginx closes without a word.
            return close_gently(stream).await;
        }
        stream.read_exact(&mut start[1..]).await?;
        match (legacy_tls::offer(&start), self.old_tls) {
            (Some(Offer::Tls11), OldTls::Tls11Accepted) => {
                let route = self.names.first().map(|(_, route)| route);
                let chain = route.map(|route| &route.chain[..]).unwrap_or_default();
                let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
                legacy_tls::accept_tls11(stream, &start, &chain).await
            }
            (Some(Offer::Older | Offer::Tls11), _) => {
                stream.read_buf(&mut Vec::with_capacity(4096)).await?;
                legacy_tls::refuse(stream).await
            }
            (Some(Offer::Tls12OrNewer) | None, _) => self.serve_tls(stream, start).await,
        }
    }

    async fn serve_tls(&self, stream: TcpStream, start: [u8; HELLO_START]) -> io::Result<()> {
        /// The fatal alert internal_error (80), as OpenSSL sends it where nginx has no
        /// certificate.
        const NO_CERTIFICATE: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
        let (incoming, outgoing) = stream.into_split();
        let incoming = start.as_slice().chain(incoming);
        let stream = join(incoming, outgoing);
        let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let Some(route) = self.route(handshake.client_hello().server_name()) else {
            let mut stream = handshake.io;
            stream.write_all(&NO_CERTIFICATE).await?;
            return close_gently(stream).await;
        };
        let mut tls = handshake.into_stream(Arc::clone(&route.tls)).await?;
        match connect(route.backend).await {
            Ok(mut backend) => copy_bidirectional(&mut tls, &mut backend).await.map(|_| ()),
            Err(_) => close_gently(tls).await,
        }
    }
}

/// Sends the bytes of one connection on as they are.
///
/// # Errors
/// The connection's.
pub async fn forward(mut stream: TcpStream, backend: SocketAddr) -> io::Result<()> {
    match connect(backend).await {
        Ok(mut backend) => copy_bidirectional(&mut stream, &mut backend).await.map(|_| ()),
        Err(_) => close_gently(stream).await,
    }
}
