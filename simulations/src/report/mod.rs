//! What a person sees of a run: a page to look at, a page over many seeds, a story in the terminal, and
//! the file all of them are made from.
//!
//! ```text
//!  run ─▶ Record ─▶ json ─▶ html        one self-contained page
//!                       ├─▶ explain     lines in the terminal
//!                       └─▶ sweep ─▶ sweep_html
//! ```
//!
//! Nothing here changes a run: a report is made from the record alone, and the same record gives the
//! same page. Places on a drawing are whole pixels, so that no drawing depends on the machine.

pub mod coverage;
pub mod explain;
pub mod figures;
pub mod html;
pub mod json;
pub mod machines;
pub mod sweep;
pub mod sweep_html;

mod distribution;
mod lanes;
mod numbers;
mod panels;
mod repeats;
mod scale;
mod sequence;
mod svg;
mod timeline;
mod words;

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod sample;
