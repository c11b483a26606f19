//! The promises that the example makes, one test each.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use watchfire_lab::{DEFAULT_SEED, File, example};

const REGENERATE: &str = "hint: if the change was meant, write the example anew:\n  rm -r examples/exchange-2016 && \
                          cargo run -p watchfire-lab -- example examples/exchange-2016";

fn committed_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/exchange-2016")
}

fn text(file: &File) -> &str {
    std::str::from_utf8(&file.bytes).expect("every file of the example is text")
}

fn find<'a>(files: &'a [File], end: &str) -> &'a File {
    files.iter().find(|file| file.path.ends_with(end)).unwrap_or_else(|| panic!("no file ends with {end}"))
}

/// All files under a folder, by their path with forward slashes.
fn walk(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}\n{REGENERATE}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder that opens can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(root).expect("it was found under the root").to_string_lossy();
            found.insert(
                relative.replace('\\', "/"),
                fs::read(&path).expect("a file that is listed can be read"),
            );
        }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert!(example(1) == example(1));
    assert!(example(1) != example(2));
}

#[test]
fn the_committed_example_is_what_the_generator_writes() {
    let mut committed = walk(&committed_root());
    for file in example(DEFAULT_SEED) {
        match committed.remove(&file.path) {
            None => panic!("{} is not in examples/exchange-2016\n{REGENERATE}", file.path),
            Some(bytes) => assert!(bytes == file.bytes, "{} differs\n{REGENERATE}", file.path),
        }
    }
    let left: Vec<_> = committed.into_keys().collect();
    assert!(left.is_empty(), "files that nobody writes: {left:?}\n{REGENERATE}");
}

#[test]
fn it_stays_small_enough_for_a_repository() {
    let files = example(DEFAULT_SEED);
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    assert!(files.len() <= 1_000, "{} files", files.len());
    assert!(bytes <= 5_200_000, "{bytes} bytes");
}

#[test]
fn rows_of_httpproxy_are_as_wide_as_their_header() {
    let mut rows = 0;
    for file in example(DEFAULT_SEED).iter().filter(|file| file.path.contains("/HttpProxy_")) {
        for line in text(file).split_terminator("\r\n") {
            if let Some(fields) = line.strip_prefix("#Fields: ") {
                assert_eq!(fields.split(',').count(), 74, "{}", file.path);
            } else if !line.starts_with('#') {
                assert_eq!(line.split(',').count(), 74, "{}: {line}", file.path);
                rows += 1;
            }
        }
    }
    assert!(rows > 1_500, "{rows} rows");
}

#[test]
fn rows_of_iis_have_fifteen_values_between_single_blanks() {
    for file in example(DEFAULT_SEED).iter().filter(|file| file.path.contains("/W3SVC")) {
        for line in text(file).split_terminator("\r\n").filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split(' ').count(), 15, "{}: {line}", file.path);
        }
    }
}

#[test]
fn the_back_end_has_users_without_a_name() {
    let files = example(DEFAULT_SEED);
    let nameless =
        files.iter().filter(|file| file.path.contains("/W3SVC2/") && text(file).contains(" 444  "));
    assert!(nameless.count() > 0);
}

#[test]
fn every_log_line_ends_in_cr_lf_and_every_event_in_lf() {
    for file in example(DEFAULT_SEED) {
        let text = text(&file);
        let bare = text.matches('\n').count() - text.matches("\r\n").count();
        if file.path.starts_with("events/") {
            assert!(
                !text.contains('\r') && text.lines().all(|line| line.starts_with('{') && line.ends_with('}'))
            );
        } else {
            assert!(bare == 0 && text.ends_with("\r\n"), "{}", file.path);
        }
    }
}

#[test]
fn nothing_in_it_could_run() {
    for file in example(DEFAULT_SEED) {
        let text = text(&file).to_lowercase();
        for word in
            ["eval(", "request[", "request.item", "activexobject", "frombase64string", "process.start"]
        {
            assert!(!text.contains(word), "{} contains {word}", file.path);
        }
        for script in text.split("<script").skip(1) {
            assert!(script.contains("{/* inert: code removed */}"), "{}", file.path);
        }
    }
}

#[test]
fn every_address_is_of_a_documentation_range_or_private() {
    for file in example(DEFAULT_SEED) {
        for address in addresses(text(&file)) {
            assert!(is_harmless(address), "{}: {address}", file.path);
        }
    }
}

/// Everything that reads as an address. Versions of programs, which look alike, have other delimiters before them
/// (`/1.2.3.4`) or a part that no address has.
fn addresses(text: &str) -> Vec<IpAddr> {
    let words = text.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/')));
    let words = words.filter(|word| word.contains("::") || word.matches('.').count() == 3);
    words.filter_map(|word| word.trim_matches([':', '.']).parse().ok()).collect()
}

fn is_harmless(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            four.is_loopback() || matches!(four.octets(), [10, 20, _, _] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _])
                // Builds of Exchange read as addresses.
                || matches!(four.octets(), [14, 0, 100, 0] | [15, 0, 0, 0])
        }
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unspecified() || six.segments()[..2] == [0x2001, 0xdb8]
        }
    }
}

#[test]
fn every_request_through_exchange_has_the_same_identifier_in_both_logs() {
    let files = example(DEFAULT_SEED);
    let proxied: String =
        files.iter().filter(|file| file.path.contains("/HttpProxy/Ecp/")).map(text).collect();
    let front: String = files.iter().filter(|file| file.path.contains("/W3SVC1/")).map(text).collect();
    let smuggled = front.lines().filter(|line| line.contains("/ecp/w7.js") && line.starts_with("2021-03-03"));
    let mut joined = 0;
    for line in smuggled {
        let identifier = &line.split("cafeReqId=").nth(1).expect("Exchange appends it")[..36];
        assert_eq!(proxied.matches(identifier).count(), 1, "{line}");
        joined += 1;
    }
    assert_eq!(joined, 11);
}

#[test]
fn the_chain_has_its_five_shapes_in_order() {
    let files = example(DEFAULT_SEED);
    let log = text(find(&files, "/HttpProxy/Ecp/HttpProxy_2021030305-1.LOG"));
    let mut rest = log;
    for shape in [
        ":444/autodiscover/autodiscover.xml?#,",
        ":444/mapi/emsmdb/?#,",
        ":444/ecp/proxyLogon.ecp?#,",
        "GetObject?",
        "&schema=OABVirtualDirectory#,",
        "&schema=ResetOABVirtualDirectory#,",
    ] {
        let place = rest.find(shape).unwrap_or_else(|| panic!("{shape} does not follow"));
        rest = &rest[place + shape.len()..];
    }
    assert!(log.contains(",EX01,241,241,"));
}

#[test]
fn two_hours_are_missing_and_no_others() {
    let files = example(DEFAULT_SEED);
    for (folder, missing) in [("Ecp", "2021030403"), ("Owa", "2021030321")] {
        let hours: Vec<_> =
            files.iter().filter(|file| file.path.contains(&format!("/HttpProxy/{folder}/"))).collect();
        assert_eq!(hours.len(), 7 * 24 - 1, "{folder}");
        assert!(!hours.iter().any(|file| file.path.contains(missing)));
    }
    let front = text(find(&files, "W3SVC1/u_ex210303.log"));
    assert!(
        front
            .lines()
            .any(|line| line.starts_with("2021-03-03 21:") && line.contains("POST /owa/auth/themeHelp.aspx"))
    );
    let front = text(find(&files, "W3SVC1/u_ex210304.log"));
    assert!(front.lines().any(|line| line.starts_with("2021-03-04 03:") && line.contains("POST /ecp/w7.js")));
}

#[test]
fn the_security_log_begins_anew_where_it_was_cleared() {
    let files = example(DEFAULT_SEED);
    let lines: Vec<_> = text(find(&files, "events/security.jsonl")).lines().collect();
    let cleared =
        lines.iter().position(|line| line.contains("\"event_id\":1102,")).expect("somebody cleared it");
    assert!(lines[cleared].contains("\"record_id\":1,"));
    assert!(lines[cleared + 1].contains("\"record_id\":2,"));
    assert!(lines.len() > cleared + 10);
}
