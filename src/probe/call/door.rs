//! Connections over TCP to a name of the deployment: to its addresses, or through the HTTP proxy of
//! this network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::model::facts::{Connect, Handshake, HttpProxyFacts};
use crate::model::observation::{Blindness, ProxyMet, ProxyRefusal};
use crate::model::port::Port;
use crate::model::target::Endpoint;
use crate::net::http_proxy::{self, Tunnel};
use crate::net::tls::{self, Offer};
use crate::net::{Network, Stream, tcp};

/// The head start of one address before the next (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The destination of a connection.
pub(super) struct Door<'a> {
    /// The name or address for a request to an HTTP proxy.
    pub host: &'a str,
    pub port: Port,
    /// In the order in which they are tried.
    pub addresses: &'a [IpAddr],
}

/// The result of each step of a connection.
pub(super) struct Opened {
    /// The address that was connected to; `None` through a proxy.
    pub address: Option<IpAddr>,
    pub dialled: Option<SocketAddr>,
    pub http_proxy: Option<HttpProxyFacts>,
    pub connect: Connect,
    pub handshake: Option<Handshake>,
    pub stream: Option<Box<dyn Stream>>,
}

impl Opened {
    /// The same, unless the HTTP proxy of this network refused the connection. For the API, that is a
    /// fact. For other servers, it is a problem of this machine.
    ///
    /// # Errors
    /// The proxy's answer.
    pub fn or_refused_by_our_proxy(self, door: &Door<'_>) -> Result<Self, Blindness> {
        let Some(proxy) = &self.http_proxy else {
            return Ok(self);
        };
        let met = match (&proxy.answer, &self.connect) {
            (None, Connect::Accepted) => return Ok(self),
            (None, connect) => ProxyMet::NoConnection(connect.clone()),
            (Some(answer), _) => ProxyMet::Answer(answer.clone()),
        };
        Err(Blindness::OwnProxy(Box::new(ProxyRefusal {
            host: door.host.to_owned(),
            port: door.port,
            proxy: proxy.place.clone(),
            met,
        })))
    }
}

impl Door<'_> {
    /// Connects, and makes the TLS handshake that `offer` describes, if there is an offer.
    ///
    /// # Errors
    /// For a problem of this machine.
    pub async fn open(
        &self,
        net: &Network,
        offer: Option<Offer<'_>>,
        deadline: Instant,
    ) -> Result<Opened, Blindness> {
        let (mut opened, tcp) = self.connect(net, deadline).await?;
        let Some(tcp) = tcp else {
            return Ok(opened);
        };
        match offer {
            None => opened.stream = Some(Box::new(tcp)),
            Some(offer) => match tls::handshake(net, tcp, offer, deadline).await {
                Ok((stream, session)) => {
                    opened.handshake = Some(Handshake::Completed(Box::new(session)));
                    opened.stream = Some(Box::new(stream));
                }
                Err(ended) => opened.handshake = Some(ended),
            },
        }
        Ok(opened)
    }

    async fn connect(
        &self,
        net: &Network,
        deadline: Instant,
    ) -> Result<(Opened, Option<TcpStream>), Blindness> {
        let mut opened = Opened {
            address: None,
            dialled: None,
            http_proxy: None,
            connect: Connect::Accepted,
            handshake: None,
            stream: None,
        };
        let Some(proxy) = &net.http_proxy else {
            let (address, connection) = self.first_that_accepts(net, deadline).await?;
            opened.address = Some(address);
            opened.dialled = net.dial.elsewhere(self.at(address));
            return Ok(match connection {
                Ok(tcp) => (opened, Some(tcp)),
                Err(connect) => (Opened { connect, ..opened }, None),
            });
        };
        let mut facts = HttpProxyFacts { place: proxy.to_string(), answer: None };
        let tunnel = http_proxy::tunnel(net, proxy, self.host, self.port, deadline).await?;
        let tcp = match tunnel {
            Tunnel::Open(tcp) => Some(tcp),
            Tunnel::NoConnection(connect) => {
                opened.connect = connect;
                None
            }
            Tunnel::Refused(answer) => {
                facts.answer = Some(answer);
                None
            }
        };
        opened.http_proxy = Some(facts);
        Ok((opened, tcp))
    }

    fn at(&self, address: IpAddr) -> Endpoint {
        Endpoint { address, port: self.port }
    }

    /// Tries the addresses one after another: the next one when the previous one has failed, or after
    /// its head start. If none accepts, returns the answer of the first one.
    async fn first_that_accepts(
        &self,
        net: &Network,
        deadline: Instant,
    ) -> Result<(IpAddr, tcp::Connection), Blindness> {
        let mut tries = JoinSet::new();
        let mut addresses = self.addresses.iter().copied().enumerate();
        let mut refused: Vec<(usize, IpAddr, Connect)> = Vec::new();
        let mut trouble = None;
        loop {
            let next = addresses.next();
            let is_last = next.is_none();
            if let Some((place, address)) = next {
                let to = self.at(address);
                let net = net.clone();
                tries
                    .spawn(async move { (place, address, tcp::connect(&net, to, deadline).await) });
            }
            let ended = tokio::select! {
                ended = tries.join_next() => ended,
                () = sleep(HEAD_START), if !is_last => continue,
            };
            match ended {
                None if is_last => break,
                Some(Ok((_, address, Ok(Ok(tcp))))) => return Ok((address, Ok(tcp))),
                Some(Ok((place, address, Ok(Err(connect))))) => {
                    refused.push((place, address, connect));
                }
                Some(Ok((_, _, Err(blindness)))) => trouble = trouble.or(Some(blindness)),
                // A panic is an error of ovcheck.
                Some(Err(_)) | None => {}
            }
        }
        refused.sort_by_key(|(place, ..)| *place);
        match refused.into_iter().next() {
            Some((_, address, connect)) => Ok((address, Err(connect))),
            None => Err(trouble.unwrap_or(Blindness::NoAddress { host: self.host.to_owned() })),
        }
    }
}
