//! The values of variables for one connection.

use std::collections::BTreeMap;

use super::follow::Walk;
use super::index::Side;
use super::map_keys::{MapKey, map_keys, taking};
use super::tree::{Body, Directive};
use crate::lint::pattern::{Captures, Pattern};
use crate::lint::source::Span;
use crate::lint::way::Ended;
use crate::model::configuration::{End, Layer, MetSetting, Opening, StartFailure, Undecided};
use crate::model::facts::ServerText;

/// Maps that lead into each other, deeper than anyone writes them.
const DEEPEST: usize = 20;

/// A part of a text with variables.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// The parts of a word: `$name`, `${name}`, `$1`, and what is between.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, after) = rest.split_at(dollar);
        let after = &after[1..];
        let (name, behind) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, behind)) => (name, behind),
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let length = after.find(|c| !is_name(c)).unwrap_or(after.len());
                // `$1` is one digit.
                let is_capture = after.starts_with(|c: char| c.is_ascii_digit());
                after.split_at(if is_capture { 1 } else { length })
            }
        };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        if name.is_empty() {
            parts.push(Part::Text("$"));
        } else {
            parts.push(Part::Variable(name));
        }
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// Whether a word has a variable.
pub fn has_variable(text: &str) -> bool {
    parts(text).iter().any(|part| matches!(part, Part::Variable(_)))
}

/// What the variables of one connection are made of.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The name in the ClientHello, where there is one.
    pub sni: Option<String>,
    /// Where TLS ended here.
    pub tls_ended: bool,
    /// Where the ClientHello is read without ending TLS.
    pub is_preread: bool,
    /// The `Host` header; `None`: the address.
    pub host: Option<String>,
    pub opening: Opening,
    pub path: String,
    /// Of the listener.
    pub port: u16,
    /// The first name of the server that takes the request.
    pub server_name: String,
    pub captures: Captures,
    /// `set`.
    pub set: BTreeMap<String, String>,
    /// The `Upgrade` header that arrives.
    pub has_upgrade: bool,
}

/// What a variable of nginx itself is.
enum Builtin {
    Value(String),
    /// It depends on the client or on the moment.
    Runtime,
    Unknown,
}

impl<'t> Walk<'_, 't> {
    /// The value of a word.
    pub fn expand(&mut self, side: &Side<'t>, text: &str, at: Span) -> Result<String, Ended> {
        self.expand_within(side, text, at, 0)
    }

    fn expand_within(
        &mut self,
        side: &Side<'t>,
        text: &str,
        at: Span,
        depth: usize,
    ) -> Result<String, Ended> {
        let mut value = String::new();
        for part in parts(text) {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Variable(name) => value.push_str(&self.variable(side, name, at, depth)?),
            }
        }
        Ok(value)
    }

    fn variable(
        &mut self,
        side: &Side<'t>,
        name: &str,
        at: Span,
        depth: usize,
    ) -> Result<String, Ended> {
        let undecided = || {
            let variable = ServerText::new(&format!("${name}"));
            Ended::undecided(Undecided::Variable(variable), at)
        };
        if depth > DEEPEST {
            return Err(undecided());
        }
        if let Ok(number) = name.parse::<usize>() {
            return Ok(self.environment.captures.groups.get(number).cloned().unwrap_or_default());
        }
        if let Some(value) = self.environment.set.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.environment.captures.names.get(name) {
            return Ok(value.clone());
        }
        if let Some(map) = side.maps.get(name) {
            return self.map_value(side, map, depth);
        }
        if let Some(needs) = never_set(name, &self.environment, side.layer) {
            let name = ServerText::new(&format!("${name}"));
            self.meet(at, MetSetting::EmptyVariable { name, needs: ServerText::new(needs) });
        }
        match builtin(name, &self.environment, side.layer) {
            Builtin::Value(value) => Ok(value),
            Builtin::Runtime => Err(undecided()),
            Builtin::Unknown if side.computed.contains_key(name) => Err(undecided()),
            Builtin::Unknown if side.unread.is_some() || self.has_named_group(name) => {
                Err(undecided())
            }
            Builtin::Unknown => {
                let variable = ServerText::new(&format!("${name}"));
                let end = End::NotStarted(StartFailure::UnknownVariable(variable));
                Err(Ended { end, at: Some(at) })
            }
        }
    }

    /// Whether a regular expression somewhere has a group of this name.
    fn has_named_group(&self, name: &str) -> bool {
        let group = format!("<{name}>");
        self.index
            .tree
            .sources
            .files()
            .iter()
            .any(|file| file.bytes.windows(group.len()).any(|window| window == group.as_bytes()))
    }

    fn map_value(
        &mut self,
        side: &Side<'t>,
        map: &'t Directive,
        depth: usize,
    ) -> Result<String, Ended> {
        let Some(source) = map.args.first() else { return Ok(String::new()) };
        let input = self.expand_within(side, &source.text, source.span, depth + 1)?;
        let entry = self.map_entry(map, &input)?;
        let Some(value) = entry.and_then(|entry| entry.args.first()) else {
            self.last_map = Some(map);
            self.meet_nothing(map, &source.text, &input);
            return Ok(String::new());
        };
        self.chosen(map, value.span, &source.text, &value.text);
        self.expand_within(side, &value.text, value.span, depth + 1)
    }

    /// A map has nothing for a value.
    fn meet_nothing(&mut self, map: &'t Directive, source: &str, input: &str) {
        // An empty value has a reason of its own.
        if input.is_empty() {
            return;
        }
        let keys = map.block().unwrap_or_default().iter().filter(|entry| entry.args.len() == 1);
        let keys = keys.map(|entry| (entry.name.text.to_ascii_lowercase(), entry));
        let what = match best_wildcard(keys, &input.to_ascii_lowercase()) {
            Some(key) => {
                let text = ServerText::new(&key.name.text);
                return self.meet(key.name.span, MetSetting::IgnoredKey(text));
            }
            None => MetSetting::NoEntry { by: ServerText::new(source) },
        };
        self.meet(map.name.span.to(map.span()), what);
    }

    /// The entry of a map that takes `input`.
    fn map_entry(
        &mut self,
        map: &'t Directive,
        input: &str,
    ) -> Result<Option<&'t Directive>, Ended> {
        let entries = map.block().unwrap_or_default();
        let lower = input.to_ascii_lowercase();
        let has_hostnames =
            entries.iter().any(|entry| entry.is("hostnames") && entry.args.is_empty());
        let lower = if has_hostnames { lower.strip_suffix('.').unwrap_or(&lower) } else { &lower };
        let keys: Vec<_> = map_keys(entries).collect();
        if let Some(entry) = taking(&keys, lower) {
            return Ok(Some(entry));
        }
        if let Some(unread) = entries.iter().find(|entry| matches!(entry.body, Body::Unread)) {
            let file = ServerText::new(unread.arg(0).unwrap_or_default());
            return Err(Ended::undecided(Undecided::FileUnread(file), unread.span()));
        }
        for (entry, key) in &keys {
            if let MapKey::Pattern(pattern) = key
                && let Some(captures) = matched(pattern, input, entry.name.span)?
            {
                self.environment.captures = captures;
                return Ok(Some(entry));
            }
        }
        Ok(keys.iter().find(|(_, key)| *key == MapKey::Default).map(|(entry, _)| *entry))
    }
}

/// Whether a regular expression as nginx writes it (`*` first: without regard to case) matches.
pub fn matched(pattern: &str, text: &str, at: Span) -> Result<Option<Captures>, Ended> {
    let (pattern, ignores_case) = match pattern.strip_prefix('*') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let undecided = || {
        let pattern = ServerText::new(pattern);
        Ended::undecided(Undecided::Directive(pattern), at)
    };
    let compiled = Pattern::new(pattern, ignores_case).ok_or_else(undecided)?;
    compiled.find(text).map_err(|_| undecided())
}

/// The entry with the longest wildcard at its beginning (`*.x`, `.x`), else at its end (`x.*`).
pub fn best_wildcard<T>(entries: impl Iterator<Item = (String, T)>, name: &str) -> Option<T> {
    let mut leading: Option<(usize, T)> = None;
    let mut trailing: Option<(usize, T)> = None;
    for (key, entry) in entries {
        let suffix = key.strip_prefix('*').or_else(|| key.starts_with('.').then_some(&key));
        if let Some(suffix) = suffix.filter(|suffix| suffix.starts_with('.')) {
            let takes = name.len() > suffix.len() && name.ends_with(suffix);
            if takes && leading.as_ref().is_none_or(|(best, _)| suffix.len() > *best) {
                leading = Some((suffix.len(), entry));
            }
        } else if let Some(prefix) = key.strip_suffix('*').filter(|prefix| prefix.ends_with('.')) {
            let takes = name.len() > prefix.len() && name.starts_with(prefix);
            if takes && trailing.as_ref().is_none_or(|(best, _)| prefix.len() > *best) {
                trailing = Some((prefix.len(), entry));
            }
        }
    }
    leading.or(trailing).map(|(_, entry)| entry)
}

/// What stands for the address in the `Host` header of a client without a name.
pub const ADDRESS: &str = "[address]";

/// What would fill a variable that is always empty there.
fn never_set(name: &str, environment: &Environment, layer: Layer) -> Option<&'static str> {
    // Without a name in the ClientHello it is empty anyway.
    environment.sni.as_ref()?;
    match (name, layer) {
        ("ssl_server_name", _) if !environment.tls_ended => Some("listen … ssl"),
        ("ssl_preread_server_name", Layer::Tcp) if !environment.is_preread => {
            Some("ssl_preread on")
        }
        _ => None,
    }
}

fn builtin(name: &str, environment: &Environment, layer: Layer) -> Builtin {
    let common = match name {
        "ssl_server_name" => {
            let sni = environment.sni.clone().filter(|_| environment.tls_ended);
            Some(sni.unwrap_or_default())
        }
        "server_port" => Some(environment.port.to_string()),
        _ => None,
    };
    if let Some(value) = common {
        return Builtin::Value(value);
    }
    match layer {
        Layer::Tcp => builtin_of_stream(name, environment),
        Layer::Http => builtin_of_http(name, environment),
    }
}

fn builtin_of_stream(name: &str, environment: &Environment) -> Builtin {
    let read = environment.is_preread;
    Builtin::Value(match name {
        "ssl_preread_server_name" => environment.sni.clone().filter(|_| read).unwrap_or_default(),
        // Clients of today offer it.
        "ssl_preread_protocol" if read => "TLSv1.3".to_owned(),
        "ssl_preread_protocol" => String::new(),
        "ssl_preread_alpn_protocols" if !read || environment.opening != Opening::WebSocket => {
            String::new()
        }
        "protocol" => "TCP".to_owned(),
        name if STREAM_RUNTIME.contains(&name) => return Builtin::Runtime,
        _ => return Builtin::Unknown,
    })
}

fn builtin_of_http(name: &str, environment: &Environment) -> Builtin {
    let is_websocket = environment.has_upgrade;
    Builtin::Value(match name {
        "host" | "http_host" => environment.host.clone().unwrap_or_else(|| ADDRESS.to_owned()),
        "server_name" => environment.server_name.clone(),
        "scheme" if environment.tls_ended => "https".to_owned(),
        "scheme" => "http".to_owned(),
        "https" if environment.tls_ended => "on".to_owned(),
        "request_uri" | "uri" | "document_uri" => environment.path.clone(),
        "args" | "query_string" | "is_args" | "https" => String::new(),
        "request_method" => "GET".to_owned(),
        "server_protocol" => "HTTP/1.1".to_owned(),
        "http_upgrade" if is_websocket => "websocket".to_owned(),
        "http_connection" if is_websocket => "Upgrade".to_owned(),
        "http_upgrade" | "http_connection" => String::new(),
        "document_root" | "realpath_root" | "request_filename" => return Builtin::Runtime,
        // What ordinary clients do not send.
        name if name.starts_with("http_x_") || name.starts_with("arg_") => String::new(),
        name if HTTP_RUNTIME.contains(&name)
            || HTTP_FAMILIES.iter().any(|f| name.starts_with(f)) =>
        {
            return Builtin::Runtime;
        }
        _ => return Builtin::Unknown,
    })
}

/// Variables of `stream` that depend on the client or on the moment (its modules, by nginx 1.27).
const STREAM_RUNTIME: &[&str] = &[
    "binary_remote_addr",
    "bytes_received",
    "bytes_sent",
    "connection",
    "hostname",
    "msec",
    "nginx_version",
    "pid",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "realip_remote_addr",
    "realip_remote_port",
    "remote_addr",
    "remote_port",
    "server_addr",
    "session_time",
    "ssl_alpn_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_serial",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_preread_alpn_protocols",
    "ssl_protocol",
    "ssl_session_id",
    "ssl_session_reused",
    "status",
    "time_iso8601",
    "time_local",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_connect_time",
    "upstream_first_byte_time",
    "upstream_session_time",
    "geoip_country_code",
    "geoip_city",
];

const HTTP_RUNTIME: &[&str] = &[
    "ancient_browser",
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "content_length",
    "content_type",
    "date_gmt",
    "date_local",
    "hostname",
    "invalid_referer",
    "limit_rate",
    "modern_browser",
    "msec",
    "msie",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_add_x_forwarded_for",
    "proxy_host",
    "proxy_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "realip_remote_addr",
    "realip_remote_port",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_id",
    "request_length",
    "request_time",
    "secure_link",
    "server_addr",
    "slice_range",
    "spdy",
    "status",
    "time_iso8601",
    "time_local",
    "uid_got",
    "uid_set",
    "https",
    "http2",
    "http3",
    "gzip_ratio",
];

const HTTP_FAMILIES: &[&str] = &[
    "http_",
    "cookie_",
    "sent_http_",
    "sent_trailer_",
    "upstream_",
    "ssl_",
    "tcpinfo_",
    "geoip_",
    "geoip2_",
    "proxy_protocol_",
    "memcached_",
    "session_log_",
    "fastcgi_",
    "connection_",
];
