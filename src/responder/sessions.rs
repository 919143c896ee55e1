//! What a responder knows of each check: bounded, whatever arrives.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

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

/// How long a SYN may be read before its announcement. Timestamps are whole seconds.
const LONGEST_BEFORE: Duration = Duration::from_secs(2);

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
    /// Those of which no announcement speaks, or only one that names another port: that of their own check may
    /// not have been read yet.
    unclaimed: VecDeque<Unclaimed>,
    refused: u64,
    /// Who sent the last of them.
    refused_from: Option<IpAddr>,
}

/// A machine with a bridge sees each packet twice, one right after the other: at the bridge's port and at the
/// bridge. So many probes back, one that comes again is known.
const REMEMBERED: usize = 64;

/// The last probes that arrived, by their transactions.
#[derive(Debug, Clone, Copy)]
struct Recent {
    transactions: [[u8; 12]; REMEMBERED],
    next: usize,
}

impl Recent {
    const NONE: Self = Self { transactions: [[0; 12]; REMEMBERED], next: 0 };

    fn is_new(&mut self, transaction: [u8; 12]) -> bool {
        if self.transactions.contains(&transaction) {
            return false;
        }
        self.transactions[self.next] = transaction;
        self.next = (self.next + 1) % REMEMBERED;
        true
    }
}

/// A SYN whose check is not known yet.
#[derive(Debug, Clone, Copy)]
struct Unclaimed {
    seen: Seen,
    from: IpAddr,
    syn: Syn,
    at: Timestamp,
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
    recent: Recent,
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
            unclaimed: VecDeque::new(),
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
                self.all[place].probe(seen, head, datagram.to.port(), now);
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
                self.claim_again(now);
                Some((Question::Announce, head, key))
            }
        }
    }

    /// Takes in a SYN. One that arrives is known by its source and the size of its segments. Rules of the
    /// machine may change its port, and where it is sent on also its source: behind them it is known by
    /// its sequence number.
    pub fn note_syn(&mut self, seen: Seen, from: IpAddr, syn: Syn, now: Timestamp) {
        let unclaimed = Unclaimed { seen, from, syn, at: now };
        if seen != Seen::Arrived {
            return self.note_syn_behind(unclaimed);
        }
        // Two checks may have chosen the same sizes: then it is of the one that dialled this port. Where
        // both did, it tells the same of both.
        let is_dialled = |it: &Attempt| {
            let syns = self.all[it.session].syns.as_ref();
            syns.is_some_and(|syns| syns.is_dialled(it.port, syn.port))
        };
        let dialled: Vec<Attempt> = self.attempts(from, syn, now).filter(is_dialled).collect();
        match dialled.is_empty() {
            true => self.wait_for_announcement(unclaimed),
            false => self.claim(&dialled, syn, now),
        }
    }

    /// The attempts, of any check, that a SYN from this address may be.
    fn attempts(
        &self,
        from: IpAddr,
        syn: Syn,
        now: Timestamp,
    ) -> impl Iterator<Item = Attempt> + '_ {
        let all = self.all.iter().enumerate();
        all.filter(move |(_, session)| session.source == from).filter_map(move |(session, it)| {
            let (port, number) = it.syns.as_ref()?.attempt(syn, now)?;
            Some(Attempt { session, port, number })
        })
    }

    /// A SYN that arrived is these attempts.
    fn claim(&mut self, attempts: &[Attempt], syn: Syn, now: Timestamp) {
        for attempt in attempts {
            self.all[attempt.session].syn(Seen::Arrived, *attempt, syn.port, now);
        }
        if self.arrived_syns.len() < MOST_SYNS {
            self.arrived_syns.insert(syn.sequence, attempts.to_vec());
        }
        // The sockets are read one after the other, and not in the order of the packet's way.
        let early: Vec<(Seen, Syn)> = (self.early_syns.iter().copied())
            .filter(|(_, early)| early.sequence == syn.sequence)
            .collect();
        self.early_syns.retain(|(_, early)| early.sequence != syn.sequence);
        for (seen, early) in early {
            for attempt in attempts {
                self.all[attempt.session].syn(seen, *attempt, early.port, now);
            }
        }
    }

    fn note_syn_behind(&mut self, unclaimed: Unclaimed) {
        let Unclaimed { seen, syn, at, .. } = unclaimed;
        if let Some(attempts) = self.arrived_syns.get(&syn.sequence) {
            for attempt in attempts {
                self.all[attempt.session].syn(seen, *attempt, syn.port, at);
            }
            return;
        }
        let mut announced = self.all.iter().filter_map(|session| session.syns.as_ref());
        if !announced.any(|syns| syns.attempt(syn, at).is_some()) {
            return self.wait_for_announcement(unclaimed);
        }
        if self.early_syns.len() == MOST_EARLY {
            self.early_syns.pop_front();
        }
        self.early_syns.push_back((seen, syn));
    }

    fn wait_for_announcement(&mut self, unclaimed: Unclaimed) {
        if self.unclaimed.len() == MOST_EARLY
            && let Some(oldest) = self.unclaimed.pop_front()
        {
            self.claim_as_redirected(oldest);
        }
        self.unclaimed.push_back(unclaimed);
    }

    /// Another check has announced what it will do: what was read shortly before may be its own.
    fn claim_again(&mut self, now: Timestamp) {
        for unclaimed in std::mem::take(&mut self.unclaimed) {
            if unclaimed.at.plus(LONGEST_BEFORE) >= now {
                let Unclaimed { seen, from, syn, at } = unclaimed;
                self.note_syn(seen, from, syn, at);
            } else {
                self.claim_as_redirected(unclaimed);
            }
        }
    }

    /// If only one check announced this size, something on the way has changed the port.
    fn claim_as_redirected(&mut self, unclaimed: Unclaimed) {
        let Unclaimed { seen, from, syn, at } = unclaimed;
        let attempts: Vec<Attempt> = match seen {
            Seen::Arrived => self.attempts(from, syn, at).collect(),
            Seen::Passed | Seen::Forwarded => return,
        };
        if let [_] = attempts.as_slice() {
            self.claim(&attempts, syn, at);
        }
    }

    /// Waits no longer for the announcements of SYNs that were read until then.
    fn settle(&mut self, until: Timestamp) {
        let (old, young) =
            std::mem::take(&mut self.unclaimed).into_iter().partition(|it| it.at <= until);
        self.unclaimed = young;
        let old: VecDeque<Unclaimed> = old;
        old.into_iter().for_each(|unclaimed| self.claim_as_redirected(unclaimed));
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
            recent: Recent::NONE,
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
    pub fn syn_report(
        &mut self,
        session: SessionId,
        lost: u64,
        now: Timestamp,
    ) -> Option<SynReport> {
        self.settle(now);
        let session = &self.all[*self.places.get(&session)?];
        Some(session.syns.as_ref()?.report(lost))
    }

    /// Packets without the right token, and who sent the last one.
    pub fn refused(&self) -> (u64, Option<IpAddr>) {
        (self.refused, self.refused_from)
    }

    /// All of them, to be told.
    pub fn told(&mut self, now: Timestamp) -> impl Iterator<Item = &mut Session> {
        // Nothing of others is kept for longer.
        let is_recent = |it: &Unclaimed| it.at.plus(LONGEST_BEFORE) >= now;
        let old: Vec<Timestamp> =
            self.unclaimed.iter().filter(|it| !is_recent(it)).map(|it| it.at).collect();
        if let Some(latest) = old.into_iter().max() {
            self.settle(latest);
        }
        self.all.iter_mut()
    }

    /// All sessions at the end, for the file.
    pub fn records(&mut self, now: Timestamp) -> Vec<SessionRecord> {
        self.settle(now);
        self.all.iter().map(Session::record).collect()
    }
}

impl Session {
    fn probe(&mut self, seen: Seen, head: Head, at_port: u16, now: Timestamp) {
        let port = head.port;
        let set = match seen {
            Seen::Arrived => {
                // The check compares with what it sent, to know what the network loses.
                if self.recent.is_new(head.transaction) {
                    self.probes = self.probes.saturating_add(1);
                }
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
        let mut transaction = [1; 12];
        transaction[..2].copy_from_slice(&port.to_be_bytes());
        Head {
            transaction,
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
        let records = sessions.records(NOW);
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
    fn what_is_seen_at_a_bridge_and_at_its_port_is_one_probe() {
        let mut sessions = Sessions::new(token());
        for port in 50_000..50_200 {
            for _ in 0..2 {
                note(&mut sessions, Seen::Arrived, head(Kind::Probe, 1, port), (CLIENT, port));
            }
        }
        assert_eq!(sessions.records(NOW)[0].probes, 200);
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
        let record = sessions.records(NOW)[0].tcp.clone().unwrap();
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
        let mut arrived = |place: usize| sessions.records(NOW)[place].tcp.clone().unwrap().arrived;
        assert_eq!([text(&arrived(0)), text(&arrived(1))], ["443", "443"]);
        let syn = Syn { port: 80, segment: 536, sequence: 9 };
        sessions.note_syn(Seen::Arrived, client, syn, NOW);
        let mut arrived = |place: usize| sessions.records(NOW)[place].tcp.clone().unwrap().arrived;
        assert_eq!([text(&arrived(0)), text(&arrived(1))], ["80 443", "443"]);
    }

    /// The announcement of the second check is still in a buffer when its SYNs are read, before the firewall and
    /// behind it. By their sizes they could be those of the first one, whose port was changed.
    #[test]
    fn connections_that_are_read_before_they_are_announced_are_of_the_check_that_dialled_them() {
        let client = CLIENT.parse::<std::net::SocketAddr>().unwrap().ip();
        let other = "198.51.100.7:40001";
        let mut sessions = Sessions::new(token());
        announce(&mut sessions, 1, CLIENT, 0, &[80, 443]);
        // Of the first check no attempt has these sizes, or one has.
        for (first, begin) in [(30, 2), (0, 3)] {
            for attempt in [0, 1] {
                let segment = 536 + first + attempt;
                let sequence = 100 * u32::from(begin) + u32::from(attempt);
                let syn = Syn { port: 7_880, segment, sequence };
                // Which of them is read first is chance.
                let mut ways = [Seen::Arrived, Seen::Passed];
                ways.rotate_left(usize::from(attempt));
                for seen in ways {
                    sessions.note_syn(seen, client, syn, NOW);
                }
            }
            announce(&mut sessions, begin, other, first, &[7_880]);
        }
        let records = sessions.records(NOW);
        let lists = records.iter().map(|it| {
            let tcp = it.tcp.clone().unwrap();
            [text(&tcp.arrived), text(&tcp.passed), text(&tcp.unsure)]
        });
        let all: Vec<[String; 3]> = lists.collect();
        assert_eq!(all, [["", "", ""], ["7880", "7880", ""], ["7880", "7880", ""]]);
        assert!(records.iter().all(|it| it.tcp.as_ref().unwrap().redirected.is_empty()));
    }

    /// Before it reaches the machine, a router may change the port. No other check has dialled that one.
    #[test]
    fn connections_to_a_port_that_nobody_dialled_are_redirected() {
        let client = CLIENT.parse::<std::net::SocketAddr>().unwrap().ip();
        let mut sessions = Sessions::new(token());
        announce(&mut sessions, 1, CLIENT, 0, &[80, 443]);
        let syn =
            |attempt: u16, port| Syn { port, segment: 539 + attempt, sequence: attempt.into() };
        for attempt in [0, 1] {
            sessions.note_syn(Seen::Arrived, client, syn(attempt, 8_443), NOW);
            sessions.note_syn(Seen::Passed, client, syn(attempt, 8_443), NOW);
        }
        let report = sessions.syn_report(SessionId([1; 8]), 0, NOW).unwrap();
        assert_eq!((report.ports[1].arrived, report.ports[1].passed), (2, 2));
        assert_eq!(report.redirects, [(1, 8_443)]);
        // Neither do others push it out.
        let mut sessions = Sessions::new(token());
        announce(&mut sessions, 1, CLIENT, 0, &[80, 443]);
        sessions.note_syn(Seen::Arrived, client, syn(0, 8_443), NOW);
        for sequence in 0..5_000 {
            let of_others = Syn { port: 7_880, segment: 1_100, sequence };
            sessions.note_syn(Seen::Arrived, client, of_others, NOW);
        }
        assert_eq!(sessions.unclaimed.len(), MOST_EARLY);
        assert_eq!(text(&sessions.records(NOW)[0].tcp.as_ref().unwrap().arrived), "443");
        // And nothing is kept for long.
        sessions.note_syn(Seen::Arrived, client, syn(1, 9_999), NOW);
        sessions.told(NOW.plus(Duration::from_secs(3))).for_each(drop);
        assert!(sessions.unclaimed.is_empty());
    }

    #[test]
    fn a_sweep_is_told_once_when_it_is_over() {
        let mut sessions = Sessions::new(token());
        let mut told = Vec::new();
        for port in [50_000, 50_001, 50_001, 50_001] {
            note(&mut sessions, Seen::Arrived, head(Kind::Probe, 1, port), (CLIENT, port));
            told.extend(sessions.told(NOW).map(Session::is_to_be_told));
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
        assert_eq!(sessions.records(NOW)[0].arrived.len(), 1);
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
        assert_eq!(sessions.records(NOW).len(), MOST_SESSIONS);
    }
}
