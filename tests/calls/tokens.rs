//! Access tokens as an application makes them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use ovcheck::model::secret::{Credentials, Secret};
use ovcheck::net::clock::Clock;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::peers::{KEY, SECRET};

/// What a token says.
pub struct Token {
    pub key: &'static str,
    pub secret: &'static str,
    /// Seconds from now to when it begins to be good, and as long again to its end.
    pub from_s: i64,
    pub until_s: i64,
    pub video: Value,
}

impl Token {
    /// Of somebody who may join `room`, and do everything there.
    pub fn joining(room: &str) -> Self {
        Self {
            key: KEY,
            secret: SECRET,
            from_s: 0,
            until_s: 600,
            video: json!({"roomJoin": true, "room": room}),
        }
    }

    /// Of somebody who administers `room`, and sees all.
    pub fn administering(room: &str) -> Self {
        Self {
            video: json!({"roomList": true, "roomAdmin": true, "roomCreate": true, "room": room}),
            ..Self::joining(room)
        }
    }

    pub fn text(&self) -> String {
        let now = Clock::start().now().unix_seconds();
        let payload = json!({
            "iss": self.key,
            "sub": "somebody",
            "nbf": now + self.from_s,
            "exp": now + self.until_s,
            "video": self.video,
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", part(&header), part(&payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::Token(Secret::new(self.text()))
    }
}
