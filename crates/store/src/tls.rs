//! How a connection to PostgreSQL is secured: what `sslmode` and its companions in an address ask for, over rustls.
//!
//! The words are those of libpq (PostgreSQL, "Connection Strings" and "SSL Support"); what is not offered is refused by
//! name and never ignored. One thing differs: where the address says nothing, a server on the network must prove who it is
//! (`verify-full`). libpq would take any answer (`prefer`), and what a node keeps may be for named eyes only.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::without_password;
use crate::error::{Result, StoreError};

/// A file of certificates or of a key: all authorities of a system are a quarter of it.
const PEM_LIMIT_BYTES: u64 = 1 << 20;

/// What else may stand in an address: the options that the client below knows.
const OPTIONS: [&str; 18] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
    "sslnegotiation",
];

/// How a server is asked for TLS and what it must prove, as libpq names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What an address says of TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    mode: Option<Mode>,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

/// How connections are secured.
#[derive(Clone)]
pub(crate) struct Tls(Option<MakeRustlsConnect>);

impl Tls {
    /// Connects to the first host that takes writes.
    pub(crate) fn connect(&self, config: &Config) -> std::result::Result<Client, postgres::Error> {
        match &self.0 {
            Some(connector) => config.connect(connector.clone()),
            None => config.connect(NoTls),
        }
    }
}

/// Reads an address: where to connect to, and how that is secured.
pub(crate) fn read(address: &str) -> Result<(Config, Tls)> {
    let wrong = |reason: String| StoreError::Address { address: without_password(address), reason };
    let (rest, asked) = take_out(address).map_err(wrong)?;
    let mut config: Config = rest.parse().map_err(|error: postgres::Error| wrong(error.to_string()))?;
    let mode = asked.mode.unwrap_or_else(|| default_mode(&config, &asked));
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    if mode == Mode::Disable {
        return Ok((config, Tls(None)));
    }
    let client = client(mode, &asked).map_err(wrong)?;
    Ok((config, Tls(Some(MakeRustlsConnect::new(client)))))
}

/// Takes the options of TLS out of an address; the client below does not know them.
fn take_out(address: &str) -> std::result::Result<(String, Asked), String> {
    // A password before the hosts may hold a question mark.
    let hosts = address.find('@').map_or(0, |at| at + 1);
    let Some(question) = address[hosts..].find('?').map(|at| hosts + at) else {
        return Ok((address.to_owned(), Asked::default()));
    };
    let (mut kept, mut asked) = (Vec::new(), Asked::default());
    for option in address[question + 1..].split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = decode(value).ok_or_else(|| "an option is not percent-encoded text".to_owned())?;
        match name {
            "sslmode" => asked.mode = Some(mode(&value)?),
            "sslrootcert" => asked.authorities = Some(value),
            "sslcert" => asked.certificate = Some(value),
            "sslkey" => asked.key = Some(value),
            name if OPTIONS.contains(&name) => kept.push(option),
            // Not told by its name: it may be the end of a password.
            _ => {
                let known = OPTIONS.join(", ");
                return Err(format!(
                    "it has an option that is not known; hint: there are sslmode, sslrootcert, sslcert, sslkey, {known}"
                ));
            }
        }
    }
    let rest = &address[..question];
    let rest = if kept.is_empty() { rest.to_owned() } else { format!("{rest}?{}", kept.join("&")) };
    Ok((rest, asked))
}

fn mode(name: &str) -> std::result::Result<Mode, String> {
    Ok(match name {
        "disable" => Mode::Disable,
        "prefer" => Mode::Prefer,
        "require" => Mode::Require,
        "verify-ca" => Mode::VerifyCa,
        "verify-full" => Mode::VerifyFull,
        _ => {
            let modes = "disable, prefer, require, verify-ca, verify-full";
            return Err(format!("its sslmode is none that is offered; hint: there are {modes}"));
        }
    })
}

/// Undoes percent-encoding, as addresses of libpq have it: a plus is a plus.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// What holds where an address names no mode. On the machine itself nobody listens in between.
fn default_mode(config: &Config, asked: &Asked) -> Mode {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    };
    let here = match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(is_here),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    };
    // Whoever names authorities wants them to be asked.
    if here && asked.authorities.is_none() { Mode::Prefer } else { Mode::VerifyFull }
}

fn client(mode: Mode, asked: &Asked) -> std::result::Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    // As with libpq, `require` with authorities is `verify-ca`.
    let trusted = match (mode, &asked.authorities) {
        (Mode::Prefer, _) | (Mode::Require, None) => None,
        (_, file) => Some(trusted(file.as_deref())?),
    };
    let verifier = Verifier { trusted, is_named: mode == Mode::VerifyFull, provider };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    match (&asked.certificate, &asked.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let of_key = |error: &dyn std::fmt::Display| format!("its sslkey {key} cannot be used: {error}");
            let private = PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|error| of_key(&error))?;
            builder.with_client_auth_cert(chain, private).map_err(|error| of_key(&error))
        }
        _ => Err("sslcert and sslkey go together".to_owned()),
    }
}

/// The authorities of a file; without one, or for `system`, those that the system trusts.
fn trusted(file: Option<&str>) -> std::result::Result<Trusted, String> {
    let (name, found) = match file {
        None | Some("system") => ("the system", rustls_native_certs::load_native_certs().certs),
        Some(file) => (file, certificates(file)?),
    };
    let mut roots = RootCertStore::empty();
    match roots.add_parsable_certificates(found.iter().cloned()) {
        (0, _) => Err(format!("{name} names no authority to trust; hint: sslrootcert=FILE")),
        _ => Ok(Trusted { roots, themselves: found }),
    }
}

fn certificates(file: &str) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(&bytes(file)?)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| format!("{file} holds no certificates: {error}"))
}

fn bytes(file: &str) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    #[expect(clippy::disallowed_methods)] // within the limit above
    let read = fs::File::open(file).and_then(|opened| opened.take(PEM_LIMIT_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot read {file}: {error}"))?;
    Ok(bytes)
}

/// Who is trusted.
#[derive(Debug)]
struct Trusted {
    roots: RootCertStore,
    /// A server may show one of these as its own: PostgreSQL's documentation makes its first certificate like that.
    themselves: Vec<CertificateDer<'static>>,
}

/// Asks a server for a certificate that somebody trusted vouches for and, where it must be, for its name; without anybody
/// who is trusted, for any certificate.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    is_named: bool,
    provider: Arc<CryptoProvider>,
}

type Verified<T> = std::result::Result<T, rustls::Error>;

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Verified<ServerCertVerified> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        let parsed = ParsedCertificate::try_from(certificate)?;
        if !trusted.themselves.contains(certificate) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let roots = &trusted.roots;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if self.is_named {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified<HandshakeSignatureValid> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified<HandshakeSignatureValid> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str) -> (String, Asked) {
        take_out(address).unwrap()
    }

    #[test]
    fn options_of_tls_are_taken_out() {
        let (rest, found) = asked(
            "postgres://a?b@h/d?sslmode=verify-ca&user=x&sslrootcert=%2fca%20x+.pem&sslcert=c&sslkey=k",
        );
        assert_eq!(rest, "postgres://a?b@h/d?user=x");
        let text = |text: &str| Some(text.to_owned());
        let expected = Asked {
            mode: Some(Mode::VerifyCa),
            authorities: text("/ca x+.pem"),
            certificate: text("c"),
            key: text("k"),
        };
        assert_eq!(found, expected);
        assert_eq!(asked("postgres://h/d?sslmode=disable").0, "postgres://h/d");
        assert_eq!(asked("postgres://h/d"), ("postgres://h/d".to_owned(), Asked::default()));
    }

    #[test]
    fn what_is_not_offered_is_refused_without_a_word_of_a_password() {
        for address in [
            "postgres://h/d?sslmode=allow",
            "postgres://h/d?sslmode=hunter2",
            "postgres://h/d?password=a&hunter2=b",
            "postgres://h/d?password=hunter2&sslcrl=x",
            "postgres://h/d?password=hunter2&sslcert=/nowhere",
            "postgres://h/d?password=hunter2%",
            "postgres://ben:hunter2@h:x/d",
        ] {
            let Err(refused) = read(address).map(|_| ()) else { panic!("{address}") };
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        }
    }

    #[test]
    fn on_the_network_a_server_proves_who_it_is() {
        for (address, expected) in [
            ("postgres://h/d", Mode::VerifyFull),
            ("postgres://127.0.0.1,h/d", Mode::VerifyFull),
            ("postgres://10.0.0.1/d", Mode::VerifyFull),
            ("postgres://localhost/d?hostaddr=10.0.0.1", Mode::VerifyFull),
            ("postgres://db/d?hostaddr=127.0.0.1", Mode::Prefer),
            ("postgres://127.0.0.1:5000,localhost,[::1]/d", Mode::Prefer),
            ("postgres://%2Frun%2Fpostgresql/d", Mode::Prefer),
            ("postgres:///d?host=/run/postgresql", Mode::Prefer),
            ("postgres://localhost/d?sslrootcert=ca.pem", Mode::VerifyFull),
        ] {
            let (rest, asked) = asked(address);
            assert_eq!(default_mode(&rest.parse().unwrap(), &asked), expected, "{address}");
        }
    }
}
