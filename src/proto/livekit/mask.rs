//! Servers repeat what they were sent, the access token among it: LiveKit in the body of a refusal, a
//! redirect in its Location.

use crate::model::secret::Secret;

/// How much of a token is enough to know it by: its first characters say only that it is one.
const KNOWN_BY: usize = 16;

/// Whatever stands for the token.
const MASK: &str = "[token]";

/// `text` with `token` masked wherever it stands, also where it is cut off.
pub fn mask(text: &str, token: &Secret) -> String {
    let token = token.expose();
    let Some(beginning) = token.get(..KNOWN_BY) else {
        return text.replace(token, MASK);
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(beginning) {
        masked.push_str(&rest[..at]);
        masked.push_str(MASK);
        let behind = &rest[at..];
        let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
        let end = behind.find(|c| !of_token(c)).unwrap_or(behind.len());
        rest = &behind[end..];
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_masked_whole_and_cut_off() {
        let token = Secret::new("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl-_x");
        let body = format!(
            "invalid token: {}, error: token signature is invalid",
            token.expose()
        );
        let masked = mask(&body, &token);
        assert_eq!(
            masked,
            "invalid token: [token], error: token signature is invalid"
        );
        assert_eq!(mask(&body[..50], &token), "invalid token: [token]");
        let twice = format!("/rtc?access_token={0}&again={0}", token.expose());
        assert_eq!(
            mask(&twice, &token),
            "/rtc?access_token=[token]&again=[token]"
        );
        assert_eq!(mask("nothing here", &token), "nothing here");
        assert_eq!(mask("say hush", &Secret::new("hush")), "say [token]");
    }
}
