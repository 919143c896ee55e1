//! What a browser sends: text of a stranger. It is read into closed lists and short texts, or refused.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::model::facts::{Way, is_hidden};
use crate::model::visit::{
    BrowserEnd, BrowserError, BrowserFamily, BrowserReport, BrowserStep, BrowserWay, TurnNameAnswer,
};
use crate::model::word_list::WordList;
use crate::output;

/// The longest result, in bytes.
pub const LONGEST_RESULT: usize = 64 * 1024;

/// The longest request for a visit, in bytes.
pub const LONGEST_REQUEST: usize = 1024;

/// The request for a visit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitRequest {
    pub code: Option<Text<32>>,
    /// The visit that the same page made before.
    pub again: Option<Text<16>>,
}

/// A text of at most so many characters; the rest is cut off. It has no control character and nothing invisible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<const LONGEST: usize>(pub String);

impl<'de, const LONGEST: usize> Deserialize<'de> for Text<LONGEST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Ok(Self(text.chars().filter(|c| !is_hidden(*c)).take(LONGEST).collect()))
    }
}

/// Longer texts are taken too.
impl<const LONGEST: usize> JsonSchema for Text<LONGEST> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// A list of at most so many; more is a mistake.
#[derive(Debug, Clone)]
struct Few<T, const MOST: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<T>::deserialize(from)?;
        if list.len() > MOST { Err(de::Error::custom("too many")) } else { Ok(Self(list)) }
    }
}

impl<T: JsonSchema, const MOST: usize> JsonSchema for Few<T, MOST> {
    fn schema_name() -> Cow<'static, str> {
        "Few".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Vec::<T>::json_schema(generator);
        schema.insert("maxItems".to_owned(), MOST.into());
        schema
    }
}

/// One word of a list.
fn word<T: WordList>(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = T::all().iter().map(|value| value.word()).collect();
    json_schema!({ "type": "string", "enum": words })
}

/// The type and the protocol of a candidate, such as `relay/udp`: never an address.
#[derive(Debug, Clone, JsonSchema)]
struct Candidate(#[schemars(regex(pattern = r"^(host|srflx|prflx|relay)/(udp|tcp)$"))] String);

impl<'de> Deserialize<'de> for Candidate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (kind, protocol) = text.split_once('/').unwrap_or_default();
        let is_fit = ["host", "srflx", "prflx", "relay"].contains(&kind)
            && ["udp", "tcp"].contains(&protocol);
        if is_fit { Ok(Self(text)) } else { Err(de::Error::custom("not a candidate")) }
    }
}

/// What the page for users sends to its server after a test (docs/page.md). Texts longer than described are cut; fields that are
/// not described here are refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ovcheck visit")]
pub struct ReceivedResult {
    schema: SchemaVersion,
    /// Whether the operator may see the result. Otherwise, only the text for the IT department is made of it.
    pub keep: bool,
    browser: ReceivedBrowser,
    /// The languages that the user prefers, such as `de-AT`; 35 characters each.
    languages: Few<Text<35>, 10>,
    /// How far the clock of the browser is ahead of the server's, in milliseconds.
    clock_offset_ms: i64,
    /// Where the page was opened; 100 characters.
    page_url_origin: Text<100>,
    /// Whether the browser considers the page secure: otherwise it has no WebRTC.
    secure_context: bool,
    /// The media paths that were tested, each at most once.
    ways: Few<ReceivedWay, 4>,
    /// What `/rtc/validate` of LiveKit answered; null: it was not asked.
    api: Option<ReceivedApi>,
    /// What answered HTTPS at the TURN name.
    #[schemars(schema_with = "word::<TurnNameAnswer>")]
    turn_name: TurnNameAnswer,
    /// What the browser says of its network.
    connection: Option<Connection>,
    /// What the page says to the user, such as `some-ways`. The operator's view decides for itself.
    #[serde(rename = "sentence")]
    _sentence: Text<32>,
    /// Empty: for later versions of the page. 500 characters.
    notes: Text<500>,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum SchemaVersion {
    #[serde(rename = "visit-1.0")]
    Visit1,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceivedBrowser {
    /// `chromium`, `firefox`, `safari` or another; 32 characters.
    name: Text<32>,
    /// 32 characters.
    version: Text<32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceivedApi {
    /// The HTTP status; null: there was no answer.
    validate: Option<u16>,
    /// The text of the answer, without the token; 100 characters.
    text: Option<Text<100>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Connection {
    /// Such as `wifi`; 16 characters.
    #[serde(rename = "type")]
    kind: Option<Text<16>>,
    /// Such as `4g`; 16 characters.
    effective: Option<Text<16>>,
    /// The round-trip time that the browser estimates, in milliseconds.
    #[serde(rename = "rtt_ms")]
    _round_trip: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceivedWay {
    way: WayWord,
    /// Whether a data channel opened.
    ok: bool,
    /// The last step that was reached.
    #[schemars(schema_with = "word::<BrowserStep>")]
    step: BrowserStep,
    ms: Milliseconds,
    errors: Few<ReceivedError, 8>,
    /// The candidates of the browser.
    local: Few<Candidate, 32>,
    /// The candidates of the server.
    remote: Few<Candidate, 32>,
    /// The selected pair.
    pair: Option<Pair>,
    /// The code with which the WebSocket was closed.
    close: Option<u16>,
    /// How the test ended.
    #[schemars(schema_with = "word::<BrowserEnd>")]
    end: BrowserEnd,
}

/// A media path: direct or through TURN.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum WayWord {
    #[serde(rename = "udp")]
    Udp,
    #[serde(rename = "tcp")]
    Tcp,
    #[serde(rename = "turn-udp")]
    TurnUdp,
    #[serde(rename = "turn-tls")]
    TurnTls,
}

/// The word of a way in the page's protocol.
pub fn way_word(way: Way) -> &'static str {
    match way {
        Way::Udp => "udp",
        Way::IceTcp => "tcp",
        Way::TurnUdp => "turn-udp",
        Way::Turns => "turn-tls",
    }
}

/// When each step was reached, in milliseconds since the beginning of the test of this path; null: it was not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Milliseconds {
    #[serde(rename = "signal")]
    _signal: Option<f64>,
    #[serde(rename = "join")]
    _join: Option<f64>,
    #[serde(rename = "answer")]
    _answer: Option<f64>,
    #[serde(rename = "relay")]
    _relay: Option<f64>,
    #[serde(rename = "ice")]
    _ice: Option<f64>,
    #[serde(rename = "dtls")]
    _dtls: Option<f64>,
    #[serde(rename = "data")]
    _data: Option<f64>,
    /// When the test of this path ended.
    total: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    local: Candidate,
    remote: Candidate,
    /// How the browser reaches the relay, such as `tls`.
    #[serde(rename = "relay_protocol")]
    _relay_protocol: Option<Text<8>>,
}

/// An error that the browser reported.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceivedError {
    /// When, in milliseconds since the beginning of the test of this path.
    ms: Option<f64>,
    /// The code of the browser, such as 701; 0: an exception.
    code: Option<u16>,
    /// 120 characters.
    text: Text<120>,
    /// The TURN server; 200 characters.
    url: Text<200>,
}

/// The JSON schema (draft 2020-12) of what the page sends, with a final newline.
pub fn schema() -> String {
    output::schema::of_input::<ReceivedResult>()
}

impl ReceivedResult {
    /// Reads a result. `None`: it does not fit the schema.
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The result as it is kept. `None`: it has a way twice.
    pub fn into_report(self) -> Option<BrowserReport> {
        let SchemaVersion::Visit1 = self.schema;
        let mut ways: Vec<BrowserWay> = Vec::new();
        for way in self.ways.0 {
            let way = way.into_way();
            let is_new = ways.iter().all(|known| known.way != way.way);
            if !is_new {
                return None;
            }
            ways.push(way);
        }
        let connection = self.connection;
        Some(BrowserReport {
            family: family(&self.browser.name.0),
            version: self.browser.version.0,
            languages: self.languages.0.into_iter().map(|text| text.0).collect(),
            clock_offset_ms: self.clock_offset_ms,
            page_origin: self.page_url_origin.0,
            is_secure_context: self.secure_context,
            ways,
            api: self.api.and_then(|api| Some((api.validate?, api.text.unwrap_or_default().0))),
            turn_name: self.turn_name,
            network: connection.and_then(|it| it.kind.or(it.effective)).map(|text| text.0),
            notes: self.notes.0,
        })
    }
}

impl ReceivedWay {
    fn into_way(self) -> BrowserWay {
        let texts = |list: Vec<Candidate>| list.into_iter().map(|it| it.0).collect();
        BrowserWay {
            way: match self.way {
                WayWord::Udp => Way::Udp,
                WayWord::Tcp => Way::IceTcp,
                WayWord::TurnUdp => Way::TurnUdp,
                WayWord::TurnTls => Way::Turns,
            },
            // An open data channel is the proof.
            works: self.ok && self.step == BrowserStep::Data,
            step: self.step,
            took_ms: milliseconds(self.ms.total),
            end: self.end,
            close: self.close,
            errors: self.errors.0.into_iter().map(ReceivedError::into_error).collect(),
            local: texts(self.local.0),
            remote: texts(self.remote.0),
            pair: self.pair.map(|pair| (pair.local.0, pair.remote.0)),
        }
    }
}

impl ReceivedError {
    fn into_error(self) -> BrowserError {
        let is_of_ice = ["stun:", "turn:", "turns:"].iter().any(|it| self.url.0.starts_with(it));
        BrowserError {
            at_ms: milliseconds(self.ms),
            code: self.code.unwrap_or_default(),
            text: self.text.0,
            url: if is_of_ice { self.url.0 } else { String::new() },
        }
    }
}

/// Browsers give fractions.
fn milliseconds(value: Option<f64>) -> Option<u32> {
    value.filter(|value| (0.0..1e9).contains(value)).map(|value| value as u32)
}

fn family(name: &str) -> BrowserFamily {
    match name {
        "chromium" => BrowserFamily::Chromium,
        "firefox" => BrowserFamily::Firefox,
        "safari" => BrowserFamily::Safari,
        _ => BrowserFamily::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn result() -> Value {
        json!({
            "schema": "visit-1.0", "keep": true,
            "browser": {"name": "firefox", "version": "153.0"}, "languages": ["de"],
            "clock_offset_ms": 12, "page_url_origin": "https://openvidu.example.io",
            "secure_context": true,
            "ways": [{
                "way": "turn-tls", "ok": false, "step": "answer",
                "ms": {"signal": 80.5, "join": 90, "answer": 120, "relay": null, "ice": null,
                       "dtls": null, "data": null, "total": 5120.7},
                "errors": [{"ms": 300, "code": 701, "text": "a\u{202e}b\u{7}<script>",
                            "url": "turns:turn.example.io:443?transport=tcp"}],
                "local": ["host/udp"], "remote": [], "pair": null, "close": 1006, "end": "failed",
            }],
            "api": {"validate": 200, "text": "success"}, "turn_name": "silent",
            "connection": {"type": "wifi", "effective": "4g", "rtt_ms": 50},
            "sentence": "no-way", "notes": "",
        })
    }

    fn read(value: &Value) -> Option<BrowserReport> {
        ReceivedResult::read(value.to_string().as_bytes())?.into_report()
    }

    #[test]
    fn a_result_is_read_without_what_could_harm() {
        let report = read(&result()).unwrap();
        let way = report.way(Way::Turns).unwrap();
        assert_eq!((way.works, way.took_ms, way.close), (false, Some(5120), Some(1006)));
        assert_eq!(way.errors[0].text, "ab<script>");
        assert_eq!(report.api, Some((200, "success".to_owned())));
        assert_eq!(report.network.as_deref(), Some("wifi"));
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused() {
        let changed = |pointer: &str, value: Value| {
            let mut changed = result();
            match changed.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => changed[pointer.trim_start_matches('/')] = value,
            }
            changed
        };
        let with = |pointer: &str, value: Value| read(&changed(pointer, value));
        let schema = serde_json::from_str(&schema()).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        assert!(schema.is_valid(&result()));
        let ways = |number: usize| Value::Array(vec![result()["ways"][0].clone(); number]);
        let table = [
            ("/schema", json!("visit-2.0")),
            ("/token", json!("eyJ")),
            ("/ways", ways(2)),
            ("/ways", ways(5)),
            ("/ways/0/way", json!("carrier pigeon")),
            ("/ways/0/local/0", json!("192.168.1.7")),
            ("/ways/0/local", json!(vec!["host/udp"; 33])),
            ("/ways/0/close", json!(70_000)),
            ("/ways/0/step", json!(null)),
            ("/clock_offset_ms", json!("12")),
            ("/keep", json!(1)),
            ("/turn_name", json!("<b>")),
        ];
        for (pointer, value) in table {
            assert_eq!(with(pointer, value.clone()), None, "{pointer} {value}");
            // A path that is there twice is all that the schema cannot tell.
            let is_valid = schema.is_valid(&changed(pointer, value.clone()));
            assert_eq!(is_valid, pointer == "/ways" && value.as_array().unwrap().len() == 2);
        }
        // An open data channel is the proof, not the word of a stranger.
        assert!(!with("/ways/0/ok", json!(true)).unwrap().ways[0].works);
        assert_eq!(with("/notes", json!("x".repeat(9_000))).unwrap().notes.len(), 500);
        let url = with("/ways/0/errors/0/url", json!("javascript:alert(1)")).unwrap();
        assert_eq!(url.ways[0].errors[0].url, "");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at in 0..900_usize, byte: u8) {
            let _ = ReceivedResult::read(&bytes).is_some();
            let mut nearly = result().to_string().into_bytes();
            let at = at % nearly.len();
            nearly[at] = byte;
            let _ = ReceivedResult::read(&nearly).map(ReceivedResult::into_report);
        }
    }
}
