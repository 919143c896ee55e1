//! The four ways of a call in one row.

use std::io;

use crate::model::call::{State, WaySummary};
use crate::model::report::Report;
use crate::output::call::words;
use crate::output::page::{Ink, Page, Piece};

/// `call   udp ✓ 12 ms   ice-tcp ✗ TCP   turn-udp – closed   turns ✓ 43 ms`: where one does not work
/// the step at which it stops, or that the policy closes it. Nothing where no call was made.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(call) = &report.call else {
        return Ok(());
    };
    let words: Vec<(Ink, String)> = if call.join.state.works() {
        call.ways.iter().map(of_way).collect()
    } else {
        vec![(ink(&call.join.state), told("join", &call.join.state))]
    };
    let mut pieces: Vec<Piece<'_>> = vec![(Ink::Strong, "call")];
    pieces.extend(words.iter().map(|(ink, text)| (*ink, text.as_str())));
    page.row(&pieces)?;
    page.blank()
}

fn of_way(way: &WaySummary) -> (Ink, String) {
    let id = words::id(way.way);
    match way.state {
        State::Stops(_) if way.closed_on_purpose => (Ink::Faint, format!("{id} – closed")),
        State::Works { .. } if way.small_packets_only => {
            (Ink::Caution, format!("{}, small packets", told(id, &way.state)))
        }
        State::Works { .. } | State::Stops(_) | State::NotOffered | State::Unknown { .. } => {
            (ink(&way.state), told(id, &way.state))
        }
    }
}

fn told(name: &str, state: &State) -> String {
    let mark = words::mark(state);
    match state {
        State::Works { took_ms } => format!("{name} {mark} {took_ms} ms"),
        State::Stops(stop) => format!("{name} {mark} {}", words::step(stop.at)),
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
