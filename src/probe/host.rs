//! What this machine says of itself: files and listings of Linux, each read apart and at the same time.
//! Nothing is changed, and no program runs in a shell.

use std::collections::HashMap;

use crate::model::facts::{
    ClockState, ConnectionTable, DiskSpace, Facts, HostFacts, HostInterface, Listener,
    ListenerOwner, PacketFilter, Selinux, ServerText, UdpBuffers, Unread,
};
use crate::model::observation::{LocalTrouble, Outcome};
use crate::model::port::Transport;
use crate::model::target::Family;
use crate::net::host::{self, listing, text};
use crate::proto::host::{iptables, nftables, system};

/// Where OpenVidu is installed; above it, where it would be.
const RECORDINGS: [&str; 3] = ["/opt/openvidu", "/opt", "/"];

/// The most sockets that are kept.
const MOST_LISTENERS: usize = 16_384;

/// Reads everything.
pub async fn run() -> (u32, Outcome) {
    let outcome = match tokio::task::spawn_blocking(read).await {
        Ok(facts) => Outcome::Saw(Facts::Host(Box::new(facts))),
        Err(_) => Outcome::Blind(LocalTrouble::ProbeBroke.into()),
    };
    (1, outcome)
}

fn read() -> HostFacts {
    std::thread::scope(|scope| {
        // These run programs, or look at every process.
        let filter = scope.spawn(packet_filter);
        let listeners = scope.spawn(listeners);
        let clock = scope.spawn(clock);
        let disk = scope.spawn(disk);
        HostFacts {
            distribution: parsed("/etc/os-release", system::distribution).into(),
            memory_kib: parsed("/proc/meminfo", system::memory_kib).into(),
            cores: parsed("/sys/devices/system/cpu/online", system::cores).into(),
            interfaces: interfaces().into(),
            selinux: selinux().into(),
            connection_table: connection_table().into(),
            udp_buffers: udp_buffers().into(),
            disk: joined(disk).into(),
            listeners: joined(listeners).into(),
            clock: joined(clock).into(),
            filter: joined(filter).into(),
        }
    })
}

/// What a thread read. One that broke read nothing.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, Unread>>) -> Result<T, Unread> {
    thread.join().unwrap_or_else(|_| Err(Unread::NotUnderstood("a part of ovcheck".to_owned())))
}

fn parsed<T>(path: &str, parse: fn(&str) -> Option<T>) -> Result<T, Unread> {
    parse(&text(path)?).ok_or_else(|| Unread::NotUnderstood(path.to_owned()))
}

fn disk() -> Result<DiskSpace, Unread> {
    let path = RECORDINGS.into_iter().find(|path| host::exists(path)).unwrap_or("/");
    let listing = listing("df", &["-P", "-k", path])?;
    let (size_kib, free_kib) = system::disk_kib(&String::from_utf8_lossy(&listing))
        .ok_or_else(|| Unread::NotUnderstood("df".to_owned()))?;
    Ok(DiskSpace { path: path.to_owned(), size_kib, free_kib })
}

fn interfaces() -> Result<Vec<HostInterface>, Unread> {
    let filter = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        system::number::<u8>(&text(&path).ok()?)
    };
    let of_all = filter("all");
    let interfaces = host::interfaces()?.into_iter().map(|(name, addresses)| HostInterface {
        // The stricter of the two counts, and loose (2) is the larger number (ip-sysctl).
        reverse_path: filter(&name).zip(of_all).map(|(own, of_all)| own.max(of_all)),
        name: ServerText::new(&name),
        addresses,
    });
    Ok(interfaces.collect())
}

fn listeners() -> Result<Vec<Listener>, Unread> {
    let files = [
        ("/proc/net/tcp", Transport::Tcp),
        ("/proc/net/tcp6", Transport::Tcp),
        ("/proc/net/udp", Transport::Udp),
        ("/proc/net/udp6", Transport::Udp),
    ];
    let mut sockets = Vec::new();
    for (path, transport) in files {
        match text(path) {
            Ok(table) => {
                let waiting = system::waiting_sockets(&table, transport).into_iter();
                sockets.extend(waiting.map(|socket| (transport, socket)));
            }
            // A machine without IPv6 does not have it.
            Err(Unread::NoFile(_)) if path.ends_with('6') => {}
            Err(why) => return Err(why),
        }
    }
    sockets.truncate(MOST_LISTENERS);
    let mut owners = HashMap::new();
    for process in host::processes() {
        let inodes = process.links.iter().filter_map(|link| system::socket_inode(link));
        for inode in inodes {
            let name = ServerText::new(&process.name);
            owners.entry(inode).or_insert(ListenerOwner::Program { name, pid: process.pid });
        }
    }
    let listener = |(transport, socket): (Transport, system::WaitingSocket)| Listener {
        transport,
        address: socket.address,
        port: socket.port,
        owner: owners.get(&socket.inode).cloned().unwrap_or(ListenerOwner::Unseen),
    };
    Ok(sockets.into_iter().map(listener).collect())
}

fn clock() -> Result<ClockState, Unread> {
    let said = |program: &str, arguments: &[&str], parse: fn(&str) -> Option<bool>| {
        let listing = listing(program, arguments)?;
        parse(&String::from_utf8_lossy(&listing))
            .map(|is_synchronised| ClockState { is_synchronised, said_by: program.to_owned() })
            .ok_or_else(|| Unread::NotUnderstood(program.to_owned()))
    };
    let by_systemd = said(
        "timedatectl",
        &["show", "--property=NTPSynchronized"],
        system::is_synchronised_by_systemd,
    );
    match by_systemd {
        Ok(state) => Ok(state),
        Err(why) => said("chronyc", &["-n", "tracking"], system::is_synchronised_by_chrony)
            .map_err(|other| match (&why, other) {
                (Unread::NoProgram(_), Unread::NoProgram(_)) => {
                    Unread::NoProgram("timedatectl or chronyc".to_owned())
                }
                (Unread::NoProgram(_), other) => other,
                _ => why,
            }),
    }
}

fn selinux() -> Result<Selinux, Unread> {
    let enforces = match text("/sys/fs/selinux/enforce") {
        Ok(text) => text.trim() == "1",
        Err(Unread::NoFile(_)) => false,
        Err(why) => return Err(why),
    };
    let boolean = text("/sys/fs/selinux/booleans/httpd_can_network_connect");
    let lets_proxy_connect = match boolean {
        Ok(text) => system::selinux_boolean(&text),
        Err(Unread::NoFile(_)) => None,
        Err(why) if enforces => return Err(why),
        Err(_) => None,
    };
    Ok(Selinux { enforces, lets_proxy_connect })
}

fn connection_table() -> Result<ConnectionTable, Unread> {
    let number = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/{name}");
        system::number::<u32>(&text(&path)?).ok_or(Unread::NotUnderstood(path))
    };
    match number("nf_conntrack_max") {
        Ok(most) => Ok(ConnectionTable::Holds { most, now: number("nf_conntrack_count")? }),
        Err(Unread::NoFile(_)) => Ok(ConnectionTable::Unused),
        Err(why) => Err(why),
    }
}

fn udp_buffers() -> Result<UdpBuffers, Unread> {
    let size = |path| parsed(path, system::number::<u64>);
    Ok(UdpBuffers {
        receive: size("/proc/sys/net/core/rmem_max")?,
        send: size("/proc/sys/net/core/wmem_max")?,
    })
}

/// The rules of nftables and of iptables. Both are kept by the kernel: ufw and firewalld write them there.
fn packet_filter() -> Result<PacketFilter, Unread> {
    let mut filter = PacketFilter::default();
    let mut listed = Vec::new();
    let mut has_iptables = false;
    for (family, program) in [(Family::V4, "iptables"), (Family::V6, "ip6tables")] {
        match listing(&format!("{program}-save"), &[]) {
            Ok(rules) => {
                let rules = String::from_utf8_lossy(&rules);
                has_iptables = true;
                if iptables::is_kept_by_nftables(&rules) {
                    listed.extend(iptables::tables(&rules, family));
                }
                add(&mut filter, &rules, family, program);
                if iptables::is_kept_by_nftables(&rules) || rules.trim().is_empty() {
                    add_legacy(&mut filter, family, program);
                }
            }
            Err(Unread::NoProgram(_)) => {}
            Err(Unread::NeedsRoot) => return Err(Unread::NeedsRoot),
            Err(why) => filter.unread.push(why.to_string()),
        }
    }
    match listing("nft", &["-j", "list", "ruleset"]) {
        Ok(rules) => {
            let texts = listing("nft", &["-a", "list", "ruleset"]).unwrap_or_default();
            let texts = nftables::RuleTexts::read(&String::from_utf8_lossy(&texts));
            let chains = nftables::chains(&rules, &texts, &listed)
                .ok_or_else(|| Unread::NotUnderstood("nft".to_owned()))?;
            filter.chains.extend(chains);
        }
        Err(Unread::NeedsRoot) => return Err(Unread::NeedsRoot),
        Err(Unread::NoProgram(_)) if !has_iptables => {
            return Err(Unread::NoProgram("nft or iptables-save".to_owned()));
        }
        Err(why) => filter.unread.push(why.to_string()),
    }
    Ok(filter)
}

fn add(filter: &mut PacketFilter, rules: &str, family: Family, program: &str) {
    match iptables::chains(rules, family, program) {
        Some(chains) => filter.chains.extend(chains),
        None => filter.unread.push(Unread::NotUnderstood(format!("{program}-save")).to_string()),
    }
}

/// The rules that the older iptables keeps beside nftables. It is asked only if the kernel has tables of
/// it: it would make them.
fn add_legacy(filter: &mut PacketFilter, family: Family, program: &str) {
    let names = match family {
        Family::V4 => "/proc/net/ip_tables_names",
        Family::V6 => "/proc/net/ip6_tables_names",
    };
    if text(names).unwrap_or_default().trim().is_empty() {
        return;
    }
    let program = format!("{program}-legacy");
    match listing(&format!("{program}-save"), &[]) {
        Ok(rules) => add(filter, &String::from_utf8_lossy(&rules), family, &program),
        Err(why) => filter.unread.push(why.to_string()),
    }
}
