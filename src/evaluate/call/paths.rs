//! The ways that media can take, each by itself.

use super::super::heard::is_its_own;
use super::super::judgement::Judgement;
use super::super::words;
use super::candidates::{is_reachable, owner};
use super::seen::Call;
use super::{phrases, through};
use crate::model::deployment::RtcEngine;
use crate::model::facts::{Connect, IceCheck, NotSent, PathFacts, Way};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::target::Family;

/// An authenticated ICE check is answered by this way.
pub(super) fn passes(call: &Call<'_>, way: Way) -> Judgement {
    let proofs: Vec<&PathFacts> =
        call.paths(way).filter(|path| path.check.is_answered() && !is_spoilt(call, path)).collect();
    if proofs.is_empty() {
        return if way.is_relayed() { through::unproven(call, way) } else { directly(call, way) };
    }
    let proven = proofs.iter().map(|path| phrases::answered(call, path));
    let others = call.paths(way).filter(|path| !proofs.contains(path));
    let others =
        others.map(|path| format!("not at {}: {}", phrases::path(call, path), phrases::met(path)));
    let lines: Vec<String> = proven.chain(others).collect();
    Judgement::pass(lines.join("\n"))
}

/// Whether browsers would not have gone this way: its certificate keeps them off.
fn is_spoilt(call: &Call<'_>, path: &PathFacts) -> bool {
    let relay = path.relay.and_then(|relay| call.facts.relays.get(relay));
    relay.is_some_and(|relay| through::untrusted(call, relay).is_some())
}

/// A way straight to the candidates.
fn directly(call: &Call<'_>, way: Way) -> Judgement {
    let paths: Vec<&PathFacts> = call.paths(way).collect();
    if paths.is_empty() {
        return not_offered(call, way);
    }
    let reachable = paths.iter().filter(|path| is_reachable(owner(call, path.candidate.ip())));
    Judgement::worst(reachable.map(|path| of_path(call, path))).unwrap_or_else(|| {
        let places: Vec<String> = paths.iter().map(|path| phrases::path(call, path)).collect();
        Judgement::fail(
            ReasonCode::CandidateWrong,
            format!("media is offered at {} alone, where no user gets", words::list(&places)),
        )
    })
}

fn not_offered(call: &Call<'_>, way: Way) -> Judgement {
    let transport = match way {
        Way::IceTcp => Transport::Tcp,
        Way::Udp | Way::TurnUdp | Way::Turns => Transport::Udp,
    };
    if call.places().any(|place| place.transport == transport) {
        return Judgement::unsettled(ReasonCode::Blind, "no candidate was asked");
    }
    let is_complete = call.session().is_some_and(|session| session.all_candidates);
    // Mediasoup offers none before edition 3.9.
    let is_of_pion = call.view.case.deployment.rtc_engine == RtcEngine::Pion;
    if way == Way::IceTcp && !is_of_pion && is_complete {
        return Judgement::not_applicable("mediasoup offers no TCP here");
    }
    let observed = format!("LiveKit offers no media over {}", phrases::way(way));
    if is_complete {
        Judgement::fail(ReasonCode::CandidateMissing, observed)
    } else {
        Judgement::suspected(
            ReasonCode::CandidateMissing,
            format!("{observed}, as far as its list came"),
        )
    }
}

/// What a check of one candidate shows, when it was not answered.
fn of_path(call: &Call<'_>, path: &PathFacts) -> Judgement {
    let observed = format!("{}: {}", phrases::path(call, path), phrases::met(path));
    let meant = (path.candidate.ip(), path.dialled.map(|it| it.ip()));
    let (reason, is_its_own) = match &path.check {
        IceCheck::Answered { .. } => return Judgement::pass(phrases::answered(call, path)),
        IceCheck::NotSent(NotSent::NoConnection) => return no_connection(call, path, observed),
        IceCheck::NotSent(NotSent::ForbiddenAddress) => (ReasonCode::CandidateWrong, true),
        IceCheck::NotSent(
            NotSent::NoRelay | NotSent::NoPermission | NotSent::OwnProxy(_) | NotSent::Local(_),
        ) => {
            return Judgement::unsettled(ReasonCode::Blind, observed);
        }
        IceCheck::Silent => return silent(call, path, &observed),
        IceCheck::Icmp(error) => (words::icmp_reason(error), is_its_own(error, meant.0, meant.1)),
        IceCheck::Closed => (ReasonCode::MediaSilent, true),
        IceCheck::Reset => (ReasonCode::TcpReset, true),
        IceCheck::Other(_) => (ReasonCode::WrongService, path.way == Way::IceTcp),
    };
    if !call.is_in_time(path) {
        return too_late(&observed);
    }
    if is_its_own && !is_through_proxy(call, path) {
        Judgement::fail(reason, observed)
    } else {
        // A router's trouble may pass, and its prohibition may be our own network's.
        Judgement::suspected(reason, observed)
    }
}

fn too_late(observed: &str) -> Judgement {
    Judgement::unsettled(
        ReasonCode::MediaSilent,
        format!("{observed}, but the server waits no longer than 15 s for a check: run again"),
    )
}

fn is_through_proxy(call: &Call<'_>, path: &PathFacts) -> bool {
    path.way == Way::IceTcp && call.http_proxy().is_some()
}

fn no_connection(call: &Call<'_>, path: &PathFacts, observed: String) -> Judgement {
    let family = Family::of(path.candidate.ip());
    let Some(connect) = &path.connect else {
        return Judgement::unsettled(ReasonCode::Blind, observed);
    };
    let reason = words::connect_reason(connect);
    if let Some(proxy) = call.http_proxy() {
        return Judgement::unsettled(
            reason,
            format!("{observed}, through the HTTP proxy {} of our own network", proxy.place),
        );
    }
    let meant = (path.candidate.ip(), path.dialled.map(|it| it.ip()));
    match connect {
        Connect::Silent if !call.view.sees(family) => {
            Judgement::unsettled(reason, phrases::nothing_else(&observed, &format!("{family}")))
        }
        Connect::Icmp(error) if !is_its_own(error, meant.0, meant.1) => {
            Judgement::suspected(reason, observed)
        }
        Connect::Accepted | Connect::Reset | Connect::Icmp(_) | Connect::Silent => {
            Judgement::fail(reason, observed)
        }
    }
}

/// Silence says something only of a session that is alive, to somebody who hears.
fn silent(call: &Call<'_>, path: &PathFacts, observed: &str) -> Judgement {
    let reason = ReasonCode::MediaSilent;
    let family = Family::of(path.candidate.ip());
    if !call.is_in_time(path) {
        return too_late(observed);
    }
    if path.way == Way::Udp && !call.view.sees_udp(family) {
        let observed = phrases::nothing_else(observed, &format!("{family} UDP"));
        return Judgement::unsettled(reason, observed);
    }
    match phrases::other_proof(call) {
        Some(proof) => Judgement::fail(reason, format!("{observed}\nof the same session: {proof}")),
        None => Judgement::unsettled(reason, phrases::dead(observed)),
    }
}
