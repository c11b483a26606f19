//! Three servers with quorum commit; the one that takes writes is killed while it is written to, and a standby takes
//! over: what was acknowledged is there, once, and the writers notice nothing but a pause.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on stops
#![allow(clippy::assigning_clones, clippy::needless_for_each)] // made to be read, not to be fast

mod common;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::server::{self, Server};
use common::{Home, Made, NOON};
use watchfire_store::{AuditEntry, Clearance, CollectionKey, Filter, Options, Outcome, Store, Versions};

const WRITERS: u64 = 3;

const REPLICATED: [&str; 5] = [
    "wal_level=replica",
    "max_wal_senders=8",
    "max_replication_slots=8",
    "wal_keep_size=256MB",
    "hot_standby=on",
];

fn standby(programs: &Path, primary: &Server, name: &str, root: &Path) -> Server {
    let folder = root.join(name);
    server::run(
        server::command(&programs.join("pg_basebackup"))
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &primary.address("postgres"), "-D"])
            .arg(&folder),
    );
    let cluster = format!("cluster_name={name}");
    let settings: Vec<&str> = REPLICATED.into_iter().chain([cluster.as_str()]).collect();
    Server::start(programs, &folder, server::free_port(), &settings, None)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not in 30 s");
}

/// The position up to which a standby has received the log.
fn received(server: &Server) -> i64 {
    let text = "select (coalesce(pg_last_wal_receive_lsn(), '0/0') - '0/0')::bigint";
    server.client("postgres").query_one(text, &[]).unwrap().get(0)
}

/// Makes one standby the primary and has the other follow it.
fn promote(new: &Server, other: &Server) {
    let mut client = other.client("postgres");
    let info = format!("host=127.0.0.1 port={} user=postgres", new.port);
    client.batch_execute(&format!("alter system set primary_conninfo = '{info}'")).unwrap();
    client.batch_execute("select pg_reload_conf()").unwrap();
    assert!(new.client("postgres").query_one("select pg_promote(true, 60)", &[]).unwrap().get::<_, bool>(0));
}

/// Writes one object after the other, each with an audit row, and notes what was acknowledged.
fn write_on(
    store: &Store,
    collection: CollectionKey,
    writer: u64,
    acknowledged: &Mutex<Vec<(i64, String)>>,
    stop: &AtomicBool,
) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let object = Made::new(writer * 1_000_000 + number, NOON);
        let act = AuditEntry {
            at_us: NOON,
            actor: "test",
            origin: "here",
            action: "object.add",
            subject: &object.id,
            detail: "",
        };
        let outcomes = store
            .write(|write| {
                write.audit(&[act])?;
                write.add(collection, &[object.new_object()], NOON)
            })
            .unwrap();
        let Outcome::Added { place } = outcomes[0] else { panic!("{outcomes:?}") };
        acknowledged.lock().unwrap().push((place, object.id));
    }
}

#[test]
fn acknowledged_rows_outlive_the_primary() {
    let Some(programs) = server::programs() else { return };
    let root = common::folder();
    let folder = root.path().join("n1");
    server::initialise(programs, &folder);
    let mut n1 = Server::start(programs, &folder, server::free_port(), &REPLICATED, None);
    let n2 = standby(programs, &n1, "n2", root.path());
    let n3 = standby(programs, &n1, "n3", root.path());
    // Written where the promoted standby finds it too.
    for node in [&n1, &n2, &n3] {
        let mut client = node.client("postgres");
        client.batch_execute("alter system set synchronous_standby_names = 'ANY 1 (n1, n2, n3)'").unwrap();
        client.batch_execute("select pg_reload_conf()").unwrap();
    }
    wait_until("both standbys are in the quorum", || {
        let text = "select count(*) from pg_stat_replication where sync_state = 'quorum'";
        n1.client("postgres").query_one(text, &[]).unwrap().get::<_, i64>(0) == 2
    });
    let ports = [&n1, &n2, &n3].map(|node| format!("127.0.0.1:{}", node.port)).join(",");
    let address = format!("postgres://postgres@{ports}/postgres");
    let store = Store::open(&address, &Options::default(), NOON).unwrap();
    let home = Home { address, store, folder: None };
    let collection = home.collection("1");

    let (acknowledged, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, acknowledged, stop) = (&home.store, &acknowledged, &stop);
            scope.spawn(move || write_on(store, collection, writer, acknowledged, stop));
        }
        let count = || acknowledged.lock().unwrap().len();
        wait_until("something is written", || count() > 100);
        n1.end("KILL");
        let (new, other) = if received(&n2) >= received(&n3) { (&n2, &n3) } else { (&n3, &n2) };
        promote(new, other);
        let at_promotion = count();
        wait_until("the new primary is written to", || count() > at_promotion + 100);
        stop.store(true, Ordering::SeqCst);
    });
    check(&home, collection, acknowledged.into_inner().unwrap());
}

fn check(home: &Home, collection: CollectionKey, mut acknowledged: Vec<(i64, String)>) {
    acknowledged.sort_unstable();
    let filter = Filter { versions: Versions { all: true, ..Versions::default() }, ..Filter::default() };
    let page =
        home.store.read(|read| read.page(collection, &filter, &Clearance::Everything, 0, 10_000)).unwrap();
    let there: Vec<(i64, String)> =
        page.objects.into_iter().map(|object| (object.place, object.id)).collect();
    assert!(there.len() < 10_000, "all of it fits one page");
    // Each writer waited for each answer, so what is there is what was acknowledged: a commit whose answer was lost
    // was recognised and acknowledged after all.
    assert_eq!(there, acknowledged);
    let places: Vec<i64> = there.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as i64).collect::<Vec<_>>());
    let acts = home.store.read(|read| read.audit_of_actor("test", 10_000)).unwrap();
    assert_eq!(acts.len(), there.len(), "no act is recorded twice");
    println!("{} rows acknowledged, all there", there.len());
}
