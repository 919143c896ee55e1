//! `ovcheck waive`.

use std::path::PathBuf;

use super::files::{self, Overwrite};
use super::terminal::print;
use super::{Stop, environment};
use crate::app;
use crate::complaint::{Complaint, Place};
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::model::fingerprint::Fingerprint;
use crate::model::timestamp::Date;
use crate::waivers::{self, NewWaiver, WaiversFile};

/// `ovcheck waive FINGERPRINT`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Fingerprint of the finding, from `ovcheck check --verbose` or a JSON report
    fingerprint: Fingerprint,

    /// Why the violation is accepted
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Last day of the waiver, as YYYY-MM-DD (UTC)
    #[arg(long, value_name = "DATE")]
    until: Date,

    /// Who answers for it
    #[arg(long, value_name = "NAME", value_parser = words)]
    owner: Option<String>,

    /// Waivers file [default: ovcheck-waivers.toml beside the deployment file]
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,

    /// Deployment file [default: ovcheck.toml in the working directory, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  ovcheck waive 5f1c… --reason 'moved in January, CHG-1042' --owner net-team --until 2027-01-31

The entry is added at the end of the file. For a waiver of a whole rule, write it yourself: rule and \
target instead of fingerprint (see docs/gating.md).";

/// A text that is not empty.
fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { fingerprint, reason, until, owner, waivers, config } = args;
    if until < app::today() {
        let flag = Place::Flag("--until".to_owned());
        return Err(Complaint::new(format!("{until} is over"), flag)
            .with_help("choose the last day on which the violation is acceptable")
            .into());
    }
    let flags = Flags { config, ..Flags::default() };
    let deployment_file = match waivers {
        Some(_) => None,
        None => config::find(&flags, &environment)?.map(|file| file.path),
    };
    let file = match WaiversFile::choose(waivers.as_deref(), deployment_file.as_deref()) {
        // A file that the user names is created, too.
        WaiversFile::Named(path) if matches!(path.try_exists(), Ok(false)) => {
            WaiversFile::Beside(path)
        }
        file => file,
    };
    let (path, shown) = (file.path(), file.path().display().to_string());
    let text = file.read()?.unwrap_or_default();
    let known = waivers::parse(&shown, &text)?;
    if let Some(known) = known.iter().find(|known| known.fingerprint.as_ref() == Some(&fingerprint))
    {
        let message = format!("{fingerprint} is waived already, until {}", known.until);
        return Err(Complaint::new(message, Place::Path(known.place.clone()))
            .with_help("change that entry, or remove it first")
            .into());
    }
    let new = NewWaiver { fingerprint, reason, owner, until };
    let text = waivers::with_entry(&text, &new);
    // What is written must be what the next run reads.
    waivers::parse(&shown, &text)?;
    files::write(path, text.as_bytes(), Overwrite::Allowed)
        .map_err(Stop::trouble(format!("write {shown}")))?;
    let NewWaiver { fingerprint, until, .. } = new;
    print(|out| writeln!(out, "{fingerprint} is waived until {until} in {shown}."))?;
    Ok(ExitStatus::SUCCESS)
}
