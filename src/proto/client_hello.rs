//! Handshakes of SSL 3.0, TLS 1.0 and TLS 1.1, as far as it takes to see whether a server speaks
//! them: a ClientHello by hand, and what comes back up to ServerHelloDone.
//!
//! Our TLS library knows no version before 1.2, and that is as it should be.

use crate::model::facts::TlsVersion;

/// Cipher suites of the time before TLS 1.2 that servers still have: ECDHE, then plain RSA, with
/// AES-CBC or 3DES (RFC 4492 §6, RFC 3268), and the renegotiation signal (RFC 5746 §3.3).
const CIPHER_SUITES: [u16; 10] =
    [0xc009, 0xc00a, 0xc013, 0xc014, 0x0033, 0x0039, 0x002f, 0x0035, 0x000a, 0x00ff];

/// secp256r1, secp384r1, secp521r1 (RFC 4492 §5.1.1) and x25519 (RFC 8422 §5.1.1).
const GROUPS: [u16; 4] = [23, 24, 25, 29];

/// Content types (RFC 5246 §6.2.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Handshake types (RFC 5246 §7.4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const SERVER_HELLO_DONE: u8 = 14;

/// The longest record with what encryption and compression may add (RFC 5246 §6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2048;

/// The number of a version on the wire (RFC 6101 §5.2, RFC 2246 §6.2.1, RFC 4346 §6.2.1).
fn wire(version: TlsVersion) -> [u8; 2] {
    match version {
        TlsVersion::Ssl3 => [3, 0],
        TlsVersion::Tls10 => [3, 1],
        TlsVersion::Tls11 => [3, 2],
        TlsVersion::Tls12 => [3, 3],
        TlsVersion::Tls13 => [3, 4],
    }
}

/// A ClientHello that offers `version`, which is TLS 1.1 or older, and nothing newer. `random`
/// should be unpredictable.
pub fn build(version: TlsVersion, server_name: Option<&str>, random: [u8; 32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    // client_version, random, an empty session_id (RFC 5246 §7.4.1.2).
    body.extend(wire(version));
    body.extend(random);
    body.push(0);
    // cipher_suites, compression_methods: none (RFC 5246 §7.4.1.2).
    body.extend(list16(&CIPHER_SUITES));
    body.extend([1, 0]);
    // SSL 3.0 has no extensions, and some of its servers break off when they see one.
    if version != TlsVersion::Ssl3 {
        body.extend(with_length(&extensions(server_name)));
    }
    let mut handshake = vec![CLIENT_HELLO, 0];
    handshake.extend(with_length(&body));
    // A first record says TLS 1.0 at most, for the sake of old servers (RFC 5246 appendix E.1).
    let record_version = wire(version.min(TlsVersion::Tls10));
    let mut record = vec![HANDSHAKE, record_version[0], record_version[1]];
    record.extend(with_length(&handshake));
    record
}

fn extensions(server_name: Option<&str>) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        // server_name: a list with one host_name (RFC 6066 §3).
        let mut entry = vec![0];
        entry.extend(with_length(name.as_bytes()));
        extensions.extend(extension(0, &with_length(&entry)));
    }
    // supported_groups and ec_point_formats: uncompressed (RFC 4492 §5.1).
    extensions.extend(extension(10, &list16(&GROUPS)));
    extensions.extend(extension(11, &[1, 0]));
    extensions
}

pub(super) fn extension(number: u16, data: &[u8]) -> Vec<u8> {
    let mut extension = number.to_be_bytes().to_vec();
    extension.extend(with_length(data));
    extension
}

/// `data` behind its length in two bytes.
pub(super) fn with_length(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a ClientHello has a few thousand bytes at most");
    let mut all = length.to_be_bytes().to_vec();
    all.extend(data);
    all
}

pub(super) fn list16(numbers: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    with_length(&bytes)
}

/// What a server said to a ClientHello, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Not enough yet to say.
    Partial,
    /// ServerHello, and everything up to ServerHelloDone: the server goes through with it.
    Accepted(ServerHello),
    /// A fatal alert.
    Alert(u8),
    /// Not TLS at all.
    NotTls,
    /// TLS, and not as it has to be: what is wrong, in words.
    Broken(&'static str),
}

/// What a server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// As on the wire: 3.0 is SSL 3.0, 3.1 is TLS 1.0, …
    pub version: [u8; 2],
    /// Number of the cipher suite.
    pub cipher: u16,
}

impl ServerHello {
    /// Whether the server chose `version`.
    pub fn is(&self, version: TlsVersion) -> bool {
        self.version == wire(version)
    }

    /// The version that it chose, if it is one.
    pub fn chosen(&self) -> Option<TlsVersion> {
        const ALL: [TlsVersion; 5] = [
            TlsVersion::Ssl3,
            TlsVersion::Tls10,
            TlsVersion::Tls11,
            TlsVersion::Tls12,
            TlsVersion::Tls13,
        ];
        ALL.into_iter().find(|version| self.is(*version))
    }
}

/// Reads what came so far, from its beginning.
pub fn read(bytes: &[u8]) -> Reply {
    let (handshake, ending) = read_records(bytes);
    // What the messages say comes before what stands behind them.
    match read_handshake(&handshake) {
        Reply::Partial => ending,
        reply => reply,
    }
}

/// Reads what came so far for a message after which nothing is agreed: the ServerHello decides, also
/// one that asks for another key share (RFC 8446 §4.1.4), and what is behind it is encrypted.
pub fn read_first(bytes: &[u8]) -> Reply {
    let (handshake, ending) = read_records(bytes);
    let [kind, l2, l1, l0, behind @ ..] = handshake.as_slice() else {
        return ending;
    };
    if *kind != SERVER_HELLO {
        return Reply::Broken("a handshake that does not begin with ServerHello");
    }
    match behind.get(..u32::from_be_bytes([0, *l2, *l1, *l0]) as usize) {
        None => ending,
        Some(body) => match server_hello(body) {
            Some(hello) => Reply::Accepted(hello),
            None => Reply::Broken("a ServerHello that cannot be read"),
        },
    }
}

/// The handshake messages of the records (RFC 5246 §6.2.1) up to whatever ends them, and what that
/// says: [`Reply::Partial`] where nothing but the end of what came does.
fn read_records(bytes: &[u8]) -> (Vec<u8>, Reply) {
    let mut handshake = Vec::new();
    let mut rest = bytes;
    let ending = loop {
        let [content, major, _, high, low, behind @ ..] = rest else {
            break match rest.first() {
                Some(first) if !(20..=23).contains(first) => Reply::NotTls,
                _ => Reply::Partial,
            };
        };
        if !(20..=23).contains(content) || *major != 3 {
            break Reply::NotTls;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > LONGEST_RECORD {
            break Reply::Broken("a record is longer than allowed");
        }
        let (payload, next, whole) = match behind.split_at_checked(length) {
            Some((payload, next)) => (payload, next, true),
            None => (behind, &[][..], false),
        };
        match (*content, payload) {
            // Level 2 is fatal; a warning, such as one about the name, goes on (RFC 5246 §7.2).
            (ALERT, [2, code, ..]) => break Reply::Alert(*code),
            (ALERT, _) => {}
            (HANDSHAKE, _) => handshake.extend_from_slice(payload),
            _ => break Reply::Broken("a record that has no place before the handshake is done"),
        }
        if !whole {
            break Reply::Partial;
        }
        rest = next;
    };
    (handshake, ending)
}

/// Reads the messages of a handshake (RFC 5246 §7.4): type, length in three bytes, body.
fn read_handshake(bytes: &[u8]) -> Reply {
    let mut hello = None;
    let mut rest = bytes;
    while let [kind, l2, l1, l0, behind @ ..] = rest {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let Some((body, next)) = behind.split_at_checked(length) else {
            return Reply::Partial;
        };
        match (*kind, hello) {
            (SERVER_HELLO, None) => match server_hello(body) {
                Some(read) => hello = Some(read),
                None => return Reply::Broken("a ServerHello that cannot be read"),
            },
            (SERVER_HELLO_DONE, Some(hello)) => return Reply::Accepted(hello),
            (_, Some(_)) => {}
            (_, None) => return Reply::Broken("a handshake that does not begin with ServerHello"),
        }
        rest = next;
    }
    Reply::Partial
}

/// server_version, random, session_id, cipher_suite (RFC 5246 §7.4.1.3). TLS 1.3 says in an extension
/// that it is the version (RFC 8446 §4.2.1).
fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let session_id = usize::from(*body.get(34)?);
    let cipher = body.get(35 + session_id..37 + session_id)?;
    let extensions = body.get(40 + session_id..).unwrap_or_default();
    let version = match selected_version(extensions) {
        Some(version) => version,
        None => [*body.first()?, *body.get(1)?],
    };
    Some(ServerHello { version, cipher: u16::from_be_bytes([cipher[0], cipher[1]]) })
}

fn selected_version(mut extensions: &[u8]) -> Option<[u8; 2]> {
    while let [n1, n0, l1, l0, behind @ ..] = extensions {
        let length = usize::from(u16::from_be_bytes([*l1, *l0]));
        let (data, next) = behind.split_at_checked(length)?;
        match (u16::from_be_bytes([*n1, *n0]), data) {
            (43, [major, minor]) => return Some([*major, *minor]),
            _ => extensions = next,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: u8, payload: &[u8]) -> Vec<u8> {
        let mut record = vec![content, 3, 2];
        record.extend(with_length(payload));
        record
    }

    /// A ServerHello of TLS 1.1 with a session id of two bytes and AES128-SHA.
    fn hello() -> Vec<u8> {
        let mut body = vec![3, 2];
        body.extend([7; 32]);
        body.extend([2, 0xaa, 0xbb, 0x00, 0x2f, 0]);
        let mut message = vec![2, 0, 0, 40];
        message.extend(body);
        message
    }

    const DONE: [u8; 4] = [14, 0, 0, 0];

    #[test]
    fn a_client_hello_offers_one_version_and_names_the_server() {
        let hello = build(TlsVersion::Tls11, Some("a.example"), [9; 32]);
        assert_eq!(hello[..3], [22, 3, 1], "record of TLS 1.0");
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(hello[5], 1, "ClientHello");
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
        assert_eq!(hello[9..11], [3, 2], "TLS 1.1");
        assert!(hello.windows(9).any(|window| window == b"a.example"));
    }

    #[test]
    fn a_client_hello_of_ssl_3_has_no_extensions() {
        let hello = build(TlsVersion::Ssl3, Some("a.example"), [9; 32]);
        assert_eq!(hello[..3], [22, 3, 0]);
        assert_eq!(hello[hello.len() - 2..], [1, 0], "ends with no compression");
        assert!(!hello.windows(9).any(|window| window == b"a.example"));
    }

    #[test]
    fn a_server_that_goes_through_with_it_accepts() {
        let mut bytes = record(22, &hello());
        assert_eq!(read(&bytes), Reply::Partial);
        bytes.extend(record(22, &DONE));
        let expected = ServerHello { version: [3, 2], cipher: 0x002f };
        assert_eq!(read(&bytes), Reply::Accepted(expected));
        assert!(expected.is(TlsVersion::Tls11));
    }

    #[test]
    fn a_server_hello_may_be_cut_into_records() {
        let messages = [hello(), DONE.to_vec()].concat();
        let (first, second) = messages.split_at(3);
        let bytes = [record(22, first), record(22, second)].concat();
        assert!(matches!(read(&bytes), Reply::Accepted(_)));
    }

    #[test]
    fn an_alert_behind_server_hello_is_a_refusal() {
        let bytes = [record(22, &hello()), record(21, &[2, 80])].concat();
        assert_eq!(read(&bytes), Reply::Alert(80));
    }

    #[test]
    fn a_warning_is_passed_over() {
        let warning = record(21, &[1, 112]);
        assert_eq!(read(&warning), Reply::Partial);
        let bytes = [warning, record(22, &hello()), record(22, &DONE)].concat();
        assert!(matches!(read(&bytes), Reply::Accepted(_)));
    }

    #[test]
    fn what_is_not_tls_is_told_apart_from_broken_tls() {
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n"), Reply::NotTls);
        assert_eq!(read(b"H"), Reply::NotTls);
        assert_eq!(read(&[]), Reply::Partial);
        assert_eq!(read(&[22, 3, 1, 0xff, 0xff]), Reply::Broken("a record is longer than allowed"));
        assert_eq!(
            read(&record(22, &DONE)),
            Reply::Broken("a handshake that does not begin with ServerHello")
        );
        assert_eq!(
            read(&record(22, &[2, 0, 0, 2, 3, 1])),
            Reply::Broken("a ServerHello that cannot be read")
        );
    }

    #[test]
    fn the_first_message_is_enough_where_nothing_is_agreed() {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0x13, 0x01, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        let mut message = vec![2, 0, 0, u8::try_from(body.len()).unwrap()];
        message.extend(body);
        let bytes = [record(22, &message), record(20, &[1]), record(23, &[0; 40])].concat();
        let expected = ServerHello { version: [3, 4], cipher: 0x1301 };
        assert_eq!(read_first(&bytes), Reply::Accepted(expected));
        assert_eq!(read_first(&bytes[..20]), Reply::Partial);
        assert_eq!(read_first(&record(21, &[2, 47])), Reply::Alert(47));
        assert_eq!(read_first(b"HTTP/1.1 400"), Reply::NotTls);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            let framed = record(22, &bytes);
            read(&bytes);
            read(&framed);
            read_first(&framed);
        }
    }
}
