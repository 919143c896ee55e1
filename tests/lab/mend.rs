//! Remedies, done as they are written: every command is run on the machine for which it is printed.
//!
//! What changes a firewall must succeed. Of everything else, the machine only has to know the program:
//! what starts OpenVidu or asks its container is done by a stand-in that does nothing.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::check::{Finding, Judged};
use super::cluster::Topology;
use super::command::{Fallible, output, run};
use super::lab::Lab;
use super::network::Place;
use super::situations::Situation;

/// Programs of a machine that the laboratory's machines do not run.
const STAND_INS: [&str; 6] = ["systemctl", "docker", "certbot", "timedatectl", "nginx", "dig"];

/// The exit status of a shell that does not know the program.
const NOT_FOUND: i32 = 127;

/// Runs the commands of all remedies for violations, each once.
pub fn mend(lab: &Lab, situation: &Situation, judged: &Judged) -> Fallible<()> {
    let stand_ins = stand_ins(lab)?;
    let mut done: Vec<(Place, String)> = Vec::new();
    for finding in &judged.findings {
        for (on, command) in &finding.commands {
            for place in places(on, finding, situation) {
                let is_done = done.contains(&(place, command.clone()));
                // A command that creates a table is there in many remedies, and does no harm twice.
                if !is_done && is_for(lab, place, command) {
                    paste(lab, place, command, &stand_ins)?;
                    done.push((place, command.clone()));
                }
            }
        }
    }
    let of_firewalls = |(_, command): &(Place, String)| is_of_firewall(command);
    if !done.iter().any(of_firewalls) {
        return Err("no remedy has a command for a firewall".to_owned());
    }
    Ok(())
}

/// The machines of the laboratory that a remedy means.
fn places(on: &str, finding: &Finding, situation: &Situation) -> Vec<Place> {
    let single = situation.topology == Topology::SingleNode;
    match on {
        "here" => vec![situation.stand.place()],
        "proxy" => vec![Place::Proxy],
        "node" if finding.node == "proxy" => vec![Place::Proxy],
        "backend" | "media" | "node" if single => vec![Place::Node],
        "backend" => vec![Place::Master1],
        "media" => vec![Place::Media1, Place::Media2],
        "node" => Place::called(&finding.node).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn is_of_firewall(command: &str) -> bool {
    command.starts_with("nft ") || command.starts_with("ufw ")
}

/// A machine has one firewall: what is said for another is left alone, unless it is said to go beside it.
fn is_for(lab: &Lab, place: Place, command: &str) -> bool {
    let has_ufw = lab.has_ufw(place);
    let goes_beside = command.starts_with("nft ") && command.contains("inet ovcheck");
    !is_of_firewall(command) || goes_beside || command.starts_with("ufw ") == has_ufw
}

fn paste(lab: &Lab, place: Place, command: &str, stand_ins: &str) -> Fallible<()> {
    if command.starts_with("ufw ") {
        return lab.ufw(place, command);
    }
    let path = format!("{stand_ins}:/usr/sbin:/usr/bin:/sbin:/bin");
    let mut shell: Command = lab.network.at(place, "timeout")?;
    shell.env("PATH", path).args(["5", "bash", "-c", command]);
    if command.starts_with("nft ") {
        return run(&mut shell).map(|_| ());
    }
    match output(&mut shell)?.status.code() {
        Some(NOT_FOUND) => Err(format!("no machine knows this command: {command}")),
        _ => Ok(()),
    }
}

/// A folder with programs that do nothing.
pub fn stand_ins(lab: &Lab) -> Fallible<String> {
    let folder: PathBuf = lab.network.folder.join("stand-ins");
    let write = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, "#!/bin/sh\n")?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o755))
    };
    std::fs::create_dir_all(&folder)
        .and_then(|()| STAND_INS.iter().try_for_each(|name| write(name)))
        .map_err(|e| format!("write {folder:?}: {e}"))?;
    Ok(folder.display().to_string())
}
