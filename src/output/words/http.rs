//! Rules about plain HTTP and LiveKit's HTTP API, in words.

use super::{Statement, facts};
use crate::model::facts::LivekitReply;
use crate::model::seen::HttpSeen;

pub(super) fn statement(seen: &HttpSeen) -> Statement {
    const UPGRADES_LOST: &str = "WebSocket upgrades do not reach LiveKit";
    match seen {
        HttpSeen::RedirectsToHttps { status } => {
            Statement::new(format!("redirects to the same URL on https ({status})"))
        }
        HttpSeen::TemporaryRedirect { status } => Statement::new(format!(
            "redirects to the same URL on https only temporarily ({status}), so browsers ask over \
             plain HTTP again each time"
        )),
        HttpSeen::RedirectsElsewhere { status, location } => Statement::new(format!(
            "redirects to {location} ({status}) instead of the same URL on https"
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
            Statement::new(format!("an ACME challenge is redirected to {location}"))
        }
        HttpSeen::ChallengeMeetsTurn { status, location } => {
            Statement::new("ACME challenges are redirected to a place without a web server")
                .detail(format!("{status} to {location}, where the TURN server answers"))
        }
        HttpSeen::Livekit(reply) => Statement::new(livekit(*reply)),
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

fn livekit(reply: LivekitReply) -> &'static str {
    match reply {
        LivekitReply::NoPermissions => "LiveKit answers 401 \"no permissions to access the room\"",
        LivekitReply::Unauthenticated => "LiveKit answers 401 \"unauthenticated\"",
        LivekitReply::BadRoute => "LiveKit answers 404 \"bad_route\"",
        LivekitReply::Healthy => "LiveKit answers 200 \"OK\"",
    }
}
