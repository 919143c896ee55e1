//! The requests of a browser that joins, and of others that people use.

use super::api;
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::probe::{Carrier, PathRequest};
use crate::model::target::Endpoint;
use crate::net::Network;
use crate::proto::http::{Request, websocket_upgrade_with};

/// Sends one request as a browser does.
pub async fn run(
    net: &Network,
    to: Endpoint,
    over: &Carrier,
    host: &DomainName,
    request: PathRequest,
) -> (u32, Outcome) {
    api::exchange(net, to, over, &bytes_of(request, host.as_str())).await
}

fn bytes_of(request: PathRequest, host: &str) -> Vec<u8> {
    let path = request.path();
    let origin = format!("Origin: https://{host}");
    let get = |fields: &[&str]| Request { fields, ..Request::get(&path, host) }.to_bytes();
    match request {
        PathRequest::Page => get(&["Accept: text/html"]),
        PathRequest::Join | PathRequest::JoinV1 => {
            let fields = [
                origin.as_str(),
                "Cache-Control: no-cache",
                "Pragma: no-cache",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            ];
            websocket_upgrade_with(&path, host, &fields, rand::random())
        }
        PathRequest::Validate | PathRequest::ValidateV1 => {
            get(&[&origin, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"])
        }
        PathRequest::WhipOptions => {
            Request { method: "OPTIONS", ..Request::get(&path, host) }.to_bytes()
        }
    }
}
