//! Access tokens (JWT, HS256) as LiveKit 1.13.5 checks them, with its words where it refuses one.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::model::secret::Secret;
use crate::model::timestamp::Timestamp;

/// The maximum difference between the server's clock and that of the token's creator, in seconds.
const LEEWAY: i64 = 60;

/// How long a token of the server itself is good, in seconds.
const LIFETIME: i64 = 600;

/// The API key and its secret, as the server has them.
pub struct ApiKey {
    pub key: String,
    pub secret: Secret,
}

/// The permissions of a token.
#[derive(Debug, PartialEq, Eq)]
pub struct Grants {
    pub identity: String,
    pub room_join: bool,
    pub room_create: bool,
    pub room_list: bool,
    pub room: String,
}

/// The claims that matter here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    iss: String,
    sub: String,
    nbf: Option<i64>,
    exp: Option<i64>,
    video: Video,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Video {
    room_join: bool,
    room_create: bool,
    room_list: bool,
    room: String,
}

impl ApiKey {
    /// The permissions of `token` at `now`.
    ///
    /// # Errors
    /// The body of LiveKit's 401, which repeats the token.
    pub fn grants(&self, token: &str, now: Timestamp) -> Result<Grants, String> {
        let (head, claims) = read(token).ok_or("invalid authorization token")?;
        if claims.iss != self.key {
            return Err(format!("invalid API key: {}", claims.iss));
        }
        self.objection(token, &head, &claims, now)
            .map_or(Ok(()), |why| Err(format!("invalid token: {token}, error: {why}")))?;
        Ok(Grants {
            identity: claims.sub,
            room_join: claims.video.room_join,
            room_create: claims.video.room_create,
            room_list: claims.video.room_list,
            room: claims.video.room,
        })
    }

    fn objection(
        &self,
        token: &str,
        algorithm: &str,
        claims: &Claims,
        now: Timestamp,
    ) -> Option<String> {
        if algorithm != "HS256" {
            return Some(format!(
                "token signature is invalid: signing method {algorithm} is invalid"
            ));
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        if self.mac(signed).verify_slice(&signature).is_err() {
            return Some("token signature is invalid: signature is invalid".to_owned());
        }
        let now = now.unix_seconds();
        if claims.exp.is_some_and(|exp| now >= exp.saturating_add(LEEWAY)) {
            return Some("token has invalid claims: token is expired".to_owned());
        }
        if claims.nbf.is_some_and(|nbf| now + LEEWAY < nbf) {
            return Some("token has invalid claims: token is not valid yet".to_owned());
        }
        None
    }

    /// A token with which a participant may come back.
    pub fn refreshed(&self, identity: &str, room: &str, now: Timestamp) -> String {
        let now = now.unix_seconds();
        let claims = serde_json::json!({
            "iss": self.key,
            "sub": identity,
            "nbf": now,
            "exp": now + LIFETIME,
            "video": {"roomJoin": true, "room": room},
        });
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let head = encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", encode(&claims.to_string()));
        let signature = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(self.secret.expose().as_bytes());
        let mut mac = mac.expect("HMAC takes keys of every length");
        mac.update(text.as_bytes());
        mac
    }
}

/// The algorithm and the claims of a token whose signature is not verified yet.
fn read(token: &str) -> Option<(String, Claims)> {
    #[derive(Deserialize)]
    struct Head {
        alg: String,
    }
    let mut parts = token.splitn(3, '.');
    let mut next = || BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok();
    let (head, claims) = (next()?, next()?);
    parts.next()?;
    let head: Head = serde_json::from_slice(&head).ok()?;
    Some((head.alg, serde_json::from_slice(&claims).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> ApiKey {
        ApiKey { key: "APIkey".to_owned(), secret: Secret::new(secret) }
    }

    /// This many seconds after the tokens here are made.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn a_minute_is_forgiven_on_either_side() {
        let key = key("secret");
        let token = key.refreshed("me", "room", at(0));
        for (seconds, why) in [
            (-61, Some("token has invalid claims: token is not valid yet")),
            (-60, None),
            (0, None),
            (659, None),
            (660, Some("token has invalid claims: token is expired")),
        ] {
            let refused = key.grants(&token, at(seconds)).err();
            let expected = why.map(|why| format!("invalid token: {token}, error: {why}"));
            assert_eq!(refused, expected, "{seconds}");
        }
    }

    #[test]
    fn refusals_have_livekits_words() {
        let token = key("another").refreshed("me", "room", at(0));
        assert_eq!(
            key("secret").grants(&token, at(0)),
            Err(format!(
                "invalid token: {token}, error: token signature is invalid: signature is invalid"
            ))
        );
        let other = ApiKey { key: "APIother".to_owned(), secret: Secret::new("secret") };
        let token = other.refreshed("me", "room", at(0));
        assert_eq!(
            key("secret").grants(&token, at(0)),
            Err("invalid API key: APIother".to_owned())
        );
        for garbage in ["", "abc", "a.b.c", "e30.e30"] {
            assert_eq!(
                key("secret").grants(garbage, at(0)),
                Err("invalid authorization token".to_owned())
            );
        }
    }
}
