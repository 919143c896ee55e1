//! Remedies as text, and the machine of a command in words.

use crate::model::deployment::Topology;
use crate::model::remedy::RemedyStep;
use crate::model::report::Finding;
use crate::model::rule::Machine;

/// The machine on which a command for these findings is run: `the proxy`, `m1 and m2`.
pub fn machine<'a>(
    on: Machine,
    topology: Topology,
    findings: impl Iterator<Item = &'a Finding>,
) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in findings.filter_map(|finding| finding.target.node.as_ref()) {
        if !names.contains(&name.as_str()) {
            names.push(name.as_str());
        }
    }
    machine_words(on, topology, &names)
}

/// The machine on which a command is run, for findings about these nodes.
pub fn machine_words(on: Machine, topology: Topology, nodes: &[&str]) -> String {
    let word = match (on, topology) {
        (Machine::Here, _) => "this machine",
        (Machine::Proxy, _) => "the proxy",
        (Machine::Application, _) => "the server that makes the access tokens",
        (Machine::Backend | Machine::Media, Topology::SingleNode) => "the OpenVidu machine",
        (Machine::Backend, Topology::Elastic) => "the Master Node",
        (Machine::Backend, Topology::HighAvailability) => "each Master Node",
        (Machine::Media, Topology::Elastic | Topology::HighAvailability) => "each Media Node",
        (Machine::Node, _) if nodes.is_empty() => "that machine",
        (Machine::Node, _) => return crate::output::text::list(nodes),
    };
    word.to_owned()
}

/// All steps of a finding's remedy as one text; what is there to be pasted is indented.
pub fn as_text(finding: &Finding, topology: Topology) -> String {
    let indented = |lines: &str| {
        let lines: Vec<String> = lines.lines().map(|line| format!("    {line}")).collect();
        lines.join("\n")
    };
    let texts = finding.remedy.iter().map(|step| match step {
        RemedyStep::Say(text) => text.clone(),
        RemedyStep::Run { on, commands } => {
            let machine = machine(*on, topology, std::iter::once(finding));
            let commands: Vec<String> = commands.iter().map(ToString::to_string).collect();
            format!("On {machine}:\n{}", indented(&commands.join("\n")))
        }
        RemedyStep::Show { place, lines } => {
            format!("In {place}:\n{}", indented(&lines.join("\n")))
        }
    });
    texts.collect::<Vec<_>>().join("\n")
}
