//! `ovcheck listen` on a node behind a router, with a container behind it: what it says of every port is
//! what the firewalls do, over IPv4 and IPv6, with and without loss.
//!
//! ```text
//!  client 198.51.100.7 ─── router ─── 203.0.113.20 node ─── 172.17.0.2 container
//!         2001:db8:c::7               2001:db8:5::20        fd00:17::2
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use ovcheck::model::facts::{Facts, ResponderAnswer, ResponderFacts, ResponderSweep, SynSweep};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::{Port, PortRange};
use ovcheck::model::responder::{
    PortSet, ResponderRecord, ResponderToken, ReversePathFilter, SessionId, SessionRecord,
};
use ovcheck::probe::responder;
use ovcheck::proto::responder::{Head, Kind, SessionKey, VERSION, request};

use crate::command::{command, feed, find, run};
use crate::networks::network;

pub const TESTS: &[(&str, fn())] = &[
    ("responder/the_lists_are_what_the_firewalls_do", lists_are_true),
    ("responder/the_lists_are_true_at_one_percent_of_loss", lists_are_true_with_loss),
    ("responder/a_bridge_does_not_hide_what_the_network_loses", behind_bridge),
    ("responder/a_stateful_firewall_is_not_opened_by_the_check", stateful_firewall),
    ("responder/what_a_router_drops_is_not_laid_to_the_machine", router_drops),
    ("responder/a_stranger_gets_no_answer_and_no_memory", strangers),
    ("responder/the_file_has_what_no_answer_told", no_way_back),
    ("responder/the_file_has_what_was_not_read_when_it_ended", end_in_the_middle),
    ("responder/the_file_says_that_something_was_lost_behind_the_last_packet", lost_at_the_end),
    ("responder/it_has_no_privileges_and_one_thread", privileges),
    ("responder/the_capability_for_raw_sockets_is_enough", one_capability),
    ("responder/an_interface_may_go_down_and_up", interface_down),
    (
        "responder/an_interface_that_goes_down_during_a_check_closes_no_port",
        interface_down_meanwhile,
    ),
    ("responder/a_container_that_does_not_answer_is_neither_reached_nor_before_it", container_gone),
    ("responder/what_the_network_card_drops_is_not_laid_to_the_firewall", card_drops),
    ("responder/the_check_of_sources_stops_packets_without_a_rule", sources_checked),
    ("responder/a_node_behind_nat_and_two_checks_at_once", behind_nat),
    ("responder/a_machine_without_ipv6_and_with_a_jumping_clock", without_ipv6),
    ("responder/another_version_is_told_its_own", other_version),
];

pub const NODE: [&str; 2] = ["203.0.113.20", "2001:db8:5::20"];
const PORTS: &[&str] = &["443", "7885", "50000-60000"];
const TCP: &[&str] =
    &["80", "443", "1935", "5349", "6379", "7880", "7881", "9000", "20000", "27017"];
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PLACES: [&str; 4] = ["client", "router", "node", "container"];

/// Firewalls at every place of the node, a container and a redirect.
const FIREWALL: &str = "
table inet test {
 chain in { type filter hook input priority 0
  udp dport { 50500-50999, 54000, 59990-60000 } drop
  tcp dport { 6379, 20000 } drop
  tcp dport 27017 reject with tcp reset
 }
 chain early { type filter hook prerouting priority -300
  udp dport 55000-55009 drop
  tcp dport 9000 drop
 }
 chain translated { type nat hook prerouting priority -100
  udp dport 50001 redirect to :50009
  meta nfproto ipv4 udp dport 443 dnat ip to 172.17.0.2:8443
  meta nfproto ipv6 udp dport 443 dnat ip6 to [fd00:17::2]:8443
  meta nfproto ipv4 udp dport 58000-58009 dnat ip to 172.17.0.2
  meta nfproto ipv6 udp dport 58000-58009 dnat ip6 to fd00:17::2
  tcp dport 7880 redirect to :7889
  meta nfproto ipv4 tcp dport 443 dnat ip to 172.17.0.2:8443
  meta nfproto ipv6 tcp dport 443 dnat ip6 to [fd00:17::2]:8443
  meta nfproto ipv4 tcp dport 1935 dnat ip to 172.17.0.2
  meta nfproto ipv6 tcp dport 1935 dnat ip6 to fd00:17::2
 }
 chain on { type filter hook forward priority 0
  udp dport 58005 drop
  tcp dport 1935 drop
 }
}
table netdev test {
 chain in { type filter hook ingress device eth0 priority 0
  udp dport 56000-56001 drop
  tcp dport 5349 drop
 }
}
";

const ROUTER: &str = "
table inet test {
 chain on { type filter hook forward priority 0
  udp dport { 52000-52127, 57777 } drop
  tcp dport 7881 drop
 }
}
";

/// What these two do.
const ARRIVED: &str = "443 7885 50000-51999 52128-57776 57778-60000";
const PASSED: &str = "7885 50000-50499 51000-51999 52128-53999 54001-54999 55010-55999 56002-57776 \
                      57778-57999 58010-59989";
const FORWARDED: &str = "443 58000-58004 58006-58009";
const TCP_ARRIVED: &str = "80 443 1935 5349 6379 7880 9000 20000 27017";
const TCP_PASSED: &str = "80 7880";
const TCP_FORWARDED: &str = "443";

pub struct Wires {
    prefix: String,
    pub folder: tempfile::TempDir,
}

impl Wires {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("ovw{}-r{count}", std::process::id());
        let wires = Self { prefix, folder: tempfile::tempdir().unwrap() };
        for place in PLACES {
            run(command("ip").unwrap().args(["netns", "add", &wires.name(place)])).unwrap();
            // A link-local address that is still tested asks for no neighbour, and a router then drops.
            let settings = "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0";
            let name = wires.name(place);
            let mut sysctl = command("ip").unwrap();
            sysctl.args(["netns", "exec", &name, "sysctl", "-qw"]).args(settings.split(' '));
            run(&mut sysctl).unwrap();
        }
        let [router, node] = ["router", "node"].map(|place| wires.name(place));
        wires.ip("client", &format!("link add eth0 type veth peer name in0 netns {router}\n"));
        wires.ip("node", &format!("link add eth0 type veth peer name out0 netns {router}\n"));
        wires.ip("container", &format!("link add eth0 type veth peer name in0 netns {node}\n"));
        wires.join("client", "eth0", ["198.51.100.7/24", "2001:db8:c::7/64"]);
        wires.join("router", "in0", ["198.51.100.1/24", "2001:db8:c::1/64"]);
        wires.join("router", "out0", ["203.0.113.1/24", "2001:db8:5::1/64"]);
        wires.join("node", "eth0", ["203.0.113.20/24", "2001:db8:5::20/64"]);
        wires.join("node", "in0", ["172.17.0.1/24", "fd00:17::1/64"]);
        wires.join("container", "eth0", ["172.17.0.2/24", "fd00:17::2/64"]);
        for (place, router) in [
            ("client", ["198.51.100.1", "2001:db8:c::1"]),
            ("node", ["203.0.113.1", "2001:db8:5::1"]),
            ("container", ["172.17.0.1", "fd00:17::1"]),
        ] {
            let routes = router.map(|router| format!("route add default via {router}\n"));
            wires.ip(place, &routes.concat());
        }
        for place in ["router", "node"] {
            let switches = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
            run(wires.at(place, "sysctl").arg("-qw").args(switches)).unwrap();
        }
        wires
    }

    pub fn name(&self, place: &str) -> String {
        format!("{}-{place}", self.prefix)
    }

    pub fn at(&self, place: &str, program: &str) -> Command {
        let mut command = command("ip").unwrap();
        command.args(["netns", "exec", &self.name(place)]).arg(find(program).unwrap());
        command
    }

    pub fn ip(&self, place: &str, lines: &str) {
        let mut ip = command("ip").unwrap();
        feed(ip.args(["-n", &self.name(place), "-batch", "-"]), lines).unwrap();
    }

    fn join(&self, place: &str, device: &str, addresses: [&str; 2]) {
        let [v4, v6] = addresses;
        self.ip(
            place,
            &format!(
                "link set lo up\nlink set {device} up\naddress add {v4} dev {device}\n\
                 address add {v6} dev {device} nodad\n"
            ),
        );
    }

    pub fn firewall(&self, place: &str, rules: &str) {
        feed(self.at(place, "nft").args(["-f", "-"]), rules).unwrap();
    }

    fn loses_one_in_a_hundred(&self) {
        self.firewall(
            "router",
            "table inet loss {\n chain on { type filter hook forward priority -10\n  meta l4proto { \
             tcp, udp } numgen random mod 100 < 1 drop\n }\n}\n",
        );
    }

    pub fn listen(&self) -> Listening {
        self.listen_by(&[])
    }

    /// With another token.
    pub fn listen_with(&self, token: &str) -> Listening {
        self.listen_as(&[], token)
    }

    /// A responder on the node, started by these words in front of it.
    pub fn listen_by(&self, by: &[&str]) -> Listening {
        self.listen_as(by, TOKEN)
    }

    fn listen_as(&self, by: &[&str], text: &str) -> Listening {
        let token = self.folder.path().join("token");
        std::fs::write(&token, text).unwrap();
        let (output, log) = (self.folder.path().join("node.json"), self.folder.path().join("log"));
        let program = env!("CARGO_BIN_EXE_ovcheck");
        let mut command = match by {
            [first, rest @ ..] => {
                let mut command = self.at("node", first);
                command.args(rest).arg(program);
                command
            }
            [] => self.at("node", program),
        };
        command.args(["listen", "--for", "5m", "--force", "--token-file"]).arg(&token);
        command.arg("--output").arg(&output);
        let out = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
        let listening = Listening { child: command.spawn().unwrap(), output, log };
        let begun = Instant::now();
        while !listening.said().contains("--responder") {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", listening.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        listening
    }

    pub fn on<T: Send>(&self, place: &str, task: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.name(place))).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                task()
            });
            thread.join().unwrap()
        })
    }

    /// What a check from the client is told.
    fn asks(&self, address: &str, token: &str) -> ResponderFacts {
        self.asks_about(PORTS, address, token)
    }

    /// The same of these UDP ports.
    pub fn asks_about(&self, ports: &[&str], address: &str, token: &str) -> ResponderFacts {
        let address: IpAddr = address.parse().unwrap();
        let token: ResponderToken = token.parse().unwrap();
        let outcome = self.on("client", || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let mut net = network(Duration::from_millis(1300));
            net.responders = Arc::new(HashMap::from([(address, token)]));
            runtime.block_on(responder::run(&net, address, &ranges(ports), &ranges(TCP))).1
        });
        match outcome {
            Outcome::Saw(Facts::Responder(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }

    fn told(&self, address: &str) -> ResponderSweep {
        match self.asks(address, TOKEN).answer {
            ResponderAnswer::Told(sweep) => sweep,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        for place in PLACES {
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

/// A responder that runs.
pub struct Listening {
    child: Child,
    pub output: PathBuf,
    log: PathBuf,
}

impl Listening {
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A line of its `/proc/PID/status`.
    pub fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().trim().to_owned()
    }

    pub fn kilobytes(&self, name: &str) -> u64 {
        self.status(name).split(' ').next().unwrap().parse().unwrap()
    }

    fn signal(&self, signal: &str) {
        run(command("kill").unwrap().args([signal, &self.child.id().to_string()])).unwrap();
    }

    /// Ends it as Ctrl-C does, and returns everything that it said.
    pub fn said_at_end(mut self) -> String {
        self.signal("-INT");
        self.child.wait().unwrap();
        self.said()
    }

    /// Ends it as Ctrl-C does, and reads its file.
    pub fn end(mut self) -> ResponderRecord {
        self.signal("-INT");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.said());
        serde_json::from_slice(&std::fs::read(&self.output).unwrap()).unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It has ended, or is to end with its test.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            panic!("a responder is left");
        }
    }
}

fn ranges(texts: &[&str]) -> Vec<PortRange> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn words(ranges: &[PortRange]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Both lists, and the third, exactly.
fn assert_true(sweep: &ResponderSweep) {
    assert_eq!(words(&sweep.arrived), ARRIVED, "{sweep:?}");
    assert_eq!(words(&sweep.passed), PASSED, "{sweep:?}");
    assert_eq!(words(&sweep.forwarded), FORWARDED, "{sweep:?}");
    assert_eq!(words(&sweep.unsettled), "", "{sweep:?}");
    let redirected: Vec<String> =
        sweep.redirected.iter().map(|it| format!("{} {}", it.ports, it.to)).collect();
    assert_eq!(redirected, ["443 8443", "50001 50009"]);
    assert_tcp_true(&sweep.tcp);
}

/// The same of connections.
fn assert_tcp_true(sweep: &SynSweep) {
    assert_eq!(words(&sweep.arrived), TCP_ARRIVED, "{sweep:?}");
    assert_eq!(words(&sweep.passed), TCP_PASSED, "{sweep:?}");
    assert_eq!(words(&sweep.forwarded), TCP_FORWARDED, "{sweep:?}");
    assert_eq!(words(&sweep.unsettled), "", "{sweep:?}");
    let redirected: Vec<String> =
        sweep.redirected.iter().map(|it| format!("{} {}", it.ports, it.to)).collect();
    assert_eq!(redirected, ["443 8443", "7880 7889"]);
}

fn lists_are_true() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    let listening = wires.listen();
    for address in NODE {
        let sweep = wires.told(address);
        assert_true(&sweep);
        assert_eq!(sweep.lost, 0);
    }
    let record = listening.end();
    for session in &record.sessions {
        assert_eq!(words(&session.arrived), ARRIVED);
        assert_eq!(words(&session.passed), PASSED);
        assert_eq!(words(&session.forwarded), FORWARDED);
        let tcp = session.tcp.as_ref().unwrap();
        let lists = [&tcp.arrived, &tcp.passed, &tcp.forwarded, &tcp.unsure];
        let expected = [TCP_ARRIVED, TCP_PASSED, TCP_FORWARDED, ""];
        assert_eq!(lists.map(|list| words(list)), expected, "{tcp:?}");
    }
    assert_eq!((record.sessions.len(), record.refused), (2, 0));
}

fn lists_are_true_with_loss() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    wires.loses_one_in_a_hundred();
    let _listening = wires.listen();
    for address in [NODE, NODE, NODE].concat() {
        let sweep = wires.told(address);
        assert_true(&sweep);
        assert!(sweep.lost > 0 && sweep.copies > 1, "{sweep:?}");
    }
}

/// The machine sees each packet at the bridge's port, and once more at the bridge.
fn behind_bridge() {
    let wires = Wires::new();
    wires.ip(
        "node",
        "link add br0 type bridge mcast_snooping 0\naddress flush dev eth0\nlink set eth0 master br0\n\
         link set br0 up\naddress add 203.0.113.20/24 dev br0\n\
         address add 2001:db8:5::20/64 dev br0 nodad\n\
         route replace default via 203.0.113.1\nroute replace default via 2001:db8:5::1\n",
    );
    wires.loses_one_in_a_hundred();
    let _listening = wires.listen();
    for address in NODE {
        let sweep = wires.told(address);
        assert_eq!((&sweep.passed, words(&sweep.unsettled).as_str()), (&sweep.asked, ""));
        assert!(sweep.lost > 0, "{sweep:?}");
    }
}

/// Answers of established connections get in. If the check made one of a probe, its next copy would pass
/// where a client's packets do not.
fn stateful_firewall() {
    let wires = Wires::new();
    wires.firewall(
        "node",
        "table inet test {\n chain in { type filter hook input priority 0; policy drop\n  ct state \
         established,related accept\n  meta l4proto ipv6-icmp accept\n  udp dport 50000-50099 \
         accept\n }\n}\n",
    );
    let _listening = wires.listen();
    for address in NODE {
        let sweep = wires.told(address);
        assert_eq!(words(&sweep.passed), "50000-50099", "{sweep:?}");
        assert_eq!(sweep.arrived, sweep.asked);
        assert!(sweep.copies > 1, "a second copy is what the trap is about: {sweep:?}");
    }
}

fn router_drops() {
    let wires = Wires::new();
    wires.firewall(
        "router",
        "table inet test {\n chain on { type filter hook forward priority 0\n  iifname in0 udp dport \
         != 7885 drop\n }\n}\n",
    );
    let _listening = wires.listen();
    for address in NODE {
        let sweep = wires.told(address);
        let seen = [&sweep.arrived, &sweep.passed, &sweep.unsettled].map(|ranges| words(ranges));
        assert_eq!(seen, ["7885", "7885", ""], "{sweep:?}");
    }
}

fn strangers() {
    let wires = Wires::new();
    let listening = wires.listen();
    let other = TOKEN.replace('0', "f");
    assert_eq!(wires.asks(NODE[0], &other).answer, ResponderAnswer::Silent);
    let before = listening.kilobytes("RssAnon");
    // In the right form, each of another session, and signed with another token.
    let token: ResponderToken = other.parse().unwrap();
    wires.on("client", || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for number in 0..100_000_u64 {
            let session = SessionId(number.to_be_bytes());
            let port = u16::try_from(50_000 + number % 10_000).unwrap();
            let (transaction, version, kind) = ([1; 12], VERSION, Kind::Probe);
            let head = Head { transaction, version, kind, copy: 0, session, port, base: 0 };
            let probe = request(&SessionKey::new(&token, session), head);
            // What the system has no room for does not matter.
            let _ = socket.send_to(&probe, SocketAddr::new(NODE[0].parse().unwrap(), port));
        }
    });
    let grown = listening.kilobytes("RssAnon").saturating_sub(before);
    assert!(grown < 1_024, "{grown} kB for a flood");
    // It goes on for those who have the token, when it has read what its buffers hold.
    let mut asked = (0..10).map(|_| wires.asks(NODE[0], TOKEN).answer);
    let told = asked.find(|answer| *answer != ResponderAnswer::Silent);
    let Some(ResponderAnswer::Told(sweep)) = told else { panic!("{told:?}") };
    assert_eq!(sweep.passed, sweep.asked, "{sweep:?}");
    assert!(listening.kilobytes("RssAnon") < 8_192);
    let said = listening.said();
    assert!(said.contains("with a wrong token"), "{said}");
    let record = listening.end();
    let is_ours = |session: &SessionRecord| session.source.to_string() == "198.51.100.7";
    assert!(record.sessions.len() <= 10 && record.sessions.iter().all(is_ours), "{record:?}");
    assert!(record.refused > 50_000, "{}", record.refused);
}

/// XDP comes before every tap, so that its drop looks like one before the machine. What it must not look
/// like is a drop by the firewall.
fn card_drops() {
    let wires = Wires::new();
    let _listening = wires.listen();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wire/xdp-drop.py");
    let mut card = wires.at("node", "python3");
    card.args([script, "eth0", "50100", "6379"]).stdout(Stdio::piped());
    let mut card = card.spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(card.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let sweep = wires.told(NODE[0]);
    card.kill().unwrap();
    card.wait().unwrap();
    assert_eq!(words(&sweep.arrived), "443 7885 50000-50099 50101-60000", "{sweep:?}");
    assert_eq!(sweep.passed, sweep.arrived);
    assert_eq!(words(&sweep.unsettled), "");
    let tcp = &sweep.tcp;
    assert_eq!(words(&tcp.arrived), "80 443 1935 5349 7880-7881 9000 20000 27017", "{tcp:?}");
    assert_eq!((words(&tcp.unsettled), &tcp.passed), (String::new(), &tcp.arrived));
}

/// The kernel drops IPv4 packets whose source leads to another interface, before any rule. The responder says
/// that it does such a thing, and sees the packets before that.
fn sources_checked() {
    let wires = Wires::new();
    let strict = ["net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1"];
    run(wires.at("node", "sysctl").arg("-qw").args(strict)).unwrap();
    // The client's network lies behind another interface; only the responder's own answers, which leave by a
    // raw socket (protocol 255), find it.
    wires.ip(
        "node",
        "route add 198.51.100.0/24 via 172.17.0.2\nroute add default via 203.0.113.1 table 100\n\
         rule add ipproto 255 table 100\n",
    );
    let listening = wires.listen();
    let sweep = wires.told(NODE[0]);
    assert_eq!(sweep.reverse_path_filter, ReversePathFilter::Strict);
    for (arrived, asked, passed) in [
        (&sweep.arrived, &sweep.asked, &sweep.passed),
        (&sweep.tcp.arrived, &sweep.tcp.asked, &sweep.tcp.passed),
    ] {
        assert_eq!((arrived, words(passed)), (asked, String::new()), "{sweep:?}");
    }
    assert_eq!((words(&sweep.unsettled), words(&sweep.tcp.unsettled)), Default::default());
    // IPv6 has no such check.
    let v6 = wires.told(NODE[1]);
    assert_eq!((v6.reverse_path_filter, v6.passed), (ReversePathFilter::Off, v6.asked));
    let said = listening.said_at_end();
    assert!(said.contains("by its firewall or the reverse path filter (rp_filter)"), "{said}");
}

fn behind_nat() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    wires.firewall(
        "router",
        "table ip nat {\n chain in { type nat hook prerouting priority -100\n  ip daddr 198.51.100.77 \
         dnat to 203.0.113.20\n }\n}\n",
    );
    wires.ip("router", "address add 198.51.100.77/32 dev in0\n");
    let _listening = wires.listen();
    // Two checks of one machine at once, of one source address.
    let both = || {
        std::thread::scope(|scope| {
            let checks =
                ["198.51.100.77", NODE[0]].map(|address| scope.spawn(|| wires.told(address)));
            checks.map(|check| check.join().unwrap())
        })
    };
    // A machine that is too busy for both leaves ports unsettled, and asks again.
    let is_settled = |sweep: &ResponderSweep| sweep.unsettled.is_empty();
    let settled = (0..10).map(|_| both()).find(|both| both.iter().all(is_settled));
    settled.expect("both checks are told everything").iter().for_each(assert_true);
}

fn without_ipv6() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    run(wires.at("node", "sysctl").args(["-qw", "net.ipv6.conf.all.disable_ipv6=1"])).unwrap();
    let offset = wires.folder.path().join("offset");
    std::fs::write(&offset, "+0d").unwrap();
    let listening = match find_library("libfaketime.so.1") {
        Some(library) => wires.listen_by(&[
            "env",
            "DONT_FAKE_MONOTONIC=1",
            "FAKETIME_NO_CACHE=1",
            &format!("FAKETIME_TIMESTAMP_FILE={}", offset.display()),
            &format!("LD_PRELOAD={library}"),
        ]),
        None => wires.listen(),
    };
    assert!(listening.said().contains("IPv6 is not available"), "{}", listening.said());
    assert_true(&wires.told(NODE[0]));
    // The clock of the node jumps by years, there and back, while the responder runs.
    for jump in ["+4000d", "-4000d"] {
        std::fs::write(&offset, jump).unwrap();
        assert_true(&wires.told(NODE[0]));
    }
    assert_eq!(listening.end().sessions.len(), 3);
}

fn find_library(name: &str) -> Option<String> {
    let folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
    let paths = folders.map(|folder| format!("{folder}/{name}"));
    paths.into_iter().find(|path| std::path::Path::new(path).exists())
}

/// A check of another version gets an answer that says which version speaks here.
fn other_version() {
    let wires = Wires::new();
    let _listening = wires.listen();
    let answer = wires.on("client", || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (session, kind, version) = (SessionId([9; 8]), Kind::Hello, VERSION + 7);
        let head =
            Head { transaction: [1; 12], version, kind, copy: 0, session, port: 443, base: 0 };
        let hello = request(&SessionKey::new(&TOKEN.parse().unwrap(), session), head);
        socket.send_to(&hello, (NODE[0], 443)).unwrap();
        let mut answer = [0; 2_048];
        let (bytes, from) = socket.recv_from(&mut answer).unwrap();
        assert_eq!(from.port(), 443);
        assert!(bytes <= hello.len());
        answer[24]
    });
    assert_eq!(answer, VERSION);
}

fn no_way_back() {
    let wires = Wires::new();
    wires.firewall(
        "router",
        "table inet test {\n chain on { type filter hook forward priority 0\n  iifname out0 meta \
         l4proto udp drop\n  udp dport 52000-52127 drop\n }\n}\n",
    );
    let listening = wires.listen();
    let facts = wires.asks(NODE[0], TOKEN);
    assert_eq!(facts.answer, ResponderAnswer::Silent);
    let record = listening.end();
    assert_eq!(record.sessions[0].session, facts.session);
    assert_eq!(words(&record.sessions[0].arrived), "443 7885 50000-51999 52128-60000");
    assert_eq!(record.sessions[0].passed, record.sessions[0].arrived);
    let tcp = record.sessions[0].tcp.clone().unwrap();
    assert_eq!((&tcp.arrived, &tcp.passed), (&tcp.announced, &tcp.announced), "{tcp:?}");
    assert_eq!((facts.sent.udp_copies, facts.sent.tcp_attempts), (2, 3));
}

/// A machine that is too busy to run the responder, until it is ended, stands still here.
fn ended_in_the_middle(ports: &[&str]) -> ResponderRecord {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    let listening = wires.listen();
    listening.signal("-STOP");
    assert_eq!(wires.asks_about(ports, NODE[0], TOKEN).answer, ResponderAnswer::Silent);
    // It is to end before it can read anything.
    listening.signal("-INT");
    listening.signal("-CONT");
    listening.end()
}

fn end_in_the_middle() {
    let record = ended_in_the_middle(&["443", "50000-50999"]);
    assert_eq!((record.sessions.len(), record.lost), (1, 0), "{record:?}");
    let session = &record.sessions[0];
    let lists = [&session.arrived, &session.passed, &session.forwarded].map(|list| words(list));
    assert_eq!(lists, ["443 50000-50999", "50000-50499", "443"]);
    let tcp = session.tcp.as_ref().unwrap();
    let lists = [&tcp.arrived, &tcp.passed, &tcp.forwarded, &tcp.unsure].map(|list| words(list));
    assert_eq!(lists, [TCP_ARRIVED, TCP_PASSED, TCP_FORWARDED, ""]);
}

/// Two copies to 10,001 ports are more than the buffers hold, and nothing comes after them.
fn lost_at_the_end() {
    let record = ended_in_the_middle(PORTS);
    assert!(record.lost > 0, "{record:?}");
}

fn privileges() {
    let wires = Wires::new();
    let listening = wires.listen();
    for (name, expected) in [
        ("Threads", "1"),
        ("NoNewPrivs", "1"),
        ("CapEff", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("Uid", "65534\t65534\t65534\t65534"),
    ] {
        assert_eq!(listening.status(name), expected, "{name}");
    }
    drop(listening);
    let refused = wires
        .at("node", "setpriv")
        .args(["--bounding-set=-net_raw", env!("CARGO_BIN_EXE_ovcheck"), "listen", "--for", "1s"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("CAP_NET_RAW") && said.contains("sudo"), "{said}");
}

/// Its buffers hold 512 probes then, unless this machine lets every user have larger ones, and the check is
/// slower.
fn one_capability() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    let listening = wires.listen_by(&["setpriv", "--bounding-set=-all,+net_raw"]);
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let is_small = most.trim().parse::<u32>().unwrap() < 1_000_000;
    let said = listening.said();
    assert_eq!(said.contains("receive buffers hold only"), is_small, "{said}");
    assert_true(&wires.told(NODE[0]));
}

fn interface_down() {
    let wires = Wires::new();
    wires.firewall("router", ROUTER);
    let listening = wires.listen();
    wires.ip("node", "link set eth0 down\n");
    std::thread::sleep(Duration::from_millis(500));
    wires.ip("node", "link set eth0 up\nroute add default via 203.0.113.1\n");
    let sweep = wires.told(NODE[0]);
    assert_eq!(words(&sweep.arrived), ARRIVED, "{sweep:?}");
    assert_eq!(sweep.passed, sweep.arrived, "{sweep:?}");
    listening.end();
}

/// Whatever was lost meanwhile is asked again, or left open.
fn interface_down_meanwhile() {
    let wires = Wires::new();
    wires.firewall("node", FIREWALL);
    wires.firewall("router", ROUTER);
    let _listening = wires.listen();
    let mut answers = 0;
    for after_ms in [100, 400, 800] {
        let facts = std::thread::scope(|scope| {
            let check = scope.spawn(|| wires.asks(NODE[0], TOKEN));
            std::thread::sleep(Duration::from_millis(after_ms));
            wires.ip("node", "link set eth0 down\n");
            std::thread::sleep(Duration::from_millis(200));
            wires.ip("node", "link set eth0 up\nroute add default via 203.0.113.1\n");
            check.join().unwrap()
        });
        let ResponderAnswer::Told(sweep) = facts.answer else { continue };
        answers += 1;
        let (arrived, passed, forwarded) = (ports(ARRIVED), ports(PASSED), ports(FORWARDED));
        let told = |list: &[PortRange]| ports(&words(list));
        let open = told(&sweep.unsettled);
        let all = told(&sweep.asked);
        let [seen, let_in, sent_on] =
            [&sweep.arrived, &sweep.passed, &sweep.forwarded].map(|list| told(list));
        for port in all.ports().map(|port| port.number()).filter(|port| !open.contains(*port)) {
            let told = [&seen, &let_in, &sent_on].map(|list| list.contains(port));
            let truth = [&arrived, &passed, &forwarded].map(|list| list.contains(port));
            assert_eq!(told, truth, "after {after_ms} ms: {port}");
        }
    }
    assert!(answers > 0, "no check got an answer");
}

fn ports(text: &str) -> PortSet {
    let ranges = ranges(&text.split_whitespace().collect::<Vec<_>>());
    let numbers = ranges.iter().flat_map(|it| it.first().number()..=it.last().number());
    numbers.filter_map(Port::new).collect()
}

/// The kernel drops what it cannot deliver; nothing tells that from a firewall.
fn container_gone() {
    let wires = Wires::new();
    wires.firewall(
        "node",
        "table inet test {\n chain translated { type nat hook prerouting priority -100\n  meta nfproto \
         ipv4 udp dport 50000-50009 dnat ip to 172.17.0.9\n  meta nfproto ipv6 udp dport 50000-50009 \
         dnat ip6 to fd00:17::9\n }\n}\n",
    );
    let _listening = wires.listen();
    for address in NODE {
        let ResponderAnswer::Told(sweep) =
            wires.asks_about(&["50000-50099"], address, TOKEN).answer
        else {
            panic!("{address}: no answer");
        };
        let lists = [&sweep.arrived, &sweep.passed, &sweep.forwarded, &sweep.unsettled];
        let expected = ["50000-50099", "50010-50099", "", ""];
        assert_eq!(lists.map(|list| words(list)), expected, "{sweep:?}");
    }
}
