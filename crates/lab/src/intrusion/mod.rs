//! The intrusion: who came, through what, and what they left.
//!
//! Three acts, each in a file of its own: [`arrival`] (a probe on Sunday, the chain on Wednesday morning),
//! [`shell`] (two days of use by two addresses), [`cover`] (a second visit, and what was deleted). The order and
//! the shapes are those of the real attacks of March 2021; every name, address and key is invented.

mod arrival;
mod cover;
mod shell;

use crate::collection::Collection;
use crate::moment::Moment;
use crate::organisation::{DOMAIN_SID, INSTALL};
use crate::windows::Parent;

/// Who only tried the first step, on Sunday.
pub(crate) const PROBER: &str = "203.0.113.200";
/// Who came through the chain.
pub(crate) const INTRUDER: &str = "203.0.113.47";
/// Who came with the key that the first had made.
pub(crate) const SECOND_HAND: &str = "198.51.100.23";

/// Where the shell answers.
pub(crate) const SHELL_STEM: &str = "/owa/auth/themeHelp.aspx";
/// Its file name.
pub(crate) const SHELL_NAME: &str = "themeHelp.aspx";
/// The compiled page: the folder of the application's own hashes, and the page's.
pub(crate) const COMPILED: &str =
    r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Temporary ASP.NET Files\owa\3f1a9c07\e81d5b42";
/// Its file name.
pub(crate) const COMPILED_NAME: &str = "themehelp.aspx.5d7c21e9.compiled";
/// The address book directory that carried the text.
pub(crate) const DIRECTORY: &str = "6b1f0c9a-52d7-4a8e-9c33-d1e07f48b2a6";

/// What stands where the shell's text stood. It is a comment, and does nothing.
pub(crate) const INERT_SCRIPT: &str = "http://f/<script language=\"JScript\" runat=\"server\">function Page_Load(){/* inert: code removed */}</script>";

/// The worker process in which the shell runs.
pub(crate) const WORKER: Parent = Parent {
    pid: 7_424,
    image: r"C:\Windows\System32\inetsrv\w3wp.exe",
    command_line: r#"c:\windows\system32\inetsrv\w3wp.exe -ap "MSExchangeOWAAppPool" -v "v4.0" -c "C:\Program Files\Microsoft\Exchange Server\V15\bin\GenericAppPoolConfigWithGCServerEnabledFalse.config" -a \\.\pipe\iisipm5b0e6d1c-7a40-4c2f-9d85-3e1f60b7a924 -h "C:\inetpub\temp\apppools\MSExchangeOWAAppPool\MSExchangeOWAAppPool.config" -w "" -m 0"#,
};

/// When the file was written.
pub(crate) fn written_at() -> Moment {
    Moment::utc(3, 3, 5, 24, 53).plus_ms(12)
}

/// The shell's place on disk.
pub(crate) fn shell_path() -> String {
    format!(r"{INSTALL}\FrontEnd\HttpProxy\owa\auth\{SHELL_NAME}")
}

/// The identifier of the account in whose name the chain ran.
pub(crate) fn administrator_sid() -> String {
    format!("{DOMAIN_SID}-500")
}

/// Adds the whole intrusion.
pub(crate) fn write(collection: &mut Collection) {
    arrival::write(collection);
    shell::write(collection);
    cover::write(collection);
}
