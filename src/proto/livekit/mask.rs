//! Servers repeat what they were sent, the access token among it: LiveKit in the body of a refusal, a
//! redirect in its Location.

use std::collections::HashSet;

use crate::model::secret::Secret;

/// How many bytes of a secret, wherever in it, are enough to know it by.
const KNOWN_BY: usize = 16;

/// What stands in its place.
const MASK: &str = "[secret]";

/// `text` with `secret` masked wherever it stands, or a part of it does: cut off, or without its
/// beginning.
pub fn mask(text: &str, secret: &Secret) -> String {
    let secret = secret.expose();
    if secret.len() < KNOWN_BY {
        return match secret {
            "" => text.to_owned(),
            secret => text.replace(secret, MASK),
        };
    }
    let parts: HashSet<&[u8]> = secret.as_bytes().windows(KNOWN_BY).collect();
    let is_part = |end: usize| {
        let part = text.as_bytes().get(end.wrapping_sub(KNOWN_BY)..end);
        part.is_some_and(|part| parts.contains(part))
    };
    let mut masked = String::new();
    let mut behind = 0;
    for (at, c) in text.char_indices() {
        if at < behind {
            continue;
        }
        behind = at + KNOWN_BY;
        if is_part(behind) {
            while is_part(behind + 1) {
                behind += 1;
            }
            masked.push_str(MASK);
        } else {
            behind = at;
            masked.push(c);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_masked_whole_and_cut_off() {
        let token = Secret::new("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl-_x");
        let body = format!("invalid token: {}, error: token signature is invalid", token.expose());
        let masked = mask(&body, &token);
        assert_eq!(masked, "invalid token: [secret], error: token signature is invalid");
        assert_eq!(mask(&body[..50], &token), "invalid token: [secret]");
        let twice = format!("/rtc?access_token={0}&again={0}", token.expose());
        assert_eq!(mask(&twice, &token), "/rtc?access_token=[secret]&again=[secret]");
        let end = &token.expose()[30..];
        assert_eq!(mask(&format!("wrong: {end}é"), &token), "wrong: [secret]é");
        assert_eq!(mask("nothing hére", &token), "nothing hére");
        assert_eq!(mask("nothing", &Secret::new("")), "nothing");
        assert_eq!(mask("say hush", &Secret::new("hush")), "say [secret]");
    }
}
