//! What a machine's own packet filter does with a packet. It says "admits" or "refuses" only where every
//! way through the rules ends so; a condition that is not known goes both ways.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::facts::{
    Action, BlockList, ChainHook, Condition, FilterChain, FilterRule, HookPoint, InterfaceNames,
    NetworkBlock, PacketFilter, Policy, PortSet, is_internal_interface,
};
use crate::model::port::Transport;
use crate::model::seen::DecidingRule;
use crate::model::target::Family;

/// The first packet of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub direction: Direction,
    pub family: Family,
    pub transport: Transport,
    /// The other machine.
    pub peer: Peer,
    /// The address of this machine.
    pub own: IpAddr,
    /// Of inbound packets the port that they are for, of outbound ones the port from which they come.
    pub own_port: u16,
    /// The interfaces by which it may come or go; empty: any.
    pub interfaces: &'a [&'a str],
    /// Whether other interfaces lead out of the machine as well.
    pub is_multihomed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// The other machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Known(IpAddr),
    /// Anyone on the internet of whom no rule speaks in particular.
    Stranger,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Every chain accepts it; `None`: none has a rule about it, and none drops.
    Admitted(Option<DecidingRule>),
    Refused(DecidingRule),
    /// It is sent elsewhere before the rules for this machine.
    Translated(DecidingRule),
    /// It depends on something that is not known: the first rule of which this is so.
    Undecided(DecidingRule),
}

/// The deepest jump, which is that of the kernel.
const DEEPEST: usize = 16;

/// The most rules that one packet is compared with: rule sets that jump in many ways have no end.
const MOST_STEPS: usize = 1_000_000;

/// What becomes of a packet.
pub fn fate(filter: &PacketFilter, packet: &Packet<'_>) -> Fate {
    let points: &[HookPoint] = match packet.direction {
        Direction::In => &[HookPoint::Ingress, HookPoint::Prerouting, HookPoint::Input],
        Direction::Out => &[HookPoint::Output, HookPoint::Postrouting],
    };
    let mut admitting = None;
    let mut undecided = None;
    for point in points {
        for (chain, hook) in chains_at(filter, *point, packet) {
            let ends = ends_of(filter, chain, hook, packet);
            match ends.fate() {
                Fate::Refused(rule) => return Fate::Refused(rule),
                // What comes after it is about another packet.
                Fate::Translated(rule) => return undecided.unwrap_or(Fate::Translated(rule)),
                Fate::Admitted(rule) if !hook.translates => admitting = rule.or(admitting),
                Fate::Admitted(_) => {}
                fate @ Fate::Undecided(_) => undecided = undecided.or(Some(fate)),
            }
        }
    }
    undecided.unwrap_or(Fate::Admitted(admitting))
}

/// The ports at which the fate of packets for, or from, a port of a range may change: the first of each
/// part of the range of which all rules say the same.
pub fn landmarks(filter: &PacketFilter, first: u16, last: u16) -> Vec<u16> {
    let mut landmarks = BTreeSet::from([first]);
    let rules = filter.chains.iter().flat_map(|chain| &chain.rules);
    for condition in rules.flat_map(|rule| &rule.conditions) {
        let (Condition::DestinationPort(_, ports) | Condition::SourcePort(_, ports)) = condition
        else {
            continue;
        };
        for (from, to) in &ports.ranges {
            landmarks.extend([Some(*from), to.checked_add(1)].into_iter().flatten());
        }
    }
    landmarks.into_iter().filter(|port| (first..=last).contains(port)).collect()
}

/// Senders of whom rules speak in particular, without those that they only drop: of each network the first
/// address. At most `most`.
pub fn named_senders(filter: &PacketFilter, family: Family, most: usize) -> BTreeSet<IpAddr> {
    let rules = filter.chains.iter().flat_map(|chain| &chain.rules);
    let conditions =
        rules.filter(|rule| rule.action != Action::Drop).flat_map(|rule| &rule.conditions);
    let blocks = conditions.filter_map(|condition| match condition {
        Condition::Source(list) => Some(&list.blocks),
        _ => None,
    });
    let senders = blocks.flatten().map(|block| block.first).filter(|address| {
        let is_local = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        Family::of(*address) == family
            && !(is_local
                || address.is_unspecified()
                || address.is_loopback()
                || address.is_multicast())
    });
    senders.take(most).collect()
}

/// The chains of a hook that see the packet, those that filter first.
fn chains_at<'a>(
    filter: &'a PacketFilter,
    point: HookPoint,
    packet: &Packet<'_>,
) -> Vec<(&'a FilterChain, &'a ChainHook)> {
    let sees = |chain: &&FilterChain| chain.family.is_none_or(|family| family == packet.family);
    let of_chain = |chain: &'a FilterChain| {
        let hook = chain.hook.as_ref()?;
        let device = hook.device.as_ref();
        let is_there = device.is_none_or(|device| {
            packet.interfaces.is_empty() || packet.interfaces.contains(&device.unquoted())
        });
        (hook.point == point && is_there).then_some((chain, hook))
    };
    let mut chains: Vec<_> = filter.chains.iter().filter(sees).filter_map(of_chain).collect();
    chains.sort_by_key(|(_, hook)| hook.translates);
    chains
}

/// How a packet may leave a chain.
#[derive(Debug, Default)]
struct Ends {
    all: Vec<(End, Option<DecidingRule>)>,
    /// The first rule of which it is not known whether it is for the packet, or what it does.
    doubt: Option<DecidingRule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Accept,
    Drop,
    Translate,
    Unknown,
}

impl Ends {
    fn add(&mut self, end: End, rule: Option<DecidingRule>) {
        self.all.push((end, rule));
    }

    fn fate(self) -> Fate {
        let Self { all, doubt } = self;
        let is_only = |wanted: End| all.iter().all(|(end, _)| *end == wanted);
        let rule = all.iter().find_map(|(_, rule)| rule.clone());
        match (rule, doubt) {
            (rule, _) if is_only(End::Accept) => Fate::Admitted(rule),
            (Some(rule), _) if is_only(End::Drop) => Fate::Refused(rule),
            (Some(rule), _) if is_only(End::Translate) => Fate::Translated(rule),
            (_, Some(doubt)) => Fate::Undecided(doubt),
            (Some(rule), None) => Fate::Undecided(rule),
            (None, None) => Fate::Admitted(None),
        }
    }
}

fn ends_of(
    filter: &PacketFilter,
    chain: &FilterChain,
    hook: &ChainHook,
    packet: &Packet<'_>,
) -> Ends {
    let mut walk = Walk { filter, packet, ends: Ends::default(), steps: 0 };
    if walk.through(chain, 0) {
        let rule = DecidingRule::policy_of(chain);
        match hook.policy {
            // Nobody wrote down that it accepts.
            Policy::Accept => walk.ends.add(End::Accept, None),
            Policy::Drop => walk.ends.add(End::Drop, Some(rule)),
        }
    }
    walk.ends
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Perhaps,
}

impl Truth {
    fn of(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }

    fn but_for(self, negated: bool) -> Self {
        match (self, negated) {
            (Self::Yes, true) => Self::No,
            (Self::No, true) => Self::Yes,
            _ => self,
        }
    }
}

/// The way of a packet through one chain of a hook and those to which it jumps.
struct Walk<'a> {
    filter: &'a PacketFilter,
    packet: &'a Packet<'a>,
    ends: Ends,
    steps: usize,
}

impl Walk<'_> {
    /// Whether the packet may come out behind the last rule of a chain.
    fn through(&mut self, chain: &FilterChain, depth: usize) -> bool {
        let mut may_leave = false;
        for rule in &chain.rules {
            self.steps += 1;
            if depth >= DEEPEST || self.steps > MOST_STEPS {
                self.is_unknown(chain, rule);
                return true;
            }
            let truth = self.is_for_packet(rule);
            if truth == Truth::No {
                continue;
            }
            let before = self.ends.all.len();
            let leaves = self.acts(chain, rule, depth);
            let is_decided = self.ends.all.len() > before || matches!(leaves, Leaves::Chain);
            if truth == Truth::Perhaps && is_decided {
                self.ends.doubt.get_or_insert_with(|| DecidingRule::of(chain, rule));
            }
            match leaves {
                Leaves::Nowhere => {}
                Leaves::Chain => may_leave = true,
                Leaves::Rules => {}
            }
            if truth == Truth::Yes && !matches!(leaves, Leaves::Nowhere) {
                return may_leave;
            }
        }
        true
    }

    fn is_unknown(&mut self, chain: &FilterChain, rule: &FilterRule) {
        let rule = DecidingRule::of(chain, rule);
        self.ends.doubt.get_or_insert_with(|| rule.clone());
        self.ends.add(End::Unknown, Some(rule));
    }

    /// What a rule does with the packet, if it is for it.
    fn acts(&mut self, chain: &FilterChain, rule: &FilterRule, depth: usize) -> Leaves {
        let decides = |end| (end, Some(DecidingRule::of(chain, rule)));
        let end = match &rule.action {
            Action::Continue => return Leaves::Nowhere,
            Action::Return => return Leaves::Chain,
            Action::Accept => decides(End::Accept),
            Action::Drop => decides(End::Drop),
            Action::Translate => decides(End::Translate),
            Action::Unknown => {
                self.is_unknown(chain, rule);
                return Leaves::Nowhere;
            }
            Action::Jump(name) | Action::Goto(name) => {
                let mut all = self.filter.chains.iter();
                let is_it = |it: &&FilterChain| {
                    it.table == chain.table && it.family == chain.family && it.name == *name
                };
                let Some(target) = all.find(is_it) else {
                    self.is_unknown(chain, rule);
                    return Leaves::Nowhere;
                };
                let may_come_back = self.through(target, depth + 1);
                return match (may_come_back, &rule.action) {
                    (false, _) => Leaves::Rules,
                    (true, Action::Goto(_)) => Leaves::Chain,
                    (true, _) => Leaves::Nowhere,
                };
            }
        };
        self.ends.all.push(end);
        Leaves::Rules
    }

    fn is_for_packet(&self, rule: &FilterRule) -> Truth {
        let mut all = Truth::Yes;
        for condition in &rule.conditions {
            match self.holds(condition) {
                Truth::No => return Truth::No,
                Truth::Perhaps => all = Truth::Perhaps,
                Truth::Yes => {}
            }
        }
        all
    }

    fn holds(&self, condition: &Condition) -> Truth {
        let packet = self.packet;
        let is_in = packet.direction == Direction::In;
        let is_over = |transport: &Option<Transport>| {
            transport.is_none_or(|transport| transport == packet.transport)
        };
        match condition {
            Condition::Family(family) => Truth::of(*family == packet.family),
            Condition::Protocol(list) => {
                Truth::of(list.transports.contains(&packet.transport)).but_for(list.negated)
            }
            Condition::DestinationPort(transport, _) | Condition::SourcePort(transport, _)
                if !is_over(transport) =>
            {
                Truth::No
            }
            Condition::DestinationPort(_, ports) => self.port(ports, is_in),
            Condition::SourcePort(_, ports) => self.port(ports, !is_in),
            Condition::Source(list) => self.address(list, !is_in),
            Condition::Destination(list) => self.address(list, is_in),
            Condition::InInterface(names) if is_in => self.interface(names),
            Condition::OutInterface(names) if !is_in => self.interface(names),
            // A packet for this machine leaves by none, and one of its own came by none.
            Condition::InInterface(names) | Condition::OutInterface(names) => {
                Truth::No.but_for(names.negated)
            }
            Condition::ConnectionState(states) => {
                Truth::of(states.holds_new).but_for(states.negated)
            }
            Condition::ToThisMachine(is_to_it) => Truth::of(*is_to_it == is_in),
            // Where there is one way out, everybody is answered by it.
            Condition::RoutedBack(_) if packet.is_multihomed || !is_in => Truth::Perhaps,
            Condition::RoutedBack(exists) => Truth::of(*exists),
            Condition::Never => Truth::No,
            Condition::Unknown => Truth::Perhaps,
        }
    }

    fn port(&self, ports: &PortSet, is_own: bool) -> Truth {
        let truth = if is_own {
            let port = self.packet.own_port;
            Truth::of(ports.ranges.iter().any(|(first, last)| (*first..=*last).contains(&port)))
        } else {
            ephemeral(&ports.ranges)
        };
        truth.but_for(ports.negated)
    }

    fn address(&self, list: &BlockList, is_own: bool) -> Truth {
        let family = self.packet.family;
        let of_family = || list.blocks.iter().filter(|it| Family::of(it.first) == family);
        // A rule about addresses of one family is for no packet of the other, also where it says "not".
        if of_family().next().is_none() && !list.blocks.is_empty() {
            return Truth::No;
        }
        let holds = |address: IpAddr| Truth::of(of_family().any(|block| block.contains(address)));
        let truth = match (is_own, self.packet.peer) {
            (true, _) => holds(self.packet.own),
            (false, Peer::Known(address)) => holds(address),
            (false, Peer::Stranger) => hold_stranger(of_family()),
        };
        truth.but_for(list.negated)
    }

    fn interface(&self, names: &InterfaceNames) -> Truth {
        let is_named = |name: &str| {
            names.names.iter().any(|pattern| match pattern.unquoted().strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern.unquoted(),
            })
        };
        let is_internal = names.names.iter().all(|name| is_internal_interface(name.unquoted()));
        let own = self.packet.interfaces;
        let count = own.iter().filter(|name| is_named(name)).count();
        let truth = match count {
            0 if !own.is_empty() || is_internal => Truth::No,
            0 => Truth::Perhaps,
            some if some == own.len() => Truth::Yes,
            _ => Truth::Perhaps,
        };
        truth.but_for(names.negated)
    }
}

/// Where a packet goes that a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// On to the next rule.
    Nowhere,
    /// Out of the chain, back to where it came from.
    Chain,
    /// Its fate is decided.
    Rules,
}

/// Whether a port that a client chose by itself is in these ranges.
fn ephemeral(ranges: &[(u16, u16)]) -> Truth {
    const CLIENTS: (u16, u16) = (1024, u16::MAX);
    /// Of 64,512: whoever names so few means services, and not clients.
    const FEW: usize = 645;
    let mut covered = 0_usize;
    for (first, last) in ranges {
        let (first, last) = ((*first).max(CLIENTS.0), (*last).min(CLIENTS.1));
        covered += usize::from(last.saturating_sub(first)) + usize::from(first <= last);
    }
    match covered {
        few if few <= FEW => Truth::No,
        all if all > usize::from(CLIENTS.1 - CLIENTS.0) => Truth::Yes,
        _ => Truth::Perhaps,
    }
}

/// Whether anyone on the internet is in one of these blocks of one family: small ones name machines in
/// particular.
fn hold_stranger<'a>(blocks: impl Iterator<Item = &'a NetworkBlock>) -> Truth {
    /// The addresses of IPv4, and networks (/48) of IPv6, from which a list may be about countries.
    const MANY: u64 = 1 << 20;
    let mut size = 0_u64;
    for block in blocks.filter(|block| !is_private(block)) {
        let prefix = block.prefix();
        let (whole, counted) = match block.first {
            // All global addresses are in 2000::/3.
            IpAddr::V6(_) => (prefix <= 3 && block.contains(GLOBAL_V6), 48_u32),
            IpAddr::V4(_) => (prefix == 0, 32),
        };
        if whole {
            return Truth::Yes;
        }
        size = size.saturating_add(1_u64 << counted.saturating_sub(prefix).min(63));
    }
    if size >= MANY { Truth::Perhaps } else { Truth::No }
}

const GLOBAL_V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 1));

/// Whether nobody on the internet has an address of the block.
fn is_private(block: &NetworkBlock) -> bool {
    let is_private = |address: IpAddr| match address {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
        }
    };
    block.prefix() > 0 && is_private(block.first) && is_private(block.last)
}
