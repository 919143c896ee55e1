//! What the connections of the deployment meet on their way, and the rule that takes a wrong end.

use super::super::judgement::{Judgement, Place};
use super::super::view::View;
use super::routes::{on_the_way, place, traces_of, undecided};
use crate::model::configuration::{
    AlertCause, BackendTls, CloseCause, End, HopAction, Layer, Location, Met, MetSetting, Opening,
    Trace,
};
use crate::model::deployment::{Feature, Usage};
use crate::model::facts::ProxyFacts;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, ProxySetting, RuleId, Service};
use crate::model::seen::{ProxySeen, Seen};
use crate::model::target::Family;

/// The connections of users to the services of the deployment.
pub(super) fn of_services<'a>(view: &View<'_>, facts: &'a ProxyFacts) -> Vec<&'a Trace> {
    let deployment = view.case.deployment;
    let asked = [
        (Some(&deployment.domain), Opening::WebSocket),
        (deployment.turn_domain.as_ref(), Opening::Stun),
        (Some(&deployment.domain), Opening::Rtmp),
    ];
    let names = asked.into_iter().filter_map(|(name, opening)| Some((name?, opening)));
    let traces = names.flat_map(|(name, opening)| traces_of(facts, name, opening));
    traces.filter(|trace| is_used(view, trace)).collect()
}

fn is_used(view: &View<'_>, trace: &Trace) -> bool {
    trace.asked.opening != Opening::Rtmp
        || view.case.deployment.uses.of(&Feature::Rtmp) != Usage::NotInUse
}

/// The port of OpenVidu to which such connections have to be passed.
pub(super) fn port_of(view: &View<'_>, opening: Opening) -> Option<Port> {
    let service = match opening {
        Opening::WebSocket => Service::LivekitApi,
        Opening::Stun => Service::TurnTcp,
        Opening::Rtmp => Service::Rtmp,
        _ => return None,
    };
    view.case.ruleset.port_behind_proxy(view.case.deployment, service)
}

/// The rule of its own that says why a connection ends in the wrong place; `None`: only the route does.
pub(super) fn own_rule(trace: &Trace) -> Option<ProxySetting> {
    let meets = |wanted: IsMet| trace.met.iter().any(|met| wanted(&met.what));
    let is_taken = matches!(trace.end, End::Backend(_) | End::Refused | End::Undecided(_));
    if !is_taken && meets(|it| matches!(it, MetSetting::UnusedRouter { .. })) {
        return Some(ProxySetting::Routers);
    }
    let is_http = |does: &HopAction| matches!(does, HopAction::Accepts { layer: Layer::Http, .. });
    if trace.asked.opening == Opening::Stun && trace.hops.iter().any(|hop| is_http(&hop.does)) {
        return Some(ProxySetting::TurnLayer);
    }
    match &trace.end {
        End::Refused => Some(ProxySetting::Listeners),
        End::Closed(CloseCause::OtherProtocol) => Some(ProxySetting::TlsEnds),
        End::Closed(CloseCause::AccessDenied)
            if meets(|it| matches!(it, MetSetting::AccessList(_))) =>
        {
            Some(ProxySetting::AccessLists)
        }
        End::Backend(backend) if backend.tls == BackendTls::Again => Some(ProxySetting::BackendTls),
        End::Backend(backend) if backend.tls == BackendTls::Still => Some(ProxySetting::TlsEnds),
        End::LocalAnswer { status: Some(status) }
            if *status == FORBIDDEN && meets(|it| matches!(it, MetSetting::AccessList(_))) =>
        {
            Some(ProxySetting::AccessLists)
        }
        End::LocalAnswer { status: Some(status) }
            if *status == UNAUTHORIZED && meets(|it| matches!(it, MetSetting::Login)) =>
        {
            Some(ProxySetting::CacheAndLogin)
        }
        End::Undecided(_) if meets(|it| matches!(it, MetSetting::Login)) => {
            Some(ProxySetting::CacheAndLogin)
        }
        End::Closed(CloseCause::NoBackend | CloseCause::NoPort(_) | CloseCause::NoResolver(_))
        | End::Alert(AlertCause::NoCertificate | AlertCause::FileMissing(_))
        | End::LocalAnswer { .. } => {
            let rules: [(IsMet, ProxySetting); 6] = [
                (|it| matches!(it, MetSetting::EmptyVariable { .. }), ProxySetting::Variables),
                (|it| matches!(it, MetSetting::IgnoredKey(_)), ProxySetting::MapKeys),
                (|it| matches!(it, MetSetting::NoEntry { .. }), ProxySetting::Maps),
                (|it| matches!(it, MetSetting::UnknownGroup(_)), ProxySetting::Groups),
                (|it| matches!(it, MetSetting::ResolverMissing(_)), ProxySetting::Resolver),
                (|it| matches!(it, MetSetting::Member { .. }), ProxySetting::Members),
            ];
            let mut broken = rules.into_iter().filter(|(is_met, _)| meets(*is_met));
            let is_by_default = meets(|it| matches!(it, MetSetting::TakenByDefault));
            let by_default = is_by_default.then_some(ProxySetting::ServerNames);
            broken.next().map(|(_, setting)| setting).or(by_default)
        }
        End::Backend(_) | End::Redirect { .. } => {
            meets(|it| matches!(it, MetSetting::TakenByDefault))
                .then_some(ProxySetting::ServerNames)
        }
        _ => None,
    }
}

/// Whether a connection met this.
type IsMet = fn(&MetSetting) -> bool;

const FORBIDDEN: u16 = 403;
const UNAUTHORIZED: u16 = 401;

/// What is left to say of a connection whose end another rule takes.
pub(super) fn taken_by(view: &View<'_>, setting: ProxySetting) -> Option<Judgement> {
    let by = rule_of(view, setting)?.clone();
    let seen = Seen::Blocked { by, itself: None };
    Some(Judgement::unsettled(ReasonCode::Blocked, seen))
}

fn rule_of<'a>(view: &View<'a>, setting: ProxySetting) -> Option<&'a RuleId> {
    let mut rules = view.case.ruleset.rules.iter();
    rules.find(|it| it.demand == Demand::ProxySettingRight(setting)).map(|it| &it.id)
}

/// One violation for each place of the configuration, whatever number of connections it is about.
pub(super) struct Places<'t> {
    found: Vec<(Judgement, Vec<&'t Trace>)>,
}

impl<'t> Places<'t> {
    pub fn new() -> Self {
        Self { found: Vec::new() }
    }

    pub fn add(&mut self, trace: &'t Trace, judgement: Judgement) {
        let same = |known: &Judgement| {
            known.seen == judgement.seen && known.locations.first() == judgement.locations.first()
        };
        match self.found.iter_mut().find(|(known, _)| same(known)) {
            Some((_, traces)) => traces.push(trace),
            None => self.found.push((judgement, vec![trace])),
        }
    }

    /// The violations; where connections of one kind alone are meant, with their name and port.
    pub fn judgements(self) -> impl Iterator<Item = Judgement> {
        self.found.into_iter().map(|(judgement, traces)| judgement.at(common_place(&traces)))
    }
}

fn common_place(traces: &[&Trace]) -> Place {
    let mut places = traces.iter().map(|trace| place(trace));
    let Some(first) = places.next() else { return Place::default() };
    places.fold(first, |common, other| Place {
        host: common.host.filter(|host| other.host.as_ref() == Some(host)),
        port: common.port.filter(|port| other.port == Some(*port)),
        ..Place::default()
    })
}

/// Violations for what the connections meet; else what is not decided; else a pass.
pub(super) fn met(
    traces: &[&Trace],
    wrong: impl Fn(&Trace, &Met) -> Option<Judgement>,
) -> Judgement {
    let mut places = Places::new();
    for trace in traces {
        for met in &trace.met {
            if let Some(judgement) = wrong(trace, met) {
                let more = judgement.locations.clone();
                let at = std::iter::once(met.at.clone()).chain(more).chain(on_the_way(trace));
                places.add(trace, judgement.located(distinct(at)));
            }
        }
    }
    settled(traces, places.judgements())
}

/// Violations for connections whose end this rule takes.
pub(super) fn ends(
    traces: &[&Trace],
    setting: ProxySetting,
    at: impl Fn(&Trace) -> Vec<Location>,
) -> Judgement {
    let mut places = Places::new();
    for trace in traces.iter().filter(|trace| own_rule(trace) == Some(setting)) {
        let judgement = Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, ends_at(trace));
        places.add(trace, judgement.located(distinct(at(trace).into_iter())));
    }
    settled(traces, places.judgements())
}

pub(super) fn ends_at(trace: &Trace) -> ProxySeen {
    ProxySeen::EndsAt { families: Family::BOTH.to_vec(), end: Box::new(trace.end.clone()) }
}

pub(super) fn settled(traces: &[&Trace], violations: impl Iterator<Item = Judgement>) -> Judgement {
    Judgement::several(violations).or_else(|| undecided(traces.iter().copied())).unwrap_or_else(
        || match traces.is_empty() {
            true => Judgement::not_applicable(ProxySeen::NotFollowed),
            false => Judgement::pass(ProxySeen::NothingFound),
        },
    )
}

/// Each place once.
pub(super) fn distinct(all: impl Iterator<Item = Location>) -> Vec<Location> {
    let mut once: Vec<Location> = Vec::new();
    for at in all {
        if !once.contains(&at) {
            once.push(at);
        }
    }
    once
}
