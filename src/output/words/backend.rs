//! A backend that does not answer, in words.

use super::{Statement, facts};
use crate::model::seen::{BackendCause, BackendDown, BackendSign};

pub(super) fn statement(seen: &BackendDown) -> Statement {
    let statement = match seen.cause {
        Some(cause) => by_cause(cause).detail(sign(&seen.sign)),
        None => without_cause(&seen.sign),
    };
    if seen.is_one_of_several {
        return statement.detail(
            "other requests to the same place were answered: of several machines behind the proxy, \
             one does not answer",
        );
    }
    statement
}

fn by_cause(cause: BackendCause) -> Statement {
    match cause {
        BackendCause::ClientCertificate => {
            Statement::new("the proxy demands a client certificate, which browsers do not have")
                .detail("the TLS handshake asked for one (CertificateRequest)")
        }
        BackendCause::ProxyHeaderMissing => {
            Statement::new("the server behind the proxy expects a PROXY protocol header")
                .detail("with a PROXY protocol header before it, the same request is answered")
        }
        BackendCause::TlsTwice => Statement::new(
            "the server behind the proxy speaks TLS itself, but the proxy has already ended TLS",
        )
        .detail("a TLS ClientHello inside the TLS connection is answered by TLS"),
        BackendCause::ProxyHeaderSent => Statement::new(
            "the proxy probably puts a PROXY protocol header before each connection, which the \
             servers behind it do not expect",
        )
        .detail("LiveKit answers a correct request as it answers one that it cannot parse"),
        BackendCause::NothingAnswers => Statement::new(
            "no service answers behind the proxy, neither LiveKit nor TURN nor RTMP: probably for \
             one reason",
        ),
        BackendCause::AnswersDirectly => {
            Statement::new("the backend answers this machine directly, but not through the proxy")
        }
    }
}

fn without_cause(shown_by: &BackendSign) -> Statement {
    let summary = match shown_by {
        BackendSign::SpeaksTls => {
            "the server behind the proxy speaks TLS itself, but the proxy has already ended TLS"
        }
        BackendSign::RequestUnreadable(_) => "LiveKit cannot read the request",
        BackendSign::HangsUp
        | BackendSign::Silent
        | BackendSign::SilentToHttp
        | BackendSign::GatewayError(_) => "nothing answers behind the proxy",
    };
    let likely = match shown_by {
        BackendSign::HangsUp => ", as when the backend refuses the connection",
        BackendSign::Silent => {
            ", as when a firewall drops the packets to the backend or the backend hangs"
        }
        BackendSign::SilentToHttp => {
            ", as when a firewall drops the packets to the backend, the backend hangs, or a TURN \
             server waits for more data"
        }
        BackendSign::SpeaksTls
        | BackendSign::RequestUnreadable(_)
        | BackendSign::GatewayError(_) => "",
    };
    Statement::new(summary).detail(format!("{}{likely}", sign(shown_by)))
}

fn sign(sign: &BackendSign) -> String {
    match sign {
        BackendSign::HangsUp => "the TLS handshake completes, then the connection ends".to_owned(),
        BackendSign::Silent | BackendSign::SilentToHttp => {
            "the TLS handshake completes, then no answer comes".to_owned()
        }
        BackendSign::SpeaksTls => "the answer inside the TLS connection is TLS again".to_owned(),
        BackendSign::GatewayError(response) => {
            format!("{}, from the proxy itself", facts::http_response(response))
        }
        BackendSign::RequestUnreadable(response) => facts::http_response(response),
    }
}
