//! What configuration files say. They were read before the run, which can only be about what they name.

use crate::model::facts::Facts;
use crate::model::observation::{LocalTrouble, Outcome};
use crate::net::Configurations;

/// What the proxy's configuration says.
pub fn proxy(configurations: &Configurations) -> (u32, Outcome) {
    let read = configurations.proxy.as_deref().cloned();
    told(read.map(|facts| Facts::ProxyConfiguration(Box::new(facts))))
}

/// What OpenVidu's own configuration says.
pub fn openvidu(configurations: &Configurations) -> (u32, Outcome) {
    let read = configurations.openvidu.as_deref().cloned();
    told(read.map(|facts| Facts::OpenviduConfiguration(Box::new(facts))))
}

fn told(facts: Option<Facts>) -> (u32, Outcome) {
    let blind = || Outcome::Blind(LocalTrouble::NothingAsked.into());
    (1, facts.map_or_else(blind, Outcome::Saw))
}
