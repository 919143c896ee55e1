//! Remedies that run where they are pasted.

use super::super::situations::Situation;

pub const SITUATIONS: &[Situation] = &[];
