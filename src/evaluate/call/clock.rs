//! The clock of this computer, beside the one that the server tells.

use super::super::{Case, network};
use super::made::{CallAttempt, MadeCall};
use crate::model::call::{Cause, CauseSign, NetworkCause, State, Step};
use crate::model::facts::{ChainFacts, HttpAnswer, JoinAnswer};
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallSeen, ClockShown, DoorSeen, JoinSeen, Seen, TlsSeen};
use crate::model::timestamp::Timestamp;

/// By how much two clocks may differ that agree, in seconds: `Date` has whole ones, and takes its
/// time to come.
const AGREES_WITHIN_S: u64 = 60;

/// What the server's time says about a certificate that this computer takes for expired, or for not
/// valid yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerClock {
    /// By the server's clock the certificate is valid.
    IsTheCause { ahead_s: i64 },
    /// The certificate is not valid by the server's clock either.
    IsNotTheCause,
}

/// Compares the dates of a certificate with the time that the server tells; `None`: it tells none.
pub(super) fn of_certificate(call: &MadeCall<'_>, chain: &ChainFacts) -> Option<ServerClock> {
    let leaf = chain.certificates.first()?;
    let ahead_s = ahead_s(call.case)?;
    let there = Timestamp::from_unix_seconds(call.case.now.unix_seconds() + ahead_s);
    let is_valid = (leaf.not_before..=leaf.not_after).contains(&there);
    Some(match is_valid && ahead_s.unsigned_abs() > AGREES_WITHIN_S {
        true => ServerClock::IsTheCause { ahead_s },
        false => ServerClock::IsNotTheCause,
    })
}

/// By how many seconds the server's clock is ahead of ours, as an HTTP response of the API's name
/// says (`Date`), whatever it was asked for.
fn ahead_s(case: &Case<'_>) -> Option<i64> {
    let attempt = CallAttempt::find(case)?;
    let joined = attempt.seen.ok().and_then(|facts| match &facts.signal.join {
        Some(JoinAnswer::Refused(answer)) => Some(answer),
        Some(JoinAnswer::Joined | JoinAnswer::NoJoin(_) | JoinAnswer::NotAwaited) | None => None,
    });
    let others = network::plain_http(&attempt).filter_map(|facts| facts.answer.as_ref());
    joined.into_iter().chain(others).find_map(|answer| match answer {
        HttpAnswer::Response(response) => response.date_ahead_s,
        _ => None,
    })
}

/// The clock as the cause of a join that stops.
pub(in super::super) fn cause(call: &CallAttempt<'_>, join: &State) -> Option<Cause> {
    let stop = join.stop()?;
    match (stop.at, stop.reason, &stop.why) {
        (Step::Join, ReasonCode::ClockDiffers, CallSeen::Join(JoinSeen::Refused { clock, .. })) => {
            let ClockShown::IsTheCause { ahead_s } = *clock else {
                return None;
            };
            Some(own_clock(ahead_s, false, CauseSign::ServerTellsTime))
        }
        (Step::Certificate, _, CallSeen::Door(DoorSeen::Untrusted { why, .. })) => {
            let chain = call.made()?.certificate_of_api()?;
            let server = of_certificate(&call.made()?, chain);
            match (why.as_ref(), server) {
                // Nobody certifies before the certificate begins.
                (
                    Seen::Tls(TlsSeen::NotYetValid { from }),
                    Some(ServerClock::IsTheCause { ahead_s }),
                ) => {
                    let sign = CauseSign::CertificateOfTheFuture { from: *from };
                    Some(own_clock(ahead_s, true, sign))
                }
                (Seen::Tls(TlsSeen::NotYetValid { from }), None) => {
                    let behind_s = from.seconds_since(call.case.now);
                    Some(own_clock(behind_s, false, CauseSign::NotYetValid { from: *from }))
                }
                (Seen::Tls(TlsSeen::Expired { .. }), Some(ServerClock::IsTheCause { ahead_s })) => {
                    Some(own_clock(ahead_s, false, CauseSign::ServerTellsTime))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn own_clock(ahead_s: i64, certain: bool, shown_by: CauseSign) -> Cause {
    Cause { cause: NetworkCause::OwnClock { ahead_s }, certain, shown_by }
}
