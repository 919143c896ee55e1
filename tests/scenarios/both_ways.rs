//! Every row of the port tables in every setting, from every zone: a right deployment, and the same
//! with all ports dropped, prohibited, idle, or served by somebody, right or wrong.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ovcheck::evaluate::Strictness;
use ovcheck::model::deployment::{
    Condition, Deployment, Edition, Modules, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::plan::{Ask, Check, Plan};
use ovcheck::model::port::Transport;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Finding;
use ovcheck::model::rule::{AllowedFrom, Demand, PortRow, RuleId, Service, TableRow};
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::Verdict;

use crate::clusters::{all_in_use, elastic, high_availability, none_in_use};
use crate::doors::Door;
use crate::world::Observed as _;
use crate::world::{RULESET, World, words, world};

/// All worlds that are made of the declarations alone, each as it should be.
pub fn right_worlds() -> Vec<(String, World)> {
    let mut all = Vec::new();
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for policy in edition.policies() {
                for (place, zone, stands_on) in places(topology) {
                    // What a policy takes out of the tables it takes out of all of them.
                    let declared = match policy {
                        Policy::Default => DECLARATIONS.len(),
                        Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443 => 2,
                    };
                    for (said, declare) in &DECLARATIONS[..declared] {
                        let right = match topology {
                            Topology::SingleNode => {
                                world(*policy).declared(|deployment| deployment.edition = edition)
                            }
                            Topology::Elastic => elastic(edition, *policy),
                            Topology::HighAvailability => high_availability(edition, *policy),
                        };
                        let name = format!("{topology}, {edition}, {policy}, {place}, {said}");
                        let right = right.on(*zone, stands_on).declared(declare);
                        all.push((name, right));
                    }
                }
            }
        }
    }
    all
}

/// A name, the zone, and the nodes whose machine we stand on.
type Place = (&'static str, Zone, &'static [&'static str]);

fn places(topology: Topology) -> &'static [Place] {
    match topology {
        Topology::SingleNode => &[
            ("outside", Zone::Internet, &[]),
            ("on the proxy", Zone::ExternalProxy, &["proxy"]),
            ("on the machine", Zone::OwnNode, &["openvidu"]),
        ],
        Topology::Elastic => &[
            ("outside", Zone::Internet, &[]),
            ("on the proxy", Zone::ExternalProxy, &["proxy"]),
            ("on the Master Node", Zone::Master, &["master"]),
            ("on a Media Node", Zone::Media, &["media-1"]),
            ("on either Media Node", Zone::Media, &[]),
        ],
        Topology::HighAvailability => &[
            ("outside", Zone::Internet, &[]),
            ("on the load balancer", Zone::ExternalProxy, &["proxy"]),
            ("on a Master Node", Zone::Master, &["master-1"]),
            ("on a Media Node", Zone::Media, &["media-1"]),
        ],
    }
}

type Declare = fn(&mut Deployment);

const DECLARATIONS: [(&str, Declare); 5] = [
    ("all in use", all_in_use),
    ("all in use, mediasoup", |deployment| {
        all_in_use(deployment);
        deployment.rtc_engine = RtcEngine::Mediasoup;
    }),
    ("nothing in use", none_in_use),
    ("nothing in use, mediasoup", |deployment| {
        none_in_use(deployment);
        deployment.rtc_engine = RtcEngine::Mediasoup;
    }),
    ("nothing said", |deployment| {
        deployment.uses = Uses::Unsaid;
        deployment.modules = Modules::Unsaid;
    }),
];

/// Which way a check of a row is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    MustBeOpen,
    MustBeClosed,
    NeedNotBeOpen,
}

impl Way {
    fn of(check: &Check) -> Option<Self> {
        match check.ask {
            Ask::MustBeOpen => Some(Self::MustBeOpen),
            Ask::MustBeClosed => Some(Self::MustBeClosed),
            Ask::NeedNotBeOpen(_) => Some(Self::NeedNotBeOpen),
            Ask::Demand | Ask::EitherWay(_) | Ask::Nothing(_) | Ask::Undeclared(_) => None,
        }
    }
}

/// What came of all settings and all doors.
#[derive(Default)]
struct Tally {
    /// Rules that ended as they should not, in words.
    wrong: Vec<String>,
    /// Which rows passed, and which failed, judged which way.
    passed: BTreeSet<(RuleId, Way)>,
    failed: BTreeSet<(RuleId, Way)>,
}

static TALLY: LazyLock<Tally> = LazyLock::new(|| {
    let of_one = |first: usize, step: usize| {
        let mut tally = Tally::default();
        for (name, right) in right_worlds().into_iter().skip(first).step_by(step) {
            tally.take(&name, right);
        }
        tally
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..cores).map(|core| scope.spawn(move || of_one(core, cores))).collect();
        let tallies = all.into_iter().map(|one| one.join().unwrap());
        tallies.reduce(Tally::and).unwrap()
    })
});

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.wrong.extend(other.wrong);
        self.passed.extend(other.passed);
        self.failed.extend(other.failed);
        self
    }

    fn take(&mut self, name: &str, mut world: World) {
        let plan = world.plan();
        let rows: Vec<Option<&PortRow>> = plan.checks.iter().map(row_of).collect();
        for finding in self.judge(&world, &plan, &rows) {
            if matches!(words(&finding), "fail, proven" | "fail, suspected" | "unsettled") {
                self.wrong.push(format!("{name}, right: {}", said(&finding)));
            }
        }
        for door in [Door::Right, Door::Stranger, Door::Idle, Door::Drops, Door::Prohibits] {
            let of_rows = (plan.checks.iter().zip(&rows)).filter(|(_, row)| row.is_some());
            world.doors = of_rows
                .map(|(check, _)| {
                    let target = &check.target;
                    let (address, transport) = (target.address, target.transport);
                    (address.unwrap(), transport.unwrap(), target.port.unwrap(), door)
                })
                .collect();
            let findings = self.judge(&world, &plan, &rows);
            for ((check, row), finding) in plan.checks.iter().zip(&rows).zip(&findings) {
                let (Some(row), Some(way)) = (row, Way::of(check)) else {
                    continue;
                };
                let expected = match expected(&world, check, row, (way, door)) {
                    // To its own machine a port is open whatever the rule is; closed even there, it
                    // is closed to all.
                    (words, _) if is_own(&world, check, row) && !words.starts_with("fail") => {
                        NOT_APPLICABLE
                    }
                    _ if is_own(&world, check, row) && way != Way::MustBeOpen => NOT_APPLICABLE,
                    expected => expected,
                };
                if (words(finding), finding.reason) != expected {
                    let said = said(finding);
                    let wrong = format!("{name}, {door:?}, {way:?}: {said}, not {expected:?}");
                    self.wrong.push(wrong);
                }
            }
        }
    }

    fn judge(&mut self, world: &World, plan: &Plan, rows: &[Option<&PortRow>]) -> Vec<Finding> {
        let findings = world.judge_plan(plan, Strictness::Likely);
        for ((check, row), finding) in plan.checks.iter().zip(rows).zip(&findings) {
            let seen = match finding.verdict {
                Verdict::Pass(_) => &mut self.passed,
                Verdict::Fail(_) => &mut self.failed,
                Verdict::Inconclusive(_) | Verdict::NotApplicable => continue,
            };
            if let (Some(_), Some(way)) = (row, Way::of(check)) {
                seen.insert((finding.rule.clone(), way));
            }
        }
        findings
    }
}

const NOT_APPLICABLE: (&str, ReasonCode) = ("not applicable", ReasonCode::NotApplicable);

/// Whether a row for everybody speaks of the machine that we stand on.
fn is_own(world: &World, check: &Check, row: &PortRow) -> bool {
    let node = check.target.node.as_ref().unwrap();
    let mut sources = row.of(&world.deployment).flat_map(|row| &row.from);
    world.stands_on.contains(&node.as_str()) && sources.any(|from| *from == AllowedFrom::Anywhere)
}

fn row_of(check: &Check) -> Option<&'static PortRow> {
    match &RULESET.rule(&check.rule).unwrap().demand {
        Demand::PortRow(row) => Some(row),
        _ => None,
    }
}

fn said(finding: &Finding) -> String {
    format!(
        "{} at {}: {}, {}: {}",
        finding.rule,
        finding.target,
        words(finding),
        finding.reason,
        finding.observed()
    )
}

/// Whether what a service answers may come from others too: one web application is like another,
/// and "ready" and "Healthy" are words of many.
fn is_like_others(service: Service) -> bool {
    matches!(
        service,
        Service::Web
            | Service::Loki
            | Service::Mimir
            | Service::Whip
            | Service::V2Compatibility
            | Service::Grpc
    )
}

/// How a row ends behind a door, as the decision tables say it.
fn expected(
    world: &World,
    check: &Check,
    row: &PortRow,
    (way, door): (Way, Door),
) -> (&'static str, ReasonCode) {
    const PROVEN: (&str, ReasonCode) = ("pass, proven", ReasonCode::Holds);
    const UNCONTRADICTED: (&str, ReasonCode) = ("pass, uncontradicted", ReasonCode::Holds);
    const SAME_FROM_HERE: (&str, ReasonCode) = ("vantage limit", ReasonCode::UdpSilent);
    let open = match way {
        Way::NeedNotBeOpen => ReasonCode::PortOpenUnneeded,
        Way::MustBeClosed | Way::MustBeOpen => ReasonCode::PortOpenUnexpected,
    };
    let broken = |reason| ("fail, proven", reason);
    let suspected = |reason| ("fail, suspected", reason);
    let target = &check.target;
    let is_range = target.port.unwrap().count() > 100;
    let is_told = row.service.is_some_and(|service| match service {
        // Mediasoup is another program there, and nobody knows how it answers.
        Service::IceTcp => world.deployment.rtc_engine == RtcEngine::Pion,
        _ => true,
    });
    let has_listener = row.service.is_some()
        && row.listens_on.as_ref().is_none_or(|limit| {
            let family = ovcheck::model::target::Family::of(target.address.unwrap());
            !limit.leaves_out(family, world.deployment.edition)
        });
    match (target.transport.unwrap(), way, door) {
        (Transport::Tcp, Way::MustBeOpen, Door::Prohibits) => broken(ReasonCode::AdminProhibited),
        (Transport::Tcp, Way::MustBeOpen, Door::Drops) if row.only_in_sessions => {
            suspected(ReasonCode::TcpTimeout)
        }
        (Transport::Tcp, Way::MustBeOpen, _) if row.only_in_sessions => UNCONTRADICTED,
        (Transport::Tcp, Way::MustBeOpen, Door::Drops) => broken(ReasonCode::TcpTimeout),
        (Transport::Tcp, Way::MustBeOpen, Door::Idle) => broken(ReasonCode::TcpRefused),
        (Transport::Tcp, Way::MustBeOpen, Door::Stranger) if is_told => {
            broken(ReasonCode::WrongService)
        }
        // Others answer the same.
        (Transport::Tcp, Way::MustBeOpen, Door::Right)
            if row.service.is_some_and(is_like_others) =>
        {
            UNCONTRADICTED
        }
        (Transport::Tcp, Way::MustBeOpen, Door::Right | Door::Stranger) => PROVEN,
        (Transport::Tcp, _, Door::Right | Door::Stranger) => broken(open),
        (Transport::Tcp, _, Door::Idle) => UNCONTRADICTED,
        // A few ports of a range do not stand for those in between.
        (Transport::Tcp, _, Door::Prohibits) if !is_range => PROVEN,
        // Whoever keeps packets back looks the same as a way that loses them.
        (Transport::Tcp, _, Door::Drops | Door::Prohibits) => UNCONTRADICTED,

        (Transport::Udp, Way::MustBeOpen, Door::Prohibits) => broken(ReasonCode::AdminProhibited),
        // Who speaks STUN there, or would if a session were on, is silent to us.
        (Transport::Udp, Way::MustBeOpen, Door::Right | Door::Drops) if is_range => {
            suspected(ReasonCode::PortClosedUnexpected)
        }
        (Transport::Udp, Way::MustBeOpen, Door::Stranger | Door::Idle) if is_range => {
            UNCONTRADICTED
        }
        // A network that blocks UDP 443 shows the same.
        (Transport::Udp, Way::MustBeOpen, Door::Drops)
            if has_listener && world.zone == Zone::Internet =>
        {
            suspected(ReasonCode::UdpSilent)
        }
        (Transport::Udp, Way::MustBeOpen, Door::Drops) if has_listener => {
            broken(ReasonCode::UdpSilent)
        }
        (Transport::Udp, Way::MustBeOpen, Door::Idle) if has_listener => {
            broken(ReasonCode::PortUnreachable)
        }
        (Transport::Udp, Way::MustBeOpen, Door::Right) if row.service.is_none() => SAME_FROM_HERE,
        (Transport::Udp, Way::MustBeOpen, Door::Drops) => SAME_FROM_HERE,
        (Transport::Udp, Way::MustBeOpen, Door::Idle) => UNCONTRADICTED,
        (Transport::Udp, Way::MustBeOpen, Door::Right) => PROVEN,
        // The service answers everybody, and did not.
        (Transport::Udp, Way::MustBeOpen, Door::Stranger) if has_listener => {
            suspected(ReasonCode::WrongService)
        }
        // What does not answer our question need not be from there.
        (Transport::Udp, Way::MustBeOpen, Door::Stranger) => {
            ("unsettled", ReasonCode::WrongService)
        }
        (Transport::Udp, _, Door::Stranger) => suspected(open),
        (Transport::Udp, _, Door::Idle) => suspected(open),
        (Transport::Udp, _, Door::Right | Door::Drops) => UNCONTRADICTED,
        (Transport::Udp, _, Door::Prohibits) => PROVEN,
    }
}

#[test]
fn every_row_ends_behind_every_door_as_the_decision_tables_say() {
    let wrong = &TALLY.wrong;
    let first = &wrong[..wrong.len().min(40)];
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), first.join("\n"));
}

#[test]
fn each_port_row_is_seen_to_pass_and_to_fail_in_both_directions() {
    let mut missing = Vec::new();
    for rule in &RULESET.rules {
        let Demand::PortRow(row) = &rule.demand else {
            continue;
        };
        let mut ways = vec![Way::MustBeOpen];
        if row.rows.iter().any(|row| !row.from.contains(&AllowedFrom::Anywhere)) {
            ways.push(Way::MustBeClosed);
        }
        if row.rows.iter().any(|one| is_optional(row, one)) {
            ways.push(Way::NeedNotBeOpen);
        }
        for way in ways {
            let key = (rule.id.clone(), way);
            for (seen, verb) in [(&TALLY.passed, "passes"), (&TALLY.failed, "fails")] {
                if !seen.contains(&key) {
                    missing.push(format!("{} never {verb}, judged {way:?}", rule.id));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The port rows that passed, and those that failed.
pub fn rows_seen() -> [BTreeSet<RuleId>; 2] {
    [&TALLY.passed, &TALLY.failed].map(|seen| seen.iter().map(|(rule, _)| rule.clone()).collect())
}

/// Whether a port is open for nothing where a row's condition is not so.
fn is_optional(all: &PortRow, row: &TableRow) -> bool {
    let is_choice = match row.condition {
        Some(Condition::Feature(_) | Condition::Module(_)) => true,
        Some(Condition::TurnDomain) | None => false,
    };
    let is_tolerated = all.rows.iter().any(|other| {
        other.tolerated.is_some()
            && (other.topology, &other.from) == (row.topology, &row.from)
            && row.editions.iter().all(|edition| other.editions.contains(edition))
    });
    is_choice && !is_tolerated
}

#[test]
fn one_wrong_port_of_a_cluster_breaks_its_row_there_and_nothing_else() {
    let mut wrong = Vec::new();
    for (right, places) in [
        (elastic as fn(Edition, Policy) -> World, places(Topology::Elastic)),
        (high_availability, places(Topology::HighAvailability)),
    ] {
        for (place, zone, stands_on) in places {
            let mut world =
                right(Edition::V3_9, Policy::Default).on(*zone, stands_on).declared(all_in_use);
            let plan = world.plan();
            for check in &plan.checks {
                let (Some(_), Some(way)) = (row_of(check), Way::of(check)) else {
                    continue;
                };
                let target = &check.target;
                // What the proxy's ports carry stands and falls with them (tests of its own).
                if target.node.as_ref().is_none_or(|node| node.as_str() == "proxy") {
                    continue;
                }
                let door = match (way, target.transport.unwrap()) {
                    (Way::MustBeOpen, Transport::Tcp) => Door::Drops,
                    (Way::MustBeOpen, Transport::Udp) => Door::Prohibits,
                    (Way::MustBeClosed | Way::NeedNotBeOpen, _) => Door::Right,
                };
                let (address, transport) = (target.address.unwrap(), target.transport.unwrap());
                world.doors = vec![(address, transport, target.port.unwrap(), door)];
                let findings = world.judge_plan(&plan, Strictness::Likely);
                // On IPv6 the sum of both families breaks with it.
                let is_sum = |finding: &&Finding| {
                    address.is_ipv6() && finding.rule.as_str() == "dns/families-agree"
                };
                let broken: Vec<String> = (findings.iter())
                    .filter(|finding| finding.is_violation() && !is_sum(finding))
                    .map(|finding| format!("{} at {}", finding.rule, finding.target))
                    .collect();
                if broken != [format!("{} at {target}", check.rule)] {
                    wrong.push(format!("{place}, {door:?} at {target}: {broken:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
