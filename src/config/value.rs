//! Single values as people write them, in whichever of the three places.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::complaint::help_for_unknown;
use crate::model::deployment::{Feature, NodeRole};
use crate::model::dial::{ConnectTo, InvalidDial, Resolve};
use crate::model::name::{DomainName, InvalidDomainName, InvalidNodeName, NodeName};
use crate::model::port::{InvalidPort, Port};
use crate::model::probe::UdpRate;
use crate::model::target::Family;

use super::StunServer;

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl InvalidValue {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidValue {}

/// A word of one of our closed lists.
///
/// # Errors
/// For an unknown word, with the known ones or the one probably meant.
pub fn word<T: ValueEnum>(text: &str) -> Result<T, InvalidValue> {
    T::from_str(text, false).map_err(|_| {
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        unknown_word(text, &known)
    })
}

/// The role of a node.
///
/// # Errors
/// For an unknown word, with the known ones or the one probably meant.
pub fn role(text: &str) -> Result<NodeRole, InvalidValue> {
    role_named(text).ok_or_else(|| {
        let known: Vec<String> = NodeRole::ALL.iter().map(NodeRole::to_string).collect();
        unknown_word(text, &known)
    })
}

/// The role with this name, if it is one.
pub fn role_named(text: &str) -> Option<NodeRole> {
    NodeRole::ALL
        .into_iter()
        .find(|role| role.to_string() == text)
}

fn unknown_word(text: &str, known: &[String]) -> InvalidValue {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    InvalidValue::new(format!("unknown value \"{text}\"")).with_help(help_for_unknown(text, &known))
}

/// A domain name.
///
/// # Errors
/// For what is not one; out of a URL the name is offered.
pub fn domain_name(text: &str) -> Result<DomainName, InvalidValue> {
    text.parse().map_err(|error| match error {
        InvalidDomainName::IsUrl(_) => {
            let refused = InvalidValue::new(format!("\"{text}\" is not a domain name alone"));
            match name_in_url(text) {
                Some(name) => refused.with_help(format!("write {name}")),
                None => refused.with_help("write the name alone"),
            }
        }
        InvalidDomainName::IsAddress => {
            InvalidValue::new(format!("\"{text}\" is an address, not a domain name"))
                .with_help("write the name: certificates and the proxy go by it")
        }
        InvalidDomainName::SingleLabel
        | InvalidDomainName::TooLong
        | InvalidDomainName::BadLabel(_)
        | InvalidDomainName::NotAscii => {
            InvalidValue::new(format!("\"{text}\" is not a domain name"))
                .with_help(error.to_string())
        }
    })
}

fn name_in_url(text: &str) -> Option<DomainName> {
    let behind_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = behind_scheme.split('/').next()?;
    let host = authority.split(':').next()?;
    host.parse().ok()
}

/// The address of a machine, IPv4 or IPv6, that packets can be sent to.
///
/// # Errors
/// For names, networks, addresses with a port, and addresses that belong to no machine.
pub fn address(text: &str) -> Result<IpAddr, InvalidValue> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| inner.contains(':'))
        .unwrap_or(text);
    let address: IpAddr = bare.parse().map_err(|_| not_an_address(text))?;
    one_machine(address)
}

/// Refuses addresses that no packet can be sent to as to one machine.
fn one_machine(address: IpAddr) -> Result<IpAddr, InvalidValue> {
    let refuse = |what: &str| {
        Err(InvalidValue::new(format!("{address} is {what}"))
            .with_help("write the address of the machine"))
    };
    if address.is_unspecified() {
        return refuse("no address of a machine, but stands for any");
    }
    if address.is_multicast() {
        return refuse("a multicast address, not that of one machine");
    }
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() => {
            refuse("the broadcast address, not that of one machine")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            refuse("a link-local IPv6 address, which means nothing outside its own link")
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Err(InvalidValue::new(format!(
                "{address} is an IPv4 address in IPv6 clothes"
            ))
            .with_help(format!("write {v4}"))),
            None => Ok(address),
        },
        IpAddr::V4(_) => Ok(address),
    }
}

fn not_an_address(text: &str) -> InvalidValue {
    let refused = InvalidValue::new(format!("\"{text}\" is not an IP address"));
    if let Some((network, _)) = text.split_once('/')
        && network.parse::<IpAddr>().is_ok()
    {
        return InvalidValue::new(format!("\"{text}\" is a network, not an address"))
            .with_help("write the address of the machine");
    }
    if let Some((scoped, _)) = text.split_once('%')
        && scoped.parse::<IpAddr>().is_ok()
    {
        return InvalidValue::new(format!("\"{text}\" is an address of one link only"))
            .with_help("write an address that can be reached from elsewhere");
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return InvalidValue::new(format!("\"{text}\" is an address and a port"))
            .with_help(format!("write {}", with_port.ip()));
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return refused
            .with_help("an IPv4 address has four numbers from 0 to 255, without leading zeros");
    }
    if text.parse::<DomainName>().is_ok() {
        return InvalidValue::new(format!("\"{text}\" is a name, not an IP address"))
            .with_help("write the address: a name could lead to another machine tomorrow");
    }
    refused
}

/// `ADDRESS`, or `ADDRESS:PORT` with IPv6 addresses in brackets, of a DNS server. Without a port
/// it is 53 (RFC 1035 §4.2).
///
/// # Errors
/// For names, port 0, and addresses that belong to no machine.
pub fn dns_server(text: &str) -> Result<SocketAddr, InvalidValue> {
    const DNS: u16 = 53;
    if let Ok(server) = text.parse::<SocketAddr>() {
        return socket_address(server);
    }
    match address(text) {
        Ok(address) => Ok(SocketAddr::new(address, DNS)),
        Err(refused) => {
            Err(refused.with_help("write ADDRESS or ADDRESS:PORT, with IPv6 addresses in brackets"))
        }
    }
}

fn socket_address(server: SocketAddr) -> Result<SocketAddr, InvalidValue> {
    one_machine(server.ip())?;
    if server.port() == 0 {
        return Err(port_zero());
    }
    Ok(server)
}

fn port_zero() -> InvalidValue {
    InvalidValue::new("port 0 does not exist on the wire").with_help("ports are 1 to 65535")
}

/// `NAME:PORT` or `ADDRESS:PORT` of a STUN server.
///
/// # Errors
/// For everything else.
pub fn stun_server(text: &str) -> Result<StunServer, InvalidValue> {
    if let Ok(server) = text.parse::<SocketAddr>() {
        return socket_address(server).map(StunServer::Address);
    }
    let Some((name, port)) = text.rsplit_once(':') else {
        return Err(InvalidValue::new(format!("\"{text}\" has no port"))
            .with_help("write NAME:PORT or ADDRESS:PORT, with IPv6 addresses in brackets"));
    };
    let port: Port = port
        .parse()
        .map_err(|error: InvalidPort| InvalidValue::new(error.to_string()))?;
    Ok(StunServer::Name(domain_name(name)?, port))
}

/// One entry of `--connect-to`.
///
/// # Errors
/// For another shape, and when it leads from one address family to the other.
pub fn connect_to(text: &str) -> Result<ConnectTo, InvalidValue> {
    let entry: ConnectTo = text
        .parse()
        .map_err(|error: InvalidDial| InvalidValue::new(error.to_string()))?;
    for address in [entry.address, entry.to_address].into_iter().flatten() {
        one_machine(address)?;
    }
    match (entry.address, entry.to_address) {
        (Some(meant), Some(dialled)) if Family::of(meant) != Family::of(dialled) => {
            Err(InvalidValue::new(format!(
                "\"{text}\" dials {} where {} is meant",
                Family::of(dialled),
                Family::of(meant)
            ))
            .with_help("each family is judged apart: keep to one in each entry"))
        }
        _ => Ok(entry),
    }
}

/// One entry of `--resolve`.
///
/// # Errors
/// For another shape, and for addresses that belong to no machine.
pub fn resolve(text: &str) -> Result<Resolve, InvalidValue> {
    let entry: Resolve = text
        .parse()
        .map_err(|error: InvalidDial| InvalidValue::new(error.to_string()))?;
    for address in &entry.addresses {
        one_machine(*address)?;
    }
    Ok(entry)
}

/// The name of a vantage: 1 to 64 printable characters, since it stands in every report.
///
/// # Errors
/// For an empty or long text, and for control characters.
pub fn vantage_name(text: &str) -> Result<String, InvalidValue> {
    let length = text.chars().count();
    if !(1..=64).contains(&length) || text.chars().any(char::is_control) {
        return Err(InvalidValue::new(
            "the name of a vantage has 1 to 64 printable characters",
        ));
    }
    Ok(text.to_owned())
}

/// The path of a file or directory.
///
/// # Errors
/// For an empty text.
pub fn path(text: &str) -> Result<PathBuf, InvalidValue> {
    if text.is_empty() {
        return Err(InvalidValue::new("a path has at least one character"));
    }
    Ok(PathBuf::from(text))
}

/// A number of seconds for `--timeout`: 0.2 to 30.
///
/// # Errors
/// For what is not a number, and what lies outside.
pub fn timeout(text: &str) -> Result<Duration, InvalidValue> {
    seconds(text, 0.2, 30.0)
}

/// A number of seconds for `--deadline`: 1 to 600.
///
/// # Errors
/// For what is not a number, and what lies outside.
pub fn deadline(text: &str) -> Result<Duration, InvalidValue> {
    seconds(text, 1.0, 600.0)
}

/// A number of datagrams a second for `--udp-rate`: 100 to 100,000.
///
/// # Errors
/// For what is not a whole number, and what lies outside.
pub fn udp_rate(text: &str) -> Result<UdpRate, InvalidValue> {
    text.parse().ok().and_then(UdpRate::new).ok_or_else(|| {
        InvalidValue::new(format!("\"{text}\" is no rate of datagrams"))
            .with_help("write 100 to 100000 datagrams a second, without a unit")
    })
}

fn seconds(text: &str, least: f64, most: f64) -> Result<Duration, InvalidValue> {
    let number: f64 = text.parse().map_err(|_| {
        InvalidValue::new(format!("\"{text}\" is not a number of seconds"))
            .with_help(format!("write {least} to {most}, without a unit"))
    })?;
    if !(least..=most).contains(&number) {
        return Err(
            InvalidValue::new(format!("{text} s lies outside of the range"))
                .with_help(format!("write {least} to {most} seconds")),
        );
    }
    Ok(Duration::from_secs_f64(number))
}

/// `FEATURE[,FEATURE]`, or `none` for an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(pub BTreeSet<Feature>);

impl FromStr for Features {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        text.split(',')
            .map(word)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// One `--node NAME=ADDRESS[,ADDRESS]` or, where the name is no role,
/// `--node NAME:ROLE=ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFlag {
    pub name: NodeName,
    pub role: Option<NodeRole>,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for NodeFlag {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (named, addresses) = text.split_once('=').ok_or_else(|| {
            InvalidValue::new(format!("\"{text}\" has no addresses"))
                .with_help("write NAME=ADDRESS[,ADDRESS], such as proxy=203.0.113.10")
        })?;
        let (name, role_word) = match named.split_once(':') {
            Some((name, role)) => (name, Some(role)),
            None => (named, None),
        };
        Ok(Self {
            name: node_name(name)?,
            role: role_word.map(role).transpose()?,
            addresses: addresses_of(name, addresses)?,
        })
    }
}

/// One `--private-address NODE=ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFlag {
    pub node: NodeName,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for PrivateFlag {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (node, addresses) = text.split_once('=').ok_or_else(|| {
            InvalidValue::new(format!("\"{text}\" has no addresses"))
                .with_help("write NODE=ADDRESS[,ADDRESS], such as openvidu=10.0.0.20")
        })?;
        Ok(Self {
            node: node_name(node)?,
            addresses: addresses_of(node, addresses)?,
        })
    }
}

/// The name of a node.
///
/// # Errors
/// For what is not one.
pub fn node_name(text: &str) -> Result<NodeName, InvalidValue> {
    text.parse()
        .map_err(|error: InvalidNodeName| InvalidValue::new(error.to_string()))
}

fn addresses_of(node: &str, list: &str) -> Result<Vec<IpAddr>, InvalidValue> {
    if list.trim().is_empty() {
        return Err(InvalidValue::new(format!("the node {node} has no address"))
            .with_help(format!("write {node}=ADDRESS[,ADDRESS]")));
    }
    list.split(',').map(|one| address(one.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_a_machine_can_have() {
        for right in [
            "203.0.113.7",
            "10.0.0.7",
            "127.0.0.1",
            "2001:db8::7",
            "::1",
            "fd00::7",
        ] {
            assert_eq!(address(right).unwrap().to_string(), right);
        }
        assert_eq!(address("[2001:db8::7]"), address("2001:db8::7"));
    }

    #[test]
    fn what_is_no_address_of_a_machine_is_refused_with_the_reason() {
        let table = [
            (
                "1.2.3",
                "\"1.2.3\" is not an IP address; an IPv4 address has four numbers from 0 to 255, without leading zeros",
            ),
            (
                "203.0.113.010",
                "\"203.0.113.010\" is not an IP address; an IPv4 address has four numbers from 0 to 255, without leading zeros",
            ),
            (
                "::ffff:203.0.113.7",
                "::ffff:203.0.113.7 is an IPv4 address in IPv6 clothes; write 203.0.113.7",
            ),
            (
                "203.0.113.0/24",
                "\"203.0.113.0/24\" is a network, not an address; write the address of the machine",
            ),
            (
                "203.0.113.7:443",
                "\"203.0.113.7:443\" is an address and a port; write 203.0.113.7",
            ),
            (
                "fe80::1%eth0",
                "\"fe80::1%eth0\" is an address of one link only; write an address that can be reached from elsewhere",
            ),
            (
                "fe80::1",
                "fe80::1 is a link-local IPv6 address, which means nothing outside its own link; write the address of the machine",
            ),
            (
                "proxy.example.io",
                "\"proxy.example.io\" is a name, not an IP address; write the address: a name could lead to another machine tomorrow",
            ),
            (
                "0.0.0.0",
                "0.0.0.0 is no address of a machine, but stands for any; write the address of the machine",
            ),
            (
                "::",
                ":: is no address of a machine, but stands for any; write the address of the machine",
            ),
            (
                "255.255.255.255",
                "255.255.255.255 is the broadcast address, not that of one machine; write the address of the machine",
            ),
            (
                "224.0.0.1",
                "224.0.0.1 is a multicast address, not that of one machine; write the address of the machine",
            ),
            (
                "ff02::1",
                "ff02::1 is a multicast address, not that of one machine; write the address of the machine",
            ),
            ("[203.0.113.7]", "\"[203.0.113.7]\" is not an IP address"),
            ("", "\"\" is not an IP address"),
            ("proxy", "\"proxy\" is not an IP address"),
        ];
        for (text, refused) in table {
            assert_eq!(address(text).unwrap_err().to_string(), refused, "{text}");
        }
    }

    #[test]
    fn a_dns_server_has_port_53_unless_said_otherwise() {
        let server = |text: &str| dns_server(text).map(|server| server.to_string());
        assert_eq!(server("192.0.2.53").unwrap(), "192.0.2.53:53");
        assert_eq!(server("127.0.0.1:5353").unwrap(), "127.0.0.1:5353");
        assert_eq!(server("2001:db8::53").unwrap(), "[2001:db8::53]:53");
        assert_eq!(server("[2001:db8::53]:54").unwrap(), "[2001:db8::53]:54");
        assert_eq!(
            server("192.0.2.53:0").unwrap_err().to_string(),
            "port 0 does not exist on the wire; ports are 1 to 65535"
        );
        assert_eq!(
            server("one.one.one.one").unwrap_err().message,
            "\"one.one.one.one\" is a name, not an IP address"
        );
    }

    #[test]
    fn a_stun_server_is_a_name_or_an_address_with_a_port() {
        assert_eq!(
            stun_server("stun.example.net:19302").unwrap(),
            StunServer::Name(
                "stun.example.net".parse().unwrap(),
                Port::new(19_302).unwrap()
            )
        );
        assert_eq!(
            stun_server("[2001:db8::9]:19302").unwrap(),
            StunServer::Address("[2001:db8::9]:19302".parse().unwrap())
        );
        for refused in [
            "stun.example.net",
            "stun.example.net:0",
            "stun:19302",
            "192.0.2.1:0",
        ] {
            assert!(stun_server(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn seconds_lie_in_their_range() {
        assert_eq!(timeout("1.3"), Ok(Duration::from_millis(1300)));
        assert_eq!(timeout("2"), Ok(Duration::from_secs(2)));
        assert_eq!(
            timeout("0.1").unwrap_err().to_string(),
            "0.1 s lies outside of the range; write 0.2 to 30 seconds"
        );
        for refused in ["0.1", "31", "-1", "NaN", "inf", "1e300", "1 s", ""] {
            assert!(timeout(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_node_is_named_with_its_addresses_and_perhaps_its_role() {
        let edge: NodeFlag = "edge-1:proxy=203.0.113.10,2001:db8::10".parse().unwrap();
        assert_eq!(edge.name.as_str(), "edge-1");
        assert_eq!(edge.role, Some(NodeRole::Proxy));
        assert_eq!(edge.addresses.len(), 2);
        let refused = |text: &str| text.parse::<NodeFlag>().unwrap_err().to_string();
        assert_eq!(refused("proxy=203.0.113.10,,"), "\"\" is not an IP address");
        assert_eq!(
            refused("proxy="),
            "the node proxy has no address; write proxy=ADDRESS[,ADDRESS]"
        );
        assert_eq!(
            refused("edge:proxi=203.0.113.10"),
            "unknown value \"proxi\"; did you mean \"proxy\"?"
        );
        assert_eq!(
            refused("203.0.113.10"),
            "\"203.0.113.10\" has no addresses; write NAME=ADDRESS[,ADDRESS], such as proxy=203.0.113.10"
        );
    }

    #[test]
    fn a_url_is_refused_with_the_name_in_it() {
        assert_eq!(
            domain_name("https://openvidu.example.io:443/rtc")
                .unwrap_err()
                .help,
            Some("write openvidu.example.io".to_owned())
        );
    }

    #[test]
    fn no_feature_in_use_is_another_thing_than_nothing_said() {
        assert_eq!("none".parse(), Ok(Features(BTreeSet::new())));
        assert_eq!(
            "rtmp,whip".parse(),
            Ok(Features(BTreeSet::from([Feature::Rtmp, Feature::Whip])))
        );
        assert_eq!(
            "rtmp,whpi".parse::<Features>().unwrap_err().to_string(),
            "unknown value \"whpi\"; did you mean \"whip\"?"
        );
    }
}
