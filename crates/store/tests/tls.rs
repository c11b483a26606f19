//! What `sslmode` promises, against a server of PostgreSQL with and without TLS.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::assigning_clones, clippy::format_push_string)] // a test that cannot go on stops

mod common;

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::NOON;
use common::server::{Server, free_port, give, initialise, programs, shared};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use watchfire_store::{Options, Store, StoreError};

const PASSWORD: &str = "hunter2 of the store";

/// An authority and what it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, which is for `localhost` too, and its key.
    itself: (String, String),
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let itself = (params.self_signed(&key).unwrap().pem(), key.serialize_pem());
        Self { issuer: Issuer::new(params, key), itself }
    }

    /// A certificate and its key, as PEM. `for_name` stands in it twice: as a client's and as a server's name.
    fn sign(&self, for_name: &str, last_year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![for_name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, for_name);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A server with TLS whose certificate is for `localhost` alone, and the files of those who connect to it.
struct Secured {
    folder: tempfile::TempDir,
    server: Server,
}

impl Secured {
    fn start(last_year: i32) -> Option<Self> {
        Self::start_with(|ours| ours.sign("localhost", last_year))
    }

    /// None where PostgreSQL is not installed. `ben` has a password, `carla` a certificate, others are trusted.
    fn start_with(certificate: impl FnOnce(&Authority) -> (String, String)) -> Option<Self> {
        let programs = programs()?;
        let folder = common::folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        initialise(programs, &data);
        let (ours, others) = (Authority::new("ours"), Authority::new("others"));
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            give(&path);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (certificate, key) = certificate(&ours);
        let (client, client_key) = ours.sign("carla", 4000);
        file("carla.crt", &client);
        file("carla.key", &client_key);
        file("others.crt", &others.itself.0);
        let rules = String::from_utf8(fs::read(data.join("pg_hba.conf")).unwrap()).unwrap();
        let ours_first = "host all ben 127.0.0.1/32 scram-sha-256\nhostssl all carla 127.0.0.1/32 cert\n";
        fs::write(data.join("pg_hba.conf"), format!("{ours_first}{rules}")).unwrap();
        let settings = [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.crt", &certificate)),
            format!("ssl_key_file={}", file("server.key", &key)),
            format!("ssl_ca_file={}", file("ours.crt", &ours.itself.0)),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let server = Server::start(programs, &data, free_port(), &settings, None);
        let secured = Self { folder, server };
        let roles = format!(
            "create role ben superuser login password '{PASSWORD}'; create role carla superuser login"
        );
        secured.server.client("postgres").batch_execute(&roles).unwrap();
        Some(secured)
    }

    fn open_as(&self, user: &str, host: &str, options: &str) -> Result<Store, StoreError> {
        let options = options.replace('@', self.folder.path().to_str().unwrap());
        let address = format!("postgres://{user}@{host}:{}/postgres?{options}", self.server.port);
        Store::open(&address, &Options::default(), NOON)
    }

    fn open(&self, host: &str, options: &str) -> Result<Store, StoreError> {
        self.open_as("postgres", host, options)
    }

    /// Whether each connection that the store holds is over TLS; there must be one.
    fn is_secret(&self) -> bool {
        let seen = self
            .server
            .client("postgres")
            .query(
                "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'watchfire'",
                &[],
            )
            .unwrap();
        assert!(!seen.is_empty());
        seen.iter().all(|row| row.get(0))
    }
}

/// Why a store was not opened, with all causes.
#[track_caller]
fn refusal(opened: Result<Store, StoreError>) -> String {
    let Err(error) = opened else { panic!("it was opened") };
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    assert!(!format!("{words} {error:?}").contains("hunter2"), "a password is told: {words}");
    words
}

#[track_caller]
fn assert_insecure(opened: Result<Store, StoreError>, reason: &str) {
    assert!(matches!(opened, Err(StoreError::Insecure { .. })));
    let words = refusal(opened);
    assert!(
        words.starts_with("the connection to the store's server is not secure") && words.contains(reason),
        "{words}"
    );
}

#[test]
fn a_server_proves_its_name_and_who_vouches_for_it() {
    let Some(secured) = Secured::start(4000) else { return };
    let full = secured.open("localhost", "sslmode=verify-full&sslrootcert=@/ours.crt").unwrap();
    assert!(secured.is_secret());
    drop(full);
    // Whoever names authorities and no mode wants the same.
    assert!(secured.open("localhost", "sslrootcert=@/ours.crt").is_ok());

    assert_insecure(
        secured.open("127.0.0.1", "sslmode=verify-full&sslrootcert=@/ours.crt"),
        "certificate not valid for name \"127.0.0.1\"",
    );
    assert!(secured.open("127.0.0.1", "sslmode=verify-ca&sslrootcert=@/ours.crt").is_ok());
    for options in [
        "sslmode=verify-full&sslrootcert=@/others.crt",
        "sslmode=verify-ca&sslrootcert=@/others.crt",
        "sslmode=require&sslrootcert=@/others.crt",
        "sslmode=verify-full&sslrootcert=system",
    ] {
        assert_insecure(secured.open("localhost", options), "UnknownIssuer");
    }
    assert!(secured.open("127.0.0.1", "sslmode=require").is_ok());
    let preferred = secured.open("127.0.0.1", "").unwrap();
    assert!(secured.is_secret());
    drop(preferred);
}

#[test]
fn a_server_that_vouches_for_itself_is_trusted_by_its_name() {
    let Some(secured) = Secured::start_with(|ours| ours.itself.clone()) else { return };
    let ours = "sslmode=verify-full&sslrootcert=@/ours.crt";
    assert!(secured.open("localhost", ours).is_ok());
    assert_insecure(secured.open("127.0.0.1", ours), "certificate not valid for name");
    assert_insecure(
        secured.open("localhost", "sslmode=verify-ca&sslrootcert=@/others.crt"),
        "CaUsedAsEndEntity",
    );
}

#[test]
fn a_server_whose_certificate_has_expired_is_refused() {
    let Some(secured) = Secured::start(2000) else { return };
    let opened = secured.open("localhost", "sslmode=verify-full&sslrootcert=@/ours.crt");
    assert_insecure(opened, "certificate expired");
    assert!(secured.open("localhost", "sslmode=require").is_ok());
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let Some(server) = shared() else { return };
    let address = server.new_database();
    for mode in ["require", "verify-ca", "verify-full"] {
        let opened = Store::open(&format!("{address}?sslmode={mode}"), &Options::default(), NOON);
        assert_insecure(opened, "server does not support TLS");
    }
    for mode in ["prefer", "disable"] {
        Store::open(&format!("{address}?sslmode={mode}"), &Options::default(), NOON).unwrap();
    }
}

#[test]
fn who_connects_may_be_known_by_a_certificate_or_by_a_bound_password() {
    let Some(secured) = Secured::start(4000) else { return };
    let trust = "sslmode=verify-full&sslrootcert=@/ours.crt";
    let with = format!("{trust}&sslcert=@/carla.crt&sslkey=@/carla.key");
    assert!(secured.open_as("carla", "localhost", &with).is_ok());
    let without = refusal(secured.open_as("carla", "localhost", trust));
    assert!(without.contains("valid client certificate"), "{without}");
    assert!(
        refusal(secured.open_as("carla", "localhost", &format!("{trust}&sslcert=@/carla.crt")))
            .contains("together")
    );

    let ben = format!("ben:{}", PASSWORD.replace(' ', "%20"));
    // SCRAM-SHA-256-PLUS: the proof is good on this connection only.
    assert!(secured.open_as(&ben, "localhost", &format!("{trust}&channel_binding=require")).is_ok());
    refusal(secured.open_as(&ben, "localhost", "sslmode=disable&channel_binding=require"));
    let wrong = refusal(secured.open_as(&format!("{ben}x"), "localhost", trust));
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    refusal(secured.open_as(&ben, "127.0.0.1", trust));
}
