//! Headers of the PROXY protocol (haproxy's `proxy-protocol.txt`, version 2).

/// The signature of version 2 (§2.2).
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// A header for a connection that its sender opened for itself (`LOCAL`), without addresses. Servers
/// that expect a header take it and use the addresses of the connection.
pub fn local_header() -> [u8; 16] {
    const VERSION_2_LOCAL: u8 = 0x20;
    const UNSPECIFIED: u8 = 0;
    let mut header = [0; 16];
    header[..SIGNATURE.len()].copy_from_slice(&SIGNATURE);
    header[SIGNATURE.len()..].copy_from_slice(&[VERSION_2_LOCAL, UNSPECIFIED, 0, 0]);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;
    use crate::proto::first_bytes;

    #[test]
    fn a_header_is_recognised_as_one() {
        assert_eq!(first_bytes::recognise(&local_header()), FirstBytes::ProxyProtocol);
    }
}
