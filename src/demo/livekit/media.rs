//! Media, as far as a data channel goes: the agent on a UDP port of its own, and on connections over TCP.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

use super::super::connections::PAUSE;
use super::super::inside::Inside;
use super::ice::Agent;
use super::media_ports::OpenPort;
use super::peer::Peer;

/// How often what was not answered is sent again (pion's).
const INTERVAL: Duration = Duration::from_millis(200);

/// How many addresses of one client are spoken to.
const MOST_PEERS: usize = 16;

/// The longest packet that is read.
const LONGEST: usize = 1500;

/// The size of the largest datagram on a narrow path, in bytes.
const NARROW: usize = 700;

/// What of the datagrams for the media ports arrives there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Whole,
    /// Those beyond 700 bytes are lost.
    Narrow,
    /// A firewall inspects them and allows only STUN.
    StunAlone,
}

impl Passage {
    fn lets_through(self, packet: &[u8]) -> bool {
        match self {
            Self::Whole => true,
            Self::Narrow => packet.len() <= NARROW,
            Self::StunAlone => stun::message::is_message(packet),
        }
    }
}

/// Whether the firewall allows unsolicited inbound datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbound {
    Open,
    Closed,
}

/// Whether the firewall allows the node's outbound datagrams and the answers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outbound {
    Open,
    Closed,
}

/// What a session's media over UDP needs to know of its surroundings.
pub struct Ground {
    pub inside: Arc<Inside>,
    pub passage: Passage,
    pub inbound: Inbound,
    pub outbound: Outbound,
}

/// Serves a session on its UDP port. `offered`: the client's own candidates, as they come.
pub async fn serve_udp(
    port: OpenPort,
    agent: Arc<Agent>,
    ground: Arc<Ground>,
    mut offered: mpsc::Receiver<SocketAddr>,
) {
    let mut media = UdpMedia { port, agent, ground, peers: Vec::new() };
    let mut buffer = [0; LONGEST];
    let mut ticks = interval(INTERVAL);
    loop {
        tokio::select! {
            received = media.port.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) if media.port.is_from_here(from) => {
                    media.hear(&buffer[..length], from).await;
                }
                Ok(_) => {}
                Err(_) => sleep(PAUSE).await,
            },
            Some(candidate) = offered.recv() => media.meet(candidate).await,
            _ = ticks.tick() => media.tick().await,
        }
    }
}

struct UdpMedia {
    port: OpenPort,
    agent: Arc<Agent>,
    ground: Arc<Ground>,
    /// By their addresses on loopback.
    peers: Vec<(SocketAddr, Peer)>,
}

impl UdpMedia {
    async fn hear(&mut self, packet: &[u8], from: SocketAddr) {
        if !self.ground.passage.lets_through(packet) {
            return;
        }
        let inside = self.ground.inside.told(from);
        let told = inside.unwrap_or(from);
        let known = self.peers.iter_mut().find(|(real, _)| *real == from);
        let packets = match known {
            // An address that received a datagram can answer: the hole in the firewall.
            Some((_, peer)) => peer.hear(&self.agent, packet, told),
            None if inside.is_none() && self.ground.inbound == Inbound::Closed => return,
            None => {
                let mut peer = Peer::new();
                let packets = peer.hear(&self.agent, packet, told);
                if !packets.is_empty() && self.peers.len() < MOST_PEERS {
                    self.peers.push((from, peer));
                }
                packets
            }
        };
        self.send(packets, from).await;
    }

    /// Checks an address that the client offers, at once.
    async fn meet(&mut self, candidate: SocketAddr) {
        let real = self.ground.inside.real(candidate).unwrap_or(candidate);
        let is_known = self.peers.iter().any(|(known, _)| *known == real);
        if is_known || self.peers.len() >= MOST_PEERS || !self.may_reach(real) {
            return;
        }
        let mut peer = Peer::new();
        let packets = peer.tick(&self.agent);
        self.peers.push((real, peer));
        self.send(packets, real).await;
    }

    /// Relays are inside the firewall; other addresses are users outside. In both cases, nothing leaves
    /// this machine.
    fn may_reach(&self, real: SocketAddr) -> bool {
        let is_inside = self.ground.inside.told(real).is_some();
        is_inside || (self.ground.outbound == Outbound::Open && is_of_this_machine(real.ip()))
    }

    async fn tick(&mut self) {
        for index in 0..self.peers.len() {
            let (real, peer) = &mut self.peers[index];
            let (real, packets) = (*real, peer.tick(&self.agent));
            self.send(packets, real).await;
        }
    }

    async fn send(&self, packets: Vec<Vec<u8>>, to: SocketAddr) {
        for packet in packets {
            // What cannot be sent is like a lost datagram: the client asks again.
            drop(self.port.socket.send_to(&packet, to).await);
        }
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
    let mut ticks = interval(INTERVAL);
    let mut peer = Peer::new();
    let mut packets = Packets::default();
    let mut packet = Some(first);
    loop {
        let answers = match (packet.take(), session.upgrade()) {
            (Some(packet), Some(agent)) => peer.hear(&agent, &packet, from),
            (Some(_) | None, _) => Vec::new(),
        };
        send_framed(&mut outgoing, &answers).await?;
        packet = packets.next();
        if packet.is_some() {
            continue;
        }
        tokio::select! {
            more = packets.read(&mut incoming) => {
                if !more? {
                    return Ok(());
                }
                packet = packets.next();
            }
            _ = ticks.tick() => {
                // A stranger is not spoken to unasked.
                let agent = session.upgrade().filter(|_| peer.is_checked());
                let due = agent.map(|agent| peer.tick(&agent));
                send_framed(&mut outgoing, &due.unwrap_or_default()).await?;
            }
        }
    }
}

async fn send_framed<S>(stream: &mut S, packets: &[Vec<u8>]) -> io::Result<()>
where
    S: tokio::io::AsyncWrite + Unpin,
{
    for packet in packets {
        let length = u16::try_from(packet.len()).expect("an agent's packets are short");
        let framed = [length.to_be_bytes().as_slice(), packet].concat();
        stream.write_all(&framed).await?;
    }
    Ok(())
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
