//! The commands of remedies for nftables and ufw, on a machine as it comes: with no table at all, with
//! Debian's, and with one that drops.

use std::collections::BTreeSet;

use ovcheck::evaluate::filled_in;
use ovcheck::model::rule::{RemedyTemplate, Rule};
use ovcheck::ruleset::Ruleset;

use crate::command::{command, find, run};
use crate::deployments::every_declared;

pub const TESTS: &[(&str, fn())] = &[
    ("firewalls/nftables_takes_every_command_on_a_machine_without_a_table", || nft_takes("")),
    ("firewalls/nftables_takes_every_command_beside_the_table_of_debian", || {
        nft_takes("policy accept;");
    }),
    ("firewalls/nftables_takes_every_command_beside_a_chain_that_drops", || {
        nft_takes("policy drop;");
    }),
    ("firewalls/ufw_takes_every_command", ufw_takes_every_command),
];

/// The commands of each remedy of each rule that begin with `program`, for deployments of each
/// topology. What only a finding knows stands for something that fits.
fn commands(program: &str) -> BTreeSet<String> {
    let ruleset = Ruleset::embedded();
    let mut scripts = BTreeSet::new();
    for deployment in every_declared() {
        for rule in ruleset.demanded(&deployment).map(|rule| filled_in(rule, &deployment)) {
            scripts.extend(remedies(&rule).iter().map(|script| of_program(script, program)));
        }
    }
    scripts.remove("");
    assert!(scripts.len() > 30, "{}", scripts.len());
    scripts
}

fn remedies(rule: &Rule) -> Vec<String> {
    let own = rule.texts.by_reason.values().filter_map(|texts| texts.remedy.as_ref());
    let commands = |steps: &Vec<RemedyTemplate>| {
        let runs = steps.iter().filter_map(|step| match step {
            RemedyTemplate::Run { commands, .. } => Some(commands.to_string()),
            RemedyTemplate::Say(_) | RemedyTemplate::Show { .. } => None,
        });
        runs.collect::<Vec<_>>().join("\n")
    };
    own.chain([&rule.texts.default.remedy]).map(commands).collect()
}

fn of_program(script: &str, program: &str) -> String {
    let whole = script.replace("\\\n", " ").replace("<PORT>", "7000");
    let lines = whole.lines().filter(|line| line.starts_with(program));
    // Addresses of IPv4 and IPv6 are not mixed in a finding.
    lines.map(|line| format!("{line}\n")).collect()
}

fn nft_takes(chain: &str) {
    for script in commands("nft ") {
        let before = match chain {
            "" => String::new(),
            chain => format!(
                "nft add table inet filter\n\
                 nft add chain inet filter input '{{ type filter hook input priority filter; {chain} }}'\n"
            ),
        };
        let after = match chain {
            "policy drop;" => "nft list chain inet filter input | grep -q 'policy drop'\n",
            _ => "",
        };
        let shell = format!("{before}{script}{script}{after}");
        let mut unshare = command("unshare").unwrap();
        let result = run(unshare.args(["--net", "--", "sh", "-ec", &shell]));
        assert!(result.is_ok(), "{}\n{script}", result.unwrap_err());
    }
}

/// Where ufw is installed; it only says what it would do.
fn ufw_takes_every_command() {
    if find("ufw").is_none() {
        return;
    }
    for script in commands("ufw ") {
        let script = script.replace("ufw ", "ufw --dry-run ");
        let mut unshare = command("unshare").unwrap();
        let result = run(unshare.args(["--net", "--", "sh", "-ec", &script]));
        assert!(result.is_ok(), "{}\n{script}", result.unwrap_err());
    }
}
