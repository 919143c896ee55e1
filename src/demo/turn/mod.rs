//! The TURN server of the demo: webrtc-rs's, over UDP and, through the proxy, over TCP.
//!
//! The library supports only datagrams, so [`Streams`] carries the datagrams of TCP connections. It limits
//! neither the peers nor the number of relays, so [`Gate`] in front of it refuses the requests that
//! LiveKit's server would refuse. Its relays are on loopback but have addresses of the node: [`Relays`].

mod gate;
mod relays;
mod streams;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gate::Gate;
pub use gate::{Peers, Quota};
pub use relays::{MediaFromRelays, Relays};
pub use streams::Streams;
use turn::auth::AuthHandler;
use turn::relay::RelayAddressGenerator;
use turn::server::Server;
use turn::server::config::{ConnConfig, ServerConfig};
pub use users::{Credentials, Users};
use webrtc_util::Conn;

/// The realm of LiveKit's TURN server.
const REALM: &str = "livekit";

/// Bytes of the longest message that is carried: the library reads no more at once.
const LONGEST_MESSAGE: usize = 1500;

/// The users of a TURN server, and its limits.
pub struct Service {
    pub users: Arc<Users>,
    pub relays: Relays,
    pub peers: Peers,
    pub quota: Quota,
}

/// Starts a TURN server for the users of a call. It stops when it is dropped.
///
/// # Errors
/// The library's.
pub async fn start(
    conn: Arc<dyn Conn + Send + Sync>,
    service: &Service,
) -> Result<Server, turn::Error> {
    let gate = Gate {
        conn,
        users: Arc::clone(&service.users),
        node: service.relays.node,
        peers: service.peers,
        quota: service.quota,
    };
    let users = Arc::clone(&service.users);
    start_with(Arc::new(gate), Box::new(service.relays.clone()), users).await
}

/// Starts a server that answers Binding requests and has no users.
///
/// # Errors
/// The library's.
pub async fn start_for_nobody(conn: Arc<dyn Conn + Send + Sync>) -> Result<Server, turn::Error> {
    start_with(conn, Box::new(NoRelay), Arc::new(NoUsers)).await
}

async fn start_with(
    conn: Arc<dyn Conn + Send + Sync>,
    relays: Box<dyn RelayAddressGenerator + Send + Sync>,
    users: Arc<dyn AuthHandler + Send + Sync>,
) -> Result<Server, turn::Error> {
    Server::new(ServerConfig {
        conn_configs: vec![ConnConfig { conn, relay_addr_generator: relays }],
        realm: REALM.to_owned(),
        auth_handler: users,
        channel_bind_timeout: Duration::ZERO,
        alloc_close_notify: None,
    })
    .await
}

struct NoUsers;

impl AuthHandler for NoUsers {
    fn auth_handle(&self, _: &str, _: &str, _: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        Err(turn::Error::ErrNoSuchUser)
    }
}

struct NoRelay;

#[async_trait]
impl RelayAddressGenerator for NoRelay {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        _: bool,
        _: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        Err(turn::Error::ErrNoSuchUser)
    }
}

fn unsupported() -> webrtc_util::Error {
    webrtc_util::Error::Other("datagrams have addresses here".to_owned())
}
