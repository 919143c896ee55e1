//! Whether an RTMP handshake comes about, over TCP or TLS.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::model::facts::{Connect, Facts, Handshake, RtmpAnswer, RtmpFacts, TlsVersion};
use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::{Carrier, Sni};
use crate::model::target::Endpoint;
use crate::net::tls::{self, Alpn};
use crate::net::{Network, tcp};
use crate::proto::rtmp::{ANSWER, Hello, RANDOM};

/// Sends C0 and C1 to `to` and reads S0, S1 and S2.
pub async fn run(net: &Network, to: Endpoint, over: &Carrier) -> (u32, Outcome) {
    let seen = match over {
        Carrier::Udp => Err(Blindness::Local("RTMP does not run over UDP".to_owned())),
        Carrier::Tcp => look(net, to, None).await,
        Carrier::Tls(sni) => look(net, to, Some(sni)).await,
    };
    match seen {
        Ok(facts) => (1, Outcome::Saw(Facts::Rtmp(facts))),
        Err(trouble) => (1, Outcome::Blind(trouble)),
    }
}

async fn look(net: &Network, to: Endpoint, sni: Option<&Sni>) -> Result<RtmpFacts, Blindness> {
    let last = Instant::now() + net.limits.probe;
    let end_of_wait = || (Instant::now() + net.limits.timeout).min(last);
    let mut facts = RtmpFacts {
        connect: Connect::Accepted,
        dialled: net.dial.elsewhere(to),
        handshake: None,
        answer: None,
    };
    let mut stream = match tcp::connect(net, to, end_of_wait()).await? {
        Ok(stream) => stream,
        Err(refused) => {
            facts.connect = refused;
            return Ok(facts);
        }
    };
    let Some(sni) = sni else {
        facts.answer = Some(shake_hands(&mut stream, end_of_wait()).await);
        return Ok(facts);
    };
    let versions = [TlsVersion::Tls12, TlsVersion::Tls13];
    match tls::handshake(net, stream, sni, &versions, Alpn::None, end_of_wait()).await {
        Ok((mut stream, session)) => {
            facts.handshake = Some(Handshake::Completed(Box::new(session)));
            facts.answer = Some(shake_hands(&mut stream, end_of_wait()).await);
        }
        Err(ending) => facts.handshake = Some(ending),
    }
    Ok(facts)
}

/// Sends C0 and C1, and reads until the answer is clear, or `deadline`.
async fn shake_hands<S>(stream: &mut S, deadline: Instant) -> RtmpAnswer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut random = [0; RANDOM];
    rand::fill(&mut random);
    let hello = Hello::new(&random);
    let mut received = Vec::with_capacity(ANSWER);
    let ending = timeout_at(deadline, converse(stream, &hello, &mut received)).await;
    if let Some(answer) = hello.read(&received) {
        return answer;
    }
    match ending {
        _ if !received.is_empty() => RtmpAnswer::Unfinished {
            bytes: received.len(),
        },
        Ok(Ok(())) => RtmpAnswer::Closed,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                RtmpAnswer::Reset
            }
            // A TLS stream that ends without saying so, or with an alert.
            _ => RtmpAnswer::Closed,
        },
        Err(_) => RtmpAnswer::Silent,
    }
}

/// Fills `received` until it is clear what it is; `Ok` without that is the end of the stream.
async fn converse<S>(stream: &mut S, hello: &Hello, received: &mut Vec<u8>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(hello.bytes()).await?;
        stream.flush().await
    };
    // Who refuses C0 may have said something before it closed: that is read first.
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
