//! What one check may look at: its own observations, and what the whole run tells about our
//! eyesight.

use std::net::IpAddr;
use std::time::Duration;

use super::Case;
use super::judgement::Judgement;
use super::{call, service, way, words};
use crate::model::deployment::{NodeRole, Topology};
use crate::model::facts::{
    ApiFacts, CallFacts, Connect, DnsAnswer, DnsFacts, Facts, HoldFacts, HttpFacts, IcmpError,
    RtmpFacts, StunAnswer, TlsFacts, TurnFacts, UdpAnswer, UdpFacts, UdpPortFacts,
};
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::plan::{Ask, Check};
use crate::model::port::Port;
use crate::model::probe::{ProbeSpec, TlsOffer};
use crate::model::rule::{Demand, Rule};
use crate::model::target::{Endpoint, Family};
use crate::model::vantage::Zone;

/// What one check may look at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub case: &'a Case<'a>,
    pub check: &'a Check,
    pub rule: &'a Rule,
}

/// Facts, or why there are none.
type Seen<'a, T> = Result<&'a T, Blindness>;

impl<'a> View<'a> {
    pub fn new(case: &'a Case<'a>, check: &'a Check, rule: &'a Rule) -> Self {
        Self { case, check, rule }
    }

    /// The address family of the check; IPv4 where it has no address.
    pub fn family(&self) -> Family {
        self.check.target.address.map_or(Family::V4, Family::of)
    }

    /// The check's observations.
    pub fn observations(&self) -> impl Iterator<Item = &'a Observation> + use<'a> {
        let case = self.case;
        self.check
            .probes
            .iter()
            .map(|index| &case.observations[index.0])
    }

    /// The facts of the first observation for which `pick` finds something.
    fn first<T>(
        &self,
        asks: impl Fn(&ProbeSpec) -> bool,
        pick: impl Fn(&'a Facts) -> Option<&'a T>,
    ) -> Seen<'a, T> {
        let observation = self
            .observations()
            .find(|observation| asks(&observation.spec))
            .ok_or_else(|| Blindness::Local("nothing was asked".to_owned()))?;
        match &observation.outcome {
            Outcome::Saw(facts) => Ok(pick(facts).expect("a probe brings facts of its own kind")),
            Outcome::Blind(blindness) => Err(blindness.clone()),
        }
    }

    pub fn dns(&self, family: Family) -> Seen<'a, DnsFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Dns { family: asked, .. } if *asked == family),
            Facts::as_dns,
        )
    }

    /// What the connection to the check's TCP port met, whichever probe made it.
    pub fn connect(&self) -> Seen<'a, Connect> {
        self.connect_where(|_| true)
    }

    /// What a connection to this port met, whichever probe made it.
    pub fn connect_to(&self, port: Port) -> Seen<'a, Connect> {
        self.connect_where(|endpoint| endpoint.port == port)
    }

    fn connect_where(&self, wanted: impl Fn(Endpoint) -> bool) -> Seen<'a, Connect> {
        let observation = self
            .observations()
            .find(|observation| observation.spec.endpoint().is_some_and(&wanted))
            .ok_or_else(|| Blindness::Local("nothing was asked".to_owned()))?;
        match &observation.outcome {
            Outcome::Saw(_) => {
                Ok(connect_of(observation).expect("a probe over TCP begins with a connection"))
            }
            Outcome::Blind(blindness) => Err(blindness.clone()),
        }
    }

    pub fn http(&self) -> Seen<'a, HttpFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Http { .. }),
            Facts::as_http,
        )
    }

    /// The handshake that offers everything, for the certificate.
    pub fn tls(&self) -> Seen<'a, TlsFacts> {
        self.tls_where(|offer| matches!(offer, TlsOffer::Web | TlsOffer::Stream))
    }

    /// The first handshake with an offer of this kind.
    pub fn tls_where(&self, wanted: impl Fn(&TlsOffer) -> bool) -> Seen<'a, TlsFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Tls { offer, .. } if wanted(offer)),
            Facts::as_tls,
        )
    }

    pub fn api(&self) -> Seen<'a, ApiFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Api { .. }), Facts::as_api)
    }

    pub fn turn(&self) -> Seen<'a, TurnFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Turn { .. }),
            Facts::as_turn,
        )
    }

    pub fn hold(&self) -> Seen<'a, HoldFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Hold { .. }),
            Facts::as_hold,
        )
    }

    pub fn rtmp(&self) -> Seen<'a, RtmpFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Rtmp { .. }),
            Facts::as_rtmp,
        )
    }

    pub fn call(&self) -> Seen<'a, CallFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Call(_)), Facts::as_call)
    }

    pub fn udp(&self) -> Seen<'a, UdpFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Udp { .. }), Facts::as_udp)
    }

    /// The web server at the check's address, when it carries HTTP and nothing else: the name that
    /// it gives itself, and what it is.
    pub fn http_front(&self) -> Option<(&'a str, &'static str)> {
        let address = self.check.target.address;
        let of_address = self
            .case
            .observations
            .iter()
            .filter(|observation| observation.spec.address() == address);
        of_address
            .filter_map(|observation| match &observation.outcome {
                Outcome::Saw(Facts::Http(facts)) => facts.answer.as_ref()?.server(),
                Outcome::Saw(Facts::Api(facts)) => facts.answer.as_ref()?.server(),
                Outcome::Saw(Facts::Turn(facts)) => facts.instead.as_ref()?.server(),
                Outcome::Saw(_) | Outcome::Blind(_) => None,
            })
            .find_map(|server| Some((server, words::http_front(server)?)))
    }

    /// The place that the check is about, without its address: `turn.example.io:443`.
    pub fn place(&self) -> String {
        let target = &self.check.target;
        match (&target.host, target.port) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            _ => target.to_string(),
        }
    }

    /// TLS completes and the connection ends: the first line is the summary, the second what was
    /// seen.
    pub fn hangs_up(&self) -> String {
        format!(
            "nothing answers behind {}\nTLS completes, then the proxy hangs up, as it does when \
             its backend refuses the connection{}",
            self.place(),
            self.one_of_several()
        )
    }

    /// TLS completes and nothing comes.
    pub fn stays_silent(&self) -> String {
        format!(
            "nothing answers behind {}\nTLS completes, then silence, as from a backend that is \
             filtered{}",
            self.place(),
            self.one_of_several()
        )
    }

    /// Whether the same service answered there at another time: who balances between several
    /// machines sends one connection here and the next one there.
    pub fn answers_at_times(&self) -> bool {
        let address = self.check.target.address;
        let service = way::service_behind_proxy(self.rule);
        self.case.deployment.topology != Topology::SingleNode
            && service.is_some_and(|service| service::works_through_proxy(self, service, address))
    }

    /// What that says of those machines, as a line of its own; empty where it does not.
    pub fn one_of_several(&self) -> &'static str {
        if self.answers_at_times() {
            "\nother requests there were answered: of several machines behind it one does not answer"
        } else {
            ""
        }
    }

    /// Nothing is demanded of an endpoint whose feature nobody said to use, when nobody is there.
    pub fn unused_endpoint(&self) -> Option<Judgement> {
        let Ask::EitherWay(condition) = self.check.ask else {
            return None;
        };
        if matches!(self.rule.demand, Demand::PortRow(_)) {
            return None;
        }
        let connect = self
            .observations()
            .find_map(|observation| connect_of(observation))?;
        (!connect.is_accepted()).then(|| {
            Judgement::not_applicable(format!(
                "{}, and it is not declared whether {condition} is in use ({})",
                words::connect(connect),
                condition.flag()
            ))
        })
    }

    /// Whether an ICMP error was sent by somebody else than the address that the check is about.
    pub fn is_from_elsewhere(&self, error: &IcmpError) -> bool {
        error.from.is_some() && error.from != self.check.target.address
    }

    /// Whether we stand on the machine that the check is about.
    pub fn stands_there(&self) -> bool {
        let (vantage, deployment) = (self.case.vantage, self.case.deployment);
        let Some(name) = &self.check.target.node else {
            return false;
        };
        let is_openvidu = || {
            let mut nodes = deployment.nodes_of(NodeRole::Openvidu);
            nodes.any(|node| node.name == *name)
        };
        vantage.stands_on.contains(name) || (vantage.zone == Zone::OwnNode && is_openvidu())
    }

    /// Whether something from beyond our own network answered in this family: without that,
    /// silence says nothing.
    pub fn sees(&self, family: Family) -> bool {
        self.case.observations.iter().any(|observation| {
            let address = far_address(self.case, observation);
            let is_far = address.is_some_and(|address| Family::of(address) == family);
            (is_far && answered(observation))
                || of_call(observation).is_some_and(|facts| {
                    call::hears_udp(facts, family) || call::hears_tcp(facts, family)
                })
        })
    }

    /// The same for UDP alone.
    pub fn sees_udp(&self, family: Family) -> bool {
        // DNS often gets out where nothing else does: it counts only where nobody better is named.
        let stun_servers = &self.case.vantage.stun_servers;
        let is_named = stun_servers
            .iter()
            .any(|server| Family::of(server.ip()) == family);
        self.case.observations.iter().any(|observation| {
            let is_dns = matches!(observation.spec, ProbeSpec::Dns { .. });
            let address = far_address(self.case, observation);
            let is_far = address.is_some_and(|address| Family::of(address) == family);
            (is_far && answered_over_udp(observation) && !(is_dns && is_named))
                || of_call(observation).is_some_and(|facts| call::hears_udp(facts, family))
        })
    }
}

/// What a call saw: it speaks with several machines.
fn of_call(observation: &Observation) -> Option<&CallFacts> {
    match &observation.outcome {
        Outcome::Saw(facts) => facts.as_call(),
        Outcome::Blind(_) => None,
    }
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

/// Whether an address belongs to a network that is not the internet's (RFC 1918, RFC 4193,
/// RFC 6598, loopback, link-local): a resolver there may be in the next room.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let carrier_nat = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || carrier_nat
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether nobody can reach this address over the internet: a private one, or none that a host can
/// have (RFC 6890: 0.0.0.0/8 and ::, which DNS filters answer with, multicast, 240.0.0.0/4).
/// Documentation addresses pass: they stand for public ones.
pub(super) fn is_unreachable(address: IpAddr) -> bool {
    let no_host = match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.is_unspecified() || v6.to_ipv4_mapped().is_some(),
    };
    no_host || address.is_multicast() || is_private(address)
}

/// What a connection attempt of this observation met.
pub(super) fn connect_of(observation: &Observation) -> Option<&Connect> {
    match &observation.outcome {
        Outcome::Saw(Facts::Tcp(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Http(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Tls(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Api(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Hold(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Rtmp(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Service(facts)) => Some(&facts.connect),
        Outcome::Saw(Facts::Turn(facts)) => facts.connect.as_ref(),
        // What a call met stands in its own facts, one for each step.
        Outcome::Saw(Facts::Dns(_) | Facts::Udp(_) | Facts::Call(_)) | Outcome::Blind(_) => None,
    }
}

fn answered(observation: &Observation) -> bool {
    match connect_of(observation) {
        Some(Connect::Accepted | Connect::Reset) => true,
        Some(Connect::Icmp(error)) => error.from == observation.spec.address(),
        Some(Connect::Silent) => false,
        None => match &observation.outcome {
            Outcome::Saw(Facts::Dns(facts)) => dns_answered(facts.answer),
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

fn answered_over_udp(observation: &Observation) -> bool {
    let own = observation.spec.address();
    match &observation.outcome {
        Outcome::Saw(Facts::Dns(facts)) => facts.over_udp && dns_answered(facts.answer),
        Outcome::Saw(Facts::Udp(facts)) => facts.ports.iter().any(|port| match &port.answer {
            UdpAnswer::Stun | UdpAnswer::Data(_) => true,
            UdpAnswer::Icmp(error) => error.from == own,
            UdpAnswer::Silent | UdpAnswer::NotSent => false,
        }),
        Outcome::Saw(Facts::Turn(facts)) if facts.connect.is_none() => match &facts.binding {
            Some(
                StunAnswer::Success { .. }
                | StunAnswer::Error { .. }
                | StunAnswer::NotStun(_)
                | StunAnswer::Malformed(_),
            ) => true,
            Some(StunAnswer::Icmp(error)) => error.from == own,
            Some(StunAnswer::Silent | StunAnswer::Closed | StunAnswer::Reset) | None => false,
        },
        _ => false,
    }
}

/// When a datagram or a SYN was sent: since the start of the run, and its place among those that
/// one probe sent in the same millisecond.
pub(super) type Sent = (Duration, usize);

/// When an observation sent what the node's own ICMP errors came back for. Those of routers are not
/// drawn from the node's budget.
pub(super) fn icmp_answers(observation: &Observation) -> Vec<Sent> {
    let at = |ms: u64, place| (observation.started + Duration::from_millis(ms), place);
    let own = |error: &IcmpError| error.from.is_none() || error.from == observation.spec.address();
    match &observation.outcome {
        Outcome::Saw(Facts::Udp(facts)) => {
            let drew =
                |port: &UdpPortFacts| matches!(&port.answer, UdpAnswer::Icmp(error) if own(error));
            let sentinels = facts.sentinels.iter().filter(|sentinel| {
                let is_own = |port: &UdpPortFacts| port.port == sentinel.port && drew(port);
                sentinel.answered && facts.ports.iter().any(is_own)
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
            Some(StunAnswer::Icmp(error)) if own(error) => {
                let last = facts.sent_ms.last();
                last.map(|ms| at(*ms, 0)).into_iter().collect()
            }
            _ => Vec::new(),
        },
        _ => match connect_of(observation) {
            Some(Connect::Icmp(error)) if own(error) => {
                syns(observation).last().copied().into_iter().collect()
            }
            Some(Connect::Accepted | Connect::Reset | Connect::Silent | Connect::Icmp(_))
            | None => Vec::new(),
        },
    }
}

/// When the node at `address` sent an ICMP error to a call.
pub(super) fn icmp_answers_of_call(observation: &Observation, address: IpAddr) -> Vec<Sent> {
    let Some(facts) = of_call(observation) else {
        return Vec::new();
    };
    let draws = call::icmp_errors(facts, address).into_iter();
    draws
        .map(|ms| (observation.started + Duration::from_millis(ms), 0))
        .collect()
}

/// When the SYNs of a connection attempt left: they follow each other after 1 s, 2 s, 4 s and so on
/// (RFC 6298 §2).
pub(super) fn syns(observation: &Observation) -> Vec<Sent> {
    (0..observation.attempts.clamp(1, 7))
        .map(|again| Duration::from_secs((1 << again) - 1))
        .map(|after| (observation.started + after, 0))
        .collect()
}
