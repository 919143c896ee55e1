//! The README's table of what can be known from where, and what shows each of its cells.

use std::fs;
use std::path::Path;

use super::network::Place;
use super::situations::{
    List, PROVEN, SUSPECTED, Situation, UNCONTRADICTED, UNSETTLED, VANTAGE_LIMIT,
};
use super::vantages::TRIALS;

struct Row {
    question: &'static str,
    internet: Cell,
    proxy: Cell,
    machine: Cell,
}

/// What a cell says, and what shows that it is so.
type Cell = (&'static str, &'static [Shown]);

#[derive(Clone, Copy)]
enum Shown {
    /// A situation that is seen from the place of the column, and rules that pass there.
    Passes(&'static str, List),
    /// The same, and rules that are broken.
    Fails(&'static str, List),
    /// The same, and rules that stay open.
    Open(&'static str, List),
    /// One of the tests that look from several places.
    Trial(&'static str),
    /// A test without this laboratory: its file, and its function.
    Test(&'static str, &'static str),
}

use Shown::{Fails, Open, Passes, Test, Trial};

const EVERYBODY_SEES: List = super::situations::EVERYBODY_SEES;
const SCENARIOS: &str = "scenarios/vantages.rs";

/// In the order of the README.
const TABLE: &[Row] = &[
    Row {
        question: "Do names, certificates, redirect, API, TURN over TLS and RTMPS work?",
        internet: ("proven", &[Passes("default/compliant", EVERYBODY_SEES)]),
        proxy: (
            "proven",
            &[
                Passes("default/seen-from-the-proxy", EVERYBODY_SEES),
                Fails(
                    "default/5349-closed-to-the-proxy",
                    &[("turn/turns-answers-binding", PROVEN)],
                ),
            ],
        ),
        machine: (
            "proven",
            &[
                Passes("elastic/compliant-seen-from-the-master-node", EVERYBODY_SEES),
                Passes("elastic/compliant-seen-from-a-media-node", EVERYBODY_SEES),
            ],
        ),
    },
    Row {
        question: "Are the inner ports (Redis, MongoDB, 7880, …) closed to the internet?",
        internet: (
            "open: proven; closed: no evidence against",
            &[
                Fails(
                    "default/api-port-open-to-the-internet",
                    &[("ports/openvidu-tcp-7880", PROVEN)],
                ),
                Fails(
                    "elastic/redis-of-the-master-open-to-the-internet",
                    &[("ports/master-tcp-7000", PROVEN)],
                ),
                Fails(
                    "elastic/mongodb-open-to-the-internet",
                    &[("ports/master-tcp-20000", PROVEN)],
                ),
                Passes(
                    "default/compliant",
                    &[
                        ("ports/openvidu-tcp-7880", UNCONTRADICTED),
                        ("ports/undocumented-closed", UNCONTRADICTED),
                    ],
                ),
            ],
        ),
        proxy: ("–", ASKED_ONLY_OUTSIDE),
        machine: ("–", ASKED_ONLY_OUTSIDE),
    },
    Row {
        question: "Can the proxy, and the machines among each other, reach the ports that they need?",
        internet: (
            "only indirectly",
            &[
                Fails("default/turn-backend-dead", &[("turn/turns-answers-binding", PROVEN)]),
                Fails(
                    "elastic/rtmp-opened-at-1935-as-the-table-says",
                    &[("rtmp/rtmps-handshakes", PROVEN)],
                ),
            ],
        ),
        proxy: (
            "proven",
            &[
                Passes(
                    "default/seen-from-the-proxy",
                    &[
                        ("ports/openvidu-tcp-1945", PROVEN),
                        ("ports/openvidu-tcp-5349", PROVEN),
                        ("ports/openvidu-tcp-7880", PROVEN),
                    ],
                ),
                Fails("default/5349-closed-to-the-proxy", &[("ports/openvidu-tcp-5349", PROVEN)]),
            ],
        ),
        machine: (
            "mostly proven",
            &[
                Passes(
                    "elastic/compliant-seen-from-the-master-node",
                    &[("ports/media-tcp-7880", PROVEN)],
                ),
                Passes(
                    "elastic/compliant-seen-from-a-media-node",
                    &[("ports/master-tcp-3100", UNCONTRADICTED), ("ports/master-tcp-7000", PROVEN)],
                ),
                Fails(
                    "elastic/redis-of-the-master-closed-to-one-media-node",
                    &[("ports/master-tcp-7000", PROVEN)],
                ),
            ],
        ),
    },
    Row {
        question: "Is UDP 443 open?",
        internet: (
            "open: proven; not open: proven if another server answers on UDP 443, otherwise suspected",
            &[
                Passes("default/compliant", &[("ports/openvidu-udp-443", PROVEN)]),
                Fails(
                    "elastic/udp-443-blocked-on-one-media-node",
                    &[("ports/media-udp-443", PROVEN)],
                ),
                Fails("default/udp-443-blocked", &[("ports/openvidu-udp-443", SUSPECTED)]),
            ],
        ),
        proxy: (
            "proven",
            &[
                Passes("default/seen-from-the-proxy", &[("ports/openvidu-udp-443", PROVEN)]),
                Fails(DROPPED_FROM_PROXY, &[("ports/openvidu-udp-443", PROVEN)]),
            ],
        ),
        machine: (
            "proven",
            &[
                Passes(
                    "elastic/compliant-seen-from-the-master-node",
                    &[("ports/media-udp-443", PROVEN)],
                ),
                Passes(
                    "elastic/compliant-seen-from-a-media-node",
                    &[("ports/media-udp-443", PROVEN)],
                ),
                Fails(DROPPED_FROM_MASTER, &[("ports/media-udp-443", PROVEN)]),
            ],
        ),
    },
    Row {
        question: "Is UDP 7885 (WHIP) open?",
        internet: (
            "cannot be known",
            &[Open("default/compliant", &[("ports/openvidu-udp-7885", VANTAGE_LIMIT)])],
        ),
        proxy: (
            "the same",
            &[Open("default/seen-from-the-proxy", &[("ports/openvidu-udp-7885", VANTAGE_LIMIT)])],
        ),
        machine: (
            "the same",
            &[
                Open(
                    "elastic/compliant-seen-from-the-master-node",
                    &[("ports/media-udp-7885", VANTAGE_LIMIT)],
                ),
                Open(
                    "elastic/compliant-seen-from-a-media-node",
                    &[("ports/media-udp-7885", VANTAGE_LIMIT)],
                ),
            ],
        ),
    },
    Row {
        question: "Are UDP 50000-60000 open?",
        internet: (
            "open: no evidence against; a part that is closed: suspected",
            &[
                Passes("default/compliant", &[("ports/openvidu-udp-50000-60000", UNCONTRADICTED)]),
                Fails(
                    "default/upper-half-of-media-range-blocked",
                    &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
                ),
            ],
        ),
        proxy: (
            "the same",
            &[
                Passes(
                    "default/seen-from-the-proxy",
                    &[("ports/openvidu-udp-50000-60000", UNCONTRADICTED)],
                ),
                Fails(DROPPED_FROM_PROXY, &[("ports/openvidu-udp-50000-60000", SUSPECTED)]),
            ],
        ),
        machine: (
            "the same",
            &[
                Passes(
                    "elastic/compliant-seen-from-the-master-node",
                    &[("ports/media-udp-50000-60000", UNCONTRADICTED)],
                ),
                Passes(
                    "elastic/compliant-seen-from-a-media-node",
                    &[("ports/media-udp-50000-60000", UNCONTRADICTED)],
                ),
                Fails(DROPPED_FROM_MASTER, &[("ports/media-udp-50000-60000", SUSPECTED)]),
            ],
        ),
    },
    Row {
        question: "Are UDP 443 and 50000-60000 closed, if all media must use TURN?",
        internet: (
            "closed: no evidence against; a single open port is found",
            &[
                Passes(
                    "forced-turn/compliant",
                    &[
                        ("policy/media-range-closed", UNCONTRADICTED),
                        ("policy/udp-443-closed", UNCONTRADICTED),
                    ],
                ),
                Fails(
                    "forced-turn/one-port-open-among-10001",
                    &[("policy/media-range-closed", SUSPECTED)],
                ),
                Fails("forced-turn/udp-443-open", &[("policy/udp-443-closed", PROVEN)]),
            ],
        ),
        proxy: ("–", POLICY_ASKED_ONLY_OUTSIDE),
        machine: ("–", POLICY_ASKED_ONLY_OUTSIDE),
    },
    Row {
        question: "Are UDP 443, 7885 and 50000-60000 open, with [`ovcheck listen`](docs/responder.md) on the node?",
        internet: (
            "proven, for every port; UDP 443 as without it if packets do not reach the machine",
            OPEN_BY_RESPONDERS_OUTSIDE,
        ),
        proxy: ("proven, for every port", OPEN_BY_RESPONDERS),
        machine: ("the same", OPEN_BY_RESPONDERS),
    },
    Row {
        question: "Are they closed, if all media must use TURN, with `ovcheck listen` on the node?",
        internet: (
            "proven, for every port",
            &[
                Trial("vantages/forced-turn-is-merged-with-responders"),
                Test(
                    "scenarios/responders.rs",
                    "a_range_that_must_be_closed_is_proven_closed_and_one_open_port_is_found",
                ),
            ],
        ),
        proxy: ("–", POLICY_ASKED_ONLY_OUTSIDE),
        machine: ("–", POLICY_ASKED_ONLY_OUTSIDE),
    },
    Row {
        question: "Are the inner TCP ports closed to this place, with `ovcheck listen` on the node?",
        internet: ("proven", CLOSED_BY_RESPONDERS),
        proxy: ("the same", CLOSED_BY_RESPONDERS),
        machine: ("the same", CLOSED_BY_RESPONDERS),
    },
    Row {
        question: "Do the four media paths work?",
        internet: (
            "proven, with credentials",
            &[
                Passes(
                    "calls/default-compliant",
                    &[
                        ("call/media-path-udp", PROVEN),
                        ("call/media-path-ice-tcp", PROVEN),
                        ("call/media-path-turn-udp", PROVEN),
                        ("call/media-path-turns", PROVEN),
                    ],
                ),
                Fails(
                    "calls/default-turn-name-routed-to-api",
                    &[("turn/turns-answers-binding", PROVEN)],
                ),
            ],
        ),
        proxy: ("–", CALLED_ONLY_OUTSIDE),
        machine: ("–", CALLED_ONLY_OUTSIDE),
    },
    Row {
        question: "Does all media use TURN?",
        internet: (
            "with credentials: no: proven; yes: no evidence against",
            &[
                Fails(
                    "calls/forced-turn-media-range-open",
                    &[("policy/media-only-through-turn", PROVEN)],
                ),
                Fails(
                    "calls/forced-turn-punched-out",
                    &[("policy/no-media-through-hole-punching", PROVEN)],
                ),
                Passes(
                    "calls/forced-turn-compliant",
                    &[
                        ("policy/media-only-through-turn", UNCONTRADICTED),
                        ("policy/no-media-through-hole-punching", UNCONTRADICTED),
                    ],
                ),
            ],
        ),
        proxy: ("–", CALLED_ONLY_OUTSIDE),
        machine: ("–", CALLED_ONLY_OUTSIDE),
    },
    Row {
        question: "Does each Media Node carry calls?",
        internet: (
            "proven, with credentials, of each one that got a call; the others are named",
            &[
                Passes("wild/nodes/elastic", &[("call/every-media-node-carries-calls", PROVEN)]),
                Open(
                    "wild/nodes/one-media-node-is-drained",
                    &[("call/every-media-node-carries-calls", UNSETTLED)],
                ),
            ],
        ),
        proxy: ("–", CALLED_ONLY_OUTSIDE),
        machine: ("–", CALLED_ONLY_OUTSIDE),
    },
    Row {
        question: "Which rule of the machine's firewall stops a port, which program has it, does the machine meet the prerequisites? ([`ovcheck host`](docs/host.md))",
        internet: ("–", KNOWN_BY_MACHINES),
        proxy: ("proven, of the proxy's machine", KNOWN_BY_MACHINES),
        machine: (
            "proven, of this machine",
            &[
                Trial("vantages/machines-know-what-their-own-firewalls-do"),
                Trial("vantages/a-fault-in-each-zone-is-named-by-recordings-and-over-ssh"),
                Test("scenarios/hosts.rs", "a_foreign_program_on_a_port_is_named"),
                Test("scenarios/hosts.rs", "too_little_of_anything_is_named"),
            ],
        ),
    },
    Row {
        question: "Which device drops a packet?",
        internet: (
            "cannot be known; with `ovcheck listen`: whether it is the machine itself",
            DROPS_BY_RESPONDERS,
        ),
        proxy: ("the same", DROPS_BY_RESPONDERS),
        machine: ("the same", DROPS_BY_RESPONDERS),
    },
    Row {
        question: "Is a port closed to *all* sources?",
        internet: (
            "cannot be known",
            &[Passes(
                "default/inner-port-open-to-another-machine",
                &[("ports/openvidu-tcp-7880", UNCONTRADICTED)],
            )],
        ),
        proxy: (
            "cannot be known",
            // It is open to the Master Node there.
            &[Passes(
                "elastic/compliant-seen-from-the-proxy",
                &[("ports/media-tcp-7880", UNCONTRADICTED)],
            )],
        ),
        machine: (
            "only by its own firewall, with `ovcheck host`",
            &[
                Trial("vantages/machines-know-what-their-own-firewalls-do"),
                Test(
                    "scenarios/hosts.rs",
                    "a_sender_that_is_accepted_beside_those_of_the_tables_is_named_and_accuses_nobody",
                ),
            ],
        ),
    },
];

const DROPPED_FROM_PROXY: &str =
    "default/udp-443-and-half-of-the-media-range-dropped-seen-from-the-proxy";
const DROPPED_FROM_MASTER: &str =
    "elastic/udp-443-and-half-of-the-media-range-dropped-seen-from-the-master-node";

const ASKED_ONLY_OUTSIDE: &[Shown] =
    &[Test(SCENARIOS, "whether_a_port_is_closed_to_the_internet_is_asked_only_from_there")];
const POLICY_ASKED_ONLY_OUTSIDE: &[Shown] =
    &[Test(SCENARIOS, "whether_a_policy_closes_ports_to_the_internet_is_asked_only_from_there")];
const CALLED_ONLY_OUTSIDE: &[Shown] = &[Test(SCENARIOS, "calls_are_made_only_from_the_internet")];

const OPEN_BY_RESPONDERS: &[Shown] = &[
    Trial("vantages/recordings-of-a-right-deployment-are-merged"),
    Trial("vantages/a-fault-in-each-zone-is-named-by-recordings-and-over-ssh"),
    Test("wire/responder.rs", "lists_are_true"),
];
const OPEN_BY_RESPONDERS_OUTSIDE: &[Shown] = &[
    OPEN_BY_RESPONDERS[0],
    OPEN_BY_RESPONDERS[1],
    OPEN_BY_RESPONDERS[2],
    // A network that lets UDP 443 alone not out looks the same.
    Test(
        "scenarios/responders.rs",
        "a_service_that_is_silent_behind_an_open_firewall_is_the_service",
    ),
];
const CLOSED_BY_RESPONDERS: &[Shown] = &[
    Trial("vantages/recordings-of-a-right-deployment-are-merged"),
    Test("scenarios/responders.rs", "an_inner_tcp_port_that_is_silent_is_proven_closed"),
];
const DROPS_BY_RESPONDERS: &[Shown] =
    &[Trial("vantages/only-a-responder-knows-who-drops-a-packet")];
const KNOWN_BY_MACHINES: &[Shown] = &[Trial("vantages/machines-know-what-their-own-firewalls-do")];

/// Where the program runs in the situations of a column.
#[derive(Debug, Clone, Copy)]
enum Column {
    Internet,
    Proxy,
    Machine,
}

impl Column {
    fn has(self, place: Place) -> bool {
        match self {
            Self::Internet => place == Place::Client,
            Self::Proxy => place == Place::Proxy,
            Self::Machine => {
                matches!(place, Place::Node | Place::Master1 | Place::Media1 | Place::Media2)
            }
        }
    }
}

/// Compares the table in the README with what shows its cells.
///
/// # Errors
/// Everything in which they differ: words, cells that nothing shows, tests that do not exist or do not say what
/// the cell needs.
pub fn compare(situations: &[&Situation]) -> Result<(), String> {
    let readme = fs::read_to_string(repository().join("README.md")).map_err(|e| e.to_string())?;
    let written = rows_of(&readme);
    let mut wrong: Vec<String> = Vec::new();
    let ours: Vec<[&str; 4]> = TABLE
        .iter()
        .map(|row| [row.question, row.internet.0, row.proxy.0, row.machine.0])
        .collect();
    let lacks = |these: &[[&str; 4]], row: &[&str; 4]| !these.contains(row);
    wrong.extend(
        written
            .iter()
            .filter(|it| lacks(&ours, it))
            .map(|it| format!("only in the README: {it:?}")),
    );
    wrong.extend(
        ours.iter().filter(|it| lacks(&written, it)).map(|it| format!("not in the README: {it:?}")),
    );
    for row in TABLE {
        let cells = [
            (Column::Internet, &row.internet),
            (Column::Proxy, &row.proxy),
            (Column::Machine, &row.machine),
        ];
        for (column, (_, shown)) in cells {
            if shown.is_empty() {
                wrong.push(format!("{}: nothing shows {column:?}", row.question));
            }
            let complaints = shown.iter().filter_map(|it| wrong_with(it, column, situations));
            wrong.extend(complaints.map(|it| format!("{} {column:?}: {it}", row.question)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn wrong_with(shown: &Shown, column: Column, situations: &[&Situation]) -> Option<String> {
    let (name, list, kind) = match shown {
        Passes(name, list) => (name, list, "passes"),
        Fails(name, list) => (name, list, "fails"),
        Open(name, list) => (name, list, "stays open"),
        Trial(name) => {
            let is_there = TRIALS.iter().any(|trial| trial.name == *name);
            return (!is_there).then(|| format!("there is no trial {name}"));
        }
        Test(file, function) => {
            let path = repository().join("tests").join(file);
            let text = fs::read_to_string(path).unwrap_or_default();
            let is_there = text.contains(&format!("fn {function}("));
            return (!is_there).then(|| format!("there is no test {function} in {file}"));
        }
    };
    // A name may be that of several.
    let named = || situations.iter().filter(|it| it.name == *name);
    if named().next().is_none() {
        return Some(format!("there is no situation {name}"));
    }
    let is_held = |pair: &(&str, &str)| {
        named().any(|it| {
            let lists = match shown {
                Passes(..) => [it.passes, it.works],
                Fails(..) => [it.errors, it.warnings],
                _ => [it.inconclusive, &[]],
            };
            column.has(it.stand.place()) && lists.iter().any(|list| list.contains(pair))
        })
    };
    let missing = list.iter().find(|pair| !is_held(pair));
    missing
        .map(|(rule, manner)| format!("{name} does not hold, from there: {rule} {kind}, {manner}"))
}

/// The rows of the table, without its head.
fn rows_of(readme: &str) -> Vec<[&str; 4]> {
    let (_, rest) = readme.split_once("## What can be known from where\n").unwrap_or_default();
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter_map(|cells| cells.try_into().ok()).collect()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
