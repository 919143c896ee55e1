//! Ways, places and steps in the words of a person who wants to have a call.

use std::net::IpAddr;

use super::means::Outlook;
use crate::model::call::{CallSummary, Contact, Responsible, State, Step, Stop, WaySummary};
use crate::model::facts::{
    Connect, DnsAnswer, Handshake, HttpAnswer, IceCheck, IcmpError, IcmpMeaning, NotSent,
    StunAnswer, Way,
};
use crate::model::observation::{ProxyMet, ProxyRefusal};
use crate::model::seen::{
    AllocationRefusal, CallSeen, CallUnknown, CheckedPath, DoorSeen, JoinSeen, MediaSeen,
    PayloadSeen, RelaySeen, Seen, TlsSeen,
};
use crate::output::quote::quoted;
use crate::output::text;
use crate::output::words::{self, facts};

/// A way as people say it.
pub fn way(way: Way) -> &'static str {
    match way {
        Way::Udp => "direct, UDP",
        Way::IceTcp => "direct, TCP",
        Way::TurnUdp => "TURN, UDP",
        Way::Turns => "TURN, TLS",
    }
}

/// A way as rules, reports and flags write it.
pub fn id(way: Way) -> &'static str {
    match way {
        Way::Udp => "udp",
        Way::IceTcp => "ice-tcp",
        Way::TurnUdp => "turn-udp",
        Way::Turns => "turns",
    }
}

/// The Media Nodes of calls: `media-1`, `media-1 or media-2`, `198.51.100.9 (not declared)`.
pub fn of_nodes(names: &[impl ToString], addresses: &[impl ToString]) -> String {
    let strings = |of: &[String]| of.join(" or ");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        return strings(&names);
    }
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    match addresses.is_empty() {
        true => "unknown node".to_owned(),
        false => format!("{} (not declared)", strings(&addresses)),
    }
}

/// A step, before what was seen at it.
pub fn step(step: Step) -> &'static str {
    match step {
        Step::Dns => "DNS",
        Step::Address => "address",
        Step::HttpProxy => "HTTP proxy",
        Step::Tcp => "TCP",
        Step::Tls => "TLS",
        Step::Certificate => "certificate",
        Step::Join => "join",
        Step::Allocation => "TURN",
        Step::Permission => "permission",
        Step::Check => "media",
        Step::Dtls => "DTLS",
    }
}

/// How far something came: `✓`, `✗`, `–`, `?`.
pub fn mark(state: &State) -> &'static str {
    match state {
        State::Works { .. } => "✓",
        State::Stops(_) => "✗",
        State::NotOffered => "–",
        State::Unknown { .. } => "?",
    }
}

/// How far something came.
pub fn state(state: &State) -> String {
    match state {
        State::Works { took_ms } => format!("works, {took_ms} ms"),
        State::Stops(stop) => stopped(stop),
        State::NotOffered => "not offered by the server".to_owned(),
        State::Unknown { why } => format!("not known: {}", text::one_line(&seen(why))),
    }
}

/// How far a way came.
pub fn way_state(way: &WaySummary) -> String {
    let words = state(&way.state);
    match way.dtls_passes {
        _ if !way.state.works() => words,
        _ if way.small_packets_only => format!("{words}, small packets only"),
        None => format!("{words} (DTLS not tested)"),
        Some(_) => words,
    }
}

/// What came back for a join, in few words.
pub fn join_met(seen: &JoinSeen) -> String {
    match seen {
        JoinSeen::UpgradeLost(answer)
        | JoinSeen::NothingBehind(answer)
        | JoinSeen::NotLiveKit(answer) => facts::http(answer),
        JoinSeen::KnownSpeaker(known) => {
            format!("{} answers, {}", known.speaker.who, facts::http(&known.answer))
        }
        JoinSeen::NotLiveKitInWebSocket(first) => format!("{} in the WebSocket", quoted(first)),
        seen => summary(&seen.clone().into()),
    }
}

/// `TCP: no answer`.
pub fn stopped(stop: &Stop) -> String {
    format!("{}: {}", step(stop.at), text::one_line(&seen(&stop.why)))
}

/// What was seen, in few words behind the name of a step.
pub fn seen(seen: &CallSeen) -> String {
    match seen {
        // The user's own, which is called a computer wherever users read of it.
        CallSeen::Unknown(CallUnknown::Blind(why)) => {
            why.to_string().replace("this machine", "this computer")
        }
        CallSeen::Unknown(CallUnknown::ShutOut { .. }) => "no answer; probably blocked".to_owned(),
        CallSeen::Door(seen) => door(seen),
        CallSeen::Media(MediaSeen::Unanswered { path, .. }) => check(path),
        CallSeen::Relay(seen) => relay(seen),
        CallSeen::Payload(PayloadSeen::DtlsBlocked { .. }) => "only STUN passes".to_owned(),
        seen => summary(seen),
    }
}

fn summary(seen: &CallSeen) -> String {
    words::seen(&Seen::Call(seen.clone())).summary
}

fn door(seen: &DoorSeen) -> String {
    match seen {
        DoorSeen::Met { met, .. } => match met.as_ref() {
            Seen::Connection(met) => connect(met),
            Seen::Handshake(met) => handshake(met),
            met => words::seen(met).summary,
        },
        DoorSeen::HttpProxyRefused(refusal) => {
            let ProxyRefusal { host, port, met, .. } = refusal.as_ref();
            match met.status() {
                Some(407) | None => proxy(met),
                Some(status @ 500..) => format!("it cannot connect to {host}:{port} ({status})"),
                Some(status) => format!("refuses CONNECT {host}:{port} ({status})"),
            }
        }
        DoorSeen::Untrusted { why, .. } => match why.as_ref() {
            Seen::Tls(TlsSeen::UnknownIssuer { issuer: Some(issuer), .. }) => {
                format!("issued by {}", quoted(&issuer.common_name()))
            }
            Seen::Tls(TlsSeen::IssuerNotSent { .. }) => "its issuer's is missing".to_owned(),
            Seen::Tls(TlsSeen::SelfSigned) => "self-signed".to_owned(),
            Seen::Tls(TlsSeen::CertificateNames(names)) => match names.first() {
                Some(name) => format!("for {}", quoted(name)),
                None => "for no name".to_owned(),
            },
            why => words::seen(why).summary,
        },
        DoorSeen::NoAddress { answer: Some(answer), server: Some(server) } => match answer {
            DnsAnswer::NxDomain => "the name does not exist".to_owned(),
            DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::CnameLoop => {
                "the name has no address".to_owned()
            }
            DnsAnswer::ServFail => format!("{server} finds no answer"),
            DnsAnswer::Refused | DnsAnswer::OtherCode(_) | DnsAnswer::Malformed => {
                format!("{server} gives no usable answer")
            }
            DnsAnswer::Silent | DnsAnswer::Unreachable => format!("no answer from {server}"),
        },
        DoorSeen::NoAddress { .. } => "the name has no address".to_owned(),
        DoorSeen::ForbiddenAddress(None) => "users cannot reach it".to_owned(),
        DoorSeen::ForbiddenAddress(Some(why)) => format!("not tried: {why}"),
    }
}

/// What an HTTP proxy did instead of connecting.
pub fn proxy(met: &ProxyMet) -> String {
    match met {
        ProxyMet::NoConnection(met) => connect(met),
        ProxyMet::Answer(HttpAnswer::Response(response)) => match response.status {
            407 => "it requires a user name and a password (407)".to_owned(),
            403 => "it does not allow this (403)".to_owned(),
            status => format!("HTTP {status}"),
        },
        ProxyMet::Answer(answer) => facts::http(answer),
    }
}

fn connect(connect: &Connect) -> String {
    match connect {
        Connect::Accepted => "accepted".to_owned(),
        Connect::Reset => "refused".to_owned(),
        Connect::Icmp(error) => icmp(error),
        Connect::Silent => "no answer".to_owned(),
    }
}

fn handshake(handshake: &Handshake) -> String {
    match handshake {
        Handshake::Completed(_) => "completed".to_owned(),
        Handshake::Alert { name, .. } => format!("refused ({name})"),
        Handshake::NotTls(first) => format!("answered by {}", facts::first_bytes(first)),
        Handshake::Closed => "the connection ends".to_owned(),
        Handshake::Reset => "the connection is reset".to_owned(),
        Handshake::Silent => "no answer".to_owned(),
        Handshake::Broken(what) => format!("broken ({})", quoted(what)),
    }
}

fn icmp(error: &IcmpError) -> String {
    let words = match error.meaning() {
        IcmpMeaning::PortUnreachable => "refused",
        IcmpMeaning::AdminProhibited => "prohibited",
        IcmpMeaning::HostUnreachable => "host unreachable",
        IcmpMeaning::NetworkUnreachable => "network unreachable",
        IcmpMeaning::Other => "an ICMP error",
    };
    match error.from.address() {
        Some(from) => format!("{words}, says {from}"),
        None => words.to_owned(),
    }
}

fn check(path: &CheckedPath) -> String {
    match (&path.check, &path.connect) {
        (IceCheck::NotSent(NotSent::NoConnection), Some(met)) => connect(met),
        (IceCheck::Silent, _) => "no answer".to_owned(),
        (IceCheck::Icmp(error), _) => icmp(error),
        (IceCheck::Closed, _) => "the connection ends".to_owned(),
        (IceCheck::Reset, _) => "the connection is reset".to_owned(),
        (IceCheck::Other(what), _) => format!("answered by {}", quoted(what)),
        (IceCheck::Answered { .. }, _) => "answered".to_owned(),
        (IceCheck::NotSent(_), _) => "not sent".to_owned(),
    }
}

fn relay(seen: &RelaySeen) -> String {
    match seen {
        RelaySeen::Refused { why, answer: StunAnswer::Error { code, .. }, .. } => match why {
            AllocationRefusal::Credentials => format!("the credentials are refused ({code})"),
            AllocationRefusal::QuotaOfParticipant => format!("allocation quota reached ({code})"),
            AllocationRefusal::QuotaOfServer => format!("no relay is left ({code})"),
            AllocationRefusal::NoAddress
            | AllocationRefusal::NotSigned
            | AllocationRefusal::Other => summary(&seen.clone().into()),
        },
        RelaySeen::NotTurn { answer, .. } => match answer {
            StunAnswer::Silent => "no answer".to_owned(),
            StunAnswer::Closed => "the connection ends".to_owned(),
            StunAnswer::Reset => "the connection is reset".to_owned(),
            StunAnswer::NotStun(first) => format!("answered by {}", facts::first_bytes(first)),
            StunAnswer::Icmp(error) => icmp(error),
            StunAnswer::Success { .. }
            | StunAnswer::Error { .. }
            | StunAnswer::Malformed(_)
            | StunAnswer::Unrelated(_)
            | StunAnswer::NotSigned { .. } => facts::stun_refusal(answer),
        },
        RelaySeen::PeerRefused { .. } => "refused by the relay".to_owned(),
        RelaySeen::Silent { .. } => "no answer".to_owned(),
        RelaySeen::Unanswered(met) => met.first().map_or_else(String::new, check),
        seen => summary(&seen.clone().into()),
    }
}

/// `turn.example.io TCP 443`, `203.0.113.20 UDP 50905`.
pub fn place(contact: &Contact) -> String {
    format!("{} {}", host(contact), port(contact))
}

/// The name, or else the address.
pub fn host(contact: &Contact) -> String {
    let address = contact.address.as_ref().map(IpAddr::to_string);
    let name = contact.name.as_ref().map(ToString::to_string);
    name.or(address).unwrap_or_default()
}

/// `UDP 50905`.
pub fn port(contact: &Contact) -> String {
    let transport = contact.transport.to_string().to_uppercase();
    format!("{transport} {}", contact.port)
}

/// The contact that a way's line is about: the one whose state is the way's.
pub fn shown<'a>(contacts: &'a [Contact], state: &State) -> Option<&'a Contact> {
    contacts.iter().find(|contact| contact.state == *state).or(contacts.first())
}

/// In one line whether calls work.
pub fn answer(call: &CallSummary, domain: &str) -> String {
    let works: Vec<Way> = call.working().map(|works| works.way).collect();
    match (works.as_slice(), &call.join.state) {
        ([], State::Stops(stop)) => {
            format!("{domain}: joining a call fails from here ({})", step(stop.at))
        }
        ([], _) if call.is_unknown() => {
            format!("{domain}: it could not be determined whether calls work")
        }
        ([], _) => {
            format!("{domain}: calls do not work from here, although people can join")
        }
        (_, _) if call.chosen_without_dtls().is_some() => {
            format!("{domain}: calls can fail from here; STUN passes, but DTLS does not")
        }
        (some, _) if call.working().all(|way| way.small_packets_only) => format!(
            "{domain}: video freezes; large packets are lost on {}",
            if some.len() == 1 { "the only media path" } else { "all media paths" }
        ),
        (_, _) if Outlook::of(call) == Outlook::LargePacketsLost => format!(
            "{domain}: video freezes; large packets are lost on {} of {} media paths",
            call.working().filter(|way| way.small_packets_only).count(),
            call.ways.len()
        ),
        ([way], _) => format!("{domain}: calls work, but only {}", words::call::by_way(*way)),
        (some, _) => match exception(call) {
            Some(exception) => format!("{domain}: calls work, but {exception}"),
            None => {
                format!(
                    "{domain}: calls work, on {} of {} media paths",
                    some.len(),
                    call.ways.len()
                )
            }
        },
    }
}

/// What the person who reads that calls work must know all the same.
fn exception(call: &CallSummary) -> Option<String> {
    if let Some(broken) = broken_turn(call) {
        let is_doubtful = broken
            .state
            .stop()
            .is_some_and(|stop| stop.responsible == Responsible::DeploymentOrPath);
        let probably = if is_doubtful { "probably " } else { "" };
        return Some(format!("{} is {probably}broken", words::call::of_way(broken.way)));
    }
    let lossy = call.working().find(|way| way.small_packets_only);
    if let Some(lossy) = lossy {
        return Some(format!("{} loses large packets", words::call::of_way(lossy.way)));
    }
    let mut relayed = call.ways.iter().filter(|way| way.way.is_relayed() && !way.closed_on_purpose);
    let is_stopped = |way: &WaySummary| way.state.stop().is_some();
    let is_any = call.ways.iter().any(|way| way.way.is_relayed() && is_stopped(way));
    (is_any && relayed.all(|way| !way.state.works())).then(|| "not through TURN".to_owned())
}

/// A way through TURN that the server offers and that the deployment, not a network, stops.
pub fn broken_turn(call: &CallSummary) -> Option<&WaySummary> {
    let mut relayed = call.ways.iter().filter(|way| way.way.is_relayed() && !way.closed_on_purpose);
    relayed.find(|way| {
        let stop = way.state.stop().filter(|stop| stop.responsible.is_deployment());
        // A UDP port that refuses may be closed on purpose.
        stop.is_some_and(|stop| way.way == Way::Turns || stop.at != Step::Allocation)
    })
}
