//! What only HAProxy can have wrong: places where it does not do what its words seem to say.

use super::super::judgement::Judgement;
use crate::model::configuration::ProxyKind;
use crate::model::facts::{ProxyFacts, ProxyRemarkKind};
use crate::model::reason::ReasonCode;
use crate::model::seen::ProxySeen;

/// Whether an HAProxy configuration has no such place. All places of one kind are one violation.
pub(super) fn has_no(facts: &ProxyFacts, kind: ProxyRemarkKind) -> Judgement {
    if facts.kind != ProxyKind::Haproxy {
        return Judgement::not_applicable(ProxySeen::OtherProxy);
    }
    let remarks: Vec<_> = facts.remarks.iter().filter(|remark| remark.what == kind).collect();
    if remarks.is_empty() {
        return Judgement::pass(ProxySeen::NothingFound);
    }
    let places = remarks.into_iter().map(|remark| remark.at.clone());
    Judgement::fail(ReasonCode::ConfigurationSettingWrong, ProxySeen::Remark(kind)).located(places)
}
