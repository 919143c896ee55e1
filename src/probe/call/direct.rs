//! The ways without a relay: straight to the media port over UDP, and to the node over TCP.

use std::time::Duration;

use super::Call;
use super::door::Door;
use super::named::Permitted;
use crate::model::facts::{CandidatePlace, Connect, IceCheck, NotSent, PathFacts, ServerText, Way};
use crate::model::observation::Blindness;
use crate::model::port::{Port, Transport};
use crate::net::messages::{End, Framing, Messages};
use crate::proto::ice::{Pair, Purpose};
use crate::proto::transactions::Transactions;

/// One check of a candidate, and what it met.
pub(super) async fn check(call: &Call, pair: &Pair, place: CandidatePlace) -> PathFacts {
    let permitted = call.named.place(place.address);
    let destination = permitted.map(|place| call.destination(place));
    let mut path = PathFacts {
        way: match place.transport {
            Transport::Udp => Way::Udp,
            Transport::Tcp => Way::IceTcp,
        },
        candidate: place.address,
        dialled: destination.ok().and_then(|it| it.elsewhere()),
        relay: None,
        connect: None,
        check: IceCheck::Silent,
        sent_ms: None,
        ended_ms: 0,
        padded: None,
        dtls: None,
    };
    let looked = async {
        let permitted = match permitted {
            Ok(permitted) => permitted,
            Err(why) => return Ok(Some(NotSent::ForbiddenAddress(why))),
        };
        call.has_time()?;
        let messages = match place.transport {
            Transport::Udp => Some(Messages::datagrams(call.destination(permitted))?),
            Transport::Tcp => {
                let (connect, messages) = over_tcp(call, permitted).await?;
                path.connect = connect;
                messages
            }
        };
        let Some(mut messages) = messages else {
            return Ok(Some(NotSent::NoConnection));
        };
        path.sent_ms = Some(call.elapsed_ms());
        let met = ask(call, &mut messages, pair, place.transport).await?;
        (path.check, path.padded, path.ended_ms) = (met.check, met.padded, met.ended_ms);
        Ok(None)
    };
    let not_sent = match looked.await {
        Ok(not_sent) => not_sent,
        Err(blindness) => Some(NotSent::from(&blindness)),
    };
    if let Some(why) = not_sent {
        path.check = IceCheck::NotSent(why);
        path.ended_ms = call.elapsed_ms();
    }
    path
}

/// A connection to a candidate over TCP.
///
/// # Errors
/// When the trouble is ours.
pub(super) async fn over_tcp(
    call: &Call,
    place: Permitted,
) -> Result<(Option<Connect>, Option<Messages>), Blindness> {
    let candidate = place.address();
    let Some(port) = Port::new(candidate.port()) else {
        return Ok((None, None));
    };
    let door = Door { host: &candidate.ip().to_string(), port, addresses: &[candidate.ip()] };
    let opened = call.open(&door, None, 1).await?;
    let opened = opened.or_refused_by_our_proxy(&door)?;
    let messages = opened.stream.map(|stream| Messages::on(stream, Framing::Length));
    Ok((Some(opened.connect), messages))
}

/// What the checks of one way met.
struct Met {
    check: IceCheck,
    padded: Option<IceCheck>,
    ended_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Proof,
    Size,
}

/// Asks for proof, and over UDP, once there is one, by a large packet too: who multiplexes ICE over
/// TCP hangs up on a first packet that is.
async fn ask(
    call: &Call,
    messages: &mut Messages,
    pair: &Pair,
    transport: Transport,
) -> Result<Met, Blindness> {
    let mut flight = Transactions::new(messages.copies());
    let id = rand::random();
    flight.add(Asked::Proof, id, pair.check(id, Purpose::Proof), Duration::ZERO);
    let mut proof: Option<(IceCheck, u64)> = None;
    let mut size = None;
    let mut stray = None;
    let mut on = |message: &[u8], flight: &mut Transactions<Asked>, now: Duration| {
        let found = flight
            .waiting()
            .find_map(|(asked, id)| Some((asked, id, pair.read_answer(id, message)?)));
        let Some((asked, id, answer)) = found else {
            stray = stray.or_else(|| pair.misfit(message));
            return;
        };
        flight.settle(id);
        let answered = IceCheck::Answered { mapped: answer.mapped };
        match asked {
            Asked::Proof => {
                proof = Some((answered, call.elapsed_ms()));
                if transport == Transport::Udp {
                    let id = rand::random();
                    flight.add(Asked::Size, id, pair.check(id, Purpose::Size), now);
                }
            }
            Asked::Size => size = Some(answered),
        }
    };
    let deadline = call.end_of_wait();
    let end = messages.converse(&mut flight, deadline, &mut on).await;
    let Some((check, ended_ms)) = proof else {
        let end = end?;
        if end == End::Silent {
            call.has_time()?;
        }
        let check = match (end, stray) {
            (end @ End::Icmp(_), _) | (end, None) => of_end(end),
            (_, Some(what)) => IceCheck::Other(ServerText::new(what)),
        };
        return Ok(Met { check, padded: None, ended_ms: call.elapsed_ms() });
    };
    let padded = (transport == Transport::Udp).then(|| size.unwrap_or_else(|| of_ended(&end)));
    Ok(Met { check, padded, ended_ms })
}

/// What a check met that was not answered before the conversation ended, by our own trouble
/// perhaps.
pub(super) fn of_ended(end: &Result<End, Blindness>) -> IceCheck {
    match end {
        Ok(end) => of_end(end.clone()),
        Err(blindness) => IceCheck::NotSent(blindness.into()),
    }
}

/// What a check met that was not answered.
pub(super) fn of_end(end: End) -> IceCheck {
    match end {
        End::Answered | End::Silent => IceCheck::Silent,
        End::Icmp(error) => IceCheck::Icmp(error),
        End::Closed => IceCheck::Closed,
        End::Reset => IceCheck::Reset,
        End::Other(bytes) => IceCheck::Other(bytes.described()),
    }
}
