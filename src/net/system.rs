//! What the systems tell differently about sockets: the numbers of errors that [`io::ErrorKind`] does not
//! name.

use std::io;

#[cfg(unix)]
mod numbers {
    use nix::libc;

    pub(super) const CONNECTING: i32 = libc::EINPROGRESS;
    pub(super) const UNKNOWN_FAMILY: i32 = libc::EAFNOSUPPORT;
    pub(super) const NO_BUFFER: [i32; 2] = [libc::ENOBUFS, libc::ENOMEM];
    pub(super) const MAY_NOT_SEND: i32 = libc::EPERM;
}

/// Windows Sockets Error Codes (WSAEWOULDBLOCK, WSAEAFNOSUPPORT, WSAENOBUFS, WSAEACCES).
#[cfg(windows)]
mod numbers {
    pub(super) const CONNECTING: i32 = 10_035;
    pub(super) const UNKNOWN_FAMILY: i32 = 10_047;
    pub(super) const NO_BUFFER: [i32; 1] = [10_055];
    pub(super) const MAY_NOT_SEND: i32 = 10_013;
}

/// Whether a connection attempt that does not wait has only begun.
pub fn is_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::CONNECTING)
}

/// Whether this machine has no addresses of the family.
pub fn is_family_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::UNKNOWN_FAMILY)
}

/// Whether the firewall of this machine drops a datagram. On Unix, EACCES is another matter: the ICMP error
/// "administratively prohibited" for an earlier datagram (ip(7) `IP_RECVERR`).
pub fn is_forbidden_to_send(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::MAY_NOT_SEND)
}

/// Whether this machine has no buffer left for now.
pub fn is_without_buffer(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::NO_BUFFER.contains(&number))
}

/// Whether an ICMP error "port unreachable" ended an operation of a UDP socket. Windows calls it a
/// connection that was reset.
pub fn is_port_unreachable(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::ConnectionRefused
        || (cfg!(windows) && kind == io::ErrorKind::ConnectionReset)
}
