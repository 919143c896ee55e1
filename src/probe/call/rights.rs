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
    maker: Maker,
}

/// A room of ours.
#[derive(Clone)]
pub(super) struct Room {
    pub name: String,
    pub ender: Secret,
}

/// Who makes tokens.
#[derive(Clone)]
enum Maker {
    /// Somebody else: there is this one only.
    Others,
    Ourselves {
        key: String,
        secret: Secret,
        room: String,
        now: Timestamp,
    },
}

impl Rights {
    /// The rights of a first join.
    pub fn of(credentials: &Credentials, now: Timestamp) -> Self {
        match credentials {
            Credentials::Token(token) => Self {
                join: token.clone(),
                room: None,
                maker: Maker::Others,
            },
            Credentials::Key { key, secret } => {
                let name = unique_name();
                Self {
                    join: token::join_token(key, secret, &name, &unique_name(), now),
                    room: Some(Room {
                        name: name.clone(),
                        ender: token::room_admin_token(key, secret, now),
                    }),
                    maker: Maker::Ourselves {
                        key: key.clone(),
                        secret: secret.clone(),
                        room: name,
                        now,
                    },
                }
            }
        }
    }

    /// The rights of one more join to the same room, which somebody else ends.
    pub fn again(&self) -> Self {
        let join = match &self.maker {
            Maker::Others => self.join.clone(),
            Maker::Ourselves {
                key,
                secret,
                room,
                now,
            } => token::join_token(key, secret, room, &unique_name(), *now),
        };
        Self {
            join,
            room: None,
            maker: self.maker.clone(),
        }
    }

    /// Whether all joins are of the same participant, so that each throws out the one before.
    pub fn are_of_one_participant(&self) -> bool {
        matches!(self.maker, Maker::Others)
    }
}

/// A name that no room and no participant of others has.
fn unique_name() -> String {
    format!("ovcheck-{:016x}", rand::random::<u64>())
}
