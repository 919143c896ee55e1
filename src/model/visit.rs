//! Visits: a user opens the page of `ovcheck serve`, and the browser there tests the ways of a call.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::call::CallSummary;
use super::facts::Way;
use super::prober::TargetName;
use super::reason::ReasonCode;
use super::report::Report;
use super::rule::RuleId;
use super::timestamp::Timestamp;
use super::vantage::Zone;
use super::verdict::Severity;
use super::word_list::word_list;

/// The code of a visit: 40 bits, as eight characters of Crockford's base 32 with a hyphen in the middle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitCode(u64);

/// Crockford's alphabet: no `I`, `L`, `O` and `U`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The characters of a code, and the bits of each.
const CHARACTERS: u32 = 8;
const BITS: u32 = 5;

/// A text that is not a [`VisitCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters and digits, such as 7F4K-9QWD")]
pub struct InvalidVisitCode;

impl VisitCode {
    /// The code of the lowest 40 bits of a random number.
    pub fn of_random(number: u64) -> Self {
        Self(number & ((1 << (CHARACTERS * BITS)) - 1))
    }

    /// Its first half, for logs: it identifies a visit, and does not open it.
    pub fn first_half(self) -> String {
        self.to_string().chars().take(4).collect()
    }
}

impl FromStr for VisitCode {
    type Err = InvalidVisitCode;

    /// Reads what people type: lower case, without the hyphen, `O` for 0, `I` and `L` for 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut code = 0;
        let mut count = 0;
        for character in text.trim().chars().filter(|c| *c != '-') {
            let meant = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = ALPHABET.iter().position(|it| char::from(*it) == meant);
            count += 1;
            if count > CHARACTERS {
                return Err(InvalidVisitCode);
            }
            code = code << BITS | value.ok_or(InvalidVisitCode)? as u64;
        }
        if count == CHARACTERS { Ok(Self(code)) } else { Err(InvalidVisitCode) }
    }
}

impl fmt::Display for VisitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..CHARACTERS).rev() {
            let value = (self.0 >> (place * BITS)) & ((1 << BITS) - 1);
            f.write_str(char::from(ALPHABET[value as usize]).encode_utf8(&mut [0; 4]))?;
            if place == CHARACTERS / 2 {
                f.write_str("-")?;
            }
        }
        Ok(())
    }
}

/// Not the whole of it: a code that is not used yet opens a visit.
impl fmt::Debug for VisitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitCode({}…)", self.first_half())
    }
}

word_list! {
    /// What is told apart among browsers: by what they do with TURN, not by their names.
    pub enum BrowserFamily {
        Chromium = "chromium",
        Firefox = "firefox",
        Safari = "safari",
        Other = "other",
    }
}

word_list! {
    /// The steps of one way in a browser, in their order. Each was reached only if all before it were.
    pub enum BrowserStep {
        /// Nothing was reached
        None = "none",
        /// The WebSocket is open
        Signal = "signal",
        /// LiveKit accepted the participant
        Join = "join",
        /// LiveKit answered the offer
        Answer = "answer",
        /// The TURN server granted a relay
        Relay = "relay",
        /// The ICE checks passed
        Ice = "ice",
        /// The DTLS handshake passed
        Dtls = "dtls",
        /// The data channel is open
        Data = "data",
    }
}

word_list! {
    /// How the test of a way ended in a browser.
    pub enum BrowserEnd {
        Open = "open",
        Limit = "limit",
        Failed = "failed",
        Closed = "closed",
        NoCandidates = "no-candidates",
        Left = "left",
        Error = "error",
    }
}

word_list! {
    /// What answered HTTP under the TURN name, asked by a browser.
    pub enum TurnNameAnswer {
        /// An HTTP server
        Http = "http",
        /// The connection failed: DNS, TCP or TLS
        Refused = "refused",
        /// Nothing within 3 s, as a TURN server does
        Silent = "silent",
        NotAsked = "not-asked",
    }
}

/// What a browser found, as far as it fits the schema `visit-1.0`. All texts are short and without control characters, and
/// they are still those of a stranger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserReport {
    pub family: BrowserFamily,
    pub version: String,
    pub languages: Vec<String>,
    /// How far the clock of the browser is ahead of the server's, in milliseconds.
    pub clock_offset_ms: i64,
    pub page_origin: String,
    pub is_secure_context: bool,
    /// Each way at most once.
    pub ways: Vec<BrowserWay>,
    /// What `/rtc/validate` answered: its HTTP status, and the text.
    pub api: Option<(u16, String)>,
    pub turn_name: TurnNameAnswer,
    /// The kind of network that the browser names, such as `wifi`.
    pub network: Option<String>,
    pub notes: String,
}

/// One way, tested by a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserWay {
    pub way: Way,
    pub works: bool,
    pub step: BrowserStep,
    /// The time until it ended, in milliseconds.
    pub took_ms: Option<u32>,
    pub end: BrowserEnd,
    /// The code with which the WebSocket was closed.
    pub close: Option<u16>,
    pub errors: Vec<BrowserError>,
    /// Types and protocols of the candidates, such as `host/udp`.
    pub local: Vec<String>,
    pub remote: Vec<String>,
    /// The selected pair.
    pub pair: Option<(String, String)>,
}

/// An `icecandidateerror` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserError {
    pub at_ms: Option<u32>,
    pub code: u16,
    pub text: String,
    pub url: String,
}

impl BrowserReport {
    /// What it found by one way.
    pub fn way(&self, way: Way) -> Option<&BrowserWay> {
        self.ways.iter().find(|tested| tested.way == way)
    }
}

/// A visit, from its code on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub code: VisitCode,
    /// For whom the operator made the code; `None`: the visit began without one.
    pub note: Option<String>,
    /// The code of the visit that the same page repeats.
    pub repeats: Option<VisitCode>,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    pub begun: Option<BegunVisit>,
}

/// What is known of a visit that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunVisit {
    pub at: Timestamp,
    /// Where the request came from.
    pub source: IpAddr,
    /// The deployment that was tested.
    pub target: TargetName,
    /// The ways that calls should take by the policy.
    pub expected: Vec<Way>,
    /// What ovcheck found itself; `None`: its runs have not ended.
    pub own: Option<Arc<OwnView>>,
    pub result: Option<BrowserResult>,
}

impl BegunVisit {
    /// The address of the user, as far as it is known; `None`: a proxy on this machine did not say for whom it asked.
    pub fn user_address(&self) -> Option<IpAddr> {
        Some(self.source).filter(|source| !source.is_loopback())
    }
}

/// A result, and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserResult {
    pub at: Timestamp,
    pub report: Arc<BrowserReport>,
}

/// The visits that began on a day.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct VisitDay {
    /// The day as its number since 1970, in UTC.
    pub number: i64,
    pub begun: usize,
}

/// The visits of a store, in the order in which they were made.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct StoredVisits {
    pub visits: Vec<Visit>,
    /// The last day on which one began.
    pub day: VisitDay,
}

/// What a store does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitChanges {
    /// New visits, and those that are further now, in the order in which they were made.
    pub kept: Vec<Visit>,
    pub removed: Vec<VisitCode>,
    pub day: VisitDay,
}

/// What was counted of visits since the start of the process.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct VisitCounts {
    /// Visits that are over, by what came of them.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Ways that browsers tested, and whether they work.
    pub ways: BTreeMap<(Way, bool, BrowserFamily), u64>,
    /// Requests of the page that were refused, by reason.
    pub refusals: BTreeMap<&'static str, u64>,
}

impl VisitCounts {
    /// Counts a result.
    pub fn count_result(&mut self, report: &BrowserReport) {
        let ways = || report.ways.iter();
        let working = ways().filter(|way| way.works).count();
        let outcome = match working {
            0 if ways().all(|way| way.step == BrowserStep::None) => "no-signalling",
            0 => "no-way",
            number if number == Way::ALL.len() => "all-ways",
            _ => "some-ways",
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        for way in ways() {
            *self.ways.entry((way.way, way.works, report.family)).or_default() += 1;
        }
    }
}

/// What ovcheck found itself at about the time of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnView {
    /// When its run was asked for.
    pub at: Timestamp,
    /// From where it looked. Calls are judged only from the internet, where users are.
    pub zone: Zone,
    /// `None`: no call was made.
    pub call: Option<CallSummary>,
    pub violations: Vec<ViolatedRule>,
    /// The ways that were not judged by themselves, and the rule that stands in the way of each.
    pub blocked: Vec<(Way, RuleId)>,
}

impl OwnView {
    /// What a run found. Violations that the operator accepts for a while count: calls meet them all the same.
    pub fn of(report: &Report) -> Self {
        let violations = report.findings.iter().filter(|finding| finding.is_violation());
        Self {
            at: report.started_at,
            zone: report.vantage.zone,
            call: report.call.clone(),
            violations: violations
                .map(|finding| ViolatedRule {
                    rule: finding.rule.clone(),
                    title: finding.title.clone(),
                    severity: finding.severity,
                    way: finding.target.way,
                    reason: finding.reason,
                    because: finding.because.clone(),
                })
                .collect(),
            blocked: (report.findings.iter())
                .filter_map(|finding| Some((finding.target.way?, finding.blocked_by.clone()?)))
                .collect(),
        }
    }

    /// Whether every rule that stands in the way of another is known to be violated.
    pub fn is_explained(&self) -> bool {
        self.blocked.iter().all(|(_, rule)| self.is_violated(rule))
    }

    /// Whether this rule was found violated.
    pub fn is_violated(&self, rule: &RuleId) -> bool {
        self.violations.iter().any(|violation| violation.rule == *rule)
    }

    /// The same with the violations that another run found.
    #[must_use]
    pub fn with_violations_of(mut self, other: &Self) -> Self {
        for violation in &other.violations {
            if !self.violations.contains(violation) {
                self.violations.push(violation.clone());
            }
        }
        self
    }
}

/// A rule that a run of ovcheck found violated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolatedRule {
    pub rule: RuleId,
    pub title: String,
    pub severity: Severity,
    /// The way that it is about; `None`: not about a single one.
    pub way: Option<Way>,
    pub reason: ReasonCode,
    /// The rules whose violation is the cause.
    pub because: Vec<RuleId>,
}

/// What a browser and ovcheck found at the same time, side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JoinedView {
    /// One for each [`Way`], in the order of [`Way::ALL`].
    pub ways: Vec<JoinedWay>,
    /// What follows, the most important first; at least one.
    pub conclusions: Vec<VisitConclusion>,
}

/// One way, from both places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct JoinedWay {
    pub way: Way,
    /// Whether calls should take it by the policy of the deployment.
    pub is_expected: bool,
    pub browser: WaySeen,
    pub own: WaySeen,
}

/// Whether a way works from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaySeen {
    Works,
    Fails,
    /// The test did not come so far that it says something about this way.
    Unknown,
}

/// What follows from a browser's result and ovcheck's own, for some of the ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "conclusion", rename_all = "kebab-case")]
pub enum VisitConclusion {
    /// Every way that calls should take works in the browser.
    AllWork,
    /// It fails in the browser and for ovcheck, by these violated rules.
    Deployment { ways: Vec<Way>, rules: Vec<RuleId> },
    /// It works in the browser although the policy closes it.
    OpenAgainstPolicy { ways: Vec<Way> },
    /// Firefox does not relay over TLS when TURN reports a loopback or link-local address.
    FirefoxOnSameMachine,
    /// The browser did not get into the room: its clock is wrong by so many seconds.
    WrongClock { ahead_s: i64 },
    /// It fails in the browser and works for ovcheck: the user's network or browser.
    User { ways: Vec<Way> },
    /// The same for the way into the room.
    UserCannotJoin,
    /// It works in the browser, and not for ovcheck: ovcheck's own place, or a fault that comes and goes.
    OwnPlace { ways: Vec<Way> },
    /// Nothing follows.
    Undecided { ways: Vec<Way>, why: VisitDoubt },
}

/// Why nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitDoubt {
    /// ovcheck's own runs have not ended, or could not be made.
    NoOwnRun,
    /// ovcheck's own run was at another time.
    OtherTime,
    /// ovcheck could not see whether it works.
    OwnRunUnknown,
    /// ovcheck runs on a machine of the deployment, where calls are not judged.
    OwnRunInside,
    /// It fails for both, and no rule is violated that explains it.
    NoRuleViolated,
    /// The browser did not test it to its end.
    BrowserDidNotTest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = VisitCode::of_random(u64::MAX);
        assert_eq!(code.to_string(), "ZZZZ-ZZZZ");
        assert_eq!(VisitCode::of_random(1).to_string(), "0000-0001");
        let code: VisitCode = "7F4K-9QWD".parse().unwrap();
        for typed in ["7f4k9qwd", " 7F4K 9QWD".replace("K ", "K-").as_str(), "7F4K-9QWD\n"] {
            assert_eq!(typed.parse(), Ok(code), "{typed}");
        }
        assert_eq!("ooii-llOO".parse::<VisitCode>().unwrap().to_string(), "0011-1100");
        for wrong in ["", "7F4K-9QW", "7F4K-9QWDD", "7F4K-9QWU", "7F4K 9QWD", "ÄÄÄÄÄÄÄÄ"] {
            assert_eq!(wrong.parse::<VisitCode>(), Err(InvalidVisitCode), "{wrong}");
        }
        assert!(!format!("{code:?}").contains("9QWD"));
    }

    proptest::proptest! {
        #[test]
        fn every_code_is_read_back(number: u64) {
            let code = VisitCode::of_random(number);
            proptest::prop_assert_eq!(code.to_string().parse(), Ok(code));
        }
    }
}
