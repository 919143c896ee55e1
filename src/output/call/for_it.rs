//! `--for-it`: a text for the administrator of a network, ready to be sent.
//!
//! It says what was tried, when, and what is asked for, and holds no secret.

use std::io::{self, Write};
use std::time::Duration;

use super::means::Outlook;
use super::{cause, requests, words};
use crate::model::call::{CallSummary, Contact, State};
use crate::model::report::Report;
use crate::model::timestamp::Timestamp;
use crate::output::text::{columns, list, one_line, wrap};

/// The columns of a line: a mail's.
const WIDTH: usize = 76;

/// Writes the text.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(call) = &report.call else {
        return paragraph("No call was made: there is nothing to ask for.", out);
    };
    let domain = &report.deployment.domain;
    let asked = requests::of(call);
    let outlook = Outlook::of(call);
    if let Some(instead) = nothing_to_ask(call, asked.is_empty()) {
        let answer = words::answer(call, domain.as_str());
        return paragraph(&format!("{answer}. {instead}"), out);
    }
    writeln!(out, "Subject: video calls at {domain}: please allow these connections")?;
    writeln!(out)?;
    paragraph(&format!("Hello,\n\n{}", opening(outlook, domain.as_str())), out)?;
    writeln!(out)?;
    for (number, request) in (1..).zip(&asked) {
        item(&format!("{number:>3}. "), &request.to_string(), out)?;
    }
    writeln!(out)?;
    paragraph(background(outlook), out)?;
    writeln!(out)?;
    tried(report, call, out)?;
    for cause in &call.causes {
        writeln!(out)?;
        paragraph(&cause::sentence(cause), out)?;
    }
    writeln!(out)?;
    paragraph(&format!("Made by ovcheck {}.", report.tool_version), out)?;
    out.flush()
}

/// Why there is no text to send, where there is none.
fn nothing_to_ask(call: &CallSummary, is_empty: bool) -> Option<String> {
    let outlook = Outlook::of(call);
    let words = match outlook {
        Outlook::Well | Outlook::AsMeant => "There is nothing to ask for.",
        Outlook::Unknown => "There is nothing to ask for until that is known.",
        Outlook::Refused => {
            "The server refuses the join; the administrator of this network cannot help."
        }
        Outlook::OverTcp | Outlook::NoMedia | Outlook::NoWayIn if is_empty => {
            let own = call.causes.iter().find_map(|cause| cause::own_remedy(&cause.cause));
            return Some(own.unwrap_or_else(|| {
                "The cause is on the server: the administrator of this network cannot help."
                    .to_owned()
            }));
        }
        Outlook::OverTcp | Outlook::NoMedia | Outlook::NoWayIn => return None,
    };
    Some(words.to_owned())
}

fn opening(outlook: Outlook, domain: &str) -> String {
    match outlook {
        Outlook::OverTcp => format!(
            "video calls at {domain} work from our network only over TCP, so that sound and \
             picture can stall. We need one of these; the first is the best:"
        ),
        Outlook::NoMedia => format!(
            "video calls at {domain} do not work from our network: people can join the room, but \
             neither sound nor picture arrives. We need one of these; the first is the best, each \
             of them is enough:"
        ),
        Outlook::NoWayIn
        | Outlook::Well
        | Outlook::AsMeant
        | Outlook::Refused
        | Outlook::Unknown => {
            format!("video calls at {domain} do not work from our network. We need:")
        }
    }
}

fn background(outlook: Outlook) -> &'static str {
    match outlook {
        Outlook::NoWayIn => {
            "Only outbound connections and their replies are needed. Users join calls over this \
             connection (HTTPS and WebSocket). Sound and picture need further addresses, which \
             the server sends after a join."
        }
        Outlook::Well
        | Outlook::AsMeant
        | Outlook::OverTcp
        | Outlook::NoMedia
        | Outlook::Refused
        | Outlook::Unknown => {
            "Only outbound connections and their replies are needed. They carry sound and picture, \
             encrypted from end to end of each connection (DTLS, SRTP): inspection cannot read \
             them and breaks them. On port 443 the protocol is TURN (RFC 8656), \
             not HTTP."
        }
    }
}

/// What was tried, and when.
fn tried(report: &Report, call: &CallSummary, out: &mut dyn Write) -> io::Result<()> {
    let vantage = &report.vantage;
    let own: Vec<String> = vantage.addresses.iter().take(3).map(ToString::to_string).collect();
    let own = if own.is_empty() { "this computer".to_owned() } else { list(&own) };
    let seen_as: Vec<String> = call.seen_as.iter().map(ToString::to_string).collect();
    let seen_as = if seen_as.is_empty() {
        String::new()
    } else {
        format!(", seen by the server as {}", list(&seen_as))
    };
    let intro = format!("What was tried, on {}, from {own}{seen_as}:", date(report.started_at));
    paragraph(&intro, out)?;
    let of_ways = call.ways.iter().flat_map(|way| &way.contacts);
    let contacts: Vec<&Contact> = std::iter::once(&call.join).chain(of_ways).collect();
    let hosts: Vec<String> = contacts.iter().map(|contact| requests::host(contact)).collect();
    let ports: Vec<String> = contacts.iter().map(|contact| protocol_and_port(contact)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let (of_hosts, of_ports) = (widest(&hosts), widest(&ports));
    for ((contact, host), port) in contacts.iter().zip(&hosts).zip(&ports) {
        let at = match contact.tried_ms {
            Some(ms) => time(report.started_at.plus(Duration::from_millis(ms))),
            None => " ".repeat(8),
        };
        let first = format!("  {at}  {port:of_ports$}  {host:of_hosts$}  ");
        item(&first, &result(&contact.state), out)?;
    }
    Ok(())
}

fn protocol_and_port(contact: &Contact) -> String {
    let port = words::port(contact);
    if contact.tls { format!("{port} (TLS)") } else { port }
}

fn result(state: &State) -> String {
    match state {
        State::Works { .. } => "works".to_owned(),
        State::Stops(_) | State::NotOffered | State::Unknown { .. } => words::state(state),
    }
}

/// `2026-11-26, UTC`.
fn date(at: Timestamp) -> String {
    let text = at.to_string();
    let day = text.split('T').next().unwrap_or_default();
    format!("{day} (times in UTC)")
}

/// `05:15:40`.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let behind = text.split_once('T').map_or("", |(_, time)| time);
    behind.trim_end_matches('Z').to_owned()
}

fn paragraph(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in wrap(text, WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// `first`, and the text behind it, under itself where it needs more lines. Where the first part
/// leaves too little room, the line becomes longer: a table is to be read by its columns.
fn item(first: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    const LEAST: usize = 24;
    let indent = columns(first);
    let lines = wrap(&one_line(text), WIDTH.saturating_sub(indent).max(LEAST));
    let mut begin = first.to_owned();
    for line in lines {
        writeln!(out, "{begin}{line}")?;
        begin = " ".repeat(indent);
    }
    Ok(())
}
