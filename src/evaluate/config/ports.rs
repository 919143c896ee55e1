//! The ports of LiveKit, and those of the tables.

use super::{
    Config, ConfigSeen, Held, Judgement, Transport, Value, differs, missing, not_a, parsed, port,
    truth, unclear, wrong,
};
use crate::model::deployment::{Condition, Feature, Usage};
use crate::model::facts::{ServerText, Setting, SettingsFile};
use crate::model::plan::NotAsked;
use crate::model::port::{Port, PortRange};
use crate::model::rule::Service;
use crate::model::seen::ValueKind;

/// What is wrong with a truth that has to be this one; the default is `false`.
fn truth_is(file: &SettingsFile, key: &str, wanted: bool) -> Option<Judgement> {
    let word = if wanted { "true" } else { "false" };
    match truth(file, key) {
        Value::Is(is, setting) if is != wanted => {
            Some(differs(setting, setting.text().unwrap_or_default(), word))
        }
        Value::Absent if wanted => Some(missing(file, key, word)),
        Value::Absent | Value::Is(..) => None,
        Value::Not(setting) => Some(not_a(setting, ValueKind::Truth)),
        Value::Unclear(setting) => Some(unclear(setting)),
    }
}

/// What is wrong with a port that has to be this one.
fn port_is(file: &SettingsFile, key: &str, wanted: Port, is_default: bool) -> Option<Judgement> {
    match port(file, key) {
        Value::Is(is, setting) if is != wanted.number() => {
            Some(differs(setting, &is.to_string(), &wanted.to_string()))
        }
        Value::Absent if !is_default => Some(missing(file, key, &wanted.to_string())),
        Value::Absent | Value::Is(..) => None,
        Value::Not(setting) => Some(not_a(setting, ValueKind::Port)),
        Value::Unclear(setting) => Some(unclear(setting)),
    }
}

fn has_turn(file: &SettingsFile) -> bool {
    matches!(truth(file, "turn.enabled"), Value::Is(true, _))
}

pub(super) fn turn_behind_proxy(case: &Config<'_>) -> Judgement {
    if case.deployment.turn_domain.is_none() {
        return Judgement::not_applicable(NotAsked::NoTurnDomain);
    }
    let tls_port = case.table_port(Transport::Tcp, Service::TurnTcp);
    case.in_livekit(ConfigSeen::Right, |file| {
        let enabled = truth_is(file, "turn.enabled", true);
        if enabled.is_some() {
            return enabled.into_iter().collect();
        }
        let external = truth_is(file, "turn.external_tls", true);
        let tls = tls_port.and_then(|wanted| port_is(file, "turn.tls_port", wanted, false));
        let domain = case.deployment.turn_domain.as_ref();
        let nameless =
            domain.filter(|_| matches!(Held::of(file.setting("turn.domain")), Held::Absent));
        let name = nameless.map(|domain| missing(file, "turn.domain", domain.as_str()));
        external.into_iter().chain(tls).chain(name).collect()
    })
}

pub(super) fn turn_udp(case: &Config<'_>) -> Judgement {
    let Some(wanted) = case.table_port(Transport::Udp, Service::TurnUdp) else {
        return Judgement::not_applicable(ConfigSeen::Right);
    };
    // Where only TURN over TLS is left, no client reaches another port.
    let is_needed = !case.deployment.policy.leaves_turns_alone();
    case.in_livekit(ConfigSeen::Right, |file| {
        let judge = || port_is(file, "turn.udp_port", wanted, !is_needed);
        has_turn(file).then(judge).flatten().into_iter().collect()
    })
}

/// The keys of a range.
#[derive(Clone, Copy)]
struct RangeKeys {
    first: &'static str,
    last: &'static str,
}

const MEDIA: RangeKeys = RangeKeys { first: "rtc.port_range_start", last: "rtc.port_range_end" };
const RELAY: RangeKeys =
    RangeKeys { first: "turn.relay_range_start", last: "turn.relay_range_end" };

/// LiveKit's relays have these ports where a file does not set both ends.
const RELAY_DEFAULT: (u16, u16) = (30_000, 40_000);

/// What a file says about a range.
enum RangeSaid<'a> {
    /// Neither end, or what stands for one cannot be known.
    Nothing,
    Is(PortRange, &'a Setting),
    OnlyFirst(u16, &'a Setting),
    /// LiveKit then has its own range.
    OnlyLast,
    Reversed {
        first: u16,
        last: u16,
        at: &'a Setting,
    },
    NotPorts(&'a Setting),
    Unclear(&'a Setting),
}

impl RangeKeys {
    fn range_in(self, file: &SettingsFile) -> Option<PortRange> {
        match self.in_file(file) {
            RangeSaid::Is(range, _) => Some(range),
            _ => None,
        }
    }

    fn in_file(self, file: &SettingsFile) -> RangeSaid<'_> {
        match (port(file, self.first), port(file, self.last)) {
            (Value::Unclear(setting), _) | (_, Value::Unclear(setting)) => {
                RangeSaid::Unclear(setting)
            }
            (Value::Not(setting), _) | (_, Value::Not(setting)) => RangeSaid::NotPorts(setting),
            (Value::Absent, Value::Absent) => RangeSaid::Nothing,
            (Value::Is(first, at), Value::Absent) => RangeSaid::OnlyFirst(first, at),
            (Value::Absent, Value::Is(..)) => RangeSaid::OnlyLast,
            (Value::Is(first, at), Value::Is(last, _)) => match range(first, last) {
                Some(range) => RangeSaid::Is(range, at),
                None => RangeSaid::Reversed { first, last, at },
            },
        }
    }
}

fn range(first: u16, last: u16) -> Option<PortRange> {
    PortRange::new(Port::new(first)?, Port::new(last)?).ok()
}

/// The ports that media has by this file: those of the tables are LiveKit's default. `None`: the range
/// cannot be read, or media has one port.
fn media_ports(case: &Config<'_>, file: &SettingsFile) -> Option<PortRange> {
    match MEDIA.in_file(file) {
        RangeSaid::Is(range, _) => Some(range),
        RangeSaid::Nothing if matches!(udp_port(file), Value::Absent) => {
            case.table_ports(Transport::Udp, None)
        }
        _ => None,
    }
}

/// The one port of media, or the range of it: `7882`, `7882-7892`.
fn udp_port(file: &SettingsFile) -> Value<'_, ServerText> {
    parsed(file, "rtc.udp_port", |text| (text != "0").then(|| ServerText::new(text)))
}

pub(super) fn media_range(case: &Config<'_>) -> Judgement {
    let Some(wanted) = case.table_ports(Transport::Udp, None) else {
        return Judgement::not_applicable(ConfigSeen::Right);
    };
    let differing = |range: PortRange, setting: &Setting| {
        let is = ServerText::new(&range.to_string());
        wrong(setting, ConfigSeen::Differs { is: Some(is), wanted: text(wanted) })
    };
    case.in_livekit(ConfigSeen::Right, |file| {
        let judged = match (MEDIA.in_file(file), udp_port(file)) {
            (RangeSaid::Is(range, _), _) if range == wanted => None,
            (RangeSaid::Is(range, at), _) => Some(differing(range, at)),
            // Without a range, the one port counts.
            (RangeSaid::Nothing, Value::Is(is, at)) => {
                Some(wrong(at, ConfigSeen::Differs { is: Some(is), wanted: text(wanted) }))
            }
            (RangeSaid::Unclear(at), _) => Some(unclear(at)),
            // That the ends do not fit is another rule.
            _ => None,
        };
        judged.into_iter().collect()
    })
}

fn text(range: PortRange) -> ServerText {
    ServerText::new(&range.to_string())
}

pub(super) fn relay_range(case: &Config<'_>) -> Judgement {
    case.in_livekit(ConfigSeen::Right, |file| {
        let (default_first, default_last) = RELAY_DEFAULT;
        let (relay, at) = match RELAY.in_file(file) {
            RangeSaid::Is(range, at) => (Some(range), Some(at)),
            RangeSaid::Nothing | RangeSaid::OnlyFirst(..) | RangeSaid::OnlyLast => {
                (range(default_first, default_last), file.setting(MEDIA.first))
            }
            _ => (None, None),
        };
        let (Some(relay), Some(media), Some(at)) = (relay, media_ports(case, file), at) else {
            return Vec::new();
        };
        let overlap = relay.first() <= media.last() && media.first() <= relay.last();
        let judge = || wrong(at, ConfigSeen::Overlap { media, relay });
        (overlap && has_turn(file)).then(judge).into_iter().collect()
    })
}

pub(super) fn ranges_in_order(case: &Config<'_>) -> Judgement {
    case.in_livekit(ConfigSeen::Right, |file| {
        let judge = |keys: RangeKeys, needs_both: bool| match keys.in_file(file) {
            RangeSaid::Reversed { first, last, at } => {
                Some(wrong(at, ConfigSeen::Reversed { first, last: Some(last) }))
            }
            RangeSaid::OnlyFirst(first, at) if needs_both => {
                Some(wrong(at, ConfigSeen::Reversed { first, last: None }))
            }
            RangeSaid::NotPorts(at) => Some(not_a(at, ValueKind::Port)),
            _ => None,
        };
        let relay = judge(RELAY, false).filter(|_| has_turn(file));
        judge(MEDIA, true).into_iter().chain(relay).collect()
    })
}

/// The keys of `livekit.yaml` that are the port of a listener.
const LISTENERS: [(Transport, &str); 9] = [
    (Transport::Tcp, "port"),
    (Transport::Tcp, "prometheus_port"),
    (Transport::Tcp, "prometheus.port"),
    (Transport::Tcp, "debug_handler.port"),
    (Transport::Tcp, "rtc.tcp_port"),
    (Transport::Tcp, "turn.tls_port"),
    (Transport::Udp, "rtc.udp_port"),
    (Transport::Udp, "turn.udp_port"),
    (Transport::Udp, "webtransport.port"),
];

/// Two listeners cannot have one port, and media takes any of its range.
pub(super) fn ports_apart(case: &Config<'_>) -> Judgement {
    case.in_livekit(ConfigSeen::Right, |file| {
        let ranges = [media_ports(case, file), RELAY.range_in(file).filter(|_| has_turn(file))];
        let mut known: Vec<(Transport, u16, &str)> = Vec::new();
        let mut judged = Vec::new();
        for (transport, key) in LISTENERS {
            let is_of_turn = key.split('.').next() == Some("turn");
            if is_of_turn && !has_turn(file) {
                continue;
            }
            let Value::Is(port, at) = port(file, key) else { continue };
            let same =
                known.iter().find(|(other, number, _)| (*other, *number) == (transport, port));
            if let Some((.., other)) = same {
                let other = ServerText::new(other);
                judged.push(wrong(at, ConfigSeen::PortTwice { port, other }));
            } else if let Some(range) = (ranges.iter().flatten()).find(|range| {
                transport == Transport::Udp
                    && (range.first().number()..=range.last().number()).contains(&port)
            }) {
                judged.push(wrong(at, ConfigSeen::PortInRange { port, range: *range }));
            }
            known.push((transport, port, key));
        }
        judged
    })
}

pub(super) fn ice_tcp(case: &Config<'_>) -> Judgement {
    let condition = Condition::Feature(Feature::IceTcp);
    if case.deployment.usage(condition) == Usage::NotInUse {
        return Judgement::not_applicable(NotAsked::NotInUse(condition));
    }
    let Some(wanted) = case.table_port(Transport::Tcp, Service::IceTcp) else {
        return Judgement::not_applicable(ConfigSeen::Right);
    };
    case.in_livekit(ConfigSeen::Right, |file| {
        let tcp = port_is(file, "rtc.tcp_port", wanted, true);
        let forced = truth_is(file, "rtc.force_tcp", false);
        let fallback = match truth(file, "rtc.allow_tcp_fallback") {
            Value::Is(false, at) => Some(differs(at, at.text().unwrap_or_default(), "true")),
            _ => None,
        };
        tcp.into_iter().chain(forced).chain(fallback).collect()
    })
}
