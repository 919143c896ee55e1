//! Which service answers: servers in this process, some of which mean harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ovcheck::model::facts::{
    BucketAccess, Connect, Facts, FirstBytes, HttpResponse, MongoLogin, RedisAnswer, ServerText,
    ServiceAnswer,
};
use ovcheck::model::name::BucketName;
use ovcheck::model::probe::{ProbeSpec, ServiceAsk};
use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::peers::{endpoint, look, network, serve};

/// Every question.
const ALL: [ServiceAsk; 10] = [
    ServiceAsk::RedisPing,
    ServiceAsk::MongoHello,
    ServiceAsk::Http2Settings,
    ServiceAsk::IceTcp,
    ServiceAsk::MinioLive,
    ServiceAsk::GrafanaHealth,
    ServiceAsk::Ready,
    ServiceAsk::V2Config,
    ServiceAsk::IngressHealth,
    ServiceAsk::Page,
];

/// What a question meets where somebody accepts.
pub async fn answer(to: Endpoint, ask: ServiceAsk) -> ServiceAnswer {
    let net = network(Roots::empty());
    match look(&net, &ProbeSpec::Service { to, ask, buckets: Vec::new() }).await {
        Facts::Service(facts) => {
            assert_eq!(facts.connect, Connect::Accepted);
            facts.answer.unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// Sends `bytes` after the question, and keeps the connection.
async fn saying(bytes: &'static [u8]) -> Endpoint {
    serve(move |mut stream| async move {
        read_something(&mut stream).await;
        stream.write_all(bytes).await.unwrap();
        sleep(Duration::from_secs(20)).await;
    })
    .await
}

async fn read_something(stream: &mut TcpStream) {
    let mut bytes = [0; 2048];
    assert!(stream.read(&mut bytes).await.unwrap() > 0);
}

fn text(text: &str) -> ServiceAnswer {
    ServiceAnswer::Other(FirstBytes::Text(ServerText::new(text)))
}

#[tokio::test]
async fn nobody_listening_is_a_fact_about_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = endpoint(listener.local_addr().unwrap());
    drop(listener);
    for ask in ALL {
        let net = network(Roots::empty());
        let facts = look(&net, &ProbeSpec::Service { to, ask, buckets: Vec::new() }).await;
        let Facts::Service(facts) = facts else {
            panic!("{facts:?}");
        };
        assert_eq!((facts.connect, facts.answer), (Connect::Reset, None));
    }
}

#[tokio::test]
async fn a_closed_port_costs_one_connection_and_an_open_one_no_more() {
    for ask in ALL {
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let to = serve(move |stream| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(Duration::from_secs(20)).await;
                drop(stream);
            }
        })
        .await;
        assert_eq!(answer(to, ask).await, ServiceAnswer::Silent);
        // Whoever is silent to WebRTC over TCP may be a web server, which is asked for a page.
        let expected = if ask == ServiceAsk::IceTcp { 2 } else { 1 };
        assert_eq!(connections.load(Ordering::Relaxed), expected, "{ask}");
    }
}

/// It waits for the end of a line, which no packet of WebRTC over TCP has.
#[tokio::test]
async fn a_web_server_on_the_port_of_webrtc_over_tcp_is_told_by_its_page() {
    let to = serve(|mut stream| async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
        let page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        stream.write_all(page).await.unwrap();
    })
    .await;
    let met = answer(to, ServiceAsk::IceTcp).await;
    assert!(matches!(&met, ServiceAnswer::Http(response) if response.status == 200), "{met:?}");
}

#[tokio::test]
async fn redis_is_asked_for_a_pong() {
    let without_password = saying(b"+PONG\r\n").await;
    assert_eq!(
        answer(without_password, ServiceAsk::RedisPing).await,
        ServiceAnswer::Redis(RedisAnswer::Pong)
    );
    let with_password = saying(b"-NOAUTH Authentication required.\r\n").await;
    assert_eq!(
        answer(with_password, ServiceAsk::RedisPing).await,
        ServiceAnswer::Redis(RedisAnswer::NoAuth)
    );
}

#[tokio::test]
async fn redis_in_protected_mode_speaks_before_it_is_asked() {
    let to = serve(|mut stream| async move {
        let denied = b"-DENIED Redis is running in protected mode because protected mode is \
            enabled and no password is set for the default user.\r\n";
        stream.write_all(denied).await.unwrap();
        // Without reading, so that the question is answered with RST.
    })
    .await;
    // The RST can overtake what was said: then that is all there is.
    let met = answer(to, ServiceAsk::RedisPing).await;
    assert!(
        matches!(met, ServiceAnswer::Redis(RedisAnswer::Denied) | ServiceAnswer::Reset),
        "{met:?}"
    );
}

/// Answers one question of MongoDB's wire protocol with this document, behind its length.
async fn answer_as_mongodb(stream: &mut TcpStream, elements: &[u8]) {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await.unwrap();
    let rest = usize::from(head[0]) - head.len();
    stream.read_exact(&mut vec![0; rest]).await.unwrap();
    let document = u32::try_from(5 + elements.len()).unwrap();
    stream.write_all(&(21 + document).to_le_bytes()).await.unwrap();
    stream.write_all(&[9, 0, 0, 0]).await.unwrap();
    stream.write_all(&head[4..8]).await.unwrap();
    stream.write_all(&[0xdd, 7, 0, 0]).await.unwrap();
    stream.write_all(&[0; 5]).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    stream.write_all(&document.to_le_bytes()).await.unwrap();
    stream.write_all(elements).await.unwrap();
    stream.write_all(&[0]).await.unwrap();
}

#[tokio::test]
async fn mongodb_tells_its_set_and_whether_it_demands_a_login() {
    const LISTED: &[u8] = b"\x04databases\0\x05\0\0\0\0";
    const REFUSED: &[u8] = b"\x10code\0\x0d\0\0\0";
    const UNKNOWN: &[u8] = b"\x10code\0\x3b\0\0\0";
    for (on_list, login) in [
        (Some(LISTED), MongoLogin::NotDemanded),
        (Some(REFUSED), MongoLogin::Demanded),
        (Some(UNKNOWN), MongoLogin::Unknown),
        (None, MongoLogin::Unknown),
    ] {
        let to = serve(move |mut stream: TcpStream| async move {
            let hello = b"\x08isWritablePrimary\0\x01\x02setName\0\x04\0\0\0rs0\0";
            answer_as_mongodb(&mut stream, hello).await;
            if let Some(on_list) = on_list {
                answer_as_mongodb(&mut stream, on_list).await;
                sleep(Duration::from_secs(20)).await;
            }
        })
        .await;
        let set_name = Some(ServerText::new("rs0"));
        let expected = ServiceAnswer::MongoDb { set_name, is_primary: Some(true), login };
        assert_eq!(answer(to, ServiceAsk::MongoHello).await, expected);
    }
}

#[tokio::test]
async fn a_grpc_server_begins_with_its_settings() {
    let to = saying(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0x40, 0]).await;
    assert_eq!(answer(to, ServiceAsk::Http2Settings).await, ServiceAnswer::Http2);
}

#[tokio::test]
async fn a_question_by_http_asks_for_the_path_of_its_service() {
    let cases = [
        (ServiceAsk::MinioLive, "GET /minio/health/live HTTP/1.1\r\n"),
        (ServiceAsk::GrafanaHealth, "GET /api/health HTTP/1.1\r\n"),
        (ServiceAsk::Ready, "GET /ready HTTP/1.1\r\n"),
        (ServiceAsk::V2Config, "GET /openvidu/api/config HTTP/1.1\r\n"),
        (ServiceAsk::IngressHealth, "GET /health HTTP/1.1\r\n"),
        (ServiceAsk::Page, "GET / HTTP/1.1\r\n"),
    ];
    for (ask, line) in cases {
        let to = serve(move |mut stream| async move {
            let mut request = vec![0; 2048];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(line.as_bytes()));
            let response = b"HTTP/1.1 200 OK\r\nServer: MinIO\r\nContent-Length: 2\r\n\r\nhi";
            stream.write_all(response).await.unwrap();
        })
        .await;
        let ServiceAnswer::Http(response) = answer(to, ask).await else {
            panic!("no response to {ask}");
        };
        assert_eq!(response.status, 200);
        assert_eq!(response.server, Some(ServerText::new("MinIO")));
        assert_eq!(response.body.unquoted(), "hi");
    }
}

/// Answers a question about a bucket so, and every other one as MinIO.
async fn answer_about_bucket(mut stream: TcpStream, status: &str, body: &str) {
    let mut request = vec![0; 2048];
    let length = stream.read(&mut request).await.unwrap();
    let request = String::from_utf8(request[..length].to_vec()).unwrap();
    assert!(!request.to_lowercase().contains("authorization"), "{request}");
    let line = "GET /openvidu-appdata/?list-type=2&max-keys=0 HTTP/1.1\r\n";
    let (status, body) = if request.starts_with(line) { (status, body) } else { ("200 OK", "") };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nServer: MinIO\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).await.unwrap();
}

#[tokio::test]
async fn a_bucket_is_asked_for_without_credentials_and_without_reading_any_name() {
    const LIST: &str = "<?xml version=\"1.0\"?><ListBucketResult><Name>openvidu-appdata</Name>";
    let name = BucketName::try_from("openvidu-appdata".to_owned()).unwrap();
    for (status, body, access) in [
        ("200 OK", LIST, BucketAccess::Listed),
        ("403 Forbidden", "<Error><Code>AccessDenied</Code>", BucketAccess::Denied),
        ("403 Forbidden", "<html>blocked</html>", BucketAccess::Unknown),
        ("404 Not Found", "<Error><Code>NoSuchBucket</Code>", BucketAccess::NoSuchBucket),
        ("404 Not Found", "404 page not found", BucketAccess::Unknown),
        ("200 OK", "<html>AccessDenied</html>", BucketAccess::Unknown),
    ] {
        let to = serve(move |stream| answer_about_bucket(stream, status, body)).await;
        let ask = ServiceAsk::MinioLive;
        let spec = ProbeSpec::Service { to, ask, buckets: vec![name.clone()] };
        let Facts::Service(facts) = look(&network(Roots::empty()), &spec).await else {
            panic!("no facts of a service");
        };
        let [reply] = facts.buckets.as_slice() else { panic!("{:?}", facts.buckets) };
        assert_eq!(reply.name, name);
        assert_eq!(reply.answer.response().map(HttpResponse::bucket_access), Some(access));
    }
}

#[tokio::test]
async fn who_does_not_speak_http_is_asked_for_no_bucket() {
    let to = saying(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    let name = BucketName::try_from("openvidu-appdata".to_owned()).unwrap();
    let spec = ProbeSpec::Service { to, ask: ServiceAsk::MinioLive, buckets: vec![name] };
    let Facts::Service(facts) = look(&network(Roots::empty()), &spec).await else {
        panic!("no facts of a service");
    };
    assert_eq!(facts.buckets, []);
}

/// What a multiplexer of WebRTC over TCP does with a first packet of this length, and the bytes of
/// the packet's attributes.
async fn serve_ice_tcp(mut stream: TcpStream, keeps_named: bool) {
    let length = usize::from(stream.read_u16().await.unwrap());
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await.unwrap();
    if keeps_named && length > 20 {
        sleep(Duration::from_secs(20)).await;
    }
}

#[tokio::test]
async fn webrtc_over_tcp_hangs_up_on_the_nameless_and_keeps_the_named() {
    let multiplexer = serve(|stream| serve_ice_tcp(stream, true)).await;
    let hangs_up_on_all = serve(|stream| serve_ice_tcp(stream, false)).await;
    assert_eq!(answer(multiplexer, ServiceAsk::IceTcp).await, ServiceAnswer::IceTcp);
    assert_eq!(answer(hangs_up_on_all, ServiceAsk::IceTcp).await, ServiceAnswer::Closed);
}

#[tokio::test]
async fn one_that_is_gone_before_the_second_question_stays_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = endpoint(listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        serve_ice_tcp(stream, true).await;
    });
    assert_eq!(answer(to, ServiceAsk::IceTcp).await, ServiceAnswer::HangsUpOnNameless);
}

#[tokio::test]
async fn one_that_takes_a_single_connection_is_no_multiplexer() {
    let served = Arc::new(AtomicUsize::new(0));
    let to = serve(move |stream| {
        let before = served.fetch_add(1, Ordering::Relaxed);
        async move {
            if before == 0 {
                serve_ice_tcp(stream, true).await;
            } else {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    })
    .await;
    assert_eq!(answer(to, ServiceAsk::IceTcp).await, ServiceAnswer::Reset);
}

#[tokio::test]
async fn a_stranger_is_told_by_its_first_words() {
    let ssh = saying(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    let line = ServerText::new("SSH-2.0-OpenSSH_9.6");
    for ask in ALL {
        let met = answer(ssh, ask).await;
        assert_eq!(met, ServiceAnswer::Other(FirstBytes::Ssh(line.clone())));
    }
    let smtp = saying(b"220 mail.example.io ESMTP\r\n").await;
    for ask in ALL {
        assert_eq!(answer(smtp, ask).await, text("220 mail.example.io ESMTP"));
    }
}

#[tokio::test]
async fn one_that_closes_and_one_that_resets_are_told_apart() {
    let closes = serve(|mut stream| async move { read_something(&mut stream).await }).await;
    let resets = serve(|mut stream| async move {
        read_something(&mut stream).await;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    for ask in ALL {
        assert_eq!(answer(closes, ask).await, ServiceAnswer::Closed, "{ask}");
        assert_eq!(answer(resets, ask).await, ServiceAnswer::Reset, "{ask}");
    }
}

#[tokio::test]
async fn one_that_sends_a_byte_a_second_is_not_waited_for() {
    let to = serve(|mut stream| async move {
        for byte in b"+PONG\r\n" {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    for ask in ALL {
        assert_eq!(answer(to, ask).await, text("+"), "{ask}");
    }
}

/// Whoever reads more than this reads without end.
const FEW_BYTES: usize = 64 << 20;

/// Sends `head`, then `endless` until the client goes.
async fn flooding(head: &'static [u8], endless: &'static [u8]) -> (Endpoint, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let to = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            if stream.write_all(head).await.is_err() {
                return;
            }
            let endless = endless.repeat(1000);
            while let Ok(length) = stream.write(&endless).await {
                if counter.fetch_add(length, Ordering::Relaxed) > FEW_BYTES {
                    return;
                }
            }
        }
    })
    .await;
    (to, sent)
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let endings: [(&'static [u8], &'static [u8]); 5] = [
        (b"+", b"PONG"),
        (b"-NOAUTH ", b"no"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Endless: 1\r\n"),
        (b"", &[0, 0, 0xff]),
        (b"", &[0xfe, 0xed]),
    ];
    for (head, endless) in endings {
        let (to, sent) = flooding(head, endless).await;
        for ask in ALL {
            let met = answer(to, ask).await;
            assert!(
                matches!(met, ServiceAnswer::Other(_) | ServiceAnswer::Unfinished { .. }),
                "{ask}: {met:?}"
            );
        }
        assert!(sent.load(Ordering::Relaxed) < FEW_BYTES);
    }
}

#[tokio::test]
async fn a_mongodb_answer_that_announces_two_gigabytes_is_read_to_its_limit() {
    let to = serve(|mut stream| async move {
        let mut question = [0; 52];
        stream.read_exact(&mut question).await.unwrap();
        let mut head = vec![0xff, 0xff, 0xff, 0x7f, 9, 0, 0, 0];
        head.extend_from_slice(&question[4..8]);
        head.extend_from_slice(&[0xdd, 7, 0, 0]);
        head.extend_from_slice(&[0; 5]);
        // A document, and a text in it, of two gigabytes.
        head.extend_from_slice(b"\xff\xff\xff\x7f\x02setName\0\xff\xff\xff\x7f");
        stream.write_all(&head).await.unwrap();
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
    })
    .await;
    let expected =
        ServiceAnswer::MongoDb { set_name: None, is_primary: None, login: MongoLogin::Unknown };
    assert_eq!(answer(to, ServiceAsk::MongoHello).await, expected);
}
