//! Whether the server opens a way itself: an address of ours is offered as a candidate, and whoever
//! makes its checks of it lets our packets in behind a firewall that remembers connections.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use super::named::Permitted;
use super::{Call, Ready, milliseconds};
use crate::model::address::is_private;
use crate::model::facts::{IceCheck, PunchFacts, StunAnswer};
use crate::model::observation::Blindness;
use crate::model::port::Transport;
use crate::model::target::Family;
use crate::net::session::Session;
use crate::net::udp::{self, Event, LARGEST, Socket};
use crate::proto::ice::Purpose;
use crate::proto::livekit::candidate;
use crate::proto::livekit::sdp::MID;
use crate::proto::livekit::signal::{PUBLISHER, Request, TrickleRequest};
use crate::proto::stun::{Reading, Request as Binding};
use crate::proto::transactions::{Copies, Transactions};

/// How long our own checks wait for the server's first one to have opened the way.
const HEAD_START: Duration = Duration::from_millis(200);

/// How long our own check may still take behind the server's.
const THROUGH: Duration = Duration::from_millis(500);

/// How many datagrams are looked at.
const MOST_DATAGRAMS: usize = 1024;

/// Offers addresses of ours, and watches for a check of the server's: in both families, since a way
/// may be open in one of them. `None` where the server has no candidate over UDP that may be
/// dialled, or this machine no way there.
pub(super) async fn watch(call: &Call, session: &Session, ready: &Ready) -> Option<PunchFacts> {
    let (v4, v6) = tokio::join!(
        of_family(call, session, ready, Family::V4),
        of_family(call, session, ready, Family::V6)
    );
    match (v4, v6) {
        (Some(v4), Some(v6)) => Some(together(v4, v6)),
        (one, other) => one.or(other),
    }
}

/// The one in which a check came, with what was offered in both.
fn together(one: PunchFacts, other: PunchFacts) -> PunchFacts {
    let offered = [one.offered.clone(), other.offered.clone()].concat();
    let icmp_ms = [one.icmp_ms.clone(), other.icmp_ms.clone()].concat();
    let (reachable, waited_ms) =
        (one.reachable || other.reachable, one.waited_ms.min(other.waited_ms));
    let came = match (one.check_from, other.check_from) {
        (None, Some(_)) => other,
        (Some(_) | None, _) => one,
    };
    PunchFacts { offered, reachable, waited_ms, icmp_ms, ..came }
}

async fn of_family(
    call: &Call,
    session: &Session,
    ready: &Ready,
    family: Family,
) -> Option<PunchFacts> {
    let places: Vec<Permitted> = ready
        .over(Transport::Udp)
        .filter(|place| Family::of(place.ip()) == family)
        .filter_map(|place| call.named.place(place).ok())
        .collect();
    // Of several places one may be beyond our reach.
    let own = places.iter().find_map(|place| udp::own_address(call.destination(*place).dialled))?;
    let Ok(socket) = Socket::unconnected(family, &[]) else {
        return None;
    };
    let mut watch = Watch {
        call,
        ready,
        socket,
        start: Instant::now(),
        has_sent: false,
        buffer: Box::new([0; LARGEST]),
        icmp_ms: Vec::new(),
    };
    let own = SocketAddr::new(own, watch.socket.port()?);
    let seen = watch.seen_as(family).await;
    let mut offered = vec![own];
    offered.extend(seen.mapped().filter(|mapped| *mapped != own));
    for address in &offered {
        let trickle = TrickleRequest {
            candidate_init: candidate::offer(*address, MID),
            target: PUBLISHER,
            last: false,
        };
        session.say(Request::Trickle(trickle)).await;
    }
    watch.start = Instant::now();
    let (check_from, through) = watch.listen(&places).await.ok()?;
    let icmp_ms = std::mem::take(&mut watch.icmp_ms);
    // Who could not send a single check has kept the server's out as well.
    (watch.has_sent || check_from.is_some()).then(|| PunchFacts {
        reachable: match seen {
            Seen::As(_) => true,
            // Whatever keeps a STUN server's answers from us keeps the checks.
            Seen::Not => false,
            Seen::NotAsked => is_global(own.ip()),
        },
        offered,
        check_from,
        through,
        waited_ms: milliseconds(watch.start.elapsed()),
        icmp_ms,
    })
}

/// Whether a quote of a datagram holds the transaction id of one of these checks.
fn is_quoted(checks: &[[u8; 12]], quote: &[u8]) -> bool {
    let id = quote.get(8..20);
    id.is_some_and(|id| checks.iter().any(|check| check == id))
}

/// What a STUN server outside says of a socket of ours.
#[derive(Clone, Copy)]
enum Seen {
    As(SocketAddr),
    /// Nothing came back.
    Not,
    /// There is none to ask.
    NotAsked,
}

impl Seen {
    fn mapped(self) -> Option<SocketAddr> {
        match self {
            Self::As(mapped) => Some(mapped),
            Self::Not | Self::NotAsked => None,
        }
    }
}

/// Whether others can reach the address as it is, no address translation between. Over loopback
/// there is none.
fn is_global(address: IpAddr) -> bool {
    address.is_loopback() || !is_private(address)
}

struct Watch<'a> {
    call: &'a Call,
    ready: &'a Ready,
    socket: Socket,
    start: Instant,
    /// Whether a check of ours left this machine.
    has_sent: bool,
    buffer: Box<[u8; LARGEST]>,
    icmp_ms: Vec<u64>,
}

impl Watch<'_> {
    /// The address under which a STUN server outside sees this socket.
    async fn seen_as(&mut self, family: Family) -> Seen {
        let servers = &self.call.spec.stun_servers;
        let of_family = |server: &&SocketAddr| Family::of(server.ip()) == family;
        let Some(server) = servers.iter().copied().find(|server| of_family(&server)) else {
            return Seen::NotAsked;
        };
        match self.ask(server).await {
            Ok(Some(mapped)) => Seen::As(mapped),
            Ok(None) | Err(_) => Seen::Not,
        }
    }

    async fn ask(&mut self, server: SocketAddr) -> Result<Option<SocketAddr>, Blindness> {
        let binding = Binding::binding(rand::random());
        let deadline = self.call.end_of_wait();
        for _ in 0..2 {
            self.socket.send(binding.bytes(), server, deadline).await?;
            let until = deadline.min(Instant::now() + THROUGH);
            for _ in 0..MOST_DATAGRAMS {
                if Instant::now() >= until {
                    break;
                }
                let Some(event) = self.socket.take(&mut self.buffer[..])? else {
                    self.socket.wait(until).await?;
                    continue;
                };
                let Event::Datagram { bytes, .. } = event else {
                    continue;
                };
                if let Reading::Answer(StunAnswer::Success { mapped }) =
                    binding.read(&self.buffer[..bytes])
                {
                    return Ok(mapped);
                }
            }
        }
        Ok(None)
    }

    /// Whether our check may go to where one of the server's came from: the sender is whom it says it is.
    fn may_be_answered(&self, from: SocketAddr, places: &[Permitted]) -> bool {
        let is_of_candidate =
            |place: &Permitted| self.call.destination(*place).dialled.ip() == from.ip();
        places.iter().any(is_of_candidate) || self.call.named.place(from).is_ok()
    }

    /// Waits for a check of the server's, and makes ours from the same socket.
    async fn listen(
        &mut self,
        places: &[Permitted],
    ) -> Result<(Option<SocketAddr>, Option<IceCheck>), Blindness> {
        let pair = &self.ready.pair;
        let mut flight: Transactions<SocketAddr> = Transactions::new(Copies::Several);
        let mut checks: Vec<[u8; 12]> = Vec::new();
        for place in places {
            let id = rand::random();
            let to = self.call.destination(*place).dialled;
            flight.add(to, id, pair.check(id, Purpose::Proof), HEAD_START);
            checks.push(id);
        }
        let mut check_from = None;
        let mut deadline = self.call.end_of_wait();
        for _ in 0..MOST_DATAGRAMS {
            if Instant::now() >= deadline {
                break;
            }
            for (to, bytes) in flight.due_by_key(self.start.elapsed()) {
                self.has_sent |= self.socket.send(&bytes, to, deadline).await.is_ok();
            }
            let Some(event) = self.socket.take(&mut self.buffer[..])? else {
                let next = flight.next().map_or(deadline, |next| self.start + next);
                self.socket.wait(next.min(deadline)).await?;
                continue;
            };
            let (from, bytes) = match event {
                Event::Datagram { from, bytes } => (from, bytes),
                // Nobody who does not see our checks can quote one.
                Event::Icmp { payload: Some(quote), .. } if !is_quoted(&checks, &quote) => continue,
                // A refused check of ours says nothing about the server's; and whoever refuses has
                // only so many errors for us.
                Event::Icmp { destination, .. } => {
                    self.icmp_ms.push(self.call.elapsed_ms());
                    flight.drop_where(|place| destination.is_none_or(|to| to == *place));
                    continue;
                }
            };
            let message = &self.buffer[..bytes];
            if pair.read_check(message).is_some() && check_from.is_none() {
                check_from = Some(from);
                deadline = Instant::now() + THROUGH;
                if self.may_be_answered(from, places) {
                    // The way is open now: the next copy of an earlier one may be far.
                    let id = rand::random();
                    let check = pair.check(id, Purpose::Proof);
                    flight.add(from, id, check, self.start.elapsed());
                    checks.push(id);
                }
            }
            let answer = flight.waiting().find_map(|(_, id)| pair.read_answer(id, message));
            if let Some(answer) = answer {
                let through = IceCheck::Answered { mapped: answer.mapped };
                return Ok((check_from, Some(through)));
            }
        }
        Ok((check_from, Some(IceCheck::Silent)))
    }
}
