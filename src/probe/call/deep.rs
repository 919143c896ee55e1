//! Whether DTLS passes where STUN does: one more join for each proven path, since a server uses one
//! pair of addresses for each connection.
//!
//! With a key these joins are made while the first one is still at work, each for one way that is
//! likely to work ([`Ahead`]). With a token they are made one after the other, because each throws out
//! the one before ([`look`]).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::relay::{self, Allocation, Relay};
use super::rights::Rights;
use super::{Call, MOST_RELAYS, Ready, direct, gather, join};
use crate::model::facts::{DtlsFacts, PathFacts, RelayFacts, Way};
use crate::model::observation::Blindness;
use crate::model::target::Family;
use crate::net::messages::Messages;
use crate::net::session::Session;
use crate::proto::half_dtls::HalfDtls;
use crate::proto::ice::{Pair, Purpose};
use crate::proto::livekit::sdp::DtlsRole;
use crate::proto::livekit::signal::JoinResponse;
use crate::proto::stun::next_copy;
use crate::proto::turn::{read_data, send_indication};

/// How many time-outs long each look may take, from its join on.
const WAITS: u32 = 2;

/// How many time-outs after the call's start no more look is begun, so that the last one ends before
/// the run does.
const BEGUN_WITHIN: u32 = 3;

/// Which paths to look at. Their ports are others in each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    way: Way,
    candidates: Candidates,
    /// The relay's place among the URLs of the server.
    url: Option<usize>,
}

/// Which candidates to nominate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidates {
    At(IpAddr),
    Of(Family),
}

impl Candidates {
    fn contain(self, address: IpAddr) -> bool {
        match self {
            Self::At(one) => one == address,
            Self::Of(family) => Family::of(address) == family,
        }
    }
}

/// What a look found at an address.
struct Found {
    way: Way,
    url: Option<usize>,
    address: IpAddr,
    dtls: DtlsFacts,
}

/// Looks that were begun before it is known which paths work.
#[derive(Default)]
pub(super) struct Ahead(JoinSet<Vec<Found>>);

impl Ahead {
    /// Begins a look at each way, over each family by which the deployment can be reached. Nothing
    /// where one join would throw out the other.
    pub fn start(call: &Call, rights: &Rights, response: &JoinResponse) -> Self {
        let mut looks = JoinSet::new();
        if rights.are_of_one_participant() {
            return Self(looks);
        }
        for wanted in likely(call, response) {
            let Some(again) = rights.again() else {
                break;
            };
            let call = call.with_waits(WAITS);
            looks.spawn(async move { one(&call, &again, wanted).await });
        }
        Self(looks)
    }

    /// Waits for them, and writes what they found into the paths that work.
    pub async fn write(mut self, paths: &mut [PathFacts], relays: &[RelayFacts]) {
        for found in super::all(&mut self.0).await.into_iter().flatten() {
            write(&found, paths, relays);
        }
    }
}

/// The ways that media may take, as far as a join shows them.
fn likely(call: &Call, response: &JoinResponse) -> Vec<Wanted> {
    let has_v6 = call.spec.addresses.iter().any(|address| Family::of(*address) == Family::V6);
    let families = if has_v6 { &Family::BOTH[..] } else { &[Family::V4] };
    let mut all = Vec::new();
    for family in families {
        let candidates = Candidates::Of(*family);
        all.extend([Way::Udp, Way::IceTcp].map(|way| Wanted { way, candidates, url: None }));
    }
    for (url, server) in relay::servers(response, MOST_RELAYS) {
        let way = server.way();
        let is_new = !all.iter().any(|wanted| wanted.way == way);
        // A relay reaches its own family, and browsers ask for IPv4 (RFC 8656 §7.1).
        let candidates = Candidates::Of(Family::V4);
        all.extend(is_new.then_some(Wanted { way, candidates, url: Some(url) }));
    }
    all
}

/// Looks at each proven path that nobody has looked at, and writes what it finds into it. All at the
/// same time, unless one join would throw out the other.
pub(super) async fn look(
    call: &Call,
    rights: &Rights,
    paths: &mut [PathFacts],
    relays: &[RelayFacts],
) {
    let begun_until = call.started + call.net.limits.timeout * BEGUN_WITHIN;
    let mut looks = JoinSet::new();
    let mut asked: Vec<Wanted> = Vec::new();
    for index in 0..paths.len() {
        let path = &paths[index];
        let wanted = Wanted {
            way: path.way,
            candidates: Candidates::At(path.candidate.ip()),
            url: url_of(path, relays),
        };
        let is_open = path.check.is_answered() && path.dtls.is_none() && !asked.contains(&wanted);
        if !is_open || Instant::now() > begun_until {
            continue;
        }
        let Some(again) = rights.again() else {
            continue;
        };
        asked.push(wanted);
        let call = call.with_waits(WAITS);
        looks.spawn(async move { one(&call, &again, wanted).await });
        if rights.are_of_one_participant() {
            write_all(&mut looks, paths, relays).await;
        }
    }
    write_all(&mut looks, paths, relays).await;
    // What was asked for and not found out is known not to be.
    for path in paths.iter_mut().filter(|path| path.check.is_answered()) {
        path.dtls.get_or_insert(DtlsFacts::NotReached);
    }
}

fn url_of(path: &PathFacts, relays: &[RelayFacts]) -> Option<usize> {
    path.relay.and_then(|relay| Some(relays.get(relay)?.url))
}

async fn write_all(
    looks: &mut JoinSet<Vec<Found>>,
    paths: &mut [PathFacts],
    relays: &[RelayFacts],
) {
    for found in super::all(looks).await.into_iter().flatten() {
        write(&found, paths, relays);
    }
}

fn write(found: &Found, paths: &mut [PathFacts], relays: &[RelayFacts]) {
    for path in paths.iter_mut().filter(|path| path.check.is_answered()) {
        let is_meant = path.way == found.way
            && path.candidate.ip() == found.address
            && url_of(path, relays) == found.url;
        if is_meant {
            path.dtls.get_or_insert(found.dtls);
        }
    }
}

/// One join, one nominated way.
async fn one(call: &Call, rights: &Rights, wanted: Wanted) -> Vec<Found> {
    let Ok((_, Some(joined))) = join::join(call, rights).await else {
        return Vec::new();
    };
    let mut session = joined.session;
    let relay = wanted.url.and_then(|url| {
        let mut servers = relay::servers(&joined.response, MOST_RELAYS);
        let server = servers.find(|(index, _)| *index == url)?;
        Some(Relay { call: call.clone(), server, control: None })
    });
    let first_allocation = async {
        match &relay {
            Some(relay) => relay.allocation().await.ok().flatten(),
            None => None,
        }
    };
    let gathered = gather::gather(call, &mut session, &joined.response);
    let ((_, ready), allocation) = tokio::join!(gathered, first_allocation);
    let found = match ready {
        Some(ready) => any_of(call, ready, wanted, (relay, allocation)).await,
        None => Vec::new(),
    };
    leave(session).await;
    found
}

async fn leave(session: Session) {
    // How this one ended is told by the room's end, which is not its business.
    drop(session.leave().await);
}

/// Nominates all candidates that are wanted, since some of them may be nobody's: a server has one
/// address to tell for all its interfaces. Tells of the one that came furthest.
async fn any_of(
    call: &Call,
    ready: Ready,
    wanted: Wanted,
    (relay, mut allocation): (Option<Relay>, Option<Allocation>),
) -> Vec<Found> {
    let is_permitted = |place: &SocketAddr| match wanted.way.is_relayed() {
        true => call.named.through_relay(place.ip()).is_ok(),
        false => call.named.place(*place).is_ok(),
    };
    let is_wanted =
        |place: &SocketAddr| wanted.candidates.contain(place.ip()) && is_permitted(place);
    let candidates: Vec<SocketAddr> =
        ready.over(wanted.way.transport_at_candidate()).filter(is_wanted).collect();
    let mut looks = JoinSet::new();
    for candidate in &candidates {
        let candidate = *candidate;
        let (pair, role) = (ready.pair.clone(), ready.dtls);
        let down = Down { call: call.clone(), pair, candidate, role };
        let (way, relay, allocation) = (wanted.way, relay.clone(), allocation.take());
        looks.spawn(async move { (candidate.ip(), down.by(way, relay, allocation).await) });
    }
    let mut furthest: Option<(IpAddr, DtlsFacts)> = None;
    while let Some(ended) = looks.join_next().await {
        let Ok((address, Ok(facts))) = ended else {
            continue;
        };
        if furthest.is_none_or(|(_, other)| rank(facts) > rank(other)) {
            furthest = Some((address, facts));
        }
        // The others would wait for what comes down one of them only.
        if facts == DtlsFacts::BothWays {
            break;
        }
    }
    let one_address = candidates.iter().all(|place| place.ip() == candidates[0].ip());
    let known = furthest.filter(|(_, dtls)| match dtls {
        DtlsFacts::BothWays => true,
        DtlsFacts::NotReached => false,
        // The server may have taken another one of them.
        DtlsFacts::NoHello | DtlsFacts::NoAnswer | DtlsFacts::OnlyFromServer => one_address,
    });
    let Wanted { way, url, .. } = wanted;
    known.into_iter().map(|(address, dtls)| Found { way, url, address, dtls }).collect()
}

/// How far it came.
fn rank(facts: DtlsFacts) -> u8 {
    match facts {
        DtlsFacts::NotReached => 0,
        DtlsFacts::NoHello | DtlsFacts::NoAnswer => 1,
        DtlsFacts::OnlyFromServer => 2,
        DtlsFacts::BothWays => 3,
    }
}

/// Lets packets from and to the candidate pass. What is sent behind it comes behind it.
async fn permit(
    call: &Call,
    allocation: &mut Allocation,
    candidate: SocketAddr,
) -> Result<(), Blindness> {
    let request = allocation.user().create_permission(rand::random(), candidate.ip());
    let deadline = call.end_of_wait();
    // A stream that has ended says so to the next one who sends.
    allocation.messages().send(request.bytes(), deadline).await.map(|_| ())
}

/// Between two copies of our ClientHello.
const BETWEEN_HELLOS: Duration = Duration::from_millis(150);

/// Whether messages go as they are, or wrapped for a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    Nothing,
    Relay,
}

struct Down {
    call: Call,
    pair: Pair,
    candidate: SocketAddr,
    role: DtlsRole,
}

impl Down {
    async fn by(
        &self,
        way: Way,
        relay: Option<Relay>,
        allocation: Option<Allocation>,
    ) -> Result<DtlsFacts, Blindness> {
        match way {
            Way::Udp => {
                let Ok(place) = self.call.named.place(self.candidate) else {
                    return Ok(DtlsFacts::NotReached);
                };
                let mut messages = Messages::datagrams(self.call.destination(place))?;
                self.look(&mut messages, Via::Nothing).await
            }
            Way::IceTcp => {
                let Ok(place) = self.call.named.place(self.candidate) else {
                    return Ok(DtlsFacts::NotReached);
                };
                match direct::over_tcp(&self.call, place).await? {
                    (_, Some(mut messages)) => self.look(&mut messages, Via::Nothing).await,
                    (_, None) => Ok(DtlsFacts::NotReached),
                }
            }
            Way::TurnUdp | Way::Turns => {
                let Some(relay) = relay else {
                    return Ok(DtlsFacts::NotReached);
                };
                let allocation = match allocation {
                    Some(allocation) => Some(allocation),
                    None => relay.allocation().await?,
                };
                let Some(mut allocation) = allocation else {
                    return Ok(DtlsFacts::NotReached);
                };
                permit(&self.call, &mut allocation, self.candidate).await?;
                self.look(allocation.messages(), Via::Relay).await
            }
        }
    }

    /// Nominates the way, answers the server's own check of it, and begins DTLS with it.
    async fn look(&self, messages: &mut Messages, via: Via) -> Result<DtlsFacts, Blindness> {
        let id = rand::random();
        let check = self.wrapped(self.pair.check(id, Purpose::Nomination), via);
        let start = Instant::now();
        let deadline = self.call.end_of_wait();
        let mut dtls = match self.role {
            DtlsRole::ServerBegins => HalfDtls::of_server(rand::random()),
            DtlsRole::WeBegin => HalfDtls::of_client(rand::random()),
        };
        let mut copies = 0;
        let mut is_answered = false;
        let mut hello_due = None;
        while !dtls.is_done() && Instant::now() < deadline {
            let due = next_copy(copies).filter(|_| !is_answered);
            if due.is_some_and(|due| start.elapsed() >= due) {
                copies += 1;
                messages.send(&check, deadline).await?;
                continue;
            }
            if is_answered
                && hello_due.is_none_or(|due| Instant::now() >= due)
                && let Some(hello) = dtls.hello()
            {
                messages.send(&self.wrapped(hello, via), deadline).await?;
                hello_due = Some(Instant::now() + BETWEEN_HELLOS);
                continue;
            }
            let until = due.map_or(deadline, |due| deadline.min(start + due));
            let until = hello_due.map_or(until, |due| until.min(due));
            let Ok(message) = messages.receive(until).await? else {
                if Instant::now() < until {
                    break;
                }
                continue;
            };
            let message = match via {
                Via::Nothing => message,
                Via::Relay => match read_data(&message) {
                    Some((_, data)) => data,
                    None => continue,
                },
            };
            is_answered |= self.pair.read_answer(id, &message).is_some();
            let reply = match self.pair.read_check(&message) {
                Some(id) => Some(self.pair.answer(id, self.candidate)),
                None => dtls.take(&message),
            };
            if let Some(reply) = reply {
                messages.send(&self.wrapped(reply, via), deadline).await?;
            }
        }
        Ok(match is_answered {
            true => dtls.facts(),
            false => DtlsFacts::NotReached,
        })
    }

    fn wrapped(&self, bytes: Vec<u8>, via: Via) -> Vec<u8> {
        match via {
            Via::Nothing => bytes,
            Via::Relay => send_indication(rand::random(), self.candidate, bytes),
        }
    }
}
