//! Tokens and secrets as people save them: with what was copied beside them, wrapped, from another system.

/// How long the signature of a token is in base64url: HS256, HS384, HS512.
pub const SIGNATURES: [usize; 3] = [43, 64, 86];

/// The token in what was copied with it (`Bearer …`, quotes, the output of `lk token create`), or in
/// what a mailer broke into lines.
pub fn token_in(text: &str) -> Option<String> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_token = |word: &&str| word.starts_with("eyJ") && word.matches('.').count() == 2;
    let mut words = text.split(|c| !is_of_token(c)).filter(is_token);
    // A word may be only the beginning of a token that was broken into lines.
    let is_whole = |word: &&str| {
        SIGNATURES.iter().any(|it| word.len() - 1 - word.rfind('.').unwrap_or(0) == *it)
    };
    if let Some(word) = words.clone().find(is_whole) {
        return Some(word.to_owned());
    }
    let rest = &text[text.find("eyJ")?..];
    let joined: String =
        rest.chars().filter(|c| !c.is_whitespace()).take_while(|c| is_of_token(*c)).collect();
    let (before, signature) = joined.rsplit_once('.')?;
    if before.matches('.').count() == 1 && signature.len() >= SIGNATURES[0] {
        return Some(format!("{before}.{}", &signature[..SIGNATURES[0]]));
    }
    words.next().map(str::to_owned)
}

/// The text of a file in UTF-8 or, as PowerShell writes it, in UTF-16; without the mark at its
/// beginning.
pub fn decoded(bytes: Vec<u8>) -> Option<String> {
    let units = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..].chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect()
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] => String::from_utf16(&units(u16::from_le_bytes)).ok()?,
        [0xfe, 0xff, ..] => String::from_utf16(&units(u16::from_be_bytes)).ok()?,
        _ => String::from_utf8(bytes).ok()?,
    };
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> String {
        let [header, claims] = ["eyJhbGciOiJIUzI1NiJ9", "eyJpc3MiOiJrZXkifQ"];
        format!("{header}.{claims}.{}", "s".repeat(43))
    }

    #[test]
    fn a_token_is_found_in_what_was_copied_with_it() {
        let token = token();
        let (first, second) = token.split_at(40);
        for text in [
            format!("{token}\n"),
            format!("Bearer {token}"),
            format!("Authorization: Bearer {token}\r\n"),
            format!("\"{token}\""),
            format!("'{token}'"),
            format!("token={token}"),
            format!("{first}\r\n{second}\n"),
            format!("{first}\n    {second}"),
            format!(
                "Token grants:\n{{\n  \"roomJoin\": true,\n  \"room\": \"a\"\n}}\n\n\
                 Project URL: wss://openvidu.example.io\nAccess token: {token}\n"
            ),
            format!("Hello,\nhere it is:\n{first}\n{second}\nBest regards"),
        ] {
            assert_eq!(token_in(&text).as_ref(), Some(&token), "{text}");
        }
        assert_eq!(token_in("no token"), None);
    }

    #[test]
    fn a_token_that_was_cut_stays_cut() {
        let cut = token()[..60].to_owned();
        assert_eq!(token_in(&cut), Some(cut));
    }

    #[test]
    fn a_file_of_another_system_is_read() {
        let wide = |of: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
            let units = "eyJ\r\n".encode_utf16().flat_map(of);
            mark.into_iter().chain(units).collect()
        };
        for bytes in [
            b"eyJ\r\n".to_vec(),
            b"\xef\xbb\xbfeyJ\r\n".to_vec(),
            wide(u16::to_le_bytes, [0xff, 0xfe]),
            wide(u16::to_be_bytes, [0xfe, 0xff]),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Some("eyJ\r\n"));
        }
        assert_eq!(decoded(vec![0xff, 0x00]), None);
    }
}
