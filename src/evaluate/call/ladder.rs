//! How far a call came: the join, each candidate, and each TURN server, step by step.
//!
//! This is the only reading of a call's facts. The rules make verdicts of it, the summary of
//! `ovcheck call` shows it, and the text for an administrator reads from it whom to ask. So they
//! cannot contradict each other about what stopped, how sure that is, and whose it is.

mod certificate;
mod door;
mod join;
mod media;
mod relay;

use super::made::MadeCall;
use crate::model::address::is_private;
use crate::model::call::{Certainty, Responsible, State, Step, Stop};
use crate::model::facts::{IcmpError, IcmpSender, PathFacts, Way};
use crate::model::reason::ReasonCode;
use crate::model::seen::CallSeen;

pub(in super::super) use certificate::is_alone;
pub(super) use join::{JoinRungs, without_facts};
pub(super) use media::{BlockedDtls, DirectRungs, blocked_dtls};
pub(super) use relay::RelayRungs;

/// How far the parts of a call came.
pub(in super::super) struct Ladder<'a> {
    pub call: MadeCall<'a>,
    pub join: JoinRungs,
    /// One for each check that went straight to a candidate.
    pub direct: Vec<DirectRungs<'a>>,
    /// One for each TURN server.
    pub relays: Vec<RelayRungs<'a>>,
    /// The proven paths on which DTLS does not pass.
    pub dtls: Vec<BlockedDtls<'a>>,
}

impl<'a> Ladder<'a> {
    pub fn climb(call: MadeCall<'a>) -> Self {
        let dtls = blocked_dtls(&call);
        let direct = call.facts.paths.iter().filter(|path| !path.way.is_relayed());
        let direct = direct.map(|path| DirectRungs::climb(&call, path, &dtls)).collect();
        let relays = call.facts.relays.iter().enumerate();
        let relays =
            relays.map(|(index, relay)| RelayRungs::climb(&call, index, relay, &dtls)).collect();
        Self { call, join: JoinRungs::climb(&call), direct, relays, dtls }
    }

    pub fn direct(&self, way: Way) -> impl Iterator<Item = &DirectRungs<'a>> {
        self.direct.iter().filter(move |rungs| rungs.path.way == way)
    }

    pub fn relays(&self, way: Way) -> impl Iterator<Item = &RelayRungs<'a>> {
        self.relays.iter().filter(move |rungs| rungs.relay.way == way)
    }

    /// The paths by a way on which a check was answered, and that browsers would go: they do not
    /// use a TURN server whose certificate they refuse.
    pub fn proven(&self, way: Way) -> impl Iterator<Item = &'a PathFacts> {
        let refused =
            |relay: usize| self.relays.get(relay).is_some_and(|it| it.certificate.is_some());
        self.call.facts.paths.iter().filter(move |path| {
            path.way == way && path.check.is_answered() && !path.relay.is_some_and(refused)
        })
    }
}

/// What follows from something that stopped.
struct Reading {
    at: Step,
    reason: ReasonCode,
    certainty: Certainty,
    responsible: Responsible,
}

impl Reading {
    fn proven(at: Step, reason: ReasonCode, responsible: Responsible) -> Self {
        Self { at, reason, certainty: Certainty::Proven, responsible }
    }

    fn suspected(at: Step, reason: ReasonCode, responsible: Responsible) -> Self {
        Self { at, reason, certainty: Certainty::Suspected, responsible }
    }

    fn cannot_tell(at: Step, reason: ReasonCode) -> Self {
        let responsible = Responsible::NotKnown;
        Self { at, reason, certainty: Certainty::CannotTell, responsible }
    }

    /// Of an ICMP error. The machine itself knows whether it refuses. A router's trouble may pass,
    /// and its prohibition is not the deployment's: with a private address it is in this network,
    /// otherwise anywhere on the way. With an address of this computer it is its own firewall's.
    fn of_icmp(call: &MadeCall<'_>, at: Step, reason: ReasonCode, error: &IcmpError) -> Self {
        let own = &call.case.vantage.addresses;
        let (certainty, responsible) = match error.from {
            IcmpSender::Another(from) if own.contains(&from) => {
                (Certainty::CannotTell, Responsible::ThisComputer)
            }
            // Most errors whose sender the system does not tell are the machine's own.
            IcmpSender::MeantMachine(_) | IcmpSender::Untold => {
                (Certainty::Proven, Responsible::Deployment)
            }
            IcmpSender::Another(from) if is_private(from) => {
                (Certainty::Suspected, Responsible::ThisNetwork)
            }
            IcmpSender::Another(_) => (Certainty::Suspected, Responsible::OnPath),
        };
        Self { at, reason, certainty, responsible }
    }

    fn stop(self, seen: impl Into<CallSeen>) -> Stop {
        let Self { at, reason, certainty, responsible } = self;
        Stop { at, reason, why: seen.into(), certainty, responsible }
    }

    fn state(self, seen: impl Into<CallSeen>) -> State {
        State::Stops(self.stop(seen))
    }
}
