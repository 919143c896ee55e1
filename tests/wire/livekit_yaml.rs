//! Whether a real LiveKit starts with a configuration, as the rules about it say; and which keys it knows.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};
use ovcheck::model::livekit_keys::{KeyKnowledge, LivekitVersion};
use ovcheck::ruleset::Ruleset;

use crate::command::command;
use crate::openvidu_files::{CHANGES, Change, changed};

/// How long LiveKit may take: it says that it starts within 0.3 s on an idle machine.
const LONGEST: Duration = Duration::from_secs(20);

const SERVERS: [(&str, &str); 2] =
    [("OVCHECK_LIVEKIT_SERVER", "1.8.4"), ("OVCHECK_LIVEKIT_SERVER_NEW", "1.13.5")];

/// A test of the server with this index.
type ServerTest = fn(usize, &PathBuf);

/// One test for each server. Where it is not there, the test is ignored.
pub fn trials(missing: Option<&str>, required: bool) -> Vec<Trial> {
    let all = SERVERS.iter().enumerate().flat_map(|(index, (variable, version))| {
        let program = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
        let why = match (&program, missing) {
            (_, Some(why)) => Some(why.to_owned()),
            (None, None) => Some(format!("no livekit-server {version} ({variable})")),
            (Some(_), None) => None,
        };
        let program = program.unwrap_or_default();
        let tests: [(&str, ServerTest); 2] =
            [("starts", starts_as_the_rules_say), ("keys", knows_the_listed_keys)];
        tests.map(|(name, test)| {
            let (why, program) = (why.clone(), program.clone());
            Trial::ignorable_test(format!("livekit_yaml/{name}-{version}"), move || match why {
                Some(why) if required => Err(Failed::from(format!("cannot run here: {why}"))),
                Some(why) => Ok(Completion::ignored_with(why)),
                None => {
                    test(index, &program);
                    Ok(Completion::Completed)
                }
            })
        })
    });
    all.collect()
}

/// The file as LiveKit gets it: with its variables replaced, and without what only OpenVidu has.
fn for_livekit(change: &Change) -> String {
    let files = changed(change);
    let text = |name: &str| &files.iter().find(|file| file.path.ends_with(name)).unwrap().text;
    let mut yaml =
        text("livekit.yaml").split("# What only OpenVidu has").next().unwrap().to_owned();
    for line in text("openvidu.env").lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        for operator in ["", ":-", ":?mandatory"] {
            yaml = yaml.replace(&format!("${{openvidu.{name}{operator}}}"), value);
        }
    }
    yaml
}

fn starts_as_the_rules_say(index: usize, program: &PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (number, change) in CHANGES.iter().enumerate() {
        let Some(expected) = change.starts.map(|starts| starts[index]) else { continue };
        let path = directory.path().join(format!("{number}.yaml"));
        fs::write(&path, for_livekit(change)).unwrap();
        if starts(program, &path) != expected {
            wrong.push(format!("{}: expected {expected}", change.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether it says that it starts, in a network of its own, before it ends.
fn starts(program: &PathBuf, path: &PathBuf) -> bool {
    let script = "ip link set lo up; exec \"$0\" --config \"$1\" 2>&1";
    let mut process = command("unshare").unwrap();
    process.args(["--net", "--", "sh", "-c", script]).arg(program).arg(path);
    let mut child = process.stdout(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let has_started = lines
        .map_while(Result::ok)
        .take_while(|_| begun.elapsed() < LONGEST)
        .any(|line| line.contains("starting LiveKit server"));
    // It may have ended by itself.
    drop(child.kill());
    child.wait().unwrap();
    has_started
}

/// The flags that LiveKit makes of its keys are keys of the list.
fn knows_the_listed_keys(index: usize, program: &PathBuf) {
    let output = command("env").unwrap().arg(program).arg("help-verbose").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let flags: Vec<&str> = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|flag| flag.contains('.'))
        .collect();
    assert!(flags.len() > 200, "{} flags", flags.len());
    let keys = Ruleset::embedded().livekit_keys;
    let version: LivekitVersion = SERVERS[index].1.parse().unwrap();
    // Read by a function of its own, which takes a text.
    let is_read_apart = |flag: &&&str| flag.starts_with("rtc.udp_port.");
    let unknown: Vec<&&str> = flags
        .iter()
        .filter(|flag| !is_read_apart(flag))
        .filter(|flag| keys.knows_in(flag, version) != KeyKnowledge::Known)
        .collect();
    assert!(unknown.is_empty(), "not in rules/livekit-keys.toml: {unknown:?}");
}
