//! UDP and SYNs of TCP in IP, as packet sockets and raw sockets give and take it. Nothing that a packet says about its
//! own length is believed beyond the bytes that are there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;
const TCP_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
const V4_BYTES: usize = 20;
const V6_BYTES: usize = 40;
const HOPS: u8 = 64;

/// A UDP datagram and its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub payload: &'a [u8],
}

/// Reads a packet that begins with its IP header; `None` for fragments, for extension headers and for
/// whatever is not UDP.
pub fn read_ip(packet: &[u8]) -> Option<Datagram<'_>> {
    let InIp { from, to, payload } = inside_ip(packet, UDP)?;
    let Udp { source, destination, payload } = read_udp(payload)?;
    let (from, to) = (SocketAddr::new(from, source), SocketAddr::new(to, destination));
    Some(Datagram { from, to, payload })
}

/// The same for a SYN, and the address that it comes from.
pub fn read_syn_in_ip(packet: &[u8]) -> Option<(IpAddr, Syn)> {
    let InIp { from, payload, .. } = inside_ip(packet, TCP)?;
    Some((from, read_syn(payload)?))
}

struct InIp<'a> {
    from: IpAddr,
    to: IpAddr,
    payload: &'a [u8],
}

fn inside_ip(packet: &[u8], protocol: u8) -> Option<InIp<'_>> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let (from, to, header): (IpAddr, IpAddr, usize) = match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet[0] & 0xf) * 4;
            let is_fragment = word(6)? & 0x3fff != 0;
            if header < V4_BYTES || is_fragment || *packet.get(9)? != protocol {
                return None;
            }
            let address = |at: usize| -> Option<IpAddr> {
                let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
                Some(Ipv4Addr::from(bytes).into())
            };
            (address(12)?, address(16)?, header)
        }
        6 => {
            if *packet.get(6)? != protocol {
                return None;
            }
            let address = |at: usize| -> Option<IpAddr> {
                let bytes: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
                Some(Ipv6Addr::from(bytes).into())
            };
            (address(8)?, address(24)?, V6_BYTES)
        }
        _ => return None,
    };
    Some(InIp { from, to, payload: packet.get(header..)? })
}

/// A SYN without its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syn {
    /// The port that it is for.
    pub port: u16,
    /// The largest segment that its sender wants to get.
    pub segment: u16,
    /// Its sequence number: random, and the same wherever it is seen, whatever rules make of its addresses.
    pub sequence: u32,
}

/// Reads a SYN that begins with its TCP header, as raw sockets of IPv6 give it; `None` for any other
/// segment, and without the option that says the size.
pub fn read_syn(packet: &[u8]) -> Option<Syn> {
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    let header = packet.get(..TCP_BYTES)?;
    let options = packet.get(TCP_BYTES..usize::from(header[12] >> 4) * 4)?;
    let is_syn = header[13] & (SYN | ACK) == SYN;
    let segment = segment_of(options).filter(|_| is_syn)?;
    let sequence = u32::from_be_bytes([4, 5, 6, 7].map(|at| header[at]));
    Some(Syn { port: u16::from_be_bytes([header[2], header[3]]), segment, sequence })
}

/// What the option "maximum segment size" says (RFC 9293 §3.2).
fn segment_of(options: &[u8]) -> Option<u16> {
    let mut rest = options;
    loop {
        match rest {
            [0, ..] | [] => return None,
            [1, after @ ..] => rest = after,
            [2, 4, high, low, ..] => return Some(u16::from_be_bytes([*high, *low])),
            [_, length, ..] => rest = rest.get(usize::from(*length).max(2)..)?,
            [_] => return None,
        }
    }
}

/// A UDP datagram without its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    pub source: u16,
    pub destination: u16,
    pub payload: &'a [u8],
}

/// Reads a packet that begins with its UDP header, as raw sockets of IPv6 give it.
pub fn read_udp(packet: &[u8]) -> Option<Udp<'_>> {
    let header = packet.get(..UDP_BYTES)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let payload = packet.get(UDP_BYTES..usize::from(word(4)))?;
    Some(Udp { source: word(0), destination: word(2), payload })
}

/// A packet with its IP header; `None` when the addresses are of two families, or it would be too long.
pub fn write_ip(datagram: &Datagram<'_>) -> Option<Vec<u8>> {
    let Datagram { from, to, payload } = datagram;
    let length = u16::try_from(UDP_BYTES + payload.len()).ok()?;
    let mut udp = Vec::with_capacity(usize::from(length));
    udp.extend(from.port().to_be_bytes());
    udp.extend(to.port().to_be_bytes());
    udp.extend(length.to_be_bytes());
    udp.extend([0; 2]);
    udp.extend(*payload);
    let mut packet = Vec::with_capacity(V6_BYTES + udp.len());
    let addresses = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let whole = u16::try_from(V4_BYTES + udp.len()).ok()?;
            // The kernel fills in the identification and the checksum of the header.
            packet.extend([0x45, 0]);
            packet.extend(whole.to_be_bytes());
            packet.extend([0, 0, 0, 0, HOPS, UDP, 0, 0]);
            [from.octets(), to.octets()].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([UDP, HOPS]);
            [from.octets(), to.octets()].concat()
        }
        _ => return None,
    };
    packet.extend(&addresses);
    let checksum = checksum(&addresses, &udp, length);
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(udp);
    Some(packet)
}

/// The checksum of a datagram whose own is 0 (RFC 768, RFC 8200 §8.1).
fn checksum(addresses: &[u8], udp: &[u8], length: u16) -> u16 {
    let words = |bytes: &[u8]| -> u64 {
        let pairs = bytes.chunks(2);
        pairs
            .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
            .sum()
    };
    let mut sum = words(addresses) + words(udp) + u64::from(length) + u64::from(UDP);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    match !u16::try_from(sum).unwrap_or(u16::MAX) {
        // 0 would say that there is none.
        0 => 0xffff,
        checksum => checksum,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn datagram<'a>(from: &str, to: &str, payload: &'a [u8]) -> Datagram<'a> {
        Datagram { from: from.parse().unwrap(), to: to.parse().unwrap(), payload }
    }

    const PAIRS: [(&str, &str); 2] = [
        ("203.0.113.20:50001", "198.51.100.7:40000"),
        ("[2001:db8::20]:50001", "[2001:db8::7]:40000"),
    ];

    #[test]
    fn what_is_written_is_read() {
        for (from, to) in PAIRS {
            for payload in [&b""[..], b"odd", b"even"] {
                let datagram = datagram(from, to, payload);
                let packet = write_ip(&datagram).unwrap();
                assert_eq!(read_ip(&packet), Some(datagram));
                // Whoever adds the checksum up gets all ones.
                let header = packet.len() - UDP_BYTES - payload.len();
                let (addresses, udp) = packet.split_at(header);
                let addresses = &addresses[if header == V4_BYTES { 12 } else { 8 }..];
                let length = u16::try_from(udp.len()).unwrap();
                assert_eq!(checksum(addresses, udp, length), 0xffff);
            }
        }
    }

    #[test]
    fn two_families_are_not_mixed() {
        assert_eq!(write_ip(&datagram(PAIRS[0].0, PAIRS[1].1, b"")), None);
    }

    #[test]
    fn fragments_and_lengths_beyond_the_packet_are_not_read() {
        let packet = write_ip(&datagram(PAIRS[0].0, PAIRS[0].1, b"payload")).unwrap();
        let with = |at: usize, byte: u8| {
            let mut packet = packet.clone();
            packet[at] = byte;
            packet
        };
        assert_eq!(read_ip(&with(6, 0x20)), None, "more fragments");
        assert_eq!(read_ip(&with(7, 1)), None, "a later fragment");
        assert_eq!(read_ip(&with(0, 0x4f)), None, "a header beyond the packet");
        assert_eq!(read_ip(&with(0, 0x44)), None, "a header that is too short");
        assert_eq!(read_ip(&with(25, 200)), None, "UDP beyond the packet");
        assert_eq!(read_ip(&with(25, 7)), None, "UDP without its header");
        for length in 0..packet.len() {
            assert_eq!(read_ip(&packet[..length]), None);
        }
    }

    /// A SYN for port 443 with these options.
    fn syn(flags: u8, options: &[u8]) -> Vec<u8> {
        let offset = u8::try_from((TCP_BYTES + options.len()) / 4).unwrap() << 4;
        let mut segment = vec![0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, offset, flags];
        segment.extend([0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(options);
        segment
    }

    #[test]
    fn a_syn_is_read_with_the_size_that_it_asks_for() {
        let whole_of = Syn { port: 443, segment: 700, sequence: 1 };
        let is = Some(whole_of);
        let size = [2, 4, 0x02, 0xbc];
        assert_eq!(read_syn(&syn(0x02, &size)), is);
        assert_eq!(read_syn(&syn(0x02, &[1, 1, 4, 2, 2, 4, 0x02, 0xbc])), is, "behind others");
        assert_eq!(read_syn(&syn(0x12, &size)), None, "the answer to one");
        assert_eq!(read_syn(&syn(0x10, &size)), None, "of a connection that there is");
        assert_eq!(read_syn(&syn(0x02, &[])), None);
        assert_eq!(read_syn(&syn(0x02, &[0, 0, 0, 0])), None);
        assert_eq!(read_syn(&syn(0x02, &[9, 0, 0, 0])), None, "an option without a length");
        let whole = syn(0x02, &size);
        for length in 0..whole.len() {
            assert_eq!(read_syn(&whole[..length]), None);
        }
        let mut v4 =
            vec![0x45, 0, 0, 44, 0, 0, 0, 0, 64, TCP, 0, 0, 198, 51, 100, 7, 203, 0, 113, 20];
        v4.extend(&whole);
        assert_eq!(read_syn_in_ip(&v4), Some(("198.51.100.7".parse().unwrap(), whole_of)));
        assert_eq!(read_ip(&v4), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let in_ip = read_syn_in_ip(&bytes);
            prop_assert!(read_syn(&bytes).is_none() || bytes.len() >= TCP_BYTES);
            prop_assert!(in_ip.is_none() || bytes.len() >= V4_BYTES + TCP_BYTES);
            if let Some(datagram) = read_ip(&bytes) {
                prop_assert!(datagram.payload.len() < bytes.len());
            }
        }
    }
}
