//! What speaks, by its first bytes.

use super::proxy_protocol;
use crate::model::facts::{FirstBytes, ServerText};

/// The magic cookie: bytes 4 to 7 of each STUN message, after type and length (RFC 8489 §5).
pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Names the protocol that `bytes`, the beginning of an answer, belong to. `bytes` is not empty.
pub fn recognise(bytes: &[u8]) -> FirstBytes {
    if bytes.starts_with(b"HTTP/1.") {
        FirstBytes::Http(first_line(bytes))
    } else if bytes.starts_with(b"SSH-") {
        FirstBytes::Ssh(first_line(bytes))
    } else if bytes.starts_with(b"PROXY ") || bytes.starts_with(&proxy_protocol::SIGNATURE) {
        FirstBytes::ProxyProtocol
    } else if is_stun(bytes) {
        FirstBytes::Stun
    } else if is_tls(bytes) {
        FirstBytes::Tls
    } else if is_rtmp(bytes) {
        FirstBytes::Rtmp
    } else if is_text(bytes) {
        FirstBytes::Text(first_line(bytes))
    } else {
        FirstBytes::Binary(hexadecimal(bytes))
    }
}

fn first_line(bytes: &[u8]) -> ServerText {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    ServerText::from_bytes(&bytes[..end])
}

/// Two zero bits, a length that is a multiple of 4, the cookie (RFC 8489 §5).
fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes[0] & 0xc0 == 0 && bytes[3] & 3 == 0 && bytes[4..8] == MAGIC_COOKIE
}

/// The content types 20 to 23 and a version SSL 3.0 to TLS 1.3 (RFC 8446 §5.1).
pub fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23, 3, 0..=4, ..])
}

/// Version 3 and the beginning of S1: a time and four bytes more (RTMP specification §5.2).
fn is_rtmp(bytes: &[u8]) -> bool {
    // RDP (TPKT, RFC 1006 §6) begins with 3 too, and then says how long it is.
    let is_tpkt = bytes.len() >= 4
        && bytes[1] == 0
        && usize::from(u16::from_be_bytes([bytes[2], bytes[3]])) == bytes.len();
    bytes.len() >= 9 && bytes[0] == 3 && !is_tpkt
}

fn is_text(bytes: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    bytes.iter().all(printable)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_apart_by_their_first_bytes() {
        let text = ServerText::new;
        let binding_success =
            [0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let cases: [(&[u8], FirstBytes); 10] = [
            (
                b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n",
                FirstBytes::Http(text("HTTP/1.1 400 Bad Request")),
            ),
            (b"SSH-2.0-OpenSSH_9.6\r\n", FirstBytes::Ssh(text("SSH-2.0-OpenSSH_9.6"))),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", FirstBytes::ProxyProtocol),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", FirstBytes::ProxyProtocol),
            (&binding_success, FirstBytes::Stun),
            (&[0x15, 3, 3, 0, 2, 2, 80], FirstBytes::Tls),
            (&[3, 0, 0, 0, 5, 0, 0, 0, 0, 0xa7, 0x31], FirstBytes::Rtmp),
            (b"220 mail.example.io ESMTP\r\n", FirstBytes::Text(text("220 mail.example.io ESMTP"))),
            // RDP's answer: TPKT, 11 bytes.
            (
                &[3, 0, 0, 11, 6, 0xd0, 0, 0, 0x12, 0x34, 0],
                FirstBytes::Binary("0300000b06d00000123400".into()),
            ),
            (&[0xff], FirstBytes::Binary("ff".into())),
        ];
        for (bytes, expected) in cases {
            assert_eq!(recognise(bytes), expected);
        }
    }

    #[test]
    fn a_line_without_an_end_is_cut_to_200_characters() {
        let endless = vec![b'a'; 5_000];
        let FirstBytes::Text(text) = recognise(&endless) else {
            panic!("letters are text");
        };
        assert_eq!(text.unquoted().len(), 200);
    }
}
