//! In which protocol a UDP port answers that does not answer STUN.

use tokio::time::Instant;

use super::udp::{Event, LARGEST, Socket};
use crate::model::dial::Destination;
use crate::model::facts::DatagramProtocol;
use crate::proto::datagrams::{DatagramQuestion, QuicIds};
use crate::proto::stun::next_copy;

/// How many datagrams are read before the next question is due.
const AT_ONCE: usize = 16;

/// Asks in other protocols, each from a port of its own. `None` when nothing answers until `deadline`, or
/// when this machine could not ask.
pub async fn protocol_at(peer: Destination, deadline: Instant) -> Option<DatagramProtocol> {
    let quic = DatagramQuestion::Quic {
        ids: QuicIds { destination: rand::random(), source: rand::random() },
    };
    let (by_quic, by_dtls) =
        tokio::join!(answer_to(&quic, peer, deadline), by_dtls(peer, deadline));
    by_quic.or(by_dtls)
}

/// An answer that holds nothing of its question has to come twice, to questions from two ports.
async fn by_dtls(peer: Destination, deadline: Instant) -> Option<DatagramProtocol> {
    let question = || DatagramQuestion::Dtls {
        random: rand::random(),
        // Its first bits are zero, since a server counts on from it.
        number: (rand::random::<u64>() >> 17).to_be_bytes()[2..]
            .try_into()
            .expect("of eight bytes"),
    };
    let first = answer_to(&question(), peer, deadline).await?;
    if first.is_bound_to_question() {
        return Some(first);
    }
    answer_to(&question(), peer, deadline).await
}

async fn answer_to(
    question: &DatagramQuestion,
    peer: Destination,
    deadline: Instant,
) -> Option<DatagramProtocol> {
    let mut socket = Socket::connected(peer.dialled).ok()?;
    let bytes = question.bytes();
    let mut buffer = [0; LARGEST];
    let begun = Instant::now();
    let mut copies = 0;
    loop {
        for _ in 0..AT_ONCE {
            // An error says nothing about the protocol: STUN meets it as well.
            match socket.take(&mut buffer).ok()? {
                Some(Event::Datagram { bytes, .. }) => {
                    if let Some(protocol) = question.read(&buffer[..bytes]) {
                        return Some(protocol);
                    }
                }
                Some(Event::Icmp { .. }) => {}
                None => break,
            }
        }
        let now = Instant::now();
        if now >= deadline {
            return None;
        }
        let due = next_copy(copies).map_or(deadline, |after| begun + after);
        if due <= now {
            copies += 1;
            socket.send(&bytes, peer.dialled, deadline).await.ok()?;
        } else {
            socket.wait(due.min(deadline)).await.ok()?;
        }
    }
}
