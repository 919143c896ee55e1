//! Who can remove what stops calls from here.
//!
//! | what stops | who | decided by |
//! | --- | --- | --- |
//! | this computer's firewall or clock, a login page, a password for the HTTP proxy | the user | what the system, the server or the proxy said |
//! | a name that does not exist | the user (spelling), the operator | comparing the name |
//! | silence at the API, or a refusal without a sender | the user first: another network tells whether it is the server or this network | that test |
//! | an HTTP proxy, a firewall that names itself, an inspecting device by its name | the network's administrator | their own words |
//! | a certificate, TURN, an answer of the server behind TLS | the operator | a chain that leads to a root, the TLS session |
//! | credentials | who issued them | LiveKit's own words |
//! | UDP, TCP to the node | the network's administrator; or the deployment closes them on purpose | the STUN server, an ICMP error |

use crate::model::call::{
    Addressee, CallSummary, Cause, CauseSign, Contact, Help, NetworkCause, Responsible, State,
    Step, Stop, WaySummary,
};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;

use Addressee::{NetworkAdministrator, Operator, TokenIssuer, User};

/// Who can help, as far as this summary shows it.
pub(super) fn of(call: &CallSummary) -> Help {
    if let Some(help) = call.causes.iter().find_map(of_this_computer) {
        return help;
    }
    match &call.join.state {
        State::Stops(stop) => of_join(stop, &call.causes),
        // Only this computer keeps ovcheck from looking.
        State::Unknown { .. } | State::NotOffered => decided([User]),
        State::Works { .. } => of_media(call),
    }
}

fn decided(who: impl Into<Vec<Addressee>>) -> Help {
    Help { who: who.into(), decided: true }
}

fn one_of(who: impl Into<Vec<Addressee>>) -> Help {
    Help { who: who.into(), decided: false }
}

/// Where nobody is to be asked before the user has done something here.
fn of_this_computer(cause: &Cause) -> Option<Help> {
    match &cause.cause {
        NetworkCause::OwnFirewall => Some(decided([User])),
        NetworkCause::OwnClock { .. } if cause.certain => Some(decided([User])),
        NetworkCause::OwnClock { .. } => Some(one_of([User, Operator])),
        NetworkCause::CaptivePortal { .. } if cause.certain => Some(decided([User])),
        NetworkCause::CaptivePortal { .. } => Some(one_of([User, Operator])),
        NetworkCause::ProxyRefuses { .. } if asks_for_password(&cause.shown_by) => {
            Some(decided([User]))
        }
        NetworkCause::TlsInspection { .. }
        | NetworkCause::Filtered { .. }
        | NetworkCause::ResolverLies { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::ProxyRefuses { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked => None,
    }
}

fn asks_for_password(sign: &CauseSign) -> bool {
    matches!(sign, CauseSign::OfProxy(met) if met.status() == Some(407))
}

fn of_join(stop: &Stop, causes: &[Cause]) -> Help {
    let is_inspected = |cause: &&Cause| matches!(cause.cause, NetworkCause::TlsInspection { .. });
    if let Some(cause) = causes.iter().find(is_inspected) {
        let who = [NetworkAdministrator, Operator];
        return if cause.certain { decided([NetworkAdministrator]) } else { one_of(who) };
    }
    let filters = |cause: &Cause| matches!(cause.cause, NetworkCause::Filtered { .. });
    if causes.iter().any(filters) {
        return one_of([NetworkAdministrator, Operator]);
    }
    let lies = |cause: &&Cause| matches!(cause.cause, NetworkCause::ResolverLies { .. });
    if causes.iter().any(|cause| lies(&cause)) {
        return one_of([NetworkAdministrator, Operator]);
    }
    let says_so = |cause: &&Cause| matches!(cause.shown_by, CauseSign::Prohibited(_));
    if causes.iter().any(|cause| says_so(&cause)) {
        return decided([NetworkAdministrator]);
    }
    if stop.reason == ReasonCode::DnsNxdomain {
        return one_of([User, Operator]);
    }
    match stop.responsible {
        Responsible::ThisComputer => decided([User]),
        Responsible::Credentials => decided([TokenIssuer]),
        Responsible::ThisNetwork | Responsible::HttpProxy | Responsible::OnPath => {
            decided([NetworkAdministrator])
        }
        Responsible::DeploymentProxy | Responsible::Deployment => decided([Operator]),
        Responsible::DeploymentOrPath => one_of([Operator, NetworkAdministrator]),
        // One silent name is no evidence for the network, nor for the server.
        Responsible::NotKnown => one_of([User, NetworkAdministrator, Operator]),
    }
}

fn of_media(call: &CallSummary) -> Help {
    let is_small = |way: &WaySummary| way.state.works() && way.small_packets_only;
    // A browser takes direct UDP before a relay.
    let mut over_udp = call.working().filter(|way| way.way.transport() == Transport::Udp);
    if over_udp.next().is_some_and(is_small)
        || !call.gets_through() && call.ways.iter().any(is_small)
    {
        return one_of([NetworkAdministrator, Operator]);
    }
    if let Some(way) = call.chosen_without_dtls() {
        let is_there = |stop: &Stop| stop.responsible.is_deployment();
        return match way.state.stop().is_some_and(is_there) {
            true => one_of([Operator, NetworkAdministrator]),
            false => one_of([NetworkAdministrator, Operator]),
        };
    }
    let has_good_udp =
        call.working().any(|way| way.way.transport() == Transport::Udp && !way.small_packets_only);
    let open = || call.ways.iter().filter(|way| !way.closed_on_purpose);
    let stopped = |way: &&WaySummary| !way.state.works();
    let is_as_meant = call.gets_through() && !open().any(|way| stopped(&way));
    if has_good_udp || is_as_meant {
        // The user does not meet it, others do.
        let broken = open().filter(stopped).flat_map(|way| &way.contacts).any(is_broken_there);
        return if broken { decided([Operator]) } else { Help::default() };
    }
    let wanted = |way: &&WaySummary| !call.gets_through() || way.way.transport() == Transport::Udp;
    let contacts = || open().filter(wanted).flat_map(|way| &way.contacts);
    let stops = || contacts().filter_map(|contact| contact.state.stop());
    let mut who = Vec::new();
    if stops().any(|stop| stop.responsible.may_be_this_network()) {
        who.push(NetworkAdministrator);
    }
    if !call.gets_through() && contacts().any(is_faulty_there)
        || open().filter(stopped).flat_map(|way| &way.contacts).any(is_broken_there)
    {
        who.push(Operator);
    }
    if who.is_empty() && call.is_unknown() {
        return decided([User]);
    }
    decided(who)
}

/// Whether the deployment, most likely, is what stops it.
fn is_faulty_there(contact: &Contact) -> bool {
    // An address for the deployment's own machines is none of the users' business.
    contact
        .state
        .stop()
        .is_some_and(|stop| stop.responsible.is_deployment() && stop.at != Step::Address)
}

/// Whether something stops that the deployment offers to everybody and that cannot be meant so: its
/// certificate, its TLS, its relay. A port that refuses may be closed on purpose.
fn is_broken_there(contact: &Contact) -> bool {
    let stop = contact.state.stop().filter(|stop| stop.responsible.is_deployment());
    stop.is_some_and(|stop| contact.tls && !matches!(stop.at, Step::Check | Step::Address))
}
