//! Rules about RTMP, in words.

use super::{Statement, facts};
use crate::model::seen::RtmpSeen;

pub(super) fn statement(seen: &RtmpSeen) -> Statement {
    match seen {
        RtmpSeen::Completed => Statement::new("the RTMP handshake completes"),
        RtmpSeen::WrongEcho => {
            Statement::new("the RTMP handshake does not repeat the bytes that ovcheck sent")
        }
        RtmpSeen::Unfinished { bytes } => {
            Statement::new(format!("the RTMP handshake stops after {bytes} of 3073 bytes"))
        }
        RtmpSeen::NotRtmp(first) => {
            Statement::new(format!("the answer is {}, not RTMP", facts::first_bytes(first)))
        }
        RtmpSeen::PlaintextAnswered => Statement::new("answers RTMP without TLS")
            .detail("stream keys travel without encryption"),
        RtmpSeen::PlaintextNotRtmp(first) => Statement::new(format!(
            "the answer to RTMP without TLS is {}",
            facts::first_bytes(first)
        )),
        RtmpSeen::PlaintextClosed => {
            Statement::new("the connection is closed after RTMP without TLS")
        }
        RtmpSeen::PlaintextSilent => Statement::new("no answer to RTMP without TLS"),
    }
}
