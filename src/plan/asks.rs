//! What a row of the port tables asks, seen from where we stand.

use crate::model::deployment::{Deployment, Node, Usage};
use crate::model::plan::Ask;
use crate::model::rule::{AllowedFrom, PortRow};
use crate::model::vantage::Zone;

/// What `row` asks of `node`'s port when packets come from `zone`.
pub(super) fn of_row(row: &PortRow, node: &Node, deployment: &Deployment, zone: Zone) -> Ask {
    let shared_with_proxy = node
        .addresses
        .iter()
        .any(|address| deployment.nodes_at(*address).count() > 1);
    let allowed = match (row.from, zone) {
        (AllowedFrom::Anywhere, _) | (AllowedFrom::ExternalProxy, Zone::ExternalProxy) => true,
        (AllowedFrom::ExternalProxy, Zone::Internet) => false,
        (AllowedFrom::ExternalProxy, Zone::OwnNode) if shared_with_proxy => true,
        (AllowedFrom::ExternalProxy, Zone::OwnNode) => {
            return Ask::Nothing("a machine reaches its own ports whatever the rule is".into());
        }
    };
    if !allowed {
        return Ask::MustBeClosed;
    }
    if row.needs_turn_domain && deployment.turn_domain.is_none() {
        return Ask::Nothing("no TURN domain is declared".into());
    }
    match row.feature {
        None => Ask::MustBeOpen,
        Some(feature) => match deployment.uses.of(feature) {
            Usage::InUse => Ask::MustBeOpen,
            Usage::NotInUse => Ask::NeedNotBeOpen,
            Usage::Unsaid => Ask::EitherWay(feature),
        },
    }
}
