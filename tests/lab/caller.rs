//! By whose right a call is made, and by which clock.

use std::process::Command;
use std::sync::OnceLock;

use ovcheck::net::clock::Clock;
use serde_json::{Value, json};

use super::guest;
use super::token::{API_KEY, API_SECRET, token, token_until};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub right: Right,
    /// How many seconds our clock is ahead of everybody else's.
    pub clock_ahead_s: i32,
}

/// By what right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The API key and its secret.
    Key,
    /// The API key and another secret.
    WrongSecret,
    /// Another key.
    UnknownKey,
    /// A token for the room in which the guest is.
    TokenForTheMeeting,
    /// The same, which expires so many seconds after the laboratory began.
    TokenFor(i64),
}

/// What has the form of a secret, and opens nothing.
pub const WRONG_SECRET: &str = "another-secret-of-32-characters-and-more";

/// Who joins with the token for the meeting.
pub const IDENTITY: &str = "who-was-invited";

impl Caller {
    /// The operator, whose clock is right.
    pub const OPERATOR: Self = Self::with(Right::Key);

    pub const fn with(right: Right) -> Self {
        Self { right, clock_ahead_s: 0 }
    }

    /// Before the program on a command line of `env`: what changes its clock.
    pub fn set_clock(self, command: &mut Command) {
        if self.clock_ahead_s != 0 {
            command
                .args(["FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f"])
                .arg(format!("{:+}", self.clock_ahead_s));
        }
    }

    /// Behind the subcommand: who calls.
    pub fn identify(self, command: &mut Command) {
        let (key, secret) = match self.right {
            Right::Key => (API_KEY, API_SECRET),
            Right::WrongSecret => (API_KEY, WRONG_SECRET),
            Right::UnknownKey => ("APIelsewhere", API_SECRET),
            Right::TokenForTheMeeting | Right::TokenFor(_) => {
                command.env("OVCHECK_TOKEN", self.secret());
                return;
            }
        };
        command.args(["--api-key", key]);
        command.env("OVCHECK_API_SECRET", secret);
    }

    /// What nobody may read in any output.
    pub fn secret(self) -> String {
        match self.right {
            Right::Key | Right::UnknownKey => API_SECRET.to_owned(),
            Right::WrongSecret => WRONG_SECRET.to_owned(),
            Right::TokenForTheMeeting => token(IDENTITY, &grants()),
            Right::TokenFor(seconds) => token_until(began() + seconds, IDENTITY, &grants()),
        }
    }
}

fn grants() -> Value {
    json!({
        "roomJoin": true, "room": guest::ROOM, "hidden": true,
        "canPublish": false, "canPublishData": false, "canSubscribe": false
    })
}

/// One moment for all tokens, so that each is the same whenever it is made.
fn began() -> i64 {
    static BEGAN: OnceLock<i64> = OnceLock::new();
    *BEGAN.get_or_init(|| Clock::start().now().unix_seconds())
}
