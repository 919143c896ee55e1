//! What a browser offers, asks and demands, and the probes did not.

use super::super::situations::Situation;

pub const SITUATIONS: &[Situation] = &[];
