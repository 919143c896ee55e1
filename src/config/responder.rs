//! Responders on nodes (`ovcheck listen`) and their tokens, which come from files alone.

use std::path::{Path, PathBuf};

use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::input;
use crate::model::deployment::Deployment;
use crate::model::name::NodeName;
use crate::model::responder::ResponderToken;

/// More than a token and the end of its line.
const SIZE_LIMIT: u64 = 1_024;

/// The token in a file.
///
/// # Errors
/// If the file cannot be read, or has something else.
pub fn token_in(path: &Path) -> Result<ResponderToken, Complaint> {
    let shown = path.display().to_string();
    let bytes = input::read(path, SIZE_LIMIT).map_err(|error| {
        let failed = format!("failed to read the token of the responder: {error}");
        Complaint::new(failed, Place::Path(shown.clone()))
            .with_help("name the file with the token that `ovcheck listen` printed")
    })?;
    let token = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
    // What is in the file instead may be a secret, and is not repeated.
    token.ok_or_else(|| {
        let wrong = "the file does not have the token of a responder";
        Complaint::new(wrong, Place::Path(shown)).with_help(
            "the token that `ovcheck listen` printed has 32 characters, 0 to 9 and a to f; `openssl \
             rand -hex 16` makes one too",
        )
    })
}

/// A node on which a responder runs, and its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    pub node: NodeName,
    pub token: ResponderToken,
}

/// The responders of `--responder`, each with the token in the file at its place.
///
/// # Errors
/// If there are more of the ones than of the others, a node is not declared, or a file has no token.
pub fn responders(
    nodes: &[String],
    files: &[PathBuf],
    deployment: &Deployment,
) -> Result<Vec<Responder>, Complaint> {
    if nodes.len() != files.len() {
        let (flag, help) = match nodes.len() > files.len() {
            true => ("--responder", "add --responder-token-file FILE for each --responder"),
            false => ("--responder-token-file", "add --responder NODE for each token file"),
        };
        let unequal = format!("{} nodes and {} token files", nodes.len(), files.len());
        return Err(Complaint::new(unequal, Place::Flag(flag.to_owned())).with_help(help));
    }
    let pairs = nodes.iter().zip(files);
    pairs
        .map(|(name, file)| {
            let node = deployment.nodes.iter().find(|node| node.name.as_str() == name);
            let node = node.ok_or_else(|| unknown_node(name, deployment))?;
            Ok(Responder { node: node.name.clone(), token: token_in(file)? })
        })
        .collect()
}

fn unknown_node(name: &str, deployment: &Deployment) -> Complaint {
    let known: Vec<&str> = deployment.nodes.iter().map(|node| node.name.as_str()).collect();
    let place = Place::Flag("--responder".to_owned());
    Complaint::new(format!("unknown node \"{name}\""), place).with_help(match known.as_slice() {
        [] => "declare its addresses, such as --node openvidu=203.0.113.20".to_owned(),
        known => help_for_unknown(name, known),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};

    fn deployment() -> Deployment {
        let flags =
            Flags { domain: Some("openvidu.example.io".parse().unwrap()), ..Flags::default() };
        let mut deployment = load(&flags, &|_| None, None).unwrap().deployment;
        deployment.nodes = vec![crate::model::deployment::Node {
            name: "openvidu".parse().unwrap(),
            role: crate::model::deployment::NodeRole::Openvidu,
            addresses: vec!["203.0.113.20".parse().unwrap()],
            private_addresses: Vec::new(),
        }];
        deployment
    }

    #[test]
    fn each_node_has_the_token_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let found =
            responders(&["openvidu".to_owned()], std::slice::from_ref(&file), &deployment())
                .unwrap();
        assert_eq!(found[0].node.as_str(), "openvidu");
        assert_eq!(found[0].token.expose(), "0123456789abcdef0123456789abcdef");
        let wrong = |nodes: &[&str], files: &[PathBuf]| {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            responders(&nodes, files, &deployment()).unwrap_err().to_string()
        };
        assert!(wrong(&["media"], std::slice::from_ref(&file)).contains("unknown node \"media\""));
        assert!(wrong(&["openvidu"], &[]).contains("1 nodes and 0 token files"));
        std::fs::write(&file, "a secret of something else").unwrap();
        let said = wrong(&["openvidu"], &[file]);
        assert!(said.contains("does not have the token") && !said.contains("secret"), "{said}");
    }
}
