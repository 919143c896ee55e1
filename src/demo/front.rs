//! The ports of the proxy and the certificates on them.

use std::sync::Arc;

use super::DemoError;
use super::backends::Backends;
use super::certificates::{Authority, Chain, Identity, Validity, self_signed};
use super::deployment::{DOMAIN, TURN_DOMAIN};
use super::proxy::{OldTls, Proxy, Route, Versions};
use super::servers::Tcp;
use super::setup::{Certificate, RtmpPort, Setup, UnknownNames};
use crate::net::clock::Clock;

/// What is on the ports of the proxy, and the root that its certificates lead to.
pub struct Front {
    pub port_80: Tcp,
    pub port_443: Tcp,
    pub port_1935: Tcp,
    pub ca_pem: String,
}

impl Front {
    /// Makes the certificates and the ports.
    ///
    /// # Errors
    /// When certificates cannot be made.
    pub fn new(setup: &Setup, backends: &Backends, clock: Clock) -> Result<Self, DemoError> {
        let authority = Authority::new(clock.now())?;
        let domain = domain_identity(&authority, setup.domain_certificate, clock)?;
        let web = web(setup, &authority, &domain, backends)?;
        let port_1935 = match setup.rtmp_port {
            RtmpPort::Plain => Tcp::Forward(backends.rtmp),
            RtmpPort::Tls => Tcp::Proxy(Arc::new(Proxy {
                names: Vec::new(),
                otherwise: Some(Route::new(&domain, Versions::Tls12And13, backends.rtmp)?),
                old_tls: OldTls::Refused,
            })),
        };
        Ok(Self {
            port_80: Tcp::Port80(setup.port_80, clock),
            port_443: Tcp::Proxy(Arc::new(web)),
            port_1935,
            ca_pem: authority.root_pem(),
        })
    }
}

/// Port 443: the domain is forwarded to the API, the TURN domain to the TURN server.
fn web(
    setup: &Setup,
    authority: &Authority,
    domain: &Identity,
    backends: &Backends,
) -> Result<Proxy, DemoError> {
    let turn = authority.issue(setup.turn_certificate_name, Validity::Current, Chain::Whole)?;
    let domain_backend = backends.address(setup.domain_backend);
    let turn_backend = backends.address(setup.turn_backend);
    let domain = Route::new(domain, setup.versions, domain_backend)?;
    let turn = Route::new(&turn, setup.versions, turn_backend)?;
    let otherwise = match setup.unknown_names {
        UnknownNames::Refused => None,
        UnknownNames::ReachApi => Some(domain.clone()),
    };
    Ok(Proxy {
        names: vec![(DOMAIN.to_owned(), domain), (TURN_DOMAIN.to_owned(), turn)],
        otherwise,
        old_tls: setup.old_tls,
    })
}

fn domain_identity(
    authority: &Authority,
    certificate: Certificate,
    clock: Clock,
) -> Result<Identity, rcgen::Error> {
    let issue = |validity, chain| authority.issue(DOMAIN, validity, chain);
    match certificate {
        Certificate::Right => issue(Validity::Current, Chain::Whole),
        Certificate::WithoutIntermediate => issue(Validity::Current, Chain::OwnOnly),
        Certificate::Expired => issue(Validity::Expired, Chain::Whole),
        Certificate::SelfSigned => self_signed(DOMAIN, clock.now()),
    }
}
