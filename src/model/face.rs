//! Who answers in the place of LiveKit, and what they want by it.

use serde::{Deserialize, Serialize};

use super::facts::{HttpResponse, ServerText};
use super::rule::RemedyTemplate;

/// What an answer that is not LiveKit's says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intention {
    /// Go to another place.
    SentElsewhere,
    /// Show a password or a login.
    PasswordAsked,
    /// Show a certificate.
    ClientCertificate,
    /// No, on purpose.
    Refused,
    /// You speak another protocol than I do.
    WrongProtocol,
    /// I know no such name.
    WrongHost,
    /// Not now.
    NotNow,
    /// I get no answer myself.
    NothingBehind,
    /// Something else is here.
    OtherSite,
}

/// To whom what answers belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// The external proxy, or what runs on it.
    Proxy,
    /// What the proxy forwards to.
    Backend,
    /// A service in front of the proxy.
    Front,
    /// The network in which this machine is.
    Network,
}

/// What somebody is known to say. Only ever made by `ruleset` from `rules/faces.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    pub id: String,
    /// `nginx`, `the load balancer of AWS`.
    pub who: String,
    pub says: Intention,
    pub whose: Ownership,
    pub signs: FaceSigns,
    /// What they mean by it, in words that follow "which means that".
    pub means: String,
    /// In place of the one of the intention; may be empty.
    pub remedy: Vec<RemedyTemplate>,
}

/// What an answer has to show, all of it, to be of a face. Texts are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaceSigns {
    /// One of these; empty: any.
    pub statuses: Vec<u16>,
    /// The beginning of `Server`.
    pub server: Option<String>,
    /// The name of a header field that no standard describes.
    pub header: Option<String>,
    pub title: Option<String>,
    pub body: Option<String>,
    /// The whole body, without white space around it.
    pub text: Option<String>,
    pub location: Option<String>,
    /// A body without a byte.
    pub is_empty: bool,
}

impl FaceSigns {
    /// The words by which an answer is known, of its header, title and body.
    pub fn words(&self) -> impl Iterator<Item = &String> {
        let Self { server, header, title, body, text, location, .. } = self;
        [server, header, title, body, text, location].into_iter().flatten()
    }

    /// Whether this answer shows all of them.
    pub fn are_in(&self, response: &HttpResponse) -> bool {
        let lower = |text: &ServerText| text.unquoted().to_lowercase();
        let has = |wanted: &Option<String>, text: Option<&ServerText>| {
            let Some(wanted) = wanted else { return true };
            text.is_some_and(|text| lower(text).contains(wanted))
        };
        let page = response.page.as_deref();
        let title = page.and_then(|page| page.title.as_ref());
        let words = page.map_or(&response.body, |page| &page.words);
        (self.statuses.is_empty() || self.statuses.contains(&response.status))
            && self.server.as_ref().is_none_or(|wanted| {
                let server = response.server.as_ref();
                server.is_some_and(|server| lower(server).starts_with(wanted))
            })
            && self.header.as_ref().is_none_or(|wanted| {
                response.marks.fields.iter().any(|field| field.name.unquoted() == wanted)
            })
            && has(&self.title, title)
            && (has(&self.body, Some(words)) || has(&self.body, title))
            && has(&self.location, response.location.as_ref())
            && self.text.as_ref().is_none_or(|wanted| {
                // A line end is a `·` in the text of a server.
                let text = lower(&response.body);
                page.is_none() && text.trim_matches([' ', '·']) == wanted
            })
            && (!self.is_empty || response.is_empty())
    }
}

/// What is to be done about one intention, whoever has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentionRemedy {
    pub says: Intention,
    /// Never empty.
    pub steps: Vec<RemedyTemplate>,
}
