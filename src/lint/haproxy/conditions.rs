//! Access control lists, and the conditions behind `if` and `unless`.

use super::index::Proxy;
use super::lexer::Word;
use super::sections::Line;
use super::values::{Expression, Method, Samples, Value, expression, matches};
use crate::lint::source::Span;
use crate::lint::way::in_network;
use crate::model::configuration::Undecided;
use crate::model::facts::ServerText;

/// Whether a condition is true of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    /// It depends on what only the running proxy knows, at this place.
    Unknown(Undecided, Span),
}

impl Truth {
    fn of(is_true: bool) -> Self {
        if is_true { Self::Yes } else { Self::No }
    }

    fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown => unknown,
        }
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            unknown => match other() {
                Self::No => Self::No,
                _ => unknown,
            },
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        self.negated().and(|| other().negated()).negated()
    }
}

/// A term of a condition.
#[derive(Debug, Clone, Copy)]
pub enum Term<'c> {
    /// The name of an access control list.
    Named(&'c Word),
    /// `{ … }`
    Anonymous(&'c [Word]),
}

/// Where the condition of a line begins: at `if` or `unless`.
pub fn condition_at(line: &Line) -> Option<usize> {
    (1..line.words.len()).find(|index| matches!(line.text(*index), "if" | "unless"))
}

/// The terms of a condition, each with whether it is negated; a part between two `or` is a list of its own.
/// `None`: HAProxy does not accept it.
pub fn terms<'c>(line: &'c Line) -> Option<Vec<Vec<(bool, Term<'c>)>>> {
    let Some(start) = condition_at(line) else { return Some(Vec::new()) };
    let mut all = vec![Vec::new()];
    let words = &line.words;
    let mut index = start + 1;
    let mut is_negated = false;
    while let Some(word) = words.get(index) {
        let mut text = word.text.as_str();
        index += 1;
        if matches!(text, "or" | "||") {
            all.push(Vec::new());
            continue;
        }
        while let Some(rest) = text.strip_prefix('!') {
            is_negated = !is_negated;
            text = rest;
        }
        let term = match text {
            "" => continue,
            "{" => {
                let length = words[index..].iter().position(|word| word.text == "}")?;
                let inner = &words[index..index + length];
                index += length + 1;
                (!inner.is_empty()).then_some(Term::Anonymous(inner))?
            }
            _ => Term::Named(word),
        };
        all.last_mut()?.push((std::mem::take(&mut is_negated), term));
    }
    all.iter().all(|part| !part.is_empty()).then_some(all)
}

/// Access control lists that HAProxy has from the start.
pub fn predefined(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "TRUE" => &["always_true"],
        "FALSE" => &["always_false"],
        "LOCALHOST" => &["src", "127.0.0.1/8", "::1"],
        "HTTP" => &["req.proto_http"],
        "METH_GET" => &["method", "GET", "HEAD"],
        "METH_HEAD" => &["method", "HEAD"],
        "METH_POST" => &["method", "POST"],
        "METH_PUT" => &["method", "PUT"],
        "METH_DELETE" => &["method", "DELETE"],
        "METH_PATCH" => &["method", "PATCH"],
        "METH_CONNECT" => &["method", "CONNECT"],
        "METH_OPTIONS" => &["method", "OPTIONS"],
        "METH_TRACE" => &["method", "TRACE"],
        "HTTP_URL_SLASH" => &["url_beg", "/"],
        "HTTP_URL_ABS" => &["url_reg", "^[^/:]*://"],
        // Only in what waits; its turn has come there.
        "WAIT_END" => &["always_true"],
        "HTTP_1.0" | "HTTP_1.1" | "HTTP_2.0" | "HTTP_3.0" => &["req.ver", "?"],
        "HTTP_CONTENT" | "REQ_CONTENT" | "RDP_COOKIE" | "HTTP_URL_STAR" => &["?"],
        _ => return None,
    })
}

impl Samples<'_> {
    /// Whether the line applies: the condition behind its `if` or `unless`.
    pub fn applies(&self, proxy: &Proxy<'_>, line: &Line) -> Truth {
        let Some(start) = condition_at(line) else { return Truth::Yes };
        let Some(parts) = terms(line) else {
            let name = ServerText::new(line.text(0));
            return Truth::Unknown(Undecided::Directive(name), line.span());
        };
        let truth = parts.iter().fold(Truth::No, |so_far, part| {
            so_far.or(|| {
                part.iter().fold(Truth::Yes, |so_far, (is_negated, term)| {
                    so_far.and(|| {
                        let truth = self.term(proxy, *term);
                        if *is_negated { truth.negated() } else { truth }
                    })
                })
            })
        });
        if line.text(start) == "unless" { truth.negated() } else { truth }
    }

    fn term(&self, proxy: &Proxy<'_>, term: Term<'_>) -> Truth {
        let word = match term {
            Term::Anonymous(words) => return self.list_is_true(words),
            Term::Named(word) => word,
        };
        let name = word.text.trim_start_matches('!');
        let own = proxy.rules(&["acl"]).filter(|line| line.text(1) == name);
        let mut truth = None;
        for line in own {
            let one = || {
                if line.is_conditional {
                    return Truth::Unknown(
                        Undecided::Directive(ServerText::new(".if")),
                        line.span(),
                    );
                }
                self.list_is_true(line.words.get(2..).unwrap_or_default())
            };
            truth = Some(truth.unwrap_or(Truth::No).or(one));
        }
        truth.unwrap_or_else(|| match predefined(name) {
            Some(words) => {
                let of = |text: &&str| Word {
                    text: (*text).to_owned(),
                    span: word.span,
                    variable: None,
                };
                self.list_is_true(&words.iter().map(of).collect::<Vec<_>>())
            }
            None => Truth::Unknown(Undecided::Directive(ServerText::new(name)), word.span),
        })
    }

    /// Whether a list is true: an expression, flags and patterns.
    fn list_is_true(&self, words: &[Word]) -> Truth {
        let Some(first) = words.first() else { return Truth::No };
        let undecided =
            |name: &str| Truth::Unknown(Undecided::Variable(ServerText::new(name)), first.span);
        if let Some(variable) = &first.variable {
            return Truth::Unknown(Undecided::Environment(ServerText::new(variable)), first.span);
        }
        let Some(asked) = expression(&first.text) else { return undecided(&first.text) };
        let (asked, of_name) = by_suffix(asked);
        let value = match self.value(&asked) {
            Value::Unknown(what) => return Truth::Unknown(what, first.span),
            value => value,
        };
        let Some(list) = PatternList::new(&words[1..]) else { return undecided(&first.text) };
        let method = list.method.or(of_name);
        if method == Some(Method::Found) {
            return Truth::of(value != Value::Absent);
        }
        let mut patterns: Vec<String> = Vec::new();
        for path in &list.files {
            match self.list(&path.text) {
                Ok(lines) => patterns.extend(lines),
                Err(what) => return Truth::Unknown(what, path.span),
            }
        }
        let mut variable = None;
        for word in list.patterns {
            match &word.variable {
                Some(name) => variable = Some((name, word.span)),
                None => patterns.push(word.text.clone()),
            }
        }
        let truth = compared(&value, method, &patterns, list.ignores_case);
        match (truth, variable) {
            (Some(true), _) => Truth::Yes,
            (None, _) => undecided(&first.text),
            (Some(false), None) => Truth::No,
            (Some(false), Some((name, at))) => {
                Truth::Unknown(Undecided::Environment(ServerText::new(name)), at)
            }
        }
    }
}

/// `path_beg` is `path` with the method `beg`.
fn by_suffix(asked: Expression<'_>) -> (Expression<'_>, Option<Method>) {
    const WITH_METHODS: [&str; 6] = ["hdr", "path", "url", "base", "ssl_fc_sni", "method"];
    let Some((name, suffix)) = asked.name.rsplit_once('_') else { return (asked, None) };
    match Method::of(suffix) {
        Some(method)
            if WITH_METHODS.contains(&name)
                && !matches!(method, Method::Found | Method::Address) =>
        {
            (Expression { name, ..asked }, Some(method))
        }
        _ => (asked, None),
    }
}

/// The words behind the expression of a list.
struct PatternList<'c> {
    ignores_case: bool,
    method: Option<Method>,
    files: Vec<&'c Word>,
    patterns: &'c [Word],
}

impl<'c> PatternList<'c> {
    fn new(words: &'c [Word]) -> Option<Self> {
        let mut list = Self { ignores_case: false, method: None, files: Vec::new(), patterns: &[] };
        let mut index = 0;
        while let Some(word) = words.get(index) {
            match word.text.as_str() {
                "-i" => list.ignores_case = true,
                "-n" => {}
                "-m" => {
                    index += 1;
                    list.method = Some(Method::of(&words.get(index)?.text)?);
                }
                "-f" => {
                    index += 1;
                    list.files.push(words.get(index)?);
                }
                "--" => {
                    index += 1;
                    break;
                }
                // By number, or a map in place of a list.
                "-u" | "-M" => return None,
                _ => break,
            }
            index += 1;
        }
        list.patterns = words.get(index..).unwrap_or_default();
        Some(list)
    }
}

/// Whether a value fits one of the patterns; `None`: that is not told here.
fn compared(
    value: &Value,
    method: Option<Method>,
    patterns: &[String],
    ignores_case: bool,
) -> Option<bool> {
    match value {
        Value::Absent => Some(false),
        Value::Unknown(_) => None,
        Value::Flag(flag) if patterns.is_empty() => Some(*flag),
        Value::Flag(flag) => one_fits(patterns, |pattern| fits_number(i64::from(*flag), pattern)),
        Value::Number(number) if method.is_none_or(|method| method == Method::Number) => {
            numbers(patterns, *number)
        }
        Value::Number(number) => {
            let text = number.to_string();
            one_fits(patterns, |pattern| matches(method?, &text, pattern, ignores_case))
        }
        Value::Source { is_own, is_listed } => {
            one_fits(patterns, |pattern| Some(*is_listed || in_network(*is_own, pattern)?))
        }
        Value::Text(text) if method == Some(Method::Length) => {
            numbers(patterns, i64::try_from(text.len()).ok()?)
        }
        Value::Text(text) => {
            let method = method.unwrap_or(Method::Text);
            one_fits(patterns, |pattern| matches(method, text, pattern, ignores_case))
        }
    }
}

fn one_fits(patterns: &[String], fits: impl Fn(&str) -> Option<bool>) -> Option<bool> {
    let mut is_known = true;
    for pattern in patterns {
        match fits(pattern) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(false)
}

/// Numbers, with the operators that stand before them.
fn numbers(patterns: &[String], number: i64) -> Option<bool> {
    let mut operator = "eq";
    let mut found = false;
    for pattern in patterns {
        if matches!(pattern.as_str(), "eq" | "ge" | "gt" | "le" | "lt") {
            operator = pattern;
            continue;
        }
        found |= match operator {
            "eq" => fits_number(number, pattern)?,
            _ => {
                let limit: i64 = pattern.parse().ok()?;
                match operator {
                    "ge" => number >= limit,
                    "gt" => number > limit,
                    "le" => number <= limit,
                    _ => number < limit,
                }
            }
        };
    }
    Some(found)
}

fn fits_number(number: i64, pattern: &str) -> Option<bool> {
    match pattern.split_once(':') {
        Some((low, high)) => {
            let low = if low.is_empty() { i64::MIN } else { low.parse().ok()? };
            let high = if high.is_empty() { i64::MAX } else { high.parse().ok()? };
            Some((low..=high).contains(&number))
        }
        None => Some(number == pattern.parse::<i64>().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_in_haproxy() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (value, method, patterns, ignores_case, expected) in [
            (text("turn.example.io"), None, vec!["turn.example.io"], false, Some(true)),
            (text("turn.example.io"), None, vec!["TURN.example.io"], false, Some(false)),
            (text("turn.example.io"), None, vec!["TURN.example.io"], true, Some(true)),
            (text("turn.example.io"), Some(Method::Domain), vec!["example.io"], false, Some(true)),
            (text("turn.example.io"), Some(Method::Domain), vec!["ample.io"], false, Some(false)),
            (text("/rtc/x"), Some(Method::Directory), vec!["rtc"], false, Some(true)),
            (text("/rtcx"), Some(Method::Directory), vec!["rtc"], false, Some(false)),
            (text("turn.x"), Some(Method::Expression), vec!["^turn\\."], false, Some(true)),
            (text("turn.x"), Some(Method::Expression), vec!["(?=x)"], false, None),
            (Value::Number(443), None, vec!["80", "443"], false, Some(true)),
            (Value::Number(443), None, vec!["ge", "1024"], false, Some(false)),
            (Value::Number(443), None, vec!["400:500"], false, Some(true)),
            (Value::Absent, None, vec!["x"], false, Some(false)),
            (Value::Flag(true), None, vec![], false, Some(true)),
            (
                Value::Source { is_own: false, is_listed: false },
                None,
                vec!["10.0.0.0/8"],
                false,
                Some(false),
            ),
            (
                Value::Source { is_own: false, is_listed: false },
                None,
                vec!["0.0.0.0/0"],
                false,
                Some(true),
            ),
        ] {
            let patterns: Vec<String> = patterns.into_iter().map(str::to_owned).collect();
            assert_eq!(compared(&value, method, &patterns, ignores_case), expected, "{patterns:?}");
        }
    }
}
