//! A node on a disk that is full: it says so, gives nothing out unrecorded, loses nothing, and goes on when there is room.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops

mod node_kit;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use node_kit::{Answer, CLEAR, Node, PASSWORD, TAXII, envelope, indicator};

/// A small disk. Only root can make one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4m", "none"];
        let made = Command::new("mount").args(mount).arg(folder.path()).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: no disk can be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes what room is left.
    fn fill(&self) {
        let mut ballast =
            std::fs::File::options().append(true).create(true).open(self.path().join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[track_caller]
fn assert_full(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 507, "{what}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some(TAXII), "{what}");
    let error = answer.json();
    assert_eq!(error["http_status"], "507", "{what}");
    assert!(error["title"].as_str().unwrap().contains("the disk is full"), "{what}: {error}");
}

#[test]
fn a_full_disk_is_said_and_outlived() {
    let Some(disk) = Disk::new() else { return };
    let mut node = Node::with_store(disk.path().join("watchfire.db").to_str().unwrap(), "");
    node.add_user("ben", "observer", "CERT-A");
    let first = envelope(&[indicator(1, 0, Some(CLEAR))]);
    assert_eq!(node.post(&first).json()["success_count"], 1);
    assert_eq!(node.get(&node.objects("")).ids().len(), 1);
    let collection = format!("collections/{}/", node.collection);
    let readings = ["objects/", "manifest/", "values.txt", "values.csv"];

    disk.fill();
    // The log that SQLite writes ahead has some room of its own: reading uses that up.
    let mut answers = (0..5000).map(|_| node.get(&node.objects("")).status);
    assert_eq!(answers.find(|status| *status != 200), Some(507));
    for reading in readings {
        assert_full(&node.get(&node.root(&format!("{collection}{reading}"))), reading);
    }
    assert_full(&node.post(&envelope(&[indicator(2, 0, Some(CLEAR))])), "a POST");
    // What releases nothing needs no row.
    assert_eq!(node.get("/taxii2/").status, 200);
    assert_eq!(node.get(&node.objects("?added_after=2999-01-01T00:00:00Z")).status, 200);
    assert_eq!(node.send("GET", "/healthz", &[], b"").status, 200);
    // A sign-in has one, by a client and on the page.
    assert_full(&node.get_as("ben", "/taxii2/"), "a sign-in");
    let origin = format!("http://{}", node.address);
    let form = format!("name=ben&password={}", node_kit::percent(PASSWORD));
    let page = node.send("POST", "/sign-in", &[("origin", &*origin)], form.as_bytes());
    assert_eq!((page.status, page.header("set-cookie")), (507, None));
    assert!(String::from_utf8(page.body).unwrap().contains("the disk is full"));

    disk.make_room();
    for reading in readings {
        assert_eq!(node.get(&node.root(&format!("{collection}{reading}"))).status, 200, "{reading}");
    }
    assert_eq!(node.post(&envelope(&[indicator(2, 0, Some(CLEAR))])).json()["success_count"], 1);
    assert_eq!(node.get(&node.objects("")).ids().len(), 2);
    assert_eq!(node.get_as("ben", "/taxii2/").status, 200);
    assert!(node.stop());
}
