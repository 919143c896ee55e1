//! The rules themselves: `ovcheck rules`.

mod table;

pub mod json;

pub use table::write;
