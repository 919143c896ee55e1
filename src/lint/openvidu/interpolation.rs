//! Variables in texts, with the operators of Docker Compose: `${openvidu.DOMAIN_NAME:-default}`.

use super::variables::Found;
use crate::model::facts::VariableTrouble;

/// How deep a default may have variables in its own default.
const DEEPEST: usize = 8;

/// How long a text may become. Variables of variables of variables end.
const LONGEST: usize = 64 * 1024;

/// Finds a variable. `None`: its file does not set it.
pub type Find<'a> = &'a dyn Fn(&str) -> Result<Option<Found>, VariableTrouble>;

/// Which variables a text may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Only `${name}`.
    Braces,
    /// `${NAME}` and `$NAME`.
    Both,
}

/// A text with its variables replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expanded {
    pub text: String,
    /// Whether the value of a variable that may be a secret is in it.
    pub is_secret: bool,
    /// The variables that were replaced, if the text is nothing else: the place of the only one.
    pub only: Option<Found>,
    pub trouble: Option<(String, VariableTrouble)>,
}

/// A text with its variables replaced. What cannot be replaced stays as it is, and the first is told.
pub fn expand(text: &str, form: Form, find: Find) -> Expanded {
    let mut all = Expanded::default();
    expand_into(&mut all, text, form, find, 0);
    let end_of = |inner| closing(inner).map(|end| end + "${}".len());
    let is_one = text.strip_prefix("${").and_then(end_of) == Some(text.len());
    if !is_one {
        all.only = None;
    }
    all
}

fn expand_into(all: &mut Expanded, text: &str, form: Form, find: Find, depth: usize) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if all.text.len() > LONGEST {
            return;
        }
        all.text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            all.text.push('$');
            rest = after;
        } else if let Some(inside) = behind.strip_prefix('{') {
            let Some(end) = closing(inside) else {
                all.trouble.get_or_insert((String::new(), VariableTrouble::Malformed));
                all.text.push_str(&rest[at..]);
                return;
            };
            replace(all, &inside[..end], form, find, depth);
            rest = &inside[end + 1..];
        } else if let Some(end) = plain_name(behind).filter(|_| form == Form::Both) {
            replace(all, &behind[..end], form, find, depth);
            rest = &behind[end..];
        } else {
            all.text.push('$');
            rest = behind;
        }
    }
    all.text.push_str(rest);
}

/// The byte of the brace that ends what begins behind an opening one.
fn closing(inside: &str) -> Option<usize> {
    let mut open = 1_usize;
    let bytes = inside.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn plain_name(text: &str) -> Option<usize> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.starts_with(is_first).then_some(end)
}

/// What stands behind the name of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    None,
    Default,
    Mandatory,
    Alternative,
}

/// The name, whether an empty value counts as none, the operator, and the text behind it.
fn parts(inside: &str) -> (&str, bool, Operator, &str) {
    let at = inside.find([':', '-', '?', '+']).unwrap_or(inside.len());
    let (name, rest) = inside.split_at(at);
    let (is_colon, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let operator = match rest.chars().next() {
        Some('-') => Operator::Default,
        Some('?') => Operator::Mandatory,
        Some('+') => Operator::Alternative,
        Some(_) | None => Operator::None,
    };
    let text = if operator == Operator::None { rest } else { &rest[1..] };
    (name, is_colon, operator, text)
}

fn replace(all: &mut Expanded, inside: &str, form: Form, find: Find, depth: usize) {
    let (name, is_colon, operator, text) = parts(inside);
    let is_malformed = name.is_empty()
        || depth > DEEPEST
        || (operator == Operator::None && (is_colon || !text.is_empty()));
    let found = match is_malformed {
        true => Err(VariableTrouble::Malformed),
        false => find(name),
    };
    let found = found.map(|found| found.filter(|it| !(is_colon && it.value.expose().is_empty())));
    match (found, operator) {
        (Err(trouble), _) => fail(all, inside, name, trouble),
        (Ok(Some(_)), Operator::Alternative) | (Ok(None), Operator::Default) => {
            expand_into(all, text, form, find, depth + 1);
        }
        (Ok(None), Operator::Alternative) => {}
        (Ok(Some(found)), _) => {
            all.is_secret |= found.is_secret;
            all.text.push_str(found.value.expose());
            all.only = Some(found);
        }
        (Ok(None), Operator::Mandatory) => fail(all, inside, name, VariableTrouble::Mandatory),
        (Ok(None), Operator::None) => fail(all, inside, name, VariableTrouble::NotSet),
    }
}

fn fail(all: &mut Expanded, inside: &str, name: &str, trouble: VariableTrouble) {
    all.trouble.get_or_insert((name.to_owned(), trouble));
    all.text.push_str("${");
    all.text.push_str(inside);
    all.text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::openvidu::variables::{Source, Variables};

    fn expanded(text: &str) -> Expanded {
        let mut variables = Variables::default();
        variables.add(Source::Openvidu, 0, "A=one\nEMPTY=\nDOMAIN_NAME=${A}.example\n");
        expand(text, Form::Braces, &|name| variables.dotted(name))
    }

    #[test]
    fn the_operators_of_docker_compose() {
        for (text, said) in [
            ("${openvidu.A}", "one"),
            ("x-${openvidu.DOMAIN_NAME}-y", "x-one.example-y"),
            ("${openvidu.EMPTY-default}", ""),
            ("${openvidu.EMPTY:-default}", "default"),
            ("${openvidu.NONE:-${openvidu.A}}", "one"),
            ("${openvidu.NONE-}", ""),
            ("${openvidu.A:+yes}${openvidu.NONE+no}", "yes"),
            ("${openvidu.A:?needed}", "one"),
            ("$${openvidu.A} $ $x", "${openvidu.A} $ $x"),
        ] {
            let expanded = expanded(text);
            assert_eq!((expanded.text.as_str(), expanded.trouble), (said, None), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_stays_and_is_told() {
        for (text, trouble) in [
            ("${openvidu.NONE}", VariableTrouble::NotSet),
            ("${openvidu.EMPTY:?must be set}", VariableTrouble::Mandatory),
            ("${openvidu.NONE?}", VariableTrouble::Mandatory),
            ("${master_node.A}", VariableTrouble::FileNotRead),
            ("${A}", VariableTrouble::Malformed),
            ("${other.A}", VariableTrouble::Malformed),
            ("${openvidu.A", VariableTrouble::Malformed),
            ("${openvidu.A|x}", VariableTrouble::NotSet),
            ("${}", VariableTrouble::Malformed),
        ] {
            let expanded = expanded(text);
            assert_eq!(expanded.trouble.map(|(_, trouble)| trouble), Some(trouble), "{text}");
            assert_eq!(expanded.text, text);
        }
    }

    #[test]
    fn only_a_text_that_is_one_variable_has_its_place() {
        assert_eq!(expanded("${openvidu.DOMAIN_NAME}").only.unwrap().line, 3);
        assert_eq!(expanded("wss://${openvidu.DOMAIN_NAME}").only, None);
        assert_eq!(expanded("${openvidu.A}${openvidu.A}").only, None);
    }
}
