//! The directives of an nginx configuration with their blocks, included files in their place.

use super::lexer::{LexFault, Lexer, Token, Word};
use super::words;
use crate::lint::files::{FileProblem, Files, find_paths, is_pattern};
use crate::lint::source::{Sources, Span};
use crate::model::facts::{ProxyFaultKind, ServerText};

/// The deepest nesting of blocks and includes.
const DEEPEST: usize = 64;
/// The most files, and the most bytes of one and of all.
const MOST_FILES: usize = 1_000;
const LARGEST_FILE: usize = 4 * 1024 * 1024;
const LARGEST_TOGETHER: usize = 32 * 1024 * 1024;
const MOST_DIRECTIVES: usize = 200_000;

/// A directive. An `include` is followed by the directives of its files.
#[derive(Debug)]
pub struct Directive {
    pub name: Word,
    pub args: Vec<Word>,
    pub body: Body,
}

/// What comes after the words of a directive.
#[derive(Debug)]
pub enum Body {
    /// `;`
    None,
    Block(Vec<Directive>),
    /// Lua.
    Code,
    /// An `include` of which not everything was read.
    Unread,
}

impl Directive {
    pub fn is(&self, name: &str) -> bool {
        self.name.text == name
    }

    /// Its words, without its block.
    pub fn span(&self) -> Span {
        // A quoted name of another file cannot be: the words of a directive stand in one file.
        self.args.last().map_or(self.name.span, |last| self.name.span.to(last.span))
    }

    pub fn arg(&self, index: usize) -> Option<&str> {
        self.args.get(index).map(|word| word.text.as_str())
    }

    pub fn block(&self) -> Option<&[Directive]> {
        match &self.body {
            Body::Block(directives) => Some(directives),
            _ => None,
        }
    }
}

/// A fault, with its part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFault {
    pub at: Span,
    pub what: ProxyFaultKind,
}

/// A configuration as it was read.
#[derive(Debug, Default)]
pub struct Tree {
    pub sources: Sources,
    pub directives: Vec<Directive>,
    pub faults: Vec<TextFault>,
}

/// Reads the configuration that begins with the content of `path`.
pub fn read_tree(path: &str, content: &[u8], files: &dyn Files) -> Tree {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut reader = TreeReader {
        files,
        directory: directory.to_owned(),
        tree: Tree::default(),
        open_files: Vec::new(),
        together: content.len(),
        directives: 0,
    };
    let mut directives = Vec::new();
    reader.read_file(path, content, 0, &mut directives);
    reader.tree.directives = directives;
    reader.tree
}

struct TreeReader<'f> {
    files: &'f dyn Files,
    /// Of the main file: relative paths of includes begin there, in every file.
    directory: String,
    tree: Tree,
    /// The paths of the files that include the one at hand.
    open_files: Vec<String>,
    together: usize,
    directives: usize,
}

/// How a block ended.
#[derive(PartialEq, Eq)]
enum BlockEnd {
    Closed,
    EndOfFile,
}

impl TreeReader<'_> {
    fn read_file(&mut self, path: &str, content: &[u8], depth: usize, into: &mut Vec<Directive>) {
        self.open_files.push(path.to_owned());
        let number = self.tree.sources.add(path.to_owned(), content.to_vec());
        let mut lexer = Lexer::new(content, number);
        // Behind a `}` too many there may be more.
        while self.read_block(&mut lexer, depth, true, into) == BlockEnd::Closed {}
        for fault in std::mem::take(&mut lexer.faults) {
            let (at, what) = match fault {
                LexFault::TextAfterQuote(at) => (at, ProxyFaultKind::TextAfterQuote),
                LexFault::OpenQuote(at) => (at, ProxyFaultKind::OpenQuote),
                LexFault::LongWord(at) => (at, ProxyFaultKind::LongWord),
            };
            self.fault(at, what);
        }
        self.open_files.pop();
    }

    fn fault(&mut self, at: Span, what: ProxyFaultKind) {
        const MOST_FAULTS: usize = 1_000;
        if self.tree.faults.len() < MOST_FAULTS {
            self.tree.faults.push(TextFault { at, what });
        }
    }

    fn read_block(
        &mut self,
        lexer: &mut Lexer<'_>,
        depth: usize,
        is_file: bool,
        into: &mut Vec<Directive>,
    ) -> BlockEnd {
        let mut words: Vec<Word> = Vec::new();
        while let Some(token) = lexer.next_token() {
            match token {
                Token::Word(word) => words.push(word),
                Token::End(at) | Token::Open(at) if words.is_empty() => {
                    self.fault(at, ProxyFaultKind::NothingBefore);
                    if matches!(token, Token::Open(_)) {
                        // Its content is read as if it stood here.
                        self.read_nested(lexer, depth, at, &mut Vec::new());
                    }
                }
                Token::End(_) => self.end_directive(&mut words, depth, into),
                Token::Open(at) => {
                    let mut words = std::mem::take(&mut words).into_iter();
                    let Some(name) = words.next() else { continue };
                    let directive = Directive { name, args: words.collect(), body: Body::None };
                    into.extend(self.open_directive(directive, lexer, depth, at));
                }
                Token::Close(at) => {
                    if let Some(last) = words.last() {
                        let last = last.span;
                        self.fault(last, ProxyFaultKind::SemicolonMissing);
                        self.end_directive(&mut words, depth, into);
                    }
                    if is_file {
                        self.fault(at, ProxyFaultKind::NothingToClose);
                    }
                    return BlockEnd::Closed;
                }
            }
        }
        if let Some(last) = words.last() {
            let last = last.span;
            self.fault(last, ProxyFaultKind::SemicolonMissing);
            self.end_directive(&mut words, depth, into);
        }
        BlockEnd::EndOfFile
    }

    fn is_one_too_many(&mut self, at: Span) -> bool {
        self.directives += 1;
        if self.directives == MOST_DIRECTIVES {
            self.fault(at, ProxyFaultKind::TooMany);
        }
        self.directives >= MOST_DIRECTIVES
    }

    fn end_directive(&mut self, words: &mut Vec<Word>, depth: usize, into: &mut Vec<Directive>) {
        let mut words = std::mem::take(words).into_iter();
        let Some(name) = words.next() else { return };
        if self.is_one_too_many(name.span) {
            return;
        }
        let mut directive = Directive { name, args: words.collect(), body: Body::None };
        self.hide_secrets(&mut directive, false);
        if !directive.is("include") || directive.args.len() != 1 {
            into.push(directive);
            return;
        }
        let place = into.len();
        let is_whole = self.include(&directive, depth, into);
        if !is_whole {
            directive.body = Body::Unread;
        }
        into.insert(place, directive);
    }

    fn open_directive(
        &mut self,
        mut directive: Directive,
        lexer: &mut Lexer<'_>,
        depth: usize,
        at: Span,
    ) -> Option<Directive> {
        if directive.name.text.ends_with("_by_lua_block") {
            if !lexer.skip_lua() {
                self.fault(at, ProxyFaultKind::BlockOpen);
            }
            directive.body = Body::Code;
        } else {
            let mut inner = Vec::new();
            self.read_nested(lexer, depth, at, &mut inner);
            directive.body = Body::Block(inner);
        }
        if self.is_one_too_many(directive.name.span) {
            return None;
        }
        self.hide_secrets(&mut directive, true);
        Some(directive)
    }

    fn read_nested(
        &mut self,
        lexer: &mut Lexer<'_>,
        depth: usize,
        at: Span,
        into: &mut Vec<Directive>,
    ) {
        if depth >= DEEPEST {
            self.fault(at, ProxyFaultKind::TooDeep);
            skip_block(lexer);
            return;
        }
        if self.read_block(lexer, depth + 1, false, into) == BlockEnd::EndOfFile {
            self.fault(at, ProxyFaultKind::BlockOpen);
        }
    }

    /// The values of secrets are dropped, and the lines that have them are never shown.
    fn hide_secrets(&mut self, directive: &mut Directive, has_block: bool) {
        if words::has_secret(directive) {
            self.tree.sources.hide(directive.span());
            for word in
                directive.args.iter_mut().skip(words::clear_words(directive.name.text.as_str()))
            {
                word.text.clear();
            }
        }
        if has_block
            && words::has_secret_keys(directive)
            && let Body::Block(entries) = &mut directive.body
        {
            for entry in entries {
                self.tree.sources.hide(entry.span());
                entry.name.text.clear();
            }
        }
    }

    /// Reads what an `include` names. `false`: not everything was read.
    fn include(&mut self, directive: &Directive, depth: usize, into: &mut Vec<Directive>) -> bool {
        let Some(word) = directive.args.first() else { return false };
        let path = if word.text.starts_with('/') || self.directory.is_empty() {
            word.text.clone()
        } else {
            format!("{}/{}", self.directory, word.text)
        };
        if !is_pattern(&path) {
            return self.include_file(&path, word, depth, into);
        }
        let paths = match find_paths(self.files, &path) {
            Ok(paths) => paths,
            Err(_) => {
                let what = ProxyFaultKind::IncludeUnread(ServerText::new(&path));
                self.fault(word.span, what);
                return false;
            }
        };
        let mut is_whole = true;
        for path in paths {
            is_whole &= self.include_file(&path, word, depth, into);
        }
        is_whole
    }

    fn include_file(
        &mut self,
        path: &str,
        word: &Word,
        depth: usize,
        into: &mut Vec<Directive>,
    ) -> bool {
        let shown = ServerText::new(path);
        let what = if self.open_files.iter().any(|open| open == path) {
            ProxyFaultKind::IncludeCircle
        } else if depth >= DEEPEST {
            ProxyFaultKind::TooDeep
        } else if self.tree.sources.files().len() >= MOST_FILES {
            ProxyFaultKind::IncludesTooLarge
        } else {
            let limit = LARGEST_FILE.min(LARGEST_TOGETHER - self.together.min(LARGEST_TOGETHER));
            match self.files.read(path, limit) {
                Ok(content) => {
                    self.together += content.len();
                    self.read_file(path, &content, depth + 1, into);
                    return true;
                }
                Err(FileProblem::Missing) => ProxyFaultKind::IncludeMissing(shown),
                Err(FileProblem::TooLarge) => ProxyFaultKind::IncludesTooLarge,
                Err(_) => ProxyFaultKind::IncludeUnread(shown),
            }
        };
        self.fault(word.span, what);
        false
    }
}

/// Skips to the brace that closes the block, without a call for each level.
fn skip_block(lexer: &mut Lexer<'_>) {
    let mut depth = 1_usize;
    while let Some(token) = lexer.next_token() {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}
