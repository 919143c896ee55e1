//! A call as its user meets it: which ways of media work from here, at which step each of the
//! others stops, and what in the network is the cause.
//!
//! The rules judge a deployment; this does not. A way that the network of a user closes is no
//! fault of the deployment, and worth knowing all the same.

mod causes;
mod certificate;
mod checked;
mod inspection;
mod join;
mod portal;
mod relayed;
mod ways;

use std::time::Duration;

use super::Case;
use crate::model::call::{CallSummary, State, Step, Stop};
use crate::model::facts::{CallFacts, Facts, StunAnswer, Way};
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::port::{PortRange, Transport};
use crate::model::probe::{CallSpec, ProbeSpec};
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Scope};

/// What the call came to; `None` where none was made.
pub fn call_summary(case: &Case<'_>, findings: &[Finding]) -> Option<CallSummary> {
    let call = Call::of(case, findings)?;
    let join = join::contact(&call);
    let ways: Vec<_> =
        Way::ALL.into_iter().map(|way| ways::summary(&call, way, &join.state)).collect();
    let mut summary = CallSummary { join, ways, causes: Vec::new(), seen_as: call.seen_as() };
    summary.causes = causes::of(&call, &summary);
    Some(summary)
}

/// The one call of a run, and what else the run saw.
struct Call<'a> {
    case: &'a Case<'a>,
    findings: &'a [Finding],
    spec: &'a CallSpec,
    observation: &'a Observation,
    seen: Result<&'a CallFacts, &'a Blindness>,
}

impl<'a> Call<'a> {
    fn of(case: &'a Case<'a>, findings: &'a [Finding]) -> Option<Self> {
        case.observations.iter().find_map(|observation| {
            let ProbeSpec::Call(spec) = &observation.spec else {
                return None;
            };
            let seen = match &observation.outcome {
                Outcome::Saw(facts) => Ok(facts.as_call()?),
                Outcome::Blind(blindness) => Err(blindness),
            };
            Some(Self { case, findings, spec, observation, seen })
        })
    }

    /// Milliseconds after the probe's start as milliseconds after the run's.
    fn in_run(&self, ms: u64) -> u64 {
        let at = self.observation.started + Duration::from_millis(ms);
        u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
    }

    /// The HTTP proxy that everything over TCP went through.
    fn http_proxy(&self) -> Option<&'a str> {
        let facts = self.seen.ok()?;
        facts.signal.http_proxy.as_ref().map(|proxy| proxy.place.as_str())
    }

    /// The range of the port tables that a port belongs to, where it is one of many.
    fn range_of(&self, transport: Transport, port: u16) -> Option<PortRange> {
        let rules = self.case.ruleset.demanded(self.case.deployment);
        rules.filter(|rule| matches!(rule.demand, Demand::PortRow(_))).find_map(|rule| match &rule
            .scope
        {
            Scope::Ports(scope) => {
                let holds =
                    (scope.ports.first().number()..=scope.ports.last().number()).contains(&port);
                let is_range = scope.ports.single().is_none();
                (scope.transport == transport && is_range && holds).then_some(scope.ports)
            }
            Scope::Deployment | Scope::Names(_) | Scope::Endpoints(_) | Scope::AllNodes { .. } => {
                None
            }
        })
    }

    /// The addresses that the deployment sees us under. Through a relay, or the deployment's own
    /// proxy, it sees those.
    fn seen_as(&self) -> Vec<std::net::IpAddr> {
        use crate::model::facts::IceCheck;
        let Ok(facts) = self.seen else {
            return Vec::new();
        };
        let direct = facts.paths.iter().filter_map(|path| match path.check {
            IceCheck::Answered { mapped } if !path.way.is_relayed() => mapped,
            _ => None,
        });
        let relays = facts.relays.iter().filter_map(|relay| match relay.allocate {
            Some(StunAnswer::Success { mapped }) if relay.way == Way::TurnUdp => mapped,
            _ => None,
        });
        let mut addresses: Vec<_> = direct.chain(relays).map(|address| address.ip()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// What plain HTTP met at the API's name.
    fn plain_http(&self) -> impl Iterator<Item = &'a crate::model::facts::HttpFacts> {
        let host = &self.spec.host;
        self.case.observations.iter().filter_map(move |observation| {
            match (&observation.spec, &observation.outcome) {
                (ProbeSpec::Http { host: asked, .. }, Outcome::Saw(Facts::Http(facts)))
                    if asked == host =>
                {
                    Some(facts)
                }
                _ => None,
            }
        })
    }
}

/// Of several states the one that came farthest.
fn farthest<'a>(states: impl Iterator<Item = &'a State>) -> Option<&'a State> {
    let rank = |state: &State| match state {
        // The quickest of those that work.
        State::Works { took_ms } => (3, u64::MAX - took_ms),
        State::Stops(stop) => (2, stop.at as u64),
        State::Unknown { .. } => (1, 0),
        State::NotOffered => (0, 0),
    };
    // The first of equal ones.
    states.reduce(|best, state| if rank(state) > rank(best) { state } else { best })
}

fn stops(at: Step, (reason, why): (ReasonCode, String)) -> State {
    State::Stops(Stop { at, reason, why })
}
