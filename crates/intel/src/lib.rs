//! Indicators: values that somebody warns of, compiled so that a million of them are looked for in one pass.
//!
//! A [`Builder`] takes values as reports write them, defanged or not ([`defang`]), brings them into the one form of
//! their [`Kind`] ([`normal`]), holds them against lists of what is known to be harmless ([`warning`]) and gives an
//! [`Index`]. Its [`Index::scan`] goes once over any bytes of text and says which indicators stand where.
//!
//! **Invariant**: the cost of a scan follows the text, not the number of indicators, nor how many of them share a host
//! or a file name. **Invariant**: no text and no indicator makes anything run without bound; what is left out is said.

pub mod defang;
mod domain;
mod index;
mod indicator;
mod key;
pub mod limits;
mod network;
mod normal;
mod origin;
mod scan;
mod table;
pub mod warning;

pub use index::{Builder, Found, Index, SitePath};
pub use indicator::{Indicator, Kind};
pub use normal::{Refused, form, guess, normal};
pub use origin::Origin;
pub use warning::Warninglists;

#[cfg(test)]
mod tests;
