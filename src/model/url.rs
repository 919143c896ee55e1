//! URLs as clients read them: two spellings of one place are equal.

use std::fmt;

/// A place on the web. Servers supply it: whoever shows it does so as `ServerText`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
