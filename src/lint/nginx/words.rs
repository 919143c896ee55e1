//! What is known of nginx's directives: which hold secrets, and for those that decide where connections go, in
//! which blocks they may stand. Directives that are not listed are carried along.

use super::tree::Directive;

/// Whether the words of a directive hold a secret: none of them is kept.
pub fn has_secret(directive: &Directive) -> bool {
    let name = directive.name.text.as_str();
    let first = directive.arg(0).unwrap_or_default().to_ascii_lowercase();
    match name {
        "proxy_set_header"
        | "grpc_set_header"
        | "add_header"
        | "more_set_headers"
        | "more_set_input_headers"
        | "uwsgi_param"
        | "fastcgi_param"
        | "proxy_pass_header" => [
            "authorization",
            "cookie",
            "token",
            "secret",
            "password",
            "api-key",
            "api_key",
            "apikey",
        ]
        .iter()
        .any(|part| first.contains(part)),
        "auth_basic" | "auth_basic_user_file" | "auth_request" | "auth_delay" => false,
        "set" | "env" => is_secret_name(&first),
        _ => {
            name.starts_with("auth_")
                || name.contains("secret")
                || name.contains("password")
                || name.contains("_api_key")
                || name == "secure_link_md5"
                || name == "userid_mark"
        }
    }
}

/// How many words of a directive with a secret are none: the name of the header or variable.
pub fn clear_words(name: &str) -> usize {
    if name.ends_with("_header") || name == "set" || name.ends_with("_param") { 1 } else { 0 }
}

/// Whether the keys of a block (`map $http_authorization …`) are secrets.
pub fn has_secret_keys(directive: &Directive) -> bool {
    let source = directive.arg(0).unwrap_or_default().to_ascii_lowercase();
    directive.is("map") && (is_secret_name(&source) || source.contains("cookie_"))
}

fn is_secret_name(name: &str) -> bool {
    ["authorization", "token", "secret", "password", "passwd", "apikey", "api_key", "http_cookie"]
        .iter()
        .any(|part| name.contains(part))
}

/// Blocks in which a directive may stand, as bits.
pub mod block {
    pub const MAIN: u16 = 1;
    pub const EVENTS: u16 = 1 << 1;
    pub const HTTP: u16 = 1 << 2;
    pub const SERVER: u16 = 1 << 3;
    pub const LOCATION: u16 = 1 << 4;
    /// `if` in `server`.
    pub const SERVER_IF: u16 = 1 << 5;
    /// `if` in `location`.
    pub const LOCATION_IF: u16 = 1 << 6;
    pub const LIMIT: u16 = 1 << 7;
    pub const UPSTREAM: u16 = 1 << 8;
    pub const STREAM: u16 = 1 << 9;
    pub const STREAM_SERVER: u16 = 1 << 10;
    pub const STREAM_UPSTREAM: u16 = 1 << 11;
}

/// What a directive takes as its only word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Any,
    /// `on` or `off`.
    Flag,
    /// `10s`, `1h 30m`.
    Time,
    Number,
}

/// What is known of a directive.
#[derive(Debug)]
pub struct Known {
    pub name: &'static str,
    pub within: u16,
    pub least: usize,
    pub most: usize,
    pub has_block: bool,
    /// Whether nginx refuses a second one in the same block.
    pub is_once: bool,
    pub takes: Takes,
}

const MANY: usize = usize::MAX;
const H: u16 = block::HTTP | block::SERVER | block::LOCATION;
const S: u16 = block::STREAM | block::STREAM_SERVER;
const REWRITE: u16 = block::SERVER | block::SERVER_IF | block::LOCATION | block::LOCATION_IF;
const IN_LOCATION: u16 = block::LOCATION | block::LOCATION_IF | block::LIMIT;

const fn once(name: &'static str, within: u16, takes: Takes) -> Known {
    Known { name, within, least: 1, most: 1, has_block: false, is_once: true, takes }
}

const fn many(name: &'static str, within: u16, least: usize, most: usize) -> Known {
    Known { name, within, least, most, has_block: false, is_once: false, takes: Takes::Any }
}

const fn holds(name: &'static str, within: u16, words: (usize, usize), is_once: bool) -> Known {
    Known {
        name,
        within,
        least: words.0,
        most: words.1,
        has_block: true,
        is_once,
        takes: Takes::Any,
    }
}

/// The directives that are known, by nginx 1.22 (`ngx_command_t` of its modules).
pub const KNOWN: &[Known] = &[
    many("user", block::MAIN, 1, 2),
    once("worker_processes", block::MAIN, Takes::Any),
    once("worker_rlimit_nofile", block::MAIN, Takes::Number),
    once("worker_shutdown_timeout", block::MAIN, Takes::Time),
    once("pid", block::MAIN, Takes::Any),
    once("daemon", block::MAIN, Takes::Flag),
    once("master_process", block::MAIN, Takes::Flag),
    many("load_module", block::MAIN, 1, 1),
    holds("events", block::MAIN, (0, 0), true),
    holds("http", block::MAIN, (0, 0), true),
    holds("stream", block::MAIN, (0, 0), true),
    once("worker_connections", block::EVENTS, Takes::Number),
    once("multi_accept", block::EVENTS, Takes::Flag),
    once("use", block::EVENTS, Takes::Any),
    // `server` is a block, and a member of an upstream: see `known`.
    holds("upstream", block::HTTP | block::STREAM, (1, 1), false),
    holds("map", block::HTTP | block::STREAM, (2, 2), false),
    holds("geo", block::HTTP | block::STREAM, (1, 2), false),
    holds("split_clients", block::HTTP | block::STREAM, (2, 2), false),
    holds("location", block::SERVER | block::LOCATION, (1, 2), false),
    holds("if", block::SERVER | block::LOCATION, (1, MANY), false),
    holds("limit_except", block::LOCATION, (1, MANY), false),
    holds("types", H, (0, 0), false),
    many("listen", block::SERVER | block::STREAM_SERVER, 1, MANY),
    many("server_name", block::SERVER | block::STREAM_SERVER, 1, MANY),
    once("proxy_pass", IN_LOCATION | block::STREAM_SERVER, Takes::Any),
    many("return", REWRITE | block::STREAM_SERVER, 1, 2),
    many("rewrite", REWRITE, 2, 3),
    many("set", REWRITE | block::STREAM_SERVER, 2, 2),
    many("break", REWRITE, 0, 0),
    once("root", H | block::LOCATION_IF, Takes::Any),
    once("alias", block::LOCATION, Takes::Any),
    many("index", H, 1, MANY),
    many("try_files", block::SERVER | block::LOCATION, 2, MANY),
    many("error_page", H | block::LOCATION_IF, 2, MANY),
    many("internal", block::LOCATION, 0, 0),
    many("auth_request", H, 1, 1),
    once("proxy_http_version", H, Takes::Any),
    many("proxy_set_header", H, 2, 2),
    once("proxy_buffering", H, Takes::Flag),
    once("proxy_request_buffering", H, Takes::Flag),
    once("proxy_read_timeout", H, Takes::Time),
    once("proxy_send_timeout", H, Takes::Time),
    once("proxy_connect_timeout", H | S, Takes::Time),
    once("proxy_timeout", S, Takes::Time),
    once("proxy_ssl", S, Takes::Flag),
    once("proxy_protocol", S, Takes::Flag),
    once("proxy_protocol_timeout", S, Takes::Time),
    once("proxy_half_close", S, Takes::Flag),
    once("proxy_responses", S, Takes::Number),
    once("proxy_requests", S, Takes::Number),
    once("ssl_preread", S, Takes::Flag),
    once("preread_timeout", S, Takes::Time),
    once("ssl_handshake_timeout", S, Takes::Time),
    many("ssl_alpn", S, 1, MANY),
    many("ssl_protocols", block::HTTP | block::SERVER | S, 1, MANY),
    once("ssl_ciphers", block::HTTP | block::SERVER | S, Takes::Any),
    many("ssl_certificate", block::HTTP | block::SERVER | S, 1, 1),
    many("ssl_certificate_key", block::HTTP | block::SERVER | S, 1, 1),
    once("ssl_prefer_server_ciphers", block::HTTP | block::SERVER | S, Takes::Flag),
    once("ssl_session_timeout", block::HTTP | block::SERVER | S, Takes::Time),
    once("ssl_session_tickets", block::HTTP | block::SERVER | S, Takes::Flag),
    once("ssl_verify_client", block::HTTP | block::SERVER | S, Takes::Any),
    once("ssl_client_certificate", block::HTTP | block::SERVER | S, Takes::Any),
    once("ssl_reject_handshake", block::HTTP | block::SERVER, Takes::Flag),
    many("access_log", H | block::LOCATION_IF | block::LIMIT | S, 1, MANY),
    many("add_header", H | block::LOCATION_IF, 2, 3),
    many("allow", H | block::LIMIT | S, 1, 1),
    many("deny", H | block::LIMIT | S, 1, 1),
    once("client_max_body_size", H, Takes::Any),
    once("default_type", H, Takes::Any),
    once("sendfile", H | block::LOCATION_IF, Takes::Flag),
    once("tcp_nopush", H, Takes::Flag),
    once("tcp_nodelay", H | S, Takes::Flag),
    many("resolver", H | S, 1, MANY),
    many("keepalive", block::UPSTREAM, 1, 1),
    many("least_conn", block::UPSTREAM | block::STREAM_UPSTREAM, 0, 0),
    many("ip_hash", block::UPSTREAM, 0, 0),
    many("hash", block::UPSTREAM | block::STREAM_UPSTREAM, 1, 2),
    many("zone", block::UPSTREAM | block::STREAM_UPSTREAM, 1, 2),
    many("set_real_ip_from", H | S, 1, 1),
    once("real_ip_header", H, Takes::Any),
    once("server_tokens", H, Takes::Any),
    once("server_names_hash_bucket_size", block::HTTP, Takes::Number),
];

const SERVER_BLOCK: Known = holds("server", block::HTTP | block::STREAM, (0, 0), false);
const MEMBER: Known = many("server", block::UPSTREAM | block::STREAM_UPSTREAM, 1, MANY);

/// What is known of the directive with this name in such a block.
pub fn known(name: &str, within: u16) -> Option<&'static Known> {
    if name == "server" {
        let is_member = within & MEMBER.within != 0;
        return Some(if is_member { &MEMBER } else { &SERVER_BLOCK });
    }
    KNOWN.iter().find(|known| known.name == name)
}

/// Whether no module can have a directive with this name.
pub fn is_no_directive(name: &str) -> bool {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    name.is_empty() || !is_word || matches!(name, "default" | "hostnames")
}

/// The milliseconds of a time (`ngx_parse_time`): `10s`, `1h30m`, `500ms`, `30`.
pub fn milliseconds(text: &str) -> Option<u64> {
    const SECOND: u64 = 1_000;
    const DAY: u64 = 86_400 * SECOND;
    let mut total = 0_u64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let units = [
            ("ms", 1),
            ("y", 365 * DAY),
            ("M", 30 * DAY),
            ("w", 7 * DAY),
            ("d", DAY),
            ("h", 3_600 * SECOND),
            ("m", 60 * SECOND),
            ("s", SECOND),
        ];
        let unit = units.iter().find(|(unit, _)| rest.starts_with(unit));
        let (width, worth) = match unit {
            Some((unit, worth)) => (unit.len(), *worth),
            None if rest.is_empty() || rest.starts_with(' ') => (0, SECOND),
            None => return None,
        };
        // Units come in order, each once.
        if worth >= largest {
            return None;
        }
        largest = worth;
        rest = rest[width..].trim_start_matches(' ');
        total = total.checked_add(number.checked_mul(worth)?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("30", Some(30_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("1m 30s", Some(90_000)),
            ("", None),
            ("s", None),
            ("30x", None),
            ("30s1h", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
