//! Whatever a server answers, read by all that reads it here: for fuzzing, and over the kinds of answers that are known.
//!
//! The input is an answer as it comes over the wire: a status, headers, an empty line, a body.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use watchfire_stix::Timestamp;

use super::answer::{Got, unpacked};
use super::find::{WORDS_LIMIT, listed, refusal, roots_of};
use super::pull::{dates, fingerprint, later, read_page, tick_before};
use super::retry::{Next, WAIT_LIMIT, after};
use crate::config::Validation;
use crate::intake::take;
use crate::percent::{decode, encode};

/// What an answer may unpack to here.
const LIMIT_BYTES: usize = 1 << 20;

fn answer(input: &[u8]) -> Option<Got> {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((input, &[][..]), |end| (&input[..end], &input[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next()?.trim().parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    Some(Got { status: StatusCode::from_u16(status).ok()?, headers, body: body.to_vec() })
}

/// Reads an answer as a page, as what a server offers, as a refusal and as a reason to wait.
pub(crate) fn read(input: &[u8]) {
    let Some(got) = answer(input) else { return };
    let got = Ok(got);
    for attempt in 0..6 {
        match after(&got, attempt) {
            Next::Again(wait) => assert!(attempt < 5 && wait <= WAIT_LIMIT, "{wait:?}"),
            Next::Done => {}
        }
    }
    let Some(got) = got.ok().and_then(|got| unpacked(got, LIMIT_BYTES).ok()) else { return };
    assert!(got.body.len() <= LIMIT_BYTES.max(input.len()));
    let words = refusal("/taxii2/?x=1", &got);
    assert!(words.len() < 200 + 4 * WORDS_LIMIT && !words.contains(char::is_control), "{words}");
    if let Ok(found) = serde_json::from_slice::<Value>(&got.body) {
        let _ = roots_of(&found);
        for one in listed(&found, "/taxii2/root/collections/") {
            let id =
                one.path.strip_prefix("/taxii2/root/collections/").and_then(|rest| rest.strip_suffix('/'));
            let is_below =
                id.is_some_and(|id| !id.is_empty() && !id.contains(['/', '?', '#', '%', ' ']) && id != "..");
            assert!(is_below, "{} leads elsewhere", one.path);
            assert!(!one.title.contains(char::is_control), "{:?}", one.title);
        }
    }
    page(&got);
}

fn page(got: &Got) {
    let last = got.header("x-taxii-date-added-last").map(str::to_owned);
    let Ok(page) = read_page(&got.body, last) else { return };
    assert_eq!(decode(&encode(&page.next)).as_ref(), Some(&page.next), "a cursor goes back as it came");
    let mut held = 0;
    for object in page.objects.iter().flatten() {
        held += object.len();
        for validation in [Validation::Strict, Validation::Form] {
            if let Ok(taken) = take(object, validation) {
                assert_eq!(taken.object.bytes(), object, "bytes were changed");
            }
        }
    }
    assert!(held <= got.body.len(), "objects hold more than the page");
    let again = read_page(&got.body, page.last.clone()).map(|again| fingerprint(&again));
    assert!(again.is_ok_and(|again| again == fingerprint(&page)), "a page is not itself");
    let last = page.last.unwrap_or_default();
    for known in ["", "2021-07-19T11:00:00.000007Z", &last] {
        let kept = later(known, &last);
        let date = Timestamp::parse(&kept);
        assert!(Timestamp::parse(known).is_none_or(|known| date.is_some_and(|date| date >= known)), "{kept}");
        let since = tick_before(&kept);
        assert_eq!(since.is_empty(), date.is_none(), "{kept}");
        assert!(Timestamp::parse(&since).is_none_or(|since| date.is_some_and(|date| since < date)), "{kept}");
        // All of them are dates in an address, and none is later than what was asked for.
        for asked in dates(&since) {
            assert!(
                Timestamp::parse(&asked).is_some_and(|asked| Some(asked) <= Timestamp::parse(&since)),
                "{asked}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_servers_give_them_are_read() {
        let object = r#"{"type":"indicator","id":"indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836"}"#;
        for input in [
            format!(
                "200\nx-taxii-date-added-last: 2021-07-19T11:00:00Z\n\n{{\"more\":true,\"next\":\"a b\",\"objects\":[{object}]}}"
            ),
            "200\nx-taxii-date-added-last: Mon Jul 19 2021\n\n{}".to_owned(),
            "200\nx-taxii-date-added-last: 9999-12-31T23:59:59.999999999Z\n\n{}".to_owned(),
            "200\nx-taxii-date-added-last: 0000-01-01T00:00:00Z\n\n{}".to_owned(),
            "503\nretry-after: 99999999999999999999\n\n".to_owned(),
            "429\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\n\n".to_owned(),
            "401\n\n{\"title\":\"\\u0007\\u001b[2Jno\"}".to_owned(),
            "200\ncontent-encoding: gzip\n\n\u{1f}\u{8b}".to_owned(),
            r#"200

{"collections":[{"id":"../../../x","title":"a"},{"id":"%2e%2e","title":"a"},{"id":"b","title":"\u0000"}]}"#
                .to_owned(),
            r#"200

{"api_roots":["//elsewhere/","/a/",7],"default":"x"}"#
                .to_owned(),
            "nonsense".to_owned(),
        ] {
            read(input.as_bytes());
        }
    }
}
