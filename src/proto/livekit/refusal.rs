//! What LiveKit says when it refuses a request.

use crate::model::facts::{FirstBytes, HttpResponse, LivekitRefusal, ServerText};

/// The most characters of LiveKit's words that are kept.
const WORDS: usize = 80;

/// LiveKit's phrases by status, the more telling ones first.
const PHRASES: [(u16, &str, LivekitRefusal); 11] = [
    (401, "signature is invalid", LivekitRefusal::WrongSecret),
    (401, "cryptographic primitive", LivekitRefusal::WrongSecret),
    (401, "invalid API key", LivekitRefusal::UnknownKey),
    (401, "not valid yet", LivekitRefusal::NotValidYet),
    (401, "token is expired", LivekitRefusal::Expired),
    (401, "permissions denied", LivekitRefusal::NoJoinRight),
    (401, "no permissions to access the room", LivekitRefusal::NoToken),
    (401, "token", LivekitRefusal::OtherToken),
    (400, "no room name", LivekitRefusal::NoRoomName),
    (404, "requested room does not exist", LivekitRefusal::NoSuchRoom),
    (500, "connection closed by media", LivekitRefusal::RefusedByMedia),
];

/// Why LiveKit refuses a join; `None`: the response is not one of LiveKit's refusals.
pub fn read(response: &HttpResponse) -> Option<LivekitRefusal> {
    let says = |phrase: &str| response.body.unquoted().contains(phrase);
    PHRASES
        .iter()
        .find(|(status, phrase, _)| *status == response.status && says(phrase))
        .map(|(.., refusal)| *refusal)
}

/// Whether bytes are what LiveKit sends behind the head of its answer to an upgrade: the words of a
/// refusal, or the first frame of a WebSocket, which is binary and whole (RFC 6455 §5.2).
pub fn is_behind_head(bytes: &FirstBytes) -> bool {
    match bytes {
        FirstBytes::Text(text) => {
            PHRASES.iter().any(|(_, phrase, _)| text.unquoted().contains(phrase))
        }
        FirstBytes::Binary(hex) => hex.starts_with("82"),
        _ => false,
    }
}

/// The words of the refusal itself, without the token before them.
pub fn own_words(response: &HttpResponse) -> ServerText {
    let body = response.body.unquoted();
    let error = body.rsplit_once("error: ").map_or(body, |(_, error)| error);
    let short: String = error.trim().chars().take(WORDS).collect();
    ServerText::new(&short)
}
