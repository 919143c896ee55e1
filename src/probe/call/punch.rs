//! Whether the server opens a way itself: an address of ours is offered as a candidate, and whoever
//! makes its checks of it lets our packets in behind a firewall that remembers connections.

use std::net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket};
use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Ready, milliseconds};
use crate::model::facts::{IceCheck, PunchFacts};
use crate::model::observation::Blindness;
use crate::model::port::Transport;
use crate::model::target::Family;
use crate::net::session::Session;
use crate::net::udp::{Event, LARGEST, Socket};
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

/// Offers an address of ours, and watches for a check of the server's. `None` where the server has
/// no candidate over UDP that may be dialled, or this machine no way there.
pub(super) async fn watch(call: &Call, session: &Session, ready: &Ready) -> Option<PunchFacts> {
    let places: Vec<SocketAddr> = ready
        .over(Transport::Udp)
        .filter(|place| call.may_be_dialled(place.ip()))
        .collect();
    let first = *places.first()?;
    let family = Family::of(first.ip());
    let of_family = |place: &&SocketAddr| Family::of(place.ip()) == family;
    let places: Vec<SocketAddr> = places.iter().filter(of_family).copied().collect();
    let (dialled, _) = call.dialled(first);
    let Ok(socket) = Socket::unconnected(family, &[]) else {
        return None;
    };
    let mut watch = Watch {
        call,
        ready,
        socket,
        start: Instant::now(),
        buffer: Box::new([0; LARGEST]),
        icmp_ms: Vec::new(),
    };
    let own = SocketAddr::new(own_address(dialled)?, watch.socket.port()?);
    let mapped = watch.mapped(family).await;
    let mut offered = vec![own];
    offered.extend(mapped.filter(|mapped| *mapped != own));
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
    Some(PunchFacts {
        reachable: mapped.is_some() || is_global(own.ip()),
        offered,
        check_from,
        through,
        waited_ms: milliseconds(watch.start.elapsed()),
        icmp_ms,
    })
}

/// The address with which this machine would speak to `peer`.
fn own_address(peer: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => "0.0.0.0:0".parse().expect("an address"),
        SocketAddr::V6(_) => "[::]:0".parse().expect("an address"),
    };
    let socket = StdUdpSocket::bind(any).ok()?;
    // Nothing is sent: the system only looks for its route.
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether others can reach the address as it is, no address translation between.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let carrier_nat = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private() || v4.is_link_local() || carrier_nat)
        }
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

struct Watch<'a> {
    call: &'a Call,
    ready: &'a Ready,
    socket: Socket,
    start: Instant,
    buffer: Box<[u8; LARGEST]>,
    icmp_ms: Vec<u64>,
}

impl Watch<'_> {
    /// The address under which a STUN server outside sees this socket.
    async fn mapped(&mut self, family: Family) -> Option<SocketAddr> {
        let servers = self.call.spec.stun_servers.clone();
        let server = servers
            .into_iter()
            .find(|server| Family::of(server.ip()) == family)?;
        let binding = Binding::binding(rand::random());
        let deadline = self.call.end_of_wait();
        for _ in 0..2 {
            self.socket
                .send(binding.bytes(), server, deadline)
                .await
                .ok()?;
            let until = deadline.min(Instant::now() + THROUGH);
            while Instant::now() < until {
                let Some(Event::Datagram { bytes, .. }) =
                    self.socket.take(&mut self.buffer[..]).ok()?
                else {
                    self.socket.wait(until).await.ok()?;
                    continue;
                };
                if let Reading::Answer(crate::model::facts::StunAnswer::Success { mapped }) =
                    binding.read(&self.buffer[..bytes])
                {
                    return mapped;
                }
            }
        }
        None
    }

    /// Waits for a check of the server's, and makes ours from the same socket.
    async fn listen(
        &mut self,
        places: &[SocketAddr],
    ) -> Result<(Option<SocketAddr>, Option<IceCheck>), Blindness> {
        let pair = &self.ready.pair;
        let mut flight: Transactions<SocketAddr> = Transactions::new(Copies::Several);
        for place in places {
            let id = rand::random();
            let (dialled, _) = self.call.dialled(*place);
            flight.add(dialled, id, pair.check(id, Purpose::Proof), HEAD_START);
        }
        let mut check_from = None;
        let mut deadline = self.call.end_of_wait();
        for _ in 0..MOST_DATAGRAMS {
            if Instant::now() >= deadline {
                break;
            }
            for (to, bytes) in flight.due_by_key(self.start.elapsed()) {
                self.socket.send(&bytes, to, deadline).await?;
            }
            let Some(event) = self.socket.take(&mut self.buffer[..])? else {
                let next = flight.next().map_or(deadline, |next| self.start + next);
                self.socket.wait(next.min(deadline)).await?;
                continue;
            };
            let (from, bytes) = match event {
                Event::Datagram { from, bytes } => (from, bytes),
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
                deadline = deadline.min(Instant::now() + THROUGH);
            }
            let answer = flight
                .waiting()
                .find_map(|(_, id)| pair.read_answer(id, message));
            if let Some(answer) = answer {
                let through = IceCheck::Answered {
                    mapped: answer.mapped,
                };
                return Ok((check_from, Some(through)));
            }
        }
        Ok((check_from, Some(IceCheck::Silent)))
    }
}
