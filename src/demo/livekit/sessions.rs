//! The active sessions, by the name in the media's checks.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use dimpl::DtlsCertificate;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::ice::{Agent, session_of};
use super::media;

/// The longest first packet of a connection that is read.
const LONGEST: usize = 512;

/// The agents of the sessions.
pub struct Sessions {
    /// The server's, with which all of them begin DTLS.
    certificate: DtlsCertificate,
    agents: Mutex<HashMap<String, Weak<Agent>>>,
}

impl Sessions {
    pub fn new(certificate: DtlsCertificate) -> Self {
        Self { certificate, agents: Mutex::default() }
    }

    /// An agent for a new session. The session exists as long as the agent is referenced.
    pub fn open(&self) -> Arc<Agent> {
        let agent = Arc::new(Agent::new(rand::random(), self.certificate.clone()));
        self.with_agents(|agents| {
            agents.retain(|_, agent| agent.strong_count() > 0);
            agents.insert(agent.ufrag.clone(), Arc::downgrade(&agent));
        });
        agent
    }

    fn find(&self, ufrag: &str) -> Option<Weak<Agent>> {
        self.with_agents(|agents| agents.get(ufrag).cloned())
    }

    fn with_agents<T>(&self, f: impl FnOnce(&mut HashMap<String, Weak<Agent>>) -> T) -> T {
        // A map is whole after every one of the operations here.
        f(&mut self.agents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// WebRTC over TCP: pion's multiplexer. The first packet, with its length before it (RFC 4571
    /// §2), says whose connection it is. A Binding request with a USERNAME might belong to a
    /// session to come, and the connection stays open for that; everything else ends it.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve_tcp(&self, mut stream: TcpStream) -> io::Result<()> {
        let length = usize::from(stream.read_u16().await?);
        if length > LONGEST {
            // HTTP, TLS, STUN without a length: over unread bytes this closes with RST.
            return Ok(());
        }
        let mut packet = vec![0; length];
        stream.read_exact(&mut packet).await?;
        let Some(ufrag) = session_of(&packet) else {
            return Ok(());
        };
        match self.find(&ufrag) {
            Some(agent) => media::serve_tcp(stream, &agent, packet).await,
            None => {
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
                Ok(())
            }
        }
    }
}
