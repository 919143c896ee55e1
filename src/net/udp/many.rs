//! Many datagrams with one call to the system, where it has one for that.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

/// Sends `datagrams` in their order, without waiting, and tells how many left: at least one.
///
/// # Errors
/// When the first one could not be sent. An error of a later one is told by the next call, which
/// begins with it.
#[cfg(target_os = "linux")]
pub(super) fn send(
    socket: &UdpSocket,
    datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
) -> io::Result<usize> {
    use std::io::IoSlice;

    use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
    use tokio::io::Interest;

    let addresses: Vec<SocketAddrAny> = datagrams.iter().map(|(_, to)| (*to).into()).collect();
    let slices: Vec<[IoSlice<'_>; 1]> =
        datagrams.iter().map(|(bytes, _)| [IoSlice::new(bytes.as_ref())]).collect();
    let mut nothing_beside: Vec<SendAncillaryBuffer<'_, '_, '_>> =
        datagrams.iter().map(|_| Default::default()).collect();
    let mut messages: Vec<MMsgHdr<'_>> = addresses
        .iter()
        .zip(&slices)
        .zip(&mut nothing_beside)
        .map(|((address, slice), beside)| MMsgHdr::new_with_addr(address, slice, beside))
        .collect();
    socket.try_io(Interest::WRITABLE, || Ok(sendmmsg(socket, &mut messages, SendFlags::DONTWAIT)?))
}

/// Sends `datagrams` in their order, one by one, without waiting, and tells how many left: at least
/// one.
///
/// # Errors
/// When the first one could not be sent. An error of a later one is told by the next call, which
/// begins with it.
#[cfg(not(target_os = "linux"))]
pub(super) fn send(
    socket: &UdpSocket,
    datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
) -> io::Result<usize> {
    let mut sent = 0;
    for (bytes, to) in datagrams {
        match socket.try_send_to(bytes.as_ref(), *to) {
            Ok(_) => sent += 1,
            Err(error) if sent == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(sent)
}
