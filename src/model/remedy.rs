//! What to do about a violation, filled in for one finding.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::configuration::Location;
use super::facts::ServerText;
use super::port::{Port, PortRange};
use super::rule::Machine;
use super::target::Family;

/// A step of a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemedyStep {
    /// Sentences.
    Say(String),
    /// Commands for a shell.
    Run { on: Machine, commands: Vec<RemedyLine> },
    /// A part of a file or of a form, to be compared or copied.
    Show { place: String, lines: Vec<String> },
    /// A line of a file, and what it becomes.
    Edit(Edit),
}

/// A line of a configuration file, and the lines that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub at: Location,
    pub change: Change,
}

impl Edit {
    /// The line without the words that are meant, and the blank before them; `None` where the line is not shown.
    pub fn without(at: &Location) -> Option<Self> {
        let line = at.text.as_ref()?.unquoted();
        let place =
            |column: usize| line.char_indices().nth(column).map_or(line.len(), |(it, _)| it);
        let start = at.column.saturating_sub(1) as usize;
        let (before, behind) = (place(start), place(start + at.width as usize));
        let kept = format!("{}{}", line.get(..before)?.trim_end(), line.get(behind..)?);
        let change = Change::Replace(vec![ServerText::new(&kept)]);
        Some(Self { at: at.clone(), change })
    }

    /// The line with `new` in the place of `old`; `None` where `old` is not there exactly once, or is the
    /// same.
    pub fn replacing(at: &Location, old: &str, new: &str) -> Option<Self> {
        let line = at.text.as_ref()?.unquoted();
        let is_clear = old != new && line.matches(old).count() == 1;
        let change = || Change::Replace(vec![ServerText::new(&line.replace(old, new))]);
        is_clear.then(|| Self { at: at.clone(), change: change() })
    }

    /// The line that names this port as the whole address, with the loopback address of the families before it.
    pub fn bound(at: &Location, port: Port, families: &[Family]) -> Option<Self> {
        let port = port.to_string();
        match families {
            [Family::V4] => {
                let line = at.text.as_ref()?.unquoted();
                // `0.0.0.0:7880`, `*:7880`, or the port alone.
                let any = ["0.0.0.0:", "*:"].into_iter().find(|any| line.contains(any));
                let old = [any.unwrap_or_default(), &port].concat();
                Self::replacing(at, &old, &["127.0.0.1:", &port].concat())
            }
            [Family::V6] => Self::replacing(at, "[::]:", "[::1]:"),
            _ => None,
        }
    }
}

/// What becomes of a line. The new lines are made of the file's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Delete,
    Replace(Vec<ServerText>),
    /// The line stays, and these come behind it.
    InsertBehind(Vec<ServerText>),
}

/// A command, with those lines on which it continues. The ports in it stay apart, so that one
/// command can be for the ports of several findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemedyLine(Vec<LinePart>);

/// A part of a [`RemedyLine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinePart {
    Text(String),
    /// Ports as nftables takes them: `7000`, `{ 7000, 7946-7947 }`.
    NftPorts(Vec<PortRange>),
    /// Ports as ufw takes them in `port …`: `7000,7946:7947`.
    UfwPorts(Vec<PortRange>),
}

impl RemedyLine {
    /// A line made of these parts.
    pub fn new(parts: Vec<LinePart>) -> Self {
        Self(parts)
    }

    /// Takes over the ports of `other`, where the two lines differ in nothing else; `false` where
    /// they do.
    pub fn take_over(&mut self, other: &Self) -> bool {
        let fits = self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(own, other)| own.fits(other));
        if fits {
            for (own, other) in self.0.iter_mut().zip(&other.0) {
                own.take_over(other);
            }
        }
        fits
    }
}

impl LinePart {
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(own), Self::Text(other)) => own == other,
            (Self::NftPorts(_), Self::NftPorts(_)) | (Self::UfwPorts(_), Self::UfwPorts(_)) => true,
            (Self::Text(_) | Self::NftPorts(_) | Self::UfwPorts(_), _) => false,
        }
    }

    fn take_over(&mut self, other: &Self) {
        if let (Self::NftPorts(own), Self::NftPorts(other))
        | (Self::UfwPorts(own), Self::UfwPorts(other)) = (self, other)
        {
            own.extend(other);
            own.sort_unstable();
            own.dedup();
        }
    }
}

impl fmt::Display for RemedyLine {
    /// The command as it is pasted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| part.fmt(f))
    }
}

impl fmt::Display for LinePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |ports: &[PortRange], between: &str| {
            let words: Vec<String> = ports.iter().map(PortRange::to_string).collect();
            words.join(between)
        };
        match self {
            Self::Text(text) => f.write_str(text),
            Self::NftPorts(ports) if ports.len() == 1 => f.write_str(&joined(ports, "")),
            Self::NftPorts(ports) => write!(f, "{{ {} }}", joined(ports, ", ")),
            Self::UfwPorts(ports) => f.write_str(&joined(ports, ",").replace('-', ":")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nft(ports: &[&str]) -> RemedyLine {
        let ports = ports.iter().map(|port| port.parse().unwrap()).collect();
        let text = |text: &str| LinePart::Text(text.to_owned());
        RemedyLine::new(vec![text("tcp dport "), LinePart::NftPorts(ports), text(" drop")])
    }

    #[test]
    fn the_ports_of_several_findings_are_one_command() {
        let mut line = nft(&["9100"]);
        assert!(line.take_over(&nft(&["7000"])) && line.take_over(&nft(&["7946-7947"])));
        assert!(line.take_over(&nft(&["7000"])));
        assert_eq!(line.to_string(), "tcp dport { 7000, 7946-7947, 9100 } drop");
        assert_eq!(nft(&["7000"]).to_string(), "tcp dport 7000 drop");
        let ports = ["7000", "7946-7947"].map(|port| port.parse().unwrap()).to_vec();
        assert_eq!(LinePart::UfwPorts(ports).to_string(), "7000,7946:7947");
    }

    #[test]
    fn commands_that_differ_in_more_than_their_ports_stay_apart() {
        let other = RemedyLine::new(vec![LinePart::Text("tcp dport 7000 drop".into())]);
        assert!(!nft(&["7000"]).take_over(&other));
    }
}
