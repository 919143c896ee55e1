//! What in the network between us and the deployment explains what stops.

use super::{Call, inspection, portal};
use crate::model::address::is_unreachable;
use crate::model::call::{CallSummary, Cause, NetworkCause, State, Step, WaySummary};
use crate::model::facts::{
    Connect, DnsAnswer, Facts, HttpAnswer, IceCheck, IcmpMeaning, StunAnswer, Way,
};
use crate::model::observation::Outcome;
use crate::model::probe::ProbeSpec;
use crate::model::vantage::Zone;

/// The causes, the most certain first.
pub(super) fn of(call: &Call<'_>, summary: &CallSummary) -> Vec<Cause> {
    let join = &summary.join.state;
    let portal = portal::cause(call, join);
    let mut causes: Vec<Cause> = Vec::new();
    let is_portal = portal.is_some();
    causes.extend(portal);
    if !is_portal {
        causes.extend(inspection::cause(call, join, &summary.ways));
        causes.extend(resolver(call, join).or_else(|| way_out(call, join)));
    }
    causes.extend(proxy(call, join));
    causes.extend(udp(call, summary));
    causes.sort_by_key(|cause| !cause.certain);
    causes
}

fn stopped_at(state: &State) -> Option<Step> {
    match state {
        State::Stops(stop) => Some(stop.at),
        State::Works { .. } | State::NotOffered | State::Unknown { .. } => None,
    }
}

/// A name that leads to where no deployment can be.
fn resolver(call: &Call<'_>, join: &State) -> Option<Cause> {
    let name = &call.spec.host;
    let addresses = &call.spec.addresses;
    let is_outside = call.case.vantage.zone == Zone::Internet;
    let is_declared = |address| call.spec.declared.contains(address);
    stopped_at(join)?;
    let leads_nowhere = !addresses.is_empty()
        && addresses.iter().all(|address| is_unreachable(*address) && !is_declared(address));
    if !is_outside || !leads_nowhere || call.http_proxy().is_some() {
        return None;
    }
    let none_at_all =
        addresses.iter().all(|address| address.is_loopback() || address.is_unspecified());
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Some(Cause {
        cause: NetworkCause::ResolverLies { name: name.clone(), addresses: addresses.clone() },
        certain: none_at_all,
        shown_by: format!(
            "it says {}, which nobody reaches over the internet",
            listed.join(" and ")
        ),
    })
}

/// Whether anything gets out to the deployment, when the join got no connection.
fn way_out(call: &Call<'_>, join: &State) -> Option<Cause> {
    let at = stopped_at(join).filter(|at| matches!(at, Step::Dns | Step::Tcp))?;
    if call.http_proxy().is_some() {
        return None;
    }
    let host = &call.spec.host;
    let answered = call.plain_http().find(|facts| {
        facts.connect.is_accepted() && matches!(facts.answer, Some(HttpAnswer::Response(_)))
    });
    if answered.is_some() {
        return Some(Cause {
            cause: NetworkCause::HttpOnly,
            certain: false,
            shown_by: format!(
                "http://{host}/ is answered; nobody accepts a connection at port {} of the same name",
                call.spec.port
            ),
        });
    }
    let signal = call.seen.ok().map(|facts| &facts.signal);
    let connect = signal.map(|signal| &signal.connect);
    match (at, connect) {
        (Step::Tcp, Some(Connect::Icmp(error)))
            if error.meaning() == IcmpMeaning::AdminProhibited
                && error.from.is_some_and(|from| Some(from) != signal.and_then(|s| s.address)) =>
        {
            Some(nothing_leaves(true, format!("a firewall on the way says so: {error}")))
        }
        (Step::Tcp, Some(Connect::Silent)) => {
            let words = format!("no answer from {host}, at any port that was tried");
            Some(nothing_leaves(false, words))
        }
        (Step::Dns, _) if is_resolver_silent(call) => {
            let words = "not even the DNS server answers".to_owned();
            Some(nothing_leaves(false, words))
        }
        (_, _) => None,
    }
}

fn nothing_leaves(certain: bool, shown_by: String) -> Cause {
    Cause { cause: NetworkCause::NothingLeaves, certain, shown_by }
}

fn is_resolver_silent(call: &Call<'_>) -> bool {
    let mut answers = dns_answers(call).peekable();
    answers.peek().is_some() && answers.all(|answer| answer == DnsAnswer::Silent)
}

/// What the DNS said of the API's name.
fn dns_answers<'a>(call: &'a Call<'_>) -> impl Iterator<Item = DnsAnswer> + 'a {
    let host = &call.spec.host;
    let observations = call.case.observations.iter();
    observations.filter_map(move |observation| match (&observation.spec, &observation.outcome) {
        (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts))) if name == host => {
            Some(facts.answer)
        }
        _ => None,
    })
}

/// A proxy of our own network that stands in the way, or is the only one.
fn proxy(call: &Call<'_>, join: &State) -> Option<Cause> {
    let proxy = call.http_proxy()?.to_owned();
    if let State::Stops(stop) = join {
        return (stop.at == Step::HttpProxy).then(|| Cause {
            cause: NetworkCause::ProxyRefuses { proxy },
            certain: true,
            shown_by: stop.why.clone(),
        });
    }
    let host = &call.spec.host;
    let shown_by = match direct_tls(call) {
        Some(connect) if !connect.is_accepted() => {
            format!("without it nobody accepts a connection to {host}")
        }
        Some(_) => return None,
        None if call.spec.addresses.is_empty() => {
            format!("without it not even the address of {host} is known here")
        }
        None => return None,
    };
    Some(Cause { cause: NetworkCause::ProxyNeeded { proxy }, certain: true, shown_by })
}

/// How a connection to the API went that did not go through the proxy.
fn direct_tls<'a>(call: &'a Call<'_>) -> Option<&'a Connect> {
    let mut connects = call.case.observations.iter().filter_map(|observation| {
        let to = observation.spec.endpoint()?;
        let is_api = to.port == call.spec.port && call.spec.addresses.contains(&to.address);
        match &observation.outcome {
            Outcome::Saw(Facts::Tls(facts)) if is_api => Some(&facts.connect),
            Outcome::Saw(Facts::Api(facts)) if is_api => Some(&facts.connect),
            Outcome::Saw(_) | Outcome::Blind(_) => None,
        }
    });
    let first = connects.next()?;
    // One that was accepted says more than many that were not.
    Some(connects.find(|connect| connect.is_accepted()).unwrap_or(first))
}

/// UDP that does not get out, or not back.
fn udp(call: &Call<'_>, summary: &CallSummary) -> Option<Cause> {
    if !summary.join.state.works() || is_own_udp_answered(call) {
        return None;
    }
    let over_udp: Vec<&WaySummary> = summary
        .ways
        .iter()
        .filter(|way| matches!(way.way, Way::Udp | Way::TurnUdp))
        .filter(|way| !way.closed_on_purpose && !way.contacts.is_empty())
        .collect();
    let is_lost = |way: &&WaySummary| matches!(&way.state, State::Stops(stop) if matches!(stop.at, Step::Check | Step::Allocation));
    if over_udp.is_empty() || !over_udp.iter().all(is_lost) || !is_lost_on_the_way(call) {
        return None;
    }
    let (certain, shown_by) = if let Some(error) = prohibited(call) {
        (true, format!("a firewall on the way says so: {error}"))
    } else if asks_own_udp(call) {
        let words = "neither the deployment nor the STUN server outside answers over UDP";
        (true, words.to_owned())
    } else {
        let words = "no UDP port of the deployment answers, and TCP does";
        (false, words.to_owned())
    };
    Some(Cause { cause: NetworkCause::UdpBlocked, certain, shown_by })
}

/// Whether every check and every Allocate over UDP was lost, or refused by somebody on the way:
/// what the deployment itself refuses has got there.
fn is_lost_on_the_way(call: &Call<'_>) -> bool {
    let Ok(facts) = call.seen else {
        return false;
    };
    let direct = facts.paths.iter().filter(|path| path.way == Way::Udp);
    let relays = facts.relays.iter().filter(|relay| relay.way == Way::TurnUdp);
    let mut lost = direct
        .map(|path| match &path.check {
            IceCheck::Silent | IceCheck::NotSent(_) => true,
            IceCheck::Icmp(error) => error.from.is_some_and(|from| from != path.candidate.ip()),
            IceCheck::Answered { .. } | IceCheck::Closed | IceCheck::Reset | IceCheck::Other(_) => {
                false
            }
        })
        .chain(relays.map(|relay| match &relay.allocate {
            Some(StunAnswer::Silent) | None => true,
            Some(StunAnswer::Icmp(error)) => {
                let server = relay.server.map(|server| server.ip());
                error.from.is_some() && error.from != server
            }
            Some(_) => false,
        }));
    lost.all(|lost| lost)
}

/// An ICMP error by which somebody on the way forbids UDP.
fn prohibited<'a>(call: &Call<'a>) -> Option<&'a crate::model::facts::IcmpError> {
    let facts = call.seen.ok()?;
    let direct = facts.paths.iter().filter_map(|path| match &path.check {
        IceCheck::Icmp(error) => Some((error, path.candidate.ip())),
        _ => None,
    });
    let relays = facts.relays.iter().filter_map(|relay| match &relay.allocate {
        Some(StunAnswer::Icmp(error)) => Some((error, relay.server?.ip())),
        _ => None,
    });
    direct.chain(relays).find_map(|(error, to)| {
        let is_of_another = error.from.is_some_and(|from| from != to);
        (is_of_another && error.meaning() == IcmpMeaning::AdminProhibited).then_some(error)
    })
}

/// What STUN servers outside the deployment said to our own UDP.
fn own_udp<'a>(call: &'a Call<'_>) -> impl Iterator<Item = &'a Outcome> {
    let observations = call.case.observations.iter();
    observations
        .filter(|observation| matches!(observation.spec, ProbeSpec::OwnUdp { .. }))
        .map(|observation| &observation.outcome)
}

fn asks_own_udp(call: &Call<'_>) -> bool {
    own_udp(call).any(|outcome| matches!(outcome, Outcome::Saw(_)))
}

fn is_own_udp_answered(call: &Call<'_>) -> bool {
    own_udp(call).any(|outcome| {
        let facts = match outcome {
            Outcome::Saw(facts) => facts.as_turn(),
            Outcome::Blind(_) => None,
        };
        facts.is_some_and(|facts| matches!(facts.binding, Some(StunAnswer::Success { .. })))
    })
}
