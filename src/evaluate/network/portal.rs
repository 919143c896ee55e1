//! A page that wants a login first, where the deployment should answer.

use super::super::call::CallAttempt;
use super::plain_http;
use crate::model::call::{Cause, CauseSign, NetworkCause, State, Step};
use crate::model::facts::{FirstBytes, Handshake, HttpAnswer, HttpResponse};
use crate::model::url::Url;

/// Network Authentication Required (RFC 6585 §6).
const LOGIN_REQUIRED: u16 = 511;

/// The portal that stops the join, if one does.
pub(super) fn cause(call: &CallAttempt<'_>, join: &State) -> Option<Cause> {
    let at = join.stop()?.at;
    let mut answers = plain_http(call).filter_map(|facts| match &facts.answer {
        Some(HttpAnswer::Response(response)) => Some(response),
        Some(_) | None => None,
    });
    answers.find_map(|response| of_response(call, response, at)).or_else(|| of_handshake(call))
}

fn of_response(call: &CallAttempt<'_>, response: &HttpResponse, at: Step) -> Option<Cause> {
    let name = call.spec.host.clone();
    let asked = Url::page("http", name.as_str(), "/");
    let is_elsewhere = |to: Url| to.host != asked.host;
    let location = response.location.as_ref();
    let (page, certain) = match (response.status, location) {
        (LOGIN_REQUIRED, page) => (page, true),
        // Behind a step for which no page can be the reason, the page is the deployment's.
        _ if !(Step::Dns..=Step::Certificate).contains(&at) => return None,
        // A redirect to another host and the certificate of another one: that is not the deployment.
        (300..=399, Some(page)) if asked.join(page.as_str()).is_some_and(is_elsewhere) => {
            (Some(page), at == Step::Certificate)
        }
        (200, _) => (None, false),
        _ => return None,
    };
    let cause = NetworkCause::CaptivePortal { page: page.cloned() };
    let response = response.clone();
    Some(Cause { cause, certain, shown_by: CauseSign::AnsweredInstead { name, response } })
}

/// Plain HTTP where TLS should answer.
fn of_handshake(call: &CallAttempt<'_>) -> Option<Cause> {
    let Some(Handshake::NotTls(FirstBytes::Http(line))) = &call.seen.ok()?.signal.handshake else {
        return None;
    };
    let (name, port, line) = (call.spec.host.clone(), call.spec.port, line.clone());
    Some(Cause {
        cause: NetworkCause::CaptivePortal { page: None },
        certain: false,
        shown_by: CauseSign::HttpInPlaceOfTls { name, port, line },
    })
}
