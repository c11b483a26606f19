//! What a record must be able to say for a rule to look at it.
//!
//! The crate never learns what a record is. Whoever has one lends values by slot, decoded only when they are asked
//! for, and borrowed where they stand in the log.

use std::borrow::Cow;

/// The value of one field of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The record has no such field.
    Absent,
    /// The field's bytes. Empty is a value: `''` matches it, `null` does not.
    Text(Cow<'a, [u8]>),
    /// A field with several values: a test holds if it holds for one of them. Without any it is a field that is
    /// there and has no value: `exists` and `null` are both true of it.
    List(Vec<Cow<'a, [u8]>>),
}

impl<'a> Value<'a> {
    /// Borrowed bytes.
    pub fn borrowed(bytes: &'a [u8]) -> Self {
        Self::Text(Cow::Borrowed(bytes))
    }

    /// Whether `test` holds for a value.
    pub(crate) fn any(&self, mut test: impl FnMut(&[u8]) -> bool) -> bool {
        match self {
            Self::Absent => false,
            Self::Text(text) => test(text),
            Self::List(texts) => texts.iter().any(|text| test(text)),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(_) => false,
            Self::List(texts) => texts.is_empty(),
        }
    }
}

/// A record, as a matcher sees it.
pub trait Record {
    /// The value of the field `Matcher::wanted()[slot]`. Asked at most once for a slot in one evaluation.
    fn value(&self, slot: usize) -> Value<'_>;

    /// The bytes from which the value of a slot follows and nothing else, with a number for how they are to be read.
    /// Equal bytes of one kind in one slot must always give equal values; none where there are no such bytes.
    fn stored(&self, slot: usize) -> Option<(u8, &[u8])> {
        let _ = slot;
        None
    }

    /// Calls `test` with the texts of the record until it answers true, and says whether it did. Keywords are sought
    /// in these texts. Where lines are prefiltered they must be bytes that stand in the line (whole, or cut into
    /// values): a derived text would hold keywords that the line does not.
    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool;

    /// How many parts the texts come in, so that each can be remembered; zero where they are only had together. Parts
    /// are numbered alike in all records of a class.
    fn parts(&self) -> usize {
        0
    }

    /// The part that a slot is and nothing else: their stored bytes are the same.
    fn part_of(&self, slot: usize) -> Option<usize> {
        let _ = slot;
        None
    }

    /// A part's bytes, as [`Record::stored`] gives those of a slot.
    fn part_stored(&self, part: usize) -> Option<(u8, &[u8])> {
        let _ = part;
        None
    }

    /// Whether a part's text is a number, a time or an identifier: nothing stands in it but what [`is_figure`] takes.
    fn part_is_figure(&self, part: usize) -> bool {
        let _ = part;
        false
    }

    /// The same as [`Record::any_text`] for one part.
    fn any_text_of(&self, part: usize, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let _ = (part, test);
        false
    }
}

/// Whether a byte can stand in a number, a time, a GUID or a SID, in whatever case.
pub fn is_figure(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || b"xtzsin{}-+:.,".contains(&byte.to_ascii_lowercase())
}
