//! What a node promises: each is told what they may know and nothing else, and what was acknowledged is there.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

mod node_kit;
#[path = "../../store/tests/common/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use node_kit::{Answer, CLEAR, GREEN, Node, PASSWORD, RED, TAXII, basic, code, envelope, id, indicator, run};
use serde_json::{Value, json};

/// As the store's own tests make their folders; the PostgreSQL kit asks for it.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The property extension by which recipients are named.
const RELEASE: &str = "extension-definition--7d9a3f1c-52b4-4f0e-8a6d-3c1be0a94e25";

fn definition(number: u64, said: &Value) -> Value {
    let mut extension = said.clone();
    extension["extension_type"] = "property-extension".into();
    json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id("marking-definition", number),
        "created": "2021-03-02T00:00:00.000Z", "extensions": { RELEASE: extension },
    })
}

fn marked(number: u64, refs: &[&str]) -> Value {
    let mut made = indicator(number, 0, None);
    made["object_marking_refs"] = json!(refs);
    made
}

/// What everybody sees of a node with objects of every kind of marking.
#[test]
fn each_is_told_what_they_may_know() {
    let node = Node::new();
    node.administer(&["member", "community", "finance", "--within", "allies", "--hidden"]);
    node.administer(&["member", "community", "allies"]);
    node.administer(&["member", "organisation", "CERT-A", "--community", "allies"]);
    node.administer(&["member", "organisation", "BANK", "--community", "finance", "--nation", "FRA"]);
    node.administer(&["member", "organisation", "CLIENT", "--client-of", "CERT-A"]);
    for (name, organisation) in
        [("alice", "CERT-A"), ("ben", "BANK"), ("carl", "CLIENT"), ("eve", "ELSEWHERE")]
    {
        node.add_user(name, "analyst", organisation);
    }
    let (named, france, later, use_) = (
        id("marking-definition", 1),
        id("marking-definition", 2),
        id("marking-definition", 3),
        id("marking-definition", 4),
    );
    let amber = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
    let unknown = id("marking-definition", 99);
    let objects = [
        definition(1, &json!({ "recipients": ["ben"] })),
        definition(2, &json!({ "rel_to": ["FRA"] })),
        definition(3, &json!({ "embargo_until": "2999-01-01T00:00:00Z" })),
        definition(4, &json!({ "pap": "red" })),
        marked(1, &[CLEAR]),
        marked(2, &[GREEN]),
        marked(3, &[amber]),
        indicator(4, 0, None),
        marked(5, &[RED]),
        marked(6, &[RED, &named]),
        marked(7, &[amber, &france]),
        marked(8, &[CLEAR, &later]),
        marked(9, &[CLEAR, &use_]),
        marked(10, &[CLEAR, &unknown]),
    ];
    let status = node.post(&envelope(&objects)).json();
    assert_eq!(status["failure_count"], 0, "{status}");
    let seen = |name: &str| -> Vec<u64> {
        let answer = node.get_as(name, &node.objects("?match[type]=indicator"));
        assert_eq!(answer.status, 200);
        let ids = answer.ids();
        let mut seen: Vec<u64> = ids.iter().map(|id| u64::from_str_radix(&id[11..19], 16).unwrap()).collect();
        // Those of one marking stay in their order; which marking comes first is chance.
        seen.sort_unstable();
        seen
    };
    // The administrator handed RED over and so knows it; alice of the same organisation does not.
    assert_eq!(seen("admin"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(seen("alice"), [1, 2, 3, 4, 7, 8, 9]);
    assert_eq!(seen("ben"), [1, 2, 6, 7, 9]);
    assert_eq!(seen("carl"), [1, 2, 3, 9]);
    assert_eq!(seen("eve"), [1, 9]);
    for name in ["admin", "alice", "ben", "carl", "eve"] {
        every_resource_agrees(&node, name, &seen(name));
    }
}

/// The manifest, pages, single objects and deleting tell the same: what is withheld is not there.
fn every_resource_agrees(node: &Node, name: &str, visible: &[u64]) {
    let manifest = node.root(&format!("collections/{}/manifest/?match[type]=indicator", node.collection));
    assert_eq!(node.get_as(name, &manifest).ids().len(), visible.len());
    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = node.get_as(name, &node.objects(&format!("?match[type]=indicator&limit=1&next={next}")));
        paged.extend(page.ids());
        match page.json()["next"].as_str() {
            Some(more) => more.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(paged.len(), visible.len(), "no empty pages, and none too few");
    for number in 1..=10 {
        let path = node.objects(&format!("{}/", id("indicator", number)));
        let expected = if visible.contains(&number) { 200 } else { 404 };
        for rest in ["", "versions/"] {
            assert_eq!(
                node.get_as(name, &format!("{path}{rest}")).status,
                expected,
                "{name} {number} {rest}"
            );
        }
        let headers = [("authorization", &*basic(name)), ("accept", TAXII)];
        if expected == 404 {
            let hidden = node.send("DELETE", &path, &headers, b"");
            let nowhere =
                node.send("DELETE", &node.objects(&format!("{}/", id("indicator", 777))), &headers, b"");
            assert_eq!(
                (hidden.status, hidden.body),
                (nowhere.status, nowhere.body),
                "withheld and not there are one"
            );
        }
    }
}

/// An embargo that ends brings what it held back to who has passed its place.
#[test]
fn the_end_of_an_embargo_is_told_to_who_follows() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let until = jiff::Timestamp::from_second(now as i64 + 3).unwrap().to_string();
    let held = id("marking-definition", 1);
    let status = node
        .post(&envelope(&[definition(1, &json!({ "embargo_until": until })), marked(1, &[CLEAR, &held])]));
    assert_eq!(status.json()["failure_count"], 0, "{}", status.json());
    node.post(&envelope(&[marked(2, &[CLEAR])]));
    let first = node.get_as("eve", &node.objects("?match[type]=indicator"));
    assert_eq!(first.ids(), [id("indicator", 2)]);
    assert_eq!(
        node.get(&node.objects("?match[type]=indicator")).ids().len(),
        2,
        "the embargo is not for its author"
    );
    let last = first.header("x-taxii-date-added-last").unwrap().to_owned();
    let began = Instant::now();
    let followed =
        || node.get_as("eve", &node.objects(&format!("?match[type]=indicator&added_after={last}"))).ids();
    while followed().is_empty() {
        assert!(began.elapsed() < Duration::from_mins(1), "it was never told");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(followed(), [id("indicator", 1)]);
    // Its place is another one now; the audit still tells to whom it was released, before and after.
    let acts = audit(&node, &["--object", &id("indicator", 1)]);
    let told: Vec<(&str, &str)> = acts
        .iter()
        .map(|act| (act["actor"].as_str().unwrap(), act["action"].as_str().unwrap()))
        .filter(|(actor, _)| *actor != "eve")
        .collect();
    assert_eq!(told, [("admin", "objects.add"), ("admin", "objects.release"), ("node", "objects.renew")]);
    let eve: Vec<&Value> = acts.iter().filter(|act| act["actor"] == "eve").collect();
    assert_eq!(eve.len(), 2, "the page of before held another object: {eve:#?}");
    assert_eq!(audit(&node, &["--object", &id("indicator", 2), "--actor", "eve"]).len(), 1);
    assert_eq!(audit(&node, &["--object", &id("indicator", 7)]).len(), 0);
}

/// `watchfire node audit`, its lines.
fn audit(node: &Node, arguments: &[&str]) -> Vec<Value> {
    let text = node.administer(&[&["audit", "--format", "jsonl"], arguments].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A definition that somebody else brings after what it marks opens nothing by itself; handed over once more, the object is
/// understood.
#[test]
fn what_came_before_its_definition_is_understood_when_it_comes_again() {
    let node = Node::new();
    node.add_user("ben", "observer", "BANK");
    let named = id("marking-definition", 1);
    let object = marked(1, &[CLEAR, &named]);
    let seen = |name: &str| node.get_as(name, &node.objects("?match[type]=indicator")).ids().len();
    node.add_user("olga", "analyst", "CERT-A");
    node.post(&envelope(std::slice::from_ref(&object)));
    node.post_as("olga", &envelope(&[definition(1, &json!({ "organisations": ["BANK"] }))]));
    assert_eq!((seen("admin"), seen("ben")), (0, 0), "an unknown marking stays inside");
    node.post(&envelope(&[marked(2, &[CLEAR])]));
    let passed = node.get_as("ben", &node.objects("")).header("x-taxii-date-added-last").unwrap().to_owned();
    let again = node.post(&envelope(&[object])).json();
    assert_eq!(again["success_count"], 1, "{again}");
    let after = node.get_as("ben", &node.objects(&format!("?match[type]=indicator&added_after={passed}")));
    assert_eq!(after.ids(), [id("indicator", 1)], "and comes to who follows");
    assert_eq!((seen("admin"), seen("ben")), (2, 2));
}

/// A feed that is cut into envelopes may bring what it is marked by last.
#[test]
fn what_came_before_its_definition_is_understood_when_its_giver_brings_that() {
    let node = Node::new();
    node.add_user("ben", "observer", "BANK");
    node.add_user("cert-b", "analyst", "CERT-B");
    let (named, other) = (id("marking-definition", 1), id("marking-definition", 2));
    let observable = json!({
        "type": "ipv4-addr", "spec_version": "2.1", "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
        "value": "198.51.100.3", "object_marking_refs": [CLEAR, named],
    });
    let relation = of_type(
        "relationship",
        1,
        &json!({ "relationship_type": "related-to", "source_ref": id("indicator", 1), "target_ref": observable["id"],
            "object_marking_refs": [CLEAR] }),
    );
    // What names comes before what is named, and a second marking is still missing of one.
    node.post_as(
        "cert-b",
        &envelope(&[relation, marked(1, &[CLEAR, &named]), marked(2, &[CLEAR, &named, &other])]),
    );
    node.post_as("cert-b", &envelope(std::slice::from_ref(&observable)));
    node.post(&envelope(&[marked(3, &[CLEAR, &named]), marked(4, &[CLEAR])]));
    let seen =
        |name: &str| node.get_as(name, &node.objects("?match[type]=indicator,relationship,ipv4-addr")).ids();
    assert_eq!((seen("ben"), seen("cert-b")), (vec![id("indicator", 4)], vec![id("indicator", 4)]));
    let passed = node.get_as("ben", &node.objects("")).header("x-taxii-date-added-last").unwrap().to_owned();
    node.post_as("cert-b", &envelope(&[definition(1, &json!({ "organisations": ["BANK"] }))]));
    let after = node.objects(&format!("?match[type]=indicator,relationship,ipv4-addr&added_after={passed}"));
    let mut follows = node.get_as("ben", &after).ids();
    follows.sort_unstable();
    assert_eq!(
        follows,
        [id("indicator", 1), observable["id"].as_str().unwrap().to_owned(), id("relationship", 1)]
    );
    assert_eq!(seen("cert-b").len(), 4, "whoever gave it is told, too");
    assert_eq!(seen("admin"), [id("indicator", 4)], "what others gave waits for them");
    node.post_as("cert-b", &envelope(&[definition(2, &json!({ "organisations": ["BANK", "CERT-A"] }))]));
    assert!(seen("ben").contains(&id("indicator", 2)) && !seen("admin").contains(&id("indicator", 2)));
    // It is there once, as it came.
    let versions = node.objects(&format!("{}/versions/", observable["id"].as_str().unwrap()));
    assert_eq!(node.get_as("ben", &versions).json()["versions"].as_array().unwrap().len(), 1);
}

/// The id of an observable follows from what it says: whoever makes one up is not told whether somebody was here before.
#[test]
fn an_observable_tells_nothing_of_those_who_hid_it() {
    let node = Node::new();
    node.add_user("ben", "analyst", "BANK");
    let observable = json!({
        "type": "ipv4-addr", "spec_version": "2.1", "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd", "value": "198.51.100.3",
    });
    // Unmarked, it is the organisation's own.
    let first = node.post(&envelope(std::slice::from_ref(&observable))).json();
    assert_eq!(node.get_as("ben", &node.objects("")).json(), json!({}));
    let hidden = node.post_as("ben", &envelope(std::slice::from_ref(&observable))).json();
    assert_ne!(hidden["successes"][0]["version"], first["successes"][0]["version"]);
    let own = node.get_as("ben", &node.objects(""));
    assert_eq!(own.ids().len(), 1, "it is there for who gave it");
    let again = node.post_as("ben", &envelope(std::slice::from_ref(&observable))).json();
    assert_eq!(
        again["successes"][0]["version"], hidden["successes"][0]["version"],
        "their own is known again"
    );
    assert_eq!(node.get_as("ben", &node.objects("")).body, own.body);
    let theirs = node.post(&envelope(&[observable])).json();
    assert_eq!(theirs["successes"][0]["version"], first["successes"][0]["version"]);
}

fn of_type(object_type: &str, number: u64, rest: &Value) -> Value {
    let mut made = json!({
        "type": object_type, "spec_version": "2.1", "id": id(object_type, number),
        "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
    });
    made.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    made
}

/// What ben of BANK hands over, of which much names indicator 1 and identity 1, whether they are here or not.
fn guesses() -> Vec<Value> {
    let (there, guess) = (id("indicator", 20), id("indicator", 1));
    let mut by_guess = indicator(21, 0, Some(CLEAR));
    by_guess["created_by_ref"] = id("identity", 1).into();
    vec![
        indicator(20, 0, Some(CLEAR)),
        by_guess,
        indicator(22, 0, None),
        of_type(
            "note",
            1,
            &json!({ "content": "x", "object_refs": [guess], "object_marking_refs": [CLEAR] }),
        ),
        of_type(
            "note",
            2,
            &json!({ "content": "x", "object_refs": [id("note", 1)], "object_marking_refs": [GREEN] }),
        ),
        of_type(
            "relationship",
            1,
            &json!({ "relationship_type": "related-to", "source_ref": there, "target_ref": guess, "object_marking_refs": [CLEAR] }),
        ),
        of_type(
            "report",
            1,
            &json!({ "name": "a report", "published": "2021-03-02T00:00:00Z", "report_types": ["indicator"],
                "object_refs": [there, guess], "object_marking_refs": [CLEAR] }),
        ),
    ]
}

/// All that somebody is told of a node, without dates of addition and without the order that they make.
fn all_views(node: &Node, name: &str, ids: &[String]) -> Vec<String> {
    let at = |rest: &str| node.get_as(name, &node.root(&format!("collections/{}/{rest}", node.collection)));
    let mut views: Vec<String> = Vec::new();
    for list in ["objects/?", "objects/?match[version]=all", "manifest/?match[version]=all"] {
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let page = at(&format!("{list}{next}")).json();
            found.extend(page["objects"].as_array().cloned().unwrap_or_default());
            let Some(more) = page["next"].as_str() else { break };
            next = format!("&next={more}");
        }
        for one in &mut found {
            let one = one.as_object_mut().unwrap();
            one.remove("date_added");
            // The version of what has none of its own is a date of addition.
            if one["id"].as_str().unwrap().starts_with("ipv4-addr") {
                one.remove("version");
            }
        }
        let mut found: Vec<String> = found.iter().map(Value::to_string).collect();
        found.sort_unstable();
        views.extend(found);
    }
    for id in ids {
        views.push(format!("{id} {}", at(&format!("objects/{id}/")).status));
        views.push(format!("{id} {}", at(&format!("objects/{id}/versions/")).status));
    }
    for list in ["values.txt", "values.csv"] {
        let text = String::from_utf8(at(list).body).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| line.rsplit_once(',').map_or(line, |(rest, _)| rest).to_owned())
            .collect();
        lines.sort_unstable();
        views.extend(lines);
    }
    let feed = at("misp/manifest.json").json();
    // Which event a day's is depends on the collection's id.
    let mut events: Vec<Value> = feed.as_object().unwrap().values().cloned().collect();
    for event in &mut events {
        event.as_object_mut().unwrap().remove("timestamp");
    }
    let mut events: Vec<String> = events.iter().map(Value::to_string).collect();
    events.sort_unstable();
    views.extend(events);
    views
}

#[track_caller]
fn assert_same(now: &[String], before: &[String]) {
    let differ: Vec<(&String, &String)> =
        now.iter().zip(before).filter(|(now, before)| now != before).collect();
    assert!(
        differ.is_empty() && now.len() == before.len(),
        "{differ:#?}, {} and {}",
        now.len(),
        before.len()
    );
}

/// Whoever hands something over goes on seeing it, whatever of what it names is here and hidden from them.
#[test]
fn nobody_learns_by_naming_it_whether_something_is_here() {
    let hidden = || {
        [
            indicator(1, 0, Some(RED)),
            of_type(
                "identity",
                1,
                &json!({ "name": "x", "identity_class": "system", "object_marking_refs": [RED] }),
            ),
            of_type(
                "report",
                9,
                &json!({ "name": "y", "published": "2021-03-02T00:00:00Z", "report_types": ["indicator"],
                    "object_refs": [id("indicator", 22)], "object_marking_refs": [RED] }),
            ),
        ]
    };
    let ids: Vec<String> = guesses().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let (empty, full) = (Node::new(), Node::new());
    full.post(&envelope(&hidden()));
    for node in [&empty, &full] {
        node.add_user("ben", "analyst", "BANK");
        node.add_user("carla", "analyst", "BANK");
        let status = node.post_as("ben", &envelope(&guesses())).json();
        assert_eq!(status["failure_count"], 0, "{status}");
    }
    // A feed tells of a second when it is over.
    std::thread::sleep(Duration::from_millis(1_200));
    let before = ["ben", "carla"].map(|name| all_views(&empty, name, &ids));
    assert!(before[0].iter().any(|line| line.contains("a report")) && before[0].len() > 30, "{before:#?}");
    for (name, before) in ["ben", "carla"].into_iter().zip(&before) {
        assert_same(&all_views(&full, name, &ids), before);
    }
    assert_eq!(empty.get_as("carla", &empty.objects("")).ids().len(), 7, "what a bank gave");

    // What is hidden and comes later changes nothing either, not even a date.
    let manifest =
        |name| empty.get_as(name, &empty.root(&format!("collections/{}/manifest/", empty.collection)));
    let dates = ["ben", "carla"].map(|name| manifest(name).body);
    empty.post(&envelope(&hidden()));
    std::thread::sleep(Duration::from_millis(1_200));
    for (name, before) in ["ben", "carla"].into_iter().zip(&before) {
        assert_same(&all_views(&empty, name, &ids), before);
    }
    assert_eq!(["ben", "carla"].map(|name| manifest(name).body), dates);
    // Who may know it says of it no more than that admits.
    let mut note = guesses()[3].clone();
    note["id"] = id("note", 3).into();
    empty.post(&envelope(&[note]));
    assert_eq!(
        empty.get(&empty.objects("?match[id]=note--00000003-5cc1-4c4f-8a55-1d9a4d3a1b11")).ids().len(),
        1
    );
    for (name, before) in ["ben", "carla"].into_iter().zip(&before) {
        assert_same(&all_views(&empty, name, &ids), before);
    }
}

/// What names two things that turn out to be for others is for those only whom both are for.
#[test]
fn what_names_several_is_bound_by_each() {
    let node = Node::new();
    node.add_user("ben", "observer", "BANK");
    node.add_user("max", "observer", "SHOP");
    let relation = of_type(
        "relationship",
        1,
        &json!({ "relationship_type": "related-to", "source_ref": id("indicator", 1), "target_ref": id("indicator", 2),
            "object_marking_refs": [CLEAR] }),
    );
    let note = of_type(
        "note",
        1,
        &json!({ "content": "x", "object_refs": [id("relationship", 1)], "object_marking_refs": [CLEAR] }),
    );
    node.post(&envelope(&[relation, note]));
    let of = |name: &str| {
        let mut ids = node.get_as(name, &node.objects("?match[type]=indicator,relationship,note")).ids();
        ids.sort_unstable();
        ids
    };
    assert_eq!(of("ben").len(), 2);
    let (bank, shop) = (id("marking-definition", 1), id("marking-definition", 2));
    node.post(&envelope(&[
        definition(1, &json!({ "organisations": ["BANK"] })),
        definition(2, &json!({ "organisations": ["SHOP"] })),
        marked(1, &[CLEAR, &bank]),
        marked(2, &[CLEAR, &shop]),
    ]));
    assert_eq!((of("ben"), of("max")), (vec![id("indicator", 1)], vec![id("indicator", 2)]));
    assert_eq!(of("admin").len(), 4);
}

/// Nobody hides what another gave, by naming a thing of theirs or by holding it in a container.
#[test]
fn what_others_gave_stays_as_they_gave_it() {
    let node = Node::new();
    node.add_user("ben", "analyst", "BANK");
    node.add_user("olga", "observer", "CERT-A");
    let mut made = indicator(1, 0, Some(GREEN));
    made["created_by_ref"] = id("identity", 1).into();
    node.post(&envelope(&[made, indicator(2, 0, None)]));
    let before = node.get_as("olga", &node.objects("")).body;
    let hiding = [
        of_type(
            "identity",
            1,
            &json!({ "name": "x", "identity_class": "system", "object_marking_refs": [RED] }),
        ),
        of_type(
            "grouping",
            1,
            &json!({ "context": "unspecified", "object_refs": [id("indicator", 2)], "object_marking_refs": [RED] }),
        ),
    ];
    assert_eq!(node.post_as("ben", &envelope(&hiding)).json()["success_count"], 2);
    assert_eq!(node.get_as("olga", &node.objects("")).body, before);
    // A new version of theirs, likewise: what ben says of it binds what ben says.
    let mut newer = hiding[0].clone();
    newer["modified"] = "2021-03-03T00:00:00.000Z".into();
    assert_eq!(node.post_as("ben", &envelope(&[newer])).json()["success_count"], 1);
    assert_eq!(node.get_as("olga", &node.objects("")).body, before);
    // The one who gave it may.
    node.post(&envelope(&[of_type(
        "grouping",
        2,
        &json!({ "context": "unspecified", "object_refs": [id("indicator", 2)], "object_marking_refs": [RED] }),
    )]));
    assert_eq!(node.get_as("olga", &node.objects("")).ids(), [id("indicator", 1)]);
}

/// A seeded generator (xorshift64*), so that a failure can be had again by its number.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// Ids of a history, of which a few are of each type.
fn pool(history: u64) -> Vec<String> {
    let number = |at: u64| history * 100 + at;
    let mut ids = Vec::new();
    for (object_type, count) in
        [("indicator", 3), ("identity", 2), ("note", 2), ("relationship", 2), ("report", 2), ("ipv4-addr", 2)]
    {
        ids.extend((0..count).map(|at| id(object_type, number(at))));
    }
    ids
}

/// A random object that names others of its history. What is secret has versions of its own: that one is here is no secret
/// to whoever knows it (docs/node.md).
fn any_object(random: &mut Random, ids: &[String], is_secret: bool) -> Value {
    let own = ids[random.below(ids.len() as u64) as usize].clone();
    let minute = random.below(5) * 2 + u64::from(is_secret);
    let mut made = any_version(random, ids, &own, minute);
    let marking = if is_secret { 3 } else { random.below(5) };
    if let Some(marking) = [CLEAR, GREEN, RED, RED].get(marking as usize) {
        made["object_marking_refs"] = json!([marking]);
    }
    made
}

/// A version of an object, unmarked, that names others.
fn any_version(random: &mut Random, ids: &[String], own: &str, minute: u64) -> Value {
    let any = |random: &mut Random| ids[random.below(ids.len() as u64) as usize].clone();
    let object_type = own.split("--").next().unwrap().to_owned();
    let mut made = json!({ "type": object_type, "spec_version": "2.1", "id": own });
    let several = |random: &mut Random| (0..=random.below(2)).map(|_| any(random)).collect::<Vec<String>>();
    let rest = match object_type.as_str() {
        "indicator" => json!({ "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
            "valid_from": "2021-03-02T00:00:00Z", "indicator_types": ["unknown"] }),
        "identity" => json!({ "name": "x", "identity_class": "system" }),
        "note" => json!({ "content": "x", "object_refs": several(random) }),
        "relationship" => {
            json!({ "relationship_type": "related-to", "source_ref": any(random), "target_ref": any(random) })
        }
        "report" => json!({ "name": "y", "published": "2021-03-02T00:00:00Z", "report_types": ["indicator"],
            "object_refs": several(random) }),
        _ => json!({ "value": "198.51.100.3" }),
    };
    let made_mut = made.as_object_mut().unwrap();
    made_mut.extend(rest.as_object().unwrap().clone());
    if object_type != "ipv4-addr" {
        made["created"] = "2021-03-02T00:00:00.000Z".into();
        made["modified"] = format!("2021-03-02T00:{minute:02}:00.000Z").into();
        if random.below(3) == 0 {
            let creators: Vec<&String> = ids.iter().filter(|id| id.starts_with("identity")).collect();
            made["created_by_ref"] = creators[random.below(creators.len() as u64) as usize].as_str().into();
        }
    }
    made
}

/// Of what one account gives, all of it marked, it is the same in which order it comes, and in how many requests.
#[test]
fn the_order_in_which_things_come_decides_nothing() {
    const NAMES: [&str; 3] = ["ben", "max", "olga"];
    let histories = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let (at_once, one_by_one) = (Node::new(), Node::new());
    let audiences = [("BANK", 1), ("SHOP", 2)]
        .map(|(name, number)| definition(number, &json!({ "organisations": [name] })));
    for node in [&at_once, &one_by_one] {
        node.add_user("ben", "observer", "BANK");
        node.add_user("max", "observer", "SHOP");
        node.add_user("olga", "observer", "CERT-A");
        node.post(&envelope(&audiences));
    }
    let markings = [vec![CLEAR.to_owned()], vec![GREEN.to_owned()], vec![RED.to_owned()]]
        .into_iter()
        .chain((1..=2).map(|number| vec![CLEAR.to_owned(), id("marking-definition", number)]))
        .collect::<Vec<_>>();
    let mut told = 0;
    for history in 1_u64..=histories {
        let mut random = Random(history.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let ids: Vec<String> = pool(history).into_iter().filter(|id| !id.starts_with("ipv4-addr")).collect();
        let mut objects: Vec<Value> = ids.iter().map(|own| any_version(&mut random, &ids, own, 0)).collect();
        for object in &mut objects {
            object["object_marking_refs"] = json!(markings[random.below(markings.len() as u64) as usize]);
        }
        // Some are malformed (a relationship from itself, say), and are refused either way.
        assert_eq!(at_once.post(&envelope(&objects)).status, 202);
        while !objects.is_empty() {
            let next = objects.swap_remove(random.below(objects.len() as u64) as usize);
            assert_eq!(one_by_one.post(&envelope(&[next])).status, 202);
        }
        let asked = format!("?match[id]={}", ids.join(","));
        for name in NAMES {
            let views = [&at_once, &one_by_one].map(|node| history_views(node, name, &asked, &ids));
            assert_eq!(views[0], views[1], "history {history}, {name}");
            told += views[0].iter().filter(|view| view.contains(" 200 ")).count() as u64;
        }
    }
    assert!(told > histories && told < histories * 33, "something is told, and not all: {told}");
}

/// Whatever one account keeps for its own eyes, and whenever it came: nobody else is told anything else by it, whatever
/// they hand over.
#[test]
fn what_is_for_others_changes_nothing_that_anybody_is_told() {
    const NAMES: [&str; 3] = ["ben", "carla", "olga"];
    let histories = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let (with, without) = (Node::new(), Node::new());
    for node in [&with, &without] {
        node.add_user("ben", "analyst", "BANK");
        node.add_user("carla", "analyst", "BANK");
        node.add_user("olga", "analyst", "CERT-A");
    }
    let mut secrets = 0;
    for history in 1_u64..=histories {
        let mut random = Random(history.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let ids = pool(history);
        for step in 0..14 {
            let is_secret = random.below(3) == 0;
            let name = NAMES[random.below(3) as usize];
            let objects: Vec<Value> =
                (0..=random.below(2)).map(|_| any_object(&mut random, &ids, is_secret)).collect();
            let body = envelope(&objects);
            if is_secret {
                secrets += 1;
                assert_eq!(with.post(&body).status, 202);
                continue;
            }
            let told = [&with, &without].map(|node| {
                let status = node.post_as(name, &body).json();
                (status["success_count"].clone(), status["failures"].clone())
            });
            assert_eq!(told[0], told[1], "history {history}, step {step}, {name}: {body}");
        }
        let asked = format!("?match[id]={}", ids.join(","));
        for name in NAMES {
            let told = [&with, &without].map(|node| history_views(node, name, &asked, &ids));
            assert_eq!(told[0], told[1], "history {history}, {name}");
        }
    }
    // A feed tells of a second when it is over.
    std::thread::sleep(Duration::from_millis(1_200));
    for name in NAMES {
        let told = [&with, &without].map(|node| all_views(node, name, &[]));
        assert_same(&told[0], &told[1]);
    }
    assert!(secrets > histories, "there were secrets");
}

/// What somebody is told of some ids, without dates.
fn history_views(node: &Node, name: &str, asked: &str, ids: &[String]) -> Vec<String> {
    let list = |rest: &str| {
        let answer = node.get_as(name, &node.root(&format!("collections/{}/{rest}", node.collection)));
        let mut found: Vec<String> =
            answer.json()["objects"].as_array().into_iter().flatten().map(Value::to_string).collect();
        found.sort_unstable();
        found
    };
    let mut views = list(&format!("objects/{asked}"));
    views.extend(list(&format!("objects/{asked}&match[version]=all")));
    views.extend(list(&format!("objects/{asked}&match[version]=first")));
    for id in ids {
        let path = node.root(&format!("collections/{}/objects/{id}/versions/", node.collection));
        let answer = node.get_as(name, &path);
        let versions = answer.json()["versions"].as_array().map_or(0, Vec::len);
        views.push(format!("{id} {} {versions}", answer.status));
    }
    views
}

/// The giver is an account: what one who may know something writes of it is not for all of their organisation.
#[test]
fn a_note_on_what_is_for_one_pair_of_eyes_is_not_for_colleagues() {
    let node = Node::new();
    node.add_user("ben", "analyst", "BANK");
    node.add_user("carla", "analyst", "BANK");
    let note = of_type(
        "note",
        1,
        &json!({ "content": "what it is about", "object_refs": [id("indicator", 1)], "object_marking_refs": [GREEN] }),
    );
    for objects in [&[indicator(1, 0, Some(RED))][..], &[note, indicator(2, 0, Some(GREEN))]] {
        assert_eq!(node.post_as("ben", &envelope(objects)).json()["failure_count"], 0);
    }
    assert_eq!(node.get_as("ben", &node.objects("")).ids().len(), 3);
    assert_eq!(node.get_as("carla", &node.objects("")).ids(), [id("indicator", 2)]);
}

/// That this id and version is here is all that a conflict tells, and it changes nothing of what is hidden.
#[test]
fn a_conflict_with_what_is_hidden_tells_no_more_than_that() {
    let node = Node::new();
    node.add_user("ben", "analyst", "BANK");
    let mut secret = indicator(1, 0, Some(RED));
    secret["name"] = "the victim is ACME".into();
    node.post(&envelope(&[secret.clone(), indicator(2, 0, Some(CLEAR))]));
    let kept = || node.get(&node.objects(&format!("?match[id]={}", id("indicator", 1)))).body;
    let before = kept();
    let post = |objects: &[Value]| node.post_as("ben", &envelope(objects));
    let message = |number: u64| {
        let mut other = indicator(number, 0, Some(CLEAR));
        other["name"] = "another".into();
        let answer = post(&[other, indicator(3, 0, Some(CLEAR))]);
        assert_eq!(answer.status, 202);
        assert!(!String::from_utf8(answer.body.clone()).unwrap().contains("ACME"));
        let status = answer.json();
        assert_eq!((&status["success_count"], &status["failure_count"]), (&json!(1), &json!(1)), "{status}");
        assert_eq!(status["failures"][0]["id"], id("indicator", number));
        status["failures"][0]["message"].clone()
    };
    assert_eq!(message(1), message(2), "hidden or not, it is the same");
    // As it is, or written anew, it is a success, and tells nothing that whoever has it does not know.
    let anew = serde_json::to_string_pretty(&envelope(&[secret])).unwrap();
    let headers = [("authorization", &*basic("ben")), ("content-type", TAXII)];
    let again = node.send("POST", &node.objects(""), &headers, anew.as_bytes()).json();
    assert_eq!((&again["success_count"], &again["failure_count"]), (&json!(1), &json!(0)), "{again}");
    let path = node.objects(&format!("{}/", id("indicator", 1)));
    assert_eq!(node.get_as("ben", &path).status, 404, "nothing was opened by that");
    assert_eq!(node.get_as("ben", &node.objects("")).ids(), [id("indicator", 2), id("indicator", 3)]);
    assert_eq!(kept(), before, "what was hidden is as it was");
}

/// Markings go with what they mark, whatever comes first: over the store as within one envelope.
#[test]
fn markings_follow_the_graph() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    let seen = || node.get_as("eve", &node.objects("")).ids();
    let actor = |marking: &str| {
        json!({
            "type": "threat-actor", "spec_version": "2.1", "id": id("threat-actor", 1), "name": "nobody",
            "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
            "threat_actor_types": ["unknown"], "object_marking_refs": [marking],
        })
    };
    let relation = json!({
        "type": "relationship", "spec_version": "2.1", "id": id("relationship", 1), "relationship_type": "indicates",
        "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
        "source_ref": id("indicator", 1), "target_ref": id("threat-actor", 1), "object_marking_refs": [CLEAR],
    });
    let note = json!({
        "type": "note", "spec_version": "2.1", "id": id("note", 1), "content": "about a relation",
        "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
        "object_refs": [id("relationship", 1)], "object_marking_refs": [CLEAR],
    });
    for object in [indicator(1, 0, Some(CLEAR)), relation, note] {
        assert_eq!(node.post(&envelope(&[object])).json()["success_count"], 1);
    }
    assert_eq!(seen().len(), 3);
    // What was named turns out to be RED: whatever names it, and what names that, is withheld from now on.
    assert_eq!(node.post(&envelope(&[actor(RED)])).json()["success_count"], 1);
    assert_eq!(seen(), [id("indicator", 1)]);
    assert_eq!(node.get(&node.objects("")).ids().len(), 4, "the one who handed it over still knows");
    // What names it later, likewise.
    let mut later = indicator(2, 0, Some(CLEAR));
    later["created_by_ref"] = id("threat-actor", 1).into();
    node.post(&envelope(&[later]));
    assert_eq!(seen(), [id("indicator", 1)]);
    // A container that comes later restricts what nobody marked, and opens nothing.
    let report = |number: u64, marking: &str, member: &str| {
        json!({
            "type": "grouping", "spec_version": "2.1", "id": id("grouping", number), "context": "unspecified",
            "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
            "object_refs": [member], "object_marking_refs": [marking],
        })
    };
    node.add_user("olga", "observer", "CERT-A");
    let inside = || node.get_as("olga", &node.objects("?match[type]=indicator")).ids();
    node.post(&envelope(&[indicator(7, 0, None), indicator(8, 0, None)]));
    assert_eq!(inside(), [id("indicator", 1), id("indicator", 7), id("indicator", 8)]);
    node.post(&envelope(&[report(7, CLEAR, &id("indicator", 7)), report(8, RED, &id("indicator", 8))]));
    assert!(!seen().contains(&id("indicator", 7)));
    assert_eq!(inside(), [id("indicator", 1), id("indicator", 7)]);
    // In the same hand it says what the member is.
    node.post(&envelope(&[report(9, CLEAR, &id("indicator", 9)), indicator(9, 0, None)]));
    assert!(seen().contains(&id("indicator", 9)));
}

#[test]
fn roles_rights_and_tokens() {
    let node = Node::new();
    node.add_user("olga", "observer", "CERT-A");
    node.add_user("ann", "analyst", "CERT-A");
    let body = envelope(&[indicator(1, 0, Some(CLEAR))]);
    assert_eq!(node.post_as("olga", &body).status, 403, "an observer adds nothing");
    assert_eq!(node.post_as("ann", &body).status, 202);
    let hidden = node
        .administer(&["collection", "add", "Inner", "--alias", "inner", "--description", "for ann"])
        .trim()
        .to_owned();
    let at = |rest: &str| node.root(&format!("collections/{hidden}/{rest}"));
    assert_eq!(node.get_as("ann", &at("")).status, 404, "neither right: it is not there");
    let collections = |name: &str| {
        node.get_as(name, &node.root("collections/")).json()["collections"].as_array().unwrap().len()
    };
    assert_eq!(collections("ann"), 1);
    node.administer(&["collection", "grant", "ann", "inner", "--read"]);
    assert_eq!((node.get_as("ann", &at("objects/")).status, collections("ann")), (200, 2));
    assert_eq!(node.get_as("ann", &at("")).json()["description"], "for ann");
    let headers = [("authorization", &*basic("ann")), ("accept", TAXII), ("content-type", TAXII)];
    assert_eq!(node.send("POST", &at("objects/"), &headers, body.to_string().as_bytes()).status, 403);
    node.administer(&["collection", "grant", "ann", "inner", "--write"]);
    assert_eq!(node.get_as("ann", &at("objects/")).status, 403, "who may only write does not read");
    assert_eq!(node.send("POST", &at("objects/"), &headers, body.to_string().as_bytes()).status, 202);
    assert_eq!(
        node.send("DELETE", &at(&format!("objects/{}/", id("indicator", 1))), &headers, b"").status,
        403
    );

    let token = node.administer(&["token", "add", "ann", "--name", "firewall"]).trim().to_owned();
    let bearer = format!("Bearer {token}");
    let as_password = format!("Basic {}", node_kit::base64(format!("ann:{token}").as_bytes()));
    let with = |authorization: &str, method: &str, body: &[u8]| {
        let headers = [("authorization", authorization), ("accept", TAXII), ("content-type", TAXII)];
        node.send(method, &node.objects(""), &headers, body).status
    };
    assert_eq!((with(&bearer, "GET", b""), with(&as_password, "GET", b"")), (200, 200));
    assert_eq!(with(&bearer, "POST", body.to_string().as_bytes()), 403, "a token that reads only");
    let listed = node.administer(&["token", "list", "ann", "--format", "jsonl"]);
    assert!(listed.contains("firewall") && !listed.contains(&token));
    node.administer(&["token", "revoke", "ann", "firewall"]);
    assert_eq!(with(&bearer, "GET", b""), 401);
    node.administer(&["user", "disable", "ann"]);
    assert_eq!(node.get_as("ann", "/taxii2/").status, 401);
    node.administer(&["user", "enable", "ann"]);
    assert_eq!(node.get_as("ann", "/taxii2/").status, 200);
    // A changed password is unknown at once, although the old one was remembered.
    let changed = run(node.folder.path(), &["user", "password", "ann"], "");
    assert!(changed.status.success());
    assert_eq!(node.get_as("ann", "/taxii2/").status, 401);
    assert_eq!(node.get_as("ann", "/metrics").status, 401);
    assert_eq!(node.get_as("olga", "/metrics").status, 403);
    let metrics = String::from_utf8(node.get("/metrics").body).unwrap();
    assert!(metrics.contains("watchfire_requests_total{route=\"objects\",status=\"202\"}"), "{metrics}");
}

#[test]
fn a_code_is_asked_for_beside_the_password() {
    let node = Node::new();
    node.add_user("ben", "analyst", "CERT-A");
    let uri = node.administer(&["user", "totp", "ben"]);
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert!(uri.starts_with("otpauth://totp/CERT-A:ben?secret="), "{uri}");
    let with = |typed: &str| {
        let header = format!("Basic {}", node_kit::base64(format!("ben:{typed}").as_bytes()));
        node.send("GET", "/taxii2/", &[("authorization", &*header)], b"").status
    };
    let (good, before) =
        (format!("{PASSWORD}{}", code(&secret, 0)), format!("{PASSWORD}{}", code(&secret, -1)));
    assert_eq!(with(PASSWORD), 401, "the password alone");
    assert_eq!(with(&format!("{PASSWORD}000000")), 401);
    assert_eq!(with(&format!("wrong horse battery{}", code(&secret, 0))), 401);
    assert_eq!((with(&good), with(&good)), (200, 200), "what was verified is remembered for a while");
    assert_eq!(with(&before), 401, "a code before the last one is no longer good");
    let token = node.administer(&["token", "add", "ben", "--name", "firewall"]).trim().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(node.send("GET", "/taxii2/", &[("authorization", &*bearer)], b"").status, 200);
    node.administer(&["user", "totp", "ben", "--off"]);
    assert_eq!(with(PASSWORD), 200);
}

#[test]
fn the_configuration_is_shown_with_its_origins() {
    let node = Node::with_store("watchfire.db", "unmarked = \"TLP:GREEN\"");
    let shown = node.administer(&["config", "show", "--format", "jsonl"]);
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |key: &str| lines.iter().find(|line| line["key"] == key).unwrap();
    assert_eq!(of("unmarked")["value"], "TLP:GREEN");
    assert!(of("unmarked")["origin"].as_str().unwrap().ends_with("watchfire.toml:1"), "{shown}");
    assert_eq!(
        (&of("taxii.page_limit")["value"], &of("taxii.page_limit")["origin"]),
        (&json!("1000"), &json!("default"))
    );
    assert_eq!(of("taxii.api_roots[0].name")["value"], "alliance");
    assert!(node.administer(&["config", "show"]).contains("organisation                 CERT-A"));
}

#[test]
fn a_node_is_made_once_and_says_what_is_wrong() {
    let folder = folder();
    let made = run(folder.path(), &["init"], "");
    assert!(made.status.success());
    let shown = String::from_utf8(made.stdout).unwrap();
    assert!(
        shown.contains("password   ") && shown.contains("https://127.0.0.1:6100/taxii2/alliance/"),
        "{shown}"
    );
    for private in ["node.secret", "tls.key", "watchfire.db"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(folder.path().join(private)).unwrap().permissions(),
        );
        assert_eq!(mode & 0o077, 0, "{private}");
    }
    let again = run(folder.path(), &["init"], "");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr).unwrap().contains("a node is made once"));
    let short = run(self::folder().path(), &["init", "--password-stdin"], "short");
    assert!(String::from_utf8(short.stderr).unwrap().contains("at least 12 characters"));
    let nowhere = run(self::folder().path(), &["serve"], "");
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(String::from_utf8(nowhere.stderr).unwrap().contains("hint: watchfire node init"));
    let plain = self::folder();
    run(plain.path(), &["init", "--no-tls", "--listen", "0.0.0.0:0"], "");
    let refused = run(plain.path(), &["serve"], "");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("plain_http_on_the_network"));
}

/// How often a node is killed: a few times, or as `KILLS` says.
fn kills(few: u64) -> u64 {
    std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// The objects of a collection that were added after a date, and the date of the last of them.
fn count_after(node: &Node, mut date: String) -> (u64, String) {
    let (mut seen, mut next) = (0, String::new());
    loop {
        let page = node.get(&node.objects(&format!("?added_after={date}&next={next}")));
        seen += page.ids().len() as u64;
        if let Some(last) = page.header("x-taxii-date-added-last") {
            last.clone_into(&mut date);
        }
        match page.json()["next"].as_str() {
            Some(more) => more.clone_into(&mut next),
            None => return (seen, date),
        }
    }
}

/// What was acknowledged is there after a kill, at whatever moment; nothing is half there.
fn acknowledged_objects_survive(mut node: Node, kills: u64) {
    let (mut seen, mut date) = count_after(&node, String::new());
    let others = seen;
    let acknowledged = AtomicU64::new(0);
    for round in 0..kills {
        let stop = AtomicBool::new(false);
        let address = node.address;
        let path = node.objects("");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let first = acknowledged.load(Ordering::Relaxed);
                    let objects: Vec<Value> =
                        (first..first + 10).map(|number| indicator(number, 0, Some(CLEAR))).collect();
                    if post_to(address, &path, &envelope(&objects)) == Some(202) {
                        acknowledged.store(first + 10, Ordering::Relaxed);
                    }
                }
            });
            // On a busy machine the first answer takes a while: the password is verified anew after each start.
            let (before, began) = (acknowledged.load(Ordering::Relaxed), Instant::now());
            while acknowledged.load(Ordering::Relaxed) == before && began.elapsed() < Duration::from_mins(1) {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(37 * (round % 7)));
            stop.store(true, Ordering::Relaxed);
            node.kill_and_start();
        });
        let (more, last) = count_after(&node, date);
        (seen, date) = (seen + more, last);
        let (seen, acknowledged) = (seen - others, acknowledged.load(Ordering::Relaxed));
        assert!(seen >= acknowledged, "round {round}: {seen} of {acknowledged}");
        assert_eq!(seen % 10, 0, "round {round}: an envelope is there whole or not at all");
    }
    assert!(acknowledged.load(Ordering::Relaxed) >= 10, "something was acknowledged");
    assert_eq!(count_after(&node, String::new()).0, seen, "and all of it is still there at the end");
    assert!(node.stop(), "a node that is asked to stop does so in order");
}

/// The status of a post, where there was an answer.
fn post_to(address: std::net::SocketAddr, path: &str, body: &Value) -> Option<u16> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\ncontent-type: {TAXII}\r\ncontent-length: {}\r\n\r\n",
        basic("admin"),
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    acknowledged_objects_survive(Node::new(), kills(6));
}

#[test]
fn a_node_over_postgresql_keeps_its_promises() {
    let Some(server) = server::shared() else { return };
    let address = server.new_database();
    let node = Node::with_store(&address, "");
    node.add_user("eve", "observer", "ELSEWHERE");
    node.post(&envelope(&[marked(9_000_000, &[RED]), marked(9_000_001, &[CLEAR])]));
    assert_eq!(node.get_as("eve", &node.objects("")).ids(), [id("indicator", 9_000_001)]);
    acknowledged_objects_survive(node, kills(4));
}

/// A backup is taken from a running node, and a new node is filled from it.
#[test]
fn a_backup_is_restored() {
    let node = Node::new();
    let objects: Vec<Value> =
        (0..50).map(|number| indicator(number, 0, (number % 2 == 0).then_some(CLEAR))).collect();
    node.post(&envelope(&objects));
    let file = node.folder.path().join("node.backup");
    node.administer(&["backup", file.to_str().unwrap()]);
    let whole = |answer: Answer| String::from_utf8(answer.body).unwrap();
    let before = whole(node.get(&node.objects("")));
    let restored = folder();
    for name in ["watchfire.toml", "node.secret"] {
        std::fs::copy(node.folder.path().join(name), restored.path().join(name)).unwrap();
    }
    let done = run(restored.path(), &["restore", file.to_str().unwrap()], "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let again = run(restored.path(), &["restore", file.to_str().unwrap()], "");
    assert_eq!(again.status.code(), Some(2), "a store that holds something is not filled");
    let mut damaged = std::fs::read(&file).unwrap();
    damaged.truncate(damaged.len() / 2);
    let cut = restored.path().join("cut");
    std::fs::write(&cut, damaged).unwrap();
    let empty = folder();
    for name in ["watchfire.toml", "node.secret"] {
        std::fs::copy(node.folder.path().join(name), empty.path().join(name)).unwrap();
    }
    assert_eq!(run(empty.path(), &["restore", cut.to_str().unwrap()], "").status.code(), Some(2));
    // The store goes back under the node.
    let mut node = node;
    let store = node.folder.path().join("watchfire.db");
    for rest in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{rest}", store.display()));
    }
    std::fs::copy(restored.path().join("watchfire.db"), &store).unwrap();
    node.kill_and_start();
    assert_eq!(whole(node.get(&node.objects(""))), before);
}

/// A node that is asked to stop leaves its store whole in one file.
#[test]
fn a_clean_stop_leaves_one_file() {
    let mut node = Node::new();
    assert_eq!(node.post(&envelope(&[indicator(1, 0, Some(CLEAR))])).status, 202);
    assert_eq!(node.get(&node.objects("")).ids().len(), 1);
    let files = |node: &Node| -> Vec<String> {
        let entries = std::fs::read_dir(node.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("watchfire.db")).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(files(&node).len(), 3, "while it runs there is a log beside the file");
    assert!(node.stop());
    assert_eq!(files(&node), ["watchfire.db"]);
    // The file alone is the store.
    let copy = node.folder.path().join("copy.db");
    std::fs::copy(node.folder.path().join("watchfire.db"), &copy).unwrap();
    let copied = rusqlite::Connection::open(&copy).unwrap();
    assert_eq!(copied.query_row("select count(*) from member", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

/// Whoever is slow, silent or speaks nonsense takes nothing from the others.
/// For whatever collects logs: each line is one object, whatever it tells, and holds no secret.
#[test]
fn the_log_is_for_programs_where_that_is_wanted() {
    let mut node = Node::new();
    assert!(node.stop());
    let file = node.folder.path().join("watchfire.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("# format = \"text\"", "format = \"json\"")
        .replace("# requests = \"none\"", "requests = \"all\"");
    std::fs::write(&file, text).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["node", "serve"])
        .current_dir(node.folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["organisation"]), (&json!("started"), &json!("CERT-A")));
    let address = first["url"].as_str().unwrap().strip_prefix("http://").unwrap().split('/').next().unwrap();
    node.address = address.parse().unwrap();
    assert_eq!(node.get(&node.root("")).status, 200);
    let wrong =
        node.send("GET", "/taxii2/", &[("authorization", "Basic YW5uYTpodW50ZXIy"), ("accept", TAXII)], b"");
    assert_eq!(wrong.status, 401);
    assert_eq!(node.send("GET", "/sign-in", &[], b"").status, 200);
    std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let rest: Vec<Value> = lines
        .map(|line| {
            let line = line.unwrap();
            assert!(
                !line.contains("hunter2") && !line.contains(PASSWORD) && !line.contains("anna"),
                "{line}"
            );
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
        })
        .collect();
    assert!(child.wait().unwrap().success());
    let told: Vec<String> = rest
        .iter()
        .map(|one| {
            assert!(one["time"].as_str().unwrap().ends_with('Z'));
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {} {} {}",
                text("level"),
                text("event"),
                text("route"),
                one["status"],
                text("from")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "info request api-root 200 127.0.0.1",
            "warning sign-in.refused  null 127.0.0.1",
            "warning request discovery 401 127.0.0.1",
            "info request page.sign-in 200 127.0.0.1",
            "info stopping  null ",
        ]
    );
}

#[test]
fn slow_and_broken_clients_disturb_nobody() {
    let node = Node::new();
    node.post(&envelope(&[indicator(1, 0, Some(CLEAR))]));
    let mut open = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(node.address).unwrap();
        let begun: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /taxii2/ HTTP/1.1\r\nhost: x\r\nauth",
            _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        };
        let _ = stream.write_all(begun);
        open.push(stream);
    }
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(node.get(&node.objects("")).status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    let refused = |bytes: &[u8]| node.try_raw(bytes).is_none_or(|answer| answer.status >= 400);
    for nonsense in [
        &b"\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        assert!(refused(nonsense), "{nonsense:?}");
    }
    let long =
        format!("GET /taxii2/?{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "x".repeat(300_000));
    assert!(refused(long.as_bytes()));
    drop(open);
    assert_eq!(node.get(&node.objects("")).status, 200);
}

/// A crowd that comes at once is taken by the system until the node takes it: whoever is dropped asks again a second later.
#[test]
fn a_crowd_at_the_door_is_kept_waiting_and_not_sent_away() {
    let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    if limit.trim().parse().unwrap_or(0) < 1024 {
        println!("skipped: this system keeps no crowd waiting, whoever asks");
        return;
    }
    let node = Node::new();
    // The node is stopped in its tracks, so that it takes nobody.
    let signal = |name: &str| {
        let pid = node.process().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    // No more than a test may have open; the queue of a socket that says nothing of it is 128.
    let connect = || TcpStream::connect_timeout(&node.address, Duration::from_millis(900));
    let crowd: Vec<_> = (0..400).map(|_| connect()).collect();
    signal("-CONT");
    assert!(crowd.iter().all(Result::is_ok), "{} of 400", crowd.iter().filter(|one| one.is_ok()).count());
}

/// The audit says who was given what, and who did what.
#[test]
fn the_audit_has_it() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    node.post(&envelope(&[
        indicator(1, 0, Some(RED)),
        indicator(2, 0, Some(CLEAR)),
        indicator(3, 0, Some(CLEAR)),
    ]));
    assert_eq!(node.get_as("eve", &node.objects("")).ids().len(), 2);
    assert_eq!(node.get_as("eve", &node.objects("?added_after=2999-01-01T00:00:00Z")).json(), json!({}));
    let backup = node.folder.path().join("b");
    node.administer(&["backup", backup.to_str().unwrap()]);
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(&backup).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let rows: Vec<&str> =
        text.lines().filter(|line| line.contains("eve") || line.contains("objects.add")).collect();
    let holds = |parts: &[&str]| rows.iter().any(|row| parts.iter().all(|part| row.contains(part)));
    // Which marking of a batch comes first is chance.
    let places = ["places 1-2", "places 2-3"];
    assert!(places.iter().any(|places| holds(&["eve", "objects.release", places])), "{rows:#?}");
    assert!(holds(&["admin", "objects.add", "places 1-3", "127.0.0.1"]), "{rows:#?}");
    assert!(holds(&["eve", "account.sign-in"]) && holds(&["console", "account.create", "eve"]), "{rows:#?}");
    assert!(!text.contains(node_kit::PASSWORD), "no secret is in it");
    assert!(Path::new(&backup).exists());
    // And who runs the node can read it.
    let all = audit(&node, &[]);
    let places: Vec<i64> = all.iter().map(|act| act["place"].as_i64().unwrap()).collect();
    assert!(places.iter().copied().eq(1..=places.len() as i64), "{places:?}");
    assert!(all.len() > audit(&node, &["--action", "account"]).len());
    let of = |arguments: &[&str]| {
        audit(&node, arguments)
            .iter()
            .map(|act| act["action"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&["--action", "account", "--subject", "eve"]), ["account.create", "account.sign-in"]);
    assert_eq!(of(&["--action", "acc"]), [""; 0]);
    // Indicators 2 and 3 left on one page; 1 is for its author only.
    assert_eq!(of(&["--object", &id("indicator", 2), "--actor", "eve"]), ["objects.release"]);
    assert_eq!(of(&["--object", &id("indicator", 1), "--actor", "eve"]), [""; 0]);
    assert_eq!(of(&["--until", "2021-01-01"]), [""; 0]);
    assert_eq!(of(&["--since", "2021-01-01"]).len(), all.len());
    let object = node.objects(&format!("{}/", id("indicator", 2)));
    let headers = [("authorization", &*basic("admin")), ("accept", TAXII)];
    assert_eq!(node.send("DELETE", &object, &headers, b"").status, 200);
    let removed = of(&["--object", &id("indicator", 2)]);
    assert_eq!(removed, ["objects.add", "objects.release", "object.delete"]);
}

/// Plain lists for firewalls: the same gate, and PAP decides what may be blocked.
#[test]
fn values_are_listed_for_whoever_may_act_on_them() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    let pap = id("marking-definition", 4);
    let with = |number: u64, refs: &[&str], changes: Value| {
        let mut made = marked(number, refs);
        made.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        made
    };
    let objects = [
        definition(4, &json!({ "pap": "amber" })),
        marked(1, &[CLEAR]),
        marked(2, &[RED]),
        marked(3, &[CLEAR, &pap]),
        with(4, &[CLEAR], json!({ "revoked": true })),
        with(5, &[CLEAR], json!({ "valid_until": "2021-03-03T00:00:00Z" })),
        with(
            6,
            &[CLEAR],
            json!({ "pattern": "[domain-name:value = 'a.example' OR url:value = 'http://b.example/,\"']" }),
        ),
        with(
            7,
            &[CLEAR],
            json!({ "pattern": "[ipv4-addr:value = '203.0.113.7' AND ipv4-addr:value != '203.0.113.8']" }),
        ),
    ];
    let status = node.post(&envelope(&objects)).json();
    assert_eq!(status["failure_count"], 0, "{status}");
    let text = |name: &str, rest: &str| {
        let path = node.root(&format!("collections/intelligence/{rest}"));
        let answer = node.send("GET", &path, &[("authorization", &basic(name))], b"");
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
    };
    assert_eq!(text("eve", "values.txt"), "198.51.100.1\na.example\nhttp://b.example/,\"\n");
    assert_eq!(text("eve", "values.txt?type=domain-name"), "a.example\n");
    assert_eq!(text("admin", "values.txt?type=ipv4-addr"), "198.51.100.1\n198.51.100.2\n");
    let csv = text("eve", "values.csv");
    // What may be known and not acted on is in the table, and on no block list.
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5, "{csv}");
    assert_eq!(lines[0], "value,type,tlp,id,valid_from,valid_until,date_added");
    let third = format!("\"198.51.100.3\",\"ipv4-addr:value\",\"TLP:CLEAR\",\"{}\"", id("indicator", 3));
    assert!(lines.iter().any(|line| line.starts_with(&third)), "{csv}");
    assert!(csv.contains("\"http://b.example/,\"\"\""));
}

/// Before anything is shared: who would get it, and which marking decides.
#[test]
fn who_would_get_it_is_said_in_words() {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    node.post(&envelope(&[marked(1, &[RED]), marked(2, &[GREEN])]));
    let intel = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"));
        let done =
            command.args(["intel", "show"]).args(arguments).current_dir(node.folder.path()).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap())
    };
    let (red, green) = (id("indicator", 1), id("indicator", 2));
    assert_eq!(serde_json::from_str::<Value>(&intel(&[&red]).1).unwrap(), marked(1, &[RED]));
    let (code, shown) = intel(&[&red, "--as", "eve"]);
    assert_eq!(
        (code, shown.trim_end()),
        (1, "eve                      withheld: TLP:RED admits admin, not eve of ELSEWHERE")
    );
    let (code, shown) = intel(&[&green, "--as", "admin", "--format", "jsonl"]);
    let told: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &told["released"], &told["tlp"]), (0, &json!(true), &json!("TLP:GREEN")));
    assert_eq!(told["why"], "released: TLP:GREEN admits admin of CERT-A through the communities of CERT-A");
    // An organisation stands for any person of it who is not named.
    let (code, shown) = intel(&[&green, "--as", "CERT-A"]);
    assert!(code == 0 && shown.starts_with("CERT-A ") && shown.contains("admits CERT-A"), "{shown}");
    let (code, shown) = intel(&[&green, "--everyone"]);
    assert_eq!((code, shown.lines().count()), (0, 3));
    assert!(shown.contains("(no account)"));
    assert_eq!(intel(&[&id("indicator", 9)]).0, 2);
    assert_eq!(intel(&[&red, "--as", "nobody"]).0, 2);
}

/// A node with a few objects to choose from.
fn a_node_to_choose_from() -> Node {
    let node = Node::new();
    node.add_user("eve", "observer", "ELSEWHERE");
    let mut newer = marked(1, &[RED]);
    newer["modified"] = "2021-03-05T00:00:00.000Z".into();
    newer["name"] = "Mail server, number one".into();
    let mut made = marked(2, &[GREEN]);
    made["created_by_ref"] = id("identity", 1).into();
    let identity = of_type(
        "identity",
        1,
        &json!({ "name": "Mail Watch", "identity_class": "system", "object_marking_refs": [CLEAR] }),
    );
    node.post(&envelope(&[marked(1, &[RED]), newer, made, identity]));
    node
}

/// `watchfire intel list`: its exit code and what it says.
fn list(node: &Node, arguments: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchfire"));
    let done =
        command.args(["intel", "list"]).args(arguments).current_dir(node.folder.path()).output().unwrap();
    let (out, error) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    (done.status.code().unwrap(), if out.is_empty() { error } else { out })
}

#[test]
fn a_selection_is_listed() {
    let node = a_node_to_choose_from();
    let list = |arguments: &[&str]| list(&node, arguments);
    let ids = |arguments: &[&str]| {
        let (code, shown) = list(arguments);
        assert_eq!(code, 0, "{shown}");
        let mut ids: Vec<String> =
            shown.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let (red, green, identity) = (id("indicator", 1), id("indicator", 2), id("identity", 1));
    assert_eq!(ids(&[]), [&*identity, &red, &green]);
    assert_eq!(ids(&["--every-version"]).len(), 4);
    assert_eq!(ids(&["--type", "indicator"]), [&*red, &green]);
    assert_eq!(ids(&["--type", "identity", "--type", "malware"]), [&*identity]);
    assert_eq!(ids(&["--value", "198.51.100.2"]), [&*green]);
    assert_eq!(
        ids(&["--value", "MAI*"]),
        [&*identity, &red],
        "once for each, whatever the number of its words"
    );
    assert_eq!(ids(&["--created-by", &identity]), [&*green]);
    assert_eq!(ids(&["--related-to", &identity]), [&*green]);
    assert_eq!(ids(&["--since", "2021-03-04"]), [&*red]);
    assert_eq!(ids(&["--until", "2021-03-04T00:00:00Z", "--type", "indicator"]), [&*green]);
    assert_eq!(ids(&["--tlp", "red"]), [&*red]);
    assert_eq!(ids(&["--limit", "2"]).len(), 2);
    let shown = list(&["--tlp", "red"]).1;
    assert_eq!(
        shown.trim_end(),
        format!("{red:<52} 2021-03-05T00:00:00.000Z TLP:RED          Mail server, number one")
    );
    assert_eq!(ids(&["--value", "nowhere"]), [""; 0]);
    for wrong in [["--since", "yesterday"], ["--tlp", "pink"], ["--created-by", "x"]] {
        let (code, said) = list(&wrong);
        assert!(code == 2 && said.contains(wrong[1]), "{wrong:?}: {said}");
    }
}

#[test]
fn who_would_get_how_much_of_a_selection_is_said() {
    let node = a_node_to_choose_from();
    let list = |arguments: &[&str]| list(&node, arguments);
    // What one would get, object by object, and what each would get of all.
    let (code, shown) = list(&["--type", "indicator", "--as", "eve", "--format", "jsonl"]);
    assert_eq!((code, shown.lines().count()), (1, 2));
    assert!(shown.lines().all(|line| line.contains("withheld: TLP:")), "{shown}");
    assert_eq!(list(&["--as", "admin"]).0, 0);
    let (code, shown) = list(&["--everyone"]);
    assert_eq!(
        (code, shown.as_str()),
        (
            0,
            "admin                          3 of 3\n\
             eve                            1 of 3  \
             withheld: TLP:GREEN admits the communities of CERT-A and clients, not eve of ELSEWHERE (1)  \
             withheld: TLP:RED admits admin, not eve of ELSEWHERE (1)\n\
             (no account)                   1 of 3  \
             withheld: TLP:GREEN admits the communities of CERT-A and clients, not anyone (1)  \
             withheld: TLP:RED admits admin, not anyone (1)\n"
        )
    );
    let (_, shown) = list(&["--everyone", "--tlp", "red", "--format", "jsonl"]);
    let eve: Value = serde_json::from_str(shown.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&eve["account"], &eve["objects"], &eve["released"]), (&json!("eve"), &json!(1), &json!(0)));
    assert_eq!(eve["withheld"][0]["objects"], 1);
    for wrong in [["--as", "nobody"], ["--for", "fun"]] {
        let (code, said) = list(&wrong);
        assert!(code == 2 && said.contains(wrong[1]), "{wrong:?}: {said}");
    }
}
