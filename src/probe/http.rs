//! What does plain HTTP answer for a path of a host?

use super::reach;
use crate::model::facts::{Connect, Facts, HttpFacts};
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::target::Endpoint;
use crate::net::{self, Network};
use crate::proto::http::Request;

/// Asks for a path that nobody has, with a query, so that a redirect shows what it keeps.
pub async fn run(net: &Network, to: Endpoint, host: &DomainName) -> (u32, Outcome) {
    let deadline = reach::deadline(net);
    let path = format!("/ovcheck-{:08x}?x=1", rand::random::<u32>());
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
    let facts = HttpFacts {
        connect,
        dialled: net.dial.elsewhere(to),
        path,
        answer,
    };
    (attempts, Outcome::Saw(Facts::Http(facts)))
}
