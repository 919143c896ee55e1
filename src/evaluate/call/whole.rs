//! Whether a proven way carries all that media needs: large packets, and DTLS.

use super::super::judgement::Judgement;
use super::phrases;
use super::seen::Call;
use crate::model::facts::{DtlsFacts, IceCheck, PathFacts, Way};
use crate::model::reason::ReasonCode;

/// The ways whose packets are datagrams on their way to us.
fn is_over_udp(path: &PathFacts) -> bool {
    match path.way {
        Way::Udp | Way::TurnUdp => true,
        Way::IceTcp | Way::Turns => false,
    }
}

fn proven<'a>(call: &Call<'a>) -> impl Iterator<Item = &'a PathFacts> {
    let paths = call.facts.paths.iter();
    paths.filter(|path| path.check.is_answered())
}

fn none_proven(call: &Call<'_>) -> Judgement {
    let is_none = proven(call).next().is_none();
    if is_none {
        Judgement::unsettled(ReasonCode::Blocked, "not judged: no way is proven")
    } else {
        Judgement::not_applicable("it is not asked over the ways that are proven")
    }
}

/// Packets of 1,200 bytes pass where small ones do.
pub(super) fn large_packets(call: &Call<'_>) -> Judgement {
    let asked: Vec<(&PathFacts, &IceCheck)> =
        proven(call).filter_map(|path| Some((path, path.padded.as_ref()?))).collect();
    if asked.is_empty() {
        return none_proven(call);
    }
    let lost: Vec<&(&PathFacts, &IceCheck)> =
        asked.iter().filter(|(_, check)| !check.is_answered()).collect();
    if lost.is_empty() {
        let places: Vec<String> = asked
            .iter()
            .map(|(path, _)| format!("1,200 bytes are answered at {}", phrases::path(call, path)))
            .collect();
        return Judgement::pass(places.join("\n"));
    }
    let lines: Vec<String> = lost
        .iter()
        .map(|(path, check)| {
            let met = match check {
                IceCheck::Icmp(error) => format!(": {error}"),
                _ => String::new(),
            };
            let place = phrases::path(call, path);
            format!("{place}: a short check is answered, one of 1,200 bytes is not{met}")
        })
        .collect();
    let lines = lines.join("\n");
    // Who gets large datagrams out and back by another way does not lose them at home.
    let passes_elsewhere =
        asked.iter().any(|(path, check)| is_over_udp(path) && check.is_answered());
    let is_streamed = lost.iter().any(|(path, _)| !is_over_udp(path));
    if passes_elsewhere || is_streamed {
        Judgement::fail(ReasonCode::LargePacketsLost, lines)
    } else {
        Judgement::suspected(
            ReasonCode::LargePacketsLost,
            format!("{lines}\nour own network (a VPN, a tunnel) may be the cause"),
        )
    }
}

/// DTLS passes where STUN does.
pub(super) fn dtls(call: &Call<'_>) -> Judgement {
    let asked: Vec<(&PathFacts, DtlsFacts)> = proven(call)
        .filter_map(|path| Some((path, path.dtls?)))
        .filter(|(_, dtls)| *dtls != DtlsFacts::NotReached)
        .collect();
    if asked.is_empty() {
        return match proven(call).next() {
            Some(_) => Judgement::unsettled(
                ReasonCode::Blind,
                "no second join came as far as the beginning of DTLS",
            ),
            None => none_proven(call),
        };
    }
    let blocked: Vec<&(&PathFacts, DtlsFacts)> =
        asked.iter().filter(|(_, dtls)| *dtls != DtlsFacts::BothWays).collect();
    let lines: Vec<String> = if blocked.is_empty() {
        let passed = asked.iter();
        passed
            .map(|(path, _)| format!("both directions pass at {}", phrases::path(call, path)))
            .collect()
    } else {
        let lines = blocked.iter();
        lines
            .map(|(path, dtls)| format!("{}: {}", phrases::path(call, path), direction(*dtls)))
            .collect()
    };
    let lines = lines.join("\n");
    if blocked.is_empty() {
        return Judgement::pass(lines);
    }
    let is_certain = |(path, dtls): &(&PathFacts, DtlsFacts)| {
        // What is lost inside TLS is lost behind the proxy.
        *dtls == DtlsFacts::OnlyFromServer && !is_over_udp(path)
    };
    let passes_elsewhere =
        asked.iter().any(|(path, dtls)| is_over_udp(path) && *dtls == DtlsFacts::BothWays);
    let sent_only = blocked.iter().any(|(_, dtls)| *dtls == DtlsFacts::OnlyFromServer);
    if blocked.iter().any(|it| is_certain(it)) || (passes_elsewhere && sent_only) {
        Judgement::fail(ReasonCode::DtlsBlocked, lines)
    } else {
        Judgement::suspected(
            ReasonCode::DtlsBlocked,
            format!("{lines}\na firewall of our own network may be the cause"),
        )
    }
}

fn direction(dtls: DtlsFacts) -> &'static str {
    match dtls {
        DtlsFacts::BothWays => "DTLS passes both ways",
        DtlsFacts::OnlyFromServer => {
            "STUN passes; DTLS comes from the server, and what we send is lost"
        }
        DtlsFacts::NoHello => "STUN passes; no DTLS comes from the server",
        DtlsFacts::NotReached => "not looked at",
    }
}
