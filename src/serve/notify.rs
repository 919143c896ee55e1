//! `sd_notify(3)`: one datagram to the system that started this process.

/// It is ready to answer.
pub fn ready() {
    tell("READY=1");
}

/// It ends.
pub fn stopping() {
    tell("STOPPING=1");
}

/// Sends a state to the socket in `NOTIFY_SOCKET`. Without that variable, no service manager waits for one.
#[cfg(target_os = "linux")]
fn tell(state: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Ok(path) = std::env::var("NOTIFY_SOCKET") else { return };
    // `@` stands for the zero byte of an abstract name.
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let sent = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    // Who did not receive it, kills this process after a time: there is nothing better to do here.
    drop(sent);
}

#[cfg(not(target_os = "linux"))]
fn tell(_state: &str) {}
