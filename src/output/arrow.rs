//! A line of a configuration file, with an arrow to the words that are meant.

use crate::model::configuration::Location;
use crate::output::quote::of_file;
use crate::output::text::columns;

/// `nginx.conf:31:9`
pub fn place(at: &Location) -> String {
    format!("{}:{}:{}", of_file(&at.file), at.line, at.column)
}

/// The place, and below it the line with its arrow where the line may be shown and fits.
pub fn lines(at: &Location, width: usize) -> Vec<String> {
    let mut lines = vec![place(at)];
    let Some(text) = &at.text else { return lines };
    let text = of_file(text);
    // A tab is one character, and shown as one.
    let before: String = text.chars().take(at.column.saturating_sub(1) as usize).collect();
    let meant: String = text.chars().skip(before.chars().count()).take(at.width as usize).collect();
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let arrow = format!("{}{}", " ".repeat(columns(&before)), "^".repeat(columns(&meant).max(1)));
    let is_too_wide = columns(&text) + number.len() + 7 > width;
    let is_cut = at.column as usize > text.chars().count();
    if !is_cut && !is_too_wide {
        lines.push(format!("  {number} │ {text}"));
        lines.push(format!("  {margin} │ {arrow}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::ServerText;

    fn location(text: Option<&str>) -> Location {
        Location {
            file: ServerText::new("/etc/nginx/nginx.conf"),
            line: 31,
            column: 9,
            width: 14,
            text: text.map(ServerText::new),
        }
    }

    #[test]
    fn the_arrow_points_to_the_words() {
        let drawn = lines(&location(Some("        proxy_protocol on;")), 80);
        let expected = [
            "/etc/nginx/nginx.conf:31:9",
            "  31 │         proxy_protocol on;",
            "     │         ^^^^^^^^^^^^^^",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_line_with_a_secret_or_too_long_a_line_is_named_only() {
        assert_eq!(lines(&location(None), 80), ["/etc/nginx/nginx.conf:31:9"]);
        let long = format!("        proxy_protocol on; # {}", "x".repeat(70));
        assert_eq!(lines(&location(Some(&long)), 80), ["/etc/nginx/nginx.conf:31:9"]);
    }
}
