//! The tools that one would take otherwise, on the same deployment: how long they take, and what
//! they say of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::command::{Fallible, eprint_line, find};
use super::lab::Lab;
use super::measure::process;
use super::network::{NODE, OUTSIDE, PROXY, Place};

/// A tool, or several in turn, with what they take and what they miss.
pub struct Peer {
    pub name: &'static str,
    /// How much of its time a whole check of ours may take.
    pub goal: f64,
    steps: &'static [Step],
    /// What its output says of the deployment of [`super::bench`].
    pub says: fn(&str) -> String,
}

/// One program and its arguments; words between @ are filled in.
type Step = (&'static str, &'static str);

/// The TCP ports of the Single Node tables and the inner ones of the others.
const NMAP_TCP: Step = (
    "nmap",
    "-Pn -n -sT -T4 -p 80,443,1935,1945,3000,3100,4443,5000,5349,6080,6379,7000,7001,7880,7881,\
     7946,7947,8080,9000,9009,9080,9090,9093,9095,9096,9100,9101,20000,27017 @NODE@",
);
const NMAP_UDP: Step =
    ("nmap", "-Pn -n -sU -T4 --min-rate 10000 --max-retries 1 -p 50000-60000 @NODE@");

pub const PEERS: &[Peer] = &[
    Peer {
        name: "`nmap -sU -T4 --min-rate 10000 --max-retries 1`, the media range over IPv4",
        goal: 0.75,
        steps: &[NMAP_UDP],
        says: nmap_says,
    },
    Peer {
        name: "`testssl.sh -p -S` on the three TLS endpoints",
        goal: 0.03,
        steps: &[
            (
                "testssl",
                "--warnings off --color 0 -n none --ip @PROXY@ -p -S openvidu.example.io:443",
            ),
            ("testssl", "--warnings off --color 0 -n none --ip @PROXY@ -p -S turn.example.io:443"),
            (
                "testssl",
                "--warnings off --color 0 -n none --ip @PROXY@ -p -S openvidu.example.io:1935",
            ),
        ],
        says: |_| {
            "only versions and certificates; it cannot detect that the TURN domain reaches the API"
                .to_owned()
        },
    },
    Peer {
        name: "`dig`, `curl`, `sslscan`, `turnutils_uclient`, `nmap` in turn",
        goal: 0.20,
        steps: &[
            ("dig", "+short @@DNS@ openvidu.example.io A"),
            ("dig", "+short @@DNS@ openvidu.example.io AAAA"),
            ("dig", "+short @@DNS@ turn.example.io A"),
            ("dig", "+short @@DNS@ turn.example.io AAAA"),
            (
                "curl",
                "-sSI --max-time 10 --resolve openvidu.example.io:80:@PROXY@ http://openvidu.example.io/",
            ),
            (
                "curl",
                "-sS --max-time 10 --cacert @DIR@/root.pem --resolve openvidu.example.io:443:@PROXY@ https://openvidu.example.io/rtc/validate",
            ),
            (
                "sslscan",
                "--no-ciphersuites --no-groups --no-heartbleed --no-renegotiation --no-compression --no-fallback --sni-name=openvidu.example.io @PROXY@:443",
            ),
            (
                "sslscan",
                "--no-ciphersuites --no-groups --no-heartbleed --no-renegotiation --no-compression --no-fallback --sni-name=turn.example.io @PROXY@:443",
            ),
            (
                "sslscan",
                "--no-ciphersuites --no-groups --no-heartbleed --no-renegotiation --no-compression --no-fallback --sni-name=openvidu.example.io @PROXY@:1935",
            ),
            (
                "timeout",
                "10 turnutils_uclient -y -c -n 1 -t -S -p 443 -u nobody -w nothing @PROXY@",
            ),
            NMAP_TCP,
            NMAP_UDP,
        ],
        says: |text| {
            format!(
                "`turnutils_uclient` does not support SNI, so it never tests the TURN domain; {}",
                nmap_says(text)
            )
        },
    },
];

/// The programs that are not here.
pub fn missing() -> Vec<&'static str> {
    let steps = PEERS.iter().flat_map(|peer| peer.steps);
    let mut programs: Vec<&str> = steps.map(|(program, _)| *program).collect();
    programs.push("turnutils_uclient");
    programs.sort_unstable();
    programs.dedup();
    programs.retain(|program| find(program).is_none());
    programs
}

/// Lets the client's programs ask the laboratory's DNS server: with one that they cannot reach some
/// wait for minutes, which would be no fair time. `ip netns exec` puts the file in its place.
struct Resolver(PathBuf);

impl Resolver {
    fn of_client(lab: &Lab) -> Fallible<Self> {
        let folder = PathBuf::from("/etc/netns").join(lab.network.name(Place::Client));
        let failed = |e: std::io::Error| format!("write {folder:?}: {e}");
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let resolver = Self(folder.clone());
        let text = format!("nameserver {}\n", OUTSIDE[0]);
        std::fs::write(folder.join("resolv.conf"), text).map_err(failed)?;
        Ok(resolver)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            eprint_line(&format!("{:?} was not removed: {e}", self.0));
        }
    }
}

/// How long the steps take one after the other, and what they print.
pub fn measure(lab: &Lab, peer: &Peer) -> Fallible<(Duration, String)> {
    let _resolver = Resolver::of_client(lab)?;
    let mut sum = Duration::ZERO;
    let mut said = String::new();
    for step in peer.steps {
        let done = process(lab, &mut command(lab, step)?)?;
        sum += done.wall;
        said.push_str(&done.output);
    }
    Ok((sum, said))
}

fn command(lab: &Lab, (program, arguments): &Step) -> Fallible<Command> {
    let mut command = lab.network.at(Place::Client, program)?;
    let folder = lab.network.folder.display().to_string();
    command.args(arguments.split_whitespace().map(|word| {
        [("@NODE@", NODE[0]), ("@PROXY@", PROXY[0]), ("@DNS@", OUTSIDE[0]), ("@DIR@", &folder)]
            .iter()
            .fold(word.to_owned(), |word, (name, value)| word.replace(name, value))
    }));
    Ok(command)
}

/// What nmap says of the media range: how many ports are in which state.
fn nmap_says(text: &str) -> String {
    let closed = text.lines().filter(|line| line.contains("/udp") && line.contains(" closed "));
    let closed: Vec<&str> = closed.filter_map(|line| line.split('/').next()).collect();
    let rest = text
        .lines()
        .filter_map(|line| line.strip_prefix("Not shown: "))
        .find(|line| line.contains("udp"))
        .unwrap_or("nothing of the rest");
    // In a cell of a table the bar of nmap's "open|filtered" would end it.
    let rest = rest.replace('|', "\\|");
    format!(
        "\"{rest}\" for the dropped range; the open port is reported as closed ({})",
        if closed.is_empty() { "not found".to_owned() } else { closed.join(", ") }
    )
}
