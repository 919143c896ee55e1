//! Access tokens of LiveKit: JSON Web Tokens, signed with HS256 (RFC 7519, RFC 7518 §3.2).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::secret::Secret;
use crate::model::timestamp::Timestamp;

/// How long a token for joining is valid: 600 s. A run takes seconds, and further joins need it.
const JOIN_LIFETIME: Duration = Duration::from_secs(600);

/// How long a token for deleting rooms is valid: 60 s. It is made when it is needed, and it deletes any
/// room.
const ADMIN_LIFETIME: Duration = Duration::from_secs(60);

/// How long a token is valid that a support team sends to a user: a day.
const USER_LIFETIME: Duration = Duration::from_secs(86_400);

/// How long a token is valid that a page gets for one test in a browser: 120 s.
const PAGE_LIFETIME: Duration = Duration::from_secs(120);

/// How much earlier it is valid: the server's clock may be a little behind.
const CLOCK_DIFFERENCE: i64 = 10;

/// The server closes the room of a join by itself: 1 s after the last participant left, or 5 s after
/// its creation if no participant entered.
const ROOM_CONFIG: RoomConfig = RoomConfig { empty_timeout: 5, departure_timeout: 1 };

/// A token with which `identity` joins `room`, hidden, and may do nothing there. The server takes
/// it from `now` on, and by its own clock from 60 s earlier: no more, so that a clock that is wrong
/// is seen.
pub fn join_token(
    key: &str,
    secret: &Secret,
    room: &str,
    identity: &str,
    now: Timestamp,
) -> Secret {
    let payload = payload(key, identity, now, JOIN_LIFETIME, Grants::least(room));
    sign(secret, &Payload { room_config: Some(ROOM_CONFIG), ..payload })
}

/// The same for a browser, for 120 s, because the holder is not trusted.
pub fn page_token(
    key: &str,
    secret: &Secret,
    room: &str,
    identity: &str,
    now: Timestamp,
) -> Secret {
    let payload = payload(key, identity, now, PAGE_LIFETIME, Grants::least(room));
    let nbf = payload.nbf - CLOCK_DIFFERENCE;
    sign(secret, &Payload { nbf, room_config: Some(ROOM_CONFIG), ..payload })
}

/// A token as a support team makes it for a user: with it, `identity` joins `room` like any participant.
pub fn user_token(
    key: &str,
    secret: &Secret,
    room: &str,
    identity: &str,
    now: Timestamp,
) -> Secret {
    let grants = Grants { room: Some(room), room_join: Some(true), ..Grants::default() };
    sign(secret, &payload(key, identity, now, USER_LIFETIME, grants))
}

/// A token with which rooms can be deleted, and nobody can join one.
pub fn room_admin_token(key: &str, secret: &Secret, now: Timestamp) -> Secret {
    let grants = Grants { room_create: Some(true), ..Grants::default() };
    // LiveKit wants no identity of those who only administer.
    sign(secret, &payload(key, "", now, ADMIN_LIFETIME, grants))
}

/// What a token says, as far as it matters for joining. Nobody has verified it: only the server
/// can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The room that it leads to.
    pub room: Option<String>,
    /// Whom it is for (`sub`).
    pub identity: Option<String>,
    /// Until when it is good (`exp`).
    pub expires: Option<Timestamp>,
    /// From when on it is good (`nbf`).
    pub not_before: Option<Timestamp>,
    /// Whether it lets us join a room at all.
    pub room_join: bool,
}

/// Why a text is no access token. Never says the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    #[error("an access token has three parts separated by dots, but this has {0}")]
    Parts(usize),
    #[error("part {0} is not base64url")]
    Encoding(usize),
    #[error("the claims are not a JSON object")]
    Claims,
}

/// Reads what a token says, without verifying it.
///
/// # Errors
/// [`InvalidToken`] for what is not a signed JWT.
pub fn claims(token: &Secret) -> Result<Claims, InvalidToken> {
    let parts: Vec<&str> = token.expose().split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Err(InvalidToken::Parts(parts.len()));
    };
    let decoded = |number: usize, part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok();
        bytes.filter(|bytes| !bytes.is_empty()).ok_or(InvalidToken::Encoding(number))
    };
    decoded(1, header)?;
    let payload = decoded(2, payload)?;
    decoded(3, signature)?;
    let read: ReadPayload = serde_json::from_slice(&payload).map_err(|_| InvalidToken::Claims)?;
    let video = read.video.unwrap_or_default();
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    // The whole part is enough: the server's own leeway is 60 s.
    let time = |seconds: f64| Timestamp::from_unix_seconds(seconds as i64);
    Ok(Claims {
        room: present(video.room),
        identity: present(read.sub),
        expires: read.exp.map(time),
        not_before: read.nbf.map(time),
        room_join: video.room_join.unwrap_or_default(),
    })
}

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sub: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    video: Grants<'a>,
    #[serde(rename = "roomConfig", skip_serializing_if = "Option::is_none")]
    room_config: Option<RoomConfig>,
}

/// How the room is made that a join creates (livekit_room.proto, RoomConfiguration). Times in seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomConfig {
    empty_timeout: u32,
    departure_timeout: u32,
}

/// What a token allows (livekit/protocol, auth/grants.go).
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Grants<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    room_create: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_join: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_subscribe: Option<bool>,
}

impl<'a> Grants<'a> {
    /// To be in a room, hidden, and nothing else.
    fn least(room: &'a str) -> Self {
        Self {
            room: Some(room),
            room_join: Some(true),
            hidden: Some(true),
            can_publish: Some(false),
            can_publish_data: Some(false),
            can_subscribe: Some(false),
            ..Self::default()
        }
    }
}

/// Of somebody's token. Times may have fractions (RFC 7519 §2, NumericDate).
#[derive(Deserialize)]
struct ReadPayload {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    video: Option<ReadGrants>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadGrants {
    room: Option<String>,
    room_join: Option<bool>,
}

fn payload<'a>(
    key: &'a str,
    identity: &'a str,
    now: Timestamp,
    lifetime: Duration,
    video: Grants<'a>,
) -> Payload<'a> {
    Payload {
        iss: key,
        sub: identity,
        iat: now.unix_seconds(),
        nbf: now.unix_seconds(),
        exp: now.plus(lifetime).unix_seconds(),
        video,
        room_config: None,
    }
}

fn sign(secret: &Secret, payload: &Payload<'_>) -> Secret {
    let header = Header { alg: "HS256", typ: "JWT" };
    let signed = format!("{}.{}", part(&header), part(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Secret::new(format!("{signed}.{signature}"))
}

fn part(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("text, numbers and booleans are JSON");
    URL_SAFE_NO_PAD.encode(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "APIkey123";

    fn secret() -> Secret {
        Secret::new("secretsecretsecretsecretsecretsecret")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn tokens_are_those_that_another_program_makes() {
        // Python 3: json.dumps(…, separators=(",", ":")), base64.urlsafe_b64encode, hmac.new.
        let join = join_token(KEY, &secret(), "ovcheck-room", "ovcheck-me", at(1_893_456_000));
        assert_eq!(join.expose(), JOIN);
        let admin = room_admin_token(KEY, &secret(), at(1_893_456_000));
        assert_eq!(admin.expose(), ADMIN);
    }

    #[test]
    fn what_a_token_says_is_read() {
        assert_eq!(
            claims(&Secret::new(JOIN)),
            Ok(Claims {
                room: Some("ovcheck-room".to_owned()),
                identity: Some("ovcheck-me".to_owned()),
                expires: Some(at(1_893_456_600)),
                not_before: Some(at(1_893_456_000)),
                room_join: true,
            })
        );
        let admin = claims(&Secret::new(ADMIN)).unwrap();
        assert_eq!((admin.room, admin.room_join), (None, false));
    }

    fn token_of(payload: &str) -> Secret {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Secret::new(format!("{}.{}.{}", part("{}"), part(payload), part("x")))
    }

    #[test]
    fn a_token_of_another_tool_is_read_too() {
        let odd = token_of(r#"{"exp":1893456000.5,"video":{"roomJoin":true,"room":""},"x":[]}"#);
        let odd = claims(&odd).unwrap();
        assert_eq!(odd.expires, Some(at(1_893_456_000)));
        assert_eq!((odd.room, odd.room_join), (None, true));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_told() {
        let table = [
            ("", InvalidToken::Parts(1)),
            ("hush", InvalidToken::Parts(1)),
            ("hush.hush", InvalidToken::Parts(2)),
            ("a.b.c.d", InvalidToken::Parts(4)),
            ("..", InvalidToken::Encoding(1)),
            ("e30.hu+h.e30", InvalidToken::Encoding(2)),
            ("e30.e30.", InvalidToken::Encoding(3)),
            ("e30.aHVzaA.e30", InvalidToken::Claims),
        ];
        for (text, expected) in table {
            let refused = claims(&Secret::new(text)).unwrap_err();
            assert_eq!(refused, expected, "{text}");
            assert!(!refused.to_string().contains("hush"), "{refused}");
        }
        assert_eq!(claims(&token_of("[1]")), Err(InvalidToken::Claims));
        assert_eq!(claims(&token_of(r#"{"exp":"soon"}"#)), Err(InvalidToken::Claims));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-zA-Z0-9_.-]{0,80}", payload in ".{0,80}") {
            let _ = (claims(&Secret::new(text)).is_ok(), claims(&token_of(&payload)).is_ok());
        }
    }

    const JOIN: &str = "\
        eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBUElrZXkxMjMiLCJzdWIiOiJvdmNoZWNrLW1lIiw\
        iaWF0IjoxODkzNDU2MDAwLCJuYmYiOjE4OTM0NTYwMDAsImV4cCI6MTg5MzQ1NjYwMCwidmlkZW8iOnsicm9vbUp\
        vaW4iOnRydWUsInJvb20iOiJvdmNoZWNrLXJvb20iLCJoaWRkZW4iOnRydWUsImNhblB1Ymxpc2giOmZhbHNlLCJ\
        jYW5QdWJsaXNoRGF0YSI6ZmFsc2UsImNhblN1YnNjcmliZSI6ZmFsc2V9LCJyb29tQ29uZmlnIjp7ImVtcHR5VGl\
        tZW91dCI6NSwiZGVwYXJ0dXJlVGltZW91dCI6MX19.25M2eN3IPO2fXuvSkraRgxJn1QE4lyRgiI5RxGKDh1A";

    const ADMIN: &str = "\
        eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBUElrZXkxMjMiLCJpYXQiOjE4OTM0NTYwMDAsIm5\
        iZiI6MTg5MzQ1NjAwMCwiZXhwIjoxODkzNDU2MDYwLCJ2aWRlbyI6eyJyb29tQ3JlYXRlIjp0cnVlfX0.pIsDy0d\
        61VpmtxIASbxj48ATd50ue7RdJ5lw1IfyfPk";
}
