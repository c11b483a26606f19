//! TLS: the node's certificate as it is configured, and the first one that it makes for itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use crate::error::{NodeError, Result, of_file};
use crate::secret::write_private;

#[expect(clippy::needless_pass_by_value)] // to be handed to `map_err`
fn failed(reason: impl ToString) -> NodeError {
    NodeError::Certificate { reason: reason.to_string() }
}

/// What accepts TLS, where it is configured. TLS 1.2 is the oldest (TAXII 2.1 §8.2.1).
pub(crate) fn acceptor(config: &Config) -> Result<Option<TlsAcceptor>> {
    let Some(tls) = &config.tls else { return Ok(None) };
    let (certificate, key) = (config.path(&tls.certificate), config.path(&tls.key));
    let chain = certificates(&certificate)?;
    let key = private_key(&key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(&config.path(file))? {
                roots.add(authority).map_err(failed)?;
            }
            // Whoever has no certificate may still have a password or a token.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(failed)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut server = builder.with_single_cert(chain, key).map_err(failed)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

/// How a client speaks TLS: whom it trusts, those of the system without a file of authorities, and by which certificate and
/// key it signs in.
pub(crate) fn client(
    authorities: Option<&Path>,
    certificate: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>> {
    let (named, found) = match authorities {
        Some(file) => (file.display().to_string(), certificates(file)?),
        // `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
        None => ("the system".to_owned(), rustls_native_certs::load_native_certs().certs),
    };
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(found).0 == 0 {
        return Err(failed(format!("{named} names no authority to trust; give a file of them")));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots);
    let mut client = match certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = private_key(key)?;
            builder.with_client_auth_cert(certificates(certificate)?, key).map_err(failed)?
        }
    };
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(client))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| failed(format!("{}: {error}", path.display())))
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| failed(format!("{}: {error}", path.display())))
}

/// The SHA-256 of a certificate, by which it is mapped to an account.
pub(crate) fn fingerprint(certificate: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate).as_ref().to_vec()
}

/// The fingerprint of the first certificate of a file.
pub(crate) fn fingerprint_of_file(path: &Path) -> Result<Vec<u8>> {
    let first = certificates(path)?.into_iter().next();
    let first = first.ok_or_else(|| failed(format!("{} holds no certificate", path.display())))?;
    Ok(fingerprint(&first))
}

/// Makes an authority of its own and a certificate for some names, and writes `ca.crt`, `tls.crt` and `tls.key`.
pub(crate) fn make(folder: &Path, organisation: &str, names: Vec<String>) -> Result<()> {
    let ca_key = KeyPair::generate().map_err(failed)?;
    let mut ca = CertificateParams::new(Vec::new()).map_err(failed)?;
    ca.distinguished_name.push(DnType::OrganizationName, organisation);
    ca.distinguished_name.push(DnType::CommonName, format!("{organisation} Watchfire"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key).map_err(failed)?;
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate().map_err(failed)?;
    let name = names.first().cloned().unwrap_or_default();
    let mut leaf = CertificateParams::new(names).map_err(failed)?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &issuer).map_err(failed)?;

    for (file, text) in [("ca.crt", ca_certificate.pem()), ("tls.crt", certificate.pem())] {
        let path = folder.join(file);
        fs::write(&path, text).map_err(of_file(&path))?;
    }
    write_private(&folder.join("tls.key"), &key.serialize_pem())
}
