//! The places that a server named during a call: which of them are dialled, and how many. Whatever dials one
//! of them needs a [`Permitted`] place.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::model::facts::{Facts, IceUrlParts};
use crate::model::name::DomainName;
use crate::model::named::{Acquaintance, Forbidden, NamedHost};
use crate::model::observation::Outcome;
use crate::model::port::{Port, Transport};
use crate::model::probe::CallSpec;
use crate::model::target::Family;
use crate::net::{Network, lookup};

/// The maximum number of addresses that are dialled for one name.
const MOST_ADDRESSES: usize = 4;

/// The maximum number of names that are resolved, and of places that are dialled, in a call with all its
/// joins.
const MOST_NAMES: usize = 16;
const MOST_PLACES: usize = 64;

/// How long to wait for the addresses of a name that an HTTP proxy resolves as well. Where there is a proxy,
/// there may be no DNS server that knows names outside.
const BEFORE_PROXY: Duration = Duration::from_millis(500);

/// An address and port that a server named, and that may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permitted(SocketAddr);

impl Permitted {
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

/// How a host that a server named is dialled.
pub(super) enum Dialled {
    /// At these addresses; none: the name has none.
    At(Vec<Permitted>),
    /// By its name, through the HTTP proxy of this network.
    ByProxy,
}

/// What a server has named so far. Cheap to clone.
#[derive(Clone)]
pub(super) struct Named(Arc<Inner>);

struct Inner {
    acquaintance: Acquaintance,
    /// The names of the deployment, with the addresses that somebody else than the server gave.
    known: Vec<(DomainName, Vec<IpAddr>)>,
    /// The port of the API.
    port: Port,
    /// The choice for each other name.
    chosen: Mutex<Vec<(DomainName, Choice)>>,
    dialled: Mutex<BTreeSet<(String, u16)>>,
}

/// The addresses of a name, asked for once.
type Choice = Arc<OnceCell<Vec<IpAddr>>>;

impl Named {
    /// Nothing yet. `reached` is the address at which the API was reached.
    pub fn of(spec: &CallSpec, reached: Option<IpAddr>) -> Self {
        let others = spec.names.iter().map(|(name, _)| name).filter(|name| **name != spec.host);
        let acquaintance = Acquaintance {
            names: std::iter::once(&spec.host).chain(others).cloned().collect(),
            declared: spec.declared.clone(),
            reached,
        };
        Self(Arc::new(Inner {
            acquaintance,
            known: spec.names.clone(),
            port: spec.port,
            chosen: Mutex::default(),
            dialled: Mutex::default(),
        }))
    }

    /// An address and port that a server named.
    ///
    /// # Errors
    /// Why it is not dialled.
    pub fn place(&self, place: SocketAddr) -> Result<Permitted, Forbidden> {
        self.0.acquaintance.permits(place.ip())?;
        self.count(place.ip().to_string(), place.port())?;
        Ok(Permitted(place))
    }

    /// Whether a relay may be asked to send to an address that the server named.
    ///
    /// # Errors
    /// Why not.
    pub fn through_relay(&self, address: IpAddr) -> Result<(), Forbidden> {
        self.0.acquaintance.permits_through_relay(address)
    }

    /// A host that a server named in the URL of a TURN server. Each look at it gets the same addresses.
    ///
    /// # Errors
    /// Why it is not dialled.
    pub async fn host(&self, net: &Network, parts: &IceUrlParts) -> Result<Dialled, Forbidden> {
        let name = match self.0.acquaintance.host(&parts.host)? {
            NamedHost::Name(name) => name,
            NamedHost::Address(address) => {
                let place = self.place(SocketAddr::new(address, parts.port))?;
                return Ok(Dialled::At(vec![place]));
            }
        };
        if net.http_proxy.is_some() && parts.transport == Transport::Tcp {
            let known = timeout(BEFORE_PROXY, self.addresses_of(net, &name)).await;
            return self.by_proxy(&name, parts.port, &known.unwrap_or(Ok(Vec::new()))?);
        }
        let addresses = self.addresses_of(net, &name).await?;
        let may_be_dialled = |address: &IpAddr| self.may_lead_to(&name, parts.port, *address);
        let permitted: Vec<IpAddr> = addresses.iter().copied().filter(may_be_dialled).collect();
        if permitted.is_empty() && !addresses.is_empty() {
            return Err(Forbidden::LeadsThere);
        }
        let places = few(&permitted).into_iter().map(|address| {
            self.count(address.to_string(), parts.port)?;
            Ok(Permitted(SocketAddr::new(address, parts.port)))
        });
        places.collect::<Result<_, _>>().map(Dialled::At)
    }

    /// A name that the HTTP proxy resolves, perhaps to other addresses: all that are known here have to be
    /// permitted. Of a name without a known address only one in the domain of the deployment is dialled,
    /// at the port of the API: who has that domain decides about no more with it than where the proxy
    /// connects for the API itself.
    fn by_proxy(
        &self,
        name: &DomainName,
        port: u16,
        known: &[IpAddr],
    ) -> Result<Dialled, Forbidden> {
        if !known.iter().all(|address| self.may_lead_to(name, port, *address)) {
            return Err(Forbidden::LeadsThere);
        }
        let is_own = port == self.0.port.number() && self.0.acquaintance.has_in_its_domain(name);
        if known.is_empty() && !is_own {
            return Err(Forbidden::Unjudged);
        }
        self.count(name.to_string(), port)?;
        Ok(Dialled::ByProxy)
    }

    /// Whether a name may lead to an address: where the names of the deployment lead to at the port of its
    /// API, the operator has said.
    fn may_lead_to(&self, name: &DomainName, port: u16, address: IpAddr) -> bool {
        let is_of_operator =
            port == self.0.port.number() && self.0.known.iter().any(|(known, _)| known == name);
        is_of_operator || self.0.acquaintance.permits(address).is_ok()
    }

    async fn addresses_of(
        &self,
        net: &Network,
        name: &DomainName,
    ) -> Result<Vec<IpAddr>, Forbidden> {
        if let Some((_, addresses)) = self.0.known.iter().find(|(known, _)| known == name) {
            return Ok(addresses.clone());
        }
        let choice = {
            let mut chosen = self.0.chosen.lock().unwrap_or_else(PoisonError::into_inner);
            match chosen.iter().find(|(other, _)| other == name) {
                Some((_, choice)) => Arc::clone(choice),
                None if chosen.len() >= MOST_NAMES => return Err(Forbidden::TooMany),
                None => {
                    let choice = Choice::default();
                    chosen.push((name.clone(), Arc::clone(&choice)));
                    choice
                }
            }
        };
        Ok(choice.get_or_init(|| resolve(net, name)).await.clone())
    }

    fn count(&self, host: String, port: u16) -> Result<(), Forbidden> {
        let mut dialled = self.0.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (host, port);
        if !dialled.contains(&place) && dialled.len() >= MOST_PLACES {
            return Err(Forbidden::TooMany);
        }
        dialled.insert(place);
        Ok(())
    }
}

/// Some of these addresses, IPv4 first: of both families, where there are both.
fn few(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let of = |family| addresses.iter().copied().filter(move |it| Family::of(*it) == family);
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = (
        of(Family::V4).take(MOST_ADDRESSES).collect(),
        of(Family::V6).take(MOST_ADDRESSES).collect(),
    );
    let of_v4 = v4.len().min(MOST_ADDRESSES - v6.len().min(MOST_ADDRESSES / 2));
    let of_v6 = v6.len().min(MOST_ADDRESSES - of_v4);
    [&v4[..of_v4], &v6[..of_v6]].concat()
}

async fn resolve(net: &Network, name: &DomainName) -> Vec<IpAddr> {
    let (v4, v6) = tokio::join!(
        lookup::addresses(net, name, Family::V4),
        lookup::addresses(net, name, Family::V6)
    );
    [v4.1, v6.1].into_iter().flat_map(found).collect()
}

fn found(outcome: Outcome) -> Vec<IpAddr> {
    match outcome {
        Outcome::Saw(Facts::Dns(facts)) => facts.addresses,
        Outcome::Saw(_) | Outcome::Blind(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::{CallDepth, Punching};

    #[test]
    fn the_places_of_a_call_are_counted_once_each() {
        let spec = CallSpec {
            host: "openvidu.example.io".parse().unwrap(),
            port: Port::new(443).unwrap(),
            addresses: Vec::new(),
            names: Vec::new(),
            declared: Vec::new(),
            stun_servers: Vec::new(),
            punching: Punching::NotWatched,
            depth: CallDepth::Checks,
            media_nodes: Vec::new(),
        };
        let named = Named::of(&spec, None);
        let place = |port: u16| named.place(SocketAddr::from(([203, 0, 113, 9], port)));
        let permitted = (1..=1000).filter(|port| place(*port).is_ok()).count();
        assert_eq!(permitted, MOST_PLACES);
        assert!(place(1).is_ok());
        assert_eq!(place(1000), Err(Forbidden::TooMany));
    }

    #[test]
    fn of_many_addresses_four_are_dialled_in_both_families() {
        let all = |list: &str| -> Vec<IpAddr> {
            list.split_whitespace().map(|text| text.parse().unwrap()).collect()
        };
        for (given, few_of_them) in [
            ("2a00::1 192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.1 192.0.2.2 192.0.2.3 2a00::1"),
            (
                "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5",
                "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4",
            ),
            (
                "192.0.2.1 192.0.2.2 192.0.2.3 2a00::1 2a00::2 2a00::3",
                "192.0.2.1 192.0.2.2 2a00::1 2a00::2",
            ),
            ("2a00::1", "2a00::1"),
            ("", ""),
        ] {
            assert_eq!(few(&all(given)), all(few_of_them), "{given}");
        }
    }
}
