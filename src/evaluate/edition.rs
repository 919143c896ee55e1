//! Which edition the server looks like.

use std::collections::BTreeSet;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::edition::EditionSign;
use crate::model::facts::{Facts, StunAnswer, TurnFacts};
use crate::model::observation::{Observation, Outcome};
use crate::model::reason::ReasonCode;
use crate::model::seen::TurnSeen;

/// The characters of pion's nonce up to v4.1.1, inside LiveKit up to 1.9.4 and OpenVidu up to 3.4:
/// a time and a hash, in hexadecimal digits.
const OLD_NONCE: usize = 80;

/// The characters of a newer one: a shorter number, to base 36.
const NEW_NONCE: std::ops::RangeInclusive<usize> = 20..=30;

/// The TURN server's nonce is of the edition that is judged by.
pub(super) fn matches(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(characters) = nonce(facts) else {
        return Ok(Judgement::not_applicable(TurnSeen::NoNonce));
    };
    let judged_by = view.case.deployment.edition;
    let Some(sign) = sign_of(characters) else {
        return Ok(Judgement::not_applicable(TurnSeen::UnknownNonce { characters }));
    };
    Ok(if sign.editions().contains(&judged_by) {
        Judgement::uncontradicted(TurnSeen::Nonce { characters, sign })
    } else {
        let seen = TurnSeen::NonceOfOtherEdition { characters, sign, judged_by };
        Judgement::suspected(ReasonCode::EditionDiffers, seen)
    })
}

/// The characters of the nonce with which the server asks for credentials.
fn nonce(facts: &TurnFacts) -> Option<usize> {
    match &facts.allocate {
        Some(StunAnswer::Error { nonce_bytes, .. }) => *nonce_bytes,
        _ => None,
    }
}

fn sign_of(characters: usize) -> Option<EditionSign> {
    if characters == OLD_NONCE {
        Some(EditionSign::OldNonce)
    } else {
        NEW_NONCE.contains(&characters).then_some(EditionSign::NewNonce)
    }
}

/// What observations show of the version of the server.
pub fn signs(observations: &[Observation]) -> Vec<EditionSign> {
    let signs = observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(Facts::Turn(facts)) => nonce(facts).and_then(sign_of),
        _ => None,
    });
    signs.collect::<BTreeSet<_>>().into_iter().collect()
}
