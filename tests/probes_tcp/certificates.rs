//! What is right and wrong with a certificate chain, each thing apart.

use ovcheck::model::facts::{
    ChainFacts, Connect, Facts, FirstBytes, Handshake, ServerText, TlsFacts, TlsSession,
    TlsVersion, Trust,
};
use ovcheck::model::probe::{ProbeSpec, Sni, TlsOffer};
use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use time::{Duration, OffsetDateTime};
use tokio::io::AsyncWriteExt;

use crate::authority::{Authority, config, config_with, params, self_signed, tls_server};
use crate::peers::{look, network, serve, sni};

const NAME: &str = "openvidu.example.io";

async fn handshake(roots: Roots, to: Endpoint, sni: Sni, offer: TlsOffer) -> Handshake {
    let spec = ProbeSpec::Tls { to, sni, offer };
    let facts = look(&network(roots), &spec).await;
    let Facts::Tls(TlsFacts { connect: Connect::Accepted, handshake: Some(handshake), .. }) = facts
    else {
        panic!("{facts:?}");
    };
    handshake
}

fn completed(handshake: Handshake) -> TlsSession {
    match handshake {
        Handshake::Completed(session) => *session,
        other => panic!("{other:?}"),
    }
}

/// What is recorded of a server's chain for [`NAME`].
async fn chain(roots: Roots, to: Endpoint) -> ChainFacts {
    let session = completed(handshake(roots, to, sni(NAME), TlsOffer::Stream).await);
    session.certificate.unwrap()
}

#[tokio::test]
async fn a_right_chain_verifies_and_is_recorded_as_sent() {
    let authority = Authority::new();
    let to = tls_server(config(authority.issue(&params(NAME)))).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!(chain.trust, Trust::Verified);
    assert!(chain.name_matches);
    assert_eq!(chain.roots, "the test's root");
    assert_eq!((chain.sent, chain.certificates.len()), (2, 2));
    let leaf = &chain.certificates[0];
    assert_eq!(leaf.subject.unquoted(), "CN=openvidu.example.io");
    assert_eq!(leaf.issuer.unquoted(), "CN=Test intermediate");
    assert_eq!(leaf.names[0].unquoted(), "openvidu.example.io");
    assert_eq!(leaf.not_after.seconds_since(leaf.not_before), 91 * 24 * 3600);
    assert_eq!(chain.certificates[1].issuer.unquoted(), "CN=Test root");
}

#[tokio::test]
async fn a_wrong_name_does_not_spoil_the_chain() {
    let authority = Authority::new();
    let to = tls_server(config(authority.issue(&params("other.example.io")))).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!((chain.trust, chain.name_matches), (Trust::Verified, false));
}

#[tokio::test]
async fn an_expired_certificate_still_leads_to_its_root() {
    let authority = Authority::new();
    let mut old = params(NAME);
    old.not_before = OffsetDateTime::now_utc() - Duration::days(100);
    old.not_after = OffsetDateTime::now_utc() - Duration::days(10);
    let to = tls_server(config(authority.issue(&old))).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!((&chain.trust, chain.name_matches), (&Trust::Verified, true));
    let ended = chain.certificates[0].not_after.unix_seconds();
    assert!(ended < OffsetDateTime::now_utc().unix_timestamp());
}

#[tokio::test]
async fn a_certificate_of_the_future_still_leads_to_its_root() {
    let authority = Authority::new();
    let mut young = params(NAME);
    young.not_before = OffsetDateTime::now_utc() + Duration::days(10);
    let to = tls_server(config(authority.issue(&young))).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!(chain.trust, Trust::Verified);
    let begins = chain.certificates[0].not_before.unix_seconds();
    assert!(begins > OffsetDateTime::now_utc().unix_timestamp());
}

#[tokio::test]
async fn a_self_signed_certificate_is_named_so() {
    let to = tls_server(config(self_signed(&params(NAME)))).await;
    let chain = chain(Authority::new().roots(), to).await;
    assert_eq!((chain.trust, chain.name_matches), (Trust::SelfSigned, true));
}

#[tokio::test]
async fn a_self_signed_certificate_that_is_a_root_of_ours_verifies() {
    let identity = self_signed(&params(NAME));
    let roots = Roots::of("a file", [identity.chain[0].clone()]).unwrap();
    let to = tls_server(config(identity)).await;
    assert_eq!(chain(roots, to).await.trust, Trust::Verified);
}

#[tokio::test]
async fn a_missing_intermediate_is_told_from_an_unknown_root() {
    let authority = Authority::new();
    let mut alone = authority.issue(&params(NAME));
    alone.chain.truncate(1);
    let to = tls_server(config(alone)).await;
    let missing = chain(authority.roots(), to).await;
    assert_eq!((missing.trust, missing.sent), (Trust::IntermediateMissing, 1));
    assert!(!missing.is_vouched_for);

    let whole = authority.issue(&params(NAME));
    let to = tls_server(config(whole)).await;
    let unknown = chain(Authority::named("Another root").roots(), to).await;
    assert_eq!((unknown.trust, unknown.sent), (Trust::UnknownIssuer, 2));
}

#[tokio::test]
async fn a_certificate_sent_twice_still_lacks_its_intermediate() {
    let authority = Authority::new();
    let mut twice = authority.issue(&params(NAME));
    twice.chain[1] = twice.chain[0].clone();
    let to = tls_server(config(twice)).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!((chain.trust, chain.sent), (Trust::IntermediateMissing, 2));
}

#[tokio::test]
async fn a_certificate_alone_without_a_word_on_its_issuer_has_an_unknown_one() {
    let authority = Authority::new();
    let mut params = params(NAME);
    params.custom_extensions.clear();
    let mut alone = authority.issue(&params);
    alone.chain.truncate(1);
    let to = tls_server(config(alone)).await;
    assert_eq!(chain(authority.roots(), to).await.trust, Trust::UnknownIssuer);
}

#[tokio::test]
async fn two_faults_at_once_are_both_recorded() {
    let authority = Authority::new();
    let mut params = params("other.example.io");
    params.not_before = OffsetDateTime::now_utc() - Duration::days(100);
    params.not_after = OffsetDateTime::now_utc() - Duration::days(10);
    let mut identity = authority.issue(&params);
    identity.chain.truncate(1);
    let to = tls_server(config(identity)).await;
    let chain = chain(authority.roots(), to).await;
    assert_eq!((&chain.trust, chain.name_matches), (&Trust::IntermediateMissing, false));
    let ended = chain.certificates[0].not_after.unix_seconds();
    assert!(ended < OffsetDateTime::now_utc().unix_timestamp());
}

#[tokio::test]
async fn a_chain_with_an_expired_intermediate_is_invalid() {
    let authority = Authority::new();
    let mut old = rcgen::CertificateParams::new(Vec::new()).unwrap();
    old.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    old.distinguished_name.push(rcgen::DnType::CommonName, "Old intermediate");
    old.not_after = OffsetDateTime::now_utc() - Duration::days(10);
    let key = rcgen::KeyPair::generate().unwrap();
    let old = rcgen::CertifiedIssuer::signed_by(old, key, &authority.intermediate).unwrap();
    let root = Roots::of("the test's root", [authority.intermediate.der().clone()]).unwrap();
    let below = Authority::below(old);
    let mut leaf = params(NAME);
    leaf.not_before = OffsetDateTime::now_utc() - Duration::days(30);
    let to = tls_server(config(below.issue(&leaf))).await;
    let chain = chain(root, to).await;
    assert!(matches!(chain.trust, Trust::Invalid(_)), "{:?}", chain.trust);
    // By the signatures, an authority vouches for it, whatever the date.
    assert!(chain.is_vouched_for);
}

#[tokio::test]
async fn without_sni_no_name_matches_and_the_chain_is_judged_all_the_same() {
    let authority = Authority::new();
    let to = tls_server(config(authority.issue(&params(NAME)))).await;
    let session = completed(handshake(authority.roots(), to, Sni::Absent, TlsOffer::Stream).await);
    let chain = session.certificate.unwrap();
    assert_eq!((chain.trust, chain.name_matches), (Trust::Verified, false));
}

#[tokio::test]
async fn the_offer_decides_version_and_application_protocol() {
    let authority = Authority::new();
    let mut server = config(authority.issue(&params(NAME)));
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let to = tls_server(server).await;
    let look = async |offer| completed(handshake(authority.roots(), to, sni(NAME), offer).await);

    let web = look(TlsOffer::Web).await;
    assert_eq!(web.version, TlsVersion::Tls13);
    assert_eq!(web.cipher, "TLS_AES_256_GCM_SHA384");
    assert_eq!(web.alpn.unwrap().unquoted(), "h2");

    let stream = look(TlsOffer::Stream).await;
    assert_eq!(stream.alpn, None);

    let only = look(TlsOffer::Only(TlsVersion::Tls12)).await;
    assert_eq!(only.version, TlsVersion::Tls12);
    assert_eq!(only.cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_eq!(only.certificate, None);
}

#[tokio::test]
async fn a_version_that_the_server_refuses_is_an_alert() {
    let authority = Authority::new();
    let identity = authority.issue(&params(NAME));
    let to = tls_server(config_with(identity, &[&rustls::version::TLS12])).await;
    let look = async |version| {
        let offer = TlsOffer::Only(version);
        handshake(Roots::empty(), to, sni(NAME), offer).await
    };
    let expected = Handshake::Alert { code: 70, name: "protocol_version".into() };
    assert_eq!(look(TlsVersion::Tls13).await, expected);
    for version in [TlsVersion::Tls11, TlsVersion::Tls10, TlsVersion::Ssl3] {
        let ended = look(version).await;
        assert!(matches!(ended, Handshake::Alert { .. }), "{version}: {ended:?}");
    }
}

#[tokio::test]
async fn servers_that_do_not_speak_tls_are_named() {
    let cases: [(&'static [u8], FirstBytes); 3] = [
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n",
            FirstBytes::Http(ServerText::new("HTTP/1.1 400 Bad Request")),
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", FirstBytes::Ssh(ServerText::new("SSH-2.0-OpenSSH_9.2p1"))),
        (b"\x03\x00\x00\x00\x01\x00\x00\x00\x00\x55\x66", FirstBytes::Rtmp),
    ];
    for (greeting, expected) in cases {
        let to = serve(move |mut stream| async move {
            stream.write_all(greeting).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        })
        .await;
        for offer in [TlsOffer::Web, TlsOffer::Only(TlsVersion::Tls10)] {
            let ended = handshake(Roots::empty(), to, sni(NAME), offer).await;
            assert_eq!(ended, Handshake::NotTls(expected.clone()), "{offer}");
        }
    }
}
