//! Rules about the machine on which the run is made (`ovcheck host`).

mod filter;

use std::net::IpAddr;

use filter::{Direction, Fate, Packet, Peer, fate, landmarks, named_senders};

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::admission::{Admitted, Senders};
use crate::model::deployment::Node;
use crate::model::facts::{
    ConnectionTable, HostFacts, HostInterface, HostRead, Listener, ListenerOwner, PacketFilter,
    ServerText, UdpBuffers, Unread,
};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::{DecidingRule, FirewallSeen, HostSeen, PacketsSeen};
use crate::model::target::Family;
use crate::ruleset::admission;

/// Judges a rule about the machine.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let facts = view.host()?;
    let judged = match &view.rule.demand {
        Demand::DistributionIs(words) => distribution(facts, words),
        Demand::MemoryAtLeast(least) => memory(facts, *least),
        Demand::CoresAtLeast(least) => cores(facts, *least),
        Demand::DiskAtLeast(least) => disk(facts, *least),
        Demand::AddressesPresent => addresses(view, facts),
        Demand::PortsHeldBy(programs) => port_holder(view, facts, programs),
        Demand::ClockSynchronised => clock(facts),
        Demand::FirewallAdmits => firewall_admits(view, facts),
        Demand::FirewallRefusesOthers => firewall_refuses_others(view, facts),
        Demand::MediaNotSentOut(_) => media_not_sent_out(view, facts),
        Demand::ProxyMayConnect => proxy_may_connect(facts),
        Demand::ReversePathLoose => reverse_path(facts),
        Demand::ConnectionTableAtLeast(least) => connection_table(facts, *least),
        Demand::UdpBufferAtLeast(least) => udp_buffers(facts, *least),
        _ => unreachable!("only rules about machines are judged here"),
    };
    Ok(judged.unwrap_or_else(|why| unread(&why)))
}

/// What could not be read is inconclusive: with the right to read it, it could have been settled.
fn unread(why: &Unread) -> Judgement {
    Judgement::unsettled(ReasonCode::HostUnread, HostSeen::Unread(why.clone()))
}

/// A judgement, or why nothing could be read.
type Read = Result<Judgement, Unread>;

fn known<T>(read: &HostRead<T>) -> Result<&T, Unread> {
    read.get().map_err(Clone::clone)
}

/// A pass, or else a violation that the machine itself shows.
fn proven(holds: bool, seen: HostSeen) -> Judgement {
    if holds { Judgement::pass(seen) } else { Judgement::fail(ReasonCode::HostTooLittle, seen) }
}

fn distribution(facts: &HostFacts, words: &[String]) -> Read {
    let distribution = known(&facts.distribution)?;
    let is_one = distribution.ids.iter().any(|id| words.iter().any(|word| word == id.unquoted()));
    let seen = HostSeen::Distribution(distribution.name.clone());
    Ok(if is_one {
        Judgement::pass(seen)
    } else {
        Judgement::fail(ReasonCode::HostSettingWrong, seen)
    })
}

fn memory(facts: &HostFacts, least: u32) -> Read {
    let mib = *known(&facts.memory_kib)? / 1024;
    Ok(proven(mib >= u64::from(least), HostSeen::Memory { mib }))
}

fn cores(facts: &HostFacts, least: u32) -> Read {
    let cores = *known(&facts.cores)?;
    Ok(proven(cores >= least, HostSeen::Cores(cores)))
}

fn disk(facts: &HostFacts, least: u32) -> Read {
    let disk = known(&facts.disk)?;
    let gb = |kib: u64| kib.saturating_mul(1024) / 1_000_000_000;
    let (size_gb, free_gb) = (gb(disk.size_kib), gb(disk.free_kib));
    let seen = HostSeen::Disk { path: disk.path.clone(), size_gb, free_gb };
    Ok(proven(size_gb >= u64::from(least), seen))
}

fn clock(facts: &HostFacts) -> Read {
    let clock = known(&facts.clock)?;
    let is_synchronised = clock.is_synchronised;
    let seen = HostSeen::Clock { is_synchronised, said_by: clock.said_by.clone() };
    Ok(right_setting(is_synchronised, seen))
}

fn right_setting(is_right: bool, seen: HostSeen) -> Judgement {
    if is_right {
        Judgement::pass(seen)
    } else {
        Judgement::fail(ReasonCode::HostSettingWrong, seen)
    }
}

fn proxy_may_connect(facts: &HostFacts) -> Read {
    let selinux = known(&facts.selinux)?;
    Ok(match (selinux.enforces, selinux.lets_proxy_connect) {
        (false, _) => Judgement::pass(HostSeen::SelinuxOff),
        (true, Some(lets)) => right_setting(lets, HostSeen::SelinuxLetsConnect(lets)),
        (true, None) => Judgement::unsettled(ReasonCode::HostUnread, HostSeen::SelinuxSilent),
    })
}

fn connection_table(facts: &HostFacts, least: u32) -> Read {
    Ok(match *known(&facts.connection_table)? {
        ConnectionTable::Unused => Judgement::pass(HostSeen::NoConnectionTable),
        ConnectionTable::Holds { most, now } => {
            proven(most >= least, HostSeen::ConnectionTable { most, now })
        }
    })
}

fn udp_buffers(facts: &HostFacts, least: u32) -> Read {
    let UdpBuffers { receive, send } = *known(&facts.udp_buffers)?;
    Ok(proven(receive >= u64::from(least), HostSeen::UdpBuffers { receive, send }))
}

/// Interfaces by which packets of other machines come.
fn outer_interfaces(facts: &HostFacts) -> Result<Vec<&HostInterface>, Unread> {
    let interfaces = known(&facts.interfaces)?.iter();
    Ok(interfaces.filter(|interface| !interface.is_internal()).collect())
}

/// Strict filtering matters only where packets may come by one interface and go by another.
fn reverse_path(facts: &HostFacts) -> Read {
    const STRICT: u8 = 1;
    let interfaces = outer_interfaces(facts)?;
    if interfaces.len() < 2 {
        return Ok(Judgement::pass(HostSeen::OneInterface));
    }
    let strict = interfaces.iter().filter(|interface| interface.reverse_path == Some(STRICT));
    let strict: Vec<ServerText> = strict.map(|interface| interface.name.clone()).collect();
    let is_known = interfaces.iter().all(|interface| interface.reverse_path.is_some());
    Ok(match (strict.is_empty(), is_known) {
        (true, true) => Judgement::pass(HostSeen::LooseReversePath),
        (true, false) => return Err(Unread::NoFile("rp_filter".to_owned())),
        (false, _) => {
            Judgement::suspected(ReasonCode::HostSettingWrong, HostSeen::StrictReversePath(strict))
        }
    })
}

fn addresses(view: &View<'_>, facts: &HostFacts) -> Read {
    let interfaces = known(&facts.interfaces)?;
    let own = || interfaces.iter().flat_map(|interface| &interface.addresses).copied();
    let declared: Vec<IpAddr> = nodes(view).flat_map(Node::every_address).copied().collect();
    let is_missing = |address: &IpAddr| !own().any(|own| own == *address);
    let missing: Vec<IpAddr> = declared.iter().copied().filter(is_missing).collect();
    Ok(if missing.is_empty() {
        Judgement::pass(HostSeen::HasAddresses)
    } else if missing.len() < declared.len() {
        Judgement::vantage_limit(
            ReasonCode::HostAddressElsewhere,
            HostSeen::AddressesElsewhere(missing),
        )
    } else {
        // A cloud gives many a machine a private address only, and translates the declared one.
        let is_link_local = |address: &IpAddr| match address {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        let own = own().filter(|address| !is_link_local(address)).collect();
        Judgement::suspected(ReasonCode::HostAddressElsewhere, HostSeen::NoDeclaredAddress(own))
    })
}

/// The nodes whose machine this is.
fn nodes<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Node> {
    let (deployment, here) = (view.case.deployment, &view.case.vantage.stands_on);
    deployment.nodes.iter().filter(|node| here.contains(&node.name))
}

// --- Ports -------------------------------------------------------------------------------------

fn port_holder(view: &View<'_>, facts: &HostFacts, programs: &[String]) -> Read {
    let listeners = known(&facts.listeners)?;
    let (transport, ports) = place(view);
    let port = ports.first();
    let holders: Vec<&Listener> =
        listeners.iter().filter(|it| it.transport == transport && it.port == port).collect();
    // A version may stand behind the name.
    let is_listed = |name: &ServerText| {
        programs.iter().any(|program| {
            let rest = name.unquoted().strip_prefix(program.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    let stranger = holders.iter().find_map(|holder| match &holder.owner {
        ListenerOwner::Program { name, pid } if !is_listed(name) => Some((name, *pid)),
        ListenerOwner::Program { .. } | ListenerOwner::Unseen => None,
    });
    if let Some((program, pid)) = stranger {
        let seen = HostSeen::HeldByStranger { program: program.clone(), pid };
        return Ok(Judgement::suspected(ReasonCode::HostPortTaken, seen));
    }
    if holders.iter().any(|holder| holder.owner == ListenerOwner::Unseen) {
        return Ok(Judgement::unsettled(ReasonCode::HostUnread, HostSeen::HeldByUnseen));
    }
    let mut names: Vec<ServerText> = Vec::new();
    for holder in holders {
        if let ListenerOwner::Program { name, .. } = &holder.owner
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    Ok(Judgement::pass(if names.is_empty() { HostSeen::PortFree } else { HostSeen::HeldBy(names) }))
}

/// The port of a check that is about one.
fn place(view: &View<'_>) -> (Transport, PortRange) {
    let target = &view.check.target;
    target.transport.zip(target.port).expect("the plan names the port of such a check")
}

// --- The firewall ------------------------------------------------------------------------------

/// Packets whose fate is asked.
struct Asked {
    direction: Direction,
    transport: Transport,
    ports: PortRange,
    family: Family,
    own: IpAddr,
    peer: Peer,
}

/// What becomes of these packets: one fate for each part of the ports of which all rules say the same.
fn fates(facts: &HostFacts, filter: &PacketFilter, asked: &Asked) -> Vec<(PacketsSeen, Fate)> {
    let Asked { direction, transport, ports, family, own, peer } = *asked;
    let outer = outer_interfaces(facts).unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    let has_own = |interface: &&&HostInterface| interface.addresses.contains(&own);
    // A translated address is on none of them.
    names.extend(outer.iter().filter(has_own).map(|interface| interface.name.unquoted()));
    let is_multihomed = outer.len() > 1;
    if names.is_empty() {
        names.extend(outer.iter().map(|interface| interface.name.unquoted()));
    }
    let starts = landmarks(filter, ports.first().number(), ports.last().number());
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([ports.last().number()]);
    let parts = starts.iter().copied().zip(ends);
    let fate_of = |(first, last): (u16, u16)| {
        let packet = Packet {
            direction,
            family,
            transport,
            peer,
            own,
            own_port: first,
            interfaces: &names,
            is_multihomed,
        };
        let range = Port::new(first).zip(Port::new(last));
        let ports = range.and_then(|(first, last)| PortRange::new(first, last).ok());
        let peer = match peer {
            Peer::Known(address) => Some(address),
            Peer::Stranger => None,
        };
        let seen = PacketsSeen { transport, ports: ports.unwrap_or(asked.ports), family, peer };
        (seen, fate(filter, &packet))
    };
    parts.map(fate_of).collect()
}

/// An address of this machine in each family that it has.
fn own_addresses(view: &View<'_>) -> Vec<(Family, IpAddr)> {
    let of_family = |family: Family| {
        let mut all = nodes(view).flat_map(Node::every_address).copied();
        Some((family, all.find(|address| Family::of(*address) == family)?))
    };
    Family::BOTH.into_iter().filter_map(of_family).collect()
}

/// The packets that a row of the tables is about.
fn asked_of_row(view: &View<'_>, row: &Admitted) -> Vec<Asked> {
    let own = own_addresses(view);
    let asked = |family: Family, own: IpAddr, peer: Peer| Asked {
        direction: Direction::In,
        transport: row.transport,
        ports: row.ports,
        family,
        own,
        peer,
    };
    match &row.senders {
        Senders::Anyone => {
            own.into_iter().map(|(family, own)| asked(family, own, Peer::Stranger)).collect()
        }
        Senders::Only(senders) => senders
            .iter()
            .filter_map(|sender| {
                let family = Family::of(*sender);
                let (_, own) = own.iter().find(|(it, _)| *it == family)?;
                Some(asked(family, *own, Peer::Known(*sender)))
            })
            .collect(),
    }
}

/// The row of the tables that a check is about.
fn row(view: &View<'_>) -> Option<Admitted> {
    let (transport, ports) = place(view);
    let machines = admission(view.case.deployment, view.case.ruleset).ok()?;
    let own = machines
        .into_iter()
        .find(|machine| nodes(view).any(|node| machine.nodes.contains(&node.name)))?;
    own.admitted.into_iter().find(|row| row.transport == transport && row.ports == ports)
}

fn firewall_admits(view: &View<'_>, facts: &HostFacts) -> Read {
    let filter = known(&facts.filter)?;
    let row = row(view).expect("the plan has a check for each row of the tables");
    let mut judgements = Vec::new();
    for asked in asked_of_row(view, &row) {
        judgements.extend(fates(facts, filter, &asked).into_iter().map(
            |(packets, fate)| match fate {
                Fate::Admitted(by) => admitted(filter, by),
                Fate::Refused(by) => Judgement::fail(
                    ReasonCode::HostFirewallRefuses,
                    FirewallSeen::Refuses { packets, by },
                ),
                Fate::Translated(by) => Judgement::suspected(
                    ReasonCode::HostPortTranslated,
                    FirewallSeen::Translates { packets, by },
                ),
                Fate::Undecided(by) => undecided(packets, by),
            },
        ));
    }
    Ok(Judgement::worst(judgements.into_iter()).unwrap_or_else(|| admitted(filter, None)))
}

/// What is admitted by the rules that could be read.
fn admitted(filter: &PacketFilter, by: Option<DecidingRule>) -> Judgement {
    let seen = FirewallSeen::Admits { unread: filter.unread.clone(), by };
    if filter.unread.is_empty() { Judgement::pass(seen) } else { Judgement::uncontradicted(seen) }
}

fn undecided(packets: PacketsSeen, by: DecidingRule) -> Judgement {
    Judgement::unsettled(ReasonCode::HostFirewallUndecided, FirewallSeen::Undecided { packets, by })
}

/// Whether strangers are kept from a port that only some machines may reach, or nobody.
fn firewall_refuses_others(view: &View<'_>, facts: &HostFacts) -> Read {
    let filter = known(&facts.filter)?;
    let (transport, ports) = place(view);
    let mut judgements = Vec::new();
    for (family, own) in own_addresses(view) {
        let asked =
            Asked { direction: Direction::In, transport, ports, family, own, peer: Peer::Stranger };
        judgements.extend(fates(facts, filter, &asked).into_iter().map(
            |(packets, fate)| match fate {
                Fate::Refused(_) => Judgement::pass(FirewallSeen::KeepsOut),
                Fate::Admitted(Some(by)) => Judgement::suspected(
                    ReasonCode::HostFirewallAdmits,
                    FirewallSeen::AdmitsOthers { packets, by },
                ),
                Fate::Admitted(None) => Judgement::vantage_limit(
                    ReasonCode::HostFirewallUndecided,
                    FirewallSeen::NoFirewall,
                ),
                Fate::Translated(by) => Judgement::suspected(
                    ReasonCode::HostPortTranslated,
                    FirewallSeen::Translates { packets, by },
                ),
                Fate::Undecided(by) => undecided(packets, by),
            },
        ));
        // A rule for one address may be intended. It is no violation, but the firewall then keeps out fewer senders.
        let known: Vec<IpAddr> =
            view.case.deployment.nodes.iter().flat_map(Node::every_address).copied().collect();
        let named = named_senders(filter, family, MOST_NAMED);
        for sender in named.into_iter().filter(|sender| !known.contains(sender)) {
            let asked = Asked { peer: Peer::Known(sender), ..asked };
            judgements.extend(fates(facts, filter, &asked).into_iter().filter_map(
                |(packets, fate)| match fate {
                    Fate::Admitted(Some(by)) => {
                        Some(Judgement::uncontradicted(FirewallSeen::KeepsOutOthers {
                            packets,
                            by,
                        }))
                    }
                    _ => None,
                },
            ));
        }
    }
    let none =
        || Judgement::vantage_limit(ReasonCode::HostFirewallUndecided, FirewallSeen::NoFirewall);
    Ok(Judgement::worst(judgements.into_iter()).unwrap_or_else(none))
}

/// The senders that rules name are looked at one by one, up to so many of a family.
const MOST_NAMED: usize = 1_000;

/// Whether media may begin a conversation with a stranger: answers would come in, past closed ports.
fn media_not_sent_out(view: &View<'_>, facts: &HostFacts) -> Read {
    let filter = known(&facts.filter)?;
    let (transport, ports) = place(view);
    let mut judgements = Vec::new();
    for (family, own) in own_addresses(view) {
        let asked = Asked {
            direction: Direction::Out,
            transport,
            ports,
            family,
            own,
            peer: Peer::Stranger,
        };
        judgements.extend(fates(facts, filter, &asked).into_iter().map(
            |(packets, fate)| match fate {
                Fate::Refused(_) => Judgement::pass(FirewallSeen::KeepsOut),
                Fate::Admitted(by) => Judgement::suspected(
                    ReasonCode::HostFirewallAdmits,
                    FirewallSeen::SendsOut { packets, by },
                ),
                Fate::Translated(by) | Fate::Undecided(by) => undecided(packets, by),
            },
        ));
    }
    let none =
        || Judgement::vantage_limit(ReasonCode::HostFirewallUndecided, FirewallSeen::NoFirewall);
    Ok(Judgement::worst(judgements.into_iter()).unwrap_or_else(none))
}
