//! What is known of the provider: its document and its keys, asked for when they are needed and not more often than that.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::token::{Claims, Expected, Flaw, Keys, verify};
use crate::client::{Credential, Upstream, ask_once, is_secret};
use crate::config;
use crate::error::{NodeError, Result};
use crate::percent::encode;

/// For so long the document and the keys are taken as they were read.
const AGE_US: i64 = 60 * 60 * 1_000_000;

/// A key that is not known may be a new one: so often it is worth asking.
const AGAIN_US: i64 = 60 * 1_000_000;

/// What is used of the document (OpenID Connect Discovery §3).
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// A provider.
pub(super) struct Provider {
    upstream: Upstream,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    document: Option<(Arc<Document>, i64)>,
    keys: Option<(Arc<Keys>, i64)>,
}

#[derive(Deserialize)]
struct Answer {
    id_token: String,
}

pub(super) fn failed(reason: impl Into<String>) -> NodeError {
    NodeError::Upstream { reason: reason.into() }
}

impl Provider {
    /// The provider of a configuration, the authorities to trust, and the secret by which this node is its client.
    pub(super) fn new(oidc: &config::Oidc, authorities: Option<PathBuf>, secret: Option<&str>) -> Self {
        // RFC 6749 §2.3.1: both are encoded before they go into Basic.
        let credential = secret
            .map_or(Credential::None, |secret| Credential::Basic(encode(&oidc.client_id), encode(secret)));
        let upstream = Upstream { url: oidc.issuer.clone(), credential, authorities, certificate: None };
        Self { upstream, known: Mutex::default() }
    }

    fn get(&self, url: &str) -> Result<Vec<u8>> {
        // The client's secret is for the token endpoint alone.
        let upstream =
            Upstream { url: url.to_owned(), credential: Credential::None, ..self.upstream.clone() };
        let got = ask_once(&upstream, None)?;
        match got.status.as_u16() {
            200 => Ok(got.body),
            other => Err(failed(format!("the provider answers {other} at {url}"))),
        }
    }

    /// The provider's document.
    pub(super) fn document(&self, now_us: i64) -> Result<Arc<Document>> {
        let mut known = self.known.lock().expect("nobody panics while holding it");
        if let Some((document, at)) = &known.document
            && now_us - at < AGE_US
        {
            return Ok(Arc::clone(document));
        }
        let issuer = &self.upstream.url;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document: Document = serde_json::from_slice(&self.get(&url)?)
            .map_err(|error| failed(format!("the provider's document cannot be read: {error}")))?;
        // OpenID Connect Discovery §4.3: whose document it is.
        if document.issuer != *issuer {
            return Err(failed("the provider's document is of another issuer"));
        }
        for address in [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri] {
            if !is_secret(address) {
                return Err(failed(format!("the provider's document names {address:?}, which is not https")));
            }
        }
        let methods = document.code_challenge_methods_supported.as_deref();
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(failed("the provider does not speak PKCE with S256"));
        }
        let document = Arc::new(document);
        known.document = Some((Arc::clone(&document), now_us));
        Ok(document)
    }

    /// Changes a code for what it stands for, and believes that or says why not.
    pub(super) fn redeem(
        &self,
        client_id: &str,
        (code, verifier, redirect_uri): (&str, &str, &str),
        nonce: &str,
        now_us: i64,
    ) -> Result<Claims> {
        let document = self.document(now_us)?;
        let mut form = format!(
            "grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={}",
            encode(code),
            encode(redirect_uri),
            encode(verifier)
        );
        if matches!(self.upstream.credential, Credential::None) {
            form.push_str("&client_id=");
            form.push_str(&encode(client_id));
        }
        let upstream = Upstream { url: document.token_endpoint.clone(), ..self.upstream.clone() };
        let got = ask_once(&upstream, Some(form))?;
        if got.status.as_u16() != 200 {
            return Err(failed(format!("the provider answers {} to the code", got.status.as_u16())));
        }
        let answer: Answer = serde_json::from_slice(&got.body)
            .map_err(|_| failed("the provider's answer to the code holds no id_token"))?;
        let issuer = self.upstream.url.as_str();
        let expected = Expected { issuer, client_id, nonce, now_s: now_us.div_euclid(1_000_000) };
        let first = verify(&answer.id_token, &*self.keys(&document, now_us, AGE_US)?, &expected);
        let believed = match first {
            Err(Flaw::UnknownKey) => {
                verify(&answer.id_token, &*self.keys(&document, now_us, AGAIN_US)?, &expected)
            }
            known => known,
        };
        believed.map_err(|flaw| failed(flaw.words()))
    }

    /// The provider's keys, asked for where they are older than that.
    fn keys(&self, document: &Document, now_us: i64, age_us: i64) -> Result<Arc<Keys>> {
        let mut known = self.known.lock().expect("nobody panics while holding it");
        if let Some((keys, at)) = &known.keys
            && now_us - at < age_us
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Keys::read(&self.get(&document.jwks_uri)?)
            .ok_or_else(|| failed("the provider's keys cannot be read"))?;
        let keys = Arc::new(keys);
        known.keys = Some((Arc::clone(&keys), now_us));
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MINUTE_US: i64 = 60 * 1_000_000;

    /// A provider that answers whatever is asked with a document that is a set of keys as well; how often it was asked.
    fn provider() -> (Provider, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let body = format!(
            r#"{{"issuer":"{issuer}","authorization_endpoint":"{issuer}/a","token_endpoint":"{issuer}/t","jwks_uri":"{issuer}/k","keys":[]}}"#
        );
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                lines.map_while(std::result::Result::ok).find(String::is_empty);
                count.fetch_add(1, Ordering::SeqCst);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        let oidc = config::Oidc {
            issuer,
            client_id: "watchfire".to_owned(),
            client_secret: None,
            scope: "openid".to_owned(),
            claim: "sub".to_owned(),
            accounts: None,
            authorities: None,
        };
        (Provider::new(&oidc, None, None), asked)
    }

    #[test]
    fn a_provider_is_asked_again_when_it_is_due() {
        let (provider, asked) = provider();
        let document = provider.document(0).unwrap();
        provider.document(59 * MINUTE_US).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        provider.document(60 * MINUTE_US).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let mut before = 2;
        for (minutes, age_us, asks) in [
            (0, AGE_US, true),
            (0, AGAIN_US, false),
            (30, AGE_US, false),
            // A key that is not known may be new since.
            (30, AGAIN_US, true),
            (30, AGAIN_US, false),
            (31, AGAIN_US, true),
            (90, AGE_US, false),
            (91, AGE_US, true),
        ] {
            provider.keys(&document, minutes * MINUTE_US, age_us).unwrap();
            let now = asked.load(Ordering::SeqCst);
            assert_eq!(now > before, asks, "{minutes} {age_us}");
            before = now;
        }
    }
}
