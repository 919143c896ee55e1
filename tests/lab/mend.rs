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
        let of_nft = finding.commands.iter().filter(|command| command.starts_with("nft insert "));
        for command in of_nft {
            if !done.contains(&(place, command.clone())) {
                run(lab.network.at(place, "sh")?.args(["-ec", command]))?;
                done.push((place, command.clone()));
            }
        }
    }
    if done.is_empty() {
        return Err("no remedy has a command for nft".to_owned());
    }
    Ok(())
}
