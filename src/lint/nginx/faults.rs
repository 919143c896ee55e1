//! What keeps nginx from starting, as far as the text alone shows it.

use std::collections::{HashMap, HashSet};

use super::index::{
    Index, ListenPlace, Server, Side, certificate_pairs, full_path, opened_at_start,
};
use super::map_keys::{MapKey, TakenKeys, map_keys};
use super::tree::{Body, Directive, TextFault};
use super::words::{Takes, block, is_no_directive, known, milliseconds};
use crate::lint::certificates::{CertificateReader, FileOfPair, NamedPath, start_fault};
use crate::lint::source::Span;
use crate::lint::way::TcpPlace;
use crate::model::configuration::Layer;
use crate::model::facts::{ProxyFaultKind, ServerText};

/// All faults of a configuration, in the order of the text.
pub fn faults_of(
    index: &Index<'_>,
    certificates: &CertificateReader<'_>,
    directory: &str,
) -> Vec<TextFault> {
    let mut found = index.tree.faults.clone();
    let outermost = match index.fragment_of {
        Some(Layer::Http) => block::HTTP,
        Some(Layer::Tcp) => block::STREAM,
        None => block::MAIN,
    };
    check_block(&index.tree.directives, outermost, None, &mut found);
    if index.fragment_of.is_none() && !index.tree.directives.iter().any(|inner| inner.is("events"))
    {
        let at = Span { file: 0, start: 0, end: 1 };
        let what = ProxyFaultKind::Lacks {
            name: ServerText::new("nginx.conf"),
            needed: ServerText::new("events"),
        };
        found.push(TextFault { at, what });
    }
    for side in index.sides() {
        check_servers(side, &mut found);
    }
    check_ports(index, &mut found);
    check_files(index, certificates, directory, &mut found);
    found.sort_by_key(|fault| (fault.at.file, fault.at.start));
    found.dedup();
    found
}

fn check_block(
    directives: &[Directive],
    within: u16,
    around: Option<&Directive>,
    found: &mut Vec<TextFault>,
) {
    let mut seen: HashSet<&str> = HashSet::new();
    for directive in directives {
        if let Some(what) = fault_of(directive, within, around, &mut seen) {
            found.push(TextFault { at: directive.span(), what });
        }
        let Some(inner) = directive.block() else { continue };
        match inner_block(directive.name.text.as_str(), within) {
            Some(within) => check_block(inner, within, Some(directive), found),
            None if directive.is("map") => check_map(inner, found),
            None => {}
        }
    }
}

fn fault_of<'t>(
    directive: &'t Directive,
    within: u16,
    around: Option<&Directive>,
    seen: &mut HashSet<&'t str>,
) -> Option<ProxyFaultKind> {
    let name = directive.name.text.as_str();
    let shown = || ServerText::new(name);
    if name == "include" {
        return None;
    }
    if is_no_directive(name) {
        return Some(ProxyFaultKind::UnknownDirective(shown()));
    }
    let known = known(name, within)?;
    if known.within & within == 0 {
        let around = around.map(|around| ServerText::new(&around.name.text));
        return Some(ProxyFaultKind::Misplaced { name: shown(), within: around });
    }
    match &directive.body {
        Body::None if known.has_block => return Some(ProxyFaultKind::BlockMissing(shown())),
        Body::Block(_) if !known.has_block => return Some(ProxyFaultKind::SemicolonMissing),
        _ => {}
    }
    if !(known.least..=known.most).contains(&directive.args.len()) {
        return Some(ProxyFaultKind::WordCount(shown()));
    }
    if known.is_once && !seen.insert(name) {
        return Some(ProxyFaultKind::Twice(shown()));
    }
    let value = directive.arg(0).unwrap_or_default();
    let is_valid = match known.takes {
        Takes::Any => true,
        Takes::Flag => value.eq_ignore_ascii_case("on") || value.eq_ignore_ascii_case("off"),
        Takes::Time => milliseconds(value).is_some(),
        Takes::Number => value.parse::<u32>().is_ok(),
    };
    (!is_valid).then(|| ProxyFaultKind::InvalidValue(shown()))
}

/// The kind of block that a directive begins.
fn inner_block(name: &str, within: u16) -> Option<u16> {
    Some(match (name, within) {
        ("events", block::MAIN) => block::EVENTS,
        ("http", block::MAIN) => block::HTTP,
        ("stream", block::MAIN) => block::STREAM,
        ("server", block::HTTP) => block::SERVER,
        ("server", block::STREAM) => block::STREAM_SERVER,
        ("upstream", block::HTTP) => block::UPSTREAM,
        ("upstream", block::STREAM) => block::STREAM_UPSTREAM,
        ("location", block::SERVER | block::LOCATION) => block::LOCATION,
        ("if", block::SERVER) => block::SERVER_IF,
        ("if", block::LOCATION) => block::LOCATION_IF,
        ("limit_except", block::LOCATION) => block::LIMIT,
        _ => return None,
    })
}

fn check_map(entries: &[Directive], found: &mut Vec<TextFault>) {
    for entry in entries {
        let at = entry.span();
        let is_parameter = entry.args.is_empty() && (entry.is("hostnames") || entry.is("volatile"));
        if entry.block().is_some() {
            found.push(TextFault { at, what: ProxyFaultKind::SemicolonMissing });
        } else if entry.args.len() != 1 && !is_parameter {
            found.push(TextFault { at, what: ProxyFaultKind::WordCount(ServerText::new("map")) });
        }
    }
    let mut taken = TakenKeys::default();
    for (entry, key) in map_keys(entries) {
        let (at, name) = (entry.span(), ServerText::new(&entry.name.text));
        if key == MapKey::Invalid {
            let what = ProxyFaultKind::InvalidValue(ServerText::new("map"));
            found.push(TextFault { at, what });
        } else if !taken.add(&key) {
            found.push(TextFault { at, what: ProxyFaultKind::Conflict(name) });
        }
    }
}

fn check_servers(side: &Side<'_>, found: &mut Vec<TextFault>) {
    let mut add = |at: Span, what: ProxyFaultKind| found.push(TextFault { at, what });
    let mut names = HashSet::new();
    for upstream in side.directives.iter().filter(|directive| directive.is("upstream")) {
        let name = ServerText::new(upstream.arg(0).unwrap_or_default());
        if upstream.arg(0).is_some_and(|name| !names.insert(name)) {
            add(upstream.span(), ProxyFaultKind::Conflict(name.clone()));
        }
        let inner = upstream.block().unwrap_or_default();
        if !inner.iter().any(|member| member.is("server") || matches!(member.body, Body::Unread)) {
            add(upstream.span(), ProxyFaultKind::Lacks { name, needed: ServerText::new("server") });
        }
        check_members(side.layer, inner, &mut add);
    }
    let defaults = default_servers(side);
    for server in &side.servers {
        let is_unread = server.directives.iter().any(|inner| matches!(inner.body, Body::Unread));
        let at = server.directive.span();
        let lacks = |needed: &str| ProxyFaultKind::Lacks {
            name: ServerText::new("server"),
            needed: ServerText::new(needed),
        };
        let has = |name: &str| server.directives.iter().any(|inner| inner.is(name));
        for listen in &server.listens {
            if listen.place == ListenPlace::Invalid {
                add(listen.at, ProxyFaultKind::InvalidValue(ServerText::new("listen")));
            }
        }
        if is_unread {
            continue;
        }
        if side.layer == Layer::Tcp {
            if server.listens.is_empty() {
                add(at, lacks("listen"));
            }
            let is_code = |inner: &Directive| {
                inner.name.text.contains("_by_lua") || inner.name.text.starts_with("js_")
            };
            if !has("proxy_pass") && !has("return") && !server.directives.iter().any(is_code) {
                add(at, lacks("proxy_pass"));
            }
        }
        check_certificates(side, server, &defaults, &mut add);
        check_proxy_pass(side, server.directives, &mut add);
    }
}

fn check_members(layer: Layer, members: &[Directive], add: &mut impl FnMut(Span, ProxyFaultKind)) {
    for member in members.iter().filter(|member| member.is("server")) {
        let Some(address) = member.arg(0) else { continue };
        if address.starts_with("unix:") {
            continue;
        }
        let (_, port) = super::index::host_and_ports(address);
        let is_valid = match port {
            Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
            None => layer == Layer::Http,
        };
        if !is_valid {
            add(member.span(), ProxyFaultKind::InvalidValue(ServerText::new("server")));
        }
    }
}

/// TLS without a certificate, and a certificate without a key.
fn check_certificates(
    side: &Side<'_>,
    server: &Server<'_>,
    defaults: &DefaultServers<'_, '_>,
    add: &mut impl FnMut(Span, ProxyFaultKind),
) {
    let Some(listen) = server.listens.iter().find(|listen| listen.ends_tls) else { return };
    let blocks = [server.directives];
    let certificates = side.settings(&blocks, "ssl_certificate");
    let keys = side.settings(&blocks, "ssl_certificate_key");
    let unread = side.unread.is_some();
    let lacks = |needed: &str| ProxyFaultKind::Lacks {
        name: ServerText::new("ssl"),
        needed: ServerText::new(needed),
    };
    // In `http`, a server that is not the default one leaves the certificate of that.
    let mut tls = server.listens.iter().filter(|listen| listen.ends_tls);
    let is_server = |default: &&Directive| std::ptr::eq(*default, server.directive);
    let counts = side.layer == Layer::Tcp
        || tls.any(|listen| defaults.get(&listen.place).is_some_and(is_server));
    let rejects = side.is_on(&blocks, "ssl_reject_handshake");
    if certificates.is_empty() && counts && !rejects && !unread {
        add(listen.at, lacks("ssl_certificate"));
    }
    if keys.len() < certificates.len() && !unread {
        add(certificates[keys.len()].span(), lacks("ssl_certificate_key"));
    }
}

/// Files of certificates that are opened when nginx starts: all of a server that are named without a variable.
fn check_files(
    index: &Index<'_>,
    certificates: &CertificateReader<'_>,
    directory: &str,
    found: &mut Vec<TextFault>,
) {
    for side in index.sides() {
        for server in &side.servers {
            for pair in certificate_pairs(side, &[server.directives]) {
                let Some(opened) = opened_at_start(&pair) else { continue };
                let named = |word: &super::lexer::Word| NamedPath {
                    path: full_path(directory, &word.text),
                    at: index.tree.sources.location(word.span),
                };
                let (certificate, key) = opened;
                let file = certificates.read(&named(certificate), key.map(named).as_ref(), false);
                let key_text = key.map(|key| key.text.as_str());
                match start_fault(&file, &certificate.text, key_text) {
                    Some((FileOfPair::Certificate, what)) => {
                        found.push(TextFault { at: certificate.span, what });
                    }
                    Some((FileOfPair::Key, what)) => {
                        let at = key.map_or(certificate.span, |key| key.span);
                        found.push(TextFault { at, what });
                    }
                    None => {}
                }
            }
        }
    }
}

/// The server of each address and port that answers where no name decides (nginx,
/// [`listen`](https://nginx.org/en/docs/http/ngx_http_core_module.html#listen)).
type DefaultServers<'s, 't> = HashMap<&'s ListenPlace<'t>, &'t Directive>;

fn default_servers<'s, 't>(side: &'s Side<'t>) -> DefaultServers<'s, 't> {
    let mut found = HashMap::new();
    let listens = || {
        let of_server =
            |server: &'s Server<'t>| server.listens.iter().map(|listen| (listen, server.directive));
        side.servers.iter().flat_map(of_server)
    };
    for (listen, server) in listens().filter(|(listen, _)| listen.is_default).chain(listens()) {
        found.entry(&listen.place).or_insert(server);
    }
    found
}

fn check_proxy_pass(
    side: &Side<'_>,
    directives: &[Directive],
    add: &mut impl FnMut(Span, ProxyFaultKind),
) {
    for directive in directives {
        if let Some(inner) = directive.block()
            && (directive.is("location") || directive.is("if"))
        {
            check_proxy_pass(side, inner, add);
        }
        if !directive.is("proxy_pass") {
            continue;
        }
        let Some(word) = directive.args.first() else { continue };
        let text = word.text.as_str();
        if super::variables::has_variable(text) {
            continue;
        }
        let invalid = || ProxyFaultKind::InvalidValue(ServerText::new("proxy_pass"));
        match side.layer {
            Layer::Http if !text.starts_with("http://") && !text.starts_with("https://") => {
                add(word.span, invalid());
            }
            Layer::Tcp if !side.upstreams.contains_key(text) && !text.starts_with("unix:") => {
                let (_, port) = super::index::host_and_ports(text);
                if !port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
                    add(word.span, invalid());
                }
            }
            _ => {}
        }
    }
}

/// One address and port in two places that cannot share it.
fn check_ports(index: &Index<'_>, found: &mut Vec<TextFault>) {
    struct Taken<'i> {
        layer: Layer,
        server: &'i Directive,
        place: &'i ListenPlace<'i>,
        is_udp: bool,
        is_default: bool,
        at: Span,
    }
    let mut taken: Vec<Taken<'_>> = Vec::new();
    for side in index.sides() {
        for server in &side.servers {
            for listen in &server.listens {
                taken.push(Taken {
                    layer: side.layer,
                    server: server.directive,
                    place: &listen.place,
                    is_udp: listen.is_udp || listen.is_quic,
                    is_default: listen.is_default,
                    at: listen.at,
                });
            }
        }
    }
    const MOST_COMPARED: usize = 2_000;
    taken.truncate(MOST_COMPARED);
    taken.sort_by_key(|listen| (listen.at.file, listen.at.start));
    for (later_index, later) in taken.iter().enumerate() {
        let clash = taken[..later_index].iter().find(|earlier| {
            earlier.is_udp == later.is_udp && {
                let is_same = earlier.place == later.place;
                if earlier.layer != later.layer || !is_same {
                    overlaps(earlier.place, later.place, earlier.layer == later.layer)
                } else {
                    let same_server = std::ptr::eq(earlier.server, later.server);
                    same_server
                        || later.layer == Layer::Http && earlier.is_default && later.is_default
                }
            }
        });
        if clash.is_some() {
            let text = index.tree.sources.bytes_at(later.at);
            let what = ProxyFaultKind::PortTwice(ServerText::from_bytes(text));
            found.push(TextFault { at: later.at, what });
        }
    }
}

/// Whether the kernel refuses the second of two different places. Within one side nginx binds only the wildcard
/// of a port, and tells the addresses apart itself.
fn overlaps(one: &ListenPlace<'_>, other: &ListenPlace<'_>, same_side: bool) -> bool {
    let (ListenPlace::Tcp(a), ListenPlace::Tcp(b)) = (one, other) else {
        return one == other;
    };
    let share_ports = a.first <= b.last && b.first <= a.last;
    let share_family = a.takes_v4 && b.takes_v4 || a.takes_v6 && b.takes_v6;
    if !share_ports || !share_family {
        return false;
    }
    if same_side {
        // `[::]:80 ipv6only=off` beside `80`.
        let families = |it: &TcpPlace| (it.takes_v4, it.takes_v6);
        return a.address.is_none() && b.address.is_none() && families(a) != families(b);
    }
    a.address.is_none() || b.address.is_none() || a.address == b.address
}
