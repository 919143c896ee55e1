//! Rules about single settings of the proxy: what a connection meets, what the proxy can carry, what the text says.

use std::net::IpAddr;
use std::time::Duration;

use super::super::config;
use super::super::judgement::{Judgement, Place};
use super::super::view::View;
use super::routes::{backends, literal, name_of_backend, of_proxies, on_the_way, traces_of};
use super::ways::{self, Places, distinct, of_services, own_rule, port_of};
use crate::model::configuration::{
    Admission, Backend, BackendAddress, End, Hop, HopAction, Layer, Location, MemberState, Met,
    MetSetting, Opening, ProxyKind, Trace,
};
use crate::model::deployment::{Node, Topology};
use crate::model::facts::{
    ConnectionLimit, Facts, ProxyFacts, ProxyFaultKind, ProxyRemark, ProxyRemarkKind,
};
use crate::model::plan::NotAsked;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::rule::ProxySetting;
use crate::model::seen::ProxySeen;
use crate::model::verdict::{Severity, Verdict};

const WRONG: ReasonCode = ReasonCode::ConfigurationSettingWrong;

/// Judges a rule about one setting.
pub(super) fn judge(view: &View<'_>, facts: &ProxyFacts, setting: ProxySetting) -> Judgement {
    if !is_read(facts.kind, setting) {
        return Judgement::not_applicable(ProxySeen::NotRead(facts.kind));
    }
    let services = of_services(view, facts);
    let of_api = traces_of(facts, &view.case.deployment.domain, Opening::WebSocket);
    match setting {
        ProxySetting::TurnLayer => turn_layer(view, facts),
        ProxySetting::TlsEnds => tls_ends(&services),
        ProxySetting::BackendTls => ways::ends(&services, setting, on_the_way),
        ProxySetting::Listeners => listeners(&services),
        ProxySetting::ServerNames => server_names(facts, &services),
        ProxySetting::Maps => causes(&services, setting),
        ProxySetting::MapKeys => map_keys(facts, &services),
        ProxySetting::Variables => causes(&services, setting),
        ProxySetting::Groups => causes(&services, setting),
        ProxySetting::Routers => routers(facts, &services),
        ProxySetting::Resolver => causes(&services, setting),
        ProxySetting::Members => members(&services),
        ProxySetting::AcmeChallenge => acme_challenge(view, facts),
        ProxySetting::PortOwners => port_owners(view, facts),
        ProxySetting::Backends => declared(view, &services),
        ProxySetting::InnerListeners => inner_listeners(facts, &services),
        ProxySetting::Connections => connections(view, facts),
        ProxySetting::HaproxyConnections => haproxy_connections(facts, &services),
        ProxySetting::OpenFiles => open_files(facts),
        ProxySetting::Reload => reload(facts),
        ProxySetting::Throttles => ways::met(&services, |_, met| {
            matches!(met.what, MetSetting::Throttle(_)).then(|| wrong(met))
        }),
        ProxySetting::AccessLists => access_lists(view, &services),
        ProxySetting::BodySize => body_size(view, &of_api),
        ProxySetting::CacheAndLogin => ways::met(&of_api, |_, met| {
            let is_it = matches!(
                met.what,
                MetSetting::Cache | MetSetting::Login | MetSetting::ChangesContent
            );
            is_it.then(|| wrong(met))
        }),
        ProxySetting::ClientAddress => ways::met(&of_api, |_, met| {
            matches!(met.what, MetSetting::ClientAddressLost { .. }).then(|| wrong(met))
        }),
        ProxySetting::TrustedProxies => {
            remarks(facts, |remark| matches!(remark.what, ProxyRemarkKind::TrustsEveryone(_)))
        }
        ProxySetting::Placeholders => placeholders(view, facts),
        ProxySetting::StreamModule => match modules_unseen(facts) {
            Some(judgement) => judgement,
            None => Judgement::pass(ProxySeen::NothingFound),
        },
        ProxySetting::StreamPlace => faults(facts, is_stream_misplaced),
    }
}

/// Whether the reader of this kind of proxy says what the rule looks at: for all of them, the ends and hops of
/// connections; for nginx, also what a connection meets, limits of the proxy, and remarks about the text, of which the
/// others have some.
fn is_read(kind: ProxyKind, setting: ProxySetting) -> bool {
    let is_remark = matches!(setting, ProxySetting::Placeholders | ProxySetting::TrustedProxies);
    let is_of_haproxy = matches!(
        setting,
        ProxySetting::AcmeChallenge
            | ProxySetting::Members
            | ProxySetting::Reload
            | ProxySetting::Throttles
            | ProxySetting::AccessLists
            | ProxySetting::CacheAndLogin
            | ProxySetting::Placeholders
    );
    let is_of_traefik = matches!(
        setting,
        ProxySetting::Routers
            | ProxySetting::Throttles
            | ProxySetting::AccessLists
            | ProxySetting::BodySize
            | ProxySetting::CacheAndLogin
    );
    kind == ProxyKind::Nginx && setting != ProxySetting::Routers
        || matches!(kind, ProxyKind::Caddy | ProxyKind::Traefik) && is_remark
        || kind == ProxyKind::Haproxy && is_of_haproxy
        || kind == ProxyKind::Traefik && is_of_traefik
        || setting == ProxySetting::HaproxyConnections
        || matches!(
            setting,
            ProxySetting::TurnLayer
                | ProxySetting::TlsEnds
                | ProxySetting::BackendTls
                | ProxySetting::Listeners
                | ProxySetting::PortOwners
                | ProxySetting::Backends
                | ProxySetting::InnerListeners
        )
}

/// Whether the proxy passes every request that LiveKit takes: as its own files say, else as LiveKit does by itself.
fn body_size(view: &View<'_>, of_api: &[&Trace]) -> Judgement {
    let openvidu = view.case.saw().find_map(Facts::as_openvidu_configuration);
    let set = openvidu.and_then(config::largest_request);
    let (largest, at) =
        set.map_or((config::LARGEST_BY_ITSELF, None), |(bytes, at)| (bytes, Some(at.origin())));
    ways::met(of_api, |_, met| {
        let MetSetting::LargestBody(most) = met.what else { return None };
        let judgement = || wrong(met).located(at.cloned());
        (most != 0 && most < largest).then(judgement)
    })
}

fn wrong(met: &Met) -> Judgement {
    Judgement::fail(WRONG, ProxySeen::Met(met.what.clone()))
}

/// Violations where a connection ends wrongly because of what it met.
fn causes(traces: &[&Trace], setting: ProxySetting) -> Judgement {
    ways::met(traces, |trace, met| {
        let is_cause = own_rule(trace) == Some(setting) && causing(&met.what) == Some(setting);
        is_cause.then(|| wrong(met))
    })
}

/// The rule that says that a choice found nothing.
fn causing(what: &MetSetting) -> Option<ProxySetting> {
    Some(match what {
        MetSetting::NoEntry { .. } => ProxySetting::Maps,
        MetSetting::IgnoredKey(_) => ProxySetting::MapKeys,
        MetSetting::EmptyVariable { .. } => ProxySetting::Variables,
        MetSetting::UnknownGroup(_) => ProxySetting::Groups,
        MetSetting::ResolverMissing(_) => ProxySetting::Resolver,
        MetSetting::UnusedRouter { .. } => ProxySetting::Routers,
        _ => return None,
    })
}

/// Whether the TURN domain meets no part of the proxy that reads HTTP.
fn turn_layer(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let Some(name) = &view.case.deployment.turn_domain else {
        return Judgement::not_applicable(NotAsked::NoTurnDomain);
    };
    let traces = traces_of(facts, name, Opening::Stun);
    ways::ends(&traces, ProxySetting::TurnLayer, |trace| {
        let reads_http =
            |hop: &&Hop| matches!(hop.does, HopAction::Accepts { layer: Layer::Http, .. });
        let first = trace.hops.iter().find(reads_http).map(|hop| hop.at.clone());
        first.into_iter().chain(on_the_way(trace)).collect()
    })
}

/// Whether the ports of users are listened on.
fn listeners(traces: &[&Trace]) -> Judgement {
    let judgement = ways::ends(traces, ProxySetting::Listeners, |_| Vec::new());
    let is_rtmp = |port: Option<Port>| {
        let mut of_rtmp = traces.iter().filter(|trace| trace.asked.opening == Opening::Rtmp);
        of_rtmp.any(|trace| Some(trace.asked.port) == port)
    };
    judgement.map_each(|part| match is_rtmp(part.place.port) {
        // As the rule about its route.
        true => part.of_severity(Severity::Warning),
        false => part,
    })
}

/// Whether requests are taken by a server with their name, and each name has one server.
fn server_names(facts: &ProxyFacts, traces: &[&Trace]) -> Judgement {
    let mut all: Vec<Judgement> = Vec::new();
    let by_default = ways::met(traces, |trace, met| {
        let is_cause = own_rule(trace) == Some(ProxySetting::ServerNames)
            && met.what == MetSetting::TakenByDefault;
        is_cause.then(|| wrong(met))
    });
    let twice =
        facts.remarks.iter().filter(|remark| matches!(remark.what, ProxyRemarkKind::NameTwice(_)));
    all.extend(twice.map(|remark| of_remark(remark).of_severity(Severity::Warning)));
    and_more(by_default, all)
}

/// Whether a wildcard is one, and a key can be a name.
fn map_keys(facts: &ProxyFacts, traces: &[&Trace]) -> Judgement {
    let met = causes(traces, ProxySetting::MapKeys);
    let known: Vec<Location> = met.clone().apart().flat_map(|it| it.locations).collect();
    let never = facts.remarks.iter().filter(|remark| {
        matches!(remark.what, ProxyRemarkKind::KeyNeverMatches(_)) && !known.contains(&remark.at)
    });
    let never = never.map(|remark| of_remark(remark).of_severity(Severity::Warning));
    and_more(met, never.collect())
}

/// Whether each router is used: an error where a connection ends elsewhere because of it.
fn routers(facts: &ProxyFacts, traces: &[&Trace]) -> Judgement {
    let met = causes(traces, ProxySetting::Routers);
    let known: Vec<Location> = met.clone().apart().flat_map(|it| it.locations).collect();
    let others = facts.remarks.iter().filter(|remark| {
        matches!(remark.what, ProxyRemarkKind::UnusedRouter { .. }) && !known.contains(&remark.at)
    });
    let others = others.map(|remark| of_remark(remark).of_severity(Severity::Warning));
    and_more(met, others.collect())
}

/// Whether TLS ends once on the way to each service.
fn tls_ends(traces: &[&Trace]) -> Judgement {
    let mut places = Places::new();
    for trace in traces.iter().filter(|trace| own_rule(trace) == Some(ProxySetting::TlsEnds)) {
        let judgement =
            Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, ways::ends_at(trace));
        // Of Traefik, the words that leave TLS on the connection.
        let passthrough = trace.hops.iter().find(|hop| hop.does == HopAction::ReadsServerName);
        let edit = passthrough.and_then(|hop| Edit::replacing(&hop.at, "true", "false"));
        let first = passthrough.filter(|_| edit.is_some()).map(|hop| hop.at.clone());
        let at = first.into_iter().chain(on_the_way(trace));
        places.add(trace, judgement.located(distinct(at)).mended_by(edit));
    }
    ways::settled(traces, places.judgements())
}

/// The violations of both; else the first.
fn and_more(first: Judgement, more: Vec<Judgement>) -> Judgement {
    let is_violation = |it: &Judgement| matches!(it.verdict, Verdict::Fail(_));
    let violations = first.clone().apart().filter(is_violation).chain(more);
    Judgement::several(violations.collect::<Vec<_>>()).unwrap_or(first)
}

/// Whether all members of the groups on the way take part in the same way.
fn members(traces: &[&Trace]) -> Judgement {
    ways::met(traces, |trace, met| {
        let MetSetting::Member { state, .. } = met.what else { return None };
        // Where no member is left, nobody is served.
        let is_left = own_rule(trace) != Some(ProxySetting::Members);
        let severity = match (is_left, state) {
            (false, MemberState::Down) => Severity::Error,
            _ => Severity::Info,
        };
        Some(wrong(met).of_severity(severity))
    })
}

/// Whether the challenge of ACME is answered and not redirected, where a client of ACME is used.
fn acme_challenge(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    if facts.acme_client.is_none() {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    }
    let traces = traces_of(facts, &view.case.deployment.domain, Opening::AcmeChallenge);
    let mut places = Places::new();
    for trace in &traces {
        let is_swallowed = match &trace.end {
            End::Redirect { .. } | End::Closed(_) => true,
            End::LocalAnswer { status } => status.is_some_and(|status| status >= 300),
            _ => false,
        };
        if is_swallowed {
            let seen = ways::ends_at(trace);
            // Another challenge may be in use, or the client may change the file while it renews.
            let judgement = Judgement::suspected(ReasonCode::ConfigurationLeadsElsewhere, seen);
            places.add(trace, judgement.located(on_the_way(trace)));
        }
    }
    ways::settled(&traces, places.judgements())
}

/// Whether each port has one owner: in the files, and on the machine.
fn port_owners(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let twice = faults(facts, |what| matches!(what, ProxyFaultKind::PortTwice(_)));
    let is_shared = |it: &&ProxyRemark| matches!(it.what, ProxyRemarkKind::PortShared(_));
    let shared = facts.remarks.iter().filter(is_shared).map(|remark| {
        let seen = ProxySeen::Remark(remark.what.clone());
        let judgement = Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, seen);
        judgement.located([remark.at.clone()])
    });
    and_more(twice, shared.chain(ports_of_openvidu(view, facts)).collect())
}

/// Listeners at ports that OpenVidu has on the same machine.
fn ports_of_openvidu(view: &View<'_>, facts: &ProxyFacts) -> Vec<Judgement> {
    let behind = backends(view);
    if !of_proxies(view).iter().any(|address| behind.contains(address)) {
        return Vec::new();
    }
    let services = [Opening::WebSocket, Opening::Stun, Opening::Rtmp];
    let ports: Vec<_> = services.into_iter().filter_map(|it| port_of(view, it)).collect();
    let takes = facts.listeners.iter().filter(|listener| {
        !listener.is_udp && listener.port.is_some_and(|port| ports.contains(&port))
    });
    let judgement = |listener: &crate::model::facts::ProxyListener| {
        let seen = ProxySeen::PortOfOpenvidu(listener.port?);
        let judgement = Judgement::fail(WRONG, seen).located([listener.at.clone()]);
        Some(judgement.at(Place { port: listener.port, ..Place::default() }))
    };
    takes.filter_map(judgement).collect()
}

/// Whether backends are declared machines, and all of them are backends.
fn declared(view: &View<'_>, traces: &[&Trace]) -> Judgement {
    let declared = backends(view);
    if declared.is_empty() {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    }
    let mut places = Places::new();
    let mut unnamed = None;
    for trace in traces {
        let End::Backend(backend) = &trace.end else { continue };
        unnamed = unnamed.or_else(|| name_of_backend(view, trace));
        for (address, at) in members_of(trace, backend) {
            let Some(wrong) = literal(address) else { continue };
            let Some(judgement) = stranger(view, &declared, wrong) else { continue };
            let right = declared.iter().find(|it| it.is_ipv4() == wrong.is_ipv4());
            let only = declared.iter().filter(|it| it.is_ipv4() == wrong.is_ipv4()).count() == 1;
            let edit = at.as_ref().zip(right.filter(|_| only)).and_then(|(at, right)| {
                Edit::replacing(at, &wrong.to_string(), &right.to_string())
            });
            let at = distinct(at.into_iter().chain(on_the_way(trace)));
            places.add(trace, judgement.located(at).mended_by(edit));
        }
        if let Some(judgement) = missing_masters(view, backend) {
            places.add(trace, judgement.located(on_the_way(trace)));
        }
    }
    let judgement = ways::settled(traces, places.judgements());
    match (judgement.verdict, unnamed) {
        (Verdict::Pass(_), Some(unnamed)) => unnamed,
        _ => judgement,
    }
}

/// The members of the group to which a connection is passed, with their places.
fn members_of<'a>(
    trace: &'a Trace,
    backend: &'a Backend,
) -> impl Iterator<Item = (&'a BackendAddress, Option<Location>)> {
    let first = (&backend.address, super::routes::decided_at(trace).cloned());
    let others = backend.others.iter().map(|other| (&other.address, Some(other.at.clone())));
    std::iter::once(first).chain(others)
}

/// An address that no declared machine behind the proxy has.
fn stranger(view: &View<'_>, declared: &[IpAddr], address: IpAddr) -> Option<Judgement> {
    if declared.contains(&address) {
        return None;
    }
    let seen = ProxySeen::Undeclared(address);
    if !address.is_loopback() {
        // A network translates addresses, and a machine may have more than are declared.
        return Some(Judgement::suspected(WRONG, seen));
    }
    let of_proxy = of_proxies(view);
    let is_elsewhere =
        !of_proxy.is_empty() && !of_proxy.iter().any(|address| declared.contains(address));
    is_elsewhere.then(|| Judgement::fail(WRONG, seen))
}

/// Master Nodes that no member of the group is.
fn missing_masters(view: &View<'_>, backend: &Backend) -> Option<Judgement> {
    let deployment = view.case.deployment;
    if deployment.topology != Topology::HighAvailability {
        return None;
    }
    let others = backend.others.iter().map(|other| &other.address);
    let addresses: Vec<&BackendAddress> = std::iter::once(&backend.address).chain(others).collect();
    let is_ip = |address: &&&BackendAddress| matches!(address, BackendAddress::Ip(_));
    if addresses.iter().any(|address| !is_ip(&address)) {
        return None;
    }
    let is_member = |node: &Node| {
        node.every_address().any(|own| addresses.contains(&&BackendAddress::Ip(*own)))
    };
    let masters = deployment.nodes_of(deployment.topology.backend());
    let missing: Vec<_> =
        masters.filter(|node| !is_member(node)).map(|node| node.name.clone()).collect();
    let is_missing = !missing.is_empty();
    let judgement = || Judgement::suspected(WRONG, ProxySeen::NotAMember(missing));
    is_missing.then(|| judgement().of_severity(Severity::Warning))
}

/// Whether listeners that only the proxy itself has to reach are closed to others.
fn inner_listeners(facts: &ProxyFacts, traces: &[&Trace]) -> Judgement {
    let mut places = Places::new();
    for trace in traces {
        let accepts = |hop: &&Hop| matches!(hop.does, HopAction::Accepts { .. });
        for hop in trace.hops.iter().filter(accepts).skip(1) {
            let Some(listener) = facts.listeners.iter().find(|it| it.at == hop.at) else {
                continue;
            };
            let Some(port) = listener.port.filter(|_| !listener.ends_tls) else { continue };
            if listener.address.is_some_and(|address| address.is_loopback()) {
                continue;
            }
            let judgement = Judgement::fail(WRONG, ProxySeen::ListensOutside(port));
            let edit = Edit::bound(&hop.at, port, &listener.families);
            places.add(trace, judgement.located([hop.at.clone()]).mended_by(edit));
        }
    }
    let of_listener = |judgement: Judgement| judgement.at(Place::default());
    ways::settled(traces, places.judgements().map(of_listener))
}

/// Clients at the same time that a proxy has to take, in all.
const FEWEST: u64 = 1_000;

/// Whether HAProxy takes enough connections: in all, at each listener on the way, and for each server.
fn haproxy_connections(facts: &ProxyFacts, services: &[&Trace]) -> Judgement {
    if facts.kind != ProxyKind::Haproxy {
        return Judgement::not_applicable(ProxySeen::OtherProxy);
    }
    let limit = facts.limits.connections.as_ref();
    let too_few = limit.filter(|limit| limit.per_process.most < FEWEST).map(|limit| {
        let judgement = Judgement::fail(WRONG, ProxySeen::Capacity(limit.clone()));
        judgement.located(limit.per_process.at.clone()).mended_by(more_connections(limit))
    });
    let met = ways::met(services, |_, met| {
        let MetSetting::MostConnections(most) = met.what else { return None };
        (most < FEWEST).then(|| wrong(met))
    });
    let judgement = and_more(met, too_few.into_iter().collect());
    let passes = matches!(judgement.verdict, Verdict::Pass(_));
    match limit {
        Some(limit) if passes => Judgement::pass(ProxySeen::Capacity(limit.clone())),
        // The limit of open files decides, which is not in this file.
        None if passes => Judgement::uncontradicted(ProxySeen::NothingFound),
        _ => judgement,
    }
}

/// Whether the proxy takes enough connections.
fn connections(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    /// More processors than the machine of a proxy has.
    const MOST_PROCESSES: u64 = 64;
    let Some(limit) = &facts.limits.connections else {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    };
    let of_one = limit.per_process.most / limit.per_client.max(1);
    let seen = || ProxySeen::Capacity(limit.clone());
    let at = limit.per_process.at.clone();
    let is_default = limit.per_process.at.is_none();
    let is_forced = view.case.allowed_ways().are_relayed();
    let at_most = of_one.saturating_mul(limit.processes.unwrap_or(MOST_PROCESSES));
    if at_most < FEWEST {
        return Judgement::fail(WRONG, seen()).located(at).mended_by(more_connections(limit));
    }
    if is_forced && is_default {
        return Judgement::suspected(WRONG, seen());
    }
    match limit.processes.is_some() || of_one >= FEWEST {
        true => Judgement::pass(seen()),
        false => Judgement::uncontradicted(seen()),
    }
}

/// The line that limits connections, with as many as the guide's own file has.
fn more_connections(limit: &ConnectionLimit) -> Option<Edit> {
    const OF_GUIDE: u32 = 10_240;
    let at = limit.per_process.at.as_ref()?;
    Edit::replacing(at, &limit.per_process.most.to_string(), &OF_GUIDE.to_string())
}

/// Whether a process may have as many files open as it takes connections.
fn open_files(facts: &ProxyFacts) -> Judgement {
    let Some(connections) = &facts.limits.connections else {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    };
    let connections = connections.per_process.most;
    let Some(files) = &facts.limits.open_files else {
        // What systemd gives is not in these files.
        let seen = ProxySeen::OpenFiles { files: None, connections };
        return Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, seen);
    };
    let seen = ProxySeen::OpenFiles { files: Some(files.most), connections };
    match files.most >= connections.saturating_mul(2) {
        true => Judgement::pass(seen),
        false => Judgement::fail(WRONG, seen).located(files.at.clone()),
    }
}

/// Whether a reload leaves calls alone.
fn reload(facts: &ProxyFacts) -> Judgement {
    const SHORTEST: Duration = Duration::from_secs(3_600);
    match &facts.limits.shutdown {
        Some(limit) if limit.lasts < SHORTEST => {
            let seen = ProxySeen::CutsAfter(Some(limit.lasts));
            Judgement::fail(WRONG, seen).located(limit.at.clone())
        }
        Some(limit) => Judgement::pass(ProxySeen::CutsAfter(Some(limit.lasts))),
        None => Judgement::pass(ProxySeen::CutsAfter(None)),
    }
}

/// Whether everyone is let in.
fn access_lists(view: &View<'_>, traces: &[&Trace]) -> Judgement {
    let deployment = view.case.deployment;
    ways::met(traces, |_, met| {
        let MetSetting::AccessList(admission) = &met.what else { return None };
        match admission {
            Admission::Named => Some(wrong(met)),
            Admission::AllBut(networks) => {
                // Recordings and streams come from the machines themselves, by the public name.
                let mut nodes = deployment.nodes.iter().flat_map(Node::every_address);
                let is_own = nodes.any(|own| networks.iter().any(|it| it.contains(*own)));
                match is_own {
                    true => Some(wrong(met)),
                    false if networks.is_empty() => None,
                    false => Some(wrong(met).of_severity(Severity::Info)),
                }
            }
        }
    })
}

/// Whether nothing of a template is left.
fn placeholders(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let deployment = view.case.deployment;
    let is_own = |text: &str| {
        let mut names = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
        names.any(|name| name.as_str().eq_ignore_ascii_case(text))
    };
    // A deployment whose own name is an example is one of documentation.
    let is_example = facts.remarks.iter().any(|remark| match &remark.what {
        ProxyRemarkKind::ExampleName(name) => is_own(name.unquoted()),
        _ => false,
    });
    remarks(facts, |remark| match &remark.what {
        ProxyRemarkKind::Placeholder(_) => true,
        ProxyRemarkKind::ExampleName(_) => !is_example,
        _ => false,
    })
}

fn modules_unseen(facts: &ProxyFacts) -> Option<Judgement> {
    let is_it = |remark: &&ProxyRemark| matches!(remark.what, ProxyRemarkKind::ModuleUnseen(_));
    let remark = facts.remarks.iter().find(is_it)?;
    // The program may have it built in.
    let judgement = Judgement::suspected(WRONG, ProxySeen::Remark(remark.what.clone()));
    Some(judgement.located([remark.at.clone()]))
}

fn of_remark(remark: &ProxyRemark) -> Judgement {
    Judgement::fail(WRONG, ProxySeen::Remark(remark.what.clone())).located([remark.at.clone()])
}

fn remarks(facts: &ProxyFacts, is_wrong: impl Fn(&ProxyRemark) -> bool) -> Judgement {
    let wrong = facts.remarks.iter().filter(|remark| is_wrong(remark)).map(of_remark);
    Judgement::several(wrong).unwrap_or_else(|| Judgement::pass(ProxySeen::NothingFound))
}

/// Whether a part for raw TCP is in another block.
pub(super) fn is_stream_misplaced(what: &ProxyFaultKind) -> bool {
    const STREAM: &str = "stream";
    matches!(what, ProxyFaultKind::Misplaced { name, .. } if name.unquoted() == STREAM)
}

/// Faults of the text that have a rule of their own.
fn faults(facts: &ProxyFacts, is_wrong: impl Fn(&ProxyFaultKind) -> bool) -> Judgement {
    let wrong = facts.faults.iter().filter(|fault| is_wrong(&fault.what)).map(|fault| {
        let seen = ProxySeen::Unreadable(fault.what.clone());
        Judgement::fail(ReasonCode::ConfigurationUnreadable, seen).located([fault.at.clone()])
    });
    Judgement::several(wrong).unwrap_or_else(|| Judgement::pass(ProxySeen::NothingFound))
}
