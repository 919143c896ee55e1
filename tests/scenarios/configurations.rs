//! `ovcheck lint`: every rule about a configuration can be seen to pass and to fail.

use std::collections::BTreeSet;
use std::time::Duration;

use ovcheck::evaluate::{self, Case, Observations, Strictness};
use ovcheck::model::configuration::*;
use ovcheck::model::deployment::{Deployment, Edition, Policy};
use ovcheck::model::facts::{
    CertificateFile, ChainFile, ChainReading, ConnectionLimit, Denial, Facts, Handshake, Limit,
    ProxyFacts, ProxyFault, ProxyFaultKind, ProxyLimits, ProxyListener, ProxyRemark,
    ProxyRemarkKind, RenewalReload, ServerText, StunAnswer, TlsVersion,
};
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::plan::RunScope;
use ovcheck::model::port::Port;
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::remedy::{Change, RemedyStep};
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::RuleId;
use ovcheck::model::seen::{ProxySeen, Seen};
use ovcheck::model::selection::Selection;
use ovcheck::model::target::Family;
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::{Severity, Verdict};
use ovcheck::plan::{self, ConfigurationsRead, Inputs};

use crate::support::deployments::vantage;
use crate::support::facts::{NOW, completed, in_days};
use crate::world::{RULESET, words, world};

fn location(line: u32, text: &str) -> Location {
    Location {
        file: ServerText::new("nginx.conf"),
        line,
        column: 9,
        width: 10,
        text: Some(ServerText::new(text)),
    }
}

fn backend(port: u16) -> End {
    End::Backend(Box::new(Backend {
        address: BackendAddress::Ip("203.0.113.20".parse().unwrap()),
        port: Port::new(port),
        others: Vec::new(),
        tls: BackendTls::None,
        proxy_header: None,
        http: None,
    }))
}

fn trace(name: &str, opening: Opening, end: End) -> Trace {
    Trace {
        asked: Connection {
            name: name.parse().ok(),
            port: "443".parse().unwrap(),
            family: Family::V4,
            opening,
        },
        hops: Vec::new(),
        decided_at: Some(location(31, "        server 203.0.113.20:5349;")),
        end,
        certificate: None,
        tls: opening.is_over_tls().then(|| Box::new(tls_ending())),
        idle_timeout: None,
        connect_timeout: None,
        met: Vec::new(),
    }
}

const FILE: &str = "/etc/nginx/ssl/fullchain.pem";

fn tls_ending() -> TlsEnding {
    TlsEnding {
        at: location(20, "    listen 443 ssl;"),
        layer: Layer::Tcp,
        certificates: vec![ServerText::new(FILE)],
        covers_name: Some(true),
        versions: AllowedVersions::Listed {
            versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
            at: location(21, "    ssl_protocols TLSv1.2 TLSv1.3;"),
            other: None,
        },
        alpn: None,
        client_certificate: None,
        hsts: None,
        alt_svc: None,
    }
}

/// The certificate of these tests' servers, with that of its issuer.
fn certificate_file() -> CertificateFile {
    let Handshake::Completed(session) = completed(TlsVersion::Tls13, |_| ()) else {
        unreachable!()
    };
    let leaf = session.certificate.unwrap().certificates.remove(0);
    CertificateFile {
        path: ServerText::new(FILE),
        at: location(22, "    ssl_certificate /etc/nginx/ssl/fullchain.pem;"),
        chain: ChainReading::Read(Box::new(ChainFile {
            certificates: vec![leaf],
            count: 2,
            sha256: "c4".repeat(32),
            has_issuer: true,
            is_self_signed: false,
            names_issuer: true,
            leaf: Some(0),
        })),
        key: None,
        is_opened_per_handshake: false,
        denial: None,
    }
}

/// Changes the chain of the file.
fn chain(facts: &mut ProxyFacts) -> &mut ChainFile {
    let ChainReading::Read(chain) = &mut facts.certificates[0].chain else { unreachable!() };
    chain
}

/// How TLS ends for the domain on 443.
fn tls(facts: &mut ProxyFacts) -> &mut TlsEnding {
    facts.traces[0].tls.as_mut().unwrap()
}

fn on_port(port: u16, trace: Trace) -> Trace {
    let port = port.to_string().parse().unwrap();
    Trace { asked: Connection { port, ..trace.asked }, ..trace }
}

fn challenge() -> Trace {
    let answer = End::LocalAnswer { status: None };
    trace("openvidu.example.io", Opening::AcmeChallenge, answer)
}

fn redirect(status: u16) -> End {
    End::Redirect { status, location: ServerText::new("https://openvidu.example.io/") }
}

/// The API behind a hop that reads HTTP.
fn over_http(path: &str, keeps_upgrade: bool) -> End {
    let End::Backend(mut backend) = backend(7880) else { unreachable!() };
    backend.http = Some(BackendHttp {
        host: ServerText::new("openvidu.example.io"),
        path: ServerText::new(path),
        keeps_upgrade,
        version: None,
    });
    End::Backend(backend)
}

/// A connection is passed to this name.
fn passed_to(facts: &mut ProxyFacts, trace: usize, name: &str) {
    let End::Backend(backend) = &mut facts.traces[trace].end else { unreachable!() };
    backend.address = BackendAddress::Name(ServerText::new(name));
}

fn waits(seconds: u64) -> Option<Timeout> {
    let at = Some(location(58, "        proxy_timeout 5s;"));
    Some(Timeout { lasts: Duration::from_secs(seconds), at })
}

/// What a right configuration of the deployment of these tests says.
fn right() -> ProxyFacts {
    ProxyFacts {
        kind: ProxyKind::Nginx,
        files: vec![ServerText::new("nginx.conf")],
        traces: vec![
            trace("openvidu.example.io", Opening::WebSocket, backend(7880)),
            trace("turn.example.io", Opening::Stun, backend(5349)),
            on_port(1935, trace("openvidu.example.io", Opening::Rtmp, backend(1945))),
            trace(
                "unknown-name.ovcheck.invalid",
                Opening::WebSocket,
                End::Closed(CloseCause::NoBackend),
            ),
            on_port(80, trace("openvidu.example.io", Opening::PlainHttp, redirect(301))),
            on_port(80, challenge()),
        ],
        remarks: Vec::new(),
        limits: ProxyLimits {
            connections: Some(ConnectionLimit {
                per_process: Limit { most: 10_240, at: Some(location(4, "  a limit;")) },
                per_client: 2,
                processes: Some(2),
            }),
            open_files: Some(Limit { most: 20_480, at: Some(location(3, "a limit;")) }),
            shutdown: None,
        },
        acme_client: Some(location(55, "    ssl_certificate /etc/letsencrypt/live/x.pem;")),
        faults: Vec::new(),
        listeners: Vec::new(),
        names: Vec::new(),
        comments: Vec::new(),
        certificates: vec![certificate_file()],
        renewal: RenewalReload::Seen(ServerText::new("/etc/letsencrypt/cli.ini")),
    }
}

/// A right configuration of HAProxy, but for a slip.
fn haproxy(what: Option<ProxyRemarkKind>) -> ProxyFacts {
    let at = location(20, "    use_backend openvidu_turn if { req.ssl_sni turn.example.io }");
    let remarks = what.map(|what| ProxyRemark { at, what }).into_iter().collect();
    ProxyFacts { kind: ProxyKind::Haproxy, remarks, ..right() }
}

fn traefik(change: &dyn Fn(&mut ProxyFacts)) -> ProxyFacts {
    let mut facts = ProxyFacts { kind: ProxyKind::Traefik, ..right() };
    change(&mut facts);
    facts
}

/// What `ovcheck lint` finds in the files that were read.
pub fn lint(deployment: &Deployment, read: ConfigurationsRead, facts: &[Facts]) -> Vec<Finding> {
    let of_kind = |spec: &ProbeSpec| {
        let is_it = |facts: &&Facts| match spec {
            ProbeSpec::ProxyConfiguration => facts.as_proxy_configuration().is_some(),
            _ => facts.as_openvidu_configuration().is_some(),
        };
        facts.iter().find(is_it).unwrap().clone()
    };
    let vantage = vantage(Zone::Internet);
    let plan = plan::build(&Inputs {
        deployment,
        ruleset: &RULESET,
        vantage: &vantage,
        resolution: &Resolution::new(&[], Vec::new()),
        seed: 7,
        find_extent: false,
        responders: &[],
        call: None,
        scope: RunScope::Lint,
        selection: &Selection::default(),
        configurations: read,
    });
    let observations = plan.probes.iter().map(|spec| Observation {
        spec: spec.clone(),
        started: Duration::ZERO,
        took: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Saw(of_kind(spec)),
    });
    evaluate::evaluate(&Case {
        deployment,
        ruleset: &RULESET,
        vantage: &vantage,
        plan: &plan,
        observations: &Observations::new(observations.collect()),
        now: NOW,
        strictness: Strictness::Likely,
    })
}

fn judge(facts: &ProxyFacts) -> Vec<Finding> {
    let read = ConfigurationsRead { proxy: true, openvidu: false };
    let facts = Facts::ProxyConfiguration(Box::new(facts.clone()));
    lint(&world(Policy::Default).deployment, read, &[facts])
}

fn faults(facts: &ProxyFacts) -> Vec<String> {
    let findings = judge(facts);
    assert!(findings.len() >= 3, "{findings:?}");
    let is_right =
        |finding: &&Finding| matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable);
    let faults = findings.iter().filter(|finding| !is_right(finding));
    faults.map(|finding| format!("{} {}", finding.rule, words(finding))).collect()
}

/// Each fault, and what it breaks.
fn situations() -> Vec<(&'static str, ProxyFacts, Vec<&'static str>)> {
    let but = |change: &dyn Fn(&mut ProxyFacts)| {
        let mut facts = right();
        change(&mut facts);
        facts
    };
    vec![
        ("right", right(), vec![]),
        (
            "the TURN domain leads to another port",
            but(&|facts| facts.traces[1].end = backend(5350)),
            vec!["proxy/turn-reaches-turn fail, proven"],
        ),
        (
            "the domain leads to the TURN server",
            but(&|facts| facts.traces[0].end = backend(5349)),
            vec!["proxy/api-reaches-openvidu fail, proven"],
        ),
        (
            "the TURN domain is passed in TLS",
            but(&|facts| {
                let End::Backend(backend) = &mut facts.traces[1].end else { unreachable!() };
                backend.tls = BackendTls::Still;
            }),
            vec!["proxy/turn-reaches-turn unsettled", "proxy/tls-ends-once fail, proven"],
        ),
        (
            "a variable decides where the TURN domain leads",
            but(&|facts| {
                facts.traces[1].end =
                    End::Undecided(Undecided::Variable(ServerText::new("$backend")));
            }),
            vec![
                "proxy/turn-reaches-turn unsettled",
                "proxy/proxy-header-agrees unsettled",
                "proxy/turn-backend-not-loopback unsettled",
                "proxy/turn-idle-long-enough unsettled",
                "proxy/names-in-every-map unsettled",
                "proxy/map-keys-match unsettled",
                "proxy/variables-are-set unsettled",
                "proxy/upstream-exists unsettled",
                "proxy/resolver-for-names unsettled",
                "proxy/server-name-fits unsettled",
                "proxy/nothing-listens-for unsettled",
                "proxy/turn-is-not-http unsettled",
                "proxy/tls-ends-once unsettled",
                "proxy/no-second-tls unsettled",
                "proxy/backend-is-declared unsettled",
                "proxy/inner-http-not-exposed unsettled",
                "proxy/upstream-members unsettled",
                "proxy/no-throttle unsettled",
                "proxy/access-lists unsettled",
            ],
        ),
        (
            "a PROXY header is sent to the TURN server",
            with_header(),
            vec!["proxy/proxy-header-agrees fail, proven"],
        ),
        (
            "the TURN server is dialled at loopback, and the proxy is another machine",
            but(&|facts| {
                let End::Backend(backend) = &mut facts.traces[1].end else { unreachable!() };
                backend.address = BackendAddress::Ip("127.0.0.1".parse().unwrap());
            }),
            vec![
                "proxy/turn-backend-not-loopback fail, proven",
                "proxy/backend-is-declared fail, proven",
            ],
        ),
        (
            "the API is passed to an address that is not declared",
            but(&|facts| {
                let End::Backend(backend) = &mut facts.traces[0].end else { unreachable!() };
                backend.address = BackendAddress::Ip("10.0.0.20".parse().unwrap());
            }),
            vec!["proxy/backend-is-declared fail, suspected"],
        ),
        (
            "RTMP is passed to the port of users",
            but(&|facts| facts.traces[2].end = backend(1935)),
            vec!["proxy/rtmp-reaches-1945 fail, proven"],
        ),
        (
            "an unknown name reaches the API",
            but(&|facts| facts.traces[3].end = backend(7880)),
            vec!["proxy/unknown-name-ends fail, proven"],
        ),
        (
            "plain HTTP is redirected for a while",
            but(&|facts| facts.traces[4].end = redirect(302)),
            vec!["proxy/redirect-keeps-name-and-path fail, proven"],
        ),
        (
            "the API is behind a hop that reads HTTP and keeps everything",
            but(&|facts| facts.traces[0].end = over_http("/rtc", true)),
            vec![],
        ),
        (
            "a WebSocket upgrade loses its headers",
            but(&|facts| facts.traces[0].end = over_http("/rtc", false)),
            vec!["proxy/upgrade-passes fail, proven"],
        ),
        (
            "the path is replaced",
            but(&|facts| facts.traces[0].end = over_http("/", true)),
            vec!["proxy/path-untouched fail, proven"],
        ),
        (
            "nothing listens on IPv6",
            but(&|facts| {
                let mut over_v6 = facts.traces[0].clone();
                over_v6.asked.family = Family::V6;
                over_v6.end = End::Refused;
                facts.traces.push(over_v6);
            }),
            vec!["proxy/both-families fail, proven"],
        ),
        (
            "a TURN connection is closed after five seconds",
            but(&|facts| facts.traces[1].idle_timeout = waits(5)),
            vec!["proxy/turn-idle-long-enough fail, proven"],
        ),
        (
            "a WebSocket is closed after ten seconds",
            but(&|facts| facts.traces[0].idle_timeout = waits(10)),
            vec!["proxy/websocket-idle-long-enough fail, proven"],
        ),
        (
            "a backend has a minute to accept",
            but(&|facts| facts.traces[0].connect_timeout = waits(60)),
            vec!["proxy/connect-timeout-short fail, proven"],
        ),
        (
            "the API is behind a name that only the proxy resolves",
            but(&|facts| passed_to(facts, 0, "openvidu")),
            vec![
                "proxy/api-reaches-openvidu vantage limit",
                "proxy/backend-is-declared vantage limit",
            ],
        ),
        (
            "TURN is behind the name of the proxy itself",
            but(&|facts| passed_to(facts, 1, "localhost")),
            vec![
                "proxy/turn-backend-not-loopback fail, proven",
                "proxy/backend-is-declared fail, proven",
            ],
        ),
        ("a right HAProxy", haproxy(None), vec![]),
        (
            "HAProxy does not wait for the ClientHello",
            haproxy(Some(ProxyRemarkKind::HelloNotAwaited)),
            vec!["proxy/haproxy-inspect-delay fail, proven"],
        ),
        (
            "HAProxy looks for a name that the listener does not have",
            haproxy(Some(ProxyRemarkKind::NameNotThere)),
            vec!["proxy/haproxy-sni-before-tls fail, proven"],
        ),
        (
            "HAProxy has no time limits",
            haproxy(Some(ProxyRemarkKind::TimeoutMissing)),
            vec!["proxy/haproxy-timeouts-set fail, proven"],
        ),
        ("a right Traefik", traefik(&|_| {}), vec![]),
        (
            "a router of Traefik for another name has no service",
            traefik(&|facts| {
                let what = ProxyRemarkKind::UnusedRouter {
                    router: ServerText::new("x"),
                    why: UnusedBecause::NoTls,
                };
                facts.remarks = vec![ProxyRemark { at: location(20, "rule: HostSNI(`x`)"), what }];
            }),
            vec!["proxy/traefik-routers-used fail, proven"],
        ),
        (
            "the router of TURN has no TLS",
            traefik(&|facts| {
                let why = UnusedBecause::NoTls;
                let what = MetSetting::UnusedRouter { router: ServerText::new("turn"), why };
                ends(facts, 1, End::Closed(CloseCause::OtherProtocol), what);
            }),
            vec!["proxy/turn-reaches-turn unsettled", "proxy/traefik-routers-used fail, proven"],
        ),
        (
            "a proxy shows a certificate that it made itself",
            but(&|facts| {
                tls(facts).covers_name = Some(false);
                tls(facts).certificates.clear();
            }),
            vec!["proxy/certificate-files fail, proven"],
        ),
        (
            "HAProxy checks no server",
            haproxy(Some(ProxyRemarkKind::CheckMissing)),
            vec!["proxy/haproxy-check fail, proven"],
        ),
        (
            "HAProxy takes 100 connections",
            ProxyFacts {
                limits: ProxyLimits {
                    connections: Some(ConnectionLimit {
                        per_process: Limit { most: 100, at: Some(location(3, "    maxconn 100")) },
                        per_client: 1,
                        processes: Some(1),
                    }),
                    ..ProxyLimits::default()
                },
                ..haproxy(None)
            },
            vec!["proxy/haproxy-maxconn fail, proven"],
        ),
        (
            "a listener of HAProxy takes 100 connections",
            {
                let mut facts = haproxy(None);
                meets(&mut facts, 1, MetSetting::MostConnections(100));
                facts
            },
            vec!["proxy/haproxy-maxconn fail, proven"],
        ),
        (
            "a certificate expires tomorrow",
            but(&|facts| chain(facts).certificates[0].not_after = in_days(1)),
            vec!["proxy/certificate-files fail, proven"; 3],
        ),
        (
            "the server's own certificate is the second of its file",
            but(&|facts| chain(facts).leaf = Some(1)),
            vec!["proxy/certificate-files fail, proven"; 3],
        ),
        (
            "a certificate is for another name",
            but(&|facts| tls(facts).covers_name = Some(false)),
            vec!["proxy/certificate-files fail, proven"],
        ),
        (
            "a certificate of a private authority stands alone",
            but(&|facts| chain(facts).has_issuer = false),
            vec!["proxy/certificate-files fail, suspected"; 3],
        ),
        (
            "a certificate of a public authority stands alone",
            but(&|facts| {
                chain(facts).has_issuer = false;
                chain(facts).certificates[0].is_publicly_logged = true;
            }),
            vec!["proxy/certificate-files fail, proven"; 3],
        ),
        (
            "a certificate that names no issuer stands alone",
            but(&|facts| {
                chain(facts).has_issuer = false;
                chain(facts).names_issuer = false;
            }),
            vec![],
        ),
        (
            "the workers are not in the group that may read the key",
            but(&|facts| {
                facts.certificates[0].denial = Some(Denial {
                    path: ServerText::new("/etc/nginx/ssl/privkey.pem"),
                    user: Some(ServerText::new("www-data")),
                    is_proven: false,
                });
            }),
            vec!["proxy/certificate-files fail, suspected"; 3],
        ),
        (
            "a certificate cannot be read here",
            but(&|facts| facts.certificates[0].chain = ChainReading::Unread),
            vec!["proxy/certificate-files vantage limit"],
        ),
        (
            "the key belongs to another certificate",
            but(&|facts| facts.traces[0].end = End::Alert(AlertCause::KeyOfAnother)),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/certificate-files fail, proven"],
        ),
        (
            "TLS 1.3 is not allowed",
            but(&|facts| {
                tls(facts).versions = AllowedVersions::Listed {
                    versions: vec![TlsVersion::Tls12],
                    at: location(21, "    ssl_protocols TLSv1.2;"),
                    other: None,
                };
            }),
            vec!["proxy/tls-versions fail, proven"],
        ),
        (
            "the default server allows no TLS 1.3, and that of the name does",
            but(&|facts| {
                tls(facts).versions = AllowedVersions::Listed {
                    versions: vec![TlsVersion::Tls12],
                    at: location(21, "    ssl_protocols TLSv1.2;"),
                    other: Some(location(35, "    ssl_protocols TLSv1.3;")),
                };
            }),
            vec!["proxy/tls-versions fail, suspected"],
        ),
        (
            "no version of TLS is set",
            but(&|facts| tls(facts).versions = AllowedVersions::ByVersion),
            vec!["proxy/tls-versions vantage limit"],
        ),
        (
            "clients need a certificate",
            but(&|facts| {
                tls(facts).client_certificate = Some(location(23, "    ssl_verify_client on;"));
                facts.traces[0].end = End::Closed(CloseCause::ClientCertificateMissing);
            }),
            vec![
                "proxy/api-reaches-openvidu unsettled",
                "proxy/no-client-certificate fail, proven",
            ],
        ),
        (
            "HTTP/2 is offered and passed on to the API",
            but(&|facts| tls(facts).alpn = Some(offering(&["h2", "http/1.1"]))),
            vec!["proxy/alpn-fits-backend fail, proven"],
        ),
        (
            "HTTP/2 is offered behind HTTP/1.1",
            but(&|facts| tls(facts).alpn = Some(offering(&["http/1.1", "h2"]))),
            vec![],
        ),
        (
            "HTTP/3 has the UDP port of TURN",
            but(&|facts| {
                facts.listeners.push(ProxyListener {
                    at: location(24, "    listen 443 quic;"),
                    port: "443".parse().ok(),
                    address: None,
                    families: vec![Family::V4],
                    is_udp: false,
                    is_quic: true,
                    ends_tls: false,
                    reads_proxy_header: false,
                    layer: Layer::Http,
                });
            }),
            vec!["proxy/no-http3-on-443 fail, proven"],
        ),
        (
            "a header offers HTTP/3",
            but(&|facts| tls(facts).alt_svc = Some(header("h3=\":443\"; ma=86400"))),
            vec!["proxy/no-http3-on-443 fail, proven"],
        ),
        (
            "other names are included in HSTS",
            but(&|facts| tls(facts).hsts = Some(header("max-age=63072000; includeSubdomains"))),
            vec!["proxy/hsts-fits fail, proven"],
        ),
        (
            "nothing reloads the proxy after a renewal",
            but(&|facts| {
                let renewal = ServerText::new("/etc/letsencrypt/renewal/openvidu.example.io.conf");
                facts.renewal = RenewalReload::NotSeen { renewal };
            }),
            vec!["proxy/renewal-reaches-every-listener fail, suspected"],
        ),
        (
            "nothing reloads the proxy, which opens its files for each handshake",
            but(&|facts| {
                let renewal = ServerText::new("/etc/letsencrypt/renewal/openvidu.example.io.conf");
                facts.renewal = RenewalReload::NotSeen { renewal };
                facts.certificates[0].is_opened_per_handshake = true;
            }),
            vec![],
        ),
        (
            "a line does not end",
            but(&|facts| {
                facts.faults.push(ProxyFault {
                    at: location(12, "    listen 443 ssl"),
                    what: ProxyFaultKind::SemicolonMissing,
                });
            }),
            with_all_that_need("proxy/syntax"),
        ),
        (
            "the domain has no entry in the map of backends",
            but(&|facts| {
                let what = MetSetting::NoEntry { by: ServerText::new("$ssl_server_name") };
                ends(facts, 0, End::Closed(CloseCause::NoBackend), what);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/names-in-every-map fail, proven"],
        ),
        (
            "a wildcard is a plain text",
            but(&|facts| {
                let what = MetSetting::IgnoredKey(ServerText::new("*.example.io"));
                ends(facts, 0, End::Closed(CloseCause::NoBackend), what);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/map-keys-match fail, proven"],
        ),
        (
            "a key has a port",
            but(&|facts| {
                remark(facts, ProxyRemarkKind::KeyNeverMatches(ServerText::new("x:443")));
            }),
            vec!["proxy/map-keys-match fail, proven"],
        ),
        (
            "the name is read where TLS ends",
            but(&|facts| {
                let what = MetSetting::EmptyVariable {
                    name: ServerText::new("$ssl_preread_server_name"),
                    needs: ServerText::new("ssl_preread on"),
                };
                ends(facts, 0, End::Closed(CloseCause::NoBackend), what);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/variables-are-set fail, proven"],
        ),
        (
            "a map names a group that does not exist",
            but(&|facts| {
                let name = ServerText::new("turn_backend");
                let end = End::Closed(CloseCause::NoPort(name.clone()));
                ends(facts, 1, end, MetSetting::UnknownGroup(name));
            }),
            vec!["proxy/turn-reaches-turn unsettled", "proxy/upstream-exists fail, proven"],
        ),
        (
            "a name is resolved for each connection",
            but(&|facts| {
                let name = ServerText::new("node.internal");
                let end = End::Closed(CloseCause::NoResolver(name.clone()));
                ends(facts, 0, end, MetSetting::ResolverMissing(name));
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/resolver-for-names fail, proven"],
        ),
        (
            "another site takes the requests of the domain",
            but(&|facts| {
                let end = End::LocalAnswer { status: None };
                ends(facts, 0, end, MetSetting::TakenByDefault);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/server-name-fits fail, proven"],
        ),
        (
            "two servers have the same name",
            but(&|facts| {
                remark(facts, ProxyRemarkKind::NameTwice(ServerText::new("openvidu.example.io")));
            }),
            vec!["proxy/server-name-fits fail, proven"],
        ),
        (
            "nothing listens for the TURN domain",
            but(&|facts| facts.traces[1].end = End::Refused),
            vec!["proxy/turn-reaches-turn unsettled", "proxy/nothing-listens-for fail, proven"],
        ),
        (
            "the TURN domain is read as HTTP",
            but(&|facts| {
                facts.traces[1].end = End::LocalAnswer { status: Some(400) };
                accepts(facts, 1, Layer::Http);
            }),
            vec!["proxy/turn-reaches-turn unsettled", "proxy/turn-is-not-http fail, proven"],
        ),
        (
            "the client's TLS reaches the API",
            but(&|facts| over(facts, 0, BackendTls::Still)),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/tls-ends-once fail, proven"],
        ),
        (
            "the proxy begins TLS again",
            but(&|facts| over(facts, 0, BackendTls::Again)),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/no-second-tls fail, proven"],
        ),
        (
            "a second member of a group has another port",
            but(&|facts| {
                let End::Backend(backend) = &mut facts.traces[0].end else { unreachable!() };
                backend.others.push(BackendPlace {
                    address: backend.address.clone(),
                    port: Port::new(7881),
                    at: location(32, "        server 203.0.113.20:7881;"),
                });
            }),
            vec!["proxy/api-reaches-openvidu fail, proven"],
        ),
        (
            "a listener for the proxy itself is open to everyone",
            but(&|facts| {
                accepts(facts, 0, Layer::Tcp);
                accepts(facts, 0, Layer::Http);
                facts.listeners.push(ProxyListener {
                    at: location(71, "        listen 7880;"),
                    port: Port::new(7880),
                    address: None,
                    families: vec![Family::V4],
                    is_udp: false,
                    is_quic: false,
                    ends_tls: false,
                    reads_proxy_header: false,
                    layer: Layer::Http,
                });
            }),
            vec!["proxy/inner-http-not-exposed fail, proven"],
        ),
        (
            "a member of a group is down",
            but(&|facts| {
                let address = ServerText::new("203.0.113.21:7880");
                let state = MemberState::Down;
                meets(facts, 0, MetSetting::Member { address, state });
            }),
            vec!["proxy/upstream-members fail, proven"],
        ),
        (
            "one process takes 512 connections",
            but(&|facts| {
                let limit = facts.limits.connections.as_mut().unwrap();
                limit.per_process = Limit { most: 512, at: None };
                limit.processes = Some(1);
            }),
            vec!["proxy/enough-connections fail, proven"],
        ),
        (
            "a process may have as few files open as connections",
            but(&|facts| facts.limits.open_files = Some(Limit { most: 10_240, at: None })),
            vec!["proxy/enough-files fail, proven"],
        ),
        (
            "a reload cuts connections after a minute",
            but(&|facts| facts.limits.shutdown = waits(60)),
            vec!["proxy/reload-keeps-calls fail, proven"],
        ),
        (
            "the rate of connections is limited",
            but(&|facts| meets(facts, 1, MetSetting::Throttle(Throttle::Rate))),
            vec!["proxy/no-throttle fail, proven"],
        ),
        (
            "requests may have one mebibyte",
            but(&|facts| meets(facts, 0, MetSetting::LargestBody(1 << 20))),
            vec!["proxy/body-size fail, proven"],
        ),
        (
            "only an office is let in",
            but(&|facts| {
                let what = MetSetting::AccessList(Admission::Named);
                ends(facts, 0, End::Closed(CloseCause::AccessDenied), what);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/access-lists fail, proven"],
        ),
        (
            "the proxy asks for a login",
            but(&|facts| {
                ends(facts, 0, End::LocalAnswer { status: Some(401) }, MetSetting::Login);
            }),
            vec!["proxy/api-reaches-openvidu unsettled", "proxy/no-cache-no-auth fail, proven"],
        ),
        (
            "a header names the proxy in place of the client",
            but(&|facts| {
                let header = ServerText::new("X-Real-IP");
                meets(facts, 0, MetSetting::ClientAddressLost { header });
            }),
            vec!["proxy/client-address-kept fail, proven"],
        ),
        (
            "everyone may say which address a client has",
            but(&|facts| {
                remark(facts, ProxyRemarkKind::TrustsEveryone(ServerText::new("0.0.0.0/0")));
            }),
            vec!["proxy/trusts-only-its-proxy fail, proven"],
        ),
        (
            "the challenge of ACME is redirected",
            but(&|facts| facts.traces[5].end = redirect(301)),
            vec!["proxy/acme-not-swallowed fail, suspected"],
        ),
        (
            "nothing loads the module for raw TCP",
            but(&|facts| {
                remark(facts, ProxyRemarkKind::ModuleUnseen(ServerText::new("stream")));
            }),
            vec!["proxy/stream-module-there fail, suspected"],
        ),
        (
            "a word of the template is left",
            but(&|facts| {
                let word = ServerText::new("<MASTER_NODE_PRIVATE_IP>");
                remark(facts, ProxyRemarkKind::Placeholder(word));
            }),
            with_all_that_need("proxy/no-placeholders"),
        ),
        (
            "two parts of the proxy share a port",
            but(&|facts| remark(facts, ProxyRemarkKind::PortShared(ServerText::new("443")))),
            with_all_that_need("proxy/one-owner-per-port"),
        ),
        (
            "two parts have the same port",
            but(&|facts| fault(facts, ProxyFaultKind::PortTwice(ServerText::new("listen 443")))),
            with_all_that_need("proxy/one-owner-per-port"),
        ),
        (
            "the part for raw TCP is in the part for HTTP",
            but(&|facts| {
                let (name, within) = (ServerText::new("stream"), Some(ServerText::new("http")));
                fault(facts, ProxyFaultKind::Misplaced { name, within });
            }),
            with_all_that_need("proxy/stream-not-inside-http"),
        ),
    ]
}

fn offering(protocols: &[&str]) -> OfferedProtocols {
    OfferedProtocols {
        protocols: protocols.iter().map(|protocol| ServerText::new(protocol)).collect(),
        at: location(23, "    ssl_alpn h2;"),
    }
}

fn header(value: &str) -> AddedHeader {
    AddedHeader { value: ServerText::new(value), at: location(40, "    add_header x;") }
}

/// The certificate in the file is newer than the one that is shown on these ports.
fn renewed() -> ProxyFacts {
    let mut facts = right();
    let leaf = &mut chain(&mut facts).certificates[0];
    leaf.sha256 = "9e".repeat(32);
    (leaf.not_before, leaf.not_after) = (in_days(-1), in_days(89));
    facts
}

#[test]
fn a_renewed_certificate_that_is_not_shown_is_not_loaded() {
    let findings = reading(renewed(), world(Policy::Default));
    let loaded: Vec<&Finding> = findings
        .iter()
        .filter(|it| it.rule.as_str() == "proxy/certificates-loaded" && it.is_violation())
        .collect();
    let ports: Vec<String> = loaded.iter().map(|it| it.target.port.unwrap().to_string()).collect();
    assert!(ports.iter().any(|port| port == "443"), "{ports:?}");
    assert!(ports.iter().any(|port| port == "1935"), "{ports:?}");
    for finding in loaded {
        assert_eq!(finding.reason, ReasonCode::TlsNotReloaded);
        assert_eq!(words(finding), "fail, proven");
        let commands = format!("{:?}", finding.remedy);
        assert!(commands.contains("nginx -s reload"), "{commands}");
    }
    // What is shown is still valid: nothing contradicts the file.
    assert!(
        findings
            .iter()
            .all(|it| { it.rule.as_str() != "proxy/file-is-what-runs" || !it.is_violation() })
    );
}

#[test]
fn a_remedy_reloads_the_proxy_that_it_is() {
    for (kind, command) in [
        (ProxyKind::Haproxy, "systemctl reload haproxy"),
        (ProxyKind::Caddy, "caddy reload"),
        (ProxyKind::Traefik, "systemctl restart traefik"),
    ] {
        let findings = reading(ProxyFacts { kind, ..renewed() }, world(Policy::Default));
        let commands = format!("{:?}", one(&findings, "proxy/certificates-loaded").remedy);
        assert!(commands.contains(command) && !commands.contains("nginx"), "{commands}");
    }
}

#[test]
fn what_has_another_issuer_may_come_from_something_on_the_way() {
    let mut facts = renewed();
    chain(&mut facts).certificates[0].issuer = ServerText::new("O=Another, CN=Another R1");
    let findings = reading(facts, world(Policy::Default));
    assert_eq!(words(one(&findings, "proxy/certificates-loaded")), "fail, suspected");
}

#[test]
fn a_chain_that_is_shown_in_part_is_not_loaded() {
    let mut facts = right();
    chain(&mut facts).count = 3;
    let findings = reading(facts, world(Policy::Default));
    let finding = one(&findings, "proxy/certificates-loaded");
    assert_eq!(
        (finding.reason, words(finding)),
        (ReasonCode::ConfigurationNotLoaded, "fail, proven")
    );
}

/// The violation of a rule, and the rules that are not judged then.
fn with_all_that_need(rule: &str) -> Vec<&'static str> {
    let of_file = RULESET.rules.iter().filter(|it| it.id.family() == "proxy");
    let lines = of_file.filter_map(|it| {
        let line = match it.id.as_str() == rule {
            true => format!("{} fail, proven", it.id),
            false if it.needs.iter().any(|need| need.as_str() == rule) => {
                format!("{} unsettled", it.id)
            }
            false => return None,
        };
        Some(&*line.leak())
    });
    lines.collect()
}

fn meets(facts: &mut ProxyFacts, trace: usize, what: MetSetting) {
    facts.traces[trace].met.push(Met { at: location(40, "        a setting;"), what });
}

fn ends(facts: &mut ProxyFacts, trace: usize, end: End, what: MetSetting) {
    facts.traces[trace].end = end;
    meets(facts, trace, what);
}

fn over(facts: &mut ProxyFacts, trace: usize, tls: BackendTls) {
    let End::Backend(backend) = &mut facts.traces[trace].end else { unreachable!() };
    backend.tls = tls;
}

fn accepts(facts: &mut ProxyFacts, trace: usize, layer: Layer) {
    let does = HopAction::Accepts { layer, reads_proxy_header: false };
    facts.traces[trace].hops.push(Hop { at: location(71, "        listen 7880;"), does });
}

fn remark(facts: &mut ProxyFacts, what: ProxyRemarkKind) {
    facts.remarks.push(ProxyRemark { at: location(12, "    a line;"), what });
}

fn fault(facts: &mut ProxyFacts, what: ProxyFaultKind) {
    facts.faults.push(ProxyFault { at: location(12, "    a line;"), what });
}

#[test]
fn each_fault_of_a_configuration_breaks_what_it_breaks() {
    let mut different = Vec::new();
    for (name, facts, expected) in situations() {
        let found = faults(&facts);
        if found != expected {
            different.push((name, found, expected));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn a_finding_names_the_line_and_what_it_becomes() {
    let mut facts = right();
    facts.traces[1].end = backend(5350);
    facts.traces[1].decided_at = Some(location(31, "        server 203.0.113.20:5350;"));
    let findings = judge(&facts);
    let finding = findings.iter().find(|it| it.rule.as_str() == "proxy/turn-reaches-turn").unwrap();
    assert_eq!(finding.locations.first().map(|at| at.line), Some(31));
    let Some(RemedyStep::Edit(edit)) = finding.remedy.first() else {
        panic!("no edit in {:?}", finding.remedy);
    };
    let becomes = vec![ServerText::new("        server 203.0.113.20:5349;")];
    assert_eq!(edit.change, Change::Replace(becomes));
}

/// The TURN domain leads to a backend to which a PROXY header is sent.
fn with_header() -> ProxyFacts {
    let mut facts = right();
    let End::Backend(backend) = &mut facts.traces[1].end else { unreachable!() };
    backend.proxy_header = Some(ProxyHeader::V1);
    facts.traces[1].hops.push(Hop {
        at: location(33, "        proxy_protocol on;"),
        does: HopAction::SendsProxyHeader(ProxyHeader::V1),
    });
    facts
}

#[test]
fn haproxy_sends_no_header_without_the_word() {
    let mut facts = with_header();
    facts.kind = ProxyKind::Haproxy;
    let line = "    server node1 10.0.0.20:5349 send-proxy check";
    facts.traces[1].hops[0].at = Location { column: 33, width: 10, ..location(33, line) };
    let findings = judge(&facts);
    let finding = one(&findings, "proxy/proxy-header-agrees");
    let Some(RemedyStep::Edit(edit)) = finding.remedy.first() else {
        panic!("no edit in {:?}", finding.remedy);
    };
    let becomes = vec![ServerText::new("    server node1 10.0.0.20:5349 check")];
    assert_eq!(edit.change, Change::Replace(becomes));
}

fn one<'a>(findings: &'a [Finding], rule: &str) -> &'a Finding {
    findings.iter().find(|it| it.rule.as_str() == rule && it.is_violation()).unwrap()
}

fn reading(facts: ProxyFacts, world: crate::world::World) -> Vec<Finding> {
    let mut world = world;
    world.proxy_configuration = Some(facts);
    world.judge()
}

fn dead_turn() -> crate::world::World {
    crate::turns(Policy::Default, StunAnswer::Silent, None)
}

#[test]
fn what_the_network_shows_gets_the_line_that_causes_it() {
    let findings = reading(with_header(), dead_turn());
    let live = one(&findings, "turn/turns-answers-binding");
    assert_eq!(live.locations.first().map(|at| at.line), Some(33));
    let Some(RemedyStep::Edit(edit)) = live.remedy.first() else { panic!("{:?}", live.remedy) };
    assert_eq!((edit.at.line, &edit.change), (33, &Change::Delete));
    let of_file = one(&findings, "proxy/proxy-header-agrees");
    assert_eq!(of_file.because, ["turn/turns-answers-binding".parse().unwrap()]);
}

#[test]
fn a_broken_file_beside_what_works_is_not_what_runs() {
    let findings = reading(with_header(), world(Policy::Default));
    let runs = one(&findings, "proxy/file-is-what-runs");
    assert_eq!(words(runs), "fail, suspected");
    assert_eq!(runs.locations.first().map(|at| at.line), Some(33));
    let of_file = one(&findings, "proxy/proxy-header-agrees");
    assert_eq!(of_file.severity, Severity::Warning);
    assert_eq!(of_file.because, ["proxy/file-is-what-runs".parse().unwrap()]);
}

#[test]
fn a_right_file_beside_what_fails_excludes_itself() {
    let findings = reading(right(), dead_turn());
    let live = one(&findings, "turn/turns-answers-binding");
    assert!(live.locations.is_empty());
    let Seen::Both(_, beside) = &live.seen else { panic!("{:?}", live.seen) };
    assert!(matches!(**beside, Seen::Proxy(ProxySeen::RightInFile { .. })), "{beside:?}");
}

#[test]
fn a_right_file_beside_what_works_says_nothing() {
    let findings = reading(right(), world(Policy::Default));
    let broken: Vec<_> = findings.iter().filter(|it| it.is_violation()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let runs = findings.iter().find(|it| it.rule.as_str() == "proxy/file-is-what-runs").unwrap();
    assert_eq!(words(runs), "pass, uncontradicted");
}

#[test]
fn what_the_file_does_not_decide_leaves_the_result_of_the_network() {
    let mut facts = right();
    facts.traces[1].end = End::Undecided(Undecided::Variable(ServerText::new("$backend")));
    let live = reading(facts, dead_turn());
    let live = one(&live, "turn/turns-answers-binding");
    assert!(live.locations.is_empty() && !matches!(live.seen, Seen::Both(..)), "{live:?}");
}

/// What is found about the proxy beside a livekit.yaml in which TURN reads a PROXY header, with this change.
fn beside_livekit(proxy: ProxyFacts, [from, to]: [&str; 2]) -> Vec<Finding> {
    let change =
        crate::openvidu_files::CHANGES.iter().find(|it| it.name.contains("from the proxy"));
    let mut files = crate::openvidu_files::changed(change.unwrap());
    for file in &mut files {
        file.text = file.text.replace(from, to);
    }
    let openvidu = ovcheck::lint::openvidu::read(&files).unwrap();
    let read = ConfigurationsRead { proxy: true, openvidu: true };
    let mut deployment = world(Policy::Default).deployment;
    deployment.edition = Edition::V3_9;
    let facts = [
        Facts::ProxyConfiguration(Box::new(proxy)),
        Facts::OpenviduConfiguration(Box::new(openvidu)),
    ];
    let mut findings = lint(&deployment, read, &facts);
    findings.retain(|it| it.rule.as_str().starts_with("proxy/"));
    findings
}

#[test]
fn livekits_own_file_tells_whether_turn_reads_a_proxy_header() {
    let on_loopback = |mut facts: ProxyFacts| {
        let End::Backend(backend) = &mut facts.traces[1].end else { unreachable!() };
        backend.address = BackendAddress::Ip("127.0.0.1".parse().unwrap());
        facts
    };
    let agrees = |findings: Vec<Finding>| {
        let about = findings.iter().filter(|it| it.rule.as_str() == "proxy/proxy-header-agrees");
        about.map(|it| (words(it), it.reason.as_str())).collect::<Vec<_>>()
    };
    let (on, off) = ("proxy_protocol: true", "proxy_protocol: false");
    let turn = |line| ["proxy_protocol: true", line];
    let said = |facts, line| agrees(beside_livekit(facts, turn(line)));
    assert_eq!(said(with_header(), on), [("pass, proven", "holds")]);
    assert_eq!(said(right(), off), [("pass, proven", "holds")]);
    assert_eq!(said(with_header(), off), [("fail, proven", "proxy_header_sent")]);
    assert_eq!(said(right(), on), [("fail, proven", "proxy_header_expected")]);
    // Firefox accepts a relay if TURN is told where the user is.
    let loopback = |facts, line| {
        let findings = beside_livekit(on_loopback(facts), turn(line));
        findings
            .iter()
            .any(|it| it.rule.as_str() == "proxy/turn-backend-not-loopback" && it.is_violation())
    };
    assert!(!loopback(with_header(), on) && loopback(right(), off));
}

/// LiveKit's own limit decides how large the requests are that the proxy has to accept.
#[test]
fn livekits_own_file_tells_how_large_requests_may_be() {
    let of = |most: u64, line: &str| {
        let mut facts = right();
        meets(&mut facts, 0, MetSetting::LargestBody(most));
        let limit = format!("limit: {{{line}}}\nkeys:");
        let findings = beside_livekit(facts, ["keys:", &limit]);
        let finding = findings.iter().find(|it| it.rule.as_str() == "proxy/body-size").unwrap();
        let files = finding.locations.iter().map(|at| at.file.unquoted());
        (finding.is_violation(), files.collect::<BTreeSet<_>>().len())
    };
    let mebibyte = 1 << 20;
    assert_eq!(of(mebibyte, "max_api_request_body_size: 1048576"), (false, 0));
    assert_eq!(of(20 * mebibyte, "max_api_request_body_size: 31457280"), (true, 2));
    assert_eq!(of(20 * mebibyte, "num_tracks: 5"), (false, 0));
}

#[test]
fn the_edit_for_a_missing_proxy_header_is_on_livekits_side() {
    let findings = beside_livekit(right(), ["", ""]);
    let finding = one(&findings, "proxy/proxy-header-agrees");
    let Some(RemedyStep::Edit(edit)) = finding.remedy.first() else {
        panic!("{:?}", finding.remedy);
    };
    assert!(edit.at.file.unquoted().ends_with("livekit.yaml"));
    let line = ServerText::new("    proxy_protocol: false");
    assert_eq!(edit.change, Change::Replace(vec![line]));
}

/// The rules that were seen to pass, and to fail.
pub fn rules_seen() -> [BTreeSet<RuleId>; 2] {
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    let alone = situations().into_iter().flat_map(|(_, facts, _)| judge(&facts));
    let beside = [right(), with_header(), renewed()].into_iter();
    let beside = beside.flat_map(|facts| reading(facts, world(Policy::Default)));
    for finding in alone.chain(beside) {
        match finding.verdict {
            Verdict::Pass(_) => seen[0].insert(finding.rule),
            Verdict::Fail(_) => seen[1].insert(finding.rule),
            Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
        };
    }
    seen
}
