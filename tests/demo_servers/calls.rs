//! A call through the demo: by all four paths under the default policy, by one under forced TURN.

use ovcheck::demo::{Demo, Fault};
use ovcheck::model::deployment::Policy;
use serde_json::json;

use crate::call::*;
use crate::client::*;
use crate::ice::*;

async fn demo(policy: Policy) -> Demo {
    Demo::start(policy, None).await.unwrap()
}

/// What a check meets by each path: UDP, ICE-TCP, TURN over UDP, TURN over TLS.
async fn by_each_path(demo: &Demo, call: &Call) -> [Answer; 4] {
    let check = Check::of(call);
    [
        over_udp(demo, call, check).await,
        over_ice_tcp(demo, call, check).await,
        through(turn_over_udp(demo, call).await, call).await,
        through(turn_over_tls(demo, call).await, call).await,
    ]
}

async fn through(mut turn: Turn, call: &Call) -> Answer {
    let candidate = call.udp.unwrap();
    let Some(relayed) = turn.allocate().await else {
        return Answer::Silence;
    };
    let relayed = relayed.unwrap();
    turn.permit(&candidate.to_string()).await.unwrap();
    let answer = turn.check(candidate, Check::of(call)).await;
    if let Answer::Proof(mapped) = answer {
        assert_eq!(mapped, relayed);
        assert_eq!(mapped.ip().to_string(), OPENVIDU);
    }
    answer
}

fn is_proof(answer: &Answer) -> bool {
    matches!(answer, Answer::Proof(_))
}

#[tokio::test]
async fn a_call_is_told_as_livekit_tells_it() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    let [server] = call.join.ice_servers.as_slice() else {
        panic!("{:?}", call.join.ice_servers);
    };
    assert_eq!(
        server.urls,
        ["turn:203.0.113.20:443?transport=udp", "turns:turn.example.io:443?transport=tcp",]
    );
    assert!(!server.username.is_empty() && !server.credential.is_empty());
    assert_eq!(call.join.server_version, "1.13.5");
    assert_eq!((call.ufrag.len(), call.pwd.len()), (16, 32));
    assert!(call.answer.contains("\r\na=setup:active\r\n"));
    assert!(!call.answer.contains("a=candidate"));
    let udp = call.udp.unwrap();
    assert_eq!(udp.ip().to_string(), OPENVIDU);
    assert!((50_000..=60_000).contains(&udp.port()));
    assert_eq!(call.tcp.unwrap().to_string(), "203.0.113.20:7881");
    // It is a token of the server's own.
    let again = upgrade(&demo, &call.refresh_token).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn by_default_all_four_paths_carry_media() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    let answers = by_each_path(&demo, &call).await;
    assert!(answers.iter().all(is_proof), "{answers:?}");
}

#[tokio::test]
async fn under_forced_turn_only_turn_over_tls_carries_media() {
    let demo = demo(Policy::ForcedTurn).await;
    let call = call(&demo).await;
    let [udp, tcp, turn_udp, turns] = by_each_path(&demo, &call).await;
    assert_eq!([udp, tcp, turn_udp], [Answer::Silence, Answer::Refused, Answer::Silence]);
    assert!(is_proof(&turns), "{turns:?}");
}

#[tokio::test]
async fn the_plain_api_port_lets_participants_in_too() {
    let demo = Demo::start(Policy::Default, Some(Fault::ApiPortExposed)).await.unwrap();
    let token = Claims::to_join(&demo, "room").token();
    let stream = tcp(&demo, OPENVIDU, 7880).await.unwrap();
    let url = format!("ws://{DOMAIN}/rtc?access_token={token}");
    assert!(tokio_tungstenite::client_async(url, stream).await.is_ok());
}

#[tokio::test]
async fn two_sessions_do_not_answer_for_each_other() {
    let demo = demo(Policy::Default).await;
    let (one, other) = tokio::join!(call(&demo), call(&demo));
    assert_ne!(one.udp, other.udp);
    assert!(is_proof(&over_udp(&demo, &one, Check::of(&one)).await));
    assert!(is_proof(&over_udp(&demo, &other, Check::of(&other)).await));
    let strange = over_udp(&demo, &one, Check::of(&other)).await;
    assert_eq!(strange, Answer::Silence);
}

#[tokio::test]
async fn a_check_that_is_not_the_sessions_is_met_with_silence() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    let right = Check::of(&call);
    let wrong = [
        Check { username: ("nobody0123456789", UFRAG), ..right },
        Check { username: (&call.ufrag, "mine"), ..right },
        Check { pwd: "not the password of this session", ..right },
    ];
    for check in wrong {
        assert_eq!(over_udp(&demo, &call, check).await, Answer::Silence);
        assert_eq!(over_ice_tcp(&demo, &call, check).await, Answer::Silence);
    }
    assert!(is_proof(&over_udp(&demo, &call, right).await));
}

#[tokio::test]
async fn the_wrong_role_is_refused_or_costs_one_packet() {
    let demo = demo(Policy::Default).await;
    let stubborn = call(&demo).await;
    let refused = Check { role: CONTROLLED, tie_breaker: u64::MAX, ..Check::of(&stubborn) };
    assert_eq!(over_udp(&demo, &stubborn, refused).await, Answer::Error(487));

    let yielding = call(&demo).await;
    let taken = Check { role: CONTROLLED, tie_breaker: 0, ..Check::of(&yielding) };
    assert_eq!(over_udp(&demo, &yielding, taken).await, Answer::Silence);
    assert!(is_proof(&over_udp(&demo, &yielding, taken).await));
}

#[tokio::test]
async fn large_checks_are_answered_by_udp_and_through_relays() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    let check = Check { padding: 1100, ..Check::of(&call) };
    assert!(is_proof(&over_udp(&demo, &call, check).await));
    for mut turn in [turn_over_udp(&demo, &call).await, turn_over_tls(&demo, &call).await] {
        turn.allocate().await.unwrap().unwrap();
        turn.permit(&call.udp.unwrap().to_string()).await.unwrap();
        assert!(is_proof(&turn.check(call.udp.unwrap(), check).await));
    }
}

#[tokio::test]
async fn the_server_checks_candidates_of_the_client_where_its_firewall_lets_it() {
    for (policy, comes) in [(Policy::Default, true), (Policy::ForcedTurn, false)] {
        let demo = demo(policy).await;
        let mut call = call(&demo).await;
        let socket = socket().await;
        call.offer_candidate(socket.local_addr().unwrap()).await;
        let from = server_check(&call, &socket).await;
        assert_eq!(from.is_some(), comes, "{policy}");
    }
}

#[tokio::test]
async fn relays_reach_the_node_alone() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    let mut turn = turn_over_tls(&demo, &call).await;
    turn.allocate().await.unwrap().unwrap();
    for peer in ["127.0.0.1:9", "169.254.169.254:80", "10.0.0.5:9", "8.8.8.8:53"] {
        assert_eq!(turn.permit(peer).await, Err(403), "{peer}");
        assert_eq!(turn.bind_channel(peer).await, Err(401), "{peer}");
    }
    // TURN itself, by which one tells a closed media range from a closed relay.
    turn.permit("203.0.113.20:443").await.unwrap();
    assert!(turn.reaches("203.0.113.20:443").await);
}

#[tokio::test]
async fn a_wrong_password_gets_no_relay() {
    let demo = demo(Policy::Default).await;
    let call = call(&demo).await;
    for turn in [turn_over_udp(&demo, &call).await, turn_over_tls(&demo, &call).await] {
        let mut turn = turn.with_password("wrong");
        assert_eq!(turn.allocate().await, Some(Err(400)));
    }
}

#[tokio::test]
async fn tokens_are_judged_with_livekits_words() {
    let demo = demo(Policy::Default).await;
    let right = || Claims::to_join(&demo, "room");
    let invalid = |token: &str, why: &str| format!("401 invalid token: {token}, error: {why}");
    let refusal = async |claims: Claims| {
        let token = claims.token();
        let refused = upgrade(&demo, &token).await.err();
        (token, refused.unwrap_or_default())
    };

    let (token, refused) = refusal(Claims { secret: "another".to_owned(), ..right() }).await;
    let why = "token signature is invalid: signature is invalid";
    assert_eq!(refused, invalid(&token, why));

    let (_, refused) = refusal(Claims { key: "APIother".to_owned(), ..right() }).await;
    assert_eq!(refused, "401 invalid API key: APIother");

    let (token, refused) = refusal(Claims { not_before: 120, ..right() }).await;
    let why = "token has invalid claims: token is not valid yet";
    assert_eq!(refused, invalid(&token, why));

    let (token, refused) = refusal(Claims { not_before: -600, expires: -120, ..right() }).await;
    let why = "token has invalid claims: token is expired";
    assert_eq!(refused, invalid(&token, why));

    let (_, refused) = refusal(Claims::of(&demo, json!({"room": "room"}))).await;
    assert_eq!(refused, "401 permissions denied");
    let (_, refused) = refusal(Claims::of(&demo, json!({"roomJoin": true}))).await;
    assert_eq!(refused, "400 no room name");
    let garbage = upgrade(&demo, "garbage").await.err().unwrap();
    assert_eq!(garbage, "401 invalid authorization token");
}

#[tokio::test]
async fn a_room_is_listed_until_it_is_deleted_and_its_participants_are_told() {
    let demo = demo(Policy::Default).await;
    assert!(rooms(&demo).await.is_empty());
    let mut call = call(&demo).await;
    let name = call.join.room.as_ref().unwrap().name.clone();
    assert_eq!(rooms(&demo).await, std::slice::from_ref(&name));

    let body = json!({ "room": name }).to_string();
    let delete = async |grants| room_service(&demo, "DeleteRoom", grants, &body).await;
    let denied = r#"401 {"code":"unauthenticated","msg":"permissions denied"}"#;
    assert_eq!(delete(json!({"roomList": true})).await, denied);
    assert_eq!(delete(json!({"roomCreate": true})).await, "200 {}");
    assert_eq!(call.last_words().await, Some(5));
    assert!(rooms(&demo).await.is_empty());
    assert_eq!(
        delete(json!({"roomCreate": true})).await,
        r#"404 {"code":"not_found","msg":"twirp error unknown: requested room does not exist"}"#
    );
}

#[tokio::test]
async fn whoever_leaves_is_confirmed_and_its_media_port_is_closed() {
    let demo = demo(Policy::Default).await;
    let mut call = call(&demo).await;
    call.leave().await;
    let answer = over_udp(&demo, &call, Check::of(&call)).await;
    assert_eq!(answer, Answer::Refused);
}
