//! The history of `ovcheck serve`: a file of [SQLite](https://sqlite.org), read and written through
//! [rusqlite](https://docs.rs/rusqlite).
//!
//! [`Store`] is the one that writes; [`History`] only reads, also from another process while it is written. All calls
//! block, for up to [`BUSY`]: a server makes them on threads of their own.

mod error;
mod opening;
mod packed;
mod questions;
mod reading;
mod visits;
mod writing;

pub use error::StoreError;
pub use opening::{BUSY, History, Store};
pub use reading::{StoredRunReport, Wanted};
