//! Reads configuration files and says what they do: bytes in, facts out. It opens no file and judges nothing.
//!
//! [`openvidu`] reads OpenVidu's own files. [`proxy`] reads those of a proxy and follows connections through them
//! as the proxy would; its files come in through [`files::Files`]. What cannot be told from the files alone is
//! [`Undecided`](crate::model::configuration::Undecided), never a guess.

pub mod caddy;
pub mod certificates;
pub mod comments;
pub mod env;
pub mod files;
pub mod haproxy;
pub mod nginx;
mod nodes;
pub mod openvidu;
pub mod pattern;
pub mod proxy;
pub mod source;
mod toml;
pub mod traefik;
mod way;
pub mod yaml;
