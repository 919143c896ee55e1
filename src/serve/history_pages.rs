//! The history for people, and for programs.

use std::time::Duration;

use hyper::StatusCode;

use super::Prober;
use super::routes::{HTML, JSON, Reply, TEXT, parameter};
use crate::compare;
use crate::config::serve as configuration;
use crate::model::history::{RunHead, RunId, TargetHistory};
use crate::model::prober::TargetName;
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;
use crate::output::shown::ShownReport;
use crate::output::{Style, difference, history as output, html};
use crate::store::{History, StoreError, Wanted};

/// The time that is shown unless `since` says otherwise.
const SHOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The most runs of an answer.
const MOST_RUNS: u32 = 10_000;

/// The most runs from which a page takes those that changed verdicts.
const MOST_OF_PAGE: u32 = 3_000;

/// The runs of a target, the newest first.
type Runs = Vec<(RunId, RunHead, bool)>;

/// `/targets/NAME`: the history of a target.
pub async fn page(prober: &Prober, target: &str) -> Reply {
    let Ok(target) = target.parse::<TargetName>() else { return Reply::not_found() };
    let now = Clock::start().now();
    let since = now.minus(SHOWN);
    let asked = ask(prober, move |history| {
        let wanted = Wanted { target: &target, module: None, since, most: MOST_OF_PAGE };
        Ok((history.of_target(&target, since, now)?, history.runs(&wanted)?))
    });
    let found: Result<(Option<TargetHistory>, Runs), Reply> = asked.await;
    match found {
        Err(refusal) => refusal,
        Ok((None, _)) => Reply::not_found(),
        Ok((Some(history), runs)) => {
            Reply::written(HTML, |out| html::write_history(&history, &runs, out))
        }
    }
}

/// `/api/v1/targets/NAME/history?since=30d`
pub async fn json(prober: &Prober, target: &str, query: &str) -> Reply {
    let Ok(target) = target.parse::<TargetName>() else { return Reply::not_found() };
    let now = Clock::start().now();
    let Some(since) = since(query, now) else { return wrong_since() };
    match ask(prober, move |history| history.of_target(&target, since, now)).await {
        Err(refusal) => refusal,
        Ok(None) => Reply::not_found(),
        Ok(Some(history)) => Reply::written(JSON, |out| output::write_json(&history, out)),
    }
}

/// `/api/v1/targets/NAME/runs?since=30d`
pub async fn runs(prober: &Prober, target: &str, query: &str) -> Reply {
    let Ok(target) = target.parse::<TargetName>() else { return Reply::not_found() };
    let Some(since) = since(query, Clock::start().now()) else { return wrong_since() };
    let asked = ask(prober, move |history| {
        history.runs(&Wanted { target: &target, module: None, since, most: MOST_RUNS })
    });
    match asked.await {
        Err(refusal) => refusal,
        Ok(runs) => Reply::written(JSON, |out| output::write_runs_json(&runs, out)),
    }
}

/// `/runs/ID` and `/api/v1/runs/ID`: the report of a run, as it was stored.
pub async fn report(prober: &Prober, id: &str, content_type: &'static str) -> Reply {
    let Some(id) = run_id(id) else { return Reply::not_found() };
    let run = match ask(prober, move |history| history.report(id)).await {
        Err(refusal) => return refusal,
        Ok(None) => return Reply::not_found(),
        Ok(Some(run)) => run,
    };
    if run.of_run != id {
        let text = format!(
            "The report of this run is not kept any more. Run {} has the same verdicts.\n",
            run.of_run.0
        );
        return Reply::new(StatusCode::GONE, TEXT, text);
    }
    Reply::written(content_type, |out| match content_type {
        HTML => html::write(&ShownReport::read(&run.json).map_err(std::io::Error::other)?, out),
        _ => {
            out.extend_from_slice(&run.json);
            Ok(())
        }
    })
}

/// `/runs/ID/changes`: what changed since the run before it, as `ovcheck diff` prints it.
pub async fn changes(prober: &Prober, id: &str) -> Reply {
    let Some(id) = run_id(id) else { return Reply::not_found() };
    let asked = ask(prober, move |history| {
        let new = history.report(id)?;
        let Some(before) = history.run_before(id)? else { return Ok((None, new)) };
        Ok((history.report(before)?, new))
    });
    let (old, new) = match asked.await {
        Err(refusal) => return refusal,
        Ok((Some(old), Some(new))) => (old, new),
        Ok((None, Some(_))) => {
            return Reply::new(StatusCode::OK, TEXT, "This is the first run in the history.\n");
        }
        Ok((_, None)) => return Reply::not_found(),
    };
    Reply::written(TEXT, |out| {
        let found = compare::runs((old.id, &old.json), (new.id, &new.json));
        match found.map_err(|complaint| std::io::Error::other(complaint.message))? {
            None => out.extend_from_slice(b"The two runs are about different deployments.\n"),
            Some(found) => {
                let exit = u8::from(found.is_worse());
                difference::write(&found, &Style { width: 100, ..Style::default() }, exit, out)?;
            }
        }
        Ok(())
    })
}

async fn ask<T: Send + 'static>(
    prober: &Prober,
    ask: impl FnOnce(&History) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Reply> {
    let Some(history) = &prober.runs.observers.history else { return Err(Reply::not_found()) };
    history.read(ask).await.map_err(|error| {
        Reply::new(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("The history {error}.\n"))
    })
}

fn run_id(text: &str) -> Option<RunId> {
    text.parse().ok().map(RunId)
}

/// The time in `since` of a query: RFC 3339, or how far back.
fn since(query: &str, now: Timestamp) -> Option<Timestamp> {
    let Some(text) = parameter(query, "since") else { return Some(now.minus(SHOWN)) };
    let back = configuration::age(&text).ok().map(|age| now.minus(age));
    back.or_else(|| Timestamp::from_rfc3339(&text))
}

fn wrong_since() -> Reply {
    let text = "since must be a time such as 12h, 30d or 2026-11-28T00:00:00Z";
    Reply::refused(StatusCode::BAD_REQUEST, text)
}
