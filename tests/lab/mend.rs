//! Remedies, done as they are written: what they say for nftables is run on the machine that they
//! are about.

use super::check::Judged;
use super::command::{Fallible, run};
use super::lab::Lab;
use super::network::Place;

/// Runs the nft commands of all remedies for violations, each once.
pub fn mend(lab: &Lab, judged: &Judged) -> Fallible<()> {
    let mut done: Vec<(Place, String)> = Vec::new();
    for finding in &judged.findings {
        let Some(place) = Place::called(&finding.node) else {
            continue;
        };
        for command in nft_commands(&finding.remedy) {
            if !done.contains(&(place, command.clone())) {
                run(lab.network.at(place, "sh")?.args(["-ec", &command]))?;
                done.push((place, command));
            }
        }
    }
    if done.is_empty() {
        return Err("no remedy has a command for nft".to_owned());
    }
    Ok(())
}

/// Indented lines are there to be pasted; one that ends in a backslash goes on.
fn nft_commands(remedy: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in remedy.lines() {
        match commands.last_mut() {
            Some(command) if goes_on => {
                command.push('\n');
                command.push_str(line);
            }
            _ if line.starts_with("    nft insert ") => commands.push(line.to_owned()),
            _ => continue,
        }
        goes_on = line.ends_with('\\');
    }
    commands
}
