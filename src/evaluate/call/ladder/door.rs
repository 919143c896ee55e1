//! The way to the API and to each TURN server: connection, TLS, certificate.

use super::super::super::reasons;
use super::super::made::MadeCall;
use super::{Reading, certificate};
use crate::model::call::{Certainty, Responsible, State, Step, Stop};
use crate::model::facts::{Connect, Handshake, HttpProxyFacts, TlsSession};
use crate::model::observation::{ProxyMet, ProxyRefusal};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallDoubt, DoorSeen, Seen};
use crate::model::target::Family;

/// Where a connection that was not accepted stops, and what makes that doubtful; `None`: it was
/// accepted.
pub(super) fn connection(
    call: &MadeCall<'_>,
    connect: &Connect,
    family: Family,
) -> Option<(Reading, Option<CallDoubt>)> {
    let reason = reasons::connect_reason(connect);
    // Whatever the proxy met: it answers for what it does not reach.
    if let Some(proxy) = call.http_proxy().filter(|_| !connect.is_accepted()) {
        let doubt = CallDoubt::OwnHttpProxy(proxy.place.clone());
        let reading = Reading {
            responsible: Responsible::HttpProxy,
            ..Reading::cannot_tell(Step::Tcp, reason)
        };
        return Some((reading, Some(doubt)));
    }
    match connect {
        Connect::Accepted => None,
        // Silence counts only where something else came back: this network may keep all of it.
        Connect::Silent if !call.case.sees(family) => {
            let reading = Reading::cannot_tell(Step::Tcp, reason);
            Some((reading, Some(CallDoubt::NothingElseCameBack { family, over: None })))
        }
        Connect::Icmp(error) => Some((Reading::of_icmp(call, Step::Tcp, reason, error), None)),
        // The machine, or a firewall anywhere before it: the packets do not tell.
        Connect::Reset => Some((Reading::proven(Step::Tcp, reason, Responsible::NotKnown), None)),
        // A network that lets only some ports out is as silent.
        Connect::Silent => {
            Some((Reading::suspected(Step::Tcp, reason, Responsible::NotKnown), None))
        }
    }
}

/// Where a handshake that did not complete stops.
pub(super) fn handshake(
    handshake: &Handshake,
    certainty: Certainty,
    doubt: Option<CallDoubt>,
) -> Option<Stop> {
    if matches!(handshake, Handshake::Completed(_)) {
        return None;
    }
    let reason = reasons::handshake_reason(handshake);
    let responsible = match handshake {
        // Servers say what they do not like; what ends TLS on the way seldom does.
        Handshake::Alert { .. } => Responsible::DeploymentOrPath,
        _ => Responsible::NotKnown,
    };
    let reading = Reading { certainty, ..Reading::proven(Step::Tls, reason, responsible) };
    Some(reading.stop(met(handshake, doubt)))
}

/// Where the HTTP proxy of this network refused a connection, and who can mend that: a password is
/// the user's to give. A proxy that could not connect itself does not say whether its own firewall or
/// the deployment is the cause.
pub(super) fn refused_by_proxy(refusal: &ProxyRefusal) -> Stop {
    let reason = match &refusal.met {
        ProxyMet::NoConnection(connect) => reasons::connect_reason(connect),
        ProxyMet::Answer(_) => ReasonCode::HttpStatus,
    };
    let responsible = match refusal.met.status() {
        Some(407) => Responsible::ThisComputer,
        Some(500..) => Responsible::NotKnown,
        Some(_) | None => Responsible::HttpProxy,
    };
    let reading = Reading { responsible, ..Reading::cannot_tell(Step::HttpProxy, reason) };
    let met = refusal.met.essence();
    reading.stop(DoorSeen::HttpProxyRefused(Box::new(ProxyRefusal { met, ..refusal.clone() })))
}

/// What the HTTP proxy of this network did instead of connecting to the API, if it did not.
pub(super) fn proxy_met(proxy: &HttpProxyFacts, connect: &Connect) -> Option<ProxyMet> {
    match (&proxy.answer, connect) {
        (Some(answer), _) => Some(ProxyMet::Answer(answer.essence())),
        (None, Connect::Accepted) => None,
        (None, connect) => Some(ProxyMet::NoConnection(connect.clone())),
    }
}

/// Who is responsible for what comes behind a completed handshake. Behind a certificate that public
/// roots verify, or one that the user named, that is the deployment: nothing on the way can decrypt
/// it. Behind one that only this computer trusts it may be an inspecting firewall, or a company's own
/// deployment.
pub(super) fn behind_tls(handshake: Option<&Handshake>, deployment: Responsible) -> Responsible {
    let chain = session(handshake).and_then(|session| session.certificate.as_ref());
    match chain {
        Some(chain) if !chain.private_root => deployment,
        Some(chain) if certificate::is_of_inspection(chain) => Responsible::OnPath,
        Some(_) | None => Responsible::NotKnown,
    }
}

pub(super) fn met(met: impl Into<Seen>, doubt: Option<CallDoubt>) -> DoorSeen {
    DoorSeen::Met { met: Box::new(met.into()), doubt }
}

pub(super) fn nothing_else(family: Family, over: Transport) -> CallDoubt {
    CallDoubt::NothingElseCameBack { family, over: Some(over) }
}

/// The first stop, or what comes behind all of them.
pub(super) fn first_stop(stops: [&Option<Stop>; 2], behind: &State) -> State {
    let first = stops.into_iter().flatten().next();
    first.map_or_else(|| behind.clone(), |stop| State::Stops(stop.clone()))
}

pub(super) fn session(handshake: Option<&Handshake>) -> Option<&TlsSession> {
    match handshake {
        Some(Handshake::Completed(session)) => Some(session),
        Some(
            Handshake::Alert { .. }
            | Handshake::NotTls(_)
            | Handshake::Closed
            | Handshake::Reset
            | Handshake::Silent
            | Handshake::Broken(_),
        )
        | None => None,
    }
}
