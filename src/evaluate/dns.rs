//! Names: do they exist, and which addresses do they have?

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::address::is_unreachable;
use crate::model::deployment::NodeRole;
use crate::model::facts::DnsAnswer;
use crate::model::reason::ReasonCode;
use crate::model::seen::DnsSeen;
use crate::model::target::Family;
use crate::model::vantage::Zone;

pub(super) fn resolves(view: &View<'_>) -> Judged {
    let v4 = view.dns(Family::V4);
    let v6 = view.dns(Family::V6);
    let addresses: Vec<_> =
        [&v4, &v6].into_iter().flatten().flat_map(|facts| &facts.addresses).copied().collect();
    if !addresses.is_empty() {
        return Ok(Judgement::pass(DnsSeen::Addresses(addresses)));
    }
    let (v4, v6) = (v4?, v6?);
    // The kinder of two answers says more: a name without AAAA still exists.
    let worst = [v4, v6].into_iter().find(|facts| facts.answer != DnsAnswer::NoData).unwrap_or(v4);
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

pub(super) fn points_to_proxy(view: &View<'_>) -> Judged {
    let address = view.check.target.address.expect("the plan names an address");
    let deployment = view.case.deployment;
    if deployment.nodes_of(NodeRole::Proxy).any(|node| node.has(address)) {
        return Ok(Judgement::pass(DnsSeen::PointsToProxy));
    }
    let proxies = deployment.nodes_of(NodeRole::Proxy);
    let seen = DnsSeen::PointsElsewhere {
        owner: deployment.nodes_at(address).next().map(|node| node.role),
        proxy: proxies.flat_map(|node| &node.addresses).copied().collect(),
        front: view.http_front(),
    };
    Ok(Judgement::fail(ReasonCode::DnsMismatch, seen))
}

pub(super) fn address_is_public(view: &View<'_>) -> Judged {
    let Some(address) = view.check.target.address else {
        return Ok(Judgement::not_applicable(DnsSeen::NothingToJudge));
    };
    if view.case.vantage.zone != Zone::Internet {
        return Ok(Judgement::not_applicable(DnsSeen::JudgedFromInternetOnly));
    }
    Ok(if is_unreachable(address) {
        Judgement::fail(ReasonCode::AddressNotPublic, DnsSeen::NotPublic)
    } else {
        Judgement::pass(DnsSeen::Public)
    })
}
