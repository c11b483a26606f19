//! Networks in CIDR notation (RFC 4632, RFC 4291 §2.3), and which of many an address lies in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustc_hash::FxHashMap;

/// A network: an address of which only the first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().ok()?;
        let bits = bits.map_or(Some(width(address)), |bits| bits.parse().ok())?;
        (bits <= width(address)).then(|| Self { address: masked(address, bits), bits })
    }

    /// The one address that it has.
    pub(crate) fn single(self) -> Option<IpAddr> {
        (self.bits == width(self.address)).then_some(self.address)
    }

    pub(crate) fn bits(self) -> u8 {
        self.bits
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// Many networks, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Networks {
    numbers: FxHashMap<Network, u32>,
    /// Which lengths of prefixes there are, the longest first: few, whatever the number of networks.
    lengths_v4: Vec<u8>,
    lengths_v6: Vec<u8>,
}

impl Networks {
    /// Adds a network; gives the number that stands there already, if one does.
    pub(crate) fn add(&mut self, network: Network, number: u32) -> Option<u32> {
        let lengths = if network.address.is_ipv4() { &mut self.lengths_v4 } else { &mut self.lengths_v6 };
        if let Err(at) = lengths.binary_search_by(|length| network.bits.cmp(length)) {
            lengths.insert(at, network.bits);
        }
        let first = *self.numbers.entry(network).or_insert(number);
        (first != number).then_some(first)
    }

    /// The numbers of the networks that hold an address, the narrowest first.
    pub(crate) fn holding(&self, address: IpAddr) -> impl Iterator<Item = u32> + '_ {
        let lengths = if address.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        lengths.iter().filter_map(move |&bits| {
            self.numbers.get(&Network { address: masked(address, bits), bits }).copied()
        })
    }

    /// The numbers of the networks that hold a network as a whole.
    pub(crate) fn holding_all_of(&self, network: Network) -> impl Iterator<Item = u32> + '_ {
        let lengths = if network.address.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        lengths.iter().filter(move |bits| **bits <= network.bits).filter_map(move |&bits| {
            self.numbers.get(&Network { address: masked(network.address, bits), bits }).copied()
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub(crate) fn has_v6(&self) -> bool {
        !self.lengths_v6.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_first() {
        let mut networks = Networks::default();
        for (number, text) in ["10.0.0.0/8", "10.1.2.3/16", "10.1.2.3", "2001:db8::/32"].iter().enumerate() {
            networks.add(Network::parse(text).unwrap(), number as u32);
        }
        let holding = |text: &str| networks.holding(text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(holding("10.1.2.3"), [2, 1, 0]);
        assert_eq!(holding("10.1.9.9"), [1, 0]);
        assert_eq!(holding("10.9.9.9"), [0]);
        assert_eq!(holding("11.0.0.0"), []);
        assert_eq!(holding("2001:db8::1"), [3]);
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("::/129"), None);
        assert_eq!(Network::parse("0.0.0.0/0").map(|network| network.to_string()), Some("0.0.0.0/0".into()));
    }
}
