//! What the page for users gives to a browser: the right to join a room, and the ways that calls should take. And how an operator
//! gets a code for a user.

use std::io;
use std::net::SocketAddr;

use serde::Deserialize;

use crate::complaint::Complaint;
use crate::config::RunConfig;
use crate::model::facts::Way;
use crate::model::secret::{Credentials, Secret};
use crate::model::timestamp::Timestamp;
use crate::net;
use crate::proto::livekit::token;
use crate::ruleset::Ruleset;

/// The tokens of one visit: one participant for each way, all in one room without other participants.
pub struct VisitTokens(pub [(Way, Secret); 4]);

impl VisitTokens {
    /// Four tokens for a room of a random name. The server closes the room soon after the last of them left
    /// (the tokens say so), so that it need not be deleted. `None`: the credentials are not an API key.
    pub fn make(credentials: &Credentials, now: Timestamp) -> Option<Self> {
        let Credentials::Key { key, secret } = credentials else { return None };
        let room = format!("ovcheck-{:016x}", rand::random::<u64>());
        Some(Self(Way::ALL.map(|way| {
            let path = if way.is_relayed() { "turn" } else { "direct" };
            let identity = format!("ovcheck-{path}-{:08x}", rand::random::<u32>());
            (way, token::page_token(key, secret, &room, &identity, now))
        })))
    }
}

/// The ways that calls should take by the policy of a deployment and what it declares. The others are closed on purpose.
///
/// # Errors
/// If its rules are wrong.
pub fn expected_ways(config: &RunConfig) -> Result<Vec<Way>, Complaint> {
    let ruleset = Ruleset::chosen(config.rules.as_deref())?;
    let deployment = &config.deployment;
    let allowed = ruleset.ways_under(deployment.policy);
    let has_turn_name = deployment.turn_domain.is_some();
    let is_expected = |way: &Way| allowed.allow(*way) && (*way != Way::Turns || has_turn_name);
    Ok(Way::ALL.into_iter().filter(is_expected).collect())
}

/// A code that `ovcheck serve` made for a user.
#[derive(Debug, Deserialize)]
pub struct Invitation {
    pub code: String,
    /// What the user opens.
    pub url: String,
    pub expires_at: Timestamp,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum NotInvited {
    #[error("{0}")]
    NoAnswer(#[from] io::Error),
    /// It said no, with this status and text.
    #[error("HTTP {0}: {1}")]
    Refused(u16, String),
}

/// Asks the `ovcheck serve` at this address for a code.
///
/// # Errors
/// If it does not answer, or refuses.
pub async fn invite(
    address: SocketAddr,
    token: Option<&Secret>,
    note: &str,
    expires: Option<&str>,
) -> Result<Invitation, NotInvited> {
    let body = serde_json::json!({ "note": note, "expires": expires }).to_string();
    let answer = net::operator::post_json(address, "/api/v1/visits", token, &body).await;
    let (status, body) = answer?;
    let said = || String::from_utf8_lossy(&body).trim().chars().take(200).collect();
    match (status, serde_json::from_slice(&body)) {
        (201, Ok(invitation)) => Ok(invitation),
        _ => Err(NotInvited::Refused(status, said())),
    }
}
