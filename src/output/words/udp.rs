//! What rules about UDP ports saw, in words.

use super::numbers::{ports_that, thousands};
use super::{Statement, facts, numbers};
use crate::model::facts::{ExtentEnd, IcmpError, IcmpMeaning, Stretch};
use crate::model::port::{PortRange, Transport};
use crate::model::probe::ExtentLimits;
use crate::model::seen::{
    PortsAsked, PortsByResponder, RangeSeen, TcpRejection, UdpControl, UdpExtent, UdpReply,
    UdpSeen, UdpSweep,
};
use crate::output::quote::quoted;
use crate::output::text;

pub(super) fn statement(seen: &UdpSeen) -> Statement {
    let summary = match seen {
        UdpSeen::Answered { port, reply, hole } => {
            let reply = self::reply(reply);
            let open = port.map_or_else(String::new, |port| format!("port {port} is open: "));
            return Statement::new(format!("{open}{reply}")).with(hole.as_ref().map(holes));
        }
        UdpSeen::NoListener { range, control, hole } => {
            let reached = match range {
                None => "the port".to_owned(),
                Some(range) => reached(range),
            };
            return Statement::new(format!("packets probably reach {reached}"))
                .detail(no_listener(range.as_ref(), *control))
                .with(hole.as_ref().map(holes));
        }
        UdpSeen::OpenOrRejected { range, control, tcp } => {
            return Statement::new(rejection(*tcp)).detail(no_listener(range.as_ref(), *control));
        }
        UdpSeen::RangeAnswers { ports, control } => {
            let answer = ports_that(ports, "answer");
            return Statement::new(format!("packets reach the range: {answer}"))
                .detail(background(*control));
        }
        UdpSeen::Refused { port, error } => {
            let place = port.map_or_else(String::new, |port| format!("port {port}: "));
            format!("{place}{} {error}", who_refuses(error))
        }
        UdpSeen::NoService(error) => {
            format!("no process is listening, or a firewall rejects the request: {error}")
        }
        UdpSeen::PartBlocked { alive, silent, blocked } => {
            let statement = Statement::new("part of the range is probably blocked");
            let answer = ports_that(alive, "answer");
            return match blocked {
                Some(extent) => statement.detail(answer).detail(blocked_part(extent)),
                None => {
                    let verb = if silent.len() == 1 { "does" } else { "do" };
                    let silent = numbers::ports(silent);
                    statement.detail(format!("{answer}, but {silent} {verb} not"))
                }
            };
        }
        UdpSeen::RangeSilent { asked, control } => {
            return Statement::new(format!(
                "the range is probably blocked: none of {} probed ports answers",
                thousands(asked.ports)
            ))
            .detail(format!(
                "an idle machine reports \"no listener\" instead; {}",
                background(*control)
            ));
        }
        UdpSeen::NothingComesBack { asked, control } => {
            let asked = asked.map_or_else(String::new, |asked| format!(" ({})", probed(asked)));
            format!("nothing comes back{asked}; {}", background(*control))
        }
        UdpSeen::SweepIncomplete { asked, of } => format!(
            "{} of {} ports were asked; an open port among the others would not be seen: run again \
             with a longer --deadline",
            thousands(*asked),
            thousands(*of)
        ),
        UdpSeen::SweepWithheld { asked, of } => format!(
            "{} of {} ports were asked: nothing that belongs to this deployment answered at this \
             address. If the machine is yours, run with --sweep and the address or the name of the node",
            thousands(*asked),
            thousands(*of)
        ),
        UdpSeen::SilentEitherWay => {
            "silent; an open and a closed port look the same from here".to_owned()
        }
        UdpSeen::OpenToTheInternet => {
            "packets from the internet reach the port, and nothing shows that those from here do not"
                .to_owned()
        }
        UdpSeen::NoStunAnswer => {
            "no STUN answer to any copy of the request: a firewall drops it, or no STUN server is \
             listening"
                .to_owned()
        }
        UdpSeen::PortMayBeBlockedHere(port) => format!(
            "a network that blocks UDP {port} alone, as some do, shows the same. A STUN server outside \
             that answers on this port decides: --stun-server HOST:{port}"
        ),
        UdpSeen::Unheard => {
            "silent, but the node may have had no ICMP error left to send (Linux sends one a \
             second): run again in ten seconds"
                .to_owned()
        }
        UdpSeen::ByResponder(ports) => return by_responder(ports, Transport::Udp),
        UdpSeen::ResponderLost { ports, sent, lost, by_itself } => {
            return responder_lost(ports, (*sent, *lost), *by_itself);
        }
        UdpSeen::NothingAnswers(family) => format!(
            "silent, but nothing else answered over {family} UDP either: name a STUN server \
             outside this network with --stun-server"
        ),
    };
    Statement::new(summary)
}

/// What the machine itself saw, with what violates the rule first.
pub(super) fn by_responder(ports: &PortsByResponder, transport: Transport) -> Statement {
    let sent = match transport {
        Transport::Udp => "packets",
        Transport::Tcp => "connection attempts",
    };
    let PortsByResponder { passed, forwarded, stopped_there, stopped_before, .. } = ports;
    let all = [passed, forwarded, stopped_there, stopped_before];
    let is_single = all.iter().map(|ranges| count(ranges)).sum::<usize>() == 1;
    let by = match ports.checks_sources {
        false => "its firewall stops them",
        true => "its firewall or its reverse path filter (rp_filter) stops them",
    };
    let before = match ports.gets_out {
        true => "something before it stops them",
        false => "something before it stops them, or the network of this computer does",
    };
    let mut each = [
        (passed, "pass the machine's firewall".to_owned()),
        (forwarded, "are forwarded by the machine, as to a container".to_owned()),
        (stopped_there, format!("reach the machine, but {by}")),
        (stopped_before, format!("do not reach the machine: {before}")),
    ];
    // The kernel drops what it cannot deliver to a container that does not answer ARP or NDP.
    let container = (ports.must_be_open && !stopped_there.is_empty()).then_some(
        "a port that the machine forwards to a container that does not run shows the same",
    );
    if ports.must_be_open {
        each.rotate_left(2);
    }
    let lines = each.into_iter().filter(|(ranges, _)| !ranges.is_empty());
    let mut lines = lines.map(|(ranges, what)| match is_single {
        true => format!("{sent} {what}"),
        false => format!("{sent} to {} {what}", listed(ranges)),
    });
    let first = lines.next().unwrap_or_default();
    Statement::new(first)
        .with(lines)
        .with(container.map(str::to_owned))
        .with(ports.redirected.iter().map(|redirect| {
            format!("{sent} to {} arrive at port {}", numbers::range(redirect.ports), redirect.to)
        }))
        .detail(match transport {
            Transport::Udp => "seen on the machine itself, by ovcheck listen",
            Transport::Tcp => {
                "seen on the machine itself, by ovcheck listen (recognised by source and segment size)"
            }
        })
}

/// `500 ports (50500-50999)`, `443`.
pub(super) fn listed(ranges: &[PortRange]) -> String {
    match ranges {
        [one] if one.single().is_some() => one.to_string(),
        _ => format!("{} ports ({})", thousands(count(ranges)), numbers::first_of(ranges)),
    }
}

fn count(ranges: &[PortRange]) -> usize {
    ranges.iter().map(|range| range.count() as usize).sum()
}

fn responder_lost(ports: &[PortRange], (sent, lost): (u32, u32), by_itself: u64) -> Statement {
    let why = match by_itself {
        0 => format!(
            "the network lost {} of {} probes to ports that are reached",
            thousands(lost as usize),
            thousands(sent as usize)
        ),
        _ => "the machine was too busy to read all probes".to_owned(),
    };
    Statement::new(format!("ovcheck listen cannot tell whether packets reach {}", listed(ports)))
        .detail(format!("{why}: run again with a lower --udp-rate"))
}

fn reply(reply: &UdpReply) -> String {
    match reply {
        UdpReply::Stun => "a STUN server responds".to_owned(),
        UdpReply::MalformedStun(what) => format!("a malformed STUN answer ({})", quoted(what)),
        UdpReply::InProtocol(protocol) => {
            format!("something else responds: {}", facts::datagram_protocol(protocol))
        }
        UdpReply::Other(first) => {
            format!("something else responds: {}", facts::first_bytes(first))
        }
        UdpReply::Unrelated(first) => facts::unrelated(first),
    }
}

/// `1 of 10,001 ports`; of those that were probed, where these stand for the range.
fn reached(range: &RangeSeen) -> String {
    let (some, all) = (thousands(range.no_listener.len()), thousands(range.asked.ports));
    match range.asked.sweep {
        Some(UdpSweep { unsent: 0, .. }) => format!("{some} of {all} ports"),
        Some(_) | None => format!("{some} of {all} probed ports"),
    }
}

/// Which ports say that no process listens, and what they have to be read against.
fn no_listener(range: Option<&RangeSeen>, control: UdpControl) -> String {
    let report = "\"no listener\" (ICMP port unreachable)";
    let background = background(control);
    let Some(RangeSeen { no_listener, asked }) = range else {
        return format!("the node reports {report}; {background}");
    };
    let silent = match asked.silent {
        0 => String::new(),
        silent => format!("{} silent, ", thousands(silent)),
    };
    let who = ports_that(no_listener, "report");
    format!("{}: {silent}{who} {report}; {background}", probed(*asked))
}

/// How the ports of a range were asked: `10,001 ports probed twice`, `7 ports probed`.
fn probed(asked: PortsAsked) -> String {
    let ports = format!("{} ports probed", thousands(asked.ports));
    let Some(UdpSweep { copies, unsent }) = asked.sweep else {
        return ports;
    };
    let times = match copies {
        0 => "",
        1 => " once",
        2.. => " twice",
    };
    match unsent {
        0 => format!("{ports}{times}"),
        unsent => format!("{ports}{times}, {} not at all", thousands(unsent as usize)),
    }
}

/// What ports do that no table names.
fn background(control: UdpControl) -> &'static str {
    match control {
        UdpControl::Unreachable => "control ports report \"no listener\" too",
        UdpControl::Prohibited => "a firewall refuses control ports",
        UdpControl::Silent => "control ports are silent",
        UdpControl::Unknown => "the state of control ports is unknown",
    }
}

/// Why "port unreachable" is no sign of an open port.
fn rejection(tcp: TcpRejection) -> String {
    let alike = "an open and a rejected port look the same from here: the firewall rejects TCP too";
    match tcp {
        TcpRejection::ByIcmp => alike.to_owned(),
        TcpRejection::ByReset(port) => {
            format!("{alike} (RST on {port}, where the proxy reaches a service)")
        }
        TcpRejection::Unheard => "the firewall may reject UDP and TCP alike, but may have had no \
                                  ICMP error left to show it: run again in ten seconds"
            .to_owned(),
    }
}

fn who_refuses(error: &IcmpError) -> &'static str {
    match (error.is_of_meant_machine(), error.meaning()) {
        (true, IcmpMeaning::AdminProhibited) => "the node's firewall refuses packets:",
        (
            true,
            IcmpMeaning::PortUnreachable
            | IcmpMeaning::HostUnreachable
            | IcmpMeaning::NetworkUnreachable
            | IcmpMeaning::Other,
        ) => "the node reports",
        (false, _) => "a router on the way reports",
    }
}

/// `the hole is 54000-54999 (1,000 ports)`.
fn holes(extent: &UdpExtent) -> String {
    let is = if extent.stretches.len() == 1 { "the hole is" } else { "the holes are" };
    format!("{is} {}", stretches(extent))
}

/// `blocked: 55001-60000 (5,000 ports)`.
fn blocked_part(extent: &UdpExtent) -> String {
    format!("blocked: {}", stretches(extent))
}

fn stretches(extent: &UdpExtent) -> String {
    let stretches: Vec<String> = extent.stretches.iter().map(stretch).collect();
    format!("{}{}", text::list(&stretches), unfinished(extent.ended))
}

fn stretch(stretch: &Stretch) -> String {
    let ports = stretch.ports;
    match (stretch.first_is_exact, stretch.last_is_exact) {
        (true, true) => numbers::range(ports),
        (true, false) => format!("{ports} and perhaps more above"),
        (false, true) => format!("{ports} and perhaps more below"),
        (false, false) => format!("{ports} and perhaps more on both sides"),
    }
}

/// Why it may be more than that.
fn unfinished(ended: ExtentEnd) -> String {
    match ended {
        ExtentEnd::Complete => String::new(),
        ExtentEnd::StepsSpent => format!("; the search ended after {} steps", ExtentLimits::STEPS),
        ExtentEnd::TimeSpent => {
            format!("; the search ended after {} s", ExtentLimits::LONGEST.as_secs())
        }
        ExtentEnd::NoSentinel => {
            "; its edges could not be searched for, because no port draws an ICMP error".to_owned()
        }
        ExtentEnd::Unheard => {
            "; the search ended early because the node had no ICMP errors left".to_owned()
        }
        ExtentEnd::NotSent => {
            "; the search ended early because this machine could not send a datagram".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::StretchShows;

    fn extent(stretches: &[(&str, bool)], ended: ExtentEnd) -> UdpExtent {
        let stretches = stretches.iter().map(|(ports, last_is_exact)| Stretch {
            ports: ports.parse().unwrap(),
            shows: StretchShows::Answers,
            first_is_exact: true,
            last_is_exact: *last_is_exact,
        });
        UdpExtent { stretches: stretches.collect(), ended }
    }

    #[test]
    fn a_hole_is_said_with_its_size() {
        let found = extent(&[("54000-54999", true)], ExtentEnd::Complete);
        assert_eq!(holes(&found), "the hole is 54000-54999 (1,000 ports)");
        let found = extent(&[("51000", true), ("54000-54999", true)], ExtentEnd::Complete);
        assert_eq!(holes(&found), "the holes are 51000 and 54000-54999 (1,000 ports)");
    }

    #[test]
    fn what_was_not_found_out_is_said() {
        let found = [("54000-54500", false)];
        assert_eq!(
            holes(&extent(&found, ExtentEnd::StepsSpent)),
            "the hole is 54000-54500 and perhaps more above; the search ended after 28 steps"
        );
        assert_eq!(
            blocked_part(&extent(&found, ExtentEnd::Unheard)),
            "blocked: 54000-54500 and perhaps more above; the search ended early because the node \
             had no ICMP errors left"
        );
    }
}
