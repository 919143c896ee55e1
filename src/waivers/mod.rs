//! The waivers file: where it is, how it is read, and how an entry is added.

mod add;
mod file;

use std::path::{Path, PathBuf};

use crate::complaint::{Complaint, Place};
use crate::config::is_of_this_user;
use crate::input;
use crate::model::waiver::Waiver;

pub use add::{NewWaiver, with_entry};
pub use file::parse;

/// The name of the waivers file, beside the deployment file or in the working directory.
pub const DEFAULT_NAME: &str = "ovcheck-waivers.toml";

/// The maximum size of the file, in bytes. An entry has a few hundred.
const SIZE_LIMIT: u64 = 1 << 20;

/// Which waivers file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaiversFile {
    /// The user named it: it must exist.
    Named(PathBuf),
    /// It is beside the deployment file, or in the working directory. It may be missing.
    Beside(PathBuf),
}

impl WaiversFile {
    /// The one that the user named, otherwise the one beside the deployment file.
    pub fn choose(named: Option<&Path>, deployment_file: Option<&str>) -> Self {
        match (named, deployment_file) {
            (Some(path), _) => Self::Named(path.to_owned()),
            (None, Some(file)) => Self::Beside(Path::new(file).with_file_name(DEFAULT_NAME)),
            (None, None) => Self::Beside(DEFAULT_NAME.into()),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Beside(path) => path,
        }
    }

    /// Its text; `None` if it is missing and no user named it.
    ///
    /// # Errors
    /// If a file that the user named does not exist, or if it cannot be read, is larger than 1 MiB, or
    /// is not UTF-8. If another user may have written the one that no user named.
    pub fn read(&self) -> Result<Option<String>, Complaint> {
        let path = self.path();
        if matches!(self, Self::Beside(_)) {
            if matches!(path.try_exists(), Ok(false)) {
                return Ok(None);
            }
            let shown = path.display();
            let help = format!("read it and name it with --waivers {shown}, or remove it");
            is_of_this_user(path, &help)?;
        }
        let named_by = match self {
            Self::Named(_) => Place::Flag("--waivers".to_owned()),
            Self::Beside(_) => Place::Path(path.display().to_string()),
        };
        let bytes = input::read(path, SIZE_LIMIT).map_err(|error| {
            let shown = path.display();
            Complaint::new(format!("failed to read {shown}: {error}"), named_by)
                .with_help("provide the path of a waivers file; `ovcheck waive` creates one")
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Complaint::new("the file is not UTF-8 text", Place::Path(path.display().to_string()))
                .with_help("save the file as UTF-8")
        })?;
        Ok(Some(text))
    }

    /// The waivers in it; none if it is missing and no user named it.
    ///
    /// # Errors
    /// As for [`Self::read`] and [`parse`].
    pub fn waivers(&self) -> Result<Vec<Waiver>, Complaint> {
        let shown = self.path().display().to_string();
        self.read()?.map_or_else(|| Ok(Vec::new()), |text| parse(&shown, &text))
    }
}
