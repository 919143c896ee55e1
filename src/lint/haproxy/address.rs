//! Addresses as HAProxy writes them (`str2sa_range`): `:443`, `:::443`, `ipv4@…`, ranges of ports, Unix sockets.

use std::net::IpAddr;

use super::lexer::Word;
use crate::lint::way::TcpPlace;
use crate::model::target::Family;

/// Where a proxy listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindPlace {
    Tcp(TcpPlace),
    /// QUIC, or another use of UDP.
    Udp {
        address: Option<IpAddr>,
        family: Family,
        port: u16,
    },
    /// The path of a Unix socket, or a name of the kernel's own (`abns@`).
    Socket(String),
    /// A name that only the proxy resolves; with its port.
    Name(String, u16),
    /// An environment variable whose value is not known.
    Variable(String),
    /// A socket that another program has opened (`fd@`, `sockpair@`).
    Inherited,
    /// Not an address.
    Invalid,
}

impl BindPlace {
    /// Whether a connection of this family to this port can arrive here.
    pub fn takes(&self, family: Family, port: u16) -> bool {
        self.tcp().is_some_and(|place| place.takes(family, port))
    }

    pub fn tcp(&self) -> Option<TcpPlace> {
        match self {
            Self::Tcp(place) => Some(*place),
            _ => None,
        }
    }

    /// The address, where it is one of its own.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(TcpPlace { address, .. }) | Self::Udp { address, .. } => *address,
            _ => None,
        }
    }
}

/// The words behind an address that decide which families it takes.
#[derive(Debug, Clone, Copy)]
pub struct FamilyWords {
    pub v4v6: bool,
    pub v6only: bool,
}

/// Where `bind` with this part of its first word listens.
pub fn bind_place(word: &Word, part: &str, families: FamilyWords) -> BindPlace {
    if let Some(variable) = &word.variable {
        return BindPlace::Variable(variable.clone());
    }
    let (prefix, rest) = split_prefix(part);
    let is_udp = matches!(prefix, "quic4" | "quic6" | "udp" | "udp4" | "udp6");
    match prefix {
        "unix" | "abns" | "abnsz" | "uxst" | "uxdg" => return BindPlace::Socket(rest.to_owned()),
        "fd" | "sockpair" | "rev" | "rhttp" => return BindPlace::Inherited,
        _ if rest.starts_with('/') => return BindPlace::Socket(rest.to_owned()),
        _ => {}
    }
    let Some((host, ports)) = rest.rsplit_once(':') else { return BindPlace::Invalid };
    let Some((first, last)) = port_range(ports) else { return BindPlace::Invalid };
    let of = |address: Option<IpAddr>, family: Family| {
        if is_udp {
            return BindPlace::Udp { address, family, port: first };
        }
        let is_any_v6 = family == Family::V6 && address.is_none();
        BindPlace::Tcp(TcpPlace {
            address,
            // Where neither word stands, Linux takes both (`net.ipv6.bindv6only`).
            takes_v4: family == Family::V4 || is_any_v6 && (families.v4v6 || !families.v6only),
            takes_v6: family == Family::V6,
            first,
            last,
        })
    };
    let is_v6 = matches!(prefix, "ipv6" | "tcp6" | "quic6" | "udp6");
    match host.trim_start_matches('[').trim_end_matches(']') {
        "" | "*" if is_v6 => of(None, Family::V6),
        "" | "*" => of(None, Family::V4),
        "localhost" if !is_v6 => of(Some(IpAddr::from([127, 0, 0, 1])), Family::V4),
        bare => match bare.parse::<IpAddr>() {
            Ok(address) => {
                of(Some(address).filter(|address| !address.is_unspecified()), Family::of(address))
            }
            Err(_) => BindPlace::Name(bare.to_owned(), first),
        },
    }
}

/// To what `server` with this address passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerPlace {
    Tcp { host: ServerHost, port: ServerPort },
    Socket(String),
    Variable(String),
    Inherited,
    Invalid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerHost {
    Ip(IpAddr),
    Name(String),
    /// The address that the client has connected to.
    OfClient,
}

/// The port of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerPort {
    Is(u16),
    /// The port that the client has connected to, and so many more.
    OfClient(i32),
}

pub fn server_place(word: &Word) -> ServerPlace {
    if let Some(variable) = &word.variable {
        return ServerPlace::Variable(variable.clone());
    }
    let (prefix, rest) = split_prefix(&word.text);
    match prefix {
        "unix" | "abns" | "abnsz" | "uxst" => return ServerPlace::Socket(rest.to_owned()),
        "fd" | "sockpair" | "rev" | "rhttp" => return ServerPlace::Inherited,
        _ if rest.starts_with('/') => return ServerPlace::Socket(rest.to_owned()),
        _ => {}
    }
    let (host, port) = match rest.rsplit_once(':') {
        // An address of IPv6 without port.
        _ if rest.parse::<std::net::Ipv6Addr>().is_ok() => (rest, None),
        Some((host, port)) if !rest.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let port = match port {
        None | Some("") => Some(ServerPort::OfClient(0)),
        Some(port) if port.starts_with(['+', '-']) => port.parse().ok().map(ServerPort::OfClient),
        Some(port) => port.parse().ok().filter(|port| *port > 0).map(ServerPort::Is),
    };
    let Some(port) = port else { return ServerPlace::Invalid };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let host = match bare.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => ServerHost::OfClient,
        Ok(address) => ServerHost::Ip(address),
        Err(_) if matches!(bare, "" | "*") => ServerHost::OfClient,
        Err(_) => ServerHost::Name(bare.to_owned()),
    };
    ServerPlace::Tcp { host, port }
}

/// The kind of address that is written before `@`.
fn split_prefix(text: &str) -> (&str, &str) {
    const PREFIXES: [&str; 18] = [
        "ipv4", "ipv6", "tcp", "tcp4", "tcp6", "mptcp", "mptcp4", "mptcp6", "quic4", "quic6",
        "udp", "udp4", "udp6", "unix", "abns", "abnsz", "fd", "sockpair",
    ];
    match text.split_once('@') {
        Some((prefix, rest)) if PREFIXES.contains(&prefix) => (prefix, rest),
        Some((
            prefix @ ("uxst" | "uxdg" | "rev" | "rhttp" | "stream+ipv4" | "stream+ipv6"),
            rest,
        )) => (prefix.trim_start_matches("stream+"), rest),
        _ => ("", text),
    }
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        Some((first, last)) => {
            Some((port(first)?, port(last)?)).filter(|(first, last)| first <= last)
        }
        None => port(text).map(|port| (port, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::source::Span;

    fn word(text: &str) -> Word {
        let span = Span { file: 0, start: 0, end: 0 };
        Word { text: text.to_owned(), span, variable: None }
    }

    #[test]
    fn families_of_a_listener() {
        for (text, v4v6, v6only, expected) in [
            (":443", false, false, [true, false]),
            ("*:443", false, false, [true, false]),
            ("0.0.0.0:443", false, false, [true, false]),
            ("ipv4@:443", false, false, [true, false]),
            (":::443", true, false, [true, true]),
            ("[::]:443", false, true, [false, true]),
            (":::443", false, false, [true, true]),
            ("ipv6@*:443", false, true, [false, true]),
            ("[fd00::1]:443", false, false, [false, true]),
            ("400-450", false, false, [false, false]),
            (":400-450", false, false, [true, false]),
            ("443", false, false, [false, false]),
            ("quic4@:443", false, false, [false, false]),
            ("/run/x.sock", false, false, [false, false]),
        ] {
            let place = bind_place(&word(text), text, FamilyWords { v4v6, v6only });
            assert_eq!(Family::BOTH.map(|family| place.takes(family, 443)), expected, "{text}");
        }
    }

    #[test]
    fn servers_have_their_port() {
        let ip = |text: &str| ServerHost::Ip(text.parse().unwrap());
        for (text, host, port) in [
            ("10.0.0.20:7880", ip("10.0.0.20"), ServerPort::Is(7880)),
            ("[fd00::20]:7880", ip("fd00::20"), ServerPort::Is(7880)),
            ("fd00::20:7880", ip("fd00::20:7880"), ServerPort::OfClient(0)),
            ("10.0.0.20", ip("10.0.0.20"), ServerPort::OfClient(0)),
            ("10.0.0.20:+100", ip("10.0.0.20"), ServerPort::OfClient(100)),
            ("ipv4@node:80", ServerHost::Name("node".to_owned()), ServerPort::Is(80)),
            ("*:80", ServerHost::OfClient, ServerPort::Is(80)),
        ] {
            assert_eq!(server_place(&word(text)), ServerPlace::Tcp { host, port }, "{text}");
        }
    }
}
