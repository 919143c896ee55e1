//! Peers that mean harm, or are broken: each makes a fact, in time, and takes no memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ovcheck::model::facts::{
    Connect, Facts, FirstBytes, Handshake, HttpAnswer, ServerText, TcpFacts, TlsVersion,
};
use ovcheck::model::probe::{ApiRequest, Carrier, HttpPath, ProbeSpec, TlsOffer};
use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, config, params};
use crate::peers::{look, name, network, serve, sni};

const NAME: &str = "openvidu.example.io";

/// What plain HTTP, a handshake of today and one of the past meet there.
struct Met {
    http: HttpAnswer,
    tls: Handshake,
    old_tls: Handshake,
}

async fn meet(to: Endpoint) -> Met {
    let net = network(Roots::empty());
    let http = ProbeSpec::Http { to, host: name(NAME), path: HttpPath::Any };
    let tls = |offer| ProbeSpec::Tls { to, sni: sni(NAME), offer };
    let (today, past) = (tls(TlsOffer::Web), tls(TlsOffer::Only(TlsVersion::Tls11)));
    let (http, tls, old_tls) =
        tokio::join!(look(&net, &http), look(&net, &today), look(&net, &past));
    match (http, tls, old_tls) {
        (Facts::Http(http), Facts::Tls(tls), Facts::Tls(old_tls)) => Met {
            http: http.answer.unwrap(),
            tls: tls.handshake.unwrap(),
            old_tls: old_tls.handshake.unwrap(),
        },
        other => panic!("{other:?}"),
    }
}

/// Sends `head` and then `endless` until the client goes. Counts the bytes that got away.
async fn flood(mut stream: TcpStream, head: Vec<u8>, endless: Vec<u8>, sent: Arc<AtomicUsize>) {
    if stream.write_all(&head).await.is_err() {
        return;
    }
    while let Ok(length) = stream.write(&endless).await {
        sent.fetch_add(length, Ordering::Relaxed);
        // Whoever reads a gigabyte has failed the test.
        if sent.load(Ordering::Relaxed) > 1 << 30 {
            return;
        }
    }
}

/// What fits into the buffers of the sockets of three connections, and more than we ever read.
const FEW_BYTES: usize = 64 << 20;

async fn flooding(head: &'static [u8], endless: &'static [u8]) -> (Endpoint, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let to = serve(move |stream| {
        let endless = endless.repeat(1000);
        flood(stream, head.to_vec(), endless, Arc::clone(&counter))
    })
    .await;
    (to, sent)
}

async fn read_something(stream: &mut TcpStream) {
    let mut bytes = [0; 2048];
    assert!(stream.read(&mut bytes).await.unwrap() > 0);
}

#[tokio::test]
async fn one_that_says_nothing_is_silent() {
    let to = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(stream);
    })
    .await;
    let met = meet(to).await;
    assert_eq!(met.http, HttpAnswer::Silent);
    assert_eq!(met.tls, Handshake::Silent);
    assert_eq!(met.old_tls, Handshake::Silent);
}

async fn dribbling(text: &'static [u8]) -> Endpoint {
    serve(move |mut stream| async move {
        for byte in text {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
}

#[tokio::test]
async fn one_that_sends_a_byte_a_second_is_not_waited_for() {
    let met = meet(dribbling(b"HTTP/1.1 200 OK\r\n\r\n").await).await;
    assert_eq!(met.http, HttpAnswer::Unfinished { bytes: 1 });
    let letter = || Handshake::NotTls(FirstBytes::Text(ServerText::new("H")));
    assert_eq!(met.tls, letter());
    assert_eq!(met.old_tls, letter());
}

#[tokio::test]
async fn one_that_sends_a_handshake_byte_by_byte_is_silent() {
    let met = meet(dribbling(&[22, 3, 3, 0, 90, 2, 0, 0, 86]).await).await;
    assert_eq!(met.tls, Handshake::Silent);
    assert_eq!(met.old_tls, Handshake::Silent);
}

#[tokio::test]
async fn garbage_is_shown() {
    let (to, sent) = flooding(b"", &[0xfe, 0xed]).await;
    let met = meet(to).await;
    let garbage = || FirstBytes::Binary("feedfeedfeedfeedfeedfeedfeedfeed".into());
    assert_eq!(met.http, HttpAnswer::NotHttp(garbage()));
    assert_eq!(met.tls, Handshake::NotTls(garbage()));
    assert_eq!(met.old_tls, Handshake::NotTls(garbage()));
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn a_head_without_end_is_unfinished() {
    let (to, sent) = flooding(b"HTTP/1.1 200 OK\r\n", b"X-Endless: 1\r\n").await;
    let met = meet(to).await;
    assert!(matches!(met.http, HttpAnswer::Unfinished { .. }), "{:?}", met.http);
    let line = || Handshake::NotTls(FirstBytes::Http(ServerText::new("HTTP/1.1 200 OK")));
    assert_eq!(met.tls, line());
    assert_eq!(met.old_tls, line());
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn a_field_without_end_is_unfinished() {
    let (to, sent) = flooding(b"HTTP/1.1 200 OK\r\nX-Endless: ", b"1234567890").await;
    let met = meet(to).await;
    assert!(
        matches!(met.http, HttpAnswer::Unfinished { bytes } if bytes > 16 * 1024),
        "{:?}",
        met.http
    );
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn of_a_gigabyte_of_body_the_beginning_is_read() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    let (to, sent) = flooding(head, b"0123456789").await;
    let met = meet(to).await;
    let HttpAnswer::Response(response) = met.http else {
        panic!("{:?}", met.http);
    };
    assert_eq!(response.status, 200);
    assert_eq!(response.body.unquoted(), "0123456789".repeat(20));
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn of_a_body_in_endless_chunks_the_beginning_is_read() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (to, sent) = flooding(head, b"1\r\nx\r\n").await;
    let met = meet(to).await;
    let HttpAnswer::Response(response) = met.http else {
        panic!("{:?}", met.http);
    };
    assert_eq!(response.body.unquoted(), "x".repeat(200));
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn one_that_closes_after_the_request_is_closed() {
    let to = serve(|mut stream| async move { read_something(&mut stream).await }).await;
    let met = meet(to).await;
    assert_eq!(met.http, HttpAnswer::Closed);
    assert_eq!(met.tls, Handshake::Closed);
    assert_eq!(met.old_tls, Handshake::Closed);
}

#[tokio::test]
async fn one_that_closes_in_the_middle_of_its_answer_did_not_finish() {
    let half_head = serve(|mut stream| async move {
        read_something(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nServ").await.unwrap();
    })
    .await;
    let met = meet(half_head).await;
    assert_eq!(met.http, HttpAnswer::Unfinished { bytes: 21 });

    let half_hello = serve(|mut stream| async move {
        read_something(&mut stream).await;
        let half = [22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3];
        stream.write_all(&half).await.unwrap();
    })
    .await;
    let met = meet(half_hello).await;
    assert_eq!(met.tls, Handshake::Closed);
    assert_eq!(met.old_tls, Handshake::Closed);
}

async fn after_the_handshake(reset: bool) -> (Handshake, HttpAnswer) {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(config(authority.issue(&params(NAME)))));
    let to = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut bytes = [0; 2048];
            assert!(stream.read(&mut bytes).await.unwrap() > 0);
            if reset {
                let socket = SockRef::from(stream.get_ref().0);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    })
    .await;
    let spec = ProbeSpec::Api {
        to,
        over: Carrier::Tls(sni(NAME)),
        host: name(NAME),
        request: ApiRequest::Validate,
    };
    let Facts::Api(facts) = look(&network(Roots::empty()), &spec).await else {
        panic!("facts of an API probe");
    };
    (facts.handshake.unwrap(), facts.answer.unwrap())
}

#[tokio::test]
async fn a_dead_backend_closes_behind_a_finished_handshake() {
    let (handshake, answer) = after_the_handshake(false).await;
    assert!(matches!(handshake, Handshake::Completed(_)));
    assert_eq!(answer, HttpAnswer::Closed);
    let (handshake, answer) = after_the_handshake(true).await;
    assert!(matches!(handshake, Handshake::Completed(_)));
    assert_eq!(answer, HttpAnswer::Reset);
}

#[tokio::test]
async fn one_that_resets_is_told_from_one_that_closes() {
    let to = serve(|mut stream| async move {
        read_something(&mut stream).await;
        let socket = SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let met = meet(to).await;
    assert_eq!(met.http, HttpAnswer::Reset);
    assert_eq!(met.tls, Handshake::Reset);
    assert_eq!(met.old_tls, Handshake::Reset);
}

#[tokio::test]
async fn one_that_resets_as_soon_as_it_has_accepted_did_accept() {
    let to = serve(|stream| async move {
        let socket = SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let accepted = Facts::Tcp(TcpFacts { connect: Connect::Accepted, dialled: None });
    // Whether we look before or after the RST is a matter of luck.
    for _ in 0..20 {
        let net = network(Roots::empty());
        assert_eq!(look(&net, &ProbeSpec::Tcp { to }).await, accepted);
        let met = meet(to).await;
        assert_eq!(met.http, HttpAnswer::Reset);
        assert_eq!(met.tls, Handshake::Reset);
        assert_eq!(met.old_tls, Handshake::Reset);
    }
}

/// A ServerHello of `minor` with ECDHE-RSA-AES128, in a record of its own.
fn server_hello(minor: u8) -> Vec<u8> {
    let cipher = if minor == 3 { [0xc0, 0x2f] } else { [0xc0, 0x13] };
    let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(cipher);
    hello.push(0);
    hello
}

/// A Certificate message of 16 MB, in records of 16 KiB.
async fn endless_chain(minor: u8) -> (Endpoint, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let to = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            read_something(&mut stream).await;
            let mut head = server_hello(minor);
            head.extend([22, 3, minor, 0, 4, 11, 0xff, 0xff, 0xff]);
            let mut record = vec![22, 3, minor, 0x40, 0];
            record.extend([0x30; 0x4000]);
            flood(stream, head, record, counter).await;
        }
    })
    .await;
    (to, sent)
}

#[tokio::test]
async fn a_certificate_chain_without_end_is_broken_off() {
    let (to, sent) = endless_chain(3).await;
    let met = meet(to).await;
    assert!(matches!(met.tls, Handshake::Broken(_)), "{:?}", met.tls);
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);

    let (to, sent) = endless_chain(2).await;
    let met = meet(to).await;
    assert_eq!(met.old_tls, Handshake::Broken(ServerText::new("the handshake does not end")));
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn records_longer_than_allowed_are_broken() {
    let (to, sent) = flooding(&[22, 3, 3, 0xff, 0xff], &[2, 0xff, 0xff, 0xff]).await;
    let met = meet(to).await;
    assert!(matches!(met.tls, Handshake::Broken(_)), "{:?}", met.tls);
    assert!(matches!(met.old_tls, Handshake::Broken(_)), "{:?}", met.old_tls);
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}

#[tokio::test]
async fn endless_warnings_end_with_the_time_or_before() {
    let (to, sent) = flooding(b"", &[21, 3, 3, 0, 2, 1, 90]).await;
    let met = meet(to).await;
    assert!(matches!(met.tls, Handshake::Broken(_) | Handshake::Silent), "{:?}", met.tls);
    assert_eq!(met.old_tls, Handshake::Broken(ServerText::new("the handshake does not end")));
    assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
}
