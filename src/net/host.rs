//! What Linux tells about this machine: its files, and programs that only list. No program is run by a
//! shell, and none is looked for where users can write.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::model::facts::{ServerText, Unread};

/// Where programs are looked for.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most bytes of a listing, such as that of all rules of a firewall.
const LONGEST_LISTING: u64 = 8 * 1024 * 1024;

/// The most bytes of a file of `/proc`, `/sys` or `/etc`.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// The most bytes of an error message that are kept.
const LONGEST_ERROR: u64 = 4096;

/// The most processes that are looked at, and the most open files of each.
const MOST_PROCESSES: usize = 32_768;
const MOST_FILES: usize = 65_536;

/// How often a program that closed its output is asked whether it has ended, and how long between.
const ENDING: (u32, Duration) = (50, Duration::from_millis(10));

/// What a program writes to stdout. It gets no input.
///
/// # Errors
/// If it is not installed, fails, or takes or writes too much.
pub fn listing(program: &str, arguments: &[&str]) -> Result<Vec<u8>, Unread> {
    let path = find(program).ok_or_else(|| Unread::NoProgram(program.to_owned()))?;
    let failed = |error: &str| Unread::Failed {
        what: program.to_owned(),
        error: ServerText::new(error.trim()),
    };
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", FOLDERS.join(":"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    let written = written_by(&mut child, program);
    let has_succeeded = has_succeeded(&mut child);
    let (output, errors) = written?;
    let errors = String::from_utf8_lossy(&errors);
    match has_succeeded {
        Some(true) => Ok(output),
        Some(false) if is_refused(&errors) => Err(Unread::NeedsRoot),
        Some(false) => Err(failed(&errors)),
        None => Err(Unread::TooSlow(program.to_owned())),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let mut paths = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    paths.find(|path| path.is_file())
}

/// Programs of netfilter say in these words that they need root.
fn is_refused(errors: &str) -> bool {
    errors.contains("must be root") || errors.contains("need to be root")
}

/// What it writes to stdout and stderr. If that is too much or takes too long, it is ended.
fn written_by(child: &mut Child, program: &str) -> Result<(Vec<u8>, Vec<u8>), Unread> {
    let output = read_aside(child.stdout.take(), LONGEST_LISTING);
    let errors = read_aside(child.stderr.take(), LONGEST_ERROR);
    let Ok(output) = output.recv_timeout(PATIENCE) else {
        return end(child, Unread::TooSlow(program.to_owned()));
    };
    if output.len() as u64 > LONGEST_LISTING {
        return end(child, Unread::TooLong(program.to_owned()));
    }
    Ok((output, errors.recv_timeout(PATIENCE).unwrap_or_default()))
}

/// Reads in a thread of its own: a program that waits for us to read must not wait for ever. A byte more
/// than the limit shows that there is more.
fn read_aside(from: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut read = Vec::new();
        if let Some(from) = from {
            // What was read up to an error counts.
            let _ = from.take(limit + 1).read_to_end(&mut read);
        }
        // Nobody waits any more for what came too late.
        let _ = sender.send(read);
    });
    receiver
}

fn end<T>(child: &mut Child, why: Unread) -> Result<T, Unread> {
    // One that has ended by itself cannot be killed.
    let _ = child.kill();
    Err(why)
}

/// Whether it ended well; `None`: it did not end, and was killed.
fn has_succeeded(child: &mut Child) -> Option<bool> {
    let (tries, pause) = ENDING;
    for _ in 0..tries {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(pause),
            Err(_) => return None,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The text of a file of the system.
///
/// # Errors
/// If it is missing, is too long, or only root may read it.
pub fn text(path: &str) -> Result<String, Unread> {
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unread::NoFile(path.to_owned()),
        ErrorKind::PermissionDenied => Unread::NeedsRoot,
        _ => Unread::Failed {
            what: format!("reading {path}"),
            error: ServerText::new(&error.to_string()),
        },
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(Unread::TooLong(path.to_owned()));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a folder or file is there.
pub fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// A process, and what its open files lead to (`socket:[12345]`).
#[derive(Debug)]
pub struct RunningProcess {
    pub pid: u32,
    /// `comm`.
    pub name: String,
    pub links: Vec<String>,
}

/// The processes into whose open files this user may look.
pub fn processes() -> Vec<RunningProcess> {
    let process = |pid: u32| {
        let links = links(pid)?;
        let name = text(&format!("/proc/{pid}/comm")).ok()?;
        Some(RunningProcess { pid, name: name.trim_end().to_owned(), links })
    };
    pids().into_iter().filter_map(process).collect()
}

/// The processes of this machine; none without `/proc`.
pub(super) fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.take(MOST_PROCESSES).collect()
}

/// What the open files of a process lead to; `None`: this user may not look.
pub(super) fn links(pid: u32) -> Option<Vec<String>> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let links = files
        .flatten()
        .take(MOST_FILES)
        .filter_map(|file| Some(fs::read_link(file.path()).ok()?.to_string_lossy().into_owned()));
    Some(links.collect())
}

/// The interfaces that have an address, without loopback ones.
#[cfg(unix)]
pub fn interfaces() -> Result<Vec<(String, Vec<IpAddr>)>, Unread> {
    let failed = |error: nix::Error| Unread::Failed {
        what: "getifaddrs".to_owned(),
        error: ServerText::new(&error.to_string()),
    };
    let mut interfaces: Vec<(String, Vec<IpAddr>)> = Vec::new();
    for entry in nix::ifaddrs::getifaddrs().map_err(failed)? {
        let Some(storage) = &entry.address else { continue };
        let v4 = storage.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
        let v6 = || storage.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip()));
        let Some(address) = v4.or_else(v6).filter(|address| !address.is_loopback()) else {
            continue;
        };
        let mut known = interfaces.iter_mut();
        match known.find(|(name, _)| *name == entry.interface_name) {
            Some((_, addresses)) => addresses.push(address),
            None => interfaces.push((entry.interface_name, vec![address])),
        }
    }
    Ok(interfaces)
}

/// Other systems are not read.
#[cfg(not(unix))]
pub fn interfaces() -> Result<Vec<(String, Vec<IpAddr>)>, Unread> {
    Err(Unread::NoFile("/proc".to_owned()))
}
