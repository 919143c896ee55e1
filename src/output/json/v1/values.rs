//! The smallest parts of a report: texts and numbers that keep to a form.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::publish::{PublishedAs, published};
use crate::model::facts::ServerText;
use crate::model::name::{BucketName, DomainName, NodeName};
use crate::model::plan::ProbeIndex;
use crate::model::port::{Port, PortRange};
use crate::model::rule::RuleId;
use crate::model::timestamp::Timestamp;
use crate::model::url::Origin;

published! {
    /// An IPv4 or IPv6 address.
    #[schemars(extend("anyOf" = [{"format": "ipv4"}, {"format": "ipv6"}]))]
    text AddressV1 from IpAddr;

    /// An address and a port, such as `203.0.113.7:443` or `[2001:db8::7]:443`.
    #[schemars(extend("pattern" = r"^([0-9.]+|\[[0-9a-f:.]+(%[0-9]+)?\]):[0-9]{1,5}$"))]
    text SocketAddressV1 from SocketAddr;

    /// A DNS name in lower case, without the final dot.
    #[schemars(extend("format" = "hostname"))]
    text DomainNameV1 from DomainName;

    /// The name of a bucket of an S3 server.
    text BucketNameV1 from BucketName;

    /// The name of a node, as the deployment file or `--node` gives it.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]{0,31}$"))]
    text NodeNameV1 from NodeName;

    /// The id of a rule, `family/slug`. The slug says what should hold. `ovcheck explain` describes
    /// the rule.
    #[schemars(extend("pattern" = "^[a-z0-9-]+/[a-z0-9-]+$"))]
    text RuleIdV1 from RuleId;

    /// The id of an observation in this report; `obs-1` is the first.
    #[schemars(extend("pattern" = "^obs-[1-9][0-9]*$"))]
    text ObservationIdV1 from ProbeIndex;

    /// The origin of a web page, such as `http://login.example:8080`.
    #[schemars(extend("pattern" = r"^https?://[a-z0-9.:\[\]-]+$"))]
    text OriginV1 from Origin;

    /// Text that a server sent, at most 200 characters of it. Control characters and invisible
    /// characters are replaced by `·`. Do not trust it.
    #[schemars(extend("maxLength" = ServerText::LIMIT))]
    text ServerTextV1 from ServerText as |text| text.unquoted().to_owned();
}

/// A point in time, in UTC to the second (RFC 3339).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("format" = "date-time", "pattern" = "Z$"))]
pub struct TimeV1(String);

impl PublishedAs<TimeV1> for Timestamp {
    fn published(&self) -> TimeV1 {
        // The years 0 to 9999: RFC 3339 has no others, and a certificate may.
        let seconds = self.unix_seconds().clamp(-62_167_219_200, 253_402_300_799);
        TimeV1(Timestamp::from_unix_seconds(seconds).to_string())
    }
}

/// A TCP or UDP port.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("minimum" = 1, "maximum" = 65_535))]
pub struct PortV1(u16);

impl PublishedAs<PortV1> for Port {
    fn published(&self) -> PortV1 {
        PortV1(self.number())
    }
}

/// One port as a number, or a range of ports as an object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PortsV1 {
    /// One port.
    Port(PortV1),
    /// All ports from `first` to `last`, both included.
    Range {
        /// The lowest port.
        first: PortV1,
        /// The highest port.
        last: PortV1,
    },
}

impl PublishedAs<PortsV1> for PortRange {
    fn published(&self) -> PortsV1 {
        match self.single() {
            Some(port) => PortsV1::Port(port.published()),
            None => {
                PortsV1::Range { first: self.first().published(), last: self.last().published() }
            }
        }
    }
}
