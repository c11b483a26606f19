//! IP addresses and networks in CIDR notation (STIX 2.1 §6.8, §6.9), and which contains which.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A set of addresses: one address, or all that share a prefix. Bits behind the prefix do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    pub(crate) version_6: bool,
    /// How many leading bits all addresses share.
    pub(crate) prefix: u8,
    /// Those bits at the top, zeros behind.
    pub(crate) bits: u128,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (version_6, bits, width) = match address.parse::<Ipv4Addr>() {
            Ok(address) => (false, u128::from(u32::from(address)) << 96, 32),
            Err(_) => (true, u128::from(address.parse::<Ipv6Addr>().ok()?), 128),
        };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= width).then(|| Self { version_6, prefix, bits: masked(bits, prefix) })
    }

    /// The network of a shorter prefix around this one.
    pub(crate) fn around(self, prefix: u8) -> Self {
        Self { prefix, bits: masked(self.bits, prefix), ..self }
    }

    /// Whether every address of this set is in the other.
    pub(crate) fn is_subset_of(self, other: Self) -> bool {
        self.version_6 == other.version_6
            && self.prefix >= other.prefix
            && masked(self.bits, other.prefix) == other.bits
    }
}

fn masked(bits: u128, prefix: u8) -> u128 {
    bits & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(inner: &str, outer: &str, expected: bool) {
        let [inner, outer] = [inner, outer].map(|text| Network::parse(text).unwrap());
        assert_eq!(inner.is_subset_of(outer), expected, "{inner:?} in {outer:?}");
    }

    #[test]
    fn subsets() {
        check("198.51.100.0/27", "198.51.100.0/24", true);
        check("198.51.100.0/24", "198.51.100.0/27", false);
        check("11.22.33.44", "11.22.41.123/20", true);
        check("11.22.33.44", "11.22.123.41/20", false);
        check("11.22.33.44", "11.22.33.44", true);
        check("11.22.33.44", "0.0.0.0/0", true);
        check("::1", "0.0.0.0/0", false);
        check("2001:db8:dead:beef::1", "2001:0db8:dead:beef:0000:0000:0000:0000/64", true);
        check("2001:db8:dead:bee0::1", "2001:db8:dead:beef::/64", false);
        check("::/0", "::/0", true);
    }

    #[test]
    fn no_networks() {
        for text in
            ["", "hello", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+1", "::/129", "01.2.3.4", "1.2.3.4/a"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
