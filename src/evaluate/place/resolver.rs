//! Whether the DNS server of this machine answers what the DNS has. Controls, asked only where an answer
//! is not as it should be: the name servers of the zone, and a name that cannot exist.

use std::net::{IpAddr, SocketAddr};

use super::super::Case;
use super::super::dns::authorities;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, is_of_closed_ports, is_violated_or_open, without_proof};
use crate::model::address::translated_by_nat64;
use crate::model::facts::{DnsAnswer, DnsFacts, Facts};
use crate::model::name::DomainName;
use crate::model::observation::{Observation, Outcome};
use crate::model::premise::{Doubt, TwoAnswers};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::target::Family;
use crate::model::verdict::Verdict;

/// What the DNS server of this machine answers otherwise than the zones.
pub(super) struct Resolver(Option<Doubt>);

impl Resolver {
    pub fn of(case: &Case<'_>) -> Self {
        let made_up = made_up(case);
        let mut first: Option<SocketAddr> = None;
        let answers = own_answers(case).filter_map(|(name, family, facts)| {
            let answer = differing(case, name, family, facts, &made_up)?;
            first.get_or_insert(facts.server);
            Some(answer)
        });
        let answers: Vec<TwoAnswers> = answers.collect();
        let makes_up = answers.iter().flat_map(|it| &it.here).any(|it| made_up.contains(it));
        Self(first.map(|server| Doubt::Resolver { server, makes_up, answers }))
    }

    /// What is left of a judgement about a name, or about an address that only this DNS server has for
    /// it.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        // What validation says is shown by the same server's two answers.
        let has_own_proof = judgement.reason == ReasonCode::DnssecInvalid;
        let judgement = if is_without_control(view) && !has_own_proof {
            without_proof(judgement)
        } else {
            judgement
        };
        let Some(doubt @ Doubt::Resolver { answers, .. }) = &self.0 else { return judgement };
        let rests = is_violated_or_open(&judgement)
            || (matches!(judgement.verdict, Verdict::Pass(_)) && is_of_closed_ports(view));
        let is_declared = view.check.target.node.is_some();
        let mut asked = view.observations();
        let is_doubted = !is_declared && asked.any(|it| answers.iter().any(|two| is_of(it, two)));
        if rests && is_doubted { doubted(doubt) } else { judgement }
    }
}

/// Whether the name servers of the zone were asked, and settled nothing.
fn is_without_control(view: &View<'_>) -> bool {
    let asked = view.observations().filter_map(|it| match (&it.spec, &it.outcome) {
        (ProbeSpec::Authority { .. }, Outcome::Saw(Facts::Authority(facts))) => {
            Some(facts.servers.iter().any(|server| server.settled().is_some()))
        }
        (ProbeSpec::Authority { .. }, _) => Some(false),
        _ => None,
    });
    asked.reduce(|so_far, is_settled| so_far || is_settled) == Some(false)
}

/// Whether an observation is about a doubted answer: the question itself, or a place that it led to.
fn is_of(observation: &Observation, two: &TwoAnswers) -> bool {
    match &observation.spec {
        ProbeSpec::Dns { name, family } => (name, *family) == (&two.name, two.family),
        spec => spec.address().is_some_and(|address| two.here.contains(&address)),
    }
}

/// What the DNS server answers about the names of the deployment.
fn own_answers<'a>(
    case: &Case<'a>,
) -> impl Iterator<Item = (&'a DomainName, Family, &'a DnsFacts)> + use<'a> {
    let deployment = case.deployment;
    case.observations.elsewhere().filter_map(move |observation| {
        let ProbeSpec::Dns { name, family } = &observation.spec else { return None };
        let Outcome::Saw(Facts::Dns(facts)) = &observation.outcome else { return None };
        let is_own = *name == deployment.domain || Some(name) == deployment.turn_domain.as_ref();
        is_own.then_some((name, *family, facts))
    })
}

/// The addresses that a name has that cannot exist.
fn made_up(case: &Case<'_>) -> Vec<IpAddr> {
    let answers = case.observations.elsewhere().filter_map(|observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts)))
                if name.is_made_up_in(DomainName::NEVER_DELEGATED) =>
            {
                Some(&facts.addresses)
            }
            _ => None,
        }
    });
    answers.flatten().copied().collect()
}

/// An answer that no name server of the zone gives, or that is made up.
fn differing(
    case: &Case<'_>,
    name: &DomainName,
    family: Family,
    facts: &DnsFacts,
    made_up: &[IpAddr],
) -> Option<TwoAnswers> {
    let is_settled = matches!(
        facts.answer,
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::NxDomain | DnsAnswer::CnameLoop
    );
    if !is_settled {
        return None;
    }
    let here = &facts.addresses;
    let is_translated = here.iter().any(|address| translated_by_nat64(*address).is_some());
    let zones: Vec<&[IpAddr]> =
        authorities(case, name, family).filter_map(|it| it.settled()).collect();
    let agrees = |zone: &&[IpAddr]| {
        zone.iter().any(|address| here.contains(address)) || (zone.is_empty() && here.is_empty())
    };
    let two = |zone| TwoAnswers { name: name.clone(), family, here: here.clone(), zone };
    if is_translated || zones.iter().any(agrees) {
        None
    } else if !zones.is_empty() {
        let mut of_zone: Vec<IpAddr> = zones.concat();
        of_zone.sort_unstable();
        of_zone.dedup();
        Some(two(Some(of_zone)))
    } else {
        here.iter().any(|address| made_up.contains(address)).then(|| two(None))
    }
}
