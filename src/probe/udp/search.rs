//! Which port to ask next, so that the edges between ports that answer and ports that do not are
//! found in a few steps.

use std::collections::BTreeMap;

use crate::model::facts::{Stretch, StretchShows};
use crate::model::port::{Port, PortRange};

/// What is known of one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It answers: seen before the search.
    AnswersAnyway,
    /// It answers: found by a step.
    Answers,
    /// It does not, although an error could have been sent.
    Blocked,
    /// It sent nothing so far, for whatever reason.
    Unheard,
}

/// A port, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KnownPort {
    port: Port,
    known: Known,
}

impl Known {
    fn shows(self) -> Option<StretchShows> {
        match self {
            Self::AnswersAnyway | Self::Answers => Some(StretchShows::Answers),
            Self::Blocked => Some(StretchShows::Blocked),
            Self::Unheard => None,
        }
    }
}

/// How the range was asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Every port: where one answers, its silent neighbour is probably an edge.
    Swept,
    /// A few ports: each says what those around it do.
    Sampled,
}

/// A search in one range.
#[derive(Debug)]
pub(super) struct Search {
    range: PortRange,
    before: Before,
    known: BTreeMap<Port, Known>,
}

impl Search {
    /// A search in `range` that begins with what is known of some of its ports.
    pub fn new(range: PortRange, before: Before, known: &[(Port, Known)]) -> Self {
        let ends = [range.first(), range.last()].map(|port| (port, Known::Unheard));
        let inside = known.iter().filter(|(port, _)| range.contains(*port));
        Self { range, before, known: ends.into_iter().chain(inside.copied()).collect() }
    }

    /// The port to ask; `None` when no edge is left to find.
    pub fn next(&self) -> Option<Port> {
        let answers = |known: &Known| known.shows() == Some(StretchShows::Answers);
        // Without one there is no edge.
        if !self.known.values().any(answers) {
            return None;
        }
        let ports = || self.known.iter().map(|(&port, &known)| KnownPort { port, known });
        let edge = ports().zip(ports().skip(1)).find_map(|(low, high)| self.between(low, high));
        edge.or_else(|| self.unheard())
    }

    /// What the port of [`Self::next`] showed.
    pub fn note(&mut self, port: Port, shows: StretchShows) {
        let known = match shows {
            StretchShows::Answers => Known::Answers,
            StretchShows::Blocked => Known::Blocked,
        };
        self.known.insert(port, known);
    }

    /// The port to ask for the edge between two neighbouring ports of those that are known.
    fn between(&self, low: KnownPort, high: KnownPort) -> Option<Port> {
        use StretchShows::{Answers, Blocked};
        let is_likely_edge =
            |port: KnownPort| port.known == Known::AnswersAnyway && self.before == Before::Swept;
        let apart = distance(low.port, high.port);
        let (answers, other) = match (low.known.shows(), high.known.shows()) {
            (Some(Answers), Some(Blocked) | None) => (low, high),
            (Some(Blocked) | None, Some(Answers)) => (high, low),
            // Either one hole of which the node had no more errors to send, or two.
            (Some(Answers), Some(Answers)) => {
                let is_edge = apart > 1 && is_likely_edge(low);
                return is_edge.then(|| towards(low.port, high.port, 1));
            }
            (Some(Blocked) | None, Some(Blocked) | None) => return None,
        };
        if apart > 1 && is_likely_edge(answers) {
            Some(towards(answers.port, other.port, 1))
        } else if other.known == Known::Unheard {
            Some(other.port)
        } else {
            (apart > 1).then(|| towards(answers.port, other.port, apart / 2))
        }
    }

    /// A port of a sample whose silence said nothing.
    fn unheard(&self) -> Option<Port> {
        match self.before {
            // The node had errors for those that answered; most of these were dropped.
            Before::Swept => None,
            Before::Sampled => {
                let mut known = self.known.iter();
                known.find_map(|(port, known)| (*known == Known::Unheard).then_some(*port))
            }
        }
    }

    /// What was found, in the order of the ports.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let known = self.known.iter();
        let shown = known.filter_map(|(port, known)| known.shows().map(|shows| (*port, shows)));
        for (port, shows) in shown {
            let begins = match stretches.last_mut() {
                Some(last) if last.shows == shows => {
                    last.ports = range(last.ports.first(), port);
                    continue;
                }
                Some(last) => {
                    last.last_is_exact = distance(last.ports.last(), port) == 1;
                    last.last_is_exact
                }
                None => port == self.range.first(),
            };
            stretches.push(Stretch {
                ports: port.into(),
                shows,
                first_is_exact: begins,
                last_is_exact: false,
            });
        }
        if let Some(last) = stretches.last_mut() {
            last.last_is_exact = last.ports.last() == self.range.last();
        }
        stretches
    }
}

fn range(first: Port, last: Port) -> PortRange {
    PortRange::new(first, last).expect("the ports come in the order of their numbers")
}

fn distance(one: Port, other: Port) -> u16 {
    one.number().abs_diff(other.number())
}

/// The port that lies `steps` from `from` on the way to `to`.
fn towards(from: Port, to: Port, steps: u16) -> Port {
    let number = if from < to { from.number() + steps } else { from.number() - steps };
    Port::new(number).expect("what lies between two ports is a port")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    /// Searches 50000-60000 of a node that answers at these ports, and tells the stretches that
    /// answer (or do not), with `~` at an edge that is not exact, and the number of steps.
    fn found(
        before: Before,
        known: &[(u16, Known)],
        answers: impl Fn(u16) -> bool,
        most: usize,
    ) -> (String, usize) {
        let known: Vec<_> = known.iter().map(|(it, known)| (port(*it), *known)).collect();
        let mut search = Search::new("50000-60000".parse().unwrap(), before, &known);
        let mut steps = 0;
        while steps < most
            && let Some(next) = search.next()
        {
            search.note(
                next,
                if answers(next.number()) { StretchShows::Answers } else { StretchShows::Blocked },
            );
            steps += 1;
        }
        let stretches = search.stretches();
        let wanted = match before {
            Before::Swept => StretchShows::Answers,
            Before::Sampled => StretchShows::Blocked,
        };
        let words = stretches.iter().filter(|it| it.shows == wanted).map(|it| {
            let mark = |is_exact| if is_exact { "" } else { "~" };
            format!("{}{}{}", mark(it.first_is_exact), it.ports, mark(it.last_is_exact))
        });
        (words.collect::<Vec<_>>().join(" "), steps)
    }

    const SWEPT: [(u16, Known); 3] =
        [(50_000, Known::Unheard), (55_000, Known::Unheard), (60_000, Known::Unheard)];

    fn swept(answered: &[u16], hole: impl Fn(u16) -> bool) -> (String, usize) {
        let mut known = SWEPT.to_vec();
        known.extend(answered.iter().map(|port| (*port, Known::AnswersAnyway)));
        found(Before::Swept, &known, hole, 28)
    }

    #[test]
    fn one_open_port_costs_two_steps() {
        let hole = |port| port == 54_321;
        assert_eq!(swept(&[54_321], hole), ("54321".to_owned(), 2));
    }

    #[test]
    fn the_hole_of_which_the_sweep_found_the_beginning() {
        let hole = |port| (54_000..=54_999).contains(&port);
        let answered = [54_000, 54_001, 54_002, 54_003, 54_004, 54_005];
        let (words, steps) = swept(&answered, hole);
        assert_eq!(words, "54000-54999");
        assert!(steps <= 13, "{steps}");
    }

    #[test]
    fn a_hole_at_the_end_of_the_range_ends_there() {
        let (words, steps) = swept(&[57_000, 57_001], |port| port >= 57_000);
        assert_eq!(words, "57000-60000");
        assert_eq!(steps, 3);
    }

    #[test]
    fn two_holes_are_two() {
        let hole = |port| port == 51_000 || (52_000..52_010).contains(&port);
        let (words, steps) = swept(&[51_000, 52_000, 52_001, 52_009], hole);
        assert_eq!(words, "51000 52000-52009");
        assert!(steps <= 8, "{steps}");
    }

    #[test]
    fn a_hole_that_begins_in_the_middle_and_was_seen_from_inside() {
        let hole = |port| (50_101..=59_899).contains(&port);
        let known =
            [(50_000, Known::Unheard), (55_000, Known::AnswersAnyway), (60_000, Known::Unheard)];
        let (words, steps) = found(Before::Swept, &known, hole, 40);
        assert_eq!(words, "50101-59899");
        assert!(steps <= 30, "{steps}");
    }

    #[test]
    fn what_a_search_that_ends_early_did_not_find_it_does_not_say() {
        let hole = |port| (54_000..=54_999).contains(&port);
        let mut known = SWEPT.to_vec();
        known.push((54_000, Known::AnswersAnyway));
        let (words, _) = found(Before::Swept, &known, hole, 4);
        assert_eq!(words, "54000-54500~");
    }

    const SAMPLED: [(u16, Known); 4] = [
        (50_000, Known::AnswersAnyway),
        (52_345, Known::AnswersAnyway),
        (55_000, Known::AnswersAnyway),
        (60_000, Known::Unheard),
    ];

    #[test]
    fn the_blocked_end_of_an_open_range() {
        let (words, steps) = found(Before::Sampled, &SAMPLED, |port| port <= 55_000, 28);
        assert_eq!(words, "55001-60000");
        assert!(steps <= 14, "{steps}");
    }

    #[test]
    fn a_port_that_was_not_heard_is_asked_before_anything_follows_from_it() {
        let (words, steps) = found(Before::Sampled, &SAMPLED, |_| true, 28);
        assert_eq!((words.as_str(), steps), ("", 1));
    }

    #[test]
    fn a_range_that_is_silent_has_no_edges() {
        let silent = [(50_000, Known::Unheard), (55_000, Known::Unheard)];
        for before in [Before::Swept, Before::Sampled] {
            assert_eq!(found(before, &silent, |_| false, 28), (String::new(), 0));
        }
    }

    #[test]
    fn two_edges_are_found_with_the_steps_that_there_are() {
        let known = [
            (50_000, Known::AnswersAnyway),
            (55_000, Known::Unheard),
            (60_000, Known::AnswersAnyway),
        ];
        for (first, last) in [(50_001, 59_999), (54_321, 56_789), (55_000, 55_000)] {
            let blocked = |port| (first..=last).contains(&port);
            let (words, _) = found(Before::Sampled, &known, |port| !blocked(port), 28);
            let expected: PortRange = format!("{first}-{last}").parse().unwrap();
            assert_eq!(words, expected.to_string());
        }
    }
}
