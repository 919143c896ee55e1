//! What a call showed, as the judges look at it.

use crate::model::facts::{
    CallFacts, CandidatePlace, HttpProxyFacts, PathFacts, PunchFacts, RelayFacts, SessionFacts, Way,
};

use super::super::view::View;

/// How long LiveKit waits for checks behind its answer, in milliseconds: what is sent later finds
/// nobody.
const WINDOW_MS: u64 = 15_000;

/// What a call showed, as one check looks at it.
pub(super) struct Call<'a> {
    pub view: View<'a>,
    pub facts: &'a CallFacts,
}

impl<'a> Call<'a> {
    pub fn session(&self) -> Option<&'a SessionFacts> {
        self.facts.session.as_ref()
    }

    /// The candidates of the server that say where they lie.
    pub fn places(&self) -> impl Iterator<Item = CandidatePlace> {
        let candidates = self.session().map_or(&[][..], |session| &session.candidates);
        candidates.iter().filter_map(|candidate| candidate.place)
    }

    pub fn paths(&self, way: Way) -> impl Iterator<Item = &'a PathFacts> {
        self.facts.paths.iter().filter(move |path| path.way == way)
    }

    /// The relays of a way, each with its place among all.
    pub fn relays(&self, way: Way) -> impl Iterator<Item = (usize, &'a RelayFacts)> {
        let relays = self.facts.relays.iter().enumerate();
        relays.filter(move |(_, relay)| relay.way == way)
    }

    /// The paths through a relay.
    pub fn through(&self, relay: usize) -> impl Iterator<Item = &'a PathFacts> {
        let paths = self.facts.paths.iter();
        paths.filter(move |path| path.relay == Some(relay))
    }

    /// Whether anything of this session was answered.
    pub fn is_live(&self) -> bool {
        is_live(self.facts)
    }

    /// The HTTP proxy of our own network: what ends there says nothing about the deployment.
    pub fn http_proxy(&self) -> Option<&'a HttpProxyFacts> {
        self.facts.signal.http_proxy.as_ref()
    }

    /// Whether a check was sent while the server still waited for some.
    pub fn is_in_time(&self, path: &PathFacts) -> bool {
        is_in_time(self.facts, path)
    }
}

pub(super) fn is_live(facts: &CallFacts) -> bool {
    let is_answered = |path: &PathFacts| path.check.is_answered();
    let has_sent_checks = |punched: &PunchFacts| punched.check_from.is_some();
    facts.paths.iter().any(is_answered) || facts.punched.as_ref().is_some_and(has_sent_checks)
}

pub(super) fn is_in_time(facts: &CallFacts, path: &PathFacts) -> bool {
    let ready = facts.session.as_ref().and_then(|session| session.ready_ms);
    match (ready, path.sent_ms) {
        (Some(ready), Some(sent)) => sent < ready + WINDOW_MS,
        _ => true,
    }
}
