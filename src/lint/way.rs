//! What every reader of a proxy follows a connection with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::source::{Sources, Span};
use crate::model::configuration::{
    Backend, BackendAddress, BackendHttp, BackendPlace, BackendTls, CloseCause, End, Opening,
    ProxyHeader, StartFailure, Undecided,
};
use crate::model::facts::{NetworkBlock, ServerText};
use crate::model::port::Port;
use crate::model::target::Family;

/// The most hops over the proxy's own listeners.
pub const MOST_HOPS: usize = 6;

/// From where a connection comes to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Outside,
    OwnMachine,
}

/// What a matcher says of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    Yes,
    No,
    /// It waits for bytes that the client does not send.
    Waits,
    /// The file alone does not tell.
    Unknown(Undecided, Span),
}

impl Match {
    pub fn from(is_match: bool) -> Self {
        if is_match { Self::Yes } else { Self::No }
    }

    /// A matcher that is not followed.
    pub fn unknown(name: &str, at: Span) -> Self {
        Self::Unknown(Undecided::Directive(ServerText::new(name)), at)
    }

    /// All of these hold.
    pub fn all(matches: impl Iterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for one in matches {
            match one {
                Self::No => return Self::No,
                Self::Yes => {}
                other if all == Self::Yes => all = other,
                _ => {}
            }
        }
        all
    }

    /// One of these holds, asked in their order: one that waits keeps those behind it from being asked.
    pub fn any(matches: impl Iterator<Item = Self>) -> Self {
        let mut matches = matches;
        matches.find(|one| *one != Self::No).unwrap_or(Self::No)
    }

    pub fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }
}

/// The request, where the connection carries one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The `Host` header; `None`: the address.
    pub host: Option<String>,
    pub path: String,
    pub keeps_upgrade: bool,
}

impl Request {
    /// What a client asks that opens a connection so.
    pub fn new(host: Option<String>, opening: Opening) -> Self {
        let path = path_of(opening).to_owned();
        Self { host, path, keeps_upgrade: opening == Opening::WebSocket }
    }
}

/// Something that is not followed.
pub fn unfollowed(name: &str, at: Span) -> Ended {
    Ended::undecided(Undecided::Directive(ServerText::new(name)), at)
}

/// The path that a client asks for.
pub fn path_of(opening: Opening) -> &'static str {
    match opening {
        Opening::WebSocket => "/rtc",
        Opening::AcmeChallenge => "/.well-known/acme-challenge/ovcheck",
        _ => "/",
    }
}

/// Where a hop passes a connection.
#[derive(Debug, Clone)]
pub struct Member {
    pub address: BackendAddress,
    pub port: Option<u16>,
    pub at: Span,
}

/// What the connection carries when it leaves the proxy.
pub struct Leaving {
    pub tls: BackendTls,
    pub proxy_header: Option<ProxyHeader>,
    pub http: Option<BackendHttp>,
}

impl Leaving {
    /// It goes to the first of these, or to one of the others.
    pub fn to(self, members: &[Member], sources: &Sources) -> Ended {
        let Self { tls, proxy_header, http } = self;
        let place = |member: &Member| BackendPlace {
            address: member.address.clone(),
            port: member.port.and_then(Port::new),
            at: sources.location(member.at),
        };
        let first = &members[0];
        let backend = Backend {
            address: first.address.clone(),
            port: first.port.and_then(Port::new),
            others: members[1..].iter().map(place).collect(),
            tls,
            proxy_header,
            http,
        };
        Ended::new(End::Backend(Box::new(backend)), first.at)
    }
}

/// Where a connection ended, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub at: Option<Span>,
}

impl Ended {
    pub fn new(end: End, at: Span) -> Self {
        Self { end, at: Some(at) }
    }

    pub fn undecided(what: Undecided, at: Span) -> Self {
        Self::new(End::Undecided(what), at)
    }

    pub fn closed(cause: CloseCause, at: Span) -> Self {
        Self::new(End::Closed(cause), at)
    }

    pub fn not_started(why: StartFailure, at: Span) -> Self {
        Self::new(End::NotStarted(why), at)
    }

    pub fn answer(status: u16, at: Span) -> Self {
        Self::new(End::LocalAnswer { status: Some(status) }, at)
    }
}

/// The TLS that lies on the connection where it is followed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsLayer {
    /// None, or ended.
    None,
    /// The client's.
    OfClient,
    /// The proxy's own, towards the next hop.
    OfProxy,
}

impl TlsLayer {
    /// What a backend gets of it.
    pub fn at_backend(self) -> BackendTls {
        match self {
            Self::None => BackendTls::None,
            Self::OfClient => BackendTls::Still,
            Self::OfProxy => BackendTls::Again,
        }
    }
}

/// An address and ports at which a proxy listens for TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TcpPlace {
    /// `None`: every address.
    pub address: Option<IpAddr>,
    pub takes_v4: bool,
    pub takes_v6: bool,
    pub first: u16,
    pub last: u16,
}

impl TcpPlace {
    /// Whether a connection of this family to this port can arrive here.
    pub fn takes(&self, family: Family, port: u16) -> bool {
        self.takes_family(family) && (self.first..=self.last).contains(&port)
    }

    fn takes_family(&self, family: Family) -> bool {
        if family == Family::V4 { self.takes_v4 } else { self.takes_v6 }
    }

    pub fn families(&self) -> Vec<Family> {
        Family::BOTH.into_iter().filter(|family| self.takes_family(*family)).collect()
    }

    /// The port, where it is one.
    pub fn port(&self) -> Option<u16> {
        (self.first == self.last).then_some(self.first)
    }
}

/// Of the proxy's own listeners those that take what it passes to this address and port; `place` is where one of
/// them listens.
pub fn takers<A: Copy>(
    listeners: &[A],
    place: impl Fn(&A) -> Option<TcpPlace>,
    address: &BackendAddress,
    port: u16,
) -> Vec<A> {
    let addresses: Vec<IpAddr> = match address {
        BackendAddress::Ip(address) => vec![*address],
        BackendAddress::Name(name) if name.unquoted().eq_ignore_ascii_case("localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        BackendAddress::Name(_) | BackendAddress::Socket(_) => Vec::new(),
    };
    for address in addresses {
        let takes = |it: &TcpPlace| {
            it.takes(Family::of(address), port)
                && it.address.map_or(address.is_loopback(), |own| own == address)
        };
        let taking = |listener: &A| Some((*listener, place(listener).filter(takes)?));
        let takers: Vec<(A, TcpPlace)> = listeners.iter().filter_map(taking).collect();
        // An address of its own wins.
        let has_own = takers.iter().any(|(_, place)| place.address.is_some());
        let wins = |(_, place): &&(A, TcpPlace)| !has_own || place.address.is_some();
        if !takers.is_empty() {
            return takers.iter().filter(wins).map(|(listener, _)| *listener).collect();
        }
    }
    Vec::new()
}

/// `<MASTER_NODE_PRIVATE_IP>` in a word.
pub fn placeholder(text: &str) -> Option<ServerText> {
    let (_, rest) = text.split_once('<')?;
    let (inner, _) = rest.split_once('>')?;
    let is_word = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-' | b' ');
    let is_template = inner.len() > 2 && inner.bytes().all(is_word);
    is_template.then(|| ServerText::new(&format!("<{inner}>")))
}

/// A network or address of an access list.
pub fn network_block(text: &str) -> Option<NetworkBlock> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    NetworkBlock::of_prefix(address, prefix.unwrap_or(whole))
}

/// Whether a network of an access list is the machine's own.
pub fn is_loopback_network(network: &str) -> bool {
    let address = network.split('/').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a word names a file of certbot or another client of ACME (RFC 8555).
pub fn names_acme_client(text: &str) -> bool {
    const CLIENTS: [&str; 3] = ["/letsencrypt/", "/certbot/", "/acme.sh/"];
    CLIENTS.iter().any(|client| text.contains(client))
}

/// Host and port as programs in Go write them: the host without its brackets, and the port, which may be empty.
pub fn split_host_port(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return match port.strip_prefix(':') {
            Some(port) => Some((host, port)),
            None => port.is_empty().then_some((host, "")),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => Some((host, port)),
        Some(_) => None,
        None => Some((text, "")),
    }
}

/// A duration as programs in Go write it: numbers with units, without a sign.
pub fn go_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let behind = &rest[digits..];
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let seconds = match &behind[..unit] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &behind[unit..];
    }
    Some(total)
}

/// Whether a network has the client: those of the internet are in none but that of all addresses.
pub fn in_network(is_own: bool, network: &str) -> Option<bool> {
    let (address, length) = network.split_once('/').unwrap_or((network, ""));
    let address: IpAddr = address.parse().ok()?;
    Some(length == "0" || is_own && address.is_loopback())
}
