//! RTMP inside TLS, and not outside it.

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason};
use super::view::View;
use crate::model::facts::{FirstBytes, Handshake, RtmpAnswer};
use crate::model::reason::ReasonCode;
use crate::model::seen::{BackendSign, RtmpSeen};
use crate::model::verdict::{FailConfidence, Verdict};

pub(super) fn rtmps_handshakes(view: &View<'_>) -> Judged {
    let facts = view.rtmp()?;
    let Some(answer) = &facts.answer else {
        return Ok(match &facts.handshake {
            Some(handshake) if !matches!(handshake, Handshake::Completed(_)) => {
                Judgement::fail(handshake_reason(handshake), handshake)
            }
            _ => Judgement::fail(connect_reason(&facts.connect), &facts.connect),
        });
    };
    let no_handshake = |seen| Judgement::fail(ReasonCode::RtmpNoHandshake, seen);
    Ok(match answer {
        RtmpAnswer::Completed => Judgement::pass(RtmpSeen::Completed),
        RtmpAnswer::WrongEcho => no_handshake(RtmpSeen::WrongEcho),
        RtmpAnswer::Unfinished { bytes } => no_handshake(RtmpSeen::Unfinished { bytes: *bytes }),
        RtmpAnswer::NotRtmp(FirstBytes::Tls) => view.backend_down(BackendSign::SpeaksTls),
        RtmpAnswer::NotRtmp(first) => {
            Judgement::fail(ReasonCode::WrongService, RtmpSeen::NotRtmp(first.clone()))
        }
        RtmpAnswer::Closed | RtmpAnswer::Reset => view.backend_down(BackendSign::HangsUp),
        RtmpAnswer::Silent => {
            let down = view.backend_down(BackendSign::Silent);
            // Another attempt of the same moment was answered: one of several machines is silent, or
            // large packets are lost on the way to this port alone.
            match facts.second_try {
                Some(again) if again.with_small_segments && !again.as_before => {
                    Judgement { verdict: Verdict::Fail(FailConfidence::Suspected), ..down }
                }
                _ => down,
            }
        }
    })
}

pub(super) fn plaintext_refused(view: &View<'_>) -> Judged {
    let facts = view.rtmp()?;
    Ok(match &facts.answer {
        Some(RtmpAnswer::Completed | RtmpAnswer::WrongEcho | RtmpAnswer::Unfinished { .. })
        | Some(RtmpAnswer::NotRtmp(FirstBytes::Rtmp)) => {
            Judgement::fail(ReasonCode::RtmpPlaintext, RtmpSeen::PlaintextAnswered)
        }
        Some(RtmpAnswer::NotRtmp(first)) => {
            Judgement::pass(RtmpSeen::PlaintextNotRtmp(first.clone()))
        }
        // What wants TLS ends it so, and so does a proxy of plain RTMP whose backend is down.
        Some(RtmpAnswer::Closed | RtmpAnswer::Reset) => {
            Judgement::uncontradicted(RtmpSeen::PlaintextClosed)
        }
        // A TLS server that waits for the rest of a record is silent too.
        Some(RtmpAnswer::Silent) => Judgement::uncontradicted(RtmpSeen::PlaintextSilent),
        None => Judgement::uncontradicted(&facts.connect),
    })
}
