//! The rooms and their participants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::LiveKit;

/// How long a room stays after the last participant left (LiveKit's `departure_timeout`).
const DEPARTURE_TIMEOUT: Duration = Duration::from_secs(20);

/// LiveKit's DisconnectReason where the server ends a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentAway {
    /// Another participant with the same identity joined.
    DuplicateIdentity = 2,
    RoomDeleted = 5,
    /// Media was not established in time.
    ConnectionTimeout = 14,
}

/// The rooms of the server. Times are those since the demo's start.
#[derive(Default)]
pub struct Rooms {
    rooms: Mutex<HashMap<String, Room>>,
}

struct Room {
    sid: String,
    participants: Vec<Participant>,
    /// When the last one left.
    empty_since: Option<Duration>,
}

struct Participant {
    sid: String,
    identity: String,
    send_away: oneshot::Sender<SentAway>,
}

/// A participant in a room.
pub struct Joined {
    pub room: String,
    pub room_sid: String,
    pub identity: String,
    pub sid: String,
    /// Says why, when the server ends the session.
    pub sent_away: oneshot::Receiver<SentAway>,
}

impl Rooms {
    /// Adds a participant, and creates the room if it does not exist. A participant with the same
    /// identity is removed.
    pub fn join(&self, room: &str, identity: &str) -> Joined {
        let (send_away, sent_away) = oneshot::channel();
        let sid = super::id("PA_");
        let participant =
            Participant { sid: sid.clone(), identity: identity.to_owned(), send_away };
        let room_sid = self.with_rooms(|rooms| {
            let entry = rooms.entry(room.to_owned()).or_insert_with(|| Room {
                sid: super::id("RM_"),
                participants: Vec::new(),
                empty_since: None,
            });
            let (same, others) = std::mem::take(&mut entry.participants)
                .into_iter()
                .partition::<Vec<_>, _>(|other| other.identity == identity);
            entry.participants = others;
            entry.participants.push(participant);
            entry.empty_since = None;
            send_away_all(same, &SentAway::DuplicateIdentity);
            entry.sid.clone()
        });
        Joined { room: room.to_owned(), room_sid, identity: identity.to_owned(), sid, sent_away }
    }

    /// Handles a participant that has left.
    pub fn leave(&self, joined: &Joined, now: Duration) {
        self.with_rooms(|rooms| {
            if let Some(room) = rooms.get_mut(&joined.room) {
                room.participants.retain(|other| other.sid != joined.sid);
                if room.participants.is_empty() && room.empty_since.is_none() {
                    room.empty_since = Some(now);
                }
            }
        });
    }

    /// Ends a room and removes all its participants. `false` if there is no such room.
    pub fn delete(&self, name: &str, now: Duration) -> bool {
        self.clear(now);
        let removed = self.with_rooms(|rooms| rooms.remove(name));
        match removed {
            None => false,
            Some(room) => {
                send_away_all(room.participants, &SentAway::RoomDeleted);
                true
            }
        }
    }

    /// Sid and name of every room, in the order of the names.
    pub fn list(&self, now: Duration) -> Vec<(String, String)> {
        self.clear(now);
        let mut list: Vec<_> = self.with_rooms(|rooms| {
            let rooms = rooms.iter();
            rooms.map(|(name, room)| (room.sid.clone(), name.clone())).collect()
        });
        list.sort_by(|one, other| one.1.cmp(&other.1));
        list
    }

    /// Ends the rooms that have been empty for too long.
    fn clear(&self, now: Duration) {
        self.with_rooms(|rooms| {
            rooms.retain(|_, room| {
                room.empty_since.is_none_or(|since| now.saturating_sub(since) < DEPARTURE_TIMEOUT)
            });
        });
    }

    fn with_rooms<T>(&self, f: impl FnOnce(&mut HashMap<String, Room>) -> T) -> T {
        // A map is whole after every one of the operations here.
        f(&mut self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn send_away_all(participants: Vec<Participant>, why: &SentAway) {
    for participant in participants {
        // The participant may already be gone.
        drop(participant.send_away.send(why.clone()));
    }
}

/// A participant's place in a room; given up when it is dropped.
pub struct Seat {
    pub livekit: Arc<LiveKit>,
    pub joined: Joined,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let now = self.livekit.clock.elapsed();
        self.livekit.rooms.leave(&self.joined, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn names(rooms: &Rooms, seconds: u64) -> Vec<String> {
        let list = rooms.list(Duration::from_secs(seconds));
        list.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn a_room_is_there_as_long_as_somebody_is_in_it_and_twenty_seconds_more() {
        let rooms = Rooms::default();
        let one = rooms.join("a", "one");
        let other = rooms.join("a", "other");
        assert_eq!(one.room_sid, other.room_sid);
        rooms.leave(&one, START);
        assert_eq!(names(&rooms, 100), ["a"]);
        rooms.leave(&other, Duration::from_secs(100));
        assert_eq!(names(&rooms, 119), ["a"]);
        assert_eq!(names(&rooms, 120), Vec::<String>::new());
    }

    #[test]
    fn whoever_is_in_a_deleted_room_is_told_and_so_is_an_earlier_self() {
        let rooms = Rooms::default();
        let mut earlier = rooms.join("a", "one");
        let mut later = rooms.join("a", "one");
        assert_eq!(earlier.sent_away.try_recv(), Ok(SentAway::DuplicateIdentity));
        assert!(rooms.delete("a", START));
        assert_eq!(later.sent_away.try_recv(), Ok(SentAway::RoomDeleted));
        assert!(!rooms.delete("a", START));
    }
}
