//! The page for users: `[page]`, and the part of `[listen]` that is about it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;
use serde_spanned::Spanned;

use super::{ListenShape, ServeTarget, place, read_value, target_name};
use crate::complaint::{Complaint, Place};
use crate::config::file::DeploymentFile;
use crate::config::value::{self, InvalidValue};
use crate::model::language::Language;
use crate::model::prefix::AddressPrefix;
use crate::model::prober::{ProberModule, TargetName};
use crate::model::secret::Credentials;

/// The page on which a user's browser tests the ways of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageConfig {
    /// Where it listens. TLS is the concern of the proxy in front of it.
    pub listen: SocketAddr,
    pub public_url: PublicUrl,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressPrefix>,
    pub target: TargetName,
    /// Where browsers reach LiveKit and TURN.
    pub places: BrowserPlaces,
    /// Whether a visit is possible without a code.
    pub is_open: bool,
    /// At least one; the first is for those who want another.
    pub languages: Vec<Language>,
    /// Who sees the results, in words for users.
    pub operator_name: String,
}

/// The address of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://openvidu.example.io`, as a browser sends it in `Origin`.
    pub origin: String,
    /// `/ovcheck/`: begins and ends with a slash.
    pub path: String,
}

/// Where browsers connect, as URLs without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserPlaces {
    /// The name of the deployment, for texts.
    pub domain: String,
    /// `wss://openvidu.example.io`
    pub signalling: String,
    /// `https://turn.example.io`; `None`: there is no TURN name.
    pub turn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PageShape {
    target: Spanned<String>,
    #[serde(default)]
    open: bool,
    languages: Option<Spanned<Vec<Spanned<String>>>>,
    operator_name: Spanned<String>,
}

/// Where the page of the demo listens.
const DEMO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9718);

/// The page over the demo. Its users are on this machine.
pub(super) fn of_demo(
    target: &TargetName,
    listen: Option<SocketAddr>,
    places: BrowserPlaces,
) -> PageConfig {
    let listen = listen.unwrap_or(DEMO_ADDRESS);
    PageConfig {
        listen,
        public_url: PublicUrl { origin: format!("http://{listen}"), path: "/".to_owned() },
        trusted_proxies: Vec::new(),
        target: target.clone(),
        places,
        is_open: true,
        languages: Language::ALL.into(),
        operator_name: "the demo".to_owned(),
    }
}

/// The page, if there is one: `[page]` and `public` in `[listen]` are set together. `listen` replaces the address of the
/// configuration.
pub(super) fn read(
    file: &DeploymentFile,
    at: &ListenShape,
    page: Option<&PageShape>,
    listen: Option<SocketAddr>,
    targets: &[ServeTarget],
) -> Result<Option<PageConfig>, Complaint> {
    let Some(page) = page else {
        let set = [&at.public, &at.public_url].into_iter().flatten().next();
        let nowhere = match (set, at.trusted_proxies.first(), listen) {
            (Some(set), _, _) | (None, Some(set), _) => place(file, set),
            (None, None, Some(_)) => Place::Flag("--public-listen".to_owned()),
            (None, None, None) => return Ok(None),
        };
        return Err(Complaint::new("there is no page to serve there", nowhere)
            .with_help("add [page] with target and operator-name"));
    };
    let missing = |key: &str, example: &str| {
        Complaint::new(format!("the page needs {key} in [listen]"), place(file, &page.target))
            .with_help(format!("set {key} = \"{example}\""))
    };
    let listen = match (listen, &at.public) {
        (Some(listen), _) => listen,
        (None, Some(text)) => read_value(file, text, super::address)?,
        (None, None) => return Err(missing("public", "127.0.0.1:9718")),
    };
    let public_url = match &at.public_url {
        Some(text) => read_value(file, text, PublicUrl::read)?,
        None => return Err(missing("public-url", "https://openvidu.example.io/ovcheck/")),
    };
    let trusted_proxies = (at.trusted_proxies.iter())
        .map(|text| read_value(file, text, prefix))
        .collect::<Result<_, _>>()?;
    let target = target(file, &page.target, targets)?;
    Ok(Some(PageConfig {
        listen,
        public_url,
        trusted_proxies,
        target: target.name.clone(),
        places: BrowserPlaces::of(target),
        is_open: page.open,
        languages: languages(file, page.languages.as_ref())?,
        operator_name: read_value(file, &page.operator_name, operator_name)?,
    }))
}

/// The target of the page: one in which ovcheck can make calls itself, and tokens for browsers.
fn target<'a>(
    file: &DeploymentFile,
    named: &Spanned<String>,
    targets: &'a [ServeTarget],
) -> Result<&'a ServeTarget, Complaint> {
    let name = read_value(file, named, target_name)?;
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        return Err(Complaint::new(format!("there is no target \"{name}\""), place(file, named))
            .with_help("it must be the name of a target of this configuration"));
    };
    let has_key = matches!(target.run.credentials, Some(Credentials::Key { .. }));
    if !has_key {
        let wrong = format!("the target \"{name}\" has no API key, which the page needs");
        return Err(Complaint::new(wrong, place(file, named))
            .with_help("set api-key and api-secret-file in its deployment file"));
    }
    if !target.modules.contains(&ProberModule::Call) {
        let wrong = format!("the target \"{name}\" does not have the module \"call\"");
        return Err(Complaint::new(wrong, place(file, named)).with_help(
            "add it: a visit starts a call of ovcheck, which is shown beside the browser's",
        ));
    }
    Ok(target)
}

fn languages(
    file: &DeploymentFile,
    named: Option<&Spanned<Vec<Spanned<String>>>>,
) -> Result<Vec<Language>, Complaint> {
    let Some(named) = named else { return Ok(Language::ALL.into()) };
    let languages: Vec<Language> = (named.get_ref().iter())
        .map(|text| read_value(file, text, value::word))
        .collect::<Result<_, _>>()?;
    if languages.is_empty() {
        return Err(Complaint::new("the page needs a language", place(file, named))
            .with_help("use [\"en\"], or leave languages out for all of them"));
    }
    Ok(languages)
}

impl BrowserPlaces {
    /// Those of a deployment: its names, at the port of HTTPS.
    fn of(target: &ServeTarget) -> Self {
        let deployment = &target.run.deployment;
        Self {
            domain: deployment.domain.to_string(),
            signalling: format!("wss://{}", deployment.domain),
            turn: deployment.turn_domain.as_ref().map(|name| format!("https://{name}")),
        }
    }
}

impl PublicUrl {
    /// Reads the address of a page: HTTPS, or HTTP on this machine, without which browsers have no WebRTC.
    pub fn read(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || {
            InvalidValue::new(
                "must be the address of the page for users, such as https://openvidu.example.io/ovcheck/",
            )
        };
        let (scheme, behind) = text.split_once("://").ok_or_else(wrong)?;
        let (authority, path) = behind.split_once('/').ok_or_else(|| {
            InvalidValue::new("must end with a slash: the page has others below itself")
        })?;
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => authority,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok();
        let is_here = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        if !is_here && address.is_none() && value::domain_name(host).is_err() {
            return Err(wrong());
        }
        match scheme {
            "https" => {}
            "http" if is_here => {}
            "http" => {
                return Err(InvalidValue::new(
                    "must begin with https://, because browsers have WebRTC only there",
                ));
            }
            _ => return Err(wrong()),
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let has_odd_part = |path: &str| {
            let mut parts = path.trim_end_matches('/').split('/');
            !path.is_empty() && parts.any(|part| matches!(part, "" | "." | ".."))
        };
        if !path.chars().all(is_plain) || has_odd_part(path) {
            return Err(wrong());
        }
        if !(path.is_empty() || path.ends_with('/')) {
            return Err(InvalidValue::new("must end with a slash"));
        }
        let authority = authority.to_ascii_lowercase();
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(&authority);
        Ok(Self { origin: format!("{scheme}://{authority}"), path: format!("/{path}") })
    }
}

fn prefix(text: &str) -> Result<AddressPrefix, InvalidValue> {
    text.parse().map_err(|invalid| InvalidValue::new(format!("{invalid}")))
}

fn operator_name(text: &str) -> Result<String, InvalidValue> {
    let is_fit = (1..=80).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    match is_fit {
        true => Ok(text.to_owned()),
        false => Err(InvalidValue::new("must have 1 to 80 printable characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_page_is_taken_apart() {
        let table = [
            ("https://openvidu.example.io/ovcheck/", "https://openvidu.example.io", "/ovcheck/"),
            ("https://Test.example.io:443/", "https://test.example.io", "/"),
            ("https://test.example.io:8443/a/b/", "https://test.example.io:8443", "/a/b/"),
            ("http://127.0.0.1:9718/", "http://127.0.0.1:9718", "/"),
            ("http://[::1]:9718/", "http://[::1]:9718", "/"),
            ("http://localhost/", "http://localhost", "/"),
        ];
        for (text, origin, path) in table {
            let expected = PublicUrl { origin: origin.to_owned(), path: path.to_owned() };
            assert_eq!(PublicUrl::read(text), Ok(expected), "{text}");
        }
        let wrong = [
            "",
            "openvidu.example.io",
            "https://openvidu.example.io",
            "https://openvidu.example.io/ovcheck",
            "http://openvidu.example.io/",
            "ftp://openvidu.example.io/",
            "https://a b/",
            "https://example.io/a?b/",
            "https://example.io//a/",
            "https://user@example.io/",
            "https://example.io/../",
        ];
        for text in wrong {
            assert!(PublicUrl::read(text).is_err(), "{text}");
        }
    }
}
