//! The four ways of a call in one row.

use std::io;

use crate::model::call::{CallSummary, State};
use crate::model::report::Report;
use crate::output::call::words;
use crate::output::page::{Ink, Page, Piece};

/// `call   udp ✓ 12 ms   ice-tcp ✗ TCP: no answer   turn-udp …   turns …`; nothing where none was
/// made.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(call) = &report.call else {
        return Ok(());
    };
    let words: Vec<(Ink, String)> = if call.join.state.works() {
        of_ways(call)
    } else {
        vec![(ink(&call.join.state), told("join", &call.join.state))]
    };
    let mut pieces: Vec<Piece<'_>> = vec![(Ink::Strong, "call")];
    pieces.extend(words.iter().map(|(ink, text)| (*ink, text.as_str())));
    page.row(&pieces)?;
    page.blank()
}

fn of_ways(call: &CallSummary) -> Vec<(Ink, String)> {
    call.ways
        .iter()
        .map(|way| (ink(&way.state), told(words::id(way.way), &way.state)))
        .collect()
}

fn told(name: &str, state: &State) -> String {
    let mark = words::mark(state);
    match state {
        State::Works { took_ms } => format!("{name} {mark} {took_ms} ms"),
        State::Stops(stop) => format!("{name} {mark} {}", words::stopped(stop)),
        State::NotOffered => format!("{name} {mark} not offered"),
        State::Unknown { .. } => format!("{name} {mark} not known"),
    }
}

fn ink(state: &State) -> Ink {
    match state {
        State::Works { .. } => Ink::Good,
        // Whether that is wrong say the findings.
        State::Stops(_) => Ink::Caution,
        State::NotOffered => Ink::Faint,
        State::Unknown { .. } => Ink::Doubt,
    }
}
