//! The rules of a machine's firewall, in the languages of firewalls. Every writer makes them of the same
//! [`MachineAdmission`]: what it lets in, and under some policies from which ports it begins nothing.

mod aws;
mod azure;
mod firewalld;
mod gcp;
mod iptables;
mod nftables;
mod table;
mod terraform;
mod ufw;

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

pub use table::write as write_table;

use crate::model::admission::{Admitted, HeldBack, MachineAdmission, Senders};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::target::Family;

/// A language of firewalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A shell script that loads a table of nftables, now and at every start of the machine.
    Nftables,
    /// A shell script of ufw commands.
    Ufw,
    /// A shell script of iptables and ip6tables commands.
    Iptables,
    /// A shell script of firewall-cmd commands.
    Firewalld,
    /// JSON for `aws ec2 authorize-security-group-ingress`.
    Aws,
    /// Firewall rules of Google Cloud, as a JSON list of resources of its API.
    Gcp,
    /// Security rules of an Azure network security group, as a JSON list.
    Azure,
    /// A security group of AWS for Terraform, in its JSON syntax.
    Terraform,
}

impl Language {
    /// Whether its rules for outbound packets know the port from which a packet comes. The others cannot hold
    /// media back: the machine itself has to.
    pub fn knows_source_ports(self) -> bool {
        match self {
            Self::Nftables | Self::Ufw | Self::Iptables | Self::Firewalld | Self::Azure => true,
            Self::Aws | Self::Gcp | Self::Terraform => false,
        }
    }
}

/// The rules of one machine.
#[derive(Debug, Clone, Copy)]
pub struct MachineRules<'a> {
    pub admission: &'a MachineAdmission,
    /// The port of SSH, which stays open to everybody. `None`: nothing besides the guide's ports.
    pub ssh: Option<Port>,
    /// What they are for: `openvidu.example.io, elastic, forced-turn, guide 3.9`.
    pub deployment: &'a str,
}

/// Writes the rules of one machine.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &MachineRules<'_>, language: Language, out: &mut dyn Write) -> io::Result<()> {
    match language {
        Language::Nftables => nftables::write(rules, out),
        Language::Ufw => ufw::write(rules, out),
        Language::Iptables => iptables::write(rules, out),
        Language::Firewalld => firewalld::write(rules, out),
        Language::Aws => json(&aws::shape(rules), out),
        Language::Gcp => json(&gcp::shape(rules), out),
        Language::Azure => json(&azure::shape(rules), out),
        Language::Terraform => json(&terraform::shape(rules), out),
    }
}

fn json(shape: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, shape)?;
    writeln!(out)
}

/// Packets to be let in, of one address family or of both.
#[derive(Clone, Copy)]
struct Entry<'a> {
    transport: Transport,
    ports: PortRange,
    /// Empty: everybody.
    senders: &'a [IpAddr],
    /// The rule that checks it, or what it is for.
    why: &'a str,
}

impl Entry<'_> {
    /// The senders of one family. `None`: nobody of this family may send.
    fn of_family(&self, family: Family) -> Option<Vec<IpAddr>> {
        let senders = of_family(self.senders, family);
        (self.senders.is_empty() || !senders.is_empty()).then_some(senders)
    }

    /// The senders as blocks of addresses; everybody is a block too.
    fn blocks(&self, family: Family) -> Vec<String> {
        let everybody = match family {
            Family::V4 => "0.0.0.0/0",
            Family::V6 => "::/0",
        };
        match self.of_family(family) {
            None => Vec::new(),
            Some(senders) if senders.is_empty() => vec![everybody.to_owned()],
            Some(senders) => senders.into_iter().map(block).collect(),
        }
    }
}

/// An address as a block that contains nothing else.
fn block(address: IpAddr) -> String {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    format!("{address}/{bits}")
}

impl MachineRules<'_> {
    /// Everything that is let in, SSH first.
    fn entries(&self) -> Vec<Entry<'_>> {
        let ssh = self.ssh.map(|port| Entry {
            transport: Transport::Tcp,
            ports: port.into(),
            senders: &[],
            why: "SSH",
        });
        let admitted = self.admission.admitted.iter().map(|admitted: &Admitted| Entry {
            transport: admitted.transport,
            ports: admitted.ports,
            senders: match &admitted.senders {
                Senders::Anyone => &[],
                Senders::Only(addresses) => addresses,
            },
            why: admitted.rule.as_str(),
        });
        ssh.into_iter().chain(admitted).collect()
    }

    /// From where nothing is begun.
    fn held_back(&self) -> &[HeldBack] {
        &self.admission.held_back
    }

    /// Everything that is let in, for languages whose rules hold addresses of one family: with a word for
    /// the family, and the blocks of its senders.
    fn entries_of_one_family(&self) -> Vec<(Entry<'_>, &'static str, Vec<String>)> {
        let mut of_one_family = Vec::new();
        for entry in self.entries() {
            for (family, word) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
                let blocks = entry.blocks(family);
                if !blocks.is_empty() {
                    of_one_family.push((entry, word, blocks));
                }
            }
        }
        of_one_family
    }

    /// The first lines of a script.
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "#!/bin/sh")?;
        writeln!(out, "# Firewall rules for {}: {}.", self.admission.name(), self.deployment)?;
        writeln!(out, "# What is not listed here is not let in. Run it as root on this machine.")?;
        if !self.held_back().is_empty() {
            writeln!(
                out,
                "# Media begins no conversation with users: their answers would get in past closed ports."
            )?;
        }
        match self.ssh {
            Some(port) => writeln!(out, "# TCP {port} (SSH) stays open to every address."),
            None => {
                writeln!(out, "# SSH is not listed: without another way in, this locks you out.")
            }
        }?;
        writeln!(out, "set -eu")
    }
}

/// The addresses of one family.
fn of_family(addresses: &[IpAddr], family: Family) -> Vec<IpAddr> {
    let of_family = addresses.iter().filter(|address| Family::of(**address) == family);
    of_family.copied().collect()
}

/// `53, 123`, with `separator` between two.
fn in_a_list<T: ToString>(items: &[T], separator: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

/// `50000-60000` with `separator` between the two, or one port.
fn joined(ports: PortRange, separator: char) -> String {
    let (first, last) = (ports.first(), ports.last());
    if first == last { first.to_string() } else { format!("{first}{separator}{last}") }
}
