//! What a *server* names: hosts, addresses and ports of its own choice. A hostile server could make the
//! machines of its clients its scanner with them: towards their own network, their cloud's metadata service,
//! or anybody. Whether such a place may be dialled is judged here and nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::address::{AddressKind, carried};
use super::name::DomainName;

/// Why ovcheck does not go where a server sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Forbidden {
    #[error("the server named an address that no other machine can have for its clients")]
    NoOtherMachine,
    #[error("the server named an address of a private network that is not declared")]
    Private,
    #[error("the server named an address at which clouds have their metadata service")]
    Metadata,
    #[error("the server named a host that is neither an address nor a domain name")]
    NoDomainName,
    #[error("the server named a host that only a local network knows")]
    LocalName,
    #[error("the name that the server gave leads to an address where ovcheck sends nothing")]
    LeadsThere,
    #[error(
        "the HTTP proxy would resolve a name that the server gave, and that has no known address here"
    )]
    Unjudged,
    #[error("the server named more places than ovcheck asks in one run")]
    TooMany,
}

impl Forbidden {
    /// Whether it follows from what the server said alone. What a name leads to, another DNS server may
    /// see otherwise.
    pub fn is_said_by_server(self) -> bool {
        match self {
            Self::NoOtherMachine
            | Self::Private
            | Self::Metadata
            | Self::NoDomainName
            | Self::LocalName => true,
            Self::LeadsThere | Self::Unjudged | Self::TooMany => false,
        }
    }
}

/// A host that a server named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamedHost {
    Address(IpAddr),
    Name(DomainName),
}

/// What ovcheck was told by somebody else than the server, and may be dialled for that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquaintance {
    /// The names of the deployment; the one of its API first.
    pub names: Vec<DomainName>,
    /// The addresses that the deployment declares.
    pub declared: Vec<IpAddr>,
    /// The address at which the API was reached.
    pub reached: Option<IpAddr>,
}

impl Acquaintance {
    /// Whether ovcheck may send to an address that a server named.
    ///
    /// # Errors
    /// The reason against it.
    pub fn permits(&self, address: IpAddr) -> Result<(), Forbidden> {
        if self.declared.contains(&address) {
            return Ok(());
        }
        if METADATA.contains(&address) {
            return Err(Forbidden::Metadata);
        }
        if let Some(carried) = carried(address) {
            return self.permits(carried);
        }
        match kind(address) {
            AddressKind::Public => Ok(()),
            // Who reaches the API at a private address is in its network.
            AddressKind::Private
                if self.reached.is_some_and(|it| kind(it) == AddressKind::Private) =>
            {
                Ok(())
            }
            AddressKind::Private | AddressKind::DockerBridge => Err(Forbidden::Private),
            AddressKind::LinkLocal | AddressKind::Loopback | AddressKind::NoHost => {
                Err(Forbidden::NoOtherMachine)
            }
        }
    }

    /// Whether a relay may be asked to send to an address that the server named. What it sends stays in
    /// the network of the relay, in which private addresses are the usual ones.
    ///
    /// # Errors
    /// The reason against it.
    pub fn permits_through_relay(&self, address: IpAddr) -> Result<(), Forbidden> {
        match self.permits(address) {
            Err(Forbidden::Private) => Ok(()),
            judged => judged,
        }
    }

    /// Which host a text of the server means. Only what every resolver and every HTTP proxy takes for the
    /// same passes: no number (`2130706433`, `127.1`, `0x7f000001`), and no name without a domain.
    ///
    /// # Errors
    /// The reason for not going there, whatever it leads to.
    pub fn host(&self, text: &str) -> Result<NamedHost, Forbidden> {
        if let Ok(address) = text.parse() {
            return Ok(NamedHost::Address(address));
        }
        let name: DomainName = text.parse().map_err(|_| Forbidden::NoDomainName)?;
        let top = name.top();
        if is_number(top) {
            return Err(Forbidden::NoDomainName);
        }
        let is_of_own_network = self.names.iter().any(|own| own.top() == top);
        if LOCAL.contains(&top) && !is_of_own_network {
            return Err(Forbidden::LocalName);
        }
        Ok(NamedHost::Name(name))
    }

    /// Whether a name belongs to the domain of the deployment. Who has that domain decides anyway where
    /// an HTTP proxy dials for the name of the API.
    pub fn has_in_its_domain(&self, name: &DomainName) -> bool {
        self.names.contains(name)
            || self.names.first().is_some_and(|api| {
                is_below(name, api.as_str())
                    || (is_of_one_owner(api.parent()) && is_below(name, api.parent()))
            })
    }
}

fn is_below(name: &DomainName, domain: &str) -> bool {
    name.as_str().strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

/// Whether a domain has one owner, as far as its look tells: not a top-level domain, and none of those
/// below which anybody can have names (`co.uk`, `com.au`).
fn is_of_one_owner(domain: &str) -> bool {
    match domain.split('.').collect::<Vec<_>>().as_slice() {
        [_] => false,
        [second, top] => top.len() > 2 || second.len() > 3,
        _ => true,
    }
}

/// Whether programs take a host with this last label for an IPv4 address (WHATWG URL §3.5).
fn is_number(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Top-level domains that only a local network knows (RFC 6761, RFC 6762 with its appendix G, RFC 8375
/// for `home.arpa`, and ICANN for `internal`).
const LOCAL: [&str; 12] = [
    "localhost",
    "local",
    "internal",
    "localdomain",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "invalid",
    "onion",
];

/// Addresses of metadata services that are not link-local: those of Alibaba, Oracle and EC2.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The kind of an address, for dialling it. Of 64:ff9b:1::/48 (RFC 8215) nobody outside a network knows where
/// it leads.
fn kind(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V6(v6) if v6.segments()[..3] == [0x64, 0xff9b, 1] => AddressKind::NoHost,
        address => AddressKind::from(address),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stranger() -> Acquaintance {
        Acquaintance {
            names: vec!["openvidu.example.io".parse().unwrap()],
            declared: Vec::new(),
            reached: Some("203.0.113.10".parse().unwrap()),
        }
    }

    fn judged(address: &str) -> Result<(), Forbidden> {
        stranger().permits(address.parse().unwrap())
    }

    #[test]
    fn a_server_names_no_address_of_this_network() {
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "169.254.1.1",
            "198.18.0.1",
            "192.0.0.8",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:203.0.113.9",
            "::ffff:0:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:7f00:1::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert_eq!(judged(address), Err(Forbidden::NoOtherMachine), "{address}");
        }
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "172.17.0.2",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "64:ff9b::10.0.0.1",
            "2002:c0a8:101::1",
        ] {
            assert_eq!(judged(address), Err(Forbidden::Private), "{address}");
        }
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            assert_eq!(judged(address), Err(Forbidden::Metadata), "{address}");
        }
        for address in ["203.0.113.9", "8.8.8.8", "2001:db8::9", "2a00::1", "64:ff9b::203.0.113.9"]
        {
            assert_eq!(judged(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_is_declared_may_be_dialled_and_what_is_beside_a_private_api() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let declared = Acquaintance { declared: vec![loopback], ..stranger() };
        assert_eq!(declared.permits(loopback), Ok(()));
        assert_eq!(declared.permits("127.0.0.2".parse().unwrap()), Err(Forbidden::NoOtherMachine));
        let inside = Acquaintance { reached: "10.0.0.10".parse().ok(), ..stranger() };
        assert_eq!(inside.permits("10.0.0.20".parse().unwrap()), Ok(()));
        assert_eq!(inside.permits("172.17.0.2".parse().unwrap()), Err(Forbidden::Private));
        assert_eq!(inside.permits("100.100.100.200".parse().unwrap()), Err(Forbidden::Metadata));
        assert_eq!(inside.permits(loopback), Err(Forbidden::NoOtherMachine));
    }

    #[test]
    fn a_relay_may_send_in_its_own_network() {
        let through = |address: &str| stranger().permits_through_relay(address.parse().unwrap());
        assert_eq!(through("10.0.0.20"), Ok(()));
        assert_eq!(through("127.0.0.1"), Err(Forbidden::NoOtherMachine));
        assert_eq!(through("100.100.100.200"), Err(Forbidden::Metadata));
    }

    #[test]
    fn a_host_is_an_address_or_a_domain_name() {
        let host = |text: &str| stranger().host(text);
        for text in [
            "localhost",
            "localhost.",
            "2130706433",
            "127.1",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "127.0.0.1.",
            "1.2.3.0x4",
            "turn",
            "a_b.example.io",
            "",
        ] {
            assert_eq!(host(text), Err(Forbidden::NoDomainName), "{text}");
        }
        for text in
            ["metadata.google.internal", "printer.local", "a.localhost", "1.0.0.127.in-addr.arpa"]
        {
            assert_eq!(host(text), Err(Forbidden::LocalName), "{text}");
        }
        assert!(matches!(host("turn.example.io"), Ok(NamedHost::Name(_))));
        assert!(matches!(host("203.0.113.9"), Ok(NamedHost::Address(_))));
        let inner = Acquaintance { names: vec!["api.corp".parse().unwrap()], ..stranger() };
        assert!(matches!(inner.host("turn.corp"), Ok(NamedHost::Name(_))));
        assert_eq!(inner.host("turn.internal"), Err(Forbidden::LocalName));
    }

    #[test]
    fn the_domain_of_a_deployment_ends_where_another_owner_begins() {
        let is_own = |api: &str, name: &str| {
            let names = vec![api.parse().unwrap()];
            Acquaintance { names, ..stranger() }.has_in_its_domain(&name.parse().unwrap())
        };
        assert!(is_own("openvidu.example.io", "openvidu.example.io"));
        assert!(is_own("openvidu.example.io", "turn.example.io"));
        assert!(is_own("openvidu.example.io", "turn.openvidu.example.io"));
        assert!(!is_own("openvidu.example.io", "turn.example.net"));
        assert!(!is_own("openvidu.example.io", "evilexample.io"));
        assert!(!is_own("example.io", "turn.io"));
        assert!(!is_own("openvidu.co.uk", "turn.co.uk"));
        assert!(is_own("openvidu.co.uk", "turn.openvidu.co.uk"));
        assert!(is_own("a.openvidu.co.uk", "turn.openvidu.co.uk"));
    }

    /// Every form in which an IPv4 address goes into an IPv6 one.
    fn forms(v4: Ipv4Addr) -> Vec<IpAddr> {
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let v6 = |s: [u16; 8]| IpAddr::from(Ipv6Addr::from(s));
        vec![
            v4.into(),
            v6([0, 0, 0, 0, 0, 0, high, low]),
            v6([0, 0, 0, 0, 0, 0xffff, high, low]),
            v6([0, 0, 0, 0, 0xffff, 0, high, low]),
            v6([0x64, 0xff9b, 0, 0, 0, 0, high, low]),
            v6([0x64, 0xff9b, 1, 0, 0, 0, high, low]),
            v6([0x2002, high, low, 0, 0, 0, 0, 0]),
            v6([0x2001, 0, high, low, 0, 0, !high, !low]),
        ]
    }

    proptest! {
        /// Whatever a server writes, what passes is an address of the internet, or a name below a domain.
        #[test]
        fn nothing_else_than_the_internet_is_dialled(text in "[0-9a-fx.:A-Z_-]{0,24}|[a-z0-9.-]{0,24}") {
            match stranger().host(&text) {
                Ok(NamedHost::Name(name)) => {
                    let top = name.as_str().rsplit('.').next().unwrap();
                    prop_assert!(name.as_str().contains('.'));
                    prop_assert!(!top.starts_with(|c: char| c.is_ascii_digit()) || !is_number(top));
                    prop_assert!(!["localhost", "local", "internal"].contains(&top));
                }
                Ok(NamedHost::Address(_)) | Err(_) => {}
            }
        }

        #[test]
        fn no_form_of_a_private_address_is_dialled(
            net in prop::sample::select(vec![[10, 0], [192, 168], [172, 16], [127, 0], [169, 254], [100, 64]]),
            host in any::<[u8; 2]>(),
        ) {
            let v4 = Ipv4Addr::new(net[0], net[1], host[0], host[1]);
            for form in forms(v4) {
                prop_assert!(stranger().permits(form).is_err(), "{form}");
            }
        }

        #[test]
        fn of_ipv6_only_what_hosts_have_is_dialled(bits in any::<u128>()) {
            let address = Ipv6Addr::from(bits);
            if stranger().permits(address.into()).is_ok() {
                let is_nat64 = bits >> 32 == 0x0064_ff9b_u128 << 64;
                prop_assert!(bits >> 125 == 1 || is_nat64, "{address}");
            }
        }
    }
}
