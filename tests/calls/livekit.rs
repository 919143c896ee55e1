//! LiveKit as it really is, behind nginx as the guide has it, all on loopback and on ports of its
//! own: several run at the same time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use ovcheck::model::secret::Credentials;
use ovcheck::net::Network;

use crate::authority::Identity;
use crate::peers::{API, KEY, SECRET, TURN, free_port, network};
use crate::tokens::Token;

/// The version inside OpenVidu 3.2, and the one of 3.9's family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Old,
    New,
}

impl Version {
    fn program(self) -> PathBuf {
        let (variable, number) = match self {
            Self::Old => ("OVCHECK_LIVEKIT_SERVER", "1.8.4"),
            Self::New => ("OVCHECK_LIVEKIT_SERVER_NEW", "1.13.5"),
        };
        if let Some(program) = std::env::var_os(variable) {
            return program.into();
        }
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        home.join(format!(".cache/ovcheck-ci/livekit-server-{number}"))
    }
}

/// How a server is set up.
pub struct Setting {
    pub version: Version,
    /// The media section, without its braces, behind what every server here has.
    pub rtc: String,
    /// The same of the TURN section; `None`: no TURN.
    pub turn: Option<String>,
    /// What else stands in the configuration.
    pub more: String,
}

impl Setting {
    /// As the guide has it.
    pub fn of(version: Version) -> Self {
        Self {
            version,
            rtc: "port_range_start: 50000, port_range_end: 60000".to_owned(),
            turn: Some(String::new()),
            more: String::new(),
        }
    }
}

/// A server, and the proxy before it.
pub struct LiveKit {
    pub api: u16,
    pub ice_tcp: u16,
    pub turn_udp: u16,
    pub turn_tcp: u16,
    /// The proxy's port, which stands for 443.
    pub front: u16,
    identity: Identity,
    processes: Vec<Child>,
    folder: TempDir,
}

impl Drop for LiveKit {
    fn drop(&mut self) {
        for process in &mut self.processes {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl LiveKit {
    pub fn start(setting: &Setting) -> Self {
        let mut server = Self {
            api: free_port(),
            ice_tcp: free_port(),
            turn_udp: free_port(),
            turn_tcp: free_port(),
            front: free_port(),
            identity: Identity::new(),
            processes: Vec::new(),
            folder: TempDir::new().unwrap(),
        };
        let config = server.config(setting);
        let mut command = Command::new(setting.version.program());
        command.args(["--config-body", &config]);
        server.run(&mut command, server.api);
        server.start_nginx();
        server
    }

    fn config(&self, setting: &Setting) -> String {
        let turn = match &setting.turn {
            None => "turn: {enabled: false}".to_owned(),
            Some(more) => {
                // 1.8.4 does not know it, and needs it not.
                let loopback = match setting.version {
                    Version::Old => "",
                    Version::New => ", allow_restricted_peer_cidrs: [127.0.0.0/8]",
                };
                format!(
                    "turn: {{enabled: true, domain: {TURN}, udp_port: {}, tls_port: {}, \
                     external_tls: true, relay_range_start: 40000, relay_range_end: 50000\
                     {loopback}{more}}}",
                    self.turn_udp, self.turn_tcp
                )
            }
        };
        format!(
            "port: {}\nbind_addresses: ['']\nlogging: {{level: debug}}\n\
             rtc: {{tcp_port: {}, node_ip: 127.0.0.1, use_external_ip: false, \
             enable_loopback_candidate: true, {}}}\n{turn}\nkeys: {{{KEY}: {SECRET}}}\n{}\n",
            self.api, self.ice_tcp, setting.rtc, setting.more
        )
    }

    fn start_nginx(&mut self) {
        let (certificate, key) = self.identity.pem();
        let folder = self.folder.path();
        std::fs::write(folder.join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.join("key.pem"), key).unwrap();
        let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
        let load = match std::path::Path::new(module).exists() {
            true => format!("load_module {module};"),
            false => String::new(),
        };
        let config = format!(
            "{load}\ndaemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log {0}/nginx.log;\n\
             worker_processes 1;\nevents {{}}\nstream {{\n\
             map $ssl_server_name $backend {{ {TURN} 127.0.0.1:{1}; {API} 127.0.0.1:{2}; }}\n\
             server {{ listen 127.0.0.1:{3} ssl; ssl_certificate {0}/cert.pem; \
             ssl_certificate_key {0}/key.pem; proxy_pass $backend; }}\n}}\n",
            folder.display(),
            self.turn_tcp,
            self.api,
            self.front
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(path).arg("-p").arg(folder);
        self.run(&mut command, self.front);
    }

    fn run(&mut self, command: &mut Command, port: u16) {
        let log = self.folder.path().join(format!("{port}.log"));
        let log = std::fs::File::create(log).unwrap();
        let process = command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.processes.push(process);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "not listening");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A network in which it can be reached.
    pub fn network(&self, credentials: Credentials) -> Network {
        network(self.identity.roots(), credentials, self.front)
    }

    /// A file with the certificate that has to be trusted.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// What the server's API answers to somebody who may do everything: status and JSON.
    pub fn ask(&self, method: &str, room: &str) -> (u16, Value) {
        let token = Token::administering(room).text();
        let body = serde_json::json!({ "room": room, "name": room }).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.api)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "POST /twirp/livekit.RoomService/{method} HTTP/1.1\r\nHost: {API}\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// The names of all rooms.
    pub fn rooms(&self) -> Vec<String> {
        let (_, answer) = self.ask("ListRooms", "");
        let rooms = answer["rooms"].as_array().unwrap();
        let name = |room: &Value| room["name"].as_str().unwrap().to_owned();
        rooms.iter().map(name).collect()
    }

    /// How many participants a room has, the hidden ones too.
    pub fn participants(&self, room: &str) -> usize {
        let (status, answer) = self.ask("ListParticipants", room);
        match status {
            200 => answer["participants"].as_array().unwrap().len(),
            _ => 0,
        }
    }

    /// Waits until `is_so`, for as long as a server may need to notice that somebody left.
    pub fn soon(&self, is_so: impl Fn(&Self) -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            if is_so(self) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}
