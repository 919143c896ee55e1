//! How long a TURN connection without traffic stays open.

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};

use super::{milliseconds, reach};
use crate::model::facts::{Facts, HoldFacts, Idle, IdleEnd, StunAnswer};
use crate::model::observation::Outcome;
use crate::model::probe::{Carrier, Sni};
use crate::model::target::Endpoint;
use crate::net::http::is_reset;
use crate::net::tls::{Alpn, Offer};
use crate::net::{Network, Stream, stun};

/// Sends a Binding request, keeps the connection idle for [`Limits::hold`](crate::net::Limits::hold) and
/// sends another. Returns the number of SYNs of the connection.
pub async fn run(net: &Network, to: Endpoint, over: &Carrier) -> (u32, Outcome) {
    let sni: Option<&Sni> = match over {
        Carrier::Tls(sni) => Some(sni),
        Carrier::Tcp | Carrier::Udp => None,
    };
    let started = Instant::now();
    let deadline = reach::deadline(net);
    let offer = sni.map(|sni| Offer::new(sni, Alpn::None));
    let (attempts, reached) = reach::open(net, to, offer, deadline).await;
    let reached = match reached {
        Ok(reached) => reached,
        Err(trouble) => return (attempts, Outcome::Blind(trouble)),
    };
    let mut facts = HoldFacts {
        connect: reached.connect,
        dialled: net.dial.elsewhere(to),
        handshake: reached.handshake,
        binding: None,
        idle: None,
    };
    if let Some(mut stream) = reached.stream {
        let answered_by = deadline.min(Instant::now() + net.limits.timeout);
        let binding = stun::binding_on_stream(&mut stream, answered_by).await;
        if matches!(binding, StunAnswer::Success { .. }) {
            let until = match net.limits.hold {
                Some(hold) => Instant::now() + hold,
                None => started + net.limits.timeout,
            };
            facts.idle = Some(rest(net, &mut stream, until).await);
        }
        facts.binding = Some(binding);
    }
    (attempts, Outcome::Saw(Facts::Hold(facts)))
}

/// Keeps the connection idle. Only an answer shows whether it is still alive afterwards, because a
/// device on the way can drop a connection without notice.
async fn rest(net: &Network, stream: &mut Box<dyn Stream>, until: Instant) -> Idle {
    let began = Instant::now();
    let mut byte = [0];
    let ended = match timeout_at(until, stream.read(&mut byte)).await {
        Err(_) => None,
        Ok(Ok(0)) => Some(IdleEnd::Closed),
        Ok(Ok(_)) => Some(IdleEnd::Spoke),
        Ok(Err(error)) if is_reset(&error) => Some(IdleEnd::Reset),
        Ok(Err(_)) => Some(IdleEnd::Closed),
    };
    let rested = began.elapsed();
    let end = match ended {
        Some(end) => end,
        None => {
            let answered_by = Instant::now() + net.limits.timeout;
            match stun::binding_on_stream(stream, answered_by).await {
                StunAnswer::Success { .. } => IdleEnd::Answers,
                StunAnswer::Closed => IdleEnd::Closed,
                StunAnswer::Reset => IdleEnd::Reset,
                StunAnswer::Silent | StunAnswer::Icmp(_) => IdleEnd::Forgotten,
                StunAnswer::Error { .. }
                | StunAnswer::NotStun(_)
                | StunAnswer::Malformed(_)
                | StunAnswer::Unrelated(_)
                | StunAnswer::NotSigned { .. } => IdleEnd::Spoke,
            }
        }
    };
    Idle { ms: milliseconds(rested), end }
}
