//! What the systems tell differently about sockets: the numbers of errors that [`io::ErrorKind`] does not
//! name.

use std::io;

#[cfg(unix)]
mod numbers {
    use nix::libc;

    pub(super) const CONNECTING: i32 = libc::EINPROGRESS;
    pub(super) const UNKNOWN_FAMILY: i32 = libc::EAFNOSUPPORT;
    pub(super) const NO_BUFFER: [i32; 2] = [libc::ENOBUFS, libc::ENOMEM];
}

/// Windows Sockets Error Codes (WSAEWOULDBLOCK, WSAEAFNOSUPPORT, WSAENOBUFS).
#[cfg(windows)]
mod numbers {
    pub(super) const CONNECTING: i32 = 10_035;
    pub(super) const UNKNOWN_FAMILY: i32 = 10_047;
    pub(super) const NO_BUFFER: [i32; 1] = [10_055];
}

/// Whether a connection attempt that does not wait has only begun.
pub fn is_connecting(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::CONNECTING)
}

/// Whether this machine has no addresses of the family.
pub fn is_family_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::UNKNOWN_FAMILY)
}

/// Whether this machine has no buffer left for now.
pub fn is_without_buffer(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::NO_BUFFER.contains(&number))
}

/// Whether an ICMP error "port unreachable" ended an operation of a UDP socket. Windows calls it a
/// connection that was reset.
pub fn is_port_unreachable(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => true,
        io::ErrorKind::ConnectionReset => cfg!(windows),
        _ => false,
    }
}
