//! Silence, one member of a range, and one bit: proofs that are none.

use super::super::situations::Situation;

pub const SITUATIONS: &[Situation] = &[];
