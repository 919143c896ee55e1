//! TLS as the configuration of the proxy says it: certificates and their files, versions, protocols.

use super::super::judgement::{Judgement, Place};
use super::super::tls::days_left;
use super::super::view::View;
use super::routes::{backends, is_of_deployment, on_the_way, place, undecided};
use crate::model::configuration::{
    AlertCause, AllowedVersions, CloseCause, End, Layer, Opening, TlsEnding, Trace,
};
use crate::model::deployment::{Node, NodeRole};
use crate::model::facts::{
    CertificateFacts, CertificateFile, ChainFacts, ChainReading, Facts, Handshake, ProxyFacts,
    RenewalReload, ServerText, TlsVersion,
};
use crate::model::observation::Outcome;
use crate::model::probe::{ProbeSpec, Sni, TlsOffer};
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::rule::{Demand, RuleId};
use crate::model::seen::{CertificateFault, ProxySeen};
use crate::model::target::Family;
use crate::model::timestamp::Timestamp;
use crate::model::verdict::Severity;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The connections for names of the deployment whose TLS the proxy ends.
fn endings<'a>(view: &View<'_>, facts: &'a ProxyFacts) -> Vec<(&'a Trace, &'a TlsEnding)> {
    let of_deployment = facts.traces.iter().filter(|trace| is_of_deployment(view, trace));
    of_deployment.filter_map(|trace| Some((trace, trace.tls.as_deref()?))).collect()
}

/// The first violation of each name and port.
fn violations(
    endings: &[(&Trace, &TlsEnding)],
    wrong: impl Fn(&Trace, &TlsEnding) -> Option<Judgement>,
) -> Option<Judgement> {
    let mut apart: Vec<(Place, Judgement)> = Vec::new();
    for (trace, ending) in endings {
        let place = place(trace);
        if apart.iter().any(|(known, _)| *known == place) {
            continue;
        }
        if let Some(judgement) = wrong(trace, ending) {
            apart.push((place.clone(), judgement.at(place)));
        }
    }
    Judgement::several(apart.into_iter().map(|(_, judgement)| judgement))
}

/// Where no connection of the deployment ends TLS at the proxy: what is not decided, or another matter.
fn nothing_ends_tls(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let of_deployment = facts.traces.iter().filter(|trace| is_of_deployment(view, trace));
    undecided(of_deployment).unwrap_or_else(|| Judgement::not_applicable(ProxySeen::NotFollowed))
}

/// The rule that says why a connection ends so, in place of those about where it leads.
pub(super) fn rule_for<'a>(view: &View<'a>, trace: &Trace) -> Option<&'a RuleId> {
    // Without it, these rules have nothing to look at.
    trace.tls.as_ref()?;
    let is_wanted = |demand: &Demand| match &trace.end {
        End::Alert(AlertCause::NoCommonVersion) => {
            matches!(demand, Demand::ProxyAllowsTlsVersions(_))
        }
        End::Alert(cause) if is_of_files(cause) => {
            matches!(demand, Demand::ProxyCertificateFiles { .. })
        }
        _ if ends_without_certificate(trace) => *demand == Demand::ProxyAsksNoClientCertificate,
        _ => false,
    };
    view.case.ruleset.rules.iter().find(|rule| is_wanted(&rule.demand)).map(|rule| &rule.id)
}

fn is_of_files(cause: &AlertCause) -> bool {
    match cause {
        AlertCause::FileMissing(_)
        | AlertCause::FileDenied(_)
        | AlertCause::NotPem(_)
        | AlertCause::KeyOfAnother => true,
        AlertCause::NoCertificate | AlertCause::NameRefused | AlertCause::NoCommonVersion => false,
    }
}

/// Whether the connection ends because the client has no certificate.
fn ends_without_certificate(trace: &Trace) -> bool {
    const BAD_REQUEST: u16 = 400;
    let is_required = trace.tls.as_ref().is_some_and(|tls| tls.client_certificate.is_some());
    match trace.end {
        End::Closed(CloseCause::ClientCertificateMissing) => true,
        End::LocalAnswer { status: Some(BAD_REQUEST) } => is_required,
        _ => false,
    }
}

// --- Files of certificates ---------------------------------------------------------------------

pub(super) fn certificate_files(
    view: &View<'_>,
    facts: &ProxyFacts,
    days: u16,
    lifetime_share: u16,
) -> Judgement {
    let endings = endings(view, facts);
    if endings.is_empty() {
        return nothing_ends_tls(view, facts);
    }
    let wrong = violations(&endings, |trace, ending| {
        if let End::Alert(cause) = &trace.end
            && is_of_files(cause)
        {
            let reason = match cause {
                AlertCause::KeyOfAnother => ReasonCode::CertificateKeyOfAnother,
                _ => ReasonCode::CertificateFileUnusable,
            };
            let end = Box::new(trace.end.clone());
            let seen = ProxySeen::EndsAt { families: Family::BOTH.to_vec(), end };
            return Some(Judgement::fail(reason, seen).located(on_the_way(trace)));
        }
        // Where the connection leads elsewhere, it is for another server.
        let is_passed = matches!(trace.end, End::Backend(_));
        if is_passed && ending.certificates.is_empty() && ending.covers_name == Some(false) {
            let judgement = Judgement::fail(ReasonCode::TlsNameMismatch, ProxySeen::OwnCertificate);
            return Some(judgement.located([ending.at.clone()]));
        }
        let mut files = ending.certificates.iter().filter_map(|path| facts.certificate(path));
        let limits = Limits { now: view.case.now, days, lifetime_share };
        let found = files.find_map(|file| Some((file, fault(file, ending, &limits)?)));
        let (file, found) = found?;
        let seen =
            ProxySeen::CertificateFile { file: file.path.clone(), fault: Box::new(found.fault) };
        let judgement = match found.is_proven {
            true => Judgement::fail(found.reason, seen),
            false => Judgement::suspected(found.reason, seen),
        };
        let judgement = match found.reason {
            ReasonCode::TlsExpiresSoon => judgement.of_severity(Severity::Warning),
            _ => judgement,
        };
        let at = trace.certificate.as_ref().map_or_else(|| &file.at, |named| &named.at);
        Some(judgement.located([at.clone()]))
    });
    wrong.unwrap_or_else(|| {
        let paths = || endings.iter().flat_map(|(_, ending)| &ending.certificates);
        let is_unread = |path: &&ServerText| {
            facts.certificate(path).is_none_or(|file| file.chain == ChainReading::Unread)
        };
        match paths().find(is_unread) {
            Some(path) => Judgement::vantage_limit(
                ReasonCode::ConfigurationUndecided,
                ProxySeen::CertificateUnread { file: path.clone() },
            ),
            None if paths().next().is_none() => Judgement::not_applicable(ProxySeen::NotFollowed),
            None => Judgement::pass(ProxySeen::CertificatesFit),
        }
    })
}

struct Limits {
    now: Timestamp,
    days: u16,
    lifetime_share: u16,
}

struct FileFault {
    reason: ReasonCode,
    fault: CertificateFault,
    is_proven: bool,
}

/// What is wrong with a file that the proxy can use.
fn fault(file: &CertificateFile, ending: &TlsEnding, limits: &Limits) -> Option<FileFault> {
    let ChainReading::Read(chain) = &file.chain else { return None };
    let leaf = chain.certificates.first()?;
    let proven = |reason, fault| Some(FileFault { reason, fault, is_proven: true });
    if chain.leaf.is_some_and(|place| place > 0) {
        return proven(ReasonCode::CertificateLeafNotFirst, CertificateFault::LeafNotFirst);
    }
    if limits.now > leaf.not_after {
        let on = leaf.not_after;
        let days_ago = limits.now.seconds_since(on) / DAY;
        return proven(ReasonCode::TlsExpired, CertificateFault::Expired { on, days_ago });
    }
    if limits.now < leaf.not_before {
        let from = leaf.not_before;
        return proven(ReasonCode::TlsNotYetValid, CertificateFault::NotYetValid { from });
    }
    if ending.covers_name == Some(false) {
        let names = leaf.names.clone();
        return proven(ReasonCode::TlsNameMismatch, CertificateFault::NameNotCovered { names });
    }
    let says_issuer = chain.names_issuer || leaf.is_publicly_logged;
    if !chain.has_issuer && !chain.is_self_signed && says_issuer {
        // The roots of public authorities sign no certificate of a server themselves.
        let is_proven = leaf.is_publicly_logged;
        let (reason, fault) = (ReasonCode::TlsChainIncomplete, CertificateFault::IssuerMissing);
        return Some(FileFault { reason, fault, is_proven });
    }
    if let Some(denial) = &file.denial {
        let (reason, is_proven) = (ReasonCode::CertificateFileUnusable, denial.is_proven);
        let fault = CertificateFault::Denied(denial.clone());
        return Some(FileFault { reason, fault, is_proven });
    }
    let fault =
        CertificateFault::ExpiresIn { days: days_left(leaf, limits.now), on: leaf.not_after };
    expires_soon(leaf, limits).then_some(FileFault {
        reason: ReasonCode::TlsExpiresSoon,
        fault,
        is_proven: true,
    })
}

/// As for a certificate that a server shows.
fn expires_soon(leaf: &CertificateFacts, limits: &Limits) -> bool {
    let share =
        leaf.not_after.seconds_since(leaf.not_before) / i64::from(limits.lifetime_share.max(1));
    if share < i64::from(limits.days) * DAY {
        leaf.not_after.seconds_since(limits.now) <= share
    } else {
        days_left(leaf, limits.now) <= i64::from(limits.days)
    }
}

// --- Settings ----------------------------------------------------------------------------------

/// Whether exactly these versions of TLS are accepted.
pub(super) fn versions(view: &View<'_>, facts: &ProxyFacts, wanted: &[TlsVersion]) -> Judgement {
    let endings = endings(view, facts);
    if endings.is_empty() {
        return nothing_ends_tls(view, facts);
    }
    let wrong = violations(&endings, |_, ending| {
        let AllowedVersions::Listed { versions, at, other } = &ending.versions else { return None };
        let missing: Vec<TlsVersion> =
            wanted.iter().filter(|version| !versions.contains(version)).copied().collect();
        let old: Vec<TlsVersion> =
            versions.iter().filter(|version| !wanted.contains(version)).copied().collect();
        if missing.is_empty() && old.is_empty() {
            return None;
        }
        let only_old = missing.is_empty();
        let seen = ProxySeen::TlsVersions { missing, old };
        // Newer versions of the proxy take the line of the name's own server.
        let judgement = match other {
            None => Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen),
            Some(_) => Judgement::suspected(ReasonCode::ConfigurationSettingWrong, seen),
        };
        let judgement = if only_old { judgement.of_severity(Severity::Warning) } else { judgement };
        Some(judgement.located(std::iter::once(at.clone()).chain(other.clone())))
    });
    wrong.unwrap_or_else(|| {
        let by_version =
            endings.iter().find(|(_, ending)| ending.versions == AllowedVersions::ByVersion);
        match by_version {
            Some((trace, ending)) => {
                // No file shows the version, and what all versions accept, TLS 1.2, does not settle it.
                let seen = ProxySeen::TlsVersionsByDefault;
                Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, seen)
                    .located([ending.at.clone()])
                    .at(place(trace))
            }
            None => Judgement::pass(ProxySeen::TlsVersionsAllowed(wanted.to_vec())),
        }
    })
}

/// Whether no client needs a certificate of its own.
pub(super) fn no_client_certificate(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let endings = endings(view, facts);
    if endings.is_empty() {
        return nothing_ends_tls(view, facts);
    }
    let wrong = violations(&endings, |_, ending| {
        let at = ending.client_certificate.clone()?;
        let edit = Edit::replacing(&at, " on", " off");
        let seen = ProxySeen::ClientCertificateRequired;
        let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
        Some(judgement.located([at]).mended_by(edit))
    });
    wrong.unwrap_or_else(|| Judgement::pass(ProxySeen::NoClientCertificate))
}

/// Whether browsers get HTTP/1.1 where the proxy passes on what it gets: the API behind it speaks nothing else.
pub(super) fn alpn(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    const HTTP_2: &str = "h2";
    const HTTP_1: &str = "http/1.1";
    let is_api = |trace: &Trace| {
        trace.asked.name.as_ref() == Some(&view.case.deployment.domain)
            && trace.asked.opening == Opening::WebSocket
    };
    let reads_no_http = |trace: &Trace| match &trace.end {
        End::Backend(backend) => backend.http.is_none(),
        _ => false,
    };
    let mut endings = endings(view, facts);
    endings.retain(|(trace, _)| is_api(trace));
    if endings.is_empty() {
        return nothing_ends_tls(view, facts);
    }
    let wrong = violations(&endings, |trace, ending| {
        let offered = ending.alpn.as_ref()?;
        // Of what a browser offers too, the first of the proxy's own list is taken.
        let preferred = offered
            .protocols
            .iter()
            .map(ServerText::unquoted)
            .find(|protocol| [HTTP_2, HTTP_1].contains(protocol));
        let is_wrong =
            ending.layer == Layer::Tcp && preferred == Some(HTTP_2) && reads_no_http(trace);
        let seen = ProxySeen::AlpnOffered(offered.protocols.clone());
        let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
        is_wrong.then(|| judgement.located([offered.at.clone()]))
    });
    wrong.unwrap_or_else(|| Judgement::pass(ProxySeen::AlpnFits))
}

/// Whether no HTTP/3 is offered beside TURN, which has the same UDP port.
pub(super) fn no_http3(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    const HTTP_3: &str = "h3";
    let name = Some(&view.case.deployment.domain);
    let of_api = |trace: &&Trace| {
        trace.asked.name.as_ref() == name && trace.asked.opening == Opening::WebSocket
    };
    let traces: Vec<&Trace> = facts.traces.iter().filter(of_api).collect();
    let Some(first) = traces.first() else {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    };
    let port = first.asked.port;
    let is_read = traces.iter().any(|trace| trace.tls.is_some());
    let listener = facts.listeners.iter().find(|it| it.is_quic && it.port == Some(port));
    let is_offer = |value: &ServerText| {
        let mut entries = value.unquoted().split(',');
        entries.any(|entry| entry.trim().strip_prefix(HTTP_3).is_some())
    };
    let headers = traces.iter().filter_map(|trace| trace.tls.as_ref()?.alt_svc.as_ref());
    let mut offers = headers.filter(|header| is_offer(&header.value));
    let at = listener.map(|it| &it.at).or_else(|| offers.next().map(|header| &header.at));
    let Some(at) = at else {
        return match is_read {
            true => Judgement::pass(ProxySeen::NoHttp3),
            // Whether a header offers it was not looked at.
            false => nothing_ends_tls(view, facts),
        };
    };
    let proxies = view.case.deployment.nodes_of(NodeRole::Proxy);
    let mut of_proxy = proxies.flat_map(Node::every_address);
    let is_beside_turn = of_proxy.any(|address| backends(view).contains(address));
    let is_listening = listener.is_some();
    let seen = ProxySeen::Http3Offered { is_listening };
    let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
    let judgement = match is_listening && is_beside_turn {
        true => judgement.of_severity(Severity::Error),
        false => judgement,
    };
    judgement.located([at.clone()]).at(place(first))
}

/// Whether `Strict-Transport-Security` is only about the name itself.
pub(super) fn hsts(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    const SUBDOMAINS: &str = "includeSubDomains";
    let mut endings = endings(view, facts);
    endings.retain(|(trace, _)| trace.asked.name.as_ref() == Some(&view.case.deployment.domain));
    if endings.is_empty() {
        return nothing_ends_tls(view, facts);
    }
    let wrong = violations(&endings, |_, ending| {
        let header = ending.hsts.as_ref()?;
        let mut directives = header.value.unquoted().split(';');
        let has = directives.any(|it| it.trim().eq_ignore_ascii_case(SUBDOMAINS));
        let seen = ProxySeen::Hsts(header.value.clone());
        let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
        has.then(|| judgement.located([header.at.clone()]))
    });
    wrong.unwrap_or_else(|| Judgement::pass(ProxySeen::HstsFits))
}

/// Whether a renewed certificate reaches each port: a file that is named without a variable is read only when the
/// proxy is started or reloaded.
pub(super) fn renewal(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let endings = endings(view, facts);
    let fixed = endings.iter().find_map(|(trace, ending)| {
        let mut files = ending.certificates.iter().filter_map(|path| facts.certificate(path));
        let file = files.find(|file| !file.is_opened_per_handshake)?;
        Some((*trace, file))
    });
    let Some((trace, file)) = fixed else {
        let has_files = endings.iter().any(|(_, ending)| !ending.certificates.is_empty());
        return match has_files {
            true => Judgement::pass(ProxySeen::OpenedPerHandshake),
            false => nothing_ends_tls(view, facts),
        };
    };
    match &facts.renewal {
        RenewalReload::Unknown => Judgement::not_applicable(ProxySeen::RenewalUnknown),
        RenewalReload::Seen(hook) => {
            Judgement::uncontradicted(ProxySeen::RenewalReloads { hook: hook.clone() })
        }
        RenewalReload::NotSeen { renewal } => {
            let seen = ProxySeen::RenewalKeepsOld { renewal: renewal.clone() };
            let at = trace.certificate.as_ref().map_or_else(|| &file.at, |named| &named.at);
            Judgement::suspected(ReasonCode::ConfigurationSettingWrong, seen)
                .located([at.clone()])
                .at(place(trace))
        }
    }
}

// --- Beside what the network shows -------------------------------------------------------------

/// Whether the proxy serves the certificates that are in its files.
pub(super) fn serves_its_files(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let endings = endings(view, facts);
    let mut compared = false;
    let wrong = {
        let mut found: Vec<(Place, Judgement)> = Vec::new();
        for (trace, ending) in &endings {
            let files: Vec<&CertificateFile> =
                ending.certificates.iter().filter_map(|path| facts.certificate(path)).collect();
            if files.is_empty() || files.len() < ending.certificates.len() {
                continue;
            }
            for chain in served(view, trace) {
                let Some(compare) = compare(chain, &files) else { continue };
                compared = true;
                let place = place(trace);
                if let Some(judgement) = compare
                    && found.iter().all(|(known, _)| *known != place)
                {
                    let at = trace.certificate.as_ref().map(|named| named.at.clone());
                    found.push((place.clone(), judgement.located(at).at(place)));
                }
            }
        }
        Judgement::several(found.into_iter().map(|(_, judgement)| judgement))
    };
    wrong.unwrap_or_else(|| match compared {
        true => Judgement::pass(ProxySeen::ServesItsFiles),
        false => Judgement::not_applicable(ProxySeen::NothingCompared),
    })
}

/// The chains that handshakes for the same name and port were shown.
fn served<'a>(view: &View<'a>, trace: &Trace) -> impl Iterator<Item = &'a ChainFacts> {
    let (name, port) = (trace.asked.name.clone().map(Sni::Name), trace.asked.port);
    let family = trace.asked.family;
    view.case.observations.iter().filter_map(move |observation| {
        let ProbeSpec::Tls { to, sni, offer: TlsOffer::Web | TlsOffer::Stream } = &observation.spec
        else {
            return None;
        };
        let is_same =
            name.as_ref() == Some(sni) && to.port == port && Family::of(to.address) == family;
        let Outcome::Saw(Facts::Tls(facts)) = &observation.outcome else { return None };
        let Some(Handshake::Completed(session)) = &facts.handshake else { return None };
        session.certificate.as_ref().filter(|_| is_same)
    })
}

/// What differs between a chain that was shown and the files; `None`: they cannot be compared.
fn compare(shown: &ChainFacts, files: &[&CertificateFile]) -> Option<Option<Judgement>> {
    let leaf = shown.certificates.first().filter(|leaf| !leaf.sha256.is_empty())?;
    let mut read = Vec::new();
    for file in files {
        let ChainReading::Read(chain) = &file.chain else { return None };
        read.push((*file, chain, chain.certificates.first()?));
    }
    if let Some((file, chain, _)) = read.iter().find(|(_, _, own)| own.sha256 == leaf.sha256) {
        let seen = ProxySeen::ShorterThanFile {
            file: file.path.clone(),
            shown: shown.sent,
            held: chain.count,
        };
        let is_shorter = shown.sent < chain.count;
        let judgement = Judgement::fail(ReasonCode::ConfigurationNotLoaded, seen);
        return Some(is_shorter.then_some(judgement));
    }
    let newer = read.iter().find(|(_, _, own)| own.not_before > leaf.not_before);
    let Some((file, _, own)) = newer else {
        let (file, _, _) = read.first()?;
        let seen = ProxySeen::ServesAnother { file: file.path.clone() };
        return Some(Some(Judgement::suspected(ReasonCode::ConfigurationNotLoaded, seen)));
    };
    let seen = ProxySeen::NotReloaded {
        file: file.path.clone(),
        shown_until: leaf.not_after,
        held_until: own.not_after,
    };
    // A device on the way shows certificates of its own for the same names, from another issuer.
    let is_predecessor = own.names == leaf.names
        && organisation(&own.issuer) == organisation(&leaf.issuer)
        && !file.is_opened_per_handshake;
    Some(Some(match is_predecessor {
        true => Judgement::fail(ReasonCode::TlsNotReloaded, seen),
        false => Judgement::suspected(ReasonCode::TlsNotReloaded, seen),
    }))
}

/// The organisation in the name of an issuer, whose keys change more often; all of it where there is none.
fn organisation(issuer: &ServerText) -> &str {
    let mut parts = issuer.unquoted().split(',').map(str::trim);
    parts.find_map(|part| part.strip_prefix("O=")).unwrap_or(issuer.unquoted())
}
