//! Whether the certificate of a handshake is one that browsers take for this name, now.

use super::super::tls;
use crate::model::facts::{ChainFacts, Handshake};
use crate::model::reason::ReasonCode;
use crate::model::timestamp::Timestamp;

/// What a browser would have against it, in few words; `None`: nothing, or there is no certificate
/// to judge.
pub(super) fn trouble(handshake: &Handshake, now: Timestamp) -> Option<(ReasonCode, String)> {
    let Handshake::Completed(session) = handshake else {
        return None;
    };
    let judged = tls::untrusted(session, now)?;
    let chain = session.certificate.as_ref()?;
    let words = match judged.reason {
        ReasonCode::TlsUnknownCa => {
            format!("issued by {}", common_name(chain.certificates.last()?.issuer.as_str()))
        }
        ReasonCode::TlsChainIncomplete => "its issuer's is missing".to_owned(),
        ReasonCode::TlsSelfSigned => "it signed itself".to_owned(),
        ReasonCode::TlsNameMismatch => match chain.certificates.first()?.names.first() {
            Some(name) => format!("for {name}"),
            None => "for no name".to_owned(),
        },
        _ => judged.observed,
    };
    Some((judged.reason, words))
}

/// The common name of `O=…, CN=…`, or all of it where there is none.
fn common_name(name: &str) -> &str {
    let mut parts = name.split(',').map(str::trim);
    parts.find_map(|part| part.strip_prefix("CN=")).unwrap_or(name)
}

/// The chain that was shown in a handshake that completed.
pub(super) fn chain(handshake: &Handshake) -> Option<&ChainFacts> {
    match handshake {
        Handshake::Completed(session) => session.certificate.as_ref(),
        Handshake::Alert { .. }
        | Handshake::NotTls(_)
        | Handshake::Closed
        | Handshake::Reset
        | Handshake::Silent
        | Handshake::Broken(_) => None,
    }
}
