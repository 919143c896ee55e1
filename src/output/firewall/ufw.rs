//! ufw, which keeps its rules by itself.

use std::io::{self, Write};

use super::{MachineRules, in_a_list, joined};
use crate::model::admission::HeldBack;

/// Writes a shell script.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &MachineRules<'_>, out: &mut dyn Write) -> io::Result<()> {
    rules.head(out)?;
    writeln!(out, "# Other rules of ufw stay as they are: \"ufw status numbered\" lists them.")?;
    writeln!(out, "ufw default deny incoming")?;
    for entry in rules.entries() {
        let (transport, ports, why) = (entry.transport, joined(entry.ports, ':'), entry.why);
        if entry.senders.is_empty() {
            writeln!(out, "ufw allow {ports}/{transport} comment '{why}'")?;
        }
        for sender in entry.senders {
            writeln!(
                out,
                "ufw allow proto {transport} from {sender} to any port {ports} comment '{why}'"
            )?;
        }
    }
    rules.held_back().iter().try_for_each(|it| hold_back(it, out))?;
    writeln!(out, "ufw --force enable")
}

/// The first rule that fits counts, so the one that denies has to come behind the others, also when the script
/// runs again.
fn hold_back(held_back: &HeldBack, out: &mut dyn Write) -> io::Result<()> {
    let HeldBack { transport, ports, spared_ports, spared, rule } = held_back;
    let from = format!("proto {transport} from any port {}", joined(*ports, ':'));
    writeln!(out, "ufw delete deny out {from} to any > /dev/null 2>&1 || true")?;
    for address in spared {
        writeln!(out, "ufw allow out {from} to {address}")?;
    }
    writeln!(out, "ufw allow out {from} to any port {}", in_a_list(spared_ports, ","))?;
    writeln!(out, "ufw deny out {from} to any comment '{rule}'")
}
