//! `ovcheck listen` on machines of the deployment.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::command::{Fallible, Running};
use super::lab::Lab;
use super::network::Place;

/// Responders that run until they are dropped.
pub struct Responders {
    /// The nodes, and the files with their tokens.
    nodes: Vec<(&'static str, PathBuf)>,
    _running: Vec<Running>,
}

impl Responders {
    /// Starts one on each of these machines, whose nodes have the names of the places.
    pub fn start(lab: &Lab, places: &[Place]) -> Fallible<Self> {
        let folder = &lab.network.folder;
        let (mut nodes, mut running) = (Vec::new(), Vec::new());
        for (number, place) in places.iter().enumerate() {
            let name = format!("listen-{}", place.word());
            let token = folder.join(format!("{name}.token"));
            fs::write(&token, format!("{number:032x}\n")).map_err(|e| format!("{token:?}: {e}"))?;
            let mut listen = lab.network.at(*place, "env")?;
            listen.arg(&lab.ovcheck).args(["listen", "--for", "5m", "--token-file"]).arg(&token);
            let mut responder = Running::start(&name, &mut listen, folder)?;
            let said = folder.join(format!("{name}.out"));
            responder.wait_until(|| {
                Ok(fs::read_to_string(&said).unwrap_or_default().contains("Watching"))
            })?;
            nodes.push((place.word(), token));
            running.push(responder);
        }
        Ok(Self { nodes, _running: running })
    }

    /// Lets a check ask them.
    pub fn ask_by(&self, check: &mut Command) {
        for (node, token) in &self.nodes {
            check.args(["--responder", node, "--responder-token-file"]).arg(token);
        }
    }
}
