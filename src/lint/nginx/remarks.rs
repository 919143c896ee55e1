//! What nginx takes, and does something else with than is meant; and what it can carry.

use std::collections::HashMap;
use std::time::Duration;

use super::index::{Index, ListenPlace, Side};
use super::lexer::Word;
use super::map_keys::{MapKey, map_keys};
use super::tree::{Body, Directive};
use super::words::milliseconds;
use crate::lint::source::Span;
use crate::lint::way::{names_acme_client, placeholder};
use crate::model::configuration::{Layer, Location, Timeout};
use crate::model::facts::{
    ConnectionLimit, Limit, ProxyLimits, ProxyRemark, ProxyRemarkKind, ServerText,
};

/// The most remarks that are kept.
const MOST_REMARKS: usize = 1_000;

/// All remarks about a configuration, in the order of the text.
pub fn remarks_of(index: &Index<'_>) -> Vec<ProxyRemark> {
    let mut found: Vec<(Span, ProxyRemarkKind)> = Vec::new();
    words(&index.tree.directives, &mut |directive, word| {
        let what = placeholder(&word.text)
            .map(ProxyRemarkKind::Placeholder)
            .or_else(|| example_name(directive, word).map(ProxyRemarkKind::ExampleName));
        found.extend(what.map(|what| (word.span, what)));
    });
    for side in index.sides() {
        keys(side, &mut found);
        names_twice(side, &mut found);
    }
    trusted(&index.tree.directives, &mut found);
    found.extend(stream_module(index));
    found.sort_by_key(|(at, _)| (at.file, at.start));
    found.dedup();
    found.truncate(MOST_REMARKS);
    let remark = |(at, what)| ProxyRemark { at: index.tree.sources.location(at), what };
    found.into_iter().map(remark).collect()
}

/// Every word of the directives and of their blocks, with its directive.
fn words<'t>(directives: &'t [Directive], take: &mut impl FnMut(&'t Directive, &'t Word)) {
    for directive in directives {
        take(directive, &directive.name);
        for word in &directive.args {
            take(directive, word);
        }
        words(directive.block().unwrap_or_default(), take);
    }
}

/// A name that OpenVidu's guide uses as an example, where a name of the deployment is meant.
fn example_name(directive: &Directive, word: &Word) -> Option<ServerText> {
    const OF_GUIDE: &str = ".example.io";
    let text = word.text.to_ascii_lowercase();
    let is_example = text.ends_with(OF_GUIDE);
    let is_name = directive.is("server_name") || std::ptr::eq(word, &directive.name);
    (is_example && is_name).then(|| ServerText::new(&text))
}

/// Keys of maps by name that no name equals.
fn keys(side: &Side<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    const BY_NAME: [&str; 4] =
        ["$ssl_server_name", "$ssl_preread_server_name", "$host", "$http_host"];
    for map in side.maps.values() {
        if !map.arg(0).is_some_and(|source| BY_NAME.contains(&source)) {
            continue;
        }
        let entries = map.block().unwrap_or_default();
        for (entry, taken) in map_keys(entries) {
            let key = entry.name.text.as_str();
            if matches!(taken, MapKey::Pattern(_) | MapKey::Default) {
                continue;
            }
            let is_wildcard = key.starts_with("*.") || key.starts_with('.') || key.ends_with(".*");
            // `$http_host` has a port where it is not the usual one.
            let has_port = key.contains(':') && map.arg(0) != Some("$http_host");
            let is_literal = matches!(taken, MapKey::Exact(_));
            if is_wildcard && is_literal || has_port || key.contains('/') {
                let what = ProxyRemarkKind::KeyNeverMatches(ServerText::new(key));
                found.push((entry.name.span, what));
            }
        }
    }
}

/// A second server with a name at the same address.
fn names_twice(side: &Side<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    if side.layer != Layer::Http {
        return;
    }
    let mut taken: HashMap<String, Vec<(&ListenPlace<'_>, &Directive)>> = HashMap::new();
    for server in &side.servers {
        for name in &server.names {
            let text = name.text.to_ascii_lowercase();
            if text.is_empty() || text == "_" {
                continue;
            }
            // One name has a handful of servers, unless somebody wants us to compare all of them with each other.
            const MOST_COMPARED: usize = 100;
            let owners = taken.entry(text).or_default();
            for listen in &server.listens {
                let is_taken = owners.iter().any(|(place, owner)| {
                    **place == listen.place && !std::ptr::eq(*owner, server.directive)
                });
                if is_taken {
                    let what = ProxyRemarkKind::NameTwice(ServerText::new(&name.text));
                    found.push((name.span, what));
                } else if owners.len() < MOST_COMPARED {
                    owners.push((&listen.place, server.directive));
                }
            }
        }
    }
}

/// `set_real_ip_from 0.0.0.0/0`.
fn trusted(directives: &[Directive], found: &mut Vec<(Span, ProxyRemarkKind)>) {
    for directive in directives {
        trusted(directive.block().unwrap_or_default(), found);
        let network = directive.arg(0).unwrap_or_default();
        if directive.is("set_real_ip_from") && matches!(network, "0.0.0.0/0" | "::/0") {
            let what = ProxyRemarkKind::TrustsEveryone(ServerText::new(network));
            found.push((directive.span(), what));
        }
    }
}

/// `stream` where nothing loads its module, and nothing that could was left unread.
fn stream_module(index: &Index<'_>) -> Option<(Span, ProxyRemarkKind)> {
    if index.fragment_of.is_some() {
        return None;
    }
    let main = &index.tree.directives;
    let stream = main.iter().find(|directive| directive.is("stream"))?;
    let loads = main.iter().any(|directive| {
        let path = directive.arg(0).unwrap_or_default();
        directive.is("load_module") && path.contains("stream")
            || directive.is("include") && (path.contains("modules") || is_unread(directive))
    });
    let what = ProxyRemarkKind::ModuleUnseen(ServerText::new("stream"));
    (!loads).then_some((stream.name.span, what))
}

fn is_unread(directive: &Directive) -> bool {
    matches!(directive.body, Body::Unread)
}

/// What this nginx can carry. A file for `conf.d` does not tell.
pub fn limits_of(index: &Index<'_>) -> ProxyLimits {
    if index.fragment_of.is_some() {
        return ProxyLimits::default();
    }
    /// nginx's defaults.
    const CONNECTIONS: u64 = 512;
    const PROCESSES: u64 = 1;
    let main = &index.tree.directives;
    let location = |directive: &Directive| index.tree.sources.location(directive.span());
    let of = |block: &'_ [Directive], name: &str| -> Option<(u64, Location)> {
        let directive = block.iter().find(|directive| directive.is(name))?;
        Some((directive.arg(0)?.parse().ok()?, location(directive)))
    };
    let limit = |set: Option<(u64, Location)>| set.map(|(most, at)| Limit { most, at: Some(at) });
    let events = main.iter().find(|directive| directive.is("events")).and_then(Directive::block);
    let is_unread = main.iter().chain(events.unwrap_or_default()).any(is_unread_limits);
    let processes = main.iter().find(|directive| directive.is("worker_processes"));
    let connections = events.map(|events| ConnectionLimit {
        per_process: limit(of(events, "worker_connections"))
            .unwrap_or(Limit { most: CONNECTIONS, at: None }),
        per_client: 2,
        processes: match processes.map(|processes| processes.arg(0).unwrap_or_default()) {
            Some(text) => text.parse().ok(),
            None => Some(PROCESSES),
        },
    });
    let shutdown = main.iter().find(|directive| directive.is("worker_shutdown_timeout"));
    let shutdown = shutdown.and_then(|directive| {
        let lasts = Duration::from_millis(milliseconds(directive.arg(0)?)?);
        Some(Timeout { lasts, at: Some(location(directive)) })
    });
    ProxyLimits {
        connections: connections.filter(|_| !is_unread),
        open_files: limit(of(main, "worker_rlimit_nofile")),
        shutdown: shutdown.filter(|timeout| !timeout.lasts.is_zero()),
    }
}

/// An `include` that was not read and may set limits.
fn is_unread_limits(directive: &Directive) -> bool {
    is_unread(directive) && !directive.arg(0).unwrap_or_default().contains("modules")
}

/// Where a file of certbot or another client of ACME is named first.
pub fn acme_client(index: &Index<'_>) -> Option<Location> {
    let mut first: Option<Span> = None;
    words(&index.tree.directives, &mut |_, word| {
        if first.is_none() && names_acme_client(&word.text) {
            first = Some(word.span);
        }
    });
    first.map(|at| index.tree.sources.location(at))
}
