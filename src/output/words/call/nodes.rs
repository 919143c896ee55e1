//! What calls in several rooms show of the Media Nodes, in words.

use super::super::Statement;
use super::statement;
use crate::model::facts::SearchEnd;
use crate::model::seen::NodesSeen;
use crate::output::text::{counted, list};

pub(super) fn nodes(seen: &NodesSeen) -> Statement {
    match seen {
        NodesSeen::Carried(at) => {
            Statement::new(format!("a call was on this node, with media at {}", list(at)))
        }
        NodesSeen::CarriedBehindOneAddress { servers, nodes } => Statement::new(format!(
            "calls were on {servers} servers behind the common address of {}",
            list(nodes)
        )),
        NodesSeen::NotCarried { rooms, ended, failures, elsewhere, shares_with } => {
            let statement = Statement::new(match ended {
                SearchEnd::OneRoom => "the room of the access token is on another node".to_owned(),
                SearchEnd::AllFound
                | SearchEnd::NoOthers
                | SearchEnd::MostRooms
                | SearchEnd::OutOfTime => {
                    format!("no call was on this node, in {}", counted(*rooms, "room"))
                }
            });
            let behind = (!shares_with.is_empty()).then(|| {
                format!("it shares its address with {}: one of them had a call", list(shares_with))
            });
            let unknown = (!elsewhere.is_empty()).then(|| {
                format!(
                    "a call offered media at {}, which belongs to no declared Media Node: it may be \
                     this one",
                    list(elsewhere)
                )
            });
            let failed = (*failures > 0).then(|| {
                format!("{} of these joins failed: the node may be behind them", failures)
            });
            let statement = statement.with([behind, unknown, failed].into_iter().flatten());
            match ended {
                SearchEnd::OneRoom => statement.detail(
                    "a token is for one room, which is on one node; use an API key (--api-key) to \
                     test every node",
                ),
                SearchEnd::OutOfTime => statement
                    .detail("the joins took too long: run again with a longer --timeout"),
                SearchEnd::AllFound | SearchEnd::NoOthers | SearchEnd::MostRooms => statement
                    .detail(
                        "LiveKit chooses the node: none that is stopped, draining or full, and with \
                         some settings of node_selector always the least busy one",
                    )
                    .detail(
                        "look on this node whether LiveKit is running (docker ps); then run again",
                    ),
            }
        }
        NodesSeen::NotSeveral => Statement::new("no other Media Node is declared"),
        NodesSeen::SomeFailed { joins, failures, masters, why } => {
            let why = statement(why);
            let summary =
                format!("{failures} of {} failed: {}", counted(*joins, "join"), why.summary);
            let masters = (*masters > 1).then(|| {
                format!(
                    "the load balancer chooses one of {masters} Master Nodes for each, and ovcheck \
                     cannot see which"
                )
            });
            let limit = "a limit for the connections or requests of one client looks the same";
            Statement::new(summary).with(why.details).with(masters).detail(limit)
        }
    }
}
