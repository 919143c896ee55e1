//! Places in which a premise does not hold, at random: a deployment that is right is never proven
//! wrong there, and nothing that rests on the premise passes as proven.
//!
//! Each of these places has a twin: another deployment, at a place that is sound, of which exactly the
//! same is seen.

use std::net::IpAddr;

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::{CallDepth, Carrier, ProbeSpec, Sni, TlsOffer};
use ovcheck::model::report::Finding;
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::verdict::{FailConfidence, PassConfidence, Verdict};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::premises::{answers, chain};
use crate::support::facts::{http_response, in_days, response, stun, tls};
use crate::world::Observed as _;
use crate::world::{World, completed, valid, words, world};

const DAY_S: i64 = 86_400;

/// So many places, unless the environment says otherwise.
fn places(cases: u32) -> ProptestConfig {
    let is_said = std::env::var_os("PROPTEST_CASES").is_some();
    let by_environment = ProptestConfig::default();
    ProptestConfig {
        cases: if is_said { by_environment.cases } else { cases },
        rng_seed: RngSeed::Fixed(8489),
        failure_persistence: None,
        ..by_environment
    }
}

/// The findings with this verdict, as a failing test prints them.
fn told<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let told = findings
        .map(|it| format!("{} {} {}: {}", words(it), it.rule.as_str(), it.target, it.observed()));
    told.collect()
}

fn proven_wrong(findings: &[Finding]) -> Vec<String> {
    told(findings.iter().filter(|it| it.verdict == Verdict::Fail(FailConfidence::Proven)))
}

fn passes_as_proven(finding: &Finding) -> bool {
    finding.verdict == Verdict::Pass(PassConfidence::Proven)
}

fn saw(facts: Facts) -> Option<Outcome> {
    Some(Outcome::Saw(facts))
}

// --- the clock ---------------------------------------------------------------------------------

/// Our clock is off by this, in seconds: minutes as often as years.
fn wrong_by() -> impl Strategy<Value = i64> {
    let near = 61_i64..7_200;
    let far = 7_200_i64..2 * DAY_S;
    let farther = 2 * DAY_S..20 * 365 * DAY_S;
    (prop_oneof![near, far, farther], any::<bool>())
        .prop_map(|(by, ahead)| if ahead { by } else { -by })
}

/// A right deployment whose certificates are `age` days old by its own clock, seen by a clock that is
/// ahead of that one. Only the endpoints tell the time that `tells` names by a bit for each.
fn by_a_wrong_clock(ahead_s: i64, age: i64, tells: u32) -> World {
    world(Policy::Default)
        .calling(CallDepth::Checks)
        .call_but(move |call| {
            if let Some(Handshake::Completed(session)) = &mut call.signal.handshake {
                let from = -ahead_s / DAY_S - age;
                session.certificate.iter_mut().for_each(|chain| valid(chain, from, from + 90));
            }
            // The token is made by our clock, and LiveKit allows none from the future.
            const NOT_YET: &str = "token has invalid claims: token is not valid yet";
            const EXPIRED: &str = "token has invalid claims: token is expired";
            if ahead_s.abs() > 600 {
                let text = if ahead_s > 0 { NOT_YET } else { EXPIRED };
                let refusal = HttpResponse {
                    date_ahead_s: (tells != 0).then_some(-ahead_s),
                    ..http_response(401, &format!("invalid token: ***, error: {text}"))
                };
                call.signal.join = Some(JoinAnswer::Refused(HttpAnswer::Response(refusal)));
                call.session = None;
                call.paths.clear();
                call.relays.clear();
            }
        })
        .seen_but(move |observations| {
            let own = -ahead_s / DAY_S;
            for (place, observation) in observations.iter_mut().enumerate() {
                let is_told = tells & (1 << (place % 32)) != 0;
                if let Some(response) = answers(observation) {
                    response.date_ahead_s = is_told.then_some(-ahead_s);
                }
                if let Some(chain) = chain(observation) {
                    valid(chain, own - age, own - age + 90);
                }
            }
        })
}

proptest! {
    #![proptest_config(places(96))]
    #[test]
    fn a_wrong_clock_proves_nothing_of_dates(
        ahead_s in wrong_by(),
        age in 1_i64..60,
        tells in prop_oneof![Just(u32::MAX), Just(0), any::<u32>()],
    ) {
        let findings = by_a_wrong_clock(ahead_s, age, tells).judge();
        prop_assert_eq!(proven_wrong(&findings), Vec::<String>::new());
        // Valid by one of the clocks alone.
        let own = -ahead_s / DAY_S;
        let is_valid_by_ours = (own - age..own - age + 90).contains(&0);
        let is_of_dates = |it: &&Finding| it.rule.as_str() == "tls/not-expired";
        let proven = findings.iter().filter(is_of_dates).filter(|it| passes_as_proven(it));
        if !is_valid_by_ours || tells == 0 {
            prop_assert_eq!(told(proven), Vec::<String>::new());
        }
        let agree = findings.iter().filter(|it| it.rule.as_str() == "signal/clock-agrees");
        prop_assert_eq!(told(agree.filter(|it| passes_as_proven(it))), Vec::<String>::new());
    }
}

// --- addresses ---------------------------------------------------------------------------------

/// What somebody's router does on a port that is the deployment's by address.
#[derive(Debug, Clone, Copy)]
enum OfRouter {
    Page,
    Silence,
    Refusal,
    Hangs,
}

fn of_router() -> impl Strategy<Value = OfRouter> {
    prop_oneof![
        Just(OfRouter::Page),
        Just(OfRouter::Silence),
        Just(OfRouter::Refusal),
        Just(OfRouter::Hangs),
    ]
}

/// What a router meets over TCP in place of the deployment.
fn met_at_router(spec: &ProbeSpec, on_port: OfRouter) -> Option<Outcome> {
    let connect = match on_port {
        OfRouter::Silence => Connect::Silent,
        OfRouter::Refusal => Connect::Reset,
        OfRouter::Page | OfRouter::Hangs => Connect::Accepted,
    };
    let is_there = connect.is_accepted();
    let own = || {
        completed(TlsVersion::Tls12, |chain| {
            chain.trust = Trust::SelfSigned;
            chain.name_matches = false;
        })
    };
    let handshake = || match on_port {
        OfRouter::Page => Some(own()),
        OfRouter::Hangs => Some(Handshake::Silent),
        OfRouter::Silence | OfRouter::Refusal => None,
    };
    let page = || matches!(on_port, OfRouter::Page).then(|| response(200, "<html>login"));
    saw(match spec {
        ProbeSpec::Tcp { .. } => Facts::Tcp(TcpFacts { connect, dialled: None }),
        ProbeSpec::Http { .. } => Facts::Http(HttpFacts {
            connect,
            dialled: None,
            path: "/x".into(),
            answer: is_there.then(|| page().unwrap_or(HttpAnswer::Silent)),
        }),
        ProbeSpec::Tls { .. } => Facts::Tls(TlsFacts { connect, ..tls(handshake()) }),
        ProbeSpec::Api { over, .. } | ProbeSpec::Path { over, .. } => Facts::Api(ApiFacts {
            connect,
            dialled: None,
            handshake: handshake().filter(|_| matches!(over, Carrier::Tls(_))),
            answer: page(),
            otherwise: None,
        }),
        ProbeSpec::Turn { over: Carrier::Tls(_), .. } => Facts::Turn(TurnFacts {
            connect: Some(connect),
            handshake: handshake(),
            binding: page().map(|_| StunAnswer::Silent),
            ..stun(StunAnswer::Silent)
        }),
        ProbeSpec::Rtmp { over, .. } => Facts::Rtmp(RtmpFacts {
            connect,
            dialled: None,
            handshake: handshake().filter(|_| matches!(over, Carrier::Tls(_))),
            answer: is_there.then_some(RtmpAnswer::Silent),
            second_try: None,
            otherwise: None,
        }),
        ProbeSpec::Service { .. } => {
            let answer = is_there.then_some(ServiceAnswer::Silent);
            Facts::Service(ServiceFacts { connect, dialled: None, answer, buckets: Vec::new() })
        }
        _ => return None,
    })
}

/// Behind the deployment's own address, where a router answers TCP as `on_ports` says, by port.
fn behind_the_address(on_ports: [OfRouter; 5]) -> World {
    let of_port = move |port: u16| on_ports[usize::from(port) % on_ports.len()];
    world(Policy::Default)
        .but(move |spec| {
            let to = spec.endpoint()?;
            met_at_router(spec, of_port(to.port.number()))
        })
        .but(|spec| match spec {
            ProbeSpec::OwnUdp { server } => {
                let own =
                    if server.is_ipv4() { "203.0.113.10:4000" } else { "[2001:db8:5::10]:4000" };
                let mapped = Some(own.parse().unwrap());
                saw(Facts::Turn(stun(StunAnswer::Success { mapped })))
            }
            ProbeSpec::Turn { over: Carrier::Udp, .. } => {
                saw(Facts::Turn(stun(StunAnswer::Silent)))
            }
            _ => None,
        })
}

proptest! {
    #![proptest_config(places(64))]
    #[test]
    fn behind_the_deployment_s_own_address_nothing_is_proven(
        on_ports in prop::array::uniform5(of_router()),
    ) {
        let findings = behind_the_address(on_ports).judge();
        let accused = findings.iter().filter(|it| it.is_violation());
        prop_assert_eq!(told(accused), Vec::<String>::new());
        let at_places = |it: &&Finding| it.target.address.is_some() && it.target.port.is_some();
        let proven = findings.iter().filter(at_places).filter(|it| passes_as_proven(it));
        prop_assert_eq!(told(proven), Vec::<String>::new());
    }
}

/// What outside may see of this machine.
fn outside_address() -> impl Strategy<Value = [u8; 4]> {
    prop_oneof![
        any::<[u8; 4]>(),
        // Behind a carrier, behind two routers, in a data centre.
        (64_u8..128, any::<u8>(), any::<u8>()).prop_map(|(b, c, d)| [100, b, c, d]),
        (any::<u8>(), any::<u8>()).prop_map(|(c, d)| [192, 168, c, d]),
        any::<[u8; 3]>().prop_map(|[b, c, d]| [10, b, c, d]),
    ]
    .prop_filter("it is a machine's", |[a, b, c, _]| {
        !matches!(a, 0 | 127 | 224..) && (*a, *b) != (169, 254) && [*a, *b, *c] != [203, 0, 113]
    })
}

proptest! {
    #![proptest_config(places(48))]
    #[test]
    fn a_translated_address_of_ours_is_nobody_s_fault(
        outside in outside_address(),
        own in outside_address(),
        port in 1_u16..,
    ) {
        let mapped = std::net::SocketAddr::from((outside, port));
        for policy in [Policy::Default, Policy::ForcedTurn] {
            let findings = world(policy)
                .vantage_but(move |vantage| vantage.addresses = vec![IpAddr::from(own)])
                .calling(CallDepth::Checks)
                .but(move |spec| match spec {
                    ProbeSpec::OwnUdp { server } if server.is_ipv4() => {
                        let mapped = Some(mapped);
                        saw(Facts::Turn(stun(StunAnswer::Success { mapped })))
                    }
                    _ => None,
                })
                .judge();
            let accused = findings.iter().filter(|it| it.is_violation());
            prop_assert_eq!(told(accused), Vec::<String>::new());
            // Behind a NAT the server's own checks cannot come in: that they do not shows nothing.
            let punching = "policy/no-media-through-hole-punching";
            let quiet = findings.iter().filter(|it| it.rule.as_str() == punching);
            prop_assert_eq!(told(quiet.filter(|it| passes_as_proven(it))), Vec::<String>::new());
        }
    }
}

// --- large packets -----------------------------------------------------------------------------

/// Where packets beyond a size are lost. No path of the internet is smaller than this: every host
/// takes 576 bytes over IPv4 (RFC 791) and 1,280 over IPv6 (RFC 8200).
#[derive(Debug, Clone, Copy)]
struct Hole {
    largest: usize,
    to_us: bool,
    from_us: bool,
    families: [bool; 2],
    /// How much the server sends for each name and port, in bytes.
    flights: [usize; 4],
}

fn holes() -> impl Strategy<Value = Hole> {
    let ways = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))];
    let families = prop_oneof![Just([true, true]), Just([true, false]), Just([false, true])];
    let flights = prop::array::uniform4(700_usize..5_000);
    (600_usize..1_500, ways, families, flights).prop_map(
        |(largest, (to_us, from_us), families, flights)| Hole {
            largest,
            to_us,
            from_us,
            families,
            flights,
        },
    )
}

/// Where a probe speaks TLS, and for which name.
fn of_tls(spec: &ProbeSpec) -> Option<(Endpoint, Sni)> {
    let sni = match spec {
        ProbeSpec::Tls { sni, .. } => sni,
        ProbeSpec::Api { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Path { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Turn { over: Carrier::Tls(sni), .. }
        | ProbeSpec::Rtmp { over: Carrier::Tls(sni), .. } => sni,
        _ => return None,
    };
    Some((spec.endpoint()?, sni.clone()))
}

const USUAL_SEGMENT: usize = 1_460;
const SMALL_SEGMENT: usize = 536;

impl Hole {
    fn is_at(&self, to: Endpoint) -> bool {
        self.families[usize::from(Family::of(to.address) == Family::V6)]
    }

    /// Whether so many bytes arrive in segments of this size.
    fn passes(&self, is_lossy: bool, bytes: usize, segment: usize) -> bool {
        !is_lossy || bytes.min(segment) + 40 <= self.largest
    }

    fn flight(&self, to: Endpoint, sni: &Sni) -> usize {
        let name = usize::from(sni.to_string().contains("turn"));
        self.flights[name * 2 + usize::from(to.port.number() == 1935)]
    }

    /// How a handshake ends whose first message is small.
    fn handshake(&self, to: Endpoint, sni: &Sni) -> Option<Handshake> {
        let is_lost = !self.passes(self.to_us, self.flight(to, sni), USUAL_SEGMENT);
        is_lost.then_some(Handshake::Silent)
    }

    fn second_try(&self, bytes: usize, in_pieces: Option<bool>) -> SecondTry {
        SecondTry {
            with_small_segments: self.passes(self.to_us, bytes, SMALL_SEGMENT),
            as_before: self.passes(self.to_us, bytes, USUAL_SEGMENT),
            in_pieces,
        }
    }

    /// What the message of a browser meets.
    fn hello(&self, to: Endpoint, sni: &Sni, shape: HelloShape) -> HelloFacts {
        const LONG: usize = 1_800;
        let sent = match shape {
            HelloShape::Short | HelloShape::ShortInTwo => 200,
            HelloShape::ChromiumInPieces => 400,
            _ => LONG,
        };
        // The answer to any of them is a ServerHello and more.
        let comes = self.passes(self.to_us, self.flight(to, sni), USUAL_SEGMENT);
        let arrives = self.passes(self.from_us, sent, USUAL_SEGMENT) && comes;
        let answer = if arrives { completed(TlsVersion::Tls13, |_| {}) } else { Handshake::Silent };
        HelloFacts { shape, answer }
    }

    fn see(&self, spec: &ProbeSpec) -> Option<Outcome> {
        let to = spec.endpoint().filter(|to| self.is_at(*to))?;
        saw(match spec {
            // An alert is small.
            ProbeSpec::Tls { offer: TlsOffer::Only(version), .. }
                if *version < TlsVersion::Tls12 =>
            {
                return None;
            }
            ProbeSpec::Tls { sni, offer, .. } => {
                let silent = self.handshake(to, sni)?;
                let is_tried_again = matches!(offer, TlsOffer::Web | TlsOffer::Stream);
                let again = self.second_try(self.flight(to, sni), None);
                let second_try = is_tried_again.then_some(again);
                Facts::Tls(TlsFacts { second_try, ..tls(Some(silent)) })
            }
            ProbeSpec::Browser { sni, .. } => {
                let browsers = [HelloShape::Chromium, HelloShape::Firefox];
                let met = |shape| self.hello(to, sni, shape);
                let hellos: Vec<HelloFacts> = browsers.into_iter().map(met).collect();
                let is_lost = hellos.iter().any(|hello| hello.answer == Handshake::Silent);
                let twins = if is_lost {
                    HelloShape::ALL.into_iter().map(met).collect()
                } else {
                    Vec::new()
                };
                let connect = Connect::Accepted;
                Facts::Browser(BrowserFacts { connect, dialled: None, hellos, twins, http2: None })
            }
            ProbeSpec::Api { over: Carrier::Tls(sni), .. }
            | ProbeSpec::Path { over: Carrier::Tls(sni), .. } => Facts::Api(ApiFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(self.handshake(to, sni)?),
                answer: None,
                otherwise: None,
            }),
            ProbeSpec::Turn { over: Carrier::Tls(sni), .. } => Facts::Turn(TurnFacts {
                connect: Some(Connect::Accepted),
                handshake: Some(self.handshake(to, sni)?),
                binding: None,
                ..stun(StunAnswer::Silent)
            }),
            ProbeSpec::Hold { over: Carrier::Tls(sni), .. } => Facts::Hold(HoldFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(self.handshake(to, sni)?),
                binding: None,
                idle: None,
            }),
            ProbeSpec::Rtmp { over: Carrier::Tls(sni), .. } => self.rtmps(to, sni)?,
            _ => return None,
        })
    }

    /// C1 of RTMP is 1,536 bytes, and so are S1 and S2.
    fn rtmps(&self, to: Endpoint, sni: &Sni) -> Option<Facts> {
        const C1: usize = 1_536;
        let handshake = self.handshake(to, sni);
        let goes = |segment| self.passes(self.from_us, C1, segment);
        let comes = |segment| self.passes(self.to_us, C1, segment);
        let (answer, second_try) = match &handshake {
            Some(_) => (None, None),
            None if goes(USUAL_SEGMENT) && comes(USUAL_SEGMENT) => return None,
            None => {
                let again = SecondTry {
                    with_small_segments: goes(SMALL_SEGMENT) && comes(SMALL_SEGMENT),
                    as_before: false,
                    in_pieces: Some(goes(400) && comes(USUAL_SEGMENT)),
                };
                (Some(RtmpAnswer::Silent), Some(again))
            }
        };
        Some(Facts::Rtmp(RtmpFacts {
            connect: Connect::Accepted,
            dialled: None,
            handshake: handshake.or_else(|| Some(completed(TlsVersion::Tls13, |_| {}))),
            answer,
            second_try,
            otherwise: None,
        }))
    }
}

proptest! {
    #![proptest_config(places(96))]
    #[test]
    fn where_large_packets_are_lost_no_deployment_is_proven_wrong(hole in holes()) {
        let findings = world(Policy::Default)
            .but(move |spec| hole.see(spec))
            .seen_but(move |observations| {
                for observation in observations {
                    let Some((to, sni)) = of_tls(&observation.spec) else { continue };
                    let sent = 1 + usize::from(hole.flight(to, &sni) > USUAL_SEGMENT);
                    chain(observation).into_iter().for_each(|chain| chain.sent = sent);
                }
            })
            .judge();
        prop_assert_eq!(proven_wrong(&findings), Vec::<String>::new());
    }
}

// --- who opens TLS -----------------------------------------------------------------------------

/// Something on the way that ends TLS, and what it does with what it reads.
#[derive(Debug, Clone, Copy)]
struct Opener {
    shows: Shows,
    for_the_name: bool,
    lasts_days: i64,
    newest: TlsVersion,
    accepts_old: bool,
    passes_http: bool,
    passes_others: bool,
    families: [bool; 2],
    /// It opens this port alone.
    only_443: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Product,
    UnknownAuthority,
    /// That of an authority which is installed on this machine.
    InstalledAuthority,
    /// A certificate that signed itself, made for each name.
    Itself,
}

fn openers() -> impl Strategy<Value = Opener> {
    let shows = prop_oneof![
        Just(Shows::Product),
        Just(Shows::UnknownAuthority),
        Just(Shows::InstalledAuthority),
        Just(Shows::Itself),
    ];
    let newest = prop_oneof![Just(TlsVersion::Tls12), Just(TlsVersion::Tls13)];
    let families = prop_oneof![Just([true, true]), Just([true, false]), Just([false, true])];
    (shows, any::<[bool; 5]>(), 1_i64..800, newest, families).prop_map(
        |(
            shows,
            [for_the_name, accepts_old, passes_http, passes_others, only_443],
            days,
            newest,
            families,
        )| {
            Opener {
                shows,
                for_the_name,
                lasts_days: days,
                newest,
                accepts_old,
                passes_http,
                passes_others,
                families,
                only_443,
            }
        },
    )
}

impl Opener {
    fn is_at(&self, to: Endpoint) -> bool {
        self.families[usize::from(Family::of(to.address) == Family::V6)]
            && (to.port.number() == 443 || !self.only_443)
    }

    fn handshake(self, version: TlsVersion) -> Handshake {
        completed(version, move |chain| {
            chain.name_matches = self.for_the_name;
            let own = &mut chain.certificates[0];
            own.not_after = in_days(self.lasts_days);
            let issuer = match self.shows {
                Shows::Product => "O=Zscaler Inc.",
                Shows::UnknownAuthority | Shows::InstalledAuthority => "CN=Gateway Authority",
                Shows::Itself => own.subject.unquoted(),
            };
            own.issuer = ServerText::new(issuer);
            chain.private_root = self.shows == Shows::InstalledAuthority;
            chain.trust = match self.shows {
                Shows::InstalledAuthority => Trust::Verified,
                Shows::Product | Shows::UnknownAuthority => Trust::UnknownIssuer,
                Shows::Itself => Trust::SelfSigned,
            };
        })
    }

    fn see(self, spec: &ProbeSpec) -> Option<Outcome> {
        spec.endpoint().filter(|to| self.is_at(*to))?;
        let shows = || Some(self.handshake(self.newest));
        let refuses = || Handshake::Alert { code: 70, name: "protocol_version".into() };
        let blocked = || response(403, "<html><title>Blocked</title>");
        saw(match spec {
            ProbeSpec::Tls { offer: TlsOffer::Only(version), .. } => {
                let is_spoken = match version {
                    TlsVersion::Tls12 | TlsVersion::Tls13 => *version <= self.newest,
                    _ => self.accepts_old,
                };
                let met = if is_spoken { self.handshake(*version) } else { refuses() };
                Facts::Tls(tls(Some(met)))
            }
            ProbeSpec::Tls { offer: TlsOffer::LookBehind, .. } => Facts::Tls(TlsFacts {
                behind: Some(Behind { http: Some(blocked()), binding: StunAnswer::Silent }),
                ..tls(shows())
            }),
            ProbeSpec::Tls { .. } => Facts::Tls(tls(shows())),
            ProbeSpec::Api { over: Carrier::Tls(_), .. }
            | ProbeSpec::Path { over: Carrier::Tls(_), .. }
                if !self.passes_http =>
            {
                Facts::Api(ApiFacts {
                    connect: Connect::Accepted,
                    dialled: None,
                    handshake: shows(),
                    answer: Some(blocked()),
                    otherwise: None,
                })
            }
            ProbeSpec::Turn { over: Carrier::Tls(_), .. } if !self.passes_others => {
                Facts::Turn(TurnFacts {
                    connect: Some(Connect::Accepted),
                    handshake: shows(),
                    ..stun(StunAnswer::Closed)
                })
            }
            ProbeSpec::Hold { over: Carrier::Tls(_), .. } if !self.passes_others => {
                Facts::Hold(HoldFacts {
                    connect: Connect::Accepted,
                    dialled: None,
                    handshake: shows(),
                    binding: Some(StunAnswer::Closed),
                    idle: None,
                })
            }
            ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } if !self.passes_others => {
                Facts::Rtmp(RtmpFacts {
                    connect: Connect::Accepted,
                    dialled: None,
                    handshake: shows(),
                    answer: Some(RtmpAnswer::Closed),
                    second_try: None,
                    otherwise: None,
                })
            }
            _ => return None,
        })
    }
}

proptest! {
    #![proptest_config(places(96))]
    #[test]
    fn what_opens_tls_on_the_way_proves_nothing_of_the_deployment(opener in openers()) {
        let findings = world(Policy::Default).but(move |spec| opener.see(spec)).judge();
        prop_assert_eq!(proven_wrong(&findings), Vec::<String>::new());
        let of_its_tls = findings.iter().filter(|it| {
            let target = &it.target;
            let endpoint = target.address.zip(target.port.and_then(|ports| ports.single()));
            it.rule.as_str().starts_with("tls/")
                && endpoint.is_some_and(|(address, port)| opener.is_at(Endpoint { address, port }))
        });
        let proven = of_its_tls.filter(|it| passes_as_proven(it));
        prop_assert_eq!(told(proven), Vec::<String>::new());
    }
}
