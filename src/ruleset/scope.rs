//! The scope of a rule, and the demands that apply to each kind of scope.

use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{RawListedPort, RawRule};
use super::shared::service;
use super::values::{filled, ports};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::NodeRole;
use crate::model::port::Transport;
use crate::model::rule::{
    DemandName, ListedPort, NameRef, NamedEndpoint, PortScope, Scope, ScopeKind, Service,
};

/// The scope as written in the file.
enum Written<'a> {
    Names(&'a Spanned<Vec<NameRef>>),
    Endpoints(&'a Spanned<Vec<Spanned<String>>>),
    /// One of the three keys of a port.
    Ports(Range<usize>),
    AllNodes(&'a Spanned<Vec<RawListedPort>>),
    Machines(&'a Spanned<Vec<NodeRole>>),
}

impl Written<'_> {
    fn kind(&self) -> ScopeKind {
        match self {
            Self::Names(_) => ScopeKind::Names,
            Self::Endpoints(_) => ScopeKind::Endpoints,
            Self::Ports(_) => ScopeKind::Ports,
            Self::AllNodes(_) => ScopeKind::AllNodes,
            Self::Machines(_) => ScopeKind::Machines,
        }
    }

    fn span(&self) -> Range<usize> {
        match self {
            Self::Names(names) => names.span(),
            Self::Endpoints(keys) => keys.span(),
            Self::Ports(span) => span.clone(),
            Self::AllNodes(tcp) => tcp.span(),
            Self::Machines(roles) => roles.span(),
        }
    }
}

/// The keys of a kind of scope, for complaints.
fn keys(kind: ScopeKind) -> &'static str {
    match kind {
        ScopeKind::Deployment => "nothing",
        ScopeKind::Names => "\"names\"",
        ScopeKind::Endpoints => "\"at\"",
        ScopeKind::Ports => "\"nodes\", \"transport\" and \"ports\"",
        ScopeKind::AllNodes => "\"tcp\"",
        ScopeKind::Machines => "\"machines\"",
    }
}

/// The scope of a rule.
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
        Some(Written::Machines(roles)) => Ok(Scope::Machines(filled(file, roles)?.clone())),
    }
}

/// The scope that the rule sets. `None` if it sets none.
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
        raw.machines.as_ref().map(Written::Machines),
    ]
    .into_iter()
    .flatten();
    let first = kinds.next();
    let (Some(one), Some(second)) = (&first, kinds.next()) else {
        return Ok(first);
    };
    let message = format!(
        "a rule can have only one scope, but this one has {} and {}",
        keys(one.kind()),
        keys(second.kind())
    );
    Err(file
        .complaint(second.span(), message, "a second scope")
        .with_help("split it into two rules"))
}

fn refuse_misfit(
    file: &RuleFile,
    raw: &RawRule,
    written: Option<&Written<'_>>,
) -> Result<(), Complaint> {
    let allowed = raw.demand.get_ref().scopes();
    let kind = written.map_or(ScopeKind::Deployment, Written::kind);
    if allowed.contains(&kind) {
        return Ok(());
    }
    let demand = file.written(raw.demand.span());
    let complaint = match written {
        None => file.complaint(
            raw.demand.span(),
            format!("the demand {demand} requires a scope"),
            "the scope is missing",
        ),
        Some(written) => file.complaint(
            written.span(),
            format!("the demand {demand} does not apply to {}", keys(kind)),
            "not a scope of this demand",
        ),
    };
    let help = match allowed {
        [ScopeKind::Deployment] => "remove it; the demand applies to the whole deployment".into(),
        _ => {
            let keys: Vec<_> = allowed.iter().map(|kind| keys(*kind)).collect();
            format!("set the scope with {}", keys.join(" or with "))
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
    let (wanted, written) = match rule.demand.get_ref() {
        DemandName::RedisNeedsPassword => (Service::Redis, "redis"),
        DemandName::MongodbNeedsLogin => (Service::MongoDb, "mongodb"),
        DemandName::MinioBucketsNeedLogin => (Service::Minio, "minio"),
        _ => return Ok(ListedPort { port: listed.port, service, severity: listed.severity }),
    };
    if service != Some(wanted) {
        let port = listed.port;
        return Err(file
            .complaint(
                rule.demand.span(),
                format!("TCP {port} is not declared as a {wanted} port"),
                format!("applies only to {wanted}"),
            )
            .with_help(format!(
                "use {{ port = {port}, service = \"{written}\" }}, or remove the port from \"tcp\""
            )));
    }
    Ok(ListedPort { port: listed.port, service, severity: listed.severity })
}

fn port_scope(file: &RuleFile, raw: &RawRule, span: Range<usize>) -> Result<PortScope, Complaint> {
    let (Some(roles), Some(transport), Some(range)) = (&raw.nodes, &raw.transport, &raw.ports)
    else {
        return Err(file
            .complaint(
                span,
                format!("a port scope requires {}", keys(ScopeKind::Ports)),
                "some of these keys are missing",
            )
            .with_help("add the missing keys"));
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
            format!("unknown endpoint \"{wanted}\""),
            "not in endpoints.toml",
        )
        .with_help(help_for_unknown(wanted, &known))
    })
}
