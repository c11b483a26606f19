//! Certificates: a client signs in by one that an authority has signed and an account is mapped to, and not otherwise.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test that cannot go on stops

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, mpsc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use watchfire_node::{Config, New, NewUser, add_certificate, add_user, init, serve};

const PASSWORD: &str = "correct horse battery";

/// admin and that password, in Basic.
const BASIC: &str = "authorization: Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5\r\n";

/// An authority that signs certificates of clients.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(ca, key))
}

/// A certificate and its key.
fn signed(by: &Issuer<'static, KeyPair>, name: &str) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (leaf.signed_by(&key, by).unwrap().pem(), key)
}

/// A node with a user `ben` that looks at certificates of an authority.
fn make(folder: &Path, authority: &str) -> Config {
    let new = New {
        folder: folder.to_owned(),
        organisation: "CERT-A".to_owned(),
        store: "watchfire.db".to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        administrator: "admin".to_owned(),
        password: Some(PASSWORD.to_owned()),
        names: Vec::new(),
        tls: true,
    };
    init(&new).unwrap();
    fs::write(folder.join("clients.crt"), authority).unwrap();
    let file = folder.join("watchfire.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("# client_ca", "client_ca")).unwrap();
    let config = Config::read(folder).unwrap();
    let (name, role) = ("ben".to_owned(), "analyst".to_owned());
    add_user(&config, &NewUser { name, role, organisation: None, password: Some(PASSWORD.to_owned()) })
        .unwrap();
    config
}

fn start(config: Config) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || serve(config, |serving| sender.send(serving.address).unwrap()));
    receiver.recv().unwrap()
}

/// The status of discovery; none where no connection came to be.
fn ask(folder: &Path, address: SocketAddr, client: Option<&(String, KeyPair)>, header: &str) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.crt")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((pem, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let request = format!("GET /taxii2/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_certificate_stands_for_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ((pem, ours), (_, others)) = (authority(), authority());
    let config = make(folder, &pem);
    let (mapped, unmapped, foreign) = (signed(&ours, "ben"), signed(&ours, "eve"), signed(&others, "ben"));
    fs::write(folder.join("ben.crt"), &mapped.0).unwrap();
    add_certificate(&config, "ben", &folder.join("ben.crt")).unwrap();

    let address = start(config);
    assert_eq!(ask(folder, address, Some(&mapped), ""), Some(200));
    assert_eq!(ask(folder, address, Some(&unmapped), ""), Some(401), "signed, and nobody's");
    assert_eq!(ask(folder, address, Some(&unmapped), BASIC), Some(200), "a certificate and a password");
    assert_eq!(ask(folder, address, None, BASIC), Some(200), "none, and a password");
    assert_eq!(ask(folder, address, None, ""), Some(401));
    assert_eq!(ask(folder, address, Some(&foreign), BASIC), None, "of another authority: no connection");
}
