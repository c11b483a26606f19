//! What the standard says of its types, read from the texts in `schema/` into a form that one checker interprets.
//!
//! The text is content: a property, a vocabulary term or a rule is changed there and not in Rust. It is read once, and
//! a test reads it in every build, so that it cannot be wrong at run time.

mod read;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What the text says.
#[derive(Debug)]
pub(crate) struct Schema {
    types: Vec<Type>,
    by_name: FxHashMap<&'static str, usize>,
    terms: Vec<Terms>,
    /// Names of relationships by source and target; see [`Schema::relationship_is_listed`].
    relationships: FxHashMap<&'static str, Vec<(&'static str, &'static str)>>,
}

/// The schema of STIX 2.1 with errata 01.
pub(crate) static STIX_21: LazyLock<Schema> = LazyLock::new(|| {
    read::schema([include_str!("schema/stix-2.1.txt"), include_str!("schema/registers.txt")])
        .expect("the text of the schema is read by a test")
});

/// What a type of objects is (§1.2, §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Category {
    /// Domain object.
    Sdo,
    /// Relationship object.
    Sro,
    /// Cyber-observable object.
    Sco,
    /// Language content, markings, extension definitions, and the bundle.
    Meta,
    /// A type of values within objects.
    Struct,
    /// An extension that the standard defines.
    Extension,
}

/// One type: its properties and what must hold between them.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) category: Category,
    /// Such as `§4.1`.
    pub(crate) clause: &'static str,
    pub(crate) properties: Vec<Property>,
    by_name: FxHashMap<&'static str, usize>,
    pub(crate) rules: Vec<Rule>,
    /// Of which properties the id of an observable is made (§3.4), in the order of the standard.
    pub(crate) id_from: Vec<&'static str>,
    /// Common properties that must not stand here.
    pub(crate) forbidden: Vec<&'static str>,
    /// Common properties that this type does not use.
    pub(crate) unused: Vec<&'static str>,
    /// The type that an extension extends.
    pub(crate) extends: &'static str,
}

/// One property.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
    /// Where the standard says so.
    pub(crate) clause: &'static str,
}

/// What a value must be.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Whatever is no null.
    Anything,
    String,
    Boolean,
    /// Within bounds.
    Integer(i64, i64),
    /// Within bounds.
    Float(f64, f64),
    Timestamp(Precision),
    Hex,
    Binary,
    Hashes,
    Dictionary(Entries),
    /// A term of an enumeration or a vocabulary, by its index.
    Term(usize),
    /// Lower case with hyphens, from no list (§2.11).
    FreeTerm,
    /// An identifier of an object of one of these types or categories.
    Ref(Vec<Target>),
    List(Box<Kind>),
    /// A struct, by its name.
    Struct(&'static str),
    /// The object's own type.
    Type,
    /// The object's own id.
    Id,
    SpecVersion,
    Extensions,
    /// Observables by local names (§2.13).
    Container,
    /// Of a marking definition; what it must be depends on `definition_type`.
    Definition,
    /// The contents of language content.
    Translations,
    /// A string that has a form of its own.
    Form(Form),
}

/// Strings with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Language,
    Selector,
    RelationshipType,
    Url,
    Ipv4,
    Ipv6,
    Mac,
    Domain,
    Email,
    Cpe,
    PriorityClass,
    MimeType,
    Country,
    RegistryKey,
}

/// How precise a timestamp must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Any,
    /// At least three digits (§3.2).
    Milliseconds,
    /// No digits (§6.7.6).
    Seconds,
}

/// What the values of a dictionary must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entries {
    Anything,
    String,
    Integer,
    StringOrInteger,
    Strings,
}

/// What a reference may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Any STIX object; a bundle is none (§8).
    Any,
    Category(Category),
    Type(&'static str),
}

/// What must hold between the properties of a type. Properties are named by their index in the type.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// `one-of a b`: at least one of them.
    OneOf(Vec<usize>),
    /// `exactly-one-of a b`
    ExactlyOneOf(Vec<usize>),
    /// `order a <= b` or `order a < b`; the second of the two is the flag.
    Order { earlier: usize, later: usize, equal_allowed: bool },
    /// `a needs b c`: where a stands (with that value), the others must.
    Needs { if_present: usize, value: Option<bool>, then: Vec<usize> },
    /// `a=true forbids b`
    Forbids { if_present: usize, value: bool, then: usize },
    /// `some a b`: at least one property besides these.
    Some(Vec<usize>),
    /// `should a`: its absence is a warning.
    Should(usize),
    /// `a should b`: where a stands, the absence of b is a warning.
    ShouldBeside { if_present: usize, then: usize },
}

/// A vocabulary or an enumeration.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) name: &'static str,
    pub(crate) clause: &'static str,
    /// Whether other terms are allowed (§2.14) or not (§2.4).
    pub(crate) open: bool,
    words: rustc_hash::FxHashSet<&'static str>,
}

impl Terms {
    pub(crate) fn contains(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

impl Schema {
    /// The type of this name, of whatever category.
    pub(crate) fn of(&self, name: &str) -> Option<&Type> {
        self.by_name.get(name).map(|index| &self.types[*index])
    }

    /// The type of objects of this name.
    pub(crate) fn object(&self, name: &str) -> Option<&Type> {
        self.of(name).filter(|found| !matches!(found.category, Category::Struct | Category::Extension))
    }

    /// The extension of this name.
    pub(crate) fn extension(&self, name: &str) -> Option<&Type> {
        self.of(name).filter(|found| found.category == Category::Extension)
    }

    pub(crate) fn terms(&self, index: usize) -> &Terms {
        &self.terms[index]
    }

    pub(crate) fn terms_named(&self, name: &str) -> Option<&Terms> {
        self.terms.iter().find(|terms| terms.name == name)
    }

    /// Whether the standard lists a relationship of this name between these types (appendix B, §3.7).
    pub(crate) fn relationship_is_listed(&self, name: &str, source: &str, target: &str) -> bool {
        let category = |name| self.object(name).map(|found| found.category);
        let of_category = |listed: &str, name| {
            listed == name
                || (listed == "sco" && category(name) == Some(Category::Sco))
                || (listed == "sdo" && category(name) == Some(Category::Sdo))
        };
        self.relationships.get(name).is_some_and(|pairs| {
            pairs.iter().any(|(from, to)| match (*from, *to) {
                ("any", "any") => true,
                ("same", "same") => source == target,
                (from, to) => of_category(from, source) && of_category(to, target),
            })
        })
    }
}

impl Type {
    /// The property of this name and its index.
    pub(crate) fn property(&self, name: &str) -> Option<(usize, &Property)> {
        let index = *self.by_name.get(name)?;
        Some((index, &self.properties[index]))
    }

    pub(crate) fn name_of(&self, index: usize) -> &'static str {
        self.properties[index].name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read() {
        let of = |category| STIX_21.types.iter().filter(|found| found.category == category).count();
        assert_eq!(of(Category::Sdo), 19);
        assert_eq!(of(Category::Sro), 2);
        assert_eq!(of(Category::Sco), 18);
        assert_eq!(of(Category::Meta), 4);
        assert_eq!(of(Category::Extension), 12);
        assert_eq!(STIX_21.terms.len(), 32 + 3);
        assert!(STIX_21.types.iter().all(|found| found.properties.len() <= 64));
    }

    #[test]
    fn relationships() {
        let listed = |name, from, to| STIX_21.relationship_is_listed(name, from, to);
        assert!(listed("indicates", "indicator", "malware"));
        assert!(!listed("indicates", "malware", "indicator"));
        assert!(listed("related-to", "x-a", "url"));
        assert!(listed("duplicate-of", "campaign", "campaign"));
        assert!(!listed("duplicate-of", "campaign", "malware"));
        assert!(listed("resolves-to", "domain-name", "ipv4-addr"));
    }
}
