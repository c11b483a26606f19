//! Which server a file belongs to: the host that its records name, else the server whose folder it lies in.
//!
//! Short and full names of a host are one server. A file that names no host goes to the only server named by files
//! around it, looking outwards folder by folder; where several servers were collected side by side, it belongs to
//! the folder that sets it apart.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

/// The servers of a run, and how to find the one a record belongs to.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// The name shown for a host name in lower case.
    names: BTreeMap<String, String>,
    /// Servers named by files at or below a folder.
    below: FxHashMap<String, BTreeSet<String>>,
    roots: Vec<String>,
}

impl Servers {
    /// Learns the hosts that each file names. `roots` are the paths that were given.
    pub(crate) fn learn<'a>(
        roots: &[String],
        files: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Self {
        let mut servers = Self { roots: roots.to_vec(), ..Self::default() };
        let hosts: BTreeSet<&str> = files.clone().map(|(_, host)| host).collect();
        servers.names = names(&hosts);
        for (path, host) in files {
            let name = servers.name(host);
            for folder in folders(path) {
                servers.below.entry(folder.to_owned()).or_default().insert(name.clone());
            }
        }
        servers
    }

    /// The server of a record: of the host it names, else of its file.
    pub(crate) fn of(&self, path: &str, host: Option<&str>) -> String {
        host.map_or_else(|| self.of_file(path), |host| self.name(host))
    }

    /// The server of a host name as a record writes it.
    pub(crate) fn name(&self, host: &str) -> String {
        self.names.get(&host.trim().to_ascii_lowercase()).cloned().unwrap_or_else(|| host.trim().to_owned())
    }

    /// The server of a file that names no host.
    pub(crate) fn of_file(&self, path: &str) -> String {
        let mut inner = path;
        for folder in folders(path) {
            match self.below.get(folder).map(|servers| (servers.len(), servers.first())) {
                Some((1, Some(server))) => return server.clone(),
                // Files side by side that name no host cannot be told apart; they are one unknown host.
                Some(_) if inner == path => return format!("{} (host not named)", label(folder)),
                Some(_) => return label(inner),
                None => inner = folder,
            }
        }
        self.by_root(path)
    }

    /// Without any host around: the folder above the Windows path, else the given path itself.
    fn by_root(&self, path: &str) -> String {
        let root = self.roots.iter().find(|root| path.starts_with(root.as_str())).map_or("", String::as_str);
        let below = path[root.len()..].trim_start_matches(['/', '!']);
        let parts: Vec<&str> = below.split('/').collect();
        let is_drive = |part: &&str| {
            matches!(part.trim_end_matches(':').trim_end_matches("%3A"), "C" | "D" | "E" | "c" | "d")
        };
        match parts.iter().position(is_drive) {
            Some(drive) if drive > 0 => label(parts[drive - 1]),
            _ => label(root),
        }
    }
}

/// What is kept of one server, by artifact or whatever else, without looking at the others.
pub(crate) fn of_server<'a, K: Ord + Default, T>(
    all: &'a BTreeMap<(String, K), T>,
    server: &'a str,
) -> impl Iterator<Item = (&'a K, &'a T)> {
    // Nothing comes before the default: the empty text, or the lowest number.
    all.range((server.to_owned(), K::default())..)
        .take_while(move |((of, _), _)| of == server)
        .map(|((_, key), kept)| (key, kept))
}

/// Shown names: the full name where one host of that short name has one, else the name as written.
fn names(hosts: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let mut full: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for host in hosts {
        let lower = host.trim().to_ascii_lowercase();
        if let Some((short, _)) = lower.split_once('.') {
            full.entry(short.to_owned()).or_default().insert(lower.clone());
        }
    }
    let mut names = BTreeMap::new();
    for host in hosts {
        let lower = host.trim().to_ascii_lowercase();
        let short = lower.split('.').next().unwrap_or_default();
        let shown = match full.get(short) {
            Some(candidates) if candidates.len() == 1 => candidates.first().cloned().unwrap_or_default(),
            _ => lower.clone(),
        };
        let shown = match shown.split_once('.') {
            Some((short, domain)) => format!("{}.{domain}", short.to_ascii_uppercase()),
            None => shown.to_ascii_uppercase(),
        };
        names.insert(lower, shown);
    }
    names
}

/// The folders around a file, from the inside out; an archive counts as one.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let slash = rest.rfind('/')?;
        rest = &rest[..slash];
        Some(rest)
    })
}

/// The last part of a path, as a name.
fn label(path: &str) -> String {
    let path = path.trim_end_matches(['/', '!', '.']);
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "this evidence".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_full_names_are_one_server() {
        let files = [("a/x", "EX01"), ("a/y", "ex01.corp.example"), ("b/z", "ex02")];
        let servers = Servers::learn(&[], files.iter().copied());
        assert_eq!(servers.name("EX01"), "EX01.corp.example");
        assert_eq!(servers.name("Ex01.Corp.example"), "EX01.corp.example");
        assert_eq!(servers.name("ex02"), "EX02");
    }

    #[test]
    fn the_same_short_name_in_two_domains_is_two_servers() {
        let files = [("a/x", "ex01.a.example"), ("a/y", "ex01.b.example"), ("b/z", "ex01")];
        let servers = Servers::learn(&[], files.iter().copied());
        assert_eq!(servers.name("ex01.a.example"), "EX01.a.example");
        assert_eq!(servers.name("ex01"), "EX01");
    }

    #[test]
    fn a_file_without_a_host_goes_to_the_server_around_it() {
        let files = [("in/ex01/C/Logging/a.LOG", "EX01"), ("in/ex02/C/Logging/a.LOG", "EX02")];
        let servers = Servers::learn(&["in".to_owned()], files.iter().copied());
        assert_eq!(servers.of_file("in/ex01/C/inetpub/u_ex.log"), "EX01");
        assert_eq!(servers.of_file("in/other/C/inetpub/u_ex.log"), "other");
        assert_eq!(servers.of_file("in/u_ex.log"), "in (host not named)");
    }

    #[test]
    fn without_any_host_the_folder_names_the_server() {
        let servers = Servers::learn(&["in/triage".to_owned()], std::iter::empty());
        assert_eq!(servers.of_file("in/triage/HOST7/C/inetpub/u_ex.log"), "HOST7");
        assert_eq!(servers.of_file("in/triage/logs/u_ex.log"), "triage");
    }
}
