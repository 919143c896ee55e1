//! How to fix a violation.

use schemars::JsonSchema;
use serde::Serialize;

use super::publish::{PublishedAs, published};
use super::values::ServerTextV1;
use crate::model::deployment::Topology;
use crate::model::remedy::RemedyStep;
use crate::model::report::Finding;
use crate::model::rule::Machine;
use crate::output::words::remedies;

/// How to fix a violation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RemedyV1 {
    /// All steps as one text for people; what can be pasted is indented.
    pub text: String,
    /// The steps in order.
    #[schemars(length(min = 1))]
    pub steps: Vec<RemedyStepV1>,
}

/// A step of a remedy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum RemedyStepV1 {
    /// What to know or to do.
    Say {
        /// One or more sentences.
        text: String,
    },
    /// Commands for a shell.
    Run {
        /// The machine on which they run.
        on: MachineV1,
        /// The commands in order. One that continues on another line has a backslash at the end of
        /// the line.
        #[schemars(length(min = 1))]
        commands: Vec<String>,
    },
    /// A part of a file or of a form, to compare or to copy.
    Show {
        /// The file or the form.
        place: String,
        /// The lines of the part.
        lines: Vec<String>,
    },
    /// A line of a configuration file, and what it becomes.
    Edit {
        /// The line, and what to do with it, in words.
        place: String,
        /// The file.
        file: ServerTextV1,
        /// The line, from 1.
        line: u32,
        /// The lines of the change: those that go begin with `- `, those that come with `+ `.
        lines: Vec<String>,
    },
}

impl RemedyV1 {
    /// The remedy of a violation in a deployment of this topology.
    pub fn new(finding: &Finding, topology: Topology) -> Self {
        Self {
            text: remedies::as_text(finding, topology).published(),
            steps: finding.remedy.published(),
        }
    }
}

impl PublishedAs<RemedyStepV1> for RemedyStep {
    fn published(&self) -> RemedyStepV1 {
        match self {
            Self::Say(text) => RemedyStepV1::Say { text: text.published() },
            Self::Run { on, commands } => RemedyStepV1::Run {
                on: on.published(),
                commands: commands.iter().map(|command| command.to_string().published()).collect(),
            },
            Self::Edit(edit) => RemedyStepV1::Edit {
                place: remedies::edited_place(edit),
                file: edit.at.file.published(),
                line: edit.at.line,
                lines: remedies::edited_lines(edit),
            },
            Self::Show { place, lines } => {
                RemedyStepV1::Show { place: place.published(), lines: lines.published() }
            }
        }
    }
}

published! {
    /// The machine on which a command runs.
    enum MachineV1 from Machine {
        /// The machine on which ovcheck ran.
        Here,
        /// The external proxy.
        Proxy,
        /// The machines to which the proxy forwards: the OpenVidu machine, or each Master Node.
        Backend,
        /// The machines that carry media: the OpenVidu machine, or each Media Node.
        Media,
        /// The machine in `target`.
        Node,
        /// The server that makes the access tokens.
        Application,
    }
}
