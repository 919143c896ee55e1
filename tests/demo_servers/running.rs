//! Demos start, stand beside each other, and stop.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::rr::RecordType;
use ovcheck::demo::{Demo, DemoError, Fault};
use ovcheck::model::deployment::{NodeRole, Policy};
use ovcheck::model::port::Port;
use ovcheck::model::target::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};

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
    let wrong = Demo::start(Policy::Default, Some(Fault::NoRedirect)).await.unwrap();
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
        assert!(demo.stun_servers().iter().all(|server| server.ip().is_loopback()));
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
async fn servers_outlive_clients_that_send_garbage_or_leave() {
    let demo = Demo::start(Policy::Default, Some(Fault::Tls11Accepted)).await.unwrap();
    let tls_record = [&[22, 3, 2, 0xff, 0xff], [0xff; 3000].as_slice()].concat();
    let garbage: [&[u8]; 5] = [b"", b"\n", &[0; 3000], &[0xff; 3000], &tls_record];
    let mut tcp_places = vec![demo.dns_server()];
    for (address, port) in [(PROXY, 80), (PROXY, 443), (PROXY, 1935), (OPENVIDU, 7881)] {
        tcp_places.push(place(&demo, address, port));
    }
    for bytes in garbage {
        for place in &tcp_places {
            let mut stream = TcpStream::connect(place).await.unwrap();
            stream.write_all(bytes).await.unwrap();
        }
        for name in [DOMAIN, TURN_DOMAIN] {
            let mut stream = tls(&demo, 443, name).await.unwrap();
            stream.write_all(bytes).await.unwrap();
        }
        for place in [demo.dns_server(), place(&demo, OPENVIDU, 443)] {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.send_to(bytes, place).await.unwrap();
        }
    }

    let proxy = Ok(vec!["203.0.113.10".to_owned()]);
    assert_eq!(resolve(&demo, DOMAIN, RecordType::A).await, proxy);
    assert_eq!(resolve_over_tcp(&demo, DOMAIN, RecordType::A).await, proxy);
    let stream = tls(&demo, 443, DOMAIN).await.unwrap();
    let answer = request(stream, "GET /", "", "").await;
    assert!(answer.ends_with("\r\n\r\nOK"), "{answer}");
    let mut stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    stream.write_all(&binding()).await.unwrap();
    assert_eq!(read_stun(&mut stream).await[..2], [0x01, 0x01]);
    let answer = udp(place(&demo, OPENVIDU, 443), &binding()).await;
    assert!(matches!(answer, Udp::Answer(_)), "{answer:?}");
    let mut stream = tls(&demo, 1935, DOMAIN).await.unwrap();
    stream.write_all(&[3]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 3);
}

#[tokio::test]
async fn a_dropped_demo_ends_its_connections_and_gives_its_ports_back() {
    let demo = Demo::start(Policy::Default, None).await.unwrap();
    let mut stream = tls(&demo, 443, TURN_DOMAIN).await.unwrap();
    let mut tcp_places = vec![demo.dns_server()];
    let mut udp_places = vec![demo.dns_server()];
    udp_places.extend(demo.stun_servers());
    for (address, port) in [(PROXY, 80), (PROXY, 443), (OPENVIDU, 443), (OPENVIDU, 7880)] {
        tcp_places.push(place(&demo, address, port));
        udp_places.push(place(&demo, address, port));
    }
    drop(demo);

    // The TURN server would have kept it open.
    let mut rest = Vec::new();
    let ended = timeout(LONG, stream.read_to_end(&mut rest)).await;
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
