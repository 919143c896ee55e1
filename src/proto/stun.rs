//! STUN Binding and TURN Allocate without credentials (RFC 8489, RFC 8656): requests as bytes, and
//! what came back for them.

mod datagrams;
mod message;
mod stream;

pub use datagrams::{PortIds, next_copy};
pub(in crate::proto) use message::is_whole;
pub use message::{Reading, Request};
pub use stream::{Frame, cut_off, frame};
