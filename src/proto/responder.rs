//! What a check and a responder on a node (`ovcheck listen`) say to each other: STUN Binding requests
//! and responses with one attribute that nobody else knows, signed with the token that both have.
//!
//! ```text
//!  0 0001 / 0101 | length | 2112A442 | transaction id (12)       STUN header
//! 20 C0DE | length                                               comprehension-optional attribute
//! 24 version | kind | copy | 0 | session (8)
//! 36 port | base | mac (16)
//! 56 body                                                        of HELLO and REPORT
//! ```
//!
//! The mac is the first half of HMAC-SHA256 over everything else, with a key made of the token and the
//! session. It covers the bit that tells an answer from a request, so that no message of ours can be
//! sent back to us as an answer. It does not cover addresses, which NAT changes.
//!
//! A probe is never answered: the answer would open the firewall of a node that lets answers of
//! established connections in, and the next copy would pass where clients' packets do not. HELLO and
//! REPORT are answered to another port of the check than its probes come from, with no more bytes than
//! they have.
//!
//! A connection attempt over TCP cannot be signed. ANNOUNCE says which ports the check will connect to, and
//! from which number on it will use the sizes of segments that these attempts ask for: see [`syn`].

pub mod packet;
pub mod syn;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::port::{Port, PortRange};
use crate::model::responder::{
    PortRedirect, PortSet, ResponderToken, ReversePathFilter, SessionId,
};
use syn::{Announcement, SynReport};

/// The version of these messages.
pub const VERSION: u8 = 2;

/// How many ports one report covers.
pub const PORTS_OF_REPORT: u16 = 2_048;

const REQUEST: u16 = 0x0001;
const RESPONSE: u16 = 0x0101;
const COOKIE: u32 = 0x2112_a442;
const ATTRIBUTE: u16 = 0xc0de;

/// Where the mac begins, and where the body.
const MAC: usize = 40;
const BODY: usize = 56;

/// The whole of a probe, of HELLO and of REPORT: the answers are not longer.
const HELLO_BYTES: usize = BODY + 12;
const REPORT_BYTES: usize = 1_200;

/// A redirect in a report, and how many there may be.
const REDIRECT_BYTES: usize = 6;
const MOST_REDIRECTS: usize = 8;

/// The bits of a report, for one of its four sets.
const BITS: usize = PORTS_OF_REPORT as usize / 8;

type HmacSha256 = Hmac<Sha256>;

/// The key of one session. Cheap to use again: what it is made of is computed once.
#[derive(Clone)]
pub struct SessionKey(HmacSha256);

impl SessionKey {
    /// The key of a session by this token.
    pub fn new(token: &ResponderToken, session: SessionId) -> Self {
        let mut derived = keyed(token.bits());
        derived.update(b"ovcheck listen");
        derived.update(&session.0);
        Self(keyed(&derived.finalize().into_bytes()))
    }

    fn mac_of(&self, message: &[u8]) -> HmacSha256 {
        let mut mac = self.0.clone();
        mac.update(&message[..MAC]);
        mac.update(&message[BODY..]);
        mac
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shows by arriving that its port is reached. Gets no answer.
    Probe,
    /// Is somebody there?
    Hello,
    /// What arrived so far?
    Report,
    /// These connection attempts over TCP will come.
    Announce,
    /// Which of them arrived so far?
    SynReport,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Probe, Self::Hello, Self::Report, Self::Announce, Self::SynReport];

    fn number(self) -> u8 {
        match self {
            Self::Probe => 0,
            Self::Hello => 1,
            Self::Report => 2,
            Self::Announce => 3,
            Self::SynReport => 4,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// How long its requests are.
    fn bytes(self) -> usize {
        match self {
            Self::Probe => BODY,
            Self::Hello => HELLO_BYTES,
            Self::Report => REPORT_BYTES,
            Self::Announce => BODY + syn::ANNOUNCEMENT_BYTES,
            Self::SynReport => BODY + syn::REPORT_BYTES,
        }
    }
}

/// A message without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Chosen by the check; the answer repeats it.
    pub transaction: [u8; 12],
    pub version: u8,
    pub kind: Kind,
    /// Which copy of a probe it is, from 0.
    pub copy: u8,
    pub session: SessionId,
    /// The port to which the check sends it, whatever happens to it on the way.
    pub port: u16,
    /// Of REPORT: the first of its ports.
    pub base: u16,
}

/// The bytes of a request.
pub fn request(key: &SessionKey, head: Head) -> Vec<u8> {
    message(key, REQUEST, head, &vec![0; head.kind.bytes() - BODY])
}

/// The bytes of ANNOUNCE, whose kind the head has.
pub fn announcement(key: &SessionKey, head: Head, announcement: &Announcement) -> Vec<u8> {
    message(key, REQUEST, Head { kind: Kind::Announce, ..head }, &announcement.bytes())
}

/// The bytes of the answer to ANNOUNCE, which says only that it was read.
pub fn announced(key: &SessionKey, head: Head) -> Option<Vec<u8>> {
    answer(key, head, &[])
}

/// The bytes of an answer; `None` for a probe, and when the answer would be longer than the request.
fn answer(key: &SessionKey, head: Head, body: &[u8]) -> Option<Vec<u8>> {
    let is_short = BODY + body.len() <= head.kind.bytes();
    (head.kind != Kind::Probe && is_short)
        .then(|| message(key, RESPONSE, Head { version: VERSION, ..head }, body))
}

fn message(key: &SessionKey, class: u16, head: Head, body: &[u8]) -> Vec<u8> {
    let length = |from: usize| u16::try_from(BODY + body.len() - from).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(BODY + body.len());
    bytes.extend(class.to_be_bytes());
    bytes.extend(length(20).to_be_bytes());
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(head.transaction);
    bytes.extend(ATTRIBUTE.to_be_bytes());
    bytes.extend(length(24).to_be_bytes());
    bytes.extend([head.version, head.kind.number(), head.copy, 0]);
    bytes.extend(head.session.0);
    bytes.extend(head.port.to_be_bytes());
    bytes.extend(head.base.to_be_bytes());
    bytes.extend([0; 16]);
    bytes.extend(body);
    let mac = key.mac_of(&bytes).finalize().into_bytes();
    bytes[MAC..BODY].copy_from_slice(&mac[..BODY - MAC]);
    bytes
}

/// A message in the right form, of which nobody knows yet who made it.
#[derive(Debug, Clone, Copy)]
pub struct Unverified<'a> {
    bytes: &'a [u8],
    head: Head,
    is_answer: bool,
}

impl<'a> Unverified<'a> {
    /// Reads the form; `None` for anything else. Only lengths and fixed places are looked at.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() < BODY || bytes.len() > REPORT_BYTES {
            return None;
        }
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let has_form = bytes[4..8] == COOKIE.to_be_bytes()
            && word(20) == ATTRIBUTE
            && usize::from(word(2)) == bytes.len() - 20
            && usize::from(word(22)) == bytes.len() - 24;
        let is_answer = match word(0) {
            REQUEST => false,
            RESPONSE => true,
            _ => return None,
        };
        let head = Head {
            transaction: bytes[8..20].try_into().ok()?,
            version: bytes[24],
            kind: Kind::of_number(bytes[25])?,
            copy: bytes[26],
            session: SessionId(bytes[28..36].try_into().ok()?),
            port: word(36),
            base: word(38),
        };
        has_form.then_some(Self { bytes, head, is_answer })
    }

    /// The session by whose key it has to be signed.
    pub fn session(&self) -> SessionId {
        self.head.session
    }

    fn verified(&self, key: &SessionKey) -> bool {
        key.mac_of(self.bytes).verify_truncated_left(&self.bytes[MAC..BODY]).is_ok()
    }

    /// The request, if it is one of whoever has the key. A request is as long as its kind wants: a
    /// shorter one would be answered with more bytes than it has.
    pub fn request(&self, key: &SessionKey) -> Option<Head> {
        let is_whole = self.bytes.len() == self.head.kind.bytes();
        (!self.is_answer && is_whole && self.verified(key)).then_some(self.head)
    }

    /// What an ANNOUNCE announces. Only for a request that [`Self::request`] has taken.
    pub fn announcement(&self) -> Option<Announcement> {
        let is_one = self.head.kind == Kind::Announce && !self.is_answer;
        is_one.then(|| Announcement::read(&self.bytes[BODY..])).flatten()
    }

    /// The answer, if it is one of whoever has the key.
    pub fn answer(&self, key: &SessionKey) -> Option<(Head, Answer)> {
        if !self.is_answer || !self.verified(key) {
            return None;
        }
        if self.head.version != VERSION {
            return Some((self.head, Answer::OtherVersion(self.head.version)));
        }
        let body = &self.bytes[BODY..];
        let answer = match self.head.kind {
            Kind::Probe => return None,
            Kind::Hello => Answer::Hello(HelloAnswer::read(body)?),
            Kind::Report => Answer::Report(Box::new(ReportAnswer::read(body)?)),
            Kind::Announce => Answer::Announced,
            Kind::SynReport => Answer::Syns(Box::new(SynReport::read(body)?)),
        };
        Some((self.head, answer))
    }
}

/// What a responder answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It speaks this version instead.
    OtherVersion(u8),
    Hello(HelloAnswer),
    Report(Box<ReportAnswer>),
    /// It watches for the connection attempts.
    Announced,
    Syns(Box<SynReport>),
}

/// What a responder says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloAnswer {
    /// Whether it has no room for another session.
    pub is_busy: bool,
    pub reverse_path_filter: ReversePathFilter,
    /// How many probes its buffers hold if it cannot read for a moment.
    pub room: u32,
    /// The seconds until it ends.
    pub ends_in: u32,
}

impl SynReport {
    /// The answer to this request.
    pub fn to(&self, key: &SessionKey, head: Head) -> Option<Vec<u8>> {
        answer(key, head, &self.bytes())
    }
}

impl HelloAnswer {
    /// The answer to this request.
    pub fn to(&self, key: &SessionKey, head: Head) -> Option<Vec<u8>> {
        let filter = match self.reverse_path_filter {
            ReversePathFilter::Off => 0,
            ReversePathFilter::Strict => 1,
            ReversePathFilter::Loose => 2,
            ReversePathFilter::Unknown => 3,
        };
        let mut body = vec![u8::from(self.is_busy), filter, 0, 0];
        body.extend(self.room.to_be_bytes());
        body.extend(self.ends_in.to_be_bytes());
        answer(key, head, &body)
    }

    /// Reads the body of a message whose mac is right.
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: &[u8; HELLO_BYTES - BODY] = body.try_into().ok()?;
        let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| body[at + byte]));
        Some(Self {
            is_busy: body[0] != 0,
            reverse_path_filter: match body[1] {
                0 => ReversePathFilter::Off,
                1 => ReversePathFilter::Strict,
                2 => ReversePathFilter::Loose,
                _ => ReversePathFilter::Unknown,
            },
            room: number(4),
            ends_in: number(8),
        })
    }
}

/// What arrived at the ports from the base of a report on, [`PORTS_OF_REPORT`] of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportAnswer {
    /// Packets that the buffers could not hold since the responder began.
    pub lost: u64,
    /// The probes of this session that arrived, for all ports; several for a port count each.
    pub probes: u32,
    arrived: [u8; BITS],
    passed: [u8; BITS],
    forwarded: [u8; BITS],
    redirected: [u8; BITS],
    /// Where packets of `redirected` go, as far as there is room to say it.
    pub redirects: Vec<PortRedirect>,
}

/// What a responder, or a check, knows of the ports of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortsSeen {
    /// Their probes reached the machine.
    pub arrived: PortSet,
    /// They got past its firewall.
    pub passed: PortSet,
    /// The machine sent them on.
    pub forwarded: PortSet,
    /// They passed or were sent on with another port.
    pub redirected: PortSet,
}

impl ReportAnswer {
    /// What is known of the ports from `base` on.
    pub fn of(
        seen: &PortsSeen,
        redirects: &[PortRedirect],
        base: u16,
        (lost, probes): (u64, u32),
    ) -> Self {
        let is_here = |redirect: &&PortRedirect| {
            let last = base.saturating_add(PORTS_OF_REPORT - 1);
            redirect.ports.first().number() <= last && redirect.ports.last().number() >= base
        };
        Self {
            lost,
            probes,
            arrived: seen.arrived.bits(base),
            passed: seen.passed.bits(base),
            forwarded: seen.forwarded.bits(base),
            redirected: seen.redirected.bits(base),
            redirects: redirects.iter().filter(is_here).take(MOST_REDIRECTS).copied().collect(),
        }
    }

    /// Adds what it says to what is known already.
    pub fn add_to(&self, seen: &mut PortsSeen, base: u16) {
        seen.arrived.insert_bits(base, &self.arrived);
        seen.passed.insert_bits(base, &self.passed);
        seen.forwarded.insert_bits(base, &self.forwarded);
        seen.redirected.insert_bits(base, &self.redirected);
    }

    /// The answer to this request.
    pub fn to(&self, key: &SessionKey, head: Head) -> Option<Vec<u8>> {
        let mut body = Vec::with_capacity(REPORT_BYTES - BODY);
        body.extend(self.lost.to_be_bytes());
        body.extend(self.probes.to_be_bytes());
        body.extend([u8::try_from(self.redirects.len()).ok()?, 0, 0, 0]);
        for place in 0..MOST_REDIRECTS {
            let redirect = self.redirects.get(place);
            let [first, last, to] = redirect.map_or([0; 3], |redirect| {
                let PortRedirect { ports, to } = redirect;
                [ports.first(), ports.last(), *to].map(Port::number)
            });
            body.extend([first, last, to].map(u16::to_be_bytes).concat());
        }
        for bits in [&self.arrived, &self.passed, &self.forwarded, &self.redirected] {
            body.extend(bits);
        }
        answer(key, head, &body)
    }

    /// Reads the body of a message whose mac is right.
    pub fn read(body: &[u8]) -> Option<Self> {
        const SETS: usize = 16 + MOST_REDIRECTS * REDIRECT_BYTES;
        if body.len() != SETS + 4 * BITS {
            return None;
        }
        let set = |place: usize| -> Option<[u8; BITS]> {
            body[SETS + place * BITS..][..BITS].try_into().ok()
        };
        let redirects = body[16..SETS].chunks(REDIRECT_BYTES).take(usize::from(body[12]));
        let redirects = redirects.filter_map(|bytes| {
            let port = |at: usize| Port::new(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            let ports = PortRange::new(port(0)?, port(2)?).ok()?;
            Some(PortRedirect { ports, to: port(4)? })
        });
        Some(Self {
            lost: u64::from_be_bytes(body[..8].try_into().ok()?),
            probes: u32::from_be_bytes(body[8..12].try_into().ok()?),
            redirects: redirects.collect(),
            arrived: set(0)?,
            passed: set(1)?,
            forwarded: set(2)?,
            redirected: set(3)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::syn::SynSeen;
    use super::*;

    fn key(session: SessionId) -> SessionKey {
        SessionKey::new(&ResponderToken::new([7; 16]), session)
    }

    fn head(kind: Kind) -> Head {
        Head {
            transaction: *b"transaction.",
            version: VERSION,
            kind,
            copy: 2,
            session: SessionId(*b"session."),
            port: 50_001,
            base: 49_152,
        }
    }

    const KINDS: [Kind; 5] = Kind::ALL;

    fn seen(ports: &[u16]) -> PortsSeen {
        let arrived: PortSet = ports.iter().copied().filter_map(Port::new).collect();
        PortsSeen { passed: arrived.clone(), arrived, ..PortsSeen::default() }
    }

    fn redirect(ports: &str, to: &str) -> PortRedirect {
        PortRedirect { ports: ports.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn a_request_is_read_by_whoever_has_the_token_and_by_nobody_else() {
        for kind in KINDS {
            let head = head(kind);
            let bytes = request(&key(head.session), head);
            let read = Unverified::read(&bytes).unwrap();
            assert_eq!(read.request(&key(head.session)), Some(head));
            assert_eq!(read.request(&key(SessionId([0; 8]))), None);
            let other = SessionKey::new(&ResponderToken::new([8; 16]), head.session);
            assert_eq!(read.request(&other), None);
            assert_eq!(read.answer(&key(head.session)), None);
        }
    }

    #[test]
    fn an_answer_is_not_longer_than_its_request_and_is_no_request() {
        let hello = HelloAnswer {
            is_busy: false,
            reverse_path_filter: ReversePathFilter::Strict,
            room: 10_000,
            ends_in: 299,
        };
        let redirects = vec![redirect("50000-50001", "50009"), redirect("443", "8443")];
        let seen = seen(&[50_001, 51_199, 51_200]);
        let report = ReportAnswer::of(&seen, &redirects, 49_152, (3, 4));
        assert_eq!(report.redirects, redirects[..1]);
        let mut syns = SynReport { lost: 9, ..SynReport::default() };
        syns.ports[199] = SynSeen { arrived: 3, passed: 2, forwarded: 1, is_redirected: true };
        syns.redirects.push((199, 8443));
        let all = [
            (Kind::Announce, announced(&key(head(Kind::Hello).session), head(Kind::Announce))),
            (Kind::SynReport, syns.to(&key(head(Kind::Hello).session), head(Kind::SynReport))),
            (Kind::Hello, hello.to(&key(head(Kind::Hello).session), head(Kind::Hello))),
            (Kind::Report, report.to(&key(head(Kind::Report).session), head(Kind::Report))),
        ];
        for (kind, bytes) in all {
            let (bytes, head) = (bytes.unwrap(), head(kind));
            assert!(bytes.len() <= request(&key(head.session), head).len());
            let read = Unverified::read(&bytes).unwrap();
            assert_eq!(read.request(&key(head.session)), None);
            let (again, answer) = read.answer(&key(head.session)).unwrap();
            assert_eq!(again, head);
            match answer {
                Answer::Hello(read) => assert_eq!(read, hello),
                Answer::Report(read) => {
                    assert_eq!(*read, report);
                    let mut known = PortsSeen::default();
                    read.add_to(&mut known, 49_152);
                    let passed: Vec<u16> = known.passed.ports().map(Port::number).collect();
                    // The third belongs to the next report.
                    assert_eq!(passed, [50_001, 51_199]);
                }
                Answer::Syns(read) => assert_eq!(*read, syns),
                Answer::Announced => assert_eq!(kind, Kind::Announce),
                Answer::OtherVersion(_) => panic!("it is this version"),
            }
        }
    }

    #[test]
    fn what_is_announced_is_read_by_whoever_has_the_token() {
        let of = Announcement { first: 17, lasts_ms: 20_000, ports: vec![80, 443, 6_379] };
        let head = head(Kind::Announce);
        let bytes = announcement(&key(head.session), head, &of);
        let read = Unverified::read(&bytes).unwrap();
        assert_eq!(read.request(&key(head.session)), Some(head));
        assert_eq!(read.announcement(), Some(of));
        // A probe announces nothing.
        let probe = request(&key(head.session), Head { kind: Kind::Probe, ..head });
        assert_eq!(Unverified::read(&probe).unwrap().announcement(), None);
    }

    #[test]
    fn a_probe_has_no_answer_and_a_short_question_neither() {
        let probe = head(Kind::Probe);
        assert_eq!(answer(&key(probe.session), probe, &[]), None);
        // Signed by whoever has the token, and still not answered with more than it has.
        let short = message(&key(probe.session), REQUEST, head(Kind::Report), &[0; 4]);
        assert_eq!(Unverified::read(&short).unwrap().request(&key(probe.session)), None);
    }

    #[test]
    fn another_version_is_said_to_be_one() {
        let other = Head { version: 9, ..head(Kind::Hello) };
        let bytes = message(&key(other.session), RESPONSE, other, &[1, 2, 3, 4]);
        let read = Unverified::read(&bytes).unwrap().answer(&key(other.session));
        assert_eq!(read, Some((other, Answer::OtherVersion(9))));
    }

    proptest! {
        #[test]
        fn whatever_is_changed_is_not_read(kind in 0_usize..5, at in any::<prop::sample::Index>(), by in 1_u8..) {
            let head = head(KINDS[kind]);
            let mut bytes = request(&key(head.session), head);
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            let read = Unverified::read(&bytes).and_then(|read| read.request(&key(read.session())));
            prop_assert_eq!(read, None);
        }

        #[test]
        fn any_head_is_written_and_read(
            transaction: [u8; 12], kind in 0_usize..5, copy: u8, session: [u8; 8], port: u16, base: u16
        ) {
            let session = SessionId(session);
            let head = Head { transaction, version: VERSION, kind: KINDS[kind], copy, session, port, base };
            let bytes = request(&key(session), head);
            prop_assert_eq!(Unverified::read(&bytes).and_then(|read| read.request(&key(session))), Some(head));
        }
    }
}
