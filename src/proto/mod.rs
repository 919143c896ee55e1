//! Protocols without I/O: bytes in, bytes out, time as an argument.

pub mod browser_hello;
pub mod certificate;
pub mod client_hello;
pub mod datagrams;
pub mod dns;
pub mod first_bytes;
pub mod half_dtls;
pub mod host;
pub mod html;
pub mod http;
pub mod ice;
pub mod inflate;
pub mod livekit;
pub mod proxy_protocol;
pub mod responder;
pub mod rtmp;
pub mod service;
pub mod stun;
pub mod tls_alert;
pub mod transactions;
pub mod turn;
pub mod web_http2;
