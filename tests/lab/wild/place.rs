//! Our own place: its clock, its addresses, its route, and what stands between.

use super::super::situations::Situation;

pub const SITUATIONS: &[Situation] = &[];
