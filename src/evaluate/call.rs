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
mod servers;
mod settle;
mod through;
mod whole;

use std::net::IpAddr;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::facts::{
    CallFacts, CandidatePlace, Connect, HttpProxyFacts, IceCheck, IcmpError, PathFacts, PunchFacts,
    RelayFacts, SessionFacts, StunAnswer, Way,
};
use crate::model::plan::Ask;
use crate::model::rule::Demand;
use crate::model::target::Family;

pub(super) use causes::name_causes;
pub(super) use settle::settled;

/// How long LiveKit waits for checks behind its answer, in milliseconds: what is sent later finds
/// nobody.
const WINDOW_MS: u64 = 15_000;

/// Judges a demand that only a call can show.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let call = Call {
        view: *view,
        facts: view.call()?,
    };
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

/// What a call showed, as one check looks at it.
struct Call<'a> {
    view: View<'a>,
    facts: &'a CallFacts,
}

impl<'a> Call<'a> {
    fn session(&self) -> Option<&'a SessionFacts> {
        self.facts.session.as_ref()
    }

    /// The candidates of the server that say where they lie.
    fn places(&self) -> impl Iterator<Item = CandidatePlace> {
        let candidates = self
            .session()
            .map_or(&[][..], |session| &session.candidates);
        candidates.iter().filter_map(|candidate| candidate.place)
    }

    fn paths(&self, way: Way) -> impl Iterator<Item = &'a PathFacts> {
        self.facts.paths.iter().filter(move |path| path.way == way)
    }

    /// The relays of a way, each with its place among all.
    fn relays(&self, way: Way) -> impl Iterator<Item = (usize, &'a RelayFacts)> {
        let relays = self.facts.relays.iter().enumerate();
        relays.filter(move |(_, relay)| relay.way == way)
    }

    /// The paths through a relay.
    fn through(&self, relay: usize) -> impl Iterator<Item = &'a PathFacts> {
        let paths = self.facts.paths.iter();
        paths.filter(move |path| path.relay == Some(relay))
    }

    /// Whether anything of this session was answered.
    fn is_live(&self) -> bool {
        is_live(self.facts)
    }

    /// The HTTP proxy of our own network: what ends there says nothing about the deployment.
    fn http_proxy(&self) -> Option<&'a HttpProxyFacts> {
        self.facts.signal.http_proxy.as_ref()
    }

    /// Whether a check was sent while the server still waited for some.
    fn is_in_time(&self, path: &PathFacts) -> bool {
        is_in_time(self.facts, path)
    }
}

fn is_live(facts: &CallFacts) -> bool {
    let is_answered = |path: &PathFacts| path.check.is_answered();
    let has_sent_checks = |punched: &PunchFacts| punched.check_from.is_some();
    facts.paths.iter().any(is_answered) || facts.punched.as_ref().is_some_and(has_sent_checks)
}

fn is_in_time(facts: &CallFacts, path: &PathFacts) -> bool {
    let ready = facts.session.as_ref().and_then(|session| session.ready_ms);
    match (ready, path.sent_ms) {
        (Some(ready), Some(sent)) => sent < ready + WINDOW_MS,
        _ => true,
    }
}

/// Whether an ICMP error comes from the machine that was meant, and not from a router on the way.
fn is_its_own(error: &IcmpError, meant: IpAddr, dialled: Option<IpAddr>) -> bool {
    error.from.is_none()
        || error.from == Some(meant)
        || (dialled.is_some() && error.from == dialled)
}

/// Whether something came back to us in a call over UDP in this family: then our own network lets
/// UDP through.
pub(super) fn hears_udp(facts: &CallFacts, family: Family) -> bool {
    let mut from = facts.paths.iter().filter_map(|path| match &path.check {
        check if path.way == Way::Udp && check.is_answered() => Some(path.candidate.ip()),
        IceCheck::Icmp(error) if path.way == Way::Udp && own_error(error, path) => {
            Some(path.candidate.ip())
        }
        _ => None,
    });
    let of_relays = facts.relays.iter().filter(|relay| {
        relay.way == Way::TurnUdp && relay.allocate.as_ref().is_some_and(phrases::is_stun)
    });
    let mut relays = of_relays.filter_map(|relay| relay.server);
    let punched = facts.punched.as_ref();
    let check = punched.and_then(|punched| punched.check_from);
    from.any(|address| Family::of(address) == family)
        || relays.any(|server| Family::of(server.ip()) == family)
        || check.is_some_and(|from| Family::of(from.ip()) == family)
}

/// The same over TCP.
pub(super) fn hears_tcp(facts: &CallFacts, family: Family) -> bool {
    if facts.signal.http_proxy.is_some() {
        return false;
    }
    let signal = facts
        .signal
        .address
        .filter(|_| facts.signal.connect.is_accepted());
    let accepted = facts.paths.iter().filter(|path| {
        let connect = path.connect.as_ref();
        connect.is_some_and(Connect::is_accepted)
    });
    let mut all = signal
        .into_iter()
        .chain(accepted.map(|path| path.candidate.ip()));
    all.any(|address| Family::of(address) == family)
}

/// When the machine at `address` itself sent an ICMP error for something of the call.
pub(super) fn icmp_errors(facts: &CallFacts, address: IpAddr) -> Vec<u64> {
    let of_paths = facts.paths.iter().filter_map(|path| {
        let error = match (&path.check, &path.connect) {
            (IceCheck::Icmp(error), _) | (_, Some(Connect::Icmp(error))) => error,
            _ => return None,
        };
        let is_own = path.candidate.ip() == address && own_error(error, path);
        is_own.then_some(path.ended_ms)
    });
    let of_relays = facts.relays.iter().flat_map(|relay| {
        let answers = [&relay.allocate, &relay.wrong_password].into_iter();
        let dialled = relay.dialled.map(|dialled| dialled.ip());
        let is_there = relay.server.is_some_and(|server| server.ip() == address);
        let refused = answers.filter(move |answer| {
            is_there
                && matches!(answer, Some(StunAnswer::Icmp(error)) if is_its_own(error, address, dialled))
        });
        refused.map(|_| relay.ended_ms)
    });
    // Whoever sent these: they came back for checks of all candidates.
    let of_punch = facts.punched.iter().flat_map(|punched| &punched.icmp_ms);
    of_paths.chain(of_relays).chain(of_punch.copied()).collect()
}

fn own_error(error: &IcmpError, path: &PathFacts) -> bool {
    let dialled = path.dialled.map(|dialled| dialled.ip());
    is_its_own(error, path.candidate.ip(), dialled)
}
