//! The ways through a relay: one allocation for each TURN server that LiveKit names, and through it
//! one check of each candidate.

mod allocation;
mod through;

pub(super) use allocation::Allocation;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::door::Door;
use super::{Awaited, Call, gather};
use crate::model::facts::{
    Facts, IceScheme, IceUrlParts, NotSent, PathFacts, RelayFacts, StunAnswer, Way,
};
use crate::model::name::DomainName;
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::{Port, Transport};
use crate::model::probe::Sni;
use crate::model::secret::Secret;
use crate::model::target::Family;
use crate::net::lookup;
use crate::net::messages::{Framing, Messages};
use crate::net::tls::{Alpn, Offer};
use crate::proto::livekit::ice_url;
use crate::proto::livekit::signal::JoinResponse;
use crate::proto::turn::User;

/// A TURN server that LiveKit named.
#[derive(Clone)]
pub(super) struct Server {
    parts: IceUrlParts,
    way: Way,
    user: Arc<User>,
}

/// The TURN servers of a join response that media can go through, `most` of them, each with its
/// place among all URLs.
pub(super) fn servers(join: &JoinResponse, most: usize) -> impl Iterator<Item = (usize, Server)> {
    let named = gather::urls_with_users(join).filter_map(|(index, url, user)| {
        let parts = ice_url::read(url)?;
        let way = match (parts.scheme, parts.transport) {
            (IceScheme::Turn, Transport::Udp) => Way::TurnUdp,
            (IceScheme::Turn | IceScheme::Turns, Transport::Tcp) => Way::Turns,
            // DTLS below TURN is spoken by no browser.
            (IceScheme::Turns, Transport::Udp) | (IceScheme::Stun | IceScheme::Stuns, _) => {
                return None;
            }
        };
        Some((index, Server { parts, way, user }))
    });
    named.take(most)
}

/// The UDP port of the deployment's own TURN server: what a relay of its can always reach, where it
/// reaches anything.
pub(super) fn control_address(join: &JoinResponse) -> Option<SocketAddr> {
    let mut urls = gather::urls_with_users(join);
    urls.find_map(|(_, url, _)| {
        let parts = ice_url::read(url)?;
        let is_turn_udp = (parts.scheme, parts.transport) == (IceScheme::Turn, Transport::Udp);
        let address = parts.host.parse().ok().filter(|_| is_turn_udp)?;
        Some(SocketAddr::new(address, parts.port))
    })
}

impl Server {
    /// The way that leads through it.
    pub fn way(&self) -> Way {
        self.way
    }
}

/// One TURN server being looked at.
#[derive(Clone)]
pub(super) struct Relay {
    pub call: Call,
    pub server: (usize, Server),
    pub control: Option<SocketAddr>,
}

impl Relay {
    fn way(&self) -> Way {
        self.server.1.way
    }

    /// What it gives, and which candidates can be reached through it.
    pub async fn look(self, awaited: Awaited) -> (RelayFacts, Vec<PathFacts>) {
        let (url, server) = &self.server;
        let mut facts = RelayFacts {
            url: *url,
            way: server.way,
            server: None,
            dialled: None,
            blocked: None,
            connect: None,
            handshake: None,
            allocate: None,
            relayed: None,
            wrong_password: None,
            permissions: Vec::new(),
            control: None,
            ended_ms: 0,
        };
        let wrong = self.wrong_password();
        let right = self.allocate_and_check(&mut facts, awaited);
        let (wrong_password, paths) = tokio::join!(wrong, right);
        facts.wrong_password = wrong_password;
        (facts, paths)
    }

    /// A relay, without a look at anything else.
    ///
    /// # Errors
    /// When the trouble is ours.
    pub async fn allocation(&self) -> Result<Option<Allocation>, Blindness> {
        let Some(messages) = self.reach().await?.messages else {
            return Ok(None);
        };
        let allocated = allocation::allocate(&self.call, messages, &self.server.1.user).await?;
        Ok(allocated.allocation)
    }

    /// What a wrong password gets, on a connection of its own.
    async fn wrong_password(&self) -> Option<StunAnswer> {
        let user = User {
            name: self.server.1.user.name.clone(),
            password: Secret::new("not-the-password-of-this-user"),
        };
        let messages = self.reach().await.ok()?.messages?;
        let allocated = allocation::allocate(&self.call, messages, &user).await.ok()?;
        Some(allocated.answer)
    }

    async fn allocate_and_check(&self, facts: &mut RelayFacts, awaited: Awaited) -> Vec<PathFacts> {
        let blocked = match self.reach().await {
            Ok(reached) => {
                facts.server = reached.server;
                facts.dialled = reached.dialled;
                facts.connect = reached.connect;
                facts.handshake = reached.handshake;
                match reached.messages {
                    Some(messages) => return self.allocate(facts, messages, awaited).await,
                    None => None,
                }
            }
            Err(blindness) => Some(blindness),
        };
        facts.ended_ms = self.call.elapsed_ms();
        facts.blocked = blocked.as_ref().map(NotSent::from);
        through::none(&self.call, self.way(), awaited, blocked.as_ref()).await
    }

    async fn allocate(
        &self,
        facts: &mut RelayFacts,
        messages: Messages,
        awaited: Awaited,
    ) -> Vec<PathFacts> {
        let user = &self.server.1.user;
        let allocated = match allocation::allocate(&self.call, messages, user).await {
            Ok(allocated) => allocated,
            Err(blindness) => {
                facts.ended_ms = self.call.elapsed_ms();
                facts.blocked = Some(NotSent::from(&blindness));
                return through::none(&self.call, self.way(), awaited, Some(&blindness)).await;
            }
        };
        facts.ended_ms = self.call.elapsed_ms();
        facts.allocate = Some(allocated.answer);
        facts.relayed = allocated.relayed;
        match allocated.allocation {
            Some(allocation) => through::check(self, facts, allocation, awaited).await,
            None => through::none(&self.call, self.way(), awaited, None).await,
        }
    }

    /// A way for messages to the server.
    async fn reach(&self) -> Result<Reached, Blindness> {
        let parts = &self.server.1.parts;
        let addresses = self.addresses().await;
        match (parts.transport, parts.scheme) {
            (Transport::Udp, _) => self.over_udp(&addresses),
            (Transport::Tcp, scheme) => self.over_tcp(&addresses, scheme).await,
        }
    }

    /// By the first address to which this machine has a way.
    fn over_udp(&self, addresses: &[IpAddr]) -> Result<Reached, Blindness> {
        let mut trouble = None;
        for address in addresses {
            let server = SocketAddr::new(*address, self.server.1.parts.port);
            let destination = self.call.destination(server);
            match Messages::datagrams(destination) {
                Ok(messages) => {
                    return Ok(Reached {
                        server: Some(server),
                        dialled: destination.elsewhere(),
                        messages: Some(messages),
                        ..Reached::default()
                    });
                }
                Err(blindness) => trouble = trouble.or(Some(blindness)),
            }
        }
        trouble.map_or(Ok(Reached::default()), Err)
    }

    async fn over_tcp(
        &self,
        addresses: &[IpAddr],
        scheme: IceScheme,
    ) -> Result<Reached, Blindness> {
        let call = &self.call;
        let parts = &self.server.1.parts;
        let Some(port) = Port::new(parts.port) else {
            return Ok(Reached::default());
        };
        if addresses.is_empty() && !self.is_found_by_proxy() {
            return Ok(Reached::default());
        }
        let sni = parts.host.parse::<DomainName>().map_or(Sni::Absent, Sni::Name);
        let offer = match scheme {
            IceScheme::Turns | IceScheme::Stuns => Some(Offer::new(&sni, Alpn::None)),
            IceScheme::Turn | IceScheme::Stun => None,
        };
        let door = Door { host: &parts.host, port, addresses };
        let deadline = call.end_of_waits(2);
        let opened = door.open(&call.net, offer, deadline).await?;
        let opened = opened.or_refused_by_our_proxy(&door)?;
        Ok(Reached {
            server: opened.address.map(|address| SocketAddr::new(address, parts.port)),
            dialled: opened.dialled,
            connect: Some(opened.connect),
            handshake: opened.handshake,
            messages: opened.stream.map(|stream| Messages::on(stream, Framing::Stun)),
        })
    }

    /// Whether the HTTP proxy of our own network resolves the server's name: where there is one,
    /// there may be nobody else who does.
    fn is_found_by_proxy(&self) -> bool {
        let parts = &self.server.1.parts;
        let is_name = parts.host.parse::<IpAddr>().is_err();
        self.call.net.http_proxy.is_some() && parts.transport == Transport::Tcp && is_name
    }

    /// The addresses of the server, IPv4 first: those that may be dialled. Where the names of the
    /// deployment lead to, the operator has said, and not the server.
    async fn addresses(&self) -> Vec<IpAddr> {
        let host = &self.server.1.parts.host;
        let mut names = self.call.spec.names.iter();
        let name = host.parse::<DomainName>().ok();
        let known = names.find(|(known, _)| Some(known) == name.as_ref());
        let mut addresses = match (known, host.parse::<IpAddr>()) {
            (Some((_, addresses)), _) => addresses.clone(),
            (None, Ok(address)) => self.allowed(vec![address]),
            (None, Err(_)) if self.is_found_by_proxy() => Vec::new(),
            (None, Err(_)) => self.allowed(self.resolve(host).await),
        };
        addresses.sort_by_key(|address| Family::of(*address));
        addresses
    }

    fn allowed(&self, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        addresses.retain(|address| self.call.may_be_dialled(*address));
        addresses
    }

    async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = host.parse::<DomainName>() else {
            return Vec::new();
        };
        let net = &self.call.net;
        let (v4, v6) = tokio::join!(
            lookup::addresses(net, &name, Family::V4),
            lookup::addresses(net, &name, Family::V6)
        );
        [v4.1, v6.1].into_iter().flat_map(found).collect()
    }
}

fn found(outcome: Outcome) -> Vec<IpAddr> {
    match outcome {
        Outcome::Saw(Facts::Dns(facts)) => facts.addresses,
        Outcome::Saw(_) | Outcome::Blind(_) => Vec::new(),
    }
}

/// How far we came on the way to a TURN server.
#[derive(Default)]
struct Reached {
    server: Option<SocketAddr>,
    dialled: Option<SocketAddr>,
    connect: Option<crate::model::facts::Connect>,
    handshake: Option<crate::model::facts::Handshake>,
    messages: Option<Messages>,
}
