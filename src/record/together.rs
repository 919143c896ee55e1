//! Whether several recordings are of one deployment and one time, so that one report can be made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::complaint::{Complaint, Place};
use crate::model::context::RunContext;
use crate::model::deployment::{Deployment, Node};
use crate::model::name::NodeName;
use crate::model::plan::RunScope;
use crate::model::recording::Recording;
use crate::model::vantage::{Vantage, Zone};

/// What recordings must have in common.
#[derive(Debug, Clone, Copy)]
pub struct Likeness {
    /// How far apart in time they may have been made.
    pub max_apart: Duration,
    /// Whether all are judged by one edition of the guide, whatever theirs is.
    pub one_guide: bool,
}

/// Checks that one report can be made of these recordings, each with its path.
///
/// # Errors
/// About the first recording that does not fit to those before it.
pub fn fit_together(files: &[(String, Recording)], likeness: Likeness) -> Result<(), Complaint> {
    if let [(path, _)] = files {
        return Err(Complaint::new("this is the only recording", place(path)).with_help(format!(
            "name those of other vantage points as well; `ovcheck evaluate {path}` evaluates a single one"
        )));
    }
    for (at, (path, recording)) in files.iter().enumerate() {
        if recording.context.command.scope() == RunScope::Call {
            return Err(Complaint::new(
                "this is a recording of a call, not of a check",
                place(path),
            )
            .with_help("name recordings that `ovcheck check --record FILE` wrote"));
        }
        for (other_path, other) in &files[..at] {
            fits((path, recording), (other_path, other), likeness)?;
        }
    }
    Ok(())
}

fn place(path: &str) -> Place {
    Place::Path(path.to_owned())
}

fn fits(
    (path, recording): (&str, &Recording),
    (other_path, other): (&str, &Recording),
    likeness: Likeness,
) -> Result<(), Complaint> {
    let refuse =
        |what: String, help: String| Err(Complaint::new(what, place(path)).with_help(help));
    let (deployment, others) = (&recording.deployment, &other.deployment);
    if deployment.domain != others.domain {
        return refuse(
            format!(
                "this recording is about {}, and {other_path} about {}",
                deployment.domain, others.domain
            ),
            "name recordings of one deployment".to_owned(),
        );
    }
    if deployment.edition != others.edition && !likeness.one_guide {
        return refuse(
            format!(
                "this run followed guide {}, and that of {other_path} guide {}",
                deployment.edition, others.edition
            ),
            format!("evaluate all with one edition: --guide {}", deployment.edition),
        );
    }
    if let Some(what) = difference(deployment, others) {
        return refuse(
            format!("this recording and {other_path} declare {what} differently"),
            "run `ovcheck check --record FILE` on each machine with the same deployment file"
                .to_owned(),
        );
    }
    if recording.context.options.selection != other.context.options.selection {
        return refuse(
            format!(
                "this run and that of {other_path} were asked about different rules (--only, --skip)"
            ),
            "record again with the same --only and --skip, or without them".to_owned(),
        );
    }
    let apart = recording.started_at.seconds_since(other.started_at).unsigned_abs();
    if apart > likeness.max_apart.as_secs() {
        return refuse(
            format!(
                "this recording was made at {}, and {other_path} at {}; they may be at most {} apart",
                recording.started_at,
                other.started_at,
                in_words(likeness.max_apart)
            ),
            "record the older one again, or allow it with --max-apart TIME, such as 6h".to_owned(),
        );
    }
    if is_same_place(&recording.vantage, &other.vantage) {
        return refuse(
            format!("this recording and {other_path} are from the same vantage point"),
            "omit the older one, or record with --vantage-name to tell two places apart".to_owned(),
        );
    }
    Ok(())
}

/// What is declared differently, in the words of the deployment file.
fn difference(one: &Deployment, other: &Deployment) -> Option<&'static str> {
    let pairs = [
        (one.topology != other.topology, "the topology"),
        (one.policy != other.policy, "the policy"),
        (one.turn_domain != other.turn_domain, "the TURN domain"),
        (by_name(one) != by_name(other), "the nodes"),
        (one.uses != other.uses, "the features in use"),
        (one.modules != other.modules, "the modules"),
        (one.rtc_engine != other.rtc_engine, "the RTC engine"),
    ];
    pairs.into_iter().find_map(|(differs, what)| differs.then_some(what))
}

/// The nodes, whatever the order in which they were declared.
fn by_name(deployment: &Deployment) -> BTreeMap<&NodeName, &Node> {
    deployment.nodes.iter().map(|node| (&node.name, node)).collect()
}

/// The recording of a run on another machine that was asked for here. That machine says only what it saw
/// and where it is: how the run was started is known here, and it was sent no credentials. Where it is no
/// machine of the deployment, it has the name by which it was asked.
#[must_use]
pub fn as_asked(sent: Recording, asked: &RunContext, host: &str) -> Recording {
    let mut context = asked.clone();
    context.options.credentials = None;
    let is_of_deployment = !sent.vantage.stands_on.is_empty();
    let name = (!is_of_deployment).then(|| host.to_owned());
    Recording {
        context,
        // Only a signal on this machine is one to this run.
        complete: sent.complete && !sent.interrupted,
        interrupted: false,
        vantage: Vantage { name, ..sent.vantage },
        ..sent
    }
}

/// Whether two runs were made from one machine. Two places outside are told apart by their addresses.
fn is_same_place(one: &Vantage, other: &Vantage) -> bool {
    if one.zone != other.zone || one.name != other.name {
        return false;
    }
    match one.zone {
        Zone::Internet => one.addresses == other.addresses,
        _ if one.stands_on.is_empty() => one.addresses == other.addresses,
        _ => one.stands_on == other.stands_on,
    }
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
