//! The session descriptions of a join: an offer of one data channel, and what its answer holds for
//! ICE (RFC 8839, RFC 8841).

use crate::model::secret::Secret;
use crate::proto::ice::Half;

/// `a=mid` of the offer's only section.
pub const MID: &str = "0";

/// The most bytes of an answer that are looked at.
const LIMIT: usize = 64 * 1024;

/// An offer of one data channel, which LiveKit answers. Nothing in it differs from session to
/// session but the ICE credentials; the fingerprint is that of no certificate, since no DTLS
/// handshake comes to its certificates.
pub fn offer(ours: &Half) -> String {
    let fingerprint = vec!["0B"; 32].join(":");
    let lines = [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        &format!("a=group:BUNDLE {MID}"),
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        &format!("a=ice-ufrag:{}", ours.ufrag),
        &format!("a=ice-pwd:{}", ours.password.expose()),
        &format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:actpass",
        &format!("a=mid:{MID}"),
        "a=sctp-port:5000",
    ];
    let mut text = lines.join("\r\n");
    text.push_str("\r\n");
    text
}

/// What an answer holds for ICE.
#[derive(Debug, Clone)]
pub struct Answer {
    pub theirs: Half,
    /// The server makes no checks of its own (RFC 8445 §2.5).
    pub is_lite: bool,
    pub dtls: DtlsRole,
}

/// Who begins DTLS, as the answer says (`a=setup`, RFC 8842 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsRole {
    /// The server (`active`), as LiveKit does, unless it is ICE-lite.
    ServerBegins,
    /// This end (`passive`): an ICE-lite server from LiveKit 1.13.11 on.
    WeBegin,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    #[error("the answer is longer than 64 KiB")]
    TooLong,
    #[error("the answer is not SDP")]
    NotSdp,
    #[error("the answer has no ICE user name fragment of 4 to 256 characters")]
    NoUfrag,
    #[error("the answer has no ICE password of 22 to 256 characters")]
    NoPassword,
}

impl Answer {
    /// Reads an answer. Of several sections the first counts: ours has one.
    ///
    /// # Errors
    /// What is missing, or wrong.
    pub fn read(sdp: &str) -> Result<Self, InvalidAnswer> {
        if sdp.len() > LIMIT {
            return Err(InvalidAnswer::TooLong);
        }
        if !sdp.starts_with("v=0") {
            return Err(InvalidAnswer::NotSdp);
        }
        let value = |key: &str| sdp.lines().find_map(|line| line.trim_end().strip_prefix(key));
        let fits = |text: &&str, least| {
            let ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
            (least..=256).contains(&text.len()) && text.chars().all(ice_char)
        };
        let ufrag = value("a=ice-ufrag:").filter(|ufrag| fits(ufrag, 4));
        let password = value("a=ice-pwd:").filter(|password| fits(password, 22));
        Ok(Self {
            theirs: Half {
                ufrag: ufrag.ok_or(InvalidAnswer::NoUfrag)?.to_owned(),
                password: Secret::new(password.ok_or(InvalidAnswer::NoPassword)?),
            },
            is_lite: value("a=ice-lite").is_some(),
            dtls: match value("a=setup:") {
                Some("passive") => DtlsRole::WeBegin,
                Some(_) | None => DtlsRole::ServerBegins,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Half {
        Half::random([9; 32])
    }

    #[test]
    fn our_own_offer_reads_as_an_answer() {
        let answer = Answer::read(&offer(&ours())).unwrap();
        assert_eq!(answer.theirs.ufrag, ours().ufrag);
        assert_eq!(answer.theirs.password, ours().password);
        assert!(!answer.is_lite);
        let lite = offer(&ours()).replace("t=0 0", "t=0 0\r\na=ice-lite");
        assert!(Answer::read(&lite).unwrap().is_lite);
        assert_eq!(answer.dtls, DtlsRole::ServerBegins);
        let passive = offer(&ours()).replace("a=setup:actpass", "a=setup:passive");
        assert_eq!(Answer::read(&passive).unwrap().dtls, DtlsRole::WeBegin);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = |key: &str| -> InvalidAnswer {
            let lines: Vec<String> = offer(&ours())
                .lines()
                .filter(|line| !line.starts_with(key))
                .map(|line| format!("{line}\r\n"))
                .collect();
            Answer::read(&lines.concat()).unwrap_err()
        };
        assert_eq!(without("a=ice-ufrag"), InvalidAnswer::NoUfrag);
        assert_eq!(without("a=ice-pwd"), InvalidAnswer::NoPassword);
        assert_eq!(without("v="), InvalidAnswer::NotSdp);
        let long = format!("v=0{}", "x".repeat(LIMIT));
        assert_eq!(Answer::read(&long).unwrap_err(), InvalidAnswer::TooLong);
        let spaced = offer(&ours()).replace("a=ice-ufrag:", "a=ice-ufrag:a b ");
        assert_eq!(Answer::read(&spaced).unwrap_err(), InvalidAnswer::NoUfrag);
    }
}
