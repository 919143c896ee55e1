//! A device on the way that decrypts TLS, and shows a certificate of its own.

use super::super::call::{CallAttempt, is_alone};
use crate::model::call::{Cause, CauseSign, NetworkCause, Responsible, State, Step, WaySummary};
use crate::model::facts::{ChainFacts, Handshake, ServerText, Trust, Way};
use crate::model::seen::{CallSeen, JoinSeen, Speaker};

/// Words in the names by which products that inspect TLS issue certificates.
const PRODUCTS: &[&str] = &[
    "avast",
    "barracuda",
    "bitdefender",
    "blue coat",
    "bluecoat",
    "charles proxy",
    "check point",
    "checkpoint",
    "cisco umbrella",
    "contentkeeper",
    "eset ssl filter",
    "fiddler",
    "forcepoint",
    "fortigate",
    "fortinet",
    "iboss",
    "kaspersky",
    "lightspeed",
    "mcafee web gateway",
    "mitmproxy",
    "netskope",
    "opendns",
    "palo alto",
    "securly",
    "skyhigh",
    "smoothwall",
    "sonicwall",
    "sophos",
    "squid",
    "symantec web security",
    "trend micro",
    "untangle",
    "watchguard",
    "websense",
    "zscaler",
];

/// Whether products that inspect TLS issue certificates by this name.
pub(in super::super) fn is_issuer_of_inspection(issuer: &ServerText) -> bool {
    let name = issuer.unquoted().to_lowercase();
    PRODUCTS.iter().any(|product| name.contains(product))
}

/// The inspection that stops a join or a relay over TLS, if one does.
pub(super) fn cause(call: &CallAttempt<'_>, join: &State, ways: &[WaySummary]) -> Option<Cause> {
    let made = call.made()?;
    let turns = ways.iter().find(|way| way.way == Way::Turns)?;
    let of_join = made.facts.signal.handshake.as_ref();
    let of_join = of_join.map(|handshake| (call.spec.host.to_string(), handshake, join));
    let of_relays = made.facts.relays.iter().filter_map(|relay| {
        let parts = made.url(relay)?.parts.as_ref()?;
        Some((parts.host.clone(), relay.handshake.as_ref()?, &turns.state))
    });
    if let Some(product) = answering_product(join) {
        let (host, handshake, _) = of_join.as_ref()?;
        return Some(Cause {
            cause: NetworkCause::TlsInspection { host: host.clone(), issuer: issuer(handshake)? },
            certain: true,
            shown_by: CauseSign::ProductAnswers { who: product.who, means: product.means },
        });
    }
    of_join
        .into_iter()
        .chain(of_relays)
        .find_map(|(host, handshake, state)| of_handshake(host, handshake, state))
}

/// A product of this network that answers a join, behind TLS that only this computer trusts.
fn answering_product(join: &State) -> Option<Speaker> {
    let stop = join.stop().filter(|stop| stop.responsible == Responsible::ThisNetwork)?;
    match &stop.why {
        CallSeen::Join(JoinSeen::KnownSpeaker(known)) => Some(known.speaker.clone()),
        _ => None,
    }
}

fn issuer(handshake: &Handshake) -> Option<ServerText> {
    let Handshake::Completed(session) = handshake else {
        return None;
    };
    Some(session.certificate.as_ref()?.certificates.last()?.issuer.clone())
}

fn of_handshake(host: String, handshake: &Handshake, state: &State) -> Option<Cause> {
    let Handshake::Completed(session) = handshake else {
        return None;
    };
    let chain = session.certificate.as_ref()?;
    let issuer = chain.certificates.last()?.issuer.clone();
    let stopped_at = state.stop()?.at;
    let certain = chain.certificates.iter().any(|it| is_issuer_of_inspection(&it.issuer));
    let shown_by = match chain.trust {
        _ if certain => CauseSign::IssuerOfProduct,
        // A device on the path sends its own authority's certificate along, and gets none of a public
        // authority. A leaf alone is more likely a chain that the server does not send.
        Trust::UnknownIssuer if chain.name_matches && !is_alone(chain) && !is_public(chain) => {
            CauseSign::UnknownIssuer
        }
        // Trusted here, and what came behind the handshake was not understood.
        Trust::Verified if chain.private_root && stopped_at >= Step::Join => {
            CauseSign::TrustedHereOnly
        }
        Trust::Verified
        | Trust::SelfSigned
        | Trust::IntermediateMissing
        | Trust::UnknownIssuer
        | Trust::Invalid(_) => return None,
    };
    Some(Cause { cause: NetworkCause::TlsInspection { host, issuer }, certain, shown_by })
}

/// Whether the server's certificate is in public logs.
fn is_public(chain: &ChainFacts) -> bool {
    chain.certificates.first().is_some_and(|leaf| leaf.is_publicly_logged)
}
