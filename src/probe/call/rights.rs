//! The tokens of one call: with the least rights, for a room of its own.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::facts::TokenLife;
use crate::model::secret::{Credentials, Secret};
use crate::model::timestamp::Timestamp;
use crate::proto::livekit::token;

/// The tokens of one call.
pub(super) struct Rights {
    /// Lets one hidden participant in, who neither sends nor receives.
    pub join: Secret,
    pub part: Part,
    maker: Maker,
}

/// What whoever joins has to do with the room's end.
pub(super) enum Part {
    /// The room is somebody else's.
    Guest,
    /// The room is ours, and this one ends it.
    Host(Room),
    /// The room is ours, and has a host: who waits until this one is in.
    Further(Arc<OwnedSemaphorePermit>),
}

/// A room of ours.
#[derive(Clone)]
pub(super) struct Room {
    pub name: String,
    key: String,
    secret: Secret,
    arriving: Arc<Semaphore>,
}

/// The most joins to one room that are on their way at the same time.
const MOST_ARRIVING: u32 = 8;

impl Room {
    /// A token that deletes rooms, made when it is needed because it deletes any room.
    pub fn deleting_token(&self, now: Timestamp) -> Secret {
        token::room_admin_token(&self.key, &self.secret, now)
    }

    /// Waits until nobody is on the way into it: a join that comes behind the room's end makes it
    /// again.
    pub async fn all_arrived(&self) {
        // It is never closed.
        drop(self.arriving.acquire_many(MOST_ARRIVING).await);
    }
}

/// Who makes tokens.
enum Maker {
    /// Somebody else: there is this one only.
    Others,
    Ourselves(Arc<Ourselves>),
}

struct Ourselves {
    room: Room,
    now: Timestamp,
}

impl Ourselves {
    fn join_token(&self) -> Secret {
        let Self { room: Room { name, key, secret, .. }, now } = self;
        token::join_token(key, secret, name, &unique_name(), *now)
    }
}

impl Rights {
    /// The rights of a first join.
    pub fn of(credentials: &Credentials, now: Timestamp) -> Self {
        match credentials {
            Credentials::Token(token) => {
                Self { join: token.clone(), part: Part::Guest, maker: Maker::Others }
            }
            Credentials::Key { key, secret } => {
                let room = Room {
                    name: unique_name(),
                    key: key.clone(),
                    secret: secret.clone(),
                    arriving: Arc::new(Semaphore::new(MOST_ARRIVING as usize)),
                };
                let ourselves = Ourselves { room: room.clone(), now };
                Self {
                    join: ourselves.join_token(),
                    part: Part::Host(room),
                    maker: Maker::Ourselves(Arc::new(ourselves)),
                }
            }
        }
    }

    /// The rights of one more join to the same room; `None` where too many are on their way.
    pub fn again(&self) -> Option<Self> {
        match &self.maker {
            Maker::Others => {
                Some(Self { join: self.join.clone(), part: Part::Guest, maker: Maker::Others })
            }
            Maker::Ourselves(ourselves) => {
                let arriving = Arc::clone(&ourselves.room.arriving);
                let on_the_way = arriving.try_acquire_owned().ok()?;
                Some(Self {
                    join: ourselves.join_token(),
                    part: Part::Further(Arc::new(on_the_way)),
                    maker: Maker::Ourselves(Arc::clone(ourselves)),
                })
            }
        }
    }

    /// When the token that was given is good; one that ovcheck makes is new.
    pub fn life_of_given_token(&self) -> Option<TokenLife> {
        match self.maker {
            Maker::Ourselves(_) => None,
            Maker::Others => {
                let claims = token::claims(&self.join).ok()?;
                Some(TokenLife { from: claims.not_before, until: claims.expires })
            }
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
