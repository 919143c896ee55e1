//! The visits of users: codes that the operator makes, what was given for them, and what came back.
//!
//! Everything is in memory and bounded: the number of visits, what each may send, and how often a network may ask. `storing`
//! writes what changes into the history.

pub mod operator;
pub mod received;
pub mod storing;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::limits::RateLimit;
use crate::model::facts::Way;
use crate::model::prober::TargetName;
use crate::model::timestamp::Timestamp;
use crate::model::visit::{
    BegunVisit, BrowserReport, BrowserResult, OwnView, Visit, VisitCode, VisitCounts, VisitDay,
};

/// How long a code is good, unless the operator says otherwise.
pub const CODE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a visit and its result are kept.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a visit is under way, without its result: as long as its tokens are good.
const UNDER_WAY: Duration = Duration::from_secs(120);

/// How long after its beginning a visit takes a result.
const TAKES_RESULT: Duration = Duration::from_secs(600);

/// How often the page of a visit with a code may repeat it.
const MOST_REPEATS: usize = 2;

/// The most results that one visit takes: a repeated attempt, and one that only asks for the text.
const MOST_RESULTS: u32 = 3;

/// The most visits and codes in memory. A result has at most some 25 kB.
const MOST_VISITS: usize = 600;

/// The most visits under way, and the most that begin on a day.
const MOST_UNDER_WAY: Quota = Quota(20);
const MOST_IN_A_DAY: Quota = Quota(500);

/// The most visits that begin in a network within a minute, and the most wrong codes from it.
const VISITS_IN_A_MINUTE: u32 = 3;
const WRONG_CODES_IN_A_MINUTE: u32 = 10;

/// A number of visits. Those without a code may take three quarters of it, so that they cannot shut out who has a code.
#[derive(Clone, Copy)]
struct Quota(usize);

impl Quota {
    fn allows(self, taken: usize, has_code: bool) -> bool {
        taken < if has_code { self.0 } else { self.0 / 4 * 3 }
    }
}

/// A point in time, on both clocks: the system's, which is in tokens and codes and can jump, and the one since the start of the
/// process, which cannot.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub wall: Timestamp,
    pub uptime: Duration,
}

/// Why a request of the page is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    CodeRequired,
    CodeUnknown,
    CodeUsed,
    CodeExpired,
    /// This network asked too often, or this visit sent too many results.
    TooMany,
    /// Too many visits at the same time or on this day, or the target is not served now.
    Busy,
    Malformed,
    TooLarge,
    WrongOrigin,
    /// The visit is over, or there never was one.
    Expired,
    /// No more results can be kept.
    Full,
}

impl Refusal {
    /// The word of the page's protocol.
    pub fn word(self) -> &'static str {
        match self {
            Self::CodeRequired => "code-required",
            Self::CodeUnknown => "code-unknown",
            Self::CodeUsed => "code-used",
            Self::CodeExpired => "code-expired",
            Self::TooMany => "too-many",
            Self::Busy => "busy",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::WrongOrigin => "wrong-origin",
            Self::Expired => "expired",
            Self::Full => "full",
        }
    }
}

/// The secret name of a visit that has begun. It authorizes the holder to send the result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VisitId(u64);

impl std::fmt::Display for VisitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl VisitId {
    /// `None`: the text is not the name of a visit.
    pub fn read(text: &str) -> Option<Self> {
        let is_fit = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| is_fit).map(Self)
    }
}

/// A visit, and what only this process knows of it.
struct KnownVisit {
    visit: Visit,
    /// `None`: it has not begun, or it began before the process.
    running: Option<Running>,
}

/// A visit that began in this process.
struct Running {
    id: VisitId,
    uptime: Duration,
    results: u32,
    is_counted: bool,
}

/// All visits.
pub struct Visits {
    is_open: bool,
    /// Whether they are written into a history.
    is_stored: bool,
    state: Mutex<State>,
    has_change: Notify,
    /// Held by the one that writes.
    writing: tokio::sync::Mutex<()>,
}

struct State {
    /// In the order in which they were made.
    visits: Vec<KnownVisit>,
    beginning: RateLimit,
    wrong_codes: RateLimit,
    day: VisitDay,
    counts: VisitCounts,
    /// The visits that changed and were not written since, also those that are gone.
    changed: BTreeSet<VisitCode>,
}

/// How a visit begins.
pub struct Request<'a> {
    /// The code that the user has typed.
    pub code: Option<&'a str>,
    /// The visit of the same page before it, which proves that the page may repeat it.
    pub again: Option<VisitId>,
    pub source: IpAddr,
    /// The deployment that is tested.
    pub target: &'a TargetName,
}

/// What a visit that begins is told.
pub struct Beginning {
    pub id: VisitId,
    /// How often the page may repeat it. `None`: it has no code, and its result is for the operator only if the user wants it.
    pub repeats_left: Option<usize>,
}

/// What a code opens.
enum Opened {
    /// The visit at this place.
    First(usize),
    /// A repeat of the visit at this place.
    Repeat(usize),
}

impl Visits {
    /// None yet. `is_open`: a code is not necessary; `is_stored`: somebody writes the changes.
    pub fn new(is_open: bool, is_stored: bool) -> Self {
        let state = State {
            visits: Vec::new(),
            beginning: RateLimit::in_a_minute(VISITS_IN_A_MINUTE),
            wrong_codes: RateLimit::in_a_minute(WRONG_CODES_IN_A_MINUTE),
            day: VisitDay::default(),
            counts: VisitCounts::default(),
            changed: BTreeSet::new(),
        };
        Self {
            is_open,
            is_stored,
            state: Mutex::new(state),
            has_change: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, now: Moment) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        for gone in state.forget_old(now) {
            self.note_change(&mut state, gone);
        }
        state
    }

    fn note_change(&self, state: &mut State, code: VisitCode) {
        if self.is_stored {
            state.changed.insert(code);
            self.has_change.notify_one();
        }
    }

    fn make_room(&self, state: &mut State) -> Result<(), Refusal> {
        if let Some(gone) = state.make_room()? {
            self.note_change(state, gone);
        }
        Ok(())
    }

    /// Adds a visit that begins at once.
    fn add(&self, state: &mut State, known: KnownVisit) -> Result<(), Refusal> {
        self.make_room(state).map_err(|_| Refusal::Busy)?;
        state.visits.push(known);
        Ok(())
    }

    /// Makes a code for a user.
    ///
    /// # Errors
    /// If no more visits can be kept.
    pub fn invite(&self, note: String, lifetime: Duration, now: Moment) -> Result<Visit, Refusal> {
        let mut state = self.state(now);
        self.make_room(&mut state)?;
        let visit = Visit {
            code: state.unused_code(),
            note: Some(note),
            repeats: None,
            made_at: now.wall,
            expires_at: now.wall.plus(lifetime),
            begun: None,
        };
        state.visits.push(KnownVisit { visit: visit.clone(), running: None });
        self.note_change(&mut state, visit.code);
        Ok(visit)
    }

    /// Begins a visit. `expected` finds the ways that calls should take; it is asked only if nothing else stands against the
    /// visit, because it reads the rules.
    ///
    /// # Errors
    /// If the code is not good, or there are too many visits.
    pub fn begin(
        &self,
        request: &Request<'_>,
        expected: impl FnOnce() -> Result<Vec<Way>, Refusal>,
        now: Moment,
    ) -> Result<Beginning, Refusal> {
        let Request { code, again, source, target } = *request;
        let mut state = self.state(now);
        if !state.wrong_codes.allows(source, now.uptime) {
            return Err(Refusal::TooMany);
        }
        let opened = match code {
            Some(code) => match state.open(code, again, now.wall) {
                Ok(opened) => Some(opened),
                Err(refusal) => {
                    state.wrong_codes.count(source, now.uptime);
                    return Err(refusal);
                }
            },
            None if self.is_open => None,
            None => return Err(Refusal::CodeRequired),
        };
        if !state.beginning.allows(source, now.uptime) {
            return Err(Refusal::TooMany);
        }
        let has_code = opened.is_some();
        if !MOST_UNDER_WAY.allows(state.under_way(now.uptime), has_code)
            || !MOST_IN_A_DAY.allows(state.on_this_day(now.wall), has_code)
        {
            return Err(Refusal::Busy);
        }
        let begun = Some(BegunVisit {
            at: now.wall,
            source,
            target: target.clone(),
            expected: expected()?,
            own: None,
            result: None,
        });
        let id = VisitId(rand::random());
        let running = Some(Running { id, uptime: now.uptime, results: 0, is_counted: false });
        let (code, first) = match opened {
            Some(Opened::First(place)) => {
                let known = &mut state.visits[place];
                known.visit.begun = begun;
                known.running = running;
                (known.visit.code, Some(known.visit.code))
            }
            Some(Opened::Repeat(place)) => {
                let first = &state.visits[place].visit;
                let Visit { code: first, ref note, expires_at, .. } = *first;
                let (note, repeats) = (note.clone(), Some(first));
                let code = state.unused_code();
                let visit = Visit { code, note, repeats, made_at: now.wall, expires_at, begun };
                self.add(&mut state, KnownVisit { visit, running })?;
                (code, Some(first))
            }
            None => {
                let (code, at) = (state.unused_code(), now.wall);
                let (note, repeats) = (None, None);
                let visit = Visit { code, note, repeats, made_at: at, expires_at: at, begun };
                self.add(&mut state, KnownVisit { visit, running })?;
                (code, None)
            }
        };
        state.beginning.count(source, now.uptime);
        state.day.begun += 1;
        self.note_change(&mut state, code);
        let repeats_left = first.map(|first| MOST_REPEATS - state.repeats_of(first).count());
        Ok(Beginning { id, repeats_left })
    }

    /// Whether a visit still takes a result.
    ///
    /// # Errors
    /// If it is over, or has sent too many.
    pub fn expects_result(&self, id: VisitId, now: Moment) -> Result<(), Refusal> {
        State::expecting_in(&mut self.state(now).visits, id, now).map(|_| ())
    }

    /// Takes the result of a visit; `keep`: for the operator. Returns the code under which the operator finds it.
    ///
    /// # Errors
    /// If the visit is over, or has sent too many.
    pub fn take_result(
        &self,
        id: VisitId,
        report: BrowserReport,
        keep: bool,
        now: Moment,
    ) -> Result<Option<VisitCode>, Refusal> {
        let mut state = self.state(now);
        let State { visits, counts, .. } = &mut *state;
        let (visit, running) = State::expecting_in(visits, id, now)?;
        running.results += 1;
        if !keep {
            return Ok(None);
        }
        if !running.is_counted {
            running.is_counted = true;
            counts.count_result(&report);
        }
        let Visit { code, begun: Some(begun), .. } = visit else { return Err(Refusal::Expired) };
        begun.result = Some(BrowserResult { at: now.wall, report: Arc::new(report) });
        let code = *code;
        self.note_change(&mut state, code);
        Ok(Some(code))
    }

    /// A visit that has begun.
    pub fn begun(&self, id: VisitId, now: Moment) -> Option<BegunVisit> {
        let mut state = self.state(now);
        state.visits.iter_mut().find(|known| known.is(id))?.visit.begun.clone()
    }

    /// Keeps what ovcheck found itself for a visit.
    pub fn keep_own(&self, id: VisitId, own: OwnView, now: Moment) {
        let mut state = self.state(now);
        let known = state.visits.iter_mut().find(|known| known.is(id));
        let Some(visit) = known.map(|known| &mut known.visit) else { return };
        if let Some(begun) = &mut visit.begun {
            begun.own = Some(Arc::new(own));
        }
        let code = visit.code;
        self.note_change(&mut state, code);
    }

    /// Counts a refusal.
    pub fn count_refusal(&self, refusal: Refusal, now: Moment) {
        *self.state(now).counts.refusals.entry(refusal.word()).or_default() += 1;
    }

    /// The counters.
    pub fn counts(&self, now: Moment) -> VisitCounts {
        self.state(now).counts.clone()
    }

    /// All visits, the newest first.
    pub fn list(&self, now: Moment) -> Vec<Visit> {
        self.state(now).visits.iter().rev().map(|known| known.visit.clone()).collect()
    }

    /// The visits that repeat the one with this code.
    pub fn repeats_of(&self, code: VisitCode, now: Moment) -> Vec<VisitCode> {
        self.state(now).repeats_of(code).collect()
    }

    /// The visit with this code.
    pub fn find(&self, code: VisitCode, now: Moment) -> Option<Visit> {
        self.state(now).find(code).map(|known| known.visit.clone())
    }
}

impl KnownVisit {
    fn is(&self, id: VisitId) -> bool {
        self.running.as_ref().is_some_and(|running| running.id == id)
    }

    fn has_result(&self) -> bool {
        self.visit.begun.as_ref().is_some_and(|begun| begun.result.is_some())
    }

    /// Whether it began without a code, and nothing came of it.
    fn is_without_use(&self) -> bool {
        let is_over = self.running.as_ref().is_none_or(|running| running.is_counted);
        self.visit.note.is_none() && is_over && !self.has_result()
    }
}

impl State {
    fn find(&self, code: VisitCode) -> Option<&KnownVisit> {
        self.visits.iter().find(|known| known.visit.code == code)
    }

    /// What a code opens now, for a page that has made the visit `again` before.
    fn open(&self, code: &str, again: Option<VisitId>, now: Timestamp) -> Result<Opened, Refusal> {
        let code: VisitCode = code.parse().map_err(|_| Refusal::CodeUnknown)?;
        let place = self.visits.iter().position(|known| known.visit.code == code);
        let place = place.ok_or(Refusal::CodeUnknown)?;
        let Visit { begun, expires_at, repeats, .. } = &self.visits[place].visit;
        if begun.is_some() && (repeats.is_some() || !self.may_repeat(code, again)) {
            return Err(Refusal::CodeUsed);
        }
        match begun {
            _ if *expires_at <= now => Err(Refusal::CodeExpired),
            Some(_) => Ok(Opened::Repeat(place)),
            None => Ok(Opened::First(place)),
        }
    }

    /// Whether `again` is a visit with this code or a repeat of it, and there may be another.
    fn may_repeat(&self, code: VisitCode, again: Option<VisitId>) -> bool {
        let is_of_code = |visit: &Visit| visit.code == code || visit.repeats == Some(code);
        let known = again.and_then(|id| self.visits.iter().find(|known| known.is(id)));
        known.is_some_and(|known| is_of_code(&known.visit))
            && self.repeats_of(code).count() < MOST_REPEATS
    }

    /// The visits that repeat the one with this code.
    fn repeats_of(&self, code: VisitCode) -> impl Iterator<Item = VisitCode> {
        let repeats = self.visits.iter().filter(move |known| known.visit.repeats == Some(code));
        repeats.map(|known| known.visit.code)
    }

    fn expecting_in(
        visits: &mut [KnownVisit],
        id: VisitId,
        now: Moment,
    ) -> Result<(&mut Visit, &mut Running), Refusal> {
        let known = visits.iter_mut().find(|known| known.is(id)).ok_or(Refusal::Expired)?;
        match &mut known.running {
            Some(running) if running.age(now.uptime) > TAKES_RESULT => Err(Refusal::Expired),
            Some(running) if running.results >= MOST_RESULTS => Err(Refusal::TooMany),
            Some(running) => Ok((&mut known.visit, running)),
            None => Err(Refusal::Expired),
        }
    }

    /// The visits that have begun, and have neither ended nor expired.
    fn under_way(&self, now: Duration) -> usize {
        let without_result = self.visits.iter().filter(|known| !known.has_result());
        let running = without_result.filter_map(|known| known.running.as_ref());
        running.filter(|running| running.age(now) < UNDER_WAY).count()
    }

    /// The visits that began on this day.
    fn on_this_day(&mut self, now: Timestamp) -> usize {
        let number = now.unix_seconds().div_euclid(24 * 60 * 60);
        if self.day.number != number {
            self.day = VisitDay { number, begun: 0 };
        }
        self.day.begun
    }

    /// A code that no visit has.
    fn unused_code(&self) -> VisitCode {
        loop {
            let code = VisitCode::of_random(rand::random());
            if self.find(code).is_none() {
                return code;
            }
        }
    }

    /// Counts the visits that brought no result, and forgets what is too old. Returns the visits of which nothing came. (The
    /// history removes by itself what is too old: the clock may have jumped.)
    fn forget_old(&mut self, now: Moment) -> Vec<VisitCode> {
        let kept_since = now.wall.minus(KEPT);
        for running in self.visits.iter_mut().filter_map(|known| known.running.as_mut()) {
            if !running.is_counted && running.age(now.uptime) > TAKES_RESULT {
                running.is_counted = true;
                *self.counts.outcomes.entry("without-result").or_default() += 1;
            }
        }
        self.visits.retain(|known| known.visit.made_at > kept_since);
        let gone = self.visits.extract_if(.., |known| known.is_without_use());
        gone.map(|known| known.visit.code).collect()
    }

    /// Room for one more visit: the oldest that began without a code goes first, then the oldest that has ended. A code that
    /// can still be used stays. Returns the visit that goes.
    fn make_room(&mut self) -> Result<Option<VisitCode>, Refusal> {
        if self.visits.len() < MOST_VISITS {
            return Ok(None);
        }
        let first =
            |is_it: fn(&Visit) -> bool| self.visits.iter().position(|known| is_it(&known.visit));
        let place =
            first(|visit| visit.note.is_none()).or_else(|| first(|visit| visit.begun.is_some()));
        Ok(Some(self.visits.remove(place.ok_or(Refusal::Full)?).visit.code))
    }
}

impl Running {
    /// How long it is since it began.
    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.uptime)
    }
}

#[cfg(test)]
mod tests;
