//! The beginning of an HTTP/2 connection (RFC 9113 §3.4), as gRPC servers without TLS take it.

use super::{remainder, stranger};
use crate::model::facts::ServiceAnswer;

/// The connection preface and an empty SETTINGS frame (RFC 9113 §3.4, §6.5).
pub const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Bytes of a frame's header (RFC 9113 §4.1).
const HEADER: usize = 9;

/// The longest frame before other limits were agreed on (RFC 9113 §6.5.2).
const LONGEST_FRAME: u32 = 16_384;

/// More than this is never read.
pub const LONGEST: usize = 512;

/// Reads what came so far; `None` as long as more may tell. `received` is not empty.
pub fn read(received: &[u8]) -> Option<ServiceAnswer> {
    // The length of a SETTINGS frame begins with zero, no other protocol's text does.
    if received.first() != Some(&0) {
        return stranger(received);
    }
    let header = received.get(..HEADER)?;
    Some(if is_settings(header) { ServiceAnswer::Http2 } else { remainder(received) })
}

/// Whole settings of 6 bytes, type 4, no flags (that would be an acknowledgement), stream 0
/// (RFC 9113 §6.5).
fn is_settings(header: &[u8]) -> bool {
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    length <= LONGEST_FRAME && length.is_multiple_of(6) && header[3..HEADER] == [4, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{FirstBytes, ServerText};

    #[test]
    fn a_settings_frame_is_http2() {
        // As grpc-go sends it: MAX_FRAME_SIZE 16384.
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0x40, 0];
        assert_eq!(read(&settings), Some(ServiceAnswer::Http2));
        assert_eq!(read(&settings[..9]), Some(ServiceAnswer::Http2));
        assert_eq!(read(&settings[..8]), None);
    }

    #[test]
    fn other_frames_are_not() {
        let acknowledgement = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        let half_a_setting = [0, 0, 7, 4, 0, 0, 0, 0, 0];
        let huge = [0xff, 0xff, 0xfc, 4, 0, 0, 0, 0, 0];
        for frame in [acknowledgement, goaway, half_a_setting, huge] {
            assert!(matches!(read(&frame), Some(ServiceAnswer::Other(FirstBytes::Binary(_)))));
        }
    }

    #[test]
    fn http1_is_told_as_that() {
        let line = ServerText::new("HTTP/1.1 400 Bad Request");
        assert_eq!(
            read(b"HTTP/1.1 400 Bad Request\r\n"),
            Some(ServiceAnswer::Other(FirstBytes::Http(line)))
        );
    }
}
