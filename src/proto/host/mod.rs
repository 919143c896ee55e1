//! What the files and programs of a Linux machine say about it: bytes in, facts out.

pub mod iptables;
pub mod nftables;
pub mod proxies;
pub mod system;

use std::net::IpAddr;

use crate::model::facts::{NetworkBlock, PortSet};

/// The number of a port, or its name as listings write it without `-n`.
fn port_number(text: &str) -> Option<u16> {
    text.parse().ok()
}

/// `443`, `50000-60000` or, with `:`, `50000:60000` and `:1023`.
fn port_range(text: &str, separator: char) -> Option<(u16, u16)> {
    let Some((first, last)) = text.split_once(separator) else {
        return port_number(text).map(|port| (port, port));
    };
    let first = if first.is_empty() { 0 } else { port_number(first)? };
    let last = if last.is_empty() { u16::MAX } else { port_number(last)? };
    (first <= last).then_some((first, last))
}

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or one address.
fn block(text: &str) -> Option<NetworkBlock> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => whole,
        Some(length) => length.parse().ok().or_else(|| mask_length(length))?,
    };
    NetworkBlock::of_prefix(address, length)
}

/// The length of `255.255.0.0`; a mask with holes has none.
fn mask_length(mask: &str) -> Option<u32> {
    let bits = mask.parse::<std::net::Ipv4Addr>().ok()?.to_bits();
    let ones = bits.leading_ones();
    (ones + bits.trailing_zeros() == u32::BITS || bits == u32::MAX).then_some(ones)
}

fn ports(ranges: Vec<(u16, u16)>, negated: bool) -> PortSet {
    PortSet { ranges, negated }
}
