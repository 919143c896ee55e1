//! A session with LiveKit's signalling: a WebSocket on a stream that is already there. It is left,
//! and its room ended, whatever becomes of who began it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Network, Stream, http};
use crate::model::facts::{Farewell, HttpAnswer, RoomEnd, ServerText};
use crate::model::secret::Secret;
use crate::proto::livekit::signal::{
    CLIENT_INITIATED, LeaveRequest, Request, Response, SignalRequest, SignalResponse,
};

/// The largest message that is read: a join response in a full room has some kilobytes.
const LARGEST: usize = 1 << 20;

/// How many messages may wait to be taken; when there are more, the session is over.
const MOST_WAITING: usize = 512;

/// How long leaving may take, the end of the room included.
const LEAVING: Duration = Duration::from_secs(1);

/// How long a join in flight is still waited for, when nobody wants it any more: the server may have
/// let us in already, and what is deleted before that comes back with it.
const ENTERING: Duration = Duration::from_millis(500);

/// What ends a room. Begun when the session is left.
pub type Goodbye = Pin<Box<dyn Future<Output = RoomEnd> + Send>>;

/// A session. Dropped, it is left in the background ([`Network::farewells`]).
pub struct Session {
    requests: mpsc::Sender<Request>,
    signals: mpsc::Receiver<Signal>,
    farewell: oneshot::Receiver<Farewell>,
}

/// What the server says.
pub enum Signal {
    Response(Box<Response>),
    /// It says nothing more: what came instead.
    Ended(ServerText),
}

/// What lets us in: an upgrade request, and the token that it carries.
pub struct Entry {
    pub request: Vec<u8>,
    pub token: Secret,
}

impl Session {
    /// Asks on `stream` to be let in, until `deadline`, and speaks WebSocket there. `goodbye` is
    /// said when the session is over, or where it cannot be known whether the server began one.
    ///
    /// # Errors
    /// Every answer but 101, with the token masked.
    pub async fn join(
        net: &Network,
        stream: Box<dyn Stream>,
        (entry, deadline): (Entry, Instant),
        goodbye: Goodbye,
    ) -> Result<Self, HttpAnswer> {
        let (mut tell, told) = oneshot::channel();
        let net_of_task = net.clone();
        net.farewells.begin(async move {
            let mut stream = stream;
            let asked = (entry.request.as_slice(), &entry.token);
            let entered = {
                let entering = http::upgrade(&net_of_task, &mut stream, asked, deadline);
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
                Ok(behind) => {
                    let (session, task) = begin(stream, behind, goodbye);
                    // Who asked may be gone: then it is over as soon as it begins.
                    drop(tell.send(Ok(session)));
                    task.await;
                }
                Err(answer) => {
                    let may_have_begun = may_have_begun(&answer);
                    drop(tell.send(Err(answer)));
                    if may_have_begun {
                        drop(timeout(LEAVING, goodbye).await);
                    }
                }
            }
        });
        told.await.unwrap_or(Err(HttpAnswer::Closed))
    }

    /// Says something.
    pub async fn say(&self, request: Request) {
        // A session that has ended says so itself, to `next`.
        drop(self.requests.send(request).await);
    }

    /// What the server says next; `None` when that is nothing until `deadline`.
    pub async fn next(&mut self, deadline: Instant) -> Option<Signal> {
        let ended = || Signal::Ended(ServerText::new("the session ended"));
        match timeout_at(deadline, self.signals.recv()).await {
            Ok(signal) => Some(signal.unwrap_or_else(ended)),
            Err(_) => None,
        }
    }

    /// Leaves, and tells how that went. Takes a second at most.
    pub async fn leave(self) -> Farewell {
        let Self { requests, signals, farewell } = self;
        drop((requests, signals));
        farewell.await.unwrap_or_else(|_| Farewell {
            left: false,
            room: RoomEnd::NotDeleted(ServerText::new("the session ended before it was left")),
        })
    }
}

/// Whether the server may have made a room though it did not let us in.
fn may_have_begun(answer: &HttpAnswer) -> bool {
    match answer {
        HttpAnswer::Response(response) => response.status >= 500,
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. } => true,
        HttpAnswer::NotHttp(_) => false,
    }
}

/// A session on `stream`, behind a granted upgrade after which `behind` came already, and what
/// carries it to its end.
fn begin(
    stream: Box<dyn Stream>,
    behind: Vec<u8>,
    goodbye: Goodbye,
) -> (Session, impl Future<Output = ()> + Send) {
    let (requests, requested) = mpsc::channel(MOST_WAITING);
    let (said, signals) = mpsc::channel(MOST_WAITING);
    let (left, farewell) = oneshot::channel();
    let task = async move {
        let config = WebSocketConfig::default()
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
                RoomEnd::NotDeleted(ServerText::new("no answer to DeleteRoom"))
            }),
        };
        // Who began it may be gone.
        drop(left.send(farewell));
    };
    let session = Session { requests, signals, farewell };
    (session, task)
}

/// Carries requests and responses until nobody wants to say anything any more. Tells whether the
/// server is still there then.
async fn speak(
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    mut requests: mpsc::Receiver<Request>,
    signals: mpsc::Sender<Signal>,
) -> bool {
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None => return true,
                Some(request) => if send(socket, request).await.is_err() {
                    break;
                },
            },
            message = socket.next() => {
                let signal = match message {
                    None => Signal::Ended(ServerText::new("the server closed the WebSocket")),
                    Some(Err(error)) => Signal::Ended(in_words(&error)),
                    Some(Ok(message)) => match read(&message) {
                        Some(signal) => signal,
                        None => continue,
                    },
                };
                let is_end = matches!(signal, Signal::Ended(_));
                // Full: nobody listens any more, or too much is said to listen to.
                if signals.try_send(signal).is_err() || is_end {
                    break;
                }
            }
        }
    }
    // Whoever began it still has to be done with what it heard before the room is ended.
    drop(signals);
    while requests.recv().await.is_some() {}
    false
}

/// What a message says; `None` where it is of no use here.
fn read(message: &Message) -> Option<Signal> {
    match message {
        Message::Binary(bytes) => match SignalResponse::decode(bytes.as_ref()) {
            Ok(response) => response.message.map(|said| Signal::Response(Box::new(said))),
            Err(_) => Some(Signal::Ended(ServerText::new("a message that is none of LiveKit's"))),
        },
        Message::Text(_) => {
            Some(Signal::Ended(ServerText::new("text, where LiveKit sends binary messages")))
        }
        Message::Close(_) => {
            Some(Signal::Ended(ServerText::new("the server closed the WebSocket")))
        }
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
    }
}

fn in_words(error: &Error) -> ServerText {
    match error {
        Error::Capacity(_) => ServerText::new("a message of more than 1 MiB"),
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => {
            ServerText::new("the connection ended")
        }
        error => ServerText::new(&format!("no WebSocket: {error}")),
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

/// Leaves, and waits for the server to say so too.
async fn leave(socket: &mut WebSocketStream<Box<dyn Stream>>) -> bool {
    let request = LeaveRequest { reason: CLIENT_INITIATED, ..LeaveRequest::default() };
    if send(socket, Request::Leave(request)).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            // Closed by the server: it knows that we are gone.
            None | Some(Err(_) | Ok(Message::Close(_))) => return true,
            Some(Ok(message)) => {
                if let Some(Signal::Response(said)) = read(&message)
                    && matches!(*said, Response::Leave(_))
                {
                    return true;
                }
            }
        }
    }
}
