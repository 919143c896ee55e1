//! TCP connections that tell a refusal by RST from one by ICMP, and both from silence.

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Network;
use crate::model::facts::Connect;
use crate::model::observation::Blindness;
use crate::model::target::Endpoint;

/// What a connection attempt ended with. `Err` carries every [`Connect`] but `Accepted`.
pub type Connection = Result<TcpStream, Connect>;

/// Connects to where `to` is dialled, waiting at most until `deadline`.
///
/// # Errors
/// [`Blindness`] when the trouble is ours: no route, own firewall, no sockets left.
pub async fn connect(
    _net: &Network,
    _to: Endpoint,
    _deadline: Instant,
) -> Result<Connection, Blindness> {
    unimplemented!("helper A")
}
