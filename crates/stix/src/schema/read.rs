//! The text of the schema, line by line.

use rustc_hash::FxHashMap;

use super::{Category, Entries, Form, Kind, Precision, Property, Rule, Schema, Target, Terms, Type};

/// Reads the texts; what is wrong comes back with its line.
pub(super) fn schema(texts: [&'static str; 2]) -> Result<Schema, String> {
    let mut blocks: Vec<Block> = Vec::new();
    for (number, line) in texts.into_iter().flat_map(|text| text.lines().enumerate()) {
        let line = line.split_once("# ").map_or(line, |(before, _)| before).trim_end();
        let words: Vec<&'static str> = line.split_whitespace().collect();
        if words.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let block =
                blocks.last_mut().ok_or_else(|| format!("line {}: belongs to nothing", number + 1))?;
            block.lines.push((number + 1, words));
        } else {
            blocks.push(Block { number: number + 1, head: words, lines: Vec::new() });
        }
    }
    assemble(&blocks)
}

/// A line at the margin and the indented ones below it.
struct Block {
    number: usize,
    head: Vec<&'static str>,
    lines: Vec<(usize, Vec<&'static str>)>,
}

fn assemble(blocks: &[Block]) -> Result<Schema, String> {
    let mut schema = Schema {
        types: Vec::new(),
        by_name: FxHashMap::default(),
        terms: blocks.iter().filter_map(terms).collect(),
        relationships: FxHashMap::default(),
    };
    let mut common: Vec<(&[&'static str], &Block)> = Vec::new();
    for block in blocks {
        match *block.head.as_slice() {
            ["vocabulary" | "enumeration", ..] => {}
            ["relationships", ..] => relationships(&mut schema, block)?,
            ["common", ref categories @ .., _] => {
                common.push((&block.head[1..=categories.len()], block));
            }
            [category, name, .., clause] => {
                let own = object(&schema.terms, &common, block, category, name, clause)?;
                schema.by_name.insert(name, schema.types.len());
                schema.types.push(own);
            }
            _ => return Err(format!("line {}: not understood", block.number)),
        }
    }
    Ok(schema)
}

fn terms(block: &Block) -> Option<Terms> {
    let ["vocabulary" | "enumeration", name, clause] = *block.head.as_slice() else { return None };
    let words = block.lines.iter().flat_map(|(_, words)| words.iter().copied()).collect();
    Some(Terms { name, clause, open: block.head[0] == "vocabulary", words })
}

/// `NAME SOURCE... > TARGET...`
fn relationships(schema: &mut Schema, block: &Block) -> Result<(), String> {
    for (number, words) in &block.lines {
        let arrow = words.iter().position(|word| *word == ">");
        let (Some(arrow), Some(name)) = (arrow, words.first()) else {
            return Err(format!("line {number}: no relationship"));
        };
        let pairs = schema.relationships.entry(name).or_default();
        for source in &words[1..arrow] {
            pairs.extend(words[arrow + 1..].iter().map(|target| (*source, *target)));
        }
    }
    Ok(())
}

fn object(
    all_terms: &[Terms],
    common: &[(&[&'static str], &Block)],
    block: &Block,
    category: &str,
    name: &'static str,
    clause: &'static str,
) -> Result<Type, String> {
    let mut own = Type {
        name,
        category: category_of(category).ok_or_else(|| format!("line {}: no category", block.number))?,
        clause,
        properties: Vec::new(),
        by_name: FxHashMap::default(),
        rules: Vec::new(),
        id_from: Vec::new(),
        forbidden: Vec::new(),
        unused: Vec::new(),
        extends: if let ["extension", _, "of", extended, _] = *block.head.as_slice() { extended } else { "" },
    };
    let shared = common.iter().filter(|(categories, _)| categories.contains(&category));
    let sources: Vec<&Block> = shared.map(|(_, block)| *block).chain([block]).collect();
    for source in &sources {
        let clause = source.head.last().copied().unwrap_or_default();
        for (_, words) in source.lines.iter().filter(|(_, words)| !is_rule(words)) {
            property(all_terms, &mut own, clause, words).ok_or_else(|| format!("{name}: {words:?}"))?;
        }
    }
    for source in &sources {
        for (number, words) in source.lines.iter().filter(|(_, words)| is_rule(words)) {
            rule(&mut own, words).ok_or_else(|| format!("line {number}: {name}: {words:?}"))?;
        }
    }
    Ok(own)
}

fn is_rule(words: &[&str]) -> bool {
    matches!(
        words[0],
        "id-from" | "not" | "unused" | "one-of" | "exactly-one-of" | "order" | "some" | "should"
    ) || matches!(words.get(1), Some(&("needs" | "forbids" | "should")))
}

fn category_of(word: &str) -> Option<Category> {
    Some(match word {
        "sdo" => Category::Sdo,
        "sro" => Category::Sro,
        "sco" => Category::Sco,
        "meta" => Category::Meta,
        "struct" => Category::Struct,
        "extension" => Category::Extension,
        _ => return None,
    })
}

fn property(all_terms: &[Terms], own: &mut Type, clause: &'static str, words: &[&'static str]) -> Option<()> {
    let (name, kind) = words.split_first()?;
    let required = name.ends_with('!');
    let name = name.strip_suffix('!').unwrap_or(name);
    let kind = kind_of(all_terms, kind)?;
    own.by_name.insert(name, own.properties.len());
    own.properties.push(Property { name, required, kind, clause });
    Some(())
}

fn kind_of(all_terms: &[Terms], words: &[&'static str]) -> Option<Kind> {
    let number = |word: Option<&&str>, default: i64| word.map_or(Some(default), |word| word.parse().ok());
    Some(match *words.first()? {
        "[" => Kind::List(Box::new(kind_of(all_terms, words.get(1..words.len() - 1)?)?)),
        "anything" => Kind::Anything,
        "string" => Kind::String,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer(number(words.get(1), i64::MIN)?, number(words.get(2), i64::MAX)?),
        "float" => {
            let bound = |word: Option<&&str>, default| word.map_or(Some(default), |word| word.parse().ok());
            Kind::Float(bound(words.get(1), f64::MIN)?, bound(words.get(2), f64::MAX)?)
        }
        "timestamp" => Kind::Timestamp(match words.get(1) {
            None => Precision::Any,
            Some(&"milliseconds") => Precision::Milliseconds,
            Some(&"seconds") => Precision::Seconds,
            Some(_) => return None,
        }),
        "hex" => Kind::Hex,
        "binary" => Kind::Binary,
        "hashes" => Kind::Hashes,
        "dictionary" => Kind::Dictionary(match *words.get(1)? {
            "any" => Entries::Anything,
            "string" => Entries::String,
            "integer" => Entries::Integer,
            "string-or-integer" => Entries::StringOrInteger,
            "strings" => Entries::Strings,
            _ => return None,
        }),
        "vocabulary" | "enumeration" => {
            let name = words.get(1)?;
            Kind::Term(all_terms.iter().position(|terms| terms.name == *name)?)
        }
        "term" => Kind::FreeTerm,
        "ref" => Kind::Ref(words[1..].iter().copied().map(target).collect()),
        "type" => Kind::Type,
        "id" => Kind::Id,
        "spec-version" => Kind::SpecVersion,
        "extensions" => Kind::Extensions,
        "container" => Kind::Container,
        "definition" => Kind::Definition,
        "translations" => Kind::Translations,
        other => form(other).map_or(Kind::Struct(other), Kind::Form),
    })
}

fn form(word: &str) -> Option<Form> {
    Some(match word {
        "language" => Form::Language,
        "selector" => Form::Selector,
        "relationship-type" => Form::RelationshipType,
        "url" => Form::Url,
        "ipv4" => Form::Ipv4,
        "ipv6" => Form::Ipv6,
        "mac" => Form::Mac,
        "domain" => Form::Domain,
        "email" => Form::Email,
        "cpe" => Form::Cpe,
        "priority-class" => Form::PriorityClass,
        "mime-type" => Form::MimeType,
        "country" => Form::Country,
        "registry-key" => Form::RegistryKey,
        _ => return None,
    })
}

fn target(word: &'static str) -> Target {
    match word {
        "any" => Target::Any,
        _ => category_of(word).map_or(Target::Type(word), Target::Category),
    }
}

fn rule(own: &mut Type, words: &[&'static str]) -> Option<()> {
    let index = |word: &&str| own.by_name.get(word).copied();
    let all = |words: &[&'static str]| words.iter().map(index).collect::<Option<Vec<usize>>>();
    let rule = match words {
        ["id-from", names @ ..] => {
            own.id_from = names.to_vec();
            return Some(());
        }
        ["not", names @ ..] => {
            own.forbidden.extend(names);
            return Some(());
        }
        ["unused", names @ ..] => {
            own.unused.extend(names);
            return Some(());
        }
        ["one-of", names @ ..] => Rule::OneOf(all(names)?),
        ["exactly-one-of", names @ ..] => Rule::ExactlyOneOf(all(names)?),
        ["order", earlier, sign, later] => {
            Rule::Order { earlier: index(earlier)?, later: index(later)?, equal_allowed: *sign == "<=" }
        }
        ["some", names @ ..] => Rule::Some(all(names)?),
        ["should", name] => Rule::Should(index(name)?),
        [condition, "needs", names @ ..] => {
            let (name, value) = conditional(condition);
            Rule::Needs { if_present: index(&name)?, value, then: all(names)? }
        }
        [name, "should", then] => Rule::ShouldBeside { if_present: index(name)?, then: index(then)? },
        [condition, "forbids", name] => {
            let (condition, value) = conditional(condition);
            Rule::Forbids { if_present: index(&condition)?, value: value?, then: index(name)? }
        }
        _ => return None,
    };
    own.rules.push(rule);
    Some(())
}

/// `name` or `name=true`.
fn conditional(word: &'static str) -> (&'static str, Option<bool>) {
    match word.split_once('=') {
        Some((name, value)) => (name, Some(value == "true")),
        None => (word, None),
    }
}
