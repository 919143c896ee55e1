use crate::lint::files::KnownFiles;
use crate::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput, ReadProblem, kind_of};
use crate::model::configuration::{End, Opening, ProxyKind, StartFailure, Undecided};
use crate::model::facts::{ProxyFacts, ProxyFaultKind, ServerText};
use crate::model::port::Port;
use crate::model::target::Family;

const STATIC: &str = "entryPoints:\n  web: {address: ':80'}\n  websecure: {address: ':443'}\n";

const DYNAMIC: &str = "tcp:\n  routers:\n    turn:\n      entryPoints: [websecure]\n      \
    rule: HostSNI(`turn.example.io`)\n      service: turn\n      tls: {}\n  services:\n    \
    turn: {loadBalancer: {servers: [{address: '10.0.0.20:5349'}]}}\n";

fn asked() -> AskedNames {
    let port = |number| Port::new(number).unwrap();
    AskedNames {
        api: "openvidu.example.io".parse().ok(),
        turn: "turn.example.io".parse().ok(),
        unknown: None,
        families: vec![Family::V4],
        ports: AskedPorts { https: port(443), http: port(80), rtmps: None },
    }
}

fn try_read(texts: &[(&str, &str)], files: &[(&str, &str)]) -> Result<ProxyFacts, ReadProblem> {
    let input = |(name, text): &(&str, &str)| ProxyInput::Text {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let inputs: Vec<ProxyInput> = texts.iter().map(input).collect();
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    proxy::read(&inputs, None, &asked(), &KnownFiles(files.iter().map(owned).collect()))
}

fn read(texts: &[(&str, &str)], files: &[(&str, &str)]) -> ProxyFacts {
    let facts = try_read(texts, files).unwrap();
    assert_eq!(facts.kind, ProxyKind::Traefik);
    facts
}

fn turn_of(facts: &ProxyFacts) -> &End {
    let is_it = |trace: &&crate::model::configuration::Trace| trace.asked.opening == Opening::Stun;
    &facts.traces.iter().find(is_it).unwrap().end
}

fn port_of(end: &End) -> Option<u16> {
    match end {
        End::Backend(backend) => backend.port.map(Port::number),
        _ => None,
    }
}

#[test]
fn files_are_read_together_or_by_the_name_in_the_static_file() {
    let with = |provider: &str| format!("{STATIC}providers: {{file: {{{provider}}}}}\n");
    let by_name = with("filename: /etc/traefik/dynamic.yml");
    let in_directory = with("directory: /etc/traefik/conf.d");
    let given = [("traefik.yml", by_name.as_str()), ("dynamic.yml", DYNAMIC)];
    for facts in [
        read(&given, &[]),
        read(&[given[1], given[0]], &[]),
        read(&given[..1], &[("/etc/traefik/dynamic.yml", DYNAMIC)]),
        read(&[("traefik.yml", &in_directory)], &[("/etc/traefik/conf.d/a.yml", DYNAMIC)]),
        read(&[("traefik.yml", &format!("{by_name}{DYNAMIC}"))], &[]),
    ] {
        assert_eq!(port_of(turn_of(&facts)), Some(5349), "{facts:?}");
        assert_eq!(facts.faults, []);
    }
    let unread = read(&given[..1], &[]);
    let path = ServerText::new("/etc/traefik/dynamic.yml");
    assert_eq!(*turn_of(&unread), End::Undecided(Undecided::FileUnread(path)));
    let alone = read(&given[1..], &[]);
    assert!(matches!(turn_of(&alone), End::Undecided(_)));
    assert_eq!(try_read(&[given[0], given[0]], &[]), Err(ReadProblem::SeveralMainFiles));
}

#[test]
fn nothing_loads_the_routers_without_a_provider() {
    let facts = read(&[("traefik.yml", &format!("{STATIC}{DYNAMIC}"))], &[]);
    assert_eq!(facts.faults.len(), 1, "{facts:?}");
    assert_eq!(port_of(turn_of(&facts)), None);
}

#[test]
fn other_providers_and_templates_are_told() {
    let both = format!("{STATIC}providers: {{file: {{filename: x.yml}}, docker: {{}}}}\n");
    let facts = read(&[("traefik.yml", &both), ("x.yml", DYNAMIC)], &[]);
    assert_eq!(port_of(turn_of(&facts)), Some(5349));
    let api = &facts.traces[0].end;
    assert_eq!(*api, End::Undecided(Undecided::Directive(ServerText::new("docker"))));
    let template = DYNAMIC.replace("turn.example.io", "{{ env \"TURN\" }}");
    let facts = read(&[("traefik.yml", &both), ("x.yml", &template)], &[]);
    let word = ServerText::new("{{ env \"TURN\" }}");
    assert_eq!(*turn_of(&facts), End::Undecided(Undecided::Variable(word)));
}

#[test]
fn faults_of_the_static_part_keep_traefik_from_starting() {
    for (text, expected) in [
        (
            "entryPoints:\n  a: {adress: ':443'}\n",
            StartFailure::Misplaced(ServerText::new("adress")),
        ),
        (
            "entryPoints:\n  a: {address: '443'}\n",
            StartFailure::Conflict(ServerText::new("address")),
        ),
        (
            "entryPoints:\n  a: {address: ':443', asDefault: maybe}\n",
            StartFailure::Conflict(ServerText::new("asDefault")),
        ),
        ("entryPoints: {}\n", StartFailure::Conflict(ServerText::new("entryPoints"))),
        (
            "entryPoints:\n  a: {address: ':443'}\n  a: {}\n",
            StartFailure::Conflict(ServerText::new("a")),
        ),
        ("entryPoints:\n\ta: x\n", StartFailure::Syntax),
        (
            "entryPoints:\n  a: {address: ':443'}\n  b: {address: '127.0.0.1:443'}\n",
            StartFailure::PortTwice,
        ),
    ] {
        let facts = read(&[("traefik.yml", text)], &[]);
        assert_eq!(*turn_of(&facts), End::NotStarted(expected), "{text}");
    }
    let later =
        read(&[("traefik.yml", STATIC), ("x.yml", "tcp:\n  routers:\n    a: {rul: x}\n")], &[]);
    assert!(matches!(later.faults[0].what, ProxyFaultKind::UnknownDirective(_)));
    assert!(!matches!(turn_of(&later), End::NotStarted(_)));
}

#[test]
fn secrets_are_not_shown() {
    let users = "http:\n  middlewares:\n    a: {basicAuth: {users: [\"me:geheim\"], userz: x}}\n";
    let facts = read(&[("traefik.yml", STATIC), ("x.yml", users)], &[]);
    assert!(matches!(facts.faults[0].what, ProxyFaultKind::UnknownDirective(_)), "{facts:?}");
    assert_eq!(facts.faults[0].at.text, None);
    assert!(!format!("{facts:?}").contains("geheim"));
}

#[test]
fn the_kind_is_known_by_the_first_words() {
    for text in [
        STATIC,
        DYNAMIC,
        "# x\nhttp:\n",
        "[entryPoints.web]\n",
        "[[tls.certificates]]\n",
        "providers:\n",
    ] {
        assert_eq!(kind_of(text.as_bytes()), Some(ProxyKind::Traefik), "{text}");
    }
}
