//! What Traefik does with the request in a connection.

use super::config::{Does, EntryPoint, Layer4Or7, Named, Part, Redirection, Router};
use super::follow::{ADDRESS, BAD_REQUEST, NOT_FOUND, Walk, first_of, redirected};
use super::rule::Rule;
use crate::lint::pattern::Pattern;
use crate::lint::source::Span;
use crate::lint::way::{Ended, TlsLayer, unfollowed};
use crate::model::configuration::{
    AddedHeader, BackendHttp, CloseCause, End, HopAction, MetSetting, Opening, Throttle,
};
use crate::model::facts::ServerText;

/// The deepest chain of middlewares.
const DEEPEST: usize = 8;

impl<'c, 't> Walk<'c, 't> {
    /// A connection that no TCP router took.
    pub fn through_http(&mut self, entry_point: &'c EntryPoint<'t>, is_tls: bool) -> Ended {
        self.serve_http(entry_point, is_tls).unwrap_or_else(|ended| ended)
    }

    fn serve_http(
        &mut self,
        entry_point: &'c EntryPoint<'t>,
        is_tls: bool,
    ) -> Result<Ended, Ended> {
        let at = entry_point.listen.at;
        if self.header.is_some() {
            return Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, at));
        }
        if self.tls != TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, at));
        }
        match self.opening {
            Opening::WebSocket | Opening::PlainHttp | Opening::AcmeChallenge => {}
            // It waits for the end of a line, which a Binding request does not have.
            Opening::Stun => return Err(Ended::closed(CloseCause::OtherProtocol, at)),
            // In the random bytes, a line ends that is no request.
            Opening::Rtmp | Opening::PlainRtmp => return Err(Ended::answer(BAD_REQUEST, at)),
        }
        let of_all = entry_point.middlewares();
        let mut used: Vec<&'c Router<'t>> = Vec::new();
        for (router, tls) in self.routers(entry_point, Layer4Or7::Http) {
            if tls.is_some() != is_tls {
                continue;
            }
            self.misses(router);
            let is_readable =
                router.old_syntax.is_some() || router.tree.as_ref().is_some_and(Rule::is_usable);
            if !is_readable || self.config.http_middlewares(&of_all, 0).is_err() {
                continue;
            }
            if let Some(options) = tls.and_then(|tls| tls.word("options"))
                && self.config.options(Some(options)).is_err()
            {
                continue;
            }
            if self.is_built(router) {
                used.push(router);
            }
        }
        let all = used.into_iter().map(|router| (router, router));
        let taking = first_of(all, |router| self.matches_http(router))?;
        match taking.as_slice() {
            [] => Err(Ended::answer(NOT_FOUND, at)),
            [router] => self.through_http_router(router, &of_all, is_tls),
            [_, router, ..] => Err(unfollowed("priority", router.rule.at)),
        }
    }

    /// Whether Traefik has what a router names.
    fn is_built(&self, router: &Router<'t>) -> bool {
        match router.does {
            Does::Serves(Some(service)) => {
                self.config.http_middlewares(&router.middlewares, 0).is_ok()
                    && self.config.http_service(service.name).is_ok()
            }
            Does::Serves(None) => false,
            Does::Redirects(_) | Does::Answers => true,
        }
    }

    fn through_http_router(
        &mut self,
        router: &'c Router<'t>,
        of_all: &[Named<'t>],
        is_tls: bool,
    ) -> Result<Ended, Ended> {
        self.chooses(router);
        for middleware in of_all.iter().chain(&router.middlewares) {
            self.through_middleware(middleware, is_tls, 0)?;
        }
        match &router.does {
            Does::Redirects(to) => redirected(self, to, is_tls)
                .map_or_else(|| Err(unfollowed("redirections", to.at)), Ok),
            Does::Answers => {
                Ok(Ended { end: End::LocalAnswer { status: None }, at: Some(router.at) })
            }
            Does::Serves(service) => {
                let service = service.ok_or_else(|| Ended::answer(NOT_FOUND, router.at))?;
                if service.name.ends_with("@internal") {
                    let end = End::LocalAnswer { status: None };
                    return Ok(Ended { end, at: Some(service.at) });
                }
                self.serve(service)
            }
        }
    }

    fn serve(&mut self, service: Named<'t>) -> Result<Ended, Ended> {
        let dials = self.config.http_service(service.name);
        let dials = dials.map_err(|_| Ended::answer(NOT_FOUND, service.at))?;
        if dials.unclear.is_some() {
            return Err(unfollowed(service.name, service.at));
        }
        if let Some(status) = dials.http.status {
            return Err(Ended::answer(status, dials.at));
        }
        let Some(first) = dials.members.first() else {
            const NO_SERVER: u16 = 503;
            return Err(Ended::answer(NO_SERVER, dials.at));
        };
        self.connect = Some(dials.connect);
        self.hop(first.at, HopAction::PassesTo { target: ServerText::new(&dials.target) });
        let host = match dials.http.passes_host {
            true => self.request.host.as_deref().unwrap_or(ADDRESS),
            false => dials.http.authority.as_str(),
        };
        let (before, own) = (dials.http.path.trim_end_matches('/'), self.request.path.as_str());
        let path = if before.is_empty() { own.to_owned() } else { [before, own].concat() };
        if dials.http.speaks_http2 && self.opening == Opening::WebSocket {
            return Err(unfollowed("h2c", first.at));
        }
        self.http = Some(BackendHttp {
            host: ServerText::new(host),
            path: ServerText::new(&path),
            keeps_upgrade: self.request.keeps_upgrade,
            version: Some(ServerText::new(if dials.http.speaks_http2 { "2" } else { "1.1" })),
        });
        self.request.path = path;
        Ok(self.pass_on(&dials))
    }

    fn through_middleware(
        &mut self,
        named: &Named<'t>,
        is_tls: bool,
        depth: usize,
    ) -> Result<(), Ended> {
        let Some(part) = self.config.find(Layer4Or7::Http, "middlewares", named.name) else {
            return Err(unfollowed(named.name, named.at));
        };
        let Some((kind, at, settings)) = part.entries().next() else {
            return Err(unfollowed(named.name, named.at));
        };
        match kind.to_ascii_lowercase().as_str() {
            "chain" => {
                if depth > DEEPEST {
                    return Err(unfollowed(kind, at));
                }
                for inner in settings.texts("middlewares") {
                    self.through_middleware(&inner, is_tls, depth + 1)?;
                }
            }
            "redirectscheme" => {
                let word = |key: &str| settings.word(key).map_or("", |it| it.name);
                let to = Redirection {
                    at,
                    scheme: word("scheme"),
                    port: word("port"),
                    is_permanent: settings.is_true("permanent"),
                    is_forced: settings.is_true("forcePermanentRedirect"),
                };
                if let Some(ended) = redirected(self, &to, is_tls) {
                    return Err(ended);
                }
            }
            "redirectregex" => self.redirect_regex(settings, is_tls, at)?,
            "ipallowlist" | "ipwhitelist" => {
                if !self.is_let_in(settings)? {
                    let status = settings.number("rejectStatusCode");
                    let status = status.and_then(|it| u16::try_from(it).ok()).filter(|it| *it > 0);
                    return Err(Ended::answer(status.unwrap_or(403), settings.at()));
                }
            }
            "basicauth" | "digestauth" => {
                self.met.push((at, MetSetting::Login));
                return Err(Ended::answer(401, at));
            }
            "forwardauth" => {
                self.met.push((at, MetSetting::Login));
                return Err(unfollowed(kind, at));
            }
            "inflightreq" => {
                self.met.push((at, MetSetting::Throttle(Throttle::Connections)));
            }
            "ratelimit" => self.met.push((at, MetSetting::Throttle(Throttle::Requests))),
            "buffering" => {
                let most = settings.number("maxRequestBodyBytes").unwrap_or(0);
                if let (Ok(most @ 1..), Some(at)) =
                    (u64::try_from(most), settings.get("maxRequestBodyBytes"))
                {
                    self.met.push((at.at(), MetSetting::LargestBody(most)));
                }
            }
            "headers" => self.change_headers(settings)?,
            "addprefix" => {
                let prefix = settings.word("prefix").map_or("", |it| it.name);
                self.set_path([prefix, &self.request.path].concat());
            }
            "stripprefix" => {
                let prefixes = settings.texts("prefixes");
                let own = self.request.path.clone();
                let mut rests = prefixes.iter().filter_map(|it| own.strip_prefix(it.name));
                if let Some(rest) = rests.next() {
                    self.set_path(rest.to_owned());
                }
            }
            "replacepath" => {
                let path = settings.word("path").map_or("", |it| it.name);
                self.set_path(path.to_owned());
            }
            "circuitbreaker" | "compress" | "contenttype" | "errors" | "grpcweb"
            | "passtlsclientcert" | "retry" | "encodedcharacters" => {}
            _ => return Err(unfollowed(kind, at)),
        }
        Ok(())
    }

    fn set_path(&mut self, path: String) {
        self.request.path = if path.starts_with('/') { path } else { ["/", &path].concat() };
    }

    fn redirect_regex(&mut self, settings: Part<'t>, is_tls: bool, at: Span) -> Result<(), Ended> {
        let word = |key: &str| settings.word(key).map_or("", |it| it.name);
        let host = self.request.host.as_deref().unwrap_or(ADDRESS);
        let scheme = if is_tls { "https://" } else { "http://" };
        let old = [scheme, host, &self.request.path].concat();
        let found = Pattern::new(word("regex"), false).map(|pattern| pattern.find(&old));
        let captures = match found {
            Some(Ok(Some(captures))) => captures,
            Some(Ok(None)) => return Ok(()),
            _ => return Err(unfollowed("regex", at)),
        };
        // What stands for the address of the proxy may be taken apart by the expression.
        let is_named = self.request.host.is_some();
        let mut new = word("replacement").to_owned();
        for (index, group) in captures.groups.iter().enumerate().skip(1).rev() {
            for form in
                [["${", &index.to_string(), "}"].concat(), ["$", &index.to_string()].concat()]
            {
                new = new.replace(&form, group);
            }
        }
        let whole = captures.groups.first().map(String::as_str);
        if new.contains('$') || !is_named || whole != Some(old.as_str()) {
            return Err(unfollowed("replacement", at));
        }
        if new == old {
            return Ok(());
        }
        let status = if settings.is_true("permanent") { 301 } else { 302 };
        let location = ServerText::new(&new);
        Err(Ended::new(End::Redirect { status, location }, at))
    }

    fn change_headers(&mut self, settings: Part<'t>) -> Result<(), Ended> {
        for (name, at, value) in
            settings.get("customRequestHeaders").into_iter().flat_map(Part::entries)
        {
            let text = value.text().unwrap_or_default();
            if name.eq_ignore_ascii_case("host") {
                self.request.host = Some(text.to_owned());
            }
            let is_upgrade =
                name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("connection");
            if is_upgrade && self.request.keeps_upgrade {
                return Err(unfollowed(name, at));
            }
        }
        // Pages of another scheme or host are sent elsewhere by these.
        for key in ["sslRedirect", "allowedHosts", "sslHost"] {
            if let Some(part) = settings.get(key) {
                return Err(unfollowed(key, part.at()));
            }
        }
        let seconds = settings.number("stsSeconds").filter(|it| *it > 0);
        let subdomains = settings
            .get("stsIncludeSubdomains")
            .filter(|_| settings.is_true("stsIncludeSubdomains"));
        if let (Some(seconds), Some(ending)) = (seconds, self.tls_ending.as_mut()) {
            let rest = if subdomains.is_some() { "; includeSubDomains" } else { "" };
            let value = ["max-age=", &seconds.to_string(), rest].concat();
            let at = subdomains.map_or_else(|| settings.at(), Part::at);
            ending.hsts =
                Some(AddedHeader { value: ServerText::new(&value), at: self.sources.location(at) });
        }
        Ok(())
    }
}
