//! Follows one connection through an nginx configuration, as nginx would lead it.

use std::time::Duration;

use super::index::{
    Index, Listen, ListenPlace, Server, Side, certificate_pairs, full_path, host_and_ports, is_path,
};
use super::lexer::Word;
use super::tree::Directive;
use super::variables::{Environment, has_variable};
use super::words::milliseconds;
use crate::lint::certificates::{CertificateReader, NamedPath, alert_of};
use crate::lint::pattern::Captures;
use crate::lint::source::Span;
use crate::lint::way::{
    Ended, Leaving, MOST_HOPS, Member, Origin, TlsLayer, is_loopback_network, network_block,
    path_of, takers,
};
use crate::model::configuration::{
    AddedHeader, Admission, AlertCause, AllowedVersions, BackendAddress, BackendHttp, CloseCause,
    Connection, End, Hop, HopAction, Layer, MemberState, Met, MetSetting, NamedFile,
    OfferedProtocols, Opening, ProxyHeader, StartFailure, Throttle, Timeout, TlsEnding, Trace,
    Undecided,
};
use crate::model::facts::{ServerText, TlsVersion};
use crate::model::name::DomainName;
use crate::model::target::Family;

/// A connection on its way.
#[derive(Clone)]
pub struct Walk<'c, 't> {
    pub index: &'c Index<'t>,
    pub certificates: &'c CertificateReader<'c>,
    /// The directory of the main file: relative paths begin there.
    pub directory: &'c str,
    pub environment: Environment,
    pub tls: TlsLayer,
    pub tls_ended: bool,
    /// The PROXY header that is first on the connection.
    pub header: Option<ProxyHeader>,
    pub origin: Origin,
    /// A PROXY header named the client to the listener at hand.
    pub was_told_client: bool,
    hops: Vec<(Span, HopAction)>,
    certificate: Option<NamedFile>,
    tls_ending: Option<Box<TlsEnding>>,
    idle: Option<(Duration, Option<Span>)>,
    connect: Option<(Duration, Option<Span>)>,
    pub http: Option<BackendHttp>,
    own_hops: usize,
    /// A map that had no entry for the value.
    pub last_map: Option<&'t Directive>,
    met: Vec<(Span, MetSetting)>,
}

/// What a `proxy_pass` names.
pub struct Target<'a> {
    pub word: &'a Word,
    /// Its value, without the scheme and the path of a URL.
    pub text: &'a str,
    /// Of the scheme, in `http`.
    pub default_port: Option<u16>,
}

/// A listener that takes a connection, with its server.
#[derive(Clone, Copy)]
pub struct Arrival<'c, 't> {
    pub side: &'c Side<'t>,
    pub server: &'c Server<'t>,
    pub listen: &'c Listen<'t>,
}

/// The trace of a connection.
pub fn follow(
    index: &Index<'_>,
    certificates: &CertificateReader<'_>,
    directory: &str,
    asked: &Connection,
) -> Trace {
    let name = asked.name.as_ref().map(|name| name.as_str().to_owned());
    let mut walk = Walk {
        index,
        certificates,
        directory,
        environment: Environment {
            sni: name.clone().filter(|_| asked.opening.is_over_tls()),
            tls_ended: false,
            is_preread: false,
            host: name,
            opening: asked.opening,
            path: path_of(asked.opening).to_owned(),
            port: asked.port.number(),
            server_name: String::new(),
            captures: Captures::default(),
            set: std::collections::BTreeMap::new(),
            has_upgrade: asked.opening == Opening::WebSocket,
        },
        tls: if asked.opening.is_over_tls() { TlsLayer::OfClient } else { TlsLayer::None },
        tls_ended: false,
        header: None,
        origin: Origin::Outside,
        was_told_client: false,
        hops: Vec::new(),
        certificate: None,
        tls_ending: None,
        idle: None,
        connect: None,
        http: None,
        own_hops: 0,
        last_map: None,
        met: Vec::new(),
    };
    let ended = walk.enter(asked.family, asked.port.number());
    walk.into_trace(asked.clone(), ended)
}

impl<'c, 't> Walk<'c, 't> {
    fn into_trace(self, asked: Connection, ended: Ended) -> Trace {
        let sources = &self.index.tree.sources;
        let timeout = |(lasts, at): (Duration, Option<Span>)| Timeout {
            lasts,
            at: at.map(|at| sources.location(at)),
        };
        Trace {
            asked,
            hops: self
                .hops
                .iter()
                .map(|(at, does)| Hop { at: sources.location(*at), does: does.clone() })
                .collect(),
            end: ended.end,
            decided_at: ended.at.map(|at| sources.location(at)),
            certificate: self.certificate,
            tls: self.tls_ending,
            idle_timeout: self.idle.map(timeout),
            connect_timeout: self.connect.map(timeout),
            met: self
                .met
                .iter()
                .map(|(at, what)| Met { at: sources.location(*at), what: what.clone() })
                .collect(),
        }
    }

    /// The connection meets something that holds for it.
    pub fn meet(&mut self, at: Span, what: MetSetting) {
        let what = (at, what);
        if !self.met.contains(&what) {
            self.met.push(what);
        }
    }

    pub fn hop(&mut self, at: Span, does: HopAction) {
        self.hops.push((at, does));
    }

    /// A map chose.
    pub fn chosen(&mut self, map: &'t Directive, at: Span, by: &str, chosen: &str) {
        self.last_map = Some(map);
        let (by, chosen) = (ServerText::new(by), ServerText::new(chosen));
        let does = HopAction::Chooses { by, chosen };
        if !self.hops.contains(&(at, does.clone())) {
            self.hop(at, does);
        }
    }

    fn enter(&mut self, family: Family, port: u16) -> Ended {
        let mut groups: Vec<Vec<Arrival<'c, 't>>> = Vec::new();
        for arrival in self.listeners() {
            let place = &arrival.listen.place;
            let is_own = place.address().is_some_and(|address| address.is_loopback());
            if !place.takes(family, port) || is_own {
                continue;
            }
            let same = |group: &Vec<Arrival<'c, 't>>| {
                group[0].listen.place.address() == place.address()
                    && group[0].side.layer == arrival.side.layer
            };
            match groups.iter_mut().find(|group| same(group)) {
                Some(group) => group.push(arrival),
                None => groups.push(vec![arrival]),
            }
        }
        if groups.is_empty() {
            return self.nothing_listens(port);
        }
        // Which of several addresses clients use is not known: it does not matter where all lead to the same.
        let mut ends = Vec::new();
        for group in &groups {
            let mut walk = self.clone();
            let ended = walk.arrive(group);
            ends.push((walk, ended));
        }
        let first = &ends[0].1;
        if let Some((_, other)) = ends.iter().find(|(_, ended)| ended.end != first.end) {
            let at = groups[0][0].listen.at;
            let name = groups.iter().find_map(|group| group[0].listen.place.address());
            let name = ServerText::new(&name.map_or_else(String::new, |name| name.to_string()));
            return Ended::undecided(Undecided::Name(name), other.at.unwrap_or(at));
        }
        let (walk, ended) = ends.swap_remove(0);
        *self = walk;
        ended
    }

    fn listeners(&self) -> Vec<Arrival<'c, 't>> {
        let mut all = Vec::new();
        for side in self.index.sides() {
            for server in &side.servers {
                let tcp = server.listens.iter().filter(|listen| !listen.is_udp && !listen.is_quic);
                all.extend(tcp.map(|listen| Arrival { side, server, listen }));
            }
        }
        all
    }

    fn nothing_listens(&self, port: u16) -> Ended {
        let unread = self.index.unread.or(self.index.http.unread).or(self.index.stream.unread);
        if let Some(unread) = unread {
            let file = ServerText::new(unread.arg(0).unwrap_or_default());
            return Ended::undecided(Undecided::FileUnread(file), unread.span());
        }
        let named = self.listeners().into_iter().find_map(|arrival| match arrival.listen.place {
            ListenPlace::Name(name, at) if at == port => Some((name, arrival.listen.at)),
            _ => None,
        });
        match named {
            Some((name, at)) => Ended::undecided(Undecided::Name(ServerText::new(name)), at),
            None => Ended { end: End::Refused, at: None },
        }
    }

    /// Arrives at listeners of one address and port.
    fn arrive(&mut self, group: &[Arrival<'c, 't>]) -> Ended {
        let layer = group[0].side.layer;
        if let Some(port) = group[0].listen.place.tcp().and_then(|place| place.port()) {
            self.environment.port = port;
        }
        let result = match layer {
            Layer::Tcp => self.through_stream(group),
            Layer::Http => self.through_http(group),
        };
        match result {
            Ok(ended) | Err(ended) => ended,
        }
    }

    /// What a listener does first with its PROXY header.
    pub fn accept(&mut self, arrival: Arrival<'c, 't>) -> Result<(), Ended> {
        let Arrival { side, listen, .. } = arrival;
        let reads_proxy_header = listen.reads_proxy_header;
        self.hop(listen.at, HopAction::Accepts { layer: side.layer, reads_proxy_header });
        self.was_told_client = listen.reads_proxy_header && self.header.is_some();
        match (listen.reads_proxy_header, self.header) {
            (true, None) => return Err(Ended::closed(CloseCause::ProxyHeaderMissing, listen.at)),
            (true, Some(_)) => self.header = None,
            (false, Some(_)) if listen.ends_tls || side.layer == Layer::Http => {
                return Err(Ended::closed(CloseCause::ProxyHeaderUnexpected, listen.at));
            }
            (false, _) => {}
        }
        Ok(())
    }

    /// Whether access lists let the client in.
    pub fn access(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]]) -> Option<Span> {
        let list = side.innermost(blocks, |inner| inner.is("allow") || inner.is("deny"));
        let first = list.first()?.span();
        let is_denied = |entry: &&&Directive| entry.is("deny");
        let admission = match list.iter().find(|entry| entry.arg(0) == Some("all")) {
            Some(all) if all.is("deny") => Admission::Named,
            _ => Admission::AllBut(
                list.iter()
                    .filter(is_denied)
                    .filter_map(|entry| network_block(entry.arg(0)?))
                    .collect(),
            ),
        };
        self.meet(first, MetSetting::AccessList(admission));
        for entry in list {
            let takes = match entry.arg(0)? {
                "all" => true,
                "unix:" => false,
                network => self.origin == Origin::OwnMachine && is_loopback_network(network),
            };
            if takes {
                return entry.is("deny").then(|| entry.span());
            }
        }
        None
    }

    fn through_stream(&mut self, group: &[Arrival<'c, 't>]) -> Result<Ended, Ended> {
        let arrival = Self::stream_server(group)?;
        let Arrival { side, server, listen } = arrival;
        let blocks = [server.directives];
        self.accept(arrival)?;
        if let Some(at) = self.access(side, &blocks) {
            return Err(Ended::closed(CloseCause::AccessDenied, at));
        }
        if listen.ends_tls {
            self.end_tls(arrival, server)?;
        }
        self.environment.is_preread = !listen.ends_tls
            && self.tls != TlsLayer::None
            && self.header.is_none()
            && side.is_on(&blocks, "ssl_preread");
        if self.environment.is_preread
            && let Some(preread) = side.setting(&blocks, "ssl_preread")
        {
            self.hop(preread.span(), HopAction::ReadsServerName);
        }
        if let Some(verify) = side.setting(&blocks, "ssl_verify_client")
            && listen.ends_tls
            && verify.arg(0) == Some("on")
        {
            return Err(Ended::closed(CloseCause::ClientCertificateMissing, verify.span()));
        }
        if let Some(text) = server.directives.iter().find(|inner| inner.is("return")) {
            return Ok(Ended { end: End::LocalAnswer { status: None }, at: Some(text.span()) });
        }
        let Some(pass) = server.directives.iter().find(|inner| inner.is("proxy_pass")) else {
            return Err(self.no_handler(server));
        };
        self.pass_stream(side, &blocks, pass)
    }

    /// A stream server without `proxy_pass`: a module may do something with the connection.
    fn no_handler(&self, server: &Server<'t>) -> Ended {
        let code = server
            .directives
            .iter()
            .find(|inner| inner.name.text.contains("lua") || inner.name.text.starts_with("js_"));
        let at = code.map_or(server.directive.span(), |code| code.span());
        let name = ServerText::new(code.map_or("proxy_pass", |code| code.name.text.as_str()));
        Ended::undecided(Undecided::Directive(name), at)
    }

    fn stream_server(group: &[Arrival<'c, 't>]) -> Result<Arrival<'c, 't>, Ended> {
        if group.len() == 1 {
            return Ok(group[0]);
        }
        Err(Ended::undecided(Undecided::Version, group[1].listen.at))
    }

    /// Ends TLS with the certificate of `server`; the versions are those of the listener's default server.
    pub fn end_tls(
        &mut self,
        arrival: Arrival<'c, 't>,
        server: &'c Server<'t>,
    ) -> Result<(), Ended> {
        let Arrival { side, listen, .. } = arrival;
        if self.tls == TlsLayer::None {
            return Err(Ended::closed(CloseCause::OtherProtocol, listen.at));
        }
        if self.tls == TlsLayer::OfProxy {
            self.environment.sni = None;
        }
        self.environment.tls_ended = true;
        self.tls_ending = Some(Box::new(self.tls_ending_of(arrival, server)));
        let default = [arrival.server.directives];
        if let Some(protocols) = side.setting(&default, "ssl_protocols")
            && !protocols
                .args
                .iter()
                .any(|word| matches!(word.text.as_str(), "TLSv1.2" | "TLSv1.3"))
        {
            let end = End::Alert(AlertCause::NoCommonVersion);
            return Err(Ended { end, at: Some(protocols.span()) });
        }
        self.certificate_of(side, server, listen.at)?;
        self.tls = TlsLayer::None;
        self.tls_ended = true;
        self.hop(listen.at, HopAction::EndsTls);
        Ok(())
    }

    /// What the listener says about TLS. The versions are those of the default server of the address.
    fn tls_ending_of(&self, arrival: Arrival<'c, 't>, server: &'c Server<'t>) -> TlsEnding {
        let Arrival { side, listen, .. } = arrival;
        let sources = &self.index.tree.sources;
        let (default, own) = ([arrival.server.directives], [server.directives]);
        let decides = side.setting(&default, "ssl_protocols");
        let of_name = side.setting(&own, "ssl_protocols");
        let listed = |directive: &Directive| -> Vec<TlsVersion> {
            directive.args.iter().filter_map(|word| version(&word.text)).collect()
        };
        let versions = match decides {
            Some(directive) => {
                let versions = listed(directive);
                let other = of_name.filter(|other| listed(other) != versions);
                AllowedVersions::Listed {
                    versions,
                    at: sources.location(directive.span()),
                    other: other.map(|other| sources.location(other.span())),
                }
            }
            None => AllowedVersions::ByVersion,
        };
        let alpn = side.setting(&own, "ssl_alpn").map(|directive| OfferedProtocols {
            protocols: directive.args.iter().map(|word| ServerText::new(&word.text)).collect(),
            at: sources.location(directive.span()),
        });
        let verify = side
            .setting(&own, "ssl_verify_client")
            .filter(|verify| verify.arg(0) == Some("on"))
            .map(|verify| sources.location(verify.span()));
        TlsEnding {
            at: sources.location(listen.at),
            layer: side.layer,
            certificates: Vec::new(),
            covers_name: None,
            versions,
            alpn,
            client_certificate: verify,
            hsts: None,
            alt_svc: None,
        }
    }

    /// The headers about TLS that the answers of a location get: those of the innermost block that adds any.
    pub fn added_headers(&mut self, side: &Side<'t>, blocks: &[&'t [Directive]]) {
        let Some(ending) = self.tls_ending.as_mut() else { return };
        let sources = &self.index.tree.sources;
        let headers = side.settings(blocks, "add_header");
        let added = |wanted: &str| {
            let is_it = |header: &&&Directive| {
                header.arg(0).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            };
            let header = headers.iter().find(is_it)?;
            let value = header.args.get(1)?;
            let at = sources.location(header.span());
            Some(AddedHeader { value: ServerText::new(&value.text), at })
        };
        ending.hsts = added("strict-transport-security");
        ending.alt_svc = added("alt-svc");
    }

    fn certificate_of(
        &mut self,
        side: &Side<'t>,
        server: &'c Server<'t>,
        listen: Span,
    ) -> Result<(), Ended> {
        let pairs = certificate_pairs(side, &[server.directives]);
        if pairs.is_empty() {
            let needed = ServerText::new("ssl_certificate");
            return Err(Ended::not_started(StartFailure::Conflict(needed), listen));
        }
        for pair in pairs {
            let certificate = self.certificate_file(side, pair.certificate)?;
            if self.certificate.is_none() {
                self.certificate = certificate.as_ref().map(NamedPath::file);
            }
            let key = match pair.key {
                Some(word) => self.certificate_file(side, word)?,
                None => None,
            };
            let Some(certificate) = certificate else { continue };
            let per_handshake = pair.is_opened_per_handshake;
            let file = self.certificates.read(&certificate, key.as_ref(), per_handshake);
            if let Some(ending) = self.tls_ending.as_mut() {
                ending.certificates.push(certificate.file().path);
                let name = self.environment.sni.as_ref();
                let name: Option<DomainName> = name.and_then(|name| name.parse().ok());
                let covers =
                    name.and_then(|name| self.certificates.covers(&certificate.path, &name));
                ending.covers_name = ending.covers_name.or(covers);
            }
            if let Some(cause) = alert_of(&file).filter(|_| per_handshake) {
                return Err(Ended { end: End::Alert(cause), at: Some(pair.certificate.span) });
            }
        }
        Ok(())
    }

    /// The file that a word names for this connection; `None`: it names no file.
    fn certificate_file(
        &mut self,
        side: &Side<'t>,
        word: &'t Word,
    ) -> Result<Option<NamedPath>, Ended> {
        let path = self.expand(side, &word.text, word.span)?;
        if !is_path(&path) {
            return Ok(None);
        }
        if has_variable(&word.text) && (path.is_empty() || path.ends_with('/')) {
            let end = End::Alert(AlertCause::NoCertificate);
            return Err(Ended { end, at: Some(word.span) });
        }
        let path = full_path(self.directory, &path);
        Ok(Some(NamedPath { path, at: self.index.tree.sources.location(word.span) }))
    }

    fn pass_stream(
        &mut self,
        side: &'c Side<'t>,
        blocks: &[&'t [Directive]],
        pass: &'t Directive,
    ) -> Result<Ended, Ended> {
        let Some(word) = pass.args.first() else {
            return Err(Ended::not_started(StartFailure::Syntax, pass.span()));
        };
        let target = self.expand(side, &word.text, word.span)?;
        self.set_timeouts(side, blocks, &["proxy_timeout"], Duration::from_secs(600));
        self.throttles(
            side,
            blocks,
            &[
                ("proxy_upload_rate", Throttle::Rate),
                ("proxy_download_rate", Throttle::Rate),
                ("limit_conn", Throttle::Connections),
            ],
        );
        if let Some(directive) = side.setting(blocks, "proxy_protocol")
            && directive.arg(0) == Some("on")
        {
            self.header = Some(ProxyHeader::V1);
            self.hop(directive.span(), HopAction::SendsProxyHeader(ProxyHeader::V1));
        }
        let starts_tls = side.is_on(blocks, "proxy_ssl");
        if target.is_empty() {
            let at = self.last_map.map_or(word.span, |map| map.name.span.to(map.span()));
            return Err(Ended::closed(CloseCause::NoBackend, at));
        }
        self.hop(word.span, HopAction::PassesTo { target: ServerText::new(&target) });
        let target = Target { word, text: &target, default_port: None };
        let members = self.members(side, blocks, &target)?;
        Ok(self.pass_on(&members, starts_tls))
    }

    /// Keeps the shortest idle time-out on the way, and the connect time-out of the last hop.
    pub fn set_timeouts(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        idle: &[&str],
        default: Duration,
    ) {
        const CONNECT: Duration = Duration::from_secs(60);
        let read = |name: &str, default: Duration| {
            let directive = side.setting(blocks, name);
            let lasts = directive.and_then(|directive| milliseconds(directive.arg(0)?));
            match (directive, lasts) {
                (Some(directive), Some(lasts)) => {
                    (Duration::from_millis(lasts), Some(directive.span()))
                }
                _ => (default, None),
            }
        };
        for name in idle {
            let (lasts, at) = read(name, default);
            if self.idle.is_none_or(|(shortest, _)| lasts < shortest) {
                self.idle = Some((lasts, at));
            }
        }
        self.connect = Some(read("proxy_connect_timeout", CONNECT));
    }

    /// The members of what a `proxy_pass` names.
    pub fn members(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        target: &Target<'_>,
    ) -> Result<Vec<Member>, Ended> {
        if let Some(upstream) = side.upstreams.get(target.text) {
            return self.members_of(upstream, target.default_port);
        }
        let at = target.word.span;
        let is_group = |text: &str| !text.contains(['.', ':', '[']);
        // Where a map chose it, the mistake is there.
        let chosen = self.chosen_at(target.text).unwrap_or(at);
        let Some(member) = member(target.text, at, target.default_port) else {
            let text = ServerText::new(target.text);
            if is_group(target.text) {
                self.meet(chosen, MetSetting::UnknownGroup(text.clone()));
            }
            return Err(Ended::closed(CloseCause::NoPort(text), at));
        };
        if let BackendAddress::Name(name) = &member.address
            && has_variable(&target.word.text)
            && side.setting(blocks, "resolver").is_none()
        {
            self.meet(
                chosen,
                match is_group(target.text) {
                    true => MetSetting::UnknownGroup(name.clone()),
                    false => MetSetting::ResolverMissing(name.clone()),
                },
            );
            return Err(Ended::closed(CloseCause::NoResolver(name.clone()), at));
        }
        Ok(vec![member])
    }

    fn members_of(
        &mut self,
        upstream: &'t Directive,
        default_port: Option<u16>,
    ) -> Result<Vec<Member>, Ended> {
        let inner = upstream.block().unwrap_or_default();
        let servers = || inner.iter().filter(|directive| directive.is("server"));
        for server in servers() {
            self.meet_member(server);
        }
        let is_spare = |server: &&Directive| {
            server.args.iter().skip(1).any(|word| matches!(word.text.as_str(), "down" | "backup"))
        };
        let read = |server: &Directive| {
            let word = server.args.first()?;
            // Without a port an `http` upstream means 80.
            member(&word.text, word.span, default_port.map(|_| 80))
        };
        let mut members: Vec<Member> =
            servers().filter(|server| !is_spare(server)).filter_map(read).collect();
        let spares = servers().filter(is_spare);
        members.extend(
            spares
                .filter(|server| server.args.iter().any(|word| word.text == "backup"))
                .filter_map(read),
        );
        if members.is_empty() {
            let name = ServerText::new(upstream.arg(0).unwrap_or_default());
            let unread = inner.iter().find(|directive| directive.is("include"));
            return Err(match unread {
                Some(unread) => Ended::undecided(Undecided::FileUnread(name), unread.span()),
                None if servers().next().is_some() => {
                    Ended::closed(CloseCause::NoBackend, upstream.span())
                }
                None => Ended::not_started(StartFailure::Conflict(name), upstream.span()),
            });
        }
        Ok(members)
    }

    /// A member that takes part otherwise than the others.
    fn meet_member(&mut self, server: &'t Directive) {
        for word in server.args.iter().skip(1) {
            let state = match word.text.as_str() {
                "down" => MemberState::Down,
                "backup" => MemberState::Backup,
                "max_fails=0" => MemberState::NeverFailed,
                _ => continue,
            };
            let address = ServerText::new(server.arg(0).unwrap_or_default());
            self.meet(server.span(), MetSetting::Member { address, state });
        }
    }

    /// Where a map chose this value.
    fn chosen_at(&self, value: &str) -> Option<Span> {
        let value = ServerText::new(value);
        let is_it = |does: &HopAction| matches!(does, HopAction::Chooses { chosen, .. } if *chosen == value);
        self.hops.iter().rev().find(|(_, does)| is_it(does)).map(|(at, _)| *at)
    }

    /// The limits of these directives that hold in the blocks.
    pub fn throttles(
        &mut self,
        side: &Side<'t>,
        blocks: &[&'t [Directive]],
        limits: &[(&str, Throttle)],
    ) {
        for (name, throttle) in limits {
            for limit in side.settings(blocks, name) {
                if limit.arg(0) != Some("0") {
                    self.meet(limit.span(), MetSetting::Throttle(*throttle));
                }
            }
        }
    }

    /// Passes the connection to the first member: into a listener of our own, or out.
    pub fn pass_on(&mut self, members: &[Member], starts_tls: bool) -> Ended {
        if starts_tls {
            self.tls = TlsLayer::OfProxy;
        }
        let groups: Vec<Vec<Arrival<'c, 't>>> =
            members.iter().map(|member| self.own_listeners(member)).collect();
        let first = &members[0];
        if groups[0].is_empty() {
            if let Some(index) = groups.iter().position(|group| !group.is_empty()) {
                let what = Undecided::Directive(ServerText::new("upstream"));
                return Ended::undecided(what, members[index].at);
            }
            return self.out(members);
        }
        self.own_hops += 1;
        if self.own_hops > MOST_HOPS {
            return Ended::closed(CloseCause::Circle, first.at);
        }
        self.origin = Origin::OwnMachine;
        self.arrive(&groups[0])
    }

    /// The listeners of this proxy that have the address.
    fn own_listeners(&self, member: &Member) -> Vec<Arrival<'c, 't>> {
        let all = self.listeners();
        if let BackendAddress::Socket(path) = &member.address {
            let has = |arrival: &Arrival<'c, 't>| match arrival.listen.place {
                ListenPlace::Unix(own) => ServerText::new(own) == *path,
                _ => false,
            };
            return all.into_iter().filter(has).collect();
        }
        let Some(port) = member.port else { return Vec::new() };
        takers(&all, |arrival| arrival.listen.place.tcp(), &member.address, port)
    }

    fn out(&self, members: &[Member]) -> Ended {
        let (proxy_header, http) = (self.header, self.http.clone());
        let leaving = Leaving { tls: self.tls.at_backend(), proxy_header, http };
        leaving.to(members, &self.index.tree.sources)
    }
}

fn version(text: &str) -> Option<TlsVersion> {
    Some(match text {
        "SSLv3" => TlsVersion::Ssl3,
        "TLSv1" => TlsVersion::Tls10,
        "TLSv1.1" => TlsVersion::Tls11,
        "TLSv1.2" => TlsVersion::Tls12,
        "TLSv1.3" => TlsVersion::Tls13,
        _ => return None,
    })
}

/// An address of a backend, or `None` without the port that it needs.
fn member(text: &str, at: Span, default_port: Option<u16>) -> Option<Member> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.trim_end_matches(':');
        return Some(Member {
            address: BackendAddress::Socket(ServerText::new(path)),
            port: None,
            at,
        });
    }
    let (host, port) = host_and_ports(text);
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => default_port?,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = match bare.parse() {
        Ok(address) => BackendAddress::Ip(address),
        Err(_) => BackendAddress::Name(ServerText::new(host)),
    };
    Some(Member { address, port: Some(port), at })
}
