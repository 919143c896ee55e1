//! One hidden join.

use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::CallSpec;
use crate::net::Network;

pub async fn run(_net: &Network, _spec: &CallSpec) -> (u32, Outcome) {
    (1, Outcome::Blind(Blindness::Local("x".to_owned())))
}
