//! What a call shows: who may join, and by which ways media passes.
//!
//! [`ladder`] reads the facts, once. The rules here make verdicts of it; [`call_summary`] shows it
//! to a person who wants to have a call. A way is proven by nothing but an answer to an
//! authenticated ICE check.

mod candidates;
mod causes;
mod clock;
mod documented;
mod help;
mod join;
mod ladder;
mod leaks;
mod made;
mod nodes;
mod paths;
mod relays;
mod servers;
mod settle;
mod summary;
mod whole;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::call::{Certainty, State, Step, Stop};
use crate::model::plan::Ask;
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::{CallSeen, CallUnknown, RelaySeen, Seen};

pub(super) use causes::name_causes;
pub(super) use clock::cause as clock_cause;
pub(super) use ladder::is_alone;
pub(super) use made::{CallAttempt, MadeCall};
pub(super) use settle::settled;
pub use summary::call_summary;

use ladder::Ladder;

/// Judges a demand that only a call can show.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let first = MadeCall { case: view.case, facts: view.call()? };
    let judgement = match &view.rule.demand {
        Demand::EveryNodeCarries => nodes::all_carry(first),
        demand @ Demand::JoinAccepted => by_ladder(demand, &Ladder::climb(first)),
        demand if first.facts.search.is_some() => {
            nodes::judge(first, demand, |ladder| by_ladder(demand, ladder))
        }
        demand => by_ladder(demand, &Ladder::climb(first)),
    };
    Ok(match &view.check.ask {
        Ask::EitherWay(condition) => judgement.map_each(|judgement| {
            let (condition, itself) = (*condition, Box::new(judgement.seen));
            let seen = Seen::UseUndeclared { condition, itself };
            Judgement::not_applicable(seen).at(judgement.place)
        }),
        _ => judgement,
    })
}

/// Judges a demand by one call.
fn by_ladder(demand: &Demand, ladder: &Ladder<'_>) -> Judgement {
    match demand {
        Demand::JoinAccepted => join::accepted(ladder),
        Demand::IceServersAgree => servers::agree(ladder),
        Demand::CandidatesAgree => candidates::agree(ladder),
        Demand::AllocationGranted => relays::granted(ladder),
        Demand::RelayCarriesMedia => relays::carry(ladder),
        Demand::WrongPasswordRefused => relays::refuse_wrong_password(ladder),
        Demand::ForeignPeersRefused => relays::refuse_foreign_peers(ladder),
        Demand::MediaPath(way) => paths::passes(ladder, *way),
        Demand::MediaPathsOnly => leaks::only(ladder),
        Demand::NotPunchedOut => leaks::not_punched_out(ladder),
        Demand::LargePacketsPass => whole::large_packets(ladder),
        Demand::DtlsPasses => whole::dtls(ladder),
        _ => unreachable!("no demand that one call can show"),
    }
}

/// What a stop means for a rule of the deployment.
fn of_stop(stop: &Stop) -> Judgement {
    let judgement = match stop.certainty {
        Certainty::Proven => Judgement::fail,
        Certainty::Suspected => Judgement::suspected,
        Certainty::CannotTell => Judgement::unsettled,
    };
    // What this network's own proxy refuses is no more than a trouble of ours.
    let reason = if stop.at == Step::HttpProxy { ReasonCode::Blind } else { stop.reason };
    judgement(reason, stop.why.clone())
}

/// The same of how far something came that did not come to its end.
fn of_state(state: &State) -> Judgement {
    match state {
        State::Stops(stop) => of_stop(stop),
        // That nothing is offered to which it could send is judged by the rule about candidates.
        State::Unknown { why: seen @ CallSeen::Relay(RelaySeen::NothingToSendTo) } => {
            Judgement::unsettled(ReasonCode::Blocked, seen.clone())
        }
        State::Unknown { why: seen } => Judgement::unsettled(ReasonCode::Blind, seen.clone()),
        State::Works { .. } | State::NotOffered => {
            Judgement::unsettled(ReasonCode::Blind, CallUnknown::NotAsked)
        }
    }
}
