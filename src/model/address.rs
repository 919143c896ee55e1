//! What kind of network an address belongs to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who can have an address, and from where it can be reached. The one definition for DNS answers,
/// for candidates and for what may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AddressKind {
    /// Of a host on the internet. Documentation addresses are among these: they represent public
    /// ones.
    Public,
    /// Of a private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// Of Docker's default bridge (172.17.0.0/16), which exists on every machine with Docker.
    DockerBridge,
    /// Valid on one link only (RFC 3927, RFC 4291): clouds have their metadata service there.
    LinkLocal,
    /// The machine itself.
    Loopback,
    /// No host can have it (RFC 6890): 0.0.0.0/8 and ::, with which DNS filters answer, multicast,
    /// 192.0.0.0/24, 240.0.0.0/4, 198.18.0.0/15, with which proxy programs answer on their own machine;
    /// and of IPv6 what is not assigned to hosts (2000::/3 is), Teredo, and forms of IPv4 addresses that
    /// no host has on the internet. What a NAT64 translates counts as public.
    NoHost,
}

/// The range of an address that the internet does not reach, as far as it tells who uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SpecialRange {
    /// 0.0.0.0/8 and ::, with which DNS filters answer.
    Unspecified,
    /// RFC 1918.
    Private,
    /// 100.64.0.0/10 (RFC 6598): between a provider and its customers, and in overlay networks.
    CarrierNat,
    Loopback,
    LinkLocal,
    /// 198.18.0.0/15 (RFC 2544), with which proxy programs answer on their own machine.
    Benchmark,
    /// fc00::/7 (RFC 4193).
    UniqueLocal,
    /// Multicast, 240.0.0.0/4 and the rest.
    Reserved,
}

impl SpecialRange {
    /// The range of an address; `None` for an address of the internet.
    pub fn of(address: IpAddr) -> Option<Self> {
        let by_kind = match AddressKind::from(address) {
            AddressKind::Public => return None,
            AddressKind::Loopback => Self::Loopback,
            AddressKind::LinkLocal => Self::LinkLocal,
            AddressKind::Private | AddressKind::DockerBridge if address.is_ipv6() => {
                Self::UniqueLocal
            }
            AddressKind::Private | AddressKind::DockerBridge => Self::Private,
            AddressKind::NoHost => Self::Reserved,
        };
        Some(match address {
            IpAddr::V4(v4) => match v4.octets() {
                [0, ..] => Self::Unspecified,
                [100, second, ..] if (64..128).contains(&second) => Self::CarrierNat,
                [198, 18 | 19, ..] => Self::Benchmark,
                _ => by_kind,
            },
            IpAddr::V6(v6) if v6.is_unspecified() => Self::Unspecified,
            IpAddr::V6(_) => by_kind,
        })
    }
}

/// The IPv4 address inside an address that a NAT64 translates (64:ff9b::/96, RFC 6052). No zone has
/// such an address: a DNS64 resolver makes it for a network without IPv4.
pub fn translated_by_nat64(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else { return None };
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() else {
        return None;
    };
    Some(joined(high, low).into())
}

impl From<IpAddr> for AddressKind {
    fn from(address: IpAddr) -> Self {
        let (no_host, link_local, docker, private) = match address {
            IpAddr::V4(v4) => {
                let [first, second, ..] = v4.octets();
                let carrier_nat = first == 100 && (64..128).contains(&second);
                let docker = (first, second) == (172, 17);
                let benchmark = first == 198 && matches!(second, 18 | 19);
                let protocols = matches!(v4.octets(), [192, 0, 0, _] | [192, 88, 99, _]);
                let no_host = first == 0 || first >= 224 || benchmark || protocols;
                (no_host, v4.is_link_local(), docker, v4.is_private() || carrier_nat)
            }
            IpAddr::V6(v6) => {
                let is_local =
                    v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local();
                let no_host = !is_local && !is_of_internet(v6);
                (no_host, v6.is_unicast_link_local(), false, v6.is_unique_local())
            }
        };
        if no_host {
            Self::NoHost
        } else if address.is_loopback() {
            Self::Loopback
        } else if link_local {
            Self::LinkLocal
        } else if docker {
            Self::DockerBridge
        } else if private {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// Whether IPv6 hosts on the internet can have an address: one of 2000::/3 outside 2001::/23, which is for
/// protocols such as Teredo; in 2002::/16 (6to4) one of a public IPv4 address. Or a NAT64 translates it.
fn is_of_internet(v6: Ipv6Addr) -> bool {
    match v6.segments() {
        [0x64, 0xff9b, ..] => true,
        [0x2001, second, ..] => second >= 0x0200,
        [0x2002, high, low, ..] => {
            AddressKind::from(IpAddr::from(joined(high, low))) == AddressKind::Public
        }
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The IPv4 address in two segments of an IPv6 one.
fn joined(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

/// Whether an address belongs to a network that is not the internet's: a resolver there may be in
/// the next room.
pub fn is_private(address: IpAddr) -> bool {
    match AddressKind::from(address) {
        AddressKind::Private
        | AddressKind::DockerBridge
        | AddressKind::LinkLocal
        | AddressKind::Loopback => true,
        AddressKind::Public | AddressKind::NoHost => false,
    }
}

/// Whether the internet cannot reach this address.
pub fn is_unreachable(address: IpAddr) -> bool {
    AddressKind::from(address) != AddressKind::Public
}

/// The IPv4 address to which a gateway takes what is sent to an address: NAT64 (RFC 6052) or 6to4
/// (RFC 3056).
pub fn carried(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x2002, high, low, ..] => Some(joined(high, low).into()),
            _ => translated_by_nat64(address),
        },
        IpAddr::V4(_) => None,
    }
}

/// Whether no other machine can be reached at this address, or another one from each network: a
/// server must not send its clients there.
pub fn is_of_no_other_machine(address: IpAddr) -> bool {
    match AddressKind::from(address) {
        AddressKind::LinkLocal | AddressKind::Loopback | AddressKind::NoHost => true,
        AddressKind::Public | AddressKind::Private | AddressKind::DockerBridge => false,
    }
}
