//! The same check on other machines, at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Interrupt;
use crate::complaint::{Complaint, Place};
use crate::config::{self, RunConfig};
use crate::input;
use crate::model::via::{SshHost, ViaFailure};
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

/// Runs on other machines that have begun.
pub struct RunsElsewhere(JoinSet<(SshHost, Result<Vec<u8>, ViaFailure>)>);

/// Begins a run on each of these machines. Must be called inside a runtime.
///
/// # Errors
/// About a file that they need.
pub fn begin_elsewhere(
    config: &RunConfig,
    hosts: &[SshHost],
    program: &Program,
    longest: u64,
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
    let errand = Arc::new(Errand {
        program: program.bytes.clone(),
        processor: program.processor,
        deployment: config::file_for_another_machine(config)?,
        root_certificates,
        arguments: selection.into_iter().flatten().collect(),
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
    /// Waits for all of them. An interrupt ends those that are left.
    pub async fn recordings(
        mut self,
        hosts: &[SshHost],
        interrupt: &Interrupt,
    ) -> Vec<(SshHost, Result<Vec<u8>, ViaFailure>)> {
        let mut ended = Vec::new();
        let raised = interrupt.clone().raised();
        tokio::pin!(raised);
        loop {
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
