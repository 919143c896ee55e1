//! The newest runs of many deployments as one HTML file.

use askama::Template;

use super::{Mark, STYLE, content_security_policy, percent};
use crate::model::difference::{AreaCounts, Fleet, FleetRow};
use crate::model::stored::StoredResult;
use crate::output::difference::result_word;
use crate::output::text::{clean, counted};

#[derive(Template)]
#[template(path = "fleet.html")]
pub struct Page {
    style: &'static str,
    policy: String,
    version: &'static str,
    result: Mark,
    numbers: String,
    oldest: Option<Oldest>,
    exit: u8,
    areas: Vec<String>,
    rows: Vec<Row>,
}

/// The oldest run of those shown.
struct Oldest {
    deployment: String,
    started_at: String,
}

/// A run.
struct Row {
    deployment: String,
    vantage: String,
    started_at: String,
    path: String,
    result: Mark,
    coverage: String,
    not_tested: usize,
    /// `None`: there is no run before it.
    new_violations: Option<usize>,
    /// One for each area. `None`: nothing of it was checked.
    areas: Vec<Option<Mark>>,
}

impl Page {
    pub fn of(fleet: &Fleet, numbers: String, exit: u8) -> Self {
        Self {
            style: STYLE,
            policy: content_security_policy(),
            version: env!("CARGO_PKG_VERSION"),
            result: Mark::of_stored(fleet.worst()),
            numbers,
            oldest: fleet.oldest().map(|row| Oldest {
                deployment: clean(&row.deployment),
                started_at: clean(&row.started_at),
            }),
            exit,
            areas: fleet.areas.iter().map(|area| clean(area)).collect(),
            rows: fleet.rows.iter().map(Row::of).collect(),
        }
    }
}

impl Row {
    fn of(row: &FleetRow) -> Self {
        Self {
            deployment: clean(&row.deployment),
            vantage: clean(&row.vantage),
            started_at: clean(&row.started_at),
            path: clean(&row.path),
            result: Mark::of_stored(row.result),
            coverage: percent(row.coverage),
            not_tested: row.not_tested,
            new_violations: row.new_violations,
            areas: row.areas.iter().map(Mark::of_area).collect(),
        }
    }
}

impl Mark {
    pub(super) fn of_stored(result: StoredResult) -> Self {
        let (class, sign) = match result {
            StoredResult::Pass => ("good", "✓"),
            StoredResult::Fail => ("bad", "✗"),
            StoredResult::Incomplete | StoredResult::Interrupted => ("doubt", "?"),
        };
        Self::new(class, sign, result_word(result))
    }

    /// The worst of an area, and all that is remarkable of it in words.
    fn of_area(counts: &AreaCounts) -> Option<Self> {
        let AreaCounts { errors, warnings, waived, inconclusive, passed } = *counts;
        let remarkable = [
            (errors, "bad", "✗", counted(errors, "error")),
            (warnings, "caution", "!", counted(warnings, "warning")),
            (inconclusive, "doubt", "?", format!("{inconclusive} not settled")),
            (waived, "none", "~", format!("{waived} waived")),
        ];
        let told: Vec<_> = remarkable.into_iter().filter(|(number, ..)| *number > 0).collect();
        match told.first() {
            Some((_, class, sign, _)) => {
                let words: Vec<&str> = told.iter().map(|(.., words)| words.as_str()).collect();
                Some(Self::new(class, sign, words.join(", ")))
            }
            None if passed > 0 => Some(Self::new("good", "✓", format!("{passed} passed"))),
            None => None,
        }
    }
}
