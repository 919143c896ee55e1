//! `ovcheck host`: every rule about a machine can be seen to pass and to fail, and a firewall is judged
//! by the rules that it really has. The listings in `fixtures/host` were written by nft 1.0.6, iptables
//! 1.8.9 and ufw 0.36.2 after the scripts of `ovcheck firewall` had run.

use std::collections::BTreeSet;

use ovcheck::model::deployment::{Deployment, Feature, NodeRole, Policy, Uses};
use ovcheck::model::facts::*;
use ovcheck::model::observation::Observation;
use ovcheck::model::observation::Outcome;
use ovcheck::model::plan::RunScope;
use ovcheck::model::port::Transport;
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::RuleId;
use ovcheck::model::selection::Selection;
use ovcheck::model::target::Family;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::Verdict;
use ovcheck::plan::{self, Inputs};
use ovcheck::proto::host::{iptables, nftables, system};

use ovcheck::evaluate::{self, Case, Observations, Strictness};

use crate::support::deployments::vantage;
use crate::support::facts::NOW;
use crate::world::{RULESET, node, words, world};

/// A machine, and the deployment of which it is a part.
struct Machine {
    deployment: Deployment,
    stands_on: Vec<&'static str>,
    facts: HostFacts,
}

fn text(words: &str) -> ServerText {
    ServerText::new(words)
}

/// The machine of OpenVidu as it should be, with the firewall of this name.
fn machine(filter: PacketFilter) -> Machine {
    let deployment = Deployment {
        uses: Uses::Listed([Feature::Rtmp, Feature::Whip, Feature::IceTcp].into()),
        nodes: vec![
            node("proxy", NodeRole::Proxy, &["203.0.113.10"], &[]),
            node("openvidu", NodeRole::Openvidu, &["203.0.113.20", "2001:db8::20"], &[]),
        ],
        ..world(Policy::Default).deployment
    };
    let program = |name: &str, transport: Transport, port: u16| Listener {
        transport,
        address: "0.0.0.0".parse().unwrap(),
        port: port.to_string().parse().unwrap(),
        owner: ListenerOwner::Program { name: text(name), pid: 4711 },
    };
    let facts = HostFacts {
        distribution: HostRead::Read(Distribution {
            ids: vec![text("ubuntu"), text("debian")],
            name: text("Ubuntu 24.04 LTS"),
        }),
        memory_kib: HostRead::Read(3_900_000),
        cores: HostRead::Read(4),
        disk: HostRead::Read(DiskSpace {
            path: "/opt/openvidu".to_owned(),
            size_kib: 120_000_000,
            free_kib: 90_000_000,
        }),
        interfaces: HostRead::Read(vec![interface("eth0", &["203.0.113.20", "2001:db8::20"])]),
        listeners: HostRead::Read(vec![
            program("caddy", Transport::Tcp, 7880),
            program("livekit-server", Transport::Udp, 443),
        ]),
        clock: HostRead::Read(ClockState {
            is_synchronised: true,
            said_by: "timedatectl".to_owned(),
        }),
        filter: HostRead::Read(filter),
        selinux: HostRead::Read(Selinux { enforces: false, lets_proxy_connect: None }),
        connection_table: HostRead::Read(ConnectionTable::Holds { most: 262_144, now: 12 }),
        udp_buffers: HostRead::Read(UdpBuffers { receive: 5_000_000, send: 5_000_000 }),
    };
    Machine { deployment, stands_on: vec!["openvidu"], facts }
}

fn interface(name: &str, addresses: &[&str]) -> HostInterface {
    HostInterface {
        name: text(name),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        reverse_path: Some(2),
    }
}

impl Machine {
    fn but(mut self, fault: impl FnOnce(&mut HostFacts)) -> Self {
        fault(&mut self.facts);
        self
    }

    fn under(mut self, policy: Policy) -> Self {
        self.deployment.policy = policy;
        self
    }

    fn judge(&self) -> Vec<Finding> {
        let vantage = Vantage {
            stands_on: self.stands_on.iter().map(|name| name.parse().unwrap()).collect(),
            ..vantage(Zone::OwnNode)
        };
        let plan = plan::build(&Inputs {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            resolution: &Resolution::new(&[], Vec::new()),
            seed: 7,
            find_extent: false,
            responders: &[],
            call: None,
            scope: RunScope::Host,
            selection: &Selection::default(),
            configurations: plan::ConfigurationsRead::default(),
        });
        let observations = plan.probes.iter().map(|spec| Observation {
            spec: spec.clone(),
            started: std::time::Duration::ZERO,
            took: std::time::Duration::ZERO,
            attempts: 1,
            outcome: Outcome::Saw(Facts::Host(Box::new(self.facts.clone()))),
        });
        let observations = Observations::new(observations.collect());
        evaluate::evaluate(&Case {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            plan: &plan,
            observations: &observations,
            now: NOW,
            strictness: Strictness::Likely,
        })
    }

    /// What is not a proven pass, rule, place and verdict.
    fn faults(&self) -> Vec<String> {
        let findings = self.judge();
        assert!(findings.len() > 8, "{findings:?}");
        let faults = findings.iter().filter(|finding| words(finding) != "pass, proven");
        faults.map(of_finding).collect()
    }
}

fn of_finding(finding: &Finding) -> String {
    let place = match (finding.target.transport, finding.target.port) {
        (Some(transport), Some(ports)) => format!(" {transport} {ports}"),
        _ => String::new(),
    };
    format!("{}{place} {}", finding.rule, words(finding))
}

fn listed(json: &[u8], text: &str) -> PacketFilter {
    let texts = nftables::RuleTexts::read(text);
    let chains = nftables::chains(json, &texts, &[]).unwrap();
    PacketFilter { chains, unread: Vec::new() }
}

fn by_nftables() -> PacketFilter {
    listed(
        include_bytes!("../../fixtures/host/nftables.json"),
        include_str!("../../fixtures/host/nftables.nft"),
    )
}

/// The rules of both families, without the lines that contain this.
fn by_iptables(v4: &str, v6: &str, without: &str) -> PacketFilter {
    let kept = |text: &str| {
        let lines = text.lines().filter(|line| without.is_empty() || !line.contains(without));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut chains = iptables::chains(&kept(v4), Family::V4, "iptables").unwrap();
    chains.extend(iptables::chains(&kept(v6), Family::V6, "ip6tables").unwrap());
    PacketFilter { chains, unread: Vec::new() }
}

const IPTABLES: (&str, &str) = (
    include_str!("../../fixtures/host/iptables.rules"),
    include_str!("../../fixtures/host/iptables.rules6"),
);

const UFW: (&str, &str) =
    (include_str!("../../fixtures/host/ufw.rules"), include_str!("../../fixtures/host/ufw.rules6"));

/// A table of nftables with one chain, which drops what its rules do not accept.
fn table(rules: &str) -> PacketFilter {
    let mut objects = vec![
        serde_json::json!({"table": {"family": "inet", "name": "filter"}}),
        serde_json::json!({"chain": {"family": "inet", "table": "filter", "name": "input",
            "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}),
    ];
    for (handle, expressions) in
        rules.lines().map(str::trim).filter(|it| !it.is_empty()).enumerate()
    {
        let expr: serde_json::Value = serde_json::from_str(&format!("[{expressions}]")).unwrap();
        objects.push(serde_json::json!({"rule": {"family": "inet", "table": "filter",
            "chain": "input", "handle": handle, "expr": expr}}));
    }
    listed(serde_json::json!({"nftables": objects}).to_string().as_bytes(), "")
}

const ACCEPT: &str = r#"{"accept": null}"#;

fn dport(transport: &str, right: &str) -> String {
    format!(
        r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "{transport}", "field": "dport"}}}}, "right": {right}}}}}"#
    )
}

// --- Firewalls ---------------------------------------------------------------------------------

#[test]
fn what_ovcheck_firewall_writes_is_right_for_ovcheck_host() {
    for filter in
        [by_nftables(), by_iptables(IPTABLES.0, IPTABLES.1, ""), by_iptables(UFW.0, UFW.1, "")]
    {
        assert_eq!(machine(filter).faults(), Vec::<String>::new());
    }
}

#[test]
fn a_row_that_is_taken_away_is_named() {
    for (v4, v6) in [IPTABLES, UFW] {
        for (line, port) in [
            ("--dport 443 ", "udp 443"),
            ("50000:60000", "udp 50000-60000"),
            ("--dport 7880 ", "tcp 7880"),
            ("--dport 7881 ", "tcp 7881"),
        ] {
            let faults = machine(by_iptables(v4, v6, line)).faults();
            assert_eq!(faults, [format!("host/firewall-admits {port} fail, proven")], "{line}");
        }
    }
}

#[test]
fn a_rule_of_nftables_that_is_taken_away_is_named() {
    let mut filter = by_nftables();
    filter.chains[0].rules.retain(|rule| !rule.line.unquoted().contains("udp dport 443"));
    let faults = machine(filter).faults();
    assert_eq!(faults, ["host/firewall-admits udp 443 fail, proven"]);
}

#[test]
fn an_accept_for_everyone_is_named_where_only_some_may_send() {
    let filter = by_iptables(
        &IPTABLES
            .0
            .replace("-s 203.0.113.10/32 -p tcp -m tcp --dport 7880", "-p tcp -m tcp --dport 7880"),
        IPTABLES.1,
        "",
    );
    assert_eq!(machine(filter).faults(), ["host/firewall-refuses-others tcp 7880 fail, suspected"]);
}

#[test]
fn a_sender_that_is_accepted_beside_those_of_the_tables_is_named_and_accuses_nobody() {
    let row = "-s 203.0.113.10/32 -p tcp -m tcp --dport 7880";
    let line = IPTABLES.0.lines().find(|line| line.contains(row)).unwrap();
    let beside = |source: &str, target: &str| {
        let other = line.replace("203.0.113.10/32", source).replace("-j ACCEPT", target);
        machine(by_iptables(&IPTABLES.0.replace(line, &format!("{other}\n{line}")), IPTABLES.1, ""))
    };
    for source in ["198.51.100.77/32", "198.51.100.0/24", "10.0.0.0/8"] {
        let machine = beside(source, "-j ACCEPT");
        assert_eq!(
            machine.faults(),
            ["host/firewall-refuses-others tcp 7880 pass, uncontradicted"],
            "{source}"
        );
        let findings = machine.judge();
        let finding =
            findings.iter().find(|it| of_finding(it).ends_with("tcp 7880 pass, uncontradicted"));
        let said = ovcheck::output::words::statement(finding.unwrap()).to_string();
        let (address, _) = source.split_once('/').unwrap();
        assert!(said.contains(&format!("but accepts TCP 7880 from {address}")), "{said}");
    }
    // Who is dropped is kept out like everybody, and a machine of the deployment is no stranger.
    for (source, target) in [("198.51.100.77/32", "-j DROP"), ("203.0.113.20/32", "-j ACCEPT")] {
        assert_eq!(beside(source, target).faults(), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_machine_without_rules_admits_all_and_accuses_nobody() {
    let faults = machine(PacketFilter::default()).faults();
    let own = |port| format!("host/firewall-refuses-others tcp {port} vantage limit");
    assert_eq!(faults, [1945, 5349, 7880].map(own));
}

#[test]
fn a_drop_of_another_table_counts_whatever_the_first_accepts() {
    let mut filter = by_nftables();
    let mut second = table(&format!("{}, {ACCEPT}", dport("udp", "443")));
    second.chains[0].table = text("inet other");
    filter.chains.extend(second.chains);
    let faults = machine(filter).faults();
    assert!(
        faults.contains(&"host/firewall-admits tcp 7880 fail, proven".to_owned()),
        "{faults:?}"
    );
    assert!(!faults.iter().any(|fault| fault.contains("udp 443")), "{faults:?}");
}

#[test]
fn a_condition_that_is_not_known_leaves_it_open() {
    // An accept with a limit may accept, and may not.
    let limit = r#"{"limit": {"rate": 10, "per": "second"}}"#;
    let unknown = r#"{"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}}"#;
    for condition in [limit, unknown] {
        let filter = table(&format!("{}, {condition}, {ACCEPT}", dport("udp", "443")));
        let faults = machine(filter).faults();
        let open = "host/firewall-admits udp 443 unsettled".to_owned();
        assert!(faults.contains(&open), "{faults:?}");
    }
}

#[test]
fn a_hole_in_a_range_is_found() {
    let filter = table(&format!(
        "{}, {{\"drop\": null}}\n{}, {ACCEPT}",
        dport("udp", r#"{"range": [52000, 52100]}"#),
        dport("udp", r#"{"range": [50000, 60000]}"#)
    ));
    let findings = machine(filter).judge();
    let range = findings
        .iter()
        .find(|finding| of_finding(finding) == "host/firewall-admits udp 50000-60000 fail, proven");
    let seen = format!("{:?}", range.unwrap().seen);
    assert!(seen.contains("52000") && seen.contains("52100"), "{seen}");
}

#[test]
fn a_container_that_publishes_a_port_is_named() {
    let docker = "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
        -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A DOCKER -i docker0 -j RETURN\n\
        -A DOCKER ! -i docker0 -p tcp -m tcp --dport 7880 -j DNAT --to-destination 172.17.0.2:80\n\
        COMMIT\n";
    let filter = by_iptables(&format!("{docker}{}", UFW.0), UFW.1, "");
    assert_eq!(
        machine(filter).faults(),
        [
            "host/firewall-admits tcp 7880 fail, suspected",
            "host/firewall-refuses-others tcp 7880 fail, suspected",
        ]
    );
}

#[test]
fn rules_that_could_not_be_read_leave_doubt() {
    let mut filter = by_nftables();
    filter.unread.push("iptables-legacy-save is not installed".to_owned());
    let faults = machine(filter).faults();
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault.ends_with("pass, uncontradicted")), "{faults:?}");
    let hidden = machine(PacketFilter::default())
        .but(|facts| facts.filter = HostRead::Unread(Unread::NeedsRoot));
    let faults = hidden.faults();
    assert!(faults.iter().all(|fault| fault.ends_with("unsettled")), "{faults:?}");
}

#[test]
fn a_set_with_many_networks_may_hold_strangers() {
    let countries = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"set": [{"prefix": {"addr": "80.0.0.0", "len": 8}}]}}}"#;
    let filter = table(&format!("{countries}, {ACCEPT}"));
    let faults = machine(filter).faults();
    let open = "host/firewall-admits udp 443 ".to_owned();
    let own = faults.iter().find(|fault| fault.starts_with(&open)).unwrap();
    // Over IPv6 the policy drops all.
    assert!(own.ends_with("fail, proven"), "{own}");
    let v4_only = machine(table(&format!("{countries}, {ACCEPT}")));
    let mut v4_only = v4_only;
    v4_only.deployment.nodes[1].addresses.retain(std::net::IpAddr::is_ipv4);
    let faults = v4_only.faults();
    let own = faults.iter().find(|fault| fault.starts_with(&open)).unwrap();
    assert!(own.ends_with("unsettled"), "{own}");
}

#[test]
fn firewalld_is_read_in_its_own_form() {
    // As firewalld writes it to nftables: a zone is reached by a jump, and answers by a map of verdicts.
    let chain = |name: &str, hook: Option<&str>| match hook {
        Some(hook) => serde_json::json!({"chain": {"family": "inet", "table": "firewalld",
            "name": name, "handle": 1, "type": "filter", "hook": hook, "prio": 10, "policy": "accept"}}),
        None => {
            serde_json::json!({"chain": {"family": "inet", "table": "firewalld", "name": name}})
        }
    };
    let rule = |chain: &str, expr: serde_json::Value| {
        serde_json::json!({"rule": {"family": "inet", "table": "firewalld", "chain": chain,
            "handle": 9, "expr": expr}})
    };
    let states = serde_json::json!([{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [
        ["established", {"accept": null}], ["related", {"accept": null}]]}}}]);
    let port = |port: &str| {
        serde_json::from_str::<serde_json::Value>(&format!("[{}, {ACCEPT}]", dport("udp", port)))
            .unwrap()
    };
    // Of packets that come by another interface than answers would leave by, as firewalld drops them.
    let not_routed_back = serde_json::json!([
        {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}},
        {"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "mark", "iif"]}},
            "right": false}},
        {"drop": null}]);
    let listing = serde_json::json!({"nftables": [
        chain("filter_PREROUTING", Some("prerouting")),
        rule("filter_PREROUTING", not_routed_back),
        chain("filter_INPUT", Some("input")),
        chain("filter_INPUT_ZONES", None),
        chain("filter_IN_public", None),
        rule("filter_INPUT", states),
        rule("filter_INPUT", serde_json::json!([
            {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}])),
        rule("filter_INPUT", serde_json::json!([{"jump": {"target": "filter_INPUT_ZONES"}}])),
        rule("filter_INPUT", serde_json::json!([{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}])),
        rule("filter_INPUT_ZONES", serde_json::json!([{"goto": {"target": "filter_IN_public"}}])),
        rule("filter_IN_public", port("443")),
    ]});
    let faults = machine(listed(listing.to_string().as_bytes(), "")).faults();
    assert!(!faults.iter().any(|fault| fault.contains("udp 443")), "{faults:?}");
    assert!(
        faults.contains(&"host/firewall-admits udp 7885 fail, proven".to_owned()),
        "{faults:?}"
    );
    // With two interfaces, a route decides.
    let faults = machine(listed(listing.to_string().as_bytes(), ""))
        .but(|facts| {
            let HostRead::Read(interfaces) = &mut facts.interfaces else { unreachable!() };
            interfaces.push(interface("eth1", &["10.0.0.20", "fd00::20"]));
        })
        .faults();
    assert!(faults.contains(&"host/firewall-admits udp 443 unsettled".to_owned()), "{faults:?}");
}

/// The table of the remedy.
fn sends_nothing_first() -> PacketFilter {
    let blocked = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A OUTPUT ! -o lo -p udp -m conntrack --ctstate NEW -m udp --sport 50000:60000 \
        -m multiport ! --dports 53,123,3478,19302 -j DROP\nCOMMIT\n";
    by_iptables(blocked, blocked, "")
}

#[test]
fn under_forced_turn_media_sends_nothing_first() {
    let silent = |fault: &String| fault.starts_with("host/media-not-sent-out");
    let without = machine(by_nftables()).under(Policy::ForcedTurn).faults();
    let own: Vec<&String> = without.iter().filter(|fault| silent(fault)).collect();
    assert_eq!(own, ["host/media-not-sent-out udp 50000-60000 fail, suspected"]);
    let filter = sends_nothing_first();
    let faults = machine(filter).under(Policy::ForcedTurn).faults();
    assert!(!faults.iter().any(silent), "{faults:?}");
}

#[test]
fn under_forced_turn_an_open_range_is_named() {
    let faults = machine(by_nftables()).under(Policy::ForcedTurn).faults();
    for port in ["udp 443", "udp 50000-60000"] {
        let own = format!("host/firewall-refuses-others {port} fail, suspected");
        assert!(faults.contains(&own), "{own}: {faults:?}");
    }
}

// --- Everything else ---------------------------------------------------------------------------

/// Makes one thing wrong.
type Fault = fn(&mut HostFacts);

/// The faults of a machine that is right but for this.
fn with(fault: impl FnOnce(&mut HostFacts)) -> Vec<String> {
    machine(by_nftables()).but(fault).faults()
}

/// Too little of something, and what is said of it.
const TOO_LITTLE: [(Fault, &str); 6] = [
    (|it| it.memory_kib = HostRead::Read(2_000_000), "host/memory fail, proven"),
    (|it| it.cores = HostRead::Read(2), "host/cores fail, proven"),
    (
        |it| {
            it.disk = HostRead::Read(DiskSpace {
                path: "/".to_owned(),
                size_kib: 40_000_000,
                free_kib: 1,
            });
        },
        "host/disk-space fail, proven",
    ),
    (
        |it| {
            let table = ConnectionTable::Holds { most: 8192, now: 8000 };
            it.connection_table = HostRead::Read(table);
        },
        "host/connection-table fail, proven",
    ),
    (
        |it| it.udp_buffers = HostRead::Read(UdpBuffers { receive: 212_992, send: 212_992 }),
        "host/udp-buffer fail, proven",
    ),
    (
        |it| {
            it.distribution =
                HostRead::Read(Distribution { ids: vec![text("arch")], name: text("Arch Linux") });
        },
        "host/distribution-recommended fail, proven",
    ),
];

#[test]
fn too_little_of_anything_is_named() {
    for (fault, expected) in TOO_LITTLE {
        assert_eq!(with(fault), [expected]);
    }
}

#[test]
fn a_clock_that_drifts_is_named_and_one_that_nobody_speaks_of_is_open() {
    let clock = |is_synchronised| ClockState { is_synchronised, said_by: "chronyc".to_owned() };
    let drifting = with(|it| it.clock = HostRead::Read(clock(false)));
    assert_eq!(drifting, ["host/clock-synchronised fail, proven"]);
    let unknown =
        with(|it| it.clock = HostRead::Unread(Unread::NoProgram("timedatectl".to_owned())));
    assert_eq!(unknown, ["host/clock-synchronised unsettled"]);
}

#[test]
fn a_foreign_program_on_a_port_is_named() {
    let holder = |owner: ListenerOwner| Listener {
        transport: Transport::Tcp,
        address: "127.0.0.1".parse().unwrap(),
        port: "7881".parse().unwrap(),
        owner,
    };
    let foreign = ListenerOwner::Program { name: text("python3"), pid: 99 };
    let taken = with(|it| it.listeners = HostRead::Read(vec![holder(foreign)]));
    assert_eq!(taken, ["host/openvidu-ports-not-taken tcp 7881 fail, suspected"]);
    let unseen = with(|it| it.listeners = HostRead::Read(vec![holder(ListenerOwner::Unseen)]));
    assert_eq!(unseen, ["host/openvidu-ports-not-taken tcp 7881 unsettled"]);
    let free = with(|it| it.listeners = HostRead::Read(Vec::new()));
    assert_eq!(free, Vec::<String>::new());
}

#[test]
fn addresses_that_are_not_there_are_named_as_far_as_they_say_something() {
    let other = with(|it| it.interfaces = HostRead::Read(vec![interface("eth0", &["10.0.0.5"])]));
    assert_eq!(other, ["host/declared-addresses-present fail, suspected"]);
    let half =
        with(|it| it.interfaces = HostRead::Read(vec![interface("eth0", &["203.0.113.20"])]));
    assert_eq!(half, ["host/declared-addresses-present vantage limit"]);
}

#[test]
fn a_strict_filter_matters_only_with_several_ways() {
    let strict = |name: &str, addresses: &[&str]| HostInterface {
        reverse_path: Some(1),
        ..interface(name, addresses)
    };
    let one = strict("eth0", &["203.0.113.20", "2001:db8::20"]);
    let docker = strict("docker0", &["172.17.0.1"]);
    let alone = with(|it| it.interfaces = HostRead::Read(vec![one.clone(), docker]));
    assert_eq!(alone, Vec::<String>::new());
    let second = strict("eth1", &["10.0.0.5"]);
    let two = with(|it| it.interfaces = HostRead::Read(vec![one, second]));
    assert_eq!(two, ["host/reverse-path-filter fail, suspected"]);
}

/// The machine of the proxy as it should be, but for this.
fn proxy(selinux: Selinux) -> Machine {
    let rows = ["80", "443", "1935"].map(|port| format!("{}, {ACCEPT}", dport("tcp", port)));
    let mut machine = machine(table(&rows.join("\n"))).but(|it| {
        it.selinux = HostRead::Read(selinux);
        it.interfaces = HostRead::Read(vec![interface("eth0", &["203.0.113.10"])]);
        it.listeners = HostRead::Read(Vec::new());
    });
    machine.stands_on = vec!["proxy"];
    machine
}

#[test]
fn selinux_matters_on_the_proxy_where_it_enforces() {
    let proxy = |enforces, lets| proxy(Selinux { enforces, lets_proxy_connect: lets }).faults();
    assert_eq!(proxy(false, Some(false)), Vec::<String>::new());
    assert_eq!(proxy(true, Some(true)), Vec::<String>::new());
    assert_eq!(proxy(true, Some(false)), ["host/selinux-lets-proxy-connect fail, proven"]);
    assert_eq!(proxy(true, None), ["host/selinux-lets-proxy-connect unsettled"]);
}

#[test]
fn a_proxy_without_the_senders_of_a_row_is_not_guessed() {
    let mut machine = machine(by_nftables());
    machine.deployment.nodes.retain(|node| node.role != NodeRole::Proxy);
    let faults = machine.faults();
    let own = "host/firewall-admits unsettled".to_owned();
    assert!(faults.contains(&own), "{faults:?}");
}

// --- Files -------------------------------------------------------------------------------------

#[test]
fn files_and_small_programs_are_read() {
    let sockets =
        system::waiting_sockets(include_str!("../../fixtures/host/proc-net-tcp"), Transport::Tcp);
    let listening: Vec<String> =
        sockets.iter().map(|it| format!("{}:{} {}", it.address, it.port, it.inode)).collect();
    assert_eq!(listening, ["127.0.0.1:7880 98765", "0.0.0.0:22 1234"]);
    assert_eq!(system::cores("0-3,6\n"), Some(5));
    assert_eq!(system::cores("3-0"), None);
    assert_eq!(system::memory_kib("MemFree: 1 kB\nMemTotal:  4001234 kB\n"), Some(4_001_234));
    let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
              my disk 263174212 54525952 208648260 21% /opt\n";
    assert_eq!(system::disk_kib(df), Some((263_174_212, 208_648_260)));
    assert_eq!(system::socket_inode("socket:[4711]"), Some(4711));
    assert_eq!(system::socket_inode("pipe:[4711]"), None);
    assert_eq!(system::is_synchronised_by_systemd("NTPSynchronized=yes\n"), Some(true));
    let chrony = "Reference ID    : 7F7F0101 ()\nLeap status     : Not synchronised\n";
    assert_eq!(system::is_synchronised_by_chrony(chrony), Some(false));
    let release = "PRETTY_NAME=\"Rocky Linux 9\"\nID=\"rocky\"\nID_LIKE=\"rhel centos\"\n";
    let distribution = system::distribution(release).unwrap();
    assert_eq!(distribution.ids, ["rocky", "rhel", "centos"].map(text));
}

#[test]
fn iptables_of_the_kernels_nftables_is_read_once() {
    let json = include_bytes!("../../fixtures/host/iptables.json");
    let texts = nftables::RuleTexts::default();
    let tables = iptables::tables(IPTABLES.0, Family::V4);
    assert!(iptables::is_kept_by_nftables(IPTABLES.0));
    assert_eq!(tables, ["ip filter"]);
    let count = |listed: &[String]| nftables::chains(json, &texts, listed).unwrap().len();
    assert!(count(&[]) > count(&tables));
}

// --- Every rule --------------------------------------------------------------------------------

/// Machines on which each rule about machines passes, and fails.
fn machines() -> Vec<Machine> {
    let right = || machine(by_nftables());
    let foreign = |port: &str| {
        let owner = ListenerOwner::Program { name: text("python3"), pid: 99 };
        let address = "0.0.0.0".parse().unwrap();
        Listener { transport: Transport::Tcp, address, port: port.parse().unwrap(), owner }
    };
    let selinux = |lets| Selinux { enforces: true, lets_proxy_connect: Some(lets) };
    let strict =
        |name, address| HostInterface { reverse_path: Some(1), ..interface(name, &[address]) };
    let mut machines = vec![
        right(),
        right().under(Policy::ForcedTurn),
        machine(sends_nothing_first()).under(Policy::ForcedTurn),
        machine(table("")),
        right().but(|it| {
            let said_by = "chronyc".to_owned();
            it.clock = HostRead::Read(ClockState { is_synchronised: false, said_by });
        }),
        right().but(|it| it.listeners = HostRead::Read(vec![foreign("7881")])),
        right().but(|it| {
            let interfaces = vec![strict("eth0", "10.0.0.5"), strict("eth1", "10.1.0.5")];
            it.interfaces = HostRead::Read(interfaces);
        }),
        proxy(selinux(true)),
        proxy(selinux(false)),
        proxy(selinux(true)).but(|it| it.listeners = HostRead::Read(vec![foreign("443")])),
    ];
    machines.extend(TOO_LITTLE.map(|(fault, _)| right().but(fault)));
    machines
}

/// The rules that pass on one of the machines, and those that fail on one.
pub fn rules_seen() -> [BTreeSet<RuleId>; 2] {
    let [mut passed, mut failed] = [BTreeSet::new(), BTreeSet::new()];
    for finding in machines().iter().flat_map(Machine::judge) {
        match finding.verdict {
            Verdict::Pass(_) => passed.insert(finding.rule),
            Verdict::Fail(_) => failed.insert(finding.rule),
            Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
        };
    }
    [passed, failed]
}
