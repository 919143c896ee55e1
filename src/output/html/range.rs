//! A range of UDP ports as a strip: what each part of it sent back.

use crate::output::shown::{ShownFacts, ShownFinding, ShownPorts, ShownReport, ShownUdpPort};

/// The columns of a strip.
const COLUMNS: usize = 60;

/// A range at one address.
pub struct Strip {
    pub place: String,
    pub first: u16,
    pub last: u16,
    pub verdict: super::Mark,
    pub columns: Vec<StripColumn>,
    /// How many ports sent what.
    pub legend: Vec<(Answer, usize)>,
}

/// A column, counted from 0.
pub struct StripColumn {
    pub at: usize,
    pub answer: Answer,
}

/// What ports sent back; of several in one column, the last of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    NotAsked,
    Silent,
    /// An ICMP error by which a firewall says no.
    Refused,
    /// Packets get in: an answer, or an error of the machine itself that the port is closed.
    LetsIn,
}

impl Answer {
    const ALL: [Self; 4] = [Self::LetsIn, Self::Refused, Self::Silent, Self::NotAsked];

    fn of(port: &ShownUdpPort) -> Self {
        let icmp = port.answer.get("icmp");
        match (port.answer.as_str(), icmp) {
            (Some("stun"), _) => Self::LetsIn,
            (Some("silent"), _) => Self::Silent,
            (None, Some(error)) => {
                let number = |key: &str| error.get(key).and_then(serde_json::Value::as_u64);
                // Port unreachable (RFC 792, RFC 4443): the datagram got to the machine.
                match (error.get("family").and_then(|f| f.as_str()), number("type"), number("code"))
                {
                    (Some("ipv4"), Some(3), Some(3)) | (Some("ipv6"), Some(1), Some(4)) => {
                        Self::LetsIn
                    }
                    _ => Self::Refused,
                }
            }
            (None, None) => Self::LetsIn,
            (Some(_), _) => Self::NotAsked,
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            Self::NotAsked => "unasked",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::LetsIn => "letsin",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::NotAsked => "not tested",
            Self::Silent => "silent",
            Self::Refused => "refused by a firewall",
            Self::LetsIn => "reached the machine",
        }
    }

    /// How high its column is, of 8: what is told by colour is told by height too.
    pub fn height(self) -> usize {
        match self {
            Self::NotAsked => 1,
            Self::Silent => 3,
            Self::Refused => 5,
            Self::LetsIn => 8,
        }
    }
}

/// The ranges that were checked, each once for each address.
pub fn strips(report: &ShownReport) -> Vec<Strip> {
    let mut strips: Vec<Strip> = Vec::new();
    for finding in &report.findings {
        let place = finding.target.full_place();
        if strips.iter().any(|known| known.place == place) {
            continue;
        }
        strips.extend(strip(report, finding, place));
    }
    strips
}

fn strip(report: &ShownReport, finding: &ShownFinding, place: String) -> Option<Strip> {
    let ShownPorts::Range { first, last } = finding.target.port? else { return None };
    let evidence = |id: &String| finding.evidence.contains(id);
    let (ports, swept) = report.observations.iter().filter(|seen| evidence(&seen.id)).find_map(
        |seen| match &seen.facts {
            Some(ShownFacts::Udp { ports, swept }) => Some((ports, swept)),
            Some(ShownFacts::Tls { .. } | ShownFacts::Other) | None => None,
        },
    )?;
    let whole = ShownPorts::Range { first, last };
    let swept = swept.as_ref().filter(|swept| swept.range == whole && swept.sent > 0);
    let others = if swept.is_some() { Answer::Silent } else { Answer::NotAsked };
    let all = usize::from(last - first) + 1;
    let columns = COLUMNS.min(all);
    let mut cells = vec![others; columns];
    let mut numbers = [0; 4];
    let mut answered = 0;
    for port in ports.iter().filter(|port| (first..=last).contains(&port.port)) {
        let answer = Answer::of(port);
        let column = usize::from(port.port - first) * columns / all;
        cells[column] = cells[column].max(answer);
        numbers[answer as usize] += 1;
        answered += 1;
    }
    let unsent = swept.map_or(0, |swept| swept.unsent as usize);
    numbers[others as usize] += all - answered;
    if others == Answer::Silent {
        numbers[Answer::Silent as usize] = numbers[Answer::Silent as usize].saturating_sub(unsent);
        numbers[Answer::NotAsked as usize] += unsent;
    }
    let legend = (Answer::ALL.into_iter())
        .map(|answer| (answer, numbers[answer as usize]))
        .filter(|(_, number)| *number > 0);
    Some(Strip {
        place,
        first,
        last,
        verdict: super::Mark::of_finding(finding),
        columns: (cells.iter().enumerate())
            .map(|(at, answer)| StripColumn { at, answer: *answer })
            .collect(),
        legend: legend.collect(),
    })
}

impl Strip {
    /// The number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The strip in words.
    pub fn words(&self) -> String {
        let parts: Vec<String> = (self.legend.iter())
            .map(|(answer, number)| format!("{number} {}", answer.words()))
            .collect();
        format!("Of the ports {} to {}: {}", self.first, self.last, parts.join(", "))
    }
}
