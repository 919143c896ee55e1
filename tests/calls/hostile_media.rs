//! Candidates that answer wrongly, too much, or never, and those of which one is silent.

use std::net::SocketAddr;
use std::time::Duration;

use ovcheck::model::facts::{CallFacts, Connect, DtlsFacts, IceCheck, NotSent, ServerText, Way};
use ovcheck::model::probe::{CallDepth, CallSpec, Punching};
use ovcheck::proto::ice::{Pair, Purpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::sleep;

use crate::fake::{Call, Fake, Guest, media, with_another_password};
use crate::peers::{by, call, free_port, spec};

async fn see_as(fake: &Fake, spec: &CallSpec) -> CallFacts {
    let known = fake.known.clone();
    call(&fake.network(), spec, move || known.all()).await
}

/// The facts of a call in which `serve` has a media port over UDP, and the pair that belongs to it.
async fn over_udp<F, S>(serve: F) -> CallFacts
where
    F: Fn(UdpSocket, Pair) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let fake = Fake::start(move |guest: Guest| {
        let serve = serve.clone();
        async move {
            let mut call = guest.upgrade().await;
            call.welcome(&[]).await;
            let pair = call.answer().await.unwrap();
            let (socket, place) = media().await;
            tokio::spawn(serve(socket, pair));
            call.candidates(&[("udp", place)]).await;
            call.stay().await;
        }
    })
    .await;
    see_as(&fake, &spec()).await
}

fn check(facts: &CallFacts, way: Way) -> &IceCheck {
    &by(facts, way)[0].check
}

fn other(what: &str) -> IceCheck {
    IceCheck::Other(ServerText::new(what))
}

/// Sends `answer` back for whatever comes.
async fn echoing(socket: UdpSocket, answer: impl Fn(&[u8], SocketAddr) -> Vec<u8>) {
    let mut bytes = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        socket.send_to(&answer(&bytes[..length], from), from).await.unwrap();
    }
}

#[tokio::test]
async fn whatever_is_no_answer_proves_nothing_and_is_told() {
    let wrong = over_udp(|socket, pair| async move {
        let wrong = with_another_password(&pair);
        echoing(socket, move |bytes, from| {
            let id = pair.read_check(bytes).unwrap();
            wrong.answer(id, from)
        })
        .await;
    })
    .await;
    let unsigned = other("STUN that is not signed with the password of this session");
    assert_eq!(check(&wrong, Way::Udp), &unsigned);

    let mirror = over_udp(|socket, _| echoing(socket, |bytes, _| bytes.to_vec())).await;
    assert_eq!(check(&mirror, Way::Udp), &unsigned);

    let text = over_udp(|socket, _| echoing(socket, |_, _| b"hello".to_vec())).await;
    assert_eq!(check(&text, Way::Udp), &other("no STUN"));

    let empty = over_udp(|socket, _| echoing(socket, |_, _| Vec::new())).await;
    assert_eq!(check(&empty, Way::Udp), &other("no STUN"));

    let late = over_udp(|socket, pair| async move {
        echoing(socket, move |_, from| pair.answer(*b"another-id-!", from)).await;
    })
    .await;
    assert_eq!(check(&late, Way::Udp), &IceCheck::Silent);

    let silent = over_udp(|socket, _| async move {
        sleep(Duration::from_secs(20)).await;
        drop(socket);
    })
    .await;
    assert_eq!(check(&silent, Way::Udp), &IceCheck::Silent);
}

/// The server's own checks, and a role conflict, may come before the answer.
#[tokio::test]
async fn what_comes_before_the_answer_hides_it_not() {
    let facts = over_udp(|socket, pair| async move {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let id = pair.read_check(&bytes[..length]).unwrap();
            let before = [
                pair.check(rand::random(), Purpose::Proof),
                pair.answer(rand::random(), from),
                b"\x16\xfe\xfdhello".to_vec(),
                pair.answer(id, from),
                pair.answer(id, from),
            ];
            for message in before {
                socket.send_to(&message, from).await.unwrap();
            }
        }
    })
    .await;
    let path = by(&facts, Way::Udp)[0];
    assert!(path.check.is_answered(), "{facts:#?}");
    assert!(path.padded.as_ref().unwrap().is_answered(), "{facts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_holds_nobody_and_hides_no_answer() {
    for answers in [true, false] {
        let facts = over_udp(move |socket, pair| async move {
            let mut bytes = [0; 2048];
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            if answers {
                let id = pair.read_check(&bytes[..length]).unwrap();
                socket.send_to(&pair.answer(id, from), from).await.unwrap();
            }
            for _ in 0..200_000 {
                if socket.send_to(&bytes[..length], from).await.is_err() {
                    return;
                }
            }
        })
        .await;
        let path = by(&facts, Way::Udp)[0];
        assert_eq!(path.check.is_answered(), answers, "{facts:#?}");
    }
}

/// As behind a firewall that takes small packets only.
#[tokio::test]
async fn large_checks_that_are_lost_take_the_proof_not_back() {
    let facts = over_udp(|socket, pair| async move {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            if let Some(id) = pair.read_check(&bytes[..length])
                && length < 700
            {
                socket.send_to(&pair.answer(id, from), from).await.unwrap();
            }
        }
    })
    .await;
    let path = by(&facts, Way::Udp)[0];
    assert!(path.check.is_answered(), "{facts:#?}");
    assert_eq!(path.padded, Some(IceCheck::Silent));
}

/// Says where media is: nowhere, somewhere silent, and somewhere right, in this order.
async fn with_others(mut call: Call) {
    call.welcome(&[]).await;
    let Some(pair) = call.answer().await else {
        return;
    };
    let (silent, silent_place) = media().await;
    let (right, place) = media().await;
    tokio::spawn(dtls_on(right, pair));
    let nobody = SocketAddr::new(place.ip(), free_port());
    let nobody_over_tcp = SocketAddr::new(place.ip(), free_port());
    call.candidates(&[
        ("udp", nobody),
        ("udp", silent_place),
        ("tcp", nobody_over_tcp),
        ("udp", place),
    ])
    .await;
    call.stay().await;
    drop(silent);
}

/// Answers checks, and begins DTLS once it is nominated, as LiveKit does.
async fn dtls_on(socket: UdpSocket, pair: Pair) {
    /// USE-CANDIDATE without a value (RFC 8445 §7.1.2).
    const NOMINATED: [u8; 4] = [0, 0x25, 0, 0];
    let mut bytes = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        let message = &bytes[..length];
        let hello = match pair.read_check(message) {
            Some(id) => {
                socket.send_to(&pair.answer(id, from), from).await.unwrap();
                let is_nominated = message.windows(4).any(|four| four == NOMINATED);
                is_nominated.then(|| hello(&[]))
            }
            // HelloVerifyRequest: the cookie is its end.
            None if message.first() == Some(&22) => Some(hello(&message[length - 16..])),
            None => None,
        };
        if let Some(hello) = hello {
            socket.send_to(&hello, from).await.unwrap();
        }
    }
}

/// A ClientHello with this cookie, as far as it is looked at.
fn hello(cookie: &[u8]) -> Vec<u8> {
    let mut bytes = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 60];
    bytes.extend([1, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 48, 0xfe, 0xfd]);
    bytes.extend([7; 32]);
    bytes.push(0);
    bytes.push(u8::try_from(cookie.len()).unwrap());
    bytes.extend_from_slice(cookie);
    bytes.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    bytes
}

#[tokio::test]
async fn of_several_candidates_the_silent_ones_make_nothing_wrong() {
    let fake =
        Fake::start(|guest: Guest| async move { with_others(guest.upgrade().await).await }).await;
    let deep = CallSpec { depth: CallDepth::Dtls, punching: Punching::Watched, ..spec() };
    let facts = see_as(&fake, &deep).await;
    let udp = by(&facts, Way::Udp);
    assert!(matches!(udp[0].check, IceCheck::Icmp(_)), "{facts:#?}");
    assert_eq!(udp[1].check, IceCheck::Silent, "{facts:#?}");
    assert!(udp[2].check.is_answered(), "{facts:#?}");
    let looks: Vec<_> = udp.iter().map(|path| path.dtls).collect();
    assert_eq!(looks, [None, None, Some(DtlsFacts::BothWays)], "{facts:#?}");
    let tcp = by(&facts, Way::IceTcp)[0];
    assert_eq!(tcp.check, IceCheck::NotSent(NotSent::NoConnection));
    assert_eq!(tcp.connect, Some(Connect::Reset));
    let punched = facts.punched.as_ref().unwrap();
    assert_eq!(punched.check_from, None);
    assert!(punched.through.as_ref().unwrap().is_answered());
}

/// What comes of a check on a connection on which `serve` answers.
async fn over_tcp<F, S>(serve: F) -> IceCheck
where
    F: Fn(TcpStream, Pair) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let fake = Fake::start(move |guest: Guest| {
        let serve = serve.clone();
        async move {
            let mut call = guest.upgrade().await;
            call.welcome(&[]).await;
            let pair = call.answer().await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let place = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, pair).await;
            });
            call.candidates(&[("tcp", place)]).await;
            call.stay().await;
        }
    })
    .await;
    check(&see_as(&fake, &spec()).await, Way::IceTcp).clone()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&length, message].concat()
}

/// The check on a stream, and the answer to it.
async fn right_answer(stream: &mut TcpStream, pair: &Pair) -> Vec<u8> {
    let length = stream.read_u16().await.unwrap();
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await.unwrap();
    let id = pair.read_check(&message).unwrap();
    framed(&pair.answer(id, stream.peer_addr().unwrap()))
}

/// Writes, and keeps the connection.
async fn keep(mut stream: TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    sleep(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn lengths_that_lie_are_waited_for_no_longer_than_others() {
    let right = over_tcp(|mut stream, pair| async move {
        let answer = right_answer(&mut stream, &pair).await;
        // In pieces, behind an empty message and one of something else.
        for piece in [&[0, 0][..], &framed(b"other"), &answer[..9], &answer[9..]] {
            stream.write_all(piece).await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
        keep(stream, b"").await;
    });
    assert!(right.await.is_answered());
    let long = over_tcp(|mut stream, pair| async move {
        let mut answer = right_answer(&mut stream, &pair).await;
        answer[0] = 0xff;
        keep(stream, &answer).await;
    });
    assert_eq!(long.await, IceCheck::Silent);
    let short = over_tcp(|mut stream, pair| async move {
        let mut answer = right_answer(&mut stream, &pair).await;
        answer[1] -= 4;
        keep(stream, &answer).await;
    });
    assert_eq!(short.await, other("no STUN"));
    let closed = over_tcp(|mut stream, pair| async move {
        let answer = right_answer(&mut stream, &pair).await;
        stream.write_all(&answer[..20]).await.unwrap();
    });
    assert_eq!(closed.await, IceCheck::Closed);
    let http = over_tcp(|stream, _| async move {
        keep(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    assert_eq!(http.await, IceCheck::Silent);
}

#[tokio::test]
async fn a_stream_without_end_is_not_read_without_end() {
    let flood = over_tcp(|mut stream, _| async move {
        let zeros = vec![0; 1 << 20];
        while stream.write_all(&zeros).await.is_ok() {}
    });
    assert_eq!(flood.await, other("no STUN"));
}

/// What comes of DTLS at a server that waits for our ClientHello, and says `reply` to it.
async fn waiting_for_our_hello(reply: Option<&'static [u8]>) -> Option<DtlsFacts> {
    let fake = Fake::start(move |guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        let pair = call.answer_as("passive").await.unwrap();
        let (socket, place) = media().await;
        tokio::spawn(async move {
            let mut bytes = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                let answer = match pair.read_check(&bytes[..length]) {
                    Some(id) => Some(pair.answer(id, from)),
                    // The record of a ClientHello.
                    None if bytes[0] == 22 && bytes[13] == 1 => reply.map(<[u8]>::to_vec),
                    None => None,
                };
                if let Some(answer) = answer {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        call.candidates(&[("udp", place)]).await;
        call.stay().await;
    })
    .await;
    let deep = CallSpec { depth: CallDepth::Dtls, ..spec() };
    by(&see_as(&fake, &deep).await, Way::Udp)[0].dtls
}

#[tokio::test]
async fn a_server_that_waits_for_our_hello_gets_one() {
    const HELLO_VERIFY_REQUEST: &[u8] = &[
        22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe,
        0xff, 0,
    ];
    const ALERT: &[u8] = &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40];
    let (verified, refused, silent) = tokio::join!(
        waiting_for_our_hello(Some(HELLO_VERIFY_REQUEST)),
        waiting_for_our_hello(Some(ALERT)),
        waiting_for_our_hello(None),
    );
    assert_eq!(verified, Some(DtlsFacts::BothWays));
    assert_eq!(refused, Some(DtlsFacts::BothWays));
    assert_eq!(silent, Some(DtlsFacts::NoAnswer));
}

/// OpenSSL is no friend of handshakes that are not by the book.
#[tokio::test]
#[ignore = "needs openssl"]
async fn a_real_dtls_server_takes_our_hello() {
    use ovcheck::proto::half_dtls::HalfDtls;
    let folder = tempfile::tempdir().unwrap();
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| folder.path().join(name));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=x", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.unwrap().status.success());
    let port = free_port();
    let mut server = std::process::Command::new("openssl")
        .args(["s_server", "-dtls1_2", "-use_srtp", "SRTP_AEAD_AES_128_GCM", "-accept"])
        .arg(format!("127.0.0.1:{port}"))
        .arg("-key")
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut half = HalfDtls::of_client([7; 32]);
    let mut said = Vec::new();
    for _ in 0..20 {
        socket.send_to(&half.hello().unwrap(), ("127.0.0.1", port)).await.unwrap();
        let mut bytes = [0; 4096];
        let heard = tokio::time::timeout(Duration::from_millis(100), socket.recv(&mut bytes)).await;
        if let Ok(Ok(length)) = heard {
            said = bytes[..length].to_vec();
            half.take(&said);
            break;
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(half.facts(), DtlsFacts::BothWays, "{said:?}");
    // A HelloVerifyRequest or a ServerHello: an alert would mean that our offer is refused.
    assert!(said[0] == 22 && [2, 3].contains(&said[13]), "{said:?}");
}
