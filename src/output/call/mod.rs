//! What a call came to, for a person who wants to have one: the answer in the first five lines,
//! then why, what it means, and what to ask for.

pub(super) mod cause;
pub mod letter;
mod means;
mod operator;
mod requests;
mod sentences;
pub(super) mod words;

use std::io::{self, Write};

use super::page::{Ink, Page};
use super::quote::{left_out, quoted};
use super::result::RunResult;
use super::{Style, Verbosity, log_safe, settings, text, vantage};
use crate::model::call::{Addressee, CallSummary, State, WaySummary};
use crate::model::facts::{Farewell, RoomEnd};
use crate::model::observation::{Blindness, Outcome};
use crate::model::probe::ProbeSpec;
use crate::model::report::Report;
use crate::model::vantage::{Vantage, Zone};
use operator::ServerFault;

/// Where the text beside a label begins.
const LABELLED: usize = 8;
/// The columns of a way.
const WAY: usize = 15;

/// Writes the report about a call. `exit` is the exit status the program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, style: &Style, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        if let Some(call) = &report.call
            && style.verbosity != Verbosity::Quiet
        {
            body(report, call, (style.verbosity, &mut page))?;
        }
        last_line(report, exit, &mut page)
    })
}

fn body(
    report: &Report,
    call: &CallSummary,
    (verbosity, page): (Verbosity, &mut Page<'_>),
) -> io::Result<()> {
    if settings::write(&report.context, page)? {
        page.blank()?;
    }
    let answer = words::answer(call, report.deployment.domain.as_str());
    let ink = match RunResult::of(report) {
        RunResult::Pass => Ink::Good,
        RunResult::Fail => Ink::Bad,
        RunResult::Incomplete | RunResult::Interrupted => Ink::Caution,
    };
    page.line(&[(ink, &answer)])?;
    if call.join.state.works() {
        ways(call, page)?;
    } else {
        join(call, page)?;
    }
    page.blank()?;
    for cause in &call.causes {
        labelled("why", &cause::sentence(cause), page)?;
    }
    let faults = operator::faults(call);
    if call.help.decided {
        let what: Vec<&str> = faults.iter().map(|fault| fault.what.as_str()).collect();
        labelled("why", &what.join("\n"), page)?;
    }
    labelled("means", &means::sentences(call), page)?;
    ask(report, call, &faults, page)?;
    if verbosity == Verbosity::Verbose {
        contacts(call, page)?;
    }
    page.blank()?;
    labelled("did", &done(report), page)?;
    labelled("from", &from(report, call), page)?;
    page.blank()
}

/// The four ways, one line each; below them what did not fit.
fn ways(call: &CallSummary, page: &mut Page<'_>) -> io::Result<()> {
    let places: Vec<String> = call.ways.iter().map(place_of).collect();
    let widest = places.iter().map(|place| text::columns(place)).max();
    let widest = widest.unwrap_or_default();
    let room = page.width().saturating_sub(2 + WAY + widest + 2);
    let mut longer = Vec::new();
    for (way, place) in call.ways.iter().zip(&places) {
        let mark = format!("{} ", words::mark(&way.state));
        let name = format!("{:WAY$}", words::way(way.way));
        let gap = " ".repeat(widest - text::columns(place) + 2);
        let state = words::way_state(way);
        let short = text::cut(&state, room);
        page.line(&[
            (ink(&way.state), &mark),
            (Ink::Strong, &name),
            (Ink::Plain, place),
            (Ink::Plain, &gap),
            (Ink::Plain, &short),
        ])?;
        if short != state {
            longer.push((words::way(way.way), state));
        }
    }
    for (way, state) in longer {
        page.hanging(&[(Ink::Plain, "  "), (Ink::Faint, way)], 2 + WAY, &state)?;
    }
    Ok(())
}

/// The most columns of a place.
const PLACE: usize = 32;

/// Where a way leads; a long name without its end, so that the port is there.
fn place_of(way: &WaySummary) -> String {
    let Some(contact) = words::shown(&way.contacts, &way.state) else {
        return String::new();
    };
    let port = words::port(contact);
    let room = PLACE.saturating_sub(text::columns(&port) + 1);
    // A server may name a host that is none.
    format!("{} {port}", text::cut(&words::host(contact), room)).trim_start().to_owned()
}

/// The join, where it failed.
fn join(call: &CallSummary, page: &mut Page<'_>) -> io::Result<()> {
    let state = &call.join.state;
    let mark = format!("{} ", words::mark(state));
    let place = words::place(&call.join);
    let address = match call.join.address {
        Some(address) if call.join.name.is_some() => format!(" ({address})"),
        Some(_) | None => String::new(),
    };
    let text = format!("{place}{address}: {}", words::state(state));
    page.hanging(&[(ink(state), &mark)], 2, &text)?;
    let of_paths = match state {
        // A run that ended early may have tested them.
        State::Unknown { .. } => "It is not known which of the four media paths work.",
        State::Works { .. } | State::Stops(_) | State::NotOffered => {
            "The four media paths were not tested, because joining failed."
        }
    };
    page.hanging(&[(Ink::Doubt, "? ")], 2, of_paths)
}

fn ink(state: &State) -> Ink {
    match state {
        State::Works { .. } => Ink::Good,
        State::Stops(_) => Ink::Bad,
        State::NotOffered => Ink::Faint,
        State::Unknown { .. } => Ink::Doubt,
    }
}

fn labelled(label: &str, text: &str, page: &mut Page<'_>) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    page.hanging(&[(Ink::Faint, label)], LABELLED, &text::clean(text))
}

/// What to do, what to tell the operator of the deployment, and what to ask the network's
/// administrator for.
fn ask(
    report: &Report,
    call: &CallSummary,
    faults: &[ServerFault],
    page: &mut Page<'_>,
) -> io::Result<()> {
    for cause in &call.causes {
        labelled("do", &left_out(&cause::own_remedy(cause).unwrap_or_default()), page)?;
    }
    let domain = report.deployment.domain.as_str();
    let who = &call.help.who;
    if is_undecided(call) {
        let first = format!("First find out: {}", letter::undecided(domain));
        labelled("do", &first, page)?;
        return Ok(());
    }
    if !faults.is_empty() {
        labelled("tell", &format!("the operator of {domain}:"), page)?;
        let mut told = Vec::new();
        for fault in faults {
            let ServerFault { what, remedy, otherwise } = fault;
            // With the reason, what was seen stands above.
            let what = if call.help.decided { String::new() } else { format!("{what} ") };
            let otherwise = otherwise.map_or_else(String::new, |words| format!(" {words}"));
            let words = text::clean(&left_out(&format!("{what}{remedy}{otherwise}")));
            // Several places can have one remedy.
            if !told.contains(&words) {
                page.hanging(&[], LABELLED + 2, &words)?;
                told.push(words);
            }
        }
    }
    let is_asked = who.contains(&Addressee::NetworkAdministrator)
        && (call.help.decided || who.first() == Some(&Addressee::NetworkAdministrator));
    let requests = if is_asked { requests::of(call, &report.deployment) } else { Vec::new() };
    if !requests.is_empty() {
        labelled("ask", means::asking(call), page)?;
    }
    for request in &requests {
        page.hanging(&[], LABELLED + 2, &left_out(&request.to_string()))?;
    }
    if call.help.letters().is_empty() {
        return Ok(());
    }
    page.hanging(&[], LABELLED, "To print a text to send, run the same command with --letter")
}

/// Whether it takes another network to find out who can help.
fn is_undecided(call: &CallSummary) -> bool {
    call.help.who.first() == Some(&Addressee::User)
        && call.help.who.contains(&Addressee::NetworkAdministrator)
}

/// Every place that was asked.
fn contacts(call: &CallSummary, page: &mut Page<'_>) -> io::Result<()> {
    page.blank()?;
    let of_ways = call
        .ways
        .iter()
        .flat_map(|way| way.contacts.iter().map(|contact| (words::id(way.way), contact)));
    for (id, contact) in std::iter::once(("join", &call.join)).chain(of_ways) {
        let address = match (&contact.name, contact.address) {
            (Some(_), Some(address)) => format!(" ({address})"),
            (_, _) => String::new(),
        };
        let at = contact.tried_ms.map_or_else(String::new, |ms| format!(", at {ms} ms"));
        let text =
            format!("{}{address}{at}: {}", words::place(contact), words::state(&contact.state));
        let pieces = [
            (ink(&contact.state), words::mark(&contact.state)),
            (Ink::Plain, " "),
            (Ink::Plain, id),
        ];
        page.hanging(&pieces, 12, &text)?;
    }
    Ok(())
}

/// What the run left behind, or did not.
fn done(report: &Report) -> String {
    let call = report.observations.iter().find_map(|observation| {
        let is_call = matches!(observation.spec, ProbeSpec::Call(_));
        is_call.then_some(&observation.outcome)
    });
    match call {
        Some(Outcome::Blind(Blindness::Interrupted | Blindness::DeadlineSpent)) => {
            "The run ended early. If a participant had joined by then, it left, and its room was \
             ended."
                .to_owned()
        }
        Some(Outcome::Saw(facts)) => {
            match facts.as_call().and_then(|call| call.farewell.as_ref()) {
                Some(farewell) => format!("One participant joined and {}.", left(farewell)),
                None => "No participant joined.".to_owned(),
            }
        }
        Some(Outcome::Blind(_)) | None => "No participant joined.".to_owned(),
    }
}

fn left(farewell: &Farewell) -> String {
    let left = if farewell.left { "left again" } else { "ended the connection" };
    let room = match &farewell.room {
        RoomEnd::Deleted => "the room is deleted".to_owned(),
        RoomEnd::LeftToServer => {
            "the server deletes the room itself once it has been empty for a while (20 s by default)"
                .to_owned()
        }
        RoomEnd::NotDeleted(why) => format!("the room could not be deleted: {}", quoted(why)),
    };
    format!("{left}; {room}")
}

fn from(report: &Report, call: &CallSummary) -> String {
    let seen_as: Vec<String> = call.seen_as.iter().map(ToString::to_string).collect();
    let seen_as = if seen_as.is_empty() {
        String::new()
    } else {
        format!(", seen by the server as {}", text::list(&seen_as))
    };
    format!(
        "{}{seen_as}\n{}, ovcheck {}",
        place(&report.vantage),
        report.started_at,
        report.tool_version
    )
}

/// Where ovcheck runs: outside, as users do, the addresses say enough.
fn place(vantage: &Vantage) -> String {
    let own: Vec<String> = vantage.addresses.iter().take(3).map(ToString::to_string).collect();
    if vantage.zone == Zone::Internet && vantage.name.is_none() && !own.is_empty() {
        return text::list(&own);
    }
    let from = vantage::from(vantage);
    from.trim_start_matches("from ").to_owned()
}

/// The last line, enough alone for a log.
fn last_line(report: &Report, exit: u8, page: &mut Page<'_>) -> io::Result<()> {
    let result = RunResult::of(report);
    let ink = match result {
        RunResult::Pass => Ink::Good,
        RunResult::Fail => Ink::Bad,
        RunResult::Incomplete | RunResult::Interrupted => Ink::Caution,
    };
    let ways = match &report.call {
        Some(call) if call.join.state.works() => strip(call),
        Some(call) => {
            format!("join {} {}", words::mark(&call.join.state), words::state(&call.join.state))
        }
        None => "no call was made".to_owned(),
    };
    let took = report.duration.as_secs_f64();
    let rest = format!("  {ways} · {took:.2} s · exit status {exit}");
    page.line(&[(ink, &result.to_string()), (Ink::Plain, &rest)])
}

/// `udp ✗ · ice-tcp ✗ · turn-udp ✗ · turns ✓ 12 ms`.
fn strip(call: &CallSummary) -> String {
    let ways = call.ways.iter().map(|way| {
        let time = match way.state {
            State::Works { took_ms } => format!(" {took_ms} ms"),
            State::Stops(_) | State::NotOffered | State::Unknown { .. } => String::new(),
        };
        format!("{} {}{time}", words::id(way.way), words::mark(&way.state))
    });
    ways.collect::<Vec<_>>().join(" · ")
}
