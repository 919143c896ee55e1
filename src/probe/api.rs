//! The answers of LiveKit's HTTP API.

use super::reach;
use crate::model::facts::{ApiFacts, Facts, FirstBytes, HttpAnswer};
use crate::model::name::DomainName;
use crate::model::observation::{LocalTrouble, Outcome};
use crate::model::probe::{ApiRequest, Carrier};
use crate::model::target::Endpoint;
use crate::net::tls::{Alpn, Offer};
use crate::net::{Network, Stream, http};
use crate::proto::http::{Request, websocket_upgrade};

/// Sends one request without credentials, over TLS or plain TCP.
pub async fn run(
    net: &Network,
    to: Endpoint,
    over: &Carrier,
    host: &DomainName,
    request: ApiRequest,
) -> (u32, Outcome) {
    exchange(net, to, over, &bytes_of(request, host)).await
}

/// Sends one request, over TLS or plain TCP.
pub(super) async fn exchange(
    net: &Network,
    to: Endpoint,
    over: &Carrier,
    request: &[u8],
) -> (u32, Outcome) {
    let sni = match over {
        Carrier::Tcp => None,
        Carrier::Tls(sni) => Some(sni),
        Carrier::Udp => {
            return (1, Outcome::Blind(LocalTrouble::NotOverUdp("HTTP/1.1".into()).into()));
        }
    };
    let deadline = reach::deadline(net);
    let offer = sni.map(|sni| Offer::new(sni, Alpn::Http11));
    let (attempts, reached) = reach::open(net, to, offer, deadline).await;
    let reached = match reached {
        Ok(reached) => reached,
        Err(trouble) => return (attempts, Outcome::Blind(trouble)),
    };
    let answer = match reached.stream {
        Some(mut stream) => Some(http::exchange(net, &mut stream, request, deadline).await),
        None => None,
    };
    let otherwise = match &answer {
        Some(answer) if is_nothing(answer) => {
            let is_answered = async |mut stream: Box<dyn Stream>| {
                let answer = http::exchange(net, &mut stream, request, deadline).await;
                matches!(answer, HttpAnswer::Response(response) if response.status == 401)
            };
            let place = reach::Place { to, offer };
            Some(reach::other_beginnings(net, place, deadline, is_answered).await)
        }
        Some(_) | None => None,
    };
    let facts = ApiFacts {
        connect: reached.connect,
        dialled: net.dial.elsewhere(to),
        handshake: reached.handshake,
        answer,
        otherwise,
    };
    (attempts, Outcome::Saw(Facts::Api(facts)))
}

fn is_nothing(answer: &HttpAnswer) -> bool {
    match answer {
        HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::Silent => true,
        HttpAnswer::NotHttp(first) => *first == FirstBytes::Tls,
        HttpAnswer::Response(_) | HttpAnswer::Unfinished { .. } => false,
    }
}

fn bytes_of(wanted: ApiRequest, host: &DomainName) -> Vec<u8> {
    let host = host.as_str();
    match wanted {
        ApiRequest::Validate => Request::get(wanted.path(), host).to_bytes(),
        ApiRequest::WebSocketUpgrade => websocket_upgrade(wanted.path(), host, rand::random()),
        ApiRequest::ListRooms => Request {
            method: "POST",
            path: wanted.path(),
            host,
            fields: &["Content-Type: application/json"],
            body: b"{}",
        }
        .to_bytes(),
    }
}
