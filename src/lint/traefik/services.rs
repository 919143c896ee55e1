//! What services dial, and whether Traefik can make them.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::config::{Config, Layer4Or7, Named, Part};
use crate::lint::source::Span;
use crate::lint::way::{Member, go_duration, split_host_port};
use crate::model::configuration::{BackendAddress, ProxyHeader};
use crate::model::facts::ServerText;

/// How long Traefik waits for a server to accept, unless it is told.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The deepest nesting of services and of middlewares.
const DEEPEST: usize = 8;

/// Traefik cannot make this, and does not use the router that needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBuilt;

/// What a service dials.
#[derive(Debug, Clone)]
pub struct Dials {
    pub at: Span,
    /// In the order of the text, each with its address and port.
    pub members: Vec<Member>,
    /// The first one, as it is written.
    pub target: String,
    pub starts_tls: bool,
    pub header: Option<(ProxyHeader, Span)>,
    pub connect: (Duration, Option<Span>),
    pub http: HttpDials,
    /// What keeps the way from being told.
    pub unclear: Option<Span>,
}

/// What belongs to HTTP.
#[derive(Debug, Clone, Default)]
pub struct HttpDials {
    /// Whether servers get the client's `Host` header.
    pub passes_host: bool,
    /// The path that comes first.
    pub path: String,
    /// What servers get as `Host` otherwise.
    pub authority: String,
    pub speaks_http2: bool,
    /// A server that cannot be dialled, with the status of the answer.
    pub status: Option<u16>,
}

impl Dials {
    fn nothing(at: Span) -> Self {
        Self {
            at,
            members: Vec::new(),
            target: String::new(),
            starts_tls: false,
            header: None,
            connect: (DIAL_TIMEOUT, None),
            http: HttpDials { passes_host: true, ..HttpDials::default() },
            unclear: None,
        }
    }

    /// Both, for services of several services: connections go to either.
    fn and(mut self, other: Self) -> Self {
        let is_alike = self.members.is_empty()
            || self.starts_tls == other.starts_tls
                && self.header.map(|it| it.0) == other.header.map(|it| it.0)
                && self.http.path == other.http.path
                && self.http.speaks_http2 == other.http.speaks_http2;
        if self.members.is_empty() {
            return other;
        }
        if !is_alike || other.members.is_empty() {
            self.unclear = self.unclear.or(Some(other.at));
        }
        self.unclear = self.unclear.or(other.unclear);
        self.members.extend(other.members);
        self
    }
}

impl<'t> Config<'t> {
    /// What a service of TCP dials.
    pub fn tcp_service(&self, name: &str) -> Result<Dials, NotBuilt> {
        self.tcp_service_in(name, 0)
    }

    fn tcp_service_in(&self, name: &str, depth: usize) -> Result<Dials, NotBuilt> {
        let part = self.service(Layer4Or7::Tcp, name)?;
        let Found::Here(part) = part else { return Ok(elsewhere(part.at())) };
        match (part.get("loadBalancer"), part.get("weighted")) {
            (Some(balancer), None) => self.tcp_balancer(balancer),
            (None, Some(weighted)) => {
                let mut all = Dials::nothing(weighted.at());
                for service in weighted.list("services") {
                    if service.number("weight") == Some(0) {
                        continue;
                    }
                    let name = service.word("name").ok_or(NotBuilt)?;
                    if depth > DEEPEST {
                        return Err(NotBuilt);
                    }
                    let inner = self.tcp_service_in(name.name, depth + 1);
                    all = all.and(inner?);
                }
                Ok(all)
            }
            _ => Err(NotBuilt),
        }
    }

    fn tcp_balancer(&self, balancer: Part<'t>) -> Result<Dials, NotBuilt> {
        let mut dials = Dials::nothing(balancer.at());
        let mut header = balancer.enabled("proxyProtocol");
        let of_all = self.fixed.and_then(|fixed| fixed.get("tcpServersTransport"));
        let mut transport = of_all;
        if let Some(name) = balancer.word("serversTransport") {
            if is_elsewhere(name.name) {
                dials.unclear = Some(name.at);
            } else {
                let own = self.find(Layer4Or7::Tcp, "serversTransports", name.name);
                transport = Some(own.ok_or(NotBuilt)?);
                header = transport.and_then(|it| it.enabled("proxyProtocol"));
            }
        }
        if let Some(part) = header {
            let version = match part.number("version") {
                None | Some(2) => ProxyHeader::V2,
                Some(1) => ProxyHeader::V1,
                Some(_) => return Err(NotBuilt),
            };
            dials.header = Some((version, part.at()));
        }
        dials.connect = connect_timeout(transport.and_then(|it| it.get("dialTimeout")));
        let mut tls = Vec::new();
        for server in balancer.list("servers") {
            let address = server.word("address");
            let Some((member, address)) = address.and_then(|it| Some((member(it)?, it))) else {
                continue;
            };
            if dials.members.is_empty() {
                address.name.clone_into(&mut dials.target);
            }
            dials.members.push(member);
            tls.push(server.is_true("tls"));
        }
        dials.starts_tls = tls.first().copied().unwrap_or(false);
        if tls.iter().any(|it| *it != dials.starts_tls) {
            dials.unclear = Some(balancer.at());
        }
        Ok(dials)
    }

    /// What a service of HTTP dials.
    pub fn http_service(&self, name: &str) -> Result<Dials, NotBuilt> {
        self.http_service_in(name, 0)
    }

    fn http_service_in(&self, name: &str, depth: usize) -> Result<Dials, NotBuilt> {
        let part = self.service(Layer4Or7::Http, name)?;
        let Found::Here(part) = part else { return Ok(elsewhere(part.at())) };
        if depth > DEEPEST {
            return Err(NotBuilt);
        }
        let kinds: Vec<_> =
            part.entries().filter(|(key, ..)| !key.eq_ignore_ascii_case("middlewares")).collect();
        let [(kind, _, kind_part)] = kinds.as_slice() else { return Err(NotBuilt) };
        let own_middlewares = part.get("middlewares").map(Part::at);
        let inner = |name: Option<Named<'t>>| {
            let name = name.ok_or(NotBuilt)?;
            self.http_service_in(name.name, depth + 1)
        };
        let dials = match kind.to_ascii_lowercase().as_str() {
            "loadbalancer" => self.http_balancer(*kind_part)?,
            "weighted" | "highestrandomweight" => {
                let mut all = Dials::nothing(kind_part.at());
                for service in kind_part.list("services") {
                    if service.number("weight") == Some(0) {
                        continue;
                    }
                    if let Some(other) =
                        ["status", "headers", "grpcStatus"].iter().find_map(|key| service.get(key))
                    {
                        all.unclear = Some(other.at());
                        continue;
                    }
                    all = all.and(inner(service.word("name"))?);
                }
                all
            }
            "mirroring" => inner(kind_part.word("service"))?,
            "failover" => {
                let dials = inner(kind_part.word("service"))?;
                dials.and(inner(kind_part.word("fallback"))?)
            }
            _ => return Err(NotBuilt),
        };
        Ok(Dials { unclear: dials.unclear.or(own_middlewares), ..dials })
    }

    fn http_balancer(&self, balancer: Part<'t>) -> Result<Dials, NotBuilt> {
        let mut dials = Dials::nothing(balancer.at());
        dials.http.passes_host = balancer.truth("passHostHeader").unwrap_or(true);
        let mut transport = self.fixed.and_then(|fixed| fixed.get("serversTransport"));
        if let Some(name) = balancer.word("serversTransport") {
            if is_elsewhere(name.name) {
                dials.unclear = Some(name.at);
            } else {
                let own = self.find(Layer4Or7::Http, "serversTransports", name.name);
                transport = Some(own.ok_or(NotBuilt)?);
            }
        }
        let strategy = balancer.word("strategy").map_or("wrr", |it| it.name);
        if !["wrr", "p2c", "hrw", "leasttime"].contains(&strategy) {
            return Err(NotBuilt);
        }
        dials.connect = connect_timeout(
            transport.and_then(|it| it.below(&["forwardingTimeouts", "dialTimeout"])),
        );
        let mut all = Dials::nothing(balancer.at());
        for server in balancer.list("servers") {
            let url = server.word("url").unwrap_or(Named { name: "", at: server.at() });
            let mut one = Dials { at: url.at, ..dials.clone() };
            self.http_server(&mut one, url)?;
            if !server.is_true("preservePath") {
                one.http.path.clear();
            }
            all = if all.members.is_empty() && all.http.status.is_none() {
                one
            } else {
                all.and(one)
            };
        }
        Ok(all)
    }

    /// `scheme://host:port/path` (`url.Parse`).
    fn http_server(&self, dials: &mut Dials, url: Named<'t>) -> Result<(), NotBuilt> {
        let Some((scheme, rest)) = url.name.split_once("://") else {
            // A colon in its first part cannot be read, unless it stands behind a scheme.
            let first = url.name.split('/').next().unwrap_or_default();
            let is_scheme = first.split(':').next().is_some_and(|it| {
                it.starts_with(|c: char| c.is_ascii_alphabetic())
                    && it.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            });
            if first.contains(':') && !is_scheme {
                return Err(NotBuilt);
            }
            dials.http.status = Some(SERVER_ERROR);
            return Ok(());
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => {
                dials.starts_tls = true;
                443
            }
            "h2c" => {
                dials.http.speaks_http2 = true;
                80
            }
            _ => {
                dials.http.status = Some(SERVER_ERROR);
                return Ok(());
            }
        };
        let (host, port) = split_host_port(authority).ok_or(NotBuilt)?;
        let port = match port {
            "" => default_port,
            port if port.bytes().all(|it| it.is_ascii_digit()) => match port.parse() {
                Ok(port) => port,
                Err(_) => {
                    dials.http.status = Some(BAD_GATEWAY);
                    return Ok(());
                }
            },
            _ => return Err(NotBuilt),
        };
        if host.is_empty() {
            dials.http.status = Some(SERVER_ERROR);
            return Ok(());
        }
        url.name.clone_into(&mut dials.target);
        path.clone_into(&mut dials.http.path);
        authority.clone_into(&mut dials.http.authority);
        dials.members.push(Member { address: address_of(host), port: Some(port), at: url.at });
        Ok(())
    }

    fn service(&self, layer: Layer4Or7, name: &str) -> Result<Found<'t>, NotBuilt> {
        match self.find(layer, "services", name) {
            Some(part) => Ok(Found::Here(part)),
            None if is_elsewhere(name) => {
                let at = self.fixed.map_or(Span { file: 0, start: 0, end: 0 }, Part::at);
                Ok(Found::Elsewhere(at))
            }
            None => Err(NotBuilt),
        }
    }

    /// Whether Traefik can make these middlewares.
    pub fn tcp_middlewares(&self, names: &[Named<'t>]) -> Result<(), NotBuilt> {
        names.iter().try_for_each(|name| {
            let Some(part) = self.find(Layer4Or7::Tcp, "middlewares", name.name) else {
                return if is_elsewhere(name.name) { Ok(()) } else { Err(NotBuilt) };
            };
            let mut kinds = part.entries();
            let (Some((kind, _, settings)), None) = (kinds.next(), kinds.next()) else {
                return Err(NotBuilt);
            };
            let is_list = !kind.eq_ignore_ascii_case("inFlightConn");
            let is_empty = is_list && settings.texts("sourceRange").is_empty();
            if is_empty { Err(NotBuilt) } else { Ok(()) }
        })
    }

    /// Whether Traefik can make these middlewares of HTTP, and those that they name.
    pub fn http_middlewares(&self, names: &[Named<'t>], depth: usize) -> Result<(), NotBuilt> {
        names.iter().try_for_each(|name| {
            let Some(part) = self.find(Layer4Or7::Http, "middlewares", name.name) else {
                return if is_elsewhere(name.name) { Ok(()) } else { Err(NotBuilt) };
            };
            let mut kinds = part.entries();
            let (Some((kind, _, settings)), None) = (kinds.next(), kinds.next()) else {
                return Err(NotBuilt);
            };
            let lacks = |key: &str| settings.word(key).is_none();
            let is_wrong = match kind.to_ascii_lowercase().as_str() {
                "chain" => {
                    depth > DEEPEST
                        || self.http_middlewares(&settings.texts("middlewares"), depth + 1).is_err()
                }
                "redirectscheme" => lacks("scheme"),
                "ipallowlist" | "ipwhitelist" => settings.texts("sourceRange").is_empty(),
                "basicauth" | "digestauth" => {
                    settings.texts("users").is_empty() && lacks("usersFile")
                }
                "addprefix" => lacks("prefix"),
                _ => false,
            };
            if is_wrong { Err(NotBuilt) } else { Ok(()) }
        })
    }
}

/// The status of answers for a server that cannot be dialled.
const SERVER_ERROR: u16 = 500;
const BAD_GATEWAY: u16 = 502;

/// A service, or the place of one that another provider has.
enum Found<'t> {
    Here(Part<'t>),
    Elsewhere(Span),
}

impl Found<'_> {
    fn at(&self) -> Span {
        match self {
            Self::Here(part) => part.at(),
            Self::Elsewhere(at) => *at,
        }
    }
}

fn elsewhere(at: Span) -> Dials {
    Dials { unclear: Some(at), ..Dials::nothing(at) }
}

/// Whether a name is that of another provider.
pub fn is_elsewhere(name: &str) -> bool {
    name.split_once('@').is_some_and(|(_, provider)| provider != "file")
}

/// The server at an address with a port (`net.SplitHostPort`); `None`: Traefik leaves it out.
fn member(address: Named<'_>) -> Option<Member> {
    let (host, port) = split_host_port(address.name).filter(|_| address.name.contains(':'))?;
    let port = match port {
        "http" => Some(80),
        "https" => Some(443),
        port => port.parse().ok(),
    };
    Some(Member { address: address_of(host), port, at: address.at })
}

fn address_of(host: &str) -> BackendAddress {
    match host.parse() {
        Ok(address) => BackendAddress::Ip(address),
        Err(_) if host.is_empty() => BackendAddress::Ip(Ipv4Addr::LOCALHOST.into()),
        Err(_) => BackendAddress::Name(ServerText::new(host)),
    }
}

fn connect_timeout(limit: Option<Part<'_>>) -> (Duration, Option<Span>) {
    let lasts = limit.and_then(|it| {
        let text = it.text()?;
        text.parse().ok().map(Duration::from_secs).or_else(|| go_duration(text))
    });
    match (lasts, limit) {
        (Some(lasts), Some(limit)) => (lasts, Some(limit.at())),
        _ => (DIAL_TIMEOUT, None),
    }
}
