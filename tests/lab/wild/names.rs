//! DNS records and what an operator declares.

use super::super::situations::{DEFAULT, Declared, Situation};

pub const SITUATIONS: &[Situation] = &[Situation {
    name: "wild/names/first-look-with-two-names",
    declared: Declared::Names,
    inconclusive: &[],
    fewest_passes: 15,
    ..DEFAULT
}];
