//! One address that a client speaks from, or one connection of it: what is sent there, and when.

use std::net::SocketAddr;

use super::dtls::Handshake;
use super::ice::{Agent, Heard};

/// How many times a check is made, and a ClientHello sent.
const MOST_TRIES: u32 = 7;

/// What is going on with one address.
#[derive(Default)]
pub struct Peer {
    checks: u32,
    /// The client answered a check.
    is_answered: bool,
    /// The client selected this path.
    is_nominated: bool,
    dtls: Option<Handshake>,
    hellos: u32,
}

impl Peer {
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
                packets.extend(self.begin_dtls(agent));
                packets
            }
            Heard::Answer => {
                self.is_answered = true;
                self.begin_dtls(agent).into_iter().collect()
            }
            Heard::Other => {
                let dtls = self.dtls.as_mut();
                let again = dtls.and_then(|dtls| dtls.take(packet).then(|| dtls.hello()));
                again.into_iter().collect()
            }
            Heard::Nothing => Vec::new(),
        }
    }

    /// Whether it has been checked: it is a client's.
    pub fn is_checked(&self) -> bool {
        self.checks > 0
    }

    /// What is due again.
    pub fn tick(&mut self, agent: &Agent) -> Vec<Vec<u8>> {
        self.check(agent).into_iter().chain(self.hello()).collect()
    }

    fn check(&mut self, agent: &Agent) -> Option<Vec<u8>> {
        if self.is_answered || self.checks >= MOST_TRIES {
            return None;
        }
        self.checks += 1;
        agent.check()
    }

    /// DTLS goes over the first way that was chosen and works both ways.
    fn begin_dtls(&mut self, agent: &Agent) -> Option<Vec<u8>> {
        if !self.is_nominated || !self.is_answered || self.dtls.is_some() || !agent.select() {
            return None;
        }
        self.dtls = Some(Handshake::new(rand::random()));
        self.hello()
    }

    /// After a request for a cookie, the ClientHello does not need to be sent again.
    fn hello(&mut self) -> Option<Vec<u8>> {
        let dtls = self.dtls.as_mut().filter(|dtls| !dtls.has_cookie())?;
        if self.hellos >= MOST_TRIES {
            return None;
        }
        self.hellos += 1;
        Some(dtls.hello())
    }
}
