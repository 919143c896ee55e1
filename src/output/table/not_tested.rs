//! What was not looked at, why, and what would change that.

use std::io;

use crate::model::plan::LeftOut;
use crate::output::page::{Ink, Page};
use crate::output::text;
use crate::output::words::plan;

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
    let mut groups: Vec<(&LeftOut, Vec<String>)> = Vec::new();
    for item in left_out {
        let what = plan::not_tested(item).what;
        match groups.iter_mut().find(|(first, _)| plan::share_a_reason(first, item)) {
            Some((_, things)) => things.push(what),
            None => groups.push((item, vec![what])),
        }
    }
    (groups.iter())
        .map(|(first, things)| {
            let plan::NotTested { why, flag, .. } = plan::not_tested(first);
            let flag = flag.map_or_else(String::new, |flag| format!("; try {flag}"));
            format!("{} ({why}{flag})", things.join("; "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vantage::Zone;

    #[test]
    fn rules_that_are_checked_from_the_same_zones_share_a_sentence() {
        let rule = |id: &str, zone| LeftOut::OtherZone {
            rule: id.parse().unwrap(),
            judged_from: vec![zone],
            zone: Zone::OwnNode,
        };
        let left_out = [
            rule("a/one", Zone::Internet),
            rule("a/two", Zone::Media),
            LeftOut::Dtls,
            rule("a/three", Zone::Internet),
        ];
        assert_eq!(
            in_words(&left_out),
            [
                "a/one; a/three (checked only from internet; this run is from own-node)",
                "a/two (checked only from media; this run is from own-node)",
                "whether DTLS works where STUN does (this takes one more join for each path; try \
                 --deep)",
            ]
        );
    }
}
