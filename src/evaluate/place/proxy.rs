//! Whether connections get out directly. Control, where this machine is told to use an HTTP proxy: a
//! machine of the deployment that answers one.

use super::super::Case;
use super::super::eyesight::answered_over_udp;
use super::super::judgement::Judgement;
use super::super::view::{View, connect_of};
use super::{doubted, may_rest_on_silence};
use crate::model::facts::{DnsAnswer, Facts};
use crate::model::observation::{Observation, Outcome};
use crate::model::premise::Doubt;
use crate::model::probe::ProbeSpec;
use crate::model::vantage::Zone;

/// The HTTP proxy without which nothing seems to get out.
pub(super) struct OnlyProxy(Option<Doubt>);

impl OnlyProxy {
    pub fn of(case: &Case<'_>) -> Self {
        let proxy = case.vantage.http_proxy.as_ref();
        let proxy = proxy.filter(|_| case.vantage.zone == Zone::Internet);
        let gets_out = || case.observations.iter().any(|it| is_answered_directly(case, it));
        let doubt = proxy.filter(|_| !gets_out());
        Self(doubt.map(|proxy| Doubt::OnlyProxy { proxy: proxy.clone() }))
    }

    /// What is left of a judgement about what was asked directly.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let Some(doubt) = &self.0 else { return judgement };
        let rests = may_rest_on_silence(view, &judgement);
        // The zone itself was heard: no inner DNS server is to blame.
        let is_of_zone = |it: &Observation| match &it.outcome {
            Outcome::Saw(Facts::Authority(facts)) => {
                facts.servers.iter().any(|server| server.settled().is_some())
            }
            _ => false,
        };
        let rests = rests && !view.observations().any(is_of_zone);
        if rests && view.observations().any(is_unanswered) { doubted(doubt) } else { judgement }
    }
}

/// Whether somebody outside answered without the proxy. Who refuses may be a firewall on the way.
fn is_answered_directly(case: &Case<'_>, observation: &Observation) -> bool {
    match (&observation.spec, &observation.outcome) {
        (ProbeSpec::Dns { .. }, _) => false,
        // A call goes through the proxy, and its media directly.
        (ProbeSpec::Call(_), Outcome::Saw(Facts::Call(call))) => call
            .paths
            .iter()
            .any(|path| path.connect.as_ref().is_some_and(|connect| connect.is_accepted())),
        (spec, _) => {
            let is_own = spec.address().is_some_and(|it| case.vantage.addresses.contains(&it));
            let is_accepted = connect_of(observation).is_some_and(|it| it.is_accepted());
            !is_own && (is_accepted || answered_over_udp(observation))
        }
    }
}

/// What a network without a direct way out makes of a question. Its DNS server often knows no names of
/// the internet.
fn is_unanswered(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(Facts::Dns(facts)) => facts.answer != DnsAnswer::Addresses,
        Outcome::Saw(Facts::Call(_) | Facts::Authority(_)) => false,
        Outcome::Saw(_) => true,
        Outcome::Blind(_) => false,
    }
}
