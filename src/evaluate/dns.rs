//! Names: do they exist, which addresses do they have, and by which records?

use std::net::IpAddr;

use super::Case;
use super::declaration;
use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::address::{SpecialRange, is_unreachable, translated_by_nat64};
use crate::model::deployment::NodeRole;
use crate::model::facts::{AuthorityAnswer, DnsAnswer, DnsFacts, Facts};
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::plan::NotAsked;
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::seen::{AddressRecord, DnsSeen};
use crate::model::target::Family;
use crate::model::vantage::Zone;

pub(super) fn resolves(view: &View<'_>) -> Judged {
    let v4 = view.dns(Family::V4);
    let v6 = view.dns(Family::V6);
    let found = || [&v4, &v6].into_iter().flatten();
    let addresses: Vec<_> = found().flat_map(|facts| &facts.addresses).copied().collect();
    if let Some(differing) = found().find(|facts| facts.denied_by.is_some()) {
        return Ok(servers_differ(differing, addresses));
    }
    if let Some((server, invalid_at)) = found().find_map(|it| Some((it.server, it.invalid_at?))) {
        let seen = DnsSeen::ValidationFailsAtOne { addresses, server, invalid_at };
        return Ok(Judgement::suspected(ReasonCode::DnssecInvalid, seen));
    }
    if !addresses.is_empty() {
        return Ok(Judgement::pass(DnsSeen::Addresses(addresses)));
    }
    if let Some(invalid) = found().find(|facts| !facts.without_validation.is_empty()) {
        let of_both = found().flat_map(|facts| &facts.without_validation);
        let addresses = of_both.copied().collect();
        let seen = DnsSeen::ValidationFails { addresses, server: invalid.server };
        return Ok(Judgement::fail(ReasonCode::DnssecInvalid, seen));
    }
    let differ = Family::BOTH.into_iter().find_map(|family| authorities_differ(view, &[family]));
    if let Some(differ) = differ {
        return Ok(differ);
    }
    let (v4, v6) = (v4?, v6?);
    // The kinder of two answers says more: a name without AAAA still exists.
    let worst = [v4, v6].into_iter().find(|facts| facts.answer != DnsAnswer::NoData).unwrap_or(v4);
    if worst.answer == DnsAnswer::CnameLoop {
        let seen = DnsSeen::CnameLoop { chain: worst.cname_chain.clone(), server: worst.server };
        return Ok(Judgement::fail(ReasonCode::DnsCnameLoop, seen));
    }
    let seen = DnsSeen::NoAddress {
        answer: worst.answer,
        server: worst.server,
        cname_end: worst.cname_chain.last().cloned(),
    };
    Ok(match worst.answer {
        DnsAnswer::NxDomain => Judgement::fail(ReasonCode::DnsNxdomain, seen),
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::CnameLoop => {
            Judgement::fail(ReasonCode::DnsNoAnswer, seen)
        }
        // A resolver in trouble is not yet a name in trouble.
        DnsAnswer::ServFail => Judgement::unsettled(ReasonCode::DnsServfail, seen),
        DnsAnswer::Refused | DnsAnswer::OtherCode(_) | DnsAnswer::Malformed => {
            Judgement::unsettled(ReasonCode::DnsRefused, seen)
        }
        DnsAnswer::Silent | DnsAnswer::Unreachable => {
            Judgement::unsettled(ReasonCode::DnsTimeout, seen)
        }
    })
}

/// One server of this machine knows the name, another denies it: an internal one beside a public
/// one, or one with old records.
fn servers_differ(facts: &DnsFacts, addresses: Vec<IpAddr>) -> Judgement {
    let denied_by = facts.denied_by.unwrap_or(facts.server);
    let seen = DnsSeen::ServersDiffer { addresses, server: facts.server, denied_by };
    Judgement::unsettled(ReasonCode::DnsServersDiffer, seen)
}

/// What the name servers of the zone that a name is in answered.
pub(super) fn authorities<'a>(
    case: &Case<'a>,
    name: &DomainName,
    family: Family,
) -> impl Iterator<Item = &'a AuthorityAnswer> {
    let of_name = case.observations.elsewhere().filter_map(move |observation| {
        match (&observation.spec, &observation.outcome) {
            (
                ProbeSpec::Authority { name: asked, family: of },
                Outcome::Saw(Facts::Authority(facts)),
            ) if (asked, *of) == (name, family) => Some(&facts.servers),
            _ => None,
        }
    });
    of_name.flatten()
}

/// The name servers of the zone contradict each other about a name, and not all of what they say is
/// right.
fn authorities_differ(view: &View<'_>, families: &[Family]) -> Option<Judgement> {
    let host = view.check.target.host.as_ref()?;
    let answers: Vec<(DomainName, Vec<IpAddr>)> = families
        .iter()
        .flat_map(|family| authorities(view.case, host, *family))
        .filter_map(|it| Some((it.name.clone(), it.settled()?.to_vec())))
        .collect();
    let mut proxies = view.case.deployment.nodes_of(NodeRole::Proxy).peekable();
    let is_declared = proxies.peek().is_some();
    let proxies: Vec<_> = proxies.collect();
    let is_right = |addresses: &[IpAddr]| match is_declared {
        true => addresses.iter().any(|it| proxies.iter().any(|node| node.has(*it))),
        false => !addresses.is_empty(),
    };
    let (right, wrong): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, it)| is_right(it));
    let contradict = !right.is_empty() && !wrong.is_empty();
    contradict.then(|| {
        Judgement::fail(
            ReasonCode::DnsAuthoritiesDiffer,
            DnsSeen::AuthoritiesDiffer(answers.clone()),
        )
    })
}

pub(super) fn points_to_proxy(view: &View<'_>) -> Judged {
    let Some(address) = view.check.target.address else {
        return Ok(Judgement::not_applicable(DnsSeen::NothingToJudge));
    };
    let deployment = view.case.deployment;
    let proxies = || deployment.nodes_of(NodeRole::Proxy);
    let is_proxy = |address| proxies().any(|node| node.has(address));
    if let Some(dead) = dead_among_others(view, address, is_proxy(address)) {
        return Ok(dead);
    }
    if is_proxy(address) {
        return Ok(Judgement::pass(DnsSeen::PointsToProxy));
    }
    if let Some(meant) = translated_by_nat64(address).filter(|meant| is_proxy(*meant)) {
        return Ok(Judgement::pass(DnsSeen::TranslatedFrom(meant)));
    }
    if let Some(differ) = authorities_differ(view, &[Family::of(address)]) {
        return Ok(differ);
    }
    if proxies().next().is_none() {
        let apart = names_apart(view, address);
        return Ok(apart.unwrap_or_else(|| Judgement::not_applicable(NotAsked::NoProxyAddress)));
    }
    if let Some(swapped) = declaration::nodes_swapped(view.case, address) {
        return Ok(Judgement::suspected(ReasonCode::NodesSwapped, swapped));
    }
    let proxy: Vec<IpAddr> = proxies().flat_map(|node| &node.addresses).copied().collect();
    let owner = deployment.nodes_at(address).next().map(|node| node.role);
    let family = Family::of(address);
    if owner.is_none() && view.case.vantage.zone == Zone::Internet && !is_unreachable(address) {
        if proxy.iter().all(|declared| is_unreachable(*declared)) {
            let seen = DnsSeen::OnlyPrivateDeclared { address, proxy };
            return Ok(Judgement::unsettled(ReasonCode::Undeclared, seen));
        }
        if !proxy.iter().any(|declared| Family::of(*declared) == family) {
            let seen = DnsSeen::FamilyUndeclared { address, family, proxy };
            return Ok(Judgement::unsettled(ReasonCode::Undeclared, seen));
        }
    }
    let record = record(view, address);
    let reason = match (&record, SpecialRange::of(address)) {
        (_, Some(SpecialRange::Unspecified | SpecialRange::Benchmark)) => ReasonCode::AddressMadeUp,
        (AddressRecord::Own, _) => ReasonCode::DnsMismatch,
        (AddressRecord::Cname(_), _) => ReasonCode::DnsCnameElsewhere,
        (AddressRecord::Wildcard(_), _) => ReasonCode::DnsWildcard,
    };
    let seen = DnsSeen::PointsElsewhere { owner, proxy, front: view.http_front(), record };
    Ok(match reason {
        // Whoever answers so may be on this machine or in this network.
        ReasonCode::AddressMadeUp => Judgement::suspected(reason, seen),
        _ => Judgement::fail(reason, seen),
    })
}

/// An address that does not answer, while another address of the same name does.
fn dead_among_others(view: &View<'_>, address: IpAddr, is_declared: bool) -> Option<Judgement> {
    // An address that the internet cannot reach has a rule of its own.
    let host = view.check.target.host.as_ref().filter(|_| !is_unreachable(address))?;
    let others = addresses_of(view, host);
    let is_dead = |address: &IpAddr| declaration::answers(view.case, *address) == Some(false);
    // Browsers with both families try the other one by themselves: a whole family that is dead has a
    // rule of its own, unless nobody said that it should be alive.
    let same_family = |other: &&IpAddr| Family::of(**other) == Family::of(address);
    let of_family: Vec<&IpAddr> = others.iter().filter(same_family).collect();
    let is_whole_family = of_family.len() == 1 && others.len() > 1;
    let all = match is_whole_family && !is_declared {
        true => others.iter().collect(),
        false => of_family,
    };
    if !is_dead(&address) {
        return None;
    }
    let mut living = all.iter().copied();
    let alive = *living.find(|other| declaration::answers(view.case, **other) == Some(true))?;
    let dead = all.iter().filter(|other| is_dead(other)).count();
    let record = record(view, address);
    let family = Some(Family::of(address)).filter(|_| is_whole_family);
    let seen =
        DnsSeen::DeadAmongOthers { dead, all: all.len(), alive, record, is_declared, family };
    Some(Judgement::suspected(ReasonCode::AddressDead, seen))
}

/// Nobody said where the proxy is, and the two names lead to two machines, of which this one is not
/// what its name is for.
fn names_apart(view: &View<'_>, address: IpAddr) -> Option<Judgement> {
    let host = view.check.target.host.as_ref()?;
    let deployment = view.case.deployment;
    let mut names = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
    let other = names.find(|name| *name != host)?;
    let addresses = addresses_of(view, other);
    let is_shared = addresses_of(view, host).iter().any(|own| addresses.contains(own));
    let serves = declaration::serves(view.case, host, address);
    if addresses.is_empty() || is_shared || serves != Some(false) {
        return None;
    }
    let record = record(view, address);
    let reason = match record {
        AddressRecord::Wildcard(_) => ReasonCode::DnsWildcard,
        AddressRecord::Own | AddressRecord::Cname(_) => ReasonCode::DnsNamesApart,
    };
    // If the other name serves as little, nothing tells which of the two is wrong.
    let other_serves =
        addresses.iter().any(|it| declaration::serves(view.case, other, *it) == Some(true));
    let is_certain = reason == ReasonCode::DnsWildcard || other_serves;
    let seen = DnsSeen::NamesApart { other: other.clone(), addresses, record };
    is_certain.then(|| Judgement::suspected(reason, seen))
}

/// The addresses that the DNS has for a name.
fn addresses_of(view: &View<'_>, wanted: &DomainName) -> Vec<IpAddr> {
    answers_about(view, |name| name == wanted)
        .flat_map(|(_, facts)| &facts.addresses)
        .copied()
        .collect()
}

fn answers_about<'a>(
    view: &View<'a>,
    wanted: impl Fn(&DomainName) -> bool,
) -> impl Iterator<Item = (&'a DomainName, &'a DnsFacts)> {
    view.case.observations.elsewhere().filter_map(move |observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts))) if wanted(name) => {
                Some((name, facts))
            }
            _ => None,
        }
    })
}

/// The record by which the check's name has the address.
fn record(view: &View<'_>, address: IpAddr) -> AddressRecord {
    let Some(host) = &view.check.target.host else {
        return AddressRecord::Own;
    };
    let has_it = |facts: &DnsFacts| facts.addresses.contains(&address);
    let mut own = answers_about(view, |name| name == host).filter(|(_, facts)| has_it(facts));
    let cname = own.find_map(|(_, facts)| facts.cname_chain.last());
    let parent = host.parent();
    let mut beside = answers_about(view, |name| name.is_made_up_in(parent));
    if beside.any(|(_, facts)| has_it(facts)) && !is_everything_answered(view) {
        return AddressRecord::Wildcard(parent.to_owned());
    }
    cname.map_or(AddressRecord::Own, |end| AddressRecord::Cname(end.clone()))
}

/// Whether names that cannot exist have addresses: then the resolver makes them up.
fn is_everything_answered(view: &View<'_>) -> bool {
    answers_about(view, |name| name.is_made_up_in(DomainName::NEVER_DELEGATED))
        .any(|(_, facts)| facts.answer == DnsAnswer::Addresses)
}

pub(super) fn address_is_public(view: &View<'_>) -> Judged {
    let Some(address) = view.check.target.address else {
        return Ok(Judgement::not_applicable(DnsSeen::NothingToJudge));
    };
    if view.case.vantage.zone != Zone::Internet {
        return Ok(Judgement::not_applicable(DnsSeen::JudgedFromInternetOnly));
    }
    let Some(range) = SpecialRange::of(address) else {
        return Ok(Judgement::pass(DnsSeen::Public));
    };
    let seen = DnsSeen::NotPublic(range);
    Ok(match range {
        SpecialRange::CarrierNat => Judgement::fail(ReasonCode::AddressCarrierNat, seen),
        SpecialRange::Unspecified | SpecialRange::Benchmark => {
            Judgement::suspected(ReasonCode::AddressMadeUp, seen)
        }
        SpecialRange::Private
        | SpecialRange::Loopback
        | SpecialRange::LinkLocal
        | SpecialRange::UniqueLocal
        | SpecialRange::Reserved => Judgement::fail(ReasonCode::AddressNotPublic, seen),
    })
}
