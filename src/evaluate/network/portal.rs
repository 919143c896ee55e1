//! A page that wants a login first, where the deployment should answer.

use super::Call;
use crate::model::call::{Cause, NetworkCause, State, Step};
use crate::model::facts::{FirstBytes, Handshake, HttpAnswer, HttpResponse, ServerText};

/// Network Authentication Required (RFC 6585 §6).
const LOGIN_REQUIRED: u16 = 511;

/// The portal that stops the join, if one does.
pub(super) fn cause(call: &Call<'_>, join: &State) -> Option<Cause> {
    let State::Stops(stop) = join else {
        return None;
    };
    let mut answers = call.plain_http().filter_map(|facts| match &facts.answer {
        Some(HttpAnswer::Response(response)) => Some(response),
        Some(_) | None => None,
    });
    let cause = |page: Option<ServerText>, certain, shown_by| Cause {
        cause: NetworkCause::CaptivePortal { page },
        certain,
        shown_by,
    };
    let host = call.spec.host.as_str();
    let of_response = |response: &HttpResponse| {
        let location = response.location.clone();
        let status = response.status;
        if status == LOGIN_REQUIRED {
            let words = format!("http://{host}/ is answered with 511, \"login required\"");
            return Some(cause(location, true, words));
        }
        // Behind a step that no page can stand for, the page is the deployment's.
        if !(Step::Dns..=Step::Certificate).contains(&stop.at) {
            return None;
        }
        if let (300..=399, Some(location)) = (status, &location) {
            let elsewhere =
                host_of(location.as_str()).filter(|to| !to.eq_ignore_ascii_case(host))?;
            let words = format!(
                "http://{host}/ leads to {elsewhere} ({status}), and not to https://{host}/"
            );
            // Who shows another one's certificate for the name, too, is not the deployment.
            let certain = stop.at == Step::Certificate;
            return Some(cause(Some(location.clone()), certain, words));
        }
        (status == 200).then(|| {
            let words = format!("http://{host}/ is answered with a page (200), and not with the way to https://{host}/");
            cause(None, false, words)
        })
    };
    answers.find_map(of_response).or_else(|| {
        let handshake = call.seen.ok()?.signal.handshake.as_ref()?;
        match handshake {
            Handshake::NotTls(FirstBytes::Http(line)) => {
                let words = format!("plain HTTP answers at {host}:{} (\"{line}\")", call.spec.port);
                Some(cause(None, false, words))
            }
            Handshake::Completed(_)
            | Handshake::Alert { .. }
            | Handshake::NotTls(_)
            | Handshake::Closed
            | Handshake::Reset
            | Handshake::Silent
            | Handshake::Broken(_) => None,
        }
    })
}

/// The host of an absolute URL.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit('@').next()?;
    let host = if place.starts_with('[') {
        place.split_inclusive(']').next()?
    } else {
        place.split(':').next()?
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_found() {
        let table = [
            ("http://login.example.net/x?y", Some("login.example.net")),
            ("https://u@login.example.net:8443/", Some("login.example.net")),
            ("http://[2001:db8::1]:80/", Some("[2001:db8::1]")),
            ("/login", None),
            ("http:///", None),
        ];
        for (url, expected) in table {
            assert_eq!(host_of(url), expected, "{url}");
        }
    }
}
