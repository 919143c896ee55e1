use super::is_caddyfile;
use crate::lint::files::KnownFiles;
use crate::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput, ReadProblem, kind_of};
use crate::model::configuration::{BackendTls, End, Opening, ProxyKind, Trace};
use crate::model::facts::{ProxyFacts, ProxyFaultKind, ProxyRemarkKind};
use crate::model::port::Port;
use crate::model::target::Family;

fn asked() -> AskedNames {
    let port = |number| Port::new(number).unwrap();
    AskedNames {
        api: "openvidu.example.io".parse().ok(),
        turn: "turn.example.io".parse().ok(),
        unknown: "unknown.example.io".parse().ok(),
        families: Family::BOTH.to_vec(),
        ports: AskedPorts { https: port(443), http: port(80), rtmps: Some(port(1935)) },
    }
}

fn try_read(text: &str) -> Result<ProxyFacts, ReadProblem> {
    let input = ProxyInput::Text { name: "caddy".to_owned(), bytes: text.as_bytes().to_vec() };
    proxy::read(&[input], None, &asked(), &KnownFiles::default())
}

fn read(text: &str) -> ProxyFacts {
    let facts = try_read(text).unwrap();
    assert_eq!(facts.kind, ProxyKind::Caddy);
    facts
}

fn fixture(name: &str) -> ProxyFacts {
    let path = format!("{}/fixtures/proxy/caddy/{name}", env!("CARGO_MANIFEST_DIR"));
    read(&std::fs::read_to_string(path).unwrap())
}

fn short(end: &End) -> String {
    match end {
        End::Backend(backend) => {
            let port = backend.port.map_or(0, Port::number);
            let tls = match backend.tls {
                BackendTls::None => "",
                BackendTls::Again => " tls again",
                BackendTls::Still => " tls still",
            };
            let header = if backend.proxy_header.is_some() { " with header" } else { "" };
            let http = backend.http.as_ref().map_or_else(String::new, |http| {
                let upgrade = if http.keeps_upgrade { " upgrade" } else { "" };
                format!(" {}{}{upgrade}", http.host.unquoted(), http.path.unquoted())
            });
            format!("to {port}{tls}{header}{http}")
        }
        End::Redirect { status, location } => format!("{status} {}", location.unquoted()),
        End::LocalAnswer { status } => format!("answer {}", status.unwrap_or(0)),
        End::Refused => "refused".to_owned(),
        End::Alert(cause) => format!("alert {cause:?}"),
        End::Closed(cause) => format!("closed {cause:?}"),
        End::NotStarted(_) => "not started".to_owned(),
        End::Undecided(_) => "undecided".to_owned(),
    }
}

/// Where the connection ends for the name's first label (`-` for none), over IPv4.
fn end(facts: &ProxyFacts, name: &str, opening: Opening) -> String {
    let is_it = |trace: &&Trace| {
        let label = trace.asked.name.as_ref().map_or("-", |name| name.as_str());
        label.starts_with(name)
            && trace.asked.opening == opening
            && trace.asked.family == Family::V4
    };
    short(&facts.traces.iter().find(is_it).unwrap().end)
}

#[test]
fn each_configuration_leads_where_it_should() {
    use Opening::{AcmeChallenge, PlainHttp, PlainRtmp, Rtmp, Stun, WebSocket};
    let to_https = "https://openvidu.example.io/";
    for (file, name, opening, expected) in [
        ("livekit.yaml", "openvidu", WebSocket, "to 7880"),
        ("livekit.yaml", "turn", Stun, "to 5349"),
        ("livekit.yaml", "unknown", WebSocket, "closed NoBackend"),
        ("livekit.yaml", "-", WebSocket, "closed NoBackend"),
        ("livekit.yaml", "openvidu", PlainHttp, "refused"),
        ("layer4.json", "openvidu", WebSocket, "to 7880"),
        ("layer4.json", "turn", Stun, "to 5349"),
        ("layer4.json", "unknown", WebSocket, "closed NoBackend"),
        ("layer4.json", "openvidu", Rtmp, "to 1945"),
        ("layer4.json", "openvidu", PlainRtmp, "closed NoBackend"),
        ("layer4.json", "openvidu", PlainHttp, &format!("301 {to_https}")),
        ("turn-still-tls.yaml", "turn", Stun, "to 5349 tls still"),
        ("turn-still-tls.yaml", "openvidu", WebSocket, "to 7880 tls again"),
        ("turn-still-tls.yaml", "unknown", WebSocket, "undecided"),
        ("proxy-header.yaml", "openvidu", WebSocket, "to 7880"),
        ("proxy-header.yaml", "turn", Stun, "to 5349 with header"),
        ("waits-for-a-line.yaml", "openvidu", WebSocket, "to 7880"),
        ("waits-for-a-line.yaml", "turn", Stun, "closed OtherProtocol"),
        ("subroutes.yaml", "openvidu", WebSocket, "to 7880"),
        ("subroutes.yaml", "openvidu", Rtmp, "to 5349"),
        ("subroutes.yaml", "openvidu", PlainRtmp, "answer 0"),
        ("subroutes.yaml", "turn", Stun, "to 5349 tls still"),
        ("turn-as-a-site.yaml", "openvidu", WebSocket, "to 7880 openvidu.example.io/rtc upgrade"),
        ("turn-as-a-site.yaml", "turn", Stun, "closed OtherProtocol"),
        ("turn-as-a-site.yaml", "openvidu", PlainHttp, &format!("308 {to_https}")),
        ("shared-listener.yaml", "turn", Stun, "to 5349"),
        ("shared-listener.yaml", "openvidu", WebSocket, "to 7880 openvidu.example.io/rtc upgrade"),
        ("path-and-header.yaml", "openvidu", WebSocket, "to 7880 other.example.io/"),
        ("path-and-header.yaml", "openvidu", AcmeChallenge, "answer 404"),
        ("path-and-header.yaml", "openvidu", PlainHttp, "308 https://openvidu.example.io:443/"),
        ("policies.yaml", "openvidu", WebSocket, "closed ClientCertificateMissing"),
        ("policies.yaml", "turn", Stun, "alert NameRefused"),
        ("policies.yaml", "unknown", WebSocket, "alert NameRefused"),
        ("both-apps.yaml", "turn", Stun, "undecided"),
        ("fallback-between.yaml", "turn", Stun, "to 5349"),
        ("header-to-itself.yaml", "turn", Stun, "closed ProxyHeaderMissing"),
        ("tls-to-own-listener.yaml", "openvidu", WebSocket, "to 7880"),
        ("sites.yaml", "openvidu", Rtmp, "answer 400"),
        ("matchers.yaml", "openvidu", PlainRtmp, "closed NoBackend"),
        ("respond-404.yaml", "openvidu", PlainRtmp, "answer 400"),
        ("no-upstream.yaml", "openvidu", WebSocket, "not started"),
        ("port-twice.yaml", "openvidu", WebSocket, "not started"),
    ] {
        assert_eq!(end(&fixture(file), name, opening), expected, "{file} {name} {opening:?}");
    }
}

/// A port that both apps have is named once; where one of them has it, it is not.
#[test]
fn a_port_of_both_apps_is_shared() {
    let is_shared = |name: &str| {
        let remarks = fixture(name).remarks.into_iter();
        remarks.filter(|it| matches!(it.what, ProxyRemarkKind::PortShared(_))).count()
    };
    assert_eq!(is_shared("both-apps.yaml"), 1);
    assert_eq!(is_shared("shared-listener.yaml"), 0);
    assert_eq!(is_shared("livekit.yaml"), 0);
}

/// Both addresses that stand for all take both families, as in Go.
#[test]
fn families_are_those_of_the_network() {
    for (listen, v4, v6) in [
        (":443", true, true),
        ("0.0.0.0:443", true, true),
        ("[::]:443", true, true),
        ("tcp4/:443", true, false),
        ("tcp6/:443", false, true),
        ("10.0.0.10:443", true, false),
        ("127.0.0.1:443", false, false),
        ("udp/:443", false, false),
        (":400-450", true, true),
        ("unix//run/caddy.sock", false, false),
    ] {
        let text = format!(
            r#"{{"apps": {{"layer4": {{"servers": {{"a": {{"listen": ["{listen}"], "routes": []}}}}}}}}}}"#
        );
        let facts = read(&text);
        for (family, is_heard) in [(Family::V4, v4), (Family::V6, v6)] {
            let trace = facts.traces.iter().find(|it| it.asked.family == family).unwrap();
            assert_eq!(trace.end != End::Refused, is_heard, "{listen} {family:?}");
        }
    }
}

#[test]
fn http3_is_a_listener_of_its_own() {
    let facts = fixture("turn-as-a-site.yaml");
    assert!(facts.listeners.iter().any(|it| it.is_quic && it.is_udp && it.port == Port::new(443)));
    let facts = fixture("layer4.json");
    assert!(facts.listeners.iter().all(|it| !it.is_quic));
}

#[test]
fn placeholders_are_undecided_unless_the_connection_has_them() {
    let dial = |dial: &str| {
        let text = format!(
            r#"{{"apps": {{"layer4": {{"servers": {{"a": {{"listen": [":443"], "routes": [
                {{"handle": [{{"handler": "proxy", "upstreams": [{{"dial": ["{dial}"]}}]}}]}}]}}}}}}}}}}"#
        );
        end(&read(&text), "turn", Opening::Stun)
    };
    assert_eq!(dial("{env.NODE}:5349"), "undecided");
    assert_eq!(dial("{l4.conn.local_addr.host}:5349"), "undecided");
    assert_eq!(dial("{l4.tls.server_name}:5349"), "to 5349 tls still");
    assert_eq!(dial("10.0.0.20"), "closed NoPort(ServerText(\"10.0.0.20\"))");
}

#[test]
fn certificates_that_nothing_gets_end_with_an_alert() {
    let text = std::fs::read_to_string("fixtures/proxy/caddy/livekit.yaml").unwrap();
    let facts = read(&text.replace("        - turn.example.io\n", ""));
    assert_eq!(end(&facts, "turn", Opening::Stun), "alert NoCertificate");
    assert_eq!(end(&facts, "openvidu", Opening::WebSocket), "to 7880");
}

#[test]
fn what_is_no_configuration_is_a_fault_with_its_line() {
    for (text, fault) in [
        ("apps:\n  http: [\n", ProxyFaultKind::Unparsable),
        ("{\"apps\": {\"http\": ", ProxyFaultKind::Unparsable),
        ("apps: {http: {servers: {a: {listen: ':443'}}}}", {
            ProxyFaultKind::InvalidValue(crate::model::facts::ServerText::new("listen"))
        }),
    ] {
        let facts = read(text);
        assert_eq!(facts.faults[0].what, fault, "{text}");
        assert!(facts.traces.iter().all(|trace| matches!(trace.end, End::NotStarted(_))));
    }
}

#[test]
fn a_caddyfile_is_told_from_json_and_from_nginx() {
    for text in [
        "openvidu.example.io {\n\treverse_proxy 10.0.0.20:7880\n}\n",
        "{\n\temail a@example.io\n}\nexample.io {\n}\n",
        "# x\nexample.io\n\nreverse_proxy localhost:7880\n",
        "{\n\tlayer4 {\n\t\t:443 {\n\t\t}\n\t}\n}\n",
    ] {
        assert!(is_caddyfile(text), "{text}");
        assert!(matches!(try_read(text), Err(ReadProblem::Caddyfile { .. })), "{text}");
    }
    for text in [
        "{\"apps\": {\n\"http\": {\n}}}",
        "apps:\n  layer4: {\n}\n",
        "events {\n}\nhttp {\n server {\n listen 80;\n }\n}\n",
        "frontend a\n  bind :443\n  use_backend x if { ssl_fc_sni a }\n",
    ] {
        assert!(!is_caddyfile(text), "{text}");
    }
    assert_eq!(kind_of(b"logging:\n  logs: {}\napps: {}\n"), Some(ProxyKind::Caddy));
}

#[test]
fn lines_with_secrets_are_not_shown() {
    let text = "apps:\n  http:\n    servers:\n      a:\n        listen: [':80']\n        routes:\n\
        \x20         - handle: [{handler: authentication, password: hush}]\n";
    let facts = read(text);
    let trace = facts.traces.iter().find(|it| it.asked.opening == Opening::PlainHttp).unwrap();
    assert_eq!(short(&trace.end), "answer 401");
    let at = trace.decided_at.clone().unwrap();
    assert_eq!((at.line, at.text), (7, None));
}
