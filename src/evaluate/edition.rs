//! Which edition the server looks like.

use std::collections::BTreeSet;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::deployment::Edition;
use crate::model::edition::EditionSign;
use crate::model::facts::{Facts, StunAnswer, TurnFacts};
use crate::model::observation::{Observation, Outcome};
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
    let Some(characters) = nonce(facts) else {
        return Ok(Judgement::not_applicable(TurnSeen::NoNonce));
    };
    let judged_by = view.case.deployment.edition;
    let of_edition = if judged_by < Edition::V3_5 { NonceAge::UpTo3_4 } else { NonceAge::Since3_5 };
    let Some(age) = age(characters) else {
        return Ok(Judgement::not_applicable(TurnSeen::UnknownNonce { characters }));
    };
    Ok(if age == of_edition {
        Judgement::uncontradicted(TurnSeen::Nonce { characters, age })
    } else {
        let seen = TurnSeen::NonceOfOtherEdition { characters, age, judged_by };
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

fn age(characters: usize) -> Option<NonceAge> {
    if characters == OLD_NONCE {
        Some(NonceAge::UpTo3_4)
    } else {
        NEW_NONCE.contains(&characters).then_some(NonceAge::Since3_5)
    }
}

/// What observations show of the version of the server.
pub fn signs(observations: &[Observation]) -> Vec<EditionSign> {
    let ages = observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(Facts::Turn(facts)) => nonce(facts).and_then(age),
        _ => None,
    });
    let signs = ages.map(|age| match age {
        NonceAge::UpTo3_4 => EditionSign::OldNonce,
        NonceAge::Since3_5 => EditionSign::NewNonce,
    });
    signs.collect::<BTreeSet<_>>().into_iter().collect()
}
