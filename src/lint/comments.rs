//! Comments that accept violations: `# ovcheck: ignore RULE reason`.

use crate::model::configuration::{IgnoreComment, Location};
use crate::model::facts::ServerText;

/// The most comments of a file that are read.
const MOST: usize = 1_000;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 300;

/// Such comments in a file, in any language whose comments begin with `#`.
pub fn of_file(path: &str, bytes: &[u8]) -> Vec<IgnoreComment> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    let found = lines.iter().enumerate().filter_map(|(index, line)| {
        let (before, start, words) = ignore(line)?;
        let mut words = words.split_whitespace();
        let rule = words.next().unwrap_or_default();
        let reason: String = words.collect::<Vec<_>>().join(" ");
        let is_alone = before.trim().is_empty();
        let about = if is_alone { next_with_words(&lines, index) } else { index };
        Some(IgnoreComment {
            at: Location {
                file: ServerText::new(path),
                line: number(index),
                column: before.chars().count() as u32 + 1,
                width: start.chars().count() as u32,
                text: None,
            },
            line: number(about),
            rule: ServerText::new(rule),
            reason: ServerText::new(&reason.chars().take(LONGEST_REASON).collect::<String>()),
        })
    });
    found.take(MOST).collect()
}

/// What stands before such a comment, how it begins, and the words behind.
fn ignore(line: &str) -> Option<(&str, &str, &str)> {
    let at = line.find("ovcheck:")?;
    let (before, comment) = line.split_at(line[..at].rfind('#')?);
    let gap = comment.strip_prefix('#')?.split("ovcheck:").next()?;
    let (_, behind) = comment.split_once("ovcheck:")?;
    let words = behind.trim_start().strip_prefix("ignore")?;
    let is_word = words.is_empty() || words.starts_with(char::is_whitespace);
    let start = &comment[..comment.len() - words.len()];
    (gap.trim().is_empty() && is_word).then_some((before, start, words))
}

/// The next line on which more stands than a comment; without one, the same.
fn next_with_words(lines: &[&str], index: usize) -> usize {
    let says = |line: &&str| !(line.trim().is_empty() || line.trim_start().starts_with('#'));
    let behind = lines.iter().enumerate().skip(index + 1);
    behind.into_iter().find(|(_, line)| says(line)).map_or(index, |(at, _)| at)
}

/// From 1.
fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, u32, String, String)> {
        let of = |it: &ServerText| it.unquoted().to_owned();
        let all = of_file("a.conf", text.as_bytes()).into_iter();
        all.map(|it| (it.at.line, it.line, of(&it.rule), of(&it.reason))).collect()
    }

    #[test]
    fn a_comment_is_about_its_line_or_the_next_one_with_words() {
        let text = "a on; # ovcheck: ignore proxy/a because of b\n# ovcheck: ignore proxy/b c\n\n# more\nb;\n";
        let of = |text: &str| text.to_owned();
        let expected = [(1, 1, of("proxy/a"), of("because of b")), (2, 5, of("proxy/b"), of("c"))];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_is_no_such_comment_accepts_nothing() {
        for text in
            ["ovcheck: ignore proxy/a b", "# see ovcheck: ignore a", "# ovcheck: ignored a", "#"]
        {
            assert_eq!(read(text), [], "{text}");
        }
    }

    #[test]
    fn a_comment_without_rule_or_reason_is_read() {
        let none = String::new;
        assert_eq!(read("#ovcheck:ignore"), [(1, 1, none(), none())]);
        assert_eq!(read("# ovcheck: ignore proxy/a"), [(1, 1, "proxy/a".to_owned(), none())]);
    }
}
