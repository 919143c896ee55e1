//! TLS 1.0 and 1.1 against a server that still speaks them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use ovcheck::model::facts::{Facts, Handshake, TlsVersion};
use ovcheck::model::probe::{ProbeSpec, TlsOffer};
use ovcheck::net::tls::Roots;
use tempfile::TempDir;

use crate::peers::{endpoint, look, network, sni};

/// `openssl s_server`, ended when dropped.
struct Server {
    process: Child,
    address: std::net::SocketAddr,
    _directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn server(version: &str, cipher: &str) -> Server {
    let directory = TempDir::new().unwrap();
    let key = rcgen::generate_simple_self_signed(vec!["openvidu.example.io".into()]).unwrap();
    let certificate = directory.path().join("certificate.pem");
    let private = directory.path().join("key.pem");
    std::fs::write(&certificate, key.cert.pem()).unwrap();
    std::fs::write(&private, key.signing_key.serialize_pem()).unwrap();
    let mut process = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", version, "-cipher", cipher])
        .arg("-cert")
        .arg(&certificate)
        .arg("-key")
        .arg(&private)
        // It ends with its input.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    // "ACCEPT 127.0.0.1:36043"
    let address = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok())
        .unwrap();
    Server { process, address, _directory: directory }
}

async fn offer(server: &Server, version: TlsVersion) -> Handshake {
    let spec = ProbeSpec::Tls {
        to: endpoint(server.address),
        sni: sni("openvidu.example.io"),
        offer: TlsOffer::Only(version),
    };
    let mut net = network(Roots::empty());
    // The server takes one connection after the other.
    net.limits = ovcheck::net::Limits::with_timeout(std::time::Duration::from_secs(5));
    match look(&net, &spec).await {
        Facts::Tls(facts) => facts.handshake.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the openssl program"]
async fn a_server_of_tls_1_1_accepts_it_and_nothing_older() {
    let server = server("-tls1_1", "ALL:@SECLEVEL=0");
    let Handshake::Completed(session) = offer(&server, TlsVersion::Tls11).await else {
        panic!("TLS 1.1 is accepted");
    };
    assert_eq!(session.version, TlsVersion::Tls11);
    assert_eq!(session.certificate, None);
    let older = offer(&server, TlsVersion::Tls10).await;
    assert!(matches!(older, Handshake::Alert { code: 70, .. }), "{older:?}");
}

#[tokio::test]
#[ignore = "needs the openssl program"]
async fn a_server_of_tls_1_0_accepts_it() {
    let server = server("-tls1", "ALL:@SECLEVEL=0");
    let accepted = offer(&server, TlsVersion::Tls10).await;
    assert!(
        matches!(&accepted, Handshake::Completed(session) if session.version == TlsVersion::Tls10),
        "{accepted:?}"
    );
}

#[tokio::test]
#[ignore = "needs the openssl program"]
async fn a_server_whose_security_level_forbids_it_does_not_accept_it() {
    let server = server("-tls1_1", "ALL:@SECLEVEL=2");
    let refused = offer(&server, TlsVersion::Tls11).await;
    assert!(matches!(refused, Handshake::Alert { .. }), "{refused:?}");
}
