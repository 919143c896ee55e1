//! Joins a room until the server's first message, and ends the room.

use tokio::time::Instant;

use super::super::milliseconds;
use super::Call;
use super::door::{Door, Opened};
use super::rights::{Part, Rights, Room};
use crate::model::facts::{
    Handshake, HttpAnswer, JoinAnswer, LostWebSocket, RoomEnd, ServerText, SignalFacts,
};
use crate::model::observation::Blindness;
use crate::model::probe::Sni;
use crate::model::secret::Secret;
use crate::net::Stream;
use crate::net::http::{self, TokenRequest};
use crate::net::session::{Goodbye, Session, SessionEnd, Signal};
use crate::net::tls::{Alpn, Offer};
use crate::proto::http::{Request, websocket_upgrade, websocket_upgrade_with};
use crate::proto::livekit::signal::{JoinResponse, Response};

/// A session and the server's first message.
pub(super) struct Joined {
    pub session: Session,
    pub response: JoinResponse,
}

/// Joins the room.
///
/// # Errors
/// For a problem of this machine.
pub(super) async fn join(
    call: &Call,
    rights: &Rights,
) -> Result<(SignalFacts, Option<Joined>), Blindness> {
    let Opened { address, dialled, http_proxy, connect, handshake, stream } =
        open(call, call.end_of_waits(2)).await?;
    let mut facts = SignalFacts {
        address,
        dialled,
        http_proxy,
        connect,
        handshake,
        join: None,
        joined_ms: None,
        token: rights.life_of_given_token(),
        lost: None,
        flaw: None,
    };
    let Some(stream) = stream else {
        return Ok((facts, None));
    };
    call.hidden.add(rights.join.expose());
    let mut session = match enter(call, rights, stream).await {
        Ok(session) => session,
        Err(HttpAnswer::Silent) if call.has_time().is_err() => {
            facts.join = Some(JoinAnswer::NotAwaited);
            return Ok((facts, None));
        }
        Err(answer) => {
            facts.join = Some(JoinAnswer::Refused(answer));
            facts.joined_ms = Some(call.elapsed_ms());
            return Ok((facts, None));
        }
    };
    facts.flaw = session.flaw.take();
    let granted = Instant::now();
    let first = session.next(call.end_of_wait()).await;
    if first.is_none() && call.has_time().is_err() {
        facts.join = Some(JoinAnswer::NotAwaited);
        session.leave().await;
        return Ok((facts, None));
    }
    let waited_ms = milliseconds(granted.elapsed());
    facts.lost = match &first {
        None => Some(LostWebSocket::Mute { for_ms: waited_ms }),
        Some(Signal::Ended(SessionEnd::CloseFrame)) => {
            Some(LostWebSocket::Closed { after_ms: waited_ms })
        }
        Some(Signal::Ended(SessionEnd::NoCloseFrame)) => {
            Some(LostWebSocket::Cut { after_ms: waited_ms })
        }
        Some(Signal::Ended(SessionEnd::Other(_)) | Signal::Response(_)) => None,
    };
    facts.joined_ms = Some(call.elapsed_ms());
    let instead = match first {
        Some(Signal::Response(said)) => match *said {
            Response::Join(response) => {
                facts.join = Some(JoinAnswer::Joined);
                for server in &response.ice_servers {
                    call.hidden.add(&server.credential);
                }
                if facts.flaw.is_some() {
                    // A browser does not come this far either.
                    session.leave().await;
                    return Ok((facts, None));
                }
                return Ok((facts, Some(Joined { session, response })));
            }
            Response::Answer(_)
            | Response::Offer(_)
            | Response::Trickle(_)
            | Response::Leave(_)
            | Response::RefreshToken(_) => ServerText::new("an unexpected LiveKit message"),
        },
        Some(Signal::Ended(what)) => what.words(),
        None => ServerText::new("nothing"),
    };
    facts.join = Some(JoinAnswer::NoJoin(instead));
    session.leave().await;
    Ok((facts, None))
}

/// A connection to the API with TLS. There is no stream if the certificate is wrong, so that no other
/// server receives the token.
async fn open(call: &Call, deadline: Instant) -> Result<Opened, Blindness> {
    let spec = &call.spec;
    let door = Door { host: spec.host.as_str(), port: spec.port, addresses: &spec.addresses };
    let sni = Sni::Name(spec.host.clone());
    let offer = Offer::new(&sni, Alpn::Http11);
    let mut opened = call.open_until(&door, Some(offer), deadline).await?;
    let is_trusted = match &opened.handshake {
        Some(Handshake::Completed(session)) => session.is_trusted(call.net.clock.now()),
        Some(_) | None => false,
    };
    if !is_trusted {
        opened.stream = None;
    }
    Ok(opened)
}

/// Starts a session on `stream`. The token goes into the header, because proxies write the query into
/// their access logs. A server that answers 401 is asked once more as browsers do, who can only use the
/// query.
async fn enter(
    call: &Call,
    rights: &Rights,
    stream: Box<dyn Stream>,
) -> Result<Session, HttpAnswer> {
    match enter_with(call, rights, stream, TokenPlace::Header).await {
        Err(HttpAnswer::Response(refusal)) if refusal.status == UNAUTHORIZED => {
            match open(call, call.end_of_wait()).await {
                Ok(Opened { stream: Some(stream), .. }) => {
                    enter_with(call, rights, stream, TokenPlace::Query).await
                }
                Ok(_) | Err(_) => Err(HttpAnswer::Response(refusal)),
            }
        }
        entered => entered,
    }
}

/// 401 (RFC 9110 §15.5.2).
const UNAUTHORIZED: u16 = 401;

/// Where a request carries its access token.
#[derive(Clone, Copy)]
enum TokenPlace {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    Header,
    /// `access_token` (RFC 6750 §2.3).
    Query,
}

async fn enter_with(
    call: &Call,
    rights: &Rights,
    stream: Box<dyn Stream>,
    place: TokenPlace,
) -> Result<Session, HttpAnswer> {
    let upgrade = upgrade_request(call, rights.join.clone(), place);
    Session::join(&call.net, stream, upgrade, call.end_of_wait(), goodbye(call, rights)).await
}

/// The upgrade request of LiveKit's signalling, in the version that every server supports.
fn upgrade_request(call: &Call, token: Secret, place: TokenPlace) -> TokenRequest {
    let path = "/rtc?protocol=16&auto_subscribe=0&sdk=go&version=0.1";
    let host = call.spec.host.as_str();
    let bytes = match place {
        TokenPlace::Header => {
            websocket_upgrade_with(path, host, &[&bearer(&token)], rand::random())
        }
        TokenPlace::Query => {
            let path = format!("{path}&access_token={}", token.expose());
            websocket_upgrade(&path, host, rand::random())
        }
    };
    TokenRequest { bytes, token }
}

fn bearer(token: &Secret) -> String {
    format!("Authorization: Bearer {}", token.expose())
}

/// The operation that ends the room once, after all pending joins.
fn goodbye(call: &Call, rights: &Rights) -> Goodbye {
    let call = call.clone();
    match &rights.part {
        Part::Guest => Box::pin(async { RoomEnd::LeftToServer }),
        Part::Further(on_the_way) => {
            let on_the_way = on_the_way.clone();
            Box::pin(async move {
                drop(on_the_way);
                RoomEnd::LeftToServer
            })
        }
        Part::Host(room) => {
            let room = room.clone();
            Box::pin(async move {
                room.all_arrived().await;
                delete(&call, &room).await
            })
        }
    }
}

/// How often a room is deleted at most: behind a load balancer another machine may answer the next time.
const DELETIONS: usize = 3;

/// Deletes the room, and tries again where a machine on the way does not answer.
async fn delete(call: &Call, room: &Room) -> RoomEnd {
    // Even if the call has no time left.
    let deadline = Instant::now() + call.net.limits.timeout;
    let mut end = Deletion::Answered(RoomEnd::LeftToServer);
    for _ in 0..DELETIONS {
        end = delete_once(call, room, deadline).await;
        if matches!(end, Deletion::Answered(_)) {
            break;
        }
    }
    match end {
        Deletion::Answered(end) => end,
        Deletion::Failed(why) => RoomEnd::NotDeleted(why),
    }
}

/// What became of one request to delete a room.
enum Deletion {
    /// LiveKit said it.
    Answered(RoomEnd),
    /// Something before LiveKit does not work.
    Failed(ServerText),
}

async fn delete_once(call: &Call, room: &Room, deadline: Instant) -> Deletion {
    let Ok(Opened { stream: Some(mut stream), .. }) = open(call, deadline).await else {
        return Deletion::Failed(ServerText::new("the connection to the API is closed"));
    };
    let token = room.deleting_token(call.net.clock.now());
    call.hidden.add(token.expose());
    let authorization = bearer(&token);
    let body = serde_json::json!({ "room": room.name }).to_string();
    let request = Request {
        method: "POST",
        path: "/twirp/livekit.RoomService/DeleteRoom",
        host: call.spec.host.as_str(),
        fields: &["Content-Type: application/json", &authorization],
        body: body.as_bytes(),
    };
    let request = TokenRequest { bytes: request.to_bytes(), token };
    match http::exchange_masked(&call.net, &mut stream, &request, deadline).await {
        // The room no longer exists: another client ended it, or it ended by itself.
        HttpAnswer::Response(response) if matches!(response.status, 200 | 404) => {
            Deletion::Answered(RoomEnd::Deleted)
        }
        HttpAnswer::Response(response) => {
            let said = format!("HTTP {}: {}", response.status, response.body.unquoted());
            let said = ServerText::new(&said);
            match response.status {
                // 502, 503, 504 (RFC 9110 §15.6): from a gateway.
                502..=504 => Deletion::Failed(said),
                _ => Deletion::Answered(RoomEnd::NotDeleted(said)),
            }
        }
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. }
        | HttpAnswer::NotHttp(_) => {
            Deletion::Failed(ServerText::new("the server did not answer DeleteRoom"))
        }
    }
}
