//! Stand-ins for addresses: each of the same kind as the address, so that what the report says of it stays
//! true.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The stand-ins that were given, in their order.
#[derive(Debug, Default)]
pub(super) struct AddressStandIns {
    given: BTreeMap<IpAddr, IpAddr>,
    public_v4: u32,
    private_v4: u32,
    carrier_v4: u32,
    public_v6: u128,
    private_v6: u128,
    link_v6: u128,
}

impl AddressStandIns {
    /// The stand-in of an address, the same each time. What is no address of a machine in a network
    /// (loopback, multicast, unspecified, IPv4 link-local) stands for itself.
    pub fn of(&mut self, address: IpAddr) -> IpAddr {
        if let Some(given) = self.given.get(&address) {
            return *given;
        }
        let stand_in = match address {
            IpAddr::V4(address) => self.of_v4(address).into(),
            IpAddr::V6(address) => self.of_v6(address).into(),
        };
        self.given.insert(address, stand_in);
        stand_in
    }

    fn of_v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        const PRIVATE: u32 = 0x0a00_0000;
        const CARRIER: u32 = 0x6440_0000;
        let [first, second, ..] = address.octets();
        let names_no_machine = address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || first == 0;
        if names_no_machine {
            return address;
        }
        if address.is_private() {
            self.private_v4 += 1;
            return Ipv4Addr::from_bits(PRIVATE + self.private_v4);
        }
        if first == 100 && second & 0xc0 == 64 {
            self.carrier_v4 += 1;
            return Ipv4Addr::from_bits(CARRIER + self.carrier_v4);
        }
        self.public_v4 += 1;
        public_v4(self.public_v4)
    }

    fn of_v6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        const PUBLIC: u128 = 0x2001_0db8 << 96;
        const PRIVATE: u128 = 0xfd00 << 112;
        const LINK: u128 = 0xfe80 << 112;
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            return address;
        }
        if let Some(mapped) = address.to_ipv4_mapped() {
            return match self.of(mapped.into()) {
                IpAddr::V4(stand_in) => stand_in.to_ipv6_mapped(),
                IpAddr::V6(stand_in) => stand_in,
            };
        }
        if address.is_unique_local() {
            self.private_v6 += 1;
            return Ipv6Addr::from_bits(PRIVATE + self.private_v6);
        }
        if address.is_unicast_link_local() {
            self.link_v6 += 1;
            return Ipv6Addr::from_bits(LINK + self.link_v6);
        }
        self.public_v6 += 1;
        Ipv6Addr::from_bits(PUBLIC + self.public_v6)
    }

    /// The text with the stand-ins of all addresses in it.
    pub fn in_text(&mut self, text: &str) -> String {
        let mut rewritten = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c: char| !is_of_address(c)).unwrap_or(rest.len());
            if end == 0 {
                rewritten.push(first);
                before = Some(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let run = &rest[..end];
            rest = &rest[end..];
            // Part of a word, or of a number in another form.
            let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let begins_inside = is_part(before) && run.starts_with(|c: char| c.is_ascii_hexdigit());
            let is_word = begins_inside || is_part(rest.chars().next());
            rewritten.push_str(&if is_word { run.to_owned() } else { self.in_run(run) });
            before = run.chars().last();
        }
        rewritten
    }

    /// A run of the characters of addresses: an address, with a port or punctuation around it.
    fn in_run(&mut self, run: &str) -> String {
        let is_edge = |c: char| c == '.' || c == ':';
        if let Ok(address) = run.parse() {
            return self.of(address).to_string();
        }
        let inner = run.trim_matches(is_edge);
        let at = run.len() - run.trim_start_matches(is_edge).len();
        let (head, tail) = (&run[..at], &run[at + inner.len()..]);
        let inner = match (inner.parse(), inner.rsplit_once(':')) {
            (Ok(address), _) => self.of(address).to_string(),
            (Err(_), Some((host, port))) => match host.parse::<Ipv4Addr>() {
                Ok(address) => format!("{}:{port}", self.of(address.into())),
                Err(_) => inner.to_owned(),
            },
            (Err(_), None) => inner.to_owned(),
        };
        format!("{head}{inner}{tail}")
    }
}

fn is_of_address(c: char) -> bool {
    c.is_ascii_hexdigit() || c == '.' || c == ':'
}

/// The addresses of RFC 5737, and behind them those of RFC 2544.
fn public_v4(number: u32) -> Ipv4Addr {
    const OF_NETWORK: u32 = 254;
    const NETWORKS: [u32; 3] = [0xcb00_7100, 0xc633_6400, 0xc000_0200];
    const BENCHMARKS: u32 = 0xc612_0000;
    let (network, host) = ((number - 1) / OF_NETWORK, (number - 1) % OF_NETWORK + 1);
    let network = usize::try_from(network).ok().and_then(|place| NETWORKS.get(place));
    Ipv4Addr::from_bits(network.map_or(BENCHMARKS + number, |network| network + host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_stand_in_of_its_kind_wherever_it_stands() {
        let mut addresses = AddressStandIns::default();
        let table = [
            ("8.8.8.8", "203.0.113.1"),
            ("8.8.8.8:53", "203.0.113.1:53"),
            ("[2a00::1]:443 and 2a00::1.", "[2001:db8::1]:443 and 2001:db8::1."),
            ("from 10.9.8.7, 192.168.1.1/24", "from 10.0.0.1, 10.0.0.2/24"),
            ("turn:9.9.9.9:3478?transport=udp", "turn:203.0.113.2:3478?transport=udp"),
            ("https://9.9.9.9/", "https://203.0.113.2/"),
            ("nft { 8.8.8.8, 10.9.8.7 }", "nft { 203.0.113.1, 10.0.0.1 }"),
            ("fd12::7 fe80::7%2", "fd00::1 fe80::1%2"),
            ("100.64.9.9", "100.64.0.1"),
            (
                "127.0.0.1 ::1 0.0.0.0/0 ::/0 169.254.169.254",
                "127.0.0.1 ::1 0.0.0.0/0 ::/0 169.254.169.254",
            ),
            ("::ffff:8.8.8.8", "::ffff:203.0.113.1"),
            (
                "nginx/1.24.0 at 12:30:45, sha256:abcdef12, v1.2.3.4a",
                "nginx/1.24.0 at 12:30:45, sha256:abcdef12, v1.2.3.4a",
            ),
            ("ä8.8.8.8 (8.8.8.8)", "ä8.8.8.8 (203.0.113.1)"),
        ];
        for (text, expected) in table {
            assert_eq!(addresses.in_text(text), expected);
        }
    }

    #[test]
    fn stand_ins_do_not_run_out() {
        let mut addresses = AddressStandIns::default();
        let given: std::collections::BTreeSet<IpAddr> = (0..2000_u32)
            .map(|n| addresses.of(Ipv4Addr::from_bits(0x0800_0000 + n).into()))
            .collect();
        assert_eq!(given.len(), 2000);
    }
}
