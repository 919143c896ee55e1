//! Installations as the guide describes them, and as they should not be.

use super::*;

const SECRET: &str = "s3cr3t-that-nobody-may-see";

fn file(path: &str, text: &str) -> InstallationFile {
    InstallationFile { path: path.to_owned(), text: text.to_owned(), is_named: true }
}

/// The text of the deployment file, and the notes.
fn started(flags: Flags, files: &[InstallationFile]) -> (String, Vec<String>) {
    let (flags, notes, warnings) = Installation::of(files).unwrap().complete(flags).unwrap();
    let text = crate::config::deployment_file(&flags, &notes).unwrap();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    for shown in warnings.iter().chain([&text]) {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    (text, warnings)
}

fn has_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
}

fn openvidu_env(more: &str) -> InstallationFile {
    let text = format!(
        "DOMAIN_NAME=openvidu.example.io\nLIVEKIT_API_SECRET={SECRET}\nREDIS_PASSWORD={SECRET}\n{more}"
    );
    file("openvidu.env", &text)
}

fn command(script: &str, flags: &str) -> InstallationFile {
    let text = format!(
        "sh <(curl -fsSL http://get.openvidu.io/{script}) \\\n --no-tty --install \\\n \
         --livekit-api-secret='{SECRET}' --redis-password {SECRET} \\\n {flags}\n"
    );
    file("command.txt", &text)
}

#[test]
fn a_single_node_is_read_from_its_settings() {
    let env = openvidu_env(
        "LIVEKIT_TURN_DOMAIN_NAME=turn.example.io\nENABLED_MODULES=openviduMeet,observability\n\
         OPENVIDU_RTC_ENGINE=mediasoup\n",
    );
    let compose =
        file("docker-compose.yaml", "  image: docker.io/openvidu/openvidu-server:3.9.0\n");
    let (text, warnings) = started(Flags::default(), &[env, compose]);
    assert_eq!(warnings, [""; 0]);
    has_lines(
        &text,
        &[
            "domain-name = \"openvidu.example.io\"",
            "turn-domain-name = \"turn.example.io\"",
            "guide = \"3.9\"",
            "topology = \"single-node\"",
            "rtc-engine = \"mediasoup\"",
            "enabled-modules = [\"observability\", \"openviduMeet\"]",
            "#[nodes.proxy]",
        ],
    );
}

#[test]
fn an_elastic_deployment_is_read_from_the_commands_of_its_nodes() {
    let master = command(
        "pro/elastic/3.9.1/install_ov_master_node.sh",
        "--node-role='master-node' --domain-name='openvidu.example.io' \\\n \
         --turn-domain-name='turn.example.io' --private-ip='10.0.0.11' --external-proxy",
    );
    let media = command(
        "pro/elastic/3.9.1/install_ov_media_node.sh",
        "--node-role='media-node' --master-node-private-ip='10.0.0.11' --private-ip=10.0.0.21 \\\n \
         --public-ip=203.0.113.21",
    );
    let (text, warnings) = started(Flags::default(), &[master, media]);
    assert_eq!(warnings, [""; 0]);
    has_lines(
        &text,
        &[
            "topology = \"elastic\"",
            "[nodes.media-1]\nrole = \"media\"\naddresses = [\"203.0.113.21\"]\n\
             private-addresses = [\"10.0.0.21\"]",
            "#[nodes.master]\n#addresses = [\"…\"]\n#private-addresses = [\"10.0.0.11\"]",
        ],
    );
}

#[test]
fn high_availability_is_recognised_by_its_master_nodes() {
    let env = openvidu_env("LIVEKIT_TURN_DOMAIN_NAME=turn.example.io\n");
    let node = file(
        "/opt/openvidu/config/node/media_node.env",
        &format!(
            "MEDIA_NODE_PRIVATE_IP=10.5.0.9\nMASTER_NODE_1_PRIVATE_IP=10.5.0.1\n\
             MASTER_NODE_2_PRIVATE_IP=10.5.0.2\nREDIS_PASSWORD={SECRET}\n"
        ),
    );
    let flags =
        Flags { node: vec!["master-2:master=203.0.113.12".parse().unwrap()], ..Flags::default() };
    let (text, _) = started(flags, &[env, node]);
    has_lines(
        &text,
        &[
            "topology = \"high-availability\"",
            "[nodes.master-2]\nrole = \"master\"\naddresses = [\"203.0.113.12\"]\n\
             private-addresses = [\"10.5.0.2\"]",
            "#[nodes.master-1]\n#role = \"master\"\n#addresses = [\"…\"]\n\
             #private-addresses = [\"10.5.0.1\"]",
            "#[nodes.media-1]\n#role = \"media\"\n#addresses = [\"…\"]\n\
             #private-addresses = [\"10.5.0.9\"]",
        ],
    );
}

#[test]
fn what_contradicts_the_guide_is_named_with_file_and_line() {
    let said = |flags: &str| {
        let script = "pro/singlenode/3.9.0/install.sh";
        started(Flags::default(), &[command(script, flags)]).1.join("\n")
    };
    let whole =
        "--domain-name=openvidu.example.io --turn-domain-name=turn.example.io --external-proxy";
    assert_eq!(said(whole), "");
    let no_proxy = said("--domain-name=openvidu.example.io --turn-domain-name=turn.example.io");
    assert!(
        no_proxy.starts_with("command.txt:4: the command has no --external-proxy"),
        "{no_proxy}"
    );
    let no_turn = said("--domain-name=openvidu.example.io --external-proxy");
    assert!(no_turn.starts_with("command.txt: sets no TURN domain"), "{no_turn}");
    let same = "--domain-name=a.example.io --turn-domain-name=a.example.io --external-proxy";
    assert!(
        said(same).starts_with("command.txt:4: the TURN domain is the domain"),
        "{}",
        said(same)
    );
    for (more, words) in [
        ("--experimental-turn-tls-with-main-domain", "does not work behind an external proxy"),
        ("--enabled-modules=observability,app", "OpenVidu 3.9 has no module app"),
        ("--enabled-modules=observability,grafana", "not a module that ovcheck knows"),
        ("--rtc-engine='<ENGINE>'", "a variable or a placeholder"),
        ("--rtc-engine=jitsi", "not an RTC engine"),
        ("--private-ip=10.0.0.0/8", "not the IP address of one machine"),
    ] {
        let said = said(&format!("{whole} {more}"));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_policy_without_its_turn_domain_is_left_out_and_said() {
    let flags =
        Flags { policy: Some(crate::model::deployment::Policy::ForcedTurn), ..Flags::default() };
    let (text, warnings) = started(flags, &[openvidu_env("LIVEKIT_TURN_DOMAIN_NAME=\n")]);
    assert!(
        warnings[0].starts_with("openvidu.env: sets no TURN domain, but the policy forced-turn")
    );
    has_lines(&text, &["#policy = \"default\""]);
    assert!(text.contains("# CHECK openvidu.env: sets no TURN domain"), "{text}");
}

#[test]
fn files_that_disagree_are_named_and_settings_go_before_commands() {
    let command = command(
        "community/singlenode/3.6.0/install.sh",
        "--domain-name=old.example.io --turn-domain-name=turn.example.io --external-proxy",
    );
    let (text, warnings) = started(
        Flags { guide: Some(Edition::NEWEST), ..Flags::default() },
        &[openvidu_env(""), command],
    );
    has_lines(&text, &["domain-name = \"openvidu.example.io\"", "guide = \"3.9\""]);
    assert_eq!(
        warnings,
        [
            "command.txt:4: another domain name than in openvidu.env:1, which was used",
            "command.txt:1: differs from --guide, which was used",
        ]
    );
}

#[test]
fn without_a_version_the_modules_tell_the_newest_edition_that_has_them() {
    let env =
        openvidu_env("LIVEKIT_TURN_DOMAIN_NAME=turn.example.io\nENABLED_MODULES=openviduMeet\n");
    let (text, warnings) = started(Flags::default(), &[env]);
    has_lines(&text, &["guide = \"3.9\""]);
    assert!(warnings[0].starts_with("openvidu.env:5: the files do not name the installed version"));
}

#[test]
fn a_cluster_of_an_unknown_kind_is_not_guessed() {
    let node = file("config/node/master_node.env", "MASTER_NODE_PRIVATE_IP=10.0.0.1\n");
    let files = [openvidu_env(""), node];
    let complaint = Installation::of(&files).unwrap().complete(Flags::default()).unwrap_err();
    assert!(complaint.message.contains("Elastic or High Availability"), "{complaint}");
    let flags = Flags { topology: Some(Topology::Elastic), ..Flags::default() };
    let (text, _) = started(flags, &files);
    has_lines(&text, &["#private-addresses = [\"10.0.0.1\"]"]);
}

#[test]
fn a_file_that_is_of_something_else_is_refused_and_not_shown() {
    let complaint = Installation::of(&[file("x.env", SECRET)]).unwrap_err();
    let text = complaint.to_string();
    assert!(text.starts_with("error: x.env: this file says nothing about OpenVidu"), "{text}");
    assert!(!text.contains(SECRET));
}
