//! An Elastic or High Availability deployment: its machines, and their firewalls as the tables of
//! the guide (edition 3.2) have them, row by row, until a situation changes one.

use super::deployment::Policy;
use super::network::Place;
use super::world::LiveKit;

/// A machine of the laboratory's Elastic or High Availability deployment.
pub struct Machine {
    pub place: Place,
    pub role: Role,
    pub public: [&'static str; 2],
    /// By which the machines of the deployment know each other.
    pub private: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Proxy,
    Master,
    Media,
}

/// In the order of the deployment file.
pub const MACHINES: [Machine; 5] = [
    Machine {
        place: Place::Proxy,
        role: Role::Proxy,
        public: super::network::PROXY,
        private: "10.0.0.10",
    },
    Machine {
        place: Place::Master1,
        role: Role::Master,
        public: ["203.0.113.11", "2001:db8:5::11"],
        private: "10.0.0.11",
    },
    Machine {
        place: Place::Master2,
        role: Role::Master,
        public: ["203.0.113.12", "2001:db8:5::12"],
        private: "10.0.0.12",
    },
    Machine {
        place: Place::Media1,
        role: Role::Media,
        public: ["203.0.113.21", "2001:db8:5::21"],
        private: "10.0.0.21",
    },
    Machine {
        place: Place::Media2,
        role: Role::Media,
        public: ["203.0.113.22", "2001:db8:5::22"],
        private: "10.0.0.22",
    },
];

/// Which machines a deployment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    SingleNode,
    /// A Master Node and two Media Nodes.
    Elastic,
    /// Two Master Nodes and two Media Nodes; the proxy balances between the masters.
    HighAvailability,
}

impl Topology {
    /// Those besides the OpenVidu machine of a Single Node deployment.
    pub fn machines(self) -> impl Iterator<Item = &'static Machine> {
        MACHINES.iter().filter(move |machine| match self {
            Self::SingleNode => false,
            Self::Elastic => machine.place != Place::Master2,
            Self::HighAvailability => true,
        })
    }
}

/// Whom a row lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Anywhere,
    Roles(&'static [Role]),
    Machine(Place),
}

/// A row of a firewall's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub transport: &'static str,
    pub ports: &'static str,
    pub from: Source,
}

/// The firewall of one machine.
#[derive(Debug, Clone)]
pub struct Wall {
    pub place: Place,
    /// Statements of nftables before everything else.
    pub first: &'static str,
    pub rows: Vec<Row>,
    /// What happens to the rest.
    pub otherwise: &'static str,
}

const MEDIA: Source = Source::Roles(&[Role::Media]);
const MASTERS: Source = Source::Roles(&[Role::Master]);
const BOTH: Source = Source::Roles(&[Role::Master, Role::Media]);

pub const fn tcp(ports: &'static str, from: Source) -> Row {
    Row { transport: "tcp", ports, from }
}

pub const fn udp(ports: &'static str, from: Source) -> Row {
    Row { transport: "udp", ports, from }
}

/// What the proxy reaches on every Master Node. The Elastic table says 1935 where 1945 is right.
const FROM_PROXY: [Row; 3] = [
    tcp("7880", Source::Roles(&[Role::Proxy])),
    tcp("1945", Source::Roles(&[Role::Proxy])),
    tcp("5349", Source::Roles(&[Role::Proxy])),
];

/// Elastic, Master Node, with the modules `observability` and `app`.
const ELASTIC_MASTER: [Row; 6] = [
    tcp("6080", MEDIA),
    tcp("3100", MEDIA),
    tcp("9009", MEDIA),
    tcp("7000", MEDIA),
    tcp("9100", MEDIA),
    tcp("20000", MEDIA),
];

/// High Availability, Master Nodes, with the same modules.
const HIGH_AVAILABILITY_MASTER: [Row; 11] = [
    tcp("3000", MASTERS),
    tcp("5000", MASTERS),
    tcp("9101", MASTERS),
    tcp("7946-7947", MASTERS),
    tcp("9095-9096", MASTERS),
    tcp("3100", MEDIA),
    tcp("9009", MEDIA),
    tcp("6080", BOTH),
    tcp("7000-7001", BOTH),
    tcp("9100", BOTH),
    tcp("20000", BOTH),
];

/// Media Nodes of both.
const MEDIA_NODE: [Row; 8] = [
    udp("443", Source::Anywhere),
    tcp("7881", Source::Anywhere),
    udp("7885", Source::Anywhere),
    udp("50000-60000", Source::Anywhere),
    tcp("1935", MASTERS),
    tcp("5349", MASTERS),
    tcp("7880", MASTERS),
    tcp("8080", MASTERS),
];

/// The same with everything forced through TURN, and without WHIP: the TURN server of each node
/// sends to the media ports of all.
const MEDIA_NODE_FORCED_TURN: [Row; 4] =
    [udp("50000-60000", MEDIA), tcp("1935", MASTERS), tcp("5349", MASTERS), tcp("7880", MASTERS)];

/// What is different about a deployment of several machines.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub topology: Topology,
    /// The Media Nodes on which LiveKit does not run.
    pub without_livekit: Vec<Place>,
    /// The Media Nodes to which the Master Nodes forward nothing, because they know that they are
    /// dead.
    pub passed_over: Vec<Place>,
    /// Whether the servers of the Media Nodes know each other, by the Redis of the first Master Node: then
    /// each of them lets participants into rooms on all of them.
    pub shares_redis: bool,
    /// The servers that are not as they should be.
    pub livekits: Vec<(Place, LiveKit)>,
    walls: Vec<Wall>,
}

impl Cluster {
    /// The guide's deployment; `None` for Single Node.
    pub fn of(topology: Topology, policy: Policy) -> Option<Self> {
        let inner_rows: &[Row] = match topology {
            Topology::SingleNode => return None,
            Topology::Elastic => &ELASTIC_MASTER,
            Topology::HighAvailability => &HIGH_AVAILABILITY_MASTER,
        };
        let media_rows: &[Row] = match policy {
            Policy::Default => &MEDIA_NODE,
            Policy::ForcedTurn => &MEDIA_NODE_FORCED_TURN,
        };
        let walls = topology.machines().filter_map(|machine| {
            let rows = match machine.role {
                // It has its firewall in every topology.
                Role::Proxy => return None,
                Role::Master => [&FROM_PROXY, inner_rows].concat(),
                Role::Media => media_rows.to_vec(),
            };
            Some(Wall { place: machine.place, first: "", rows, otherwise: "drop" })
        });
        Some(Self {
            topology,
            without_livekit: Vec::new(),
            passed_over: Vec::new(),
            shares_redis: false,
            livekits: Vec::new(),
            walls: walls.collect(),
        })
    }

    /// The private addresses of the machines to which the proxy sends.
    pub fn backends(&self) -> Vec<&'static str> {
        let machines = self.topology.machines();
        machines
            .filter(|machine| machine.role == Role::Master)
            .map(|machine| machine.private)
            .collect()
    }

    /// The server of a Media Node.
    pub fn livekit(&self, place: Place) -> LiveKit {
        let mut other = self.livekits.iter();
        other.find(|(at, _)| *at == place).map_or(LiveKit::RIGHT, |(_, livekit)| *livekit)
    }

    /// The firewall of a machine.
    pub fn wall(&mut self, place: Place) -> &mut Wall {
        let mut walls = self.walls.iter_mut();
        walls.find(|wall| wall.place == place).expect("the machine is part of this deployment")
    }

    /// The firewalls, each as statements of nftables: what comes first, the rows, the rest.
    pub fn statements(&self) -> impl Iterator<Item = (Place, [String; 3])> {
        self.walls.iter().map(|wall| {
            let rows = wall.rows.iter().map(|row| self.statement(row));
            let rows: Vec<String> = rows.collect();
            let parts = [wall.first.to_owned(), rows.join("\n        "), wall.otherwise.to_owned()];
            (wall.place, parts)
        })
    }

    fn statement(&self, row: &Row) -> String {
        let (transport, ports) = (row.transport, row.ports);
        let machines = self.topology.machines();
        let sources: Vec<&str> = machines
            .filter(|machine| match row.from {
                Source::Anywhere => false,
                Source::Roles(roles) => roles.contains(&machine.role),
                Source::Machine(place) => machine.place == place,
            })
            .map(|machine| machine.private)
            .collect();
        match row.from {
            Source::Anywhere => format!("{transport} dport {ports} accept"),
            Source::Roles(_) | Source::Machine(_) => {
                format!("ip saddr {{ {} }} {transport} dport {ports} accept", sources.join(", "))
            }
        }
    }
}

impl Wall {
    /// Opens what no row of the guide opens.
    pub fn open(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Takes out the row of these ports.
    pub fn close(&mut self, ports: &str) {
        let rows = self.rows.len();
        self.rows.retain(|row| row.ports != ports);
        assert_eq!(self.rows.len() + 1, rows, "one row for {ports}");
    }

    /// Lets in somebody else than the row of these ports does.
    pub fn narrow(&mut self, ports: &str, from: Source) {
        let mut rows = self.rows.iter_mut();
        let row = rows.find(|row| row.ports == ports);
        row.expect("a row has these ports").from = from;
    }
}
