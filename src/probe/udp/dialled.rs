//! Where the ports of a probe are dialled, to find back from there.

use std::net::{IpAddr, SocketAddr};

use crate::model::port::Port;

/// Ports by where they are dialled.
#[derive(Debug)]
pub(super) struct Dialled {
    /// Sorted by the place; at one place in the order of the ports' turns.
    ports: Vec<((IpAddr, u16), Port)>,
}

impl Dialled {
    /// Ports in the order of their turns, each with the place where it is dialled.
    pub fn new(ports: impl Iterator<Item = (Port, SocketAddr)>) -> Self {
        let mut ports: Vec<_> = ports.map(|(port, place)| (key(place), port)).collect();
        ports.sort_by_key(|(key, _)| *key);
        Self { ports }
    }

    /// The ports that are dialled at `place`; found at once, so that a flood of datagrams from
    /// elsewhere costs no time.
    pub fn ports_at(&self, place: SocketAddr) -> impl Iterator<Item = Port> + '_ {
        let key = key(place);
        let begins = self.ports.partition_point(|(other, _)| *other < key);
        let there = self.ports[begins..].iter();
        there.take_while(move |(other, _)| *other == key).map(|(_, port)| *port)
    }
}

/// Without the link that the system found an address on.
fn key(place: SocketAddr) -> (IpAddr, u16) {
    (place.ip(), place.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_back_to_its_ports_in_their_order() {
        let port = |number| Port::new(number).unwrap();
        let place = |text: &str| text.parse::<SocketAddr>().unwrap();
        let dialled = Dialled::new(
            [
                (port(9), place("127.0.0.1:4000")),
                (port(443), place("127.0.0.1:443")),
                (port(8), place("127.0.0.1:4000")),
            ]
            .into_iter(),
        );
        let at = |text: &str| dialled.ports_at(place(text)).collect::<Vec<_>>();
        assert_eq!(at("127.0.0.1:4000"), [port(9), port(8)]);
        assert_eq!(at("127.0.0.1:443"), [port(443)]);
        assert_eq!(at("127.0.0.2:443"), []);
    }
}
