//! Where we look from, in words.

use crate::model::vantage::{Vantage, Zone};

use super::text;

/// More addresses of our own than these are only counted.
const ADDRESSES_SHOWN: usize = 3;

/// `from the internet (198.51.100.10)`.
pub fn from(vantage: &Vantage) -> String {
    let zone = zone(vantage.zone);
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

/// Where one stands.
pub fn zone(zone: Zone) -> &'static str {
    match zone {
        Zone::Internet => "the internet",
        Zone::ExternalProxy => "the external proxy",
        Zone::Master => "a Master Node",
        Zone::Media => "a Media Node",
        Zone::OwnNode => "the node itself",
    }
}
