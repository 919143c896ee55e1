//! What is to be said about waivers.

use crate::model::waiver::{Waiver, WaiverState, WaiverUse};

/// Why somebody should look at a waiver.
pub struct WaiverNote {
    /// Whether it fails the run.
    pub is_error: bool,
    pub words: String,
}

/// What should be done about a waiver; `None` if it does what it is there for, or this run cannot tell.
pub fn note(waiver: &WaiverUse) -> Option<WaiverNote> {
    let WaiverUse { waiver, state } = waiver;
    let (is_error, what) = match state {
        WaiverState::Expired => (
            true,
            format!(
                "expired on {}; fix the violation and remove the waiver, or set a later date",
                waiver.until
            ),
        ),
        WaiverState::Unneeded => {
            (false, "is not needed any more, because the check passes; remove it".to_owned())
        }
        WaiverState::NoSuchCheck => (
            false,
            "covers nothing, because this run makes no check that it describes; correct its \
             fingerprint, rule or target, or remove it"
                .to_owned(),
        ),
        WaiverState::WithoutReason => (
            false,
            "covers nothing, because it gives no reason; write one behind the rule".to_owned(),
        ),
        WaiverState::Applied(_) | WaiverState::NotSettled | WaiverState::NotSelected => {
            return None;
        }
    };
    let words = format!("the waiver in {} ({}) {what}", waiver.place, about(waiver));
    Some(WaiverNote { is_error, words })
}

/// What a waiver is for, in a few words.
fn about(waiver: &Waiver) -> String {
    match (&waiver.rule, &waiver.target, &waiver.fingerprint) {
        (Some(rule), Some(target), _) => format!("{rule} at {target}"),
        (Some(rule), None, _) => rule.to_string(),
        (None, _, Some(fingerprint)) => fingerprint.to_string(),
        (None, Some(target), None) => target.to_string(),
        (None, None, None) => waiver.reason.clone(),
    }
}
