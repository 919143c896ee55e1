//! TLS: does it answer, with which certificate, in which versions?

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason};
use super::view::View;
use crate::model::facts::{
    Behind, CertificateFacts, ChainFacts, ChainFault, Facts, Handshake, HandshakeChange,
    HttpAnswer, LivekitReply, SecondHandshake, StunAnswer, TlsFacts, TlsSession, TlsVersion, Trust,
};
use crate::model::observation::Outcome;
use crate::model::port::PortRange;
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
        Some(handshake) => why_not(view, facts, handshake),
    })
}

/// Why a handshake failed: what a second one with one thing changed shows, or one with old versions
/// only, or else how it ended.
fn why_not(view: &View<'_>, facts: &TlsFacts, failed: &Handshake) -> Judgement {
    let otherwise = || failed.clone();
    if let Some(SecondHandshake { change, met: Handshake::Completed(session) }) = &facts.second {
        // Whoever completes it has shown that it is the server.
        let is_shown = is_of_server(session, view.case.now);
        return match change {
            HandshakeChange::ProxyHeader => {
                let seen = TlsSeen::ExpectsProxyHeader { otherwise: otherwise() };
                of_whom(view, is_shown, Judgement::fail(ReasonCode::ProxyHeaderExpected, seen))
            }
            HandshakeChange::MoreSignatures => {
                let leaf = session.certificate.as_ref().and_then(|it| it.certificates.first());
                let key = leaf.map_or_else(String::new, |leaf| leaf.key.clone());
                let seen = TlsSeen::UncommonKey { key, otherwise: otherwise() };
                of_whom(view, is_shown, Judgement::fail(ReasonCode::TlsKeyUnsupported, seen))
            }
        };
    }
    let versions = old_versions(view);
    if matches!(failed, Handshake::Alert { .. }) && !versions.is_empty() {
        let seen = TlsSeen::OnlyOldVersions { versions, otherwise: otherwise() };
        return of_whom(view, false, Judgement::fail(ReasonCode::TlsVersionMissing, seen));
    }
    of_whom(view, false, Judgement::fail(handshake_reason(failed), failed))
}

/// A violation that is the deployment's for certain where it has shown itself, or where nothing is on the
/// way. Everything before the certificate, alerts too, comes without a signature: a filter that reads the
/// name in the ClientHello ends connections in each of these ways.
fn of_whom(view: &View<'_>, is_shown: bool, violation: Judgement) -> Judgement {
    let is_here = view.check.target.address.is_some_and(|address| view.case.is_here(address));
    if is_shown || is_here {
        return violation;
    }
    Judgement::suspected(violation.reason, violation.seen)
}

/// Whether a session shows a certificate for the name that was asked for, of a public authority.
fn is_of_server(session: &TlsSession, now: Timestamp) -> bool {
    let is_private = session.certificate.as_ref().is_some_and(|chain| chain.private_root);
    session.is_trusted(now) && !is_private
}

/// The versions before TLS 1.2 that the same place accepts for the same name: other checks asked.
fn old_versions(view: &View<'_>) -> Vec<TlsVersion> {
    let asked = view.observations().find_map(|observation| match &observation.spec {
        ProbeSpec::Tls { to, sni, .. } => Some((to, sni)),
        _ => None,
    });
    let accepted =
        view.case.observations.at_target(view.check.target.address).filter_map(|observation| {
            let ProbeSpec::Tls { to, sni, offer: TlsOffer::Only(version) } = &observation.spec
            else {
                return None;
            };
            let Outcome::Saw(Facts::Tls(facts)) = &observation.outcome else {
                return None;
            };
            let is_here = asked == Some((to, sni)) && *version < TlsVersion::Tls12;
            let is_accepted = matches!(facts.handshake, Some(Handshake::Completed(_)));
            (is_here && is_accepted).then_some(*version)
        });
    accepted.collect()
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
            TlsSeen::UnknownIssuer { issuer: issuer(), roots: roots(), is_alone: chain.sent == 1 },
        ),
        Trust::Invalid(fault) => invalid(chain, fault),
    }
}

fn invalid(chain: &ChainFacts, fault: &ChainFault) -> Judgement {
    let (reason, place) = match fault {
        ChainFault::Expired { place } | ChainFault::NotYetValid { place } => {
            (ReasonCode::TlsIssuerExpired, *place)
        }
        ChainFault::NotAnAuthority { place } | ChainFault::BadSignature { place } => {
            (ReasonCode::TlsChainInvalid, *place)
        }
        _ => (ReasonCode::TlsChainInvalid, None),
    };
    let certificate = place.and_then(|place| chain.certificates.get(place)).cloned();
    let seen = TlsSeen::InvalidChain {
        fault: fault.clone(),
        certificate: certificate.map(Box::new),
        leaf_until: chain.certificates.first().map(|leaf| leaf.not_after),
    };
    Judgement::fail(reason, seen)
}

pub(super) fn name_matches(view: &View<'_>) -> Judged {
    let facts = view.tls()?;
    let (Some(chain), Some(leaf)) = (chain(facts), leaf(facts)) else {
        return Ok(no_certificate());
    };
    let judged = name(chain, leaf);
    let host = view.check.target.host.as_ref();
    let common_name = leaf.common_name.as_ref().filter(|name| {
        host.is_some_and(|host| name.unquoted().eq_ignore_ascii_case(host.as_str()))
    });
    Ok(match common_name {
        Some(name) if !chain.name_matches => {
            let seen = TlsSeen::NameInCommonNameOnly(name.clone());
            Judgement::fail(ReasonCode::TlsNoAlternativeName, seen)
        }
        _ => judged,
    })
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
    Ok(leaf.map_or_else(no_certificate, |leaf| {
        newer_elsewhere(view, leaf, validity(leaf, view.case.now))
    }))
}

/// A violation of an old certificate for which another port of the same address has a newer one: the
/// certificate has been renewed, and the program on this port has not read it.
fn newer_elsewhere(view: &View<'_>, leaf: &CertificateFacts, judged: Judgement) -> Judgement {
    if !matches!(judged.verdict, Verdict::Fail(_)) || judged.reason == ReasonCode::TlsNotYetValid {
        return judged;
    }
    let target = &view.check.target;
    let name = target.host.clone().map(Sni::Name);
    let newer = view.case.observations.at_target(target.address).find_map(|observation| {
        let ProbeSpec::Tls { to, sni, .. } = &observation.spec else {
            return None;
        };
        let Outcome::Saw(Facts::Tls(facts)) = &observation.outcome else {
            return None;
        };
        let other = self::leaf(facts)?;
        let is_elsewhere = Some(to.address) == target.address
            && Some(sni) == name.as_ref()
            && target.port.and_then(PortRange::single) != Some(to.port);
        let is_newer = other.not_before > leaf.not_before && other.not_after > leaf.not_after;
        (is_elsewhere && is_newer).then_some((to.port, other.not_after))
    });
    match newer {
        Some((port, newer_until)) => Judgement {
            reason: ReasonCode::TlsNotReloaded,
            seen: TlsSeen::NotReloaded { until: leaf.not_after, port, newer_until }.into(),
            ..judged
        },
        None => judged,
    }
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

/// Whether a certificate is valid for more than `days`, or, where its whole lifetime is short, for more
/// than `1/lifetime_share` of it.
pub(super) fn expires_later(view: &View<'_>, days: u16, lifetime_share: u16) -> Judged {
    let Some(leaf) = leaf(view.tls()?) else {
        return Ok(no_certificate());
    };
    let (left, on) = (days_left(leaf, view.case.now), leaf.not_after);
    let seconds_left = on.seconds_since(view.case.now);
    let lifetime = on.seconds_since(leaf.not_before);
    let share = lifetime / i64::from(lifetime_share.max(1));
    let is_short_lived = share < i64::from(days) * DAY;
    let seen = if is_short_lived {
        TlsSeen::ShortLived { days: left, on, of_days: (lifetime + DAY / 2).div_euclid(DAY) }
    } else {
        TlsSeen::ExpiresIn { days: left, on }
    };
    let is_long_enough = if is_short_lived { seconds_left > share } else { left > i64::from(days) };
    Ok(if is_long_enough {
        Judgement::pass(seen)
    } else {
        newer_elsewhere(view, leaf, Judgement::fail(ReasonCode::TlsExpiresSoon, seen))
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
        // OpenSSL says the same of a version and of a client certificate that it misses.
        Some(handshake @ Handshake::Alert { .. }) if view.is_client_certificate_demanded() => {
            Judgement::unsettled(ReasonCode::ClientCertificateDemanded, met(handshake))
        }
        Some(handshake @ Handshake::Alert { .. }) => {
            Judgement::fail(ReasonCode::TlsVersionMissing, met(handshake))
        }
        // An end without a word may be that of a device on the way.
        Some(handshake @ (Handshake::Closed | Handshake::Reset)) => {
            Judgement::suspected(ReasonCode::TlsVersionMissing, met(handshake))
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
    let mut is_said = true;
    for version in versions {
        match view.tls_where(|offer| *offer == TlsOffer::Only(*version)) {
            Ok(facts) => match &facts.handshake {
                Some(Handshake::Completed(_)) => accepted.push(*version),
                Some(Handshake::Alert { .. }) => {}
                // A device on the way that filters old versions ends connections, too.
                Some(Handshake::Closed | Handshake::Reset) => is_said = false,
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
        (true, None) if is_said => Judgement::pass(TlsSeen::VersionsRefused(versions.to_vec())),
        (true, None) => Judgement::uncontradicted(TlsSeen::VersionsRefused(versions.to_vec())),
        (true, Some(open)) => open,
        (false, _) => {
            Judgement::fail(ReasonCode::TlsLegacyAccepted, TlsSeen::VersionsAccepted(accepted))
        }
    })
}

pub(super) fn unknown_name(view: &View<'_>) -> Judged {
    let (mut unknown_name, mut no_name) = (None, None);
    let mut is_heard_out = true;
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
        is_heard_out &= says_who_is_behind(facts);
    }
    let reaches_nothing = unknown_name.or(no_name).is_none();
    let seen = TlsSeen::NamelessReach { unknown_name, no_name };
    Ok(match (reaches_nothing, is_heard_out) {
        (true, true) => Judgement::pass(seen),
        // A backend that is down, or that waits for another protocol, is as silent.
        (true, false) => Judgement::uncontradicted(seen),
        (false, _) => Judgement::fail(ReasonCode::UnknownNameServed, seen),
    })
}

/// Whether a handshake without a known name was refused by an alert, or a program behind it answered.
fn says_who_is_behind(facts: &TlsFacts) -> bool {
    match (&facts.handshake, &facts.behind) {
        (Some(Handshake::Alert { .. }), _) => true,
        (Some(Handshake::Completed(_)), Some(behind)) => {
            matches!(behind.http, Some(HttpAnswer::Response(_)))
        }
        _ => false,
    }
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
