//! `ovcheck check --responder` and `ovcheck merge` as an operator calls them, beside a real `ovcheck listen`: what
//! they say and the status with which they end, above all where the responder cannot be heard.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::output;
use crate::responder::{NODE, TOKEN, Wires};

pub const TESTS: &[(&str, fn())] = &[
    ("responder_commands/a_check_without_an_answer_is_open_and_its_merged_file_settles_it", merged),
    ("responder_commands/a_wrong_token_settles_nothing_and_both_sides_say_so", wrong_token),
];

const RANGE: &str = "ports/openvidu-udp-50000-60000";
const WHIP: &str = "ports/openvidu-udp-7885";
const API: &str = "ports/openvidu-tcp-7880";

/// What ends with these: no violation, violations, something left open.
const RIGHT: Option<i32> = Some(0);
const VIOLATED: Option<i32> = Some(1);
const OPEN: Option<i32> = Some(3);

/// The API is closed as it should be, by a rule that rejects: no answer from outside tells it from a port on
/// which no process listens.
const NODE_FIREWALL: &str = "
table inet test {
 chain in { type filter hook input priority 0
  tcp dport 7880 reject with tcp reset
 }
}
";

/// UDP gets to the node, and nothing of it back.
const NO_WAY_BACK: &str = "
table inet back {
 chain on { type filter hook forward priority 0
  iifname out0 meta l4proto udp drop
 }
}
";

/// What a command printed, and how it ended.
struct Ended {
    status: Option<i32>,
    json: Value,
    said: String,
}

impl Ended {
    fn of(command: &mut Command) -> Self {
        let ended = output(command).unwrap();
        Self {
            status: ended.status.code(),
            json: serde_json::from_slice(&ended.stdout).unwrap_or_default(),
            said: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// Verdict, confidence and reason.
    fn judged(&self, rule: &str) -> [&str; 3] {
        let mut findings = self.json["findings"].as_array().unwrap().iter();
        let finding = findings.find(|it| it["rule"] == rule && it["target"]["address"] == NODE[0]);
        let finding = finding.unwrap_or_else(|| panic!("{rule}: {:#}", self.json));
        ["verdict", "confidence", "reason_code"].map(|name| finding[name].as_str().unwrap_or(""))
    }
}

impl Wires {
    /// A check of the node by its IPv4 address, from the client, which asks the responder and is recorded.
    fn check(&self, token: &str, name: &str) -> (Ended, PathBuf) {
        let path = |name: &str| self.folder.path().join(name);
        let (tokens, record) = (path(&format!("{name}.token")), path(&format!("{name}.rec")));
        std::fs::write(&tokens, token).unwrap();
        let mut check = self.at("client", "env");
        check.args(["-i", env!("CARGO_BIN_EXE_ovcheck"), "check", "openvidu.example.io"]);
        check.args(["--guide", "3.2", "--uses", "whip", "--format", "json"]);
        // A machine that runs other tests beside reads no more.
        check.args(["--udp-rate", "4000"]);
        check.args(["--node=proxy=203.0.113.10", &format!("--node=openvidu={}", NODE[0])]);
        check.args(["--only", &[RANGE, WHIP, API].join(",")]);
        check.args(["--responder", "openvidu", "--responder-token-file"]).arg(tokens);
        check.arg("--record").arg(&record).current_dir(self.folder.path());
        (Ended::of(&mut check), record)
    }
}

fn merge(files: &[&Path]) -> Ended {
    let mut merge = Command::new(env!("CARGO_BIN_EXE_ovcheck"));
    merge.args(["merge", "--format", "json"]).args(files);
    Ended::of(merge.env_clear().current_dir("/"))
}

fn merged() {
    let wires = Wires::new();
    wires.firewall("node", NODE_FIREWALL);
    wires.firewall("router", NO_WAY_BACK);
    let listening = wires.listen();
    let file = listening.output.clone();
    let (right, right_record) = wires.check(TOKEN, "right");
    wires.firewall(
        "router",
        "table inet test {\n chain on { type filter hook forward priority 0\n  udp dport { 7885, \
         52000-52127 } drop\n }\n}\n",
    );
    wires.firewall("node", "add rule inet test in udp dport 50500-50999 drop");
    let (faulty, faulty_record) = wires.check(TOKEN, "faulty");
    for check in [&right, &faulty] {
        assert_eq!(check.status, OPEN, "{:#}", check.json);
        assert!(check.said.contains("did not answer"), "{}", check.said);
        assert!(check.said.contains("ovcheck merge"), "{}", check.said);
        for rule in [RANGE, WHIP, API] {
            let judged = check.judged(rule);
            assert_eq!(judged, ["inconclusive", "", "responder_unanswered"], "{rule}");
        }
    }
    let record = listening.end();
    assert_eq!(record.lost, 0, "{record:?}");
    let settled = merge(&[&right_record, &file]);
    assert_eq!(settled.status, RIGHT, "{}{:#}", settled.said, settled.json);
    for rule in [RANGE, WHIP, API] {
        assert_eq!(settled.judged(rule), ["pass", "proven", "holds"], "{rule}");
    }
    // The file has both checks, and each of them is of its own session.
    let settled = merge(&[&faulty_record, &file]);
    assert_eq!(settled.status, VIOLATED, "{}{:#}", settled.said, settled.json);
    assert_eq!(settled.judged(API), ["pass", "proven", "holds"], "{:#}", settled.json["findings"]);
    assert_eq!(settled.judged(WHIP), ["fail", "proven", "stopped_before_machine"]);
    assert_eq!(settled.judged(RANGE), ["fail", "proven", "port_closed_unexpected"]);
    let range = settled.json["findings"].as_array().unwrap().iter().find(|it| it["rule"] == RANGE);
    let observed = range.unwrap()["observed"].to_string();
    assert!(observed.contains("50500-50999") && observed.contains("52000-52127"), "{observed}");
}

fn wrong_token() {
    let wires = Wires::new();
    wires.firewall("node", NODE_FIREWALL);
    let listening = wires.listen();
    let file = listening.output.clone();
    let (check, record) = wires.check(&TOKEN.replace('0', "f"), "other");
    assert_eq!(check.status, OPEN, "{:#}", check.json);
    assert!(check.said.contains("that the token file is its own"), "{}", check.said);
    for rule in [RANGE, WHIP, API] {
        assert_eq!(check.judged(rule)[2], "responder_unanswered", "{rule}");
    }
    let said = listening.said_at_end();
    assert!(said.contains("with a wrong token"), "{said}");
    let refused = merge(&[&record, &file]);
    assert_eq!(refused.status, Some(2), "{}", refused.said);
    assert!(refused.said.contains("compare the token files"), "{}", refused.said);
}
