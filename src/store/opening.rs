//! Opening a store: whether the file is one, and bringing it up to date.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::StoreError;

/// How long a call waits for another program that has locked the file.
pub const BUSY: Duration = Duration::from_secs(5);

/// `application_id` of the file: "ovck".
const APPLICATION: i32 = i32::from_be_bytes(*b"ovck");

/// Each brings a file from the version before it to its own; the first makes an empty file one of version 1. A
/// migration that was released never changes.
pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// A store that is written. There is only one for a file.
pub struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
}

/// A store that is only read.
pub struct History {
    pub(super) connection: Connection,
}

impl Store {
    /// Opens the file at `path`, or makes it. A file of an older version is brought up to date; one of another program or
    /// of a newer version is left as it is.
    ///
    /// # Errors
    /// If it cannot be opened or written, or is not a store that this version knows.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, MIGRATIONS)
    }

    pub(super) fn open_with(path: &Path, migrations: &[&str]) -> Result<Self, StoreError> {
        make_private(path)?;
        let opened = || -> Result<Connection, StoreError> {
            let mut connection = Connection::open_with_flags(
                path,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            connection.busy_timeout(BUSY)?;
            // Before anything is written into the file.
            let version = version(&connection, migrations)?;
            // It holds only for a file without tables.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            migrate(&mut connection, version, migrations)?;
            Ok(connection)
        };
        let connection = opened().map_err(|error| StoreError::of_path(path, error))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl History {
    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// If there is none, it cannot be read, or is not a store of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing);
        }
        let opened = || -> Result<Connection, StoreError> {
            let connection = Connection::open_with_flags(
                path,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            connection.busy_timeout(BUSY)?;
            let (found, known) = (version(&connection, MIGRATIONS)?, newest(MIGRATIONS));
            if found < known {
                return Err(StoreError::Older { found, known });
            }
            Ok(connection)
        };
        let connection = opened().map_err(|error| StoreError::of_path(path, error))?;
        Ok(Self { connection })
    }
}

/// Makes an empty file that only its owner can read: reports name addresses and open ports.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Unopened(error.to_string()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn newest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).expect("there are few")
}

/// The version of the file; 0 if it is empty.
fn version(connection: &Connection, migrations: &[&str]) -> Result<i64, StoreError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let known = newest(migrations);
    match (application, found) {
        (0, 0) if objects == 0 => Ok(0),
        _ if application != i64::from(APPLICATION) => Err(StoreError::Foreign),
        _ if found > known => Err(StoreError::Newer { found, known }),
        _ => Ok(found),
    }
}

/// Makes the migrations that the file lacks, all or none.
fn migrate(connection: &mut Connection, found: i64, migrations: &[&str]) -> Result<(), StoreError> {
    let lacking = migrations.get(usize::try_from(found).unwrap_or_default()..).unwrap_or_default();
    if lacking.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in lacking {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", newest(migrations))?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_store_is_made_private_and_opened_again() {
        let directory = directory();
        let path = directory.path().join("history.sqlite");
        for _ in 0..2 {
            let store = Store::open(&path).unwrap();
            let mode: String = store
                .connection
                .pragma_query_value(None, "journal_mode", |row| row.get(0))
                .unwrap();
            assert_eq!(mode, "wal");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(History::open(&path).is_ok());
    }

    #[test]
    fn migrations_go_forward_once_and_keep_what_is_there() {
        let directory = directory();
        let path = directory.path().join("history.sqlite");
        let first = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);";
        drop(Store::open_with(&path, &[first]).unwrap());
        let second = "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;";
        let store = Store::open_with(&path, &[first, second]).unwrap();
        let sum: i64 =
            store.connection.query_row("SELECT sum(x + y) FROM a", (), |row| row.get(0)).unwrap();
        assert_eq!(sum, 3);
        drop(store);
        // A migration that fails leaves the file as it was.
        let wrong = "CREATE TABLE b (x INTEGER); INSERT INTO nothing VALUES (1);";
        assert!(Store::open_with(&path, &[first, second, wrong]).is_err());
        let store = Store::open_with(&path, &[first, second, "CREATE TABLE b (z);"]).unwrap();
        drop(store);
        let older = Store::open_with(&path, &[first, second]).err();
        assert_eq!(older, Some(StoreError::Newer { found: 3, known: 2 }));
    }

    #[test]
    fn what_is_no_store_is_refused_and_stays_as_it_is() {
        let directory = directory();
        let path = directory.path().join("file");
        let other = directory.path().join("other.sqlite");
        let connection = Connection::open(&other).unwrap();
        connection.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
        drop(connection);
        for bytes in [
            b"just a text, longer than the head of a database, which has one hundred bytes. "
                .repeat(3),
            std::fs::read(&other).unwrap(),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Store::open(&path).err(), Some(StoreError::Foreign));
            assert_eq!(History::open(&path).err(), Some(StoreError::Foreign));
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_told() {
        let directory = directory();
        assert!(matches!(Store::open(directory.path()), Err(StoreError::Unopened(_))));
        let nowhere = directory.path().join("missing/history.sqlite");
        assert!(matches!(Store::open(&nowhere), Err(StoreError::Unopened(_))));
        assert_eq!(History::open(&nowhere).err(), Some(StoreError::Missing));
    }

    #[test]
    fn a_file_of_an_older_version_is_read_after_it_was_brought_up_to_date() {
        let directory = directory();
        let path = directory.path().join("history.sqlite");
        drop(Store::open_with(&path, &[]).unwrap());
        let store = Store::open_with(&path, &[]).unwrap();
        store.connection.pragma_update(None, "application_id", APPLICATION).unwrap();
        drop(store);
        let known = newest(MIGRATIONS);
        assert_eq!(History::open(&path).err(), Some(StoreError::Older { found: 0, known }));
        drop(Store::open(&path).unwrap());
        assert!(History::open(&path).is_ok());
    }
}
