//! What is known of the ports that one probe asks by number.

use std::net::SocketAddr;

use tokio::time::Instant;

use crate::model::facts::UdpAnswer;
use crate::model::port::Port;
use crate::proto::stun::PortIds;

/// One port, as meant.
pub(super) struct Watched {
    pub port: Port,
    pub dialled: SocketAddr,
    /// When each copy was sent.
    pub sent: Vec<Instant>,
    pub answer: Option<Answer>,
}

/// What came for one port, and when.
pub(super) struct Answer {
    pub what: UdpAnswer,
    pub at: Instant,
    /// Whether nothing better is to be expected.
    pub is_final: bool,
}

impl Watched {
    pub fn is_settled(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.is_final)
    }

    /// Whether an ICMP error came for it.
    pub fn is_refused(&self) -> bool {
        let answer = self.answer.as_ref().filter(|answer| answer.is_final);
        matches!(answer.map(|answer| &answer.what), Some(UdpAnswer::Icmp(_)))
    }
}

/// A sentinel that was asked.
pub(super) struct Asked {
    pub port: Port,
    /// Its own, so that its answer is told from those to copies and to other sentinels.
    pub ids: PortIds,
    pub at: Instant,
    pub answered: bool,
}
