//! What a call came to: the ways for media, and what stops them.

use super::finding::ReasonCodeV1;
use super::open::open_kinds;
use super::publish::{PublishedAs, published};
use super::values::{AddressV1, DomainNameV1, NodeNameV1, OriginV1, PortV1, PortsV1, ServerTextV1};
use super::words::{TransportV1, WayV1};
use crate::model::call::{
    Addressee, CallSummary, Cause, CauseSign, Certainty, Contact, DocumentedPath, Help,
    NetworkCause, NodeWay, NodeWays, Responsible, State, Step, Stop, WaySummary,
};
use crate::model::seen::CallSeen;
use crate::output::call::{cause, words};
use crate::output::text;

impl PublishedAs<String> for CallSeen {
    fn published(&self) -> String {
        text::clean(&words::seen(self))
    }
}

impl PublishedAs<String> for CauseSign {
    fn published(&self) -> String {
        text::clean(&cause::sign(self))
    }
}

published! {
    /// The result of a call from this vantage.
    struct CallSummaryV1 from CallSummary {
        /// The join, without which no way works.
        join: ContactV1,
        /// One entry for each way, in the order in which browsers prefer them. With calls on several
        /// Media Nodes: its state on the node where it got least far, and the contacts of all.
        ways: Vec<WaySummaryV1>,
        /// The ways by Media Node, if several are declared and the run looked for a call on each; else
        /// empty. The declared nodes come first, in their order.
        nodes: Vec<NodeWaysV1>,
        /// Problems of the network between this machine and the deployment that explain what stops;
        /// the most certain first.
        causes: Vec<CauseV1>,
        /// The addresses of this machine as the deployment sees them, each once.
        seen_as: Vec<AddressV1>,
        /// Who can remove what stops calls.
        help: HelpV1,
        /// If the join failed: what media needs by the guide under this policy, not confirmed by the
        /// server. Empty after a join.
        documented: Vec<DocumentedPathV1>,
    }

    /// The ways of the calls that were on one Media Node.
    struct NodeWaysV1 from NodeWays {
        /// The declared node. Empty if the calls were on no declared node; several if these share the
        /// address, so that it is not known which of them it was.
        nodes: Vec<NodeNameV1>,
        /// The addresses at which the calls offered media.
        addresses: Vec<AddressV1>,
        /// One entry for each way; empty if no call was on the node, which is then not tested.
        ways: Vec<NodeWayV1>,
    }

    /// One way on one Media Node.
    struct NodeWayV1 from NodeWay {
        /// The way.
        way: WayV1,
        /// How far it got.
        state: StateV1,
        /// Whether only small packets pass, and packets of the size of media are lost.
        small_packets_only: bool,
        /// Whether the policy of the deployment closes this way, as far as ovcheck was told.
        closed_on_purpose: bool,
    }

    /// What media needs by one way, by the guide.
    struct DocumentedPathV1 from DocumentedPath {
        /// The way.
        way: WayV1,
        /// The name of TURN over TLS, if it was declared. Every other way is needed at each machine
        /// that carries media.
        name: Option<DomainNameV1>,
        /// The transport.
        transport: TransportV1,
        /// The ports.
        ports: PortsV1,
    }

    /// Who can remove what stops calls.
    struct HelpV1 from Help {
        /// The most likely one first; empty if there is nothing to remove.
        who: Vec<AddresseeV1>,
        /// Whether all of them are needed. If false, one of them is, and another test must decide.
        decided: bool,
    }

    /// People who can remove something that stops calls. A later minor version may add some.
    enum AddresseeV1 from Addressee {
        /// The person at this computer.
        User,
        /// The administrator of this network.
        NetworkAdministrator,
        /// The operator of the deployment.
        Operator,
        /// The person who issued the credentials of the call.
        TokenIssuer,
    }

    /// The result of one way.
    struct WaySummaryV1 from WaySummary {
        /// The way.
        way: WayV1,
        /// The state of the contact that got farthest.
        state: StateV1,
        /// Whether only small packets pass, and packets of the size of media are lost.
        small_packets_only: bool,
        /// Whether the start of DTLS passes where the ICE check does; null if that was not tried.
        dtls_passes: Option<bool>,
        /// Whether the policy of the deployment closes this way, as far as ovcheck was told.
        closed_on_purpose: bool,
        /// Every place of the deployment that was contacted for this way.
        contacts: Vec<ContactV1>,
    }

    /// A place of the deployment that was contacted, and what came of it.
    struct ContactV1 from Contact {
        /// The name; null if the place is reached by address.
        name: Option<DomainNameV1>,
        /// The address; null if the name has none, or an HTTP proxy resolves it.
        address: Option<AddressV1>,
        /// The transport.
        transport: TransportV1,
        /// The port.
        port: PortV1,
        /// The ports from which the server takes a new one for each call; null if it uses one port.
        range: Option<PortsV1>,
        /// Whether it is contacted over TLS.
        tls: bool,
        /// Whether only the server named this place: the address or the name is not one of the
        /// deployment as far as ovcheck was told, or the guide has no such port.
        named_by_server: bool,
        /// How far it got.
        state: StateV1,
        /// When it was contacted, in milliseconds after the start of the run; null if it was not.
        tried_ms: Option<u64>,
    }

    /// How far a way or a contact got.
    #[serde(tag = "state")]
    enum StateV1 from State {
        /// It works.
        Works {
            /// The time until the ICE check or the join was answered, in milliseconds.
            took_ms: u64,
        },
        /// It stops at one step.
        Stops(stop: StopV1),
        /// The server does not offer it to participants.
        NotOffered,
        /// It is not known, because of this machine or because an earlier step failed.
        Unknown {
            /// The reason, in words.
            why: String,
        },
    }

    /// Where something stops.
    struct StopV1 from Stop {
        /// The step.
        at: StepV1,
        /// Why, as a word for programs.
        reason: ReasonCodeV1,
        /// What was seen, in words.
        why: String,
        /// How sure it is that the users of the deployment meet this stop.
        certainty: CertaintyV1,
        /// Who can remove what stops it.
        responsible: ResponsibleV1,
    }

    /// How sure it is that the users of the deployment meet a stop.
    enum CertaintyV1 from Certainty {
        /// The packets allow no other explanation.
        Proven,
        /// It is the likely explanation.
        Suspected,
        /// The network of this machine or a temporary problem may be the cause.
        CannotTell,
    }

    /// Who can remove what stops a call. A later minor version may add some.
    enum ResponsibleV1 from Responsible {
        /// This computer: its clock, its firewall or its settings.
        ThisComputer,
        /// The person who issued the credentials of the call.
        Credentials,
        /// The network of this machine.
        ThisNetwork,
        /// The HTTP proxy of this network.
        HttpProxy,
        /// A device on the path, in whatever network.
        OnPath,
        /// The proxy of the deployment.
        DeploymentProxy,
        /// The deployment, behind its proxy or beside it.
        Deployment,
        /// Most likely the deployment; a device on the path could look the same.
        DeploymentOrPath,
        /// The packets do not tell.
        NotKnown,
    }

    /// The steps of a way, in order.
    enum StepV1 from Step {
        /// The name has an address.
        Dns,
        /// The address can be reached at all.
        Address,
        /// The HTTP proxy of this network accepts the connection.
        HttpProxy,
        /// The server accepts a TCP connection.
        Tcp,
        /// A TLS handshake completes.
        Tls,
        /// The certificate is the server's.
        Certificate,
        /// LiveKit accepts the join.
        Join,
        /// The TURN server grants a relay.
        Allocation,
        /// The relay permits the media port.
        Permission,
        /// The media port answers an ICE check.
        Check,
        /// DTLS passes where the ICE check did.
        Dtls,
    }

    /// A problem of the network between this machine and the deployment.
    struct CauseV1 from Cause {
        /// The problem.
        #[serde(flatten)]
        cause: NetworkCauseV1,
        /// Whether the packets allow no other explanation.
        certain: bool,
        /// What shows it, in words.
        shown_by: String,
    }

    /// What the problem is. A later minor version may add problems.
    #[serde(tag = "cause")]
    #[schemars(transform = open_kinds("cause"))]
    enum NetworkCauseV1 from NetworkCause {
        /// A captive portal (a login page) answers instead of the deployment.
        CaptivePortal {
            /// The origin (scheme, host, port) of the page to which it redirects; null if it does not
            /// redirect, or not to a plain http or https URL.
            page: Option<OriginV1>,
        },
        /// A device on the path decrypts TLS and presents its own certificate.
        TlsInspection {
            /// The name in the certificate.
            host: String,
            /// The issuer of the certificate.
            issuer: ServerTextV1,
        },
        /// A web filter answers instead of the deployment.
        Filtered {
            /// The name that it refuses.
            host: DomainNameV1,
            /// The product that is known to answer so.
            who: String,
        },
        /// The DNS of this network gives an address that cannot be the deployment's, or none.
        ResolverLies {
            /// The name.
            name: DomainNameV1,
            /// The addresses that the DNS gives for it.
            addresses: Vec<AddressV1>,
        },
        /// The web is reachable through an HTTP proxy only.
        ProxyNeeded {
            /// The proxy as `host:port`.
            proxy: String,
        },
        /// The HTTP proxy of this network refuses the connection.
        ProxyRefuses {
            /// The proxy as `host:port`.
            proxy: String,
        },
        /// HTTP on its own port passes, connections for HTTPS do not.
        HttpOnly,
        /// Nothing reaches the deployment.
        NothingLeaves,
        /// TCP for the web passes, UDP does not.
        UdpBlocked,
        /// The firewall of this computer blocks what a call sends.
        OwnFirewall,
        /// The clock of this computer is wrong, or the server's is.
        OwnClock {
            /// By how many seconds the server's clock is ahead of the clock of this computer.
            ahead_s: i64,
        },
    }
}
