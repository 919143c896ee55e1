//! The layers hold: who may know whom, and where OpenVidu's port numbers may stand.
//!
//! The source is read as text, so that a wrong import fails here with its file and line, whatever
//! else compiles.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A module, and the modules that it may import. Itself is always allowed.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("complaint", &[]),
    ("model", &[]),
    ("proto", &["model"]),
    // Configuration files of other programs, for the readers of `lint`.
    ("input", &["lint::files"]),
    ("ruleset", &["complaint", "input", "model"]),
    // What a token says is read before anything is sent.
    ("config", &["complaint", "input", "lint::env", "model", "proto::livekit::token"]),
    // Configuration files: bytes in, facts out.
    ("lint", &["model", "proto::certificate"]),
    ("plan", &["ruleset", "model"]),
    ("net", &["input", "proto", "model"]),
    ("probe", &["proto", "net", "model"]),
    ("runner", &["probe", "net", "model"]),
    // LiveKit's refusals are recognised where its other messages are read.
    ("evaluate", &["ruleset", "model", "proto::livekit::refusal"]),
    ("output", &["model"]),
    ("exit", &["model"]),
    // What operators decided beforehand, applied between evaluate and output.
    ("gate", &["model"]),
    ("redact", &["model"]),
    // Recordings: written and read.
    ("record", &["complaint", "input", "model"]),
    // Reports of former runs: read, and compared.
    ("stored", &["complaint", "input", "model"]),
    // The history of `serve`: a file, read and written.
    ("store", &["model"]),
    ("compare", &["complaint", "model", "stored"]),
    ("waivers", &["complaint", "config::is_of_this_user", "input", "model"]),
    // Its certificates and `Date` headers need the time, and the clock is read there only. It gives a token
    // to a user.
    ("demo", &["model", "net::clock", "proto::livekit::signal", "proto::livekit::token"]),
    // Sockets of its own, and no rule and no probe.
    ("responder", &["model", "net::clock", "proto::responder"]),
    (
        "app",
        &[
            "complaint",
            "config",
            "evaluate",
            // The program and the certificates that other machines are sent, and configuration files.
            "input",
            "lint",
            "model",
            "net",
            "plan",
            "probe",
            "proto::livekit::token",
            "ruleset",
            "runner",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "compare",
            "complaint",
            "config",
            "demo",
            "exit",
            "gate",
            "input",
            "model",
            "output",
            "plan",
            "record",
            "redact",
            "responder",
            "net::clock",
            "ruleset",
            "serve",
            "store",
            "stored",
            "waivers",
        ],
    ),
    // Runs as `cli` makes them, and their results over HTTP.
    (
        "serve",
        &[
            "app",
            "compare",
            "complaint",
            "config",
            // A user's browser beside ovcheck's own run.
            "evaluate::visit",
            "exit",
            "gate",
            "model",
            "net::clock",
            // Alerts go to the webhook of the operator.
            "net::hook",
            "output",
            "store",
            "waivers",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// The steps that neither open sockets nor wait.
const PURE: &[&str] = &[
    "complaint",
    "model",
    "proto",
    "ruleset",
    "config",
    "plan",
    "evaluate",
    "output",
    "exit",
    "gate",
    "waivers",
    "stored",
    "compare",
    "record",
    "redact",
    "lint",
];

/// The modules that may know the library of the command line: in all others a flag is no concern.
const COMMAND_LINE: &[&str] = &["config", "cli", "main"];

/// Ports of OpenVidu's services: they are data, in `rules/`.
const OPENVIDU_PORTS: &[&str] = &[
    "1935", "1945", "3478", "5349", "6379", "7880", "7881", "7885", "9000", "9090", "9093",
    "27017", "50000", "60000",
];

/// A line of code: without comments, without the tests at the end of a file.
struct Line {
    file: PathBuf,
    number: usize,
    code: String,
}

impl Line {
    /// The module that it stands in, right below `src`.
    fn module(&self) -> String {
        let below = self.file.strip_prefix("src").unwrap_or(&self.file);
        let first = below.components().next();
        let name =
            first.map_or_else(String::new, |part| part.as_os_str().to_string_lossy().into_owned());
        name.trim_end_matches(".rs").to_owned()
    }
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn lines() -> Vec<Line> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    source_files(&root.join("src"))
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs") && !path.iter().any(|part| part == "tests"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
            let file = path.strip_prefix(root).unwrap_or(&path).to_owned();
            code_of(&text)
                .into_iter()
                .map(move |(number, code)| Line { file: file.clone(), number, code })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Numbered lines up to the tests, which stand last, cut off at `//`.
fn code_of(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, without_comment(line)))
        .collect()
}

/// `//` begins a comment, except in `https://`.
fn without_comment(line: &str) -> String {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| at + from) {
        if line[..at].ends_with(':') {
            from = at + 2;
        } else {
            return line[..at].to_owned();
        }
    }
    line.to_owned()
}

/// The paths that a line names after `crate::`, also in `crate::{a, b}`.
fn imports(code: &str) -> Vec<String> {
    let path = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == ':').collect()
    };
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or(list);
                found.extend(list.split(',').map(|part| path(part.trim())));
            }
            None => found.push(path(after)),
        }
    }
    found.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

/// The whole numbers in a line: `7880`, `50_000`, `"[::]:7880"`; not the ones inside words, and not
/// those of sentences, which give examples.
fn numbers(code: &str) -> Vec<String> {
    let code = code.replace("\\\"", "'");
    let without_sentences: String = code
        .split('"')
        .enumerate()
        .filter(|(index, text)| index % 2 == 0 || !text.contains(' '))
        .map(|(_, text)| format!("{text} "))
        .collect();
    without_sentences
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(|word| word.trim_end_matches("_u16").trim_end_matches("u16").replace('_', ""))
        .collect()
}

fn complain(complaints: &[(&Line, String)]) {
    let mut text = String::new();
    for (line, what) in complaints {
        writeln!(text, "{}:{}: {what}\n    {}", line.file.display(), line.number, line.code.trim())
            .expect("writing to a string");
    }
    assert!(complaints.is_empty(), "\n{text}");
}

#[test]
fn modules_import_only_what_the_architecture_lets_them() {
    let lines = lines();
    let mut complaints = Vec::new();
    for line in &lines {
        let module = line.module();
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == module) else {
            complaints.push((line, format!("{module} has no place in the architecture")));
            break;
        };
        for import in imports(&line.code) {
            let is_in = |known: &str| {
                import
                    .strip_prefix(known)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            if !is_in(&module) && !allowed.iter().any(|known| is_in(known)) {
                complaints.push((line, format!("{module} must not know {import}")));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn every_module_of_the_table_exists() {
    let lines = lines();
    for (module, _) in MAY_KNOW {
        assert!(
            lines.iter().any(|line| line.module() == *module),
            "{module} stands in the table and not in src"
        );
    }
}

#[test]
fn the_pure_steps_open_no_socket_and_wait_for_nothing() {
    let lines = lines();
    let banned = [
        "tokio::",
        "async fn",
        ".await",
        "std::net::Tcp",
        "std::net::Udp",
        "socket2::",
        "nix::",
        "std::thread",
        "Instant::now",
        "SystemTime::now",
    ];
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| PURE.contains(&line.module().as_str()))
        .filter_map(|line| {
            let word = banned.iter().find(|word| line.code.contains(**word))?;
            Some((line, format!("{word} in a pure step")))
        })
        .collect();
    complain(&complaints);
}

#[test]
fn only_the_command_line_and_its_values_know_clap() {
    let lines = lines();
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| line.code.contains("clap::"))
        .filter(|line| !COMMAND_LINE.contains(&line.module().as_str()))
        .map(|line| (line, format!("{} must not know clap", line.module())))
        .collect();
    complain(&complaints);
}

#[test]
fn ports_of_openvidu_stand_in_the_rules_and_not_in_the_source() {
    let lines = lines();
    // The demo is a deployment of its own, with numbers of its own.
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| line.module() != "demo")
        // The default ports of the URI schemes are those of RFC 8489.
        .filter(|line| !line.file.ends_with("proto/livekit/ice_url.rs"))
        .filter_map(|line| {
            let numbers = numbers(&line.code);
            let port = numbers.iter().find(|number| OPENVIDU_PORTS.contains(&number.as_str()))?;
            Some((line, format!("port {port} belongs into rules/")))
        })
        .collect();
    complain(&complaints);
}

#[test]
fn only_types_made_for_it_have_a_schema() {
    let lines = lines();
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| line.code.contains("schemars") || line.code.contains("JsonSchema"))
        .filter(|line| !line.file.starts_with("src/output/json/v1"))
        .filter(|line| !line.file.ends_with("output/schema.rs"))
        // What browsers send: types of their own, out of which those of the model are made.
        .filter(|line| !line.file.ends_with("serve/visits/received.rs"))
        .map(|line| (line, "what readers see is a type of output/json/v1".to_owned()))
        .collect();
    complain(&complaints);
}

/// Files of `evaluate` whose literals are not words about a finding: what the placeholders of rule
/// files stand for, and names of products as certificates write them.
const NO_SENTENCES: &[&str] = &["evaluate/fill.rs", "evaluate/network/inspection.rs"];

#[test]
fn judges_make_no_sentence() {
    let lines = lines();
    // What a programmer reads when an assumption of the code is broken.
    let is_of_panic = |code: &str| {
        ["expect(", "unreachable!(", "reason = "].iter().any(|word| code.contains(word))
    };
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| line.module() == "evaluate" && !is_of_panic(&line.code))
        .filter(|line| !NO_SENTENCES.iter().any(|file| line.file.ends_with(file)))
        .filter_map(|line| {
            let has_words = literals(&line.code).any(is_of_words);
            let formats = ["format!(", "Seen::Text", ".starts_with(\"", ".contains(\""];
            let word = formats.iter().find(|word| line.code.contains(**word)).copied();
            let what = word.or(has_words.then_some("a sentence"))?;
            Some((line, format!("{what} in evaluate: words are made in output/words")))
        })
        .collect();
    complain(&complaints);
}

#[test]
fn outputs_read_no_words_of_their_own_and_decide_nothing() {
    let lines = lines();
    // How a verdict is made, and how a sentence would be taken apart.
    let banned = [
        ".severity = ",
        ".verdict = ",
        "statement.summary.contains",
        "statement.summary.starts_with",
        "summary.split",
        ".observed.",
    ];
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| line.module() == "output")
        .filter_map(|line| {
            let word = banned.iter().find(|word| line.code.contains(**word))?;
            Some((line, format!("{word} in an output")))
        })
        .collect();
    complain(&complaints);
}

#[test]
fn text_of_servers_comes_into_sentences_by_its_quotation() {
    let lines = lines();
    // Where it gets its marks, and where programs read it.
    let exempt = ["src/output/quote.rs", "src/output/json/v1/values.rs"].map(Path::new);
    let complaints: Vec<_> = lines
        .iter()
        .filter(|line| ["output", "cli", "complaint"].contains(&line.module().as_str()))
        .filter(|line| !exempt.contains(&line.file.as_path()))
        .filter(|line| {
            ["unquoted", ":?}", "ServerText::new"].iter().any(|it| line.code.contains(it))
        })
        .map(|line| (line, "shows what a server says without its marks".to_owned()))
        .collect();
    complain(&complaints);
}

/// Whether a text is more than one word, or than what stands between words.
fn is_of_words(text: &str) -> bool {
    text.split(' ').filter(|word| word.contains(|c: char| c.is_alphabetic())).count() > 1
}

/// The texts between quotation marks in a line.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, text)| text)
}

#[test]
fn imports_are_read_alone_and_in_braces() {
    assert_eq!(imports("use crate::model::port;"), ["model::port"]);
    assert_eq!(imports("use crate::{net, probe::run};"), ["net", "probe::run"]);
    assert_eq!(imports("    crate::app::run(crate::cli::X)"), ["app::run", "cli::X"]);
}

#[test]
fn numbers_are_read_with_underscores_and_not_inside_words() {
    assert_eq!(numbers("Port::new(50_000), 7880u16"), ["50000", "7880"]);
    assert_eq!(numbers("bind(\"[::]:7880\")"), ["7880"]);
    assert!(numbers("obs7880 RFC8489").is_empty());
    assert!(numbers("help(\"write \\\"443\\\" here\")").is_empty());
}
