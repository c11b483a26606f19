//! Sign-in by an identity provider: who comes in by a good one, and that nobody comes in by one that is bad or not asked.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops

mod node_kit;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use node_kit::{Answer, Node, percent};
use serde_json::{Value, json};

const SECRET: &str = "a client's secret: +/&%";

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Keys of a provider, and of somebody who would like to be one.
struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Keys {
    fn new() -> Self {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { rsa, ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    fn set(&self, names: [&str; 2]) -> Value {
        // RFC 8017 §A.1.1, of 2,048 bits: the head, 256 bytes of modulus, and the exponent 65537.
        let n = encode(&self.rsa.public_key().as_ref()[9..265]);
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": names[0], "use": "sig", "n": n, "e": "AQAB" },
            { "kty": "EC", "crv": "P-256", "kid": names[1], "x": encode(&point[1..33]), "y": encode(&point[33..]) },
        ]})
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let message = format!("{}.{}", part(head), part(claims));
        let random = SystemRandom::new();
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        match head["alg"].as_str().unwrap() {
            "RS256" => self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            "PS256" => self.rsa.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            "ES256" => signature = self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            _ => signature.clear(),
        }
        format!("{message}.{}", encode(&signature))
    }
}

static OURS: LazyLock<Keys> = LazyLock::new(Keys::new);
static OTHERS: LazyLock<Keys> = LazyLock::new(Keys::new);

/// What a provider does.
type Mint = Box<dyn Fn(&str, &str) -> String + Send>;

struct Plan {
    document: Value,
    keys: Value,
    /// Makes a token, of an issuer and a nonce.
    mint: Mint,
    /// What the token endpoint answers instead.
    instead: Option<(u16, String)>,
    /// Codes that were given out, with what they are bound to.
    codes: BTreeMap<String, BTreeMap<String, String>>,
    /// What was asked: the path, and `Authorization`.
    asked: Vec<(String, String)>,
}

/// A small identity provider.
struct Provider {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
}

fn claims(issuer: &str, nonce: &str) -> Value {
    json!({ "iss": issuer, "aud": "watchfire", "sub": "248289761001", "preferred_username": "ben", "nonce": nonce,
        "iat": now(), "exp": now() + 300 })
}

fn good(issuer: &str, nonce: &str) -> String {
    OURS.sign(&json!({ "alg": "RS256", "kid": "r1" }), &claims(issuer, nonce))
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let plan = Arc::new(Mutex::new(Plan {
            document: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "code_challenge_methods_supported": ["plain", "S256"],
            }),
            keys: OURS.set(["r1", "e1"]),
            mint: Box::new(good),
            instead: None,
            codes: BTreeMap::new(),
            asked: Vec::new(),
        }));
        let shared = Arc::clone(&plan);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &mut shared.lock().unwrap(), &issuer);
            }
        });
        Self { address, plan }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    fn plan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.plan.lock().unwrap());
    }

    /// How often a path was asked for.
    fn asked(&self, path: &str) -> usize {
        self.plan.lock().unwrap().asked.iter().filter(|(asked, _)| asked == path).count()
    }

    /// Somebody signs in here: the code with which they are sent back.
    fn authorize(&self, parameters: &BTreeMap<String, String>) -> String {
        let mut plan = self.plan.lock().unwrap();
        let code = format!("code {}&", plan.codes.len());
        plan.codes.insert(code.clone(), parameters.clone());
        code
    }
}

fn serve(stream: &TcpStream, plan: &mut Plan, issuer: &str) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let _ = reader.read_line(&mut line);
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) <= 2 {
            break;
        }
        let (name, value) = header.trim().split_once(": ").unwrap();
        match name {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    plan.asked.push((path.clone(), authorization.clone()));
    let (status, body) = match path.as_str() {
        "/.well-known/openid-configuration" => (200, plan.document.to_string()),
        "/keys" => (200, plan.keys.to_string()),
        "/token" => plan.instead.clone().unwrap_or_else(|| {
            token(plan, issuer, &authorization, &pairs(std::str::from_utf8(&body).unwrap()))
        }),
        _ => (404, String::new()),
    };
    let moved = if status == 307 { format!("location: {body}\r\n") } else { String::new() };
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{moved}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// The token endpoint as it should be: RFC 6749 §4.1.3, RFC 7636 §4.6.
fn token(
    plan: &mut Plan,
    issuer: &str,
    authorization: &str,
    form: &BTreeMap<String, String>,
) -> (u16, String) {
    let bad = (400, json!({ "error": "invalid_grant" }).to_string());
    // A code is good once.
    let Some(bound) = plan.codes.remove(&form["code"]) else { return bad };
    let basic = authorization.strip_prefix("Basic ").map(|text| STANDARD.decode(text).unwrap());
    let basic = basic.map(|bytes| String::from_utf8(bytes).unwrap());
    let client = basic
        .as_deref()
        .and_then(|text| text.split_once(':'))
        .map(|(id, secret)| (decode(id), decode(secret)));
    let challenge = encode(
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_bytes()).as_ref(),
    );
    let fits = client == Some(("watchfire".to_owned(), SECRET.to_owned()))
        && form["grant_type"] == "authorization_code"
        && form["redirect_uri"] == bound["redirect_uri"]
        && bound["code_challenge_method"] == "S256"
        && bound["code_challenge"] == challenge;
    if !fits {
        return bad;
    }
    let token = (plan.mint)(issuer, &bound["nonce"]);
    (200, json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": token }).to_string())
}

/// A node whose people may sign in by a provider, with `ben` and the shut `carla`.
fn node_of(provider: &Provider, more: &str) -> (Node, tempfile::TempDir) {
    let keep = tempfile::tempdir().unwrap();
    let secret = keep.path().join("oidc.secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let head = format!(
        "public_url = \"https://taxii.example\"\noidc = {{ issuer = \"{}\", client_id = \"watchfire\", \
         client_secret = \"{}\"{more} }}",
        provider.issuer(),
        secret.display()
    );
    let node = Node::with_store("watchfire.db", &head);
    node.add_user("ben", "observer", "CERT-B");
    node.add_user("carla", "observer", "CERT-B");
    node.administer(&["user", "disable", "carla"]);
    (node, keep)
}

const BY_NAME: &str = ", claim = \"preferred_username\"";

fn get(node: &Node, path: &str, cookie: &str) -> Answer {
    node.send("GET", path, &[("cookie", cookie)], b"")
}

/// The value of a cookie that an answer sets, with its name; none where it takes it away.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let of_name = answer
        .headers
        .iter()
        .filter(|(header, value)| header == "set-cookie" && value.starts_with(&format!("{name}=")));
    let mut values = of_name.map(|(_, value)| value.split(';').next().unwrap().to_owned());
    values.find(|pair| !pair.ends_with('='))
}

/// A browser sets out: what the provider is asked for, and what the browser carries.
fn depart(node: &Node, provider: &Provider) -> (BTreeMap<String, String>, String) {
    let answer = get(node, "/sign-in/oidc", "");
    assert_eq!(answer.status, 303, "{answer:?}");
    let address = answer.header("location").unwrap();
    let query = address.strip_prefix(&format!("{}/authorize?tenant=1&", provider.issuer())).unwrap();
    let set = answer.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"), "{set}");
    (pairs(query), cookie(&answer, "__Host-watchfire-oidc").unwrap())
}

fn return_with(node: &Node, query: &[(&str, &str)], carried: &str) -> Answer {
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    get(node, &format!("/sign-in/oidc/callback?{}", query.join("&")), carried)
}

/// The whole way, by a provider that does as it is told.
fn sign_in(node: &Node, provider: &Provider) -> Answer {
    let (asked, carried) = depart(node, provider);
    let code = provider.authorize(&asked);
    return_with(node, &[("code", &code), ("state", &asked["state"])], &carried)
}

/// The session that came of it; none where nobody was let in.
fn session(answer: &Answer) -> Option<String> {
    let found = cookie(answer, "__Host-watchfire");
    assert_eq!(found.is_some(), answer.status == 200, "{answer:?}");
    // What the errand carried is taken away, whatever came of it.
    let gone = answer.headers.iter().any(|(name, value)| {
        name == "set-cookie" && value.starts_with("__Host-watchfire-oidc=;") && value.ends_with("Max-Age=0")
    });
    assert!(gone, "{answer:?}");
    found
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    assert!(session(answer).is_none(), "{what}: {answer:?}");
    assert!(answer.status == 403 || answer.status == 502, "{what}: {answer:?}");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("role=\"alert\"") && !text.contains(SECRET), "{what}: {text}");
}

fn refusals(node: &Node) -> Vec<String> {
    let connection = rusqlite::Connection::open(node.folder.path().join("watchfire.db")).unwrap();
    let mut rows =
        connection.prepare("select detail from audit where action = 'account.refuse' order by key").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn who_is_known_to_the_provider_and_here_comes_in() {
    let provider = Provider::start();
    let (node, _keep) = node_of(&provider, BY_NAME);
    let form = String::from_utf8(get(&node, "/sign-in", "").body).unwrap();
    assert!(form.contains("href=\"/sign-in/oidc\"") && form.contains(&provider.issuer()));

    let (asked, carried) = depart(&node, &provider);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "watchfire"),
        ("redirect_uri", "https://taxii.example/sign-in/oidc/callback"),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| asked[*name].len() == 43));
    for secret in ["state", "nonce", "code_challenge"] {
        assert!(!carried.contains(&asked[secret]), "what is carried is sealed");
    }
    let code = provider.authorize(&asked);
    let answer = return_with(&node, &[("code", &code), ("state", &asked["state"])], &carried);
    let ben = session(&answer).unwrap();
    assert!(String::from_utf8(answer.body).unwrap().contains("content=\"0; url=/\""));
    let page = String::from_utf8(get(&node, "/", &ben).body).unwrap();
    assert!(page.contains("<h1>ben</h1>") && page.contains(&format!("oidc {}", provider.issuer())), "{page}");
    assert_eq!(get(&node, &node.objects(""), &ben).status, 200);

    // Each of the three ways to sign; the document and the keys are not asked for each time.
    for (algorithm, kid) in [("PS256", "r1"), ("ES256", "e1")] {
        provider.plan(|plan| {
            plan.mint = Box::new(move |issuer, nonce| {
                OURS.sign(&json!({ "alg": algorithm, "kid": kid }), &claims(issuer, nonce))
            });
        });
        assert!(session(&sign_in(&node, &provider)).is_some(), "{algorithm}");
    }
    assert_eq!((provider.asked("/keys"), provider.asked("/.well-known/openid-configuration")), (1, 1));
    // The secret goes to the token endpoint, and nowhere else.
    provider.plan(|plan| {
        assert!(
            plan.asked.iter().all(|(path, authorization)| authorization.is_empty() == (path != "/token"))
        );
    });
    let connection = rusqlite::Connection::open(node.folder.path().join("watchfire.db")).unwrap();
    let signed_in: i64 = connection
        .query_row(
            "select count(*) from audit where action = 'account.sign-in' and actor = 'ben' and detail like 'session by oidc %'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(signed_in, 3);
}

/// Tokens that must not be believed: what is wrong with each, how it is made, and what is said of it.
fn forgeries() -> Vec<(&'static str, Mint, &'static str)> {
    let head = || json!({ "alg": "RS256", "kid": "r1" });
    let changed = |name: &'static str, value: Value| -> Mint {
        Box::new(move |issuer, nonce| {
            let mut claims = claims(issuer, nonce);
            claims[name] = value.clone();
            OURS.sign(&json!({ "alg": "RS256", "kid": "r1" }), &claims)
        })
    };
    vec![
        ("wrong nonce", changed("nonce", json!("another")), "nonce"),
        ("no nonce", changed("nonce", Value::Null), "nonce"),
        ("wrong aud", changed("aud", json!("another")), "aud"),
        ("others too", changed("aud", json!(["watchfire", "another"])), "azp"),
        ("wrong azp", changed("azp", json!("another")), "azp"),
        ("wrong iss", changed("iss", json!("https://id.example")), "iss"),
        ("expired", changed("exp", json!(now() - 120)), "exp"),
        ("of tomorrow", changed("iat", json!(now() + 86_400)), "iat"),
        ("of yesterday", changed("iat", json!(now() - 86_400)), "iat"),
        (
            "alg none",
            Box::new(|issuer, nonce| OURS.sign(&json!({ "alg": "none" }), &claims(issuer, nonce))),
            "not signed as",
        ),
        (
            "a shared secret",
            Box::new(|issuer, nonce| {
                let unsigned = OURS.sign(&json!({ "alg": "HS256", "kid": "r1" }), &claims(issuer, nonce));
                let message = unsigned.trim_end_matches('.');
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
                format!("{message}.{}", encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref()))
            }),
            "not signed as",
        ),
        (
            "another key",
            Box::new(move |issuer, nonce| OTHERS.sign(&head(), &claims(issuer, nonce))),
            "signature",
        ),
        (
            "a key that is not the provider's",
            Box::new(|issuer, nonce| {
                OTHERS.sign(&json!({ "alg": "ES256", "kid": "x" }), &claims(issuer, nonce))
            }),
            "not the provider's",
        ),
        (
            "changed since",
            Box::new(|issuer, nonce| {
                let token = good(issuer, nonce);
                let parts: Vec<&str> = token.split('.').collect();
                let mut claims = claims(issuer, nonce);
                claims["preferred_username"] = "admin".into();
                format!("{}.{}.{}", parts[0], encode(claims.to_string().as_bytes()), parts[2])
            }),
            "signature",
        ),
        ("nothing", Box::new(|_, _| String::new()), "the token is none"),
    ]
}

#[test]
fn a_token_that_is_forged_or_for_others_lets_nobody_in() {
    let provider = Provider::start();
    let (node, _keep) = node_of(&provider, BY_NAME);
    let mut reasons = Vec::new();
    for (what, mint, reason) in forgeries() {
        provider.plan(|plan| plan.mint = mint);
        assert_refused(&sign_in(&node, &provider), what);
        reasons.push((what, reason));
        // Each failure counts for the address; these are of fifteen people.
        assert_eq!(refusals(&node).len(), reasons.len());
    }
    for (said, (what, reason)) in refusals(&node).iter().zip(&reasons) {
        assert!(said.contains(reason), "{what}: {said}");
    }
    provider.plan(|plan| plan.mint = Box::new(good));
    assert!(session(&sign_in(&node, &provider)).is_some());
    // What any page can send a browser to counts for nothing; what the provider said does.
    for _ in 0..25 {
        assert_eq!(get(&node, "/sign-in/oidc/callback?state=x", "").status, 403);
    }
    provider.plan(|plan| plan.mint = Box::new(|_, _| String::new()));
    while refusals(&node).len() < 20 {
        assert_refused(&sign_in(&node, &provider), "once more");
    }
    assert_eq!(get(&node, "/sign-in/oidc", "").status, 429);
}

#[test]
fn a_key_that_is_new_is_asked_for_but_not_at_every_word() {
    let provider = Provider::start();
    let (node, _keep) = node_of(&provider, BY_NAME);
    assert!(session(&sign_in(&node, &provider)).is_some());
    assert_eq!(provider.asked("/keys"), 1);
    // A key that nobody has heard of: asked for again a minute later at the soonest.
    provider.plan(|plan| {
        plan.keys = OTHERS.set(["r2", "e2"]);
        plan.mint = Box::new(|issuer, nonce| {
            OTHERS.sign(&json!({ "alg": "ES256", "kid": "e2" }), &claims(issuer, nonce))
        });
    });
    for _ in 0..5 {
        assert_refused(&sign_in(&node, &provider), "a new key, too soon");
    }
    assert_eq!(provider.asked("/keys"), 1);
    // A node that has just begun asks, and once more for what it does not know then.
    let mut node = node;
    node.kill_and_start();
    assert!(session(&sign_in(&node, &provider)).is_some());
    assert_eq!(provider.asked("/keys"), 2);
}

#[test]
fn a_code_comes_back_once_and_with_the_browser_that_set_out() {
    let provider = Provider::start();
    let (node, _keep) = node_of(&provider, BY_NAME);
    let (asked, carried) = depart(&node, &provider);
    let (others, others_carried) = depart(&node, &provider);
    let code = provider.authorize(&asked);
    let (state, other) = (asked["state"].as_str(), others["state"].as_str());
    let tokens = provider.asked("/token");
    assert_refused(&return_with(&node, &[("code", &code), ("state", state)], ""), "no browser");
    assert_refused(
        &return_with(&node, &[("code", &code), ("state", state)], &others_carried),
        "another browser",
    );
    assert_refused(&return_with(&node, &[("code", &code), ("state", other)], &carried), "another state");
    assert_refused(&return_with(&node, &[("code", &code)], &carried), "no state");
    assert_refused(&return_with(&node, &[("code", &code), ("state", "")], &carried), "an empty state");
    let mixed = [("code", &*code), ("state", state), ("iss", "https://evil.example")];
    assert_refused(&return_with(&node, &mixed, &carried), "an answer of another provider");
    assert_eq!(provider.asked("/token"), tokens, "nothing of that was asked about");

    let back = [("code", &*code), ("state", state), ("iss", &*provider.issuer())];
    assert!(session(&return_with(&node, &back, &carried)).is_some());
    assert_refused(&return_with(&node, &back, &carried), "a second time");
    assert_eq!(provider.asked("/token"), tokens + 1, "the node itself knows that it was used");
    // A code that another browser used up, or that was never given out, is the provider's to refuse.
    assert_refused(&return_with(&node, &[("code", &code), ("state", other)], &others_carried), "a used code");
    assert_eq!(provider.asked("/token"), tokens + 2);
    // A code that was stolen is bound to the challenge of the browser from which it was stolen.
    let (victims, _) = depart(&node, &provider);
    let (thiefs, thiefs_carried) = depart(&node, &provider);
    let stolen = provider.authorize(&victims);
    assert_refused(
        &return_with(&node, &[("code", &stolen), ("state", &thiefs["state"])], &thiefs_carried),
        "stolen",
    );
    // Somebody who says no at the provider.
    let (asked, carried) = depart(&node, &provider);
    let no = [("error", "access_denied"), ("error_description", "<script>"), ("state", &asked["state"])];
    let answer = return_with(&node, &no, &carried);
    assert_refused(&answer, "denied");
    assert!(!String::from_utf8(answer.body).unwrap().contains("script"));
}

#[test]
fn a_provider_that_misbehaves_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let foreign = format!("http://{}/", elsewhere.local_addr().unwrap());
    let answers: [(u16, String); 6] = [
        (307, foreign),
        (200, "<html>".to_owned()),
        (200, "{}".to_owned()),
        (200, json!({ "id_token": 7 }).to_string()),
        (500, String::new()),
        (200, " ".repeat(2 << 20)),
    ];
    let provider = Provider::start();
    let (node, _keep) = node_of(&provider, BY_NAME);
    for (status, body) in answers {
        provider.plan(|plan| plan.instead = Some((status, body.clone())));
        assert_refused(&sign_in(&node, &provider), &format!("{status}"));
    }
    assert!(elsewhere.accept().is_err(), "the secret was taken elsewhere");
    for (name, value) in [
        ("issuer", json!("https://id.example")),
        ("token_endpoint", json!("http://id.example/token")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("token_endpoint", Value::Null),
    ] {
        let provider = Provider::start();
        provider.plan(|plan| plan.document[name] = value.clone());
        let (node, _keep) = node_of(&provider, BY_NAME);
        let answer = get(&node, "/sign-in/oidc", "");
        assert_eq!((answer.status, answer.header("location")), (502, None), "{name} {value}");
    }
}

#[test]
fn only_accounts_that_are_here_are_named_and_by_nothing_that_anybody_can_write() {
    let by = |more: &str, change: &[(&'static str, Value)]| {
        let provider = Provider::start();
        let change: Vec<(&'static str, Value)> = change.to_vec();
        provider.plan(|plan| {
            plan.mint = Box::new(move |issuer, nonce| {
                let mut claims = claims(issuer, nonce);
                for (name, value) in &change {
                    claims[*name] = value.clone();
                }
                OURS.sign(&json!({ "alg": "RS256", "kid": "r1" }), &claims)
            });
        });
        let (node, keep) = node_of(&provider, more);
        node.add_user("ben@b.example", "observer", "CERT-B");
        let answer = sign_in(&node, &provider);
        let name = session(&answer).map(|session| {
            let page = String::from_utf8(get(&node, "/", &session).body).unwrap();
            page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap().to_owned()
        });
        assert_eq!(node.administer(&["user", "list"]).lines().count(), 4, "nobody is made");
        assert_eq!(refusals(&node).len(), usize::from(name.is_none()));
        drop(keep);
        name
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(by(BY_NAME, &[]), some("ben"));
    assert_eq!(by(BY_NAME, &[("preferred_username", json!("nobody"))]), None);
    assert_eq!(by(BY_NAME, &[("preferred_username", json!("carla"))]), None, "an account that is shut");
    assert_eq!(by(BY_NAME, &[("preferred_username", json!(["ben"]))]), None);
    assert_eq!(by("", &[]), None, "by the subject, which is no name here");
    assert_eq!(by(", accounts = { 248289761001 = \"ben\" }", &[]), some("ben"));
    assert_eq!(by(", accounts = { 7 = \"ben\" }", &[("sub", json!("ben"))]), None, "only who is listed");
    let mail = ", claim = \"email\", scope = \"openid email\"";
    let address = ("email", json!("ben@b.example"));
    assert_eq!(by(mail, &[address.clone(), ("email_verified", json!(true))]), some("ben@b.example"));
    for unverified in [json!(false), json!("true"), Value::Null] {
        assert_eq!(by(mail, &[address.clone(), ("email_verified", unverified)]), None);
    }
}

#[test]
fn the_configuration_is_told_without_the_secret() {
    let provider = Provider::start();
    let (node, keep) = node_of(&provider, BY_NAME);
    let shown = node.administer(&["config", "show"]);
    let line = |key: &str| {
        shown.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {shown}"))
    };
    assert!(line("oidc.issuer").contains(&provider.issuer()));
    assert!(
        line("oidc.claim").contains("preferred_username") && line("oidc.client_id").contains("watchfire")
    );
    assert!(line("oidc.client_secret").contains("oidc.secret") && !shown.contains(SECRET));
    drop(keep);
    // Without a provider there is no way to one.
    let plain = Node::new();
    assert_eq!(get(&plain, "/sign-in/oidc", "").status, 404);
    assert_eq!(get(&plain, "/sign-in/oidc/callback?code=x&state=y", "").status, 404);
    assert!(!String::from_utf8(get(&plain, "/sign-in", "").body).unwrap().contains("oidc"));
}
