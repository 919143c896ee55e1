//! What rules about TCP ports saw, in words.

use super::{Statement, numbers, services, udp};
use crate::model::facts::Connect;
use crate::model::port::{Port, Transport};
use crate::model::seen::{Exposure, OpenPort, PortSeen, ResponderMissed};

pub(super) fn statement(seen: &PortSeen) -> Statement {
    let summary = match seen {
        PortSeen::Open(behind) => {
            let statement = Statement::new("the port accepts connections");
            return statement.with(behind.iter().map(services::exposure));
        }
        PortSeen::PartOpen(open) => return part_open(open),
        PortSeen::OfPort { port, seen } => {
            let statement = super::seen(seen);
            let summary = format!("port {port}: {}", statement.summary);
            return Statement { summary, ..statement };
        }
        PortSeen::Refused => {
            "the connection is refused (RST): no process is listening, or a firewall rejects it"
                .to_owned()
        }
        PortSeen::RefusedToThisMachine => {
            "the connection is refused (RST), although the proxy reaches the service there: a \
             firewall rejects it"
                .to_owned()
        }
        PortSeen::FirewallRefuses(error) => {
            format!("the machine's firewall refuses the connection: {error}")
        }
        PortSeen::NotReached(error) => format!("the machine was not reached: {error}"),
        PortSeen::Silent => {
            "no answer to connection attempts: a firewall drops them, or the machine is down"
                .to_owned()
        }
        PortSeen::NothingAnswers(family) => format!(
            "no answer, but nothing else answered over {family} either: this network may be the \
             cause"
        ),
        PortSeen::NobodyAt { nodes, addresses } => {
            let of_nodes = match nodes.as_ref() {
                [] => String::new(),
                _ => format!("{}: ", numbers::first_of(nodes)),
            };
            let statement = Statement::new(format!(
                "{of_nodes}nothing at {} responds, on any port or to a ping: is the machine running, and \
                 is the address right? A machine that drops everything from here looks the same; a call \
                 (--api-key) would show the addresses that the server itself names",
                numbers::first_of(addresses)
            ));
            return match addresses.first() {
                None => statement,
                Some(address) => statement.detail(format!(
                    "on another machine of the deployment, \"ping -c 3 {address}\" shows whether it is up; \
                     on its own console, \"ip -brief address\" shows its addresses"
                )),
            };
        }
        PortSeen::WayOutUnknown(family) => format!(
            "no answer, but this network may be the cause: over {family}, only ports responded that \
             most networks allow (80, 443). Run ovcheck from a network that allows all outbound TCP"
        ),
        PortSeen::WayOutRefused(family) => format!(
            "the connection is refused (RST), but so is every other unusual port over {family}: \
             this network may be the cause. Run ovcheck from a network that allows all outbound TCP"
        ),
        PortSeen::AcceptedForOthers { unlistened, everywhere: Some(family) } => format!(
            "TCP {unlistened}, where nothing listens, accepts connections on every machine over \
             {family}: something near this machine accepts them in place of the servers (a \
             transparent proxy, a VPN client, a security agent). Run ovcheck from another network"
        ),
        PortSeen::AcceptedForOthers { unlistened, everywhere: None } => format!(
            "TCP {unlistened}, where nothing listens, accepts connections too: something in front of \
             this machine accepts them in its place"
        ),
        PortSeen::IdleRangeAnswers(ports) => format!(
            "{}, although no process needs to listen there now",
            numbers::ports_that(ports, "answer")
        ),
        PortSeen::IdleRangeSilent(ports) => format!(
            "a firewall probably drops connections: no answer from {}, where an idle machine \
             refuses them",
            numbers::ports(ports)
        ),
        PortSeen::ByResponder(ports) => return udp::by_responder(ports, Transport::Tcp),
        PortSeen::ResponderUnsure(ports) => {
            return Statement::new(format!(
                "ovcheck listen cannot tell whether connection attempts reach {}",
                udp::listed(ports)
            ))
            .detail(
                "attempts were lost, or something on the way changes the segment size by which ovcheck \
                 recognises them",
            );
        }
        PortSeen::ResponderMissed(missed) => match missed {
            ResponderMissed::Silent => {
                "the responder on this machine did not answer: check that ovcheck listen is running there \
                 and that the token file is its own"
                    .to_owned()
            }
            ResponderMissed::Busy => {
                "the responder on this machine has no room for another check: start ovcheck listen again"
                    .to_owned()
            }
            ResponderMissed::OtherVersion(version) => format!(
                "the responder on this machine speaks version {version} of the protocol: run the same \
                 version of ovcheck on both machines"
            ),
            ResponderMissed::NotAsked => {
                "the responder on this machine was not asked: run again with a longer --deadline".to_owned()
            }
        },
        PortSeen::MisprintAnswers { misprint, met } => format!(
            "TCP {misprint} {} instead: a table of the guide names it by mistake, but the proxy's \
             configuration uses this port",
            if *met == Connect::Accepted { "is open" } else { "answers (RST)" }
        ),
    };
    Statement::new(summary)
}

/// Which ports of a range are open; below it what answers behind them, the same of several ports
/// once.
fn part_open(open: &[OpenPort]) -> Statement {
    let all: Vec<Port> = open.iter().map(|open| open.port).collect();
    let mut behind: Vec<(&Exposure, Vec<Port>)> = Vec::new();
    for OpenPort { port, behind: exposure } in open {
        let Some(exposure) = exposure else { continue };
        match behind.iter_mut().find(|(known, _)| *known == exposure) {
            Some((_, ports)) => ports.push(*port),
            None => behind.push((exposure, vec![*port])),
        }
    }
    let (word, is_one) = if all.len() == 1 { ("port", true) } else { ("ports", false) };
    Statement::new(format!("{word} {} connections", numbers::ports_that(&all, "accept"))).with(
        behind.iter().map(|(exposure, ports)| {
            let exposure = services::exposure(exposure);
            if is_one { exposure } else { format!("{}: {exposure}", numbers::ports(ports)) }
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::RedisAnswer;
    use crate::model::rule::Service;

    fn open(port: &str, behind: Option<Exposure>) -> OpenPort {
        OpenPort { port: port.parse().unwrap(), behind }
    }

    #[test]
    fn what_several_ports_of_a_range_have_behind_them_is_said_once() {
        let grafana = || Some(Exposure::Service(Service::Grafana));
        let redis = || Some(Exposure::Redis(RedisAnswer::NoAuth));
        let several =
            [open("7", redis()), open("8", grafana()), open("9", redis()), open("10", None)];
        assert_eq!(
            part_open(&several).to_string(),
            "ports 7, 8, 9 and 10 accept connections\n\
             7 and 9: Redis responds; only its password protects it\n\
             8: Grafana responds; only its login protects it"
        );
        assert_eq!(
            part_open(&[open("7", redis())]).to_string(),
            "port 7 accepts connections\nRedis responds; only its password protects it"
        );
    }
}
