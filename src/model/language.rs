//! The languages of the page for users.

use super::word_list::{WordList, word_list};

word_list! {
    /// A language in which the page for users is written: its subtag (RFC 5646).
    pub enum Language {
        En = "en",
        De = "de",
        Es = "es",
        Fr = "fr",
    }
}

/// The most ranges of the header that are read.
const MOST_RANGES: usize = 20;

impl Language {
    /// The one of `offered` that a header `Accept-Language` (RFC 9110 §12.5.4) prefers; the first of them if it asks for
    /// none. `offered` must not be empty.
    pub fn accepted(header: &str, offered: &[Self]) -> Self {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',').take(MOST_RANGES) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let subtag = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let known = Self::from_word(&subtag).filter(|it| offered.contains(it));
            if let (Some(language), Ok(weight)) = (known, weight)
                && weight > best.map_or(0.0, |(_, best)| best)
            {
                best = Some((language, weight));
            }
        }
        best.map_or(offered[0], |(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_the_browser_prefers_is_chosen() {
        use Language::{De, En, Es, Fr};
        let table = [
            ("de-AT,de;q=0.9,en;q=0.8", De),
            ("en;q=0.4, FR-ca;q=0.5", Fr),
            ("pt-BR, es;q=0.1", Es),
            ("de;q=0", En),
            ("de;q=x", En),
            ("*", En),
            ("", En),
        ];
        for (header, expected) in table {
            assert_eq!(Language::accepted(header, &Language::ALL), expected, "{header}");
        }
        assert_eq!(Language::accepted("fr", &[De, En]), De);
    }
}
