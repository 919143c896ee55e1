//! Ports of one machine that are wrong in the same way are one paragraph with one cause.

use ovcheck::model::port::Transport;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Report;

use crate::build::*;

/// The Master Node lets the internet in at its inner ports.
fn no_firewall_on_the_master_node() -> Report {
    let mut report = report();
    report.findings = Vec::new();
    for (number, service) in [
        ("7000", "Redis answers there"),
        ("9100", "MinIO answers there"),
        ("20000", "MongoDB answers there"),
    ] {
        for (address, others) in
            [("203.0.113.11", "ip saddr != { 10.0.0.21 }"), ("2001:db8:5::11", "meta nfproto ipv6")]
        {
            let target = port("master", Transport::Tcp, number, address);
            report.findings.push(
                finding(&format!("ports/master-tcp-{number}"), PROVEN_FAIL, target)
                    .reason(ReasonCode::PortOpenUnexpected)
                    .expected("closed to this machine")
                    .observed(&format!("accepts connections\n{service}"))
                    .means("The same for all.")
                    .remedy(&format!(
                        "Close the port on master:\n    \
                             nft insert rule inet filter input {others} \\\n        \
                                 tcp dport {number} drop\n    \
                             ufw delete allow {number}/tcp\n    \
                             ufw allow proto tcp from 10.0.0.21 to any port {number}\n"
                    )),
            );
        }
    }
    report
}

#[test]
fn many_ports_of_one_machine_have_one_cause_and_one_remedy() {
    let text = crate::normal(&no_firewall_on_the_master_node(), 1);
    let paragraph = "\
✗ ports/master-tcp-7000                                           error · proven
✗ ports/master-tcp-9100                                           error · proven
✗ ports/master-tcp-20000                                          error · proven
  master accepts connections that 3 rules forbid: its firewall is probably off
  or trusts too many addresses                      203.0.113.11, 2001:db8:5::11
  expected  closed to this machine
  seen      TCP 7000: Redis answers there
            TCP 9100: MinIO answers there
            TCP 20000: MongoDB answers there
  means     master TCP 7000: The same for all.
            master TCP 9100: The same for all.
            master TCP 20000: The same for all.
  remedy    Close the port on master:
            On master:
                nft insert rule inet filter input ip saddr != { 10.0.0.21 } \\
                    tcp dport { 7000, 9100, 20000 } drop
                nft insert rule inet filter input meta nfproto ipv6 \\
                    tcp dport { 7000, 9100, 20000 } drop
                ufw delete allow 7000/tcp
                ufw delete allow 9100/tcp
                ufw delete allow 20000/tcp
                ufw allow proto tcp from 10.0.0.21 to any port 7000,9100,20000
";
    assert!(text.contains(paragraph), "{text}");
}

#[test]
fn what_is_seen_alike_at_two_machines_is_told_once() {
    let mut report = report();
    report.findings = [("media-1", "203.0.113.21"), ("media-2", "203.0.113.22")]
        .map(|(node, address)| {
            let target = port(node, Transport::Tcp, "7880", address);
            finding("ports/media-tcp-7880", PROVEN_FAIL, target)
                .reason(ReasonCode::PortOpenUnexpected)
                .expected("closed to this machine")
                .observed("accepts connections\nLiveKit's API answers there")
        })
        .to_vec();
    let text = crate::normal(&report, 1);
    let seen = "
  accepts connections
    media-1 TCP 7880                                                203.0.113.21
    media-2 TCP 7880                                                203.0.113.22
  expected  closed to this machine
  seen      LiveKit's API answers there
";
    assert!(text.contains(seen), "{text}");
}
