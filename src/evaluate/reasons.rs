//! The reason codes of facts that speak for themselves.

use crate::model::facts::{Connect, Handshake, HttpAnswer, IcmpError, IcmpMeaning, StunAnswer};
use crate::model::reason::ReasonCode;

/// The reason code of a connection that was not accepted.
pub(super) fn connect_reason(connect: &Connect) -> ReasonCode {
    match connect {
        Connect::Accepted => ReasonCode::PortOpenUnexpected,
        Connect::Reset => ReasonCode::TcpRefused,
        Connect::Icmp(error) => icmp_reason(error),
        Connect::Silent => ReasonCode::TcpTimeout,
    }
}

/// The reason code of an ICMP error.
pub(super) fn icmp_reason(error: &IcmpError) -> ReasonCode {
    match error.meaning() {
        IcmpMeaning::PortUnreachable => ReasonCode::PortUnreachable,
        IcmpMeaning::AdminProhibited => ReasonCode::AdminProhibited,
        IcmpMeaning::NetworkUnreachable => ReasonCode::NetworkUnreachable,
        IcmpMeaning::HostUnreachable | IcmpMeaning::Other => ReasonCode::HostUnreachable,
    }
}

/// The reason code of a handshake that did not complete.
pub(super) fn handshake_reason(handshake: &Handshake) -> ReasonCode {
    match handshake {
        Handshake::Completed(_) => ReasonCode::Holds,
        Handshake::Alert { code, .. } => alert_reason(*code),
        Handshake::NotTls(_) | Handshake::Broken(_) => ReasonCode::TlsNotTls,
        Handshake::Closed => ReasonCode::TlsClosed,
        Handshake::Reset => ReasonCode::TcpReset,
        Handshake::Silent => ReasonCode::TlsTimeout,
    }
}

/// What an alert of a server means to a client without a certificate (RFC 8446 §6.2). Which server
/// sends which was tried: see `docs/evidence.md`.
fn alert_reason(code: u8) -> ReasonCode {
    match code {
        // handshake_failure, protocol_version, insufficient_security.
        40 | 70 | 71 => ReasonCode::TlsNothingInCommon,
        // no_certificate, bad_certificate, certificate_required: a server says so of a client's.
        41 | 42 | 116 => ReasonCode::ClientCertificateDemanded,
        112 => ReasonCode::TlsNameRefused,
        120 => ReasonCode::TlsAlpnRefused,
        _ => ReasonCode::TlsAlert,
    }
}

/// The reason code of an HTTP answer that is not the one demanded.
pub(super) fn http_reason(answer: &HttpAnswer) -> ReasonCode {
    match answer {
        HttpAnswer::Response(_) => ReasonCode::HttpStatus,
        HttpAnswer::Closed | HttpAnswer::Reset => ReasonCode::BackendDown,
        HttpAnswer::Silent => ReasonCode::BackendSilent,
        HttpAnswer::Unfinished { .. } => ReasonCode::HttpNotHttp,
        HttpAnswer::NotHttp(_) => ReasonCode::WrongService,
    }
}

/// The reason code of what a STUN request met.
pub(super) fn stun_reason(answer: &StunAnswer) -> ReasonCode {
    match answer {
        StunAnswer::Success { mapped: Some(_) } => ReasonCode::Holds,
        StunAnswer::Success { mapped: None }
        | StunAnswer::Error { .. }
        | StunAnswer::Malformed(_) => ReasonCode::StunBadResponse,
        StunAnswer::Silent => ReasonCode::StunNoResponse,
        StunAnswer::Icmp(error) => icmp_reason(error),
        StunAnswer::Closed | StunAnswer::Reset => ReasonCode::BackendDown,
        StunAnswer::NotStun(_) | StunAnswer::Unrelated(_) => ReasonCode::WrongService,
        StunAnswer::NotSigned { .. } => ReasonCode::TurnNotSigned,
    }
}
