//! Ports and numbers as findings say them.

use super::super::words;
use super::evidence::{Evidence, Rest};
use crate::model::port::{Port, PortRange};

/// Ports in a few words: the first five, and how many more.
pub(super) fn ports(ports: &[Port]) -> String {
    match ports {
        [] | [_] | [_, _] | [_, _, _] | [_, _, _, _] | [_, _, _, _, _] => words::list(ports),
        [first @ .., _] => {
            let shown: Vec<String> = first.iter().take(5).map(Port::to_string).collect();
            format!("{} and {} more", shown.join(", "), ports.len() - 5)
        }
    }
}

/// `50000, 50001 and 50002 say` or `55000 says`.
pub(super) fn say(of: &[Port]) -> String {
    let verb = if of.len() == 1 { "says" } else { "say" };
    format!("{} {verb}", ports(of))
}

/// `UDP 443`, or `1 of 7 probed ports of UDP 50000-60000`.
pub(super) fn counted(some: usize, evidence: &Evidence, of: PortRange) -> String {
    let (some, probed) = (thousands(some), thousands(evidence.probed()));
    match (of.single(), evidence.rest) {
        (Some(port), _) => format!("UDP {port}"),
        (None, None | Some(Rest { unsent: 1.., .. })) => {
            format!("{some} of {probed} probed ports of UDP {of}")
        }
        (None, Some(_)) => format!("{some} of {probed} ports of UDP {of}"),
    }
}

/// How the ports of a closed range were asked: `10,001 ports probed twice`, `7 ports probed`.
pub(super) fn asked(evidence: &Evidence) -> String {
    let probed = thousands(evidence.probed());
    let Some(rest) = evidence.rest else {
        return format!("{probed} ports probed");
    };
    let times = match rest.copies {
        0 => "",
        1 => " once",
        2.. => " twice",
    };
    match rest.unsent {
        0 => format!("{probed} ports probed{times}"),
        unsent => {
            format!("{probed} ports probed{times}, {} not at all", thousands(unsent as usize))
        }
    }
}

/// A number as people write it: `10,001`.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

pub(super) fn remedy_ports(ports: &[Port]) -> String {
    let numbers: Vec<String> = ports.iter().map(Port::to_string).collect();
    numbers.join(", ")
}
