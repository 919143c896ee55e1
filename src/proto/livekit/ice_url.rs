//! URIs of STUN and TURN servers (RFC 7064, RFC 7065).

use crate::model::facts::{IceScheme, IceUrlParts};
use crate::model::port::Transport;

/// What a URI says; `None` when it is malformed.
pub fn read(url: &str) -> Option<IceUrlParts> {
    let (scheme, rest) = url.split_once(':')?;
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "stun" => (IceScheme::Stun, PORT),
        "stuns" => (IceScheme::Stuns, TLS_PORT),
        "turn" => (IceScheme::Turn, PORT),
        "turns" => (IceScheme::Turns, TLS_PORT),
        _ => return None,
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let transport = match (query, scheme) {
        (None, IceScheme::Stun | IceScheme::Turn) => Transport::Udp,
        (None, IceScheme::Stuns | IceScheme::Turns) => Transport::Tcp,
        (Some(query), IceScheme::Turn | IceScheme::Turns) => {
            match query.strip_prefix("transport=")? {
                "udp" => Transport::Udp,
                "tcp" => Transport::Tcp,
                _ => return None,
            }
        }
        // STUN URIs have none (RFC 7064 §3.1).
        (Some(_), IceScheme::Stun | IceScheme::Stuns) => return None,
    };
    let (host, port) = split(place)?;
    let port = match port {
        None => default_port,
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    let is_short = !host.is_empty() && host.len() <= LONGEST_HOST;
    (is_short && host.chars().all(is_host)).then(|| IceUrlParts {
        scheme,
        host: host.to_owned(),
        port,
        transport,
    })
}

/// The longest host, that of a name (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;

/// The ports of the schemes (RFC 8489 §18.6).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

fn split(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        let port = match behind {
            "" => None,
            _ => Some(behind.strip_prefix(':')?),
        };
        let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
        return is_address.then_some((host, port));
    }
    match place.split_once(':') {
        None => Some((place, None)),
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Option<(IceScheme, String, u16, Transport)> {
        let parts = read(url)?;
        Some((parts.scheme, parts.host, parts.port, parts.transport))
    }

    #[test]
    fn what_livekit_sends_is_read() {
        let (udp, tcp) = (Transport::Udp, Transport::Tcp);
        let turn = |host: &str, port| Some((IceScheme::Turn, host.to_owned(), port, udp));
        assert_eq!(parts("turn:203.0.113.20:443?transport=udp"), turn("203.0.113.20", 443));
        assert_eq!(parts("turn:[2001:db8::20]:443?transport=udp"), turn("2001:db8::20", 443));
        assert_eq!(parts("turn:203.0.113.20"), turn("203.0.113.20", 3478));
        let turns = Some((IceScheme::Turns, "turn.example.io".to_owned(), 443, tcp));
        assert_eq!(parts("turns:turn.example.io:443?transport=tcp"), turns);
        let stun = Some((IceScheme::Stun, "stun.l.google.com".to_owned(), 19302, udp));
        assert_eq!(parts("stun:stun.l.google.com:19302"), stun);
    }

    #[test]
    fn malformed_ones_are_told() {
        assert_eq!(parts(&format!("turn:{}", "a".repeat(254))), None);
        for url in [
            "",
            "turn",
            "turn:",
            "turn::443",
            "http://example.io",
            "turn:203.0.113.20:0?transport=udp",
            "turn:203.0.113.20:99999",
            "turn:203.0.113.20:443?transport=sctp",
            "turn:2001:db8::20:443?transport=udp",
            "turn:[2001:db8::20:443",
            "turn:[example.io]:443",
            "turns://turn.example.io:443",
            "stun:203.0.113.20?transport=udp",
            "turn:exa mple.io:443",
        ] {
            assert_eq!(read(url), None, "{url}");
        }
    }
}
