//! The UDP probe across a wire: two network namespaces, with firewalls, the kernel's own limits of
//! ICMP errors, floods of forged packets, and trouble of our own machine.
//!
//! Where that cannot run, every test is *ignored*, with the reason; with `OVCHECK_LAB=required` it
//! is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, and they forge the packets"
)]

#[path = "../lab/command.rs"]
#[allow(dead_code, reason = "the laboratory's")]
mod command;
mod consent;
#[path = "../support/deployments.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod deployments;
mod extents;
mod firewalls;
mod floods;
mod held_back;
mod livekit_yaml;
#[path = "../support/networks.rs"]
mod networks;
#[path = "../support/openvidu.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod openvidu_files;
mod own_trouble;
mod replays;
mod responder;
mod responder_commands;
mod world;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let missing = if arguments.list { None } else { world::missing() };
    let required = std::env::var("OVCHECK_LAB").is_ok_and(|mode| mode == "required");
    let tests: Vec<(&str, fn())> = [
        consent::TESTS,
        extents::TESTS,
        firewalls::TESTS,
        floods::TESTS,
        held_back::TESTS,
        own_trouble::TESTS,
        replays::TESTS,
        responder::TESTS,
        responder_commands::TESTS,
    ]
    .concat();
    let real_livekit = livekit_yaml::trials(missing.as_deref(), required);
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            let missing = missing.clone();
            Trial::ignorable_test(name, move || match missing {
                Some(why) if required => Err(Failed::from(format!("cannot run here: {why}"))),
                Some(why) => Ok(Completion::ignored_with(why)),
                None if held_back::missing(name).is_some() => {
                    Ok(Completion::ignored_with(held_back::missing(name).unwrap_or_default()))
                }
                None => {
                    test();
                    Ok(Completion::Completed)
                }
            })
        })
        .chain(real_livekit)
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
