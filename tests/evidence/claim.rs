//! What a rule claims about a node.

use ovcheck::model::port::Transport;

use crate::node::{Listener, Node, Port};

/// What a rule claims about a node, by places of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing from here gets in.
    Closed(Ports),
    /// Packets from here get in, at every port.
    Open(Ports),
    /// Somebody accepts us, at every port.
    Accepts(Vec<usize>),
    /// The service of the row accepts us, at every port.
    Serves(Vec<usize>),
    /// The STUN server answers us.
    AnswersStun(usize),
}

/// Ports of one transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    pub transport: Transport,
    pub places: Vec<usize>,
    /// And the rest of the media range, which has no places.
    pub rest: bool,
}

impl Ports {
    fn of<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = Port> + 'a {
        let all = match self.transport {
            Transport::Tcp => &node.tcp,
            Transport::Udp => &node.udp,
        };
        let rest = node.rest.into_iter().filter(|_| self.rest);
        self.places.iter().map(|place| all[*place]).chain(rest)
    }
}

impl Claim {
    /// Whether it is true of `node`.
    pub fn holds(&self, node: &Node) -> bool {
        let tcp = |ports: &[usize], is_right: fn(Listener) -> bool| {
            let mut ports = ports.iter().map(|port| node.tcp[*port]);
            ports.all(|port| port.lets_in() && is_right(port.listener))
        };
        match self {
            Self::Closed(ports) => !ports.of(node).any(Port::lets_in),
            Self::Open(ports) => ports.of(node).all(Port::lets_in),
            Self::Accepts(ports) => tcp(ports, |listener| listener != Listener::Nobody),
            Self::Serves(ports) => tcp(ports, |listener| listener == Listener::Right),
            Self::AnswersStun(port) => {
                let port = node.udp[*port];
                port.lets_in() && port.listener == Listener::Right
            }
        }
    }
}
