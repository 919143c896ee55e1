//! First packets of protocols that are found on UDP ports in the place of STUN. Each question is of a kind
//! that a server answers without keeping anything, and no filter takes for an attempt to hide something:
//! OpenVPN is left out on purpose, because some networks block a server to which its handshake is sent.

use super::client_hello::{extension, list16};
use crate::model::facts::DatagramProtocol;

/// A first packet, and how its answer is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatagramQuestion {
    /// An Initial packet of a version that no server has (RFC 9000 §15): a server names its own.
    Quic { ids: QuicIds },
    /// A ClientHello without a cookie (RFC 6347 §4.2.1): a server sends one, with the number of the
    /// record that it answers. A HelloVerifyRequest holds nothing else of the question.
    Dtls { random: [u8; 32], number: RecordNumber },
}

/// The sequence number of a DTLS record.
pub type RecordNumber = [u8; 6];

/// The connection ids of a client. A server that has read them sends them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuicIds {
    pub destination: [u8; 8],
    pub source: [u8; 8],
}

/// A version that is reserved so that servers answer with their own (RFC 9000 §15).
const NO_VERSION: u32 = 0x1a2a_3a4a;

/// Servers ignore smaller datagrams with a version that they do not know (RFC 9000 §14.1).
const SMALLEST_INITIAL: usize = 1200;

/// A report shows no more versions than this.
const MOST_VERSIONS: usize = 8;

/// ECDHE with AES, and what older libraries have.
const DTLS_SUITES: [u16; 8] = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc009, 0xc013, 0xc00a, 0xc014];

impl DatagramQuestion {
    /// The datagram.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Quic { ids } => quic_initial(ids),
            Self::Dtls { random, number } => dtls_client_hello(random, number),
        }
    }

    /// The protocol of `datagram`, if it is an answer to this question.
    pub fn read(&self, datagram: &[u8]) -> Option<DatagramProtocol> {
        match self {
            Self::Quic { ids } => {
                quic_versions(ids, datagram).map(|versions| DatagramProtocol::Quic { versions })
            }
            Self::Dtls { number, .. } => is_dtls_answer(datagram).then(|| {
                let is_numbered = datagram.get(NUMBER).is_some_and(|it| it == number);
                DatagramProtocol::Dtls { is_numbered }
            }),
        }
    }
}

/// A long header (RFC 8999 §5.1) and nothing readable behind it.
fn quic_initial(ids: &QuicIds) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(NO_VERSION.to_be_bytes());
    for id in [ids.destination, ids.source] {
        packet.push(8);
        packet.extend(id);
    }
    packet.resize(SMALLEST_INITIAL, 0);
    packet
}

/// The versions in a Version Negotiation packet (RFC 8999 §6) for this client.
fn quic_versions(ids: &QuicIds, datagram: &[u8]) -> Option<Vec<u32>> {
    let (form, rest) = datagram.split_first()?;
    let rest = rest.strip_prefix(&[0, 0, 0, 0])?;
    let rest = rest.strip_prefix(&[8])?.strip_prefix(&ids.source)?;
    let versions = rest.strip_prefix(&[8])?.strip_prefix(&ids.destination)?;
    let is_long = form & 0x80 != 0;
    let (versions, odd) = versions.as_chunks::<4>();
    let versions = versions.iter().map(|version| u32::from_be_bytes(*version));
    // Servers add versions that nobody has, as we do.
    let versions = versions.filter(|version| version & 0x0f0f_0f0f != 0x0a0a_0a0a);
    (is_long && odd.is_empty()).then(|| versions.take(MOST_VERSIONS).collect())
}

fn dtls_client_hello(random: &[u8; 32], number: &RecordNumber) -> Vec<u8> {
    const DTLS_1_0: [u8; 2] = [0xfe, 0xff];
    const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];
    let mut hello = DTLS_1_2.to_vec();
    hello.extend(random);
    // No session, no cookie.
    hello.extend([0, 0]);
    hello.extend(list16(&DTLS_SUITES));
    // No compression.
    hello.extend([1, 0]);
    let extensions = [
        extension(10, &list16(&[29, 23, 24])),
        extension(11, &[1, 0]),
        extension(13, &list16(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0501, 0x0201])),
    ]
    .concat();
    hello.extend(super::client_hello::with_length(&extensions));
    let length = u8::try_from(hello.len()).expect("the message has some hundred bytes");
    // ClientHello, its length, number 0, and all of it in one fragment.
    let mut message = vec![1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length];
    message.extend(hello);
    let mut record = vec![22];
    record.extend(DTLS_1_0);
    // Epoch 0.
    record.extend([0; 2]);
    record.extend(number);
    record.extend(super::client_hello::with_length(&message));
    record
}

/// Where the number of a record stands, behind its type, version and epoch.
const NUMBER: std::ops::Range<usize> = 5..11;

/// HelloVerifyRequest or ServerHello, or an alert about the ClientHello, before any key is known.
fn is_dtls_answer(datagram: &[u8]) -> bool {
    matches!(
        datagram,
        [22, 0xfe, 0xff | 0xfd, 0, 0, _, _, _, _, _, _, _, _, 3 | 2, ..]
            | [21, 0xfe, 0xff | 0xfd, 0, 0, _, _, _, _, _, _, 0, 2, 1 | 2, _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: QuicIds = QuicIds { destination: *b"to-there", source: *b"from-me!" };

    fn negotiation(destination: &[u8], source: &[u8], versions: &[u32]) -> Vec<u8> {
        let mut packet = vec![0x9f, 0, 0, 0, 0, 8];
        packet.extend(destination);
        packet.push(8);
        packet.extend(source);
        packet.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
        packet
    }

    #[test]
    fn a_quic_server_is_recognised_by_the_ids_that_it_sends_back() {
        let question = DatagramQuestion::Quic { ids: IDS };
        assert_eq!(question.bytes().len(), 1200);
        let answer = negotiation(b"from-me!", b"to-there", &[1, 0x6b33_43cf, 0x3a4a_5a6a]);
        let versions = vec![1, 0x6b33_43cf];
        assert_eq!(question.read(&answer), Some(DatagramProtocol::Quic { versions }));
        // Of another connection, cut, an echo, and nothing.
        for other in [
            &negotiation(b"to-there", b"from-me!", &[1])[..],
            &answer[..21],
            &answer[..answer.len() - 1],
            &question.bytes(),
            &[],
        ] {
            assert_eq!(question.read(other), None);
        }
    }

    #[test]
    fn a_dtls_server_is_recognised_by_its_first_flight() {
        let number = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
        let question = DatagramQuestion::Dtls { random: [7; 32], number };
        let hello = question.bytes();
        let written = usize::from(u16::from_be_bytes([hello[11], hello[12]]));
        assert_eq!(written, hello.len() - 13);
        assert_eq!(question.read(&hello), None, "an echo is no answer");
        let header = |kind, length| vec![kind, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, length];
        let verify = [header(22, 28), vec![3, 0, 0, 16], vec![0; 24]].concat();
        let alert = [header(21, 2), vec![2, 70]].concat();
        for answer in [&verify, &alert] {
            let unnumbered = DatagramProtocol::Dtls { is_numbered: false };
            assert_eq!(question.read(answer), Some(unnumbered), "anybody can have made it");
            let mut numbered = answer.clone();
            numbered[5..11].copy_from_slice(&number);
            let numbered = question.read(&numbered);
            assert_eq!(numbered, Some(DatagramProtocol::Dtls { is_numbered: true }));
        }
        assert_eq!(question.read(&verify[..13]), None);
    }
}
