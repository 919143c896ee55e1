//! The servers of the demo, asked by plain clients that share no code with them or the probes.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests, and their clients open sockets of their own"
)]

mod call;
mod calls;
mod client;
mod faulty;
mod ice;
mod right;
mod running;
