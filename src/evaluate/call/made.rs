//! The call of a run, as the ladder and the rules look at it.

use std::net::IpAddr;
use std::time::Duration;

use super::super::judgement::Place;
use super::super::{Case, rule_of};
use crate::model::deployment::Node;
use crate::model::facts::{
    CallFacts, CandidatePlace, ChainFacts, Handshake, HttpProxyFacts, IceUrl, PathFacts,
    PunchFacts, RelayFacts, SessionFacts,
};
use crate::model::name::{DomainName, NodeName};
use crate::model::named::Forbidden;
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::port::Port;
use crate::model::probe::{CallSpec, ProbeSpec};
use crate::model::rule::Demand;
use crate::model::seen::{CheckedPath, SessionProof};
use crate::model::vantage::Zone;

/// How long LiveKit waits for checks after its answer, in milliseconds: what is sent later finds
/// no session.
const WINDOW_MS: u64 = 15_000;

/// The probe that called, and what it brought home.
#[derive(Clone, Copy)]
pub(in super::super) struct CallAttempt<'a> {
    pub case: &'a Case<'a>,
    pub spec: &'a CallSpec,
    observation: &'a Observation,
    pub seen: Result<&'a CallFacts, &'a Blindness>,
}

impl<'a> CallAttempt<'a> {
    /// The one call of a run; `None`: no rule wanted one.
    pub fn find(case: &'a Case<'a>) -> Option<Self> {
        case.observations.elsewhere().find_map(|observation| {
            let ProbeSpec::Call(spec) = &observation.spec else {
                return None;
            };
            let seen = match &observation.outcome {
                Outcome::Saw(facts) => Ok(facts.as_call()?),
                Outcome::Blind(blindness) => Err(blindness),
            };
            Some(Self { case, spec, observation, seen })
        })
    }

    /// The first call.
    pub fn made(&self) -> Option<MadeCall<'a>> {
        Some(MadeCall { case: self.case, facts: self.seen.ok()? })
    }

    /// The call that was on this node, where one was looked for on each; otherwise the first.
    pub fn made_on(&self, node: Option<&NodeName>) -> Option<MadeCall<'a>> {
        let first = self.made()?;
        let is_on = |call: &MadeCall<'_>| matches!(call.media_nodes().as_slice(), [only] if Some(&only.name) == node);
        Some(first.on_all_servers().find(is_on).unwrap_or(first))
    }

    /// The HTTP proxy (`host:port`) that everything over TCP went through.
    pub fn http_proxy(&self) -> Option<&'a str> {
        self.made()?.http_proxy().map(|proxy| proxy.place.as_str())
    }

    /// Milliseconds after the probe's start as milliseconds after the run's.
    pub fn in_run(&self, ms: u64) -> u64 {
        let at = self.observation.started + Duration::from_millis(ms);
        u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A call of which there are facts.
#[derive(Clone, Copy)]
pub(in super::super) struct MadeCall<'a> {
    pub case: &'a Case<'a>,
    pub facts: &'a CallFacts,
}

impl<'a> MadeCall<'a> {
    /// This call, and those on other servers that were found behind it.
    pub fn on_all_servers(self) -> impl Iterator<Item = MadeCall<'a>> {
        self.facts.on_all_servers().map(move |facts| MadeCall { case: self.case, facts })
    }

    /// The declared machines that carry media on which the server is: those at whose addresses it answers,
    /// otherwise those at whose addresses it offers media. None where it is another machine, or an address
    /// that nobody declared; several behind one address.
    pub fn media_nodes(&self) -> Vec<&'a Node> {
        let answered = self.answered_directly().map(|path| path.candidate.ip());
        let by_answers = self.media_nodes_at(&answered.collect::<Vec<_>>());
        if by_answers.is_empty() {
            let offered = self.places().map(|place| place.address.ip());
            return self.media_nodes_at(&offered.collect::<Vec<_>>());
        }
        by_answers
    }

    fn media_nodes_at(&self, addresses: &[IpAddr]) -> Vec<&'a Node> {
        let deployment = self.case.deployment;
        let media = deployment.nodes_of(deployment.topology.media());
        media.filter(|node| addresses.iter().any(|address| node.has(*address))).collect()
    }

    /// The checks straight to a candidate that were answered: by the server of this session.
    pub fn answered_directly(&self) -> impl Iterator<Item = &'a PathFacts> + use<'a> {
        let direct = self.facts.paths.iter().filter(|path| !path.way.is_relayed());
        direct.filter(|path| path.check.is_answered())
    }

    /// Whether an address is that of another machine that carries media than the one on which the server is.
    pub fn is_of_another_node(&self, address: IpAddr) -> bool {
        let owners = self.media_nodes_at(&[address]);
        match self.media_nodes().as_slice() {
            [own] => !owners.is_empty() && !owners.contains(own),
            _ => false,
        }
    }

    /// What the server calls itself among others; `None`: nothing.
    pub fn server_id(&self) -> Option<&'a str> {
        let id = self.session()?.server_id.unquoted();
        Some(id).filter(|id| !id.is_empty())
    }

    /// The name and the port at which participants join.
    pub fn api(&self) -> Option<(&'a DomainName, Port)> {
        let attempt = CallAttempt::find(self.case)?;
        Some((&attempt.spec.host, attempt.spec.port))
    }

    /// The certificates that the API showed.
    pub fn certificate_of_api(&self) -> Option<&'a ChainFacts> {
        match &self.facts.signal.handshake {
            Some(Handshake::Completed(session)) => session.certificate.as_ref(),
            Some(_) | None => None,
        }
    }

    /// Whether a place to which ovcheck did not go is none for users either. A private address may lead
    /// somewhere inside a deployment, behind an HTTP proxy, which alone knows where the API is, and in the
    /// network of this machine.
    pub fn is_of_no_use(&self, why: Forbidden, address: Option<IpAddr>) -> bool {
        let mut own = self.case.vantage.addresses.iter();
        let may_be_private = self.case.vantage.zone != Zone::Internet
            || self.http_proxy().is_some()
            || address.is_some_and(|address| own.any(|own| may_share_link(*own, address)));
        why.is_said_by_server() && !(why == Forbidden::Private && may_be_private)
    }

    pub fn session(&self) -> Option<&'a SessionFacts> {
        self.facts.session.as_ref()
    }

    /// The candidates of the server that say where they lie.
    pub fn places(&self) -> impl Iterator<Item = CandidatePlace> + use<'a> {
        let candidates = self.session().map_or(&[][..], |session| &session.candidates);
        candidates.iter().filter_map(|candidate| candidate.place)
    }

    /// The STUN and TURN servers that LiveKit names.
    pub fn ice_servers(&self) -> &'a [IceUrl] {
        self.session().map_or(&[], |session| &session.ice_servers)
    }

    /// The URL by which LiveKit names a TURN server.
    pub fn url(&self, relay: &RelayFacts) -> Option<&'a IceUrl> {
        self.ice_servers().get(relay.url)
    }

    /// The HTTP proxy of this network: what ends there says nothing about the deployment.
    pub fn http_proxy(&self) -> Option<&'a HttpProxyFacts> {
        self.facts.signal.http_proxy.as_ref()
    }

    /// Whether anything of this session was answered.
    pub fn is_live(&self) -> bool {
        let is_answered = |path: &PathFacts| path.check.is_answered();
        let has_sent_checks = |punched: &PunchFacts| punched.check_from.is_some();
        self.facts.paths.iter().any(is_answered)
            || self.facts.punched.as_ref().is_some_and(has_sent_checks)
    }

    /// What shows that the session is alive.
    pub fn proof(&self) -> Option<SessionProof> {
        let mut paths = self.facts.paths.iter();
        let answered = paths.find(|path| path.check.is_answered());
        let punched = self.facts.punched.as_ref();
        let check = punched.and_then(|punched| punched.check_from);
        answered
            .map(|path| SessionProof::Answered(Box::new(self.checked(path))))
            .or(check.map(SessionProof::ServerCheck))
    }

    /// Whether a check was sent while the server still waited for some.
    pub fn is_in_time(&self, path: &PathFacts) -> bool {
        match (self.session().and_then(|session| session.ready_ms), path.sent_ms) {
            (Some(ready), Some(sent)) => sent < ready + WINDOW_MS,
            _ => true,
        }
    }

    /// A check and what it met, for a finding.
    pub fn checked(&self, path: &PathFacts) -> CheckedPath {
        let relay = path.relay.and_then(|relay| self.facts.relays.get(relay));
        let turn_url = relay.and_then(|relay| self.url(relay)).map(|url| url.text.clone());
        CheckedPath {
            way: path.way,
            candidate: path.candidate,
            turn_url,
            connect: path.connect.clone(),
            check: path.check.clone(),
            after_ms: path.sent_ms.map(|sent| path.ended_ms.saturating_sub(sent)),
        }
    }

    /// Whether a check straight to this address, or one through a relay, was answered.
    pub fn is_answered_at(&self, address: IpAddr, relayed: bool) -> bool {
        self.facts.paths.iter().any(|path| {
            path.way.is_relayed() == relayed
                && path.candidate.ip() == address
                && path.check.is_answered()
        })
    }

    /// The place of a violation at this address: the node that has it. Of several that carry media behind
    /// one address none is accused.
    pub fn place_at(&self, address: IpAddr) -> Place {
        let deployment = self.case.deployment;
        let role = deployment.topology.media();
        let media = || deployment.nodes_at(address).filter(|node| node.role == role);
        let node = match media().count() {
            0 => deployment.nodes_at(address).next(),
            1 => media().next(),
            _ => None,
        };
        Place { node: node.map(|node| node.name.clone()), ..Place::default() }
    }

    /// The place of a violation that a check through a relay, or straight to a candidate, shows.
    pub fn place_of(&self, path: &PathFacts) -> Place {
        let candidate = CandidatePlace {
            transport: path.way.transport_at_candidate(),
            address: path.candidate,
        };
        Place {
            way: Some(path.way),
            turn_url: self.checked(path).turn_url,
            candidate: Some(candidate.into()),
            ..self.place_at(path.candidate.ip())
        }
    }

    /// Whether other rules of the same run judge the certificate of the API.
    pub fn is_certificate_judged(&self) -> bool {
        self.case.plan.checks.iter().any(|check| {
            rule_of(self.case, check).demand == Demand::ChainVerifies
                && check.target.host.as_ref() == Some(&self.case.deployment.domain)
        })
    }
}

/// Whether two addresses may be in one network, as far as its usual size tells.
fn may_share_link(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..3] == other.octets()[..3],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
