//! `ovcheck icinga`.

use std::io;

use super::terminal::print;
use super::{Stop, check, tell};
use crate::exit::ExitStatus;
use crate::output::icinga::{self, ServiceState};
use crate::output::shown::ShownReport;

/// `ovcheck icinga [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    check: check::Args,
}

const AFTER_HELP: &str = "\
The first line has the state and the performance data, the other lines the violations.

Exit status, unlike that of every other command:
    0  OK: all required checks ran and passed
    1  WARNING: only violations that do not make the run fail
    2  CRITICAL: at least one violation at or above --fail-on
    3  UNKNOWN: incomplete or interrupted, or the check could not be run";

pub fn run(args: Args) -> ExitStatus {
    let checked =
        args.check.stdout_is_for("the line for Icinga").map_err(Stop::from).and_then(|()| {
            check::run_then(args.check, |report, outputs, look| {
                let status = outputs.write_files(report, look)?;
                let shown = ShownReport::of_run(report, status.code())
                    .map_err(Stop::trouble("make the report"))?;
                print(|out| icinga::write(&shown, out))?;
                Ok(exit_status(ServiceState::of(&shown)))
            })
        });
    let what = match checked {
        Ok(status) => return status,
        Err(Stop::Complaint(complaint)) => complaint.to_string(),
        Err(Stop::Trouble(what)) => format!("error: failed to {what}"),
    };
    failed(&what)
}

/// Ends with the state `UNKNOWN`, because the check could not be run.
pub fn failed(what: &str) -> ExitStatus {
    let printed = print(|out: &mut dyn io::Write| icinga::write_failure(what, out));
    if let Err(Stop::Trouble(trouble)) = printed {
        tell(format_args!("error: failed to {trouble}"));
    }
    ExitStatus::SERVICE_UNKNOWN
}

fn exit_status(state: ServiceState) -> ExitStatus {
    match state {
        ServiceState::Ok => ExitStatus::SERVICE_OK,
        ServiceState::Warning => ExitStatus::SERVICE_WARNING,
        ServiceState::Critical => ExitStatus::SERVICE_CRITICAL,
        ServiceState::Unknown => ExitStatus::SERVICE_UNKNOWN,
    }
}
