//! As what YAML reads a scalar, by the rules of LiveKit's parser (yaml.v3 of Go).

use crate::model::facts::ValueForm;

/// The form of a scalar. What is quoted is a text, whatever is in it.
pub fn form_of(text: &str, is_quoted: bool) -> ValueForm {
    if is_duration(text) {
        return ValueForm::Duration;
    }
    if is_quoted {
        return ValueForm::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ValueForm::Nothing,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ValueForm::Truth,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO"
        | "off" | "Off" | "OFF" => ValueForm::TruthWord,
        _ => integer(text).or_else(|| number(text)).unwrap_or(ValueForm::Text),
    }
}

fn integer(text: &str) -> Option<ValueForm> {
    // Without a digit first, `_` begins a word.
    if !text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefix = prefixes.iter().find(|(prefix, _)| digits.starts_with(prefix));
    let (digits, radix) = prefix.map_or((digits, 10), |(it, radix)| (&digits[it.len()..], *radix));
    let number = u64::from_str_radix(digits, radix).ok()?;
    let bits = u8::try_from(u64::BITS - number.leading_zeros()).unwrap_or(u8::MAX);
    Some(ValueForm::Integer { is_negative: plain.starts_with('-'), bits })
}

fn number(text: &str) -> Option<ValueForm> {
    let is_of_number = |c: char| c.is_ascii_digit() || "+-.eE_".contains(c);
    let is_first = |c: char| c.is_ascii_digit() || c == '.';
    let is_written = text.trim_start_matches(['-', '+']).starts_with(is_first)
        && text.chars().all(is_of_number)
        && text.contains(|c: char| c.is_ascii_digit());
    let is_number = is_written && text.replace('_', "").parse::<f64>().is_ok();
    let is_other = matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN");
    (is_number || is_other).then_some(ValueForm::Number)
}

/// `1h30m`, `-2.5s`: as `time.ParseDuration` of Go reads it. A number without a unit is none.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['-', '+']);
    if rest.is_empty() || text.len() - rest.len() > 1 {
        return false;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
        let unit = units.iter().find(|unit| behind.starts_with(**unit));
        let is_number =
            number.contains(|c: char| c.is_ascii_digit()) && number.matches('.').count() < 2;
        match unit.filter(|_| is_number) {
            Some(unit) => rest = &behind[unit.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_the_form_that_go_gives_them() {
        let integer = |bits| ValueForm::Integer { is_negative: false, bits };
        for (text, form) in [
            ("", ValueForm::Nothing),
            ("~", ValueForm::Nothing),
            ("true", ValueForm::Truth),
            ("yes", ValueForm::TruthWord),
            ("7881", integer(13)),
            ("70_000", integer(17)),
            ("0x1F", integer(5)),
            ("-1", ValueForm::Integer { is_negative: true, bits: 1 }),
            ("0", integer(0)),
            ("1.5", ValueForm::Number),
            ("1e3", ValueForm::Number),
            ("10s", ValueForm::Duration),
            ("1h30m", ValueForm::Duration),
            ("10", integer(4)),
            ("10.0.0.1", ValueForm::Text),
            ("e", ValueForm::Text),
            ("_1", ValueForm::Text),
            ("s", ValueForm::Text),
            ("7881a", ValueForm::Text),
        ] {
            assert_eq!(form_of(text, false), form, "{text}");
        }
        assert_eq!(form_of("7881", true), ValueForm::Text);
        assert_eq!(form_of("10s", true), ValueForm::Duration);
    }
}
