//! The situations of an Elastic deployment: a Master Node and two Media Nodes behind the proxy.

use super::cluster::{Role, Source, Topology, tcp, udp};
use super::network::Place;
use super::situations::{
    DEFAULT, EVERYBODY_SEES, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, Stand,
    UNCONTRADICTED, UNSETTLED, VANTAGE_LIMIT,
};
use super::world::{Peer, Speaks, World};

/// A right deployment under the default policy, seen from the internet.
const ELASTIC: Situation = Situation {
    name: "elastic/compliant",
    topology: Topology::Elastic,
    inconclusive: WHIP_PORT_IS_SILENT,
    ..DEFAULT
};

/// A right deployment with everything forced through TURN, seen from the internet.
const ELASTIC_FORCED: Situation =
    Situation { name: "elastic-forced-turn/compliant", topology: Topology::Elastic, ..FORCED_TURN };

/// A machine that is off: nobody can tell it from an address that is wrong.
const MEDIA_2_IS_OFF: Situation = Situation {
    inconclusive: &[
        ("ports/media-tcp-1935", UNSETTLED),
        ("ports/media-tcp-5349", UNSETTLED),
        ("ports/media-tcp-7880", UNSETTLED),
        ("ports/media-tcp-7881", UNSETTLED),
        ("ports/media-tcp-8080", UNSETTLED),
        ("ports/media-udp-443", UNSETTLED),
        ("ports/media-udp-50000-60000", UNSETTLED),
        ("ports/media-udp-7885", UNSETTLED),
        ("ports/media-udp-7885", VANTAGE_LIMIT),
        ("ports/minio-buckets-need-login", UNSETTLED),
        ("ports/mongodb-needs-login", UNSETTLED),
        ("ports/redis-needs-password", UNSETTLED),
        ("ports/undocumented-closed", UNSETTLED),
    ],
    shows: &["media-2: nothing at 203.0.113.22", "is the machine running"],
    exit: 3,
    ..ELASTIC
};

/// And the Master Node sends nothing to it.
const MEDIA_2_IS_OFF_AND_PASSED_OVER: Situation = Situation {
    fault: |world| {
        let cluster = world.cluster();
        cluster.wall(Place::Media2).first = "drop";
        cluster.passed_over.push(Place::Media2);
    },
    ..MEDIA_2_IS_OFF
};

/// What listens on UDP 7885 answers nobody without credentials: open and closed look the same.
const WHIP_PORT_IS_SILENT: List = &[("ports/media-udp-7885", VANTAGE_LIMIT)];

const PROXY: Source = Source::Roles(&[Role::Proxy]);

/// As the guide's Elastic table says, and as no configuration of the guide's proxy works.
fn open_1935_instead_of_1945(world: &mut World) {
    let master = world.cluster().wall(Place::Master1);
    master.close("1945");
    master.open(tcp("1935", PROXY));
}

pub const SITUATIONS: &[Situation] = &[
    // --- right deployments ---------------------------------------------------------------------
    ELASTIC,
    Situation {
        name: "elastic/compliant-seen-from-the-proxy",
        stand: Stand::Proxy,
        passes: &[
            ("ports/master-tcp-7000", UNCONTRADICTED),
            ("ports/master-tcp-7880", PROVEN),
            ("ports/media-tcp-7880", UNCONTRADICTED),
            ("ports/media-udp-443", PROVEN),
            ("ports/media-udp-50000-60000", UNCONTRADICTED),
        ],
        works: EVERYBODY_SEES,
        ..ELASTIC
    },
    Situation {
        name: "elastic/compliant-seen-from-the-master-node",
        stand: Stand::Master,
        passes: &[
            ("ports/media-tcp-7880", PROVEN),
            ("ports/media-udp-443", PROVEN),
            ("ports/media-udp-50000-60000", UNCONTRADICTED),
        ],
        works: EVERYBODY_SEES,
        ..ELASTIC
    },
    Situation {
        name: "elastic/compliant-seen-from-a-media-node",
        stand: Stand::Media,
        passes: &[
            ("ports/master-tcp-3100", UNCONTRADICTED),
            ("ports/master-tcp-7000", PROVEN),
            ("ports/media-tcp-7880", UNCONTRADICTED),
            ("ports/media-udp-443", PROVEN),
            ("ports/media-udp-50000-60000", UNCONTRADICTED),
        ],
        works: EVERYBODY_SEES,
        ..ELASTIC
    },
    ELASTIC_FORCED,
    Situation {
        name: "elastic-forced-turn/compliant-seen-from-the-master-node",
        stand: Stand::Master,
        ..ELASTIC_FORCED
    },
    Situation {
        name: "elastic-forced-turn/compliant-seen-from-a-media-node",
        stand: Stand::SecondMedia,
        ..ELASTIC_FORCED
    },
    // The other Media Node still remembers how many ICMP errors it has sent here.
    Situation {
        name: "elastic-forced-turn/compliant-asked-twice-from-a-media-node",
        stand: Stand::MediaTwice,
        ..ELASTIC_FORCED
    },
    // --- one of two Media Nodes ----------------------------------------------------------------
    Situation {
        name: "elastic/udp-443-blocked-on-one-media-node",
        fault: |world| world.cluster().wall(Place::Media2).first = "udp dport 443 drop",
        errors: &[("ports/media-udp-443", PROVEN)],
        inconclusive: &[
            ("ports/media-udp-443", VANTAGE_LIMIT),
            ("ports/media-udp-7885", VANTAGE_LIMIT),
        ],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic/udp-443-and-half-of-the-media-range-dropped-seen-from-the-master-node",
        fault: |world| {
            world.cluster().wall(Place::Media2).first = "udp dport { 443, 55001-60000 } drop";
        },
        stand: Stand::Master,
        errors: &[("ports/media-udp-443", PROVEN), ("ports/media-udp-50000-60000", SUSPECTED)],
        exit: 1,
        ..ELASTIC
    },
    Situation {
        name: "elastic/upper-half-of-media-range-blocked-on-one-media-node",
        fault: |world| world.cluster().wall(Place::Media2).first = "udp dport 55001-60000 drop",
        errors: &[("ports/media-udp-50000-60000", SUSPECTED)],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic-forced-turn/one-port-open-on-one-media-node",
        fault: |world| {
            let media = world.cluster().wall(Place::Media2);
            media.open(udp("54321", Source::Anywhere));
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        is_mended: true,
        ..ELASTIC_FORCED
    },
    // --- one of two Media Nodes is dead --------------------------------------------------------
    Situation { name: "elastic/one-media-node-is-off", ..MEDIA_2_IS_OFF_AND_PASSED_OVER },
    // Every second connection is sent to it: which, is chance.
    Situation {
        name: "elastic/one-media-node-is-off-and-still-gets-connections",
        fault: |world| world.cluster().wall(Place::Media2).first = "drop",
        errors: &[("*", PROVEN), ("*", SUSPECTED)],
        warnings: &[("*", PROVEN), ("*", SUSPECTED)],
        inconclusive: &[("*", UNSETTLED), ("ports/media-udp-7885", VANTAGE_LIMIT)],
        hides: &["large packets are lost", "probably blocks this machine"],
        exit: 1,
        ..MEDIA_2_IS_OFF
    },
    Situation {
        name: "elastic/one-media-node-is-off-seen-from-the-master-node",
        stand: Stand::Master,
        inconclusive: &[
            ("ports/media-tcp-1935", UNSETTLED),
            ("ports/media-tcp-5349", UNSETTLED),
            ("ports/media-tcp-7880", UNSETTLED),
            ("ports/media-tcp-7881", UNSETTLED),
            ("ports/media-tcp-8080", UNSETTLED),
            ("ports/media-udp-443", UNSETTLED),
            ("ports/media-udp-50000-60000", UNSETTLED),
            ("ports/media-udp-7885", UNSETTLED),
            ("ports/media-udp-7885", VANTAGE_LIMIT),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
        ],
        shows: &[
            "media-2: nothing at 10.0.0.22 responds",
            "is the machine running",
            "ping -c 3 10.0.0.22",
        ],
        fewest_passes: 20,
        ..MEDIA_2_IS_OFF_AND_PASSED_OVER
    },
    Situation {
        name: "elastic/livekit-is-stopped-on-one-media-node",
        fault: |world| world.cluster().without_livekit.push(Place::Media2),
        errors: &[("ports/media-tcp-7881", PROVEN), ("ports/media-udp-443", PROVEN)],
        shows: &["also fails because of this: ports/media-udp-443", "systemctl status openvidu"],
        exit: 1,
        ..ELASTIC
    },
    Situation {
        name: "elastic/livekit-is-stopped-on-one-media-node-seen-from-the-master-node",
        fault: |world| world.cluster().without_livekit.push(Place::Media2),
        stand: Stand::Master,
        errors: &[
            ("ports/media-tcp-5349", PROVEN),
            ("ports/media-tcp-7880", PROVEN),
            ("ports/media-tcp-7881", PROVEN),
            ("ports/media-udp-443", PROVEN),
        ],
        // What else fails because of it is shown only if the machine had an ICMP error left to send to
        // this one.
        exit: 1,
        ..ELASTIC
    },
    // --- open to the internet ------------------------------------------------------------------
    Situation {
        name: "elastic/redis-of-the-master-open-to-the-internet",
        fault: |world| {
            world.cluster().wall(Place::Master1).narrow("7000", Source::Anywhere);
        },
        errors: &[("ports/master-tcp-7000", PROVEN)],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic/mongodb-open-to-the-internet",
        fault: |world| {
            world.cluster().wall(Place::Master1).narrow("20000", Source::Anywhere);
        },
        errors: &[("ports/master-tcp-20000", PROVEN)],
        exit: 1,
        ..ELASTIC
    },
    // As templates for a cloud have it that were shipped for years.
    Situation {
        name: "elastic/api-of-the-media-nodes-open-to-the-internet",
        fault: |world| {
            for place in [Place::Media1, Place::Media2] {
                world.cluster().wall(place).narrow("7880", Source::Anywhere);
            }
        },
        errors: &[("ports/media-tcp-7880", PROVEN)],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic/no-firewall-on-the-master",
        fault: |world| world.cluster().wall(Place::Master1).otherwise = "accept",
        errors: &[
            ("ports/master-tcp-1945", PROVEN),
            ("ports/master-tcp-20000", PROVEN),
            ("ports/master-tcp-3100", PROVEN),
            ("ports/master-tcp-5349", PROVEN),
            ("ports/master-tcp-6080", PROVEN),
            ("ports/master-tcp-7000", PROVEN),
            ("ports/master-tcp-7880", PROVEN),
            ("ports/master-tcp-9009", PROVEN),
            ("ports/master-tcp-9100", PROVEN),
        ],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    // --- open and closed among the machines ----------------------------------------------------
    Situation {
        name: "elastic/redis-of-the-master-closed-to-one-media-node",
        fault: |world| {
            let master = world.cluster().wall(Place::Master1);
            master.narrow("7000", Source::Machine(Place::Media1));
        },
        stand: Stand::SecondMedia,
        errors: &[("ports/master-tcp-7000", PROVEN)],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic/rtmp-opened-at-1935-as-the-table-says-seen-from-the-proxy",
        fault: open_1935_instead_of_1945,
        stand: Stand::Proxy,
        errors: &[("ports/master-tcp-1945", PROVEN), ("rtmp/rtmps-handshakes", PROVEN)],
        exit: 1,
        is_mended: true,
        ..ELASTIC
    },
    Situation {
        name: "elastic/rtmp-opened-at-1935-as-the-table-says",
        fault: open_1935_instead_of_1945,
        errors: &[("rtmp/rtmps-handshakes", PROVEN)],
        exit: 1,
        ..ELASTIC
    },
    Situation {
        name: "elastic/rtmp-opened-at-1935-as-the-table-says-and-the-rest-reset",
        fault: |world| {
            open_1935_instead_of_1945(world);
            let master = world.cluster().wall(Place::Master1);
            master.otherwise = "meta l4proto tcp reject with tcp reset";
        },
        errors: &[("rtmp/rtmps-handshakes", PROVEN)],
        exit: 1,
        ..ELASTIC
    },
    // The table of 3.2 forgets it, and Ingress, Egress and agents need it: neither is a violation.
    Situation {
        name: "elastic/api-of-the-master-open-to-media-nodes",
        fault: |world| {
            let master = world.cluster().wall(Place::Master1);
            master.open(tcp("7880", Source::Roles(&[Role::Media])));
        },
        stand: Stand::Media,
        ..ELASTIC
    },
    Situation {
        name: "elastic/api-of-the-master-closed-to-media-nodes-in-3.6",
        flags: &["--guide", "3.6", "--enabled-modules", "observability"],
        stand: Stand::Media,
        errors: &[("ports/master-tcp-7880", PROVEN)],
        // The laboratory's LiveKit is that of 3.2.
        warnings: &[("ruleset/edition-matches", SUSPECTED)],
        exit: 1,
        ..ELASTIC
    },
    Situation {
        name: "elastic/module-not-enabled-and-its-port-open",
        fault: |world| {
            world.peers.push(Peer { place: Place::Master1, speaks: Speaks::Http, port: 4443 });
            let master = world.cluster().wall(Place::Master1);
            master.open(tcp("4443", Source::Roles(&[Role::Media])));
        },
        stand: Stand::Media,
        warnings: &[("ports/master-tcp-4443", PROVEN)],
        ..ELASTIC
    },
    // No row lets the proxy go around the Master Node.
    Situation {
        name: "elastic/api-of-a-media-node-open-to-the-proxy",
        fault: |world| world.cluster().wall(Place::Media1).open(tcp("7880", PROXY)),
        stand: Stand::Proxy,
        warnings: &[("ports/media-tcp-7880", PROVEN)],
        ..ELASTIC
    },
    Situation {
        name: "elastic-forced-turn/relay-blocked-between-media-nodes",
        fault: |world| world.cluster().wall(Place::Media2).close("50000-60000"),
        stand: Stand::Media,
        errors: &[("policy/media-range-open-inside", SUSPECTED)],
        exit: 1,
        is_mended: true,
        ..ELASTIC_FORCED
    },
];
