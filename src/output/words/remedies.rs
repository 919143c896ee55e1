//! Remedies as text, and the machine of a command in words.

use crate::model::deployment::Topology;
use crate::model::facts::ServerText;
use crate::model::remedy::{Change, Edit, RemedyStep};
use crate::model::report::Finding;
use crate::model::rule::Machine;
use crate::output::quote::of_file;

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

/// The line that an edit is about: `In /etc/nginx/nginx.conf, change line 31`.
pub fn edited_place(edit: &Edit) -> String {
    let Edit { at, change } = edit;
    let (file, line) = (of_file(&at.file), at.line);
    match change {
        Change::Delete => format!("In {file}, delete line {line}"),
        Change::Replace(_) => format!("In {file}, change line {line}"),
        Change::InsertBehind(_) => format!("In {file}, add behind line {line}"),
    }
}

/// The lines of an edit, as a patch shows them.
pub fn edited_lines(edit: &Edit) -> Vec<String> {
    let signed = |sign: char| move |text: &ServerText| format!("{sign} {}", of_file(text));
    let old = || edit.at.text.iter().map(signed('-'));
    match &edit.change {
        Change::Delete => old().collect(),
        Change::Replace(lines) => old().chain(lines.iter().map(signed('+'))).collect(),
        Change::InsertBehind(lines) => lines.iter().map(signed('+')).collect(),
    }
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
        RemedyStep::Edit(edit) => {
            format!("{}:\n{}", edited_place(edit), indented(&edited_lines(edit).join("\n")))
        }
        RemedyStep::Show { place, lines } => {
            format!("In {place}:\n{}", indented(&lines.join("\n")))
        }
    });
    texts.collect::<Vec<_>>().join("\n")
}
