//! Rules about plain HTTP and LiveKit's HTTP API, in words.

use super::{Statement, facts};
use crate::model::face::{Intention, Ownership};
use crate::model::facts::{AuthChallenge, LivekitReply};
use crate::model::probe::ApiRequest;
use crate::model::seen::{Destination, HttpSeen, Speaker, Spoken};
use crate::output::quote::quoted;

pub(super) fn statement(seen: &HttpSeen) -> Statement {
    const UPGRADES_LOST: &str = "WebSocket upgrades do not reach LiveKit";
    match seen {
        HttpSeen::RedirectsToHttps { status } => {
            Statement::new(format!("redirects to the same URL on https ({status})"))
        }
        HttpSeen::RedirectsToOtherPath { status } => Statement::new(format!(
            "redirects to https on the same name, to another path ({status})"
        )),
        HttpSeen::TemporaryRedirect { status } => Statement::new(format!(
            "redirects to https only temporarily ({status}), so browsers ask over plain HTTP again \
             each time"
        )),
        HttpSeen::RedirectsToItself { status } => Statement::new(format!(
            "redirects to the same URL over and over ({status}): browsers give up"
        )),
        HttpSeen::RedirectsElsewhere { status, location } => Statement::new(format!(
            "redirects to {} ({status}) instead of the same URL on https",
            quoted(location)
        )),
        HttpSeen::NoLocation { status } => {
            Statement::new(format!("answers {status} without a Location header"))
        }
        HttpSeen::NoRedirect(response) => {
            Statement::new(format!("no redirect: {}", facts::http_response(response)))
        }
        HttpSeen::NoRenewalDue { days } => Statement::new(format!(
            "no renewal is due: the certificate is valid for {days} more days"
        )),
        HttpSeen::NoChallengeConnection(met) => Statement::new(format!(
            "certificates cannot be renewed over plain HTTP: {}",
            facts::connect(met)
        )),
        HttpSeen::NoChallengeResponse(answer) => Statement::new(format!(
            "certificates cannot be renewed over plain HTTP: {}",
            facts::http(answer)
        )),
        HttpSeen::ChallengeAnswered(response) => Statement::new(format!(
            "an ACME challenge is answered without a redirect: {}",
            facts::http_response(response)
        )),
        HttpSeen::ChallengeRedirected { location } => {
            Statement::new(format!("an ACME challenge is redirected to {}", quoted(location)))
        }
        HttpSeen::ChallengeMeetsTurn { status, location } => {
            Statement::new("ACME challenges are redirected to a place without a web server")
                .detail(format!("{status} to {}, where the TURN server answers", quoted(location)))
        }
        HttpSeen::Livekit(reply) => Statement::new(livekit(*reply)),
        HttpSeen::Spoken(spoken) => self::spoken(spoken),
        HttpSeen::BodyUnread(response) => {
            Statement::new("whether LiveKit answers is not known: its words could not be read")
                .detail(facts::http_response(response))
        }
        HttpSeen::NotLivekit(answer) => {
            Statement::new("the answer is not one of LiveKit's API").detail(facts::http(answer))
        }
        HttpSeen::UpgradePasses => {
            Statement::new("LiveKit answers the upgrade and asks for a token")
        }
        HttpSeen::UpgradeHeadersLost => Statement::new(UPGRADES_LOST).detail(
            "LiveKit answers 404, as to a request without upgrade headers: Upgrade and Connection \
             are lost on the way, probably at the proxy",
        ),
        HttpSeen::AcceptAdded => Statement::new(
            "a header Sec-WebSocket-Accept is added to LiveKit's answers on the way",
        )
        .detail(
            "LiveKit refuses the upgrade, and the answer has a Sec-WebSocket-Accept that does not \
             match the key of the request",
        ),
        HttpSeen::UpgradeBeheaded(first) => {
            Statement::new("LiveKit's answer to a WebSocket upgrade arrives without its head")
                .detail(format!(
                    "the answer is {}: its status and headers were taken off on the way",
                    facts::first_bytes(first)
                ))
        }
        HttpSeen::UpgradeRefused(response) => {
            Statement::new(UPGRADES_LOST).detail(facts::http_response(response))
        }
        HttpSeen::PostAltered => Statement::new("POST requests do not reach LiveKit unchanged")
            .detail("404 \"bad_route\": on the way the request loses its method or its path"),
        HttpSeen::NoDate => Statement::new("the response has no Date header"),
        HttpSeen::ClocksAgree => Statement::new("the clocks agree"),
        HttpSeen::ClockDiffers { ahead_s } => {
            let differs = facts::clock_is(*ahead_s);
            Statement::new(format!("the server's clock is {differs} this machine's"))
        }
    }
}

/// Somebody else answers in the place of LiveKit: what they want, and who it is.
fn spoken(spoken: &Spoken) -> Statement {
    let met = format!("{}: {}", spoken.asked, facts::http_response(&spoken.answer));
    let mut statement = Statement::new(intention(spoken)).detail(met);
    let passes: Vec<String> = spoken.passes.iter().map(ApiRequest::to_string).collect();
    if !passes.is_empty() {
        let line = format!("LiveKit answers on the same name: {}", passes.join(", "));
        statement = statement.detail(line);
    }
    match &spoken.speaker {
        None => statement,
        Some(Speaker { who, whose, means, .. }) => {
            let whose = whose_is(*whose);
            statement.detail(format!("{who} answers like this: {means}; {whose}"))
        }
    }
}

/// Whose what answers is, and what follows from that.
pub(in crate::output) fn whose_is(whose: Ownership) -> &'static str {
    match whose {
        Ownership::Proxy => "ask the administrator of the proxy",
        Ownership::Backend => "the proxy passes the request on to it",
        Ownership::Front => "it is in front of the proxy: ask its administrator",
        Ownership::Network => {
            "it may belong to the network of this machine: compare from another network"
        }
    }
}

fn intention(spoken: &Spoken) -> String {
    let answer = &spoken.answer;
    let status = answer.status;
    let who = who(spoken);
    match spoken.says {
        Intention::SentElsewhere => match &spoken.to {
            Some(Destination::Itself) => "sent to the same URL over and over: something behind \
                 the proxy takes the request for plain HTTP"
                .to_owned(),
            Some(Destination::Path(path)) => {
                format!("sent on to another path ({}) instead of LiveKit", quoted(path))
            }
            Some(Destination::Login(place)) => {
                format!("sent on to {}: a login stands before the API", quoted(place))
            }
            Some(Destination::Place(place)) => {
                format!("sent on to {} instead of LiveKit", quoted(place))
            }
            None => format!("{who} wants a login before the API"),
        },
        Intention::PasswordAsked => {
            let challenge = answer.marks.challenge.as_ref().map(challenge);
            format!("{who} asks for a password before LiveKit{}", challenge.unwrap_or_default())
        }
        Intention::ClientCertificate => format!("{who} demands a client certificate"),
        Intention::Refused => format!("{who} refuses the request on purpose (HTTP {status})"),
        Intention::WrongProtocol => match &spoken.speaker {
            Some(speaker) if speaker.whose != Ownership::Backend => {
                format!("{who} receives something other than HTTP")
            }
            Some(_) | None => "the proxy sends plain HTTP to a port that expects TLS".to_owned(),
        },
        Intention::WrongHost if status == 421 => {
            format!("{who} serves another name than the one that it receives (HTTP 421)")
        }
        Intention::WrongHost => "an empty answer: the server behind the proxy probably does not \
             know the host name that it receives"
            .to_owned(),
        Intention::NotNow => {
            let until = answer.marks.retry_after.as_ref();
            let until =
                until.map_or_else(String::new, |until| format!(", Retry-After: {}", quoted(until)));
            format!("{who} does not serve the API at this time (HTTP {status}{until})")
        }
        Intention::NothingBehind => format!("{who} gets no answer from behind it"),
        Intention::OtherSite => format!("{who} answers instead of LiveKit's API"),
    }
}

/// Who answers, as far as it is known.
fn who(spoken: &Spoken) -> String {
    let known = spoken.speaker.as_ref().map(|speaker| speaker.who.clone());
    let named = || spoken.answer.server.as_ref().map(quoted);
    known.or_else(named).unwrap_or_else(|| "something in front of LiveKit".to_owned())
}

fn challenge(challenge: &AuthChallenge) -> String {
    let realm = challenge.realm.as_ref();
    let realm = realm.map_or_else(String::new, |realm| format!(" realm={}", quoted(realm)));
    format!(" (WWW-Authenticate: {}{realm}, which LiveKit never sends)", quoted(&challenge.scheme))
}

fn livekit(reply: LivekitReply) -> &'static str {
    match reply {
        LivekitReply::NoPermissions => "LiveKit answers 401 \"no permissions to access the room\"",
        LivekitReply::InvalidToken => "LiveKit answers 401 \"invalid authorization token\"",
        LivekitReply::Unauthenticated => "LiveKit answers 401 \"unauthenticated\"",
        LivekitReply::BadRoute => "LiveKit answers 404 \"bad_route\"",
        LivekitReply::Healthy => "LiveKit answers 200 \"OK\"",
    }
}
