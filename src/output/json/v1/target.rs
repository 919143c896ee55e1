//! What a check is about.

use super::publish::{PublishedAs, published};
use super::values::{AddressV1, DomainNameV1, NodeNameV1, PortsV1, ServerTextV1};
use super::words::{TransportV1, WayV1};
use crate::model::target::{CandidateTarget, SettingTarget, Target};

published! {
    /// What a check is about. A field that does not matter for it is null.
    struct TargetV1 from Target {
        /// The node.
        node: Option<NodeNameV1>,
        /// The name in SNI, in `Host` or in the DNS question.
        host: Option<DomainNameV1>,
        /// The address.
        address: Option<AddressV1>,
        /// The transport.
        transport: Option<TransportV1>,
        /// The port, or the range of ports.
        port: Option<PortsV1>,
        /// The STUN or TURN URI, as the server named it to participants.
        turn_url: Option<ServerTextV1>,
        /// The ICE candidate of the server, without its port, which changes with every session.
        candidate: Option<CandidateTargetV1>,
        /// The way that media takes.
        way: Option<WayV1>,
        /// The setting in a configuration file.
        setting: Option<SettingTargetV1>,
    }

    /// A setting in a configuration file.
    struct SettingTargetV1 from SettingTarget {
        /// The file.
        file: ServerTextV1,
        /// The directive or key.
        name: ServerTextV1,
    }

    /// An ICE candidate of the server.
    enum CandidateTargetV1 from CandidateTarget {
        /// Where it is.
        Address {
            /// The transport.
            transport: TransportV1,
            /// The address.
            address: AddressV1,
        },
        /// The candidate itself, if no address can be read in it.
        Unreadable(text: ServerTextV1),
    }
}
