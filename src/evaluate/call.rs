//! What a call shows: who is let in, and by which ways media passes.
//!
//! A way is proven by nothing but an answer to an authenticated ICE check. That it does not work is
//! proven by a hard answer (ICMP, RST, an error of the TURN server), or by silence while another way
//! of the *same session* was answered: a session that nobody reaches at all may be dead itself.

mod candidates;
mod causes;
mod join;
mod leaks;
mod paths;
mod peers;
mod phrases;
mod relays;
mod seen;
mod servers;
mod settle;
mod through;
mod whole;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::plan::Ask;
use crate::model::rule::Demand;

pub(super) use causes::name_causes;
pub(super) use settle::settled;

use seen::Call;

/// Judges a demand that only a call can show.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let call = Call { view: *view, facts: view.call()? };
    let judgement = match &view.rule.demand {
        Demand::JoinAccepted => join::accepted(&call),
        Demand::IceServersAgree => servers::agree(&call),
        Demand::CandidatesAgree => candidates::agree(&call),
        Demand::AllocationGranted => relays::granted(&call),
        Demand::RelayCarriesMedia => relays::carry(&call),
        Demand::WrongPasswordRefused => peers::refuse_wrong_password(&call),
        Demand::ForeignPeersRefused => peers::refuse_foreign_peers(&call),
        Demand::MediaPath(way) => paths::passes(&call, *way),
        Demand::MediaPathsOnly(allowed) => {
            leaks::only(&call, allowed.under(view.case.deployment.policy))
        }
        Demand::NotPunchedOut => leaks::not_punched_out(&call),
        Demand::LargePacketsPass => whole::large_packets(&call),
        Demand::DtlsPasses => whole::dtls(&call),
        _ => unreachable!("{} is no demand of a call", view.rule.id),
    };
    Ok(match &view.check.ask {
        Ask::EitherWay(condition) => Judgement::not_applicable(format!(
            "{}; it is not declared whether {condition} is in use ({})",
            judgement.observed,
            condition.flag()
        )),
        _ => judgement,
    })
}
