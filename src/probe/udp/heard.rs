//! What comes back, and which port it is about.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::Sweep;
use super::watched::{Answer, Watched};
use crate::model::facts::UdpAnswer;
use crate::model::port::Port;
use crate::model::target::Endpoint;
use crate::net::icmp::QueuedIcmp;
use crate::net::stun::is_final;
use crate::net::udp::Event;
use crate::proto::first_bytes;
use crate::proto::stun::{PortIds, Reading};

impl Sweep<'_> {
    pub(super) fn note(&mut self, event: Event, buffer: &[u8]) {
        match event {
            Event::Datagram { from, bytes } => self.note_datagram(from, &buffer[..bytes]),
            Event::Icmp { destination, payload, error } => {
                let quote = payload.as_deref();
                let mut sentinels = self.sentinels.iter_mut();
                let is_about = |ids: &PortIds| quote.and_then(|quote| ids.port_of(quote)).is_some();
                if let Some(sentinel) = sentinels.find(|it| is_about(&it.ids)) {
                    let meant = Endpoint { address: self.address, port: sentinel.port };
                    let error = error.unless_own_trouble(self.net.dial.destination(meant));
                    sentinel.answered |= error.is_ok_and(|error| error.is_of_meant_machine());
                } else if let Some(port) = self.port_of_quote(destination, quote) {
                    self.note_icmp(port, error);
                } else if let (None, Some(destination)) = (quote, destination) {
                    self.note_refused_again(destination);
                }
            }
        }
    }

    /// A refusal that quotes nothing, from where no port waits for one: that of a sentinel. Of
    /// several it is taken for the newest, since that says least of the copies before it. A port
    /// that had more than one copy may be refused twice for these.
    fn note_refused_again(&mut self, destination: SocketAddr) {
        let Some(asked) = self.sentinels.iter().rposition(|asked| !asked.answered) else {
            return;
        };
        let place = self.places.get(&self.sentinels[asked].port);
        let is_meant = place.is_some_and(|place| {
            let port = &self.ports[*place];
            port.sent.len() == 1 && is_same(port.dialled, destination)
        });
        self.sentinels[asked].answered |= is_meant;
    }

    fn note_datagram(&mut self, from: SocketAddr, message: &[u8]) {
        let Some(port) = self.ids.port_of(message) else {
            // It does not say which port it answers, nor that it answers anything.
            if let Some(port) = self.waiting_for(from) {
                self.doubt(port);
            }
            return;
        };
        if !is_same(self.dialled(port), from) {
            return;
        }
        let answer = match self.ids.request(port).read(message) {
            Reading::Answer(_) => UdpAnswer::Stun,
            // Such as our own request, repeated by an echo service.
            Reading::Stray(_) => UdpAnswer::Data(first_bytes::recognise(message)),
        };
        self.settle(port, answer);
    }

    pub(super) fn note_icmp(&mut self, port: Port, error: QueuedIcmp) {
        let error = match error.unless_own_trouble(self.destination(port)) {
            Ok(error) => error,
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
                self.note_not_sent(port);
                return;
            }
        };
        if is_final(&error) {
            self.settle(port, UdpAnswer::Icmp(error));
        } else if let Some(place) = self.place(port) {
            self.ports[place].answer.get_or_insert(Answer {
                what: UdpAnswer::Icmp(error),
                at: Instant::now(),
                is_final: false,
            });
        }
    }

    /// What was sent to `port` never left this machine.
    fn note_not_sent(&mut self, port: Port) {
        match (self.places.get(&port), &mut self.rest) {
            (Some(place), _) => {
                self.ports[*place].sent.clear();
                self.settle(port, UdpAnswer::NotSent);
            }
            (None, Some(rest)) => rest.did_not_leave(port),
            (None, None) => {}
        }
    }

    /// The first final answer stays.
    pub(super) fn settle(&mut self, port: Port, what: UdpAnswer) {
        let Some(place) = self.place(port) else {
            return;
        };
        let watched = &mut self.ports[place];
        if watched.is_settled() {
            return;
        }
        self.drew_error |= matches!(what, UdpAnswer::Icmp(_));
        watched.answer = Some(Answer { what, at: Instant::now(), is_final: true });
        if place < self.named {
            self.waiting -= 1;
        } else if let Some(rest) = &mut self.rest {
            rest.settle(port);
        }
    }

    /// The port that an ICMP error is about. A quote has to hold our transaction id: nobody who does
    /// not see our datagrams knows it, and every node that can say "no listener" quotes it
    /// ([`Request::is_quoted_in`](crate::proto::stun::Request::is_quoted_in)).
    fn port_of_quote(&self, destination: Option<SocketAddr>, quote: Option<&[u8]>) -> Option<Port> {
        match (quote, destination) {
            (Some(quote), destination) => {
                let port = self.ids.port_of(quote)?;
                let is_right = |to| is_same(self.dialled(port), to);
                destination.is_none_or(is_right).then_some(port)
            }
            (None, destination) => self.waiting_for(destination?),
        }
    }

    /// The place of `port`; a port of the rest that was asked gets one now.
    fn place(&mut self, port: Port) -> Option<usize> {
        if let Some(place) = self.places.get(&port) {
            return Some(*place);
        }
        if !self.rest.as_ref()?.was_asked(port) {
            return None;
        }
        self.ports.push(Watched {
            port,
            dialled: self.dialled(port),
            sent: Vec::new(),
            answer: None,
        });
        self.places.insert(port, self.ports.len() - 1);
        Some(self.ports.len() - 1)
    }

    /// The first port that was dialled there and waits for an answer.
    fn waiting_for(&self, dialled: SocketAddr) -> Option<Port> {
        let waits = |port: &Port| match self.places.get(port) {
            Some(place) => {
                let watched = &self.ports[*place];
                !watched.is_settled() && (!watched.sent.is_empty() || self.was_asked(*port))
            }
            None => self.was_asked(*port),
        };
        let is_as_meant =
            |port: &Port| dialled.ip() == self.address && is_same(self.dialled(*port), dialled);
        let as_meant = Port::new(dialled.port()).filter(is_as_meant);
        let elsewhere = self.elsewhere.ports_at(dialled).find(waits);
        let there = elsewhere.into_iter().chain(as_meant.filter(waits));
        // Those that were named have their turn before the rest.
        there.min_by_key(|port| self.places.get(port).copied().unwrap_or(usize::MAX))
    }

    /// Whether `port` is one of the rest, and a copy for it left.
    fn was_asked(&self, port: Port) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.was_asked(port))
    }
}

/// Whether two addresses are the same, whatever link the system found one of them on.
pub(super) fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}
