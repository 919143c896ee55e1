//! Somebody on the way who opens TLS and closes it again with a certificate of his own.

use super::{Call, certificate};
use crate::model::call::{Cause, NetworkCause, State, Step, WaySummary};
use crate::model::facts::{ChainFacts, Handshake, ServerText, Trust, Way};

/// Words in the names of issuers by which products that open TLS sign.
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

/// The inspection that stops a join or a relay over TLS, if one does.
pub(super) fn cause(call: &Call<'_>, join: &State, ways: &[WaySummary]) -> Option<Cause> {
    let facts = call.seen.ok()?;
    let turns = ways.iter().find(|way| way.way == Way::Turns)?;
    let of_join = facts.signal.handshake.as_ref();
    let of_join = of_join.map(|handshake| (call.spec.host.to_string(), handshake, join));
    let of_relays = facts.relays.iter().filter_map(|relay| {
        let parts = facts.session.as_ref()?.ice_servers.get(relay.url)?.parts.as_ref()?;
        Some((parts.host.clone(), relay.handshake.as_ref()?, &turns.state))
    });
    of_join
        .into_iter()
        .chain(of_relays)
        .find_map(|(host, handshake, state)| of_handshake(host, handshake, state))
}

fn of_handshake(host: String, handshake: &Handshake, state: &State) -> Option<Cause> {
    let chain = certificate::chain(handshake)?;
    let issuer = issuer(chain)?;
    let name = issuer.as_str().to_lowercase();
    let is_product = PRODUCTS.iter().any(|product| name.contains(product));
    let stopped_at = match state {
        State::Stops(stop) => Some(stop.at),
        State::Works { .. } | State::NotOffered | State::Unknown { .. } => None,
    }?;
    let shown_by = match chain.trust {
        _ if is_product => "products that open TLS issue certificates by that name",
        Trust::UnknownIssuer if chain.name_matches => "this machine knows no such issuer",
        // Trusted here, and what came behind the handshake was not understood.
        Trust::Verified if chain.private_root && stopped_at >= Step::Join => {
            "this machine trusts that issuer, and browsers elsewhere do not; TLS completes, and \
             what comes behind it is not the server's"
        }
        Trust::Verified
        | Trust::SelfSigned
        | Trust::IntermediateMissing
        | Trust::UnknownIssuer
        | Trust::Invalid(_) => return None,
    };
    Some(Cause {
        cause: NetworkCause::TlsInspection { host, issuer },
        certain: is_product,
        shown_by: shown_by.to_owned(),
    })
}

/// Who issued the last certificate of the chain.
fn issuer(chain: &ChainFacts) -> Option<ServerText> {
    chain.certificates.last().map(|last| last.issuer.clone())
}
