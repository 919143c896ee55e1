//! The client's offer, the server's answer and its candidates.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Call, MOST_CHECKED, Ready};
use crate::model::facts::{IceUrl, SdpAnswer, ServerText, SessionFacts};
use crate::net::session::{Session, Signal};
use crate::proto::ice::{Half, Pair};
use crate::proto::livekit::signal::{
    JoinResponse, PUBLISHER, Request, Response, SessionDescription,
};
use crate::proto::livekit::{candidate, ice_url, sdp};

/// The maximum number of TURN server URLs, and of candidates, that are kept.
const MOST_URLS: usize = 16;
const MOST_CANDIDATES: usize = 64;

/// The maximum number of messages until the candidates must be complete.
const MOST_SIGNALS: usize = 256;

/// Sends the offer and collects the answer and the candidates. Without an answer that ICE can use,
/// there is nothing to check. No message of the server is read after that.
pub(super) async fn gather(
    call: &Call,
    session: &mut Session,
    join: &JoinResponse,
) -> (SessionFacts, Option<Ready>) {
    let ours = Half::random(rand::random());
    call.hidden.add(ours.password.expose());
    session
        .say(Request::Offer(SessionDescription {
            kind: "offer".to_owned(),
            sdp: sdp::offer(&ours),
        }))
        .await;
    let mut facts = SessionFacts {
        server_version: server_version(join),
        server_id: ServerText::new(server_id(join)),
        ice_servers: ice_urls(join),
        answer: SdpAnswer::Missing,
        candidates: Vec::new(),
        all_candidates: false,
        ready_ms: None,
    };
    let mut answer = None;
    let deadline = call.end_of_wait();
    let mut signals = 0;
    while signals < MOST_SIGNALS {
        signals += 1;
        if answer.is_some() && facts.all_candidates {
            break;
        }
        match session.next(deadline).await {
            Some(Signal::Response(said)) => match *said {
                Response::RefreshToken(token) => call.hidden.add(&token),
                said => take(said, &mut facts, &mut answer),
            },
            Some(Signal::Ended(what)) => {
                if answer.is_none() && facts.answer == SdpAnswer::Missing {
                    facts.answer = SdpAnswer::Malformed(what.words());
                }
                break;
            }
            None => break,
        }
        if matches!(facts.answer, SdpAnswer::Malformed(_) | SdpAnswer::Left { .. })
            || facts.candidates.len() >= MOST_CANDIDATES
            || Instant::now() >= deadline
        {
            break;
        }
    }
    session.stop_reading();
    if facts.answer == SdpAnswer::Missing && call.has_time().is_err() {
        facts.answer = SdpAnswer::NotAwaited;
    }
    let Some(answer) = answer else {
        if facts.answer == SdpAnswer::Missing && signals == MOST_SIGNALS {
            let words = format!("{MOST_SIGNALS} messages without an answer");
            facts.answer = SdpAnswer::Malformed(ServerText::new(&words));
        }
        return (facts, None);
    };
    call.hidden.add(answer.theirs.password.expose());
    facts.ready_ms = Some(call.elapsed_ms());
    let mut places = Vec::new();
    for candidate in &facts.candidates {
        let Some(place) = candidate.place else {
            continue;
        };
        if places.len() < MOST_CHECKED && !places.contains(&place) {
            places.push(place);
        }
    }
    let pair = Pair { ours, theirs: answer.theirs, tiebreaker: rand::random() };
    (facts, Some(Ready { pair, places, dtls: answer.dtls }))
}

fn take(response: Response, facts: &mut SessionFacts, answer: &mut Option<sdp::Answer>) {
    match response {
        Response::Answer(description) => match sdp::Answer::read(&description.sdp) {
            Ok(read) => {
                facts.answer = SdpAnswer::Complete { ice_lite: read.is_lite };
                *answer = Some(read);
            }
            Err(invalid) => {
                facts.answer = SdpAnswer::Malformed(ServerText::new(&invalid.to_string()));
            }
        },
        // The offer for the other connection, in which the server sends, stays unanswered.
        Response::Trickle(trickle) if trickle.target == PUBLISHER => {
            facts.candidates.extend(candidate::read(&trickle.candidate_init));
            facts.all_candidates |= trickle.last;
        }
        Response::Leave(leave) if answer.is_none() => {
            facts.answer = SdpAnswer::Left { reason: leave.reason };
        }
        Response::Trickle(_)
        | Response::Leave(_)
        | Response::Join(_)
        | Response::Offer(_)
        | Response::RefreshToken(_) => {}
    }
}

fn server_version(join: &JoinResponse) -> ServerText {
    let of_info = join.server_info.as_ref().map(|info| info.version.as_str());
    let version = of_info.filter(|version| !version.is_empty());
    ServerText::new(version.unwrap_or(&join.server_version))
}

/// The name of the server among others; empty: it has none.
pub(super) fn server_id(join: &JoinResponse) -> &str {
    join.server_info.as_ref().map_or("", |info| info.node_id.as_str())
}

fn ice_urls(join: &JoinResponse) -> Vec<IceUrl> {
    let urls = join.ice_servers.iter().flat_map(|server| {
        let with_credentials = !server.username.is_empty() && !server.credential.is_empty();
        server.urls.iter().map(move |url| IceUrl {
            text: ServerText::new(url),
            parts: ice_url::read(url),
            with_credentials,
        })
    });
    urls.take(MOST_URLS).collect()
}

/// The ICE servers of a join response, with one entry per URL and its credentials, in the order of the
/// response.
pub(super) fn urls_with_users(
    join: &JoinResponse,
) -> impl Iterator<Item = (usize, &str, Arc<crate::proto::turn::User>)> {
    let urls = join.ice_servers.iter().flat_map(|server| {
        let user = Arc::new(crate::proto::turn::User {
            name: server.username.clone(),
            password: crate::model::secret::Secret::new(&server.credential),
        });
        server.urls.iter().map(move |url| (url.as_str(), Arc::clone(&user)))
    });
    urls.take(MOST_URLS).enumerate().map(|(index, (url, user))| (index, url, user))
}
