//! Findings are data until they are printed: neither names nor sentences change their identity, or
//! what is grouped with what.

use ovcheck::evaluate;
use ovcheck::model::deployment::{Edition, Policy};
use ovcheck::model::port::Transport;
use ovcheck::model::report::{Finding, Report};
use ovcheck::model::rule::{Machine, RemedyTemplate, RuleTexts};
use ovcheck::output::{Style, table};
use ovcheck::ruleset::Ruleset;
use proptest::prelude::*;

use crate::clusters::high_availability;
use crate::doors::Door;
use crate::support::reports::empty_report;
use crate::world::{RULESET, World};

/// TCP 7000 and 9100 of two Master Nodes are open to the internet.
fn two_exposed_masters(first: &str, second: &str) -> World {
    let open = |world: World, address: &str| {
        world.with(address, Transport::Tcp, "7000", Door::Right).with(
            address,
            Transport::Tcp,
            "9100",
            Door::Right,
        )
    };
    let world = high_availability(Edition::V3_2, Policy::Default).declared(|deployment| {
        deployment.nodes[0].name = first.parse().unwrap();
        deployment.nodes[1].name = second.parse().unwrap();
    });
    open(open(world, "203.0.113.21"), "203.0.113.22")
}

/// What a person reads, without the addresses and without what the names are.
fn paragraphs(world: &World) -> Vec<String> {
    let findings = world.judge();
    let overview = evaluate::overview(&findings, &[]);
    let empty = empty_report(&world.deployment, world.vantage());
    let report = Report { findings, overview, ..empty };
    let mut out = Vec::new();
    // Wide enough for the longest name: lines break where their words end.
    let style = Style { width: 400, ..Style::default() };
    table::write(&report, &style, 1, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let is_heading =
        |line: &&str| line.starts_with(['\u{2717}', '!', '?']) || line.starts_with("  expected  ");
    text.lines()
        .filter(is_heading)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn two_masters_are_one_paragraph_whatever_they_are_called() {
    let headings = paragraphs(&two_exposed_masters("m1", "m2"));
    let of_redis: Vec<_> = headings.iter().filter(|it| it.contains("master-tcp-7000")).collect();
    assert_eq!(of_redis.len(), 1, "{headings:#?}");
    for (first, second) in
        [("a", "b"), ("accepts", "the"), ("port", "connections"), ("tcp", "expected")]
    {
        assert_eq!(paragraphs(&two_exposed_masters(first, second)), headings, "{first}, {second}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_name_changes_what_is_grouped(first in "[a-z][a-z0-9]{0,11}", second in "[a-z][a-z0-9]{0,11}") {
        let others = ["proxy", "media-1", "media-2", "master-3", "master-4"];
        prop_assume!(first != second && !others.contains(&&*first) && !others.contains(&&*second));
        prop_assert_eq!(
            paragraphs(&two_exposed_masters(&first, &second)),
            paragraphs(&two_exposed_masters("m1", "m2"))
        );
    }
}

/// The rules of the program in which every text says something else.
fn rules_with_other_words() -> Ruleset {
    let other = |text: &str| text.parse().unwrap();
    let mut rules = RULESET.clone();
    for (number, rule) in rules.rules.iter_mut().enumerate() {
        let RuleTexts { default, by_reason } = &mut rule.texts;
        rule.title = format!("Titel {number}");
        rule.expected = Some("etwas anderes".to_owned());
        default.means = other("Das bedeutet etwas.");
        default.remedy = vec![RemedyTemplate::Run { on: Machine::Node, commands: other("true") }];
        by_reason.clear();
    }
    rules
}

#[test]
fn other_words_change_no_fingerprint_and_no_paragraph() {
    let worlds: [fn() -> World; 3] = [
        || two_exposed_masters("m1", "m2"),
        || {
            crate::world::world(Policy::ForcedTurn).with(
                crate::world::OPENVIDU,
                Transport::Tcp,
                "7881",
                Door::Right,
            )
        },
        || {
            crate::world::world(Policy::Default).with(
                crate::world::OPENVIDU,
                Transport::Tcp,
                "7000",
                Door::Right,
            )
        },
    ];
    for world in worlds {
        let fingerprints = |findings: Vec<Finding>| -> Vec<String> {
            findings.iter().map(|it| it.fingerprint.to_string()).collect()
        };
        let (own, other) = (world(), world().by_rules(rules_with_other_words()));
        assert_eq!(fingerprints(own.judge()), fingerprints(other.judge()));
        let headings = |world: &World| {
            let all = paragraphs(world).into_iter();
            all.filter(|line| !line.starts_with("expected")).collect::<Vec<_>>()
        };
        assert_eq!(headings(&own), headings(&other));
        assert!(!headings(&own).is_empty());
    }
}
