//! `ovcheck lint`: every rule about a configuration can be seen to pass and to fail.

use std::collections::BTreeSet;
use std::time::Duration;

use ovcheck::evaluate::{self, Case, Observations, Strictness};
use ovcheck::model::configuration::*;
use ovcheck::model::deployment::{Deployment, Edition, Policy};
use ovcheck::model::facts::{
    CertificateFile, ChainFile, ChainReading, Denial, Facts, Handshake, ProxyFacts, ProxyFault,
    ProxyFaultKind, ProxyListener, ProxySlip, ProxySlipKind, RenewalReload, ServerText, StunAnswer,
    TlsVersion,
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
        ],
        faults: Vec::new(),
        listeners: Vec::new(),
        names: Vec::new(),
        comments: Vec::new(),
        certificates: vec![certificate_file()],
        renewal: RenewalReload::Seen(ServerText::new("/etc/letsencrypt/cli.ini")),
        slips: Vec::new(),
    }
}

/// A right configuration of HAProxy, but for a slip.
fn haproxy(slip: Option<ProxySlipKind>) -> ProxyFacts {
    let at = location(20, "    use_backend openvidu_turn if { req.ssl_sni turn.example.io }");
    let slips = slip.map(|what| ProxySlip { at, what }).into_iter().collect();
    ProxyFacts { kind: ProxyKind::Haproxy, slips, ..right() }
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
            vec!["proxy/turn-reaches-turn fail, proven"],
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
                "proxy/turn-reaches-turn fail, proven",
                "proxy/turn-backend-not-loopback fail, proven",
            ],
        ),
        (
            "the API is passed to an address that is not declared",
            but(&|facts| {
                let End::Backend(backend) = &mut facts.traces[0].end else { unreachable!() };
                backend.address = BackendAddress::Ip("10.0.0.20".parse().unwrap());
            }),
            vec!["proxy/api-reaches-openvidu fail, suspected"],
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
        ("a right HAProxy", haproxy(None), vec![]),
        (
            "HAProxy does not wait for the ClientHello",
            haproxy(Some(ProxySlipKind::HelloNotAwaited)),
            vec!["proxy/haproxy-inspect-delay fail, proven"],
        ),
        (
            "HAProxy looks for a name that the listener does not have",
            haproxy(Some(ProxySlipKind::NameNotThere)),
            vec!["proxy/haproxy-sni-before-tls fail, proven"],
        ),
        (
            "HAProxy has no time limits",
            haproxy(Some(ProxySlipKind::TimeoutMissing)),
            vec!["proxy/haproxy-timeouts-set fail, proven"],
        ),
        (
            "HAProxy checks no server",
            haproxy(Some(ProxySlipKind::CheckMissing)),
            vec!["proxy/haproxy-check fail, proven"],
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
            vec!["proxy/tls-versions unsettled"],
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
            vec![
                "proxy/syntax fail, proven",
                "proxy/api-reaches-openvidu unsettled",
                "proxy/turn-reaches-turn unsettled",
                "proxy/proxy-header-agrees unsettled",
                "proxy/turn-backend-not-loopback unsettled",
                "proxy/rtmp-reaches-1945 unsettled",
                "proxy/unknown-name-ends unsettled",
                "proxy/upgrade-passes unsettled",
                "proxy/path-untouched unsettled",
                "proxy/redirect-keeps-name-and-path unsettled",
                "proxy/both-families unsettled",
                "proxy/turn-idle-long-enough unsettled",
                "proxy/websocket-idle-long-enough unsettled",
                "proxy/connect-timeout-short unsettled",
                "proxy/certificate-files unsettled",
                "proxy/tls-versions unsettled",
                "proxy/no-client-certificate unsettled",
                "proxy/alpn-fits-backend unsettled",
                "proxy/no-http3-on-443 unsettled",
                "proxy/hsts-fits unsettled",
                "proxy/renewal-reaches-every-listener unsettled",
                "proxy/certificates-loaded unsettled",
            ],
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

/// What is found about the PROXY header with this line in `turn:` of livekit.yaml.
fn beside_livekit(proxy: ProxyFacts, line: &str) -> Vec<Finding> {
    let change =
        crate::openvidu_files::CHANGES.iter().find(|it| it.name.contains("from the proxy"));
    let mut files = crate::openvidu_files::changed(change.unwrap());
    for file in &mut files {
        file.text = file.text.replace("proxy_protocol: true", line);
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
    let said = |facts, line| agrees(beside_livekit(facts, line));
    assert_eq!(said(with_header(), on), [("pass, proven", "holds")]);
    assert_eq!(said(right(), off), [("pass, proven", "holds")]);
    assert_eq!(said(with_header(), off), [("fail, proven", "proxy_header_sent")]);
    assert_eq!(said(right(), on), [("fail, proven", "proxy_header_expected")]);
    // Firefox accepts a relay if TURN is told where the user is.
    let loopback = |facts, line| {
        let findings = beside_livekit(on_loopback(facts), line);
        findings
            .iter()
            .any(|it| it.rule.as_str() == "proxy/turn-backend-not-loopback" && it.is_violation())
    };
    assert!(!loopback(with_header(), on) && loopback(right(), off));
}

#[test]
fn the_edit_for_a_missing_proxy_header_is_on_livekits_side() {
    let findings = beside_livekit(right(), "proxy_protocol: true");
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
