//! Rules about STUN and TURN, in words.

use std::net::IpAddr;

use super::{Statement, facts};
use crate::model::address::AddressKind;
use crate::model::edition::EditionSign;
use crate::model::facts::DatagramProtocol;
use crate::model::seen::TurnSeen;
use crate::output::quote::quoted;

/// Over which link a server sees requests come from an address that no other machine has.
fn over_which_link(mapped: IpAddr) -> &'static str {
    match AddressKind::from(mapped) {
        AddressKind::Loopback => "over loopback",
        AddressKind::LinkLocal => "from a link-local address",
        _ => "from an address that no machine can have",
    }
}

pub(super) fn statement(seen: &TurnSeen) -> Statement {
    match seen {
        TurnSeen::NoRequest => Statement::new("no request was sent"),
        TurnSeen::OtherProtocol { protocol, is_proxy } => other_protocol(protocol, *is_proxy),
        TurnSeen::HttpToStun { line, front } => {
            let front = front.as_ref().map_or_else(|| "an HTTP proxy".to_owned(), facts::front);
            Statement::new(format!("reaches {front}, not the TURN server"))
                .detail(format!("the answer to STUN is {}", quoted(line)))
        }
        TurnSeen::WebServer { is_livekit, response } => {
            let server = if *is_livekit { "the LiveKit API" } else { "a web server" };
            let response = facts::http_response(response);
            Statement::new(format!("reaches {server}, not the TURN server"))
                .detail(format!("no answer to STUN; the answer to GET / is {response}"))
        }
        TurnSeen::NotTurn(answer) => {
            Statement::new("the answer is not that of a TURN server").detail(facts::stun(answer))
        }
        TurnSeen::NothingOverUdp => Statement::new(
            "no STUN answer, but nothing else came back over UDP either; name a STUN server outside \
             with --stun-server",
        ),
        TurnSeen::SilentOverUdp => Statement::new(
            "no answer to any STUN request: a firewall blocks it, or no STUN server is running",
        ),
        TurnSeen::Challenges { realm } => Statement::new(format!(
            "the server asks for credentials (401, realm {})",
            quoted(realm)
        )),
        TurnSeen::OpenRelay => {
            Statement::new("the server grants a relay without credentials: an open relay")
        }
        TurnSeen::AllocateSilent => Statement::new(
            "the server answers STUN Binding but not Allocate: probably STUN without TURN",
        ),
        TurnSeen::MappedAddress(mapped) => Statement::new(format!("mapped address {mapped}")),
        TurnSeen::MappedToNoOtherMachine(mapped) => Statement::new(format!(
            "the mapped address is {mapped}: the proxy reaches the TURN server {}",
            over_which_link(*mapped)
        )),
        TurnSeen::NoMappedAddress => Statement::new("no mapped address"),
        TurnSeen::IdleKept { ms } => {
            Statement::new(format!("still answers after {} without traffic", facts::seconds(*ms)))
        }
        TurnSeen::IdleKeptSoFar { ms, demanded_s } => Statement::new(format!(
            "still answers after {} without traffic; --hold {demanded_s} waits long enough",
            facts::seconds(*ms)
        )),
        TurnSeen::IdleEndedLater { ms } => Statement::new(format!(
            "the connection ends only after {} without traffic",
            facts::seconds(*ms)
        )),
        TurnSeen::IdleCut { ms, by_reset, demanded_s } => {
            let how = if *by_reset { "reset" } else { "closed" };
            idle(&format!("is {how}"), *ms, *demanded_s)
        }
        TurnSeen::IdleForgotten { ms, demanded_s } => idle("stops working", *ms, *demanded_s)
            .detail(
                "no answer to a second STUN Binding: probably something on the path forgot the \
                 connection",
            ),
        TurnSeen::Unasked { ms } => Statement::new(format!(
            "the server sends bytes without being asked, {} after its last answer",
            facts::seconds(*ms)
        )),
        TurnSeen::NoNonce => Statement::new("the server sends no nonce"),
        TurnSeen::UnknownNonce { characters } => {
            Statement::new(format!("no known version sends a nonce of {characters} characters"))
        }
        TurnSeen::Nonce { characters, sign } => Statement::new(nonce(*characters, *sign)),
        TurnSeen::NonceOfOtherEdition { characters, sign, judged_by } => {
            Statement::new(nonce(*characters, *sign))
                .detail(format!("checked against the guide of OpenVidu {judged_by}"))
        }
    }
}

fn other_protocol(protocol: &DatagramProtocol, is_proxy: bool) -> Statement {
    let detail = format!("no answer to STUN, but one in {}", facts::datagram_protocol(protocol));
    match protocol {
        DatagramProtocol::Quic { .. } => {
            let whose = if is_proxy { "the proxy" } else { "a web server" };
            Statement::new(format!(
                "a QUIC server, probably HTTP/3 of {whose}, uses the port instead of the TURN server"
            ))
        }
        DatagramProtocol::Dtls { .. } => {
            Statement::new("a DTLS server uses the port instead of the TURN server")
        }
    }
    .detail(detail)
}

fn idle(end: &str, ms: u64, demanded_s: u16) -> Statement {
    let after = facts::seconds(ms);
    Statement::new(format!("an idle TURN connection {end} after {after}"))
        .detail(format!("the guide's proxy keeps it for {demanded_s} s"))
}

fn nonce(characters: usize, sign: EditionSign) -> String {
    let versions = match sign {
        EditionSign::OldNonce => "up to 3.4",
        EditionSign::NewNonce => "since 3.5",
    };
    format!("the TURN server's nonce has {characters} characters, as in OpenVidu {versions}")
}
