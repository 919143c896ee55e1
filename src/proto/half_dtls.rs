//! The beginning of a DTLS handshake (RFC 6347 §4.2.1): enough to show that packets which are not STUN
//! pass, without a certificate.
//!
//! Mostly the server is the client. Its ClientHello comes as soon as a pair is nominated. Our
//! HelloVerifyRequest makes it send another one, with our cookie: that one proves that both directions
//! pass. Where the server waits for us instead, whatever it says to our ClientHello proves the same.

use crate::model::facts::DtlsFacts;

/// How far it came.
#[derive(Debug, Clone)]
pub struct HalfDtls(Half);

#[derive(Debug, Clone)]
enum Half {
    /// We answer as a server would.
    OfServer { cookie: [u8; COOKIE], hello: bool, echoed: bool },
    /// We ask as a client does.
    OfClient { random: [u8; RANDOM], sent: u8, answered: bool },
}

const COOKIE: usize = 16;

/// The random bytes of a ClientHello.
const RANDOM: usize = 32;

/// Content type of a handshake record, and the two handshake types (RFC 6347 §4.3.2).
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Content type of an alert record: a server that does not like our offer has read it.
const ALERT: u8 = 21;

/// A record's header and a handshake message's.
const RECORD: usize = 13;
const MESSAGE: usize = 12;

impl HalfDtls {
    /// For a server that begins. `cookie` is random: who does not see it cannot repeat it.
    pub fn of_server(cookie: [u8; COOKIE]) -> Self {
        Self(Half::OfServer { cookie, hello: false, echoed: false })
    }

    /// For a server that waits for a ClientHello.
    pub fn of_client(random: [u8; RANDOM]) -> Self {
        Self(Half::OfClient { random, sent: 0, answered: false })
    }

    /// A ClientHello to send, or to send once more; `None`: the server begins, or has answered.
    pub fn hello(&mut self) -> Option<Vec<u8>> {
        match &mut self.0 {
            Half::OfServer { .. } | Half::OfClient { answered: true, .. } => None,
            Half::OfClient { random, sent, .. } => {
                *sent = sent.saturating_add(1);
                Some(client_hello(random, sent.saturating_sub(1)))
            }
        }
    }

    /// Takes a datagram, and gives what to answer to it.
    pub fn take(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let is_dtls = datagram.get(1) == Some(&0xfe);
        let (content, message) = (datagram.first(), datagram.get(RECORD));
        match &mut self.0 {
            Half::OfServer { cookie, hello, echoed } => {
                let is_hello = content == Some(&HANDSHAKE) && message == Some(&CLIENT_HELLO);
                if !is_dtls || !is_hello {
                    return None;
                }
                *hello = true;
                if cookie_of(datagram).is_some_and(|sent_back| sent_back == *cookie) {
                    *echoed = true;
                    return None;
                }
                let sequence = datagram.get(5..11)?;
                Some(hello_verify_request(cookie, sequence))
            }
            Half::OfClient { sent, answered, .. } => {
                let is_answer = match content {
                    Some(&HANDSHAKE) => {
                        matches!(message, Some(&(SERVER_HELLO | HELLO_VERIFY_REQUEST)))
                    }
                    Some(&ALERT) => true,
                    _ => false,
                };
                *answered |= is_dtls && is_answer && *sent > 0;
                None
            }
        }
    }

    /// Whether nothing more is to be found out.
    pub fn is_done(&self) -> bool {
        match self.0 {
            Half::OfServer { echoed, .. } => echoed,
            Half::OfClient { answered, .. } => answered,
        }
    }

    /// What is known so far.
    pub fn facts(&self) -> DtlsFacts {
        match self.0 {
            Half::OfServer { echoed: true, .. } | Half::OfClient { answered: true, .. } => {
                DtlsFacts::BothWays
            }
            Half::OfServer { hello: true, .. } => DtlsFacts::OnlyFromServer,
            Half::OfServer { hello: false, .. } => DtlsFacts::NoHello,
            Half::OfClient { .. } => DtlsFacts::NoAnswer,
        }
    }
}

/// With the record sequence number of the ClientHello that it answers (§4.2.1).
fn hello_verify_request(cookie: &[u8; COOKIE], sequence: &[u8]) -> Vec<u8> {
    let body = [&[0xfe, 0xff, COOKIE as u8][..], cookie].concat();
    record([0xfe, 0xff], sequence, &message(HELLO_VERIFY_REQUEST, &body))
}

/// A ClientHello as browsers send it to a media server, with what every server of WebRTC takes (RFC
/// 8827 §6.5, RFC 5764 §4.1): elliptic curves, ECDSA and RSA, SRTP.
fn client_hello(random: &[u8; RANDOM], copy: u8) -> Vec<u8> {
    // ECDHE with AES-128-GCM, ECDSA and RSA; the same with AES-256-GCM.
    const SUITES: [u8; 8] = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30];
    // x25519, secp256r1.
    const GROUPS: [u8; 6] = [0, 4, 0, 29, 0, 23];
    // ECDSA and RSA-PSS with SHA-256, RSA with SHA-256.
    const SIGNATURES: [u8; 8] = [0, 6, 4, 3, 8, 4, 4, 1];
    // SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80; no MKI.
    const SRTP: [u8; 7] = [0, 4, 0, 7, 0, 1, 0];
    let extension = |kind: u16, content: &[u8]| {
        let length = content.len() as u16;
        [&kind.to_be_bytes(), &length.to_be_bytes()[..], content].concat()
    };
    let extensions = [
        extension(10, &GROUPS),
        // Uncompressed points.
        extension(11, &[1, 0]),
        extension(13, &SIGNATURES),
        extension(14, &SRTP),
        // Extended master secret, and secure renegotiation.
        extension(23, &[]),
        extension(0xff01, &[0]),
    ]
    .concat();
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(random);
    // Neither session id nor cookie.
    body.extend_from_slice(&[0, 0, 0, SUITES.len() as u8]);
    body.extend_from_slice(&SUITES);
    // No compression.
    body.extend_from_slice(&[1, 0]);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    record([0xfe, 0xfd], &[0, 0, 0, 0, 0, copy], &message(CLIENT_HELLO, &body))
}

/// A handshake message in one fragment, the first one of its sender.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (body.len() as u16).to_be_bytes();
    // Type, length, message sequence 0, fragment offset 0, fragment length.
    [&[kind, 0, high, low, 0, 0, 0, 0, 0, 0, high, low][..], body].concat()
}

/// A record of epoch 0.
fn record(version: [u8; 2], sequence: &[u8], content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[HANDSHAKE][..], &version, &[0, 0], sequence, &length, content].concat()
}

/// The cookie of a ClientHello: behind version, random and session id (§4.2.1).
fn cookie_of(datagram: &[u8]) -> Option<&[u8]> {
    let body = datagram.get(RECORD + MESSAGE..)?;
    let session_id = usize::from(*body.get(34)?);
    let at = 35 + session_id;
    let length = usize::from(*body.get(at)?);
    body.get(at + 1..at + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with this cookie, as far as it is looked at.
    fn hello(cookie: &[u8]) -> Vec<u8> {
        let mut bytes = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 60];
        bytes.extend([1, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 48]);
        bytes.extend([0xfe, 0xfd]);
        bytes.extend([7; 32]);
        bytes.push(0);
        bytes.push(cookie.len() as u8);
        bytes.extend_from_slice(cookie);
        bytes.extend([0, 2, 0xc0, 0x2b, 1, 0]);
        bytes
    }

    #[test]
    fn each_direction_is_shown_by_itself() {
        let mut dtls = HalfDtls::of_server([9; 16]);
        assert_eq!(dtls.facts(), DtlsFacts::NoHello);
        let request = dtls.take(&hello(&[])).unwrap();
        assert_eq!(request.len(), 44);
        assert_eq!(request[..13], [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 31]);
        assert_eq!(request[28..], [9; 16]);
        assert_eq!(dtls.facts(), DtlsFacts::OnlyFromServer);
        assert!(dtls.take(&hello(&[1; 16])).is_some() && !dtls.is_done());
        assert_eq!(dtls.take(&hello(&[9; 16])), None);
        assert_eq!(dtls.facts(), DtlsFacts::BothWays);
        assert!(dtls.is_done());
    }

    #[test]
    fn whatever_a_waiting_server_says_to_our_hello_shows_both_directions() {
        let said = |first: &[u8]| {
            let mut dtls = HalfDtls::of_client([7; 32]);
            assert_eq!(dtls.facts(), DtlsFacts::NoAnswer);
            // Nothing counts before the hello is sent.
            dtls.take(first);
            assert!(!dtls.is_done());
            assert!(dtls.hello().is_some() && dtls.hello().is_some());
            assert_eq!(dtls.take(first), None);
            dtls.is_done()
        };
        let of = |content: u8, message: u8| {
            [&[content, 0xfe, 0xfd][..], &[0; 10], &[message], &[0; 20]].concat()
        };
        assert!(said(&of(22, 2)) && said(&of(22, 3)) && said(&of(21, 2)));
        assert!(!said(&of(22, 1)) && !said(&of(23, 2)) && !said(b"\x16\x03\x03") && !said(b""));
    }

    #[test]
    fn our_hello_is_as_long_as_it_says_and_its_copies_have_numbers() {
        let mut dtls = HalfDtls::of_client([7; 32]);
        let (first, second) = (dtls.hello().unwrap(), dtls.hello().unwrap());
        assert_eq!((first[10], second[10]), (0, 1));
        assert_eq!(usize::from(first[12]) + usize::from(first[11]) * 256, first.len() - RECORD);
        assert_eq!(usize::from(first[16]), first.len() - RECORD - MESSAGE);
        assert_eq!(cookie_of(&first), Some(&[][..]));
    }

    #[test]
    fn no_cut_makes_it_panic_and_nothing_else_is_a_hello() {
        let whole = hello(&[9; 16]);
        for length in 0..whole.len() {
            HalfDtls::of_server([9; 16]).take(&whole[..length]);
        }
        let mut dtls = HalfDtls::of_server([9; 16]);
        assert_eq!(dtls.take(b"\x16\x03\x03 TLS over something"), None);
        assert_eq!(dtls.facts(), DtlsFacts::NoHello);
    }
}
