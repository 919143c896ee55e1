//! What readers find: each link of the documents leads somewhere, and the picture in the README is what
//! `ovcheck demo` shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents of the repository.
fn documents() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("docs")).unwrap();
    let pages = entries.map(|entry| entry.unwrap().path());
    let is_markdown = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut found: Vec<PathBuf> = pages.filter(is_markdown).collect();
    found.extend(
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "rules/README.md"]
            .map(|name| repository().join(name)),
    );
    found
}

/// The targets of the links in a document: `](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The name by which a heading can be linked: its words in lower case, joined by hyphens.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in documents() {
        let text = fs::read_to_string(&page).unwrap();
        for target in links(&text) {
            // Other sites, and the releases beside the repository.
            if target.contains("://") || target.starts_with("../../") {
                continue;
            }
            let (file, part) = target.split_once('#').unwrap_or((target, ""));
            let path =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let leads = path.is_dir()
                || fs::read_to_string(&path).is_ok_and(|text| {
                    part.is_empty() || anchors(&text).iter().any(|it| it == part)
                });
            if !leads {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[cfg(feature = "demo")]
#[test]
fn the_picture_of_the_readme_is_what_the_demo_shows() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (picture, _) = rest.split_once("\n```").unwrap();
    // Not compared: times, versions, and how many checks pass, because each new rule changes that. `…` stands
    // for lines that are left out.
    let changes = |line: &str| {
        let begins = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
        begins(&["ovcheck ", "from ", "call ", "✓"]) || line.trim() == "…"
    };
    let is_fixed = |line: &&str| !changes(line);
    let shown = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ovcheck"))
            .args(["demo", "--fault", "turn-backend-down"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let is_shown = |text: &str| {
        let mut lines = text.lines();
        picture.lines().filter(is_fixed).all(|line| lines.any(|it| it == line))
    };
    // A machine that was too busy to see every answer shows another picture.
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(shown());
        if seen.last().is_some_and(|text| is_shown(text)) {
            return;
        }
    }
    panic!("the README shows:\n{picture}\n\nthe demo showed:\n{}", seen.join("\n\n"));
}
