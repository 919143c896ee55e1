//! What TURN servers show, in words.

use super::super::{Statement, facts};
use super::{one_line_each, path_met, paths, weighed};
use crate::model::facts::{PeerKind, StunAnswer};
use crate::model::seen::{AllocationRefusal, RelayControl, RelaySeen};
use crate::output::quote::quoted;
use crate::output::text::list;

pub(super) fn relay(seen: &RelaySeen) -> Statement {
    match seen {
        RelaySeen::Granted(relays) => one_line_each(relays.iter().map(|relay| {
            let relayed = relay.relayed.map_or_else(String::new, |it| format!(" {it}"));
            format!(
                "{} grants the relay{relayed} after {} ms",
                quoted(&relay.turn_url),
                relay.after_ms
            )
        })),
        RelaySeen::Refused { why, answer } => {
            let said = facts::stun_refusal(answer);
            let code = match answer {
                StunAnswer::Error { code, .. } => *code,
                _ => 0,
            };
            let summary = match why {
                AllocationRefusal::Credentials => {
                    format!("the server refuses the credentials of this session (error {code})")
                }
                AllocationRefusal::QuotaOfParticipant => {
                    format!("allocation quota reached for this participant (error {code})")
                }
                AllocationRefusal::QuotaOfServer => {
                    format!("the server has no relay left (error {code})")
                }
                AllocationRefusal::NoAddress => {
                    "the server reports success without a relayed address".to_owned()
                }
                AllocationRefusal::NotSigned => {
                    "answers are not signed with this session's password".to_owned()
                }
                AllocationRefusal::Other => format!("the server grants no relay: {said}"),
            };
            match answer {
                StunAnswer::Error { reason, .. }
                    if *why != AllocationRefusal::Other && !reason.is_blank() =>
                {
                    Statement::new(summary).detail(said)
                }
                StunAnswer::NotSigned { otherwise } => {
                    Statement::new(summary).detail(not_signed(*otherwise))
                }
                _ => Statement::new(summary),
            }
        }
        RelaySeen::NotTurn { answer, over_tls, doubt } => {
            let statement = Statement::new(facts::stun(answer));
            let is_silent = *answer == StunAnswer::Silent;
            let statement = match is_silent && *over_tls {
                true => statement.detail(
                    "TLS completes: no TURN server answers behind that name, or a firewall there \
                     drops packets",
                ),
                false => statement,
            };
            weighed(statement, doubt.as_ref(), None)
        }
        RelaySeen::PeerRefused { peer, answer, is_private } => {
            let summary = format!("the relay is granted but may not send to {peer}");
            let statement = Statement::new(match answer {
                Some(answer) => format!("{summary}: {}", facts::stun_refusal(answer)),
                None => summary,
            });
            match is_private {
                true => statement.detail(
                    "LiveKit offers media at an address that users cannot reach (rtc.node_ip)",
                ),
                false => statement,
            }
        }
        RelaySeen::Silent { ports, control, proof, doubt } => {
            let statement = Statement::new(format!(
                "a relay is granted, but UDP {} does not answer through it",
                list(ports)
            ));
            let statement = match control {
                Some(RelayControl::Answers) => statement.detail(
                    "the TURN server's own port answers through it: the media range is \
                     probably closed to the machine itself or to another Media Node",
                ),
                Some(RelayControl::Silent) => statement.detail(
                    "the TURN server's own port does not answer through it either: the range of \
                     the relays is probably closed, or the machine cannot reach its own public \
                     address",
                ),
                None => statement,
            };
            weighed(statement, doubt.as_ref(), proof.as_ref())
        }
        RelaySeen::Unanswered(met) => {
            let statement = Statement::new("a relay is granted, but no check could be judged");
            statement.with(paths(met, path_met))
        }
        RelaySeen::NothingToSendTo => {
            Statement::new("LiveKit offers no media over UDP to which the relay could send")
        }
        RelaySeen::NoServer => {
            Statement::new("LiveKit names no TURN server that ovcheck could ask")
        }
        RelaySeen::NoServerAnswers => Statement::new("no TURN server answers"),
        RelaySeen::NoRelay => Statement::new("no TURN server grants a relay"),
        RelaySeen::WrongPasswordAccepted => {
            Statement::new("the server grants a relay for a wrong password")
        }
        RelaySeen::WrongPasswordRefused(by) => one_line_each(
            by.iter()
                .map(|it| format!("{}: {}", quoted(&it.turn_url), facts::stun_refusal(&it.answer))),
        ),
        RelaySeen::WrongPasswordUnanswered => {
            Statement::new("no TURN server answers to a wrong password")
        }
        RelaySeen::GrantNotSigned => {
            Statement::new("something is granted, but not signed with the password of the request")
                .detail("a device on the path can send that; browsers discard it")
        }
        RelaySeen::PeersAllowed(peers) => {
            let peers: Vec<String> =
                peers.iter().map(|(peer, kind)| format!("{peer} ({})", peer_kind(*kind))).collect();
            Statement::new(format!(
                "the relay can send to {}, which users must not reach",
                list(&peers)
            ))
        }
        RelaySeen::PeersRefused { peers, all } => {
            let statement = Statement::new(format!("permission refused for {}", list(peers)));
            if *all { statement } else { statement.detail("the others were not answered") }
        }
        RelaySeen::PeersUnanswered => {
            Statement::new("the server neither grants nor refuses a permission")
        }
    }
}

fn not_signed(otherwise: bool) -> &'static str {
    match otherwise {
        true => "the server signs with another password; browsers discard that",
        false => "the server does not sign what it grants; browsers discard that",
    }
}

fn peer_kind(kind: PeerKind) -> &'static str {
    match kind {
        PeerKind::Candidate => "where media is offered",
        PeerKind::Loopback => "its own loopback",
        PeerKind::LinkLocal => "where clouds have their metadata service",
        PeerKind::Private => "a private network",
        PeerKind::Foreign => "a machine on the internet",
    }
}
