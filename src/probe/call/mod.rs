//! One hidden join, and one authenticated ICE check down each way that media could take.
//!
//! ```text
//!  connection, TLS, WebSocket ─► join ─┬─► offer ─► answer, candidates ─┬─► direct checks
//!                                      └─► TURN servers: allocations ───┴─► checks through them
//! ```
//!
//! An answer with a valid MESSAGE-INTEGRITY proves a way: only the server of this session can have
//! made it. The session is left, and its room ended, whatever happens.

mod deep;
mod direct;
mod door;
mod gather;
mod hide;
mod join;
mod punch;
mod relay;
mod rights;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::milliseconds;
use crate::model::facts::{
    CallFacts, CandidatePlace, Facts, PathFacts, PunchFacts, RelayFacts, SignalFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::{Port, Transport};
use crate::model::probe::{CallDepth, CallSpec, Punching};
use crate::model::target::Endpoint;
use crate::net::Network;
use crate::net::session::Session;
use crate::proto::ice::Pair;

use hide::Hidden;
use rights::Rights;

/// How many candidates are checked; others are told, and not dialled.
const MOST_CHECKED: usize = 16;

/// How many TURN servers are asked.
const MOST_RELAYS: usize = 8;

/// How many time-outs long a call may take, all its steps together, before it is left: a server
/// that uses up the wait of each step would hold it for longer.
const MOST_WAITS: u32 = 6;

/// Joins, checks every way, leaves.
pub async fn run(net: &Network, spec: &CallSpec) -> (u32, Outcome) {
    let Some(credentials) = &net.credentials else {
        let words = "there are no credentials to join with".to_owned();
        return (1, Outcome::Blind(Blindness::Local(words)));
    };
    let started = Instant::now();
    let call = Call {
        net: net.clone(),
        spec: Arc::new(spec.clone()),
        started,
        end: started + net.limits.timeout * MOST_WAITS,
        hidden: Hidden::default(),
    };
    let rights = Rights::of(credentials, net.clock.now());
    match call.make(&rights).await {
        Ok(facts) => {
            let facts = Box::new(call.hidden.out_of(facts));
            (1, Outcome::Saw(Facts::Call(facts)))
        }
        Err(blindness) => (1, Outcome::Blind(blindness)),
    }
}

/// One call being made. Cheap to clone.
#[derive(Clone)]
struct Call {
    net: Network,
    spec: Arc<CallSpec>,
    started: Instant,
    /// When all waits end.
    end: Instant,
    hidden: Hidden,
}

/// What has to be known for an ICE check.
struct Ready {
    pair: Pair,
    /// Where the server's candidates lie, in their order; no more than are checked.
    places: Vec<CandidatePlace>,
}

impl Ready {
    fn over(&self, transport: Transport) -> impl Iterator<Item = SocketAddr> {
        self.places
            .iter()
            .filter(move |place| place.transport == transport)
            .map(|place| place.address)
    }
}

/// How the server's candidates become known to who waits for them; `None`: not yet.
type Awaited = watch::Receiver<Option<Arc<Ready>>>;

impl Call {
    async fn make(&self, rights: &Rights) -> Result<CallFacts, Blindness> {
        let (signal, joined) = join::join(self, rights).await?;
        let Some(joined) = joined else {
            return Ok(without_session(signal));
        };
        let (tell, awaited) = watch::channel(None);
        let mut relays = JoinSet::new();
        let control = relay::control_address(&joined.response);
        for server in relay::servers(&joined.response, MOST_RELAYS) {
            let awaited = awaited.clone();
            let relay = relay::Relay { call: self.clone(), server, control };
            relays.spawn(relay.look(awaited));
        }
        drop(awaited);
        let mut session = joined.session;
        let (facts, ready) = gather::gather(self, &mut session, &joined.response).await;
        let ready = ready.map(Arc::new);
        // Relays that have nothing to wait for end too.
        tell.send_replace(ready.clone());
        drop(tell);
        let (mut paths, punched) = match &ready {
            Some(ready) => self.check_directly(&session, ready).await,
            None => (Vec::new(), None),
        };
        let (relays, through) = relayed(relays).await;
        paths.extend(through);
        let farewell = match self.spec.depth {
            CallDepth::Checks => session.leave().await,
            // The next join would throw this one out.
            CallDepth::Dtls if rights.are_of_one_participant() => {
                let farewell = session.leave().await;
                deep::look(self, rights, (&mut paths, &relays)).await;
                farewell
            }
            CallDepth::Dtls => {
                deep::look(self, rights, (&mut paths, &relays)).await;
                session.leave().await
            }
        };
        Ok(CallFacts {
            signal,
            session: Some(facts),
            paths,
            relays,
            punched,
            farewell: Some(farewell),
        })
    }

    /// The ways without a relay, and whether the server opens one itself.
    async fn check_directly(
        &self,
        session: &Session,
        ready: &Arc<Ready>,
    ) -> (Vec<PathFacts>, Option<PunchFacts>) {
        let mut checks = JoinSet::new();
        for (index, place) in ready.places.iter().copied().enumerate() {
            let call = self.clone();
            let pair = ready.pair.clone();
            checks.spawn(async move { (index, direct::check(&call, &pair, place).await) });
        }
        let punching = async {
            match self.spec.punching {
                Punching::Watched => punch::watch(self, session, ready).await,
                Punching::NotWatched => None,
            }
        };
        let (mut paths, punched) = tokio::join!(all(&mut checks), punching);
        paths.sort_by_key(|(index, _)| *index);
        let paths = paths.into_iter().map(|(_, path)| path).collect();
        (paths, punched)
    }

    /// The time since the probe's start, in milliseconds.
    fn elapsed_ms(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }

    /// When a wait that begins now ends.
    fn end_of_wait(&self) -> Instant {
        self.end_of_waits(1)
    }

    /// When a wait for several things, one behind the other, ends that begins now.
    fn end_of_waits(&self, several: u32) -> Instant {
        self.end.min(Instant::now() + self.net.limits.timeout * several)
    }

    /// The same call with time for something more.
    fn with_waits(&self, several: u32) -> Self {
        Self { end: Instant::now() + self.net.limits.timeout * several, ..self.clone() }
    }

    /// Where an address and port of the deployment are dialled, and whether that is elsewhere.
    fn dialled(&self, meant: SocketAddr) -> (SocketAddr, Option<SocketAddr>) {
        let Some(port) = Port::new(meant.port()) else {
            return (meant, None);
        };
        let endpoint = Endpoint { address: meant.ip(), port };
        let dial = &self.net.dial;
        (dial.dialled(endpoint), dial.elsewhere(endpoint))
    }

    /// Whether a server may send us to this address. Loopback, link-local (where clouds have their
    /// metadata service), broadcast and multicast only where the deployment declares them.
    fn may_be_dialled(&self, address: IpAddr) -> bool {
        let is_forbidden = match address {
            IpAddr::V4(v4) => {
                v4.is_loopback()
                    || v4.is_link_local()
                    || v4.octets()[0] == 0
                    || v4.octets()[0] >= 224
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unicast_link_local()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.to_ipv4_mapped().is_some()
            }
        };
        !is_forbidden || self.spec.declared.contains(&address)
    }
}

fn without_session(signal: SignalFacts) -> CallFacts {
    CallFacts {
        signal,
        session: None,
        paths: Vec::new(),
        relays: Vec::new(),
        punched: None,
        farewell: None,
    }
}

/// What came of all relays, in the order in which the server named them. The paths through them
/// carry their place there.
async fn relayed(
    mut looks: JoinSet<(RelayFacts, Vec<PathFacts>)>,
) -> (Vec<RelayFacts>, Vec<PathFacts>) {
    let mut seen = all(&mut looks).await;
    seen.sort_by_key(|(relay, _)| relay.url);
    let mut relays = Vec::new();
    let mut paths = Vec::new();
    for (relay, through) in seen {
        paths.extend(
            through.into_iter().map(|path| PathFacts { relay: Some(relays.len()), ..path }),
        );
        relays.push(relay);
    }
    (relays, paths)
}

/// What all tasks bring. One that panics brings nothing.
async fn all<T: 'static>(tasks: &mut JoinSet<T>) -> Vec<T> {
    let mut brought = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        brought.extend(ended.ok());
    }
    brought
}
