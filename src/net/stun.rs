//! STUN and TURN requests on a stream or a UDP socket, and their answers.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::again::{self, Again};
use super::http::is_reset;
use super::udp::{Event, LARGEST, Socket};
use crate::model::dial::Destination;
use crate::model::facts::{IcmpError, IcmpMeaning, ServerText, StunAnswer};
use crate::model::observation::Blindness;
use crate::net::sweeps::Ahead;
use crate::proto::first_bytes;
use crate::proto::stun::{Frame, Reading, Request, cut_off, frame, next_copy};

/// Sends one STUN Binding request on a stream (TCP or TLS, unframed as in RFC 8489 §6.2.2) and waits
/// for its answer until `deadline`.
pub async fn binding_on_stream<S>(stream: &mut S, deadline: Instant) -> StunAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    OverStream::new(stream).binding(deadline).await
}

/// The maximum number of messages that do not answer the request.
const MOST_STRAYS: usize = 64;

/// How long to wait for the rest of a line that is not STUN, so that the report can show all of it.
const REST_OF_LINE: Duration = Duration::from_millis(100);

/// The maximum length of such a line, in bytes.
const LINE: usize = 256;

/// A transaction id for a stream: `random` without line feeds. A web server behind a wrong route reads
/// the request as a line of HTTP. Whether it answers at once or waits for more must not depend on
/// chance.
fn stream_id(random: [u8; 12]) -> [u8; 12] {
    random.map(|byte| if byte == b'\n' { 0x0e } else { byte })
}

/// STUN over TCP or TLS, with one request after another.
pub struct OverStream<'s, S> {
    stream: &'s mut S,
    /// Received bytes that are not parsed yet: less than one message plus one read of the stream.
    received: Vec<u8>,
    /// The first message that was not the answer.
    stray: Option<StunAnswer>,
}

impl<'s, S> OverStream<'s, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// A conversation on `stream`, on which nothing has been sent yet.
    pub fn new(stream: &'s mut S) -> Self {
        Self { stream, received: Vec::new(), stray: None }
    }

    /// The answer to a Binding request.
    pub async fn binding(&mut self, deadline: Instant) -> StunAnswer {
        self.ask(&Request::binding(stream_id(rand::random())), deadline).await
    }

    /// The answer to an Allocate request without credentials. A granted allocation is released.
    pub async fn allocate(&mut self, deadline: Instant) -> StunAnswer {
        let answer = self.ask(&Request::allocate(stream_id(rand::random())), deadline).await;
        if let StunAnswer::Success { .. } = answer {
            // If this fails, closing the connection has the same effect (RFC 8656 §3.1).
            self.ask(&Request::release(stream_id(rand::random())), deadline).await;
        }
        answer
    }

    async fn ask(&mut self, request: &Request, deadline: Instant) -> StunAnswer {
        self.stray = None;
        match timeout_at(deadline, self.converse(request)).await {
            Ok(answer) => answer,
            Err(_) => self.end(StunAnswer::Silent),
        }
    }

    async fn converse(&mut self, request: &Request) -> StunAnswer {
        if let Err(ending) = self.send(request).await {
            return self.end(ending);
        }
        let mut strays = 0;
        loop {
            match frame(&self.received) {
                Frame::Incomplete => {
                    if let Err(ending) = self.receive().await {
                        return self.end(ending);
                    }
                }
                Frame::Whole(length) => {
                    let message: Vec<u8> = self.received.drain(..length).collect();
                    match request.read(&message) {
                        Reading::Answer(answer) => return answer,
                        Reading::Stray(what) => {
                            strays += 1;
                            let first = self.stray.get_or_insert(what);
                            if strays == MOST_STRAYS {
                                return first.clone();
                            }
                        }
                    }
                }
                Frame::Unaligned(length) => {
                    return StunAnswer::Malformed(ServerText::new(&format!(
                        "its header gives a length of {length}, which is not a multiple of 4"
                    )));
                }
                Frame::NotStun => {
                    self.receive_rest_of_line().await;
                    return StunAnswer::NotStun(first_bytes::recognise(&self.received));
                }
            }
        }
    }

    /// Writes the request. `Err` is how the stream ended, if nothing can be read either.
    async fn send(&mut self, request: &Request) -> Result<(), StunAnswer> {
        let sent = async {
            self.stream.write_all(request.bytes()).await?;
            self.stream.flush().await
        };
        match sent.await {
            Ok(()) => Ok(()),
            // A peer that closed the connection may have sent something before.
            Err(error) => match self.receive().await {
                Ok(()) => Ok(()),
                Err(_) => Err(ending(&error)),
            },
        }
    }

    /// Reads once. `Err` is how the stream ended.
    async fn receive(&mut self) -> Result<(), StunAnswer> {
        let mut chunk = [0; 2048];
        match self.stream.read(&mut chunk).await {
            Ok(0) => Err(StunAnswer::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => Err(ending(&error)),
        }
    }

    /// Text often arrives in pieces, and `HTTP/1.` is less useful than the whole status line.
    async fn receive_rest_of_line(&mut self) {
        let give_up = Instant::now() + REST_OF_LINE;
        while self.received.len() < LINE
            && self.received.iter().all(|byte| (b' '..=b'~').contains(byte))
        {
            match timeout_at(give_up, self.receive()).await {
                Ok(Ok(())) => {}
                // Use the part of the line that has arrived.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// The answer if nothing more arrives. Earlier bytes are more useful than how the stream ended.
    fn end(&mut self, ending: StunAnswer) -> StunAnswer {
        if let Some(stray) = self.stray.take() {
            return stray;
        }
        if self.received.is_empty() { ending } else { cut_off(&self.received) }
    }
}

/// How a stream that failed with `error` ended.
fn ending(error: &io::Error) -> StunAnswer {
    if is_reset(error) {
        StunAnswer::Reset
    } else {
        // A TLS stream that ends without a close_notify, or with an alert.
        StunAnswer::Closed
    }
}

/// STUN over UDP, with one request after another. Each is sent again until it is answered.
#[derive(Debug)]
pub struct OverUdp {
    socket: Socket,
    peer: Destination,
    sent: Vec<Instant>,
    /// Dropped when the first copy has left.
    ahead: Option<Ahead>,
}

/// The number of events after which the time is checked, so that a flood cannot block the probe.
const AT_ONCE: usize = 64;

impl OverUdp {
    /// A conversation only with `peer`.
    ///
    /// # Errors
    /// When this machine has no route to `peer`.
    pub fn new(peer: Destination) -> Result<Self, Blindness> {
        Ok(Self { socket: Socket::connected(peer.dialled)?, peer, sent: Vec::new(), ahead: None })
    }

    /// The same; others wait for its first copy.
    pub fn ahead(self, ahead: Ahead) -> Self {
        Self { ahead: Some(ahead), ..self }
    }

    /// The times at which the copies of the last request were sent.
    pub fn sent(&self) -> &[Instant] {
        &self.sent
    }

    /// The answer to a Binding request until `deadline`.
    ///
    /// # Errors
    /// When this machine could not send any copy, or its own firewall or routes rejected them.
    pub async fn binding(&mut self, deadline: Instant) -> Result<StunAnswer, Blindness> {
        let patience = deadline.saturating_duration_since(Instant::now()) / 2;
        let mut again = JoinSet::new();
        let request = Request::binding(rand::random());
        let mut ask_again = |peer| {
            if again.is_empty() {
                again.spawn(again::ask_again(peer, patience));
            }
        };
        let answer = self.ask(&request, deadline, &mut ask_again).await?;
        let is_open = matches!(answer, StunAnswer::Silent | StunAnswer::Icmp(_));
        match again.join_next().await {
            Some(Ok(Some(met))) if is_open => Ok(match met {
                Again::Answer(answer) => answer,
                Again::Told(first) => StunAnswer::NotStun(first),
                Again::Unrelated(first) => StunAnswer::Unrelated(first),
                Again::Icmp(error) => StunAnswer::Icmp(error.unless_own_trouble(self.peer)?),
            }),
            _ => Ok(answer),
        }
    }

    /// The answer to an Allocate request without credentials until `deadline`. A granted allocation is
    /// released.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn allocate(&mut self, deadline: Instant) -> Result<StunAnswer, Blindness> {
        let request = Request::allocate(rand::random());
        let answer = self.ask(&request, deadline, &mut |_| {}).await?;
        if let StunAnswer::Success { .. } = answer {
            let release = Request::release(rand::random());
            self.ask(&release, deadline, &mut |_| {}).await?;
        }
        Ok(answer)
    }

    /// `on_hint` is told when a datagram comes that holds nothing of the request. Nothing follows from
    /// it alone.
    async fn ask(
        &mut self,
        request: &Request,
        deadline: Instant,
        on_hint: &mut (dyn FnMut(Destination) + Send),
    ) -> Result<StunAnswer, Blindness> {
        self.sent.clear();
        let mut buffer = [0; LARGEST];
        let begun = Instant::now();
        let mut copies = 0;
        // The first message that holds our id and is not the answer, returned if nothing better arrives.
        let mut stray = None;
        let mut passing = None;
        loop {
            for _ in 0..AT_ONCE {
                let Some(event) = self.socket.take(&mut buffer)? else {
                    break;
                };
                match event {
                    Event::Datagram { bytes, .. } => match request.read(&buffer[..bytes]) {
                        Reading::Answer(answer) => return Ok(answer),
                        Reading::Stray(what) if request.is_told_by(&buffer[..bytes]) => {
                            stray = stray.or(Some(what));
                        }
                        Reading::Stray(_) => on_hint(self.peer),
                    },
                    // Only a machine that sees the requests can quote one.
                    Event::Icmp { payload: Some(payload), .. }
                        if !request.is_quoted_in(&payload) => {}
                    Event::Icmp { error, .. } => {
                        let error = error.unless_own_trouble(self.peer)?;
                        if is_final(&error) {
                            return Ok(stray.unwrap_or(StunAnswer::Icmp(error)));
                        }
                        passing = Some(StunAnswer::Icmp(error));
                    }
                }
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(stray.or(passing).unwrap_or(StunAnswer::Silent));
            }
            let due = next_copy(copies).map_or(deadline, |after| begun + after);
            if due <= now {
                copies += 1;
                self.send_copy(request, deadline).await?;
            } else {
                self.socket.wait(due.min(deadline)).await?;
            }
        }
    }

    /// # Errors
    /// When this machine could not send it, and has not sent an earlier copy either.
    async fn send_copy(&mut self, request: &Request, deadline: Instant) -> Result<(), Blindness> {
        let sent = self.socket.send(request.bytes(), self.peer.dialled, deadline).await;
        match sent {
            Ok(()) => {
                self.sent.push(Instant::now());
                self.ahead = None;
            }
            Err(trouble) if self.sent.is_empty() => return Err(trouble),
            // One copy less. The answers to earlier ones are still worth waiting for.
            Err(_) => {}
        }
        Ok(())
    }
}

/// Whether this error is final. Others can be a temporary problem of a router (RFC 1122 §4.2.3.9), or
/// about the size of one packet.
pub fn is_final(error: &IcmpError) -> bool {
    match error.meaning() {
        IcmpMeaning::PortUnreachable | IcmpMeaning::AdminProhibited => true,
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_on_a_stream_ends_a_line() {
        let id = stream_id(*b"a\nb\nc\nd\ne\nf\n");
        for request in [Request::binding(id), Request::allocate(id), Request::release(id)] {
            assert!(!request.bytes().contains(&b'\n'));
        }
        assert_eq!(stream_id(*b"twelve bytes"), *b"twelve bytes");
    }
}
