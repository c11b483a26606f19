//! Every key of a configuration with its value, and where that comes from: a line of the file, or the default.

use std::path::Path;

use toml::de::DeTable;

use crate::config::{Config, LogFormat, LogRequests, Oidc, Validation, read_text};
use crate::error::{NodeError, Result};

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, with those of its tables.
    pub key: String,
    /// What holds; a password in it is left out.
    pub value: String,
    /// `default`, or the file and the line.
    pub origin: String,
}

/// What is shown for a key that has no value.
const NONE: &str = "-";

type Show = fn(&Config) -> String;

/// The keys, without those of API roots, of which there may be several.
const KEYS: [(&str, Show); 26] = [
    ("organisation", |config| config.organisation.clone()),
    ("store", |config| without_password(&config.store)),
    ("secret", |config| config.secret.display().to_string()),
    ("listen", |config| config.listen.clone()),
    ("public_url", |config| or_none(config.public_url.as_ref())),
    ("plain_http_on_the_network", |config| config.plain_http_on_the_network.to_string()),
    ("unmarked", |config| config.unmarked.clone()),
    ("validation", |config| {
        match config.validation {
            Validation::Strict => "strict",
            Validation::Form => "form",
        }
        .to_owned()
    }),
    ("tls.certificate", |config| or_none(config.tls.as_ref().map(|tls| tls.certificate.display()))),
    ("tls.key", |config| or_none(config.tls.as_ref().map(|tls| tls.key.display()))),
    ("tls.client_ca", |config| {
        or_none(config.tls.as_ref().and_then(|tls| tls.client_ca.as_ref()).map(|path| path.display()))
    }),
    ("oidc.issuer", |config| of_oidc(config, |oidc| Some(oidc.issuer.clone()))),
    ("oidc.client_id", |config| of_oidc(config, |oidc| Some(oidc.client_id.clone()))),
    ("oidc.client_secret", |config| of_oidc(config, |oidc| shown(oidc.client_secret.as_deref()))),
    ("oidc.scope", |config| of_oidc(config, |oidc| Some(oidc.scope.clone()))),
    ("oidc.claim", |config| of_oidc(config, |oidc| Some(oidc.claim.clone()))),
    ("oidc.accounts", |config| {
        of_oidc(config, |oidc| {
            let pairs = oidc.accounts.as_ref()?.iter().map(|(value, name)| format!("{value} is {name}"));
            Some(pairs.collect::<Vec<_>>().join(", "))
        })
    }),
    ("oidc.authorities", |config| of_oidc(config, |oidc| shown(oidc.authorities.as_deref()))),
    ("log.format", |config| {
        match config.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
        .to_owned()
    }),
    ("log.requests", |config| {
        match config.log.requests {
            LogRequests::None => "none",
            LogRequests::Failed => "failed",
            LogRequests::All => "all",
        }
        .to_owned()
    }),
    ("taxii.title", |config| config.taxii.title.clone()),
    ("taxii.description", |config| or_none(config.taxii.description.as_ref())),
    ("taxii.contact", |config| or_none(config.taxii.contact.as_ref())),
    ("taxii.max_content_length", |config| config.taxii.max_content_length.to_string()),
    ("taxii.page_limit", |config| config.taxii.page_limit.to_string()),
    ("taxii.status_days", |config| config.taxii.status_days.to_string()),
];

fn of_oidc(config: &Config, show: fn(&Oidc) -> Option<String>) -> String {
    or_none(config.oidc.as_ref().and_then(show))
}

fn shown(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// An address of a store as it may be shown: without a password before the hosts, and without options, which may hold one.
fn without_password(store: &str) -> String {
    let Some((scheme, rest)) = store.split_once("://") else { return store.to_owned() };
    let (user, hosts) = rest.rsplit_once('@').map_or((None, rest), |(user, hosts)| (Some(user), hosts));
    let name = user.map(|user| user.split(':').next().unwrap_or_default());
    let hosts = hosts.split('?').next().unwrap_or_default();
    let name = name.map(|name| format!("{name}@")).unwrap_or_default();
    format!("{scheme}://{name}{hosts}")
}

impl Config {
    /// Every key of the configuration of a folder, or a file.
    pub fn settings(path: &Path) -> Result<Vec<Setting>> {
        let config = Self::read(path)?;
        let (file, text) = read_text(path)?;
        let wrong =
            |error: toml::de::Error| NodeError::Config { path: file.clone(), reason: error.to_string() };
        let table = DeTable::parse(&text).map_err(wrong)?;
        let table = table.get_ref();
        let at = |start: usize| {
            let line = text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count() + 1;
            format!("{}:{line}", file.display())
        };
        let origin = |key: &str| {
            let (outer, inner) =
                key.split_once('.').map_or((key, None), |(outer, inner)| (outer, Some(inner)));
            let found = match inner {
                None => {
                    table.iter().find(|(name, _)| name.get_ref() == outer).map(|(name, _)| name.span().start)
                }
                Some(inner) => table
                    .get(outer)
                    .and_then(|value| value.get_ref().as_table())
                    .and_then(|table| table.iter().find(|(name, _)| name.get_ref() == inner))
                    .map(|(name, _)| name.span().start),
            };
            found.map_or_else(|| "default".to_owned(), at)
        };
        let setting = |(key, show): &(&str, Show)| Setting {
            key: (*key).to_owned(),
            value: show(&config),
            origin: origin(key),
        };
        let mut settings: Vec<Setting> = KEYS.iter().map(setting).collect();
        let roots_origin = origin("taxii.api_roots");
        for (number, root) in config.taxii.api_roots.iter().enumerate() {
            let description = or_none(root.description.as_ref());
            for (name, value) in
                [("name", root.name.clone()), ("title", root.title.clone()), ("description", description)]
            {
                let key = format!("taxii.api_roots[{number}].{name}");
                settings.push(Setting { key, value, origin: roots_origin.clone() });
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CONFIG_FILE, template};

    #[test]
    fn every_key_of_the_template_is_shown_with_its_origin() {
        let folder = tempfile::tempdir().unwrap();
        let text = template("CERT", "watchfire.db", "127.0.0.1:6100", true)
            .replace("# page_limit = 1000", "page_limit = 500");
        std::fs::write(folder.path().join(CONFIG_FILE), &text).unwrap();
        let settings = Config::settings(folder.path()).unwrap();
        let of = |key: &str| settings.iter().find(|one| one.key.rsplit('.').next() == Some(key)).unwrap();
        for line in text.lines().take_while(|line| *line != "[[taxii.api_roots]]") {
            let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") else { continue };
            let shown = of(key);
            assert_eq!(shown.origin == "default", line.starts_with('#'), "{line}: {shown:?}");
        }
        let line = text.lines().position(|line| line == "page_limit = 500").unwrap() + 1;
        assert!(of("page_limit").origin.ends_with(&format!("watchfire.toml:{line}")));
        assert_eq!((of("page_limit").value.as_str(), of("client_ca").value.as_str()), ("500", "-"));
        // As many keys as there are fields: whoever adds one adds it here.
        let fields = include_str!("config.rs").split("impl Default").next().unwrap_or_default();
        let fields = fields.lines().filter(|line| line.starts_with("    pub ")).count();
        assert_eq!(
            KEYS.len() + 3 + 6,
            fields,
            "three of API roots; tls, oidc, log, taxii, api_roots, folder are no keys"
        );
    }

    #[test]
    fn no_password_is_shown() {
        for (store, shown) in [
            ("watchfire.db", "watchfire.db"),
            ("postgres://ben:secret@a,b/x?password=secret", "postgres://ben@a,b/x"),
            ("postgres://a/x", "postgres://a/x"),
        ] {
            assert_eq!(without_password(store), shown);
        }
    }
}
