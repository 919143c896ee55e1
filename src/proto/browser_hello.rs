//! The first message of browsers, byte for byte as far as servers can see it: Chromium 156 as it was
//! recorded, Firefox as its published fingerprints (JA3, JA4) have it.
//!
//! Our TLS library can neither offer ML-KEM nor Encrypted ClientHello, and its message fits into one
//! segment. Random bytes take the place of keys: a server that has answered has shown what is asked.

use super::client_hello::{extension, list16, with_length};
use crate::model::facts::HelloShape;

/// Where random bytes come from.
pub type Random<'a> = dyn FnMut(&mut [u8]) + Send + 'a;

/// The length of a browser's message, with its record.
const BROWSER_LENGTH: usize = 1900;

/// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem), X25519, P-256, P-384, P-521, ffdhe2048, ffdhe3072.
const POST_QUANTUM: u16 = 0x11ec;
const X25519: u16 = 29;
const P256: u16 = 23;
const P384: u16 = 24;

/// Bytes of the encapsulation key of ML-KEM-768: 768 numbers of 12 bits, and a seed (FIPS 203 §8).
const ML_KEM_NUMBERS: usize = 768;
const ML_KEM_SEED: usize = 32;
/// Servers refuse a key with a number that is not below this (FIPS 203 §7.2).
const ML_KEM_MODULUS: u16 = 3329;

/// Cipher suites of TLS 1.3, and of TLS 1.2 as both browsers have them.
const CHROMIUM_SUITES: [u16; 15] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
];
const FIREFOX_SUITES: [u16; 17] = [
    0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013,
    0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
];

/// ML-DSA first, then what everybody has.
const CHROMIUM_SIGNATURES: [u16; 11] =
    [0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
const FIREFOX_SIGNATURES: [u16; 11] =
    [0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];

/// The beginning of Chromium's list of trust anchors (draft-ietf-tls-trust-anchor-ids).
const TRUST_ANCHORS: [&[u8]; 6] = [
    &[0x82, 0xdf, 0x13, 2, 1],
    &[0x82, 0xdf, 0x13, 2, 6],
    &[0x82, 0xdf, 0x13, 2, 13],
    &[0x83, 0x9a, 0x64, 0x8c, 0x9b, 0x2d, 1, 7],
    &[0x83, 0x9a, 0x64, 0x8c, 0x9b, 0x2d, 1, 8],
    &[0xd6, 0x79, 9, 1],
];

/// Extensions by their numbers (IANA, TLS ExtensionType Values).
mod extension_number {
    pub const SERVER_NAME: u16 = 0;
    pub const STATUS_REQUEST: u16 = 5;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const POINT_FORMATS: u16 = 11;
    pub const SIGNATURES: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const TIMESTAMPS: u16 = 18;
    pub const PADDING: u16 = 21;
    pub const MASTER_SECRET: u16 = 23;
    pub const COMPRESS_CERTIFICATE: u16 = 27;
    pub const RECORD_SIZE_LIMIT: u16 = 28;
    pub const DELEGATED_CREDENTIALS: u16 = 34;
    pub const SESSION_TICKET: u16 = 35;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const PSK_MODES: u16 = 45;
    pub const KEY_SHARE: u16 = 51;
    pub const APPLICATION_SETTINGS: u16 = 0x44cd;
    pub const TRUST_ANCHORS: u16 = 0xca34;
    pub const ENCRYPTED_HELLO: u16 = 0xfe0d;
    pub const RENEGOTIATION: u16 = 0xff01;
}
use extension_number as number;

/// What a message offers besides what all have.
#[derive(Clone, Copy)]
struct Parts {
    grease: bool,
    encrypted_hello: bool,
    post_quantum: bool,
    new_extensions: bool,
    alpn: bool,
}

impl Parts {
    const ALL: Self = Self {
        grease: true,
        encrypted_hello: true,
        post_quantum: true,
        new_extensions: true,
        alpn: true,
    };
    const NONE: Self = Self {
        grease: false,
        encrypted_hello: false,
        post_quantum: false,
        new_extensions: false,
        alpn: false,
    };
}

/// A ClientHello in the segments in which it is to be sent.
pub fn segments(
    shape: HelloShape,
    server_name: Option<&str>,
    speaks_http: bool,
    random: &mut Random<'_>,
) -> Vec<Vec<u8>> {
    let all = Parts { alpn: speaks_http, ..Parts::ALL };
    let chromium = |parts, random: &mut Random<'_>| chromium(server_name, parts, 0, random);
    let short = |padded_to, random: &mut Random<'_>| {
        self::chromium(server_name, Parts::NONE, padded_to, random)
    };
    match shape {
        HelloShape::Chromium => vec![chromium(all, random)],
        HelloShape::Firefox => vec![firefox(server_name, speaks_http, random)],
        HelloShape::ChromiumInPieces => {
            chromium(all, random).chunks(480).map(<[u8]>::to_vec).collect()
        }
        HelloShape::WithoutGrease => vec![chromium(Parts { grease: false, ..all }, random)],
        HelloShape::WithoutEncryptedHello => {
            vec![chromium(Parts { encrypted_hello: false, ..all }, random)]
        }
        HelloShape::WithoutPostQuantum => {
            vec![chromium(Parts { post_quantum: false, ..all }, random)]
        }
        HelloShape::WithoutNewExtensions => {
            vec![chromium(Parts { new_extensions: false, ..all }, random)]
        }
        HelloShape::WithoutAlpn => vec![chromium(Parts { alpn: false, ..all }, random)],
        HelloShape::Short => vec![short(0, random)],
        HelloShape::ShortInTwo => {
            let message = short(0, random);
            let (first, second) = message.split_at(message.len() / 2);
            vec![first.to_vec(), second.to_vec()]
        }
        HelloShape::ShortPadded => vec![short(BROWSER_LENGTH, random)],
    }
}

/// Chromium's message with some of its parts; padded to this length if it is shorter.
fn chromium(
    server_name: Option<&str>,
    parts: Parts,
    padded_to: usize,
    random: &mut Random<'_>,
) -> Vec<u8> {
    let grease: [u16; 5] = std::array::from_fn(|_| grease(random));
    let greased = |list: &[u16], value: u16| -> Vec<u16> {
        let first = parts.grease.then_some(value);
        first.into_iter().chain(list.iter().copied()).collect()
    };
    let groups: &[u16] = if parts.post_quantum {
        &[POST_QUANTUM, X25519, P256, P384]
    } else {
        &[X25519, P256, P384]
    };
    let mut shares = Vec::new();
    if parts.grease {
        shares.extend(key_share(grease[1], &[0]));
    }
    if parts.post_quantum {
        shares.extend(key_share(POST_QUANTUM, &post_quantum_share(random)));
    }
    shares.extend(key_share(X25519, &bytes::<32>(random)));
    // Servers without ML-DSA are many, and so are clients: it is one of the newer parts.
    let signatures =
        if parts.new_extensions { &CHROMIUM_SIGNATURES[..] } else { &CHROMIUM_SIGNATURES[3..] };
    let mut extensions = Vec::new();
    let mut add = |number: u16, data: &[u8]| extensions.extend(extension(number, data));
    if parts.grease {
        add(grease[2], &[]);
    }
    if parts.new_extensions {
        add(number::APPLICATION_SETTINGS, &with_length(&with_byte(b"h2")));
    }
    add(number::MASTER_SECRET, &[]);
    if parts.new_extensions {
        // Brotli (RFC 8879 §3).
        add(number::COMPRESS_CERTIFICATE, &[2, 0, 2]);
    }
    add(number::STATUS_REQUEST, &[1, 0, 0, 0, 0]);
    add(number::POINT_FORMATS, &[1, 0]);
    add(number::KEY_SHARE, &with_length(&shares));
    add(number::PSK_MODES, &[1, 1]);
    add(number::TIMESTAMPS, &[]);
    add(number::SESSION_TICKET, &[]);
    if parts.encrypted_hello {
        add(number::ENCRYPTED_HELLO, &encrypted_hello(random));
    }
    add(number::SIGNATURES, &list16(&greased(signatures, grease[3])));
    if parts.new_extensions {
        let anchors: Vec<u8> = TRUST_ANCHORS.iter().flat_map(|anchor| with_byte(anchor)).collect();
        add(number::TRUST_ANCHORS, &with_length(&anchors));
    }
    add(number::SUPPORTED_VERSIONS, &with_byte(&pairs(&greased(&[0x0304, 0x0303], grease[4]))));
    if let Some(name) = server_name {
        add(number::SERVER_NAME, &server_name_list(name));
    }
    if parts.alpn {
        add(number::ALPN, &alpn());
    }
    add(number::SUPPORTED_GROUPS, &list16(&greased(groups, grease[1])));
    add(number::RENEGOTIATION, &[0]);
    if parts.grease {
        add(grease[2] ^ 0x1010, &[0]);
    }
    client_hello(&greased(&CHROMIUM_SUITES, grease[0]), extensions, padded_to, random)
}

/// Firefox's message.
fn firefox(server_name: Option<&str>, speaks_http: bool, random: &mut Random<'_>) -> Vec<u8> {
    let shares = [
        key_share(POST_QUANTUM, &post_quantum_share(random)),
        key_share(X25519, &bytes::<32>(random)),
    ]
    .concat();
    let mut extensions = Vec::new();
    let mut add = |number: u16, data: &[u8]| extensions.extend(extension(number, data));
    if let Some(name) = server_name {
        add(number::SERVER_NAME, &server_name_list(name));
    }
    add(number::MASTER_SECRET, &[]);
    add(number::RENEGOTIATION, &[0]);
    let groups = [POST_QUANTUM, X25519, P256, P384, 25, 0x0100, 0x0101];
    add(number::SUPPORTED_GROUPS, &list16(&groups));
    add(number::POINT_FORMATS, &[1, 0]);
    add(number::SESSION_TICKET, &[]);
    if speaks_http {
        add(number::ALPN, &alpn());
    }
    add(number::STATUS_REQUEST, &[1, 0, 0, 0, 0]);
    add(number::DELEGATED_CREDENTIALS, &list16(&[0x0403, 0x0503, 0x0603, 0x0203]));
    add(number::TIMESTAMPS, &[]);
    add(number::KEY_SHARE, &with_length(&shares));
    add(number::SUPPORTED_VERSIONS, &with_byte(&pairs(&[0x0304, 0x0303])));
    add(number::SIGNATURES, &list16(&FIREFOX_SIGNATURES));
    add(number::PSK_MODES, &[1, 1]);
    add(number::RECORD_SIZE_LIMIT, &[0x40, 1]);
    // zlib, brotli, zstd.
    add(number::COMPRESS_CERTIFICATE, &[6, 0, 1, 0, 2, 0, 3]);
    add(number::ENCRYPTED_HELLO, &encrypted_hello(random));
    client_hello(&FIREFOX_SUITES, extensions, 0, random)
}

/// A record with a ClientHello (RFC 8446 §4.1.2, §5.1).
fn client_hello(
    suites: &[u16],
    mut extensions: Vec<u8>,
    padded_to: usize,
    random: &mut Random<'_>,
) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(bytes::<32>(random));
    body.extend(with_byte(&bytes::<32>(random)));
    body.extend(list16(suites));
    body.extend([1, 0]);
    // Header of the record, of the message, length of the extensions, and header of the padding.
    let length = 5 + 4 + body.len() + 2 + extensions.len() + 4;
    if let Some(missing) = padded_to.checked_sub(length) {
        extensions.extend(extension(number::PADDING, &vec![0; missing]));
    }
    body.extend(with_length(&extensions));
    let mut handshake = vec![1, 0];
    handshake.extend(with_length(&body));
    let mut record = vec![22, 3, 1];
    record.extend(with_length(&handshake));
    record
}

/// A number that servers have to ignore (RFC 8701 §2).
fn grease(random: &mut Random<'_>) -> u16 {
    let [byte] = bytes::<1>(random);
    let half = (byte & 0xf0) | 0x0a;
    u16::from_be_bytes([half, half])
}

/// An outer Encrypted ClientHello that no key belongs to (RFC 9849 §6.2).
fn encrypted_hello(random: &mut Random<'_>) -> Vec<u8> {
    let [config] = bytes::<1>(random);
    // Outer, HKDF-SHA256 with AES-128-GCM.
    let mut hello = vec![0, 0, 1, 0, 1, config];
    hello.extend(with_length(&bytes::<32>(random)));
    hello.extend(with_length(&bytes::<208>(random)));
    hello
}

/// A key of ML-KEM-768 and one of X25519.
fn post_quantum_share(random: &mut Random<'_>) -> Vec<u8> {
    let mut share = Vec::with_capacity(ML_KEM_NUMBERS / 2 * 3 + ML_KEM_SEED + 32);
    for _ in 0..ML_KEM_NUMBERS / 2 {
        let [one, two] =
            std::array::from_fn(|_| u16::from_be_bytes(bytes::<2>(random)) % ML_KEM_MODULUS);
        // Two numbers of 12 bits in three bytes, the lowest bits first (FIPS 203 §4.2.1).
        let [high, low] = (two << 4 | one >> 8).to_be_bytes();
        share.extend([one.to_be_bytes()[1], low, high]);
    }
    share.extend(bytes::<ML_KEM_SEED>(random));
    share.extend(bytes::<32>(random));
    share
}

fn key_share(group: u16, key: &[u8]) -> Vec<u8> {
    extension(group, key)
}

fn server_name_list(name: &str) -> Vec<u8> {
    let mut entry = vec![0];
    entry.extend(with_length(name.as_bytes()));
    with_length(&entry)
}

fn alpn() -> Vec<u8> {
    with_length(&[with_byte(b"h2"), with_byte(b"http/1.1")].concat())
}

fn bytes<const LENGTH: usize>(random: &mut Random<'_>) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    random(&mut bytes);
    bytes
}

/// `data` behind its length in one byte.
fn with_byte(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("these lists are short");
    [&[length], data].concat()
}

fn pairs(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> impl FnMut(&mut [u8]) + Send {
        let mut next = 7_u8;
        move |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(37).wrapping_add(11);
                *byte = next;
            }
        }
    }

    fn whole(shape: HelloShape) -> Vec<u8> {
        segments(shape, Some("openvidu.example.io"), true, &mut random()).concat()
    }

    /// The numbers of the extensions, in their order.
    fn extensions(hello: &[u8]) -> Vec<u16> {
        let pair = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        let suites = 9 + 2 + 32 + 33;
        let mut at = suites + 2 + pair(suites) + 2 + 2;
        let mut numbers = Vec::new();
        while at < hello.len() {
            numbers.push(u16::from_be_bytes([hello[at], hello[at + 1]]));
            at += 4 + pair(at + 2);
        }
        assert_eq!(at, hello.len());
        numbers
    }

    #[test]
    fn every_message_is_one_record_with_one_message() {
        for shape in HelloShape::ALL {
            let hello = whole(shape);
            assert_eq!(hello[..3], [22, 3, 1], "{shape:?}");
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])) + 5, hello.len());
            assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])) + 9, hello.len());
            let mut numbers = extensions(&hello);
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "{shape:?} has an extension twice");
        }
    }

    #[test]
    fn those_of_browsers_need_two_segments_and_the_short_one_does_not() {
        const SEGMENT: usize = 1460;
        for shape in [HelloShape::Chromium, HelloShape::Firefox, HelloShape::ShortPadded] {
            assert!((SEGMENT + 200..2 * SEGMENT).contains(&whole(shape).len()), "{shape:?}");
        }
        assert!(whole(HelloShape::Short).len() < 500);
    }

    #[test]
    fn a_part_that_is_left_out_is_not_there() {
        let is_grease = |number: &u16| number & 0x0f0f == 0x0a0a;
        assert_eq!(
            extensions(&whole(HelloShape::Chromium)).iter().filter(|n| is_grease(n)).count(),
            2
        );
        assert!(!extensions(&whole(HelloShape::WithoutGrease)).iter().any(is_grease));
        let without = |shape, number| !extensions(&whole(shape)).contains(&number);
        assert!(without(HelloShape::WithoutEncryptedHello, number::ENCRYPTED_HELLO));
        assert!(without(HelloShape::WithoutAlpn, number::ALPN));
        assert!(without(HelloShape::WithoutNewExtensions, number::TRUST_ANCHORS));
        assert!(whole(HelloShape::WithoutPostQuantum).len() < 1000);
    }

    #[test]
    fn the_numbers_of_a_post_quantum_key_are_below_the_modulus() {
        let share = post_quantum_share(&mut random());
        assert_eq!(share.len(), 1216);
        for three in share[..1152].chunks(3) {
            let [a, b, c] = [three[0], three[1], three[2]].map(u16::from);
            assert!(a | (b & 0x0f) << 8 < ML_KEM_MODULUS);
            assert!(b >> 4 | c << 4 < ML_KEM_MODULUS);
        }
    }
}
