//! Demos start, stand beside each other, and stop.

use std::net::IpAddr;
use std::time::Duration;

use ovcheck::demo::{Demo, DemoError, Fault};
use ovcheck::model::deployment::{NodeRole, Policy};
use ovcheck::model::port::Port;
use ovcheck::model::target::Endpoint;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::{Instant, sleep};

use crate::client::*;

const POLICIES: [Policy; 2] = [Policy::Default, Policy::ForcedTurn];

#[tokio::test]
async fn every_fault_starts_under_every_policy_that_it_is_one_under() {
    for policy in POLICIES {
        for fault in Fault::ALL {
            let started = Demo::start(policy, Some(*fault)).await;
            match started {
                Ok(_) => assert!(fault.exists_under(policy), "{fault}, {policy}"),
                Err(DemoError::NoFaultThere { .. }) => {
                    assert!(!fault.exists_under(policy), "{fault}, {policy}");
                }
                Err(other) => panic!("{fault}, {policy}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn two_demos_stand_beside_each_other() {
    let right = Demo::start(Policy::Default, None).await.unwrap();
    let wrong = Demo::start(Policy::Default, Some(Fault::NoRedirect))
        .await
        .unwrap();
    for (demo, status) in [(&right, "HTTP/1.1 301"), (&wrong, "HTTP/1.1 200")] {
        let stream = tcp(demo, PROXY, 80).await.unwrap();
        let answer = request(stream, "GET /", "", "").await;
        assert!(answer.starts_with(status), "{answer}");
    }
}

#[tokio::test]
async fn every_port_of_every_machine_is_dialled_on_loopback() {
    for policy in POLICIES {
        let demo = Demo::start(policy, None).await.unwrap();
        let dial = demo.dial();
        for node in demo.deployment().nodes {
            for address in node.addresses {
                for port in 1..=u16::MAX {
                    let port = Port::new(port).unwrap();
                    let dialled = dial.dialled(Endpoint { address, port });
                    assert!(dialled.ip().is_loopback(), "{address} {port}: {dialled}");
                    assert_eq!(dialled.is_ipv4(), address.is_ipv4());
                }
            }
        }
        assert!(demo.dns_server().ip().is_loopback());
        assert!(demo.stun_server().ip().is_loopback());
    }
}

#[tokio::test]
async fn ipv6_is_served_like_ipv4_where_this_machine_has_it() {
    let demo = Demo::start(Policy::Default, None).await.unwrap();
    let deployment = demo.deployment();
    let proxy = deployment.nodes_of(NodeRole::Proxy).next().unwrap();
    let here = UdpSocket::bind("[::1]:0").await.is_ok();
    assert_eq!(proxy.addresses.iter().any(IpAddr::is_ipv6), here);
    if !here {
        return;
    }
    let stream = tcp(&demo, "2001:db8:5::10", 80).await.unwrap();
    let answer = request(stream, "GET /", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 301"), "{answer}");
    // As in OpenVidu 3.2, TURN over UDP listens on IPv4 alone.
    let udp_443 = udp(place(&demo, "2001:db8:5::20", 443), &binding()).await;
    assert_eq!(udp_443, Udp::PortUnreachable);
}

#[tokio::test]
async fn a_dropped_demo_ends_its_connections_and_gives_its_ports_back() {
    let demo = Demo::start(Policy::Default, None).await.unwrap();
    let stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    let mut tcp_places = vec![demo.dns_server()];
    let mut udp_places = vec![demo.dns_server(), demo.stun_server()];
    for (address, port) in [(PROXY, 80), (PROXY, 443), (OPENVIDU, 443), (OPENVIDU, 7880)] {
        tcp_places.push(place(&demo, address, port));
        udp_places.push(place(&demo, address, port));
    }
    drop(demo);

    // The TURN server would have kept it open.
    let mut stream = stream;
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    let ended = tokio::time::timeout(LONG, end).await;
    assert!(ended.is_ok(), "the connection is still there");
    assert!(rest.is_empty());

    let deadline = Instant::now() + LONG;
    for place in tcp_places {
        while TcpListener::bind(place).await.is_err() {
            assert!(Instant::now() < deadline, "TCP {place} is still taken");
            sleep(Duration::from_millis(20)).await;
        }
    }
    for place in udp_places {
        while UdpSocket::bind(place).await.is_err() {
            assert!(Instant::now() < deadline, "UDP {place} is still taken");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
