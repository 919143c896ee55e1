//! firewalld: a zone of its own, which becomes the default one.

use std::io::{self, Write};

use super::{MachineRules, joined};
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
            let family = match Family::of(*sender) {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            };
            writeln!(
                out,
                "zone --add-rich-rule='rule family=\"{family}\" source address=\"{sender}\" \
                 port port=\"{ports}\" protocol=\"{transport}\" accept'  # {}",
                entry.why
            )?;
        }
    }
    writeln!(out, "firewall-cmd --reload")?;
    writeln!(out, "firewall-cmd --set-default-zone=openvidu")
}
