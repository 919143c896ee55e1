//! Where the proxy's configuration leads each connection, one line for each.

use std::io;

use crate::model::configuration::{Connection, End, Opening, Trace};
use crate::model::facts::{CertificateFile, ChainReading, ProxyFacts};
use crate::model::report::{Finding, Report};
use crate::model::timestamp::Timestamp;
use crate::output::page::{Ink, Page};
use crate::output::quote;
use crate::output::text;
use crate::output::words;

use super::violation;

/// Writes the picture, if the configuration of a proxy was read.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(facts) = report.proxy_configuration() else { return Ok(()) };
    let mut rows: Vec<(Vec<&Trace>, String)> = Vec::new();
    for trace in &facts.traces {
        let leads = leads(trace, facts, report.started_at);
        match rows.iter_mut().find(|(traces, words)| is_same(traces[0], trace) && *words == leads) {
            Some((traces, _)) => traces.push(trace),
            None => rows.push((vec![trace], leads)),
        }
    }
    page.hanging(&[], 0, &read_files(facts))?;
    for (traces, leads) in &rows {
        let asked = asked(traces, facts);
        let (ink, symbol) = mark(traces[0], report);
        let first =
            [(ink, symbol), (Ink::Plain, " "), (Ink::Strong, asked.as_str()), (Ink::Plain, " → ")];
        page.hanging(&first, 6, leads)?;
    }
    page.blank()
}

/// What findings about this name and port came to.
fn mark(trace: &Trace, report: &Report) -> (Ink, &'static str) {
    let of_trace = |finding: &&Finding| {
        finding.target.host.is_some()
            && finding.target.host == trace.asked.name
            && finding.target.port.and_then(|ports| ports.single()) == Some(trace.asked.port)
    };
    let violations = report.findings.iter().filter(|finding| finding.is_violation());
    let worst = violations.filter(of_trace).map(|finding| finding.severity).max();
    worst.map_or((Ink::Plain, " "), |severity| {
        let (symbol, ink) = violation::mark(severity);
        (ink, symbol)
    })
}

/// `nginx.conf and 3 files that it includes`
fn read_files(facts: &ProxyFacts) -> String {
    let main = facts.files.first().map_or_else(String::new, quote::of_file);
    match facts.files.len() {
        0 | 1 => format!("{main} ({}):", facts.kind),
        2 => format!("{main} ({}), and one more file:", facts.kind),
        more => format!("{main} ({}), and {} more files:", facts.kind, more - 1),
    }
}

fn is_same(one: &Trace, other: &Trace) -> bool {
    let Connection { name, port, family: _, opening } = &one.asked;
    (name, port, opening) == (&other.asked.name, &other.asked.port, &other.asked.opening)
}

/// `turn.example.io:443 (TURN)`, with the family where the other one ends elsewhere.
fn asked(traces: &[&Trace], facts: &ProxyFacts) -> String {
    let first = traces[0];
    let Connection { name, port, family, opening } = &first.asked;
    let name = match name {
        Some(name) if name.as_str().ends_with(".invalid") => "an unknown name".to_owned(),
        Some(name) => name.to_string(),
        None => "no name".to_owned(),
    };
    let opens = match opening {
        Opening::WebSocket => "",
        Opening::Stun => " TURN",
        Opening::Rtmp => " RTMP",
        Opening::PlainRtmp => " RTMP without TLS",
        Opening::PlainHttp => " HTTP",
        Opening::AcmeChallenge => " ACME challenge",
    };
    let all = facts.traces.iter().filter(|trace| is_same(first, trace)).count();
    let over = if traces.len() < all { format!(" over {family}") } else { String::new() };
    format!("{name}:{port}{opens}{over}")
}

/// `10.0.0.20:7880 (ssl/openvidu-cert.pem, 61 days)`
fn leads(trace: &Trace, facts: &ProxyFacts, now: Timestamp) -> String {
    let end = match &trace.end {
        End::Backend(backend) => words::proxy::backend(backend),
        end => words::proxy::end(end),
    };
    let is_passed = matches!(trace.end, End::Backend(_));
    match &trace.certificate {
        Some(certificate) if is_passed => {
            let path = quote::of_file(&certificate.path);
            let lasts = facts.certificate(&certificate.path).and_then(|file| lasts(file, now));
            match lasts {
                Some(lasts) => format!("{end} ({}, {lasts})", short(&path)),
                None => format!("{end} (certificate {})", short(&path)),
            }
        }
        _ => end,
    }
}

/// How long the certificate of a file is valid: `61 days`, `expired`. `None`: the file was not read.
fn lasts(file: &CertificateFile, now: Timestamp) -> Option<String> {
    const DAY: i64 = 86_400;
    let ChainReading::Read(chain) = &file.chain else { return None };
    let left = chain.certificates.first()?.not_after.seconds_since(now);
    let days = usize::try_from(left.div_euclid(DAY));
    Some(days.map_or_else(|_| "expired".to_owned(), |days| text::counted(days, "day")))
}

/// The last two parts of a path: certbot calls every certificate `fullchain.pem`.
fn short(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/').map(|(at, _)| at);
    slashes.nth(1).map_or(path, |at| &path[at + 1..])
}
