//! Certificates that browsers refuse, and whose fault that is.

use super::super::super::network::is_issuer_of_inspection;
use super::super::super::tls;
use super::super::clock::{self, ServerClock};
use super::super::made::MadeCall;
use super::{Reading, door};
use crate::model::call::{Certainty, Responsible, Step, Stop};
use crate::model::facts::{ChainFacts, Handshake, JoinAnswer, Trust};
use crate::model::reason::ReasonCode;
use crate::model::seen::DoorSeen;

/// Where browsers stop because they refuse the certificate of a handshake that completed.
pub(super) fn refused(call: &MadeCall<'_>, handshake: Option<&Handshake>) -> Option<Stop> {
    let session = door::session(handshake)?;
    let chain = session.certificate.as_ref()?;
    let judged = tls::untrusted(session, call.case.now)?;
    let (certainty, responsible) = whose(call, chain, judged.reason);
    let issuer = chain.certificates.last().map(|last| last.issuer.clone());
    let seen = DoorSeen::Untrusted { why: Box::new(judged.seen), issuer };
    let reading = Reading::proven(Step::Certificate, judged.reason, responsible);
    Some(Reading { certainty, ..reading }.stop(seen))
}

/// Who showed this certificate, and how sure it is that the deployment's users meet the same.
///
/// | refused because | the fact that decides | whose |
/// | --- | --- | --- |
/// | anything | the issuer is an inspecting product | a device on the path |
/// | its dates | the server's clock makes it valid | this computer's clock |
/// | its dates | it leads to a trusted root: no device on the path has the key of such a certificate | the deployment |
/// | its issuer's dates | the signatures lead to a trusted root | the deployment |
/// | its name | it leads to a trusted root, and a join worked: it is no login page that answers for every name | the deployment |
/// | it signed itself | nothing: a page that blocks a site shows such certificates too | most likely the deployment |
/// | its issuer's is missing, its chain is broken | nothing: the signature cannot be verified, and what the certificate says can be copied | most likely the deployment |
/// | its issuer is unknown | nothing: a private authority, or inspection. That it says that it is in public logs (SCTs) speaks for the deployment | not known |
fn whose(call: &MadeCall<'_>, chain: &ChainFacts, reason: ReasonCode) -> (Certainty, Responsible) {
    if is_of_inspection(chain) {
        return (Certainty::Proven, Responsible::OnPath);
    }
    let is_by_date = matches!(reason, ReasonCode::TlsExpired | ReasonCode::TlsNotYetValid);
    let clock = clock::of_certificate(call, chain).filter(|_| is_by_date);
    // A certificate that begins in the future is rarer than a clock that stands still.
    let is_too_early = reason == ReasonCode::TlsNotYetValid && clock.is_none();
    if is_too_early || matches!(clock, Some(ServerClock::IsTheCause { .. })) {
        return (Certainty::CannotTell, Responsible::ThisComputer);
    }
    let leads_to_root = chain.trust == Trust::Verified && !chain.private_root;
    let is_public = chain.certificates.first().is_some_and(|leaf| leaf.is_publicly_logged);
    // A login page answers for every name with a certificate of its own, which may lead to a root as
    // well. Behind it nobody joins.
    let is_beyond_portals = call.facts.signal.join == Some(JoinAnswer::Joined);
    let responsible = match reason {
        _ if is_by_date && leads_to_root => Responsible::Deployment,
        ReasonCode::TlsIssuerExpired if chain.is_vouched_for && chain.name_matches => {
            Responsible::Deployment
        }
        ReasonCode::TlsNameMismatch if leads_to_root && is_beyond_portals => {
            Responsible::Deployment
        }
        // A device on the path sends its own authority's certificate along, as it is told to.
        ReasonCode::TlsUnknownCa if !is_alone(chain) && !is_public => Responsible::NotKnown,
        _ => Responsible::DeploymentOrPath,
    };
    (Certainty::Proven, responsible)
}

/// Whether products that inspect TLS issue certificates by the names in this chain.
pub(super) fn is_of_inspection(chain: &ChainFacts) -> bool {
    chain.certificates.iter().any(|certificate| is_issuer_of_inspection(&certificate.issuer))
}

/// Whether nothing but the server's own certificate was sent.
pub(in super::super::super) fn is_alone(chain: &ChainFacts) -> bool {
    match chain.certificates.as_slice() {
        [first, others @ ..] => others.iter().all(|other| other.subject == first.subject),
        [] => false,
    }
}
