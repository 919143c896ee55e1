//! Two machines and a wire between them.
//!
//! ```text
//!  client 198.51.100.10, 2001:db8:c::10 ─── node 198.51.100.20, 2001:db8:c::20
//! ```
//!
//! Each test has its own: a machine remembers how many ICMP errors it has sent to whom. Their names
//! are `ovw<pid>-…`: what a killed run left behind is swept away by the next one.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use ovcheck::model::facts::{Facts, UdpAnswer, UdpFacts};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Port;
use ovcheck::net::Network;
use ovcheck::probe::udp::{self, Besides};

use crate::command::{Fallible, command, feed, find, run};
use crate::networks::network;

pub const NODE_V4: &str = "198.51.100.20";
pub const NODE_V6: &str = "2001:db8:c::20";

/// Why no machines can be made here; `None` when they can.
pub fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("network namespaces need Linux".to_owned());
    }
    for (program, package) in [("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")] {
        if find(program).is_none() {
            return Some(format!("not installed: {program} (Debian: {package})"));
        }
    }
    let trial = command("unshare")
        .and_then(|mut unshare| run(unshare.args(["--net", "--", "nft", "list", "ruleset"])));
    let refused = trial.is_err();
    refused.then(|| "network namespaces and nftables need root".to_owned())
}

/// One of the two machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Client,
    Node,
}

/// The two machines.
pub struct World {
    prefix: String,
}

impl World {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let world = Self { prefix: format!("ovw{}-{count}", std::process::id()) };
        world.build().unwrap();
        world
    }

    fn build(&self) -> Fallible<()> {
        for place in [Place::Client, Place::Node] {
            run(command("ip")?.args(["netns", "add", &self.name(place)]))?;
        }
        self.ip(
            Place::Client,
            &format!("link add eth0 type veth peer name eth0 netns {}\n", self.name(Place::Node)),
        );
        for (place, host) in [(Place::Client, 10), (Place::Node, 20)] {
            self.ip(
                place,
                &format!(
                    "link set lo up\nlink set eth0 up\naddress add 198.51.100.{host}/24 dev eth0\n\
                     address add 2001:db8:c::{host}/64 dev eth0 nodad\n"
                ),
            );
        }
        Ok(())
    }

    pub fn name(&self, place: Place) -> String {
        let word = match place {
            Place::Client => "client",
            Place::Node => "node",
        };
        format!("{}-{word}", self.prefix)
    }

    /// A command that runs on one of the machines.
    pub fn at(&self, place: Place, program: &str) -> std::process::Command {
        let mut command = command("ip").unwrap();
        command.args(["netns", "exec", &self.name(place)]).arg(find(program).unwrap());
        command
    }

    /// Lines for `ip -batch` on one of the machines.
    pub fn ip(&self, place: Place, lines: &str) {
        let mut ip = command("ip").unwrap();
        feed(ip.args(["-n", &self.name(place), "-batch", "-"]), lines).unwrap();
    }

    /// What the firewall of the node does with what comes in.
    pub fn node_firewall(&self, rules: &str) {
        self.firewall(Place::Node, "input", rules);
    }

    /// What our own firewall does with what goes out.
    pub fn own_firewall(&self, rules: &str) {
        self.firewall(Place::Client, "output", rules);
    }

    fn firewall(&self, place: Place, hook: &str, rules: &str) {
        let table = format!(
            "table inet test {{\n chain test {{\n  type filter hook {hook} priority 0\n{rules}\n }}\n}}\n"
        );
        feed(self.at(place, "nft").args(["-f", "-"]), &table).unwrap();
    }

    /// Runs `task` on a thread that stands on one of the machines.
    pub fn on<T: Send>(&self, place: Place, task: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name(place))).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                task()
            });
            thread.join().unwrap()
        })
    }

    /// What the probe of `ports` and `ranges` comes to, from the client; the operator named the node.
    pub fn outcome(&self, address: &str, ports: &[u16], ranges: Besides) -> Outcome {
        self.outcome_where(address, ports, ranges, |net| {
            for address in [NODE_V4, NODE_V6] {
                net.sweeps.allow(address.parse().expect("a constant address"));
            }
        })
    }

    /// The same, where nobody named an address but `begin`, which is told of the network first.
    pub fn outcome_where(
        &self,
        address: &str,
        ports: &[u16],
        ranges: Besides,
        begin: impl FnOnce(&Network) + Send,
    ) -> Outcome {
        let ports: Vec<Port> = ports.iter().map(|port| Port::new(*port).unwrap()).collect();
        let address: IpAddr = address.parse().unwrap();
        self.on(Place::Client, || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let net = network(Duration::from_millis(1300));
            begin(&net);
            runtime.block_on(udp::run(&net, address, &ports, ranges)).1
        })
    }

    /// The facts of the probe.
    pub fn facts(&self, address: &str, ports: &[u16], ranges: Besides) -> UdpFacts {
        match self.outcome(address, ports, ranges) {
            Outcome::Saw(Facts::Udp(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for place in [Place::Client, Place::Node] {
            let name = self.name(place);
            let removed = command("ip").and_then(|mut ip| run(ip.args(["netns", "delete", &name])));
            if let Err(why) = removed
                && !std::thread::panicking()
            {
                panic!("{why}");
            }
        }
    }
}

/// Removes what runs left behind whose process is dead.
fn sweep() {
    let listed = run(command("ip").unwrap().args(["netns", "list"])).unwrap();
    let names = listed.split_whitespace().filter(|word| {
        let process = word
            .strip_prefix("ovw")
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists())
    });
    for name in names {
        run(command("ip").unwrap().args(["netns", "delete", name])).unwrap();
    }
}

/// Ports with what they did, in one word each.
pub fn said(facts: &UdpFacts) -> Vec<(u16, &'static str)> {
    let word = |answer: &UdpAnswer| match answer {
        UdpAnswer::Stun => "stun",
        UdpAnswer::Data(_) => "data",
        UdpAnswer::Unrelated(_) => "unrelated",
        UdpAnswer::Icmp(error) if matches!((error.icmp_type, error.code), (3, 3) | (1, 4)) => {
            "no listener"
        }
        UdpAnswer::Icmp(_) => "refused",
        UdpAnswer::Silent => "silent",
        UdpAnswer::NotSent => "not sent",
    };
    let ports = facts.ports.iter();
    ports.map(|port| (port.port.number(), word(&port.answer))).collect()
}
