//! firewalld: a zone of its own, which becomes the default one, and a policy for what is held back.

use std::io::{self, Write};
use std::net::IpAddr;

use super::{MachineRules, joined};
use crate::model::admission::HeldBack;
use crate::model::target::Family;

/// Writes a shell script.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &MachineRules<'_>, out: &mut dyn Write) -> io::Result<()> {
    rules.head(out)?;
    out.write_all(
        b"# Interfaces that have a zone of their own keep it: \"firewall-cmd --get-active-zones\" lists them.
zone() { firewall-cmd --quiet --permanent --zone=openvidu \"$@\"; }
firewall-cmd --quiet --permanent --delete-zone=openvidu 2> /dev/null || true
firewall-cmd --quiet --permanent --new-zone=openvidu
zone --set-target=DROP
zone --add-protocol=icmp
zone --add-protocol=ipv6-icmp
zone --add-service=dhcpv6-client
",
    )?;
    for entry in rules.entries() {
        let (transport, ports) = (entry.transport, joined(entry.ports, '-'));
        if entry.senders.is_empty() {
            writeln!(out, "zone --add-port={ports}/{transport}  # {}", entry.why)?;
        }
        for sender in entry.senders {
            let family = family_of(*sender);
            writeln!(
                out,
                "zone --add-rich-rule='rule family=\"{family}\" source address=\"{sender}\" \
                 port port=\"{ports}\" protocol=\"{transport}\" accept'  # {}",
                entry.why
            )?;
        }
    }
    hold_back(rules.held_back(), out)?;
    writeln!(out, "firewall-cmd --reload")?;
    writeln!(out, "firewall-cmd --set-default-zone=openvidu")
}

fn family_of(address: IpAddr) -> &'static str {
    match Family::of(address) {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// The policy for what the machine itself sends (firewalld 0.9 or newer). One of a former script is taken away.
fn hold_back(all: &[HeldBack], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"firewall-cmd --quiet --permanent --delete-policy=openvidu-out 2> /dev/null || true\n",
    )?;
    if all.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"policy() { firewall-cmd --quiet --permanent --policy=openvidu-out \"$@\"; }
firewall-cmd --quiet --permanent --new-policy=openvidu-out
policy --add-ingress-zone=HOST
policy --add-egress-zone=ANY
policy --set-target=CONTINUE
",
    )?;
    // The lower priority counts first.
    for HeldBack { transport, ports, spared_ports, spared, rule } in all {
        for address in spared {
            let family = family_of(*address);
            writeln!(
                out,
                "policy --add-rich-rule='rule priority=\"-2\" family=\"{family}\" \
                 destination address=\"{address}\" accept'"
            )?;
        }
        for port in spared_ports {
            writeln!(
                out,
                "policy --add-rich-rule='rule priority=\"-2\" port port=\"{port}\" \
                 protocol=\"{transport}\" accept'"
            )?;
        }
        let ports = joined(*ports, '-');
        writeln!(
            out,
            "policy --add-rich-rule='rule priority=\"-1\" source-port port=\"{ports}\" \
             protocol=\"{transport}\" drop'  # {rule}"
        )?;
    }
    Ok(())
}
