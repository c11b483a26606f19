//! Sign-in by a browser: what a session opens, what ends it, and who cannot make one or use another's.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops

mod node_kit;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use node_kit::{Answer, Node, PASSWORD, RED, TAXII, basic, envelope, id, indicator, percent};

const COOKIE: &str = "__Host-watchfire";

fn origin(node: &Node) -> String {
    format!("http://{}", node.address)
}

/// A form as a page of the node sends it.
fn send_form(node: &Node, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    node.send("POST", path, &all, body.join("&").as_bytes())
}

fn sign_in(node: &Node, name: &str, password: &str, code: &str) -> Answer {
    let fields = [("name", name), ("password", password), ("code", code)];
    send_form(node, "/sign-in", &fields, &[("origin", &origin(node))])
}

/// The cookie that an answer sets, as a browser sends it back.
fn given(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    assert_eq!(set.split_once(';').unwrap().1, " Path=/; Secure; HttpOnly; SameSite=Strict");
    set.split(';').next().unwrap().to_owned()
}

/// A session of somebody.
fn session(node: &Node, name: &str) -> String {
    let answer = sign_in(node, name, PASSWORD, "");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    given(&answer)
}

fn get(node: &Node, path: &str, cookie: &str) -> Answer {
    node.send("GET", path, &[("cookie", cookie)], b"")
}

fn is_open(node: &Node, cookie: &str) -> bool {
    let status = get(node, "/taxii2/", cookie).status;
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

fn page(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{answer:?}");
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The rows of the audit of an action: actor, subject, detail.
fn audit(node: &Node, action: &str) -> Vec<(String, String, String)> {
    let connection = rusqlite::Connection::open(node.folder.path().join("watchfire.db")).unwrap();
    let mut rows = connection
        .prepare("select actor, subject, detail from audit where action = ?1 order by key")
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    rows.query_map([action], row).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_session_reads_what_its_account_may_know_and_changes_nothing() {
    let node = Node::new();
    node.add_user("ben", "analyst", "CERT-B");
    node.post(&envelope(&[indicator(1, 0, Some(RED)), indicator(2, 0, Some(node_kit::CLEAR))]));
    let (admin, ben) = (session(&node, "admin"), session(&node, "ben"));
    assert_eq!(get(&node, &node.objects("?match[type]=indicator"), &admin).ids().len(), 2);
    for path in [
        node.objects("?match[type]=indicator"),
        node.root(&format!("collections/{}/manifest/", node.collection)),
    ] {
        let answer = get(&node, &path, &ben);
        assert_eq!((answer.status, answer.ids()), (200, vec![id("indicator", 2)]), "{path}");
    }
    let csv = get(&node, &node.root(&format!("collections/{}/values.csv", node.collection)), &ben);
    assert!(csv.status == 200 && !String::from_utf8(csv.body).unwrap().contains("198.51.100.1,"));

    // What changes something needs more than what a browser sends by itself.
    let body = envelope(&[indicator(3, 0, Some(node_kit::CLEAR))]).to_string();
    let own = origin(&node);
    let headers = [("cookie", &*admin), ("origin", &*own), ("content-type", TAXII), ("accept", TAXII)];
    assert_eq!(node.send("POST", &node.objects(""), &headers, body.as_bytes()).status, 401);
    let object = node.objects(&format!("{}/", id("indicator", 2)));
    assert_eq!(node.send("DELETE", &object, &headers, b"").status, 401);
    assert_eq!(node.get(&object).ids().len(), 1);
    // A wrong password is not made good by a session.
    let wrong = [("cookie", &*admin), ("authorization", "Basic YWRtaW46eA==")];
    assert_eq!(node.send("GET", "/taxii2/", &wrong, b"").status, 401);
}

#[test]
fn the_page_says_who_one_is_and_runs_nothing() {
    let node = Node::new();
    node.administer(&["member", "community", "finance", "--within", "allies"]);
    node.administer(&["member", "community", "allies"]);
    node.administer(&["member", "organisation", "BANK", "--community", "finance", "--nation", "FRA"]);
    node.add_user("ben <b>", "analyst", "BANK");
    let nobody = get(&node, "/", "");
    assert_eq!((nobody.status, nobody.header("location")), (303, Some("/sign-in")));
    let form = get(&node, "/sign-in", "");
    assert_eq!(form.status, 200);
    assert!(
        page(&form).contains("<form method=\"post\" action=\"/sign-in\">") && page(&form).contains("CERT-A")
    );

    let ben = session(&node, "ben <b>");
    assert_eq!(get(&node, "/sign-in", &ben).header("location"), Some("/"), "who is signed in need not");
    let shown = get(&node, "/", &ben);
    let html = page(&shown);
    for part in [
        "ben &#60;b&#62;",
        "BANK (FRA)",
        "allies, finance",
        "analyst",
        "Intelligence",
        "this one",
        "127.0.0.1",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains(ben.split('=').nth(1).unwrap()), "the cookie is for the browser alone");
    for answer in [&shown, &form] {
        assert!(!page(answer).contains("<script") && !page(answer).contains("http-equiv"));
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src") && !policy.contains("http"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }
    // From a link elsewhere the browser keeps the cookie back once; a page of the node leads on.
    let led = node.send("GET", "/", &[("sec-fetch-site", "cross-site")], b"");
    assert!(led.status == 200 && page(&led).contains("content=\"0; url=/\""));
    assert_eq!(node.send("HEAD", "/sign-in", &[], b"").body, b"");
    assert_eq!(node.send("PUT", "/sign-in", &[], b"").status, 405);
    assert_eq!(node.send("OPTIONS", "/sign-out", &[], b"").header("allow"), Some("POST, OPTIONS"));
}

#[test]
fn a_session_ends_with_what_it_was_begun_by() {
    let node = Node::new();
    node.add_user("ben", "observer", "CERT-B");
    node.add_user("carla", "observer", "CERT-B");
    let [out, one, two, three, four] = std::array::from_fn(|_| session(&node, "ben"));
    let carla = session(&node, "carla");
    let own = origin(&node);

    let answer = send_form(&node, "/sign-out", &[], &[("origin", &own), ("cookie", &out)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert!(answer.header("set-cookie").unwrap().starts_with(&format!("{COOKIE}=; ")));
    assert!(answer.header("set-cookie").unwrap().ends_with("Max-Age=0"));
    assert!(!is_open(&node, &out) && is_open(&node, &one));
    assert_eq!(audit(&node, "account.sign-out").len(), 1);

    // One's own other sessions are ended from the page; another's are not there.
    let html = page(&get(&node, "/", &one));
    let handles: Vec<&str> =
        html.split("name=\"session\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(handles.len(), 3, "{html}");
    let end = |handle: &str, cookie: &str| {
        send_form(&node, "/sessions/end", &[("session", handle)], &[("origin", &own), ("cookie", cookie)])
            .status
    };
    assert_eq!((end(handles[0], &carla), end("nonsense", &one), end("", &one)), (404, 404, 404));
    assert!([&one, &two, &three, &four].iter().all(|cookie| is_open(&node, cookie)));
    assert_eq!(end(handles[0], &one), 303);
    let open = [&two, &three, &four].iter().filter(|cookie| is_open(&node, cookie)).count();
    assert_eq!((open, is_open(&node, &one)), (2, true));
    assert_eq!(audit(&node, "session.end"), [("ben".to_owned(), "ben".to_owned(), String::new())]);

    node.administer(&["user", "password", "ben", "--password-stdin"]);
    assert!([&one, &two, &three, &four].iter().all(|cookie| !is_open(&node, cookie)), "another password");
    let again = session(&node, "ben");
    node.administer(&["user", "totp", "ben"]);
    assert!(!is_open(&node, &again), "a code is asked for from now on");
    node.administer(&["user", "totp", "ben", "--off"]);
    let again = session(&node, "ben");
    node.administer(&["user", "disable", "ben"]);
    assert!(!is_open(&node, &again), "the account is shut");
    node.administer(&["user", "enable", "ben"]);
    assert!(!is_open(&node, &again) && is_open(&node, &carla));
}

#[test]
fn a_session_ends_by_itself() {
    let node = Node::new();
    let (idle, old, fresh) = (session(&node, "admin"), session(&node, "admin"), session(&node, "admin"));
    // The clock cannot be moved; when a session began and was used can.
    let connection = rusqlite::Connection::open(node.folder.path().join("watchfire.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let minutes = |cookie: &str, created: i64, seen: i64| {
        let hash = sha2(cookie.split_once('=').unwrap().1);
        let minute = 60 * 1_000_000_i64;
        let touched = connection
            .execute(
                "update session set created_us = created_us - ?2, seen_us = seen_us - ?3, \
                 expires_us = expires_us - ?3 where hash = ?1",
                (hash, created * minute, seen * minute),
            )
            .unwrap();
        assert_eq!(touched, 1);
    };
    minutes(&idle, 29, 29);
    assert!(is_open(&node, &idle), "and being used it goes on");
    minutes(&idle, 29, 29);
    assert!(is_open(&node, &idle));
    minutes(&idle, 31, 31);
    assert!(!is_open(&node, &idle), "half an hour of nothing");
    minutes(&old, 12 * 60 - 1, 2);
    assert!(is_open(&node, &old), "its last minute, noted as used");
    minutes(&old, 2, 2);
    assert!(!is_open(&node, &old), "twelve hours, however it is used");
    assert!(is_open(&node, &fresh));
}

fn sha2(text: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

#[test]
fn a_form_from_elsewhere_does_nothing() {
    let node = Node::new();
    let cookie = session(&node, "admin");
    let fields = [("name", "admin"), ("password", PASSWORD)];
    let own = origin(&node);
    for headers in [
        vec![],
        vec![("origin", "null")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "http://127.0.0.1")],
        vec![("origin", "http://127.0.0.1:1")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
        vec![("referer", own.as_str())],
    ] {
        let mut headers = headers;
        headers.push(("cookie", &cookie));
        for path in ["/sign-in", "/sign-out", "/sessions/end"] {
            let answer = send_form(&node, path, &fields, &headers);
            assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{path} {headers:?}");
        }
    }
    assert!(is_open(&node, &cookie));
    assert_eq!(audit(&node, "account.sign-in").len(), 1);
    let same = send_form(&node, "/sign-in", &fields, &[("sec-fetch-site", "same-origin")]);
    assert_eq!(same.status, 303);
}

#[test]
fn nobody_is_given_a_session_beforehand() {
    let node = Node::new();
    let own = origin(&node);
    let fields = [("name", "admin"), ("password", PASSWORD)];
    let planted = format!("{COOKIE}=attackers-choice-attackers-choice-attackers");
    let answer = send_form(&node, "/sign-in", &fields, &[("origin", &own), ("cookie", &planted)]);
    let cookie = given(&answer);
    assert!(cookie != planted && !is_open(&node, &planted) && is_open(&node, &cookie));
    // A browser that signs in once more has one session, and not the old one.
    let answer = send_form(&node, "/sign-in", &fields, &[("origin", &own), ("cookie", &cookie)]);
    let second = given(&answer);
    assert!(second != cookie && is_open(&node, &second) && !is_open(&node, &cookie));
    // The hash that the store keeps opens nothing.
    let connection = rusqlite::Connection::open(node.folder.path().join("watchfire.db")).unwrap();
    let hash: Vec<u8> = connection.query_row("select hash from session", [], |row| row.get(0)).unwrap();
    assert_eq!(hash, sha2(second.split_once('=').unwrap().1));
    let stolen = URL_SAFE_NO_PAD.encode(&hash);
    assert!(!is_open(&node, &format!("{COOKIE}={stolen}")));
    // The oldest makes room.
    let all: Vec<String> = (0..22).map(|_| session(&node, "admin")).collect();
    assert_eq!(all.iter().filter(|cookie| is_open(&node, cookie)).count(), 20);
}

#[test]
fn guessing_at_the_form_is_slow_and_tells_nothing() {
    let node = Node::new();
    node.add_user("ben", "observer", "CERT-B");
    let refused = |name: &str, password: &str, code: &str| {
        let answer = sign_in(&node, name, password, code);
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{name}");
        let text = page(&answer);
        assert!(!text.contains(PASSWORD), "{text}");
        text.replace(&format!("value=\"{name}\""), "")
    };
    let said = refused("ben", "wrong", "");
    assert_eq!(refused("nobody", "wrong", ""), said, "whether there is such an account is not said");
    assert_eq!(refused("ben", &format!("{PASSWORD}000000"), ""), said);
    node.administer(&["user", "disable", "ben"]);
    assert_eq!(refused("ben", PASSWORD, ""), said);
    node.administer(&["user", "enable", "ben"]);
    assert_eq!(audit(&node, "account.refuse").len(), 2, "of those who have an account that is open");
    let signed_in = audit(&node, "account.sign-in");
    assert!(signed_in.is_empty());
    sign_in(&node, "ben", PASSWORD, "");
    let row = ("ben".to_owned(), "ben".to_owned(), "session by password".to_owned());
    assert_eq!(audit(&node, "account.sign-in"), [row]);
    for _ in 0..20 {
        sign_in(&node, "nobody", "wrong", "");
    }
    assert_eq!(sign_in(&node, "ben", PASSWORD, "").status, 429);
    let large = format!("name=ben&password={}", "x".repeat(9000));
    let headers = [("origin", &*origin(&node)), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(node.send("POST", "/sign-in", &headers, large.as_bytes()).status, 413);
    assert_eq!(node.send("POST", "/sign-in", &headers, b"name=%zz").status, 400);
}

#[test]
fn a_code_is_asked_for_at_the_form_and_is_good_once() {
    let node = Node::new();
    node.add_user("ben", "observer", "CERT-B");
    let uri = node.administer(&["user", "totp", "ben"]);
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let code = node_kit::code(&secret, 0);
    assert_eq!(sign_in(&node, "ben", PASSWORD, "").status, 403, "the password alone");
    assert_eq!(sign_in(&node, "ben", PASSWORD, "000000").status, 403);
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    assert_eq!(sign_in(&node, "ben", PASSWORD, &spaced).status, 303);
    assert_eq!(sign_in(&node, "ben", PASSWORD, &code).status, 403, "a second time");
    let next = node_kit::code(&secret, 1);
    assert_eq!(
        sign_in(&node, "ben", &format!("{PASSWORD}{next}"), "").status,
        303,
        "at the end of the password"
    );
    let detail = audit(&node, "account.sign-in").pop().unwrap().2;
    assert_eq!(detail, "session by password and code");
    // What the form was given is not remembered for Basic: the code is used up.
    let header = format!("Basic {}", node_kit::base64(format!("ben:{PASSWORD}{code}").as_bytes()));
    assert_eq!(node.send("GET", "/taxii2/", &[("authorization", &*header)], b"").status, 401);
    assert_eq!(node.send("GET", "/taxii2/", &[("authorization", &*basic("admin"))], b"").status, 200);
}
