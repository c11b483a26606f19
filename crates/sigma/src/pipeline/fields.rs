//! Rewriting the tests of a detection.
//!
//! A map of tests is joined by and. Where a field has several names, the map is written once for each of them, which
//! is a list of maps, joined by or.

use super::{Fault, Item, MULTIPLE_MAX, Transformation};
use crate::yaml::{Entry, Kind, Node, Scalar};

/// Rewrites a search identifier's value.
pub(super) fn search(item: &Item, name: &str, node: &mut Node) -> Result<(), Fault> {
    match &mut node.kind {
        Kind::Map(entries) => {
            let mut maps = map(item, name, std::mem::take(entries))?;
            if maps.len() == 1 {
                node.kind = Kind::Map(maps.remove(0));
            } else {
                node.kind = Kind::List(maps.into_iter().map(|entries| as_node(node, entries)).collect());
            }
        }
        Kind::List(items) => {
            let most = items.len() + MULTIPLE_MAX;
            let mut rewritten = Vec::with_capacity(items.len());
            for mut one in std::mem::take(items) {
                if let Kind::Map(entries) = &mut one.kind {
                    let maps = map(item, name, std::mem::take(entries))?;
                    rewritten.extend(maps.into_iter().map(|entries| as_node(&one, entries)));
                    if rewritten.len() > most {
                        return Err(Fault::Multiplied(name.to_owned()));
                    }
                } else {
                    value(item, None, &mut one);
                    rewritten.push(one);
                }
            }
            *items = rewritten;
        }
        Kind::Scalar(_) => value(item, None, node),
        Kind::Null => {}
    }
    Ok(())
}

fn as_node(like: &Node, entries: Vec<Entry>) -> Node {
    Node { place: like.place.clone(), kind: Kind::Map(entries), scalar: Scalar::Text }
}

/// The maps that one map becomes.
fn map(item: &Item, search: &str, entries: Vec<Entry>) -> Result<Vec<Vec<Entry>>, Fault> {
    let mut maps: Vec<Vec<Entry>> = vec![Vec::with_capacity(entries.len())];
    for entry in entries {
        let (field, modifiers) = split(&entry.key);
        if !field.is_empty() && !item.selects(field) {
            for map in &mut maps {
                map.push(entry.clone());
            }
            continue;
        }
        if matches!(item.transformation, Transformation::DropDetectionItem) {
            continue;
        }
        let names = names(item, field);
        if maps.len() * names.len() > MULTIPLE_MAX {
            return Err(Fault::Multiplied(search.to_owned()));
        }
        let mut entry = entry.clone();
        let modifiers = modifiers.to_owned();
        values(item, &modifiers, &mut entry.value);
        let written = names.iter().map(|name| Entry { key: format!("{name}{modifiers}"), ..entry.clone() });
        let written: Vec<Entry> = written.collect();
        maps = maps
            .into_iter()
            .flat_map(|map| {
                written.iter().map(move |entry| [map.as_slice(), std::slice::from_ref(entry)].concat())
            })
            .collect();
    }
    if maps[0].is_empty() {
        return Err(Fault::Emptied(search.to_owned()));
    }
    Ok(maps)
}

/// A key's field, and its modifiers with the bar before them.
fn split(key: &str) -> (&str, &str) {
    let end = key.find('|').unwrap_or(key.len());
    (key[..end].trim(), &key[end..])
}

/// What a transformation calls a field.
pub(super) fn names(item: &Item, field: &str) -> Vec<String> {
    let same = || vec![field.to_owned()];
    if field.is_empty() || !item.selects(field) {
        return same();
    }
    match &item.transformation {
        Transformation::FieldNames(mapping) => {
            mapping.iter().find(|(from, _)| from == field).map_or_else(same, |(_, to)| to.clone())
        }
        Transformation::FieldPrefixes(mapping) => mapping
            .iter()
            .find_map(|(from, to)| Some((field.strip_prefix(from.as_str())?, to)))
            .map_or_else(same, |(rest, to)| to.iter().map(|prefix| format!("{prefix}{rest}")).collect()),
        Transformation::FieldAffix { prefix, suffix } => vec![format!("{prefix}{field}{suffix}")],
        _ => same(),
    }
}

fn values(item: &Item, modifiers: &str, node: &mut Node) {
    let modifier = |name: &str| modifiers.split('|').any(|modifier| modifier.trim() == name);
    let reference = modifier("fieldref");
    // An expression is no string (pySigma: `replace_string` is for plain strings only).
    if modifier("re") || modifier("exists") {
        return;
    }
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|one| value(item, Some(reference), one)),
        _ => value(item, Some(reference), node),
    }
}

/// Rewrites one value; `field` says whether it is the value of a field, and then whether it names another field.
fn value(item: &Item, field: Option<bool>, node: &mut Node) {
    let Kind::Scalar(text) = &mut node.kind else { return };
    if field == Some(true) {
        if let [name] = names(item, text).as_slice() {
            text.clone_from(name);
        }
    } else if let (Transformation::ReplaceString { regex, replacement }, Scalar::Text) =
        (&item.transformation, node.scalar)
    {
        *text = regex.replace_all(text, replacement.as_str()).into_owned();
    }
}
