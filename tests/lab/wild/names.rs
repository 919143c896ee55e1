//! DNS records and what an operator declares.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, Declared, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, UNSETTLED, VANTAGE_LIMIT,
};
use super::super::world::{LiveKit, Program, Speaks, Version, World};

/// The two names and nothing else are declared.
const NAMES: Situation =
    Situation { declared: Declared::Names, inconclusive: &[], fewest_passes: 8, ..DEFAULT };

/// The rule about where each of the two names points.
const DOMAIN: &str = "dns/domain-points-to-proxy";
const TURN_DOMAIN: &str = "dns/turn-domain-points-to-proxy";

/// A DNS server that answers otherwise than the laboratory's, see `fixtures/lab/wild/resolver.py`.
const fn resolver(arguments: &'static [&'static str]) -> Program {
    Program {
        name: "resolver",
        place: Place::Outside,
        program: "python3",
        arguments,
        files: &[],
        listens: &[("udp", 5300)],
    }
}

const VALIDATING: &[&str] = &["@FIXTURES@/wild/resolver.py", "5300", "validating"];
const LAME: &[&str] = &["@FIXTURES@/wild/resolver.py", "5300", "lame"];

/// A TURN server of another provider, named to participants beside the deployment's own.
fn name_another_turn_server(world: &mut World) {
    world.livekit = LiveKit {
        rtc: "  turn_servers: [{host: turn.other.example.io, port: 3478, protocol: udp, \
              username: u, credential: p}]",
        ..LiveKit::RIGHT
    };
}

/// What rests on names, beside what is always open.
const BUT_THE_NAMES: List = &[("*", UNSETTLED), ("ports/openvidu-udp-7885", VANTAGE_LIMIT)];

pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "wild/names/first-look-with-two-names",
        shows: &["No guide is set: 3.4 is the newest version that fits the server"],
        fewest_passes: 15,
        ..NAMES
    },
    Situation {
        name: "wild/names/first-look-at-the-newest-version",
        fault: |world| world.livekit.version = Version::Newest,
        shows: &["No guide is set: 3.9 is the newest version that fits the server"],
        fewest_passes: 15,
        ..NAMES
    },
    Situation {
        name: "wild/names/balancer-lists-a-dead-address",
        fault: |world| {
            world.records = Some(
                "openvidu CNAME lb-1.eu\nturn CNAME lb-1.eu\n\
                 lb-1.eu A 203.0.113.10\nlb-1.eu A 203.0.113.66",
            );
        },
        errors: &[(DOMAIN, SUSPECTED), (TURN_DOMAIN, SUSPECTED)],
        shows: &["every second attempt", "lb-1.eu.example.io", "take the address out"],
        hides: &["Nobody", "Open the port", "No user can open"],
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/one-dead-address-of-a-declared-proxy",
        fault: |world| {
            world.records = Some(
                "openvidu A 203.0.113.10\nopenvidu A 203.0.113.66\n\
                 turn A 203.0.113.10\nturn A 203.0.113.66",
            );
        },
        flags: &["--node=proxy=203.0.113.10,203.0.113.66", "--node=openvidu=203.0.113.20"],
        errors: &[(DOMAIN, SUSPECTED), (TURN_DOMAIN, SUSPECTED)],
        shows: &["every second attempt"],
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/wildcard-answers-for-the-turn-name",
        fault: |world| {
            world.records = Some("openvidu A 203.0.113.10\n* A 203.0.113.50");
        },
        inconclusive: DEFAULT.inconclusive,
        errors: &[(TURN_DOMAIN, PROVEN)],
        shows: &["*.example.io", "Add a record for turn.example.io"],
        hides: &["Replace the record"],
        fewest_passes: 20,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/wildcard-answers-for-the-turn-name-at-a-first-look",
        fault: |world| {
            world.records = Some("openvidu A 203.0.113.10\n* A 203.0.113.50");
        },
        errors: &[(TURN_DOMAIN, SUSPECTED)],
        shows: &[
            "another machine than openvidu.example.io (203.0.113.10)",
            "Add a record for turn.example.io",
        ],
        hides: &["Replace the record", "Open the port"],
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/two-names-lead-to-two-machines",
        fault: |world| {
            world.records = Some("openvidu A 203.0.113.10\nturn A 203.0.113.50");
        },
        errors: &[(TURN_DOMAIN, SUSPECTED)],
        shows: &["Both names must lead to the proxy"],
        hides: &["Open the port", "wildcard"],
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/wildcard-leads-both-names-to-the-proxy",
        fault: |world| world.records = Some("* A 203.0.113.10\n* AAAA 2001:db8:5::10"),
        fewest_passes: 15,
        ..NAMES
    },
    Situation {
        name: "wild/names/turn-name-is-a-cname-of-the-domain",
        fault: |world| {
            world.records =
                Some("openvidu A 203.0.113.10\nopenvidu AAAA 2001:db8:5::10\nturn CNAME openvidu");
        },
        ..DEFAULT
    },
    Situation {
        name: "wild/names/turn-name-is-a-cname-of-somebody-else-s",
        fault: |world| {
            world.records = Some(
                "openvidu A 203.0.113.10\nopenvidu AAAA 2001:db8:5::10\n\
                 turn CNAME edge.hosting\nedge.hosting A 203.0.113.50",
            );
        },
        errors: &[(TURN_DOMAIN, PROVEN)],
        shows: &["a CNAME record that leads to edge.hosting.example.io", "Change the CNAME record"],
        hides: &["Replace the record that"],
        fewest_passes: 20,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/signatures-do-not-validate",
        fault: |world| world.programs = vec![resolver(VALIDATING)],
        flags: &["--dns-server=192.0.2.53:5300"],
        errors: &[("dns/domain-resolves", PROVEN), ("dns/turn-domain-resolves", PROVEN)],
        shows: &[
            "DNSSEC validation fails",
            "203.0.113.10",
            "delv openvidu.example.io",
            "DS record",
        ],
        fewest_passes: 8,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/name-server-is-lame",
        fault: |world| world.programs = vec![resolver(LAME)],
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: &[
            ("dns/domain-resolves", UNSETTLED),
            ("dns/turn-domain-resolves", UNSETTLED),
            DEFAULT.inconclusive[0],
        ],
        hides: &["DNSSEC validation fails"],
        fewest_passes: 8,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/address-behind-a-carrier-s-nat",
        fault: |world| world.records = Some("openvidu A 100.72.13.5\nturn A 100.72.13.5"),
        warnings: &[("dns/addresses-are-public", PROVEN)],
        shows: &["RFC 6598", "order a public IPv4 address"],
        hides: &["Publish the public address of the proxy instead", "Open the port"],
        fewest_passes: 2,
        exit: 3,
        ..NAMES
    },
    Situation {
        name: "wild/names/address-made-up-by-a-proxy-program",
        fault: |world| world.records = Some("openvidu A 198.18.0.7\nturn A 198.18.0.8"),
        warnings: &[("dns/addresses-are-public", SUSPECTED)],
        shows: &["RFC 2544", "dig @1.1.1.1"],
        hides: &["Open the port"],
        fewest_passes: 2,
        exit: 3,
        ..NAMES
    },
    Situation {
        name: "wild/names/a-private-address-beside-the-public-one",
        fault: |world| {
            world.records = Some(
                "openvidu A 203.0.113.10\nopenvidu A 10.0.0.77\n\
                 turn A 203.0.113.10\nturn A 10.0.0.77",
            );
        },
        warnings: &[("dns/addresses-are-public", PROVEN)],
        shows: &["10.0.0.77", "RFC 1918"],
        hides: &["Open the port"],
        exit: 3,
        ..NAMES
    },
    Situation {
        name: "wild/names/ipv6-address-of-a-machine-that-is-gone",
        fault: |world| {
            world.domain[1] = "2001:db8:5::66";
            world.turn_domain[1] = "2001:db8:5::66";
        },
        errors: &[(DOMAIN, SUSPECTED), (TURN_DOMAIN, SUSPECTED)],
        inconclusive: &[("dns/families-agree", UNSETTLED)],
        shows: &["No user can connect over IPv6", "take the address out"],
        hides: &["Open the port", "every second attempt"],
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/only-ipv6",
        fault: |world| {
            world.records = Some("openvidu AAAA 2001:db8:5::10\nturn AAAA 2001:db8:5::10");
        },
        ..NAMES
    },
    Situation {
        name: "wild/names/cname-records-in-a-circle",
        fault: |world| world.records = Some("openvidu CNAME turn\nturn CNAME openvidu"),
        // This name server answers SERVFAIL, as most resolvers do.
        errors: &[("dns/domain-resolves", PROVEN), ("dns/turn-domain-resolves", PROVEN)],
        shows: &["form a loop", "dig CNAME openvidu.example.io"],
        hides: &["DNSSEC validation fails"],
        fewest_passes: 1,
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/no-ipv6-address-is-declared",
        declared: Declared::Names,
        flags: &[
            "--node=proxy=203.0.113.10",
            "--node=openvidu=203.0.113.20",
            "--policy=forced-turn",
            "--sweep=openvidu",
        ],
        inconclusive: &[
            (DOMAIN, UNSETTLED),
            (TURN_DOMAIN, UNSETTLED),
            ("dns/families-agree", UNSETTLED),
        ],
        shows: &["--node proxy=203.0.113.10,2001:db8:5::10", "remove the AAAA record"],
        hides: &["IN AAAA 203.0.113.10", "Nobody gets media"],
        exit: 3,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/names/proxy-and-openvidu-are-declared-the-other-way-round",
        flags: &["--node=proxy=203.0.113.20", "--node=openvidu=203.0.113.10"],
        errors: &[(DOMAIN, SUSPECTED), (TURN_DOMAIN, SUSPECTED)],
        inconclusive: &[(DOMAIN, UNSETTLED), (TURN_DOMAIN, UNSETTLED)],
        shows: &["are --node proxy and --node openvidu swapped?", "Compare the declaration"],
        hides: &["close 7881", "Close the port"],
        fewest_passes: 4,
        exit: 1,
        ..NAMES
    },
    Situation {
        name: "wild/names/the-other-way-round-under-forced-turn",
        declared: Declared::Names,
        flags: &[
            "--node=proxy=203.0.113.20",
            "--node=openvidu=203.0.113.10",
            "--policy=forced-turn",
        ],
        errors: &[(DOMAIN, SUSPECTED), (TURN_DOMAIN, SUSPECTED)],
        inconclusive: &[
            (DOMAIN, UNSETTLED),
            (TURN_DOMAIN, UNSETTLED),
            ("policy/turns-works", UNSETTLED),
        ],
        shows: &["are --node proxy and --node openvidu swapped?"],
        hides: &["Users get no media"],
        fewest_passes: 4,
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/names/private-addresses-are-declared-as-public",
        flags: &["--node=proxy=10.0.0.110", "--node=openvidu=10.0.0.120"],
        inconclusive: &[(DOMAIN, UNSETTLED), (TURN_DOMAIN, UNSETTLED)],
        shows: &["--private-address proxy=10.0.0.110", "--node proxy=203.0.113.10"],
        hides: &["IN A 10.0.0.110", "IN AAAA 10.0.0.110"],
        exit: 3,
        ..NAMES
    },
    Situation {
        name: "wild/names/the-names-are-declared-the-other-way-round",
        declared: Declared::FileWithNamesSwapped,
        errors: &[("signal/api-answers", SUSPECTED)],
        shows: &[
            "are the two names swapped?",
            "--domain-name openvidu.example.io --turn-domain-name turn.example.io",
        ],
        hides: &["certbot"],
        fewest_passes: 20,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/nobody-declared-the-openvidu-machine",
        fault: |world| world.node().otherwise = "accept",
        flags: &["--min-coverage=1"],
        shows: &["the ports of the OpenVidu machine"],
        hides: &["PASS"],
        exit: 3,
        ..NAMES
    },
    Situation {
        name: "wild/names/a-database-is-open-to-the-internet",
        fault: |world| {
            world.serve(Speaks::MongoDb, 20000);
            world.open("tcp dport 20000 accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-turn-server-of-another-provider",
        fault: name_another_turn_server,
        caller: Some(Caller::OPERATOR),
        warnings: &[
            ("call/turn-servers-are-right", PROVEN),
            ("turn/refuses-foreign-peers", PROVEN),
        ],
        hides: &["get no relay", "see and hear nothing"],
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-turn-server-of-another-provider-under-forced-turn",
        fault: name_another_turn_server,
        caller: Some(Caller::OPERATOR),
        errors: &[
            ("call/turn-servers-are-right", PROVEN),
            ("policy/no-media-through-hole-punching", PROVEN),
        ],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        shows: &["turn.other.example.io"],
        hides: &["get no relay"],
        exit: 1,
        ..FORCED_TURN
    },
    // --- who is to be believed -----------------------------------------------------------------
    Situation {
        name: "wild/names/the-resolver-has-an-old-address",
        fault: |world| world.programs = vec![dnsmasq(STALE)],
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["openvidu.example.io: 203.0.113.66 here, 203.0.113.10", "time to live"],
        hides: &["Replace the record", "Open the port", "IN A 203.0.113.10"],
        fewest_passes: 8,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-filter-answers-with-nothing",
        fault: |world| world.programs = vec![dnsmasq(FILTER)],
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["so do DNS filters"],
        hides: &["Replace the record", "Publish the public address"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-filter-denies-the-name",
        fault: |world| world.programs = vec![dnsmasq(DENIES)],
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["a DNS filter of this network"],
        hides: &["add the name to its zone", "Give the name an address"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/the-office-has-names-of-its-own",
        fault: |world| world.programs = vec![dnsmasq(SPLIT)],
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["split-horizon", "openvidu.example.io: 10.0.0.110 here"],
        hides: &["Replace the record", "Publish the public address"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-router-removes-private-addresses",
        fault: |world| {
            world.records = Some("openvidu A 10.0.0.110\nturn A 10.0.0.110");
            world.programs = vec![dnsmasq(STOP_REBIND)];
        },
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["DNS rebinding protection", "10.0.0.110"],
        hides: &["add the name to its zone"],
        fewest_passes: 0,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/a-login-answers-every-name",
        fault: |world| {
            world.programs = vec![dnsmasq(EVERYTHING)];
            world.router().forwarded = "iifname client udp dport 53 ip daddr != 192.0.2.53 drop";
        },
        flags: &["--dns-server=192.0.2.53:5300"],
        inconclusive: BUT_THE_NAMES,
        shows: &["for a name that cannot exist", "captive portal"],
        hides: &["Replace the record", "Add a record"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/names/the-name-servers-contradict-each-other",
        fault: |world| {
            world.records = Some(TWO_NAME_SERVERS);
            world.programs = vec![OLD_SECONDARY, dnsmasq(STALE_BY_SECONDARY)];
        },
        flags: &["--dns-server=192.0.2.53:5300"],
        errors: &[(DOMAIN, PROVEN), (TURN_DOMAIN, PROVEN)],
        inconclusive: BUT_THE_NAMES,
        shows: &[
            "the name servers of the zone contradict each other",
            "ns2.example.io has 203.0.113.66",
            "secondary",
        ],
        hides: &["Replace the record"],
        fewest_passes: 8,
        exit: 1,
        ..DEFAULT
    },
];

/// A real caching DNS server that was taught something.
const fn dnsmasq(arguments: &'static [&'static str]) -> Program {
    Program {
        name: "dnsmasq",
        place: Place::Outside,
        program: "dnsmasq",
        arguments,
        files: &[],
        listens: &[("udp", 5300)],
    }
}

/// The command line of dnsmasq, with what is different.
macro_rules! dnsmasq {
    ($($argument:literal),*) => {
        &[
            "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--port=5300", "--listen-address=192.0.2.53", "--bind-interfaces", "--user=root",
            "--pid-file=", "--server=192.0.2.53", $($argument),*
        ]
    };
}

const STALE: &[&str] = dnsmasq!(
    "--address=/openvidu.example.io/203.0.113.66",
    "--address=/turn.example.io/203.0.113.66"
);
const FILTER: &[&str] =
    dnsmasq!("--address=/openvidu.example.io/0.0.0.0", "--address=/turn.example.io/0.0.0.0");
const DENIES: &[&str] = dnsmasq!("--address=/openvidu.example.io/", "--address=/turn.example.io/");
const SPLIT: &[&str] =
    dnsmasq!("--address=/openvidu.example.io/10.0.0.110", "--address=/turn.example.io/10.0.0.110");
const STOP_REBIND: &[&str] = dnsmasq!("--stop-dns-rebind");
const EVERYTHING: &[&str] = dnsmasq!("--address=/#/198.51.100.1");
/// It asks the one that is old.
const STALE_BY_SECONDARY: &[&str] = dnsmasq!("--server=/example.io/192.0.2.80");

const TWO_NAME_SERVERS: &str = "@ NS ns2.example.io.\nns2 A 192.0.2.80\n\
     openvidu A 203.0.113.10\nopenvidu AAAA 2001:db8:5::10\n\
     turn A 203.0.113.10\nturn AAAA 2001:db8:5::10";

/// A secondary server that fetches the zone no longer.
const OLD_SECONDARY: Program = Program {
    name: "old-secondary",
    place: Place::Cdn,
    program: "named",
    arguments: &["-g", "-4", "-c", "@DIR@/old-secondary.conf"],
    files: &[
        (
            "old-secondary.conf",
            "options { directory \"@DIR@\"; pid-file none; session-keyfile \"@DIR@/old-session.key\";
managed-keys-directory \"@DIR@\"; listen-on { 192.0.2.80; }; listen-on-v6 { none; };
recursion no; dnssec-validation no; notify no; };
controls { };
zone \"example.io\" { type primary; file \"old.zone\"; };",
        ),
        (
            "old.zone",
            "$TTL 60
@ SOA ns.example.io. hostmaster.example.io. 1 3600 600 86400 60
@ NS ns.example.io.
@ NS ns2.example.io.
ns A 192.0.2.53
ns2 A 192.0.2.80
stun A 192.0.2.53
openvidu A 203.0.113.66
turn A 203.0.113.66
",
        ),
    ],
    listens: &[("udp", 53)],
};
