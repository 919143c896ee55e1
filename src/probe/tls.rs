//! How does a TLS handshake end?

use tokio::time::Instant;

use super::reach;
use crate::model::facts::{Behind, Connect, Facts, Handshake, HttpAnswer, TlsFacts, TlsVersion};
use crate::model::observation::Outcome;
use crate::model::probe::{Sni, TlsOffer};
use crate::model::target::Endpoint;
use crate::net::tls::{Alpn, handshake, legacy};
use crate::net::{Network, http, stun, tcp};
use crate::proto::http::request;

/// The versions that are offered together.
const BOTH: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

/// Makes the handshake that `offer` describes, and for [`TlsOffer::LookBehind`] what follows it.
pub async fn run(net: &Network, to: Endpoint, sni: &Sni, offer: TlsOffer) -> (u32, Outcome) {
    let deadline = reach::deadline(net);
    let (attempts, connection) = reach::connect(net, to, deadline).await;
    let mut facts = TlsFacts {
        connect: Connect::Accepted,
        dialled: net.dial.elsewhere(to),
        handshake: None,
        behind: None,
    };
    let stream = match connection {
        Err(blindness) => return (attempts, Outcome::Blind(blindness)),
        Ok(Err(connect)) => {
            facts.connect = connect;
            return (attempts, Outcome::Saw(Facts::Tls(facts)));
        }
        Ok(Ok(stream)) => stream,
    };
    let alpn = match offer {
        TlsOffer::Web => Alpn::Web,
        TlsOffer::Stream | TlsOffer::Only(_) | TlsOffer::LookBehind => Alpn::None,
    };
    facts.handshake = Some(match offer {
        TlsOffer::Web | TlsOffer::Stream => {
            match handshake(net, stream, sni, &BOTH, alpn, deadline).await {
                Ok((_, session)) => Handshake::Completed(Box::new(session)),
                Err(ended) => ended,
            }
        }
        TlsOffer::Only(version @ (TlsVersion::Tls12 | TlsVersion::Tls13)) => {
            match handshake(net, stream, sni, &[version], alpn, deadline).await {
                Ok((_, mut session)) => {
                    session.certificate = None;
                    Handshake::Completed(Box::new(session))
                }
                Err(ended) => ended,
            }
        }
        TlsOffer::Only(version @ (TlsVersion::Ssl3 | TlsVersion::Tls10 | TlsVersion::Tls11)) => {
            legacy(net, stream, sni, version, deadline).await
        }
        TlsOffer::LookBehind => {
            match handshake(net, stream, sni, &BOTH, alpn, deadline).await {
                Ok((mut stream, session)) => {
                    let until = deadline.min(Instant::now() + net.limits.timeout);
                    // On two connections at once: STUN may well be met with silence.
                    let (binding, http) = tokio::join!(
                        stun::binding_on_stream(&mut stream, until),
                        http_behind(net, to, sni, deadline)
                    );
                    facts.behind = Some(Behind { binding, http });
                    Handshake::Completed(Box::new(session))
                }
                Err(ended) => ended,
            }
        }
    });
    (attempts, Outcome::Saw(Facts::Tls(facts)))
}

/// What an HTTP request meets on a connection of its own; `None` when it did not come to one.
async fn http_behind(
    net: &Network,
    to: Endpoint,
    sni: &Sni,
    deadline: Instant,
) -> Option<HttpAnswer> {
    let stream = tcp::connect(net, to, deadline).await.ok()?.ok()?;
    let (mut stream, _) = handshake(net, stream, sni, &BOTH, Alpn::None, deadline)
        .await
        .ok()?;
    let host = match sni {
        Sni::Name(name) => name.to_string(),
        Sni::Absent => to.to_string(),
    };
    let request = request("GET", "/", &host, &[], b"");
    Some(http::exchange(net, &mut stream, &request, deadline).await)
}
