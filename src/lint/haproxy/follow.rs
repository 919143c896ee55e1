//! Follows one connection through an HAProxy configuration, as HAProxy would lead it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::{BindPlace, ServerHost, ServerPlace, ServerPort, server_place};
use super::certificates::Certificates;
use super::conditions::{Truth, condition_at};
use super::index::{Bind, Index, Mode, Proxy};
use super::sections::Line;
use super::values::{ADDRESS, FirstBytes, Lists, Samples, State, Value, expression};
use super::words::milliseconds;
use crate::lint::certificates::CertificateReader;
use crate::lint::files::Files;
use crate::lint::source::Span;
use crate::lint::way::{self, Ended, Leaving, MOST_HOPS, TcpPlace, TlsLayer, path_of, takers};
use crate::model::configuration::{
    AlertCause, AllowedVersions, BackendAddress, BackendHttp, CloseCause, Connection, End, Hop,
    HopAction, Layer, Met, MetSetting, NamedFile, Opening, ProxyHeader, Throttle, Timeout,
    TlsEnding, Trace, Undecided,
};
use crate::model::facts::{ServerText, TlsVersion};
use crate::model::target::Family;

impl Ended {
    /// What a line says may be otherwise.
    pub fn perhaps(line: &Line) -> Self {
        let name = if line.is_conditional { ".if" } else { line.text(0) };
        Self::undecided(Undecided::Directive(ServerText::new(name)), line.span())
    }
}

/// Where the files of a configuration are.
#[derive(Clone, Copy)]
pub struct Around<'c> {
    pub files: &'c dyn Files,
    pub lists: Lists<'c>,
    pub certificates: &'c CertificateReader<'c>,
}

/// A connection on its way.
#[derive(Clone)]
pub struct Walk<'c> {
    pub index: &'c Index<'c>,
    pub around: Around<'c>,
    pub state: State,
    hops: Vec<(Span, HopAction)>,
    certificate: Option<(String, Span)>,
    pub tls_ending: Option<Box<TlsEnding>>,
    pub met: Vec<(Span, MetSetting)>,
    /// A rule has let in clients of a list, of which this one is none.
    pub lets_in_listed: bool,
    idle: Option<(Duration, Span)>,
    connect: Option<(Duration, Span)>,
    /// A hop has read HTTP.
    has_read_http: bool,
    own_hops: usize,
}

/// A listener that takes a connection, with its proxy.
#[derive(Clone, Copy)]
struct Arrival<'c> {
    proxy: &'c Proxy<'c>,
    bind: &'c Bind<'c>,
}

/// A `server` to which connections go.
struct Member<'c> {
    line: &'c Line,
    address: BackendAddress,
    port: Option<u16>,
}

impl Member<'_> {
    fn place(&self) -> way::Member {
        way::Member { address: self.address.clone(), port: self.port, at: self.line.at(2) }
    }
}

/// The trace of a connection.
pub fn follow(index: &Index<'_>, around: Around<'_>, asked: &Connection) -> Trace {
    let name = asked.name.as_ref().map(|name| name.as_str().to_owned());
    let is_over_tls = asked.opening.is_over_tls();
    let mut walk = Walk {
        index,
        around,
        state: State {
            opening: asked.opening,
            port: asked.port.number(),
            is_from_own_machine: false,
            is_listed: false,
            is_frequent: false,
            tls: if is_over_tls { TlsLayer::OfClient } else { TlsLayer::None },
            ended_here: false,
            sni: name.clone().filter(|_| is_over_tls),
            header: None,
            reads_http: false,
            first_bytes: FirstBytes::Perhaps,
            host: name.unwrap_or_else(|| ADDRESS.to_owned()),
            path: path_of(asked.opening).to_owned(),
            keeps_upgrade: asked.opening == Opening::WebSocket,
            variables: BTreeMap::new(),
        },
        hops: Vec::new(),
        certificate: None,
        tls_ending: None,
        met: Vec::new(),
        lets_in_listed: false,
        idle: None,
        connect: None,
        has_read_http: false,
        own_hops: 0,
    };
    let ended = walk.enter(asked.family, asked.port.number());
    walk.into_trace(asked.clone(), ended)
}

impl<'c> Walk<'c> {
    fn into_trace(self, asked: Connection, ended: Ended) -> Trace {
        let sources = &self.index.configuration.sources;
        let timeout =
            |(lasts, at): (Duration, Span)| Timeout { lasts, at: Some(sources.location(at)) };
        Trace {
            asked,
            hops: self
                .hops
                .iter()
                .map(|(at, does)| Hop { at: sources.location(*at), does: does.clone() })
                .collect(),
            end: ended.end,
            decided_at: ended.at.map(|at| sources.location(at)),
            certificate: self.certificate.as_ref().map(|(path, at)| NamedFile {
                path: ServerText::new(path),
                at: sources.location(*at),
            }),
            idle_timeout: self.idle.map(timeout),
            connect_timeout: self.connect.map(timeout),
            tls: self.tls_ending,
            met: self
                .met
                .into_iter()
                .map(|(at, what)| Met { at: sources.location(at), what })
                .collect(),
        }
    }

    pub fn hop(&mut self, at: Span, does: HopAction) {
        self.hops.push((at, does));
    }

    pub fn samples(&self) -> Samples<'_> {
        Samples { state: &self.state, files: self.around.files, lists: self.around.lists }
    }

    /// Whether a line applies to the connection; a line between `.if` and `.endif` may.
    ///
    /// # Errors
    /// That is not known.
    pub fn applies(&self, proxy: &Proxy<'_>, line: &Line) -> Result<bool, Ended> {
        match self.samples().applies(proxy, line) {
            Truth::No => Ok(false),
            _ if line.is_conditional => Err(Ended::perhaps(line)),
            Truth::Yes => Ok(true),
            Truth::Unknown(what, at) => Err(Ended::undecided(what, at)),
        }
    }

    /// A string of a line, with samples in it.
    fn format(&self, line: &Line, index: usize) -> Result<String, Ended> {
        let Some(word) = line.words.get(index) else { return Err(Ended::perhaps(line)) };
        self.samples().format(word).map_err(|what| Ended::undecided(what, word.span))
    }

    fn arrivals(&self) -> impl Iterator<Item = Arrival<'c>> + use<'c> {
        let proxies = self.index.proxies.iter().filter(|proxy| !proxy.is_disabled());
        proxies.flat_map(|proxy| proxy.binds.iter().map(move |bind| Arrival { proxy, bind }))
    }

    fn enter(&mut self, family: Family, port: u16) -> Ended {
        let mut groups: Vec<Vec<Arrival<'c>>> = Vec::new();
        for arrival in self.arrivals() {
            let place = &arrival.bind.place;
            let is_own = place.address().is_some_and(|address| address.is_loopback());
            if !place.takes(family, port) || is_own {
                continue;
            }
            let same = |group: &Vec<Arrival<'c>>| group[0].bind.place.address() == place.address();
            match groups.iter_mut().find(|group| same(group)) {
                Some(group) => group.push(arrival),
                None => groups.push(vec![arrival]),
            }
        }
        if groups.is_empty() {
            return self.nothing_listens(port);
        }
        // Which of several addresses clients use is not known: it does not matter where all lead to the same.
        self.in_each(&groups, family)
    }

    /// Goes on in each group of listeners: they must all lead to the same.
    fn in_each(&mut self, groups: &[Vec<Arrival<'c>>], family: Family) -> Ended {
        let mut ends = Vec::new();
        for arrival in groups.iter().flat_map(|group| closest(group, family)) {
            let mut walk = self.clone();
            let ended = walk.arrive(arrival);
            ends.push((walk, ended, arrival));
        }
        let (_, first, _) = &ends[0];
        if let Some((_, _, other)) = ends.iter().find(|(_, ended, _)| ended.end != first.end) {
            return Ended::perhaps(other.bind.line);
        }
        let (walk, ended, _) = ends.swap_remove(0);
        *self = walk;
        ended
    }

    fn nothing_listens(&self, port: u16) -> Ended {
        let unknown = self.arrivals().find_map(|arrival| {
            let what = match &arrival.bind.place {
                BindPlace::Variable(name) => Undecided::Environment(ServerText::new(name)),
                BindPlace::Name(name, at) if *at == port => Undecided::Name(ServerText::new(name)),
                _ => return None,
            };
            Some(Ended::undecided(what, arrival.bind.line.span()))
        });
        unknown.unwrap_or(Ended { end: End::Refused, at: None })
    }

    fn arrive(&mut self, arrival: Arrival<'c>) -> Ended {
        if let Some(port) = arrival.bind.place.tcp().and_then(|place| place.port()) {
            self.state.port = port;
        }
        match self.through(arrival) {
            Ok(ended) | Err(ended) => ended,
        }
    }

    fn through(&mut self, arrival: Arrival<'c>) -> Result<Ended, Ended> {
        let Arrival { proxy, bind } = arrival;
        if bind.line.is_conditional {
            return Err(Ended::perhaps(bind.line));
        }
        if !proxy.is_frontend() {
            // HAProxy warns, opens the port, and takes no connection from it.
            return Err(Ended::closed(CloseCause::NoBackend, bind.line.span()));
        }
        self.state.reads_http = false;
        self.state.ended_here = false;
        self.state.first_bytes = FirstBytes::Perhaps;
        self.accept(arrival)?;
        self.connection_rules(proxy, "connection")?;
        if bind.ends_tls {
            self.end_tls(proxy, bind)?;
        }
        self.connection_rules(proxy, "session")?;
        self.first_bytes(proxy)?;
        if mode(proxy)? == Mode::Http {
            self.read_http(proxy)?;
            self.request_rules(proxy)?;
        }
        let backend = self.switched(proxy)?;
        if !std::ptr::eq(backend, proxy) {
            self.first_bytes(backend)?;
            if mode(backend)? == Mode::Http {
                self.read_http(backend)?;
                self.added_headers(backend);
                self.request_rules(backend)?;
            }
        }
        self.set_timeouts(proxy, backend);
        self.reach_server(backend)
    }

    /// What a listener does first with the PROXY header.
    fn accept(&mut self, arrival: Arrival<'c>) -> Result<(), Ended> {
        let Arrival { proxy, bind } = arrival;
        let at = bind.line.span();
        let layer = if mode(proxy)? == Mode::Http { Layer::Http } else { Layer::Tcp };
        let expects = proxy.rules(&["tcp-request", "connection", "expect-proxy"]).next();
        if let Some(line) = expects {
            return Err(Ended::perhaps(line));
        }
        let reads_proxy_header = bind.reads_proxy_header;
        self.hop(at, HopAction::Accepts { layer, reads_proxy_header });
        self.meet_limits(proxy, bind);
        match (reads_proxy_header, self.state.header) {
            (true, None) => Err(Ended::closed(CloseCause::ProxyHeaderMissing, at)),
            (true, Some(_)) => {
                self.state.header = None;
                Ok(())
            }
            (false, Some(_)) if bind.ends_tls || layer == Layer::Http => {
                Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, at))
            }
            (false, _) => Ok(()),
        }
    }

    /// `tcp-request connection` and `session`: before the first bytes.
    fn connection_rules(&mut self, proxy: &'c Proxy<'c>, when: &str) -> Result<(), Ended> {
        for line in proxy.rules(&["tcp-request", when]) {
            match line.text(2) {
                "accept" if self.accepts(proxy, line)? => return Ok(()),
                "reject" | "silent-drop" => {
                    if let Some(cause) = self.refuses(proxy, line)? {
                        return Err(Ended::closed(cause, line.span()));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn end_tls(&mut self, proxy: &'c Proxy<'c>, bind: &'c Bind<'c>) -> Result<(), Ended> {
        let at = bind.line.span();
        if self.state.tls == TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, at));
        }
        let certificates = Certificates::new(self.index, bind, self.around);
        let name = self.state.sni.clone();
        let ending = self.tls_ending_of(proxy, bind, &certificates);
        let speaks_none = match &ending.versions {
            AllowedVersions::Listed { versions, .. } => {
                !versions.iter().any(|it| matches!(it, TlsVersion::Tls12 | TlsVersion::Tls13))
            }
            AllowedVersions::ByVersion => false,
        };
        self.tls_ending = Some(Box::new(ending));
        if speaks_none {
            return Err(Ended::new(End::Alert(AlertCause::NoCommonVersion), at));
        }
        if bind.verifies_client {
            let verify = bind.line.find(2, "verify").map_or(at, |index| bind.line.at(index));
            return Err(Ended::closed(CloseCause::ClientCertificateMissing, verify));
        }
        if bind.is_strict && !certificates.may_have(name.as_deref()) {
            let strict = bind.line.find(2, "strict-sni").map_or(at, |index| bind.line.at(index));
            return Err(Ended::new(End::Alert(AlertCause::NameRefused), strict));
        }
        let file = certificates.file_for(name.as_deref());
        self.certificate =
            file.map(|file| (file.path.clone(), file.at)).or(self.certificate.take());
        self.state.tls = TlsLayer::None;
        self.state.ended_here = true;
        self.hop(at, HopAction::EndsTls);
        Ok(())
    }

    /// `tcp-request content`, which may wait for the first bytes.
    fn first_bytes(&mut self, proxy: &'c Proxy<'c>) -> Result<(), Ended> {
        let delay = long_delay(proxy);
        for line in proxy.rules(&["tcp-request", "content"]) {
            if delay.is_some() && reads_content(proxy, line) {
                self.state.first_bytes = FirstBytes::There;
            }
            match line.text(2) {
                "accept" => {
                    if self.accepts(proxy, line)? {
                        break;
                    }
                }
                "reject" | "silent-drop" | "close" => {
                    if let Some(cause) = self.refuses(proxy, line)? {
                        return Err(Ended::closed(cause, line.span()));
                    }
                }
                "set-bandwidth-limit" => {
                    if self.applies(proxy, line)? {
                        self.meet(line.span(), MetSetting::Throttle(Throttle::Rate));
                    }
                }
                "switch-mode" => {
                    if self.applies(proxy, line)? {
                        return Err(Ended::perhaps(line));
                    }
                }
                _ => self.set_variable(proxy, line, 2),
            }
        }
        if self.state.first_bytes == FirstBytes::There
            && self.state.tls != TlsLayer::None
            && let Some(line) = delay
        {
            self.hop(line.span(), HopAction::ReadsServerName);
        }
        Ok(())
    }

    /// `set-var(txn.name) expression`, which is the word of the line at `action`.
    fn set_variable(&mut self, proxy: &'c Proxy<'c>, line: &'c Line, action: usize) {
        let name = line.text(action).strip_prefix("set-var(");
        let Some(name) = name.and_then(|rest| rest.split([',', ')']).next()) else { return };
        let unknown = || Value::Unknown(Undecided::Variable(ServerText::new(name)));
        let set = match self.applies(proxy, line) {
            Ok(false) => return,
            Ok(true) => {
                let end = condition_at(line).unwrap_or(line.words.len());
                let asked = expression(line.text(action + 1)).filter(|_| end == action + 2);
                asked.map_or_else(unknown, |asked| self.samples().value(&asked))
            }
            Err(_) => unknown(),
        };
        self.state.variables.insert(name.to_owned(), set);
    }

    /// A proxy in `mode http` reads a request.
    fn read_http(&mut self, proxy: &'c Proxy<'c>) -> Result<(), Ended> {
        if self.state.reads_http {
            return Ok(());
        }
        let at = mode_at(proxy);
        if self.state.tls != TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, at));
        }
        if self.state.header.is_some() {
            return Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, at));
        }
        if !self.state.is_request() {
            // Not a request: HAProxy says so.
            return Err(Ended::answer(400, at));
        }
        self.state.reads_http = true;
        self.has_read_http = true;
        self.added_headers(proxy);
        let name = ServerText::new(proxy.section.name());
        self.hop(proxy.at(), HopAction::TakesAsServer { name });
        Ok(())
    }

    /// `http-request`, statistics and `redirect`, in the order of HAProxy.
    fn request_rules(&mut self, proxy: &'c Proxy<'c>) -> Result<(), Ended> {
        if let Some(uri) = proxy.last(&["monitor-uri"])
            && uri.text(1) == self.state.path
        {
            return Err(Ended::answer(200, uri.span()));
        }
        for line in proxy.rules(&["http-request"]) {
            let action = line.text(1);
            let changes = action.split(['(', ' ']).next().unwrap_or_default();
            let has_limit = match changes {
                "cache-use" => Some(MetSetting::Cache),
                "set-bandwidth-limit" => Some(MetSetting::Throttle(Throttle::Rate)),
                _ => None,
            };
            if let Some(what) = has_limit
                && self.applies(proxy, line)?
            {
                self.meet(line.span(), what);
            }
            if HARMLESS.contains(&changes) {
                continue;
            }
            if changes == "set-var" {
                self.set_variable(proxy, line, 1);
                continue;
            }
            let (applies, cause) = match changes {
                "allow" => (self.accepts(proxy, line)?, CloseCause::Configured),
                "deny" | "tarpit" | "reject" | "silent-drop" => match self.refuses(proxy, line)? {
                    Some(cause) => (true, cause),
                    None => continue,
                },
                _ => (self.applies(proxy, line)?, CloseCause::Configured),
            };
            if applies && !self.act(line, action, cause)? {
                break;
            }
        }
        self.statistics(proxy)?;
        for line in proxy.rules(&["redirect"]) {
            if self.applies(proxy, line)? {
                return Err(self.redirect(line, 1, false)?);
            }
        }
        Ok(())
    }

    /// Does what a rule says. `false`: no further rule of this proxy is looked at.
    fn act(&mut self, line: &'c Line, action: &str, cause: CloseCause) -> Result<bool, Ended> {
        let status = |default: u16| {
            let code = ["deny_status", "status"].iter().find_map(|word| line.find(2, word));
            let code = code.and_then(|index| line.text(index + 1).parse().ok());
            Ended::answer(code.unwrap_or(default), line.span())
        };
        match action {
            "allow" => return Ok(false),
            "deny" => return Err(status(403)),
            "return" => return Err(status(200)),
            "tarpit" => return Err(status(500)),
            "auth" => {
                self.meet(line.span(), MetSetting::Login);
                return Err(Ended::answer(401, line.span()));
            }
            "reject" | "silent-drop" => return Err(Ended::closed(cause, line.span())),
            "redirect" => return Err(self.redirect(line, 2, true)?),
            "set-path" | "set-pathq" | "set-uri" => {
                self.state.path = self.format(line, 2)?;
                self.hop(
                    line.span(),
                    HopAction::TakesAsPath { path: ServerText::new(&self.state.path) },
                );
            }
            "replace-path" | "replace-pathq" | "replace-uri" => {
                self.state.path = self.replaced(line)?;
                self.hop(
                    line.span(),
                    HopAction::TakesAsPath { path: ServerText::new(&self.state.path) },
                );
            }
            "set-header" | "add-header" | "del-header" | "replace-header" | "replace-value" => {
                self.change_header(line, action)?;
            }
            _ => return Err(Ended::perhaps(line)),
        }
        Ok(true)
    }

    /// `replace-path <regex> <format>`, with `\1` for a group.
    fn replaced(&self, line: &Line) -> Result<String, Ended> {
        use crate::lint::pattern::Pattern;
        let undecided = || Ended::perhaps(line);
        let pattern = Pattern::new(line.text(2), false).ok_or_else(undecided)?;
        let found = pattern.find(&self.state.path).map_err(|_| undecided())?;
        let Some(captures) = found else { return Ok(self.state.path.clone()) };
        let format = self.format(line, 3)?;
        let mut made = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            let group = (c == '\\').then(|| chars.clone().next().and_then(|it| it.to_digit(10)));
            match group.flatten() {
                Some(index) => {
                    chars.next();
                    let text = captures.groups.get(index as usize).map_or("", String::as_str);
                    made.push_str(text);
                }
                None => made.push(c),
            }
        }
        let whole = captures.groups.first().map_or("", String::as_str);
        Ok(self.state.path.replacen(whole, &made, 1))
    }

    fn change_header(&mut self, line: &'c Line, action: &str) -> Result<(), Ended> {
        match (line.text(2).to_ascii_lowercase().as_str(), action) {
            ("host", "set-header") => self.state.host = self.format(line, 3)?,
            ("upgrade" | "connection", "del-header") => {
                self.state.keeps_upgrade = false;
                self.hop(
                    line.span(),
                    HopAction::Chooses {
                        by: ServerText::new("del-header"),
                        chosen: ServerText::new(line.text(2)),
                    },
                );
            }
            ("host" | "upgrade" | "connection", _) => return Err(Ended::perhaps(line)),
            _ => {}
        }
        Ok(())
    }

    /// The page of statistics, where the path is its.
    fn statistics(&self, proxy: &Proxy<'_>) -> Result<(), Ended> {
        let Some(line) = proxy.last(&["stats"]) else { return Ok(()) };
        let uri = proxy.last(&["stats", "uri"]);
        let prefix = uri.map_or("/haproxy?stats", |line| line.text(2));
        if !prefix.is_empty() && self.state.path.starts_with(prefix) {
            let at = uri.unwrap_or(line).span();
            return Err(Ended::new(End::LocalAnswer { status: None }, at));
        }
        Ok(())
    }

    /// `redirect scheme https`, `location`, `prefix`: its words from `from` on.
    fn redirect(&self, line: &'c Line, from: usize, has_samples: bool) -> Result<Ended, Ended> {
        let end = condition_at(line).unwrap_or(line.words.len());
        let value =
            |word: &str| (from..end).find(|index| line.text(*index) == word).map(|index| index + 1);
        let status = value("code").and_then(|index| line.text(index).parse().ok()).unwrap_or(302);
        let text = |index: usize| {
            if has_samples { self.format(line, index) } else { Ok(line.text(index).to_owned()) }
        };
        let has_other = ["drop-query", "append-slash"].iter().any(|word| value(word).is_some());
        let location = if let Some(index) = value("location") {
            text(index)?
        } else if let Some(index) = value("prefix") {
            let prefix = text(index)?;
            let prefix = if prefix == "/" { "" } else { prefix.as_str() };
            format!("{prefix}{}", self.state.path)
        } else if let Some(index) = value("scheme") {
            format!("{}://{}{}", text(index)?, self.state.host, self.state.path)
        } else {
            return Err(Ended::perhaps(line));
        };
        if has_other && value("append-slash").is_some() {
            return Err(Ended::perhaps(line));
        }
        let location = ServerText::new(&location);
        Ok(Ended::new(End::Redirect { status, location }, line.span()))
    }

    /// The backend that `use_backend` or `default_backend` chooses.
    fn switched(&mut self, proxy: &'c Proxy<'c>) -> Result<&'c Proxy<'c>, Ended> {
        for line in proxy.rules(&["use_backend"]) {
            if !self.applies(proxy, line)? {
                continue;
            }
            let name = self.format(line, 1)?;
            let chosen = ServerText::new(&name);
            let by = match condition_at(line) {
                Some(index) => {
                    let from = line.at(index + 1);
                    let text = self.index.configuration.sources.bytes_at(from.to(line.span()));
                    String::from_utf8_lossy(text).into_owned()
                }
                None => line.text(1).to_owned(),
            };
            self.hop(line.span(), HopAction::Chooses { by: ServerText::new(&by), chosen });
            match self.index.backend(&name) {
                Some(backend) => return self.enabled(backend, line),
                // A computed name that no backend has: the default.
                None if line.text(1).contains('%') => break,
                None => return Err(Ended::closed(CloseCause::NoBackend, line.span())),
            }
        }
        let Some(line) = proxy.last(&["default_backend"]) else {
            return match proxy.is_backend() {
                true => Ok(proxy),
                false => Err(self.without_server(proxy, proxy.at())),
            };
        };
        if line.is_conditional {
            return Err(Ended::perhaps(line));
        }
        let (by, chosen) = (ServerText::new("default_backend"), ServerText::new(line.text(1)));
        self.hop(line.span(), HopAction::Chooses { by, chosen });
        match self.index.backend(line.text(1)) {
            Some(backend) => self.enabled(backend, line),
            None => Err(Ended::closed(CloseCause::NoBackend, line.span())),
        }
    }

    fn enabled(&self, backend: &'c Proxy<'c>, line: &Line) -> Result<&'c Proxy<'c>, Ended> {
        if backend.section.head.is_conditional {
            return Err(Ended::perhaps(&backend.section.head));
        }
        if backend.is_disabled() {
            return Err(self.without_server(backend, line.span()));
        }
        Ok(backend)
    }

    /// There is no server: a proxy that reads HTTP says so.
    fn without_server(&self, proxy: &Proxy<'_>, at: Span) -> Ended {
        match mode(proxy) {
            Ok(Mode::Http) if self.state.reads_http => Ended::answer(503, at),
            Ok(_) => Ended::closed(CloseCause::NoBackend, at),
            Err(ended) => ended,
        }
    }

    /// Keeps the shortest idle time-out on the way, and the connect time-out of the last hop.
    fn set_timeouts(&mut self, frontend: &Proxy<'c>, backend: &Proxy<'c>) {
        let read = |proxy: &Proxy<'c>, name: &str| {
            let line = proxy.last(&["timeout", name])?;
            Some((Duration::from_millis(milliseconds(line.text(2))?), line.span()))
        };
        // Once both sides have spoken, `tunnel` stands for both.
        let idle = match read(backend, "tunnel") {
            Some(tunnel) => vec![tunnel],
            None => {
                [read(frontend, "client"), read(backend, "server")].into_iter().flatten().collect()
            }
        };
        // 0 means none.
        for (lasts, at) in idle.into_iter().filter(|(lasts, _)| !lasts.is_zero()) {
            if self.idle.is_none_or(|(shortest, _)| lasts < shortest) {
                self.idle = Some((lasts, at));
            }
        }
        self.connect = read(backend, "connect").filter(|(lasts, _)| !lasts.is_zero());
    }

    /// The servers of a backend: the ones that take part, or the spare ones where there are none.
    fn reach_server(&mut self, backend: &'c Proxy<'c>) -> Result<Ended, Ended> {
        for rule in backend.rules(&["use-server"]) {
            if self.applies(backend, rule)? {
                let server = backend.rules(&["server", rule.text(1)]).next();
                return match server {
                    Some(line) => self.pass_on(backend, &[line]),
                    None => Err(Ended::perhaps(rule)),
                };
            }
        }
        let other = ["dispatch", "server-template", "transparent"];
        let other = other.iter().find_map(|word| backend.last(&[word]));
        let other = other.or_else(|| backend.option("transparent"));
        if let Some(line) = other.or_else(|| backend.option("http_proxy")) {
            return Err(Ended::perhaps(line));
        }
        let servers: Vec<&'c Line> = backend.rules(&["server"]).collect();
        if let Some(line) = servers.iter().find(|line| line.is_conditional) {
            return Err(Ended::perhaps(line));
        }
        for line in &servers {
            self.meet_server(backend, line);
        }
        let is =
            |line: &Line, on: &str, off: &str| server_word(backend, line, &[on], &[off]).is_some();
        let enabled = servers.iter().filter(|line| !is(line, "disabled", "enabled"));
        let has_weight = |line: &Line| {
            let index = line.find(3, "weight");
            index.is_none_or(|index| line.text(index + 1) != "0")
        };
        let (spare, active): (Vec<&'c Line>, Vec<&'c Line>) = enabled
            .copied()
            .filter(|line| has_weight(line))
            .partition(|line| is(line, "backup", "no-backup"));
        match (active.is_empty(), spare.is_empty()) {
            (false, _) => self.pass_on(backend, &[active, spare].concat()),
            (true, false) => self.pass_on(backend, &spare),
            (true, true) => Err(self.without_server(backend, backend.at())),
        }
    }

    /// Passes the connection to the first server: into a listener of our own, or out.
    fn pass_on(&mut self, backend: &'c Proxy<'c>, lines: &[&'c Line]) -> Result<Ended, Ended> {
        let mut members = Vec::new();
        for line in lines {
            members.push(self.member(line)?);
        }
        let line = lines[0];
        let header = server_word(
            backend,
            line,
            &["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn"],
            &["no-send-proxy", "no-send-proxy-v2"],
        );
        if let Some((word, at)) = header {
            let version = if word == "send-proxy" { ProxyHeader::V1 } else { ProxyHeader::V2 };
            self.state.header = Some(version);
            self.hop(at, HopAction::SendsProxyHeader(version));
        }
        let target = ServerText::new(line.text(2));
        self.hop(line.at(2), HopAction::PassesTo { target });
        if server_word(backend, line, &["ssl"], &["no-ssl"]).is_some() {
            let sni = line.find(3, "sni").map(|index| line.text(index + 1));
            let sni = sni.and_then(expression).map(|asked| self.samples().value(&asked));
            self.state.sni = match sni {
                Some(Value::Text(name)) => Some(name),
                Some(Value::Unknown(what)) => return Err(Ended::undecided(what, line.span())),
                _ => None,
            };
            self.state.tls = TlsLayer::OfProxy;
        }
        let groups: Vec<Vec<Arrival<'c>>> =
            members.iter().map(|member| self.own_listeners(member)).collect();
        if groups[0].is_empty() {
            return match groups.iter().position(|group| !group.is_empty()) {
                Some(index) => Err(Ended::perhaps(members[index].line)),
                None => Ok(self.out(&members)),
            };
        }
        self.own_hops += 1;
        if self.own_hops > MOST_HOPS {
            return Err(Ended::closed(CloseCause::Circle, line.at(2)));
        }
        self.state.is_from_own_machine = true;
        let family = match &members[0].address {
            BackendAddress::Ip(address) => Family::of(*address),
            _ => Family::V4,
        };
        Ok(self.in_each(&groups[..1], family))
    }

    fn member(&self, line: &'c Line) -> Result<Member<'c>, Ended> {
        let Some(word) = line.words.get(2) else { return Err(Ended::perhaps(line)) };
        let member = |address: BackendAddress, port: Option<u16>| Member { line, address, port };
        Ok(match server_place(word) {
            ServerPlace::Socket(path) => {
                member(BackendAddress::Socket(ServerText::new(&path)), None)
            }
            ServerPlace::Variable(name) => {
                let what = Undecided::Environment(ServerText::new(&name));
                return Err(Ended::undecided(what, word.span));
            }
            ServerPlace::Inherited | ServerPlace::Invalid => return Err(Ended::perhaps(line)),
            ServerPlace::Tcp { host, port } => {
                let port = match port {
                    ServerPort::Is(port) => Some(port),
                    ServerPort::OfClient(more) => {
                        u16::try_from(i32::from(self.state.port).saturating_add(more)).ok()
                    }
                };
                match host {
                    ServerHost::Ip(address) => member(BackendAddress::Ip(address), port),
                    ServerHost::Name(name) => {
                        member(BackendAddress::Name(ServerText::new(&name)), port)
                    }
                    ServerHost::OfClient => return Err(Ended::perhaps(line)),
                }
            }
        })
    }

    /// The listeners of this proxy that have the address.
    fn own_listeners(&self, member: &Member<'c>) -> Vec<Arrival<'c>> {
        if let BackendAddress::Socket(path) = &member.address {
            let has = |arrival: &Arrival<'c>| match &arrival.bind.place {
                BindPlace::Socket(own) => ServerText::new(own) == *path,
                _ => false,
            };
            return self.arrivals().filter(has).collect();
        }
        let Some(port) = member.port else { return Vec::new() };
        let all: Vec<Arrival<'c>> = self.arrivals().collect();
        takers(&all, |arrival| arrival.bind.place.tcp(), &member.address, port)
    }

    fn out(&self, members: &[Member<'c>]) -> Ended {
        let http = self.has_read_http.then(|| BackendHttp {
            host: ServerText::new(&self.state.host),
            path: ServerText::new(&self.state.path),
            keeps_upgrade: self.state.keeps_upgrade,
            version: Some(ServerText::new("1.1")),
        });
        let members: Vec<way::Member> = members.iter().map(Member::place).collect();
        let (tls, proxy_header) = (self.state.tls.at_backend(), self.state.header);
        Leaving { tls, proxy_header, http }.to(&members, &self.index.configuration.sources)
    }
}

/// Actions of `http-request` that change nothing about where a request goes.
const HARMLESS: [&str; 30] = [
    "add-acl",
    "cache-use",
    "capture",
    "del-acl",
    "del-map",
    "disable-l7-retry",
    "early-hint",
    "normalize-uri",
    "sc-add-gpc",
    "sc-inc-gpc",
    "sc-inc-gpc0",
    "sc-inc-gpc1",
    "sc-set-gpt",
    "sc-set-gpt0",
    "set-bandwidth-limit",
    "set-dst",
    "set-dst-port",
    "set-log-level",
    "set-map",
    "set-mark",
    "set-nice",
    "set-priority-class",
    "set-priority-offset",
    "set-query",
    "set-src",
    "set-src-port",
    "set-tos",
    "track-sc0",
    "track-sc1",
    "track-sc2",
];

/// Of listeners of one address, those of the connection's own family: where one of IPv4 listens, one of both
/// families gets nothing of it.
fn closest<'a, 'c>(group: &'a [Arrival<'c>], family: Family) -> Vec<Arrival<'c>> {
    let is_both = |arrival: &&'a Arrival<'c>| {
        matches!(
            arrival.bind.place,
            BindPlace::Tcp(TcpPlace { takes_v4: true, takes_v6: true, .. })
        )
    };
    let (both, own): (Vec<&Arrival<'c>>, Vec<_>) = group.iter().partition(is_both);
    let wanted = if family == Family::V4 && !own.is_empty() { own } else { [own, both].concat() };
    wanted.into_iter().copied().collect()
}

fn mode(proxy: &Proxy<'_>) -> Result<Mode, Ended> {
    match proxy.mode() {
        (_, Some(line)) if line.is_conditional => Err(Ended::perhaps(line)),
        (Mode::Other, Some(line)) => Err(Ended::perhaps(line)),
        (mode, _) => Ok(mode),
    }
}

fn mode_at(proxy: &Proxy<'_>) -> Span {
    proxy.mode().1.map_or_else(|| proxy.at(), Line::span)
}

/// The last of these words of a `server`, before that of its `default-server`, with its place.
pub fn server_word<'c>(
    backend: &Proxy<'c>,
    line: &'c Line,
    on: &[&str],
    off: &[&str],
) -> Option<(&'c str, Span)> {
    // A default counts for the servers behind it.
    let before = backend.lines.iter().take_while(|other| !std::ptr::eq(**other, line));
    let defaults = before.filter(|line| line.text(0) == "default-server").map(|line| (*line, 1));
    let mut lines: Vec<(&'c Line, usize)> = defaults.collect();
    lines.push((line, 3));
    let words = lines.into_iter().rev().flat_map(|(line, from)| {
        (from..line.words.len()).rev().map(move |index| (line.text(index), line.at(index)))
    });
    let mut wanted = words.filter(|(word, _)| on.contains(word) || off.contains(word));
    wanted.next().filter(|(word, _)| on.contains(word))
}

/// `tcp-request inspect-delay`, where it is long enough.
fn long_delay<'c>(proxy: &Proxy<'c>) -> Option<&'c Line> {
    let line = proxy.last(&["tcp-request", "inspect-delay"])?;
    // Less is a race, too: the bytes of a client far away need some time.
    const LEAST: u64 = 500;
    milliseconds(line.text(2)).is_some_and(|delay| delay >= LEAST).then_some(line)
}

/// Whether the first bytes of the client are there when a backend is chosen.
pub fn waits_for_first_bytes(proxy: &Proxy<'_>) -> bool {
    long_delay(proxy).is_some()
        && proxy.rules(&["tcp-request", "content"]).any(|line| reads_content(proxy, line))
}

/// Whether a rule waits for the first bytes of the client.
fn reads_content(proxy: &Proxy<'_>, line: &Line) -> bool {
    const CONTENT: [&str; 9] = [
        "req.ssl_",
        "req_ssl_",
        "req.len",
        "req_len",
        "req.payload",
        "payload",
        "WAIT_END",
        "req.proto_http",
        "HTTP",
    ];
    let names = |line: &Line, from: usize| {
        line.words.iter().skip(from).any(|word| {
            CONTENT.iter().any(|part| word.text.trim_start_matches('!').starts_with(part))
        })
    };
    let Some(start) = condition_at(line) else { return false };
    let mut lists = proxy.rules(&["acl"]).filter(|list| {
        line.words[start..].iter().any(|word| word.text.trim_start_matches('!') == list.text(1))
    });
    names(line, start) || lists.any(|list| names(list, 2))
}
