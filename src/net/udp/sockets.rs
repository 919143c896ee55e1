//! What many places are talked to over: one socket, or one for each.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::task::Poll;

use tokio::time::{Instant, timeout_at};

use super::{Event, Socket, cannot_wait};
use crate::model::observation::Blindness;
use crate::model::target::Family;
use crate::net::icmp;

/// How refused ports are told from silent ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// By the error queue of one socket for all: Linux. It says who refused what, and how.
    Queued,
    /// By a connected socket for each place, which fails with ECONNREFUSED: everywhere. That somebody
    /// refused is all it says, so that who guesses our port can forge it, and there are not sockets
    /// enough for thousands of ports.
    ByFailing,
}

impl Refusals {
    /// The best that this system has.
    pub fn of_this_system() -> Self {
        if icmp::HAS_QUEUE { Self::Queued } else { Self::ByFailing }
    }
}

/// What many places are talked to over.
#[derive(Debug)]
pub enum Sockets {
    One(Socket),
    Each(Each),
}

/// A connected socket for each place, opened when something is sent there first.
#[derive(Debug)]
pub struct Each {
    sockets: Vec<Socket>,
    /// Whose turn it is to be asked for what came, so that a flood at one holds up no other.
    next: usize,
}

impl Sockets {
    /// To talk to `places`, all of one family, from a port that is none of theirs; `None` when there is
    /// none.
    ///
    /// # Errors
    /// When this machine does not give us a socket.
    pub fn new(refusals: Refusals, places: &[SocketAddr]) -> Result<Option<Self>, Blindness> {
        let Some(first) = places.first() else {
            return Ok(None);
        };
        if refusals == Refusals::ByFailing {
            return Ok(Some(Self::Each(Each { sockets: Vec::new(), next: 0 })));
        }
        let ports: Vec<u16> = places.iter().map(SocketAddr::port).collect();
        // `--connect-to` may lead to several machines.
        let is_one_machine = places.iter().all(|place| place.ip() == first.ip());
        let socket = match is_one_machine {
            true => Socket::toward(*first, &ports),
            false => Socket::unconnected(Family::of(first.ip()), &ports),
        };
        socket.map(|socket| Some(Self::One(socket)))
    }

    /// Sends one datagram; see [`Socket::send`].
    ///
    /// # Errors
    /// When this machine could not send it.
    pub async fn send(
        &mut self,
        bytes: &[u8],
        to: SocketAddr,
        deadline: Instant,
    ) -> Result<(), Blindness> {
        match self {
            Self::One(socket) => socket.send(bytes, to, deadline).await,
            Self::Each(each) => each.to(to)?.send(bytes, to, deadline).await,
        }
    }

    /// Sends as many datagrams as there is room for now; see [`Socket::send_many`].
    ///
    /// # Errors
    /// When this machine could not send the first one.
    pub fn send_many(
        &mut self,
        datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
    ) -> Result<usize, Blindness> {
        match (self, datagrams.first()) {
            (Self::One(socket), _) => socket.send_many(datagrams),
            (Self::Each(each), Some((_, to))) => each.to(*to)?.send_many(&datagrams[..1]),
            (Self::Each(_), None) => Ok(0),
        }
    }

    /// Takes the next thing that came; see [`Socket::take`].
    ///
    /// # Errors
    /// When the error queue cannot be read.
    pub fn take(&mut self, buffer: &mut [u8]) -> Result<Option<Event>, Blindness> {
        match self {
            Self::One(socket) => socket.take(buffer),
            Self::Each(each) => each.take(buffer),
        }
    }

    /// Waits until there may be something to take, at most until `deadline`.
    ///
    /// # Errors
    /// When the runtime cannot wait any more.
    pub async fn wait(&self, deadline: Instant) -> Result<(), Blindness> {
        match self {
            Self::One(socket) => socket.wait(deadline).await,
            Self::Each(each) => each.wait(deadline).await,
        }
    }
}

impl Each {
    fn to(&mut self, place: SocketAddr) -> Result<&mut Socket, Blindness> {
        let known = self.sockets.iter().position(|it| it.peer == Some(place));
        let at = match known {
            Some(at) => at,
            None => {
                self.sockets.push(Socket::failing(place)?);
                self.sockets.len() - 1
            }
        };
        Ok(&mut self.sockets[at])
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<Option<Event>, Blindness> {
        for _ in 0..self.sockets.len() {
            self.next = (self.next + 1) % self.sockets.len();
            if let Some(event) = self.sockets[self.next].take(buffer)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    async fn wait(&self, deadline: Instant) -> Result<(), Blindness> {
        tokio::task::yield_now().await;
        let mut waiting: Vec<_> =
            (self.sockets.iter()).map(|socket| Box::pin(socket.ready())).collect();
        let any = poll_fn(|context| {
            let mut ready = waiting.iter_mut().map(|it| it.as_mut().poll(context));
            ready.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        match timeout_at(deadline, any).await {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(cannot_wait(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_address(places: &[&str]) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let places: Vec<SocketAddr> = places.iter().map(|it| it.parse().unwrap()).collect();
        match Sockets::new(Refusals::of_this_system(), &places).unwrap() {
            Some(Sockets::One(socket)) => socket.inner.local_addr().unwrap().ip().to_string(),
            other => format!("{other:?}"),
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_address_is_chosen_once_for_the_ports_of_one_machine() {
        assert_eq!(own_address(&["127.0.0.1:50000", "127.0.0.1:50001"]), "127.0.0.1");
        // Each of several machines may be reached from another address of ours.
        assert_eq!(own_address(&["127.0.0.1:50000", "127.0.0.2:50001"]), "0.0.0.0");
        assert_eq!(own_address(&[]), "None");
    }
}
