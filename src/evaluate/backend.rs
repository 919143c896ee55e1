//! A backend that does not answer behind the proxy, and what else of the run says why. The causes, and
//! what decides each: `docs/evidence.md`.

use super::judgement::Judgement;
use super::view::View;
use super::{service, way};
use crate::model::deployment::Topology;
use crate::model::facts::{Facts, Handshake, HttpAnswer, OtherBeginnings};
use crate::model::observation::{Observation, Outcome};
use crate::model::probe::{Carrier, ProbeSpec};
use crate::model::reason::ReasonCode;
use crate::model::rule::Service;
use crate::model::seen::{BackendCause, BackendDown, BackendSign};
use crate::model::target::Endpoint;

impl View<'_> {
    /// The violation that no answer comes from behind the proxy.
    pub fn backend_down(&self, sign: BackendSign) -> Judgement {
        let cause = self.cause(&sign);
        let reason = match (cause, &sign) {
            (Some(BackendCause::ClientCertificate), _) => ReasonCode::ClientCertificateDemanded,
            (Some(BackendCause::ProxyHeaderMissing), _) => ReasonCode::ProxyHeaderExpected,
            (Some(BackendCause::TlsTwice), _) => ReasonCode::BackendWantsTls,
            (Some(BackendCause::ProxyHeaderSent), _) => ReasonCode::ProxyHeaderSent,
            (Some(BackendCause::NothingAnswers), _) => ReasonCode::NothingBehindProxy,
            (Some(BackendCause::AnswersDirectly), _) => ReasonCode::ProxyDoesNotForward,
            (None, BackendSign::SpeaksTls) => ReasonCode::BackendWantsTls,
            (None, BackendSign::HangsUp | BackendSign::GatewayError(_)) => ReasonCode::BackendDown,
            (None, BackendSign::Silent | BackendSign::SilentToHttp) => ReasonCode::BackendSilent,
            (None, BackendSign::RequestUnreadable(_)) => ReasonCode::HttpStatus,
        };
        let is_one_of_several = self.answers_at_times();
        Judgement::fail(reason, BackendDown { sign, cause, is_one_of_several })
    }

    /// Why nothing comes back, where another observation shows it.
    fn cause(&self, sign: &BackendSign) -> Option<BackendCause> {
        let otherwise = self.observations().find_map(otherwise);
        match otherwise {
            Some(OtherBeginnings { behind_proxy_header: true, .. }) => {
                return Some(BackendCause::ProxyHeaderMissing);
            }
            Some(OtherBeginnings { by_tls: true, .. }) => return Some(BackendCause::TlsTwice),
            Some(_) | None => {}
        }
        if self.is_client_certificate_demanded() {
            return Some(BackendCause::ClientCertificate);
        }
        // A gateway speaks HTTP itself, and says what it met.
        if matches!(sign, BackendSign::GatewayError(_)) {
            return self.does_nothing_answer().then_some(BackendCause::NothingAnswers);
        }
        if self.is_request_spoiled() {
            return Some(BackendCause::ProxyHeaderSent);
        }
        if self.answers_directly() {
            return Some(BackendCause::AnswersDirectly);
        }
        self.does_nothing_answer().then_some(BackendCause::NothingAnswers)
    }

    /// Whether the proxy asked for a client certificate, and answered nobody on this port that has
    /// none: one that answers some of its backends only wishes for it.
    pub fn is_client_certificate_demanded(&self) -> bool {
        let Some(here) = self.observations().find_map(|it| it.spec.endpoint()) else {
            return false;
        };
        let at_this_port = || {
            let all = self.case.observations.at(here.address);
            all.filter(|observation| observation.spec.endpoint() == Some(here))
        };
        at_this_port().any(asks_for_client_certificate)
            && !at_this_port().any(|it| asks_for_client_certificate(it) && is_answered(it))
    }

    /// Whether LiveKit, behind the same proxy, could not read a request for its API that was right.
    fn is_request_spoiled(&self) -> bool {
        let address = self.check.target.address;
        self.case.observations.at_target(address).any(|observation| {
            let is_here = matches!(observation.spec, ProbeSpec::Api { over: Carrier::Tls(_), .. });
            is_here
                && matches!(&observation.outcome, Outcome::Saw(Facts::Api(facts))
                if matches!(&facts.answer, Some(HttpAnswer::Response(response))
                if response.is_to_unreadable_request()))
        })
    }

    /// Whether none of the programs behind this address of the proxy answers. LiveKit alone is two of
    /// the services, so that all three are needed for a cause that is not its own.
    fn does_nothing_answer(&self) -> bool {
        let services = [Service::LivekitApi, Service::TurnTcp, Service::Rtmp];
        self.check.target.address.is_some_and(|address| {
            services.into_iter().all(|it| service::is_lost_behind_proxy(self, it, address))
        })
    }

    /// Whether the machine behind the proxy answers this one, without the proxy, as the service that
    /// the check wants.
    fn answers_directly(&self) -> bool {
        let deployment = self.case.deployment;
        let Some(wanted) = way::service_behind_proxy(self.rule) else {
            return false;
        };
        let is_backend = |to: Endpoint| {
            let mut nodes = deployment.nodes_at(to.address);
            nodes.any(|node| node.role == deployment.topology.backend())
        };
        let direct: Vec<&Observation> = self
            .case
            .observations
            .iter()
            .filter(|observation| {
                observation.spec.endpoint().is_some_and(is_backend)
                    && service::is_question_to(&observation.spec, wanted, &Carrier::Tcp)
            })
            .collect();
        // One address of several that is closed may be the one that the proxy uses.
        !direct.is_empty() && direct.iter().all(|it| service::is_answer_of(it, wanted))
    }

    /// Whether the same service answered there at another time: a proxy in front of several machines
    /// sends one connection to this machine and the next one to that.
    pub fn answers_at_times(&self) -> bool {
        let address = self.check.target.address;
        let service = way::service_behind_proxy(self.rule);
        let is_answered_again = || self.observations().any(is_answered_again);
        self.case.deployment.topology != Topology::SingleNode
            && (service.is_some_and(|service| service::works_through_proxy(self, service, address))
                || is_answered_again())
    }
}

fn otherwise(observation: &Observation) -> Option<OtherBeginnings> {
    match &observation.outcome {
        Outcome::Saw(Facts::Api(facts)) => facts.otherwise,
        Outcome::Saw(Facts::Turn(facts)) => facts.otherwise,
        Outcome::Saw(Facts::Rtmp(facts)) => facts.otherwise,
        Outcome::Saw(_) | Outcome::Blind(_) => None,
    }
}

/// Whether a question that stayed without an answer was answered when it was asked once more.
fn is_answered_again(observation: &Observation) -> bool {
    let again = match &observation.outcome {
        Outcome::Saw(Facts::Rtmp(facts)) => facts.second_try,
        Outcome::Saw(_) | Outcome::Blind(_) => None,
    };
    again.is_some_and(|again| {
        again.with_small_segments || again.as_before || again.in_pieces == Some(true)
    })
}

fn asks_for_client_certificate(observation: &Observation) -> bool {
    let handshake = match &observation.outcome {
        Outcome::Saw(Facts::Api(facts)) => &facts.handshake,
        Outcome::Saw(Facts::Turn(facts)) => &facts.handshake,
        Outcome::Saw(Facts::Rtmp(facts)) => &facts.handshake,
        Outcome::Saw(Facts::Tls(facts)) => &facts.handshake,
        Outcome::Saw(_) | Outcome::Blind(_) => return false,
    };
    matches!(handshake, Some(Handshake::Completed(session)) if session.client_certificate_wanted)
}

fn is_answered(observation: &Observation) -> bool {
    [Service::LivekitApi, Service::TurnTcp, Service::Rtmp]
        .into_iter()
        .any(|service| service::is_answer_of(observation, service))
}
