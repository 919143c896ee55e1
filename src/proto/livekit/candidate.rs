//! ICE candidates as LiveKit's signalling carries them: a candidate line (RFC 8839 §5.1) in JSON.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::model::facts::{CandidateFacts, CandidatePlace, ServerText};
use crate::model::port::Transport;

/// The most bytes of a message that are looked at.
const LIMIT: usize = 4 * 1024;

/// RTCIceCandidateInit, as far as it says where.
#[derive(Deserialize)]
struct Init {
    candidate: String,
}

/// Reads one candidate out of its JSON; `None` where there is none in it, as at the end of
/// candidates (RFC 8838 §13). One that cannot be read is kept, without a place.
pub fn read(json: &str) -> Option<CandidateFacts> {
    let Some(Ok(init)) = (json.len() <= LIMIT).then(|| serde_json::from_str::<Init>(json)) else {
        let nothing_in_it = json.trim().is_empty();
        return (!nothing_in_it)
            .then(|| CandidateFacts { text: ServerText::new(json), place: None });
    };
    if init.candidate.is_empty() {
        return None;
    }
    Some(CandidateFacts {
        place: place(&init.candidate),
        text: ServerText::new(without_ufrag(&init.candidate)),
    })
}

/// Where a candidate line says that it is: `candidate:F C TRANSPORT PRIORITY ADDRESS PORT typ …`.
/// `None` when it is no candidate line, or has a name in place of an address (mDNS).
pub fn place(line: &str) -> Option<CandidatePlace> {
    let line = line.strip_prefix("a=").unwrap_or(line);
    let mut words = line.strip_prefix("candidate:")?.split_ascii_whitespace();
    let (_foundation, _component) = (words.next()?, words.next()?);
    let transport = match words.next()?.to_ascii_lowercase().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return None,
    };
    let _priority: u32 = words.next()?.parse().ok()?;
    let address = words.next()?.parse().ok()?;
    let port: u16 = words.next()?.parse().ok()?;
    (words.next()? == "typ" && port != 0)
        .then(|| CandidatePlace { transport, address: SocketAddr::new(address, port) })
}

/// The line without the session's user name fragment, which is of no use to a reader.
fn without_ufrag(line: &str) -> &str {
    line.split(" ufrag ").next().unwrap_or(line)
}

/// The JSON in which a host candidate of ours is offered.
pub fn offer(ours: SocketAddr, component: &str) -> String {
    let line = format!("candidate:1 1 udp 2130706431 {} {} typ host", ours.ip(), ours.port());
    serde_json::json!({
        "candidate": line,
        "sdpMid": component,
        "sdpMLineIndex": 0,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As livekit-server 1.13.5 sends it.
    const UDP: &str = r#"{"candidate":"candidate:2586111761 1 udp 2130706431 203.0.113.20 50905 typ host ufrag CgvFabcd","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}"#;

    #[test]
    fn livekits_candidates_are_read() {
        let udp = read(UDP).unwrap();
        assert_eq!(
            udp.place,
            Some(CandidatePlace {
                transport: Transport::Udp,
                address: "203.0.113.20:50905".parse().unwrap(),
            })
        );
        assert!(!udp.text.unquoted().contains("CgvF"));
        let tcp = "candidate:1 1 tcp 1671430143 2001:db8::20 7881 typ host tcptype passive";
        let address: SocketAddr = "[2001:db8::20]:7881".parse().unwrap();
        assert_eq!(place(tcp).unwrap().address, address);
    }

    #[test]
    fn what_is_no_candidate_is_kept_without_a_place() {
        for text in [
            "nonsense",
            r#"{"candidate":"candidate:1 1 udp 1 name.local 5 typ host"}"#,
            r#"{"candidate":"candidate:1 1 udp 1 203.0.113.20 0 typ host"}"#,
            r#"{"candidate":"candidate:1 1 sctp 1 203.0.113.20 5 typ host"}"#,
            r#"{"candidate":"candidate:1 1 udp 1 203.0.113.20 70000 typ host"}"#,
        ] {
            assert_eq!(read(text).unwrap().place, None, "{text}");
        }
        for end in ["", r#"{"candidate":""}"#] {
            assert_eq!(read(end), None);
        }
    }

    #[test]
    fn our_own_candidate_can_be_read_again() {
        for ours in ["198.51.100.7:20001", "[2001:db8::7]:20001"] {
            let ours: SocketAddr = ours.parse().unwrap();
            let place = read(&offer(ours, "0")).unwrap().place.unwrap();
            assert_eq!((place.address, place.transport), (ours, Transport::Udp));
        }
    }
}
