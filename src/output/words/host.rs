//! Rules about the machine itself, in words.

use std::net::IpAddr;

use super::Statement;
use crate::model::facts::Unread;
use crate::model::seen::{DecidingRule, FirewallSeen, HostSeen, PacketsSeen};
use crate::output::quote::{quoted, quoted_list};
use crate::output::text;

pub(super) fn statement(seen: &HostSeen) -> Statement {
    Statement::new(match seen {
        HostSeen::Unread(why) => return unread(why),
        HostSeen::Distribution(name) => format!("this machine runs {}", quoted(name)),
        HostSeen::Memory { mib } => format!("{mib} MiB of memory"),
        HostSeen::Cores(cores) => text::counted(*cores as usize, "core"),
        HostSeen::Disk { path, size_gb, free_gb } => {
            format!("the file system of {path} has {size_gb} GB, {free_gb} GB of them free")
        }
        HostSeen::HasAddresses => "the declared addresses are on this machine".to_owned(),
        HostSeen::AddressesElsewhere(missing) => format!(
            "{} on no interface of this machine: another device may translate the address, which \
             ovcheck cannot see from here",
            listed_with_verb(missing)
        ),
        HostSeen::NoDeclaredAddress(own) if own.is_empty() => {
            "this machine has no address except loopback".to_owned()
        }
        HostSeen::NoDeclaredAddress(own) => {
            format!("none of the declared addresses is on this machine, which has {}", listed(own))
        }
        HostSeen::PortFree => "no process has the port".to_owned(),
        HostSeen::HeldBy(programs) => format!("{} has the port", quoted_list(programs)),
        HostSeen::HeldByStranger { program, pid } => {
            format!("{} (process {pid}) has the port", quoted(program))
        }
        HostSeen::HeldByUnseen => {
            "a process has the port, but only root can see which one; run the command with sudo"
                .to_owned()
        }
        HostSeen::Clock { is_synchronised: true, said_by } => {
            format!("{said_by} says that the clock is synchronised")
        }
        HostSeen::Clock { is_synchronised: false, said_by } => {
            format!("{said_by} says that the clock is not synchronised")
        }
        HostSeen::Firewall(seen) => return firewall(seen),
        HostSeen::SelinuxOff => "SELinux does not enforce rules here".to_owned(),
        HostSeen::SelinuxLetsConnect(true) => {
            "SELinux allows web servers to connect (httpd_can_network_connect)".to_owned()
        }
        HostSeen::SelinuxLetsConnect(false) => {
            "SELinux forbids web servers to connect (httpd_can_network_connect is off)".to_owned()
        }
        HostSeen::SelinuxSilent => {
            "the policy of SELinux has no switch httpd_can_network_connect".to_owned()
        }
        HostSeen::OneInterface => "all packets come and go by one interface".to_owned(),
        HostSeen::StrictReversePath(names) => format!(
            "{} drops packets whose answer would leave by another interface (rp_filter = 1)",
            quoted_list(names)
        ),
        HostSeen::LooseReversePath => "no interface filters by the way back".to_owned(),
        HostSeen::NoConnectionTable => "the kernel does not track connections".to_owned(),
        HostSeen::ConnectionTable { most, now } => {
            format!("the kernel can track {most} connections, and tracks {now}")
        }
        HostSeen::UdpBuffers { receive, send } => format!(
            "UDP buffers may have {receive} bytes for receiving and {send} bytes for sending"
        ),
    })
}

fn unread(why: &Unread) -> Statement {
    let statement = Statement::new(format!("could not be read: {why}"));
    match why {
        Unread::Failed { error, .. } if !error.is_blank() => statement.detail(quoted(error)),
        _ => statement,
    }
}

fn firewall(seen: &FirewallSeen) -> Statement {
    match seen {
        FirewallSeen::Admits { unread, by } => {
            let statement = match by {
                Some(by) => Statement::new("this machine's firewall accepts the packets")
                    .detail(rule(by)),
                None => Statement::new("this machine's firewall drops none of the packets"),
            };
            let incomplete = |what: &String| format!("other rules may exist: {what}");
            statement.with(unread.iter().map(incomplete))
        }
        FirewallSeen::Refuses { packets: seen, by } => {
            Statement::new(format!("this machine's firewall drops {}", packets(seen)))
                .detail(rule(by))
        }
        FirewallSeen::Translates { packets: seen, by } => Statement::new(format!(
            "this machine sends {} to a container or to another port",
            packets(seen)
        ))
        .detail(rule(by)),
        FirewallSeen::Undecided { packets: seen, by } => Statement::new(format!(
            "ovcheck cannot tell whether this machine's firewall accepts {}: it depends on this rule",
            packets(seen)
        ))
        .detail(rule(by)),
        FirewallSeen::AdmitsOthers { packets: seen, by } => {
            Statement::new(format!("this machine's firewall accepts {}", packets(seen)))
                .detail(rule(by))
        }
        FirewallSeen::NoFirewall => Statement::new(
            "this machine's own firewall drops nothing; whether another firewall in front of it does \
             is seen by \"ovcheck check\" from the internet",
        ),
        FirewallSeen::KeepsOut => Statement::new("this machine's firewall drops the packets"),
        FirewallSeen::KeepsOutOthers { packets: seen, by } => Statement::new(format!(
            "this machine's firewall drops the packets of strangers, but accepts {}, which is not a \
             declared machine",
            packets(seen)
        ))
        .detail(rule(by)),
        FirewallSeen::SendsOut { packets: seen, by } => {
            let statement =
                Statement::new(format!("this machine may send {} first", outbound(seen)));
            statement.with(by.iter().map(rule))
        }
    }
}

/// `UDP 443 from anyone over IPv4`
fn packets(seen: &PacketsSeen) -> String {
    let PacketsSeen { transport, ports, family, peer } = seen;
    let transport = transport.to_string().to_uppercase();
    match peer {
        Some(peer) => format!("{transport} {ports} from {peer}"),
        None => format!("{transport} {ports} from anyone over {family}"),
    }
}

fn outbound(seen: &PacketsSeen) -> String {
    let PacketsSeen { transport, ports, family, .. } = seen;
    let transport = transport.to_string().to_uppercase();
    format!("packets from {transport} {ports} to anyone over {family}")
}

fn rule(by: &DecidingRule) -> String {
    let DecidingRule { table, chain, line } = by;
    let place = format!("table {}, chain {}", quoted(table), quoted(chain));
    match line {
        Some(line) => format!("{place}: {}", quoted(line)),
        None => format!("{place}: its policy is drop"),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    text::list(&addresses.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn listed_with_verb(addresses: &[IpAddr]) -> String {
    format!("{} {}", listed(addresses), if addresses.len() == 1 { "is" } else { "are" })
}
