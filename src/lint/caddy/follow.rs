//! Follows one connection through a Caddy configuration, as Caddy would lead it.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::config::{
    App, CaddyConfig, Listen, ListenHost, LoadedFile, Network, Server, fits, fits_first_labels,
    parse_address, span_of,
};
use super::matchers::{Filled, Match};
use crate::lint::certificates::CertificateReader;
use crate::lint::source::{Sources, Span};
use crate::lint::way::{
    Ended, Leaving, MOST_HOPS, Member, Origin, Request, TlsLayer, takers, unfollowed,
};
use crate::lint::yaml::Node;
use crate::model::configuration::{
    AlertCause, AllowedVersions, BackendAddress, BackendHttp, BackendTls, CloseCause, Connection,
    End, Hop, HopAction, Layer, NamedFile, OfferedProtocols, Opening, ProxyHeader, StartFailure,
    Timeout, TlsEnding, Trace, Undecided,
};
use crate::model::facts::{ServerText, TlsVersion};
use crate::model::name::DomainName;
use crate::model::target::Family;

/// What Caddy offers by ALPN unless a policy says otherwise (`caddytls.defaultALPN`).
const DEFAULT_ALPN: [&str; 2] = ["h2", "http/1.1"];

/// What stands for the address of the proxy in a `Host` header.
pub const ADDRESS: &str = "[address]";

/// What a handler or a list of routes did with a connection.
pub enum Flow {
    Done(Ended),
    /// The next one gets it.
    Next,
}

/// A connection on its way.
#[derive(Clone)]
pub struct Walk<'c, 't> {
    pub config: &'c CaddyConfig<'t>,
    pub sources: &'c Sources,
    pub family: Family,
    pub opening: Opening,
    pub sni: Option<String>,
    /// Whether the configuration has this name by itself, and not only a pattern for it.
    pub name_is_known: bool,
    pub tls: TlsLayer,
    pub tls_ended: bool,
    /// The PROXY header that is first on the connection.
    pub header: Option<ProxyHeader>,
    pub origin: Origin,
    /// Whether layer4 has read what the client sends first.
    pub has_first_bytes: bool,
    pub request: Request,
    pub http: Option<BackendHttp>,
    pub certificates: &'c CertificateReader<'c>,
    hops: Vec<(Span, HopAction)>,
    certificate: Option<(String, Span)>,
    tls_ending: Option<Box<TlsEnding>>,
    /// `None`: it is Caddy's default.
    pub connect: Option<(Duration, Option<Span>)>,
    own_hops: usize,
}

/// TLS that the proxy begins towards the next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsStart {
    pub at: Span,
    /// The name in its ClientHello.
    name: Option<String>,
    verifies: bool,
}

impl TlsStart {
    /// `name`: the one that it has by default.
    pub fn new(settings: &Node, name: Option<String>) -> Self {
        let own = settings.get("server_name").and_then(Node::text).map(str::to_owned);
        let skips = settings.get("insecure_skip_verify").is_some_and(Node::is_true);
        Self { at: span_of(settings), name: own.or(name), verifies: !skips }
    }
}

/// A listener that takes a connection, with its server.
#[derive(Clone, Copy)]
pub struct Arrival<'c, 't> {
    pub server: &'c Server<'t>,
    pub listen: &'c Listen<'t>,
    pub port: u16,
}

/// The trace of a connection.
pub fn follow(
    config: &CaddyConfig<'_>,
    sources: &Sources,
    certificates: &CertificateReader<'_>,
    asked: &Connection,
) -> Trace {
    let name = asked.name.as_ref().map(|name| name.as_str().to_owned());
    let is_over_tls = asked.opening.is_over_tls();
    let mut walk = Walk {
        config,
        sources,
        family: asked.family,
        opening: asked.opening,
        sni: name.clone().filter(|_| is_over_tls),
        name_is_known: false,
        tls: if is_over_tls { TlsLayer::OfClient } else { TlsLayer::None },
        tls_ended: false,
        header: None,
        origin: Origin::Outside,
        has_first_bytes: false,
        request: Request::new(name, asked.opening),
        http: None,
        certificates,
        hops: Vec::new(),
        certificate: None,
        tls_ending: None,
        connect: None,
        own_hops: 0,
    };
    let ended = walk.enter(asked.port.number());
    walk.into_trace(asked.clone(), ended)
}

impl<'c, 't> Walk<'c, 't> {
    fn into_trace(self, asked: Connection, ended: Ended) -> Trace {
        let sources = self.sources;
        let hops = self.hops.iter();
        Trace {
            asked,
            hops: hops
                .map(|(at, does)| Hop { at: sources.location(*at), does: does.clone() })
                .collect(),
            end: ended.end,
            decided_at: ended.at.map(|at| sources.location(at)),
            certificate: self.certificate.map(|(path, at)| NamedFile {
                path: ServerText::new(&path),
                at: sources.location(at),
            }),
            tls: self.tls_ending,
            met: Vec::new(),
            // Neither app closes a connection that is silent.
            idle_timeout: None,
            connect_timeout: self
                .connect
                .map(|(lasts, at)| Timeout { lasts, at: at.map(|at| sources.location(at)) }),
        }
    }

    pub fn hop(&mut self, at: Span, does: HopAction) {
        self.hops.push((at, does));
    }

    pub fn chooses(&mut self, at: Span, by: &str, chosen: &str) {
        let (by, chosen) = (ServerText::new(by), ServerText::new(chosen));
        self.hop(at, HopAction::Chooses { by, chosen });
    }

    fn listeners(&self) -> impl Iterator<Item = (&'c Server<'t>, &'c Listen<'t>)> + use<'c, 't> {
        let config = self.config;
        config.servers.iter().flat_map(|server| server.listens.iter().map(move |it| (server, it)))
    }

    fn enter(&mut self, port: u16) -> Ended {
        let arrivals: Vec<Arrival<'c, 't>> = self
            .listeners()
            .filter(|(_, listen)| listen.takes(self.family, port) && !listen.is_loopback())
            .map(|(server, listen)| Arrival { server, listen, port })
            .collect();
        if arrivals.is_empty() {
            return self.nothing_listens(port);
        }
        self.arrive_at_all(&arrivals)
    }

    /// Arrives at listeners that have the port together. Of several addresses it is not known which one clients
    /// use, and of two servers with the same address the system takes either: it does not matter where all lead
    /// to the same.
    fn arrive_at_all(&mut self, arrivals: &[Arrival<'c, 't>]) -> Ended {
        let mut ends = Vec::new();
        for arrival in arrivals {
            let mut walk = self.clone();
            let ended = walk.arrive(*arrival);
            ends.push((walk, ended));
        }
        let first = &ends[0].1;
        if ends.iter().any(|(_, ended)| ended.end != first.end) {
            let named = arrivals.iter().find_map(|arrival| arrival.listen.address());
            let what = match named {
                Some(address) => Undecided::Name(ServerText::new(&address.to_string())),
                None => Undecided::Directive(ServerText::new("listen")),
            };
            return Ended::undecided(what, arrivals[arrivals.len() - 1].listen.at);
        }
        let (walk, ended) = ends.swap_remove(0);
        *self = walk;
        ended
    }

    fn nothing_listens(&mut self, port: u16) -> Ended {
        let named = self.listeners().find_map(|(_, listen)| match (listen.network, listen.host) {
            (Network::Other, ListenHost::Name(name)) => Some((name, listen.at)),
            (Network::Tcp { .. }, ListenHost::Name(name))
                if (listen.ports.0..=listen.ports.1).contains(&port) =>
            {
                Some((name, listen.at))
            }
            _ => None,
        });
        if let Some((name, at)) = named
            && name != "localhost"
        {
            return Ended::undecided(Undecided::Name(ServerText::new(name)), at);
        }
        if port == self.config.http_port
            && let Some((_, listen)) = self.redirecting_listener()
        {
            return self.redirected_by_caddy(listen.at);
        }
        Ended { end: End::Refused, at: None }
    }

    /// The server for which Caddy makes a listener on the port of plain HTTP.
    fn redirecting_listener(&self) -> Option<(&'c Server<'t>, &'c Listen<'t>)> {
        let config = self.config;
        let family = self.family;
        let makes = |listen: &&Listen<'t>| {
            let own = Listen { ports: (config.http_port, config.http_port), ..**listen };
            own.takes(family, config.http_port) && !own.is_loopback()
        };
        config.redirects().into_iter().find_map(|(server, _)| {
            let server = config.servers.iter().find(|own| std::ptr::eq(*own, server))?;
            Some((server, server.listens.iter().find(makes)?))
        })
    }

    /// The server on plain HTTP that Caddy itself makes redirects everything.
    fn redirected_by_caddy(&mut self, at: Span) -> Ended {
        self.hop(at, HopAction::Accepts { layer: Layer::Http, reads_proxy_header: false });
        if !matches!(self.opening, Opening::PlainHttp | Opening::AcmeChallenge) {
            return Ended::closed(CloseCause::OtherProtocol, at);
        }
        self.redirect_to_https(at)
    }

    /// The redirect of automatic HTTPS: to the port of the first server that has the name, else to the usual one.
    pub fn redirect_to_https(&self, at: Span) -> Ended {
        let host = self.request.host.as_deref().unwrap_or(ADDRESS);
        let has_name = |names: &[&str]| {
            let name = self.request.host.as_deref();
            names.is_empty() || name.is_some_and(|name| names.iter().any(|own| fits(own, name)))
        };
        let servers = self.config.redirects();
        let server = servers.iter().find(|(_, names)| has_name(names));
        let port = server.and_then(|(server, _)| self.config.port_of_redirect(server));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let target = ["https://", host, &port, &self.request.path].concat();
        let location = ServerText::new(&target);
        Ended { end: End::Redirect { status: 308, location }, at: Some(at) }
    }

    fn arrive(&mut self, arrival: Arrival<'c, 't>) -> Ended {
        match arrival.server.app {
            App::Layer4 => {
                self.accepts(arrival, Layer::Tcp);
                self.through_layer4(arrival)
            }
            App::Http => self.through_http(arrival),
        }
    }

    pub fn accepts(&mut self, arrival: Arrival<'c, 't>, layer: Layer) {
        self.hop(arrival.listen.at, HopAction::Accepts { layer, reads_proxy_header: false });
    }

    fn through_layer4(&mut self, arrival: Arrival<'c, 't>) -> Ended {
        let Arrival { server, .. } = arrival;
        match self.tcp_routes(server.node.list("routes")) {
            Flow::Done(ended) => ended,
            // No route is left: the connection ends.
            Flow::Next => {
                let routes = server.node.entry("routes").map(|it| it.key_place);
                let at = routes.map_or(server.at, super::config::span);
                Ended::closed(CloseCause::NoBackend, at)
            }
        }
    }

    /// Routes of layer4, as `RouteList.Compile` of caddy-l4 goes through them: one that waits for bytes holds back
    /// those without a matcher behind it, until a route in between is known not to match.
    pub fn tcp_routes(&mut self, routes: &'t [Node]) -> Flow {
        let mut matched: Option<usize> = None;
        // The first route that may still need bytes, and whether one has asked for them.
        let mut needs_more: Option<usize> = None;
        let mut waiting = None;
        let mut never: Vec<usize> = Vec::new();
        loop {
            if needs_more.is_some() {
                if self.has_first_bytes
                    && let Some(at) = waiting
                {
                    // The client sends nothing more before it has an answer.
                    return Flow::Done(Ended::closed(CloseCause::OtherProtocol, at));
                }
                self.has_first_bytes = true;
            }
            waiting = None;
            for (index, route) in routes.iter().enumerate() {
                let is_behind = needs_more.is_some_and(|needing| index > needing);
                let is_known = never.contains(&index) && needs_more.is_some_and(|it| index < it);
                if matched.is_some_and(|matched| index <= matched) || is_known {
                    continue;
                }
                match self.matches_tcp(route) {
                    Match::Unknown(what, at) => return Flow::Done(Ended::undecided(what, at)),
                    Match::Waits => {
                        waiting = Some(span_of(route));
                        if needs_more.replace(index).is_none() {
                            break;
                        }
                    }
                    Match::No => {
                        never.push(index);
                        if needs_more.is_none_or(|needing| index >= needing) {
                            needs_more = Some(index + 1);
                        }
                    }
                    Match::Yes if is_behind && route.list("match").is_empty() => {}
                    Match::Yes => {
                        matched = Some(index);
                        needs_more = Some(index + 1);
                        waiting = None;
                        for handler in route.list("handle") {
                            match self.tcp_handler(handler) {
                                Flow::Next => {}
                                done @ Flow::Done(_) => return done,
                            }
                        }
                    }
                }
            }
            if matched == routes.len().checked_sub(1) {
                return Flow::Next;
            }
            if needs_more.is_none_or(|needing| needing >= routes.len()) {
                return Flow::Next;
            }
        }
    }

    fn tcp_handler(&mut self, handler: &'t Node) -> Flow {
        let name = handler.get("handler");
        let at = name.map_or_else(|| span_of(handler), span_of);
        let name = name.and_then(Node::text).unwrap_or_default();
        Flow::Done(match name {
            "tls" => match self.end_tls(handler.list("connection_policies"), Layer::Tcp, at) {
                Ok(()) => return Flow::Next,
                Err(ended) => ended,
            },
            "proxy" => self.proxy(handler, at).unwrap_or_else(|ended| ended),
            "subroute" => return self.tcp_routes(handler.list("routes")),
            // go-proxyproto lets in who sends none until 0.14, and closes from 0.15 on.
            "proxy_protocol" if self.header.is_none() && !requires_header(handler) => {
                Ended::undecided(Undecided::Version, at)
            }
            // It reads 256 bytes, and Caddy gives it what routes have read already: more than that gets out of order.
            "proxy_protocol" if self.header.is_some() && self.has_first_bytes => {
                unfollowed("proxy_protocol", at)
            }
            "proxy_protocol" => match self.read_header(handler, at) {
                Ok(()) => return Flow::Next,
                Err(ended) => ended,
            },
            "close" => Ended::closed(CloseCause::Configured, at),
            "echo" => Ended { end: End::LocalAnswer { status: None }, at: Some(at) },
            "throttle" => return Flow::Next,
            other => unfollowed(if other.is_empty() { "handler" } else { other }, at),
        })
    }

    /// What reads a PROXY header: the handler of layer4, and the wrapper of a listener of the `http` app.
    pub fn read_header(&mut self, reader: &Node, at: Span) -> Result<(), Ended> {
        self.has_first_bytes = false;
        let policy = reader.get("fallback_policy").and_then(Node::text).unwrap_or("IGNORE");
        let every = ["0.0.0.0/0", "::/0"];
        let mut allowed = reader.list("allow").iter().filter_map(Node::text);
        let allows_all = allowed.any(|range| every.contains(&range));
        match (self.header, policy.to_ascii_uppercase().as_str()) {
            (None, "REQUIRE") if !allows_all => {
                Err(Ended::closed(CloseCause::ProxyHeaderMissing, at))
            }
            (None, _) => Ok(()),
            (Some(_), "IGNORE" | "USE" | "REQUIRE") if reader.list("deny").is_empty() => {
                self.header = None;
                Ok(())
            }
            (Some(_), _) => Err(unfollowed("fallback_policy", at)),
        }
    }

    /// Ends TLS by the first of the policies that matches; without any, by one that takes everything.
    pub fn end_tls(&mut self, policies: &'t [Node], layer: Layer, at: Span) -> Result<(), Ended> {
        if self.header.is_some() {
            return Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, at));
        }
        if self.tls == TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, at));
        }
        let policy = self.policy(policies, at)?;
        if let Some(drops) = policy.and_then(|it| it.get("drop")).filter(|it| it.is_true()) {
            return Err(Ended::new(End::Alert(AlertCause::NameRefused), span_of(drops)));
        }
        self.tls_ending = Some(Box::new(self.tls_ending_of(policy, layer, at)));
        self.choose_certificate(policy, at)?;
        if let Some(client) = policy.and_then(|policy| policy.get("client_authentication")) {
            let mode = client.get("mode").and_then(Node::text);
            let has_trusted = client.entries().iter().any(|entry| entry.key != "mode");
            if matches!(mode, Some("require" | "require_and_verify"))
                || mode.is_none() && has_trusted
            {
                if let Some(ending) = self.tls_ending.as_mut() {
                    ending.client_certificate = Some(self.sources.location(span_of(client)));
                }
                let cause = CloseCause::ClientCertificateMissing;
                return Err(Ended::closed(cause, span_of(client)));
            }
        }
        self.tls = TlsLayer::None;
        self.tls_ended = true;
        self.has_first_bytes = false;
        self.hop(at, HopAction::EndsTls);
        Ok(())
    }

    fn policy(&mut self, policies: &'t [Node], at: Span) -> Result<Option<&'t Node>, Ended> {
        for policy in policies {
            let matchers = policy.get("match").map_or(&[][..], Node::entries);
            let mut takes = true;
            for matcher in matchers {
                match self.tls_matcher(matcher) {
                    Match::Yes => {}
                    Match::No | Match::Waits => takes = false,
                    Match::Unknown(what, at) => return Err(Ended::undecided(what, at)),
                }
            }
            if takes {
                return Ok(Some(policy));
            }
        }
        match policies.last() {
            Some(last) => Err(Ended::new(End::Alert(AlertCause::NameRefused), span_of(last))),
            None if self.tls != TlsLayer::None => Ok(None),
            None => Err(Ended::closed(CloseCause::OtherProtocol, at)),
        }
    }

    /// The certificate for the name in the ClientHello, as certmagic chooses it.
    fn choose_certificate(&mut self, policy: Option<&'t Node>, at: Span) -> Result<(), Ended> {
        let certificates = &self.config.certificates;
        if let Some(selection) = policy.and_then(|policy| policy.get("certificate_selection")) {
            // One of the loaded ones, chosen by tags and the like.
            return match certificates.loaded.as_slice() {
                [loaded] => {
                    self.takes_certificate(loaded);
                    Ok(())
                }
                _ => Err(unfollowed("certificate_selection", span_of(selection))),
            };
        }
        let of_policy = |key: &str| {
            let name = policy.and_then(|policy| policy.get(key)).and_then(Node::text);
            name.map(str::to_owned)
        };
        let wanted =
            [self.sni.clone().or_else(|| of_policy("default_sni")), of_policy("fallback_sni")];
        let mut unread = None;
        for name in wanted.iter().flatten() {
            if certificates.managed.iter().any(|managed| fits_first_labels(managed, name)) {
                return Ok(());
            }
            let asked: Option<DomainName> = name.parse().ok();
            for loaded in &certificates.loaded {
                loaded.read(self.sources, self.certificates);
                let covers = asked
                    .as_ref()
                    .map_or(Some(false), |asked| self.certificates.covers(loaded.path(), asked));
                match covers {
                    Some(true) => {
                        self.takes_certificate(loaded);
                        return Ok(());
                    }
                    Some(false) => {}
                    None => unread = unread.or(Some(loaded)),
                }
            }
        }
        let is_named = self.name_is_known
            || self.sni.as_deref().is_some_and(|name| is_named(self.config, name))
            || wanted[1].is_some()
            || self.sni.is_none() && wanted[0].is_some();
        if unread.is_some() || certificates.has_more.is_some() {
            // Which names they have is not read. Where the configuration has the name, they are meant for it.
            if is_named {
                if let (Some(loaded), [_], None) =
                    (unread, certificates.loaded.as_slice(), certificates.has_more)
                {
                    self.takes_certificate(loaded);
                }
                return Ok(());
            }
            let (path, at) = match (unread, certificates.has_more) {
                (Some(loaded), _) => (loaded.path(), span_of(loaded.certificate)),
                (None, other) => ("", other.unwrap_or(at)),
            };
            return Err(Ended::undecided(Undecided::FileUnread(ServerText::new(path)), at));
        }
        match certificates.on_demand {
            Some(_) if self.name_is_known => Ok(()),
            Some(at) if self.sni.is_some() => Err(unfollowed("on_demand", at)),
            _ => Err(Ended::new(End::Alert(AlertCause::NoCertificate), at)),
        }
    }

    fn takes_certificate(&mut self, loaded: &LoadedFile<'t>) {
        let path = ServerText::new(loaded.path());
        if let Some(ending) = self.tls_ending.as_mut() {
            let name = self.sni.as_ref().and_then(|name| name.parse::<DomainName>().ok());
            ending.covers_name =
                name.and_then(|name| self.certificates.covers(loaded.path(), &name));
            ending.certificates.push(path);
        }
        self.certificate = Some((loaded.path().to_owned(), span_of(loaded.certificate)));
    }

    /// What a policy says about TLS.
    fn tls_ending_of(&self, policy: Option<&'t Node>, layer: Layer, at: Span) -> TlsEnding {
        let of_policy = |key: &str| policy.and_then(|policy| policy.get(key));
        let version = |key: &str, default: TlsVersion| match of_policy(key).and_then(Node::text) {
            Some("tls1.2") => TlsVersion::Tls12,
            Some("tls1.3") => TlsVersion::Tls13,
            _ => default,
        };
        let least = version("protocol_min", TlsVersion::Tls12);
        let most = version("protocol_max", TlsVersion::Tls13);
        let all = [TlsVersion::Tls12, TlsVersion::Tls13].into_iter();
        let limit = of_policy("protocol_min").or_else(|| of_policy("protocol_max"));
        let versions = AllowedVersions::Listed {
            versions: all.filter(|version| (least..=most).contains(version)).collect(),
            at: self.sources.location(limit.map_or(at, span_of)),
            other: None,
        };
        let own = of_policy("alpn").filter(|list| list.text().is_none());
        let offered: Vec<&str> = match own {
            Some(list) => list.items().iter().filter_map(Node::text).collect(),
            None => DEFAULT_ALPN.to_vec(),
        };
        let alpn = OfferedProtocols {
            protocols: offered.into_iter().map(ServerText::new).collect(),
            at: self.sources.location(own.map_or(at, span_of)),
        };
        TlsEnding {
            at: self.sources.location(at),
            layer,
            certificates: Vec::new(),
            covers_name: None,
            versions,
            alpn: Some(alpn),
            client_certificate: None,
            hsts: None,
            alt_svc: None,
        }
    }

    fn proxy(&mut self, handler: &'t Node, at: Span) -> Result<Ended, Ended> {
        let header = handler.get("proxy_protocol");
        if let Some(version) = header {
            let sent = match version.text() {
                Some("v1") => ProxyHeader::V1,
                Some("v2") => ProxyHeader::V2,
                Some("") => return Err(unfollowed("proxy_protocol", at)),
                _ => return Err(conflict("proxy_protocol", span_of(version))),
            };
            self.header = Some(sent);
            self.hop(span_of(version), HopAction::SendsProxyHeader(sent));
        }
        let upstreams = handler.list("upstreams");
        if upstreams.is_empty() {
            return Err(conflict("upstreams", at));
        }
        let mut members = Vec::new();
        for upstream in upstreams {
            let dials = upstream.list("dial");
            if dials.is_empty() && upstreams.len() == 1 {
                return Err(Ended::closed(CloseCause::NoBackend, span_of(upstream)));
            }
            let [dial] = dials else {
                // Several addresses of one upstream get the same bytes, and their answers are mixed.
                return Err(unfollowed("dial", span_of(upstream)));
            };
            let text = dial.text().unwrap_or_default();
            if members.is_empty() {
                self.hop(span_of(dial), HopAction::PassesTo { target: ServerText::new(text) });
            }
            members.push(self.member(text, span_of(dial))?);
        }
        let tls = upstreams[0].get("tls").filter(|tls| tls.text().is_none());
        // It tells the client's name again, unless it has one of its own.
        let start = tls.map(|tls| TlsStart::new(tls, self.sni.clone()));
        Ok(self.pass_on(&members, start.as_ref()))
    }

    /// What an address to dial names.
    pub fn member(&self, text: &str, at: Span) -> Result<Member, Ended> {
        let text = match self.filled(text) {
            Filled::Text(text) => text,
            Filled::Unknown(what) => return Err(Ended::undecided(what, at)),
        };
        let listen = parse_address(&text, at).ok_or_else(|| conflict("dial", at))?;
        let address = match (listen.network, listen.host) {
            (Network::Unix, ListenHost::Name(path)) => {
                let address = BackendAddress::Socket(ServerText::new(path));
                return Ok(Member { address, port: None, at });
            }
            (Network::Other, _) => return Err(unfollowed("dial", at)),
            (_, ListenHost::Any) => BackendAddress::Ip(Ipv4Addr::LOCALHOST.into()),
            (_, ListenHost::Ip(address)) => BackendAddress::Ip(address),
            (_, ListenHost::Name(name)) => BackendAddress::Name(ServerText::new(name)),
        };
        if listen.ports.0 == 0 {
            return Err(Ended::closed(CloseCause::NoPort(ServerText::new(&text)), at));
        }
        Ok(Member { address, port: Some(listen.ports.0), at })
    }

    /// Passes the connection on: into another listener of this proxy, or out.
    pub fn pass_on(&mut self, members: &[Member], tls: Option<&TlsStart>) -> Ended {
        let groups: Vec<Vec<Arrival<'c, 't>>> =
            members.iter().map(|member| self.own_listeners(member)).collect();
        let first = &members[0];
        if groups[0].is_empty() {
            if let Some(index) = groups.iter().position(|group| !group.is_empty()) {
                return unfollowed("upstreams", members[index].at);
            }
            return self.out(members, tls.is_some());
        }
        if let Some(tls) = tls {
            // Whether it trusts its own certificate is not in this file.
            if self.tls != TlsLayer::None || tls.verifies {
                return unfollowed("tls", tls.at);
            }
            self.tls = TlsLayer::OfProxy;
            self.sni.clone_from(&tls.name);
        }
        self.own_hops += 1;
        if self.own_hops > MOST_HOPS {
            return Ended::closed(CloseCause::Circle, first.at);
        }
        self.origin = Origin::OwnMachine;
        self.has_first_bytes = false;
        self.arrive_at_all(&groups[0])
    }

    /// The listeners of this proxy that have the address.
    fn own_listeners(&self, member: &Member) -> Vec<Arrival<'c, 't>> {
        if let BackendAddress::Socket(path) = &member.address {
            let has = |listen: &Listen<'t>| match (listen.network, listen.host) {
                (Network::Unix, ListenHost::Name(own)) => ServerText::new(own) == *path,
                _ => false,
            };
            let own = self.listeners().filter(|(_, listen)| has(listen));
            return own.map(|(server, listen)| Arrival { server, listen, port: 0 }).collect();
        }
        let Some(port) = member.port else { return Vec::new() };
        let arrivals: Vec<Arrival<'c, 't>> =
            self.listeners().map(|(server, listen)| Arrival { server, listen, port }).collect();
        takers(&arrivals, |arrival| arrival.listen.place(), &member.address, port)
    }

    fn out(&self, members: &[Member], starts_tls: bool) -> Ended {
        let tls = if starts_tls { BackendTls::Again } else { self.tls.at_backend() };
        let leaving = Leaving { tls, proxy_header: self.header, http: self.http.clone() };
        leaving.to(members, self.sources)
    }
}

/// Whether a reader of PROXY headers closes connections without one, in each version.
fn requires_header(reader: &Node) -> bool {
    let policy = reader.get("fallback_policy").and_then(Node::text).unwrap_or_default();
    policy.eq_ignore_ascii_case("require") && reader.list("allow").is_empty()
}

/// Caddy refuses the value of this key, and does not start.
fn conflict(key: &str, at: Span) -> Ended {
    let why = StartFailure::Conflict(ServerText::new(key));
    Ended { end: End::NotStarted(why), at: Some(at) }
}

/// Whether a matcher of a server has this name.
fn is_named(config: &CaddyConfig<'_>, name: &str) -> bool {
    fn has(node: &Node, name: &str) -> bool {
        let is_it = |item: &Node| item.text().is_some_and(|text| text.eq_ignore_ascii_case(name));
        node.entries().iter().any(|entry| {
            matches!(entry.key.as_str(), "host" | "sni") && entry.value.items().iter().any(is_it)
                || has(&entry.value, name)
        }) || node.items().iter().any(|item| has(item, name))
    }
    config.servers.iter().any(|server| has(server.node, name))
}
