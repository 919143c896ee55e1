//! Whether a port accepts connections.

use super::reach;
use crate::model::facts::{Connect, Facts, TcpFacts};
use crate::model::observation::Outcome;
use crate::model::target::Endpoint;
use crate::net::Network;

/// Connects and closes the connection.
pub async fn run(net: &Network, to: Endpoint) -> (u32, Outcome) {
    let (attempts, connection) = reach::connect(net, to, reach::deadline(net)).await;
    let outcome = match connection {
        Err(blindness) => Outcome::Blind(blindness),
        Ok(connection) => Outcome::Saw(Facts::Tcp(TcpFacts {
            connect: connection.err().unwrap_or(Connect::Accepted),
            dialled: net.dial.elsewhere(to),
        })),
    };
    (attempts, outcome)
}
