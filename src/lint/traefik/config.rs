//! The parts of a Traefik configuration that decide where connections go.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::keys::parse_bool;
use super::rule::Rule;
use super::services::is_elsewhere;
use crate::lint::source::Span;
use crate::lint::way::{TcpPlace, split_host_port};
use crate::lint::yaml::{Content, Node};
use crate::model::configuration::{Undecided, UnusedBecause};
use crate::model::facts::{ProxyFaultKind, ServerText};
use crate::model::target::Family;

/// The port of the entry point that Traefik makes if it has none, and of its own one.
const DEFAULT_ADDRESS: &str = ":80";
const OWN_ADDRESS: &str = ":8080";

/// The name of the entry point for Traefik's own pages.
const OWN_ENTRY_POINT: &str = "traefik";

/// The priority of the redirection of an entry point, and of Traefik's own routers.
const OF_REDIRECTION: i64 = i64::MAX - 1;
const HIGHEST: i64 = i64::MAX;
/// The highest one that a router of a file may have.
const HIGHEST_OF_FILES: i64 = i64::MAX - 1000;

/// A node with the number of its file.
#[derive(Debug, Clone, Copy)]
pub struct Part<'t> {
    pub file: u32,
    pub node: &'t Node,
}

impl<'t> Part<'t> {
    pub fn at(self) -> Span {
        Span::of(self.file, self.node.place)
    }

    /// The entries of a mapping, with the places of their keys. Traefik passes over empty ones.
    pub fn entries(self) -> impl Iterator<Item = (&'t str, Span, Self)> {
        let entries = self.node.entries().iter().filter(|entry| !entry.value.is_null());
        entries.map(move |entry| {
            let at = Span::of(self.file, entry.key_place);
            (entry.key.as_str(), at, Self { file: self.file, node: &entry.value })
        })
    }

    /// The value of a key, which Traefik takes however it is spelled in upper and lower case.
    pub fn get(self, key: &str) -> Option<Self> {
        let entries = self.entries().filter(|(own, ..)| own.eq_ignore_ascii_case(key));
        entries.last().map(|(.., part)| part)
    }

    pub fn below(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |part, key| part.get(key))
    }

    pub fn text(self) -> Option<&'t str> {
        self.node.text()
    }

    pub fn items(self) -> impl Iterator<Item = Self> {
        self.node.items().iter().map(move |node| Self { file: self.file, node })
    }

    /// The items of the list with this key.
    pub fn list(self, key: &str) -> Vec<Self> {
        self.get(key).map_or_else(Vec::new, |list| list.items().collect())
    }

    /// The texts of the list with this key, which may also be one text with commas.
    pub fn texts(self, key: &str) -> Vec<Named<'t>> {
        let Some(part) = self.get(key) else { return Vec::new() };
        if let Some(text) = part.text() {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            return words.map(|name| Named { name, at: part.at() }).collect();
        }
        part.items().filter_map(Self::named).collect()
    }

    /// The text of this key.
    pub fn word(self, key: &str) -> Option<Named<'t>> {
        self.get(key)?.named().filter(|word| !word.name.is_empty())
    }

    fn named(self) -> Option<Named<'t>> {
        Some(Named { name: self.text()?, at: self.at() })
    }

    pub fn number(self, key: &str) -> Option<i64> {
        self.get(key)?.text()?.parse().ok()
    }

    pub fn is_true(self, key: &str) -> bool {
        self.truth(key) == Some(true)
    }

    pub fn truth(self, key: &str) -> Option<bool> {
        parse_bool(self.get(key)?.text()?)
    }

    /// A part that may be empty, unless its text switches it off.
    pub fn enabled(self, key: &str) -> Option<Self> {
        let is_off = |part: &Self| match &part.node.content {
            Content::Scalar { text, .. } => !text.is_empty() && !text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        self.get(key).filter(|part| !is_off(part))
    }
}

/// A text of the configuration, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Named<'t> {
    pub name: &'t str,
    pub at: Span,
}

/// Whether a router takes connections, or the requests in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer4Or7 {
    Tcp,
    Http,
}

impl Layer4Or7 {
    pub fn key(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }
}

/// What Traefik is told to do.
pub struct Config<'t> {
    pub entry_points: Vec<EntryPoint<'t>>,
    pub routers: Vec<Router<'t>>,
    /// The sections that are read when Traefik starts. `None`: none of these files has one.
    pub fixed: Option<Part<'t>>,
    /// The roots of the files that the file provider loads.
    pub loaded: Vec<Part<'t>>,
    /// A part of the configuration that is not here.
    pub unread: Option<(Undecided, Span)>,
    /// What keeps Traefik from starting.
    pub start_faults: Vec<(Span, ProxyFaultKind)>,
    /// What Traefik passes over.
    pub faults: Vec<(Span, ProxyFaultKind)>,
    sections: BTreeMap<[&'static str; 2], Section<'t>>,
}

/// The named parts of a section.
type Section<'t> = BTreeMap<&'t str, (&'t str, Span, Part<'t>)>;

/// The sections of the files of the file provider whose parts have names.
const SECTIONS: [[&str; 2]; 10] = [
    ["tcp", "routers"],
    ["tcp", "services"],
    ["tcp", "middlewares"],
    ["tcp", "serversTransports"],
    ["http", "routers"],
    ["http", "services"],
    ["http", "middlewares"],
    ["http", "serversTransports"],
    ["tls", "options"],
    ["tls", "stores"],
];

/// An entry point.
#[derive(Debug)]
pub struct EntryPoint<'t> {
    pub name: &'t str,
    pub at: Span,
    /// `None`: one that Traefik makes itself.
    pub part: Option<Part<'t>>,
    pub listen: Listen<'t>,
}

/// Where an entry point listens.
#[derive(Debug, Clone, Copy)]
pub struct Listen<'t> {
    pub at: Span,
    pub host: Host<'t>,
    pub port: u16,
    pub is_udp: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'t> {
    Any,
    Ip(IpAddr),
    Name(&'t str),
}

impl Listen<'_> {
    /// `None`: not TCP, or at a name that the proxy resolves.
    pub fn place(&self) -> Option<TcpPlace> {
        let address = match self.host {
            _ if self.is_udp => return None,
            Host::Any => None,
            Host::Ip(address) => Some(address),
            Host::Name("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
            Host::Name(_) => return None,
        };
        let of_address = |family| address.is_none_or(|address| Family::of(address) == family);
        Some(TcpPlace {
            address,
            takes_v4: of_address(Family::V4),
            takes_v6: of_address(Family::V6),
            first: self.port,
            last: self.port,
        })
    }

    pub fn address(&self) -> Option<IpAddr> {
        self.place().and_then(|place| place.address)
    }
}

impl<'t> EntryPoint<'t> {
    fn new(name: &'t str, at: Span, part: Option<Part<'t>>, address: &'t str) -> Option<Self> {
        let address_at = part.and_then(|part| part.get("address")).map_or(at, Part::at);
        let (address, protocol) = address.split_once('/').unwrap_or((address, "tcp"));
        let is_udp = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => false,
            "udp" => true,
            _ => return None,
        };
        let (host, port) = match address {
            // Any free port.
            "" => ("", "0"),
            _ => split_host_port(address).filter(|_| address.contains(':'))?,
        };
        let port = match port {
            "" => 0,
            "http" => 80,
            "https" => 443,
            port => port.parse().ok()?,
        };
        let host = match host.parse::<IpAddr>() {
            // Go takes connections of both families at the address of either that stands for all.
            Ok(address) if address.is_unspecified() => Host::Any,
            Ok(address) => Host::Ip(address),
            Err(_) if host.is_empty() => Host::Any,
            Err(_) => Host::Name(host),
        };
        Some(Self { name, at, part, listen: Listen { at: address_at, host, port, is_udp } })
    }

    /// What is set for the routers of this entry point.
    pub fn http(&self) -> Option<Part<'t>> {
        self.part?.get("http")
    }

    pub fn middlewares(&self) -> Vec<Named<'t>> {
        self.http().map_or_else(Vec::new, |http| http.texts("middlewares"))
    }

    /// How it reads PROXY headers.
    pub fn proxy_protocol(&self) -> Option<Part<'t>> {
        self.part?.enabled("proxyProtocol")
    }

    pub fn http3(&self) -> Option<Part<'t>> {
        self.part?.enabled("http3")
    }
}

/// A router.
#[derive(Debug)]
pub struct Router<'t> {
    pub layer: Layer4Or7,
    pub name: &'t str,
    pub at: Span,
    pub entry_points: Vec<Named<'t>>,
    /// The text of its rule.
    pub rule: Named<'t>,
    /// `None`: Traefik does not understand it.
    pub tree: Option<Rule>,
    /// It is written in the language of Traefik 2.
    pub old_syntax: Option<Span>,
    pub priority: i64,
    pub tls: Option<Part<'t>>,
    pub middlewares: Vec<Named<'t>>,
    pub does: Does<'t>,
}

/// What a router does with what it takes.
#[derive(Debug)]
pub enum Does<'t> {
    Serves(Option<Named<'t>>),
    /// The redirection of an entry point.
    Redirects(Redirection<'t>),
    /// Traefik answers itself.
    Answers,
}

/// Where a redirection leads.
#[derive(Debug, Clone, Copy)]
pub struct Redirection<'t> {
    pub at: Span,
    pub scheme: &'t str,
    /// Empty: the usual one of the scheme.
    pub port: &'t str,
    pub is_permanent: bool,
    /// Its status is 308, whatever the method.
    pub is_forced: bool,
}

impl<'t> Router<'t> {
    fn new(layer: Layer4Or7, name: &'t str, at: Span, part: Part<'t>) -> Self {
        let rule = part.word("rule").unwrap_or(Named { name: "", at });
        let tree = Rule::parse(rule.name, layer);
        let is_last = layer == Layer4Or7::Tcp && tree.as_ref().is_some_and(Rule::catches_all);
        let by_rule = if is_last { -1 } else { i64::try_from(rule.name.len()).unwrap_or(i64::MAX) };
        let old = part.word("ruleSyntax").filter(|syntax| syntax.name == "v2");
        Self {
            layer,
            name,
            at,
            entry_points: part.texts("entryPoints"),
            rule,
            tree,
            old_syntax: old.map(|syntax| syntax.at),
            priority: part.number("priority").filter(|number| *number != 0).unwrap_or(by_rule),
            tls: part.enabled("tls"),
            middlewares: part.texts("middlewares"),
            does: Does::Serves(part.word("service")),
        }
    }

    /// One that Traefik makes itself.
    fn of_traefik(entry_point: Named<'t>, rule: &'static str, does: Does<'t>) -> Self {
        Self {
            layer: Layer4Or7::Http,
            name: "internal",
            at: entry_point.at,
            entry_points: vec![entry_point],
            rule: Named { name: rule, at: entry_point.at },
            tree: Rule::parse(rule, Layer4Or7::Http),
            old_syntax: None,
            priority: HIGHEST,
            tls: None,
            middlewares: Vec::new(),
            does,
        }
    }

    /// Whether it is for a name, and has no TLS, in which alone there are names.
    pub fn lacks_tls(&self) -> bool {
        let names = self.tree.as_ref().map(|tree| tree.names("HostSNI")).unwrap_or_default();
        self.layer == Layer4Or7::Tcp
            && self.tls.is_none()
            && names.first().is_some_and(|first| first != "*")
    }

    pub fn has_entry_point(&self, name: &str) -> bool {
        self.entry_points.iter().any(|own| own.name == name)
    }

    /// Whether TLS stays on the connections that it takes.
    pub fn passthrough(&self) -> Option<Part<'t>> {
        self.tls?.get("passthrough").filter(|it| it.text().and_then(parse_bool) == Some(true))
    }
}

impl<'t> Config<'t> {
    /// What these sections say. `loaded`: the roots of the files of the file provider.
    pub fn new(fixed: Option<Part<'t>>, loaded: Vec<Part<'t>>) -> Self {
        let mut config = Self {
            entry_points: Vec::new(),
            routers: Vec::new(),
            fixed,
            loaded,
            unread: None,
            start_faults: Vec::new(),
            faults: Vec::new(),
            sections: BTreeMap::new(),
        };
        for [realm, section] in SECTIONS {
            let all = section_of(&config.loaded, realm, section);
            config.sections.insert([realm, section], all);
        }
        if let Some(fixed) = fixed {
            config.read_entry_points(fixed);
            config.check_ports();
            config.read_own_routers(fixed);
        }
        config.read_routers();
        config
    }

    fn read_entry_points(&mut self, fixed: Part<'t>) {
        let start = fixed.at();
        for (name, at, part) in fixed.get("entryPoints").into_iter().flat_map(Part::entries) {
            let address = part.get("address");
            match EntryPoint::new(
                name,
                at,
                Some(part),
                address.and_then(Part::text).unwrap_or_default(),
            ) {
                Some(entry_point) => self.entry_points.push(entry_point),
                None => {
                    let what = ProxyFaultKind::InvalidValue(ServerText::new("address"));
                    self.start_faults.push((address.map_or(at, Part::at), what));
                }
            }
        }
        let is_own = |it: &EntryPoint<'_>| it.name == OWN_ENTRY_POINT;
        let has_others = self.entry_points.iter().any(|it| !is_own(it));
        let has_own = self.entry_points.iter().any(is_own);
        if !has_others && self.start_faults.is_empty() {
            self.entry_points.extend(EntryPoint::new("http", start, None, DEFAULT_ADDRESS));
        }
        let own_pages = fixed.enabled("api").is_some_and(|api| api.is_true("insecure"))
            || fixed.enabled("ping").is_some_and(|ping| {
                !ping.is_true("manualRouting")
                    && ping.word("entryPoint").is_none_or(|it| it.name == OWN_ENTRY_POINT)
            });
        if own_pages && !has_own {
            self.entry_points.extend(EntryPoint::new(OWN_ENTRY_POINT, start, None, OWN_ADDRESS));
        }
    }

    /// Two entry points with one address: Traefik does not start.
    fn check_ports(&mut self) {
        let shares = |it: &EntryPoint<'_>| it.part.is_some_and(|part| part.is_true("reusePort"));
        let overlaps = |one: &Listen<'_>, other: &Listen<'_>| {
            one.port == other.port
                && one.port > 0
                && one.is_udp == other.is_udp
                && (one.host == other.host || [one.host, other.host].contains(&Host::Any))
        };
        for (index, entry_point) in self.entry_points.iter().enumerate() {
            let earlier = &self.entry_points[..index];
            let taken = earlier.iter().any(|other| {
                overlaps(&entry_point.listen, &other.listen)
                    && !(shares(entry_point) && shares(other))
            });
            if taken {
                let port = ServerText::new(&entry_point.listen.port.to_string());
                self.start_faults.push((entry_point.listen.at, ProxyFaultKind::PortTwice(port)));
            }
        }
    }

    /// Redirections of entry points, and the answers to challenges of ACME (RFC 8555).
    fn read_own_routers(&mut self, fixed: Part<'t>) {
        let mut routers = Vec::new();
        for entry_point in &self.entry_points {
            let named = Named { name: entry_point.name, at: entry_point.at };
            let by_pass = entry_point.part.is_some_and(|part| part.is_true("allowACMEByPass"));
            let redirection = entry_point.http().and_then(|http| http.get("redirections"));
            let Some(part) = redirection.and_then(|it| it.get("entryPoint")) else { continue };
            let Some(to) = part.word("to") else { continue };
            let Some(port) = self.port_of(to.name) else {
                let [name, needed] = ["entryPoints", to.name].map(ServerText::new);
                self.faults.push((to.at, ProxyFaultKind::Lacks { name, needed }));
                continue;
            };
            let rule = match by_pass {
                true => "HostRegexp(`^.+$`) && !PathPrefix(`/.well-known/acme-challenge/`)",
                false => "HostRegexp(`^.+$`)",
            };
            let does = Does::Redirects(Redirection {
                at: to.at,
                scheme: part.word("scheme").map_or("https", |scheme| scheme.name),
                port,
                is_permanent: part.truth("permanent").unwrap_or(true),
                is_forced: false,
            });
            let priority = part.number("priority").unwrap_or(OF_REDIRECTION);
            let own = Router::of_traefik(named, rule, does);
            // 0 is as none: the length of the rule.
            let by_rule = i64::try_from(rule.len()).unwrap_or(0);
            let priority = if priority == 0 { by_rule } else { priority };
            routers.push(Router { priority, ..own });
        }
        for (.., resolver) in fixed.get("certificatesResolvers").into_iter().flat_map(Part::entries)
        {
            let challenge = resolver.below(&["acme", "httpChallenge"]);
            let Some(at) = challenge.and_then(|it| it.word("entryPoint")) else { continue };
            let rule = "PathPrefix(`/.well-known/acme-challenge/`)";
            routers.push(Router::of_traefik(at, rule, Does::Answers));
        }
        self.routers.extend(routers);
    }

    /// The port to which a redirection leads: `:443`, or that of an entry point.
    fn port_of(&self, to: &'t str) -> Option<&'t str> {
        if let Some(port) = to.strip_prefix(':') {
            return port.parse::<u16>().is_ok().then_some(port);
        }
        let entry_point = self.entry_points.iter().find(|it| it.name == to)?;
        let address = entry_point.part?.get("address")?.text()?;
        let address = address.split('/').next().unwrap_or_default();
        address.rsplit_once(':').map(|(_, port)| port)
    }

    fn read_routers(&mut self) {
        let defaults = self.default_entry_points();
        for layer in [Layer4Or7::Tcp, Layer4Or7::Http] {
            let all = self.sections.remove(&[layer.key(), "routers"]).unwrap_or_default();
            for (name, at, part) in all.into_values() {
                let mut router = Router::new(layer, name, at, part);
                if router.entry_points.is_empty() {
                    router.entry_points.clone_from(&defaults);
                }
                self.routers.push(router);
            }
        }
    }

    /// Why Traefik does not use a router as it is meant, each with its place.
    pub fn unused(&self, router: &Router<'t>) -> Vec<(Span, UnusedBecause)> {
        let mut found = Vec::new();
        let text = |named: &Named<'_>| ServerText::new(named.name);
        let is_known = |name: &str| self.entry_points.iter().any(|own| own.name == name);
        if self.fixed.is_some() {
            let missing = router.entry_points.iter().filter(|it| !is_known(it.name));
            found.extend(missing.map(|it| (it.at, UnusedBecause::EntryPoint(text(it)))));
        }
        let is_own = |name: &str| !is_elsewhere(name);
        for middleware in router.middlewares.iter().filter(|it| is_own(it.name)) {
            if self.find(router.layer, "middlewares", middleware.name).is_none() {
                found.push((middleware.at, UnusedBecause::Middleware(text(middleware))));
            }
        }
        let options = router.tls.and_then(|tls| tls.word("options"));
        if let Some(options) = options.filter(|it| is_own(it.name) && it.name != "default")
            && self.tls_options(options.name).is_none()
        {
            found.push((options.at, UnusedBecause::TlsOptions(text(&options))));
        }
        if let Does::Serves(service) = router.does {
            match service {
                None => found.push((router.at, UnusedBecause::Service(ServerText::default()))),
                Some(service) if is_own(service.name) => {
                    if self.find(router.layer, "services", service.name).is_none() {
                        found.push((service.at, UnusedBecause::Service(text(&service))));
                    }
                }
                Some(_) => {}
            }
        }
        if router.lacks_tls() {
            found.push((router.rule.at, UnusedBecause::NoTls));
        }
        let is_usable =
            router.old_syntax.is_some() || router.tree.as_ref().is_some_and(Rule::is_usable);
        if !is_usable
            || router.priority > HIGHEST_OF_FILES && matches!(router.does, Does::Serves(_))
        {
            found.push((router.rule.at, UnusedBecause::Rule));
        }
        found
    }

    fn default_entry_points(&self) -> Vec<Named<'t>> {
        let is_marked =
            |it: &&EntryPoint<'_>| it.part.is_some_and(|part| part.is_true("asDefault"));
        let some = self.entry_points.iter().any(|it| is_marked(&it));
        let of_files = |it: &&EntryPoint<'_>| !it.listen.is_udp && it.name != OWN_ENTRY_POINT;
        let own = self.entry_points.iter().filter(|it| !some || is_marked(it)).filter(of_files);
        own.map(|it| Named { name: it.name, at: it.at }).collect()
    }

    /// The part with this name, which may say that it is one of the file provider.
    pub fn find(&self, layer: Layer4Or7, section: &str, name: &str) -> Option<Part<'t>> {
        self.find_in(layer.key(), section, name)
    }

    fn find_in(&self, realm: &str, section: &str, name: &str) -> Option<Part<'t>> {
        let bare = name.strip_suffix("@file").unwrap_or(name);
        let [realm, section] = *SECTIONS.iter().find(|known| **known == [realm, section])?;
        self.sections.get(&[realm, section])?.get(bare).map(|(.., part)| *part)
    }

    pub fn tls_options(&self, name: &str) -> Option<Part<'t>> {
        self.find_in("tls", "options", name)
    }

    /// What is in the default store of certificates.
    pub fn default_store(&self) -> Option<Part<'t>> {
        self.find_in("tls", "stores", "default")
    }

    /// All certificates in files, in the order of the text.
    pub fn certificates(&self) -> Vec<Part<'t>> {
        let of_root =
            |root: &Part<'t>| root.get("tls").map_or_else(Vec::new, |tls| tls.list("certificates"));
        self.loaded.iter().flat_map(of_root).collect()
    }

    /// Whether Traefik gets certificates by this resolver.
    pub fn has_resolver(&self, name: &str) -> bool {
        let resolvers = self.fixed.and_then(|fixed| fixed.get("certificatesResolvers"));
        resolvers.is_some_and(|all| all.entries().any(|(own, ..)| own == name))
    }

    /// A provider other than that of files, which may have routers of its own.
    pub fn other_provider(&self) -> Option<Named<'t>> {
        let providers = self.fixed?.get("providers")?;
        const SETTINGS: [&str; 3] = ["file", "providersThrottleDuration", "precedence"];
        let is_other = |key: &str| !SETTINGS.iter().any(|own| own.eq_ignore_ascii_case(key));
        let mut others = providers.entries().filter(|(key, ..)| is_other(key));
        others.next().map(|(name, at, _)| Named { name, at })
    }
}

/// The named parts of a section. A name that two files have is in neither (`provider.Merge`).
fn section_of<'t>(roots: &[Part<'t>], realm: &str, section: &str) -> Section<'t> {
    let mut all = Section::new();
    let mut twice = Vec::new();
    for root in roots {
        for (name, at, part) in root.below(&[realm, section]).into_iter().flat_map(Part::entries) {
            if let Some((.., other)) = all.insert(name, (name, at, part))
                && other.node != part.node
            {
                twice.push(name);
            }
        }
    }
    all.retain(|name, _| !twice.contains(name));
    all
}
