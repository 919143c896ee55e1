//! Allocations: asked for, challenged, granted, given back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Call;
use crate::model::facts::StunAnswer;
use crate::model::observation::Blindness;
use crate::net::Network;
use crate::net::messages::{End, Messages};
use crate::proto::stun::{Reading, Request};
use crate::proto::transactions::{Copies, Transactions};
use crate::proto::turn::{Challenge, LongTerm, STALE_NONCE, User, relayed_address};

/// What an Allocate met in the end.
pub(in super::super) struct Allocated {
    pub answer: StunAnswer,
    pub relayed: Option<SocketAddr>,
    pub allocation: Option<Allocation>,
}

/// A relay that is ours until it is dropped.
pub(in super::super) struct Allocation {
    net: Network,
    user: LongTerm,
    /// `None` only while it is being given back.
    messages: Option<Messages>,
}

/// How many nonces of a server are taken; the last answer counts then.
const MOST_CHALLENGES: usize = 3;

/// Asks for a relay.
///
/// # Errors
/// When the trouble is ours.
pub(in super::super) async fn allocate(
    call: &Call,
    mut messages: Messages,
    user: &User,
) -> Result<Allocated, Blindness> {
    let without = |answer| Allocated { answer, relayed: None, allocation: None };
    let mut request = Request::allocate(rand::random());
    let mut long_term: Option<LongTerm> = None;
    let mut challenges = 0;
    loop {
        let (answer, bytes) = ask(call, &mut messages, &request, long_term.as_ref()).await?;
        let code = match &answer {
            StunAnswer::Error { code, .. } => *code,
            StunAnswer::Success { .. } => {
                if long_term.is_none() {
                    give_back(call, messages, None).await;
                    return Ok(Allocated { relayed: relayed_address(&bytes), ..without(answer) });
                }
                return Ok(Allocated {
                    relayed: relayed_address(&bytes),
                    answer,
                    allocation: long_term.map(|user| Allocation {
                        net: call.net.clone(),
                        user,
                        messages: Some(messages),
                    }),
                });
            }
            StunAnswer::NotSigned { .. } => {
                let release = long_term.map(|user| user.release(rand::random()));
                give_back(call, messages, release).await;
                return Ok(without(answer));
            }
            _ => return Ok(without(answer)),
        };
        // The first 401 is the challenge; a second one refuses the credentials.
        let is_challenge = match &long_term {
            None => code == UNAUTHENTICATED,
            Some(_) => code == STALE_NONCE,
        };
        challenges += 1;
        let challenge =
            Challenge::read(&bytes).filter(|_| is_challenge && challenges <= MOST_CHALLENGES);
        let Some(user) = challenge.and_then(|challenge| LongTerm::new(user, challenge)) else {
            return Ok(without(answer));
        };
        request = user.allocate(rand::random());
        long_term = Some(user);
    }
}

/// Gives back a relay that is not used: with the user's `release`, or one that is granted without a
/// challenge with one of nobody's.
async fn give_back(call: &Call, mut messages: Messages, release: Option<Request>) {
    let release = release.unwrap_or_else(|| Request::release(rand::random()));
    // The server ends it itself, after its lifetime.
    drop(messages.send(release.bytes(), call.end_of_wait()).await);
}

/// RFC 8489 §14.8.
const UNAUTHENTICATED: u16 = 401;

/// One request, and its answer with its bytes. What `user` asks is answered by what is signed with
/// the user's password.
async fn ask(
    call: &Call,
    messages: &mut Messages,
    request: &Request,
    user: Option<&LongTerm>,
) -> Result<(StunAnswer, Vec<u8>), Blindness> {
    let mut flight = Transactions::new(messages.copies());
    flight.add((), request.id(), request.bytes().to_vec(), Duration::ZERO);
    let mut met = None;
    let mut stray = None;
    let is_stream = messages.copies() == Copies::One;
    let mut on = |message: &[u8], flight: &mut Transactions<()>, _: Duration| {
        match user.map_or_else(|| request.read(message), |user| user.read(request, message)) {
            Reading::Answer(answer) => {
                met = Some((answer, message.to_vec()));
                flight.settle(request.id());
            }
            // A datagram that holds nothing of the request is nobody's in particular.
            Reading::Stray(what) if is_stream || request.is_told_by(message) => {
                stray = stray.take().or(Some(what));
            }
            Reading::Stray(_) => {}
        }
    };
    let deadline = call.end_of_wait();
    let end = messages.converse(&mut flight, deadline, &mut on).await?;
    if met.is_none() && end == End::Silent {
        call.has_time()?;
    }
    Ok(met.unwrap_or_else(|| {
        let answer = match end {
            End::Answered | End::Silent => stray.unwrap_or(StunAnswer::Silent),
            End::Icmp(error) => StunAnswer::Icmp(error),
            End::Closed => StunAnswer::Closed,
            End::Reset => StunAnswer::Reset,
            End::Other(bytes) => StunAnswer::NotStun(bytes),
        };
        (answer, Vec::new())
    }))
}

impl Allocation {
    /// What its requests are signed with.
    pub fn user(&self) -> &LongTerm {
        &self.user
    }

    /// Where its messages come and go.
    pub fn messages(&mut self) -> &mut Messages {
        self.messages.as_mut().expect("an allocation that is not dropped has its messages")
    }
}

/// How long giving back may take: there is no answer to wait for.
const GIVING_BACK: Duration = Duration::from_millis(100);

impl Drop for Allocation {
    fn drop(&mut self) {
        let Some(mut messages) = self.messages.take() else {
            return;
        };
        // On a stream it ends with the connection (RFC 8656 §7.2).
        if messages.copies() == Copies::One {
            return;
        }
        let release = self.user.release(rand::random());
        self.net.farewells.begin(async move {
            let deadline = Instant::now() + GIVING_BACK;
            // The server ends it itself, after its lifetime.
            drop(messages.send(release.bytes(), deadline).await);
        });
    }
}
