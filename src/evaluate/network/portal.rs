//! A page of this network, where the deployment should answer: it wants a login first, or refuses.

use super::super::call::CallAttempt;
use super::plain_http;
use crate::model::call::{Cause, CauseSign, NetworkCause, State, Step};
use crate::model::face::{Intention, Ownership};
use crate::model::facts::{FirstBytes, Handshake, HttpAnswer, HttpResponse};
use crate::model::url::{Origin, Url};

/// Network Authentication Required (RFC 6585 §6).
const LOGIN_REQUIRED: u16 = 511;

/// The portal, or the filter, that stops the join, if one does.
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
    let face = call.case.ruleset.face_of(response).filter(|it| it.whose == Ownership::Network);
    let is_before_http = (Step::Dns..=Step::Certificate).contains(&at);
    if let Some(face) = face.filter(|face| face.says == Intention::Refused && is_before_http) {
        let cause = NetworkCause::Filtered { host: name.clone(), who: face.who.clone() };
        let response = response.clone();
        // The deployment may have such a device before itself, too.
        let shown_by = CauseSign::AnsweredInstead { name, response };
        return Some(Cause { cause, certain: false, shown_by });
    }
    // The page of a router: a login there lets nobody into the internet.
    if face.is_some_and(|face| face.says == Intention::OtherSite) {
        return None;
    }
    let (page, certain) = match (response.status, location) {
        (LOGIN_REQUIRED, page) => (page, true),
        // Behind a step for which no page can be the reason, the page is the deployment's.
        _ if !is_before_http => return None,
        // A redirect to another host and the certificate of another one: that is not the deployment.
        (300..=399, Some(page)) if asked.join(page.unquoted()).is_some_and(is_elsewhere) => {
            (Some(page), at == Step::Certificate || face.is_some())
        }
        (200, _) => (None, false),
        _ => return None,
    };
    let page = page.and_then(|page| Origin::of_reference(&asked, page));
    let cause = NetworkCause::CaptivePortal { page };
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
