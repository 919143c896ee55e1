//! Questions about many runs.
//!
//! Verdicts are read of the runs that changed them only: all others have those of the last such run before them.

use rusqlite::params;

use super::reading::time;
use super::writing::word;
use super::{History, StoreError, Wanted};
use crate::model::history::{
    CertificateRecord, CertificateSpan, FailingRule, Flapping, MissedRuns, ModuleHistory,
    PathHistory, ResultCounts, RunId, TargetHistory,
};
use crate::model::prober::{ProberModule, TargetName};
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;

/// A check whose verdict changes this often within [`FLAPPING_WITHIN`] seconds is flapping.
const FLAPPING_FROM: u32 = 3;
const FLAPPING_WITHIN: i64 = 24 * 60 * 60;

/// The parts into which a trend divides its time.
const TREND_PARTS: u32 = 60;

/// The most times of a path that are read; of more, every second, third, … is.
const MOST_TIMES: usize = 1_000;

impl History {
    /// Everything about a target from `since` until `now`. `None`: it has no run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_target(
        &self,
        target: &TargetName,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<TargetHistory>, StoreError> {
        let modules = self.modules(target, since, now)?;
        if modules.is_empty() {
            return Ok(None);
        }
        Ok(Some(TargetHistory {
            target: target.clone(),
            since,
            until: now,
            modules,
            failing: self.failing(target)?,
            flapping: self.flapping(target, since)?,
            certificates: self.certificates(target)?,
            paths: self.paths(target, since)?,
            missed: self.missed(target, since, now)?,
        }))
    }

    /// The rules that fail, each with the time since when.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn failing(&self, target: &TargetName) -> Result<Vec<FailingRule>, StoreError> {
        let mut statement = self.connection.prepare(
            "WITH state AS (
                SELECT module, rule, run.id AS id, at,
                    max(verdict = 'fail') AS fails,
                    max(verdict = 'inconclusive') AS is_open
                FROM run JOIN finding ON finding.run = run.id
                WHERE target = ?1 AND changed
                GROUP BY module, rule, run.id),
            good AS (
                SELECT module, rule, max(id) AS last FROM state
                WHERE NOT fails AND NOT is_open GROUP BY module, rule),
            streak AS (
                SELECT state.module, state.rule, min(id) AS first, max(id) AS last, min(good.last) AS good
                FROM state LEFT JOIN good USING (module, rule)
                WHERE fails AND id > coalesce(good.last, 0)
                GROUP BY state.module, state.rule),
            newest AS (
                SELECT module, max(id) AS id FROM run WHERE target = ?1 AND changed GROUP BY module)
            SELECT streak.module, rule, run.at, first, good IS NULL, streak.last <> newest.id
            FROM streak JOIN run ON run.id = first JOIN newest ON newest.module = streak.module
            ORDER BY first, rule",
        )?;
        let rows = statement.query_map([target.as_str()], |row| {
            Ok(FailingRule {
                module: word(row, 0, ProberModule::from_word)?,
                rule: row.get(1)?,
                since: time(row, 2)?,
                since_run: RunId(row.get(3)?),
                is_first_known: row.get(4)?,
                is_undecided_now: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The checks whose verdict changed three times or more within 24 hours.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn flapping(
        &self,
        target: &TargetName,
        since: Timestamp,
    ) -> Result<Vec<Flapping>, StoreError> {
        let mut statement = self.connection.prepare(
            "WITH verdicts AS (
                SELECT module, rule, fingerprint, at, verdict,
                    lag(verdict) OVER (PARTITION BY module, fingerprint ORDER BY run.id) AS before
                FROM run JOIN finding ON finding.run = run.id
                WHERE target = ?1 AND changed),
            counted AS (
                SELECT module, rule, fingerprint, at,
                    count(*) OVER (PARTITION BY module, fingerprint ORDER BY at
                        RANGE BETWEEN ?2 PRECEDING AND CURRENT ROW) AS changes
                FROM verdicts WHERE verdict <> before AND at >= ?3)
            SELECT module, rule, fingerprint, max(changes) AS most, max(at)
            FROM counted GROUP BY module, fingerprint HAVING most >= ?4
            ORDER BY most DESC, rule, fingerprint",
        )?;
        let wanted = params![target.as_str(), FLAPPING_WITHIN, since.unix_seconds(), FLAPPING_FROM];
        let rows = statement.query_map(wanted, |row| {
            Ok(Flapping {
                module: word(row, 0, ProberModule::from_word)?,
                rule: row.get(1)?,
                fingerprint: row.get(2)?,
                changes: row.get(3)?,
                last: time(row, 4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The certificates of each endpoint, in the order in which they were first seen.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn certificates(&self, target: &TargetName) -> Result<Vec<CertificateSpan>, StoreError> {
        let mut statement = self.connection.prepare(
            "WITH seen AS (
                SELECT endpoint, family, sha256, not_after, issuer,
                    min(run.id) AS first, max(run.id) AS last
                FROM run JOIN observed_certificate ON observed_certificate.run = run.id
                JOIN certificate ON certificate.id = certificate
                WHERE target = ?1 GROUP BY endpoint, family, certificate)
            SELECT endpoint, family, sha256, not_after, issuer, begin.at, end.at,
                row_number() OVER (PARTITION BY endpoint, family ORDER BY first) > 1,
                last = max(last) OVER (PARTITION BY endpoint, family)
            FROM seen JOIN run AS begin ON begin.id = first JOIN run AS end ON end.id = last
            ORDER BY endpoint, family, first",
        )?;
        let rows = statement.query_map([target.as_str()], |row| {
            Ok(CertificateSpan {
                certificate: CertificateRecord {
                    endpoint: row.get(0)?,
                    family: row.get(1)?,
                    sha256: row.get(2)?,
                    not_after: time(row, 3)?,
                    issuer: row.get(4)?,
                },
                first_seen: time(row, 5)?,
                last_seen: time(row, 6)?,
                is_renewal: row.get(7)?,
                is_current: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How the paths of a call did.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn paths(
        &self,
        target: &TargetName,
        since: Timestamp,
    ) -> Result<Vec<PathHistory>, StoreError> {
        let mut statement = self.connection.prepare(
            "WITH of_target AS (
                SELECT path, works, path.ms AS ms FROM run JOIN path ON path.run = run.id
                WHERE target = ?1 AND at >= ?2),
            ranked AS (
                SELECT path, ms, row_number() OVER (PARTITION BY path ORDER BY ms) AS rank,
                    count(*) OVER (PARTITION BY path) AS number
                FROM of_target WHERE works AND ms IS NOT NULL)
            SELECT path, sum(works IS 1), sum(works IS 0), sum(works IS NULL),
                (SELECT ms FROM ranked WHERE ranked.path = of_target.path
                    AND rank = (number * 50 + 99) / 100),
                (SELECT ms FROM ranked WHERE ranked.path = of_target.path
                    AND rank = (number * 95 + 99) / 100)
            FROM of_target GROUP BY path ORDER BY path",
        )?;
        let rows = statement.query_map(params![target.as_str(), since.unix_seconds()], |row| {
            Ok(PathHistory {
                path: row.get(0)?,
                worked: row.get(1)?,
                failed: row.get(2)?,
                unknown: row.get(3)?,
                median_ms: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
                p95_ms: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
                times: Vec::new(),
            })
        })?;
        let mut paths: Vec<PathHistory> = rows.collect::<Result<_, _>>()?;
        for path in &mut paths {
            path.times = self.times(target, &path.path, since)?;
        }
        Ok(paths)
    }

    fn times(
        &self,
        target: &TargetName,
        path: &str,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT at, path.ms FROM run JOIN path ON path.run = run.id
             WHERE target = ?1 AND path = ?2 AND at >= ?3 AND works AND path.ms IS NOT NULL
             ORDER BY at",
        )?;
        let wanted = params![target.as_str(), path, since.unix_seconds()];
        let rows = statement
            .query_map(wanted, |row| Ok((time(row, 0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        let all: Vec<(Timestamp, u64)> = rows.collect::<Result<_, _>>()?;
        Ok(all.iter().copied().step_by(all.len() / MOST_TIMES + 1).collect())
    }

    /// The times without a run that are longer than one and a half times the usual distance of the runs (the median).
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn missed(
        &self,
        target: &TargetName,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<MissedRuns>, StoreError> {
        let mut statement = self.connection.prepare(
            "WITH times AS (
                SELECT module, at FROM run WHERE target = ?1 AND at >= ?2 AND at <= ?3
                UNION SELECT DISTINCT module, ?3 FROM run WHERE target = ?1 AND at >= ?2),
            gaps AS (
                SELECT module, before, at, at - before AS distance FROM (
                    SELECT module, at, lag(at) OVER (PARTITION BY module ORDER BY at) AS before
                    FROM times) WHERE before IS NOT NULL),
            usual AS (
                SELECT module, distance FROM (
                    SELECT module, distance,
                        row_number() OVER (PARTITION BY module ORDER BY distance) AS rank,
                        count(*) OVER (PARTITION BY module) AS number
                    FROM gaps WHERE at < ?3)
                WHERE rank = (number + 1) / 2)
            SELECT module, before, at, (gaps.distance + usual.distance / 2) / usual.distance - 1
            FROM gaps JOIN usual USING (module)
            WHERE usual.distance > 0 AND gaps.distance * 2 > usual.distance * 3
            ORDER BY before, module",
        )?;
        let wanted = params![target.as_str(), since.unix_seconds(), now.unix_seconds()];
        let rows = statement.query_map(wanted, |row| {
            Ok(MissedRuns {
                module: word(row, 0, ProberModule::from_word)?,
                from: time(row, 1)?,
                until: time(row, 2)?,
                missed: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn modules(
        &self,
        target: &TargetName,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<ModuleHistory>, StoreError> {
        let mut modules = Vec::new();
        for module in ProberModule::ALL {
            let newest = Wanted {
                target,
                module: Some(module),
                since: Timestamp::from_unix_seconds(i64::MIN),
                most: 1,
            };
            let Some((id, head, _)) = self.runs(&newest)?.pop() else { continue };
            modules.push(ModuleHistory {
                module,
                newest: (id, head),
                changed: self.last_change(target, module)?,
                runs: self.count(target, module, since)?,
                trend: self.trend(target, module, (since, now))?,
            });
        }
        Ok(modules)
    }

    /// The last run that changed verdicts, unless it is the first that is kept.
    fn last_change(
        &self,
        target: &TargetName,
        module: ProberModule,
    ) -> Result<Option<(RunId, Timestamp)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, at FROM run WHERE target = ?1 AND module = ?2 AND changed
             AND id > (SELECT min(id) FROM run WHERE target = ?1 AND module = ?2)
             ORDER BY id DESC LIMIT 1",
        )?;
        let mut rows = statement.query_map(params![target.as_str(), module.word()], |row| {
            Ok((RunId(row.get(0)?), time(row, 1)?))
        })?;
        Ok(rows.next().transpose()?)
    }

    fn count(
        &self,
        target: &TargetName,
        module: ProberModule,
        since: Timestamp,
    ) -> Result<u32, StoreError> {
        Ok(self.connection.query_row(
            "SELECT count(*) FROM run WHERE target = ?1 AND module = ?2 AND at >= ?3",
            params![target.as_str(), module.word(), since.unix_seconds()],
            |row| row.get(0),
        )?)
    }

    fn trend(
        &self,
        target: &TargetName,
        module: ProberModule,
        (since, now): (Timestamp, Timestamp),
    ) -> Result<Vec<ResultCounts>, StoreError> {
        let length = (now.seconds_since(since) / i64::from(TREND_PARTS)).max(1);
        let begin = |part: u32| {
            Timestamp::from_unix_seconds(
                since.unix_seconds().saturating_add(length.saturating_mul(i64::from(part))),
            )
        };
        let none = |part| ResultCounts { from: begin(part), passed: 0, failed: 0, incomplete: 0 };
        let mut parts: Vec<ResultCounts> = (0..TREND_PARTS).map(none).collect();
        let mut statement = self.connection.prepare(
            "SELECT min((at - ?3) / ?4, ?5), sum(result = 'pass'), sum(result = 'fail'),
                sum(result NOT IN ('pass', 'fail'))
             FROM run WHERE target = ?1 AND module = ?2 AND at >= ?3 GROUP BY 1",
        )?;
        let wanted =
            params![target.as_str(), module.word(), since.unix_seconds(), length, TREND_PARTS - 1];
        let rows = statement.query_map(wanted, |row| {
            let counts = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get::<_, u32>(0)?, counts))
        })?;
        for row in rows {
            let (part, (passed, failed, incomplete)) = row?;
            if let Some(counts) = parts.get_mut(part as usize) {
                *counts = ResultCounts { passed, failed, incomplete, ..*counts };
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests;
