//! What the placeholders of a remedy stand for.

use std::net::{IpAddr, Ipv4Addr};

use super::judgement::Named;
use crate::model::address::is_unreachable;
use crate::model::configuration::ProxyKind;
use crate::model::deployment::{Deployment, Node, NodeRole, Topology};
use crate::model::plan::Ask;
use crate::model::port::PortRange;
use crate::model::remedy::{LinePart, RemedyLine, RemedyStep};
use crate::model::rule::{AllowedFrom, Demand, Placeholder, RemedyTemplate, Rule, Scope, Template};
use crate::model::target::{Family, Target};
use crate::model::vantage::Zone;

/// What there is to fill in from.
pub(super) struct Filling<'a> {
    pub deployment: &'a Deployment,
    pub rule: &'a Rule,
    pub ask: &'a Ask,
    /// The part of the check's target that the judgement is about.
    pub target: &'a Target,
    /// What the judgement names; empty: the target's port.
    pub named: &'a str,
    /// Which proxy it is, if its configuration was read.
    pub proxy: Option<ProxyKind>,
}

/// The rule with the deployment's own values in its texts. What only a finding knows stays a word
/// such as `<ADDRESS>`. A rule that is not about this deployment stays as it is.
pub fn filled_in(rule: &Rule, deployment: &Deployment) -> Rule {
    if !rule.is_demanded(deployment) {
        return rule.clone();
    }
    let mut target = Target::default();
    match &rule.scope {
        Scope::Ports(scope) => {
            target.transport = Some(scope.transport);
            target.port = Some(scope.ports);
            let nodes = deployment.nodes.iter();
            let mut nodes = nodes.filter(|node| scope.roles.contains(&node.role));
            target.node = match (nodes.next(), nodes.next()) {
                (Some(node), None) => Some(node.name.clone()),
                _ => None,
            };
        }
        Scope::Names(_)
        | Scope::Endpoints(_)
        | Scope::Deployment
        | Scope::AllNodes { .. }
        | Scope::Machines(_) => {}
    }
    let named = if matches!(rule.scope, Scope::AllNodes { .. }) { "<PORT>" } else { "<SEEN>" };
    let filling =
        Filling { deployment, rule, ask: &Ask::Demand, target: &target, named, proxy: None };
    let text = |lines: Vec<Vec<LinePart>>| {
        let lines = lines.into_iter().map(|line| RemedyLine::new(line).to_string());
        Template::literal(lines.collect::<Vec<_>>().join("\n"))
    };
    let sentences = |text: &Template| Template::literal(filling.sentences(text));
    let lines = |lines: &Template| text(lines.lines_with(|it| filling.parts(it)));
    let step = |step: &RemedyTemplate| match step {
        RemedyTemplate::Say(text) => RemedyTemplate::Say(sentences(text)),
        RemedyTemplate::Run { on, commands } => {
            RemedyTemplate::Run { on: *on, commands: lines(commands) }
        }
        RemedyTemplate::Show { place, lines: shown } => {
            RemedyTemplate::Show { place: sentences(place), lines: lines(shown) }
        }
    };
    Rule { texts: rule.texts.map(sentences, step), ..rule.clone() }
}

/// What `${seen}` stands for; empty: the port of the target.
pub(super) fn in_words(named: &Named) -> String {
    match named {
        Named::Nothing => String::new(),
        Named::Ports(ports) => {
            ports.iter().map(PortRange::to_string).collect::<Vec<_>>().join(", ")
        }
        Named::Port(port) => port.to_string(),
        Named::Address(address) => address.to_string(),
        Named::UnreadableAddress => "an address that cannot be read".to_owned(),
    }
}

impl Filling<'_> {
    /// A remedy, filled in.
    pub fn remedy(&self, steps: &[RemedyTemplate]) -> Vec<RemedyStep> {
        steps
            .iter()
            .map(|step| match step {
                RemedyTemplate::Say(text) => RemedyStep::Say(self.sentences(text)),
                RemedyTemplate::Run { on, commands } => {
                    let lines = commands.lines_with(|placeholder| self.parts(placeholder));
                    RemedyStep::Run { on: *on, commands: continued(lines) }
                }
                RemedyTemplate::Show { place, lines } => {
                    let lines = lines.lines_with(|placeholder| self.parts(placeholder));
                    let lines = lines.into_iter().map(|line| RemedyLine::new(line).to_string());
                    RemedyStep::Show { place: self.sentences(place), lines: lines.collect() }
                }
            })
            .collect()
    }

    /// A text of sentences, filled in, on one line.
    pub fn sentences(&self, text: &Template) -> String {
        let text = text.render(|placeholder| self.value(placeholder));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a placeholder of a line stands for: one value, or several where the line is to be
    /// repeated.
    fn parts(&self, placeholder: Placeholder) -> Vec<LinePart> {
        match (placeholder, self.target.port) {
            (Placeholder::NftPorts, Some(port)) => vec![LinePart::NftPorts(vec![port])],
            (Placeholder::UfwPorts, Some(port)) => vec![LinePart::UfwPorts(vec![port])],
            _ => self.values(placeholder).into_iter().map(LinePart::Text).collect(),
        }
    }

    fn values(&self, placeholder: Placeholder) -> Vec<String> {
        match placeholder {
            // It always stands before a port, and one upstream serves both families.
            Placeholder::BackendAddress => {
                let role = self.deployment.topology.backend();
                let addresses = self.of_each_node(role);
                self.or_unknown(addresses.into_iter().map(in_url).collect(), role)
            }
            Placeholder::EachSource => self.sources(),
            Placeholder::EachMediaAddress => self.media(),
            Placeholder::EachNode => {
                self.nodes().into_iter().flat_map(|role| self.inside(role)).collect()
            }
            Placeholder::MediaAddressSetting => match self.deployment.topology {
                Topology::SingleNode => vec![
                    "use_external_ip: false".to_owned(),
                    format!("node_ip: {}", self.media_address()),
                ],
                // All Media Nodes read the same file.
                Topology::Elastic | Topology::HighAvailability => {
                    vec!["use_external_ip: true".to_owned()]
                }
            },
            _ => vec![self.value(placeholder)],
        }
    }

    /// The only value of a placeholder, or the first.
    fn value(&self, placeholder: Placeholder) -> String {
        let deployment = self.deployment;
        let target = self.target;
        match placeholder {
            Placeholder::Domain => deployment.domain.to_string(),
            Placeholder::TurnDomain => deployment
                .turn_domain
                .as_ref()
                .map_or_else(|| "<TURN_DOMAIN>".to_owned(), ToString::to_string),
            Placeholder::Host => target.host.as_ref().unwrap_or(&deployment.domain).to_string(),
            Placeholder::Address => {
                target.address.map_or_else(|| "<ADDRESS>".to_owned(), |address| address.to_string())
            }
            Placeholder::Port | Placeholder::NftPorts => self.port(|port| port.to_string()),
            Placeholder::UfwPort | Placeholder::UfwPorts => {
                self.port(|port| port.to_string().replace('-', ":"))
            }
            Placeholder::SsFilter => self.port(|port| match port.single() {
                Some(port) => format!("sport = :{port}"),
                None => format!("sport >= :{} and sport <= :{}", port.first(), port.last()),
            }),
            Placeholder::Transport => {
                target.transport.map_or_else(|| "tcp".to_owned(), |transport| transport.to_string())
            }
            Placeholder::Node => {
                target.node.as_ref().map_or_else(|| "<NODE>".to_owned(), ToString::to_string)
            }
            Placeholder::RecordType => match self.family_of_record() {
                Family::V4 => "A".to_owned(),
                Family::V6 => "AAAA".to_owned(),
            },
            Placeholder::ProxyAddresses => {
                let addresses = deployment
                    .nodes_of(NodeRole::Proxy)
                    .flat_map(|node| &node.addresses)
                    .map(ToString::to_string)
                    .collect();
                // Without a space it can stand behind a flag.
                self.or_unknown(addresses, NodeRole::Proxy).join(",")
            }
            Placeholder::PublicProxyAddress => {
                let proxies = deployment.nodes_of(NodeRole::Proxy);
                let addresses: Vec<IpAddr> =
                    proxies.flat_map(|node| node.addresses.iter().copied()).collect();
                // A record holds an address of its own family and no other.
                let family = self.family_of_record();
                let public: Vec<IpAddr> =
                    addresses.iter().copied().filter(|it| !is_unreachable(*it)).collect();
                // Users of an intranet may be meant, but not by the rule about public addresses.
                let is_any_right = public.is_empty() && self.rule.demand != Demand::AddressesPublic;
                let fitting = of_family(if is_any_right { &addresses } else { &public }, family);
                fitting.into_iter().next().unwrap_or_else(|| match addresses.as_slice() {
                    [] => unknown(NodeRole::Proxy),
                    _ if public.is_empty() => format!("<public {family} address of the proxy>"),
                    _ => format!("<{family} address of the proxy>"),
                })
            }
            Placeholder::ProxyAddress => self
                .behind_proxy()
                .map_or_else(|| unknown(NodeRole::Proxy), |address| address.to_string()),
            Placeholder::FromProxy => self.behind_proxy().map_or_else(
                || format!("{} saddr {}", word(self.family()), unknown(NodeRole::Proxy)),
                |address| format!("{} saddr {address}", word(Family::of(address))),
            ),
            Placeholder::Backend => match deployment.topology {
                Topology::SingleNode => "the OpenVidu machine".to_owned(),
                Topology::Elastic => "the Master Node".to_owned(),
                Topology::HighAvailability => "each Master Node".to_owned(),
            },
            Placeholder::MediaMachines => match deployment.topology {
                Topology::SingleNode => "the OpenVidu machine".to_owned(),
                Topology::Elastic | Topology::HighAvailability => "the Media Nodes".to_owned(),
            },
            Placeholder::MediaAddress => self.media_address(),
            Placeholder::NetworksWithoutMedia => self.networks_without_media(),
            Placeholder::LivekitConfig => match deployment.topology {
                Topology::SingleNode => "/opt/openvidu/config/livekit.yaml".to_owned(),
                Topology::Elastic | Topology::HighAvailability => {
                    "/opt/openvidu/config/cluster/media_node/livekit.yaml".to_owned()
                }
            },
            Placeholder::OpenviduEnv => match deployment.topology {
                Topology::SingleNode => "/opt/openvidu/config/openvidu.env".to_owned(),
                Topology::Elastic | Topology::HighAvailability => {
                    "/opt/openvidu/config/cluster/openvidu.env".to_owned()
                }
            },
            Placeholder::Sources => list(&self.allowed()),
            Placeholder::SourceAddresses => self.sources().join(", "),
            Placeholder::FromSources => self.from(&self.allowed_roles()),
            Placeholder::ExceptSources => self.except(&self.allowed_roles()),
            Placeholder::FromMedia => self.from(&[deployment.topology.media()]),
            Placeholder::ExceptMedia => self.except(&[deployment.topology.media()]),
            Placeholder::ExceptNodes => self.except(&self.nodes()),
            Placeholder::BackendAddress
            | Placeholder::EachSource
            | Placeholder::EachNode
            | Placeholder::MediaAddressSetting
            | Placeholder::EachMediaAddress => first(self.values(placeholder)),
            Placeholder::Condition => match self.ask {
                Ask::NeedNotBeOpen(condition) | Ask::EitherWay(condition) => condition.to_string(),
                _ => "what it is for".to_owned(),
            },
            Placeholder::ConditionKey => match self.ask {
                Ask::NeedNotBeOpen(condition) | Ask::EitherWay(condition) => {
                    condition.key().to_owned()
                }
                _ => "uses".to_owned(),
            },
            Placeholder::ReloadProxy => match self.proxy {
                None | Some(ProxyKind::Nginx) => "nginx -t && nginx -s reload",
                Some(ProxyKind::Haproxy) => {
                    "haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"
                }
                Some(ProxyKind::Caddy) => {
                    "caddy validate --config caddy.json && caddy reload --config caddy.json"
                }
                // It reads its dynamic files again by itself, and has no command to test them.
                Some(ProxyKind::Traefik) => "systemctl restart traefik",
            }
            .to_owned(),
            Placeholder::Seen if self.named.is_empty() => {
                target.port.map_or_else(String::new, |port| port.to_string())
            }
            Placeholder::Seen => self.named.to_owned(),
        }
    }

    /// The family of a DNS record to be made: that of the finding's address, or else one that the
    /// proxy has.
    fn family_of_record(&self) -> Family {
        let mut proxies = self.deployment.nodes_of(NodeRole::Proxy);
        let of_proxy = || proxies.find_map(|node| node.addresses.first().copied());
        self.target.address.or_else(of_proxy).map_or(Family::V4, Family::of)
    }

    fn family(&self) -> Family {
        self.target.address.map_or(Family::V4, Family::of)
    }

    fn port(&self, words: impl Fn(PortRange) -> String) -> String {
        self.target.port.map_or_else(|| self.named.to_owned(), words)
    }

    /// Whom the rows of the tables let in, each once.
    fn allowed(&self) -> Vec<AllowedFrom> {
        let mut allowed = Vec::new();
        if let Demand::PortRow(row) = &self.rule.demand {
            let rows = row.of(self.deployment);
            for from in rows.flat_map(|row| &row.from) {
                if !allowed.contains(from) {
                    allowed.push(*from);
                }
            }
        }
        allowed
    }

    fn allowed_roles(&self) -> Vec<NodeRole> {
        let allowed = self.allowed().into_iter();
        allowed.filter_map(AllowedFrom::role).collect()
    }

    /// The addresses of those whom the rows let in.
    fn sources(&self) -> Vec<String> {
        let roles = self.allowed_roles().into_iter();
        roles.flat_map(|role| self.inside(role)).collect()
    }

    /// The machines of OpenVidu.
    fn nodes(&self) -> Vec<NodeRole> {
        let roles = self.deployment.topology.roles().iter().copied();
        roles.filter(|role| *role != NodeRole::Proxy).collect()
    }

    fn media(&self) -> Vec<String> {
        self.inside(self.deployment.topology.media())
    }

    /// The address by which users reach the machine that media flows to: the only one, or that of
    /// the finding.
    fn media_address(&self) -> String {
        let role = self.deployment.topology.media();
        let mut nodes: Vec<_> = self.deployment.nodes_of(role).collect();
        let is_meant = |node: &&Node| Some(&node.name) == self.target.node.as_ref();
        if nodes.iter().any(is_meant) {
            nodes.retain(is_meant);
        }
        match nodes.as_slice() {
            [node] => first(self.of_family_or_all(&node.addresses, role)),
            [] => unknown(role),
            _ => "<ADDRESS_OF_THAT_MEDIA_NODE>".to_owned(),
        }
    }

    /// What a relay does not need: all of IPv4 but the machines to which media flows.
    fn networks_without_media(&self) -> String {
        let nodes = self.deployment.nodes_of(self.deployment.topology.media());
        let addresses = nodes.flat_map(|node| node.every_address());
        let kept: Vec<u32> = addresses
            .filter_map(|address| match address {
                IpAddr::V4(address) => Some(address.to_bits()),
                IpAddr::V6(_) => None,
            })
            .collect();
        if kept.is_empty() {
            return "<ALL_BUT_THE_MEDIA_NODES>".to_owned();
        }
        let mut networks = Vec::new();
        networks_without(&kept, 0, 0, &mut networks);
        networks.join(", ")
    }

    /// The addresses of a role as the other machines see them: those of the finding's family, or
    /// all where there are none.
    fn inside(&self, role: NodeRole) -> Vec<String> {
        self.of_family_or_all(&self.all_inside(role), role)
    }

    fn of_family_or_all(&self, all: &[IpAddr], role: NodeRole) -> Vec<String> {
        let of_family = of_family(all, self.family());
        if of_family.is_empty() {
            return self.or_unknown(all.iter().map(ToString::to_string).collect(), role);
        }
        of_family
    }

    fn all_inside(&self, role: NodeRole) -> Vec<IpAddr> {
        let nodes = self.deployment.nodes_of(role);
        nodes.flat_map(|node| node.addresses_from(Zone::ExternalProxy)).copied().collect()
    }

    /// The addresses of these roles in one family. A role without any is not known, and may have
    /// one of it.
    fn in_family(&self, roles: &[NodeRole], family: Family) -> Vec<String> {
        let of_role = |role: &NodeRole| match self.all_inside(*role).as_slice() {
            [] => vec![unknown(*role)],
            all => of_family(all, family),
        };
        roles.iter().flat_map(of_role).collect()
    }

    /// Packets from these roles, for nftables. A set holds addresses of one family: where they have
    /// none of the finding's, they come from those of the other.
    fn from(&self, roles: &[NodeRole]) -> String {
        let families = [self.family(), other(self.family())];
        let mut sets = families.map(|family| (family, self.in_family(roles, family)));
        let [(_, wanted), (_, instead)] = &sets;
        if wanted.is_empty() && !instead.is_empty() {
            sets.swap(0, 1);
        }
        let [(family, addresses), _] = sets;
        format!("{} saddr {{ {} }}", word(family), addresses.join(", "))
    }

    /// Packets of the finding's family from everybody but these roles, for nftables.
    fn except(&self, roles: &[NodeRole]) -> String {
        let family = self.family();
        let addresses = self.in_family(roles, family);
        if addresses.is_empty() {
            return match family {
                Family::V4 => "meta nfproto ipv4".to_owned(),
                Family::V6 => "meta nfproto ipv6".to_owned(),
            };
        }
        format!("{} saddr != {{ {} }}", word(family), addresses.join(", "))
    }

    /// The proxy's address towards the machine behind it. Which family that is depends on the
    /// address in its upstream, and not on the one that somebody outside came by.
    fn behind_proxy(&self) -> Option<IpAddr> {
        let backend = self.of_each_node(self.deployment.topology.backend());
        let family = backend.first().map_or(self.family(), |address| Family::of(*address));
        let all = self.all_inside(NodeRole::Proxy);
        let mut fitting = all.iter().filter(|address| Family::of(**address) == family);
        fitting.next().or(all.first()).copied()
    }

    /// One address of each node of a role, as the proxy reaches it.
    fn of_each_node(&self, role: NodeRole) -> Vec<IpAddr> {
        let nodes = self.deployment.nodes_of(role);
        nodes.filter_map(|node| node.addresses_from(Zone::ExternalProxy).first().copied()).collect()
    }

    /// The values, or a word that says which address is to be put in.
    fn or_unknown(&self, values: Vec<String>, role: NodeRole) -> Vec<String> {
        if values.is_empty() {
            return vec![unknown(role)];
        }
        values
    }
}

/// The largest networks inside of `first/length` that hold none of `kept`.
fn networks_without(kept: &[u32], first: u32, length: u32, into: &mut Vec<String>) {
    let is_inside = |address: &&u32| (**address ^ first).checked_shr(32 - length).unwrap_or(0) == 0;
    let inside: Vec<u32> = kept.iter().filter(is_inside).copied().collect();
    if inside.is_empty() {
        into.push(format!("{}/{length}", Ipv4Addr::from_bits(first)));
    } else if length < 32 {
        networks_without(&inside, first, length + 1, into);
        networks_without(&inside, first | 1 << (31 - length), length + 1, into);
    }
}

/// Lines of a shell as commands: `\` at the end of a line continues its command.
fn continued(lines: Vec<Vec<LinePart>>) -> Vec<RemedyLine> {
    let mut commands: Vec<Vec<LinePart>> = Vec::new();
    let mut continues = false;
    for mut line in lines {
        let ends_open = matches!(line.last(), Some(LinePart::Text(text)) if text.ends_with('\\'));
        match commands.last_mut().filter(|_| continues) {
            Some(command) => {
                command.push(LinePart::Text("\n".to_owned()));
                command.append(&mut line);
            }
            None => commands.push(line),
        }
        continues = ends_open;
    }
    commands.into_iter().map(RemedyLine::new).collect()
}

/// The word that says which address is to be put in.
fn unknown(role: NodeRole) -> String {
    format!("<{}_ADDRESS>", role.to_string().to_uppercase().replace('-', "_"))
}

/// The word of nftables for an address family.
fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

fn of_family(addresses: &[IpAddr], family: Family) -> Vec<String> {
    let of_family = addresses.iter().filter(|address| Family::of(**address) == family);
    of_family.map(ToString::to_string).collect()
}

fn first(values: Vec<String>) -> String {
    values.into_iter().next().unwrap_or_default()
}

/// An address as it stands before `:PORT`.
fn in_url(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Several things as a person lists them: `a`, `a and b`, `a, b and c`.
fn list<T: ToString>(things: &[T]) -> String {
    let words: Vec<String> = things.iter().map(T::to_string).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
