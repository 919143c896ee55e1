//! What a rule is about, and which demands can be judged on it.

use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{DemandName, RawListedPort, RawRule};
use super::shared::service;
use super::values::{filled, ports};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::port::Transport;
use crate::model::rule::{ListedPort, NameRef, NamedEndpoint, PortScope, Scope, Service};

/// The scope as it is written.
enum Written<'a> {
    Names(&'a Spanned<Vec<NameRef>>),
    Endpoints(&'a Spanned<Vec<Spanned<String>>>),
    /// One of the three keys of a port.
    Ports(Range<usize>),
    AllNodes(&'a Spanned<Vec<RawListedPort>>),
}

/// The kinds of scopes that rules are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deployment,
    Names,
    Endpoints,
    Ports,
    AllNodes,
}

impl Written<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Names(_) => Kind::Names,
            Self::Endpoints(_) => Kind::Endpoints,
            Self::Ports(_) => Kind::Ports,
            Self::AllNodes(_) => Kind::AllNodes,
        }
    }

    fn span(&self) -> Range<usize> {
        match self {
            Self::Names(names) => names.span(),
            Self::Endpoints(keys) => keys.span(),
            Self::Ports(span) => span.clone(),
            Self::AllNodes(tcp) => tcp.span(),
        }
    }
}

impl Kind {
    /// The keys by which it is written, for complaints.
    fn keys(self) -> &'static str {
        match self {
            Self::Deployment => "nothing",
            Self::Names => "\"names\"",
            Self::Endpoints => "\"at\"",
            Self::Ports => "\"nodes\", \"transport\" and \"ports\"",
            Self::AllNodes => "\"tcp\"",
        }
    }
}

impl DemandName {
    /// The kinds of scopes that this demand can be judged on.
    fn scopes(self) -> &'static [Kind] {
        match self {
            Self::NameResolves | Self::PointsToProxy | Self::AddressesPublic => &[Kind::Names],
            Self::FamiliesAgree
            | Self::HoldsByParsing
            | Self::AllPass
            | Self::JoinAccepted
            | Self::IceServersAgree
            | Self::CandidatesAgree
            | Self::AllocationGranted
            | Self::RelayCarriesMedia
            | Self::WrongPasswordRefused
            | Self::ForeignPeersRefused
            | Self::MediaPath
            | Self::MediaPathsOnly
            | Self::NotPunchedOut
            | Self::LargePacketsPass
            | Self::DtlsPasses => &[Kind::Deployment],
            Self::RedirectsToHttps
            | Self::HandshakeCompletes
            | Self::ChainVerifies
            | Self::NameMatches
            | Self::NotExpired
            | Self::ExpiresLaterThan
            | Self::RenewalNotRedirected
            | Self::VersionAccepted
            | Self::VersionsRefused
            | Self::UnknownNameReachesNoBackend
            | Self::ApiAnswers
            | Self::WebSocketUpgradePasses
            | Self::PostPasses
            | Self::ClockAgrees
            | Self::HoldsIdle
            | Self::MappedAddressPlausible
            | Self::EditionMatches
            | Self::RtmpsHandshakes
            | Self::PlaintextRefused => &[Kind::Endpoints],
            Self::AnswersBinding | Self::ChallengesAllocate => &[Kind::Endpoints, Kind::Ports],
            Self::UndocumentedClosed | Self::RedisNeedsPassword => &[Kind::AllNodes],
            Self::PortClosed | Self::PortOpen => &[Kind::Ports],
        }
    }
}

/// What a rule is about.
pub(super) fn scope(
    file: &RuleFile,
    raw: &RawRule,
    endpoints: &[NamedEndpoint],
) -> Result<Scope, Complaint> {
    let written = written(file, raw)?;
    refuse_misfit(file, raw, written.as_ref())?;
    match written {
        None => Ok(Scope::Deployment),
        Some(Written::Names(names)) => Ok(Scope::Names(filled(file, names)?.clone())),
        Some(Written::Endpoints(keys)) => filled(file, keys)?
            .iter()
            .map(|key| known_endpoint(file, key, endpoints))
            .collect::<Result<_, _>>()
            .map(Scope::Endpoints),
        Some(Written::Ports(span)) => port_scope(file, raw, span).map(Scope::Ports),
        Some(Written::AllNodes(tcp)) => filled(file, tcp)?
            .iter()
            .map(|listed| listed_port(file, raw, listed))
            .collect::<Result<_, _>>()
            .map(|tcp| Scope::AllNodes { tcp }),
    }
}

/// The only kind of scope that is written; `None` when there is none.
fn written<'a>(file: &RuleFile, raw: &'a RawRule) -> Result<Option<Written<'a>>, Complaint> {
    let port = [
        raw.nodes.as_ref().map(Spanned::span),
        raw.transport.as_ref().map(Spanned::span),
        raw.ports.as_ref().map(Spanned::span),
    ];
    let mut kinds = [
        raw.names.as_ref().map(Written::Names),
        raw.at.as_ref().map(Written::Endpoints),
        port.into_iter().flatten().next().map(Written::Ports),
        raw.tcp.as_ref().map(Written::AllNodes),
    ]
    .into_iter()
    .flatten();
    let first = kinds.next();
    let (Some(one), Some(second)) = (&first, kinds.next()) else {
        return Ok(first);
    };
    let message = format!(
        "a rule is about one kind of thing, this one has {} and {}",
        one.kind().keys(),
        second.kind().keys()
    );
    Err(file.complaint(second.span(), message, "the second kind").with_help("make two rules of it"))
}

fn refuse_misfit(
    file: &RuleFile,
    raw: &RawRule,
    written: Option<&Written<'_>>,
) -> Result<(), Complaint> {
    let allowed = raw.demand.get_ref().scopes();
    let kind = written.map_or(Kind::Deployment, Written::kind);
    if allowed.contains(&kind) {
        return Ok(());
    }
    let demand = file.written(raw.demand.span());
    let complaint = match written {
        None => file.complaint(
            raw.demand.span(),
            format!("the demand {demand} does not say what it is about"),
            "of what?",
        ),
        Some(written) => file.complaint(
            written.span(),
            format!("the demand {demand} cannot be judged on {}", kind.keys()),
            "does not fit the demand",
        ),
    };
    let help = match allowed {
        [Kind::Deployment] => "take it away: the demand is about the deployment as a whole".into(),
        _ => {
            let keys: Vec<_> = allowed.iter().map(|kind| kind.keys()).collect();
            format!("say what it is about with {}", keys.join(" or with "))
        }
    };
    Err(complaint.with_help(help))
}

fn listed_port(
    file: &RuleFile,
    rule: &RawRule,
    listed: &RawListedPort,
) -> Result<ListedPort, Complaint> {
    let service = service(file, listed.service.as_ref(), Transport::Tcp)?;
    if *rule.demand.get_ref() == DemandName::RedisNeedsPassword && service != Some(Service::Redis) {
        let port = listed.port;
        return Err(file
            .complaint(
                rule.demand.span(),
                format!("TCP {port} is not a port of Redis"),
                "can be asked of Redis alone",
            )
            .with_help(format!(
                "write {{ port = {port}, service = \"redis\" }}, or take the port out of \"tcp\""
            )));
    }
    Ok(ListedPort { port: listed.port, service })
}

fn port_scope(file: &RuleFile, raw: &RawRule, span: Range<usize>) -> Result<PortScope, Complaint> {
    let (Some(roles), Some(transport), Some(range)) = (&raw.nodes, &raw.transport, &raw.ports)
    else {
        return Err(file
            .complaint(
                span,
                "a port is of some nodes, has a transport, and a number or a range",
                "only a part of these",
            )
            .with_help(format!("write {}", Kind::Ports.keys())));
    };
    Ok(PortScope {
        roles: filled(file, roles)?.clone(),
        transport: *transport.get_ref(),
        ports: ports(file, range)?,
    })
}

fn known_endpoint(
    file: &RuleFile,
    key: &Spanned<String>,
    endpoints: &[NamedEndpoint],
) -> Result<NamedEndpoint, Complaint> {
    let wanted = key.get_ref();
    let found = endpoints.iter().find(|endpoint| endpoint.key == *wanted);
    found.cloned().ok_or_else(|| {
        let known: Vec<_> = endpoints.iter().map(|e| e.key.as_str()).collect();
        file.complaint(
            key.span(),
            format!("there is no endpoint \"{wanted}\""),
            "not in endpoints.toml",
        )
        .with_help(help_for_unknown(wanted, &known))
    })
}
