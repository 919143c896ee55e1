//! One file per probe. A probe looks, and knows no rule.

pub mod api;
pub mod browser;
pub mod call;
pub mod dns;
pub mod echo;
pub mod hold;
pub mod http;
pub mod path;
mod reach;
pub mod rtmp;
pub mod service;
pub mod tcp;
pub mod tls;
pub mod turn;
pub mod udp;

use std::time::Duration;

use crate::model::observation::Outcome;
use crate::model::probe::ProbeSpec;
use crate::net::Network;

/// Makes one probe. Returns how many requests, datagrams or SYNs were sent for its first
/// question, and what came of it. Ends within [`Limits::probe`](crate::net::Limits::probe),
/// whatever the peer does; the UDP ports of an address may take as long as their datagrams at the
/// chosen rate, and [`ExtentLimits::LONGEST`](crate::model::probe::ExtentLimits::LONGEST), more. One that
/// holds a connection takes as long as that besides.
pub async fn run(net: &Network, spec: &ProbeSpec) -> (u32, Outcome) {
    match spec {
        ProbeSpec::Dns { name, family } => dns::run(net, name, *family).await,
        ProbeSpec::Tcp { to } => tcp::run(net, *to).await,
        ProbeSpec::Http { to, host, path } => http::run(net, *to, host, *path).await,
        ProbeSpec::Tls { to, sni, offer } => tls::run(net, *to, sni, *offer).await,
        ProbeSpec::Api { to, over, host, request } => {
            api::run(net, *to, over, host, *request).await
        }
        ProbeSpec::Path { to, over, host, request } => {
            path::run(net, *to, over, host, *request).await
        }
        ProbeSpec::Browser { to, sni, speaks_http } => {
            browser::run(net, *to, sni, *speaks_http).await
        }
        ProbeSpec::Turn { to, over } => turn::run(net, *to, over).await,
        ProbeSpec::Hold { to, over } => hold::run(net, *to, over).await,
        ProbeSpec::Rtmp { to, over } => rtmp::run(net, *to, over).await,
        ProbeSpec::Service { to, ask } => service::run(net, *to, *ask).await,
        ProbeSpec::Udp { address, ports, then, extent } => {
            let ranges = udp::Ranges { then: *then, extent: *extent };
            udp::run(net, *address, ports, ranges).await
        }
        ProbeSpec::Echo { address } => echo::run(net, *address).await,
        ProbeSpec::Authority { name, family } => dns::authority(net, name, *family).await,
        ProbeSpec::OwnUdp { server } => turn::own_udp(net, *server).await,
        ProbeSpec::Call(spec) => call::run(net, spec).await,
    }
}

/// A duration in the milliseconds of facts.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
