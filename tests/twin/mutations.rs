//! The guide's files, and right ones of HAProxy, Caddy and Traefik, with one part dropped, swapped or doubled, or with another
//! port, name or time.

use crate::world::{Program, World};
use crate::{caddy, compare, finish, in_worlds};

/// The right files of a program, below `fixtures/proxy`.
fn right_files(program: Program) -> [&'static str; 3] {
    match program {
        Program::Nginx => ["guide/turn.conf", "guide/plain.conf", "guide/advanced.conf"],
        Program::Haproxy => {
            ["guide/haproxy.cfg", "guide/haproxy-http.cfg", "guide/haproxy-maps.cfg"]
        }
        Program::Caddy => ["caddy/layer4.json", "caddy/livekit.yaml", "caddy/shared-listener.yaml"],
        Program::Traefik => {
            ["traefik/right.yml", "traefik/priorities.yml", "traefik/two-stages.yml"]
        }
    }
}

const CHANGES: u64 = 100;

/// A generator of numbers (splitmix64): the same ones for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

pub fn random_changes(program: Program) -> Result<(), String> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first: u64 = number("OVCHECK_FIRST_CHANGE").unwrap_or(0);
    let count: u64 = number("OVCHECK_CHANGES").unwrap_or(CHANGES);
    let all: Vec<u64> = (first..first + count).collect();
    finish(&in_worlds("m", program, &all, one_change)?)
}

/// How the proxy and ovcheck differ about one change.
fn one_change(world: &World, seed: &u64) -> Vec<String> {
    let name = right_files(world.program)[(seed % 3) as usize];
    let text = std::fs::read_to_string(format!("fixtures/proxy/{name}")).unwrap();
    let (what, text) = match world.program {
        Program::Caddy => caddy::changed(&text, &mut Random(*seed)),
        Program::Nginx | Program::Haproxy | Program::Traefik => changed(&text, *seed),
    };
    let differences = compare(world, &world.filled(&text), false);
    differences.into_iter().map(|is| format!("{seed} {name}: {what}: {is}")).collect()
}

fn changed(text: &str, seed: u64) -> (String, String) {
    let mut random = Random(seed);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let places: Vec<usize> = (0..lines.len())
        .filter(|index| {
            let line = lines[*index].trim();
            !line.is_empty() && !line.starts_with('#') && !line.ends_with('@')
        })
        .collect();
    let first = places[random.below(places.len())];
    let second = places[random.below(places.len())];
    let what = match random.below(6) {
        0 => {
            format!("without {}", lines.remove(first))
        }
        1 => {
            lines.swap(first, second);
            format!("swapped {} and {}", lines[first], lines[second])
        }
        2 => {
            let line = lines[first].clone();
            lines.insert(first, line.clone());
            format!("twice {line}")
        }
        3 => replaced(
            &mut lines,
            &mut random,
            &["443", "1935", "80", "7880", "5349", "1945"],
            &["443", "1935", "80", "7880", "5349", "1945", "8443"],
        ),
        4 => replaced(
            &mut lines,
            &mut random,
            &["openvidu.example.io", "turn.example.io"],
            &[
                "openvidu.example.io",
                "turn.example.io",
                "*.example.io",
                ".example.io",
                "unknown.example.io",
                "default",
                "~^turn\\.",
            ],
        ),
        _ => replaced(&mut lines, &mut random, &["10s", "30s"], &["1s", "5m", "10x", "1h30m", ""]),
    };
    (what, lines.join("\n") + "\n")
}

/// One of `old` in one line becomes one of `new`.
pub fn replaced(lines: &mut [String], random: &mut Random, old: &[&str], new: &[&str]) -> String {
    let old = old[random.below(old.len())];
    let new = new[random.below(new.len())];
    let having: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].contains(old)).collect();
    if having.is_empty() {
        return format!("no {old}");
    }
    let line = &mut lines[having[random.below(having.len())]];
    *line = line.replacen(old, new, 1);
    format!("{old} became {new} in {line}")
}
