//! The port of a command for a firewall, so that one command can be for several.

use crate::model::target::Target;

/// Stands in a command where its port was.
const MARK: &str = "\u{0}";

/// The ports of a command, in the order in which they were told; none where it names no port that
/// could be one of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(Vec<String>);

impl Ports {
    /// The lines of a command about `target` with a mark in place of its port.
    pub fn taken_out_of(lines: &[&str], target: &Target) -> (Vec<String>, Self) {
        let Some(port) = target.port.map(|port| port.to_string()) else {
            let lines = lines.iter().map(ToString::to_string).collect();
            return (lines, Self(Vec::new()));
        };
        let marked: Vec<String> = lines.iter().map(|line| marked(line, &port)).collect();
        let has_mark = marked.iter().any(|line| line.contains(MARK));
        (marked, Self(if has_mark { vec![port] } else { Vec::new() }))
    }

    pub fn add(&mut self, others: &Self) {
        for port in &others.0 {
            if !self.0.contains(port) {
                self.0.push(port.clone());
            }
        }
    }

    /// The line with the ports where the mark stands.
    pub fn filled_into(&self, line: &str) -> String {
        let nft = match self.0.as_slice() {
            [one] => one.clone(),
            several => format!("{{ {} }}", several.join(", ")),
        };
        let ufw = self.0.join(",");
        line.replace(&in_nft(MARK), &in_nft(&nft)).replace(&in_ufw(MARK), &in_ufw(&ufw))
    }
}

/// nftables takes a set of ports, ufw a list. A range is written otherwise by ufw, and stands for
/// itself there.
fn marked(line: &str, port: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for at in 1..words.len() {
        let is_port = words[at] == port && matches!(words[at - 1], "dport" | "port");
        if is_port {
            words[at] = MARK;
        }
    }
    words.join(" ")
}

fn in_nft(port: &str) -> String {
    format!("dport {port}")
}

fn in_ufw(port: &str) -> String {
    format!("any port {port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(port: &str) -> Target {
        Target { port: port.parse().ok(), ..Target::default() }
    }

    /// A command for the first port and, where it fits, for the second.
    fn together(command: &str, first: &str, second: &str) -> Option<String> {
        let of = |port: &str| {
            let line = command.replace("PORT", port);
            Ports::taken_out_of(&[&line], &target(port))
        };
        let ((lines, mut ports), (other_lines, others)) = (of(first), of(second));
        (lines == other_lines).then(|| {
            ports.add(&others);
            ports.filled_into(&lines[0])
        })
    }

    #[test]
    fn what_is_said_of_two_ports_is_one_command() {
        let nft = "nft insert rule inet filter input tcp dport PORT drop";
        assert_eq!(
            together(nft, "7000", "9100").as_deref(),
            Some("nft insert rule inet filter input tcp dport { 7000, 9100 } drop")
        );
        assert_eq!(
            together(nft, "7000", "7946-7947").as_deref(),
            Some("nft insert rule inet filter input tcp dport { 7000, 7946-7947 } drop")
        );
        assert_eq!(
            together("ufw allow proto tcp from 10.0.0.21 to any port PORT", "7000", "9100")
                .as_deref(),
            Some("ufw allow proto tcp from 10.0.0.21 to any port 7000,9100")
        );
    }

    #[test]
    fn one_port_stands_as_it_was() {
        let nft = "    nft insert rule inet filter input tcp dport PORT drop \\";
        assert_eq!(together(nft, "7000", "7000"), Some(nft.replace("PORT", "7000")));
    }

    #[test]
    fn a_rule_is_deleted_as_it_was_made() {
        assert_eq!(together("ufw delete allow PORT/tcp", "7000", "9100"), None);
    }
}
