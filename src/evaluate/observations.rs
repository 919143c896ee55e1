//! What the probes of one run saw, found by address, and what is read from all of it once.
//!
//! A deployment of hundreds of addresses has tens of thousands of observations, and as many checks
//! that ask what the rest of the run tells about the eyesight of this machine. Each of these questions
//! is answered once, so that the cost grows with the deployment and not with its square.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::controls::{RefusedOnTheWay, WayOut};
use crate::model::configuration::ProxyKind;
use crate::model::facts::Facts;
use crate::model::name::NodeName;
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::target::Family;

/// The observations of one run. They belong to one [`Case`](super::Case), up to its clock: what is read
/// from all of them is kept here.
#[derive(Debug, Default)]
pub struct Observations {
    all: Vec<Observation>,
    /// The places in `all`, by the address that was asked.
    by_address: HashMap<IpAddr, Vec<usize>>,
    /// Those without an address of the deployment: DNS, calls, servers outside.
    elsewhere: Vec<usize>,
    /// By how much this machine was late during the run, if that is a good part of the time-out.
    pub late_by: Option<Duration>,
    pub(super) once: Once,
}

/// What is read from all observations of a run, and kept.
#[derive(Debug, Default)]
pub(super) struct Once {
    pub sees: PerFamily<bool>,
    pub sees_udp_besides_calls: PerFamily<bool>,
    pub lets_unusual_udp_out: PerFamily<bool>,
    pub connections: PerFamily<Vec<Connection>>,
    pub accepts_for_all: PerFamily<bool>,
    pub way_out: PerFamily<WayOut>,
    pub refused_on_the_way: PerFamily<RefusedOnTheWay>,
    pub nobody_at: OnceLock<Arc<[IpAddr]>>,
    pub nobody_on: OnceLock<Arc<[NodeName]>>,
    /// The ICMP errors that machines themselves sent, in the order of time.
    pub icmp_errors: PerFamily<Vec<Drawn>>,
}

/// An ICMP error that a machine of the deployment sent: at which address, and when the packet left that
/// drew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawn {
    pub address: IpAddr,
    pub at: Duration,
}

/// An observation that began with a connection to another machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    pub address: IpAddr,
    pub port: Port,
    /// The place of the observation.
    pub place: usize,
}

/// A value for each address family, read when it is first asked for.
#[derive(Debug)]
pub(super) struct PerFamily<T>([OnceLock<T>; 2]);

impl<T> Default for PerFamily<T> {
    fn default() -> Self {
        Self([OnceLock::new(), OnceLock::new()])
    }
}

impl<T> PerFamily<T> {
    pub fn get(&self, family: Family, read: impl FnOnce() -> T) -> &T {
        let [v4, v6] = &self.0;
        let of_family = match family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        of_family.get_or_init(read)
    }
}

impl Observations {
    /// Observations in the order of the plan's probes.
    pub fn new(all: Vec<Observation>) -> Self {
        let mut by_address: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        let mut elsewhere = Vec::new();
        for (place, observation) in all.iter().enumerate() {
            match observation.spec.address() {
                Some(address) => by_address.entry(address).or_default().push(place),
                None => elsewhere.push(place),
            }
        }
        Self { all, by_address, elsewhere, late_by: None, once: Once::default() }
    }

    /// Those that asked this address of the deployment.
    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = &Observation> {
        let places = self.by_address.get(&address).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| &self.all[*place])
    }

    /// Those that asked the address of a target; those without an address where it has none.
    pub(super) fn at_target(&self, address: Option<IpAddr>) -> impl Iterator<Item = &Observation> {
        let places = match address {
            Some(address) => self.by_address.get(&address),
            None => Some(&self.elsewhere),
        };
        let places = places.map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| &self.all[*place])
    }

    /// Those that asked no address of the deployment: DNS, calls, servers outside.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = &Observation> {
        self.at_target(None)
    }

    /// Which proxy it is whose configuration was read.
    pub(super) fn proxy_kind(&self) -> Option<ProxyKind> {
        self.elsewhere().find_map(|observation| match &observation.outcome {
            Outcome::Saw(Facts::ProxyConfiguration(facts)) => Some(facts.kind),
            Outcome::Saw(_) | Outcome::Blind(_) => None,
        })
    }

    /// The observations, in their order.
    pub fn into_all(self) -> Vec<Observation> {
        self.all
    }
}

impl Deref for Observations {
    type Target = [Observation];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}
