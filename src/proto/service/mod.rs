//! Questions by which services of a deployment are recognised without credentials, and their
//! answers. Questions by HTTP are in [`http`](super::http).

pub mod http2;
pub mod ice_tcp;
pub mod mongodb;
pub mod redis;

use super::first_bytes;
use crate::model::facts::ServiceAnswer;

/// As much of a line as tells what speaks: its rest is waited for.
const LINE: usize = 64;

/// What else than the service speaks; `None` as long as its first line may go on. `received` does
/// not begin like an answer of the service.
fn stranger(received: &[u8]) -> Option<ServiceAnswer> {
    let goes_on =
        received.len() < LINE && received.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    (!goes_on).then(|| ServiceAnswer::Other(first_bytes::recognise(received)))
}

/// What bytes are behind which nothing comes any more, when they are no answer of the service.
/// `received` is not empty.
pub fn remainder(received: &[u8]) -> ServiceAnswer {
    ServiceAnswer::Other(first_bytes::recognise(received))
}
