//! Whether an RTMP handshake succeeds, over TCP or TLS.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

use super::reach;
use crate::model::facts::{Facts, FirstBytes, RtmpAnswer, RtmpFacts};
use crate::model::observation::{LocalTrouble, Outcome};
use crate::model::probe::Carrier;
use crate::model::target::Endpoint;
use crate::net::http::is_reset;
use crate::net::tcp::{self, Segments};
use crate::net::tls::{self, Alpn, Offer};
use crate::net::{Network, Stream};
use crate::proto::rtmp::{ANSWER, Hello, RANDOM};

/// Sends C0 and C1 to `to` and reads S0, S1 and S2. Returns the number of SYNs.
pub async fn run(net: &Network, to: Endpoint, over: &Carrier) -> (u32, Outcome) {
    let sni = match over {
        Carrier::Tcp => None,
        Carrier::Tls(sni) => Some(sni),
        Carrier::Udp => return (1, Outcome::Blind(LocalTrouble::NotOverUdp("RTMP".into()).into())),
    };
    let deadline = reach::deadline(net);
    let offer = sni.map(|sni| Offer::new(sni, Alpn::None));
    let first = async {
        let (attempts, reached) = reach::open(net, to, offer, deadline).await;
        let mut reached = match reached {
            Ok(reached) => reached,
            Err(trouble) => return Err((attempts, trouble)),
        };
        let answer = match &mut reached.stream {
            Some(stream) => Some(shake_hands(net, stream, Writing::AtOnce, deadline).await),
            None => None,
        };
        Ok((attempts, reached, answer))
    };
    // C1 is one of the two large packets that ovcheck sends.
    let attempt = |segments| is_answered(net, to, offer, segments, deadline);
    let (ended, second_try) = reach::with_second_try(net, true, first, attempt).await;
    let (attempts, reached, answer) = match ended {
        Ok(ended) => ended,
        Err((attempts, trouble)) => return (attempts, Outcome::Blind(trouble)),
    };
    // Without TLS a port that ends TLS hangs up, as it should.
    let otherwise = match &answer {
        // Small segments have shown the cause already.
        Some(_) if second_try.is_some_and(|it| it.with_small_segments && !it.as_before) => None,
        Some(answer) if offer.is_some() && is_nothing(answer) => {
            let is_answered = async |mut stream: Box<dyn Stream>| {
                shake_hands(net, &mut stream, Writing::AtOnce, deadline).await
                    == RtmpAnswer::Completed
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
        second_try: second_try.filter(|_| answer == Some(RtmpAnswer::Silent)),
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

/// How C0 and C1 are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    AtOnce,
    /// In so many packets that each of them is small.
    InPieces,
}

/// The time between two pieces, so that the system does not send them as one.
const BETWEEN_PIECES: Duration = Duration::from_millis(5);

impl Writing {
    fn piece(self) -> usize {
        match self {
            Self::AtOnce => usize::MAX,
            Self::InPieces => 400,
        }
    }
}

/// Whether C0 and C1 are answered on a connection of their own, with segments of this size.
async fn is_answered(
    net: &Network,
    to: Endpoint,
    offer: Option<Offer<'_>>,
    segments: Segments,
    deadline: Instant,
) -> bool {
    let Ok(Ok(mut stream)) = tcp::connect_with(net, to, segments, deadline).await else {
        return false;
    };
    let writing = match segments {
        Segments::Usual | Segments::Small => Writing::AtOnce,
        Segments::InPieces => Writing::InPieces,
    };
    let answer = match offer {
        None => shake_hands(net, &mut stream, writing, deadline).await,
        Some(offer) => match tls::handshake(net, stream, offer, deadline).await {
            Ok((mut stream, _)) => shake_hands(net, &mut stream, writing, deadline).await,
            Err(_) => return false,
        },
    };
    match answer {
        RtmpAnswer::Completed
        | RtmpAnswer::WrongEcho
        | RtmpAnswer::Unfinished { .. }
        | RtmpAnswer::NotRtmp(_) => true,
        RtmpAnswer::Closed | RtmpAnswer::Reset | RtmpAnswer::Silent => false,
    }
}

/// Sends C0 and C1, and reads until the answer is clear, until the timeout, or until `deadline`.
async fn shake_hands<S>(
    net: &Network,
    stream: &mut S,
    writing: Writing,
    deadline: Instant,
) -> RtmpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut random = [0; RANDOM];
    rand::fill(&mut random);
    let hello = Hello::new(&random);
    let mut received = Vec::with_capacity(ANSWER);
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    let ending = timeout_at(deadline, converse(stream, &hello, writing, &mut received)).await;
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
async fn converse<S>(
    stream: &mut S,
    hello: &Hello,
    writing: Writing,
    received: &mut Vec<u8>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        for piece in hello.bytes().chunks(writing.piece()) {
            stream.write_all(piece).await?;
            stream.flush().await?;
            if writing == Writing::InPieces {
                sleep(BETWEEN_PIECES).await;
            }
        }
        Ok(())
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
