//! What `ovcheck listen` says to people.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::text;
use super::words::numbers::{range, thousands};
use crate::model::facts::{Facts, ResponderAnswer, ResponderFacts};
use crate::model::observation::{Observation, Outcome};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::responder::{
    PortRedirect, PortSet, ResponderRecord, ResponderToken, ReversePathFilter, SessionRecord,
};
use crate::model::timestamp::Timestamp;

/// The most ranges of a session that are listed.
const LISTED: usize = 10;

/// How a responder begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    pub lasts: Duration,
    pub ends_at: Timestamp,
    /// `None`: the operator has it already.
    pub token: Option<&'a ResponderToken>,
    pub has_v6: bool,
    /// How many probes its buffers hold.
    pub room: u32,
}

/// What is said first.
///
/// # Errors
/// Those of `out`.
pub fn begin(beginning: &Beginning<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "Watching the probes of ovcheck for {}, until {} (Ctrl-C ends it). ovcheck opens no port and does \
         not change the firewall.",
        time(beginning.lasts),
        beginning.ends_at
    )?;
    if !beginning.has_v6 {
        writeln!(out, "IPv6 is not available on this machine: only IPv4 probes are seen.")?;
    }
    if beginning.room < ENOUGH_ROOM {
        writeln!(
            out,
            "The receive buffers hold only {} probes, so checks send more slowly. To enlarge them, run \
             with sudo.",
            thousands(beginning.room as usize)
        )?;
    }
    match beginning.token {
        Some(token) => writeln!(
            out,
            "\nToken of this run, shown only once:\n  {}\n\nSave it to a file on the machine from which \
             you check, and run there:",
            token.expose()
        )?,
        None => writeln!(out, "\nOn the machine from which you check, run:")?,
    }
    writeln!(out, "  ovcheck check DOMAIN --responder NODE --responder-token-file FILE\n")
}

/// Buffers that hold this many probes hold a whole range.
const ENOUGH_ROOM: u32 = 5_000;

fn time(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds > 0 && seconds % 3_600 == 0 => {
            text::counted((seconds / 3_600) as usize, "hour")
        }
        seconds if seconds > 0 && seconds % 60 == 0 => {
            text::counted((seconds / 60) as usize, "minute")
        }
        seconds => text::counted(seconds as usize, "second"),
    }
}

/// One line about a check while it runs.
pub fn session(session: &SessionRecord) -> String {
    let [arrived, passed, forwarded] =
        [&session.arrived, &session.passed, &session.forwarded].map(|ranges| count(ranges));
    let forwarded = match forwarded {
        0 => String::new(),
        some => format!(", {} forwarded", thousands(some)),
    };
    let tcp = session.tcp.as_ref().map_or_else(String::new, |tcp| {
        format!(
            "; TCP: {} of {}, {} passed",
            count(&tcp.arrived),
            count(&tcp.announced),
            count(&tcp.passed)
        )
    });
    format!(
        "{}  {}: {} reached this machine, {} passed its firewall{forwarded}{tcp}",
        session.last_at,
        session.source,
        ports(arrived),
        thousands(passed),
    )
}

fn count(ranges: &[PortRange]) -> usize {
    ranges.iter().map(|range| range.count() as usize).sum()
}

fn ports(count: usize) -> String {
    match count {
        1 => "1 port".to_owned(),
        count => format!("{} ports", thousands(count)),
    }
}

/// One line about packets without the right token.
pub fn refused(packets: u64, last_from: Option<IpAddr>) -> String {
    let from = last_from.map_or_else(String::new, |from| format!(", the last one from {from}"));
    format!(
        "{} probes with a wrong token{from}: compare the token files of the node and the check",
        thousands(usize::try_from(packets).unwrap_or(usize::MAX))
    )
}

/// One line about packets that were lost here.
pub fn lost(packets: u64) -> String {
    format!(
        "this machine was too busy to read {} packets; checks send them again",
        thousands(usize::try_from(packets).unwrap_or(usize::MAX))
    )
}

/// What is said last: the lists of each check.
///
/// # Errors
/// Those of `out`.
pub fn end(record: &ResponderRecord, out: &mut dyn Write) -> io::Result<()> {
    let seconds = record.ended_at.seconds_since(record.started_at);
    let seconds = Duration::from_secs(seconds.try_into().unwrap_or(0));
    writeln!(out, "\nEnded after {}.", time(seconds))?;
    if record.sessions.is_empty() {
        let why = match record.refused {
            0 => "No probe of ovcheck arrived.",
            _ => "No probe with the right token arrived.",
        };
        return writeln!(out, "{why}");
    }
    for session in &record.sessions {
        writeln!(out, "\nFrom {}, session {}:", session.source, session.session)?;
        let of_udp = Lists {
            transport: Transport::Udp,
            arrived: &session.arrived,
            passed: &session.passed,
            forwarded: &session.forwarded,
            redirected: &session.redirected,
        };
        let of_tcp = session.tcp.as_ref().map(|tcp| Lists {
            transport: Transport::Tcp,
            arrived: &tcp.arrived,
            passed: &tcp.passed,
            forwarded: &tcp.forwarded,
            redirected: &tcp.redirected,
        });
        for lists in [Some(of_udp), of_tcp].into_iter().flatten() {
            lists.write(stopped_by(session, record.reverse_path_filter), out)?;
        }
    }
    Ok(())
}

/// What was seen over one transport.
struct Lists<'a> {
    transport: Transport,
    arrived: &'a [PortRange],
    passed: &'a [PortRange],
    forwarded: &'a [PortRange],
    redirected: &'a [PortRedirect],
}

impl Lists<'_> {
    fn write(&self, stopped_by: &str, out: &mut dyn Write) -> io::Result<()> {
        let transport = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let lists = [
            ("reached this machine", self.arrived.to_vec()),
            ("passed its firewall", self.passed.to_vec()),
            ("forwarded, as to a container", self.forwarded.to_vec()),
            (stopped_by, self.stopped()),
        ];
        for (what, ranges) in lists {
            if !ranges.is_empty() {
                let ports = ports(count(&ranges));
                writeln!(out, "  {transport}, {what}: {ports} ({})", some_of(&ranges))?;
            }
        }
        for PortRedirect { ports, to } in self.redirected.iter().take(LISTED) {
            writeln!(out, "  {transport}, redirected to port {to}: {}", range(*ports))?;
        }
        Ok(())
    }

    /// The ports that arrived, and were neither let in nor sent on.
    fn stopped(&self) -> Vec<PortRange> {
        let of = |ranges: &[PortRange]| -> PortSet {
            let ports = ranges.iter().flat_map(|range| {
                (range.first().number()..=range.last().number()).filter_map(Port::new)
            });
            ports.collect()
        };
        let (passed, forwarded) = (of(self.passed), of(self.forwarded));
        let arrived = of(self.arrived);
        let stopped = arrived
            .ports()
            .filter(|port| !passed.contains(port.number()) && !forwarded.contains(port.number()));
        stopped.collect::<PortSet>().ranges()
    }
}

/// Who may have stopped the ports of a session on this machine.
fn stopped_by(session: &SessionRecord, filter: ReversePathFilter) -> &'static str {
    let is_v4 = session.source.is_ipv4();
    match filter {
        ReversePathFilter::Strict | ReversePathFilter::Loose if is_v4 => {
            "stopped on this machine, by its firewall or the reverse path filter (rp_filter)"
        }
        ReversePathFilter::Off
        | ReversePathFilter::Strict
        | ReversePathFilter::Loose
        | ReversePathFilter::Unknown => "stopped on this machine",
    }
}

fn some_of(ranges: &[PortRange]) -> String {
    let mut words: Vec<String> = ranges.iter().take(LISTED).map(ToString::to_string).collect();
    if ranges.len() > LISTED {
        words.push(format!("and {} more", thousands(ranges.len() - LISTED)));
    }
    words.join(", ")
}

/// A line for each responder that a check asked in vain.
pub fn asked_in_vain(observations: &[Observation]) -> Vec<String> {
    let asked = observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(Facts::Responder(facts)) => Some((observation.spec.address()?, facts)),
        _ => None,
    });
    asked.filter_map(|(address, facts)| in_vain(address, facts)).collect()
}

fn in_vain(address: IpAddr, facts: &ResponderFacts) -> Option<String> {
    Some(match &facts.answer {
        ResponderAnswer::Told(_) => return None,
        ResponderAnswer::Silent => format!(
            "the responder at {address} did not answer: check that ovcheck listen is running there and \
             that the token file is its own. If its answers cannot reach this machine, it still lists \
             what arrived, as session {}: merge its file with this recording (ovcheck merge)",
            facts.session
        ),
        ResponderAnswer::OtherVersion(version) => format!(
            "the responder at {address} speaks version {version} of the protocol: run the same version of \
             ovcheck on both machines"
        ),
        ResponderAnswer::Busy => format!(
            "the responder at {address} has no room for another check: start ovcheck listen again"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::responder::{ResponderHead, SessionId, SynRecord};

    fn ranges(text: &str) -> Vec<PortRange> {
        text.split_whitespace().map(|range| range.parse().unwrap()).collect()
    }

    fn record(sessions: Vec<SessionRecord>, refused: u64) -> ResponderRecord {
        ResponderRecord {
            responder: ResponderHead { version: 1, ovcheck: "0".to_owned() },
            started_at: Timestamp::from_unix_seconds(1_795_000_000),
            ended_at: Timestamp::from_unix_seconds(1_795_000_300),
            reverse_path_filter: ReversePathFilter::Strict,
            sessions,
            lost: 0,
            refused,
        }
    }

    fn a_session() -> SessionRecord {
        let at = Timestamp::from_unix_seconds(1_795_000_100);
        SessionRecord {
            session: SessionId([0xab; 8]),
            source: "198.51.100.7".parse().unwrap(),
            began_at: at,
            last_at: at,
            probes: 12_000,
            arrived: ranges("443 50000-60000"),
            passed: ranges("50000-50499 51000-60000"),
            forwarded: ranges("443"),
            redirected: vec![PortRedirect {
                ports: "443".parse().unwrap(),
                to: "8443".parse().unwrap(),
            }],
            tcp: Some(SynRecord {
                announced: ranges("80 443 6379"),
                arrived: ranges("443 6379"),
                passed: ranges("443"),
                ..SynRecord::default()
            }),
        }
    }

    fn written(write: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
        let mut text = Vec::new();
        write(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_end_lists_what_arrived_and_what_became_of_it() {
        let text = written(|out| end(&record(vec![a_session()], 0), out));
        assert_eq!(
            text,
            "\nEnded after 5 minutes.\n\nFrom 198.51.100.7, session abababababababab:\n  \
             UDP, reached this machine: 10,002 ports (443, 50000-60000)\n  \
             UDP, passed its firewall: 9,501 ports (50000-50499, 51000-60000)\n  \
             UDP, forwarded, as to a container: 1 port (443)\n  \
             UDP, stopped on this machine, by its firewall or the reverse path filter (rp_filter): 500 \
             ports (50500-50999)\n  \
             UDP, redirected to port 8443: 443\n  \
             TCP, reached this machine: 2 ports (443, 6379)\n  \
             TCP, passed its firewall: 1 port (443)\n  \
             TCP, stopped on this machine, by its firewall or the reverse path filter (rp_filter): 1 port \
             (6379)\n"
        );
        assert!(session(&a_session()).ends_with(
            "198.51.100.7: 10,002 ports reached this machine, 9,501 passed its firewall, 1 forwarded; TCP: \
             2 of 3, 1 passed"
        ));
    }

    #[test]
    fn without_a_check_it_is_said_whether_a_token_was_wrong() {
        let text = |refused| written(|out| end(&record(Vec::new(), refused), out));
        assert!(text(0).contains("No probe of ovcheck arrived."));
        assert!(text(3).contains("No probe with the right token arrived."));
    }

    #[test]
    fn the_token_is_shown_where_it_is_new_and_only_there() {
        let token = ResponderToken::new([0xab; 16]);
        let beginning = Beginning {
            lasts: Duration::from_secs(90),
            ends_at: Timestamp::from_unix_seconds(1_795_000_090),
            token: Some(&token),
            has_v6: false,
            room: 512,
        };
        let text = written(|out| begin(&beginning, out));
        assert!(text.contains(&token.expose()) && text.contains("for 90 seconds"), "{text}");
        assert!(text.contains("only IPv4") && text.contains("hold only 512 probes"), "{text}");
        let known = Beginning { token: None, has_v6: true, room: 10_000, ..beginning };
        let text = written(|out| begin(&known, out));
        assert!(!text.contains(&token.expose()) && !text.contains("IPv6"), "{text}");
    }
}
