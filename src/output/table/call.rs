//! The four ways of a call in one row, or in one for each Media Node.

use std::io;

use crate::model::call::{NodeWay, NodeWays, State, WaySummary};
use crate::model::facts::Way;
use crate::model::report::Report;
use crate::output::call::words;
use crate::output::page::{Ink, Page, Piece};

/// `call   udp ✓ 12 ms   ice-tcp ✗ TCP   turn-udp – closed   turns ✓ 43 ms`: where one does not work
/// the step at which it stops, or that the policy closes it. Nothing where no call was made.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(call) = &report.call else {
        return Ok(());
    };
    if call.nodes.len() > 1 {
        by_node(&call.nodes, page)?;
        return page.blank();
    }
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

/// The same for each Media Node in a row of its own:
///
/// ```text
/// call   media-1   udp ✓ 12 ms   ice-tcp ✓ 9 ms   turn-udp ✓ 14 ms   turns ✓ 20 ms
///        media-2   udp ✗ media   ice-tcp ✓ 9 ms   turn-udp ✗ media   turns ✗ media
///        media-3   no call was on it
/// ```
fn by_node(nodes: &[NodeWays], page: &mut Page<'_>) -> io::Result<()> {
    let rows: Vec<(String, Vec<(Ink, String)>)> = nodes.iter().map(row_of_node).collect();
    let columns = |text: &str| text.chars().count();
    let names = rows.iter().map(|(name, _)| columns(name)).max().unwrap_or_default();
    let width = |place: usize| {
        let cells = rows.iter().filter(|(_, cells)| cells.len() > 1);
        let texts = cells.filter_map(|(_, cells)| Some(columns(&cells.get(place)?.1)));
        texts.max().unwrap_or_default()
    };
    for (number, (name, cells)) in rows.iter().enumerate() {
        let name = format!("{name:names$}");
        let last = cells.len() - 1;
        let padded: Vec<(Ink, String)> = (cells.iter().enumerate())
            .map(|(place, (ink, text))| match place == last {
                true => (*ink, text.clone()),
                false => (*ink, format!("{text:0$}", width(place))),
            })
            .collect();
        let title = if number == 0 { (Ink::Strong, "call") } else { (Ink::Plain, "    ") };
        let mut pieces: Vec<Piece<'_>> = vec![title, (Ink::Plain, &name)];
        pieces.extend(padded.iter().map(|(ink, text)| (*ink, text.as_str())));
        page.row(&pieces)?;
    }
    Ok(())
}

fn row_of_node(node: &NodeWays) -> (String, Vec<(Ink, String)>) {
    let names = words::of_nodes(&node.nodes, &node.addresses);
    let cells = match node.ways.is_empty() {
        true => vec![(Ink::Doubt, "no call was on it".to_owned())],
        false => node.ways.iter().map(of_node_way).collect(),
    };
    (names, cells)
}

fn of_node_way(way: &NodeWay) -> (Ink, String) {
    of_state(way.way, &way.state, way.closed_on_purpose, way.small_packets_only)
}

fn of_way(way: &WaySummary) -> (Ink, String) {
    of_state(way.way, &way.state, way.closed_on_purpose, way.small_packets_only)
}

fn of_state(way: Way, state: &State, is_closed: bool, is_small: bool) -> (Ink, String) {
    let id = words::id(way);
    match state {
        State::Stops(_) if is_closed => (Ink::Faint, format!("{id} – closed")),
        State::Works { .. } if is_small => {
            (Ink::Caution, format!("{}, small packets", told(id, state)))
        }
        State::Works { .. } | State::Stops(_) | State::NotOffered | State::Unknown { .. } => {
            (ink(state), told(id, state))
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
