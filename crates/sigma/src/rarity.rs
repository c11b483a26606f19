//! A guess at how often bytes and words occur in logs.
//!
//! Which literal of a rule to look for, and which four bytes of that literal, is decided by what is rare. A wrong
//! guess costs time and never a finding, so a small table in the source is enough: it was read off IIS, HttpProxy
//! and process creation logs, rounded, with upper and lower case together because the search ignores case.

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

use crate::fold;

/// Occurrences of a byte (either case) in ten thousand bytes of a log.
pub(crate) fn per_myriad(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        b'e' | b'0' | b' ' => 450,
        b'-' | b'1' | b'.' | b'2' | b'/' => 400,
        b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 350,
        b'3'..=b'9' | b',' | b'c' | b'd' | b'l' | b'p' | b'm' => 250,
        b'u' | b'+' | b'h' | b'w' | b'=' | b':' | b'\\' | b'_' | b'g' | b'f' | b'b' | b'v' | b'&' | b'"' => {
            120
        }
        b'x' | b'y' | b'k' | b';' | b'(' | b')' | b'%' | b'?' | b'@' | b'\n' | b'\r' | b'\t' => 60,
        b'j' | b'q' | b'z' | b'{' | b'}' | b'[' | b']' | b'<' | b'>' | b'\'' | b'|' | b'~' => 20,
        0x20..=0x7e => 8,
        _ => 2,
    }
}

/// Words that stand in most lines of some log: a literal that is part of one rejects little.
const COMMON: [&str; 35] = [
    "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/ safari/537.36",
    "microsoft office outlook",
    "microsoft.exchange.",
    "microsoft windows operating system",
    "microsoft corporation",
    "https://",
    "http://",
    "http/1.1",
    "/owa/auth/logon.aspx",
    "/ecp/default.aspx",
    "/ews/exchange.asmx",
    "/rpc/rpcproxy.dll",
    "/mapi/emsmdb/?mailboxid=",
    "/mapi/nspi/?mailboxid=",
    "/microsoft-server-activesync/default.eas",
    "/autodiscover/autodiscover.xml",
    "/powershell/",
    "/oab/",
    "&correlationid=",
    "&deviceid=",
    "options",
    "propfind",
    "c:\\program files (x86)\\microsoft\\",
    "c:\\program files\\microsoft\\exchange server\\v15\\",
    "c:\\windows\\system32\\",
    "c:\\windows\\syswow64\\",
    "c:\\users\\",
    "\\appdata\\local\\temp\\",
    "\\services\\microsoft.net\\framework64\\",
    "powershell.exe",
    "svchost.exe -k",
    "nt authority\\system",
    "hklm\\software\\microsoft\\windows\\currentversion\\",
    "hklm\\system\\currentcontrolset\\services\\",
    "proxyfrontend backend server=~mailbox@localhost",
];

/// How costly it is to look for `literal`: an estimate of its hits in a million bytes, plus what a short literal
/// costs everyone by making the scanner's steps small.
pub(crate) fn cost(literal: &[u8]) -> f64 {
    let per_million: f64 =
        literal.iter().take(8).map(|&byte| f64::from(per_myriad(byte)) / 10_000.0).product::<f64>() * 1e6;
    let common = if is_common(&literal.to_ascii_lowercase()) { 2_000.0 } else { 0.0 };
    // Every literal has some price, so that ten rare ones do not look better than one.
    per_million + cost_of_length(literal) + common + 0.05
}

/// What a short literal costs everyone: the scanner's steps are as long as its shortest literal allows. In hits in a
/// million bytes, by measuring what a hit costs against what a shorter step does.
pub(crate) fn cost_of_length(literal: &[u8]) -> f64 {
    match literal.len() {
        0..=3 => 100_000.0,
        4 => 1_500.0,
        5 => 500.0,
        6 => 200.0,
        _ => 0.0,
    }
}

/// Whether a literal in lower case is part of a common word.
fn is_common(literal: &[u8]) -> bool {
    let begins_so = literal.first_chunk().is_none_or(|gram| is_common_gram(fold::gram(*gram)));
    begins_so && COMMON.iter().any(|word| memchr::memmem::find(word.as_bytes(), literal).is_some())
}

/// Whether four bytes (as `fold::gram` has them) are part of a common word.
pub(crate) fn is_common_gram(gram: u32) -> bool {
    static GRAMS: OnceLock<FxHashSet<u32>> = OnceLock::new();
    let all = || {
        let windows = COMMON.iter().flat_map(|word| word.as_bytes().windows(4));
        windows.map(|w| fold::gram([w[0], w[1], w[2], w[3]])).collect()
    };
    GRAMS.get_or_init(all).contains(&gram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_and_long_is_cheap() {
        assert!(cost(b"ServerInfo~") < cost(b"/owa/auth/"));
        assert!(cost(b"OabVirtualDirectory") < cost(b"POST"));
        assert!(cost(b"POST") < cost(b".js"));
    }
}
