//! What a browser on the operator's own machine lacks: it neither has the demo's names nor trusts the demo's
//! certificates. A door is a port that stands for one name of the deployment. For each connection it does what a
//! user's browser does: it looks the name up, connects, and verifies the certificate. What fails there ends the
//! connection; otherwise the bytes inside TLS go both ways.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::dns::Zone;
use super::place::connect;
use crate::model::dial::DialMap;
use crate::model::port::Port;
use crate::model::target::Endpoint;

/// The names of the deployment, its places, and whom a browser trusts.
#[derive(Clone)]
pub struct Street {
    pub zone: Arc<Zone>,
    pub dial: DialMap,
    pub tls: Arc<ClientConfig>,
}

/// One door.
#[derive(Clone)]
pub struct Door {
    pub name: &'static str,
    pub port: Port,
    pub street: Street,
}

/// How a browser verifies that trusts the authority with the certificate `ca_pem`.
///
/// # Errors
/// rustls's.
pub fn trust(ca_pem: &str) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca_pem.as_bytes()).flatten() {
        roots.add(root)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl Street {
    /// Where an address and port of the deployment are on this machine.
    pub fn place(&self, told: SocketAddr) -> Option<SocketAddr> {
        let port = Port::new(told.port())?;
        self.dial.elsewhere(Endpoint { address: told.ip(), port })
    }

    /// The first IPv4 address of a name.
    fn look_up(&self, name: &str) -> Option<IpAddr> {
        let mut names = self.zone.names.iter();
        let (_, addresses) = names.find(|(known, _)| known.as_str() == name)?;
        addresses.iter().copied().find(IpAddr::is_ipv4)
    }
}

impl Door {
    /// Serves one connection.
    ///
    /// # Errors
    /// When the name does not exist, the port refuses, the certificate is not right, or a connection breaks.
    pub async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let address = self.street.look_up(self.name).ok_or(io::ErrorKind::NotFound)?;
        let told = SocketAddr::new(address, self.port.number());
        let place = self.street.place(told).ok_or(io::ErrorKind::NotFound)?;
        let name = ServerName::try_from(self.name).map_err(io::Error::other)?;
        let tls = TlsConnector::from(self.street.tls);
        let mut proxy = tls.connect(name, connect(place).await?).await?;
        copy_bidirectional(&mut stream, &mut proxy).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::demo::{Demo, Fault};
    use crate::model::deployment::Policy;

    #[tokio::test]
    async fn a_door_leads_in_only_if_name_and_certificate_are_right() {
        for (fault, begins_with) in [
            (None, "HTTP/1.1 200"),
            (Some(Fault::ExpiredCertificate), ""),
            (Some(Fault::MissingIntermediate), ""),
            (Some(Fault::DnsPointsToOpenvidu), ""),
            (Some(Fault::ApiBackendDown), ""),
        ] {
            let started = Demo::start_for_browsers(Policy::Default, fault).await;
            let (_demo, doors) = started.unwrap();
            let mut stream = super::connect(doors.signalling).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            // A closed door may reset the connection.
            drop(stream.read_to_end(&mut answer).await);
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with(begins_with), "{fault:?}: {answer}");
            assert_eq!(answer.is_empty(), begins_with.is_empty(), "{fault:?}: {answer}");
        }
    }
}
