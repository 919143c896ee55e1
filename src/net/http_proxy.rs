//! Tunnels through an HTTP proxy of this network, with CONNECT (RFC 9110 §9.3.6).

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::http::{self, is_reset};
use super::{Network, tcp};
use crate::model::dial::HttpProxy;
use crate::model::facts::{Connect, HttpAnswer};
use crate::model::observation::{Blindness, LocalTrouble};
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::proto::first_bytes;
use crate::proto::http::{Head, HeadOfTunnel, HeadRead, Request};

/// The maximum number of addresses of a proxy that are tried.
const MOST_ADDRESSES: usize = 4;

/// The result of a request for a tunnel.
#[derive(Debug)]
pub enum Tunnel {
    /// The proxy opened the tunnel (2xx). Further bytes come from the destination.
    Open(TcpStream),
    /// The proxy itself did not accept the connection.
    NoConnection(Connect),
    /// The proxy did not open the tunnel, or its answer cannot be parsed.
    Refused(HttpAnswer),
}

/// Requests a tunnel to `host` (a name, or an address without brackets) from the proxy, until
/// `deadline`. [`Network::dial`] does not apply to the proxy, because it is for the deployment.
///
/// # Errors
/// [`Blindness`] for a problem of this machine: the proxy's name has no address, or there is no route.
pub async fn tunnel(
    net: &Network,
    proxy: &HttpProxy,
    host: &str,
    port: Port,
    deadline: Instant,
) -> Result<Tunnel, Blindness> {
    let mut stream = match connect(proxy, deadline).await? {
        Ok(stream) => stream,
        Err(connect) => return Ok(Tunnel::NoConnection(connect)),
    };
    let request = request(proxy, host, port);
    let written = timeout_at(deadline, stream.write_all(&request)).await;
    let was_reset = matches!(&written, Ok(Err(error)) if is_reset(error));
    // Even if writing failed, the proxy's answer decides.
    let refused = match read_head_alone(&mut stream, deadline).await {
        Ok(head) if (200..=299).contains(&head.status) => return Ok(Tunnel::Open(stream)),
        Ok(head) => {
            let password = proxy.authorization.as_ref().map(without_scheme);
            let enough = match &password {
                Some(password) => http::Enough::WithoutToken(password),
                None => http::Enough::Characters,
            };
            let response = http::BegunResponse { head, behind: Vec::new() };
            http::finish(net, &mut stream, response, enough, deadline).await
        }
        Err(HttpAnswer::Closed | HttpAnswer::Silent) if was_reset => HttpAnswer::Reset,
        Err(answer) => answer,
    };
    Ok(Tunnel::Refused(refused))
}

/// The secret part of `Proxy-Authorization`, in the form in which a server would repeat it.
fn without_scheme(authorization: &Secret) -> Secret {
    let text = authorization.expose();
    Secret::new(text.split_once(' ').map_or(text, |(_, secret)| secret))
}

fn request(proxy: &HttpProxy, host: &str, port: Port) -> Vec<u8> {
    let authority =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization = proxy
        .authorization
        .as_ref()
        .map(|secret| format!("Proxy-Authorization: {}", secret.expose()));
    let fields: Vec<&str> = authorization.as_deref().into_iter().collect();
    Request { method: "CONNECT", path: &authority, host: &authority, fields: &fields, body: b"" }
        .to_bytes()
}

/// Connects to the first address of the proxy that accepts. Each gets an equal share of the time.
async fn connect(proxy: &HttpProxy, deadline: Instant) -> Result<tcp::Connection, Blindness> {
    let addresses = addresses(proxy, deadline).await?;
    let mut last = Err(Blindness::NoAddress { host: proxy.host.clone() });
    for (index, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let until = now + deadline.saturating_duration_since(now) / left;
        last = tcp::dial((*address).into(), until).await;
        if matches!(last, Ok(Ok(_))) {
            break;
        }
    }
    last
}

/// The proxy's addresses from the system's own resolver, with its hosts file and its search list. The
/// proxy belongs to the machine's network and often has a name that only this network can resolve.
///
/// The resolver cannot be interrupted. If it takes too long, its thread is left running.
async fn addresses(proxy: &HttpProxy, deadline: Instant) -> Result<Vec<SocketAddr>, Blindness> {
    let port = proxy.port.number();
    if let Ok(address) = proxy.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = oneshot::channel();
    let host = proxy.host.clone();
    std::thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        if tell.send(found.map(Iterator::collect::<Vec<_>>)).is_err() {
            // The caller no longer waits.
        }
    });
    let found: io::Result<Vec<SocketAddr>> = match timeout_at(deadline, told).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    let mut addresses = found.map_err(|error| {
        LocalTrouble::system("resolve the HTTP proxy", Some(proxy.to_string()), &error)
    })?;
    addresses.truncate(MOST_ADDRESSES);
    Ok(addresses)
}

/// Reads the head of the final response and no byte after it, because further bytes belong to the user
/// of the tunnel. Fails with the answer that came instead of a head.
async fn read_head_alone(
    stream: &mut TcpStream,
    deadline: Instant,
) -> Result<Box<Head>, HttpAnswer> {
    let mut reader = HeadOfTunnel::default();
    loop {
        // Peeked first, and consumed only when it is known to belong to the head.
        let mut chunk = [0; 2048];
        let length = match timeout_at(deadline, stream.peek(&mut chunk)).await {
            Ok(Ok(length)) if length > 0 => length,
            ended => return Err(ended_with(ended, &reader)),
        };
        let (taken, read) = reader.take(&chunk[..length]);
        // The bytes have already arrived, so this does not wait.
        if stream.read_exact(&mut chunk[..taken]).await.is_err() {
            return Err(HttpAnswer::Reset);
        }
        match read {
            HeadRead::Head(head) => return Ok(head),
            HeadRead::Partial => {}
            HeadRead::TooLong => {
                return Err(HttpAnswer::Unfinished { bytes: reader.received() });
            }
            HeadRead::NotHttp => {
                return Err(HttpAnswer::NotHttp(first_bytes::recognise(reader.bytes())));
            }
        }
    }
}

/// What arrived before the stream ended without a head.
fn ended_with(
    ended: Result<io::Result<usize>, tokio::time::error::Elapsed>,
    reader: &HeadOfTunnel,
) -> HttpAnswer {
    match ended {
        _ if reader.received() > 0 => http::broken_off(reader.bytes(), reader.received()),
        Err(_) => HttpAnswer::Silent,
        Ok(Err(error)) if is_reset(&error) => HttpAnswer::Reset,
        Ok(Ok(_) | Err(_)) => HttpAnswer::Closed,
    }
}
