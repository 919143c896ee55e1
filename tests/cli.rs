//! The program as a shell sees it: arguments in; stdout, stderr and exit status out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program in an empty directory, and without settings in its environment.
fn ovcheck(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .output()
        .unwrap()
}

/// Runs it in a directory of its own; exit status, stdout, stderr.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let directory = TempDir::new().unwrap();
    parts(&ovcheck(directory.path(), arguments))
}

fn parts(output: &Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}

/// Runs what has to be refused as wrong usage; what stderr says.
fn refused(arguments: &[&str]) -> String {
    let (status, stdout, stderr) = run(arguments);
    assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
    stderr
}

#[test]
fn an_unknown_flag_is_answered_with_the_one_meant() {
    let said = refused(&["check", "a.example.io", "--turn-domian-name", "b.example.io"]);
    assert!(said.contains("'--turn-domian-name'"), "{said}");
    assert!(said.contains("'--turn-domain-name'"), "{said}");
}

#[test]
fn an_unknown_subcommand_is_answered_with_the_one_meant() {
    let said = refused(&["chekc"]);
    assert!(said.contains("'check'"), "{said}");
}

#[test]
fn an_unknown_value_is_answered_with_the_known_ones() {
    let said = refused(&["check", "a.example.io", "--policy", "force-turn"]);
    assert!(said.contains("[possible values: default, forced-turn, 443-tls, 443-udp]"), "{said}");
    assert!(said.contains("'forced-turn'"), "{said}");
}

#[test]
fn values_are_refused_in_words() {
    let table = [
        (
            ["--node", "proxy=1.2.3"],
            "\"1.2.3\" is not an IP address; an IPv4 address has four numbers",
        ),
        (
            ["--node", "proxy=::ffff:203.0.113.7"],
            "::ffff:203.0.113.7 is an IPv4-mapped IPv6 address; use 203.0.113.7",
        ),
        (["--dns-server", "192.0.2.53:0"], "0 is not a valid port; use a port from 1 to 65535"),
        (["--timeout", "0.1"], "timeout must be between 0.2 and 30 seconds"),
        (["--uses", "rtmp,wihp"], "unknown value \"wihp\"; did you mean \"whip\"?"),
        (["--output", "xml=a"], "unknown format \"xml\"; use one of table, json, html"),
        (["--min-coverage", "95"], "must be a number from 0 to 1, such as 0.95"),
        (["--connect-to", "a:b"], "does not have the form ADDRESS:PORT:ADDRESS:PORT"),
    ];
    for ([flag, value], expected) in table {
        let said = refused(&["check", "a.example.io", flag, value]);
        assert!(said.contains(expected), "{flag} {value}: {said}");
    }
}

#[test]
fn a_file_of_roots_that_is_not_there_is_named_once() {
    let said = refused(&["check", "a.example.io", "--ca-file", "/no/such.pem"]);
    assert!(said.starts_with("error: failed to read /no/such.pem: No such file"), "{said}");
}

#[test]
fn a_file_without_end_is_refused() {
    let said = refused(&["check", "a.example.io", "--ca-file", "/dev/zero"]);
    assert!(said.contains("/dev/zero is larger than 4 MiB"), "{said}");
    let said = refused(&["check", "--config", "/dev/zero"]);
    assert!(said.starts_with("error: /dev/zero: the file is larger than 1 MiB"), "{said}");
    let said = refused(&["call", "a.example.io", "--token-file", "/dev/zero"]);
    assert!(said.starts_with("error: /dev/zero: the file is larger than 64 KiB"), "{said}");
}

/// Ctrl-C while the program waits for the process at the other end of a pipe.
#[test]
fn a_pipe_that_blocks_the_program_does_not_keep_it_from_ending() {
    let directory = TempDir::new().unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg("pipe")
        .current_dir(directory.path())
        .status()
        .unwrap();
    assert!(made.success());
    let blind = ["check", "a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
    for more in [
        &["--ca-file", "pipe"][..],
        &["--config", "pipe"],
        &["--token-file", "pipe"],
        &["--output", "json=pipe"],
    ] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ovcheck"))
            .args(blind)
            .args(more)
            .current_dir(directory.path())
            .env_clear()
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // By then the run is over, if there was one.
        std::thread::sleep(std::time::Duration::from_secs(3));
        assert!(child.try_wait().unwrap().is_none(), "{more:?}");
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{more:?}");
    }
}

/// Ctrl-C in a pipeline ends all its programs, and the one that reads may be behind.
#[test]
fn a_report_that_is_being_written_is_finished() {
    // What fits into a pipe that nobody reads.
    const CAPACITY: usize = 65_536;
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; CAPACITY]).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["check", "a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"])
        .args(["--format", "json"])
        .env_clear()
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // By then the run is over.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none());
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let status = child.wait().unwrap().code().map(i64::from);
    assert_eq!(report["summary"]["exit_code"].as_i64(), status);
}

#[test]
fn a_secret_in_place_of_its_file_is_not_repeated() {
    let said = refused(&["call", "a.example.io", "--token-file", "eyJ0aGlzIjoiaHVzaCJ9.hush"]);
    assert!(said.starts_with("error: --token-file: there is no such file"), "{said}");
    assert!(said.contains("OVCHECK_TOKEN") && !said.contains("hush"), "{said}");
    let long = "hush".repeat(100);
    let key = ["call", "a.example.io", "--api-key", "k", "--api-secret-file", &long];
    let said = refused(&key);
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn the_value_of_an_unknown_key_is_not_shown() {
    let directory = TempDir::new().unwrap();
    for line in ["password = \"hush\"", "livekit = { secret = \"hush\" }"] {
        let text = format!("domain-name = \"a.example.io\"\n{line}\n");
        std::fs::write(directory.path().join("a.toml"), text).unwrap();
        let output = ovcheck(directory.path(), &["check", "--config", "a.toml"]);
        let (status, _, said) = parts(&output);
        assert_eq!(status, 2);
        assert!(said.contains("unknown key") && !said.contains("hush"), "{said}");
    }
}

#[test]
fn what_is_repeated_from_the_command_line_drives_no_terminal() {
    for arguments in [
        ["explain", "\u{1b}]52;c;x\u{7}", "--quiet"],
        ["check", "--config", "\u{1b}[2J\u{202e}"],
        ["check", "--ca-file", "\u{1b}[2J"],
        ["check", "--topology", "\u{1b}[2J"],
    ] {
        let (_, stdout, stderr) = run(&arguments);
        let said = format!("{stdout}{stderr}");
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    for (flag, instead) in [("--token", "--token-file"), ("--api-secret", "--api-secret-file")] {
        for arguments in [vec![flag, "hush"], vec![&format!("{flag}=hush")]] {
            let said = refused(&[&["check", "a.example.io"], arguments.as_slice()].concat());
            assert!(said.contains(&format!("'{instead}'")), "{said}");
            assert!(!said.contains("hush"), "{said}");
        }
    }
}

#[test]
fn a_secret_is_read_from_standard_input() {
    let directory = TempDir::new().unwrap();
    let arguments = ["check", "a.example.io", "--api-key", "k", "--api-secret-file", "-"];
    let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .write_stdin("hush hush")
        .output()
        .unwrap();
    let (status, _, said) = parts(&output);
    assert_eq!(status, 2);
    assert!(said.starts_with("error: standard input: this contains more than one word"), "{said}");
}

#[test]
fn a_call_without_credentials_says_how_to_give_some() {
    let said = refused(&["call", "a.example.io"]);
    assert!(
        said.starts_with(
            "error: a call requires credentials\n  = help: provide an access token (--token-file"
        ),
        "{said}"
    );
}

#[test]
fn a_text_for_an_administrator_has_no_other_form() {
    for more in [&["--format", "json"][..], &["--verbose"], &["--quiet"]] {
        let said = refused(&[&["call", "a.example.io", "--for-it"], more].concat());
        assert!(said.contains("cannot be used with"), "{said}");
    }
}

#[test]
fn the_help_of_call_says_what_it_does_to_the_server() {
    let (status, help, _) = run(&["call", "--help"]);
    assert_eq!(status, 0);
    for part in [
        "participant that neither publishes nor subscribes",
        "room_started",
        "finishes within 8 seconds",
        "    0  calls work on at least one media path",
        "--for-it",
        "--token-file <FILE>",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    // What only a whole check needs would hide the few flags that matter here.
    for flag in ["--udp-rate", "--find-extent", "--uses", "--rtc-engine"] {
        assert!(!help.contains(flag), "{flag}");
    }
}

#[test]
fn a_call_into_the_dark_ends_and_says_what_it_met() {
    let directory = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["call", "a.example.io", "--dns-server", "127.0.0.1:9"])
        .args(["--timeout", "0.2", "--api-key", "k"])
        .current_dir(directory.path())
        .env_clear()
        .env("OVCHECK_API_SECRET", "hush")
        .output()
        .unwrap();
    let (status, text, said) = parts(&output);
    assert_eq!((status, said.as_str()), (1, ""), "{text}");
    let begin =
        "DNS queries go to 127.0.0.1:9.\n\na.example.io: joining a call fails from here (DNS)\n";
    assert!(text.starts_with(begin), "{text}");
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_domain_is_given_once() {
    let said = refused(&["check", "a.example.io", "--domain-name", "b.example.io"]);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_check_without_a_domain_says_how_to_give_one() {
    let said = refused(&["check"]);
    assert!(said.starts_with("error: the domain name is missing"), "{said}");
}

#[test]
fn impossible_combinations_are_refused_before_anything_is_sent() {
    let said = refused(&["check", "a.example.io", "--policy", "forced-turn"]);
    assert!(
        said.starts_with("error: --policy: the policy forced-turn requires a TURN domain"),
        "{said}"
    );
}

#[test]
fn a_deployment_file_is_written_once_and_read_by_the_next_commands() {
    let directory = TempDir::new().unwrap();
    let described = ["init", "openvidu.example.io", "--node", "proxy=203.0.113.10"];
    let (status, said, _) = parts(&ovcheck(directory.path(), &described));
    assert_eq!((status, said.as_str()), (0, "Wrote ovcheck.toml. Next: ovcheck check\n"));
    let (status, _, refused) = parts(&ovcheck(directory.path(), &described));
    assert_eq!(status, 2);
    assert!(refused.contains("ovcheck.toml: the file exists"), "{refused}");
    let (status, _, _) =
        parts(&ovcheck(directory.path(), &[&described[..], &["--force"]].concat()));
    assert_eq!(status, 0);
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
    let plan = |described: &[&str]| {
        let arguments = [&["plan", "--quiet", "--dns-server", "127.0.0.1:9"], described].concat();
        let (status, plan, said) = parts(&ovcheck(directory.path(), &arguments));
        assert_eq!(status, 0, "{said}");
        plan
    };
    assert_eq!(plan(&["--config", "ovcheck.toml"]), plan(&described[1..]));
}

#[test]
fn a_deployment_file_is_printed_or_refused_before_anything_is_asked() {
    let directory = TempDir::new().unwrap();
    let (status, text, _) =
        parts(&ovcheck(directory.path(), &["init", "openvidu.example.io", "--file", "-"]));
    assert_eq!(status, 0);
    assert!(text.contains("domain-name = \"openvidu.example.io\""), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    for (arguments, words) in [
        (&["init"][..], "error: the domain name is missing"),
        (&["init", "a.example", "--file", "."], "this is a directory"),
        (&["init", "a.example", "--file", "missing/ovcheck.toml"], "cannot write this file"),
        (&["init", "a.example", "--config", "x.toml"], "--config: ovcheck init writes"),
    ] {
        let (status, _, said) = parts(&ovcheck(directory.path(), arguments));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(words), "{said}");
    }
    std::fs::create_dir(directory.path().join("of")).unwrap();
    let elsewhere = ["init", "a.example", "--ca-file", "roots.pem", "--file", "of/a.toml"];
    let (status, said, _) = parts(&ovcheck(directory.path(), &elsewhere));
    assert_eq!(status, 0, "{said}");
    let text = std::fs::read_to_string(directory.path().join("of/a.toml")).unwrap();
    let roots = directory.path().canonicalize().unwrap().join("roots.pem");
    assert!(text.contains(&format!("ca-file = \"{}\"", roots.display())), "{text}");
}

#[test]
fn an_installation_becomes_a_deployment_file_without_its_secrets() {
    let directory = TempDir::new().unwrap();
    let config = directory.path().join("openvidu/config");
    std::fs::create_dir_all(config.join("cluster")).unwrap();
    std::fs::create_dir_all(config.join("node")).unwrap();
    let secret = "hidden-hidden-hidden";
    let shared = format!(
        "DOMAIN_NAME=openvidu.example.io\nLIVEKIT_TURN_DOMAIN_NAME=\nLIVEKIT_API_SECRET={secret}\n\
         OPENVIDU_RTC_ENGINE=pion\nENABLED_MODULES=observability,openviduMeet\n"
    );
    std::fs::write(config.join("cluster/openvidu.env"), shared).unwrap();
    let node = format!("MASTER_NODE_PRIVATE_IP=10.0.0.11\nREDIS_PASSWORD={secret}\n");
    std::fs::write(config.join("node/master_node.env"), node).unwrap();
    let compose = "services:\n  x:\n    image: docker.io/openvidu/openvidu-caddy:3.9.0\n";
    std::fs::write(directory.path().join("openvidu/docker-compose.yaml"), compose).unwrap();
    let start = |more: &[&str]| {
        let arguments = [&["init", "--from-openvidu", "openvidu"], more].concat();
        parts(&ovcheck(directory.path(), &arguments))
    };
    let (status, _, said) = start(&[]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("Elastic or High Availability"), "{said}");
    let more =
        ["--topology", "elastic", "--node", "proxy=203.0.113.10", "--node", "master=203.0.113.11"];
    let (status, _, said) = start(&more);
    assert_eq!(status, 0, "{said}");
    let text = std::fs::read_to_string(directory.path().join("ovcheck.toml")).unwrap();
    assert!(said.contains("cluster/openvidu.env: sets no TURN domain"), "{said}");
    for line in [
        "domain-name = \"openvidu.example.io\"",
        "guide = \"3.9\"",
        "[nodes.master]\naddresses = [\"203.0.113.11\"]\nprivate-addresses = [\"10.0.0.11\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains(secret) && !said.contains(secret));
    let (status, _, said) =
        parts(&ovcheck(directory.path(), &["plan", "--quiet", "--dns-server", "127.0.0.1:9"]));
    assert_eq!(status, 0, "{said}");
}

#[test]
fn machines_come_from_standard_input() {
    let directory = TempDir::new().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ovcheck"));
        command.args(arguments).current_dir(directory.path()).env_clear().write_stdin(input);
        parts(&command.output().unwrap())
    };
    let list = "# from an inventory\nmaster master 203.0.113.11\nmedia-1\tmedia 203.0.113.21\n";
    let described = ["a.example.io", "--topology", "elastic", "--nodes-from", "-"];
    let (status, _, said) = run(&[&["init"], &described[..]].concat(), list);
    assert_eq!(status, 0, "{said}");
    let text = std::fs::read_to_string(directory.path().join("ovcheck.toml")).unwrap();
    assert!(
        text.contains("[nodes.media-1]\nrole = \"media\"\naddresses = [\"203.0.113.21\"]"),
        "{text}"
    );
    let plan = |arguments: &[&str], input: &str| {
        run(&[&["plan", "--quiet", "--dns-server", "127.0.0.1:9"], arguments].concat(), input)
    };
    let (status, by_file, said) = plan(&[], "");
    assert_eq!(status, 0, "{said}");
    let empty = ["--config", "/dev/null"];
    assert_eq!(plan(&[&empty, &described[..]].concat(), list), (0, by_file, String::new()));
    let (status, _, said) = plan(&described, "media-1 203.0.113.21\n");
    assert_eq!(status, 2);
    assert!(
        said.contains("--> standard input:1:1") && said.contains("the role is missing"),
        "{said}"
    );
    let both = [&described[..], &["--token-file", "-"]].concat();
    let (status, _, said) = plan(&both, list);
    assert_eq!(status, 2);
    assert!(said.contains("standard input can be read only once"), "{said}");
}

#[test]
fn what_is_no_installation_is_refused_in_one_line() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("binary.env"), b"DOMAIN_NAME=a.example.io\0\xff").unwrap();
    std::fs::write(path("large.env"), vec![b'#'; (1 << 20) + 1]).unwrap();
    std::fs::write(path("other.env"), "PASSWORD=hidden\n").unwrap();
    std::fs::create_dir_all(path("empty")).unwrap();
    std::fs::create_dir_all(path("loop/config")).unwrap();
    std::os::unix::fs::symlink("openvidu.env", path("loop/config/openvidu.env")).unwrap();
    for (from, words) in [
        ("binary.env", "binary.env: the file is not a text"),
        ("large.env", "large.env: the file is larger than 1 MiB"),
        ("other.env", "other.env: this file says nothing about OpenVidu"),
        ("empty", "empty: no settings of OpenVidu are in this directory"),
        ("missing.env", "missing.env: failed to read: No such file"),
        ("loop", "loop/config/openvidu.env: failed to read: Too many levels of symbolic links"),
    ] {
        let (status, _, said) =
            parts(&ovcheck(directory.path(), &["init", "a.example.io", "--from-openvidu", from]));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(words) && !said.contains("hidden"), "{said}");
        assert!(said.lines().filter(|line| !line.contains("= help")).count() == 1, "{said}");
    }
    assert!(!path("ovcheck.toml").exists());
}

#[test]
fn the_deployment_file_in_the_working_directory_is_read() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("ovcheck.toml"), "polciy = \"default\"\n").unwrap();
    let (status, _, said) = parts(&ovcheck(directory.path(), &["check", "a.example.io"]));
    assert_eq!(status, 2);
    assert!(said.contains("ovcheck.toml:1:1"), "{said}");
    assert!(said.contains("did you mean \"policy\"?"), "{said}");
}

/// Writes a file with this mode.
fn write_own(directory: &TempDir, name: &str, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_secret_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let (closed, open) = (0o700, 0o755);
    for (directory_mode, file_mode, is_warned) in
        [(open, 0o644, true), (open, 0o604, true), (open, 0o600, false), (closed, 0o644, false)]
    {
        let directory = TempDir::new().unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = directory.path().join("secret.txt");
        std::fs::write(&path, "a-secret-of-the-test").unwrap();
        set(&path, file_mode);
        set(directory.path(), directory_mode);
        let flags = ["plan", "a.example.io", "--api-key", "k", "--api-secret-file", "secret.txt"];
        let blind = ["--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
        let (status, _, said) = parts(&ovcheck(directory.path(), &[&flags[..], &blind].concat()));
        let warning = "warning: secret.txt can be read by other users: chmod 600 secret.txt\n";
        assert_eq!((status, said.as_str()), (0, if is_warned { warning } else { "" }));
    }
}

#[test]
fn a_secret_from_a_pipe_is_not_warned_about() {
    let directory = TempDir::new().unwrap();
    let flags = ["plan", "a.example.io", "--api-key", "k", "--api-secret-file", "-"];
    let blind = ["--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
    let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args([&flags[..], &blind].concat())
        .current_dir(directory.path())
        .env_clear()
        .write_stdin("a-secret-of-the-test")
        .output()
        .unwrap();
    let (status, _, said) = parts(&output);
    assert_eq!((status, said.as_str()), (0, ""));
}

#[test]
fn a_file_that_others_can_write_is_used_only_if_it_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let text = "domain-name = \"a.example.io\"\ndns-server = \"127.0.0.1:9\"\ntimeout = 0.2\n";
    let (own, all) = (0o644, 0o666);
    for (file_mode, directory_mode, says) in [
        (all, 0o700, "this file can be written by other users"),
        (own, 0o777, "the directory of this file can be written by other users"),
        (own, 0o1777, "the directory of this file can be written by other users"),
    ] {
        let directory = TempDir::new().unwrap();
        write_own(&directory, "ovcheck.toml", text, 0o644);
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&directory.path().join("ovcheck.toml"), file_mode);
        set(directory.path(), directory_mode);
        let (status, _, said) = parts(&ovcheck(directory.path(), &["check"]));
        assert_eq!(status, 2, "{said}");
        assert!(said.starts_with(&format!("error: ovcheck.toml: {says}")), "{said}");
        let named = ovcheck(directory.path(), &["check", "--config", "ovcheck.toml"]);
        let (status, stdout, said) = parts(&named);
        assert_eq!(status, 3, "{said}");
        assert!(stdout.contains("\nSettings are from ovcheck.toml.\n"), "{stdout}");
        let without = ["check", "b.example.io", "--config", "/dev/null"];
        let blind = ["--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
        let without = ovcheck(directory.path(), &[&without[..], &blind].concat());
        assert_eq!(without.status.code(), Some(3));
    }
}

#[test]
fn a_file_that_was_not_named_does_not_decide_where_credentials_go() {
    let directory = TempDir::new().unwrap();
    let token =
        format!("e30.eyJ2aWRlbyI6eyJyb29tIjoiciIsInJvb21Kb2luIjp0cnVlfX0.{}", "A".repeat(43));
    write_own(&directory, "token", &token, 0o600);
    write_own(&directory, "ca.pem", "", 0o644);
    for setting in [
        "ca-file = \"ca.pem\"",
        "connect-to = [\":443:127.0.0.1:9\"]",
        "resolve = [\"a.example.io:*:127.0.0.1\"]",
        "dns-server = \"127.0.0.1:9\"",
        "http-proxy = \"http://127.0.0.1:9\"",
    ] {
        let text = format!("domain-name = \"a.example.io\"\n{setting}\n");
        write_own(&directory, "ovcheck.toml", &text, 0o644);
        let call = ["call", "a.example.io", "--token-file", "token"];
        let (status, _, said) = parts(&ovcheck(directory.path(), &call));
        let key = setting.split(' ').next().unwrap();
        let expected = format!("error: with credentials, {key} must be in a file that you name");
        assert!(status == 2 && said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a_file_of_another_deployment_is_not_mixed_in() {
    let directory = TempDir::new().unwrap();
    write_own(&directory, "ovcheck.toml", "domain-name = \"a.example.io\"\n", 0o644);
    let (status, _, said) = parts(&ovcheck(directory.path(), &["check", "b.example.io"]));
    assert_eq!(status, 2);
    let expected = "error: this file describes another deployment than b.example.io";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_report_says_first_what_is_dialled_and_trusted_instead() {
    let arguments = [
        &["check", "a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"][..],
        &["--resolve", "a.example.io:443:203.0.113.10"],
        &["--connect-to", "203.0.113.10:443:127.0.0.1:9"],
    ]
    .concat();
    let (_, stdout, _) = run(&[&arguments, &["--guide", "3.2"][..]].concat());
    let lines: Vec<&str> = stdout.lines().take_while(|line| !line.is_empty()).collect();
    let expected = [
        "DNS queries go to 127.0.0.1:9.",
        "Addresses are not from DNS: a.example.io port 443 is 203.0.113.10.",
        "Connections go elsewhere: 203.0.113.10 port 443 to 127.0.0.1 port 9.",
    ];
    assert_eq!(lines[lines.len() - 3..], expected, "{stdout}");
    let (_, stdout, _) = run(&arguments);
    let said = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("No guide is set, and the server did not show its version: 3."),
        "{stdout}"
    );
}

#[test]
fn the_environment_is_read() {
    let directory = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["check", "a.example.io"])
        .current_dir(directory.path())
        .env_clear()
        .env("OVCHECK_TURN_DOMAIN_NAME", "turn")
        .output()
        .unwrap();
    let (status, _, said) = parts(&output);
    assert_eq!(status, 2);
    assert!(said.contains("OVCHECK_TURN_DOMAIN_NAME: \"turn\" is not"), "{said}");
}

#[test]
fn a_report_file_that_is_there_is_not_overwritten() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("report.json");
    std::fs::write(&path, "mine").unwrap();
    let arguments = ["check", "a.example.io", "--output", "json=report.json"];
    let (status, _, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(status, 2);
    assert!(said.contains("report.json already exists"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn one_file_takes_one_report() {
    let said = refused(&["check", "a.example.io", "--output", "json=a", "--output", "table=a"]);
    assert!(said.contains("two outputs go to a"), "{said}");
    let said = refused(&["check", "a.example.io", "--output", "json=a", "--output", "table=./a"]);
    assert!(said.contains("two outputs go to ./a"), "{said}");
}

#[test]
fn standard_output_takes_one_report() {
    for second in [["--output", "junit=-"], ["--format", "junit"]] {
        let first = ["check", "a.example.io", "--output", "json=-"];
        let said = refused(&[&first[..], &second].concat());
        assert!(said.contains("two outputs go to standard output"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_found_before_the_run() {
    let said = refused(&["check", "a.example.io", "--output", "json=no-such-directory/a.json"]);
    assert!(said.contains("no-such-directory/a.json cannot be written"), "{said}");
    let said = refused(&["check", "a.example.io", "--force", "--output", "json=/tmp"]);
    assert!(said.contains("/tmp is a directory"), "{said}");
}

#[test]
fn force_without_an_output_has_no_meaning() {
    let said = refused(&["check", "a.example.io", "--force"]);
    assert!(said.contains("--output"), "{said}");
}

#[test]
fn the_help_of_check_documents_the_exit_status() {
    let (status, help, _) = run(&["check", "--help"]);
    assert_eq!(status, 0);
    for line in [
        "    0  all required checks ran and passed",
        "    1  at least one violation at or above --fail-on",
        "    2  invalid usage, configuration or rules",
        "    3  no violation, but incomplete: a check is unsettled, or nothing was checked",
        "    4  internal error, or the report could not be written",
        "  130  interrupted; the partial report was written",
        "  If several apply, 130 takes precedence over 1, and 1 over 3.",
    ] {
        assert!(help.contains(line), "{line}\n{help}");
    }
}

#[test]
fn the_help_says_why_the_time_out_is_what_it_is() {
    let (_, help, _) = run(&["check", "--help"]);
    assert!(help.contains("[default: 1.3;"), "{help}");
    assert!(help.contains("RFC 6298"), "{help}");
}

#[test]
fn without_arguments_the_help_is_shown_as_wrong_usage() {
    let said = refused(&[]);
    for subcommand in ["check", "call", "plan", "explain", "rules", "schema", "demo"] {
        assert!(said.contains(&format!("\n  {subcommand}")), "{said}");
    }
}

#[test]
fn the_rules_of_a_firewall_are_written_for_one_machine() {
    let all = [
        "firewall",
        "openvidu.example.io",
        "--node",
        "proxy=203.0.113.10",
        "--node",
        "openvidu=203.0.113.20",
        "--format",
        "ufw",
    ];
    let said = refused(&all);
    assert!(said.contains("--machine: this format is for one machine"), "{said}");
    assert!(said.contains("use proxy or openvidu"), "{said}");
    let said = refused(&[&all[..], &["--machine", "media-1"]].concat());
    assert!(said.contains("no node has this name"), "{said}");

    let (status, script, notes) =
        run(&[&all[..], &["--machine", "openvidu", "--ssh-port", "2222"]].concat());
    assert_eq!(status, 0, "{notes}");
    let api = "\nufw allow proto tcp from 203.0.113.10 to any port 7880 comment";
    for part in ["\nufw allow 2222/tcp comment 'SSH'\n", api] {
        assert!(script.contains(part), "{script}");
    }
    // Nobody said whether RTMP is in use.
    assert!(!script.contains("1945") && notes.contains("TCP 1945 of openvidu"), "{notes}");
    let said = refused(&["firewall", "openvidu.example.io", "--node", "openvidu=203.0.113.20"]);
    assert!(said.contains("the role proxy"), "{said}");
}

#[test]
fn the_version_is_told() {
    let (status, version, _) = run(&["--version"]);
    assert_eq!(status, 0);
    let lines: Vec<&str> = version.lines().collect();
    let [program, commit, rules] = lines[..] else { panic!("{version}") };
    assert_eq!(program, concat!("ovcheck ", env!("CARGO_PKG_VERSION")));
    // The commit itself is in release builds only.
    let commit = commit.strip_prefix("commit ").unwrap();
    assert!(commit == "not recorded (debug build)" || commit.len() >= 7, "{version}");
    assert_eq!(rules, format!("rules {}", ovcheck::ruleset::Ruleset::embedded().digest));
}

#[test]
fn a_rule_is_explained() {
    let (status, text, _) = run(&["explain", "turn/turns-answers-binding"]);
    assert_eq!(status, 0);
    assert!(text.starts_with("turn/turns-answers-binding\n"), "{text}");
    for word in ["\nseverity ", "\nmeans ", "\nremedy ", "\nsource "] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}

#[test]
fn a_rule_is_explained_with_the_values_of_the_deployment_file() {
    let directory = TempDir::new().unwrap();
    let said = |arguments: &[&str]| parts(&ovcheck(directory.path(), arguments)).1;
    let rule = ["explain", "rtmp/rtmps-handshakes"];
    let unknown = said(&rule);
    assert!(unknown.contains("from <PROXY_ADDRESS> to any port 1945"), "{unknown}");
    assert!(!unknown.contains("${"), "{unknown}");
    let file = "domain-name = \"a.example.io\"\n\
                [nodes.proxy]\naddresses = [\"203.0.113.10\"]\n\
                [nodes.openvidu]\naddresses = [\"203.0.113.20\"]\n";
    std::fs::write(directory.path().join("other.toml"), file).unwrap();
    let filled = said(&[&rule[..], &["--config", "other.toml"]].concat());
    assert!(filled.contains("from 203.0.113.10 to any port 1945"), "{filled}");
    std::fs::write(directory.path().join("ovcheck.toml"), file).unwrap();
    assert_eq!(said(&rule), filled);
}

#[test]
fn who_answers_in_the_place_of_livekit_is_explained() {
    for (words, who) in [
        ("zscaler", "Zscaler"),
        ("The requested URL was rejected. Please consult with your administrator.", "F5 BIG-IP"),
        ("FortiGuard Intrusion Prevention - Access Blocked", "a FortiGate firewall"),
    ] {
        let (status, text, _) = run(&["explain", words]);
        assert_eq!(status, 0, "{words}");
        assert!(text.contains(who), "{words}: {text}");
    }
}

#[test]
fn firewalls_are_explained_and_words_that_mean_nothing_are_no_rule() {
    let (status, text, _) = run(&["explain", "firewall"]);
    assert_eq!(status, 0);
    for word in ["/etc/nftables.conf", "DOCKER-USER", "ufw status numbered", "security group"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    for nothing in ["", "  "] {
        assert!(refused(&["explain", nothing]).contains("nothing to explain"));
    }
    let said = refused(&["explain", "pizza"]);
    assert!(said.contains("no known trouble matches \"pizza\""), "{said}");
    let said = refused(&["explain", "dns/pizza"]);
    assert!(said.contains("unknown rule \"dns/pizza\""), "{said}");
}

#[test]
fn a_former_id_explains_the_rule_by_its_id_of_today() {
    let (status, text, _) = run(&["explain", "turn/turns-holds-idle"]);
    assert_eq!(status, 0);
    assert!(text.starts_with("turn/idle-connection-kept\n"), "{text}");
    assert!(text.contains("\nformerly     turn/turns-holds-idle\n"), "{text}");
    assert_eq!(run(&["explain", "turn/idle-connection-kept"]).1, text);
}

#[test]
fn an_unknown_rule_is_answered_with_the_one_meant() {
    let said = refused(&["explain", "turn/turns-answer-bindings"]);
    assert!(said.contains("did you mean \"turn/turns-answers-binding\"?"), "{said}");
}

#[test]
fn what_people_say_leads_to_the_rules_that_name_the_cause() {
    // With quotes or without.
    let quoted = run(&["explain", "waiting for media"]);
    assert_eq!(run(&["explain", "waiting", "for", "media"]), quoted);
    let (status, text, _) = run(&["explain", "701"]);
    assert_eq!((status, quoted.0), (0, 0));
    for (text, said) in [(&text, "\"701 "), (&quoted.1, "\"waiting for media\"\n")] {
        assert!(text.starts_with(said), "{text}");
        assert!(text.contains("\nfound by     "), "{text}");
    }
    let demo = "\ndemo         ovcheck demo --fault ";
    assert!(text.contains(demo), "{text}");
    let (_, text, _) = run(&["explain", "turn/turns-answers-binding"]);
    let said = "\npeople say   · TURN over TLS on 5349 is never used\n";
    assert!(text.contains(said), "{text}");
    let refused = refused(&["explain", "the moon is blue"]);
    let no_trouble = "no known trouble matches \"the moon is blue\"";
    assert!(refused.contains(no_trouble), "{refused}");
}

#[test]
fn the_rules_are_listed_as_text_and_as_json() {
    let (status, text, _) = run(&["rules", "ports", "--topology", "elastic", "--guide", "3.9"]);
    assert_eq!(status, 0);
    assert!(text.starts_with("ports · elastic · master\n"), "{text}");
    let (status, json, _) = run(&["rules", "--format", "json", "--policy", "443-udp"]);
    assert_eq!(status, 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["rules"].as_array().unwrap().len() > 20, "{json}");
}

#[test]
fn what_an_upgrade_changes_is_told_in_its_last_line_too() {
    let (status, text, _) = run(&["rules", "--diff", "3.2", "3.9", "--topology", "elastic"]);
    assert_eq!(status, 0);
    let step = "+ open TCP 9080 of the Master Node to the Media Nodes";
    assert!(text.contains(step), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("from 3.2 to 3.9 · elastic: open 3"), "{last}");
}

#[test]
fn a_list_that_nobody_can_mean_is_refused() {
    let table: [(&[&str], &str); 6] = [
        (
            &["--diff", "3.9", "3.9"],
            "error: --diff: 3.9 is given twice\n  \
             = help: give two different editions of 3.0, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7, 3.8, 3.9",
        ),
        (&["--diff", "3.2", "3.10"], "[possible values: 3.0, 3.1, 3.2,"),
        (&["--diff", "3.2"], "2 values required"),
        (&["--diff", "3.2", "3.9", "--guide", "3.2"], "cannot be used with"),
        (&["prots"], "did you mean \"ports\"?"),
        (
            &["--guide", "3.2", "--policy", "443-udp"],
            "error: --policy: edition 3.2 has no policy 443-udp\n  \
             = help: 443-udp belongs to edition 3.9",
        ),
    ];
    for (arguments, expected) in table {
        let said = refused(&[&["rules"], arguments].concat());
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn the_schema_of_the_report_is_json() {
    let (status, schema, _) = run(&["schema", "report"]);
    assert_eq!(status, 0);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["findings"].is_object(), "{schema}");
}

#[test]
fn completions_know_the_subcommands_and_their_flags() {
    for (shell, words) in [
        ("bash", "--from-openvidu"),
        ("zsh", "#compdef ovcheck"),
        ("fish", "complete -c ovcheck"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let (status, script, said) = run(&["completions", shell]);
        assert_eq!((status, said.as_str()), (0, ""), "{shell}");
        assert!(script.contains(words) && script.contains("icinga"), "{shell}");
    }
    assert!(refused(&["completions", "tcsh"]).contains("possible values"));
}

#[test]
fn the_manual_has_a_page_for_each_subcommand() {
    let (status, page, _) = run(&["man"]);
    assert_eq!(status, 0);
    assert!(page.contains(".TH ovcheck 1"), "{page}");
    let (status, page, _) = run(&["man", "check"]);
    assert_eq!(status, 0);
    assert!(page.contains(".TH ovcheck-check 1") && page.contains("Exit status"), "{page}");
    // Only ovcheck itself has this flag.
    assert!(!page.contains("version\\fR"), "{page}");
    assert!(run(&["man"]).1.contains("version\\fR"));
    assert!(refused(&["man", "chekc"]).contains("did you mean \"check\"?"));
    let directory = TempDir::new().unwrap();
    let (status, _, said) = parts(&ovcheck(directory.path(), &["man", "--output-dir", "."]));
    assert_eq!(status, 0, "{said}");
    for page in ["ovcheck.1", "ovcheck-check.1", "ovcheck-init.1"] {
        assert!(directory.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn an_unknown_fault_is_answered_with_the_one_meant() {
    let said = refused(&["demo", "--fault", "turn-name-reaches-ip"]);
    assert!(said.contains("did you mean \"turn-name-reaches-api\"?"), "{said}");
}

#[test]
fn the_faults_of_the_demo_are_listed() {
    let (status, list, _) = run(&["demo", "--list-faults"]);
    assert_eq!(status, 0);
    assert!(list.lines().count() >= 10, "{list}");
}

#[test]
fn a_report_file_that_cannot_be_written_is_4_and_the_report_is_on_stdout() {
    let directory = TempDir::new().unwrap();
    // Nothing answers on this port of loopback: the run is short, and blind.
    let arguments = [
        "check",
        "a.example.io",
        "--dns-server",
        "127.0.0.1:9",
        "--timeout",
        "0.2",
        "--output",
        "json=/dev/full",
    ];
    let (status, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("failed to write /dev/full"), "{said}");
    let json = &stdout[stdout.find("\n{\n").unwrap()..];
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(report["summary"]["exit_code"], 4);
}

#[test]
fn a_report_is_written_to_every_file_that_is_named() {
    let directory = TempDir::new().unwrap();
    let arguments = [
        "check",
        "a.example.io",
        "--dns-server",
        "127.0.0.1:9",
        "--timeout",
        "0.2",
        "--quiet",
        "--output",
        "json=report.json",
        "--output",
        "table=report.txt",
    ];
    let (status, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!((status, said.as_str()), (3, ""));
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let json = std::fs::read(directory.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(report["summary"]["exit_code"], 3);
    let table = std::fs::read_to_string(directory.path().join("report.txt")).unwrap();
    assert!(table.ends_with(&stdout), "{table}");
}

/// Every format of one run, as its name and the file that has it.
const FORMATS: [(&str, &str); 7] = [
    ("json", "report.json"),
    ("html", "report.html"),
    ("markdown", "report.md"),
    ("junit", "report.xml"),
    ("sarif", "report.sarif"),
    ("github", "report.github"),
    ("metrics", "report.prom"),
];

#[test]
fn a_stored_report_gives_the_files_of_its_run() {
    let directory = TempDir::new().unwrap();
    let outputs = |folder: &str| -> Vec<String> {
        let of = |(format, file): (&str, &str)| {
            ["--output".to_owned(), format!("{format}={folder}/{file}")]
        };
        FORMATS.into_iter().flat_map(of).collect()
    };
    for folder in ["run", "rendered"] {
        std::fs::create_dir(directory.path().join(folder)).unwrap();
    }
    let dark = ["check", "a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
    let from_run = outputs("run");
    let arguments: Vec<&str> =
        dark.into_iter().chain(from_run.iter().map(String::as_str)).collect();
    let (status, _, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!((status, said.as_str()), (3, ""));
    let rendered = outputs("rendered");
    let render = ["render", "run/report.json"];
    let arguments: Vec<&str> =
        render.into_iter().chain(rendered.iter().map(String::as_str)).collect();
    let (status, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!((status, said.as_str()), (0, ""));
    assert!(stdout.starts_with("# ovcheck: INCOMPLETE, a.example.io\n"), "{stdout}");
    for (_, file) in FORMATS {
        let read = |folder: &str| std::fs::read(directory.path().join(folder).join(file)).unwrap();
        assert!(!read("run").is_empty(), "{file}");
        assert_eq!(read("run"), read("rendered"), "{file}");
    }
}

#[test]
fn the_plugin_for_icinga_has_its_own_exit_status() {
    // Nothing answers on this port of loopback: the run is short, and blind.
    let dark = ["icinga", "a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
    let (status, stdout, _) = run(&dark);
    assert_eq!(status, 3, "{stdout}");
    assert!(stdout.starts_with("OVCHECK UNKNOWN: a.example.io: 0 violations"), "{stdout}");
    assert!(
        stdout.lines().next().unwrap().contains(" | errors=0;;0;0 warnings=0;0;;0 "),
        "{stdout}"
    );
    for wrong in [&["--no-such-flag"][..], &["a.example.io", "--format", "json"]] {
        let (status, stdout, _) = run(&[&["icinga"], wrong].concat());
        assert_eq!(status, 3, "{stdout}");
        assert!(stdout.starts_with("OVCHECK UNKNOWN: error: "), "{stdout}");
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
    }
    assert_eq!(run(&["icinga", "--help"]).0, 0);
}

#[test]
fn what_is_not_a_report_is_not_rendered() {
    let directory = TempDir::new().unwrap();
    let table = [
        ("", "bad: line 1: the file ends in the middle of the report"),
        ("{\"schema_version\": \"1.0\",\n", "bad: line 2: the file ends in the middle"),
        ("hello", "bad: line 1: not JSON"),
        ("{}", "bad: this is not a JSON report of ovcheck"),
        ("{\"schema_version\": \"2.0\"}", "bad: the report has the format version 2.0"),
        ("{\"schema_version\": \"1.0\"}", "bad: line 1: not a valid report: missing field"),
    ];
    for (text, expected) in table {
        std::fs::write(directory.path().join("bad"), text).unwrap();
        let arguments = ["render", "bad", "--output", "junit=out.xml"];
        let (status, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
        assert_eq!((status, stdout.as_str()), (2, ""), "{said}");
        assert!(said.contains(expected), "{text:?}: {said}");
        assert!(!directory.path().join("out.xml").exists());
    }
    for (path, expected) in [
        (".", "this is a directory"),
        ("missing", "failed to read the report: No such file"),
        ("/dev/zero", "the file is larger than"),
    ] {
        let (status, _, said) = parts(&ovcheck(directory.path(), &["render", path]));
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(expected), "{path}: {said}");
    }
    let said = refused(&["render", "bad", "--format", "table"]);
    assert!(said.contains("the table cannot be made of a JSON report"), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_trouble() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ovcheck"))
        .args(["schema", "report"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The port of an HTTP proxy that refuses every request and repeats its head.
fn repeating_proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let repeat = |mut client: TcpStream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let one_line = head.replace("\r\n", " ");
        let length = head.len();
        write!(
            client,
            "HTTP/1.1 407 {one_line}\r\nServer: {one_line}\r\nContent-Length: {length}\r\n\r\n{head}"
        )
        .unwrap();
    };
    std::thread::spawn(move || listener.incoming().for_each(|client| repeat(client.unwrap())));
    port
}

#[test]
fn no_secret_stands_in_a_report() {
    let claims = r#"{"sub":"a","exp":4102444800,"video":{"roomJoin":true,"room":"b"}}"#;
    let token = [r#"{"alg":"HS256","typ":"JWT"}"#, claims, "hush-token-signature-of-32-bytes"]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let secret = "hush-api-secret-of-32-characters";
    let pair = "somebody:hush-proxy-password";
    let port = repeating_proxy();
    let proxy = format!("127.0.0.1:{port}");
    let directory = TempDir::new().unwrap();
    write_own(&directory, "secret", secret, 0o600);
    let base = ["a.example.io", "--dns-server", "127.0.0.1:9", "--timeout", "0.2"];
    let key = ["--api-key", "APIkey", "--api-secret-file", "secret"];
    let run = |command: &str, arguments: &[&str], token: Option<&str>| {
        let output = Command::new(env!("CARGO_BIN_EXE_ovcheck"))
            .arg(command)
            .args(base)
            .args(arguments)
            .current_dir(directory.path())
            .env_clear()
            .env("OVCHECK_HTTP_PROXY", format!("http://{pair}@{proxy}"))
            .envs(token.map(|token| ("OVCHECK_TOKEN", token)))
            .output()
            .unwrap();
        let (_, stdout, stderr) = parts(&output);
        format!("{stdout}{stderr}")
    };
    let json = ["--format", "json"];
    let by_token = run("call", &json, Some(&token));
    let by_key = run("check", &[&key[..], &json].concat(), None);
    let others = [
        run("call", &key, None),
        run("call", &["--for-it"], Some(&token)),
        run("check", &["--verbose"], Some(&token)),
    ];
    let signature = token.rsplit('.').next().unwrap();
    let encoded = STANDARD.encode(pair);
    for text in others.iter().chain([&by_token, &by_key]) {
        for secret in [&token, signature, secret, "hush-", &encoded] {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
    }
    for (text, credentials) in [(by_token, "token"), (by_key, "api_key")] {
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["options"]["credentials"], credentials);
        assert_eq!(report["options"]["http_proxy"], proxy);
        // The proxy was asked, and what it repeated is masked.
        assert!(text.contains("Proxy-Authorization: Basic [secret]"), "{text}");
    }
}

#[test]
fn a_report_says_what_was_judged_and_how() {
    let directory = TempDir::new().unwrap();
    let file = "domain-name = \"a.example.io\"\nuses = [\"whip\"]\n\
        [nodes.openvidu]\naddresses = [\"203.0.113.20\"]\nprivate-addresses = [\"10.0.0.20\"]\n";
    std::fs::write(directory.path().join("ovcheck.toml"), file).unwrap();
    let arguments = [
        "check --format json --enabled-modules none --guide 3.6 --rtc-engine mediasoup",
        "--zone external-proxy --vantage-name here --dns-server 127.0.0.1:9 --timeout 0.2",
        // Nothing leaves this machine.
        "--connect-to ::127.0.0.1:9 --resolve a.example.io:443:203.0.113.10",
        "--udp-rate 5000 --require-proof --min-coverage 0.5",
    ]
    .join(" ");
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let (_, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(said, "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let expected = [
        ("/run/command", json!("check")),
        ("/ruleset/guide", json!("3.6")),
        ("/deployment/rtc_engine", json!("mediasoup")),
        ("/deployment/uses", json!(["whip"])),
        ("/deployment/enabled_modules", json!([])),
        ("/deployment/nodes/0/role", json!("openvidu")),
        ("/deployment/nodes/0/addresses", json!(["203.0.113.20"])),
        ("/deployment/nodes/0/private_addresses", json!(["10.0.0.20"])),
        ("/vantage/name", json!("here")),
        ("/vantage/zone", json!("external-proxy")),
        ("/options/zone", json!("external-proxy")),
        ("/options/dns_server", json!("127.0.0.1:9")),
        (
            "/options/connect_to/0",
            json!({"address": null, "ports": null, "to_address": "127.0.0.1", "to_port": 9}),
        ),
        (
            "/options/resolve/0",
            json!({"name": "a.example.io", "port": 443, "addresses": ["203.0.113.10"]}),
        ),
        ("/options/timeout_ms", json!(200)),
        ("/options/hold_ms", Value::Null),
        ("/options/udp_rate", json!(5000)),
        ("/options/credentials", Value::Null),
        ("/files_read/config", json!("ovcheck.toml")),
        ("/files_read/ca_file", Value::Null),
        ("/summary/gate/require_proof", json!(true)),
        ("/summary/gate/min_coverage", json!(0.5)),
    ];
    for (place, value) in expected {
        assert_eq!(report.pointer(place), Some(&value), "{place}");
    }
}

#[test]
fn a_plan_names_the_machines_from_which_all_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "plan",
        "openvidu.example.io",
        "--vantages",
        "--topology=elastic",
        "--dns-server=127.0.0.1:9",
        "--resolve=openvidu.example.io:*:203.0.113.10",
        "--node=proxy=203.0.113.10",
        "--node=master=10.0.1.1",
        "--node=media-1:media=203.0.113.31",
        "--node=media-2:media=203.0.113.32",
        "--node=media-3:media=203.0.113.33",
    ];
    let (status, plan, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(status, 0, "{said}");
    let files = ["internet", "proxy", "master", "media-1", "media-2"];
    for file in files {
        assert!(plan.contains(&format!("--record {file}.rec\n")), "{file}: {plan}");
    }
    assert!(plan.contains("    ovcheck merge internet.rec "), "{plan}");
    assert!(plan.contains("media-3 would make no other check"), "{plan}");
    assert!(plan.lines().last().unwrap().starts_with("5 machines, "), "{plan}");
}

#[test]
fn a_proxy_is_configured_for_every_machine_behind_it() {
    let words = |text: &str| {
        let arguments: Vec<&str> = text.split_whitespace().collect();
        let (status, text, said) = run(&arguments);
        (status, text.split_whitespace().collect::<Vec<_>>().join(" "), said)
    };
    let common = "proxy-config a.example.io --topology high-availability --guide 3.9 \
                  --node one:master=10.0.0.1 --node two:master=10.0.0.2,fd00::2 --for";
    let (status, nginx, said) = words(&format!("{common} nginx --turn-domain-name t.example.io"));
    assert_eq!((status, said.as_str()), (0, ""), "{nginx}");
    for part in [
        "upstream openvidu_api { server 10.0.0.1:7880; server 10.0.0.2:7880; }",
        "upstream openvidu_turn { server 10.0.0.1:5349; server 10.0.0.2:5349; }",
        "upstream openvidu_rtmp { server 10.0.0.1:1945; server 10.0.0.2:1945; }",
        "a.example.io openvidu_api; t.example.io openvidu_turn;",
        "listen [::]:443 ssl;",
    ] {
        assert!(nginx.contains(part), "{part}: {nginx}");
    }
    // Without what is not declared, and without a family that the proxy does not have.
    let few = format!("{common} haproxy --uses none --node edge:proxy=203.0.113.10");
    let (status, haproxy, said) = words(&few);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("no TURN domain is declared"), "{said}");
    assert!(haproxy.contains("server node2 10.0.0.2:7880 check"), "{haproxy}");
    for absent in ["turn", "rtmp", "1935", ":::"] {
        assert!(!haproxy.contains(absent), "{absent}: {haproxy}");
    }
    let (status, text, said) = words("proxy-config a.example.io --for nginx");
    assert_eq!((status, text.as_str()), (2, ""));
    assert!(said.contains("no node of the role openvidu is declared"), "{said}");
}
