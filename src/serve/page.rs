//! The results for people, and for programs other than Prometheus.

use std::io;

use serde_json::json;

use super::Prober;
use super::routes::Reply;
use super::target::{Judged, Outcome, Ran, Target};
use crate::complaint::Complaint;
use crate::model::word_list::WordList;
use crate::output;
use crate::output::html::{self, LastRun, TargetLinks, TargetRow};
use crate::output::shown::ShownReport;

/// What is told of a run that ended by a mistake of the program.
pub const CRASHED: &str = "The run ended by an error of ovcheck. Please report it.";

/// `/`: all targets.
pub fn targets(prober: &Prober) -> Reply {
    let runs = prober.runs.last_runs();
    let rows: Vec<TargetRow<'_>> = (runs.iter())
        .map(|(target, module, ran)| TargetRow {
            target: target.config.name.as_str(),
            domain: target.config.run.deployment.domain.as_str(),
            module: module.word(),
            last: match ran.as_ref().map(|ran| &ran.outcome) {
                None => LastRun::None,
                Some(Outcome::Judged(judged)) => LastRun::Report(&judged.line),
                Some(Outcome::Refused(complaint)) => LastRun::Refused(complaint.message.clone()),
                Some(Outcome::Crashed) => LastRun::Refused(CRASHED.to_owned()),
            },
        })
        .collect();
    Reply::written("text/html; charset=utf-8", |out| {
        let links = TargetLinks {
            has_history: prober.runs.observers.history.is_some(),
            has_visits: prober.public_url.is_some(),
        };
        html::write_targets(&rows, links, out)
    })
}

/// `/api/v1/targets`
pub fn list(prober: &Prober) -> Reply {
    let runs = prober.runs.last_runs();
    let rows: Vec<_> = (runs.iter())
        .map(|(target, module, ran)| {
            let judged = ran.as_deref().and_then(Ran::judged);
            json!({
                "target": target.config.name.as_str(),
                "domain": target.config.run.deployment.domain.as_str(),
                "module": module.word(),
                "result": judged.map(|judged| judged.series.result()),
                "age_seconds": ran.as_ref().map(|ran| ran.age().as_secs()),
            })
        })
        .collect();
    Reply::written("application/json", |out| {
        serde_json::to_writer_pretty(out, &json!({ "targets": rows })).map_err(io::Error::other)
    })
}

/// The page of a report.
pub fn report(judged: &Judged, out: &mut Vec<u8>) -> io::Result<()> {
    html::write(&ShownReport::read(&judged.json).map_err(io::Error::other)?, out)
}

/// The JSON report.
pub fn json(judged: &Judged, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&judged.json);
    Ok(())
}

/// Why a run could not begin. A complaint repeats text of files.
pub fn why(complaint: &Complaint) -> String {
    output::log_safe::text(&output::text::clean(&complaint.to_string()))
}

/// The report as `ovcheck check` prints it, for `debug=true`.
pub fn text(target: &Target, ran: &Ran) -> Reply {
    let text = match &ran.outcome {
        Outcome::Judged(judged) => judged.text.clone(),
        Outcome::Refused(complaint) => {
            format!("{}: {}\n", target.config.name, why(complaint))
        }
        Outcome::Crashed => format!("{}: {CRASHED}\n", target.config.name),
    };
    Reply::written("text/plain; charset=utf-8", |out| {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })
}
