//! The lines by which a log describes itself: `#Fields:`, `#Date:`, `#Version:`, or a bare line of column names.

use super::{COLUMN_LIMIT, Dialect, Layout, Roles};
use crate::clock;
use crate::kind::Kind;
use crate::text::text;

impl Layout {
    /// Takes a directive line into account and says whether the columns changed.
    pub fn directive(&mut self, line: &[u8]) -> bool {
        let Some((name, value)) = split_directive(line) else { return false };
        match name.as_str() {
            "fields" => return self.fields_directive(value),
            "date" => self.date = clock::iso_date(value.trim_ascii()).or(self.date),
            "version" => self.build = exchange_build(value).or_else(|| self.build.take()),
            _ => {}
        }
        false
    }

    fn fields_directive(&mut self, value: &[u8]) -> bool {
        let separator = if self.dialect == Dialect::Csv { b',' } else { b' ' };
        let columns = column_names(value, separator);
        if columns == self.columns {
            return false;
        }
        self.set_columns(columns);
        true
    }

    /// Gives the layout its columns, and finds what they mean.
    pub(super) fn set_columns(&mut self, columns: Vec<String>) {
        let find = |names: &[&str]| {
            let is = |column: &String| names.iter().any(|name| name.eq_ignore_ascii_case(column));
            columns.iter().position(is)
        };
        let w3c = self.dialect == Dialect::W3c;
        self.roles = Roles {
            date: if w3c { find(&["date"]) } else { None },
            time: if w3c { find(&["time"]) } else { find(&TIME_COLUMNS) },
            host: find(&HOST_COLUMNS),
            client: find(&["c-ip", "ClientIpAddress", "client-ip"]),
            request: find(&["RequestId"]),
            stem: find(&["cs-uri-stem", "UrlStem", "cs-uri"]),
            query: find(&["cs-uri-query", "UrlQuery"]),
            agent: find(&["cs(User-Agent)", "UserAgent"]),
            event_data: find(&["EventData"]),
            json: if self.kind == Kind::Audit { find(&["Data"]) } else { None },
        };
        self.columns = columns;
    }
}

const TIME_COLUMNS: [&str; 5] = ["DateTime", "TimeStamp", "MyTimeStamp", "date-time", "time"];

const HOST_COLUMNS: [&str; 5] =
    ["ServerHostName", "ServerName", "Server", "server-hostname", "s-computername"];

/// Splits `#Name: value`; a blank after `#` is forgiven.
pub(crate) fn split_directive(line: &[u8]) -> Option<(String, &[u8])> {
    let rest = line.strip_prefix(b"#")?.trim_ascii_start();
    let colon = memchr::memchr(b':', &rest[..rest.len().min(40)])?;
    Some((text(&rest[..colon]).to_ascii_lowercase(), rest[colon + 1..].trim_ascii()))
}

/// The names in a header line.
pub(crate) fn column_names(line: &[u8], separator: u8) -> Vec<String> {
    let names = line.split(|&byte| byte == separator).map(|name| {
        let name = name.trim_ascii();
        text(name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name)).into_owned()
    });
    names.filter(|name| separator == b',' || !name.is_empty()).take(COLUMN_LIMIT).collect()
}

/// The build in a `#Version:` line: four groups of two, two, four and three digits. Logs that are not tied to a
/// build write `15.0.0.0` or `1.0` there.
fn exchange_build(value: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(value).ok()?.trim();
    let lengths: Vec<usize> = value.split('.').map(str::len).collect();
    let digits = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (digits && lengths == [2, 2, 4, 3]).then(|| value.to_owned())
}
