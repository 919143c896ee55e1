//! What another edition of the guide changes: `ovcheck rules --diff`.

mod steps;

pub mod json;

pub use steps::write;
