//! Whether a connection or a request matches what a route asks for.

use std::net::IpAddr;

use super::config::{fits, fits_first_labels, span, span_of};
use super::follow::Walk;
use crate::lint::source::Span;
pub use crate::lint::way::Match;
use crate::lint::way::{Origin, TlsLayer};
use crate::lint::yaml::{Entry, Node};
use crate::model::configuration::{HopAction, Opening, Undecided};
use crate::model::facts::ServerText;
use crate::model::target::Family;

/// What a text with placeholders stands for.
pub enum Filled {
    Text(String),
    Unknown(Undecided),
}

impl Walk<'_, '_> {
    /// Whether one of the sets of a route matches; a route without any takes everything.
    pub fn matches_tcp(&mut self, route: &Node) -> Match {
        let sets = route.list("match");
        if sets.is_empty() {
            return Match::Yes;
        }
        let answers: Vec<Match> = sets.iter().map(|set| self.tcp_set(set)).collect();
        Match::any(answers.into_iter())
    }

    fn tcp_set(&mut self, set: &Node) -> Match {
        let answers: Vec<Match> = set.entries().iter().map(|it| self.tcp_matcher(it)).collect();
        Match::all(answers.into_iter())
    }

    fn tcp_matcher(&mut self, entry: &Entry) -> Match {
        let at = span(entry.key_place);
        let reads = !matches!(entry.key.as_str(), "remote_ip" | "local_ip" | "clock" | "not");
        if reads && !self.has_first_bytes {
            return Match::Waits;
        }
        match entry.key.as_str() {
            // A PROXY header that nothing read hides what follows.
            "tls" | "http" | "ssh" if self.header.is_some() => Match::No,
            "tls" => match self.tls {
                TlsLayer::None => Match::No,
                TlsLayer::OfClient | TlsLayer::OfProxy => {
                    let all: Vec<Match> =
                        entry.value.entries().iter().map(|it| self.tls_matcher(it)).collect();
                    Match::all(all.into_iter())
                }
            },
            "http" => self.http_on_tcp(&entry.value),
            "not" => {
                let sets: Vec<Match> =
                    entry.value.items().iter().map(|set| self.tcp_set(set)).collect();
                Match::any(sets.into_iter()).not()
            }
            "remote_ip" => self.remote_ip(&entry.value, at),
            "proxy_protocol" => Match::from(self.header.is_some()),
            "ssh" => Match::No,
            name => Match::unknown(name, at),
        }
    }

    /// A matcher of the ClientHello.
    pub fn tls_matcher(&mut self, entry: &Entry) -> Match {
        let at = span(entry.key_place);
        match entry.key.as_str() {
            "sni" => {
                let asked = self.sni.clone().unwrap_or_default();
                let mut answer = Match::No;
                for item in entry.value.items() {
                    let text = item.text().unwrap_or_default();
                    match self.filled(text) {
                        Filled::Unknown(what) => answer = Match::Unknown(what, span_of(item)),
                        Filled::Text(pattern) if fits_first_labels(&pattern, &asked) => {
                            self.name_is_known |= !pattern.contains('*');
                            self.chooses(span_of(item), "sni", text);
                            return Match::Yes;
                        }
                        Filled::Text(_) => {}
                    }
                }
                answer
            }
            // A browser offers this one for a WebSocket, and TURN and RTMP have none.
            "alpn" => {
                let offered = (self.opening == Opening::WebSocket).then_some("http/1.1");
                let items = entry.value.items().iter().filter_map(Node::text);
                Match::from(items.into_iter().any(|item| Some(item) == offered))
            }
            "remote_ip" => self.remote_ip(&entry.value, at),
            name => Match::unknown(name, at),
        }
    }

    fn remote_ip(&self, matcher: &Node, at: Span) -> Match {
        // `not_ranges` of the matcher in a ClientHello.
        if matcher.get("not_ranges").is_some() {
            return Match::unknown("not_ranges", at);
        }
        let own = matcher.list("ranges").iter().map(|range| self.is_in(range, at));
        let all: Vec<Match> = own.collect();
        // They are compared with the address, and nothing is waited for.
        match all.contains(&Match::Yes) {
            true => Match::Yes,
            false => Match::any(all.into_iter()),
        }
    }

    /// Whether the other end of the connection is in this network.
    fn is_in(&self, range: &Node, at: Span) -> Match {
        let (address, length) = match range.text().unwrap_or_default().split_once('/') {
            Some((address, length)) => (address, length),
            None => (range.text().unwrap_or_default(), ""),
        };
        let Ok(address) = address.parse::<IpAddr>() else { return Match::unknown("remote_ip", at) };
        let is_own = self.origin == Origin::OwnMachine;
        if !is_own && Family::of(address) != self.family {
            Match::No
        } else if length == "0" && !is_own {
            Match::Yes
        } else if address.is_loopback() {
            Match::from(is_own)
        } else {
            Match::unknown("remote_ip", at)
        }
    }

    /// The `http` matcher of layer4, which reads the first line.
    fn http_on_tcp(&mut self, sets: &Node) -> Match {
        if self.tls != TlsLayer::None {
            return Match::No;
        }
        match self.opening {
            Opening::WebSocket | Opening::PlainHttp | Opening::AcmeChallenge => {
                self.http_sets(sets.items())
            }
            // A Binding request has no end of a line.
            Opening::Stun => Match::Waits,
            // The handshake of RTMP is 1,528 random bytes: practically always one of them ends a line, and no HTTP
            // is before it.
            Opening::Rtmp | Opening::PlainRtmp => Match::No,
        }
    }

    /// Whether one of the sets of a route matches the request; a route without any takes everything.
    pub fn http_sets(&mut self, sets: &[Node]) -> Match {
        if sets.is_empty() {
            return Match::Yes;
        }
        let answers: Vec<Match> = sets.iter().map(|set| self.http_set(set)).collect();
        Match::any(answers.into_iter())
    }

    fn http_set(&mut self, set: &Node) -> Match {
        let answers: Vec<Match> = set.entries().iter().map(|it| self.http_matcher(it)).collect();
        Match::all(answers.into_iter())
    }

    fn http_matcher(&mut self, entry: &Entry) -> Match {
        let at = span(entry.key_place);
        match entry.key.as_str() {
            "host" => self.host_matcher(entry),
            "path" => {
                let path = self.request.path.to_ascii_lowercase();
                let mut answer = Match::No;
                for item in entry.value.items() {
                    let text = item.text().unwrap_or_default();
                    match self.filled(text) {
                        Filled::Unknown(what) => answer = Match::Unknown(what, span_of(item)),
                        Filled::Text(pattern) => {
                            match path_fits(&pattern.to_ascii_lowercase(), &path) {
                                Some(true) => {
                                    let path = ServerText::new(text);
                                    self.hop(span_of(item), HopAction::TakesAsPath { path });
                                    return Match::Yes;
                                }
                                Some(false) => {}
                                None => answer = Match::unknown("path", span_of(item)),
                            }
                        }
                    }
                }
                answer
            }
            "protocol" => match entry.value.text() {
                Some("http") => Match::from(!self.tls_ended),
                Some("https") => Match::from(self.tls_ended),
                Some("grpc") => Match::No,
                _ => Match::unknown("protocol", at),
            },
            "method" => {
                let methods = entry.value.items().iter().filter_map(Node::text);
                Match::from(methods.into_iter().any(|method| method.eq_ignore_ascii_case("get")))
            }
            "header" => {
                let fields: Vec<Match> =
                    entry.value.entries().iter().map(|field| self.header_matcher(field)).collect();
                Match::all(fields.into_iter())
            }
            "not" => {
                let sets: Vec<Match> =
                    entry.value.items().iter().map(|set| self.http_set(set)).collect();
                Match::any(sets.into_iter()).not()
            }
            "remote_ip" | "client_ip" => self.remote_ip(&entry.value, at),
            name => Match::unknown(name, at),
        }
    }

    fn host_matcher(&mut self, entry: &Entry) -> Match {
        let mut answer = Match::No;
        for item in entry.value.items() {
            let text = item.text().unwrap_or_default();
            let pattern = match self.filled(text) {
                Filled::Unknown(what) => {
                    answer = Match::Unknown(what, span_of(item));
                    continue;
                }
                Filled::Text(pattern) => pattern,
            };
            let is_match = match &self.request.host {
                Some(host) => fits(&pattern, host),
                // The client has the address of the proxy there.
                None if pattern.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() => {
                    answer =
                        Match::Unknown(Undecided::Name(ServerText::new(&pattern)), span_of(item));
                    continue;
                }
                None => pattern == "*",
            };
            if is_match {
                self.chooses(span_of(item), "host", text);
                return Match::Yes;
            }
        }
        answer
    }

    fn header_matcher(&self, field: &Entry) -> Match {
        let at = span(field.key_place);
        let sent = match field.key.to_ascii_lowercase().as_str() {
            "upgrade" if self.request.keeps_upgrade => "websocket",
            "connection" if self.request.keeps_upgrade => "Upgrade",
            "upgrade" => return Match::from(field.value.items().is_empty()),
            name => return Match::unknown(name, at),
        };
        Match::any(field.value.items().iter().filter_map(Node::text).map(|pattern| {
            let bare = pattern.trim_matches('*');
            match (pattern.starts_with('*'), pattern.ends_with('*')) {
                _ if bare.contains(['*', '{']) => Match::unknown("header", at),
                (false, false) => Match::from(sent.eq_ignore_ascii_case(pattern)),
                (true, true) => Match::from(sent.contains(bare)),
                (true, false) => Match::from(sent.ends_with(bare)),
                (false, true) => Match::from(sent.starts_with(bare)),
            }
        }))
    }

    /// A text with what its placeholders stand for.
    pub fn filled(&self, text: &str) -> Filled {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else { break };
            out.push_str(before);
            let host =
                || self.request.host.clone().unwrap_or_else(|| super::follow::ADDRESS.to_owned());
            match name {
                "l4.tls.server_name" | "http.request.tls.server_name" if self.sni_is_read() => {
                    out.push_str(self.sni.as_deref().unwrap_or_default());
                }
                "http.request.host" | "http.request.hostport" | "l4.http.host" => {
                    out.push_str(&host());
                }
                "http.request.uri"
                | "http.request.uri.path"
                | "http.request.orig_uri"
                | "http.request.orig_uri.path" => out.push_str(&self.request.path),
                "http.request.uri.query" => {}
                "http.request.scheme" => {
                    out.push_str(if self.tls_ended { "https" } else { "http" });
                }
                _ => {
                    let what = ServerText::new(name);
                    return Filled::Unknown(match name.strip_prefix("env.") {
                        Some(variable) => Undecided::Environment(ServerText::new(variable)),
                        None => Undecided::Variable(what),
                    });
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Filled::Text(out)
    }

    fn sni_is_read(&self) -> bool {
        self.tls_ended || self.tls != TlsLayer::None
    }
}

/// Whether a path fits a pattern; `None`: it has a `*` in its middle.
fn path_fits(pattern: &str, path: &str) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    let stars = pattern.matches('*').count();
    let middle = pattern.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
    Some(match (stars, middle, pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (0, ..) if pattern.contains(['?', '[', '%', '\\']) => return None,
        (0, ..) => path == pattern,
        (2, Some(middle), ..) => path.contains(middle),
        (1, _, Some(start), _) => path.starts_with(start),
        (1, _, _, Some(end)) => path.ends_with(end),
        _ => return None,
    })
}
