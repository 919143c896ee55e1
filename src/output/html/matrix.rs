//! Nodes and ports: the worst verdict of everything that was checked there.

use super::Mark;
use crate::model::verdict::Severity;
use crate::output::shown::{
    ShownConfidence, ShownFinding, ShownInconclusiveKind, ShownPorts, ShownReport, ShownVerdict,
};

/// The most columns. Nodes of which everything is the same share one.
const MOST_COLUMNS: usize = 24;

/// Ports as rows, nodes as columns.
pub struct Matrix<'a> {
    pub nodes: Vec<Column<'a>>,
    pub rows: Vec<Row>,
    /// Nodes without a column.
    pub left_out: usize,
}

/// A node, or nodes at which everything is the same.
pub struct Column<'a> {
    pub names: Vec<&'a str>,
    pub role: &'a str,
}

/// A port at every node.
pub struct Row {
    pub port: String,
    /// One for each column; `None`: nothing was checked there.
    pub cells: Vec<Option<Cell>>,
}

/// What was checked at a port of a node.
#[derive(Clone, PartialEq, Eq)]
pub struct Cell {
    pub class: &'static str,
    pub sign: &'static str,
    pub words: &'static str,
    /// How sure it is.
    pub detail: &'static str,
    pub checks: usize,
}

impl Column<'_> {
    /// The role, where no name says it.
    pub fn shown_role(&self) -> Option<&str> {
        (self.names.as_slice() != [self.role]).then_some(self.role)
    }
}

type Port = (String, u16, u16);

impl<'a> Matrix<'a> {
    /// Nothing without nodes, or without a check at a port of one.
    pub fn of(report: &'a ShownReport) -> Option<Self> {
        let mut checked: Vec<(usize, Port, &ShownFinding)> = Vec::new();
        for finding in &report.findings {
            let (Some(node), Some(port)) = (node_of(report, finding), port_of(finding)) else {
                continue;
            };
            checked.push((node, port, finding));
        }
        let mut ports: Vec<Port> = checked.iter().map(|(_, port, _)| port.clone()).collect();
        ports.sort();
        ports.dedup();
        let mut columns: Vec<(Column<'a>, Vec<Option<Cell>>)> = Vec::new();
        for (index, node) in report.deployment.nodes.iter().enumerate() {
            let cells: Vec<Option<Cell>> = (ports.iter())
                .map(|port| {
                    let here = |(at, known, _): &&(usize, Port, _)| *at == index && known == port;
                    Cell::of(checked.iter().filter(here).map(|(_, _, finding)| *finding))
                })
                .collect();
            match columns.iter_mut().find(|(known, same)| known.role == node.role && *same == cells)
            {
                Some((known, _)) => known.names.push(&node.name),
                None => {
                    columns.push((Column { names: vec![&node.name], role: &node.role }, cells));
                }
            }
        }
        let hidden = columns.split_off(columns.len().min(MOST_COLUMNS));
        let left_out = hidden.iter().map(|(column, _)| column.names.len()).sum();
        let rows = (ports.iter().enumerate())
            .map(|(index, (transport, first, last))| Row {
                port: match first == last {
                    true => format!("{} {first}", transport.to_uppercase()),
                    false => format!("{} {first}-{last}", transport.to_uppercase()),
                },
                cells: columns.iter().map(|(_, cells)| cells[index].clone()).collect(),
            })
            .collect();
        let nodes = columns.into_iter().map(|(column, _)| column).collect();
        (!ports.is_empty()).then_some(Self { nodes, rows, left_out })
    }
}

/// The declared node at which something was checked: by its name, or by the address of a name.
fn node_of(report: &ShownReport, finding: &ShownFinding) -> Option<usize> {
    let mut nodes = report.deployment.nodes.iter();
    let target = &finding.target;
    match (&target.node, &target.address) {
        (Some(name), _) => nodes.position(|node| node.name == *name),
        (None, Some(address)) => nodes.position(|node| node.addresses.contains(address)),
        (None, None) => None,
    }
}

fn port_of(finding: &ShownFinding) -> Option<Port> {
    let transport = finding.target.transport.clone().unwrap_or_else(|| "tcp".to_owned());
    Some(match finding.target.port? {
        ShownPorts::One(port) => (transport, port, port),
        ShownPorts::Range { first, last } => (transport, first, last),
    })
}

impl Cell {
    fn of<'f>(findings: impl Iterator<Item = &'f ShownFinding>) -> Option<Self> {
        let findings: Vec<&ShownFinding> = findings.collect();
        let worst = findings.iter().max_by_key(|finding| badness(finding))?;
        let mark = Mark::of_finding(worst);
        Some(Self {
            class: mark.class,
            sign: mark.sign,
            words: words(worst),
            detail: detail(worst),
            checks: findings.len(),
        })
    }
}

/// The verdict in a word.
fn words(finding: &ShownFinding) -> &'static str {
    match (finding.verdict, finding.severity) {
        (ShownVerdict::Pass, _) => "passed",
        (ShownVerdict::Fail, _) if finding.waiver.is_some() => "waived",
        (ShownVerdict::Fail, Severity::Error) => "error",
        (ShownVerdict::Fail, Severity::Warning) => "warning",
        (ShownVerdict::Fail, Severity::Info) => "hint",
        (ShownVerdict::Inconclusive, _) => "not decided",
        (ShownVerdict::NotApplicable, _) => "not applicable",
    }
}

fn detail(finding: &ShownFinding) -> &'static str {
    let kind = finding.inconclusive_kind.map(ShownInconclusiveKind::words);
    finding.confidence.map(ShownConfidence::words).or(kind).unwrap_or("no demand")
}

/// How bad it is: what is not known is worse than what passed.
fn badness(finding: &ShownFinding) -> u8 {
    match (finding.verdict, finding.severity) {
        (ShownVerdict::Fail, _) if finding.waiver.is_some() => 3,
        (ShownVerdict::Fail, Severity::Error) => 8,
        (ShownVerdict::Fail, Severity::Warning) => 7,
        (ShownVerdict::Fail, Severity::Info) => 6,
        (ShownVerdict::Inconclusive, _) => match finding.inconclusive_kind {
            Some(ShownInconclusiveKind::Unsettled) | None => 5,
            Some(ShownInconclusiveKind::VantageLimit) => 4,
        },
        (ShownVerdict::Pass, _) if finding.confidence != Some(ShownConfidence::Proven) => 3,
        (ShownVerdict::Pass, _) => 2,
        (ShownVerdict::NotApplicable, _) => 1,
    }
}
