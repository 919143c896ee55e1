//! A second question, where a datagram came that holds nothing of the first one. Whoever does not see
//! our questions can send such a datagram to all of our ports, in the name of any address.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::icmp::QueuedIcmp;
use super::stun::is_final;
use super::udp::{Event, LARGEST, Socket};
use crate::model::dial::Destination;
use crate::model::facts::{FirstBytes, StunAnswer};
use crate::proto::first_bytes;
use crate::proto::stun::{Reading, Request, next_copy};

/// What a second question met, from a port of its own and with an id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// A STUN answer to it.
    Answer(StunAnswer),
    /// Something else, with its id.
    Told(FirstBytes),
    /// Something that holds nothing of this question either, that came to each port from which it was
    /// asked, and to none from which nothing was asked.
    Unrelated(FirstBytes),
    Icmp(QueuedIcmp),
}

/// How many datagrams are read before the next question is due.
const AT_ONCE: usize = 16;

/// How often it is asked, each time from a port and with an id of its own; all but the first only when that
/// one met something unrelated, to draw no error of the node that others need. Who guesses our ports meets
/// one of them by chance, and rarely all of them and none of the [`DECOYS`] (at most 1 in 2,000, if a third
/// of all ports is met).
const QUESTIONS: usize = 4;

/// Sockets that ask nothing. What comes there too is sent to all of our ports.
const DECOYS: usize = 8;

/// Asks `peer` once more. `None` when nothing comes within `patience`, when something unrelated does not
/// come to each question or comes where nothing was asked, or when this machine could not ask.
pub async fn ask_again(peer: Destination, patience: Duration) -> Option<Again> {
    let deadline = Instant::now() + patience;
    let mut decoys = Vec::with_capacity(DECOYS);
    for _ in 0..DECOYS {
        decoys.push(Socket::connected(peer.dialled).ok()?);
    }
    let (is_doubted, doubt) = watch::channel(false);
    let questions = (0..QUESTIONS).map(|number| {
        let (is_doubted, mut doubt) = (&is_doubted, doubt.clone());
        async move {
            if number > 0 {
                timeout_at(deadline, doubt.wait_for(|it| *it)).await.ok()?.ok()?;
            }
            question(peer, deadline, is_doubted).await
        }
    });
    let mut questions: FuturesUnordered<_> = questions.collect();
    let mut unrelated = None;
    while let Some(met) = questions.next().await {
        match met? {
            Again::Unrelated(first) => unrelated = unrelated.or(Some(first)),
            proof => return Some(proof),
        }
    }
    let mut buffer = [0; LARGEST];
    let came_unasked = decoys
        .iter_mut()
        .any(|decoy| matches!(decoy.take(&mut buffer), Ok(Some(Event::Datagram { .. }))));
    unrelated.filter(|_| !came_unasked).map(Again::Unrelated)
}

/// What one question meets by `deadline`. Something unrelated is told at once.
async fn question(
    peer: Destination,
    deadline: Instant,
    is_doubted: &watch::Sender<bool>,
) -> Option<Again> {
    let begun = Instant::now();
    let request = Request::binding(rand::random());
    let mut socket = Socket::connected(peer.dialled).ok()?;
    let mut buffer = [0; LARGEST];
    let mut unrelated = None;
    let mut copies = 0;
    loop {
        for _ in 0..AT_ONCE {
            match socket.take(&mut buffer).ok()? {
                Some(Event::Datagram { bytes, .. }) => {
                    match read(&request, &buffer[..bytes]) {
                        // It need not be the last word: a forged one may be the first.
                        Again::Unrelated(first) => {
                            unrelated = unrelated.or(Some(first));
                            is_doubted.send_replace(true);
                        }
                        proof => return Some(proof),
                    }
                }
                Some(Event::Icmp { payload: Some(quote), error, .. })
                    if request.is_quoted_in(&quote) && is_final(&error.for_packet_to(peer)) =>
                {
                    return Some(Again::Icmp(error));
                }
                Some(Event::Icmp { .. }) => {}
                None => break,
            }
        }
        let now = Instant::now();
        if now >= deadline {
            return unrelated.map(Again::Unrelated);
        }
        let due = next_copy(copies).map_or(deadline, |after| begun + after);
        if due <= now {
            copies += 1;
            socket.send(request.bytes(), peer.dialled, deadline).await.ok()?;
        } else {
            socket.wait(due.min(deadline)).await.ok()?;
        }
    }
}

/// What one datagram is to the second question.
fn read(request: &Request, datagram: &[u8]) -> Again {
    match request.read(datagram) {
        Reading::Answer(answer) => Again::Answer(answer),
        Reading::Stray(_) if request.is_told_by(datagram) => {
            Again::Told(first_bytes::recognise(datagram))
        }
        Reading::Stray(_) => Again::Unrelated(match datagram {
            [] => FirstBytes::Binary(String::new()),
            _ => first_bytes::recognise(datagram),
        }),
    }
}
