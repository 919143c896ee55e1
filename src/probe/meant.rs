//! Back from where something was dialled to where it was meant: an ICMP error that comes from the
//! dialled machine stands for one from the machine that was meant (`--connect-to`).

use std::net::IpAddr;

use crate::model::dial::DialMap;
use crate::model::facts::{Connect, Facts, IcmpError, StunAnswer, UdpAnswer};
use crate::model::probe::ProbeSpec;
use crate::model::target::Endpoint;

/// Rewrites the senders of ICMP errors in the facts of `spec`.
pub(super) fn rename(facts: &mut Facts, spec: &ProbeSpec, dial: &DialMap) {
    let Some(address) = spec.address() else {
        return;
    };
    let rename = |error: &mut IcmpError, dialled: IpAddr| {
        if error.from == Some(dialled) {
            error.from = Some(address);
        }
    };
    if let Facts::Udp(facts) = facts {
        for port in &mut facts.ports {
            let meant = Endpoint { address, port: port.port };
            if let UdpAnswer::Icmp(error) = &mut port.answer {
                rename(error, dial.dialled(meant).ip());
            }
        }
        return;
    }
    let Some(to) = spec.endpoint() else {
        return;
    };
    let dialled = dial.dialled(to).ip();
    if let Facts::Turn(facts) = facts {
        for answer in [&mut facts.binding, &mut facts.allocate] {
            if let Some(StunAnswer::Icmp(error)) = answer {
                rename(error, dialled);
            }
        }
    }
    let connect = match facts {
        Facts::Tcp(facts) => Some(&mut facts.connect),
        Facts::Http(facts) => Some(&mut facts.connect),
        Facts::Tls(facts) => Some(&mut facts.connect),
        Facts::Api(facts) => Some(&mut facts.connect),
        Facts::Service(facts) => Some(&mut facts.connect),
        Facts::Hold(facts) => Some(&mut facts.connect),
        Facts::Rtmp(facts) => Some(&mut facts.connect),
        Facts::Turn(facts) => facts.connect.as_mut(),
        Facts::Dns(_) | Facts::Udp(_) | Facts::Call(_) => None,
    };
    if let Some(Connect::Icmp(error)) = connect {
        rename(error, dialled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::TcpFacts;
    use crate::model::port::Port;
    use crate::model::target::Family;

    #[test]
    fn an_error_from_the_dialled_machine_stands_for_the_one_that_was_meant() {
        let dial = DialMap { connect_to: vec!["203.0.113.20::192.0.2.1:".parse().unwrap()] };
        let spec = ProbeSpec::Tcp {
            to: Endpoint { address: "203.0.113.20".parse().unwrap(), port: Port::new(80).unwrap() },
        };
        let sender_shown = |from: &str| {
            let error = IcmpError {
                family: Family::V4,
                icmp_type: 3,
                code: 13,
                from: Some(from.parse().unwrap()),
            };
            let mut facts = Facts::Tcp(TcpFacts { connect: Connect::Icmp(error), dialled: None });
            rename(&mut facts, &spec, &dial);
            match facts {
                Facts::Tcp(TcpFacts { connect: Connect::Icmp(error), .. }) => {
                    error.from.unwrap().to_string()
                }
                _ => unreachable!(),
            }
        };
        assert_eq!(sender_shown("192.0.2.1"), "203.0.113.20");
        assert_eq!(sender_shown("192.0.2.9"), "192.0.2.9");
    }
}
