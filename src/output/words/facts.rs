//! Facts in words: what a connection, a handshake or a request met.

use crate::model::facts::{
    BodyEnd, Connect, DatagramProtocol, FirstBytes, Handshake, HttpAnswer, HttpResponse, PageKind,
    StunAnswer,
};
use crate::model::front::{FrontKind, HttpFront};
use crate::output::quote::quoted;

/// What speaks, by its first bytes.
pub fn first_bytes(first: &FirstBytes) -> String {
    match first {
        FirstBytes::Http(line) => format!("HTTP ({})", quoted(line)),
        FirstBytes::Tls => "a TLS record".to_owned(),
        FirstBytes::Rtmp => "an RTMP handshake".to_owned(),
        FirstBytes::Stun => "a STUN message".to_owned(),
        FirstBytes::Ssh(line) => format!("SSH ({})", quoted(line)),
        FirstBytes::ProxyProtocol => "a PROXY protocol header".to_owned(),
        FirstBytes::Text(text) => format!("text ({})", quoted(text)),
        FirstBytes::Binary(hex) => format!("unknown bytes ({hex})"),
    }
}

/// A web server that forwards HTTP only.
pub fn front(front: &HttpFront) -> String {
    let kind = match front.kind {
        FrontKind::ContentDeliveryNetwork => "a content delivery network",
        FrontKind::HttpLoadBalancer => "a load balancer for HTTP",
    };
    format!("{kind} (Server: {})", quoted(&front.server))
}

/// Milliseconds as a person reads them: `0.8 s`, `30 s`.
pub fn seconds(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    match tenths % 10 {
        0 => format!("{} s", tenths / 10),
        rest => format!("{}.{rest} s", tenths / 10),
    }
}

/// A number of seconds in the unit that a person would choose: `90 seconds`, `400 days`.
pub fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(31_557_600, "year"), (86_400, "day"), (3600, "hour"), (60, "minute")];
    // Two of a unit at least: of one, too little would be left after rounding.
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    let (length, word) = unit.copied().unwrap_or((1, "second"));
    let number = (seconds + length / 2) / length;
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

/// How far a clock is from another one: `400 days ahead of`.
pub fn clock_is(ahead_s: i64) -> String {
    let direction = if ahead_s > 0 { "ahead of" } else { "behind" };
    format!("{} {direction}", span(ahead_s.unsigned_abs()))
}

/// What a connection attempt met.
pub fn connect(connect: &Connect) -> String {
    match connect {
        Connect::Accepted => "the connection is accepted".to_owned(),
        Connect::Reset => "the connection is refused (RST)".to_owned(),
        Connect::Icmp(error) => format!("the connection is refused: {error}"),
        Connect::Silent => "no answer to connection attempts".to_owned(),
    }
}

/// How a handshake ended.
pub fn handshake(handshake: &Handshake) -> String {
    match handshake {
        Handshake::Completed(session) => format!("{} completes", session.version),
        Handshake::Alert { code, name } => {
            let alert = format!("the server refuses the handshake with the alert {name} ({code})");
            match alert_meaning(*code) {
                Some(meaning) => format!("{alert}: {meaning}"),
                None => alert,
            }
        }
        Handshake::NotTls(first) => {
            format!("the answer to a TLS ClientHello is {}, not TLS", first_bytes(first))
        }
        Handshake::Closed => {
            "the server accepts the connection and closes it during the TLS handshake".to_owned()
        }
        Handshake::Reset => {
            "the server accepts the connection and resets it during the TLS handshake".to_owned()
        }
        Handshake::Silent => {
            "the server accepts the connection but does not answer a ClientHello".to_owned()
        }
        Handshake::Broken(what) => {
            format!("the handshake breaks the TLS protocol ({})", quoted(what))
        }
    }
}

/// What a server means by an alert to a client that has no certificate of its own and breaks no
/// rule of TLS (RFC 8446 §6.2, RFC 5246 §7.2.2); `None`: nothing more than its name.
fn alert_meaning(code: u8) -> Option<&'static str> {
    Some(match code {
        20 | 21 | 51 => "the messages were changed on the way, or the server has a fault",
        40 => "client and server have no cipher, group or signature algorithm in common",
        41 | 42 | 116 => "it demands a client certificate",
        10 | 22 | 47 | 50 => "it cannot read the ClientHello, or something changed it on the way",
        43..=46 | 48 => "it refuses a client certificate, and none was sent",
        49 => "its rules forbid this client",
        70 => "it speaks neither TLS 1.2 nor TLS 1.3",
        71 => "it demands stronger ciphers than were offered",
        80 => "it has no certificate that it can read for this name, or another internal fault",
        112 => "it does not serve this name",
        120 => "it speaks none of the application protocols that were offered (ALPN)",
        _ => return None,
    })
}

/// What an HTTP request met.
pub fn http(answer: &HttpAnswer) -> String {
    match answer {
        HttpAnswer::Response(response) => http_response(response),
        HttpAnswer::Closed => "the connection ends without an answer".to_owned(),
        HttpAnswer::Reset => "the connection is reset without an answer".to_owned(),
        HttpAnswer::Silent => "no answer; the connection stays open".to_owned(),
        HttpAnswer::Unfinished { bytes } => {
            format!("an incomplete HTTP answer of {bytes} bytes")
        }
        HttpAnswer::NotHttp(first) => format!("the answer is {}, not HTTP", first_bytes(first)),
    }
}

/// Status, body and `Server` of an HTTP response, as far as they say something.
pub fn http_response(response: &HttpResponse) -> String {
    let server = response.server.as_ref();
    let server = server.map_or_else(String::new, |server| format!(" (Server: {})", quoted(server)));
    format!("HTTP {}{}{server}", response.status, http_body(response))
}

/// What is to be told about the body of a response, behind its status.
fn http_body(response: &HttpResponse) -> String {
    let body = &response.body;
    let is_redirect = (300..400).contains(&response.status);
    match (&response.page, response.body_end) {
        (_, BodyEnd::Packed) => {
            let encoding = response.marks.encoding.as_ref();
            let encoding = encoding.map_or_else(String::new, |name| format!(" ({})", quoted(name)));
            format!(", compressed in a way that ovcheck does not read{encoding}")
        }
        (_, BodyEnd::Unfinished) if body.is_blank() => {
            ", with a body that did not arrive in time".to_owned()
        }
        // Nobody reads the page of a redirect.
        (Some(_), _) if is_redirect => String::new(),
        (Some(page), _) => {
            let kind = match page.kind {
                PageKind::Html => "a page of HTML",
                PageKind::Xml => "XML",
            };
            let text = page.title.as_ref().unwrap_or(&page.words);
            match text.is_blank() {
                true => format!(", {kind}"),
                false => format!(", {kind}: {}", quoted(text)),
            }
        }
        (None, _) if !body.is_blank() => format!(" {}", quoted(body)),
        (None, _) if response.is_empty() && response.status == 200 => {
            ", with an empty body".to_owned()
        }
        (None, _) => String::new(),
    }
}

/// What a STUN request met.
pub fn stun(answer: &StunAnswer) -> String {
    match answer {
        StunAnswer::Success { mapped: Some(mapped) } => format!("success, mapped address {mapped}"),
        StunAnswer::Success { mapped: None } => "success without a mapped address".to_owned(),
        StunAnswer::Error { realm, nonce_bytes, .. } => {
            let realm = realm.as_ref().map(|realm| format!(", realm {}", quoted(realm)));
            let nonce = if nonce_bytes.is_none() { ", no nonce" } else { "" };
            format!("{}{}{nonce}", stun_refusal(answer), realm.unwrap_or_default())
        }
        StunAnswer::Silent => "no STUN answer".to_owned(),
        StunAnswer::Icmp(error) => error.to_string(),
        StunAnswer::Closed => "the connection ends without an answer".to_owned(),
        StunAnswer::Reset => "the connection is reset without an answer".to_owned(),
        StunAnswer::NotStun(first) => format!("the answer is {}, not STUN", first_bytes(first)),
        StunAnswer::Malformed(what) => format!("a malformed STUN answer ({})", quoted(what)),
        StunAnswer::Unrelated(first) => unrelated(first),
        StunAnswer::NotSigned { otherwise: true } => {
            "the answer is not signed with the password of this session".to_owned()
        }
        StunAnswer::NotSigned { otherwise: false } => "the answer is not signed".to_owned(),
    }
}

/// What comes from a UDP port, and holds nothing of what was asked there.
pub fn unrelated(first: &FirstBytes) -> String {
    format!(
        "{} comes from the port, but nothing in it shows that it answers ovcheck",
        first_bytes(first)
    )
}

/// A protocol over UDP that is not STUN.
pub fn datagram_protocol(protocol: &DatagramProtocol) -> String {
    let DatagramProtocol::Quic { versions } = protocol else {
        return "DTLS".to_owned();
    };
    let names: Vec<String> = versions.iter().map(|version| quic_version(*version)).collect();
    match names.as_slice() {
        [] => "QUIC".to_owned(),
        names => format!("QUIC ({})", names.join(", ")),
    }
}

/// RFC 9000 §15, RFC 9369 §3.1; drafts have their number in the last byte.
fn quic_version(version: u32) -> String {
    match version {
        1 => "version 1".to_owned(),
        0x6b33_43cf => "version 2".to_owned(),
        // Before it was a standard.
        0x709a_50c4 => "draft of version 2".to_owned(),
        _ if version >> 8 == 0x00ff_0000 => format!("draft {}", version & 0xff),
        _ => format!("version {version:#x}"),
    }
}

/// What a TURN server says when it refuses something: whether it challenges does not matter then.
pub fn stun_refusal(answer: &StunAnswer) -> String {
    match answer {
        StunAnswer::Error { code, reason, .. } if reason.is_blank() => {
            format!("error {code}")
        }
        StunAnswer::Error { code, reason, .. } => format!("error {code} {}", quoted(reason)),
        StunAnswer::Success { .. }
        | StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_)
        | StunAnswer::Unrelated(_)
        | StunAnswer::NotSigned { .. } => stun(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_a_person_would_choose() {
        let cases = [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes")];
        let longer = [(7_199, "120 minutes"), (7_200, "2 hours"), (34_560_001, "400 days")];
        for (number, words) in cases.into_iter().chain(longer) {
            assert_eq!(span(number), words);
        }
        assert_eq!([seconds(849), seconds(950), seconds(29_960)], ["0.8 s", "1 s", "30 s"]);
    }
}
