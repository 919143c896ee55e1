//! The files of an installation.

use std::io;
use std::path::{Path, PathBuf};

use crate::complaint::{Complaint, Place};
use crate::config::saved;
use crate::input;

/// The maximum size of a file, in bytes. Usual ones have a few thousand.
const SIZE_LIMIT: u64 = 1 << 20;

/// Standard input, in place of a file.
const STDIN: &str = "-";

/// Where the files are below the directory of an installation, or of its configuration.
const DIRECTORIES: [&str; 7] =
    ["", "config", "config/cluster", "config/node", "config/cluster/node", "cluster", "node"];

/// The files with settings. Some versions write the names with a hyphen.
const SETTINGS: [&str; 5] =
    ["openvidu.env", "master_node.env", "master-node.env", "media_node.env", "media-node.env"];

/// The files with the images of the services, which show the version.
const IMAGES: [&str; 3] = ["docker-compose.yaml", "docker-compose.yml", ".env"];

/// A file that was read. It holds secrets, so it is shown nowhere.
pub struct InstallationFile {
    pub path: String,
    pub text: String,
    /// Whether a user named the file, and not its directory.
    pub is_named: bool,
}

impl InstallationFile {
    /// Whether it is in the directory of settings that the machines of a cluster share.
    pub(super) fn is_of_cluster(&self) -> bool {
        let directory = Path::new(&self.path).parent().and_then(Path::file_name);
        directory.is_some_and(|name| name == "cluster" || name == "node")
    }
}

/// Reads a file, or the files of an installation in a directory. `-` is standard input.
///
/// # Errors
/// If a file cannot be read, is larger than 1 MiB or is not a text, or if the directory has none.
pub fn read(path: &Path) -> Result<Vec<InstallationFile>, Complaint> {
    if !path.is_dir() {
        return read_file(path, true).map(|file| vec![file]);
    }
    let mut files = Vec::new();
    for candidate in candidates(path) {
        match candidate.symlink_metadata() {
            Err(error) if is_absent(&error) => {}
            // If it is not known whether the file exists, reading reports the reason.
            Ok(_) | Err(_) => files.push(read_file(&candidate, false)?),
        }
    }
    if files.is_empty() {
        let place = Place::Path(path.display().to_string());
        return Err(Complaint::new("no settings of OpenVidu are in this directory", place)
            .with_help(format!(
                "name the directory of the installation, such as /opt/openvidu; ovcheck looks for {}",
                SETTINGS.join(", ")
            )));
    }
    Ok(files)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn candidates(directory: &Path) -> Vec<PathBuf> {
    let settings = DIRECTORIES
        .into_iter()
        .flat_map(|below| SETTINGS.map(|name| directory.join(below).join(name)));
    settings.chain(IMAGES.map(|name| directory.join(name))).collect()
}

fn read_file(path: &Path, is_named: bool) -> Result<InstallationFile, Complaint> {
    let is_stdin = path == Path::new(STDIN);
    let shown = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let place = Place::Path(shown.clone());
    let bytes =
        if is_stdin { input::read_stdin(SIZE_LIMIT) } else { input::read(path, SIZE_LIMIT) };
    let bytes = bytes.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Complaint::new("the file is larger than 1 MiB", place.clone())
                .with_help("the files of an installation have a few dozen lines; check the name")
        }
        io::ErrorKind::PermissionDenied => {
            Complaint::new(format!("failed to read: {error}"), place.clone())
                .with_help("run this command as a user that may read the file, such as root")
        }
        _ => Complaint::new(format!("failed to read: {error}"), place.clone()),
    })?;
    let text = saved::decoded(bytes).filter(|text| !text.contains('\0'));
    let text = text.ok_or_else(|| Complaint::new("the file is not a text", place))?;
    Ok(InstallationFile { path: shown, text, is_named })
}
