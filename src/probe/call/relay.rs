//! The ways through a relay: one allocation for each TURN server that LiveKit names, and through it
//! one check of each candidate.

mod allocation;
mod through;

pub(super) use allocation::Allocation;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::door::Door;
use super::named::{Dialled, Permitted};
use super::{Awaited, Call, gather};
use crate::model::facts::{
    IceScheme, IceUrlParts, NotSent, PathFacts, RelayFacts, StunAnswer, Way,
};
use crate::model::name::DomainName;
use crate::model::named::Forbidden;
use crate::model::observation::Blindness;
use crate::model::port::{Port, Transport};
use crate::model::probe::Sni;
use crate::model::secret::Secret;
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
        let blindness = match self.reach().await {
            Ok(reached) => {
                facts.server = reached.server;
                facts.dialled = reached.dialled;
                facts.connect = reached.connect;
                facts.handshake = reached.handshake;
                match reached.messages {
                    Some(messages) => return self.allocate(facts, messages, awaited).await,
                    None => {
                        facts.blocked = reached.forbidden.map(NotSent::ForbiddenAddress);
                        None
                    }
                }
            }
            Err(blindness) => {
                facts.blocked = Some(NotSent::from(&blindness));
                Some(blindness)
            }
        };
        facts.ended_ms = self.call.elapsed_ms();
        through::none(&self.call, self.way(), awaited, blindness.as_ref()).await
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
        let dialled = match self.call.named.host(&self.call.net, parts).await {
            Ok(dialled) => dialled,
            Err(why) => return Ok(Reached { forbidden: Some(why), ..Reached::default() }),
        };
        match (parts.transport, dialled) {
            (Transport::Udp, Dialled::At(places)) => self.over_udp(&places),
            (Transport::Udp, Dialled::ByProxy) => Ok(Reached::default()),
            (Transport::Tcp, Dialled::At(places)) if places.is_empty() => Ok(Reached::default()),
            (Transport::Tcp, Dialled::At(places)) => self.over_tcp(&places).await,
            (Transport::Tcp, Dialled::ByProxy) => self.over_tcp(&[]).await,
        }
    }

    /// By the first address to which this machine has a way.
    fn over_udp(&self, places: &[Permitted]) -> Result<Reached, Blindness> {
        let mut trouble = None;
        for place in places {
            let destination = self.call.destination(*place);
            match Messages::datagrams(destination) {
                Ok(messages) => {
                    return Ok(Reached {
                        server: Some(place.address()),
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

    async fn over_tcp(&self, places: &[Permitted]) -> Result<Reached, Blindness> {
        let call = &self.call;
        let parts = &self.server.1.parts;
        let Some(port) = Port::new(parts.port) else {
            return Ok(Reached::default());
        };
        let addresses: Vec<IpAddr> = places.iter().map(|place| place.address().ip()).collect();
        let sni = parts.host.parse::<DomainName>().map_or(Sni::Absent, Sni::Name);
        let offer = match parts.scheme {
            IceScheme::Turns | IceScheme::Stuns => Some(Offer::new(&sni, Alpn::None)),
            IceScheme::Turn | IceScheme::Stun => None,
        };
        let door = Door { host: &parts.host, port, addresses: &addresses };
        let opened = call.open(&door, offer, 2).await?;
        let opened = opened.or_refused_by_our_proxy(&door)?;
        Ok(Reached {
            server: opened.address.map(|address| SocketAddr::new(address, parts.port)),
            dialled: opened.dialled,
            connect: Some(opened.connect),
            handshake: opened.handshake,
            messages: opened.stream.map(|stream| Messages::on(stream, Framing::Stun)),
            forbidden: None,
        })
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
    /// Why nothing was dialled.
    forbidden: Option<Forbidden>,
}
