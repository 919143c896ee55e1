//! The same check on other machines, at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Interrupt;
use crate::complaint::{Complaint, Place};
use crate::config::{self, RunConfig};
use crate::input;
use crate::model::context::RunCommand;
use crate::model::plan::RunScope;
use crate::model::recording::{Recording, RecordingHead};
use crate::model::vantage::{Vantage, Zone};
use crate::model::via::{SshHost, ViaFailure};
use crate::net::clock::Clock;
use crate::net::ssh::{self, Errand};

/// The longest time to connect to a machine and to send it the program, besides that of the run.
const LONGEST_TRANSFER: Duration = Duration::from_secs(60);

/// The most that root certificates may be.
const LONGEST_CERTIFICATES: u64 = 4 * 1024 * 1024;

/// The most that a program may be.
const LONGEST_PROGRAM: u64 = 256 * 1024 * 1024;

/// The program that other machines run.
pub struct Program {
    bytes: Vec<u8>,
    processor: &'static str,
}

impl Program {
    /// Reads the program at `path`; without a path: this one.
    ///
    /// # Errors
    /// If it cannot be read, or is not for Linux on a processor that ovcheck is built for.
    pub fn read(path: Option<&std::path::Path>) -> Result<Self, Complaint> {
        let flag = || Place::Flag("--via".to_owned());
        let own = std::env::current_exe().ok();
        let path = path.or(own.as_deref()).ok_or_else(|| {
            Complaint::new("the file of this program is not known", flag())
                .with_help("name the program for those machines: --via-binary FILE")
        })?;
        let shown = path.display();
        let bytes = input::read(path, LONGEST_PROGRAM).map_err(|error| {
            Complaint::new(format!("failed to read {shown}: {error}"), flag())
                .with_help("name the program for those machines: --via-binary FILE")
        })?;
        let processor = processor_of(&bytes).ok_or_else(|| {
            Complaint::new(
                format!("{shown} is not a program for Linux on x86_64 or aarch64"),
                flag(),
            )
            .with_help(
                "name the program of a release for those machines: --via-binary FILE \
                     (ovcheck-x86_64-unknown-linux-musl.tar.gz or ovcheck-aarch64-…)",
            )
        })?;
        Ok(Self { bytes, processor })
    }
}

/// The processor of an ELF file with 64 bits, in the words of `uname -m`.
fn processor_of(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC_OF_64_BITS_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
    if !bytes.starts_with(MAGIC_OF_64_BITS_LITTLE_ENDIAN) {
        return None;
    }
    match bytes.get(18..20)? {
        [62, 0] => Some("x86_64"),
        [183, 0] => Some("aarch64"),
        _ => None,
    }
}

/// The same configuration for `ovcheck host` on other machines.
pub fn for_machines_elsewhere(config: RunConfig) -> RunConfig {
    RunConfig { command: RunCommand::Host, credentials: None, stun_servers: Vec::new(), ..config }
}

/// What other machines are asked, in the form of what they answer: a recording that saw nothing.
pub fn asked_of_machines(config: &RunConfig) -> Recording {
    let now = Clock::start().now();
    Recording {
        recording: RecordingHead {
            version: RecordingHead::VERSION,
            ovcheck: env!("CARGO_PKG_VERSION").to_owned(),
            ruleset: String::new(),
        },
        started_at: now,
        duration: Duration::ZERO,
        judged_at: now,
        complete: true,
        interrupted: false,
        deployment: config.deployment.clone(),
        context: config.context(),
        vantage: Vantage {
            name: None,
            zone: Zone::Internet,
            stands_on: Vec::new(),
            addresses: Vec::new(),
            dns_servers: Vec::new(),
            stun_servers: Vec::new(),
            near: Vec::new(),
            http_proxy: None,
        },
        seed: 0,
        late_by: None,
        observations: Vec::new(),
    }
}

/// Runs on other machines that have begun.
pub struct RunsElsewhere(JoinSet<(SshHost, Result<Vec<u8>, ViaFailure>)>);

/// Begins a run on each of these machines, perhaps under sudo, whose recording may have so many bytes. Must be
/// called inside a runtime.
///
/// # Errors
/// About a file that they need.
pub fn begin_elsewhere(
    config: &RunConfig,
    hosts: &[SshHost],
    program: &Program,
    (longest, with_sudo): (u64, bool),
) -> Result<RunsElsewhere, Complaint> {
    let root_certificates = match &config.ca_file {
        Some(path) => input::read(path, LONGEST_CERTIFICATES).map_err(|error| {
            let place = Place::Path(path.display().to_string());
            Complaint::new(format!("failed to read the root certificates: {error}"), place)
        })?,
        None => Vec::new(),
    };
    let selected = |flag: &str, words: &[String]| {
        (!words.is_empty()).then(|| format!("{flag}={}", words.join(",")))
    };
    let selection = [selected("--only", &config.only), selected("--skip", &config.skip)];
    // What is known about files is known on this machine.
    let reads_files = config.command.scope() != RunScope::Host;
    let without_proxy_config = reads_files.then(|| "--no-proxy-config".to_owned());
    let errand = Arc::new(Errand {
        program: program.bytes.clone(),
        processor: program.processor,
        deployment: config::file_for_another_machine(config)?,
        root_certificates,
        subcommand: match config.command.scope() {
            RunScope::Host => "host",
            RunScope::Whole | RunScope::Call | RunScope::Lint => "check",
        },
        with_sudo,
        arguments: selection.into_iter().flatten().chain(without_proxy_config).collect(),
        longest,
        deadline: config.deadline + LONGEST_TRANSFER,
    });
    let mut runs = JoinSet::new();
    for host in hosts {
        let (host, errand) = (host.clone(), Arc::clone(&errand));
        runs.spawn(async move {
            let recording = ssh::run_on(&host, &errand).await;
            (host, recording)
        });
    }
    Ok(RunsElsewhere(runs))
}

impl RunsElsewhere {
    /// Waits for all of them, and tells how many are left. An interrupt ends those.
    pub async fn recordings(
        mut self,
        hosts: &[SshHost],
        interrupt: &Interrupt,
        left: &mut dyn FnMut(usize),
    ) -> Vec<(SshHost, Result<Vec<u8>, ViaFailure>)> {
        let mut ended = Vec::new();
        let raised = interrupt.clone().raised();
        tokio::pin!(raised);
        loop {
            left(self.0.len());
            let next = tokio::select! {
                next = self.0.join_next() => next,
                () = &mut raised => None,
            };
            match next {
                Some(Ok(run)) => ended.push(run),
                Some(Err(_)) => {}
                None => break,
            }
        }
        for host in hosts {
            if !ended.iter().any(|(of, _)| of == host) {
                ended.push((host.clone(), Err(ViaFailure::Interrupted)));
            }
        }
        ended.sort_by(|(one, _), (other, _)| one.cmp(other));
        ended
    }
}
