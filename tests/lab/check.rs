//! One run of `ovcheck check` in the laboratory, and what its JSON report says.

use std::collections::BTreeSet;
use std::fmt;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::aftermath;
use super::caller::Caller;
use super::cluster::Topology;
use super::command::{self, Fallible, output};
use super::deployment::{self, Policy};
use super::lab::Lab;
use super::network::{OUTSIDE, Place};
use super::situations::{Declared, Situation};

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Root,
    /// `nobody`, without any capability.
    Ordinary,
}

/// What a run ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub exit: i32,
    pub findings: Vec<Finding>,
    /// What a person reads.
    pub page: String,
}

/// The parts of a finding that are the same in every run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: String,
    pub target: String,
    pub verdict: String,
    pub severity: String,
    /// Confidence of a pass or fail, kind of an inconclusive finding.
    pub manner: String,
    pub reason: String,
    pub blocked_by: Option<String>,
    pub observed: String,
    /// The machine that it is about.
    pub node: String,
    /// The commands of its remedy, each with the machine that it is for: `node`, `proxy`, …
    pub commands: Vec<(String, String)>,
}

/// Rules, each with its confidence or its kind.
pub type Pairs<'a> = BTreeSet<(&'a str, &'a str)>;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} ({}) {}: {}",
            self.verdict, self.manner, self.rule, self.reason, self.target, self.observed
        )
    }
}

impl Judged {
    /// Whether something is open that another run in ten seconds may settle.
    pub fn asks_to_run_again(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.observed.contains("run again in ten seconds"))
    }

    /// The violations with severity error: rule and confidence, each pair once.
    pub fn errors(&self) -> Pairs<'_> {
        self.pairs(|finding| finding.verdict == "fail" && finding.severity == "error")
    }

    /// The violations with a milder severity.
    pub fn warnings(&self) -> Pairs<'_> {
        self.pairs(|finding| finding.verdict == "fail" && finding.severity != "error")
    }

    /// What is inconclusive for a reason of its own: rule and kind. What waits for another rule is
    /// left out, because that rule is listed.
    pub fn inconclusive(&self) -> Pairs<'_> {
        self.pairs(|finding| finding.verdict == "inconclusive" && finding.blocked_by.is_none())
    }

    /// What passed: rule and confidence.
    pub fn passes(&self) -> Pairs<'_> {
        self.pairs(|finding| finding.verdict == "pass")
    }

    /// Whether a finding of a rule has these words: in its reason, its target or what was observed.
    pub fn says(&self, (rule, words): (&str, &str)) -> bool {
        let mut findings = self.findings.iter().filter(|finding| finding.rule == rule);
        findings.any(|finding| finding.to_string().contains(words))
    }

    fn pairs(&self, wanted: impl Fn(&Finding) -> bool) -> Pairs<'_> {
        self.findings
            .iter()
            .filter(|finding| wanted(finding))
            .map(|finding| (finding.rule.as_str(), finding.manner.as_str()))
            .collect()
    }

    /// Everything but the passes, a line each.
    pub fn story(&self) -> String {
        let lines = self
            .findings
            .iter()
            .filter(|finding| finding.verdict != "pass" && finding.verdict != "not_applicable")
            .map(|finding| format!("  {finding}\n"));
        format!("exit status {}\n{}", self.exit, lines.collect::<String>())
    }

    /// Rule, target and verdict of everything, a line each: what two runs must agree on.
    pub fn verdicts(&self) -> Vec<String> {
        self.findings
            .iter()
            .map(|f| format!("{} {} {} {} {}", f.rule, f.target, f.verdict, f.manner, f.reason))
            .collect()
    }
}

/// How the program is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub policy: Policy,
    pub topology: Topology,
    pub place: Place,
    pub user: User,
    /// What stands on the command line besides the deployment file.
    pub flags: &'static [&'static str],
    /// What stands before the program on a command line of `env`.
    pub around: &'static [&'static str],
    pub declared: Declared,
    /// By whose right a call is made.
    pub caller: Option<Caller>,
}

impl Run {
    /// As a situation says, by the first of its users.
    pub fn of(situation: &Situation) -> Self {
        Self {
            policy: situation.policy,
            topology: situation.topology,
            place: situation.stand.place(),
            user: situation.stand.users()[0],
            flags: situation.flags,
            around: situation.around,
            declared: situation.declared,
            caller: situation.caller,
        }
    }

    /// The command of `ovcheck check`.
    pub fn command(self, lab: &Lab, format: &str) -> Fallible<Command> {
        let mut command = match self.user {
            User::Root => lab.network.at(self.place, "env")?,
            User::Ordinary => {
                let mut command = lab.network.at(self.place, "setpriv")?;
                command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
                command.args(["--no-new-privs", "env"]);
                command
            }
        };
        if let Some(caller) = self.caller {
            caller.set_clock(&mut command);
        }
        command.args(self.around);
        command.arg(lab.program_of(&command)).args(["check", "--format", format]);
        match self.declared {
            Declared::File => {
                let path = deployment::write(&lab.network, self.policy, self.topology)?;
                command.args(["--config", &path]);
            }
            Declared::FileWithNamesSwapped => {
                let path = deployment::write(&lab.network, self.policy, self.topology)?;
                let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
                let swapped = text
                    .replace("turn.example.io", "@TURN@")
                    .replace("openvidu.example.io", "turn.example.io")
                    .replace("@TURN@", "openvidu.example.io");
                let beside = format!("{path}.swapped.toml");
                deployment::write_whole(&beside, &swapped)?;
                command.args(["--config", &beside]);
            }
            Declared::Names => {
                command.args(["openvidu.example.io", "--turn-domain-name", "turn.example.io"]);
                command.arg(format!("--dns-server={}:53", OUTSIDE[0]));
                command.arg(format!("--ca-file={}/root.pem", lab.network.folder.display()));
            }
        }
        let folder = lab.network.folder.display().to_string();
        command.args(self.flags.iter().map(|flag| flag.replace("@DIR@", &folder)));
        if let Some(caller) = self.caller {
            caller.identify(&mut command);
        }
        Ok(command)
    }

    /// Runs `ovcheck check` to its end.
    fn output(self, lab: &Lab, format: &str) -> Fallible<Output> {
        output(&mut self.command(lab, format)?)
    }
}

/// What `ovcheck check` prints for a person.
pub fn page(lab: &Lab, run: Run) -> Fallible<String> {
    let output = run.output(lab, "table")?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(said.concat())
}

/// Runs `ovcheck check` and reads its report.
pub fn check(lab: &Lab, run: Run) -> Fallible<Judged> {
    let mut command = run.command(lab, "json")?;
    let page = lab.outputs.join("page.txt");
    command.env("COLUMNS", "100").args(["--force", "--output"]);
    command.arg(format!("table={}", page.display()));
    if run.caller.is_some() {
        // Everything that the program can tell, for the search for secrets.
        command.arg("--verbose");
    }
    let output = output(&mut command)?;
    let page = std::fs::read_to_string(&page)
        .map_err(|e| format!("read {page:?}: {e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    if let Some(caller) = run.caller {
        let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        aftermath::no_secret_is_told(caller, &[&out, &err, &page])?;
        aftermath::nobody_is_left(lab)?;
    }
    Ok(Judged { page, ..judged(&output)? })
}

/// Runs `ovcheck check` and interrupts it after a while. Whatever has come about by then, a report is
/// written, and nothing is left behind. Returns whether the run had not ended before.
pub fn interrupt(lab: &Lab, run: Run, after: Duration) -> Fallible<bool> {
    const INTERRUPTED: i32 = 130;
    let mut command = run.command(lab, "json")?;
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{command:?}: {e}"))?;
    sleep(after);
    // It may have ended by itself meanwhile.
    output(command::command("kill")?.args(["-INT", &child.id().to_string()]))?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    if let Some(caller) = run.caller {
        let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        aftermath::no_secret_is_told(caller, &[&out, &err])?;
        aftermath::nobody_is_left(lab)?;
    }
    // Before it listens to signals, and before it probes, it has done nothing and says nothing.
    let is_before = output.stdout.is_empty() && output.status.code() == Some(INTERRUPTED);
    if output.status.code().is_none() || is_before {
        return Ok(true);
    }
    Ok(judged(&output)?.exit == INTERRUPTED)
}

fn judged(output: &Output) -> Fallible<Judged> {
    let said = String::from_utf8_lossy(&output.stderr);
    let exit = output
        .status
        .code()
        .ok_or_else(|| format!("ovcheck was killed: {}\n{said}", output.status))?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("exit status {exit}, and no JSON report: {e}\n{said}"))?;
    if report["summary"]["exit_code"].as_i64() != Some(i64::from(exit)) {
        return Err(format!(
            "the exit status is {exit}, and the report says {}",
            report["summary"]["exit_code"]
        ));
    }
    let findings = report["findings"].as_array().ok_or("the report has no list of findings")?;
    Ok(Judged { exit, findings: findings.iter().map(finding).collect(), page: String::new() })
}

fn finding(value: &Value) -> Finding {
    let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let verdict = word("verdict");
    let manner = match verdict.as_str() {
        "inconclusive" => word("inconclusive_kind"),
        _ => word("confidence"),
    };
    Finding {
        rule: word("rule"),
        severity: word("severity"),
        target: target(&value["target"]),
        manner,
        reason: word("reason_code"),
        blocked_by: value["blocked_by"].as_str().map(str::to_owned),
        observed: word("observed"),
        node: value["target"]["node"].as_str().unwrap_or_default().to_owned(),
        commands: commands(&value["remedy"]["steps"]),
        verdict,
    }
}

/// The commands of all steps of a remedy.
fn commands(steps: &Value) -> Vec<(String, String)> {
    let steps = steps.as_array().into_iter().flatten();
    let commands = steps.flat_map(|step| {
        let on = step["on"].as_str().unwrap_or_default();
        let commands = step["commands"].as_array().into_iter().flatten();
        commands.filter_map(move |it| Some((on.to_owned(), it.as_str()?.to_owned())))
    });
    commands.collect()
}

/// A target in a few words.
fn target(value: &Value) -> String {
    let parts = ["node", "host", "address", "transport", "port"].map(|key| {
        let part = &value[key];
        match part.as_str() {
            Some(text) => text.to_owned(),
            None if part.is_null() => String::new(),
            None => part.to_string(),
        }
    });
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
