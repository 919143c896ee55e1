//! What a participant says to LiveKit before media flows: access token, signalling messages, SDP,
//! ICE candidates. Bytes and text in, bytes and text out.

pub mod candidate;
pub mod ice_url;
pub mod mask;
pub mod refusal;
pub mod sdp;
pub mod signal;
pub mod token;
