//! The demo's network as the OpenVidu machine sees it from inside, behind its own firewall: which
//! documentation address is where on loopback, and the way back.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Pairs of an address that participants receive and its place on loopback.
#[derive(Default)]
pub struct Inside {
    pairs: Mutex<Vec<Pair>>,
}

#[derive(Clone, Copy)]
struct Pair {
    told: SocketAddr,
    real: SocketAddr,
}

impl Inside {
    /// Redirects `told` to `real` until the returned value is dropped.
    pub fn lead(self: &Arc<Self>, told: SocketAddr, real: SocketAddr) -> Led {
        self.with_pairs(|pairs| pairs.push(Pair { told, real }));
        Led { inside: Arc::clone(self), told }
    }

    /// The place of `told` on loopback, if it belongs to the deployment.
    pub fn real(&self, told: SocketAddr) -> Option<SocketAddr> {
        self.find(|pair| pair.told == told).map(|pair| pair.real)
    }

    /// What a place on loopback is called, if it is one of the deployment.
    pub fn told(&self, real: SocketAddr) -> Option<SocketAddr> {
        self.find(|pair| pair.real == real).map(|pair| pair.told)
    }

    fn find(&self, wanted: impl Fn(&Pair) -> bool) -> Option<Pair> {
        self.with_pairs(|pairs| pairs.iter().copied().find(wanted))
    }

    fn with_pairs<T>(&self, f: impl FnOnce(&mut Vec<Pair>) -> T) -> T {
        // A list is whole after every one of its operations.
        f(&mut self.pairs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An address that leads somewhere as long as this lives.
pub struct Led {
    inside: Arc<Inside>,
    told: SocketAddr,
}

impl Drop for Led {
    fn drop(&mut self) {
        let told = self.told;
        self.inside.with_pairs(|pairs| pairs.retain(|pair| pair.told != told));
    }
}
