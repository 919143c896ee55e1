//! iptables and ip6tables: a chain of its own, to which INPUT goes first.

use std::io::{self, Write};

use super::{MachineRules, joined};
use crate::model::target::Family;

const PROGRAMS: [(Family, &str, &str); 2] =
    [(Family::V4, "iptables", "icmp"), (Family::V6, "ip6tables", "ipv6-icmp")];

/// Writes a shell script.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &MachineRules<'_>, out: &mut dyn Write) -> io::Result<()> {
    rules.head(out)?;
    for (family, program, icmp) in PROGRAMS {
        writeln!(out, "{program} -w -N OVCHECK 2> /dev/null || {program} -w -F OVCHECK")?;
        let append =
            |out: &mut dyn Write, rule: &str| writeln!(out, "{program} -w -A OVCHECK {rule}");
        append(out, "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")?;
        append(out, "-i lo -j ACCEPT")?;
        append(out, &format!("-p {icmp} -j ACCEPT"))?;
        if family == Family::V6 {
            append(out, "-s fe80::/10 -p udp --dport 546 -j ACCEPT")?;
        }
        for entry in rules.entries() {
            let Some(senders) = entry.of_family(family) else { continue };
            let (transport, ports, why) = (entry.transport, joined(entry.ports, ':'), entry.why);
            let rest =
                format!("-p {transport} --dport {ports} -m comment --comment {why} -j ACCEPT");
            if senders.is_empty() {
                append(out, &rest)?;
            }
            for sender in senders {
                append(out, &format!("-s {sender} {rest}"))?;
            }
        }
        append(out, "-j DROP")?;
        writeln!(
            out,
            "{program} -w -C INPUT -j OVCHECK 2> /dev/null || {program} -w -I INPUT -j OVCHECK"
        )?;
    }
    out.write_all(
        b"if command -v netfilter-persistent > /dev/null; then
    netfilter-persistent save
else
    echo 'These rules are gone after a reboot. To keep them: apt-get install iptables-persistent' >&2
fi
",
    )
}
