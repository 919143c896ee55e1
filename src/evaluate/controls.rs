//! Whether what TCP shows from here is the machine's doing: something near us may keep connections
//! from getting out, refuse them or accept them in its place, and the address may be nobody's.
//!
//! Silence, a refusal and a connection that is accepted are each read against a question whose answer
//! is known: a port where nobody can be listening, and whatever else the machine ever said.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::Case;
use super::eyesight::{answered_over_udp, of_calls};
use super::judgement::Judgement;
use super::observations::Connection;
use super::reach::nothing_seen;
use super::view::{View, connect_of};
use crate::model::facts::{
    Connect, DnsAnswer, Facts, Handshake, HttpAnswer, RtmpAnswer, ServiceAnswer, StunAnswer,
};
use crate::model::name::NodeName;
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::seen::PortSeen;
use crate::model::target::Family;
use crate::model::vantage::Zone;

/// Whether connections to unusual ports get out of our own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WayOut {
    /// Nothing answered but on ports that every network lets out.
    Unknown,
    /// A port of the tables answered. Somebody may have let out just these.
    Likely,
    /// A port answered of which no table speaks.
    Shown,
}

/// Whether our own network may be what refuses connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusedOnTheWay {
    No,
    Unlikely,
    Perhaps,
}

impl Case<'_> {
    fn is_own(&self, address: IpAddr) -> bool {
        let mut nodes = self.deployment.nodes_at(address);
        address.is_loopback()
            || self.vantage.addresses.contains(&address)
            || nodes.any(|node| self.vantage.stands_on.contains(&node.name))
    }

    /// A port of which no table speaks.
    fn is_control(&self, port: Port) -> bool {
        self.plan.unlistened == Some(port) || self.ruleset.controls.tcp.contains(&port)
    }

    /// What connections to other machines met over this family: address, port, and what it was.
    fn connections(&self, family: Family) -> impl Iterator<Item = (IpAddr, Port, &Connect)> {
        let all = self.observations.once.connections.get(family, || self.read_connections(family));
        all.iter()
            .filter_map(|it| Some((it.address, it.port, connect_of(&self.observations[it.place])?)))
    }

    fn read_connections(&self, family: Family) -> Vec<Connection> {
        let mut own: HashMap<IpAddr, bool> = HashMap::new();
        let all = self.observations.iter().enumerate();
        all.filter_map(|(place, observation)| {
            let to = observation.spec.endpoint().filter(|to| Family::of(to.address) == family)?;
            connect_of(observation)?;
            let is_own = *own.entry(to.address).or_insert_with(|| self.is_own(to.address));
            (!is_own).then_some(Connection { address: to.address, port: to.port, place })
        })
        .collect()
    }

    /// What the port met at which nobody can be listening.
    fn unlistened(&self, family: Family) -> impl Iterator<Item = (IpAddr, &Connect)> {
        let port = self.plan.unlistened;
        let of_port = self.connections(family).filter(move |(_, at, _)| Some(*at) == port);
        of_port.map(|(address, _, connect)| (address, connect))
    }

    /// Whether something accepts connections in the place of the machine at this address.
    pub(super) fn is_accepted_for(&self, address: IpAddr) -> bool {
        let family = Family::of(address);
        let is_unlistened =
            |it: &&Observation| it.spec.endpoint().map(|to| to.port) == self.plan.unlistened;
        let mut own = self.observations.at(address).filter(is_unlistened);
        let own = own.find_map(connect_of).filter(|_| !self.is_own(address));
        match own {
            Some(connect) => connect.is_accepted(),
            None => self.accepts_for_all(family),
        }
    }

    /// Whether something does so for every machine.
    fn accepts_for_all(&self, family: Family) -> bool {
        *self.observations.once.accepts_for_all.get(family, || {
            let mut met = self.unlistened(family).peekable();
            met.peek().is_some() && met.all(|(_, connect)| connect.is_accepted())
        })
    }

    /// See [`WayOut`].
    pub(super) fn way_out(&self, family: Family) -> WayOut {
        *self.observations.once.way_out.get(family, || self.read_way_out(family))
    }

    fn read_way_out(&self, family: Family) -> WayOut {
        let usual = &self.ruleset.controls.usual;
        let answers = self.connections(family).filter(|(address, port, connect)| {
            !usual.contains(port)
                && match connect {
                    Connect::Accepted => !self.is_accepted_for(*address),
                    Connect::Reset => true,
                    Connect::Icmp(error) => error.proves_arrival(),
                    Connect::Silent => false,
                }
        });
        let of_port = |port| if self.is_control(port) { WayOut::Shown } else { WayOut::Likely };
        let by_call = self.media_over_tcp(family).map(|_| WayOut::Likely);
        answers.map(|(_, port, _)| of_port(port)).chain(by_call).max().unwrap_or(WayOut::Unknown)
    }

    /// The unusual ports of media that accepted connections of a call.
    fn media_over_tcp(&self, family: Family) -> impl Iterator<Item = Port> {
        let usual = &self.ruleset.controls.usual;
        let paths = self.observations.elsewhere().flat_map(of_calls).flat_map(|call| &call.paths);
        paths.filter_map(move |path| {
            let port = Port::new(path.candidate.port()).filter(|port| !usual.contains(port));
            let is_accepted = path.connect.as_ref().is_some_and(Connect::is_accepted);
            let is_meant = Family::of(path.candidate.ip()) == family && !path.way.is_relayed();
            port.filter(|_| is_accepted && is_meant)
        })
    }

    /// Whether our own network may be what refuses connections. It refuses none by itself where a port
    /// that nobody has heard of met something else, and few where an unusual port accepts.
    fn refused_on_the_way(&self, family: Family) -> RefusedOnTheWay {
        let once = &self.observations.once.refused_on_the_way;
        *once.get(family, || self.read_refused_on_the_way(family))
    }

    fn read_refused_on_the_way(&self, family: Family) -> RefusedOnTheWay {
        let usual = &self.ruleset.controls.usual;
        let all = || self.connections(family).map(|(_, port, connect)| (port, connect));
        let is_reset = |connect: &Connect| matches!(connect, Connect::Reset);
        if all().any(|(port, connect)| self.is_control(port) && !is_reset(connect)) {
            RefusedOnTheWay::No
        } else if all().any(|(port, connect)| !usual.contains(&port) && connect.is_accepted()) {
            RefusedOnTheWay::Unlikely
        } else {
            RefusedOnTheWay::Perhaps
        }
    }

    /// Whether anybody at this address ever said anything, or the deployment itself names it as its
    /// own.
    pub(super) fn is_somebody_at(&self, address: IpAddr) -> bool {
        let mut calls = self.observations.elsewhere().flat_map(of_calls);
        self.observations.at(address).any(|observation| self.is_word_of(observation, address))
            || calls.any(|call| {
                let signal = &call.signal;
                let is_joined = signal.address == Some(address)
                    && signal.http_proxy.is_none()
                    && signal.connect.is_accepted();
                let mut paths = call.paths.iter();
                is_joined || paths.any(|path| path.candidate.ip() == address)
            })
    }

    fn is_word_of(&self, observation: &Observation, address: IpAddr) -> bool {
        match connect_of(observation) {
            Some(Connect::Accepted) => !self.is_accepted_for(address) || speaks(observation),
            Some(Connect::Reset) => true,
            Some(Connect::Icmp(error)) => error.proves_arrival(),
            Some(Connect::Silent) => false,
            None => match &observation.outcome {
                Outcome::Saw(Facts::Echo(echo)) => echo.is_replied(),
                _ => answered_over_udp(observation),
            },
        }
    }

    /// The addresses that were asked, and at which nobody ever said anything.
    fn nobody_at(&self) -> &Arc<[IpAddr]> {
        self.observations.once.nobody_at.get_or_init(|| {
            let asked = self.observations.iter().filter_map(|it| it.spec.address());
            let asked: BTreeSet<IpAddr> = asked.collect();
            let is_nobody_there = |address: &IpAddr| {
                !self.is_somebody_at(*address) && self.sees(Family::of(*address))
            };
            asked.into_iter().filter(is_nobody_there).collect()
        })
    }

    /// The nodes that are declared to be at these addresses.
    fn nobody_on(&self) -> &Arc<[NodeName]> {
        self.observations.once.nobody_on.get_or_init(|| {
            let nodes = self.nobody_at().iter().flat_map(|at| self.deployment.nodes_at(*at));
            let names: BTreeSet<NodeName> = nodes.map(|node| node.name.clone()).collect();
            names.into_iter().collect()
        })
    }

    /// Whether a name of the deployment leads to this address: then it is where people arrive.
    fn is_in_dns(&self, address: IpAddr) -> bool {
        self.observations.elsewhere().any(|observation| {
            match (&observation.spec, &observation.outcome) {
                (ProbeSpec::Dns { .. }, Outcome::Saw(Facts::Dns(facts))) => {
                    facts.answer == DnsAnswer::Addresses && facts.addresses.contains(&address)
                }
                _ => false,
            }
        })
    }
}

/// Whether somebody said something of his own on a connection.
fn speaks(observation: &Observation) -> bool {
    let http = |answer: &Option<HttpAnswer>| matches!(answer, Some(HttpAnswer::Response(_)));
    let tls = |handshake: &Option<Handshake>| {
        matches!(handshake, Some(Handshake::Completed(_) | Handshake::Alert { .. }))
    };
    let Outcome::Saw(facts) = &observation.outcome else {
        return false;
    };
    match facts {
        Facts::Http(facts) => http(&facts.answer),
        Facts::Tls(facts) => tls(&facts.handshake),
        Facts::Api(facts) => http(&facts.answer) || tls(&facts.handshake),
        Facts::Browser(facts) => facts
            .hellos
            .iter()
            .any(|hello| matches!(hello.answer, Handshake::Completed(_) | Handshake::Alert { .. })),
        Facts::Hold(facts) => tls(&facts.handshake),
        Facts::Turn(facts) => {
            tls(&facts.handshake) || facts.binding.as_ref().is_some_and(StunAnswer::is_stun)
        }
        Facts::Rtmp(facts) => {
            let completes = matches!(facts.answer, Some(RtmpAnswer::Completed));
            tls(&facts.handshake) || completes
        }
        Facts::Service(facts) => matches!(
            facts.answer,
            Some(
                ServiceAnswer::Redis(_)
                    | ServiceAnswer::MongoDb { .. }
                    | ServiceAnswer::Http(_)
                    | ServiceAnswer::Http2
                    | ServiceAnswer::Other(_)
            )
        ),
        Facts::Dns(_)
        | Facts::Authority(_)
        | Facts::Tcp(_)
        | Facts::Udp(_)
        | Facts::Echo(_)
        | Facts::Responder(_)
        | Facts::Host(_)
        | Facts::ProxyConfiguration(_)
        | Facts::OpenviduConfiguration(_)
        | Facts::Call(_) => false,
    }
}

impl View<'_> {
    fn address(&self) -> Option<IpAddr> {
        self.check.target.address
    }

    /// See [`WayOut`]. From a machine of the deployment the way out is a part of it.
    fn way_out(&self) -> WayOut {
        match self.case.vantage.zone {
            Zone::Internet => self.case.way_out(self.family()),
            _ => WayOut::Shown,
        }
    }

    fn refused_on_the_way(&self) -> RefusedOnTheWay {
        match self.case.vantage.zone {
            Zone::Internet => self.case.refused_on_the_way(self.family()),
            _ => RefusedOnTheWay::No,
        }
    }

    /// Nobody at the check's address ever said anything.
    pub fn nobody_there(&self) -> Option<Judgement> {
        let address = self.address()?;
        if self.case.is_somebody_at(address) {
            return None;
        }
        let seen = PortSeen::NobodyAt {
            nodes: self.case.nobody_on().clone(),
            addresses: self.case.nobody_at().clone(),
        };
        Some(Judgement::unsettled(ReasonCode::AddressSilent, seen))
    }

    /// Why silence over TCP says nothing of a port that should be closed; `None`: it speaks for it.
    pub fn silence_says_nothing(&self) -> Option<Judgement> {
        if !self.sees(self.family()) {
            return Some(nothing_seen(self));
        }
        self.nobody_there().or_else(|| match self.way_out() {
            WayOut::Unknown => Some(self.way_out_unknown()),
            WayOut::Likely | WayOut::Shown => None,
        })
    }

    fn way_out_unknown(&self) -> Judgement {
        Judgement::unsettled(ReasonCode::WayOutUnknown, PortSeen::WayOutUnknown(self.family()))
    }

    /// What silence says of a TCP port that should be open.
    pub fn silent_though_open(&self, port: Option<Port>) -> Judgement {
        let family = self.family();
        if !self.sees(family) {
            return nothing_seen(self);
        }
        let way_out = self.way_out();
        let is_in_dns = self.address().is_some_and(|address| self.case.is_in_dns(address));
        if let Some(nobody) = self.nobody_there() {
            // Whoever follows the name meets the same.
            return if is_in_dns && way_out > WayOut::Unknown {
                Judgement::suspected(ReasonCode::TcpTimeout, PortSeen::Silent)
            } else {
                nobody
            };
        }
        let is_usual = port.is_some_and(|port| self.case.ruleset.controls.usual.contains(&port));
        match way_out {
            WayOut::Shown => Judgement::fail(ReasonCode::TcpTimeout, PortSeen::Silent),
            WayOut::Unknown if !is_usual => self.way_out_unknown(),
            WayOut::Likely | WayOut::Unknown => {
                Judgement::suspected(ReasonCode::TcpTimeout, PortSeen::Silent)
            }
        }
    }

    /// What RST says of a TCP port that should be open.
    pub fn refused_though_open(&self, port: Option<Port>) -> Judgement {
        let is_usual = port.is_some_and(|port| self.case.ruleset.controls.usual.contains(&port));
        match self.refused_on_the_way() {
            RefusedOnTheWay::Perhaps if !is_usual => {
                let seen = PortSeen::WayOutRefused(self.family());
                Judgement::unsettled(ReasonCode::WayOutUnknown, seen)
            }
            RefusedOnTheWay::Unlikely if !is_usual => {
                Judgement::suspected(ReasonCode::TcpRefused, PortSeen::Refused)
            }
            RefusedOnTheWay::No | RefusedOnTheWay::Unlikely | RefusedOnTheWay::Perhaps => {
                Judgement::fail(ReasonCode::TcpRefused, PortSeen::Refused)
            }
        }
    }

    /// Connections are accepted in the machine's place, so that one that is accepted says nothing,
    /// unless somebody speaks on it.
    pub fn accepted_for_others(&self, port: Option<Port>) -> Option<Judgement> {
        let address = self.address()?;
        let unlistened = self.case.plan.unlistened?;
        let is_there = |observation: &Observation| {
            let to = observation.spec.endpoint();
            to.is_some_and(|to| to.address == address && Some(to.port) == port)
        };
        let mut there = self.case.observations.at(address).filter(|it| is_there(it));
        if !self.case.is_accepted_for(address) || there.any(speaks) {
            return None;
        }
        let family = self.family();
        let everywhere = self.case.accepts_for_all(family).then_some(family);
        let seen = PortSeen::AcceptedForOthers { unlistened, everywhere };
        Some(Judgement::vantage_limit(ReasonCode::AcceptedForOthers, seen))
    }
}
