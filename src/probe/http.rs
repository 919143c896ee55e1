//! The answer of plain HTTP for a path of a host.

use super::reach;
use crate::model::facts::{Connect, Facts, HttpFacts};
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::probe::HttpPath;
use crate::model::target::Endpoint;
use crate::net::{self, Network};
use crate::proto::http::Request;

/// Requests a path that does not exist.
pub async fn run(net: &Network, to: Endpoint, host: &DomainName, path: HttpPath) -> (u32, Outcome) {
    let deadline = reach::deadline(net);
    let unique = format!("ovcheck-{:08x}", rand::random::<u32>());
    let path = match path {
        // With a query, so that a redirect shows whether it keeps it.
        HttpPath::Any => format!("/{unique}?x=1"),
        HttpPath::AcmeChallenge => format!("/.well-known/acme-challenge/{unique}"),
    };
    let (attempts, connection) = reach::connect(net, to, deadline).await;
    let (connect, answer) = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => (connect, None),
        Ok(Ok(mut stream)) => {
            let request = Request::get(&path, host.as_str()).to_bytes();
            let answer = net::http::exchange(net, &mut stream, &request, deadline).await;
            (Connect::Accepted, Some(answer))
        }
    };
    let facts = HttpFacts { connect, dialled: net.dial.elsewhere(to), path, answer };
    (attempts, Outcome::Saw(Facts::Http(facts)))
}
