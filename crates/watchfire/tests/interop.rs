//! The test cases of a server in OASIS' TAXII 2.1 Interoperability Test Document (v1.0, CSD01), §3, one function each and
//! named by their number, over objects of our own. What no function is named for stands in [`ELSEWHERE`] with the reason.
//! The cases are known here by number and name; what must hold in each is TAXII 2.1's own text. With the list of cases in
//! a file that `TAXII_INTEROP` names (`rows` of `section`, `test_case`, `verification`) the two are compared.
#![allow(clippy::unwrap_used)] // a test that cannot go on stops

mod node_kit;

use node_kit::{Answer, CLEAR, Node, PASSWORD, TAXII, base64, basic, envelope, id, indicator};
use serde_json::{Value, json};

/// A case: its number in the document, its name there, and what must hold.
type Case = (&'static str, &'static str, fn(&Stage));

/// All cases that are mandatory and asked over HTTP.
const CASES: &[Case] = &[
    ("3.1.1", "Missing Authorization Parameter", missing_authorization),
    ("3.1.2", "Authorization Parameter Error", wrong_authorization),
    ("3.1.4", "HTTP Basic Authentication", basic_authentication),
    ("3.2.1", "Get Discovery Resource", discovery),
    ("3.3.1", "Get API Root Resource", api_root),
    ("3.3.2", "Incorrect API Root Information", incorrect_api_root),
    ("3.4.1", "Get Collections Resource", collections),
    ("3.5.1.1", "Write-Only Collection Resource", write_only_collection),
    ("3.5.1.2", "Read-Write Collection Resource", read_write_collection),
    ("3.5.1.3", "Read-Only Collection Resource", read_only_collection),
    ("3.5.1.4", "No-Read-No-Write Collection Resource", no_collection),
    ("3.5.2.1", "Read Request for Write-only Collection", read_of_write_only),
    ("3.5.2.2", "Write Request to Read-only Collection", write_to_read_only),
    ("3.5.2.3", "Delete Request to Read-only or Write-only Collection", delete_of_half),
    ("3.5.2.4", "Delete Request to No-Read, No-Write Collection", delete_of_none),
    ("3.5.3", "Incorrect Collection Information", incorrect_collection),
    ("3.6.1", "Get Manifest Resource", manifest),
    ("3.7.1", "Get Envelope Resource (Get Objects)", objects),
    ("3.7.2", "No Objects", no_objects),
    ("3.8.1", "Get Envelope Resource (Get an Object)", one_object),
    ("3.8.2", "Object Not Found", object_not_found),
    ("3.9.1", "Get Versions Resource", versions),
    ("3.10.1", "Add Envelope Resource", add_envelope),
    ("3.11.1", "Get Status Resource", status),
    ("3.11.2", "Get All Status Properties", all_status_properties),
    ("3.12.1", "Delete", delete),
    ("3.13.1.1", "added_after", added_after),
    ("3.13.1.2", "limit", limit),
    ("3.13.1.3", "match[id]", match_id),
    ("3.13.1.4", "match[type]", match_type),
    ("3.13.1.5", "match[version]", match_version),
    ("3.13.1.6", "match[spec_version]", match_spec_version),
    ("3.13.1.7", "Logical OR Operator", alternatives),
    ("3.13.1.8", "Logical AND Operator", all_filters),
    ("3.13.1.9", "Logical OR and AND Operators", alternatives_and_all),
    ("3.13.1.10", "Duplicate Filter Parameter", duplicate_filter),
    ("3.14.1", "Pagination", pagination),
    ("3.15.1", "Custom Properties", custom_properties),
];

/// Cases without a function here: their number, name, and why.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("3.1.3", "Certificate-Based Authentication", "needs TLS: crates/node/tests/certificates.rs"),
    ("3.13.2.1", "Tier 1", "optional: filters on properties, which this server refuses rather than ignores"),
    ("3.13.2.2", "Tier 2", "optional: the same"),
    ("3.13.2.3", "Tier 3", "optional: the same"),
    ("3.13.2.4", "Relationships", "optional: the same"),
    ("3.13.2.5", "Calculation", "optional: the same"),
];

/// Mandatory and optional cases of §3 in the document.
const ROWS: usize = 44;

/// A node with collections of every kind of right for its analyst `ann`, and ten indicators in the first.
struct Stage {
    node: Node,
    write_only: String,
    read_only: String,
    none: String,
}

impl Stage {
    fn new() -> Self {
        let node = Node::new();
        node.add_user("ann", "analyst", "CERT-A");
        let add = |title: &str| node.administer(&["collection", "add", title]).trim().to_owned();
        let (write_only, read_only, none) = (add("Drop box"), add("Published"), add("Inner"));
        node.administer(&["collection", "grant", "ann", &write_only, "--write"]);
        node.administer(&["collection", "grant", "ann", &read_only, "--read"]);
        let mut objects: Vec<Value> = (0..10).map(|number| indicator(number, 0, Some(CLEAR))).collect();
        objects.extend([indicator(3, 1, Some(CLEAR)), indicator(3, 2, Some(CLEAR))]);
        objects.push(json!({
            "type": "identity", "spec_version": "2.1", "id": id("identity", 1), "name": "a bank",
            "created": "2021-03-02T00:00:00.000Z", "modified": "2021-03-02T00:00:00.000Z",
            "identity_class": "organization", "object_marking_refs": [CLEAR],
        }));
        assert_eq!(node.post_as("ann", &envelope(&objects)).json()["failure_count"], 0);
        Self { node, write_only, read_only, none }
    }

    fn get(&self, path: &str) -> Answer {
        self.node.get_as("ann", path)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*basic("ann")), ("accept", TAXII), ("content-type", TAXII)];
        let body = if method == "POST" { body.to_string() } else { String::new() };
        self.node.send(method, path, &headers, body.as_bytes())
    }

    fn of(&self, collection: &str, rest: &str) -> String {
        self.node.root(&format!("collections/{collection}/{rest}"))
    }

    /// Ids of the objects that a query of the first collection selects.
    #[track_caller]
    fn selected(&self, query: &str) -> Vec<String> {
        let answer = self.get(&self.node.objects(query));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)), "{query}");
        let ids = answer.ids();
        // The manifest selects alike.
        let manifest = self.get(&self.of(&self.node.collection, &format!("manifest/{query}")));
        assert_eq!(manifest.ids(), ids, "{query}");
        ids
    }
}

/// An error, as TAXII 2.1 §3.6.1 has it.
#[track_caller]
fn assert_error(answer: &Answer, statuses: &[u16]) {
    assert!(
        statuses.contains(&answer.status),
        "{}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.header("content-type"), Some(TAXII));
    assert!(answer.json()["title"].is_string());
}

#[track_caller]
fn assert_collection(stage: &Stage, collection: &str, can_read: bool, can_write: bool) {
    let answer = stage.get(&stage.of(collection, ""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    let json = answer.json();
    assert_eq!(json["id"], collection);
    assert!(json["title"].is_string());
    assert_eq!((&json["can_read"], &json["can_write"]), (&json!(can_read), &json!(can_write)));
}

fn missing_authorization(stage: &Stage) {
    for path in ["/taxii2/".to_owned(), stage.node.root(""), stage.node.objects("")] {
        let answer = stage.node.send("GET", &path, &[("accept", TAXII)], b"");
        assert_error(&answer, &[401]);
        assert!(answer.header("www-authenticate").is_some());
    }
}

fn wrong_authorization(stage: &Stage) {
    let wrong = format!("Basic {}", base64(b"ann:wrong"));
    let answer = stage.node.send("GET", "/taxii2/", &[("authorization", &wrong), ("accept", TAXII)], b"");
    assert_error(&answer, &[401, 403]);
}

fn basic_authentication(stage: &Stage) {
    let right = format!("Basic {}", base64(format!("ann:{PASSWORD}").as_bytes()));
    let answer = stage.node.send("GET", "/taxii2/", &[("authorization", &right), ("accept", TAXII)], b"");
    assert_eq!(answer.status, 200);
}

fn discovery(stage: &Stage) {
    let answer = stage.get("/taxii2/");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert!(answer.json()["title"].is_string());
    let root = answer.json()["api_roots"][0].as_str().unwrap().to_owned();
    assert!(root.ends_with(&stage.node.root("")), "{root}");
}

fn api_root(stage: &Stage) {
    let answer = stage.get(&stage.node.root(""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert!(answer.json()["title"].is_string() && answer.json()["max_content_length"].is_u64());
    assert!(answer.json()["versions"].as_array().unwrap().contains(&json!(TAXII)));
}

fn incorrect_api_root(stage: &Stage) {
    assert_error(&stage.get("/taxii2/nowhere/"), &[404]);
}

fn collections(stage: &Stage) {
    let answer = stage.get(&stage.node.root("collections/"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    let json = answer.json();
    let listed = json["collections"].as_array().unwrap();
    for collection in [&stage.node.collection, &stage.write_only, &stage.read_only] {
        assert!(listed.iter().any(|one| one["id"] == **collection), "{json}");
    }
    assert!(listed.iter().all(|one| one["can_read"].is_boolean() && one["can_write"].is_boolean()));
}

fn write_only_collection(stage: &Stage) {
    assert_collection(stage, &stage.write_only, false, true);
}

fn read_write_collection(stage: &Stage) {
    assert_collection(stage, &stage.node.collection, true, true);
}

fn read_only_collection(stage: &Stage) {
    assert_collection(stage, &stage.read_only, true, false);
}

/// TAXII 2.1 §5.2.1 lets a server say 404 to whoever has no access, and so tells them nothing.
fn no_collection(stage: &Stage) {
    assert_error(&stage.get(&stage.of(&stage.none, "")), &[404]);
    let listed = stage.get(&stage.node.root("collections/")).json().to_string();
    assert!(!listed.contains(&stage.none));
}

fn read_of_write_only(stage: &Stage) {
    for rest in ["objects/", "manifest/"] {
        assert_error(&stage.get(&stage.of(&stage.write_only, rest)), &[403]);
    }
}

fn write_to_read_only(stage: &Stage) {
    let body = envelope(&[indicator(70, 0, Some(CLEAR))]);
    assert_error(&stage.send("POST", &stage.of(&stage.read_only, "objects/"), &body), &[403]);
    let body = stage.send("POST", &stage.of(&stage.write_only, "objects/"), &body);
    assert_eq!(body.status, 202);
}

fn delete_of_half(stage: &Stage) {
    for collection in [&stage.read_only, &stage.write_only] {
        let path = stage.of(collection, &format!("objects/{}/", id("indicator", 1)));
        assert_error(&stage.send("DELETE", &path, &Value::Null), &[403]);
    }
}

fn delete_of_none(stage: &Stage) {
    let path = stage.of(&stage.none, &format!("objects/{}/", id("indicator", 1)));
    assert_error(&stage.send("DELETE", &path, &Value::Null), &[403, 404]);
}

fn incorrect_collection(stage: &Stage) {
    let nowhere = "00000000-0000-4000-8000-000000000000";
    for rest in ["", "objects/", "manifest/"] {
        assert_error(&stage.get(&stage.of(nowhere, rest)), &[404]);
    }
    assert_error(&stage.send("POST", &stage.of(nowhere, "objects/"), &envelope(&[])), &[404]);
}

fn manifest(stage: &Stage) {
    let answer = stage.get(&stage.of(&stage.node.collection, "manifest/"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert_eq!(answer.ids().len(), 11);
    for entry in answer.json()["objects"].as_array().unwrap() {
        assert!(entry["date_added"].is_string() && entry["version"].is_string(), "{entry}");
        assert_eq!(entry["media_type"], "application/stix+json;version=2.1");
    }
    assert!(
        answer.header("x-taxii-date-added-first").unwrap()
            < answer.header("x-taxii-date-added-last").unwrap()
    );
}

fn objects(stage: &Stage) {
    let answer = stage.get(&stage.node.objects(""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert_eq!(answer.ids().len(), 11);
    assert!(answer.json()["objects"].as_array().unwrap().contains(&indicator(3, 2, Some(CLEAR))));
    assert!(
        answer.header("x-taxii-date-added-first").unwrap()
            < answer.header("x-taxii-date-added-last").unwrap()
    );
}

fn no_objects(stage: &Stage) {
    for path in [stage.of(&stage.read_only, "objects/"), stage.of(&stage.read_only, "manifest/")] {
        let answer = stage.get(&path);
        assert_eq!((answer.status, answer.json()), (200, json!({})));
    }
}

fn one_object(stage: &Stage) {
    let answer = stage.get(&stage.node.objects(&format!("{}/", id("indicator", 1))));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert_eq!(answer.json()["objects"], json!([indicator(1, 0, Some(CLEAR))]));
}

fn object_not_found(stage: &Stage) {
    for rest in ["", "versions/"] {
        assert_error(&stage.get(&stage.node.objects(&format!("{}/{rest}", id("indicator", 999)))), &[404]);
    }
}

fn versions(stage: &Stage) {
    let answer = stage.get(&stage.node.objects(&format!("{}/versions/", id("indicator", 3))));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    let expected = ["2021-03-02T00:00:00.000Z", "2021-03-02T00:01:00.000Z", "2021-03-02T00:02:00.000Z"];
    assert_eq!(answer.json()["versions"], json!(expected));
}

fn add_envelope(stage: &Stage) {
    let answer = stage.send("POST", &stage.node.objects(""), &envelope(&[indicator(50, 0, Some(CLEAR))]));
    assert_eq!((answer.status, answer.header("content-type")), (202, Some(TAXII)));
    let json = answer.json();
    assert!(json["id"].is_string() && json["request_timestamp"].is_string());
    assert_eq!((&json["total_count"], &json["success_count"]), (&json!(1), &json!(1)));
    assert_eq!((&json["failure_count"], &json["pending_count"]), (&json!(0), &json!(0)));
    assert_eq!(stage.get(&stage.node.objects(&format!("{}/", id("indicator", 50)))).ids().len(), 1);
}

fn status(stage: &Stage) {
    let posted = stage.send("POST", &stage.node.objects(""), &envelope(&[indicator(51, 0, Some(CLEAR))]));
    let posted = posted.json();
    let answer = stage.get(&stage.node.root(&format!("status/{}/", posted["id"].as_str().unwrap())));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)));
    assert_eq!(answer.json(), posted);
    assert_eq!(answer.json()["status"], "complete");
}

fn all_status_properties(stage: &Stage) {
    let mut wrong = indicator(53, 0, Some(CLEAR));
    wrong.as_object_mut().unwrap().remove("pattern");
    let body = envelope(&[indicator(52, 0, Some(CLEAR)), wrong]);
    let json = stage.send("POST", &stage.node.objects(""), &body).json();
    for (name, expected) in
        [("total_count", 2), ("success_count", 1), ("failure_count", 1), ("pending_count", 0)]
    {
        assert_eq!(json[name], expected, "{name}: {json}");
    }
    assert_eq!(json["successes"][0]["id"], id("indicator", 52));
    assert_eq!(json["successes"][0]["version"], "2021-03-02T00:00:00.000Z");
    assert_eq!(json["failures"][0]["id"], id("indicator", 53));
    assert!(json["failures"][0]["message"].is_string());
}

fn delete(stage: &Stage) {
    let path = stage.node.objects(&format!("{}/", id("indicator", 9)));
    assert_eq!(stage.send("DELETE", &path, &Value::Null).status, 200);
    assert_error(&stage.get(&path), &[404]);
    assert_eq!(stage.get(&stage.node.objects("")).ids().len(), 10);
}

fn added_after(stage: &Stage) {
    let all = stage.get(&stage.of(&stage.node.collection, "manifest/?match[version]=all")).json();
    let dates: Vec<&str> = all["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["date_added"].as_str().unwrap())
        .collect();
    assert_eq!(
        stage.selected(&format!("?match[version]=all&added_after={}", dates[4])).len(),
        dates.len() - 5
    );
    assert!(stage.selected(&format!("?added_after={}", dates[dates.len() - 1])).is_empty());
}

fn limit(stage: &Stage) {
    assert_eq!(stage.selected("?limit=4").len(), 4);
    let page = stage.get(&stage.node.objects("?limit=4")).json();
    assert_eq!(page["more"], true);
    assert!(page["next"].is_string());
}

fn match_id(stage: &Stage) {
    assert_eq!(stage.selected(&format!("?match[id]={}", id("indicator", 2))), [id("indicator", 2)]);
}

fn match_type(stage: &Stage) {
    assert_eq!(stage.selected("?match[type]=identity"), [id("identity", 1)]);
}

fn match_version(stage: &Stage) {
    let three = id("indicator", 3);
    let modified = |wanted: &str| -> Vec<Value> {
        let query = format!("?match[id]={three}&match[version]={wanted}");
        let json = stage.get(&stage.node.objects(&query)).json();
        let objects = json["objects"].as_array().cloned().unwrap_or_default();
        objects.iter().map(|object| object["modified"].clone()).collect()
    };
    assert_eq!(modified("first"), ["2021-03-02T00:00:00.000Z"]);
    assert_eq!(modified("last"), ["2021-03-02T00:02:00.000Z"]);
    assert_eq!(modified("2021-03-02T00:01:00.000Z"), ["2021-03-02T00:01:00.000Z"]);
    assert_eq!(modified("all").len(), 3);
}

fn match_spec_version(stage: &Stage) {
    assert_eq!(stage.selected("?match[spec_version]=2.1").len(), 11);
    assert!(stage.selected("?match[spec_version]=2.0").is_empty());
}

fn alternatives(stage: &Stage) {
    let (one, two) = (id("indicator", 1), id("indicator", 2));
    assert_eq!(stage.selected(&format!("?match[id]={one},{two}")), [one, two]);
}

fn all_filters(stage: &Stage) {
    let one = id("indicator", 1);
    assert!(stage.selected(&format!("?match[id]={one}&match[type]=identity")).is_empty());
    assert_eq!(stage.selected(&format!("?match[id]={one}&match[type]=indicator")), [one]);
}

fn alternatives_and_all(stage: &Stage) {
    let (one, two) = (id("indicator", 1), id("identity", 1));
    let query = format!("?match[id]={one},{two}&match[type]=indicator,malware&match[version]=first,last");
    assert_eq!(stage.selected(&query), [one]);
}

fn duplicate_filter(stage: &Stage) {
    assert_error(&stage.get(&stage.node.objects("?match[type]=indicator&match[type]=identity")), &[400]);
}

fn pagination(stage: &Stage) {
    for resource in ["objects", "manifest"] {
        let (mut seen, mut next, mut last) = (Vec::new(), String::new(), String::new());
        loop {
            let page = stage.get(&stage.of(&stage.node.collection, &format!("{resource}/?limit=4{next}")));
            assert_eq!(page.status, 200);
            assert!(page.header("x-taxii-date-added-first").unwrap() > last.as_str());
            page.header("x-taxii-date-added-last").unwrap().clone_into(&mut last);
            seen.extend(page.ids());
            let json = page.json();
            let Some(more) = json["next"].as_str() else { break };
            assert_eq!(json["more"], true);
            next = format!("&next={more}");
        }
        assert_eq!(seen, stage.get(&stage.node.objects("")).ids());
    }
}

fn custom_properties(stage: &Stage) {
    let mut custom = indicator(60, 0, Some(CLEAR));
    custom["x_cert_severity"] = json!({"level": 3, "words": ["a", "b"]});
    assert_eq!(
        stage.send("POST", &stage.node.objects(""), &envelope(&[custom.clone()])).json()["success_count"],
        1
    );
    let answer = stage.get(&stage.node.objects(&format!("{}/", id("indicator", 60))));
    assert_eq!(answer.json()["objects"], json!([custom]));
}

#[test]
fn every_mandatory_case_holds() {
    let mut numbers: Vec<&str> =
        CASES.iter().map(|case| case.0).chain(ELSEWHERE.iter().map(|case| case.0)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), ROWS, "each row of the document once");
    // Where the list itself is at hand, it is the same list.
    let list = std::env::var("TAXII_INTEROP").ok().and_then(|path| std::fs::read(path).ok());
    if let Some(list) = list {
        let list: Value = serde_json::from_slice(&list).unwrap();
        for row in list["rows"].as_array().unwrap() {
            let name = (row["section"].as_str().unwrap(), row["test_case"].as_str().unwrap());
            let ours = CASES.iter().map(|case| (case.0, case.1));
            assert!(
                ours.chain(ELSEWHERE.iter().map(|case| (case.0, case.1))).any(|own| own == name),
                "{name:?}"
            );
        }
    }
    let (only_reads, changes): (Vec<&Case>, Vec<&Case>) = CASES
        .iter()
        .partition(|case| !["3.5.2.2", "3.10.1", "3.11.1", "3.11.2", "3.12.1", "3.15.1"].contains(&case.0));
    let stage = Stage::new();
    for (number, name, hold) in only_reads {
        println!("{number} {name}");
        hold(&stage);
    }
    for (number, name, hold) in changes {
        println!("{number} {name}");
        hold(&Stage::new());
    }
}
