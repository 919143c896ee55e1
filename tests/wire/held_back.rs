//! What `ovcheck firewall` writes under a policy that forces TURN, on a machine without any rules: media begins
//! no conversation with users, and everything else that the machine sends gets out. `ovcheck host` reads the
//! rules as they are then.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{Running, feed, find, output, run};
use crate::world::{NODE_V4, NODE_V6, Place, World};

pub const TESTS: &[(&str, fn())] = &[
    ("held_back/by_nftables", || media_is_held_back_and_nothing_else("nftables")),
    ("held_back/by_iptables", || media_is_held_back_and_nothing_else("iptables")),
    ("held_back/by_ufw", || media_is_held_back_and_nothing_else("ufw")),
    ("held_back/by_firewalld", || media_is_held_back_and_nothing_else("firewalld")),
];

/// A stranger, and the other Media Node, both of them the client.
const STRANGER: [&str; 2] = ["198.51.100.10", "2001:db8:c::10"];
const OTHER_NODE: [&str; 2] = ["198.51.100.11", "2001:db8:c::11"];

/// The port from which it is sent, to whom, to which port, and whether it arrives.
const DATAGRAMS: [(u16, [&str; 2], u16, bool); 9] = [
    (50_000, STRANGER, 40_000, false),
    (54_321, STRANGER, 40_000, false),
    (60_000, STRANGER, 40_000, false),
    (49_999, STRANGER, 40_000, true),
    (60_001, STRANGER, 40_000, true),
    (54_321, STRANGER, 53, true),
    (54_321, STRANGER, 123, true),
    (54_321, STRANGER, 3_478, true),
    (54_321, OTHER_NODE, 40_000, true),
];

/// Says what it got from where; answers TCP; and asks a media port, from the address of the other node. One
/// thread, and a line is one write, so that no two lines run into each other.
const CLIENT: &str = r#"
import os, selectors, socket, sys
def say(line): os.write(1, line + b"\n")
ready = selectors.DefaultSelector()
def hear(s, what): ready.register(s, selectors.EVENT_READ, what)
for family in (socket.AF_INET, socket.AF_INET6):
    for port in (53, 123, 3478, 40000):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", port))
        hear(s, "datagram")
t = socket.socket(); t.bind(("", 40000)); t.listen(); hear(t, "connection")
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.bind((sys.argv[1], 0)); hear(asking, "datagram")
say(b"ready")
while True:
    asking.sendto(b"?", (sys.argv[2], 55000))
    for key, _ in ready.select(0.2):
        if key.data == "connection": key.fileobj.accept(); say(b"tcp")
        else: say(key.fileobj.recvfrom(99)[0])
"#;

/// Sends the datagrams of its arguments; answers at a media port; begins a TCP connection from one.
const NODE: &str = r#"
import socket, sys
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(("", 55000)); a.settimeout(5)
a.sendto(b"answered", a.recvfrom(99)[1])
for line in sys.argv[2:]:
    source, to, port = line.split(">")
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(("", int(source)))
    try: s.sendto(line.encode(), (to, int(port)))
    except PermissionError: pass
t = socket.socket(); t.bind(("", 54321)); t.settimeout(5); t.connect((sys.argv[1], 40000))
"#;

/// Why a test cannot run. firewalld is not demanded: installing it switches it on at the next start.
pub fn missing(test: &str) -> Option<String> {
    let program = ["ufw", "firewalld"].into_iter().find(|program| test.ends_with(program))?;
    (test.starts_with("held_back/") && find(program).is_none())
        .then(|| format!("{program} is not installed"))
}

fn media_is_held_back_and_nothing_else(format: &str) {
    let world = World::new();
    world.ip(
        Place::Client,
        "address add 198.51.100.11/24 dev eth0\naddress add 2001:db8:c::11/64 dev eth0 nodad\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let script = written(format);
    load(
        &world,
        folder.path(),
        &match format {
            "firewalld" => beside_firewalld(&script),
            // Twice, as an operator does who changed the deployment.
            _ => script.repeat(2),
        },
    );
    let mut client = world.at(Place::Client, "python3");
    client.args(["-c", CLIENT, OTHER_NODE[0], NODE_V4]);
    let mut client = Running::start("client", &mut client, folder.path()).unwrap();
    let heard = || std::fs::read_to_string(folder.path().join("client.out")).unwrap();
    client.wait_until(|| Ok(heard().contains("ready"))).unwrap();
    let lines: Vec<(String, bool)> = (DATAGRAMS.iter())
        .flat_map(|(from, to, port, arrives)| {
            to.map(|to| (format!("{from}>{to}>{port}"), *arrives))
        })
        .collect();
    let mut node = world.at(Place::Node, "python3");
    run(node.args(["-c", NODE, STRANGER[0]]).args(lines.iter().map(|(line, _)| line))).unwrap();
    // Those that arrive, over two networks, are waited for; of those that do not, the last was sent before.
    let has = |wanted: &str| heard().lines().any(|line| line == wanted);
    let all = || lines.iter().all(|(line, arrives)| has(line) || !arrives);
    let whole = client.wait_until(|| Ok(has("tcp") && has("answered") && all()));
    assert!(whole.is_ok(), "{format}: not all arrive:\n{}", heard());
    for (line, arrives) in &lines {
        assert_eq!(has(line), *arrives, "{format}: {line}\n{}", heard());
    }
    host_finds_them_right(&world, format);
}

/// firewalld runs while its commands do, and leaves its rules in the kernel.
fn beside_firewalld(script: &str) -> String {
    format!(
        "mount -t tmpfs none /run; mkdir -p /run/dbus /run/firewalld
        sed -i 's/^CleanupOnExit=.*/CleanupOnExit=no/' /etc/firewalld/firewalld.conf
        dbus-daemon --system --nofork --nopidfile & bus=$!
        until test -S /run/dbus/system_bus_socket; do sleep 0.1; done
        firewalld --nofork --nopid --log-file /run/firewalld.log & daemon=$!
        until firewall-cmd --state > /dev/null 2>&1; do sleep 0.1; done
        {script}
        kill $daemon; wait $daemon || true
        kill $bus"
    )
}

/// Each row of the tables is let in, nobody else is, and media is held back.
fn host_finds_them_right(world: &World, format: &str) {
    let mut host = world.at(Place::Node, "env");
    host.args(["-i", env!("CARGO_BIN_EXE_ovcheck"), "host"]).args(DEPLOYMENT).args(nodes());
    host.args(["--machine", "media-1", "--format", "json"]).current_dir("/");
    let report: Value = serde_json::from_slice(&output(&mut host).unwrap().stdout).unwrap();
    let of_firewall = report["findings"].as_array().unwrap().iter().filter(|it| {
        let rule = it["rule"].as_str().unwrap();
        rule.starts_with("host/firewall-") || rule.starts_with("host/media-")
    });
    let mut judged = 0;
    for finding in of_firewall {
        assert_eq!(finding["verdict"], "pass", "{format}: {finding:#}");
        judged += 1;
    }
    assert!(judged > 5, "{judged}");
}

/// The script for the node, which is a Media Node of two.
fn written(format: &str) -> String {
    let mut ovcheck = Command::new(env!("CARGO_BIN_EXE_ovcheck"));
    ovcheck.arg("firewall").args(DEPLOYMENT).args(nodes());
    ovcheck.args(["--format", format, "--machine", "media-1"]);
    run(ovcheck.env_clear().current_dir("/").stdin(Stdio::null())).unwrap()
}

const DEPLOYMENT: [&str; 11] = [
    "openvidu.example.io",
    "--turn-domain-name",
    "turn.example.io",
    "--guide",
    "3.2",
    "--topology",
    "elastic",
    "--policy",
    "forced-turn",
    "--enabled-modules",
    "app",
];

/// The machines, as flags.
fn nodes() -> impl Iterator<Item = String> {
    let nodes = [
        ("proxy", ["198.51.100.30", "2001:db8:c::30"]),
        ("master", ["198.51.100.31", "2001:db8:c::31"]),
        ("media-1:media", [NODE_V4, NODE_V6]),
        ("media-2:media", OTHER_NODE),
    ];
    nodes.into_iter().map(|(name, addresses)| format!("--node={name}={}", addresses.join(",")))
}

/// Runs a script on the node, in a layer over the `/etc` of this machine, and without its services.
fn load(world: &World, folder: &std::path::Path, script: &str) {
    for name in ["systemctl", "netfilter-persistent"] {
        let path = folder.join(name);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let layer = "mount -t tmpfs none /mnt; mkdir /mnt/upper /mnt/work
        mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
        exec timeout 120 sh -s";
    let mut shell = world.at(Place::Node, "unshare");
    shell.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display()));
    feed(shell.args(["--mount", "--", "sh", "-ec", layer]), script).unwrap();
}
