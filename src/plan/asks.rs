//! What a row of the port tables asks, seen from where we stand.

use super::Inputs;
use super::standing::{Standing, standing};
use crate::model::deployment::{Condition, Node, Usage};
use crate::model::plan::{Ask, NotAsked};
use crate::model::rule::{PortRow, TableRow};

/// What `row` asks of `node`'s port when packets come from where we stand.
pub(super) fn of_row(inputs: &Inputs<'_>, row: &PortRow, node: &Node) -> Ask {
    let standing = standing(inputs, node);
    let allowed = row
        .of(inputs.deployment)
        .filter(|row| row.from.iter().any(|from| standing.is_one_of(*from)));
    // Of several rows that let us in, the one that demands most.
    let asked = allowed.map(|row| of_allowed(inputs, row));
    if let Some(ask) = asked.min_by_key(strength) {
        return ask;
    }
    match standing {
        Standing::On(_) => Ask::Nothing(NotAsked::OwnPorts),
        Standing::PerhapsOn(role) => Ask::Nothing(NotAsked::PerhapsOwnPorts(role)),
        Standing::Beside(_) => Ask::MustBeClosed,
    }
}

/// What a rule demands that depends on something.
pub(super) fn of_condition(inputs: &Inputs, condition: Condition) -> Ask {
    match (inputs.deployment.usage(condition), condition) {
        (Usage::InUse, _) => Ask::Demand,
        (Usage::Unsaid, _) => Ask::EitherWay(condition),
        (Usage::NotInUse, Condition::TurnDomain) => Ask::Nothing(NotAsked::NoTurnDomain),
        (Usage::NotInUse, Condition::Feature(_) | Condition::Module(_)) => {
            Ask::Nothing(NotAsked::NotInUse(condition))
        }
    }
}

/// What a row asks that lets us in.
fn of_allowed(inputs: &Inputs<'_>, row: &TableRow) -> Ask {
    let deployment = inputs.deployment;
    if let Some(why) = &row.tolerated {
        return Ask::Nothing(NotAsked::Tolerated(why.clone()));
    }
    if let Some(engine) = row.engine
        && engine != deployment.rtc_engine
    {
        return Ask::Nothing(NotAsked::OtherEngine(engine));
    }
    let Some(condition) = row.condition else {
        return Ask::MustBeOpen;
    };
    match deployment.usage(condition) {
        Usage::InUse => Ask::MustBeOpen,
        Usage::NotInUse if condition == Condition::TurnDomain => {
            Ask::Nothing(NotAsked::NoTurnDomain)
        }
        Usage::NotInUse => Ask::NeedNotBeOpen(condition),
        Usage::Unsaid => Ask::EitherWay(condition),
    }
}

/// The most demanding first.
fn strength(ask: &Ask) -> u8 {
    match ask {
        Ask::MustBeOpen | Ask::MustBeClosed | Ask::Demand => 0,
        Ask::Undeclared(_) => 1,
        Ask::EitherWay(_) => 2,
        // That a row of another table tolerates it outweighs that nobody needs it.
        Ask::Nothing(_) => 3,
        Ask::NeedNotBeOpen(_) => 4,
    }
}
