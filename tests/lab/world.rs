//! What stands in the laboratory: right as it is made, until a situation breaks it.

use std::collections::BTreeMap;

use super::cluster::{Cluster, Topology};
use super::deployment::Policy;
use super::network::{CDN, NODE, PROXY, Place};
use super::office::Between;
use super::written::Written;

/// The state of DNS, machines and firewalls.
#[derive(Debug, Clone)]
pub struct World {
    /// What DNS says about the domain, and about the TURN domain: an IPv4 and an IPv6 address.
    pub domain: [&'static str; 2],
    pub turn_domain: [&'static str; 2],
    pub proxy: Proxy,
    pub livekit: LiveKit,
    /// The machines of Elastic and High Availability, in the place of the OpenVidu machine.
    pub cluster: Option<Cluster>,
    /// Whether LiveKit runs.
    pub has_livekit: bool,
    /// What else runs on the machines.
    pub peers: Vec<Peer>,
    /// Programs of one situation, with their configuration.
    pub programs: Vec<Program>,
    /// Records of the zone instead of the addresses above.
    pub records: Option<&'static str>,
    /// Whether a content delivery network stands before the proxy: HTTP, and nothing else.
    pub has_cdn: bool,
    /// What stands in the client's own network, between it and the internet.
    pub between: Option<Between>,
    /// Whether somebody is in a call already, in the room [`Guest::ROOM`](super::guest::ROOM).
    pub has_guest: bool,
    /// What happens to files of the proxy once it runs.
    pub edited_later: &'static [LaterEdit],
    /// The firewalls of the machines that have one.
    pub firewalls: BTreeMap<Place, Firewall>,
    /// What `ovcheck firewall` writes takes the place of the firewalls of all machines of the deployment.
    pub written: Option<Written>,
    /// After how many milliseconds the OpenVidu machine has one more ICMP error to send to an
    /// address, over IPv4 and over IPv6.
    pub icmp_renewal_ms: [u32; 2],
}

/// What stands on the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// nginx as the guide configures it: everything in its `stream` block.
    NginxStream,
    /// nginx as the guide configures it from edition 3.6 on: the API through its `http` block.
    NginxAdvanced,
    /// HAProxy, adapted from the guide: the API in mode http, TURN and RTMP in mode tcp.
    HaProxy,
    /// What `ovcheck proxy-config --for` writes.
    Written(&'static str),
    /// Something that accepts every connection and says nothing.
    Tarpit,
    /// Nothing of the laboratory's own: one of the world's programs is the proxy, or none.
    Nothing,
}

/// What can be different in the configuration of a [`Front`]. Upstreams are `openvidu_api`,
/// `openvidu_turn` and `openvidu_rtmp` in all of them.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub front: Front,
    /// The addresses of the machines behind it, as nginx's `stream` block has them.
    pub backends: Vec<&'static str>,
    /// What nginx does on port 80; HAProxy redirects if there is a `return 301` in it, and otherwise
    /// serves a page.
    pub port_80: &'static str,
    /// `openvidu_turn`, unless somebody mistook it.
    pub turn_upstream: &'static str,
    /// The upstream for names that nobody configured.
    pub unknown_upstream: Option<&'static str>,
    /// Whether HAProxy finds out by itself which backends are down.
    pub checks_health: bool,
    /// After which time without traffic a connection is ended.
    pub idle: &'static str,
    /// Whether a WebSocket upgrade keeps its headers, where HTTP is read.
    pub passes_upgrades: bool,
    /// Chains, as [`super::certificates`] names them.
    pub api_certificate: &'static str,
    pub turn_certificate: &'static str,
    pub tls_versions: &'static str,
    pub ciphers: &'static str,
    pub port_1935_speaks_tls: bool,
    /// What the `http` block of [`Front::NginxAdvanced`] does with requests for the API: nginx's
    /// `location` blocks, in which `@PASS@` is the guide's own way to pass a request on.
    pub locations: &'static str,
    /// Where that block passes requests on to.
    pub api_server: &'static str,
    /// Parameters of the `listen` lines on 443 and 1935, besides `ssl`, for nginx.
    pub listen_parameters: &'static str,
    /// Directives that nginx has besides in its `stream` servers of 443 and 1935.
    pub stream_directives: &'static str,
    pub port_443_over_ipv6: OverIpv6,
    /// Parts of the text of a [`Front::Written`], and what an operator has made of each.
    pub edits: &'static [(&'static str, &'static str)],
}

/// What is behind port 443 over IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverIpv6 {
    /// The same as over IPv4.
    Same,
    /// The domain, whatever name is asked for.
    DomainAlone,
    Nothing,
}

/// What can be different in LiveKit: ports that lie elsewhere, because somebody else has theirs,
/// whether there is a TURN server, the address of its media, and its rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveKit {
    pub version: Version,
    pub turn_udp: u16,
    pub ice_tcp: u16,
    pub has_turn: bool,
    /// The address that it says it has, in place of its machine's.
    pub node_ip: Option<&'static str>,
    /// What stands under `room` in its configuration, in YAML's flow style.
    pub room: &'static str,
    /// The port of its API.
    pub api: u16,
    /// Lines of YAML that its configuration has besides, indented by two spaces under `rtc`.
    pub rtc: &'static str,
    /// The same under `turn`.
    pub turn: &'static str,
}

impl LiveKit {
    /// As OpenVidu configures it.
    pub const RIGHT: Self = Self {
        version: Version::OfTheGuide,
        turn_udp: 443,
        ice_tcp: 7881,
        has_turn: true,
        node_ip: None,
        room: "",
        api: 7880,
        rtc: "",
        turn: "",
    };
}

/// Versions of LiveKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.8.4, inside OpenVidu 3.2.
    OfTheGuide,
    /// 1.13.5, of the family inside OpenVidu 3.9.
    Newest,
}

/// What happens to a file in the laboratory's folder that a program has read when it started, and does not read
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaterEdit {
    /// Some text in it becomes another.
    Text { file: &'static str, old: &'static str, new: &'static str },
    /// It is a copy of one file before, and of another one later.
    Copy { file: &'static str, before: &'static str, later: &'static str },
}

/// A program with its configuration. In its texts `@DIR@` is the laboratory's folder, where
/// certificates and files are, `@FIXTURES@` the folder `fixtures/lab`, and `@LOAD_STREAM_MODULE@` the
/// line that nginx needs where its stream module is a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Of its log.
    pub name: &'static str,
    pub place: Place,
    /// A name or a path.
    pub program: &'static str,
    pub arguments: &'static [&'static str],
    /// Files that are written into the laboratory's folder: name and text.
    pub files: &'static [(&'static str, &'static str)],
    /// When all of these are listened to it is ready: `tcp` or `udp`, and a port.
    pub listens: &'static [(&'static str, u16)],
}

/// A program that speaks one protocol on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub place: Place,
    pub speaks: Speaks,
    pub port: u16,
}

/// What a [`Peer`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// RTMP's handshake, as the ingress service.
    Rtmp,
    /// Nothing over UDP, as the WHIP port of the ingress service without a session.
    WhipMedia,
    Minio,
    /// One that lists the bucket of OpenVidu to everybody.
    OpenMinio,
    MongoDb,
    OpenMongoDb,
    /// A real Redis.
    Redis {
        password: Option<&'static str>,
    },
    /// A web server.
    Http,
    /// The banner of an SSH server.
    Ssh,
    /// An answer to every datagram that is nothing known.
    GarbageOverUdp,
}

/// The firewall of a machine, as statements of nftables.
#[derive(Debug, Clone, Default)]
pub struct Firewall {
    pub kind: FirewallKind,
    /// Before everything else.
    pub first: &'static str,
    /// TCP ports that the proxy may reach.
    pub from_proxy: &'static str,
    /// Ports that everybody may reach.
    pub from_anywhere: Vec<&'static str>,
    /// What happens to the rest.
    pub otherwise: &'static str,
    /// About packets that leave the machine.
    pub outgoing: &'static str,
    /// About packets that only pass through.
    pub forwarded: &'static str,
    /// Whole chains that translate addresses.
    pub translation: &'static str,
}

/// Which program rules a machine's firewall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirewallKind {
    /// The table of the laboratory, as Debian's `/etc/nftables.conf` has one.
    #[default]
    Nftables,
    /// Nothing: no table, and all ports are open.
    Nothing,
    /// ufw, with these rules besides what it has by itself.
    Ufw(&'static [&'static str]),
}

impl World {
    /// The guide's deployment under the default policy.
    pub fn default_policy() -> Self {
        let node = Firewall {
            from_proxy: "7880, 1945, 5349",
            from_anywhere: vec![
                "udp dport { 443, 7885, 50000-60000 } accept",
                "tcp dport { 7881, 9000 } accept",
            ],
            otherwise: "drop",
            ..Firewall::default()
        };
        let proxy = Firewall {
            from_anywhere: vec!["tcp dport { 80, 443, 1935 } accept"],
            ..Firewall::default()
        };
        let on_node = |speaks, port| Peer { place: Place::Node, speaks, port };
        Self {
            domain: PROXY,
            turn_domain: PROXY,
            proxy: Proxy {
                front: Front::NginxStream,
                backends: vec![NODE[0]],
                port_80: "return 301 https://$host$request_uri;",
                turn_upstream: "openvidu_turn",
                unknown_upstream: None,
                checks_health: true,
                idle: "30s",
                passes_upgrades: true,
                api_certificate: "api",
                turn_certificate: "turn",
                tls_versions: "TLSv1.2 TLSv1.3",
                ciphers: "HIGH:!aNULL",
                port_1935_speaks_tls: true,
                locations: "location / { @PASS@ }",
                api_server: "203.0.113.20:7880",
                listen_parameters: "",
                stream_directives: "",
                port_443_over_ipv6: OverIpv6::Same,
                edits: &[],
            },
            livekit: LiveKit::RIGHT,
            has_livekit: true,
            cluster: None,
            programs: Vec::new(),
            records: None,
            peers: vec![
                on_node(Speaks::Rtmp, 1945),
                on_node(Speaks::WhipMedia, 7885),
                on_node(Speaks::Minio, 9000),
            ],
            has_cdn: false,
            between: None,
            has_guest: false,
            edited_later: &[],
            firewalls: BTreeMap::from([
                (Place::Node, node),
                (Place::Proxy, proxy),
                (Place::Router, Firewall::default()),
            ]),
            written: None,
            icmp_renewal_ms: [1000, 100],
        }
    }

    /// The guide's deployment with everything forced through TURN: nothing but the proxy's rows.
    pub fn forced_turn() -> Self {
        let mut world = Self::default_policy();
        world.node().from_anywhere.clear();
        world
    }

    /// The guide's deployment of several machines, under a policy.
    pub fn of_several_machines(topology: Topology, policy: Policy) -> Self {
        let mut world = Self::default_policy();
        world.peers.clear();
        world.cluster = Cluster::of(topology, policy);
        if let Some(cluster) = &world.cluster {
            world.proxy.backends = cluster.backends();
        }
        world
    }

    /// The Master Nodes and Media Nodes.
    pub fn cluster(&mut self) -> &mut Cluster {
        let cluster = self.cluster.as_mut();
        cluster.expect("the situation is one of several machines")
    }

    /// The rulesets of all machines that have a firewall, for nft.
    pub fn rulesets(&self, template: &str) -> Vec<(Place, String)> {
        let firewalls = self.firewalls.iter();
        let mut rulesets: Vec<_> =
            firewalls.map(|(place, firewall)| (*place, firewall.ruleset(template))).collect();
        let of_several = self.cluster.iter().flat_map(Cluster::statements);
        rulesets.extend(of_several.map(|(place, [first, rows, otherwise])| {
            let words = [
                ("FIRST", first.as_str()),
                ("FROM_PROXY", ""),
                ("FROM_ANYWHERE", rows.as_str()),
                ("OTHERWISE", otherwise.as_str()),
                ("OUTGOING", ""),
                ("FORWARDED", ""),
                ("TRANSLATION", ""),
            ];
            (place, fill(template, &words))
        }));
        rulesets
    }

    /// The firewall of the OpenVidu machine.
    pub fn node(&mut self) -> &mut Firewall {
        self.firewalls.entry(Place::Node).or_default()
    }

    /// The firewall of the router between client and deployment.
    pub fn router(&mut self) -> &mut Firewall {
        self.firewalls.entry(Place::Router).or_default()
    }

    /// The firewall of the proxy.
    pub fn proxy_firewall(&mut self) -> &mut Firewall {
        self.firewalls.entry(Place::Proxy).or_default()
    }

    /// Opens a port of the OpenVidu machine to everybody.
    pub fn open(&mut self, rule: &'static str) {
        self.node().from_anywhere.push(rule);
    }

    /// Lets something speak on a port of the OpenVidu machine, instead of what had the port.
    pub fn serve(&mut self, speaks: Speaks, port: u16) {
        self.peers.retain(|peer| peer.port != port);
        self.peers.push(Peer { place: Place::Node, speaks, port });
    }

    /// Lets DNS say that the domain is the OpenVidu machine.
    pub fn point_domain_to_node(&mut self) {
        self.domain = NODE;
    }

    /// Puts a content delivery network in front and lets DNS say that the domain is there.
    pub fn put_cdn_before_domain(&mut self) {
        self.has_cdn = true;
        self.domain = CDN;
    }

    /// Puts something between the client and the internet that all its web traffic meets.
    pub fn put_between(&mut self, between: Between) {
        self.between = Some(between);
        let router = self.router();
        router.translation = between.translation();
        router.from_anywhere.push(between.own_ports());
    }

    /// The DNS zone `example.io`.
    pub fn zone(&self, template: &str) -> String {
        if let Some(records) = self.records {
            let kept = template
                .lines()
                .filter(|line| !line.contains("@DOMAIN") && !line.contains("@TURN"));
            return kept.chain(records.lines()).map(|line| format!("{line}\n")).collect();
        }
        let ([domain_v4, domain_v6], [turn_v4, turn_v6]) = (self.domain, self.turn_domain);
        fill(
            template,
            &[
                ("DOMAIN_V4", domain_v4),
                ("DOMAIN_V6", domain_v6),
                ("TURN_V4", turn_v4),
                ("TURN_V6", turn_v6),
            ],
        )
    }
}

impl Firewall {
    /// The ruleset, for nft.
    pub fn ruleset(&self, template: &str) -> String {
        if self.kind != FirewallKind::Nftables {
            return "flush ruleset\n".to_owned();
        }
        let from_proxy = match self.from_proxy {
            "" => String::new(),
            ports => format!(
                "ip saddr {} tcp dport {{ {ports} }} accept\n        \
                 ip6 saddr {} tcp dport {{ {ports} }} accept",
                PROXY[0], PROXY[1]
            ),
        };
        fill(
            template,
            &[
                ("FIRST", self.first),
                ("FROM_PROXY", &from_proxy),
                ("FROM_ANYWHERE", &self.from_anywhere.join("\n        ")),
                ("OTHERWISE", self.otherwise),
                ("OUTGOING", self.outgoing),
                ("FORWARDED", self.forwarded),
                ("TRANSLATION", self.translation),
            ],
        )
    }
}

impl Proxy {
    /// The configuration of nginx. `folder`: where certificates and temporary files are.
    pub fn nginx(&self, template: &str, folder: &str, load_stream_module: &str) -> String {
        let (unknown_upstream, unknown_certificate) = match self.unknown_upstream {
            Some(upstream) => {
                (format!("default {upstream};"), format!("default {}.pem;", self.api_certificate))
            }
            None => Default::default(),
        };
        let upgrade = if self.passes_upgrades {
            "proxy_set_header Upgrade $http_upgrade;\n            \
             proxy_set_header Connection $connection_upgrade;"
        } else {
            ""
        };
        let parameters = self.listen_parameters;
        let (listen_443_over_ipv6, server_443_over_ipv6) = match self.port_443_over_ipv6 {
            OverIpv6::Same => (format!("listen [::]:443 ssl {parameters};"), String::new()),
            OverIpv6::Nothing => Default::default(),
            OverIpv6::DomainAlone => {
                let name = self.api_certificate;
                let server = format!(
                    "server {{ listen [::]:443 ssl; ssl_protocols {}; ssl_certificate {folder}/{name}.pem; \
                     ssl_certificate_key {folder}/{name}.pem.key; proxy_pass openvidu_api; }}",
                    self.tls_versions
                );
                (String::new(), server)
            }
        };
        let pass = format!(
            "proxy_pass http://openvidu_api_http; proxy_http_version 1.1; {upgrade} \
             proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
             proxy_set_header X-Forwarded-Proto https;"
        );
        let servers = |port: u16| -> String {
            let backends = self.backends.iter();
            let lines = backends.map(|address| format!("server {address}:{port};"));
            lines.collect::<Vec<_>>().join(" ")
        };
        let ssl = if self.port_1935_speaks_tls { " ssl" } else { "" };
        fill(
            template,
            &[
                // Their texts have placeholders of their own.
                ("LOCATIONS", self.locations),
                ("PASS", &pass),
                ("STREAM_DIRECTIVES", self.stream_directives),
                ("LISTEN_PARAMETERS", parameters),
                ("API_SERVER", self.api_server),
                ("LOAD_STREAM_MODULE", load_stream_module),
                ("DIR", folder),
                ("PORT_80", self.port_80),
                ("IDLE", self.idle),
                ("API_SERVERS", &servers(7880)),
                ("TURN_SERVERS", &servers(5349)),
                ("RTMP_SERVERS", &servers(1945)),
                ("TURN_UPSTREAM", self.turn_upstream),
                ("LISTEN_443_OVER_IPV6", &listen_443_over_ipv6),
                ("SERVER_443_OVER_IPV6", &server_443_over_ipv6),
                ("UNKNOWN_UPSTREAM", &unknown_upstream),
                ("UNKNOWN_CERTIFICATE", &unknown_certificate),
                ("API_CERTIFICATE", self.api_certificate),
                ("TURN_CERTIFICATE", self.turn_certificate),
                ("TLS_VERSIONS", self.tls_versions),
                ("CIPHERS", self.ciphers),
                ("SSL_ON_1935", ssl),
            ],
        )
    }

    /// The configuration of HAProxy.
    pub fn haproxy(&self, template: &str, folder: &str) -> String {
        let port_80 = if self.port_80.contains("return 301") {
            "http-request redirect scheme https code 301"
        } else {
            "http-request return status 200 content-type text/plain string hello"
        };
        let (strict_sni, unknown_upstream) = match self.unknown_upstream {
            Some(upstream) => ("", format!("default_backend {upstream}")),
            None => ("strict-sni", String::new()),
        };
        let check = if self.checks_health {
            "default-server check inter 100ms fastinter 100ms downinter 100ms rise 1 fall 1"
        } else {
            ""
        };
        let upgrade = if self.passes_upgrades { "" } else { "http-request del-header upgrade" };
        fill(
            template,
            &[
                ("DIR", folder),
                ("PORT_80", port_80),
                ("IDLE", self.idle),
                ("UPGRADE", upgrade),
                ("TURN_UPSTREAM", self.turn_upstream),
                ("CHECK", check),
                ("STRICT_SNI", strict_sni),
                ("UNKNOWN_UPSTREAM", &unknown_upstream),
                ("API_CERTIFICATE", self.api_certificate),
                ("TURN_CERTIFICATE", self.turn_certificate),
            ],
        )
    }
}

/// Replaces each `@WORD@`.
pub fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words
        .iter()
        .fold(template.to_owned(), |text, (word, value)| text.replace(&format!("@{word}@"), value))
}
