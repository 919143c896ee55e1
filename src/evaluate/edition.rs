//! Which edition the server looks like.

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::deployment::Edition;
use crate::model::facts::StunAnswer;
use crate::model::reason::ReasonCode;
use crate::model::seen::{NonceAge, TurnSeen};

/// The characters of pion's nonce up to v4.1.1, inside LiveKit up to 1.9.4 and OpenVidu up to 3.4:
/// a time and a hash, in hexadecimal digits.
const OLD_NONCE: usize = 80;

/// The characters of a newer one: a shorter number, to base 36.
const NEW_NONCE: std::ops::RangeInclusive<usize> = 20..=30;

/// The TURN server's nonce is of the edition that is judged by.
pub(super) fn matches(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let characters = match &facts.allocate {
        Some(StunAnswer::Error { nonce_bytes: Some(bytes), .. }) => *bytes,
        _ => return Ok(Judgement::not_applicable(TurnSeen::NoNonce)),
    };
    let judged_by = view.case.deployment.edition;
    let of_edition = if judged_by < Edition::V3_5 { NonceAge::UpTo3_4 } else { NonceAge::Since3_5 };
    let age = if characters == OLD_NONCE {
        NonceAge::UpTo3_4
    } else if NEW_NONCE.contains(&characters) {
        NonceAge::Since3_5
    } else {
        return Ok(Judgement::not_applicable(TurnSeen::UnknownNonce { characters }));
    };
    Ok(if age == of_edition {
        Judgement::uncontradicted(TurnSeen::Nonce { characters, age })
    } else {
        let seen = TurnSeen::NonceOfOtherEdition { characters, age, judged_by };
        Judgement::suspected(ReasonCode::EditionDiffers, seen)
    })
}
