//! What people report, and what the program says to it: `rules/troubles.toml` against the tests that
//! it names, and `docs/troubles.md`, which is made from it.
//!
//! `OVCHECK_BLESS=1 cargo test --test troubles` rewrites the document; look at the difference before
//! you commit it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use ovcheck::demo::Fault;
use ovcheck::model::rule::RuleId;
use ovcheck::model::trouble::{Found, Meant, Shown, Sighting, Trouble};
use ovcheck::output::troubles::place;
use ovcheck::output::{self, Style};
use ovcheck::ruleset::Ruleset;

use support::kept::{assert_kept, repository};

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

// --- What shows a trouble -----------------------------------------------------------------------

/// The text of every test, each file for itself.
static TESTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    read_into(&repository().join("tests"), &mut texts);
    texts
});

fn read_into(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// What stands behind `begin` in some test, up to the first `end`.
fn behind(begin: &str, end: &str) -> Option<&'static str> {
    TESTS.iter().find_map(|text| {
        let (_, rest) = text.split_once(begin)?;
        Some(rest.split(end).next().unwrap_or(rest))
    })
}

/// What is wrong with a name; `None`: it is there, and it is about one of these rules.
fn wrong_with(shown: &Shown, rules: &[RuleId]) -> Option<String> {
    let is_about = |text: &str| rules.iter().any(|rule| text.contains(&format!("\"{rule}\"")));
    let (what, text) = match shown {
        Shown::Lab(name) => (
            format!("situation {name} of the laboratory"),
            behind(&format!("name: \"{name}\""), "name: \"").map(str::to_owned),
        ),
        Shown::Demo(name) => {
            let fault = Fault::ALL.iter().find(|fault| fault.name() == name);
            let broken = fault.map(|fault| format!("{:?}", [fault.rules(), fault.call_rules()]));
            (format!("fault {name} of the demo"), broken)
        }
        Shown::Test(name) => {
            let situation = behind(&format!("\"{name}\","), "\n        ),");
            let function = behind(&format!("fn {name}("), "\n}\n");
            // What a function is about it need not say by the rule's id.
            let is_function = situation.is_none() && function.is_some();
            if is_function {
                return None;
            }
            (format!("test {name}"), situation.map(str::to_owned))
        }
    };
    match text {
        None => Some(format!("there is no {what}")),
        Some(text) if is_about(&text) => None,
        Some(_) => Some(format!("{what} is about none of {}", listed(rules))),
    }
}

#[test]
fn what_shows_a_trouble_is_there_and_about_the_rules_that_name_it() {
    let mut wrong = Vec::new();
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let complaints =
                seen.shown_by.iter().filter_map(|shown| wrong_with(shown, &seen.rules));
            wrong.extend(complaints.map(|complaint| format!("{}: {complaint}", trouble.id)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_that_names_a_trouble_is_shown_to_do_so() {
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let (id, rules) = (&trouble.id, listed(&seen.rules));
            assert!(!seen.shown_by.is_empty(), "{id}: nothing shows {rules}");
        }
    }
}

#[test]
fn a_name_that_no_test_has_is_told() {
    let rules: Vec<RuleId> = vec!["signal/api-answers".parse().unwrap()];
    let wrong = |shown: Shown| wrong_with(&shown, &rules).unwrap();
    // In two parts, so that this file does not have the name either.
    let nobodys = ["nobody", "s"].concat();
    assert_eq!(
        wrong(Shown::Lab(nobodys.clone())),
        "there is no situation nobodys of the laboratory"
    );
    assert_eq!(wrong(Shown::Demo(nobodys.clone())), "there is no fault nobodys of the demo");
    assert_eq!(wrong(Shown::Test(nobodys)), "there is no test nobodys");
    assert_eq!(
        wrong(Shown::Lab("default/rtmp-plaintext".to_owned())),
        "situation default/rtmp-plaintext of the laboratory is about none of signal/api-answers"
    );
    assert_eq!(
        wrong(Shown::Demo("clock-off".to_owned())),
        "fault clock-off of the demo is about none of signal/api-answers"
    );
}

#[test]
fn the_rules_of_a_call_are_told_from_those_without_credentials() {
    let is_of_call = |id: &RuleId| RULESET.rule(id).unwrap().demand.is_of_call();
    for trouble in &RULESET.troubles {
        for seen in &trouble.seen {
            let kinds: BTreeSet<bool> = seen.rules.iter().map(is_of_call).collect();
            assert_eq!(kinds.len(), 1, "{}: {}", trouble.id, listed(&seen.rules));
        }
    }
}

#[test]
fn what_people_say_is_short_and_what_is_said_to_it_ends_with_a_full_stop() {
    for trouble in &RULESET.troubles {
        let said: BTreeSet<&String> = trouble.people_say.iter().collect();
        assert_eq!(said.len(), trouble.people_say.len(), "{}", trouble.id);
        for words in said {
            assert!(words.len() <= 72 && !words.ends_with('.'), "{words}");
        }
        for text in [Some(&trouble.cause), trouble.not_seen.as_ref()].into_iter().flatten() {
            assert!(text.ends_with('.'), "{}: {text}", trouble.id);
        }
    }
}

/// The troubles that a text leads to, the most telling first.
fn meant(words: &str) -> Vec<&'static str> {
    let found = RULESET.search(words).troubles.into_iter();
    found.map(|meant| meant.trouble.id.as_str()).collect()
}

#[test]
fn the_words_of_issues_lead_to_their_causes() {
    let table: [(&str, &[&str]); 7] = [
        ("waiting for media", &["waiting-for-media"]),
        ("701", &["no-turn-behind-443"]),
        (
            "ConnectionError: could not establish pc connection [InternalError]",
            &["waiting-for-media", "no-turn-behind-443"],
        ),
        ("restart loop", &["external-address-not-found"]),
        ("obs", &["rtmp-fails"]),
        (
            "error with ICE candidate: 701 Failed to establish connection \
             turns:turn.example.io:443?transport=tcp",
            &["no-turn-behind-443"],
        ),
        ("the moon", &[]),
    ];
    for (words, expected) in table {
        assert_eq!(meant(words), expected, "{words}");
    }
}

#[test]
fn every_phrase_leads_to_its_trouble() {
    let mut count = 0;
    for trouble in &RULESET.troubles {
        let codes = trouble.codes.iter();
        for words in trouble.phrases().chain(codes) {
            let found = meant(words);
            assert!(found.contains(&trouble.id.as_str()), "{words}: {found:?}");
            // Around it is what a log writes around it.
            let line =
                format!("2026/11/29 03:12:44 [error] 31#31: *7 {words}, client: 198.51.100.7");
            let found = meant(&line);
            assert!(
                found.contains(&trouble.id.as_str()) || trouble.codes.contains(words),
                "{line}: {found:?}"
            );
            count += 1;
        }
    }
    assert!(count >= 200, "{count}");
}

/// Lines as people paste them, none of which is a phrase of the rules as it stands there.
const PASTED: &[(&str, &str)] = &[
    ("net::ERR_CERT_DATE_INVALID", "certificate-expired"),
    ("GET https://openvidu.example.io/ net::ERR_CONNECTION_TIMED_OUT", "connection-timed-out"),
    (
        "WebSocket connection to 'wss://openvidu.example.io/rtc?access_token=eyJ' failed: Error in connection establishment: net::ERR_CERT_AUTHORITY_INVALID",
        "unknown-authority",
    ),
    ("openvidu.example.io refused to connect. ERR_CONNECTION_REFUSED", "connection-refused"),
    (
        "curl: (60) SSL certificate problem: unable to get local issuer certificate",
        "unknown-authority",
    ),
    ("curl: (35) error:0A00010B:SSL routines::wrong version number", "port-without-tls"),
    ("curl: (6) Could not resolve host: turn.example.io", "name-not-found"),
    (
        "curl: (7) Failed to connect to openvidu.example.io port 443 after 21 ms: Connection refused",
        "connection-refused",
    ),
    ("curl: (28) Connection timed out after 5001 milliseconds", "connection-timed-out"),
    ("curl: (52) Empty reply from server", "connection-cut"),
    ("curl: (56) Received HTTP code 407 from proxy after CONNECT", "proxy-of-the-users-network"),
    (
        "curl: (60) SSL: no alternative certificate subject name matches target host name 'turn.example.io'",
        "certificate-for-another-name",
    ),
    ("Secure Connection Failed. Error code: SSL_ERROR_RX_RECORD_TOO_LONG", "port-without-tls"),
    ("Error code: SEC_ERROR_UNKNOWN_ISSUER", "unknown-authority"),
    ("Fehlercode: PR_END_OF_FILE_ERROR", "connection-cut"),
    (
        "x509: certificate has expired or is not yet valid: current time 2026-11-29T03:12:44Z is after 2026-11-26T00:00:00Z",
        "certificate-expired",
    ),
    (
        "tls: failed to verify certificate: x509: certificate is valid for openvidu.example.io, not turn.example.io",
        "certificate-for-another-name",
    ),
    (
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "unknown-authority",
    ),
    ("remote error: tls: handshake failure", "tls-nothing-in-common"),
    ("dial tcp: lookup turn.example.io on 127.0.0.53:53: no such host", "name-not-found"),
    (
        "40C7E2A1B77F0000:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:ssl/record/rec_layer_s3.c:1605:SSL alert number 40",
        "tls-nothing-in-common",
    ),
    (
        "2026/11/29 03:12:44 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.7, server: openvidu.example.io, upstream: \"http://10.0.0.20:7880/rtc\"",
        "bad-gateway",
    ),
    (
        "2026/11/29 03:12:44 [error] 31#31: *9 upstream timed out (110: Connection timed out) while connecting to upstream",
        "bad-gateway",
    ),
    (
        "198.51.100.7 - - [29/Nov/2026:03:12:44 +0000] \"GET /rtc HTTP/1.1\" 502 157 \"-\" \"Mozilla/5.0\"",
        "bad-gateway",
    ),
    (
        "nginx[812]: 2026/11/29 [emerg] 812#812: bind() to 0.0.0.0:443 failed (98: Address already in use)",
        "port-taken-by-another-program",
    ),
    (
        "nginx: [emerg] cannot load certificate \"/etc/nginx/ssl/openvidu-cert.pem\": BIO_new_file() failed",
        "proxy-does-not-start",
    ),
    (
        "Nov 29 03:12:44 proxy haproxy[99]: backend openvidu_api has no server available!",
        "bad-gateway",
    ),
    (
        "level=error msg=\"502 Bad Gateway\" error=\"dial tcp 10.0.0.20:7880: connect: connection refused\"",
        "bad-gateway",
    ),
    (
        "caddy: {\"level\":\"error\",\"logger\":\"tls.obtain\",\"msg\":\"could not get certificate from issuer\"}",
        "certificate-not-issued",
    ),
    (
        "  Type:   connection\n  Detail: 203.0.113.10: Fetching http://turn.example.io/.well-known/acme-challenge/abc: Timeout during connect (likely firewall problem)",
        "certificate-not-issued",
    ),
    (
        "Detail: DNS problem: NXDOMAIN looking up A for turn.example.io - check that a DNS record exists for this domain",
        "certificate-not-issued",
    ),
    (
        "2026-11-29T03:12:44.050Z INFO livekit rtc/room.go:705 removing participant without connection {\"room\": \"r\"}",
        "waiting-for-media",
    ),
    (
        "livekit::rtc_engine - failed to connect: Connection(\"wait_pc_connection timed out\"), retrying... (1/3)",
        "waiting-for-media",
    ),
    (
        "INFO livekit.transport rtc/transport.go:669 connect timeout after ICE connected {\"room\": \"r\"}",
        "hangs-at-connecting",
    ),
    ("websocket: close 1006 (abnormal closure): unexpected EOF", "websocket-closed-abnormally"),
    (
        "CloseEvent {isTrusted: true, wasClean: false, code: 1006, reason: ''}",
        "websocket-closed-abnormally",
    ),
    ("Socket closed. code=1006, reason=", "websocket-closed-abnormally"),
    ("Error: Unexpected server response: 200", "websocket-not-upgraded"),
    (
        "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header",
        "websocket-not-upgraded",
    ),
    ("v1 RTC path not found. Consider upgrading your LiveKit server version", "rtc-v1-path"),
    ("HTTP/1.1 503 Service Unavailable", "bad-gateway"),
    ("Request failed with status code 403", "forbidden"),
    ("AxiosError: Request failed with status code 401", "token-refused"),
    ("status: 429", "too-many-requests"),
    ("I can't hear anyone in the room", "no-sound-no-picture"),
    ("there is no sound at all when my colleague joins", "no-sound-no-picture"),
    ("only a black screen for the remote participant", "picture-stays-black"),
    ("One way audio: she hears me, I don't hear her", "one-way-audio"),
    ("[rtmp stream: 'simple_stream'] RTMP_Connect1, handshake failed.", "rtmp-fails"),
    (
        "info: [rtmp stream] Connection to rtmps://openvidu.example.io:1935/live failed: Failed to connect to server",
        "rtmp-fails",
    ),
    ("av_interleaved_write_frame(): Broken pipe", "rtmp-fails"),
    ("Uncaught (in promise) NotAllowedError: Permission denied", "camera-or-microphone-refused"),
    ("participant closing {\"reason\": \"DUPLICATE_IDENTITY\"}", "duplicate-identity"),
    (
        "Access to fetch at 'https://openvidu.example.io/twirp' from origin 'https://app.example.io' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header",
        "blocked-by-cors",
    ),
    ("requested room does not exist", "room-refuses"),
    ("the room is full, nobody else gets in", "room-refuses"),
    ("go-jose/go-jose/jwt: validation failed, token not valid yet (nbf)", "clock-wrong"),
    (
        "io.netty.handler.ssl.SslHandshakeException: javax.net.ssl.SSLHandshakeException: PKIX path building failed",
        "unknown-authority",
    ),
];

#[test]
fn a_pasted_line_leads_to_its_trouble() {
    let wrong = PASTED.iter().filter(|(line, id)| meant(line).first() != Some(id));
    let wrong: Vec<String> =
        wrong.map(|(line, id)| format!("{line}\n    {id}: {:?}", meant(line))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_about_something_else_stays_unknown() {
    const ELSEWHERE: &[&str] = &[
        "the moon is blue",
        "lorem ipsum dolor sit amet",
        "hello world",
        "pizza",
        "how do I cook rice",
        "npm ERR! code ENOENT",
        "Cannot read properties of undefined (reading 'map')",
        "git merge conflict in src/main.rs",
        "Segmentation fault (core dumped)",
        "kernel panic - not syncing: VFS",
        "No space left on device",
        "Out of memory: Killed process 812 (java)",
        "my printer is out of paper",
        "SQLSTATE[23000]: Integrity constraint violation",
        "ModuleNotFoundError: No module named 'requests'",
        "java.lang.NullPointerException",
        "TypeError: x is not a function",
        "asdf qwer zxcv",
        "!?%&",
        "12345",
        "2026-11-29 03:12:44",
        "error",
        "failed",
        "server",
        "connection",
        "the",
        "not",
        "ENOSPC: no space left",
        "Permission denied (publickey)",
        "undefined reference to `main'",
        "panic: runtime error: index out of range",
        "systemd[1]: Started Daily apt download activities",
        "battery low",
        "disk quota exceeded",
        "buy milk and bread",
        "kubectl get pods",
        "warning: unused variable: `x`",
    ];
    let known = ELSEWHERE.iter().filter(|line| !RULESET.search(line).is_empty());
    let known: Vec<String> = known.map(|line| format!("{line}: {:?}", meant(line))).collect();
    assert!(known.is_empty(), "{}", known.join("\n"));
}

#[test]
fn words_of_titles_lead_to_rules() {
    for (words, id) in [
        ("minio", "ports/openvidu-tcp-9000"),
        ("TLS 1.3", "tls/tls13-accepted"),
        ("redis password", "ports/redis-needs-password"),
        ("tls_chain_incomplete", "tls/chain-verifies"),
        ("hole punching", "policy/no-media-through-hole-punching"),
    ] {
        let found = RULESET.search(words);
        let ids: Vec<&str> = found.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert!(ids.contains(&id), "{words}: {ids:?}");
    }
}

#[test]
fn an_answer_names_each_rule_once_and_ends_with_a_command() {
    for trouble in &RULESET.troubles {
        let text = written(trouble);
        for rule in trouble.seen.iter().flat_map(|seen| &seen.rules) {
            let lines = text.lines().filter(|line| line.contains(&format!("{rule},"))).count();
            assert_eq!(lines, 1, "{}: {rule}\n{text}", trouble.id);
        }
        assert!(text.contains("ovcheck check <") || text.contains("ovcheck call <"), "{text}");
    }
}

fn written(trouble: &Trouble) -> String {
    let mut out = Vec::new();
    let found = Found { troubles: vec![Meant { trouble, phrase: None }], ..Found::default() };
    output::troubles::write(&found, &RULESET.rules, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn eighty_columns_hold_every_trouble() {
    for trouble in &RULESET.troubles {
        for line in written(trouble).lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", trouble.id);
        }
    }
}

// --- Generated ----------------------------------------------------------------------------------

#[test]
fn the_document_is_made_from_the_rules() {
    assert_kept("docs/troubles.md", &document());
}

const HEAD: &str = "\
# What people say when calls fail

Made from `rules/troubles.toml` (`OVCHECK_BLESS=1 cargo test --test troubles`). `ovcheck explain 701`
or `ovcheck explain \"waiting for media\"` finds a trouble by the words in which it is reported;
`ovcheck explain RULE` says what to do about it.

Ordered by the number of reports found in public issues of LiveKit, OpenVidu and projects built on them.
The last ones were not found in any report: they follow from the guide or were seen in the laboratory.
Faults of a user's own network are not covered by rules: on that network, `ovcheck call` names them.

- *From*: the network zone from which ovcheck must run to see it.
- *With credentials*: only a call shows it (`ovcheck call`, or `ovcheck check` with a token).
- *Shown by*: a situation of the laboratory (`cargo test --test lab -- NAME`), a fault of the demo
  (`ovcheck demo --fault NAME`), or another test.
- *Not seen*: what ovcheck cannot see of it, and why.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for trouble in &RULESET.troubles {
        section(trouble, &mut text);
    }
    let count = RULESET.troubles.len();
    write!(text, "\n{count} troubles.\n").unwrap();
    text
}

fn section(trouble: &Trouble, text: &mut String) {
    let (first, others) = trouble.people_say.split_first().unwrap();
    write!(text, "\n## \"{first}\"\n\n").unwrap();
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|said| format!("\"{said}\"")).collect();
        write!(text, "Also: {}.\n\n", others.join(", ")).unwrap();
    }
    writeln!(text, "{}", trouble.cause).unwrap();
    if !trouble.seen.is_empty() {
        text.push_str("\n| rule | from | shown by |\n| --- | --- | --- |\n");
        for seen in &trouble.seen {
            writeln!(text, "{}", row(seen)).unwrap();
        }
    }
    if let Some(why) = &trouble.not_seen {
        write!(text, "\n*Not seen.* {why}\n").unwrap();
    }
    if !trouble.reported_in.is_empty() {
        let threads: Vec<String> = trouble.reported_in.iter().map(|thread| link(thread)).collect();
        write!(text, "\nReported in {}.\n", threads.join(", ")).unwrap();
    }
}

fn row(seen: &Sighting) -> String {
    let rules: Vec<String> = seen.rules.iter().map(|rule| format!("`{rule}`")).collect();
    let shown: Vec<String> = seen.shown_by.iter().map(shown_by).collect();
    let place = place(seen, &RULESET.rules);
    let place = place.strip_prefix("from ").unwrap_or(&place);
    format!("| {} | {place} | {} |", rules.join("<br>"), shown.join("<br>"))
}

fn shown_by(shown: &Shown) -> String {
    match shown {
        Shown::Lab(name) => format!("laboratory: `{name}`"),
        Shown::Demo(name) => format!("demo: `{name}`"),
        Shown::Test(name) => format!("test: `{name}`"),
    }
}

/// `owner/repository#number` as a link to it.
fn link(thread: &str) -> String {
    if thread.starts_with("https://") {
        return format!("<{thread}>");
    }
    match thread.split_once('#') {
        Some((repository, number)) => {
            format!("[{thread}](https://github.com/{repository}/issues/{number})")
        }
        None => thread.to_owned(),
    }
}

fn listed(rules: &[RuleId]) -> String {
    let rules: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    rules.join(", ")
}
