//! The text of a waivers file → waivers.

use std::ops::Range;

use serde::Deserialize;
use serde_spanned::Spanned;

use crate::complaint::{Complaint, Place};
use crate::model::fingerprint::Fingerprint;
use crate::model::rule::RuleId;
use crate::model::timestamp::Date;
use crate::model::waiver::{TargetPattern, Waiver};

/// The keys of the file, before their values are parsed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Shape {
    #[serde(default)]
    waiver: Vec<Spanned<EntryShape>>,
}

/// One table `[[waiver]]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct EntryShape {
    fingerprint: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    target: Option<Spanned<String>>,
    reason: Spanned<String>,
    owner: Option<Spanned<String>>,
    /// A date, with or without quotation marks.
    until: Spanned<toml::Value>,
}

/// Reads the text of the waivers file at `path`.
///
/// # Errors
/// For invalid TOML, unknown or missing keys, and values that mean nothing: with the line, and how to
/// correct it.
pub fn parse(path: &str, text: &str) -> Result<Vec<Waiver>, Complaint> {
    let shape: Shape =
        toml::from_str(text).map_err(|error| Complaint::from_toml(&error, path, text))?;
    let file = File { path, text };
    let mut waivers: Vec<Waiver> = Vec::new();
    for entry in &shape.waiver {
        let waiver = file.waiver(entry)?;
        if let Some(first) = waivers.iter().find(|known| is_same(known, &waiver)) {
            let said = format!("this waiver is the same as the one in {}", first.place);
            return Err(file
                .complaint(entry.span(), said, "same fingerprint, rule and target")
                .with_help("remove one of them"));
        }
        waivers.push(waiver);
    }
    Ok(waivers)
}

/// Whether two waivers are for the same findings.
fn is_same(one: &Waiver, other: &Waiver) -> bool {
    (&one.fingerprint, &one.rule, &one.target) == (&other.fingerprint, &other.rule, &other.target)
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn complaint(&self, span: Range<usize>, message: impl Into<String>, label: &str) -> Complaint {
        Complaint::new(message, Place::in_file(self.path, self.text, span, label))
    }

    fn waiver(&self, entry: &Spanned<EntryShape>) -> Result<Waiver, Complaint> {
        let EntryShape { fingerprint, rule, target, reason, owner, until } = entry.get_ref();
        let waiver = Waiver {
            place: format!("{}:{}", self.path, self.line_of(entry.span().start)),
            fingerprint: fingerprint.as_ref().map(|text| self.fingerprint(text)).transpose()?,
            rule: rule.as_ref().map(|text| self.rule(text)).transpose()?,
            target: target.as_ref().map(|text| self.target(text)).transpose()?,
            reason: self.words("reason", reason)?,
            owner: owner.as_ref().map(|text| self.words("owner", text)).transpose()?,
            until: self.day(until)?,
            line: None,
        };
        let help = "set fingerprint to that of a finding, or rule and target; target = \"*\" is every \
                    target of the rule";
        match (&waiver.fingerprint, &waiver.rule, &waiver.target) {
            (Some(_), ..) | (None, Some(_), Some(_)) => Ok(waiver),
            (None, Some(_), None) => Err(self
                .complaint(entry.span(), "the key \"target\" is missing", "for which targets?")
                .with_help(help)),
            (None, None, _) => Err(self
                .complaint(entry.span(), "this waiver names no finding", "for which rule?")
                .with_help(help)),
        }
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn fingerprint(&self, text: &Spanned<String>) -> Result<Fingerprint, Complaint> {
        text.get_ref().parse().map_err(|error| {
            self.complaint(text.span(), format!("{error}"), "not a fingerprint").with_help(
                "copy it from `ovcheck check --verbose`, or from \"fingerprint\" in a JSON report",
            )
        })
    }

    fn rule(&self, text: &Spanned<String>) -> Result<RuleId, Complaint> {
        text.get_ref().parse().map_err(|error| {
            self.complaint(text.span(), format!("{error}"), "not a rule id")
                .with_help("`ovcheck rules` lists the ids")
        })
    }

    fn target(&self, text: &Spanned<String>) -> Result<TargetPattern, Complaint> {
        TargetPattern::new(text.get_ref()).ok_or_else(|| {
            let most = TargetPattern::LIMIT;
            self.complaint(text.span(), format!("a target has 1 to {most} bytes"), "this text")
                .with_help("use a node, a name, an address or \"node UDP port\"; * is any text")
        })
    }

    fn words(&self, key: &str, text: &Spanned<String>) -> Result<String, Complaint> {
        let words = text.get_ref().trim();
        if words.is_empty() {
            return Err(self
                .complaint(text.span(), format!("the key \"{key}\" is empty"), "no text")
                .with_help("write who decided this, or why, so that others can ask about it"));
        }
        Ok(words.to_owned())
    }

    fn day(&self, until: &Spanned<toml::Value>) -> Result<Date, Complaint> {
        let text = match until.get_ref() {
            toml::Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        text.parse().map_err(|error| {
            self.complaint(until.span(), format!("{error}"), "not a date")
                .with_help("the waiver holds until the end of this day in UTC")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse("w.toml", text).unwrap_err().to_string()
    }

    fn with(lines: &str) -> String {
        format!("# ours\n[[waiver]]\nreason = \"r\"\n{lines}\n")
    }

    #[test]
    fn a_date_may_be_quoted() {
        for until in ["2027-01-31", "\"2027-01-31\""] {
            let text = with(&format!("rule = \"dns/a\"\ntarget = \"*\"\nuntil = {until}"));
            let waivers = parse("w.toml", &text).unwrap();
            assert_eq!(waivers[0].until.to_string(), "2027-01-31");
            assert_eq!(waivers[0].place, "w.toml:2");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_line() {
        let rule = "rule = \"dns/a\"\ntarget = \"*\"";
        let table = [
            (with("until = 2027-01-31"), "this waiver names no finding", "w.toml:2:1"),
            (with("until = 2027-01-31\ntarget = \"*\""), "names no finding", "w.toml:2:1"),
            (with("until = 2027-01-31\nrule = \"dns/a\""), "\"target\" is missing", "w.toml:2:1"),
            (with(rule), "the key \"until\" is missing", "w.toml:2:1"),
            (with(&format!("{rule}\nuntil = 5")), "\"5\" is not a date", "w.toml:6:9"),
            (with(&format!("{rule}\nuntil = \"soon\"")), "\"soon\" is not a date", "w.toml:6:9"),
            (with(&format!("{rule}\nuntil = 2027-01-31T10:00:00")), "is not a date", "w.toml:6:9"),
            (with(&format!("{rule}\nuntil = 2027-02-30")), "invalid date", "w.toml:6:9"),
            (with("fingerprint = \"sha256:12\"\nuntil = 2027-01-31"), "fingerprint", "w.toml:4:15"),
            (with("rule = \"dns\"\nuntil = 2027-01-31"), "is not a rule id", "w.toml:4:8"),
            (
                with("owner = \" \"\nrule = \"a/b\"\ntarget = \"*\"\nuntil = 2027-01-31"),
                "the key \"owner\" is empty",
                "w.toml:4:9",
            ),
            (
                with(&format!("{rule}\nuntil = 2027-01-31\nforever = true")),
                "\"forever\"",
                "w.toml:7:1",
            ),
        ];
        for (text, what, place) in table {
            let said = refused(&text);
            assert!(said.contains(what) && said.contains(place), "{what}: {said}");
            assert!(said.contains("help: "), "{said}");
        }
    }

    #[test]
    fn the_same_waiver_twice_is_refused() {
        let one = with("rule = \"dns/a\"\ntarget = \"*\"\nuntil = 2027-01-31");
        let said = refused(&format!("{one}{one}"));
        assert!(said.contains("the same as the one in w.toml:2"), "{said}");
    }

    #[test]
    fn an_entry_is_added_behind_what_is_there_and_is_read_again() {
        use crate::waivers::{NewWaiver, with_entry};
        let new = NewWaiver {
            fingerprint: Fingerprint::example(),
            reason: "old \"monitoring\"\n'until' = \\".to_owned(),
            owner: None,
            until: "2027-01-31".parse().unwrap(),
        };
        let before = with("rule = \"dns/a\"\ntarget = \"*\"\nuntil = 2027-01-31 # CHG-7");
        for before in [before.trim_end(), &before, "", "# nothing yet\n"] {
            let text = with_entry(before, &new);
            assert!(text.starts_with(before));
            let waivers = parse("w.toml", &text).unwrap();
            let last = waivers.last().unwrap();
            assert_eq!((&last.reason, last.until), (&new.reason, new.until));
            assert_eq!(last.fingerprint.as_ref(), Some(&new.fingerprint));
        }
    }
}
