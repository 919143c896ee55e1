//! Without a fault every server says what it must.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use ovcheck::demo::Demo;
use ovcheck::model::deployment::Policy;
use rustls::{AlertDescription, Error, ProtocolVersion};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::*;

async fn demo(policy: Policy) -> Demo {
    Demo::start(policy, None).await.unwrap()
}

#[tokio::test]
async fn the_resolver_leads_both_names_to_the_proxy_over_udp_and_tcp() {
    let demo = demo(Policy::Default).await;
    let proxy = Ok(vec!["203.0.113.10".to_owned()]);
    assert_eq!(resolve(&demo, DOMAIN, RecordType::A).await, proxy);
    assert_eq!(resolve(&demo, TURN_DOMAIN, RecordType::A).await, proxy);
    assert_eq!(resolve_over_tcp(&demo, DOMAIN, RecordType::A).await, proxy);
    assert_eq!(
        resolve(&demo, "other.example.io", RecordType::A).await,
        Err(ResponseCode::NXDomain)
    );
}

#[tokio::test]
async fn port_80_leads_to_https_on_the_same_host_and_path() {
    let demo = demo(Policy::Default).await;
    let stream = tcp(&demo, PROXY, 80).await.unwrap();
    let answer = request(stream, "GET /some/path?a=b", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 301 Moved Permanently\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nLocation: https://openvidu.example.io/some/path?a=b\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_api_refuses_a_stranger_as_livekit_does() {
    let demo = demo(Policy::Default).await;
    let ask = async |line, extra, body| {
        let stream = tls(&demo, 443, DOMAIN).await.unwrap();
        let answer = request(stream, line, extra, body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.lines().next().unwrap();
        format!("{status} | {body}")
    };
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let json = "Content-Type: application/json\r\n";
    assert_eq!(
        ask("GET /rtc/validate", "", "").await,
        "HTTP/1.1 401 Unauthorized | no permissions to access the room"
    );
    assert_eq!(
        ask("GET /rtc", upgrade, "").await,
        "HTTP/1.1 401 Unauthorized | no permissions to access the room"
    );
    assert_eq!(ask("GET /rtc", "", "").await, "HTTP/1.1 404 Not Found | ");
    assert_eq!(
        ask("POST /twirp/livekit.RoomService/ListRooms", json, "{}").await,
        "HTTP/1.1 401 Unauthorized | {\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}"
    );
    assert_eq!(ask("GET /", "", "").await, "HTTP/1.1 200 OK | OK");
    assert_eq!(
        ask("GET /elsewhere", "", "").await,
        "HTTP/1.1 404 Not Found | 404 page not found\n"
    );
}

#[tokio::test]
async fn the_api_tells_the_time() {
    let demo = demo(Policy::Default).await;
    assert!(seconds_ahead(&demo).await.abs() <= 20);
}

/// How far the API's `Date` is ahead of this machine's clock.
pub async fn seconds_ahead(demo: &Demo) -> i64 {
    let stream = tls(demo, 443, DOMAIN).await.unwrap();
    let answer = request(stream, "GET /", "", "").await;
    let date = answer.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap();
    let date = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).unwrap();
    (date - OffsetDateTime::now_utc()).whole_seconds()
}

#[tokio::test]
async fn the_api_waits_for_a_line_end_before_it_complains_about_stun() {
    let demo = demo(Policy::Default).await;
    let mut stream = tls(&demo, 443, DOMAIN).await.unwrap();
    expect_silence(&mut stream, &binding()).await;
    let answer = exchange(stream, b"\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
}

#[tokio::test]
async fn turn_behind_tls_sees_the_proxy_and_asks_for_credentials() {
    let demo = demo(Policy::ForcedTurn).await;
    let mut stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    stream.write_all(&binding()).await.unwrap();
    let answer = read_stun(&mut stream).await;
    assert_eq!(answer[..2], [0x01, 0x01]);
    assert_eq!(mapped_address(&answer).to_string(), "203.0.113.10");
    stream.write_all(&allocate()).await.unwrap();
    assert_challenge(&read_stun(&mut stream).await);
}

#[tokio::test]
async fn turn_behind_tls_takes_requests_cut_anywhere_and_together() {
    let demo = demo(Policy::Default).await;
    let mut stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    for byte in binding() {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(read_stun(&mut stream).await[..2], [0x01, 0x01]);
    let two = [binding(), allocate()].concat();
    stream.write_all(&two).await.unwrap();
    assert_eq!(read_stun(&mut stream).await[..2], [0x01, 0x01]);
    assert_eq!(read_stun(&mut stream).await[..2], [0x01, 0x13]);
}

#[tokio::test]
async fn turn_is_silent_to_http() {
    let demo = demo(Policy::Default).await;
    let mut stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    expect_silence(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
}

#[tokio::test]
async fn turn_over_udp_answers_and_asks_for_credentials() {
    let demo = demo(Policy::Default).await;
    let to = place(&demo, OPENVIDU, 443);
    let Udp::Answer(answer) = udp(to, &binding()).await else {
        panic!("no answer to Binding");
    };
    assert_eq!(mapped_address(&answer).to_string(), "127.0.0.1");
    let Udp::Answer(answer) = udp(to, &allocate()).await else {
        panic!("no answer to Allocate");
    };
    assert_challenge(&answer);
}

#[tokio::test]
async fn the_stun_server_outside_answers_under_every_policy() {
    for policy in [Policy::Default, Policy::ForcedTurn] {
        let demo = demo(policy).await;
        let answer = udp(demo.stun_servers()[0], &binding()).await;
        assert!(matches!(answer, Udp::Answer(_)), "{policy}: {answer:?}");
    }
}

#[tokio::test]
async fn rtmp_shakes_hands_inside_tls() {
    let demo = demo(Policy::Default).await;
    let mut stream = tls(&demo, 1935, DOMAIN).await.unwrap();
    let c1: Vec<u8> = (0..1536_u32).map(|n| (n % 251) as u8).collect();
    stream.write_all(&[3]).await.unwrap();
    let mut s0_s1 = [0; 1537];
    stream.read_exact(&mut s0_s1).await.unwrap();
    stream.write_all(&c1).await.unwrap();
    let mut s2 = [0; 1536];
    stream.read_exact(&mut s2).await.unwrap();
    assert_eq!((s0_s1[0], &s0_s1[5..9]), (3, [0; 4].as_slice()));
    assert_eq!(s2[8..], c1[8..]);
}

#[tokio::test]
async fn names_that_the_proxy_does_not_know_get_an_alert() {
    let demo = demo(Policy::Default).await;
    let both = [&rustls::version::TLS12, &rustls::version::TLS13];
    for sni in [Some("unknown.example.net"), None] {
        let error = tls_with(&demo, 443, sni, &both).await.unwrap_err();
        assert_eq!(error, Error::AlertReceived(AlertDescription::InternalError));
    }
    assert!(tls_with(&demo, 1935, None, &both).await.is_ok());
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_no_application_protocol_is_chosen() {
    let demo = demo(Policy::Default).await;
    for (version, agreed) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let stream = tls_with(&demo, 443, Some(DOMAIN), &[version]).await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(agreed));
        assert_eq!(session.alpn_protocol(), None);
    }
}

#[tokio::test]
async fn old_tls_is_refused_with_protocol_version() {
    let demo = demo(Policy::Default).await;
    for version in [[3, 0], [3, 1], [3, 2]] {
        let answer = old_client_hello(&demo, version).await;
        assert_eq!(answer, (21, vec![2, 70]), "{version:?}");
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_closed_without_a_word() {
    let demo = demo(Policy::Default).await;
    let stream = tcp(&demo, PROXY, 443).await.unwrap();
    assert_eq!(exchange(stream, b"GET / HTTP/1.1\r\n\r\n").await, "");
}

#[tokio::test]
async fn the_default_policy_leaves_media_open_and_idle_and_drops_the_rest() {
    let demo = demo(Policy::Default).await;
    for port in [50_000, 55_000, 60_000] {
        let answer = udp(place(&demo, OPENVIDU, port), &binding()).await;
        assert_eq!(answer, Udp::PortUnreachable, "{port}");
    }
    for port in [7885, 39_001, 61_000] {
        expect_udp_silence(place(&demo, OPENVIDU, port)).await;
    }
}

#[tokio::test]
async fn forced_turn_drops_all_udp() {
    let demo = demo(Policy::ForcedTurn).await;
    for port in [443, 7885, 39_001, 50_000, 55_000, 60_000, 61_000] {
        expect_udp_silence(place(&demo, OPENVIDU, port)).await;
    }
}

#[tokio::test]
async fn internal_ports_refuse_connections() {
    for (policy, ports) in [
        (Policy::Default, [443, 1945, 5349, 7880, 50_000, 61_000]),
        (Policy::ForcedTurn, [443, 1945, 5349, 7880, 7881, 61_000]),
    ] {
        let demo = demo(policy).await;
        for port in ports {
            let error = tcp(&demo, OPENVIDU, port).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "{port}");
        }
    }
}

#[tokio::test]
async fn ice_over_tcp_waits_for_a_session_and_closes_on_everything_else() {
    let demo = demo(Policy::Default).await;
    let framed = |message: &[u8]| {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        [length.as_slice(), message].concat()
    };
    let stream = tcp(&demo, OPENVIDU, 7881).await.unwrap();
    assert_eq!(exchange(stream, &framed(&binding())).await, "");

    let username = [0x00, 0x06, 0, 3, b'x', b':', b'y', 0];
    let mut with_username = [binding().as_slice(), &username].concat();
    with_username[3] = 8;
    let mut stream = tcp(&demo, OPENVIDU, 7881).await.unwrap();
    expect_silence(&mut stream, &framed(&with_username)).await;
}
