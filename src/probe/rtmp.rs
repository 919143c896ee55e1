//! Whether an RTMP handshake succeeds, over TCP or TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::reach;
use crate::model::facts::{Facts, FirstBytes, RtmpAnswer, RtmpFacts};
use crate::model::observation::{LocalTrouble, Outcome};
use crate::model::probe::Carrier;
use crate::model::target::Endpoint;
use crate::net::http::is_reset;
use crate::net::tls::{Alpn, Offer};
use crate::net::{Network, Stream};
use crate::proto::rtmp::{ANSWER, Hello, RANDOM};

/// Sends C0 and C1 to `to` and reads S0, S1 and S2. Returns the number of SYNs.
pub async fn run(net: &Network, to: Endpoint, over: &Carrier) -> (u32, Outcome) {
    let sni = match over {
        Carrier::Tcp => None,
        Carrier::Tls(sni) => Some(sni),
        Carrier::Udp => return (1, Outcome::Blind(LocalTrouble::NotOverUdp("RTMP").into())),
    };
    let deadline = reach::deadline(net);
    let offer = sni.map(|sni| Offer::new(sni, Alpn::None));
    let (attempts, reached) = reach::open(net, to, offer, deadline).await;
    let reached = match reached {
        Ok(reached) => reached,
        Err(trouble) => return (attempts, Outcome::Blind(trouble)),
    };
    let answer = match reached.stream {
        Some(mut stream) => Some(shake_hands(net, &mut stream, deadline).await),
        None => None,
    };
    // Without TLS a port that ends TLS hangs up, as it should.
    let otherwise = match &answer {
        Some(answer) if offer.is_some() && is_nothing(answer) => {
            let is_answered = async |mut stream: Box<dyn Stream>| {
                shake_hands(net, &mut stream, deadline).await == RtmpAnswer::Completed
            };
            let place = reach::Place { to, offer };
            Some(reach::other_beginnings(net, place, deadline, is_answered).await)
        }
        Some(_) | None => None,
    };
    let facts = RtmpFacts {
        connect: reached.connect,
        dialled: net.dial.elsewhere(to),
        handshake: reached.handshake,
        answer,
        otherwise,
    };
    (attempts, Outcome::Saw(Facts::Rtmp(facts)))
}

fn is_nothing(answer: &RtmpAnswer) -> bool {
    match answer {
        RtmpAnswer::Closed | RtmpAnswer::Reset | RtmpAnswer::Silent => true,
        RtmpAnswer::NotRtmp(first) => *first == FirstBytes::Tls,
        RtmpAnswer::Completed | RtmpAnswer::WrongEcho | RtmpAnswer::Unfinished { .. } => false,
    }
}

/// Sends C0 and C1, and reads until the answer is clear, until the timeout, or until `deadline`.
async fn shake_hands<S>(net: &Network, stream: &mut S, deadline: Instant) -> RtmpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut random = [0; RANDOM];
    rand::fill(&mut random);
    let hello = Hello::new(&random);
    let mut received = Vec::with_capacity(ANSWER);
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let ending = timeout_at(deadline, converse(stream, &hello, &mut received)).await;
    if let Some(answer) = hello.read(&received) {
        return answer;
    }
    if !received.is_empty() {
        let bytes = received.len();
        return RtmpAnswer::Unfinished { bytes };
    }
    match ending {
        Err(_) => RtmpAnswer::Silent,
        Ok(Err(error)) if is_reset(&error) => RtmpAnswer::Reset,
        // Includes a TLS stream that ends without a close_notify, or with an alert.
        Ok(Err(_) | Ok(())) => RtmpAnswer::Closed,
    }
}

/// Fills `received` until the answer is clear. `Ok` without a clear answer is the end of the stream.
async fn converse<S>(stream: &mut S, hello: &Hello, received: &mut Vec<u8>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(hello.bytes()).await?;
        stream.flush().await
    };
    // A peer that rejects C0 may have sent something before it closed, so read that first.
    let sent = sent.await;
    while hello.read(received).is_none() {
        let room = ANSWER - received.len();
        let count = (&mut *stream).take(room as u64).read_buf(received).await?;
        if count == 0 {
            return sent;
        }
    }
    Ok(())
}
