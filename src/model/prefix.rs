//! Networks as prefixes of addresses (RFC 4632, RFC 4291 §2.3).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that begin with the same bits: `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressPrefix {
    /// Zero behind the prefix; an IPv4-mapped address is the IPv4 address in it.
    first: IpAddr,
    length: u8,
}

/// A text that is not an [`AddressPrefix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address with the length of its prefix, such as 127.0.0.1/32 or 2001:db8::/56")]
pub struct InvalidAddressPrefix;

impl AddressPrefix {
    /// The prefix of this many bits of an address, of all of them at most.
    pub fn of(address: IpAddr, length: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let length = length.min(32);
                let kept = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Self { first: IpAddr::V4((address.to_bits() & kept).into()), length }
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                let kept = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Self { first: IpAddr::V6((address.to_bits() & kept).into()), length }
            }
        }
    }

    /// Whether an address has this prefix.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::of(address, self.length) == *self
    }
}

impl FromStr for AddressPrefix {
    type Err = InvalidAddressPrefix;

    /// An address with the length of its prefix, or a single address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| InvalidAddressPrefix)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), str::parse).map_err(|_| InvalidAddressPrefix)?;
        if length > longest {
            return Err(InvalidAddressPrefix);
        }
        Ok(Self::of(address, length))
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_the_addresses_that_begin_with_it() {
        let table = [
            ("192.0.2.77/24", "192.0.2.0/24", "192.0.2.1", "192.0.3.1"),
            ("127.0.0.1", "127.0.0.1/32", "::ffff:127.0.0.1", "127.0.0.2"),
            ("2001:db8:0:ff::1/56", "2001:db8::/56", "2001:db8:0:1::", "2001:db8:0:100::"),
            ("::/0", "::/0", "2001:db8::1", "192.0.2.1"),
            ("0.0.0.0/0", "0.0.0.0/0", "192.0.2.1", "2001:db8::1"),
        ];
        for (text, shown, inside, outside) in table {
            let prefix: AddressPrefix = text.parse().unwrap();
            assert_eq!(prefix.to_string(), shown);
            assert!(prefix.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!prefix.contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for wrong in ["", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "example.io/24", "/24"] {
            assert_eq!(wrong.parse::<AddressPrefix>(), Err(InvalidAddressPrefix), "{wrong}");
        }
    }
}
