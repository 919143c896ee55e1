//! Configuration files of another program: on its machine, or as a copy of its file system below a directory.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::lint::files::{FileProblem, Files, Permissions};

/// The most symbolic links on the way to one file, as in Linux.
const MOST_LINKS: usize = 40;
/// The most names of a directory that are read.
const MOST_NAMES: usize = 100_000;

/// Where configuration files are read.
#[derive(Debug, Clone)]
pub enum ConfigurationFiles {
    /// On the machine on which the program runs: a file that is not there is not there for the program either.
    OfThisMachine,
    /// Files of another machine, at their own paths: what is not there may be there for the program.
    Copy,
    /// As [`Self::Copy`]; absolute paths, also those of symbolic links, begin below this directory.
    Below(PathBuf),
}

impl ConfigurationFiles {
    fn path(&self, path: &str) -> Result<PathBuf, FileProblem> {
        match self {
            Self::Below(root) if path.starts_with('/') => {
                below(root, Path::new(path)).map_err(|error| self.problem(&error))
            }
            _ => Ok(PathBuf::from(path)),
        }
    }

    fn problem(&self, error: &io::Error) -> FileProblem {
        // ELOOP of Linux, and of macOS and the BSDs.
        const CIRCLES: [i32; 2] = if cfg!(target_os = "linux") { [40, 40] } else { [62, 62] };
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => match self {
                Self::OfThisMachine => FileProblem::Missing,
                Self::Copy | Self::Below(_) => FileProblem::NotInCopy,
            },
            io::ErrorKind::PermissionDenied => FileProblem::Denied,
            io::ErrorKind::FileTooLarge => FileProblem::TooLarge,
            _ if error.raw_os_error().is_some_and(|code| CIRCLES.contains(&code)) => {
                FileProblem::LinkCircle
            }
            _ => FileProblem::Other(error.to_string()),
        }
    }
}

impl Files for ConfigurationFiles {
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, FileProblem> {
        let path = self.path(path)?;
        // Before it is opened: a pipe without a writer would block there, and a device may do anything.
        let metadata = fs::metadata(&path).map_err(|error| self.problem(&error))?;
        if !metadata.is_file() {
            return Err(FileProblem::NotRegular);
        }
        if metadata.len() > limit as u64 {
            return Err(FileProblem::TooLarge);
        }
        super::read(&path, limit as u64).map_err(|error| self.problem(&error))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, FileProblem> {
        let path = self.path(if directory.is_empty() { "." } else { directory })?;
        let metadata = fs::metadata(&path).map_err(|error| self.problem(&error))?;
        if !metadata.is_dir() {
            return Err(FileProblem::NotRegular);
        }
        let entries = fs::read_dir(&path).map_err(|error| self.problem(&error))?;
        let names = entries.filter_map(Result::ok).take(MOST_NAMES);
        // A name that is not UTF-8 cannot be named by a pattern that is shown.
        Ok(names.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    fn permissions(&self, path: &str) -> Vec<Permissions> {
        match self {
            Self::OfThisMachine => permissions_to(Path::new(path)),
            Self::Copy | Self::Below(_) => Vec::new(),
        }
    }
}

/// The permissions on the way to a file: as it is named, and as it is behind its symbolic links.
fn permissions_to(path: &Path) -> Vec<Permissions> {
    let mut all = Vec::new();
    for way in [std::path::absolute(path), fs::canonicalize(path)].into_iter().flatten() {
        let mut steps: Vec<&Path> = way.ancestors().collect();
        steps.reverse();
        for step in steps {
            let Some(found) = permissions_of(step) else { break };
            if !all.contains(&found) {
                all.push(found);
            }
        }
    }
    all
}

#[cfg(unix)]
fn permissions_of(path: &Path) -> Option<Permissions> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).ok()?;
    Some(Permissions {
        path: path.to_str()?.to_owned(),
        is_directory: metadata.is_dir(),
        owner: metadata.uid(),
        group: metadata.gid(),
        mode: metadata.mode() & 0o777,
    })
}

#[cfg(not(unix))]
fn permissions_of(_: &Path) -> Option<Permissions> {
    None
}

/// The path below `root`, with every symbolic link on the way taken as one of that file system.
fn below(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut ahead: Vec<PathBuf> = parts_of(path);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == Path::new("..") {
            at.pop();
            continue;
        }
        let here = root.join(&at).join(&part);
        let Ok(target) = fs::read_link(&here) else {
            at.push(part);
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::from_raw_os_error(if cfg!(target_os = "linux") {
                40
            } else {
                62
            }));
        }
        if target.is_absolute() {
            at = PathBuf::new();
        }
        ahead.extend(parts_of(&target));
    }
    Ok(root.join(at))
}

/// The names of a path, the last one first.
fn parts_of(path: &Path) -> Vec<PathBuf> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    });
    let mut names: Vec<PathBuf> = names.collect();
    names.reverse();
    names
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn absolute_links_of_a_copy_stay_in_it() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc/nginx");
        fs::create_dir_all(etc.join("on")).unwrap();
        fs::write(etc.join("site"), "inside").unwrap();
        symlink("/etc/nginx/site", etc.join("on/site")).unwrap();
        symlink("../../../../../../../etc/nginx/site", etc.join("on/up")).unwrap();
        symlink("/etc/nginx/on/round", etc.join("on/round")).unwrap();
        let files = ConfigurationFiles::Below(root.path().to_owned());
        assert_eq!(files.read("/etc/nginx/on/site", 100).unwrap(), b"inside");
        assert_eq!(files.read("/etc/nginx/on/up", 100).unwrap(), b"inside");
        assert_eq!(files.read("/etc/nginx/on/round", 100), Err(FileProblem::LinkCircle));
        assert_eq!(files.read("/etc/nginx/none", 100), Err(FileProblem::NotInCopy));
        assert_eq!(files.read("/etc/nginx/site", 3), Err(FileProblem::TooLarge));
        assert_eq!(files.read("/etc/nginx", 100), Err(FileProblem::NotRegular));
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let files = ConfigurationFiles::OfThisMachine;
        assert_eq!(files.read("/dev/zero", 100), Err(FileProblem::NotRegular));
        assert_eq!(files.list("/dev/zero"), Err(FileProblem::NotRegular));
        assert_eq!(files.read("/nowhere/at/all", 100), Err(FileProblem::Missing));
    }
}
