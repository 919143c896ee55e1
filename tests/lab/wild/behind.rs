//! A connection is taken and yields nothing: what is behind TLS.

use super::super::situations::{DEFAULT, PROVEN, Situation};
use super::super::world::Front;

pub const SITUATIONS: &[Situation] = &[Situation {
    name: "wild/behind/the-program-of-the-proxy-does-not-run",
    fault: |world| world.proxy.front = Front::Nothing,
    errors: &[
        ("ports/proxy-tcp-1935", PROVEN),
        ("ports/proxy-tcp-443", PROVEN),
        ("ports/proxy-tcp-80", PROVEN),
    ],
    exit: 1,
    fewest_passes: 10,
    ..DEFAULT
}];
