//! How a connection to PostgreSQL is secured: the one place that a TLS library is put into.

use postgres::{Client, Config, NoTls};

/// Connects to the first host that takes writes. Without TLS a server is reached over a socket of the machine or over
/// a network that is protected otherwise; an address with `sslmode=require` is refused, never downgraded.
pub(crate) fn connect(config: &Config) -> Result<Client, postgres::Error> {
    config.connect(NoTls)
}
