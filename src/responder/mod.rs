//! `ovcheck listen`: a responder on a node. For a few minutes it tells a check which of its UDP probes and
//! connection attempts reach the machine, which of them its firewall lets in, and which it sends on to a
//! container.
//!
//! It has no port of its own and takes none away: packet sockets see every packet before the firewall,
//! raw sockets what is left behind it. What it answers goes out by raw sockets, from the address and the
//! port that were asked.
//!
//! The order matters: [`Responder::open`] opens all sockets, [`drop_privileges`] gives up whatever this
//! program may do, and only then a runtime starts, on this thread alone.

mod filter;
mod privileges;
mod sessions;
mod sockets;
mod syns;

use std::fs;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::model::port::Transport;
use crate::model::responder::{
    ResponderHead, ResponderRecord, ResponderToken, ReversePathFilter, SessionId, SessionRecord,
};
use crate::net::clock::Clock;
use crate::proto::responder::packet::Datagram;
use crate::proto::responder::{Head, HelloAnswer, SessionKey, announced};

pub use privileges::drop_all as drop_privileges;
pub use sockets::OpenError;

use sessions::{Question, Sessions};
use sockets::{LARGEST, Opened, Out, Seen, Taken, Watched};

/// How often it is told what is new.
const BETWEEN_NEWS: Duration = Duration::from_secs(1);

/// The most answers in a second: a check of both families needs some fifty.
const MOST_ANSWERS: u32 = 200;

/// How many packets of one socket are read before the others have their turn.
const IN_A_ROW: usize = 256;

/// How many packets are read before the clock and the signals are looked at.
const AT_ONCE: usize = 16 * IN_A_ROW;

/// How long it may take to read what is left in the end: the buffers are read in half a second on a slow machine,
/// and a flood must not keep the responder running.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long a packet may be on its way inside this machine.
const SETTLING: Duration = Duration::from_millis(50);

/// A responder that has its sockets.
pub struct Responder {
    opened: Opened,
    room: u32,
    reverse_path_filter: ReversePathFilter,
}

/// What is new since the last news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News<'a> {
    /// Probes of a check arrived, and no more came for a moment.
    Session(&'a SessionRecord),
    /// So many packets came so far in the form of a check's, without the right token.
    Refused { packets: u64, last_from: Option<IpAddr> },
    /// So many packets did not fit into the buffers so far.
    Lost { packets: u64 },
}

impl Responder {
    /// Opens the sockets.
    ///
    /// # Errors
    /// If this machine does not give us one.
    pub fn open() -> Result<Self, OpenError> {
        let mut opened = Opened::new()?;
        if !has_v6_addresses() {
            opened.forget_v6();
        }
        let room = opened.room();
        Ok(Self { opened, room, reverse_path_filter: reverse_path_filter() })
    }

    /// Whether IPv6 is watched.
    pub fn has_v6(&self) -> bool {
        self.opened.has_v6()
    }

    /// How many probes its buffers hold while it does not read.
    pub fn room(&self) -> u32 {
        self.room
    }

    /// Answers checks that have the token until the time is over or `stop` resolves. Must be called
    /// inside a runtime.
    ///
    /// # Errors
    /// If the runtime cannot wait for the sockets.
    pub async fn run(
        self,
        token: ResponderToken,
        lasts: Duration,
        stop: impl Future<Output = ()>,
        tell: &mut dyn FnMut(News<'_>),
    ) -> std::io::Result<ResponderRecord> {
        let (sockets, out) = self.opened.watched()?;
        let clock = Clock::start();
        let mut running = Running {
            sockets,
            out,
            clock,
            ends: Instant::now() + lasts,
            room: self.room,
            reverse_path_filter: self.reverse_path_filter,
            sessions: Sessions::new(token),
            answers: Answers { left: MOST_ANSWERS, since: Instant::now() },
            told: Told::default(),
            asked: Vec::new(),
            has_rest: false,
        };
        tokio::pin!(stop);
        let mut news = interval(BETWEEN_NEWS);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = sleep_until(running.ends) => break,
                _ = news.tick() => running.tell_news(tell),
                () = readable(&running.sockets) => drop(running.read(|_| true)),
            }
        }
        running.read_the_rest().await;
        running.tell_news(tell);
        Ok(running.record())
    }
}

/// Waits until a socket has something.
async fn readable(sockets: &[Watched]) {
    poll_fn(|context| {
        // Each of them is asked, so that each of them wakes us.
        let ready = sockets.iter().map(|socket| socket.is_ready(context));
        match ready.fold(false, |any, is_ready| any | is_ready) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

struct Running {
    sockets: Vec<Watched>,
    out: Out,
    clock: Clock,
    ends: Instant,
    room: u32,
    reverse_path_filter: ReversePathFilter,
    sessions: Sessions,
    answers: Answers,
    told: Told,
    /// Questions that are not answered yet.
    asked: Vec<Asked>,
    /// Whether packets came in too fast to be read to the end.
    has_rest: bool,
}

/// What is in the buffers after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Some,
}

/// What was told already.
#[derive(Default)]
struct Told {
    refused: u64,
    lost: u64,
}

/// A question, and where its answer goes: back the way it came.
struct Asked {
    question: Question,
    head: Head,
    key: SessionKey,
    from: std::net::SocketAddr,
    to: std::net::SocketAddr,
}

impl Running {
    /// Takes in what came before the end and is not read yet: without it, ports would seem not to be reached, or
    /// to be stopped. What came to the taps in the last moment may still be on its way to the other sockets, so
    /// these are read once more.
    async fn read_the_rest(&mut self) {
        let read_until = Instant::now() + LONGEST_REST;
        while self.read(|_| true) == Left::Some {
            if Instant::now() >= read_until {
                self.has_rest = true;
                return;
            }
        }
        sleep(SETTLING).await;
        while self.read(|seen| seen != Seen::Arrived) == Left::Some {
            if Instant::now() >= read_until {
                self.has_rest = true;
                return;
            }
        }
    }

    /// Takes in what these sockets have, and answers once they are empty: a report holds what came before its
    /// question, whichever socket saw it.
    fn read(&mut self, is_read: impl Fn(Seen) -> bool) -> Left {
        let now = self.clock.now();
        let mut buffer = [0; LARGEST];
        let mut left = Left::Some;
        for _ in 0..AT_ONCE / IN_A_ROW {
            let mut is_empty = true;
            for socket in self.sockets.iter_mut().filter(|socket| is_read(socket.sees())) {
                let seen = socket.sees();
                for _ in 0..IN_A_ROW {
                    let taken = socket.take(&mut buffer);
                    if matches!(taken, Taken::Nothing) {
                        break;
                    }
                    is_empty = false;
                    let datagram = match taken {
                        Taken::Nothing | Taken::Other => continue,
                        Taken::Syn { from, syn } => {
                            self.sessions.note_syn(seen, from, syn, now);
                            continue;
                        }
                        Taken::Datagram(datagram) => datagram,
                    };
                    let Datagram { from, to, .. } = datagram;
                    let noted = self.sessions.note(seen, &datagram, now);
                    let noted =
                        noted.map(|(question, head, key)| Asked { question, head, key, from, to });
                    // More than may be answered are not kept.
                    let has_room = self.asked.len() < MOST_ANSWERS as usize;
                    self.asked.extend(noted.filter(|_| has_room));
                }
            }
            if is_empty {
                left = Left::Nothing;
                break;
            }
        }
        if left == Left::Nothing {
            for asked in std::mem::take(&mut self.asked) {
                self.answer(&asked);
            }
        }
        left
    }

    fn answer(&mut self, asked: &Asked) {
        if !self.answers.take() {
            return;
        }
        let Asked { question, head, key, from, to } = asked;
        let bytes = match question {
            Question::Hello { is_busy } => HelloAnswer {
                is_busy: *is_busy,
                // The kernel checks the sources of IPv4 alone.
                reverse_path_filter: match from.ip() {
                    IpAddr::V4(_) => self.reverse_path_filter,
                    IpAddr::V6(_) => ReversePathFilter::Off,
                },
                room: self.room,
                ends_in: self.ends.duration_since(Instant::now()).as_secs().try_into().unwrap_or(0),
            }
            .to(key, *head),
            Question::Report => {
                self.report(head.session, head.base).and_then(|it| it.to(key, *head))
            }
            Question::Announce => announced(key, *head),
            Question::SynReport => {
                let lost = self.lost_of(Transport::Tcp);
                let report = self.sessions.syn_report(head.session, lost, self.clock.now());
                report.and_then(|it| it.to(key, *head))
            }
        };
        if let Some(bytes) = bytes {
            self.out.send(&Datagram { from: *to, to: *from, payload: &bytes });
        }
    }

    fn report(
        &self,
        session: SessionId,
        base: u16,
    ) -> Option<crate::proto::responder::ReportAnswer> {
        self.sessions.report(session, base, self.lost_of(Transport::Udp))
    }

    /// The packets that were lost here, whichever socket lost them: without the ones of a tap a port
    /// would seem not to be reached, without the others its packets would seem to be stopped.
    fn lost_of(&self, transport: Transport) -> u64 {
        let sockets = self.sockets.iter().filter(|socket| socket.transport() == transport);
        sockets.map(|socket| u64::from(socket.lost())).sum()
    }

    fn lost(&self) -> u64 {
        self.lost_of(Transport::Udp) + self.lost_of(Transport::Tcp)
    }

    fn tell_news(&mut self, tell: &mut dyn FnMut(News<'_>)) {
        for session in self.sessions.told(self.clock.now()) {
            if session.is_to_be_told() {
                tell(News::Session(&session.record()));
            }
        }
        let (packets, last_from) = self.sessions.refused();
        // A flood is told less and less often.
        if packets > self.told.refused.saturating_mul(2) {
            self.told.refused = packets;
            tell(News::Refused { packets, last_from });
        }
        let packets = self.lost();
        if packets > self.told.lost.saturating_mul(2) {
            self.told.lost = packets;
            tell(News::Lost { packets });
        }
    }

    fn record(&mut self) -> ResponderRecord {
        ResponderRecord {
            responder: ResponderHead {
                version: ResponderHead::VERSION,
                ovcheck: env!("CARGO_PKG_VERSION").to_owned(),
            },
            started_at: self.clock.started_at(),
            ended_at: self.clock.now(),
            reverse_path_filter: self.reverse_path_filter,
            sessions: self.sessions.records(self.clock.now()),
            // What was not read was not seen either.
            lost: self.lost().saturating_add(self.has_rest.into()),
            refused: self.sessions.refused().0,
        }
    }
}

/// So many answers in a second, and no more.
struct Answers {
    left: u32,
    since: Instant,
}

impl Answers {
    fn take(&mut self) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self { left: MOST_ANSWERS, since: Instant::now() };
        }
        let may_answer = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may_answer
    }
}

/// Whether an interface has an address of IPv6; sockets can be had without.
fn has_v6_addresses() -> bool {
    // Where it cannot be read, nothing is left out.
    fs::read_to_string("/proc/net/if_inet6").map_or_else(
        |error| error.kind() != std::io::ErrorKind::NotFound,
        |addresses| !addresses.trim().is_empty(),
    )
}

/// How the kernel checks the source of IPv4 packets, by the strictest of the interfaces.
fn reverse_path_filter() -> ReversePathFilter {
    const INTERFACES: &str = "/proc/sys/net/ipv4/conf";
    let of = |name: &str| -> Option<u8> {
        let text = fs::read_to_string(format!("{INTERFACES}/{name}/rp_filter")).ok()?;
        text.trim().parse().ok()
    };
    let Some(of_all) = of("all") else {
        return ReversePathFilter::Unknown;
    };
    let names = fs::read_dir(INTERFACES).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    // Of two settings the larger one counts (ip-sysctl: "the max value from conf/{all,interface}").
    let each: Vec<u8> = names
        .filter(|name| !["all", "default", "lo"].contains(&name.as_str()))
        .filter_map(|name| Some(of(&name)?.max(of_all)))
        .collect();
    match (each.contains(&1), each.contains(&2)) {
        (true, _) => ReversePathFilter::Strict,
        (false, true) => ReversePathFilter::Loose,
        (false, false) => ReversePathFilter::Off,
    }
}
