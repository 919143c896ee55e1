//! `ovcheck lint` on files: what is printed, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// A right configuration, as `ovcheck proxy-config` writes it.
fn right() -> String {
    written("nginx")
}

/// The configuration that `ovcheck proxy-config` writes.
fn written(program: &str) -> String {
    let names = ["openvidu.example.io", "--turn-domain-name", "turn.example.io"];
    let node = ["--node", "openvidu=203.0.113.20"];
    let arguments = [&["proxy-config"], &names[..], &node, &["--for", program]].concat();
    String::from_utf8(ovcheck(Path::new("."), &arguments, "").stdout).unwrap()
}

fn ovcheck(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::cargo_bin("ovcheck").unwrap();
    command.args(arguments).current_dir(directory).write_stdin(input).output().unwrap()
}

fn lint_in(directory: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let output = ovcheck(directory, &[&["lint"], arguments].concat(), input);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// The report about these files in JSON.
fn report(nginx: &str) -> Value {
    let output = ovcheck(Path::new("/"), &["lint", "proxy", "-", "--format", "json"], nginx);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn end_of(report: &Value, name: &str) -> String {
    let traces = report["traces"].as_array().unwrap();
    let trace = traces.iter().find(|trace| trace["name"] == name && trace["port"] == 443).unwrap();
    let end = &trace["end"];
    format!("{} {}:{}", end["kind"], end["address"], end["port"]).replace('"', "")
}

#[test]
fn a_right_configuration_has_no_finding_and_shows_where_each_name_leads() {
    let report = report(&right());
    assert_eq!(report["summary"]["exit_code"], 0, "{:?}", report["findings"]);
    assert_eq!(end_of(&report, "openvidu.example.io"), "backend 203.0.113.20:7880");
    assert_eq!(end_of(&report, "turn.example.io"), "backend 203.0.113.20:5349");
}

/// The file that `ovcheck proxy-config` writes for each proxy has no finding.
#[test]
fn what_is_written_has_no_finding() {
    for program in ["nginx", "nginx-advanced", "haproxy", "caddy", "traefik"] {
        let report = report(&written(program));
        let findings = report["findings"].as_array().unwrap();
        let wrong: Vec<&Value> =
            findings.iter().filter(|finding| finding["verdict"] == "fail").collect();
        assert!(findings.len() > 10 && wrong.is_empty(), "{program}: {wrong:?}");
    }
}

/// Nor has what it writes for several machines, with IPv6, without TURN, without RTMP.
#[test]
fn what_is_written_for_haproxy_has_no_finding_in_other_deployments() {
    let masters = "--node one:master=203.0.113.21,2001:db8::21 --node two:master=203.0.113.22";
    for (deployment, least) in [
        (format!("--topology high-availability {masters}"), 15),
        (
            "--topology elastic --node one:master=203.0.113.21,2001:db8::21 --turn-domain-name turn.example.io"
                .to_owned(),
            15,
        ),
        ("--node openvidu=203.0.113.20 --node edge:proxy=203.0.113.10".to_owned(), 15),
        (
            "--node openvidu=203.0.113.20 --turn-domain-name turn.example.io --guide 3.9"
                .to_owned(),
            15,
        ),
    ] {
        let words: Vec<&str> = deployment.split_whitespace().collect();
        let arguments =
            [&["proxy-config", "openvidu.example.io", "--for", "haproxy"], &words[..]].concat();
        let written = ovcheck(Path::new("/"), &arguments, "");
        let text = String::from_utf8(written.stdout).unwrap();
        let named =
            ["lint", "proxy", "-", "--format", "json", "--domain-name", "openvidu.example.io"];
        let output = ovcheck(Path::new("/"), &[&named, &words[..]].concat(), &text);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let findings = report["findings"].as_array().unwrap();
        let wrong: Vec<&Value> = findings
            .iter()
            .filter(|finding| ["fail", "inconclusive"].iter().any(|it| finding["verdict"] == *it))
            // The files of the certificates are not on this machine.
            .filter(|finding| finding["rule"] != "proxy/certificate-files")
            .collect();
        assert!(findings.len() > least && wrong.is_empty(), "{deployment}: {wrong:?}");
    }
}

#[test]
fn a_line_of_haproxy_is_named_with_what_it_becomes() {
    let directory = tempfile::tempdir().unwrap();
    let parts = directory.path().join("parts");
    fs::create_dir(&parts).unwrap();
    let wrong = written("haproxy")
        .replace(":5349 check", ":5349 send-proxy check")
        .replace(":7880 check", ":7881 check");
    let (head, backends) = wrong.split_once("# Raw TCP").unwrap();
    fs::write(parts.join("10-head.cfg"), head).unwrap();
    fs::write(parts.join("20-backends.cfg"), format!("#{backends}")).unwrap();
    fs::write(parts.join("notes.txt"), "buy milk").unwrap();
    let (status, text) = lint_in(directory.path(), &["proxy", "parts"], "");
    assert_eq!(status, Some(1), "{text}");
    for part in [
        "proxy/proxy-header-agrees",
        "+     server node1 203.0.113.20:5349 check",
        "proxy/api-reaches-openvidu",
        "+     server node1 203.0.113.20:7880 check",
        "parts/20-backends.cfg:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let both = ["proxy", "parts/10-head.cfg", "parts/20-backends.cfg"];
    let (status, of_both) = lint_in(directory.path(), &both, "");
    assert_eq!(status, Some(1), "{of_both}");
    // The first line has the time that it took.
    let without_head = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(without_head(&of_both), without_head(&text));
}

#[test]
fn secrets_of_haproxy_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let with_secrets = written("haproxy").replace(
        "    mode tcp\n",
        "    mode tcp\n    stats auth admin:geheim1\n    timeout client \"geheim-open\n",
    ) + "\nuserlist people\n    user a insecure-password geheim2 \"\n";
    fs::write(directory.path().join("haproxy.cfg"), with_secrets).unwrap();
    for format in ["table", "json", "sarif"] {
        let arguments = ["proxy", "haproxy.cfg", "--format", format, "-v"];
        let (status, text) = lint_in(directory.path(), &arguments, "");
        assert_eq!(status, Some(1), "{text}");
        assert!(!text.contains("geheim1") && !text.contains("geheim2"), "{format}: {text}");
    }
}

/// Without TURN, and with several machines behind the proxy.
#[test]
fn what_is_written_for_caddy_leads_where_the_duties_say() {
    let masters = ["--topology", "high-availability", "--turn-domain-name", "turn.example.io"];
    let nodes = ["--node", "one:master=203.0.113.21", "--node", "two:master=203.0.113.22"];
    let several = [&masters[..], &nodes[..]].concat();
    let single = ["--node", "openvidu=203.0.113.20"];
    for (flags, turn) in [(&several[..], true), (&single[..], false)] {
        let domain = ["proxy-config", "openvidu.example.io", "--for", "caddy"];
        let written = ovcheck(Path::new("."), &[&domain[..], flags].concat(), "");
        let text = String::from_utf8(written.stdout).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        let names = ["--domain-name", "openvidu.example.io"];
        let lint = [&["lint", "proxy", "-", "--format", "json"], &names[..]].concat();
        let output = ovcheck(Path::new("/"), &[&lint[..], flags].concat(), &text);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let wrong: Vec<&Value> =
            findings.iter().filter(|finding| finding["verdict"] == "fail").collect();
        assert!(findings.len() > 10 && wrong.is_empty(), "{text} {wrong:?}");
        let first = if turn { "21" } else { "20" };
        assert_eq!(
            end_of(&report, "openvidu.example.io"),
            format!("backend 203.0.113.{first}:7880")
        );
        if turn {
            assert_eq!(end_of(&report, "turn.example.io"), "backend 203.0.113.21:5349");
        }
    }
}

/// The generator of LiveKit writes no listener on port 80 and none for RTMP. With both, nothing is wrong.
#[test]
fn what_livekit_writes_for_caddy_is_read() {
    let text = fs::read_to_string("fixtures/proxy/caddy/livekit.yaml").unwrap();
    let names = ["--domain-name", "openvidu.example.io", "--turn-domain-name", "turn.example.io"];
    let node = ["--node", "openvidu=10.0.0.20"];
    let arguments =
        [&["lint", "proxy", "-", "--format", "json"][..], &names[..], &node[..]].concat();
    let wrong = |text: &str| -> BTreeSet<String> {
        let output = ovcheck(Path::new("/"), &arguments, text);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let wrong = findings.filter(|finding| finding["verdict"] == "fail");
        wrong.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    let missing = ["proxy/nothing-listens-for", "proxy/redirect-keeps-name-and-path"];
    assert_eq!(wrong(&text), missing.map(str::to_owned).into());
    let more = r"
      rtmps:
        listen: [':1935']
        routes:
          - match: [{tls: {sni: [openvidu.example.io]}}]
            handle:
              - handler: tls
              - handler: proxy
                upstreams: [{dial: ['10.0.0.20:1945']}]
  http:
    servers:
      redirect:
        listen: [':80']
        routes:
          - handle:
              - handler: static_response
                status_code: 308
                headers: {Location: ['https://{http.request.host}{http.request.uri}']}
";
    assert_eq!(wrong(&[&text, more].concat()), BTreeSet::new());
    let turned = text.replace(
        "              - handler: tls\n              - handler: proxy",
        "              - handler: proxy",
    );
    assert!(wrong(&turned).contains("proxy/tls-ends-once"));
}

/// Rules that are about every proxy see what breaks them in a file of Caddy, and nothing else is broken.
#[test]
fn each_change_of_the_file_for_caddy_breaks_the_rule_about_it() {
    let right = written("caddy");
    let tls = r#"{"handler": "tls"},"#;
    let policy = r#"{"alpn": ["http/1.1"]}"#;
    for (old, new, rule) in [
        (r#"["http/1.1"]"#, r#"["h2", "http/1.1"]"#, "proxy/alpn-fits-backend"),
        // Without a list, Caddy offers h2 first.
        (policy, "{}", "proxy/alpn-fits-backend"),
        (tls, "", "proxy/tls-ends-once"),
        (
            r#""handler": "proxy","#,
            r#""handler": "proxy", "proxy_protocol": "v1","#,
            "proxy/proxy-header-agrees",
        ),
        (r#"20:7880"]"#, r#"20:7880"], "tls": {}"#, "proxy/no-second-tls"),
        (
            policy,
            r#"{"alpn": ["http/1.1"], "client_authentication": {"mode": "require"}}"#,
            "proxy/no-client-certificate",
        ),
        (policy, r#"{"alpn": ["http/1.1"], "protocol_min": "tls1.3"}"#, "proxy/tls-versions"),
        ("203.0.113.20:5349", "127.0.0.1:5349", "proxy/turn-backend-not-loopback"),
        ("203.0.113.20:7880", "<OPENVIDU_PRIVATE_IP>:7880", "proxy/no-placeholders"),
        (r#""status_code": 301"#, r#""status_code": 200"#, "proxy/redirect-keeps-name-and-path"),
        (r#""handler": "proxy""#, r#""handler": "reverse_proxy""#, "proxy/syntax"),
    ] {
        let text = right.replace(old, new);
        assert_ne!(text, right, "{old}");
        let report = report(&text);
        let findings = report["findings"].as_array().unwrap().iter();
        let broken: BTreeSet<&str> = findings
            .filter(|finding| finding["verdict"] == "fail")
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        assert_eq!(broken, [rule].into(), "{new}");
    }
}

/// The same of a file of Traefik.
#[test]
fn each_change_of_the_file_for_traefik_breaks_the_rule_about_it() {
    let right = written("traefik");
    let turn = "rule: \"HostSNI(`turn.example.io`)\"\n      service: openvidu-turn\n      tls:\n        certResolver: letsencrypt";
    let without_tls = turn.replace("\n      tls:\n        certResolver: letsencrypt", "");
    let passing = turn.replace("certResolver: letsencrypt", "passthrough: true");
    let options = [
        "",
        "\ntls:\n  options:\n    default: {clientAuth: {clientAuthType: RequireAnyClientCert}}\n",
    ];
    for (old, new, rule) in [
        (turn, without_tls.as_str(), "proxy/traefik-routers-used"),
        (turn, passing.as_str(), "proxy/tls-ends-once"),
        ("service: openvidu-turn", "service: openvidu-tun", "proxy/traefik-routers-used"),
        ("203.0.113.20:5349", "203.0.113.20:3478", "proxy/turn-reaches-turn"),
        ("203.0.113.20:5349", "127.0.0.1:5349", "proxy/turn-backend-not-loopback"),
        ("203.0.113.20:7880", "<OPENVIDU_PRIVATE_IP>:7880", "proxy/no-placeholders"),
        ("\"http://203", "\"https://203", "proxy/no-second-tls"),
        ("dialTimeout: 5s", "dialTimeout: 30s", "proxy/connect-timeout-short"),
        (
            "    openvidu:\n      dialTimeout: 5s",
            "    openvidu:\n      dialTimeout: 5s\n      proxyProtocol: {}",
            "proxy/proxy-header-agrees",
        ),
        (
            "          to: websecure",
            "          to: websecure\n          scheme: http",
            "proxy/redirect-keeps-name-and-path",
        ),
        ("  websecure:\n", "  websecure:\n    http3: {}\n", "proxy/no-http3-on-443"),
        (
            "  websecure:\n",
            "  websecure:\n    forwardedHeaders: {insecure: true}\n",
            "proxy/trusts-only-its-proxy",
        ),
        (
            "certResolver: letsencrypt\n  services:\n    openvidu-api",
            "certResolver: other\n  services:\n    openvidu-api",
            "proxy/certificate-files",
        ),
        (
            "entryPoints: [websecure]\n      rule: \"Host(",
            "entrypoint: [websecure]\n      rule: \"Host(",
            "proxy/syntax",
        ),
        (options[0], options[1], "proxy/no-client-certificate"),
    ] {
        let text =
            if old.is_empty() { format!("{right}{new}") } else { right.replacen(old, new, 1) };
        assert_ne!(text, right, "{old}");
        let report = report(&text);
        let findings = report["findings"].as_array().unwrap().iter();
        let broken: BTreeSet<&str> = findings
            .filter(|finding| finding["verdict"] == "fail")
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        assert_eq!(broken, [rule].into(), "{new}");
    }
}

#[test]
fn a_caddyfile_is_refused_with_the_command_that_makes_json_of_it() {
    let text = "openvidu.example.io {\n\treverse_proxy 10.0.0.20:7880\n}\n";
    for kind in [&[][..], &["--kind", "caddy"]] {
        let (status, said) = lint_in(Path::new("/"), &[&["proxy", "-"], kind].concat(), text);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("caddy adapt --config Caddyfile --pretty > caddy.json"), "{said}");
    }
}

#[test]
fn a_wrong_port_is_named_with_its_line_and_what_it_becomes() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = right().replace(":5349", ":5350");
    let number = wrong.lines().position(|line| line.contains(":5350")).unwrap() + 1;
    fs::write(directory.path().join("nginx.conf"), &wrong).unwrap();
    let (status, text) = lint_in(directory.path(), &["proxy", "nginx.conf"], "");
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("proxy/turn-reaches-turn"), "{text}");
    assert!(text.contains(&format!("nginx.conf:{number}:")), "{text}");
    assert!(text.contains("+         server 203.0.113.20:5349;"), "{text}");
    let (_, sarif) = lint_in(directory.path(), &["proxy", "nginx.conf", "--format", "sarif"], "");
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "nginx.conf");
    assert_eq!(place["region"]["startLine"], number);
    assert!(place["region"]["startColumn"].as_u64().unwrap() > 1, "{place}");
}

/// A comment accepts what a rule finds on its line, with a reason, and nothing else.
#[test]
fn a_comment_accepts_a_violation_on_its_line_if_it_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let lint = |comment: &str, above: &str| {
        let wrong = right().replace(
            "        server 203.0.113.20:5349;",
            &format!("{above}        server 203.0.113.20:5350;{comment}"),
        );
        assert!(wrong.contains(":5350"));
        fs::write(directory.path().join("nginx.conf"), wrong).unwrap();
        lint_in(directory.path(), &["proxy", "nginx.conf"], "")
    };
    let ignore = "# ovcheck: ignore proxy/turn-reaches-turn";
    let (status, text) = lint(&format!(" {ignore} moves in June"), "");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("moves in June") && text.contains("nginx.conf:"), "{text}");
    let (status, text) = lint("", &format!("        {ignore} moves in June\n"));
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = lint(&format!(" {ignore}"), "");
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("it gives no reason"), "{text}");
    let (status, text) = lint(" # ovcheck: ignore proxy/both-families moves in June", "");
    assert_eq!(status, Some(1), "{text}");
    let (status, text) = lint("", "        # ovcheck: ignore proxy/nothing moves in June\n");
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("covers nothing"), "{text}");
}

#[test]
fn files_of_another_machine_are_read_below_a_directory() {
    let copy = tempfile::tempdir().unwrap();
    let nginx = copy.path().join("etc/nginx");
    fs::create_dir_all(&nginx).unwrap();
    fs::write(nginx.join("nginx.conf"), right()).unwrap();
    let root = copy.path().to_str().unwrap();
    let (status, text) = lint_in(Path::new("/"), &["--root", root], "");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("203.0.113.20:7880"), "{text}");
}

/// The directory of a customer's machine, with four mistakes; its secrets stand in `openvidu.env`.
fn customer(root: &Path) {
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openvidu/right");
    let installed = root.join("opt/openvidu");
    fs::create_dir_all(installed.join("config")).unwrap();
    for file in [".env", "docker-compose.yaml", "config/meet.env"] {
        fs::copy(right.join(file), installed.join(file)).unwrap();
    }
    let change = |file: &str, changes: &[(&str, &str)]| {
        let mut text = fs::read_to_string(right.join(file)).unwrap();
        for (old, new) in changes {
            assert!(text.contains(old), "{file} has no {old:?}");
            text = text.replace(old, new);
        }
        fs::write(installed.join(file), text).unwrap();
    };
    change(
        "config/openvidu.env",
        &[("DOMAIN_NAME=openvidu.example.io", "DOMAIN_NAME=old.example.io")],
    );
    change(
        "config/livekit.yaml",
        &[
            ("    external_tls: true\n", ""),
            ("\nrtc:\n", "\nrtc:\n    use_ice_lite_: true\n"),
            ("relay_range_start: 40000", "relay_range_start: 45000"),
            ("relay_range_end: 49999", "relay_range_end: 55000"),
        ],
    );
}

#[test]
fn a_customers_directory_names_its_mistakes_and_shows_no_secret() {
    let machine = tempfile::tempdir().unwrap();
    customer(machine.path());
    let packed = machine.path().join("customer.tar");
    let tar = |arguments: &[&str], directory: &Path| {
        let mut command = std::process::Command::new("tar");
        assert!(command.args(arguments).current_dir(directory).status().unwrap().success());
    };
    tar(&["-cf", packed.to_str().unwrap(), "opt"], machine.path());
    let unpacked = tempfile::tempdir().unwrap();
    tar(&["-xf", packed.to_str().unwrap()], unpacked.path());
    let env = fs::read_to_string(unpacked.path().join("opt/openvidu/config/openvidu.env")).unwrap();
    let is_secret = |name: &str| {
        ["SECRET", "PASSWORD", "KEY", "LICENSE"].iter().any(|word| name.contains(word))
    };
    let secrets: Vec<String> = env
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| is_secret(name))
        .map(|(_, value)| value.trim_matches('\'').to_owned())
        .collect();
    assert!(secrets.len() > 3, "{secrets:?}");
    let root = unpacked.path().to_str().unwrap();
    for format in ["table", "json", "junit", "sarif", "github", "markdown", "html"] {
        let (status, text) = lint_in(
            Path::new("/"),
            &[
                "openvidu",
                "--root",
                root,
                "--domain-name",
                "openvidu.example.io",
                "--turn-domain-name",
                "turn.example.io",
                "--format",
                format,
                "-v",
            ],
            "",
        );
        assert_eq!(status, Some(1), "{format}: {text}");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{format} shows {secret}");
        }
        if format == "table" {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for named in
                ["old.example.io", "use_ice_lite_", "external_tls", "config/relay-range-apart"]
            {
                assert!(text.contains(named), "{named} is not in {text}");
            }
        }
    }
}

#[test]
fn a_report_that_leaves_the_house_names_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let of_customer = directory.path().join("bank-of-nowhere");
    fs::create_dir(&of_customer).unwrap();
    let nginx = of_customer.join("nginx.conf");
    fs::write(&nginx, right().replace(":5349", ":5350")).unwrap();
    let nginx = nginx.to_str().unwrap();
    for format in ["table", "json", "sarif", "markdown"] {
        let arguments = ["proxy", nginx, "--redact", "names", "--format", format];
        let (status, text) = lint_in(Path::new("/"), &arguments, "");
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("nginx.conf") && !text.contains("bank-of-nowhere"), "{text}");
        assert!(!text.contains("openvidu.example.io"), "{format}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_configuration_is_refused_in_one_line_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("binary"), b"\x7fELF\0\0").unwrap();
    fs::write(here.join("notes"), "buy milk\n").unwrap();
    let made = std::process::Command::new("mkfifo").arg(here.join("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("round", here.join("round")).unwrap();
    for (arguments, complaint) in [
        (["proxy", "nothing"].as_slice(), "nothing: no such file"),
        (&["proxy", "/dev/zero"], "/dev/zero: this is a directory, a device or a pipe"),
        (&["proxy", "pipe"], "pipe: this is a directory, a device or a pipe"),
        (&["proxy", "."], ".: this is a directory, a device or a pipe"),
        (&["proxy", "binary"], "binary: the file is not a text"),
        (&["proxy", "notes"], "notes: this is not the configuration of a proxy"),
        (&["proxy", "round"], "round: the symbolic links lead in a circle"),
        (&["proxy", "-", "-"], "standard input can be read only once"),
        (&["openvidu", "nothing"], "nothing: no such file"),
        (&["openvidu", "."], ".: no configuration file of OpenVidu is in this directory"),
        (&["openvidu", "pipe"], "pipe: this is a directory, a device or a pipe"),
    ] {
        let (status, text) = lint_in(here, arguments, "");
        assert_eq!(status, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(complaint) && text.contains("help:"), "{arguments:?}: {text}");
        assert!(text.lines().count() <= 3, "{arguments:?}: {text}");
    }
}
