//! "Did you mean …?"

/// The known word that `wrong` was most likely meant to be; `None` when none is near.
///
/// Near is: at most one slip (a letter too many, too few, wrong or swapped with its neighbour) for
/// every three letters, upper and lower case aside. Of equally near words the first one wins.
pub fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A word longer than any of ours is no slip; this also bounds the work.
    const LONGEST: usize = 64;
    let wrong: Vec<char> = wrong.chars().take(LONGEST + 1).flat_map(char::to_lowercase).collect();
    if wrong.len() > LONGEST {
        return None;
    }
    known
        .map(|word| {
            let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
            let allowed = (wrong.len().max(letters.len()) / 3).max(1);
            (slips(&wrong, &letters), allowed, word)
        })
        // A word of one or two letters is near to everything of its length.
        .filter(|(distance, allowed, word)| distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, word)| word)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of
/// neighbours, each letter touched once.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (last[j - 1] + differs).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["id", "title", "severity", "domain-name", "turn-domain-name"];

    fn meant(wrong: &str) -> Option<&'static str> {
        suggest(wrong, KEYS.into_iter())
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(meant("titel"), Some("title"));
        assert_eq!(meant("Severity"), Some("severity"));
        assert_eq!(meant("severty"), Some("severity"));
        assert_eq!(meant("turn_domain_name"), Some("turn-domain-name"));
        assert_eq!(meant("di"), Some("id"));
    }

    #[test]
    fn another_word_is_not_taken_for_a_slip() {
        assert_eq!(meant("nodes"), None);
        assert_eq!(meant("xy"), None);
        assert_eq!(meant(""), None);
        assert_eq!(meant(&"title".repeat(1000)), None);
    }
}
