//! Our own clock. Its control is a second one: the `Date` of HTTP answers of this run.
//!
//! The second clock may be wrong too, since it is mostly the deployment's own. So nothing is claimed by
//! either clock alone: a check that depends on the time is judged by both, and counts where they agree.

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, without_proof};
use crate::model::facts::{
    CertificateFacts, ChainFacts, Facts, Handshake, HttpAnswer, JoinAnswer, Trust,
};
use crate::model::observation::Outcome;
use crate::model::premise::{ClockOwner, Doubt, Standing};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::timestamp::Timestamp;
use crate::model::verdict::Verdict;

/// How far two clocks may differ where no rule says it, in seconds.
const MARGIN_S: u64 = 60;

/// What the other clocks of the run say about ours.
pub(super) fn standing(case: &Case<'_>) -> Standing {
    let margin = margin(case);
    let mut ahead: Vec<i64> =
        case.saw().filter_map(|facts| answer(facts).and_then(ahead_s)).collect();
    ahead.sort_unstable();
    if ahead.iter().any(|ahead_s| ahead_s.unsigned_abs() <= margin) {
        return Standing::Held;
    }
    let Some(ahead_s) = ahead.get(ahead.len() / 2).copied() else {
        return Standing::Unknown;
    };
    let wrong = whose_is_wrong(case, theirs(case.now, ahead_s));
    Standing::Doubted(Doubt::Clocks { ours: case.now, ahead_s, wrong })
}

/// How far the clocks may differ, by the rule about that.
fn margin(case: &Case<'_>) -> u64 {
    let rules = case.plan.checks.iter().filter_map(|check| case.ruleset.rule(&check.rule));
    let mut demands = rules.map(|rule| &rule.demand);
    let seconds = demands.find_map(|demand| match demand {
        Demand::ClockAgrees { seconds } => Some(u64::from(*seconds)),
        _ => None,
    });
    seconds.unwrap_or(MARGIN_S)
}

/// The HTTP answer among what a probe saw.
fn answer(facts: &Facts) -> Option<&HttpAnswer> {
    match facts {
        Facts::Http(facts) => facts.answer.as_ref(),
        Facts::Api(facts) => facts.answer.as_ref(),
        Facts::Turn(facts) => facts.instead.as_ref(),
        Facts::Tls(facts) => facts.behind.as_ref()?.http.as_ref(),
        Facts::Call(facts) => match facts.signal.join.as_ref()? {
            JoinAnswer::Refused(answer) => Some(answer),
            JoinAnswer::Joined | JoinAnswer::NoJoin(_) | JoinAnswer::NotAwaited => None,
        },
        Facts::Service(_)
        | Facts::Browser(_)
        | Facts::Dns(_)
        | Facts::Authority(_)
        | Facts::Tcp(_)
        | Facts::Hold(_)
        | Facts::Rtmp(_)
        | Facts::Udp(_)
        | Facts::Echo(_)
        | Facts::Responder(_)
        | Facts::Host(_)
        | Facts::ProxyConfiguration(_)
        | Facts::OpenviduConfiguration(_) => None,
    }
}

fn ahead_s(answer: &HttpAnswer) -> Option<i64> {
    match answer {
        HttpAnswer::Response(response) => response.date_ahead_s,
        _ => None,
    }
}

fn theirs(ours: Timestamp, ahead_s: i64) -> Timestamp {
    Timestamp::from_unix_seconds(ours.unix_seconds().saturating_add(ahead_s))
}

/// Whose clock is probably wrong: certificates are not issued in the future, and servers are seldom
/// left with expired ones.
fn whose_is_wrong(case: &Case<'_>, theirs: Timestamp) -> Option<ClockOwner> {
    let ours = case.now;
    let trusted = case.saw().filter_map(chain).filter(|chain| chain.trust == Trust::Verified);
    let leaves: Vec<&CertificateFacts> =
        trusted.filter_map(|chain| chain.certificates.first()).collect();
    let is_any =
        |wanted: &dyn Fn(&CertificateFacts) -> bool| leaves.iter().any(|leaf| wanted(leaf));
    if is_any(&|leaf| ours < leaf.not_before && leaf.not_before <= theirs) {
        Some(ClockOwner::ThisMachine)
    } else if is_any(&|leaf| theirs < leaf.not_before && leaf.not_before <= ours) {
        Some(ClockOwner::Server)
    } else if is_any(&|leaf| theirs <= leaf.not_after && leaf.not_after < ours) {
        Some(ClockOwner::ThisMachine)
    } else {
        None
    }
}

/// The chain that a server showed to a probe.
pub(super) fn chain(facts: &Facts) -> Option<&ChainFacts> {
    let handshake = match facts {
        Facts::Tls(facts) => facts.handshake.as_ref(),
        Facts::Api(facts) => facts.handshake.as_ref(),
        Facts::Turn(facts) => facts.handshake.as_ref(),
        Facts::Rtmp(facts) => facts.handshake.as_ref(),
        Facts::Call(facts) => facts.signal.handshake.as_ref(),
        Facts::Service(_)
        | Facts::Browser(_)
        | Facts::Dns(_)
        | Facts::Authority(_)
        | Facts::Tcp(_)
        | Facts::Http(_)
        | Facts::Hold(_)
        | Facts::Udp(_)
        | Facts::Echo(_)
        | Facts::Responder(_)
        | Facts::Host(_)
        | Facts::ProxyConfiguration(_)
        | Facts::OpenviduConfiguration(_) => None,
    };
    match handshake? {
        Handshake::Completed(session) => session.certificate.as_ref(),
        _ => None,
    }
}

/// What is left of a judgement when our clock is taken into account.
pub(super) fn question(
    standing: &Standing,
    view: &View<'_>,
    judgement: Judgement,
    judge: impl Fn(&Case<'_>) -> Judgement,
) -> Judgement {
    let is_of_clocks = judgement.reason == ReasonCode::ClockDiffers
        && matches!(judgement.verdict, Verdict::Fail(_));
    let doubt = match standing {
        Standing::Held => return judgement,
        Standing::Unknown if is_of_clocks || is_of_dates(&view.rule.demand) => {
            return without_proof(judgement);
        }
        Standing::Unknown => return judgement,
        Standing::Doubted(doubt) => doubt,
    };
    let Doubt::Clocks { ours, ahead_s, wrong } = doubt else {
        return judgement;
    };
    // It shows a certificate that by its clock is still to come.
    if *wrong == Some(ClockOwner::Server) {
        return judgement;
    }
    match (&view.rule.demand, wrong) {
        // That they differ is seen; that it is the server's which is wrong is not.
        (Demand::ClockAgrees { .. }, None) if is_of_clocks => return without_proof(judgement),
        _ if is_of_clocks => return doubted(doubt),
        _ => {}
    }
    let theirs = theirs(*ours, *ahead_s);
    let other = judge(&Case { now: theirs, ..*view.case });
    let is_same = (other.verdict, other.reason) == (judgement.verdict, judgement.reason);
    if is_same && !is_chain_of_its_time(view, *ours, theirs) { judgement } else { doubted(doubt) }
}

/// Whether a demand is about dates, so that it cannot be judged without a clock.
fn is_of_dates(demand: &Demand) -> bool {
    matches!(
        demand,
        Demand::NotExpired | Demand::ExpiresLaterThan { .. } | Demand::RenewalNotRedirected { .. }
    )
}

/// Whether a chain was found broken at a time at which one of its certificates was not valid, and is
/// by the other clock: chains are verified when they are seen, by our clock.
fn is_chain_of_its_time(view: &View<'_>, ours: Timestamp, theirs: Timestamp) -> bool {
    if view.rule.demand != Demand::ChainVerifies {
        return false;
    }
    let facts = view.observations().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => chain(facts),
        Outcome::Blind(_) => None,
    });
    let is_valid = |certificate: &CertificateFacts, at: Timestamp| {
        (certificate.not_before..=certificate.not_after).contains(&at)
    };
    facts.filter(|chain| matches!(chain.trust, Trust::Invalid(_))).any(|chain| {
        let mut certificates = chain.certificates.iter();
        certificates.any(|it| is_valid(it, ours) != is_valid(it, theirs))
    })
}
