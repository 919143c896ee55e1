//! What the `http` app does with a connection, and with the request in it.

use std::time::Duration;

use super::config::{App, Server, fits, span, span_of};
use super::follow::{Arrival, Flow, TlsStart, Walk};
use super::matchers::{Filled, Match};
use crate::lint::source::Span;
use crate::lint::way::{Ended, Member, TlsLayer, go_duration, unfollowed};
use crate::lint::yaml::Node;
use crate::model::configuration::{
    BackendAddress, BackendHttp, CloseCause, End, HopAction, Layer, Opening, ProxyHeader, Undecided,
};
use crate::model::facts::ServerText;

/// The header that an upstream gets, where no handler says otherwise.
#[derive(Debug, Default)]
struct HeaderChange {
    host: Option<String>,
    drops_upgrade: bool,
}

impl<'c, 't> Walk<'c, 't> {
    /// A connection that arrives at a server of the `http` app.
    pub fn through_http(&mut self, arrival: Arrival<'c, 't>) -> Ended {
        match self.serve_at(arrival) {
            Ok(ended) | Err(ended) => ended,
        }
    }

    fn serve_at(&mut self, arrival: Arrival<'c, 't>) -> Result<Ended, Ended> {
        let Arrival { server, listen, port } = arrival;
        let wrappers = server.node.list("listener_wrappers");
        let kind =
            |wrapper: &'t Node| wrapper.get("wrapper").and_then(Node::text).unwrap_or_default();
        let reads_proxy_header = wrappers.iter().any(|it| kind(it) == "proxy_protocol");
        self.hop(listen.at, HopAction::Accepts { layer: Layer::Http, reads_proxy_header });
        // Without a place of its own, TLS comes first.
        let tls_at = wrappers.iter().position(|wrapper| kind(wrapper) == "tls");
        let (before, behind) = match tls_at {
            Some(index) => (&wrappers[..index], &wrappers[index + 1..]),
            None => (&wrappers[..0], wrappers),
        };
        for wrapper in before {
            if let Some(ended) = self.wrapped(wrapper)? {
                return Ok(ended);
            }
        }
        if self.config.ends_tls(server, port) {
            let policies = server.node.get("tls_connection_policies");
            let at = policies.map_or(listen.at, span_of);
            if self.tls == TlsLayer::None && self.header.is_none() {
                return match self.opening {
                    Opening::PlainHttp | Opening::AcmeChallenge | Opening::WebSocket => {
                        Ok(Ended::answer(400, listen.at))
                    }
                    _ => Err(Ended::closed(CloseCause::OtherProtocol, listen.at)),
                };
            }
            self.end_tls(policies.map_or(&[], |policies| policies.items()), Layer::Http, at)?;
        }
        for wrapper in behind {
            if let Some(ended) = self.wrapped(wrapper)? {
                return Ok(ended);
            }
        }
        if self.header.is_some() {
            return Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, listen.at));
        }
        if self.tls != TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, listen.at));
        }
        match self.opening {
            Opening::WebSocket | Opening::PlainHttp | Opening::AcmeChallenge => {}
            // It waits for the end of a line, which a Binding request does not have.
            Opening::Stun => return Err(Ended::closed(CloseCause::OtherProtocol, listen.at)),
            // In the random bytes, a line ends that is no request.
            Opening::Rtmp | Opening::PlainRtmp => return Err(Ended::answer(400, listen.at)),
        }
        self.hop(server.at, HopAction::TakesAsServer { name: ServerText::new(server.name) });
        Ok(self.serve(server, port))
    }

    /// What a wrapper of a listener does before the server gets the connection.
    fn wrapped(&mut self, wrapper: &'t Node) -> Result<Option<Ended>, Ended> {
        let name = wrapper.get("wrapper");
        let at = name.map_or_else(|| span_of(wrapper), span_of);
        match name.and_then(Node::text).unwrap_or_default() {
            "proxy_protocol" => self.read_header(wrapper, at).map(|()| None),
            "layer4" => match self.tcp_routes(wrapper.list("routes")) {
                Flow::Done(ended) => Ok(Some(ended)),
                Flow::Next => Ok(None),
            },
            "http_redirect" | "tls" => Ok(None),
            other => Err(unfollowed(other, at)),
        }
    }

    fn serve(&mut self, server: &'c Server<'t>, port: u16) -> Ended {
        let routes = server.node.list("routes");
        if port != self.config.http_port {
            return match self.http_routes(routes) {
                Flow::Done(ended) => ended,
                Flow::Next => Ended::answer(200, end_of_routes(server)),
            };
        }
        // Caddy adds its redirects behind the last route for a name. It leaves them out where it makes no
        // certificate itself, and then has only the one behind all routes.
        let redirects = self.config.redirects();
        let adds = self.config.gets_certificates(self.sources, self.certificates);
        let names: Vec<&'t str> =
            redirects.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let catches_all = redirects.iter().any(|(_, names)| names.is_empty());
        let host = self.request.host.clone();
        let is_for_name =
            catches_all || host.is_some_and(|host| names.iter().any(|name| fits(name, &host)));
        let last = routes.iter().rposition(|route| route.list("match").iter().any(has_host));
        let (named, others) = routes.split_at(last.map_or(0, |index| index + 1));
        if let Flow::Done(ended) = self.http_routes(named) {
            return ended;
        }
        let mut walk = self.clone();
        let without = match walk.http_routes(others) {
            Flow::Done(ended) => ended,
            Flow::Next if redirects.is_empty() => Ended::answer(200, end_of_routes(server)),
            Flow::Next => walk.redirect_to_https(redirects[0].0.at),
        };
        if !is_for_name || redirects.is_empty() || adds == Some(false) {
            *self = walk;
            return without;
        }
        let with = self.redirect_to_https(redirects[0].0.at);
        if adds == Some(true) || with.end == without.end {
            return with;
        }
        unfollowed("automatic_https", server.at)
    }

    /// Routes of the `http` app: each that matches, until one answers.
    fn http_routes(&mut self, routes: &'t [Node]) -> Flow {
        let mut groups: Vec<&str> = Vec::new();
        for route in routes {
            let group = route.get("group").and_then(Node::text).filter(|group| !group.is_empty());
            if group.is_some_and(|group| groups.contains(&group)) {
                continue;
            }
            match self.http_sets(route.list("match")) {
                Match::No => continue,
                Match::Yes => {}
                Match::Waits => return Flow::Done(unfollowed("match", span_of(route))),
                Match::Unknown(what, at) => return Flow::Done(Ended::undecided(what, at)),
            }
            groups.extend(group);
            for handler in route.list("handle") {
                match self.http_handler(handler) {
                    Flow::Next => {}
                    done @ Flow::Done(_) => return done,
                }
            }
            if let Some(terminal) = route.get("terminal").filter(|it| it.is_true()) {
                return Flow::Done(Ended::answer(200, span_of(terminal)));
            }
        }
        Flow::Next
    }

    fn http_handler(&mut self, handler: &'t Node) -> Flow {
        let name = handler.get("handler");
        let at = name.map_or_else(|| span_of(handler), span_of);
        let name = name.and_then(Node::text).unwrap_or_default();
        let ended = match name {
            "subroute" => return self.http_routes(handler.list("routes")),
            "reverse_proxy" => self.reverse_proxy(handler, at).unwrap_or_else(|ended| ended),
            "static_response" => self.static_response(handler, at).unwrap_or_else(|ended| ended),
            "file_server" if handler.get("pass_thru").is_none() => {
                Ended { end: End::LocalAnswer { status: None }, at: Some(at) }
            }
            "authentication" => Ended::answer(401, at),
            "headers" => {
                let request = handler.get("request");
                match request.map_or(Ok(HeaderChange::default()), |it| self.header_change(it)) {
                    Ok(change) => {
                        self.change_header(change);
                        return Flow::Next;
                    }
                    Err(ended) => ended,
                }
            }
            "rewrite" => match self.rewrite(handler) {
                Ok(()) => return Flow::Next,
                Err(ended) => ended,
            },
            "encode" | "templates" | "tracing" | "vars" | "map" | "log_append" | "metrics"
            | "request_body" | "push" => return Flow::Next,
            other => unfollowed(if other.is_empty() { "handler" } else { other }, at),
        };
        Flow::Done(ended)
    }

    fn static_response(&self, handler: &'t Node, at: Span) -> Result<Ended, Ended> {
        if let Some(abort) = handler.get("abort").filter(|abort| abort.is_true()) {
            return Err(Ended::closed(CloseCause::Configured, span_of(abort)));
        }
        let fill = |node: &Node| match self.filled(node.text().unwrap_or_default()) {
            Filled::Text(text) => Ok(text),
            Filled::Unknown(what) => Err(Ended::undecided(what, span_of(node))),
        };
        let status = match handler.get("status_code") {
            None => 200,
            Some(code) => match fill(code)?.parse() {
                Ok(status) => status,
                Err(_) => return Err(unfollowed("status_code", span_of(code))),
            },
        };
        let headers = handler.get("headers").map_or(&[][..], Node::entries);
        let location = headers.iter().find(|field| field.key.eq_ignore_ascii_case("location"));
        let location = location.and_then(|field| field.value.items().first());
        match location {
            Some(location) if (300..400).contains(&status) => {
                let target = ServerText::new(&fill(location)?);
                let end = End::Redirect { status, location: target };
                Ok(Ended { end, at: Some(span_of(location)) })
            }
            _ => Ok(Ended::answer(status, at)),
        }
    }

    /// What operations on the request's header do to the fields that matter.
    fn header_change(&self, operations: &'t Node) -> Result<HeaderChange, Ended> {
        let mut change = HeaderChange::default();
        let is_upgrade = |name: &str| {
            name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("connection")
        };
        for field in operations.get("set").map_or(&[][..], Node::entries) {
            let Some(value) = field.value.items().first() else { continue };
            let text = value.text().unwrap_or_default();
            if field.key.eq_ignore_ascii_case("host") {
                change.host = Some(match self.filled(text) {
                    Filled::Text(host) => host,
                    // Of the upstream, which is known only later.
                    Filled::Unknown(Undecided::Variable(_)) if text.contains(UPSTREAM) => {
                        text.to_owned()
                    }
                    Filled::Unknown(what) => return Err(Ended::undecided(what, span_of(value))),
                });
            }
            if is_upgrade(&field.key) {
                let is_own = text.contains("{http.request.header.");
                let is_same =
                    text.eq_ignore_ascii_case("upgrade") || text.eq_ignore_ascii_case("websocket");
                change.drops_upgrade |= !is_own && !is_same;
            }
        }
        for name in operations.list("delete") {
            let text = name.text().unwrap_or_default();
            if text.contains('*') {
                return Err(unfollowed("delete", span_of(name)));
            }
            change.drops_upgrade |= is_upgrade(text);
        }
        Ok(change)
    }

    fn change_header(&mut self, change: HeaderChange) {
        if let Some(host) = change.host {
            self.request.host = Some(host);
        }
        self.request.keeps_upgrade &= !change.drops_upgrade;
    }

    fn rewrite(&mut self, rewrite: &'t Node) -> Result<(), Ended> {
        for entry in rewrite.entries() {
            let at = span(entry.key_place);
            let text = || entry.value.text().unwrap_or_default();
            match entry.key.as_str() {
                "uri" => match self.filled(text()) {
                    Filled::Text(uri) => {
                        let path = uri.split(['?', '#']).next().unwrap_or_default();
                        if !path.is_empty() {
                            self.request.path = path.to_owned();
                        }
                    }
                    Filled::Unknown(what) => return Err(Ended::undecided(what, at)),
                },
                "strip_path_prefix" => match self.filled(text()) {
                    Filled::Text(prefix) => {
                        let prefix = ["/", prefix.trim_start_matches('/')].concat();
                        if let Some(rest) = self.request.path.strip_prefix(prefix.as_str()) {
                            self.request.path = match rest.starts_with('/') {
                                true => rest.to_owned(),
                                false => ["/", rest].concat(),
                            };
                        }
                    }
                    Filled::Unknown(what) => return Err(Ended::undecided(what, at)),
                },
                "handler" | "query" => {}
                "method" if text().eq_ignore_ascii_case("get") => {}
                other => return Err(unfollowed(other, at)),
            }
        }
        Ok(())
    }

    fn reverse_proxy(&mut self, handler: &'t Node, at: Span) -> Result<Ended, Ended> {
        for key in ["dynamic_upstreams", "handle_response"] {
            if let Some(node) = handler.get(key) {
                return Err(unfollowed(key, span_of(node)));
            }
        }
        let upstreams = handler.list("upstreams");
        if upstreams.is_empty() {
            return Ok(Ended::answer(503, at));
        }
        if let Some(rewrite) = handler.get("rewrite") {
            self.rewrite(rewrite)?;
        }
        if let Some(operations) = handler.get("headers").and_then(|headers| headers.get("request"))
        {
            let change = self.header_change(operations)?;
            self.change_header(change);
        }
        let mut members: Vec<Member> = Vec::new();
        for upstream in upstreams {
            let dial = upstream.get("dial").unwrap_or(upstream);
            let text = dial.text().unwrap_or_default();
            if members.is_empty() {
                self.hop(span_of(dial), HopAction::PassesTo { target: ServerText::new(text) });
            }
            match self.member(text, span_of(dial)) {
                Ok(member) => members.push(member),
                Err(Ended { end: End::Undecided(what), .. }) => {
                    return Err(Ended::undecided(what, span_of(dial)));
                }
                Err(_) if !members.is_empty() => {}
                // What cannot be dialled is as one that does not answer.
                Err(_) if upstreams.len() == 1 || takes_first(handler) => {
                    return Err(Ended::answer(502, span_of(dial)));
                }
                Err(_) => return Err(unfollowed("dial", span_of(dial))),
            }
        }
        let transport = handler.get("transport");
        let host_of_dial = match &members[0].address {
            BackendAddress::Name(name) => Some(name.unquoted().to_owned()),
            BackendAddress::Ip(_) | BackendAddress::Socket(_) => None,
        };
        let (tls, version) = match transport {
            Some(transport) => self.transport(transport)?,
            None => (None, "1.1"),
        };
        self.connect.get_or_insert((DIAL_TIMEOUT, None));
        if let Some(host) = self.request.host.as_mut().filter(|host| host.contains(UPSTREAM)) {
            let dial = upstreams[0].get("dial").and_then(Node::text).unwrap_or_default();
            *host = dial.to_owned();
        }
        let host = self.request.host.as_deref().unwrap_or(super::follow::ADDRESS);
        self.http = Some(BackendHttp {
            host: ServerText::new(host),
            path: ServerText::new(&self.request.path),
            keeps_upgrade: self.request.keeps_upgrade,
            version: Some(ServerText::new(version)),
        });
        let goes_into_http2 = version == "2" && self.opening == Opening::WebSocket;
        if let Some(transport) = transport.filter(|_| goes_into_http2) {
            return Err(unfollowed("versions", span_of(transport)));
        }
        let start = tls.map(|tls| TlsStart::new(tls, host_of_dial));
        Ok(self.pass_on(&members, start.as_ref()))
    }

    /// Whether the transport begins TLS, and its version of HTTP.
    fn transport(
        &mut self,
        transport: &'t Node,
    ) -> Result<(Option<&'t Node>, &'static str), Ended> {
        let protocol = transport.get("protocol");
        if let Some(protocol) = protocol.filter(|it| it.text() != Some("http")) {
            return Err(unfollowed("transport", span_of(protocol)));
        }
        if let Some(version) = transport.get("proxy_protocol") {
            let sent = match version.text() {
                Some("v1") => ProxyHeader::V1,
                Some("v2") => ProxyHeader::V2,
                _ => return Err(unfollowed("proxy_protocol", span_of(version))),
            };
            self.header = Some(sent);
            self.hop(span_of(version), HopAction::SendsProxyHeader(sent));
        }
        if let Some(limit) = transport.get("dial_timeout")
            && let Some(lasts) = limit.text().and_then(duration)
        {
            self.connect = Some((lasts, Some(span_of(limit))));
        }
        // `"tls": {}` is all defaults.
        let tls = transport.get("tls").filter(|tls| tls.text().is_none());
        let versions: Vec<&str> =
            transport.list("versions").iter().filter_map(Node::text).collect();
        let is_first = versions.contains(&"1.1") || versions.is_empty();
        Ok((tls, if is_first { "1.1" } else { "2" }))
    }
}

/// How long a `reverse_proxy` waits for an upstream to accept, unless it is told.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A placeholder of the upstream that was chosen.
const UPSTREAM: &str = "{http.reverse_proxy.upstream.";

/// Whether a `reverse_proxy` takes the first upstream that works.
fn takes_first(handler: &Node) -> bool {
    let policy = handler.below(&["load_balancing", "selection_policy", "policy"]);
    policy.and_then(Node::text) == Some("first")
}

fn has_host(set: &Node) -> bool {
    set.entry("host").is_some()
}

/// Where nothing more follows in a server.
fn end_of_routes(server: &Server<'_>) -> Span {
    debug_assert_eq!(server.app, App::Http);
    server.node.entry("routes").map_or(server.at, |routes| span(routes.key_place))
}

/// A duration of Caddy: nanoseconds, or numbers with units.
fn duration(text: &str) -> Option<Duration> {
    match text.parse::<u64>() {
        Ok(nanoseconds) => Some(Duration::from_nanos(nanoseconds)),
        Err(_) => go_duration(text),
    }
}
