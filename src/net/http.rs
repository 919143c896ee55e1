//! One HTTP/1.1 request on a stream that is already there, and what came back.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Network;
use crate::model::facts::HttpAnswer;

/// Sends `request` as it is and reads one response: the head (16 KiB at most) and the first bytes
/// of the body, until `deadline`.
pub async fn exchange<S>(
    _net: &Network,
    _stream: &mut S,
    _request: &[u8],
    _deadline: Instant,
) -> HttpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    unimplemented!("helper A")
}
