//! What pages look like: one frame, one style, which the policy names by its hash.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::taxii::Reply;

/// The style of all pages. It stands in each of them, and nothing else is drawn from.
const STYLE: &str = include_str!("../../templates/style.css");

/// What a page may do: look like that, and send its forms to its own host.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        STANDARD.encode(digest)
    )
});

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage<'a> {
    organisation: &'a str,
    wrong: Option<&'a str>,
    name: &'a str,
    issuer: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "note.html")]
struct NotePage<'a> {
    title: &'a str,
    text: &'a str,
    next: Option<&'a str>,
}

/// Who looks at the page, and what is theirs.
#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage {
    pub(super) name: String,
    pub(super) node: String,
    pub(super) means: String,
    pub(super) until: String,
    pub(super) organisation: String,
    pub(super) nation: Option<String>,
    pub(super) communities: Vec<String>,
    pub(super) role: &'static str,
    pub(super) collections: Vec<CollectionView>,
    pub(super) sessions: Vec<SessionView>,
}

/// A collection that they may read.
pub(super) struct CollectionView {
    pub(super) title: String,
    pub(super) address: String,
}

/// A session of theirs.
pub(super) struct SessionView {
    pub(super) handle: String,
    pub(super) began: String,
    pub(super) seen: String,
    pub(super) origin: String,
    pub(super) means: String,
    pub(super) is_this: bool,
}

fn page(template: &impl Template) -> Reply {
    Reply::page(template.render().unwrap_or_default(), &POLICY)
}

/// The form to sign in by.
pub(super) fn sign_in(organisation: &str, wrong: Option<&str>, name: &str, issuer: Option<&str>) -> Reply {
    page(&SignInPage { organisation, wrong, name, issuer })
}

/// A few words, and perhaps where to go on at once: a page of this host leads there, whoever led to this page.
pub(super) fn note(title: &str, text: &str, next: Option<&str>) -> Reply {
    page(&NotePage { title, text, next })
}

/// Who one is.
pub(super) fn account(account: &AccountPage) -> Reply {
    page(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_take_nothing_from_elsewhere_and_run_nothing() {
        let hostile = "</style><script>alert(1)</script>\" onfocus=\"x";
        let account = AccountPage {
            name: hostile.to_owned(),
            node: hostile.to_owned(),
            means: hostile.to_owned(),
            until: hostile.to_owned(),
            organisation: hostile.to_owned(),
            nation: Some(hostile.to_owned()),
            communities: vec![hostile.to_owned()],
            role: "observer",
            collections: vec![CollectionView { title: hostile.to_owned(), address: "/x/".to_owned() }],
            sessions: [true, false]
                .map(|is_this| SessionView {
                    handle: hostile.to_owned(),
                    began: hostile.to_owned(),
                    seen: hostile.to_owned(),
                    origin: hostile.to_owned(),
                    means: hostile.to_owned(),
                    is_this,
                })
                .into(),
        };
        let sign_in =
            SignInPage { organisation: hostile, wrong: Some(hostile), name: hostile, issuer: Some(hostile) };
        let note = NotePage { title: hostile, text: hostile, next: Some("/") };
        for html in [account.render().unwrap(), sign_in.render().unwrap(), note.render().unwrap()] {
            // The style is what the policy's hash is of, byte for byte.
            let style = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
            assert_eq!(style, Some(STYLE));
            let rest = html.replacen(STYLE, "", 1);
            for no in ["<script", "://", "src=", "\" onfocus", "<link", "url(", "style="] {
                assert!(!rest.contains(no), "{no} in {rest}");
            }
        }
        assert!(POLICY.contains("style-src 'sha256-") && !POLICY.contains("unsafe"));
    }
}
