//! One file per probe. A probe looks, and knows no rule.

pub mod api;
pub mod browser;
pub mod call;
mod configuration;
pub mod dns;
pub mod echo;
pub mod hold;
pub mod host;
pub mod http;
pub mod path;
mod reach;
pub mod responder;
pub mod rtmp;
pub mod service;
pub mod tcp;
pub mod tls;
pub mod turn;
pub mod udp;

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use crate::model::observation::Outcome;
use crate::model::probe::ProbeSpec;
use crate::net::Network;

/// A probe that is being made.
type Probing<'a> = Pin<Box<dyn Future<Output = (u32, Outcome)> + Send + 'a>>;

/// Makes one probe. Returns how many requests, datagrams or SYNs were sent for its first
/// question, and what came of it. Ends within [`Limits::probe`](crate::net::Limits::probe),
/// whatever the peer does; the UDP ports of an address may take as long as their datagrams at the
/// chosen rate, and [`ExtentLimits::LONGEST`](crate::model::probe::ExtentLimits::LONGEST), more. One that
/// holds a connection takes as long as that besides.
///
/// Each probe lies in a box of its own size: a large deployment has thousands of connection attempts at
/// the same time, which otherwise would all be as large as a TLS handshake.
pub fn run<'a>(net: &'a Network, spec: &'a ProbeSpec) -> Probing<'a> {
    match spec {
        ProbeSpec::Dns { name, family } => Box::pin(dns::run(net, name, *family)),
        ProbeSpec::Tcp { to } => Box::pin(tcp::run(net, *to)),
        ProbeSpec::Http { to, host, path } => Box::pin(http::run(net, *to, host, *path)),
        ProbeSpec::Tls { to, sni, offer } => Box::pin(tls::run(net, *to, sni, *offer)),
        ProbeSpec::Api { to, over, host, request } => {
            Box::pin(api::run(net, *to, over, host, *request))
        }
        ProbeSpec::Path { to, over, host, request } => {
            Box::pin(path::run(net, *to, over, host, *request))
        }
        ProbeSpec::Browser { to, sni, speaks_http } => {
            Box::pin(browser::run(net, *to, sni, *speaks_http))
        }
        ProbeSpec::Turn { to, over } => Box::pin(turn::run(net, *to, over)),
        ProbeSpec::Hold { to, over } => Box::pin(hold::run(net, *to, over)),
        ProbeSpec::Rtmp { to, over } => Box::pin(rtmp::run(net, *to, over)),
        ProbeSpec::Service { to, ask, buckets } => Box::pin(service::run(net, *to, *ask, buckets)),
        ProbeSpec::Udp { address, ports, then, extent, sentinel } => {
            let besides = udp::Besides { then: *then, extent: *extent, sentinel: *sentinel };
            Box::pin(udp::run(net, *address, ports, besides))
        }
        ProbeSpec::Echo { address } => Box::pin(echo::run(net, *address)),
        ProbeSpec::Responder { address, ports, tcp } => {
            Box::pin(responder::run(net, *address, ports, tcp))
        }
        ProbeSpec::Authority { name, family } => Box::pin(dns::authority(net, name, *family)),
        ProbeSpec::OwnUdp { server } => Box::pin(turn::own_udp(net, *server)),
        ProbeSpec::Call(spec) => Box::pin(call::run(net, spec)),
        ProbeSpec::Host => Box::pin(host::run()),
        ProbeSpec::ProxyConfiguration => Box::pin(ready(configuration::proxy(&net.configurations))),
        ProbeSpec::OpenviduConfiguration => {
            Box::pin(ready(configuration::openvidu(&net.configurations)))
        }
    }
}

/// A duration in the milliseconds of facts.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
