//! WebRTC over TCP before a session: STUN with its length before it (RFC 4571 §2, RFC 6544 §3).
//!
//! A multiplexer of sessions (pion's, which is LiveKit's) hangs up on a Binding request that names
//! no session, and keeps one that names a session it may yet learn of.

use super::stranger;
use crate::model::facts::ServiceAnswer;
use crate::proto::stun::Request;

/// A Binding request without USERNAME.
pub fn nameless(id: [u8; 12]) -> Vec<u8> {
    framed(&Request::binding(id))
}

/// A Binding request with a USERNAME that nobody has: `remote:local` fragments of ICE (RFC 8445
/// §7.2.2). `random` makes them our own: a multiplexer keeps all connections of one name together,
/// and hangs up on them together, 30 s after the first.
pub fn named(id: [u8; 12], random: u32) -> Vec<u8> {
    let user = format!("ov{random:08x}:ovcheck");
    framed(&Request::binding_for(id, &user))
}

/// Reads what came so far: a stranger's words, as none of these packets is answered. `received` is
/// not empty.
pub fn read(received: &[u8]) -> Option<ServiceAnswer> {
    stranger(received)
}

fn framed(request: &Request) -> Vec<u8> {
    let message = request.bytes();
    let length = u16::try_from(message.len()).expect("our requests are shorter than 65,536 bytes");
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(message);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nameless_binding_is_a_header_behind_its_length() {
        let packet = nameless(*b"ovcheck-test");
        assert_eq!(packet[..10], [0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(packet[10..], *b"ovcheck-test");
    }

    #[test]
    fn a_named_one_has_a_username_and_nothing_else() {
        let packet = named(*b"ovcheck-test", 0x0123_abcd);
        assert_eq!(packet[..6], [0, 44, 0, 1, 0, 24]);
        assert_eq!(packet[22..26], [0, 6, 0, 18]);
        assert_eq!(packet[26..], *b"ov0123abcd:ovcheck\0\0");
    }
}
