//! The part of LiveKit's RoomService that ends and lists rooms, in JSON.

use serde::Deserialize;

use super::LiveKit;
use super::token::Grants;

/// Status, and a body in JSON.
pub type Answer = (&'static str, String);

/// What a request of the RoomService asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    ListRooms,
    DeleteRoom,
}

impl Method {
    /// The method that a path names.
    pub fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/twirp/livekit.RoomService/")? {
            "ListRooms" => Some(Self::ListRooms),
            "DeleteRoom" => Some(Self::DeleteRoom),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Asked {
    /// Of ListRooms: none means all.
    names: Vec<String>,
    /// Of DeleteRoom.
    room: String,
}

impl LiveKit {
    /// Answers a request with the rights of its token; `None`: it has none.
    pub fn answer_twirp(&self, method: Method, body: &[u8], grants: Option<&Grants>) -> Answer {
        let Ok(asked) = serde_json::from_slice::<Asked>(body) else {
            return failure(
                "400 Bad Request",
                "malformed",
                "the json request could not be decoded",
            );
        };
        let may = grants.is_some_and(|grants| match method {
            Method::ListRooms => grants.room_list,
            Method::DeleteRoom => grants.room_create,
        });
        if !may {
            return failure("401 Unauthorized", "unauthenticated", "permissions denied");
        }
        match method {
            Method::ListRooms => {
                let rooms: Vec<_> = self
                    .list_rooms()
                    .into_iter()
                    .filter(|(_, name)| asked.names.is_empty() || asked.names.contains(name))
                    // Hidden participants are not counted, and there are no others.
                    .map(|(sid, name)| {
                        serde_json::json!({"sid": sid, "name": name, "num_participants": 0})
                    })
                    .collect();
                ("200 OK", serde_json::json!({ "rooms": rooms }).to_string())
            }
            Method::DeleteRoom if self.rooms.delete(&asked.room, self.clock.elapsed()) => {
                ("200 OK", "{}".to_owned())
            }
            Method::DeleteRoom => failure(
                "404 Not Found",
                "not_found",
                "twirp error unknown: requested room does not exist",
            ),
        }
    }
}

fn failure(status: &'static str, code: &str, message: &str) -> Answer {
    let body = format!(r#"{{"code":"{code}","msg":"{message}"}}"#);
    (status, body)
}
