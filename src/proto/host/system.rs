//! Files of `/proc`, `/sys` and `/etc`, and what small programs print.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::facts::{Distribution, ServerText};
use crate::model::port::{Port, Transport};

/// `/etc/os-release` (os-release(5)).
pub fn distribution(text: &str) -> Option<Distribution> {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let mut own = lines.filter(|(name, _)| *name == key).map(|(_, value)| value);
        own.next_back().map(|value| value.trim_matches(['"', '\'']))
    };
    let id = value("ID")?;
    let like = value("ID_LIKE").unwrap_or_default();
    let ids = std::iter::once(id).chain(like.split_whitespace()).map(ServerText::new).collect();
    Some(Distribution { ids, name: ServerText::new(value("PRETTY_NAME").unwrap_or(id)) })
}

/// `MemTotal` of `/proc/meminfo`, in KiB.
pub fn memory_kib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The number of processors in a list such as `0-3,6` (`/sys/devices/system/cpu/online`).
pub fn cores(text: &str) -> Option<u32> {
    text.trim().split(',').try_fold(0_u32, |sum, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Size and free space in KiB of `df -P -k PATH`.
pub fn disk_kib(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().nth(1)?;
    // The name of a device may hold blanks: the numbers are counted from the right.
    let words: Vec<&str> = line.split_whitespace().collect();
    let capacity = words.iter().rposition(|word| {
        word.strip_suffix('%').is_some_and(|share| share.parse::<u32>().is_ok())
    })?;
    let number = |back: usize| words.get(capacity.checked_sub(back)?)?.parse().ok();
    Some((number(3)?, number(1)?))
}

/// A socket of `/proc/net/{tcp,udp}{,6}` that waits for packets of others, and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingSocket {
    pub address: IpAddr,
    pub port: Port,
    pub inode: u64,
}

/// The sockets of a file of `/proc/net` that wait: those of TCP that listen, and those of UDP that are
/// bound and not connected.
pub fn waiting_sockets(text: &str, transport: Transport) -> Vec<WaitingSocket> {
    let state = match transport {
        Transport::Tcp => "0A",
        Transport::Udp => "07",
    };
    let socket = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, remote, own) = (words.next()?, words.next()?, words.next()?);
        let is_connected = !remote.ends_with(":0000");
        if own != state || is_connected {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        let inode = words.nth(5)?.parse().ok()?;
        let port = Port::new(u16::from_str_radix(port, 16).ok()?)?;
        Some(WaitingSocket { address: kernel_address(address)?, port, inode })
    };
    text.lines().skip(1).filter_map(socket).collect()
}

/// `0100007F` and its like: words of four bytes, each in the order of the machine.
fn kernel_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = text.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The inode in `socket:[12345]`, to which a file descriptor of a process leads.
pub fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// `timedatectl show --property=NTPSynchronized`.
pub fn is_synchronised_by_systemd(text: &str) -> Option<bool> {
    match text.trim().strip_prefix("NTPSynchronized=")? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// `chronyc tracking`.
pub fn is_synchronised_by_chrony(text: &str) -> Option<bool> {
    let status = text.lines().find_map(|line| line.strip_prefix("Leap status"))?;
    Some(status.trim_start_matches([' ', ':']).trim() != "Not synchronised")
}

/// A boolean of SELinux: its value and its coming one, `1 1`.
pub fn selinux_boolean(text: &str) -> Option<bool> {
    match text.split_whitespace().next()? {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// A file that holds a number.
pub fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}
