//! Which evidence there is: files under the given paths, members of archives among them.
//!
//! The walk is in name order, so that two runs over the same evidence see it in the same order. Symbolic links are
//! not followed (evidence must not point out of itself), and nothing is opened for more than its first bytes.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::archive::{self, Member, NESTED_DEPTH_LIMIT, NESTED_LIMIT_BYTES, Shared, Zip};
use crate::lines::{read_head, read_limited};
use crate::problem::Problem;

/// Folders inside folders: Windows itself stops near 130 with its longest paths.
const FOLDER_DEPTH_LIMIT: usize = 256;

/// One file of the evidence, wherever it lies.
#[derive(Clone)]
pub struct Evidence {
    /// How it is shown: the path as given, and inside an archive `archive.zip!/member`.
    pub path: String,
    /// Bytes, as the file system or the archive says.
    pub size: u64,
    /// Last modification, as the file system or the archive says.
    pub modified: Option<Timestamp>,
    /// Where its bytes are.
    pub locator: Locator,
}

/// Where the bytes of a piece of evidence are.
#[derive(Clone)]
pub enum Locator {
    /// A file of its own.
    File(PathBuf),
    /// A gzip file of its own.
    Gzip(PathBuf),
    /// A member of a zip archive, perhaps packed once more.
    ZipMember {
        /// The archive.
        archive: Zip,
        /// Which member.
        index: usize,
        /// Whether the member is a gzip file.
        gzip: bool,
    },
    /// A tar archive, perhaps packed: its members can only be read as they come.
    Tar {
        /// The file.
        file: Shared,
        /// Whether it is packed by gzip.
        gzip: bool,
    },
}

/// What a walk found.
#[derive(Default)]
pub struct Gathered {
    /// The evidence, in name order.
    pub evidence: Vec<Evidence>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Symbolic links below the path at hand.
    links: usize,
}

/// Walks the given paths.
pub fn gather(paths: &[PathBuf]) -> Gathered {
    let mut found = Gathered::default();
    for path in paths {
        found.path(path, 0);
        let links = std::mem::take(&mut found.links);
        if links > 0 {
            let what = format!(
                "{links} symbolic links below it are not followed: evidence must not point out of itself"
            );
            found.problems.push(Problem::file(&shown(path), what));
        }
    }
    found
}

impl Gathered {
    fn path(&mut self, path: &Path, depth: usize) {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path, depth),
            // A path that the user typed may be a link; one found on the way is not followed.
            Ok(metadata) if metadata.is_symlink() && depth == 0 => match fs::canonicalize(path) {
                Ok(target) => self.path(&target, 1),
                Err(error) => self.problem(path, &error),
            },
            Ok(metadata) if metadata.is_symlink() => self.links += 1,
            Ok(metadata) if metadata.is_file() => self.file(path, &metadata),
            Ok(_) => {}
            Err(error) => self.problem(path, &error),
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > FOLDER_DEPTH_LIMIT {
            let what = format!("folders more than {FOLDER_DEPTH_LIMIT} deep are not entered");
            self.problems.push(Problem::file(&shown(folder), what));
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, &error),
        };
        let mut paths = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(error) => self.problem(folder, &error),
            }
        }
        paths.sort_unstable();
        for path in paths {
            self.path(&path, depth + 1);
        }
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        let evidence = |locator| Evidence { path: shown(path), size: metadata.len(), modified, locator };
        let opened = Shared::open(path).and_then(|file| Ok((Container::of(file.clone())?, file)));
        match opened {
            Ok((Container::Zip, file)) => self.zip(&shown(path), file, 0),
            Ok((Container::Gzip, file)) if inside_is_tar(file.clone(), metadata.len()) => {
                self.evidence.push(evidence(Locator::Tar { file, gzip: true }));
            }
            Ok((Container::Gzip, _)) => self.evidence.push(evidence(Locator::Gzip(path.to_owned()))),
            Ok((Container::Tar, file)) => self.evidence.push(evidence(Locator::Tar { file, gzip: false })),
            Ok((Container::None, _)) => self.evidence.push(evidence(Locator::File(path.to_owned()))),
            Err(error) => self.problem(path, &error),
        }
    }

    fn zip(&mut self, shown: &str, file: Shared, depth: usize) {
        let mut archive = match Zip::open(file) {
            Ok(archive) => archive,
            Err(error) => {
                return self
                    .problems
                    .push(Problem::file(shown, format!("not a readable zip archive: {error}")));
            }
        };
        if archive.count() > archive::MEMBER_COUNT_LIMIT {
            let what = format!("more than {} members: the rest is not read", archive::MEMBER_COUNT_LIMIT);
            self.problems.push(Problem::file(shown, what));
        }
        let mut members = Vec::new();
        for index in 0..archive.count().min(archive::MEMBER_COUNT_LIMIT) {
            match archive.member(index) {
                Ok(Some(member)) => members.push((member, index)),
                Ok(None) => {}
                Err(error) => self.problems.push(Problem::file(shown, format!("member {index}: {error}"))),
            }
        }
        members.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        for (member, index) in members {
            self.zip_member(shown, &archive, &member, index, depth);
        }
    }

    fn zip_member(&mut self, shown: &str, archive: &Zip, member: &Member, index: usize, depth: usize) {
        let path = format!("{shown}!/{}", member.name);
        let container = archive.read(index, |member| Container::of(member));
        match container.and_then(|container| container) {
            Ok(Container::Zip) => self.nested_zip(&path, archive, index, depth),
            Ok(container) => {
                let gzip = matches!(container, Container::Gzip);
                let locator = Locator::ZipMember { archive: archive.clone(), index, gzip };
                self.evidence.push(Evidence { path, size: member.size, modified: member.modified, locator });
            }
            Err(error) => self.problems.push(Problem::file(&path, error.to_string())),
        }
    }

    fn nested_zip(&mut self, path: &str, archive: &Zip, index: usize, depth: usize) {
        if depth + 1 >= NESTED_DEPTH_LIMIT {
            let what = format!("archives more than {NESTED_DEPTH_LIMIT} deep are not opened");
            return self.problems.push(Problem::file(path, what));
        }
        match archive.read(index, |member| read_limited(member, NESTED_LIMIT_BYTES)) {
            Ok(Ok((bytes, false))) => self.zip(path, Shared::memory(bytes), depth + 1),
            Ok(Ok((_, true))) => {
                let what = format!(
                    "an archive inside an archive, larger than {NESTED_LIMIT_BYTES} bytes: unpack it first"
                );
                self.problems.push(Problem::file(path, what));
            }
            Ok(Err(error)) | Err(error) => self.problems.push(Problem::file(path, error.to_string())),
        }
    }

    fn problem(&mut self, path: &Path, error: &io::Error) {
        self.problems.push(Problem::file(&shown(path), error.to_string()));
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

enum Container {
    Zip,
    Gzip,
    Tar,
    None,
}

impl Container {
    /// Tells a container by its magic bytes.
    fn of(source: impl Read) -> io::Result<Self> {
        let (head, _) = read_limited(source, 512)?;
        Ok(match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Container::Zip,
            [0x1f, 0x8b, 8, ..] => Container::Gzip,
            head if head.get(257..262) == Some(b"ustar") => Container::Tar,
            _ => Container::None,
        })
    }
}

fn inside_is_tar(file: Shared, packed: u64) -> bool {
    matches!(Container::of(archive::gunzip(file, packed)), Ok(Container::Tar))
}

impl Evidence {
    /// Whether ranges of it can be read alone.
    pub fn is_plain_file(&self) -> bool {
        matches!(self.locator, Locator::File(_))
    }

    /// Hands the bytes to `read`, from the start. For a tar archive use [`Evidence::members`].
    pub fn read<T>(&self, read: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        match &self.locator {
            Locator::File(path) => Ok(read(&mut fs::File::open(path)?)),
            Locator::Gzip(path) => {
                let file = fs::File::open(path)?;
                Ok(read(&mut archive::gunzip(io::BufReader::new(file), self.size)))
            }
            Locator::ZipMember { archive, index, gzip: false } => archive.read(*index, read),
            Locator::ZipMember { archive, index, gzip: true } => archive
                .read(*index, |member| read(&mut archive::gunzip(io::BufReader::new(member), self.size))),
            Locator::Tar { file, .. } => Ok(read(&mut file.clone())),
        }
    }

    /// Hands the bytes from `offset` on to `read`; only for a plain file.
    pub fn read_from<T>(&self, offset: u64, read: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        let Locator::File(path) = &self.locator else {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        };
        let mut file = fs::File::open(path)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        Ok(read(&mut file))
    }

    /// Hands each member of a tar archive to `each`, in order; what ended the reading early, if anything did.
    pub fn members(&self, mut each: impl FnMut(&Evidence, &mut dyn Read)) -> io::Result<()> {
        let Locator::Tar { file, gzip } = &self.locator else { return Ok(()) };
        let mut visit = |member: Member, source: &mut dyn Read| {
            let path = format!("{}!/{}", self.path, member.name);
            let evidence = Evidence {
                path,
                size: member.size,
                modified: member.modified,
                locator: self.locator.clone(),
            };
            let mut start = Vec::new();
            if read_head(source, 3, &mut start).is_ok() && start.starts_with(&[0x1f, 0x8b, 8]) {
                let rest = io::BufReader::new(io::Cursor::new(start).chain(source));
                each(&evidence, &mut archive::gunzip(rest, member.size));
            } else {
                each(&evidence, &mut io::Cursor::new(start).chain(source));
            }
        };
        let file = file.clone();
        let (_, outcome) = if *gzip {
            archive::tar_members(io::BufReader::new(archive::gunzip(file, self.size)), &mut visit)
        } else {
            archive::tar_members(file, &mut visit)
        };
        outcome
    }
}

impl Evidence {
    /// The SHA-256 of the file as it was kept: of a packed file its packed bytes, of a member its content. Not for
    /// members of a tar archive, which can only be read once.
    pub fn sha256(&self) -> io::Result<[u8; 32]> {
        match &self.locator {
            Locator::File(path) | Locator::Gzip(path) => sha256(&mut fs::File::open(path)?),
            Locator::ZipMember { archive, index, .. } => archive.read(*index, |member| sha256(member))?,
            Locator::Tar { file, .. } => sha256(&mut file.clone()),
        }
    }
}

/// Read at once for a hash: so much that calls of the system are no cost, and so little that it stays in the cache.
const HASHED_BYTES: usize = 128 << 10;

/// The SHA-256 of all that is left to read.
pub fn sha256(source: &mut dyn Read) -> io::Result<[u8; 32]> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; HASHED_BYTES]);
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on stops

    use super::*;

    #[test]
    fn links_below_are_not_followed_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("real.log"), "x").unwrap();
        for name in ["a.log", "b.log"] {
            std::os::unix::fs::symlink(folder.path().join("real.log"), folder.path().join(name)).unwrap();
        }
        let Gathered { evidence, problems, .. } = gather(&[folder.path().to_owned()]);
        assert_eq!(evidence.len(), 1);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].what.starts_with("2 symbolic links"), "{}", problems[0].what);
        // A path that was typed is.
        assert_eq!(gather(&[folder.path().join("a.log")]).evidence.len(), 1);
    }
}
