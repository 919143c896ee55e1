//! RTMP inside TLS, and not outside it.

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::facts::{FirstBytes, Handshake, RtmpAnswer};
use crate::model::reason::ReasonCode;

pub(super) fn rtmps_handshakes(view: &View<'_>) -> Judged {
    let facts = view.rtmp()?;
    let Some(answer) = &facts.answer else {
        return Ok(match &facts.handshake {
            Some(handshake) if !matches!(handshake, Handshake::Completed(_)) => {
                let (reason, observed) = words::handshake(handshake);
                Judgement::fail(reason, observed)
            }
            _ => Judgement::fail(
                words::connect_reason(&facts.connect),
                words::connect(&facts.connect),
            ),
        });
    };
    Ok(match answer {
        RtmpAnswer::Completed => Judgement::pass("S0, S1 and S2 answer C0 and C1"),
        RtmpAnswer::WrongEcho => Judgement::fail(
            ReasonCode::RtmpNoHandshake,
            "an RTMP handshake that does not repeat what was sent",
        ),
        RtmpAnswer::Unfinished { bytes } => Judgement::fail(
            ReasonCode::RtmpNoHandshake,
            format!("an RTMP handshake that stops after {bytes} of 3073 bytes"),
        ),
        RtmpAnswer::NotRtmp(first) => {
            Judgement::fail(ReasonCode::WrongService, format!("the answer is {first}, not RTMP"))
        }
        RtmpAnswer::Closed | RtmpAnswer::Reset => {
            Judgement::fail(ReasonCode::BackendDown, view.hangs_up())
        }
        RtmpAnswer::Silent => Judgement::fail(ReasonCode::BackendSilent, view.stays_silent()),
    })
}

pub(super) fn plaintext_refused(view: &View<'_>) -> Judged {
    let facts = view.rtmp()?;
    Ok(match &facts.answer {
        Some(RtmpAnswer::Completed | RtmpAnswer::WrongEcho | RtmpAnswer::Unfinished { .. })
        | Some(RtmpAnswer::NotRtmp(FirstBytes::Rtmp)) => Judgement::fail(
            ReasonCode::RtmpPlaintext,
            format!("{} answers RTMP without TLS\nstream keys travel in clear text", view.place()),
        ),
        Some(RtmpAnswer::NotRtmp(first)) => {
            Judgement::pass(format!("the answer to plain RTMP is {first}"))
        }
        Some(RtmpAnswer::Closed | RtmpAnswer::Reset) => Judgement::pass("plain RTMP is hung up on"),
        // A TLS server that waits for the rest of a record is silent too.
        Some(RtmpAnswer::Silent) => Judgement::uncontradicted("no answer to plain RTMP"),
        None => Judgement::pass(words::connect(&facts.connect)),
    })
}
