//! Whether the deployment itself answers. Controls: who signed its certificate, and where plain HTTP
//! leads.

use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::network::is_issuer_of_inspection;
use super::super::service::is_answer_of_deployment;
use super::super::view::View;
use super::clock::chain;
use super::inside::suspected;
use super::{doubted, is_of_closed_ports, without_proof};
use crate::model::facts::{ChainFacts, Facts, HttpAnswer, HttpResponse, ServerText, Trust};
use crate::model::name::DomainName;
use crate::model::observation::{Observation, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::premise::{Doubt, Signer};
use crate::model::probe::{Carrier, ProbeSpec, Sni};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::Seen;
use crate::model::target::{Endpoint, Family};
use crate::model::url::Url;
use crate::model::verdict::Verdict;

/// Network Authentication Required (RFC 6585 §6).
const LOGIN_REQUIRED: u16 = 511;

/// Who answers in place of the deployment.
#[derive(Default)]
pub(super) struct Between {
    /// Where a device opens TLS, and who signed what it shows.
    inspected: Vec<(Endpoint, Inspector)>,
    /// The families over which a captive portal answers, and where it leads.
    portals: Vec<(Family, Option<ServerText>)>,
}

/// Who signed a certificate that no public list knows.
#[derive(Clone)]
struct Inspector {
    issuer: ServerText,
    signer: Signer,
    /// The name that was asked for; `None`: another one than the deployment's, or none.
    asked: Option<DomainName>,
}

impl Between {
    pub fn of(case: &Case<'_>) -> Self {
        let inspected = case.observations.iter().filter_map(|observation| {
            let to = observation.spec.endpoint()?;
            (!case.is_here(to.address)).then_some((to, inspector(case, observation)?))
        });
        let portals: Vec<(Endpoint, Option<ServerText>)> = case
            .observations
            .iter()
            .filter_map(|observation| {
                let to = observation.spec.endpoint()?;
                let page = portal(case, observation)?;
                (!shows_itself(case, to.address)).then_some((to, page))
            })
            .collect();
        Self {
            inspected: inspected.collect(),
            portals: portals.into_iter().map(|(to, page)| (Family::of(to.address), page)).collect(),
        }
    }

    /// What is left of a judgement about what somebody else said.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let is_violated = matches!(judgement.verdict, Verdict::Fail(_));
        let is_passed = matches!(judgement.verdict, Verdict::Pass(_));
        // Until somebody has logged in, nothing else gets out either.
        let of_family = view.observations().filter_map(|it| it.spec.address()).map(Family::of);
        let page = of_family.into_iter().find_map(|family| {
            self.portals.iter().find(|(of, _)| *of == family).map(|(_, page)| page)
        });
        if let Some(page) = page.filter(|_| is_violated || (is_passed && is_of_closed_ports(view)))
        {
            return doubted(&Doubt::Portal { page: page.clone() });
        }
        // Who opens TLS answers for its own TLS, and passes on what comes behind it.
        let of_device = is_passed && is_of_tls(&view.rule.demand);
        if !is_violated && !of_device {
            return judgement;
        }
        let endpoints = view.observations().filter_map(|it| it.spec.endpoint());
        let inspected = endpoints.into_iter().find_map(|to| {
            // What opens TLS of one address mostly accepts connections for any.
            let is_there = |at: Endpoint| {
                at == to || (at.port == to.port && is_open_port(&judgement, view, to.port))
            };
            // What is shown for one name doubts nothing that was shown for another.
            let is_meant = |it: &Inspector| it.signer == Signer::Product || it.shows(view);
            let mut inspected =
                self.inspected.iter().filter(|(at, it)| is_there(*at) && is_meant(it));
            inspected.next().map(|(_, it)| it.clone())
        });
        match inspected {
            None => judgement,
            Some(Inspector { issuer, signer, .. }) => {
                let doubt = Doubt::Inspection { issuer, signer };
                match signer {
                    Signer::Product => doubted(&doubt),
                    _ if is_passed => uncontradicted(judgement, doubt),
                    Signer::Authority
                    | Signer::Itself
                    | Signer::Unverified
                    | Signer::OfAnotherName => suspected(judgement, &doubt),
                }
            }
        }
    }
}

/// What is left of a pass that a device on the way may have earned instead of the deployment.
fn uncontradicted(judgement: Judgement, doubt: Doubt) -> Judgement {
    let judgement = without_proof(judgement);
    Judgement { seen: judgement.seen.and(Seen::Doubted(doubt)), ..judgement }
}

/// Whether a judgement is that this port, or one of several, accepts connections.
fn is_open_port(judgement: &Judgement, view: &View<'_>, port: Port) -> bool {
    let is_open =
        matches!(judgement.reason, ReasonCode::PortOpenUnexpected | ReasonCode::PortOpenUnneeded);
    let of_check = view.check.target.port.and_then(PortRange::single);
    is_open && judgement.place.port.or(of_check) == Some(port)
}

/// Whether a rule is about the TLS of whoever answers first.
fn is_of_tls(demand: &Demand) -> bool {
    matches!(
        demand,
        Demand::HandshakeCompletes
            | Demand::ChainVerifies
            | Demand::NameMatches
            | Demand::NotExpired
            | Demand::ExpiresLaterThan { .. }
            | Demand::VersionAccepted(_)
            | Demand::VersionsRefused(_)
            | Demand::UnknownNameReachesNoBackend
            | Demand::BrowsersAccept
    )
}

impl Inspector {
    /// Whether the check is about what was shown for this name.
    fn shows(&self, view: &View<'_>) -> bool {
        let host = view.check.target.host.as_ref();
        host.is_none_or(|host| self.asked.as_ref() == Some(host))
    }
}

/// Who signed the certificate, where that may have been a device on the way: no browser knows the issuer,
/// the signature cannot be verified, or it is for another name. That only this machine trusts an issuer
/// decides nothing: where TLS is opened, the device's authority is installed on every machine. One that
/// signed itself names no issuer: a page that blocks a site shows such certificates as well as a proxy
/// does.
fn inspector(case: &Case<'_>, observation: &Observation) -> Option<Inspector> {
    let Outcome::Saw(facts) = &observation.outcome else { return None };
    let chain = chain(facts)?;
    let issuer = chain.certificates.last()?.issuer.clone();
    let asked = asked_name(&observation.spec).filter(|name| is_of_deployment(case, name)).cloned();
    let is_of_product = is_issuer_of_inspection(&issuer);
    let signer = match &chain.trust {
        Trust::UnknownIssuer | Trust::SelfSigned if is_of_product => Signer::Product,
        Trust::Verified if chain.private_root && is_of_product => Signer::Product,
        Trust::UnknownIssuer => Signer::Authority,
        Trust::Verified if chain.private_root => Signer::Authority,
        Trust::SelfSigned => Signer::Itself,
        Trust::Invalid(_) if is_signed_for_deployment(case, chain) => return None,
        Trust::IntermediateMissing | Trust::Invalid(_) => Signer::Unverified,
        Trust::Verified if is_signed_for_deployment(case, chain) => return None,
        Trust::Verified if answers_behind(case, observation) => return None,
        Trust::Verified => Signer::OfAnotherName,
    };
    // What is shown for a name of nobody is a server's default. A device shows its own for every name.
    (asked.is_some() || signer == Signer::Product).then_some(Inspector { issuer, signer, asked })
}

/// Whether a public authority signed the certificate for a name of the deployment, so that nobody else has
/// its key.
fn is_signed_for_deployment(case: &Case<'_>, chain: &ChainFacts) -> bool {
    let names = chain.certificates.first().map_or(&[][..], |leaf| leaf.names.as_slice());
    let is_named = |of: &DomainName| names.iter().any(|name| covers(name, of));
    chain.is_vouched_for
        && !chain.private_root
        && (chain.name_matches || names_of(case).any(is_named))
}

/// Whether a name of a certificate is this one, or a wildcard for it (RFC 6125 §6.4.3).
fn covers(name: &ServerText, wanted: &DomainName) -> bool {
    let name = name.unquoted().to_ascii_lowercase();
    match name.strip_prefix("*.") {
        Some(parent) => wanted.parent() == parent,
        None => name == wanted.as_str(),
    }
}

fn names_of<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a DomainName> {
    std::iter::once(&case.deployment.domain).chain(&case.deployment.turn_domain)
}

fn is_of_deployment(case: &Case<'_>, name: &DomainName) -> bool {
    names_of(case).any(|of| of == name)
}

/// The name that a probe sends in SNI.
fn asked_name(spec: &ProbeSpec) -> Option<&DomainName> {
    let sni = match spec {
        ProbeSpec::Tls { sni, .. } | ProbeSpec::Browser { sni, .. } => sni,
        ProbeSpec::Api { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Path { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Turn { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Hold { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Rtmp { over: Carrier::Tls(sni), .. } => sni,
        _ => return None,
    };
    match sni {
        Sni::Name(name) => Some(name),
        Sni::Absent => None,
    }
}

/// Whether a service of OpenVidu answers behind TLS with the same name at the same place: a page that
/// blocks a site, or that wants a login first, passes nothing on.
fn answers_behind(case: &Case<'_>, shown: &Observation) -> bool {
    let Some(to) = shown.spec.endpoint() else { return false };
    case.observations.at(to.address).any(|observation| {
        observation.spec.endpoint() == Some(to)
            && asked_name(&observation.spec) == asked_name(&shown.spec)
            && is_answer_of_deployment(observation)
    })
}

/// The page that plain HTTP is sent to instead of the deployment's own.
fn portal(case: &Case<'_>, observation: &Observation) -> Option<Option<ServerText>> {
    let Outcome::Saw(Facts::Http(facts)) = &observation.outcome else { return None };
    let Some(HttpAnswer::Response(response)) = &facts.answer else { return None };
    let HttpResponse { status, location, .. } = response;
    let is_elsewhere = |location: &ServerText| {
        let mut names =
            std::iter::once(&case.deployment.domain).chain(&case.deployment.turn_domain);
        let page = |name: &DomainName| Url::page("http", name.as_str(), "/");
        let leads_to = page(&case.deployment.domain).join(location.unquoted());
        leads_to.is_some_and(|to| names.all(|name| to.host != page(name).host))
    };
    match (*status, location) {
        (LOGIN_REQUIRED, page) => Some(page.clone()),
        (300..=399, Some(page)) if is_elsewhere(page) => Some(Some(page.clone())),
        _ => None,
    }
}

/// Whether somebody at this address has shown a certificate for the name that he was asked for.
fn shows_itself(case: &Case<'_>, address: IpAddr) -> bool {
    let of_address = case.observations.at(address);
    let mut chains = of_address.filter_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => chain(facts),
        Outcome::Blind(_) => None,
    });
    chains.any(|chain| chain.name_matches)
}
