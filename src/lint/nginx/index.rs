//! What an nginx configuration has, by kind: servers and where they listen, groups of backends, maps.

use std::collections::HashMap;
use std::net::IpAddr;

use super::lexer::Word;
use super::tree::{Body, Directive, Tree};
use super::variables::has_variable;
use crate::lint::source::Span;
use crate::lint::way::TcpPlace;
use crate::model::configuration::Layer;
use crate::model::target::Family;

/// A configuration, by kind.
#[derive(Debug)]
pub struct Index<'t> {
    pub tree: &'t Tree,
    pub http: Side<'t>,
    pub stream: Side<'t>,
    /// Something outside of `http` and `stream` was not read, and may have either.
    pub unread: Option<&'t Directive>,
    /// A file for `conf.d`: it has the servers, and no `http` or `stream` around them.
    pub fragment_of: Option<Layer>,
}

/// All that stands in `http`, or in `stream`.
#[derive(Debug)]
pub struct Side<'t> {
    pub layer: Layer,
    /// All but the servers, of which there may be thousands.
    pub directives: Vec<&'t Directive>,
    /// By the name of the variable, without `$`; the last map of a variable counts.
    pub maps: HashMap<&'t str, &'t Directive>,
    /// Variables that other directives define while nginx runs.
    pub computed: HashMap<&'t str, &'t Directive>,
    pub upstreams: HashMap<&'t str, &'t Directive>,
    pub servers: Vec<Server<'t>>,
    pub unread: Option<&'t Directive>,
}

/// A `server`.
#[derive(Debug)]
pub struct Server<'t> {
    pub directive: &'t Directive,
    pub directives: &'t [Directive],
    pub listens: Vec<Listen<'t>>,
    pub names: Vec<&'t Word>,
}

/// A place at which a server listens.
#[derive(Debug, Clone)]
pub struct Listen<'t> {
    pub at: Span,
    pub place: ListenPlace<'t>,
    pub ends_tls: bool,
    pub reads_proxy_header: bool,
    pub is_default: bool,
    pub is_udp: bool,
    pub is_quic: bool,
}

/// An address or path at which a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenPlace<'t> {
    Tcp(TcpPlace),
    Unix(&'t str),
    /// A name that only the proxy resolves; with its port.
    Name(&'t str, u16),
    /// Not an address.
    Invalid,
}

impl ListenPlace<'_> {
    /// Whether a connection of this family to this port can arrive here.
    pub fn takes(&self, family: Family, port: u16) -> bool {
        self.tcp().is_some_and(|place| place.takes(family, port))
    }

    pub fn tcp(&self) -> Option<TcpPlace> {
        match self {
            Self::Tcp(place) => Some(*place),
            _ => None,
        }
    }

    /// The address, where it is one of its own.
    pub fn address(&self) -> Option<IpAddr> {
        self.tcp()?.address
    }
}

impl<'t> Index<'t> {
    pub fn new(tree: &'t Tree) -> Self {
        let block = |name: &str| {
            tree.directives.iter().find(|directive| directive.is(name)).and_then(Directive::block)
        };
        let fragment_of = fragment_layer(&tree.directives);
        let of_layer = |layer: Layer, name: &str| match fragment_of {
            Some(fragment) if fragment == layer => Some(&tree.directives[..]),
            Some(_) => None,
            None => block(name),
        };
        Self {
            tree,
            http: Side::new(Layer::Http, of_layer(Layer::Http, "http")),
            stream: Side::new(Layer::Tcp, of_layer(Layer::Tcp, "stream")),
            unread: tree.directives.iter().find(|directive| is_unread_servers(directive)),
            fragment_of,
        }
    }

    /// Where it depends on the version whether nginx starts: from 1.25.5 on `server_name` may stand in `stream`, and
    /// several servers there may have one address.
    pub fn needs_version(&self) -> Option<Span> {
        let mut places: Vec<&ListenPlace<'t>> = Vec::new();
        for server in &self.stream.servers {
            if let Some(name) = server.names.first() {
                return Some(name.span);
            }
            let before = places.len();
            for listen in &server.listens {
                if places[..before].contains(&&listen.place) {
                    return Some(listen.at);
                }
                places.push(&listen.place);
            }
        }
        None
    }

    pub fn sides(&self) -> [&Side<'t>; 2] {
        [&self.stream, &self.http]
    }
}

/// The layer of a file that is made to be included in `http` or `stream`.
fn fragment_layer(directives: &[Directive]) -> Option<Layer> {
    let is_whole = ["http", "stream", "events", "mail"];
    if directives.iter().any(|directive| is_whole.iter().any(|name| directive.is(name))) {
        return None;
    }
    let servers = || directives.iter().filter(|directive| directive.is("server"));
    if servers().next().is_none() && !directives.iter().any(|directive| directive.is("upstream")) {
        return None;
    }
    let is_tcp = |server: &Directive| {
        server.block().unwrap_or_default().iter().any(|inner| inner.is("proxy_pass"))
    };
    Some(if servers().any(is_tcp) { Layer::Tcp } else { Layer::Http })
}

/// An `include` that was not read and may hold servers. Files that distributions put there hold none.
fn is_unread_servers(directive: &Directive) -> bool {
    const WITHOUT_SERVERS: [&str; 7] = [
        "mime.types",
        "modules-enabled",
        "modules/",
        "fastcgi",
        "uwsgi_params",
        "options-ssl-nginx",
        "proxy_params",
    ];
    let path = directive.arg(0).unwrap_or_default();
    matches!(directive.body, Body::Unread)
        && !WITHOUT_SERVERS.iter().any(|part| path.contains(part))
}

impl<'t> Side<'t> {
    fn new(layer: Layer, block: Option<&'t [Directive]>) -> Self {
        let directives = block.unwrap_or_default();
        let mut side = Self {
            layer,
            directives: directives.iter().filter(|directive| !directive.is("server")).collect(),
            maps: HashMap::new(),
            computed: HashMap::new(),
            upstreams: HashMap::new(),
            servers: Vec::new(),
            unread: directives.iter().find(|directive| is_unread_servers(directive)),
        };
        for directive in directives {
            side.take(directive);
        }
        side
    }

    fn take(&mut self, directive: &'t Directive) {
        match (directive.name.text.as_str(), directive.block()) {
            ("map", Some(_)) => {
                let variable = directive.arg(1).and_then(|name| name.strip_prefix('$'));
                self.maps.extend(variable.map(|name| (name, directive)));
            }
            ("upstream", Some(_)) => {
                self.upstreams.extend(directive.arg(0).map(|name| (name, directive)));
            }
            ("server", Some(inner)) => {
                self.servers.push(Server::new(directive, inner, self.layer));
                self.take_computed(inner);
            }
            _ => self.take_computed(std::slice::from_ref(directive)),
        }
    }

    /// Whatever names a variable as a word of its own, and is not known to read it, may define it.
    fn take_computed(&mut self, directives: &'t [Directive]) {
        for directive in directives {
            if !READS_VARIABLES.contains(&directive.name.text.as_str()) {
                let words = std::iter::once(&directive.name).chain(&directive.args);
                let names = words.filter_map(|word| word.text.strip_prefix('$'));
                self.computed.extend(names.map(|name| (name, directive)));
            }
            if !directive.is("map") {
                self.take_computed(directive.block().unwrap_or_default());
            }
        }
    }

    /// A directive of the innermost of these blocks that has it.
    pub fn setting(&self, inner: &[&'t [Directive]], name: &str) -> Option<&'t Directive> {
        let of_block = |block: &&'t [Directive]| block.iter().find(|directive| directive.is(name));
        let of_side = || self.directives.iter().copied().find(|directive| directive.is(name));
        inner.iter().find_map(of_block).or_else(of_side)
    }

    /// All of its kind in the innermost of these blocks that has one.
    pub fn settings(&self, inner: &[&'t [Directive]], name: &str) -> Vec<&'t Directive> {
        self.innermost(inner, |directive| directive.is(name))
    }

    /// All that are wanted in the innermost of these blocks that has one.
    pub fn innermost(
        &self,
        inner: &[&'t [Directive]],
        is_wanted: impl Fn(&Directive) -> bool,
    ) -> Vec<&'t Directive> {
        for block in inner {
            let all: Vec<_> = block.iter().filter(|directive| is_wanted(directive)).collect();
            if !all.is_empty() {
                return all;
            }
        }
        self.directives.iter().copied().filter(|directive| is_wanted(directive)).collect()
    }

    pub fn is_on(&self, inner: &[&'t [Directive]], name: &str) -> bool {
        self.setting(inner, name).is_some_and(|directive| directive.arg(0) == Some("on"))
    }
}

/// A certificate and its key, as a server names them.
pub struct CertificatePair<'t> {
    pub certificate: &'t Word,
    /// `None`: a key is missing, which keeps nginx from starting.
    pub key: Option<&'t Word>,
    /// A variable is in one of the names of the server: all are opened for each handshake.
    pub is_opened_per_handshake: bool,
}

/// The certificates of a server with these blocks, each with its key.
pub fn certificate_pairs<'t>(
    side: &Side<'t>,
    blocks: &[&'t [Directive]],
) -> Vec<CertificatePair<'t>> {
    let words = |name: &str| -> Vec<&'t Word> {
        let all = side.settings(blocks, name);
        all.into_iter().filter_map(|directive| directive.args.first()).collect()
    };
    let (certificates, keys) = (words("ssl_certificate"), words("ssl_certificate_key"));
    let mut all = certificates.iter().chain(&keys);
    let is_opened_per_handshake = all.any(|word| has_variable(&word.text));
    let pairs = certificates.iter().enumerate().map(|(index, certificate)| CertificatePair {
        certificate,
        key: keys.get(index).copied(),
        is_opened_per_handshake,
    });
    pairs.collect()
}

/// The files of a pair that nginx opens when it starts.
pub fn opened_at_start<'t>(pair: &CertificatePair<'t>) -> Option<(&'t Word, Option<&'t Word>)> {
    let is_opened = !pair.is_opened_per_handshake && is_path(&pair.certificate.text);
    is_opened.then_some((pair.certificate, pair.key.filter(|key| is_path(&key.text))))
}

/// Whether the name of a certificate or key is that of a file: nginx takes both also from a variable, a device or a
/// store.
pub fn is_path(name: &str) -> bool {
    !["data:", "engine:", "store:"].iter().any(|start| name.starts_with(start))
}

/// A path as nginx takes it, with the directory of the main file.
pub fn full_path(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        path.to_owned()
    } else {
        [directory, path].join("/")
    }
}

/// Directives that only read the variables in their words.
const READS_VARIABLES: &[&str] = &[
    "access_log",
    "add_header",
    "alias",
    "error_page",
    "expires",
    "fastcgi_param",
    "fastcgi_pass",
    "hash",
    "if",
    "grpc_pass",
    "limit_conn_zone",
    "limit_rate",
    "limit_req_zone",
    "log_format",
    "map",
    "proxy_bind",
    "proxy_cache_bypass",
    "proxy_cache_key",
    "proxy_no_cache",
    "proxy_pass",
    "proxy_redirect",
    "proxy_set_header",
    "proxy_ssl_name",
    "proxy_upload_rate",
    "proxy_download_rate",
    "return",
    "rewrite",
    "root",
    "secure_link",
    "secure_link_md5",
    "server_name",
    "ssl_certificate",
    "ssl_certificate_key",
    "sub_filter",
    "try_files",
    "uwsgi_param",
    "uwsgi_pass",
    "set_real_ip_from",
    "real_ip_header",
    "proxy_cache",
    "add_trailer",
    "auth_basic",
    "split_clients",
    "sticky",
    "resolver",
];

impl<'t> Server<'t> {
    fn new(directive: &'t Directive, directives: &'t [Directive], layer: Layer) -> Self {
        let all_tls = layer == Layer::Http
            && directives.iter().any(|inner| inner.is("ssl") && inner.arg(0) == Some("on"));
        let of = |name: &'static str| directives.iter().filter(move |inner| inner.is(name));
        let mut listens: Vec<Listen<'t>> =
            of("listen").filter_map(|listen| Listen::new(listen, layer)).collect();
        if listens.is_empty() && layer == Layer::Http {
            listens.push(Listen::default_of(directive));
        }
        for listen in &mut listens {
            listen.ends_tls |= all_tls;
        }
        Self {
            directive,
            directives,
            listens,
            names: of("server_name").flat_map(|names| &names.args).collect(),
        }
    }
}

impl<'t> Listen<'t> {
    fn new(directive: &'t Directive, layer: Layer) -> Option<Self> {
        let address = directive.arg(0)?;
        let has = |word: &str| directive.args.iter().skip(1).any(|arg| arg.text == word);
        Some(Self {
            at: directive.span(),
            place: listen_place(address, has("ipv6only=off"), layer),
            ends_tls: has("ssl"),
            reads_proxy_header: has("proxy_protocol"),
            is_default: has("default_server") || has("default"),
            is_udp: has("udp"),
            is_quic: has("quic"),
        })
    }

    /// An `http` server without `listen`.
    fn default_of(directive: &'t Directive) -> Self {
        const HTTP: u16 = 80;
        Self {
            at: directive.name.span,
            place: ListenPlace::Tcp(TcpPlace {
                address: None,
                takes_v4: true,
                takes_v6: false,
                first: HTTP,
                last: HTTP,
            }),
            ends_tls: false,
            reads_proxy_header: false,
            is_default: false,
            is_udp: false,
            is_quic: false,
        }
    }
}

fn listen_place(text: &str, also_v4: bool, layer: Layer) -> ListenPlace<'_> {
    if let Some(path) = text.strip_prefix("unix:") {
        return ListenPlace::Unix(path);
    }
    let of = |address: Option<IpAddr>, is_v6: bool, (first, last): (u16, u16)| {
        let takes_v4 = !is_v6 || also_v4 && address.is_none();
        ListenPlace::Tcp(TcpPlace { address, takes_v4, takes_v6: is_v6, first, last })
    };
    if let Some(ports) = port_range(text) {
        return of(None, false, ports);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return ListenPlace::Invalid;
    }
    let (host, ports) = host_and_ports(text);
    let ports = match ports {
        Some(ports) => port_range(ports),
        // `listen 127.0.0.1;` means port 80 in `http`, and is refused in `stream`.
        None => (layer == Layer::Http).then_some((80, 80)),
    };
    let Some(ports) = ports else { return ListenPlace::Invalid };
    if host == "*" {
        return of(None, false, ports);
    }
    if host == "localhost" {
        return of(Some(IpAddr::from([127, 0, 0, 1])), false, ports);
    }
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => {
            of(Some(address).filter(|address| !address.is_unspecified()), address.is_ipv6(), ports)
        }
        Err(_) if host.starts_with('[') => ListenPlace::Invalid,
        Err(_) => ListenPlace::Name(host, ports.0),
    }
}

/// The host and what comes after its colon.
pub fn host_and_ports(text: &str) -> (&str, Option<&str>) {
    if text.starts_with('[') {
        return match text.split_once("]:") {
            Some((host, ports)) => (&text[..=host.len()], Some(ports)),
            None => (text, None),
        };
    }
    match text.rsplit_once(':') {
        Some((host, ports)) => (host, Some(ports)),
        None => (text, None),
    }
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        Some((first, last)) => {
            Some((port(first)?, port(last)?)).filter(|(first, last)| first <= last)
        }
        None => port(text).map(|port| (port, port)),
    }
}
