//! What stands in the laboratory: right as it is made, until a situation breaks it.

use super::network::{NODE, PROXY};

/// The state of DNS, proxy and firewalls.
#[derive(Debug, Clone)]
pub struct World {
    /// What DNS says about the domain, and about the TURN domain: an IPv4 and an IPv6 address.
    pub domain: [&'static str; 2],
    pub turn_domain: [&'static str; 2],
    pub proxy: Proxy,
    pub firewall: Firewall,
}

/// What can be different in the nginx configuration of the guide.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// What nginx does with a request on port 80.
    pub port_80: &'static str,
    /// `openvidu_turn`, unless somebody mistook it.
    pub turn_upstream: &'static str,
    /// The upstream for names that the map does not know.
    pub unknown_upstream: Option<&'static str>,
    /// Chains, as [`super::certificates`] names them.
    pub api_certificate: &'static str,
    pub turn_certificate: &'static str,
    pub tls_versions: &'static str,
    pub ciphers: &'static str,
    pub port_1935_speaks_tls: bool,
    /// Instead of nginx something stands there that accepts every connection and says nothing.
    pub is_a_tarpit: bool,
}

/// The firewall of the OpenVidu machine, as statements of nftables.
#[derive(Debug, Clone)]
pub struct Firewall {
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
}

impl World {
    /// The guide's deployment under the default policy.
    pub fn default_policy() -> Self {
        Self {
            domain: PROXY,
            turn_domain: PROXY,
            proxy: Proxy {
                port_80: "return 301 https://$host$request_uri;",
                turn_upstream: "openvidu_turn",
                unknown_upstream: None,
                api_certificate: "api",
                turn_certificate: "turn",
                tls_versions: "TLSv1.2 TLSv1.3",
                ciphers: "HIGH:!aNULL",
                port_1935_speaks_tls: true,
                is_a_tarpit: false,
            },
            firewall: Firewall {
                first: "",
                from_proxy: "7880, 1945, 5349",
                from_anywhere: vec![
                    "udp dport { 443, 7885, 50000-60000 } accept",
                    "tcp dport { 7881, 9000 } accept",
                ],
                otherwise: "drop",
                outgoing: "",
            },
        }
    }

    /// The guide's deployment with everything forced through TURN: nothing but the proxy's rows.
    pub fn forced_turn() -> Self {
        let mut world = Self::default_policy();
        world.firewall.from_anywhere.clear();
        world
    }

    /// The nginx configuration. `folder`: where certificates and temporary files are.
    pub fn nginx(&self, template: &str, folder: &str, load_stream_module: &str) -> String {
        let proxy = &self.proxy;
        let (unknown_upstream, unknown_certificate) = match proxy.unknown_upstream {
            Some(upstream) => (
                format!("default {upstream};"),
                format!("default {}.pem;", proxy.api_certificate),
            ),
            None => Default::default(),
        };
        let ssl = if proxy.port_1935_speaks_tls {
            " ssl"
        } else {
            ""
        };
        fill(
            template,
            &[
                ("LOAD_STREAM_MODULE", load_stream_module),
                ("DIR", folder),
                ("PORT_80", proxy.port_80),
                ("TURN_UPSTREAM", proxy.turn_upstream),
                ("UNKNOWN_UPSTREAM", &unknown_upstream),
                ("UNKNOWN_CERTIFICATE", &unknown_certificate),
                ("API_CERTIFICATE", proxy.api_certificate),
                ("TURN_CERTIFICATE", proxy.turn_certificate),
                ("TLS_VERSIONS", proxy.tls_versions),
                ("CIPHERS", proxy.ciphers),
                ("SSL_ON_1935", ssl),
            ],
        )
    }

    /// The DNS zone `example.io`.
    pub fn zone(&self, template: &str) -> String {
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

    /// The ruleset of the OpenVidu machine's firewall.
    pub fn nftables(&self, template: &str) -> String {
        let firewall = &self.firewall;
        fill(
            template,
            &[
                ("FIRST", firewall.first),
                ("FROM_PROXY", firewall.from_proxy),
                ("FROM_ANYWHERE", &firewall.from_anywhere.join("\n        ")),
                ("OTHERWISE", firewall.otherwise),
                ("OUTGOING", firewall.outgoing),
            ],
        )
    }

    /// Lets DNS say that the domain is the OpenVidu machine.
    pub fn point_domain_to_node(&mut self) {
        self.domain = NODE;
    }
}

/// Replaces each `@WORD@`.
pub fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words
        .iter()
        .fold(template.to_owned(), |text, (word, value)| {
            text.replace(&format!("@{word}@"), value)
        })
}
