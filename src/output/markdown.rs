//! The report as Markdown: for a ticket, and for the summary of a pipeline step.
//!
//! A text that may hold words of a server is a code span: there it is no link, no mention, no reference
//! and no markup. The texts of the rules are escaped.

use std::io::{self, Write};

use super::log_safe;
use super::shown::{
    Group, PlacesWithRemedy, SeenAt, ShownCall, ShownNodeWay, ShownReport, ShownStep,
    ShownWaiverUse, in_one_line,
};
use super::text::{counted, list, one_line};
use super::words::remedies::machine_words;

/// The most groups of violations, and of undecided checks, that are told in full. GitHub takes 1 MiB.
const MOST_GROUPS: usize = 60;
/// The most places of one group.
const MOST_PLACES: usize = 12;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    heading(report, out)?;
    violations(report, out)?;
    waivers(report, out)?;
    call(report, out)?;
    undecided(report, out)?;
    not_tested(report, out)?;
    passed(report, out)
}

fn heading(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let result = report.summary.result.words();
    writeln!(out, "# ovcheck: {result}, {}\n", escaped(&report.deployment.domain))?;
    if let Some(partial) = report.partial() {
        writeln!(out, "> **Partial report.** {partial}\n")?;
    }
    let ruleset = report.ruleset.digest.get(..19).unwrap_or(&report.ruleset.digest);
    let rows = [
        ("Result", format!("{}, exit status {}", report.numbers(), report.summary.exit_code)),
        ("Deployment", report.deployment_words()),
        ("Checked from", report.vantage_words()),
        ("Started", format!("{}, {}", report.run.started_at, report.duration_words())),
        ("Coverage", report.summary.coverage.to_string()),
        ("Made by", format!("ovcheck {}, ruleset {ruleset}", report.tool.version)),
    ];
    writeln!(out, "| | |\n| --- | --- |")?;
    for (label, text) in rows {
        writeln!(out, "| {label} | {} |", escaped(&text))?;
    }
    writeln!(out)?;
    let settings = report.settings();
    settings.iter().try_for_each(|line| writeln!(out, "- {}", escaped(line)))?;
    if settings.is_empty() { Ok(()) } else { writeln!(out) }
}

fn violations(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let groups = report.violations();
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Violations\n")?;
    for group in groups.iter().take(MOST_GROUPS) {
        violation(report, group, out)?;
    }
    the_rest(groups.len(), "violation", out)
}

fn violation(report: &ShownReport, group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    let finding = group.first();
    writeln!(out, "### {}: {}\n", escaped(&finding.rule), escaped(&finding.title))?;
    let waits = if report.fails_the_run(finding) { "" } else { "; does not fail the run" };
    writeln!(out, "- **Verdict:** {}{waits}", finding.verdict_words())?;
    if let Some(waived) = &finding.waiver {
        writeln!(out, "- **Waiver:** {}", escaped(&waived.by.words()))?;
    }
    if finding.expected != finding.title {
        writeln!(out, "- **Expected:** {}", escaped(&finding.expected))?;
    }
    places("Seen", &group.seen(), out)?;
    if let Some(means) = &finding.means {
        writeln!(out, "- **Means:** {}", escaped(means))?;
    }
    writeln!(out)?;
    let remedies = group.remedies();
    for remedy in remedies.iter().take(MOST_PLACES) {
        remedy_steps(report, remedy, remedies.len() > 1, out)?;
    }
    the_rest_of(remedies.len(), MOST_PLACES, "remedy for other places", out)
}

fn remedy_steps(
    report: &ShownReport,
    PlacesWithRemedy { places, nodes, remedy }: &PlacesWithRemedy<'_>,
    is_one_of_many: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if is_one_of_many {
        writeln!(out, "**Remedy** for {}:\n", code(&list(places)))?;
    } else {
        writeln!(out, "**Remedy:**\n")?;
    }
    for step in &remedy.steps {
        match step {
            ShownStep::Say { text } => writeln!(out, "{}\n", escaped(text))?,
            ShownStep::Run { on, commands } => {
                let machine = machine_words(*on, report.deployment.topology, nodes);
                writeln!(out, "On {}:\n", escaped(&machine))?;
                block("sh", &commands.join("\n"), out)?;
            }
            ShownStep::Edit { place, lines } => {
                writeln!(out, "{}:\n", escaped(place))?;
                block("diff", &lines.join("\n"), out)?;
            }
            ShownStep::Show { place, lines } => {
                writeln!(out, "In {}:\n", escaped(place))?;
                block("text", &lines.join("\n"), out)?;
            }
        }
    }
    Ok(())
}

/// The waivers that need attention.
fn waivers(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let notes: Vec<String> = report.waivers.iter().filter_map(ShownWaiverUse::note).collect();
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Waivers\n")?;
    notes.iter().try_for_each(|note| writeln!(out, "- {}", escaped(note)))?;
    writeln!(out)
}

fn call(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let Some(call) = &report.call else { return Ok(()) };
    let answer =
        if call.join.state.works() { escaped(&call.answer()) } else { code(&call.answer()) };
    writeln!(out, "## Call\n\n{answer}\n")?;
    if !call.join.state.works() {
        return Ok(());
    }
    writeln!(out, "| Media path | Place | State |\n| --- | --- | --- |")?;
    for way in &call.ways {
        let place = way.shown_contact().map(|contact| cell(&contact.place())).unwrap_or_default();
        writeln!(out, "| {} | {place} | {} |", way.name(), cell(&way.state_words()))?;
    }
    writeln!(out)?;
    call_by_node(call, out)?;
    for cause in &call.causes {
        let sure = if cause.certain { "certain" } else { "likely" };
        let name = escaped(&cause.cause.replace('_', " "));
        writeln!(out, "- Cause ({sure}): {name}: {}", code(&in_one_line(&cause.shown_by)))?;
    }
    if call.causes.is_empty() { Ok(()) } else { writeln!(out) }
}

/// The media paths by Media Node.
fn call_by_node(call: &ShownCall, out: &mut dyn Write) -> io::Result<()> {
    let nodes = call.compared_nodes();
    if nodes.is_empty() {
        return Ok(());
    }
    write!(out, "| Media Node |")?;
    call.ways.iter().try_for_each(|way| write!(out, " {} |", way.name()))?;
    writeln!(out, "\n| --- |{}", " --- |".repeat(call.ways.len()))?;
    for node in nodes {
        write!(out, "| {} |", cell(&node.name()))?;
        for way in &call.ways {
            let of_node = node.ways.iter().find(|it| it.way == way.way);
            let words = of_node.map_or("not tested".to_owned(), ShownNodeWay::short);
            write!(out, " {} |", cell(&words))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn undecided(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let groups = report.undecided();
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Not decided\n")?;
    for group in groups.iter().take(MOST_GROUPS) {
        let finding = group.first();
        writeln!(out, "- **{}** ({})", escaped(&finding.rule), finding.verdict_words())?;
        for at in group.seen().iter().take(MOST_PLACES) {
            writeln!(out, "  - {}: {}", code(&at.where_words()), code(&in_one_line(at.observed)))?;
        }
        if let Some(more @ 1..) = group.seen().len().checked_sub(MOST_PLACES) {
            writeln!(out, "  - and {}", counted(more, "more place"))?;
        }
    }
    writeln!(out)?;
    the_rest(groups.len(), "undecided check", out)
}

fn not_tested(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    if report.not_tested.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Not tested\n")?;
    for item in report.not_tested.iter().take(MOST_GROUPS) {
        let flag = item.flag.as_ref().map(|flag| format!("; try {}", code(flag)));
        let (what, why) = (escaped(&item.what), escaped(&item.why));
        writeln!(out, "- {what} ({why}{})", flag.unwrap_or_default())?;
    }
    writeln!(out)?;
    the_rest(report.not_tested.len(), "item", out)
}

fn passed(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let families = report.passed_by_family();
    writeln!(out, "## Passed\n")?;
    if families.is_empty() {
        return writeln!(out, "No check passed.");
    }
    let families: Vec<String> =
        families.iter().map(|(family, number)| format!("{family} {number}")).collect();
    writeln!(out, "{}.", escaped(&families.join(", ")))
}

/// The places of a group with what was seen there: one line, or a list.
fn places(label: &str, seen: &[SeenAt<'_>], out: &mut dyn Write) -> io::Result<()> {
    if let [at] = seen {
        return writeln!(
            out,
            "- **{label}:** {}: {}",
            code(&at.where_words()),
            code(&in_one_line(at.observed))
        );
    }
    writeln!(out, "- **{label}:**")?;
    for at in seen.iter().take(MOST_PLACES) {
        writeln!(out, "  - {}: {}", code(&at.where_words()), code(&in_one_line(at.observed)))?;
    }
    match seen.len().checked_sub(MOST_PLACES) {
        Some(more @ 1..) => writeln!(out, "  - and {}", counted(more, "more place")),
        Some(0) | None => Ok(()),
    }
}

fn the_rest(all: usize, word: &str, out: &mut dyn Write) -> io::Result<()> {
    the_rest_of(all, MOST_GROUPS, word, out)
}

/// Says how many are left out: nothing is dropped without a word.
fn the_rest_of(all: usize, shown: usize, word: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.checked_sub(shown) {
        Some(more @ 1..) => {
            writeln!(out, "And {more} more ({word}); the JSON report lists all of them.\n")
        }
        Some(0) | None => Ok(()),
    }
}

/// A block of code whose fence is longer than every row of backticks in it.
fn block(language: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = &log_safe::text(text);
    let fence = "`".repeat(longest_row_of_backticks(text).max(2) + 1);
    writeln!(out, "{fence}{language}\n{text}\n{fence}\n")
}

/// A code span.
fn code(text: &str) -> String {
    let text = log_safe::text(&one_line(text));
    if text.is_empty() {
        return String::new();
    }
    let marks = "`".repeat(longest_row_of_backticks(&text) + 1);
    // A blank beside a backtick belongs to the marks; the reader takes it out.
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{marks}{gap}{text}{gap}{marks}")
}

/// A code span in a cell of a table, where `|` would end the cell.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn longest_row_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text on one line, without markup (CommonMark §2.4) and without a command to the agent of a pipeline.
fn escaped(text: &str) -> String {
    let text = one_line(text);
    let mut escaped = String::with_capacity(text.len());
    if text.starts_with("::") {
        escaped.push('\\');
    }
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '$' | '&')
        {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_holds_whatever_a_server_says() {
        assert_eq!(code("HTTP 404"), "`HTTP 404`");
        assert_eq!(code("a `b` @team"), "``a `b` @team``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\n# b"), "`a # b`");
        assert_eq!(cell("a|b"), "`a\\|b`");
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("<b> *a* [x](y) #1"), "\\<b\\> \\*a\\* \\[x\\](y) \\#1");
        assert_eq!(escaped("::error::a\n::b"), "\\::error::a ::b");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        let mut out = Vec::new();
        block("sh", "echo '````'", &mut out).unwrap();
        assert!(out.starts_with(b"`````sh\n"));
    }
}
