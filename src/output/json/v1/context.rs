//! What a run was about, and how it looked.

use schemars::JsonSchema;
use serde::Serialize;

use super::open::open_words;
use super::publish::{PublishedAs, published};
use super::values::{
    AddressV1, DomainNameV1, NodeNameV1, PortV1, PortsV1, SocketAddressV1, TimeV1,
};
use super::words::{
    CredentialKindV1, FeatureV1, ModuleV1, NodeRoleV1, PolicyV1, RtcEngineV1, TopologyV1, ZoneV1,
};
use crate::model::context::{ConfigLines, InputFiles, NodeLine, Redaction, RunOptions};
use crate::model::deployment::{Deployment, Node};
use crate::model::dial::{ConnectTo, Resolve, StunServer};
use crate::model::edition::{ChosenBy, EditionChoice, EditionSign};
use crate::model::probe::UdpRate;
use crate::model::selection::{Selection, Selector};
use crate::model::vantage::Vantage;
use crate::model::vantages::MergedRun;

/// The deployment, as the operator declared it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeploymentV1 {
    /// The deployment type (`--topology`).
    pub topology: TopologyV1,
    /// How media is expected to reach clients (`--policy`).
    pub policy: PolicyV1,
    /// The domain name (`--domain-name`).
    pub domain: DomainNameV1,
    /// The domain name of TURN over TLS (`--turn-domain-name`); null if there is none.
    pub turn_domain: Option<DomainNameV1>,
    /// The WebRTC engine (`--rtc-engine`).
    pub rtc_engine: RtcEngineV1,
    /// The optional features in use (`--uses`); null if they were not declared.
    pub uses: Option<Vec<FeatureV1>>,
    /// The enabled modules (`--enabled-modules`); null if they were not declared.
    pub enabled_modules: Option<Vec<ModuleV1>>,
    /// The machines (`--node`, `--private-address`); empty if none was declared.
    pub nodes: Vec<NodeV1>,
}

impl PublishedAs<DeploymentV1> for Deployment {
    fn published(&self) -> DeploymentV1 {
        // The edition is what the deployment is judged by: it is in `ruleset`.
        let Self {
            edition: _,
            topology,
            policy,
            domain,
            turn_domain,
            rtc_engine,
            uses,
            modules,
            nodes,
        } = self;
        DeploymentV1 {
            topology: topology.published(),
            policy: policy.published(),
            domain: domain.published(),
            turn_domain: turn_domain.published(),
            rtc_engine: rtc_engine.published(),
            uses: uses.published(),
            enabled_modules: modules.published(),
            nodes: nodes.published(),
        }
    }
}

/// Where the run looked from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VantageV1 {
    /// The operator's name for it (`--vantage-name`); null if it has none.
    pub name: Option<String>,
    /// The zone that the run was judged for: given with `--zone`, or found out by the addresses of
    /// this machine.
    pub zone: ZoneV1,
    /// The declared nodes that are this machine.
    pub runs_on: Vec<NodeNameV1>,
    /// The addresses of this machine, without loopback and link-local ones.
    pub addresses: Vec<AddressV1>,
    /// The DNS servers that were asked.
    pub dns_servers: Vec<SocketAddressV1>,
    /// The addresses of the STUN servers outside the deployment.
    pub stun_servers: Vec<SocketAddressV1>,
    /// The HTTP proxy that the environment of this machine names for the deployment, without user name
    /// and password; null if there is none. Checks do not use it.
    pub http_proxy: Option<String>,
}

impl PublishedAs<VantageV1> for Vantage {
    fn published(&self) -> VantageV1 {
        // `near` follows from the routes of the machine and the servers, for the judges only.
        let Self {
            name,
            zone,
            stands_on,
            addresses,
            dns_servers,
            stun_servers,
            near: _,
            http_proxy,
        } = self;
        VantageV1 {
            name: name.published(),
            zone: zone.published(),
            runs_on: stands_on.published(),
            addresses: addresses.published(),
            dns_servers: dns_servers.published(),
            stun_servers: stun_servers.published(),
            http_proxy: http_proxy.published(),
        }
    }
}

/// One of several runs of which the report was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MergedRunV1 {
    /// What the findings and observations call its vantage; unique in the report.
    pub label: String,
    /// Where it looked from.
    pub vantage: VantageV1,
    /// When it started.
    pub started_at: TimeV1,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// `false` if it was interrupted, or reached its deadline.
    pub complete: bool,
    /// The file of its recording; null if it was made for this report.
    pub recording: Option<String>,
}

impl PublishedAs<MergedRunV1> for MergedRun {
    fn published(&self) -> MergedRunV1 {
        // The observations say themselves whose they are.
        let Self { label, vantage, started_at, duration, complete, recording, observations: _ } =
            self;
        MergedRunV1 {
            label: label.published(),
            vantage: vantage.published(),
            started_at: started_at.published(),
            duration_ms: duration.published(),
            complete: *complete,
            recording: recording.published(),
        }
    }
}

published! {
    /// A machine of the deployment.
    struct NodeV1 from Node {
        /// The name.
        name: NodeNameV1,
        /// What it is there for.
        role: NodeRoleV1,
        /// The addresses by which users reach it.
        #[schemars(length(min = 1))]
        addresses: Vec<AddressV1>,
        /// The addresses by which the other machines of the deployment reach it.
        private_addresses: Vec<AddressV1>,
    }

    /// How the run looked: every flag that changes what it sends or where to, with its default
    /// where it was not given. The flags that decide the exit status are in `summary.gate`.
    struct OptionsV1 from RunOptions {
        /// What chose `ruleset.guide`.
        edition: EditionChoiceV1,
        /// `--zone`; null if it was not given.
        zone: Option<ZoneV1>,
        /// `--dns-server`; null: the DNS servers of the system.
        dns_server: Option<SocketAddressV1>,
        /// `--stun-server`.
        stun_server: Vec<StunServerV1>,
        /// `--resolve`: addresses that replace those in the DNS.
        resolve: Vec<ResolveV1>,
        /// `--connect-to`: addresses and ports that replace the intended ones.
        connect_to: Vec<ConnectToV1>,
        /// The HTTP proxy for the call as `host:port`, without user name and password; null if there
        /// was none.
        http_proxy: Option<String>,
        /// The credentials for the call; null: no call was made.
        credentials: Option<CredentialKindV1>,
        /// `--deep`: whether a call also starts DTLS.
        deep: bool,
        /// `--find-extent`: whether the edges in a range of UDP ports were searched.
        find_extent: bool,
        /// `--timeout`, in milliseconds.
        #[serde(rename = "timeout_ms")]
        #[schemars(range(min = 1))]
        timeout: u64,
        /// `--deadline` of the run, in milliseconds.
        #[serde(rename = "deadline_ms")]
        #[schemars(range(min = 1))]
        deadline: u64,
        /// `--hold`, in milliseconds; null: until the time-out.
        #[serde(rename = "hold_ms")]
        #[schemars(range(min = 1))]
        hold: Option<u64>,
        /// `--udp-rate`, in datagrams per second to all addresses together.
        #[schemars(range(min = 1))]
        udp_rate: u32,
        /// `--sweep`: the addresses whose closed ranges may be tested port by port, whatever answers
        /// there.
        sweep: Vec<AddressV1>,
        /// `--allow-large-sweep`: whether the run may send more than 250,000 datagrams to closed
        /// ranges.
        allow_large_sweep: bool,
        /// `--responder`: the nodes whose responders were asked.
        responder: Vec<NodeNameV1>,
        /// The rules that the run was asked about.
        selection: SelectionV1,
        /// `--redact`: what stand-ins replace in this report.
        redact: Vec<RedactionV1>,
    }

    /// What chose the edition of the guide.
    struct EditionChoiceV1 from EditionChoice {
        /// What chose it.
        by: ChosenByV1,
        /// What the server showed of its version; empty unless it chose.
        signs: Vec<EditionSignV1>,
    }

    /// What chose the edition of the guide.
    enum ChosenByV1 from ChosenBy {
        /// `--guide`, or `guide` in the deployment file.
        Declared,
        /// What the server showed: it is the newest one that fits.
        Server,
        /// Nothing: it is the newest one that has everything that is declared.
        Default,
    }

    /// What a server shows of its version. A later minor version may add signs.
    #[schemars(transform = open_words)]
    enum EditionSignV1 from EditionSign {
        /// The nonce of the TURN server is as in OpenVidu 3.4 and before.
        #[serde(rename = "old-nonce")]
        OldNonce,
        /// The nonce of the TURN server is as in OpenVidu 3.5 and later.
        #[serde(rename = "new-nonce")]
        NewNonce,
    }

    /// The files that the run read, besides those with credentials. Null: none, or the default.
    struct InputFilesV1 from InputFiles {
        /// The deployment file (`--config`).
        config: Option<String>,
        /// The lines of the deployment file that declare what is judged; null without a file.
        config_lines: Option<ConfigLinesV1>,
        /// The directory of rule files (`--rules`); null: the rules inside ovcheck.
        rules: Option<String>,
        /// The file of root certificates (`--ca-file`).
        ca_file: Option<String>,
        /// The proxy's configuration (`ovcheck lint`, `--proxy-config`).
        proxy_config: Vec<String>,
        /// OpenVidu's own configuration (`ovcheck lint`, `--openvidu-config`).
        openvidu_config: Vec<String>,
        /// The recording that was evaluated again (`ovcheck evaluate`); null: this run itself sent the
        /// probes.
        recording: Option<String>,
    }

    /// The rules that the run was asked about. `not_tested` counts the others.
    struct SelectionV1 from Selection {
        /// `--only`: families and rules; empty: all.
        only: Vec<SelectorV1>,
        /// `--skip`: families and rules that are left out.
        skip: Vec<SelectorV1>,
    }

    /// A family of rules, such as `dns`, or the id of a rule.
    text SelectorV1 from Selector;

    /// What stand-ins replace in a report.
    enum RedactionV1 from Redaction {
        /// Domain names, and the names of nodes and vantage points.
        Names,
        /// IP addresses.
        Addresses,
    }

    /// The lines of the deployment file that declare what is judged; the first line is 1. Null where a
    /// flag or an environment variable declares it, or nothing does.
    struct ConfigLinesV1 from ConfigLines {
        /// `domain-name`.
        domain: Option<u32>,
        /// `turn-domain-name`.
        turn_domain: Option<u32>,
        /// `policy`.
        policy: Option<u32>,
        /// `guide`.
        guide: Option<u32>,
        /// The tables of the machines.
        nodes: Vec<NodeLineV1>,
    }

    /// The line at which the table of a machine begins.
    struct NodeLineV1 from NodeLine {
        /// The name of the machine.
        node: NodeNameV1,
        /// The line.
        line: u32,
    }

    /// One `--resolve`.
    struct ResolveV1 from Resolve {
        /// The name.
        name: DomainNameV1,
        /// The port; null: every port.
        port: Option<PortV1>,
        /// The addresses that are used for it.
        #[schemars(length(min = 1))]
        addresses: Vec<AddressV1>,
    }

    /// One `--connect-to`.
    struct ConnectToV1 from ConnectTo {
        /// The intended address; null: any.
        address: Option<AddressV1>,
        /// The intended ports; null: any.
        ports: Option<PortsV1>,
        /// The address that is used instead; null: the intended one.
        to_address: Option<AddressV1>,
        /// The port that is used instead; null: the intended one.
        to_port: Option<PortV1>,
    }

    /// A STUN server, as `--stun-server` gives it: `NAME:PORT` or `ADDRESS:PORT`.
    text StunServerV1 from StunServer;
}

impl PublishedAs<u32> for UdpRate {
    fn published(&self) -> u32 {
        self.per_second()
    }
}
