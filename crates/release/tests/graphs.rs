//! Random graphs of objects: whoever looks, no byte of anything above what they may know comes out.

mod common;

use std::collections::{HashMap, HashSet};

use common::{Graph, TLP_AMBER, TLP_CLEAR, TLP_GREEN, TLP_RED, TLP_STRICT, id, object};
use watchfire_release::{Recipient, Use};

/// Graphs in a plain run, a few seconds; `GRAPHS=1000000` for a night.
const GRAPHS: u64 = 3_000;

/// A seeded generator (xorshift64*), so that a failure can be had again by its number.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

const TYPES: [&str; 6] = ["indicator", "identity", "relationship", "report", "sighting", "grouping"];
const MARKINGS: [&str; 5] = [TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_STRICT, TLP_RED];

/// What was made, in the test's own words.
struct Made {
    name: String,
    /// Levels that its own markings have, of the whole and of parts; none where it has none.
    levels: Vec<usize>,
    names: Vec<String>,
    members: Vec<String>,
}

fn make(random: &mut Random, count: usize) -> (Graph, Vec<Made>) {
    let types: Vec<&str> = (0..count).map(|_| TYPES[random.below(TYPES.len())]).collect();
    let (mut graph, mut made) = (Graph::default(), Vec::new());
    for (number, object_type) in types.iter().enumerate() {
        let mut rest = Vec::new();
        let (mut levels, mut names, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..random.below(3) {
            levels.push(random.below(MARKINGS.len()));
        }
        if !levels.is_empty() {
            let refs: Vec<String> = levels.iter().map(|level| format!("\"{}\"", MARKINGS[*level])).collect();
            rest.push(format!(r#""object_marking_refs":[{}]"#, refs.join(",")));
            if random.below(5) == 0 {
                let level = random.below(MARKINGS.len());
                levels.push(level);
                rest.push(format!(
                    r#""granular_markings":[{{"selectors":["type"],"marking_ref":"{}"}}]"#,
                    MARKINGS[level]
                ));
            }
        }
        let is_container = matches!(*object_type, "report" | "grouping");
        for (at, property) in ["created_by_ref", "target_ref", "source_ref"].into_iter().enumerate() {
            if random.below(3 + at) == 0 {
                let other = random.below(count);
                names.push(id(types[other], other));
                rest.push(format!(r#""{property}":"{}""#, id(types[other], other)));
            }
        }
        if is_container {
            for _ in 0..random.below(4) {
                let other = random.below(count);
                members.push(id(types[other], other));
            }
            let refs: Vec<String> = members.iter().map(|member| format!("\"{member}\"")).collect();
            rest.push(format!(r#""object_refs":[{}]"#, refs.join(",")));
            names.extend(members.iter().cloned());
        }
        graph.add(&object(object_type, number, &rest.join(",")));
        made.push(Made { name: id(object_type, number), levels, names, members });
    }
    (graph, made)
}

/// What reaches an object.
#[derive(Clone, Copy, PartialEq)]
struct Reached {
    /// The highest level that somebody said.
    said: usize,
    /// Whether somebody marked it, or a container around it.
    marked: bool,
}

/// What reaches each object, by the rules said plainly: its own markings, or, where it has none, those of the containers
/// around it; then whatever was said of what it names.
fn reached(made: &[Made]) -> Vec<Reached> {
    let places: HashMap<&str, usize> =
        made.iter().enumerate().map(|(at, one)| (one.name.as_str(), at)).collect();
    let own = |one: &Made| Reached {
        said: one.levels.iter().max().copied().unwrap_or(0),
        marked: !one.levels.is_empty(),
    };
    let mut found: Vec<Reached> = made.iter().map(own).collect();
    loop {
        let before = found.clone();
        for (at, one) in made.iter().enumerate() {
            for member in one.members.iter().map(|name| places[name.as_str()]) {
                if made[member].levels.is_empty() {
                    found[member].said = found[member].said.max(before[at].said);
                    found[member].marked |= before[at].marked;
                }
            }
        }
        if found == before {
            break;
        }
    }
    loop {
        let before = found.clone();
        for (at, one) in made.iter().enumerate() {
            for named in one.names.iter().map(|name| places[name.as_str()]) {
                found[at].said = found[at].said.max(before[named].said);
            }
        }
        if found == before {
            return found;
        }
    }
}

impl Reached {
    fn level(self) -> usize {
        if self.marked { self.said } else { self.said.max(DEFAULT) }
    }
}

/// AMBER+STRICT stands in for what is unmarked.
const DEFAULT: usize = 3;

#[test]
fn no_byte_above_the_reader_comes_out() {
    let graphs = std::env::var("GRAPHS").ok().and_then(|count| count.parse().ok()).unwrap_or(GRAPHS);
    // The highest level that each may know: in these graphs nobody is named, so RED is for nobody.
    let readers = [
        (Recipient::anyone(), 0),
        (Recipient::person("eve", "ELSEWHERE"), 0),
        (Recipient::person("olga", "CERT"), DEFAULT),
    ];
    for seed in 1..=graphs {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let count = 1 + random.below(12);
        let (graph, made) = make(&mut random, count);
        let reached = reached(&made);
        for (reader, highest) in &readers {
            let released = graph.release(reader, Use::Know);
            let out: HashSet<&[u8]> = released.get().iter().map(Vec::as_slice).collect();
            for (at, one) in reached.iter().enumerate() {
                let expected = one.level() <= *highest;
                assert_eq!(
                    out.contains(graph.bytes(at)),
                    expected,
                    "graph {seed}, {}, {}",
                    made[at].name,
                    reader.words()
                );
            }
            let all = out.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect::<Vec<_>>().join("\n");
            for (at, one) in reached.iter().enumerate() {
                // The id of what somebody marked higher stands nowhere in what came out.
                let above = one.said > *highest;
                assert!(!above || !all.contains(&made[at].name), "graph {seed} names {}", made[at].name);
            }
        }
    }
}
