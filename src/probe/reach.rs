//! The first steps of every probe over TCP: the connection, and TLS on it where it is asked for.

use std::future::Future;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::model::facts::{Connect, Handshake, HttpAnswer, OtherBeginnings, SecondTry};
use crate::model::observation::Blindness;
use crate::model::probe::Sni;
use crate::model::target::Endpoint;
use crate::net::tcp::{self, Connection, Segments, syns_within};
use crate::net::tls::{self, Alpn, Offer};
use crate::net::{Network, Stream, http};
use crate::proto::http::Request;
use crate::proto::proxy_protocol;

/// When a probe that starts now has to be done.
pub fn deadline(net: &Network) -> Instant {
    Instant::now() + net.limits.probe
}

/// Connects, and says how many SYNs that took.
pub async fn connect(
    net: &Network,
    to: Endpoint,
    deadline: Instant,
) -> (u32, Result<Connection, Blindness>) {
    let started = Instant::now();
    let connection = tcp::connect(net, to, deadline).await;
    (syns_within(started.elapsed()), connection)
}

/// How far we came on the way to a service.
pub struct Reached {
    pub connect: Connect,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when the connection was not accepted, or TLS did not come about.
    pub stream: Option<Box<dyn Stream>>,
}

/// Connects, and makes the TLS handshake that `offer` describes; without an offer there is none.
/// Says how many SYNs the connection took.
pub async fn open(
    net: &Network,
    to: Endpoint,
    offer: Option<Offer<'_>>,
    deadline: Instant,
) -> (u32, Result<Reached, Blindness>) {
    let (attempts, connection) = connect(net, to, deadline).await;
    let reached = match connection {
        Err(trouble) => return (attempts, Err(trouble)),
        Ok(Err(connect)) => Reached { connect, handshake: None, stream: None },
        Ok(Ok(stream)) => match offer {
            None => Reached {
                connect: Connect::Accepted,
                handshake: None,
                stream: Some(Box::new(stream)),
            },
            Some(offer) => match tls::handshake(net, stream, offer, deadline).await {
                Ok((stream, session)) => Reached {
                    connect: Connect::Accepted,
                    handshake: Some(Handshake::Completed(Box::new(session))),
                    stream: Some(Box::new(stream)),
                },
                Err(ended) => {
                    Reached { connect: Connect::Accepted, handshake: Some(ended), stream: None }
                }
            },
        },
    };
    (attempts, Ok(reached))
}

/// Does `first`. When it is not done after half of the time-out, `attempt` is made beside it with small
/// segments and with usual ones, until `first` is done: what works only with small ones tells that
/// large packets are lost on the way. With `says_much` it is also made in pieces.
pub async fn with_second_try<T, F>(
    net: &Network,
    says_much: bool,
    first: impl Future<Output = T>,
    attempt: impl Fn(Segments) -> F,
) -> (T, Option<SecondTry>)
where
    F: Future<Output = bool>,
{
    tokio::pin!(first);
    tokio::select! {
        biased;
        done = &mut first => return (done, None),
        () = tokio::time::sleep(net.limits.timeout / 2) => {}
    }
    let (mut with_small_segments, mut as_before, mut pieces) = (false, false, false);
    let done = {
        let small = async { with_small_segments = attempt(Segments::Small).await };
        let usual = async { as_before = attempt(Segments::Usual).await };
        let pieces = async {
            if says_much {
                pieces = attempt(Segments::InPieces).await;
            }
        };
        let tries = async {
            tokio::join!(small, usual, pieces);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            done = &mut first => done,
            () = tries => unreachable!("it never ends"),
        }
    };
    let in_pieces = says_much.then_some(pieces);
    (done, Some(SecondTry { with_small_segments, as_before, in_pieces }))
}

/// A page to ask for, in TLS with this SNI where there is one.
pub struct Page<'a> {
    pub sni: Option<&'a Sni>,
    pub path: &'a str,
}

/// What `GET` meets on a connection of its own; `None` when it does not come to a request. The same
/// place accepted a connection a moment ago: that it does not now is no fact about what is behind
/// it.
pub async fn get(
    net: &Network,
    to: Endpoint,
    page: Page<'_>,
    deadline: Instant,
) -> Option<HttpAnswer> {
    let Page { sni, path } = page;
    let offer = sni.map(|sni| Offer::new(sni, Alpn::None));
    let (_, Ok(reached)) = open(net, to, offer, deadline).await else {
        return None;
    };
    let mut stream = reached.stream?;
    let host = match sni {
        Some(Sni::Name(name)) => name.to_string(),
        Some(Sni::Absent) | None => to.to_string(),
    };
    let request = Request { fields: &["Connection: close"], ..Request::get(path, &host) };
    Some(http::exchange(net, &mut stream, &request.to_bytes(), deadline).await)
}

/// Where a request goes, and in which TLS.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub to: Endpoint,
    pub offer: Option<Offer<'a>>,
}

/// What became of a request with another beginning: `is_answered` sends it on a connection of its own.
/// Only for a place that did not answer it: two further connections, at once.
pub async fn other_beginnings<Answered>(
    net: &Network,
    place: Place<'_>,
    deadline: Instant,
    is_answered: impl FnOnce(Box<dyn Stream>) -> Answered,
) -> OtherBeginnings
where
    Answered: Future<Output = bool>,
{
    let behind_proxy_header = async {
        let (_, Ok(reached)) = open(net, place.to, place.offer, deadline).await else {
            return false;
        };
        let Some(mut stream) = reached.stream else {
            return false;
        };
        match stream.write_all(&proxy_protocol::local_header()).await {
            Ok(()) => is_answered(stream).await,
            Err(_) => false,
        }
    };
    let by_tls = async {
        let (_, Ok(reached)) = open(net, place.to, place.offer, deadline).await else {
            return false;
        };
        match reached.stream {
            Some(stream) => tls::is_answered_by_tls(net, stream, deadline).await,
            None => false,
        }
    };
    let (behind_proxy_header, by_tls) = tokio::join!(behind_proxy_header, by_tls);
    OtherBeginnings { behind_proxy_header, by_tls }
}
