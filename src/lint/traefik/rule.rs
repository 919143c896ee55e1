//! The rules of routers: matchers, joined by `&&`, `||` and `!`.
//!
//! Traefik reads them as an expression of Go.

use super::config::Layer4Or7;

/// The deepest rule.
const DEEPEST: usize = 64;

/// A rule. Negations are at its matchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Is(Matcher),
}

/// One matcher: its name, as Traefik's documentation spells it, and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub name: &'static str,
    pub arguments: Vec<String>,
    pub is_negated: bool,
}

const OF_TCP: [&str; 4] = ["ALPN", "ClientIP", "HostSNI", "HostSNIRegexp"];

const OF_HTTP: [&str; 11] = [
    "ClientIP",
    "Method",
    "Host",
    "HostRegexp",
    "Path",
    "PathRegexp",
    "PathPrefix",
    "Header",
    "HeaderRegexp",
    "Query",
    "QueryRegexp",
];

impl Rule {
    /// `None`: Traefik does not understand it.
    pub fn parse(text: &str, layer: Layer4Or7) -> Option<Self> {
        let mut reader = Reader { rest: text, layer, depth: 0 };
        let rule = reader.either()?;
        reader.rest.trim().is_empty().then_some(rule)
    }

    fn inverted(self) -> Self {
        let both = |left: Box<Self>, right: Box<Self>| {
            (Box::new(left.inverted()), Box::new(right.inverted()))
        };
        match self {
            Self::And(left, right) => {
                let (left, right) = both(left, right);
                Self::Or(left, right)
            }
            Self::Or(left, right) => {
                let (left, right) = both(left, right);
                Self::And(left, right)
            }
            Self::Is(matcher) => Self::Is(Matcher { is_negated: !matcher.is_negated, ..matcher }),
        }
    }

    /// All its matchers, in the order of the text.
    pub fn matchers(&self) -> Vec<&Matcher> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                [left.matchers(), right.matchers()].concat()
            }
            Self::Is(matcher) => vec![matcher],
        }
    }

    /// The names that it takes by this matcher, in lower case.
    pub fn names(&self, by: &str) -> Vec<String> {
        let matchers = self.matchers().into_iter();
        let taking = matchers.filter(|matcher| matcher.name == by && !matcher.is_negated);
        taking.flat_map(|it| it.arguments.iter().map(|name| name.to_lowercase())).collect()
    }

    /// Whether it is nothing but `` HostSNI(`*`) ``.
    pub fn catches_all(&self) -> bool {
        matches!(self, Self::Is(matcher) if matcher.name == "HostSNI" && matcher.arguments == ["*"])
    }

    /// Whether Traefik takes the arguments of all its matchers.
    pub fn is_usable(&self) -> bool {
        self.matchers().into_iter().all(Matcher::is_usable)
    }
}

impl Matcher {
    fn is_usable(&self) -> bool {
        let counts: &[usize] = match self.name {
            "Header" | "HeaderRegexp" => &[2],
            "Query" | "QueryRegexp" => &[1, 2],
            _ => &[1],
        };
        if !counts.contains(&self.arguments.len()) || self.arguments.iter().any(String::is_empty) {
            return false;
        }
        let first = self.arguments[0].as_str();
        match self.name {
            "HostSNI" => first == "*" || is_host(first),
            "Host" | "HostRegexp" | "HostSNIRegexp" => first.is_ascii(),
            "Path" | "PathPrefix" => first.starts_with('/'),
            "ALPN" => first != "acme-tls/1",
            "ClientIP" => {
                let address = first.split('/').next().unwrap_or_default();
                address.parse::<std::net::IpAddr>().is_ok()
            }
            _ => true,
        }
    }
}

/// A name or address, the first label of which may be `*`.
fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
    !bare.is_empty() && bare.chars().all(is_part)
}

/// Whether a name fits that of a matcher, of which the first label may be `*` (`muxer.DomainMatchHostExpression`).
pub fn fits(name: &str, expression: &str) -> bool {
    if !expression.starts_with('*') {
        return name.eq_ignore_ascii_case(expression);
    }
    let rest = name.split_once('.').map_or("", |(_, rest)| rest);
    let wild =
        if rest.is_empty() && !name.contains('.') { "*".into() } else { ["*.", rest].concat() };
    wild.eq_ignore_ascii_case(expression)
}

struct Reader<'r> {
    rest: &'r str,
    layer: Layer4Or7,
    depth: usize,
}

impl Reader<'_> {
    /// Goes on behind this, if it comes next. A line ends only behind an operator or a bracket that is open.
    fn takes(&mut self, word: &str) -> bool {
        let spaces = |c: char| matches!(c, ' ' | '\t' | '\r');
        match self.rest.trim_start_matches(spaces).strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn either(&mut self) -> Option<Rule> {
        let mut rule = self.both()?;
        while self.takes("||") {
            let right = self.both()?;
            rule = Rule::Or(Box::new(rule), Box::new(right));
        }
        Some(rule)
    }

    fn both(&mut self) -> Option<Rule> {
        let mut rule = self.one()?;
        while self.takes("&&") {
            let right = self.one()?;
            rule = Rule::And(Box::new(rule), Box::new(right));
        }
        Some(rule)
    }

    fn one(&mut self) -> Option<Rule> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.rest = self.rest.trim_start();
        let rule = if self.takes("!") {
            self.one()?.inverted()
        } else if self.takes("(") {
            let rule = self.either()?;
            self.takes(")").then_some(rule)?
        } else {
            Rule::Is(self.matcher()?)
        };
        self.depth -= 1;
        Some(rule)
    }

    fn matcher(&mut self) -> Option<Matcher> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric())?;
        let (word, rest) = self.rest.split_at(end);
        let known: &[&'static str] = match self.layer {
            Layer4Or7::Tcp => &OF_TCP,
            Layer4Or7::Http => &OF_HTTP,
        };
        let name = known.iter().copied().find(|name| is_spelled(name, word))?;
        self.rest = rest;
        self.takes("(").then_some(())?;
        let mut arguments = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.takes(")") {
                break;
            }
            arguments.push(self.text()?);
            if !self.takes(",") {
                self.takes(")").then_some(())?;
                break;
            }
        }
        Some(Matcher { name, arguments, is_negated: false })
    }

    /// A text of Go: raw in backquotes, or quoted.
    fn text(&mut self) -> Option<String> {
        if let Some(rest) = self.rest.strip_prefix('`') {
            let (text, rest) = rest.split_once('`')?;
            self.rest = rest;
            return Some(text.replace('\r', ""));
        }
        let inner = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &inner[at + 1..];
                    return Some(text);
                }
                '\n' => return None,
                '\\' => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    other @ ('\\' | '"') => other,
                    _ => return None,
                }),
                other => text.push(other),
            }
        }
        None
    }
}

/// Traefik also takes names in lower case, in upper case, and with only the first letter in upper case.
fn is_spelled(name: &str, word: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let title = [lower[..1].to_ascii_uppercase().as_str(), &lower[1..]].concat();
    word == name || word == lower || word == name.to_ascii_uppercase() || word == title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Option<Rule> {
        Rule::parse(text, Layer4Or7::Tcp)
    }

    fn http(text: &str) -> Option<Rule> {
        Rule::parse(text, Layer4Or7::Http)
    }

    #[test]
    fn rules_are_expressions() {
        let rule = tcp("HostSNI(`a`) || !(HostSNI(`b`) && ClientIP(\"10.0.0.0/8\"))").unwrap();
        let said: Vec<_> = rule.matchers().iter().map(|it| (it.name, it.is_negated)).collect();
        assert_eq!(said, [("HostSNI", false), ("HostSNI", true), ("ClientIP", true)]);
        let Rule::Or(_, right) = rule else { panic!("not an or") };
        assert!(matches!(*right, Rule::Or(..)));
        assert_eq!(
            http("Host(`A.b`) || HOST(`c`)||host(`d`)").unwrap().names("Host"),
            ["a.b", "c", "d"]
        );
        assert!(matches!(http("Host(`a`) || Host(`b`) && Path(`/`)"), Some(Rule::Or(..))));
        assert!(http("Host(`a`) &&\n  Path(`/`)\n").is_some());
        for wrong in [
            "",
            "Host",
            "Host(",
            "Host(`a`",
            "Host('a')",
            "Host(`a`) Path(`/`)",
            "Host(`a`) &",
            "HostSNI(`a`)",
            "Host(`a`)\n&& Path(`/`)",
            "Host(\"a\\q\")",
            "(Host(`a`)",
        ] {
            assert_eq!(http(wrong), None, "{wrong}");
        }
        assert_eq!(http(&"(".repeat(100_000)), None);
        assert_eq!(http(&"!".repeat(100_000)), None);
    }

    #[test]
    fn arguments_are_checked() {
        for (text, expected) in [
            ("Host(`a`)", true),
            ("Host(`a`, `b`)", false),
            ("Host()", false),
            ("Host(``)", false),
            ("PathPrefix(`rtc`)", false),
            ("Header(`a`, `b`)", true),
            ("Query(`a`)", true),
        ] {
            assert_eq!(http(text).unwrap().is_usable(), expected, "{text}");
        }
        for (text, expected) in [
            ("HostSNI(`*`)", true),
            ("HostSNI(`*.a`)", true),
            ("HostSNI(`a b`)", false),
            ("ClientIP(`x`)", false),
        ] {
            assert_eq!(tcp(text).unwrap().is_usable(), expected, "{text}");
        }
        assert!(tcp("HostSNI(`*`)").unwrap().catches_all());
        assert!(!tcp("HostSNI(`*`) && ClientIP(`::1`)").unwrap().catches_all());
    }

    #[test]
    fn a_star_stands_for_one_label() {
        for (name, expression, expected) in [
            ("turn.example.io", "TURN.example.io", true),
            ("turn.example.io", "*.example.io", true),
            ("a.turn.example.io", "*.example.io", false),
            ("turn.example.io", "*", false),
            ("turn", "*", true),
        ] {
            assert_eq!(fits(name, expression), expected, "{name} {expression}");
        }
    }
}
