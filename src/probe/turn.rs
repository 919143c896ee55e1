//! What a STUN Binding and an Allocate without credentials meet, over UDP, TCP or TLS; and what
//! else is there when it is no TURN server.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use super::{milliseconds, reach};
use crate::model::dial::Destination;
use crate::model::facts::{
    DatagramProtocol, Facts, FirstBytes, HttpAnswer, OtherBeginnings, StunAnswer, TurnFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::{Carrier, Sni};
use crate::model::target::Endpoint;
use crate::net::datagrams;
use crate::net::stun::{OverStream, OverUdp};
use crate::net::tls::{Alpn, Offer};
use crate::net::{Network, Stream};

/// Asks for a STUN Binding at `to`, and, when that is answered, for an Allocate without
/// credentials. Over TCP and TLS an HTTP request on a second connection tells what else is there
/// when STUN is not answered. Returns how many copies of the Binding request, or SYNs, were sent.
pub async fn run(net: &Network, to: Endpoint, over: &Carrier) -> (u32, Outcome) {
    match over {
        Carrier::Udp => over_udp(net, net.dial.destination(to), After::Allocate).await,
        Carrier::Tcp => over_stream(net, to, None).await,
        Carrier::Tls(sni) => over_stream(net, to, Some(sni)).await,
    }
}

/// Asks a STUN server outside the deployment for a Binding: whether our own UDP gets out and back.
pub async fn own_udp(net: &Network, server: SocketAddr) -> (u32, Outcome) {
    over_udp(net, server.into(), After::Nothing).await
}

/// What to ask for after a Binding that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    Allocate,
}

/// What a probe knows before anything happened.
fn nothing_yet(dialled: Option<SocketAddr>) -> TurnFacts {
    TurnFacts {
        connect: None,
        dialled,
        handshake: None,
        binding: None,
        allocate: None,
        instead: None,
        otherwise: None,
        other_protocol: None,
        sent_ms: Vec::new(),
    }
}

fn saw(facts: TurnFacts) -> Outcome {
    Outcome::Saw(Facts::Turn(facts))
}

/// Whether whoever answered speaks STUN, whatever it said.
fn is_answered(answer: &StunAnswer) -> bool {
    match answer {
        StunAnswer::Success { .. } | StunAnswer::Error { .. } => true,
        StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_)
        | StunAnswer::Unrelated(_)
        | StunAnswer::NotSigned { .. } => false,
    }
}

// --- Over UDP ----------------------------------------------------------------------------------

async fn over_udp(net: &Network, peer: Destination, after: After) -> (u32, Outcome) {
    let mut facts = nothing_yet(peer.elsewhere());
    let ended = ask_over_udp(net, peer, after, &mut facts).await;
    let copies = u32::try_from(facts.sent_ms.len()).unwrap_or(u32::MAX);
    let outcome = match ended {
        Ok(()) => saw(facts),
        Err(trouble) => Outcome::Blind(trouble),
    };
    (copies.max(1), outcome)
}

async fn ask_over_udp(
    net: &Network,
    peer: Destination,
    after: After,
    facts: &mut TurnFacts,
) -> Result<(), Blindness> {
    let started = Instant::now();
    let ahead = net.sweeps.ahead(peer.meant.ip());
    let mut conversation = OverUdp::new(peer)?.ahead(ahead);
    let deadline = started + net.limits.timeout;
    let (binding, other_protocol) = match after {
        After::Nothing => (conversation.binding(deadline).await, None),
        After::Allocate => binding_or_other_protocol(&mut conversation, peer, deadline).await,
    };
    facts.other_protocol = other_protocol;
    facts.sent_ms = conversation.sent().iter().map(|sent| milliseconds(*sent - started)).collect();
    let binding = facts.binding.insert(binding?);
    if after == After::Allocate && is_answered(binding) {
        let deadline = Instant::now() + net.limits.timeout;
        let deadline = deadline.min(started + net.limits.probe);
        facts.allocate = Some(conversation.allocate(deadline).await?);
    }
    Ok(())
}

/// Asks in other protocols meanwhile, once STUN has been silent for a while, so that both kinds of
/// silence wait together.
async fn binding_or_other_protocol(
    conversation: &mut OverUdp,
    peer: Destination,
    deadline: Instant,
) -> (Result<StunAnswer, Blindness>, Option<DatagramProtocol>) {
    let mut asking = pin!(conversation.binding(deadline));
    if let Ok(answer) = timeout(PATIENCE, &mut asking).await {
        return (answer, None);
    }
    let mut looking = pin!(datagrams::protocol_at(peer, deadline));
    let (answer, other) = tokio::select! {
        answer = &mut asking => {
            let is_refused = matches!(answer, Ok(StunAnswer::Icmp(_)) | Err(_));
            let is_over = is_refused || answer.as_ref().is_ok_and(is_answered);
            let other = if is_over { None } else { looking.await };
            (answer, other)
        }
        other = &mut looking => (asking.await, other),
    };
    // Late, but STUN: what else was said there is of no interest.
    let other = other.filter(|_| !answer.as_ref().is_ok_and(is_answered));
    (answer, other)
}

// --- Over TCP and TLS --------------------------------------------------------------------------

async fn over_stream(net: &Network, to: Endpoint, sni: Option<&Sni>) -> (u32, Outcome) {
    let started = Instant::now();
    let deadline = reach::deadline(net);
    let (attempts, reached) = reach::open(net, to, sni.map(offer), deadline).await;
    let reached = match reached {
        Ok(reached) => reached,
        Err(trouble) => return (attempts, Outcome::Blind(trouble)),
    };
    let mut facts = nothing_yet(net.dial.elsewhere(to));
    facts.connect = Some(reached.connect);
    facts.handshake = reached.handshake;
    if let Some(mut stream) = reached.stream {
        let look = Look { net, to, sni, started, deadline };
        look.at(&mut stream, &mut facts).await;
    }
    (attempts, saw(facts))
}

fn offer(sni: &Sni) -> Offer<'_> {
    Offer::new(sni, Alpn::None)
}

/// Whether neither STUN nor HTTP was answered there.
fn is_nothing(met: &BindingAndInstead) -> bool {
    let is_silent = match &met.answer {
        StunAnswer::Closed | StunAnswer::Reset | StunAnswer::Silent => true,
        StunAnswer::NotStun(first) => *first == FirstBytes::Tls,
        StunAnswer::Success { .. }
        | StunAnswer::Error { .. }
        | StunAnswer::Icmp(_)
        | StunAnswer::Malformed(_)
        | StunAnswer::Unrelated(_)
        | StunAnswer::NotSigned { .. } => false,
    };
    is_silent && !matches!(met.instead, Some(HttpAnswer::Response(_)))
}

/// How long STUN may be silent, at least, before other protocols are tried as well.
const PATIENCE: Duration = Duration::from_millis(300);

/// A probe whose connection was accepted, its TLS handshake, if any, finished.
struct Look<'a> {
    net: &'a Network,
    to: Endpoint,
    sni: Option<&'a Sni>,
    started: Instant,
    /// The end of the whole probe.
    deadline: Instant,
}

impl Look<'_> {
    /// Asks for a Binding on `stream`, then for an Allocate; or for HTTP elsewhere.
    async fn at<S>(&self, stream: &mut S, facts: &mut TurnFacts)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let so_far = self.started.elapsed();
        facts.sent_ms.push(milliseconds(so_far));
        let mut conversation = OverStream::new(stream);
        let binding = self.binding(&mut conversation, so_far).await;
        if is_answered(&binding.answer) {
            facts.allocate = Some(conversation.allocate(self.end_of_wait()).await);
        }
        if is_nothing(&binding) {
            facts.otherwise = Some(self.otherwise().await);
        }
        facts.instead = binding.instead;
        facts.binding = Some(binding.answer);
    }

    /// Connecting and the handshake took `so_far`, two or three round trips: an answer to one
    /// more takes less than four times that. When it takes longer, HTTP is tried meanwhile, so
    /// that both kinds of silence wait together.
    async fn binding<S>(
        &self,
        conversation: &mut OverStream<'_, S>,
        so_far: Duration,
    ) -> BindingAndInstead
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut asking = pin!(conversation.binding(self.end_of_wait()));
        let (answer, instead) = match timeout(PATIENCE.max(so_far * 4), &mut asking).await {
            Ok(answer) => (answer, None),
            Err(_) => {
                let mut looking = pin!(self.http());
                tokio::select! {
                    answer = &mut asking => {
                        let instead = match is_answered(&answer) {
                            true => None,
                            false => looking.await,
                        };
                        (answer, instead)
                    }
                    instead = &mut looking => (asking.await, instead),
                }
            }
        };
        let instead = match &answer {
            // It did speak STUN, late or wrongly: what HTTP meets says nothing about it.
            StunAnswer::Success { .. }
            | StunAnswer::Error { .. }
            | StunAnswer::Malformed(_)
            | StunAnswer::NotSigned { .. } => None,
            StunAnswer::Silent => instead,
            StunAnswer::NotStun(_)
            | StunAnswer::Unrelated(_)
            | StunAnswer::Closed
            | StunAnswer::Reset
            | StunAnswer::Icmp(_) => match instead {
                Some(instead) => Some(instead),
                None => self.http().await,
            },
        };
        BindingAndInstead { answer, instead }
    }

    /// When a wait that begins now ends.
    fn end_of_wait(&self) -> Instant {
        self.deadline.min(Instant::now() + self.net.limits.timeout)
    }

    /// What becomes of the Binding with another beginning.
    async fn otherwise(&self) -> OtherBeginnings {
        let place = reach::Place { to: self.to, offer: self.sni.map(offer) };
        let is_answered = async |mut stream: Box<dyn Stream>| {
            let binding = OverStream::new(&mut stream).binding(self.end_of_wait()).await;
            is_answered(&binding)
        };
        reach::other_beginnings(self.net, place, self.deadline, is_answered).await
    }

    async fn http(&self) -> Option<HttpAnswer> {
        let page = reach::Page { sni: self.sni, path: "/" };
        reach::get(self.net, self.to, page, self.deadline).await
    }
}

struct BindingAndInstead {
    answer: StunAnswer,
    instead: Option<HttpAnswer>,
}
