//! The TURN servers and candidates that LiveKit offers, in words.

use super::super::Statement;
use super::{place, transport};
use crate::model::address::AddressKind;
use crate::model::deployment::NodeRole;
use crate::model::facts::SdpAnswer;
use crate::model::seen::{
    CandidateFault, CandidatesSeen, IceServerFault, IceServersSeen, MissingIceServer, NotDeclared,
    OfferedPlace, ReachedBy,
};
use crate::output::quote::{quoted, quoted_list};
use crate::output::text::list;

pub(super) fn ice_servers(seen: &IceServersSeen) -> Statement {
    match seen {
        IceServersSeen::Named { urls, not_compared } => {
            let statement = Statement::new(quoted_list(urls));
            match not_compared {
                Some(NotDeclared::Node(role)) => statement
                    .detail(format!("addresses not compared: no {role} is declared (--node)")),
                Some(NotDeclared::TurnDomain) => statement
                    .detail("not compared: no TURN domain is declared (--turn-domain-name)"),
                None => statement,
            }
        }
        IceServersSeen::Wrong(fault) => Statement::new(match fault {
            IceServerFault::Malformed => {
                "the URL is malformed: browsers refuse the whole list".to_owned()
            }
            IceServerFault::NoCredentials => "the URL comes without credentials".to_owned(),
            IceServerFault::NotTheTurnDomain(domain) => {
                format!("the name is not the TURN domain, {domain}")
            }
            IceServerFault::TlsOverUdp => {
                "the URL asks for TLS over UDP, which no browser supports".to_owned()
            }
            IceServerFault::NotTheTlsPort(port) => format!(
                "the port is not {port}, on which the proxy has TURN over TLS and which strict \
                 firewalls allow"
            ),
            IceServerFault::NotTheUdpPort(port) => {
                format!("the port is not UDP {port}, which the guide opens")
            }
            IceServerFault::ForeignName => {
                "the server does not belong to the deployment".to_owned()
            }
            IceServerFault::UnreachableAddress => {
                "users on the internet cannot reach the address".to_owned()
            }
            IceServerFault::UndeclaredAddress => {
                "the address belongs to no declared machine that carries media".to_owned()
            }
        }),
        IceServersSeen::Additional { is_forbidden } => {
            let statement =
                Statement::new("a TURN server of somebody else, beside the deployment's own");
            match is_forbidden {
                true => statement.detail("under this policy, all media must use the deployment's"),
                false => statement.detail("ovcheck did not ask it for a relay"),
            }
        }
        IceServersSeen::Missing { missing, named } => {
            let statement = Statement::new(match missing {
                MissingIceServer::All => "LiveKit names no TURN server to participants".to_owned(),
                MissingIceServer::Turn => {
                    "LiveKit names only STUN servers to participants: TURN is probably disabled"
                        .to_owned()
                }
                MissingIceServer::TurnOverTls(domain) => format!(
                    "LiveKit names no TURN server over TLS to participants: {domain} is probably not \
                     configured"
                ),
            });
            match named.is_empty() {
                true => statement,
                false => statement.detail(format!("named: {}", quoted_list(named))),
            }
        }
    }
}

pub(super) fn candidates(seen: &CandidatesSeen) -> Statement {
    match seen {
        CandidatesSeen::Offered { places, list_ended, not_compared } => {
            let named: Vec<String> = places.iter().map(|offered| place(offered.place)).collect();
            let mut lines: Vec<String> = places.iter().flat_map(about_place).collect();
            lines.dedup();
            if !list_ended {
                lines.push("the list did not come to its end".to_owned());
            }
            lines.extend(not_compared.map(|role| {
                format!("not compared: no {role} with a public address is declared (--node)")
            }));
            Statement::new(list(&named)).with(lines)
        }
        CandidatesSeen::Wrong(fault) => Statement::new(match fault {
            CandidateFault::Unreadable => "the candidate has no readable address".to_owned(),
            CandidateFault::Unreachable(kind) => {
                format!("users cannot reach this address ({})", address_kind(*kind))
            }
            CandidateFault::OnlyInside => {
                "users cannot reach this address: only the other machines of the deployment can"
                    .to_owned()
            }
            CandidateFault::CarriesNoMedia { role: NodeRole::Proxy, .. } => {
                "this is the address of the proxy, which carries no media".to_owned()
            }
            CandidateFault::CarriesNoMedia { node, .. } => {
                format!("this is the address of {node}, which carries no media")
            }
            CandidateFault::Undeclared { answers: false } => {
                "this address belongs to no declared machine".to_owned()
            }
            CandidateFault::Undeclared { answers: true } => {
                "this address belongs to no declared machine, but it answers: declare it if it is \
                 right"
                    .to_owned()
            }
            CandidateFault::OfAnotherNode { node, not_carried } => {
                let mut words = format!(
                    "this is an address of {node}, at which another LiveKit server answers and this \
                     one does not"
                );
                if !not_carried.is_empty() {
                    words += &format!("; it is probably the server of {}", list(not_carried));
                }
                words
            }
        }),
        CandidatesSeen::NoneOffered { list_ended: true } => {
            Statement::new("LiveKit offers no candidate at all")
        }
        CandidatesSeen::NoneOffered { list_ended: false } => {
            Statement::new("no candidate of LiveKit arrived within the time-out")
        }
        CandidatesSeen::OfferNotAnswered(answer) => Statement::new(match answer {
            SdpAnswer::Malformed(what) => {
                format!("LiveKit answers the offer without what ICE needs: {}", quoted(what))
            }
            SdpAnswer::Missing | SdpAnswer::NotAwaited | SdpAnswer::Complete { .. } => {
                "LiveKit accepts the join but does not answer the offer".to_owned()
            }
            SdpAnswer::Left { reason } => format!(
                "LiveKit accepts the join but ends the session before it answers the offer ({})",
                disconnect(*reason)
            ),
        }),
    }
}

fn about_place(offered: &OfferedPlace) -> Vec<String> {
    let address = offered.place.address;
    let reached_by = match offered.reached_by {
        ReachedBy::Users => None,
        ReachedBy::Deployment => Some("only machines of the deployment can reach"),
        ReachedBy::Relay => Some("only the relay can reach"),
    };
    let reached_by = reached_by.map(|who| format!("{who} {}", address.ip()));
    let other_port = (!offered.guide_ports.is_empty()).then(|| {
        let (transport, ports) = (transport(offered.place.transport), list(&offered.guide_ports));
        let port = address.port();
        format!(
            "{transport} {port} is not among the guide's ports ({ports}): firewalls must know it"
        )
    });
    reached_by.into_iter().chain(other_port).collect()
}

fn address_kind(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Public => "a public address",
        AddressKind::Private => "an address of a private network",
        AddressKind::DockerBridge => "an address of Docker's bridge",
        AddressKind::LinkLocal => "a link-local address",
        AddressKind::Loopback => "a loopback address",
        AddressKind::NoHost => "not a machine's address",
    }
}

/// Why a server ends a session (LiveKit's DisconnectReason).
fn disconnect(code: i32) -> String {
    let words = match code {
        1 => "the client asked for it",
        2 => "another participant joined with the same identity",
        3 => "the server shuts down",
        4 => "the participant was removed",
        5 | 10 => "the room was deleted",
        7 => "joining failed",
        14 => "connection time-out",
        _ => return format!("reason {code}"),
    };
    format!("reason {code}: {words}")
}
