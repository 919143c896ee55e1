//! Access tokens for the laboratory's LiveKit, made apart from the program under test.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The key that LiveKit knows, and its secret.
pub const API_KEY: &str = "APIlaboratory";
pub const API_SECRET: &str = "a-secret-of-at-least-32-characters-long";

/// A token for `identity` with these grants. It is the same at any time, so that a service which is
/// told one is the same service in the next situation.
pub fn token(identity: &str, video: &Value) -> String {
    const YEAR_2100: i64 = 4_102_444_800;
    token_until(YEAR_2100, identity, video)
}

/// The same, until then (seconds since 1970).
pub fn token_until(expires: i64, identity: &str, video: &Value) -> String {
    let claims = json!({
        "iss": API_KEY, "sub": identity, "nbf": 0, "exp": expires, "video": video
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(API_SECRET.as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}
