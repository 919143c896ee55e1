//! What a relay lets through: permissions, and checks of the server's candidates.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::super::direct::of_ended;
use super::super::{Awaited, Call, Ready};
use super::Relay;
use super::allocation::Allocation;
use crate::model::facts::{
    IceCheck, NotSent, PathFacts, PeerKind, PermissionFacts, RelayFacts, StunAnswer, Way,
};
use crate::model::observation::Blindness;
use crate::model::port::Transport;
use crate::model::target::Family;
use crate::net::messages::End;
use crate::proto::ice::{Pair, Purpose};
use crate::proto::stun::{Reading, Request};
use crate::proto::transactions::Transactions;
use crate::proto::turn::{LongTerm, read_data, send_indication};

/// Addresses that a relay should not serve, and what they stand for. Nothing is sent to them: only
/// the permission is asked for.
const PEERS: [(Ipv4Addr, PeerKind); 4] = [
    (Ipv4Addr::LOCALHOST, PeerKind::Loopback),
    // Where clouds have their metadata service.
    (Ipv4Addr::new(169, 254, 169, 254), PeerKind::LinkLocal),
    (Ipv4Addr::new(10, 0, 0, 1), PeerKind::Private),
    (Ipv4Addr::new(8, 8, 8, 8), PeerKind::Foreign),
];

/// How long the candidates stay silent before the control is asked.
const BEFORE_CONTROL: Duration = Duration::from_millis(450);

/// The server's candidates over UDP, once they are known. Whoever gathers them has a deadline.
async fn candidates(mut awaited: Awaited) -> Option<Arc<Ready>> {
    let known = awaited.wait_for(Option::is_some).await;
    known.ok()?.clone()
}

/// The paths through a relay that is not to be had.
pub(in super::super) async fn none(
    call: &Call,
    way: Way,
    awaited: Awaited,
    blindness: Option<&Blindness>,
) -> Vec<PathFacts> {
    let Some(ready) = candidates(awaited).await else {
        return Vec::new();
    };
    let why = blindness.map_or(NotSent::NoRelay, NotSent::from);
    ready
        .over(Transport::Udp)
        .map(|candidate| path(call, way, candidate, IceCheck::NotSent(why.clone())))
        .collect()
}

fn path(call: &Call, way: Way, candidate: SocketAddr, check: IceCheck) -> PathFacts {
    PathFacts {
        way,
        candidate,
        dialled: None,
        // Its place is known when all relays are.
        relay: None,
        connect: None,
        check,
        sent_ms: None,
        ended_ms: call.elapsed_ms(),
        padded: None,
        dtls: None,
    }
}

/// What is in flight through a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Permission(IpAddr, PeerKind),
    Proof(SocketAddr),
    Size(SocketAddr),
    Control,
}

/// Asks for permissions and checks the candidates, all in one flight: the server takes the
/// permission before what is sent behind it.
pub(in super::super) async fn check(
    relay: &Relay,
    facts: &mut RelayFacts,
    mut allocation: Allocation,
    awaited: Awaited,
) -> Vec<PathFacts> {
    let call = &relay.call;
    let Some(ready) = candidates(awaited).await else {
        return Vec::new();
    };
    // A relay has one address family, and its peers have the same (RFC 8656 §9).
    let family = facts.relayed.map(|relayed| Family::of(relayed.ip()));
    let of_family =
        |place: &SocketAddr| family.is_none_or(|family| Family::of(place.ip()) == family);
    let mut forbidden = Vec::new();
    let mut places = Vec::new();
    for place in ready.over(Transport::Udp).filter(of_family) {
        match call.named.through_relay(place.ip()) {
            Ok(()) => places.push(place),
            Err(why) => forbidden.push((place, IceCheck::NotSent(NotSent::ForbiddenAddress(why)))),
        }
    }
    let user = allocation.user().clone();
    let mut flight = Flight {
        call,
        user,
        unsigned: HashMap::new(),
        pair: &ready.pair,
        requests: HashMap::new(),
        permissions: Vec::new(),
        proofs: HashMap::new(),
        sizes: HashMap::new(),
        control: None,
        sent_ms: call.elapsed_ms(),
    };
    let mut asked = Transactions::new(allocation.messages().copies());
    flight.fill(relay, &allocation, &places, &mut asked);
    let end = {
        let deadline = call.end_of_wait();
        let mut on = |message: &[u8], asked: &mut Transactions<Asked>, now: Duration| {
            flight.take(message, asked, now);
        };
        let messages = allocation.messages();
        messages.converse(&mut asked, deadline, &mut on).await
    };
    let was_asked = flight.requests.values().any(|(asked, _)| *asked == Asked::Control);
    facts.control = match flight.control.take() {
        None if was_asked && flight.proofs.is_empty() => Some(of_ended(&end)),
        control => control,
    };
    flight.note_unanswered();
    facts.permissions = std::mem::take(&mut flight.permissions);
    let looked_at = places.iter().map(|place| flight.path(relay, *place, &facts.permissions, &end));
    let forbidden =
        forbidden.into_iter().map(|(place, not_sent)| path(call, relay.way(), place, not_sent));
    looked_at.chain(forbidden).collect()
}

/// What was asked, and what came back.
struct Flight<'a> {
    call: &'a Call,
    /// Whose password signs the server's answers.
    user: LongTerm,
    /// What came for requests and is not signed with it.
    unsigned: HashMap<[u8; 12], StunAnswer>,
    pair: &'a Pair,
    /// The requests that are answered by the server itself or, of the control, through it.
    requests: HashMap<[u8; 12], (Asked, Request)>,
    permissions: Vec<PermissionFacts>,
    proofs: HashMap<SocketAddr, (IceCheck, u64)>,
    sizes: HashMap<SocketAddr, IceCheck>,
    control: Option<IceCheck>,
    sent_ms: u64,
}

impl Flight<'_> {
    fn fill(
        &mut self,
        relay: &Relay,
        allocation: &Allocation,
        places: &[SocketAddr],
        asked: &mut Transactions<Asked>,
    ) {
        let user = allocation.user();
        let mut wanted: Vec<(IpAddr, PeerKind)> = Vec::new();
        for place in places {
            if !wanted.iter().any(|(peer, _)| *peer == place.ip()) {
                wanted.push((place.ip(), PeerKind::Candidate));
            }
        }
        let of_candidates = wanted.len();
        wanted.extend(PEERS.map(|(peer, kind)| (IpAddr::from(peer), kind)));
        for (index, (peer, kind)) in wanted.into_iter().enumerate() {
            let id = rand::random();
            let request = user.create_permission(id, peer);
            let key = Asked::Permission(peer, kind);
            asked.add(key, id, request.bytes().to_vec(), Duration::ZERO);
            self.requests.insert(id, (key, request));
            if index + 1 == of_candidates {
                self.checks(places, asked);
            }
        }
        // The candidates' own permission serves it where the address is the same.
        let control =
            relay.control.filter(|control| places.iter().any(|place| place.ip() == control.ip()));
        if let Some(control) = control {
            let id: [u8; 12] = rand::random();
            let request = Request::binding(id);
            let sent = send_indication(rand::random(), control, request.bytes().to_vec());
            asked.add(Asked::Control, id, sent, BEFORE_CONTROL);
            self.requests.insert(id, (Asked::Control, request));
        }
    }

    fn checks(&self, places: &[SocketAddr], asked: &mut Transactions<Asked>) {
        for place in places {
            let id = rand::random();
            let check = self.pair.check(id, Purpose::Proof);
            let sent = send_indication(rand::random(), *place, check);
            asked.add(Asked::Proof(*place), id, sent, Duration::ZERO);
        }
    }

    fn take(&mut self, message: &[u8], asked: &mut Transactions<Asked>, now: Duration) {
        match read_data(message) {
            Some((_, data)) => self.take_data(&data, asked, now),
            None => self.take_answer(message, asked),
        }
    }

    /// Something that came through the relay. From whom the relay says that it came is not
    /// compared: where the server translates its own address, that is another one.
    fn take_data(&mut self, data: &[u8], asked: &mut Transactions<Asked>, now: Duration) {
        let answered =
            asked.waiting().find_map(|(key, id)| Some((key, id, self.pair.read_answer(id, data)?)));
        if let Some((key, id, answer)) = answered {
            asked.settle(id);
            let check = IceCheck::Answered { mapped: answer.mapped };
            match key {
                Asked::Proof(place) => {
                    self.proofs.insert(place, (check, self.call.elapsed_ms()));
                    self.without_control(asked);
                    let id = rand::random();
                    let large = self.pair.check(id, Purpose::Size);
                    let sent = send_indication(rand::random(), place, large);
                    asked.add(Asked::Size(place), id, sent, now);
                }
                Asked::Size(place) => {
                    self.sizes.insert(place, check);
                }
                Asked::Permission(..) | Asked::Control => {}
            }
            return;
        }
        let control = self.requests.iter().find_map(|(id, (asked, request))| {
            match (asked, request.read(data)) {
                (Asked::Control, Reading::Answer(StunAnswer::Success { mapped })) => {
                    Some((*id, mapped))
                }
                _ => None,
            }
        });
        if let Some((id, mapped)) = control {
            asked.settle(id);
            self.control = Some(IceCheck::Answered { mapped });
        }
    }

    /// A candidate that answers makes the control superfluous.
    fn without_control(&self, asked: &mut Transactions<Asked>) {
        let control: Vec<[u8; 12]> =
            asked.waiting().filter(|(key, _)| *key == Asked::Control).map(|(_, id)| id).collect();
        for id in control {
            asked.settle(id);
        }
    }

    /// An answer of the relay's own.
    fn take_answer(&mut self, message: &[u8], asked: &mut Transactions<Asked>) {
        let mut unsigned = None;
        let answered = self.requests.iter().find_map(|(id, (key, request))| {
            match (key, self.user.read(request, message)) {
                (Asked::Permission(peer, kind), Reading::Answer(answer)) => {
                    Some((*id, *peer, *kind, answer))
                }
                (Asked::Permission(..), Reading::Stray(what @ StunAnswer::NotSigned { .. })) => {
                    unsigned = Some((*id, what));
                    None
                }
                _ => None,
            }
        });
        self.unsigned.extend(unsigned);
        let Some((id, peer, why, answer)) = answered else {
            return;
        };
        asked.settle(id);
        self.requests.remove(&id);
        let is_refused = matches!(answer, StunAnswer::Error { .. });
        self.permissions.push(PermissionFacts { peer, why, answer });
        if is_refused && why == PeerKind::Candidate {
            // What was sent behind it went nowhere.
            let behind: Vec<[u8; 12]> = asked
                .waiting()
                .filter(|(key, _)| matches!(key, Asked::Proof(place) if place.ip() == peer))
                .map(|(_, id)| id)
                .collect();
            for id in behind {
                asked.settle(id);
            }
        }
    }

    /// Permissions that were neither granted nor refused by who knows the password.
    fn note_unanswered(&mut self) {
        for (id, (asked, _)) in &self.requests {
            if let Asked::Permission(peer, why) = *asked {
                let answer = self.unsigned.remove(id).unwrap_or(StunAnswer::Silent);
                self.permissions.push(PermissionFacts { peer, why, answer });
            }
        }
    }

    fn path(
        &mut self,
        relay: &Relay,
        place: SocketAddr,
        permissions: &[PermissionFacts],
        end: &Result<End, Blindness>,
    ) -> PathFacts {
        let is_refused = permissions.iter().any(|permission| {
            permission.peer == place.ip()
                && permission.why == PeerKind::Candidate
                && matches!(permission.answer, StunAnswer::Error { .. })
        });
        let mut path = path(self.call, relay.way(), place, of_ended(end));
        path.sent_ms = Some(self.sent_ms);
        match self.proofs.remove(&place) {
            Some((check, ended_ms)) => {
                (path.check, path.ended_ms) = (check, ended_ms);
                path.padded = Some(self.sizes.remove(&place).unwrap_or_else(|| of_ended(end)));
            }
            None if is_refused => path.check = IceCheck::NotSent(NotSent::NoPermission),
            None => {}
        }
        path
    }
}
