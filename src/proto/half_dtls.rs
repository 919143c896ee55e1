//! The beginning of a DTLS handshake in which the server is the client (RFC 6347 §4.2.1): enough to
//! show that packets which are not STUN pass, each direction by itself, without a certificate.
//!
//! The server's ClientHello comes as soon as a pair is nominated. Our HelloVerifyRequest makes it
//! send another one, with our cookie: that one proves that both directions pass.

use crate::model::facts::DtlsFacts;

/// How far it came.
#[derive(Debug, Clone)]
pub struct HalfDtls {
    cookie: [u8; COOKIE],
    hello: bool,
    echoed: bool,
}

const COOKIE: usize = 16;

/// Content type of a handshake record, and the two handshake types (RFC 6347 §4.3.2).
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// A record's header and a handshake message's.
const RECORD: usize = 13;
const MESSAGE: usize = 12;

impl HalfDtls {
    /// `cookie` is random: who does not see it cannot repeat it.
    pub fn new(cookie: [u8; COOKIE]) -> Self {
        Self { cookie, hello: false, echoed: false }
    }

    /// Takes a datagram, and gives what to answer to it.
    pub fn take(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let is_hello = datagram.first() == Some(&HANDSHAKE)
            && datagram.get(1) == Some(&0xfe)
            && datagram.get(RECORD) == Some(&CLIENT_HELLO);
        if !is_hello {
            return None;
        }
        self.hello = true;
        if cookie_of(datagram).is_some_and(|cookie| cookie == self.cookie) {
            self.echoed = true;
            return None;
        }
        let sequence = datagram.get(5..11)?;
        Some(self.hello_verify_request(sequence))
    }

    /// Whether nothing more is to be found out.
    pub fn is_done(&self) -> bool {
        self.echoed
    }

    /// What is known so far.
    pub fn facts(&self) -> DtlsFacts {
        match (self.hello, self.echoed) {
            (_, true) => DtlsFacts::BothWays,
            (true, false) => DtlsFacts::OnlyFromServer,
            (false, false) => DtlsFacts::NoHello,
        }
    }

    /// With the record sequence number of the ClientHello that it answers (§4.2.1).
    fn hello_verify_request(&self, sequence: &[u8]) -> Vec<u8> {
        let body = [&[0xfe, 0xff, COOKIE as u8][..], &self.cookie].concat();
        let length = body.len() as u8;
        let mut bytes = vec![HANDSHAKE, 0xfe, 0xff, 0, 0];
        bytes.extend_from_slice(sequence);
        bytes.extend_from_slice(&[0, MESSAGE as u8 + length]);
        // Type, length, message sequence 0, fragment offset 0, fragment length.
        bytes.extend_from_slice(&[HELLO_VERIFY_REQUEST, 0, 0, length]);
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, length]);
        bytes.extend_from_slice(&body);
        bytes
    }
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
        let mut dtls = HalfDtls::new([9; 16]);
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
    fn no_cut_makes_it_panic_and_nothing_else_is_a_hello() {
        let whole = hello(&[9; 16]);
        for length in 0..whole.len() {
            HalfDtls::new([9; 16]).take(&whole[..length]);
        }
        let mut dtls = HalfDtls::new([9; 16]);
        assert_eq!(dtls.take(b"\x16\x03\x03 TLS over something"), None);
        assert_eq!(dtls.facts(), DtlsFacts::NoHello);
    }
}
