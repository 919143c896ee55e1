//! How far checks came that went straight to a candidate, and where DTLS does not pass.

use super::super::super::reasons;
use super::super::candidates::is_reachable;
use super::super::made::MadeCall;
use super::{Reading, door};
use crate::model::call::{Certainty, Responsible, State, Step, Stop};
use crate::model::facts::{DtlsFacts, IceCheck, NotSent, PathFacts, Way};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallDoubt, CallUnknown, DoorSeen, MediaSeen, PayloadSeen};
use crate::model::target::Family;

/// How far one check came that went straight to a candidate.
pub(in super::super) struct DirectRungs<'a> {
    pub path: &'a PathFacts,
    /// Whether users can reach the address of the candidate at all.
    pub is_reachable: bool,
    /// How far the check came.
    pub check: State,
    /// The same, and DTLS behind it.
    pub state: State,
}

impl<'a> DirectRungs<'a> {
    pub(super) fn climb(
        call: &MadeCall<'_>,
        path: &'a PathFacts,
        dtls: &[BlockedDtls<'_>],
    ) -> Self {
        let is_reachable = is_reachable(call, path.candidate.ip());
        let check = match check(call, path) {
            State::Stops(_) if !is_reachable => {
                let reason = ReasonCode::CandidateWrong;
                let reading = Reading::proven(Step::Address, reason, Responsible::Deployment);
                let not_dialled = match path.check {
                    IceCheck::NotSent(NotSent::ForbiddenAddress(why)) => Some(why),
                    _ => None,
                };
                reading.state(DoorSeen::ForbiddenAddress(not_dialled))
            }
            state => state,
        };
        let blocked = dtls.iter().find(|blocked| std::ptr::eq(blocked.path, path));
        let state = blocked.map_or(check.clone(), |blocked| State::Stops(blocked.stop.clone()));
        Self { path, is_reachable, check, state }
    }
}

fn check(call: &MadeCall<'_>, path: &PathFacts) -> State {
    let (reading, doubt) = match &path.check {
        IceCheck::Answered { .. } => return answered(path),
        IceCheck::NotSent(NotSent::Local(why)) => {
            return State::Unknown { why: CallUnknown::Blind(why.clone()).into() };
        }
        IceCheck::NotSent(NotSent::OwnProxy(refusal)) => {
            return State::Stops(door::refused_by_proxy(refusal));
        }
        IceCheck::NotSent(NotSent::NoRelay | NotSent::NoPermission) => return not_asked(),
        IceCheck::NotSent(NotSent::NoConnection) => {
            let family = Family::of(path.candidate.ip());
            let connect = path.connect.as_ref();
            match connect.and_then(|connect| door::connection(call, connect, family)) {
                Some(reading) => reading,
                None => return not_asked(),
            }
        }
        IceCheck::NotSent(NotSent::ForbiddenAddress(why))
            if !call.is_of_no_use(*why, Some(path.candidate.ip())) =>
        {
            return State::Unknown { why: CallUnknown::NotDialled(*why).into() };
        }
        IceCheck::NotSent(NotSent::ForbiddenAddress(_)) => {
            let reason = ReasonCode::CandidateWrong;
            (Reading::proven(Step::Address, reason, Responsible::Deployment), None)
        }
        // What comes late finds no session, whatever it meets.
        _ if !call.is_in_time(path) => {
            (Reading::cannot_tell(Step::Check, ReasonCode::MediaSilent), Some(CallDoubt::TooLate))
        }
        IceCheck::Silent => silent(call, path),
        met => (hard_answer(call, path, met), None),
    };
    let proof = call.proof().filter(|_| path.check == IceCheck::Silent && doubt.is_none());
    reading.state(MediaSeen::Unanswered { path: call.checked(path), doubt, proof })
}

fn not_asked() -> State {
    State::Unknown { why: CallUnknown::NotAsked.into() }
}

/// An answered check, with its time.
pub(super) fn answered(path: &PathFacts) -> State {
    let sent = path.sent_ms.unwrap_or(path.ended_ms);
    State::Works { took_ms: path.ended_ms.saturating_sub(sent) }
}

/// Silence counts only in a session that is alive, and where this network lets answers in.
fn silent(call: &MadeCall<'_>, path: &PathFacts) -> (Reading, Option<CallDoubt>) {
    let reason = ReasonCode::MediaSilent;
    let family = Family::of(path.candidate.ip());
    let doubt = if path.way == Way::Udp && !call.case.sees_udp(family) {
        door::nothing_else(family, Transport::Udp)
    } else if call.is_live() {
        return (Reading::proven(Step::Check, reason, Responsible::NotKnown), None);
    } else {
        CallDoubt::DeadSession
    };
    (Reading::cannot_tell(Step::Check, reason), Some(doubt))
}

/// Something came back that is not an answer.
fn hard_answer(call: &MadeCall<'_>, path: &PathFacts, met: &IceCheck) -> Reading {
    let at = Step::Check;
    let reading = match met {
        IceCheck::Icmp(error) => Reading::of_icmp(call, at, reasons::icmp_reason(error), error),
        IceCheck::Reset => Reading::proven(at, ReasonCode::TcpReset, Responsible::NotKnown),
        IceCheck::Other(_) => {
            let reading = Reading::proven(at, ReasonCode::WrongService, Responsible::Deployment);
            // Anybody can send a datagram; a connection is with the one who accepted it, and that
            // may be a device on the way.
            match path.way.transport() {
                Transport::Udp => Reading { certainty: Certainty::Suspected, ..reading },
                Transport::Tcp => Reading { responsible: Responsible::NotKnown, ..reading },
            }
        }
        IceCheck::Closed | IceCheck::Silent | IceCheck::Answered { .. } | IceCheck::NotSent(_) => {
            Reading::proven(at, ReasonCode::MediaSilent, Responsible::NotKnown)
        }
    };
    let through_proxy = path.way == Way::IceTcp && call.http_proxy().is_some();
    // The proxy may have spoilt what it carried.
    if through_proxy { Reading { certainty: Certainty::Suspected, ..reading } } else { reading }
}

/// A path on which STUN passes and DTLS does not.
pub(in super::super) struct BlockedDtls<'a> {
    pub path: &'a PathFacts,
    pub dtls: DtlsFacts,
    pub stop: Stop,
}

/// The paths on which DTLS was tried and does not pass.
pub(in super::super) fn blocked_dtls<'a>(call: &MadeCall<'a>) -> Vec<BlockedDtls<'a>> {
    let asked = || {
        let proven = call.facts.paths.iter().filter(|path| path.check.is_answered());
        proven.filter_map(|path| Some((path, path.dtls?)))
    };
    let is_over_udp = |path: &PathFacts| path.way.transport() == Transport::Udp;
    // A network that lets DTLS through by one way does not drop it for what it is.
    let passes_elsewhere =
        asked().any(|(path, dtls)| is_over_udp(path) && dtls == DtlsFacts::BothWays);
    // What is lost inside TLS is lost behind the proxy, and most likely the rest is lost there, too.
    let is_inside_tls =
        |path: &PathFacts, dtls| path.way == Way::Turns && dtls == DtlsFacts::OnlyFromServer;
    let lost_behind = asked().any(|(path, dtls)| is_inside_tls(path, dtls));
    let some_is_sent = asked().any(|(_, dtls)| dtls == DtlsFacts::OnlyFromServer);
    asked()
        .filter(|(_, dtls)| match dtls {
            DtlsFacts::OnlyFromServer | DtlsFacts::NoHello | DtlsFacts::NoAnswer => true,
            DtlsFacts::BothWays | DtlsFacts::NotReached => false,
        })
        .map(|(path, dtls)| {
            let is_behind = dtls == DtlsFacts::OnlyFromServer && !is_over_udp(path);
            let is_certain = is_behind || (passes_elsewhere && some_is_sent);
            let seen = PayloadSeen::DtlsBlocked {
                blocked: vec![(call.checked(path), dtls)],
                may_be_own_network: !is_certain,
            };
            let reading = Reading {
                at: Step::Dtls,
                reason: ReasonCode::DtlsBlocked,
                certainty: if is_certain { Certainty::Proven } else { Certainty::Suspected },
                responsible: match lost_behind {
                    true if is_inside_tls(path, dtls) => Responsible::Deployment,
                    true => Responsible::DeploymentOrPath,
                    false => Responsible::NotKnown,
                },
            };
            BlockedDtls { path, dtls, stop: reading.stop(seen) }
        })
        .collect()
}
