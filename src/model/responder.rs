//! A responder on a node (`ovcheck listen`): its token, its sessions, and the file that it writes.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::port::{Port, PortRange};
use super::timestamp::Timestamp;

/// What a responder and the checks that it answers share: 128 random bits. `Debug` does not show it,
/// and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponderToken([u8; 16]);

/// A text that is not a [`ResponderToken`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token of `ovcheck listen` has 32 characters, 0 to 9 and a to f")]
pub struct InvalidToken;

impl ResponderToken {
    /// The token of these bits.
    pub fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// The bits, for whoever computes with them.
    pub fn bits(&self) -> &[u8; 16] {
        &self.0
    }

    /// The token as people pass it on.
    pub fn expose(&self) -> String {
        hexadecimal(&self.0)
    }
}

impl fmt::Debug for ResponderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponderToken(…)")
    }
}

impl FromStr for ResponderToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bytes_of(text.trim()).map(Self).ok_or(InvalidToken)
    }
}

/// One check of one address by a responder, as the check named it: 64 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(pub [u8; 8]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl From<SessionId> for String {
    fn from(session: SessionId) -> Self {
        session.to_string()
    }
}

impl TryFrom<String> for SessionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        bytes_of(&text).map(Self).ok_or("a session has 16 characters, 0 to 9 and a to f")
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// A set of ports, as a bit for each.
#[derive(Clone, PartialEq, Eq)]
pub struct PortSet(Box<[u8]>);

impl Default for PortSet {
    fn default() -> Self {
        Self(vec![0; Self::BYTES].into_boxed_slice())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

impl PortSet {
    /// The size of a set.
    const BYTES: usize = 65_536 / 8;

    /// Adds a port, and says whether it is new.
    pub fn insert(&mut self, port: u16) -> bool {
        let bit = 1 << (port % 8);
        let byte = &mut self.0[usize::from(port / 8)];
        let is_new = *byte & bit == 0;
        *byte |= bit;
        is_new
    }

    /// Whether the port is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0[usize::from(port / 8)] & (1 << (port % 8)) != 0
    }

    /// How many ports there are.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// The bits of the ports from `base` on, which is rounded down to a multiple of 8. Ports above
    /// 65535 are not there.
    pub fn bits<const N: usize>(&self, base: u16) -> [u8; N] {
        let mut bits = [0; N];
        let from = usize::from(base / 8);
        let until = (from + N).min(Self::BYTES);
        bits[..until - from].copy_from_slice(&self.0[from..until]);
        bits
    }

    /// Adds the ports of [`Self::bits`].
    pub fn insert_bits(&mut self, base: u16, bits: &[u8]) {
        let from = usize::from(base / 8);
        self.0[from..].iter_mut().zip(bits).for_each(|(byte, new)| *byte |= new);
    }

    /// The ports, in ascending order.
    pub fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        let held = self.0.iter().zip(0_u16..).filter(|(byte, _)| **byte != 0);
        held.flat_map(|(byte, place)| {
            let bits = (0..8).filter(move |bit| byte & (1 << bit) != 0);
            bits.filter_map(move |bit| Port::new(place * 8 + bit))
        })
    }

    /// The ports as ranges, in ascending order.
    pub fn ranges(&self) -> Vec<PortRange> {
        let mut ranges: Vec<PortRange> = Vec::new();
        for port in self.ports() {
            let is_next =
                |last: Port| last.number().checked_add(1).is_some_and(|next| next == port.number());
            match ranges.last_mut() {
                Some(range) if is_next(range.last()) => {
                    *range = PortRange::new(range.first(), port).unwrap_or(*range);
                }
                _ => ranges.push(port.into()),
            }
        }
        ranges
    }
}

impl FromIterator<Port> for PortSet {
    fn from_iter<T: IntoIterator<Item = Port>>(ports: T) -> Self {
        let mut set = Self::default();
        for port in ports {
            set.insert(port.number());
        }
        set
    }
}

/// Ports of which a rule of the machine sends the packets to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortRedirect {
    pub ports: PortRange,
    pub to: Port,
}

/// How a machine checks the source of packets against its routes (`rp_filter`), by the strictest of its
/// interfaces. It drops what it does not like before its firewall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReversePathFilter {
    Off,
    Strict,
    Loose,
    /// It could not be read.
    Unknown,
}

/// The file that a responder writes when it ends. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponderRecord {
    /// First in the file, so that a reader knows what it reads.
    pub responder: ResponderHead,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub reverse_path_filter: ReversePathFilter,
    /// One for each check of an address, in the order in which they began.
    pub sessions: Vec<SessionRecord>,
    /// Packets that the buffers could not hold: what a session lacks may be among them.
    pub lost: u64,
    /// Packets in the form of a check's, without the right token.
    pub refused: u64,
}

/// What a responder's file is, and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderHead {
    pub version: u32,
    /// The version of ovcheck.
    pub ovcheck: String,
}

impl ResponderHead {
    /// The version of the form of the file.
    pub const VERSION: u32 = 2;
}

/// What a responder saw of one session: over UDP, and over TCP in a part of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub session: SessionId,
    /// Where the check runs, as the node sees it.
    pub source: IpAddr,
    pub began_at: Timestamp,
    pub last_at: Timestamp,
    /// The probes that arrived; several for a port count each.
    pub probes: u64,
    /// The ports whose probes reached the machine, by the numbers that the check dialled.
    pub arrived: Vec<PortRange>,
    /// Those that its firewall let in.
    pub passed: Vec<PortRange>,
    /// Those that it sent on, as to a container.
    pub forwarded: Vec<PortRange>,
    /// Those of the two that arrived at another port.
    pub redirected: Vec<PortRedirect>,
    /// The same over TCP; `None`: the check announced no connections.
    pub tcp: Option<SynRecord>,
}

/// What a responder saw of the connection attempts of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynRecord {
    /// The ports that the check connects to, by the numbers that it dialled.
    pub announced: Vec<PortRange>,
    pub arrived: Vec<PortRange>,
    pub passed: Vec<PortRange>,
    pub forwarded: Vec<PortRange>,
    /// Those of which a single attempt came so far: too few to tell it from another's.
    pub unsure: Vec<PortRange>,
    pub redirected: Vec<PortRedirect>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_passed_on_and_does_not_print_itself() {
        let token = ResponderToken::new(*b"0123456789abcdef");
        let text = token.expose();
        assert_eq!(format!("{text}\n").parse(), Ok(token.clone()));
        assert!(!format!("{token:?}").contains(&text));
        for wrong in ["", "0123", &"g".repeat(32), &"é".repeat(16), &"0".repeat(33)] {
            assert_eq!(wrong.parse::<ResponderToken>(), Err(InvalidToken), "{wrong}");
        }
    }

    #[test]
    fn ports_become_ranges() {
        let ports = [1, 2, 3, 443, 65_534, 65_535];
        let set: PortSet = ports.into_iter().filter_map(Port::new).collect();
        let text: Vec<String> = set.ranges().iter().map(ToString::to_string).collect();
        assert_eq!(text, ["1-3", "443", "65534-65535"]);
        assert_eq!(set.count(), 6);
        assert_eq!(PortSet::default().ranges(), []);
    }

    #[test]
    fn a_window_of_bits_is_the_same_in_another_set() {
        let ports = [50_000, 50_007, 52_047, 52_048, 65_535];
        let set: PortSet = ports.into_iter().filter_map(Port::new).collect();
        let mut copy = PortSet::default();
        for base in [49_152, 51_200, 53_248, 65_000] {
            copy.insert_bits(base, &set.bits::<256>(base));
        }
        assert_eq!(copy, set);
    }
}
