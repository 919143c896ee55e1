//! What a call knew and nobody else may: taken out of whatever a server repeats.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::facts::{
    CallFacts, FirstBytes, HttpAnswer, IceCheck, JoinAnswer, RelayFacts, RoomEnd, ServerText,
    SessionFacts, StunAnswer,
};
use crate::model::secret::Secret;
use crate::proto::livekit::mask::mask;

/// The secrets of one call. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Hidden(Arc<Mutex<Vec<Secret>>>);

impl Hidden {
    /// Keeps one more out of the facts. A short one, which somebody made up, stands in many a text
    /// by chance.
    pub fn add(&self, secret: &str) {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who sends more is only repeating himself, and each costs a search.
        if secret.len() >= SHORTEST && secrets.len() < MOST {
            secrets.push(Secret::new(secret));
        }
    }

    /// The facts without them.
    pub fn out_of(&self, mut facts: CallFacts) -> CallFacts {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        each_text(&mut facts, &mut |text| {
            for secret in secrets.iter() {
                let masked = mask(text.unquoted(), secret);
                if masked != text.unquoted() {
                    *text = ServerText::new(&masked);
                }
            }
        });
        facts
    }
}

/// The fewest bytes of a secret.
const SHORTEST: usize = 8;

/// The most secrets of one call: its tokens, passwords, and the credentials of its TURN servers.
const MOST: usize = 64;

/// Goes over every text that the server could write knowing a secret.
fn each_text(facts: &mut CallFacts, on: &mut dyn FnMut(&mut ServerText)) {
    match &mut facts.signal.join {
        Some(JoinAnswer::Refused(answer)) => of_http(answer, on),
        Some(JoinAnswer::NoJoin(text)) => on(text),
        Some(JoinAnswer::Joined | JoinAnswer::NotAwaited) | None => {}
    }
    if let Some(session) = &mut facts.session {
        of_session(session, on);
    }
    for path in &mut facts.paths {
        of_check(&mut path.check, on);
        path.padded.iter_mut().for_each(|check| of_check(check, on));
    }
    for relay in &mut facts.relays {
        of_relay(relay, on);
    }
    if let Some(RoomEnd::NotDeleted(text)) =
        facts.farewell.as_mut().map(|farewell| &mut farewell.room)
    {
        on(text);
    }
    if let Some(search) = &mut facts.search {
        let calls = search.calls.iter_mut().chain(&mut search.failed);
        calls.for_each(|call| each_text(call, on));
    }
}

fn of_session(session: &mut SessionFacts, on: &mut dyn FnMut(&mut ServerText)) {
    on(&mut session.server_version);
    on(&mut session.server_id);
    for url in &mut session.ice_servers {
        on(&mut url.text);
        if let Some(parts) = &mut url.parts {
            let mut host = ServerText::new(&parts.host);
            on(&mut host);
            // Names are shorter than what is kept of a text.
            if host.unquoted().len() != parts.host.len() {
                parts.host = host.unquoted().to_owned();
            }
        }
    }
    for candidate in &mut session.candidates {
        on(&mut candidate.text);
    }
}

fn of_relay(relay: &mut RelayFacts, on: &mut dyn FnMut(&mut ServerText)) {
    let own = [&mut relay.allocate, &mut relay.wrong_password];
    let permissions = relay.permissions.iter_mut();
    own.into_iter()
        .flatten()
        .chain(permissions.map(|permission| &mut permission.answer))
        .for_each(|answer| of_stun(answer, on));
    relay.control.iter_mut().for_each(|check| of_check(check, on));
}

fn of_check(check: &mut IceCheck, on: &mut dyn FnMut(&mut ServerText)) {
    if let IceCheck::Other(text) = check {
        on(text);
    }
}

fn of_stun(answer: &mut StunAnswer, on: &mut dyn FnMut(&mut ServerText)) {
    match answer {
        StunAnswer::Error { reason, realm, .. } => {
            on(reason);
            realm.iter_mut().for_each(on);
        }
        StunAnswer::NotStun(bytes) | StunAnswer::Unrelated(bytes) => of_bytes(bytes, on),
        StunAnswer::Malformed(text) => on(text),
        StunAnswer::Success { .. }
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::NotSigned { .. } => {}
    }
}

fn of_http(answer: &mut HttpAnswer, on: &mut dyn FnMut(&mut ServerText)) {
    match answer {
        HttpAnswer::Response(response) => response.each_text(on),
        HttpAnswer::NotHttp(bytes) => of_bytes(bytes, on),
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. } => {}
    }
}

fn of_bytes(bytes: &mut FirstBytes, on: &mut dyn FnMut(&mut ServerText)) {
    match bytes {
        FirstBytes::Http(text) | FirstBytes::Ssh(text) | FirstBytes::Text(text) => on(text),
        FirstBytes::Tls
        | FirstBytes::Rtmp
        | FirstBytes::Stun
        | FirstBytes::ProxyProtocol
        | FirstBytes::Binary(_) => {}
    }
}
