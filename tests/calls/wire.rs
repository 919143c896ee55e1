//! LiveKit's messages as real servers send them: our part of its protocol reads what is meant.
//!
//! The bytes in `fixtures/livekit` were recorded here (`OVCHECK_BLESS=1`, with the programs).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ovcheck::model::port::Transport;
use ovcheck::model::secret::Secret;
use ovcheck::proto::ice::Half;
use ovcheck::proto::livekit::signal::{
    CLIENT_INITIATED, LeaveRequest, PUBLISHER, Request, Response, SessionDescription,
    SignalRequest, SignalResponse, TrickleRequest,
};
use ovcheck::proto::livekit::{candidate, sdp, token};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::livekit::{LiveKit, Setting, Version};
use crate::tokens::Token;

const ROOM: &str = "recorded-room";

fn encoded(request: Request) -> Vec<u8> {
    let message = Some(request);
    SignalRequest { message }.encode_to_vec()
}

/// By hand, after livekit_rtc.proto: tag and length, field by field.
#[test]
fn what_we_say_is_written_as_the_protocol_has_it() {
    let offer =
        Request::Offer(SessionDescription { kind: "offer".to_owned(), sdp: "v=0".to_owned() });
    assert_eq!(encoded(offer), b"\x0a\x0c\x0a\x05offer\x12\x03v=0");
    let trickle =
        Request::Trickle(TrickleRequest { candidate_init: "{}".to_owned(), target: 1, last: true });
    assert_eq!(encoded(trickle), b"\x1a\x08\x0a\x02{}\x10\x01\x18\x01");
    let leave =
        Request::Leave(LeaveRequest { reason: CLIENT_INITIATED, ..LeaveRequest::default() });
    assert_eq!(encoded(leave), b"\x42\x02\x10\x01");
}

/// All messages of one session, from the join to the answer to our leaving.
async fn session(server: &LiveKit) -> Vec<Vec<u8>> {
    let url = format!(
        "ws://127.0.0.1:{}/rtc?access_token={}&protocol=16&auto_subscribe=0&sdk=go&version=0.1",
        server.api,
        Token::joining(ROOM).text()
    );
    let stream = TcpStream::connect(("127.0.0.1", server.api)).await.unwrap();
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let offer = Request::Offer(SessionDescription {
        kind: "offer".to_owned(),
        sdp: sdp::offer(&Half::random(rand::random())),
    });
    socket.send(Message::binary(encoded(offer))).await.unwrap();
    let mut messages = Vec::new();
    let listening = async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Binary(bytes) = message else {
                continue;
            };
            let read = SignalResponse::decode(bytes.as_ref()).unwrap().message;
            messages.push(bytes.to_vec());
            let is_last = |trickle: &TrickleRequest| trickle.last && trickle.target == PUBLISHER;
            match read {
                Some(Response::Trickle(trickle)) if is_last(&trickle) => {
                    let leave = Request::Leave(LeaveRequest {
                        reason: CLIENT_INITIATED,
                        ..LeaveRequest::default()
                    });
                    socket.send(Message::binary(encoded(leave))).await.unwrap();
                }
                Some(Response::Leave(_)) => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listening).await.unwrap();
    messages
}

/// What the messages of a session say, whatever its ports and passwords are.
fn say_what_is_meant(messages: &[Vec<u8>], number: &str) {
    let read: Vec<Response> = messages
        .iter()
        .filter_map(|bytes| SignalResponse::decode(bytes.as_slice()).unwrap().message)
        .collect();
    let Response::Join(join) = &read[0] else {
        panic!("the first message is no join response");
    };
    assert_eq!(join.server_version, number);
    assert_eq!(join.server_info.as_ref().unwrap().version, number);
    assert_eq!(join.room.as_ref().unwrap().name, ROOM);
    assert_eq!(join.participant.as_ref().unwrap().identity, "somebody");
    assert!(join.subscriber_primary);
    let [turn] = join.ice_servers.as_slice() else {
        panic!("{} ICE servers", join.ice_servers.len());
    };
    assert_eq!(turn.urls.len(), 2);
    assert!(turn.urls[0].starts_with("turn:127.0.0.1:"));
    assert_eq!(turn.urls[1], "turns:turn.example.io:443?transport=tcp");
    assert!(turn.username.len() > 20 && turn.credential.len() > 20);

    let (mut answers, mut offers, mut tokens, mut left) = (0, 0, 0, 0);
    let mut candidates = Vec::new();
    for response in &read[1..] {
        match response {
            Response::Answer(answer) => {
                assert_eq!(answer.kind, "answer");
                assert!(!sdp::Answer::read(&answer.sdp).unwrap().is_lite);
                answers += 1;
            }
            Response::Offer(offer) => {
                assert_eq!(offer.kind, "offer");
                offers += 1;
            }
            Response::RefreshToken(token) => {
                let claims = token::claims(&Secret::new(token)).unwrap();
                assert_eq!(claims.room.as_deref(), Some(ROOM));
                tokens += 1;
            }
            Response::Trickle(trickle) if trickle.target == PUBLISHER => {
                let read = candidate::read(&trickle.candidate_init).unwrap();
                candidates.push((read.place.unwrap().transport, trickle.last));
            }
            Response::Trickle(_) => {}
            Response::Leave(leave) => {
                assert_eq!(leave.reason, CLIENT_INITIATED);
                left += 1;
            }
            Response::Join(_) => panic!("a second join response"),
        }
    }
    assert_eq!((answers, tokens, left), (1, 1, 1));
    assert!(offers <= 1);
    for transport in [Transport::Udp, Transport::Tcp] {
        assert!(candidates.iter().any(|(one, _)| *one == transport));
    }
    let lasts: Vec<bool> = candidates.iter().map(|(_, last)| *last).collect();
    let (last, others) = lasts.split_last().unwrap();
    assert!(*last && others.iter().all(|last| !last));
}

fn fixture(number: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/livekit");
    folder.join(format!("signalling-{number}.txt"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn recorded(number: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(fixture(number)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    lines.map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

async fn sends_what_is_recorded(version: Version, number: &str) {
    let server = LiveKit::start(&Setting::of(version));
    let messages = session(&server).await;
    say_what_is_meant(&messages, number);
    if std::env::var_os("OVCHECK_BLESS").is_some() {
        let mut text = format!(
            "# One session of livekit-server {number} (github.com/livekit/livekit, Apache-2.0) as \
             tests/calls/wire.rs\n# recorded it: a message a line. Its tokens and passwords are \
             those of a server that is no more.\n"
        );
        for message in &messages {
            writeln!(text, "{}", hexadecimal(message)).unwrap();
        }
        std::fs::write(fixture(number), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn livekit_1_8_says_what_we_read() {
    sends_what_is_recorded(Version::Old, "1.8.4").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn livekit_1_13_says_what_we_read() {
    sends_what_is_recorded(Version::New, "1.13.5").await;
}

#[test]
fn what_both_servers_said_is_read() {
    for number in ["1.8.4", "1.13.5"] {
        say_what_is_meant(&recorded(number), number);
    }
}

/// Cut and changed, none of it makes a reader panic.
#[test]
fn no_cut_and_no_changed_byte_of_it_is_too_much() {
    for bytes in recorded("1.8.4") {
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x81;
            for bytes in [&bytes[..place], &changed] {
                if let Ok(SignalResponse { message: Some(message) }) = SignalResponse::decode(bytes)
                {
                    match message {
                        Response::Answer(answer) => drop(sdp::Answer::read(&answer.sdp)),
                        Response::Trickle(trickle) => {
                            drop(candidate::read(&trickle.candidate_init));
                        }
                        Response::Join(_)
                        | Response::Offer(_)
                        | Response::Leave(_)
                        | Response::RefreshToken(_) => {}
                    }
                }
            }
        }
    }
}
