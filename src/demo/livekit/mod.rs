//! LiveKit inside OpenVidu, for participants that send and receive nothing: tokens, rooms, signalling, candidates,
//! and a data channel. It behaves like version 1.13.5.

mod channel;
mod ice;
mod media;
mod media_ports;
mod neighbours;
mod peer;
mod rooms;
mod sdp;
mod sessions;
mod signalling;
mod token;
mod twirp;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use rand::distr::{Alphanumeric, SampleString};

pub use media::{Ground, Inbound, Outbound, Passage};
pub use media_ports::{Idle, MediaPorts};
pub use neighbours::{From, Neighbours};
pub use rooms::{Joined, Rooms};
pub use sessions::Sessions;
pub use signalling::serve as serve_participant;
pub use token::{ApiKey, Grants};
pub use twirp::Method;

use super::turn::Users;
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;
use crate::proto::livekit::signal::IceServer;

/// The port for WebRTC over TCP.
pub const ICE_TCP_PORT: u16 = 7881;

/// The server.
pub struct LiveKit {
    pub clock: Clock,
    /// How far the machine's clock is ahead, in seconds; negative: behind.
    pub ahead: i64,
    pub api_key: ApiKey,
    pub capacity: Capacity,
    /// The URIs of STUN and TURN servers that participants receive.
    pub ice_urls: Vec<String>,
    /// The address that is announced for media.
    pub media_ip: IpAddr,
    pub media_ports: Arc<MediaPorts>,
    pub ground: Arc<Ground>,
    pub users: Arc<Users>,
    pub rooms: Rooms,
    pub sessions: Sessions,
    /// Set where browsers on this machine can join.
    pub neighbours: OnceLock<Neighbours>,
}

/// How many participants a room takes (`room.max_participants`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    Unlimited,
    /// Every room is full.
    Nobody,
}

/// Status and body of a refusal.
pub type NotLetIn = (&'static str, &'static str);

impl LiveKit {
    /// The server's own time.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now().unix_seconds();
        Timestamp::from_unix_seconds(now.saturating_add(self.ahead))
    }

    /// Accepts the bearer of a token.
    ///
    /// # Errors
    /// Status and body of the refusal.
    pub fn join(&self, grants: &Grants) -> Result<Joined, NotLetIn> {
        match (self.objection(grants), self.capacity) {
            (Some(why), _) => Err(why),
            (None, Capacity::Unlimited) => Ok(self.rooms.join(&grants.room, &grants.identity)),
            // Nothing in it says "full".
            (None, Capacity::Nobody) => {
                Err(("500 Internal Server Error", "connection closed by media"))
            }
        }
    }

    /// Why a token is rejected.
    pub fn objection(&self, grants: &Grants) -> Option<NotLetIn> {
        if !grants.room_join {
            Some(("401 Unauthorized", "permissions denied"))
        } else if grants.room.is_empty() {
            Some(("400 Bad Request", "no room name"))
        } else {
            None
        }
    }

    /// Sid and name of every room, in the order of the names.
    pub fn list_rooms(&self) -> Vec<(String, String)> {
        self.rooms.list(self.clock.elapsed())
    }

    /// One user name and password for all TURN servers.
    fn ice_servers(&self, neighbours: Option<&Neighbours>) -> Vec<IceServer> {
        let (username, credential) = self.users.new_user();
        let urls = self.ice_urls.iter();
        let urls = match neighbours {
            Some(neighbours) => urls.map(|url| neighbours.ice_url(url)).collect(),
            None => urls.cloned().collect(),
        };
        vec![IceServer { urls, username, credential }]
    }

    fn ice_tcp(&self) -> SocketAddr {
        SocketAddr::new(self.media_ip, ICE_TCP_PORT)
    }
}

/// A random identifier, as LiveKit makes them.
fn id(prefix: &str) -> String {
    format!("{prefix}{}", random(12))
}

/// Letters and digits.
pub fn random(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}
