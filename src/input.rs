//! Reads files that the user named, and standard input: within a limit of bytes and of time. A path may
//! be a device without end, or a pipe into which no process writes.

pub mod configuration;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The maximum time to read a file: 60 s. A process behind a pipe may first ask the user for a password.
const LONGEST: Duration = Duration::from_secs(60);

/// The content of the file at `path`, of at most `limit` bytes.
///
/// # Errors
/// Errors of the file system; [`io::ErrorKind::FileTooLarge`] for a longer file, and
/// [`io::ErrorKind::TimedOut`] for one that is not read after 60 s.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    within(LONGEST, move || File::open::<PathBuf>(path).and_then(|file| read_all(file, limit)))
}

/// What standard input has until its end, of at most `limit` bytes.
///
/// # Errors
/// As for [`read`].
pub fn read_stdin(limit: u64) -> io::Result<Vec<u8>> {
    within(LONGEST, move || read_all(io::stdin(), limit))
}

fn read_all(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Does something that may block for ever. After `longest`, its thread is left behind.
///
/// # Errors
/// Its own, and [`io::ErrorKind::TimedOut`].
pub fn within<T: Send + 'static>(
    longest: Duration,
    blocking: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        // After the time-out there is no one to tell.
        drop(tell.send(blocking()));
    })?;
    told.recv_timeout(longest).unwrap_or_else(|_| {
        let seconds = longest.as_secs();
        let words =
            format!("the process at its other end did not respond within {seconds} seconds");
        Err(io::Error::new(io::ErrorKind::TimedOut, words))
    })
}

/// Who may write a file, or in a directory, apart from root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    OnlyThisUser,
    /// It belongs to a user that is neither this one nor root.
    AnotherUser,
    /// Its mode lets a group or all users write.
    OtherUsers,
    /// This system does not tell ovcheck.
    #[cfg(windows)]
    NotKnown,
}

/// Who may write the file or in the directory at `path`.
///
/// # Errors
/// Errors of the file system.
#[cfg(unix)]
pub fn writers_of(path: &Path) -> io::Result<Writers> {
    use std::os::unix::fs::MetadataExt;

    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    let metadata = std::fs::metadata(path)?;
    let owner = metadata.uid();
    if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
        return Ok(Writers::AnotherUser);
    }
    // Where each user has a group of the same number, that group has no other member.
    let by_group = metadata.mode() & GROUP_WRITES != 0 && metadata.gid() != owner;
    let by_others = metadata.mode() & OTHERS_WRITE != 0;
    Ok(if by_group || by_others { Writers::OtherUsers } else { Writers::OnlyThisUser })
}

/// Who may write the file or in the directory at `path`: not known. Windows has access control lists.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn writers_of(_path: &Path) -> io::Result<Writers> {
    Ok(Writers::NotKnown)
}

/// Whether users other than the owner and root can read the regular file at `path`: its mode and those of
/// its directories let them. A pipe has no other reader.
///
/// # Errors
/// Errors of the file system.
#[cfg(unix)]
pub fn is_read_by_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    const GROUP_READS: u32 = 0o040;
    const OTHERS_READ: u32 = 0o004;
    const GROUP_ENTERS: u32 = 0o010;
    const OTHERS_ENTER: u32 = 0o001;
    let path = path.canonicalize()?;
    let file = std::fs::metadata(&path)?;
    if !file.is_file() {
        return Ok(false);
    }
    let mut by_group = file.mode() & GROUP_READS != 0 && file.gid() != file.uid();
    let mut by_others = file.mode() & OTHERS_READ != 0;
    for directory in path.ancestors().skip(1) {
        let mode = std::fs::metadata(directory)?.mode();
        by_group &= mode & (GROUP_ENTERS | OTHERS_ENTER) != 0;
        by_others &= mode & OTHERS_ENTER != 0;
    }
    Ok(by_group || by_others)
}

/// Not known: Windows has access control lists.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn is_read_by_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_end_is_too_large() {
        let error = read(Path::new("/dev/zero"), 1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_file_of_exactly_the_limit_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("four");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_blocks_for_ever_is_left_behind() {
        let waiting = || -> io::Result<()> {
            thread::park();
            Ok(())
        };
        let error = within(Duration::from_millis(50), waiting).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
