//! A run for a target: the same as `ovcheck check`, with less to do.

use std::io;
use std::pin::Pin;

use tokio::runtime::Handle;
use tokio::task;

use super::runs::Order;
use super::target::{Judged, Outcome};
use crate::app::{self, Files};
use crate::complaint::Complaint;
use crate::config::{CheckOptions, RunConfig};
use crate::exit::ExitStatus;
use crate::gate;
use crate::model::prober::ProberModule;
use crate::model::report::Report;
use crate::model::visit::OwnView;
use crate::output::{self, Style};
use crate::waivers::WaiversFile;

/// The width of a report as text, in columns.
const COLUMNS: usize = 100;

/// Makes a run, on a thread of its own: reading files and judging keep a core busy, and no scrape may wait for that.
pub fn run(order: Order) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    let runtime = Handle::current();
    let ended = task::spawn_blocking(move || {
        let module = order.module;
        match runtime.block_on(report(order)) {
            Ok(report) => judged(&report, module).map_or(Outcome::Crashed, Outcome::Judged),
            Err(complaint) => Outcome::Refused(complaint),
        }
    });
    Box::pin(async { ended.await.unwrap_or(Outcome::Crashed) })
}

fn judged(report: &Report, module: ProberModule) -> io::Result<Judged> {
    let exit = ExitStatus::of(report).code();
    let mut json = Vec::new();
    output::json::write(report, exit, &mut json)?;
    let mut text = Vec::new();
    let style = Style { width: COLUMNS, ..Style::default() };
    output::write_for_people(report, &style, exit, &mut text)?;
    let judged = Judged::of(json, &text, module)?;
    Ok(Judged { view: Some(Box::new(OwnView::of(report))), ..judged })
}

async fn report(order: Order) -> Result<Report, Complaint> {
    let Order { target, module, time, interrupt } = order;
    let config = of_module(target.run, module);
    let config = RunConfig {
        deadline: config.deadline.max(module.longest()).min(time),
        deadline_is_set: true,
        ..config
    };
    let options = CheckOptions::default();
    let waivers = WaiversFile::choose(None, config.config_file.as_deref()).waivers()?;
    let files = Files::read(&config)?;
    let mut prepared = app::prepare(config, files, &interrupt).await?;
    prepared.choose_edition(&interrupt).await;
    prepared.may_run()?;
    let report = app::check(prepared, options, &interrupt, &mut |_| {}).await;
    Ok(gate::with_waivers(report, waivers, app::today()))
}

/// What a module asks of a deployment.
fn of_module(config: RunConfig, module: ProberModule) -> RunConfig {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let config = RunConfig { only: words(module.only()), skip: words(module.skipped()), ..config };
    match module {
        // One run, so that what fails in the call has its cause among the other rules.
        ProberModule::Call => RunConfig { deep: Some(true), ..config },
        // Joining a room makes the server call webhooks: only the module that says so does.
        ProberModule::Fast | ProberModule::Full | ProberModule::Certificates => {
            RunConfig { credentials: None, http_proxy: None, ..config }
        }
    }
}
