//! What a call showed, in words.

mod join;
mod nodes;
mod offer;
mod relay;

use super::{Statement, facts, seen};
use crate::model::facts::{CandidatePlace, DnsAnswer, DtlsFacts, IceCheck, NotSent, Way};
use crate::model::observation::{ProxyMet, ProxyRefusal};
use crate::model::port::Transport;
use crate::model::seen::{
    CallDoubt, CallSeen, CallUnknown, CheckedPath, DoorSeen, MediaSeen, PayloadSeen, PolicySeen,
    PortInCall, SessionProof,
};
use crate::output::quote::quoted;
use crate::output::text::list;

pub(in crate::output) use join::speaker;

pub(super) fn statement(seen: &CallSeen) -> Statement {
    match seen {
        CallSeen::Unknown(seen) => Statement::new(unknown(seen)),
        CallSeen::Door(seen) => door(seen),
        CallSeen::Join(seen) => join::join(seen),
        CallSeen::IceServers(seen) => offer::ice_servers(seen),
        CallSeen::Candidates(seen) => offer::candidates(seen),
        CallSeen::Nodes(seen) => nodes::nodes(seen),
        CallSeen::Media(seen) => media(seen),
        CallSeen::Relay(seen) => relay::relay(seen),
        CallSeen::Policy(seen) => policy(seen),
        CallSeen::Payload(seen) => payload(seen),
        CallSeen::Port(seen) => port(seen),
    }
}

fn unknown(seen: &CallUnknown) -> String {
    match seen {
        CallUnknown::Blind(why) => format!("could not look: {why}"),
        CallUnknown::NoJoin => "a join is needed first".to_owned(),
        CallUnknown::NotAsked => "ovcheck did not ask".to_owned(),
        CallUnknown::NotDialled(why) => format!("ovcheck did not ask: {why}"),
        CallUnknown::ShutOut { .. } => {
            "no answer, and something probably blocks this machine since the join".to_owned()
        }
        CallUnknown::EndlessChallenges => "the TURN server challenges every answer anew".to_owned(),
    }
}

fn transport(transport: Transport) -> String {
    transport.to_string().to_uppercase()
}

/// The words behind "media", "calls work only" and the like.
pub(in crate::output) fn by_way(way: Way) -> &'static str {
    match way {
        Way::Udp => "directly over UDP",
        Way::IceTcp => "directly over TCP",
        Way::TurnUdp => "through TURN over UDP",
        Way::Turns => "through TURN over TLS",
    }
}

/// The name of a way in a sentence.
pub(in crate::output) fn of_way(way: Way) -> &'static str {
    match way {
        Way::Udp => "direct UDP",
        Way::IceTcp => "direct TCP",
        Way::TurnUdp => "TURN over UDP",
        Way::Turns => "TURN over TLS",
    }
}

/// `UDP 203.0.113.20:50905`.
fn place(place: CandidatePlace) -> String {
    format!("{} {}", transport(place.transport), place.address)
}

/// `UDP 203.0.113.20:50905 through turns:turn.example.io:443?transport=tcp`.
fn path(path: &CheckedPath) -> String {
    let (transport, address) = (path.way.transport_at_candidate(), path.candidate);
    let place = place(CandidatePlace { transport, address });
    match &path.turn_url {
        Some(url) => format!("{place} through {}", quoted(url)),
        None => place,
    }
}

fn paths(paths: &[CheckedPath], words: impl Fn(&CheckedPath) -> String) -> Vec<String> {
    paths.iter().map(words).collect()
}

fn after(after_ms: Option<u64>) -> String {
    after_ms.map_or_else(String::new, |ms| format!(" after {ms} ms"))
}

fn answered(checked: &CheckedPath) -> String {
    let after = after(checked.after_ms);
    format!("an authenticated ICE check is answered at {}{after}", path(checked))
}

/// What a check met, behind its place.
fn met(path: &CheckedPath) -> String {
    match &path.check {
        IceCheck::Answered { .. } => format!("answered{}", after(path.after_ms)),
        IceCheck::Silent => format!("no answer{}", after(path.after_ms)),
        IceCheck::Icmp(error) => error.to_string(),
        IceCheck::Closed => "the server accepts the connection and closes it".to_owned(),
        IceCheck::Reset => "the server accepts the connection and resets it".to_owned(),
        IceCheck::Other(what) => {
            format!("the answer is {}, not one to an ICE check", quoted(what))
        }
        IceCheck::NotSent(NotSent::NoConnection) => match &path.connect {
            Some(connect) => facts::connect(connect),
            None => "no connection".to_owned(),
        },
        IceCheck::NotSent(NotSent::ForbiddenAddress(why)) => format!("not asked: {why}"),
        IceCheck::NotSent(NotSent::NoRelay) => "no relay was granted".to_owned(),
        IceCheck::NotSent(NotSent::NoPermission) => "the relay may not send there".to_owned(),
        IceCheck::NotSent(NotSent::OwnProxy(refusal)) => format!("could not look: {refusal}"),
        IceCheck::NotSent(NotSent::Local(why)) => format!("could not look: {why}"),
    }
}

fn path_met(checked: &CheckedPath) -> String {
    format!("{}: {}", path(checked), met(checked))
}

fn doubt(doubt: &CallDoubt) -> String {
    match doubt {
        CallDoubt::NothingElseCameBack { family, over } => {
            let over = match over {
                Some(Transport::Udp) => " UDP",
                Some(Transport::Tcp) => " TCP",
                None => "",
            };
            format!(
                "nothing else came back over {family}{over} either: this network may be the cause"
            )
        }
        CallDoubt::DeadSession => {
            "no other check of the session was answered either: the session itself may be dead; \
             run again"
                .to_owned()
        }
        CallDoubt::TooLate => {
            "the server waits for checks no longer than 15 s, and this one was sent later: run \
             again"
                .to_owned()
        }
        CallDoubt::OwnHttpProxy(proxy) => {
            format!("the connection goes through this network's HTTP proxy {proxy}")
        }
        CallDoubt::BehindNat => {
            "that address is behind NAT, so that the server cannot reach it; name a STUN server \
             outside (--stun-server) to learn the public one"
                .to_owned()
        }
    }
}

fn proof(proof: &SessionProof) -> String {
    match proof {
        SessionProof::Answered(path) => format!("the session is alive: {}", answered(path)),
        SessionProof::ServerCheck(from) => {
            format!("the session is alive: the server sent an ICE check from {from}")
        }
    }
}

/// The first line as the summary, the others below it.
fn one_line_each(lines: impl IntoIterator<Item = String>) -> Statement {
    let mut lines = lines.into_iter();
    Statement::new(lines.next().unwrap_or_default()).with(lines)
}

/// With what makes it doubtful and what proves it.
fn weighed(
    statement: Statement,
    of_doubt: Option<&CallDoubt>,
    of_proof: Option<&SessionProof>,
) -> Statement {
    statement.with(of_doubt.map(doubt).into_iter().chain(of_proof.map(proof)))
}

fn door(of_door: &DoorSeen) -> Statement {
    match of_door {
        DoorSeen::Met { met, doubt } => weighed(seen(met), doubt.as_ref(), None),
        DoorSeen::HttpProxyRefused(refusal) => {
            let ProxyRefusal { host, port, proxy, met } = refusal.as_ref();
            let statement = Statement::new(format!(
                "this network's HTTP proxy {proxy} refused the connection to {host}:{port}"
            ));
            statement.detail(match met {
                ProxyMet::NoConnection(connect) => facts::connect(connect),
                ProxyMet::Answer(answer) => facts::http(answer),
            })
        }
        DoorSeen::Untrusted { why, issuer } => {
            let why = seen(why);
            let statement =
                Statement::new(format!("browsers refuse the certificate: {}", why.summary));
            let issuer = issuer.as_ref().map(|issuer| format!("issued by {}", quoted(issuer)));
            statement.with(why.details.into_iter().chain(issuer))
        }
        DoorSeen::NoAddress { answer, server } => {
            let statement = Statement::new(match answer {
                Some(DnsAnswer::NxDomain) => "the name does not exist",
                Some(DnsAnswer::NoData | DnsAnswer::CnameLoop) => "the name has no address",
                Some(
                    DnsAnswer::Addresses
                    | DnsAnswer::ServFail
                    | DnsAnswer::Refused
                    | DnsAnswer::OtherCode(_)
                    | DnsAnswer::Malformed
                    | DnsAnswer::Silent
                    | DnsAnswer::Unreachable,
                )
                | None => "no address of the name is known",
            });
            statement.with(server.map(|server| format!("asked: {server}")))
        }
        DoorSeen::ForbiddenAddress(None) => Statement::new("users cannot reach this address"),
        DoorSeen::ForbiddenAddress(Some(why)) => {
            Statement::new(format!("users cannot reach this place; ovcheck did not try: {why}"))
        }
    }
}

fn media(seen: &MediaSeen) -> Statement {
    match seen {
        MediaSeen::Answered { proven, others } => {
            let others = paths(others, |other| format!("not at {}", path_met(other)));
            one_line_each(paths(proven, answered).into_iter().chain(others))
        }
        MediaSeen::Unanswered { path, doubt, proof } => {
            let summary = format!("port {}: {}", path.candidate.port(), met(path));
            weighed(Statement::new(summary), doubt.as_ref(), proof.as_ref())
        }
        MediaSeen::OfferedNowhere(places) => Statement::new(format!(
            "media is offered only at {}, which users cannot reach",
            list(places)
        )),
        MediaSeen::NotOffered { list_ended: true } => {
            Statement::new("LiveKit offers no candidate for this media path")
        }
        MediaSeen::NotOffered { list_ended: false } => {
            Statement::new("LiveKit offers no candidate for this media path")
                .detail("its list did not come to its end")
        }
        MediaSeen::NotOfMediasoup => Statement::new("mediasoup offers no TCP in this edition"),
        MediaSeen::NoServerNamed => {
            Statement::new("LiveKit names no TURN server for this media path to participants")
        }
    }
}

fn policy(seen: &PolicySeen) -> Statement {
    match seen {
        PolicySeen::AroundProxy(path) => {
            Statement::new("an ICE check that bypasses the proxy is answered")
                .detail(answered(path))
        }
        PolicySeen::NoneAround { met, proof, doubt } => {
            let statement = Statement::new("no check that bypasses the proxy is answered");
            weighed(statement.with(paths(met, path_met)), doubt.as_ref(), proof.as_ref())
        }
        PolicySeen::PunchedOut { from, offered, answered: true } => {
            Statement::new("the server opens a media path that bypasses the proxy").detail(format!(
                "the server sent an ICE check from {from} to {} and answered a check sent \
                     back: media can bypass the proxy even if its ports are closed",
                list(offered)
            ))
        }
        PolicySeen::PunchedOut { from, offered, answered: false } => {
            Statement::new("the server sends ICE checks that bypass the proxy").detail(format!(
                "the server sent an ICE check from {from} to {} but did not answer a check sent \
                 back",
                list(offered)
            ))
        }
        PolicySeen::NotPunched { offered, waited_ms, doubt } => {
            let statement = Statement::new(format!(
                "no ICE check of the server arrived at {} in {waited_ms} ms",
                list(offered)
            ));
            weighed(statement, doubt.as_ref(), None)
        }
        PolicySeen::NothingOffered => {
            Statement::new("ovcheck offered no address of this computer to the server")
        }
    }
}

fn payload(seen: &PayloadSeen) -> Statement {
    match seen {
        PayloadSeen::LargePass(checked) => {
            one_line_each(paths(checked, |it| format!("1,200 bytes are answered at {}", path(it))))
        }
        PayloadSeen::LargeLost { lost, may_be_own_network } => {
            let lines = paths(lost, |it| match &it.check {
                IceCheck::Icmp(error) => format!("{}: {error}", path(it)),
                _ => path(it),
            });
            let statement =
                Statement::new("short ICE checks are answered, those of 1,200 bytes are not");
            statement.with(lines).with(own_network(*may_be_own_network, "a VPN or a tunnel"))
        }
        PayloadSeen::DtlsPasses(checked) => one_line_each(paths(checked, |it| {
            format!("DTLS passes in both directions at {}", path(it))
        })),
        PayloadSeen::DtlsBlocked { blocked, may_be_own_network } => {
            let lines =
                blocked.iter().map(|(it, dtls)| format!("{}: {}", path(it), direction(*dtls)));
            let statement = Statement::new("STUN passes, DTLS does not");
            statement.with(lines).with(own_network(*may_be_own_network, "a firewall"))
        }
        PayloadSeen::NoWayProven => Statement::new("no media path is proven"),
        PayloadSeen::NotAskedThere => {
            Statement::new("this is not tested over the media paths that are proven")
        }
        PayloadSeen::NoSecondJoin => {
            Statement::new("no second join came as far as the beginning of DTLS")
        }
    }
}

fn own_network(may_be: bool, what: &str) -> Option<String> {
    may_be.then(|| format!("{what} of this network may be the cause"))
}

fn direction(dtls: DtlsFacts) -> &'static str {
    match dtls {
        DtlsFacts::BothWays => "DTLS passes in both directions",
        DtlsFacts::OnlyFromServer => "DTLS arrives from the server, but does not reach it",
        DtlsFacts::NoHello => "no DTLS arrives from the server",
        DtlsFacts::NoAnswer => "the server does not answer the start of DTLS",
        DtlsFacts::NotReached => "not tested",
    }
}

fn port(of_port: &PortInCall) -> Statement {
    match of_port {
        PortInCall::CheckAnswered { at, after_ms, of } => {
            let after = after(*after_ms);
            let statement = Statement::new(format!(
                "an authenticated ICE check is answered at {}{after}",
                place(*at)
            ));
            match of {
                Some(ports) => statement.detail(format!(
                    "1 of {} ports answered in a call",
                    super::numbers::thousands(*ports as usize)
                )),
                None => statement,
            }
        }
        PortInCall::TurnAnswered { at, granted } => {
            let what = if *granted { "grants a relay" } else { "answers" };
            Statement::new(format!("in a call the TURN server {what} at UDP {at}"))
        }
        PortInCall::CheckSilent { transport: over, port } => Statement::new(format!(
            "an authenticated ICE check to {} {port} is not answered, although another one of the \
             same session is",
            transport(*over)
        )),
        PortInCall::CheckRefused { port, error } => Statement::new(format!(
            "an authenticated ICE check to UDP {port}, where LiveKit waits for it, meets {error}"
        )),
        PortInCall::AfterItSent(seen) => port(seen).detail(
            "the machine itself had sent packets to this computer before: a firewall may \
                     have allowed the answer for that reason",
        ),
        PortInCall::Contradicts(seen) => {
            let mut statement = port(seen);
            statement.summary.insert_str(0, "but ");
            statement
        }
    }
}
