//! Who stands between has told us: what answers in the place of OpenVidu.

use super::super::situations::Situation;

pub const SITUATIONS: &[Situation] = &[];
