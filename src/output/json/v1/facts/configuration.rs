//! What configuration files say.

use crate::model::configuration::ProxyKind;
use crate::model::facts::{OpenviduFacts, ProxyFacts};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::ServerTextV1;

/// What the proxy's configuration says. The `traces` of the report show where it leads.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct ProxyFactsV1 {
    /// The kind of proxy.
    #[serde(rename = "proxy")]
    kind: ProxyKindV1,
    /// The files that were read, in order.
    files: Vec<ServerTextV1>,
}

impl PublishedAs<ProxyFactsV1> for ProxyFacts {
    fn published(&self) -> ProxyFactsV1 {
        ProxyFactsV1 { kind: self.kind.published(), files: self.files.published() }
    }
}

published! {
    /// A kind of proxy.
    enum ProxyKindV1 from ProxyKind {
        /// nginx.
        Nginx,
        /// HAProxy.
        Haproxy,
        /// Caddy.
        Caddy,
        /// Traefik.
        Traefik,
    }
}

/// What OpenVidu's own configuration says.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct OpenviduFactsV1 {
    /// The files that were read, in order.
    files: Vec<ServerTextV1>,
}

impl PublishedAs<OpenviduFactsV1> for OpenviduFacts {
    fn published(&self) -> OpenviduFactsV1 {
        let files = self.files.iter().map(|file| file.path.published());
        OpenviduFactsV1 { files: files.collect() }
    }
}
