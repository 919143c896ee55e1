//! What a responder knows of each check: bounded, whatever arrives.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use crate::model::port::{Port, PortRange};
use crate::model::responder::{PortRedirect, PortSet, ResponderToken, SessionId, SessionRecord};
use crate::model::timestamp::Timestamp;
use crate::proto::responder::packet::{Datagram, Syn};
use crate::proto::responder::syn::{Announcement, SynReport};
use crate::proto::responder::{Head, Kind, PortsSeen, ReportAnswer, SessionKey, Unverified};

use super::sockets::Seen;
use super::syns::Syns;

/// A check has a session for each address that it looks at. One needs some 40 kB.
const MOST_SESSIONS: usize = 64;

/// The redirected ports of a session of which it is known where they lead.
const MOST_REDIRECTED: usize = 4_096;

/// The SYNs that are remembered: a check makes some hundreds.
const MOST_SYNS: usize = 16 * 1_024;
const MOST_EARLY: usize = 1_024;

/// The sessions of a responder.
pub struct Sessions {
    token: ResponderToken,
    /// In the order in which they began.
    all: Vec<Session>,
    places: HashMap<SessionId, usize>,
    /// The SYNs that arrived, by their sequence numbers.
    arrived_syns: HashMap<u32, Vec<Attempt>>,
    /// Those that were read behind the firewall, and not yet before it.
    early_syns: VecDeque<(Seen, Syn)>,
    refused: u64,
    /// Who sent the last of them.
    refused_from: Option<IpAddr>,
}

/// A connection attempt that a check announced.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    session: usize,
    /// The place of its port in the announcement.
    pub port: usize,
    /// Which of the attempts to that port it is, from 0.
    pub number: u8,
}

/// One check of one address.
pub struct Session {
    id: SessionId,
    key: SessionKey,
    /// Who began it: others are not listened to.
    source: IpAddr,
    began_at: Timestamp,
    last_at: Timestamp,
    probes: u32,
    seen: PortsSeen,
    redirects: BTreeMap<u16, u16>,
    /// The connection attempts that it announced.
    syns: Option<Syns>,
    /// Whether something came since it was looked at last.
    is_fresh: bool,
    /// Whether something came that was not told yet.
    is_untold: bool,
}

/// A request that wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// HELLO, or anything of another version.
    Hello {
        is_busy: bool,
    },
    Report,
    /// Connection attempts were announced; this says that they are watched for.
    Announce,
    SynReport,
}

impl Sessions {
    pub fn new(token: ResponderToken) -> Self {
        Self {
            token,
            all: Vec::new(),
            places: HashMap::new(),
            arrived_syns: HashMap::new(),
            early_syns: VecDeque::new(),
            refused: 0,
            refused_from: None,
        }
    }

    /// Takes in what was seen. A question is one that arrived now, with the key for its answer.
    pub fn note(
        &mut self,
        seen: Seen,
        datagram: &Datagram<'_>,
        now: Timestamp,
    ) -> Option<(Question, Head, SessionKey)> {
        let read = Unverified::read(datagram.payload)?;
        let known = self.places.get(&read.session()).copied();
        let key = match known {
            Some(place) => self.all[place].key.clone(),
            None => SessionKey::new(&self.token, read.session()),
        };
        let source = datagram.from.ip();
        let head = read.request(&key);
        let is_meant = known.is_none_or(|place| self.all[place].source == source);
        let Some(head) = head.filter(|_| is_meant) else {
            // Each packet is counted once.
            if seen == Seen::Arrived {
                self.refused += 1;
                self.refused_from = Some(source);
            }
            return None;
        };
        if head.version != crate::proto::responder::VERSION {
            let is_question = seen == Seen::Arrived && head.kind == Kind::Hello;
            return is_question.then_some((Question::Hello { is_busy: false }, head, key));
        }
        // A session begins with what reaches the machine.
        let place = match known {
            Some(place) => Some(place),
            None if seen == Seen::Arrived => self.begin(head.session, key.clone(), source, now),
            None => None,
        };
        match (head.kind, place) {
            (Kind::Probe, Some(place)) => {
                self.all[place].probe(seen, head.port, datagram.to.port(), now);
                None
            }
            (Kind::Probe | Kind::Report | Kind::Announce | Kind::SynReport, None) => None,
            (Kind::Hello | Kind::Report | Kind::Announce | Kind::SynReport, _)
                if seen != Seen::Arrived =>
            {
                None
            }
            (Kind::Hello, place) => Some((Question::Hello { is_busy: place.is_none() }, head, key)),
            (Kind::Report, Some(_)) => Some((Question::Report, head, key)),
            (Kind::SynReport, Some(_)) => Some((Question::SynReport, head, key)),
            (Kind::Announce, Some(place)) => {
                self.all[place].announce(read.announcement()?, now);
                Some((Question::Announce, head, key))
            }
        }
    }

    /// Takes in a SYN. One that arrives is known by its source and the size of its segments. Rules of the
    /// machine may change its port, and where it is sent on also its source: behind them it is known by
    /// its sequence number.
    pub fn note_syn(&mut self, seen: Seen, from: IpAddr, syn: Syn, now: Timestamp) {
        if seen != Seen::Arrived {
            self.note_syn_behind(seen, syn, now);
            return;
        }
        let attempts: Vec<Attempt> = (self.all.iter().enumerate())
            .filter(|(_, session)| session.source == from)
            .filter_map(|(session, it)| {
                let (port, number) = it.syns.as_ref()?.attempt(syn, now)?;
                Some(Attempt { session, port, number })
            })
            .collect();
        // Two checks may have chosen the same sizes: then it is of the one that dialled this port. Where
        // both did, it tells the same of both.
        let is_dialled = |it: &Attempt| {
            let syns = self.all[it.session].syns.as_ref();
            syns.is_some_and(|syns| syns.is_dialled(it.port, syn.port))
        };
        let dialled: Vec<Attempt> = attempts.iter().copied().filter(is_dialled).collect();
        let attempts = match (dialled.is_empty(), attempts.as_slice()) {
            (false, _) => dialled,
            (true, [one]) => vec![*one],
            (true, _) => return,
        };
        for attempt in &attempts {
            self.all[attempt.session].syn(seen, *attempt, syn.port, now);
        }
        if self.arrived_syns.len() < MOST_SYNS {
            self.arrived_syns.insert(syn.sequence, attempts);
        }
        // The sockets are read one after the other, and not in the order of the packet's way.
        let early: Vec<(Seen, Syn)> = (self.early_syns.iter().copied())
            .filter(|(_, early)| early.sequence == syn.sequence)
            .collect();
        self.early_syns.retain(|(_, early)| early.sequence != syn.sequence);
        for (seen, syn) in early {
            self.note_syn_behind(seen, syn, now);
        }
    }

    fn note_syn_behind(&mut self, seen: Seen, syn: Syn, now: Timestamp) {
        if let Some(attempts) = self.arrived_syns.get(&syn.sequence) {
            for attempt in attempts {
                self.all[attempt.session].syn(seen, *attempt, syn.port, now);
            }
            return;
        }
        let mut announced = self.all.iter().filter_map(|session| session.syns.as_ref());
        if !announced.any(|syns| syns.attempt(syn, now).is_some()) {
            return;
        }
        if self.early_syns.len() == MOST_EARLY {
            self.early_syns.pop_front();
        }
        self.early_syns.push_back((seen, syn));
    }

    fn begin(
        &mut self,
        id: SessionId,
        key: SessionKey,
        source: IpAddr,
        now: Timestamp,
    ) -> Option<usize> {
        if self.all.len() == MOST_SESSIONS {
            return None;
        }
        let place = self.all.len();
        self.places.insert(id, place);
        self.all.push(Session {
            id,
            key,
            source,
            began_at: now,
            last_at: now,
            probes: 0,
            seen: PortsSeen::default(),
            redirects: BTreeMap::new(),
            syns: None,
            is_fresh: true,
            is_untold: true,
        });
        Some(place)
    }

    /// What is known of the ports from `base` on.
    pub fn report(&self, session: SessionId, base: u16, lost: u64) -> Option<ReportAnswer> {
        let session = &self.all[*self.places.get(&session)?];
        let redirects = session.redirects();
        Some(ReportAnswer::of(&session.seen, &redirects, base, (lost, session.probes)))
    }

    /// What is known of the connection attempts of a session; `None` if it announced none.
    pub fn syn_report(&self, session: SessionId, lost: u64) -> Option<SynReport> {
        let session = &self.all[*self.places.get(&session)?];
        Some(session.syns.as_ref()?.report(lost))
    }

    /// Packets without the right token, and who sent the last one.
    pub fn refused(&self) -> (u64, Option<IpAddr>) {
        (self.refused, self.refused_from)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.all.iter_mut()
    }

    /// All sessions, for the file.
    pub fn records(&self) -> Vec<SessionRecord> {
        self.all.iter().map(Session::record).collect()
    }
}

impl Session {
    fn probe(&mut self, seen: Seen, port: u16, at_port: u16, now: Timestamp) {
        let set = match seen {
            Seen::Arrived => {
                self.probes = self.probes.saturating_add(1);
                &mut self.seen.arrived
            }
            Seen::Passed => &mut self.seen.passed,
            Seen::Forwarded => &mut self.seen.forwarded,
        };
        let is_new = set.insert(port);
        self.is_fresh |= is_new;
        self.is_untold |= is_new;
        self.last_at = now;
        let has_room = self.redirects.len() < MOST_REDIRECTED;
        if at_port != port {
            self.seen.redirected.insert(port);
            if has_room {
                self.redirects.insert(port, at_port);
            }
        }
    }

    /// The first announcement holds; a copy of it changes nothing.
    fn announce(&mut self, announcement: Announcement, now: Timestamp) {
        self.syns.get_or_insert_with(|| Syns::new(announcement, now));
        self.last_at = now;
    }

    fn syn(&mut self, seen: Seen, attempt: Attempt, port: u16, now: Timestamp) {
        let Some(syns) = &mut self.syns else { return };
        let is_new = syns.note(seen, attempt, port);
        self.is_fresh |= is_new;
        self.is_untold |= is_new;
        self.last_at = now;
    }

    /// Neighbours that lead to one port, in one.
    fn redirects(&self) -> Vec<PortRedirect> {
        let mut all: Vec<PortRedirect> = Vec::new();
        for (from, to) in &self.redirects {
            let (Some(from), Some(to)) = (Port::new(*from), Port::new(*to)) else {
                continue;
            };
            match all.last_mut() {
                Some(last)
                    if last.to == to
                        && last.ports.last().number().checked_add(1) == Some(from.number()) =>
                {
                    last.ports = PortRange::new(last.ports.first(), from).unwrap_or(last.ports);
                }
                _ => all.push(PortRedirect { ports: from.into(), to }),
            }
        }
        all
    }

    /// Whether it is time to tell what came: when nothing more comes, so that nobody reads half of a
    /// sweep as its result. To be asked now and then.
    pub fn is_to_be_told(&mut self) -> bool {
        let is_at_rest = !std::mem::take(&mut self.is_fresh);
        is_at_rest && std::mem::take(&mut self.is_untold)
    }

    pub fn record(&self) -> SessionRecord {
        let ranges = |set: &PortSet| set.ranges();
        SessionRecord {
            session: self.id,
            source: self.source,
            began_at: self.began_at,
            last_at: self.last_at,
            probes: self.probes.into(),
            arrived: ranges(&self.seen.arrived),
            passed: ranges(&self.seen.passed),
            forwarded: ranges(&self.seen.forwarded),
            redirected: self.redirects(),
            tcp: self.syns.as_ref().map(Syns::record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::responder::{VERSION, request};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_000_000);

    fn token() -> ResponderToken {
        ResponderToken::new([7; 16])
    }

    fn head(kind: Kind, session: u8, port: u16) -> Head {
        Head {
            transaction: [1; 12],
            version: VERSION,
            kind,
            copy: 0,
            session: SessionId([session; 8]),
            port,
            base: 0,
        }
    }

    fn note(
        sessions: &mut Sessions,
        seen: Seen,
        head: Head,
        (from, to_port): (&str, u16),
    ) -> Option<Question> {
        let key = SessionKey::new(&token(), head.session);
        let payload = request(&key, head);
        let to = std::net::SocketAddr::new("203.0.113.20".parse().unwrap(), to_port);
        let datagram = Datagram { from: from.parse().unwrap(), to, payload: &payload };
        sessions.note(seen, &datagram, NOW).map(|(question, ..)| question)
    }

    const CLIENT: &str = "198.51.100.7:40000";

    #[test]
    fn a_port_arrives_passes_and_is_redirected() {
        let mut sessions = Sessions::new(token());
        for (seen, port, at) in [
            (Seen::Arrived, 50_000, 50_000),
            (Seen::Arrived, 50_001, 50_001),
            (Seen::Passed, 50_001, 50_009),
            (Seen::Arrived, 50_002, 50_002),
            (Seen::Passed, 50_002, 50_009),
            (Seen::Arrived, 50_003, 50_003),
            (Seen::Forwarded, 50_003, 50_003),
        ] {
            let probe = head(Kind::Probe, 1, port);
            assert_eq!(note(&mut sessions, seen, probe, (CLIENT, at)), None);
        }
        let records = sessions.records();
        let text = |ranges: &[PortRange]| -> Vec<String> {
            ranges.iter().map(ToString::to_string).collect()
        };
        assert_eq!(text(&records[0].arrived), ["50000-50003"]);
        assert_eq!(text(&records[0].passed), ["50001-50002"]);
        assert_eq!(text(&records[0].forwarded), ["50003"]);
        let redirected = &records[0].redirected;
        assert_eq!(redirected.len(), 1);
        assert_eq!(redirected[0].ports.to_string(), "50001-50002");
        assert_eq!(redirected[0].to.number(), 50_009);
        assert_eq!(records[0].probes, 4);
    }

    #[test]
    fn questions_are_answered_once_though_they_pass_the_firewall_too() {
        let mut sessions = Sessions::new(token());
        let hello = head(Kind::Hello, 1, 443);
        let from = (CLIENT, 443);
        let fresh = Some(Question::Hello { is_busy: false });
        assert_eq!(note(&mut sessions, Seen::Arrived, hello, from), fresh);
        assert_eq!(note(&mut sessions, Seen::Passed, hello, from), None);
        let report = head(Kind::Report, 1, 443);
        assert_eq!(note(&mut sessions, Seen::Arrived, report, from), Some(Question::Report));
    }

    /// A check from `from` that announces these ports, with sizes from `first` on.
    fn announce(sessions: &mut Sessions, session: u8, from: &str, first: u16, ports: &[u16]) {
        let head = head(Kind::Announce, session, 443);
        let of = Announcement { first, lasts_ms: 10_000, ports: ports.to_vec() };
        let key = SessionKey::new(&token(), head.session);
        let payload = crate::proto::responder::announcement(&key, head, &of);
        let to = "203.0.113.20:443".parse().unwrap();
        let datagram = Datagram { from: from.parse().unwrap(), to, payload: &payload };
        let noted = sessions.note(Seen::Arrived, &datagram, NOW);
        assert_eq!(noted.map(|(question, ..)| question), Some(Question::Announce));
    }

    fn text(ranges: &[PortRange]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn connections_that_were_announced_are_known_by_the_size_of_their_segments() {
        let mut sessions = Sessions::new(token());
        announce(&mut sessions, 1, CLIENT, 0, &[80, 443, 6_379, 7_881]);
        let client = CLIENT.parse::<std::net::SocketAddr>().unwrap().ip();
        let stranger = "192.0.2.66".parse().unwrap();
        let mut note = |seen, from, port, place: u16, attempt: u16, after| {
            let segment = 536 + 3 * place + attempt;
            let syn = Syn { port, segment, sequence: segment.into() };
            sessions.note_syn(seen, from, syn, NOW.plus(std::time::Duration::from_secs(after)));
        };
        for attempt in [0, 1] {
            note(Seen::Arrived, client, 443, 1, attempt, 0);
            // A container behind masquerading, and another port of it.
            note(Seen::Forwarded, "172.17.0.1".parse().unwrap(), 8_443, 1, attempt, 0);
            // Neither from somebody else nor later on.
            note(Seen::Arrived, stranger, 6_379, 2, attempt, 0);
            note(Seen::Arrived, client, 6_379, 2, attempt, 60);
        }
        // Read behind the firewall first.
        note(Seen::Passed, client, 80, 0, 0, 0);
        note(Seen::Arrived, client, 80, 0, 0, 0);
        note(Seen::Arrived, client, 80, 0, 1, 0);
        note(Seen::Passed, client, 80, 0, 2, 0);
        note(Seen::Arrived, client, 7_881, 3, 0, 0);
        let record = sessions.records()[0].tcp.clone().unwrap();
        assert_eq!(text(&record.announced), "80 443 6379 7881");
        assert_eq!(text(&record.arrived), "80 443 7881");
        // One attempt passed that arrived; the other one did not arrive.
        assert_eq!(text(&record.passed), "80");
        assert_eq!(text(&record.forwarded), "443");
        assert_eq!(text(&record.unsure), "80 7881");
        assert_eq!(record.redirected.len(), 1);
        assert_eq!(record.redirected[0].to.number(), 8_443);
    }

    #[test]
    fn two_checks_of_one_machine_do_not_take_each_others_connections() {
        let mut sessions = Sessions::new(token());
        let other = "198.51.100.7:40001";
        announce(&mut sessions, 1, CLIENT, 0, &[80, 443]);
        announce(&mut sessions, 2, other, 3, &[443, 80]);
        let client = CLIENT.parse::<std::net::SocketAddr>().unwrap().ip();
        // The size of 443 of the first check, and that of 443 of the second one, which the first has not.
        for segment in [539, 540] {
            let syn = Syn { port: 443, segment, sequence: segment.into() };
            sessions.note_syn(Seen::Arrived, client, syn, NOW);
        }
        let arrived = |place: usize| sessions.records()[place].tcp.clone().unwrap().arrived;
        assert_eq!([text(&arrived(0)), text(&arrived(1))], ["443", "443"]);
        let syn = Syn { port: 80, segment: 536, sequence: 9 };
        sessions.note_syn(Seen::Arrived, client, syn, NOW);
        let arrived = |place: usize| sessions.records()[place].tcp.clone().unwrap().arrived;
        assert_eq!([text(&arrived(0)), text(&arrived(1))], ["80 443", "443"]);
    }

    #[test]
    fn a_sweep_is_told_once_when_it_is_over() {
        let mut sessions = Sessions::new(token());
        let mut told = Vec::new();
        for port in [50_000, 50_001, 50_001, 50_001] {
            note(&mut sessions, Seen::Arrived, head(Kind::Probe, 1, port), (CLIENT, port));
            told.extend(sessions.iter_mut().map(Session::is_to_be_told));
        }
        // The second copy of a port is no news.
        assert_eq!(told, [false, false, true, false]);
    }

    #[test]
    fn who_did_not_begin_a_session_is_not_listened_to_in_it() {
        let mut sessions = Sessions::new(token());
        let probe = head(Kind::Probe, 1, 50_000);
        note(&mut sessions, Seen::Arrived, probe, (CLIENT, 50_000));
        let replayed = head(Kind::Probe, 1, 50_001);
        note(&mut sessions, Seen::Arrived, replayed, ("192.0.2.66:40000", 50_001));
        assert_eq!(sessions.records()[0].arrived.len(), 1);
        assert_eq!(sessions.refused(), (1, Some("192.0.2.66".parse().unwrap())));
    }

    #[test]
    fn there_are_no_more_sessions_than_there_is_room_for() {
        let mut sessions = Sessions::new(token());
        for session in 0..=u8::try_from(MOST_SESSIONS).unwrap() {
            let hello = head(Kind::Hello, session, 443);
            let is_busy = usize::from(session) == MOST_SESSIONS;
            let answer = note(&mut sessions, Seen::Arrived, hello, (CLIENT, 443));
            assert_eq!(answer, Some(Question::Hello { is_busy }));
        }
        let probe = head(Kind::Probe, 200, 50_000);
        assert_eq!(note(&mut sessions, Seen::Arrived, probe, (CLIENT, 50_000)), None);
        assert_eq!(sessions.records().len(), MOST_SESSIONS);
    }
}
