//! Calls on the other Media Nodes of a deployment.
//!
//! LiveKit runs each room on one node that it chooses itself, and nobody outside can choose it. So ovcheck
//! opens further rooms, several at the same time, until each declared node has carried a call. Which node
//! it is shows where the server offers media. A room on a server that has carried a call already is left
//! at once.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::hide::Hidden;
use super::rights::Rights;
use super::{Call, gather, join, without_session};
use crate::model::facts::{
    CallFacts, Handshake, HttpAnswer, JoinAnswer, LostWebSocket, NodeSearch, SearchEnd,
    SessionFacts, SignalFacts,
};
use crate::model::secret::Credentials;

/// The most joins without a session that are told one by one.
const MOST_FAILED: usize = 8;

/// The servers on which rooms of ours are. Cheap to clone.
#[derive(Clone)]
pub(super) struct Servers(Arc<watch::Sender<Seen>>);

impl Default for Servers {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Seen::default())))
    }
}

#[derive(Default)]
struct Seen {
    /// How many joins are on their way to where the server offers media.
    on_the_way: usize,
    /// What the servers call themselves.
    ids: Vec<String>,
    /// Where they offer media.
    addresses: Vec<IpAddr>,
}

impl Seen {
    /// Whether each node has carried a call, as far as that can be seen. Where several nodes are behind
    /// one address, there have to be as many servers.
    fn are_all(&self, nodes: &[Vec<IpAddr>]) -> bool {
        let is_seen = |node: &Vec<IpAddr>| node.iter().any(|it| self.addresses.contains(it));
        nodes.iter().all(is_seen) && (self.ids.is_empty() || self.ids.len() >= nodes.len())
    }
}

/// A join on its way. It has arrived, or come to nothing, when this is dropped.
pub(super) struct OnTheWay(Servers);

impl Drop for OnTheWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|seen| seen.on_the_way -= 1);
    }
}

impl Servers {
    pub fn begin(&self) -> OnTheWay {
        self.0.send_modify(|seen| seen.on_the_way += 1);
        OnTheWay(self.clone())
    }

    /// Whether no room of ours was on this server before. One that does not say who it is may be new.
    pub fn is_new(&self, id: &str) -> bool {
        let mut is_new = true;
        self.0.send_modify(|seen| {
            is_new = id.is_empty() || !seen.ids.iter().any(|known| known == id);
            if is_new && !id.is_empty() {
                seen.ids.push(id.to_owned());
            }
        });
        is_new
    }

    /// Notes where a server offers media.
    pub fn offer(&self, session: &SessionFacts) {
        let places = session.candidates.iter().filter_map(|candidate| candidate.place);
        self.0.send_modify(|seen| seen.addresses.extend(places.map(|place| place.address.ip())));
    }

    /// Waits until no join is on its way, or until `deadline`.
    async fn all_arrived(&self, deadline: Instant) {
        let mut seen = self.0.subscribe();
        let arrived = seen.wait_for(|seen| seen.on_the_way == 0);
        // After the deadline the others count as well, if they still arrive.
        drop(timeout_at(deadline, arrived).await);
    }
}

/// What came of a further room.
enum Room {
    /// It is on a server that had carried no call before.
    New(Box<CallFacts>),
    /// It is on one of those known.
    Known,
    /// Nobody was let in.
    Failed(Box<CallFacts>),
    /// This machine could not look.
    Blind,
}

/// Whether it may have been one machine of several behind the proxy that failed a join: it neither comes
/// from LiveKit nor took a whole wait.
pub(super) fn may_be_one_machine(signal: &SignalFacts) -> bool {
    let is_cut = |handshake: &Handshake| matches!(handshake, Handshake::Closed | Handshake::Reset);
    match &signal.join {
        Some(JoinAnswer::Refused(HttpAnswer::Response(answer))) => {
            // 502, 503, 504 (RFC 9110 §15.6): from a gateway.
            matches!(answer.status, 502..=504)
        }
        Some(JoinAnswer::Refused(answer)) => {
            matches!(answer, HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::Unfinished { .. })
        }
        Some(JoinAnswer::NoJoin(_)) => {
            matches!(signal.lost, Some(LostWebSocket::Closed { .. } | LostWebSocket::Cut { .. }))
        }
        Some(JoinAnswer::Joined | JoinAnswer::NotAwaited) => false,
        None => signal.handshake.as_ref().is_some_and(is_cut),
    }
}

/// Opens further rooms while a Media Node is missing, behind the joins that `failed` before the first
/// session.
pub(super) async fn search(
    call: &Call,
    credentials: &Credentials,
    failed: Vec<CallFacts>,
) -> NodeSearch {
    let mut search = NodeSearch {
        rooms: failed.len(),
        ended: SearchEnd::OneRoom,
        calls: Vec::new(),
        failures: failed.len(),
        failed,
    };
    if matches!(credentials, Credentials::Token(_)) {
        return search;
    }
    let mut rooms = JoinSet::new();
    search.ended = open(call, credentials, &mut rooms).await;
    search.rooms += rooms.len();
    for room in super::all(&mut rooms).await {
        match room {
            Room::New(facts) => search.calls.push(*facts),
            Room::Failed(facts) => {
                search.failures += 1;
                search.failed.push(*facts);
            }
            Room::Known | Room::Blind => {}
        }
    }
    search.calls.sort_by_key(|facts| facts.signal.joined_ms);
    search.failed.sort_by_key(|facts| facts.signal.joined_ms);
    search.failed.truncate(MOST_FAILED);
    search
}

/// Opens rooms until each node was seen or there is no sense in more.
async fn open(call: &Call, credentials: &Credentials, rooms: &mut JoinSet<Room>) -> SearchEnd {
    // With the first wait behind it a wave may still begin: what it finds is then looked at for one more.
    let deadline = call.end_of_wait();
    let nodes = &call.spec.media_nodes;
    for wave in call.spec.waves() {
        let known = call.servers.0.borrow().ids.len();
        for _ in 0..wave {
            let further = Call { hidden: Hidden::default(), ..call.clone() };
            let rights = Rights::of(credentials, call.net.clock.now());
            let on_the_way = call.servers.begin();
            rooms.spawn(async move { one(&further, &rights, on_the_way).await });
        }
        call.servers.all_arrived(deadline).await;
        let seen = call.servers.0.borrow();
        if seen.are_all(nodes) {
            return SearchEnd::AllFound;
        }
        if seen.ids.len() >= nodes.len() && seen.ids.len() == known {
            return SearchEnd::NoOthers;
        }
        if Instant::now() >= deadline {
            return SearchEnd::OutOfTime;
        }
    }
    SearchEnd::MostRooms
}

/// Joins one room, and looks at media only on a server that is new.
async fn one(call: &Call, rights: &Rights, on_the_way: OnTheWay) -> Room {
    match join::join(call, rights).await {
        Ok((_, Some(joined))) if !call.servers.is_new(gather::server_id(&joined.response)) => {
            drop(on_the_way);
            joined.session.leave().await;
            Room::Known
        }
        Ok((signal, Some(joined))) => {
            match call.look_at_media(rights, signal, joined, Some(on_the_way)).await {
                Ok(facts) => Room::New(Box::new(call.hidden.out_of(facts))),
                Err(_) => Room::Blind,
            }
        }
        Ok((signal, None)) => Room::Failed(Box::new(call.hidden.out_of(without_session(signal)))),
        Err(_) => Room::Blind,
    }
}
