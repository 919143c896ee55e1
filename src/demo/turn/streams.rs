//! TCP connections as one socket for datagrams: each has an address of its own, and its messages are
//! cut out of its stream (RFC 8656 §2.1, §12.4).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use webrtc_util::Conn;

use super::{LONGEST_MESSAGE, unsupported};

/// How many messages wait for the server, and for one connection, before more are dropped.
const WAITING: usize = 64;

/// TCP connections as one socket for datagrams.
pub struct Streams {
    /// The address that the server sees as the clients': the proxy's.
    proxy: IpAddr,
    arrived: tokio::sync::Mutex<mpsc::Receiver<(Vec<u8>, SocketAddr)>>,
    arrivals: mpsc::Sender<(Vec<u8>, SocketAddr)>,
    open: Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>,
}

impl Streams {
    /// Connections that all come from `proxy`.
    pub fn new(proxy: IpAddr) -> Arc<Self> {
        let (arrivals, arrived) = mpsc::channel(WAITING);
        Arc::new(Self {
            proxy,
            arrived: tokio::sync::Mutex::new(arrived),
            arrivals,
            open: Mutex::default(),
        })
    }

    /// Carries the messages of one connection until it ends.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let client = SocketAddr::new(self.proxy, peer.port());
        let (answers, mut answered) = mpsc::channel::<Vec<u8>>(WAITING);
        let _entry = Entry::new(&self, client, answers);
        let (mut incoming, mut outgoing) = stream.into_split();
        let receive = async {
            while let Some(message) = next_message(&mut incoming).await? {
                if self.arrivals.send((message, client)).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let send = async {
            while let Some(answer) = answered.recv().await {
                outgoing.write_all(&answer).await?;
            }
            Ok(())
        };
        tokio::select! {
            end = receive => end,
            end = send => end,
        }
    }

    fn with_open<T>(
        &self,
        f: impl FnOnce(&mut HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>) -> T,
    ) -> T {
        // A map is whole after every one of its operations.
        f(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The place of one connection among the open ones; given up when it is dropped.
struct Entry<'a> {
    streams: &'a Streams,
    client: SocketAddr,
}

impl<'a> Entry<'a> {
    fn new(streams: &'a Streams, client: SocketAddr, answers: mpsc::Sender<Vec<u8>>) -> Self {
        streams.with_open(|open| open.insert(client, answers));
        Self { streams, client }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.streams.with_open(|open| open.remove(&self.client));
    }
}

/// The next STUN message or ChannelData of a stream; `None` where the stream ends, or what comes
/// is neither.
async fn next_message<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Vec<u8>>> {
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    let mut head = [0; 4];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let mut message = head.to_vec();
    match head[0] >> 6 {
        0 => {
            let mut cookie = [0; 4];
            stream.read_exact(&mut cookie).await?;
            if cookie != COOKIE || length + 20 > LONGEST_MESSAGE {
                return Ok(None);
            }
            message.extend_from_slice(&cookie);
            message.resize(20 + length, 0);
            stream.read_exact(&mut message[8..]).await?;
            Ok(Some(message))
        }
        // HTTP's "GET " looks like this too: 21,536 bytes are then waited for, as pion does.
        1 => {
            message.resize(4 + length, 0);
            stream.read_exact(&mut message[4..]).await?;
            let padding = length.next_multiple_of(4) - length;
            stream.read_exact(&mut [0; 3][..padding]).await?;
            message.truncate(LONGEST_MESSAGE);
            Ok(Some(message))
        }
        _ => Ok(None),
    }
}

#[async_trait]
impl Conn for Streams {
    async fn recv_from(&self, buffer: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        let arrived = self.arrived.lock().await.recv().await;
        let (message, client) = arrived.ok_or_else(unsupported)?;
        let length = message.len().min(buffer.len());
        buffer[..length].copy_from_slice(&message[..length]);
        Ok((length, client))
    }

    async fn send_to(&self, bytes: &[u8], client: SocketAddr) -> webrtc_util::Result<usize> {
        let answers = self.with_open(|open| open.get(&client).cloned());
        // A client that is gone, or does not read, loses its datagram.
        if let Some(answers) = answers {
            drop(answers.try_send(bytes.to_vec()));
        }
        Ok(bytes.len())
    }

    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Err(unsupported())
    }

    async fn recv(&self, _: &mut [u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    async fn send(&self, _: &[u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Ok(SocketAddr::new(self.proxy, 0))
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
