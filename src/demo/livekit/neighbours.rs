//! Participants on the demo's own machine, in a browser: they have none of the deployment's addresses and names,
//! and are told where those are on this machine.

use std::net::SocketAddr;

use crate::model::dial::DialMap;
use crate::model::port::Port;
use crate::model::target::Endpoint;

/// Identities of the page begin like this if they use only relays. Their candidates go to the relay, which knows the
/// deployment's addresses.
const USES_RELAYS: &str = "ovcheck-turn-";

/// Whose participant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Anywhere,
    /// Signalling came to this machine's own address.
    ThisMachine,
}

/// Where a browser on this machine finds what participants are told.
pub struct Neighbours {
    pub places: DialMap,
    /// Doors to TURN over TLS, by the URI in whose place they are used.
    pub doors: Vec<(String, SocketAddr)>,
}

impl Neighbours {
    /// The address of a candidate for the participant with this identity.
    pub fn candidate(&self, told: SocketAddr, identity: &str) -> SocketAddr {
        if identity.starts_with(USES_RELAYS) { told } else { self.place(told) }
    }

    /// The URI of a STUN or TURN server. A malformed one stays as it is.
    pub fn ice_url(&self, url: &str) -> String {
        if let Some((_, door)) = self.doors.iter().find(|(replaced, _)| replaced == url) {
            return format!("turn:{door}?transport=tcp");
        }
        let told = url.strip_prefix("turn:").and_then(|rest| rest.split_once('?'));
        match told.map(|(told, query)| (told.parse(), query)) {
            Some((Ok(told), query)) => format!("turn:{}?{query}", self.place(told)),
            Some((Err(_), _)) | None => url.to_owned(),
        }
    }

    fn place(&self, told: SocketAddr) -> SocketAddr {
        let port = Port::new(told.port());
        port.map_or(told, |port| self.places.dialled(Endpoint { address: told.ip(), port }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_places_and_doors_unless_its_relay_does_the_rest() {
        let neighbours = Neighbours {
            places: DialMap {
                connect_to: vec!["203.0.113.20:443:127.0.0.1:4443".parse().unwrap()],
            },
            doors: vec![(
                "turns:turn.example.io:443?transport=tcp".to_owned(),
                ([127, 0, 0, 1], 9).into(),
            )],
        };
        for (url, expected) in [
            ("turn:203.0.113.20:443?transport=udp", "turn:127.0.0.1:4443?transport=udp"),
            ("turns:turn.example.io:443?transport=tcp", "turn:127.0.0.1:9?transport=tcp"),
            ("turn:{203.0.113.20 }:443?transport=udp", "turn:{203.0.113.20 }:443?transport=udp"),
        ] {
            assert_eq!(neighbours.ice_url(url), expected);
        }
        let told = ([203, 0, 113, 20], 443).into();
        assert_eq!(neighbours.candidate(told, "ovcheck-direct-1"), ([127, 0, 0, 1], 4443).into());
        assert_eq!(neighbours.candidate(told, "ovcheck-turn-1"), told);
    }
}
