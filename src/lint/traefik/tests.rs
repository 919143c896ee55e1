use crate::lint::files::KnownFiles;
use crate::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput, ReadProblem, kind_of};
use crate::model::configuration::{
    BackendAddress, End, Opening, ProxyKind, StartFailure, Undecided,
};
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

const COMPOSE: &str = r#"services:
  traefik:
    image: traefik:v3.7
    command:
      - --entryPoints.web.address=:80
      - --entryPoints.web.http.redirections.entryPoint.to=websecure
      - --entrypoints.websecure.address=:8443
      - --providers.docker
    ports: ["80:80", "443:8443"]
  openvidu:
    image: openvidu/openvidu-server
    network_mode: host
    labels:
      - traefik.http.routers.api.rule=Host(`${DOMAIN}`)
      - traefik.http.routers.api.tls.certresolver=le
      - traefik.http.services.api.loadbalancer.server.port=7880
      - traefik.tcp.routers.turn.rule=HostSNI(`turn.example.io`)
      - traefik.tcp.routers.turn.tls=true
      - traefik.tcp.services.turn.loadbalancer.server.port=5349
"#;

/// Where the domain, the TURN domain and plain HTTP lead by this compose file, with this `.env` beside it.
fn compose(text: &str, environment: &str) -> [String; 3] {
    let facts = proxy::read(
        &[ProxyInput::Path("/srv/compose.yml".to_owned())],
        None,
        &asked(),
        &KnownFiles(
            [("/srv/compose.yml", text), ("/srv/.env", environment)]
                .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
                .into(),
        ),
    )
    .unwrap();
    let end = |opening: Opening| {
        let named = |it: &&crate::model::configuration::Trace| {
            it.asked.opening == opening && it.asked.name.is_some()
        };
        match &facts.traces.iter().find(named).unwrap().end {
            End::Backend(backend) => match &backend.address {
                BackendAddress::Name(name) => {
                    format!("{}:{}", name.unquoted(), backend.port.unwrap())
                }
                other => format!("{other:?}"),
            },
            End::Redirect { location, .. } => location.unquoted().to_owned(),
            End::Undecided(Undecided::Directive(what) | Undecided::Variable(what)) => {
                format!("undecided: {}", what.unquoted())
            }
            End::Undecided(Undecided::FileUnread(what)) => format!("unread: {}", what.unquoted()),
            other => format!("{other:?}"),
        }
    };
    [end(Opening::WebSocket), end(Opening::Stun), end(Opening::PlainHttp)]
}

#[test]
fn labels_and_flags_of_a_compose_file_are_followed() {
    let env = "DOMAIN=openvidu.example.io\n";
    let to = "https://openvidu.example.io:8443/";
    let right = ["host.docker.internal:7880", "host.docker.internal:5349", to];
    assert_eq!(compose(COMPOSE, env), right);
    // As a mapping, through the network of Docker, and with the service named.
    let of_own = COMPOSE.replace("    network_mode: host\n", "").replace(
        "      - traefik.tcp.routers.turn.tls=true",
        "      - traefik.tcp.routers.turn.service=turn\n      - traefik.tcp.routers.turn.TLS=true",
    );
    assert_eq!(compose(&of_own, env), ["openvidu:7880", "openvidu:5349", to]);
    let mapped = of_own
        .replace("- traefik.", "traefik.")
        .replace("=Host", ": Host")
        .replace("=true", ": 'true'")
        .replace(".rule=", ".rule: ")
        .replace("service=turn", "service: turn")
        .replace("certresolver=le", "certresolver: le")
        .replace("port=", "port: ");
    assert_eq!(compose(&mapped, env), ["openvidu:7880", "openvidu:5349", to]);
    // Variables of the environment in place of flags.
    let flags = COMPOSE.find("    command:").unwrap()..COMPOSE.find("    ports:").unwrap();
    let mut variables = COMPOSE.to_owned();
    variables.replace_range(
        flags.clone(),
        "    environment:\n      TRAEFIK_ENTRYPOINTS_WEBSECURE_ADDRESS: :8443\n      TRAEFIK_PROVIDERS_DOCKER: 'true'\n",
    );
    assert_eq!(compose(&variables, env)[..2], right[..2]);
    assert_eq!(compose(&variables, env)[2], "Refused");
}

#[test]
fn what_a_compose_file_does_not_tell_is_undecided() {
    let env = "DOMAIN=openvidu.example.io\n";
    let undecided = |text: &str, environment: &str| compose(text, environment)[1].clone();
    // A variable of the shell may be set.
    assert_eq!(undecided(COMPOSE, ""), "undecided: DOMAIN");
    let port = "      - traefik.tcp.services.turn.loadbalancer.server.port=5349\n";
    let unsaid = undecided(&COMPOSE.replace(port, ""), env);
    assert!(unsaid.starts_with("undecided"), "{unsaid}");
    // Which containers are taken.
    let constrained = COMPOSE.replace(
        "      - --providers.docker\n",
        "      - --providers.docker.constraints=Label(`a`,`b`)\n",
    );
    assert_eq!(undecided(&constrained, env), right_turn());
    let by_hand = COMPOSE.replace(
        "      - --providers.docker\n",
        "      - --providers.docker.exposedByDefault=false\n",
    );
    assert_eq!(undecided(&by_hand, env), "undecided: docker");
    let enabled = by_hand.replace("    labels:\n", "    labels:\n      - traefik.enable=true\n");
    assert_eq!(undecided(&enabled, env), right_turn());
    let ports = COMPOSE.replace("\"443:8443\"", "\"8443:8443\"");
    assert_eq!(undecided(&ports, env), "Refused");
    let from_file = COMPOSE.replace(
        "    ports: [\"80",
        "    volumes: [./traefik.yml:/etc/traefik/traefik.yml:ro]\n    ports: [\"80",
    );
    assert_eq!(undecided(&from_file, env), "unread: entryPoints");
}

fn right_turn() -> &'static str {
    "host.docker.internal:5349"
}

#[test]
fn labels_that_nothing_reads_and_unknown_ones_are_named() {
    let read = |text: &str| {
        let text = ("compose.yml", text);
        read(&[text], &[(".env", "DOMAIN=openvidu.example.io\n")]).faults
    };
    assert!(read(COMPOSE).is_empty(), "{:?}", read(COMPOSE));
    let off = read(&COMPOSE.replace("--providers.docker", "--providers.docker=false"));
    assert!(
        matches!(&off[..], [fault] if matches!(fault.what, ProxyFaultKind::Lacks { .. })),
        "{off:?}"
    );
    let slip = read(&COMPOSE.replace("routers.turn.tls=", "routers.turn.tsl="));
    assert!(
        matches!(&slip[..], [fault] if matches!(fault.what, ProxyFaultKind::UnknownDirective(_)) && fault.at.line == 18),
        "{slip:?}"
    );
}

#[test]
fn secrets_of_a_compose_file_are_not_shown() {
    let more = "      - traefik.http.routers.api.middlewares=login\n      \
        - traefik.http.middlewares.login.basicauth.users=admin:geheim\n    environment: [API_PASSWORD=geheim]\n";
    let text = [COMPOSE, more].concat();
    let facts =
        read(&[("compose.yml", &text)], &[(".env", "DOMAIN=openvidu.example.io\nKEY=geheim\n")]);
    let is_api = |it: &&crate::model::configuration::Trace| it.asked.opening == Opening::WebSocket;
    let end = &facts.traces.iter().find(is_api).unwrap().end;
    assert_eq!(*end, End::LocalAnswer { status: Some(401) });
    assert!(!format!("{facts:?}").contains("geheim"), "{facts:?}");
}

/// Bounded, whatever the labels are.
#[test]
fn strange_labels_are_read_without_end() {
    let label = |text: &str| {
        COMPOSE.replace("traefik.tcp.routers.turn.tls=true", &format!("traefik.tcp.{text}"))
    };
    for text in [
        "routers[99999999999].x=1".to_owned(),
        "routers.a[3].b[2].c=1".to_owned(),
        ["a."; 5_000].concat(),
        "[].[x=]=".to_owned(),
        "routers.turn=1".to_owned(),
        "services.turn.loadbalancer=x".to_owned(),
        "services.turn.loadbalancer.server=x".to_owned(),
    ] {
        compose(&label(&text), "DOMAIN=openvidu.example.io\n");
    }
}
