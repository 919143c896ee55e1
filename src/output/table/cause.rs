//! Many ports of one machine that are wrong in the same way: their probable cause, which a list of
//! them does not show.

use crate::model::overview::{MachineCause, MachineCauseKind};
use crate::model::report::Report;

use crate::output::words;

use super::view::{Paragraph, rules};

/// What the ports of a paragraph have in common, in words.
pub fn in_words(paragraph: &Paragraph<'_>, report: &Report) -> Option<String> {
    let members = rules(paragraph.members());
    let is_of_paragraph = |cause: &&MachineCause| {
        let is_of_node = |finding: &crate::model::report::Finding| {
            finding.target.node.as_ref() == Some(&cause.node)
        };
        paragraph.members().all(is_of_node)
            && paragraph.head.asked_from() == cause.seen_from
            && members.iter().all(|rule| cause.rules.contains(rule))
            && members.len() == cause.rules.len()
    };
    let cause = report.overview.machines.iter().find(is_of_paragraph)?;
    let (node, number) = (&cause.node, cause.rules.len());
    let asking = words::asking(cause.seen_from);
    Some(match cause.kind {
        MachineCauseKind::Open => format!(
            "{node} accepts connections that {number} rules forbid: its firewall is probably off \
             or trusts too many addresses"
        ),
        MachineCauseKind::Unreachable => format!(
            "{node} does not answer although {number} rules require it: its firewall probably does \
             not allow {asking}, or {node} is down"
        ),
        MachineCauseKind::NotRunning => format!(
            "{node} answers but refuses all connections to the proxy ({number} rules): nginx, or \
             another program that is the proxy, is probably not running"
        ),
        MachineCauseKind::Refusing => format!(
            "{node} refuses connections that {number} rules require: OpenVidu probably does not \
             run there, or its firewall rejects {asking}"
        ),
    })
}
