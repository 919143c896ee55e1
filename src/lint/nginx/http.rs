//! An HTTP request in nginx: the server, the location, and what it does with it.

use std::time::Duration;

use super::follow::{Arrival, Target, Walk};
use super::index::Side;
use super::tree::{Body, Directive};
use super::variables::{best_wildcard, has_variable, matched};
use crate::lint::source::Span;
use crate::lint::way::{Ended, Origin, TlsLayer, network_block};
use crate::model::configuration::{
    AlertCause, BackendHttp, CloseCause, End, HopAction, MetSetting, Opening, StartFailure,
    Throttle, Undecided,
};
use crate::model::facts::ServerText;

/// What the directives of the rewrite module make of a request.
enum Rewritten {
    /// It goes on here.
    GoesOn,
    /// A location is chosen anew, for the changed path.
    Again,
}

/// Where a search for a location ended.
enum Found<'t> {
    /// No other location is looked at.
    Final(&'t Directive),
    /// Unless a regular expression at a higher level matches.
    Prefix(&'t Directive),
    None,
}

/// The most times that `rewrite … last` starts anew in nginx.
const MOST_REWRITES: usize = 10;

impl<'c, 't> Walk<'c, 't> {
    pub fn through_http(&mut self, group: &[Arrival<'c, 't>]) -> Result<Ended, Ended> {
        let is_default = |arrival: &&Arrival<'c, 't>| arrival.listen.is_default;
        let default = *group.iter().find(is_default).unwrap_or(&group[0]);
        let ends_tls = group.iter().any(|arrival| arrival.listen.ends_tls);
        self.accept(default)?;
        if ends_tls && self.tls == TlsLayer::None {
            return self.plain_to_tls(default);
        }
        if ends_tls {
            let by_sni = match self.environment.sni.clone() {
                Some(_) if self.tls == TlsLayer::OfClient => self.server_by_name(group, default)?,
                _ => default,
            };
            if let Some(reject) =
                by_sni.side.setting(&[by_sni.server.directives], "ssl_reject_handshake")
                && reject.arg(0) == Some("on")
            {
                let end = End::Alert(AlertCause::NameRefused);
                return Err(Ended { end, at: Some(reject.span()) });
            }
            let has_own =
                by_sni.side.setting(&[by_sni.server.directives], "ssl_certificate").is_some();
            // A server without a certificate of its own leaves that of the default server.
            let of = if has_own { by_sni.server } else { default.server };
            self.end_tls(default, of)?;
        } else if self.tls != TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, default.listen.at));
        }
        if matches!(self.environment.opening, Opening::Stun | Opening::Rtmp | Opening::PlainRtmp) {
            // Not a request: nginx says so.
            return Ok(Ended::answer(400, default.listen.at));
        }
        let chosen = self.server_by_name(group, default)?;
        self.meet_default(group, chosen)?;
        let name = chosen.server.names.first().map_or("", |name| name.text.as_str());
        self.environment.server_name = name.to_owned();
        let at =
            chosen.server.names.first().map_or(chosen.server.directive.span(), |name| name.span);
        self.hop(at, HopAction::TakesAsServer { name: ServerText::new(name) });
        if let Some(verify) = chosen.side.setting(&[chosen.server.directives], "ssl_verify_client")
            && self.tls_ended
            && ends_tls
            && verify.arg(0) == Some("on")
        {
            return Ok(Ended::answer(400, verify.span()));
        }
        self.in_server(chosen)
    }

    /// Where servers have names, and none of them is asked for.
    fn meet_default(
        &mut self,
        group: &[Arrival<'c, 't>],
        chosen: Arrival<'c, 't>,
    ) -> Result<(), Ended> {
        let Some(host) = self.environment.host.clone() else { return Ok(()) };
        let host = host.to_ascii_lowercase();
        let names = || group.iter().flat_map(|arrival| arrival.server.names.iter());
        let mut patterns = names().filter(|name| name.text.starts_with('~'));
        let fits = |name: &str| {
            let own = name.to_ascii_lowercase();
            own == host || own.strip_prefix('.').is_some_and(|rest| rest == host)
        };
        let is_plain = |text: &str| !text.is_empty() && text != "_";
        let is_named = names().any(|name| fits(&name.text))
            || best_wildcard(names().map(|name| (name.text.to_ascii_lowercase(), ())), &host)
                .is_some()
            || patterns.any(|name| {
                let pattern = format!("*{}", &name.text[1..]);
                !matches!(matched(&pattern, &host, name.span), Ok(None))
            });
        if !is_named && names().any(|name| is_plain(&name.text)) {
            let first = chosen.server.names.first();
            let at = first.map_or(chosen.server.directive.span(), |name| name.span);
            self.meet(at, MetSetting::TakenByDefault);
        }
        Ok(())
    }

    /// A request without TLS to a listener with TLS: 400, or what `error_page 497` says.
    fn plain_to_tls(&mut self, default: Arrival<'c, 't>) -> Result<Ended, Ended> {
        let blocks = [default.server.directives];
        let pages = default.side.settings(&blocks, "error_page");
        let is_for = |page: &&&Directive| page.args.iter().any(|word| word.text == "497");
        match pages.iter().find(is_for) {
            Some(page) => self.error_page(default.side, page, 302),
            None => Ok(Ended::answer(400, default.listen.at)),
        }
    }

    fn error_page(
        &mut self,
        side: &Side<'t>,
        page: &'t Directive,
        status: u16,
    ) -> Result<Ended, Ended> {
        let Some(target) = page.args.last() else { return Ok(Ended::answer(status, page.span())) };
        let changed = page.args.iter().find_map(|word| word.text.strip_prefix('='));
        let status = changed.and_then(|code| code.parse().ok()).unwrap_or(status);
        let is_url = ["http://", "https://", "$scheme://"];
        if !is_url.iter().any(|start| target.text.starts_with(start)) {
            let name = ServerText::new("error_page");
            return Err(Ended::undecided(Undecided::Directive(name), page.span()));
        }
        let location = ServerText::new(&self.expand(side, &target.text, target.span)?);
        let end = End::Redirect { status, location };
        Ok(Ended { end, at: Some(page.span()) })
    }

    /// The server whose name fits best, else the default server.
    pub fn server_by_name(
        &mut self,
        group: &[Arrival<'c, 't>],
        default: Arrival<'c, 't>,
    ) -> Result<Arrival<'c, 't>, Ended> {
        let asked = self.environment.host.clone();
        let Some(asked) = asked else { return Ok(default) };
        let name = asked.to_ascii_lowercase();
        let names = || {
            group
                .iter()
                .flat_map(|arrival| arrival.server.names.iter().map(move |name| (*arrival, *name)))
        };
        let exact = names().find(|(_, own)| {
            let own = own.text.to_ascii_lowercase();
            own == name || own.strip_prefix('.').is_some_and(|rest| rest == name)
        });
        if let Some((arrival, _)) = exact {
            return Ok(arrival);
        }
        let wild = names().map(|(arrival, own)| (own.text.to_ascii_lowercase(), arrival));
        if let Some(arrival) = best_wildcard(wild, &name) {
            return Ok(arrival);
        }
        for (arrival, own) in names().filter(|(_, own)| own.text.starts_with('~')) {
            // Names are lower-cased before, and compared without regard to case.
            let pattern = format!("*{}", &own.text[1..]);
            if let Some(captures) = matched(&pattern, &name, own.span)? {
                self.environment.captures = captures;
                return Ok(arrival);
            }
        }
        Ok(default)
    }

    fn in_server(&mut self, arrival: Arrival<'c, 't>) -> Result<Ended, Ended> {
        let Arrival { side, server, .. } = arrival;
        let outer = [server.directives];
        self.rewrite(side, &outer, server.directives)?;
        for _ in 0..=MOST_REWRITES {
            if let Some(redirect) = self.slash_redirect(server.directives) {
                return Ok(redirect);
            }
            let path = self.environment.path.clone();
            let found = find_location(server.directives, &path)?;
            let location = match found {
                Found::Final(location) | Found::Prefix(location) => location,
                Found::None => {
                    if let Some(unread) = unread_in(server.directives) {
                        return Err(unread);
                    }
                    self.deny(side, &outer)?;
                    return Ok(self.static_file(server.directive.span()));
                }
            };
            let inner = location.block().unwrap_or_default();
            // Whatever lies around a nested location counts for it too.
            let mut blocks = vec![inner];
            blocks.extend(enclosing(server.directives, location));
            blocks.push(server.directives);
            let path_text = location.args.last().map_or("", |word| word.text.as_str());
            let does = HopAction::TakesAsPath { path: ServerText::new(path_text) };
            self.hop(location.span(), does);
            self.added_headers(side, &blocks);
            match self.rewrite(side, &blocks, inner)? {
                Rewritten::Again => continue,
                Rewritten::GoesOn => return self.in_location(side, &blocks, location),
            }
        }
        Ok(Ended::answer(500, server.directive.span()))
    }

    fn deny(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]]) -> Result<(), Ended> {
        match self.access(side, blocks) {
            Some(at) => Err(self.answered(side, blocks, 403, at)),
            None => Ok(()),
        }
    }

    /// A status that nginx gives, unless `error_page` makes something else of it.
    fn answered(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        status: u16,
        at: Span,
    ) -> Ended {
        let text = status.to_string();
        let pages = side.settings(blocks, "error_page");
        match pages.iter().find(|page| page.args.iter().any(|word| word.text == text)) {
            Some(page) if status >= 300 => match self.error_page(side, page, 302) {
                Ok(ended) | Err(ended) => ended,
            },
            _ => Ended::answer(status, at),
        }
    }

    fn static_file(&self, at: Span) -> Ended {
        Ended { end: End::LocalAnswer { status: None }, at: Some(at) }
    }

    /// `location /x/ { proxy_pass … }` answers a request for `/x` by a redirect.
    fn slash_redirect(&self, directives: &'t [Directive]) -> Option<Ended> {
        let path = &self.environment.path;
        let with_slash = format!("{path}/");
        let locations = || directives.iter().filter(|directive| directive.is("location"));
        let takes = |location: &&Directive, wanted: &str| match location_of(location) {
            LocationKind::Prefix(own, _) | LocationKind::Exact(own) => own == wanted,
            _ => false,
        };
        let location = locations().find(|location| {
            matches!(location_of(location), LocationKind::Prefix(own, _) if own == with_slash)
        })?;
        let passes = location.block()?.iter().any(|inner| inner.is("proxy_pass"));
        if !passes || locations().any(|location| takes(&location, path)) {
            return None;
        }
        let scheme = if self.tls_ended { "https" } else { "http" };
        let host = self.environment.host.as_deref().unwrap_or(super::variables::ADDRESS);
        let target = ServerText::new(&format!("{scheme}://{host}{with_slash}"));
        Some(Ended {
            end: End::Redirect { status: 301, location: target },
            at: Some(location.span()),
        })
    }

    /// `set`, `if`, `rewrite`, `return` and `break`, in their order.
    fn rewrite(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        directives: &'t [Directive],
    ) -> Result<Rewritten, Ended> {
        for directive in directives {
            let name = directive.name.text.as_str();
            match name {
                "set" => {
                    if let (Some(variable), Some(value)) = (directive.arg(0), directive.args.get(1))
                    {
                        let value = self.expand(side, &value.text, value.span)?;
                        let variable = variable.trim_start_matches('$').to_owned();
                        self.environment.set.insert(variable, value);
                    }
                }
                "break" => break,
                "return" => return Err(self.returned(side, blocks, directive)?),
                "rewrite" => match self.rewritten(side, directive)? {
                    Some(Rewritten::Again) => return Ok(Rewritten::Again),
                    Some(Rewritten::GoesOn) => break,
                    None => {}
                },
                "if" if self.condition(side, directive)? => {
                    let inner = directive.block().unwrap_or_default();
                    if let Some(other) = inner.iter().find(|inner| !is_rewrite(inner)) {
                        let name = ServerText::new("if");
                        return Err(Ended::undecided(Undecided::Directive(name), other.span()));
                    }
                    if let Rewritten::Again = self.rewrite(side, blocks, inner)? {
                        return Ok(Rewritten::Again);
                    }
                }
                _ if name.contains("_by_lua") && !is_lua_of_no_account(name) => {
                    let name = ServerText::new(name);
                    return Err(Ended::undecided(Undecided::Directive(name), directive.name.span));
                }
                _ => {}
            }
        }
        Ok(Rewritten::GoesOn)
    }

    fn returned(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        directive: &'t Directive,
    ) -> Result<Ended, Ended> {
        const NO_ANSWER: u16 = 444;
        let at = directive.span();
        let status = directive.arg(0).and_then(|text| text.parse::<u16>().ok());
        let text = directive.args.get(usize::from(status.is_some()));
        let url = match text {
            Some(word) => Some(self.expand(side, &word.text, word.span)?),
            None => None,
        };
        Ok(match (status, url) {
            (Some(NO_ANSWER), _) => Ended::closed(CloseCause::Configured, at),
            (Some(status @ (301 | 302 | 303 | 307 | 308)), Some(url)) => Ended {
                end: End::Redirect { status, location: ServerText::new(&url) },
                at: Some(at),
            },
            (None, Some(url)) => {
                let location = ServerText::new(&url);
                Ended { end: End::Redirect { status: 302, location }, at: Some(at) }
            }
            (Some(status), None) => self.answered(side, blocks, status, at),
            (Some(status), Some(_)) => Ended::answer(status, at),
            (None, None) => Ended::not_started(StartFailure::Syntax, at),
        })
    }

    /// `None`: the expression does not match.
    fn rewritten(
        &mut self,
        side: &Side<'t>,
        directive: &'t Directive,
    ) -> Result<Option<Rewritten>, Ended> {
        let (Some(pattern), Some(target)) = (directive.args.first(), directive.args.get(1)) else {
            return Ok(None);
        };
        let Some(captures) = matched(&pattern.text, &self.environment.path.clone(), pattern.span)?
        else {
            return Ok(None);
        };
        self.environment.captures = captures;
        let flag = directive.arg(2);
        let value = self.expand(side, &target.text, target.span)?;
        let path = value.strip_suffix('?').unwrap_or(&value).to_owned();
        let is_url = ["http://", "https://", "$scheme"];
        let status = match flag {
            Some("permanent") => Some(301),
            Some("redirect") => Some(302),
            _ if is_url.iter().any(|start| target.text.starts_with(start)) => Some(302),
            _ => None,
        };
        if let Some(status) = status {
            let end = End::Redirect { status, location: ServerText::new(&path) };
            return Err(Ended { end, at: Some(directive.span()) });
        }
        self.environment.path = path.split('?').next().unwrap_or_default().to_owned();
        Ok(match flag {
            Some("break") => Some(Rewritten::GoesOn),
            Some("last") => Some(Rewritten::Again),
            // More expressions are tried, and then a location is chosen anew.
            _ => {
                let name = ServerText::new("rewrite");
                return Err(Ended::undecided(Undecided::Directive(name), directive.span()));
            }
        })
    }

    /// `if ($x = value)`.
    fn condition(&mut self, side: &Side<'t>, directive: &'t Directive) -> Result<bool, Ended> {
        let at = directive.span();
        let undecided = || Ended::undecided(Undecided::Directive(ServerText::new("if")), at);
        let words: Vec<&str> = directive.args.iter().map(|word| word.text.as_str()).collect();
        let joined = words.join(" ");
        let inner = joined.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.ok_or_else(undecided)?.trim();
        let (left, rest) = inner.split_once(' ').unwrap_or((inner, ""));
        if !left.starts_with('$') {
            return Err(undecided());
        }
        let value = self.expand(side, left, at)?;
        if rest.is_empty() {
            return Ok(!value.is_empty() && value != "0");
        }
        let (operator, right) = rest.trim().split_once(' ').ok_or_else(undecided)?;
        let right = right.trim();
        Ok(match operator {
            "=" => value == self.expand(side, right, at)?,
            "!=" => value != self.expand(side, right, at)?,
            "~" | "~*" | "!~" | "!~*" => {
                let pattern =
                    if operator.ends_with('*') { format!("*{right}") } else { right.to_owned() };
                let captures = matched(&pattern, &value, at)?;
                let is_match = captures.is_some();
                if let Some(captures) = captures {
                    self.environment.captures = captures;
                }
                is_match != operator.starts_with('!')
            }
            _ => return Err(undecided()),
        })
    }

    fn in_location(
        &mut self,
        side: &'c Side<'t>,
        blocks: &[&'t [Directive]],
        location: &'t Directive,
    ) -> Result<Ended, Ended> {
        let inner = blocks[0];
        if inner.iter().any(|directive| directive.is("internal")) {
            return Ok(self.answered(side, blocks, 404, location.span()));
        }
        if let Some(satisfy) = side.setting(blocks, "satisfy")
            && satisfy.arg(0) == Some("any")
        {
            let name = ServerText::new("satisfy");
            return Err(Ended::undecided(Undecided::Directive(name), satisfy.span()));
        }
        self.deny(side, blocks)?;
        for (name, status) in [("auth_basic", Some(401)), ("auth_request", None)] {
            let Some(auth) = side.setting(blocks, name) else { continue };
            if auth.arg(0) != Some("off") {
                self.meet(auth.span(), MetSetting::Login);
            }
            match (auth.arg(0), status) {
                (Some("off"), _) => {}
                (_, Some(status)) => return Ok(self.answered(side, blocks, status, auth.span())),
                (_, None) => {
                    let name = ServerText::new(name);
                    return Err(Ended::undecided(Undecided::Directive(name), auth.span()));
                }
            }
        }
        self.meet_limits(side, blocks);
        const DECIDES_OTHERWISE: [&str; 6] =
            ["try_files", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "js_content"];
        if let Some(pass) = inner.iter().find(|directive| directive.is("proxy_pass")) {
            if let Some(other) = inner.iter().find(|directive| directive.is("try_files")) {
                let name = ServerText::new("try_files");
                return Err(Ended::undecided(Undecided::Directive(name), other.span()));
            }
            return self.pass_http(side, blocks, location, pass);
        }
        let other = inner.iter().find(|directive| {
            let name = directive.name.text.as_str();
            DECIDES_OTHERWISE.contains(&name) || name.contains("_by_lua")
        });
        if let Some(other) = other {
            let name = ServerText::new(&other.name.text);
            return Err(Ended::undecided(Undecided::Directive(name), other.name.span));
        }
        if let Some(unread) = unread_in(inner) {
            return Err(unread);
        }
        Ok(self.static_file(location.span()))
    }

    /// What holds for a request beside where it is passed to.
    fn meet_limits(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]]) {
        self.throttles(
            side,
            blocks,
            &[
                ("limit_rate", Throttle::Rate),
                ("limit_conn", Throttle::Connections),
                ("limit_req", Throttle::Requests),
            ],
        );
        if let Some(cache) = side.setting(blocks, "proxy_cache")
            && cache.arg(0) != Some("off")
        {
            self.meet(cache.span(), MetSetting::Cache);
        }
        for filter in side.settings(blocks, "sub_filter") {
            self.meet(filter.span(), MetSetting::ChangesContent);
        }
    }

    /// The largest body that a request may have; nginx's default is 1 MiB.
    fn meet_body_size(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]], pass: Span) {
        const DEFAULT: u64 = 1 << 20;
        let set = side.setting(blocks, "client_max_body_size");
        let largest = match set.map(|set| (set.span(), set.arg(0).and_then(bytes))) {
            Some((at, Some(largest))) => Some((at, largest)),
            Some((_, None)) => None,
            None => Some((pass, DEFAULT)),
        };
        if let Some((at, largest)) = largest {
            self.meet(at, MetSetting::LargestBody(largest));
        }
    }

    /// Headers that are to name the client, where only the hop before is known.
    fn meet_lost_address(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]]) {
        const OF_CLIENT: [&str; 3] =
            ["remote_addr", "proxy_add_x_forwarded_for", "binary_remote_addr"];
        if self.origin != Origin::OwnMachine || self.knows_client(side, blocks) {
            return;
        }
        for header in side.settings(blocks, "proxy_set_header") {
            let value = header.arg(1).unwrap_or_default();
            if OF_CLIENT.iter().any(|name| value.contains(&format!("${name}"))) {
                let name = ServerText::new(header.arg(0).unwrap_or_default());
                self.meet(header.span(), MetSetting::ClientAddressLost { header: name });
            }
        }
    }

    /// Whether the address of the client comes in a PROXY header that is believed.
    fn knows_client(&self, side: &Side<'t>, blocks: &[&'t [Directive]]) -> bool {
        let from_header = side
            .setting(blocks, "real_ip_header")
            .is_some_and(|header| header.arg(0) == Some("proxy_protocol"));
        let is_own = |from: &&Directive| match from.arg(0) {
            Some("unix:") => true,
            Some(text) => network_block(text).is_some_and(|block| {
                block.contains(std::net::Ipv4Addr::LOCALHOST.into())
                    || block.contains(std::net::Ipv6Addr::LOCALHOST.into())
            }),
            None => false,
        };
        from_header
            && self.was_told_client
            && side.settings(blocks, "set_real_ip_from").iter().any(is_own)
    }

    fn pass_http(
        &mut self,
        side: &'c Side<'t>,
        blocks: &[&'t [Directive]],
        location: &'t Directive,
        pass: &'t Directive,
    ) -> Result<Ended, Ended> {
        let Some(word) = pass.args.first() else {
            return Err(Ended::not_started(StartFailure::Syntax, pass.span()));
        };
        let target = self.expand(side, &word.text, word.span)?;
        let (is_tls, rest) = match (target.strip_prefix("http://"), target.strip_prefix("https://"))
        {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ if has_variable(&word.text) => return Ok(Ended::answer(500, word.span)),
            _ => return Err(Ended::not_started(StartFailure::Syntax, word.span)),
        };
        let (host, uri) = host_and_uri(rest);
        if host.is_empty() {
            return Ok(Ended::answer(500, word.span));
        }
        self.environment.path = self.passed_path(location, word, uri);
        self.set_timeouts(
            side,
            blocks,
            &["proxy_read_timeout", "proxy_send_timeout"],
            Duration::from_secs(60),
        );
        self.set_headers(side, blocks, host)?;
        self.meet_body_size(side, blocks, word.span);
        self.meet_lost_address(side, blocks);
        self.hop(word.span, HopAction::PassesTo { target: ServerText::new(&target) });
        let default_port = if is_tls { 443 } else { 80 };
        let target = Target { word, text: host, default_port: Some(default_port) };
        let members = match self.members(side, blocks, &target) {
            // nginx itself answers for a backend that it cannot name.
            Err(Ended { end: End::Closed(CloseCause::NoResolver(_)), .. }) => {
                return Ok(Ended::answer(502, word.span));
            }
            other => other?,
        };
        Ok(self.pass_on(&members, is_tls))
    }

    /// The path that the backend gets.
    fn passed_path(
        &self,
        location: &'t Directive,
        word: &'t super::lexer::Word,
        uri: Option<&str>,
    ) -> String {
        let path = &self.environment.path;
        let Some(uri) = uri else { return path.clone() };
        if has_variable(&word.text) {
            return uri.to_owned();
        }
        match location_of(location) {
            LocationKind::Prefix(own, _) | LocationKind::Exact(own) => {
                format!("{uri}{}", path.get(own.len()..).unwrap_or_default())
            }
            _ => uri.to_owned(),
        }
    }

    fn set_headers(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        host: &str,
    ) -> Result<(), Ended> {
        let headers = side.settings(blocks, "proxy_set_header");
        let of = |wanted: &str| {
            // The last of several counts.
            let mut fitting = headers.iter().filter(|header| {
                header.arg(0).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            });
            fitting.next_back().and_then(|header| header.args.get(1))
        };
        let host = match of("host") {
            Some(word) => self.expand(side, &word.text, word.span)?,
            None => host.to_owned(),
        };
        let upgrade = match of("upgrade") {
            Some(word) => self.expand(side, &word.text, word.span)?,
            None => String::new(),
        };
        let connection = match of("connection") {
            Some(word) => self.expand(side, &word.text, word.span)?,
            None => "close".to_owned(),
        };
        let keeps_upgrade = self.environment.opening == Opening::WebSocket
            && upgrade.eq_ignore_ascii_case("websocket")
            && connection.to_ascii_lowercase().contains("upgrade");
        self.environment.has_upgrade = keeps_upgrade;
        self.environment.host = Some(host.clone()).filter(|host| !host.is_empty());
        let version = side.setting(blocks, "proxy_http_version").and_then(|version| version.arg(0));
        self.http = Some(BackendHttp {
            host: ServerText::new(&host),
            path: ServerText::new(&self.environment.path),
            keeps_upgrade,
            version: version.map(ServerText::new),
        });
        Ok(())
    }
}

/// The bytes of a size (`ngx_parse_offset`): `10m`, `1g`, `512k`, `0`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let worth: u64 = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(worth)
}

fn is_rewrite(directive: &Directive) -> bool {
    matches!(
        directive.name.text.as_str(),
        "set" | "if" | "rewrite" | "return" | "break" | "access_log" | "add_header" | "rewrite_log"
    )
}

/// Lua that runs after the answer, or only changes its headers.
fn is_lua_of_no_account(name: &str) -> bool {
    ["log_by_lua", "header_filter_by_lua", "body_filter_by_lua", "balancer_by_lua"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn unread_in(directives: &[Directive]) -> Option<Ended> {
    let unread = directives.iter().find(|directive| matches!(directive.body, Body::Unread))?;
    let file = ServerText::new(unread.arg(0).unwrap_or_default());
    Some(Ended::undecided(Undecided::FileUnread(file), unread.span()))
}

/// The host with its port, and the URI, of a `proxy_pass` without its scheme.
fn host_and_uri(rest: &str) -> (&str, Option<&str>) {
    if let Some(path) = rest.strip_prefix("unix:") {
        // `unix:/path:/uri`
        return match path.find(':') {
            Some(colon) => {
                let (host, uri) = rest.split_at("unix:".len() + colon);
                (host, Some(&uri[1..]).filter(|uri| !uri.is_empty()))
            }
            None => (rest, None),
        };
    }
    match rest.find(['/', '?']) {
        Some(slash) => (&rest[..slash], Some(&rest[slash..])),
        None => (rest, None),
    }
}

/// How a location chooses.
pub enum LocationKind<'t> {
    Exact(&'t str),
    /// With `^~`: no regular expression is tried after it.
    Prefix(&'t str, bool),
    /// As for `~`, with `*` first where case does not matter.
    Pattern(&'t str),
    Named,
}

/// How this `location` chooses.
pub fn location_of(directive: &Directive) -> LocationKind<'_> {
    let (modifier, text) = match (directive.arg(0), directive.arg(1)) {
        (Some(modifier), Some(text)) => (modifier, text),
        (Some(text), None) => {
            let modifier = ["=", "^~", "~"].into_iter().find(|modifier| text.starts_with(modifier));
            match modifier {
                Some(modifier) => (modifier, &text[modifier.len()..]),
                None => ("", text),
            }
        }
        _ => ("", ""),
    };
    match modifier {
        "=" => LocationKind::Exact(text),
        "^~" => LocationKind::Prefix(text, true),
        "~" => LocationKind::Pattern(text),
        "~*" => {
            // One word further on, where the pattern stands: the star belongs to it.
            LocationKind::Pattern(text)
        }
        _ if text.starts_with('@') => LocationKind::Named,
        _ => LocationKind::Prefix(text, false),
    }
}

fn find_location<'t>(directives: &'t [Directive], path: &str) -> Result<Found<'t>, Ended> {
    let locations = || directives.iter().filter(|directive| directive.is("location"));
    let mut best: Option<(&'t Directive, &str, bool)> = None;
    for location in locations() {
        match location_of(location) {
            LocationKind::Exact(own) if own == path => return Ok(Found::Final(location)),
            LocationKind::Prefix(own, stops)
                if path.starts_with(own)
                    && best.is_none_or(|(_, known, _)| own.len() > known.len()) =>
            {
                best = Some((location, own, stops));
            }
            _ => {}
        }
    }
    let mut inner = Found::None;
    let mut stops = false;
    if let Some((location, _, stops_here)) = best {
        stops = stops_here;
        inner = match find_location(location.block().unwrap_or_default(), path)? {
            Found::Final(location) => return Ok(Found::Final(location)),
            Found::Prefix(nested) => Found::Prefix(nested),
            Found::None => Found::Prefix(location),
        };
    }
    if stops {
        return Ok(inner);
    }
    for location in locations() {
        let LocationKind::Pattern(pattern) = location_of(location) else { continue };
        let ignores_case = location.arg(0).is_some_and(|modifier| modifier.starts_with("~*"));
        let pattern = pattern.trim_start_matches('*');
        let pattern = if ignores_case { format!("*{pattern}") } else { pattern.to_owned() };
        if matched(&pattern, path, location.span())?.is_some() {
            return Ok(match find_location(location.block().unwrap_or_default(), path)? {
                Found::Final(nested) | Found::Prefix(nested) => Found::Final(nested),
                Found::None => Found::Final(location),
            });
        }
    }
    Ok(inner)
}

/// The blocks around a nested location, innermost first, without those of the server and its own.
fn enclosing<'t>(directives: &'t [Directive], wanted: &Directive) -> Vec<&'t [Directive]> {
    for location in directives.iter().filter(|directive| directive.is("location")) {
        let inner = location.block().unwrap_or_default();
        if std::ptr::eq(location, wanted) {
            return Vec::new();
        }
        if contains(inner, wanted) {
            let mut around = enclosing(inner, wanted);
            around.push(inner);
            return around;
        }
    }
    Vec::new()
}

fn contains(directives: &[Directive], wanted: &Directive) -> bool {
    directives.iter().filter(|directive| directive.is("location")).any(|location| {
        std::ptr::eq(location, wanted) || contains(location.block().unwrap_or_default(), wanted)
    })
}
