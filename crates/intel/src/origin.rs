//! Where indicators come from, told once each: a million of them may come from a million reports of one author.

use crate::key::Key;
use crate::table::Table;

/// Where indicators come from: a report, an event, a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file that was read.
    pub file: String,
    /// Who says so.
    pub author: String,
    /// What the report is called.
    pub title: String,
    /// Its identifier.
    pub id: String,
    /// Its markings, as it writes them.
    pub markings: Vec<String>,
}

/// Stands between the markings of an origin; no marking has a line break, and one that had is two.
const BETWEEN: char = '\n';

/// Texts and origins that are known again when they come once more; beyond, those that came last. To tell one twice
/// costs its bytes, to know all of a million again costs more than they do.
const KNOWN_AGAIN_MAX: usize = 1 << 16;

/// Texts, each once as far as it is known again, by number.
#[derive(Debug, Default)]
struct Texts {
    bytes: String,
    ends: Vec<u32>,
    numbers: Table,
}

impl Texts {
    /// The number of a text; that of the empty text where there is no more room for texts.
    fn number(&mut self, seed: u64, text: &str) -> u32 {
        let key = Key::new(seed).push_all(text.as_bytes()).finish();
        if let Some(number) = self.numbers.find(key, |number| self.text(number) == text) {
            return number;
        }
        let end = u32::try_from(self.bytes.len() + text.len()).ok();
        let (Some(end), Ok(number)) = (end, u32::try_from(self.ends.len())) else {
            return if text.is_empty() { 0 } else { self.number(seed, "") };
        };
        self.bytes.push_str(text);
        self.ends.push(end);
        self.numbers.add_recent(key, number, KNOWN_AGAIN_MAX);
        number
    }

    fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.get(number).map_or("", |end| &self.bytes[start as usize..*end as usize])
    }
}

/// Origins by number.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    texts: Texts,
    /// What origins have in common but for their titles: the numbers of the texts of file, author, id, markings.
    groups: Vec<[u32; 4]>,
    by_group: Table,
    rows: Vec<Row>,
    numbers: Table,
}

/// An origin: the number of its group, and of the text of its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    group: u32,
    title: u32,
}

impl Origins {
    /// The number of an origin.
    pub(crate) fn number(&mut self, seed: u64, origin: &Origin) -> u32 {
        let row = self.row(seed, origin);
        let key = key_of(seed, &[row.group, row.title]);
        if let Some(number) = self.numbers.find(key, |number| self.rows[number as usize] == row) {
            return number;
        }
        let number = self.rows.len() as u32;
        self.rows.push(row);
        self.numbers.add_recent(key, number, KNOWN_AGAIN_MAX);
        number
    }

    fn row(&mut self, seed: u64, origin: &Origin) -> Row {
        Row { group: self.group(seed, origin), title: self.texts.number(seed, &origin.title) }
    }

    fn group(&mut self, seed: u64, origin: &Origin) -> u32 {
        // The first text is the empty one.
        self.texts.number(seed, "");
        let Origin { file, author, id, markings, .. } = origin;
        let markings = markings.join(BETWEEN.encode_utf8(&mut [0; 4]));
        let group = [file, author, id, &markings].map(|text| self.texts.number(seed, text));
        let key = key_of(seed, &group);
        if let Some(number) = self.by_group.find(key, |number| self.groups[number as usize] == group) {
            return number;
        }
        let number = self.groups.len() as u32;
        self.groups.push(group);
        self.by_group.add_recent(key, number, KNOWN_AGAIN_MAX);
        number
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The origin of a number.
    pub(crate) fn origin(&self, number: u32) -> Origin {
        let Some(row) = self.rows.get(number as usize) else { return Origin::default() };
        let [file, author, id, markings] = self.groups[row.group as usize].map(|text| self.texts.text(text));
        let markings = markings.split(BETWEEN).filter(|marking| !marking.is_empty()).map(str::to_owned);
        Origin {
            file: file.to_owned(),
            author: author.to_owned(),
            title: self.texts.text(row.title).to_owned(),
            id: id.to_owned(),
            markings: markings.collect(),
        }
    }

    /// Says an origin anew, under its number.
    pub(crate) fn amend(&mut self, seed: u64, number: u32, origin: &Origin) {
        let Some(&Row { title, .. }) = self.rows.get(number as usize) else { return };
        let is_same = self.texts.text(title) == origin.title;
        let row =
            if is_same { Row { group: self.group(seed, origin), title } } else { self.row(seed, origin) };
        self.rows[number as usize] = row;
    }

    /// Gives back what only adding needs.
    pub(crate) fn close(&mut self) {
        (self.numbers, self.by_group) = (Table::default(), Table::default());
        self.texts.numbers = Table::default();
        self.texts.bytes.shrink_to_fit();
        self.texts.ends.shrink_to_fit();
        self.rows.shrink_to_fit();
    }
}

fn key_of(seed: u64, numbers: &[u32]) -> u64 {
    numbers.iter().fold(Key::new(seed), |key, number| key.push_all(&number.to_le_bytes())).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_comes_back() {
        let origin = |title: &str, markings: &[&str]| Origin {
            file: "feed".to_owned(),
            author: "CERT".to_owned(),
            title: title.to_owned(),
            id: String::new(),
            markings: markings.iter().map(ToString::to_string).collect(),
        };
        let mut origins = Origins::default();
        let one = origins.number(7, &origin("a", &["tlp:red", "PAP:RED"]));
        let two = origins.number(7, &origin("b", &[]));
        assert_eq!(origins.number(7, &origin("a", &["tlp:red", "PAP:RED"])), one);
        assert_eq!((one, two, origins.len()), (0, 1, 2));
        assert_eq!(origins.origin(one), origin("a", &["tlp:red", "PAP:RED"]));
        origins.amend(7, two, &origin("c", &["tlp:green"]));
        origins.close();
        assert_eq!(origins.origin(two), origin("c", &["tlp:green"]));
        assert_eq!(origins.origin(9), Origin::default());
    }

    #[test]
    fn more_than_are_known_again_come_back_too() {
        let origin = |number: usize| Origin { title: number.to_string(), ..Origin::default() };
        let mut origins = Origins::default();
        let many = KNOWN_AGAIN_MAX * 2 + 7;
        for number in 0..many {
            assert_eq!(origins.number(7, &origin(number)), number as u32);
        }
        let bytes = origins.texts.bytes.len();
        for number in 0..many {
            origins.amend(7, number as u32, &Origin { author: "CERT".to_owned(), ..origin(number) });
        }
        assert_eq!(origins.texts.bytes.len(), bytes + "CERT".len(), "titles are not kept twice");
        origins.close();
        for number in [0, KNOWN_AGAIN_MAX, many - 1] {
            assert_eq!(origins.origin(number as u32), Origin { author: "CERT".to_owned(), ..origin(number) });
        }
    }
}
