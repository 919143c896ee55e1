//! Accepting connections and datagrams, within limits.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::place::is_from_here;

/// How long a connection may last: as nginx's `proxy_timeout 30s` in the guide's configuration.
const LONGEST: Duration = Duration::from_secs(30);

/// How many connections one server has at a time; more are closed at once.
const MOST: usize = 256;

/// How long a server that cannot accept or receive waits until it tries again.
pub const PAUSE: Duration = Duration::from_millis(50);

/// How long and how much a closing server still reads.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// Serves every connection with `serve` until it is dropped, and the connections with it.
pub async fn serve_all<S, F>(listener: TcpListener, serve: S)
where
    S: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) if open.len() < MOST && is_here(&stream, peer) => {
                let connection = serve(stream, peer);
                open.spawn(async move {
                    // A client can close at any time, so the result is ignored.
                    drop(timeout(LONGEST, connection).await);
                });
            }
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

fn is_here(stream: &TcpStream, peer: SocketAddr) -> bool {
    stream.local_addr().is_ok_and(|own| is_from_here(peer.ip(), own.ip()))
}

/// The largest datagram that is read; what is longer is cut (no question here comes near).
const LARGEST_DATAGRAM: usize = 1500;

/// Answers every datagram with what `answer` says, until it is dropped.
pub async fn answer_all(socket: UdpSocket, answer: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let mut buffer = [0; LARGEST_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, client)) => {
                let own = socket.local_addr().map_or(client.ip(), |own| own.ip());
                if is_from_here(client.ip(), own)
                    && let Some(datagram) = answer(&buffer[..length])
                {
                    // What cannot be sent is like a lost datagram: the client asks again.
                    drop(socket.send_to(&datagram, client).await);
                }
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Ends a connection with end-of-stream: what the client still sends is read and forgotten, since
/// closing over unread bytes would send RST instead (RFC 9293 §3.6).
///
/// # Errors
/// The connection's.
pub async fn close_gently<S>(mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.shutdown().await?;
    let forget = async {
        let mut rest = stream.take(LINGER_BYTES);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    match timeout(LINGER, forget).await {
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(error),
    }
}
