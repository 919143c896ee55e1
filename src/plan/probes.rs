//! Which questions to the network a check needs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::draft::{Draft, Turn, UdpWanted, Wanted, name};
use super::{Inputs, call, controls, narrow};
use crate::model::address::is_unreachable;
use crate::model::deployment::{Feature, NodeRole, Usage};
use crate::model::name::{BucketName, DomainName};
use crate::model::plan::{Ask, RunScope};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::probe::{
    ApiRequest, Carrier, HttpPath, PathRequest, ProbeSpec, ServiceAsk, Sni, TlsOffer,
};
use crate::model::rule::{Demand, Rule, Scope, Service};
use crate::model::target::{Endpoint, Family, Target};

/// Ports chosen at random in a range, besides its ends and its middle. Rules are ranges: a hole
/// in one is found by its edges sooner than by chance, so a few are enough.
const RANDOM_PORTS: u64 = 4;

/// What `rule` wants to know about `target`, of which it asks this.
pub(super) fn wanted(inputs: &Inputs<'_>, rule: &Rule, target: &Target, ask: &Ask) -> Vec<Wanted> {
    let at_place = |questions: &dyn Fn(&Place<'_>) -> Vec<ProbeSpec>| {
        let specs = Place::of(inputs, rule, target).map(|place| questions(&place));
        let call = specs.as_ref().and_then(|_| call::through(inputs, rule));
        specs.into_iter().flatten().map(Wanted::Probe).chain(call).collect()
    };
    match &rule.demand {
        Demand::NameResolves | Demand::AddressesPublic => {
            let authorities = authorities(inputs, target).into_iter().map(Wanted::Probe);
            dns(target).into_iter().chain(authorities).collect()
        }
        Demand::PointsToProxy => {
            let beside = names_beside(inputs, target);
            let authority = authority_beside(target, &beside);
            let besides = beside.into_iter().chain(authority).map(Wanted::Probe);
            dns(target).into_iter().chain(besides).collect()
        }
        Demand::FamiliesAgree
        | Demand::HoldsByParsing
        | Demand::AllPass(_)
        | Demand::ProxyConfigurationRuns => Vec::new(),
        Demand::RedirectsToHttps => at_place(&|place| place.http(HttpPath::Any)),
        Demand::HandshakeCompletes
        | Demand::ChainVerifies
        | Demand::NameMatches
        | Demand::NotExpired
        | Demand::ExpiresLaterThan { .. } => at_place(&|place| vec![place.tls(place.offer)]),
        Demand::RenewalNotRedirected { .. } => at_place(&|place| {
            std::iter::once(place.tls(place.offer)).chain(challenge(inputs, place)).collect()
        }),
        Demand::VersionAccepted(version) => {
            at_place(&|place| vec![place.tls(TlsOffer::Only(*version))])
        }
        Demand::VersionsRefused(versions) => at_place(&|place| {
            versions.iter().map(|version| place.tls(TlsOffer::Only(*version))).collect()
        }),
        Demand::UnknownNameReachesNoBackend => at_place(&|place| place.unknown_names()),
        Demand::ApiAnswers | Demand::ClockAgrees { .. } => {
            at_place(&|place| place.api(ApiRequest::Validate))
        }
        Demand::WebSocketUpgradePasses => {
            at_place(&|place| place.api(ApiRequest::WebSocketUpgrade))
        }
        Demand::PostPasses => at_place(&|place| place.api(ApiRequest::ListRooms)),
        Demand::BrowsersAccept => at_place(&|place| vec![place.browser()]),
        Demand::PathsPass => at_place(&|place| {
            let requests = [
                PathRequest::Join,
                PathRequest::JoinV1,
                PathRequest::ValidateV1,
                PathRequest::Page,
            ];
            let uses_whip = inputs.deployment.uses.of(&Feature::Whip) == Usage::InUse;
            let requests =
                requests.into_iter().chain(uses_whip.then_some(PathRequest::WhipOptions));
            requests.flat_map(|request| place.path(request)).chain([place.browser()]).collect()
        }),
        Demand::CrossOriginReadable => {
            at_place(&|place| place.path(PathRequest::Validate).into_iter().collect())
        }
        Demand::NewestPathPasses => at_place(&|place| {
            let requests = [PathRequest::JoinV1, PathRequest::ValidateV1].into_iter();
            requests.flat_map(|request| place.path(request)).collect()
        }),
        Demand::AnswersBinding
        | Demand::ChallengesAllocate
        | Demand::MappedAddressPlausible
        | Demand::EditionMatches => {
            at_place(&|place| vec![ProbeSpec::Turn { to: place.to, over: place.over() }])
        }
        Demand::HoldsIdle { .. } => {
            at_place(&|place| vec![ProbeSpec::Hold { to: place.to, over: place.over() }])
        }
        Demand::RtmpsHandshakes => {
            at_place(&|place| vec![ProbeSpec::Rtmp { to: place.to, over: place.over() }])
        }
        Demand::PlaintextRefused => {
            at_place(&|place| vec![ProbeSpec::Rtmp { to: place.to, over: Carrier::Tcp }])
        }
        Demand::UndocumentedClosed => undocumented(inputs, rule, target),
        Demand::RedisNeedsPassword
        | Demand::MongodbNeedsLogin
        | Demand::MinioBucketsNeedLogin(_) => listed(inputs, rule, target, |_| true),
        Demand::PortRow(_) | Demand::PortClosed | Demand::PortOpen => {
            let of_ports = of_ports(inputs, rule, target, ask).into_iter();
            of_ports.chain(call::through(inputs, rule)).collect()
        }
        Demand::DistributionIs(_)
        | Demand::MemoryAtLeast(_)
        | Demand::CoresAtLeast(_)
        | Demand::DiskAtLeast(_)
        | Demand::AddressesPresent
        | Demand::PortsHeldBy(_)
        | Demand::ClockSynchronised
        | Demand::FirewallAdmits
        | Demand::FirewallRefusesOthers
        | Demand::MediaNotSentOut(_)
        | Demand::ProxyMayConnect
        | Demand::ReversePathLoose
        | Demand::ConnectionTableAtLeast(_)
        | Demand::UdpBufferAtLeast(_) => vec![Wanted::Probe(ProbeSpec::Host)],
        Demand::ProxyConfigurationReads
        | Demand::ProxyCertificateFiles { .. }
        | Demand::ProxyAllowsTlsVersions(_)
        | Demand::ProxyAsksNoClientCertificate
        | Demand::ProxyAlpnFitsBackend
        | Demand::ProxyOffersNoHttp3
        | Demand::ProxyHstsFits
        | Demand::ProxyRenewalReachesPorts
        | Demand::ProxyServesItsFiles
        | Demand::ProxyHeaderAgrees
        | Demand::TurnBackendNotLoopback
        | Demand::ProxyLeadsToRtmp
        | Demand::ProxyEndsUnknownNames
        | Demand::HaproxyWaitsForHello
        | Demand::HaproxyHasServerName
        | Demand::HaproxyLimitsTimes
        | Demand::HaproxyChecksServers
        | Demand::ProxyKeepsUpgrade
        | Demand::ProxyKeepsPath
        | Demand::ProxyRedirectsHttp
        | Demand::ProxyListensOnBothFamilies
        | Demand::ProxyKeepsIdleTurn { .. }
        | Demand::ProxyKeepsIdleWebSocket { .. }
        | Demand::ProxyConnectsWithin { .. }
        | Demand::ProxyLeadsToApi
        | Demand::ProxyLeadsToTurn
        | Demand::ProxySettingRight(_) => {
            vec![Wanted::Probe(ProbeSpec::ProxyConfiguration)]
        }
        Demand::OpenviduConfiguration(_) => {
            vec![Wanted::Probe(ProbeSpec::OpenviduConfiguration)]
        }
        // Silence over UDP proves nothing on a computer that receives nothing over UDP.
        Demand::JoinAccepted
        | Demand::EveryNodeCarries
        | Demand::IceServersAgree
        | Demand::CandidatesAgree
        | Demand::AllocationGranted
        | Demand::RelayCarriesMedia
        | Demand::WrongPasswordRefused
        | Demand::ForeignPeersRefused
        | Demand::MediaPath(_)
        | Demand::MediaPathsOnly
        | Demand::NotPunchedOut
        | Demand::LargePacketsPass
        | Demand::DtlsPasses => {
            call::join(inputs).into_iter().chain(call::own_udp(inputs)).collect()
        }
    }
}

/// The name of a target, in the family of its address, or in both.
fn dns(target: &Target) -> Vec<Wanted> {
    let families = match target.address {
        Some(address) => vec![Family::of(address)],
        None => Family::BOTH.to_vec(),
    };
    let of_name = |name: &DomainName| {
        let questions = families.iter();
        let questions =
            questions.map(|family| ProbeSpec::Dns { name: name.clone(), family: *family });
        questions.map(Wanted::Probe).collect()
    };
    target.host.as_ref().map_or_else(Vec::new, of_name)
}

/// Names that nobody has, where a name does not lead where it should: one beside it, which only a
/// wildcard record answers, and one that cannot exist, which only a resolver answers that makes up
/// addresses.
fn names_beside(inputs: &Inputs<'_>, target: &Target) -> Vec<ProbeSpec> {
    let (Some(host), Some(address)) = (&target.host, target.address) else {
        return Vec::new();
    };
    let deployment = inputs.deployment;
    let mut proxies = deployment.nodes_of(NodeRole::Proxy).peekable();
    let is_expected = if proxies.peek().is_some() {
        proxies.any(|node| node.has(address))
    } else {
        let mut names = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
        names.all(|name| inputs.resolution.in_dns(name).contains(&address))
    };
    if is_expected {
        return Vec::new();
    }
    let family = Family::of(address);
    let number = split_mix(inputs.seed);
    let parents = [host.parent(), DomainName::NEVER_DELEGATED].into_iter();
    let names = parents.filter_map(|parent| DomainName::made_up(number, parent));
    names.map(|name| ProbeSpec::Dns { name, family }).collect()
}

/// The name servers of the zone, where what a DNS server answers is not what people outside should get:
/// no address, or one that the internet cannot reach.
fn authorities(inputs: &Inputs<'_>, target: &Target) -> Vec<ProbeSpec> {
    let Some(host) = target.host.as_ref().filter(|_| inputs.scope == RunScope::Whole) else {
        return Vec::new();
    };
    let families = match target.address {
        Some(address) if is_unreachable(address) => vec![Family::of(address)],
        None if inputs.resolution.in_dns(host).is_empty() => Family::BOTH.to_vec(),
        Some(_) | None => Vec::new(),
    };
    let of_family = |family| ProbeSpec::Authority { name: host.clone(), family };
    families.into_iter().map(of_family).collect()
}

/// The same, where a name leads elsewhere than to the proxy.
fn authority_beside(target: &Target, beside: &[ProbeSpec]) -> Option<ProbeSpec> {
    let is_elsewhere = !beside.is_empty();
    let (name, address) = (target.host.clone()?, target.address?);
    is_elsewhere.then(|| ProbeSpec::Authority { name, family: Family::of(address) })
}

/// The address and port of a target, and how it is spoken to.
struct Place<'a> {
    to: Endpoint,
    name: Option<&'a DomainName>,
    is_udp: bool,
    /// ALPN is offered only where HTTP is spoken.
    offer: TlsOffer,
}

impl<'a> Place<'a> {
    fn of(inputs: &Inputs<'_>, rule: &Rule, target: &'a Target) -> Option<Self> {
        let is_web = is_web(inputs, rule, target);
        Some(Self {
            to: Endpoint { address: target.address?, port: target.port?.single()? },
            name: target.host.as_ref(),
            is_udp: matches!(&rule.scope, Scope::Ports(scope) if scope.transport == Transport::Udp),
            offer: if is_web { TlsOffer::Web } else { TlsOffer::Stream },
        })
    }

    fn sni(&self) -> Sni {
        self.name.cloned().map_or(Sni::Absent, Sni::Name)
    }

    fn over(&self) -> Carrier {
        match self.name {
            _ if self.is_udp => Carrier::Udp,
            None => Carrier::Tcp,
            Some(name) => Carrier::Tls(Sni::Name(name.clone())),
        }
    }

    fn tls(&self, offer: TlsOffer) -> ProbeSpec {
        ProbeSpec::Tls { to: self.to, sni: self.sni(), offer }
    }

    fn browser(&self) -> ProbeSpec {
        let speaks_http = self.offer == TlsOffer::Web;
        ProbeSpec::Browser { to: self.to, sni: self.sni(), speaks_http }
    }

    fn path(&self, request: PathRequest) -> Option<ProbeSpec> {
        let host = self.name.cloned()?;
        Some(ProbeSpec::Path { to: self.to, over: self.over(), host, request })
    }

    fn unknown_names(&self) -> Vec<ProbeSpec> {
        let names = [Sni::Name(DomainName::unknown()), Sni::Absent].into_iter();
        names.map(|sni| ProbeSpec::Tls { to: self.to, sni, offer: TlsOffer::LookBehind }).collect()
    }

    /// Nothing is asked without a name: HTTP sends it.
    fn http(&self, path: HttpPath) -> Vec<ProbeSpec> {
        let host = self.name.cloned().into_iter();
        host.map(|host| ProbeSpec::Http { to: self.to, host, path }).collect()
    }

    fn api(&self, request: ApiRequest) -> Vec<ProbeSpec> {
        let host = self.name.cloned().into_iter();
        host.map(|host| ProbeSpec::Api { to: self.to, over: self.over(), host, request }).collect()
    }
}

/// A challenge of ACME to the name of a place, where plain HTTP is spoken at its address.
fn challenge(inputs: &Inputs<'_>, place: &Place<'_>) -> Option<ProbeSpec> {
    let port = inputs.ruleset.endpoint_of(Service::Web)?.port;
    Some(ProbeSpec::Http {
        to: Endpoint { port, ..place.to },
        host: place.name.cloned()?,
        path: HttpPath::AcmeChallenge,
    })
}

/// Whether a target is one of the rule's endpoints at which HTTP is spoken.
fn is_web(inputs: &Inputs<'_>, rule: &Rule, target: &Target) -> bool {
    let Scope::Endpoints(endpoints) = &rule.scope else {
        return false;
    };
    endpoints.iter().any(|endpoint| {
        endpoint.web
            && target.port == Some(endpoint.port.into())
            && target.host.as_ref() == name(inputs, endpoint.name)
    })
}

/// What stands behind the ports of a list that `is_wanted` takes: a connection to each, with the
/// question of the service that is to be expected there.
fn listed(
    inputs: &Inputs<'_>,
    rule: &Rule,
    target: &Target,
    is_wanted: impl Fn(Port) -> bool,
) -> Vec<Wanted> {
    let (Scope::AllNodes { tcp }, Some(address)) = (&rule.scope, target.address) else {
        return Vec::new();
    };
    tcp.iter()
        .filter(|listed| is_wanted(listed.port))
        .map(|listed| {
            let to = Endpoint { address, port: listed.port };
            Wanted::Probe(match listed.service {
                Some(service) => question(inputs, service, to),
                None => ProbeSpec::Tcp { to },
            })
        })
        .collect()
}

/// The ports of a list that no row of this address's nodes allows.
fn undocumented(inputs: &Inputs<'_>, rule: &Rule, target: &Target) -> Vec<Wanted> {
    let Some(address) = target.address else {
        return Vec::new();
    };
    let rows: Vec<PortRange> = inputs
        .ruleset
        .demanded(inputs.deployment)
        .filter_map(|other| match (&other.demand, &other.scope) {
            (Demand::PortRow(_), Scope::Ports(scope))
                if scope.transport == Transport::Tcp
                    && inputs
                        .deployment
                        .nodes_at(address)
                        .any(|node| scope.roles.contains(&node.role)) =>
            {
                Some(scope.ports)
            }
            _ => None,
        })
        .collect();
    let mut wanted =
        listed(inputs, rule, target, |port| !rows.iter().any(|row| row.contains(port)));
    if responder(inputs, address) {
        let ports = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Probe(spec) => Some(spec.endpoint()?.port),
            Wanted::Udp(_) | Wanted::Responder(..) => None,
        });
        let settled: Vec<Wanted> = ports.map(|port| responder_on_tcp(address, port)).collect();
        wanted.extend(settled);
    }
    wanted
}

fn tcp_at(address: IpAddr, port: Port) -> ProbeSpec {
    ProbeSpec::Tcp { to: Endpoint { address, port } }
}

/// Whether an answer is what a port should not give.
fn must_be_closed(demand: &Demand, ask: &Ask) -> bool {
    match ask {
        Ask::MustBeClosed | Ask::NeedNotBeOpen(_) => true,
        Ask::Demand => *demand == Demand::PortClosed,
        Ask::MustBeOpen | Ask::EitherWay(_) | Ask::Nothing(_) | Ask::Undeclared(_) => false,
    }
}

/// What shows whether a port, or a range of them, lets packets in, and what answers there.
fn of_ports(inputs: &Inputs<'_>, rule: &Rule, target: &Target, ask: &Ask) -> Vec<Wanted> {
    let (Scope::Ports(scope), Some(address)) = (&rule.scope, target.address) else {
        return Vec::new();
    };
    match scope.transport {
        // The question of a service begins with a connection: one is enough.
        Transport::Tcp => {
            let service = call::service_of(inputs, scope);
            let probe = |port| match service {
                Some(service) => question(inputs, service, Endpoint { address, port }),
                None => tcp_at(address, port),
            };
            let sample = sample(scope.ports, inputs.seed);
            let misprint = misprint_of(rule, ask).map(|port| tcp_at(address, port));
            let settles = sample.iter().map(|(_, port)| *port).collect::<Vec<_>>();
            let probes = sample.into_iter().map(|(_, port)| probe(port));
            let settled = if responder(inputs, address) { settles } else { Vec::new() };
            let settled = settled.into_iter().map(|port| responder_on_tcp(address, port));
            probes.chain(misprint).map(Wanted::Probe).chain(settled).collect()
        }
        Transport::Udp => {
            let port = scope.ports.single();
            let service = call::service_of(inputs, scope)
                .zip(port)
                .map(|(service, port)| question(inputs, service, Endpoint { address, port }));
            let mut ports = udp_controls(inputs);
            // Where nothing gets in nothing answers, and the one port that does is found among all
            // others. Where much gets in a node answers six datagrams, whatever is asked.
            let then = Some(scope.ports)
                .filter(|ports| must_be_closed(&rule.demand, ask) && ports.single().is_none());
            let extent =
                Some(scope.ports).filter(|ports| inputs.find_extent && ports.single().is_none());
            if then.is_some() {
                ports.extend(landmarks(scope.ports));
            } else if service.is_none() {
                ports.extend(sample(scope.ports, inputs.seed));
            }
            let tcp_control = inputs.ruleset.controls.tcp.first();
            service
                .into_iter()
                .map(Wanted::Probe)
                .chain([Wanted::Udp(UdpWanted { address, ports, then, extent })])
                .chain(tcp_control.map(|port| Wanted::Probe(tcp_at(address, *port))))
                .chain(call::own_udp(inputs))
                .chain(responder(inputs, address).then_some(Wanted::Responder(
                    address,
                    Transport::Udp,
                    scope.ports,
                )))
                .collect()
        }
    }
}

/// Whether a responder on the machine of this address is asked.
fn responder(inputs: &Inputs<'_>, address: IpAddr) -> bool {
    inputs.deployment.nodes_at(address).any(|node| inputs.responders.contains(&node.name))
}

fn responder_on_tcp(address: IpAddr, port: Port) -> Wanted {
    Wanted::Responder(address, Transport::Tcp, port.into())
}

/// The port that a table names by mistake: worth a look where the right one has to be open.
fn misprint_of(rule: &Rule, ask: &Ask) -> Option<Port> {
    match (&rule.demand, ask) {
        (Demand::PortRow(row), Ask::MustBeOpen) => row.misprint,
        _ => None,
    }
}

/// The question by which a service is recognised.
fn question(inputs: &Inputs<'_>, service: Service, to: Endpoint) -> ProbeSpec {
    let ask = |ask| ProbeSpec::Service { to, ask, buckets: Vec::new() };
    match service {
        Service::LivekitApi => ProbeSpec::Api {
            to,
            over: Carrier::Tcp,
            host: inputs.deployment.domain.clone(),
            request: ApiRequest::Validate,
        },
        Service::TurnTcp => ProbeSpec::Turn { to, over: Carrier::Tcp },
        Service::TurnUdp => ProbeSpec::Turn { to, over: Carrier::Udp },
        Service::Rtmp => ProbeSpec::Rtmp { to, over: Carrier::Tcp },
        Service::IceTcp => ask(ServiceAsk::IceTcp),
        Service::Minio => {
            ProbeSpec::Service { to, ask: ServiceAsk::MinioLive, buckets: buckets(inputs) }
        }
        Service::Redis => ask(ServiceAsk::RedisPing),
        Service::MongoDb => ask(ServiceAsk::MongoHello),
        Service::Grafana => ask(ServiceAsk::GrafanaHealth),
        Service::Loki | Service::Mimir => ask(ServiceAsk::Ready),
        Service::Grpc => ask(ServiceAsk::Http2Settings),
        Service::Whip => ask(ServiceAsk::IngressHealth),
        Service::V2Compatibility => ask(ServiceAsk::V2Config),
        Service::Web => ask(ServiceAsk::Page),
    }
}

/// The buckets that a rule names, in every question to MinIO: one probe serves all rules about a port.
fn buckets(inputs: &Inputs<'_>) -> Vec<BucketName> {
    let rules = inputs.ruleset.demanded(inputs.deployment);
    let mut named = rules.filter_map(|rule| match &rule.demand {
        Demand::MinioBucketsNeedLogin(names) => Some(names.clone()),
        _ => None,
    });
    named.next().unwrap_or_default()
}

fn udp_controls(inputs: &Inputs<'_>) -> Vec<(Turn, Port)> {
    inputs
        .ruleset
        .controls
        .udp
        .iter()
        .enumerate()
        .map(|(place, port)| {
            let turn = if place == 0 { Turn::FirstControl } else { Turn::OtherControl };
            (turn, *port)
        })
        .collect()
}

/// The ports of a range to look at: all of a short one; of a long one its ends, its middle and
/// some at random.
fn sample(ports: PortRange, seed: u64) -> Vec<(Turn, Port)> {
    if let Some(port) = ports.single() {
        return vec![(Turn::SinglePort, port)];
    }
    let mut sample = landmarks(ports);
    for step in 0..RANDOM_PORTS {
        let offset = split_mix(seed.wrapping_add(step)) % u64::from(ports.count());
        let offset = u16::try_from(offset).expect("a range has fewer than 65,536 ports");
        let port = ports.nth(offset).expect("the offset is below the count");
        if !sample.iter().any(|(_, taken)| *taken == port) {
            sample.push((Turn::Random, port));
        }
    }
    sample
}

/// The ends and the middle of a range, each once.
fn landmarks(ports: PortRange) -> Vec<(Turn, Port)> {
    let mut landmarks = vec![ports.first(), ports.last(), ports.middle()];
    let mut seen = HashSet::new();
    landmarks.retain(|port| seen.insert(*port));
    landmarks.into_iter().map(|port| (Turn::EndOrMiddle, port)).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014): well spread numbers from consecutive seeds.
pub(super) fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Every question once: the DNS questions, then what a node's first ICMP answers are worth most for
/// (the TCP control port, STUN, the UDP ports), then the rest in the order of the checks.
pub(super) fn collect(inputs: &Inputs<'_>, drafts: &[Draft<'_>]) -> Vec<ProbeSpec> {
    let mut udp: BTreeMap<IpAddr, UdpWanted> = BTreeMap::new();
    let mut responders: BTreeMap<IpAddr, [BTreeSet<PortRange>; 2]> = BTreeMap::new();
    let mut own_udp = Vec::new();
    let mut over_udp = Vec::new();
    let mut tcp_controls = Vec::new();
    let mut rest = Vec::new();
    let mut known: HashSet<ProbeSpec> =
        super::first_questions(inputs.deployment, inputs.scope).into_iter().collect();
    let besides = narrow::besides(inputs);
    for wanted in drafts.iter().flat_map(|draft| &draft.wanted).chain(&besides) {
        match wanted {
            Wanted::Udp(wanted) => match udp.entry(wanted.address) {
                Entry::Vacant(entry) => {
                    entry.insert(wanted.clone());
                }
                Entry::Occupied(mut entry) => {
                    let all = entry.get_mut();
                    all.ports.extend(&wanted.ports);
                    // The tables have one range; of a second one the landmarks are asked.
                    all.then = all.then.or(wanted.then);
                    all.extent = all.extent.or(wanted.extent);
                }
            },
            Wanted::Responder(address, transport, ports) => {
                let [udp, tcp] = responders.entry(*address).or_default();
                match transport {
                    Transport::Udp => udp.insert(*ports),
                    Transport::Tcp => tcp.insert(*ports),
                };
            }
            Wanted::Probe(spec) if !known.insert(spec.clone()) => {}
            Wanted::Probe(spec @ ProbeSpec::OwnUdp { .. }) => own_udp.push(spec.clone()),
            Wanted::Probe(spec @ ProbeSpec::Turn { over: Carrier::Udp, .. }) => {
                over_udp.push(spec.clone());
            }
            Wanted::Probe(spec @ ProbeSpec::Tcp { to })
                if inputs.ruleset.controls.tcp.contains(&to.port) =>
            {
                tcp_controls.push(spec.clone());
            }
            Wanted::Probe(spec) => rest.push(spec.clone()),
        }
    }
    let of_others: Vec<Endpoint> = over_udp.iter().filter_map(ProbeSpec::endpoint).collect();
    let udp = udp.into_values().map(|mut wanted| {
        wanted.ports.sort_unstable();
        let mut ports: Vec<Port> = wanted.ports.into_iter().map(|(_, port)| port).collect();
        let mut seen = HashSet::new();
        ports.retain(|port| seen.insert(*port));
        let UdpWanted { address, then, extent, .. } = wanted;
        let at_address = of_others.iter().filter(|to| to.address == address);
        let sentinel = at_address.map(|to| to.port).min();
        ProbeSpec::Udp { address, ports, then, extent, sentinel }
    });
    let mut probes: Vec<ProbeSpec> = super::first_questions(inputs.deployment, inputs.scope)
        .into_iter()
        .chain(own_udp)
        .chain(tcp_controls)
        .chain(over_udp)
        .chain(udp)
        .chain(rest)
        .collect();
    probes.extend(controls::of_machines(inputs, &probes));
    // Behind all others: they run when those are over.
    probes.extend(responders.into_iter().map(|(address, [udp, tcp])| ProbeSpec::Responder {
        address,
        ports: udp.into_iter().collect(),
        tcp: tcp.into_iter().collect(),
    }));
    probes
}
