//! The words of an nginx configuration, exactly as nginx reads them (`ngx_conf_read_token`).

use crate::lint::source::Span;

/// A word, its quotes and escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// With its quotes.
    pub span: Span,
}

/// What the lexer reads next.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    Word(Word),
    /// `;`
    End(Span),
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
}

/// A fault of the text. Reading goes on behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexFault {
    /// After the closing quote of a word comes neither a blank nor `;`, `{` or `)`.
    TextAfterQuote(Span),
    /// The file ends within quotes.
    OpenQuote(Span),
    /// A word of more than 4,096 bytes, which nginx does not read.
    LongWord(Span),
}

/// The size of the buffer from which nginx reads words.
const LONGEST_WORD: usize = 4_096;

/// Reads the words of one file.
pub struct Lexer<'a> {
    bytes: &'a [u8],
    file: u32,
    at: usize,
    /// Whether the word before was quoted and nothing came after it yet.
    is_after_quote: bool,
    pub faults: Vec<LexFault>,
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8], file: u32) -> Self {
        let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { bytes, file, at, is_after_quote: false, faults: Vec::new() }
    }

    fn span(&self, start: usize) -> Span {
        Span { file: self.file, start: start as u32, end: self.at as u32 }
    }

    /// The end of the file, as a place.
    pub fn end(&self) -> Span {
        let end = self.bytes.len();
        Span { file: self.file, start: end.saturating_sub(1) as u32, end: end as u32 }
    }

    /// The next token. `is_at_start`: whether a directive may begin or `}` may stand here; within a directive
    /// `}` at the start of a word is read as [`Token::Close`] as well, and is a fault of its own there.
    pub fn next_token(&mut self) -> Option<Token> {
        if std::mem::take(&mut self.is_after_quote)
            && let Some(byte) = self.bytes.get(self.at)
            && !is_blank(*byte)
            && !matches!(byte, b';' | b'{' | b')')
        {
            let start = self.at;
            self.at += 1;
            self.faults.push(LexFault::TextAfterQuote(self.span(start)));
            self.at = start;
        }
        self.skip_blanks();
        let start = self.at;
        let byte = *self.bytes.get(start)?;
        self.at += 1;
        Some(match byte {
            b';' => Token::End(self.span(start)),
            b'{' => Token::Open(self.span(start)),
            b'}' => Token::Close(self.span(start)),
            b'"' | b'\'' => self.quoted(start, byte),
            _ => {
                self.at = start;
                self.bare(start)
            }
        })
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => self.skip_line(),
                byte if is_blank(*byte) => self.at += 1,
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn quoted(&mut self, start: usize, quote: u8) -> Token {
        loop {
            match self.bytes.get(self.at) {
                Some(b'\\') => self.at = (self.at + 2).min(self.bytes.len()),
                Some(byte) if *byte == quote => break,
                Some(_) => self.at += 1,
                None => {
                    // The rest of the file stands in these quotes for nginx; a reader wants to see where
                    // they begin.
                    let opening = Span { end: start as u32 + 1, ..self.span(start) };
                    self.faults.push(LexFault::OpenQuote(opening));
                    return self.word(start, start + 1, self.at);
                }
            }
        }
        let end = self.at;
        self.at += 1;
        self.is_after_quote = true;
        self.word(start, start + 1, end)
    }

    fn bare(&mut self, start: usize) -> Token {
        let mut is_variable = false;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'{' if is_variable => {
                    self.at += 1;
                    continue;
                }
                b'\\' => {
                    is_variable = false;
                    self.at = (self.at + 2).min(self.bytes.len());
                    continue;
                }
                b';' | b'{' => break,
                byte if is_blank(*byte) => break,
                _ => {}
            }
            is_variable = *byte == b'$';
            self.at += 1;
        }
        self.word(start, start, self.at)
    }

    fn word(&mut self, start: usize, text_from: usize, text_to: usize) -> Token {
        let span = self.span(start);
        if text_to - text_from >= LONGEST_WORD {
            self.faults.push(LexFault::LongWord(Span { end: span.start + 1, ..span }));
        }
        let text = unescaped(&self.bytes[text_from..text_to]);
        Token::Word(Word { text: String::from_utf8_lossy(&text).into_owned(), span })
    }

    /// Skips a block of Lua, up to and with the brace that closes it. `false`: the file ends before.
    pub fn skip_lua(&mut self) -> bool {
        let mut depth = 1_usize;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b'"' | b'\'' => self.skip_lua_string(*byte),
                b'-' if self.bytes.get(self.at + 1) == Some(&b'-') => {
                    self.at += 2;
                    if !self.skip_lua_brackets() {
                        self.skip_line();
                    }
                    continue;
                }
                b'[' if self.skip_lua_brackets() => continue,
                _ => {}
            }
            self.at = (self.at + 1).min(self.bytes.len());
            if depth == 0 {
                return true;
            }
        }
        false
    }

    /// Stands at the closing quote afterwards, or at the end of the line.
    fn skip_lua_string(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 1,
                b'\n' => return,
                byte if *byte == quote => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `[[…]]`, `[=[…]=]`: whether one begins here.
    fn skip_lua_brackets(&mut self) -> bool {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        if rest.first() != Some(&b'[') {
            return false;
        }
        let level = rest[1..].iter().take_while(|byte| **byte == b'=').count();
        if rest.get(1 + level) != Some(&b'[') {
            return false;
        }
        let mut closing = vec![b']'];
        closing.extend(std::iter::repeat_n(b'=', level));
        closing.push(b']');
        let found = rest.windows(closing.len()).position(|window| window == closing);
        self.at += found.map_or(rest.len(), |found| found + closing.len());
        true
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `\"`, `\'`, `\\`, `\t`, `\r` and `\n` become the character; any other backslash stays.
pub fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = match (byte, bytes.peek()) {
            (b'\\', Some(b'"' | b'\'' | b'\\')) => bytes.peek().copied(),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            _ => None,
        };
        if escaped.is_some() {
            bytes.next();
        }
        text.push(escaped.unwrap_or(byte));
    }
    text
}
