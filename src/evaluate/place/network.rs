//! Whether a private address leads to the deployment's network: many networks have the same ones, and
//! what answers here may be a router or a printer. Control: something at a private address that shows
//! itself to be the deployment's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::doubted;
use super::inside::is_of_deployment;
use crate::model::address::is_private;
use crate::model::facts::{Facts, Handshake, UdpAnswer};
use crate::model::observation::Outcome;
use crate::model::premise::Doubt;
use crate::model::vantage::Zone;
use crate::model::verdict::Verdict;

/// The private addresses at which somebody answers who may be of another network.
pub(super) struct OtherNetwork(Option<Doubt>);

impl OtherNetwork {
    pub fn of(case: &Case<'_>) -> Self {
        if case.vantage.zone != Zone::Internet {
            return Self(None);
        }
        let observations = || case.observations.iter();
        let asked = observations().filter_map(|it| it.spec.address());
        let private: BTreeSet<IpAddr> = asked.filter(|it| is_private(*it)).collect();
        let is_known = observations().any(|observation| {
            let address = observation.spec.address();
            let is_there = address.is_some_and(|address| private.contains(&address));
            is_there && is_shown(&observation.outcome)
        });
        let answering = private.into_iter().filter(|it| case.is_somebody_at(*it));
        let addresses: Vec<IpAddr> = answering.collect();
        let is_doubted = !is_known && !addresses.is_empty();
        Self(is_doubted.then_some(Doubt::OtherNetwork { addresses }))
    }

    /// What is left of a judgement about who answers at a private address.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let Some(doubt @ Doubt::OtherNetwork { addresses }) = &self.0 else { return judgement };
        let is_there = |address: IpAddr| addresses.contains(&address);
        let mut asked = view.observations().filter_map(|it| it.spec.address());
        match judgement.verdict {
            Verdict::NotApplicable => judgement,
            _ if asked.any(is_there) => doubted(doubt),
            _ => judgement,
        }
    }
}

/// Whether somebody showed himself to be of the deployment: in words that only it says, or by a
/// certificate for its name, whoever signed it.
fn is_shown(outcome: &Outcome) -> bool {
    let Outcome::Saw(facts) = outcome else { return false };
    if is_of_deployment(facts) {
        return true;
    }
    match facts {
        Facts::Tls(facts) => match &facts.handshake {
            Some(Handshake::Completed(session)) => {
                session.certificate.as_ref().is_some_and(|chain| chain.name_matches)
            }
            _ => false,
        },
        Facts::Udp(facts) => facts.ports.iter().any(|port| port.answer == UdpAnswer::Stun),
        _ => false,
    }
}
