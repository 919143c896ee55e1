//! Files of environment variables, as Docker Compose reads them (`.env`).

use std::ops::Range;

/// A variable that a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// From 1: the line of the name.
    pub line: usize,
    /// The bytes of the name.
    pub name: Range<usize>,
    /// The bytes of the value, without quotation marks and the comment behind it.
    pub value: Range<usize>,
    pub raw: &'a str,
    pub quote: Quote,
}

/// How a value is quoted, and so which of its characters have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// Variables are replaced.
    None,
    /// All characters stand for themselves.
    Single,
    /// Variables are replaced, and a backslash has a meaning.
    Double,
}

/// Something in a file that is not an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    pub line: usize,
    pub bytes: Range<usize>,
    pub kind: SlipKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    NoAssignment,
    InvalidName,
    OpenQuote,
    BehindQuote,
}

/// The assignments of a file, and what is wrong in it. Reading goes on behind a wrong line.
pub fn read(text: &str) -> (Vec<Assignment<'_>>, Vec<Slip>) {
    let mut reader = EnvReader { text, at: 0, line: 1 };
    let (mut assignments, mut slips) = (Vec::new(), Vec::new());
    while reader.at < text.len() {
        match reader.assignment() {
            Ok(assignment) => assignments.extend(assignment),
            Err(slip) => slips.push(slip),
        }
    }
    (assignments, slips)
}

impl Assignment<'_> {
    /// The value with its escapes replaced. Variables stay.
    pub fn unescaped(&self) -> String {
        if self.quote != Quote::Double || !self.raw.contains('\\') {
            return self.raw.to_owned();
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut characters = self.raw.chars();
        while let Some(c) = characters.next() {
            match (c, characters.as_str().chars().next()) {
                ('\\', Some(next)) => {
                    characters.next();
                    match next {
                        'n' => text.push('\n'),
                        'r' => text.push('\r'),
                        't' => text.push('\t'),
                        // A dollar sign that is not the beginning of a variable.
                        '$' => text.push_str("$$"),
                        other => text.push(other),
                    }
                }
                (c, _) => text.push(c),
            }
        }
        text
    }
}

struct EnvReader<'a> {
    text: &'a str,
    /// A byte at the beginning of a line.
    at: usize,
    line: usize,
}

impl<'a> EnvReader<'a> {
    /// The bytes of the line from `from`, without its end.
    fn line_from(&self, from: usize) -> Range<usize> {
        let rest = &self.text[from..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let line = &rest[..length];
        from..from + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Goes to the line behind `byte`.
    fn go_behind(&mut self, byte: usize) {
        let end = self.text[byte..].find('\n').map_or(self.text.len(), |at| byte + at + 1);
        self.line += self.text[self.at..end].matches('\n').count();
        self.at = end;
    }

    /// The assignment that begins on this line. `None`: a comment or nothing. Goes on behind it.
    fn assignment(&mut self) -> Result<Option<Assignment<'a>>, Slip> {
        let line = self.line;
        let whole = self.line_from(self.at);
        let start = whole.start + indent_of(&self.text[whole.clone()]);
        let content = &self.text[start..whole.end];
        if content.trim().is_empty() || content.starts_with('#') {
            self.go_behind(whole.end);
            return Ok(None);
        }
        let exported = content.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let skipped = exported.map_or(0, |rest| content.len() - rest.len() + indent_of(rest));
        let (start, content) = (start + skipped, &content[skipped..]);
        let slip = |bytes, kind| Slip { line, bytes, kind };
        let Some(equals) = content.find(['=', ':']) else {
            self.go_behind(whole.end);
            // `NAME` alone takes the value of the environment in which Docker Compose runs.
            let is_inherited = is_name(content.trim_end());
            let slip = slip(start..whole.end, SlipKind::NoAssignment);
            return if is_inherited { Ok(None) } else { Err(slip) };
        };
        let name = start..start + content[..equals].trim_end().len();
        if !is_name(&self.text[name.clone()]) {
            self.go_behind(whole.end);
            return Err(slip(name, SlipKind::InvalidName));
        }
        let behind = start + equals + 1;
        let value_start = behind + indent_of(&self.text[behind..whole.end]);
        let (value, quote, end) = match self.text[value_start..whole.end].chars().next() {
            Some(mark @ ('"' | '\'')) => match self.quoted(value_start, mark) {
                Ok((value, end)) => {
                    let quote = if mark == '"' { Quote::Double } else { Quote::Single };
                    (value, quote, end)
                }
                Err(kind) => {
                    self.go_behind(whole.end);
                    return Err(slip(value_start..whole.end, kind));
                }
            },
            Some(_) | None => {
                (self.without_comment(value_start..whole.end), Quote::None, whole.end)
            }
        };
        self.go_behind(end);
        Ok(Some(Assignment { line, name, raw: &self.text[value.clone()], value, quote }))
    }

    /// The value between marks of which the first is at `from`, and the byte behind the last one. It may
    /// have several lines.
    fn quoted(&self, from: usize, mark: char) -> Result<(Range<usize>, usize), SlipKind> {
        let start = from + 1;
        let mut is_escaped = false;
        let end = self.text[start..].char_indices().find_map(|(at, c)| {
            let is_end = c == mark && !is_escaped;
            is_escaped = c == '\\' && !is_escaped && mark == '"';
            is_end.then_some(start + at)
        });
        let end = end.ok_or(SlipKind::OpenQuote)?;
        let behind = self.text[self.line_from(end + 1)].trim_start();
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err(SlipKind::BehindQuote);
        }
        Ok((start..end, end + 1))
    }

    /// A value without quotation marks: up to a `#` behind a blank.
    fn without_comment(&self, range: Range<usize>) -> Range<usize> {
        let value = &self.text[range.clone()];
        let bytes = value.as_bytes();
        let is_comment =
            |at: &usize| bytes[*at] == b'#' && (*at == 0 || bytes[*at - 1].is_ascii_whitespace());
        let end = (0..bytes.len()).find(is_comment).unwrap_or(bytes.len());
        range.start..range.start + value[..end].trim_end().len()
    }
}

/// How many bytes of blanks a text begins with.
fn indent_of(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\u{feff}', '\r', '\u{b}', '\u{c}']).len()
}

fn is_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
    !text.is_empty() && text.chars().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(usize, &str, String)> {
        let (assignments, _) = read(text);
        assignments
            .into_iter()
            .map(|it| (it.line, &text[it.name.clone()], it.unescaped()))
            .collect()
    }

    #[test]
    fn assignments_are_read_as_docker_compose_reads_them() {
        let text = "\u{feff}# A=no\r\nA=one # ours\r\n  export B = \"two # \\\"it\\\"\" # x\n\
                    C='$literal \\n'\nD=\nE=a#b\nF='three\nlines\nlong'\nG: yaml\nH=${A:-x}\nI=#\n\nJ";
        assert_eq!(
            values(text),
            [
                (2, "A", "one".to_owned()),
                (3, "B", "two # \"it\"".to_owned()),
                (4, "C", "$literal \\n".to_owned()),
                (5, "D", String::new()),
                (6, "E", "a#b".to_owned()),
                (7, "F", "three\nlines\nlong".to_owned()),
                (10, "G", "yaml".to_owned()),
                (11, "H", "${A:-x}".to_owned()),
                (12, "I", String::new()),
            ]
        );
    }

    #[test]
    fn reading_goes_on_behind_a_wrong_line() {
        let text = "A b=1\nnot an assignment\nC='open\nD=2\nE=\"x\"y\nF=3\n";
        let (_, slips) = read(text);
        let slips: Vec<(usize, SlipKind)> = slips.iter().map(|it| (it.line, it.kind)).collect();
        assert_eq!(
            slips,
            [
                (1, SlipKind::InvalidName),
                (2, SlipKind::NoAssignment),
                (3, SlipKind::OpenQuote),
                (5, SlipKind::BehindQuote),
            ]
        );
        assert_eq!(values(text), [(4, "D", "2".to_owned()), (6, "F", "3".to_owned())]);
    }
}
