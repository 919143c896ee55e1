//! The words of a line of an HAProxy configuration, exactly as HAProxy reads them (`parse_line`).

use std::collections::BTreeMap;

use crate::lint::source::Span;

/// A word, its quotes and escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// With its quotes.
    pub span: Span,
    /// The first environment variable in it whose value is not known: `text` lacks that value.
    pub variable: Option<String>,
}

/// A fault of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFault {
    /// The line ends within quotes.
    OpenQuote(Span),
    /// Within double quotes, `$` begins the name of a variable, and none follows.
    NoVariable(Span),
    /// `\x` without two hexadecimal digits.
    NoCharacter(Span),
}

/// Reads the words of one line.
struct LineReader<'a> {
    bytes: &'a [u8],
    /// Where the line begins in its file.
    offset: usize,
    file: u32,
    at: usize,
    environment: &'a BTreeMap<String, String>,
}

/// The words of a line without its end, up to its comment. `environment`: variables whose values are known.
///
/// # Errors
/// What HAProxy does not accept in the line.
pub fn read_words(
    bytes: &[u8],
    file: u32,
    offset: usize,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<Word>, LineFault> {
    let mut reader = LineReader { bytes, offset, file, at: 0, environment };
    let mut words = Vec::new();
    while let Some(word) = reader.next_word()? {
        words.push(word);
    }
    Ok(words)
}

impl LineReader<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let place = |at: usize| (self.offset + at) as u32;
        Span { file: self.file, start: place(start), end: place(end) }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn next_word(&mut self) -> Result<Option<Word>, LineFault> {
        while self.peek(0).is_some_and(is_blank) {
            self.at += 1;
        }
        let start = self.at;
        if self.peek(0).is_none_or(|byte| byte == b'#') {
            return Ok(None);
        }
        let mut text: Vec<u8> = Vec::new();
        let mut variable = None;
        let mut quote: Option<(u8, usize)> = None;
        while let Some(byte) = self.peek(0) {
            match (byte, quote) {
                (b'#', None) => break,
                (byte, None) if is_blank(byte) => break,
                (b'"' | b'\'', None) => quote = Some((byte, self.at)),
                (byte, Some((open, _))) if byte == open => quote = None,
                (b'\\', None | Some((b'"', _))) => {
                    self.escape(&mut text, quote.is_some())?;
                    continue;
                }
                (b'$', Some((b'"', _))) => {
                    let name = self.variable()?;
                    match self.environment.get(&name) {
                        Some(value) => text.extend_from_slice(value.as_bytes()),
                        None => {
                            variable.get_or_insert(name);
                        }
                    }
                    continue;
                }
                (byte, _) => text.push(byte),
            }
            self.at += 1;
        }
        if let Some((_, at)) = quote {
            return Err(LineFault::OpenQuote(self.span(at, at + 1)));
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(Some(Word { text, span: self.span(start, self.at), variable }))
    }

    /// Stands behind the escaped character afterwards. Before any other character, the backslash is one itself.
    fn escape(&mut self, text: &mut Vec<u8>, is_quoted: bool) -> Result<(), LineFault> {
        let start = self.at;
        self.at += 1;
        let escaped = match self.peek(0) {
            Some(byte @ (b'\\' | b'"' | b'\'')) => byte,
            Some(byte @ (b' ' | b'#')) if !is_quoted => byte,
            Some(b'$') if is_quoted => b'$',
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits = self.bytes.get(self.at + 1..self.at + 3);
                let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let fault = LineFault::NoCharacter(self.span(start, self.at + 1));
                text.push(byte.ok_or(fault)?);
                self.at += 3;
                return Ok(());
            }
            _ => {
                text.push(b'\\');
                return Ok(());
            }
        };
        text.push(escaped);
        self.at += 1;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`: the name, and stands behind it.
    fn variable(&mut self) -> Result<String, LineFault> {
        let start = self.at;
        self.at += 1;
        let is_braced = self.peek(0) == Some(b'{');
        self.at += usize::from(is_braced);
        let name_at = self.at;
        while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        let name = &self.bytes[name_at..self.at];
        let fault = LineFault::NoVariable(self.span(start, start + 1));
        if !name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
            return Err(fault);
        }
        if is_braced {
            let rest = &self.bytes[self.at..];
            let length = rest.iter().position(|byte| *byte == b'}').ok_or(fault)?;
            self.at += length + 1;
        }
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let environment = BTreeMap::from([("PORT".to_owned(), "443".to_owned())]);
        let words = read_words(line.as_bytes(), 0, 0, &environment).unwrap();
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_those_of_haproxy() {
        for (line, expected) in [
            ("  bind :443 # here", vec!["bind", ":443"]),
            ("a#b", vec!["a"]),
            ("'a #b' \"c d\"", vec!["a #b", "c d"]),
            ("a\\ b \\#c", vec!["a b", "#c"]),
            ("^turn\\.x$", vec!["^turn\\.x$"]),
            ("'$PORT' \":$PORT\" \":${PORT}\" ${PORT}", vec!["$PORT", ":443", ":443", "${PORT}"]),
            ("\\x41\"\\$\"", vec!["A$"]),
            ("x '' y", vec!["x", "", "y"]),
            ("a\"b c\"d", vec!["ab cd"]),
            ("# all", vec![]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn a_variable_without_value_is_told() {
        let words = read_words(b"bind \":${HERE}\"", 0, 7, &BTreeMap::new()).unwrap();
        assert_eq!(words[1].variable.as_deref(), Some("HERE"));
        assert_eq!((words[1].span.start, words[1].span.end), (12, 22));
    }

    #[test]
    fn faults_have_their_place() {
        let at = |start: u32, end: u32| Span { file: 0, start, end };
        for (line, fault) in [
            ("a 'b", LineFault::OpenQuote(at(2, 3))),
            ("\"^x$\"", LineFault::NoVariable(at(3, 4))),
            ("\"${X\"", LineFault::NoVariable(at(1, 2))),
            ("\\xg0", LineFault::NoCharacter(at(0, 2))),
        ] {
            assert_eq!(read_words(line.as_bytes(), 0, 0, &BTreeMap::new()), Err(fault), "{line}");
        }
    }
}
