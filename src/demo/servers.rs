//! Everything that a demo owns: running servers and reserved ports.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::DemoError;
use super::api::Api;
use super::connections::{answer_all, serve_all};
use super::dns::Zone;
use super::door::Door;
use super::inside::Led;
use super::livekit::LiveKit;
use super::place::{Place, TcpSide, close_udp};
use super::port80::Port80;
use super::proxy::{self, Proxy};
use super::redis;
use super::rtmp;
use super::turn::{self, Service, Streams};
use crate::net::clock::Clock;

/// The behaviour of a TCP port.
#[derive(Clone)]
pub enum Tcp {
    /// No listener: RST.
    Refuses,
    Port80(Port80, Clock),
    Proxy(Arc<Proxy>),
    /// The bytes go on to another place as they are.
    Forward(SocketAddr),
    Api(Api),
    Turn(Arc<Streams>),
    Rtmp,
    Ice(Arc<LiveKit>),
    Redis,
    Dns(Arc<Zone>),
    Door(Door),
}

/// The behaviour of a UDP port.
pub enum Udp {
    /// No listener: the system answers "port unreachable".
    Closed,
    /// A firewall drops datagrams, or a program receives them and never answers: both look the same.
    Silent,
    /// TURN for the users of calls.
    Turn(Arc<Service>),
    /// A server for Binding requests.
    Stun,
    Dns(Arc<Zone>),
}

/// Servers and their ports. Dropping this stops the servers and releases the ports.
#[derive(Default)]
pub struct Servers {
    tasks: JoinSet<()>,
    kept: Vec<Kept>,
}

/// Objects that must live as long as the demo and are not used otherwise.
#[expect(dead_code, reason = "alive is all that they have to be")]
enum Kept {
    Turn(::turn::server::Server),
    Tcp(TcpSide),
    Udp(UdpSocket),
    Led(Led),
}

impl Servers {
    /// Takes a port of `loopback` and serves it as `tcp` and `udp` say.
    ///
    /// # Errors
    /// When no port is free, or a server does not start.
    pub async fn open(
        &mut self,
        loopback: IpAddr,
        tcp: Tcp,
        udp: Udp,
    ) -> Result<SocketAddr, DemoError> {
        let place = Place::take(loopback).await.map_err(DemoError::Port)?;
        self.open_tcp(place.tcp, tcp)?;
        self.open_udp(place.udp, udp).await?;
        Ok(place.address)
    }

    fn open_tcp(&mut self, side: TcpSide, tcp: Tcp) -> Result<(), DemoError> {
        match tcp {
            Tcp::Refuses => {
                self.kept.push(Kept::Tcp(side));
                Ok(())
            }
            Tcp::Port80(port, clock) => {
                self.serve(side, move |stream, _| port.serve(stream, clock))
            }
            Tcp::Proxy(proxy) => {
                self.serve(side, move |stream, _| Arc::clone(&proxy).serve(stream))
            }
            Tcp::Forward(backend) => {
                self.serve(side, move |stream, _| proxy::forward(stream, backend))
            }
            Tcp::Api(api) => self.serve(side, move |stream, _| api.clone().serve(stream)),
            Tcp::Turn(streams) => {
                self.serve(side, move |stream, peer| Arc::clone(&streams).serve(stream, peer))
            }
            Tcp::Rtmp => self.serve(side, |stream, _| rtmp::serve(stream)),
            Tcp::Ice(livekit) => self.serve(side, move |stream, _| {
                let livekit = Arc::clone(&livekit);
                async move { livekit.sessions.serve_tcp(stream).await }
            }),
            Tcp::Redis => self.serve(side, |stream, _| redis::serve(stream)),
            Tcp::Dns(zone) => {
                self.serve(side, move |stream, _| Arc::clone(&zone).serve_tcp(stream))
            }
            Tcp::Door(door) => self.serve(side, move |stream, _| door.clone().serve(stream)),
        }
    }

    fn serve<S, F>(&mut self, side: TcpSide, serve: S) -> Result<(), DemoError>
    where
        S: Fn(TcpStream, SocketAddr) -> F + Send + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = side.listen().map_err(DemoError::Port)?;
        self.tasks.spawn(serve_all(listener, serve));
        Ok(())
    }

    async fn open_udp(&mut self, socket: UdpSocket, udp: Udp) -> Result<(), DemoError> {
        match udp {
            Udp::Closed => {
                close_udp(&socket).await.map_err(DemoError::Port)?;
                self.kept.push(Kept::Udp(socket));
            }
            Udp::Silent => self.kept.push(Kept::Udp(socket)),
            Udp::Turn(service) => {
                let server = turn::start(Arc::new(socket), &service).await?;
                self.kept.push(Kept::Turn(server));
            }
            Udp::Stun => {
                let server = turn::start_for_nobody(Arc::new(socket)).await?;
                self.kept.push(Kept::Turn(server));
            }
            Udp::Dns(zone) => {
                self.tasks.spawn(answer_all(socket, move |question| zone.answer(question)));
            }
        }
        Ok(())
    }

    /// Starts the TURN server behind TCP connections.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_turn(
        &mut self,
        streams: Arc<Streams>,
        service: &Service,
    ) -> Result<(), DemoError> {
        let server = turn::start(streams, service).await?;
        self.kept.push(Kept::Turn(server));
        Ok(())
    }

    /// Keeps an address leading where it leads.
    pub fn keep(&mut self, led: Led) {
        self.kept.push(Kept::Led(led));
    }
}
