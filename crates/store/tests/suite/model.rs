//! Pages against a model so simple that it can be seen to be right: a list, walked from end to end.

use watchfire_store::{Clearance, Filter, Outcome, Versions};

use super::paging::{cleared, walk};
use crate::common::{Dice, Home, Made, NOON};

const MARKINGS: [&str; 4] = ["clear", "green", "amber", "red"];

/// What is in the collection: the place and the object.
type Model = Vec<(i64, Made)>;

fn expected(model: &Model, filter: &Filter<'_>, clearance: &[&str], wanted: &Versions) -> Vec<(i64, i64)> {
    let asked = |list: &[&str], word: &str| list.is_empty() || list.contains(&word);
    let visible: Vec<&(i64, Made)> = model
        .iter()
        .filter(|(_, object)| {
            clearance.contains(&object.marking.as_str())
                && asked(&filter.spec_versions, &object.spec_version)
                && asked(&filter.ids, &object.id)
        })
        .collect();
    // Where no specification version is asked for, an item is there in the newest that may be seen, and in no other.
    let is_outdated = |object: &Made| {
        filter.spec_versions.is_empty()
            && visible
                .iter()
                .any(|(_, other)| other.id == object.id && other.spec_version > object.spec_version)
    };
    let visible: Vec<&(i64, Made)> =
        visible.iter().filter(|(_, object)| !is_outdated(object)).copied().collect();
    let beyond = |object: &Made, newer: bool| {
        visible.iter().any(|(_, other)| {
            other.id == object.id
                && if newer {
                    other.version_us > object.version_us
                } else {
                    other.version_us < object.version_us
                }
        })
    };
    let last = wanted.last || (!wanted.first && !wanted.all && wanted.at_us.is_empty());
    let mut chosen: Vec<(i64, i64)> = visible
        .iter()
        .filter(|(_, object)| {
            wanted.all
                || (last && !beyond(object, true))
                || (wanted.first && !beyond(object, false))
                || wanted.at_us.contains(&object.version_us)
        })
        .map(|(place, object)| (*place, object.version_us))
        .collect();
    chosen.sort_unstable();
    chosen
}

fn compare(home: &Home, collection: watchfire_store::CollectionKey, model: &Model, dice: &mut Dice) {
    let clearance: Vec<&str> = MARKINGS.into_iter().filter(|_| dice.roll(3) > 0).collect();
    let ids: Vec<String> = (0..5).map(|number| Made::new(number, 0).id).collect();
    let mut filter = Filter {
        versions: Versions {
            first: dice.roll(3) == 0,
            last: dice.roll(3) == 0,
            all: dice.roll(5) == 0,
            at_us: if dice.roll(3) == 0 { vec![NOON + dice.roll(8) as i64, NOON + 3] } else { Vec::new() },
        },
        ..Filter::default()
    };
    if dice.roll(3) == 0 {
        filter.ids = vec![&ids[dice.roll(5) as usize], &ids[0]];
    }
    if dice.roll(3) == 0 {
        filter.spec_versions = vec!["2.0"];
    }
    let limit = 1 + dice.roll(6) as usize;
    let seen = walk(home, collection, &filter, &cleared(home, &clearance), limit);
    let seen: Vec<(i64, i64)> = seen.iter().map(|object| (object.place, object.version_us)).collect();
    assert_eq!(seen, expected(model, &filter, &clearance, &filter.versions), "{filter:?} for {clearance:?}");
}

fn made(dice: &mut Dice) -> Made {
    let mut object = Made::new(dice.roll(5), NOON + dice.roll(8) as i64);
    object.marking = MARKINGS[dice.roll(4) as usize].to_owned();
    object.spec_version = ["2.0", "2.1"][dice.roll(2) as usize].to_owned();
    object
}

pub(crate) fn versions_agree_with_a_simple_model(home: &Home) {
    for seed in 0..3 {
        let dice = &mut Dice(seed);
        let collection = home.collection(&seed.to_string());
        let other = home.collection(&format!("other {seed}"));
        let mut model: Model = Vec::new();
        for _ in 0..40 {
            match dice.roll(10) {
                0 if !model.is_empty() => {
                    let (_, object) = model.remove(dice.roll(model.len() as u64) as usize);
                    let one = Versions { at_us: vec![object.version_us], ..Versions::default() };
                    let spec_versions = vec!["2.0", "2.1"];
                    let filter =
                        Filter { ids: vec![&object.id], versions: one, spec_versions, ..Filter::default() };
                    let removed = home
                        .store
                        .write(|write| write.remove(collection, &filter, &Clearance::Everything, NOON));
                    assert_eq!(removed.unwrap(), 1);
                }
                1 if !model.is_empty() => {
                    let at = dice.roll(model.len() as u64) as usize;
                    let marking = MARKINGS[dice.roll(4) as usize];
                    let object = &mut model[at].1;
                    home.store.write(|write| write.remark(&object.id, object.version_us, marking)).unwrap();
                    marking.clone_into(&mut object.marking);
                }
                _ => add_some(home, collection, other, &mut model, dice),
            }
            for _ in 0..3 {
                compare(home, collection, &model, dice);
            }
        }
    }
}

/// A batch of a few versions, some of them known.
fn add_some(
    home: &Home,
    collection: watchfire_store::CollectionKey,
    other: watchfire_store::CollectionKey,
    model: &mut Model,
    dice: &mut Dice,
) {
    let mut batch: Vec<Made> = (0..=dice.roll(3)).map(|_| made(dice)).collect();
    // What the store knows keeps the marking and form that it has there, so that the model need not know of them.
    batch.iter_mut().for_each(|object| {
        let digest = object.version_us ^ object.id.bytes().fold(0, |sum, byte| sum + i64::from(byte));
        object.spec_version = ["2.0", "2.1"][(digest & 1) as usize].to_owned();
    });
    if dice.roll(2) == 0 {
        home.add(other, &batch[..1]);
    }
    for (outcome, object) in home.add(collection, &batch).into_iter().zip(batch) {
        match outcome {
            Outcome::Added { place } => {
                let everything = super::objects::everything();
                let stored = walk(home, collection, &everything, &Clearance::Everything, 1_000);
                let key = stored.iter().find(|stored| stored.place == place).unwrap().marking;
                let known =
                    home.store.read(|read| read.markings(watchfire_store::MarkingKey(key.0 - 1))).unwrap();
                let marking = known[0].summary.clone();
                model.push((place, Made { marking, ..object }));
            }
            Outcome::Unchanged => {
                let same =
                    |(_, known): &(i64, Made)| known.id == object.id && known.version_us == object.version_us;
                assert!(model.iter().any(same));
            }
            other => panic!("{other:?}"),
        }
    }
}
