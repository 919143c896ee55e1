//! What one check down a way of media means for it.

use super::super::words;
use super::{join, stops};
use crate::model::call::{State, Step, Stop};
use crate::model::facts::{DtlsFacts, IceCheck, NotSent, PathFacts};
use crate::model::reason::ReasonCode;

/// Whether DTLS was tried on this path, and did not pass.
fn is_without_dtls(path: &PathFacts) -> bool {
    match path.dtls {
        Some(DtlsFacts::OnlyFromServer | DtlsFacts::NoHello) => true,
        Some(DtlsFacts::BothWays | DtlsFacts::NotReached) | None => false,
    }
}

/// What a check that was sent, or could not be, means for its way.
pub(super) fn state(path: &PathFacts, check: &IceCheck, silent: ReasonCode) -> State {
    let stopped = |reason, words: &str| stops(Step::Check, (reason, words.to_owned()));
    match check {
        IceCheck::Answered { .. } if is_without_dtls(path) => {
            stops(Step::Dtls, (ReasonCode::DtlsBlocked, "nothing but STUN passes".to_owned()))
        }
        IceCheck::Answered { .. } => State::Works {
            took_ms: path.ended_ms.saturating_sub(path.sent_ms.unwrap_or(path.ended_ms)),
        },
        IceCheck::Silent => stopped(silent, "no answer"),
        IceCheck::Icmp(error) => stopped(words::icmp_reason(error), &join::icmp(error)),
        IceCheck::Closed => stopped(ReasonCode::BackendDown, "the connection ends"),
        IceCheck::Reset => stopped(ReasonCode::TcpReset, "the connection is reset"),
        IceCheck::Other(what) => stopped(ReasonCode::WrongService, &format!("answered by {what}")),
        IceCheck::NotSent(NotSent::OwnProxy(said)) => {
            stops(Step::HttpProxy, (ReasonCode::HttpStatus, said.clone()))
        }
        IceCheck::NotSent(NotSent::Local(why)) => State::Unknown { why: why.clone() },
        IceCheck::NotSent(NotSent::NoPermission) => State::Stops(Stop {
            at: Step::Permission,
            reason: ReasonCode::PeerRefused,
            why: "refused by the relay".to_owned(),
        }),
        IceCheck::NotSent(NotSent::ForbiddenAddress | NotSent::NoConnection | NotSent::NoRelay) => {
            State::Unknown { why: "not sent".to_owned() }
        }
    }
}
