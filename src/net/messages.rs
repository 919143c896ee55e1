//! Messages to and from one peer, as datagrams or framed on a stream, with several requests in
//! flight at once.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::http::is_reset;
use super::icmp::QueuedIcmp;
use super::udp::{Event, LARGEST, Socket};
use super::{Stream, stun};
use crate::model::dial::Destination;
use crate::model::facts::{FirstBytes, IcmpError};
use crate::model::observation::Blindness;
use crate::proto::first_bytes;
use crate::proto::stun::{Frame, frame};
use crate::proto::transactions::{Copies, Transactions};

/// The most bytes of a stream that wait to be read: a whole message, and one reading.
const MOST_RECEIVED: usize = 128 * 1024;

/// How many messages of one peer are taken in one conversation, so that a flood cannot hold us.
const MOST_MESSAGES: usize = 4096;

/// Where one message on a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Where the STUN header says (RFC 8489 §6.2.2).
    Stun,
    /// Behind a length of two bytes (RFC 4571 §2).
    Length,
}

/// Messages to and from one peer.
pub struct Messages {
    carrier: Carrier,
    taken: usize,
    has_sent: bool,
}

enum Carrier {
    Datagrams { socket: Socket, peer: Destination, buffer: Box<[u8; LARGEST]> },
    Stream { stream: Box<dyn Stream>, framing: Framing, received: Vec<u8> },
}

/// Who is told of each message of a conversation, with what is in flight and the time since its
/// start.
pub type Listener<'a, K> = dyn FnMut(&[u8], &mut Transactions<K>, Duration) + Send + 'a;

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nothing waits for an answer any more.
    Answered,
    /// Its time is over.
    Silent,
    /// An ICMP error for one of our datagrams, behind which nothing is to be expected.
    Icmp(IcmpError),
    Closed,
    Reset,
    /// Bytes that are no message.
    Other(FirstBytes),
}

/// One thing that came.
enum Incoming {
    Message(Vec<u8>),
    Icmp { error: QueuedIcmp, peer: Destination, quote: Option<Vec<u8>> },
    End(End),
}

impl Messages {
    /// Datagrams to and from `peer`, and nobody else.
    ///
    /// # Errors
    /// When this machine has no way there.
    pub fn datagrams(peer: Destination) -> Result<Self, Blindness> {
        Ok(Self {
            carrier: Carrier::Datagrams {
                socket: Socket::connected(peer.dialled)?,
                peer,
                buffer: Box::new([0; LARGEST]),
            },
            taken: 0,
            has_sent: false,
        })
    }

    /// Messages on a stream that is already there.
    pub fn on(stream: Box<dyn Stream>, framing: Framing) -> Self {
        Self {
            carrier: Carrier::Stream { stream, framing, received: Vec::new() },
            taken: 0,
            has_sent: false,
        }
    }

    /// Whether requests have to be sent again.
    pub fn copies(&self) -> Copies {
        match self.carrier {
            Carrier::Datagrams { .. } => Copies::Several,
            Carrier::Stream { .. } => Copies::One,
        }
    }

    /// Sends what is due in `flight` and takes what comes, until nothing waits any more, or until
    /// `deadline`. `on` is told of each message, with the time since the conversation began; it
    /// settles what the message answers, and may add to the flight.
    ///
    /// # Errors
    /// When the trouble is ours. What `on` was told before stays true.
    pub async fn converse<K: Copy>(
        &mut self,
        flight: &mut Transactions<K>,
        deadline: Instant,
        on: &mut Listener<'_, K>,
    ) -> Result<End, Blindness> {
        let start = Instant::now();
        loop {
            for bytes in flight.due(start.elapsed()) {
                match self.send(&bytes, deadline).await {
                    Ok(None) => {}
                    Ok(Some(end)) => return Ok(end),
                    Err(trouble) if !self.has_sent => return Err(trouble),
                    // One copy less: what the earlier ones meet is still worth waiting for.
                    Err(_) => {}
                }
            }
            if flight.is_empty() {
                return Ok(End::Answered);
            }
            let next = flight.next().map_or(deadline, |next| start + next);
            match self.next(next.min(deadline)).await? {
                None if Instant::now() >= deadline => return Ok(End::Silent),
                None => {}
                Some(Incoming::Message(bytes)) => on(&bytes, flight, start.elapsed()),
                // Nobody who does not see our requests can quote one.
                Some(Incoming::Icmp { quote: Some(quote), .. }) if !flight.is_quoted_in(&quote) => {
                }
                Some(Incoming::Icmp { error, peer, .. }) => {
                    let error = error.unless_own_trouble(peer)?;
                    if stun::is_final(&error) {
                        return Ok(End::Icmp(error));
                    }
                }
                Some(Incoming::End(end)) => return Ok(end),
            }
        }
    }

    /// Sends one message. A stream that has ended tells how.
    ///
    /// # Errors
    /// When this machine could not send it.
    pub async fn send(
        &mut self,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<Option<End>, Blindness> {
        match &mut self.carrier {
            Carrier::Datagrams { socket, peer, .. } => {
                socket.send(bytes, peer.dialled, deadline).await?;
                self.has_sent = true;
                Ok(None)
            }
            Carrier::Stream { stream, framing, .. } => {
                let framed = framed(bytes, *framing);
                let writing = async {
                    stream.write_all(&framed).await?;
                    stream.flush().await
                };
                Ok(match timeout_at(deadline, writing).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(ended(&error)),
                    Err(_) => Some(End::Silent),
                })
            }
        }
    }

    /// The next message, for whoever has no request in flight; `Err(End)` when none came by
    /// `deadline`, or none will.
    ///
    /// # Errors
    /// When the trouble is ours.
    pub async fn receive(&mut self, deadline: Instant) -> Result<Result<Vec<u8>, End>, Blindness> {
        loop {
            match self.next(deadline).await? {
                None if Instant::now() >= deadline => return Ok(Err(End::Silent)),
                None | Some(Incoming::Icmp { .. }) => {}
                Some(Incoming::Message(bytes)) => return Ok(Ok(bytes)),
                Some(Incoming::End(end)) => return Ok(Err(end)),
            }
        }
    }

    /// The next thing that comes until `deadline`.
    async fn next(&mut self, deadline: Instant) -> Result<Option<Incoming>, Blindness> {
        self.taken += 1;
        if self.taken > MOST_MESSAGES {
            return Ok(Some(Incoming::End(End::Silent)));
        }
        match &mut self.carrier {
            Carrier::Datagrams { socket, peer, buffer } => {
                if let Some(event) = socket.take(&mut buffer[..])? {
                    return Ok(Some(match event {
                        Event::Datagram { bytes, .. } => {
                            Incoming::Message(buffer[..bytes].to_vec())
                        }
                        Event::Icmp { error, payload, .. } => {
                            Incoming::Icmp { error, peer: *peer, quote: payload }
                        }
                    }));
                }
                socket.wait(deadline).await?;
                self.taken -= 1;
                Ok(None)
            }
            Carrier::Stream { stream, framing, received } => loop {
                match cut(received, *framing) {
                    Cut::Message(message) => return Ok(Some(Incoming::Message(message))),
                    Cut::Other(bytes) => return Ok(Some(Incoming::End(End::Other(bytes)))),
                    Cut::Incomplete if received.len() > MOST_RECEIVED => {
                        return Ok(Some(Incoming::End(End::Silent)));
                    }
                    Cut::Incomplete => {}
                }
                let mut chunk = [0; 4096];
                match timeout_at(deadline, stream.read(&mut chunk)).await {
                    Err(_) => return Ok(None),
                    Ok(Ok(0)) => return Ok(Some(Incoming::End(End::Closed))),
                    Ok(Ok(count)) => received.extend_from_slice(&chunk[..count]),
                    Ok(Err(error)) => return Ok(Some(Incoming::End(ended(&error)))),
                }
            },
        }
    }
}

fn ended(error: &std::io::Error) -> End {
    if is_reset(error) { End::Reset } else { End::Closed }
}

fn framed(bytes: &[u8], framing: Framing) -> Vec<u8> {
    match framing {
        Framing::Stun => bytes.to_vec(),
        Framing::Length => {
            let length = u16::try_from(bytes.len()).expect("what we send is short");
            [&length.to_be_bytes()[..], bytes].concat()
        }
    }
}

/// What stands at the beginning of what was received.
enum Cut {
    Incomplete,
    Message(Vec<u8>),
    Other(FirstBytes),
}

fn cut(received: &mut Vec<u8>, framing: Framing) -> Cut {
    if received.is_empty() {
        return Cut::Incomplete;
    }
    let (header, length) = match framing {
        Framing::Stun => match frame(received) {
            Frame::Incomplete => return Cut::Incomplete,
            Frame::Whole(length) => (0, length),
            Frame::Unaligned(_) | Frame::NotStun => {
                return Cut::Other(first_bytes::recognise(received));
            }
        },
        Framing::Length => match received.as_slice() {
            [high, low, ..] => (2, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => return Cut::Incomplete,
        },
    };
    if received.len() < header + length {
        return Cut::Incomplete;
    }
    let mut message: Vec<u8> = received.drain(..header + length).collect();
    message.drain(..header);
    Cut::Message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_of_a_stream() {
        let mut received = framed(b"one", Framing::Length);
        received.extend(framed(b"two", Framing::Length));
        received.push(0);
        for expected in [&b"one"[..], b"two"] {
            let Cut::Message(message) = cut(&mut received, Framing::Length) else {
                panic!("no message");
            };
            assert_eq!(message, expected);
        }
        assert!(matches!(cut(&mut received, Framing::Length), Cut::Incomplete));
        let mut http = b"HTTP/1.1 400".to_vec();
        assert!(matches!(cut(&mut http, Framing::Stun), Cut::Other(_)));
    }
}
