//! From where to where a range is open or blocked, in words, when that was looked for.

use super::super::view::View;
use super::super::words;
use super::evidence::range;
use super::phrases::thousands;
use crate::model::facts::{ExtentEnd, ExtentFacts, Stretch, StretchShows};
use crate::model::observation::Blindness;
use crate::model::port::PortRange;
use crate::model::probe::ExtentLimits;

/// The stretches of one kind in a range.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extent {
    stretches: Vec<Stretch>,
    ended: ExtentEnd,
}

impl Extent {
    /// What was found of the stretches of the check's range that show `shows`; `None` where nobody
    /// looked for them, or there was nothing to find.
    pub fn of(view: &View<'_>, shows: StretchShows) -> Result<Option<Self>, Blindness> {
        let facts = view.udp()?.extent.as_ref();
        let facts = facts.filter(|facts| facts.range == range(view));
        Ok(facts.and_then(|facts| Self::showing(facts, shows)))
    }

    fn showing(facts: &ExtentFacts, shows: StretchShows) -> Option<Self> {
        let of_kind = |stretch: &&Stretch| stretch.shows == shows;
        let stretches: Vec<Stretch> = facts.stretches.iter().filter(of_kind).copied().collect();
        (!stretches.is_empty()).then_some(Self { stretches, ended: facts.ended })
    }

    /// `the hole is 54000-54999 (1,000 ports)`.
    pub fn holes(&self) -> String {
        let is = match self.stretches.as_slice() {
            [_] => "the hole is",
            [] | [_, ..] => "the holes are",
        };
        format!("{is} {}{}", self.list(), self.unfinished())
    }

    /// `blocked: 55001-60000 (5,000 ports)`.
    pub fn blocked(&self) -> String {
        format!("blocked: {}{}", self.list(), self.unfinished())
    }

    /// The stretches as a remedy takes them: `51000, 54000-54999`.
    pub fn ranges(&self) -> String {
        let ranges = self.stretches.iter().map(|stretch| stretch.ports);
        ranges.map(|range| range.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn list(&self) -> String {
        let stretches: Vec<String> = self.stretches.iter().map(in_words).collect();
        words::list(&stretches)
    }

    /// Why it may be more than that.
    fn unfinished(&self) -> String {
        match self.ended {
            ExtentEnd::Complete => String::new(),
            ExtentEnd::StepsSpent => {
                format!("; the search ended after {} steps", ExtentLimits::STEPS)
            }
            ExtentEnd::TimeSpent => {
                format!("; the search ended after {} s", ExtentLimits::LONGEST.as_secs())
            }
            ExtentEnd::NoSentinel => {
                "; edges could not be looked for: no port draws an ICMP error".to_owned()
            }
            ExtentEnd::Unheard => {
                "; the search ended early: the node had no more ICMP errors for us".to_owned()
            }
            ExtentEnd::NotSent => {
                "; the search ended early: this machine let a datagram not out".to_owned()
            }
        }
    }
}

fn in_words(stretch: &Stretch) -> String {
    let count = |ports: PortRange| match ports.single() {
        Some(_) => String::new(),
        None => format!(" ({} ports)", thousands(ports.count() as usize)),
    };
    let ports = stretch.ports;
    match (stretch.first_is_exact, stretch.last_is_exact) {
        (true, true) => format!("{ports}{}", count(ports)),
        (true, false) => format!("{ports} and perhaps more above"),
        (false, true) => format!("{ports} and perhaps more below"),
        (false, false) => format!("{ports} and perhaps more on both sides"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(ports: &str, first_is_exact: bool, last_is_exact: bool) -> Stretch {
        Stretch {
            ports: ports.parse().unwrap(),
            shows: StretchShows::Answers,
            first_is_exact,
            last_is_exact,
        }
    }

    fn extent(stretches: &[Stretch], ended: ExtentEnd) -> Extent {
        Extent { stretches: stretches.to_vec(), ended }
    }

    #[test]
    fn a_hole_is_said_with_its_size() {
        let found = extent(&[stretch("54000-54999", true, true)], ExtentEnd::Complete);
        assert_eq!(found.holes(), "the hole is 54000-54999 (1,000 ports)");
        let found = [stretch("51000", true, true), stretch("54000-54999", true, true)];
        let found = extent(&found, ExtentEnd::Complete);
        assert_eq!(found.holes(), "the holes are 51000 and 54000-54999 (1,000 ports)");
        assert_eq!(found.ranges(), "51000, 54000-54999");
    }

    #[test]
    fn what_was_not_found_out_is_said() {
        let found = [stretch("54000-54500", true, false)];
        assert_eq!(
            extent(&found, ExtentEnd::StepsSpent).holes(),
            "the hole is 54000-54500 and perhaps more above; the search ended after 28 steps"
        );
        assert_eq!(
            extent(&found, ExtentEnd::Unheard).blocked(),
            "blocked: 54000-54500 and perhaps more above; the search ended early: the node had no \
             more ICMP errors for us"
        );
    }
}
