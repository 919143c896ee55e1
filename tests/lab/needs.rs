//! What the laboratory needs of a machine.

use super::command::{command, find, run};
use super::services::{STREAM_MODULE, livekit_server};
use super::situations::Situation;
use super::world::{Firewall, FirewallKind, Version};
use super::written_proxy;

/// Why the laboratory cannot stand here; `None` when it can.
pub fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("network namespaces need Linux".to_owned());
    }
    let programs = [
        ("ip", "iproute2"),
        ("ss", "iproute2"),
        ("sysctl", "procps"),
        ("setpriv", "util-linux"),
        ("nft", "nftables"),
        ("nginx", "nginx"),
        ("haproxy", "haproxy"),
        ("redis-server", "redis-server"),
        ("named", "bind9"),
        ("turnserver", "coturn"),
        ("python3", "python3"),
        ("curl", "curl"),
        ("squid", "squid"),
        ("faketime", "faketime"),
    ];
    let absent: Vec<String> = programs
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(program, package)| format!("{program} (Debian: {package})"))
        .collect();
    if !absent.is_empty() {
        return Some(format!("not installed: {}", absent.join(", ")));
    }
    if !has_stream_module() {
        return Some("nginx is without its stream module (Debian: libnginx-mod-stream)".to_owned());
    }
    if livekit_server(Version::OfTheGuide).is_none() {
        return Some(
            "livekit-server 1.8.4 is not installed (go install \
             github.com/livekit/livekit-server/cmd/server@v1.8.4, then set OVCHECK_LIVEKIT_SERVER)"
                .to_owned(),
        );
    }
    let trial = command("unshare")
        .and_then(|mut unshare| run(unshare.args(["--net", "--", "nft", "list", "ruleset"])));
    match trial {
        Ok(_) => None,
        Err(_) => Some("network namespaces and nftables need root".to_owned()),
    }
}

/// What a situation needs besides that, and is not here.
pub fn missing_for(situation: &Situation) -> Option<String> {
    let world = situation.world();
    let has_ufw = |firewall: &Firewall| matches!(firewall.kind, FirewallKind::Ufw(_));
    if world.firewalls.values().any(has_ufw) && find("ufw").is_none() {
        return Some("not installed: ufw (Debian: ufw)".to_owned());
    }
    let mut programs = world.programs.iter().map(|program| program.program);
    let is_absent = |it: &&str| !std::path::Path::new(it).is_absolute() && find(it).is_none();
    if let Some(program) = programs.find(is_absent) {
        return Some(format!("not installed: {program}"));
    }
    if let Some(why) = written_proxy::missing(world.proxy.front) {
        return Some(why);
    }
    let version = world.livekit.version;
    let is_missing = version == Version::Newest && livekit_server(version).is_none();
    is_missing.then(|| {
        "livekit-server 1.13.5 is not installed (go install \
         github.com/livekit/livekit-server/cmd/server@v1.13.5, then set \
         OVCHECK_LIVEKIT_SERVER_NEW)"
            .to_owned()
    })
}

fn has_stream_module() -> bool {
    if std::path::Path::new(STREAM_MODULE).is_file() {
        return true;
    }
    // `nginx -V` writes to standard error.
    let built = command("nginx").and_then(|mut nginx| super::command::output(nginx.arg("-V")));
    match built {
        Ok(output) => String::from_utf8_lossy(&output.stderr)
            .split_whitespace()
            .any(|word| word == "--with-stream"),
        Err(_) => false,
    }
}
