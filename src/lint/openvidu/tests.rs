#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::model::facts::VariableTrouble;

const SECRET: &str = "verysecretverysecretverysecret42";

fn facts(files: &[(&str, &str)]) -> OpenviduFacts {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        text: text.replace("SECRET!", SECRET),
    };
    let facts = read(&files.iter().map(file).collect::<Vec<_>>()).unwrap();
    let shown = format!("{facts:?}{}", serde_json::to_string(&facts).unwrap());
    assert!(!shown.contains(&SECRET[..12]), "{shown}");
    facts
}

const ENV: &str = "\
# DOMAIN_NAME=old.example
DOMAIN_NAME=openvidu.example.io
LIVEKIT_TURN_DOMAIN_NAME=turn.${DOMAIN_NAME}
LIVEKIT_API_KEY=APIabcdefgh
LIVEKIT_API_SECRET=SECRET!
REDIS_URL=redis://x:SECRET!@host
";

#[test]
fn a_value_comes_from_the_line_of_its_variable() {
    let yaml =
        "turn:\n  enabled: true\n  domain: ${openvidu.LIVEKIT_TURN_DOMAIN_NAME:-}\n  tls_port: 5\n";
    let facts = facts(&[("/x/openvidu.env", ENV), ("/x/livekit.yaml", yaml)]);
    let livekit = facts.of_kind(SettingsKind::Livekit).next().unwrap();
    let domain = livekit.setting("turn.domain").unwrap();
    assert_eq!(domain.text(), Some("turn.openvidu.example.io"));
    assert_eq!((domain.at.line, domain.at.column), (3, 11));
    let origin = domain.origin();
    assert_eq!((origin.file.unquoted(), origin.line, origin.column), ("/x/openvidu.env", 3, 26));
    assert_eq!(
        origin.text.as_ref().unwrap().unquoted(),
        "LIVEKIT_TURN_DOMAIN_NAME=turn.${DOMAIN_NAME}"
    );
    assert_eq!(livekit.setting("turn").unwrap().value, SettingValue::Group);
}

#[test]
fn the_last_of_two_variables_counts() {
    let facts = facts(&[("openvidu.env", "DOMAIN_NAME=a.example\nDOMAIN_NAME=b.example\n")]);
    let domain = facts.files[0].setting("DOMAIN_NAME").unwrap();
    assert_eq!((domain.text(), domain.at.line), (Some("b.example"), 2));
}

#[test]
fn secrets_are_kept_only_as_marks() {
    let yaml = "keys:\n  ${openvidu.LIVEKIT_API_KEY}: ${openvidu.LIVEKIT_API_SECRET}\n  APIother: 'SECRET!'\n\
                redis: {address: 'a:1', password: SECRET!}\nrtc:\n  turn_servers:\n    - host: x\n      credential: SECRET!\n\
                webhook:\n  urls: ['https://u:SECRET!@x/', 'https://x/?t=SECRET!']\nopenvidu:\n  license: SECRET!\n\
                foo: SECRET!\nSECRET!: 1\nrtc2: {SECRET!: 2}\n";
    let facts = facts(&[("openvidu.env", ENV), ("livekit.yaml", yaml)]);
    let [env, livekit] = &facts.files[..] else { panic!("two files") };
    let secret = &env.setting("LIVEKIT_API_SECRET").unwrap().value;
    assert!(matches!(secret, SettingValue::Secret(mark) if mark.length == 32));
    assert!(livekit.all("keys.*").all(|key| key.value == *secret));
    assert_eq!(livekit.all("keys.*").count(), 2);
    // Another key does not make the secret a text.
    assert_eq!(livekit.setting("foo").unwrap().value, *secret);
    assert!(livekit.all("webhook.urls[]").all(|url| url.text().is_none()));
}

#[test]
fn a_file_with_a_mistake_shows_no_line() {
    for text in
        ["keys:\n  a: SECRET! b: c\n", "keys: [SECRET!\n", "a: *SECRET!\n", "SECRET!\n\tx: 1\n"]
    {
        let facts = facts(&[("livekit.yaml", text)]);
        assert!(facts.files[0].faults.iter().all(|fault| fault.at.text.is_none()));
    }
    let facts = facts(&[("openvidu.env", "SECRET!!\nA B=SECRET!\nC='SECRET!\n")]);
    assert_eq!(facts.files[0].faults.len(), 3);
}

#[test]
fn what_cannot_be_replaced_has_its_reason() {
    let yaml = "rtc:\n  node_ip: ${media_node.MEDIA_NODE_PRIVATE_IP}\nturn:\n  domain: ${openvidu.NONE:?set it}\n";
    let facts = facts(&[("openvidu.env", ENV), ("livekit.yaml", yaml)]);
    let why = |key| match &facts.files[1].setting(key).unwrap().value {
        SettingValue::Unexpanded(unknown) => unknown.why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why("rtc.node_ip"), VariableTrouble::FileNotRead);
    assert_eq!(why("turn.domain"), VariableTrouble::Mandatory);
}

#[test]
fn a_key_twice_has_both_lines() {
    let facts = facts(&[("livekit.yaml", "turn:\n  domain: a\n  domain: b\n")]);
    let [fault] = &facts.files[0].faults[..] else { panic!("one fault") };
    let FaultKind::DuplicateKey { first_line, .. } = fault.what else { panic!("{fault:?}") };
    assert_eq!((fault.at.line, first_line), (3, 2));
}

#[test]
fn files_are_known_by_name_or_by_content() {
    for (path, text, kind) in [
        ("/opt/openvidu/config/openvidu.env", "", Some(SettingsKind::OpenviduEnv)),
        ("config/node/master-node.env", "", Some(SettingsKind::MasterEnv)),
        ("backup.txt", "port: 1\nturn:\n", Some(SettingsKind::Livekit)),
        ("-", "DOMAIN_NAME=x\n", Some(SettingsKind::OpenviduEnv)),
        ("notes.txt", "hello\n", None),
    ] {
        assert_eq!(kind_of(path, text), kind, "{path}");
    }
}

#[test]
fn a_refused_file_has_its_line() {
    let file = SourceFile { path: "notes.txt".to_owned(), text: "hello\n".to_owned() };
    assert_eq!(read(&[file]).unwrap_err().why, RefusalCause::UnknownFile);
    let text = format!("a:\n{}", "- ".repeat(100));
    let file = SourceFile { path: "livekit.yaml".to_owned(), text };
    let refusal = read(&[file]).unwrap_err();
    assert_eq!((refusal.why, refusal.line), (RefusalCause::TooDeep, 2));
}
