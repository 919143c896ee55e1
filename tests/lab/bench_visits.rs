//! How long the page for users takes in real browsers, until each way is proven or given up.

use super::command::Fallible;
use super::lab::Lab;
use super::pages::{self, Browser};
use super::{line, met, spread};

/// The visits that are measured, by the situation of the laboratory, and the ways that are given up there.
const MEASURED: [(&str, &[&str]); 3] =
    [("right", &[]), ("media-range-blocked", &["udp"]), ("udp-443-blocked", &["turn-udp"])];

const RUNS: usize = 3;

/// All four right ways; a direct way, and a relay, that is blocked.
const PROVEN_GOAL_MS: u64 = 2000;
const DIRECT_GOAL_MS: u64 = 6000;
const RELAY_GOAL_MS: u64 = 8000;
/// A timer of a browser is a little late.
const LATE_MS: u64 = 100;

/// One row for each browser and situation.
pub fn table(lab: &mut Lab, round_trip_ms: u64) -> Fallible<String> {
    let mut text = format!(
        "### The page for users\n\nReal browsers, headless, round trip {round_trip_ms} ms; from the press of the button, \
         median (and worst) of {RUNS} visits. Goals: what works is proven after at most {PROVEN_GOAL_MS} ms; what is blocked ends \
         after at most {DIRECT_GOAL_MS} ms (direct) and {RELAY_GOAL_MS} ms (relay).\n\n\
         | browser | situation | the last proven way, ms | the blocked way, ms |\n| --- | --- | --- | --- |\n"
    );
    for browser in Browser::ALL {
        for (name, blocked) in MEASURED {
            let visit = pages::VISITS.iter().find(|visit| visit.name == name);
            let visit = visit.ok_or_else(|| format!("no situation {name}"))?;
            lab.become_like(&(visit.world)())?;
            let mut proven = Vec::new();
            let mut given_up = Vec::new();
            for _ in 0..RUNS {
                let ways = pages::took_ms(lab, visit, browser)?;
                let (ended, worked): (Vec<_>, Vec<_>) =
                    ways.into_iter().partition(|(way, _)| blocked.contains(&way.as_str()));
                proven.extend(worked.into_iter().map(|(_, ms)| ms).max());
                given_up.extend(ended.into_iter().map(|(_, ms)| ms).max());
            }
            let worst = |times: &[u64]| times.iter().max().copied().unwrap_or_default();
            let is_fast = worst(&proven) <= PROVEN_GOAL_MS;
            let goal = if blocked.contains(&"udp") { DIRECT_GOAL_MS } else { RELAY_GOAL_MS };
            let ends = match blocked {
                [] => "–".to_owned(),
                _ => met(worst(&given_up) <= goal + LATE_MS, &spread(given_up)),
            };
            let proven = met(is_fast, &spread(proven));
            line(&mut text, &format!("| {} | {name} | {proven} | {ends} |", browser.word()));
        }
    }
    text.push_str("\nThe limits of the page begin with the answer of LiveKit, not with the press of the button.\n\n");
    Ok(text)
}
