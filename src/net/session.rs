//! A session with LiveKit's signalling: a WebSocket on an existing stream. ovcheck always leaves it and
//! ends its room, even if the task that started it is gone.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::http::{self, Granted, TokenRequest};
use super::{Network, Stream};
use crate::model::facts::{Farewell, HttpAnswer, RoomEnd, ServerText, UpgradeFlaw};
use crate::proto::livekit::signal::{
    self, CLIENT_INITIATED, LeaveRequest, Request, Response, SignalRequest, Unreadable,
};

/// The largest message that is read, in bytes. A join response names every participant of the room, with
/// some 300 bytes each.
const LARGEST: usize = 512 * 1024;

/// The largest message after the join response, in bytes. An SDP has a few kilobytes.
const LARGEST_LATER: usize = 64 * 1024;

/// The maximum size of all messages of a session that are passed on, in bytes. With more, the session
/// ends. This bounds the memory of the messages that wait, whatever their number.
const MOST_PASSED_ON: usize = 1 << 20;

/// The maximum size of what waits to be written, in bytes. A server that sends pings and reads nothing
/// would otherwise fill the memory with answers to them.
const MOST_UNWRITTEN: usize = 64 * 1024;

/// The size of the buffer for reading, in bytes.
const READ_AT_ONCE: usize = 16 * 1024;

/// The maximum number of waiting messages. With more, the session ends.
const MOST_WAITING: usize = 512;

/// The maximum time to leave, including the end of the room.
pub const LEAVING: Duration = Duration::from_secs(1);

/// How long to wait for a join in flight after its task is gone. The server may already have accepted
/// it.
const ENTERING: Duration = Duration::from_millis(500);

/// The operation that ends a room. It starts when the session is left.
pub type Goodbye = Pin<Box<dyn Future<Output = RoomEnd> + Send>>;

/// A session. If it is dropped, it is left in the background ([`Network::farewells`]).
pub struct Session {
    requests: mpsc::Sender<Request>,
    signals: mpsc::Receiver<Signal>,
    farewell: oneshot::Receiver<Farewell>,
    /// Why clients refuse this WebSocket.
    pub flaw: Option<UpgradeFlaw>,
}

/// A message from the server.
pub enum Signal {
    Response(Box<Response>),
    /// The server sends no more messages: the reason.
    Ended(SessionEnd),
}

/// Why no more messages come.
pub enum SessionEnd {
    /// The server closed the WebSocket with a close frame (RFC 6455 §5.5.1).
    CloseFrame,
    /// The connection ended without one.
    NoCloseFrame,
    /// Something came that is not LiveKit's, or the session is over.
    Other(ServerText),
}

impl SessionEnd {
    /// The reason in words.
    pub fn words(self) -> ServerText {
        match self {
            Self::CloseFrame => ServerText::new("the server closed the WebSocket"),
            Self::NoCloseFrame => ServerText::new("the connection ended"),
            Self::Other(words) => words,
        }
    }
}

fn other(words: &str) -> Signal {
    Signal::Ended(SessionEnd::Other(ServerText::new(words)))
}

impl Session {
    /// Sends `upgrade` on `stream`, waits until `deadline`, and then uses WebSocket there. `goodbye` runs
    /// when the session is over, and never if the server did not start one.
    ///
    /// # Errors
    /// Every answer except 101, with the token masked.
    pub async fn join(
        net: &Network,
        stream: Box<dyn Stream>,
        upgrade: TokenRequest,
        deadline: Instant,
        goodbye: Goodbye,
    ) -> Result<Self, HttpAnswer> {
        let (mut tell, told) = oneshot::channel();
        let net_of_task = net.clone();
        net.farewells.begin(async move {
            let mut stream = stream;
            let entered = {
                let entering = http::upgrade(&net_of_task, &mut stream, &upgrade, deadline);
                tokio::pin!(entering);
                tokio::select! {
                    entered = &mut entering => entered,
                    () = tell.closed() => {
                        let late = timeout(ENTERING, &mut entering).await;
                        late.unwrap_or(Err(HttpAnswer::Silent))
                    }
                }
            };
            match entered {
                Ok(granted) => {
                    let (session, task) = begin(stream, granted, goodbye);
                    // If the caller is gone, the session ends as soon as it starts.
                    drop(tell.send(Ok(session)));
                    task.await;
                }
                // If the server made a room all the same, it closes by itself: the token says how soon.
                Err(answer) => drop(tell.send(Err(answer))),
            }
        });
        told.await.unwrap_or(Err(HttpAnswer::Closed))
    }

    /// Sends a request.
    pub async fn say(&self, request: Request) {
        // `next` reports that a session has ended.
        drop(self.requests.send(request).await);
    }

    /// The next message from the server. `None` if there is none until `deadline`.
    pub async fn next(&mut self, deadline: Instant) -> Option<Signal> {
        let ended = || other("the session ended");
        match timeout_at(deadline, self.signals.recv()).await {
            Ok(signal) => Some(signal.unwrap_or_else(ended)),
            Err(_) => None,
        }
    }

    /// Reads no more messages. The session stays open, and requests can still be sent.
    pub fn stop_reading(&mut self) {
        self.signals.close();
    }

    /// Leaves the room and returns the result. Takes at most a second.
    pub async fn leave(self) -> Farewell {
        let Self { requests, signals, farewell, flaw: _ } = self;
        drop((requests, signals));
        farewell.await.unwrap_or_else(|_| Farewell {
            left: false,
            room: RoomEnd::NotDeleted(ServerText::new(
                "the session ended before ovcheck left the room",
            )),
        })
    }
}

/// A session on `stream` after a successful upgrade, and the task that runs it.
fn begin(
    stream: Box<dyn Stream>,
    Granted { behind, flaw }: Granted,
    goodbye: Goodbye,
) -> (Session, impl Future<Output = ()> + Send) {
    let (requests, requested) = mpsc::channel(MOST_WAITING);
    let (said, signals) = mpsc::channel(MOST_WAITING);
    let (left, farewell) = oneshot::channel();
    let task = async move {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_AT_ONCE)
            .write_buffer_size(0)
            .max_write_buffer_size(MOST_UNWRITTEN)
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST));
        let mut socket =
            WebSocketStream::from_partially_read(stream, behind, Role::Client, Some(config)).await;
        let is_open = speak(&mut socket, requested, said).await;
        let leaving = async {
            match is_open {
                true => leave(&mut socket).await,
                false => false,
            }
        };
        let until = Instant::now() + LEAVING;
        let (is_left, room) = tokio::join!(timeout_at(until, leaving), timeout_at(until, goodbye));
        let farewell = Farewell {
            left: is_left.unwrap_or(false),
            room: room.unwrap_or_else(|_| {
                RoomEnd::NotDeleted(ServerText::new("the server did not answer DeleteRoom"))
            }),
        };
        // The caller may be gone.
        drop(left.send(farewell));
    };
    let session = Session { requests, signals, farewell, flaw };
    (session, task)
}

/// Forwards requests and responses until the caller sends no more. Returns whether the server is still
/// connected.
async fn speak(
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    mut requests: mpsc::Receiver<Request>,
    signals: mpsc::Sender<Signal>,
) -> bool {
    let mut inbox = Inbox::default();
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None => return true,
                Some(request) => if send(socket, request).await.is_err() {
                    break;
                },
            },
            // The caller needs no more messages. What the server sends from now on stays in the
            // buffers of the connection.
            () = signals.closed(), if !signals.is_closed() => {}
            message = socket.next(), if !signals.is_closed() => {
                let signal = match message {
                    None => Signal::Ended(SessionEnd::CloseFrame),
                    Some(Err(error)) => Signal::Ended(end_by(&error)),
                    Some(Ok(message)) => match inbox.take(&message) {
                        Some(signal) => signal,
                        None => continue,
                    },
                };
                let is_end = matches!(signal, Signal::Ended(_));
                let sent = signals.try_send(signal);
                // A full channel: the server sends too much. A closed one: no more are needed.
                if is_end || matches!(sent, Err(TrySendError::Full(_))) {
                    break;
                }
            }
        }
    }
    // The caller must finish with the received messages before the room ends.
    drop(signals);
    while requests.recv().await.is_some() {}
    false
}

/// Reads the messages of a session within the limits of bytes.
#[derive(Default)]
struct Inbox {
    has_joined: bool,
    passed_on: usize,
}

impl Inbox {
    /// The content of a message. `None` if it is not needed here.
    fn take(&mut self, message: &Message) -> Option<Signal> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(_) => {
                return Some(other("a text message instead of a binary LiveKit message"));
            }
            Message::Close(_) => return Some(Signal::Ended(SessionEnd::CloseFrame)),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return None,
        };
        if self.has_joined && bytes.len() > LARGEST_LATER {
            return Some(other("a message larger than 64 KiB"));
        }
        let response = match signal::read(bytes) {
            Ok(response) => response?,
            Err(Unreadable::Malformed) => {
                return Some(other("a message that is not a LiveKit message"));
            }
            Err(Unreadable::TooManyServers) => {
                return Some(other("a join response with too many ICE servers"));
            }
        };
        self.passed_on += bytes.len();
        if self.passed_on > MOST_PASSED_ON {
            return Some(other("more than 1 MiB of messages"));
        }
        self.has_joined |= matches!(response, Response::Join(_));
        Some(Signal::Response(Box::new(response)))
    }
}

fn end_by(error: &Error) -> SessionEnd {
    match error {
        Error::Capacity(_) => SessionEnd::Other(ServerText::new("a message larger than 512 KiB")),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => SessionEnd::NoCloseFrame,
        error => SessionEnd::Other(ServerText::new(&format!("WebSocket error: {error}"))),
    }
}

async fn send(
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    request: Request,
) -> Result<(), Error> {
    let request = SignalRequest { message: Some(request) };
    let sending = socket.send(Message::Binary(request.encode_to_vec().into()));
    match timeout(LEAVING, sending).await {
        Ok(sent) => sent,
        Err(_) => Err(Error::ConnectionClosed),
    }
}

/// Closes the session, and waits for the server to close it too.
async fn leave(socket: &mut WebSocketStream<Box<dyn Stream>>) -> bool {
    let request = LeaveRequest { reason: CLIENT_INITIATED, ..LeaveRequest::default() };
    if send(socket, Request::Leave(request)).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            // The server closed the connection, so it knows that the participant has left.
            None | Some(Err(_) | Ok(Message::Close(_))) => return true,
            Some(Ok(message)) => {
                if let Message::Binary(bytes) = message
                    && let Ok(Some(Response::Leave(_))) = signal::read(&bytes)
                {
                    return true;
                }
            }
        }
    }
}
