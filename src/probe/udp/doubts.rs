//! Ports from which something came that holds nothing of what was asked: anybody can have sent it, to
//! all of our ports. What a second question from a port of its own meets decides.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::Sweep;
use crate::model::facts::UdpAnswer;
use crate::model::port::Port;
use crate::net::again::{Again, ask_again};

/// The most ports that are asked again: whoever forges answers of one port can forge those of all.
const MOST_DOUBTS: usize = 16;

/// Second questions.
#[derive(Default)]
pub(super) struct Doubts {
    asked: HashSet<Port>,
    /// Ended with the probe.
    questions: JoinSet<(Port, Option<Again>)>,
}

impl Sweep<'_> {
    /// Asks `port` again, while the first questions go on.
    pub(super) fn doubt(&mut self, port: Port) {
        let is_new = self.again.asked.len() < MOST_DOUBTS && self.again.asked.insert(port);
        if !is_new {
            return;
        }
        let peer = self.destination(port);
        let patience = self.net.limits.timeout / 2;
        self.again.questions.spawn(async move { (port, ask_again(peer, patience).await) });
    }

    /// Takes what the second questions met.
    pub(super) async fn end_doubts(&mut self) {
        while let Some(ended) = self.again.questions.join_next().await {
            let Ok((port, Some(met))) = ended else {
                continue;
            };
            match met {
                Again::Answer(_) => self.settle(port, UdpAnswer::Stun),
                Again::Told(first) => self.settle(port, UdpAnswer::Data(first)),
                Again::Unrelated(first) => self.settle(port, UdpAnswer::Unrelated(first)),
                Again::Icmp(error) => self.note_icmp(port, error),
            }
        }
    }
}
