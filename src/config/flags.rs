//! The flags that describe a deployment and how to check it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::deployment::{Edition, Policy, RtcEngine, Topology};
use crate::model::dial::{ConnectTo, Resolve, StunServer};
use crate::model::name::DomainName;
use crate::model::probe::{SweepTarget, UdpRate};
use crate::model::vantage::Zone;

use super::value::{self, Features, ModuleList, NodeFlag, PrivateFlag};

const DEPLOYMENT: &str = "Deployment";
const VANTAGE: &str = "Vantage point";
const DIALLING: &str = "Checking before a DNS change";
const CALL: &str = "Call";
const LIMITS: &str = "Timing and rate";

/// The values of the flags. Each can also be set in the environment and in the deployment file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// Domain name of the deployment; same as --domain-name
    #[arg(value_name = "DOMAIN", conflicts_with = "domain_name", value_parser = value::domain_name)]
    pub domain: Option<DomainName>,

    /// Deployment file [default: ovcheck.toml in the working directory, if it exists]
    #[arg(long, value_name = "FILE", help_heading = DEPLOYMENT)]
    pub config: Option<PathBuf>,

    /// Domain name of the deployment
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    pub domain_name: Option<DomainName>,

    /// Domain name for TURN over TLS, if the deployment has one
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    pub turn_domain_name: Option<DomainName>,

    /// Deployment type [default: single-node]
    #[arg(long, value_name = "TYPE", help_heading = DEPLOYMENT,
        value_parser = value::word_parser::<Topology>())]
    pub topology: Option<Topology>,

    /// How media is expected to reach clients [default: default]
    #[arg(long, value_name = "POLICY", help_heading = DEPLOYMENT,
        value_parser = value::word_parser::<Policy>())]
    pub policy: Option<Policy>,

    /// Edition of the guide to check against: the installed version of OpenVidu, 3.0 to 3.9
    /// [default: the newest that fits what the server shows]
    #[arg(long, value_name = "EDITION", help_heading = DEPLOYMENT, value_parser = value::edition)]
    pub guide: Option<Edition>,

    /// WebRTC engine of OpenVidu PRO [default: pion]
    #[arg(long, value_name = "ENGINE", help_heading = DEPLOYMENT,
        value_parser = value::word_parser::<RtcEngine>())]
    pub rtc_engine: Option<RtcEngine>,

    /// Optional features in use: rtmp, whip, ice-tcp, public-minio, or `none`
    ///
    /// The ports of a feature in use must be open. If this flag is set, an open port of a feature that
    /// is not in use is a warning. If it is omitted, these ports may be open or closed.
    #[arg(long, value_name = "FEATURE[,FEATURE]", help_heading = DEPLOYMENT)]
    pub uses: Option<Features>,

    /// Enabled modules, by the names that the installer uses: observability, app (up to 3.3),
    /// openviduMeet (since 3.4), v2compatibility, or `none`
    #[arg(long, value_name = "MODULE[,MODULE]", help_heading = DEPLOYMENT)]
    pub enabled_modules: Option<ModuleList>,

    /// A machine and its addresses, such as `proxy=ADDR,ADDR` or `openvidu=ADDR` (repeatable)
    ///
    /// The roles are proxy, openvidu (Single Node), master and media (Elastic, High Availability).
    /// If the name is not a role, add the role: media-1:media=203.0.113.21.
    #[arg(long, value_name = "NAME=ADDR[,ADDR]", help_heading = DEPLOYMENT)]
    pub node: Vec<NodeFlag>,

    /// Addresses at which the other machines of the deployment reach a machine (repeatable)
    ///
    /// If ovcheck runs inside the deployment, it uses these addresses instead of those of --node.
    #[arg(long, value_name = "NODE=ADDR[,ADDR]", help_heading = DEPLOYMENT)]
    pub private_address: Vec<PrivateFlag>,

    /// File with more machines, one in a line: NAME ROLE ADDRESS…; `-` is standard input
    ///
    /// For deployments that scale: from an inventory, a cloud's command line or Terraform. A machine of
    /// the list replaces the one of that name in the deployment file; --node replaces both. `#` begins
    /// a comment.
    #[arg(long, value_name = "FILE", help_heading = DEPLOYMENT)]
    pub nodes_from: Option<PathBuf>,

    /// Directory of rule files to use [default: the built-in rules]
    #[arg(long, value_name = "DIR", help_heading = DEPLOYMENT)]
    pub rules: Option<PathBuf>,

    /// The network zone of this machine
    ///
    /// If omitted, ovcheck compares this machine's addresses with the declared nodes and otherwise
    /// assumes `internet`.
    #[arg(long, value_name = "ZONE", help_heading = VANTAGE,
        value_parser = value::word_parser::<Zone>())]
    pub zone: Option<Zone>,

    /// Name of this vantage point in reports
    #[arg(long, value_name = "NAME", help_heading = VANTAGE, value_parser = value::vantage_name)]
    pub vantage_name: Option<String>,

    /// DNS server to query [default: the system's DNS servers]
    #[arg(long, value_name = "ADDR[:PORT]", help_heading = VANTAGE, value_parser = value::dns_server)]
    pub dns_server: Option<SocketAddr>,

    /// PEM file of root certificates to trust in addition to the system's
    #[arg(long, value_name = "FILE", help_heading = VANTAGE)]
    pub ca_file: Option<PathBuf>,

    /// STUN server outside the deployment, to verify that UDP works from this machine (repeatable)
    ///
    /// A name is resolved to its IPv4 and IPv6 addresses. Without a STUN server, a silent UDP port is
    /// weaker evidence.
    #[arg(long, value_name = "NAME:PORT", help_heading = VANTAGE, value_parser = value::stun_server)]
    pub stun_server: Vec<StunServer>,

    /// Connect to another address and port, like curl's --connect-to (repeatable)
    ///
    /// The first ADDR:PORT is the original destination, the second its replacement. An empty ADDR or
    /// PORT matches any destination, or keeps the original one. The first port can be a range. Write
    /// IPv6 addresses in brackets.
    #[arg(long, value_name = "ADDR:PORT:ADDR:PORT", help_heading = DIALLING, value_parser = value::connect_to)]
    pub connect_to: Vec<ConnectTo>,

    /// Use these addresses for a name and port instead of querying DNS, like curl's --resolve
    /// (repeatable)
    ///
    /// `*` as the port means every port.
    #[arg(long, value_name = "NAME:PORT:ADDR[,ADDR]", help_heading = DIALLING, value_parser = value::resolve)]
    pub resolve: Vec<Resolve>,

    /// File with the access token to join a call; `-` reads standard input
    ///
    /// With a token or an API key, ovcheck joins a room once and sends one check along each media path.
    /// With an API key the participant is hidden, with a token if it has the grant `hidden`. The server
    /// sends its webhooks for this room: room_started, participant_connection_aborted, room_finished.
    /// With an API key and several declared Media Nodes, `ovcheck check` opens more rooms until each node
    /// has carried a call, up to 16 for two nodes and 66 for many; `ovcheck plan` says how many. You can also set the token itself in
    /// OVCHECK_TOKEN.
    #[arg(long, value_name = "FILE", help_heading = CALL)]
    pub token_file: Option<PathBuf>,

    /// API key with which to create access tokens
    ///
    /// The tokens have the fewest permissions possible and are valid for 10 minutes. ovcheck creates a
    /// room of its own and deletes it afterwards.
    #[arg(long, value_name = "KEY", help_heading = CALL, value_parser = value::api_key)]
    pub api_key: Option<String>,

    /// File with the secret of the API key; `-` reads standard input
    ///
    /// You can also set the secret itself in OVCHECK_API_SECRET. No flag takes the secret, because
    /// every user of the machine can read the command line.
    #[arg(long, value_name = "FILE", help_heading = CALL)]
    pub api_secret_file: Option<PathBuf>,

    /// HTTP proxy of this network to use for the call, or `none`
    /// [default: HTTPS_PROXY or ALL_PROXY, unless NO_PROXY contains the domain]
    ///
    /// Only the call uses the proxy. If the proxy needs a user name and a password, set its URL in
    /// OVCHECK_HTTP_PROXY or HTTPS_PROXY instead of this flag.
    #[arg(long, value_name = "URL", help_heading = CALL)]
    pub http_proxy: Option<String>,

    /// Also test DTLS on each media path that works, with one additional join per path [default: only
    /// in `ovcheck call`]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = CALL, value_parser = value::yes_or_no)]
    pub deep: Option<bool>,

    /// Seconds to wait for a response before treating a port as silent (0.2 to 30) [default: 1.3; on Windows 2.5]
    ///
    /// TCP resends a lost first packet after 1 second (RFC 6298). With less than 1.3 seconds, one lost
    /// packet makes an open port look closed. Only silent ports cost this time, and ovcheck waits for
    /// all of them at once.
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::timeout)]
    pub timeout: Option<Duration>,

    /// Seconds to hold a TURN connection without traffic (1 to 120) [default: the value of --timeout]
    ///
    /// The guide's proxy closes such a connection after 30 seconds, so 31 proves a pass of
    /// turn/idle-connection-kept. The run takes that much longer.
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::hold)]
    pub hold: Option<Duration>,

    /// Maximum duration of the run in seconds (1 to 600) [default: 15, or more if --timeout, --hold,
    /// --find-extent or the number of UDP datagrams requires it]
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::deadline)]
    pub deadline: Option<Duration>,

    /// UDP datagrams per second to all addresses together (100 to 200000) [default: 50000]
    ///
    /// If a whole port range must be closed, ovcheck sends two small datagrams to every port of it:
    /// about 20,000 datagrams to each address, and at most 20,000 per second to one address. A lower
    /// rate makes the run longer and extends the default deadline. `ovcheck plan` shows how many
    /// datagrams a run sends and how long they take.
    #[arg(long, value_name = "NUMBER", help_heading = LIMITS, value_parser = value::udp_rate)]
    pub udp_rate: Option<UdpRate>,

    /// Address, or name of a node, whose closed UDP ranges are tested port by port (repeatable)
    ///
    /// Without this flag, ovcheck sends datagrams to every port of a range only where something of
    /// this deployment answers during the run: its certificate, its API, STUN, or WebRTC over TCP. A
    /// machine that answers nothing from here may not be yours.
    #[arg(long, value_name = "ADDR|NODE", help_heading = LIMITS, value_parser = value::sweep)]
    pub sweep: Vec<SweepTarget>,

    /// Allow a run to send more than 250,000 datagrams to closed UDP ranges (about 12 addresses)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = LIMITS, value_parser = value::yes_or_no)]
    pub allow_large_sweep: Option<bool>,

    /// Find the limits of a UDP range that is only partly open or partly blocked
    ///
    /// If some ports of a range respond and others do not, ovcheck searches for the limits in
    /// between after all other probes: at most 28 steps per address, about one per second, with
    /// three small datagrams each. Takes up to 30 seconds and extends the default deadline.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = LIMITS, value_parser = value::yes_or_no)]
    pub find_extent: Option<bool>,
}

/// The part of the help that explains the sources of a value and their order.
pub const SOURCES_HELP: &str = "\
Configuration sources:
  \
The flags about the deployment, the vantage point, DNS changes, the call, timing and rate can also \
be set as environment variables and in the deployment file. For example, --turn-domain-name is \
OVCHECK_TURN_DOMAIN_NAME in the environment and turn-domain-name = \"…\" in the file. In a variable, \
separate several values with spaces.
  \
Flags override environment variables, which override the file. An empty variable counts as not set. \
Paths in the file are relative to the directory of the file.";
