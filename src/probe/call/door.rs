//! Connections over TCP to a name of the deployment: to its addresses, or through the HTTP proxy of
//! our own network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::model::facts::{Connect, Handshake, HttpAnswer, HttpProxyFacts};
use crate::model::observation::Blindness;
use crate::model::port::Port;
use crate::model::target::Endpoint;
use crate::net::http_proxy::{self, Tunnel};
use crate::net::tls::{self, Offer};
use crate::net::{Network, Stream, tcp};

/// How long one address has a head start before the next (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Where a connection goes.
pub(super) struct Door<'a> {
    /// The name, or the address, that an HTTP proxy is asked for.
    pub host: &'a str,
    pub port: Port,
    /// In the order in which they are tried.
    pub addresses: &'a [IpAddr],
}

/// How far a connection came.
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
    /// The same, unless the HTTP proxy of our own network did not let us through: of the API that
    /// is a fact, of what the server names it is our own trouble.
    ///
    /// # Errors
    /// What the proxy said.
    pub fn or_refused_by_our_proxy(self, door: &Door<'_>) -> Result<Self, Blindness> {
        let Some(proxy) = &self.http_proxy else {
            return Ok(self);
        };
        let said = match (&proxy.answer, &self.connect) {
            (None, Connect::Accepted) => return Ok(self),
            (None, Connect::Reset) => "refuses connections".to_owned(),
            (None, Connect::Icmp(error)) => format!("cannot be reached: {error}"),
            (None, Connect::Silent) => "does not answer".to_owned(),
            (Some(HttpAnswer::Response(response)), _) => {
                format!("answers HTTP {}", response.status)
            }
            (Some(HttpAnswer::Silent), _) => "does not answer".to_owned(),
            (Some(HttpAnswer::Closed | HttpAnswer::Reset), _) => "ends the connection".to_owned(),
            (Some(HttpAnswer::Unfinished { .. } | HttpAnswer::NotHttp(_)), _) => {
                "does not answer in HTTP".to_owned()
            }
        };
        Err(Blindness::OwnProxy(format!(
            "asked for {}:{}, the HTTP proxy {} {said}",
            door.host, door.port, proxy.place
        )))
    }
}

impl Door<'_> {
    /// Connects, and makes the TLS handshake that `offer` describes; without an offer there is
    /// none.
    ///
    /// # Errors
    /// When the trouble is ours.
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

    /// Tries the addresses one behind the other: the next one when the one before has failed, or
    /// had its head start. Where none accepts, the first one's answer is told.
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
                // A task that panics is our own trouble.
                Some(Err(_)) | None => {}
            }
        }
        refused.sort_by_key(|(place, ..)| *place);
        match refused.into_iter().next() {
            Some((_, address, connect)) => Ok((address, Err(connect))),
            None => Err(trouble.unwrap_or_else(|| {
                Blindness::Local(format!("no address of {} is known", self.host))
            })),
        }
    }
}
