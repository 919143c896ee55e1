//! The first requests of a browser over HTTP/2 (RFC 9113), with as much of HPACK (RFC 7541) as they and
//! the status of their answers take.

use crate::model::facts::{Http2Answer, ServerText};
use crate::proto::first_bytes;
use crate::proto::http::USER_AGENT;

/// The connection preface (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest frame before other limits are agreed (RFC 9113 §4.2).
const LONGEST_FRAME: usize = 16_384;

/// Types of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACKNOWLEDGED: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// SETTINGS_ENABLE_PUSH, and SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3).
const ENABLE_PUSH: u16 = 2;
const ENABLE_CONNECT: u16 = 8;

/// The streams of the two requests.
pub const REQUEST: u32 = 1;
pub const WEBSOCKET: u32 = 3;

/// Preface, settings without pushed responses, and a GET.
pub fn opening(path: &str, host: &str) -> Vec<u8> {
    let mut settings = ENABLE_PUSH.to_be_bytes().to_vec();
    settings.extend([0; 4]);
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &settings));
    // :method GET and :scheme https, by their places in the static table (RFC 7541 appendix A).
    let mut fields = vec![0x82, 0x87];
    fields.extend(named(PATH, path));
    fields.extend(named(AUTHORITY, host));
    fields.extend(literal("user-agent", USER_AGENT));
    bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, REQUEST, &fields));
    bytes
}

/// An extended CONNECT for a WebSocket (RFC 8441 §4), behind the acknowledgement of settings.
pub fn websocket(path: &str, host: &str) -> Vec<u8> {
    let mut fields = named(METHOD, "CONNECT");
    fields.extend(literal(":protocol", "websocket"));
    fields.push(0x87);
    fields.extend(named(PATH, path));
    fields.extend(named(AUTHORITY, host));
    fields.extend(literal("sec-websocket-version", "13"));
    fields.extend(literal("user-agent", USER_AGENT));
    frame(HEADERS, END_HEADERS, WEBSOCKET, &fields)
}

/// What a server's settings are answered with.
pub fn acknowledgement() -> Vec<u8> {
    frame(SETTINGS, ACKNOWLEDGED, 0, &[])
}

/// Places of names in the static table.
const AUTHORITY: u8 = 1;
const METHOD: u8 = 2;
const PATH: u8 = 4;
const STATUS: u8 = 8;

/// A field without indexing whose name is in the static table (RFC 7541 §6.2.2).
fn named(name: u8, value: &str) -> Vec<u8> {
    let mut field = vec![name];
    field.extend(string(value));
    field
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// Its length in a prefix of 7 bits, and the bytes as they are (RFC 7541 §5.1, §5.2).
fn string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match u8::try_from(text.len()) {
        Ok(length) if length < 127 => bytes.push(length),
        _ => {
            bytes.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128 + 128).expect("less than 256"));
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).expect("less than 128"));
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a request is short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a server has sent so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    /// Whether it takes WebSockets over HTTP/2; `None`: its settings have not come.
    pub takes_websockets: Option<bool>,
    /// What became of requests, by their streams.
    pub answers: Vec<(u32, Http2Answer)>,
}

impl Received {
    /// What became of a request; `None`: nothing yet.
    pub fn answer(&self, stream: u32) -> Option<&Http2Answer> {
        self.answers.iter().find(|(of, _)| *of == stream).map(|(_, answer)| answer)
    }
}

/// Reads what came, from its beginning. What ends the connection is the answer to both requests that
/// have none. An answer without its body counts when the body is whole, or nothing more comes
/// (`is_over`).
pub fn read(bytes: &[u8], is_over: bool) -> Received {
    let mut received = Received::default();
    let mut begun: Vec<(u32, u16, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    while let [l2, l1, l0, kind, flags, s3, s2, s1, s0, behind @ ..] = rest {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let stream = u32::from_be_bytes([*s3, *s2, *s1, *s0]) & 0x7fff_ffff;
        let is_first = received.takes_websockets.is_none();
        let is_settings = (*kind, stream) == (SETTINGS, 0) && flags & ACKNOWLEDGED == 0;
        // A server begins with its settings (RFC 9113 §3.4), or says at once why not.
        let may_be = is_settings && length.is_multiple_of(6) || !is_first || *kind == GOAWAY;
        if length > LONGEST_FRAME || !may_be {
            return ended(received, &Http2Answer::NotHttp2(first_bytes::recognise(bytes)));
        }
        let Some((payload, next)) = behind.split_at_checked(length) else {
            break;
        };
        rest = next;
        match *kind {
            SETTINGS if is_settings => {
                let enabled =
                    settings(payload).any(|(id, value)| (id, value) == (ENABLE_CONNECT, 1));
                let so_far = received.takes_websockets.unwrap_or(false);
                received.takes_websockets = Some(so_far || enabled);
            }
            GOAWAY => {
                // Streams up to this one are still answered (RFC 9113 §6.8).
                let [last, code] = [numbers(payload, 0), numbers(payload, 4)];
                if code != 0 || last < REQUEST {
                    let code = Http2Answer::GoAway { code };
                    return ended(finished(received, begun, true), &code);
                }
            }
            RST_STREAM => {
                received
                    .answers
                    .push((stream, Http2Answer::StreamReset { code: numbers(payload, 0) }));
            }
            HEADERS => {
                if let Some(status) = status(unpadded(payload, *flags)) {
                    begun.push((stream, status, Vec::new()));
                }
            }
            DATA => {
                let of_stream = begun.iter_mut().find(|(of, ..)| *of == stream);
                if let Some((.., body)) = of_stream {
                    body.extend_from_slice(unpadded(payload, *flags & PADDED));
                }
            }
            _ => {}
        }
        if matches!(*kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            received = finished(received, begun.extract_if(.., |(of, ..)| *of == stream), true);
        }
    }
    let is_other = !PREFACE_OF_SERVERS.starts_with(&bytes[..bytes.len().min(1)]);
    if received.takes_websockets.is_none() && is_other {
        return ended(received, &Http2Answer::NotHttp2(first_bytes::recognise(bytes)));
    }
    finished(received, begun, is_over)
}

/// A frame of settings is shorter than 65,536 bytes: its first byte is zero, as no text's is.
const PREFACE_OF_SERVERS: &[u8] = &[0];

fn finished(
    mut received: Received,
    begun: impl IntoIterator<Item = (u32, u16, Vec<u8>)>,
    is_over: bool,
) -> Received {
    if is_over {
        received.answers.extend(begun.into_iter().map(|(stream, status, body)| {
            (stream, Http2Answer::Response { status, body: ServerText::from_bytes(&body) })
        }));
    }
    received
}

/// The same for every request that has no answer.
fn ended(mut received: Received, answer: &Http2Answer) -> Received {
    for stream in [REQUEST, WEBSOCKET] {
        if received.answer(stream).is_none() {
            received.answers.push((stream, answer.clone()));
        }
    }
    received
}

fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload.chunks_exact(6).map(|entry| {
        let id = u16::from_be_bytes([entry[0], entry[1]]);
        (id, numbers(entry, 2))
    })
}

fn numbers(payload: &[u8], at: usize) -> u32 {
    let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.unwrap_or_default())
}

/// A payload without padding and priority (RFC 9113 §6.1, §6.2).
fn unpadded(payload: &[u8], flags: u8) -> &[u8] {
    let (padding, rest) = match payload {
        [padding, rest @ ..] if flags & PADDED != 0 => (usize::from(*padding), rest),
        _ => (0, payload),
    };
    let rest = &rest[..rest.len().saturating_sub(padding)];
    if flags & PRIORITY != 0 { rest.get(5..).unwrap_or_default() } else { rest }
}

/// The status at the beginning of a block of fields (RFC 9113 §8.3.2), behind changes of the size of
/// the table.
fn status(mut block: &[u8]) -> Option<u16> {
    while let [first, rest @ ..] = block {
        match *first {
            // A size that takes one byte.
            size if size & 0xe0 == 0x20 && size & 0x1f != 0x1f => block = rest,
            index if index & 0x80 != 0 => return indexed_status(index & 0x7f),
            named if [0x40, 0, 0x10].contains(&(named & 0xf0)) && is_named_status(named & 0x0f) => {
                return literal_status(rest);
            }
            _ => return None,
        }
    }
    None
}

/// Statuses of the static table (RFC 7541 appendix A).
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// Whether the entry of the static table has the name `:status`. Another value may be written with the name of
/// any of them; servers in Go take the last.
fn is_named_status(index: u8) -> bool {
    index.checked_sub(STATUS).is_some_and(|place| usize::from(place) < STATUSES.len())
}

fn indexed_status(index: u8) -> Option<u16> {
    STATUSES.get(usize::from(index.checked_sub(STATUS)?)).copied()
}

fn literal_status(value: &[u8]) -> Option<u16> {
    let (first, rest) = value.split_first()?;
    let bytes = rest.get(..usize::from(first & 0x7f))?;
    let digits = if first & 0x80 != 0 { huffman_digits(bytes)? } else { bytes.to_vec() };
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// Digits in the Huffman code of HPACK (RFC 7541 appendix B): 0, 1 and 2 in five bits, the others in
/// six; ones behind the last.
fn huffman_digits(bytes: &[u8]) -> Option<Vec<u8>> {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u8, |number, bit| number << 1 | bit);
    let mut rest = bits.as_slice();
    let mut digits = Vec::new();
    while rest.len() >= 5 {
        let five = number(&rest[..5]);
        if five <= 2 {
            digits.push(b'0' + five);
            rest = &rest[5..];
            continue;
        }
        let Some(six) = rest.get(..6).map(number) else { break };
        match six {
            0b01_1001..=0b01_1111 => digits.push(b'3' + (six - 0b01_1001)),
            _ => break,
        }
        rest = &rest[6..];
    }
    (rest.len() < 8 && rest.iter().all(|bit| *bit == 1)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;

    fn server(settings: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
        [frame(SETTINGS, 0, 0, settings), frames.concat()].concat()
    }

    fn response(stream: u32, block: &[u8], body: &str) -> Vec<u8> {
        [
            frame(HEADERS, END_HEADERS, stream, block),
            frame(DATA, END_STREAM, stream, body.as_bytes()),
        ]
        .concat()
    }

    #[test]
    fn a_response_is_read_with_its_status_in_each_form() {
        let huffman = [0x48, 0x82, 0b0110_1000, 0b0000_0001];
        for (block, status) in [
            (&[0x88][..], 200),
            (&[0x8d], 404),
            (&[0x48, 3, b'4', b'0', b'1'], 401),
            (&[0x20, 0x08, 3, b'5', b'0', b'2'], 502),
            (&huffman, 401),
            // As Go writes it: the name is that of `:status 500`.
            (&[0x4e, 0x82, 0b0110_1000, 0b0000_0001], 401),
        ] {
            let received = read(&server(&[], &[response(REQUEST, block, "no")]), false);
            let expected = Http2Answer::Response { status, body: ServerText::new("no") };
            assert_eq!(received.answer(REQUEST), Some(&expected), "{block:?}");
            assert_eq!(received.takes_websockets, Some(false));
        }
    }

    #[test]
    fn websockets_are_taken_where_the_settings_say_so() {
        let received = read(&server(&[0, 8, 0, 0, 0, 1], &[]), false);
        assert_eq!(received.takes_websockets, Some(true));
        assert_eq!(received.answer(REQUEST), None);
    }

    #[test]
    fn what_is_not_http2_is_named() {
        let answer = read(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).answer(REQUEST).cloned();
        let line = ServerText::new("HTTP/1.1 400 Bad Request");
        assert_eq!(answer, Some(Http2Answer::NotHttp2(FirstBytes::Http(line))));
    }

    #[test]
    fn goaway_and_reset_end_a_request() {
        let goaway = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1]);
        let received = read(&server(&[], &[goaway]), false);
        assert_eq!(received.answer(REQUEST), Some(&Http2Answer::GoAway { code: 1 }));
        let reset = frame(RST_STREAM, 0, REQUEST, &[0, 0, 0, 2]);
        let received = read(&server(&[], &[reset]), false);
        assert_eq!(received.answer(REQUEST), Some(&Http2Answer::StreamReset { code: 2 }));
    }

    #[test]
    fn long_paths_have_their_length_in_several_bytes() {
        let long = "x".repeat(1000);
        assert_eq!(string(&long)[..3], [127, 0x80 | (873 % 128) as u8, 6]);
        assert_eq!(string("abc"), [3, b'a', b'b', b'c']);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            read(&bytes, true);
            read(&server(&[], std::slice::from_ref(&bytes)), true);
            read(&server(&[], &[frame(HEADERS, 0x2d, 1, &bytes)]), true);
        }
    }
}
