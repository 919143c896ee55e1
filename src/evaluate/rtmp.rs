//! RTMP inside TLS, and not outside it.

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::facts::{Facts, FirstBytes, Handshake, RtmpAnswer};
use crate::model::observation::Outcome;
use crate::model::probe::{Carrier, ProbeSpec};
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
        RtmpAnswer::NotRtmp(first) => Judgement::fail(
            ReasonCode::WrongService,
            format!("the answer is {first}, not RTMP"),
        ),
        RtmpAnswer::Closed | RtmpAnswer::Reset => Judgement::fail(
            ReasonCode::BackendDown,
            "TLS completes, then the proxy hangs up, as it does when nothing listens behind it",
        ),
        RtmpAnswer::Silent => Judgement::fail(
            ReasonCode::BackendSilent,
            "TLS completes, then nothing comes, as from a backend that is filtered",
        ),
    })
}

pub(super) fn plaintext_refused(view: &View<'_>) -> Judged {
    let facts = view.rtmp()?;
    Ok(match &facts.answer {
        Some(RtmpAnswer::Completed | RtmpAnswer::WrongEcho | RtmpAnswer::Unfinished { .. })
        | Some(RtmpAnswer::NotRtmp(FirstBytes::Rtmp)) => Judgement::fail(
            ReasonCode::RtmpPlaintext,
            "RTMP without TLS is answered: stream keys travel in clear text",
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

/// Whether RTMP without TLS was answered at the address and port of this check.
pub(super) fn plaintext_answered(view: &View<'_>) -> bool {
    let target = &view.check.target;
    view.case.observations.iter().any(|observation| {
        let here = match &observation.spec {
            ProbeSpec::Rtmp {
                to,
                over: Carrier::Tcp,
            } => Some(to.address) == target.address && Some(to.port.into()) == target.port,
            _ => false,
        };
        here && matches!(
            &observation.outcome,
            Outcome::Saw(Facts::Rtmp(facts)) if facts.answer == Some(RtmpAnswer::Completed)
        )
    })
}
