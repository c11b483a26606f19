//! Who is at the other end of a connection.

use std::net::IpAddr;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The fingerprint of its certificate, which an authority of the configuration has signed.
    pub(crate) certificate: Option<Vec<u8>>,
}
