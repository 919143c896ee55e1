//! `--via`: the same check on other machines.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::progress::Progress;
use super::signals::Probing;
use super::terminal::Look;
use super::{Stop, tell};
use crate::app::{self, Observed, Program, RunsElsewhere};
use crate::complaint::Complaint;
use crate::complaint::from_json::SIZE_LIMIT;
use crate::config::RunConfig;
use crate::model::plan::LeftOut;
use crate::model::recording::Recording;
use crate::model::via::{SshHost, ViaFailure};
use crate::output::words;
use crate::record::{self, Likeness};
use crate::ruleset::Ruleset;

/// The heading for these flags in the help, beside those of the settings.
pub const VANTAGE: &str = "Vantage point";

/// How far the clocks of two machines may be apart.
const MAX_APART: Duration = Duration::from_secs(10 * 60);

/// The flags that name other machines.
#[derive(Debug, clap::Args)]
pub struct Elsewhere {
    /// Check from this machine as well, and make one report: ssh:HOST (repeatable)
    ///
    /// HOST is what `ssh` takes, such as admin@203.0.113.21 or a name of ~/.ssh/config; its key must be
    /// known, and the login must need no password. ovcheck is copied to a temporary directory there, and
    /// removed afterwards. Credentials are not sent: a call is made only from here.
    #[arg(long, value_name = "ssh:HOST", conflicts_with = "record", help_heading = VANTAGE)]
    via: Vec<SshHost>,

    /// Program for those machines, if theirs is another processor [default: this program]
    #[arg(long, value_name = "FILE", requires = "via", help_heading = VANTAGE)]
    via_binary: Option<PathBuf>,
}

impl Elsewhere {
    /// What those machines run. `None`: there are none.
    ///
    /// # Errors
    /// If it is no program for them.
    pub fn program(&self) -> Result<Option<Program>, Complaint> {
        let is_asked = !self.via.is_empty();
        is_asked.then(|| Program::read(self.via_binary.as_deref())).transpose()
    }

    /// Begins the runs, perhaps under sudo. Must be called inside a runtime.
    pub fn begin(
        &self,
        config: &RunConfig,
        program: &Program,
        with_sudo: bool,
    ) -> Result<RunsElsewhere, Complaint> {
        app::begin_elsewhere(config, &self.hosts(), program, (SIZE_LIMIT, with_sudo))
    }

    /// The machines, each once.
    fn hosts(&self) -> Vec<SshHost> {
        let mut hosts = self.via.clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The runs of all machines, this one first, and those that there are none of.
    pub async fn together(
        &self,
        here: Observed,
        ruleset: &Ruleset,
        runs: RunsElsewhere,
        (probing, look): (&Probing<'_>, Look),
    ) -> Result<(Vec<Observed>, Vec<LeftOut>), Stop> {
        let asked = here.recording.clone();
        let (others, missing) = self.observed(&asked, ruleset, runs, (probing, look)).await?;
        Ok((std::iter::once(here).chain(others).collect(), missing))
    }

    /// The runs of the other machines, which were asked the same as `asked`, and those that there are none of.
    pub async fn observed(
        &self,
        asked: &Recording,
        ruleset: &Ruleset,
        runs: RunsElsewhere,
        (probing, look): (&Probing<'_>, Look),
    ) -> Result<(Vec<Observed>, Vec<LeftOut>), Stop> {
        let mut fitting = vec![("this machine".to_owned(), asked.clone())];
        let mut all = Vec::new();
        let mut missing = Vec::new();
        let mut progress = Progress::on(look.shows_progress().then(io::stderr));
        let hosts = self.hosts();
        let mut left = |machines| progress.waits_for(machines);
        let recordings = runs.recordings(&hosts, probing.interrupt(), &mut left).await;
        progress.clear();
        for (host, recording) in recordings {
            match read(&host, recording, &mut fitting) {
                Ok(recording) => {
                    let mut observed = app::replay(recording, "", ruleset.clone(), None)?;
                    observed.recording.context.files.recording = None;
                    all.push(observed);
                }
                Err(why) => {
                    let left_out = LeftOut::VantageMissing { host, why };
                    tell(format_args!("warning: {}", words::vantage_missing(&left_out)));
                    missing.push(left_out);
                }
            }
        }
        Ok((all, missing))
    }
}

/// Reads what a machine sent, which may be anything.
fn read(
    host: &SshHost,
    sent: Result<Vec<u8>, ViaFailure>,
    fitting: &mut Vec<(String, Recording)>,
) -> Result<Recording, ViaFailure> {
    let shown = format!("the recording of {host}");
    let unfit = |complaint: Complaint| ViaFailure::Unfit(complaint.message.into());
    let recording = record::parse(&shown, &sent?).map_err(unfit)?;
    let recording = record::as_asked(recording, &fitting[0].1.context, host.as_str());
    fitting.push((shown, recording.clone()));
    let likeness = Likeness { max_apart: MAX_APART, one_guide: false };
    record::fit_together(fitting, likeness).map_err(|complaint| {
        fitting.pop();
        unfit(complaint)
    })?;
    Ok(recording)
}
