//! What is known of HAProxy's words: its sections, its keywords, the lines that hold secrets, times.

use super::sections::Line;

/// The words that begin a section.
pub const SECTIONS: [&str; 20] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "userlist",
    "mailers",
    "program",
    "http-errors",
    "cache",
    "ring",
    "log-forward",
    "log-profile",
    "fcgi-app",
    "crt-store",
    "traces",
    "acme",
    "namespace_list",
];

/// The first words of lines in `defaults`, `frontend`, `listen` and `backend`, of all versions up to 3.2.
pub const OF_PROXIES: &[&str] = &[
    "acl",
    "appsession",
    "backlog",
    "balance",
    "bind",
    "bind-process",
    "block",
    "capture",
    "clitcpka-cnt",
    "clitcpka-idle",
    "clitcpka-intvl",
    "compression",
    "contimeout",
    "clitimeout",
    "srvtimeout",
    "cookie",
    "declare",
    "default",
    "default-server",
    "default_backend",
    "description",
    "disabled",
    "dispatch",
    "dynamic-cookie-key",
    "email-alert",
    "enabled",
    "error-log-format",
    "errorfile",
    "errorfiles",
    "errorloc",
    "errorloc302",
    "errorloc303",
    "external-check",
    "filter",
    "filter-sequence",
    "force-be-switch",
    "force-persist",
    "fullconn",
    "grace",
    "guid",
    "hash-balance-factor",
    "hash-preserve-affinity",
    "hash-type",
    "http-after-response",
    "http-check",
    "http-error",
    "http-request",
    "http-response",
    "http-reuse",
    "http-send-name-header",
    "id",
    "ignore-persist",
    "load-server-state-from-file",
    "log",
    "log-format",
    "log-format-sd",
    "log-steps",
    "log-tag",
    "max-keep-alive-queue",
    "max-session-srv-conns",
    "maxconn",
    "mode",
    "monitor",
    "monitor-net",
    "monitor-uri",
    "no",
    "option",
    "persist",
    "quic-initial",
    "rate-limit",
    "redirect",
    "redisp",
    "redispatch",
    "reqadd",
    "reqallow",
    "reqdel",
    "reqdeny",
    "reqiallow",
    "reqidel",
    "reqideny",
    "reqipass",
    "reqirep",
    "reqitarpit",
    "reqpass",
    "reqrep",
    "reqtarpit",
    "retries",
    "retry-on",
    "rspadd",
    "rspdel",
    "rspdeny",
    "rspidel",
    "rspideny",
    "rspirep",
    "rsprep",
    "server",
    "server-state-file-name",
    "server-template",
    "source",
    "srvtcpka-cnt",
    "srvtcpka-idle",
    "srvtcpka-intvl",
    "stats",
    "stick",
    "stick-table",
    "tcp-check",
    "tcp-request",
    "tcp-response",
    "timeout",
    "transparent",
    "unique-id-format",
    "unique-id-header",
    "use-fcgi-app",
    "use-server",
    "use_backend",
];

/// The words behind `timeout`.
pub const TIMEOUTS: &[&str] = &[
    "check",
    "client",
    "client-fin",
    "client-hs",
    "connect",
    "http-keep-alive",
    "http-request",
    "queue",
    "server",
    "server-fin",
    "tarpit",
    "tunnel",
];

const SECRET: [&str; 9] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "api-key",
    "api_key",
    "apikey",
];

/// Whether a line that could not be read may hold a secret.
pub fn may_hold_secret(line: &[u8], section: &str) -> bool {
    let text = String::from_utf8_lossy(line).to_ascii_lowercase();
    section == "userlist" || text.contains("auth") || SECRET.iter().any(|part| text.contains(part))
}

/// Of a line with a secret, how many of its first words are none; `None` for a line without a secret.
pub fn clear_words(line: &Line, section: &str) -> Option<usize> {
    let is_secret = |text: &str| {
        let text = text.to_ascii_lowercase();
        SECRET.iter().any(|part| text.contains(part))
    };
    // The name of a header, or what reads one: its value comes behind it.
    let names_secret = || {
        let is_name = |index: &usize| {
            let before = line.text(index - 1);
            let is_header = before.ends_with("-header") || before == "hdr";
            (is_header || line.text(*index).contains('(')) && is_secret(line.text(*index))
        };
        (1..line.words.len()).find(is_name).map(|index| index + 1)
    };
    let calculates = || {
        const WITH_KEY: [&str; 4] = ["jwt_verify(", "hmac(", "aes_gcm_dec(", "aes_cbc_dec("];
        let has_key = |text: &str| WITH_KEY.iter().any(|part| text.contains(part));
        line.words.iter().position(|word| has_key(&word.text))
    };
    match line.text(0) {
        "user" if section == "userlist" => Some(2),
        "stats" if line.text(1) == "auth" => Some(2),
        "setenv" | "presetenv" if is_secret(line.text(1)) => Some(2),
        "dynamic-cookie-key" => Some(1),
        "tcp-check" if line.text(1).starts_with("send") => Some(2),
        "http-request"
        | "http-response"
        | "http-after-response"
        | "http-check"
        | "acl"
        | "use_backend"
        | "redirect"
        | "tcp-request" => names_secret().or_else(calculates),
        _ => None,
    }
}

/// The milliseconds of a time (`parse_time_err`): `30s`, `1h`, `500`. A number without unit is milliseconds. What
/// comes behind the unit is passed over with a warning.
pub fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    // The counter of HAProxy is one of 31 bits, in milliseconds.
    const MOST: u64 = i32::MAX as u64;
    const SECOND: u64 = 1_000;
    let unit = &text[digits..];
    let factor = match unit.as_bytes() {
        [b'u', b's', ..] => return Some(number.div_ceil(1_000)).filter(|time| *time <= MOST),
        [] | [b'm', b's', ..] => 1,
        [b's', ..] => SECOND,
        [b'm', ..] => 60 * SECOND,
        [b'h', ..] => 60 * 60 * SECOND,
        [b'd', ..] => 24 * 60 * 60 * SECOND,
        _ => return None,
    };
    number.checked_mul(factor).filter(|time| *time <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_haproxy() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("1h", Some(3_600_000)),
            ("500", Some(500)),
            ("10us", Some(1)),
            ("1h30m", Some(3_600_000)),
            ("10x", None),
            ("", None),
            ("-1", None),
            ("30d", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
