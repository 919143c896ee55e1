//! The tokens of one call: with the least rights, for a room of its own.

use crate::model::secret::{Credentials, Secret};
use crate::model::timestamp::Timestamp;
use crate::proto::livekit::token;

/// The tokens of one call.
pub(super) struct Rights {
    /// Lets one hidden participant in, who neither sends nor receives.
    pub join: Secret,
    /// The room, and the token that may end it; `None`: not ours to end.
    pub room: Option<Room>,
}

/// A room of ours.
#[derive(Clone)]
pub(super) struct Room {
    pub name: String,
    pub ender: Secret,
}

impl Rights {
    /// # Errors
    /// In words, when no token can be made.
    pub fn of(credentials: &Credentials, now: Timestamp) -> Result<Self, String> {
        match credentials {
            Credentials::Token(token) => Ok(Self {
                join: token.clone(),
                room: None,
            }),
            Credentials::Key { key, secret } => {
                // Nobody else has this room, and no participant this identity.
                let name = format!("ovcheck-{:016x}", rand::random::<u64>());
                Ok(Self {
                    join: token::join_token(key, secret, &name, &name, now),
                    room: Some(Room {
                        name,
                        ender: token::room_admin_token(key, secret, now),
                    }),
                })
            }
        }
    }
}
