//! ovcheck: network diagnostics and compliance checks for OpenVidu deployments behind an external
//! proxy.
//!
//! One run is four steps over plain data:
//!
//! ```text
//! deployment, rules ─► plan ─► runner ─► evaluate ─► output
//!                              (the only I/O)
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod complaint;
pub mod config;
pub mod demo;
pub mod evaluate;
pub mod exit;
pub mod model;
pub mod net;
pub mod output;
pub mod plan;
pub mod probe;
pub mod proto;
pub mod ruleset;
pub mod runner;
