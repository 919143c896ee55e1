//! Somebody else answers in the place of LiveKit: who it is, and what they want by it.

use super::judgement::Judgement;
use super::view::View;
use crate::model::face::{Face, Intention, Ownership};
use crate::model::facts::{Handshake, HttpResponse, PageKind, ServerText};
use crate::model::observation::Outcome;
use crate::model::probe::{ApiRequest, ProbeSpec};
use crate::model::reason::ReasonCode;
use crate::model::seen::{Destination, HttpSeen, Speaker, Spoken};
use crate::model::url::Url;

/// Words in the URLs of logins.
const LOGINS: &[&str] = &[
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "oauth",
    "openid",
    "saml",
    "sso",
    "//auth.",
    "//accounts.",
    "//id.",
    "/auth/",
    "rd=",
    "redirect_uri=",
    "returnurl=",
    "return_to=",
];

/// The violation that an answer tells which is not LiveKit's; `None` where it does not tell what
/// somebody wants by it.
pub(super) fn violation(view: &View<'_>, response: &HttpResponse) -> Option<Judgement> {
    let asked = request_of(view)?;
    let face = view.case.ruleset.face_of(response);
    let says = face.map_or_else(|| intention(response), |face| Some(face.says))?;
    // A proxy that gets no answer itself is a matter of what is behind it, unless somebody else
    // stands in front.
    let is_gateway = response.is_of_gateway();
    let has_own_remedy = face.is_some_and(|face| !face.remedy.is_empty());
    if says == Intention::NothingBehind && is_gateway && !has_own_remedy {
        return None;
    }
    let passes = passing(view);
    let is_proven = is_proven(view, says, face, response, &passes);
    let spoken = Spoken {
        says,
        answer: response.essence(),
        asked,
        passes,
        to: destination(view, asked, response),
        speaker: face.map(speaker),
    };
    let seen = HttpSeen::Spoken(Box::new(spoken));
    let reason = reason(says);
    Some(if is_proven { Judgement::fail(reason, seen) } else { Judgement::suspected(reason, seen) })
}

/// A face as what was seen names it.
pub(super) fn speaker(face: &Face) -> Speaker {
    let Face { id, who, whose, means, .. } = face;
    Speaker { face: id.clone(), who: who.clone(), whose: *whose, means: means.clone() }
}

/// The reason for which an answer with this intention is not LiveKit's.
pub(super) fn reason(says: Intention) -> ReasonCode {
    match says {
        Intention::SentElsewhere => ReasonCode::SentElsewhere,
        Intention::PasswordAsked => ReasonCode::PasswordAsked,
        Intention::ClientCertificate => ReasonCode::CertificateAsked,
        Intention::Refused => ReasonCode::RequestRefused,
        Intention::WrongProtocol => ReasonCode::ProtocolMixedUp,
        Intention::WrongHost => ReasonCode::HostUnknown,
        Intention::NotNow => ReasonCode::NotNow,
        Intention::NothingBehind => ReasonCode::BackendDown,
        Intention::OtherSite => ReasonCode::HttpStatus,
    }
}

/// What an answer says of which the speaker is not known.
fn intention(response: &HttpResponse) -> Option<Intention> {
    let page = response.page.as_deref().filter(|page| page.kind == PageKind::Html);
    Some(match response.status {
        300..=399 if response.location.is_some() => Intention::SentElsewhere,
        401 | 407 => Intention::PasswordAsked,
        403 | 405 | 406 | 413 | 451 => Intention::Refused,
        421 => Intention::WrongHost,
        200 if response.is_empty() => Intention::WrongHost,
        429 => Intention::NotNow,
        503 if response.marks.retry_after.is_some() => Intention::NotNow,
        200..=299 | 404 | 410 if page.is_some() => Intention::OtherSite,
        _ => return None,
    })
}

/// Whether nothing but what was said can be meant, and everybody is told the same.
fn is_proven(
    view: &View<'_>,
    says: Intention,
    face: Option<&Face>,
    response: &HttpResponse,
    passes: &[ApiRequest],
) -> bool {
    // Somebody in our own network has no certificate for the name that is trusted everywhere.
    let is_of_network = face.is_some_and(|face| face.whose == Ownership::Network);
    if is_of_network && !is_trusted(view) {
        return false;
    }
    match says {
        Intention::SentElsewhere
        | Intention::ClientCertificate
        | Intention::WrongProtocol
        | Intention::NothingBehind
        | Intention::OtherSite => true,
        // LiveKit itself might learn to say 401 in other words, but it sends no challenge.
        Intention::PasswordAsked => response.marks.challenge.is_some() || face.is_some(),
        // Of several requests from the same machine one is refused: it is not about the machine.
        Intention::Refused => !passes.is_empty(),
        Intention::WrongHost => false,
        Intention::NotNow => response.status == 503,
    }
}

fn is_trusted(view: &View<'_>) -> bool {
    let facts = view.api().ok();
    let handshake = facts.and_then(|facts| facts.handshake.as_ref());
    matches!(handshake, Some(Handshake::Completed(session)) if session.is_trusted(view.case.now))
}

fn request_of(view: &View<'_>) -> Option<ApiRequest> {
    view.observations().find_map(|observation| match &observation.spec {
        ProbeSpec::Api { request, .. } => Some(*request),
        _ => None,
    })
}

/// The requests to the same place that LiveKit itself answered.
fn passing(view: &View<'_>) -> Vec<ApiRequest> {
    let target = &view.check.target;
    let of_place = view.case.observations.at_target(target.address).filter_map(|observation| {
        let ProbeSpec::Api { host, request, .. } = &observation.spec else {
            return None;
        };
        let is_there =
            Some(host) == target.host.as_ref() && observation.spec.address() == target.address;
        let Outcome::Saw(facts) = &observation.outcome else {
            return None;
        };
        let answer = facts.as_api()?.answer.as_ref()?;
        (is_there && answer.response()?.livekit_reply().is_some()).then_some(*request)
    });
    let mut passing: Vec<ApiRequest> = of_place.collect();
    passing.sort_unstable();
    passing.dedup();
    passing
}

fn destination(view: &View<'_>, asked: ApiRequest, response: &HttpResponse) -> Option<Destination> {
    let location = response.location.as_ref().filter(|_| (300..400).contains(&response.status))?;
    let host = view.check.target.host.as_ref()?;
    let from = Url::page("https", host.as_str(), asked.path());
    let Some(to) = from.join(location.unquoted()) else {
        return Some(Destination::Place(location.clone()));
    };
    let written = to.to_string().to_lowercase();
    let is_login = LOGINS.iter().any(|word| written.contains(word));
    Some(if to.host == from.host && to.path == from.path {
        Destination::Itself
    } else if is_login && to.host == from.host {
        Destination::Login(ServerText::new(&to.path))
    } else if is_login {
        Destination::Login(ServerText::new(&to.host))
    } else if to.is_same_origin(&from) {
        Destination::Path(ServerText::new(&to.path))
    } else {
        Destination::Place(ServerText::new(&to.origin()))
    })
}
