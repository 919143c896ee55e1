//! Rules about names, in words.

use std::net::IpAddr;

use super::{Statement, facts};
use crate::model::address::SpecialRange;
use crate::model::deployment::NodeRole;
use crate::model::facts::DnsAnswer;
use crate::model::seen::{AddressRecord, DnsSeen, SwapSign};
use crate::model::target::Family;
use crate::output::text::list;

pub(super) fn statement(seen: &DnsSeen) -> Statement {
    match seen {
        DnsSeen::Addresses(addresses) => Statement::new(format!("resolves to {}", list(addresses))),
        DnsSeen::ServersDiffer { addresses, server, denied_by } => Statement::new(format!(
            "the DNS servers of this machine contradict each other: {denied_by} says that the name \
             does not exist, {server} has {}",
            list(addresses)
        )),
        DnsSeen::NoAddress { answer, server, cname_end } => {
            let statement = Statement::new(no_address(*answer));
            let statement = match cname_end {
                Some(name) => statement.detail(format!("its CNAME records lead to {name}")),
                None => statement,
            };
            statement.detail(format!("DNS server asked: {server}"))
        }
        DnsSeen::CnameLoop { chain, server } => {
            let names: Vec<String> = chain.iter().map(ToString::to_string).collect();
            Statement::new(format!(
                "the CNAME records of the name form a loop: it leads to {}",
                names.join(", that to ")
            ))
            .detail(format!("DNS server asked: {server}"))
        }
        DnsSeen::ValidationFails { addresses, server } => {
            Statement::new("DNSSEC validation fails: resolvers that validate answer SERVFAIL")
                .detail(format!(
                    "{server} answers SERVFAIL, and {} if it is asked not to validate (CD)",
                    list(addresses)
                ))
        }
        DnsSeen::ValidationFailsAtOne { addresses, server, invalid_at } => Statement::new(format!(
            "DNSSEC validation fails at {invalid_at}; {server} has {}",
            list(addresses)
        ))
        .detail(format!(
            "{invalid_at} answers SERVFAIL, and addresses if it is asked not to validate (CD); {server} \
             may not validate"
        )),
        DnsSeen::AuthoritiesDiffer(answers) => {
            let each = answers.iter().map(|(server, addresses)| match addresses.as_slice() {
                [] => format!("{server} has no address"),
                _ => format!("{server} has {}", list(addresses)),
            });
            Statement::new(format!(
                "the name servers of the zone contradict each other: {}",
                each.collect::<Vec<_>>().join(", ")
            ))
        }
        DnsSeen::NothingToJudge => Statement::new("the name has no address"),
        DnsSeen::PointsToProxy => Statement::new("points to the proxy"),
        DnsSeen::TranslatedFrom(address) => Statement::new(format!(
            "points to the proxy ({address}): this network's DNS server translated the address for \
             NAT64"
        )),
        DnsSeen::PointsElsewhere { owner, proxy, front, record } => {
            let statement = by_record(Statement::new(elsewhere(*owner, proxy)), record);
            match front {
                Some(front) => statement.detail(format!(
                    "{} answers there; it forwards HTTP, but neither TURN nor RTMP",
                    facts::front(front)
                )),
                None => statement,
            }
        }
        DnsSeen::FamilyUndeclared { address, family, proxy } => Statement::new(format!(
            "points to {address}, but no {family} address of the proxy is declared: add it with \
             --node proxy={},{address}, or remove the {} record",
            joined(proxy),
            record_type(*family),
        )),
        DnsSeen::OnlyPrivateDeclared { address, proxy } => Statement::new(format!(
            "points to {address}, but only {} of the proxy is declared, which the internet cannot \
             reach: declare the public address with --node proxy={address}, and {} with \
             --private-address proxy={}",
            list(proxy),
            if proxy.len() == 1 { "the private one" } else { "the private ones" },
            joined(proxy),
        )),
        DnsSeen::DeadAmongOthers { dead, all, alive, record, is_declared, family } => {
            let number = if *dead == 1 { "does" } else { "do" };
            let share = match (dead, all) {
                (1, 2) => "every second attempt".to_owned(),
                _ => format!("{dead} of {all} attempts"),
            };
            let consequence = match family {
                Some(family) => format!(
                    "No user can connect over {family}: those with both families wait, those with \
                     {family} only fail"
                ),
                None => format!("About {share} waits or fails"),
            };
            let statement = by_record(
                Statement::new(format!(
                    "{dead} of {all} addresses {number} not answer; {alive} does. {consequence}"
                )),
                record,
            );
            if *is_declared {
                return statement;
            }
            statement.detail("no connection to a port of the proxy is accepted at this address")
        }
        DnsSeen::NamesApart { other, addresses, record } => by_record(
            Statement::new(format!(
                "leads to another machine than {other} ({}), and no certificate for this name is presented there",
                list(addresses)
            )),
            record,
        ),
        DnsSeen::NodesSwapped { backend, sign } => {
            let statement = Statement::new(format!(
                "points to the declared {backend} machine, which does the work of the proxy: are \
                 --node proxy and --node {backend} swapped?"
            ));
            statement.detail(match sign {
                SwapSign::ProxyHasBackendPort(port) => {
                    format!("the declared proxy answers on TCP {port}, a port of {backend}")
                }
                SwapSign::ProxyLacksPort(port) => {
                    format!("the declared proxy does not answer on TCP {port}")
                }
            })
        }
        DnsSeen::NamesSwapped { turn_domain } => Statement::new(format!(
            "HTTP is answered at the TURN domain ({turn_domain}) and not at the domain: are the two \
             names swapped?"
        )),
        DnsSeen::JudgedFromInternetOnly => Statement::new(
            "inside the deployment's network a name may resolve to a private address",
        ),
        DnsSeen::Public => Statement::new("resolves to a public address"),
        DnsSeen::NotPublic(range) => {
            Statement::new("resolves to an address that the internet cannot reach")
                .detail(special_range(*range))
        }
    }
}

/// With the record by which the name has the address, if it is not the ordinary one.
fn by_record(statement: Statement, record: &AddressRecord) -> Statement {
    match record {
        AddressRecord::Own => statement,
        AddressRecord::Cname(end) => {
            statement.detail(format!("by way of a CNAME record that leads to {end}"))
        }
        AddressRecord::Wildcard(parent) => statement.detail(format!(
            "the name has no record of its own: every name in *.{parent} gets this address, from a \
             wildcard record"
        )),
    }
}

fn special_range(range: SpecialRange) -> &'static str {
    match range {
        SpecialRange::Unspecified => {
            "0.0.0.0 and :: belong to no machine; DNS filters answer with them"
        }
        SpecialRange::Private => "a private address (RFC 1918)",
        SpecialRange::CarrierNat => {
            "100.64.0.0/10 (RFC 6598): the network of a provider behind its own NAT, or an overlay \
             network such as Tailscale"
        }
        SpecialRange::Loopback => "a loopback address: every machine finds only itself there",
        SpecialRange::LinkLocal => "a link-local address, valid only on one link",
        SpecialRange::Benchmark => {
            "198.18.0.0/15 (RFC 2544) belongs to no machine on the internet; proxy and VPN programs \
             answer with it on their own machine"
        }
        SpecialRange::UniqueLocal => "a private IPv6 address (RFC 4193)",
        SpecialRange::Reserved => "a reserved address that no machine on the internet has",
    }
}

fn record_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "A",
        Family::V6 => "AAAA",
    }
}

/// Addresses as a flag takes them.
fn joined(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
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
