//! Protocols without I/O: bytes in, bytes out, time as an argument.

pub mod first_bytes;
pub mod rtmp;
pub mod stun;
