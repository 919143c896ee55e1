//! Further rooms, until each Media Node has carried a call: how many, and when it is enough.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ovcheck::model::facts::{CallFacts, NodeSearch, SearchEnd};
use ovcheck::model::probe::CallSpec;
use ovcheck::model::secret::{Credentials, Secret};
use ovcheck::proto::livekit::signal::{JoinResponse, Response, ServerInfo};

use crate::fake::{Call, Fake, Guest, answering, welcome};
use crate::peers::{LOOPBACK, call, spec};

/// The second Media Node.
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Where no Media Node is.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

fn two_nodes() -> CallSpec {
    CallSpec {
        declared: vec![LOOPBACK, SECOND, ELSEWHERE],
        media_nodes: vec![vec![LOOPBACK], vec![SECOND]],
        ..spec()
    }
}

/// Lets a participant in, on the server with this name, which offers media at this address.
async fn serve(mut call: Call, id: &str, address: IpAddr) {
    let info = ServerInfo { node_id: id.to_owned(), ..ServerInfo::default() };
    let response = JoinResponse { server_info: Some(info), ..welcome(&[]) };
    call.say(Response::Join(response)).await;
    let Some(pair) = call.answer().await else {
        return;
    };
    let socket = tokio::net::UdpSocket::bind(SocketAddr::new(address, 0)).await.unwrap();
    let place = socket.local_addr().unwrap();
    answering(socket, pair);
    call.candidates(&[("udp", place)]).await;
    call.stay().await;
}

/// A server behind which a room is where `choose` says: for the number of the room, the name of the server
/// and its address; `None`: a machine on the way there does not work.
async fn cluster(choose: fn(usize) -> Option<(String, IpAddr)>) -> (Fake, Arc<AtomicUsize>) {
    let rooms = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rooms);
    let fake = Fake::start(move |mut guest: Guest| {
        let counted = Arc::clone(&counted);
        async move {
            match choose(counted.fetch_add(1, Ordering::SeqCst)) {
                Some((id, address)) => serve(guest.upgrade().await, &id, address).await,
                None => {
                    let answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
                    guest.say(answer).await;
                }
            }
        }
    })
    .await;
    (fake, rooms)
}

async fn see(fake: &Fake) -> CallFacts {
    let known = fake.known.clone();
    call(&fake.network(), &two_nodes(), || known.all()).await
}

fn search(facts: &CallFacts) -> &NodeSearch {
    facts.search.as_ref().unwrap()
}

fn right(room: usize) -> (String, IpAddr) {
    match room % 2 {
        0 => ("ND_first".to_owned(), LOOPBACK),
        _ => ("ND_second".to_owned(), SECOND),
    }
}

#[tokio::test]
async fn a_call_is_made_on_each_node_and_every_room_is_ended() {
    let (fake, rooms) = cluster(|room| Some(right(room))).await;
    let facts = see(&fake).await;
    let found = search(&facts);
    assert_eq!((found.ended, found.failures), (SearchEnd::AllFound, 0));
    let at: Vec<IpAddr> = facts
        .on_all_servers()
        .map(|call| {
            assert!(call.paths.iter().all(|path| path.check.is_answered()), "{call:?}");
            call.paths[0].candidate.ip()
        })
        .collect();
    assert_eq!(at, [LOOPBACK, SECOND]);
    assert_eq!(rooms.load(Ordering::SeqCst), found.rooms + 1);
    assert_eq!(*fake.ended.lock().unwrap(), found.rooms + 1);
}

#[tokio::test]
async fn no_more_rooms_are_opened_than_was_said() {
    // On another server every time, and never on the second node.
    let (fake, rooms) = cluster(|room| Some((format!("ND_{room}"), ELSEWHERE))).await;
    let found = search(&see(&fake).await).clone();
    let most = two_nodes().most_further_rooms();
    assert!(found.rooms <= most, "{} of {most}", found.rooms);
    assert_eq!(rooms.load(Ordering::SeqCst), found.rooms + 1);
    assert_eq!(*fake.ended.lock().unwrap(), found.rooms + 1);
    assert_eq!(found.ended, SearchEnd::MostRooms);
}

#[tokio::test]
async fn only_a_new_server_is_looked_at() {
    let (fake, _) = cluster(|_| Some(("ND_only".to_owned(), LOOPBACK))).await;
    let facts = see(&fake).await;
    assert_eq!(search(&facts).calls, []);
    assert_eq!(search(&facts).ended, SearchEnd::MostRooms);
}

#[tokio::test]
async fn where_no_server_is_missing_no_further_one_is_looked_for_at_length() {
    // The second one has a wrong address, so that it is not known which node it is.
    let (fake, _) = cluster(|room| {
        let (id, address) = right(room);
        Some((id, if address == SECOND { ELSEWHERE } else { address }))
    })
    .await;
    let facts = see(&fake).await;
    assert_eq!(search(&facts).ended, SearchEnd::NoOthers);
    assert_eq!(search(&facts).calls.len(), 1);
}

#[tokio::test]
async fn a_join_that_a_machine_on_the_way_fails_is_repeated() {
    let (fake, _) = cluster(|room| if room == 0 { None } else { Some(right(room)) }).await;
    let facts = see(&fake).await;
    assert!(facts.session.is_some());
    assert_eq!(search(&facts).failures, 1);
    assert!(search(&facts).failed[0].session.is_none());
    assert_eq!(search(&facts).ended, SearchEnd::AllFound);
}

#[tokio::test]
async fn where_every_join_fails_the_first_answer_stands() {
    let (fake, rooms) = cluster(|_| None).await;
    let facts = see(&fake).await;
    assert_eq!((facts.session, facts.search), (None, None));
    assert_eq!(rooms.load(Ordering::SeqCst), 1 + two_nodes().repetitions());
}

#[tokio::test]
async fn one_node_is_one_room() {
    let (fake, rooms) = cluster(|room| Some(right(room))).await;
    let known = fake.known.clone();
    let facts = call(&fake.network(), &spec(), || known.all()).await;
    assert_eq!(facts.search, None);
    assert_eq!(rooms.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_opens_no_other_room() {
    let (fake, rooms) = cluster(|room| Some(right(room))).await;
    let mut net = fake.network();
    net.credentials = Some(Credentials::Token(Secret::new("a-token-of-somebody-else")).into());
    let known = fake.known.clone();
    let facts = call(&net, &two_nodes(), || known.all()).await;
    assert_eq!((search(&facts).rooms, search(&facts).ended), (0, SearchEnd::OneRoom));
    assert_eq!(rooms.load(Ordering::SeqCst), 1);
}
