//! From where a request comes, if it came through proxies.

use std::net::{IpAddr, SocketAddr};

use crate::model::prefix::AddressPrefix;

/// The address of the client: the last one in `X-Forwarded-For` that is not a trusted proxy's. Each proxy adds the address from
/// which it was asked, so that a field is believed only as far as those who wrote its end are trusted.
///
/// `fields` are the values of all fields of that name, in their order.
pub fn source(peer: IpAddr, fields: &[&str], trusted: &[AddressPrefix]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.contains(address));
    let mut source = peer.to_canonical();
    for entry in fields.iter().rev().flat_map(|field| field.rsplit(',')) {
        if !is_trusted(source) {
            break;
        }
        match address(entry.trim()) {
            Some(address) => source = address.to_canonical(),
            None => break,
        }
    }
    source
}

/// An address, which some proxies write with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_address_is_not_believed() {
        let trusted: Vec<AddressPrefix> =
            ["127.0.0.1", "10.0.0.0/8"].map(|text| text.parse().unwrap()).into();
        let table: [(&str, &[&str], &str); 11] = [
            ("127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            // Not from a proxy: the field is the client's own.
            ("198.51.100.1", &["203.0.113.7"], "198.51.100.1"),
            // What the client wrote itself stands to the left of what the proxy added.
            ("127.0.0.1", &["192.0.2.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["192.0.2.1", "203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", &["203.0.113.7, unknown"], "127.0.0.1"),
            ("::ffff:127.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("127.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("127.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
        ];
        for (peer, fields, expected) in table {
            let found = source(peer.parse().unwrap(), fields, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {fields:?}");
        }
    }
}
