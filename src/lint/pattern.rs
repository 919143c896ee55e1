//! Regular expressions as nginx uses them to choose names and paths: the common part of PCRE. What is beyond it
//! (look-around, back-references, possessive quantifiers) is told, and not guessed.

use std::collections::BTreeMap;

/// A regular expression that was understood.
#[derive(Debug)]
pub struct Pattern {
    program: Vec<Step>,
    groups: usize,
    names: BTreeMap<String, usize>,
    ignores_case: bool,
}

/// What a match took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    /// The whole match first; a group that took no part is empty.
    pub groups: Vec<String>,
    pub names: BTreeMap<String, String>,
}

/// The pattern takes more steps than are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaveUp;

#[derive(Debug, Clone)]
enum Step {
    Take(Class),
    /// Goes on at the first; if that fails, at the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    Start,
    End,
    WordEdge(bool),
    Matched,
}

#[derive(Debug, Clone)]
struct Class {
    is_negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn one(c: char) -> Self {
        Self { is_negated: false, ranges: vec![(c, c)] }
    }

    fn takes(&self, c: char, ignores_case: bool) -> bool {
        let is_in = |c: char| self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
        let is_in = is_in(c)
            || ignores_case && (is_in(c.to_ascii_lowercase()) || is_in(c.to_ascii_uppercase()));
        is_in != self.is_negated
    }
}

#[derive(Debug)]
enum Node {
    Take(Class),
    Start,
    End,
    WordEdge(bool),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Group(usize, Box<Node>),
    Repeat { node: Box<Node>, least: usize, most: Option<usize>, is_lazy: bool },
}

const LARGEST_PROGRAM: usize = 5_000;
const MOST_STEPS: usize = 100_000;
const DEEPEST: usize = 40;

impl Pattern {
    /// `None`: something in it is beyond what is understood here, or it is no regular expression.
    pub fn new(text: &str, ignores_case: bool) -> Option<Self> {
        let (text, ignores_case) = match text.strip_prefix("(?i)") {
            Some(rest) => (rest, true),
            None => (text, ignores_case),
        };
        let mut parser = Parser {
            chars: text.chars().collect(),
            at: 0,
            groups: 0,
            names: BTreeMap::new(),
            depth: 0,
        };
        let node = parser.either()?;
        if parser.at < parser.chars.len() {
            return None;
        }
        let mut program = vec![Step::Save(0)];
        compile(&node, &mut program)?;
        program.extend([Step::Save(1), Step::Matched]);
        Some(Self { program, groups: parser.groups + 1, names: parser.names, ignores_case })
    }

    /// The first match in `text`.
    ///
    /// # Errors
    /// [`GaveUp`].
    pub fn find(&self, text: &str) -> Result<Option<Captures>, GaveUp> {
        let chars: Vec<char> = text.chars().collect();
        let mut steps = 0;
        for start in 0..=chars.len() {
            if let Some(saved) = self.match_at(&chars, start, &mut steps)? {
                return Ok(Some(self.captures(&chars, &saved)));
            }
        }
        Ok(None)
    }

    fn captures(&self, chars: &[char], saved: &[Option<usize>]) -> Captures {
        let group = |index: usize| -> String {
            match (
                saved.get(2 * index).copied().flatten(),
                saved.get(2 * index + 1).copied().flatten(),
            ) {
                (Some(from), Some(to)) if from <= to => chars[from..to].iter().collect(),
                _ => String::new(),
            }
        };
        Captures {
            groups: (0..self.groups).map(group).collect(),
            names: self.names.iter().map(|(name, index)| (name.clone(), group(*index))).collect(),
        }
    }

    fn match_at(
        &self,
        chars: &[char],
        start: usize,
        steps: &mut usize,
    ) -> Result<Option<Vec<Option<usize>>>, GaveUp> {
        let mut waiting = vec![(0, start, vec![None; self.groups * 2])];
        while let Some((mut step, mut at, mut saved)) = waiting.pop() {
            loop {
                *steps += 1;
                if *steps > MOST_STEPS || waiting.len() > MOST_STEPS / 10 {
                    return Err(GaveUp);
                }
                let goes_on = match &self.program[step] {
                    Step::Take(class) => {
                        let takes =
                            chars.get(at).is_some_and(|c| class.takes(*c, self.ignores_case));
                        at += usize::from(takes);
                        takes
                    }
                    Step::Split(first, second) => {
                        waiting.push((*second, at, saved.clone()));
                        step = *first;
                        continue;
                    }
                    Step::Jump(to) => {
                        step = *to;
                        continue;
                    }
                    Step::Save(slot) => {
                        saved[*slot] = Some(at);
                        true
                    }
                    Step::Start => at == 0,
                    // `$` also matches before a newline at the end; names and paths have none.
                    Step::End => at == chars.len(),
                    Step::WordEdge(wanted) => {
                        let is_word = |c: Option<&char>| {
                            c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
                        };
                        let before = at.checked_sub(1).and_then(|index| chars.get(index));
                        (is_word(before) != is_word(chars.get(at))) == *wanted
                    }
                    Step::Matched => return Ok(Some(saved)),
                };
                if !goes_on {
                    break;
                }
                step += 1;
            }
        }
        Ok(None)
    }
}

fn compile(node: &Node, program: &mut Vec<Step>) -> Option<()> {
    if program.len() > LARGEST_PROGRAM {
        return None;
    }
    match node {
        Node::Take(class) => program.push(Step::Take(class.clone())),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::WordEdge(wanted) => program.push(Step::WordEdge(*wanted)),
        Node::Sequence(nodes) => nodes.iter().try_for_each(|node| compile(node, program))?,
        Node::Group(index, node) => {
            program.push(Step::Save(2 * index));
            compile(node, program)?;
            program.push(Step::Save(2 * index + 1));
        }
        Node::Either(nodes) => compile_either(nodes, program)?,
        Node::Repeat { node, least, most, is_lazy } => {
            for _ in 0..*least {
                compile(node, program)?;
            }
            let optional = most.map_or(1, |most| most - least);
            for _ in 0..optional {
                let split = program.len();
                program.push(Step::Matched);
                compile(node, program)?;
                if most.is_none() {
                    program.push(Step::Jump(split));
                }
                let after = program.len();
                program[split] = if *is_lazy {
                    Step::Split(after, split + 1)
                } else {
                    Step::Split(split + 1, after)
                };
            }
        }
    }
    Some(())
}

fn compile_either(nodes: &[Node], program: &mut Vec<Step>) -> Option<()> {
    let mut jumps = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if index + 1 == nodes.len() {
            compile(node, program)?;
            break;
        }
        let split = program.len();
        program.push(Step::Matched);
        compile(node, program)?;
        jumps.push(program.len());
        program.push(Step::Matched);
        program[split] = Step::Split(split + 1, program.len());
    }
    let after = program.len();
    for jump in jumps {
        program[jump] = Step::Jump(after);
    }
    Some(())
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    groups: usize,
    names: BTreeMap<String, usize>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let fits =
            text.chars().enumerate().all(|(index, c)| self.chars.get(self.at + index) == Some(&c));
        if fits {
            self.at += text.chars().count();
        }
        fits
    }

    fn either(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut nodes = vec![self.sequence()?];
        while self.eat("|") {
            nodes.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) })
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            let node = self.atom()?;
            nodes.push(self.repeated(node)?);
        }
        Some(Node::Sequence(nodes))
    }

    fn repeated(&mut self, node: Node) -> Option<Node> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted(node),
            _ => return Some(node),
        };
        self.at += 1;
        self.quantified(node, least, most)
    }

    fn quantified(&mut self, node: Node, least: usize, most: Option<usize>) -> Option<Node> {
        let is_lazy = self.eat("?");
        // Possessive, or a quantifier of a quantifier.
        if matches!(self.peek(), Some('+' | '*' | '?')) {
            return None;
        }
        Some(Node::Repeat { node: Box::new(node), least, most, is_lazy })
    }

    fn counted(&mut self, node: Node) -> Option<Node> {
        let length = self.chars[self.at..].iter().position(|c| *c == '}')?;
        let inner: String = self.chars[self.at + 1..self.at + length].iter().collect();
        let (least, most) = match inner.split_once(',') {
            None => (inner.parse().ok()?, Some(inner.parse().ok()?)),
            Some((least, "")) => (least.parse().ok()?, None),
            Some((least, most)) => (least.parse().ok()?, Some(most.parse().ok()?)),
        };
        const MOST: usize = 1_000;
        if least > MOST || most.is_some_and(|most| most > MOST || most < least) {
            return None;
        }
        self.at += length + 1;
        self.quantified(node, least, most)
    }

    fn atom(&mut self) -> Option<Node> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            '^' => Node::Start,
            '$' => Node::End,
            '.' => Node::Take(Class { is_negated: true, ranges: vec![('\n', '\n')] }),
            '(' => self.group()?,
            '[' => Node::Take(self.class()?),
            '\\' => self.escape()?,
            '*' | '+' | '?' => return None,
            c => Node::Take(Class::one(c)),
        })
    }

    fn group(&mut self) -> Option<Node> {
        let mut index = None;
        if self.eat("?:") {
        } else if self.eat("?<") || self.eat("?P<") || self.eat("?'") {
            let length = self.chars[self.at..].iter().position(|c| matches!(c, '>' | '\''))?;
            let name: String = self.chars[self.at..self.at + length].iter().collect();
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || !is_name {
                return None;
            }
            self.at += length + 1;
            self.groups += 1;
            self.names.insert(name, self.groups);
            index = Some(self.groups);
        } else if self.peek() == Some('?') {
            return None;
        } else {
            self.groups += 1;
            index = Some(self.groups);
        }
        let node = self.either()?;
        if !self.eat(")") {
            return None;
        }
        Some(match index {
            Some(index) => Node::Group(index, Box::new(node)),
            None => node,
        })
    }

    fn escape(&mut self) -> Option<Node> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            'A' => Node::Start,
            'z' | 'Z' => Node::End,
            'b' => Node::WordEdge(true),
            'B' => Node::WordEdge(false),
            c => Node::Take(escaped_class(c)?),
        })
    }

    fn class(&mut self) -> Option<Class> {
        let is_negated = self.eat("^");
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut is_first = true;
        loop {
            let c = self.peek()?;
            self.at += 1;
            match c {
                ']' if !is_first => break,
                '[' if matches!(self.peek(), Some(':' | '.' | '=')) => return None,
                '\\' => {
                    let c = self.peek()?;
                    self.at += 1;
                    let class = escaped_class(c)?;
                    if class.is_negated {
                        return None;
                    }
                    ranges.extend(class.ranges);
                }
                c => ranges.push((c, c)),
            }
            is_first = false;
            let has_end = self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
            if self.peek() == Some('-') && has_end {
                self.at += 1;
                let mut high = self.peek()?;
                self.at += 1;
                if high == '\\' {
                    high = self.peek()?;
                    self.at += 1;
                }
                let (low, _) = ranges.pop()?;
                if low > high {
                    return None;
                }
                ranges.push((low, high));
            }
        }
        Some(Class { is_negated, ranges })
    }
}

fn escaped_class(c: char) -> Option<Class> {
    let class = |is_negated: bool, ranges: &[(char, char)]| {
        Some(Class { is_negated, ranges: ranges.to_vec() })
    };
    let word = [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
    let blank = [(' ', ' '), ('\t', '\r')];
    match c {
        'd' => class(false, &[('0', '9')]),
        'D' => class(true, &[('0', '9')]),
        'w' => class(false, &word),
        'W' => class(true, &word),
        's' => class(false, &blank),
        'S' => class(true, &blank),
        'n' => class(false, &[('\n', '\n')]),
        't' => class(false, &[('\t', '\t')]),
        'r' => class(false, &[('\r', '\r')]),
        // Back-references, properties, hexadecimal numbers.
        c if c.is_ascii_alphanumeric() => None,
        c => Some(Class::one(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_expressions_match_as_in_pcre() {
        for (pattern, text, expected) in [
            ("^turn\\.", "turn.example.io", true),
            ("^turn\\.", "turnXexample.io", false),
            ("\\.(png|jpe?g)$", "/a.jpeg", true),
            ("\\.(png|jpe?g)$", "/a.gif", false),
            ("^/[0-9]{3}$", "/123", true),
            ("^/[0-9]{3}$", "/1234", false),
            ("^/(rtc|twirp)(/|$)", "/rtc", true),
            ("^/(rtc|twirp)(/|$)", "/rtcx", false),
            ("^(?:www\\.)?example\\.io$", "www.example.io", true),
            ("^[^.]+\\.example\\.io$", "a.b.example.io", false),
            ("a{2,3}b", "aaab", true),
            ("^a{2,3}b", "ab", false),
            ("x*", "", true),
            ("^\\w+\\b", "ab-c", true),
        ] {
            let found = Pattern::new(pattern, false).unwrap().find(text).unwrap();
            assert_eq!(found.is_some(), expected, "{pattern} {text}");
        }
        let named = Pattern::new("^(?<label>[a-z]+)\\.(.+)$", true).unwrap();
        let captures = named.find("Turn.example.io").unwrap().unwrap();
        assert_eq!(captures.names["label"], "Turn");
        assert_eq!(captures.groups, ["Turn.example.io", "Turn", "example.io"]);
    }

    #[test]
    fn what_is_beyond_is_not_guessed() {
        for pattern in
            ["(?!x)", "(?<=a)b", "(a)\\1", "a++", "\\p{L}", "(", "a)", "[[:alpha:]]", "*"]
        {
            assert!(Pattern::new(pattern, false).is_none(), "{pattern}");
        }
        assert_eq!(Pattern::new("(a*)*b", false).unwrap().find("aaaa"), Err(GaveUp));
    }
}
