//! DNS questions, asked so that no answer hides another.

use super::Network;
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::target::Family;

/// Asks for the addresses of `name` in one family. Returns the number of queries sent, and
/// [`Facts::Dns`](crate::model::facts::Facts::Dns) or our own trouble.
pub async fn addresses(_net: &Network, _name: &DomainName, _family: Family) -> (u32, Outcome) {
    unimplemented!("helper A")
}
