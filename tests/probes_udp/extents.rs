//! Where the edges in a range are.

use std::time::{Duration, Instant};

use ovcheck::model::facts::{ExtentEnd, ExtentFacts, Facts, StretchShows};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::{Port, PortRange};
use ovcheck::probe::udp::{self, Besides};
use tokio::net::UdpSocket;

use crate::peers::{network, port};

/// Holds the ports of `range` on `::1` so that they are silent, but for those of `hole`, which
/// answer as closed ports do.
async fn silent_but(range: PortRange, hole: PortRange) -> Vec<UdpSocket> {
    let mut held = Vec::new();
    for number in range.first().number()..=range.last().number() {
        if !hole.contains(port(number)) {
            held.push(UdpSocket::bind(("::1", number)).await.unwrap());
        }
    }
    held
}

async fn extent(ports: &[u16], ranges: Besides) -> ExtentFacts {
    let ports: Vec<Port> = ports.iter().copied().map(port).collect();
    match udp::run(&network(), "::1".parse().unwrap(), &ports, ranges).await {
        (_, Outcome::Saw(Facts::Udp(facts))) => facts.extent.unwrap(),
        (_, other) => panic!("{other:?}"),
    }
}

fn said(facts: &ExtentFacts) -> Vec<String> {
    facts
        .stretches
        .iter()
        .map(|stretch| {
            let shows = match stretch.shows {
                StretchShows::Answers => "answers",
                StretchShows::Blocked => "blocked",
            };
            let exact = match (stretch.first_is_exact, stretch.last_is_exact) {
                (true, true) => "",
                (true, false) => ", last unknown",
                (false, true) => ", first unknown",
                (false, false) => ", ends unknown",
            };
            format!("{} {shows}{exact}", stretch.ports)
        })
        .collect()
}

#[tokio::test]
async fn the_edges_of_a_hole_in_a_swept_range() {
    let range: PortRange = "6000-6399".parse().unwrap();
    let _held = silent_but(range, "6123-6187".parse().unwrap()).await;
    let ranges = Besides { then: Some(range), extent: Some(range), sentinel: None };
    let found = extent(&[6000, 6399, 6200], ranges).await;
    let expected =
        ["6122 blocked, first unknown", "6123-6187 answers", "6188 blocked, last unknown"];
    assert_eq!(said(&found), expected);
    assert_eq!((found.ended, found.range), (ExtentEnd::Complete, range));
    // Here every port of the hole answered the sweep, so that its neighbours are all there is.
    assert_eq!(found.steps, 2);
}

#[tokio::test]
async fn the_blocked_part_of_a_sampled_range() {
    let range: PortRange = "6500-6899".parse().unwrap();
    let _held = silent_but(range, "6500-6777".parse().unwrap()).await;
    let ranges = Besides { extent: Some(range), ..Besides::default() };
    let begun = Instant::now();
    let found = extent(&[6500, 6899, 6699, 6543], ranges).await;
    assert_eq!(said(&found), ["6500-6777 answers", "6778-6899 blocked"]);
    assert_eq!(found.ended, ExtentEnd::Complete);
    assert!(found.steps <= 10, "{}", found.steps);
    // Loopback has no limit of ICMP errors to wait for.
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn where_all_ports_do_the_same_nothing_is_asked() {
    let range: PortRange = "6910-6919".parse().unwrap();
    let ranges = Besides { extent: Some(range), ..Besides::default() };
    let found = extent(&[6910, 6919], ranges).await;
    assert_eq!(said(&found), ["6910-6919 answers"]);
    assert_eq!((found.ended, found.steps), (ExtentEnd::Complete, 0));
}

#[tokio::test]
async fn silence_beside_a_service_is_told_from_nothing() {
    let range: PortRange = "6930-6939".parse().unwrap();
    let _held = silent_but(range, "6930".parse().unwrap()).await;
    let service = UdpSocket::bind("[::1]:6930").await.unwrap();
    let serving = tokio::spawn(async move {
        let mut buffer = [0; 64];
        while let Ok((_, from)) = service.recv_from(&mut buffer).await {
            service.send_to(b"hello", from).await.unwrap();
        }
    });
    let ranges = Besides { extent: Some(range), ..Besides::default() };
    let found = extent(&[6930, 6939], ranges).await;
    serving.abort();
    // No port draws an ICMP error: the silent ones may have a listener each.
    assert_eq!((found.ended, found.steps), (ExtentEnd::NoSentinel, 0));
}
