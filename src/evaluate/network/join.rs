//! How far the join came.

use super::super::words;
use super::{Call, certificate, stops};
use crate::model::call::{Contact, State, Step};
use crate::model::facts::{
    CallFacts, Connect, DnsAnswer, Facts, Handshake, HttpAnswer, IcmpError, IcmpMeaning,
    JoinAnswer, SignalFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::Transport;
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::verdict::Verdict;

/// Where participants join, and how far that came.
pub(super) fn contact(call: &Call<'_>) -> Contact {
    let address = match call.seen {
        Ok(facts) => facts.signal.address,
        Err(_) => call.spec.addresses.first().copied(),
    };
    Contact {
        name: Some(call.spec.host.clone()),
        address,
        transport: Transport::Tcp,
        port: call.spec.port,
        range: None,
        tls: true,
        state: state(call),
        tried_ms: Some(call.in_run(0)),
    }
}

fn state(call: &Call<'_>) -> State {
    match call.seen {
        Ok(facts) => of_facts(call, facts),
        Err(blindness) => match unresolved(call) {
            Some(met) if wanted_address(call, blindness) => stops(Step::Dns, met),
            Some(_) | None => unknown(blindness),
        },
    }
}

/// Whether the name's address was all that was missing, and not that of an HTTP proxy.
fn wanted_address(call: &Call<'_>, blindness: &Blindness) -> bool {
    let names_host =
        matches!(blindness, Blindness::Local(words) if words.contains(call.spec.host.as_str()));
    call.spec.addresses.is_empty() && names_host
}

fn unknown(blindness: &Blindness) -> State {
    State::Unknown { why: blindness.to_string() }
}

/// What the DNS said of a name without an address; `None` where nobody could ask.
fn unresolved(call: &Call<'_>) -> Option<(ReasonCode, String)> {
    let answers = call.case.observations.iter().filter_map(|observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts)))
                if *name == call.spec.host =>
            {
                Some(facts)
            }
            _ => None,
        }
    });
    // The kinder of two answers says more: a name without AAAA still exists.
    let facts = answers.reduce(|one, other| match one.answer {
        DnsAnswer::NoData => other,
        _ => one,
    })?;
    let server = facts.server;
    Some(match facts.answer {
        DnsAnswer::NxDomain => (ReasonCode::DnsNxdomain, "no such name".to_owned()),
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::CnameLoop => {
            (ReasonCode::DnsNoAnswer, "a name without an address".to_owned())
        }
        DnsAnswer::ServFail => (ReasonCode::DnsServfail, format!("{server} finds no answer")),
        DnsAnswer::Refused | DnsAnswer::OtherCode(_) | DnsAnswer::Malformed => {
            (ReasonCode::DnsRefused, format!("{server} does not answer"))
        }
        DnsAnswer::Silent | DnsAnswer::Unreachable => {
            (ReasonCode::DnsTimeout, format!("no answer from {server}"))
        }
    })
}

fn of_facts(call: &Call<'_>, facts: &CallFacts) -> State {
    let signal = &facts.signal;
    if let Some(stopped) = before_request(call, signal) {
        return stopped;
    }
    match &signal.join {
        None => State::Unknown { why: "nothing was asked".to_owned() },
        Some(JoinAnswer::Joined) => State::Works { took_ms: signal.joined_ms.unwrap_or_default() },
        Some(JoinAnswer::Refused(answer)) => stops(Step::Join, refusal(call, answer)),
        Some(JoinAnswer::NoJoin(what)) => {
            let words = format!("a WebSocket, and not LiveKit's: {what}");
            stops(Step::Join, (ReasonCode::WrongService, words))
        }
    }
}

fn before_request(call: &Call<'_>, signal: &SignalFacts) -> Option<State> {
    let through_proxy = through_proxy(signal);
    if let Some(met) = through_proxy {
        return Some(stops(Step::HttpProxy, met));
    }
    if !signal.connect.is_accepted() {
        return Some(stops(Step::Tcp, connect(&signal.connect)));
    }
    match &signal.handshake {
        None => None,
        Some(handshake) => handshake_stop(call, handshake),
    }
}

/// What the HTTP proxy of our own network said, when that is as far as we came.
fn through_proxy(signal: &SignalFacts) -> Option<(ReasonCode, String)> {
    let proxy = signal.http_proxy.as_ref()?;
    if !signal.connect.is_accepted() {
        return Some(connect(&signal.connect));
    }
    let answer = proxy.answer.as_ref().filter(|_| signal.handshake.is_none())?;
    Some(proxy_answer(answer))
}

fn proxy_answer(answer: &HttpAnswer) -> (ReasonCode, String) {
    let words = match answer {
        HttpAnswer::Response(response) if response.status == 407 => {
            "it wants a password (407)".to_owned()
        }
        HttpAnswer::Response(response) if response.status == 403 => {
            "it does not allow this (403)".to_owned()
        }
        HttpAnswer::Response(response) => format!("HTTP {}", response.status),
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. }
        | HttpAnswer::NotHttp(_) => words::http(answer).1,
    };
    (ReasonCode::HttpStatus, words)
}

/// A connection that was not accepted, in few words.
pub(super) fn connect(connect: &Connect) -> (ReasonCode, String) {
    let words = match connect {
        Connect::Accepted => "accepted".to_owned(),
        Connect::Reset => "refused".to_owned(),
        Connect::Icmp(error) => icmp(error),
        Connect::Silent => "no answer".to_owned(),
    };
    (words::connect_reason(connect), words)
}

/// An ICMP error in few words.
pub(super) fn icmp(error: &IcmpError) -> String {
    let words = match error.meaning() {
        IcmpMeaning::PortUnreachable => "refused",
        IcmpMeaning::AdminProhibited => "prohibited",
        IcmpMeaning::HostUnreachable => "host unreachable",
        IcmpMeaning::NetworkUnreachable => "network unreachable",
        IcmpMeaning::Other => "an ICMP error",
    };
    match error.from {
        Some(from) => format!("{words}, says {from}"),
        None => words.to_owned(),
    }
}

/// Where a handshake stops what needs it; `None`: it does not.
pub(super) fn handshake_stop(call: &Call<'_>, handshake: &Handshake) -> Option<State> {
    if let Some(met) = certificate::trouble(handshake, call.case.now) {
        return Some(stops(Step::Certificate, met));
    }
    let words = match handshake {
        Handshake::Completed(_) => return None,
        Handshake::Alert { name, .. } => format!("refused ({name})"),
        Handshake::NotTls(first) => format!("answered by {first}"),
        Handshake::Closed => "the connection ends".to_owned(),
        Handshake::Reset => "the connection is reset".to_owned(),
        Handshake::Silent => "no answer".to_owned(),
        Handshake::Broken(what) => format!("broken ({what})"),
    };
    Some(stops(Step::Tls, (words::handshake(handshake).0, words)))
}

/// Why LiveKit does not let us in. The rule about it has found that out.
fn refusal(call: &Call<'_>, answer: &HttpAnswer) -> (ReasonCode, String) {
    let is_of_join = |finding: &&crate::model::report::Finding| {
        let rule = call.case.ruleset.rule(&finding.rule);
        rule.is_some_and(|rule| rule.demand == Demand::JoinAccepted)
            && matches!(finding.verdict, Verdict::Fail(_))
    };
    match call.findings.iter().find(is_of_join) {
        Some(finding) => {
            let first = finding.observed.lines().next().unwrap_or_default();
            (finding.reason, first.to_owned())
        }
        None => words::http(answer),
    }
}
