//! Which edition the server looks like.

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::deployment::Edition;
use crate::model::facts::StunAnswer;
use crate::model::reason::ReasonCode;

/// The characters of pion's nonce up to v4.1.1, inside LiveKit up to 1.9.4 and OpenVidu up to 3.4:
/// a time and a hash, in hexadecimal digits.
const OLD_NONCE: usize = 80;

/// The characters of a newer one: a shorter number, to base 36.
const NEW_NONCE: std::ops::RangeInclusive<usize> = 20..=30;

/// The TURN server's nonce is of the edition that is judged by.
pub(super) fn matches(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let nonce = match &facts.allocate {
        Some(StunAnswer::Error { nonce_bytes: Some(bytes), .. }) => *bytes,
        _ => return Ok(Judgement::not_applicable("no nonce was seen")),
    };
    let edition = view.case.deployment.edition;
    let is_old = match edition {
        Edition::V3_2 => true,
        Edition::V3_6 | Edition::V3_9 => false,
    };
    let (looks_old, versions) = if nonce == OLD_NONCE {
        (true, "up to 3.4")
    } else if NEW_NONCE.contains(&nonce) {
        (false, "since 3.5")
    } else {
        return Ok(Judgement::not_applicable(format!(
            "a nonce of {nonce} characters is of no version that is known"
        )));
    };
    let observed =
        format!("the TURN server's nonce has {nonce} characters, as OpenVidu's {versions}");
    Ok(if is_old == looks_old {
        Judgement::uncontradicted(observed)
    } else {
        Judgement::suspected(
            ReasonCode::EditionDiffers,
            format!("{observed}; it is judged by the guide of {edition}"),
        )
    })
}
