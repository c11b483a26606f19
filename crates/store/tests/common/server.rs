//! PostgreSQL for tests: started by the test itself, in a folder of its own, and gone with it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Where Debian keeps the programs of the server.
const PROGRAMS: [&str; 4] = [
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/18/bin",
];

/// A running server.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    watcher: Child,
}

/// The programs' folder, or none, with the reason printed.
pub(crate) fn programs() -> Option<&'static Path> {
    let found = PROGRAMS.iter().map(Path::new).find(|folder| folder.join("initdb").is_file());
    if found.is_none() {
        println!("skipped: PostgreSQL is not installed");
    }
    found
}

/// The one server of a test binary; each test makes a database of its own in it.
pub(crate) fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let programs = programs()?;
            let keep = super::folder();
            let folder = keep.path().join("data");
            initialise(programs, &folder);
            Some(Server::start(programs, &folder, free_port(), &[], Some(keep)))
        })
        .as_ref()
}

/// A command that is not run as root: the server refuses that.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
    command.env("LC_ALL", "C").current_dir("/");
    command
}

/// The user to become where the test runs as root.
fn server_user() -> Option<(u32, u32)> {
    let root =
        fs::metadata("/proc/self").ok().is_some_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        return None;
    }
    let passwd = String::from_utf8(fs::read("/etc/passwd").unwrap()).unwrap();
    let line = passwd.lines().find(|line| line.starts_with("postgres:")).expect("the package makes a user");
    let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
    Some((fields.next().unwrap(), fields.next().unwrap()))
}

/// Lets the server's user make things in the folder above `folder`.
fn own(folder: &Path) {
    give(folder.parent().unwrap());
}

/// Makes a folder the server's.
pub(crate) fn give(folder: &Path) {
    if let Some((uid, gid)) = server_user() {
        chown(folder, Some(uid), Some(gid)).unwrap();
    }
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the files of a server that trusts whoever can reach it.
pub(crate) fn initialise(programs: &Path, folder: &Path) {
    own(folder);
    run(command(&programs.join("initdb"))
        .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "-D"])
        .arg(folder));
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    pub(crate) fn start(
        programs: &Path,
        folder: &Path,
        port: u16,
        settings: &[&str],
        keep: Option<tempfile::TempDir>,
    ) -> Self {
        // The watcher ends the server when this process ends, however that happens: its standard input closes.
        let script = "doomed=$1; shift; \"$@\" & server=$!; read -r how; kill -\"${how:-QUIT}\" $server; \
            wait $server; test -z \"$doomed\" || rm -rf \"$doomed\"";
        let mut watcher = command(Path::new("/bin/sh"));
        // A static is never dropped: the folder of the shared server goes with the server.
        let doomed = keep.map(|keep| keep.keep().into_os_string()).unwrap_or_default();
        watcher.args(["-c", script, "sh"]).arg(doomed).arg(programs.join("postgres")).arg("-D").arg(folder);
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "shared_buffers=64MB",
            "max_connections=120",
            "dynamic_shared_memory_type=mmap",
        ] {
            watcher.args(["-c", setting]);
        }
        watcher.arg("-c").arg(format!("unix_socket_directories={}", folder.parent().unwrap().display()));
        for setting in settings {
            watcher.args(["-c", setting]);
        }
        let log = fs::File::create(folder.with_extension("log")).unwrap();
        watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let server = Self { folder: folder.to_owned(), port, watcher: watcher.spawn().unwrap() };
        server.wait();
        server
    }

    fn wait(&self) {
        for _ in 0..600 {
            if postgres::Client::connect(&self.address("postgres"), postgres::NoTls).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let log = String::from_utf8_lossy(&fs::read(self.folder.with_extension("log")).unwrap()).into_owned();
        panic!("the server does not start: {log}");
    }

    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn client(&self, database: &str) -> postgres::Client {
        postgres::Client::connect(&self.address(database), postgres::NoTls).unwrap()
    }

    pub(crate) fn new_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("store_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.client("postgres").batch_execute(&format!("create database {name} template template0")).unwrap();
        self.address(&name)
    }

    /// Ends the server with a signal: `KILL` as a crash would, `QUIT` without a checkpoint.
    pub(crate) fn end(&mut self, signal: &str) {
        if signal == "KILL" {
            // The children die with their parent's shared memory; the parent is the one to kill.
            let pid = String::from_utf8(fs::read(self.folder.join("postmaster.pid")).unwrap()).unwrap();
            run(Command::new("kill").args(["-KILL", pid.lines().next().unwrap()]));
        }
        if let Some(mut input) = self.watcher.stdin.take() {
            let _ = writeln!(input, "{signal}");
        }
        let _ = self.watcher.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.watcher.stdin.is_some() {
            self.end("QUIT");
        }
    }
}
