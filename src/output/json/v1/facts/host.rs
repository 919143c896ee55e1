//! What a machine says of itself.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::facts::{HostFacts, HostRead, UdpBuffers};
use crate::output::json::v1::publish::PublishedAs;
use crate::output::json::v1::values::ServerTextV1;

/// What a machine of the deployment says of itself. A part that could not be read is null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostFactsV1 {
    /// The distribution, in its own words.
    distribution: Option<ServerTextV1>,
    /// Memory that the kernel has, in KiB.
    memory_kib: Option<u64>,
    /// Processors that are switched on.
    cores: Option<u32>,
    /// The size of the file system with OpenVidu's recordings, in KiB.
    disk_kib: Option<u64>,
    /// Whether a time service says that the clock is synchronised.
    is_clock_synchronised: Option<bool>,
    /// How many sockets wait for packets of others.
    listeners: Option<usize>,
    /// How many rules the packet filter has: nftables and iptables together.
    firewall_rules: Option<usize>,
    /// The largest buffers of UDP, in bytes: for receiving and for sending.
    udp_buffers: Option<(u64, u64)>,
}

impl PublishedAs<HostFactsV1> for HostFacts {
    fn published(&self) -> HostFactsV1 {
        // No `..`: what a new field shows is decided here.
        let Self {
            distribution,
            memory_kib,
            cores,
            disk,
            interfaces: _,
            listeners,
            clock,
            filter,
            selinux: _,
            connection_table: _,
            udp_buffers,
        } = self;
        let size = |buffers: &UdpBuffers| (buffers.receive, buffers.send);
        HostFactsV1 {
            distribution: read(distribution).map(|it| it.name.published()),
            memory_kib: read(memory_kib).copied(),
            cores: read(cores).copied(),
            disk_kib: read(disk).map(|disk| disk.size_kib),
            is_clock_synchronised: read(clock).map(|clock| clock.is_synchronised),
            listeners: read(listeners).map(Vec::len),
            firewall_rules: read(filter)
                .map(|filter| filter.chains.iter().map(|chain| chain.rules.len()).sum()),
            udp_buffers: read(udp_buffers).map(size),
        }
    }
}

fn read<T>(value: &HostRead<T>) -> Option<&T> {
    value.get().ok()
}
