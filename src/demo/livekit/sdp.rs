//! The few lines of SDP and of candidates that matter here (RFC 8839).

use std::net::SocketAddr;

use super::ice::Agent;

/// What an offer says of its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Offered {
    pub ufrag: String,
    pub pwd: String,
    mid: String,
}

/// Reads an offer; `None`: it lacks what ICE needs.
pub fn read_offer(sdp: &str) -> Option<Offered> {
    let value = |name: &str| {
        let mut lines = sdp.lines();
        let found = lines.find_map(|line| line.trim_end().strip_prefix(name));
        found.map(str::to_owned)
    };
    Some(Offered {
        ufrag: value("a=ice-ufrag:").filter(|ufrag| ufrag.len() >= 4)?,
        pwd: value("a=ice-pwd:").filter(|pwd| pwd.len() >= 22)?,
        mid: value("a=mid:").unwrap_or_else(|| "0".to_owned()),
    })
}

/// The answer to an offer. As LiveKit's it names no candidate.
pub fn answer(offered: &Offered, agent: &Agent) -> String {
    description("active", &offered.mid, agent)
}

/// The offer of the connection in which the server sends.
pub fn offer(agent: &Agent) -> String {
    description("actpass", "0", agent)
}

fn description(setup: &str, mid: &str, agent: &Agent) -> String {
    let (ufrag, pwd, fingerprint) = (&agent.ufrag, &agent.pwd, agent.fingerprint());
    let lines = [
        "v=0".to_owned(),
        "o=- 4611731400430051336 2 IN IP4 0.0.0.0".to_owned(),
        "s=-".to_owned(),
        "t=0 0".to_owned(),
        format!("a=fingerprint:sha-256 {fingerprint}"),
        format!("a=group:BUNDLE {mid}"),
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel".to_owned(),
        "c=IN IP4 0.0.0.0".to_owned(),
        format!("a=setup:{setup}"),
        format!("a=mid:{mid}"),
        "a=sendrecv".to_owned(),
        "a=sctp-port:5000".to_owned(),
        "a=max-message-size:65535".to_owned(),
        format!("a=ice-ufrag:{ufrag}"),
        format!("a=ice-pwd:{pwd}"),
    ];
    lines.map(|line| line + "\r\n").concat()
}

/// A candidate over UDP in LiveKit's JSON.
pub fn udp_candidate(place: SocketAddr, ufrag: &str) -> String {
    let (ip, port) = (place.ip(), place.port());
    candidate_init(&format!(
        "candidate:2586111761 1 udp 2130706431 {ip} {port} typ host ufrag {ufrag}"
    ))
}

/// A candidate that waits for TCP connections, in LiveKit's JSON.
pub fn tcp_candidate(place: SocketAddr, ufrag: &str) -> String {
    let (ip, port) = (place.ip(), place.port());
    candidate_init(&format!(
        "candidate:1090226861 1 tcp 1671430143 {ip} {port} typ host tcptype passive ufrag {ufrag}"
    ))
}

fn candidate_init(candidate: &str) -> String {
    serde_json::json!({
        "candidate": candidate,
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": null,
    })
    .to_string()
}

/// Where a candidate of the client is: UDP, with an address; `None` for every other one.
pub fn read_candidate(init: &str) -> Option<SocketAddr> {
    let init: serde_json::Value = serde_json::from_str(init).ok()?;
    let mut words = init.get("candidate")?.as_str()?.split_ascii_whitespace();
    let mut next = || words.next();
    let (_foundation, _component) = (next()?, next()?);
    let transport = next()?;
    let _priority = next()?;
    let (address, port) = (next()?.parse().ok()?, next()?.parse().ok()?);
    transport.eq_ignore_ascii_case("udp").then(|| SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_without_what_ice_needs_is_none() {
        let whole = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=mid:data\r\n";
        let offered = read_offer(whole).unwrap();
        assert_eq!((offered.ufrag.as_str(), offered.mid.as_str()), ("abcd", "data"));
        assert!(read_offer("v=0\r\na=ice-ufrag:abcd\r\n").is_none());
        assert!(read_offer(&whole.replace("abcd", "abc")).is_none());
    }

    #[test]
    fn candidates_are_read_as_they_are_written() {
        let place: SocketAddr = "203.0.113.20:50905".parse().unwrap();
        assert_eq!(read_candidate(&udp_candidate(place, "x")), Some(place));
        assert_eq!(read_candidate(&tcp_candidate(place, "x")), None);
        let name = udp_candidate(place, "x").replace("203.0.113.20", "b7c1.local");
        assert_eq!(read_candidate(&name), None);
        assert_eq!(read_candidate("{}"), None);
    }
}
