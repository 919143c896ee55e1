//! Numbers and ports as a person writes them.

use std::fmt::Display;

use crate::model::port::{Port, PortRange};
use crate::output::text;

/// The most ports or addresses that a sentence lists.
const LISTED: usize = 5;

/// Ports in a few words: the first five, and how many more.
pub fn ports(ports: &[Port]) -> String {
    first_of(ports)
}

/// The first five in words, and how many more. A sentence that stands at each machine of a deployment
/// does not repeat all of them.
pub fn first_of(all: &[impl Display]) -> String {
    let mut words: Vec<String> = all.iter().take(LISTED).map(ToString::to_string).collect();
    if all.len() <= LISTED {
        return text::list(&words);
    }
    words = vec![words.join(", "), format!("{} more", thousands(all.len() - LISTED))];
    text::list(&words)
}

/// A number with its thousands apart: `10,240`.
pub fn grouped(number: u64) -> String {
    thousands(usize::try_from(number).unwrap_or(usize::MAX))
}

/// The ports with their verb: `50000 and 50001 answer`, `50000 answers`.
pub fn ports_that(ports: &[Port], verb: &str) -> String {
    let ending = if ports.len() == 1 { "s" } else { "" };
    format!("{} {verb}{ending}", self::ports(ports))
}

/// A range and its size: `54000-54999 (1,000 ports)`, `443`.
pub fn range(range: PortRange) -> String {
    match range.single() {
        Some(port) => port.to_string(),
        None => format!("{range} ({} ports)", thousands(range.count() as usize)),
    }
}

/// A number as people write it: `10,001`.
pub fn thousands(number: usize) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_ports_the_first_five_are_listed() {
        let some = |last: u16| -> Vec<Port> { (1..=last).filter_map(Port::new).collect() };
        assert_eq!(ports(&some(2)), "1 and 2");
        assert_eq!(ports(&some(5)), "1, 2, 3, 4 and 5");
        assert_eq!(ports_that(&some(6), "answer"), "1, 2, 3, 4, 5 and 1 more answer");
        assert_eq!(ports_that(&some(1), "answer"), "1 answers");
        assert_eq!(ports(&some(2005)), "1, 2, 3, 4, 5 and 2,000 more");
    }
}
