//! Where the ports of a probe are dialled, to find back from there.

use std::net::{IpAddr, SocketAddr};

use crate::model::port::Port;

/// The ports that are dialled elsewhere than they are meant, by the place. Mostly there is none: each of
/// the others is found by its own number.
#[derive(Debug)]
pub(super) struct Elsewhere {
    /// Sorted by the place; at one place in the order of the ports' turns.
    ports: Vec<((IpAddr, u16), Port)>,
}

impl Elsewhere {
    /// Those of `ports`, in the order of their turns and each with the place where it is dialled, that
    /// are not dialled at `address` and their own number.
    pub fn new(address: IpAddr, ports: impl Iterator<Item = (Port, SocketAddr)>) -> Self {
        let keys = ports.map(|(port, place)| (key(place), port));
        let mut ports: Vec<_> =
            keys.filter(|(key, port)| *key != (address, port.number())).collect();
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
        let elsewhere = Elsewhere::new(
            "127.0.0.1".parse().unwrap(),
            [
                (port(9), place("127.0.0.1:4000")),
                (port(443), place("127.0.0.1:443")),
                (port(444), place("127.0.0.2:444")),
                (port(8), place("127.0.0.1:4000")),
            ]
            .into_iter(),
        );
        let at = |text: &str| elsewhere.ports_at(place(text)).collect::<Vec<_>>();
        assert_eq!(at("127.0.0.1:4000"), [port(9), port(8)]);
        assert_eq!(at("127.0.0.2:444"), [port(444)]);
        assert_eq!(at("127.0.0.1:443"), []);
        assert_eq!(at("127.0.0.2:443"), []);
    }
}
