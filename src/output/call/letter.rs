//! `--letter`: a text for whoever can help, ready to be sent: the administrator of this network, the
//! operator of the deployment, or both.
//!
//! It says what was tried, when, and what is asked for, and holds no secret and no text of a server. Where nobody has to be
//! written to, or not yet, it says so, and why.

mod visit;

use std::io::{self, Write};
use std::time::Duration;

use super::means::Outlook;
use super::operator::{self, ServerFault};
use super::sentences::Sentences;
use super::{cause, requests, words};
use crate::model::call::{Addressee, CallSummary, Contact, DocumentedPath, NetworkCause, State};
use crate::model::language::Language;
use crate::model::reason::ReasonCode;
use crate::model::report::Report;
use crate::model::timestamp::Timestamp;
use crate::output::log_safe;
use crate::output::quote::left_out;
use crate::output::text::{columns, list, one_line, wrap};

/// The columns of a line: a mail's.
const WIDTH: usize = 76;

pub use visit::{VisitLetter, write_for_visit};

/// To whom the text is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Whoever can help, as far as that is known.
    Found,
    /// The administrator of this network, whatever was found.
    NetworkAdministrator,
    /// The operator of the deployment, whatever was found.
    Operator,
}

/// Writes the text.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, to: Recipient, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| letters(report, to, out))
}

fn letters(report: &Report, to: Recipient, out: &mut dyn Write) -> io::Result<()> {
    let Some(call) = &report.call else {
        return paragraph("There is no letter to write: no call was made.", out);
    };
    let letters = match to {
        Recipient::Found => call.help.letters(),
        Recipient::NetworkAdministrator => &[Addressee::NetworkAdministrator],
        Recipient::Operator => &[Addressee::Operator],
    };
    if letters.is_empty() {
        let answer = words::answer(call, report.deployment.domain.as_str());
        return paragraph(&format!("{answer}.\n\n{}", no_letter(report, call)), out);
    }
    for (number, to) in letters.iter().enumerate() {
        if number > 0 {
            writeln!(out, "\n{}\n", "-".repeat(WIDTH))?;
        }
        match to {
            Addressee::Operator => to_operator(report, call, out)?,
            Addressee::NetworkAdministrator | Addressee::User | Addressee::TokenIssuer => {
                to_network(report, call, out)?;
            }
        }
    }
    Ok(())
}

/// Why there is no text to send, and what to do instead.
fn no_letter(report: &Report, call: &CallSummary) -> String {
    let domain = &report.deployment.domain;
    let outlook = Outlook::of(call);
    let none = |why: &str| format!("There is no letter to write: {why}");
    if let Some(cause) = call.causes.iter().find(|cause| is_of_this_computer(&cause.cause)) {
        let remedy = cause::own_remedy(cause).unwrap_or_default();
        return none(&format!("the first step is yours. {}\n{remedy}", cause::sentence(cause)));
    }
    match (call.help.who.first(), &call.join.state) {
        (None, _) => none("there is nothing to ask for."),
        (Some(Addressee::TokenIssuer), _) => none(
            "the server refuses these credentials. Ask the person who gave them to you for new ones.",
        ),
        (Some(_), State::Stops(stop)) if stop.reason == ReasonCode::DnsNxdomain => none(&format!(
            "the name {domain} does not exist. Is it spelled correctly? If it is, tell the operator \
             that it is missing in the DNS; --letter=operator prints a text for that."
        )),
        (Some(_), State::Stops(_)) => {
            format!("There is no letter to write yet: {}", undecided(domain.as_str()))
        }
        (Some(_), _) if outlook == Outlook::Unknown => {
            none("ovcheck could not run the test on this computer, which comes first.")
        }
        (Some(_), _) => none("the first step is yours."),
    }
}

/// Causes before which nobody else can help.
fn is_of_this_computer(cause: &NetworkCause) -> bool {
    match cause {
        NetworkCause::OwnFirewall
        | NetworkCause::OwnClock { .. }
        | NetworkCause::CaptivePortal { .. }
        | NetworkCause::ProxyRefuses { .. } => true,
        NetworkCause::TlsInspection { .. }
        | NetworkCause::Filtered { .. }
        | NetworkCause::ResolverLies { .. }
        | NetworkCause::ProxyNeeded { .. }
        | NetworkCause::HttpOnly
        | NetworkCause::NothingLeaves
        | NetworkCause::UdpBlocked => false,
    }
}

/// What decides whether this network or the server stops a join.
pub(super) fn undecided(domain: &str) -> String {
    format!(
        "it is not known whether the server or this network is the cause. Open https://{domain} on \
         another network, such as a phone's without Wi-Fi. If that works, run this command with \
         --letter=network; otherwise with --letter=operator."
    )
}

fn to_network(report: &Report, call: &CallSummary, out: &mut dyn Write) -> io::Result<()> {
    let domain = &report.deployment.domain;
    let asked = requests::of(call, &report.deployment);
    let outlook = Outlook::of(call);
    let sentences = Sentences::of(Language::En);
    let opening = opening(outlook, domain.as_str(), asked.len());
    begin(sentences, domain.as_str(), &opening, &asked, out)?;
    if requests::may_have_others(call, &report.deployment) {
        let others = "If the deployment has several media servers, the same is needed for each; its \
                      operator knows their addresses.";
        paragraph(others, out)?;
        writeln!(out)?;
    }
    paragraph(&background(outlook), out)?;
    writeln!(out)?;
    documented(report, call, out)?;
    tried(report, call, out)?;
    for cause in &call.causes {
        writeln!(out)?;
        paragraph(&cause::sentence(cause), out)?;
    }
    end(report, out)
}

/// From the first line to the list of what is asked for.
fn begin(
    sentences: &Sentences,
    domain: &str,
    opening: &str,
    asked: &[requests::Request],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", sentences.say("to", &[]))?;
    writeln!(out, "{}\n", sentences.say("subject", &[("domain", domain)]))?;
    paragraph(&format!("{}\n\n{opening}", sentences.say("hello", &[])), out)?;
    writeln!(out)?;
    for (number, request) in (1..).zip(asked) {
        item(&format!("{number:>3}. "), &request.to_string(), out)?;
    }
    if !asked.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

/// What media needs besides the join, where no join told it: one letter is enough then.
fn documented(report: &Report, call: &CallSummary, out: &mut dyn Write) -> io::Result<()> {
    if call.documented.is_empty() {
        return Ok(());
    }
    let policy = report.deployment.policy;
    let one_of = if call.documented.len() > 1 {
        "one of these connections; the first is the easiest to allow"
    } else {
        "this connection"
    };
    paragraph(
        &format!(
            "Sound and picture need {one_of}. The server names them only after a join, so that it has \
             not confirmed them: they are those of the OpenVidu guide (policy {policy})."
        ),
        out,
    )?;
    writeln!(out)?;
    for path in &call.documented {
        item("  -  ", &requests::of_guide(path, &report.deployment), out)?;
    }
    writeln!(out)?;
    let is_declared = |path: &DocumentedPath| path.name.is_some();
    let media = report.deployment.topology.media();
    if !call.documented.iter().all(is_declared)
        && report.deployment.nodes_of(media).next().is_none()
    {
        let domain = &report.deployment.domain;
        paragraph(&format!("The operator of {domain} knows the names and addresses."), out)?;
        writeln!(out)?;
    }
    Ok(())
}

fn to_operator(report: &Report, call: &CallSummary, out: &mut dyn Write) -> io::Result<()> {
    let domain = &report.deployment.domain;
    let (subject, opening) = match (call.join.state.works(), call.gets_through()) {
        (false, _) => ("people cannot join", "I cannot join video calls at"),
        (true, false) => (
            "calls without sound and picture",
            "I can join video calls at, but without sound and picture:",
        ),
        (true, true) => (
            "a media path does not work",
            "video calls work for me, but people whose network allows less cannot have them at",
        ),
    };
    writeln!(out, "To: the operator of {domain}")?;
    writeln!(out, "Subject: {domain}: {subject}\n")?;
    let opening = match opening.strip_suffix(':') {
        Some(opening) => format!("{}:", opening.replacen("at,", &format!("at {domain},"), 1)),
        None => format!("{opening} {domain}:"),
    };
    paragraph(&format!("Hello,\n\n{opening}"), out)?;
    writeln!(out)?;
    let mut faults = operator::faults(call);
    if faults.is_empty() {
        faults = operator::unexplained(call);
    }
    for (number, fault) in (1..).zip(&faults) {
        let ServerFault { what, remedy, otherwise } = fault;
        let otherwise = otherwise.map_or_else(String::new, |words| format!(" {words}"));
        item(&format!("{number:>3}. "), &format!("{what} {remedy}{otherwise}"), out)?;
    }
    writeln!(out)?;
    tried(report, call, out)?;
    writeln!(out)?;
    let details = format!(
        "On any machine outside, \"ovcheck check {domain}\" shows the cause in detail and how to remove \
         it."
    );
    paragraph(&details, out)?;
    end(report, out)
}

fn end(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    paragraph("Please reply to me if anything is unclear.", out)?;
    writeln!(out)?;
    paragraph(&made_by(Sentences::of(Language::En), report.tool_version), out)
}

fn made_by(sentences: &Sentences, version: &str) -> String {
    sentences.say("made-by", &[("version", version)])
}

/// An opening with what stands before the list of requests.
fn opened(sentences: &Sentences, key: &str, domain: &str, number: usize) -> String {
    let first = sentences.say(if number > 1 { "several" } else { "one" }, &[]);
    sentences.say(key, &[("domain", domain), ("first", &first)])
}

fn opening(outlook: Outlook, domain: &str, number: usize) -> String {
    let say = |key| opened(Sentences::of(Language::En), key, domain, number);
    match outlook {
        Outlook::WithoutDtls => format!(
            "video calls at {domain} can fail from our network: STUN passes, so that browsers choose \
             this path, but DTLS does not pass. We need:"
        ),
        Outlook::LargePacketsLost => format!(
            "video calls at {domain} connect from our network, but packets of the size of video are \
             lost over UDP: sound may pass, while the picture freezes. We need:"
        ),
        Outlook::OverTcp => say("over-tcp"),
        Outlook::NoMedia => say("no-media"),
        Outlook::CutShort | Outlook::ShutOut | Outlook::PlacesLeftOut | Outlook::Unknown => {
            say("some")
        }
        Outlook::NoWayIn | Outlook::Well | Outlook::AsMeant | Outlook::Refused => say("no-way-in"),
    }
}

fn background(outlook: Outlook) -> String {
    let key = match outlook {
        Outlook::NoWayIn => "for-join",
        Outlook::Well
        | Outlook::AsMeant
        | Outlook::OverTcp
        | Outlook::LargePacketsLost
        | Outlook::WithoutDtls
        | Outlook::NoMedia
        | Outlook::Refused
        | Outlook::CutShort
        | Outlook::ShutOut
        | Outlook::PlacesLeftOut
        | Outlook::Unknown => "for-media",
    };
    Sentences::of(Language::En).say(key, &[])
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
    for line in wrap(&left_out(text), WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// `first`, and the text behind it, under itself where it needs more lines. Where the first part
/// leaves too little room, the line becomes longer: a table is to be read by its columns.
fn item(first: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    const LEAST: usize = 24;
    let indent = columns(first);
    let lines = wrap(&one_line(&left_out(text)), WIDTH.saturating_sub(indent).max(LEAST));
    let mut begin = first.to_owned();
    for line in lines {
        writeln!(out, "{begin}{line}")?;
        begin = " ".repeat(indent);
    }
    Ok(())
}
