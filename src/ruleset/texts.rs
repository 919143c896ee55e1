//! The texts about a violation in the rule files.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::firewall::Firewall;
use super::raw::{RawReasonTexts, RawStep};
use super::values::{filled, template};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::reason::ReasonCode;
use crate::model::rule::{PartialTexts, ReasonTexts, RemedyTemplate, RuleTexts};

/// The texts of one place in a file, which may lack a default.
#[derive(Debug, Clone, Default)]
pub(super) struct SomeTexts {
    default: PartialTexts,
    by_reason: BTreeMap<ReasonCode, PartialTexts>,
}

impl SomeTexts {
    /// Converts the tables `default` and `reason` of one place.
    pub fn read(
        file: &RuleFile,
        firewall: &Firewall,
        default: Option<&RawReasonTexts>,
        reasons: &BTreeMap<Spanned<String>, RawReasonTexts>,
    ) -> Result<Self, Complaint> {
        let mut by_reason = BTreeMap::new();
        for (code, texts) in reasons {
            by_reason.insert(reason(file, code)?, partial(file, texts, firewall)?);
        }
        let default = default.map(|texts| partial(file, texts, firewall)).transpose()?;
        Ok(Self { default: default.unwrap_or_default(), by_reason })
    }

    /// These texts, completed with `others`.
    pub fn or(mut self, others: &Self) -> Self {
        fill_up(&mut self.default, &others.default);
        for (code, texts) in &others.by_reason {
            fill_up(self.by_reason.entry(*code).or_default(), texts);
        }
        self
    }

    /// The complete texts of a rule. `rule` is its place in the file.
    pub fn complete(self, file: &RuleFile, rule: Range<usize>) -> Result<RuleTexts, Complaint> {
        let lacks = |what: &str| {
            file.complaint(
                rule.clone(),
                format!("this rule has no \"{what}\""),
                "the text is missing",
            )
            .with_help(format!("add the key \"{what}\" to its table \"default\""))
        };
        let PartialTexts { means, remedy } = self.default;
        let default = ReasonTexts {
            means: means.ok_or_else(|| lacks("means"))?,
            remedy: remedy.ok_or_else(|| lacks("remedy"))?,
        };
        Ok(RuleTexts { default, by_reason: self.by_reason })
    }
}

fn fill_up(texts: &mut PartialTexts, others: &PartialTexts) {
    texts.means = texts.means.take().or_else(|| others.means.clone());
    texts.remedy = texts.remedy.take().or_else(|| others.remedy.clone());
}

fn partial(
    file: &RuleFile,
    raw: &RawReasonTexts,
    firewall: &Firewall,
) -> Result<PartialTexts, Complaint> {
    let means = raw.means.as_ref().map(|text| template(file, text)).transpose()?;
    let remedy = raw.remedy.as_ref().map(|steps| remedy(file, steps, firewall)).transpose()?;
    Ok(PartialTexts { means, remedy })
}

/// The steps of a remedy, with those of `firewall.toml` in the place of a step that opens or closes a
/// port.
pub(super) fn remedy(
    file: &RuleFile,
    raw: &Spanned<Vec<Spanned<RawStep>>>,
    firewall: &Firewall,
) -> Result<Vec<RemedyTemplate>, Complaint> {
    let mut steps = Vec::new();
    for raw in filled(file, raw)? {
        let RawStep { open, close, block, audience, .. } = raw.get_ref();
        if open.is_some() || close.is_some() || block.is_some() || audience.is_some() {
            steps.extend(firewall.steps(file, raw)?);
        } else {
            steps.push(step(file, raw)?);
        }
    }
    Ok(steps)
}

/// One step that says, shows or runs something.
pub(super) fn step(file: &RuleFile, raw: &Spanned<RawStep>) -> Result<RemedyTemplate, Complaint> {
    let RawStep { say, run, on, show, place, .. } = raw.get_ref();
    match (say, run, on, show, place) {
        (Some(say), None, None, None, None) => Ok(RemedyTemplate::Say(template(file, say)?)),
        (None, Some(run), Some(on), None, None) => {
            Ok(RemedyTemplate::Run { on: *on, commands: template(file, run)? })
        }
        (None, None, None, Some(show), Some(place)) => {
            Ok(RemedyTemplate::Show { place: template(file, place)?, lines: template(file, show)? })
        }
        _ => Err(file
            .complaint(raw.span(), "this is not a remedy step", "invalid combination of keys")
            .with_help(
                "use { say = TEXT }, { on = MACHINE, run = COMMANDS }, \
                 { in = PLACE, show = LINES } or { on = MACHINE, open = PORT }",
            )),
    }
}

fn reason(file: &RuleFile, key: &Spanned<String>) -> Result<ReasonCode, Complaint> {
    let wanted = key.get_ref().as_str();
    let found = ReasonCode::ALL.iter().find(|code| code.as_str() == wanted);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        file.complaint(key.span(), format!("unknown reason code \"{wanted}\""), "not a reason code")
            .with_help(help_for_unknown(wanted, &known))
    })
}
