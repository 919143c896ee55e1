//! What a call leaves behind: nothing on the server, and no secret in what was printed.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::caller::Caller;
use super::command::{Fallible, run};
use super::guest;
use super::lab::Lab;
use super::token::token;

/// The server has no room and no participant of ours any more. A room that somebody else chose it
/// ends itself, 20 s later.
pub fn nobody_is_left(lab: &Lab) -> Fallible<()> {
    // A busy server takes a moment.
    for _ in 0..20 {
        if nobody_is_there(lab).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
    nobody_is_there(lab)
}

fn nobody_is_there(lab: &Lab) -> Fallible<()> {
    let rooms = ask(lab, "ListRooms", &json!({"roomList": true}), &json!({}))?;
    for room in list(&rooms, "rooms") {
        let name = room["name"].as_str().unwrap_or_default();
        if !name.starts_with(guest::ROOM) {
            return Err(format!("the server still has a room: {room}"));
        }
        let grants = json!({"roomAdmin": true, "room": name});
        let inside = ask(lab, "ListParticipants", &grants, &json!({"room": name}))?;
        let mut others = list(&inside, "participants");
        if let Some(participant) = others.find(|one| one["identity"] != guest::IDENTITY) {
            return Err(format!("the server still has a participant: {participant}"));
        }
    }
    Ok(())
}

fn list<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    answer[key].as_array().into_iter().flatten()
}

/// Asks LiveKit's API on the machine itself, where no firewall is in the way.
fn ask(lab: &Lab, method: &str, grants: &Value, body: &Value) -> Fallible<Value> {
    let answer = run(lab
        .network
        .at(lab.api_at, "curl")?
        .args(["--silent", "--show-error", "--fail", "--max-time", "5"])
        .args(["--header", "Content-Type: application/json", "--header"])
        .arg(format!("Authorization: Bearer {}", token("lister", grants)))
        .args(["--data", &body.to_string()])
        .arg(format!("http://127.0.0.1:7880/twirp/livekit.RoomService/{method}")))?;
    serde_json::from_str(&answer).map_err(|e| format!("{method} is answered with {answer}: {e}"))
}

/// No text that a run printed repeats a secret. `eyJ` is how every JWT begins: `{"`, in base64.
pub fn no_secret_is_told(caller: Caller, texts: &[&str]) -> Fallible<()> {
    let secret = caller.secret();
    for text in texts {
        for needle in [secret.as_str(), "eyJ"] {
            if let Some(place) = text.find(needle) {
                let before: String = text[..place].chars().rev().take(200).collect();
                let before: String = before.chars().rev().collect();
                return Err(format!("a secret is told behind: {before}"));
            }
        }
    }
    Ok(())
}
