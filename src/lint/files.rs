//! The files of a configuration, as its reader sees them.

use std::collections::{BTreeMap, BTreeSet};

/// Where the files of a configuration come from.
pub trait Files {
    /// The content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// Why it is not read.
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, FileProblem>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// Why it is not read.
    fn list(&self, directory: &str) -> Result<Vec<String>, FileProblem>;

    /// Owners and modes of the directories on the way to a file and of the file itself, as far as they can be seen.
    /// Empty for files that are not on the machine of the program that reads them: a copy has owners of its own.
    fn permissions(&self, _path: &str) -> Vec<Permissions> {
        Vec::new()
    }
}

/// Who may do what with a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    pub path: String,
    pub is_directory: bool,
    /// The number of its user.
    pub owner: u32,
    /// The number of its group.
    pub group: u32,
    /// The lowest nine bits of its mode.
    pub mode: u32,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// It is not there, and these are the files of the machine on which the proxy runs.
    Missing,
    /// It is not there; whether the proxy has it is not known, because these files are a copy.
    NotInCopy,
    /// It may not be read by this user.
    Denied,
    TooLarge,
    /// A directory, a device, a pipe or a socket.
    NotRegular,
    /// Symbolic links in a circle.
    LinkCircle,
    /// What the system says.
    Other(String),
}

/// The most paths that one pattern may find.
const MOST_FOUND: usize = 1_000;

/// The paths that a pattern of `glob(3)` finds, in the order of nginx: sorted by bytes.
///
/// # Errors
/// Why a directory was not read.
pub fn find_paths(files: &dyn Files, pattern: &str) -> Result<Vec<String>, FileProblem> {
    let mut found: BTreeSet<String> = BTreeSet::from([start_of(pattern).to_owned()]);
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        let mut next = BTreeSet::new();
        let is_last = index + 1 == parts.len();
        for directory in &found {
            if !is_pattern(part) {
                // Whether it is there shows when it is read.
                next.insert(joined(directory, part));
                continue;
            }
            match files.list(directory) {
                Ok(names) => next.extend(
                    names
                        .iter()
                        .filter(|name| matches_name(part, name))
                        .map(|name| joined(directory, name)),
                ),
                // A name on the way that is no directory holds nothing.
                Err(FileProblem::NotRegular) if !is_last || found.len() > 1 => {}
                Err(FileProblem::Missing) => {}
                Err(problem) => return Err(problem),
            }
        }
        found = next.into_iter().take(MOST_FOUND).collect();
    }
    Ok(found.into_iter().collect())
}

fn start_of(pattern: &str) -> &str {
    if pattern.starts_with('/') { "/" } else { "" }
}

fn joined(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        _ => format!("{directory}/{name}"),
    }
}

/// Whether a path is a pattern for nginx.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether a pattern of `fnmatch(3)` has this name. A pattern never matches a dot at the beginning.
fn matches_name(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    if name.first() == Some(&'.') && pattern.first() != Some(&'.') {
        return false;
    }
    matches_rest(&pattern, &name)
}

fn matches_rest(pattern: &[char], name: &[char]) -> bool {
    // After a `*` that did not fit, it takes one more character: no other star has to be tried again.
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class_takes(&pattern[p..], name[n]),
            Some('\\') if p + 1 < pattern.len() => (pattern[p + 1] == name[n]).then_some(2),
            Some(&c) => (c == name[n]).then_some(1),
            None => None,
        };
        if let Some(width) = step {
            p += width;
            n += 1;
        } else if let Some((after_star, from)) = retry {
            p = after_star;
            n = from + 1;
            retry = Some((after_star, n));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How many characters of the pattern the class has that takes `c`.
fn class_takes(pattern: &[char], c: char) -> Option<usize> {
    let is_negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if is_negated { 2 } else { 1 };
    let length = pattern.iter().skip(first + 1).position(|c| *c == ']');
    let Some(length) = length.map(|length| length + 1) else {
        return (c == '[').then_some(1);
    };
    let class = &pattern[first..first + length];
    let mut is_in = false;
    let mut index = 0;
    while index < class.len() {
        if class.get(index + 1) == Some(&'-') && index + 2 < class.len() {
            is_in |= (class[index]..=class[index + 2]).contains(&c);
            index += 3;
        } else {
            is_in |= class[index] == c;
            index += 1;
        }
    }
    (is_in != is_negated).then_some(first + length + 1)
}

/// Files that are all known by their paths: those of an `nginx -T` dump.
#[derive(Debug, Default)]
pub struct KnownFiles(pub BTreeMap<String, Vec<u8>>);

impl Files for KnownFiles {
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, FileProblem> {
        let content = self.0.get(path).ok_or(FileProblem::NotInCopy)?;
        if content.len() > limit { Err(FileProblem::TooLarge) } else { Ok(content.clone()) }
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, FileProblem> {
        let start = format!("{}/", directory.trim_end_matches('/'));
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&start));
        let names: BTreeSet<&str> = below.filter_map(|path| path.split('/').next()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf~", false),
            ("[0-9]*", "50-mod.conf", true),
            ("[!0-9]*", "50-mod.conf", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xaybz", true),
            ("*a*b*", "xbya", false),
            ("[", "[", true),
            ("a\\*", "a*", true),
        ] {
            assert_eq!(matches_name(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_found_in_order() {
        let names = ["/e/c/b.conf", "/e/c/a.conf", "/e/d/a.conf", "/e/c/x"];
        let files = KnownFiles(names.map(|name| (name.to_owned(), Vec::new())).into());
        let found = find_paths(&files, "/e/*/*.conf").unwrap();
        assert_eq!(found, ["/e/c/a.conf", "/e/c/b.conf", "/e/d/a.conf"]);
    }
}
