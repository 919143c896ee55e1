//! The rules of all machines as text for people.

use std::io::{self, Write};

use super::{MachineRules, in_a_list, joined};
use crate::model::admission::HeldBack;
use crate::output::page::{Ink, Page};
use crate::output::{Style, grid, log_safe};

/// Writes a table for each machine.
///
/// # Errors
/// Those of `out`.
pub fn write(machines: &[MachineRules<'_>], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        if let Some(first) = machines.first() {
            page.hanging(
                &[],
                0,
                &format!(
                    "Inbound rules for {}. Everything else is to be dropped.",
                    first.deployment
                ),
            )?;
        }
        for machine in machines {
            page.blank()?;
            page.line(&[(Ink::Strong, &machine.admission.name())])?;
            let mut table = grid::new(page.width(), ["transport", "ports", "from", "rule"]);
            for entry in machine.entries() {
                let from = match entry.senders {
                    [] => "anywhere".to_owned(),
                    some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
                };
                let transport = entry.transport.to_string().to_uppercase();
                table.add_row([&transport, &joined(entry.ports, '-'), &from, entry.why]);
            }
            grid::put(&table, &mut page)?;
            for held_back in machine.held_back() {
                page.hanging(&[], 0, &in_words(held_back))?;
            }
        }
        Ok(())
    })
}

/// What the machine must not begin.
fn in_words(held_back: &HeldBack) -> String {
    let HeldBack { transport, ports, spared_ports, rule, .. } = held_back;
    let transport = transport.to_string().to_uppercase();
    format!(
        "Outbound, to be dropped: new conversations from {transport} {}, except to {transport} {} and to the \
         other machines of the deployment ({rule}).",
        joined(*ports, '-'),
        in_a_list(spared_ports, ", ")
    )
}
