//! What keeps HAProxy from starting, as far as the text alone shows it.

use std::collections::HashSet;

use super::address::{BindPlace, ServerPlace, server_place};
use super::certificates::Certificates;
use super::conditions::{Term, condition_at, predefined, terms};
use super::follow::Around;
use super::index::{Bind, Index, Mode, Proxy};
use super::lexer::Word;
use super::sections::{Line, Section};
use super::tls::word_without_versions;
use super::words::{OF_PROXIES, TIMEOUTS, milliseconds};
use crate::lint::certificates::start_fault;
use crate::lint::files::FileProblem;
use crate::lint::nginx::tree::TextFault;
use crate::lint::source::Span;
use crate::model::facts::{ProxyFaultKind, ServerText};

/// All faults of a configuration, in the order of the text.
pub fn faults_of(index: &Index<'_>, around: Around<'_>) -> Vec<TextFault> {
    let mut faults = Faults { index, around, found: index.configuration.faults.clone() };
    faults.check_sections();
    for proxy in &index.proxies {
        faults.check_proxy(proxy);
    }
    let has_listener = index.proxies.iter().any(|proxy| !proxy.binds.is_empty());
    let is_whole = index.configuration.sections.iter().all(|it| !it.head.is_conditional);
    if !has_listener && is_whole && faults.found.is_empty() {
        let at = Span { file: 0, start: 0, end: 1 };
        faults.lacks(at, "haproxy.cfg", "bind");
    }
    let mut found = faults.found;
    found.sort_by_key(|fault| (fault.at.file, fault.at.start));
    found.dedup();
    found
}

struct Faults<'i> {
    index: &'i Index<'i>,
    around: Around<'i>,
    found: Vec<TextFault>,
}

/// Lines that a `defaults` section never has, and those that it has only with a name.
const NOT_IN_DEFAULTS: [&str; 7] =
    ["bind", "server", "server-template", "use_backend", "redirect", "use-server", "stick-table"];
const ONLY_IN_NAMED_DEFAULTS: [&str; 5] =
    ["acl", "http-request", "http-response", "tcp-request", "tcp-response"];

impl Faults<'_> {
    fn add(&mut self, at: Span, what: ProxyFaultKind) {
        const MOST: usize = 1_000;
        if self.found.len() < MOST {
            self.found.push(TextFault { at, what });
        }
    }

    fn lacks(&mut self, at: Span, name: &str, needed: &str) {
        let (name, needed) = (ServerText::new(name), ServerText::new(needed));
        self.add(at, ProxyFaultKind::Lacks { name, needed });
    }

    fn invalid(&mut self, at: Span, name: &str) {
        self.add(at, ProxyFaultKind::InvalidValue(ServerText::new(name)));
    }

    fn word_count(&mut self, line: &Line) {
        self.add(line.span(), ProxyFaultKind::WordCount(ServerText::new(line.text(0))));
    }

    fn check_sections(&mut self) {
        let mut named: HashSet<&str> = HashSet::new();
        let mut fronts: HashSet<&str> = HashSet::new();
        let mut backs: HashSet<&str> = HashSet::new();
        for section in &self.index.configuration.sections {
            let (kind, name) = (section.kind(), section.name());
            let is_proxy = matches!(kind, "frontend" | "backend" | "listen");
            if kind == "global" {
                self.check_global(section);
            }
            if !is_proxy && kind != "defaults" {
                continue;
            }
            let head = &section.head;
            if is_proxy && name.is_empty() {
                self.word_count(head);
            }
            if let Some(from) = section.from()
                && !named.contains(from.text.as_str())
            {
                self.lacks(from.span, "from", &from.text);
            }
            let of_name = if matches!(name, "" | "from") { 1 } else { 2 };
            let of_from = if section.from().is_some() { 2 } else { 0 };
            if head.words.len() > of_name + of_from {
                self.word_count(head);
            }
            if kind == "defaults" {
                named.insert(name);
            } else if !head.is_conditional {
                let is_new_front = kind == "backend" || fronts.insert(name);
                let is_new_back = kind == "frontend" || backs.insert(name);
                if !(is_new_front && is_new_back) {
                    self.add(head.at(1), ProxyFaultKind::Conflict(ServerText::new(name)));
                }
            }
            self.check_lines(section);
        }
    }

    /// Lines of a proxy in `global`.
    fn check_global(&mut self, section: &Section) {
        const ALSO_GLOBAL: [&str; 9] = [
            "maxconn",
            "log",
            "stats",
            "description",
            "log-tag",
            "external-check",
            "no",
            "default",
            "grace",
        ];
        for line in &section.lines {
            let first = line.text(0);
            if OF_PROXIES.contains(&first) && !ALSO_GLOBAL.contains(&first) {
                let (name, within) = (ServerText::new(first), Some(ServerText::new("global")));
                self.add(line.span(), ProxyFaultKind::Misplaced { name, within });
            }
        }
    }

    fn check_lines(&mut self, section: &Section) {
        let is_defaults = section.kind() == "defaults";
        let is_named = !matches!(section.name(), "" | "from");
        for line in &section.lines {
            let first = line.text(0);
            let misplaced = is_defaults
                && (NOT_IN_DEFAULTS.contains(&first)
                    || !is_named && ONLY_IN_NAMED_DEFAULTS.contains(&first));
            if line.words[0].variable.is_none() && !OF_PROXIES.contains(&first) {
                let what = ProxyFaultKind::UnknownDirective(ServerText::new(first));
                self.add(line.words[0].span, what);
                continue;
            }
            if misplaced {
                let within = Some(ServerText::new("defaults"));
                let name = ServerText::new(first);
                self.add(line.span(), ProxyFaultKind::Misplaced { name, within });
                continue;
            }
            self.check_line(line);
        }
    }

    /// What is wrong with a line, whatever section it is in.
    fn check_line(&mut self, line: &Line) {
        let has_variable = line.words.iter().any(|word| word.variable.is_some());
        match line.text(0) {
            _ if has_variable => {}
            "mode"
                if !matches!(
                    line.text(1),
                    "tcp" | "http" | "health" | "log" | "spop" | "haterm"
                ) =>
            {
                self.invalid(line.span(), "mode");
            }
            "timeout" if line.words.len() < 3 => self.word_count(line),
            "timeout" => {
                let is_known = TIMEOUTS.contains(&line.text(1));
                if !is_known || milliseconds(line.text(2)).is_none() {
                    self.invalid(line.span(), "timeout");
                } else if line.words.len() > 3 {
                    self.word_count(line);
                }
            }
            "tcp-request"
                if line.text(1) == "inspect-delay" && milliseconds(line.text(2)).is_none() =>
            {
                self.invalid(line.span(), "tcp-request");
            }
            "maxconn" if line.text(1).parse::<u32>().is_err() => {
                self.invalid(line.span(), "maxconn");
            }
            "acl" if line.words.len() < 3 => self.word_count(line),
            "default_backend" | "use_backend" | "bind" if line.words.len() < 2 => {
                self.word_count(line);
            }
            "server" if line.words.len() < 3 => self.word_count(line),
            "server" if server_place(&line.words[2]) == ServerPlace::Invalid => {
                self.invalid(line.at(2), "server");
            }
            _ => {}
        }
    }

    fn check_proxy(&mut self, proxy: &Proxy<'_>) {
        self.check_binds(proxy);
        let mut servers: HashSet<&str> = HashSet::new();
        let mut lists: HashSet<&str> = HashSet::new();
        for line in &proxy.lines {
            match line.text(0) {
                "acl" => {
                    lists.insert(line.text(1));
                }
                "server" if !proxy.is_backend() => {
                    let within = Some(ServerText::new("frontend"));
                    let name = ServerText::new("server");
                    self.add(line.span(), ProxyFaultKind::Misplaced { name, within });
                }
                "server"
                    if !line.is_conditional
                        && line.words.len() > 2
                        && !servers.insert(line.text(1)) =>
                {
                    let what = ProxyFaultKind::Conflict(ServerText::new(line.text(1)));
                    self.add(line.at(1), what);
                }
                // Also in a backend, where it does nothing.
                "use_backend" | "default_backend" => self.check_backend(proxy, line),
                _ => {}
            }
            self.check_condition(line, &lists);
            self.check_files(line);
        }
    }

    fn check_binds(&mut self, proxy: &Proxy<'_>) {
        for bind in &proxy.binds {
            let line = bind.line;
            if bind.place == BindPlace::Invalid {
                self.invalid(line.at(1), "bind");
            }
            let has_certificate = ["crt", "crt-list", "ssl-f-use", "generate-certificates"];
            let has_certificate = has_certificate.iter().any(|word| line.find(2, word).is_some());
            let uses_store = proxy.lines.iter().any(|line| line.text(0) == "ssl-f-use");
            if bind.ends_tls && !has_certificate && !uses_store && !bind.is_strict {
                let at = line.find(2, "ssl").map_or(line.span(), |index| line.at(index));
                self.lacks(at, "ssl", "crt");
            }
            for index in 2..line.words.len().saturating_sub(1) {
                let word = &line.words[index + 1];
                if line.text(index) == "crt-list" {
                    self.check_file(word, &self.around.lists.full_path(&word.text));
                }
            }
            if bind.ends_tls && !line.is_conditional {
                if let Some(at) = word_without_versions(self.index, bind) {
                    let word = self.index.configuration.sources.bytes_at(at);
                    let word = String::from_utf8_lossy(word).into_owned();
                    self.invalid(at, &word);
                }
                self.check_certificates(bind);
            }
        }
    }

    /// HAProxy opens all files of certificates when it starts.
    fn check_certificates(&mut self, bind: &Bind<'_>) {
        for own in Certificates::new(self.index, bind, self.around).files {
            let key = own.file.key.as_ref().map(|key| key.file.path.unquoted().to_owned());
            if let Some((_, what)) = start_fault(&own.file, &own.path, key.as_deref()) {
                self.add(own.at, what);
            }
        }
    }

    /// The files of patterns and maps that a line names.
    fn check_files(&mut self, line: &Line) {
        for (index, word) in line.words.iter().enumerate() {
            let is_list = index > 0 && line.text(index - 1) == "-f" && line.text(0) != "bind";
            let map = word.text.split_once("map").and_then(|(_, rest)| rest.split_once('('));
            let map = map.and_then(|(_, rest)| rest.split([',', ')']).next());
            match map {
                _ if is_list => self.check_file(word, &self.around.lists.full_path(&word.text)),
                Some(path) if path.contains('/') => {
                    self.check_file(word, &self.around.lists.full_path(path));
                }
                _ => {}
            }
        }
    }

    fn check_file(&mut self, word: &Word, path: &str) {
        const LARGEST: usize = 4 * 1024 * 1024;
        let is_optional = word.text.contains("opt@") || word.text.contains("virt@");
        if word.variable.is_some() || is_optional {
            return;
        }
        if self.around.files.read(path, LARGEST) == Err(FileProblem::Missing) {
            self.add(word.span, ProxyFaultKind::FileMissing(ServerText::new(path)));
        }
    }

    fn check_backend(&mut self, proxy: &Proxy<'_>, line: &Line) {
        let name = line.text(1);
        let is_computed =
            name.contains('%') || line.words.get(1).is_none_or(|it| it.variable.is_some());
        if is_computed || line.is_conditional {
            return;
        }
        match self.index.backend(name) {
            None => self.lacks(line.at(1), line.text(0), name),
            Some(backend) => {
                let is_by_condition =
                    |proxy: &Proxy<'_>| proxy.mode().1.is_some_and(|line| line.is_conditional);
                let modes = (proxy.mode().0, backend.mode().0);
                if modes == (Mode::Http, Mode::Tcp)
                    && !is_by_condition(proxy)
                    && !is_by_condition(backend)
                {
                    self.invalid(line.span(), line.text(0));
                }
            }
        }
    }

    /// A condition names only lists that stand before it.
    fn check_condition(&mut self, line: &Line, lists: &HashSet<&str>) {
        const WITH_CONDITION: [&str; 7] = [
            "use_backend",
            "http-request",
            "http-response",
            "redirect",
            "use-server",
            "tcp-request",
            "tcp-response",
        ];
        if !WITH_CONDITION.contains(&line.text(0)) || condition_at(line).is_none() {
            return;
        }
        let Some(parts) = terms(line) else {
            return self.invalid(line.span(), line.text(0));
        };
        for (_, term) in parts.iter().flatten() {
            let Term::Named(word) = term else { continue };
            let name = word.text.trim_start_matches('!');
            let is_known = lists.contains(name) || predefined(name).is_some();
            if word.variable.is_none() && !is_known && !line.is_conditional {
                self.lacks(word.span, line.text(0), name);
            }
        }
    }
}
