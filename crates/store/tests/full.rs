//! A disk that fills: the write is refused with a word for it, nothing is lost, and it works again when there is room.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops
#![allow(clippy::assigning_clones, clippy::needless_for_each)] // made to be read, not to be fast

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Home, Made, NOON, server};
use watchfire_store::{CollectionKey, NewObject, Options, Outcome, Store, StoreError};

/// A small file system, where the test may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={megabytes}m,mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: no small file system can be mounted here");
        None
    }

    fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn batch(number: u64) -> Vec<Made> {
    let mut objects = common::many(number * 50, 50);
    // Nothing that a server could compress.
    let mut dice = common::Dice(number);
    objects.iter_mut().for_each(|object| object.bytes.extend((0..4_000).map(|_| dice.roll(256) as u8)));
    objects
}

fn add(store: &Store, collection: CollectionKey, number: u64) -> Result<Vec<Outcome>, StoreError> {
    let objects = batch(number);
    let new: Vec<NewObject<'_>> = objects.iter().map(Made::new_object).collect();
    store.write(|write| write.add(collection, &new, NOON))
}

/// Writes until the disk is full, looks at what is left, makes room, writes on.
fn fills_and_recovers(store: &Store, collection: CollectionKey, make_room: impl FnOnce() -> Option<Store>) {
    let mut written = 0;
    let refused = loop {
        assert!(written < 10_000, "the disk does not fill");
        match add(store, collection, written) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(written > 2);
    let place = |store: &Store| store.read(|read| read.last_place(collection)).unwrap().0.unsigned_abs();
    assert_eq!(place(store), written * 50, "what was acknowledged can be read, and nothing more");
    assert!(matches!(add(store, collection, written), Err(StoreError::Full(_))), "it is still full");
    let other = make_room();
    let store = other.as_ref().unwrap_or(store);
    for number in written..written + 20 {
        add(store, collection, number).unwrap();
    }
    assert_eq!(place(store), (written + 20) * 50);
    let objects = store.digest().unwrap().tables.iter().find(|(name, ..)| name == "object").unwrap().1;
    assert_eq!(objects, (written + 20) * 50);
}

#[test]
fn a_full_quota_is_refused_and_recovers() {
    let home = Home::sqlite().unwrap();
    let collection = home.collection("1");
    let options = |quota_bytes| Options { quota_bytes, ..Options::default() };
    let small = Store::open(&home.address, &options(Some(4 << 20)), NOON).unwrap();
    fills_and_recovers(&small, collection, || {
        Some(Store::open(&home.address, &options(Some(400 << 20)), NOON).unwrap())
    });
}

#[test]
fn a_full_disk_under_sqlite_is_refused_and_recovers() {
    let folder = common::folder();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 8) else { return };
    let address = disk.0.join("watchfire.db").to_str().unwrap().to_owned();
    let store = Store::open(&address, &Options::default(), NOON).unwrap();
    let home = Home { address, store, folder: Some(folder) };
    let collection = home.collection("1");
    fills_and_recovers(&home.store, collection, || {
        disk.grow(200);
        None
    });
    drop(home);
}

#[test]
fn a_full_disk_under_postgres_is_refused_and_recovers() {
    let Some(server) = server::shared() else { return };
    let folder = server.folder.parent().unwrap().join("disk");
    let Some(disk) = SmallDisk::mount(&folder, 40) else { return };
    let space = disk.0.join("space");
    std::fs::create_dir(&space).unwrap();
    server::give(&space);
    let mut client = server.client("postgres");
    client.batch_execute(&format!("create tablespace small location '{}'", space.display())).unwrap();
    client.batch_execute("create database small template template0 tablespace small").unwrap();
    let address = server.address("small");
    let store = Store::open(&address, &Options::default(), NOON).unwrap();
    let home = Home { address, store, folder: None };
    let collection = home.collection("1");
    fills_and_recovers(&home.store, collection, || {
        disk.grow(400);
        None
    });
    drop(home);
    client.batch_execute("drop database small with (force)").unwrap();
}
