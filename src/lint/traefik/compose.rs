//! A compose file: the labels of its containers, as the Docker provider reads them, and what its container of Traefik
//! starts with.
//!
//! After the sources of Traefik 3.7 (`pkg/provider/docker`, `pkg/provider/configuration.go`, `pkg/cli`).

use super::config::Part;
use super::keys::parse_bool;
use crate::lint::openvidu::interpolation::{Form, expand};
use crate::lint::openvidu::variables::{Source, Variables};
use crate::lint::source::{Sources, Span};
use crate::lint::yaml::{Content, Entry, Node, Place};
use crate::model::configuration::Undecided;
use crate::model::facts::ServerText;

/// What is behind the names of what labels make.
const PROVIDER: &str = "@docker";
/// The largest index in a label, and the most parts of its name.
const MOST_ITEMS: usize = 100;
const MOST_PARTS: usize = 24;

/// A part of the file that cannot be known, and where it is.
pub type Unknown = (Undecided, Span);

/// A compose file.
pub struct Compose {
    file: u32,
    root: Node,
    variables: Variables,
}

/// What the static configuration says about the Docker provider.
#[derive(Debug, Clone, Copy)]
pub struct Docker {
    takes_all: bool,
    /// Which containers it takes, or at which address, is said in words that are not read here.
    unclear: Option<Span>,
}

impl Docker {
    /// `None`: the provider is off.
    pub fn of(fixed: Part<'_>) -> Option<Self> {
        let own = fixed.get("providers")?.enabled("docker")?;
        let unclear = ["constraints", "useBindPortIP", "defaultRule"];
        Some(Self {
            takes_all: own.truth("exposedByDefault").unwrap_or(true),
            unclear: unclear.iter().find_map(|key| own.get(key)).map(Part::at),
        })
    }

    /// Where no static configuration says anything.
    pub fn unsaid() -> Self {
        Self { takes_all: true, unclear: None }
    }
}

/// A setting of a list (`name=value`) or of a mapping.
struct Pair {
    name: String,
    value: String,
    place: Place,
}

/// Whether this is the root of a compose file.
pub fn is_compose(root: &Node) -> bool {
    root.get("services").is_some_and(|services| {
        services.entries().iter().any(|entry| !entry.value.entries().is_empty())
    })
}

impl Compose {
    /// `environment`: `.env` beside the file, if it is there.
    pub fn new(file: u32, root: Node, environment: Option<&[u8]>) -> Self {
        let mut variables = Variables::default();
        if let Some(bytes) = environment {
            variables.add(Source::Compose, 0, &String::from_utf8_lossy(bytes));
        }
        Self { file, root, variables }
    }

    pub fn file(&self) -> u32 {
        self.file
    }

    fn at(&self, place: Place) -> Span {
        Span::of(self.file, place)
    }

    /// Lines with logins and secrets are named and not shown.
    pub fn hide_secrets(&self, sources: &mut Sources) {
        fn hide(node: &Node, file: u32, sources: &mut Sources) {
            const SECRET: [&str; 7] =
                ["password", "secret", "token", "users", "key", "credential", "auth"];
            for item in node.items() {
                let name = item.text().and_then(|text| text.split_once('=')).map(|(name, _)| name);
                let name = name.unwrap_or_default().to_ascii_lowercase();
                if SECRET.iter().any(|part| name.contains(part)) {
                    sources.hide(Span::of(file, item.place));
                }
                hide(item, file, sources);
            }
            for entry in node.entries() {
                let name = entry.key.to_ascii_lowercase();
                if entry.value.text().is_some() && SECRET.iter().any(|part| name.contains(part)) {
                    sources.hide(Span::of(file, entry.value.place));
                }
                hide(&entry.value, file, sources);
            }
        }
        hide(&self.root, self.file, sources);
    }

    fn services(&self) -> &[Entry] {
        self.root.get("services").map_or(&[], Node::entries)
    }

    /// The text with the variables of the environment file.
    fn expanded(&self, node: &Node) -> Result<String, Unknown> {
        let text = node.text().unwrap_or_default();
        let expanded = expand(text, Form::Both, &|name| self.variables.of(Source::Compose, name));
        match expanded.trouble {
            Some((name, _)) => {
                Err((Undecided::Variable(ServerText::new(&name)), self.at(node.place)))
            }
            None => Ok(expanded.text),
        }
    }

    fn pairs(&self, node: Option<&Node>) -> Result<Vec<Pair>, Unknown> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let of_item = |item: &Node| {
            let text = self.expanded(item)?;
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            Ok(Pair { name: name.to_owned(), value: value.to_owned(), place: item.place })
        };
        let of_entry = |entry: &Entry| {
            let value = self.expanded(&entry.value)?;
            Ok(Pair { name: entry.key.clone(), value, place: entry.value.place })
        };
        let items = node.items().iter().map(of_item);
        items.chain(node.entries().iter().map(of_entry)).collect()
    }

    // --- What Traefik starts with --------------------------------------------------------------

    /// The flags, else the variables of the environment, with which its container of Traefik starts. `None`: there is
    /// none, or another file says it.
    pub fn fixed(&self) -> Option<Result<Node, Unknown>> {
        let of_traefik = |entry: &&Entry| {
            let image = entry.value.get("image").and_then(Node::text).unwrap_or_default();
            let image = image.rsplit('/').next().unwrap_or(image);
            image.split([':', '@']).next() == Some("traefik")
        };
        let service = &self.services().iter().find(of_traefik)?.value;
        // A file goes before flags and variables, which then say nothing.
        if service.list("volumes").iter().any(is_of_file) {
            return None;
        }
        let fixed = self.flags(service).and_then(|flags| match flags.is_empty() {
            false => Ok(flags),
            true => self.environment(service),
        });
        match fixed {
            Err(unknown) => Some(Err(unknown)),
            Ok(pairs) if pairs.is_empty() => None,
            Ok(pairs) => {
                let is_file = |pair: &Pair| pair.name.eq_ignore_ascii_case("configfile");
                if pairs.iter().any(is_file) {
                    return None;
                }
                let mut root = empty(service.place);
                for pair in &pairs {
                    let path: Vec<&str> = pair.name.split('.').collect();
                    put(&mut root, &path, pair);
                }
                self.publish(service, &mut root);
                Some(Ok(root))
            }
        }
    }

    /// `--entryPoints.web.address=:80`, `--providers.docker`.
    fn flags(&self, service: &Node) -> Result<Vec<Pair>, Unknown> {
        let Some(command) = service.get("command") else { return Ok(Vec::new()) };
        let mut words: Vec<(String, Place)> = Vec::new();
        for item in command.items() {
            words.push((self.expanded(item)?, item.place));
        }
        if command.text().is_some() {
            let text = self.expanded(command)?;
            let is_quoted = text.contains(['\'', '"', '\\']);
            if is_quoted {
                let what = Undecided::Directive(ServerText::new("command"));
                return Err((what, self.at(command.place)));
            }
            words.extend(text.split_whitespace().map(|word| (word.to_owned(), command.place)));
        }
        let mut pairs: Vec<Pair> = Vec::new();
        // Whether the flag before has its value in the next word.
        let mut is_open = false;
        for (word, place) in words {
            let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            match (flag, pairs.last_mut()) {
                (Some(flag), _) => {
                    is_open = !flag.contains('=');
                    let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
                    pairs.push(Pair { name: name.to_owned(), value: value.to_owned(), place });
                }
                (None, Some(last)) if is_open => {
                    last.value = word;
                    is_open = false;
                }
                (None, _) => {}
            }
        }
        Ok(pairs)
    }

    /// `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS`.
    fn environment(&self, service: &Node) -> Result<Vec<Pair>, Unknown> {
        let own = |mut pair: Pair| {
            let name = pair.name.to_ascii_lowercase();
            pair.name = name.strip_prefix("traefik_")?.replace('_', ".");
            Some(pair)
        };
        Ok(self.pairs(service.get("environment"))?.into_iter().filter_map(own).collect())
    }

    /// Users reach the ports that Docker publishes: the address of each entry point becomes that.
    fn publish(&self, service: &Node, root: &mut Node) {
        if is_on_host(service) {
            return;
        }
        let published: Vec<(String, String, String)> =
            service.list("ports").iter().filter_map(|item| self.published(item)).collect();
        let Some(entry_points) = below_mut(root, "entryPoints") else { return };
        let Content::Map(entries) = &mut entry_points.content else { return };
        let inside: Vec<(String, String)> = entries
            .iter()
            .filter_map(|entry| {
                let address = key_of(&entry.value, "address")?.text()?.split('/').next()?;
                Some((entry.key.clone(), address.rsplit(':').next()?.to_owned()))
            })
            .collect();
        for entry in entries {
            redirect_inside(&mut entry.value, &inside);
            let Some(address) = below_mut(&mut entry.value, "address") else { continue };
            let Content::Scalar { text, .. } = &mut address.content else { continue };
            let (bare, transport) = match text.split_once('/') {
                Some((bare, transport)) => (bare, format!("/{transport}")),
                None => (text.as_str(), String::new()),
            };
            let port = bare.rsplit(':').next().unwrap_or_default().to_owned();
            *text = match published.iter().find(|(_, _, inside)| *inside == port) {
                Some((host, outside, _)) => format!("{host}:{outside}{transport}"),
                // Only containers reach it.
                None => format!("127.0.0.1:{port}{transport}"),
            };
        }
    }

    /// `443:8443`, `10.0.0.10:443:8443/tcp`, `{target: 8443, published: "443"}`: the address, the port outside, and the
    /// one inside.
    fn published(&self, item: &Node) -> Option<(String, String, String)> {
        if !item.entries().is_empty() {
            let word = |key: &str| self.expanded(item.get(key)?).ok();
            let host = word("host_ip").unwrap_or_default();
            return Some((host, word("published")?, word("target")?));
        }
        let text = self.expanded(item).ok()?;
        let text = text.split('/').next()?;
        let (rest, inside) = text.rsplit_once(':')?;
        let (host, outside) = rest.rsplit_once(':').unwrap_or(("", rest));
        Some((host.to_owned(), outside.to_owned(), inside.to_owned()))
    }

    // --- Labels --------------------------------------------------------------------------------

    /// What the labels of each container make, and the first thing that cannot be known.
    pub fn containers(&self, docker: Docker) -> (Vec<Node>, Option<Unknown>) {
        let mut unknown = docker
            .unclear
            .map(|at| (Undecided::Directive(ServerText::new("providers.docker")), at));
        let mut roots = Vec::new();
        for service in self.services() {
            match self.container(service, docker) {
                Ok(root) => roots.extend(root),
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        (roots, unknown)
    }

    fn container(&self, service: &Entry, docker: Docker) -> Result<Option<Node>, Unknown> {
        let labels = self.pairs(service.value.get("labels"))?;
        let is = |pair: &&Pair, name: &str| pair.name.eq_ignore_ascii_case(name);
        let enabled = labels.iter().find(|it| is(it, "traefik.enable"));
        let is_taken = enabled.map_or(docker.takes_all, |it| parse_bool(&it.value).unwrap_or(true));
        if !is_taken {
            return Ok(None);
        }
        let mut root = empty(service.key_place);
        for label in &labels {
            let parts: Vec<&str> = label.name.split('.').collect();
            let is_part = |at: usize, name: &str| {
                parts.get(at).is_some_and(|part| part.eq_ignore_ascii_case(name))
            };
            if !is_part(0, "traefik") || !(is_part(1, "http") || is_part(1, "tcp")) {
                continue;
            }
            // There is one server, at the container.
            let path: Vec<&str> = (1..parts.len())
                .map(|at| match is_part(at, "server") && is_part(at - 1, "loadbalancer") {
                    true => "servers[0]",
                    false => parts[at],
                })
                .collect();
            put(&mut root, &path, label);
        }
        let host = match is_on_host(&service.value) {
            // Its address is that of the machine.
            true => "host.docker.internal",
            false => &service.key,
        };
        for layer in ["http", "tcp"] {
            if let Some(part) = below_mut(&mut root, layer) {
                complete(part, layer, host, service.key_place);
                qualify(part);
            }
        }
        let ruleless = root.below(&["http", "routers"]).and_then(|routers| {
            let mut entries = routers.entries().iter();
            entries.find(|it| key_of(&it.value, "rule").is_none()).map(|it| it.key_place)
        });
        match ruleless {
            // It has the rule that the provider has for all.
            Some(place) => {
                Err((Undecided::Directive(ServerText::new("defaultRule")), self.at(place)))
            }
            None => Ok((!root.entries().is_empty()).then_some(root)),
        }
    }
}

/// Whether this makes a file of the machine the one with which Traefik starts.
fn is_of_file(volume: &Node) -> bool {
    const USUAL: [&str; 4] = [
        "/etc/traefik",
        "/etc/traefik/traefik.yml",
        "/etc/traefik/traefik.yaml",
        "/etc/traefik/traefik.toml",
    ];
    let short = volume.text().and_then(|text| text.split(':').nth(1));
    let target = short.or_else(|| volume.get("target")?.text());
    target.is_some_and(|target| USUAL.contains(&target.trim_end_matches('/')))
}

fn is_on_host(service: &Node) -> bool {
    service.get("network_mode").and_then(Node::text) == Some("host")
}

/// A redirection to an entry point leads to the port that it has in the container.
fn redirect_inside(entry_point: &mut Node, inside: &[(String, String)]) {
    let path = ["http", "redirections", "entryPoint", "to"];
    let to = path.iter().try_fold(entry_point, |node, key| below_mut(node, key));
    let Some(Node { content: Content::Scalar { text, .. }, .. }) = to else { return };
    if let Some((_, port)) = inside.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        *text = format!(":{port}");
    }
}

fn empty(place: Place) -> Node {
    Node { place, content: Content::Map(Vec::new()) }
}

fn scalar(text: &str, place: Place) -> Node {
    Node { place, content: Content::Scalar { text: text.to_owned(), is_quoted: true } }
}

fn key_of<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.entries().iter().find(|it| it.key.eq_ignore_ascii_case(key)).map(|it| &it.value)
}

fn below_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Content::Map(entries) = &mut node.content else { return None };
    entries.iter_mut().find(|it| it.key.eq_ignore_ascii_case(key)).map(|it| &mut it.value)
}

/// The value of this key, which is made if it is not there.
fn below_or_new<'n>(node: &'n mut Node, key: &str, place: Place) -> &'n mut Node {
    if !matches!(node.content, Content::Map(_)) {
        node.content = Content::Map(Vec::new());
    }
    let Content::Map(entries) = &mut node.content else { unreachable!("it was made one") };
    let known = entries.iter().position(|it| it.key.eq_ignore_ascii_case(key));
    let index = known.unwrap_or_else(|| {
        entries.push(Entry { key: key.to_owned(), key_place: place, value: empty(place) });
        entries.len() - 1
    });
    &mut entries[index].value
}

/// Sets what a flat name names: `routers.turn.rule`, `domains[0].main`.
fn put(node: &mut Node, path: &[&str], pair: &Pair) {
    let Some((first, rest)) = path.split_first() else {
        // `tls=true` beside `tls.certresolver=…` says nothing more.
        if node.entries().is_empty() {
            *node = scalar(&pair.value, pair.place);
        }
        return;
    };
    if rest.len() > MOST_PARTS {
        return;
    }
    let Some((name, index)) = first.strip_suffix(']').and_then(|it| it.split_once('[')) else {
        put(below_or_new(node, first, pair.place), rest, pair);
        return;
    };
    let Some(index) = index.parse().ok().filter(|index| *index < MOST_ITEMS) else { return };
    let list = below_or_new(node, name, pair.place);
    if !matches!(list.content, Content::List(_)) {
        list.content = Content::List(Vec::new());
    }
    let Content::List(items) = &mut list.content else { unreachable!("it was made one") };
    while items.len() <= index {
        items.push(empty(pair.place));
    }
    put(&mut items[index], rest, pair);
}

/// What the provider adds: the service of a router that names none, and the address of its server.
fn complete(layer: &mut Node, name: &str, host: &str, place: Place) {
    let has = |node: &Node, key: &str| {
        key_of(node, key).is_some_and(|section| !section.entries().is_empty())
    };
    if !has(layer, "routers") && !has(layer, "services") {
        return;
    }
    let services = below_or_new(layer, "services", place);
    if services.entries().is_empty() {
        below_or_new(services, host, place);
    }
    let Content::Map(entries) = &mut services.content else { return };
    let only = match entries.as_slice() {
        [only] => Some(only.key.clone()),
        _ => None,
    };
    for service in entries {
        let value = &mut service.value;
        let is_of_others = !value.entries().is_empty() && key_of(value, "loadbalancer").is_none();
        if !is_of_others {
            serve(below_or_new(value, "loadBalancer", place), name, host, place);
        }
    }
    let Some(Node { content: Content::Map(routers), .. }) = below_mut(layer, "routers") else {
        return;
    };
    for router in routers {
        if let Some(only) = only.as_ref().filter(|_| key_of(&router.value, "service").is_none()) {
            let place = router.key_place;
            *below_or_new(&mut router.value, "service", place) = scalar(only, place);
        }
    }
}

/// Gives a service the server that is its container.
fn serve(balancer: &mut Node, layer: &str, host: &str, place: Place) {
    let servers = below_or_new(balancer, "servers", place);
    if servers.items().is_empty() {
        servers.content = Content::List(vec![empty(place)]);
    }
    let Content::List(items) = &mut servers.content else { return };
    let mut is_unclear = false;
    for server in items {
        let text = |key: &str| key_of(server, key).and_then(Node::text).map(str::to_owned);
        let port = key_of(server, "port").map(|it| it.place);
        let (key, address) = match layer {
            "http" => {
                let scheme = text("scheme").unwrap_or_else(|| "http".to_owned());
                ("url", text("port").map(|port| format!("{scheme}://{host}:{port}")))
            }
            _ => ("address", text("port").map(|port| format!("{host}:{port}"))),
        };
        match address {
            _ if key_of(server, key).is_some() => {}
            Some(address) => {
                let place = port.unwrap_or(place);
                *below_or_new(server, key, place) = scalar(&address, place);
            }
            None => is_unclear = true,
        }
    }
    if is_unclear {
        // Its image says which port it has, as another provider would.
        *below_or_new(balancer, "serversTransport", place) = scalar("port@image", place);
    }
}

/// Names what labels make as other providers name it.
fn qualify(layer: &mut Node) {
    for section in ["routers", "services", "middlewares", "serversTransports"] {
        let Some(Node { content: Content::Map(entries), .. }) = below_mut(layer, section) else {
            continue;
        };
        for entry in entries {
            entry.key.push_str(PROVIDER);
            qualify_names(&mut entry.value);
        }
    }
}

/// The names of other parts, anywhere below.
fn qualify_names(node: &mut Node) {
    const NAMING: [&str; 6] =
        ["service", "middlewares", "serverstransport", "fallback", "options", "name"];
    let qualified = |text: &str| {
        let one = |name: &str| match name.trim() {
            name if name.is_empty() || name.contains('@') || name == "default" => name.to_owned(),
            name => [name, PROVIDER].concat(),
        };
        text.split(',').map(one).collect::<Vec<_>>().join(",")
    };
    match &mut node.content {
        Content::Map(entries) => {
            for entry in entries {
                let names = NAMING.contains(&entry.key.to_ascii_lowercase().as_str());
                match &mut entry.value.content {
                    Content::Scalar { text, .. } if names => *text = qualified(text),
                    Content::List(items) if names => {
                        for item in items {
                            if let Content::Scalar { text, .. } = &mut item.content {
                                *text = qualified(text);
                            }
                        }
                    }
                    _ => qualify_names(&mut entry.value),
                }
            }
        }
        Content::List(items) => items.iter_mut().for_each(qualify_names),
        Content::Scalar { .. } => {}
    }
}
