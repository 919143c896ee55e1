//! Processes of proxies on this machine: which one has a port, and which files it reads.

use std::net::IpAddr;

use super::system::WaitingSocket;
use crate::model::configuration::ProxyKind;
use crate::model::target::Family;

/// The proxies whose files can be found by their processes, with the names of their programs.
const PROGRAMS: [(&str, ProxyKind); 2] =
    [("nginx", ProxyKind::Nginx), ("haproxy", ProxyKind::Haproxy)];

/// Where nginx's main file is if nothing is said, and the program of the packages of which that is true.
const NGINX_OF_PACKAGES: (&str, &str) = ("/usr/sbin/nginx", "/etc/nginx/nginx.conf");

/// What Linux adds to the name of a program whose file was replaced since it started.
const REPLACED: &str = " (deleted)";

/// A proxy, and the files with which it was started, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedProxy {
    pub kind: ProxyKind,
    pub files: Vec<String>,
}

/// The proxy that has a program of this name (`comm`).
pub fn kind_of(name: &str) -> Option<ProxyKind> {
    PROGRAMS.into_iter().find(|(program, _)| *program == name).map(|(_, kind)| kind)
}

/// How a process was started: `executable` is what `/proc/PID/exe` leads to, `command_line` the content of
/// `/proc/PID/cmdline`. `None` if the words do not show which files it reads, as those of nginx's workers,
/// or if they name them by paths that depend on a directory.
pub fn started(executable: &str, command_line: &str) -> Option<StartedProxy> {
    let executable = executable.strip_suffix(REPLACED).unwrap_or(executable);
    let (_, name) = executable.rsplit_once('/')?;
    let kind = kind_of(name)?;
    let files = match kind {
        ProxyKind::Nginx => vec![nginx_file(executable, command_line)?],
        _ => haproxy_files(command_line),
    };
    let are_absolute = !files.is_empty() && files.iter().all(|file| file.starts_with('/'));
    are_absolute.then_some(StartedProxy { kind, files })
}

/// nginx's master writes its own title over its words, with them behind it.
fn nginx_file(executable: &str, text: &str) -> Option<String> {
    const MASTER: &str = "nginx: master process ";
    let text = text.trim_end_matches('\0');
    let words: Vec<&str> = match text.strip_prefix(MASTER) {
        Some(words) => words.split(' ').collect(),
        None if text.starts_with("nginx: ") => return None,
        None => text.split('\0').collect(),
    };
    if let Some(file) = values_of(&words, "-c").pop() {
        return Some(file);
    }
    let (of_packages, file) = NGINX_OF_PACKAGES;
    // A prefix moves the main file of some builds.
    let is_moved = !values_of(&words, "-p").is_empty();
    (executable == of_packages && !is_moved).then(|| file.to_owned())
}

fn haproxy_files(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
    // What is behind `--` are files, too, and `-C` is the directory of relative paths.
    if words.contains(&"--") {
        return Vec::new();
    }
    values_of(&words, "-f")
}

/// The values of an option, which may be in the same word.
fn values_of(words: &[&str], option: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.strip_prefix(option) {
            Some("") => values.extend(rest.next().map(|value| (*value).to_owned())),
            // `-st 123` of HAProxy is not `-s`, but nothing else begins with the options asked for.
            Some(value) => values.push(value.to_owned()),
            None => {}
        }
    }
    values
}

/// The process that is the parent, in `/proc/PID/stat`. The name of the program may hold anything.
pub fn parent(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(1)?.parse().ok()
}

/// Of the sockets of one port, those that take connections to one of these addresses: one with the address
/// itself, else one for all addresses.
pub fn sockets_for(addresses: &[IpAddr], sockets: &[WaitingSocket]) -> Vec<WaitingSocket> {
    let mut taken: Vec<WaitingSocket> = Vec::new();
    for address in addresses {
        let own = |socket: &&WaitingSocket| socket.address.to_canonical() == *address;
        // One for all IPv6 addresses usually takes IPv4, too, unless IPv4 has one of its own.
        let for_all = |family: Family| {
            move |socket: &&WaitingSocket| {
                socket.address.is_unspecified() && Family::of(socket.address) == family
            }
        };
        let family = Family::of(*address);
        let matching = |is: &dyn Fn(&&WaitingSocket) -> bool| -> Vec<WaitingSocket> {
            sockets.iter().filter(|socket| is(socket)).copied().collect()
        };
        let mut found = matching(&own);
        if found.is_empty() {
            found = matching(&for_all(family));
        }
        if found.is_empty() && family == Family::V4 {
            found = matching(&for_all(Family::V6));
        }
        taken
            .extend(found.into_iter().filter(|socket| !taken.contains(socket)).collect::<Vec<_>>());
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::port::Port;

    fn files(executable: &str, words: &[&str]) -> Option<Vec<String>> {
        started(executable, &words.join("\0")).map(|it| it.files)
    }

    #[test]
    fn the_files_of_nginx_are_those_of_its_words_or_of_its_package() {
        let title = "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;\0\0\0";
        let of_package = Some(vec!["/etc/nginx/nginx.conf".to_owned()]);
        assert_eq!(files("/usr/sbin/nginx", &[title]), of_package);
        assert_eq!(files("/usr/sbin/nginx (deleted)", &[title]), of_package);
        assert_eq!(files("/usr/sbin/nginx", &["nginx", "-g", "daemon off;"]), of_package);
        let named = Some(vec!["/srv/n.conf".to_owned()]);
        assert_eq!(files("/opt/nginx", &["nginx", "-c", "/srv/n.conf"]), named);
        assert_eq!(files("/opt/nginx", &["nginx: master process nginx -c/srv/n.conf"]), named);
        // Where another build has its file, only that build knows.
        assert_eq!(files("/usr/local/sbin/nginx", &["nginx"]), None);
        assert_eq!(files("/usr/sbin/nginx", &["nginx", "-p", "/srv"]), None);
        assert_eq!(files("/usr/sbin/nginx", &["nginx", "-c", "n.conf"]), None);
        assert_eq!(files("/usr/sbin/nginx", &["nginx: worker process"]), None);
    }

    #[test]
    fn the_files_of_haproxy_are_all_that_its_words_name() {
        let words =
            ["/usr/sbin/haproxy", "-Ws", "-f", "/etc/haproxy/haproxy.cfg", "-p", "/run/h.pid"];
        let named = |files: &[&str]| Some(files.iter().map(ToString::to_string).collect());
        assert_eq!(files("/usr/sbin/haproxy", &words), named(&["/etc/haproxy/haproxy.cfg"]));
        let several = ["haproxy", "-f", "/a.cfg", "-f/b.cfg"];
        assert_eq!(files("/usr/sbin/haproxy", &several), named(&["/a.cfg", "/b.cfg"]));
        assert_eq!(files("/usr/sbin/haproxy", &["haproxy", "-f", "a.cfg"]), None);
        assert_eq!(files("/usr/sbin/haproxy", &["haproxy", "-f", "/a.cfg", "--", "/b.cfg"]), None);
        assert_eq!(files("/usr/sbin/haproxy", &["haproxy"]), None);
        assert_eq!(files("/usr/bin/docker-proxy", &["docker-proxy", "-f", "/a"]), None);
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("12 (a) b) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (nginx"), None);
    }

    #[test]
    fn an_address_is_taken_by_its_own_socket_before_those_for_all() {
        let socket = |address: &str, inode| WaitingSocket {
            address: address.parse().unwrap(),
            port: Port::new(8443).unwrap(),
            inode,
        };
        let taken = |address: &str, sockets: &[WaitingSocket]| -> Vec<u64> {
            let sockets = sockets_for(&[address.parse().unwrap()], sockets);
            sockets.iter().map(|socket| socket.inode).collect()
        };
        let [all, v6, own, local] =
            [socket("0.0.0.0", 1), socket("::", 2), socket("192.0.2.1", 3), socket("127.0.0.1", 4)];
        assert_eq!(taken("192.0.2.1", &[all, v6, own, local]), [3]);
        assert_eq!(taken("192.0.2.2", &[all, v6, own, local]), [1]);
        assert_eq!(taken("192.0.2.2", &[v6, own, local]), [2]);
        assert_eq!(taken("2001:db8::1", &[all, v6]), [2]);
        assert!(taken("2001:db8::1", &[all, local]).is_empty());
    }
}
