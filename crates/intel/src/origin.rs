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

/// Texts, each once, by number.
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
        self.numbers.add(key, number);
        number
    }

    fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.get(number).map_or("", |end| &self.bytes[start as usize..*end as usize])
    }
}

/// Origins by number: of each, the numbers of its texts.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    texts: Texts,
    rows: Vec<[u32; 5]>,
    numbers: Table,
}

impl Origins {
    /// The number of an origin.
    pub(crate) fn number(&mut self, seed: u64, origin: &Origin) -> u32 {
        let row = self.row(seed, origin);
        let key = row.iter().fold(Key::new(seed), |key, number| key.push_all(&number.to_le_bytes())).finish();
        if let Some(number) = self.numbers.find(key, |number| self.rows[number as usize] == row) {
            return number;
        }
        let number = self.rows.len() as u32;
        self.rows.push(row);
        self.numbers.add(key, number);
        number
    }

    fn row(&mut self, seed: u64, origin: &Origin) -> [u32; 5] {
        // The first text is the empty one.
        self.texts.number(seed, "");
        let Origin { file, author, title, id, markings } = origin;
        let markings = markings.join(BETWEEN.encode_utf8(&mut [0; 4]));
        [file, author, title, id, &markings].map(|text| self.texts.number(seed, text))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The origin of a number.
    pub(crate) fn origin(&self, number: u32) -> Origin {
        let Some(row) = self.rows.get(number as usize) else { return Origin::default() };
        let text = |at: usize| self.texts.text(row[at]).to_owned();
        let markings = self.texts.text(row[4]);
        let markings = markings.split(BETWEEN).filter(|marking| !marking.is_empty()).map(str::to_owned);
        Origin { file: text(0), author: text(1), title: text(2), id: text(3), markings: markings.collect() }
    }

    /// Says an origin anew, under its number.
    pub(crate) fn amend(&mut self, seed: u64, number: u32, origin: &Origin) {
        let row = self.row(seed, origin);
        if let Some(known) = self.rows.get_mut(number as usize) {
            *known = row;
        }
    }

    /// Gives back what only adding needs.
    pub(crate) fn close(&mut self) {
        self.numbers = Table::default();
        self.texts.numbers = Table::default();
        self.texts.bytes.shrink_to_fit();
        self.texts.ends.shrink_to_fit();
        self.rows.shrink_to_fit();
    }
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
}
