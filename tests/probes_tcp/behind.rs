//! What is behind a handshake that should not have come about.

use std::sync::Arc;

use ovcheck::model::facts::{Behind, Facts, Handshake, HttpAnswer, StunAnswer};
use ovcheck::model::probe::{ProbeSpec, TlsOffer};
use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, config, params};
use crate::peers::{look, network, serve, sni};

/// After the handshake: HTTP is answered, everything else is waited over.
async fn http_only() -> Endpoint {
    let identity = Authority::new().issue(&params("openvidu.example.io"));
    let acceptor = TlsAcceptor::from(Arc::new(config(identity)));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut first = [0; 4];
            stream.read_exact(&mut first).await.unwrap();
            if &first == b"GET " {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                stream.write_all(answer).await.unwrap();
            }
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap_or(0);
        }
    })
    .await
}

async fn behind(to: Endpoint) -> Behind {
    let spec = ProbeSpec::Tls { to, sni: sni("nobody.example.io"), offer: TlsOffer::LookBehind };
    let Facts::Tls(facts) = look(&network(Roots::empty()), &spec).await else {
        panic!("facts of a TLS probe");
    };
    assert!(matches!(facts.handshake, Some(Handshake::Completed(_))));
    facts.behind.unwrap()
}

#[tokio::test]
async fn an_http_server_is_recognised_though_it_waits_over_stun() {
    let behind = behind(http_only().await).await;
    assert_eq!(behind.binding, StunAnswer::Silent);
    assert!(
        matches!(&behind.http, Some(HttpAnswer::Response(response))
            if response.status == 200 && response.body.unquoted() == "OK"),
        "{:?}",
        behind.http
    );
}

#[tokio::test]
async fn a_dead_backend_ends_both_conversations() {
    let identity = Authority::new().issue(&params("openvidu.example.io"));
    let acceptor = TlsAcceptor::from(Arc::new(config(identity)));
    let to = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut first = [0; 4];
            stream.read_exact(&mut first).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap_or(0);
        }
    })
    .await;
    let behind = behind(to).await;
    assert_eq!(behind.binding, StunAnswer::Closed);
    assert_eq!(behind.http, Some(HttpAnswer::Closed));
}
