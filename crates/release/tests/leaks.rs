//! Ways in which other platforms let something out, each by its name: none of them is one here.

mod common;

use common::{Graph, TLP_CLEAR, TLP_GREEN, TLP_RED, id, object};
use watchfire_release::{Marking, Recipient, Use};

fn outsider() -> Recipient {
    Recipient::person("eve", "ELSEWHERE")
}

/// A stream that was bound to a user of AMBER+STRICT gave RED objects (opencti#17576).
#[test]
fn a_stream_gives_no_object_above_its_reader() {
    let mut graph = Graph::default();
    for (number, tlp) in [TLP_CLEAR, TLP_RED, TLP_CLEAR, TLP_RED].into_iter().enumerate() {
        graph.add(&object("indicator", number, &format!(r#""object_marking_refs":["{tlp}"]"#)));
    }
    let released = graph.release(&outsider(), Use::Know);
    assert_eq!(released.get().len(), 2);
    assert_eq!(
        released.clone().map(|objects| objects.len()).into_inner(),
        2,
        "a count is made of what is released"
    );
    for bytes in released.get() {
        assert!(!String::from_utf8_lossy(bytes).contains(TLP_RED));
    }
}

/// Values of RED indicators stood in the context of a stream's events (opencti#16814): what is derived from an object,
/// a context, a sum, a page, has the object's marking.
#[test]
fn what_is_derived_is_marked_like_its_inputs() {
    let mut graph = Graph::default();
    graph.add(&object("indicator", 1, &format!(r#""object_marking_refs":["{TLP_CLEAR}"]"#)));
    graph.add(&object("indicator", 2, &format!(r#""object_marking_refs":["{TLP_RED}"]"#)));
    let markings = graph.markings();
    let context = watchfire_release::derived(&markings);
    assert!(context.covers(&markings[1]) && context.covers(&markings[0]));
    let admitted = |marking: &Marking| Graph::gate(&outsider(), Use::Know, |gate| gate.admits(marking));
    assert!(admitted(&markings[0]) && !admitted(&context));
}

/// Names of victims that were withheld stood in sightings that were not (opencti#15533).
#[test]
fn a_sighting_of_a_withheld_victim_is_withheld() {
    let mut graph = Graph::default();
    let victim = id("identity", 1);
    graph.add(&object("identity", 1, &format!(r#""name":"victim","object_marking_refs":["{TLP_RED}"]"#)));
    graph.add(&object("indicator", 2, &format!(r#""object_marking_refs":["{TLP_CLEAR}"]"#)));
    let sighting = format!(
        r#""sighting_of_ref":"{}","where_sighted_refs":["{victim}"],"object_marking_refs":["{TLP_CLEAR}"]"#,
        id("indicator", 2)
    );
    graph.add(&object("sighting", 3, &sighting));
    let released = graph.release(&outsider(), Use::Know);
    assert_eq!(released.get().len(), 1);
    assert!(!String::from_utf8_lossy(&released.get()[0]).contains(&victim));
}

/// That there is a relation to something withheld could be inferred (opencti#11496).
#[test]
fn a_relation_to_something_withheld_is_withheld() {
    let mut graph = Graph::default();
    graph.add(&object("threat-actor", 1, &format!(r#""object_marking_refs":["{TLP_RED}"]"#)));
    graph.add(&object("indicator", 2, &format!(r#""object_marking_refs":["{TLP_CLEAR}"]"#)));
    // Unmarked, GREEN and CLEAR relations, and a note on one of them.
    let ends = format!(r#""source_ref":"{}","target_ref":"{}""#, id("indicator", 2), id("threat-actor", 1));
    for (number, tlp) in [(3, TLP_CLEAR), (4, TLP_GREEN)] {
        graph.add(&object("relationship", number, &format!(r#"{ends},"object_marking_refs":["{tlp}"]"#)));
    }
    graph.add(&object("relationship", 5, &ends));
    let note =
        format!(r#""object_refs":["{}"],"object_marking_refs":["{TLP_CLEAR}"]"#, id("relationship", 3));
    graph.add(&object("note", 6, &note));
    assert_eq!(graph.release(&outsider(), Use::Know).get().len(), 1);
}

/// An event's marking was lost on the indicators in it (misp-stix): the members of a container take its marking.
#[test]
fn members_without_a_marking_take_that_of_their_container() {
    for (tlp, expected) in [(TLP_CLEAR, 2), (TLP_RED, 0)] {
        let mut graph = Graph::default();
        graph.add(&object("indicator", 1, r#""name":"unmarked""#));
        let members = format!(r#""object_refs":["{}"],"object_marking_refs":["{tlp}"]"#, id("indicator", 1));
        graph.add(&object("grouping", 2, &members));
        assert_eq!(graph.release(&outsider(), Use::Know).get().len(), expected, "{tlp}");
    }
    // Without a container, the default: inside.
    let mut graph = Graph::default();
    graph.add(&object("indicator", 1, r#""name":"unmarked""#));
    assert!(graph.release(&outsider(), Use::Know).get().is_empty());
    assert_eq!(graph.release(&Recipient::person("olga", "CERT"), Use::Know).get().len(), 1);
}

/// A report of another's, marked CLEAR, does not open what it lists, and a RED one closes what nobody marked.
#[test]
fn containers_from_elsewhere_only_restrict() {
    for (tlp, insider) in [(TLP_CLEAR, 1), (TLP_RED, 0)] {
        let mut graph = Graph::default();
        graph.add(&object("indicator", 1, r#""name":"unmarked""#));
        graph.known_container(&id("indicator", 1), tlp);
        assert!(graph.release(&outsider(), Use::Know).get().is_empty());
        assert_eq!(
            graph.release(&Recipient::person("olga", "CERT"), Use::Know).get().len(),
            insider,
            "{tlp}"
        );
    }
}

/// A marking of one value is a marking of the whole object: a part is never cut out of the same id and version.
#[test]
fn a_marked_part_withholds_the_whole() {
    for (part, expected) in [
        (format!(r#"[{{"selectors":["name"],"marking_ref":"{TLP_RED}"}}]"#), 0),
        (format!(r#"[{{"selectors":["name"],"marking_ref":"{TLP_CLEAR}"}}]"#), 1),
        (r#"[{"selectors":["name"],"lang":"de"}]"#.to_owned(), 1),
        (r#"[{"selectors":["name"]}]"#.to_owned(), 0),
        (r#"{"selectors":["name"]}"#.to_owned(), 0),
        (format!(r#"[{{"selectors":["name"],"marking_ref":"{}"}}]"#, id("marking-definition", 9)), 0),
    ] {
        let mut graph = Graph::default();
        let text = format!(r#""name":"n","object_marking_refs":["{TLP_CLEAR}"],"granular_markings":{part}"#);
        graph.add(&object("indicator", 1, &text));
        let released = graph.release(&outsider(), Use::Know);
        assert_eq!(released.get().len(), expected, "{part}");
        assert!(released.get().iter().all(|bytes| bytes == graph.bytes(0)), "what leaves is what came");
    }
}

/// A marking that nobody here knows, that is forged, or that cannot be read.
#[test]
fn an_unknown_marking_stays() {
    let unknown = id("marking-definition", 9);
    for refs in [
        format!(r#""object_marking_refs":["{TLP_CLEAR}","{unknown}"]"#),
        format!(r#""object_marking_refs":["{TLP_CLEAR}",7]"#),
        format!(r#""object_marking_refs":"{TLP_CLEAR}""#),
        format!(r#""object_marking_refs":["{TLP_RED}"],"object_marking_refs":["{TLP_CLEAR}"]"#),
        format!(r#""object_marking_refs":["{TLP_CLEAR}"],"object_marking_refs":["{TLP_RED}"]"#),
        format!(r#""object_marking_refs":["{TLP_CLEAR}"],"labels":["tlp:red"]"#),
        format!(r#""object_marking_refs":["{TLP_CLEAR}"],"labels":["tlp:ex:chr"]"#),
        r#""labels":["tlp:clear"]"#.to_owned(),
    ] {
        let mut graph = Graph::default();
        graph.add(&object("indicator", 1, &refs));
        assert!(graph.release(&outsider(), Use::Know).get().is_empty(), "{refs}");
    }
}

/// PAP:AMBER may be known, and is on no block list.
#[test]
fn what_may_not_be_acted_on_is_on_no_block_list() {
    let pap = id("marking-definition", 9);
    let mut graph = Graph::default();
    graph.add(&object("marking-definition", 9, r#""definition_type":"PAP","name":"PAP:AMBER""#));
    graph.add(&object("indicator", 1, &format!(r#""object_marking_refs":["{TLP_CLEAR}","{pap}"]"#)));
    assert_eq!(graph.release(&outsider(), Use::Know).get().len(), 1);
    assert!(graph.release(&outsider(), Use::Act).get().is_empty());
}
