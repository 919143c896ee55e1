//! Services as they really answer.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ovcheck::model::facts::{RedisAnswer, ServiceAnswer};
use ovcheck::model::probe::ServiceAsk;
use ovcheck::model::target::Endpoint;
use tempfile::TempDir;

use crate::peers::endpoint;
use crate::services::answer;

/// A program that is ended when dropped.
pub struct Running {
    process: Child,
    _folder: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Running {
    /// Starts a program, and waits until it listens on `ports` of loopback.
    pub fn start(command: &mut Command, ports: &[u16]) -> Self {
        let folder = TempDir::new().unwrap();
        let process = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self { process, _folder: folder };
        let started = Instant::now();
        for port in ports {
            while TcpStream::connect(("127.0.0.1", *port)).is_err() {
                assert!(started.elapsed() < Duration::from_secs(30), "not listening");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        running
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn at(port: u16) -> Endpoint {
    endpoint(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn redis(arguments: &[&str]) -> (Endpoint, Running) {
    let port = free_port();
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(arguments);
    (at(port), Running::start(&mut command, &[port]))
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_without_a_password_is_told_from_one_with_a_password() {
    let (open, _running) = redis(&[]);
    let (locked, _locked) = redis(&["--requirepass", "a-password"]);
    assert_eq!(answer(open, ServiceAsk::RedisPing).await, ServiceAnswer::Redis(RedisAnswer::Pong));
    assert_eq!(
        answer(locked, ServiceAsk::RedisPing).await,
        ServiceAnswer::Redis(RedisAnswer::NoAuth)
    );
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_sentinel_is_not_taken_for_the_store() {
    let file = std::env::temp_dir().join(format!("ovcheck-sentinel-{}.conf", std::process::id()));
    let port = free_port();
    let text = format!("port {port}\nbind 127.0.0.1\nprotected-mode no\n");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&file).arg("--sentinel");
    let _running = Running::start(&mut command, &[port]);
    let met = answer(at(port), ServiceAsk::RedisPing).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(met, ServiceAnswer::Redis(RedisAnswer::Sentinel));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_user_who_may_not_ping_is_not_taken_for_a_password() {
    let (restricted, _running) =
        redis(&["--user", "default", "on", "nopass", "~*", "-@all", "+get"]);
    let met = answer(restricted, ServiceAsk::RedisPing).await;
    assert!(
        matches!(&met, ServiceAnswer::Redis(RedisAnswer::Error(error))
            if error.unquoted().starts_with("NOPERM ")),
        "{met:?}"
    );
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_asked_in_other_tongues_is_nobody_else() {
    let (redis, _running) = redis(&[]);
    for ask in [
        ServiceAsk::MongoHello,
        ServiceAsk::Http2Settings,
        ServiceAsk::IceTcp,
        ServiceAsk::MinioLive,
        ServiceAsk::Page,
    ] {
        let met = answer(redis, ask).await;
        assert!(
            matches!(
                met,
                ServiceAnswer::Other(_)
                    | ServiceAnswer::Closed
                    | ServiceAnswer::Reset
                    | ServiceAnswer::Silent
            ),
            "{ask}: {met:?}"
        );
    }
}

/// livekit-server 1.8.4, where the laboratory finds it too.
fn livekit() -> (Endpoint, Endpoint, Running) {
    let known = Path::new("/usr/local/bin/livekit-server-1.8.4");
    let program = match std::env::var_os("OVCHECK_LIVEKIT_SERVER") {
        Some(program) => program,
        None if known.is_file() => known.into(),
        None => "livekit-server".into(),
    };
    let (api, ice_tcp) = (free_port(), free_port());
    let config = format!(
        "port: {api}\n\
         bind_addresses: [\"127.0.0.1\"]\n\
         logging: {{level: error}}\n\
         rtc: {{tcp_port: {ice_tcp}, port_range_start: 50000, port_range_end: 50100, \
               node_ip: 127.0.0.1, use_external_ip: false}}\n\
         keys: {{APIlaboratory: a-secret-of-at-least-32-characters-long}}\n"
    );
    let mut command = Command::new(program);
    command.args(["--config-body", &config]);
    let running = Running::start(&mut command, &[api, ice_tcp]);
    (at(api), at(ice_tcp), running)
}

#[tokio::test]
#[ignore = "needs livekit-server"]
async fn livekit_takes_webrtc_over_tcp_on_its_port_and_on_no_other() {
    let (api, ice_tcp, _running) = livekit();
    // Again and again: whoever asks leaves nothing behind.
    for _ in 0..3 {
        assert_eq!(answer(ice_tcp, ServiceAsk::IceTcp).await, ServiceAnswer::IceTcp);
    }
    let api = answer(api, ServiceAsk::IceTcp).await;
    assert_ne!(api, ServiceAnswer::IceTcp);
    for ask in [ServiceAsk::RedisPing, ServiceAsk::MinioLive, ServiceAsk::Http2Settings] {
        let met = answer(ice_tcp, ask).await;
        assert!(matches!(met, ServiceAnswer::Closed | ServiceAnswer::Reset), "{ask}: {met:?}");
    }
}
