//! What does LiveKit's HTTP API answer?

use super::reach;
use crate::model::facts::{ApiFacts, Connect, Facts, Handshake, HttpAnswer, TlsVersion};
use crate::model::name::DomainName;
use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::{ApiRequest, Carrier};
use crate::model::target::Endpoint;
use crate::net::tls::Alpn;
use crate::net::{Network, http, tls};
use crate::proto::http::{request, websocket_key};

/// Sends one request without credentials, over TLS or plain TCP.
pub async fn run(
    net: &Network,
    to: Endpoint,
    over: &Carrier,
    (host, request): (&DomainName, ApiRequest),
) -> (u32, Outcome) {
    if *over == Carrier::Udp {
        let words = "HTTP/1.1 does not run over UDP".to_owned();
        return (1, Outcome::Blind(Blindness::Local(words)));
    }
    let deadline = reach::deadline(net);
    let (attempts, connection) = reach::connect(net, to, deadline).await;
    let seen = |connect, handshake, answer: Option<HttpAnswer>| {
        let facts = ApiFacts {
            connect,
            dialled: net.dial.elsewhere(to),
            handshake,
            answer,
        };
        (attempts, Outcome::Saw(Facts::Api(facts)))
    };
    let mut stream = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => return seen(connect, None, None),
        Ok(Ok(stream)) => stream,
    };
    let bytes = bytes_of(request, host);
    let Carrier::Tls(sni) = over else {
        let answer = http::exchange(net, &mut stream, &bytes, deadline).await;
        return seen(Connect::Accepted, None, Some(answer));
    };
    let versions = [TlsVersion::Tls12, TlsVersion::Tls13];
    match tls::handshake(net, stream, sni, &versions, Alpn::Http11, deadline).await {
        Err(ended) => seen(Connect::Accepted, Some(ended), None),
        Ok((mut stream, session)) => {
            let answer = http::exchange(net, &mut stream, &bytes, deadline).await;
            let handshake = Handshake::Completed(Box::new(session));
            seen(Connect::Accepted, Some(handshake), Some(answer))
        }
    }
}

fn bytes_of(wanted: ApiRequest, host: &DomainName) -> Vec<u8> {
    let host = host.as_str();
    match wanted {
        ApiRequest::Validate => request("GET", "/rtc/validate", host, &[], b""),
        ApiRequest::WebSocketUpgrade => {
            let key = format!(
                "Sec-WebSocket-Key: {}",
                websocket_key(rand::random::<[u8; 16]>())
            );
            let fields = [
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                &key,
            ];
            request("GET", "/rtc", host, &fields, b"")
        }
        ApiRequest::ListRooms => request(
            "POST",
            "/twirp/livekit.RoomService/ListRooms",
            host,
            &["Content-Type: application/json"],
            b"{}",
        ),
    }
}
