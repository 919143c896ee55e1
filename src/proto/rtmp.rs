//! The RTMP handshake (Adobe's RTMP specification 1.0, §5.2), as far as it takes to know that RTMP
//! is spoken: C0 and C1 out, S0, S1 and S2 back.

use super::first_bytes;
use crate::model::facts::RtmpAnswer;

/// C0, S0: the protocol version (§5.2.2).
const VERSION: u8 = 3;

/// Bytes of C1, S1 and S2 (§5.2.3, §5.2.4).
const PACKET: usize = 1536;

/// Random bytes in C1: all but its time and four zeros (§5.2.3).
pub const RANDOM: usize = PACKET - 8;

/// The bytes of S0, S1 and S2: more is never read.
pub const ANSWER: usize = 1 + 2 * PACKET;

/// Our half of one handshake.
#[derive(Debug, Clone)]
pub struct Hello {
    bytes: Vec<u8>,
}

impl Hello {
    /// C0 and C1 around `random`, which S2 must repeat (§5.2.4).
    pub fn new(random: &[u8; RANDOM]) -> Self {
        // Time zero, then the four zero bytes that ask for the plain handshake.
        let mut bytes = vec![0; 1 + 8];
        bytes[0] = VERSION;
        bytes.extend_from_slice(random);
        Self { bytes }
    }

    /// What to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads what came so far; `None` as long as more may tell.
    pub fn read(&self, received: &[u8]) -> Option<RtmpAnswer> {
        let version = *received.first()?;
        if version != VERSION {
            return Some(RtmpAnswer::NotRtmp(first_bytes::recognise(received)));
        }
        // S2: time, time it was read, and the random bytes of C1.
        let echo = received.get(1 + PACKET + 8..ANSWER)?;
        if *echo == self.bytes[1 + 8..] {
            Some(RtmpAnswer::Completed)
        } else {
            Some(RtmpAnswer::WrongEcho)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;

    fn hello() -> Hello {
        Hello::new(&[7; RANDOM])
    }

    /// S0, S1 and S2 as a server sends them that read `c1`.
    fn answer(c1: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3];
        bytes.extend_from_slice(&[9; 1536]);
        bytes.extend_from_slice(c1);
        bytes
    }

    #[test]
    fn c0_and_c1_are_version_three_time_zero_and_random_bytes() {
        let hello = hello();
        assert_eq!(hello.bytes().len(), 1537);
        assert_eq!(hello.bytes()[..10], [3, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn a_server_that_repeats_c1_completes_the_handshake() {
        let hello = hello();
        let mut answer = answer(&hello.bytes()[1..]);
        // It may put its own times into the first eight bytes of S2.
        answer[1537..1545].copy_from_slice(b"its-time");
        assert_eq!(hello.read(&answer), Some(RtmpAnswer::Completed));
        assert_eq!(hello.read(&answer[..3072]), None);
    }

    #[test]
    fn a_server_that_repeats_something_else_is_told() {
        let mut answer = answer(&hello().bytes()[1..]);
        answer[3072] = 8;
        assert_eq!(hello().read(&answer), Some(RtmpAnswer::WrongEcho));
    }

    #[test]
    fn a_tls_record_is_not_rtmp() {
        let alert = [0x15, 3, 3, 0, 2, 2, 70];
        assert_eq!(hello().read(&alert), Some(RtmpAnswer::NotRtmp(FirstBytes::Tls)));
        assert_eq!(hello().read(&[]), None);
    }
}
