//! How does a TLS handshake end?

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::reach;
use crate::model::facts::{
    Behind, Connect, Facts, Handshake, HandshakeChange, SecondHandshake, TlsFacts, TlsVersion,
};
use crate::model::observation::Outcome;
use crate::model::probe::{ApiRequest, Sni, TlsOffer};
use crate::model::target::Endpoint;
use crate::net::tcp::Segments;
use crate::net::tls::{Alpn, Offer, Versions};
use crate::net::{Network, legacy_tls, stun, tcp, tls};
use crate::proto::{proxy_protocol, tls_alert};

/// Makes the handshake that `offer` describes, and for [`TlsOffer::LookBehind`] what follows it.
pub async fn run(net: &Network, to: Endpoint, sni: &Sni, offer: TlsOffer) -> (u32, Outcome) {
    let deadline = reach::deadline(net);
    let (attempts, connection) = reach::connect(net, to, deadline).await;
    let mut facts = TlsFacts {
        connect: Connect::Accepted,
        dialled: net.dial.elsewhere(to),
        handshake: None,
        second: None,
        behind: None,
        second_try: None,
    };
    let stream = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => {
            facts.connect = connect;
            return (attempts, Outcome::Saw(Facts::Tls(facts)));
        }
        Ok(Ok(stream)) => stream,
    };
    let (versions, alpn) = match offer {
        TlsOffer::Web => (Versions::Both, Alpn::Web),
        TlsOffer::Stream | TlsOffer::LookBehind => (Versions::Both, Alpn::None),
        TlsOffer::Only(TlsVersion::Tls12) => (Versions::Tls12, Alpn::None),
        TlsOffer::Only(TlsVersion::Tls13) => (Versions::Tls13, Alpn::None),
        TlsOffer::Only(old @ (TlsVersion::Ssl3 | TlsVersion::Tls10 | TlsVersion::Tls11)) => {
            let ended = legacy_tls::handshake(net, stream, sni, old, deadline).await;
            facts.handshake = Some(ended);
            return (attempts, Outcome::Saw(Facts::Tls(facts)));
        }
    };
    let hello = Offer { versions, ..Offer::new(sni, alpn) };
    let first = tls::handshake(net, stream, hello, deadline);
    // One of the handshakes with an endpoint and name is enough for it.
    let (ended, second_try) = match offer {
        TlsOffer::Web | TlsOffer::Stream => {
            let attempt = |segments| completes(net, to, hello, segments, deadline);
            reach::with_second_try(net, false, first, attempt).await
        }
        TlsOffer::Only(_) | TlsOffer::LookBehind => (first.await, None),
    };
    let (mut stream, mut session) = match ended {
        Ok(completed) => completed,
        Err(ended) => {
            facts.second_try = second_try.filter(|_| ended == Handshake::Silent);
            let needs_small =
                facts.second_try.is_some_and(|it| it.with_small_segments && !it.as_before);
            if matches!(offer, TlsOffer::Web | TlsOffer::Stream) && !needs_small {
                facts.second = second(net, to, hello, &ended, deadline).await;
            }
            facts.handshake = Some(ended);
            return (attempts, Outcome::Saw(Facts::Tls(facts)));
        }
    };
    match offer {
        TlsOffer::Web | TlsOffer::Stream => {}
        TlsOffer::Only(_) => session.certificate = None,
        TlsOffer::LookBehind => {
            let until = deadline.min(Instant::now() + net.limits.timeout);
            let page = reach::Page { sni: Some(sni), path: ApiRequest::Validate.path() };
            // On two connections at once: STUN may well be met with silence.
            let (binding, http) = tokio::join!(
                stun::binding_on_stream(&mut stream, until),
                reach::get(net, to, page, deadline)
            );
            facts.behind = Some(Behind { binding, http });
        }
    }
    facts.handshake = Some(Handshake::Completed(Box::new(session)));
    (attempts, Outcome::Saw(Facts::Tls(facts)))
}

/// A second handshake that shows why the first one failed, where one can show it.
async fn second(
    net: &Network,
    to: Endpoint,
    hello: Offer<'_>,
    failed: &Handshake,
    deadline: Instant,
) -> Option<SecondHandshake> {
    let (change, hello) = match failed {
        Handshake::Closed | Handshake::Reset | Handshake::Silent => {
            (HandshakeChange::ProxyHeader, hello)
        }
        Handshake::Alert { code: tls_alert::HANDSHAKE_FAILURE, .. } => {
            (HandshakeChange::MoreSignatures, Offer { more_signatures: true, ..hello })
        }
        Handshake::Completed(_)
        | Handshake::Alert { .. }
        | Handshake::NotTls(_)
        | Handshake::Broken(_) => return None,
    };
    let (_, Ok(Ok(mut stream))) = reach::connect(net, to, deadline).await else {
        return None;
    };
    if change == HandshakeChange::ProxyHeader {
        stream.write_all(&proxy_protocol::local_header()).await.ok()?;
    }
    let met = match tls::handshake(net, stream, hello, deadline).await {
        Ok((_, session)) => Handshake::Completed(Box::new(session)),
        Err(ended) => ended,
    };
    Some(SecondHandshake { change, met })
}

/// Whether the handshake completes on a connection of its own, with segments of this size.
async fn completes(
    net: &Network,
    to: Endpoint,
    hello: Offer<'_>,
    segments: Segments,
    deadline: Instant,
) -> bool {
    match tcp::connect_with(net, to, segments, deadline).await {
        Ok(Ok(stream)) => tls::handshake(net, stream, hello, deadline).await.is_ok(),
        Ok(Err(_)) | Err(_) => false,
    }
}
