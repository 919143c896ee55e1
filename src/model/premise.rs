//! Premises about the place of a run: what has to be true of this machine, its network and the way to
//! the deployment, so that what is seen may be laid to the deployment.

use super::timestamp::Timestamp;
use super::word_list::word_list;

word_list! {
    /// A premise that verdicts rest on. Each has a control: something asked or seen in the same run
    /// whose answer is known as long as the premise holds.
    pub enum Premise {
        /// The clock of this machine is right. Control: the `Date` of HTTP answers.
        OwnClock = "own-clock",
    }
}

/// What a control says about a premise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The control shows that the premise is true.
    Held,
    /// There was no control in this run.
    Unknown,
    /// The control speaks against the premise.
    Doubted(Doubt),
}

impl Standing {
    /// What speaks against the premise, if anything does.
    pub fn doubt(&self) -> Option<&Doubt> {
        if let Self::Doubted(doubt) = self { Some(doubt) } else { None }
    }
}

/// What speaks against a premise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The clocks of servers and that of this machine differ.
    Clocks {
        /// What this machine's clock says.
        ours: Timestamp,
        /// How many seconds the servers' clock is ahead; negative: behind.
        ahead_s: i64,
        /// Whose clock is probably wrong, if anything tells.
        wrong: Option<ClockOwner>,
    },
}

impl Doubt {
    /// The premise that it speaks against.
    pub fn premise(&self) -> Premise {
        match self {
            Self::Clocks { .. } => Premise::OwnClock,
        }
    }
}

/// Whose clock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockOwner {
    ThisMachine,
    Server,
}
