//! Ports, ranges of ports, and the transports they belong to.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A UDP or TCP port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port with this number, or `None` for 0.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Self)
    }

    /// The number, 1 to 65535.
    pub fn number(self) -> u16 {
        self.0.get()
    }

    /// As it stands behind an address: `:443`.
    pub fn behind_address(self) -> String {
        format!(":{self}")
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a port or a range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPort {
    #[error("0 is not a valid port; use a port from 1 to 65535")]
    Zero,
    #[error("\"{0}\" is not a port; use a number from 1 to 65535")]
    NotANumber(String),
    #[error("the range {0}-{1} ends before it starts")]
    Backwards(Port, Port),
}

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: u16 = text.parse().map_err(|_| InvalidPort::NotANumber(text.to_owned()))?;
        Self::new(number).ok_or(InvalidPort::Zero)
    }
}

/// One port, or all ports from a first to a last one, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: Port,
    last: Port,
}

impl PortRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// [`InvalidPort::Backwards`] when `last` is below `first`.
    pub fn new(first: Port, last: Port) -> Result<Self, InvalidPort> {
        if last < first {
            return Err(InvalidPort::Backwards(first, last));
        }
        Ok(Self { first, last })
    }

    /// The lowest port.
    pub fn first(self) -> Port {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> Port {
        self.last
    }

    /// How many ports: 1 to 65535.
    pub fn count(self) -> u32 {
        u32::from(self.last.number() - self.first.number()) + 1
    }

    /// The only port, when there is only one.
    pub fn single(self) -> Option<Port> {
        (self.first == self.last).then_some(self.first)
    }

    /// Whether `port` lies in the range.
    pub fn contains(self, port: Port) -> bool {
        self.first <= port && port <= self.last
    }

    /// The port `offset` places above the first one, when it is still in the range.
    pub fn nth(self, offset: u16) -> Option<Port> {
        let number = self.first.number().checked_add(offset)?;
        Port::new(number).filter(|port| self.contains(*port))
    }

    /// The port half way between first and last.
    pub fn middle(self) -> Port {
        let half = (self.last.number() - self.first.number()) / 2;
        self.nth(half).expect("half of the way lies inside the range")
    }
}

impl From<Port> for PortRange {
    fn from(port: Port) -> Self {
        Self { first: port, last: port }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(port) => port.fmt(f),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for PortRange {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('-') {
            None => Ok(text.trim().parse::<Port>()?.into()),
            Some((first, last)) => Self::new(first.trim().parse()?, last.trim().parse()?),
        }
    }
}

/// `443`, or `{"first": 50000, "last": 60000}`.
impl Serialize for PortRange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.single() {
            Some(port) => port.serialize(serializer),
            None => PortRangeShape { first: self.first, last: self.last }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match PortsShape::deserialize(deserializer)? {
            PortsShape::One(port) => Ok(port.into()),
            PortsShape::Range { first, last } => {
                Self::new(first, last).map_err(serde::de::Error::custom)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PortsShape {
    One(Port),
    Range { first: Port, last: Port },
}

#[derive(Serialize)]
struct PortRangeShape {
    first: Port,
    last: Port,
}

/// The transport a port belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Tcp,
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_from_one_port_or_two() {
        let one: PortRange = "443".parse().unwrap();
        let many: PortRange = "50000-60000".parse().unwrap();
        assert_eq!(one.to_string(), "443");
        assert_eq!((many.count(), many.middle().number()), (10_001, 55_000));
        assert_eq!(
            "9-8".parse::<PortRange>().unwrap_err().to_string(),
            "the range 9-8 ends before it starts"
        );
        assert_eq!("0".parse::<PortRange>().unwrap_err(), InvalidPort::Zero);
    }

    #[test]
    fn a_range_counts_to_the_last_port_of_all() {
        let all: PortRange = "1-65535".parse().unwrap();
        assert_eq!(all.count(), 65_535);
        assert_eq!(all.nth(65_534).map(Port::number), Some(65_535));
        assert_eq!(all.nth(65_535), None);
    }
}
