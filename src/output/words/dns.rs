//! Rules about names, in words.

use std::net::IpAddr;

use super::{Statement, facts};
use crate::model::deployment::NodeRole;
use crate::model::facts::DnsAnswer;
use crate::model::seen::DnsSeen;
use crate::output::text::list;

pub(super) fn statement(seen: &DnsSeen) -> Statement {
    match seen {
        DnsSeen::Addresses(addresses) => Statement::new(format!("resolves to {}", list(addresses))),
        DnsSeen::NoAddress { answer, server, cname_end } => {
            let statement = Statement::new(no_address(*answer));
            let statement = match cname_end {
                Some(name) => statement.detail(format!("its CNAME records lead to {name}")),
                None => statement,
            };
            statement.detail(format!("DNS server asked: {server}"))
        }
        DnsSeen::NothingToJudge => Statement::new("the name has no address"),
        DnsSeen::PointsToProxy => Statement::new("points to the proxy"),
        DnsSeen::PointsElsewhere { owner, proxy, front } => {
            let statement = Statement::new(elsewhere(*owner, proxy));
            match front {
                Some(front) => statement.detail(format!(
                    "{} answers there; it forwards HTTP, but neither TURN nor RTMP",
                    facts::front(front)
                )),
                None => statement,
            }
        }
        DnsSeen::JudgedFromInternetOnly => Statement::new(
            "inside the deployment's network a name may resolve to a private address",
        ),
        DnsSeen::Public => Statement::new("resolves to a public address"),
        DnsSeen::NotPublic => {
            Statement::new("resolves to an address that the internet cannot reach")
        }
    }
}

fn no_address(answer: DnsAnswer) -> String {
    match answer {
        DnsAnswer::Addresses | DnsAnswer::NoData => "the name exists but has no address".to_owned(),
        DnsAnswer::NxDomain => "the name does not exist (NXDOMAIN)".to_owned(),
        DnsAnswer::ServFail => {
            "the DNS server could not find out whether the name has an address (SERVFAIL)"
                .to_owned()
        }
        DnsAnswer::Refused => "the DNS server refuses to answer (REFUSED)".to_owned(),
        DnsAnswer::OtherCode(code) => format!("the DNS server answers with response code {code}"),
        DnsAnswer::CnameLoop => "the CNAME records of the name form a loop".to_owned(),
        DnsAnswer::Malformed => "the answer of the DNS server is not DNS".to_owned(),
        DnsAnswer::Silent => "no answer from the DNS server".to_owned(),
        DnsAnswer::Unreachable => "no DNS server answers at the configured address".to_owned(),
    }
}

fn elsewhere(owner: Option<NodeRole>, proxy: &[IpAddr]) -> String {
    match owner {
        Some(role) => format!("points to the {role} machine, not to the proxy"),
        None => format!("does not point to the proxy ({})", list(proxy)),
    }
}
