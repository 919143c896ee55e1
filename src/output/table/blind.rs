//! The run that saw nothing: the network of this machine comes first, and a list of findings would
//! hide it.

use std::io;

use crate::model::observation::Blindness;
use crate::model::overview::Darkness;
use crate::model::target::Family;
use crate::output::page::{Ink, Page};
use crate::output::text;

/// Writes why nothing could be checked, and what to do first.
pub fn write(darkness: &Darkness, page: &mut Page<'_>) -> io::Result<()> {
    let why = text::clean(&reasons(darkness).join("; "));
    let question = [(Ink::Doubt, "? ")];
    page.hanging(&question, 2, &format!("nothing could be checked: {why}"))?;
    page.hanging(&[], 2, &advice(darkness).join("; "))?;
    page.blank()
}

fn reasons(darkness: &Darkness) -> Vec<String> {
    let no_route = |family| darkness.blindness.contains(&Blindness::NoRoute(family));
    let mut reasons: Vec<String> = Vec::new();
    if Family::BOTH.into_iter().all(no_route) {
        reasons.push("this machine has no IPv4 and no IPv6 route there".to_owned());
    }
    for why in &darkness.blindness {
        let told = !reasons.is_empty() && matches!(why, Blindness::NoRoute(_));
        if !told {
            reasons.push(why.to_string());
        }
    }
    if darkness.silence {
        let resolvers: Vec<String> = (darkness.resolvers.iter())
            .map(|(server, tries)| {
                let tries = if *tries == 1 { "1 try" } else { &format!("{tries} tries") };
                format!("{server}, {tries}")
            })
            .collect();
        reasons.push(if resolvers.is_empty() {
                "no response to anything that ovcheck sent".to_owned()
            } else {
                let resolvers = resolvers.join("; ");
                format!("no response to anything that ovcheck sent, not even from the DNS server ({resolvers})")
            });
    }
    reasons
}

/// What to look at first.
fn advice(darkness: &Darkness) -> Vec<String> {
    let mut advice = Vec::new();
    for why in &darkness.blindness {
        let words = match why {
            Blindness::NoRoute(_) => {
                "check this machine's network first: its cable and its routes (ip route)"
            }
            Blindness::OwnFirewall => {
                "allow this machine to send (on Linux: nft list ruleset), or run ovcheck on another machine"
            }
            Blindness::NoDnsServer => "name a DNS server: --dns-server ADDRESS:PORT",
            Blindness::NoAddress { .. } => {
                "check that the name is in the DNS, or give its address with --resolve"
            }
            Blindness::OwnProxy(_) => {
                "ask the administrator of the HTTP proxy to allow the connection"
            }
            Blindness::Local(_) => "fix this machine first, or run ovcheck on another machine",
            Blindness::Interrupted => "run ovcheck again without interrupting it",
            Blindness::DeadlineSpent => "allow more time with --deadline",
        };
        if !advice.iter().any(|known| known == words) {
            advice.push(words.to_owned());
        }
    }
    if darkness.silence && darkness.resolvers.is_empty() {
        advice
                .push("check this machine's network first: its routes, and whether its firewall lets traffic out".into());
    } else if darkness.silence {
        advice.push(
                "check this machine's network first: its routes, and whether UDP to that DNS server is \
                 allowed; or name another one with --dns-server"
                    .into(),
            );
    }
    advice
}
