//! The configuration: one file, every key with its default, nothing unknown accepted.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use watchfire_stix::Tlp;

use crate::client::is_secret;
use crate::error::{NodeError, Result, of_file};

/// The name of the file in a node's folder.
pub const CONFIG_FILE: &str = "watchfire.toml";

/// A configuration is a page of text.
const CONFIG_LIMIT_BYTES: u64 = 1 << 20;

/// How a node is set up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The organisation whose node this is.
    pub organisation: String,
    /// The store: a file, or `postgres://…`.
    pub store: String,
    /// The file of the node's secret.
    pub secret: PathBuf,
    /// Where to listen.
    pub listen: String,
    /// How others reach this node, as the beginning of an address; by default as they say in their request.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The certificate and its key; without them the node speaks plain HTTP, on this machine only.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Whether plain HTTP may be spoken on an address of the network, because something in front adds TLS.
    #[serde(default)]
    pub plain_http_on_the_network: bool,
    /// The identity provider by which people may sign in.
    #[serde(default)]
    pub oidc: Option<Oidc>,
    /// Who may know what nobody marked.
    #[serde(default = "unmarked")]
    pub unmarked: String,
    /// Whether an object that breaks a MUST of STIX 2.1 is taken.
    #[serde(default)]
    pub validation: Validation,
    /// What is told on standard error.
    #[serde(default)]
    pub log: Log,
    /// What TAXII says of itself.
    #[serde(default)]
    pub taxii: Taxii,
    /// The folder from which paths are meant.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// `[tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
    /// The authorities of certificates by which clients may sign in, PEM.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// `[oidc]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The provider, exactly as its tokens name it.
    pub issuer: String,
    /// By what name this node is known there.
    pub client_id: String,
    /// The file of the secret that goes with it, where there is one.
    #[serde(default)]
    pub client_secret: Option<PathBuf>,
    /// What is asked for.
    #[serde(default = "scope")]
    pub scope: String,
    /// The claim of a token that names an account here.
    #[serde(default = "claim")]
    pub claim: String,
    /// Which value of the claim stands for which account; without it the value is the account's name.
    #[serde(default)]
    pub accounts: Option<BTreeMap<String, String>>,
    /// The authorities to trust for the provider, PEM; without it those of the system.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
}

/// `validation`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// An object that breaks a MUST is a failure in the status.
    #[default]
    Strict,
    /// Whatever has an id, and times and markings that can be read, is taken.
    Form,
}

/// `[log]`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// Of which requests there is one.
    pub requests: LogRequests,
}

/// `log.format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `time level event name=value …`
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// `log.requests`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogRequests {
    /// None: the audit has who did what.
    #[default]
    None,
    /// Those that were refused or failed.
    Failed,
    /// All.
    All,
}

/// `[taxii]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Taxii {
    /// The title of the server.
    pub title: String,
    /// A description of it.
    pub description: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// The largest body of a request, in bytes; it is advertised, and enforced.
    pub max_content_length: usize,
    /// The longest page, in objects.
    pub page_limit: usize,
    /// Days for which a status is kept.
    pub status_days: u32,
    /// API roots; the first is the default one.
    pub api_roots: Vec<ApiRoot>,
}

/// `[[taxii.api_roots]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiRoot {
    /// Its name in the address.
    pub name: String,
    /// Its title.
    pub title: String,
    /// A description of it.
    #[serde(default)]
    pub description: Option<String>,
}

impl Default for Taxii {
    fn default() -> Self {
        Self {
            title: "Watchfire".to_owned(),
            description: None,
            contact: None,
            max_content_length: 100 * 1024 * 1024,
            page_limit: 1000,
            status_days: 7,
            api_roots: vec![ApiRoot {
                name: "alliance".to_owned(),
                title: "Alliance".to_owned(),
                description: None,
            }],
        }
    }
}

fn scope() -> String {
    "openid".to_owned()
}

/// The one claim that a provider never gives to somebody else (OpenID Connect Core §5.7).
fn claim() -> String {
    "sub".to_owned()
}

fn unmarked() -> String {
    Tlp::AmberStrict.label().to_owned()
}

/// The file of a configuration, and its text.
pub(crate) fn read_text(path: &Path) -> Result<(PathBuf, String)> {
    let file = if path.is_dir() { path.join(CONFIG_FILE) } else { path.to_owned() };
    let mut text = String::new();
    let opened = fs::File::open(&file).map_err(of_file(&file))?;
    opened.take(CONFIG_LIMIT_BYTES).read_to_string(&mut text).map_err(of_file(&file))?;
    Ok((file, text))
}

impl Config {
    /// Reads the configuration of a folder, or a file.
    pub fn read(path: &Path) -> Result<Self> {
        let (file, text) = read_text(path)?;
        let wrong = |reason: String| NodeError::Config { path: file.clone(), reason };
        let mut config: Config = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        config.folder = file.parent().map(Path::to_owned).unwrap_or_default();
        config.check().map_err(wrong)?;
        Ok(config)
    }

    fn check(&self) -> std::result::Result<(), String> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let roots = &self.taxii.api_roots;
        if roots.is_empty() || !roots.iter().all(|root| is_name(&root.name)) {
            return Err("an API root is named by letters, digits, - and _; one at least is needed".to_owned());
        }
        if Tlp::of_label(&self.unmarked).is_none() {
            return Err(format!("unmarked = {:?} is no level of TLP", self.unmarked));
        }
        if self.taxii.page_limit == 0 || self.taxii.page_limit > watchfire_store::PAGE_LIMIT {
            return Err(format!("page_limit goes from 1 to {}", watchfire_store::PAGE_LIMIT));
        }
        if let Some(oidc) = &self.oidc {
            if !is_secret(&oidc.issuer) {
                return Err(format!("oidc.issuer = {:?} is no https address", oidc.issuer));
            }
            if self.public_url.is_none() {
                return Err("[oidc] needs public_url: the provider sends people back there".to_owned());
            }
            if !oidc.scope.split(' ').any(|scope| scope == "openid") {
                return Err("oidc.scope holds openid".to_owned());
            }
        }
        if self.organisation.trim().is_empty() {
            return Err("organisation is empty".to_owned());
        }
        Ok(())
    }

    /// Who may know what nobody marked.
    pub(crate) fn default_tlp(&self) -> Tlp {
        Tlp::of_label(&self.unmarked).unwrap_or(Tlp::Red)
    }

    /// A path as the configuration means it.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The store's address; a file is meant from the folder.
    pub(crate) fn store_address(&self) -> String {
        if self.store.contains("://") {
            self.store.clone()
        } else {
            self.path(Path::new(&self.store)).display().to_string()
        }
    }
}

/// The file that `node init` writes.
pub(crate) fn template(organisation: &str, store: &str, listen: &str, tls: bool) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let (organisation, store, listen) = (quoted(organisation), quoted(store), quoted(listen));
    let tls = if tls {
        "# The certificate and its key, PEM. `node init` made both, signed by ca.crt, which clients must be told to trust.\n\
         [tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n\
         # The authorities of certificates by which clients may sign in (`node user certificate` says which for whom).\n\
         # client_ca = \"clients.crt\"\n"
    } else {
        "# Without [tls] the node speaks plain HTTP, and only to this machine.\n# [tls]\n# certificate = \"tls.crt\"\n# key = \"tls.key\"\n"
    };
    format!(
        "# A Watchfire node. Every key that is commented out shows its default.\n\
         \n\
         # The organisation whose node this is: TLP:AMBER and TLP:AMBER+STRICT mean it where no other is named.\n\
         organisation = {organisation}\n\
         \n\
         # A file, or postgres://user@host1,host2/name. A file is meant from this folder.\n\
         store = {store}\n\
         \n\
         # The file of the secret by which cursors are sealed. All nodes of one store have the same.\n\
         secret = \"node.secret\"\n\
         \n\
         # Where to listen.\n\
         listen = {listen}\n\
         \n\
         # How others reach this node, if it is not as they say in their request.\n\
         # public_url = \"https://taxii.cert.example\"\n\
         \n\
         # Plain HTTP on an address of the network, for a node behind something that adds TLS.\n\
         # plain_http_on_the_network = false\n\
         \n\
         # People may sign in by an identity provider, too (OpenID Connect): [oidc], see docs/node.md.\n\
         \n\
         # Who may know an object that nobody marked.\n\
         # unmarked = \"TLP:AMBER+STRICT\"\n\
         \n\
         # strict: an object that breaks a MUST of STIX 2.1 is a failure in the status of its request.\n\
         # form: whatever has an id, and times and markings that can be read, is taken.\n\
         # validation = \"strict\"\n\
         \n\
         {tls}\
         \n\
         [log]\n\
         # Lines on standard error: text (time level event name=value …) or json (one object a line).\n\
         # format = \"text\"\n\
         # A line for each request: none, failed or all. Who did what is in the audit in any case.\n\
         # requests = \"none\"\n\
         \n\
         [taxii]\n\
         # title = \"Watchfire\"\n\
         # description = \"\"\n\
         # contact = \"\"\n\
         # The largest body of a request, in bytes; advertised, and enforced.\n\
         # max_content_length = 104857600\n\
         # The longest page, in objects.\n\
         # page_limit = 1000\n\
         # Days for which the status of a request is kept.\n\
         # status_days = 7\n\
         \n\
         # API roots; the first is the default one.\n\
         [[taxii.api_roots]]\n\
         name = \"alliance\"\n\
         title = \"Alliance\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for tls in [true, false] {
            let text = template("CERT \"A\"", "watchfire.db", "127.0.0.1:6100", tls);
            fs::write(folder.path().join(CONFIG_FILE), &text).unwrap();
            let config = Config::read(folder.path()).unwrap();
            assert_eq!((config.organisation.as_str(), config.tls.is_some()), ("CERT \"A\"", tls));
            assert_eq!(config.default_tlp(), Tlp::AmberStrict);
            // What is commented out is what holds without it.
            let shown = |line: &str| {
                let key = line.strip_prefix("# ").filter(|rest| rest.contains(" = "));
                key.unwrap_or(line).to_owned()
            };
            let all = text.lines().map(shown).collect::<Vec<_>>().join("\n");
            if tls {
                fs::write(folder.path().join(CONFIG_FILE), all).unwrap();
                let shown = Config::read(folder.path()).unwrap();
                assert_eq!(shown.taxii.max_content_length, config.taxii.max_content_length);
                assert_eq!(shown.taxii.page_limit, config.taxii.page_limit);
                assert_eq!((shown.unmarked, shown.validation), (config.unmarked, config.validation));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let good = template("CERT", "watchfire.db", "127.0.0.1:6100", false);
        for (from, to, expected) in [
            ("organisation", "organization", "unknown field"),
            ("# unmarked = \"TLP:AMBER+STRICT\"", "unmarked = \"pink\"", "no level of TLP"),
            ("# page_limit = 1000", "page_limit = 0", "page_limit goes"),
            ("name = \"alliance\"", "name = \"a/b\"", "an API root is named"),
            ("[taxii]", "[oidc]\nissuer = \"http://id.example\"\nclient_id = \"w\"\n[taxii]", "no https"),
            (
                "[taxii]",
                "[oidc]\nissuer = \"https://id.example\"\nclient_id = \"w\"\n[taxii]",
                "needs public_url",
            ),
        ] {
            fs::write(folder.path().join(CONFIG_FILE), good.replace(from, to)).unwrap();
            let error = Config::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
