//! ufw, which keeps its rules by itself.

use std::io::{self, Write};

use super::{MachineRules, joined};

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
    writeln!(out, "ufw --force enable")
}
