//! One address that a client speaks from, or one connection of it: what is sent there, and when.

use std::net::SocketAddr;

use super::ice::{Agent, Heard};

/// How many times a check is made.
const MOST_TRIES: u32 = 7;

/// What is going on with one address.
pub struct Peer {
    id: PeerId,
    checks: u32,
    /// The client answered a check.
    is_answered: bool,
    /// The client selected this path.
    is_nominated: bool,
}

/// Tells the peers of an agent apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerId(u64);

impl Peer {
    pub fn new() -> Self {
        let id = PeerId(rand::random());
        Self { id, checks: 0, is_answered: false, is_nominated: false }
    }

    /// The immediate answer to a packet. `told` is the address of its sender as the participants know
    /// it.
    pub fn hear(&mut self, agent: &Agent, packet: &[u8], told: SocketAddr) -> Vec<Vec<u8>> {
        match agent.hear(packet, told) {
            Heard::Check { answer, uses_candidate } => {
                self.is_nominated |= uses_candidate;
                let mut packets = vec![answer];
                if self.checks == 0 {
                    packets.extend(self.check(agent));
                }
                packets.extend(self.begin_channel(agent));
                packets
            }
            Heard::Answer => {
                self.is_answered = true;
                self.begin_channel(agent)
            }
            Heard::Other => agent.hear_channel(self.id, packet),
            Heard::Nothing => Vec::new(),
        }
    }

    /// Whether it has been checked: it is a client's.
    pub fn is_checked(&self) -> bool {
        self.checks > 0
    }

    /// What is due again.
    pub fn tick(&mut self, agent: &Agent) -> Vec<Vec<u8>> {
        self.check(agent).into_iter().chain(agent.tick_channel(self.id)).collect()
    }

    fn check(&mut self, agent: &Agent) -> Option<Vec<u8>> {
        if self.is_answered || self.checks >= MOST_TRIES {
            return None;
        }
        self.checks += 1;
        agent.check()
    }

    /// DTLS begins on the first way that was chosen and works both ways.
    fn begin_channel(&self, agent: &Agent) -> Vec<Vec<u8>> {
        if !self.is_nominated || !self.is_answered {
            return Vec::new();
        }
        agent.begin_channel(self.id)
    }
}
