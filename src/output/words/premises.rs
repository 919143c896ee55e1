//! What speaks against our own place, in words.

use super::{Statement, facts};
use crate::model::premise::{ClockOwner, Doubt};

/// What is in doubt, and by what.
pub(super) fn statement(doubt: &Doubt) -> Statement {
    match doubt {
        Doubt::Clocks { ours, ahead_s, wrong } => {
            let differs = facts::clock_is(-ahead_s);
            Statement::new(match wrong {
                Some(ClockOwner::ThisMachine) => format!(
                    "this machine's clock is probably wrong: it is {differs} the server's, whose \
                     certificate is valid only by the server's clock"
                ),
                Some(ClockOwner::Server) => format!(
                    "the server's clock is probably wrong: it is {} this machine's, and its \
                     certificate was issued later than it shows",
                    facts::clock_is(*ahead_s)
                ),
                None => format!(
                    "this machine's clock is {differs} the server's, and nothing shows which of the \
                     two is right"
                ),
            })
            .detail(format!("this machine's clock shows {ours}"))
        }
    }
}

/// What to do, by whoever can mend it; a command stands in a line of its own.
pub(in crate::output) fn advice(doubt: &Doubt) -> Vec<&'static str> {
    match doubt {
        Doubt::Clocks { .. } => vec![
            "compare both clocks with a third one, here and on the server, and turn on network time \
             where the clock is wrong; then run ovcheck again:",
            "  timedatectl",
            "  timedatectl set-ntp true",
        ],
    }
}
