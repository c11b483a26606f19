//! Values and modifiers, one case a line. The clause is named above each group.

use crate::support::{Fake, check, check_record, field};

// Rules specification, "General": case-insensitive strings.
#[test]
fn strings() {
    field("F: abc", "F=ABC", true);
    field("F: abc", "F=abcd", false);
    field("F: abc", "G=abc", false);
    field("F: 'a b'", "F=A B", true);
    field("F: ''", "F=", true);
    field("F: ''", "F=x", false);
    field("F: ''", "G=x", false);
    field("F: müller", "F=MÜLLER", true);
    field("F: 'ÄÖÜ*'", "F=äöü!", true);
    field("F: k", "F=\u{212a}", false);
    field("F: 'ñandú'", "F=ÑANDÚ", true);
    field("F: 'ñandú'", "F=nandu", false);
}

#[test]
fn numbers_and_booleans_are_text() {
    field("F: 4688", "F=4688", true);
    field("F: '4688'", "F=4688", true);
    field("F: 4688", "F=46880", false);
    field("F: 0x10", "F=16", true);
    field("F: '0x10'", "F=0X10", true);
    field("F: 1.50", "F=1.50", true);
    field("F: -1", "F=-1", true);
    field("F: true", "F=True", true);
    field("F|contains: 88", "F=4688", true);
    field("F: [1, 2, 3]", "F=2", true);
    field("F: [1, 2, 3]", "F=23", false);
}

// "String Wildcard" and "Escape Character".
#[test]
fn wildcards() {
    field("F: 'prog?.exe'", "F=progA.exe", true);
    field("F: 'prog?.exe'", "F=prog.exe", false);
    field("F: 'prog?.exe'", "F=progß.exe", true);
    field("F: 'antivirus_V*.exe'", "F=antivirus_V21.2.1.exe", true);
    field(r"F: 'a\*b'", "F=a*b", true);
    field(r"F: 'a\*b'", "F=axb", false);
    field(r"F: 'a\?b'", "F=a?b", true);
    field(r"F: 'C:\Windows\\*'", r"F=C:\Windows\x", true);
    field(r"F: 'C:\Windows\\*'", r"F=C:\Windowsx", false);
    field(r"F: 'C:\Windows\x'", r"F=c:\windows\X", true);
    field(r"F: 'C:\\Windows'", r"F=c:\windows", true);
    field(r"F: '\\\\srv'", r"F=\\srv", true);
    field(r"F: '\\\*'", r"F=\*", true);
    field("F: '*'", "F=", true);
    field("F: '*'", "G=x", false);
    field("F: '?*'", "F=", false);
    field("F: '*a*b*'", "F=xxAxxBxx", true);
    field("F: '*a*b*'", "F=ba", false);
    field("F|contains: 'a*b'", "F=xxAyyBzz", true);
    field("F|endswith: '?x'", "F=1x", true);
}

// Modifiers appendix, "Generic Modifiers".
#[test]
fn substrings() {
    field("F|contains: b", "F=aBc", true);
    field("F|contains: d", "F=abc", false);
    field("F|startswith: ab", "F=ABc", true);
    field("F|startswith: bc", "F=abc", false);
    field("F|endswith: bc", "F=aBC", true);
    field("F|endswith: ab", "F=abc", false);
    field("F|contains: ''", "F=", true);
    field("F|contains: ''", "G=", false);
    field("F|startswith: abcdef", "F=abc", false);
    field("F|endswith: [x, y, c]", "F=abc", true);
    field("F|contains: é", "F=CAFÉ!", true);
    field("F|startswith: É", "F=été", true);
}

#[test]
fn all_and_any() {
    field("F|contains|all: [a, b]", "F=xbxax", true);
    field("F|contains|all: [a, b]", "F=xax", false);
    field("F|all|contains: [a, b]", "F=ab", true);
    field("F|contains|any: [a, b]", "F=b", true);
    field("F|all: [a, a*]", "F=a", true);
    field("F|re|all: ['^a', 'b$']", "F=axb", true);
    field("F|re|all: ['^a', 'b$']", "F=ax", false);
    field("F|base64offset|contains|all: [foobar, barfoo]", "F=Zm9vYmFy", false);
}

#[test]
fn cased() {
    field("F|cased: Abc", "F=Abc", true);
    field("F|cased: Abc", "F=abc", false);
    field("F|contains|cased: bC", "F=xbCx", true);
    field("F|contains|cased: bC", "F=xbcx", false);
    field("F|cased|startswith: Ab", "F=abc", false);
    field("F|cased: 'A*c'", "F=AbC", false);
    field("F|cased: 'A*c'", "F=Abc", true);
    field("F|cased: Ä", "F=ä", false);
    field("F|endswith|cased: Ä", "F=Ä", true);
    field(
        "F|cased|contains: [aB, cD, eF, gH, iJ, kLmn, oPqr, sTuv, wXyz, aBcd, eFgh, iJkl]",
        "F=..wXyz",
        true,
    );
    field(
        "F|cased|contains: [aBAB, cDCD, eFEF, gHGH, iJIJ, kLmn, oPqr, sTuv, wXyz, aBcd]",
        "F=..wxyz",
        false,
    );
}

// "Field Existence", "Special Field Values".
#[test]
fn existence_and_null() {
    field("F|exists: true", "F=", true);
    field("F|exists: true", "F=x", true);
    field("F|exists: true", "G=x", false);
    field("F|exists: true", "F=[]", true);
    field("F|exists: false", "F=x", false);
    field("F|exists: false", "G=x", true);
    field("F|exists: 'false'", "G=x", true);
    field("F: null", "G=x", true);
    field("F: null", "F=", false);
    field("F: null", "F=[]", true);
    field("F:", "G=x", true);
    field("F: ~", "F=x", false);
    field("F: [null, x]", "F=x", true);
    field("F: [null, x]", "G=", true);
    field("F: [null, x]", "F=y", false);
    field("F: ['', null]", "F=", true);
    field("F: 'null'", "F=null", true);
    check("s:\n  A: 1\nf:\n  F: null\ncondition: s and not f", "A=1; F=x", true);
    check("s:\n  A: 1\nf:\n  F: null\ncondition: s and not f", "A=1", false);
}

#[test]
fn neq() {
    field("F|neq: a", "F=b", true);
    field("F|neq: a", "F=A", false);
    field("F|neq: a", "G=b", true);
    field("F|neq: [a, b]", "F=b", false);
    field("F|neq: [a, b]", "F=c", true);
    field("F|contains|neq: a", "F=xax", false);
    field("F|neq: 5", "F=6", true);
    field("F|neq: null", "F=x", true);
    field("F|neq: null", "G=x", false);
    field("F|re|neq: ^a", "F=ba", true);
    field("F|cidr|neq: 10.0.0.0/8", "F=10.1.1.1", false);
}

// "String Modifiers".
#[test]
fn windash() {
    for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
        field("F|contains|windash: ' -f '", &format!("F=x {dash}f y"), true);
        field("F|windash|contains: ' /f '", &format!("F=x {dash}F y"), true);
        field("F|contains|windash|all: [' -f', ' -g']", &format!("F=x {dash}f {dash}g"), true);
        field("F|endswith|windash: '-é'", &format!("F={dash}É"), true);
    }
    field("F|contains|windash: ' -f '", "F=x +f y", false);
    field("F|contains|windash: '-a-b-c-d-e-f-g-h-i-j-k-l'", "F=/a/b/c/d/e/f/g/h/i/j/k/l", true);
}

#[test]
fn regular_expressions() {
    field("F|re: '^a.c$'", "F=abc", true);
    field("F|re: '^a.c$'", "F=ABC", false);
    field("F|re|i: '^a.c$'", "F=ABC", true);
    field("F|re: 'b'", "F=abc", true);
    field("F|re: 'a.c'", "F=a\nc", false);
    field("F|re|s: 'a.c'", "F=a\nc", true);
    field("F|re: '^c'", "F=a\nc", false);
    field("F|re|m: '^c'", "F=a\nc", true);
    field("F|re|i|m|s: '^C.D'", "F=a\nc\nd", true);
    field("F|re: ['x', 'b']", "F=abc", true);
    field("F|re: '[0-9]{2,}'", "F=a1b23", true);
    field("F|re|contains: 'b'", "F=abc", true);
    field("F|re|startswith: 'a|b'", "F=bx", true);
    field("F|re|startswith: 'a|b'", "F=xb", false);
    field("F|re|endswith: 'a|b'", "F=xb", true);
    field("F|re: ''", "F=", true);
    field("F|re: ''", "G=", false);
    field("F|re: 'ü{2}'", "F=xüü", true);
    field("F|re|i: 'ü'", "F=Ü", true);
    field("F|re: '^.{3}$'", "F=aéb", true);
}

// "Encoding".
#[test]
fn encodings() {
    field("F|base64: foobar", "F=Zm9vYmFy", true);
    field("F|base64|contains: foob", "F=xxZm9vYg==", true);
    for text in ["F=xZm9vYmFyx", "F=Zvb2Jhcg", "F=mb29iYXI"] {
        field("F|base64offset|contains: foobar", text, true);
    }
    field("F|base64offset|contains: foobar", "F=Zm9v", false);
    field("F|wide|base64offset|contains: ping", "F=xxcABpAG4AZwxx", true);
    field("F|utf16le|base64offset|contains: ping", "F=AAaQBuAGcAAA", true);
    check_record("s:\n  F|wide: cmd\ncondition: s", &Fake::bytes("F", b"c\0M\0d\0"), true);
    check_record("s:\n  F|utf16be: cmd\ncondition: s", &Fake::bytes("F", b"\0c\0m\0d"), true);
    check_record("s:\n  F|utf16: cmd\ncondition: s", &Fake::bytes("F", b"\xff\xfec\0m\0d\0"), true);
    check_record("s:\n  F|utf16le|contains: cmd\ncondition: s", &Fake::bytes("F", b"\xffc\0m\0d\0"), true);
    field("F|utf16|base64offset|contains: http", "F=//5oAHQAdABwA", true);
}

// "Numeric Modifiers".
#[test]
fn comparisons() {
    field("F|lt: 10", "F=9", true);
    field("F|lt: 10", "F=10", false);
    field("F|lte: 10", "F=10", true);
    field("F|gt: 10", "F=10.5", true);
    field("F|gte: 10", "F=9.99", false);
    field("F|gte: 10", "F=abc", false);
    field("F|gte: 10", "F=", false);
    field("F|gte: 10", "G=11", false);
    field("F|gt: -5", "F=-4", true);
    field("F|gt: 9007199254740992", "F=9007199254740993", true);
    field("F|gt: [100, 5]", "F=6", true);
    field("F|gt|all: [100, 5]", "F=6", false);
    field("F|gt: 1.5", "F=1.25", false);
}

// "Time Modifiers".
#[test]
fn parts_of_dates() {
    let record = "F=2021-03-02T08:51:00Z";
    for (part, value) in [("minute", 51), ("hour", 8), ("day", 2), ("week", 9), ("month", 3), ("year", 2021)]
    {
        field(&format!("F|{part}: {value}"), record, true);
        field(&format!("F|{part}: {}", value + 1), record, false);
    }
    field("F|hour: [7, 8]", record, true);
    field("F|hour|gte: 8", record, true);
    field("F|gt|hour: 8", record, false);
    field("F|hour|neq: 8", record, false);
    field("F|hour: 8", "F=no date", false);
    field("F|hour: 8", "F=08:00:00", true);
}

// "IP (Internet Protocol) Modifiers".
#[test]
fn networks() {
    field("F|cidr: 10.0.0.0/8", "F=10.20.30.40", true);
    field("F|cidr: 10.0.0.0/8", "F=11.20.30.40", false);
    field("F|cidr: [10.0.0.0/8, 192.168.0.0/16]", "F=192.168.7.7", true);
    field("F|cidr: 'fe80::/10'", "F=fe80::1", true);
    field("F|cidr: '2001:db8::/32'", "F=2001:DB8::1", true);
    field("F|cidr: '::1/128'", "F=::2", false);
    field("F|cidr: 10.0.0.0/8", "F=text", false);
}

// "Specific Modifiers".
#[test]
fn field_references() {
    field("F|fieldref: G", "F=abc; G=ABC", true);
    field("F|fieldref: G", "F=abc; G=abd", false);
    field("F|fieldref: G", "F=abc", false);
    field("F|fieldref: G", "G=abc", false);
    field("F|fieldref: G", "X=abc", false);
    field("F|fieldref|neq: G", "F=abc; G=abd", true);
    field("F|fieldref|neq: G", "F=abc; G=ABC", false);
    field("F|fieldref|startswith: G", "F=abc; G=AB", true);
    field("F|fieldref|endswith: G", "F=abc; G=BC", true);
    field("F|fieldref|contains: G", "F=abc; G=B", true);
    field("F|contains|fieldref: G", "F=abc; G=x", false);
    field("F|fieldref|cased: G", "F=abc; G=ABC", false);
    field("F|fieldref: G", "F=ä; G=Ä", true);
    field("F|fieldref: G", "F=[a|b]; G=[c|B]", true);
    field("F|fieldref: 'G H'", "F=a; GH=a", true);
}

// "Placeholders".
#[test]
fn placeholders() {
    field("F|expand: '%admins%'", "F=ROOT", true);
    field("F|expand: '%admins%'", "F=adm_x", true);
    field("F|expand: '%admins%'", "F=other", false);
    field("F|contains|expand: 'x%admins%'", "F=..xroot..", true);
    field(r"F|expand: '\%p%admins%'", "F=%proot", true);
    field("F: '%admins%'", "F=%admins%", true);
}

// "Keywords search", "Lists", "Maps".
#[test]
fn keywords() {
    check("k: [evil, worse]\ncondition: k", "A=x; B=xEVILx", true);
    check("k: [evil, worse]\ncondition: k", "A=x; B=y", false);
    check("k: evil\ncondition: k", "B=evil", true);
    check("k:\n  '|all': [evil, worse]\ncondition: k", "A=evil; B=worse", true);
    check("k:\n  '|all': [evil, worse]\ncondition: k", "A=evil", false);
    check("k:\n  '|re': 'ev.l$'\ncondition: k", "A=xevil", true);
    check("k: ['a*c']\ncondition: k", "A=xabbcx", true);
    check("k: [42]\ncondition: k", "A=1425", true);
    check("k:\n  '|startswith': ev\ncondition: k", "A=xev", false);
    check("k: ['', x]\ncondition: k", "A=", true);
    check("k: [é]\ncondition: k", "A=xÉx", true);
    check("k:\n  - evil\n  - F: 1\ncondition: k", "F=1", true);
    check("k:\n  - evil\n  - F: 1\ncondition: k", "F=2; G=evil", true);
    check("k: [evil]\ncondition: not k", "G=good", true);
}

#[test]
fn lists_are_or_and_maps_are_and() {
    check("s:\n  - A: 1\n  - B: 2\ncondition: s", "A=9; B=2", true);
    check("s:\n  - A: 1\n  - B: 2\ncondition: s", "A=2; B=1", false);
    check("s:\n  A: 1\n  B: 2\ncondition: s", "A=1; B=2", true);
    check("s:\n  A: 1\n  B: 2\ncondition: s", "A=1; B=3", false);
    check("s:\n  - A: 1\n    B: 2\n  - C: 3\ncondition: s", "A=1; B=2", true);
    check("s:\n  - A: 1\n    B: 2\n  - C: 3\ncondition: s", "A=1", false);
    check("s:\n  A: [1, 2]\n  B: [3, 4]\ncondition: s", "A=2; B=3", true);
    check("s:\n  F|contains: a\n  F|endswith: b\ncondition: s", "F=ab", true);
    check("s:\n  F|contains: a\n  F|endswith: b\ncondition: s", "F=ba", false);
}

#[test]
fn several_values_in_a_field() {
    field("F: b", "F=[a|B]", true);
    field("F: c", "F=[a|b]", false);
    field("F|contains|all: [a, b]", "F=[xa|xb]", true);
    field("F|neq: a", "F=[a|b]", false);
    field("F|gt: 5", "F=[1|9]", true);
    field("F: ''", "F=[]", false);
}

// "Field Usage": strip all spaces. Nothing is said of case, and products change it.
#[test]
fn spaces_and_case_in_field_names() {
    field("ThreatName: x", "Threat Name=x", true);
    field("Threat Name: x", "ThreatName=x", true);
    field("ThreatName: x", "threatname=x", true);
    field("Threat Name: x", "threatName=x", true);
    field("ThreatName: x", "ThreatNames=x", false);
}

#[test]
fn bytes_that_are_no_text() {
    for test in ["F|contains: evil", "F|re: evil", "F|endswith: 'l?'", "F: '*evil*'", "F|contains: [evil, é]"]
    {
        let detection = format!("s:\n  {test}\ncondition: s");
        check_record(&detection, &Fake::bytes("F", b"\xff\xc3evil\x80"), true);
    }
    check_record("s:\n  F|contains: ü\ncondition: s", &Fake::bytes("F", b"\xff\xc3\x9c\xc3"), true);
}
