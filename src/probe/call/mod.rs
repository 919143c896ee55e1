//! One hidden join, and one authenticated ICE check along each media path.
//!
//! ```text
//!  connection, TLS, WebSocket ─► join ─┬─► offer ─► answer, candidates ─┬─► direct checks
//!                                      └─► TURN servers: allocations ───┴─► checks through them
//! ```
//!
//! An answer with a valid MESSAGE-INTEGRITY proves that a path works, because only the server of this
//! session can create it. The probe always leaves the session and ends its room.

mod deep;
mod direct;
mod door;
mod gather;
mod hide;
mod join;
mod named;
mod punch;
mod relay;
mod rights;
mod search;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::milliseconds;
use crate::model::dial::Destination;
use crate::model::facts::{
    CallFacts, CandidatePlace, Connect, Facts, Handshake, PathFacts, PunchFacts, RelayFacts,
    SignalFacts,
};
use crate::model::observation::{Blindness, LocalTrouble, Outcome};
use crate::model::port::{Port, Transport};
use crate::model::probe::{CallDepth, CallSpec, Punching};
use crate::model::secret::Credentials;
use crate::model::target::Endpoint;
use crate::net::Network;
use crate::net::session::{LEAVING, Session};
use crate::net::tls::Offer;
use crate::proto::ice::Pair;
use crate::proto::livekit::sdp::DtlsRole;

use door::{Door, Opened};
use hide::Hidden;
use named::{Named, Permitted};
use rights::Rights;
use search::{OnTheWay, Servers};

/// The maximum number of candidates that are checked. Others are only reported.
const MOST_CHECKED: usize = 16;

/// The maximum number of TURN servers that are tested.
const MOST_RELAYS: usize = 8;

/// The maximum duration of a call, in timeouts, with all its steps. Otherwise a server that uses up the
/// wait of each step would delay it for longer.
const MOST_WAITS: u32 = 6;

/// How long before the end of the run a call ends, so that what it saw is in the report: the time to leave
/// the room ([`crate::net::session::LEAVING`]), and some more.
const BEFORE_THE_RUN_ENDS: Duration = LEAVING.saturating_add(Duration::from_millis(300));

/// Joins, checks every media path and leaves.
pub async fn run(net: &Network, spec: &CallSpec) -> (u32, Outcome) {
    let Some(credentials) = &net.credentials else {
        return (1, Outcome::Blind(LocalTrouble::NoCredentials.into()));
    };
    let started = Instant::now();
    let call = Call {
        net: net.clone(),
        spec: Arc::new(spec.clone()),
        started,
        end: before_the_run_ends(net, started + net.limits.timeout * MOST_WAITS),
        hidden: Hidden::default(),
        named: Named::of(spec, None),
        servers: Servers::default(),
    };
    match call.make(credentials).await {
        Ok(facts) => {
            let facts = Box::new(call.hidden.out_of(facts));
            (1, Outcome::Saw(Facts::Call(facts)))
        }
        Err(blindness) => (1, Outcome::Blind(blindness)),
    }
}

/// `end`, or the time at which a call must end so that its run can report it.
fn before_the_run_ends(net: &Network, end: Instant) -> Instant {
    net.limits.run_ends.map_or(end, |run| end.min(run - BEFORE_THE_RUN_ENDS))
}

/// A call in progress. Cheap to clone.
#[derive(Clone)]
struct Call {
    net: Network,
    spec: Arc<CallSpec>,
    started: Instant,
    /// The time at which all waits end.
    end: Instant,
    hidden: Hidden,
    named: Named,
    /// The servers on which rooms of ours are.
    servers: Servers,
}

/// The data for an ICE check.
struct Ready {
    pair: Pair,
    /// The addresses of the server's candidates, in their order. Only those that are checked.
    places: Vec<CandidatePlace>,
    dtls: DtlsRole,
}

impl Ready {
    fn over(&self, transport: Transport) -> impl Iterator<Item = SocketAddr> {
        self.places
            .iter()
            .filter(move |place| place.transport == transport)
            .map(|place| place.address)
    }
}

/// The channel that delivers the server's candidates. `None`: not known yet.
type Awaited = watch::Receiver<Option<Arc<Ready>>>;

impl Call {
    /// Joins a room of its own, and then others until each Media Node has carried a call.
    async fn make(&self, credentials: &Credentials) -> Result<CallFacts, Blindness> {
        let mut failed = Vec::new();
        let (rights, signal, joined) = loop {
            let rights = Rights::of(credentials, self.net.clock.now());
            let (signal, joined) = join::join(self, &rights).await?;
            if let Some(joined) = joined {
                break (rights, signal, joined);
            }
            let is_last = failed.len() >= self.spec.repetitions();
            let may_be_one_machine = search::may_be_one_machine(&signal);
            failed.push(without_session(signal));
            if is_last || !may_be_one_machine {
                return Ok(failed.swap_remove(0));
            }
        };
        let call = Self { named: Named::of(&self.spec, signal.address), ..self.clone() };
        if self.spec.media_nodes.is_empty() {
            return call.look_at_media(&rights, signal, joined, None).await;
        }
        let on_the_way = self.servers.begin();
        self.servers.is_new(gather::server_id(&joined.response));
        let (facts, search) = tokio::join!(
            call.look_at_media(&rights, signal, joined, Some(on_the_way)),
            search::search(&call, credentials, failed),
        );
        Ok(CallFacts { search: Some(search), ..facts? })
    }

    /// Checks every media path of a session, and leaves it. `on_the_way` is dropped when it is known where
    /// the server offers media.
    async fn look_at_media(
        &self,
        rights: &Rights,
        signal: SignalFacts,
        joined: join::Joined,
        on_the_way: Option<OnTheWay>,
    ) -> Result<CallFacts, Blindness> {
        let (tell, awaited) = watch::channel(None);
        let mut relays = JoinSet::new();
        let control = relay::control_address(&joined.response);
        for server in relay::servers(&joined.response, MOST_RELAYS) {
            let awaited = awaited.clone();
            let relay = relay::Relay { call: self.clone(), server, control };
            relays.spawn(relay.look(awaited));
        }
        drop(awaited);
        let ahead = match self.spec.depth {
            CallDepth::Dtls => deep::Ahead::start(self, rights, &joined.response),
            CallDepth::Checks => deep::Ahead::default(),
        };
        let mut session = joined.session;
        let (facts, ready) = gather::gather(self, &mut session, &joined.response).await;
        let ready = ready.map(Arc::new);
        self.servers.offer(&facts);
        drop(on_the_way);
        // This also ends relays that have nothing to wait for.
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
            // The next join would remove this participant.
            CallDepth::Dtls if rights.are_of_one_participant() => {
                let farewell = session.leave().await;
                deep::look(self, rights, &mut paths, &relays).await;
                farewell
            }
            CallDepth::Dtls => {
                ahead.write(&mut paths, &relays).await;
                deep::look(self, rights, &mut paths, &relays).await;
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
            search: None,
        })
    }

    /// The paths without a relay, and whether the server opens one itself.
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

    /// The end of a wait that starts now.
    fn end_of_wait(&self) -> Instant {
        self.end_of_waits(1)
    }

    /// The end of several consecutive waits that start now.
    fn end_of_waits(&self, several: u32) -> Instant {
        self.end.min(Instant::now() + self.net.limits.timeout * several)
    }

    /// The same call with additional time, before the run ends.
    fn with_waits(&self, several: u32) -> Self {
        let end = Instant::now() + self.net.limits.timeout * several;
        Self { end: before_the_run_ends(&self.net, end), ..self.clone() }
    }

    /// Opens a connection within `waits`.
    ///
    /// # Errors
    /// For a problem of this machine, and if the call's time was over before silence counts.
    async fn open(
        &self,
        door: &Door<'_>,
        offer: Option<Offer<'_>>,
        waits: u32,
    ) -> Result<Opened, Blindness> {
        self.open_until(door, offer, self.end_of_waits(waits)).await
    }

    /// The same until `deadline`, which need not be this call's.
    async fn open_until(
        &self,
        door: &Door<'_>,
        offer: Option<Offer<'_>>,
        deadline: Instant,
    ) -> Result<Opened, Blindness> {
        let opened = door.open(&self.net, offer, deadline).await?;
        if opened.connect == Connect::Silent || opened.handshake == Some(Handshake::Silent) {
            self.has_time()?;
        }
        Ok(opened)
    }

    /// Whether the call still has time, so that silence was heard for a whole wait.
    ///
    /// # Errors
    /// If its time is over.
    fn has_time(&self) -> Result<(), Blindness> {
        if Instant::now() < self.end { Ok(()) } else { Err(Blindness::DeadlineSpent) }
    }

    /// A place that the server named, with the destination of connections to it.
    fn destination(&self, place: Permitted) -> Destination {
        let meant = place.address();
        let Some(port) = Port::new(meant.port()) else {
            return meant.into();
        };
        self.net.dial.destination(Endpoint { address: meant.ip(), port })
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
        search: None,
    }
}

/// The results of all relays, in the order of the server's response. The paths through them refer to
/// their position.
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

/// The results of all tasks. A task that panics has no result.
async fn all<T: 'static>(tasks: &mut JoinSet<T>) -> Vec<T> {
    let mut brought = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        brought.extend(ended.ok());
    }
    brought
}
