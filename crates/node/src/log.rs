//! The log, on standard error: a line for each thing that happened, as `name=value` or as JSON, for people and programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::clock::{now_us, text};
use crate::config::LogFormat;

/// How much somebody should mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// It is as it should be.
    Info,
    /// Somebody outside did something wrong, or may have.
    Warning,
    /// Something here does not work.
    Error,
}

/// The form of the process's log: there is one standard error.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Says in which form lines are written, before the first of them.
pub(crate) fn write_as(format: LogFormat) {
    // Whoever said it first is who runs the process.
    let _ = FORMAT.set(format);
}

/// Something that happened, and what goes with it. No secret is ever given to it.
pub(crate) fn log(level: Level, event: &str, fields: &[(&str, Value)]) {
    let format = FORMAT.get().copied().unwrap_or_default();
    let line = line(format, &text(now_us()), level, event, fields);
    // A log that cannot be written stops nothing.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

fn line(format: LogFormat, time: &str, level: Level, event: &str, fields: &[(&str, Value)]) -> String {
    let level = match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    match format {
        LogFormat::Json => {
            let mut all = Map::new();
            for (name, text) in [("time", time), ("level", level), ("event", event)] {
                all.insert(name.to_owned(), text.into());
            }
            all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            format!("{}\n", Value::Object(all))
        }
        LogFormat::Text => {
            let mut line = format!("{time} {level} {event}");
            for (name, value) in fields {
                let _ = match value {
                    Value::String(text) if is_plain(text) => write!(line, " {name}={text}"),
                    // Quoted, so that nobody writes a line of their own, or colours a terminal.
                    other => write!(line, " {name}={}", shown(other)),
                };
            }
            line.push('\n');
            line
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@+[]*".contains(&byte))
}

/// A value as JSON in printed ASCII.
fn shown(value: &Value) -> String {
    let mut shown = String::new();
    for one in value.to_string().chars() {
        if one.is_ascii_graphic() || one == ' ' {
            shown.push(one);
        } else {
            shown.extend(one.escape_unicode());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_people_and_for_programs() {
        let fields = [
            ("url", Value::from("http://127.0.0.1:6100/taxii2/")),
            ("status", 503.into()),
            ("error", "the disk said \"no\"\n2026-01-01 info forged \u{1b}[31m".into()),
            ("name", "".into()),
        ];
        let of =
            |format| line(format, "2021-07-19T11:00:00.000000Z", Level::Error, "request.failed", &fields);
        assert_eq!(
            of(LogFormat::Text),
            "2021-07-19T11:00:00.000000Z error request.failed url=http://127.0.0.1:6100/taxii2/ status=503 \
             error=\"the disk said \\\"no\\\"\\n2026-01-01 info forged \\u001b[31m\" name=\"\"\n"
        );
        let json = of(LogFormat::Json);
        assert_eq!(json.lines().count(), 1);
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&read["event"], &read["status"]), (&"request.failed".into(), &503.into()));
        assert_eq!(read["error"], fields[2].1);
    }
}
