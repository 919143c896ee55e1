//! The letter for a user whose browser made the test: in the user's language, and without what only ovcheck sees.

use std::io::{self, Write};
use std::net::IpAddr;

use super::{begin, item, made_by, opened, paragraph};
use crate::model::call::Contact;
use crate::model::deployment::Deployment;
use crate::model::facts::Way;
use crate::model::language::Language;
use crate::model::port::Transport;
use crate::model::timestamp::Timestamp;
use crate::model::visit::{BrowserReport, JoinedView, OwnView, VisitConclusion, WaySeen};
use crate::output::call::sentences::Sentences;
use crate::output::call::{requests, words};
use crate::output::log_safe;
use crate::output::text::columns;

/// What the letter is made of.
pub struct VisitLetter<'a> {
    pub language: Language,
    pub deployment: &'a Deployment,
    /// Who runs the deployment, in words for users.
    pub operator: &'a str,
    pub at: Timestamp,
    /// The address that the server saw, if it is the user's.
    pub source: Option<IpAddr>,
    pub report: &'a BrowserReport,
    pub view: &'a JoinedView,
    pub own: Option<&'a OwnView>,
}

/// Writes the letter; nothing where nothing has to be asked for. Where the administrator of the user's network cannot help, or it
/// is not known who can, it says so.
///
/// # Errors
/// Those of `out`.
pub fn write_for_visit(letter: &VisitLetter<'_>, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| letter.write(out))
}

impl VisitLetter<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let conclusions = &self.view.conclusions;
        let has = |wanted: fn(&VisitConclusion) -> bool| conclusions.iter().any(wanted);
        if has(|it| matches!(it, VisitConclusion::Deployment { .. })) {
            return paragraph(&self.say("server-at-fault"), out);
        }
        if has(|it| matches!(it, VisitConclusion::UserCannotJoin)) {
            let join = self.own.and_then(|own| Some(&own.call.as_ref()?.join));
            return self.to_network("no-way-in", "for-join", join.into_iter().collect(), out);
        }
        if has(|it| matches!(it, VisitConclusion::FirefoxOnSameMachine)) {
            return paragraph(&self.say("firefox"), out);
        }
        let contacts = self.stopped_on_the_way();
        if !contacts.is_empty() {
            return self.to_network(self.opening(), "for-media", contacts, out);
        }
        if !self.works_in_browser(|_| true)
            && has(|it| matches!(it, VisitConclusion::Undecided { .. }))
        {
            return paragraph(&self.say("not-decided"), out);
        }
        Ok(())
    }

    fn sentences(&self) -> &'static Sentences {
        Sentences::of(self.language)
    }

    fn say(&self, key: &str) -> String {
        let domain = self.deployment.domain.as_str();
        self.sentences().say(key, &[("domain", domain), ("operator", self.operator)])
    }

    fn works_in_browser(&self, is_meant: impl Fn(Way) -> bool) -> bool {
        self.view.ways.iter().any(|it| it.browser == WaySeen::Works && is_meant(it.way))
    }

    fn opening(&self) -> &'static str {
        if !self.works_in_browser(|_| true) {
            "no-media"
        } else if !self.works_in_browser(|way| way.transport() == Transport::Udp) {
            "over-tcp"
        } else {
            "some"
        }
    }

    /// The places that ovcheck reached and the browser did not. If calls work, only those over UDP, which make them better.
    fn stopped_on_the_way(&self) -> Vec<&Contact> {
        let stopped = self.view.conclusions.iter().filter_map(|conclusion| match conclusion {
            VisitConclusion::User { ways } => Some(ways),
            _ => None,
        });
        let stopped: Vec<Way> = stopped.flatten().copied().collect();
        let is_enough = self.works_in_browser(|_| true);
        let call = self.own.and_then(|own| own.call.as_ref());
        let ways = call.into_iter().flat_map(|call| &call.ways);
        ways.filter(|summary| stopped.contains(&summary.way))
            .flat_map(|summary| &summary.contacts)
            .filter(|contact| contact.state.works() && requests::can_be_asked_for(contact))
            .filter(|contact| !is_enough || contact.transport == Transport::Udp)
            .collect()
    }

    fn to_network(
        &self,
        opening: &str,
        background: &str,
        contacts: Vec<&Contact>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (sentences, domain) = (self.sentences(), self.deployment.domain.as_str());
        let asked = requests::for_contacts(contacts, self.deployment, self.language);
        let opening = opened(sentences, opening, domain, asked.len());
        begin(sentences, domain, &opening, &asked, out)?;
        paragraph(&sentences.say(background, &[]), out)?;
        writeln!(out)?;
        self.tried(out)?;
        writeln!(out)?;
        paragraph(&sentences.say("works-elsewhere", &[]), out)?;
        writeln!(out)?;
        paragraph(&made_by(sentences, env!("CARGO_PKG_VERSION")), out)
    }

    fn tried(&self, out: &mut dyn Write) -> io::Result<()> {
        let sentences = self.sentences();
        let time = self.at.to_string();
        // The version is a stranger's text, and says nothing here.
        let browser = self.report.family.to_string();
        let values = [("time", &*time), ("browser", &*browser)];
        let tried = match self.source.map(|source| source.to_string()) {
            None => sentences.say("tried-in-browser", &values),
            Some(source) => {
                let values = [values[0], values[1], ("source", &*source)];
                sentences.say("tried-in-browser-from", &values)
            }
        };
        paragraph(&tried, out)?;
        let name = |way| sentences.say(&format!("way-{}", words::id(way)), &[]);
        let widest = Way::ALL.into_iter().map(|way| columns(&name(way))).max().unwrap_or_default();
        for joined in &self.view.ways {
            let key = match joined.browser {
                WaySeen::Works => "works",
                WaySeen::Fails if joined.is_expected => "fails",
                WaySeen::Fails => "closed",
                WaySeen::Unknown => "not-tested",
            };
            let name = name(joined.way);
            let gap = " ".repeat(widest - columns(&name) + 2);
            item(&format!("  {name}{gap}"), &sentences.say(key, &[]), out)?;
        }
        Ok(())
    }
}
