//! Which lines of the deployment file declare what a run judges.

use serde_spanned::Spanned;

use super::file::FileShape;
use crate::model::context::{ConfigLines, NodeLine};
use crate::model::deployment::Deployment;

/// The lines of `text` that declare this deployment. A value that a flag or a variable replaced is not
/// declared by the file.
pub(super) fn declaring(text: &str, shape: &FileShape, deployment: &Deployment) -> ConfigLines {
    let declares = |written: &Option<Spanned<String>>, used: Option<String>| {
        let written = written.as_ref()?;
        let used = used?;
        let is_used = written.get_ref().trim_end_matches('.').eq_ignore_ascii_case(&used);
        is_used.then(|| line_of(text, written.span().start))
    };
    let mut nodes: Vec<NodeLine> = (shape.nodes.keys())
        .filter_map(|name| {
            let mut known = deployment.nodes.iter();
            let node = known.find(|node| node.name.as_str() == name.get_ref())?;
            Some(NodeLine { node: node.name.clone(), line: line_of(text, name.span().start) })
        })
        .collect();
    nodes.sort_by_key(|node| node.line);
    ConfigLines {
        domain: declares(&shape.domain_name, Some(deployment.domain.to_string())),
        turn_domain: declares(
            &shape.turn_domain_name,
            deployment.turn_domain.as_ref().map(ToString::to_string),
        ),
        policy: declares(&shape.policy, Some(deployment.policy.to_string())),
        guide: declares(&shape.guide, Some(deployment.edition.to_string())),
        nodes,
    }
}

/// The number of the line of this byte; the first is 1.
fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use crate::config::{DeploymentFile, FileChoice, Flags, load};
    use crate::model::context::ConfigLines;

    fn lines(flags: &Flags) -> ConfigLines {
        let text = "# ours\ndomain-name = \"Openvidu.example.io\"\n\nturn-domain-name = \"turn.example.io\"\n\
                    [nodes.proxy]\naddresses = [\"203.0.113.10\"]\n";
        let file = DeploymentFile {
            path: "ovcheck.toml".into(),
            text: text.into(),
            choice: FileChoice::Named,
        };
        load(flags, &|_| None, Some(&file)).unwrap().context().files.config_lines.unwrap()
    }

    #[test]
    fn a_declaration_has_its_line_unless_a_flag_replaced_it() {
        let from_file = lines(&Flags::default());
        assert_eq!((from_file.domain, from_file.turn_domain), (Some(2), Some(4)));
        assert_eq!((from_file.nodes[0].line, from_file.policy), (5, None));
        let flags = Flags {
            turn_domain_name: Some("other.example.io".parse().unwrap()),
            ..Flags::default()
        };
        assert_eq!(lines(&flags).turn_domain, None);
    }
}
