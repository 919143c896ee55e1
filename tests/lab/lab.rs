//! The laboratory: the network and the real peers in it.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::certificates;
use super::cluster_services;
use super::command::{Fallible, Running, command, feed, run};
use super::network::{ClientLink, Network, Place, fixture};
use super::services::{Service, services};
use super::world::{FirewallKind, LaterEdit, World};

/// The network and what runs in it.
pub struct Lab {
    pub network: Network,
    /// The program under test, where an ordinary user can run it too.
    pub ovcheck: PathBuf,
    /// The same, linked so that a library can be loaded before it.
    dynamic_ovcheck: PathBuf,
    /// Where an ordinary user can write.
    pub outputs: PathBuf,
    /// A machine on which LiveKit runs that knows all rooms.
    pub api_at: Place,
    services: Vec<(Service, Running)>,
    /// The machines whose firewall is ufw's.
    ufws: Vec<Place>,
    /// Whether files of the proxy were edited since it started.
    is_proxy_edited: bool,
    /// Until when the program ran at places that keep their addresses: the machines that it asked
    /// remember what they have sent there.
    asked_until: BTreeMap<Place, Instant>,
}

impl Lab {
    /// Builds the network, in which nothing runs yet.
    pub fn build(link: ClientLink) -> Fallible<Self> {
        let network = Network::build(link)?;
        let folder = network.folder.clone();
        certificates::write(&folder)?;
        let of_cargo = PathBuf::from(env!("CARGO_BIN_EXE_ovcheck"));
        let program = std::env::var_os("OVCHECK_LAB_PROGRAM").map(PathBuf::from);
        let copied = |program: &Path, name: &str| {
            let copy = folder.join(name);
            std::fs::copy(program, &copy).map_err(|e| format!("copy {program:?}: {e}"))?;
            Ok::<_, String>(copy)
        };
        let dynamic_ovcheck = copied(&of_cargo, "ovcheck-dynamic")?;
        let ovcheck = copied(program.as_ref().unwrap_or(&of_cargo), "ovcheck")?;
        let outputs = folder.join("outputs");
        std::fs::create_dir(&outputs)
            .and_then(|()| std::fs::set_permissions(&outputs, Permissions::from_mode(0o777)))
            .map_err(|e| format!("create {outputs:?}: {e}"))?;
        Ok(Self {
            network,
            ovcheck,
            dynamic_ovcheck,
            outputs,
            api_at: Place::Node,
            services: Vec::new(),
            ufws: Vec::new(),
            is_proxy_edited: false,
            asked_until: BTreeMap::new(),
        })
    }

    /// The program that a command is to run. `faketime` loads a library before it, which a static program
    /// does not let in.
    pub fn program_of(&self, command: &Command) -> &Path {
        let is_faked = command.get_args().any(|word| word == "faketime");
        if is_faked { &self.dynamic_ovcheck } else { &self.ovcheck }
    }

    /// Makes everything as `world` says, and gives the client a fresh address.
    pub fn become_like(&mut self, world: &World) -> Fallible<()> {
        let template = fixture("machine.nft")?;
        if world.cluster.is_some() {
            self.network.add_cluster()?;
        }
        self.api_at = if world.cluster.is_some() { Place::Media1 } else { Place::Node };
        for (place, ruleset) in world.rulesets(&template) {
            feed(self.network.at(place, "nft")?.args(["-f", "-"]), &ruleset)?;
        }
        self.ufws.clear();
        for (place, firewall) in &world.firewalls {
            if let FirewallKind::Ufw(rules) = firewall.kind {
                self.enable_ufw(*place, rules)?;
            }
        }
        self.limit_icmp(world.icmp_renewal_ms)?;
        let wanted = services(world, &self.network.folder)?;
        // Those that are not wanted have to let go of their ports first.
        let is_edited = std::mem::take(&mut self.is_proxy_edited);
        self.services.retain(|(running, _)| {
            wanted.contains(running) && !(is_edited && running.place == Place::Proxy)
        });
        for edit in world.edited_later {
            self.edit_before(edit)?;
        }
        self.forget_livekits(world, &wanted)?;
        let is_program =
            |service: &Service| world.programs.iter().any(|program| program.name == service.name);
        let (programs, others): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_program);
        self.start_all(others)?;
        self.await_livekits(world)?;
        self.start_all(programs)?;
        for edit in world.edited_later {
            self.edit_later(edit)?;
        }
        self.network.renew_client()
    }

    fn edit_before(&self, edit: &LaterEdit) -> Fallible<()> {
        let LaterEdit::Copy { file, before, .. } = edit else { return Ok(()) };
        self.copy(before, file)
    }

    fn edit_later(&mut self, edit: &LaterEdit) -> Fallible<()> {
        self.is_proxy_edited = true;
        let (file, old, new) = match edit {
            LaterEdit::Copy { file, later, .. } => return self.copy(later, file),
            LaterEdit::Text { file, old, new } => (self.network.folder.join(file), old, new),
        };
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{file:?}: {e}"))?;
        if !text.contains(old) {
            return Err(format!("there is no {old:?} in {file:?}"));
        }
        std::fs::write(&file, text.replace(old, new)).map_err(|e| format!("{file:?}: {e}"))
    }

    fn copy(&self, from: &str, to: &str) -> Fallible<()> {
        let [from, to] = [from, to].map(|name| self.network.folder.join(name));
        std::fs::copy(&from, to).map(|_| ()).map_err(|e| format!("copy {from:?}: {e}"))
    }

    fn start_all(&mut self, wanted: Vec<Service>) -> Fallible<()> {
        for service in wanted {
            if !self.services.iter().any(|(running, _)| *running == service) {
                let running = self.start(&service)?;
                self.services.push((service, running));
            }
        }
        Ok(())
    }

    /// Lets servers that are one know only those that run: rooms would still come to one that was ended, for
    /// some seconds. Those that run enter themselves again.
    fn forget_livekits(&self, world: &World, wanted: &[Service]) -> Fallible<()> {
        let is_new = |service: &Service| {
            service.name.starts_with("livekit-")
                && !self.services.iter().any(|(running, _)| running == service)
        };
        let has_redis = self.services.iter().any(|(running, _)| running.name.starts_with("redis-"));
        let shares = world.cluster.as_ref().is_some_and(|cluster| cluster.shares_redis);
        if shares && has_redis && wanted.iter().any(is_new) {
            self.redis(&["del", "nodes"])?;
        }
        Ok(())
    }

    /// Waits until servers that are one know each other.
    fn await_livekits(&mut self, world: &World) -> Fallible<()> {
        if !world.cluster.as_ref().is_some_and(|cluster| cluster.shares_redis) {
            return Ok(());
        }
        let all = self.services.iter().filter(|(it, _)| it.name.starts_with("livekit-")).count();
        for _ in 0..100 {
            if self.redis(&["hlen", "nodes"])?.trim() == all.to_string() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        Err("the servers of the Media Nodes do not know each other".to_owned())
    }

    /// Asks the Redis of the first Master Node on its own machine.
    fn redis(&self, command: &[&str]) -> Fallible<String> {
        let mut redis = self.network.at(Place::Master1, "redis-cli")?;
        redis.args(["-p", "7000", "--no-auth-warning"]);
        redis.args(["-a", cluster_services::REDIS_PASSWORD.unwrap_or_default()]);
        run(redis.args(command))
    }

    /// Puts ufw in charge of a machine, with these rules.
    fn enable_ufw(&mut self, place: Place, rules: &[&str]) -> Fallible<()> {
        let folder = self.network.folder.join("ufw");
        // What is there is the installation's, and stays as it is.
        run(command("rm")?.args(["-rf", &folder.display().to_string()]))?;
        run(command("cp")?.args(["-a", "/etc/ufw", &folder.display().to_string()]))?;
        run(command("cp")?.args(["-a", "/etc/default/ufw"]).arg(folder.join("default")))?;
        self.ufws.push(place);
        for rule in ["ufw --force enable"].iter().chain(rules) {
            self.ufw(place, rule)?;
        }
        Ok(())
    }

    /// Whether ufw is in charge of a machine.
    pub fn has_ufw(&self, place: Place) -> bool {
        self.ufws.contains(&place)
    }

    /// Runs a command of ufw, whose files are the machine's own.
    pub fn ufw(&self, place: Place, command: &str) -> Fallible<()> {
        let folder = self.network.folder.join("ufw");
        let folder = folder.display();
        let script = format!(
            "mount --bind {folder} /etc/ufw; mount --bind {folder}/default /etc/default/ufw; {command}"
        );
        let mut unshare = self.network.at(place, "unshare")?;
        run(unshare.args(["--mount", "--", "sh", "-ec", &script])).map(|_| ())
    }

    fn limit_icmp(&self, [v4, v6]: [u32; 2]) -> Fallible<()> {
        let mut command = self.network.at(Place::Node, "sysctl")?;
        command.arg("-qw").args([
            format!("net.ipv4.icmp_ratelimit={v4}"),
            format!("net.ipv6.icmp.ratelimit={v6}"),
        ]);
        run(&mut command).map(|_| ())
    }

    fn start(&self, service: &Service) -> Fallible<Running> {
        for (name, text) in &service.files {
            let path = self.network.folder.join(name);
            std::fs::write(&path, text).map_err(|e| format!("write {path:?}: {e}"))?;
        }
        // `ip netns exec` becomes the program that it is told to run.
        let mut command = if PathBuf::from(&service.program).is_absolute() {
            let mut command = command("ip")?;
            command.args(["netns", "exec", &self.network.name(service.place)]);
            command.arg(&service.program);
            command
        } else {
            self.network.at(service.place, &service.program)?
        };
        command.args(&service.arguments);
        let mut running = Running::start(&service.name, &mut command, &self.network.folder)?;
        let log = running.log();
        running.wait_until(|| {
            if let Some(words) = service.says_when_ready()
                && !std::fs::read_to_string(&log).is_ok_and(|said| said.contains(words))
            {
                return Ok(false);
            }
            for (transport, port) in &service.listens {
                if !self.network.is_listening(service.place, transport, *port)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        Ok(running)
    }

    /// Lets the ICMP errors of all machines for the addresses of `place` grow back since the last
    /// run there: six, one a second.
    pub fn rest_before_asking_from(&self, place: Place) {
        if let Some(until) = self.asked_until.get(&place) {
            sleep(Duration::from_secs(7).saturating_sub(until.elapsed()));
        }
    }

    /// Remembers that a run ended here.
    #[allow(
        clippy::disallowed_methods,
        reason = "how long ago that was is no matter of the program's own clock"
    )]
    pub fn was_asked_from(&mut self, place: Place) {
        self.asked_until.insert(place, Instant::now());
    }
}
