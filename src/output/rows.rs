//! Rows of the port tables in words: who may reach a port, and when that is needed.

use crate::model::deployment::{Condition, Edition, NodeRole, Policy, RtcEngine, Topology};
use crate::model::port::{PortRange, Transport};
use crate::model::rule::{AllowedFrom, PortRow, TableRow};

/// Rows that differ in their tables and editions alone, as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    pub from: &'a [AllowedFrom],
    pub condition: Option<Condition>,
    pub engine: Option<RtcEngine>,
    pub tolerated: Option<&'a str>,
    /// In their order.
    pub editions: Vec<Edition>,
}

impl<'a> Line<'a> {
    /// The lines of the rows of one topology, in the order of the rows.
    pub fn of(row: &'a PortRow, topology: Topology) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        for row in row.rows.iter().filter(|row| row.topology == topology) {
            let line = Self::of_one(row);
            match lines.iter_mut().find(|known| known.is_like(&line)) {
                Some(known) => {
                    known.editions.extend(line.editions);
                    known.editions.sort();
                    known.editions.dedup();
                }
                None => lines.push(line),
            }
        }
        lines
    }

    fn of_one(row: &'a TableRow) -> Self {
        Self {
            from: &row.from,
            condition: row.condition,
            engine: row.engine,
            tolerated: row.tolerated.as_deref(),
            editions: row.editions.clone(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.from, self.condition, self.engine, self.tolerated)
            == (other.from, other.condition, other.engine, other.tolerated)
    }
}

/// Who may reach a port, for people: topologies, and what the tables say there.
///
/// `[("elastic, high-availability", ["the external proxy, if rtmp is in use (3.2, 3.6, 3.9)"])]`
pub fn by_topology(row: &PortRow) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(Vec<Topology>, Vec<Line<'_>>)> = Vec::new();
    for topology in Topology::ALL {
        let lines = Line::of(row, topology);
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            _ if lines.is_empty() => {}
            Some((topologies, _)) => topologies.push(topology),
            None => groups.push((vec![topology], lines)),
        }
    }
    let in_words = |(topologies, lines): (Vec<Topology>, Vec<Line<'_>>)| {
        let lines = lines.iter().map(|line| line_in_words(line, &topologies));
        (listed(&topologies), lines.collect())
    };
    groups.into_iter().map(in_words).collect()
}

fn line_in_words(line: &Line<'_>, topologies: &[Topology]) -> String {
    let mut text = sources(line.from, topologies);
    if let Some(need) = need(line.condition, line.engine) {
        text.push_str(&format!(", {need}"));
    }
    text.push_str(&format!(" ({})", editions(&line.editions)));
    if let Some(why) = line.tolerated {
        text.push_str(&format!(", tolerated: {why}"));
    }
    text
}

/// When a port is needed: `with pion, if ice-tcp is in use`; `None`: always.
pub fn need(condition: Option<Condition>, engine: Option<RtcEngine>) -> Option<String> {
    let engine = engine.map(|engine| format!("with {engine}"));
    let condition = condition.map(|condition| match condition {
        Condition::Feature(feature) => format!("if {feature} is in use"),
        Condition::Module(module) => format!("with module {module}"),
        Condition::TurnDomain => "with a TURN domain".to_owned(),
    });
    let parts: Vec<String> = engine.into_iter().chain(condition).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The policies of some editions under which the tables judge a port that rules of the family
/// `policy` judge under the others; `None`: under all.
pub fn policies(not_under: &[Policy], editions: &[Edition]) -> Option<String> {
    let known = |policy: &Policy| editions.iter().any(|it| it.policies().contains(policy));
    let left = Policy::ALL.into_iter().filter(known);
    let left: Vec<Policy> = left.filter(|it| !not_under.contains(it)).collect();
    (!not_under.is_empty()).then(|| format!("under policy {}", listed(&left)))
}

/// `the Master Node and the Media Nodes`, as many as these topologies have.
pub fn sources(list: &[AllowedFrom], topologies: &[Topology]) -> String {
    let has_many = |topology: &Topology| topology.most(NodeRole::Master).is_none();
    let words = list.iter().map(|from| match from {
        AllowedFrom::Master if topologies.iter().all(has_many) => "the Master Nodes".to_owned(),
        AllowedFrom::Master if topologies.iter().any(has_many) => "the Master Node(s)".to_owned(),
        AllowedFrom::Anywhere
        | AllowedFrom::ExternalProxy
        | AllowedFrom::Master
        | AllowedFrom::Media => from.to_string(),
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// `TCP 443`.
pub fn port(transport: Transport, ports: PortRange) -> String {
    format!("{} {ports}", transport.to_string().to_uppercase())
}

/// `3.0 to 3.5, 3.9`.
pub fn editions(list: &[Edition]) -> String {
    let place = |edition: &Edition| Edition::ALL.iter().position(|known| known == edition);
    let is_next = |one: &Edition, other: &Edition| place(one).map(|at| at + 1) == place(other);
    let runs = list.chunk_by(is_next).map(|run| match run {
        [first, _, .., last] => format!("{first} to {last}"),
        few => listed(few),
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// `3.2, 3.6`.
pub fn listed<T: ToString>(list: &[T]) -> String {
    let words: Vec<String> = list.iter().map(T::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_that_follow_each_other_are_a_range() {
        use Edition::{V3_0, V3_1, V3_2, V3_6, V3_7, V3_9};
        assert_eq!(editions(&Edition::ALL), "3.0 to 3.9");
        assert_eq!(editions(&[V3_0, V3_1, V3_2, V3_6, V3_7, V3_9]), "3.0 to 3.2, 3.6, 3.7, 3.9");
        assert_eq!(editions(&[]), "");
    }
    use crate::model::deployment::Feature;
    use crate::model::rule::Source;

    fn table_row(topology: Topology, edition: Edition, condition: Option<Condition>) -> TableRow {
        TableRow {
            topology,
            editions: vec![edition],
            from: vec![AllowedFrom::Master, AllowedFrom::Media],
            condition,
            engine: None,
            tolerated: None,
            source: Source {
                document: "The guide".to_owned(),
                section: format!("{topology}, {edition}"),
                row: None,
            },
        }
    }

    fn row(rows: Vec<TableRow>) -> PortRow {
        PortRow {
            rows,
            service: None,
            only_in_sessions: false,
            listens_on: None,
            not_under: vec![],
            misprint: None,
            gone: None,
        }
    }

    #[test]
    fn rows_that_say_the_same_share_a_line_and_topologies_their_lines() {
        use Edition::{V3_2, V3_6, V3_9};
        use Topology::{Elastic, HighAvailability};
        let rtmp = Some(Condition::Feature(Feature::Rtmp));
        let row = row(vec![
            table_row(Elastic, V3_9, None),
            table_row(Elastic, V3_2, rtmp),
            table_row(Elastic, V3_6, None),
            table_row(HighAvailability, V3_6, None),
            table_row(HighAvailability, V3_9, None),
            table_row(HighAvailability, V3_2, rtmp),
        ]);
        assert_eq!(
            by_topology(&row),
            [(
                "elastic, high-availability".to_owned(),
                vec![
                    "the Master Node(s) and the Media Nodes (3.6, 3.9)".to_owned(),
                    "the Master Node(s) and the Media Nodes, if rtmp is in use (3.2)".to_owned(),
                ]
            )]
        );
    }

    #[test]
    fn a_need_names_engine_and_condition() {
        let ice_tcp = Some(Condition::Feature(Feature::IceTcp));
        assert_eq!(
            need(ice_tcp, Some(RtcEngine::Pion)).as_deref(),
            Some("with pion, if ice-tcp is in use")
        );
        assert_eq!(need(None, None), None);
    }

    #[test]
    fn policies_are_those_that_leave_the_port_to_the_tables() {
        let closing = [Policy::ForcedTurn, Policy::Tls443];
        let under = |editions: &[Edition]| policies(&closing, editions);
        assert_eq!(
            under(&[Edition::V3_6, Edition::V3_9]).as_deref(),
            Some("under policy default, 443-udp")
        );
        assert_eq!(under(&[Edition::V3_2]).as_deref(), Some("under policy default"));
        assert_eq!(policies(&[], &Edition::ALL), None);
    }
}
