//! `ovcheck rules`: the list of the rules, and what an upgrade changes, as text and as JSON; and the
//! text of `ovcheck explain`.
//!
//! `OVCHECK_BLESS=1 cargo test --test listing` rewrites the files in `fixtures/listing`; look at
//! the difference before you commit it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use ovcheck::model::deployment::{Edition, Policy, Topology};
use ovcheck::output::{self, Style, Verbosity};
use ovcheck::ruleset::{Ruleset, Wanted};
use serde_json::Value;

use support::kept::assert_kept;

fn of(topology: Topology) -> Wanted {
    Wanted { topology: Some(topology), ..Wanted::default() }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn listed(wanted: &Wanted, style: &Style) -> String {
    let rules = Ruleset::embedded().narrowed(wanted);
    text(|out| output::rules::write(&rules, style, out).unwrap())
}

fn diff(from: Edition, to: Edition, wanted: &Wanted, style: &Style) -> String {
    let upgrade = Ruleset::embedded().upgrade(from, to, wanted);
    text(|out| output::upgrade::write(&upgrade, style, out).unwrap())
}

fn json_diff(from: Edition, to: Edition, wanted: &Wanted) -> Value {
    let ruleset = Ruleset::embedded();
    let upgrade = ruleset.upgrade(from, to, wanted);
    let text = text(|out| output::upgrade::json::write(&upgrade, &ruleset.digest, out).unwrap());
    serde_json::from_str(&text).unwrap()
}

fn json_list(wanted: &Wanted) -> Value {
    let ruleset = Ruleset::embedded();
    let rules = ruleset.narrowed(wanted);
    let text = text(|out| output::rules::json::write(&rules, &ruleset.digest, out).unwrap());
    serde_json::from_str(&text).unwrap()
}

/// Compares with a file of `fixtures/listing`, or rewrites it.
fn is_as_in(name: &str, seen: &str) {
    assert_kept(format!("fixtures/listing/{name}"), seen);
}

#[test]
fn an_upgrade_of_single_node() {
    let (from, to) = (Edition::V3_2, Edition::V3_9);
    let seen = diff(from, to, &of(Topology::SingleNode), &Style::default());
    is_as_in("upgrade-of-single-node.txt", &seen);
}

#[test]
fn an_upgrade_of_elastic() {
    let (from, to) = (Edition::V3_2, Edition::V3_9);
    let seen = diff(from, to, &of(Topology::Elastic), &Style::default());
    is_as_in("upgrade-of-elastic.txt", &seen);
}

#[test]
fn an_upgrade_of_high_availability() {
    let (from, to) = (Edition::V3_2, Edition::V3_9);
    let seen = diff(from, to, &of(Topology::HighAvailability), &Style::default());
    is_as_in("upgrade-of-high-availability.txt", &seen);
}

#[test]
fn the_way_back_is_said_too() {
    let (from, to) = (Edition::V3_9, Edition::V3_2);
    let seen = diff(from, to, &of(Topology::Elastic), &Style::default());
    is_as_in("downgrade-of-elastic.txt", &seen);
}

#[test]
fn the_list_of_single_node() {
    let wanted = Wanted {
        families: ["rtmp", "ports", "policy"].map(str::to_owned).to_vec(),
        ..of(Topology::SingleNode)
    };
    let seen = listed(&wanted, &Style::default());
    is_as_in("rules-of-single-node.txt", &seen);
}

#[test]
fn the_ports_of_elastic_in_one_edition_and_policy() {
    let wanted = Wanted {
        edition: Some(Edition::V3_9),
        policy: Some(Policy::Udp443),
        families: vec!["ports".to_owned(), "policy".to_owned()],
        ..of(Topology::Elastic)
    };
    let seen = listed(&wanted, &Style::default());
    is_as_in("ports-of-elastic-3.9-443-udp.txt", &seen);
}

#[test]
fn that_nothing_changes_is_said_by_node_and_at_the_end() {
    let wanted = Wanted {
        families: vec!["ports".to_owned()],
        policy: Some(Policy::ForcedTurn),
        ..of(Topology::HighAvailability)
    };
    let seen = diff(Edition::V3_2, Edition::V3_6, &wanted, &Style::default());
    assert!(seen.contains("  proxy: nothing changes\n"), "{seen}");
    let wanted = Wanted { families: vec!["dns".to_owned()], ..Wanted::default() };
    let seen = diff(Edition::V3_2, Edition::V3_9, &wanted, &Style::default());
    assert_eq!(seen, "from 3.2 to 3.9: nothing changes\n");
}

#[test]
fn quiet_is_the_last_line_alone() {
    let quiet = Style { verbosity: Verbosity::Quiet, ..Style::default() };
    let wanted = of(Topology::Elastic);
    assert_eq!(
        diff(Edition::V3_2, Edition::V3_9, &wanted, &quiet),
        "from 3.2 to 3.9 · elastic: open 3, close 1, reconsider 2 · 2 policies new \
         · 10 rules changed\n"
    );
    assert_eq!(listed(&wanted, &quiet).lines().count(), 1);
}

/// The last line has to be enough alone for a log, and may be wider.
#[test]
fn no_line_is_wider_than_the_page() {
    for width in [60, 80, 120] {
        let style = Style { width, ..Style::default() };
        let mut texts = vec![listed(&Wanted::default(), &style)];
        for from in Edition::ALL {
            for to in Edition::ALL {
                texts.push(diff(from, to, &Wanted::default(), &style));
            }
        }
        for text in texts {
            let lines: Vec<&str> = text.lines().collect();
            let (_, lines) = lines.split_last().unwrap();
            for line in lines {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

/// What is there to be pasted stays as it is.
#[test]
fn no_explanation_is_wider_than_the_page() {
    const PASTED: &str = "                 ";
    let ruleset = Ruleset::embedded();
    for rule in &ruleset.rules {
        let troubles = ruleset.troubles_of(&rule.id);
        let style = Style::default();
        let text = text(|out| output::explain::write(rule, &troubles, &style, out).unwrap());
        for line in text.lines().filter(|line| !line.starts_with(PASTED)) {
            assert!(line.chars().count() <= 80, "{}: {line}", rule.id);
        }
    }
}

#[test]
fn a_port_is_explained_by_topology() {
    let ruleset = Ruleset::embedded();
    let rule = ruleset.rule(&"ports/master-tcp-7880".parse().unwrap());
    let rule = rule.unwrap();
    let seen = text(|out| output::explain::write(rule, &[], &Style::default(), out).unwrap());
    let expected = "\
open from    elastic, high-availability
             · the external proxy (3.0 to 3.9)
             · the Media Nodes (3.4 to 3.9)
             · the Media Nodes (3.0 to 3.3), tolerated: the tables of 3.2 omit
               it, but Ingress, Egress and agents on the Media Nodes need it
             closed to all others
";
    assert!(seen.contains(expected), "{seen}");
}

#[test]
fn every_rule_is_listed() {
    let ruleset = Ruleset::embedded();
    let listed = json_list(&Wanted::default());
    let rules = listed["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|it| it["id"].as_str().unwrap()).collect();
    let known: Vec<&str> = ruleset.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, known);
    assert_eq!(listed["ruleset"]["digest"], ruleset.digest.as_str());
}

#[test]
fn what_a_rule_depends_on_stands_in_the_list() {
    let wanted = Wanted { families: vec!["call".to_owned()], ..Wanted::default() };
    let listed = json_list(&wanted);
    let rules = listed["rules"].as_array().unwrap();
    let of = |id: &str| rules.iter().find(|it| it["id"] == id).unwrap();
    assert_eq!(of("call/media-path-ice-tcp")["feature"], "ice-tcp");
    assert_eq!(of("call/media-path-turns")["needs_turn_domain"], true);
    let text = self::listed(&wanted, &Style::default());
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("(under policy default; if ice-tcp is in use; checked"));
}

#[test]
fn a_row_of_the_list_has_this_shape() {
    let wanted = Wanted {
        edition: Some(Edition::V3_9),
        families: vec!["ports".to_owned()],
        ..of(Topology::HighAvailability)
    };
    let listed = json_list(&wanted);
    let rules = listed["rules"].as_array().unwrap();
    let meet = rules.iter().find(|it| it["id"] == "ports/master-tcp-9080");
    assert_eq!(
        meet.unwrap(),
        &serde_json::json!({
            "id": "ports/master-tcp-9080",
            "family": "ports",
            "title": "TCP 9080 of the Master Node (OpenVidu Meet) is open only to the nodes",
            "severity": "error",
            "severity_in": {},
            "severity_under": {},
            "editions": ["3.9"],
            "policies": [],
            "judged_from": [],
            "engine": null,
            "feature": null,
            "module": null,
            "needs_turn_domain": false,
            "needs": [],
            "port": { "nodes": ["master"], "transport": "tcp", "ports": 9080 },
            "rows": [{
                "topology": "high-availability",
                "editions": ["3.9"],
                "from": ["master", "media"],
                "feature": null,
                "module": "openviduMeet",
                "needs_turn_domain": false,
                "engine": null,
                "tolerated": null,
                "source": {
                    "document": "OpenVidu 3.6, 3.9: On Premises High Availability installation with Network Load Balancer",
                    "section": "Port rules / Master Nodes",
                    "row": "TCP | 9080 | masters + media",
                },
            }],
            "not_under": [],
            "source": {
                "document": "OpenVidu 3.6, 3.9: On Premises High Availability installation with Network Load Balancer",
                "section": "Port rules / Master Nodes",
                "row": "TCP | 9080 | masters + media",
            },
        })
    );
}

#[test]
fn the_changes_of_an_upgrade_have_this_shape() {
    let wanted = of(Topology::SingleNode);
    let seen = json_diff(Edition::V3_2, Edition::V3_9, &wanted);
    assert_eq!(
        (&seen["from"], &seen["to"], &seen["changed"]),
        (&"3.2".into(), &"3.9".into(), &true.into())
    );
    assert_eq!(seen["policies"], serde_json::json!({ "new": ["443-tls", "443-udp"], "gone": [] }));
    assert_eq!(
        seen["ports"][0],
        serde_json::json!({
            "topology": "single-node",
            "node": "openvidu",
            "step": "open",
            "rule": "ports/openvidu-tcp-50000-60000",
            "transport": "tcp",
            "ports": { "first": 50000, "last": 60000 },
            "sources": ["anywhere"],
            "before": [],
            "after": [{
                "feature": "ice-tcp",
                "module": null,
                "needs_turn_domain": false,
                "engine": "mediasoup",
                "tolerated": null,
            }],
            "not_under": ["forced-turn", "443-tls", "443-udp"],
            "gone": null,
        })
    );
    let rules = seen["rules"].as_array().unwrap();
    let seven = rules.iter().find(|it| it["rule"] == "policy/ice-tcp-7881-closed");
    assert_eq!(
        seven.unwrap(),
        &serde_json::json!({
            "rule": "policy/ice-tcp-7881-closed",
            "change": "severity",
            "severity_before": "warning",
            "severity_after": "error",
            "family": null,
            "why": null,
        })
    );
    let nothing = json_diff(Edition::V3_9, Edition::V3_9, &wanted);
    assert_eq!(
        (&nothing["changed"], &nothing["ports"], &nothing["rules"]),
        (&false.into(), &serde_json::json!([]), &serde_json::json!([]))
    );
}
