//! Whether DTLS passes where STUN does: one more join for each proven way, since a server uses one
//! pair of addresses for each connection.

use std::net::{IpAddr, SocketAddr};

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::relay::{self, Allocation, Relay};
use super::rights::Rights;
use super::{Call, MOST_RELAYS, Ready, direct, gather, join};
use crate::model::facts::{DtlsFacts, PathFacts, RelayFacts, Way};
use crate::model::observation::Blindness;
use crate::net::messages::Messages;
use crate::net::session::Session;
use crate::proto::half_dtls::HalfDtls;
use crate::proto::ice::{Pair, Purpose};
use crate::proto::livekit::signal::JoinResponse;
use crate::proto::stun::next_copy;
use crate::proto::turn::{read_data, send_indication};

/// Looks at each proven way once, and writes it into its path. All at the same time, unless one
/// join would throw out the other.
pub(super) async fn look(
    call: &Call,
    rights: &Rights,
    paths: &mut [PathFacts],
    relays: &[RelayFacts],
) {
    let mut looks = JoinSet::new();
    for way in Way::ALL {
        let proven = paths.iter().position(|path| path.way == way && path.check.is_answered());
        let (Some(index), Some(again)) = (proven, rights.again()) else {
            continue;
        };
        let path = &paths[index];
        let wanted = Wanted {
            way,
            address: path.candidate.ip(),
            url: path.relay.and_then(|relay| Some(relays.get(relay)?.url)),
        };
        let call = call.with_waits(WAITS);
        looks.spawn(async move { (index, one(&call, &again, &wanted).await) });
        if rights.are_of_one_participant() {
            write(&mut looks, paths).await;
        }
    }
    write(&mut looks, paths).await;
}

/// How many time-outs long each look may take, from its join on.
const WAITS: u32 = 3;

/// Which path to look at. Its ports are others in each session.
struct Wanted {
    way: Way,
    /// The candidate's.
    address: IpAddr,
    /// The relay's place among the URLs of the server.
    url: Option<usize>,
}

async fn write(looks: &mut JoinSet<(usize, DtlsFacts)>, paths: &mut [PathFacts]) {
    for (index, facts) in super::all(looks).await {
        paths[index].dtls = Some(facts);
    }
}

/// One join, one nominated way.
async fn one(call: &Call, rights: &Rights, wanted: &Wanted) -> DtlsFacts {
    let Ok((_, Some(joined))) = join::join(call, rights).await else {
        return DtlsFacts::NotReached;
    };
    let mut session = joined.session;
    let (_, ready) = gather::gather(call, &mut session, &joined.response).await;
    let facts = match ready {
        Some(ready) => any_of(call, &joined.response, ready, wanted).await,
        None => DtlsFacts::NotReached,
    };
    leave(session).await;
    facts
}

async fn leave(session: Session) {
    // How this one ended is told by the room's end, which is not its business.
    drop(session.leave().await);
}

/// Nominates all candidates with the address that is wanted, since some of them may be nobody's: a
/// server has one address to tell for all its interfaces. Tells of the one that came furthest.
async fn any_of(call: &Call, response: &JoinResponse, ready: Ready, wanted: &Wanted) -> DtlsFacts {
    let of_address = |place: &SocketAddr| place.ip() == wanted.address;
    let candidates: Vec<SocketAddr> =
        ready.over(wanted.way.transport_at_candidate()).filter(of_address).collect();
    let pair = ready.pair;
    let mut looks = JoinSet::new();
    for candidate in candidates {
        let down = Down { call: call.clone(), pair: pair.clone(), candidate };
        let relay = wanted.url.and_then(|url| {
            let mut servers = relay::servers(response, MOST_RELAYS);
            let server = servers.find(|(index, _)| *index == url)?;
            Some(Relay { call: call.clone(), server, control: None })
        });
        let way = wanted.way;
        looks.spawn(async move { down.by(way, relay).await });
    }
    let mut furthest = DtlsFacts::NotReached;
    while let Some(ended) = looks.join_next().await {
        let facts = match ended {
            Ok(Ok(facts)) => facts,
            Ok(Err(_)) | Err(_) => DtlsFacts::NotReached,
        };
        if rank(facts) > rank(furthest) {
            furthest = facts;
        }
        // The others would wait for what comes down one of them only.
        if facts == DtlsFacts::BothWays {
            break;
        }
    }
    furthest
}

/// How far it came.
fn rank(facts: DtlsFacts) -> u8 {
    match facts {
        DtlsFacts::NotReached => 0,
        DtlsFacts::NoHello => 1,
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
}

impl Down {
    async fn by(&self, way: Way, relay: Option<Relay>) -> Result<DtlsFacts, Blindness> {
        match way {
            Way::Udp => {
                let destination = self.call.destination(self.candidate);
                let mut messages = Messages::datagrams(destination)?;
                self.look(&mut messages, Via::Nothing).await
            }
            Way::IceTcp => match direct::over_tcp(&self.call, self.candidate).await? {
                (_, Some(mut messages)) => self.look(&mut messages, Via::Nothing).await,
                (_, None) => Ok(DtlsFacts::NotReached),
            },
            Way::TurnUdp | Way::Turns => {
                let Some(relay) = relay else {
                    return Ok(DtlsFacts::NotReached);
                };
                let Some(mut allocation) = relay.allocation().await? else {
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
        let mut dtls = HalfDtls::new(rand::random());
        let mut copies = 0;
        let mut is_answered = false;
        while !dtls.is_done() && Instant::now() < deadline {
            let due = next_copy(copies).filter(|_| !is_answered);
            if due.is_some_and(|due| start.elapsed() >= due) {
                copies += 1;
                messages.send(&check, deadline).await?;
                continue;
            }
            let until = due.map_or(deadline, |due| deadline.min(start + due));
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
