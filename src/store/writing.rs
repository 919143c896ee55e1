//! Writing runs, and removing old ones.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::packed::pack;
use super::{Store, StoreError};
use crate::model::difference::Standing;
use crate::model::history::{FindingRecord, RunHead, RunId, RunRecord};
use crate::model::stored::{StoredResult, StoredSeverity, StoredVerdict};
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;

/// The report of a failed run stays if the one that stays before it is older than this, in seconds, although the verdicts
/// are the same.
const ONE_OF_EACH: i64 = 24 * 60 * 60;

/// The report of every run is kept for this long, in seconds.
const ALL_REPORTS: i64 = 7 * 24 * 60 * 60;

/// The most runs that one transaction removes: between two of them, others can write.
const BATCH: u32 = 500;

/// The pages that a batch gives back to the file system.
const PAGES: u32 = 2_000;

impl Store {
    /// Writes a run with its report (JSON), and the report as `ovcheck check` prints it.
    ///
    /// # Errors
    /// If it could not be written. The store is then as it was before.
    pub fn write_run(
        &mut self,
        run: &RunRecord,
        report: &[u8],
        text: &str,
    ) -> Result<RunId, StoreError> {
        let (json, text) = (pack(report), pack(text.as_bytes()));
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let findings = worst_of_each(&run.findings);
        let before = newest_run(&transaction, &run.head)?;
        let is_changed = match before {
            Some(before) => standings(&transaction, before)? != ranks(&findings),
            None => true,
        };
        let id = write_head(&transaction, &run.head, is_changed)?;
        write_findings(&transaction, id, &findings)?;
        write_evidence(&transaction, id, run)?;
        let stays = is_changed || is_first_failure_of_a_day(&transaction, &run.head)?;
        transaction.execute(
            "INSERT INTO report (run, stays, json, text) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, stays, json, text],
        )?;
        if let Some(before) = before {
            transaction.execute("UPDATE report SET text = NULL WHERE run = ?1", [before.0])?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Removes a batch of what is too old at `now`: runs from before `keep_from`, and reports that do not stay. Returns
    /// whether there is more.
    ///
    /// The newest run of each module of a target stays, and so does the one before `keep_from` that has the verdicts of
    /// the runs after it.
    ///
    /// # Errors
    /// If nothing could be removed.
    pub fn remove_old(&mut self, now: Timestamp, keep_from: Timestamp) -> Result<bool, StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let runs = transaction.execute(
            "DELETE FROM run WHERE id IN (
                SELECT id FROM run AS old WHERE at < ?1
                AND id NOT IN (SELECT max(id) FROM run GROUP BY target, module)
                AND id NOT IN (
                    SELECT max(id) FROM run WHERE at < ?1 AND changed GROUP BY target, module)
                LIMIT ?2)",
            params![keep_from.unix_seconds(), BATCH],
        )?;
        let reports = transaction.execute(
            "DELETE FROM report WHERE run IN (
                SELECT report.run FROM report JOIN run ON run.id = report.run
                WHERE NOT stays AND at < ?1
                AND run.id NOT IN (SELECT max(id) FROM run GROUP BY target, module)
                LIMIT ?2)",
            params![now.unix_seconds() - ALL_REPORTS, BATCH],
        )?;
        transaction.commit()?;
        self.connection.pragma(None, "incremental_vacuum", PAGES, |_| Ok(()))?;
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX);
        Ok(runs >= batch || reports >= batch)
    }
}

/// The findings by their fingerprint; of several with the same one the worst.
fn worst_of_each(findings: &[FindingRecord]) -> BTreeMap<&str, &FindingRecord> {
    let mut worst: BTreeMap<&str, &FindingRecord> = BTreeMap::new();
    for finding in findings {
        let known = worst.entry(&finding.fingerprint).or_insert(finding);
        if finding.standing.rank() > known.standing.rank() {
            *known = finding;
        }
    }
    worst
}

fn ranks(findings: &BTreeMap<&str, &FindingRecord>) -> BTreeMap<String, u8> {
    findings
        .iter()
        .map(|(fingerprint, finding)| ((*fingerprint).to_owned(), finding.standing.rank()))
        .collect()
}

/// How bad each finding of a run is.
fn standings(connection: &Connection, run: RunId) -> Result<BTreeMap<String, u8>, StoreError> {
    let mut statement =
        connection.prepare("SELECT fingerprint, verdict, severity FROM finding WHERE run = ?1")?;
    let rows = statement.query_map([run.0], |row| {
        let standing = Standing {
            verdict: word(row, 1, StoredVerdict::from_word)?,
            severity: word(row, 2, StoredSeverity::from_word)?,
        };
        Ok((row.get(0)?, standing.rank()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A column with a word of a closed list.
pub(super) fn word<T>(
    row: &rusqlite::Row<'_>,
    column: usize,
    read: fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| {
        let wrong = format!("\"{text}\" is not a word of its list");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, wrong.into())
    })
}

fn newest_run(connection: &Connection, head: &RunHead) -> Result<Option<RunId>, StoreError> {
    let newest = connection.query_row(
        "SELECT max(id) FROM run WHERE target = ?1 AND module = ?2",
        params![head.target.as_str(), head.module.word()],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    Ok(newest.map(RunId))
}

fn write_head(
    transaction: &Transaction<'_>,
    head: &RunHead,
    is_changed: bool,
) -> Result<RunId, StoreError> {
    transaction.execute(
        "INSERT INTO run (at, target, module, result, exit_code, complete, coverage, ms, guide,
            ruleset_digest, tool_version, vantage, changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            head.at.unix_seconds(),
            head.target.as_str(),
            head.module.word(),
            head.result.word(),
            head.exit_code,
            head.is_complete,
            head.coverage,
            head.took_ms.cast_signed(),
            head.guide,
            head.ruleset_digest,
            head.tool_version,
            head.vantage,
            is_changed,
        ],
    )?;
    Ok(RunId(transaction.last_insert_rowid()))
}

fn write_findings(
    transaction: &Transaction<'_>,
    id: RunId,
    findings: &BTreeMap<&str, &FindingRecord>,
) -> Result<(), StoreError> {
    let mut subject =
        transaction.prepare("INSERT OR IGNORE INTO subject (fingerprint, rule) VALUES (?1, ?2)")?;
    let mut judgement = transaction.prepare(
        "INSERT OR IGNORE INTO judgement (verdict, severity, confidence, reason_code)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut row = transaction.prepare(
        "INSERT INTO finding_row (run, subject, judgement)
         SELECT ?1, subject.id, judgement.id FROM subject, judgement
         WHERE fingerprint = ?2 AND verdict = ?3 AND severity = ?4 AND confidence = ?5
            AND reason_code = ?6",
    )?;
    for finding in findings.values() {
        let FindingRecord { fingerprint, rule, standing, confidence, reason_code } = finding;
        let (verdict, severity) = (standing.verdict.word(), standing.severity.word());
        let confidence = confidence.as_deref().unwrap_or_default();
        subject.execute(params![fingerprint, rule])?;
        judgement.execute(params![verdict, severity, confidence, reason_code])?;
        row.execute(params![id.0, fingerprint, verdict, severity, confidence, reason_code])?;
    }
    Ok(())
}

fn write_evidence(
    transaction: &Transaction<'_>,
    id: RunId,
    run: &RunRecord,
) -> Result<(), StoreError> {
    for certificate in &run.certificates {
        let not_after = certificate.not_after.unix_seconds();
        transaction.execute(
            "INSERT OR IGNORE INTO certificate (sha256, not_after, issuer) VALUES (?1, ?2, ?3)",
            params![certificate.sha256, not_after, certificate.issuer],
        )?;
        transaction.execute(
            "INSERT OR IGNORE INTO observed_certificate (run, endpoint, family, certificate)
             SELECT ?1, ?2, ?3, id FROM certificate
             WHERE sha256 = ?4 AND not_after = ?5 AND issuer = ?6",
            params![
                id.0,
                certificate.endpoint,
                certificate.family,
                certificate.sha256,
                not_after,
                certificate.issuer
            ],
        )?;
    }
    for path in &run.paths {
        transaction.execute(
            "INSERT OR IGNORE INTO path (run, path, works, ms) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, path.path, path.works, path.took_ms.map(u64::cast_signed)],
        )?;
    }
    Ok(())
}

/// Whether a run failed, and there is no failed run of the last day whose report stays.
fn is_first_failure_of_a_day(connection: &Connection, head: &RunHead) -> Result<bool, StoreError> {
    if head.result != StoredResult::Fail {
        return Ok(false);
    }
    let other = connection
        .query_row(
            "SELECT 1 FROM run JOIN report ON report.run = run.id
             WHERE target = ?1 AND module = ?2 AND result = 'fail' AND stays AND at > ?3 LIMIT 1",
            params![head.target.as_str(), head.module.word(), head.at.unix_seconds() - ONE_OF_EACH],
            |_| Ok(()),
        )
        .optional()?;
    Ok(other.is_none())
}
