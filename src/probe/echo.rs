//! Whether a machine answers an ICMP echo request.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::{milliseconds, reach};
use crate::model::facts::{EchoAnswer, EchoFacts, Facts};
use crate::model::observation::Outcome;
use crate::net::Network;
use crate::net::echo::Pinger;

/// How often it is asked, and how long it may take each time.
const EVERY: Duration = Duration::from_millis(400);

/// Asks until it answers, three times at most. That this system lets nobody ask is no trouble: it
/// is one answer less.
pub async fn run(net: &Network, address: IpAddr) -> (u32, Outcome) {
    let (attempts, answer) = ask(net, address).await;
    (attempts, Outcome::Saw(Facts::Echo(EchoFacts { answer })))
}

async fn ask(net: &Network, address: IpAddr) -> (u32, EchoAnswer) {
    // It has no port by which it could be sent elsewhere.
    let is_elsewhere = net
        .dial
        .connect_to
        .iter()
        .any(|entry| entry.address == Some(address) || entry.address.is_none());
    let pinger = if is_elsewhere { None } else { Pinger::new(address) };
    let Some(pinger) = pinger else {
        return (1, EchoAnswer::NotSent);
    };
    let started = Instant::now();
    let end = reach::deadline(net).min(started + net.limits.timeout);
    let mut attempts = 0;
    while attempts < 3 && Instant::now() < end {
        attempts += 1;
        let until = end.min(Instant::now() + EVERY);
        if pinger.ask(attempts, until).await {
            return (attempts, EchoAnswer::Replied { after_ms: milliseconds(started.elapsed()) });
        }
    }
    (attempts.max(1), EchoAnswer::Silent)
}
