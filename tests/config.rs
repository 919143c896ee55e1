//! Flags, environment and deployment file, as people give them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use ovcheck::app::{self, Prepared};
use ovcheck::config::{
    DeploymentFile, FileChoice, FileNotes, Flags, RunConfig, deployment_file, find, load,
};
use ovcheck::model::context::{ConfigLines, CredentialKind, RunCommand};
use ovcheck::model::deployment::{Edition, Feature, NodeRole, Policy, RtcEngine, Usage, Uses};
use ovcheck::model::dial::{HttpProxy, StunServer};
use ovcheck::model::edition::ChosenBy;
use ovcheck::model::name::DomainName;
use ovcheck::model::probe::{CallDepth, SweepLoad};
use ovcheck::model::secret::{Credentials, Secret};
use ovcheck::model::vantage::Zone;

use support::kept::difference;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,
}

/// Loads from flags (words separated by spaces), `VARIABLE=value` pairs and a file's text.
fn load_from(flags: &str, variables: &[(&str, &str)], file: &str) -> Result<RunConfig, String> {
    let flags = CommandLine::try_parse_from(flags.split_whitespace())
        .map_err(|error| error.to_string())?
        .flags;
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let environment = |name: &str| variables.get(name).map(|text| (*text).to_owned());
    let file = DeploymentFile {
        path: "ovcheck.toml".to_owned(),
        text: file.to_owned(),
        choice: FileChoice::Named,
    };
    load(&flags, &environment, Some(&file)).map_err(|complaint| complaint.to_string())
}

fn domain(config: &RunConfig) -> &str {
    config.deployment.domain.as_str()
}

fn fixture(name: &str) -> RunConfig {
    let path = format!("fixtures/deployments/{name}.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let file = DeploymentFile { path, text, choice: FileChoice::Named };
    load(&Flags::default(), &|_| None, Some(&file))
        .unwrap_or_else(|complaint| panic!("{name}: {complaint}"))
}

/// A file that gives every value, as if it were the file of [`load_from`].
fn every_key() -> RunConfig {
    RunConfig { config_file: Some("ovcheck.toml".to_owned()), ..fixture("every-key") }
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = "domain-name = \"a.example.io\"\nturn-domain-name = \"file.example.io\"";
    let variables = [("OVCHECK_TURN_DOMAIN_NAME", "environment.example.io")];
    let flag = "--turn-domain-name flag.example.io";
    let turn_domain = |config: &RunConfig| config.deployment.turn_domain.clone().unwrap();

    let all = load_from(flag, &variables, file).unwrap();
    let without_flag = load_from("", &variables, file).unwrap();
    let file_only = load_from("", &[], file).unwrap();

    assert_eq!(turn_domain(&all).as_str(), "flag.example.io");
    assert_eq!(turn_domain(&without_flag).as_str(), "environment.example.io");
    assert_eq!(turn_domain(&file_only).as_str(), "file.example.io");
}

#[test]
fn every_value_can_stand_in_the_environment() {
    let variables = [
        ("OVCHECK_GUIDE", "3.2"),
        ("OVCHECK_TOPOLOGY", "single-node"),
        ("OVCHECK_DOMAIN_NAME", "openvidu.example.io"),
        ("OVCHECK_TURN_DOMAIN_NAME", "turn.example.io"),
        ("OVCHECK_POLICY", "forced-turn"),
        ("OVCHECK_RTC_ENGINE", "mediasoup"),
        ("OVCHECK_USES", "rtmp,whip,ice-tcp,public-minio"),
        (
            "OVCHECK_NODE",
            "edge:proxy=203.0.113.10,2001:db8:5::10 openvidu=203.0.113.20,2001:db8:5::20",
        ),
        ("OVCHECK_PRIVATE_ADDRESS", "edge=10.0.0.10"),
        ("OVCHECK_RULES", "fixtures/deployments/rules"),
        ("OVCHECK_DNS_SERVER", "192.0.2.53:5353"),
        ("OVCHECK_CA_FILE", "fixtures/deployments/company-roots.pem"),
        ("OVCHECK_STUN_SERVER", "stun.example.net:19302"),
        ("OVCHECK_CONNECT_TO", "203.0.113.10:443:203.0.113.99:8443"),
        (
            "OVCHECK_RESOLVE",
            "openvidu.example.io:443:203.0.113.10,2001:db8:5::10 turn.example.io:*:203.0.113.10",
        ),
        ("OVCHECK_TIMEOUT", "2"),
        ("OVCHECK_DEADLINE", "40.5"),
        ("OVCHECK_HOLD", "3.5"),
        ("OVCHECK_UDP_RATE", "5000"),
        ("OVCHECK_SWEEP", "openvidu 203.0.113.99"),
        ("OVCHECK_ALLOW_LARGE_SWEEP", "true"),
        ("OVCHECK_FIND_EXTENT", "true"),
        ("OVCHECK_API_KEY", "APIkey123"),
        ("OVCHECK_API_SECRET", "secretsecretsecretsecretsecretsecret"),
        ("OVCHECK_HTTP_PROXY", "http://proxy.example.net:3128"),
        ("OVCHECK_DEEP", "true"),
        ("OVCHECK_ZONE", "internet"),
        ("OVCHECK_VANTAGE_NAME", "ci-eu"),
    ];
    let config = load_from("", &variables, "").unwrap();
    // Those are about the file that holds the secret.
    let warnings = Vec::new();
    assert_eq!(config, RunConfig { warnings, config_lines: no_lines(), ..every_key() });
}

/// The lines of a file that declares nothing.
fn no_lines() -> Option<ConfigLines> {
    Some(ConfigLines::default())
}

/// Every value, by flags.
const EVERY_FLAG: &str = "openvidu.example.io --guide 3.2 --topology single-node \
        --turn-domain-name turn.example.io --policy forced-turn --rtc-engine mediasoup \
        --uses rtmp,whip,ice-tcp,public-minio \
        --node edge:proxy=203.0.113.10,2001:db8:5::10 \
        --node openvidu=203.0.113.20,2001:db8:5::20 \
        --private-address edge=10.0.0.10 \
        --rules fixtures/deployments/rules --dns-server 192.0.2.53:5353 \
        --ca-file fixtures/deployments/company-roots.pem \
        --stun-server stun.example.net:19302 \
        --connect-to 203.0.113.10:443:203.0.113.99:8443 \
        --resolve openvidu.example.io:443:203.0.113.10,2001:db8:5::10 \
        --resolve turn.example.io:*:203.0.113.10 \
        --timeout 2 --deadline 40.5 --hold 3.5 --udp-rate 5000 --find-extent \
        --sweep openvidu --sweep 203.0.113.99 --allow-large-sweep \
        --api-key APIkey123 --api-secret-file fixtures/deployments/api-secret \
        --http-proxy http://proxy.example.net:3128 --deep --zone internet --vantage-name ci-eu";

#[test]
fn every_value_can_be_given_by_a_flag() {
    let config = load_from(EVERY_FLAG, &[], "").unwrap();
    assert_eq!(config, RunConfig { config_lines: no_lines(), ..every_key() });
}

/// What `ovcheck init` writes for these flags.
fn written_for(flags: &str) -> Result<String, String> {
    let flags = CommandLine::try_parse_from(flags.split_whitespace()).unwrap().flags;
    deployment_file(&flags, &FileNotes::default()).map_err(|complaint| complaint.to_string())
}

#[test]
fn a_file_made_from_flags_says_what_the_flags_say() {
    for flags in [
        EVERY_FLAG,
        "openvidu.example.io",
        "openvidu.example.io --uses none --enabled-modules none --guide 3.9 --policy 443-udp",
        "openvidu.example.io --topology high-availability --guide 3.9 \
            --node master-1:master=203.0.113.11 --node master-2:master=203.0.113.12 \
            --node media-1:media=203.0.113.21,2001:db8::21 --node proxy=203.0.113.10 \
            --private-address media-1=10.0.0.21 --enabled-modules observability,openviduMeet",
        "openvidu.example.io --connect-to ::[2001:db8::1]: --connect-to [2001:db8::2]:50-60:: \
            --stun-server [2001:db8::3]:19302 --dns-server [2001:db8::53]:53 --deadline 30",
    ] {
        let by_flags = load_from(flags, &[], "").unwrap();
        let by_file = load_from("", &[], &written_for(flags).unwrap()).unwrap();
        let config_lines = by_flags.config_lines.clone();
        assert_eq!(RunConfig { config_lines, ..by_file }, by_flags, "{flags}");
    }
}

#[test]
fn a_file_is_not_made_from_flags_that_a_run_refuses() {
    let refused = |flags: &str| written_for(flags).unwrap_err();
    assert!(refused("").contains("the domain name is missing"));
    let policy = refused("openvidu.example.io --policy forced-turn");
    assert!(policy.contains("--policy: the policy forced-turn requires a TURN domain"), "{policy}");
}

#[test]
fn what_no_flag_says_is_in_the_file_as_a_comment() {
    let text =
        written_for("openvidu.example.io --topology elastic --node proxy=203.0.113.10").unwrap();
    for line in [
        "#turn-domain-name = \"turn.example.io\"",
        "#[nodes.master]\n#addresses = [\"…\"]",
        "#[nodes.media-1]\n#role = \"media\"\n#addresses = [\"…\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("#[nodes.proxy]"), "{text}");
    // Each of them is a key that the file knows.
    let uncommented = text.replace("\n#", "\n").replace("\n ", "\n# ").replace("[\"…\"]", "[]");
    let complaint = load_from("", &[], &uncommented).unwrap_err();
    assert!(complaint.contains("the node \"master\" has no address"), "{complaint}");
}

#[test]
fn a_report_is_told_every_setting_but_no_secret() {
    let config = every_key();
    let context = config.context();
    assert_eq!(context.command, RunCommand::Check);
    assert_eq!(context.files.config.as_deref(), Some("ovcheck.toml"));
    assert_eq!(context.files.rules.as_deref(), Some("fixtures/deployments/rules"));
    let roots = Some("fixtures/deployments/company-roots.pem");
    assert_eq!(context.files.ca_file.as_deref(), roots);
    let options = &context.options;
    assert_eq!(options.zone, Some(Zone::Internet));
    assert_eq!(options.dns_server, config.dns_server);
    assert_eq!(options.stun_server[0].to_string(), "stun.example.net:19302");
    assert_eq!(options.resolve, config.resolve);
    assert_eq!(options.connect_to, config.dial.connect_to);
    assert_eq!(options.http_proxy.as_deref(), Some("proxy.example.net:3128"));
    assert_eq!(options.credentials, Some(CredentialKind::ApiKey));
    assert!(options.deep && options.find_extent && options.allow_large_sweep);
    let swept = ["203.0.113.20", "2001:db8:5::20", "203.0.113.99"];
    assert_eq!(options.sweep, addresses(&swept));
    assert_eq!((options.timeout, options.deadline), (config.timeout, config.deadline));
    assert_eq!((options.hold, options.udp_rate), (config.hold, config.udp_rate));
    assert!(!format!("{context:?}").contains("secretsecret"), "{context:?}");
}

#[test]
fn without_a_guide_the_newest_edition_with_all_that_is_declared_is_taken() {
    let domain = "domain-name = \"openvidu.example.io\"\n";
    for (declared, edition, by) in [
        ("", Edition::NEWEST, ChosenBy::Default),
        ("enabled-modules = [\"openviduMeet\"]", Edition::NEWEST, ChosenBy::Default),
        // OpenVidu Call, which 3.4 replaced.
        ("enabled-modules = [\"app\"]", Edition::V3_3, ChosenBy::Default),
        ("guide = \"3.2\"", Edition::V3_2, ChosenBy::Declared),
    ] {
        let config = load_from("", &[], &format!("{domain}{declared}")).unwrap();
        assert_eq!((config.deployment.edition, config.edition), (edition, by), "{declared}");
    }
    let both = format!("{domain}enabled-modules = [\"app\", \"openviduMeet\"]");
    let said = load_from("", &[], &both).unwrap_err();
    assert!(said.contains("OpenVidu 3.9 has no module app"), "{said}");
}

#[test]
fn every_key_of_the_file_is_understood() {
    let config = fixture("every-key");
    let deployment = &config.deployment;
    assert_eq!(deployment.policy, Policy::ForcedTurn);
    assert_eq!(deployment.rtc_engine, RtcEngine::Mediasoup);
    assert_eq!(deployment.uses.of(&Feature::PublicMinio), Usage::InUse);
    assert_eq!(deployment.nodes[0].name.as_str(), "edge");
    assert_eq!(deployment.nodes[0].role, NodeRole::Proxy);
    assert_eq!(deployment.nodes[0].private_addresses, addresses(&["10.0.0.10"]));
    assert_eq!(config.zone, Some(Zone::Internet));
    assert_eq!(config.vantage_name.as_deref(), Some("ci-eu"));
    assert_eq!(config.dns_server.unwrap().to_string(), "192.0.2.53:5353");
    let stun: DomainName = "stun.example.net".parse().unwrap();
    assert!(matches!(&config.stun_servers[..], [StunServer::Name(name, _)] if *name == stun));
    assert_eq!(config.dial.connect_to.len(), 1);
    assert_eq!(config.resolve.len(), 2);
    assert_eq!(config.timeout, Duration::from_secs(2));
    assert_eq!(config.deadline, Duration::from_millis(40_500));
    assert_eq!(config.hold, Some(Duration::from_millis(3500)));
    assert_eq!(config.udp_rate.to_string(), "5000");
    assert!(config.find_extent);
    assert_eq!(
        config.credentials,
        Some(Credentials::Key {
            key: "APIkey123".to_owned(),
            secret: Secret::new("secretsecretsecretsecretsecretsecret"),
        })
    );
    let proxy = config.http_proxy.as_ref().map(HttpProxy::to_string);
    assert_eq!(proxy.as_deref(), Some("proxy.example.net:3128"));
    assert_eq!(config.call(), Some(CallDepth::Dtls));
}

#[test]
fn a_path_in_the_file_starts_from_the_directory_of_the_file() {
    let config = fixture("every-key");
    assert_eq!(config.ca_file, Some(PathBuf::from("fixtures/deployments/company-roots.pem")));
    assert_eq!(config.rules, Some(PathBuf::from("fixtures/deployments/rules")));
}

#[test]
fn the_two_names_are_enough_for_a_run() {
    let config = fixture("names-only");
    assert_eq!(config.deployment.policy, Policy::Default);
    assert_eq!(config.deployment.rtc_engine, RtcEngine::Pion);
    assert_eq!(config.deployment.uses, Uses::Unsaid);
    assert_eq!(config.deployment.nodes, []);
    assert_eq!(config.timeout, Duration::from_millis(1300));
    assert_eq!(config.deadline, Duration::from_secs(15));
    assert_eq!(config.hold, None);
    assert_eq!(config.udp_rate.to_string(), "50000");
    assert!(!config.find_extent);
    assert_eq!(config.call(), None);
}

#[test]
fn a_long_time_out_gets_a_deadline_that_fits() {
    let config = load_from("a.example.io --timeout 20", &[], "").unwrap();
    assert_eq!(config.deadline, Duration::from_secs(60));
}

#[test]
fn a_slow_rate_gets_a_deadline_that_fits() {
    let config = load_from("a.example.io --udp-rate 100 --timeout 1", &[], "").unwrap();
    assert_eq!(config.deadline, Duration::from_secs(252));
    let refused = load_from("a.example.io --udp-rate 100 --deadline 20", &[], "").unwrap_err();
    assert!(refused.contains("at 100 per second"), "{refused}");
    let refused = load_from("a.example.io", &[("OVCHECK_UDP_RATE", "99")], "").unwrap_err();
    assert!(refused.contains("between 100 and 200000 datagrams per second"), "{refused}");
}

#[test]
fn looking_for_edges_gets_a_deadline_that_fits() {
    let deadline = |flags| load_from(flags, &[], "").map(|config| config.deadline.as_secs());
    assert_eq!(deadline("a.example.io --find-extent"), Ok(45));
    assert_eq!(deadline("a.example.io --find-extent=false"), Ok(15));
    assert_eq!(deadline("a.example.io --find-extent --deadline 33"), Ok(33));
    let refused = deadline("a.example.io --find-extent --deadline 32").unwrap_err();
    assert!(refused.contains("can take 30 seconds"), "{refused}");
    let wished = [("OVCHECK_FIND_EXTENT", "true")];
    assert!(load_from("a.example.io", &wished, "").unwrap().find_extent);
    let refused = load_from("a.example.io", &[("OVCHECK_FIND_EXTENT", "yes")], "").unwrap_err();
    assert!(refused.contains("use true or false"), "{refused}");
}

#[test]
fn a_long_rest_gets_a_deadline_that_fits() {
    let config = load_from("a.example.io --hold 60 --timeout 1", &[], "").unwrap();
    assert_eq!(config.deadline, Duration::from_secs(63));
    let refused = load_from("a.example.io --deadline 20", &[], "hold = 60").unwrap_err();
    assert!(refused.contains("hold a connection for 60 seconds"), "{refused}");
    let refused = load_from("a.example.io", &[("OVCHECK_HOLD", "0")], "").unwrap_err();
    assert!(refused.contains("hold must be between 1 and 120 seconds"), "{refused}");
}

/// A token for the room `room`; nobody signed it.
const TOKEN: &str = "e30.eyJ2aWRlbyI6eyJyb29tIjoicm9vbSIsInJvb21Kb2luIjp0cnVlfX0.\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A file in `directory` that holds `text`.
fn written(directory: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn of_a_token_and_a_key_that_goes_first_which_stands_in_the_higher_place() {
    let directory = tempfile::tempdir().unwrap();
    let token = written(directory.path(), "t", format!("{TOKEN}\n"));
    let secret = written(directory.path(), "s", "hush\r\n");
    let file = format!("api-key = \"APIkey\"\napi-secret-file = \"{secret}\"");
    let is_token = |flags: &str, variables: &[_], file: &str| match load_from(
        &format!("a.example.io {flags}"),
        variables,
        file,
    ) {
        Ok(config) => match config.credentials {
            Some(Credentials::Token(token)) => Ok(token == Secret::new(TOKEN)),
            Some(Credentials::Key { secret, .. }) => Ok(secret != Secret::new("hush")),
            None => Err("nothing".to_owned()),
        },
        Err(said) => Err(said),
    };
    let by_flag = format!("--token-file {token}");
    let key_by_flag = format!("--api-key k --api-secret-file {secret}");
    let by_variable = [("OVCHECK_TOKEN", TOKEN)];
    assert_eq!(is_token(&by_flag, &[], &file), Ok(true));
    assert_eq!(is_token("", &by_variable, &file), Ok(true));
    assert_eq!(is_token(&key_by_flag, &by_variable, &file), Ok(false));
    assert_eq!(is_token("", &[], &file), Ok(false));
    assert_eq!(is_token("--api-key k", &[("OVCHECK_API_SECRET", "hush")], ""), Ok(false));
    assert_eq!(is_token("", &[("OVCHECK_TOKEN_FILE", &token)], ""), Ok(true));
    assert_eq!(is_token("", &[], &format!("token-file = \"{token}\"")), Ok(true));
}

#[test]
fn a_variable_that_is_set_but_empty_is_refused_with_its_name() {
    for name in ["OVCHECK_NODE", "OVCHECK_USES", "OVCHECK_POLICY", "OVCHECK_TOKEN"] {
        let refused = load_from("a.example.io", &[(name, " ")], "").unwrap_err();
        assert_eq!(
            refused,
            format!(
                "error: {name}: the environment variable is empty\n  \
                 = help: set it to a value, or unset it"
            )
        );
    }
}

#[test]
fn machines_that_cannot_be_right_are_refused_with_their_place() {
    let refused = |nodes: &str| {
        let file = format!("domain-name = \"a.example.io\"\n{nodes}");
        load_from("", &[], &file).unwrap_err()
    };
    let exchanged = refused(
        "[nodes.proxy]\naddresses = [\"10.0.0.10\"]\nprivate-addresses = [\"203.0.113.10\"]",
    );
    assert!(exchanged.contains("10.0.0.10 is private, 203.0.113.10 is public"), "{exchanged}");
    assert!(exchanged.contains("ovcheck.toml:3"), "{exchanged}");
    let shared = refused(
        "topology = \"elastic\"\n[nodes.master]\naddresses = [\"203.0.113.11\"]\n\
         [nodes.media-1]\nrole = \"media\"\naddresses = [\"203.0.113.11\"]",
    );
    assert!(shared.contains("\"master\" and \"media-1\" have the same address"), "{shared}");
    assert!(shared.contains("different machines"), "{shared}");
    // A proxy can be on the machine of another node, and a machine can have one address for both.
    let right = "domain-name = \"a.example.io\"\n[nodes.proxy]\naddresses = [\"203.0.113.10\"]\n\
                 [nodes.openvidu]\naddresses = [\"203.0.113.10\"]";
    assert!(load_from("", &[], right).is_ok());
}

#[test]
fn credentials_that_open_nothing_are_named_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let token = written(directory.path(), "t", TOKEN);
    let secret = written(directory.path(), "s", "hush");
    let complain = |flags: &str, variables: &[_]| {
        load_from(&format!("a.example.io {flags}"), variables, "").unwrap_err()
    };
    assert_eq!(
        complain("--api-key APIkey", &[]),
        "\
error: --api-key: the API key has no secret
  = help: provide the secret with --api-secret-file FILE (- for standard input) or OVCHECK_API_SECRET"
    );
    assert_eq!(
        complain("", &[("OVCHECK_API_SECRET", "hush")]),
        "\
error: OVCHECK_API_SECRET: the API secret has no API key
  = help: provide the key with --api-key KEY, OVCHECK_API_KEY, or api-key in the file"
    );
    let two = format!("--token-file {token} --api-key APIkey --api-secret-file {secret}");
    assert_eq!(
        complain(&two, &[]),
        "\
error: --api-key: an API key cannot be combined with an access token (--token-file)
  = help: provide only one: a token, or an API key with which ovcheck creates its own tokens"
    );
    let two = [("OVCHECK_TOKEN", TOKEN), ("OVCHECK_API_SECRET", "hush")];
    let said = complain("", &two);
    assert!(
        said.contains("OVCHECK_API_SECRET: an API key cannot be combined with an access token"),
        "{said}"
    );
    assert!(said.contains("(OVCHECK_TOKEN)"), "{said}");
    let said = complain("--token-file ./no-such-file", &[]);
    assert!(said.starts_with("error: --token-file: failed to read ./no-such-file: "), "{said}");
    let said = complain("--api-key k", &[("OVCHECK_API_SECRET_FILE", "no-such-file")]);
    assert!(said.starts_with("error: OVCHECK_API_SECRET_FILE: there is no such file"), "{said}");
}

#[test]
fn what_is_no_secret_or_token_is_refused_without_being_shown() {
    let directory = tempfile::tempdir().unwrap();
    let no_join = "e30.eyJ2aWRlbyI6eyJyb29tIjoiaHVzaCJ9fQ.eA";
    let no_room = "e30.eyJ2aWRlbyI6eyJyb29tSm9pbiI6dHJ1ZX19.eA";
    let long = "hush".repeat(20_000);
    let cut = &TOKEN[..TOKEN.len() - 23];
    let table: &[(&str, &[u8], &str)] = &[
        ("empty", b" \n", "this is empty"),
        ("named", b"TOKEN = hush", "more than one word"),
        ("lines", b"hush\nhush\n", "more than one word"),
        ("binary", b"\xff\x00hush", "not UTF-8 text"),
        ("long", long.as_bytes(), "larger than 64 KiB"),
        ("word", b"hush", "this is not an access token: an access token has three parts"),
        ("parts", b"hush.hush", "but this has 2"),
        ("encoding", b"e30.hush!.e30", "part 2 is not base64url"),
        ("cut", cut.as_bytes(), "not copied whole: its last part has 20 characters instead of 43"),
        ("no-join", no_join.as_bytes(), "no permission to join a room"),
        ("no-room", no_room.as_bytes(), "does not name a room"),
    ];
    for (name, bytes, expected) in table {
        let path = written(directory.path(), name, bytes);
        let flags = format!("a.example.io --token-file {path}");
        let said = load_from(&flags, &[], "").unwrap_err();
        assert!(said.starts_with(&format!("error: {path}: ")), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
        assert!(!said.contains("hush"), "{name}: {said}");
    }
    let said = load_from("a.example.io", &[("OVCHECK_TOKEN", "hush")], "").unwrap_err();
    assert!(said.starts_with("error: OVCHECK_TOKEN: this is not an access token"), "{said}");
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn the_proxy_of_our_network_is_that_of_every_other_program() {
    let proxy = |flags: &str, variables: &[(&str, &str)], file: &str| {
        let mut all = vec![("OVCHECK_TOKEN", TOKEN)];
        all.extend(variables);
        let config = load_from(&format!("a.example.io {flags}"), &all, file)?;
        Ok::<_, String>(config.http_proxy.map(|proxy| proxy.to_string()))
    };
    let common = ("HTTPS_PROXY", "http://company:3128");
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(proxy("", &[], ""), Ok(None));
    assert_eq!(proxy("", &[common], ""), some("company:3128"));
    assert_eq!(proxy("", &[("ALL_PROXY", "http://all:1"), common], ""), some("company:3128"));
    assert_eq!(proxy("", &[common, ("NO_PROXY", "b.io,.example.io")], ""), Ok(None));
    assert_eq!(proxy("--http-proxy none", &[common], ""), Ok(None));
    assert_eq!(proxy("--http-proxy http://other:1", &[common], ""), some("other:1"));
    assert_eq!(proxy("", &[common], "http-proxy = \"http://file:1\""), some("file:1"));

    let socks = [("ALL_PROXY", "socks5://hush@company:1080")];
    assert_eq!(
        proxy("", &socks, "").unwrap_err(),
        "\
error: ALL_PROXY: socks5:// proxies are not supported
  = help: use an HTTP proxy with --http-proxy http://HOST:PORT, or no proxy with --http-proxy none"
    );
    let said = proxy("--http-proxy http://me:hush@company:3128", &[], "").unwrap_err();
    assert!(said.starts_with("error: --http-proxy: the proxy URL contains credentials"), "{said}");
    assert!(!said.contains("hush"), "{said}");
    let said = proxy("", &[], "http-proxy = \"http://me:hush@company:3128\"").unwrap_err();
    assert!(
        said.contains("http-proxy in ovcheck.toml: the proxy URL contains credentials"),
        "{said}"
    );
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn without_a_call_no_proxy_is_of_interest() {
    let socks = [("ALL_PROXY", "socks5://company:1080"), ("HTTPS_PROXY", "company:3128")];
    let config = load_from("a.example.io", &socks, "").unwrap();
    assert_eq!(config.http_proxy, None);
    let config = load_from("a.example.io", &socks[..1], "").unwrap();
    assert_eq!(config.http_proxy, None);
}

#[test]
fn an_empty_list_of_features_is_not_the_same_as_none_given() {
    assert_eq!(fixture("two-proxies").deployment.uses.of(&Feature::Rtmp), Usage::NotInUse);
    let by_flag = load_from("a.example.io --uses none", &[], "uses = [\"rtmp\"]").unwrap();
    assert_eq!(by_flag.deployment.uses.of(&Feature::Rtmp), Usage::NotInUse);
}

#[test]
fn the_proxy_can_be_the_same_machine_as_openvidu() {
    let deployment = fixture("proxy-on-the-same-machine").deployment;
    let there: Vec<NodeRole> =
        deployment.nodes_at("203.0.113.10".parse().unwrap()).map(|node| node.role).collect();
    assert_eq!(there, [NodeRole::Proxy, NodeRole::Openvidu]);
}

#[test]
fn private_addresses_are_dialled_from_inside_only() {
    let deployment = fixture("private-addresses").deployment;
    let openvidu = deployment.nodes_of(NodeRole::Openvidu).next().unwrap();
    assert_eq!(openvidu.addresses_from(Zone::Internet), addresses(&["203.0.113.20"]));
    assert_eq!(
        openvidu.addresses_from(Zone::ExternalProxy),
        addresses(&["10.0.0.20", "fd00:5::20"])
    );
}

#[test]
fn a_flag_replaces_the_addresses_of_one_node_and_leaves_the_rest_to_the_file() {
    let file = "\
[nodes.proxy]
addresses = [\"203.0.113.10\"]
private-addresses = [\"10.0.0.10\"]
[nodes.openvidu]
addresses = [\"203.0.113.20\"]";
    let config = load_from("a.example.io --node proxy=203.0.113.11", &[], file).unwrap();
    let nodes = config.deployment.nodes;
    assert_eq!(nodes[0].addresses, addresses(&["203.0.113.11"]));
    assert_eq!(nodes[0].private_addresses, addresses(&["10.0.0.10"]));
    assert_eq!(nodes[1].addresses, addresses(&["203.0.113.20"]));
}

#[test]
fn machines_of_a_list_are_merged_with_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let list = "proxy proxy 203.0.113.10\nmedia-1 media 203.0.113.21\nmedia-2 media 203.0.113.22\n";
    let path = written(directory.path(), "nodes.txt", list);
    let file = format!(
        "domain-name = \"openvidu.example.io\"\ntopology = \"elastic\"\nnodes-from = \"{path}\"\n\
         [nodes.master]\naddresses = [\"203.0.113.11\"]\n\
         [nodes.media-1]\nrole = \"media\"\naddresses = [\"203.0.113.99\"]\n\
         private-addresses = [\"10.0.0.21\"]\n"
    );
    let config = load_from("--node media-2=203.0.113.32", &[], &file).unwrap();
    let nodes: Vec<(&str, String)> = (config.deployment.nodes.iter())
        .map(|node| (node.name.as_str(), node.addresses[0].to_string()))
        .collect();
    assert_eq!(
        nodes,
        [
            ("master", "203.0.113.11".to_owned()),
            ("media-1", "203.0.113.21".to_owned()),
            ("proxy", "203.0.113.10".to_owned()),
            ("media-2", "203.0.113.32".to_owned()),
        ]
    );
    assert_eq!(config.deployment.nodes[1].private_addresses, addresses(&["10.0.0.21"]));
    let many: String =
        (0..1025).map(|n| format!("media-{n} media 10.{}.{}.1\n", n / 256, n % 256)).collect();
    let path = written(directory.path(), "many.txt", many);
    let refused =
        load_from(&format!("a.example.io --topology elastic --nodes-from {path}"), &[], "")
            .unwrap_err();
    assert!(refused.contains("more than 1024 addresses in all"), "{refused}");
    assert!(refused.contains("many.txt:1025"), "{refused}");
}

#[test]
fn nodes_stay_in_the_order_of_the_file() {
    let names: Vec<String> =
        fixture("two-proxies").deployment.nodes.iter().map(|node| node.name.to_string()).collect();
    assert_eq!(names, ["edge-1", "edge-2", "openvidu"]);
}

#[test]
fn a_wrong_value_in_the_environment_is_named_by_its_variable() {
    let complain = |name, text| load_from("a.example.io", &[(name, text)], "").unwrap_err();
    assert_eq!(
        complain("OVCHECK_TIMEOUT", "soon"),
        "\
error: OVCHECK_TIMEOUT: \"soon\" is not a number of seconds
  = help: use a number between 0.2 and 30, without a unit"
    );
    assert_eq!(
        complain("OVCHECK_POLICY", "forced-trun"),
        "\
error: OVCHECK_POLICY: unknown value \"forced-trun\"
  = help: did you mean \"forced-turn\"?"
    );
    assert_eq!(
        complain("OVCHECK_NODE", "proxy=203.0.113.10 proxy=203.0.113.11"),
        "\
error: OVCHECK_NODE: the node \"proxy\" is given twice
  = help: combine its addresses: proxy=ADDR,ADDR"
    );
}

#[test]
fn a_mistake_in_the_file_is_told_even_when_a_flag_goes_before_it() {
    let said = load_from("a.example.io --policy default", &[], "policy = \"forced\"").unwrap_err();
    assert!(said.contains("ovcheck.toml:1:10"), "{said}");
}

#[test]
fn impossible_flags_are_named_with_the_way_out() {
    let complain = |flags| load_from(flags, &[], "").unwrap_err();
    assert_eq!(
        complain("a.example.io --policy forced-turn"),
        "\
error: --policy: the policy forced-turn requires a TURN domain
  = help: set turn-domain-name = \"turn.example.io\" (--turn-domain-name turn.example.io), or use the policy default (rule policy/turn-domain-declared)"
    );
    assert_eq!(
        complain("a.example.io --turn-domain-name a.example.io"),
        "\
error: --turn-domain-name: the TURN domain and the domain must be different names
  = help: the proxy distinguishes TURN from the API by the name: use a separate name for TURN, or omit it if the deployment has none (rule dns/turn-domain-is-own-name)"
    );
    assert_eq!(
        complain("a.example.io --node edge=203.0.113.10"),
        "\
error: --node: the node \"edge\" has no role
  = help: set the role with edge:ROLE=ADDR[,ADDR]; use one of openvidu, master, media or proxy"
    );
    assert_eq!(
        complain("a.example.io --node proxy=203.0.113.10 --private-address prxy=10.0.0.10"),
        "\
error: --private-address: unknown node \"prxy\"
  = help: use \"proxy\""
    );
    assert_eq!(
        complain(""),
        "\
error: ovcheck.toml: the domain name is missing
  = help: run `ovcheck check openvidu.example.io`, or set domain-name = \"openvidu.example.io\" in ovcheck.toml"
    );
}

#[test]
fn a_flag_and_the_file_are_judged_together() {
    let said = load_from(
        "--turn-domain-name openvidu.example.io",
        &[],
        "domain-name = \"openvidu.example.io\"",
    )
    .unwrap_err();
    assert!(said.starts_with("error: --turn-domain-name: "), "{said}");
}

#[test]
fn every_named_situation_loads() {
    for path in toml_files("fixtures/deployments") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let config = fixture(&name);
        assert_eq!(domain(&config), "openvidu.example.io", "{name}");
    }
}

/// `OVCHECK_BLESS=1 cargo test` writes down what is said now.
#[test]
fn every_way_to_be_wrong_has_its_message() {
    let mut wrong = Vec::new();
    for path in toml_files("fixtures/invalid-deployments") {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = DeploymentFile {
            path: path.file_name().unwrap().to_string_lossy().into_owned(),
            text,
            choice: FileChoice::Named,
        };
        let complaint = match load(&Flags::default(), &|_| None, Some(&file)) {
            Err(complaint) => complaint,
            Ok(_) => panic!("{} was taken", file.path),
        };
        wrong.extend(difference(path.with_extension("txt"), &format!("{complaint}\n")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_was_named_and_is_not_there_is_an_error() {
    let flags = Flags { config: Some(PathBuf::from("no-such-file.toml")), ..Flags::default() };
    let said = find(&flags, &|_| None).unwrap_err().to_string();
    assert!(said.starts_with("error: --config: failed to read no-such-file.toml: "), "{said}");
    let said =
        find(&Flags::default(), &|_| Some("no-such-file.toml".to_owned())).unwrap_err().to_string();
    assert!(said.starts_with("error: OVCHECK_CONFIG: "), "{said}");
}

#[test]
fn a_file_that_is_too_long_or_no_text_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let flags = Flags { config: Some(path), ..Flags::default() };
        find(&flags, &|_| None).unwrap_err().message
    };
    assert_eq!(refused("long.toml", &vec![b'#'; 2_000_000]), "the file is larger than 1 MiB");
    assert_eq!(refused("image.toml", b"# a\n\xff\xd8"), "line 2 is not UTF-8 text");
}

fn toml_files(directory: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 7, "{directory} has {} files", files.len());
    files
}

/// A file with these nodes, each with so many addresses.
fn file_with(nodes: usize, addresses: usize) -> String {
    use std::fmt::Write;
    let mut file = "domain-name = \"a.example.io\"\ntopology = \"elastic\"\n".to_owned();
    for node in 0..nodes {
        let list = (0..addresses).map(|address| format!("\"fd00:{node:x}::{address:x}\""));
        let list = list.collect::<Vec<_>>().join(", ");
        write!(file, "[nodes.m{node}]\nrole = \"media\"\naddresses = [{list}]\n").unwrap();
    }
    file
}

#[test]
fn more_addresses_than_a_run_looks_at_are_refused_at_the_first_of_them() {
    assert!(load_from("", &[], &file_with(16, 64)).is_ok());
    let refused = load_from("", &[], &file_with(1, 65)).unwrap_err();
    assert!(refused.contains("the node \"m0\" has 65 addresses"), "{refused}");
    assert!(refused.contains("ovcheck.toml:5:") && refused.contains("help: list"), "{refused}");
    let refused = load_from("", &[], &file_with(17, 64)).unwrap_err();
    assert!(refused.contains("more than 1024 addresses in all"), "{refused}");
    assert!(refused.contains("ovcheck.toml:53:") && refused.contains("help: split"), "{refused}");
}

#[test]
fn a_node_that_is_swept_must_be_declared() {
    let refused = load_from("a.example.io --sweep media9", &[], "").unwrap_err();
    assert!(refused.contains("--sweep: unknown node \"media9\""), "{refused}");
    let help = load_from("a.example.io --node openvidu=203.0.113.20 --sweep opnvidu", &[], "");
    assert!(help.unwrap_err().contains("openvidu"));
}

/// A run against a machine with so many addresses, prepared and not made; its DNS server is not there.
async fn prepared(flags: &str, addresses: usize) -> Prepared {
    let list = (1..=addresses).map(|host| format!("\"203.0.113.{host}\"")).collect::<Vec<_>>();
    let file = format!(
        "domain-name = \"a.example.io\"\nturn-domain-name = \"b.example.io\"\npolicy = \"forced-turn\"\n\
         dns-server = \"127.0.0.1:9\"\n[nodes.openvidu]\naddresses = [{}]\n",
        list.join(", ")
    );
    let config = load_from(flags, &[], &file).unwrap();
    let files = app::Files::read(&config).unwrap();
    let (_raise, interrupt) = app::Interrupt::new();
    app::prepare(config, files, &interrupt).await.unwrap()
}

#[tokio::test]
async fn more_than_250_000_datagrams_need_a_permission() {
    let few = prepared("", 12).await;
    assert_eq!(few.sweep_load(), SweepLoad { addresses: 12, datagrams: 240_024 });
    assert!(few.may_run().is_ok());
    let refused = prepared("", 13).await.may_run().unwrap_err().to_string();
    assert!(refused.contains("260026 datagrams") && refused.contains("13 addresses"), "{refused}");
    assert!(refused.contains("--allow-large-sweep"), "{refused}");
    assert!(prepared("--allow-large-sweep", 13).await.may_run().is_ok());
    assert!(prepared("--allow-large-sweep", 60).await.may_run().is_ok());
}

#[tokio::test]
async fn the_deadline_grows_with_what_is_sent_unless_it_is_given() {
    let deadline = |run: &Prepared| run.context.options.deadline;
    let mut before = Duration::ZERO;
    for addresses in [1, 2, 12, 60] {
        let run = prepared("--allow-large-sweep", addresses).await;
        let datagrams = 20_002 * u32::try_from(addresses).unwrap();
        let at_rate_of_run = Duration::from_secs(1) / 50_000 * datagrams;
        let at_rate_of_address = Duration::from_secs(1) / 20_000 * 20_002;
        assert_eq!(run.sweeping(), at_rate_of_run.max(at_rate_of_address), "{addresses}");
        assert!(deadline(&run) >= run.sweeping() * 5 / 4 + Duration::from_millis(2600));
        assert!(deadline(&run) >= before);
        before = deadline(&run);
    }
    let given = prepared("--allow-large-sweep --deadline 20", 60).await;
    assert_eq!(deadline(&given), Duration::from_secs(20));
    let refused = given.may_run().unwrap_err().to_string();
    assert!(refused.contains("the deadline (20 seconds) is too short"), "{refused}");
    assert!(refused.contains("24.0 seconds"), "{refused}");
}

#[tokio::test]
async fn the_rate_of_a_run_is_that_of_all_addresses() {
    let seconds = |run: &Prepared| run.sweeping().as_secs_f64().round();
    assert_eq!(seconds(&prepared("--udp-rate 2000", 10).await), 100.0);
    // However high it is, no address gets more than 20,000 in a second.
    assert_eq!(seconds(&prepared("--udp-rate 200000", 1).await), 1.0);
    assert_eq!(seconds(&prepared("--udp-rate 200000 --allow-large-sweep", 60).await), 6.0);
}
