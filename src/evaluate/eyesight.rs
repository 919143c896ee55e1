//! What the whole run tells about our eyesight: whether anything from beyond our own network
//! answered, and when a node spent its ICMP errors on us.

use std::net::IpAddr;
use std::time::Duration;

use super::observations::Drawn;
use super::view::{View, connect_of};
use super::{Case, heard};
use crate::model::address::is_private;
use crate::model::facts::{
    CallFacts, Connect, DnsAnswer, Facts, ResponderAnswer, StunAnswer, UdpAnswer, UdpFacts,
    UdpPortFacts,
};
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::probe::ProbeSpec;
use crate::model::target::{Endpoint, Family};
use crate::model::vantage::Zone;

impl Case<'_> {
    /// Whether something from beyond our own network answered in this family: without that,
    /// silence says nothing.
    pub(super) fn sees(&self, family: Family) -> bool {
        *self.observations.once.sees.get(family, || self.read_sees(family))
    }

    fn read_sees(&self, family: Family) -> bool {
        self.observations.iter().any(|observation| {
            let address = far_address(self, observation);
            let is_far = address.is_some_and(|address| Family::of(address) == family);
            (is_far && answered(observation))
                || of_calls(observation)
                    .any(|it| heard::hears_udp(it, family) || heard::hears_tcp(it, family))
        })
    }

    /// The same for UDP alone.
    pub(super) fn sees_udp(&self, family: Family) -> bool {
        let mut calls = self.observations.elsewhere().flat_map(of_calls);
        self.sees_udp_besides_calls(family) || calls.any(|facts| heard::hears_udp(facts, family))
    }

    /// The same by what was asked port by port: something may let a call through and nothing else.
    pub(super) fn sees_udp_besides_calls(&self, family: Family) -> bool {
        let once = &self.observations.once.sees_udp_besides_calls;
        *once.get(family, || self.read_sees_udp_besides_calls(family))
    }

    fn read_sees_udp_besides_calls(&self, family: Family) -> bool {
        // DNS often gets out where nothing else does: it counts only where nobody better is named.
        let stun_servers = &self.vantage.stun_servers;
        let is_named = stun_servers.iter().any(|server| Family::of(server.ip()) == family);
        self.observations.iter().any(|observation| {
            let is_dns = matches!(observation.spec, ProbeSpec::Dns { .. });
            let address = far_address(self, observation);
            let is_far = address.is_some_and(|address| Family::of(address) == family);
            is_far && answered_over_udp(observation) && !(is_dns && is_named)
        })
    }
}

impl Case<'_> {
    /// Whether UDP to ports other than the usual ones is known to get out of our own network: one
    /// answered, or this machine is part of the deployment.
    pub(super) fn lets_unusual_udp_out(&self, family: Family) -> bool {
        let once = &self.observations.once.lets_unusual_udp_out;
        *once.get(family, || self.read_lets_unusual_udp_out(family))
    }

    fn read_lets_unusual_udp_out(&self, family: Family) -> bool {
        let usual = &self.ruleset.controls.usual;
        let answers = |facts: &UdpFacts| {
            facts.ports.iter().filter(|port| !usual.contains(&port.port)).any(drew_answer)
        };
        let is_answered = |observation: &Observation| match &observation.outcome {
            Outcome::Saw(Facts::Udp(facts)) => {
                let to = observation.spec.address().map(Family::of);
                to == Some(family) && answers(facts)
            }
            _ => false,
        };
        self.vantage.zone != Zone::Internet || self.observations.iter().any(is_answered)
    }
}

impl Case<'_> {
    /// Whether UDP to this port is known to get out of our own network. Some networks block UDP 443
    /// alone, to prevent QUIC: then only an answer from the same port of somebody else counts.
    pub(super) fn lets_udp_out_to(&self, port: Port, family: Family) -> bool {
        let is_usual = self.ruleset.controls.usual.contains(&port);
        let is_answer = |observation: &Observation| match (&observation.spec, &observation.outcome)
        {
            (ProbeSpec::Udp { address, .. }, Outcome::Saw(Facts::Udp(facts))) => {
                let mut ports = facts.ports.iter();
                Family::of(*address) == family && ports.any(|it| it.port == port && drew_answer(it))
            }
            (ProbeSpec::OwnUdp { server }, _) => {
                Family::of(server.ip()) == family
                    && Port::new(server.port()) == Some(port)
                    && answered_over_udp(observation)
            }
            (spec, _) => {
                let is_there = |to: Endpoint| Family::of(to.address) == family && to.port == port;
                spec.endpoint().is_some_and(is_there) && answered_over_udp(observation)
            }
        };
        self.vantage.zone != Zone::Internet
            || (!is_usual && self.lets_unusual_udp_out(family))
            || self.observations.iter().any(is_answer)
    }
}

fn drew_answer(port: &UdpPortFacts) -> bool {
    match &port.answer {
        UdpAnswer::Stun | UdpAnswer::Data(_) => true,
        UdpAnswer::Icmp(error) => error.proves_arrival(),
        UdpAnswer::Unrelated(_) | UdpAnswer::Silent | UdpAnswer::NotSent => false,
    }
}

impl View<'_> {
    /// See [`Case::sees`].
    pub fn sees(&self, family: Family) -> bool {
        self.case.sees(family)
    }

    /// See [`Case::sees_udp`].
    pub fn sees_udp(&self, family: Family) -> bool {
        self.case.sees_udp(family)
    }
}

/// What a call saw, and each further one: it speaks with several machines.
pub(super) fn of_calls(observation: &Observation) -> impl Iterator<Item = &CallFacts> {
    let call = match &observation.outcome {
        Outcome::Saw(facts) => facts.as_call(),
        Outcome::Blind(_) => None,
    };
    call.into_iter().flat_map(CallFacts::on_all_servers)
}

/// The other end of an observation, when an answer from there has crossed more than our own
/// network: the deployment, a STUN server that the operator names, a DNS server with a public
/// address that is not on our own links.
fn far_address(case: &Case<'_>, observation: &Observation) -> Option<IpAddr> {
    match (&observation.spec, &observation.outcome) {
        (ProbeSpec::Dns { .. }, Outcome::Saw(Facts::Dns(facts))) => {
            let server = facts.server.ip();
            let near = case.vantage.near.contains(&server) || is_private(server);
            (!near).then_some(server)
        }
        (ProbeSpec::Dns { .. }, _) => None,
        (ProbeSpec::OwnUdp { server }, _) => Some(server.ip()),
        (spec, _) => spec.address(),
    }
}

fn answered(observation: &Observation) -> bool {
    match connect_of(observation) {
        Some(Connect::Accepted | Connect::Reset) => true,
        Some(Connect::Icmp(error)) => error.proves_arrival(),
        Some(Connect::Silent) => false,
        None => match &observation.outcome {
            Outcome::Saw(Facts::Dns(facts)) => dns_answered(facts.answer),
            Outcome::Saw(Facts::Echo(echo)) => echo.is_replied(),
            _ => answered_over_udp(observation),
        },
    }
}

fn dns_answered(answer: DnsAnswer) -> bool {
    match answer {
        DnsAnswer::Silent | DnsAnswer::Unreachable => false,
        DnsAnswer::Addresses
        | DnsAnswer::NoData
        | DnsAnswer::NxDomain
        | DnsAnswer::ServFail
        | DnsAnswer::Refused
        | DnsAnswer::OtherCode(_)
        | DnsAnswer::CnameLoop
        | DnsAnswer::Malformed => true,
    }
}

pub(super) fn answered_over_udp(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(Facts::Dns(facts)) => facts.over_udp && dns_answered(facts.answer),
        Outcome::Saw(Facts::Udp(facts)) => facts.ports.iter().any(drew_answer),
        Outcome::Saw(Facts::Responder(facts)) => facts.answer != ResponderAnswer::Silent,
        Outcome::Saw(Facts::Turn(facts)) if facts.connect.is_none() => match &facts.binding {
            Some(
                StunAnswer::Success { .. }
                | StunAnswer::Error { .. }
                | StunAnswer::NotStun(_)
                | StunAnswer::Malformed(_)
                | StunAnswer::NotSigned { .. },
            ) => true,
            Some(StunAnswer::Icmp(error)) => error.proves_arrival(),
            Some(
                StunAnswer::Silent
                | StunAnswer::Closed
                | StunAnswer::Reset
                | StunAnswer::Unrelated(_),
            )
            | None => false,
        },
        _ => false,
    }
}

/// When a datagram or a SYN was sent: since the start of the run, and its place among those that
/// one probe sent in the same millisecond.
pub(super) type Sent = (Duration, usize);

/// How many ICMP errors a Linux machine saves for one client, in all its addresses together: its
/// budget belongs to who is answered (net/ipv4/icmp.c `icmpv4_xrlim_allow`).
const SAVED_ERRORS: u32 = 6;

/// The time in which it gets one more.
const RENEWAL: Duration = Duration::from_secs(1);

/// Packets that left together may arrive in another order.
const TOGETHER: Duration = Duration::from_millis(20);

impl Case<'_> {
    /// Whether a machine that has this address, and others for which `may_share` says so, still had an
    /// ICMP error to send for a packet that left at `at`. Without errors at other addresses nothing is
    /// taken away.
    pub(super) fn shared_budget_has_one(
        &self,
        address: IpAddr,
        at: Duration,
        may_share: impl Fn(IpAddr) -> bool,
    ) -> bool {
        let family = Family::of(address);
        let all = self.observations.once.icmp_errors.get(family, || self.read_icmp_errors(family));
        let by_then = all.iter().take_while(|error| error.at <= at + TOGETHER);
        let drawn: Vec<&Drawn> =
            by_then.filter(|it| it.address == address || may_share(it.address)).collect();
        if drawn.iter().all(|error| error.address == address) {
            return true;
        }
        // A bucket that is full at first: what is left of it behind each error.
        let (mut left, mut before) = (f64::from(SAVED_ERRORS), Duration::ZERO);
        let refilled = |left: f64, from: Duration, to: Duration| {
            let gained = to.saturating_sub(from).as_secs_f64() / RENEWAL.as_secs_f64();
            (left + gained).min(f64::from(SAVED_ERRORS))
        };
        for error in drawn {
            left = (refilled(left, before, error.at) - 1.0).max(0.0);
            before = error.at;
        }
        refilled(left, before, at) >= 1.0
    }

    fn read_icmp_errors(&self, family: Family) -> Vec<Drawn> {
        let of_family = self.observations.iter().filter_map(|observation| {
            let address = observation.spec.address().filter(|it| Family::of(*it) == family)?;
            Some((address, icmp_answers(observation)))
        });
        let mut drawn: Vec<Drawn> = of_family
            .flat_map(|(address, sent)| sent.into_iter().map(move |(at, _)| Drawn { address, at }))
            .collect();
        drawn.sort_by_key(|error| error.at);
        drawn
    }
}

/// Whether it is an ICMP error of the node itself.
pub(super) fn is_own_error(answer: &UdpAnswer) -> bool {
    matches!(answer, UdpAnswer::Icmp(error) if error.is_of_meant_machine())
}

/// When an observation sent what the node's own ICMP errors came back for. Those of routers are not
/// drawn from the node's budget.
pub(super) fn icmp_answers(observation: &Observation) -> Vec<Sent> {
    let at = |ms: u64, place| (observation.started + Duration::from_millis(ms), place);
    match &observation.outcome {
        Outcome::Saw(Facts::Udp(facts)) => {
            let drew = |port: &UdpPortFacts| is_own_error(&port.answer);
            let sentinels = facts.sentinels.iter().filter(|sentinel| {
                let mut ports = facts.ports.iter();
                // One that another probe asks stands in no list here.
                let first = ports.find(|port| port.port == sentinel.port);
                sentinel.answered && first.is_none_or(drew)
            });
            let named = match &observation.spec {
                ProbeSpec::Udp { ports, .. } => ports.as_slice(),
                _ => &[],
            };
            // Which port of a sweep left before or behind a port that was named, in the same
            // millisecond, nobody knows: then it drew its error before.
            let place_of = |place, port| {
                let of_sweep = facts
                    .swept
                    .is_some_and(|swept| swept.range.contains(port) && !named.contains(&port));
                if of_sweep { 0 } else { place }
            };
            facts
                .ports
                .iter()
                .enumerate()
                .filter(|(_, port)| drew(port))
                .filter_map(|(place, port)| {
                    Some(at(*port.sent_ms.last()?, place_of(place, port.port)))
                })
                .chain(sentinels.map(|sentinel| at(sentinel.sent_ms, facts.ports.len())))
                .collect()
        }
        Outcome::Saw(Facts::Turn(facts)) if facts.connect.is_none() => match &facts.binding {
            Some(StunAnswer::Icmp(error)) if error.is_of_meant_machine() => {
                let last = facts.sent_ms.last();
                last.map(|ms| at(*ms, 0)).into_iter().collect()
            }
            _ => Vec::new(),
        },
        _ => match connect_of(observation) {
            Some(Connect::Icmp(error)) if error.is_of_meant_machine() => {
                syns(observation).last().copied().into_iter().collect()
            }
            Some(Connect::Accepted | Connect::Reset | Connect::Silent | Connect::Icmp(_))
            | None => Vec::new(),
        },
    }
}

/// When the node at `address` sent an ICMP error to a call.
pub(super) fn icmp_answers_of_call(observation: &Observation, address: IpAddr) -> Vec<Sent> {
    let draws = of_calls(observation).flat_map(|facts| heard::icmp_errors(facts, address));
    draws.map(|ms| (observation.started + Duration::from_millis(ms), 0)).collect()
}

/// When the SYNs of a connection attempt left: they follow each other after 1 s, 2 s, 4 s and so on
/// (RFC 6298 §2).
pub(super) fn syns(observation: &Observation) -> Vec<Sent> {
    (0..observation.attempts.clamp(1, 7))
        .map(|again| Duration::from_secs((1 << again) - 1))
        .map(|after| (observation.started + after, 0))
        .collect()
}
