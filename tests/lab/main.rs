//! The program against real peers: nginx as the guide configures it, livekit-server, bind, coturn,
//! nftables, in network namespaces.
//!
//! Where that cannot run, every situation is *ignored*, with the reason; with
//! `OVCHECK_LAB=required` it is a failure. With `OVCHECK_LAB=show` the chosen situations are not
//! judged, but shown as a person sees them; with `OVCHECK_LAB=hold` they are only set up, each until
//! a line comes on standard input, to look at them by hand. `OVCHECK_LAB_PROGRAM` names another build of
//! the program than the one that cargo makes for tests, for example the one that is published.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aftermath;
mod browser;
mod caller;
mod calls;
mod certificates;
mod check;
mod cluster;
mod cluster_services;
mod command;
mod deployment;
mod elastic;
mod guest;
mod high_availability;
mod known;
mod lab;
mod mend;
mod needs;
mod network;
mod office;
mod pages;
mod responders;
mod services;
mod situations;
mod token;
mod users;
mod vantages;
mod wild;
mod world;
mod written;
mod written_proxy;

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use check::{Finding, Judged, Pairs, Run, check, interrupt, page};
use command::{Fallible, eprint_line};
use lab::Lab;
use network::{ClientLink, Place};
use situations::{List, SITUATIONS, Situation, Stand};
use users::{USERS, User};

/// The laboratories in which no situation stands. Whoever finds none builds one.
type Labs = Arc<Mutex<Vec<Lab>>>;

/// How many there are at once: a situation is waited for most of the time, but the machine must not be late.
const MOST_LABS: usize = 2;

/// Held by what runs in a laboratory: alone, where five checks run at once, whose handshakes keep this machine
/// busy, else together with others.
static MACHINE: RwLock<()> = RwLock::new(());

fn together() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

fn main() {
    let mut arguments = Arguments::from_args();
    let mode = std::env::var("OVCHECK_LAB").unwrap_or_default();
    // What is looked at by hand comes one after the other.
    let at_once = if matches!(mode.as_str(), "show" | "hold") { 1 } else { MOST_LABS };
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(at_once).min(at_once));
    let missing = if arguments.list { None } else { needs::missing() };
    let labs = Labs::default();

    let trials = situations()
        .map(|situation| {
            let (labs, mode) = (Arc::clone(&labs), mode.clone());
            let missing = missing
                .clone()
                .or_else(|| needs::missing_for(situation).filter(|_| !arguments.list));
            Trial::ignorable_test(situation.name, move || match (missing, mode.as_str()) {
                (Some(why), "required") => Err(Failed::from(format!("cannot run here: {why}"))),
                (Some(why), _) => Ok(Completion::ignored_with(why)),
                (None, "show") => show(&labs, situation).map_err(Failed::from),
                (None, "hold") => hold(&labs, situation).map_err(Failed::from),
                (None, _) => steadily(situation.name, || judge(&labs, situation)),
            })
        })
        .chain(USERS.iter().chain(wild::USERS.iter().copied().flatten()).map(|user| {
            let (labs, missing, mode) = (Arc::clone(&labs), missing.clone(), mode.clone());
            Trial::ignorable_test(user.name, move || match (missing, mode.as_str()) {
                (Some(why), "required") => Err(Failed::from(format!("cannot run here: {why}"))),
                (Some(why), _) => Ok(Completion::ignored_with(why)),
                (None, mode) => steadily(user.name, || call_as(&labs, user, mode == "show")),
            })
        }))
        .chain(vantages::TRIALS.iter().map(|trial| {
            let (labs, mode) = (Arc::clone(&labs), mode.clone());
            let missing =
                missing.clone().or_else(|| vantages::missing().filter(|_| !arguments.list));
            Trial::ignorable_test(trial.name, move || match (missing, mode.as_str()) {
                (Some(why), "required") => Err(Failed::from(format!("cannot run here: {why}"))),
                (Some(why), _) => Ok(Completion::ignored_with(why)),
                (None, "show" | "hold") => Ok(Completion::ignored_with("not a page")),
                (None, _) => steadily(trial.name, || {
                    let _alone = alone();
                    within(&labs, trial.situation, |lab| (trial.does)(lab))?;
                    Ok(Completion::Completed)
                }),
            })
        }))
        .chain(pages::VISITS.iter().flat_map(|visit| {
            pages::Browser::ALL.map(|browser| {
                let (labs, mode) = (Arc::clone(&labs), mode.clone());
                let missing =
                    missing.clone().or_else(|| browser.missing().filter(|_| !arguments.list));
                let name = format!("pages/{}/{}", browser.word(), visit.name);
                Trial::ignorable_test(name.clone(), move || match (missing, mode.as_str()) {
                    (Some(why), "required") => Err(Failed::from(format!("cannot run here: {why}"))),
                    (Some(why), _) => Ok(Completion::ignored_with(why)),
                    (None, "show" | "hold") => Ok(Completion::ignored_with("not a report")),
                    (None, _) => steadily(&name, || visit_page(&labs, visit, browser)),
                })
            })
        }))
        .chain(std::iter::once(Trial::test(
            "known/every-cell-of-the-readme-s-table-is-shown",
            || known::compare(&situations().collect::<Vec<_>>()).map_err(Failed::from),
        )))
        // The browser leaves its room to the server, which keeps it for a while.
        .chain(wild::SITUATIONS.iter().copied().flatten().filter(|it| it.browser.is_some()).map(
            |situation| {
                let labs = Arc::clone(&labs);
                let missing = missing
                    .clone()
                    .or_else(|| needs::missing_for(situation).filter(|_| !arguments.list))
                    .or_else(|| browser::missing().filter(|_| !arguments.list));
                let mode = mode.clone();
                let name = format!("{}/in-chromium", situation.name);
                Trial::ignorable_test(name, move || match (missing, mode.as_str()) {
                    (Some(why), "required") => Err(Failed::from(format!("cannot run here: {why}"))),
                    (Some(why), _) => Ok(Completion::ignored_with(why)),
                    (None, _) => steadily(situation.name, || ask_browser(&labs, situation)),
                })
            },
        ))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before `exit`, which runs no destructors.
    drop(labs);
    conclusion.exit();
}

fn situations() -> impl Iterator<Item = &'static Situation> {
    SITUATIONS
        .iter()
        .chain(elastic::SITUATIONS)
        .chain(high_availability::SITUATIONS)
        .chain(calls::SITUATIONS)
        .chain(wild::SITUATIONS.iter().copied().flatten())
}

/// Machines that run tests stall now and then, and what a situation plans for one moment happens in
/// another. One that comes out wrong has to come out right twice after that, and is told.
fn steadily(name: &str, attempt: impl Fn() -> Fallible<Completion>) -> Result<Completion, Failed> {
    let wrong = match attempt() {
        Ok(completion) => return Ok(completion),
        Err(wrong) => wrong,
    };
    eprint_line(&format!("\n{name} is not steady, and has to be right twice now:\n{wrong}"));
    let again = || {
        // Until the stall is over, and machines may send ICMP errors again.
        thread::sleep(Duration::from_secs(15));
        attempt().map_err(|again| format!("{wrong}\n\nand again:\n{again}"))
    };
    again()?;
    again().map_err(Failed::from)
}

/// Does something in the laboratory once it stands as the situation says.
fn within<T>(
    labs: &Labs,
    situation: &Situation,
    action: impl FnOnce(&mut Lab) -> Fallible<T>,
) -> Fallible<T> {
    with(labs, |lab| {
        let world = situation.world();
        lab.become_like(&world)?;
        if let Some(written) = world.written {
            written::load(lab, situation, written)?;
        }
        if situation.stand == Stand::CutOff {
            lab.network.cut_client_off()?;
        }
        let place = situation.stand.place();
        if place == Place::Client {
            // It has a fresh address.
            return action(lab);
        }
        lab.rest_before_asking_from(place);
        let done = action(lab);
        lab.was_asked_from(place);
        done
    })
}

/// Does something in a laboratory, which is built if all are in use.
fn with<T>(labs: &Labs, action: impl FnOnce(&mut Lab) -> Fallible<T>) -> Fallible<T> {
    let free = || labs.lock().unwrap_or_else(PoisonError::into_inner);
    let known = free().pop();
    let mut lab = known.map_or_else(|| Lab::build(ClientLink::Direct), Ok)?;
    let done = action(&mut lab);
    free().push(lab);
    done
}

fn call_as(labs: &Labs, user: &User, is_shown: bool) -> Fallible<Completion> {
    let _together = together();
    with(labs, |lab| {
        lab.become_like(&(user.world)())?;
        let said = users::call(lab, user)?;
        if is_shown {
            eprint_line(&format!("\n=== {}\n\n{}", user.name, said.text));
            return Ok(Completion::ignored_with("shown, not judged"));
        }
        match said.wrong.as_str() {
            "" => Ok(Completion::Completed),
            wrong => Err(format!("{wrong}\n{}", said.text)),
        }
    })
}

fn judge(labs: &Labs, situation: &Situation) -> Fallible<Completion> {
    let _together = together();
    within(labs, situation, |lab| {
        if situation.stand == Stand::InternetInterrupted {
            return interrupted(lab, situation);
        }
        let mut runs = Vec::new();
        for user in situation.stand.users() {
            if situation.stand == Stand::InternetAsBothUsers {
                lab.network.renew_client()?;
            }
            let run = Run { user: *user, ..Run::of(situation) };
            if situation.stand.is_twice() && !runs.is_empty() {
                // A second run may know less, and has to say so.
                accuses_nobody(&check(lab, run)?)?;
                return Ok(Completion::Completed);
            }
            let mut judged = check(lab, run)?;
            // On a slow machine the node's ICMP errors may go to the wrong questions; then the
            // program says what to do, and it is done, unless that is what is expected.
            for _ in 0..2 {
                if !judged.asks_to_run_again() || compare(situation, &judged).is_ok() {
                    break;
                }
                thread::sleep(Duration::from_secs(10));
                judged = check(lab, run)?;
            }
            compare(situation, &judged).map_err(|why| format!("run as {user:?}:\n{why}"))?;
            if let Some(written) = situation.world().written {
                written::is_right_on_machines(lab, situation, written)?;
            }
            written_proxy::lints_clean(lab, situation)?;
            if situation.is_mended {
                mended(lab, situation, &judged)?;
            }
            runs.push(judged.verdicts());
        }
        match runs.as_slice() {
            [first, again] if first != again => Err(differences(first, again)),
            _ => Ok(Completion::Completed),
        }
    })
}

/// What a browser finds has to be what is declared, and must not be worse than what is said.
fn ask_browser(labs: &Labs, situation: &Situation) -> Fallible<Completion> {
    let _together = together();
    within(labs, situation, |lab| {
        let found = browser::ask(lab)?;
        match situation.browser {
            Some(expected) if expected != found => {
                Err(format!("{expected:?} was expected, {found:?} was found"))
            }
            _ if !found.joins && situation.errors.is_empty() => {
                Err("a browser does not get in, and no error is expected".to_owned())
            }
            _ => Ok(Completion::Completed),
        }
    })
}

fn visit_page(labs: &Labs, visit: &pages::Visit, browser: pages::Browser) -> Fallible<Completion> {
    let _together = together();
    with(labs, |lab| {
        lab.become_like(&(visit.world)())?;
        pages::visit(lab, visit, browser)?;
        Ok(Completion::Completed)
    })
}

/// Interrupts run after run, each a little later. None leaves anything behind.
fn interrupted(lab: &Lab, situation: &Situation) -> Fallible<Completion> {
    let mut has_been = false;
    for after in calls::MOMENTS_MS {
        has_been |= interrupt(lab, Run::of(situation), Duration::from_millis(*after))
            .map_err(|why| format!("interrupted after {after} ms: {why}"))?;
    }
    if has_been {
        return Ok(Completion::Completed);
    }
    Err("every run had ended before".to_owned())
}

/// Does what the remedies say; then nobody is accused any more.
fn mended(lab: &mut Lab, situation: &Situation, judged: &Judged) -> Fallible<()> {
    mend::mend(lab, situation, judged)?;
    let place = situation.stand.place();
    if place == Place::Client {
        lab.network.renew_client()?;
    } else {
        lab.was_asked_from(place);
        lab.rest_before_asking_from(place);
    }
    let mut judged = check(lab, Run::of(situation))?;
    // The firewall stops the relay's packets, but only another version refuses the permission.
    judged.findings.retain(|finding| {
        finding.rule != "turn/refuses-foreign-peers"
            || !finding.to_string().contains("peer_allowed")
    });
    accuses_nobody(&judged).map_err(|why| format!("with the remedies done, {why}"))
}

fn compare(situation: &Situation, judged: &Judged) -> Fallible<()> {
    let lists = [
        ("errors", situation.errors, judged.errors()),
        ("warnings", situation.warnings, judged.warnings()),
        ("inconclusive", situation.inconclusive, judged.inconclusive()),
    ];
    let mut wrong: String =
        lists.iter().map(|(title, expected, seen)| difference(title, expected, seen)).collect();
    let passed = judged.passes();
    let missing = |pair: &&(&str, &str)| !passed.contains(*pair);
    for (rule, confidence) in situation.passes.iter().chain(situation.works).filter(missing) {
        wrong += &format!("not passed as it should: {rule} {confidence}\n");
    }
    let is_unsaid = |pair: &&(&str, &str)| !judged.says(**pair);
    for (rule, words) in situation.says.iter().filter(is_unsaid) {
        wrong += &format!("not said by {rule}: {words}\n");
    }
    let first_screen: String = judged.page.lines().take(40).collect::<Vec<_>>().join(" ");
    // Where a line is broken is the terminal's matter.
    let [first_screen, page] = [&first_screen, &judged.page].map(|text| on_one_line(text));
    for words in situation.shows.iter().filter(|words| !first_screen.contains(**words)) {
        wrong += &format!("not on the first screen: {words}\n");
    }
    for words in situation.hides.iter().filter(|words| page.contains(**words)) {
        wrong += &format!("must not be said: {words}\n");
    }
    if !wrong.is_empty() {
        return Err(format!("{wrong}{}\n{}", judged.story(), judged.page));
    }
    if judged.exit != situation.exit {
        return Err(format!("exit status {} was expected\n{}", situation.exit, judged.story()));
    }
    let passes: Vec<&Finding> =
        judged.findings.iter().filter(|finding| finding.verdict == "pass").collect();
    if situation.stand == Stand::CutOff {
        // What stands in the deployment file holds without a network; all else would be made up.
        let declared = ["dns/turn-domain-is-own-name", "policy/turn-domain-declared"];
        return match passes.iter().find(|finding| !declared.contains(&finding.rule.as_str())) {
            None => Ok(()),
            Some(finding) => Err(format!("without a network: {finding}")),
        };
    }
    if passes.len() < situation.fewest_passes {
        return Err(format!("only {} checks passed\n{}", passes.len(), judged.story()));
    }
    Ok(())
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is too few in a list, and what is too many, as the lists are written; empty when nothing is.
fn difference(title: &str, expected: List, seen: &Pairs<'_>) -> String {
    // Where a moment decides which rules are concerned, `*` stands for any.
    let of_any = |pair: &&(&str, &str)| !expected.contains(&("*", pair.1));
    let seen: Pairs<'_> = seen.iter().filter(of_any).copied().collect();
    let expected: Pairs<'_> = expected.iter().filter(|pair| pair.0 != "*").copied().collect();
    let lines = |what: &str, pairs: Vec<&(&str, &str)>| -> String {
        let lines = pairs
            .iter()
            .map(|(rule, manner)| format!("  (\"{rule}\", {}),\n", manner.to_uppercase()));
        if pairs.is_empty() {
            return String::new();
        }
        format!("{title}, {what}:\n{}", lines.collect::<String>())
    };
    lines("expected and not found", expected.difference(&seen).collect())
        + &lines("found and not expected", seen.difference(&expected).collect())
}

fn accuses_nobody(judged: &Judged) -> Fallible<()> {
    let nobody = judged.errors().is_empty() && judged.warnings().is_empty();
    if nobody && [0, 3].contains(&judged.exit) {
        return Ok(());
    }
    Err(format!("another run accuses:\n{}", judged.story()))
}

fn differences(first: &[String], again: &[String]) -> String {
    let only = |here: &[String], there: &[String]| -> String {
        here.iter().filter(|line| !there.contains(line)).map(|line| format!("  {line}\n")).collect()
    };
    format!(
        "the first run alone says:\n{}the second one:\n{}",
        only(first, again),
        only(again, first)
    )
}

fn show(labs: &Labs, situation: &Situation) -> Fallible<Completion> {
    within(labs, situation, |lab| {
        let page = page(lab, Run::of(situation))?;
        eprint_line(&format!("\n=== {}\n\n{page}", situation.name));
        Ok(Completion::ignored_with("shown, not judged"))
    })
}

fn hold(labs: &Labs, situation: &Situation) -> Fallible<Completion> {
    within(labs, situation, |lab| {
        let path = deployment::write(&lab.network, situation.policy, situation.topology)?;
        let ordinary = lab.network.at(situation.stand.place(), "env")?;
        eprint_line(&format!(
            "\n{} stands. For example:\n  {ordinary:?} {} check --config {path}\n\
             A line on standard input ends it.",
            situation.name,
            lab.ovcheck.display()
        ));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|e| e.to_string())?;
        Ok(Completion::ignored_with("held, not judged"))
    })
}
