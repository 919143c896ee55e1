//! What only HAProxy can have wrong: places where it does not do what its words seem to say.

use super::super::judgement::Judgement;
use crate::model::configuration::ProxyKind;
use crate::model::facts::{ProxyFacts, ProxySlipKind};
use crate::model::reason::ReasonCode;
use crate::model::seen::ProxySeen;

/// Whether an HAProxy configuration has no slip of this kind. All places of one kind are one violation.
pub(super) fn has_no(facts: &ProxyFacts, kind: ProxySlipKind) -> Judgement {
    if facts.kind != ProxyKind::Haproxy {
        return Judgement::not_applicable(ProxySeen::OtherProxy);
    }
    let slips: Vec<_> = facts.slips.iter().filter(|slip| slip.what == kind).collect();
    if slips.is_empty() {
        return Judgement::pass(ProxySeen::NoSlip);
    }
    let places = slips.into_iter().map(|slip| slip.at.clone());
    Judgement::fail(ReasonCode::ConfigurationSettingWrong, ProxySeen::Slip(kind)).located(places)
}
