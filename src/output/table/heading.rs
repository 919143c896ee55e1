//! The first line: what was judged, by what, from where.

use std::io;

use crate::model::report::Report;
use crate::model::vantage::{Vantage, Zone};
use crate::output::page::Page;
use crate::output::text;

/// More addresses of our own than these are only counted.
const ADDRESSES_SHOWN: usize = 3;

pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let parts = [
        format!("ovcheck {}", report.tool_version),
        report.domain.to_string(),
        format!(
            "{}, {}, guide {}",
            report.topology, report.policy, report.edition
        ),
        from(&report.vantage),
        format!("{:.2} s", report.duration.as_secs_f64()),
    ];
    // Broken between its parts rather than inside them.
    let mut line = String::new();
    for part in parts {
        let joined = format!("{line} · {part}");
        if line.is_empty() {
            line = part;
        } else if text::columns(&joined) <= page.width() {
            line = joined;
        } else {
            page.hanging(&[], 0, &line)?;
            line = part;
        }
    }
    page.hanging(&[], 0, &line)
}

fn from(vantage: &Vantage) -> String {
    let zone = match vantage.zone {
        Zone::Internet => "the internet",
        Zone::ExternalProxy => "the external proxy",
        Zone::Master => "a Master Node",
        Zone::Media => "a Media Node",
        Zone::OwnNode => "the node itself",
    };
    let mut details = Vec::new();
    if vantage.name.is_some() {
        details.push(zone.to_owned());
    }
    if matches!(vantage.zone, Zone::Master | Zone::Media) {
        details.extend(vantage.stands_on.iter().map(ToString::to_string));
    }
    let shown = vantage.addresses.iter().take(ADDRESSES_SHOWN);
    details.extend(shown.map(ToString::to_string));
    if let Some(more @ 1..) = vantage.addresses.len().checked_sub(ADDRESSES_SHOWN) {
        details.push(format!("{more} more"));
    }
    let place = text::clean(vantage.name.as_deref().unwrap_or(zone));
    if details.is_empty() {
        return format!("from {place}");
    }
    format!("from {place} ({})", details.join(", "))
}
