//! The proxy of this machine: which process has the port that users reach, and which files it reads. Nothing is
//! executed.

use std::fs;
use std::net::IpAddr;

use super::host;
use crate::model::configuration::ProxyKind;
use crate::model::port::{Port, Transport};
use crate::proto::host::{proxies, system};

pub use crate::proto::host::proxies::StartedProxy;

/// What is known about the proxy of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalProxy {
    /// No proxy whose files can be found has the port.
    Absent,
    /// It has the port, and reads these files, which are the same for this program.
    Found(StartedProxy),
    /// It runs here, but this user may not see whether it has the port.
    NeedsRoot(ProxyKind),
    /// It has the port, but which files of this machine it reads is not shown, for example in a container.
    FilesUnknown(ProxyKind),
}

/// A process of a proxy.
struct ProxyProcess {
    pid: u32,
    kind: ProxyKind,
    /// The inodes of its sockets; `None`: this user may not look.
    sockets: Option<Vec<u64>>,
}

/// The proxy that takes connections to one of these addresses of this machine at this port. Looks only into
/// processes that have the name of a proxy.
pub fn taking(addresses: &[IpAddr], port: Port) -> LocalProxy {
    let mut sockets = Vec::new();
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A machine without IPv6 has only one, and other systems have none.
        let Ok(text) = host::text(path) else { continue };
        sockets.extend(system::waiting_sockets(&text, Transport::Tcp));
    }
    sockets.retain(|socket| socket.port == port);
    let wanted = proxies::sockets_for(addresses, &sockets);
    if wanted.is_empty() {
        return LocalProxy::Absent;
    }
    let processes = processes();
    let mut holders: Vec<&ProxyProcess> = Vec::new();
    for socket in &wanted {
        let has = |process: &&ProxyProcess| {
            process.sockets.as_ref().is_some_and(|own| own.contains(&socket.inode))
        };
        let before = holders.len();
        holders.extend(processes.iter().filter(has));
        if holders.len() == before {
            let hidden = processes.iter().find(|process| process.sockets.is_none());
            return hidden.map_or(LocalProxy::Absent, |it| LocalProxy::NeedsRoot(it.kind));
        }
    }
    let Some(first) = holders.first() else { return LocalProxy::Absent };
    let mut started = holders.iter().map(|holder| started(holder.pid));
    match started.next().flatten() {
        Some(proxy) if started.all(|other| other.as_ref() == Some(&proxy)) => {
            LocalProxy::Found(proxy)
        }
        _ if is_root() => LocalProxy::FilesUnknown(first.kind),
        _ => LocalProxy::NeedsRoot(first.kind),
    }
}

/// Only root may see how processes of others were started.
#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn processes() -> Vec<ProxyProcess> {
    let process = |pid: u32| {
        let name = host::text(&format!("/proc/{pid}/comm")).ok()?;
        let kind = proxies::kind_of(name.trim_end())?;
        let links = host::links(pid);
        let inodes = |links: Vec<String>| {
            links.iter().filter_map(|link| system::socket_inode(link)).collect()
        };
        let sockets = links.map(inodes);
        Some(ProxyProcess { pid, kind, sockets })
    };
    host::pids().into_iter().filter_map(process).collect()
}

/// How the process or, for workers, its parent was started, if the files are those that this program sees.
fn started(pid: u32) -> Option<StartedProxy> {
    let executable = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = executable(pid)?;
    let parent = host::text(&format!("/proc/{pid}/stat")).ok().and_then(|it| proxies::parent(&it));
    // Another program may have started it.
    let parent = parent.filter(|parent| executable(*parent).as_ref() == Some(&own));
    let family: Vec<u32> = std::iter::once(pid).chain(parent).collect();
    let executable = own.to_str()?;
    let words = |pid: &u32| host::text(&format!("/proc/{pid}/cmdline")).ok();
    let mut known = family.iter().filter_map(|pid| proxies::started(executable, &words(pid)?));
    let proxy = known.next()?;
    // Workers may have another root directory than the master that read the files.
    let is_same = |file: &String| family.iter().any(|pid| is_same_file(*pid, file));
    proxy.files.iter().all(is_same).then_some(proxy)
}

/// Whether a path leads a process to the same file as this program.
#[cfg(unix)]
fn is_same_file(pid: u32, path: &str) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let [theirs, ours] = [format!("/proc/{pid}/root{path}"), path.to_owned()].map(fs::metadata);
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
        _ => false,
    }
}

/// Other systems have no `/proc`.
#[cfg(not(unix))]
fn is_same_file(_: u32, _: &str) -> bool {
    false
}
