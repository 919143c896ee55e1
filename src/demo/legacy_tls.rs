//! The beginning of a TLS 1.1 handshake, which rustls does not have.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connections::close_gently;

/// As many bytes of a connection as say which version its ClientHello asks for: the record's head
/// (5), the message's (4), the version (2).
pub const HELLO_START: usize = 11;

/// The first byte of a TLS record that holds a handshake message (RFC 8446 §5.1).
pub const HANDSHAKE_RECORD: u8 = 22;

/// The highest version that a ClientHello offers, as its `client_version` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// SSL 3.0 or TLS 1.0.
    Older,
    Tls11,
    /// TLS 1.2, or 1.3, which says so elsewhere (RFC 8446 §4.1.2).
    Tls12OrNewer,
}

/// What the first bytes of a ClientHello offer; `None` for another message.
pub fn offer(start: &[u8; HELLO_START]) -> Option<Offer> {
    const CLIENT_HELLO: u8 = 1;
    match (start[0], start[5], start[9], start[10]) {
        (HANDSHAKE_RECORD, CLIENT_HELLO, 3, 0 | 1) => Some(Offer::Older),
        (HANDSHAKE_RECORD, CLIENT_HELLO, 3, 2) => Some(Offer::Tls11),
        (HANDSHAKE_RECORD, CLIENT_HELLO, 3, _) => Some(Offer::Tls12OrNewer),
        _ => None,
    }
}

/// Refuses with the fatal alert protocol_version (70), as OpenSSL does.
///
/// # Errors
/// The connection's.
pub async fn refuse<S>(mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&[21, 3, 1, 0, 2, 2, 70]).await?;
    close_gently(stream).await
}

/// Answers a ClientHello that offers TLS 1.1, of which `start` was read, with ServerHello,
/// Certificate and ServerHelloDone. It stops there, because a client has its answer by then.
///
/// # Errors
/// The connection's, or that of a ClientHello that cannot be read.
pub async fn accept_tls11<S>(
    mut stream: S,
    start: &[u8; HELLO_START],
    certificates: &[&[u8]],
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let record = usize::from(u16::from_be_bytes([start[3], start[4]]));
    let mut rest = vec![0; record.saturating_sub(HELLO_START - 5)];
    stream.read_exact(&mut rest).await?;
    let choice = choose(&rest).ok_or(io::ErrorKind::InvalidData)?;
    stream.write_all(&answer(&choice, certificates)).await?;
    close_gently(stream).await
}

/// What the answer to a ClientHello depends on.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    suite: [u8; 2],
    /// Whether the client said that it knows secure renegotiation (RFC 5746 §3.3).
    renegotiation: bool,
}

/// Chooses TLS_RSA_WITH_AES_128_CBC_SHA, which every client of that age has, or else the first
/// suite that is offered. `rest`: the ClientHello behind its version.
fn choose(rest: &[u8]) -> Option<Choice> {
    const RANDOM: usize = 32;
    const AES_128: [u8; 2] = [0x00, 0x2f];
    const RENEGOTIATION_INFO: [u8; 2] = [0x00, 0xff];
    let session_id = usize::from(*rest.get(RANDOM)?);
    let suites = rest.get(RANDOM + 1 + session_id..)?;
    let (length, suites) = suites.split_first_chunk::<2>()?;
    let suites = suites.get(..usize::from(u16::from_be_bytes(*length)))?;
    let (suites, _) = suites.as_chunks::<2>();
    let suite = if suites.contains(&AES_128) { AES_128 } else { *suites.first()? };
    Some(Choice { suite, renegotiation: suites.contains(&RENEGOTIATION_INFO) })
}

/// One record with three messages (RFC 4346 §7.4).
fn answer(choice: &Choice, certificates: &[&[u8]]) -> Vec<u8> {
    const VERSION: [u8; 2] = [3, 2];
    const SERVER_HELLO: u8 = 2;
    const CERTIFICATE: u8 = 11;
    const SERVER_HELLO_DONE: u8 = 14;
    /// renegotiation_info without a connection to continue, after the length of all extensions.
    const RENEGOTIATION_INFO: &[u8] = &[0, 5, 0xff, 0x01, 0, 1, 0];
    let extensions = if choice.renegotiation { RENEGOTIATION_INFO } else { &[] };
    let hello = [
        VERSION.as_slice(),
        &rand::random::<[u8; 32]>(),
        // No session id; the suite; no compression.
        &[0],
        &choice.suite,
        &[0],
        extensions,
    ]
    .concat();
    let list: Vec<u8> = certificates.iter().flat_map(|der| counted(der)).collect();
    let message = |kind: u8, body: &[u8]| [vec![kind], counted(body)].concat();
    let messages = [
        message(SERVER_HELLO, &hello),
        message(CERTIFICATE, &counted(&list)),
        message(SERVER_HELLO_DONE, &[]),
    ]
    .concat();
    let length = u16::try_from(messages.len()).expect("two certificates fit into one record");
    [&[HANDSHAKE_RECORD], VERSION.as_slice(), &length.to_be_bytes(), &messages].concat()
}

/// Bytes with their number before them, in three bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("two certificates have a few thousand bytes");
    [&length.to_be_bytes()[1..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello_start(version: [u8; 2]) -> [u8; HELLO_START] {
        [22, 3, 1, 0, 100, 1, 0, 0, 96, version[0], version[1]]
    }

    #[test]
    fn the_version_of_a_client_hello_is_read_behind_its_heads() {
        assert_eq!(offer(&hello_start([3, 1])), Some(Offer::Older));
        assert_eq!(offer(&hello_start([3, 2])), Some(Offer::Tls11));
        assert_eq!(offer(&hello_start([3, 3])), Some(Offer::Tls12OrNewer));
        assert_eq!(offer(b"GET / HTTP/"), None);
    }

    #[test]
    fn a_suite_is_chosen_among_those_offered() {
        let hello = |suites: &[u8]| {
            let length = u8::try_from(suites.len()).unwrap();
            [&[7; 32], [0].as_slice(), &[0, length], suites, &[1, 0]].concat()
        };
        let chosen = |suites: &[u8]| choose(&hello(suites)).unwrap().suite;
        assert_eq!(chosen(&[0xc0, 0x13, 0x00, 0x2f]), [0x00, 0x2f]);
        assert_eq!(chosen(&[0xc0, 0x13, 0xc0, 0x14]), [0xc0, 0x13]);
        assert_eq!(choose(&hello(&[])), None);
        assert_eq!(choose(&[7; 33]), None);
    }
}
