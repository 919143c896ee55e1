//! The beginning of a DTLS handshake in which the server is the client (RFC 6347 §4.2.1): its
//! ClientHello, and again with the cookie from the other side. The handshake ends there.

/// Content type of a handshake record, and the two handshake types.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Bytes of the head of a record and of a handshake message.
const RECORD_HEAD: usize = 13;
const MESSAGE_HEAD: usize = 12;

/// DTLS 1.2.
const VERSION: [u8; 2] = [0xfe, 0xfd];

/// The client's side of a handshake.
pub struct Handshake {
    random: [u8; 32],
    cookie: Vec<u8>,
    /// Records and messages that were sent.
    records: u8,
    messages: u8,
}

impl Handshake {
    pub fn new(random: [u8; 32]) -> Self {
        Self { random, cookie: Vec::new(), records: 0, messages: 0 }
    }

    /// Whether the other side has asked for a cookie.
    pub fn has_cookie(&self) -> bool {
        !self.cookie.is_empty()
    }

    /// The ClientHello, each time in a record of its own.
    pub fn hello(&mut self) -> Vec<u8> {
        let body = self.body();
        let length = u16::try_from(body.len()).expect("a ClientHello is short");
        let [high, low] = length.to_be_bytes();
        let message = [
            &[CLIENT_HELLO, 0, high, low, 0, self.messages, 0, 0, 0, 0, high, low],
            body.as_slice(),
        ]
        .concat();
        let [high, low] = (length + MESSAGE_HEAD as u16).to_be_bytes();
        let [major, minor] = VERSION;
        let head = [HANDSHAKE, major, minor, 0, 0, 0, 0, 0, 0, 0, self.records, high, low];
        self.records = self.records.wrapping_add(1);
        [head.as_slice(), &message].concat()
    }

    fn body(&self) -> Vec<u8> {
        let cookie_length = u8::try_from(self.cookie.len()).expect("a cookie's length is a byte");
        // Signature algorithms, groups, extended master secret, use_srtp: what WebRTC offers.
        let extensions: [&[u8]; 4] = [
            &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
            &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23],
            &[0, 23, 0, 0],
            &[0, 14, 0, 5, 0, 2, 0, 1, 0],
        ];
        let extensions = extensions.concat();
        let extensions_length = u8::try_from(extensions.len()).expect("they are few");
        [
            VERSION.as_slice(),
            &self.random,
            // No session to come back to.
            &[0, cookie_length],
            &self.cookie,
            // Two suites, no compression.
            &[0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, extensions_length],
            &extensions,
        ]
        .concat()
    }

    /// Takes a packet; `true` when it asks for another ClientHello, with its cookie.
    pub fn take(&mut self, packet: &[u8]) -> bool {
        let is_request = packet.first() == Some(&HANDSHAKE)
            && packet.get(1) == Some(&0xfe)
            && packet.get(RECORD_HEAD) == Some(&HELLO_VERIFY_REQUEST);
        let body = packet.get(RECORD_HEAD + MESSAGE_HEAD..);
        // Behind the version.
        let cookie = body.and_then(|body| body.get(3..3 + usize::from(*body.get(2)?)));
        match cookie {
            Some(cookie) if is_request && !cookie.is_empty() && cookie != self.cookie => {
                self.cookie = cookie.to_vec();
                self.messages = 1;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hello_carries_the_cookie_that_was_asked_for() {
        let mut handshake = Handshake::new([7; 32]);
        let first = handshake.hello();
        assert_eq!(first[..3], [22, 0xfe, 0xfd]);
        assert_eq!(usize::from(first[12]), first.len() - 13);
        assert_eq!(usize::from(first[16]), first.len() - 25);
        let request = [
            &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19][..],
            &[3, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 7],
            &[0xfe, 0xff, 4, 1, 2, 3, 4],
        ]
        .concat();
        assert!(!handshake.take(&request[..request.len() - 1]));
        assert!(handshake.take(&request));
        assert!(!handshake.take(&request), "it is the same again");
        let second = handshake.hello();
        assert_eq!(second.len(), first.len() + 4);
        assert_eq!(second[60..65], [4, 1, 2, 3, 4]);
    }
}
