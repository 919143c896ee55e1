//! The run that saw nothing: our own network comes first, and a list of findings would hide it.

use std::io;

use crate::model::facts::{Connect, DnsAnswer, Facts, StunAnswer, TurnFacts, UdpAnswer};
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::report::{Finding, Report};
use crate::model::target::Family;
use crate::model::verdict::Verdict;
use crate::output::page::{Ink, Page};
use crate::output::text;

/// A run in which nothing was settled by looking and nothing came back.
pub struct Darkness<'a> {
    /// Why we could not look, each reason once.
    blindness: Vec<&'a Blindness>,
    /// Something was sent, and nothing came back.
    silence: bool,
    /// The DNS questions that nobody answered: to whom and how often.
    resolvers: Vec<(String, u32)>,
}

impl<'a> Darkness<'a> {
    /// `None` when something was seen.
    pub fn of(report: &'a Report) -> Option<Self> {
        // What holds by the deployment file alone passes in the dark too.
        let settled_by_looking = |finding: &Finding| match finding.verdict {
            Verdict::Pass(_) | Verdict::Fail(_) => !finding.evidence.is_empty(),
            Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
        };
        if report.findings.iter().any(settled_by_looking)
            || report.counts().unsettled == 0
            || report.observations.is_empty()
        {
            return None;
        }
        let mut darkness = Self { blindness: Vec::new(), silence: false, resolvers: Vec::new() };
        for observation in &report.observations {
            darkness.add(observation)?;
        }
        Some(darkness)
    }

    /// `None` when this one saw something.
    fn add(&mut self, observation: &'a Observation) -> Option<()> {
        match &observation.outcome {
            Outcome::Blind(why) if !self.blindness.contains(&why) => self.blindness.push(why),
            Outcome::Blind(_) => {}
            Outcome::Saw(facts) if !is_silent(facts) => return None,
            Outcome::Saw(Facts::Dns(dns)) => {
                self.silence = true;
                let server = dns.server.to_string();
                let tries = observation.attempts;
                match self.resolvers.iter_mut().find(|(known, _)| *known == server) {
                    Some((_, most)) => *most = tries.max(*most),
                    None => self.resolvers.push((server, tries)),
                }
            }
            Outcome::Saw(_) => self.silence = true,
        }
        Some(())
    }

    pub fn write(&self, page: &mut Page<'_>) -> io::Result<()> {
        let why = text::clean(&self.reasons().join("; "));
        let question = [(Ink::Doubt, "? ")];
        page.hanging(&question, 2, &format!("nothing could be judged: {why}"))?;
        page.hanging(&[], 2, &self.advice().join("; "))?;
        page.blank()
    }

    fn reasons(&self) -> Vec<String> {
        let no_route = |family| self.blindness.contains(&&Blindness::NoRoute(family));
        let mut reasons: Vec<String> = Vec::new();
        if Family::BOTH.into_iter().all(no_route) {
            reasons.push("this machine has no IPv4 and no IPv6 route there".to_owned());
        }
        for why in &self.blindness {
            let told = !reasons.is_empty() && matches!(why, Blindness::NoRoute(_));
            if !told {
                reasons.push(why.to_string());
            }
        }
        if self.silence {
            let resolvers: Vec<String> = (self.resolvers.iter())
                .map(|(server, tries)| {
                    let tries = if *tries == 1 { "1 try" } else { &format!("{tries} tries") };
                    format!("{server}, {tries}")
                })
                .collect();
            reasons.push(if resolvers.is_empty() {
                "no answer to anything we sent".to_owned()
            } else {
                let resolvers = resolvers.join("; ");
                format!("no answer to anything we sent, not even from the resolver ({resolvers})")
            });
        }
        reasons
    }

    /// What to look at first.
    fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        for why in &self.blindness {
            let words = match why {
                Blindness::NoRoute(_) => {
                    "our own network comes first: is the cable in, is there a route (ip route)?"
                }
                Blindness::OwnFirewall => {
                    "let this machine send, or run ovcheck on another one (nft list ruleset)"
                }
                Blindness::NoDnsServer => "name a DNS server: --dns-server ADDRESS:PORT",
                Blindness::OwnProxy(_) => "ask whoever runs that HTTP proxy to let it through",
                Blindness::Local(_) => "mend this machine first, or run ovcheck on another one",
                Blindness::Interrupted => "run it again to the end",
                Blindness::DeadlineSpent => "give it more time: --deadline",
            };
            if !advice.iter().any(|known| known == words) {
                advice.push(words.to_owned());
            }
        }
        if self.silence && self.resolvers.is_empty() {
            advice
                .push("our own network comes first: is there a route, is anything let out?".into());
        } else if self.silence {
            advice.push(
                "our own network comes first: is there a route? is UDP to that resolver let out? \
                 try --dns-server"
                    .into(),
            );
        }
        advice
    }
}

/// Whether nothing at all came back.
fn is_silent(facts: &Facts) -> bool {
    match facts {
        Facts::Dns(dns) => dns.answer == DnsAnswer::Silent,
        Facts::Tcp(tcp) => tcp.connect == Connect::Silent,
        Facts::Http(http) => http.connect == Connect::Silent,
        Facts::Tls(tls) => tls.connect == Connect::Silent,
        Facts::Api(api) => api.connect == Connect::Silent,
        Facts::Service(service) => service.connect == Connect::Silent,
        Facts::Hold(hold) => hold.connect == Connect::Silent,
        Facts::Rtmp(rtmp) => rtmp.connect == Connect::Silent,
        Facts::Turn(turn) => is_turn_silent(turn),
        Facts::Call(call) => call.signal.connect == Connect::Silent,
        Facts::Udp(udp) => (udp.ports.iter()).all(|port| match port.answer {
            UdpAnswer::Silent | UdpAnswer::NotSent => true,
            UdpAnswer::Stun | UdpAnswer::Data(_) | UdpAnswer::Icmp(_) => false,
        }),
    }
}

fn is_turn_silent(turn: &TurnFacts) -> bool {
    match &turn.connect {
        Some(connect) => *connect == Connect::Silent,
        None => [&turn.binding, &turn.allocate]
            .into_iter()
            .flatten()
            .all(|answer| *answer == StunAnswer::Silent),
    }
}
