//! Reports as text: for people ([`table`]) and for programs ([`json`]); in the formats of other tools
//! ([`github`], [`html`], [`icinga`], [`junit`], [`markdown`], [`metrics`], [`sarif`]), which are made of the JSON report
//! ([`shown`]); the text of a [`plan`]; the rules of a [`firewall`]; and
//! the [`rules`] themselves, listed, [`explain`]ed, with what an [`upgrade`] changes in them, and with
//! the [`troubles`] whose cause they name.
//!
//! An output knows the [`Report`], or what else it writes, and
//! nothing besides. It sorts, folds and wraps; it decides nothing.

use std::io::{self, Write};

use crate::model::plan::RunScope;
use crate::model::report::Report;

pub mod alert;
pub mod alertmanager;
mod arrow;
pub mod call;
pub mod difference;
pub mod explain;
pub mod firewall;
pub mod fleet;
pub mod github;
pub mod history;
pub mod html;
pub mod icinga;
pub mod json;
pub mod junit;
pub mod listen;
pub mod markdown;
pub mod metrics;
pub mod plan;
pub mod plan_vantages;
pub mod proxy;
pub mod result;
pub mod rows;
pub mod rules;
pub mod sarif;
pub mod schema;
pub mod shown;
pub mod table;
pub mod troubles;
pub mod upgrade;
pub mod words;

mod entries;
mod grid;
pub mod log_safe;
mod page;
mod place;
pub mod quote;
mod settings;
pub mod text;
mod vantage;
pub mod visits;

/// Writes the report for people: of a call, or of any other run.
///
/// # Errors
/// Those of `out`.
pub fn write_for_people(
    report: &Report,
    style: &Style,
    exit: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    match report.scope() {
        RunScope::Whole | RunScope::Host | RunScope::Lint => table::write(report, style, exit, out),
        RunScope::Call => call::write(report, style, exit, out),
    }
}

/// How text for people is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The columns that a line may take; less than [`Style::NARROWEST`] counts as that.
    pub width: usize,
    pub colour: Colour,
    pub verbosity: Verbosity,
}

impl Style {
    /// Below this the columns of a report leave no room for words.
    pub const NARROWEST: usize = 60;
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, colour: Colour::Plain, verbosity: Verbosity::Normal }
    }
}

/// Whether text is coloured. The caller knows about terminals and `NO_COLOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Plain,
    /// ANSI escape sequences (ECMA-48 SGR).
    Ansi,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The last line alone.
    Quiet,
    /// What is wrong in full, what is right in one line.
    Normal,
    /// Every finding.
    Verbose,
}
