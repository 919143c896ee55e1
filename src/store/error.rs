//! Why a store cannot be read or written.

use std::path::Path;

use rusqlite::ErrorCode;

/// Why a store cannot be read or written. The texts complete "the history at PATH …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("does not exist")]
    Missing,
    #[error("cannot be opened: {0}")]
    Unopened(String),
    #[error("is not a file of ovcheck; it was not changed")]
    Foreign,
    #[error(
        "was written by a newer version of ovcheck (format {found}, this one knows {known}); it was not changed"
    )]
    Newer { found: i64, known: i64 },
    #[error("was written by an older version of ovcheck (format {found}, this one reads {known})")]
    Older { found: i64, known: i64 },
    #[error("is locked by another program")]
    Locked,
    #[error("cannot be written: the disk is full")]
    Full,
    #[error("cannot be written: it is read-only")]
    ReadOnly,
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("failed: {0}")]
    Other(String),
}

impl StoreError {
    /// What an operator can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "name the path of [store] in the configuration of `ovcheck serve`",
            Self::Unopened(_) => {
                "check that the directory exists, and that the user of ovcheck may write into it"
            }
            Self::Foreign => "choose another path in [store]",
            Self::Newer { .. } => "use that version of ovcheck, or choose another path in [store]",
            Self::Older { .. } => "`ovcheck serve` brings it up to date when it starts",
            Self::Locked => "end the other program; only one `ovcheck serve` may use the file",
            Self::Full => "free space on the disk; runs wait in memory until then",
            Self::ReadOnly => {
                "give the user of ovcheck the right to write the file and its directory"
            }
            Self::Damaged(_) => {
                "move the file away: ovcheck makes a new one. `sqlite3 FILE .recover` may rescue data"
            }
            Self::Other(_) => "see the message of SQLite",
        }
    }

    /// Whether the same call may succeed later without a change of the configuration.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Foreign | Self::Newer { .. } | Self::Older { .. })
    }

    /// The error of opening a path: SQLite does not say that it is a directory.
    pub(super) fn of_path(path: &Path, error: Self) -> Self {
        match error {
            _ if path.is_dir() => Self::Unopened("it is a directory".to_owned()),
            other => other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unopened(error.to_string())
            }
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}
