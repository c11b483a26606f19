//! Small files that are read whole: pages of web folders, the IIS configuration, compiled pages, exports.
//!
//! Each becomes a list of entries, one a fact: a page is one entry, a configuration has one for each element. An
//! entry names its fields as rules do and keeps the place and the raw bytes it came from.

use serde::{Deserialize, Serialize};

mod configuration;
mod exports;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::decode::Encoding;
use crate::kind::Kind;
use crate::problem::Problem;
use crate::windows_path::WindowsPath;

/// A document is read up to this size; the largest real `applicationHost.config` seen has 1 MB, web shells have
/// kilobytes.
pub const DOCUMENT_LIMIT_BYTES: u64 = 32 << 20;

/// A page's content is offered to rules up to here.
pub const CONTENT_LIMIT_BYTES: usize = 1 << 20;

/// Raw bytes kept of an entry that has no natural end.
pub const RAW_LIMIT_BYTES: usize = 4096;

/// One fact of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Names and values, as rules know them.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Where it stands, in bytes of the decoded document.
    pub offset: u64,
    /// Its bytes.
    pub raw: Vec<u8>,
}

impl Entry {
    /// The value of a field, ignoring ASCII case.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.fields.push((name.to_owned(), value.into()));
    }
}

/// Reads a document of a kind for which [`Kind::is_document`] holds.
pub fn read(
    kind: Kind,
    shown: &str,
    path: &WindowsPath,
    bytes: &[u8],
    size: u64,
) -> (Vec<Entry>, Vec<Problem>) {
    let mut problems = Vec::new();
    if (bytes.len() as u64) < size {
        let what = format!("only the first {} of {size} bytes were read", bytes.len());
        problems.push(Problem::file(shown, what));
    }
    let text = Encoding::detect(bytes).decode_all(bytes);
    let entries = match kind {
        Kind::WebScript => vec![page(path, bytes, &text, size)],
        Kind::IisConfiguration => configuration::elements(shown, &text, &mut problems),
        Kind::CompiledPage => configuration::compiled(shown, path, &text, &mut problems),
        Kind::VirtualDirectory => exports::format_list(&text),
        Kind::RegistryExport => exports::registry(shown, &text, &mut problems),
        _ => Vec::new(),
    };
    (entries, problems)
}

/// What every file has, whatever it is: its path and its first bytes.
pub fn inventory(path: &WindowsPath, head: &[u8], size: u64) -> Entry {
    let mut entry = Entry { fields: Vec::new(), offset: 0, raw: head[..head.len().min(64)].to_vec() };
    entry.push("path", path.as_str());
    entry.push("name", path.name());
    entry.push("extension", path.extension());
    entry.push("size", size.to_string());
    entry.push("head", hex_upper(&head[..head.len().min(16)]));
    entry
}

fn page(path: &WindowsPath, bytes: &[u8], text: &[u8], size: u64) -> Entry {
    let mut entry = inventory(path, bytes, size);
    entry.raw = bytes[..bytes.len().min(RAW_LIMIT_BYTES)].to_vec();
    entry.push("sha256", hex_lower(&Sha256::digest(bytes)));
    entry.push("sha1", hex_lower(&Sha1::digest(bytes)));
    entry.push("md5", hex_lower(&Md5::digest(bytes)));
    entry.push("content", &text[..text.len().min(CONTENT_LIMIT_BYTES)]);
    if let Some(folder) = path.web_folder() {
        entry.push("folder", folder.name());
    }
    entry
}

/// Bytes in lower-case hexadecimal.
pub fn hex_lower(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hex_upper(bytes: &[u8]) -> String {
    hex_lower(bytes).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(kind: Kind, path: &str, text: &str) -> (Vec<Entry>, Vec<Problem>) {
        read(kind, path, &WindowsPath::find(path), text.as_bytes(), text.len() as u64)
    }

    #[track_caller]
    fn check(entry: &Entry, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(
                entry.value(name).map(String::from_utf8_lossy).as_deref(),
                Some(*value),
                "{name} of {entry:?}"
            );
        }
    }

    #[test]
    fn a_page() {
        let (entries, _) =
            read_all(Kind::WebScript, "C/inetpub/wwwroot/aspnet_client/A.ASPX", "!BDN<%@ Page %>");
        check(
            &entries[0],
            &[
                ("path", "C:\\inetpub\\wwwroot\\aspnet_client\\A.ASPX"),
                ("extension", "aspx"),
                ("folder", "aspnet_client"),
                ("head", "2142444E3C254020506167652025 3E".replace(' ', "").as_str()),
                ("content", "!BDN<%@ Page %>"),
            ],
        );
    }

    #[test]
    fn elements_of_the_configuration() {
        let text = r#"<?xml version="1.0"?><configuration><system.applicationHost><sites><site name="Default Web Site">
            <application path="/"><virtualDirectory path="/x" physicalPath="C:\ProgramData\COM"/></application></site></sites></system.applicationHost>
            <location path="Default Web Site/OWA"><system.webServer><security><authentication><windowsAuthentication>
            <extendedProtection tokenChecking="None"/></windowsAuthentication></authentication></security></system.webServer></location></configuration>"#;
        let (entries, problems) = read_all(Kind::IisConfiguration, "applicationHost.config", text);
        assert!(problems.is_empty());
        let find = |element: &str| {
            entries.iter().find(|entry| entry.value("element") == Some(element.as_bytes())).unwrap()
        };
        check(
            find("virtualDirectory"),
            &[("physicalPath", "C:\\ProgramData\\COM"), ("site", "Default Web Site")],
        );
        check(find("extendedProtection"), &[("tokenChecking", "None"), ("location", "Default Web Site/OWA")]);
    }

    #[test]
    fn broken_xml_gives_what_stands_before_the_break() {
        let (entries, problems) =
            read_all(Kind::IisConfiguration, "x", "<configuration><add name=\"a\"/><add name=");
        assert_eq!((entries.len(), problems.len()), (1, 1));
    }

    #[test]
    fn a_compiled_page() {
        let text = r#"<?xml version="1.0"?><preserve resultType="3" virtualPath="/owa/auth/x.aspx" hash="1"><filedeps/></preserve>"#;
        let (entries, _) = read_all(Kind::CompiledPage, "C/Windows/x.aspx.f5dba9b9.compiled", text);
        check(
            &entries[0],
            &[("virtualPath", "/owa/auth/x.aspx"), ("page", "x.aspx"), ("name", "x.aspx.f5dba9b9.compiled")],
        );
    }

    #[test]
    fn a_printed_virtual_directory() {
        let text = "\r\nName         : OAB (Default Web Site)\r\nExternalUrl  : http://f/#<script\r\n               language=x>\r\nServer : EX01\r\n\r\nName : b\r\nInternalUrl : https://x\r\n";
        let (entries, _) = read_all(Kind::VirtualDirectory, "x.txt", text);
        assert_eq!(entries.len(), 2);
        check(&entries[0], &[("ExternalUrl", "http://f/#<scriptlanguage=x>"), ("Server", "EX01")]);
    }

    #[test]
    fn a_registry_export() {
        let text = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\X\\REQUEST\\Certificates\\1]\r\n\"Blob\"=hex:3c,73,\\\r\n  63,3e\r\n\"Name\"=\"a \\\"b\\\"\"\r\n\"N\"=dword:0000000a\r\n";
        let (entries, problems) = read_all(Kind::RegistryExport, "x.reg", text);
        assert!(problems.is_empty(), "{problems:?}");
        check(
            &entries[0],
            &[("key", "HKEY_LOCAL_MACHINE\\X\\REQUEST\\Certificates\\1"), ("name", "Blob"), ("data", "<sc>")],
        );
        check(&entries[1], &[("data", "a \"b\""), ("type", "string")]);
        check(&entries[2], &[("data", "0000000a"), ("type", "dword")]);
    }
}
