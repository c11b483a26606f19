//! Sign-in by an identity provider: OpenID Connect, authorization code flow with PKCE.
//!
//! A browser leaves with a state, a nonce and a challenge, and carries what belongs to them sealed in a cookie; it comes
//! back with a code, which this node changes for a token at the provider and believes only if everything fits
//! (`token`). The token then names an account that is here already: nobody is made, and no role comes from outside.
//!
//! **Invariant**: a code is only accepted from the browser that set out for it, and once, by whichever node of a store.

mod provider;
mod token;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{self, Config};
use crate::error::{NodeError, Result, of_file};
use crate::percent::encode;
use crate::secret::{self, Seal};
use provider::{Provider, failed};
use token::Claims;

/// The path to which the provider sends its people back.
pub(crate) const CALLBACK: &str = "/sign-in/oidc/callback";

/// So long somebody may take at the provider.
pub(crate) const ERRAND_S: i64 = 10 * 60;

/// The purpose of the seal on what a browser carries meanwhile.
const PURPOSE: &str = "oidc errand";

/// People who are being asked about at the provider at the same time: each holds a thread, and a provider that hangs must
/// not hold all.
const UNDER_WAY_LIMIT: usize = 8;

/// A secret of a client is a line.
const SECRET_LIMIT_BYTES: usize = 4096;

/// What a browser that is at the provider carries, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Errand {
    state: String,
    nonce: String,
    verifier: String,
    until_us: i64,
}

/// Somebody who set out.
pub(crate) struct Departure {
    /// Where to.
    pub(crate) address: String,
    /// What the browser carries.
    pub(crate) sealed: String,
}

/// What came of somebody's return.
pub(crate) enum Return {
    /// The name that the token gives the account here.
    Named(String),
    /// Not the browser that set out, or too late, or again.
    Stray,
    /// The provider let nobody in.
    Denied,
    /// The token names nobody who could be here.
    Nameless(&'static str),
}

/// What a browser came back with.
pub(crate) struct Returned<'a> {
    /// The cookie.
    pub(crate) sealed: Option<&'a str>,
    /// The parameters of the address.
    pub(crate) query: &'a [(String, String)],
}

/// Sign-in by a provider, as it is configured.
pub(crate) struct Oidc {
    config: config::Oidc,
    redirect_uri: String,
    provider: Provider,
    under_way: AtomicUsize,
}

impl Oidc {
    /// As the configuration says; none where it says nothing.
    pub(crate) fn open(config: &Config) -> Result<Option<Self>> {
        let Some(oidc) = &config.oidc else { return Ok(None) };
        let secret = oidc.client_secret.as_ref().map(|file| read_secret(config, file)).transpose()?;
        let base = config.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
        Ok(Some(Self {
            redirect_uri: format!("{base}{CALLBACK}"),
            provider: Provider::new(
                oidc,
                oidc.authorities.as_ref().map(|file| config.path(file)),
                secret.as_deref(),
            ),
            under_way: AtomicUsize::new(0),
            config: oidc.clone(),
        }))
    }

    /// The issuer, as it may be shown.
    pub(crate) fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Sends a browser to the provider.
    pub(crate) fn depart(&self, seal: &Seal, now_us: i64) -> Result<Departure> {
        let errand = Errand {
            state: secret::random_text()?,
            nonce: secret::random_text()?,
            verifier: secret::random_text()?,
            until_us: now_us + ERRAND_S * 1_000_000,
        };
        let _turn = self.turn()?;
        let document = self.provider.document(now_us)?;
        let endpoint = &document.authorization_endpoint;
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.config.scope),
            ("state", &errand.state),
            ("nonce", &errand.nonce),
            ("code_challenge", &secret::digest_text(&errand.verifier)),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let text = serde_json::to_vec(&errand).map_err(|_| NodeError::Secret)?;
        Ok(Departure {
            address: format!("{endpoint}{joint}{}", query.join("&")),
            sealed: seal.seal(&text, PURPOSE)?,
        })
    }

    /// Who a browser that comes back is. An error is the provider's, or of the way to it. `spend` uses a word up that is
    /// good until an instant, and says whether it was unused.
    pub(crate) fn receive(
        &self,
        seal: &Seal,
        returned: &Returned<'_>,
        now_us: i64,
        spend: impl FnOnce(&str, i64) -> Result<bool>,
    ) -> Result<Return> {
        let parameter = |name: &str| {
            let found = returned.query.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.as_str())
        };
        let errand = returned
            .sealed
            .and_then(|sealed| seal.open(sealed, PURPOSE))
            .and_then(|text| serde_json::from_slice::<Errand>(&text).ok())
            .filter(|errand| parameter("state") == Some(&errand.state) && now_us < errand.until_us);
        let Some(errand) = errand else { return Ok(Return::Stray) };
        // RFC 9207 §2.4: an answer that another provider was asked for.
        if parameter("iss").is_some_and(|issuer| issuer != self.config.issuer) {
            return Ok(Return::Stray);
        }
        if !spend(&errand.state, errand.until_us)? {
            return Ok(Return::Stray);
        }
        let Some(code) = parameter("code").filter(|_| parameter("error").is_none()) else {
            return Ok(Return::Denied);
        };
        let _turn = self.turn()?;
        let exchange = (code, errand.verifier.as_str(), self.redirect_uri.as_str());
        let claims = self.provider.redeem(&self.config.client_id, exchange, &errand.nonce, now_us)?;
        Ok(self.named(&claims))
    }

    /// The account that a token names.
    fn named(&self, claims: &Claims) -> Return {
        let claim = self.config.claim.as_str();
        let Some(value) = claims.get(claim).and_then(Value::as_str).filter(|value| !value.is_empty()) else {
            return Return::Nameless("the token does not have the claim that names an account");
        };
        // Whoever writes any address into a form at a provider must not become whom it belongs to.
        if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Return::Nameless("the provider has not verified the address that names the account");
        }
        match &self.config.accounts {
            None => Return::Named(value.to_owned()),
            Some(accounts) => accounts.get(value).map_or(
                Return::Nameless("nobody in the configuration's list of accounts has the name in the token"),
                |name| Return::Named(name.clone()),
            ),
        }
    }

    fn turn(&self) -> Result<Turn<'_>> {
        let turn = Turn(&self.under_way);
        if self.under_way.fetch_add(1, Ordering::SeqCst) >= UNDER_WAY_LIMIT {
            return Err(failed("too many are being asked about at the provider"));
        }
        Ok(turn)
    }
}

/// One who is being asked about.
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn read_secret(config: &Config, file: &std::path::Path) -> Result<String> {
    let path = config.path(file);
    let bytes = std::fs::read(&path).map_err(of_file(&path))?;
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    if text.is_empty() || text.len() > SECRET_LIMIT_BYTES || text.contains(char::is_control) {
        return Err(NodeError::Config { path, reason: "a client's secret is one line of text".to_owned() });
    }
    Ok(text.to_owned())
}

/// Reads keys and, after a line feed, a token that nobody signed: it must not be believed.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (set, rest) = input.split_at(end);
    let expected =
        token::Expected { issuer: "https://id.example", client_id: "w", nonce: "n", now_s: 1_790_000_000 };
    if let (Some(keys), Ok(token)) = (token::Keys::read(set), std::str::from_utf8(rest)) {
        let believed = token::verify(token.trim(), &keys, &expected);
        assert!(believed.is_err(), "{believed:?}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn oidc(claim: &str, accounts: Option<&[(&str, &str)]>) -> Oidc {
        let config = config::Oidc {
            issuer: "https://id.example".to_owned(),
            client_id: "watchfire".to_owned(),
            client_secret: None,
            scope: "openid".to_owned(),
            claim: claim.to_owned(),
            accounts: accounts
                .map(|pairs| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()),
            authorities: None,
        };
        Oidc {
            redirect_uri: format!("https://taxii.example{CALLBACK}"),
            provider: Provider::new(&config, None, None),
            under_way: AtomicUsize::new(0),
            config,
        }
    }

    fn named(oidc: &Oidc, claims: &Value) -> Option<String> {
        match oidc.named(claims.as_object().unwrap()) {
            Return::Named(name) => Some(name),
            _ => None,
        }
    }

    #[test]
    fn a_claim_names_an_account() {
        let claims =
            json!({ "sub": "7", "email": "anna@a.example", "email_verified": true, "admin": ["anna"] });
        assert_eq!(named(&oidc("sub", None), &claims).as_deref(), Some("7"));
        assert_eq!(named(&oidc("email", None), &claims).as_deref(), Some("anna@a.example"));
        for claim in ["admin", "name", ""] {
            assert_eq!(named(&oidc(claim, None), &claims), None, "{claim}");
        }
        let listed = oidc("sub", Some(&[("7", "anna"), ("8", "ben")]));
        assert_eq!(named(&listed, &claims).as_deref(), Some("anna"));
        assert_eq!(named(&listed, &json!({ "sub": "anna" })), None, "only those who are listed");
        for unverified in [json!(false), json!("true"), json!(1), Value::Null] {
            let claims = json!({ "sub": "7", "email": "admin@a.example", "email_verified": unverified });
            assert_eq!(named(&oidc("email", None), &claims), None, "{unverified}");
        }
    }

    #[test]
    fn only_the_browser_that_set_out_comes_back_and_once() {
        type Stray<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], i64);
        let (oidc, seal, other) =
            (oidc("sub", None), Seal::new(&[7; 32]).unwrap(), Seal::new(&[8; 32]).unwrap());
        let errand = |state: &str| Errand {
            state: state.to_owned(),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            until_us: 1000,
        };
        let sealed = |seal: &Seal, state: &str, purpose: &str| {
            seal.seal(&serde_json::to_vec(&errand(state)).unwrap(), purpose).unwrap()
        };
        let ours = sealed(&seal, "s", PURPOSE);
        let spent = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let back = |sealed: Option<&str>, query: &[(&str, &str)], now_us: i64| {
            let query: Vec<(String, String)> =
                query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let spend = |word: &str, _: i64| Ok(spent.borrow_mut().insert(word.to_owned()));
            oidc.receive(&seal, &Returned { sealed, query: &query }, now_us, spend).unwrap()
        };
        let strays: [Stray<'_>; 7] = [
            (None, &[("state", "s"), ("error", "x")], 0),
            (Some("nonsense"), &[("state", "s"), ("error", "x")], 0),
            (Some(&ours), &[("state", "t"), ("error", "x")], 0),
            (Some(&ours), &[("error", "x")], 0),
            (Some(&ours), &[("state", "s"), ("error", "x")], 1000),
            (Some(&sealed(&other, "s", PURPOSE)), &[("state", "s"), ("error", "x")], 0),
            (Some(&sealed(&seal, "s", "cursor")), &[("state", "s"), ("error", "x")], 0),
        ];
        for (sealed, query, now) in strays {
            assert!(matches!(back(sealed, query, now), Return::Stray), "{query:?}");
        }
        let mixed = [("state", "s"), ("iss", "https://evil.example"), ("error", "x")];
        assert!(matches!(back(Some(&ours), &mixed, 0), Return::Stray));
        let query = [("state", "s"), ("error", "x")];
        assert!(matches!(back(Some(&ours), &query, 0), Return::Denied));
        assert!(matches!(back(Some(&ours), &query, 0), Return::Stray), "a second time");
    }

    #[test]
    fn what_nobody_signed_is_not_believed() {
        hostile(
            b"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}\neyJhbGciOiJSUzI1NiJ9.e30.AAAA",
        );
        hostile(b"{\"keys\":[]}\n..");
        hostile(b"");
    }

    #[test]
    fn a_provider_that_hangs_holds_a_few_threads() {
        let oidc = oidc("sub", None);
        let turns: Vec<Turn<'_>> = (0..UNDER_WAY_LIMIT).map(|_| oidc.turn().unwrap()).collect();
        assert!(oidc.turn().is_err() && oidc.turn().is_err());
        drop(turns);
        assert!(oidc.turn().is_ok());
    }
}
