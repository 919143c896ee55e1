//! A participant who is in a call already.

use serde_json::json;

use super::network::{Place, fixture_path};
use super::services::{Service, words};
use super::token::token;

/// The room in which the guest is.
pub const ROOM: &str = "meeting";

/// Who the guest is.
pub const IDENTITY: &str = "guest";

/// Joins on the OpenVidu machine itself, and listens on a port when that is done.
pub fn service() -> Service {
    const READY: u16 = 7999;
    let grants = json!({"roomJoin": true, "room": ROOM});
    Service {
        name: "guest".to_owned(),
        place: Place::Node,
        program: "python3".to_owned(),
        arguments: words(&[
            &fixture_path("guest.py").display().to_string(),
            &token(IDENTITY, &grants),
            &READY.to_string(),
        ]),
        files: Vec::new(),
        listens: vec![("tcp", READY)],
    }
}
