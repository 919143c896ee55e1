//! A certificate of the TURN domain that was not renewed, and what plain HTTP does with a challenge.

use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::{HttpPath, ProbeSpec};

use crate::support::facts::redirect;
use crate::world::{PROXY, World, response, valid};
use crate::{certificate, observed_at};

const RULE: &str = "http/acme-path-not-redirected";

/// With a certificate of the TURN domain that has this many days left, and this answer to a
/// challenge.
fn due(days: i64, answer: HttpAnswer) -> World {
    challenged(days, Connect::Accepted, Some(answer))
}

fn challenged(days: i64, connect: Connect, answer: Option<HttpAnswer>) -> World {
    let certificate = certificate("turn.example.io", 443, move |chain| valid(chain, -80, days));
    certificate.but(move |spec| match spec {
        ProbeSpec::Http { path: HttpPath::AcmeChallenge, .. } => {
            Some(Outcome::Saw(Facts::Http(HttpFacts {
                connect: connect.clone(),
                dialled: None,
                path: "/.well-known/acme-challenge/x".into(),
                answer: answer.clone(),
            })))
        }
        _ => None,
    })
}

/// 301 to there.
fn sent_on(to: &str) -> HttpAnswer {
    redirect(to)
}

const BACK: &str = "https://turn.example.io/.well-known/acme-challenge/x";

/// Every situation by name, with the rules that it breaks.
pub fn situations() -> Vec<(&'static str, World, Vec<&'static str>)> {
    vec![
        (
            "certificate of the TURN domain due, its challenge redirected",
            due(9, sent_on(BACK)),
            vec![RULE, "tls/expires-later-than"],
        ),
        (
            "certificate of the TURN domain expired, its challenge redirected",
            due(-1, sent_on(BACK)),
            vec![RULE, "tls/not-expired"],
        ),
        (
            "certificate of the TURN domain due, its challenge answered",
            due(9, response(404, "")),
            vec!["tls/expires-later-than"],
        ),
    ]
}

#[test]
fn a_redirect_of_challenges_is_told_only_where_a_renewal_is_due() {
    let cases = [
        (
            due(60, sent_on(BACK)),
            "not applicable",
            "no renewal is due: the certificate is valid for 60 more days",
        ),
        (
            due(9, sent_on(BACK)),
            "fail, proven",
            "ACME challenges are redirected to a place without a web server\n301 to \
             \"https://turn.example.io/.well-known/acme-challenge/x\", where the TURN server answers",
        ),
        (
            due(9, sent_on("https://turn.example.io:443/x")),
            "fail, proven",
            "ACME challenges are redirected to a place without a web server\n301 to \
             \"https://turn.example.io:443/x\", where the TURN server answers",
        ),
        // A web server of somebody who answers for it.
        (
            due(9, sent_on("https://turn.example.io.example.net/x")),
            "pass, uncontradicted",
            "an ACME challenge is redirected to \"https://turn.example.io.example.net/x\"",
        ),
        (
            due(9, response(404, "")),
            "pass, uncontradicted",
            "an ACME challenge is answered without a redirect: HTTP 404",
        ),
        (
            challenged(9, Connect::Silent, None),
            "not applicable",
            "certificates cannot be renewed over plain HTTP: no answer",
        ),
    ];
    for (world, verdict, expected) in cases {
        let (observed, ended) = observed_at(PROXY, &world, RULE);
        assert_eq!(ended, verdict, "{observed}");
        assert!(observed.starts_with(expected), "{observed}");
    }
}
