//! Names: do they exist, and where do they lead?

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::address::is_unreachable;
use crate::model::deployment::NodeRole;
use crate::model::facts::{DnsAnswer, DnsFacts};
use crate::model::reason::ReasonCode;
use crate::model::target::Family;
use crate::model::vantage::Zone;

pub(super) fn resolves(view: &View<'_>) -> Judged {
    let v4 = view.dns(Family::V4);
    let v6 = view.dns(Family::V6);
    let addresses: Vec<_> =
        [&v4, &v6].into_iter().flatten().flat_map(|facts| &facts.addresses).collect();
    if !addresses.is_empty() {
        return Ok(Judgement::pass(words::list(&addresses)));
    }
    let (v4, v6) = (v4?, v6?);
    // The kinder of two answers says more: a name without AAAA still exists.
    let worst = [v4, v6].into_iter().find(|facts| facts.answer != DnsAnswer::NoData).unwrap_or(v4);
    let observed = describe(worst);
    Ok(match worst.answer {
        DnsAnswer::NxDomain => Judgement::fail(ReasonCode::DnsNxdomain, observed),
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::CnameLoop => {
            Judgement::fail(ReasonCode::DnsNoAnswer, observed)
        }
        // A resolver in trouble is not yet a name in trouble.
        DnsAnswer::ServFail => Judgement::unsettled(ReasonCode::DnsServfail, observed),
        DnsAnswer::Refused | DnsAnswer::OtherCode(_) | DnsAnswer::Malformed => {
            Judgement::unsettled(ReasonCode::DnsRefused, observed)
        }
        DnsAnswer::Silent | DnsAnswer::Unreachable => {
            Judgement::unsettled(ReasonCode::DnsTimeout, observed)
        }
    })
}

fn describe(facts: &DnsFacts) -> String {
    let chain = match facts.cname_chain.last() {
        Some(last) => format!(" (it leads to {last})"),
        None => String::new(),
    };
    let server = facts.server;
    match facts.answer {
        DnsAnswer::Addresses => words::list(&facts.addresses),
        DnsAnswer::NoData => format!("{server} knows the name, without any address{chain}"),
        DnsAnswer::NxDomain => format!("{server} says that the name does not exist{chain}"),
        DnsAnswer::ServFail => format!("{server} could not find out (SERVFAIL){chain}"),
        DnsAnswer::Refused => format!("{server} refuses to answer (REFUSED)"),
        DnsAnswer::OtherCode(code) => format!("{server} answers with response code {code}"),
        DnsAnswer::CnameLoop => format!("the CNAME records lead in a circle{chain}"),
        DnsAnswer::Malformed => format!("{server} answers with something that is not DNS"),
        DnsAnswer::Silent => format!("no answer from the DNS server {server}"),
        DnsAnswer::Unreachable => format!("nobody answers DNS at {server}"),
    }
}

pub(super) fn points_to_proxy(view: &View<'_>) -> Judged {
    let address = view.check.target.address.expect("the plan names an address");
    let deployment = view.case.deployment;
    let is_proxy = deployment.nodes_of(NodeRole::Proxy).any(|node| node.has(address));
    if is_proxy {
        return Ok(Judgement::pass(format!("{address} is the proxy's")));
    }
    let owner = deployment.nodes_at(address).next();
    let observed = match owner {
        Some(node) => format!("points to {address}: the {} machine, not the proxy", node.role),
        None => {
            let proxy: Vec<_> =
                deployment.nodes_of(NodeRole::Proxy).flat_map(|node| &node.addresses).collect();
            format!(
                "points to {address}, which is not an address of the proxy ({})",
                words::list(&proxy)
            )
        }
    };
    let observed = match view.http_front() {
        Some((server, what)) => format!(
            "{observed}\n{what} answers there (Server: {server}): it carries HTTP, and neither TURN \
             nor RTMP"
        ),
        None => observed,
    };
    Ok(Judgement::fail(ReasonCode::DnsMismatch, observed))
}

pub(super) fn address_is_public(view: &View<'_>) -> Judged {
    let Some(address) = view.check.target.address else {
        return Ok(Judgement::not_applicable("there is no address"));
    };
    if view.case.vantage.zone != Zone::Internet {
        return Ok(Judgement::not_applicable(
            "seen from inside, a name may well lead to a private address",
        ));
    }
    Ok(if is_unreachable(address) {
        Judgement::fail(
            ReasonCode::AddressNotPublic,
            format!("{address} cannot be reached from the internet"),
        )
    } else {
        Judgement::pass(format!("{address}"))
    })
}
