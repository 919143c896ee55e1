//! Places where Caddy does not do what the words of its configuration seem to say.

use super::config::{App, CaddyConfig, Listen, Network, span_of};
use crate::lint::nodes;
use crate::lint::source::{Sources, Span};
use crate::lint::yaml::Node;
use crate::model::facts::{ProxyRemark, ProxyRemarkKind, ServerText};

/// Such places of a configuration, in the order of the text.
pub fn remarks_of(root: &Node, config: &CaddyConfig<'_>, sources: &Sources) -> Vec<ProxyRemark> {
    let mut found: Vec<(Span, ProxyRemarkKind)> = Vec::new();
    nodes::templates(root, 0, &mut found);
    if let Some(names) = root.below(&["apps", "tls", "certificates", "automate"]) {
        examples(names, &mut found);
    }
    for server in &config.servers {
        names(server.node, &mut found);
        trusted(server.node, &mut found);
    }
    shared_ports(config, &mut found);
    nodes::remarks(found, sources)
}

/// Listeners of the app `http` at an address that the app `layer4` has. Caddy opens a socket for each of them
/// (`SO_REUSEPORT`), and starts.
fn shared_ports(config: &CaddyConfig<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    let of = |app: App| {
        let servers = config.servers.iter().filter(move |server| server.app == app);
        servers.flat_map(|server| &server.listens)
    };
    for listen in of(App::Http) {
        let place = (listen.network, listen.host, listen.ports);
        let is_same = |it: &Listen<'_>| (it.network, it.host, it.ports) == place;
        let is_tcp = matches!(listen.network, Network::Tcp { .. }) && listen.ports.0 > 0;
        if is_tcp && of(App::Layer4).any(is_same) {
            let port = ServerText::new(&listen.ports.0.to_string());
            found.push((listen.at, ProxyRemarkKind::PortShared(port)));
        }
    }
}

/// Names that OpenVidu's guide uses as examples, in matchers.
fn names(node: &Node, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    for entry in node.entries() {
        if matches!(entry.key.as_str(), "sni" | "host") {
            examples(&entry.value, found);
        }
        names(&entry.value, found);
    }
    node.items().iter().for_each(|item| names(item, found));
}

fn examples(list: &Node, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    for item in list.items() {
        let example = nodes::example_name(item.text().unwrap_or_default());
        found.extend(example.map(|example| (span_of(item), example)));
    }
}

/// Networks whose word about the address of a client is taken: of `trusted_proxies`, and of readers of PROXY headers.
fn trusted(node: &Node, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    let is_reader = ["handler", "wrapper"]
        .iter()
        .any(|key| node.get(key).and_then(Node::text) == Some("proxy_protocol"));
    let of_reader = if is_reader { node.list("allow") } else { &[] };
    let of_server = node.get("trusted_proxies").map_or(&[][..], |proxies| proxies.list("ranges"));
    for range in of_reader.iter().chain(of_server) {
        let text = range.text().unwrap_or_default();
        if matches!(text, "0.0.0.0/0" | "::/0") {
            let what = ProxyRemarkKind::TrustsEveryone(ServerText::new(text));
            found.push((span_of(range), what));
        }
    }
    node.entries().iter().for_each(|entry| trusted(&entry.value, found));
    node.items().iter().for_each(|item| trusted(item, found));
}
