//! How connection attempts of a check are recognised. Nobody but the kernel writes a SYN, and it signs
//! none; but a program may choose the largest segment that it wants to get (`TCP_MAXSEG`), and the SYN says
//! it. A check announces a size for each of three attempts to each port. No two attempts have the same, so
//! that a port is known by the size, whatever NAT and rules of the machine make of its number.
//!
//! The sizes are smaller than those that real links lead to, so that ordinary connections have others, and
//! routers that limit the size leave them alone.

/// How many sizes there are, from [`SMALLEST`] on.
const SIZES: u16 = 665;

/// Every machine must accept segments of this size (RFC 9293 §3.7.1).
pub const SMALLEST: u16 = 536;

/// What no link of today falls below.
pub const LARGEST: u16 = SMALLEST + SIZES - 1;

/// How many attempts each port gets, each of its own size.
pub const ATTEMPTS: u8 = 3;

/// How many ports have sizes of their own.
pub const MOST_PORTS: usize = 200;

/// The redirects in a report.
const MOST_REDIRECTS: usize = 8;

/// The body of ANNOUNCE, and that of the answer to SYN REPORT.
pub const ANNOUNCEMENT_BYTES: usize = 8 + 2 * MOST_PORTS;
pub const REPORT_BYTES: usize = 12 + MOST_PORTS + 4 * MOST_REDIRECTS;

/// The connection attempts that a check is going to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Where the sizes begin, 0 to 664; they go round.
    pub first: u16,
    /// How long after the announcement attempts come.
    pub lasts_ms: u32,
    /// The ports that are dialled, at most [`MOST_PORTS`].
    pub ports: Vec<u16>,
}

impl Announcement {
    /// How many sizes there are to begin with.
    pub const SIZES: u16 = SIZES;

    /// The size of segments of an attempt, from 0, to the port at this place.
    pub fn size(&self, place: usize, attempt: u8) -> u16 {
        let step = place * usize::from(ATTEMPTS) + usize::from(attempt % ATTEMPTS);
        let step = (usize::from(self.first) + step) % usize::from(SIZES);
        SMALLEST + u16::try_from(step).unwrap_or(0)
    }

    /// The place of the port, and which attempt, that have this size.
    pub fn attempt(&self, size: u16) -> Option<(usize, u8)> {
        let step = size.checked_sub(SMALLEST).filter(|step| *step < SIZES)?;
        let step = (step + SIZES - self.first) % SIZES;
        let place = usize::from(step / u16::from(ATTEMPTS));
        let attempt = u8::try_from(step % u16::from(ATTEMPTS)).ok()?;
        (place < self.ports.len()).then_some((place, attempt))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ANNOUNCEMENT_BYTES);
        let count = self.ports.len().min(MOST_PORTS);
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(u16::try_from(count).unwrap_or(0).to_be_bytes());
        bytes.extend(self.lasts_ms.to_be_bytes());
        bytes.extend(self.ports.iter().take(count).flat_map(|port| port.to_be_bytes()));
        bytes.resize(ANNOUNCEMENT_BYTES, 0);
        bytes
    }

    /// Reads the body of a message whose mac is right.
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: &[u8; ANNOUNCEMENT_BYTES] = body.try_into().ok()?;
        let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        let count = usize::from(word(2));
        let read = Self {
            first: word(0),
            lasts_ms: u32::from_be_bytes([4, 5, 6, 7].map(|at| body[at])),
            ports: (0..count.min(MOST_PORTS)).map(|place| word(8 + 2 * place)).collect(),
        };
        (count <= MOST_PORTS && read.first < SIZES).then_some(read)
    }
}

/// How many of the attempts to a port were seen where: each counts once, however often it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SynSeen {
    pub arrived: u8,
    pub passed: u8,
    pub forwarded: u8,
    /// At another port than the one that was dialled.
    pub is_redirected: bool,
}

impl SynSeen {
    /// So many attempts of different sizes are nobody else's.
    pub const ENOUGH: u8 = 2;
}

/// What became of the attempts that were announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynReport {
    /// Packets of TCP that the buffers could not hold since the responder began.
    pub lost: u64,
    /// In the order of the announcement.
    pub ports: [SynSeen; MOST_PORTS],
    /// The places of ports, and where their packets go, as far as there is room to say it.
    pub redirects: Vec<(u16, u16)>,
}

impl Default for SynReport {
    fn default() -> Self {
        Self { lost: 0, ports: [SynSeen::default(); MOST_PORTS], redirects: Vec::new() }
    }
}

impl SynReport {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(REPORT_BYTES);
        let redirects = self.redirects.iter().take(MOST_REDIRECTS);
        bytes.extend(self.lost.to_be_bytes());
        bytes.extend([u8::try_from(redirects.len()).unwrap_or(0), 0, 0, 0]);
        bytes.extend(self.ports.iter().map(|seen| {
            let SynSeen { arrived, passed, forwarded, is_redirected } = *seen;
            let count = |count: u8| count.min(ATTEMPTS);
            count(arrived)
                | count(passed) << 2
                | count(forwarded) << 4
                | u8::from(is_redirected) << 6
        }));
        bytes.extend(
            redirects.flat_map(|(place, to)| [place.to_be_bytes(), to.to_be_bytes()]).flatten(),
        );
        bytes.resize(REPORT_BYTES, 0);
        bytes
    }

    /// Reads the body of a message whose mac is right.
    pub fn read(body: &[u8]) -> Option<Self> {
        const REDIRECTS: usize = 12 + MOST_PORTS;
        let body: &[u8; REPORT_BYTES] = body.try_into().ok()?;
        let mut ports = [SynSeen::default(); MOST_PORTS];
        for (seen, byte) in ports.iter_mut().zip(&body[12..REDIRECTS]) {
            let count = |shift: u8| byte >> shift & 3;
            *seen = SynSeen {
                arrived: count(0),
                passed: count(2),
                forwarded: count(4),
                is_redirected: byte >> 6 & 1 == 1,
            };
        }
        let redirects = body[REDIRECTS..].chunks(4).take(usize::from(body[8]));
        let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Some(Self {
            lost: u64::from_be_bytes(body[..8].try_into().ok()?),
            ports,
            redirects: redirects.map(|bytes| (word(bytes, 0), word(bytes, 2))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_has_a_size_of_its_own_by_which_its_port_is_known() {
        let ports: Vec<u16> = (1..=200).collect();
        for first in [0, 300, SIZES - 1] {
            let announced = Announcement { first, lasts_ms: 0, ports: ports.clone() };
            let mut sizes: Vec<u16> = Vec::new();
            for place in 0..ports.len() {
                for attempt in 0..ATTEMPTS {
                    let size = announced.size(place, attempt);
                    assert_eq!(announced.attempt(size), Some((place, attempt)));
                    sizes.push(size);
                }
            }
            sizes.sort_unstable();
            sizes.dedup();
            assert_eq!(sizes.len(), 600);
            assert!(sizes.iter().all(|size| (SMALLEST..=LARGEST).contains(size)));
            // Those of ordinary connections are nobody's.
            assert!(
                [1_220, 1_460, 535, 0, u16::MAX]
                    .iter()
                    .all(|size| announced.attempt(*size).is_none())
            );
        }
    }

    #[test]
    fn an_announcement_of_more_than_there_is_room_for_is_not_read() {
        let announced = Announcement { first: 1, lasts_ms: 2, ports: vec![443; 200] };
        let bytes = announced.bytes();
        assert_eq!(Announcement::read(&bytes), Some(announced));
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            Announcement::read(&bytes)
        };
        assert_eq!(with(3, 201), None);
        assert_eq!(with(0, 3), None, "a size that there is not");
        assert_eq!(Announcement::read(&bytes[1..]), None);
    }
}
