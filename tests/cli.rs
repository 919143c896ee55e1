//! The program as a shell sees it: arguments in; stdout, stderr and exit status out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
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
            "::ffff:203.0.113.7 is an IPv4 address in IPv6 clothes; write 203.0.113.7",
        ),
        (["--dns-server", "192.0.2.53:0"], "port 0 does not exist on the wire"),
        (["--timeout", "0.1"], "write 0.2 to 30 seconds"),
        (["--uses", "rtmp,wihp"], "unknown value \"wihp\"; did you mean \"whip\"?"),
        (["--output", "xml=a"], "unknown format \"xml\"; it is one of table or json"),
        (["--min-coverage", "95"], "write a share from 0 to 1, such as 0.95"),
        (["--connect-to", "a:b"], "is not ADDRESS:PORT:ADDRESS:PORT"),
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
    assert!(said.starts_with("error: standard input: there is more in it than one word"), "{said}");
}

#[test]
fn a_token_of_yesterday_is_refused_before_anything_is_sent() {
    let directory = TempDir::new().unwrap();
    // {"exp":1000000000,"video":{"room":"room","roomJoin":true}}
    let token =
        "e30.eyJleHAiOjEwMDAwMDAwMDAsInZpZGVvIjp7InJvb20iOiJyb29tIiwicm9vbUpvaW4iOnRydWV9fQ.eA";
    std::fs::write(directory.path().join("token"), token).unwrap();
    let arguments = ["check", "a.example.io", "--token-file", "token"];
    let (status, _, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(status, 2);
    let expected = "error: the access token expired at 2001-09-09T01:46:40Z, and our clock says 2";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_call_without_credentials_says_how_to_give_some() {
    let said = refused(&["call", "a.example.io"]);
    assert!(
        said.starts_with("error: nobody is let in without credentials\n  = help: give a token"),
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
        "hidden participant who neither sends nor receives",
        "room_started",
        "It ends within 8 s",
        "    0  a call gets through, by at least one way",
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
    assert!(text.starts_with("a.example.io: nobody gets in from here (DNS)\n"), "{text}");
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
    assert!(said.starts_with("error: no domain name is given"), "{said}");
}

#[test]
fn impossible_combinations_are_refused_before_anything_is_sent() {
    let said = refused(&["check", "a.example.io", "--policy", "forced-turn"]);
    assert!(said.starts_with("error: --policy: forced TURN without"), "{said}");
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
    assert!(said.contains("report.json is there already"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn one_file_takes_one_report() {
    let said = refused(&["check", "a.example.io", "--output", "json=a", "--output", "table=a"]);
    assert!(said.contains("a is named twice"), "{said}");
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
        "    0  every demanded check was made and passed",
        "    1  at least one violation at or above --fail-on",
        "    2  wrong usage, configuration or rules",
        "    3  no violation, but incomplete: a check is unsettled, or nothing was checked",
        "    4  internal error, or the report could not be written",
        "  130  interrupted; the partial report is written",
    ] {
        assert!(help.contains(line), "{line}\n{help}");
    }
}

#[test]
fn the_help_says_why_the_time_out_is_what_it_is() {
    let (_, help, _) = run(&["check", "--help"]);
    assert!(help.contains("[default: 1.3]"), "{help}");
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
fn the_version_is_told() {
    let (status, version, _) = run(&["--version"]);
    assert_eq!(
        (status, version.as_str()),
        (0, concat!("ovcheck ", env!("CARGO_PKG_VERSION"), "\n"))
    );
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
        assert!(text.contains("\nnamed by     "), "{text}");
    }
    let demo = "\nto be seen   ovcheck demo --fault ";
    assert!(text.contains(demo), "{text}");
    let (_, text, _) = run(&["explain", "turn/turns-answers-binding"]);
    let said = "\npeople say   · TURN over TLS on 5349 is never used\n";
    assert!(text.contains(said), "{text}");
    let refused = refused(&["explain", "the moon is blue"]);
    let no_trouble = "no trouble is known of which people say \"the moon is blue\"";
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
            "error: --diff: 3.9 twice: there is nothing to compare\n  \
             = help: name two editions; they are 3.2, 3.6, 3.9",
        ),
        (&["--diff", "3.2", "3.8"], "[possible values: 3.2, 3.6, 3.9]"),
        (&["--diff", "3.2"], "2 values required"),
        (&["--diff", "3.2", "3.9", "--guide", "3.2"], "cannot be used with"),
        (&["prots"], "did you mean \"ports\"?"),
        (
            &["--guide", "3.2", "--policy", "443-udp"],
            "error: --policy: the guide of 3.2 knows no policy 443-udp\n  \
             = help: it is one of edition 3.9",
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
        "json=no-such-directory/report.json",
    ];
    let (status, stdout, said) = parts(&ovcheck(directory.path(), &arguments));
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("failed to write no-such-directory/report.json"), "{said}");
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
