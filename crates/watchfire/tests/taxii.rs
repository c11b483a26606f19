//! TAXII 2.1 as it is written and as clients speak it: each probe a line, against the built binary.
#![allow(clippy::unwrap_used)] // a test that cannot go on stops

mod node_kit;

use node_kit::{Answer, CLEAR, Node, TAXII, basic, envelope, id, indicator};
use serde_json::{Value, json};

/// A node with ten indicators, one of them in three versions, an observable and a marking definition.
fn filled() -> Node {
    let node = Node::new();
    let mut objects: Vec<Value> = (0..10).map(|number| indicator(number, 0, Some(CLEAR))).collect();
    objects.extend([indicator(3, 1, Some(CLEAR)), indicator(3, 2, Some(CLEAR))]);
    objects.push(json!({
        "type": "ipv4-addr", "spec_version": "2.1", "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
        "value": "198.51.100.3", "object_marking_refs": [CLEAR],
    }));
    objects.push(json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id("marking-definition", 1),
        "created": "2021-03-02T00:00:00.000Z", "definition_type": "statement",
        "definition": { "statement": "(c) CERT-A" }, "object_marking_refs": [CLEAR],
    }));
    let status = node.post(&envelope(&objects)).json();
    assert_eq!(status["failure_count"], 0, "{status}");
    node
}

fn assert_error(answer: &Answer, status: u16, shown: &str) {
    assert_eq!(answer.status, status, "{shown}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some(TAXII), "{shown}");
    let error = answer.json();
    assert!(error["title"].is_string(), "{shown}: {error}");
    assert_eq!(error["http_status"], status.to_string(), "{shown}");
}

#[test]
fn the_service_says_what_it_is() {
    let node = Node::new();
    let discovery = node.get("/taxii2/");
    assert_eq!((discovery.status, discovery.header("content-type")), (200, Some(TAXII)));
    let root = format!("http://{}/taxii2/alliance/", node.address);
    assert_eq!(discovery.json()["api_roots"], json!([root]));
    assert_eq!(discovery.json()["default"], root);
    let found = node.get(&node.root("")).json();
    assert_eq!(found["versions"], json!([TAXII]));
    assert_eq!(found["max_content_length"], 104_857_600);
    let collections = node.get(&node.root("collections/")).json();
    let [collection] = &collections["collections"].as_array().unwrap()[..] else { panic!("{collections}") };
    assert_eq!(collection["id"], node.collection);
    assert_eq!((&collection["can_read"], &collection["can_write"]), (&json!(true), &json!(true)));
    for name in [node.collection.as_str(), "intelligence"] {
        let one = node.get(&node.root(&format!("collections/{name}/"))).json();
        assert_eq!(one, *collection, "{name}");
    }
    // Without the slash at the end, too.
    for path in ["/taxii2", "/taxii2/alliance", "/taxii2/alliance/collections"] {
        assert_eq!(node.get(path).status, 200, "{path}");
    }
    let empty = node.get(&node.objects(""));
    assert_eq!((empty.status, empty.json()), (200, json!({})));
    assert_eq!(empty.header("x-taxii-date-added-first"), None);
    assert_eq!(node.get(&node.root(&format!("collections/{}/manifest/", node.collection))).json(), json!({}));
}

#[test]
fn whoever_does_not_sign_in_is_told_nothing() {
    let node = Node::new();
    let asked = [
        "/taxii2/".to_owned(),
        node.root(""),
        node.root("collections/"),
        node.objects(""),
        "/taxii2/nowhere/".to_owned(),
        "/nowhere".to_owned(),
        "/metrics".to_owned(),
    ];
    for path in &asked {
        for authorization in [
            "",
            "Basic",
            "Basic !",
            "Basic YWRtaW46d3Jvbmc=",
            "Bearer wft_wrong",
            "Digest x",
            "Basic bm9ib2R5Om5vYm9keQ==",
        ] {
            let answer =
                node.send("GET", path, &[("authorization", authorization), ("accept", "text/html")], b"");
            if answer.status == 429 {
                // Twenty wrong ones from one address, and it is not listened to for a minute.
                assert_eq!(answer.header("retry-after"), Some("60"));
                continue;
            }
            assert_error(&answer, 401, path);
            assert!(
                answer.header("www-authenticate").is_some_and(|header| header.starts_with("Basic realm="))
            );
        }
    }
    let health = node.send("GET", "/healthz", &[], b"");
    assert_eq!((health.status, health.json()), (200, json!({ "status": "ok" })));
}

#[test]
fn what_is_not_there_is_not_found() {
    let node = filled();
    let other = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/taxii2/nowhere/".to_owned(),
        "/taxii2/nowhere/collections/".to_owned(),
        node.root("nowhere/"),
        node.root(&format!("collections/{other}/")),
        node.root("collections/not-a-uuid/objects/"),
        node.root(&format!("collections/{other}/manifest/")),
        node.root(&format!("status/{other}/")),
        node.root("status/not-a-uuid/"),
        node.root("status/%00/"),
        node.objects("indicator--not-a-uuid/"),
        node.objects(&format!("{}/", id("indicator", 999))),
        node.objects(&format!("{}/versions/", id("indicator", 999))),
        node.objects("%00/"),
        "/taxii".to_owned(),
        "/taxii2/alliance/collections/intelligence/objects/x/versions/y/".to_owned(),
    ] {
        assert_error(&node.get(&path), 404, &path);
    }
}

#[test]
fn forms_are_negotiated_as_clients_really_ask() {
    let node = filled();
    let ask = |accept: &str| {
        node.send("GET", &node.objects(""), &[("authorization", &basic("admin")), ("accept", accept)], b"")
    };
    for accept in [
        TAXII,
        "application/taxii+json; version=2.1",
        "APPLICATION/TAXII+JSON; VERSION=2.1",
        "application/taxii+json",
        "application/*",
        "*/*",
        "application/json, text/plain, */*",
        "text/html;q=0.9, application/taxii+json;version=2.1;q=0.1",
    ] {
        let answer = ask(accept);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(TAXII)), "{accept}");
    }
    let none = node.send("GET", &node.objects(""), &[("authorization", &basic("admin"))], b"");
    assert_eq!(none.status, 200);
    for accept in [
        "application/taxii+json;version=2.0",
        "text/html",
        "application/vnd.oasis.taxii+json",
        "application/taxii+json;version=2.1;q=0",
    ] {
        assert_error(&ask(accept), 406, accept);
    }
    // MISP: the scheme in lower case, a content type on GET, an empty cursor.
    let lower = basic("admin").replacen("Basic", "basic", 1);
    let headers = [("authorization", &*lower), ("content-type", "application/json"), ("accept", TAXII)];
    let misp = node.send("GET", &node.objects("?limit=5&next="), &headers, b"");
    assert_eq!((misp.status, misp.ids().len()), (200, 5));
}

#[test]
fn bodies_are_taken_in_their_form() {
    let node = Node::new();
    let body = envelope(&[indicator(1, 0, Some(CLEAR))]).to_string();
    let post = |content_type: Option<&str>, body: &str| {
        let authorization = basic("admin");
        let mut headers = vec![("authorization", &*authorization), ("accept", TAXII)];
        headers.extend(content_type.map(|value| ("content-type", value)));
        node.send("POST", &node.objects(""), &headers, body.as_bytes())
    };
    for content_type in [
        TAXII,
        "application/taxii+json; version=2.1",
        "application/taxii+json",
        "application/stix+json; version=2.1",
    ] {
        assert_eq!(post(Some(content_type), &body).status, 202, "{content_type}");
    }
    for content_type in
        [None, Some("application/json"), Some("text/plain"), Some("application/taxii+json;version=2.0")]
    {
        assert_error(&post(content_type, &body), 415, content_type.unwrap_or("none"));
    }
    // A bundle, as one platform sends it.
    let bundle =
        json!({ "type": "bundle", "id": id("bundle", 1), "objects": [indicator(2, 0, Some(CLEAR))] });
    let answer = post(Some("application/stix+json; version=2.1"), &bundle.to_string());
    assert_eq!((answer.status, answer.json()["success_count"].clone()), (202, json!(1)));
    for wrong in [" {", "7", "\u{feff}", "{\"objects\":[{}]}}", "nonsense"] {
        assert_error(&post(Some(TAXII), wrong), 400, wrong);
    }
    // JSON, and no envelope (TAXII 2.1 §5.5).
    for wrong in ["[]", "{}", "{\"objects\":[]}", "{\"objects\":{}}", &indicator(9, 0, None).to_string()] {
        assert_error(&post(Some(TAXII), wrong), 422, wrong);
    }
    let headers = [("authorization", &*basic("admin")), ("content-type", TAXII)];
    let not_utf8 = node.send("POST", &node.objects(""), &headers, b"{\"objects\":[{\"id\":\"\xff\"}]}");
    assert_error(&not_utf8, 400, "no UTF-8");
}

#[test]
fn each_object_has_its_own_outcome() {
    let node = Node::new();
    let good = indicator(1, 0, Some(CLEAR));
    let mut broken = indicator(2, 0, Some(CLEAR));
    broken.as_object_mut().unwrap().remove("pattern");
    let answer = node.post(&envelope(&[
        good.clone(),
        broken,
        json!({ "type": "indicator", "id": "indicator--x" }),
        json!(7),
    ]));
    assert_eq!(answer.status, 202);
    let status = answer.json();
    assert_eq!(status["status"], "complete");
    for (count, expected) in
        [("total_count", 4), ("success_count", 1), ("failure_count", 3), ("pending_count", 0)]
    {
        assert_eq!(status[count], expected, "{status}");
    }
    assert_eq!(status["successes"][0]["id"], id("indicator", 1));
    assert_eq!(status["successes"][0]["version"], "2021-03-02T00:00:00.000Z");
    for failure in status["failures"].as_array().unwrap() {
        assert!(
            failure["id"].is_string() && failure["version"].is_string() && failure["message"].is_string(),
            "{failure}"
        );
    }
    assert_eq!(node.get(&node.root(&format!("status/{}/", status["id"].as_str().unwrap()))).json(), status);
    // The same once more is a success and changes nothing; other content under the same version is a failure.
    assert_eq!(node.post(&envelope(std::slice::from_ref(&good))).json()["success_count"], 1);
    // Written anew by another program, it says the same.
    let members: Vec<String> =
        good.as_object().unwrap().iter().rev().map(|(name, value)| format!("{name:?} : {value}")).collect();
    let anew = format!("{{\"objects\":[{{ {} }}]}}", members.join(" , "));
    let headers = [("authorization", &*basic("admin")), ("content-type", TAXII)];
    let same = node.send("POST", &node.objects(""), &headers, anew.as_bytes()).json();
    assert_eq!((&same["success_count"], &same["failure_count"]), (&json!(1), &json!(0)), "{same}");
    let mut other = good;
    other["name"] = "another".into();
    let conflict = node.post(&envelope(&[other])).json();
    assert_eq!((&conflict["failure_count"], &conflict["success_count"]), (&json!(1), &json!(0)));
    assert_eq!(node.get(&node.objects("")).ids().len(), 1);
    assert_eq!(node.get(&node.objects("")).json()["objects"][0]["name"], "number 1");
    // A status is for the one who asked.
    node.add_user("ben", "analyst", "CERT-A");
    let path = node.root(&format!("status/{}/", status["id"].as_str().unwrap()));
    assert_error(&node.get_as("ben", &path), 404, "the status of another");
}

/// Without a filter an object is there in the newest specification version, whatever was written last (TAXII 2.1 §3.4).
#[test]
fn the_newest_specification_version_is_meant() {
    let node = Node::new();
    let mut older = indicator(1, 7, Some(CLEAR));
    older.as_object_mut().unwrap().remove("spec_version");
    older["labels"] = json!(["malicious-activity"]);
    let mut only = older.clone();
    only["id"] = id("indicator", 2).into();
    let status = node.post(&envelope(&[indicator(1, 0, Some(CLEAR)), older, only])).json();
    assert_eq!(status["success_count"], 3, "{status}");
    let count = |query: &str| node.get(&node.objects(query)).ids().len();
    assert_eq!((count(""), count("?match[version]=all"), count("?limit=1")), (2, 2, 1));
    assert_eq!(
        (count("?match[spec_version]=2.0"), count("?match[spec_version]=2.0,2.1&match[version]=all")),
        (2, 3)
    );
    let one = node.get(&node.objects(&format!("{}/", id("indicator", 1)))).json();
    assert_eq!(one["objects"][0]["spec_version"], "2.1");
    let versions = node.get(&node.objects(&format!("{}/versions/", id("indicator", 1)))).json();
    assert_eq!(versions["versions"], json!(["2021-03-02T00:00:00.000Z"]));
    let headers = [("authorization", &*basic("admin"))];
    assert_eq!(
        node.send("DELETE", &node.objects(&format!("{}/", id("indicator", 1))), &headers, b"").status,
        200
    );
    assert_eq!(count("?match[spec_version]=2.0,2.1&match[version]=all"), 1, "deleting means all of them");
}

#[test]
fn bytes_are_given_as_they_came() {
    let node = Node::new();
    let text = indicator(1, 0, Some(CLEAR)).to_string().replacen(
        '{',
        "{ \"x_spaced\" :\t1.0e2 , \"x_text\":\"\\u00e9\\/\",",
        1,
    );
    let headers = [("authorization", &*basic("admin")), ("content-type", TAXII)];
    let body = format!("{{\"objects\":[ {text} ]}}");
    let status = node.send("POST", &node.objects(""), &headers, body.as_bytes()).json();
    assert_eq!(status["success_count"], 1, "{status}");
    let given = String::from_utf8(node.get(&node.objects("")).body).unwrap();
    assert_eq!(given, format!("{{\"more\":false,\"objects\":[{text}]}}"));
}

#[test]
fn filters_select() {
    let node = filled();
    let count = |query: &str| {
        let answer = node.get(&node.objects(query));
        assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.ids().len()
    };
    let (one, three) = (id("indicator", 1), id("indicator", 3));
    for (query, expected) in [
        (String::new(), 12),
        ("?match[type]=indicator".to_owned(), 10),
        ("?match%5Btype%5D=indicator".to_owned(), 10),
        ("?match[type]=ipv4-addr,marking-definition".to_owned(), 2),
        ("?match[type]=malware".to_owned(), 0),
        (format!("?match[id]={one}"), 1),
        (format!("?match[id]={one},{three}"), 2),
        (format!("?match[id]={one}&match[type]=malware"), 0),
        ("?match[version]=all".to_owned(), 14),
        ("?match[version]=last".to_owned(), 12),
        ("?match[version]=first".to_owned(), 12),
        (format!("?match[id]={three}&match[version]=first,last"), 2),
        (format!("?match[id]={three}&match[version]=all"), 3),
        (format!("?match[id]={three}&match[version]=2021-03-02T00:01:00Z"), 1),
        (format!("?match[id]={three}&match[version]=2021-03-02T00:01:00.000000Z,first"), 2),
        (format!("?match[id]={three}&match[version]=2021-03-02T00:09:00Z"), 0),
        ("?match[spec_version]=2.1".to_owned(), 12),
        ("?match[spec_version]=2.0".to_owned(), 0),
        ("?limit=3".to_owned(), 3),
        ("?limit=99999999999999999999".to_owned(), 12),
        ("?unheard=of".to_owned(), 12),
        ("?added_after=2020-01-01T00:00:00Z".to_owned(), 12),
        ("?added_after=2020-01-01T00:00:00.1Z".to_owned(), 12),
        ("?added_after=2020-01-01T00:00:00.123456789Z".to_owned(), 12),
        ("?added_after=9999-01-01T00:00:00.000Z".to_owned(), 0),
    ] {
        assert_eq!(count(&query), expected, "{query}");
    }
    for query in [
        "?limit=0",
        "?limit=-1",
        "?limit=ten",
        "?limit=1.5",
        "?next=bogus",
        "?next=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "?added_after=yesterday",
        "?added_after=2020-01-01T00:00:00",
        "?added_after=2020-01-01T00:00:00%2B00:00",
        "?match[version]=newest",
        "?match[version]=",
        "?match[type]=indicator&match[type]=malware",
        "?match[confidence]=50",
        "?match[id]=%zz",
    ] {
        assert_error(&node.get(&node.objects(query)), 400, query);
    }
}

#[test]
fn one_object_and_its_versions() {
    let node = filled();
    let three = id("indicator", 3);
    let object = |query: &str| node.get(&node.objects(&format!("{three}/{query}")));
    assert_eq!(object("").json()["objects"][0]["modified"], "2021-03-02T00:02:00.000Z");
    assert_eq!(object("?match[version]=first").json()["objects"][0]["modified"], "2021-03-02T00:00:00.000Z");
    assert_eq!(object("?match[version]=all").ids().len(), 3);
    assert_eq!(object("?match[version]=all&limit=2").json()["more"], true);
    assert_eq!(object("?match[version]=2000-01-01T00:00:00Z").json(), json!({}));
    let versions = object("versions/");
    let expected = ["2021-03-02T00:00:00.000Z", "2021-03-02T00:01:00.000Z", "2021-03-02T00:02:00.000Z"];
    assert_eq!(versions.json()["versions"], json!(expected));
    assert!(versions.header("x-taxii-date-added-first").is_some());
    let manifest =
        node.get(&node.root(&format!("collections/{}/manifest/?match[version]=all", node.collection)));
    let entries = manifest.json()["objects"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 14);
    for entry in &entries {
        assert_eq!(entry["media_type"], "application/stix+json;version=2.1");
        assert!(entry["version"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(manifest.header("x-taxii-date-added-last"), entries[13]["date_added"].as_str());
    // An observable has no version of its own: it is the date on which it came.
    let observable = entries.iter().find(|entry| entry["id"].as_str().unwrap().starts_with("ipv4")).unwrap();
    assert_eq!(
        observable["version"].as_str().unwrap()[..19],
        observable["date_added"].as_str().unwrap()[..19]
    );
}

#[test]
fn pages_join_and_cursors_last() {
    let mut node = filled();
    let mut seen = Vec::new();
    let mut path = node.objects("?limit=5&match[version]=all");
    let mut last = String::new();
    loop {
        let page = node.get(&path);
        seen.extend(page.ids());
        assert!(
            page.header("x-taxii-date-added-first").unwrap() > last.as_str(),
            "dates rise and are never shared"
        );
        last = page.header("x-taxii-date-added-last").unwrap().to_owned();
        let json = page.json();
        assert_eq!(
            json["more"].as_bool(),
            Some(json.get("next").is_some()),
            "there is more exactly where there is next"
        );
        let Some(next) = json["next"].as_str().map(str::to_owned) else { break };
        // A cursor survives the process, and carries the filters, whether they are said again or not.
        node.kill_and_start();
        let again = if seen.len() < 6 { "&match[version]=all" } else { "&added_after=2020-01-01T00:00:00Z" };
        path = node.objects(&format!("?limit=5&next={next}{again}"));
    }
    assert_eq!(seen.len(), 14);
    let first = node.get(&node.objects("?limit=5&match[type]=indicator")).json();
    let next = first["next"].as_str().unwrap();
    assert_error(
        &node.get(&node.objects(&format!("?next={next}&match[type]=malware"))),
        400,
        "other filters",
    );
    let manifest = node.root(&format!("collections/{}/manifest/?next={next}", node.collection));
    assert_error(&node.get(&manifest), 400, "the cursor of another resource");
    node.add_user("ben", "observer", "CERT-A");
    assert_error(&node.get_as("ben", &node.objects(&format!("?next={next}"))), 400, "the cursor of another");
}

#[test]
fn following_by_the_last_date_loses_nothing() {
    let node = Node::new();
    for batch in 0..3 {
        let objects: Vec<Value> =
            (0..7).map(|number| indicator(batch * 7 + number, 0, Some(CLEAR))).collect();
        node.post(&envelope(&objects));
    }
    let (mut seen, mut after) = (Vec::new(), "2020-01-01T00:00:00Z".to_owned());
    loop {
        let page = node.get(&node.objects(&format!("?limit=2&added_after={after}")));
        if page.json() == json!({}) {
            break;
        }
        seen.extend(page.ids());
        after = page.header("x-taxii-date-added-last").unwrap().to_owned();
    }
    let expected: Vec<String> = (0..21).map(|number| id("indicator", number)).collect();
    assert_eq!(seen, expected);
}

#[test]
fn deleting_takes_what_was_asked_for() {
    let node = filled();
    let headers = [("authorization", &*basic("admin")), ("accept", TAXII)];
    let delete = |path: &str| node.send("DELETE", path, &headers, b"");
    let (three, four) = (id("indicator", 3), id("indicator", 4));
    let one_version = node.objects(&format!("{three}/?match[version]=first"));
    let deleted = delete(&one_version);
    assert_eq!((deleted.status, deleted.body.len()), (200, 0));
    assert_eq!(
        node.get(&node.objects(&format!("{three}/versions/"))).json()["versions"].as_array().unwrap().len(),
        2
    );
    // Without a version, all of them.
    assert_eq!(delete(&node.objects(&format!("{three}/"))).status, 200);
    assert_error(&node.get(&node.objects(&format!("{three}/"))), 404, "deleted");
    assert_error(&delete(&node.objects(&format!("{three}/"))), 404, "deleted already");
    assert_eq!(delete(&node.objects(&format!("{four}/"))).status, 200);
    let manifest = node.get(&node.root(&format!("collections/{}/manifest/", node.collection)));
    assert!(!manifest.ids().contains(&three) && !manifest.ids().contains(&four));
    assert_eq!(node.get(&node.objects("")).ids().len(), 10);
}

#[test]
fn methods_are_sane() {
    let node = filled();
    let headers = [("authorization", &*basic("admin")), ("accept", TAXII)];
    let head = node.send("HEAD", &node.objects(""), &headers, b"");
    let get = node.get(&node.objects(""));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    let options = node.send("OPTIONS", &node.objects(""), &[], b"");
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, POST, HEAD, OPTIONS")));
    for (method, path) in [
        ("POST", "/taxii2/".to_owned()),
        ("PUT", node.objects("")),
        ("PATCH", node.root("")),
        ("DELETE", node.objects("")),
    ] {
        let answer = node.send(method, &path, &headers, b"");
        assert_error(&answer, 405, method);
        assert!(answer.header("allow").is_some());
    }
}

#[test]
fn answers_are_packed_on_demand() {
    let node = filled();
    let packed = |encoding: &str| {
        let headers = [("authorization", &*basic("admin")), ("accept", TAXII), ("accept-encoding", encoding)];
        node.send("GET", &node.objects(""), &headers, b"")
    };
    let plain = node.get(&node.objects("")).body;
    let answer = packed("gzip, deflate");
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < plain.len() / 3 && answer.body.starts_with(&[0x1f, 0x8b]));
    let answer = packed("gzip, deflate, br, zstd");
    assert_eq!(answer.header("content-encoding"), Some("zstd"));
    assert!(answer.body.len() < plain.len() / 3);
    assert_eq!(zstd::stream::decode_all(&answer.body[..]).unwrap(), plain);
    for encoding in ["identity", "gzip;q=0", "br"] {
        assert_eq!(packed(encoding).body, plain, "{encoding}");
    }
}

#[test]
fn bodies_have_a_limit() {
    // At the end of the file the section is [[taxii.api_roots]], so the limit is set before it.
    let node = Node::new();
    let file = node.folder.path().join("watchfire.toml");
    #[allow(clippy::disallowed_methods)] // our own file
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("# max_content_length = 104857600", "max_content_length = 5000");
    std::fs::write(&file, text).unwrap();
    let mut node = node;
    node.kill_and_start();
    assert_eq!(node.get(&node.root("")).json()["max_content_length"], 5000);
    let small = envelope(&[indicator(1, 0, Some(CLEAR))]).to_string();
    let large = format!("{}{}", " ".repeat(5000), small);
    let authorization = basic("admin");
    let headers = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("authorization", authorization.as_str()), ("content-type", TAXII)];
        all.extend(more);
        all
    };
    let post = |more: &[(&'static str, &'static str)], body: &[u8]| {
        node.send("POST", &node.objects(""), &headers(more), body)
    };
    assert_eq!(post(&[], small.as_bytes()).status, 202);
    assert_error(&post(&[], large.as_bytes()), 413, "announced");
    assert_error(&post(&[("content-length", "99999999999")], b"{"), 413, "announced and not sent");
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    let chunked = [("transfer-encoding", "chunked")];
    assert_eq!(post(&chunked, chunk(&small).as_bytes()).status, 202);
    assert_error(&post(&chunked, chunk(&large).as_bytes()), 413, "in chunks");
    let gzip = [("content-encoding", "gzip")];
    let bomb = node_kit::gzip(" ".repeat(50_000_000).as_bytes());
    let mut packed = post(&gzip, &node_kit::gzip(small.as_bytes()));
    assert_eq!(packed.status, 202);
    // Fifty megabytes of nothing have fifty kilobytes, so this one is a smaller bomb.
    let bomb = if bomb.len() < 5000 { bomb } else { node_kit::gzip(" ".repeat(1_000_000).as_bytes()) };
    packed = post(&gzip, &bomb);
    assert_error(&packed, 413, "a bomb");
    assert_error(&post(&gzip, b"\x1f\x8b nonsense"), 400, "no gzip");
    let other = post(&[("content-encoding", "br")], b"x");
    assert_error(&other, 415, "another encoding");
    assert_eq!(other.header("accept-encoding"), Some("gzip, zstd"));
    let zstd = [("content-encoding", "zstd")];
    let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).unwrap();
    let whole = pack(small.as_bytes());
    assert_eq!(post(&zstd, &whole).status, 202);
    assert_error(&post(&zstd, &whole[..whole.len() - 5]), 400, "cut");
    assert_error(&post(&zstd, b"nonsense"), 400, "no zstd");
    let bomb = pack(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 5000, "{} bytes", bomb.len());
    assert_error(&post(&zstd, &bomb), 413, "a bomb");
    // 2^30 bytes of window for nothing: a header, and one empty block (RFC 8878 §3.1.1).
    assert_error(&post(&zstd, &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 20 << 3, 0x01, 0x00, 0x00]), 400, "a window");
}
