//! Probe specs → observations. All probes run at the same time, and every spec gets an observation,
//! whatever happens.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::model::observation::{Blindness, LocalTrouble, Observation, Outcome};
use crate::model::probe::{Carrier, ProbeSpec};
use crate::net::Network;
use crate::probe;

/// How long the UDP ports of a node wait for the probes before them in the list.
///
/// A node limits its ICMP errors and spends them on the first packets that arrive. A firewall that
/// rejects TCP with ICMP uses the same limit. The list begins with the probes for which these errors
/// are most useful, and a few milliseconds keep its order on the wire.
const BEFORE_PORTS: Duration = Duration::from_millis(10);

/// How long all other probes wait for the UDP ports of their node. TCP resends a SYN after 1 s. The
/// last round of the UDP ports must be finished by then, even on a slow machine: otherwise a firewall
/// that rejects would spend on the SYN the ICMP error that a UDP port needs.
const BEFORE_THE_REST: Duration = Duration::from_millis(160);

/// How often the progress of a run is told while no probe finishes.
const BETWEEN_PROGRESS: Duration = Duration::from_millis(500);

/// How often it is measured whether timers are late.
const BETWEEN_TIMERS: Duration = Duration::from_millis(20);

/// The reason to end a run before its probes have finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Running,
    Interrupted,
    Deadline,
}

/// The observations of a run, and how it ended.
#[derive(Debug)]
pub struct Run {
    /// One for each spec, in their order.
    pub observations: Vec<Observation>,
    pub ending: Ending,
    /// By how much a timer was late, if that is half of the time-out or more: an answer may have
    /// been there in time, and was not seen.
    pub late_by: Option<Duration>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every probe finished.
    Complete,
    /// The deadline passed first.
    Deadline,
    /// The user interrupted it.
    Interrupted,
}

/// Notes by how much a timer of this machine was late at most, until it is aborted. It waits among the
/// tasks of the probes, so that what holds them up holds it up too.
async fn measure_lateness(latest: watch::Sender<Duration>) {
    loop {
        let due = Instant::now() + BETWEEN_TIMERS;
        sleep_until(due).await;
        let late = due.elapsed();
        latest.send_if_modified(|latest| {
            let is_worse = late > *latest;
            *latest = late.max(*latest);
            is_worse
        });
    }
}

/// Makes all probes at the same time. Ends when all have finished, at `deadline`, or when `interrupt`
/// resolves. Probes that have not finished by then are blind. `progress` receives the number of
/// finished probes, also now and then while none finishes.
pub async fn run(
    net: &Network,
    specs: &[ProbeSpec],
    deadline: Instant,
    interrupt: impl Future<Output = ()>,
    progress: &mut dyn FnMut(usize),
) -> Run {
    let (stop, stopped) = watch::channel(Stop::Running);
    let (note, latest) = watch::channel(Duration::ZERO);
    let lateness = tokio::spawn(measure_lateness(note));
    let mut tasks = JoinSet::new();
    let ports = places_of_ports(specs);
    for (index, spec) in specs.iter().enumerate() {
        if let ProbeSpec::Turn { to, over: Carrier::Udp } = spec
            && ports.get(&to.address).is_some_and(|ports| index < *ports)
        {
            net.sweeps.put_ahead(to.address);
        }
    }
    for (index, spec) in specs.iter().enumerate() {
        let net = net.clone();
        let spec = spec.clone();
        let wait = wait_for_others(index, &spec, &ports);
        let stopped = stopped.clone();
        tasks.spawn(async move { (index, observe(&net, spec, wait, stopped).await) });
    }
    drop(stopped);

    let mut observations: Vec<Option<Observation>> = vec![None; specs.len()];
    let mut ending = Ending::Complete;
    let mut done = 0;
    tokio::pin!(interrupt);
    let mut tick = interval(BETWEEN_PROGRESS);
    loop {
        tokio::select! {
            finished = tasks.join_next() => match finished {
                None => break,
                Some(Ok((index, observation))) => {
                    if let Some(address) = observation.shows_deployment() {
                        net.sweeps.allow(address);
                    }
                    observations[index] = Some(observation);
                    done += 1;
                    progress(done);
                }
                // A panic is an error of ovcheck and says nothing about the deployment.
                Some(Err(_)) => {}
            },
            _ = tick.tick() => progress(done),
            () = &mut interrupt, if ending == Ending::Complete => {
                ending = Ending::Interrupted;
                stop.send_replace(Stop::Interrupted);
            }
            () = sleep_until(deadline), if ending == Ending::Complete => {
                ending = Ending::Deadline;
                stop.send_replace(Stop::Deadline);
            }
        }
    }
    lateness.abort();
    let late_by = Some(*latest.borrow()).filter(|late| *late >= net.limits.timeout / 2);
    let observations = observations
        .into_iter()
        .zip(specs)
        .map(|(observation, spec)| observation.unwrap_or_else(|| lost(net, spec)))
        .collect();
    Run { observations, ending, late_by }
}

/// The places of the probes for the UDP ports of each node.
fn places_of_ports(all: &[ProbeSpec]) -> HashMap<IpAddr, usize> {
    let of_ports = all.iter().enumerate().filter_map(|(place, spec)| match spec {
        ProbeSpec::Udp { address, .. } => Some((*address, place)),
        _ => None,
    });
    // The first one counts.
    of_ports.rev().collect()
}

/// How long the probe at `place` must wait for other probes of its node.
fn wait_for_others(place: usize, spec: &ProbeSpec, ports: &HashMap<IpAddr, usize>) -> Duration {
    match spec.address().and_then(|address| ports.get(&address)) {
        Some(ports) if place == *ports => BEFORE_PORTS,
        Some(ports) if place > *ports => BEFORE_THE_REST,
        Some(_) | None => Duration::ZERO,
    }
}

async fn observe(
    net: &Network,
    spec: ProbeSpec,
    wait: Duration,
    mut stopped: watch::Receiver<Stop>,
) -> Observation {
    sleep(wait).await;
    let started = net.clock.elapsed();
    let (attempts, outcome) = tokio::select! {
        seen = probe::run(net, &spec) => seen,
        stop = stopped.wait_for(|stop| *stop != Stop::Running) => {
            let blindness = match stop.as_deref() {
                Ok(Stop::Deadline) => Blindness::DeadlineSpent,
                // The sender outlives every probe. Without it, the run would be over.
                Ok(Stop::Running | Stop::Interrupted) | Err(_) => Blindness::Interrupted,
            };
            (1, Outcome::Blind(blindness))
        }
    };
    Observation {
        spec,
        started,
        took: net.clock.elapsed().saturating_sub(started),
        attempts,
        outcome,
    }
}

/// The observation for a probe that panicked.
fn lost(net: &Network, spec: &ProbeSpec) -> Observation {
    Observation {
        spec: spec.clone(),
        started: net.clock.elapsed(),
        took: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Blind(LocalTrouble::ProbeBroke.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_holds_up_the_tasks_holds_up_the_timer() {
        let (note, latest) = watch::channel(Duration::ZERO);
        let lateness = tokio::spawn(measure_lateness(note));
        tokio::time::sleep(BETWEEN_TIMERS / 2).await;
        std::thread::sleep(Duration::from_millis(200));
        tokio::time::sleep(BETWEEN_TIMERS).await;
        lateness.abort();
        assert!(*latest.borrow() >= Duration::from_millis(150), "{latest:?}");
    }
}
