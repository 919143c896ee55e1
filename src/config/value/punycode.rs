//! Names with letters outside ASCII, in the form that the DNS has of them (RFC 3492, RFC 5891). Only
//! for a suggestion: nobody composes letters here, so that a name in another normal form has none.

use crate::model::name::DomainName;

/// The name in its `xn--` form.
pub(super) fn domain_name(text: &str) -> Option<DomainName> {
    let lower = text.to_lowercase();
    let is_combining = |letter: char| ('\u{300}'..='\u{36f}').contains(&letter);
    if lower.len() > 253 || lower.contains(is_combining) {
        return None;
    }
    let labels: Option<Vec<String>> = lower.split('.').map(label).collect();
    labels?.join(".").parse().ok()
}

fn label(text: &str) -> Option<String> {
    if text.is_ascii() {
        return Some(text.to_owned());
    }
    encode(text).map(|encoded| format!("xn--{encoded}"))
}

/// RFC 3492 §6.3.
fn encode(text: &str) -> Option<String> {
    let letters: Vec<u32> = text.chars().map(u32::from).collect();
    let mut output: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (128_u32, 0_u32, 72_u32, basic);
    while usize::try_from(done).ok()? < letters.len() {
        let smallest = letters.iter().copied().filter(|letter| *letter >= next).min()?;
        delta = delta.checked_add((smallest - next).checked_mul(done + 1)?)?;
        next = smallest;
        for letter in &letters {
            if *letter < next {
                delta = delta.checked_add(1)?;
            } else if *letter == next {
                append(delta, bias, &mut output)?;
                bias = adapted(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        next += 1;
    }
    Some(output)
}

const BASE: u32 = 36;

/// A number of variable length (RFC 3492 §3.3).
fn append(mut number: u32, bias: u32, output: &mut String) -> Option<()> {
    let mut place = BASE;
    loop {
        let threshold = place.saturating_sub(bias).clamp(1, 26);
        let (digit, last) = match number < threshold {
            true => (number, true),
            false => {
                let rest = number - threshold;
                number = rest / (BASE - threshold);
                (threshold + rest % (BASE - threshold), false)
            }
        };
        let letter = u8::try_from(digit).ok()?;
        output.push(char::from(if letter < 26 { b'a' + letter } else { b'0' + letter - 26 }));
        if last {
            return Some(());
        }
        place += BASE;
    }
}

/// RFC 3492 §3.4.
fn adapted(delta: u32, letters: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / letters;
    let mut bias = 0;
    while delta > 455 {
        delta /= BASE - 1;
        bias += BASE;
    }
    bias + BASE * delta / (delta + 38)
}
