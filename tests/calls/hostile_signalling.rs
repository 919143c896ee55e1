//! Servers that are no LiveKit, broken, or mean harm, up to the candidates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::SinkExt;
use ovcheck::model::facts::{
    CallFacts, FirstBytes, HttpAnswer, IceCheck, JoinAnswer, NotSent, RoomEnd, SdpAnswer,
    ServerText, UpgradeFlaw, Way,
};
use ovcheck::model::observation::Blindness;
use ovcheck::model::probe::{CallSpec, Punching};
use ovcheck::net::{Limits, Network};
use ovcheck::proto::livekit::signal::{
    IceServer, JoinResponse, LeaveRequest, Response, SessionDescription,
};
use tokio::net::UdpSocket;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::fake::{
    Call, Fake, Guest, REFRESHED, TURN_PASSWORD, TURN_USER, answering, media, welcome,
};
use crate::peers::{by, call, spec};

async fn see(fake: &Fake) -> CallFacts {
    see_as(fake, &spec()).await
}

async fn see_as(fake: &Fake, spec: &CallSpec) -> CallFacts {
    let known = fake.known.clone();
    call(&fake.network(), spec, move || known.all()).await
}

/// What a server is taken for that says `answer` to the join; `TOKEN` stands for the token there.
async fn refused(answer: &'static str) -> HttpAnswer {
    let fake = Fake::start(move |mut guest: Guest| async move {
        let answer = answer.replace("TOKEN", &guest.token);
        guest.say(answer.as_bytes()).await;
        sleep(Duration::from_millis(50)).await;
    })
    .await;
    match see(&fake).await.signal.join {
        Some(JoinAnswer::Refused(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

async fn response(answer: &'static str) -> ovcheck::model::facts::HttpResponse {
    match refused(answer).await {
        HttpAnswer::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_the_token_says_it_to_nobody() {
    let body = response("HTTP/1.1 401 Unauthorized\r\n\r\ninvalid token: TOKEN, error: bad").await;
    assert_eq!(body.status, 401);
    assert_eq!(body.body.unquoted(), "invalid token: [secret], error: bad");
    // What is cut off behind 200 characters is cut when the token is out.
    let long = response(
        "HTTP/1.1 401 Unauthorized\r\n\r\n................................................\
         ................................................................................\
         ........................................TOKEN and more",
    )
    .await;
    assert!(long.body.unquoted().ends_with("...[secret] and more"), "{long:?}");
    let cut = response("HTTP/1.1 401 Unauthorized\r\nContent-Length: 150\r\n\r\nTOKENTOKEN").await;
    assert_eq!(cut.body.unquoted(), "[secret]");
}

#[tokio::test]
async fn a_redirect_and_other_fields_repeat_no_token() {
    let redirect = response(
        "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/rtc?access_token=TOKEN&x=1\r\n\
         Server: TOKEN\r\nContent-Type: text/TOKEN\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(
        redirect.location.unwrap().unquoted(),
        "https://elsewhere.example/rtc?access_token=[secret]"
    );
    assert_eq!(redirect.server.unwrap().unquoted(), "[secret]");
}

#[tokio::test]
async fn whoever_repeats_the_request_repeats_no_token() {
    let echo = refused("GET /rtc?access_token=TOKEN&protocol=16 HTTP/1.1\r\n\r\n").await;
    let HttpAnswer::NotHttp(FirstBytes::Text(line)) = &echo else {
        panic!("{echo:?}");
    };
    assert!(line.unquoted().starts_with("GET /rtc?access_token=[secret]"), "{line:?}");
}

#[tokio::test]
async fn web_servers_that_are_no_livekit_are_told_by_what_they_say() {
    assert_eq!(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await.status, 200);
    assert_eq!(refused("").await, HttpAnswer::Closed);
    assert_eq!(refused("HTTP/1.1 200 OK\r\nX:").await, HttpAnswer::Unfinished { bytes: 19 });
}

/// What a server is taken for that lets everybody in, and then does this.
async fn let_in<F, S>(serve: F) -> CallFacts
where
    F: Fn(Call) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let fake = Fake::start(move |guest: Guest| {
        let serve = serve.clone();
        async move { serve(guest.upgrade().await).await }
    })
    .await;
    let facts = see(&fake).await;
    // Whatever it does, its room is ended.
    assert_eq!(*fake.ended.lock().unwrap(), 1, "{facts:#?}");
    facts
}

async fn no_join<F, S>(serve: F) -> String
where
    F: Fn(Call) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    match let_in(serve).await.signal.join {
        Some(JoinAnswer::NoJoin(what)) => what.unquoted().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whatever_comes_in_place_of_a_join_response_is_told() {
    let silent = no_join(|call| call.stay()).await;
    assert_eq!(silent, "nothing");
    let text = no_join(|mut call: Call| async move {
        call.socket.send(Message::text("{}")).await.unwrap();
        call.stay().await;
    });
    assert_eq!(text.await, "a text message instead of a binary LiveKit message");
    let garbage = no_join(|mut call: Call| async move {
        call.socket.send(Message::binary(vec![0xff; 300])).await.unwrap();
        call.stay().await;
    });
    assert_eq!(garbage.await, "a message that is not a LiveKit message");
    let another = no_join(|mut call: Call| async move {
        call.say(Response::RefreshToken(REFRESHED.to_owned())).await;
        call.stay().await;
    });
    assert_eq!(another.await, "an unexpected LiveKit message");
    let closed = no_join(|mut call: Call| async move {
        let reason = call.token.get(..100).unwrap().to_owned();
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1011.into(),
            reason: reason.into(),
        };
        call.socket.close(Some(frame)).await.unwrap();
    });
    assert_eq!(closed.await, "the server closed the WebSocket");
    let cut = no_join(|call: Call| async move { drop(call) });
    assert_eq!(cut.await, "the connection ended");
}

#[tokio::test]
async fn a_websocket_that_browsers_refuse_is_no_right_one() {
    let flaw = |fields: &'static str| async move {
        let fake = Fake::start(move |guest: Guest| async move {
            let mut call = guest.upgrade_with(fields).await;
            call.welcome(&[]).await;
            call.stay().await;
        })
        .await;
        let signal = see(&fake).await.signal;
        assert_eq!(signal.join, Some(JoinAnswer::Joined));
        signal.flaw
    };
    assert_eq!(flaw("").await, Some(UpgradeFlaw::NoAccept));
    assert_eq!(flaw("Sec-WebSocket-Accept: x\r\n").await, Some(UpgradeFlaw::WrongAccept));
    let right = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        call.stay().await;
    });
    assert_eq!(right.await.signal.flaw, None);
}

#[tokio::test]
async fn bytes_that_are_no_websocket_are_told() {
    let fake = Fake::start(|mut guest: Guest| async move {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        guest.say(head).await;
        let echo = format!("{}{}", guest.token, guest.token);
        guest.say(echo.as_bytes()).await;
        guest.stay().await;
    })
    .await;
    let join = see(&fake).await.signal.join;
    let Some(JoinAnswer::NoJoin(what)) = &join else {
        panic!("{join:?}");
    };
    assert!(what.unquoted().starts_with("WebSocket error: "), "{what:?}");
}

#[tokio::test]
async fn a_frame_of_a_hundred_megabytes_is_not_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let fake = Fake::start(move |mut guest: Guest| {
        let counter = Arc::clone(&counter);
        async move {
            guest.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").await;
            // A binary frame of 100 MiB (RFC 6455 §5.2).
            guest.say(&[0x82, 127, 0, 0, 0, 0, 0x06, 0x40, 0, 0]).await;
            let zeros = [0; 64 << 10];
            while guest.say(&zeros).await && counter.load(Ordering::Relaxed) < 100 << 20 {
                counter.fetch_add(zeros.len(), Ordering::Relaxed);
            }
        }
    })
    .await;
    let join = see(&fake).await.signal.join;
    let expected = ServerText::new("a message larger than 512 KiB");
    assert_eq!(join, Some(JoinAnswer::NoJoin(expected)));
    // What fits into the buffers of the sockets.
    assert!(sent.load(Ordering::Relaxed) < 16 << 20, "{sent:?}");
}

#[tokio::test]
async fn pieces_of_a_message_without_end_are_not_kept() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let facts = let_in(move |mut call: Call| {
        let counter = Arc::clone(&counter);
        async move {
            call.welcome(&[]).await;
            let mut code = OpCode::Data(Data::Binary);
            while counter.load(Ordering::Relaxed) < 100 << 20 {
                let frame = Frame::message(vec![0; 64 << 10], code, false);
                if call.socket.send(Message::Frame(frame)).await.is_err() {
                    return;
                }
                code = OpCode::Data(Data::Continue);
                counter.fetch_add(64 << 10, Ordering::Relaxed);
            }
        }
    })
    .await;
    let answer = facts.session.unwrap().answer;
    let expected = ServerText::new("a message larger than 512 KiB");
    assert_eq!(answer, SdpAnswer::Malformed(expected));
    assert!(sent.load(Ordering::Relaxed) < 16 << 20, "{sent:?}");
}

#[tokio::test]
async fn bytes_one_by_one_are_waited_for_no_longer_than_others() {
    let fake = Fake::start(|mut guest: Guest| async move {
        for byte in b"HTTP/1.1 401 Unauthorized\r\nServer: slow\r\nContent-Length: 9\r\n\r\n" {
            if !guest.say(&[*byte]).await {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let join = see(&fake).await.signal.join;
    let Some(JoinAnswer::Refused(HttpAnswer::Unfinished { bytes })) = join else {
        panic!("{join:?}");
    };
    assert!(bytes < 20, "{bytes}");
}

/// Each step in nearly all of its time: what all of them may take together has its end, too.
#[tokio::test]
async fn a_server_that_is_slow_at_every_step_is_given_up() {
    let facts = let_in(|mut call: Call| async move {
        sleep(Duration::from_millis(400)).await;
        call.welcome(&[]).await;
        sleep(Duration::from_millis(400)).await;
        if call.answer().await.is_some() {
            loop {
                sleep(Duration::from_millis(100)).await;
                let line = "candidate:1 1 udp 1 127.0.0.1 9 typ host";
                let init = serde_json::json!({ "candidate": line }).to_string();
                if !call.trickle(init, false).await {
                    return;
                }
            }
        }
    })
    .await;
    let session = facts.session.as_ref().unwrap();
    assert_eq!(session.answer, SdpAnswer::Complete { ice_lite: false });
    assert!(!session.all_candidates && !session.candidates.is_empty());
    assert!(facts.paths[0].ended_ms < 10_000, "{facts:#?}");
}

#[tokio::test]
async fn an_answer_that_is_none_is_told() {
    let answered = |sdp: &'static str| async move {
        let facts = let_in(move |mut call: Call| async move {
            call.welcome(&[]).await;
            call.offer().await;
            let kind = "answer".to_owned();
            let sdp = sdp.to_owned();
            call.say(Response::Answer(SessionDescription { kind, sdp })).await;
            call.stay().await;
        })
        .await;
        assert!(facts.paths.is_empty());
        facts.session.unwrap().answer
    };
    let malformed = |what| SdpAnswer::Malformed(ServerText::new(what));
    assert_eq!(answered("nonsense").await, malformed("the answer is not SDP"));
    assert_eq!(
        answered("v=0\r\na=ice-ufrag:\u{0}\u{1b}[31m\r\n").await,
        malformed("the answer has no ICE user name fragment of 4 to 256 characters")
    );
    assert_eq!(
        answered("v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:short\r\n").await,
        malformed("the answer has no ICE password of 22 to 256 characters")
    );
}

#[tokio::test]
async fn silence_and_a_farewell_in_place_of_an_answer_are_told() {
    let silent = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        call.stay().await;
    })
    .await;
    assert_eq!(silent.session.unwrap().answer, SdpAnswer::Missing);
    let left = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        let reason = 4;
        call.say(Response::Leave(LeaveRequest { reason, ..LeaveRequest::default() })).await;
        call.stay().await;
    })
    .await;
    assert_eq!(left.session.unwrap().answer, SdpAnswer::Left { reason: 4 });
}

#[tokio::test]
async fn messages_without_end_end_the_listening() {
    let facts = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        while call.say(Response::RefreshToken(REFRESHED.to_owned())).await {}
    })
    .await;
    let answer = facts.session.unwrap().answer;
    let too_many = ServerText::new("256 messages without an answer");
    assert_eq!(answer, SdpAnswer::Malformed(too_many));
}

#[tokio::test]
async fn of_candidates_without_end_a_few_are_looked_at() {
    let facts = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        call.answer().await.unwrap();
        for port in 1..=u16::MAX {
            let line = format!("candidate:1 1 tcp 1 127.0.0.1 {port} typ host");
            let init = serde_json::json!({ "candidate": line }).to_string();
            if !call.trickle(init, false).await {
                return;
            }
        }
    })
    .await;
    let session = facts.session.unwrap();
    assert!(session.candidates.len() <= 65, "{}", session.candidates.len());
    assert_eq!(facts.paths.len(), 16);
}

/// Where no server may send us, nothing goes: not to the address, and not through a relay.
#[tokio::test]
async fn nothing_is_sent_to_addresses_that_nobody_declared() {
    let loopback = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = loopback.local_addr().unwrap().port();
    let forbidden = [
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "255.255.255.255",
        "224.0.0.1",
        "0.0.0.0",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "::ffff:127.0.0.1",
    ];
    let fake = Fake::start(move |guest: Guest| async move {
        let mut call = guest.upgrade().await;
        let urls = [
            format!("turn:127.0.0.1:{port}?transport=udp"),
            format!("turn:169.254.169.254:{port}?transport=udp"),
            format!("turns:127.0.0.1:{port}?transport=tcp"),
        ];
        call.welcome(&urls).await;
        call.answer().await.unwrap();
        let places: Vec<(&str, SocketAddr)> = forbidden
            .iter()
            .map(|address| ("udp", SocketAddr::new(address.parse().unwrap(), port)))
            .chain([("tcp", SocketAddr::new("127.0.0.1".parse().unwrap(), port))])
            .collect();
        call.candidates(&places).await;
        call.stay().await;
    })
    .await;
    let undeclared = CallSpec { declared: Vec::new(), punching: Punching::Watched, ..spec() };
    let facts = see_as(&fake, &undeclared).await;
    let direct: Vec<_> = facts.paths.iter().filter(|path| !path.way.is_relayed()).collect();
    assert_eq!(direct.len(), forbidden.len() + 1, "{facts:#?}");
    for path in direct {
        let is_forbidden = matches!(path.check, IceCheck::NotSent(NotSent::ForbiddenAddress(_)));
        assert!(is_forbidden, "{path:?}");
    }
    for relay in &facts.relays {
        assert_eq!((relay.server, &relay.allocate), (None, &None), "{relay:?}");
    }
    assert_eq!(facts.punched, None);
    let mut bytes = [0; 2048];
    let heard = loopback.try_recv_from(&mut bytes);
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_does_not_take_the_ways_with_it() {
    let facts = let_in(|mut call: Call| async move {
        call.welcome(&[]).await;
        let pair = call.answer().await.unwrap();
        let (socket, place) = media().await;
        answering(socket, pair);
        call.candidates(&[("udp", place)]).await;
    })
    .await;
    assert!(by(&facts, Way::Udp)[0].check.is_answered(), "{facts:#?}");
    let farewell = facts.farewell.unwrap();
    assert_eq!((farewell.left, farewell.room), (false, RoomEnd::Deleted));
}

/// All that a server was told, in every text that it can write.
#[tokio::test]
async fn whoever_repeats_all_he_knows_says_it_to_nobody() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        let token = call.token.clone();
        let secrets = format!("{TURN_PASSWORD} {REFRESHED} {token}");
        call.say(Response::Join(JoinResponse {
            server_version: secrets.clone(),
            ice_servers: vec![IceServer {
                urls: vec![
                    format!("turn:{TURN_USER}:{TURN_PASSWORD}@203.0.113.20:443"),
                    format!("turn:{TURN_PASSWORD}:443?transport=udp"),
                    format!("turns:turn.example.io:443?token={REFRESHED}"),
                ],
                ..welcome(&[]).ice_servers.remove(0)
            }],
            ..JoinResponse::default()
        }))
        .await;
        call.say(Response::RefreshToken(REFRESHED.to_owned())).await;
        let pair = call.answer().await.unwrap();
        let password = |half: &ovcheck::proto::ice::Half| half.password.expose().to_owned();
        for secret in [password(&pair.ours), password(&pair.theirs), secrets] {
            call.trickle(format!("{{\"candidate\":\"candidate:{secret}\"}}"), false).await;
            call.trickle(format!("no JSON: {secret}"), false).await;
        }
        call.candidates(&[("tcp", "127.0.0.1:9".parse().unwrap())]).await;
        call.stay().await;
    })
    .await;
    let facts = see(&fake).await;
    let session = facts.session.unwrap();
    assert!(session.candidates.len() == 7 && session.ice_servers.len() == 3);
    assert!(session.server_version.unquoted().starts_with("[secret] [secret]"));
}

/// Proxies write the request line into their logs.
#[tokio::test]
async fn the_token_is_in_the_query_only_where_the_header_is_refused() {
    let heads = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let fake = Fake::start(move |mut guest: Guest| {
        let heads = Arc::clone(&seen);
        async move {
            let head = guest.head.clone();
            heads.lock().unwrap().push(head.clone());
            if head.contains("Authorization: Bearer ") {
                guest.say(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
            } else {
                let mut call = guest.upgrade().await;
                call.welcome(&[]).await;
                call.stay().await;
            }
        }
    })
    .await;
    assert_eq!(see(&fake).await.signal.join, Some(JoinAnswer::Joined));
    let heads = heads.lock().unwrap();
    let [first, second] = heads.as_slice() else {
        panic!("{heads:?}");
    };
    assert!(!first.lines().next().unwrap().contains("access_token"), "{first}");
    assert!(second.lines().next().unwrap().contains("access_token="), "{second}");
    assert!(!second.contains("Authorization"), "{second}");
}

/// It would delete the rooms of others as well.
#[tokio::test]
async fn a_server_that_refuses_the_join_gets_no_token_that_deletes_rooms() {
    for refusal in [&b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"[..], b""] {
        let fake = Fake::start(move |mut guest: Guest| async move {
            guest.say(refusal).await;
        })
        .await;
        see(&fake).await;
        assert_eq!(*fake.ended.lock().unwrap(), 0);
    }
}

/// The network of `fake` in a run that ends in three seconds, with a time-out that is as long.
fn ending_soon(fake: &Fake) -> Network {
    let waits = Duration::from_secs(3);
    let limits = Limits {
        run_ends: Some(tokio::time::Instant::now() + waits),
        ..Limits::with_timeout(waits)
    };
    Network { limits, ..fake.network() }
}

#[tokio::test]
async fn what_was_seen_by_the_end_of_the_run_is_brought_back() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        call.stay().await;
    })
    .await;
    let facts = call(&ending_soon(&fake), &spec(), Vec::new).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::Joined));
    // Three seconds of silence would be its fault. These were fewer.
    assert_eq!(facts.session.unwrap().answer, SdpAnswer::NotAwaited);
}

#[tokio::test]
async fn a_silence_that_the_end_of_the_run_cut_short_is_none() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        call.answer().await;
        let (_socket, place) = media().await;
        call.candidates(&[("udp", place)]).await;
        call.stay().await;
    })
    .await;
    let facts = call(&ending_soon(&fake), &spec(), Vec::new).await;
    let [path] = by(&facts, Way::Udp)[..] else {
        panic!("{facts:#?}");
    };
    let spent = NotSent::Local(Blindness::DeadlineSpent);
    assert_eq!(path.check, IceCheck::NotSent(spent));
}

#[tokio::test]
async fn a_join_that_the_end_of_the_run_cut_short_is_not_silent() {
    let fake = Fake::start(|guest: Guest| guest.stay()).await;
    let facts = call(&ending_soon(&fake), &spec(), Vec::new).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::NotAwaited));
    let fake = Fake::start(|guest: Guest| async move { guest.upgrade().await.stay().await }).await;
    let facts = call(&ending_soon(&fake), &spec(), Vec::new).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::NotAwaited));
}
