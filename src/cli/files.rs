//! Writes report files completely or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::input;

/// The maximum time to write to a device or a pipe, which another process reads.
const LONGEST_WRITE: Duration = Duration::from_secs(60);

/// Whether an existing file may be overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    Allowed,
    Refused,
}

/// Whether writing to `path` would replace a file or directory. Devices and pipes do not count.
pub fn is_taken(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() || found.is_dir())
}

/// The path by which two names of one file are found out: of the file that a link points to, or of the
/// directory in which it will be.
pub fn resolved(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let name = path.file_name().unwrap_or_default();
    let directory = directory_of(path);
    directory.canonicalize().unwrap_or_else(|_| directory.to_owned()).join(name)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    }
}

/// Whether [`write()`] can create its temporary file, found out by creating and removing one. Does not look
/// at devices and pipes: to open one may take for ever.
///
/// # Errors
/// Errors of the file system.
pub fn can_be_written(path: &Path) -> io::Result<()> {
    if path.exists() && !is_taken(path) {
        return Ok(());
    }
    let temporary = temporary_name(&resolved(path))?;
    OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    fs::remove_file(&temporary)
}

/// Writes `bytes` to a temporary file beside `path` and renames it, so that no reader sees a partial
/// file. Writes to devices and pipes directly.
///
/// # Errors
/// Errors of the file system, and [`io::ErrorKind::AlreadyExists`] if `path` exists and must not be
/// overwritten.
pub fn write(path: &Path, bytes: &[u8], overwrite: Overwrite) -> io::Result<()> {
    if path.exists() && !is_taken(path) {
        let (path, bytes) = (path.to_owned(), bytes.to_vec());
        return input::within(LONGEST_WRITE, move || {
            OpenOptions::new().write(true).open(path)?.write_all(&bytes)
        });
    }
    if overwrite == Overwrite::Refused && is_taken(path) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // A link stays, and what it points to is replaced.
    let path = &resolved(path);
    let temporary = temporary_name(path)?;
    let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() && temporary.exists() {
        fs::remove_file(&temporary)?;
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A hidden name in the same directory, because a file cannot be renamed across file systems.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    let hidden = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(directory: &Path) -> Vec<String> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_file_is_written_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        write(&path, b"{}", Overwrite::Refused).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(names_in(directory.path()), ["report.json"]);
    }

    #[test]
    fn a_file_that_is_there_stays_unless_it_may_be_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        fs::write(&path, b"old").unwrap();
        let refused = write(&path, b"new", Overwrite::Refused).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, b"new", Overwrite::Allowed).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_name_that_cannot_be_given_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"{}", Overwrite::Allowed).is_err());
        assert_eq!(names_in(directory.path()), ["taken"]);
    }

    #[test]
    fn two_names_of_one_file_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        assert_eq!(resolved(&path), resolved(&directory.path().join("./report.json")));
        fs::write(&path, b"old").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(resolved(&link), resolved(&path));
        write(&link, b"new", Overwrite::Allowed).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_written_is_found_out_and_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        can_be_written(&directory.path().join("report.json")).unwrap();
        can_be_written(Path::new("/dev/null")).unwrap();
        let nowhere = directory.path().join("missing").join("report.json");
        assert_eq!(can_be_written(&nowhere).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(names_in(directory.path()), [""; 0]);
    }

    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        let null = Path::new("/dev/null");
        assert!(!is_taken(null));
        write(null, b"{}", Overwrite::Refused).unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
    }
}
