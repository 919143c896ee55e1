//! A table of nftables of its own. A drop is final, so what it drops is dropped whatever other tables
//! accept; what it accepts, another firewall on the machine must accept too.

use std::io::{self, Write};

use super::{MachineRules, in_a_list, joined, of_family};
use crate::model::admission::HeldBack;
use crate::model::target::Family;

/// Writes a shell script.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &MachineRules<'_>, out: &mut dyn Write) -> io::Result<()> {
    rules.head(out)?;
    out.write_all(
        b"# Another firewall on the machine (ufw, firewalld) must accept these packets too.
cat > /etc/ovcheck-firewall.nft << 'END'
table inet ovcheck-firewall
delete table inet ovcheck-firewall
table inet ovcheck-firewall {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname lo accept
        meta l4proto { icmp, ipv6-icmp } accept
        ip6 saddr fe80::/10 udp dport 546 accept comment \"DHCPv6\"
",
    )?;
    for entry in rules.entries() {
        let (transport, ports) = (entry.transport, joined(entry.ports, '-'));
        if entry.senders.is_empty() {
            writeln!(out, "        {transport} dport {ports} accept comment \"{}\"", entry.why)?;
            continue;
        }
        for (family, word) in [(Family::V4, "ip"), (Family::V6, "ip6")] {
            let Some(senders) = entry.of_family(family) else { continue };
            let senders = in_a_list(&senders, ", ");
            writeln!(
                out,
                "        {word} saddr {{ {senders} }} {transport} dport {ports} accept comment \"{}\"",
                entry.why
            )?;
        }
    }
    writeln!(out, "    }}")?;
    hold_back(rules.held_back(), out)?;
    out.write_all(
        b"}
END
nft -f /etc/ovcheck-firewall.nft
# The table is loaded when the machine starts.
cat > /etc/systemd/system/ovcheck-firewall.service << 'END'
[Unit]
Description=Firewall rules for OpenVidu
After=nftables.service
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/ovcheck-firewall.nft
[Install]
WantedBy=multi-user.target
END
systemctl enable ovcheck-firewall
# To take it back: nft delete table inet ovcheck-firewall; systemctl disable ovcheck-firewall
",
    )
}

/// The chain for what the machine sends, where something is held back.
fn hold_back(all: &[HeldBack], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"    chain output {
        type filter hook output priority 0; policy accept;
        ct state established,related accept
        oifname lo accept
",
    )?;
    for HeldBack { transport, ports, spared_ports, spared, rule } in all {
        let source = format!("{transport} sport {}", joined(*ports, '-'));
        for (family, word) in [(Family::V4, "ip"), (Family::V6, "ip6")] {
            let spared = of_family(spared, family);
            if !spared.is_empty() {
                let spared = in_a_list(&spared, ", ");
                writeln!(out, "        {word} daddr {{ {spared} }} {source} accept")?;
            }
        }
        let spared = in_a_list(spared_ports, ", ");
        writeln!(out, "        {source} {transport} dport {{ {spared} }} accept")?;
        writeln!(out, "        {source} drop comment \"{rule}\"")?;
    }
    writeln!(out, "    }}")
}
