//! What a probe saw: one file for each protocol.

mod browser;
mod call;
mod configuration;
mod connect;
mod dns;
mod host;
mod http;
mod responder;
mod service;
mod stun;
mod tls;
mod udp;

pub use browser::*;
pub use call::*;
pub use configuration::*;
pub use connect::*;
pub use dns::*;
pub use host::*;
pub use http::*;
pub use responder::*;
pub use service::*;
pub use stun::*;
pub use tls::*;
pub use udp::*;

use super::open::open_kinds;
use super::publish::{PublishedAs, published};
use crate::model::facts::Facts;

published! {
    /// What a probe saw. A refusal, an alert and silence are facts too.
    #[serde(tag = "kind")]
    #[schemars(transform = open_kinds("kind"))]
    enum FactsV1 from Facts {
        /// The result of a `dns` probe.
        Dns(facts: DnsFactsV1),
        /// The result of a `tcp` probe.
        Tcp(facts: TcpFactsV1),
        /// The result of an `http` probe.
        Http(facts: HttpFactsV1),
        /// The result of a `tls` probe.
        Tls(facts: TlsFactsV1),
        /// The result of an `api` or `path` probe.
        Api(facts: ApiFactsV1),
        /// The result of a `browser` probe.
        Browser(facts: BrowserFactsV1),
        /// The result of a `turn` or `own_udp` probe.
        Turn(facts: TurnFactsV1),
        /// The result of a `hold` probe.
        Hold(facts: HoldFactsV1),
        /// The result of an `rtmp` probe.
        Rtmp(facts: RtmpFactsV1),
        /// The result of a `service` probe.
        Service(facts: ServiceFactsV1),
        /// The result of a `udp` probe.
        Udp(facts: UdpFactsV1),
        /// The result of an `echo` probe.
        Echo(facts: EchoFactsV1),
        /// The result of a `responder` probe.
        Responder(facts: ResponderFactsV1),
        /// The result of an `authority` probe.
        Authority(facts: AuthorityFactsV1),
        /// The result of a `call` probe.
        Call(facts: Box<CallFactsV1>),
        /// The result of a `host` probe.
        Host(facts: Box<HostFactsV1>),
        /// The result of a `proxy_configuration` probe.
        ProxyConfiguration(facts: Box<ProxyFactsV1>),
        /// The result of an `openvidu_configuration` probe.
        OpenviduConfiguration(facts: Box<OpenviduFactsV1>),
    }
}
