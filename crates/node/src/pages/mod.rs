//! Pages for people: sign-in, who one is, the sessions that are open. No script, nothing from elsewhere.
//!
//! A page reads with a session or shows the way to one. What changes something is a form of this node itself: its origin is
//! checked, whatever cookies came with it. Pages tell of accounts and of no object.

mod account;
mod sign_in;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::Response;
use axum::routing::any;
use http_body_util::{BodyExt as _, Limited};
use watchfire_store::Session;

use crate::clock::now_us;
use crate::node::Node;
use crate::oidc::CALLBACK;
use crate::peer::Peer;
use crate::percent;
use crate::session;
use crate::signed_in::SignedIn;
use crate::taxii::{Refusal, Reply, blocking, finish, options, text};
use crate::timed::Timed;

/// A form with a password of 1,024 bytes, each encoded, and room beside it.
const FORM_LIMIT_BYTES: usize = 8 * 1024;

/// A form comes within this time.
const FORM_TIMEOUT: Duration = Duration::from_secs(20);

/// What a page is given.
pub(super) struct Visit {
    peer: Peer,
    cookies: Option<String>,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    /// Whether another site's page led here.
    from_elsewhere: bool,
    now_us: i64,
}

impl Visit {
    /// A field of the form.
    fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    fn session(&self, node: &Node) -> Result<Option<(SignedIn, Session)>, Refusal> {
        Ok(session::find(node, self.cookies.as_deref(), self.peer.address, self.now_us)?)
    }
}

type Answer = Result<Reply, Refusal>;
type Run = fn(&Node, &Visit) -> Answer;

/// A path and what is done there, by method.
struct Page {
    path: &'static str,
    name: &'static str,
    methods: &'static [(&'static str, Run)],
}

const PAGES: [Page; 6] = [
    Page { path: "/", name: "page", methods: &[("GET", account::show)] },
    Page {
        path: "/sign-in",
        name: "page.sign-in",
        methods: &[("GET", sign_in::ask), ("POST", sign_in::by_password)],
    },
    Page { path: "/sign-in/oidc", name: "page.oidc", methods: &[("GET", sign_in::depart)] },
    Page { path: CALLBACK, name: "page.oidc-callback", methods: &[("GET", sign_in::return_)] },
    Page { path: "/sign-out", name: "page.sign-out", methods: &[("POST", account::sign_out)] },
    Page { path: "/sessions/end", name: "page.session-end", methods: &[("POST", account::end)] },
];

/// The pages of a node.
pub(crate) fn router(node: &Arc<Node>) -> Router {
    PAGES.iter().fold(Router::new(), |router, page| {
        let node = Arc::clone(node);
        router.route(page.path, any(move |request: Request| answer(Arc::clone(&node), page, request)))
    })
}

async fn answer(node: Arc<Node>, page: &'static Page, request: Request) -> Response {
    let asked = Timed::of(page.name, &request);
    let is_head = request.method() == Method::HEAD;
    let counted = Arc::clone(&node);
    let response = respond(node, page, request).await;
    counted.count(&asked, response.status());
    if is_head { response.map(|_| Body::empty()) } else { response }
}

async fn respond(node: Arc<Node>, page: &'static Page, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let names: Vec<&'static str> = page.methods.iter().map(|(name, _)| *name).collect();
    if parts.method == Method::OPTIONS {
        return options(&names);
    }
    let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
    let run = page.methods.iter().find(|(other, _)| *other == method).map(|(_, run)| *run);
    let form = match (run, method) {
        (Some(_), "POST") => read_form(&node, &parts, body).await,
        _ => Ok(Vec::new()),
    };
    blocking(move || {
        let answer = form.and_then(|form| {
            let run = run.ok_or_else(|| Refusal::method(&names))?;
            run(&node, &visit(&parts, form)?)
        });
        let reply = answer.unwrap_or_else(|refusal| {
            let (status, text, headers) = refusal.parts();
            let page = view::note("This did not work", &text, None).status(status);
            headers.into_iter().fold(page, |page, (name, value)| page.header(name, value))
        });
        finish(&node, Ok(reply), None)
    })
    .await
}

fn visit(parts: &Parts, form: Vec<(String, String)>) -> Result<Visit, Refusal> {
    let peer = parts.extensions.get::<Peer>().cloned().ok_or_else(Refusal::internal)?;
    let query = parts.uri.query().unwrap_or_default();
    Ok(Visit {
        peer,
        cookies: text(parts, header::COOKIE),
        query: pairs(query).ok_or_else(|| Refusal::bad("the address is not percent-encoded text"))?,
        form,
        from_elsewhere: fetch_site(parts).as_deref() == Some("cross-site"),
        now_us: now_us(),
    })
}

fn fetch_site(parts: &Parts) -> Option<String> {
    text(parts, header::HeaderName::from_static("sec-fetch-site"))
}

/// The fields of a form of this node's own.
async fn read_form(node: &Node, parts: &Parts, body: Body) -> Result<Vec<(String, String)>, Refusal> {
    if !is_own(node, parts) {
        return Err(Refusal::forbidden("this form comes from another site, or by another name of this node"));
    }
    let collected = tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, FORM_LIMIT_BYTES).collect()).await;
    let bytes = collected
        .map_err(|_| Refusal::too_slow())?
        .map_err(|_| Refusal::too_large(FORM_LIMIT_BYTES))?
        .to_bytes();
    let text = std::str::from_utf8(&bytes).ok();
    text.and_then(pairs).ok_or_else(|| Refusal::bad("a form is percent-encoded text"))
}

/// Whether a request that changes something comes from a page of this node (RFC 6454 §7). Cookies say nothing of that.
fn is_own(node: &Node, parts: &Parts) -> bool {
    let Some(origin) = text(parts, header::ORIGIN) else {
        // A browser that sends no origin says at least from where it fetches.
        return fetch_site(parts).as_deref() == Some("same-origin");
    };
    let host = text(parts, header::HOST).unwrap_or_default();
    is_origin(&origin, node.config.public_url.as_deref(), node.config.tls.is_some(), &host)
}

/// Whether an origin is this node's. Behind something that adds TLS, only that knows by which scheme it is reached.
fn is_origin(origin: &str, public_url: Option<&str>, is_tls: bool, host: &str) -> bool {
    if let Some(url) = public_url {
        let end = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
        return origin.eq_ignore_ascii_case(&url[..end.unwrap_or(url.len())]);
    }
    let of_host = |scheme: &str| {
        origin.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && rest.eq_ignore_ascii_case(host))
    };
    of_host("https://") || !is_tls && of_host("http://")
}

/// Pairs of `application/x-www-form-urlencoded`; none where they are wrong.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent::decode(name)?, percent::decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_this_nodes_or_another() {
        for (origin, public, tls, host, expected) in [
            ("https://a.example", None, true, "a.example", true),
            ("https://A.example:6100", None, true, "a.example:6100", true),
            ("http://a.example", None, true, "a.example", false),
            ("http://127.0.0.1:6100", None, false, "127.0.0.1:6100", true),
            ("https://a.example", None, false, "a.example", true),
            ("https://a.example:444", None, true, "a.example", false),
            ("https://evil.example", None, true, "a.example", false),
            ("https://a.example.evil.example", None, true, "a.example", false),
            ("null", None, true, "a.example", false),
            ("null", None, true, "null", false),
            ("https://", None, true, "", false),
            ("", None, false, "", false),
            ("https://a.example", Some("https://a.example/"), false, "127.0.0.1", true),
            ("https://a.example", Some("https://a.example"), false, "127.0.0.1", true),
            ("https://a.example", Some("https://a.example/x"), false, "127.0.0.1", true),
            ("http://a.example", Some("https://a.example"), false, "a.example", false),
            ("http://127.0.0.1", Some("https://a.example"), false, "127.0.0.1", false),
        ] {
            assert_eq!(is_origin(origin, public, tls, host), expected, "{origin} {public:?} {tls} {host}");
        }
    }

    #[test]
    fn forms_are_read() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("name=anna&password=a%26b+c%3D&code="),
            Some(vec![pair("name", "anna"), pair("password", "a&b c="), pair("code", "")])
        );
        assert_eq!(pairs(""), Some(Vec::new()));
        assert_eq!(pairs("a=%zz"), None);
    }
}
