//! What speaks against our own place, in words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::numbers::first_of;
use super::{Statement, facts};
use crate::model::address::SpecialRange;
use crate::model::facts::ServerText;
use crate::model::premise::{ClockOwner, Direction, Doubt, NowMet, Signer, TwoAnswers};
use crate::output::quote::quoted;
use crate::output::text;

/// What is in doubt, and by what.
pub(in crate::output) fn statement(doubt: &Doubt) -> Statement {
    match doubt {
        Doubt::Clocks { ours, ahead_s, wrong } => {
            let differs = facts::clock_is(-ahead_s);
            Statement::new(match wrong {
                Some(ClockOwner::ThisMachine) => format!(
                    "this machine's clock is probably wrong: it is {differs} the server's, whose \
                     certificate is valid only by the server's clock"
                ),
                Some(ClockOwner::Server) => format!(
                    "the server's clock is probably wrong: it is {} this machine's, and its \
                     certificate was issued later than it shows",
                    facts::clock_is(*ahead_s)
                ),
                None => format!(
                    "this machine's clock is {differs} the server's, and nothing shows which of the \
                     two is right"
                ),
            })
            .detail(format!("this machine's clock shows {ours}"))
        }
        Doubt::ShutOut { from, now } => {
            let places = from.iter().map(|(address, port)| match port {
                Some(port) => format!("port {port} of {address}"),
                None => address.to_string(),
            });
            let places = first_of(&places.collect::<Vec<_>>());
            let now = match now {
                NowMet::Silence => "no longer",
                NowMet::Refusal => "now refused a connection",
                NowMet::NothingBehind => "now ended or ignored an accepted connection",
            };
            Statement::new(format!(
                "{places} answered ovcheck at first and {now}: something probably blocks this \
                 machine since"
            ))
            .detail(
                "as an intrusion prevention system, fail2ban, CrowdSec or a rate limit does after many \
                 connections in a short time; or the machine went down meanwhile",
            )
        }
        Doubt::LargePackets { addresses, lost } => {
            let addresses = first_of(addresses);
            let way = match lost {
                Direction::ToUs => format!("from {addresses} to this machine"),
                Direction::FromUs => format!("from this machine to {addresses}"),
            };
            Statement::new(format!("large packets are lost on the way {way}; small ones arrive"))
                .detail(
                    "proven by two attempts at the same time: with small TCP segments the server \
                     answers, with the usual ones it does not. Somewhere the MTU is smaller, and \
                     the ICMP messages that say so (\"fragmentation needed\", \"packet too big\") do \
                     not arrive",
                )
        }
        Doubt::BehindDeployment { address } => Statement::new(format!(
            "this machine is behind the address that it tests: the internet sees it as {address}"
        ))
        .detail(
            "so the router answers in place of the deployment, unless it supports NAT loopback \
             (hairpin NAT)",
        ),
        Doubt::AnotherMachine { address, shows } => Statement::new(format!(
            "{address} may not lead to the deployment from here: nothing of OpenVidu answers there, \
             only a machine that shows a certificate of its own"
        ))
        .detail(format!(
            "certificate: {}. A router does so towards its own network when it does not support NAT \
             loopback; a proxy that is not configured yet looks the same",
            quoted(shows)
        )),
        Doubt::Inspection { issuer, signer } => inspection(issuer, *signer),
        Doubt::Portal { page } => {
            let statement = Statement::new(
                "this network wants a login first: a captive portal answers in place of the deployment",
            );
            match page {
                Some(page) => statement.detail(format!("plain HTTP leads to {}", quoted(page))),
                None => statement,
            }
        }
        Doubt::SlowMachine { late_by } => Statement::new(format!(
            "this machine was too busy to see answers in time: its own timers were up to {} ms late",
            late_by.as_millis()
        )),
        Doubt::OnlyProxy { proxy } => Statement::new(format!(
            "this machine has an HTTP proxy configured ({proxy}), and no direct connection to the \
             deployment is answered: this network may allow the proxy only"
        ))
        .detail("ovcheck check connects directly; browsers here use the proxy"),
        Doubt::Resolver { server, makes_up, answers } => {
            let statement = Statement::new(if *makes_up {
                format!(
                    "the DNS server of this machine ({server}) makes up addresses: it has one even for a \
                     name that cannot exist"
                )
            } else {
                format!(
                    "the DNS server of this machine ({server}) does not answer what the name servers of \
                     the zone answer"
                )
            });
            let statement = answers.iter().fold(statement, |statement, two| {
                statement.detail(format!("{}: {}", two.name, two_answers(two)))
            });
            let why: BTreeSet<&str> = answers.iter().map(|two| why_it_differs(two, *makes_up)).collect();
            why.into_iter().fold(statement, Statement::detail)
        }
        Doubt::OtherNetwork { addresses } => {
            let list = first_of(addresses);
            let is = if addresses.len() == 1 { "is a private address" } else { "are private addresses" };
            Statement::new(format!(
                "{list} {is}, and the machine that answers there may not belong to the deployment"
            ))
            .detail(
                "nothing there presents a certificate for the deployment's names, LiveKit or TURN. Other \
                 networks use the same private addresses: from here they may lead to a router or another \
                 device of this network or VPN",
            )
        }
    }
}

/// Who may answer in place of the server, by who signed what it shows.
fn inspection(issuer: &ServerText, signer: Signer) -> Statement {
    match signer {
        Signer::Product => {
            Statement::new("this network opens TLS: its device answers in place of the server")
                .detail(format!("the certificate is signed by {}", quoted(issuer)))
        }
        Signer::Authority => Statement::new(
            "a device in this network may open TLS and answer in place of the server",
        )
        .detail(format!(
            "the certificate is signed by {}, which is in no list of public authorities. If the \
             deployment has an authority of its own, pass its root with --ca-file",
            quoted(issuer)
        )),
        Signer::Itself => Statement::new(
            "a device in this network may answer in place of the server, for example with a page that \
             blocks it",
        )
        .detail(
            "a self-signed certificate does not show who made it. If it is the server's own, ovcheck \
             finds the same one from any other network",
        ),
        Signer::Unverified => Statement::new(
            "a device in this network may answer in place of the server, for example with a chain of its \
             own that is incomplete",
        )
        .detail(
            "the signature of the certificate cannot be verified with what was sent. If it is the \
             server's own, ovcheck finds the same one from any other network",
        ),
        Signer::OfAnotherName => Statement::new(
            "a device in this network may answer in place of the server, for example with a page that \
             blocks it",
        )
        .detail(
            "the certificate is valid, but for another name, and nothing of OpenVidu answers behind it. If \
             it is the server's own, ovcheck finds the same one from any other network",
        ),
    }
}

fn two_answers(two: &TwoAnswers) -> String {
    let or_none = |addresses: &[IpAddr]| match addresses {
        [] => format!("no {} address", two.family),
        _ => text::list(addresses),
    };
    let here = or_none(&two.here);
    match &two.zone {
        Some(zone) => format!("{here} here, {} at the name servers of the zone", or_none(zone)),
        None => format!("{here} here; the name servers of the zone could not be asked"),
    }
}

/// What makes a DNS server answer so.
fn why_it_differs(two: &TwoAnswers, makes_up: bool) -> &'static str {
    let special = two.here.iter().find_map(|address| SpecialRange::of(*address));
    let zone = two.zone.as_deref().unwrap_or_default();
    let strips =
        !zone.is_empty() && zone.iter().all(|address| SpecialRange::of(*address).is_some());
    match special {
        _ if makes_up => {
            "so do networks that want a login first (captive portal), and providers that send wrong \
             names to a page of their own"
        }
        _ if two.here.is_empty() && strips => {
            "many routers remove private addresses from DNS answers (DNS rebinding protection)"
        }
        None if two.here.is_empty() => {
            "a DNS filter of this network, or an answer from before the name was created, may be the \
             cause: a DNS server repeats it until its time to live ends"
        }
        Some(SpecialRange::Unspecified | SpecialRange::Loopback | SpecialRange::Benchmark) => {
            "so do DNS filters, and proxy or VPN programs on this machine"
        }
        Some(_) => {
            "so does the internal DNS server of an organization, for its own users (split-horizon DNS)"
        }
        None => {
            "an answer from before the record was changed may be the cause: a DNS server repeats it until \
             its time to live ends. A filter of this network looks the same"
        }
    }
}

/// What to do, by whoever can mend it; a command stands in a line of its own.
pub(in crate::output) fn advice(doubt: &Doubt) -> Vec<&'static str> {
    match doubt {
        Doubt::Clocks { .. } => vec![
            "compare both clocks with a third one, here and on the server, and turn on network time \
             where the clock is wrong; then run ovcheck again:",
            "  timedatectl",
            "  timedatectl set-ntp true",
        ],
        Doubt::ShutOut { .. } => vec![
            "ask the administrator of the firewall in front of the deployment for an exception for this \
             machine's address, or wait until the block ends and run ovcheck from another network",
        ],
        Doubt::LargePackets { .. } => vec![
            "ask the administrator of this network or VPN to let ICMP \"fragmentation needed\" and \
             \"packet too big\" through, or to limit the size of TCP segments on the router:",
            "  nft add table inet mtu",
            "  nft 'add chain inet mtu forward { type filter hook forward priority mangle; }'",
            "  nft add rule inet mtu forward tcp flags syn tcp option maxseg size set rt mtu",
            "if it shows from every network, the same on the router in front of the deployment, or a \
             smaller MTU on its interface. The rule is gone after a reboot unless it is saved in \
             /etc/nftables.conf",
        ],
        Doubt::BehindDeployment { .. } | Doubt::AnotherMachine { .. } => vec![
            "run ovcheck from outside this network, for example over a phone's mobile connection. To use \
             the deployment from inside, enable NAT loopback on the router, or let the internal DNS \
             answer with the private address",
        ],
        Doubt::Inspection { .. } => vec![
            "run ovcheck from another network, or ask this network's administrator to exempt the \
             deployment's names from TLS inspection",
        ],
        Doubt::Portal { .. } => {
            vec!["log in to this network with a browser, then run ovcheck again"]
        }
        Doubt::SlowMachine { .. } => {
            vec!["run ovcheck again when this machine has less to do, or with --timeout 5"]
        }
        Doubt::OnlyProxy { .. } => vec![
            "run ovcheck check on a machine with direct access to the internet, for example one of the \
             operator's. To see whether calls work from this network, through its proxy, run \
             ovcheck call here",
        ],
        Doubt::Resolver { .. } => vec![
            "run ovcheck from another network, or with a DNS server that answers as the zone does; an old \
             answer is gone when its time to live has ended:",
            "  ovcheck check … --dns-server 9.9.9.9:53",
            "if users of this network need the deployment, ask the administrator of its DNS server",
        ],
        Doubt::OtherNetwork { .. } => vec![
            "declare the public addresses of the deployment, or run ovcheck inside the deployment's own \
             network or its VPN. If this is that network, a certificate for the domain on the proxy \
             shows it",
        ],
    }
}
