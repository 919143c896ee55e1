//! What is said about a violation: what it means, and what to do, by reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::template::Template;
use crate::model::reason::ReasonCode;

/// What is said about a violation of a rule: for every reason, and for some reasons in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTexts {
    /// For every reason that has no text of its own.
    pub default: ReasonTexts,
    pub by_reason: BTreeMap<ReasonCode, PartialTexts>,
}

/// What is said about a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonTexts {
    /// What it means for calls and people.
    pub means: Template,
    /// What to do about it; never empty.
    pub remedy: Vec<RemedyTemplate>,
}

/// What is said about a violation for one reason, where it differs from the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartialTexts {
    pub means: Option<Template>,
    pub remedy: Option<Vec<RemedyTemplate>>,
}

impl RuleTexts {
    /// What a violation for this reason means.
    pub fn means(&self, reason: ReasonCode) -> &Template {
        let own = self.by_reason.get(&reason).and_then(|texts| texts.means.as_ref());
        own.unwrap_or(&self.default.means)
    }

    /// What to do about a violation for this reason.
    pub fn remedy(&self, reason: ReasonCode) -> &[RemedyTemplate] {
        let own = self.by_reason.get(&reason).and_then(|texts| texts.remedy.as_ref());
        own.unwrap_or(&self.default.remedy)
    }

    /// The texts with every sentence and every step replaced.
    #[must_use]
    pub fn map(
        &self,
        sentences: impl Fn(&Template) -> Template,
        step: impl Fn(&RemedyTemplate) -> RemedyTemplate,
    ) -> Self {
        let steps = |all: &Vec<RemedyTemplate>| all.iter().map(&step).collect();
        let of_reason = |(reason, texts): (&ReasonCode, &PartialTexts)| {
            let means = texts.means.as_ref().map(&sentences);
            let remedy = texts.remedy.as_ref().map(steps);
            (*reason, PartialTexts { means, remedy })
        };
        let means = sentences(&self.default.means);
        let default = ReasonTexts { means, remedy: steps(&self.default.remedy) };
        Self { default, by_reason: self.by_reason.iter().map(of_reason).collect() }
    }

    /// Every text, the default's first.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let own = self.by_reason.values();
        let means = std::iter::once(&self.default.means)
            .chain(own.clone().filter_map(|texts| texts.means.as_ref()));
        let remedies = std::iter::once(&self.default.remedy)
            .chain(own.filter_map(|texts| texts.remedy.as_ref()));
        means.chain(remedies.flatten().flat_map(RemedyTemplate::templates))
    }
}

/// A step of a remedy as a rule file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemedyTemplate {
    /// Sentences.
    Say(Template),
    /// Commands for a shell, each on a line of its own; `\` at the end continues a command.
    Run { on: Machine, commands: Template },
    /// A part of a file or of a form, to be compared or copied.
    Show { place: Template, lines: Template },
}

impl RemedyTemplate {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let (first, second) = match self {
            Self::Say(text) => (text, None),
            Self::Run { commands, .. } => (commands, None),
            Self::Show { place, lines } => (place, Some(lines)),
        };
        std::iter::once(first).chain(second)
    }
}

/// A subject that many remedies refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub title: String,
    pub steps: Vec<RemedyTemplate>,
}

/// The machine on which a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// The one on which ovcheck runs.
    Here,
    /// The external proxy.
    Proxy,
    /// The machine that the proxy forwards to: OpenVidu's, each Master Node.
    Backend,
    /// The machines that carry media: OpenVidu's, each Media Node.
    Media,
    /// The machine that the finding is about.
    Node,
    /// The one that makes access tokens: the application's server.
    Application,
}
