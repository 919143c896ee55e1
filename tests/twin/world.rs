//! A proxy machine with a real proxy, and the world around it: clients, and OpenVidu's machine.
//!
//! ```text
//!  world 10.0.0.20, fd00::20 ─── proxy 10.0.0.10, fd00::10
//! ```
//!
//! Backends tell what arrives at them, and answer. Their names are `ovt<pid>-…`.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use ovcheck::model::configuration::ProxyKind;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::command::{Fallible, command, feed, find, run};
use crate::{caddy, traefik};

pub const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
pub const BACKEND_V4: &str = "10.0.0.20";
pub const BACKEND_V6: &str = "fd00::20";
const PROXY: [&str; 2] = ["10.0.0.10", "fd00::10"];

/// Ports at which the world's backends listen.
pub const BACKEND_PORTS: &[u16] = &[7880, 5349, 1945, 1935, 7881, 8080, 8443, 3478, 443, 80];

/// Why nothing can be run here.
pub fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("network namespaces need Linux".to_owned());
    }
    let programs =
        [("ip", "iproute2"), ("nginx", "nginx"), ("haproxy", "haproxy"), ("unshare", "util-linux")];
    for (program, package) in programs {
        if find(program).is_none() {
            return Some(format!("not installed: {program} (Debian: {package})"));
        }
    }
    if !Path::new(STREAM_MODULE).exists() {
        return Some("not installed: libnginx-mod-stream".to_owned());
    }
    let trial =
        command("unshare").and_then(|mut unshare| run(unshare.args(["--net", "--", "true"])));
    trial.is_err().then(|| "network namespaces need root".to_owned())
}

/// What a backend got first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub port: u16,
    pub has_proxy_header: bool,
    pub is_tls: bool,
    pub request: Option<Request>,
}

/// The head of an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub host: String,
    pub has_upgrade: bool,
}

/// The proxy that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Haproxy,
    Caddy,
    Traefik,
}

impl Program {
    /// How the names of its configurations end.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["conf"],
            Self::Haproxy => &["cfg"],
            Self::Caddy => &["yaml", "json"],
            Self::Traefik => &["yml", "toml"],
        }
    }

    /// How often a connection is made again that does not end as expected.
    pub fn more_tries(self) -> usize {
        if matches!(self, Self::Caddy | Self::Traefik) { 4 } else { 0 }
    }

    /// How many run at the same time. The others compute more: HAProxy leaves connections open that it does not
    /// answer, and then all wait.
    pub fn worlds(self) -> usize {
        if self == Self::Haproxy { 8 } else { 3 }
    }

    pub fn letter(self) -> char {
        match self {
            Self::Nginx => 'n',
            Self::Haproxy => 'h',
            Self::Caddy => 'c',
            Self::Traefik => 't',
        }
    }

    pub fn kind(self) -> ProxyKind {
        match self {
            Self::Nginx => ProxyKind::Nginx,
            Self::Haproxy => ProxyKind::Haproxy,
            Self::Caddy => ProxyKind::Caddy,
            Self::Traefik => ProxyKind::Traefik,
        }
    }
}

pub struct World {
    pub program: Program,
    prefix: String,
    pub folder: tempfile::TempDir,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl World {
    /// The machines; this thread stands in the world from then on.
    pub fn new(name: &str, program: Program) -> Fallible<Self> {
        sweep();
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let world = Self {
            program,
            prefix: format!("ovt{}-{name}", std::process::id()),
            folder,
            arrived: Arc::default(),
        };
        world.build()?;
        Ok(world)
    }

    fn name(&self, place: &str) -> String {
        format!("{}-{place}", self.prefix)
    }

    fn build(&self) -> Fallible<()> {
        for place in ["w", "p"] {
            run(command("ip")?.args(["netns", "add", &self.name(place)]))?;
        }
        let ip = |place: &str, batch: &str| {
            feed(command("ip")?.args(["-netns", &self.name(place), "-batch", "-"]), batch)
        };
        ip("w", &format!("link add eth0 type veth peer name eth0 netns {}\n", self.name("p")))?;
        for (place, host) in [("w", "20"), ("p", "10")] {
            ip(
                place,
                &format!(
                    "link set lo up\nlink set eth0 up\naddress add 10.0.0.{host}/24 dev eth0\n\
                     address add fd00::{host}/64 dev eth0 nodad\n"
                ),
            )?;
        }
        let namespace = File::open(Path::new("/run/netns").join(self.name("w")));
        let namespace = namespace.map_err(|e| e.to_string())?;
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|e| e.to_string())?;
        // The workers of nginx are not root.
        use std::os::unix::fs::PermissionsExt as _;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.folder.path(), open).map_err(|e| e.to_string())?;
        write_certificates(self.folder.path())?;
        for address in [BACKEND_V4, BACKEND_V6] {
            for port in BACKEND_PORTS {
                self.tell(address.parse().map_err(|_| "an address")?, *port)?;
            }
        }
        Ok(())
    }

    /// Starts a backend.
    fn tell(&self, address: IpAddr, port: u16) -> Fallible<()> {
        let listener = TcpListener::bind(SocketAddr::new(address, port))
            .map_err(|e| format!("bind {address} {port}: {e}"))?;
        let arrived = Arc::clone(&self.arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrived = Arc::clone(&arrived);
                thread::spawn(move || answer(stream, port, &arrived));
            }
        });
        Ok(())
    }

    /// Takes what arrived since the last time.
    pub fn take_arrived(&self) -> Option<Arrived> {
        std::mem::take(&mut *self.arrived.lock().unwrap()).pop()
    }

    /// The text of a fixture for this world.
    pub fn filled(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let load = format!(
            "load_module {STREAM_MODULE}; pid @DIR@/proxy.pid; error_log @DIR@/error.log info;"
        );
        let head = format!("{load} events {{ worker_connections 64; }}");
        let temp = "access_log off; client_body_temp_path @DIR@/t1; proxy_temp_path @DIR@/t2; \
            fastcgi_temp_path @DIR@/t3; uwsgi_temp_path @DIR@/t4; scgi_temp_path @DIR@/t5;";
        text.replace("@HEAD@", &head)
            .replace("@LOAD@", &load)
            .replace("@TEMP@", temp)
            .replace("<MASTER_NODE_PRIVATE_IP>", BACKEND_V4)
            .replace("@DIR@", &folder)
    }

    /// The file for this configuration.
    pub fn main_file(&self, text: &str) -> PathBuf {
        let ending = match self.program {
            Program::Traefik => traefik::ending(text),
            other => other.endings()[0],
        };
        self.folder.path().join(format!("proxy.{ending}"))
    }

    /// Starts the proxy, or returns what it says.
    pub fn start(&self, text: &str) -> Result<Running, String> {
        let file = self.main_file(text);
        std::fs::write(&file, text).unwrap();
        let path = file.display().to_string();
        let pid_file = self.folder.path().join("proxy.pid");
        let pid_path = pid_file.display().to_string();
        let mut proxy = command("ip").unwrap();
        proxy.args(["netns", "exec", &self.name("p")]);
        match self.program {
            Program::Nginx => proxy.args(["nginx", "-c", &path]),
            Program::Haproxy => proxy.args(["haproxy", "-D", "-f", &path, "-p", &pid_path]),
            Program::Caddy => caddy::start(&mut proxy, text, self.folder.path(), &pid_path)?,
            Program::Traefik => return traefik::start(&mut proxy, text, &file, pid_file),
        };
        // What runs on keeps a pipe open.
        let log = self.folder.path().join("proxy.said");
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log));
        let said = proxy.stdin(Stdio::null()).stdout(out).stderr(err.unwrap()).status().unwrap();
        if !said.success() {
            return Err(std::fs::read_to_string(&log).unwrap());
        }
        // 20 s.
        for _ in 0..4_000 {
            let pid = std::fs::read_to_string(&pid_file).ok();
            if let Some(pid) = pid.and_then(|pid| pid.trim().parse().ok()) {
                return Ok(Running { pid, pid_file, program: self.program, child: None });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err("no pid".to_owned())
    }

    /// The address of the proxy.
    pub fn proxy(is_v6: bool) -> IpAddr {
        PROXY[usize::from(is_v6)].parse().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for place in ["w", "p"] {
            drop(command("ip").map(|mut ip| run(ip.args(["netns", "del", &self.name(place)]))));
        }
    }
}

/// What killed runs left behind.
fn sweep() {
    let Ok(list) = command("ip").and_then(|mut ip| run(ip.args(["netns", "list"]))) else { return };
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let pid = name.strip_prefix("ovt").and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            drop(command("ip").map(|mut ip| run(ip.args(["netns", "del", name]))));
        }
    }
}

/// A running proxy.
pub struct Running {
    pub pid: u32,
    pub pid_file: PathBuf,
    pub program: Program,
    /// Where it does not go to the background.
    pub child: Option<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.pid.to_string();
        // These would wait for the end of connections.
        let waits = matches!(self.program, Program::Caddy | Program::Traefik);
        let signal = if waits { "-KILL" } else { "-TERM" };
        drop(command("kill").map(|mut kill| run(kill.args([signal, &pid]))));
        if let Some(mut child) = self.child.take() {
            drop(child.wait());
            return;
        }
        // Where the first process of the machine buries no children, it stays as a zombie.
        let state = Path::new("/proc").join(&pid).join("stat");
        let is_gone = || std::fs::read_to_string(&state).map_or(true, |text| text.contains(") Z "));
        for _ in 0..1_000 {
            if is_gone() && (self.program != Program::Nginx || !self.pid_file.exists()) {
                // The others leave it there.
                drop(std::fs::remove_file(&self.pid_file));
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        drop(command("kill").map(|mut kill| run(kill.args(["-KILL", &pid]))));
    }
}

fn answer(mut stream: TcpStream, port: u16, arrived: &Mutex<Vec<Arrived>>) {
    drop(stream.set_read_timeout(Some(Duration::from_secs(2))));
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut chunk) else { return };
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(what) = read_arrived(&bytes, port) {
            let is_http = what.request.is_some();
            arrived.lock().unwrap().push(what);
            let said: &[u8] = if is_http {
                b"HTTP/1.1 299 Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            } else {
                b"TOLD"
            };
            drop(stream.write_all(said));
            return;
        }
    }
}

/// What arrived, once enough of it is there.
fn read_arrived(bytes: &[u8], port: u16) -> Option<Arrived> {
    let mut rest = bytes;
    let has_proxy_header = bytes.starts_with(b"PROXY ");
    const SECOND_VERSION: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let has_binary_header = bytes.starts_with(SECOND_VERSION);
    if has_binary_header {
        let length = u16::from_be_bytes([*bytes.get(14)?, *bytes.get(15)?]);
        rest = bytes.get(16 + usize::from(length)..)?;
    } else if SECOND_VERSION.starts_with(bytes) {
        return None;
    }
    if has_proxy_header {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        rest = &bytes[end + 2..];
    }
    let first = *rest.first()?;
    let of = |is_tls: bool, request: Option<Request>| {
        let has_proxy_header = has_proxy_header || has_binary_header;
        Some(Arrived { port, has_proxy_header, is_tls, request })
    };
    if first == 0x16 {
        return of(true, None);
    }
    if !first.is_ascii_uppercase() {
        return of(false, None);
    }
    let text = String::from_utf8_lossy(rest);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let has_upgrade = field("upgrade").is_some()
        && field("connection").is_some_and(|value| value.to_ascii_lowercase().contains("upgrade"));
    of(false, Some(Request { path, host: field("host").unwrap_or_default(), has_upgrade }))
}

/// | files | what they hold |
/// | --- | --- |
/// | `api.pem`, `api.key`; `turn.pem`, `turn.key` | a certificate of each name that signed itself |
/// | `both.pem` | `api.pem` and `api.key` |
/// | `private.key` | `api.key`, which only root may read |
/// | `reversed.pem`, `reversed.key` | an authority, then the certificate of the server, whose key it is |
fn write_certificates(folder: &Path) -> Fallible<()> {
    let write =
        |name: &str, text: &str| std::fs::write(folder.join(name), text).map_err(|e| e.to_string());
    for (file, name) in [("api", "openvidu.example.io"), ("turn", "turn.example.io")] {
        let made =
            rcgen::generate_simple_self_signed([name.to_owned()]).map_err(|e| e.to_string())?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        write(&format!("{file}.pem"), &certificate)?;
        write(&format!("{file}.key"), &key)?;
        if file == "api" {
            write("both.pem", &format!("{certificate}{key}"))?;
            write("private.key", &key)?;
            use std::os::unix::fs::PermissionsExt as _;
            let closed = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.join("private.key"), closed)
                .map_err(|e| e.to_string())?;
        }
    }
    let (chain, key) = reversed().map_err(|e| e.to_string())?;
    write("reversed.pem", &chain)?;
    write("reversed.key", &key)?;
    write_for_haproxy(folder)
}

/// For HAProxy: `api.both`, `turn.both` and `all.both`, with their keys; `swapped.both` with the key of another
/// certificate, `beside.pem` with its key in `beside.pem.key`; lists and maps of names.
fn write_for_haproxy(folder: &Path) -> Fallible<()> {
    const API: &str = "openvidu.example.io";
    const TURN: &str = "turn.example.io";
    let write = |file: &str, text: String| {
        std::fs::write(folder.join(file), text).map_err(|e| e.to_string())
    };
    let mut last_key = String::new();
    for (file, names) in [("api", vec![API]), ("turn", vec![TURN]), ("all", vec![API, TURN])] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(|e| e.to_string())?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        write("swapped.both", format!("{certificate}{last_key}"))?;
        write("beside.pem", certificate.clone())?;
        write("beside.pem.key", key.clone())?;
        last_key.clone_from(&key);
        write(&format!("{file}.both"), format!("{certificate}{key}"))?;
    }
    let of_turn = format!("# names\n{TURN} openvidu_turn\n");
    write("names.map", format!("{of_turn}{API} openvidu_api\n"))?;
    write("turn.map", of_turn)?;
    write("turn.lst", format!("{TURN}\n"))?;
    let of = |file: &str| folder.join(file).display().to_string();
    let list = format!("{}\n{} [alpn http/1.1] {TURN}\n", of("api.both"), of("turn.both"));
    write("certificates.lst", list)
}

fn reversed() -> Result<(String, String), rcgen::Error> {
    let mut of_authority = CertificateParams::new(Vec::new())?;
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    of_authority.distinguished_name.push(DnType::CommonName, "Authority");
    let authority_key = KeyPair::generate()?;
    let authority = of_authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(of_authority, authority_key);
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(["openvidu.example.io".to_owned()])?;
    let leaf = own.signed_by(&key, &issuer)?.pem();
    Ok((format!("{authority}{leaf}"), key.serialize_pem()))
}
