//! TLS: does it answer, with which certificate, in which versions?

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason};
use super::view::View;
use crate::model::facts::{
    Behind, CertificateFacts, ChainFacts, Facts, Handshake, HttpAnswer, LivekitReply, StunAnswer,
    TlsFacts, TlsSession, TlsVersion, Trust,
};
use crate::model::observation::Outcome;
use crate::model::probe::{ProbeSpec, Sni, TlsOffer};
use crate::model::reason::ReasonCode;
use crate::model::seen::{ProxiedBackend, Seen, TlsSeen};
use crate::model::timestamp::Timestamp;
use crate::model::verdict::Verdict;

/// Seconds in a day.
const DAY: i64 = 86_400;

pub(super) fn completes(view: &View<'_>) -> Judged {
    let facts = view.tls()?;
    Ok(match &facts.handshake {
        None => Judgement::fail(connect_reason(&facts.connect), &facts.connect),
        Some(Handshake::Completed(session)) => Judgement::pass(completed(session)),
        Some(handshake) => Judgement::fail(handshake_reason(handshake), handshake),
    })
}

fn completed(session: &TlsSession) -> TlsSeen {
    TlsSeen::Completed { version: session.version, cipher: session.cipher.clone() }
}

fn chain(facts: &TlsFacts) -> Option<&ChainFacts> {
    match &facts.handshake {
        Some(Handshake::Completed(session)) => session.certificate.as_ref(),
        _ => None,
    }
}

/// The server's own certificate.
pub(super) fn leaf(facts: &TlsFacts) -> Option<&CertificateFacts> {
    chain(facts)?.certificates.first()
}

/// A rule about a certificate, and there is none to read.
pub(super) fn no_certificate() -> Judgement {
    Judgement::unsettled(ReasonCode::Blind, TlsSeen::NoCertificate)
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

pub(super) fn chain_verifies(view: &View<'_>) -> Judged {
    Ok(chain(view.tls()?).map_or_else(no_certificate, trust))
}

fn trust(chain: &ChainFacts) -> Judgement {
    let issuer = || chain.certificates.last().map(|last| last.issuer.clone());
    let roots = || chain.roots.clone();
    match &chain.trust {
        Trust::Verified => Judgement::pass(TlsSeen::Verified { roots: roots() }),
        Trust::SelfSigned => Judgement::fail(ReasonCode::TlsSelfSigned, TlsSeen::SelfSigned),
        Trust::IntermediateMissing => Judgement::fail(
            ReasonCode::TlsChainIncomplete,
            TlsSeen::IssuerNotSent { issuer: issuer() },
        ),
        Trust::UnknownIssuer => Judgement::fail(
            ReasonCode::TlsUnknownCa,
            TlsSeen::UnknownIssuer { issuer: issuer(), roots: roots() },
        ),
        Trust::Invalid(why) => {
            Judgement::fail(ReasonCode::TlsChainInvalid, TlsSeen::InvalidChain(why.clone()))
        }
    }
}

pub(super) fn name_matches(view: &View<'_>) -> Judged {
    let facts = view.tls()?;
    let (Some(chain), Some(leaf)) = (chain(facts), leaf(facts)) else {
        return Ok(no_certificate());
    };
    Ok(name(chain, leaf))
}

fn name(chain: &ChainFacts, leaf: &CertificateFacts) -> Judgement {
    let seen = TlsSeen::CertificateNames(leaf.names.clone());
    if chain.name_matches {
        Judgement::pass(seen)
    } else {
        Judgement::fail(ReasonCode::TlsNameMismatch, seen)
    }
}

pub(super) fn not_expired(view: &View<'_>) -> Judged {
    let leaf = leaf(view.tls()?);
    Ok(leaf.map_or_else(no_certificate, |leaf| validity(leaf, view.case.now)))
}

fn validity(leaf: &CertificateFacts, now: Timestamp) -> Judgement {
    if now > leaf.not_after {
        let days_ago = now.seconds_since(leaf.not_after) / DAY;
        Judgement::fail(ReasonCode::TlsExpired, TlsSeen::Expired { on: leaf.not_after, days_ago })
    } else if now < leaf.not_before {
        let seen = TlsSeen::NotYetValid { from: leaf.not_before };
        Judgement::fail(ReasonCode::TlsNotYetValid, seen)
    } else {
        Judgement::pass(TlsSeen::ValidUntil(leaf.not_after))
    }
}

/// The days until a certificate expires; less than 0 when it has.
pub(super) fn days_left(leaf: &CertificateFacts, now: Timestamp) -> i64 {
    leaf.not_after.seconds_since(now).div_euclid(DAY)
}

pub(super) fn expires_later(view: &View<'_>, days: u16) -> Judged {
    let Some(leaf) = leaf(view.tls()?) else {
        return Ok(no_certificate());
    };
    let left = days_left(leaf, view.case.now);
    let seen = TlsSeen::ExpiresIn { days: left, on: leaf.not_after };
    Ok(if left > i64::from(days) {
        Judgement::pass(seen)
    } else {
        Judgement::fail(ReasonCode::TlsExpiresSoon, seen)
    })
}

pub(super) fn version_accepted(view: &View<'_>, version: TlsVersion) -> Judged {
    let facts = view.tls_where(|offer| *offer == TlsOffer::Only(version))?;
    let met =
        |handshake: &Handshake| TlsSeen::OneVersionOffered { version, met: handshake.clone() };
    Ok(match &facts.handshake {
        Some(Handshake::Completed(session)) if session.version == version => {
            Judgement::pass(completed(session))
        }
        Some(Handshake::Completed(session)) => {
            let seen = TlsSeen::OtherVersion { offered: version, chosen: session.version };
            Judgement::fail(ReasonCode::TlsVersionMissing, seen)
        }
        Some(handshake @ (Handshake::Alert { .. } | Handshake::Closed | Handshake::Reset)) => {
            Judgement::fail(ReasonCode::TlsVersionMissing, met(handshake))
        }
        // Another handshake with the same server completed: this one was not answered in time.
        Some(handshake) => Judgement::unsettled(handshake_reason(handshake), met(handshake)),
        None => not_connected(facts),
    })
}

/// One of several connections to the same place is not accepted.
fn not_connected(facts: &TlsFacts) -> Judgement {
    let met = Seen::from(&facts.connect);
    Judgement::unsettled(connect_reason(&facts.connect), Seen::OnlyThisTime(Box::new(met)))
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
                    let met = handshake.clone();
                    let seen = TlsSeen::OneVersionOffered { version: *version, met };
                    open = Some(Judgement::unsettled(handshake_reason(handshake), seen));
                }
                None => open = Some(not_connected(facts)),
            },
            Err(blindness) if accepted.is_empty() => return Err(blindness),
            Err(_) => {}
        }
    }
    Ok(match (accepted.is_empty(), open) {
        (true, None) => Judgement::pass(TlsSeen::VersionsRefused(versions.to_vec())),
        (true, Some(open)) => open,
        (false, _) => {
            Judgement::fail(ReasonCode::TlsLegacyAccepted, TlsSeen::VersionsAccepted(accepted))
        }
    })
}

pub(super) fn unknown_name(view: &View<'_>) -> Judged {
    let (mut unknown_name, mut no_name) = (None, None);
    for observation in view.observations() {
        let ProbeSpec::Tls { sni, .. } = &observation.spec else {
            continue;
        };
        let facts = match &observation.outcome {
            Outcome::Saw(Facts::Tls(facts)) => facts,
            Outcome::Saw(_) => continue,
            Outcome::Blind(blindness) => return Err(blindness.clone()),
        };
        let reached = match sni {
            Sni::Name(_) => &mut unknown_name,
            Sni::Absent => &mut no_name,
        };
        *reached = reached.or(facts.behind.as_ref().and_then(backend));
    }
    let reaches_nothing = unknown_name.or(no_name).is_none();
    let seen = TlsSeen::NamelessReach { unknown_name, no_name };
    Ok(if reaches_nothing {
        Judgement::pass(seen)
    } else {
        Judgement::fail(ReasonCode::UnknownNameServed, seen)
    })
}

/// Which of OpenVidu's backends answered, if one did. Any other page is the proxy's own.
fn backend(behind: &Behind) -> Option<ProxiedBackend> {
    let is_turn = matches!(behind.binding, StunAnswer::Success { .. } | StunAnswer::Error { .. });
    match &behind.http {
        _ if is_turn => Some(ProxiedBackend::Turn),
        Some(HttpAnswer::Response(response)) if LivekitReply::NoPermissions.is_in(response) => {
            Some(ProxiedBackend::LivekitApi)
        }
        Some(_) | None => None,
    }
}
