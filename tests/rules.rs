//! What holds for every rule, and for every way to write one wrong.
//!
//! `OVCHECK_BLESS=1 cargo test --test rules` rewrites `rules/README.md` and the messages beside
//! `fixtures/invalid-rules/*.toml`; look at the difference before you commit it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ovcheck::complaint::Place;
use ovcheck::model::deployment::{Deployment, Edition, Policy, Topology};
use ovcheck::model::facts::{HttpResponse, ServerText, Way};
use ovcheck::model::plan::RunScope;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, ProbeSpec};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::{
    AllowedFrom, AllowedWays, Demand, ListedPort, Placeholder, PortRow, RemedyTemplate, Rule,
    Scope, Template,
};
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::Severity;
use ovcheck::output::rows::by_topology;
use ovcheck::plan::{self, Inputs};
use ovcheck::proto::{html, http};
use ovcheck::ruleset::Ruleset;

use support::deployments::{every_deployment, undeclared, vantage};
use support::kept::{assert_kept, difference, repository};

// --- Ports --------------------------------------------------------------------------------------

fn row_of(rule: &Rule) -> Option<&PortRow> {
    if let Demand::PortRow(row) = &rule.demand {
        return Some(row);
    }
    None
}

fn port_rows(ruleset: &Ruleset) -> impl Iterator<Item = (&Rule, &PortRow)> {
    let rules = ruleset.rules.iter();
    rules.filter_map(|rule| Some((rule, row_of(rule)?)))
}

#[test]
fn a_port_that_a_policy_rule_judges_is_not_judged_by_its_row_as_well() {
    let ruleset = Ruleset::embedded();
    for closed in ruleset.rules.iter().filter(|rule| rule.demand == Demand::PortClosed) {
        let Scope::Ports(of_closed) = &closed.scope else {
            panic!("{} is not about a port", closed.id);
        };
        let rows = port_rows(&ruleset).filter(|(row, _)| match &row.scope {
            Scope::Ports(scope) => {
                (scope.transport, scope.ports) == (of_closed.transport, of_closed.ports)
                    && of_closed.roles.contains(&scope.roles[0])
            }
            _ => false,
        });
        let mut found = 0;
        for (rule, row) in rows {
            found += 1;
            assert_eq!(row.not_under, closed.policies, "{} and {}", rule.id, closed.id);
        }
        assert_eq!(found, of_closed.roles.len(), "{}", closed.id);
    }
    let left_to_policy: BTreeSet<_> = port_rows(&ruleset)
        .filter(|(_, row)| !row.not_under.is_empty())
        .map(|(rule, _)| rule.id.as_str())
        .collect();
    let ports = ["udp-443", "tcp-7881", "udp-7885", "udp-50000-60000", "tcp-50000-60000"];
    let expected: BTreeSet<String> = ["openvidu", "media"]
        .iter()
        .flat_map(|role| ports.map(|port| format!("ports/{role}-{port}")))
        .collect();
    assert_eq!(left_to_policy, expected.iter().map(String::as_str).collect());
}

#[test]
fn every_tcp_port_of_a_row_is_undocumented_on_the_other_machines() {
    let ruleset = Ruleset::embedded();
    let undocumented = ruleset.rule(&"ports/undocumented-closed".parse().unwrap()).unwrap();
    let Scope::AllNodes { tcp } = &undocumented.scope else {
        panic!("{:?}", undocumented.scope);
    };
    for (rule, _) in port_rows(&ruleset) {
        let Scope::Ports(scope) = &rule.scope else {
            panic!("{} is not about a port", rule.id);
        };
        // A range of ten thousand is no list.
        if scope.transport == Transport::Tcp && scope.ports.count() < 100 {
            for port in [scope.ports.first(), scope.ports.last()] {
                assert!(tcp.iter().any(|listed| listed.port == port), "{}", rule.id);
            }
        }
    }
}

#[test]
fn a_port_is_expected_to_be_the_same_service_wherever_it_is_named() {
    let ruleset = Ruleset::embedded();
    let mut services = BTreeMap::new();
    for rule in &ruleset.rules {
        let named = match (&rule.scope, &rule.demand) {
            (Scope::AllNodes { tcp }, _) => tcp.clone(),
            (Scope::Ports(scope), Demand::PortRow(row)) if scope.transport == Transport::Tcp => {
                let service = row.service;
                let ports = [scope.ports.first(), scope.ports.last()];
                ports.map(|port| ListedPort { port, service, severity: None }).to_vec()
            }
            _ => Vec::new(),
        };
        for ListedPort { port, service, .. } in named {
            // Without a service: TLS stands before it there.
            let Some(service) = service else { continue };
            let first = *services.entry(port).or_insert(service);
            assert_eq!(first, service, "TCP {port} in {}", rule.id);
        }
    }
    assert!(services.len() > 20, "{services:?}");
}

// --- Every rule --------------------------------------------------------------------------------

fn templates(rule: &Rule) -> impl Iterator<Item = &Template> {
    rule.texts.templates()
}

#[test]
fn every_rule_names_its_source() {
    for rule in &Ruleset::embedded().rules {
        let source = &rule.source;
        assert!(source.document.len() > 5, "{}: {source:?}", rule.id);
        assert!(source.section.len() > 2, "{}: {source:?}", rule.id);
    }
}

#[test]
fn what_is_there_to_be_pasted_fits_into_a_report_of_eighty_columns() {
    // Pasted lines are not wrapped: they may stand out a little, but not fill a second line.
    const ROOM: usize = 74;
    for rule in &Ruleset::embedded().rules {
        assert!(rule.title.chars().count() <= 76, "{}: {}", rule.id, rule.title);
        let own = rule.texts.by_reason.values().filter_map(|texts| texts.remedy.as_ref());
        for step in own.chain([&rule.texts.default.remedy]).flatten() {
            let lines = match step {
                RemedyTemplate::Say(_) => continue,
                RemedyTemplate::Run { commands, .. } => commands,
                RemedyTemplate::Show { lines, .. } => lines,
            };
            for line in lines.to_string().lines() {
                assert!(line.chars().count() <= ROOM, "{}: {line}", rule.id);
            }
        }
    }
}

#[test]
fn every_placeholder_has_something_to_say_where_it_is_used() {
    use Placeholder as P;
    for rule in &Ruleset::embedded().rules {
        let about: &[P] = match &rule.scope {
            Scope::Deployment => &[
                P::Seen,
                P::FromMedia,
                P::ExceptMedia,
                P::EachMediaAddress,
                P::MediaAddress,
                P::MediaAddressSetting,
            ],
            Scope::Names(_) => &[P::Host, P::Address, P::RecordType, P::PublicProxyAddress],
            Scope::Endpoints(_) => &[P::Host, P::Address, P::Port, P::FromProxy, P::ProxyAddress],
            Scope::Ports(_) => &[
                P::Node,
                P::Address,
                P::Port,
                P::Transport,
                P::UfwPort,
                P::UfwPorts,
                P::NftPorts,
                P::SsFilter,
                P::Sources,
                P::SourceAddresses,
                P::FromSources,
                P::ExceptSources,
                P::EachSource,
                P::FromMedia,
                P::ExceptMedia,
                P::EachMediaAddress,
                P::Condition,
                P::ConditionKey,
            ],
            Scope::AllNodes { .. } => &[
                P::Node,
                P::Address,
                P::Port,
                P::Transport,
                P::NftPorts,
                P::UfwPort,
                P::UfwPorts,
                P::ExceptNodes,
                P::EachNode,
            ],
            Scope::Machines(_) => &[P::Node, P::Port, P::Transport],
        };
        let always = [
            P::Domain,
            P::TurnDomain,
            P::ProxyAddresses,
            P::Backend,
            P::BackendAddress,
            P::MediaMachines,
            P::NetworksWithoutMedia,
            P::LivekitConfig,
            P::OpenviduEnv,
            P::ReloadProxy,
        ];
        for text in templates(rule) {
            let used = RefCell::new(Vec::new());
            text.render(|placeholder| {
                used.borrow_mut().push(placeholder);
                String::new()
            });
            for placeholder in used.into_inner() {
                assert!(
                    about.contains(&placeholder) || always.contains(&placeholder),
                    "{}: {placeholder:?} means nothing for {:?}",
                    rule.id,
                    rule.scope
                );
            }
        }
    }
}

/// What a closed port means is false of one that is open.
#[test]
fn what_an_open_port_means_is_said_apart_from_what_a_closed_one_means() {
    let ruleset = Ruleset::embedded();
    for (rule, row) in port_rows(&ruleset) {
        let says = |reason| rule.texts.by_reason.get(&reason).is_some_and(|it| it.means.is_some());
        let is_optional = row.rows.iter().any(|row| row.condition.is_some());
        let is_restricted =
            row.rows.iter().any(|row| row.from.iter().any(|from| *from != AllowedFrom::Anywhere));
        assert!(!is_optional || says(ReasonCode::PortOpenUnneeded), "{}", rule.id);
        assert!(!is_restricted || says(ReasonCode::PortOpenUnexpected), "{}", rule.id);
    }
}

#[test]
fn a_rule_needs_only_what_is_judged_beside_it() {
    let ruleset = Ruleset::embedded();
    for deployment in every_deployment() {
        for rule in ruleset.demanded(&deployment).filter(|rule| !rule.needs.is_empty()) {
            let needed: Vec<&Rule> = (rule.needs.iter())
                .map(|id| ruleset.rule(id).unwrap())
                .filter(|needed| needed.is_demanded(&deployment))
                .collect();
            assert!(!needed.is_empty(), "{} needs nothing that is demanded", rule.id);
            for needed in needed {
                assert!(
                    needed.zones.is_empty() || needed.zones == rule.zones,
                    "{} and {}",
                    rule.id,
                    needed.id
                );
            }
        }
    }
}

#[test]
fn a_policy_judges_udp_443_instead_of_its_row() {
    let ruleset = Ruleset::embedded();
    let demanded = |edition, policy, id: &str| {
        let deployment = Deployment { edition, policy, ..undeclared(Topology::Elastic) };
        let mut rules = ruleset.demanded(&deployment);
        rules.any(|rule| rule.id.as_str() == id)
    };
    let (stun, closed) = ("stun/udp-443-answers-binding", "policy/udp-443-closed");
    for (edition, policy, is_open) in [
        (Edition::V3_2, Policy::Default, true),
        (Edition::V3_2, Policy::ForcedTurn, false),
        (Edition::V3_9, Policy::Tls443, false),
        (Edition::V3_9, Policy::Udp443, true),
    ] {
        assert_eq!(demanded(edition, policy, stun), is_open, "{edition} {policy}");
        assert_eq!(demanded(edition, policy, closed), !is_open, "{edition} {policy}");
    }
}

#[test]
fn newer_editions_take_the_forgotten_ports_seriously() {
    let ruleset = Ruleset::embedded();
    for id in [
        "policy/ice-tcp-7881-closed",
        "policy/whip-udp-7885-closed",
        "policy/mediasoup-tcp-range-closed",
    ] {
        let rule = ruleset.rule(&id.parse().unwrap()).unwrap();
        assert_eq!(rule.severity_in(Edition::V3_2), Severity::Warning, "{id}");
        assert_eq!(rule.severity_in(Edition::V3_9), Severity::Error, "{id}");
    }
}

#[test]
fn what_breaks_the_only_path_of_a_policy_is_an_error_under_it() {
    let ruleset = Ruleset::embedded();
    let rule = ruleset.rule(&"turn/mapped-address-plausible".parse().unwrap()).unwrap();
    for policy in Policy::ALL {
        let mut deployment = undeclared(Topology::SingleNode);
        deployment.policy = policy;
        let is_only_path = ruleset.ways_under(policy).0 == [Way::Turns];
        let expected = if is_only_path { Severity::Error } else { Severity::Warning };
        assert_eq!(rule.severity_for(&deployment), expected, "{policy}");
    }
}

#[test]
fn the_remedy_follows_the_cause() {
    let ruleset = Ruleset::embedded();
    let values = [
        (Placeholder::Domain, "openvidu.example.io"),
        (Placeholder::TurnDomain, "turn.example.io"),
        (Placeholder::BackendAddress, "203.0.113.20"),
        (Placeholder::FromSources, "ip saddr { 203.0.113.10 }"),
        (Placeholder::ExceptSources, "ip saddr != { 203.0.113.10 }"),
        (Placeholder::Transport, "tcp"),
        (Placeholder::SsFilter, "sport = :1935"),
        (Placeholder::ProxyAddress, "203.0.113.10"),
        (Placeholder::Port, "1935"),
        (Placeholder::NftPorts, "1935"),
    ];
    let remedy = |id: &str, reason| {
        let rule = ruleset.rule(&id.parse().unwrap()).unwrap();
        let value = |placeholder: Placeholder| {
            let value = values.iter().find(|(known, _)| *known == placeholder);
            value.map_or("…", |(_, text)| *text).to_owned()
        };
        let steps = rule.texts.remedy(reason).iter();
        let texts = steps.map(|step| match step {
            RemedyTemplate::Say(text)
            | RemedyTemplate::Run { commands: text, .. }
            | RemedyTemplate::Show { lines: text, .. } => text.render(value),
        });
        texts.collect::<Vec<_>>().join("\n")
    };
    let table = [
        ("turn/turns-answers-binding", ReasonCode::WrongService, "turn.example.io turn_backend;"),
        ("turn/turns-answers-binding", ReasonCode::WrongService, "server 203.0.113.20:5349;"),
        ("turn/turns-answers-binding", ReasonCode::BackendDown, "ss -ltnp 'sport = :5349'"),
        ("tls/chain-verifies", ReasonCode::TlsChainIncomplete, "fullchain.pem, not cert.pem"),
        ("tls/handshake-completes", ReasonCode::TlsNotTls, "listen 1935 ssl;"),
        ("rtmp/plaintext-refused", ReasonCode::RtmpPlaintext, "listen 1935 ssl;"),
        (
            "ports/openvidu-tcp-7880",
            ReasonCode::PortOpenUnexpected,
            "ip saddr != { 203.0.113.10 } \\\n    tcp dport",
        ),
        (
            "ports/openvidu-tcp-7880",
            ReasonCode::TcpTimeout,
            "ip saddr { 203.0.113.10 } \\\n    tcp dport",
        ),
        ("policy/media-range-closed", ReasonCode::PortUnreachable, "udp dport 50000-60000 drop"),
    ];
    for (id, reason, line) in table {
        let text = remedy(id, reason);
        assert!(text.contains(line), "{id}, {reason}: {text}");
    }
}

#[test]
fn the_directory_of_rules_is_what_the_program_carries() {
    let from_directory = Ruleset::from_directory(&repository().join("rules")).unwrap();
    assert_eq!(from_directory, Ruleset::embedded());
    assert!(from_directory.digest.starts_with("sha256:"));
    assert_eq!(from_directory.digest.len(), "sha256:".len() + 64);
}

#[test]
fn the_digest_changes_with_every_byte() {
    let copy = CopyOfRules::new();
    let mut text = fs::read_to_string(copy.file("dns.toml")).unwrap();
    text.push('#');
    fs::write(copy.file("dns.toml"), text).unwrap();
    let changed = Ruleset::from_directory(copy.path()).unwrap();
    assert_eq!(changed.rules, Ruleset::embedded().rules);
    assert_ne!(changed.digest, Ruleset::embedded().digest);
}

// --- Wrong rules -------------------------------------------------------------------------------

/// `rules/` in a place where it can be spoilt.
struct CopyOfRules(tempfile::TempDir);

impl CopyOfRules {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        for file in fs::read_dir(repository().join("rules")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.file(file.file_name().to_str().unwrap())).unwrap();
        }
        copy
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The complaint about it, with `rules` for the name of the directory.
    fn complaint(&self) -> String {
        let complaint = Ruleset::from_directory(self.path()).unwrap_err();
        assert!(complaint.help.is_some(), "no help: {complaint}");
        let mut text = complaint.to_string();
        text = text.replace(&self.path().display().to_string(), "rules");
        text
    }
}

#[test]
fn every_way_to_write_a_rule_wrong_gets_its_own_message() {
    let directory = repository().join("fixtures/invalid-rules");
    let mut names: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 40, "only {names:?}");
    let mut wrong = Vec::new();
    for name in &names {
        let copy = CopyOfRules::new();
        let (family, _) = name.split_once('-').unwrap();
        let broken = directory.join(format!("{name}.toml"));
        fs::copy(&broken, copy.file(&format!("{family}.toml"))).unwrap();
        let message = format!("{}\n", copy.complaint());
        // After a change of the format the old spelling would hide the mistake.
        let is_about_keys = ["unknown-key", "unknown-table"].iter().any(|it| name.ends_with(it));
        assert!(is_about_keys || !message.contains("unknown key"), "{name}: {message}");
        wrong.extend(difference(directory.join(format!("{name}.txt")), &message));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_file_that_ends_anywhere_gets_a_complaint_about_that_file() {
    let copy = CopyOfRules::new();
    let whole = fs::read_to_string(copy.file("policy.toml")).unwrap();
    // It would miss the rules that were cut off.
    fs::write(copy.file("troubles.toml"), "").unwrap();
    let without_mandatory_end = whole.rfind("[rule.default]").unwrap();
    let ends = (0..without_mandatory_end).step_by(211);
    let mut refused = 0;
    for end in ends.filter(|end| whole.is_char_boundary(*end)) {
        fs::write(copy.file("policy.toml"), &whole[..end]).unwrap();
        if let Err(complaint) = Ruleset::from_directory(copy.path()) {
            refused += 1;
            let shown = complaint.to_string();
            assert!(shown.contains("policy.toml:"), "cut at {end}: {shown}");
        }
    }
    assert!(refused > 10, "only {refused}");
}

#[test]
fn a_call_is_made_without_the_rule_that_asks_for_the_api() {
    let copy = CopyOfRules::new();
    fs::write(copy.file("signal.toml"), "").unwrap();
    // They mention the rules that are gone.
    fs::write(copy.file("troubles.toml"), "").unwrap();
    fs::write(copy.file("proxy.toml"), "").unwrap();
    let ruleset = Ruleset::from_directory(copy.path()).unwrap();
    assert!(ruleset.rules.iter().all(|rule| rule.demand != Demand::ApiAnswers));
    for scope in [RunScope::Whole, RunScope::Call] {
        let plan = plan::build(&Inputs {
            deployment: &undeclared(Topology::SingleNode),
            ruleset: &ruleset,
            vantage: &vantage(Zone::Internet),
            resolution: &Resolution::default(),
            seed: 7,
            find_extent: false,
            responders: &[],
            call: Some(CallDepth::Checks),
            scope,
            selection: &ovcheck::model::selection::Selection::default(),
            configurations: ovcheck::plan::ConfigurationsRead::default(),
        });
        let calls = plan.probes.iter().filter(|probe| matches!(probe, ProbeSpec::Call(_)));
        assert_eq!(calls.count(), 1, "{scope:?}");
        let mut checks = plan.checks.iter();
        let joins = checks.find(|check| check.rule.as_str() == "call/join-accepted").unwrap();
        let asked = joins.probes.iter().map(|probe| &plan.probes[probe.0]);
        assert!(asked.into_iter().any(|probe| matches!(probe, ProbeSpec::Call(_))), "{scope:?}");
    }
}

#[test]
fn a_policy_needs_a_turn_domain_when_its_only_way_is_turn_over_tls() {
    let ruleset = Ruleset::embedded();
    for policy in Policy::ALL {
        let only_turns = *ruleset.ways_under(policy) == AllowedWays(vec![Way::Turns]);
        assert_eq!(policy.leaves_turns_alone(), only_turns, "{policy}");
    }
}

#[test]
fn a_missing_rule_file_is_named() {
    let copy = CopyOfRules::new();
    fs::remove_file(copy.file("stun.toml")).unwrap();
    assert_eq!(
        copy.complaint(),
        "error: rules/stun.toml: the rule file is missing\n  \
         = help: --rules replaces all built-in files; copy the missing file from rules/"
    );
}

#[test]
fn a_rule_file_with_a_name_of_its_own_is_not_passed_over() {
    let copy = CopyOfRules::new();
    fs::write(copy.file("turns.toml"), "").unwrap();
    assert_eq!(
        copy.complaint(),
        "error: rules/turns.toml: unknown rule file\n  \
         = help: did you mean turn.toml?"
    );
}

#[test]
fn a_rule_file_of_more_than_a_mebibyte_is_refused() {
    let copy = CopyOfRules::new();
    fs::write(copy.file("tls.toml"), "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(copy.complaint().contains("rules/tls.toml: the rule file is larger than 1 MiB"));
}

#[test]
fn what_is_no_text_and_what_is_no_file_is_refused() {
    let copy = CopyOfRules::new();
    fs::write(copy.file("tls.toml"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(copy.complaint().contains("rules/tls.toml: failed to read the rule file"));
    fs::remove_file(copy.file("tls.toml")).unwrap();
    fs::create_dir(copy.file("tls.toml")).unwrap();
    assert!(copy.complaint().contains("rules/tls.toml: this is not a regular file"));
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let complaint = Ruleset::from_directory(Path::new("/nowhere/rules")).unwrap_err();
    assert_eq!(complaint.place, Place::Path("/nowhere/rules".to_owned()));
}

// --- Generated ---------------------------------------------------------------------------------

#[test]
fn the_readme_of_the_rules_lists_every_rule() {
    assert_kept("rules/README.md", &readme());
}

const RULES: &str = "
| id | severity | what should hold | policies | checked from |
| --- | --- | --- | --- | --- |
";

const ROWS_OF_THE_TABLES: &str = "
Rows of the guide's tables, checked from all zones: open to the sources that a table lists (in brackets
the editions that do), and closed to all others.

| id | severity | what should hold | open from | policies |
| --- | --- | --- | --- | --- |
";

/// Who may reach a port, by topology, in a cell of a table.
fn open_from(row: &PortRow) -> String {
    let groups = by_topology(row).into_iter().map(|(topologies, lines)| {
        let lines: Vec<String> = lines.iter().map(|line| format!("· {line}")).collect();
        format!("**{topologies}**<br>{}", lines.join("<br>"))
    });
    groups.collect::<Vec<_>>().join("<br>")
}

fn readme() -> String {
    let ruleset = Ruleset::embedded();
    let mut text = "\
# Rules

What ovcheck demands, as data: one file for each family, embedded into the program and replaceable
with `--rules DIR`. `ovcheck explain ID` shows one rule with its source and its remedies.

`firewall.toml` says how remedies open and close ports; `ovcheck explain firewall` shows it.

`troubles.toml` says in which words people report what a rule names ([docs/troubles.md](../docs/troubles.md));
`ovcheck explain 701` reads it.

This list is made from the files (`OVCHECK_BLESS=1 cargo test --test rules`).
"
    .to_owned();
    let mut family = "";
    let mut is_row = None;
    for rule in &ruleset.rules {
        if rule.id.family() != family {
            family = rule.id.family();
            write!(text, "\n## {family}\n").unwrap();
            is_row = None;
        }
        let row = row_of(rule);
        // Rows have a table of their own, before the other rules of the family.
        if is_row.replace(row.is_some()) != Some(row.is_some()) {
            text.push_str(if row.is_some() { ROWS_OF_THE_TABLES } else { RULES });
        }
        if let Some(row) = row {
            let mut policies = "all".to_owned();
            if !row.not_under.is_empty() {
                policies = format!("not {}", words(&row.not_under, ""));
            }
            let (id, severity) = (&rule.id, rule.severity);
            let (title, open) = (&rule.title, open_from(row));
            writeln!(text, "| `{id}` | {severity} | {title} | {open} | {policies} |").unwrap();
            continue;
        }
        let policies = words(&rule.policies, "all");
        let zones = words(&rule.zones, "everywhere");
        writeln!(
            text,
            "| `{}` | {} | {} | {policies} | {zones} |",
            rule.id, rule.severity, rule.title
        )
        .unwrap();
    }
    let count = ruleset.rules.len();
    write!(text, "\n{count} rules.\n").unwrap();
    text
}

fn words<T: ToString>(list: &[T], none: &str) -> String {
    if list.is_empty() {
        return none.to_owned();
    }
    list.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

// --- Faces --------------------------------------------------------------------------------------

/// A response as it came over the wire.
fn recorded(answer: &str) -> HttpResponse {
    let http::HeadRead::Head(head) = http::read_head(answer.as_bytes()) else {
        panic!("{answer}");
    };
    let body = http::read_body(head.framing, &answer.as_bytes()[head.bytes..]);
    assert!(body.complete, "the length is right:\n{answer}");
    let text = String::from_utf8(body.bytes).unwrap();
    HttpResponse {
        status: head.status,
        page: html::read(&text, head.content_type.as_ref().map(ServerText::unquoted)).map(Box::new),
        body: ServerText::new(&text),
        server: head.server,
        location: head.location,
        content_type: head.content_type,
        marks: Box::new(head.marks),
        ..HttpResponse::default()
    }
}

#[test]
fn each_recorded_answer_shows_its_own_face_and_no_other() {
    let ruleset = Ruleset::embedded();
    let text = fs::read_to_string(repository().join("fixtures/faces.toml")).unwrap();
    let samples: BTreeMap<String, String> = toml::from_str(&text).unwrap();
    for (id, answer) in &samples {
        let response = recorded(answer);
        let faces = ruleset.faces.iter().filter(|face| face.signs.are_in(&response));
        let shown: Vec<&str> = faces.map(|face| face.id.as_str()).collect();
        assert_eq!(shown, [id.as_str()], "{answer}");
    }
    let known: BTreeSet<&str> = ruleset.faces.iter().map(|face| face.id.as_str()).collect();
    let recorded: BTreeSet<&str> = samples.keys().map(String::as_str).collect();
    assert_eq!(known, recorded, "each face has a recorded answer");
}

#[test]
fn what_livekit_itself_says_shows_no_face() {
    let ruleset = Ruleset::embedded();
    let own = [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 32\r\n\r\nno permissions to access the room",
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 55\r\n\r\n{\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}  ",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ];
    for answer in own {
        let http::HeadRead::Head(head) = http::read_head(answer.as_bytes()) else {
            panic!("{answer}");
        };
        let response = HttpResponse {
            status: head.status,
            body: ServerText::new(&answer[head.bytes..]),
            ..HttpResponse::default()
        };
        assert_eq!(ruleset.face_of(&response), None, "{answer}");
    }
}

// --- What verdicts rest on ------------------------------------------------------------------------

/// The ids in `docs/evidence.md`: every `family/what-should-hold` in backquotes.
fn ids_with_evidence(page: &str) -> BTreeSet<String> {
    let families: BTreeSet<String> = Ruleset::embedded()
        .rules
        .iter()
        .map(|rule| rule.id.as_str().split('/').next().unwrap_or_default().to_owned())
        .collect();
    let quoted = page.split('`').skip(1).step_by(2);
    let is_id = |text: &&str| {
        let (family, rest) = text.split_once('/').unwrap_or_default();
        families.contains(family) && rest.starts_with(|it: char| it.is_ascii_lowercase())
    };
    quoted.filter(is_id).map(str::to_owned).collect()
}

/// Every rule has a line that says what its verdicts rest on; no line names a rule that does not exist.
/// The rows of the port tables have one section together.
#[test]
fn the_page_about_evidence_is_about_every_rule() {
    let page = fs::read_to_string(repository().join("docs/evidence.md")).unwrap();
    let named = ids_with_evidence(&page);
    let ruleset = Ruleset::embedded();
    let all: BTreeSet<String> = ruleset.rules.iter().map(|it| it.id.to_string()).collect();
    let unknown: Vec<_> = named.difference(&all).collect();
    assert!(unknown.is_empty(), "no such rules: {unknown:?}");
    let is_row = |id: &str| {
        let rule = ruleset.rules.iter().find(|rule| rule.id.as_str() == id);
        rule.is_some_and(|rule| row_of(rule).is_some())
    };
    let missing: Vec<_> = all.difference(&named).filter(|id| !is_row(id)).collect();
    assert!(missing.is_empty(), "without a line: {missing:?}");
}
