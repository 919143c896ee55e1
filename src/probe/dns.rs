//! Which addresses has a name?

use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::target::Family;
use crate::net::{Network, lookup};

/// Asks the name servers of the zone that `name` is in.
pub async fn authority(net: &Network, name: &DomainName, family: Family) -> (u32, Outcome) {
    lookup::authority(net, name, family).await
}

/// Asks the DNS servers for the addresses of `name` in one family.
pub async fn run(net: &Network, name: &DomainName, family: Family) -> (u32, Outcome) {
    lookup::addresses(net, name, family).await
}
