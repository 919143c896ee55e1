//! Every fault is there, as somebody outside meets it.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use ovcheck::demo::{Demo, Fault};
use ovcheck::model::deployment::Policy;
use rustls::{AlertDescription, CertificateError, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::call::*;
use crate::client::*;
use crate::ice::*;
use crate::right::seconds_ahead;

async fn demo(fault: Fault) -> Demo {
    Demo::start(fault.policy(), Some(fault)).await.unwrap()
}

#[tokio::test]
async fn turn_name_reaches_api() {
    let demo = demo(Fault::TurnNameReachesApi).await;
    let stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    let answer = request(stream, "GET /", "", "").await;
    assert!(answer.ends_with("\r\n\r\nOK"), "{answer}");
}

#[tokio::test]
async fn turn_backend_down() {
    let demo = demo(Fault::TurnBackendDown).await;
    let stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    assert_eq!(exchange(stream, &binding()).await, "");
    assert!(tls(&demo, 443, DOMAIN).await.is_ok());
}

#[tokio::test]
async fn api_backend_down() {
    let demo = demo(Fault::ApiBackendDown).await;
    let stream = tls(&demo, 443, DOMAIN).await.unwrap();
    assert_eq!(request(stream, "GET /rtc/validate", "", "").await, "");
}

#[tokio::test]
async fn turn_certificate_wrong_name() {
    let demo = demo(Fault::TurnCertificateWrongName).await;
    let error = tls(&demo, 443, TURN_DOMAIN).await.unwrap_err();
    assert!(
        matches!(error, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn missing_intermediate() {
    let demo = demo(Fault::MissingIntermediate).await;
    let error = tls(&demo, 443, DOMAIN).await.unwrap_err();
    assert_eq!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer));
    assert!(tls(&demo, 443, TURN_DOMAIN).await.is_ok());
}

#[tokio::test]
async fn expired_certificate() {
    let demo = demo(Fault::ExpiredCertificate).await;
    let error = tls(&demo, 443, DOMAIN).await.unwrap_err();
    assert!(
        matches!(error, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn self_signed_certificate() {
    let demo = demo(Fault::SelfSignedCertificate).await;
    let error = tls(&demo, 443, DOMAIN).await.unwrap_err();
    assert!(matches!(error, Error::InvalidCertificate(_)), "{error:?}");
    assert!(tls(&demo, 443, TURN_DOMAIN).await.is_ok());
}

#[tokio::test]
async fn no_redirect() {
    let demo = demo(Fault::NoRedirect).await;
    let stream = tcp(&demo, PROXY, 80).await.unwrap();
    let answer = request(stream, "GET /", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn rtmp_plaintext() {
    let demo = demo(Fault::RtmpPlaintext).await;
    let mut stream = tcp(&demo, PROXY, 1935).await.unwrap();
    stream.write_all(&[3]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 3);
}

#[tokio::test]
async fn dns_points_to_openvidu() {
    let demo = demo(Fault::DnsPointsToOpenvidu).await;
    let a = async |name| resolve(&demo, name, RecordType::A).await;
    assert_eq!(a(DOMAIN).await, Ok(vec!["203.0.113.20".to_owned()]));
    assert_eq!(a(TURN_DOMAIN).await, Ok(vec!["203.0.113.10".to_owned()]));
}

#[tokio::test]
async fn turn_name_missing() {
    let demo = demo(Fault::TurnNameMissing).await;
    let a = async |name| resolve(&demo, name, RecordType::A).await;
    assert_eq!(a(TURN_DOMAIN).await, Err(ResponseCode::NXDomain));
    assert_eq!(a(DOMAIN).await, Ok(vec!["203.0.113.10".to_owned()]));
}

#[tokio::test]
async fn api_websocket_blocked() {
    let demo = demo(Fault::ApiWebsocketBlocked).await;
    let stream = tls(&demo, 443, DOMAIN).await.unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let answer = request(stream, "GET /rtc", upgrade, "").await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
}

#[tokio::test]
async fn unknown_name_served() {
    let demo = demo(Fault::UnknownNameServed).await;
    let both = [&rustls::version::TLS12, &rustls::version::TLS13];
    // Without a name the client expects the domain's certificate, and gets it.
    let stream = tls_with(&demo, 443, None, &both).await.unwrap();
    let answer = request(stream, "GET /rtc/validate", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    let error = tls(&demo, 443, "unknown.example.net").await.unwrap_err();
    assert!(
        matches!(error, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls11_accepted() {
    let demo = demo(Fault::Tls11Accepted).await;
    let (kind, body) = old_client_hello(&demo, [3, 2]).await;
    // A handshake record with a ServerHello of TLS 1.1.
    assert_eq!((kind, body[0], &body[4..6]), (22, 2, [3, 2].as_slice()));
    assert_eq!(old_client_hello(&demo, [3, 1]).await, (21, vec![2, 70]));
    assert!(tls(&demo, 443, DOMAIN).await.is_ok());
}

#[tokio::test]
async fn tls13_missing() {
    let demo = demo(Fault::Tls13Missing).await;
    let offer = async |version| tls_with(&demo, 443, Some(DOMAIN), &[version]).await;
    let error = offer(&rustls::version::TLS13).await.unwrap_err();
    assert_eq!(error, Error::AlertReceived(AlertDescription::ProtocolVersion));
    assert!(offer(&rustls::version::TLS12).await.is_ok());
}

#[tokio::test]
async fn clock_off() {
    let demo = demo(Fault::ClockOff).await;
    let ahead = seconds_ahead(&demo).await;
    assert!((280..=320).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn api_port_exposed() {
    let demo = demo(Fault::ApiPortExposed).await;
    let stream = tcp(&demo, OPENVIDU, 7880).await.unwrap();
    let answer = request(stream, "GET /rtc/validate", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
}

#[tokio::test]
async fn udp_443_blocked() {
    let demo = demo(Fault::Udp443Blocked).await;
    expect_udp_silence(place(&demo, OPENVIDU, 443)).await;
    let media = udp(place(&demo, OPENVIDU, 50_000), &binding()).await;
    assert_eq!(media, Udp::PortUnreachable);
}

#[tokio::test]
async fn udp_443_wrong_service() {
    let demo = demo(Fault::Udp443WrongService).await;
    let Udp::Answer(answer) = udp(place(&demo, OPENVIDU, 443), &binding()).await else {
        panic!("no answer");
    };
    // A DNS answer, FORMERR.
    assert_eq!(answer, [0, 1, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn udp_443_open() {
    let demo = demo(Fault::Udp443Open).await;
    let Udp::Answer(answer) = udp(place(&demo, OPENVIDU, 443), &binding()).await else {
        panic!("no answer");
    };
    assert_eq!(answer[..2], [0x01, 0x01]);
}

#[tokio::test]
async fn media_port_open() {
    let demo = demo(Fault::MediaPortOpen).await;
    let open = udp(place(&demo, OPENVIDU, 55_000), &binding()).await;
    assert_eq!(open, Udp::PortUnreachable);
    expect_udp_silence(place(&demo, OPENVIDU, 54_999)).await;
    expect_udp_silence(place(&demo, OPENVIDU, 55_001)).await;
}

#[tokio::test]
async fn ice_tcp_open() {
    let demo = demo(Fault::IceTcpOpen).await;
    assert!(tcp(&demo, OPENVIDU, 7881).await.is_ok());
    assert!(tcp(&demo, OPENVIDU, 7880).await.is_err());
}

// --- faults that a call shows -----------------------------------------------------------------------

/// What the server says to somebody with the demo's own key and secret.
async fn refusal(demo: &Demo) -> (String, String) {
    let token = Claims::to_join(demo, "room").token();
    let refused = upgrade(demo, &token).await.err();
    (token, refused.unwrap_or_else(|| "let in".to_owned()))
}

#[tokio::test]
async fn api_secret_wrong() {
    let (token, refused) = refusal(&demo(Fault::ApiSecretWrong).await).await;
    let why = "token signature is invalid: signature is invalid";
    assert_eq!(refused, format!("401 invalid token: {token}, error: {why}"));
}

#[tokio::test]
async fn api_key_unknown() {
    let demo = demo(Fault::ApiKeyUnknown).await;
    let (_, refused) = refusal(&demo).await;
    assert_eq!(refused, format!("401 invalid API key: {}", demo.api_key()));
}

#[tokio::test]
async fn clock_behind_tokens() {
    let demo = demo(Fault::ClockBehindTokens).await;
    let ahead = seconds_ahead(&demo).await;
    assert!((-140..=-100).contains(&ahead), "{ahead}");
    let (token, refused) = refusal(&demo).await;
    let why = "token has invalid claims: token is not valid yet";
    assert_eq!(refused, format!("401 invalid token: {token}, error: {why}"));
}

#[tokio::test]
async fn room_full() {
    let (_, refused) = refusal(&demo(Fault::RoomFull).await).await;
    assert_eq!(refused, "500 connection closed by media");
}

#[tokio::test]
async fn turn_url_missing() {
    let call = call(&demo(Fault::TurnUrlMissing).await).await;
    let urls = &call.join.ice_servers[0].urls;
    assert_eq!(*urls, ["turn:203.0.113.20:443?transport=udp"]);
}

#[tokio::test]
async fn turn_url_wrong_port() {
    let call = call(&demo(Fault::TurnUrlWrongPort).await).await;
    let urls = &call.join.ice_servers[0].urls;
    assert_eq!(urls[1], "turns:turn.example.io:5349?transport=tcp");
}

#[tokio::test]
async fn turn_url_malformed() {
    let call = call(&demo(Fault::TurnUrlMalformed).await).await;
    let urls = &call.join.ice_servers[0].urls;
    assert_eq!(urls[0], "turn:{203.0.113.20 }:443?transport=udp");
}

#[tokio::test]
async fn candidate_is_private() {
    let demo = demo(Fault::CandidateIsPrivate).await;
    let call = call(&demo).await;
    let (udp, tcp) = (call.udp.unwrap(), call.tcp.unwrap());
    assert_eq!(udp.ip().to_string(), "172.17.0.1");
    assert_eq!(tcp.to_string(), "172.17.0.1:7881");
    // Nobody follows it out of this machine.
    assert!(dialled(&demo, udp).ip().is_loopback());
    let check = Check::of(&call);
    assert_eq!(over_udp(&demo, &call, check).await, Answer::Silence);
    assert_eq!(over_ice_tcp(&demo, &call, check).await, Answer::Refused);
    let mut turn = turn_over_tls(&demo, &call).await;
    turn.allocate().await.unwrap().unwrap();
    assert_eq!(turn.permit(&udp.to_string()).await, Err(403));
}

#[tokio::test]
async fn turn_credentials_refused() {
    let demo = demo(Fault::TurnCredentialsRefused).await;
    let call = call(&demo).await;
    let udp = turn_over_udp(&demo, &call).await.allocate().await;
    let tls = turn_over_tls(&demo, &call).await.allocate().await;
    assert_eq!([udp, tls], [Some(Err(400)), Some(Err(400))]);
}

#[tokio::test]
async fn turn_quota_used_up() {
    let demo = demo(Fault::TurnQuotaUsedUp).await;
    let call = call(&demo).await;
    let mut turn = turn_over_udp(&demo, &call).await;
    assert_eq!(turn.allocate().await, Some(Err(486)));
    let mut wrong = turn_over_tls(&demo, &call).await.with_password("wrong");
    assert_eq!(wrong.allocate().await, Some(Err(400)));
}

#[tokio::test]
async fn media_range_blocked_for_relay() {
    let demo = demo(Fault::MediaRangeBlockedForRelay).await;
    let call = call(&demo).await;
    let (candidate, check) = (call.udp.unwrap(), Check::of(&call));
    let mut turn = turn_over_tls(&demo, &call).await;
    turn.allocate().await.unwrap().unwrap();
    turn.permit(&candidate.to_string()).await.unwrap();
    assert_eq!(turn.check(candidate, check).await, Answer::Silence);
    assert!(turn.reaches("203.0.113.20:443").await);
    let direct = over_udp(&demo, &call, check).await;
    assert!(matches!(direct, Answer::Proof(_)), "{direct:?}");
}

#[tokio::test]
async fn relay_reaches_private_networks() {
    let demo = demo(Fault::RelayReachesPrivateNetworks).await;
    let call = call(&demo).await;
    let mut turn = turn_over_tls(&demo, &call).await;
    turn.allocate().await.unwrap().unwrap();
    for peer in ["127.0.0.1:9", "169.254.169.254:80", "10.0.0.5:9"] {
        assert_eq!(turn.permit(peer).await, Ok(()), "{peer}");
    }
    // It is granted, and leads nowhere here.
    let outside = demo.stun_servers()[0].to_string();
    assert!(!turn.reaches(&outside).await);
}

#[tokio::test]
async fn large_packets_lost() {
    let demo = demo(Fault::LargePacketsLost).await;
    let call = call(&demo).await;
    let small = Check::of(&call);
    let large = Check { padding: 1100, ..small };
    let answer = over_udp(&demo, &call, small).await;
    assert!(matches!(answer, Answer::Proof(_)), "{answer:?}");
    assert_eq!(over_udp(&demo, &call, large).await, Answer::Silence);
}

#[tokio::test]
async fn hole_punched() {
    let demo = demo(Fault::HolePunched).await;
    let mut call = call(&demo).await;
    let check = Check::of(&call);
    assert_eq!(over_udp(&demo, &call, check).await, Answer::Silence);
    let socket = socket().await;
    call.offer_candidate(socket.local_addr().unwrap()).await;
    let from = server_check(&call, &socket).await;
    let candidate = dialled(&demo, call.udp.unwrap());
    assert_eq!(from, Some(candidate));
    // The hole lets in whoever was sent something, and nobody else.
    let through = check_from(&socket, candidate, Check::of(&call)).await;
    assert!(matches!(through, Answer::Proof(_)), "{through:?}");
    let strange = over_udp(&demo, &call, Check::of(&call)).await;
    assert_eq!(strange, Answer::Silence);
}

#[tokio::test]
async fn dtls_blocked() {
    for (fault, comes_through) in [(None, true), (Some(Fault::DtlsBlocked), false)] {
        let demo = Demo::start(Policy::Default, fault).await.unwrap();
        let call = call(&demo).await;
        let (hello, again) = half_dtls(&demo, &call).await;
        assert_eq!((hello, again), (true, comes_through), "{fault:?}");
    }
}
