//! The certificates that the endpoints of a deployment showed.

use super::{
    ShownAsked, ShownCertificate, ShownFacts, ShownHandshake, ShownObservation, ShownReport,
    ShownSni,
};
use crate::model::timestamp::Timestamp;

/// The chain that an endpoint showed.
#[derive(Debug, Clone, Copy)]
pub struct SeenChain<'a> {
    /// `api`, `turn` or `rtmp`.
    pub endpoint: &'static str,
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// The server's own certificate.
    pub leaf: &'a ShownCertificate,
    /// When the first certificate of the chain expires.
    pub not_after: Timestamp,
}

impl ShownReport {
    /// The chains that were seen at the endpoints of the deployment.
    pub fn chains(&self) -> impl Iterator<Item = SeenChain<'_>> {
        self.observations.iter().filter_map(|observation| self.chain(observation))
    }

    fn chain<'a>(&'a self, observation: &'a ShownObservation) -> Option<SeenChain<'a>> {
        let ShownAsked::Tls { to, sni: ShownSni::Name(name) } = &observation.asked else {
            return None;
        };
        let Some(ShownFacts::Tls { handshake: Some(ShownHandshake::Completed { completed }) }) =
            &observation.facts
        else {
            return None;
        };
        let certificates = &completed.certificate.as_ref()?.certificates;
        let ends = certificates.iter().filter_map(|one| Timestamp::from_rfc3339(&one.not_after));
        let is_of_rtmp = self.findings.iter().any(|finding| {
            finding.family() == "rtmp" && finding.evidence.contains(&observation.id)
        });
        let endpoint = if is_of_rtmp {
            "rtmp"
        } else if Some(name) == self.deployment.turn_domain.as_ref() {
            "turn"
        } else if *name == self.deployment.domain {
            "api"
        } else {
            return None;
        };
        let family = if to.address.contains(':') { "ipv6" } else { "ipv4" };
        Some(SeenChain { endpoint, family, leaf: certificates.first()?, not_after: ends.min()? })
    }
}
