//! What is found in which text.

use proptest::prelude::*;

use super::*;

fn index(values: &[&str]) -> Index {
    let mut builder = Builder::new(Warninglists::default());
    let origin = builder.origin(&Origin { title: "report".to_owned(), ..Origin::default() });
    for value in values {
        let kind = value.strip_prefix("text:").map(|_| Kind::Text);
        let value = value.trim_start_matches("text:");
        builder.add(origin, &Indicator { value, kind, ..Indicator::default() }).unwrap();
    }
    builder.build()
}

fn find(index: &Index, text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    index.scan(text.as_bytes(), &mut |number, range| {
        let value = index.sources(number).next().unwrap().value;
        found.push((value, text[range].to_owned()));
    });
    found.sort();
    found.dedup();
    found
}

/// The indicator stands in each text, as the part that is marked by braces if one is.
#[track_caller]
fn stands(value: &str, texts: &[&str]) {
    let index = index(&[value]);
    for marked in texts {
        let text = marked.replace(['⟨', '⟩'], "");
        let part = marked.split_once('⟨').and_then(|(_, rest)| rest.split_once('⟩')).map(|(part, _)| part);
        let found = find(&index, &text);
        assert!(!found.is_empty(), "{value} in {text}");
        if let Some(part) = part {
            assert_eq!(found[0].1, part, "{value} in {text}");
        }
    }
}

#[track_caller]
fn absent(value: &str, texts: &[&str]) {
    let index = index(&[value]);
    for text in texts {
        assert_eq!(find(&index, text), [], "{value} in {text}");
    }
}

#[test]
fn domains_with_all_below() {
    stands(
        "evil.example",
        &[
            "⟨evil.example⟩",
            "GET https://⟨EVIL.example⟩/a",
            "a ⟨mail.Evil.Example⟩.",
            "x@⟨evil.example⟩>",
            "u=http%3A%2F%2F⟨evil.example⟩%2Fa",
            "\"a\\n⟨evil.example⟩\"",
            "evil.example:443",
        ]
        .map(|text| text.replace("⟨mail.Evil.Example⟩", "mail.⟨Evil.Example⟩"))
        .each_ref()
        .map(String::as_str),
    );
    absent(
        "evil.example",
        &["notevil.example", "evil.example.org", "evil-example", "evil.exampl", "evil_evil.examples"],
    );
}

#[test]
fn addresses_and_networks() {
    stands(
        "192.0.2.7",
        &["⟨192.0.2.7⟩", "- 192.0.2.7:443 -", "::ffff:192.0.2.7", "(192.0.2.7)", "192.0.2.7."],
    );
    absent("192.0.2.7", &["192.0.2.70", "1192.0.2.7", "192.0.2.7.1", "v192.0.2.7"]);
    stands("192.0.2.0/24", &["a ⟨192.0.2.255⟩ b"]);
    absent("192.0.2.0/24", &["192.0.3.1", "192.0.2.256", "192.0.2", "192.0.2.1.1"]);
    stands("2001:db8::1", &["⟨2001:DB8:0:0::1⟩", "[2001:db8::1]:443", "a=2001:db8::1,"]);
    absent("2001:db8::1", &["2001:db8::12", "12:34:56", "::1"]);
    stands("2001:db8::/32", &["2001:db8:ffff::7"]);
}

#[test]
fn digests_of_a_known_length() {
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    stands(
        sha1,
        &[&format!("⟨{sha1}⟩"), &format!("SHA1={},MD5", sha1.to_uppercase()), &format!("{:37}{sha1} ", "")],
    );
    absent(sha1, &[&format!("{sha1}0"), &format!("a{sha1}"), &sha1[1..], &"a".repeat(400)]);
}

#[test]
fn urls_as_a_whole() {
    stands(
        "https://evil.example/A/b.php?c=D",
        &[
            "⟨evil.example/A/b.php?c=D⟩",
            "(https://evil.example/A/b.php?c=D)",
            "\"http://EVIL.example/A/b.php?c=D\",",
            "https://evil.example/A/b.php?c=D.",
        ],
    );
    absent(
        "https://evil.example/A",
        &[
            "https://evil.example/a",
            "https://evil.example/AB",
            "https://evil.example",
            "https://www.evil.example/A",
        ],
    );
    stands("http://evil.example/", &["http://evil.example", "http://evil.example/ ", "evil.example/ "]);
    absent("http://evil.example/", &["evil.example", "mail@evil.example"]);
    stands("http://192.0.2.7:8080/x", &["GET http://192.0.2.7:8080/x HTTP/1.1"]);
}

#[test]
fn schemes_are_one_value() {
    let index = index(&["http://evil.example/a", "https://evil.example/a", "evil.example/a"]);
    let mut found = Vec::new();
    index.scan(b"see ftp://evil.example/a", &mut |number, _| found.push(number));
    assert_eq!(found.len(), 1);
    assert_eq!(index.sources(found[0]).count(), 3);
    assert!(index.sources(found[0]).all(|source| source.value == "http://evil.example/a"));
}

#[test]
fn mail_addresses() {
    stands(
        "who@evil.example",
        &["<⟨who@Evil.example⟩>", "mailto=Who@evil.example", "who@evil.example,other@evil.example"],
    );
    absent(
        "who@evil.example",
        &["other.who@evil.example", "who@sub.evil.example", "who@evil.example.org", "evil.example"],
    );
}

#[test]
fn paths_and_names() {
    stands(
        r"C:\Windows\Temp\run me.exe",
        &[
            r"⟨c:\windows\temp\Run Me.EXE⟩ -x",
            r#"{"a":"C:\\Windows\\Temp\\run me.exe"}"#,
            "C:/Windows/Temp/run me.exe",
        ],
    );
    absent(
        r"C:\Windows\Temp\run me.exe",
        &[r"D:\Windows\Temp\run me.exe", "run me.exe", r"C:\Windows\Temp2\run me.exe"],
    );
    stands(
        "/owa/auth/shell.aspx",
        &["POST ⟨/owa/auth/shell.aspx⟩ -".replace("⟨/", "/⟨").as_str(), r"x\owa\auth\shell.aspx"],
    );
    absent("/owa/auth/shell.aspx", &["/xowa/auth/shell.aspx", "shell.aspx", "/owa/auth/shell.aspx2"]);
    stands(r"%TEMP%\evil\a.dll", &[r"C:\Users\u\AppData\Local\Temp\evil\a.dll"]);
    stands("shell.aspx", &["/x/⟨Shell.aspx⟩?a", "shell.aspx"]);
    absent("shell.aspx", &["myshell.aspx", "shell.aspx.cs", "x-shell.aspx"]);
}

#[test]
fn paths_of_a_site_in_requests() {
    let mut builder = Builder::new(Warninglists::default())
        .with_sites(|path| path.find("wwwroot/").map(|at| at + "wwwroot/".len()));
    let origin = builder.origin(&Origin::default());
    let value = r"C:\inetpub\wwwroot\client\Shell.aspx";
    builder.add(origin, &Indicator { value, ..Indicator::default() }).unwrap();
    let index = builder.build();
    for text in [
        "GET /client/shell.aspx 200",
        "https://mail.example:443/client/shell.aspx?a",
        ",/Client/Shell.aspx,",
        "/client/shell.aspx",
        r"c:\inetpub\wwwroot\client\shell.aspx",
    ] {
        assert_eq!(find(&index, text).len(), 1, "{text}");
    }
    for text in [
        "GET /a/client/shell.aspx",
        r"D:\client\shell.aspx",
        "/shell.aspx",
        "//client/shell.aspx",
        "client/shell.aspx",
    ] {
        assert_eq!(find(&index, text), [], "{text}");
    }
}

#[test]
fn what_has_no_dot() {
    stands(
        "Mozilla/5.0 (Evil Agent; x)",
        &["\"⟨Mozilla/5.0 (Evil Agent; x)⟩\"", "Mozilla/5.0+(Evil+Agent;+x)"],
    );
    stands(r"text:HKCU\Software\Evil", &[r"a HKCU\\SOFTWARE\\Evil b", r"HKCU\Software\Evil\x"]);
    absent(r"text:HKCU\Software\Evil", &[r"HKCU\Software\Evils"]);
}

#[test]
fn one_value_of_several_sources_is_found_once() {
    let mut builder = Builder::new(Warninglists::default());
    for (title, id) in [("a", Some([1; 16])), ("b", None), ("c", Some([3; 16]))] {
        let origin = builder.origin(&Origin { title: title.to_owned(), ..Origin::default() });
        let indicator = Indicator { value: "evil.example", id, confidence: Some(7), ..Indicator::default() };
        builder.add(origin, &indicator).unwrap();
    }
    let index = builder.build();
    let mut found = Vec::new();
    index.scan(b"evil.example", &mut |number, _| found.push(number));
    assert_eq!(found.len(), 1);
    let titles: Vec<String> = index.sources(found[0]).map(|source| source.origin.title).collect();
    assert_eq!(titles, ["a", "c", "b"]);
    let told: Vec<_> = index.sources(found[0]).map(|source| (source.id, source.confidence)).collect();
    assert_eq!(told, [(Some([1; 16]), Some(7)), (Some([3; 16]), Some(7)), (None, Some(7))]);
    assert!(index.sources(found[0]).all(|source| source.value == "evil.example"));
}

#[test]
fn many_urls_of_one_host_and_many_paths_of_one_name() {
    let mut values: Vec<String> = (0..5_000).map(|n| format!("http://host.example/{n}")).collect();
    values.extend((0..5_000).map(|n| format!(r"C:\{n}\index.php")));
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let index = index(&values);
    let text = "http://host.example/4999 http://host.example/5000 C:\\17\\index.php index.php";
    assert_eq!(find(&index, text).len(), 2);
}

/// The plain way: every indicator against every place of its text.
fn naive(values: &[&str], text: &str) -> Vec<String> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| key::is(*byte, key::WORD));
    let mut found = Vec::new();
    for value in values {
        for (at, _) in text.match_indices(value) {
            let bytes = text.as_bytes();
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            let free = !is_word(before) || (before == Some(&b'.') && guess(value) == Some(Kind::Domain));
            if free && !is_word(bytes.get(at + value.len())) {
                found.push((*value).to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

proptest! {
    #[test]
    fn as_one_after_the_other(
        words in prop::collection::vec(prop::sample::select(vec![
            "a.example", "b.a.example", "192.0.2.7", "x", "10.0", "a.example", "d41d8cd98f00b204e9800998ecf8427e",
            "192.0.2.77", "shell.aspx", "0123456789abcdef",
        ]), 0..12),
        gaps in prop::collection::vec(prop::sample::select(vec![" ", "/", ":", "\"", ",", "=", "\n", "a", "-"]), 12),
    ) {
        let text: String = words.iter().zip(&gaps).flat_map(|(word, gap)| [*word, *gap]).collect();
        let values = ["a.example", "192.0.2.7", "d41d8cd98f00b204e9800998ecf8427e", "shell.aspx"];
        let mut found: Vec<String> = find(&index(&values), &text).into_iter().map(|(value, _)| value).collect();
        found.dedup();
        // Words are trimmed of hyphens at their ends, which the plain way does not know.
        prop_assume!(!text.contains('-'));
        let mut plain = naive(&values, &text);
        plain.retain(|value| !value.starts_with("d41d8") || text.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run == value));
        let missed_hash = text.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() == 32);
        if !missed_hash {
            found.retain(|value| !value.starts_with("d41d8"));
        }
        prop_assert_eq!(found, plain, "{}", text);
    }

    #[test]
    fn whatever_is_taken_in_is_found(
        kind in prop::sample::select([None].into_iter().chain(Kind::ALL.map(Some)).collect::<Vec<_>>()),
        parts in prop::collection::vec(prop::sample::select(vec![
            "evil", "example", ".", ".", "-", "_", "/", "\\", ":", "@", "http://", "192.0.2.7", "0", "aspx", " ", "é", "?",
            "|", "^", "`", "%41", ",", "c:", "::", "xn--", "a", "*", "'", "(", "/24", "#", "&", "=", "+", "~", "例",
        ]), 1..9),
    ) {
        let value = parts.concat();
        let mut builder = Builder::new(Warninglists::default());
        let origin = builder.origin(&Origin::default());
        let taken = builder.add(origin, &Indicator { value: &value, kind, ..Indicator::default() });
        let index = builder.build();
        if taken.is_ok() {
            let form = index.sources(0).next().unwrap().value;
            for text in [format!(" {form} "), form.clone(), format!("\"{form}\"")] {
                prop_assert!(!find(&index, &text).is_empty(), "{:?} {} as {} in {}", kind, value, form, text);
            }
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"a.0:/\\@%[]() \n\"f-\xff".to_vec()), 0..80)) {
        let values = ["a.a", "0.0.0.0", "a.a/0", "a@a.a", r"a:\a.aaa", "0:0::a", "0.0.0.0/8", "text:aaaaa"];
        let mut builder = Builder::new(Warninglists::default());
        let origin = builder.origin(&Origin::default());
        for value in values {
            let _ = builder.add(origin, &Indicator { value: value.trim_start_matches("text:"), ..Indicator::default() });
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = builder.add(origin, &Indicator { value: &text, ..Indicator::default() });
        builder.build().scan(&bytes, &mut |_, range| assert!(range.end <= bytes.len()));
    }
}
