//! Visits of users.

use std::sync::Arc;

use rusqlite::{Row, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::packed::{pack, unpack};
use super::reading::time;
use super::writing::word;
use super::{History, Store, StoreError};
use crate::model::timestamp::Timestamp;
use crate::model::visit::{
    BegunVisit, BrowserResult, StoredVisits, Visit, VisitChanges, VisitCode, VisitDay,
};

impl Store {
    /// Writes what is new, all or nothing.
    ///
    /// # Errors
    /// If it could not be written. The store is then as it was before.
    pub fn write_visits(&mut self, changes: &VisitChanges) -> Result<(), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for visit in &changes.kept {
            write(&transaction, visit)?;
        }
        for code in &changes.removed {
            transaction.execute("DELETE FROM visit WHERE code = ?1", [code.to_string()])?;
        }
        let VisitDay { number, begun } = changes.day;
        if begun > 0 {
            transaction.execute("DELETE FROM visit_day WHERE day <> ?1", [number])?;
            transaction.execute(
                "INSERT INTO visit_day (day, begun) VALUES (?1, ?2)
                 ON CONFLICT (day) DO UPDATE SET begun = max(begun, excluded.begun)",
                params![number, i64::try_from(begun).unwrap_or(i64::MAX)],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Removes the visits whose codes were made before this time, with their results.
    ///
    /// # Errors
    /// If nothing could be removed.
    pub fn remove_visits(&mut self, made_before: Timestamp) -> Result<(), StoreError> {
        let made_before = made_before.unix_seconds();
        self.connection.execute("DELETE FROM visit WHERE made_at < ?1", [made_before])?;
        Ok(())
    }
}

impl History {
    /// All visits. A result that this version cannot read is left out; it stays in the file.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn visits(&self) -> Result<StoredVisits, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT code, note, made_at, expires_at, begun_at, source, target, expected, result_at,
                result, own, repeats
             FROM visit LEFT JOIN visit_report ON visit_report.visit = visit.id ORDER BY id",
        )?;
        let visits = statement.query_map((), visit)?.collect::<Result<_, _>>()?;
        let mut statement =
            self.connection.prepare("SELECT day, begun FROM visit_day ORDER BY day")?;
        let days = statement.query_map((), |row| {
            let begun: i64 = row.get(1)?;
            Ok(VisitDay { number: row.get(0)?, begun: usize::try_from(begun).unwrap_or_default() })
        })?;
        let day = days.last().transpose()?.unwrap_or_default();
        Ok(StoredVisits { visits, day })
    }
}

fn write(transaction: &Transaction<'_>, visit: &Visit) -> Result<(), StoreError> {
    let Visit { code, note, repeats, made_at, expires_at, begun } = visit;
    let begun = begun.as_ref();
    let expected = begun.map(|begun| json(&begun.expected)).transpose()?;
    let id: i64 = transaction.query_row(
        "INSERT INTO visit (code, note, made_at, expires_at, begun_at, source, target, expected,
            repeats)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (code) DO UPDATE SET begun_at = excluded.begun_at, source = excluded.source,
            target = excluded.target, expected = excluded.expected
         RETURNING id",
        params![
            code.to_string(),
            note,
            made_at.unix_seconds(),
            expires_at.unix_seconds(),
            begun.map(|begun| begun.at.unix_seconds()),
            begun.map(|begun| begun.source.to_string()),
            begun.map(|begun| begun.target.as_str()),
            expected,
            repeats.map(|code| code.to_string()),
        ],
        |row| row.get(0),
    )?;
    let result = begun.and_then(|begun| begun.result.as_ref());
    let own = begun.and_then(|begun| begun.own.as_deref());
    if result.is_none() && own.is_none() {
        return Ok(());
    }
    transaction.execute(
        "INSERT OR REPLACE INTO visit_report (visit, result_at, result, own)
         VALUES (?1, ?2, ?3, ?4)",
        params![
            id,
            result.map(|result| result.at.unix_seconds()),
            result.map(|result| packed(&*result.report)).transpose()?,
            own.map(packed).transpose()?,
        ],
    )?;
    Ok(())
}

fn visit(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let begun_at: Option<i64> = row.get(4)?;
    Ok(Visit {
        code: word(row, 0, |text| text.parse::<VisitCode>().ok())?,
        note: row.get(1)?,
        repeats: row.get::<_, Option<String>>(11)?.and_then(|code| code.parse().ok()),
        made_at: time(row, 2)?,
        expires_at: time(row, 3)?,
        begun: begun_at.map(|at| begun(row, Timestamp::from_unix_seconds(at))).transpose()?,
    })
}

fn begun(row: &Row<'_>, at: Timestamp) -> rusqlite::Result<BegunVisit> {
    let result_at: Option<i64> = row.get(8)?;
    let report = unpacked(row, 9)?;
    let result = result_at.zip(report).map(|(at, report)| BrowserResult {
        at: Timestamp::from_unix_seconds(at),
        report: Arc::new(report),
    });
    Ok(BegunVisit {
        at,
        source: word(row, 5, |text| text.parse().ok())?,
        target: word(row, 6, |text| text.parse().ok())?,
        expected: word(row, 7, |text| serde_json::from_str(text).ok())?,
        own: unpacked(row, 10)?.map(Arc::new),
        result,
    })
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Other(error.to_string()))
}

fn packed(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    json(value).map(|json| pack(json.as_bytes()))
}

/// `None`: there is none, or another version wrote it.
fn unpacked<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    let json = bytes.and_then(|bytes| unpack(&bytes).ok());
    Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
}

#[cfg(test)]
mod tests;
