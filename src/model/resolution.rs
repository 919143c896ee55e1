//! Which addresses the names of a deployment have: from the DNS, or from `--resolve`.

use std::net::IpAddr;

use super::dial::Resolve;
use super::facts::{DnsAnswer, DnsFacts, Facts};
use super::name::DomainName;
use super::observation::{Observation, Outcome};
use super::plan::LeftOut;
use super::port::Port;
use super::probe::ProbeSpec;
use super::target::Family;

/// How many addresses of a name are looked at in each family. Whoever answers for a name could
/// give thousands, and every one of them is some thirty connections.
const MOST_ADDRESSES: usize = 16;

/// Which addresses the names of a deployment have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    answers: Vec<(DomainName, Family, DnsFacts)>,
    overrides: Vec<Resolve>,
}

impl Resolution {
    /// Takes over what the DNS said and what the operator says instead.
    pub fn new(observations: &[Observation], overrides: Vec<Resolve>) -> Self {
        let answers = observations
            .iter()
            .filter_map(|observation| match (&observation.spec, &observation.outcome) {
                (ProbeSpec::Dns { name, family }, Outcome::Saw(Facts::Dns(facts))) => {
                    Some((name.clone(), *family, facts.clone()))
                }
                _ => None,
            })
            .collect();
        Self { answers, overrides }
    }

    /// The addresses that the DNS gives for `name`, IPv4 first, each once; no more than the first
    /// 16 of each family.
    pub fn in_dns(&self, name: &DomainName) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self
            .answers
            .iter()
            .filter(|(answered, ..)| answered == name)
            .flat_map(|(_, _, facts)| facts.addresses.iter().take(MOST_ADDRESSES).copied())
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// What is not looked at because of what the DNS said: a family whose question stayed without
    /// an answer, while the other one has addresses, and addresses beyond the first 16.
    pub fn gaps(&self) -> Vec<LeftOut> {
        let mut gaps = Vec::new();
        for (name, family, facts) in &self.answers {
            let (name, family) = (name.clone(), *family);
            if is_open(facts.answer) && !self.in_dns(&name).is_empty() {
                gaps.push(LeftOut::Unanswered { name: name.clone(), family, server: facts.server });
            }
            if let Some(more) = facts.addresses.len().checked_sub(MOST_ADDRESSES + 1) {
                let (more, checked) = (more + 1, MOST_ADDRESSES);
                gaps.push(LeftOut::MoreAddresses { name, family, more, checked });
            }
        }
        gaps
    }

    /// The addresses to use for `name` and `port`: the operator's, or else those in the DNS.
    pub fn addresses(&self, name: &DomainName, port: Port) -> Vec<IpAddr> {
        let given = self.overrides.iter().find(|entry| {
            entry.name == *name && entry.port.is_none_or(|given_port| given_port == port)
        });
        match given {
            Some(entry) => entry.addresses.clone(),
            None => self.in_dns(name),
        }
    }
}

/// Whether the name may have addresses of the family all the same.
fn is_open(answer: DnsAnswer) -> bool {
    match answer {
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::NxDomain | DnsAnswer::CnameLoop => {
            false
        }
        DnsAnswer::ServFail
        | DnsAnswer::Refused
        | DnsAnswer::OtherCode(_)
        | DnsAnswer::Malformed
        | DnsAnswer::Silent
        | DnsAnswer::Unreachable => true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What the DNS said of one name, in one family.
    fn answer(family: Family, answer: DnsAnswer, addresses: Vec<IpAddr>) -> Observation {
        Observation {
            spec: ProbeSpec::Dns { name: "openvidu.example.io".parse().unwrap(), family },
            started: Duration::ZERO,
            took: Duration::ZERO,
            attempts: 1,
            outcome: Outcome::Saw(Facts::Dns(DnsFacts {
                invalid_at: None,
                server: "192.0.2.53:53".parse().unwrap(),
                over_udp: true,
                answer,
                cname_chain: vec![],
                addresses,
                without_validation: vec![],
                denied_by: None,
            })),
        }
    }

    fn gaps(v6: DnsAnswer, v4: Vec<IpAddr>) -> Vec<LeftOut> {
        let answers =
            [answer(Family::V4, DnsAnswer::Addresses, v4), answer(Family::V6, v6, vec![])];
        Resolution::new(&answers, vec![]).gaps()
    }

    #[test]
    fn a_family_whose_question_stays_open_is_not_passed_over_in_silence() {
        let one = || vec!["203.0.113.10".parse().unwrap()];
        for open in [DnsAnswer::Silent, DnsAnswer::ServFail, DnsAnswer::Malformed] {
            let unanswered = LeftOut::Unanswered {
                name: "openvidu.example.io".parse().unwrap(),
                family: Family::V6,
                server: "192.0.2.53:53".parse().unwrap(),
            };
            assert_eq!(gaps(open, one()), [unanswered]);
        }
        assert!(gaps(DnsAnswer::NoData, one()).is_empty());
        assert!(gaps(DnsAnswer::Silent, vec![]).is_empty());
    }

    #[test]
    fn of_a_name_with_thousands_of_addresses_the_first_few_are_looked_at() {
        let many: Vec<IpAddr> =
            (0..4000_u32).map(|n| std::net::Ipv4Addr::from_bits(0xcb00_7100 + n).into()).collect();
        let name: DomainName = "openvidu.example.io".parse().unwrap();
        let observations = [answer(Family::V4, DnsAnswer::Addresses, many)];
        let resolution = Resolution::new(&observations, vec![]);
        assert_eq!(resolution.in_dns(&name).len(), 16);
        let more = LeftOut::MoreAddresses { name, family: Family::V4, more: 3984, checked: 16 };
        assert_eq!(resolution.gaps(), [more]);
    }
}
