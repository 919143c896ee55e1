//! Tells the program from which commit it is built.

#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    for variable in NAMED {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=OVCHECK_BUILT_FROM={}", built_from());
}

/// Variables in which a packager names the commit.
const NAMED: [&str; 2] = ["OVCHECK_COMMIT", "GIT_COMMIT"];

/// The commit, or what is known instead. Never a commit that may be another one.
fn built_from() -> String {
    let named = NAMED.iter().find_map(|variable| env::var(variable).ok());
    if let Some(commit) = named.as_deref().map(str::trim).filter(|text| is_commit(text)) {
        return commit.to_owned();
    }
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&root);
    if let Some(commit) = of_package(root) {
        return commit;
    }
    // Whoever develops builds again and again: a commit alone must not make everything new.
    if env::var("PROFILE").is_ok_and(|profile| profile != "release") {
        return "not recorded (debug build)".to_owned();
    }
    of_repository(root).unwrap_or_else(|| "unknown".to_owned())
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit in the file that `cargo package` adds.
fn of_package(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1).filter(|text| is_commit(text))?;
    let changed = if text.contains("\"dirty\": true") { CHANGED } else { "" };
    Some(format!("{commit}{changed}"))
}

const CHANGED: &str = ", with changes";

/// The commit of the repository, if it is the one of this package and not one around it.
fn of_repository(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let top = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if top != root.canonicalize().ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"]).filter(|text| is_commit(text))?;
    // HEAD changes in this file; what is not committed, in those.
    for path in [
        git(&["rev-parse", "--git-path", "logs/HEAD"])?,
        git(&["rev-parse", "--git-path", "HEAD"])?,
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    for path in ["src", "rules", "Cargo.toml", "Cargo.lock", "askama.toml"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let is_clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(format!("{commit}{}", if is_clean { "" } else { CHANGED }))
}
