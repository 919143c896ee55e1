//! STUN and TURN requests on a stream or a UDP socket, and what came back.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::model::facts::StunAnswer;

/// Sends one STUN Binding request on a stream (TCP or TLS, unframed as RFC 8489 §6.2.2 says) and
/// waits for its answer until `deadline`.
pub async fn binding_on_stream<S>(_stream: &mut S, _deadline: Instant) -> StunAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    unimplemented!("helper B")
}
