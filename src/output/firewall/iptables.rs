//! iptables and ip6tables: a chain of its own, to which INPUT goes first, and one for OUTPUT where something is
//! held back.

use std::io::{self, Write};

use super::{MachineRules, joined, of_family};
use crate::model::admission::HeldBack;
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
        hold_back(rules.held_back(), (family, program), out)?;
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

/// Other rules for what is not held back stay as they are. Without anything to hold back, rules that a former
/// script made are taken away.
fn hold_back(
    all: &[HeldBack],
    (family, program): (Family, &str),
    out: &mut dyn Write,
) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "{program} -w -D OUTPUT -j OVCHECK-OUT 2> /dev/null || true");
    }
    writeln!(out, "{program} -w -N OVCHECK-OUT 2> /dev/null || {program} -w -F OVCHECK-OUT")?;
    let mut append = |rule: &str| writeln!(out, "{program} -w -A OVCHECK-OUT {rule}");
    append("-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")?;
    append("-o lo -j RETURN")?;
    for HeldBack { transport, ports, spared_ports, spared, rule } in all {
        let source = format!("-p {transport} --sport {}", joined(*ports, ':'));
        for address in of_family(spared, family) {
            append(&format!("-d {address} {source} -j RETURN"))?;
        }
        for port in spared_ports {
            append(&format!("{source} --dport {port} -j RETURN"))?;
        }
        append(&format!("{source} -m comment --comment {rule} -j DROP"))?;
    }
    writeln!(
        out,
        "{program} -w -C OUTPUT -j OVCHECK-OUT 2> /dev/null || {program} -w -I OUTPUT -j OVCHECK-OUT"
    )
}
