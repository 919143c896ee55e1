//! How far each way of media came.

use super::{Call, checked, farthest, join, relayed, stops};
use crate::model::address::is_unreachable;
use crate::model::call::{Contact, State, Step, WaySummary};
use crate::model::deployment::Policy;
use crate::model::facts::{CallFacts, Connect, IceCheck, NotSent, PathFacts, SdpAnswer, Way};
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::vantage::Zone;

/// How far one way came.
pub(super) fn summary(call: &Call<'_>, way: Way, join: &State) -> WaySummary {
    let contacts = match call.seen {
        Ok(facts) if way.is_relayed() => relayed::contacts(call, facts, way),
        Ok(facts) => direct(call, facts, way),
        Err(_) => Vec::new(),
    };
    let state = match farthest(contacts.iter().map(|contact| &contact.state)) {
        Some(state) => state.clone(),
        None => without_contact(call, join),
    };
    WaySummary {
        way,
        small_packets_only: state.works() && loses_large_packets(call, way),
        closed_on_purpose: is_closed_on_purpose(way, call.case.deployment.policy),
        contacts,
        state,
    }
}

/// Whether large checks got lost on every path of this way on which small ones were answered.
fn loses_large_packets(call: &Call<'_>, way: Way) -> bool {
    let Ok(facts) = call.seen else {
        return false;
    };
    let answered = |path: &&PathFacts| path.way == way && path.check.is_answered();
    let mut padded = facts.paths.iter().filter(answered).peekable();
    padded.peek().is_some()
        && padded.all(|path| path.padded.as_ref().is_some_and(|check| !check.is_answered()))
}

/// Whether the policy of the deployment, as far as we were told, closes a way.
fn is_closed_on_purpose(way: Way, policy: Policy) -> bool {
    match policy {
        Policy::Default => false,
        Policy::ForcedTurn | Policy::Tls443 => way != Way::Turns,
        Policy::Udp443 => !way.is_relayed(),
    }
}

/// A way for which there is no place to ask.
fn without_contact(call: &Call<'_>, join: &State) -> State {
    let unknown = |why: &str| State::Unknown { why: why.to_owned() };
    let session = call.seen.ok().and_then(|facts| facts.session.as_ref());
    let Some(session) = session.filter(|_| join.works()) else {
        return unknown("it takes a join first");
    };
    let stopped = |words: &str| stops(Step::Join, (ReasonCode::CandidateMissing, words.to_owned()));
    match &session.answer {
        SdpAnswer::Complete { .. } => State::NotOffered,
        SdpAnswer::Malformed(_) => stopped("LiveKit's answer is not understood"),
        SdpAnswer::Missing => stopped("LiveKit does not answer our offer"),
        SdpAnswer::Left { reason } => {
            stopped(&format!("LiveKit ends the session (reason {reason})"))
        }
    }
}

fn direct(call: &Call<'_>, facts: &CallFacts, way: Way) -> Vec<Contact> {
    let paths = facts.paths.iter().filter(|path| path.way == way);
    paths.filter_map(|path| direct_contact(call, path)).collect()
}

fn direct_contact(call: &Call<'_>, path: &PathFacts) -> Option<Contact> {
    let transport = match path.way {
        Way::Udp | Way::TurnUdp => Transport::Udp,
        Way::IceTcp | Way::Turns => Transport::Tcp,
    };
    let number = path.candidate.port();
    Some(Contact {
        name: None,
        address: Some(path.candidate.ip()),
        transport,
        port: Port::new(number)?,
        range: call.range_of(transport, number),
        tls: false,
        state: direct_state(call, path),
        tried_ms: Some(call.in_run(path.sent_ms.unwrap_or(path.ended_ms))),
    })
}

fn direct_state(call: &Call<'_>, path: &PathFacts) -> State {
    let state = match &path.check {
        IceCheck::NotSent(NotSent::NoConnection) => {
            let connect = path.connect.as_ref().unwrap_or(&Connect::Silent);
            stops(Step::Tcp, join::connect(connect))
        }
        IceCheck::NotSent(NotSent::ForbiddenAddress) => wrong_address(),
        check => checked::state(path, check, ReasonCode::MediaSilent),
    };
    match state {
        State::Stops(_) if leads_nowhere(call, path) => wrong_address(),
        State::Works { .. } | State::Stops(_) | State::NotOffered | State::Unknown { .. } => state,
    }
}

/// Whether nobody from outside can come to where the server sends us. Whoever reaches the API at
/// such an address is inside himself.
fn leads_nowhere(call: &Call<'_>, path: &PathFacts) -> bool {
    let api = call.seen.ok().and_then(|facts| facts.signal.address);
    let is_outside = call.case.vantage.zone == Zone::Internet && !api.is_some_and(is_unreachable);
    is_outside && is_unreachable(path.candidate.ip())
}

fn wrong_address() -> State {
    let words = "nobody can reach it".to_owned();
    stops(Step::Address, (ReasonCode::CandidateWrong, words))
}
