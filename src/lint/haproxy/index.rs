//! The proxies of an HAProxy configuration, each with the lines of its `defaults`.

use std::collections::HashMap;

use super::address::{BindPlace, FamilyWords, bind_place};
use super::lexer::Word;
use super::sections::{Configuration, Line, Section};
use crate::lint::source::Span;

/// A configuration, by kind.
#[derive(Debug)]
pub struct Index<'c> {
    pub configuration: &'c Configuration,
    pub proxies: Vec<Proxy<'c>>,
    pub global: Vec<&'c Line>,
}

/// A `frontend`, `backend` or `listen`.
#[derive(Debug)]
pub struct Proxy<'c> {
    pub section: &'c Section,
    /// Those of its `defaults` first.
    pub lines: Vec<&'c Line>,
    pub binds: Vec<Bind<'c>>,
}

/// An address at which a proxy listens.
#[derive(Debug, Clone)]
pub struct Bind<'c> {
    pub line: &'c Line,
    pub place: BindPlace,
    pub ends_tls: bool,
    pub reads_proxy_header: bool,
    pub is_strict: bool,
    pub verifies_client: bool,
}

/// How a proxy handles its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Tcp,
    Http,
    /// `health`, `log`, `spop`, `haterm`.
    Other,
}

impl<'c> Index<'c> {
    pub fn new(configuration: &'c Configuration) -> Self {
        let mut proxies = Vec::new();
        let mut global = Vec::new();
        let mut named: HashMap<&str, Vec<&'c Line>> = HashMap::new();
        let mut last: Vec<&'c Line> = Vec::new();
        for section in &configuration.sections {
            let inherited = |last: &Vec<&'c Line>| match section.from() {
                Some(name) => named.get(name.text.as_str()).cloned().unwrap_or_default(),
                None if section.kind() == "defaults" => Vec::new(),
                None => last.clone(),
            };
            match section.kind() {
                "global" => global.extend(&section.lines),
                "defaults" => {
                    let mut lines = inherited(&last);
                    lines.extend(&section.lines);
                    if !matches!(section.name(), "" | "from") {
                        named.insert(section.name(), lines.clone());
                    }
                    last = lines;
                }
                "frontend" | "backend" | "listen" => {
                    let mut lines = inherited(&last);
                    lines.extend(&section.lines);
                    proxies.push(Proxy::new(section, lines));
                }
                _ => {}
            }
        }
        Self { configuration, proxies, global }
    }

    /// The backend with this name.
    pub fn backend(&self, name: &str) -> Option<&Proxy<'c>> {
        self.proxies.iter().find(|proxy| proxy.is_backend() && proxy.section.name() == name)
    }

    /// A directory before relative paths of certificates or lists (`crt-base`, `ca-base`).
    pub fn base(&self, keyword: &str) -> Option<&'c str> {
        self.global.iter().rev().find(|line| line.text(0) == keyword).map(|line| line.text(1))
    }
}

impl<'c> Proxy<'c> {
    fn new(section: &'c Section, lines: Vec<&'c Line>) -> Self {
        let of_bind = |line: &&'c Line| line.text(0) == "bind" && line.words.len() > 1;
        let binds = section.lines.iter().filter(of_bind).flat_map(binds_of).collect();
        Self { section, lines, binds }
    }

    pub fn is_frontend(&self) -> bool {
        self.section.kind() != "backend"
    }

    pub fn is_backend(&self) -> bool {
        self.section.kind() != "frontend"
    }

    /// The last line that begins with these words, also behind `no`.
    pub fn last(&self, start: &[&str]) -> Option<&'c Line> {
        self.lines.iter().rev().find(|line| line.is(start)).copied()
    }

    /// Whether an option is set, and where.
    pub fn option(&self, name: &str) -> Option<&'c Line> {
        let names =
            |line: &&&'c Line| line.is(&["option", name]) || line.is(&["no", "option", name]);
        let line = self.lines.iter().rev().find(names)?;
        (line.text(0) == "option").then_some(*line)
    }

    pub fn mode(&self) -> (Mode, Option<&'c Line>) {
        match self.last(&["mode"]) {
            None => (Mode::Tcp, None),
            Some(line) => {
                let mode = match line.text(1) {
                    "tcp" => Mode::Tcp,
                    "http" => Mode::Http,
                    _ => Mode::Other,
                };
                (mode, Some(line))
            }
        }
    }

    /// Whether it does nothing (`disabled`).
    pub fn is_disabled(&self) -> bool {
        let mut state = self.lines.iter().rev().map(|line| line.text(0));
        state.find(|word| matches!(*word, "disabled" | "enabled")) == Some("disabled")
    }

    /// All lines that begin with these words, in their order.
    pub fn rules<'s>(&'s self, start: &'s [&'s str]) -> impl Iterator<Item = &'c Line> + 's {
        self.lines.iter().filter(move |line| line.is(start)).copied()
    }

    pub fn at(&self) -> Span {
        self.section.head.span()
    }
}

fn binds_of(line: &Line) -> impl Iterator<Item = Bind<'_>> {
    let word: &Word = &line.words[1];
    let has = |text: &str| line.find(2, text).is_some();
    let families = FamilyWords { v4v6: has("v4v6"), v6only: has("v6only") };
    let verify = line.find(2, "verify").map(|index| line.text(index + 1));
    let bind = Bind {
        line,
        place: BindPlace::Invalid,
        ends_tls: has("ssl"),
        reads_proxy_header: has("accept-proxy"),
        is_strict: has("strict-sni"),
        verifies_client: verify == Some("required"),
    };
    word.text
        .split(',')
        .map(move |part| Bind { place: bind_place(word, part, families), ..bind.clone() })
}
