//! Why something is not asked or not tested, in words.

use crate::model::deployment::NodeRole;
use crate::model::plan::{LeftOut, NotAsked, OtherMachine, UndeclaredRole};
use crate::model::target::Family;
use crate::model::vantages::Standpoint;
use crate::output::text;

use super::via;

/// Why a check asks nothing.
pub fn not_asked(why: &NotAsked) -> String {
    match why {
        NotAsked::OwnPorts => {
            "a machine can always reach its own ports, whatever its firewall says".to_owned()
        }
        NotAsked::PerhapsOwnPorts(role) => format!(
            "this machine may be the {role} node itself, which can always reach its own ports: \
             declare the addresses of every {role} node (--node)"
        ),
        NotAsked::NoProxyAddress => {
            "no address of the proxy is declared (--node proxy=ADDRESS)".to_owned()
        }
        NotAsked::NoTurnDomain => "no TURN domain is declared".to_owned(),
        NotAsked::NotInUse(condition) => {
            format!("{condition} is not in use ({})", condition.flag())
        }
        NotAsked::OtherEngine(engine) => format!("needed only with {engine} (--rtc-engine)"),
        NotAsked::Tolerated(why) => format!("may be open or closed: {why}"),
        NotAsked::OtherFamily(why) => why.clone(),
    }
}

/// Why there is no place to look.
pub fn undeclared(UndeclaredRole(role): UndeclaredRole) -> String {
    format!("no address of a {role} node is declared (--node)")
}

/// What is not tested, why, and the flag that would change it.
pub struct NotTested {
    pub what: String,
    pub why: String,
    pub flag: Option<&'static str>,
}

impl NotTested {
    fn new(what: impl Into<String>, why: impl Into<String>, flag: Option<&'static str>) -> Self {
        Self { what: text::clean(&what.into()), why: text::clean(&why.into()), flag }
    }
}

/// Something that a run leaves out, in words.
pub fn not_tested(left_out: &LeftOut) -> NotTested {
    let credentials = Some("--api-key KEY or --token-file FILE");
    match left_out {
        LeftOut::OtherZone { rule, judged_from, zone } => {
            let zones: Vec<String> = judged_from.iter().map(ToString::to_string).collect();
            let zones = zones.join(" or ");
            let why = format!("checked only from {zones}; this run is from {zone}");
            NotTested::new(rule.to_string(), why, None)
        }
        LeftOut::Undeclared(UndeclaredRole(role)) => without_node(*role),
        LeftOut::UndeclaredFamily { role, family } => {
            let NotTested { what, flag, .. } = without_node(*role);
            let why = format!("no {family} address of it is declared, but the names have one");
            NotTested::new(format!("{what} over {family}"), why, flag)
        }
        LeftOut::TurnOverTls => NotTested::new(
            "TURN over TLS",
            "no TURN domain is declared",
            Some("--turn-domain-name NAME"),
        ),
        LeftOut::OptionalPorts => NotTested::new(
            "whether the optional ports are open or closed as they should be",
            "the features in use are not declared",
            Some("--uses rtmp,whip,…"),
        ),
        LeftOut::ModulePorts => NotTested::new(
            "whether the ports of optional modules are open or closed as they should be",
            "the enabled modules are not declared",
            Some("--enabled-modules observability,…"),
        ),
        LeftOut::InnerPorts { run_on } => NotTested::new(
            "ports reachable only from inside the deployment",
            run_as_well(run_on),
            None,
        ),
        LeftOut::PortsOfOthers { run_on } => NotTested::new(
            "ports reachable only from other machines of the deployment",
            run_as_well(run_on),
            None,
        ),
        LeftOut::UsersView => NotTested::new(
            "what users on the internet reach",
            "firewalls may allow more inside the deployment; run ovcheck outside as well",
            None,
        ),
        LeftOut::MediaWays => NotTested::new(
            "which paths the media of a call can take",
            "only a call shows this, and no credentials are given",
            credentials,
        ),
        LeftOut::MediaOnlyThroughTurn => NotTested::new(
            "whether all media goes through TURN",
            "closed ports reject unsolicited packets, but the node's own UDP may still open a path; \
             only a call shows this",
            credentials,
        ),
        LeftOut::Dtls => NotTested::new(
            "whether DTLS works where STUN does",
            "this takes one more join for each path",
            Some("--deep"),
        ),
        LeftOut::NotSelected { rules, checks } => NotTested::new(
            format!(
                "{} of {}",
                text::counted(*checks, "check"),
                text::counted(*rules, "other rule")
            ),
            "this run was asked not to test them (--only, --skip)",
            None,
        ),
        LeftOut::Unanswered { name, family, server } => {
            let record = match family {
                Family::V4 => "A",
                Family::V6 => "AAAA",
            };
            NotTested::new(
                format!("{name} over {family}"),
                format!("{server} gave no usable answer to the question for {record} records"),
                Some("--dns-server ADDRESS"),
            )
        }
        LeftOut::MoreAddresses { name, family, more, checked } => NotTested::new(
            format!("{more} more {family} addresses of {name}"),
            format!("ovcheck checks the first {checked} addresses of a name in each family"),
            None,
        ),
        LeftOut::Unseen { from, checks } => {
            let (what, why) = unseen(from, *checks);
            NotTested::new(what, why, None)
        }
        LeftOut::VantageMissing { host, why } => {
            NotTested::new(format!("what {host} sees"), via::failure(host, why), None)
        }
        LeftOut::OtherMachinesOfRole { machines } => {
            let names: Vec<String> = machines.iter().map(standpoint).collect();
            NotTested::new(
                format!(
                    "whether firewalls treat {} as they do other machines of that role",
                    text::list(&names)
                ),
                "run `ovcheck check --record FILE` there and merge it as well".to_owned(),
                None,
            )
        }
    }
}

/// Checks that only a run from there would make.
fn unseen(from: &Standpoint, checks: usize) -> (String, String) {
    let checks = text::counted(checks, "check");
    let (place, file) = match from {
        Standpoint::Internet => ("a machine on the internet".to_owned(), "internet".to_owned()),
        Standpoint::Machine(_) => (standpoint(from), standpoint(from)),
    };
    let why = format!("run `ovcheck check --record {file}.rec` there and merge that file as well");
    (format!("{checks} that {place} can make"), why)
}

/// The name of a machine.
pub fn standpoint(standpoint: &Standpoint) -> String {
    match standpoint {
        Standpoint::Internet => "the internet".to_owned(),
        Standpoint::Machine(nodes) => {
            let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            names.join("+")
        }
    }
}

/// What is not tested for want of a node of this role.
fn without_node(role: NodeRole) -> NotTested {
    let (what, why, flag) = match role {
        NodeRole::Openvidu => (
            "the ports of the OpenVidu machine",
            "its address is not declared",
            "--node openvidu=ADDRESS",
        ),
        NodeRole::Master => {
            ("the ports of the Master Node", "its address is not declared", "--node master=ADDRESS")
        }
        NodeRole::Media => (
            "the ports of the Media Nodes",
            "their addresses are not declared",
            "--node media-1:media=ADDRESS",
        ),
        NodeRole::Proxy => (
            "whether the names point to the proxy",
            "its address is not declared; ovcheck uses the addresses of the names instead",
            "--node proxy=ADDRESS",
        ),
    };
    NotTested::new(what, why, Some(flag))
}

fn run_as_well(run_on: &[OtherMachine]) -> String {
    let machines = run_on.iter().map(|machine| match machine {
        OtherMachine::Proxy => "the proxy",
        OtherMachine::Openvidu => "the OpenVidu machine",
        OtherMachine::Master => "a Master Node",
        OtherMachine::OtherMasters => "the other Master Nodes",
        OtherMachine::Media => "a Media Node",
        OtherMachine::OtherMedia => "the other Media Nodes",
    });
    let machines: Vec<String> = machines.map(str::to_owned).collect();
    format!("run ovcheck on {} as well", text::list(&machines))
}

/// Whether one reason tells why both are left out, so that both fit into one sentence. New kinds
/// have sentences of their own.
pub fn share_a_reason(one: &LeftOut, other: &LeftOut) -> bool {
    match (one, other) {
        (
            LeftOut::OtherZone { judged_from, zone, .. },
            LeftOut::OtherZone { judged_from: others, zone: of_other, .. },
        ) => (judged_from, zone) == (others, of_other),
        (
            LeftOut::Unanswered { family, server, .. },
            LeftOut::Unanswered { family: of_other, server: others, .. },
        ) => (family, server) == (of_other, others),
        (
            LeftOut::MoreAddresses { checked, .. },
            LeftOut::MoreAddresses { checked: of_other, .. },
        ) => checked == of_other,
        _ => false,
    }
}
