//! What is said of a backend that does not answer behind the proxy.

use super::view::View;
use super::{service, way};
use crate::model::deployment::Topology;

impl View<'_> {
    /// TLS completes and the connection ends: the first line is the summary, the second what was
    /// seen.
    pub fn hangs_up(&self) -> String {
        format!(
            "nothing answers behind {}\nTLS completes, then the proxy hangs up, as it does when \
             its backend refuses the connection{}",
            self.place(),
            self.one_of_several()
        )
    }

    /// TLS completes and nothing comes.
    pub fn stays_silent(&self) -> String {
        format!(
            "nothing answers behind {}\nTLS completes, then silence, as from a backend that is \
             filtered{}",
            self.place(),
            self.one_of_several()
        )
    }

    /// Whether the same service answered there at another time: who balances between several
    /// machines sends one connection here and the next one there.
    pub fn answers_at_times(&self) -> bool {
        let address = self.check.target.address;
        let service = way::service_behind_proxy(self.rule);
        self.case.deployment.topology != Topology::SingleNode
            && service.is_some_and(|service| service::works_through_proxy(self, service, address))
    }

    /// What that says of those machines, as a line of its own; empty where it does not.
    pub fn one_of_several(&self) -> &'static str {
        if self.answers_at_times() {
            "\nother requests there were answered: of several machines behind it one does not answer"
        } else {
            ""
        }
    }
}
