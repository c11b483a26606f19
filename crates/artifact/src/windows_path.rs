//! The Windows path that a file had on its host, found inside whatever path a collection gave it.
//!
//! `triage/HOST/C/inetpub/…` of KAPE, `uploads/auto/C%3A/inetpub/…` of Velociraptor, `/mnt/disk/inetpub/…` of a
//! mounted disk and a path inside an archive all mean `C:\inetpub\…` or `\inetpub\…`. Rules are written for that.

use std::fmt;

use crate::text::percent_decoded;

/// Folders that stand at the root of a Windows drive and anchor a path whose drive letter was lost.
const ANCHORS: [&str; 6] =
    ["inetpub", "program files", "program files (x86)", "windows", "programdata", "users"];

/// A path in Windows form; comparisons on it ignore ASCII case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowsPath(String);

/// A web folder of Exchange or IIS, by what an intruder can reach in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebFolder {
    /// `FrontEnd\HttpProxy\owa\auth`
    OwaAuth,
    /// `FrontEnd\HttpProxy\ecp\auth`
    EcpAuth,
    /// `inetpub\wwwroot\aspnet_client`
    AspnetClient,
    /// `FrontEnd\HttpProxy\OAB`
    Oab,
    /// elsewhere under `FrontEnd\HttpProxy`
    HttpProxy,
    /// `ClientAccess`
    ClientAccess,
    /// elsewhere under `inetpub\wwwroot`
    Wwwroot,
}

impl WebFolder {
    /// The folder's name in rules.
    pub fn name(self) -> &'static str {
        match self {
            WebFolder::OwaAuth => "owa_auth",
            WebFolder::EcpAuth => "ecp_auth",
            WebFolder::AspnetClient => "aspnet_client",
            WebFolder::Oab => "oab",
            WebFolder::HttpProxy => "httpproxy",
            WebFolder::ClientAccess => "clientaccess",
            WebFolder::Wwwroot => "wwwroot",
        }
    }
}

impl WindowsPath {
    /// Finds the host's path in `collected`, whose separators may be `/` or `\` and whose parts may be
    /// percent-encoded. Where nothing anchors it, the whole path is taken, in Windows form.
    pub fn find(collected: &str) -> Self {
        let decoded = percent_decoded(collected.as_bytes());
        let decoded = String::from_utf8_lossy(&decoded);
        let parts: Vec<&str> = decoded
            .split(['/', '\\'])
            .filter(|part| !part.is_empty() && !matches!(*part, "." | ".."))
            .collect();
        if let Some(drive) = drive(&parts) {
            let letter = parts[drive].chars().next().unwrap_or('C').to_ascii_uppercase();
            return Self(format!("{letter}:\\{}", parts[drive + 1..].join("\\")));
        }
        let anchor = parts.iter().position(|part| is_anchor(part));
        Self(format!("\\{}", parts[anchor.unwrap_or(0)..].join("\\")))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('\\').next().unwrap_or_default()
    }

    /// What follows the last dot of the name, lower case; empty where there is none.
    pub fn extension(&self) -> String {
        self.name().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
    }

    /// Whether the path contains `part`, ignoring ASCII case. `part` must be lower case.
    pub fn contains(&self, part: &str) -> bool {
        self.0.to_ascii_lowercase().contains(part)
    }

    /// The web folder it lies in.
    pub fn web_folder(&self) -> Option<WebFolder> {
        let path = self.0.to_ascii_lowercase();
        let folders = [
            ("\\frontend\\httpproxy\\owa\\auth\\", WebFolder::OwaAuth),
            ("\\frontend\\httpproxy\\ecp\\auth\\", WebFolder::EcpAuth),
            ("\\frontend\\httpproxy\\oab\\", WebFolder::Oab),
            ("\\frontend\\httpproxy\\", WebFolder::HttpProxy),
            ("\\aspnet_client\\", WebFolder::AspnetClient),
            ("\\clientaccess\\", WebFolder::ClientAccess),
            ("\\inetpub\\wwwroot\\", WebFolder::Wwwroot),
        ];
        folders.into_iter().find(|(part, _)| path.contains(part)).map(|(_, folder)| folder)
    }

    /// Where in a path the part begins that a browser asks for: behind the root of a site of Exchange or of IIS. The
    /// path is in lower case with `/` between its parts.
    pub fn site_path(path: &str) -> Option<usize> {
        let roots = ["frontend/httpproxy/", "clientaccess/", "inetpub/wwwroot/"];
        let begins = |at: usize| at == 0 || matches!(path.as_bytes()[at - 1], b'/' | b'%');
        roots.iter().find_map(|root| Some(path.find(root).filter(|at| begins(*at))? + root.len()))
    }

    /// The path below Exchange's install folder, lower case with `/`: the key of the list of shipped files.
    pub fn below_exchange(&self) -> Option<String> {
        let path = self.0.to_ascii_lowercase();
        let start =
            ["\\frontend\\httpproxy\\", "\\clientaccess\\"].iter().find_map(|part| path.find(part))?;
        // Setup puts some files into a folder named for the build; the list of shipped files calls it `version`.
        let parts = path[start + 1..].split('\\').map(|part| if is_build(part) { "version" } else { part });
        Some(parts.collect::<Vec<_>>().join("/"))
    }
}

impl fmt::Display for WindowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which part is the drive: the last that says so with a colon (a collector's own drive may stand further left), else
/// a single letter before a folder that stands at the root of a drive, else the first single capital.
fn drive(parts: &[&str]) -> Option<usize> {
    let folders = parts.len().saturating_sub(1);
    let letter = |at: usize| matches!(parts[at].as_bytes(), [letter] if letter.is_ascii_alphabetic());
    let colon = |at: usize| matches!(parts[at].as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    let capital = |at: usize| matches!(parts[at].as_bytes(), [b'A'..=b'Z']);
    let rooted = |at: usize| letter(at) && is_anchor(parts[at + 1]);
    (0..folders)
        .rfind(|&at| colon(at))
        .or_else(|| (0..folders).find(|&at| rooted(at)))
        .or_else(|| (0..folders).find(|&at| capital(at)))
}

/// Whether a folder is named for a build: `15.1.2176`, `15.1.2176.2`.
fn is_build(part: &str) -> bool {
    part.starts_with("15.")
        && part.split('.').count() >= 3
        && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_anchor(part: &str) -> bool {
    ANCHORS.iter().any(|anchor| anchor.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(collected: &str, expected: &str) {
        assert_eq!(WindowsPath::find(collected).as_str(), expected);
    }

    #[test]
    fn paths_of_collections() {
        check(
            "triage/EX01/C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log",
            "C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210303.log",
        );
        check(
            "uploads/auto/C%3A/Windows/System32/winevt/Logs/Security.evtx",
            "C:\\Windows\\System32\\winevt\\Logs\\Security.evtx",
        );
        check("uploads/ntfs/%5C%5C.%5CD%3A/Exchange/Logging/x.LOG", "D:\\Exchange\\Logging\\x.LOG");
        check("/mnt/evidence/inetpub/wwwroot/x.aspx", "\\inetpub\\wwwroot\\x.aspx");
        check("logs/u_ex.log", "\\logs\\u_ex.log");
        check("a/../../C/x", "C:\\x");
        check("x/c/inetpub/wwwroot/a/x.aspx", "C:\\inetpub\\wwwroot\\a\\x.aspx");
        check("D:\\", "\\D:");
    }

    #[test]
    fn web_folders() {
        let folder = |path: &str| WindowsPath::find(path).web_folder().map(WebFolder::name);
        assert_eq!(
            folder("C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth/a.aspx"),
            Some("owa_auth")
        );
        assert_eq!(folder("C/inetpub/wwwroot/aspnet_client/system_web/a.aspx"), Some("aspnet_client"));
        assert_eq!(folder("C/inetpub/wwwroot/iisstart.htm"), Some("wwwroot"));
        assert_eq!(folder("C/Users/x/a.aspx"), None);
    }

    #[test]
    fn what_a_browser_asks_for() {
        let asked = |path: &'static str| WindowsPath::site_path(path).map(|at| &path[at..]);
        assert_eq!(asked("c:/x/v15/frontend/httpproxy/owa/auth/a.aspx"), Some("owa/auth/a.aspx"));
        assert_eq!(asked("inetpub/wwwroot/aspnet_client/a.aspx"), Some("aspnet_client/a.aspx"));
        assert_eq!(asked("c:/oldinetpub/wwwroot/a.aspx"), None);
        assert_eq!(asked("c:/windows/temp/a.aspx"), None);
    }

    #[test]
    fn the_path_below_exchange() {
        let path = WindowsPath::find("D/Exchange/V15/FrontEnd/HttpProxy/owa/auth/Logon.aspx");
        assert_eq!(path.below_exchange().as_deref(), Some("frontend/httpproxy/owa/auth/logon.aspx"));
        assert_eq!(path.extension(), "aspx");
    }
}
