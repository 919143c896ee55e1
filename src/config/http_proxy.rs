//! The HTTP proxy of this network: from `--http-proxy`, otherwise from the usual environment
//! variables.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::file::FileShape;
use super::flags::Flags;
use super::sources::{Origin, Sources, Written};
use crate::complaint::{Complaint, Place};
use crate::model::dial::HttpProxy;
use crate::model::name::DomainName;
use crate::model::port::Port;
use crate::model::secret::Secret;

/// The default port of a proxy URL, which is that of its scheme (RFC 9110 §4.2.1).
const DEFAULT_PORT: u16 = 80;

/// The variables with a proxy for `https:` and `wss:`, in the order in which curl reads them.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The variables with a proxy for `http:`.
const VARIABLES_OF_HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];

/// The value of `--http-proxy`. `None`: it is not set.
pub(super) fn chosen(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
) -> Result<Option<Choice>, Complaint> {
    let as_written = |text: &str| Ok(text.to_owned());
    let chosen = sources.one(
        "http-proxy",
        as_written,
        flags.http_proxy.as_ref(),
        shape.http_proxy.as_ref(),
    )?;
    let choice = |chosen: Written<'_, String>| match chosen.value.as_str() {
        "none" => Ok(Choice::None),
        _ => read(&chosen).map(Choice::Proxy),
    };
    chosen.map(choice).transpose()
}

/// A proxy, or explicitly no proxy.
pub(super) enum Choice {
    None,
    Proxy(HttpProxy),
}

/// The proxy that the environment variables set for connections to `domain`.
pub(super) fn of_environment(
    sources: Sources<'_>,
    domain: &DomainName,
) -> Result<Option<HttpProxy>, Complaint> {
    let set = |name: &str| (sources.environment)(name).filter(|text| !text.trim().is_empty());
    let found = VARIABLES.into_iter();
    let Some((name, text)) = found.filter_map(|name| Some((name, set(name)?))).next() else {
        return Ok(None);
    };
    let exceptions = set("no_proxy").or_else(|| set("NO_PROXY"));
    if exceptions.is_some_and(|list| is_excepted(domain, &list)) {
        return Ok(None);
    }
    read(&Written { value: text.trim().to_owned(), origin: Origin::Environment(name.to_owned()) })
        .map(Some)
}

/// The proxy that the environment variables name for connections to `domain`, of any kind, without user
/// name and password: what a machine is told to use says something of its network.
pub(super) fn named_in_environment(sources: Sources<'_>, domain: &DomainName) -> Option<String> {
    let set = |name: &str| (sources.environment)(name).filter(|text| !text.trim().is_empty());
    let text = VARIABLES.into_iter().chain(VARIABLES_OF_HTTP).find_map(set)?;
    let exceptions = set("no_proxy").or_else(|| set("NO_PROXY"));
    if exceptions.is_some_and(|list| is_excepted(domain, &list)) {
        return None;
    }
    let rest = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = host_and_port(place)?;
    Some(HttpProxy { host, port, authorization: None }.to_string())
}

/// Whether a NO_PROXY list contains the domain: as `*`, as the name itself, or as a parent domain, with
/// or without a leading dot.
fn is_excepted(domain: &DomainName, list: &str) -> bool {
    let domain = domain.as_str();
    list.split([',', ' ']).map(str::trim).any(|entry| {
        let name = entry.split(':').next().unwrap_or_default();
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        let name = name.to_ascii_lowercase();
        let is_above =
            domain.strip_suffix(&name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        entry == "*" || (!name.is_empty() && is_above)
    })
}

/// A place for complaints that does not show the URL.
fn place(origin: &Origin<'_>) -> Place {
    match origin {
        Origin::File(file, _) => Place::Path(format!("http-proxy in {}", file.path)),
        Origin::Flag(_) | Origin::Environment(_) => origin.place("this URL"),
    }
}

/// Parses the URL of a proxy. No complaint shows it, because it may contain a password.
fn read(written: &Written<'_, String>) -> Result<HttpProxy, Complaint> {
    let refuse =
        |what: &str, help: &str| Complaint::new(what, place(&written.origin)).with_help(help);
    let no_url = || {
        refuse(
            "this is not the URL of an HTTP proxy",
            "use http://HOST:PORT, such as http://proxy.example.net:3128, or none",
        )
    };
    let (scheme, rest) = match written.value.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), written.value.as_str()),
    };
    match scheme.as_str() {
        "http" => {}
        "https" | "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
            return Err(refuse(
                &format!("{scheme}:// proxies are not supported"),
                "use an HTTP proxy with --http-proxy http://HOST:PORT, or no proxy with \
                 --http-proxy none",
            ));
        }
        _ => return Err(no_url()),
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if user.is_some() && !matches!(written.origin, Origin::Environment(_)) {
        return Err(refuse(
            "the proxy URL contains credentials, which others can read here",
            "set the URL in OVCHECK_HTTP_PROXY or HTTPS_PROXY instead",
        ));
    }
    let (host, port) = host_and_port(place).ok_or_else(no_url)?;
    Ok(HttpProxy { host, port, authorization: user.map(authorization) })
}

fn host_and_port(place: &str) -> Option<(String, Port)> {
    let (host, behind) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, behind)
        }
        None => {
            let (host, behind) = place.split_at(place.find(':').unwrap_or(place.len()));
            let is_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            (!host.is_empty() && host.chars().all(is_host)).then_some(())?;
            (host, behind)
        }
    };
    let port = match behind.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None => behind.is_empty().then(|| Port::new(DEFAULT_PORT))??,
    };
    Some((host.to_owned(), port))
}

/// `Basic` followed by the encoded user name and password (RFC 7617 §2).
fn authorization(user: &str) -> Secret {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair = decode(user);
    pair.push(b':');
    pair.extend(decode(password));
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

/// Decodes percent-encoding (RFC 3986 §2.1). Other characters stay as they are.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = behind
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = &behind[if escaped.is_some() { 2 } else { 0 }..];
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Result<HttpProxy, String> {
        let origin = Origin::Environment("HTTPS_PROXY".to_owned());
        let value = text.to_owned();
        read(&Written { value, origin }).map_err(|complaint| complaint.to_string())
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        let table = [
            ("http://proxy.example.net:3128", "proxy.example.net:3128"),
            ("http://proxy.example.net:3128/", "proxy.example.net:3128"),
            ("HTTP://proxy", "proxy:80"),
            ("192.0.2.8:8080", "192.0.2.8:8080"),
            ("http://[2001:db8::8]:3128", "[2001:db8::8]:3128"),
            ("http://[2001:db8::8]", "[2001:db8::8]:80"),
        ];
        for (text, expected) in table {
            let read = proxy(text).unwrap();
            assert_eq!(read.to_string(), expected);
            assert_eq!(read.authorization, None);
        }
    }

    #[test]
    fn user_and_password_become_a_header() {
        let read = proxy("http://me:h%40sh%@proxy.example.net:3128").unwrap();
        assert_eq!(read.to_string(), "proxy.example.net:3128");
        // Python: base64.b64encode(b"me:h@sh%").
        let header = read.authorization.unwrap();
        assert_eq!(header.expose(), "Basic bWU6aEBzaCU=");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for text in [
            "http://me:hush@",
            "http://me:hush@proxy:0",
            "http://me:hush@proxy:port",
            "http://me:hush@[2001:db8::8",
            "http://me:hush@pro xy:3128",
            "ftp://me:hush@proxy:21",
            "socks5://me:hush@proxy:1080",
            "https://me:hush@proxy:443",
        ] {
            let refused = proxy(text).unwrap_err();
            assert!(refused.starts_with("error: HTTPS_PROXY: "), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
    }

    #[test]
    fn no_proxy_names_domains_and_what_is_below_them() {
        let domain: DomainName = "openvidu.example.io".parse().unwrap();
        let table = [
            ("*", true),
            ("openvidu.example.io", true),
            ("OpenVidu.example.io:443", true),
            ("example.io", true),
            ("localhost,.example.io", true),
            ("localhost, *.example.io", true),
            ("vidu.example.io", false),
            ("example.com", false),
            ("", false),
            (",", false),
        ];
        for (list, expected) in table {
            assert_eq!(is_excepted(&domain, list), expected, "{list}");
        }
    }
}
