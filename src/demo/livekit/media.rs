//! Media, as far as ICE goes: the agent on a UDP port of its own and on connections over TCP.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::super::connections::PAUSE;
use super::super::inside::Inside;
use super::ice::{Agent, Heard};
use super::media_ports::OpenPort;

/// How often a check is repeated, and how many times it is made (pion's).
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
const MOST_CHECKS: u32 = 7;

/// How many addresses of one client are checked.
const MOST_PEERS: usize = 16;

/// The longest packet that is read.
const LONGEST: usize = 1500;

/// The bytes of the largest datagram that a narrow path lets through.
const NARROW: usize = 700;

/// What the way to the media ports does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Whole,
    /// Datagrams beyond 700 bytes are lost.
    Narrow,
}

/// Whether the firewall lets the node's own datagrams out, and answers to them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outbound {
    Open,
    Closed,
}

/// What a session's media over UDP needs to know of its surroundings.
pub struct Ground {
    pub inside: Arc<Inside>,
    pub width: Width,
    pub outbound: Outbound,
}

/// Serves a session on its UDP port. `offered`: the client's own candidates, as they come.
pub async fn serve_udp(
    port: OpenPort,
    agent: Arc<Agent>,
    ground: Arc<Ground>,
    mut offered: mpsc::Receiver<SocketAddr>,
) {
    let mut media = UdpMedia {
        port,
        agent,
        ground,
        peers: Vec::new(),
    };
    let mut buffer = [0; LONGEST];
    let mut ticks = interval(CHECK_INTERVAL);
    loop {
        tokio::select! {
            received = media.port.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => media.hear(&buffer[..length], from).await,
                Err(_) => sleep(PAUSE).await,
            },
            Some(candidate) = offered.recv() => media.meet(candidate).await,
            _ = ticks.tick() => media.check_all().await,
        }
    }
}

struct UdpMedia {
    port: OpenPort,
    agent: Arc<Agent>,
    ground: Arc<Ground>,
    peers: Vec<Peer>,
}

struct Peer {
    /// On loopback.
    real: SocketAddr,
    checks: u32,
}

impl UdpMedia {
    async fn hear(&mut self, packet: &[u8], from: SocketAddr) {
        if self.ground.width == Width::Narrow && packet.len() > NARROW {
            return;
        }
        let told = self.ground.inside.told(from).unwrap_or(from);
        match self.agent.hear(packet, told) {
            Heard::Check { answer, .. } => {
                self.send(&answer, from).await;
                self.meet(from).await;
            }
            Heard::Answer | Heard::Nothing | Heard::Other => {}
        }
    }

    /// Checks an address that is new, at once.
    async fn meet(&mut self, candidate: SocketAddr) {
        let real = self.ground.inside.real(candidate).unwrap_or(candidate);
        let is_known = self.peers.iter().any(|peer| peer.real == real);
        if is_known || self.peers.len() >= MOST_PEERS || !self.may_reach(real) {
            return;
        }
        self.peers.push(Peer { real, checks: 0 });
        let new = self.peers.len() - 1;
        self.check(new).await;
    }

    /// Relays are inside, before the firewall; everybody else is a user outside. Nothing leaves this
    /// machine either way.
    fn may_reach(&self, real: SocketAddr) -> bool {
        let is_inside = self.ground.inside.told(real).is_some();
        is_inside || (self.ground.outbound == Outbound::Open && is_of_this_machine(real.ip()))
    }

    async fn check_all(&mut self) {
        for peer in 0..self.peers.len() {
            self.check(peer).await;
        }
    }

    async fn check(&mut self, peer: usize) {
        let peer = &mut self.peers[peer];
        if peer.checks >= MOST_CHECKS {
            return;
        }
        peer.checks += 1;
        let real = peer.real;
        if let Some(check) = self.agent.check() {
            self.send(&check, real).await;
        }
    }

    async fn send(&self, packet: &[u8], to: SocketAddr) {
        // What cannot be sent is like a lost datagram: the client asks again.
        drop(self.port.socket.send_to(packet, to).await);
    }
}

/// Whether an address is one of this machine: sockets can be bound to no other.
fn is_of_this_machine(address: IpAddr) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo looks whether an address is its own before it sends to it"
    )]
    std::net::UdpSocket::bind((address, 0)).is_ok()
}

/// Serves a session on a connection, each packet with its length before it (RFC 4571 §2), after
/// `first` came. When the session is over, nothing is answered any more.
///
/// # Errors
/// The connection's.
pub async fn serve_tcp(
    mut stream: TcpStream,
    session: &Weak<Agent>,
    first: Vec<u8>,
) -> io::Result<()> {
    let from = stream.peer_addr()?;
    let (mut incoming, mut outgoing) = stream.split();
    let mut packets = Packets::default();
    let mut packet = first;
    let mut next_check: Option<Instant> = None;
    let mut checks = 0;
    loop {
        let heard = session.upgrade().map(|agent| agent.hear(&packet, from));
        if let Some(Heard::Check { answer, .. }) = heard {
            outgoing.write_all(&framed(&answer)).await?;
            next_check.get_or_insert_with(Instant::now);
        }
        packet = loop {
            if let Some(packet) = packets.next() {
                break packet;
            }
            let due = async {
                match next_check {
                    Some(due) if checks < MOST_CHECKS => sleep_until(due).await,
                    Some(_) | None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    checks += 1;
                    next_check = Some(Instant::now() + CHECK_INTERVAL);
                    if let Some(check) = session.upgrade().and_then(|agent| agent.check()) {
                        outgoing.write_all(&framed(&check)).await?;
                    }
                }
                more = packets.read(&mut incoming) => {
                    if !more? {
                        return Ok(());
                    }
                }
            }
        };
    }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).expect("an agent's packets are short");
    [length.to_be_bytes().as_slice(), packet].concat()
}

/// Cuts packets out of a stream. What has been read is kept when reading is given up in between.
#[derive(Default)]
struct Packets {
    buffer: VecDeque<u8>,
}

impl Packets {
    fn next(&mut self) -> Option<Vec<u8>> {
        let length = [*self.buffer.front()?, *self.buffer.get(1)?];
        let end = 2 + usize::from(u16::from_be_bytes(length));
        if self.buffer.len() < end {
            return None;
        }
        Some(self.buffer.drain(..end).skip(2).collect())
    }

    /// `false` at the end of the stream.
    async fn read<S: tokio::io::AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<bool> {
        let mut chunk = [0; LONGEST];
        let length = stream.read(&mut chunk).await?;
        self.buffer.extend(&chunk[..length]);
        Ok(length > 0)
    }
}
