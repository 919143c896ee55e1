//! The parts of a Caddy configuration that decide where connections go.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use crate::lint::certificates::{CertificateReader, FileOfPair, NamedPath, start_fault};
use crate::lint::source::{Sources, Span};
use crate::lint::way::{TcpPlace, split_host_port};
use crate::lint::yaml::{Entry, Node, Place};
use crate::model::facts::{CertificateFile, ProxyFaultKind, ServerText};
use crate::model::name::DomainName;
use crate::model::target::Family;

/// The ports of plain HTTP and of HTTPS, unless `http_port` and `https_port` say otherwise (RFC 9110 section 4.2).
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// Where something stands in the only file.
pub fn span(place: Place) -> Span {
    Span::of(0, place)
}

pub fn span_of(node: &Node) -> Span {
    span(node.place)
}

/// What Caddy is told to do.
pub struct CaddyConfig<'t> {
    pub servers: Vec<Server<'t>>,
    pub http_port: u16,
    pub https_port: u16,
    pub certificates: Certificates<'t>,
    pub faults: Vec<(Span, ProxyFaultKind)>,
}

/// Which app has a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    Layer4,
    Http,
}

/// A server of an app.
pub struct Server<'t> {
    pub app: App,
    pub name: &'t str,
    pub at: Span,
    pub node: &'t Node,
    pub listens: Vec<Listen<'t>>,
}

/// An address on which a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Listen<'t> {
    pub network: Network,
    pub host: ListenHost<'t>,
    /// The first and the last port. 0: the system chooses one.
    pub ports: (u16, u16),
    pub at: Span,
}

/// The transport of a network address of Caddy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Tcp {
        takes_v4: bool,
        takes_v6: bool,
    },
    Udp,
    Unix,
    /// A file descriptor, or a network of a plugin.
    Other,
}

/// The host of a network address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenHost<'t> {
    Any,
    Ip(IpAddr),
    /// A name, the path of a socket, or a placeholder.
    Name(&'t str),
}

impl Listen<'_> {
    /// `None`: not TCP, or at a name that the proxy resolves.
    pub fn place(&self) -> Option<TcpPlace> {
        let Network::Tcp { takes_v4, takes_v6 } = self.network else { return None };
        let address = match self.host {
            ListenHost::Any => None,
            ListenHost::Ip(address) => Some(address),
            // Go takes the first address of a name, and one of IPv4 before those of IPv6.
            ListenHost::Name("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
            ListenHost::Name(_) => return None,
        };
        let of_address = |family| address.is_none_or(|address| Family::of(address) == family);
        Some(TcpPlace {
            address,
            takes_v4: takes_v4 && of_address(Family::V4),
            takes_v6: takes_v6 && of_address(Family::V6),
            first: self.ports.0,
            last: self.ports.1,
        })
    }

    /// Whether a connection of this family to this port arrives here.
    pub fn takes(&self, family: Family, port: u16) -> bool {
        self.place().is_some_and(|place| place.takes(family, port))
    }

    pub fn address(&self) -> Option<IpAddr> {
        self.place().and_then(|place| place.address)
    }

    pub fn is_loopback(&self) -> bool {
        self.address().is_some_and(|address| address.is_loopback())
    }
}

/// A network address: `[network/]host:port` (`caddy.ParseNetworkAddress`).
pub fn parse_address(text: &str, at: Span) -> Option<Listen<'_>> {
    let (network, rest) = match text.split_once('/') {
        Some((network, rest)) => (network, rest),
        None => ("tcp", text),
    };
    let both = Network::Tcp { takes_v4: true, takes_v6: true };
    let network = match network {
        "tcp" | "" => both,
        "tcp4" => Network::Tcp { takes_v4: true, takes_v6: false },
        "tcp6" => Network::Tcp { takes_v4: false, takes_v6: true },
        "udp" | "udp4" | "udp6" => Network::Udp,
        "unix" => Network::Unix,
        _ => Network::Other,
    };
    if matches!(network, Network::Unix | Network::Other) {
        return Some(Listen { network, host: ListenHost::Name(rest), ports: (0, 0), at });
    }
    let (host, port) = split_host_port(rest)?;
    let ports = match port.split_once('-') {
        _ if port.is_empty() => (0, 0),
        Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
        None => {
            let port = port.parse().ok()?;
            (port, port)
        }
    };
    if ports.0 > ports.1 {
        return None;
    }
    let host = match host.parse::<IpAddr>() {
        // Go takes connections of both families at the address of either that stands for all.
        Ok(address) if address.is_unspecified() => ListenHost::Any,
        Ok(address) => ListenHost::Ip(address),
        Err(_) if host.is_empty() => ListenHost::Any,
        Err(_) => ListenHost::Name(host),
    };
    Some(Listen { network, host, ports, at })
}

/// Handlers that only the app `layer4` has.
const LAYER4_HANDLERS: [&str; 8] =
    ["close", "echo", "proxy", "proxy_protocol", "socks5", "tee", "throttle", "tls"];

/// Handlers that only the app `http` has.
const HTTP_HANDLERS: [&str; 22] = [
    "acme_server",
    "authentication",
    "copy_response",
    "copy_response_headers",
    "encode",
    "error",
    "file_server",
    "headers",
    "intercept",
    "invoke",
    "log_append",
    "map",
    "metrics",
    "push",
    "request_body",
    "reverse_proxy",
    "rewrite",
    "static_response",
    "templates",
    "timeouts",
    "tracing",
    "vars",
];

/// Whether an address can be dialled: it names one port, unless a placeholder is in it.
fn can_dial(text: &str) -> bool {
    let at = Span { file: 0, start: 0, end: 0 };
    text.contains('{')
        || parse_address(text, at).is_some_and(|place| place.ports.0 == place.ports.1)
}

/// From where Caddy takes its certificates.
#[derive(Default)]
pub struct Certificates<'t> {
    /// Names for which it gets them itself; `*.` stands for one label.
    pub managed: Vec<&'t str>,
    /// The files that it loads when it starts.
    pub loaded: Vec<LoadedFile<'t>>,
    /// It loads more, from folders, its storage, or the configuration itself.
    pub has_more: Option<Span>,
    /// Whether it gets one for any name while users connect.
    pub on_demand: Option<Span>,
}

/// A certificate with its key, each in a file.
#[derive(Debug, Clone, Copy)]
pub struct LoadedFile<'t> {
    pub certificate: &'t Node,
    pub key: Option<&'t Node>,
}

impl LoadedFile<'_> {
    pub fn path(&self) -> &str {
        self.certificate.text().unwrap_or_default()
    }

    /// What the files hold. `None`: their names begin in the directory in which Caddy is started.
    pub fn read(
        &self,
        sources: &Sources,
        reader: &CertificateReader<'_>,
    ) -> Option<Rc<CertificateFile>> {
        let named = |node: &Node| {
            let path = node.text().filter(|path| path.starts_with('/') && !path.contains('{'))?;
            Some(NamedPath { path: path.to_owned(), at: sources.location(span_of(node)) })
        };
        let key = self.key.and_then(named);
        Some(reader.read(&named(self.certificate)?, key.as_ref(), false))
    }
}

impl Certificates<'_> {
    /// Whether a loaded one is for this name. `None`: not all could be read.
    pub fn has(
        &self,
        name: &str,
        sources: &Sources,
        reader: &CertificateReader<'_>,
    ) -> Option<bool> {
        let asked: Option<DomainName> = name.parse().ok();
        let mut is_known = self.has_more.is_none();
        for loaded in &self.loaded {
            loaded.read(sources, reader);
            let Some(asked) = &asked else { continue };
            match reader.covers(loaded.path(), asked) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_known = false,
            }
        }
        is_known.then_some(false)
    }

    /// Files with which Caddy does not start.
    pub fn check_files(
        &self,
        sources: &Sources,
        reader: &CertificateReader<'_>,
    ) -> Vec<(Span, ProxyFaultKind)> {
        let fault = |loaded: &LoadedFile<'_>| {
            let file = loaded.read(sources, reader)?;
            let (which, what) = start_fault(&file, loaded.path(), loaded.key.and_then(Node::text))?;
            let key = loaded.key.filter(|_| which == FileOfPair::Key);
            Some((span_of(key.unwrap_or(loaded.certificate)), what))
        };
        self.loaded.iter().filter_map(fault).collect()
    }
}

impl<'t> CaddyConfig<'t> {
    pub fn new(root: &'t Node) -> Self {
        let port = |key: &str, default: u16| {
            let text = root.below(&["apps", "http", key]).and_then(Node::text);
            text.and_then(|text| text.parse().ok()).filter(|port| *port > 0).unwrap_or(default)
        };
        let mut config = Self {
            servers: Vec::new(),
            http_port: port("http_port", HTTP),
            https_port: port("https_port", HTTPS),
            certificates: Certificates::default(),
            faults: Vec::new(),
        };
        for (app, key) in [(App::Layer4, "layer4"), (App::Http, "http")] {
            let servers = root.below(&["apps", key, "servers"]);
            for entry in servers.map_or(&[][..], Node::entries) {
                config.add_server(app, entry);
            }
            if let Some(servers) = servers {
                config.check_lists(servers);
                config.check_handlers(app, servers);
            }
        }
        let loaded = root.below(&["apps", "tls", "certificates"]);
        for file in loaded.map_or(&[][..], |certificates| certificates.list("load_files")) {
            for needed in ["certificate", "key"] {
                config.check_has("load_files", file, needed);
            }
        }
        // Caddy takes servers by their names.
        config.servers.sort_by_key(|server| (server.app == App::Http, server.name));
        config.check_ports();
        config.certificates = config.read_certificates(root);
        config
    }

    fn add_server(&mut self, app: App, entry: &'t Entry) {
        let mut listens = Vec::new();
        for item in entry.value.list("listen") {
            let Some(text) = item.text() else { continue };
            match parse_address(text, span_of(item)) {
                Some(listen) => listens.push(listen),
                None if text.contains('{') => {
                    let host = ListenHost::Name(text);
                    let network = Network::Other;
                    listens.push(Listen { network, host, ports: (0, 0), at: span_of(item) });
                }
                None => self.fault(item, ProxyFaultKind::InvalidValue(ServerText::new("listen"))),
            }
        }
        self.servers.push(Server {
            app,
            name: &entry.key,
            at: span(entry.key_place),
            node: &entry.value,
            listens,
        });
    }

    fn fault(&mut self, at: &Node, what: ProxyFaultKind) {
        self.faults.push((span_of(at), what));
    }

    /// A text where Caddy takes only a list: it does not start.
    fn check_lists(&mut self, node: &Node) {
        const LISTS: [&str; 5] = ["listen", "routes", "handle", "upstreams", "sni"];
        for entry in node.entries() {
            if LISTS.contains(&entry.key.as_str())
                && entry.value.text().is_some_and(|text| !matches!(text, "" | "null" | "~"))
            {
                let name = ServerText::new(&entry.key);
                self.fault(&entry.value, ProxyFaultKind::InvalidValue(name));
            }
            self.check_lists(&entry.value);
        }
        for item in node.items() {
            self.check_lists(item);
        }
    }

    /// Handlers that cannot be provisioned: Caddy does not start. Those of modules that are not known here may be.
    fn check_handlers(&mut self, app: App, node: &'t Node) {
        let wrapper = node.get("wrapper").and_then(Node::text);
        let app = if wrapper == Some("layer4") { App::Layer4 } else { app };
        for (list, key) in [("handle", "handler"), ("listener_wrappers", "wrapper")] {
            for item in node.list(list) {
                self.check_has(list, item, key);
            }
        }
        for name in ["selection", "selection_policy"] {
            if let Some(policy) = node.get(name) {
                self.check_has(name, policy, "policy");
            }
        }
        let wrappers = node.list("listener_wrappers").iter();
        let ends_tls =
            |it: &(usize, &'t Node)| it.1.get("wrapper").and_then(Node::text) == Some("tls");
        for (count, (index, wrapper)) in wrappers.enumerate().filter(ends_tls).enumerate() {
            let name = ServerText::new("tls");
            if index == 0 {
                let within = Some(ServerText::new("listener_wrappers"));
                self.fault(wrapper, ProxyFaultKind::Misplaced { name, within });
            } else if count > 0 {
                self.fault(wrapper, ProxyFaultKind::Twice(name));
            }
        }
        for item in node.list("handle").iter().filter_map(|item| item.get("handler")) {
            let name = item.text().unwrap_or_default();
            let (others, within) = match app {
                App::Layer4 => (&HTTP_HANDLERS[..], "layer4"),
                App::Http => (&LAYER4_HANDLERS[..], "http"),
            };
            if others.contains(&name) {
                let name = ServerText::new(name);
                let within = Some(ServerText::new(within));
                self.fault(item, ProxyFaultKind::Misplaced { name, within });
            }
        }
        let handler = node.get("handler").and_then(Node::text);
        let invalid = |key: &str| ProxyFaultKind::InvalidValue(ServerText::new(key));
        match (app, handler) {
            (_, Some("proxy")) => {
                let upstreams = node.list("upstreams");
                if upstreams.is_empty() {
                    let [name, needed] = ["proxy", "upstreams"].map(ServerText::new);
                    let what = ProxyFaultKind::Lacks { name, needed };
                    self.fault(node.get("handler").unwrap_or(node), what);
                }
                for dial in upstreams.iter().flat_map(|upstream| upstream.list("dial")) {
                    if !can_dial(dial.text().unwrap_or_default()) {
                        self.fault(dial, invalid("dial"));
                    }
                }
                self.check_version_of_header(node);
            }
            (App::Http, Some("reverse_proxy")) => {
                // What it cannot dial is found out for each request.
                if let Some(transport) = node.get("transport") {
                    self.check_version_of_header(transport);
                }
            }
            _ => {}
        }
        node.entries().iter().for_each(|entry| self.check_handlers(app, &entry.value));
        node.items().iter().for_each(|item| self.check_handlers(app, item));
    }

    /// A part of a module that says which one it is.
    fn check_has(&mut self, name: &str, part: &Node, key: &str) {
        if part.get(key).is_none() {
            let [name, needed] = [name, key].map(ServerText::new);
            self.fault(part, ProxyFaultKind::Lacks { name, needed });
        }
    }

    fn check_version_of_header(&mut self, node: &Node) {
        let Some(version) = node.get("proxy_protocol") else { return };
        let text = version.text().unwrap_or_default();
        if !matches!(text, "" | "v1" | "v2") && !text.contains('{') {
            let name = ServerText::new("proxy_protocol");
            self.fault(version, ProxyFaultKind::InvalidValue(name));
        }
    }

    /// Two servers of the `http` app with one address: Caddy does not start.
    fn check_ports(&mut self) {
        let mut seen: Vec<Listen<'t>> = Vec::new();
        let mut twice = Vec::new();
        for server in self.servers.iter().filter(|server| server.app == App::Http) {
            for listen in &server.listens {
                let is_same = |other: &Listen<'t>| {
                    (other.network, other.host, other.ports)
                        == (listen.network, listen.host, listen.ports)
                };
                if listen.ports.0 > 0 && seen.iter().any(is_same) {
                    twice.push((listen.at, listen.ports.0));
                }
                seen.push(*listen);
            }
        }
        let fault = |port: u16| ProxyFaultKind::PortTwice(ServerText::new(&port.to_string()));
        self.faults.extend(twice.into_iter().map(|(at, port)| (at, fault(port))));
    }

    fn read_certificates(&self, root: &'t Node) -> Certificates<'t> {
        let mut certificates = Certificates::default();
        if let Some(tls) = root.below(&["apps", "tls"]) {
            let sources = tls.get("certificates");
            for source in sources.map_or(&[][..], Node::entries) {
                for item in source.value.items() {
                    match (source.key.as_str(), item.get("certificate"), item.text()) {
                        ("automate", _, Some(name)) => certificates.managed.push(name),
                        ("load_files", Some(certificate), _) => {
                            let key = item.get("key");
                            certificates.loaded.push(LoadedFile { certificate, key });
                        }
                        _ => {
                            certificates.has_more.get_or_insert(span_of(item));
                        }
                    }
                }
            }
            for policy in tls.get("automation").map_or(&[][..], |it| it.list("policies")) {
                if let Some(on_demand) = policy.get("on_demand").filter(|it| it.is_true()) {
                    certificates.on_demand = Some(span_of(on_demand));
                }
            }
        }
        for server in self.servers.iter().filter(|server| self.makes_https(server)) {
            let settings = server.node.get("automatic_https");
            if settings.and_then(|it| it.get("disable_certificates")).is_some_and(Node::is_true) {
                continue;
            }
            certificates.managed.extend(self.own_names(server));
        }
        certificates
    }

    /// Whether automatic HTTPS is on for a server.
    pub fn makes_https(&self, server: &Server<'_>) -> bool {
        let settings = server.node.get("automatic_https");
        let is_off = settings.and_then(|it| it.get("disable")).is_some_and(Node::is_true);
        let is_elsewhere = |listen: &Listen<'_>| listen.ports != (self.http_port, self.http_port);
        server.app == App::Http && !is_off && server.listens.iter().any(is_elsewhere)
    }

    /// Whether a server of the `http` app ends TLS on this port.
    pub fn ends_tls(&self, server: &Server<'_>, port: u16) -> bool {
        if port == self.http_port {
            return false;
        }
        let policies = server.node.get("tls_connection_policies");
        if policies.is_some_and(|policies| !policies.items().is_empty()) {
            return true;
        }
        if policies.is_some() || !self.makes_https(server) {
            return false;
        }
        let is_https = |listen: &Listen<'_>| listen.ports == (self.https_port, self.https_port);
        server.listens.iter().all(is_https) || !hosts_of(server.node).is_empty()
    }

    /// The port to which automatic HTTPS redirects, where a `Location` has to name it.
    pub fn port_of_redirect(&self, server: &Server<'_>) -> Option<u16> {
        let ports = || server.listens.iter().map(|listen| listen.ports.0);
        let port = ports().find(|port| *port == self.https_port).or_else(|| ports().next())?;
        let is_usual = [HTTP, HTTPS, self.http_port, self.https_port].contains(&port);
        (!is_usual).then_some(port)
    }

    /// Whether automatic HTTPS gets a certificate for any name: one that is loaded already needs none. `None`: the
    /// names in loaded ones were not read.
    pub fn gets_certificates(
        &self,
        sources: &Sources,
        reader: &CertificateReader<'_>,
    ) -> Option<bool> {
        let mut is_known = true;
        for server in self.servers.iter().filter(|server| self.makes_https(server)) {
            let settings = server.node.get("automatic_https");
            let is_on = |key: &str| settings.and_then(|it| it.get(key)).is_some_and(Node::is_true);
            if is_on("disable_certificates") {
                continue;
            }
            for name in self.own_names(server) {
                let is_loaded = match is_on("ignore_loaded_certificates") {
                    true => Some(false),
                    false => self.certificates.has(name, sources, reader),
                };
                match is_loaded {
                    Some(false) => return Some(true),
                    Some(true) => {}
                    None => is_known = false,
                }
            }
        }
        is_known.then_some(false)
    }

    /// The names for which automatic HTTPS gets certificates for a server, if it does that at all.
    fn own_names(&self, server: &Server<'t>) -> Vec<&'t str> {
        let settings = server.node.get("automatic_https");
        let skipped: Vec<&str> = ["skip", "skip_certificates"]
            .iter()
            .flat_map(|key| settings.map_or(&[][..], |it| it.list(key)))
            .filter_map(Node::text)
            .collect();
        let names = hosts_of(server.node).into_iter().map(|(name, _)| name);
        names.filter(|name| !skipped.contains(name)).collect()
    }

    /// The names for which automatic HTTPS redirects from plain HTTP: of each server, with its port.
    pub fn redirects(&self) -> Vec<(&Server<'t>, Vec<&'t str>)> {
        let is_on = |server: &&Server<'t>| {
            let settings = server.node.get("automatic_https");
            let is_off = settings.and_then(|it| it.get("disable_redirects"));
            self.makes_https(server)
                && !is_off.is_some_and(Node::is_true)
                && server.listens.iter().any(|listen| self.ends_tls(server, listen.ports.0))
        };
        let skipped = |server: &Server<'t>| {
            let settings = server.node.get("automatic_https");
            settings.map_or(&[][..], |it| it.list("skip")).iter().filter_map(Node::text)
        };
        let names = |server: &Server<'t>| -> Vec<&'t str> {
            let skipped: Vec<&str> = skipped(server).collect();
            let hosts = hosts_of(server.node).into_iter().map(|(name, _)| name);
            hosts.filter(|name| !skipped.contains(name)).collect()
        };
        self.servers.iter().filter(is_on).map(|server| (server, names(server))).collect()
    }
}

/// The names in the `host` matchers of a server's own routes: those of subroutes make no certificates.
pub fn hosts_of(server: &Node) -> Vec<(&str, Span)> {
    let routes = server.list("routes").iter();
    let sets = routes.flat_map(|route| route.list("match"));
    let names = sets.flat_map(|set| set.list("host"));
    names.filter_map(|name| Some((name.text()?, span_of(name)))).collect()
}

/// Whether a name in a ClientHello fits a pattern, or the name of a certificate (`certmagic.MatchWildcard`): its first
/// labels may be `*`.
pub fn fits_first_labels(pattern: &str, name: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let mut labels: Vec<&str> = name.split('.').collect();
    pattern == name
        || (0..labels.len()).any(|index| {
            let is_label = !labels[index].is_empty();
            if is_label {
                labels[index] = "*";
            }
            is_label && labels.join(".") == pattern
        })
}

/// Whether a host fits a pattern, any of whose labels may be `*`.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.trim_end_matches('.'), name.trim_end_matches('.'));
    if pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    let (parts, labels): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), name.split('.').collect());
    let fits = |(part, label): (&&str, &&str)| *part == "*" || part.eq_ignore_ascii_case(label);
    pattern.contains('*') && parts.len() == labels.len() && parts.iter().zip(&labels).all(fits)
}
