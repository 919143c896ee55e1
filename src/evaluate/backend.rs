//! A backend that does not answer behind the proxy.

use super::judgement::Judgement;
use super::view::View;
use super::{service, way};
use crate::model::deployment::Topology;
use crate::model::reason::ReasonCode;
use crate::model::seen::{BackendDown, BackendSign};

impl View<'_> {
    /// The violation that no answer comes from behind the proxy.
    pub fn backend_down(&self, sign: BackendSign) -> Judgement {
        let reason = match sign {
            BackendSign::HangsUp | BackendSign::GatewayError(_) => ReasonCode::BackendDown,
            BackendSign::Silent | BackendSign::SilentToHttp => ReasonCode::BackendSilent,
        };
        let is_one_of_several = self.answers_at_times();
        Judgement::fail(reason, BackendDown { sign, is_one_of_several })
    }

    /// Whether the same service answered there at another time: a proxy in front of several machines
    /// sends one connection to this machine and the next one to that.
    pub fn answers_at_times(&self) -> bool {
        let address = self.check.target.address;
        let service = way::service_behind_proxy(self.rule);
        self.case.deployment.topology != Topology::SingleNode
            && service.is_some_and(|service| service::works_through_proxy(self, service, address))
    }
}
