//! Proxies as `ovcheck proxy-config` writes them: nothing is wrong with a deployment behind one.

use super::super::caller::Caller;
use super::super::situations::{DEFAULT, FORCED_TURN, List, PROVEN, Situation};
use super::super::world::Front;

/// What this version of LiveKit does behind every proxy.
const OF_THE_NODE: List = &[("turn/refuses-foreign-peers", PROVEN)];

pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "wild/proxies/nginx",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/nginx-advanced",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-advanced-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/haproxy",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-forced-turn",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        ..FORCED_TURN
    },
];
