//! Floods of datagrams from where nothing was asked change nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ovcheck::model::facts::{Facts, UdpAnswer};
use ovcheck::model::observation::Outcome;
use ovcheck::probe::udp::{self, Besides};

use crate::peers::{closed_udp, network, port, port_unreachable, silent_udp, turn_server};

/// A Binding success (RFC 8489 §5) with a transaction id that is not ours.
const STRANGER: [u8; 20] = [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_other_ports_and_addresses_changes_nothing() {
    let leak = silent_udp("127.0.0.1").await;
    let (stun, _server) = turn_server("127.0.0.1").await;
    let closed = closed_udp("127.0.0.1").await;
    let ports = [leak.local_addr().unwrap(), stun, closed].map(|peer| port(peer.port()));
    let is_over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&is_over);
    let flood = tokio::spawn(async move {
        let mut buffer = [0; 64];
        let (_, prober) = leak.recv_from(&mut buffer).await.unwrap();
        let senders = [silent_udp("127.0.0.1").await, silent_udp("127.0.0.2").await];
        let mut sent = 0_u32;
        while !until.load(Ordering::Relaxed) {
            for sender in &senders {
                for message in [&STRANGER[..], b"something else", b""] {
                    sent += u32::from(sender.send_to(message, prober).await.is_ok());
                }
            }
        }
        sent
    });
    let begun = Instant::now();
    let address = "127.0.0.1".parse().unwrap();
    let (_, outcome) = udp::run(&network(), address, &ports, Besides::default()).await;
    let took = begun.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let sent = flood.await.unwrap();
    let Outcome::Saw(Facts::Udp(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    let answers: Vec<_> = facts.ports.into_iter().map(|port| port.answer).collect();
    let expected =
        [UdpAnswer::Silent, UdpAnswer::Stun, UdpAnswer::Icmp(port_unreachable("127.0.0.1"))];
    assert_eq!(answers, expected, "under {sent} datagrams");
    assert!(sent > 1000, "only {sent} datagrams");
    assert!(took < Duration::from_secs(4), "{took:?}");
}
