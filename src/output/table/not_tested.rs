//! What was not looked at, why, and what would change that.

use std::io;

use crate::model::plan::LeftOut;
use crate::output::page::{Ink, Page};
use crate::output::text;

/// Writes what was left out; what is left out for the same reason is told together.
pub fn write(left_out: &[LeftOut], page: &mut Page<'_>) -> io::Result<()> {
    let label = (Ink::Faint, "· not tested: ");
    let indent = text::columns(label.1);
    let mut first = vec![label];
    for item in in_words(left_out) {
        page.hanging(&first, indent, &item)?;
        first.clear();
    }
    Ok(())
}

/// One text for each reason, in the order of the plan.
pub fn in_words(left_out: &[LeftOut]) -> Vec<String> {
    let mut reasons: Vec<(&LeftOut, Vec<&str>)> = Vec::new();
    for item in left_out {
        let same = |known: &LeftOut| known.why == item.why && known.flag == item.flag;
        match reasons.iter_mut().find(|(known, _)| same(known)) {
            Some((_, things)) => things.push(&item.what),
            None => reasons.push((item, vec![&item.what])),
        }
    }
    (reasons.iter())
        .map(|(item, things)| {
            let flag = item.flag.as_deref();
            let flag = flag.map_or_else(String::new, |flag| format!("; try {flag}"));
            text::clean(&format!("{} ({}{flag})", things.join("; "), item.why))
        })
        .collect()
}
