//! Whether we look from outside. Control: our own address, as a STUN server outside sees it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, is_of_closed_ports, without_proof};
use crate::model::facts::{
    Facts, Handshake, HttpAnswer, LivekitReply, Loss, ServerText, StunAnswer, TlsFacts, Trust,
    UdpAnswer,
};
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::premise::Doubt;
use crate::model::probe::ProbeSpec;
use crate::model::seen::Seen;
use crate::model::target::{Endpoint, Family};
use crate::model::vantage::Zone;
use crate::model::verdict::Verdict;

/// What speaks against our being outside, in each family.
#[derive(Default)]
pub(super) struct Inside {
    /// The deployment's address that is ours too.
    behind: Vec<IpAddr>,
    /// Whether the router sends what is meant for the deployment back to it.
    looped: BTreeSet<IpAddr>,
    /// Another machine at an address of the deployment, and what it shows.
    another: Vec<(IpAddr, ServerText)>,
}

impl Inside {
    pub fn of(case: &Case<'_>) -> Self {
        if case.vantage.zone != Zone::Internet {
            return Self::default();
        }
        Self {
            behind: case
                .observations
                .iter()
                .filter_map(mapped)
                .filter(|it| is_shared(case, *it))
                .collect(),
            looped: endpoints(case)
                .filter(|(_, facts)| is_of_deployment(facts))
                .map(|(to, _)| to.address)
                .collect(),
            another: Family::BOTH.into_iter().filter_map(|family| another(case, family)).collect(),
        }
    }

    /// What is left of a judgement about an address that may be our own router's.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let Some(address) = view.observations().find_map(|it| it.spec.address()) else {
            return judgement;
        };
        let is_same_family = |other: IpAddr| Family::of(other) == Family::of(address);
        if let Some(ours) = self.behind.iter().copied().find(|it| is_same_family(*it)) {
            let stays = match judgement.verdict {
                Verdict::Pass(_) => self.looped.contains(&address) && !is_of_closed_ports(view),
                Verdict::Fail(_) => false,
                Verdict::Inconclusive(_) | Verdict::NotApplicable => true,
            };
            let doubt = Doubt::BehindDeployment { address: ours };
            return if stays { judgement } else { doubted(&doubt) };
        }
        match self.another.iter().find(|(at, _)| is_same_family(*at)) {
            Some((at, shows)) => {
                suspected(judgement, &Doubt::AnotherMachine { address: *at, shows: shows.clone() })
            }
            None => judgement,
        }
    }
}

/// A violation, and what else may be its cause.
pub(super) fn suspected(judgement: Judgement, doubt: &Doubt) -> Judgement {
    if !matches!(judgement.verdict, Verdict::Fail(_)) {
        return judgement;
    }
    let judgement = without_proof(judgement);
    let others = judgement.others.into_iter().map(|it| suspected(it, doubt)).collect();
    let seen = judgement.seen.and(Seen::Doubted(doubt.clone()));
    Judgement { seen, others, ..judgement }
}

/// Our own address, as a STUN server outside sees it.
fn mapped(observation: &Observation) -> Option<IpAddr> {
    match (&observation.spec, &observation.outcome) {
        (ProbeSpec::OwnUdp { .. }, Outcome::Saw(Facts::Turn(facts))) => match facts.binding {
            Some(StunAnswer::Success { mapped: Some(mapped) }) => Some(mapped.ip()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an address is the deployment's, and not that of this machine itself.
fn is_shared(case: &Case<'_>, address: IpAddr) -> bool {
    let is_asked = case.observations.at(address).next().is_some();
    let is_declared = case.deployment.nodes.iter().any(|node| node.has(address));
    (is_asked || is_declared) && !case.vantage.addresses.contains(&address)
}

/// What the deployment's addresses showed over TCP, and over TURN.
fn endpoints<'a>(case: &Case<'a>) -> impl Iterator<Item = (Endpoint, &'a Facts)> + use<'a> {
    case.observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => Some((observation.spec.endpoint()?, facts)),
        Outcome::Blind(_) => None,
    })
}

/// Whether only the deployment can have said this.
pub(super) fn is_of_deployment(facts: &Facts) -> bool {
    let is_livekit = |answer: &HttpAnswer| match answer {
        HttpAnswer::Response(response) => {
            LivekitReply::NoPermissions.is_in(response)
                || LivekitReply::Unauthenticated.is_in(response)
        }
        _ => false,
    };
    match facts {
        Facts::Api(facts) => facts.answer.as_ref().is_some_and(is_livekit),
        Facts::Tls(facts) => is_trusted(facts),
        Facts::Turn(facts) => facts.binding.as_ref().is_some_and(StunAnswer::is_stun),
        _ => false,
    }
}

fn is_trusted(facts: &TlsFacts) -> bool {
    let Some(Handshake::Completed(session)) = &facts.handshake else { return false };
    let chain = session.certificate.as_ref();
    chain.is_some_and(|chain| chain.name_matches && chain.trust == Trust::Verified)
}

/// Something with a certificate of its own at one address, where nothing of OpenVidu answers at all.
fn another(case: &Case<'_>, family: Family) -> Option<(IpAddr, ServerText)> {
    let of_family = || endpoints(case).filter(|(to, _)| Family::of(to.address) == family);
    let mut all =
        case.observations.iter().filter(|it| it.spec.address().map(Family::of) == Some(family));
    let answers_stun = all.any(|observation| match &observation.outcome {
        Outcome::Saw(Facts::Udp(facts)) => {
            facts.ports.iter().any(|port| port.answer == UdpAnswer::Stun)
        }
        Outcome::Saw(_) | Outcome::Blind(_) => false,
    });
    if answers_stun || of_family().any(|(_, facts)| is_of_deployment(facts)) {
        return None;
    }
    let (address, shows) = of_family().find_map(|(to, facts)| {
        let Some(Handshake::Completed(session)) = &facts.as_tls()?.handshake else { return None };
        let chain = session.certificate.as_ref()?;
        let is_own = matches!(chain.trust, Trust::SelfSigned | Trust::UnknownIssuer);
        let subject = chain.certificates.first()?.subject.clone();
        (is_own && !chain.name_matches).then_some((to.address, subject))
    })?;
    let is_accepted = |facts: &Facts| !matches!(facts.loss(), Some(Loss::Silence | Loss::Refusal));
    let (open, closed): (Vec<_>, Vec<_>) = of_family().partition(|(_, facts)| is_accepted(facts));
    let ports = |all: Vec<(Endpoint, &Facts)>| -> BTreeSet<Port> {
        all.into_iter().map(|(to, _)| to.port).collect()
    };
    // A router has a page to log in, and nothing else.
    let is_all_it_has = ports(open).len() <= 2;
    (is_all_it_has && ports(closed).len() >= 2).then_some((address, shows))
}
