//! The ways of a call as a diagram: the steps of each, and where it stops.

use super::Mark;
use crate::model::call::Step;
use crate::model::facts::Way;
use crate::output::call::words;
use crate::output::shown::{
    ShownCall, ShownCause, ShownContact, ShownNodeWay, ShownNodeWays, ShownReport, ShownState,
    ShownWay,
};

/// The join and the ways.
pub struct Call<'a> {
    pub answer: String,
    pub from: String,
    pub lanes: Vec<Lane>,
    pub ways: &'a [ShownWay],
    /// A row for each Media Node, if there are several to compare.
    pub nodes: Vec<NodeRow>,
    pub causes: &'a [ShownCause],
}

/// The ways on one Media Node.
pub struct NodeRow {
    pub name: String,
    pub cells: Vec<NodeCell>,
}

/// One way on one Media Node.
pub struct NodeCell {
    pub class: &'static str,
    pub words: String,
}

impl NodeRow {
    fn of(node: &ShownNodeWays, ways: &[ShownWay]) -> Self {
        let cells = ways.iter().map(|way| {
            let of_node = node.ways.iter().find(|it| it.way == way.way);
            match of_node {
                Some(way) => NodeCell { class: class_of(way), words: way.short() },
                None => NodeCell { class: "doubt", words: "not tested".to_owned() },
            }
        });
        Self { name: node.name(), cells: cells.collect() }
    }
}

fn class_of(way: &ShownNodeWay) -> &'static str {
    match way.state {
        ShownState::Works { .. } if way.small_packets_only => "caution",
        ShownState::Stops { .. } if way.closed_on_purpose => "none",
        ShownState::Works { .. }
        | ShownState::Stops { .. }
        | ShownState::NotOffered
        | ShownState::Unknown { .. } => of_state(&way.state).class,
    }
}

/// One way from this machine to the deployment.
pub struct Lane {
    pub name: String,
    pub mark: Mark,
    pub steps: Vec<LaneStep>,
    pub to: String,
    /// How far it came, in words.
    pub state: String,
}

/// A step of a way.
pub struct LaneStep {
    pub name: &'static str,
    pub mark: Mark,
}

impl<'a> Call<'a> {
    pub fn of(call: &'a ShownCall, report: &ShownReport) -> Self {
        let join = Lane::of_join(&call.join);
        let ways = call.ways.iter().map(Lane::of_way);
        Self {
            answer: call.answer(),
            from: report.vantage_words(),
            lanes: std::iter::once(join).chain(ways).collect(),
            ways: &call.ways,
            nodes: {
                let nodes = call.compared_nodes().iter();
                nodes.map(|node| NodeRow::of(node, &call.ways)).collect()
            },
            causes: &call.causes,
        }
    }
}

impl Lane {
    fn of_join(join: &ShownContact) -> Self {
        let usual = [Step::Dns, Step::Tcp, Step::Tls, Step::Certificate, Step::Join];
        Self {
            name: "Join".to_owned(),
            mark: of_state(&join.state),
            steps: steps(&usual, &join.state, Some(true)),
            to: join.place(),
            state: join.state.words(),
        }
    }

    fn of_way(way: &ShownWay) -> Self {
        let mut mark = of_state(&way.state);
        if way.state.works() && way.small_packets_only {
            mark = Mark::new("caution", "!", "small packets only");
        }
        if matches!(way.state, ShownState::Stops { .. }) && way.closed_on_purpose {
            mark = Mark::new("none", "–", "closed by the policy");
        }
        Self {
            name: way.name().to_owned(),
            mark,
            steps: steps(usual_steps(way.way), &way.state, way.dtls_passes),
            to: way.shown_contact().map_or_else(String::new, ShownContact::place),
            state: way.state_words(),
        }
    }
}

fn usual_steps(way: Way) -> &'static [Step] {
    match way {
        Way::Udp => &[Step::Check, Step::Dtls],
        Way::IceTcp => &[Step::Tcp, Step::Check, Step::Dtls],
        Way::TurnUdp => &[Step::Allocation, Step::Permission, Step::Check, Step::Dtls],
        Way::Turns => &[
            Step::Dns,
            Step::Tcp,
            Step::Tls,
            Step::Certificate,
            Step::Allocation,
            Step::Permission,
            Step::Check,
            Step::Dtls,
        ],
    }
}

fn of_state(state: &ShownState) -> Mark {
    match state {
        ShownState::Works { .. } => Mark::new("good", "✓", "works"),
        ShownState::Stops { .. } => Mark::new("bad", "✗", "stops"),
        ShownState::NotOffered => Mark::new("none", "–", "not offered"),
        ShownState::Unknown { .. } => Mark::new("doubt", "?", "not known"),
    }
}

/// The steps with what became of each. A step that is rare is there only if the way stops at it.
fn steps(usual: &[Step], state: &ShownState, dtls_passes: Option<bool>) -> Vec<LaneStep> {
    let mut steps = usual.to_vec();
    if let ShownState::Stops { at, .. } = state
        && !steps.contains(at)
    {
        steps.push(*at);
        steps.sort();
    }
    let mark = |step: Step| match state {
        ShownState::Works { .. } if step == Step::Dtls => match dtls_passes {
            Some(true) => Mark::new("good", "✓", "passed"),
            Some(false) => Mark::new("bad", "✗", "stops here"),
            None => Mark::new("none", "–", "not tested"),
        },
        ShownState::Works { .. } => Mark::new("good", "✓", "passed"),
        ShownState::Stops { at, .. } if step < *at => Mark::new("good", "✓", "passed"),
        ShownState::Stops { at, .. } if step == *at => Mark::new("bad", "✗", "stops here"),
        ShownState::Stops { .. } => Mark::new("none", "–", "not reached"),
        ShownState::NotOffered => Mark::new("none", "–", "not offered"),
        ShownState::Unknown { .. } => Mark::new("doubt", "?", "not known"),
    };
    steps.iter().map(|step| LaneStep { name: words::step(*step), mark: mark(*step) }).collect()
}
