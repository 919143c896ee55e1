//! The flags that describe a deployment and how to look at it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::deployment::{Edition, Policy, RtcEngine, Topology};
use crate::model::dial::{ConnectTo, Resolve};
use crate::model::name::DomainName;
use crate::model::probe::UdpRate;
use crate::model::vantage::Zone;

use super::StunServer;
use super::value::{self, Features, ModuleList, NodeFlag, PrivateFlag};

const DEPLOYMENT: &str = "The deployment";
const VANTAGE: &str = "Where we look from";
const DIALLING: &str = "Checking before the DNS switch";
const CALL: &str = "The call";
const LIMITS: &str = "Time and rate";

/// What the flags say; every one of them can also stand in the environment and in the deployment
/// file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// The domain name of the deployment; the same as --domain-name
    #[arg(value_name = "DOMAIN", conflicts_with = "domain_name", value_parser = value::domain_name)]
    pub domain: Option<DomainName>,

    /// The deployment file [default: ovcheck.toml here, if there is one]
    #[arg(long, value_name = "FILE", help_heading = DEPLOYMENT)]
    pub config: Option<PathBuf>,

    /// The domain name of the deployment
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    pub domain_name: Option<DomainName>,

    /// The domain name of TURN with TLS, where there is one
    #[arg(long, value_name = "NAME", help_heading = DEPLOYMENT, value_parser = value::domain_name)]
    pub turn_domain_name: Option<DomainName>,

    /// The deployment type [default: single-node]
    #[arg(long, value_name = "TYPE", help_heading = DEPLOYMENT)]
    pub topology: Option<Topology>,

    /// Which way media is meant to take [default: default]
    #[arg(long, value_name = "POLICY", help_heading = DEPLOYMENT)]
    pub policy: Option<Policy>,

    /// The edition of the guide to judge by [default: 3.2]
    #[arg(long, value_name = "EDITION", help_heading = DEPLOYMENT)]
    pub guide: Option<Edition>,

    /// The WebRTC engine of OpenVidu PRO [default: pion]
    #[arg(long, value_name = "ENGINE", help_heading = DEPLOYMENT)]
    pub rtc_engine: Option<RtcEngine>,

    /// The optional features in use, of rtmp, whip, ice-tcp and public-minio, or `none`
    ///
    /// What is in use must be open; with this flag, what is not in use and open is a warning.
    /// Without it either is right.
    #[arg(long, value_name = "FEATURE[,FEATURE]", help_heading = DEPLOYMENT)]
    pub uses: Option<Features>,

    /// The modules that are enabled, of observability, app (up to 3.3), openviduMeet (since 3.4)
    /// and v2compatibility, or `none`; as the installer takes them
    #[arg(long, value_name = "MODULE[,MODULE]", help_heading = DEPLOYMENT)]
    pub enabled_modules: Option<ModuleList>,

    /// A machine and its addresses, `proxy=ADDR,ADDR` or `openvidu=ADDR` (repeatable)
    ///
    /// The roles are proxy, openvidu (Single Node), master and media (Elastic, High Availability).
    /// Where the name is no role, say it too: media-1:media=203.0.113.21.
    #[arg(long, value_name = "NAME=ADDR[,ADDR]", help_heading = DEPLOYMENT)]
    pub node: Vec<NodeFlag>,

    /// The addresses of a machine as the other machines reach it (repeatable)
    ///
    /// They are dialled instead of the addresses of --node when we stand inside the deployment.
    #[arg(long, value_name = "NODE=ADDR[,ADDR]", help_heading = DEPLOYMENT)]
    pub private_address: Vec<PrivateFlag>,

    /// The directory of rule files to judge by [default: those inside the program]
    #[arg(long, value_name = "DIR", help_heading = DEPLOYMENT)]
    pub rules: Option<PathBuf>,

    /// Where we stand
    ///
    /// Without it: in the zone of the machine whose address is ours, otherwise on the internet.
    #[arg(long, value_name = "ZONE", help_heading = VANTAGE)]
    pub zone: Option<Zone>,

    /// A name for this place in the reports
    #[arg(long, value_name = "NAME", help_heading = VANTAGE, value_parser = value::vantage_name)]
    pub vantage_name: Option<String>,

    /// The DNS server to ask [default: the system's]
    #[arg(long, value_name = "ADDR[:PORT]", help_heading = VANTAGE, value_parser = value::dns_server)]
    pub dns_server: Option<SocketAddr>,

    /// A file of root certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = VANTAGE)]
    pub ca_file: Option<PathBuf>,

    /// A STUN server outside the deployment, to see whether our own UDP gets out and back
    /// (repeatable)
    ///
    /// A name stands for its addresses in both families. Without it silence on UDP proves less.
    #[arg(long, value_name = "NAME:PORT", help_heading = VANTAGE, value_parser = value::stun_server)]
    pub stun_server: Vec<StunServer>,

    /// Dial another address and port than the one meant, as curl does (repeatable)
    ///
    /// An empty first part means any, an empty second part keeps what was meant; the first port
    /// may be a range; IPv6 addresses stand in brackets.
    #[arg(long, value_name = "ADDR:PORT:ADDR:PORT", help_heading = DIALLING, value_parser = value::connect_to)]
    pub connect_to: Vec<ConnectTo>,

    /// Use these addresses for a name and port instead of those in the DNS (repeatable)
    ///
    /// As curl does; `*` for the port means every port.
    #[arg(long, value_name = "NAME:PORT:ADDR[,ADDR]", help_heading = DIALLING, value_parser = value::resolve)]
    pub resolve: Vec<Resolve>,

    /// A file with an access token to join a call with; `-` is standard input
    ///
    /// With a token or an API key ovcheck joins once, hidden, and sends one check down each way
    /// that media can take. The server sees a room and a participant come and go, and so does
    /// whoever receives its webhooks: room_started, participant_connection_aborted, room_finished.
    /// The token itself can stand in OVCHECK_TOKEN.
    #[arg(long, value_name = "FILE", help_heading = CALL)]
    pub token_file: Option<PathBuf>,

    /// An API key to make tokens with, with the least rights and for 10 minutes
    ///
    /// The room has a name of its own, and is deleted in the end.
    #[arg(long, value_name = "KEY", help_heading = CALL, value_parser = value::api_key)]
    pub api_key: Option<String>,

    /// A file with the secret of the API key; `-` is standard input
    ///
    /// The secret itself can stand in OVCHECK_API_SECRET, and nowhere else: a command line is seen
    /// by every user of the machine.
    #[arg(long, value_name = "FILE", help_heading = CALL)]
    pub api_secret_file: Option<PathBuf>,

    /// The HTTP proxy of our own network that a call goes through, or `none`
    /// [default: of HTTPS_PROXY and ALL_PROXY, unless NO_PROXY names the domain]
    ///
    /// Nothing but the call goes through it. A user name and a password for it can stand in
    /// OVCHECK_HTTP_PROXY and HTTPS_PROXY only.
    #[arg(long, value_name = "URL", help_heading = CALL)]
    pub http_proxy: Option<String>,

    /// See whether DTLS passes too where a check did, with one more join for each such way
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = CALL, value_parser = value::yes_or_no)]
    pub deep: Option<bool>,

    /// How long silence has to last before it counts, 0.2 to 30 s [default: 1.3]
    ///
    /// A lost first packet of a TCP connection is sent again after 1 s (RFC 6298): below 1.3 s one
    /// lost packet makes a port look closed. Only silence costs this time, and all silences wait
    /// together.
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::timeout)]
    pub timeout: Option<Duration>,

    /// How long a TURN connection without traffic is held, 1 to 120 s [default: until the time-out]
    ///
    /// The guide's proxy ends it after 30 s: with 31 a pass of turn/turns-holds-idle is proven. The
    /// run takes as much longer.
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::hold)]
    pub hold: Option<Duration>,

    /// How long the whole run may take, 1 to 600 s [default: 15, or longer where
    /// --timeout, --hold, --udp-rate or --find-extent needs it]
    #[arg(long, value_name = "SECONDS", help_heading = LIMITS, value_parser = value::deadline)]
    pub deadline: Option<Duration>,

    /// How many UDP datagrams a second go to one address, 100 to 100000 [default: 20000]
    ///
    /// Where a whole range has to be closed, every port of it is asked twice: some 20,000 small
    /// datagrams to each address. Slower takes longer, and so may the deadline.
    #[arg(long, value_name = "NUMBER", help_heading = LIMITS, value_parser = value::udp_rate)]
    pub udp_rate: Option<UdpRate>,

    /// Find out from where to where a UDP range is open or blocked in part
    ///
    /// Where some ports of a range answer and others do not, the edges in between are looked for,
    /// behind everything else: in 28 steps for each address at most, about one a second, of three
    /// small datagrams each. Takes up to 30 s, which the deadline needs too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = LIMITS, value_parser = value::yes_or_no)]
    pub find_extent: Option<bool>,
}

/// Where a value is taken from when several places give one.
pub const SOURCES_HELP: &str = "\
Where values come from:
  Flags under the headings about the deployment, the place we look from, dialling, the call and time can also
  stand in the environment (--turn-domain-name as OVCHECK_TURN_DOMAIN_NAME; several nodes and the
  like separated by spaces) and in the deployment file (turn-domain-name = \"…\").
  A flag goes before the environment, the environment before the file. An empty variable counts as
  not set. Paths in the file start from the file's own directory.";
