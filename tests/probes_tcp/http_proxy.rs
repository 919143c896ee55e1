//! Tunnels through HTTP proxies: those that behave, those that do not, and two real ones.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use ovcheck::model::dial::HttpProxy;
use ovcheck::model::facts::{Connect, FirstBytes, HttpAnswer};
use ovcheck::model::port::Port;
use ovcheck::model::secret::Secret;
use ovcheck::model::target::Endpoint;
use ovcheck::net::http_proxy::{Tunnel, tunnel};
use ovcheck::net::tls::Roots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peers::{network, serve};
use crate::real_services::{Running, free_port};

fn proxy_at(place: Endpoint) -> HttpProxy {
    HttpProxy { host: place.address.to_string(), port: place.port, authorization: None }
}

/// What a proxy makes of the wish to get to `host` and `port`.
async fn ask_for(proxy: &HttpProxy, host: &str, port: u16) -> Tunnel {
    let net = network(Roots::empty());
    let deadline = Instant::now() + Duration::from_secs(2);
    let port = Port::new(port).unwrap();
    tunnel(&net, proxy, host, port, deadline).await.unwrap()
}

async fn refused_by(place: Endpoint) -> HttpAnswer {
    match ask_for(&proxy_at(place), "turn.example.io", 443).await {
        Tunnel::Refused(answer) => answer,
        other => panic!("{other:?}"),
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(request).unwrap()
}

/// A proxy that says `pieces`, one after the other, and keeps the connection.
async fn saying(pieces: &'static [&'static [u8]]) -> Endpoint {
    serve(move |mut stream| async move {
        read_request(&mut stream).await;
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    })
    .await
}

#[tokio::test]
async fn what_comes_behind_the_head_is_left_to_whoever_asked() {
    let together: &[&[u8]] = &[b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n\x16\x03"];
    let in_pieces: &[&[u8]] = &[
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2",
        b"00 OK\r\nContent-Length: 5\r\n\r",
        b"\n\x16\x03",
    ];
    for pieces in [together, in_pieces] {
        let place = saying(pieces).await;
        let Tunnel::Open(mut stream) = ask_for(&proxy_at(place), "a.example.io", 443).await else {
            panic!("open");
        };
        let mut behind = [0; 2];
        stream.read_exact(&mut behind).await.unwrap();
        assert_eq!(behind, [0x16, 3]);
    }
}

#[tokio::test]
async fn the_request_names_the_place_and_carries_the_password() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let place = serve(move |mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(read_request(&mut stream).await).unwrap();
        }
    })
    .await;
    let with_password =
        HttpProxy { authorization: Some(Secret::new("Basic bWU6aHVzaA==")), ..proxy_at(place) };
    let closed = ask_for(&with_password, "2001:db8::20", 7881).await;
    assert!(matches!(closed, Tunnel::Refused(HttpAnswer::Closed)), "{closed:?}");
    let request = told.recv().await.unwrap();
    let begin = "CONNECT [2001:db8::20]:7881 HTTP/1.1\r\nHost: [2001:db8::20]:7881\r\n";
    assert!(request.starts_with(begin), "{request}");
    assert!(request.contains("\r\nProxy-Authorization: Basic bWU6aHVzaA==\r\n"), "{request}");
}

#[tokio::test]
async fn whatever_is_no_tunnel_is_told() {
    let pieces: &[&[u8]] =
        &[b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\n", b"no!!"];
    let HttpAnswer::Response(response) = refused_by(saying(pieces).await).await else {
        panic!("a response");
    };
    assert_eq!((response.status, response.body.unquoted()), (407, "no!!"));
    let ssh = refused_by(saying(&[b"SSH-2.0-OpenSSH_9.9\r\n"]).await).await;
    assert!(matches!(ssh, HttpAnswer::NotHttp(FirstBytes::Ssh(_))), "{ssh:?}");
    assert_eq!(refused_by(saying(&[]).await).await, HttpAnswer::Silent);
    let half = refused_by(saying(&[b"HTTP/1.1 200 OK\r\n"]).await).await;
    assert_eq!(half, HttpAnswer::Unfinished { bytes: 17 });
}

#[tokio::test]
async fn a_refusal_that_repeats_our_password_says_it_to_nobody() {
    let pieces: &[&[u8]] = &[b"HTTP/1.1 407 No\r\n\r\nwho is bWU6aHVzaA==?"];
    let with_password = HttpProxy {
        authorization: Some(Secret::new("Basic bWU6aHVzaA==")),
        ..proxy_at(saying(pieces).await)
    };
    let Tunnel::Refused(HttpAnswer::Response(response)) =
        ask_for(&with_password, "turn.example.io", 443).await
    else {
        panic!("a response");
    };
    assert_eq!(response.body.unquoted(), "who is [secret]?");
}

#[tokio::test]
async fn a_head_without_end_is_not_read_without_end() {
    let place = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let first = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        let mut written = first.is_ok();
        while written {
            written = stream.write_all(b"X: y\r\n").await.is_ok();
        }
    })
    .await;
    let answer = refused_by(place).await;
    assert!(matches!(answer, HttpAnswer::Unfinished { bytes } if bytes < 20_000), "{answer:?}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_by_its_connection() {
    let proxy = HttpProxy {
        host: "localhost".to_owned(),
        port: Port::new(free_port()).unwrap(),
        authorization: None,
    };
    let met = ask_for(&proxy, "a.example.io", 443).await;
    assert!(matches!(met, Tunnel::NoConnection(Connect::Reset)), "{met:?}");
}

#[tokio::test]
async fn a_proxy_without_an_address_is_our_own_trouble() {
    let net = network(Roots::empty());
    let proxy = HttpProxy {
        host: "no-such-proxy.invalid".to_owned(),
        port: Port::new(3128).unwrap(),
        authorization: None,
    };
    let deadline = Instant::now() + Duration::from_secs(2);
    let port = Port::new(443).unwrap();
    let trouble =
        tunnel(&net, &proxy, "a.example.io", port, deadline).await.unwrap_err().to_string();
    assert!(
        trouble.starts_with("could not resolve the HTTP proxy no-such-proxy.invalid:3128: "),
        "{trouble}"
    );
}

/// Somebody who repeats what he hears, and his port.
async fn echo() -> u16 {
    let place = serve(|mut stream| async move {
        let (mut reader, mut writer) = stream.split();
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
    })
    .await;
    place.port.number()
}

/// Through a real proxy: a tunnel that carries bytes, one to a port where nobody listens, and one
/// that the proxy's rules forbid.
async fn carries_and_refuses(proxy: &HttpProxy, allowed: u16) {
    let Tunnel::Open(mut stream) = ask_for(proxy, "127.0.0.1", allowed).await else {
        panic!("open");
    };
    stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");

    let forbidden = ask_for(proxy, "127.0.0.1", echo().await).await;
    assert!(
        matches!(&forbidden, Tunnel::Refused(HttpAnswer::Response(answer)) if answer.status == 403),
        "{forbidden:?}"
    );
}

fn local(port: u16) -> HttpProxy {
    HttpProxy {
        host: SocketAddr::from(([127, 0, 0, 1], port)).ip().to_string(),
        port: Port::new(port).unwrap(),
        authorization: None,
    }
}

#[tokio::test]
#[ignore = "needs squid"]
async fn squid_opens_tunnels_where_its_rules_let_it() {
    let (port, allowed) = (free_port(), echo().await);
    let closed = free_port();
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("squid.conf");
    let text = format!(
        "http_port 127.0.0.1:{port}\n\
         acl ours port {allowed} {closed}\n\
         acl CONNECT method CONNECT\n\
         http_access deny CONNECT !ours\n\
         http_access allow all\n\
         cache deny all\n\
         access_log none\n\
         cache_log /dev/null\n\
         netdb_filename none\n\
         pid_filename none\n\
         coredump_dir {}\n",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("squid");
    command.arg("-N").arg("-f").arg(&config);
    let _running = Running::start(&mut command, &[port]);
    carries_and_refuses(&local(port), allowed).await;
    let nobody = ask_for(&local(port), "127.0.0.1", closed).await;
    assert!(
        matches!(&nobody, Tunnel::Refused(HttpAnswer::Response(answer)) if answer.status == 503),
        "{nobody:?}"
    );
}

#[tokio::test]
#[ignore = "needs tinyproxy"]
async fn tinyproxy_opens_tunnels_for_those_who_know_its_password() {
    let (port, allowed) = (free_port(), echo().await);
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("tinyproxy.conf");
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n\
         ConnectPort {allowed}\nBasicAuth me hush\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(&config);
    let _running = Running::start(&mut command, &[port]);
    let known = HttpProxy { authorization: Some(Secret::new("Basic bWU6aHVzaA==")), ..local(port) };
    carries_and_refuses(&known, allowed).await;
    let unknown = ask_for(&local(port), "127.0.0.1", allowed).await;
    assert!(
        matches!(&unknown, Tunnel::Refused(HttpAnswer::Response(answer)) if answer.status == 407),
        "{unknown:?}"
    );
}
