//! "Did you mean …?"

/// The known word that `wrong` was most likely meant to be; `None` when none is near.
///
/// Near is: at most one slip (a letter too many, too few, wrong or swapped with its neighbour) for
/// every three letters, upper and lower case aside. Of equally near words the first one wins.
pub fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // No known word is longer, so a longer one is not a slip; the limit also bounds the work.
    const LONGEST: usize = 64;
    let length = wrong.chars().count();
    if length > LONGEST {
        return None;
    }
    let wrong = wrong.to_lowercase();
    known
        .map(|word| (strsim::osa_distance(&wrong, &word.to_lowercase()), word))
        .filter(|&(slips, word)| {
            let letters = word.chars().count();
            // A word of one or two letters is near to everything of its length.
            slips <= (length.max(letters) / 3).max(1) && slips < letters
        })
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, word)| word)
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
