//! What a policy promises about the ways of media.

use super::super::judgement::Judgement;
use super::super::words;
use super::phrases;
use super::seen::Call;
use crate::model::facts::{IceCheck, NotSent, PathFacts, Way};
use crate::model::reason::ReasonCode;
use crate::model::target::Family;

/// No way but these carries media.
pub(super) fn only(call: &Call<'_>, allowed: &[Way]) -> Judgement {
    let others = || {
        let paths = call.facts.paths.iter();
        paths.filter(|path| !allowed.contains(&path.way))
    };
    let leaks: Vec<&PathFacts> = others().filter(|path| path.check.is_answered()).collect();
    if !leaks.is_empty() {
        let lines: Vec<String> = leaks
            .iter()
            .map(|path| format!("{}: {}", phrases::way(path.way), phrases::answered(call, path)))
            .collect();
        return Judgement::fail(
            ReasonCode::AroundProxy,
            format!("media goes around the proxy\n{}", lines.join("\n")),
        );
    }
    let met: Vec<String> = others()
        .map(|path| format!("{}: {}", phrases::path(call, path), phrases::met(path)))
        .collect();
    let met = met.join("\n");
    let Some(proof) = phrases::other_proof(call) else {
        return Judgement::unsettled(
            ReasonCode::MediaSilent,
            phrases::dead("no check was answered"),
        );
    };
    // What we could not look at, for want of a family, is told with what was met.
    let is_ours = |path: &&PathFacts| {
        matches!(path.check, IceCheck::NotSent(NotSent::OwnProxy(_) | NotSent::Local(_)))
    };
    let looked_at = || others().filter(|path| !is_ours(path));
    if looked_at().next().is_none() && others().next().is_some() {
        return Judgement::unsettled(ReasonCode::Blind, met);
    }
    let deaf = looked_at()
        .find(|path| path.way == Way::Udp && !call.view.sees_udp(Family::of(path.candidate.ip())));
    if let Some(path) = deaf {
        let family = Family::of(path.candidate.ip());
        return Judgement::unsettled(
            ReasonCode::UdpSilent,
            format!(
                "{met}\nbut nothing else came back over {family} UDP either: our own network may \
                 keep in what would go around the proxy; name a STUN server outside with \
                 --stun-server"
            ),
        );
    }
    Judgement::uncontradicted(format!("{proof}\n{met}").trim_end().to_owned())
}

/// The server's own checks open no way for us.
pub(super) fn not_punched_out(call: &Call<'_>) -> Judgement {
    let Some(punched) = &call.facts.punched else {
        return Judgement::unsettled(
            ReasonCode::Blind,
            "no address of ours was offered to the server",
        );
    };
    let offered: Vec<String> = punched.offered.iter().map(ToString::to_string).collect();
    let offered = words::list(&offered);
    let waited = punched.waited_ms;
    let Some(from) = punched.check_from else {
        if !punched.reachable {
            return Judgement::vantage_limit(
                ReasonCode::Blind,
                format!(
                    "no check came to {offered}, which nobody outside can reach: our address is \
                     behind NAT, and nobody told us its public one (--stun-server)"
                ),
            );
        }
        if !call.is_live() {
            return Judgement::unsettled(
                ReasonCode::MediaSilent,
                phrases::dead(&format!("no check came to {offered}")),
            );
        }
        return Judgement::uncontradicted(format!(
            "no check of the server's came to {offered} in {waited} ms"
        ));
    };
    let came = format!("a check of the server's own came from {from} to our {offered}");
    match &punched.through {
        Some(check) if check.is_answered() => Judgement::fail(
            ReasonCode::PunchedOut,
            format!(
                "the machine that carries media opens a way around the proxy itself\n{came}, and \
                 ours to there is answered: media passes, whatever is closed"
            ),
        ),
        Some(_) | None => Judgement::suspected(
            ReasonCode::PunchedOut,
            format!(
                "the machine that carries media sends around the proxy\n{came}; ours to there was \
                 not answered"
            ),
        ),
    }
}
