//! The laboratory: the network and the real peers in it.

use std::path::{Path, PathBuf};

use super::certificates;
use super::command::{Fallible, Running, feed, find};
use super::network::{ClientLink, Network, OUTSIDE, Place, fixture, fixture_path};
use super::world::{World, fill};

/// Where the program is that is inside OpenVidu 3.2: livekit-server 1.8.4.
pub fn livekit_server() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("OVCHECK_LIVEKIT_SERVER") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let local = PathBuf::from("/usr/local/bin/livekit-server-1.8.4");
    Some(local)
        .filter(|path| path.is_file())
        .or_else(|| find("livekit-server-1.8.4"))
        .or_else(|| find("livekit-server"))
}

/// Debian has nginx's stream module in a package and a file of its own.
pub const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// The network and what runs in it.
pub struct Lab {
    pub network: Network,
    /// The program under test, where an ordinary user can run it too.
    pub ovcheck: PathBuf,
    /// Kept for as long as the laboratory stands.
    _steady: Vec<Running>,
    named: Option<(String, Running)>,
    /// nginx, or what stands in its place.
    proxy: Option<(String, Running)>,
    /// The proxy keeps its address, and the node its memory of what it has sent there.
    proxy_has_asked: bool,
}

impl Lab {
    /// Builds the network and starts the peers that are the same in every situation.
    pub fn build(link: ClientLink) -> Fallible<Self> {
        let network = Network::build(link)?;
        let folder = network.folder.clone();
        certificates::write(&folder)?;
        let ovcheck = folder.join("ovcheck");
        std::fs::copy(env!("CARGO_BIN_EXE_ovcheck"), &ovcheck)
            .map_err(|e| format!("copy ovcheck: {e}"))?;
        feed(
            network.at(Place::Proxy, "nft")?.args(["-f", "-"]),
            &fixture("proxy.nft")?,
        )?;
        let steady = vec![
            start_livekit(&network)?,
            start_node_services(&network)?,
            start_stun_server(&network)?,
        ];
        Ok(Self {
            network,
            ovcheck,
            _steady: steady,
            named: None,
            proxy: None,
            proxy_has_asked: false,
        })
    }

    /// Makes everything as `world` says, and gives the client a fresh address.
    pub fn become_like(&mut self, world: &World) -> Fallible<()> {
        let folder = self.network.folder.clone();
        feed(
            self.network.at(Place::Node, "nft")?.args(["-f", "-"]),
            &world.nftables(&fixture("node.nft")?),
        )?;

        let zone = world.zone(&fixture("example.io.zone")?);
        let served = self.named.as_ref().map(|(zone, _)| zone);
        if served != Some(&zone) {
            // The old one has to let go of its port first.
            self.named = None;
            write(&folder, "example.io.zone", &zone)?;
            let running = start_named(&self.network)?;
            self.named = Some((zone, running));
        }

        let configuration = if world.proxy.is_a_tarpit {
            fixture("tarpit.py")?
        } else {
            world.nginx(
                &fixture("nginx.conf")?,
                &folder.display().to_string(),
                &load_stream_module(),
            )
        };
        let served = self.proxy.as_ref().map(|(text, _)| text);
        if served != Some(&configuration) {
            self.proxy = None;
            let running = if world.proxy.is_a_tarpit {
                start_tarpit(&self.network)?
            } else {
                write(&folder, "nginx.conf", &configuration)?;
                start_nginx(&self.network)?
            };
            self.proxy = Some((configuration, running));
        }
        self.network.renew_client()
    }

    /// Lets the node's ICMP errors for the proxy's address grow back: six, one a second.
    pub fn rest_before_asking_from_proxy(&mut self) {
        if self.proxy_has_asked {
            std::thread::sleep(std::time::Duration::from_secs(7));
        }
        self.proxy_has_asked = true;
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Fallible<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|e| format!("write {path:?}: {e}"))
}

fn start_livekit(network: &Network) -> Fallible<Running> {
    let program = livekit_server().ok_or("livekit-server is not installed")?;
    // `ip netns exec` becomes the program that it is told to run.
    let mut command = super::command::command("ip")?;
    command
        .args(["netns", "exec", &network.name(Place::Node)])
        .arg(program)
        .arg("--config")
        .arg(fixture_path("livekit.yaml"));
    let mut running = Running::start("livekit-server", &mut command, &network.folder)?;
    running.wait_until(|| {
        Ok(network.is_listening(Place::Node, "tcp", 7880)?
            && network.is_listening(Place::Node, "tcp", 7881)?
            && network.is_listening(Place::Node, "tcp", 5349)?
            && network.is_listening(Place::Node, "udp", 443)?)
    })?;
    Ok(running)
}

fn start_node_services(network: &Network) -> Fallible<Running> {
    let mut command = network.at(Place::Node, "python3")?;
    command.arg(fixture_path("node_services.py"));
    let mut running = Running::start("node-services", &mut command, &network.folder)?;
    running.wait_until(|| {
        Ok(network.is_listening(Place::Node, "tcp", 1945)?
            && network.is_listening(Place::Node, "tcp", 9000)?)
    })?;
    Ok(running)
}

/// A STUN server that has nothing to do with the deployment: it shows that our own UDP works.
fn start_stun_server(network: &Network) -> Fallible<Running> {
    let mut command = network.at(Place::Outside, "turnserver")?;
    command
        .args(["-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls"])
        .args(["--listening-ip", OUTSIDE[0], "--listening-ip", OUTSIDE[1]])
        .args(["--listening-port", "3478"])
        .args(["--log-file", "stdout", "--pidfile"])
        .arg(network.folder.join("turnserver.pid"));
    let mut running = Running::start("turnserver", &mut command, &network.folder)?;
    running.wait_until(|| network.is_listening(Place::Outside, "udp", 3478))?;
    Ok(running)
}

fn start_named(network: &Network) -> Fallible<Running> {
    let folder = network.folder.display().to_string();
    write(
        &network.folder,
        "named.conf",
        &fill(&fixture("named.conf")?, &[("DIR", &folder)]),
    )?;
    let mut command = network.at(Place::Outside, "named")?;
    command
        .args(["-g", "-n", "1", "-c"])
        .arg(network.folder.join("named.conf"));
    let mut running = Running::start("named", &mut command, &network.folder)?;
    running.wait_until(|| network.is_listening(Place::Outside, "udp", 53))?;
    Ok(running)
}

/// The line that nginx needs where its stream module is a file of its own.
fn load_stream_module() -> String {
    if Path::new(STREAM_MODULE).is_file() {
        format!("load_module {STREAM_MODULE};")
    } else {
        String::new()
    }
}

fn start_nginx(network: &Network) -> Fallible<Running> {
    let mut command = network.at(Place::Proxy, "nginx")?;
    command.arg("-c").arg(network.folder.join("nginx.conf"));
    start_proxy("nginx", &mut command, network)
}

fn start_tarpit(network: &Network) -> Fallible<Running> {
    let mut command = network.at(Place::Proxy, "python3")?;
    command.arg(fixture_path("tarpit.py"));
    start_proxy("tarpit", &mut command, network)
}

fn start_proxy(
    name: &'static str,
    command: &mut std::process::Command,
    network: &Network,
) -> Fallible<Running> {
    let mut running = Running::start(name, command, &network.folder)?;
    running.wait_until(|| {
        Ok(network.is_listening(Place::Proxy, "tcp", 80)?
            && network.is_listening(Place::Proxy, "tcp", 443)?
            && network.is_listening(Place::Proxy, "tcp", 1935)?)
    })?;
    Ok(running)
}
