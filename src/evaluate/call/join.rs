//! Whether LiveKit accepts the join, and which TURN servers it names then.

use super::super::judgement::{Judgement, Place};
use super::ladder::Ladder;
use super::{of_state, of_stop};
use crate::model::call::State;
use crate::model::facts::ServerText;
use crate::model::seen::JoinSeen;

/// LiveKit accepts a participant with these credentials.
pub(super) fn accepted(ladder: &Ladder<'_>) -> Judgement {
    let (rungs, call) = (&ladder.join, &ladder.call);
    let judgement = match (&rungs.door, &rungs.certificate, &rungs.answer) {
        (Some(stop), _, _) => of_stop(stop),
        (None, None, State::Works { .. }) => joined(ladder),
        // Where other rules judge the certificate, it is not this one's violation too.
        (None, Some(_), State::Works { .. }) if call.is_certificate_judged() => joined(ladder),
        // The answer came from the server with that certificate.
        (None, Some(stop), _) => of_stop(stop),
        (None, None, state) => of_state(state),
    };
    let address = call.facts.signal.address;
    let node = address.and_then(|address| call.place_at(address).node);
    judgement.at(Place { node, address, ..Place::default() })
}

fn joined(ladder: &Ladder<'_>) -> Judgement {
    let version = ladder.call.session().map(|session| session.server_version.clone());
    Judgement::pass(JoinSeen::Joined {
        server_version: version.unwrap_or_else(|| ServerText::new("")),
        after_ms: ladder.call.facts.signal.joined_ms,
        certificate: ladder.join.certificate.as_ref().map(|stop| Box::new(stop.why.clone())),
    })
}
