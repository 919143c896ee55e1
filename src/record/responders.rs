//! The file of a responder (`ovcheck listen --output`) beside the recording of a check that did not hear it:
//! what the one saw of the probes of the other.

use std::path::Path;

use crate::complaint::from_json::{self, SIZE_LIMIT};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::dial::DialMap;
use crate::model::facts::{
    Facts, ResponderAnswer, ResponderFacts, ResponderSweep, SentToAll, SynSweep,
};
use crate::model::observation::Outcome;
use crate::model::port::{Port, PortRange};
use crate::model::probe::ProbeSpec;
use crate::model::recording::Recording;
use crate::model::responder::{
    PortRedirect, PortSet, ResponderHead, ResponderRecord, ReversePathFilter, SessionRecord,
    SynRecord,
};
use crate::model::target::Endpoint;

/// A file that is part of a report of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What a check saw.
    Run(Box<Recording>),
    /// What a responder saw.
    Responder(ResponderRecord),
}

/// It is good enough when of all ports fewer than this are missing by mere loss, on average.
const FEW: f64 = 0.001;

/// Reads a recording, or the file of a responder.
///
/// # Errors
/// If it cannot be read, is neither, or is one of another version.
pub fn read_part(path: &Path) -> Result<Part, Complaint> {
    let shown = path.display().to_string();
    let bytes = input::read(path, SIZE_LIMIT).map_err(|error| {
        let message = from_json::unreadable(&error, "recording");
        Complaint::new(message, Place::Path(shown.clone())).with_help(super::HELP)
    })?;
    parse_part(&shown, &bytes)
}

/// What a file of a responder begins with, in every version.
#[derive(serde::Deserialize)]
struct Kind {
    responder: Option<ResponderHead>,
}

/// Reads the bytes of such a file. `shown` is its path.
///
/// # Errors
/// As for [`read_part`].
pub fn parse_part(shown: &str, bytes: &[u8]) -> Result<Part, Complaint> {
    let head = serde_json::from_slice::<Kind>(bytes).ok().and_then(|kind| kind.responder);
    let Some(ResponderHead { version, ovcheck }) = head else {
        return super::parse(shown, bytes).map(|run| Part::Run(Box::new(run)));
    };
    if version != ResponderHead::VERSION {
        let message = format!(
            "ovcheck {ovcheck} wrote this file of a responder in version {version}; this ovcheck reads \
             version {}",
            ResponderHead::VERSION
        );
        return Err(Complaint::new(message, Place::Path(shown.to_owned()))
            .with_help("run the same version of ovcheck on both machines"));
    }
    serde_json::from_slice(bytes).map(Part::Responder).map_err(|error| {
        let reason = from_json::reason(&error);
        let message = format!("this file of a responder cannot be read: {reason}");
        Complaint::new(message, from_json::place(shown, &error))
            .with_help("name the file that `ovcheck listen --output FILE` wrote")
    })
}

/// Puts what responders saw into the recordings of the checks that asked them in vain.
///
/// # Errors
/// About a file that has no session of these recordings.
pub fn fill_in(
    runs: &mut [(String, Recording)],
    responders: &[(String, ResponderRecord)],
) -> Result<(), Complaint> {
    for (path, record) in responders {
        let mut is_used = false;
        for (_, run) in &mut *runs {
            let dial = DialMap { connect_to: run.context.options.connect_to.clone() };
            for observation in &mut run.observations {
                let Outcome::Saw(Facts::Responder(facts)) = &mut observation.outcome else {
                    continue;
                };
                let mut sessions = record.sessions.iter();
                let Some(session) = sessions.find(|it| it.session == facts.session) else {
                    continue;
                };
                is_used = true;
                // What the check was told itself is measured better.
                if facts.answer == ResponderAnswer::Silent
                    && let Some(sweep) = seen_by(&observation.spec, facts, session, record, &dial)
                {
                    facts.answer = ResponderAnswer::Told(sweep);
                }
            }
        }
        if !is_used {
            let complaint = Complaint::new(
                "this responder saw none of the checks of these recordings",
                Place::Path(path.clone()),
            );
            return Err(complaint.with_help(match record.refused {
                0 => "name the recording of a check that asked it with --responder; its probes may not \
                      have reached the node at all",
                _ => "compare the token files of the node and the check: probes with a wrong token \
                      arrived there",
            }));
        }
    }
    Ok(())
}

/// What a session saw of the probes of a check, by the ports that were meant.
fn seen_by(
    spec: &ProbeSpec,
    facts: &ResponderFacts,
    session: &SessionRecord,
    record: &ResponderRecord,
    dial: &DialMap,
) -> Option<ResponderSweep> {
    let ProbeSpec::Responder { address, ports, tcp } = spec else { return None };
    let meant = |asked: &[PortRange], dialled: &[PortRange]| -> Vec<PortRange> {
        let dialled = set(dialled);
        let reached = set(asked);
        let reached = reached.ports().filter(|port| {
            let to = dial.dialled(Endpoint { address: *address, port: *port });
            dialled.contains(to.port())
        });
        reached.collect::<PortSet>().ranges()
    };
    let SentToAll { udp_copies, .. } = facts.sent;
    let arrived = meant(ports, &session.arrived);
    let sent = udp_copies.saturating_mul(count(&arrived));
    let lost = sent.saturating_sub(u32::try_from(session.probes).unwrap_or(u32::MAX));
    let loss = f64::from(lost + 1) / f64::from(sent + 1);
    // The file does not say when packets were lost.
    let has_lost = record.lost > 0;
    let is_no_mere_loss = |asked: u32, copies: u32, loss: f64| {
        f64::from(asked) * loss.powi(i32::try_from(copies).unwrap_or(i32::MAX)) < FEW
    };
    let believes_absence = udp_copies > 0 && is_no_mere_loss(count(ports), udp_copies, loss);
    let passed = meant(ports, &session.passed);
    let forwarded = meant(ports, &session.forwarded);
    let (has_arrived, gets_in) =
        (set(&arrived), set(&[passed.clone(), forwarded.clone()].concat()));
    let all = set(ports);
    let unsettled = all.ports().filter(|port| {
        let port = port.number();
        !gets_in.contains(port) && (has_lost || !(has_arrived.contains(port) || believes_absence))
    });
    let absence = |asked, attempts| match has_lost {
        true => Absence::SaysNothing,
        false if sent > 0 && is_no_mere_loss(asked, attempts, loss) => Absence::Believed,
        false => Absence::BelievedBehindTheTap,
    };
    Some(ResponderSweep {
        asked: ports.clone(),
        unsettled: unsettled.collect::<PortSet>().ranges(),
        redirected: redirected(&session.redirected, ports),
        copies: udp_copies,
        sent,
        lost,
        lost_by_responder: record.lost,
        reverse_path_filter: match address {
            std::net::IpAddr::V4(_) => record.reverse_path_filter,
            std::net::IpAddr::V6(_) => ReversePathFilter::Off,
        },
        tcp: Box::new(tcp_seen_by(tcp, facts.sent, session, meant, absence)),
        arrived,
        passed,
        forwarded,
    })
}

/// What follows from what was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    Believed,
    /// The network may have lost it; what arrived and was not seen again was stopped.
    BelievedBehindTheTap,
    SaysNothing,
}

/// The same of connection attempts.
fn tcp_seen_by(
    asked: &[PortRange],
    sent: SentToAll,
    session: &SessionRecord,
    meant: impl Fn(&[PortRange], &[PortRange]) -> Vec<PortRange>,
    absence: impl Fn(u32, u32) -> Absence,
) -> SynSweep {
    let nothing = SynRecord::default();
    let tcp = session.tcp.as_ref().unwrap_or(&nothing);
    let unsure = set(&meant(asked, &tcp.unsure));
    let sure = |list: &[PortRange]| -> Vec<PortRange> {
        let listed = set(&meant(asked, list));
        listed.ports().filter(|port| !unsure.contains(port.number())).collect::<PortSet>().ranges()
    };
    let (arrived, passed, forwarded) =
        (sure(&tcp.arrived), sure(&tcp.passed), sure(&tcp.forwarded));
    let absence = absence(count(asked), sent.tcp_attempts);
    let (has_arrived, gets_in) =
        (set(&arrived), set(&[passed.clone(), forwarded.clone()].concat()));
    let all = set(asked);
    let unsettled = all.ports().filter(|port| {
        let port = port.number();
        let is_known = gets_in.contains(port)
            || match absence {
                Absence::Believed => has_arrived.contains(port) || !arrived.is_empty(),
                Absence::BelievedBehindTheTap => has_arrived.contains(port),
                Absence::SaysNothing => false,
            };
        unsure.contains(port) || !is_known
    });
    SynSweep {
        asked: asked.to_vec(),
        unsettled: unsettled.collect::<PortSet>().ranges(),
        redirected: redirected(&tcp.redirected, asked),
        attempts: sent.tcp_attempts,
        arrived,
        passed,
        forwarded,
    }
}

fn redirected(redirects: &[PortRedirect], asked: &[PortRange]) -> Vec<PortRedirect> {
    let asked = set(asked);
    let is_asked = |redirect: &&PortRedirect| {
        in_range(redirect.ports).all(|port| asked.contains(port.number()))
    };
    redirects.iter().filter(is_asked).copied().collect()
}

fn in_range(range: PortRange) -> impl Iterator<Item = Port> {
    (range.first().number()..=range.last().number()).filter_map(Port::new)
}

fn set(ranges: &[PortRange]) -> PortSet {
    ranges.iter().flat_map(|range| in_range(*range)).collect()
}

fn count(ranges: &[PortRange]) -> u32 {
    set(ranges).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::responder::SessionId;
    use crate::model::timestamp::Timestamp;

    const SESSION: SessionId = SessionId([7; 8]);
    const AT: Timestamp = Timestamp::from_unix_seconds(1_795_000_000);

    fn ranges(text: &str) -> Vec<PortRange> {
        text.split_whitespace().map(|range| range.parse().unwrap()).collect()
    }

    fn words(ranges: &[PortRange]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn session(probes: u64) -> SessionRecord {
        SessionRecord {
            session: SESSION,
            source: "198.51.100.7".parse().unwrap(),
            began_at: AT,
            last_at: AT,
            probes,
            arrived: ranges("443 50000-50999"),
            passed: ranges("50000-50499"),
            forwarded: ranges("443"),
            redirected: Vec::new(),
            tcp: Some(SynRecord {
                announced: ranges("80 443 6379 7881"),
                arrived: ranges("80 443 7881"),
                passed: ranges("80"),
                unsure: ranges("7881"),
                ..SynRecord::default()
            }),
        }
    }

    fn record(probes: u64, lost: u64) -> ResponderRecord {
        ResponderRecord {
            responder: ResponderHead { version: ResponderHead::VERSION, ovcheck: "0".to_owned() },
            started_at: AT,
            ended_at: AT,
            reverse_path_filter: ReversePathFilter::Strict,
            sessions: vec![session(probes)],
            lost,
            refused: 0,
        }
    }

    fn sweep(probes: u64, lost: u64) -> ResponderSweep {
        let spec = ProbeSpec::Responder {
            address: "203.0.113.20".parse().unwrap(),
            ports: ranges("443 50000-51999"),
            tcp: ranges("80 443 6379 7881"),
        };
        let sent = SentToAll { udp_copies: 2, tcp_attempts: 3 };
        let facts = ResponderFacts { session: SESSION, sent, answer: ResponderAnswer::Silent };
        let record = record(probes, lost);
        seen_by(&spec, &facts, &record.sessions[0], &record, &DialMap::default()).unwrap()
    }

    #[test]
    fn a_file_tells_what_no_answer_told() {
        let sweep = sweep(2_002, 0);
        let lists = [&sweep.arrived, &sweep.passed, &sweep.forwarded, &sweep.unsettled];
        let expected = ["443 50000-50999", "50000-50499", "443", ""];
        assert_eq!(lists.map(|list| words(list)), expected);
        assert_eq!((sweep.sent, sweep.lost, sweep.copies), (2_002, 0, 2));
        assert_eq!(sweep.reverse_path_filter, ReversePathFilter::Strict);
        let tcp = &sweep.tcp;
        let lists = [&tcp.arrived, &tcp.passed, &tcp.forwarded, &tcp.unsettled];
        assert_eq!(lists.map(|list| words(list)), ["80 443", "80", "", "7881"]);
    }

    #[test]
    fn what_may_be_missing_by_mere_loss_is_not_believed_to_be_missing() {
        // One in fifty was lost: of 2,001 ports some lack both copies.
        let lossy = sweep(1_962, 0);
        assert_eq!(words(&lossy.unsettled), "51000-51999");
        assert_eq!(words(&lossy.tcp.unsettled), "7881", "three attempts are enough for four ports");
        // The responder lost some itself: what arrived and was not seen behind the firewall may be these.
        let busy = sweep(2_002, 40);
        assert_eq!(words(&busy.unsettled), "50500-51999");
        assert_eq!(words(&busy.passed), "50000-50499");
        assert_eq!(words(&busy.tcp.unsettled), "443 6379 7881");
    }

    #[test]
    fn files_of_other_versions_and_other_files_are_refused() {
        let parse = |text: &str| parse_part("f.json", text.as_bytes()).unwrap_err().to_string();
        let other = parse("{\"responder\": {\"version\": 70, \"ovcheck\": \"9.9\"}}");
        assert!(other.contains("version 70") && other.contains("same version"), "{other}");
        let current = ResponderHead::VERSION;
        let half =
            parse(&format!("{{\"responder\": {{\"version\": {current}, \"ovcheck\": \"9\"}}}}"));
        assert!(half.contains("cannot be read") && half.contains("ovcheck listen"), "{half}");
        assert!(parse("{}").contains("not a recording"));
        let whole = serde_json::to_vec(&record(1, 0)).unwrap();
        assert_eq!(parse_part("f.json", &whole), Ok(Part::Responder(record(1, 0))));
    }

    #[test]
    fn a_file_that_saw_no_check_of_these_is_refused() {
        let said = |refused| {
            let record = ResponderRecord { refused, ..record(1, 0) };
            fill_in(&mut [], &[("node.json".to_owned(), record)]).unwrap_err().to_string()
        };
        assert!(said(0).contains("saw none of the checks") && said(0).contains("--responder"));
        assert!(said(9).contains("wrong token"), "{}", said(9));
    }
}
