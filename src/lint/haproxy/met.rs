//! What else holds for a connection on its way through HAProxy: whom it lets in, and how many.

use super::conditions::{Term, Truth, terms};
use super::follow::{Walk, server_word};
use super::index::{Bind, Proxy};
use super::lexer::Word;
use super::sections::Line;
use super::values::{Samples, State, is_counter};
use crate::lint::source::Span;
use crate::lint::way::{Ended, network_block};
use crate::model::configuration::{Admission, CloseCause, MemberState, MetSetting, Throttle};
use crate::model::facts::{NetworkBlock, ServerText};

impl<'c> Walk<'c> {
    /// The connection meets something that holds for it.
    pub fn meet(&mut self, at: Span, what: MetSetting) {
        let what = (at, what);
        if !self.met.contains(&what) {
            self.met.push(what);
        }
    }

    /// Whether a rule that refuses connections refuses this one, and why. Whom else it refuses is met.
    ///
    /// # Errors
    /// That is not known.
    pub fn refuses(
        &mut self,
        proxy: &'c Proxy<'c>,
        line: &'c Line,
    ) -> Result<Option<CloseCause>, Ended> {
        let applies = self.applies(proxy, line)?;
        let would = |change: fn(&mut State)| self.would_apply(proxy, line, change);
        let of_listed = would(|state| state.is_listed = true);
        let of_frequent = would(|state| state.is_frequent = true);
        if applies {
            if of_listed != Truth::No && !self.lets_in_listed {
                return Ok(Some(CloseCause::Configured));
            }
            self.meet(line.span(), MetSetting::AccessList(Admission::Named));
            return Ok(Some(CloseCause::AccessDenied));
        }
        if of_listed == Truth::Yes {
            let networks = self.networks_of(proxy, line);
            self.meet(line.span(), MetSetting::AccessList(Admission::AllBut(networks)));
        }
        if of_frequent == Truth::Yes {
            self.meet(line.span(), MetSetting::Throttle(throttle_of(proxy, line)));
        }
        Ok(None)
    }

    /// Whether a rule that accepts connections accepts this one. That it accepts those of a list is kept.
    ///
    /// # Errors
    /// That is not known.
    pub fn accepts(&mut self, proxy: &'c Proxy<'c>, line: &'c Line) -> Result<bool, Ended> {
        let applies = self.applies(proxy, line)?;
        let of_listed = self.would_apply(proxy, line, |state| state.is_listed = true);
        self.lets_in_listed |= !applies && of_listed == Truth::Yes;
        Ok(applies)
    }

    fn would_apply(&self, proxy: &Proxy<'c>, line: &Line, change: fn(&mut State)) -> Truth {
        let mut state = self.state.clone();
        change(&mut state);
        let around = self.around;
        Samples { state: &state, files: around.files, lists: around.lists }.applies(proxy, line)
    }

    /// The networks that a condition on the source has.
    fn networks_of(&self, proxy: &Proxy<'c>, line: &Line) -> Vec<NetworkBlock> {
        let mut networks = Vec::new();
        for words in lists_of(proxy, line) {
            let is_source = |word: &Word| matches!(word.text.as_str(), "src" | "fc_src");
            if !words.first().is_some_and(is_source) {
                continue;
            }
            for (position, word) in words.iter().enumerate().skip(1) {
                if words[position - 1].text == "-f" {
                    let lines = self.samples().list(&word.text).unwrap_or_default();
                    networks.extend(lines.iter().filter_map(|line| network_block(line)));
                } else {
                    networks.extend(network_block(&word.text));
                }
            }
        }
        networks
    }

    /// The most connections that a listener takes.
    pub fn meet_limits(&mut self, proxy: &'c Proxy<'c>, bind: &'c Bind<'c>) {
        let of_proxy = proxy.last(&["maxconn"]).map(|line| (line.text(1), line.span()));
        let of_bind = bind.line.find(2, "maxconn").map(|index| {
            (bind.line.text(index + 1), bind.line.at(index).to(bind.line.at(index + 1)))
        });
        for (most, at) in of_proxy.into_iter().chain(of_bind) {
            self.meet_limit(most, at);
        }
    }

    fn meet_limit(&mut self, most: &str, at: Span) {
        // 0 means none.
        if let Some(most) = most.parse().ok().filter(|most| *most != 0) {
            self.meet(at, MetSetting::MostConnections(most));
        }
    }

    /// How a server takes part, and the most connections that it gets.
    pub fn meet_server(&mut self, backend: &'c Proxy<'c>, line: &'c Line) {
        let states = [
            (MemberState::Down, "disabled", "enabled"),
            (MemberState::Backup, "backup", "no-backup"),
        ];
        for (state, on, off) in states {
            if let Some((_, at)) = server_word(backend, line, &[on], &[off]) {
                let address = ServerText::new(line.text(2));
                self.meet(at, MetSetting::Member { address, state });
            }
        }
        if let Some(index) = line.find(3, "maxconn") {
            self.meet_limit(line.text(index + 1), line.at(index).to(line.at(index + 1)));
        }
    }
}

/// The lists of a condition, each with its expression, flags and patterns.
fn lists_of<'c>(proxy: &Proxy<'c>, line: &'c Line) -> Vec<&'c [Word]> {
    let mut lists: Vec<&'c [Word]> = Vec::new();
    for (_, term) in terms(line).unwrap_or_default().into_iter().flatten() {
        match term {
            Term::Anonymous(words) => lists.push(words),
            Term::Named(name) => {
                let name = name.text.trim_start_matches('!');
                let own = proxy.rules(&["acl"]).filter(|line| line.text(1) == name);
                lists.extend(own.filter_map(|line| line.words.get(2..)));
            }
        }
    }
    lists
}

/// What a condition on a counter limits.
fn throttle_of(proxy: &Proxy<'_>, line: &Line) -> Throttle {
    let counters: Vec<&str> = lists_of(proxy, line)
        .into_iter()
        .filter_map(|words| words.first())
        .map(|word| word.text.as_str())
        .filter(|text| is_counter(text) || text.contains(",table_"))
        .collect();
    let counts = |part: &str| counters.iter().any(|counter| counter.contains(part));
    if counts("http_") {
        Throttle::Requests
    } else if counts("bytes_") {
        Throttle::Rate
    } else {
        Throttle::Connections
    }
}
