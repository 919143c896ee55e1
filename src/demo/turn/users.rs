//! The users of the TURN server: all participants that have joined a room.

use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use turn::auth::{AuthHandler, generate_auth_key};

use super::REALM;
use crate::model::secret::Secret;

/// Whether the server knows the passwords that participants receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    Known,
    /// They are of another secret than the server's.
    Unknown,
}

/// As in LiveKit, a password follows from the user's name and a secret, and is good longer than the
/// session that it was made for.
pub struct Users {
    secret: Secret,
    credentials: Credentials,
}

impl Users {
    /// Users whose passwords are made with `secret`.
    pub fn new(secret: Secret, credentials: Credentials) -> Self {
        Self { secret, credentials }
    }

    /// A new user's name and password.
    pub fn new_user(&self) -> (String, String) {
        let name = super::super::livekit::random(30);
        let password = self.password(&name);
        (name, password)
    }

    /// The key of MESSAGE-INTEGRITY (RFC 8489 §9.2.2). `None`: the user name is unknown.
    pub fn key(&self, name: &str) -> Option<Vec<u8>> {
        match self.credentials {
            Credentials::Known => Some(generate_auth_key(name, REALM, &self.password(name))),
            Credentials::Unknown => None,
        }
    }

    fn password(&self, name: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes());
        let mut mac = mac.expect("HMAC takes keys of every length");
        mac.update(name.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

impl AuthHandler for Users {
    fn auth_handle(&self, name: &str, _: &str, _: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        self.key(name).ok_or(turn::Error::ErrNoSuchUser)
    }
}
