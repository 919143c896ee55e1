//! Samples of a connection (`ssl_fc_sni`, `hdr(host)`), converters, maps, and strings with samples in them.

use std::collections::BTreeMap;

use super::lexer::Word;
use crate::lint::files::{FileProblem, Files};
use crate::lint::pattern::Pattern;
use crate::lint::way::TlsLayer;
use crate::model::configuration::{Opening, ProxyHeader, Undecided};
use crate::model::facts::ServerText;

/// What stands for the proxy's own address, which a client without a name asks for.
pub const ADDRESS: &str = "[address]";

/// What a sample is for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    /// The address of a client of the internet (`false`), or of the proxy's own machine.
    Source {
        is_own: bool,
        /// It is taken for one that is in every list.
        is_listed: bool,
    },
    /// The connection has no such thing: no condition is true of it.
    Absent,
    Unknown(Undecided),
}

impl Value {
    fn unknown(name: &str) -> Self {
        Self::Unknown(Undecided::Variable(ServerText::new(name)))
    }
}

/// Whether the first bytes of the client are there when a condition of a TCP proxy is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstBytes {
    /// A race: nothing makes HAProxy wait for them.
    Perhaps,
    /// A `tcp-request content` rule has waited for them.
    There,
}

/// What is known of a connection at one place of its way.
#[derive(Debug, Clone)]
pub struct State {
    pub opening: Opening,
    /// The port at which it arrived last.
    pub port: u16,
    pub is_from_own_machine: bool,
    /// The client is taken for one that is in every list of addresses.
    pub is_listed: bool,
    /// The client is taken for one that has reached the limit of every counter, and not for a new one.
    pub is_frequent: bool,
    pub tls: TlsLayer,
    /// Whether the listener at which it arrived last has ended TLS.
    pub ended_here: bool,
    /// The name in the ClientHello that lies on it, or lay on it until the last listener.
    pub sni: Option<String>,
    /// The PROXY header that is first on it.
    pub header: Option<ProxyHeader>,
    /// The proxy reads HTTP.
    pub reads_http: bool,
    pub first_bytes: FirstBytes,
    /// The `Host` header.
    pub host: String,
    pub path: String,
    pub keeps_upgrade: bool,
    /// Variables that rules have set.
    pub variables: BTreeMap<String, Value>,
}

impl State {
    /// Whether the client sends an HTTP request.
    pub fn is_request(&self) -> bool {
        matches!(self.opening, Opening::WebSocket | Opening::PlainHttp | Opening::AcmeChallenge)
    }

    /// What is there of a request, as a TCP proxy or one that reads HTTP sees it.
    fn of_request(&self, name: &str, read: impl FnOnce() -> Value) -> Value {
        if self.reads_http {
            return read();
        }
        match (self.tls, self.first_bytes) {
            (TlsLayer::OfClient | TlsLayer::OfProxy, _) => Value::Absent,
            _ if !self.is_request() => Value::Absent,
            (TlsLayer::None, FirstBytes::Perhaps) => Value::unknown(name),
            (TlsLayer::None, FirstBytes::There) => read(),
        }
    }

    /// What is there of a ClientHello that this proxy leaves on the connection.
    fn of_hello(&self, name: &str, read: impl FnOnce() -> Value) -> Value {
        if self.reads_http || self.tls == TlsLayer::None || self.header.is_some() {
            return Value::Absent;
        }
        match self.first_bytes {
            FirstBytes::Perhaps => Value::unknown(name),
            FirstBytes::There => read(),
        }
    }

    /// What a counter of a client has reached.
    fn counter(&self) -> Value {
        Value::Number(if self.is_frequent { i64::MAX } else { 0 })
    }

    fn server_name(&self) -> Value {
        self.sni.clone().map_or(Value::Absent, Value::Text)
    }

    fn header_of(&self, name: &str) -> Value {
        let of = |text: &str| Value::Text(text.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "host" => of(&self.host),
            "upgrade" if self.opening == Opening::WebSocket && self.keeps_upgrade => {
                of("websocket")
            }
            "upgrade" => Value::Absent,
            "connection" if self.opening == Opening::WebSocket && self.keeps_upgrade => {
                of("Upgrade")
            }
            // Browsers send others, in other forms.
            _ => Value::unknown(name),
        }
    }
}

/// A sample and its converters: `hdr(host),lower`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression<'a> {
    pub name: &'a str,
    pub argument: &'a str,
    pub converters: Vec<(&'a str, &'a str)>,
}

/// `None`: not the form of an expression.
pub fn expression(text: &str) -> Option<Expression<'_>> {
    let mut calls = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['(', ',']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let mut argument = "";
        if rest.starts_with('(') {
            let mut depth = 0_usize;
            let close = rest.bytes().position(|byte| {
                depth = match byte {
                    b'(' => depth + 1,
                    b')' => depth - 1,
                    _ => depth,
                };
                depth == 0
            })?;
            argument = &rest[1..close];
            rest = &rest[close + 1..];
        }
        if name.is_empty() {
            return None;
        }
        calls.push((name, argument));
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => break,
            None => return None,
        }
    }
    let (name, argument) = calls.remove(0);
    Some(Expression { name, argument, converters: calls })
}

/// Reads samples of a connection.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    pub state: &'a State,
    pub files: &'a dyn Files,
    pub lists: Lists<'a>,
}

/// Where files of patterns and maps are.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    /// The directory of the first file: what a relative path is taken from.
    pub directory: &'a str,
}

impl Lists<'_> {
    pub fn full_path(&self, path: &str) -> String {
        let path = path.strip_prefix("file@").or_else(|| path.strip_prefix("opt@")).unwrap_or(path);
        if path.starts_with('/') || self.directory.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.directory)
        }
    }
}

/// The largest file of a map, or of patterns.
const LARGEST_LIST: usize = 4 * 1024 * 1024;

impl Samples<'_> {
    pub fn value(&self, expression: &Expression<'_>) -> Value {
        let mut value = self.sample(expression.name, expression.argument);
        for (name, argument) in &expression.converters {
            value = match value {
                Value::Unknown(_) | Value::Absent => return value,
                value => self.converted(value, name, argument),
            };
        }
        value
    }

    /// The value of a sample without converters.
    pub fn sample(&self, name: &str, argument: &str) -> Value {
        let state = self.state;
        let text = |text: &str| Value::Text(text.to_owned());
        match name {
            "always_true" => Value::Flag(true),
            "always_false" => Value::Flag(false),
            "str" => text(argument.trim_matches(['\'', '"'])),
            "bool" => Value::Flag(matches!(argument, "true" | "yes" | "on" | "1")),
            "int" => argument.parse().map_or(Value::Absent, Value::Number),
            "dst_port" | "fc_dst_port" => Value::Number(state.port.into()),
            "src" | "fc_src" => {
                Value::Source { is_own: state.is_from_own_machine, is_listed: state.is_listed }
            }
            "ssl_fc" => Value::Flag(state.ended_here),
            "ssl_fc_sni" if state.ended_here => state.server_name(),
            "ssl_fc_has_sni" => Value::Flag(state.ended_here && state.sni.is_some()),
            "ssl_fc_sni" => Value::Absent,
            "req.ssl_sni" | "req_ssl_sni" => state.of_hello(name, || state.server_name()),
            "req.ssl_hello_type" | "req_ssl_hello_type" => {
                state.of_hello(name, || Value::Number(1))
            }
            "req.proto_http" | "req_proto_http" => match state.reads_http {
                true => Value::Flag(true),
                false if state.tls == TlsLayer::None && state.is_request() => {
                    state.of_request(name, || Value::Flag(true))
                }
                false => Value::Flag(false),
            },
            "hdr" | "req.hdr" | "req.fhdr" => {
                let header = argument.split(',').next().unwrap_or_default();
                state.of_request(name, || state.header_of(header))
            }
            "path" | "pathq" | "url" | "capture.req.uri" => {
                state.of_request(name, || text(&state.path))
            }
            "base" => {
                state.of_request(name, || Value::Text(format!("{}{}", state.host, state.path)))
            }
            "method" | "capture.req.method" => state.of_request(name, || text("GET")),
            "query" => state.of_request(name, || Value::unknown(name)),
            "var" => {
                let set = state.variables.get(argument.split(',').next().unwrap_or_default());
                set.cloned().unwrap_or(Value::Absent)
            }
            // A client of the application has no login of HAProxy's.
            "http_auth" | "http_auth_group" => Value::Flag(false),
            name if is_counter(name) => state.counter(),
            "env" => Value::Unknown(Undecided::Environment(ServerText::new(argument))),
            _ => Value::unknown(name),
        }
    }

    fn converted(&self, value: Value, name: &str, argument: &str) -> Value {
        let text = match value {
            _ if name.starts_with("table_") => return self.state.counter(),
            Value::Text(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Flag(flag) => u8::from(flag).to_string(),
            Value::Source { .. } | Value::Absent | Value::Unknown(_) => {
                return Value::unknown(name);
            }
        };
        match name {
            "lower" => Value::Text(text.to_ascii_lowercase()),
            "upper" => Value::Text(text.to_ascii_uppercase()),
            "host_only" => Value::Text(host_only(&text).to_owned()),
            "field" if matches!(argument, "1,:" | "1,':'" | "1,\":\"") => {
                Value::Text(text.split(':').next().unwrap_or_default().to_owned())
            }
            "map" | "map_str" | "map_beg" | "map_end" | "map_sub" | "map_dom" | "map_dir"
            | "map_reg" => self.looked_up(&text, name, argument),
            _ => Value::unknown(name),
        }
    }

    fn looked_up(&self, text: &str, name: &str, argument: &str) -> Value {
        let (path, default) = match argument.split_once(',') {
            Some((path, default)) => (path, Some(default)),
            None => (argument, None),
        };
        let lines = match self.list(path) {
            Ok(lines) => lines,
            Err(undecided) => return Value::Unknown(undecided),
        };
        let method = match name.strip_prefix("map_").and_then(Method::of) {
            Some(method) => method,
            None => Method::Text,
        };
        let mut best: Option<(usize, &str)> = None;
        for line in &lines {
            let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            match matches(method, text, key, false) {
                Some(false) => {}
                // Of beginnings, the longest one wins.
                Some(true)
                    if best.is_none_or(|(length, _)| {
                        method == Method::Start && key.len() > length
                    }) =>
                {
                    best = Some((key.len(), value.trim()));
                }
                Some(true) => {}
                None => return Value::unknown(name),
            }
        }
        match best.map(|(_, value)| value).or(default) {
            Some(value) => Value::Text(value.to_owned()),
            None => Value::Absent,
        }
    }

    /// The lines of a file of patterns.
    ///
    /// # Errors
    /// The file is not there to be read.
    pub fn list(&self, path: &str) -> Result<Vec<String>, Undecided> {
        let unread = || Undecided::FileUnread(ServerText::new(path));
        if path.starts_with("virt@") {
            return Err(unread());
        }
        match self.files.read(&self.lists.full_path(path), LARGEST_LIST) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let lines = text.lines().map(str::trim_start);
                let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                Ok(lines.map(|line| line.trim_end().to_owned()).collect())
            }
            Err(FileProblem::Missing) if path.starts_with("opt@") => Ok(Vec::new()),
            Err(_) => Err(unread()),
        }
    }

    /// A string with samples in it, `%[…]`.
    ///
    /// # Errors
    /// What in it is not known.
    pub fn format(&self, word: &Word) -> Result<String, Undecided> {
        if let Some(variable) = &word.variable {
            return Err(Undecided::Environment(ServerText::new(variable)));
        }
        let mut made = String::new();
        let mut rest = word.text.as_str();
        while let Some(at) = rest.find('%') {
            made.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                made.push('%');
                rest = after;
                continue;
            }
            let inner = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
            let Some((inner, after)) = inner else {
                return Err(Undecided::Variable(ServerText::new(&word.text)));
            };
            let expression =
                expression(inner).ok_or_else(|| Undecided::Variable(ServerText::new(inner)))?;
            match self.value(&expression) {
                Value::Text(text) => made.push_str(&text),
                Value::Number(number) => made.push_str(&number.to_string()),
                Value::Flag(flag) => made.push(if flag { '1' } else { '0' }),
                Value::Absent => {}
                Value::Source { .. } => {
                    return Err(Undecided::Variable(ServerText::new(inner)));
                }
                Value::Unknown(undecided) => return Err(undecided),
            }
            rest = after;
        }
        made.push_str(rest);
        Ok(made)
    }
}

/// Whether a sample counts what one client has done (`sc0_conn_rate`, `src_http_req_rate`).
pub fn is_counter(name: &str) -> bool {
    const OF_CLIENT: [&str; 5] = ["sc_", "sc0_", "sc1_", "sc2_", "src_"];
    const COUNTED: [&str; 7] = ["conn_", "sess_", "http_", "bytes_", "kbytes_", "gpc", "gpt"];
    let name = name.split('(').next().unwrap_or_default();
    let counted = OF_CLIENT.iter().find_map(|prefix| name.strip_prefix(prefix));
    counted.is_some_and(|rest| COUNTED.iter().any(|part| rest.starts_with(part)))
}

fn host_only(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => text,
    }
}

/// How a pattern is compared with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Found,
    Text,
    Start,
    End,
    Part,
    /// A whole part between slashes.
    Directory,
    /// Whole labels of a name.
    Domain,
    Expression,
    Number,
    Length,
    Flag,
    Address,
}

impl Method {
    /// The method with this name, behind `-m` or `_`.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "found" => Self::Found,
            "str" => Self::Text,
            "beg" => Self::Start,
            "end" => Self::End,
            "sub" => Self::Part,
            "dir" => Self::Directory,
            "dom" => Self::Domain,
            "reg" => Self::Expression,
            "int" => Self::Number,
            "len" => Self::Length,
            "bool" => Self::Flag,
            "ip" => Self::Address,
            _ => return None,
        })
    }
}

/// Whether a text fits a pattern; `None`: that is not told here.
pub fn matches(method: Method, text: &str, pattern: &str, ignores_case: bool) -> Option<bool> {
    let folded = |text: &str| {
        if ignores_case { text.to_ascii_lowercase() } else { text.to_owned() }
    };
    let (own, wanted) = (folded(text), folded(pattern));
    Some(match method {
        Method::Found => true,
        Method::Text => own == wanted,
        Method::Start => own.starts_with(&wanted),
        Method::End => own.ends_with(&wanted),
        Method::Part => own.contains(&wanted),
        Method::Directory => has_whole(&own, wanted.trim_matches('/'), &['/', '?']),
        Method::Domain => has_whole(&own, wanted.trim_matches('.'), &['.', '/', '?', ':']),
        Method::Expression => {
            let pattern = Pattern::new(pattern, ignores_case)?;
            pattern.find(text).ok()?.is_some()
        }
        Method::Length | Method::Number | Method::Flag | Method::Address => return None,
    })
}

/// Whether a text has this part, between two of these characters or its ends.
fn has_whole(text: &str, part: &str, between: &[char]) -> bool {
    !part.is_empty()
        && text.match_indices(part).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + part.len()..].chars().next();
            before.is_none_or(|c| between.contains(&c))
                && after.is_none_or(|c| between.contains(&c))
        })
}
