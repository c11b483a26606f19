//! Whether an `id_token` says what it says: its signature, and each claim that must hold (OpenID Connect Core §3.1.3.7).
//!
//! Only three algorithms are known, all with public keys: what says `none`, or would be checked with a shared secret, is
//! refused by not being one of them. A key is used for the algorithm that fits its type and for no other.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A token that is larger is not one of a person.
const TOKEN_LIMIT_BYTES: usize = 64 * 1024;

/// Keys of a provider: some have a dozen.
const KEYS_LIMIT: usize = 100;

/// How far clocks may differ.
const SKEW_S: i64 = 60;

/// A token is made when somebody signs in, and looked at a moment later.
const AGE_LIMIT_S: i64 = 10 * 60;

/// OpenID Connect Core §2: a `sub` has at most 255 ASCII characters.
const SUBJECT_LIMIT: usize = 255;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is none.
    Malformed,
    /// It is signed in a way that is not taken, or not at all.
    Algorithm,
    /// By a key that is not the provider's, as far as its keys are known.
    UnknownKey,
    /// It was not signed by that key, or was changed since.
    Signature,
    /// A claim does not hold.
    Claim(&'static str),
}

impl Flaw {
    /// In words.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Malformed => "the token is none".to_owned(),
            Self::Algorithm => "the token is not signed as RS256, PS256 or ES256".to_owned(),
            Self::UnknownKey => "the token is signed by a key that is not the provider's".to_owned(),
            Self::Signature => "the signature of the token is wrong".to_owned(),
            Self::Claim(name) => format!("the token's {name} does not hold"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

const ALGORITHMS: [(&str, Algorithm); 3] =
    [("RS256", Algorithm::Rs256), ("PS256", Algorithm::Ps256), ("ES256", Algorithm::Es256)];

/// One public key of a provider (RFC 7517, RFC 7518 §6).
#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where it says so.
    algorithm: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
}

/// The keys of a provider.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// The keys of a set that can be used here; none where it is no set. Other keys are passed over (RFC 7517 §5).
    pub(crate) fn read(set: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(set).ok()?;
        let keys = set.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(KEYS_LIMIT).filter_map(read_key).collect()))
    }
}

fn read_key(key: &Value) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(decode);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let public = match text("kty")? {
        "RSA" => Public::Rsa { n: bytes("n")?, e: bytes("e")? },
        "EC" if text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            Public::P256([&[4][..], &x, &y].concat())
        }
        _ => return None,
    };
    Some(Key { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), public })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl Key {
    /// Whether this key signed it.
    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.public, algorithm) {
            (Public::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            (Public::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature).is_ok()
            }
            (Public::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }

    /// Whether it may be the key for a header.
    fn fits(&self, id: Option<&str>, name: &str, algorithm: Algorithm) -> bool {
        let of_type = matches!(self.public, Public::Rsa { .. }) != (algorithm == Algorithm::Es256);
        let named = id.is_none_or(|id| self.id.as_deref() == Some(id));
        of_type && named && self.algorithm.as_deref().is_none_or(|only| only == name)
    }
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now_s: i64,
}

/// What a token says of somebody, once it is believed.
pub(crate) type Claims = Map<String, Value>;

/// Reads a token and believes it, or says why not.
pub(crate) fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Flaw> {
    if token.len() > TOKEN_LIMIT_BYTES {
        return Err(Flaw::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Flaw::Malformed)?;
    let (head, body) = message.split_once('.').ok_or(Flaw::Malformed)?;
    let head = object(head)?;
    let name = head.get("alg").and_then(Value::as_str).ok_or(Flaw::Malformed)?;
    let known = ALGORITHMS.iter().find(|(known, _)| *known == name);
    let algorithm = known.map(|(_, algorithm)| *algorithm).ok_or(Flaw::Algorithm)?;
    // RFC 7515 §4.1.11: what must be understood, and is not.
    if head.contains_key("crit") {
        return Err(Flaw::Algorithm);
    }
    let id = head.get("kid").and_then(Value::as_str);
    let mut fitting = keys.0.iter().filter(|key| key.fits(id, name, algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(Flaw::UnknownKey);
    }
    let signature = decode(signature).ok_or(Flaw::Malformed)?;
    if !fitting.any(|key| key.has_signed(algorithm, message.as_bytes(), &signature)) {
        return Err(Flaw::Signature);
    }
    let claims = object(body)?;
    check(&claims, expected).map_or(Ok(claims), |name| Err(Flaw::Claim(name)))
}

fn object(part: &str) -> Result<Map<String, Value>, Flaw> {
    let bytes = decode(part).ok_or(Flaw::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Flaw::Malformed)
}

/// The first claim that does not hold.
fn check(claims: &Claims, expected: &Expected<'_>) -> Option<&'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| {
        let number = claims.get(name)?;
        number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
    };
    let now = expected.now_s;
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let azp = claims.get("azp");
    let is_for_us = azp.is_none_or(|azp| azp.as_str() == Some(expected.client_id));
    let subject = text("sub").unwrap_or_default();
    let holds = [
        ("iss", text("iss") == Some(expected.issuer)),
        ("aud", audiences.contains(&expected.client_id)),
        ("azp", is_for_us && (audiences.len() == 1 || azp.is_some())),
        ("exp", time("exp").is_some_and(|end| now < end.saturating_add(SKEW_S))),
        (
            "iat",
            time("iat").is_some_and(|made| {
                made <= now.saturating_add(SKEW_S) && made >= now.saturating_sub(AGE_LIMIT_S)
            }),
        ),
        ("nbf", !claims.contains_key("nbf") || time("nbf").is_some_and(|from| from <= now + SKEW_S)),
        ("nonce", text("nonce") == Some(expected.nonce)),
        ("sub", !subject.is_empty() && subject.len() <= SUBJECT_LIMIT),
    ];
    holds.into_iter().find(|(_, holds)| !holds).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    };
    use aws_lc_rs::{digest, hmac};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://id.example", client_id: "watchfire", nonce: "n-1", now_s: NOW };

    fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A provider with a key of each kind.
    struct Provider {
        rsa: RsaKeyPair,
        ec: EcdsaKeyPair,
    }

    impl Provider {
        fn new() -> Self {
            let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            Self { rsa, ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
        }

        fn set(&self) -> Value {
            // RFC 8017 §A.1.1, of 2,048 bits: the head, 256 bytes of modulus, and the exponent 65537.
            let n = encode(&self.rsa.public_key().as_ref()[9..265]);
            let point = self.ec.public_key().as_ref();
            json!({ "keys": [
                { "kty": "oct", "kid": "secret", "k": "AAAA" },
                { "kty": "RSA", "kid": "enc", "use": "enc", "n": n, "e": "AQAB" },
                { "kty": "RSA", "kid": "rsa", "use": "sig", "n": n, "e": "AQAB" },
                { "kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256",
                  "x": encode(&point[1..33]), "y": encode(&point[33..]) },
            ]})
        }

        fn keys(&self) -> Keys {
            Keys::read(self.set().to_string().as_bytes()).unwrap()
        }

        fn token(&self, head: &Value, claims: &Value) -> String {
            let message =
                format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
            let random = SystemRandom::new();
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            match head["alg"].as_str().unwrap() {
                "RS256" => {
                    self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                }
                "PS256" => {
                    self.rsa.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                }
                "ES256" => signature = self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
                _ => signature.clear(),
            }
            format!("{message}.{}", encode(&signature))
        }
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "aud": "watchfire", "sub": "248289761001", "nonce": "n-1",
            "exp": NOW + 300, "iat": NOW, "preferred_username": "anna" })
    }

    #[test]
    fn a_token_of_the_provider_is_believed() {
        let provider = Provider::new();
        for (algorithm, kid) in [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec")] {
            for head in [json!({ "alg": algorithm, "kid": kid }), json!({ "alg": algorithm, "typ": "JWT" })] {
                let token = provider.token(&head, &claims());
                let believed = verify(&token, &provider.keys(), &EXPECTED).unwrap();
                assert_eq!(believed["preferred_username"], "anna");
            }
        }
    }

    #[test]
    fn a_forged_token_is_not() {
        let (provider, other) = (Provider::new(), Provider::new());
        let keys = provider.keys();
        let check =
            |token: &str, flaw: Flaw| assert_eq!(verify(token, &keys, &EXPECTED), Err(flaw), "{token}");
        let head = |algorithm: &str, kid: &str| json!({ "alg": algorithm, "kid": kid });
        for none in ["none", "None", "NONE", "HS256", "HS512", "RS1", "ES256K", "RS384", ""] {
            check(&provider.token(&head(none, "rsa"), &claims()), Flaw::Algorithm);
        }
        // The public key as a shared secret: what some libraries took.
        let message = format!(
            "{}.{}",
            encode(head("HS256", "rsa").to_string().as_bytes()),
            encode(claims().to_string().as_bytes())
        );
        let secret =
            hmac::Key::new(hmac::HMAC_SHA256, provider.set()["keys"][2]["n"].as_str().unwrap().as_bytes());
        let tag = encode(hmac::sign(&secret, message.as_bytes()).as_ref());
        check(&format!("{message}.{tag}"), Flaw::Algorithm);

        check(&other.token(&head("RS256", "rsa"), &claims()), Flaw::Signature);
        check(&other.token(&head("ES256", "ec"), &claims()), Flaw::Signature);
        for (algorithm, kid) in
            [("RS256", "new"), ("RS256", "enc"), ("RS256", "secret"), ("RS256", "ec"), ("ES256", "rsa")]
        {
            check(&provider.token(&head(algorithm, kid), &claims()), Flaw::UnknownKey);
        }
        let critical = json!({ "alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false });
        check(&provider.token(&critical, &claims()), Flaw::Algorithm);
        // A key that the token brings itself counts for nothing.
        let brought = json!({ "alg": "ES256", "jwk": other.set()["keys"][3] });
        check(&other.token(&brought, &claims()), Flaw::Signature);
    }

    #[test]
    fn a_token_that_was_changed_or_cut_is_not() {
        let provider = Provider::new();
        let keys = provider.keys();
        let token = provider.token(&json!({ "alg": "ES256", "kid": "ec" }), &claims());
        let parts: Vec<&str> = token.split('.').collect();
        let mut raised = claims();
        raised["preferred_username"] = "admin".into();
        let raised = encode(raised.to_string().as_bytes());
        let forged = format!("{}.{raised}.{}", parts[0], parts[2]);
        assert_eq!(verify(&forged, &keys, &EXPECTED), Err(Flaw::Signature));
        let mut bytes = token.clone().into_bytes();
        for at in 0..bytes.len() {
            let kept = bytes[at];
            bytes[at] = if kept == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes.clone()).unwrap();
            assert!(verify(&changed, &keys, &EXPECTED).is_err(), "byte {at}");
            assert!(verify(&token[..at], &keys, &EXPECTED).is_err(), "cut at {at}");
            bytes[at] = kept;
        }
        for wrong in ["", ".", "..", "a.b.c", "....", &format!("{token}.{token}"), &format!("{token}=")] {
            assert!(verify(wrong, &keys, &EXPECTED).is_err(), "{wrong}");
        }
        let large = "A".repeat(TOKEN_LIMIT_BYTES);
        assert_eq!(
            verify(&format!("{}.{large}.{}", parts[0], parts[2]), &keys, &EXPECTED),
            Err(Flaw::Malformed)
        );
    }

    #[test]
    fn every_claim_must_hold() {
        let provider = Provider::new();
        let keys = provider.keys();
        let said = |name: &str, value: &Value| {
            let mut said = claims();
            match value {
                Value::Null => drop(said.as_object_mut().unwrap().remove(name)),
                value => said[name] = value.clone(),
            }
            verify(&provider.token(&json!({ "alg": "ES256", "kid": "ec" }), &said), &keys, &EXPECTED)
        };
        for (name, value) in [
            ("aud", json!(["watchfire"])),
            ("azp", json!("watchfire")),
            ("exp", json!(NOW - 59)),
            ("iat", json!(NOW + 60)),
            ("iat", json!(NOW - 599)),
            ("iat", json!(NOW as f64 + 0.5)),
            ("nbf", json!(NOW)),
        ] {
            assert!(said(name, &value).is_ok(), "{name} {value}");
        }
        for (name, value, flaw) in [
            ("iss", json!("https://id.example/"), "iss"),
            ("iss", Value::Null, "iss"),
            ("aud", json!("another"), "aud"),
            ("aud", json!(["another"]), "aud"),
            ("aud", json!({ "watchfire": 1 }), "aud"),
            ("aud", Value::Null, "aud"),
            ("aud", json!(["watchfire", "another"]), "azp"),
            ("azp", json!("another"), "azp"),
            ("azp", json!(1), "azp"),
            ("exp", json!(NOW - 60), "exp"),
            ("exp", json!("9999999999"), "exp"),
            ("exp", Value::Null, "exp"),
            ("iat", json!(NOW + 61), "iat"),
            ("iat", json!(NOW - 601), "iat"),
            ("iat", Value::Null, "iat"),
            ("nbf", json!(NOW + 61), "nbf"),
            ("nbf", json!("now"), "nbf"),
            ("nonce", json!("n-2"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("sub", json!(""), "sub"),
            ("sub", json!(7), "sub"),
            ("sub", json!("x".repeat(256)), "sub"),
        ] {
            assert_eq!(said(name, &value), Err(Flaw::Claim(flaw)), "{name} {value}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_passed_over() {
        for (set, usable) in [
            ("{\"keys\":[]}", Some(0)),
            ("{}", None),
            ("[]", None),
            ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"},7,{}]}", Some(0)),
            ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", Some(0)),
            ("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\"}]}", Some(1)),
        ] {
            assert_eq!(Keys::read(set.as_bytes()).map(|keys| keys.0.len()), usable, "{set}");
        }
        // A key that is too short to be trusted verifies nothing.
        let short = Keys::read(b"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}").unwrap();
        let message = encode(b"{\"alg\":\"RS256\"}");
        let token =
            format!("{message}.{}.{}", encode(b"{}"), encode(digest::digest(&digest::SHA256, b"").as_ref()));
        assert_eq!(verify(&token, &short, &EXPECTED), Err(Flaw::Signature));
    }
}
