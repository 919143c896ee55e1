-- A run. The order of the numbers is the order of the runs, also where the clock jumped.
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,                -- seconds since 1970
    target TEXT NOT NULL,
    module TEXT NOT NULL,
    result TEXT NOT NULL,               -- pass, fail, incomplete, interrupted
    exit_code INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    coverage REAL NOT NULL,
    ms INTEGER NOT NULL,
    guide TEXT NOT NULL,
    ruleset_digest TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    vantage TEXT NOT NULL,
    changed INTEGER NOT NULL            -- 1: the verdicts are not those of the run before it
) STRICT;
CREATE INDEX run_by_target ON run (target, module, id);
CREATE INDEX run_by_time ON run (at);
CREATE INDEX changed_run ON run (target, module, id) WHERE changed;

-- What a finding is about, and what it says: the same few rows for very many findings.
CREATE TABLE subject (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    rule TEXT NOT NULL
) STRICT;
CREATE TABLE judgement (
    id INTEGER PRIMARY KEY,
    verdict TEXT NOT NULL,              -- pass, fail, inconclusive, not_applicable
    severity TEXT NOT NULL,
    confidence TEXT NOT NULL,           -- empty: none
    reason_code TEXT NOT NULL,
    UNIQUE (verdict, severity, confidence, reason_code)
) STRICT;
CREATE TABLE finding_row (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    subject INTEGER NOT NULL REFERENCES subject,
    judgement INTEGER NOT NULL REFERENCES judgement,
    PRIMARY KEY (run, subject)
) STRICT, WITHOUT ROWID;
CREATE VIEW finding AS
    SELECT run, fingerprint, rule, verdict, severity, confidence, reason_code
    FROM finding_row
    JOIN subject ON subject.id = finding_row.subject
    JOIN judgement ON judgement.id = finding_row.judgement;

CREATE TABLE certificate (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    not_after INTEGER NOT NULL,         -- of the first certificate of the chain that expires
    issuer TEXT NOT NULL,
    UNIQUE (sha256, not_after, issuer)
) STRICT;
CREATE TABLE observed_certificate (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    endpoint TEXT NOT NULL,             -- api, turn, rtmp
    family TEXT NOT NULL,               -- ipv4, ipv6
    certificate INTEGER NOT NULL REFERENCES certificate,
    PRIMARY KEY (run, endpoint, family, certificate)
) STRICT, WITHOUT ROWID;

CREATE TABLE path (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    path TEXT NOT NULL,
    works INTEGER,                      -- null: the run could not tell
    ms INTEGER,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;

-- The JSON report, and the report as `ovcheck check` prints it (only of the newest run), as zlib (RFC 1950).
CREATE TABLE report (
    run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    stays INTEGER NOT NULL,             -- 1: kept as long as its run
    json BLOB NOT NULL,
    text BLOB
) STRICT;
