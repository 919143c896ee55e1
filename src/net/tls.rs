//! TLS handshakes that go on whatever the certificate is, and record what is wrong with it.

use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::Network;
use crate::model::facts::{Handshake, TlsSession, TlsVersion};
use crate::model::probe::Sni;

/// The root certificates that judge chains, and their name for reports.
pub struct Roots {
    /// `the system's roots`, `Mozilla's roots`, or `the system's roots and FILE`.
    pub name: String,
}

/// Application protocols to offer (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    None,
    /// `http/1.1`, for requests that we write ourselves.
    Http11,
    /// `h2` and `http/1.1`, as browsers do.
    Web,
}

/// Makes a TLS 1.2 or 1.3 handshake on `stream`, waiting at most until `deadline`, whatever the
/// certificate is. `versions`: the ones to offer (TLS 1.2, TLS 1.3 or both).
///
/// `Ok` carries the stream and what was agreed on, with the judged certificate chain; `Err` every
/// [`Handshake`] but `Completed`.
pub async fn handshake(
    _net: &Network,
    _stream: TcpStream,
    _sni: &Sni,
    _versions: &[TlsVersion],
    _alpn: Alpn,
    _deadline: Instant,
) -> Result<(TlsStream<TcpStream>, TlsSession), Handshake> {
    unimplemented!("helper A")
}
