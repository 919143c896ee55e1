//! What one check may look at.

use super::Case;
use super::judgement::Judgement;
use crate::model::deployment::NodeRole;
use crate::model::facts::{
    ApiFacts, BrowserFacts, CallFacts, Connect, DnsFacts, Facts, HoldFacts, HostFacts, HttpFacts,
    OpenviduFacts, ProxyFacts, RtmpFacts, TlsFacts, TurnFacts, UdpFacts,
};
use crate::model::front::HttpFront;
use crate::model::observation::{Blindness, LocalTrouble, Observation, Outcome};
use crate::model::plan::{Ask, Check};
use crate::model::port::Port;
use crate::model::probe::{PathRequest, ProbeSpec, TlsOffer};
use crate::model::rule::{Demand, Rule};
use crate::model::seen::Seen;
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
type Looked<'a, T> = Result<&'a T, Blindness>;

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
        self.check.probes.iter().map(|index| &case.observations[index.0])
    }

    /// The facts of the first observation for which `pick` finds something.
    fn first<T>(
        &self,
        asks: impl Fn(&ProbeSpec) -> bool,
        pick: impl Fn(&'a Facts) -> Option<&'a T>,
    ) -> Looked<'a, T> {
        let observation = self
            .observations()
            .find(|observation| asks(&observation.spec))
            .ok_or(LocalTrouble::NothingAsked)?;
        match &observation.outcome {
            Outcome::Saw(facts) => Ok(pick(facts).expect("a probe brings facts of its own kind")),
            Outcome::Blind(blindness) => Err(blindness.clone()),
        }
    }

    pub fn dns(&self, family: Family) -> Looked<'a, DnsFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Dns { family: asked, .. } if *asked == family),
            Facts::as_dns,
        )
    }

    /// What the connection to the check's TCP port met, whichever probe made it.
    pub fn connect(&self) -> Looked<'a, Connect> {
        self.connect_where(|_| true)
    }

    /// What a connection to this port met, whichever probe made it.
    pub fn connect_to(&self, port: Port) -> Looked<'a, Connect> {
        self.connect_where(|endpoint| endpoint.port == port)
    }

    fn connect_where(&self, wanted: impl Fn(Endpoint) -> bool) -> Looked<'a, Connect> {
        let observation = self
            .observations()
            .find(|observation| observation.spec.endpoint().is_some_and(&wanted))
            .ok_or(LocalTrouble::NothingAsked)?;
        match &observation.outcome {
            Outcome::Saw(_) => {
                Ok(connect_of(observation).expect("a probe over TCP begins with a connection"))
            }
            Outcome::Blind(blindness) => Err(blindness.clone()),
        }
    }

    pub fn http(&self) -> Looked<'a, HttpFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Http { .. }), Facts::as_http)
    }

    /// The handshake that offers everything, for the certificate.
    pub fn tls(&self) -> Looked<'a, TlsFacts> {
        self.tls_where(|offer| matches!(offer, TlsOffer::Web | TlsOffer::Stream))
    }

    /// The first handshake with an offer of this kind.
    pub fn tls_where(&self, wanted: impl Fn(&TlsOffer) -> bool) -> Looked<'a, TlsFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Tls { offer, .. } if wanted(offer)),
            Facts::as_tls,
        )
    }

    pub fn api(&self) -> Looked<'a, ApiFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Api { .. }), Facts::as_api)
    }

    /// What this request met.
    pub fn path(&self, wanted: PathRequest) -> Looked<'a, ApiFacts> {
        self.first(
            |spec| matches!(spec, ProbeSpec::Path { request, .. } if *request == wanted),
            Facts::as_api,
        )
    }

    pub fn browser(&self) -> Looked<'a, BrowserFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Browser { .. }), Facts::as_browser)
    }

    pub fn turn(&self) -> Looked<'a, TurnFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Turn { .. }), Facts::as_turn)
    }

    pub fn hold(&self) -> Looked<'a, HoldFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Hold { .. }), Facts::as_hold)
    }

    pub fn rtmp(&self) -> Looked<'a, RtmpFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Rtmp { .. }), Facts::as_rtmp)
    }

    pub fn call(&self) -> Looked<'a, CallFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Call(_)), Facts::as_call)
    }

    pub fn openvidu_configuration(&self) -> Looked<'a, OpenviduFacts> {
        let wanted = |spec: &ProbeSpec| *spec == ProbeSpec::OpenviduConfiguration;
        self.first(wanted, Facts::as_openvidu_configuration)
    }

    pub fn proxy_configuration(&self) -> Looked<'a, ProxyFacts> {
        let wanted = |spec: &ProbeSpec| *spec == ProbeSpec::ProxyConfiguration;
        self.first(wanted, Facts::as_proxy_configuration)
    }

    pub fn host(&self) -> Looked<'a, HostFacts> {
        self.first(|spec| *spec == ProbeSpec::Host, Facts::as_host)
    }

    pub fn udp(&self) -> Looked<'a, UdpFacts> {
        self.first(|spec| matches!(spec, ProbeSpec::Udp { .. }), Facts::as_udp)
    }

    /// The web server at the check's address, when it forwards HTTP and nothing else.
    pub fn http_front(&self) -> Option<HttpFront> {
        let address = self.check.target.address;
        let of_address = self.case.observations.at_target(address);
        of_address
            .filter_map(|observation| match &observation.outcome {
                Outcome::Saw(Facts::Http(facts)) => facts.answer.as_ref()?.server(),
                Outcome::Saw(Facts::Api(facts)) => facts.answer.as_ref()?.server(),
                Outcome::Saw(Facts::Turn(facts)) => facts.instead.as_ref()?.server(),
                Outcome::Saw(_) | Outcome::Blind(_) => None,
            })
            .find_map(|server| self.case.ruleset.front_named(server))
    }

    /// Nothing is demanded of an endpoint whose feature nobody said to use, when nobody is there.
    pub fn unused_endpoint(&self) -> Option<Judgement> {
        let Ask::EitherWay(condition) = self.check.ask else {
            return None;
        };
        if matches!(self.rule.demand, Demand::PortRow(_)) {
            return None;
        }
        let connect = self.observations().find_map(|observation| connect_of(observation))?;
        (!connect.is_accepted()).then(|| {
            Judgement::not_applicable(Seen::UseUndeclared {
                condition,
                itself: Box::new(connect.into()),
            })
        })
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
}

/// What a connection attempt of this observation met.
pub(super) fn connect_of(observation: &Observation) -> Option<&Connect> {
    match &observation.outcome {
        Outcome::Saw(facts) => facts.connect(),
        Outcome::Blind(_) => None,
    }
}
