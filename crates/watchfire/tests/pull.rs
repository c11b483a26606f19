//! Pulling from other servers: everything arrives once, from where it left off, whatever the server does wrong.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test that cannot go on stops

mod node_kit;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

use node_kit::{CLEAR, Node, PASSWORD, RED, TAXII, envelope, gzip, id, indicator, run};
use serde_json::{Value, json};

/// A pull into a node, and what it told as JSON.
fn pull(node: &Node, url: &str, more: &[&str]) -> Value {
    let done = try_pull(node, url, more);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn try_pull(node: &Node, url: &str, more: &[&str]) -> Output {
    let fixed = ["pull", url, "--into", "intelligence", "--as", "admin", "--format", "jsonl"];
    run(node.folder.path(), &[&fixed, more].concat(), PASSWORD)
}

fn numbers(told: &Value) -> (i64, i64, usize, usize) {
    let count = |name: &str| told[name].as_array().unwrap().len();
    (
        told["added"].as_i64().unwrap(),
        told["unchanged"].as_i64().unwrap(),
        count("conflicts"),
        count("refused"),
    )
}

#[test]
fn a_node_pulls_from_a_node_and_goes_on_where_it_left_off() {
    let (there, here) = (Node::new(), Node::new());
    there.add_user("ben", "observer", "CERT-B");
    let objects: Vec<Value> = (0..25).map(|number| indicator(number, 0, Some(CLEAR))).collect();
    there.post(&envelope(&objects));
    there.post(&envelope(&[indicator(100, 0, Some(RED))]));
    // One of them is here with other words.
    let mut other = indicator(7, 0, Some(CLEAR));
    other["name"] = "other words".into();
    here.post(&envelope(&[other]));
    let url = format!("http://{}/taxii2/", there.address);
    let more = ["--user", "ben", "--collection", "intelligence", "--page", "10", "--from", "CERT-A"];
    let told = pull(&here, &url, &more);
    assert_eq!(
        (told["added"].as_i64(), told["conflicts"].as_array().unwrap().len()),
        (Some(24), 1),
        "{told}"
    );
    assert_eq!(told["conflicts"][0]["id"], id("indicator", 7));
    assert_eq!(told["notes"], json!([]), "{told}");
    assert_eq!(here.get(&here.objects("?limit=1000")).ids().len(), 25, "and nothing RED");
    // Nothing new: the last object is asked for once more, and that is all.
    let again = pull(&here, &url, &more);
    assert_eq!(numbers(&again), (0, 1, 0, 0));
    assert_eq!(again["requests"], 3, "discovery, collections, one page");
    // Versions, and what is not valid there and here.
    there.post(&envelope(&[indicator(3, 5, Some(CLEAR)), indicator(200, 0, Some(CLEAR))]));
    assert_eq!(pull(&here, &url, &more)["added"], 2);
    let versions = here.get(&here.objects(&format!("{}/versions/", id("indicator", 3)))).json();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
    // At the collection itself, and anew.
    let straight = format!("{url}alliance/collections/{}/", there.collection);
    let anew = pull(&here, &straight, &["--user", "ben", "--anew"]);
    assert_eq!((anew["added"].as_i64(), anew["unchanged"].as_i64()), (Some(0), Some(25)));
}

#[test]
fn who_may_not_is_told_without_a_secret() {
    let (there, here) = (Node::new(), Node::new());
    let url = format!("http://{}/taxii2/", there.address);
    for (more, words) in [
        (&["--user", "nobody"][..], "does not know this name"),
        (&["--user", "admin", "--collection", "nothing"], "no collection nothing"),
        (&[], "does not know this name"),
    ] {
        let done = try_pull(&here, &url, more);
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(2) && said.contains(words) && !said.contains(PASSWORD), "{said}");
    }
    here.add_user("olga", "observer", "CERT-A");
    let done = run(here.folder.path(), &["pull", &url, "--into", "intelligence", "--as", "olga"], "");
    assert!(String::from_utf8(done.stderr).unwrap().contains("no account that may add"));
    let listed = run(here.folder.path(), &["pull", &url, "--list", "--user", "admin"], PASSWORD);
    assert!(String::from_utf8(listed.stdout).unwrap().contains(&there.collection));
}

/// What a server is asked.
struct Asked {
    path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
}

/// Status, further headers, body.
type Said = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// A server that answers as it is told to, and notes what it was asked.
struct Odd {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Odd {
    fn new(answer: impl Fn(&Asked, usize) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = speak(stream, &answer, &noted);
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}/r/collections/c/", self.address)
    }
}

fn speak(
    mut stream: TcpStream,
    answer: &impl Fn(&Asked, usize) -> Said,
    noted: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(Ok(line)) = lines.next() {
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        for line in lines.by_ref() {
            let line = line?;
            match line.split_once(": ") {
                Some((name, value)) => _ = headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None => break,
            }
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = query.split('&').filter_map(pair).collect();
        let number = {
            let mut noted = noted.lock().unwrap();
            noted.push(target.clone());
            noted.len()
        };
        let (status, more, body) = answer(&Asked { path: path.to_owned(), query, headers }, number);
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        if !more.iter().any(|(name, _)| *name == "content-type") {
            let _ = write!(head, "content-type: {TAXII}\r\n");
        }
        for (name, value) in more {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(&body)?;
    }
    Ok(())
}

const COUNT: usize = 7;

/// The date of addition of an object: two share each.
fn date(number: usize) -> String {
    format!("2021-07-19T11:00:00.{:06}Z", number / 2 + 1)
}

fn collection() -> Said {
    (
        200,
        Vec::new(),
        json!({ "id": "c", "title": "C", "can_read": true, "can_write": false }).to_string().into_bytes(),
    )
}

/// A page of some objects, with the dates of the first and the last.
fn page(numbers: &[usize], more: bool, next: Option<&str>) -> Said {
    let mut body = json!({ "more": more });
    if !numbers.is_empty() {
        body["objects"] = numbers.iter().map(|number| indicator(*number as u64, 0, Some(CLEAR))).collect();
    }
    if let Some(next) = next {
        body["next"] = next.into();
    }
    let dates = match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) => {
            vec![("x-taxii-date-added-first", date(*first)), ("x-taxii-date-added-last", date(*last))]
        }
        _ => Vec::new(),
    };
    (200, dates, body.to_string().into_bytes())
}

/// Objects added later than a date, or also at it.
fn after(asked: &Asked, or_at: bool) -> Vec<usize> {
    let since = asked.query.get("added_after").cloned().unwrap_or_default();
    (0..COUNT).filter(|number| date(*number) > since || or_at && date(*number) == since).collect()
}

fn is_page(asked: &Asked) -> bool {
    asked.path.ends_with("/objects/") || asked.path.ends_with("/objects")
}

/// Pages by cursor, three objects each.
fn by_cursor(asked: &Asked) -> Said {
    let start = asked.query.get("next").map_or(0, |next| next.parse().unwrap());
    let all = after(asked, false);
    let end = (start + 3).min(all.len());
    let next = (end < all.len()).then(|| end.to_string());
    page(&all[start.min(all.len())..end], next.is_some(), next.as_deref())
}

/// All objects arrive from a server like this, and a second pull brings none and ends.
#[track_caller]
fn all_arrive(note: &str, answer: impl Fn(&Asked, usize) -> Said + Send + 'static) {
    let server =
        Odd::new(move |asked, number| if is_page(asked) { answer(asked, number) } else { collection() });
    let node = Node::new();
    let told = pull(&node, &server.url(), &[]);
    assert_eq!(told["added"], COUNT, "{told} {:?}", server.asked.lock().unwrap());
    let notes = told["notes"].to_string();
    assert!(if note.is_empty() { notes == "[]" } else { notes.contains(note) }, "{notes}");
    assert_eq!(pull(&node, &server.url(), &[])["added"], 0);
    assert!(server.asked.lock().unwrap().len() < 40, "{:?}", server.asked.lock().unwrap());
}

#[test]
fn all_arrive_from_servers_that_page_badly() {
    all_arrive("", |asked, _| by_cursor(asked));
    // The last page says `more: true`; every page says `more: false`; an empty cursor.
    all_arrive("says that there is more", |asked, _| {
        let (status, dates, body) = by_cursor(asked);
        (status, dates, String::from_utf8(body).unwrap().replace("false", "true").into_bytes())
    });
    all_arrive("", |asked, _| {
        let (status, dates, body) = by_cursor(asked);
        (status, dates, String::from_utf8(body).unwrap().replace("true", "false").into_bytes())
    });
    all_arrive("", |asked, _| page(&after(asked, false), false, Some("")));
    // No cursor at all, and a page ends between two objects of one date.
    all_arrive("says that there is more and not where", |asked, _| {
        let all = after(asked, false);
        page(&all[..all.len().min(3)], all.len() > 3, None)
    });
    // `added_after` gives what was added at that date, too.
    all_arrive("", |asked, _| page(&after(asked, true), false, None));
    // Cursors are forgotten between pages.
    all_arrive("forgot a cursor", |asked, _| {
        if asked.query.contains_key("next") {
            return (400, Vec::new(), json!({ "title": "no such cursor" }).to_string().into_bytes());
        }
        let all = after(asked, false);
        page(&all[..all.len().min(4)], all.len() > 4, (all.len() > 4).then_some("x"))
    });
    // Any cursor begins again at the first page.
    all_arrive("in circles", |asked, _| page(&after(asked, false), true, Some("again")));
}

#[test]
fn all_arrive_from_servers_that_answer_badly() {
    let whole = |asked: &Asked| page(&after(asked, false), false, None);
    // Only the media type with a space, and answers as plain JSON.
    all_arrive("refuses the media type", move |asked, _| {
        if !asked.headers["accept"].contains("; version") {
            return (406, Vec::new(), Vec::new());
        }
        let (status, mut headers, body) = whole(asked);
        headers.push(("content-type", "application/json".to_owned()));
        (status, headers, body)
    });
    // No dates of addition; dates that are none.
    all_arrive("does not say when", move |asked, _| (200, Vec::new(), whole(asked).2));
    all_arrive("cannot be read", move |asked, _| {
        let never = "Mon Jul 19 2021 11:00:00 GMT+0000".to_owned();
        (200, vec![("x-taxii-date-added-last", never)], whole(asked).2)
    });
    // Dates of three digits only; no slash at the end; packed; a bundle.
    all_arrive("six digits", move |asked, _| {
        let six = asked.query.get("added_after").is_some_and(|date| date.len() > 24);
        if six { (400, Vec::new(), Vec::new()) } else { whole(asked) }
    });
    all_arrive(
        "",
        move |asked, _| {
            if asked.path.ends_with('/') { (404, Vec::new(), Vec::new()) } else { whole(asked) }
        },
    );
    all_arrive("", move |asked, _| {
        let (status, mut headers, body) = whole(asked);
        headers.push(("content-encoding", "gzip".to_owned()));
        (status, headers, gzip(&body))
    });
    all_arrive("", move |asked, _| {
        let (status, mut headers, body) = whole(asked);
        headers.push(("content-encoding", "zstd".to_owned()));
        (status, headers, zstd::bulk::compress(&body, 3).unwrap())
    });
    // Busy for a while, and moved along.
    all_arrive("", move |asked, number| match number {
        2 => (429, vec![("retry-after", "1".to_owned())], Vec::new()),
        3 => (503, vec![("retry-after", "0".to_owned())], Vec::new()),
        4 => (307, vec![("location", "/r/collections/c/objects/?limit=1000&moved=1".to_owned())], Vec::new()),
        _ => whole(asked),
    });
}

#[test]
fn what_cannot_be_used_is_an_error_and_nothing_is_lost() {
    let node = Node::new();
    let error = |answer: fn(&Asked, usize) -> Said| {
        let server =
            Odd::new(move |asked, number| if is_page(asked) { answer(asked, number) } else { collection() });
        let done = try_pull(&node, &server.url(), &["--user", "ben"]);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
        said
    };
    let html: fn(&Asked, usize) -> Said =
        |_, _| (200, vec![("content-type", "text/html".to_owned())], b"<html>".to_vec());
    assert!(error(html).contains("no TAXII"));
    assert!(error(|_, _| (200, Vec::new(), b"{\"objects\":[{}".to_vec())).contains("cannot be read"));
    assert!(
        error(|_, _| (403, Vec::new(), json!({"title":"not \u{7}you"}).to_string().into_bytes()))
            .contains("not you")
    );
    assert!(
        error(|_, _| (302, vec![("location", "http://elsewhere.example/".to_owned())], Vec::new()))
            .contains("elsewhere")
    );
    assert!(error(|asked, _| (302, vec![("location", asked.path.clone())], Vec::new())).contains("circles"));
    assert!(
        error(|_, _| (200, vec![("content-encoding", "br".to_owned())], Vec::new()))
            .contains("not asked for")
    );
    let bomb: fn(&Asked, usize) -> Said =
        |_, _| (200, vec![("content-encoding", "gzip".to_owned())], gzip(&vec![b' '; 129 << 20]));
    assert!(error(bomb).contains("unpacks to more"));
    // Objects that are none are refused, the others are taken.
    let server = Odd::new(|asked, _| {
        if !is_page(asked) {
            return collection();
        }
        let good = indicator(1, 0, Some(CLEAR));
        (200, Vec::new(), json!({ "objects": [good, {"type": "indicator"}, 7] }).to_string().into_bytes())
    });
    let told = pull(&node, &server.url(), &[]);
    assert_eq!(numbers(&told), (1, 0, 0, 2), "{told}");
}

#[test]
fn a_pull_that_breaks_off_goes_on_at_its_page() {
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let server = Odd::new(move |asked, _| {
        if !is_page(asked) {
            return collection();
        }
        let third = asked.query.get("next").is_some_and(|next| next == "6");
        if third && *is_broken.lock().unwrap() { (403, Vec::new(), Vec::new()) } else { by_cursor(asked) }
    });
    let node = Node::new();
    assert_eq!(try_pull(&node, &server.url(), &[]).status.code(), Some(2));
    assert_eq!(node.get(&node.objects("")).ids().len(), 6, "what came is here");
    *broken.lock().unwrap() = false;
    server.asked.lock().unwrap().clear();
    assert_eq!(pull(&node, &server.url(), &[])["added"], 1);
    let first =
        server.asked.lock().unwrap().iter().find(|target| target.contains("objects")).cloned().unwrap();
    assert!(first.contains("next=6"), "{first}");
}
