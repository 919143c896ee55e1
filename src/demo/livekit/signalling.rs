//! One participant's signalling: protobuf in WebSocket messages (livekit_rtc.proto).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::LiveKit;
use super::ice::Agent;
use super::media::serve_udp;
use super::neighbours::{From, Neighbours};
use super::rooms::{Joined, Seat, SentAway};
use super::sdp;
use crate::proto::livekit::signal::{
    CLIENT_INITIATED, JoinResponse, LeaveRequest, PUBLISHER, ParticipantInfo, Request, Response,
    Room, ServerInfo, SessionDescription, SignalRequest, SignalResponse, TrickleRequest,
};

/// The version that the server says it is.
const VERSION: &str = "1.13.5";

/// How long a session has to get media through (measured: alive at 13 s, dead at 16 s).
const MEDIA_WINDOW: Duration = Duration::from_secs(15);

/// Bytes of the longest message that is read.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// How many candidates of the client wait to be checked before more are dropped.
const WAITING: usize = 16;

/// [`TrickleRequest::target`] of the connection in which the server sends.
const SUBSCRIBER: i32 = 1;

/// [`LeaveRequest::action`]s.
const DISCONNECT: i32 = 0;
const RESUME: i32 = 1;

/// Serves a participant that was let in, from after the 101 until the session ends. `read`: what
/// came after the upgrade's head.
pub async fn serve(
    livekit: Arc<LiveKit>,
    stream: TcpStream,
    read: Vec<u8>,
    joined: Joined,
    from: From,
) {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let socket =
        WebSocketStream::from_partially_read(stream, read, Role::Server, Some(limits)).await;
    let seat = Seat { livekit, joined };
    let mut participant = Participant { seat, from, socket, publisher: None };
    // A client can close at any time, so the result is ignored.
    drop(participant.run().await);
}

struct Participant {
    seat: Seat,
    from: From,
    socket: WebSocketStream<TcpStream>,
    publisher: Option<Publisher>,
}

/// The connection in which the participant sends, once it was offered.
struct Publisher {
    agent: Arc<Agent>,
    /// The client's own candidates.
    offered: mpsc::Sender<SocketAddr>,
    until: Instant,
    media: JoinSet<()>,
}

/// What happens next.
enum Event {
    Request(Request),
    SentAway(SentAway),
    Gone,
}

impl Participant {
    async fn run(&mut self) -> Result<(), Error> {
        self.welcome().await?;
        loop {
            match self.next().await? {
                Event::Request(Request::Offer(offer)) => self.take_offer(&offer).await?,
                Event::Request(Request::Trickle(trickle)) => self.take_candidate(&trickle),
                Event::Request(Request::Leave(_)) => {
                    return self.leave(CLIENT_INITIATED, DISCONNECT).await;
                }
                // The demo does not use the offer to which it belongs.
                Event::Request(Request::Answer(_)) => {}
                Event::SentAway(why @ SentAway::ConnectionTimeout) => {
                    return self.leave(why as i32, RESUME).await;
                }
                Event::SentAway(why @ (SentAway::RoomDeleted | SentAway::DuplicateIdentity)) => {
                    return self.leave(why as i32, DISCONNECT).await;
                }
                Event::Gone => return Ok(()),
            }
        }
    }

    /// What the server says unasked: the join response, a new token, and its own offer.
    async fn welcome(&mut self) -> Result<(), Error> {
        let join = self.join_response();
        self.send(Response::Join(join)).await?;
        let Seat { livekit, joined } = &self.seat;
        let key = &livekit.api_key;
        let token = key.refreshed(&joined.identity, &joined.room, livekit.now());
        // Nothing is sent to the participant, and the agent ends here.
        let agent = livekit.sessions.open();
        let offer = SessionDescription { kind: "offer".to_owned(), sdp: sdp::offer(&agent) };
        let candidate = sdp::tcp_candidate(livekit.ice_tcp(), &agent.ufrag);
        self.send(Response::RefreshToken(token)).await?;
        self.send(Response::Offer(offer)).await?;
        self.send(trickle(SUBSCRIBER, candidate, IsLast::Yes)).await
    }

    fn join_response(&self) -> JoinResponse {
        let joined = &self.seat.joined;
        JoinResponse {
            room: Some(Room { sid: joined.room_sid.clone(), name: joined.room.clone() }),
            participant: Some(ParticipantInfo {
                sid: joined.sid.clone(),
                identity: joined.identity.clone(),
            }),
            server_version: VERSION.to_owned(),
            ice_servers: self.seat.livekit.ice_servers(self.neighbours()),
            subscriber_primary: true,
            server_info: Some(ServerInfo {
                edition: 0,
                version: VERSION.to_owned(),
                protocol: 17,
                region: String::new(),
                node_id: "ND_ovcheckdemo".to_owned(),
            }),
        }
    }

    async fn take_offer(&mut self, offer: &SessionDescription) -> Result<(), Error> {
        let Some(offered) = sdp::read_offer(&offer.sdp) else {
            return Ok(());
        };
        let agent = match &self.publisher {
            // The same media again.
            Some(publisher) => Arc::clone(&publisher.agent),
            None => self.seat.livekit.sessions.open(),
        };
        agent.meet(offered.ufrag.clone(), offered.pwd.clone());
        let answer =
            SessionDescription { kind: "answer".to_owned(), sdp: sdp::answer(&offered, &agent) };
        self.send(Response::Answer(answer)).await?;
        if self.publisher.is_none() {
            self.start_media(agent).await?;
        }
        Ok(())
    }

    /// Opens a media port and tells where media goes. The last candidate says that it is.
    async fn start_media(&mut self, agent: Arc<Agent>) -> Result<(), Error> {
        let (offered, candidates) = mpsc::channel(WAITING);
        let mut media = JoinSet::new();
        if let Some(port) = self.seat.livekit.media_ports.open() {
            let told = SocketAddr::new(self.seat.livekit.media_ip, port.told().port());
            let candidate = sdp::udp_candidate(self.candidate(told), &agent.ufrag);
            let ground = Arc::clone(&self.seat.livekit.ground);
            media.spawn(serve_udp(port, Arc::clone(&agent), ground, candidates));
            self.send(trickle(PUBLISHER, candidate, IsLast::No)).await?;
        }
        let tcp = self.candidate(self.seat.livekit.ice_tcp());
        let candidate = sdp::tcp_candidate(tcp, &agent.ufrag);
        self.send(trickle(PUBLISHER, candidate, IsLast::Yes)).await?;
        self.publisher =
            Some(Publisher { agent, offered, until: Instant::now() + MEDIA_WINDOW, media });
        Ok(())
    }

    /// Set if the participant is a browser on this machine.
    fn neighbours(&self) -> Option<&Neighbours> {
        match self.from {
            From::ThisMachine => self.seat.livekit.neighbours.get(),
            From::Anywhere => None,
        }
    }

    /// The address of a candidate, as this participant is told it.
    fn candidate(&self, told: SocketAddr) -> SocketAddr {
        let identity = &self.seat.joined.identity;
        self.neighbours().map_or(told, |neighbours| neighbours.candidate(told, identity))
    }

    fn take_candidate(&self, trickle: &TrickleRequest) {
        let candidate = sdp::read_candidate(&trickle.candidate_init);
        if let (Some(publisher), Some(candidate), PUBLISHER) =
            (&self.publisher, candidate, trickle.target)
        {
            // One too many is lost, like a check that does not arrive.
            publisher.offered.try_send(candidate).unwrap_or(());
        }
    }

    async fn next(&mut self) -> Result<Event, Error> {
        let publisher = self.publisher.as_ref();
        let window = publisher.map(|publisher| (publisher.until, Arc::clone(&publisher.agent)));
        let window_ends = async {
            if let Some((until, agent)) = window {
                sleep_until(until).await;
                if !agent.is_connected() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::pin!(window_ends);
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                why = &mut self.seat.joined.sent_away => {
                    return Ok(why.map_or(Event::Gone, Event::SentAway));
                }
                () = &mut window_ends => return Ok(Event::SentAway(SentAway::ConnectionTimeout)),
            };
            match message.transpose()? {
                Some(Message::Binary(bytes)) => {
                    // Unknown requests are ignored, as usual in protobuf.
                    let request = SignalRequest::decode(bytes).unwrap_or_default();
                    if let Some(request) = request.message {
                        return Ok(Event::Request(request));
                    }
                }
                // The library answers pings by itself.
                Some(
                    Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Frame(_),
                ) => {}
                Some(Message::Close(_)) | None => return Ok(Event::Gone),
            }
        }
    }

    /// Ends the session. Its media port is closed before the client hears of it.
    async fn leave(&mut self, reason: i32, action: i32) -> Result<(), Error> {
        if let Some(mut publisher) = self.publisher.take() {
            publisher.media.shutdown().await;
        }
        self.send(Response::Leave(LeaveRequest { can_reconnect: false, reason, action })).await?;
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.socket.close(Some(frame)).await
    }

    async fn send(&mut self, response: Response) -> Result<(), Error> {
        let response = SignalResponse { message: Some(response) };
        self.socket.send(Message::Binary(response.encode_to_vec().into())).await
    }
}

#[derive(Clone, Copy)]
enum IsLast {
    Yes,
    No,
}

fn trickle(target: i32, candidate_init: String, is_last: IsLast) -> Response {
    Response::Trickle(TrickleRequest {
        candidate_init,
        target,
        last: match is_last {
            IsLast::Yes => true,
            IsLast::No => false,
        },
    })
}
