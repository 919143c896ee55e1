//! The history as JSON. Times are texts of RFC 3339 in UTC.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::model::history::{ResultCounts, RunHead, RunId, TargetHistory};
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;
use crate::output::log_safe;
use crate::output::text::clean;

/// Writes the newest run of each module of each target.
///
/// # Errors
/// Those of `out`.
pub fn write_overview_json(runs: &[(RunId, RunHead)], out: &mut dyn Write) -> io::Result<()> {
    let runs: Vec<Value> = runs.iter().map(|(id, head)| run(*id, head)).collect();
    put(&json!({ "history_version": "1.0", "runs": runs }), out)
}

/// Writes runs, the newest first.
///
/// # Errors
/// Those of `out`.
pub fn write_runs_json(runs: &[(RunId, RunHead, bool)], out: &mut dyn Write) -> io::Result<()> {
    let runs = runs.iter().map(|(id, head, is_changed)| {
        let mut run = run(*id, head);
        run["changed"] = (*is_changed).into();
        run
    });
    put(&json!({ "history_version": "1.0", "runs": runs.collect::<Vec<_>>() }), out)
}

/// Writes what is known of a target.
///
/// # Errors
/// Those of `out`.
pub fn write_json(history: &TargetHistory, out: &mut dyn Write) -> io::Result<()> {
    let modules = history.modules.iter().map(|module| {
        let (id, head) = &module.newest;
        json!({
            "module": module.module.word(),
            "newest": run(*id, head),
            "changed_at": module.changed.map(|(_, at)| time(at)),
            "changed_by_run": module.changed.map(|(id, _)| id.0),
            "runs": module.runs,
            "trend": module.trend.iter().map(part).collect::<Vec<_>>(),
        })
    });
    let failing = history.failing.iter().map(|failing| {
        json!({
            "module": failing.module.word(),
            "rule": clean(&failing.rule),
            "since": time(failing.since),
            "since_run": failing.since_run.0,
            "perhaps_longer": failing.is_first_known,
            "undecided_now": failing.is_undecided_now,
        })
    });
    let flapping = history.flapping.iter().map(|flapping| {
        json!({
            "module": flapping.module.word(),
            "rule": clean(&flapping.rule),
            "fingerprint": clean(&flapping.fingerprint),
            "changes_in_24_hours": flapping.changes,
            "last": time(flapping.last),
        })
    });
    let certificates = history.certificates.iter().map(|span| {
        json!({
            "endpoint": clean(&span.certificate.endpoint),
            "family": clean(&span.certificate.family),
            "sha256": clean(&span.certificate.sha256),
            "not_after": time(span.certificate.not_after),
            "issuer": clean(&span.certificate.issuer),
            "first_seen": time(span.first_seen),
            "last_seen": time(span.last_seen),
            "renewal": span.is_renewal,
            "current": span.is_current,
        })
    });
    let paths = history.paths.iter().map(|path| {
        json!({
            "path": clean(&path.path),
            "worked": path.worked,
            "failed": path.failed,
            "unknown": path.unknown,
            "availability": path.availability(),
            "p50_ms": path.median_ms,
            "p95_ms": path.p95_ms,
        })
    });
    let missed = history.missed.iter().map(|missed| {
        json!({
            "module": missed.module.word(),
            "from": time(missed.from),
            "until": time(missed.until),
            "runs": missed.missed,
        })
    });
    let all = json!({
        "history_version": "1.0",
        "target": history.target.as_str(),
        "since": time(history.since),
        "until": time(history.until),
        "modules": modules.collect::<Vec<_>>(),
        "failing": failing.collect::<Vec<_>>(),
        "flapping": flapping.collect::<Vec<_>>(),
        "certificates": certificates.collect::<Vec<_>>(),
        "paths": paths.collect::<Vec<_>>(),
        "missed": missed.collect::<Vec<_>>(),
    });
    put(&all, out)
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

fn run(RunId(id): RunId, head: &RunHead) -> Value {
    json!({
        "run": id,
        "at": time(head.at),
        "target": head.target.as_str(),
        "module": head.module.word(),
        "result": head.result.word(),
        "exit_code": head.exit_code,
        "complete": head.is_complete,
        "coverage": head.coverage,
        "duration_ms": head.took_ms,
        "guide": clean(&head.guide),
        "ruleset_digest": clean(&head.ruleset_digest),
        "tool_version": clean(&head.tool_version),
        "vantage": clean(&head.vantage),
    })
}

fn part(counts: &ResultCounts) -> Value {
    json!({
        "from": time(counts.from),
        "passed": counts.passed,
        "failed": counts.failed,
        "incomplete": counts.incomplete,
    })
}

fn put(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_json(out, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}
