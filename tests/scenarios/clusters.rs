//! Elastic and High Availability: deployments as they should be, and what breaks in them.

use ovcheck::evaluate::Strictness;
use ovcheck::exit::ExitStatus;
use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Module, Modules, Node, NodeRole, Policy, RtcEngine, Topology,
    Uses,
};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::plan::{LeftOut, NotAsked};
use ovcheck::model::port::Transport;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::{Finding, Report};
use ovcheck::model::seen::Seen;
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::Severity;

use crate::doors::Door;
use crate::support::reports::empty_report;
use crate::world::Observed as _;
use crate::world::{PROXY, PROXY_V6, World, broken, ended, node, words, world};

/// The Master Node of Elastic, as the other machines reach it.
pub const MASTER: &str = "10.0.1.1";
pub const MASTER_V6: &str = "fd00:1::1";
/// The two Media Nodes, as users reach them.
pub const MEDIA_1: &str = "203.0.113.31";
pub const MEDIA_2: &str = "203.0.113.32";
/// The same, as the other machines reach them.
pub const MEDIA_1_INSIDE: &str = "10.0.2.1";
pub const MEDIA_2_INSIDE: &str = "10.0.2.2";
pub const MEDIA_1_INSIDE_V6: &str = "fd00:2::1";

/// One Master Node, two Media Nodes and the proxy, with nothing optional in use.
pub fn elastic(edition: Edition, policy: Policy) -> World {
    let masters = vec![node("master", NodeRole::Master, &["203.0.113.21"], &[MASTER, MASTER_V6])];
    cluster((Topology::Elastic, edition, policy), masters)
}

/// Four Master Nodes behind a load balancer, and two Media Nodes.
pub fn high_availability(edition: Edition, policy: Policy) -> World {
    let masters = (1..=4).map(|number| {
        node(
            &format!("master-{number}"),
            NodeRole::Master,
            &[&format!("203.0.113.2{number}")],
            &[&format!("10.0.1.{number}")],
        )
    });
    let claims = (Topology::HighAvailability, edition, policy);
    cluster(claims, masters.collect())
}

fn cluster((topology, edition, policy): (Topology, Edition, Policy), masters: Vec<Node>) -> World {
    world(policy).declared(|deployment| {
        deployment.topology = topology;
        deployment.edition = edition;
        none_in_use(deployment);
        deployment.nodes = masters;
        deployment.nodes.extend([
            node(
                "media-1",
                NodeRole::Media,
                &[MEDIA_1, "2001:db8:5::31"],
                &[MEDIA_1_INSIDE, MEDIA_1_INSIDE_V6],
            ),
            node("media-2", NodeRole::Media, &[MEDIA_2], &[MEDIA_2_INSIDE]),
            node("proxy", NodeRole::Proxy, &[PROXY, PROXY_V6], &[]),
        ]);
    })
}

/// Everything optional is in use.
pub fn all_in_use(deployment: &mut Deployment) {
    deployment.uses =
        Uses::Listed([Feature::Rtmp, Feature::Whip, Feature::IceTcp, Feature::PublicMinio].into());
    deployment.modules = Modules::Listed(deployment.edition.modules().iter().copied().collect());
}

/// Nothing optional is in use.
pub fn none_in_use(deployment: &mut Deployment) {
    deployment.uses = Uses::Listed([].into());
    deployment.modules = Modules::Listed([].into());
}

/// The finding of a rule at an address.
pub fn finding<'a>(findings: &'a [Finding], rule: &str, address: &str) -> &'a Finding {
    let is_it = |finding: &&Finding| {
        let at = finding.target.address.map(|address| address.to_string());
        finding.rule.as_str() == rule && at.as_deref() == Some(address)
    };
    findings.iter().find(is_it).unwrap()
}

#[test]
fn on_one_media_node_its_own_inner_ports_are_not_judged_and_those_of_the_other_are() {
    let both_open = elastic(Edition::V3_2, Policy::Default)
        .on(Zone::Media, &["media-1"])
        .with(MEDIA_1_INSIDE, Transport::Tcp, "7880", Door::Right)
        .with(MEDIA_2_INSIDE, Transport::Tcp, "7880", Door::Right);
    let findings = both_open.judge();
    assert_eq!(broken(&findings), ["ports/media-tcp-7880"]);
    let own = finding(&findings, "ports/media-tcp-7880", MEDIA_1_INSIDE);
    assert_eq!(words(own), "not applicable");
    assert_eq!(own.seen, Seen::NotAsked(NotAsked::OwnPorts));
    let other = finding(&findings, "ports/media-tcp-7880", MEDIA_2_INSIDE);
    assert_eq!(words(other), "fail, proven");
}

#[test]
fn on_one_of_the_media_nodes_nobody_knows_which_only_what_holds_for_both_is_judged() {
    let world = elastic(Edition::V3_2, Policy::Default)
        .from(Zone::Media)
        .with(MEDIA_1_INSIDE, Transport::Tcp, "7880", Door::Right)
        .with(MEDIA_1_INSIDE, Transport::Udp, "443", Door::Drops)
        .with(MASTER, Transport::Tcp, "9100", Door::Drops);
    let findings = world.judge();
    assert_eq!(broken(&findings), ["ports/master-tcp-9100", "ports/media-udp-443"]);
    for address in [MEDIA_1_INSIDE, MEDIA_2_INSIDE] {
        let inner = finding(&findings, "ports/media-tcp-7880", address);
        assert_eq!(words(inner), "not applicable");
        let perhaps = NotAsked::PerhapsOwnPorts(NodeRole::Media);
        assert_eq!(inner.seen, Seen::NotAsked(perhaps), "{inner:?}");
    }
}

#[test]
fn the_proxy_on_the_master_node_s_machine_is_the_proxy_that_the_tables_speak_of() {
    for zone in [Zone::Master, Zone::ExternalProxy] {
        let findings = elastic(Edition::V3_2, Policy::Default)
            .declared(all_in_use)
            .declared(|deployment| {
                let shared = deployment.nodes[0].clone();
                let proxy = deployment.nodes.last_mut().unwrap();
                proxy.addresses = shared.addresses;
                proxy.private_addresses = shared.private_addresses;
            })
            .on(zone, &["master", "proxy"])
            .judge();
        assert_eq!(broken(&findings), Vec::<&str>::new());
        for (rule, address) in [
            ("ports/master-tcp-7880", MASTER),
            ("ports/master-tcp-1945", MASTER),
            ("ports/master-tcp-5349", MASTER),
            ("ports/media-tcp-7880", MEDIA_1_INSIDE),
            ("ports/media-tcp-1935", MEDIA_2_INSIDE),
        ] {
            assert_eq!(ended(&findings, rule, address), "pass, proven", "{rule}");
        }
        // What only Media Nodes may reach is the machine's own.
        let own = ended(&findings, "ports/master-tcp-9100", MASTER);
        assert_eq!(own, "not applicable");
    }
}

/// The Elastic table of 3.2 says 1935 where the proxy's configuration sends to 1945.
#[test]
fn who_opened_the_port_that_the_guide_misprints_is_told_so() {
    let behind = |door_of_1945, door| {
        elastic(Edition::V3_2, Policy::Default)
            .declared(all_in_use)
            .on(Zone::ExternalProxy, &["proxy"])
            .with(MASTER, Transport::Tcp, "1945", door_of_1945)
            .with(MASTER, Transport::Tcp, "1935", door)
            .judge()
    };
    // Nobody need listen on 1935: the firewall alone follows the table. Whether it lets us in there
    // or answers itself is not to be seen then.
    for (door, met) in [(Door::Right, "is open"), (Door::Idle, "answers (RST)")] {
        let findings = behind(Door::Drops, door);
        assert_eq!(broken(&findings), ["ports/master-tcp-1945"]);
        let row = finding(&findings, "ports/master-tcp-1945", MASTER);
        assert_eq!(words(row), "fail, proven");
        assert_eq!(
            row.observed(),
            format!(
                "no answer to connection attempts: a firewall drops them, or the machine is \
                 down\nTCP 1935 {met} instead: a table of the guide names it by mistake, \
                 but the proxy's configuration uses this port"
            )
        );
    }
    for (door_of_1945, door) in
        [(Door::Drops, Door::Drops), (Door::Drops, Door::Prohibits), (Door::Idle, Door::Idle)]
    {
        let findings = behind(door_of_1945, door);
        let row = finding(&findings, "ports/master-tcp-1945", MASTER);
        assert!(!row.observed().contains("1935"), "{}", row.observed());
    }
}

#[test]
fn the_api_of_the_master_node_is_open_to_media_nodes_as_the_edition_says() {
    let ends = |edition, door| {
        let findings = elastic(edition, Policy::Default)
            .on(Zone::Media, &["media-1"])
            .with(MASTER, Transport::Tcp, "7880", door)
            .judge();
        ended(&findings, "ports/master-tcp-7880", MASTER)
    };
    for (edition, open, closed) in [
        (Edition::V3_2, "not applicable", "not applicable"),
        (Edition::V3_3, "not applicable", "not applicable"),
        (Edition::V3_4, "pass, proven", "fail, proven"),
        (Edition::V3_6, "pass, proven", "fail, proven"),
        (Edition::V3_9, "pass, proven", "fail, proven"),
    ] {
        assert_eq!(ends(edition, Door::Right), open, "{edition}");
        assert_eq!(ends(edition, Door::Drops), closed, "{edition}");
    }
}

#[test]
fn the_application_has_the_port_of_its_version() {
    let seen = |edition, module, port: &str| {
        let findings = elastic(edition, Policy::Default)
            .on(Zone::Media, &["media-1"])
            .declared(|deployment| deployment.modules = Modules::Listed([module].into()))
            .with(MASTER, Transport::Tcp, port, Door::Drops)
            .judge();
        let rule = format!("ports/master-tcp-{port}");
        findings.iter().any(|it| it.rule.as_str() == rule && words(it) == "fail, proven")
    };
    for (edition, module, port) in [
        (Edition::V3_3, Module::App, "6080"),
        (Edition::V3_4, Module::OpenviduMeet, "6080"),
        (Edition::V3_5, Module::OpenviduMeet, "6080"),
        (Edition::V3_7, Module::OpenviduMeet, "9080"),
    ] {
        assert!(seen(edition, module, port), "{edition} {port}");
        let other = if port == "6080" { "9080" } else { "6080" };
        assert!(!seen(edition, module, other), "{edition} {other}");
    }
}

#[test]
fn the_port_of_a_module_that_is_not_enabled_is_a_warning_and_of_one_unsaid_none() {
    let seen = |modules| {
        elastic(Edition::V3_2, Policy::Default)
            .on(Zone::Media, &["media-1"])
            .declared(|deployment| deployment.modules = modules)
            .with(MASTER, Transport::Tcp, "3100", Door::Right)
            .judge()
    };
    let findings = seen(Modules::Listed([].into()));
    assert_eq!(broken(&findings), ["ports/master-tcp-3100"]);
    let loki = finding(&findings, "ports/master-tcp-3100", MASTER);
    assert_eq!(
        (words(loki), loki.severity, loki.reason),
        ("fail, proven", Severity::Warning, ReasonCode::PortOpenUnneeded)
    );

    let findings = seen(Modules::Unsaid);
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let loki = finding(&findings, "ports/master-tcp-3100", MASTER);
    assert_eq!(words(loki), "not applicable");
    assert_eq!(
        loki.observed(),
        "the connection is accepted; it is not declared whether observability is in use \
         (--enabled-modules)"
    );
}

#[test]
fn forced_turn_without_a_declared_media_node_is_incomplete() {
    let undeclared = elastic(Edition::V3_2, Policy::ForcedTurn)
        .declared(|deployment| deployment.nodes.retain(|node| node.role != NodeRole::Media));
    let findings = undeclared.judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let open: Vec<(&str, &str, ReasonCode)> = (findings.iter())
        .filter(|finding| finding.rule.family() == "policy" && finding.target.port.is_some())
        .map(|finding| (finding.rule.as_str(), words(finding), finding.reason))
        .collect();
    let undeclared = |rule| (rule, "unsettled", ReasonCode::Undeclared);
    assert_eq!(
        open,
        [
            undeclared("policy/udp-443-closed"),
            undeclared("policy/media-range-closed"),
            undeclared("policy/ice-tcp-7881-closed"),
            undeclared("policy/whip-udp-7885-closed"),
        ]
    );
    assert_eq!(status(findings), ExitStatus::INCOMPLETE);
    let declared = elastic(Edition::V3_2, Policy::ForcedTurn).judge();
    assert_eq!(status(declared), ExitStatus::SUCCESS);
}

/// The exit status that findings lead to.
fn status(findings: Vec<Finding>) -> ExitStatus {
    let world = elastic(Edition::V3_2, Policy::ForcedTurn);
    ExitStatus::of(&Report { findings, ..empty_report(&world.deployment, world.vantage()) })
}

#[test]
fn an_inner_port_open_to_another_machine_of_the_deployment_is_a_warning() {
    let open_to = |zone, stands_on, address| {
        let findings = elastic(Edition::V3_2, Policy::Default)
            .declared(all_in_use)
            .on(zone, stands_on)
            .with(address, Transport::Tcp, "1945", Door::Right)
            .judge();
        assert_eq!(broken(&findings), ["ports/master-tcp-1945"]);
        let row = finding(&findings, "ports/master-tcp-1945", address);
        assert_eq!((words(row), row.reason), ("fail, proven", ReasonCode::PortOpenUnexpected));
        row.severity
    };
    let inside = open_to(Zone::Media, &["media-1"], MASTER);
    assert_eq!(inside, Severity::Warning);
    let outside = open_to(Zone::Internet, &[], "203.0.113.21");
    assert_eq!(outside, Severity::Error);
}

/// Redis and its Sentinel are one row.
#[test]
fn of_two_ports_of_one_row_the_wrong_one_is_named() {
    let rule = "ports/master-tcp-7000-7001";
    let seen = |zone, stands_on: &[&'static str], address, port, door| {
        let findings = high_availability(Edition::V3_2, Policy::Default)
            .on(zone, stands_on)
            .with(address, Transport::Tcp, port, door)
            .judge();
        assert_eq!(broken(&findings), [rule]);
        let row = finding(&findings, rule, address).clone();
        (words(&row), row.observed())
    };
    let from_media = |port, door| seen(Zone::Media, &["media-1"], "10.0.1.2", port, door);
    assert_eq!(
        from_media("7001", Door::Drops),
        (
            "fail, proven",
            "port 7001: no answer to connection attempts: a firewall drops them, or the machine is \
             down"
                .to_owned()
        )
    );
    assert_eq!(
        from_media("7000", Door::Stranger),
        (
            "fail, proven",
            "port 7000: open, but Redis does not respond: the answer is SSH \
             (\"SSH-2.0-x\")"
                .to_owned()
        )
    );
    assert_eq!(
        seen(Zone::Internet, &[], "203.0.113.22", "7001", Door::Right),
        (
            "fail, proven",
            "port 7001 accepts connections\nRedis responds; only its password protects it"
                .to_owned()
        )
    );
}

#[test]
fn a_port_that_could_not_be_looked_at_hides_no_closed_one_of_the_same_row() {
    let blind = |port: u16, world: World| {
        world.but(move |spec| {
            let to = spec.endpoint()?;
            (to.port.number() == port).then_some(Outcome::Blind(Blindness::OwnFirewall))
        })
    };
    let redis = |door| {
        let world = high_availability(Edition::V3_2, Policy::Default)
            .on(Zone::Media, &["media-1"])
            .with("10.0.1.2", Transport::Tcp, "7001", door);
        let findings = blind(7000, world).judge();
        ended(&findings, "ports/master-tcp-7000-7001", "10.0.1.2")
    };
    assert_eq!(redis(Door::Drops), "fail, proven");
    assert_eq!(redis(Door::Right), "unsettled");

    let sessions = |door| {
        let world = mediasoup(Edition::V3_9).with(MEDIA_1, Transport::Tcp, "60000", door);
        let findings = blind(50_000, world).judge();
        ended(&findings, "ports/media-tcp-50000-60000", MEDIA_1)
    };
    assert_eq!(sessions(Door::Prohibits), "fail, proven");
    assert_eq!(sessions(Door::Drops), "fail, suspected");
    assert_eq!(sessions(Door::Idle), "unsettled");
}

#[test]
fn turn_of_a_media_node_is_judged_over_ipv6_from_the_edition_on_in_which_it_listens_there() {
    for (edition, v6) in [
        (Edition::V3_2, "not applicable"),
        (Edition::V3_6, "not applicable"),
        (Edition::V3_7, "not applicable"),
        (Edition::V3_8, "fail, proven"),
        (Edition::V3_9, "fail, proven"),
    ] {
        let findings = elastic(edition, Policy::Default)
            .on(Zone::Master, &["master"])
            .with(MEDIA_1_INSIDE, Transport::Tcp, "5349", Door::Drops)
            .with(MEDIA_1_INSIDE_V6, Transport::Tcp, "5349", Door::Drops)
            .judge();
        let ended = |address| ended(&findings, "ports/media-tcp-5349", address);
        assert_eq!(ended(MEDIA_1_INSIDE), "fail, proven", "{edition}");
        assert_eq!(ended(MEDIA_1_INSIDE_V6), v6, "{edition}");
    }
}

fn mediasoup(edition: Edition) -> World {
    elastic(edition, Policy::Default).declared(|deployment| {
        all_in_use(deployment);
        deployment.rtc_engine = RtcEngine::Mediasoup;
    })
}

#[test]
fn where_mediasoup_listens_in_sessions_alone_a_refusal_is_right_and_silence_suspect() {
    let rule = "ports/media-tcp-50000-60000";
    for edition in [Edition::V3_4, Edition::V3_6, Edition::V3_9] {
        let seen = |door| {
            let findings =
                mediasoup(edition).with(MEDIA_1, Transport::Tcp, "50000-60000", door).judge();
            ended(&findings, rule, MEDIA_1)
        };
        assert_eq!(seen(Door::Idle), "pass, uncontradicted");
        assert_eq!(seen(Door::Right), "pass, uncontradicted");
        assert_eq!(seen(Door::Drops), "fail, suspected");
        assert_eq!(seen(Door::Prohibits), "fail, proven");
    }
    // The tables of 3.2 do not have the row.
    let before = mediasoup(Edition::V3_3).judge();
    assert!(before.iter().all(|finding| finding.rule.as_str() != rule));
}

#[test]
fn proof_is_not_asked_of_what_only_a_session_can_show() {
    let findings = mediasoup(Edition::V3_9).judge_by(Strictness::ProofOnly);
    let range = ended(&findings, "ports/media-tcp-50000-60000", MEDIA_1);
    assert_eq!(range, "unsettled");
}

#[test]
fn from_one_machine_inside_those_are_named_from_which_the_rest_is_seen() {
    use ovcheck::model::plan::OtherMachine::{Master, Media, OtherMedia, Proxy};
    let told = |zone, stands_on| {
        let plan = elastic(Edition::V3_2, Policy::Default).on(zone, stands_on).plan();
        plan.left_out.into_iter().find_map(|item| match item {
            LeftOut::PortsOfOthers { run_on } => Some(run_on),
            _ => None,
        })
    };
    assert_eq!(told(Zone::Internet, &[]), None);
    assert_eq!(told(Zone::ExternalProxy, &["proxy"]), Some(vec![Master, Media]));
    assert_eq!(told(Zone::Master, &["master"]), Some(vec![Proxy, Media]));
    assert_eq!(told(Zone::Media, &["media-1"]), Some(vec![Proxy, Master, OtherMedia]));
}
