//! What is declared, and where we stand.

use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Modules, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::name::NodeName;
use ovcheck::model::target::Family;
use ovcheck::model::vantage::Zone;
use proptest::prelude::*;

use crate::support::deployments::{node, undeclared};

/// What is declared, and where we stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub machine: Machine,
    pub place: Place,
    pub edition: Edition,
    pub policy: Policy,
    pub family: Family,
    pub engine: RtcEngine,
    pub uses: Declared,
}

/// Which machine is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Openvidu,
    Media,
    Master,
    /// One of several Master Nodes: High Availability.
    OneMaster,
}

/// Where we stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Outside,
    Proxy,
    /// On another machine that is a Master Node.
    Master,
    /// On another machine that is a Media Node.
    Media,
    /// On the machine that is looked at.
    Itself,
}

/// What is said of optional rows and of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    AllInUse,
    NoneInUse,
    Unsaid,
}

impl Machine {
    pub const ALL: [Self; 4] = [Self::Openvidu, Self::Media, Self::Master, Self::OneMaster];

    fn topology(self) -> Topology {
        match self {
            Self::Openvidu => Topology::SingleNode,
            Self::Media | Self::Master => Topology::Elastic,
            Self::OneMaster => Topology::HighAvailability,
        }
    }

    fn role(self) -> NodeRole {
        match self {
            Self::Openvidu => NodeRole::Openvidu,
            Self::Media => NodeRole::Media,
            Self::Master | Self::OneMaster => NodeRole::Master,
        }
    }

    fn places(self) -> &'static [Place] {
        match self {
            Self::Openvidu => &[Place::Outside, Place::Proxy, Place::Itself],
            Self::Media => {
                &[Place::Outside, Place::Proxy, Place::Master, Place::Media, Place::Itself]
            }
            Self::Master => &[Place::Outside, Place::Proxy, Place::Media, Place::Itself],
            Self::OneMaster => &[Place::Outside, Place::Proxy, Place::Master, Place::Media],
        }
    }

    /// No row of a Master Node asks which engine is used.
    fn engines(self) -> &'static [RtcEngine] {
        match self {
            Self::Openvidu | Self::Media => &[RtcEngine::Pion, RtcEngine::Mediasoup],
            Self::Master | Self::OneMaster => &[RtcEngine::Pion],
        }
    }
}

impl Setting {
    /// Every setting of a machine.
    pub fn all(machine: Machine) -> Vec<Self> {
        let mut all = Vec::new();
        for edition in [Edition::V3_2, Edition::V3_9] {
            for policy in edition.policies() {
                for place in machine.places() {
                    for family in Family::BOTH {
                        for engine in machine.engines() {
                            for uses in [Declared::AllInUse, Declared::NoneInUse, Declared::Unsaid]
                            {
                                all.push(Self {
                                    machine,
                                    place: *place,
                                    edition,
                                    policy: *policy,
                                    family,
                                    engine: *engine,
                                    uses,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    /// The zone that we stand in.
    pub fn zone(self) -> Zone {
        match self.place {
            Place::Outside => Zone::Internet,
            Place::Proxy => Zone::ExternalProxy,
            Place::Master => Zone::Master,
            Place::Media => Zone::Media,
            Place::Itself => self.machine.role().zone(),
        }
    }

    /// The machine that is ours, where it is one of those declared.
    pub fn stands_on(self) -> Vec<NodeName> {
        let name = match (self.place, self.machine) {
            (Place::Itself, _) => NAME,
            (Place::Media, Machine::Media) | (Place::Master, Machine::OneMaster) => OTHER_NAME,
            (Place::Outside | Place::Proxy | Place::Master | Place::Media, _) => return Vec::new(),
        };
        vec![name.parse().unwrap()]
    }

    /// The deployment: the machine, and another one of its role where we stand there.
    pub fn deployment(self) -> Deployment {
        let node = |name: &str, address: &str| node(name, self.machine.role(), &[address], &[]);
        let own = self.stands_on();
        let other = own.iter().filter(|name| name.as_str() == OTHER_NAME);
        Deployment {
            edition: self.edition,
            policy: self.policy,
            rtc_engine: self.engine,
            uses: match self.uses {
                Declared::AllInUse => Uses::Listed(Feature::ALL.into()),
                Declared::NoneInUse => Uses::Listed([].into()),
                Declared::Unsaid => Uses::Unsaid,
            },
            modules: match self.uses {
                Declared::AllInUse => {
                    Modules::Listed(self.edition.modules().iter().copied().collect())
                }
                Declared::NoneInUse => Modules::Listed([].into()),
                Declared::Unsaid => Modules::Unsaid,
            },
            nodes: std::iter::once(node(NAME, self.address()))
                .chain(other.map(|name| node(name.as_str(), "192.0.2.50")))
                .collect(),
            ..undeclared(self.machine.topology())
        }
    }

    /// The address of the machine.
    pub fn address(self) -> &'static str {
        match self.family {
            Family::V4 => "203.0.113.20",
            Family::V6 => "2001:db8:5::20",
        }
    }
}

/// The name of the machine that is looked at, and of the other one of its role.
const NAME: &str = "node-1";
const OTHER_NAME: &str = "node-2";

/// Any setting, as often as there is something to be said over UDP.
pub fn settings() -> impl Strategy<Value = Setting> {
    let media = settings_of(&[Machine::Openvidu, Machine::Media]);
    let masters = settings_of(&[Machine::Master, Machine::OneMaster]);
    prop_oneof![3 => media, 1 => masters]
}

/// Any setting of one of these machines.
pub fn settings_of(machines: &[Machine]) -> impl Strategy<Value = Setting> + use<> {
    let all = machines.iter().flat_map(|machine| Setting::all(*machine));
    prop::sample::select(all.collect::<Vec<Setting>>())
}
