//! Places where HAProxy does not do what the words of its configuration seem to say; and what it can carry.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::{ServerHost, ServerPlace, server_place};
use super::conditions::condition_at;
use super::follow::{server_word, waits_for_first_bytes};
use super::index::{Index, Mode, Proxy};
use super::lexer::Word;
use super::sections::Line;
use super::words::milliseconds;
use crate::lint::source::Span;
use crate::lint::way::{names_acme_client, placeholder};
use crate::model::configuration::{Location, Timeout};
use crate::model::facts::{
    ConnectionLimit, Limit, ProxyLimits, ProxyRemark, ProxyRemarkKind, ServerText,
};

/// Such places of a configuration, in the order of the text.
pub fn remarks_of(index: &Index<'_>, names_of: &BTreeMap<String, Span>) -> Vec<ProxyRemark> {
    let mut found: Vec<(Span, ProxyRemarkKind)> = Vec::new();
    for word in words(index) {
        let what = placeholder(&word.text).map(ProxyRemarkKind::Placeholder);
        found.extend(what.map(|what| (word.span, what)));
    }
    const OF_GUIDE: &str = ".example.io";
    let examples = names_of.iter().filter(|(name, _)| name.ends_with(OF_GUIDE));
    found.extend(
        examples.map(|(name, at)| (*at, ProxyRemarkKind::ExampleName(ServerText::new(name)))),
    );
    for proxy in index.proxies.iter().filter(|proxy| !proxy.is_disabled()) {
        if !proxy.binds.is_empty() {
            names(proxy, &mut found);
        }
        times(proxy, &mut found);
        checks(proxy, &mut found);
    }
    found.sort_by_key(|(at, _)| (at.file, at.start));
    found.dedup();
    const MOST: usize = 100;
    found.truncate(MOST);
    let sources = &index.configuration.sources;
    let remark =
        |(at, what): (Span, ProxyRemarkKind)| ProxyRemark { at: sources.location(at), what };
    found.into_iter().map(remark).collect()
}

/// All words, of all sections.
fn words<'c>(index: &Index<'c>) -> impl Iterator<Item = &'c Word> {
    let sections = index.configuration.sections.iter();
    let lines = sections.flat_map(|section| std::iter::once(&section.head).chain(&section.lines));
    lines.flat_map(|line| &line.words)
}

/// What this HAProxy can carry.
pub fn limits_of(index: &Index<'_>) -> ProxyLimits {
    let sources = &index.configuration.sources;
    let last = |name: &str| {
        let line = index.global.iter().rev().find(|line| line.text(0) == name)?;
        (!line.is_conditional).then_some(*line)
    };
    let limit = |line: &Line| {
        // 0 is the default, which depends on the machine.
        let most = line.text(1).parse().ok().filter(|most| *most != 0)?;
        Some(Limit { most, at: Some(sources.location(line.span())) })
    };
    let shutdown = last("hard-stop-after").and_then(|line| {
        let lasts = Duration::from_millis(milliseconds(line.text(1))?);
        Some(Timeout { lasts, at: Some(sources.location(line.span())) })
    });
    ProxyLimits {
        // It counts clients; what it opens to servers comes on top of that.
        connections: last("maxconn").and_then(limit).map(|per_process| ConnectionLimit {
            per_process,
            per_client: 1,
            processes: Some(1),
        }),
        open_files: last("ulimit-n").and_then(limit),
        shutdown,
    }
}

/// Where a file of certbot or another client of ACME is named first.
pub fn acme_client(index: &Index<'_>) -> Option<Location> {
    let mut words = words(index);
    let first = words.find(|word| names_acme_client(&word.text))?;
    Some(index.configuration.sources.location(first.span))
}

/// Conditions of `use_backend` on a server name.
fn names(proxy: &Proxy<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    let of_hello = ["req.ssl_sni", "req_ssl_sni", "req.ssl_hello_type", "req_ssl_hello_type"];
    let of_session = ["ssl_fc_sni", "ssl_fc_has_sni"];
    let all_end_tls = proxy.binds.iter().all(|bind| bind.ends_tls);
    let none_ends_tls = proxy.binds.iter().all(|bind| !bind.ends_tls);
    for rule in proxy.rules(&["use_backend"]) {
        if let Some(at) = asks(proxy, rule, &of_hello) {
            let is_raw = proxy.mode().0 == Mode::Tcp && !all_end_tls;
            if !is_raw {
                found.push((at, ProxyRemarkKind::NameNotThere));
            } else if !waits_for_first_bytes(proxy) {
                found.push((at, ProxyRemarkKind::HelloNotAwaited));
            }
        }
        if none_ends_tls && let Some(at) = asks(proxy, rule, &of_session) {
            found.push((at, ProxyRemarkKind::NameNotThere));
        }
    }
}

/// Where a line asks for one of these samples, itself or in a list that it names.
fn asks(proxy: &Proxy<'_>, line: &Line, samples: &[&str]) -> Option<Span> {
    let in_line = |line: &Line, from: usize| {
        let has = |index: &usize| samples.iter().any(|sample| line.text(*index).contains(sample));
        (from..line.words.len()).find(has).map(|index| line.at(index))
    };
    let condition = condition_at(line).unwrap_or(line.words.len());
    let is_named = |name: &str| {
        line.words[condition..].iter().any(|word| word.text.trim_start_matches('!') == name)
    };
    let mut lists = proxy.rules(&["acl"]).filter(|list| is_named(list.text(1)));
    in_line(line, 1).or_else(|| lists.find_map(|list| in_line(list, 2)))
}

/// A proxy without one of the three limits about which HAProxy warns.
fn times(proxy: &Proxy<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    let lacks = |name: &str| proxy.last(&["timeout", name]).is_none();
    let has_servers = proxy.rules(&["server"]).next().is_some();
    let of_clients = !proxy.binds.is_empty() && lacks("client");
    let of_servers = proxy.is_backend() && has_servers && (lacks("server") || lacks("connect"));
    if of_clients || of_servers {
        found.push((proxy.at(), ProxyRemarkKind::TimeoutMissing));
    }
}

/// Servers on other machines without `check`. A spare one is a matter of taste.
fn checks(proxy: &Proxy<'_>, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    if !proxy.is_backend() {
        return;
    }
    for line in proxy.rules(&["server"]).filter(|line| line.words.len() > 2) {
        let is_elsewhere = match server_place(&line.words[2]) {
            ServerPlace::Tcp { host: ServerHost::Ip(address), .. } => !address.is_loopback(),
            ServerPlace::Tcp { host: ServerHost::Name(name), .. } => name != "localhost",
            _ => false,
        };
        let has = |on: &str, off: &str| server_word(proxy, line, &[on], &[off]).is_some();
        let takes_part = !has("disabled", "enabled") && !has("backup", "no-backup");
        let is_known = has("check", "no-check") || line.find(3, "track").is_some();
        if is_elsewhere && takes_part && !is_known {
            found.push((line.span(), ProxyRemarkKind::CheckMissing));
        }
    }
}
