//! Networks: `cidr`, for both versions of IP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotANetwork {
    #[error("`{0}` is not an IP network")]
    Unreadable(String),
    #[error("`{0}` has bits set beyond its prefix")]
    HostBits(String, Network),
}

impl std::fmt::Display for Network {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix_bits)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let unreadable = || NotANetwork::Unreadable(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.trim().parse().map_err(|_| unreadable())?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => {
                prefix.trim().parse().ok().filter(|&bits| bits <= width).ok_or_else(unreadable)?
            }
            None => width,
        };
        let network = Self { address: masked(address, prefix_bits), prefix_bits };
        if network.address == address {
            Ok(network)
        } else {
            Err(NotANetwork::HostBits(text.to_owned(), network))
        }
    }
}

impl Network {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.prefix_bits) == self.address
    }
}

fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix_bits)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// The address that a value is. Windows writes IPv4 clients of IPv6 sockets as `::ffff:10.0.0.1` and link-local ones
/// with a zone (`fe80::1%4`); both are the address itself.
pub(crate) fn parse(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    let text = text.split_once('%').map_or(text, |(address, _zone)| address);
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, address: &str, expected: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(parse(address.as_bytes()).is_some_and(|address| network.contains(address)), expected);
    }

    #[test]
    fn membership() {
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("192.168.1.7", "192.168.1.7", true);
        check("192.168.1.7/32", "192.168.1.8", false);
        check("fe80::/10", "fe80::1%4", true);
        check("::1/128", "::1", true);
        check("::/0", "10.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("10.0.0.0/8", "10.0.0.1:443", false);
        check("10.0.0.0/8", "-", false);
    }

    #[test]
    fn nonsense_is_told() {
        for text in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129", ""] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork::Unreadable(text.into())));
        }
        let Err(NotANetwork::HostBits(_, meant)) = "10.0.0.1/8".parse::<Network>() else {
            panic!("accepted")
        };
        assert_eq!(meant.to_string(), "10.0.0.0/8");
    }
}
