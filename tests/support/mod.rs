//! What several test programs need: deployments, facts as probes bring them home, reports, a
//! network for probes, and the files that hold what the program printed.
//!
//! A test program takes it with `mod support;`, or with `#[path]` from a folder of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod deployments;
pub mod facts;
pub mod findings;
pub mod kept;
pub mod networks;
pub mod reports;
pub mod server_words;
