//! A range of UDP ports as a strip of characters, where it is uneven: which part of it answers.

use crate::model::facts::{Facts, IcmpMeaning, SweepFacts, UdpAnswer, UdpFacts};
use crate::model::observation::Outcome;
use crate::model::port::PortRange;
use crate::model::report::{Finding, Report};
use crate::output::text;

/// The most columns between the ends.
const WIDEST: usize = 50;

/// With fewer columns there is nothing to see.
const NARROWEST: usize = 10;

/// What the ports in one column sent back. Of several, the one that says most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Silent,
    /// An ICMP error by which somebody on the way says no.
    Refused,
    /// Packets get in: an answer, or port unreachable.
    LetsIn,
}

impl Cell {
    const ALL: [Self; 3] = [Self::Silent, Self::Refused, Self::LetsIn];

    fn of(answer: &UdpAnswer) -> Option<Self> {
        match answer {
            UdpAnswer::Stun | UdpAnswer::Data(_) | UdpAnswer::Unrelated(_) => Some(Self::LetsIn),
            UdpAnswer::Icmp(error) if error.meaning() == IcmpMeaning::PortUnreachable => {
                Some(Self::LetsIn)
            }
            UdpAnswer::Icmp(_) => Some(Self::Refused),
            UdpAnswer::Silent => Some(Self::Silent),
            UdpAnswer::NotSent => None,
        }
    }

    fn mark(self) -> char {
        match self {
            Self::Silent => '-',
            Self::Refused => 'x',
            Self::LetsIn => '!',
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::LetsIn => "answers",
        }
    }
}

/// The strip of a finding about a range of which every port was asked, with its legend, in at most
/// `width` columns; nothing where all ports did the same.
pub fn of(report: &Report, finding: &Finding, width: usize) -> Option<[String; 2]> {
    let range = finding.target.port?;
    let facts = finding.evidence.iter().filter_map(|index| report.observation(*index)).find_map(
        |observation| match &observation.outcome {
            Outcome::Saw(Facts::Udp(facts)) => Some(facts),
            Outcome::Saw(_) | Outcome::Blind(_) => None,
        },
    )?;
    let is_swept = |swept: &SweepFacts| swept.range == range && swept.sent > 0;
    facts.swept.filter(is_swept)?;
    drawn(facts, range, width)
}

fn drawn(facts: &UdpFacts, range: PortRange, width: usize) -> Option<[String; 2]> {
    let (first, last) = (range.first().to_string(), range.last().to_string());
    // An indent that says "as it is", a space and a bar at each side.
    let free = width.checked_sub(text::columns(&first) + text::columns(&last) + 6)?;
    let columns = free.min(WIDEST).min(range.count() as usize);
    if columns < NARROWEST {
        return None;
    }
    let mut cells = vec![Cell::Silent; columns];
    for port in facts.ports.iter().filter(|port| range.contains(port.port)) {
        let offset = usize::from(port.port.number() - range.first().number());
        let column = offset * columns / range.count() as usize;
        if let Some(cell) = Cell::of(&port.answer) {
            cells[column] = cells[column].max(cell);
        }
    }
    let present: Vec<Cell> = (Cell::ALL.into_iter()).filter(|cell| cells.contains(cell)).collect();
    if present.len() < 2 {
        return None;
    }
    let strip: String = cells.iter().map(|cell| cell.mark()).collect();
    let legend = present.iter().map(|cell| format!("{} {}", cell.mark(), cell.words()));
    let legend = legend.collect::<Vec<_>>().join("   ");
    let indent = text::columns(&first) + 3;
    Some([format!(" {first} |{strip}| {last}"), format!("{:indent$}{legend}", "")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::UdpPortFacts;
    use crate::model::port::Port;

    fn facts(answered: &[(u16, UdpAnswer)]) -> UdpFacts {
        UdpFacts {
            extent: None,
            ports: answered
                .iter()
                .map(|(port, answer)| UdpPortFacts {
                    port: Port::new(*port).unwrap(),
                    sent_ms: vec![0],
                    answer: answer.clone(),
                    answered_ms: None,
                })
                .collect(),
            swept: Some(SweepFacts {
                withheld: false,
                range: range(),
                copies: 2,
                sent: 20_000,
                unsent: 0,
                first_sent_ms: Some(0),
                last_sent_ms: Some(1000),
            }),
            sentinels: Vec::new(),
        }
    }

    fn range() -> PortRange {
        "50000-60000".parse().unwrap()
    }

    #[test]
    fn the_one_port_that_answers_is_marked_where_it_lies() {
        let facts = facts(&[(50_000, UdpAnswer::Silent), (55_000, UdpAnswer::Stun)]);
        let [strip, legend] = drawn(&facts, range(), 36).unwrap();
        assert_eq!(strip, " 50000 |---------!----------| 60000");
        assert_eq!(legend, "        - silent   ! answers");
    }

    #[test]
    fn the_ends_lie_in_the_first_and_the_last_column() {
        let facts = facts(&[(50_000, UdpAnswer::Stun), (60_000, UdpAnswer::Stun)]);
        let [strip, _] = drawn(&facts, range(), 26).unwrap();
        assert_eq!(strip, " 50000 |!--------!| 60000");
    }

    #[test]
    fn an_even_range_and_a_narrow_page_have_no_strip() {
        assert_eq!(drawn(&facts(&[]), range(), 68), None);
        let uneven = facts(&[(55_000, UdpAnswer::Stun)]);
        assert_eq!(drawn(&uneven, range(), 25), None);
        assert_eq!(drawn(&uneven, range(), 3), None);
    }
}
