//! Plain HTTP, and LiveKit's API.

use std::sync::{Arc, Mutex};

use ovcheck::model::facts::{Connect, Facts, HttpAnswer, HttpResponse, ServerText};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::probe::{ApiRequest, Carrier, HttpPath, ProbeSpec};
use ovcheck::model::target::Endpoint;
use ovcheck::net::tls::Roots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::{look, name, network, serve};

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let byte = stream.read_u8().await.unwrap();
        request.push(byte);
    }
    String::from_utf8(request).unwrap()
}

/// A server that notes requests, and always gives the same answer.
async fn answering(answer: &'static str) -> (Endpoint, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    let to = serve(move |mut stream| {
        let noted = Arc::clone(&noted);
        async move {
            let request = read_request(&mut stream).await;
            noted.lock().unwrap().push(request);
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Stays open, as keep-alive does.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap_or(0);
        }
    })
    .await;
    (to, requests)
}

#[tokio::test]
async fn a_redirect_is_recorded_with_its_location() {
    let (to, requests) = answering(
        "HTTP/1.1 301 Moved Permanently\r\nServer: nginx\r\nContent-Type: text/html\r\n\
         Location: https://openvidu.example.io/elsewhere\r\nContent-Length: 4\r\n\r\ngone",
    )
    .await;
    let host = name("openvidu.example.io");
    let asked = |path| ProbeSpec::Http { to, host: host.clone(), path };
    let facts = look(&network(Roots::empty()), &asked(HttpPath::Any)).await;
    let Facts::Http(facts) = facts else {
        panic!("{facts:?}");
    };
    assert_eq!(facts.connect, Connect::Accepted);
    let expected = HttpResponse {
        status: 301,
        server: Some(ServerText::new("nginx")),
        location: Some(ServerText::new("https://openvidu.example.io/elsewhere")),
        content_type: Some(ServerText::new("text/html")),
        body: ServerText::new("gone"),
        ..HttpResponse::default()
    };
    assert_eq!(facts.answer, Some(HttpAnswer::Response(expected)));
    let request = requests.lock().unwrap().pop().unwrap();
    assert!(
        request
            .starts_with(&format!("GET {} HTTP/1.1\r\nHost: openvidu.example.io\r\n", facts.path)),
        "{request}"
    );
    assert!(facts.path.ends_with("?x=1"), "{}", facts.path);
    look(&network(Roots::empty()), &asked(HttpPath::AcmeChallenge)).await;
    let request = requests.lock().unwrap().pop().unwrap();
    let path = "GET /.well-known/acme-challenge/ovcheck-";
    assert!(request.starts_with(path), "{request}");
}

#[tokio::test]
async fn the_three_requests_to_the_api_are_written_as_livekit_expects_them() {
    let cases = [
        (ApiRequest::Validate, "GET /rtc/validate HTTP/1.1\r\n", ""),
        (
            ApiRequest::WebSocketUpgrade,
            "GET /rtc HTTP/1.1\r\n",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
        ),
        (
            ApiRequest::ListRooms,
            "POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\n",
            "Content-Type: application/json\r\nContent-Length: 2\r\n",
        ),
    ];
    for (request, line, fields) in cases {
        let (to, requests) =
            answering("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await;
        let spec =
            ProbeSpec::Api { to, over: Carrier::Tcp, host: name("openvidu.example.io"), request };
        let facts = look(&network(Roots::empty()), &spec).await;
        let Facts::Api(facts) = facts else {
            panic!("{facts:?}");
        };
        assert!(
            matches!(&facts.answer, Some(HttpAnswer::Response(response))
                if response.status == 401 && response.body.unquoted() == "no"),
            "{facts:?}"
        );
        let sent = requests.lock().unwrap().pop().unwrap();
        assert!(sent.starts_with(line), "{sent}");
        assert!(sent.contains(fields), "{sent}");
    }
}

#[tokio::test]
async fn http_over_udp_is_not_a_question() {
    let spec = ProbeSpec::Api {
        to: Endpoint { address: "127.0.0.1".parse().unwrap(), port: "9".parse().unwrap() },
        over: Carrier::Udp,
        host: name("openvidu.example.io"),
        request: ApiRequest::Validate,
    };
    let (_, outcome) = ovcheck::probe::run(&network(Roots::empty()), &spec).await;
    assert!(matches!(outcome, Outcome::Blind(Blindness::Local(_))));
}
