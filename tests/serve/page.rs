//! The page for users as a user, an operator and an attacker meet it.

use ovcheck::store::History;
use serde_json::{Value, json};

use super::*;

const ORIGIN: &str = "https://openvidu.example.io";

/// A prober with a page, and where the page is.
struct Page {
    prober: Prober,
    public: SocketAddr,
}

impl Page {
    /// `more` stands behind the table `[page]`.
    fn start(site: &Site, listen: &str, more: &str) -> Self {
        site.configure(&format!(
            "[listen]\npublic = \"127.0.0.1:0\"\npublic-url = \"{ORIGIN}/ovcheck/\"\n{listen}\n\
             [targets.main]\nconfig = \"ovcheck.toml\"\n\
             [page]\ntarget = \"main\"\noperator-name = \"Example GmbH\"\n{more}\n"
        ));
        let prober = site.serve(&[]);
        let line = prober.until_said("serving ");
        let public = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
        Self { public: public.parse().unwrap(), prober }
    }

    fn send(&self, request: &str) -> String {
        send_to(self.public, request)
    }

    fn get(&self, path: &str) -> String {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: openvidu.example.io\r\nConnection: close\r\n\r\n"
        ))
    }

    fn post_with(&self, path: &str, headers: &str, body: &str) -> String {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: openvidu.example.io\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let headers = format!("Origin: {ORIGIN}\r\nContent-Type: application/json\r\n");
        let answer = self.post_with(path, &headers, &body.to_string());
        (status(&answer), json_of(&answer))
    }

    /// A code that the operator made.
    fn invite(&self) -> String {
        let body = json!({ "note": "Ms Miller, ticket 81" }).to_string();
        let answer = self.prober.send(&format!(
            "POST /api/v1/visits HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.prober.address,
            body.len()
        ));
        assert_eq!(status(&answer), 201, "{answer}");
        let made = json_of(&answer);
        let code = made["code"].as_str().unwrap().to_owned();
        assert_eq!(made["url"], format!("{ORIGIN}/ovcheck/v/{code}"));
        code
    }
}

fn json_of(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// The result of a browser in which these of the four ways work.
fn result(working: &[&str]) -> Value {
    let way = |way: &str| {
        let works = working.contains(&way);
        json!({
            "way": way, "ok": works, "step": if works { "data" } else { "answer" },
            "ms": {"signal": 80, "join": 90, "answer": 120, "relay": null, "ice": null,
                   "dtls": null, "data": null, "total": 460},
            "errors": [], "local": ["host/udp"], "remote": ["host/udp"], "pair": null,
            "close": null, "end": if works { "open" } else { "limit" },
        })
    };
    let ways = ["udp", "tcp", "turn-udp", "turn-tls"].map(way);
    json!({
        "schema": "visit-1.0", "keep": true,
        "browser": {"name": "chromium", "version": "156"}, "languages": ["de"],
        "clock_offset_ms": 12, "page_url_origin": ORIGIN, "secure_context": true,
        "ways": ways,
        "api": {"validate": 200, "text": "success"}, "turn_name": "not-asked",
        "connection": null, "sentence": "some-ways", "notes": "<script>alert(1)</script>",
    })
}

#[test]
fn a_user_with_a_code_tests_and_the_operator_sees_the_result() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "");
    let code = page.invite();
    let html = page.get(&format!("/ovcheck/v/{code}"));
    assert_eq!(status(&html), 200, "{html}");
    assert!(html.contains(&code), "{html}");
    for header in ["content-security-policy: default-src 'none'; script-src 'self'", "no-store"] {
        assert!(html.contains(header), "{header}: {html}");
    }
    let (status, visit) = page.post("/ovcheck/visit", &json!({ "code": code.to_lowercase() }));
    assert_eq!(status, 200, "{visit}");
    assert_eq!(visit["sends"], true);
    let way_words = ["udp", "tcp", "turn-udp", "turn-tls"];
    for way in way_words {
        assert!(visit["tokens"][way].as_str().unwrap().matches('.').count() == 2, "{visit}");
        assert_eq!(visit["expects"][way], true, "{way}");
    }
    let path = format!("/ovcheck/visit/{}/report", visit["visit"].as_str().unwrap());
    let (status, answer) = page.post(&path, &result(&["udp", "turn-tls"]));
    assert_eq!((status, &answer["code"]), (200, &json!(code)));
    let seen = joined(&page, &code);
    assert_eq!(seen["note"], "Ms Miller, ticket 81");
    assert_eq!(seen["view"]["conclusions"][0]["conclusion"], "user", "{seen}");
    let html = page.prober.get(&format!("/visits/{code}"));
    assert!(html.contains("Direct TCP and TURN over UDP fail in the user&#39;s browser"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    assert!(page.prober.get("/visits").contains("Ms Miller, ticket 81"));
    assert!(page.prober.get("/").contains("<a href=\"visits\">"));
    let metrics = page.prober.get("/metrics");
    assert!((value(&metrics, "ovcheck_visits_total{outcome=\"some-ways\"}") - 1.0).abs() < 1e-9);
    let way =
        "ovcheck_visit_path_results_total{path=\"ice-tcp\",result=\"fails\",browser=\"chromium\"}";
    assert!((value(&metrics, way) - 1.0).abs() < f64::EPSILON, "{metrics}");
    assert_eq!(begin(&page, &code).1["error"], "code-used");
    // The page itself may repeat it.
    let (status, repeat) =
        page.post("/ovcheck/visit", &json!({ "code": code, "again": visit["visit"] }));
    assert_eq!((status, &repeat["repeats"]), (200, &json!(1)), "{repeat}");
    let (_, answer) = page.post(&report_path(&repeat), &result(&["udp"]));
    let other = answer["code"].as_str().unwrap();
    assert_ne!(other, code);
    let seen = json_of(&page.prober.get(&format!("/api/v1/visits/{other}")));
    assert_eq!((&seen["repeats"], &seen["note"]), (&json!(code), &json!("Ms Miller, ticket 81")));
    assert!(page.prober.get(&format!("/visits/{code}")).contains(other));
}

/// Asks for a visit until ovcheck's own run is part of it: that may take longer than the browser.
fn joined(page: &Page, code: &str) -> Value {
    let begun = Instant::now();
    loop {
        let seen = json_of(&page.prober.get(&format!("/api/v1/visits/{code}")));
        if seen["view"]["ways"][0]["own"] == "works" || begun.elapsed() > PATIENCE {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn begin(page: &Page, code: &str) -> (u16, Value) {
    page.post("/ovcheck/visit", &json!({ "code": code }))
}

fn report_path(visit: &Value) -> String {
    format!("/ovcheck/visit/{}/report", visit["visit"].as_str().unwrap())
}

const WITH_STORE: &str = "[store]\npath = \"history.sqlite\"\n";

#[test]
fn visits_survive_a_restart_and_the_file_has_no_secret() {
    let site = Site::new(None);
    let page = Page::start(&site, "", WITH_STORE);
    let (used, unused) = (page.invite(), page.invite());
    let (_, visit) = begin(&page, &used);
    assert_eq!(page.post(&report_path(&visit), &result(&["udp"])).0, 200);
    let seen = joined(&page, &used);
    page.prober.end();
    let page = Page::start(&site, "", WITH_STORE);
    assert_eq!(json_of(&page.prober.get(&format!("/api/v1/visits/{used}"))), seen);
    assert_eq!(begin(&page, &used).1["error"], "code-used");
    assert_eq!(page.post(&report_path(&visit), &result(&["udp"])).0, 410);
    let (status, again) = begin(&page, &unused);
    assert_eq!(status, 200, "{again}");
    page.prober.end();
    let mut texts = vec![fs::read(site.path("history.sqlite")).unwrap()];
    for visit in History::open(&site.path("history.sqlite")).unwrap().visits().unwrap().visits {
        let begun = visit.begun.unwrap();
        texts.push(serde_json::to_vec(&begun.own.as_deref()).unwrap());
        texts.push(serde_json::to_vec(&begun.result.as_ref().map(|it| &*it.report)).unwrap());
    }
    let has = |text: &str| {
        texts.iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(has("Ms Miller, ticket 81") && has("chromium"));
    let secret = site.demo.api_secret();
    assert!(!has(secret.expose()));
    for visit in [visit, again] {
        for token in visit["tokens"].as_object().unwrap().values() {
            assert!(!has(token.as_str().unwrap().rsplit('.').next().unwrap()));
        }
        assert!(!has(visit["visit"].as_str().unwrap()));
    }
}

#[test]
fn a_history_that_cannot_be_written_takes_nothing_from_a_user() {
    let site = Site::new(None);
    let foreign = b"The file of another program, which nobody wants to lose. ".repeat(40);
    fs::write(site.path("history.sqlite"), &foreign).unwrap();
    let page = Page::start(&site, "", WITH_STORE);
    let code = page.invite();
    let (status, visit) = begin(&page, &code);
    assert_eq!(status, 200, "{visit}");
    assert_eq!(page.post(&report_path(&visit), &result(&["udp"])).0, 200);
    joined(&page, &code);
    let said = page.prober.said.lock().unwrap().clone();
    assert_eq!(said.matches("is not a file of ovcheck").count(), 1, "{said}");
    assert_eq!(fs::read(site.path("history.sqlite")).unwrap(), foreign);
    fs::rename(site.path("history.sqlite"), site.path("theirs")).unwrap();
    page.prober.until_said("is written again");
    page.prober.end();
    let page = Page::start(&site, "", WITH_STORE);
    assert_eq!(begin(&page, &code).1["error"], "code-used");
    assert_eq!(joined(&page, &code)["state"], "tested");
}

#[test]
fn each_side_answers_nothing_of_the_other() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "");
    for path in ["/", "/metrics", "/visits", "/api/v1/visits", "/probe?target=main", "/ovcheck"] {
        let answer = page.get(path);
        assert_eq!(status(&answer), 404, "{path}: {answer}");
        assert!(answer.ends_with("not found\n"), "{path}: {answer}");
    }
    for path in ["/ovcheck/", "/ovcheck/v/7F4K-9QWD"] {
        assert_eq!(status(&page.get(path)), 200, "{path}");
        assert_eq!(status(&page.prober.get(path)), 404, "{path}");
    }
    assert_eq!(status(&page.get("/ovcheck/v/%3Cscript%3E")), 404);
    assert_eq!(status(&page.get("/ovcheck/visit")), 405);
}

#[test]
fn only_the_page_itself_may_begin_a_visit() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "open = true");
    let body = json!({ "code": null }).to_string();
    let json = "Content-Type: application/json\r\n";
    let origin = format!("Origin: {ORIGIN}\r\n");
    let table = [
        (json.to_owned(), 403),
        (format!("Origin: https://evil.example\r\n{json}"), 403),
        (format!("Origin: null\r\n{json}"), 403),
        (origin.clone(), 400),
        (format!("{origin}Content-Type: text/plain\r\n"), 400),
        (format!("{origin}{json}"), 200),
    ];
    for (headers, expected) in table {
        let answer = page.post_with("/ovcheck/visit", &headers, &body);
        assert_eq!(status(&answer), expected, "{headers}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
    }
    let headers = format!("{origin}{json}");
    let long = "x".repeat(1_100);
    assert_eq!(status(&page.post_with("/ovcheck/visit", &headers, &long)), 413);
    for wrong in ["", "{", "[]", "{\"code\":1}", "{\"code\":null,\"room\":\"x\"}"] {
        assert_eq!(status(&page.post_with("/ovcheck/visit", &headers, wrong)), 400, "{wrong}");
    }
}

/// The resident memory of the process in bytes.
fn memory(page: &Page) -> f64 {
    value(&page.prober.get("/metrics"), "process_resident_memory_bytes")
}

#[test]
fn a_crowd_from_one_network_gets_three_visits_and_no_memory() {
    let site = Site::new(None);
    let page = Page::start(&site, "trusted-proxies = [\"127.0.0.1\"]", "open = true");
    let body = json!({ "code": null }).to_string();
    let from = |address: &str| {
        let headers = format!(
            "Origin: {ORIGIN}\r\nContent-Type: application/json\r\n\
             X-Forwarded-For: 192.0.2.1, {address}\r\n"
        );
        status(&page.post_with("/ovcheck/visit", &headers, &body))
    };
    let begun = Instant::now();
    let answers: Vec<u16> =
        (0..1_000).map(|number| from(&format!("203.0.113.{}", number % 250))).collect();
    let allowed = 3 + begun.elapsed().as_secs() / 20 + 1;
    let begun = answers.iter().filter(|status| **status == 200).count() as u64;
    assert!((3..=allowed).contains(&begun), "{begun} of {allowed}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 429)));
    // A forged beginning of the field does not make it another network.
    assert_eq!(from("203.0.113.9"), 429);
    assert_eq!(from("198.51.100.9"), 200);
    let resident = memory(&page);
    assert!(resident < 150e6, "{resident}");
}

#[test]
fn wrong_codes_and_hostile_results_are_refused() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "");
    let code = page.invite();
    let (status_of_first, visit) = page.post("/ovcheck/visit", &json!({ "code": code }));
    assert_eq!(status_of_first, 200, "{visit}");
    let path = format!("/ovcheck/visit/{}/report", visit["visit"].as_str().unwrap());
    let headers = format!("Origin: {ORIGIN}\r\nContent-Type: application/json\r\n");
    let mut long = result(&[]);
    long["notes"] = "x".repeat(65_000).into();
    assert_eq!(status(&page.post_with(&path, &headers, &long.to_string())), 413);
    let deep = "[".repeat(60_000);
    assert_eq!(status(&page.post_with(&path, &headers, &deep)), 400);
    let mut unknown = result(&[]);
    unknown["token"] = visit["tokens"]["udp"].clone();
    let schema = serde_json::from_str(&ovcheck::serve::visit_schema()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    assert!(schema.is_valid(&result(&["udp"])) && !schema.is_valid(&unknown));
    assert_eq!(page.post(&path, &unknown).0, 400);
    let other = "/ovcheck/visit/0123456789abcdef/report";
    assert_eq!(page.post(other, &result(&[])).0, 410);
    // None of them used up the visit.
    assert_eq!(page.post(&path, &result(&["udp"])).0, 200);
    let wrong = json!({ "code": "0000-0000" });
    let answers: Vec<u16> = (0..12).map(|_| page.post("/ovcheck/visit", &wrong).0).collect();
    assert_eq!(answers[..10], [403; 10]);
    assert_eq!(answers[11], 429);
    // No secret and no whole code is said, and no token is shown to the operator.
    let said = page.prober.said.lock().unwrap().clone();
    let secret = site.demo.api_secret().expose().to_owned();
    let token = visit["tokens"]["udp"].as_str().unwrap().to_owned();
    let list = page.prober.get(&format!("/api/v1/visits/{code}"));
    let html = page.prober.get(&format!("/visits/{code}"));
    let metrics = page.prober.get("/metrics");
    for text in [&said, &list, &html, &metrics] {
        assert!(!text.contains(&secret) && !text.contains(&token), "{text}");
    }
    assert!(!said.contains(&code) && !metrics.contains(&code));
}

#[test]
fn slow_clients_and_floods_of_fields_do_not_stop_the_page() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "");
    let slow: Vec<TcpStream> = (0..150)
        .map(|_| {
            let mut stream = TcpStream::connect(page.public).unwrap();
            stream.write_all(b"POST /ovcheck/visit HTTP/1.1\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(status(&page.get("/ovcheck/")), 200);
    let fields = "X-Field: 1\r\n".repeat(3_000);
    let flood = page.send(&format!("GET /ovcheck/ HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
    assert!(flood.is_empty() || status(&flood) == 431, "{flood}");
    assert_eq!(status(&page.get("/ovcheck/")), 200);
    drop(slow);
}

#[test]
fn the_operator_makes_a_code_with_json_and_the_command_line() {
    let site = Site::new(None);
    let page = Page::start(&site, "", "");
    let address = page.prober.address;
    let post = |headers: &str, body: &str| {
        status(&page.prober.send(&format!(
            "POST /api/v1/visits HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )))
    };
    let json = "Content-Type: application/json\r\n";
    assert_eq!(post("Content-Type: text/plain\r\n", "{\"note\":\"x\"}"), 415);
    assert_eq!(post(json, "{\"note\":\"x\",\"expires\":\"1s\"}"), 400);
    assert_eq!(post(json, "{\"note\":\"x\",\"expires\":\"2h\"}"), 201);
    let rebound = page.prober.send(&format!(
        "POST /api/v1/visits HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{json}\
         Content-Length: 2\r\n\r\n{{}}"
    ));
    assert_eq!(status(&rebound), 421);
    let server = address.to_string();
    let ran = Command::new(PROGRAM)
        .args(["visit", "--note", "ticket 82", "--server", &server])
        .output()
        .unwrap();
    let link = String::from_utf8(ran.stdout).unwrap();
    assert!(link.starts_with(&format!("{ORIGIN}/ovcheck/v/")), "{link}");
    assert!(page.prober.get("/visits").contains("ticket 82"));
}

#[test]
fn a_wrong_configuration_of_the_page_is_told_with_its_line() {
    let site = Site::new(None);
    let listen = "public = \"127.0.0.1:0\"\npublic-url = \"https://a.example/x/\"\n";
    let page = "target = \"main\"\noperator-name = \"X\"\n";
    let table = [
        (listen, "", "there is no page to serve there"),
        ("", page, "the page needs public in [listen]"),
        ("public = \"127.0.0.1:0\"\n", page, "the page needs public-url in [listen]"),
        (listen, "target = \"other\"\noperator-name = \"X\"\n", "there is no target \"other\""),
        (listen, "target = \"main\"\noperator-name = \"\"\n", "1 to 80 printable characters"),
        (
            "public = \"127.0.0.1:0\"\npublic-url = \"http://a.example/\"\n",
            page,
            "must begin with https://",
        ),
        (
            "public = \"127.0.0.1:0\"\npublic-url = \"https://a.example/\"\n\
             trusted-proxies = [\"proxy\"]\n",
            page,
            "must be an address with the length of its prefix",
        ),
    ];
    for (listen, page, expected) in table {
        let page = if page.is_empty() { String::new() } else { format!("[page]\n{page}") };
        site.configure(&format!(
            "[listen]\n{listen}[targets.main]\nconfig = \"ovcheck.toml\"\n{page}"
        ));
        let checked = site.check_config();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && said.contains("serve.toml:"), "{said}");
    }
}
