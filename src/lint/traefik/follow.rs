//! Follows one connection through a Traefik configuration, as Traefik would lead it.

use std::net::IpAddr;
use std::time::Duration;

use super::config::{Config, Does, EntryPoint, Host, Layer4Or7, Part, Redirection, Router};
use super::rule::{Matcher, Rule, fits};
use super::services::Dials;
use super::tls::Options;
use crate::lint::certificates::CertificateReader;
use crate::lint::pattern::Pattern;
use crate::lint::source::{Sources, Span};
use crate::lint::way::{
    Ended, Leaving, MOST_HOPS, Match, Member, Origin, Request, TlsLayer, in_network, takers,
    unfollowed,
};
use crate::model::configuration::{
    Admission, BackendAddress, BackendHttp, BackendTls, CloseCause, Connection, End, Hop,
    HopAction, Layer, Met, MetSetting, NamedFile, Opening, ProxyHeader, Throttle, Timeout,
    TlsEnding, Trace, Undecided, UnusedBecause,
};
use crate::model::facts::ServerText;
use crate::model::target::Family;

/// What stands for the address of the proxy in a `Host` header.
pub const ADDRESS: &str = "[address]";

/// A connection on its way.
#[derive(Clone)]
pub struct Walk<'c, 't> {
    pub config: &'c Config<'t>,
    pub sources: &'c Sources,
    pub certificates: &'c CertificateReader<'c>,
    pub family: Family,
    pub opening: Opening,
    pub sni: Option<String>,
    pub tls: TlsLayer,
    pub header: Option<ProxyHeader>,
    pub origin: Origin,
    /// The address at which it arrives, where a hop before has dialled it.
    dialled: Option<IpAddr>,
    pub request: Request,
    pub http: Option<BackendHttp>,
    pub met: Vec<(Span, MetSetting)>,
    pub tls_ending: Option<Box<TlsEnding>>,
    pub certificate: Option<(String, Span)>,
    pub connect: Option<(Duration, Option<Span>)>,
    hops: Vec<(Span, HopAction)>,
    own_hops: usize,
}

/// The trace of a connection.
pub fn follow(
    config: &Config<'_>,
    sources: &Sources,
    certificates: &CertificateReader<'_>,
    asked: &Connection,
) -> Trace {
    let name = asked.name.as_ref().map(|name| name.as_str().to_owned());
    let is_over_tls = asked.opening.is_over_tls();
    let mut walk = Walk {
        config,
        sources,
        certificates,
        family: asked.family,
        opening: asked.opening,
        sni: name.clone().filter(|_| is_over_tls),
        tls: if is_over_tls { TlsLayer::OfClient } else { TlsLayer::None },
        header: None,
        origin: Origin::Outside,
        dialled: None,
        request: Request::new(name, asked.opening),
        http: None,
        met: Vec::new(),
        tls_ending: None,
        certificate: None,
        connect: None,
        hops: Vec::new(),
        own_hops: 0,
    };
    let ended = walk.enter(asked.port.number());
    walk.into_trace(asked.clone(), ended)
}

impl<'c, 't> Walk<'c, 't> {
    fn into_trace(self, asked: Connection, ended: Ended) -> Trace {
        let sources = self.sources;
        let hop =
            |(at, does): &(Span, HopAction)| Hop { at: sources.location(*at), does: does.clone() };
        let met = |(at, what)| Met { at: sources.location(at), what };
        Trace {
            asked,
            hops: self.hops.iter().map(hop).collect(),
            end: ended.end,
            decided_at: ended.at.map(|at| sources.location(at)),
            certificate: self.certificate.map(|(path, at)| NamedFile {
                path: ServerText::new(&path),
                at: sources.location(at),
            }),
            tls: self.tls_ending,
            met: self.met.into_iter().map(met).collect(),
            // Neither TCP nor a WebSocket is closed for being silent.
            idle_timeout: None,
            connect_timeout: self
                .connect
                .map(|(lasts, at)| Timeout { lasts, at: at.map(|at| sources.location(at)) }),
        }
    }

    pub fn hop(&mut self, at: Span, does: HopAction) {
        self.hops.push((at, does));
    }

    fn enter(&mut self, port: u16) -> Ended {
        let config = self.config;
        if config.fixed.is_none() {
            // Which entry point has the port is in another file.
            let at = config.loaded.first().map_or(Span { file: 0, start: 0, end: 0 }, |it| it.at());
            let what = Undecided::FileUnread(ServerText::new("entryPoints"));
            return Ended::undecided(what, at);
        }
        let is_open = |it: &&EntryPoint<'t>| {
            it.listen.place().is_some_and(|place| {
                place.takes(self.family, port)
                    && !place.address.is_some_and(|address| address.is_loopback())
            })
        };
        let entry_points: Vec<&'c EntryPoint<'t>> =
            config.entry_points.iter().filter(is_open).collect();
        if entry_points.is_empty() {
            let by_name = config.entry_points.iter().find_map(|it| match it.listen.host {
                Host::Name(name) if it.listen.port == port && name != "localhost" => {
                    Some((name, it.listen.at))
                }
                _ => None,
            });
            return match by_name {
                Some((name, at)) => Ended::undecided(Undecided::Name(ServerText::new(name)), at),
                None => Ended { end: End::Refused, at: None },
            };
        }
        let named = entry_points.iter().find_map(|it| it.listen.address());
        let ways = entry_points.iter().map(|it| (it.listen.at, *it));
        self.same_end(ways, named, |walk, entry_point| walk.arrive(entry_point))
    }

    /// Where all of these lead to the same end, it; else it is not known. `address`: of which a client would have to be
    /// known that it uses it.
    fn same_end<W>(
        &mut self,
        ways: impl Iterator<Item = (Span, W)>,
        address: Option<IpAddr>,
        go: impl Fn(&mut Self, W) -> Ended,
    ) -> Ended {
        let mut first: Option<(Self, Ended)> = None;
        for (at, way) in ways {
            let mut walk = self.clone();
            let ended = go(&mut walk, way);
            match &first {
                None => first = Some((walk, ended)),
                Some((_, known)) if known.end == ended.end => {}
                Some(_) => {
                    return match address {
                        Some(address) => Ended::undecided(
                            Undecided::Name(ServerText::new(&address.to_string())),
                            at,
                        ),
                        None => unfollowed("priority", at),
                    };
                }
            }
        }
        let Some((walk, ended)) = first else { return Ended { end: End::Refused, at: None } };
        *self = walk;
        ended
    }

    fn arrive(&mut self, entry_point: &'c EntryPoint<'t>) -> Ended {
        let listen = &entry_point.listen;
        let reader = entry_point.proxy_protocol();
        let accepts =
            HopAction::Accepts { layer: Layer::Tcp, reads_proxy_header: reader.is_some() };
        self.hop(listen.at, accepts);
        let accepted = self.hops.len() - 1;
        if self.header.is_some()
            && let Some(reader) = reader
        {
            match self.trusts_sender(reader) {
                Some(true) => self.header = None,
                Some(false) => {}
                None => return unfollowed("trustedIPs", reader.at()),
            }
        }
        let ended = match self.route(entry_point) {
            Ok(Chosen::Done(ended)) | Err(ended) => ended,
            Ok(Chosen::Http { over_tls }) => {
                if let Some((_, HopAction::Accepts { layer, .. })) = self.hops.get_mut(accepted) {
                    *layer = Layer::Http;
                }
                self.through_http(entry_point, over_tls)
            }
        };
        self.left_to_others(entry_point, ended)
    }

    /// Where no router of these files takes a connection, one of another provider may.
    fn left_to_others(&self, entry_point: &EntryPoint<'t>, ended: Ended) -> Ended {
        let is_left = match &ended.end {
            End::LocalAnswer { status: Some(status) } => [NOT_FOUND, BAD_REQUEST].contains(status),
            End::Closed(cause) => {
                matches!(cause, CloseCause::NoBackend | CloseCause::OtherProtocol)
            }
            _ => false,
        };
        if !is_left || ended.at != Some(entry_point.listen.at) {
            return ended;
        }
        match (&self.config.unread, self.config.other_provider()) {
            (Some((what, at)), _) => Ended::undecided(what.clone(), *at),
            (None, Some(other)) => unfollowed(other.name, other.at),
            (None, None) => ended,
        }
    }

    /// Whether the PROXY header of the hop before is read.
    fn trusts_sender(&self, reader: Part<'t>) -> Option<bool> {
        if reader.is_true("insecure") {
            return Some(true);
        }
        let mut is_unclear = false;
        for range in reader.texts("trustedIPs") {
            match in_network(self.origin == Origin::OwnMachine, range.name) {
                Some(true) => return Some(true),
                // Whether its own address is in there is not known.
                _ => is_unclear |= self.dialled.is_none_or(|address| !address.is_loopback()),
            }
        }
        (!is_unclear).then_some(false)
    }

    /// The routers of this layer at an entry point, with whether TLS is set for them.
    pub fn routers(
        &self,
        entry_point: &EntryPoint<'t>,
        layer: Layer4Or7,
    ) -> impl Iterator<Item = (&'c Router<'t>, Option<Part<'t>>)> + use<'c, 't> {
        let of_all = entry_point.http().and_then(|http| http.enabled("tls"));
        let name = entry_point.name.to_owned();
        let config = self.config;
        let routers =
            config.routers.iter().filter(move |it| it.layer == layer && it.has_entry_point(&name));
        routers.map(move |router| {
            let of_entry_point = of_all.filter(|_| layer == Layer4Or7::Http);
            (router, router.tls.or(of_entry_point))
        })
    }

    /// What takes the connection, before anything but the ClientHello is read (`pkg/server/router/tcp/router.go`).
    fn route(&mut self, entry_point: &'c EntryPoint<'t>) -> Result<Chosen, Ended> {
        let (with_tls, plain): (Vec<_>, Vec<_>) =
            self.tcp_routers(entry_point).into_iter().partition(|it| it.router.tls.is_some());
        let by_name = self.http_tls_names(entry_point);
        let is_tls = self.tls != TlsLayer::None && self.header.is_none();
        let sni = self.sni.clone().filter(|_| is_tls);
        // Without anything to look for in a ClientHello, none is waited for.
        if !plain.is_empty() && with_tls.is_empty() && by_name.is_empty() {
            let taking = self.taking(&plain, None)?;
            if !taking.is_empty() {
                return Ok(Chosen::Done(self.serve_tcp(&taking)));
            }
        }
        if !is_tls {
            let taking = self.taking(&plain, None)?;
            return match taking.is_empty() {
                false => Ok(Chosen::Done(self.serve_tcp(&taking))),
                true => Ok(Chosen::Http { over_tls: false }),
            };
        }
        let of_http = by_name.iter().find(|it| it.has(sni.as_deref()));
        let taking = self.taking(&with_tls, sni.as_deref())?;
        let catches_all = |taking: &[TcpRouter<'c, 't>]| {
            taking.iter().all(|it| it.router.tree.as_ref().is_some_and(Rule::catches_all))
        };
        let is_http = match of_http {
            Some(by_name) if by_name.name != "*" => true,
            Some(_) => taking.is_empty() || catches_all(&taking),
            None => taking.is_empty(),
        };
        if !is_http {
            return Ok(Chosen::Done(self.serve_tcp(&taking)));
        }
        let options = match of_http {
            Some(by_name) => by_name.options.clone(),
            None => Options::default_of(self.config),
        };
        if let Some(router) = of_http.and_then(|by_name| by_name.router) {
            self.chooses(router);
        }
        let resolver = of_http.is_some_and(|by_name| by_name.is_managed);
        let at = of_http.map_or(entry_point.listen.at, |by_name| by_name.at);
        self.end_tls(&options?, Layer::Http, resolver, at)?;
        Ok(Chosen::Http { over_tls: true })
    }

    pub fn chooses(&mut self, router: &Router<'t>) {
        let (by, chosen) = (ServerText::new(router.rule.name), ServerText::new(router.name));
        self.hop(router.rule.at, HopAction::Chooses { by, chosen });
    }

    /// The TCP routers that Traefik uses.
    fn tcp_routers(&mut self, entry_point: &EntryPoint<'t>) -> Vec<TcpRouter<'c, 't>> {
        let mut used = Vec::new();
        for (router, _) in self.routers(entry_point, Layer4Or7::Tcp) {
            self.misses(router);
            let is_readable =
                router.old_syntax.is_some() || router.tree.as_ref().is_some_and(Rule::is_usable);
            let Does::Serves(Some(service)) = router.does else { continue };
            if router.lacks_tls() || !is_readable {
                continue;
            }
            let dials = self.config.tcp_service(service.name);
            let middlewares = self.config.tcp_middlewares(&router.middlewares);
            if let (Ok(dials), Ok(())) = (dials, middlewares) {
                used.push(TcpRouter { router, dials });
            }
        }
        used
    }

    /// A router that would take the connection, and that Traefik does not use.
    pub fn misses(&mut self, router: &Router<'t>) {
        let found = self.config.unused(router);
        let is_meant = || match router.layer {
            Layer4Or7::Tcp => self.matches_tcp(router, self.sni.as_deref()),
            Layer4Or7::Http => self.matches_http(router),
        };
        let is_about_place = |why: &UnusedBecause| matches!(why, UnusedBecause::EntryPoint(_));
        if let Some((at, why)) = found.into_iter().find(|(_, why)| !is_about_place(why))
            && is_meant() == Match::Yes
        {
            let router = ServerText::new(router.name);
            self.met.push((at, MetSetting::UnusedRouter { router, why }));
        }
    }

    /// Of these routers those of the highest priority that take the connection.
    fn taking(
        &self,
        routers: &[TcpRouter<'c, 't>],
        sni: Option<&str>,
    ) -> Result<Vec<TcpRouter<'c, 't>>, Ended> {
        let all = routers.iter().map(|it| (it.router, it));
        let taking = first_of(all, |router| self.matches_tcp(router, sni))?;
        Ok(taking.into_iter().cloned().collect())
    }

    fn serve_tcp(&mut self, taking: &[TcpRouter<'c, 't>]) -> Ended {
        let ways = taking.iter().map(|it| (it.router.rule.at, it.clone()));
        self.same_end(ways, None, |walk, it| walk.through_router(&it).unwrap_or_else(|ended| ended))
    }

    fn through_router(&mut self, taking: &TcpRouter<'c, 't>) -> Result<Ended, Ended> {
        let TcpRouter { router, dials } = taking;
        self.chooses(router);
        if let Some(passthrough) = router.passthrough() {
            self.hop(passthrough.at(), HopAction::ReadsServerName);
        } else if let Some(tls) = router.tls {
            let options = self.config.options(tls.word("options"));
            let resolver =
                tls.word("certResolver").is_some_and(|it| self.config.has_resolver(it.name));
            self.end_tls(&options?, Layer::Tcp, resolver, tls.at())?;
        }
        for middleware in &router.middlewares {
            let Some(part) = self.config.find(Layer4Or7::Tcp, "middlewares", middleware.name)
            else {
                return Err(unfollowed(middleware.name, middleware.at));
            };
            self.tcp_middleware(part)?;
        }
        let dials = dials.clone();
        if let Some(at) = dials.unclear {
            return Err(unfollowed("services", at));
        }
        self.connect = Some(dials.connect);
        if let Some((header, at)) = dials.header {
            self.header = Some(header);
            self.hop(at, HopAction::SendsProxyHeader(header));
        }
        let Some(first) = dials.members.first() else {
            return Err(Ended::closed(CloseCause::NoBackend, dials.at));
        };
        self.hop(first.at, HopAction::PassesTo { target: ServerText::new(&dials.target) });
        Ok(self.pass_on(&dials))
    }

    fn tcp_middleware(&mut self, part: Part<'t>) -> Result<(), Ended> {
        for (key, _, settings) in part.entries() {
            match key.to_ascii_lowercase().as_str() {
                "ipallowlist" | "ipwhitelist" => {
                    if !self.is_let_in(settings)? {
                        return Err(Ended::closed(CloseCause::AccessDenied, settings.at()));
                    }
                }
                _ => {
                    let limit = MetSetting::Throttle(Throttle::Connections);
                    self.met.push((settings.at(), limit));
                }
            }
        }
        Ok(())
    }

    /// Whether a list of networks has the client.
    pub fn is_let_in(&mut self, settings: Part<'t>) -> Result<bool, Ended> {
        let ranges = settings.texts("sourceRange");
        let own = self.origin == Origin::OwnMachine;
        if ranges.iter().any(|range| in_network(own, range.name) == Some(true)) {
            return Ok(true);
        }
        self.met.push((settings.at(), MetSetting::AccessList(Admission::Named)));
        Ok(false)
    }

    /// Passes the connection on: into another entry point, or out.
    pub fn pass_on(&mut self, dials: &Dials) -> Ended {
        let own: Vec<Vec<&'c EntryPoint<'t>>> =
            dials.members.iter().map(|member| self.own_entry_points(member)).collect();
        let first = &dials.members[0];
        if own[0].is_empty() {
            if let Some(index) = own.iter().position(|group| !group.is_empty()) {
                return unfollowed("servers", dials.members[index].at);
            }
            let tls = if dials.starts_tls { BackendTls::Again } else { self.tls.at_backend() };
            let leaving = Leaving { tls, proxy_header: self.header, http: self.http.clone() };
            return leaving.to(&dials.members, self.sources);
        }
        if dials.members.len() > 1 {
            return unfollowed("servers", dials.members[1].at);
        }
        if dials.starts_tls {
            // Whether it trusts its own certificate is not in this file.
            return unfollowed("tls", first.at);
        }
        self.own_hops += 1;
        if self.own_hops > MOST_HOPS {
            return Ended::closed(CloseCause::Circle, first.at);
        }
        self.origin = Origin::OwnMachine;
        self.dialled = match first.address {
            BackendAddress::Ip(address) => Some(address),
            _ => None,
        };
        let ways: Vec<_> = own[0].iter().map(|it| (it.listen.at, *it)).collect();
        self.same_end(ways.into_iter(), None, |walk, entry_point| walk.arrive(entry_point))
    }

    fn own_entry_points(&self, member: &Member) -> Vec<&'c EntryPoint<'t>> {
        let Some(port) = member.port else { return Vec::new() };
        let all: Vec<&'c EntryPoint<'t>> = self.config.entry_points.iter().collect();
        takers(&all, |it| it.listen.place(), &member.address, port)
    }

    // --- Rules -----------------------------------------------------------------------------

    fn matches_tcp(&self, router: &Router<'t>, sni: Option<&str>) -> Match {
        self.matches(router, |matcher| match (matcher.name, matcher.arguments[0].as_str()) {
            ("HostSNI", "*") => Match::Yes,
            ("HostSNI", name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                Match::from(sni.is_some_and(|sni| fits(sni, name)))
            }
            ("HostSNIRegexp", pattern) => {
                expression(pattern, sni.unwrap_or_default(), router.rule.at)
            }
            ("ClientIP", network) => self.client_is_in(network, router.rule.at),
            (name, _) => Match::unknown(name, router.rule.at),
        })
    }

    /// Whether the request fits the rule of a router.
    pub fn matches_http(&self, router: &Router<'t>) -> Match {
        let at = router.rule.at;
        let host = self.request.host.as_deref().map(str::to_ascii_lowercase);
        let path = self.request.path.as_str();
        self.matches(router, |matcher| match (matcher.name, matcher.arguments[0].as_str()) {
            ("Host", "*") => Match::Yes,
            ("Host", name) => {
                let bare = name.strip_suffix('.').unwrap_or(name);
                Match::from(
                    host.as_deref().is_some_and(|host| fits(host, name) || fits(host, bare)),
                )
            }
            // Any address is some text.
            ("HostRegexp", "^.+$" | ".+" | ".*" | "^.*$") => Match::Yes,
            ("HostRegexp", pattern) => match &host {
                Some(host) => expression(pattern, host, at),
                None => Match::unknown("HostRegexp", at),
            },
            ("Path", own) => Match::from(own == path),
            ("PathPrefix", own) => Match::from(path.starts_with(own)),
            ("PathRegexp", pattern) => expression(pattern, path, at),
            ("Method", method) => Match::from(method.eq_ignore_ascii_case("GET")),
            ("ClientIP", network) => self.client_is_in(network, at),
            (name, _) => Match::unknown(name, at),
        })
    }

    fn matches(&self, router: &Router<'t>, is: impl Fn(&Matcher) -> Match) -> Match {
        fn of(rule: &Rule, is: &impl Fn(&Matcher) -> Match) -> Match {
            match rule {
                Rule::And(left, right) => Match::all([of(left, is), of(right, is)].into_iter()),
                Rule::Or(left, right) => {
                    let both = [of(left, is), of(right, is)];
                    match both.contains(&Match::Yes) {
                        true => Match::Yes,
                        false => Match::any(both.into_iter()),
                    }
                }
                Rule::Is(matcher) if matcher.is_negated => is(matcher).not(),
                Rule::Is(matcher) => is(matcher),
            }
        }
        match (router.old_syntax, &router.tree) {
            (Some(at), _) => Match::unknown("ruleSyntax", at),
            (None, Some(tree)) if tree.is_usable() => of(tree, &is),
            (None, _) => Match::No,
        }
    }

    fn client_is_in(&self, network: &str, at: Span) -> Match {
        let is_own = self.origin == Origin::OwnMachine;
        match in_network(is_own, network) {
            Some(true) => Match::Yes,
            Some(false) if !is_own => Match::No,
            _ => Match::unknown("ClientIP", at),
        }
    }
}

/// The status of an answer where no router takes a request, and of one to what is no request.
pub const NOT_FOUND: u16 = 404;
pub const BAD_REQUEST: u16 = 400;

/// What takes a connection.
enum Chosen {
    Done(Ended),
    Http { over_tls: bool },
}

/// A router of TCP that Traefik uses, with what its service dials.
#[derive(Clone)]
pub struct TcpRouter<'c, 't> {
    router: &'c Router<'t>,
    dials: Dials,
}

/// Whether an expression has a match in a text.
fn expression(pattern: &str, text: &str, at: Span) -> Match {
    match Pattern::new(pattern, false).map(|pattern| pattern.find(text)) {
        Some(Ok(found)) => Match::from(found.is_some()),
        Some(Err(_)) | None => Match::unknown("regular expression", at),
    }
}

/// Of all routers that take it, those of the highest priority: of several the order is by chance.
pub fn first_of<'r, 't: 'r, R>(
    routers: impl Iterator<Item = (&'r Router<'t>, R)>,
    matches: impl Fn(&Router<'t>) -> Match,
) -> Result<Vec<R>, Ended> {
    let mut sorted: Vec<(&Router<'t>, R)> = routers.collect();
    sorted.sort_by_key(|(router, _)| std::cmp::Reverse(router.priority));
    let mut taking: Vec<R> = Vec::new();
    let mut highest = None;
    for (router, it) in sorted {
        if highest.is_some_and(|highest| router.priority < highest) {
            break;
        }
        match matches(router) {
            Match::Yes => {
                highest = Some(router.priority);
                taking.push(it);
            }
            Match::No | Match::Waits => {}
            Match::Unknown(what, at) => return Err(Ended::undecided(what, at)),
        }
    }
    Ok(taking)
}

/// The redirect of a request.
pub fn redirected(walk: &Walk<'_, '_>, to: &Redirection<'_>, is_tls: bool) -> Option<Ended> {
    let Request { host, path, .. } = &walk.request;
    let host = host.as_deref().unwrap_or(ADDRESS);
    let is_usual = matches!((to.scheme, to.port), (_, "") | ("http", "80") | ("https", "443"));
    let port = if is_usual { String::new() } else { [":", to.port].concat() };
    let location = [to.scheme, "://", host, &port, path].concat();
    let scheme = if is_tls { "https" } else { "http" };
    if location == [scheme, "://", host, path].concat() {
        return None;
    }
    let status = match (to.is_forced && to.is_permanent, to.is_permanent) {
        (true, _) => 308,
        (false, true) => 301,
        (false, false) => 302,
    };
    let location = ServerText::new(&location);
    Some(Ended::new(End::Redirect { status, location }, to.at))
}
