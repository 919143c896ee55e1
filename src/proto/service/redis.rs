//! Redis: an inline `PING` and its answer in RESP (Redis serialization protocol specification,
//! "Simple strings", "Simple errors").

use super::{remainder, stranger};
use crate::model::facts::{RedisAnswer, ServerText, ServiceAnswer};

/// The command, as a person would type it.
pub const PING: &[u8] = b"PING\r\n";

/// The longest line that is read. Redis's longest, of protected mode, has about 1,000 bytes.
pub const LONGEST: usize = 2048;

/// What only a Redis is asked that needs no password: of which mode it is.
pub const INFO: &[u8] = b"INFO server\r\n";

/// The longest `INFO server` that is read. Redis 7 sends about 600 bytes.
pub const LONGEST_INFO: usize = 8 * 1024;

/// The line of `INFO server` by which a Sentinel says that it is one (Redis: "INFO", section
/// "server").
const SENTINEL: &[u8] = b"redis_mode:sentinel";

/// Errors that come before the question of a password, or say nothing about it.
const OTHER_ERRORS: [&str; 2] = ["NOPERM ", "ERR max number of clients reached"];

/// Errors of commands that were let in.
const BUSY: [&str; 4] = ["LOADING ", "MASTERDOWN ", "MISCONF ", "BUSY "];

/// Reads what came so far; `None` as long as more may tell. `received` is not empty.
pub fn read(received: &[u8]) -> Option<ServiceAnswer> {
    if !matches!(received.first(), Some(b'+' | b'-')) {
        return stranger(received);
    }
    match received.iter().position(|byte| *byte == b'\n') {
        Some(end) => Some(line(&received[..end]).unwrap_or_else(|| remainder(received))),
        None if received.len() >= LONGEST => Some(remainder(received)),
        None => None,
    }
}

/// Who answered `PING` with `+PONG`, by what came so far for [`INFO`]; `None` as long as more may
/// tell. `received` is not empty.
pub fn read_info(received: &[u8]) -> Option<ServiceAnswer> {
    let length = received.strip_prefix(b"$").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let digits = std::str::from_utf8(rest[..end].strip_suffix(b"\r")?).ok()?;
        digits.parse::<usize>().ok()?.checked_add(end + 2)
    });
    let is_whole = match length {
        Some(length) => received.len() >= length.min(LONGEST_INFO),
        // An error is a line; anything else ends nowhere.
        None => received.first() != Some(&b'$') || received.contains(&b'\n'),
    };
    is_whole.then(|| by_info(received))
}

/// Who answered `PING` with `+PONG`, by what came for [`INFO`], whole or not.
pub fn by_info(received: &[u8]) -> ServiceAnswer {
    let mut lines = received.split(|byte| *byte == b'\n');
    let is_sentinel = lines.any(|line| line.strip_suffix(b"\r") == Some(SENTINEL));
    ServiceAnswer::Redis(if is_sentinel { RedisAnswer::Sentinel } else { RedisAnswer::Pong })
}

/// A line without its end, when it is one of Redis's.
fn line(line: &[u8]) -> Option<ServiceAnswer> {
    let line = std::str::from_utf8(line.strip_suffix(b"\r")?).ok()?;
    if line == "+PONG" {
        return Some(ServiceAnswer::Redis(RedisAnswer::Pong));
    }
    let error = line.strip_prefix('-')?;
    let begins = |words: &[&str]| words.iter().any(|word| error.starts_with(word));
    let answer = if begins(&["NOAUTH "]) {
        RedisAnswer::NoAuth
    } else if begins(&["DENIED "]) {
        RedisAnswer::Denied
    } else if begins(&BUSY) {
        RedisAnswer::Busy(ServerText::new(error))
    } else if begins(&OTHER_ERRORS) {
        RedisAnswer::Error(ServerText::new(error))
    } else {
        return None;
    };
    Some(ServiceAnswer::Redis(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;

    fn text(text: &str) -> ServiceAnswer {
        ServiceAnswer::Other(FirstBytes::Text(ServerText::new(text)))
    }

    #[test]
    fn answers_of_redis_are_told_apart() {
        let busy = "LOADING Redis is loading the dataset in memory";
        let error = "NOPERM User default has no permissions to run the 'ping' command";
        let cases: [(&[u8], RedisAnswer); 5] = [
            (b"+PONG\r\n", RedisAnswer::Pong),
            (b"-NOAUTH Authentication required.\r\n", RedisAnswer::NoAuth),
            (
                b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n",
                RedisAnswer::Denied,
            ),
            (
                b"-LOADING Redis is loading the dataset in memory\r\n",
                RedisAnswer::Busy(ServerText::new(busy)),
            ),
            (
                b"-NOPERM User default has no permissions to run the 'ping' command\r\n",
                RedisAnswer::Error(ServerText::new(error)),
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes), Some(ServiceAnswer::Redis(expected)));
        }
    }

    #[test]
    fn a_sentinel_says_that_it_is_one() {
        let sentinel = b"$52\r\n# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n\r\n";
        assert_eq!(read_info(sentinel), Some(ServiceAnswer::Redis(RedisAnswer::Sentinel)));
        assert_eq!(read_info(&sentinel[..3]), None);
        assert_eq!(read_info(&sentinel[..30]), None);
        let store = b"$29\r\n# Server\r\nredis_mode:cluster\r\n";
        let store = [store.as_slice(), b"\r\n"].concat();
        for other in [
            store.as_slice(),
            b"-NOPERM User default has no permissions\r\n",
            b"-ERR redis_mode:sentinel\r\n",
            b"what",
        ] {
            assert_eq!(read_info(other), Some(ServiceAnswer::Redis(RedisAnswer::Pong)));
        }
    }

    #[test]
    fn a_length_that_lies_leads_nowhere() {
        for lying in ["$99999999999999999999999999\r\nx", "$-1\r\n", "$18446744073709551615\r\nx"] {
            let _ = read_info(lying.as_bytes());
        }
    }

    #[test]
    fn a_line_counts_when_it_is_whole() {
        assert_eq!(read(b"+PONG"), None);
        assert_eq!(read(b"-NOAUTH Authentication requ"), None);
        assert_eq!(remainder(b"+PON"), text("+PON"));
    }

    #[test]
    fn what_only_looks_like_redis_is_not() {
        assert_eq!(read(b"+OK POP3 ready\r\n"), Some(text("+OK POP3 ready")));
        assert_eq!(read(b"-ERR unknown command\r\n"), Some(text("-ERR unknown command")));
        assert_eq!(read(b"+PONG\n"), Some(text("+PONG")));
        let http = FirstBytes::Http(ServerText::new("HTTP/1.1 400 Bad Request"));
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n"), Some(ServiceAnswer::Other(http)));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let endless = [b"+".as_slice(), &[b'a'; 4096]].concat();
        assert!(matches!(read(&endless), Some(ServiceAnswer::Other(FirstBytes::Text(_)))));
    }
}
