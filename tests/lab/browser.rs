//! What a real browser finds in the laboratory.

use serde_json::json;

use super::command::{Fallible, find, run};
use super::lab::Lab;
use super::network::{PROXY, Place, fixture_path};
use super::situations::InBrowser;
use super::token;

/// Why no browser can be asked.
pub fn missing() -> Option<String> {
    find("chromium").is_none().then(|| "chromium is not installed (Debian: chromium)".to_owned())
}

/// Lets headless Chromium join a room as LiveKit's client does.
pub fn ask(lab: &Lab) -> Fallible<InBrowser> {
    let chromium = find("chromium").ok_or("chromium is not installed")?;
    let profile = lab.network.folder.join("browser");
    // What it remembers of an earlier situation would help it.
    if profile.exists() {
        std::fs::remove_dir_all(&profile).map_err(|e| format!("{}: {e}", profile.display()))?;
    }
    let mut command = lab.network.at(Place::Client, "env")?;
    command
        .arg(format!("OVCHECK_TOKEN={}", token()))
        .arg("python3")
        .arg(fixture_path("gets_in.py"))
        .arg(chromium)
        .arg(PROXY[0])
        .arg(profile);
    let said = run(&mut command)?;
    serde_json::from_str(&said).map_err(|e| format!("the browser said {said:?}: {e}"))
}

/// A token for a room of the browser's own.
fn token() -> String {
    token::token("browser", &json!({"roomJoin": true, "room": "browser"}))
}
