//! What a host keeps: logs, events, files and archives, read as records that point back at their bytes.
//!
//! This crate answers three questions and knows no rule. *Which evidence is there?* ([`gather`] walks folders,
//! disks and archives.) *What is it?* ([`recognise`] decides by content first, by path second.) *What does it
//! say?* Line-based logs are read through a [`Layout`], which knows where the columns, the time and the host
//! stand and hands out borrowed views of a line; Windows events as JSON through [`event`]; small documents
//! (configuration, exports, pages) through [`document`], one entry a fact.
//!
//! Evidence is hostile and incomplete by nature. Nothing here panics on any input, every size has a limit with a
//! name, and what could not be read comes back as a [`Problem`] with its place while the rest is read on.

pub mod archive;
pub mod clock;
pub mod decode;
pub mod digests;
pub mod document;
pub mod event;
pub mod evtx;
mod gather;
mod kind;
pub mod layout;
pub mod lines;
mod problem;
mod recognise;
pub mod text;
mod windows_path;

pub use gather::{Evidence, Gathered, Locator, gather, sha256};
pub use kind::Kind;
pub use layout::Layout;
pub use problem::{Place, Problem};
pub use recognise::{HEAD_BYTES, Recognised, recognise};
pub use windows_path::{WebFolder, WindowsPath};
