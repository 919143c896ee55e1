//! STUN on a stream: where one message ends (RFC 8489 §6.2.2).

use super::message::{HEADER, announced_length, looks_like_stun};
use crate::model::facts::{ServerText, StunAnswer};
use crate::proto::first_bytes;

/// What the bytes at the beginning of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Too few bytes to tell, or the beginning of a message.
    Incomplete,
    /// A whole message of this many bytes, 20 to 65,552.
    Whole(usize),
    /// The header gives this length, which is no multiple of 4 (RFC 8489 §5).
    Unaligned(usize),
    NotStun,
}

/// Looks for a STUN message at the beginning of what a TCP or TLS stream brought: STUN needs no
/// framing of its own there, its header has the length (RFC 8489 §6.2.2).
///
/// Anything else is told as early as it differs, before a wrong length makes us wait: the letters
/// of `HTTP` would pass for TURN channel data, a TLS record for a STUN method.
pub fn frame(received: &[u8]) -> Frame {
    if !looks_like_stun(received) {
        return Frame::NotStun;
    }
    if received.len() < HEADER {
        return Frame::Incomplete;
    }
    let length = announced_length(received);
    if !length.is_multiple_of(4) {
        return Frame::Unaligned(length);
    }
    if received.len() < HEADER + length {
        return Frame::Incomplete;
    }
    Frame::Whole(HEADER + length)
}

/// What a stream brought that ends, or stays silent, within a message. `received` is not empty.
pub fn cut_off(received: &[u8]) -> StunAnswer {
    let came = received.len();
    if came < HEADER {
        return StunAnswer::NotStun(first_bytes::recognise(received));
    }
    let announced = HEADER + announced_length(received);
    StunAnswer::Malformed(ServerText::new(&format!(
        "its header announces {announced} bytes, {came} came"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;

    /// A Binding success of 32 bytes, with XOR-MAPPED-ADDRESS.
    const MESSAGE: [u8; 32] = *b"\x01\x01\x00\x0c\x21\x12\xa4\x42ovcheck-test\x00\x20\x00\x08\x00\x01\x21\x13\xea\x12\xd5\x45";

    #[test]
    fn a_stream_is_cut_into_messages() {
        let message = MESSAGE;
        let two = [&message[..], &message[..5]].concat();
        assert_eq!(frame(&[]), Frame::Incomplete);
        assert_eq!(frame(&message[..31]), Frame::Incomplete);
        assert_eq!(frame(&two), Frame::Whole(32));
    }

    #[test]
    fn what_is_not_stun_is_told_by_its_first_bytes() {
        assert_eq!(frame(b"H"), Frame::NotStun);
        let tls_alert = [0x15, 3, 3, 0, 2, 2, 70];
        assert_eq!(frame(&tls_alert), Frame::NotStun);
        let channel_data = [0x40, 0, 0, 4];
        assert_eq!(frame(&channel_data), Frame::NotStun);
    }

    #[test]
    fn a_length_that_is_no_multiple_of_four_is_told_without_waiting_for_the_rest() {
        let mut message = MESSAGE;
        message[2..4].copy_from_slice(&[0xff, 0xfd]);
        assert_eq!(frame(&message), Frame::Unaligned(65_533));
    }

    #[test]
    fn a_stream_that_ends_within_a_message_says_how_much_came() {
        let mut message = MESSAGE;
        message[2..4].copy_from_slice(&[0xff, 0xfc]);
        assert_eq!(
            cut_off(&message),
            StunAnswer::Malformed(ServerText::new("its header announces 65552 bytes, 32 came"))
        );
        assert_eq!(cut_off(&[0, 1]), StunAnswer::NotStun(FirstBytes::Binary("0001".into())));
    }
}
