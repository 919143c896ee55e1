//! TLS: does it answer, with which certificate, in which versions?

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::facts::{
    Behind, CertificateFacts, ChainFacts, Handshake, HttpAnswer, ServerText, StunAnswer, TlsFacts,
    TlsSession, TlsVersion, Trust,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::{ProbeSpec, Sni, TlsOffer};
use crate::model::reason::ReasonCode;
use crate::model::timestamp::Timestamp;
use crate::model::verdict::Verdict;

/// Seconds in a day.
const DAY: i64 = 86_400;

pub(super) fn completes(view: &View<'_>) -> Judged {
    let facts = view.tls()?;
    Ok(match &facts.handshake {
        None => {
            Judgement::fail(words::connect_reason(&facts.connect), words::connect(&facts.connect))
        }
        Some(Handshake::Completed(session)) => {
            Judgement::pass(format!("{} with {}", session.version, session.cipher))
        }
        Some(handshake) => {
            let (reason, observed) = words::handshake(handshake);
            let place = view.place();
            let summary = match handshake {
                Handshake::NotTls(_) | Handshake::Broken(_) => {
                    format!("{place} answers, but not with TLS")
                }
                Handshake::Alert { .. } => format!("{place} refuses the TLS handshake"),
                Handshake::Completed(_)
                | Handshake::Closed
                | Handshake::Reset
                | Handshake::Silent => format!("no TLS handshake at {place}"),
            };
            Judgement::fail(reason, format!("{summary}\n{observed}"))
        }
    })
}

fn chain<'a>(view: &View<'a>) -> Result<&'a ChainFacts, Blindness> {
    let facts = view.tls()?;
    let session = match &facts.handshake {
        Some(Handshake::Completed(session)) => session,
        _ => {
            return Err(Blindness::Local("the handshake did not complete".to_owned()));
        }
    };
    session
        .certificate
        .as_ref()
        .ok_or_else(|| Blindness::Local("no certificate was sent".to_owned()))
}

fn leaf(chain: &ChainFacts) -> Result<&CertificateFacts, Blindness> {
    chain
        .certificates
        .first()
        .ok_or_else(|| Blindness::Local("the certificate could not be read".to_owned()))
}

/// What is wrong with the certificate of a finished handshake, so that a browser ends it; `None`:
/// nothing.
pub(super) fn untrusted(session: &TlsSession, now: Timestamp) -> Option<Judgement> {
    let chain = session.certificate.as_ref()?;
    let leaf = chain.certificates.first();
    let of_leaf = leaf.into_iter().flat_map(|leaf| [name(chain, leaf), validity(leaf, now)]);
    let mut all = of_leaf.chain([trust(chain)]);
    all.find(|judged| matches!(judged.verdict, Verdict::Fail(_)))
}

/// Who issued the certificate of a finished handshake.
pub(super) fn issuer(session: &TlsSession) -> Option<&ServerText> {
    let chain = session.certificate.as_ref()?;
    chain.certificates.last().map(|last| &last.issuer)
}

pub(super) fn chain_verifies(view: &View<'_>) -> Judged {
    Ok(trust(chain(view)?))
}

fn trust(chain: &ChainFacts) -> Judgement {
    let issuer = chain.certificates.last().map_or_else(String::new, |last| last.issuer.to_string());
    match &chain.trust {
        Trust::Verified => Judgement::pass(format!("verified by {}", chain.roots)),
        Trust::SelfSigned => Judgement::fail(
            ReasonCode::TlsSelfSigned,
            "the certificate signed itself; no browser trusts it",
        ),
        Trust::IntermediateMissing => Judgement::fail(
            ReasonCode::TlsChainIncomplete,
            format!(
                "only the server's own certificate is sent; that of its issuer ({issuer}) is missing"
            ),
        ),
        Trust::UnknownIssuer => Judgement::fail(
            ReasonCode::TlsUnknownCa,
            format!("the chain ends at an issuer that is not among {}: {issuer}", chain.roots),
        ),
        Trust::Invalid(why) => Judgement::fail(
            ReasonCode::TlsChainInvalid,
            format!("the chain does not verify: {why}"),
        ),
    }
}

pub(super) fn name_matches(view: &View<'_>) -> Judged {
    let chain = chain(view)?;
    Ok(name(chain, leaf(chain)?))
}

fn name(chain: &ChainFacts, leaf: &CertificateFacts) -> Judgement {
    let names = &leaf.names;
    if chain.name_matches {
        Judgement::pass(format!("for {}", words::list(names)))
    } else {
        Judgement::fail(
            ReasonCode::TlsNameMismatch,
            format!("the certificate is for {}", words::list(names)),
        )
    }
}

pub(super) fn not_expired(view: &View<'_>) -> Judged {
    Ok(validity(leaf(chain(view)?)?, view.case.now))
}

fn validity(leaf: &CertificateFacts, now: Timestamp) -> Judgement {
    if now > leaf.not_after {
        Judgement::fail(
            ReasonCode::TlsExpired,
            format!(
                "expired on {}, {} days ago",
                leaf.not_after,
                now.seconds_since(leaf.not_after) / DAY
            ),
        )
    } else if now < leaf.not_before {
        Judgement::fail(ReasonCode::TlsNotYetValid, format!("valid only from {}", leaf.not_before))
    } else {
        Judgement::pass(format!("valid until {}", leaf.not_after))
    }
}

/// The days until the certificate expires; less than 0 when it has.
pub(super) fn days_left(view: &View<'_>) -> Result<i64, Blindness> {
    let leaf = leaf(chain(view)?)?;
    Ok(leaf.not_after.seconds_since(view.case.now).div_euclid(DAY))
}

pub(super) fn expires_later(view: &View<'_>, days: u16) -> Judged {
    let leaf = leaf(chain(view)?)?;
    let left = days_left(view)?;
    Ok(if left > i64::from(days) {
        Judgement::pass(format!("{left} days left"))
    } else {
        Judgement::fail(
            ReasonCode::TlsExpiresSoon,
            format!("{left} days left, until {}", leaf.not_after),
        )
    })
}

pub(super) fn version_accepted(view: &View<'_>, version: TlsVersion) -> Judged {
    let facts = view.tls_where(|offer| *offer == TlsOffer::Only(version))?;
    Ok(match &facts.handshake {
        Some(Handshake::Completed(session)) if session.version == version => {
            Judgement::pass(format!("{version} with {}", session.cipher))
        }
        Some(Handshake::Completed(session)) => {
            Judgement::fail(ReasonCode::TlsVersionMissing, format!("{} instead", session.version))
        }
        Some(handshake @ (Handshake::Alert { .. } | Handshake::Closed | Handshake::Reset)) => {
            let (_, observed) = words::handshake(handshake);
            Judgement::fail(ReasonCode::TlsVersionMissing, format!("{version} alone: {observed}"))
        }
        // Another handshake with the same server completed: this one was not answered in time.
        Some(handshake) => {
            let (reason, observed) = words::handshake(handshake);
            Judgement::unsettled(reason, format!("{version} alone: {observed}"))
        }
        None => not_connected(facts),
    })
}

/// The connection of one of several handshakes did not come about.
fn not_connected(facts: &TlsFacts) -> Judgement {
    Judgement::unsettled(
        words::connect_reason(&facts.connect),
        format!(
            "{} this time, though others to the same place were",
            words::connect(&facts.connect)
        ),
    )
}

pub(super) fn versions_refused(view: &View<'_>, versions: &[TlsVersion]) -> Judged {
    let mut accepted = Vec::new();
    let mut open = None;
    for version in versions {
        match view.tls_where(|offer| *offer == TlsOffer::Only(*version)) {
            Ok(facts) => match &facts.handshake {
                Some(Handshake::Completed(_)) => accepted.push(*version),
                Some(Handshake::Alert { .. } | Handshake::Closed | Handshake::Reset) => {}
                Some(handshake) => {
                    let (reason, observed) = words::handshake(handshake);
                    open = Some(Judgement::unsettled(reason, format!("{version}: {observed}")));
                }
                None => open = Some(not_connected(facts)),
            },
            Err(blindness) if accepted.is_empty() => return Err(blindness),
            Err(_) => {}
        }
    }
    Ok(match (accepted.as_slice(), open) {
        ([], None) => Judgement::pass(format!("{} are refused", words::list(versions))),
        ([], Some(open)) => open,
        (accepted, _) => Judgement::fail(
            ReasonCode::TlsLegacyAccepted,
            format!("accepted: {}", words::list(accepted)),
        )
        .seen(words::list(accepted)),
    })
}

pub(super) fn unknown_name(view: &View<'_>) -> Judged {
    let mut reached = Vec::new();
    for observation in view.observations() {
        let ProbeSpec::Tls { sni, .. } = &observation.spec else {
            continue;
        };
        let facts = match &observation.outcome {
            Outcome::Saw(crate::model::facts::Facts::Tls(facts)) => facts,
            Outcome::Saw(_) => continue,
            Outcome::Blind(blindness) => return Err(blindness.clone()),
        };
        if let Some(what) = facts.behind.as_ref().and_then(backend) {
            let how = match sni {
                Sni::Name(_) => "an unknown name",
                Sni::Absent => "no name at all",
            };
            reached.push(format!("{how} reaches {what}"));
        }
    }
    Ok(if reached.is_empty() {
        Judgement::pass("neither reaches a backend")
    } else {
        Judgement::fail(ReasonCode::UnknownNameServed, reached.join("; "))
    })
}

/// Which of OpenVidu's backends answered, if one did. Any other page is the proxy's own.
fn backend(behind: &Behind) -> Option<&'static str> {
    let stun = matches!(behind.binding, StunAnswer::Success { .. } | StunAnswer::Error { .. });
    match &behind.http {
        _ if stun => Some("the TURN server"),
        Some(HttpAnswer::Response(response)) if words::is_livekit_refusal(response) => {
            Some("the API")
        }
        Some(_) | None => None,
    }
}
