//! Runs and their reports, as they were written.

use rusqlite::{OptionalExtension, Row, params};

use super::packed::unpack;
use super::writing::word;
use super::{History, StoreError};
use crate::model::history::{RunHead, RunId};
use crate::model::prober::{ProberModule, TargetName};
use crate::model::stored::StoredResult;
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;

/// The columns of [`head`].
const HEAD: &str = "id, at, target, module, result, exit_code, complete, coverage, ms, guide, \
                    ruleset_digest, tool_version, vantage";

/// A run with its report.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRunReport {
    pub id: RunId,
    pub head: RunHead,
    /// The JSON report.
    pub json: Vec<u8>,
    /// The report as `ovcheck check` prints it; only of the newest run.
    pub text: Option<Vec<u8>>,
    /// The report is of this earlier run, which has the same verdicts.
    pub of_run: RunId,
}

/// Which runs of a target are wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub target: &'a TargetName,
    /// `None`: of all modules.
    pub module: Option<ProberModule>,
    pub since: Timestamp,
    /// The newest of them, up to this number.
    pub most: u32,
}

impl History {
    /// The targets that have runs, in the order of their names.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT DISTINCT target FROM run ORDER BY target")?;
        let names = statement.query_map((), |row| word(row, 0, |text| text.parse().ok()))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The newest run of each module of each target.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn newest_runs(&self) -> Result<Vec<(RunId, RunHead)>, StoreError> {
        let mut statement = self.connection.prepare(&format!(
            "SELECT {HEAD} FROM run WHERE id IN (SELECT max(id) FROM run GROUP BY target, module)
             ORDER BY target, module"
        ))?;
        let runs = statement.query_map((), head)?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// Runs of a target, the newest first, and whether the verdicts of each are others than those of the run before it.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn runs(&self, wanted: &Wanted<'_>) -> Result<Vec<(RunId, RunHead, bool)>, StoreError> {
        let Wanted { target, module, since, most } = wanted;
        let mut statement = self.connection.prepare(&format!(
            "SELECT {HEAD}, changed FROM run
             WHERE target = ?1 AND (?2 IS NULL OR module = ?2) AND at >= ?3
             ORDER BY id DESC LIMIT ?4"
        ))?;
        let module = module.map(WordList::word);
        let runs = statement.query_map(
            params![target.as_str(), module, since.unix_seconds(), most],
            |row| {
                let (id, head) = head(row)?;
                Ok((id, head, row.get("changed")?))
            },
        )?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// A run with its report. If that is not kept any more, it is the one of the run before it that has the same verdicts.
    /// `None`: there is no such run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn report(&self, id: RunId) -> Result<Option<StoredRunReport>, StoreError> {
        let run = self.connection.query_row(
            &format!("SELECT {HEAD} FROM run WHERE id = ?1"),
            [id.0],
            head,
        );
        let Some((id, head)) = run.optional()? else { return Ok(None) };
        let report = self.connection.query_row(
            "SELECT report.run, json, text FROM report JOIN run ON run.id = report.run
             WHERE target = ?1 AND module = ?2 AND report.run <= ?3
             ORDER BY report.run DESC LIMIT 1",
            params![head.target.as_str(), head.module.word(), id.0],
            |row| {
                let (run, json): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                Ok((RunId(run), json, row.get::<_, Option<Vec<u8>>>(2)?))
            },
        );
        let Some((of_run, json, text)) = report.optional()? else { return Ok(None) };
        let (json, text) = (unpack(&json)?, text.as_deref().map(unpack).transpose()?);
        Ok(Some(StoredRunReport { id, head, json, text, of_run }))
    }

    /// The newest run of a module of a target, with its report.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn newest(
        &self,
        target: &TargetName,
        module: ProberModule,
    ) -> Result<Option<StoredRunReport>, StoreError> {
        let id = self.connection.query_row(
            "SELECT max(id) FROM run WHERE target = ?1 AND module = ?2",
            params![target.as_str(), module.word()],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        id.map_or(Ok(None), |id| self.report(RunId(id)))
    }

    /// The run of the same module of the same target before this one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn run_before(&self, id: RunId) -> Result<Option<RunId>, StoreError> {
        let before = self.connection.query_row(
            "SELECT before.id FROM run JOIN run AS before USING (target, module)
             WHERE run.id = ?1 AND before.id < ?1 ORDER BY before.id DESC LIMIT 1",
            [id.0],
            |row| row.get(0).map(RunId),
        );
        Ok(before.optional()?)
    }

    /// When the run began that was written last, of all targets.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn newest_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let at =
            self.connection
                .query_row("SELECT at FROM run ORDER BY id DESC LIMIT 1", (), |row| time(row, 0));
        Ok(at.optional()?)
    }
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_seconds)
}

pub(super) fn head(row: &Row<'_>) -> rusqlite::Result<(RunId, RunHead)> {
    let head = RunHead {
        at: time(row, 1)?,
        target: word(row, 2, |text| text.parse().ok())?,
        module: word(row, 3, ProberModule::from_word)?,
        result: word(row, 4, StoredResult::from_word)?,
        exit_code: row.get(5)?,
        is_complete: row.get(6)?,
        coverage: row.get(7)?,
        took_ms: row.get::<_, i64>(8)?.cast_unsigned(),
        guide: row.get(9)?,
        ruleset_digest: row.get(10)?,
        tool_version: row.get(11)?,
        vantage: row.get(12)?,
    };
    Ok((RunId(row.get(0)?), head))
}
