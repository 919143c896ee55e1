//! What the probes of a plan bring home of what was seen.

use std::net::IpAddr;
use std::time::Duration;

use ovcheck::model::facts::*;
use ovcheck::model::name::BucketName;
use ovcheck::model::observation::{Blindness, Observation, Outcome};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::{ProbeSpec, ServiceAsk};
use ovcheck::model::target::Family;
use ovcheck::plan::again;

use crate::ground::Ground;
use crate::node::Listener;
use crate::support::facts::{dns, http_response, response, stun};
use crate::wire::{Back, By, Met, ROUND_TRIP, Says, Seen, TIMEOUT};

/// What the probes of the plan bring home, and what is asked once more at the end.
pub fn observations(ground: &Ground, seen: &Seen) -> Vec<Observation> {
    let mut observations = of_plan(ground, seen);
    let controls: Vec<_> = again(&observations).iter().map(|spec| control(spec, seen)).collect();
    observations.extend(controls);
    observations
}

/// Whether anything is asked once more.
pub fn is_asked_again(ground: &Ground, seen: &Seen) -> bool {
    !again(&of_plan(ground, seen)).is_empty()
}

fn control(spec: &ProbeSpec, seen: &Seen) -> Observation {
    if let ProbeSpec::Echo { .. } = spec {
        return echo(spec, seen.is_still_let_in());
    }
    let connect = if seen.is_still_let_in() { Connect::Accepted } else { Connect::Silent };
    let outcome = Outcome::Saw(Facts::Tcp(TcpFacts { connect, dialled: None }));
    Observation { outcome, ..blind(spec) }
}

/// What the probes of the plan bring home.
fn of_plan(ground: &Ground, seen: &Seen) -> Vec<Observation> {
    let mut met = (0..).zip(&seen.met).peekable();
    ground
        .plan
        .probes
        .iter()
        .enumerate()
        .map(|(probe, spec)| {
            let mut own = Vec::new();
            while let Some(entry) =
                met.next_if(|(place, _)| ground.questions[*place as usize].probe == probe)
            {
                own.push(entry.1);
            }
            let started = ground.started(probe);
            if let (ProbeSpec::Echo { .. }, true) = (spec, ground.is_asked(spec)) {
                return echo(spec, seen.replied);
            }
            if own.is_empty() && spec.address().is_some() {
                // Another machine, of which nothing is claimed.
                return blind(spec);
            }
            let over = |met: &&Met| match met.back {
                Back::Nothing => started + TIMEOUT,
                Back::Icmp(..) | Back::Reset | Back::Accepted | Back::Service(_) => met.back_at,
            };
            let ended = own.iter().map(over).max().unwrap_or(started + ROUND_TRIP);
            let copies = own.iter().map(|met| met.sent.len()).max().unwrap_or(1);
            Observation {
                spec: spec.clone(),
                started: Duration::from_millis(started),
                took: Duration::from_millis(ended - started),
                attempts: u32::try_from(copies).unwrap(),
                outcome: Outcome::Saw(facts(ground, seen, spec, &own)),
            }
        })
        .collect()
}

fn echo(spec: &ProbeSpec, replied: bool) -> Observation {
    let answer =
        if replied { EchoAnswer::Replied { after_ms: ROUND_TRIP } } else { EchoAnswer::Silent };
    Observation { outcome: Outcome::Saw(Facts::Echo(EchoFacts { answer })), ..blind(spec) }
}

fn blind(spec: &ProbeSpec) -> Observation {
    Observation {
        spec: spec.clone(),
        started: Duration::ZERO,
        took: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Blind(Blindness::Interrupted),
    }
}

fn facts(ground: &Ground, seen: &Seen, spec: &ProbeSpec, own: &[&Met]) -> Facts {
    match spec {
        ProbeSpec::Dns { .. } => Facts::Dns(dns(DnsAnswer::NoData, Vec::new())),
        ProbeSpec::Authority { .. } => Facts::Authority(AuthorityFacts::default()),
        ProbeSpec::Call(_) => unreachable!("a node without credentials is not called"),
        ProbeSpec::Host | ProbeSpec::ProxyConfiguration | ProbeSpec::OpenviduConfiguration => {
            unreachable!("a check over the network reads nothing from inside")
        }
        ProbeSpec::OwnUdp { server } => {
            // Whether the other family works says nothing about this one.
            let other = Family::of(server.ip()) != ground.setting.family;
            let binding =
                if other || seen.outside_answers { success() } else { StunAnswer::Silent };
            Facts::Turn(stun(binding))
        }
        ProbeSpec::Udp { address, ports, .. } => Facts::Udp(udp(ground, seen, *address, ports)),
        ProbeSpec::Turn { over: ovcheck::model::probe::Carrier::Udp, .. } => {
            let started = own[0].sent[0];
            let binding = match own[0].back {
                Back::Nothing | Back::Reset | Back::Accepted => StunAnswer::Silent,
                Back::Icmp(says, by) => StunAnswer::Icmp(icmp(ground.address, says, by)),
                Back::Service(Listener::Other) => {
                    StunAnswer::Unrelated(FirstBytes::Binary("00".into()))
                }
                Back::Service(listener) => stun_of(listener),
            };
            Facts::Turn(TurnFacts {
                sent_ms: own[0].sent.iter().map(|at| at - started).collect(),
                ..stun(binding)
            })
        }
        ProbeSpec::Tcp { .. } => {
            Facts::Tcp(TcpFacts { connect: connect(ground, own[0]), dialled: None })
        }
        ProbeSpec::Turn { .. } => {
            let connect = Some(connect(ground, own[0]));
            let binding = service(own[0]).map(stun_of);
            Facts::Turn(TurnFacts { connect, binding, ..stun(StunAnswer::Silent) })
        }
        ProbeSpec::Api { .. } => Facts::Api(ApiFacts {
            otherwise: None,
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            answer: service(own[0]).map(http_of),
        }),
        ProbeSpec::Rtmp { .. } => Facts::Rtmp(RtmpFacts {
            otherwise: None,
            second_try: None,
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            answer: service(own[0]).map(|listener| match listener {
                Listener::Right => RtmpAnswer::Completed,
                Listener::Other => RtmpAnswer::Closed,
                Listener::Mute | Listener::Nobody => RtmpAnswer::Silent,
            }),
        }),
        ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            binding: service(own[0]).map(stun_of),
            idle: None,
        }),
        ProbeSpec::Service { ask, buckets, .. } => Facts::Service(ServiceFacts {
            buckets: match service(own[0]) {
                Some(Listener::Right) => refused(buckets),
                _ => Vec::new(),
            },
            connect: connect(ground, own[0]),
            dialled: None,
            answer: service(own[0]).map(|listener| match listener {
                Listener::Right => right_answer(*ask),
                Listener::Other => ServiceAnswer::Other(FirstBytes::Binary("00".into())),
                Listener::Mute | Listener::Nobody => ServiceAnswer::Silent,
            }),
        }),
        ProbeSpec::Echo { .. } => unreachable!("a ping has no port"),
        ProbeSpec::Responder { .. } => unreachable!("no node here has a responder"),
        ProbeSpec::Http { .. }
        | ProbeSpec::Tls { .. }
        | ProbeSpec::Path { .. }
        | ProbeSpec::Browser { .. } => {
            unreachable!("the names have no addresses")
        }
    }
}

fn udp(ground: &Ground, seen: &Seen, address: IpAddr, named: &[Port]) -> UdpFacts {
    let first = ground
        .questions
        .iter()
        .position(|question| question.transport == Transport::Udp && !question.is_stun)
        .unwrap();
    let started = ground.started(ground.questions[first].probe);
    let of = |port: Port, met: &Met| UdpPortFacts {
        port,
        sent_ms: met.sent.iter().map(|at| at - started).collect(),
        answer: match met.back {
            Back::Nothing | Back::Reset | Back::Accepted => UdpAnswer::Silent,
            Back::Icmp(says, by) => UdpAnswer::Icmp(icmp(address, says, by)),
            Back::Service(Listener::Right) => UdpAnswer::Stun,
            Back::Service(_) => UdpAnswer::Unrelated(FirstBytes::Binary("00".into())),
        },
        answered_ms: (met.back != Back::Nothing).then(|| met.back_at - started),
    };
    let mut answered: Vec<UdpPortFacts> =
        (seen.swept.iter()).map(|(port, met)| of(number(*port), met)).collect();
    answered.sort_by_key(|port| port.port);
    UdpFacts {
        extent: None,
        swept: ground.swept.map(|range| SweepFacts {
            withheld: false,
            range,
            copies: 2,
            sent: 2 * u32::try_from(ground.unnamed.len()).unwrap(),
            unsent: 0,
            first_sent_ms: Some(0),
            last_sent_ms: Some(1210),
        }),
        ports: (named.iter().zip(&seen.met[first..]))
            .map(|(port, met)| of(*port, met))
            .chain(answered)
            .collect(),
        sentinels: seen
            .sentinels
            .iter()
            .map(|again| Sentinel {
                port: number(again.port),
                sent_ms: again.at - started,
                answered: again.answered,
            })
            .collect(),
    }
}

fn number(port: u16) -> Port {
    Port::new(port).unwrap()
}

fn connect(ground: &Ground, met: &Met) -> Connect {
    match met.back {
        Back::Nothing => Connect::Silent,
        Back::Icmp(says, by) => Connect::Icmp(icmp(ground.address, says, by)),
        Back::Reset => Connect::Reset,
        Back::Accepted | Back::Service(_) => Connect::Accepted,
    }
}

fn service(met: &Met) -> Option<Listener> {
    match met.back {
        Back::Service(listener) => Some(listener),
        Back::Nothing | Back::Icmp(..) | Back::Reset | Back::Accepted => None,
    }
}

fn success() -> StunAnswer {
    StunAnswer::Success { mapped: Some("198.51.100.7:41000".parse().unwrap()) }
}

fn stun_of(listener: Listener) -> StunAnswer {
    match listener {
        Listener::Right => success(),
        Listener::Other => StunAnswer::NotStun(FirstBytes::Binary("00".into())),
        Listener::Mute | Listener::Nobody => StunAnswer::Silent,
    }
}

/// What the service answers that a question is meant for.
fn right_answer(ask: ServiceAsk) -> ServiceAnswer {
    let http = |status, body| ServiceAnswer::Http(http_response(status, body));
    match ask {
        ServiceAsk::RedisPing => ServiceAnswer::Redis(RedisAnswer::NoAuth),
        ServiceAsk::MongoHello => {
            ServiceAnswer::MongoDb { set_name: None, is_primary: None, login: MongoLogin::Demanded }
        }
        ServiceAsk::Http2Settings => ServiceAnswer::Http2,
        ServiceAsk::IceTcp => ServiceAnswer::IceTcp,
        ServiceAsk::MinioLive => ServiceAnswer::Http(HttpResponse {
            server: Some(ServerText::new("MinIO")),
            ..http_response(200, "")
        }),
        ServiceAsk::Page => http(200, ""),
        ServiceAsk::GrafanaHealth => http(200, r#"{"database": "ok", "version": "11.5.1"}"#),
        ServiceAsk::Ready => http(200, "ready"),
        ServiceAsk::V2Config => http(401, ""),
        ServiceAsk::IngressHealth => http(200, "Healthy"),
    }
}

/// MinIO refuses to list each of these.
fn refused(buckets: &[BucketName]) -> Vec<BucketReply> {
    let denied = http_response(403, "<Error><Code>AccessDenied</Code></Error>");
    let reply = |name: &BucketName| BucketReply {
        name: name.clone(),
        answer: HttpAnswer::Response(denied.clone()),
    };
    buckets.iter().map(reply).collect()
}

fn http_of(listener: Listener) -> HttpAnswer {
    let response = |status| response(status, "no permissions to access the room");
    match listener {
        Listener::Right => response(401),
        Listener::Other => response(404),
        Listener::Mute | Listener::Nobody => HttpAnswer::Silent,
    }
}

fn icmp(target: IpAddr, says: Says, by: By) -> IcmpError {
    let family = Family::of(target);
    let (icmp_type, code) = match (family, says) {
        (Family::V4, Says::NoPort) => (3, 3),
        (Family::V4, Says::Prohibited) => (3, 13),
        (Family::V4, Says::NoHost) => (3, 1),
        (Family::V6, Says::NoPort) => (1, 4),
        (Family::V6, Says::Prohibited) => (1, 1),
        (Family::V6, Says::NoHost) => (1, 3),
    };
    let router: IpAddr = match family {
        Family::V4 => "198.51.100.1".parse().unwrap(),
        Family::V6 => "2001:db8:1::1".parse().unwrap(),
    };
    IcmpError {
        family,
        icmp_type,
        code,
        from: match by {
            By::Node => IcmpSender::MeantMachine(target),
            By::Router => IcmpSender::Another(router),
        },
    }
}
